"""Whether an order that has left is shown whole, where its answer is all that we know of it."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.carry_over import DESTINATION
from mappings.keys import line_item_key
from mappings.plans import Package
from mappings.shown_whole import is_short_of_packed, may_be_short, shows_destination
from tests.mappings.builders import ORDER_ID, package

SHIP_TO = {
    "name": "Ann Lee",
    "street1": "1 Main St",
    "street2": None,
    "city": "Austin",
    "postalCode": "",
    "country": "US",
}


def shown(units: dict[int, int], **more: Any) -> Any:
    items = [{"lineItemKey": line_item_key(ORDER_ID, line), "quantity": count} for line, count in units.items()]
    return {"orderKey": package().order_key, "orderStatus": "shipped", "items": items, "shipTo": SHIP_TO, **more}


@pytest.mark.parametrize(
    ("units", "packages", "is_short"),
    [
        pytest.param({7: 2, 8: 1}, [package("s1", {7: 2, 8: 1})], False, id="all of it"),
        pytest.param({7: 2, 8: 1}, [package("s1", {7: 1})], False, id="a part of it"),
        pytest.param({8: 1}, [package("s1", {7: 2, 8: 1})], True, id="a line is not shown"),
        pytest.param({7: 2}, [package("s1", {7: 1}), package("s2", {7: 2})], True, id="more in two packages"),
        pytest.param({8: 1}, [package("s1", {7: 2}, voided=True)], False, id="voided: a person may have taken it out"),
        pytest.param({8: 1}, [package("s1", {7: 2}, n=2)], False, id="of another order"),
        pytest.param({8: 1}, [package("f1", None)], False, id="nobody knows what is in it"),
    ],
)  # fmt: skip
def test_an_order_holds_what_its_packages_hold(units: dict[int, int], packages: list[Package], is_short: bool) -> None:
    assert is_short_of_packed(shown(units), packages) is is_short


@pytest.mark.parametrize("part", sorted(DESTINATION))
def test_an_address_is_shown_with_all_its_parts(part: str) -> None:
    assert shows_destination(shown({}))
    assert not shows_destination(shown({}, shipTo={name: value for name, value in SHIP_TO.items() if name != part}))


OPEN: dict[str, Any] = {
    "orderStatus": "awaiting_shipment",
    "advancedOptions": {"mergedOrSplit": False, "parentId": None, "storeId": 1},
}


@pytest.mark.parametrize(
    ("seen", "is_short"),
    [
        pytest.param({}, False, id="as we wrote it"),
        pytest.param({"items": shown({7: 1})["items"]}, True, id="a row less"),
        pytest.param({"items": shown({7: 1, 8: 1})["items"]}, False, id="a unit less: the warehouse's hand"),
        pytest.param({"shipTo": {**SHIP_TO, "city": None}}, False, id="nothing in a member"),
        pytest.param({"shipTo": None}, True, id="null instead of an address"),
        pytest.param({"items": [{"lineItemKey": one["lineItemKey"]} for one in shown({7: 2, 8: 1})["items"]]}, True, id="a member of a row less"),
        pytest.param({"advancedOptions": {"storeId": 1}}, True, id="no word of groups"),
        pytest.param({"advancedOptions": {"mergedOrSplit": None}, "shipTo": None}, False, id="an API that leaves out more"),
        pytest.param({"orderStatus": "shipped", "items": []}, False, id="nothing is written over what left"),
    ],
)  # fmt: skip
def test_what_seems_to_lack_something_of_ours(seen: dict[str, Any], is_short: bool) -> None:
    ours = shown({7: 2, 8: 1}, **OPEN)
    observed: Any = {**ours, **seen}
    assert may_be_short(observed, ours) is is_short


def test_an_order_of_which_we_know_nothing_lacks_nothing() -> None:
    assert not may_be_short(None, shown({}, **OPEN))
    assert not may_be_short(shown({}, **OPEN), None)
