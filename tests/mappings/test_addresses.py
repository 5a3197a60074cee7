# ruff: noqa: RUF001 - letters of other scripts are the point
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.addresses import (
    LONGEST_LINE,
    is_military,
    is_non_roman,
    is_po_box,
    missing_parts,
    shipstation_address,
    street_lines,
)
from mappings.shopify_shapes import MailingAddress
from mappings.text import clean_lines, clean_text
from tests.mappings.builders import address

LONG = "Building 12 of the Old Harbour Storage and Logistics Park, Gate 4, Second Floor, Left Hand Side, in the Yard Behind"


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        pytest.param("  Ann \t\n Lee\u00a0 ", "Ann Lee", id="blanks"),
        pytest.param("Zoe\u0308 O\u2019Neil", "Zo\u00eb O\u2019Neil", id="composed, apostrophe kept"),
        pytest.param("Ann \U0001f469\u200d\U0001f680 Lee \u2764\ufe0f", "Ann Lee", id="emoji with joiner"),
        pytest.param("\u202eevil\u202c\u0000\u0007", "evil", id="direction and control"),
        pytest.param("שרה \u200fכהן", "שרה כהן", id="hebrew"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="persian joiner kept"),
        pytest.param("№ 5 § 3, 2º piso", "№ 5 § 3, 2º piso", id="signs that addresses use"),
        pytest.param("李小龍", "李小龍", id="chinese"),
        pytest.param(None, "", id="none"),
    ],
)
def test_clean_text(dirty: str | None, clean: str) -> None:
    assert clean_text(dirty) == clean


@given(st.text())
def test_cleaning_is_settled_after_one_go_and_keeps_letters_and_digits(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean
    kept = "".join(char for char in text if char.isascii() and char.isalnum())
    assert "".join(char for char in clean if char.isascii() and char.isalnum()) == kept


def test_notes_keep_their_lines() -> None:
    assert clean_lines("Ring twice \r\n\tthen wait\n") == "Ring twice\nthen wait"


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        pytest.param({}, "Megan Alderton", id="name"),
        pytest.param({"name": " "}, "Megan Alderton", id="first and last"),
        pytest.param({"name": None, "firstName": None, "lastName": "Lee"}, "Lee", id="last alone"),
        pytest.param(
            {"name": None, "firstName": None, "lastName": None, "company": "Northfield"}, "Northfield", id="company"
        ),
        pytest.param({"name": "\U0001f600", "firstName": "", "lastName": None}, "Customer", id="nothing readable"),
    ],
)
def test_the_name_is_never_empty(parts: dict[str, str | None], name: str) -> None:
    assert shipstation_address(address(**parts))["name"] == name


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(["118 Linden Avenue", ""], ("118 Linden Avenue", None, None), id="short"),
        pytest.param(["", "Apt 4"], ("Apt 4", None, None), id="second only"),
        pytest.param(
            [LONG, "Apt 4"],
            (
                "Building 12 of the Old Harbour Storage and",
                "Logistics Park, Gate 4, Second Floor, Left Hand",
                "Side, in the Yard Behind Apt 4",
            ),
            id="words flow on",
        ),
        pytest.param(["x" * 80, "Apt 4"], ("x" * 80, "Apt 4", None), id="one long word stays whole"),
    ],
)
def test_street_lines(parts: list[str], expected: tuple[str | None, ...]) -> None:
    assert street_lines(*parts) == expected


@given(st.lists(st.text(alphabet="ab 1", max_size=200), min_size=2, max_size=2))
def test_no_word_of_a_street_is_lost(parts: list[str]) -> None:
    lines = [line for line in street_lines(*parts) if line]
    assert " ".join(lines).split() == " ".join(parts).split()
    assert all(len(line) <= LONGEST_LINE or " " not in line for line in lines[:2])


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        pytest.param({}, (), id="complete"),
        pytest.param({"address1": " ", "city": None}, ("street1", "city"), id="no street, no city"),
        pytest.param({"address1": None, "address2": "Apt 4"}, (), id="street in the second line"),
        pytest.param({"zip": None}, ("postalCode",), id="no zip in the US"),
        pytest.param({"zip": None, "countryCodeV2": "AE"}, (), id="no zip in the Emirates"),
        pytest.param({"zip": "", "city": "", "countryCodeV2": "HK"}, (), id="Hong Kong has neither"),
        pytest.param({"countryCodeV2": None}, ("country",), id="no country"),
        pytest.param({"countryCodeV2": "USA"}, ("country",), id="three letters"),
    ],
)
def test_missing_parts(parts: dict[str, str | None], missing: tuple[str, ...]) -> None:
    assert missing_parts(shipstation_address(address(**parts))) == missing


