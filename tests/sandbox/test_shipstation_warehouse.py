"""What warehouse staff does: labels, voids, splits, merges, edits, and how it looks through V1."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.sandbox.shipstation_caller import Caller, item_body, order_body, units


def shipments(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = caller.get(f"/shipments?includeShipmentItems=True&{query}")["shipments"]
    return rows


def test_a_label_ships_the_order_with_the_lines_that_are_in_the_package() -> None:
    caller = Caller()
    order = caller.create()
    caller.world.labels.buy_label("shop-1001", {"li-1": 1, "li-2": 3}, "fedex", "fedex_ground")
    assert caller.get(f"/orders/{order['orderId']}")["orderStatus"] == "shipped"
    [shipment] = shipments(caller)
    assert units(shipment["shipmentItems"]) == {"li-1": 1, "li-2": 3}
    assert (shipment["orderKey"], shipment["carrierCode"], shipment["voided"]) == ("shop-1001", "fedex", False)
    assert shipment["shipDate"] == "2026-11-20"
    assert caller.get("/shipments")["shipments"][0]["shipmentItems"] is None


def test_a_second_package_takes_the_rest_and_never_more() -> None:
    caller = Caller()
    caller.create()
    caller.world.labels.buy_label("shop-1001", {"li-1": 1})
    with pytest.raises(ValueError, match="not that many units of line li-1"):
        caller.world.labels.buy_label("shop-1001", {"li-1": 2})
    second = caller.world.labels.buy_label("shop-1001")
    assert [(item.line_item_key, item.quantity) for item in second.items] == [("li-1", 1), ("li-2", 3)]
    with pytest.raises(ValueError, match="nothing left"):
        caller.world.labels.buy_label("shop-1001")
    forced = caller.world.labels.buy_label("shop-1001", {"li-1": 9}, force=True)
    assert forced.items[0].quantity == 9


@pytest.mark.parametrize("status", ["awaiting_payment", "on_hold", "cancelled"])
def test_no_label_for_orders_that_are_not_to_be_shipped(status: str) -> None:
    caller = Caller()
    caller.create(orderStatus=status)
    with pytest.raises(ValueError, match=status):
        caller.world.labels.buy_label("shop-1001")


def test_a_return_label_changes_nothing_on_the_order() -> None:
    caller = Caller()
    order = caller.create()
    caller.world.labels.buy_label("shop-1001", {"li-1": 1}, return_label=True)
    assert shipments(caller)[0]["isReturnLabel"] is True
    assert caller.get(f"/orders/{order['orderId']}")["orderStatus"] == "awaiting_shipment"


@pytest.mark.parametrize("status", ["awaiting_shipment", "shipped"])
def test_the_last_void_reopens_the_order_or_not(status: str) -> None:
    caller = Caller(status_after_void=status)
    order_id = caller.create()["orderId"]
    labels = [caller.world.labels.buy_label("shop-1001", {"li-1": 1}) for _ in range(2)]
    caller.wait(3600)
    answer = caller.post("/shipments/voidlabel", {"shipmentId": labels[0].shipment_id})
    assert answer == {"approved": True, "message": "Label voided successfully"}
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == "shipped"
    caller.wait(3600)
    caller.post("/shipments/voidlabel", {"shipmentId": labels[1].shipment_id})
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == status
    assert caller.post("/shipments/voidlabel", {"shipmentId": labels[1].shipment_id})["approved"] is False
    assert caller.send("POST", "/shipments/voidlabel", {"shipmentId": 1}).status == 404
    [voided] = shipments(caller, "voidDateStart=2026-11-20 13:30:00")
    assert (voided["shipmentId"], voided["voided"]) == (labels[1].shipment_id, True)
    assert voided["voidDate"] == "2026-11-20T14:00:00.0000000"


def test_a_voided_package_can_be_packed_again() -> None:
    caller = Caller()
    caller.create()
    first = caller.world.labels.buy_label("shop-1001")
    caller.world.labels.void_label(first.shipment_id)
    second = caller.world.labels.buy_label("shop-1001")
    assert second.tracking_number != first.tracking_number
    assert [item.quantity for item in second.items] == [2, 3]


def test_mark_as_shipped_makes_a_fulfillment_and_no_shipment() -> None:
    caller = Caller()
    order_id = caller.create()["orderId"]
    body = {"orderId": order_id, "carrierCode": "stamps_com", "trackingNumber": "9400", "shipDate": "2026-11-21"}
    assert caller.post("/orders/markasshipped", body) == {"orderId": order_id, "orderNumber": "1001"}
    assert shipments(caller) == []
    [row] = caller.get(f"/fulfillments?orderId={order_id}")["fulfillments"]
    assert (row["carrierCode"], row["trackingNumber"], row["shipDate"]) == ("USPS", "9400", "2026-11-21T00:00:00")
    assert caller.get(f"/orders/{order_id}")["orderStatus"] == "shipped"
    caller.post("/orders/markasshipped", body)
    assert caller.get("/fulfillments")["total"] == 2, "the call is not idempotent"


@pytest.mark.parametrize(("style", "number"), [("suffix", "1001-1"), ("same", "1001")])
def test_a_split_moves_units_into_a_child_of_the_same_number_family(style: str, number: str) -> None:
    caller = Caller(split_number_style=style)
    parent_id = caller.create()["orderId"]
    child_id = caller.world.desk.split("shop-1001", {"li-1": 1, "li-2": 3}).order_id
    parent, child = caller.get(f"/orders/{parent_id}"), caller.get(f"/orders/{child_id}")
    assert (units(parent["items"]), units(child["items"])) == ({"li-1": 1}, {"li-1": 1, "li-2": 3})
    assert child["orderNumber"] == number
    assert child["orderKey"] != parent["orderKey"]
    assert child["advancedOptions"]["parentId"] == parent_id
    assert child["advancedOptions"]["mergedOrSplit"] is True
    assert child["amountPaid"] == 0
    for lines in ({"li-1": 1}, {"li-1": 2}, {}):
        with pytest.raises(ValueError, match=r"split|units|nothing"):
            caller.world.desk.split(parent_id, lines)


def test_with_shared_keys_only_the_id_reaches_the_split_child() -> None:
    caller = Caller(split_key_style="shared")
    parent_id = caller.create()["orderId"]
    child = caller.world.desk.split("shop-1001", {"li-1": 1})
    assert caller.push(order_body())[0]["orderId"] == parent_id
    assert caller.push(order_body(orderId=child.order_id))[0]["orderId"] == child.order_id
    assert len(caller.world.state()["orders"]) == 2


def test_a_merged_order_is_gone_and_the_survivor_has_its_lines() -> None:
    caller = Caller()
    first = caller.create(key="a")["orderId"]
    second = caller.create(key="b", items=[item_body("li-9", 4)])["orderId"]
    label = caller.world.labels.buy_label("b")
    caller.world.labels.void_label(label.shipment_id)
    caller.world.desk.merge(["a", second])
    assert caller.send("GET", f"/orders/{second}").status == 404
    assert caller.get("/orders")["total"] == 1
    assert shipments(caller) == [], "shipments of absorbed orders return nothing"
    survivor = caller.get(f"/orders/{first}")
    assert survivor["advancedOptions"]["mergedIds"] == [second]
    assert survivor["advancedOptions"]["mergedOrSplit"] is True
    assert units(survivor["items"]) == {"li-1": 2, "li-2": 3, "li-9": 4}
    assert survivor["amountPaid"] == 74.6
    caller.world.labels.buy_label("a")
    assert units(shipments(caller)[0]["shipmentItems"]) == {"li-1": 2, "li-2": 3, "li-9": 4}
    with pytest.raises(ValueError, match="There is no order b"):
        caller.world.desk.cancel("b")


def test_an_edit_at_the_desk_touches_only_its_fields() -> None:
    caller = Caller()
    before = caller.create()
    caller.wait(1)
    caller.world.edit("shop-1001", {"shipTo": {"street2": "Unit 4"}, "advancedOptions": {"customField2": "shelf 9"}})
    after = caller.get(f"/orders/{before['orderId']}")
    assert after["shipTo"] == before["shipTo"] | {"street2": "Unit 4"}
    assert after["advancedOptions"] == before["advancedOptions"] | {"customField2": "shelf 9"}
    changed = {"modifyDate", "shipTo", "advancedOptions"}
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize("seed", range(5))
def test_ship_all_packs_every_unit_exactly_once(seed: int) -> None:
    caller = Caller(seed=seed)
    caller.push(*(order_body(key=f"k{n}") for n in range(20)), order_body(key="held", orderStatus="on_hold"))
    made = caller.world.labels.ship_all()
    packed: dict[str, Counter[str]] = {}
    for row in shipments(caller, "pageSize=500"):
        packed.setdefault(row["orderKey"], Counter()).update(units(row["shipmentItems"]))
    assert packed == {f"k{n}": Counter({"li-1": 2, "li-2": 3}) for n in range(20)}
    assert len(made) > 20
    assert len({row.carrier_code for row in made}) > 2
    assert len({row.tracking_number for row in made}) == len(made)
    assert caller.world.labels.ship_all() == []


def test_shipments_are_found_by_what_people_ask_for() -> None:
    caller = Caller()
    first, second = caller.create(key="a"), caller.create(key="b", orderNumber="2002")
    label = caller.world.labels.buy_label("a")
    caller.wait(86_400)
    caller.world.labels.buy_label("b", carrier_code="ups", service_code="ups_ground")
    by = {
        f"orderId={first['orderId']}": "a",
        "orderNumber=2002": "b",
        f"trackingNumber={label.tracking_number}": "a",
        "carrierCode=ups": "b",
        "createDateStart=2026-11-21": "b",
        "shipDateEnd=2026-11-20": "a",
        f"batchId={label.batch_id}": "a",
        "sortBy=CreateDate&sortDir=DESC&pageSize=1": "b",
    }
    assert {query: shipments(caller, query)[0]["orderKey"] for query in by} == by
    assert all(len(shipments(caller, query)) == 1 for query in by)
    assert shipments(caller, f"orderId={second['orderId']}&storeId=1001") == []
