"""Goods that come back in a story: by which label, what is paid back for them, and every unit where it lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from syncd.operate.explain import explain_order
from syncd.operate.explained import explain_text
from syncd.sandbox.shopify.goods import PHYSICAL
from syncd.settings.whole import Settings
from syncd.simulation.day import Day, settings_of, store_settings
from syncd.simulation.desk import desk_of
from tests.stories.packing import Shipment, an_order, label

SKUS = tuple(article.sku for article in PHYSICAL if article.sku)
PLACE, SHELF, COUNTED = 82734627, 701, 100
"""Where the goods of plain orders lie in Shopify and in ShipStation, and how many of each."""


def policy(**returns: Any) -> Settings:
    return settings_of(stores={"main": store_settings(returns=returns)}, sync={"return_tracking_s": 60})


def count_shelves(day: Day) -> None:
    for sku in SKUS:
        day.shopify.people.count(sku, COUNTED, PLACE)
        day.shipstation.stock.count(sku, SHELF, COUNTED)


async def assert_both_sides(day: Day) -> None:
    """Labels, notes, returns and money as the policy wants them, and every unit where it lies."""
    await day.assert_clean()
    here = {one["sku"]: one["onHand"] for one in shop_of(day)["inventory"]}
    there = {one["sku"]: one["onHand"] for one in day.shipstation.state()["inventory"]}
    left, back = units_moved(day)
    assert here == {sku: COUNTED - left[sku] + back[sku] for sku in SKUS}
    assert there == {sku: COUNTED - left[sku] for sku in SKUS}, "the warehouse counts by itself what comes back"


def shop_of(day: Day) -> Any:
    (shop,) = day.shopify.state()["shops"].values()
    return shop


def units_moved(day: Day) -> tuple[Counter[str], Counter[str]]:
    """By SKU: what left, and what is for sale again."""
    left, back = Counter[str](), Counter[str]()
    for order in shop_of(day)["orders"]:
        skus = {str(line["id"]): line["sku"] for line in order["lines"]}
        for one in order["fulfillments"]:
            left.update({skus[line]: units for line, units in one["lines"].items() if one["status"] == "SUCCESS"})
        for one in order["refunds"]:
            is_ours = "[syncd return" in (one["note"] or "")
            if one["restockTypes"] == ["RETURN"] and (day.settings.stores["main"].returns.restocks or not is_ours):
                back.update({skus[line]: units for line, units in one["lines"].items()})
    return left, back


async def sent_back(day: Day, quantity: int = 2, units: int = 0) -> tuple[int, Shipment]:
    """An order that was sent, and the label by which its goods, or some units, come back."""
    order_id, there = await an_order(day, quantity=quantity)
    parcel = label(day, there)
    await day.rest()
    return order_id, await comes_back(day, parcel, units or quantity)


async def comes_back(day: Day, parcel: Shipment, units: int, only: str | None = None) -> Shipment:
    made = label_back(day, parcel, units, only)
    await day.rest()
    return made


def label_back(day: Day, parcel: Shipment, units: int, only: str | None = None) -> Shipment:
    """As made from the label of the package: V2 tells nothing else about what comes back. `only`: of this line."""
    lines = {item.line_item_key: units for item in parcel.items if only in (None, item.line_item_key)}
    made = day.shipstation.labels.buy_label(parcel.order.order_id, lines=lines, return_label=True)
    day.shipstation.account.shipments[made.shipment_id] = replace(made, outbound_id=parcel.shipment_id)
    return made


async def arrives(day: Day, coming: Shipment) -> None:
    day.shipstation.carriage.scan(coming.shipment_id, "DE")
    await day.passes(70)
    await day.rest()


def money(day: Day, order_id: int) -> tuple[Decimal, Decimal]:
    """Paid, paid back."""
    order = day.order(order_id)
    return Decimal(order["received"]), Decimal(order["refunded"])


def units_worth(day: Day, order_id: int, units: int) -> Decimal:
    """With their tax."""
    (line,) = day.sold()[order_id].lines
    each = line.price + sum((tax.price for tax in line.taxes), Decimal(0)) / line.quantity
    return (each * units).quantize(Decimal("0.01"), ROUND_HALF_UP)


async def story_of(day: Day, order_id: int) -> str:
    return explain_text(await explain_order(await desk_of(day), str(order_id), offline=True))


def state_of(day: Day, order_id: int) -> Mapping[str, Any]:
    (row,) = day.rows(f"SELECT outcome, detail, received_by FROM returns WHERE order_id = {order_id}")
    return row
