"""Stock in the Shopify sandbox: what sales, fulfillments, refunds and writes do to levels, and how a write is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.shopify_caller import Caller, gid

PLACE, OTHER = 82734627, 82734628
LEVELS = """query($id: ID!, $after: String) { location(id: $id) { inventoryLevels(first: 2, after: $after) {
  pageInfo { hasNextPage endCursor }
  nodes { id item { id sku tracked } quantities(names: ["available", "committed", "on_hand"]) { name quantity } } } } }"""
SET = """mutation($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id reason changes { name delta quantityAfterChange } }
    userErrors { field code message } } }"""


def levels(caller: Caller, sku: str = "MUG") -> tuple[int, int, int]:
    """On hand, committed, available at the first location."""
    found = caller.world.control("state", {})["shops"]["main-shop.myshopify.com"]["inventory"]
    row = next(one for one in found if one["sku"] == sku and one["locationId"] == PLACE)
    return row["onHand"], row["committed"], row["available"]


def wish(item: int, quantity: int, compared: int | None, place: int = PLACE) -> dict[str, Any]:
    return {
        "inventoryItemId": gid("InventoryItem", item),
        "locationId": gid("Location", place),
        "quantity": quantity,
        "changeFromQuantity": compared,
    }


def set_levels(caller: Caller, *wishes: dict[str, Any], key: str = "k1", name: str = "on_hand", **more: Any) -> Any:
    fields = {"name": name, "reason": "correction", "quantities": list(wishes)} | more
    return caller.data(SET, input=fields, key=key)["inventorySetQuantities"]


def codes(payload: Any) -> list[str]:
    return [one["code"] for one in payload["userErrors"]]


@pytest.fixture
def caller() -> Caller:
    return Caller()


@pytest.fixture
def item(caller: Caller) -> int:
    """The inventory item of the first article, of which ten were counted."""
    return int(caller.world.control("count", {"sku": "MUG", "on_hand": 10}))


def test_a_sale_commits_and_a_fulfillment_takes_off_the_shelf(caller: Caller, item: int) -> None:
    order_id = sold(caller, item, 3)
    assert levels(caller) == (10, 3, 7)
    made = caller.fulfill(order_id)
    assert levels(caller) == (7, 0, 7)
    caller.world.control("cancel_fulfillment", {"fulfillment_id": int(made["fulfillment"]["id"].rpartition("/")[2])})
    assert levels(caller) == (10, 3, 7)


def test_a_cancelled_order_gives_back_what_it_held(caller: Caller, item: int) -> None:
    order_id = sold(caller, item, 3)
    caller.world.control("cancel", {"order": order_id})
    assert levels(caller) == (10, 0, 10)


@pytest.mark.parametrize(("restock_type", "after"), [("CANCEL", (10, 2, 8)), ("NO_RESTOCK", (9, 2, 7))])
def test_a_refund_before_the_shipment_puts_back_only_what_is_restocked(
    caller: Caller, item: int, restock_type: str, after: tuple[int, int, int]
) -> None:
    order_id = sold(caller, item, 3)
    line_id = caller.order(order_id)["lines"][0]["id"]
    caller.world.control("refund", {"order": order_id, "lines": {line_id: 1}, "restock_type": restock_type})
    assert levels(caller) == after


def test_returned_goods_are_on_the_shelf_again(caller: Caller, item: int) -> None:
    order_id = sold(caller, item, 3)
    caller.fulfill(order_id)
    line_id = caller.order(order_id)["lines"][0]["id"]
    caller.world.control("refund", {"order": order_id, "lines": {line_id: 2}, "restock_type": "RETURN"})
    assert levels(caller) == (9, 0, 9)


def test_the_levels_of_a_location_come_in_pages(caller: Caller, item: int) -> None:
    for sku in ("A", "B"):
        caller.world.control("count", {"sku": sku, "on_hand": 4})
    first = caller.data(LEVELS, id=gid("Location", PLACE))["location"]["inventoryLevels"]
    rest = caller.data(LEVELS, id=gid("Location", PLACE), after=first["pageInfo"]["endCursor"])
    rest = rest["location"]["inventoryLevels"]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert [one["item"]["sku"] for one in first["nodes"] + rest["nodes"]] == ["MUG", "A", "B"]
    assert [one["quantity"] for one in first["nodes"][0]["quantities"]] == [10, 0, 10]


def test_a_write_that_was_computed_from_another_level_changes_nothing(caller: Caller, item: int) -> None:
    other = int(caller.world.control("count", {"sku": "A", "on_hand": 4}))
    assert codes(set_levels(caller, wish(other, 9, 4), wish(item, 8, 11))) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert (levels(caller), levels(caller, "A")) == ((10, 0, 10), (4, 0, 4))
    payload = set_levels(caller, wish(other, 9, 4), wish(item, 8, 10), key="k2")
    assert [one["delta"] for one in payload["inventoryAdjustmentGroup"]["changes"]] == [5, -2]
    assert (levels(caller), levels(caller, "A")) == ((8, 0, 8), (9, 0, 9))


def test_available_is_set_beside_what_is_committed(caller: Caller, item: int) -> None:
    sold(caller, item, 3)
    set_levels(caller, wish(item, 5, 7), name="available")
    assert levels(caller) == (8, 3, 5)


def test_a_key_does_its_work_once_and_belongs_to_one_input(caller: Caller, item: int) -> None:
    first = set_levels(caller, wish(item, 8, 10))
    set_levels(caller, wish(item, 10, 8), key="k2")
    assert set_levels(caller, wish(item, 8, 10)) == first
    assert levels(caller) == (10, 0, 10)
    assert codes(set_levels(caller, wish(item, 9, 10))) == ["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"]
    assert codes(set_levels(caller, wish(item, 9, 3), key="k3")) == ["CHANGE_FROM_QUANTITY_STALE"]
    assert codes(set_levels(caller, wish(item, 9, 3), key="k3")) == ["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"]
    caller.wait(24 * 3600)
    assert codes(set_levels(caller, wish(item, 8, 10))) == []
    assert levels(caller) == (8, 0, 8)


def test_key_and_comparison_are_demanded(caller: Caller, item: int) -> None:
    fields = {"name": "on_hand", "reason": "correction", "quantities": [wish(item, 8, 10)]}
    bare = SET.replace(" @idempotent(key: $key)", "").replace(", $key: String!", "")
    (error,) = caller.ask(bare, input=fields)["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    del fields["quantities"][0]["changeFromQuantity"]  # type: ignore[attr-defined]
    (error,) = caller.ask(SET, input=fields, key="k1")["errors"]
    assert error["extensions"]["code"] == "INVALID_FIELD_ARGUMENTS"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "committed"}, "INVALID_NAME"),
        ({"reason": "because"}, "INVALID_REASON"),
        ({"quantities": [wish(4711, 1, None)]}, "INVALID_INVENTORY_ITEM"),
    ],
)
def test_refusals_have_their_recorded_codes(caller: Caller, item: int, changes: dict[str, Any], code: str) -> None:
    assert codes(set_levels(caller, wish(item, 1, None), **changes)) == [code]


def test_places_quantities_and_twins_are_checked(caller: Caller, item: int) -> None:
    assert codes(set_levels(caller, wish(item, 1, None, 5), key="a")) == ["INVALID_LOCATION"]
    assert codes(set_levels(caller, wish(item, -1, None), key="b")) == ["INVALID_QUANTITY_NEGATIVE"]
    assert codes(set_levels(caller, wish(item, 10**9 + 1, None), key="c")) == ["INVALID_QUANTITY_TOO_HIGH"]
    twice = set_levels(caller, wish(item, 1, None), wish(item, 2, None), key="d")
    assert codes(twice) == ["NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"]
    assert codes(set_levels(caller, wish(item, 6, 0, OTHER), key="e")) == []


def test_each_change_of_what_is_available_is_told(caller: Caller, item: int) -> None:
    subscribe = """mutation { webhookSubscriptionCreate(topic: INVENTORY_LEVELS_UPDATE,
      webhookSubscription: {uri: "https://here.test/hook", format: JSON}) { userErrors { message } } }"""
    caller.data(subscribe)
    order_id = sold(caller, item, 3)
    caller.fulfill(order_id)
    set_levels(caller, wish(item, 4, 7))
    caller.wait(60)
    told = [one.body for one in caller.world.due_deliveries()]
    assert [b'"available":7' in one for one in told] == [True, False]
    assert b'"available":4' in told[1]


def sold(caller: Caller, item: int, quantity: int) -> int:
    body = {
        "financial_status": "paid",
        "currency": "USD",
        "line_items": [
            {"title": "Mug", "sku": "MUG", "quantity": quantity, "price": "9.50", "grams": 300, "variant_id": item - 1}
        ],
    }
    order_id = int(caller.world.control("import_order", {"body": body}))
    caller.wait(60)
    return order_id