def test_an_address_that_may_not_be_read_lacks_everything_but_the_stand_in_name() -> None:
    assert missing_parts(shipstation_address(None)) == ("street1", "city", "country")


def test_province_code_before_province_and_the_order_phone_as_last_resort() -> None:
    whole = shipstation_address(address(provinceCode=None, province="Sarawak", countryCodeV2="my"), "+60 1")
    assert (whole["state"], whole["country"], whole["phone"]) == ("Sarawak", "MY", "+60 1")


def test_real_addresses_come_through(shared: Path) -> None:
    seen = 0
    for file in sorted((shared / "payloads" / "shopify-orders").glob("*.json")):
        for body in _orders(json.loads(file.read_text())):
            rest = body.get("shipping_address")
            if isinstance(rest, dict):
                seen += 1
                whole = shipstation_address(_mailing(rest))
                streets = " ".join(whole[part] or "" for part in ("street1", "street2", "street3"))
                assert whole["name"]
                assert (
                    streets.split() == clean_text(f"{rest.get('address1') or ''} {rest.get('address2') or ''}").split()
                )
    assert seen > 20


def _orders(body: Any) -> list[dict[str, Any]]:
    if isinstance(body, list):
        return [one for item in body for one in _orders(item)]
    return [cast(dict[str, Any], body.get("order", body))]


def _mailing(rest: dict[str, Any]) -> MailingAddress:
    names = {
        "firstName": "first_name",
        "lastName": "last_name",
        "provinceCode": "province_code",
        "countryCodeV2": "country_code",
    }
    fields = MailingAddress.__annotations__
    return cast(MailingAddress, {field: rest.get(names.get(field, field)) for field in fields})


@pytest.mark.parametrize(
    ("line", "is_box"),
    [
        ("PO Box 12", True),
        ("P.O. Box #4411", True),
        ("p o box 7", True),
        ("P.O.B. 77", True),
        ("POBOX 9", True),
        ("Post Office Box 9", True),
        ("Postal Box 9", True),
        ("Postfach 10 02 33", True),
        ("Packstation 145", True),
        ("Apartado 1234", True),
        ("Apartado Postal 12", True),
        ("Case postale 44", True),
        ("Postbus 85", True),
        ("Locked Bag 1797", True),
        ("Box 123", True),
        ("BP 90", True),
        ("12 Post Office Road", False),
        ("Postfachstraße 1", False),
        ("4 Box Hill", False),
        ("Boxford 12", False),
        ("118 Linden Avenue", False),
        (None, False),
    ],
)
def test_post_office_boxes(line: str | None, is_box: bool) -> None:
    assert is_po_box(address(address1=line)) is is_box
    assert is_po_box(address(address2=line)) is is_box


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ({"city": "APO", "provinceCode": "AE", "zip": "09009"}, True),
        ({"city": "F.P.O.", "provinceCode": None}, True),
        ({"city": "dpo"}, True),
        ({"provinceCode": "AP"}, True),
        ({"countryCodeV2": "GB", "address2": "BFPO 58", "provinceCode": None}, True),
        ({"countryCodeV2": "GB", "zip": "BF1 4AA", "provinceCode": None}, True),
        ({"countryCodeV2": "BR", "provinceCode": "AP"}, False),
        ({}, False),
    ],
)
def test_military_mail(parts: dict[str, Any], answer: bool) -> None:
    assert is_military(address(**parts)) is answer
    assert not is_military(None)


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ({"name": "Zoë Łukasz Đorđe", "city": "Århus"}, False),
        ({"address1": "2º piso, № 5", "city": "São Paulo"}, False),
        ({"name": "李小龍"}, True),
        ({"city": "Москва"}, True),
        ({"address1": "Οδός 5"}, True),
    ],
)
def test_letters_of_other_scripts_are_seen(parts: dict[str, Any], answer: bool) -> None:
    assert is_non_roman(shipstation_address(address(**parts))) is answer
