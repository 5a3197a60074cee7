from __future__ import annotations

from dataclasses import replace

import pytest
from anyascii import anyascii

from mappings.carry_over import same_destination
from mappings.causes import Cause
from mappings.plan_orders import plan_order
from mappings.plans import UpsertOrder
from mappings.scripts import as_written, in_latin
from mappings.shipstation_shapes import Order
from mappings.shopify_shapes import MailingAddress
from tests.mappings.builders import NOW, PROFILE, address, order

TOKYO = address(
    name="\u674e \u5c0f\u9f8d", address1="\u6771\u4eac\u90fd 4-2-8", city="Tokyo", countryCodeV2="JP", zip="105-0011"
)
LATIN = replace(PROFILE, to_latin=anyascii)


@pytest.mark.parametrize(
    ("written", "latin"),
    [
        pytest.param("\u674e\u5c0f\u9f99", "Li Xiao Long", id="Chinese"),
        pytest.param("\u3072\u3089\u304c\u306a \u30ab\u30ca", "hiragana kana", id="kana"),
        pytest.param(
            "\u0443\u043b. \u041b\u0435\u043d\u0438\u043d\u0430, \u043a\u0432. 5", "ul. Lenina, kv. 5", id="Cyrillic"
        ),
        pytest.param("\u0391\u03b8\u03ae\u03bd\u03b1", "Athina", id="Greek"),
        pytest.param("\u0939\u093f\u0928\u094d\u0926\u0940", "hindi", id="signs above and below letters"),
        pytest.param("\u0634\u0627\u0631\u0639 \u0663", "shr` 3", id="digits of the script"),
        pytest.param("Caf\u00e9 \u041c\u0438\u0440", "Caf\u00e9 Mir", id="accents stay"),
        pytest.param("Stra\u00dfe \u2116 5", "Stra\u00dfe \u2116 5", id="nothing foreign, nothing touched"),
    ],
)
def test_only_another_script_is_written_in_latin_letters(written: str, latin: str) -> None:
    assert in_latin(address(address1=written), anyascii)["address1"] == latin


def document(of: MailingAddress) -> Order:
    (step,) = plan_order(LATIN, order(shippingAddress=of), [], [], {}, NOW).steps
    assert isinstance(step, UpsertOrder)
    return step.document


def test_the_address_as_it_was_written_stands_in_the_internal_notes() -> None:
    made = document(TOKYO)
    assert (made["shipTo"]["name"], made["shipTo"].get("street1")) == ("Li Xiao Long", "Dong Jing Dou 4-2-8")
    assert made["internalNotes"] == f"Address as written: {TOKYO['name']}, {TOKYO['address1']}"
    assert document(address())["internalNotes"] is None


def test_a_transliterated_address_is_flagged_and_not_held() -> None:
    plan = plan_order(replace(LATIN, non_roman="hold"), order(shippingAddress=TOKYO), [], [], {}, NOW)
    assert (plan.cause, "address transliterated" in plan.detail) == (Cause.QUEUED, True)


def test_long_lines_are_broken_after_they_were_transliterated() -> None:
    made = document(address(address1="\u6771\u4eac" * 12, address2=None))
    to = made["shipTo"]
    lines = [line for line in (to.get("street1"), to.get("street2"), to.get("street3")) if line]
    assert max(map(len, lines)) <= 50
    assert " ".join(lines) == " ".join(["Dong Jing"] * 12)


def test_another_script_is_not_another_destination() -> None:
    before = plan_order(PROFILE, order(shippingAddress=TOKYO), [], [], {}, NOW).steps[0]
    assert isinstance(before, UpsertOrder)
    assert same_destination(before.document, document(TOKYO))
    assert not same_destination(before.document, document({**TOKYO, "zip": "105-0012"}))


def test_what_is_in_latin_letters_needs_no_second_spelling() -> None:
    assert as_written(address(city="M\u00fcnchen")) is None
    assert as_written(None) is None
