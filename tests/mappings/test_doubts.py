from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from mappings.causes import Cause
from mappings.plan_orders import plan_order
from mappings.plans import FACTS, Plan, Profile, UpsertOrder
from mappings.shopify_shapes import LineItem, OrderToShip
from tests.mappings.builders import NOW, PROFILE, address, fulfillment_order, line, order

NO_WEIGHT = order([line(7001, 2, weight=None), line(7002)])
CHINESE = order(shippingAddress=address(name="\u674e\u5c0f\u9f8d"))
TO_CANADA = address(countryCodeV2="CA", provinceCode="ON", zip="K1A 0B1")
DAP = [fulfillment_order(1, internationalDuties={"incoterm": "DAP"})]


def declared(code: str | None, origin: str | None) -> LineItem:
    stock = {"harmonizedSystemCode": code, "countryCodeOfOrigin": origin}
    return line(variant={"id": "gid://shopify/ProductVariant/1", "barcode": None, "inventoryItem": stock})


ABROAD = order([declared(None, "US")], DAP, shippingAddress=TO_CANADA)

CASES = [
    pytest.param(NO_WEIGHT, {"missing_weight": "hold"}, Cause.MISSING_WEIGHT, "1 items without weight", id="weight"),
    pytest.param(CHINESE, {"non_roman": "hold"}, Cause.NON_ROMAN_ADDRESS, "address in another script", id="script"),
    pytest.param(
        ABROAD, {"incomplete_customs": "hold"}, Cause.CUSTOMS_INCOMPLETE, "1 items not fit for customs", id="customs"
    ),
]


def planned(of: OrderToShip, profile: Profile = PROFILE, waived: frozenset[Cause] = frozenset()) -> Plan:
    return plan_order(profile, of, [], [], {}, NOW, waived)


@pytest.mark.parametrize(("of", "policy", "cause", "words"), CASES)
def test_a_doubtful_order_is_sent_and_flagged_or_held_until_a_person_releases_it(
    of: OrderToShip, policy: dict[str, str], cause: Cause, words: str
) -> None:
    sent = planned(of)
    assert (sent.cause, words in sent.detail) == (Cause.QUEUED, True)
    held = replace(PROFILE, **policy)  # type: ignore[arg-type]
    assert (planned(of, held).cause, planned(of, held).steps, words in planned(of, held).detail) == (cause, (), True)
    assert planned(of, held, waived=FACTS).cause is Cause.QUEUED


def test_a_default_weight_stands_in_for_none() -> None:
    plan = planned(NO_WEIGHT, replace(PROFILE, missing_weight="hold", default_grams=Decimal(250)))
    (step,) = plan.steps
    assert isinstance(step, UpsertOrder)
    assert step.document["weight"] == {"value": Decimal(850), "units": "grams"}
    assert [item["weight"] for item in step.document["items"]] == [
        {"value": Decimal(250), "units": "grams"},
        {"value": Decimal(350), "units": "grams"},
    ]


def test_goods_declared_in_full_raise_no_doubt_and_the_incoterm_is_told() -> None:
    plan = planned(order([declared("691110", "CN")], DAP, shippingAddress=TO_CANADA))
    (step,) = plan.steps
    assert isinstance(step, UpsertOrder)
    assert plan.detail == ""
    assert step.document["internalNotes"] == "Incoterm: DAP"
