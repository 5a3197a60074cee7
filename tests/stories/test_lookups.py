"""Stories of people who ask: where is my package, what would a label cost, what does the account hold."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.errors import RejectedError
from syncd.operate.lookups import look_up, look_up_text
from syncd.operate.rates import rates_of_order, rates_text
from syncd.operate.tracking import track_order, tracking_text
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.desk import desk_of


async def a_sent_package(day: Day) -> tuple[str, Any]:
    """The order's name and its package."""
    (order_id,) = day.sell()
    await day.rest()
    package = day.shipstation.labels.buy_label(day.there(order_id)[0]["orderId"])
    await day.rest()
    return day.order(order_id)["name"], package


async def test_a_customer_asks_where_the_package_is(day: Day) -> None:
    name, package = await a_sent_package(day)
    day.shipstation.carriage.scan(package.shipment_id, "IT", "OUT_FOR_DELIVERY", "Out for delivery")
    for written in (name, name.lstrip("#"), f"SHOPIFY-{name.lstrip('#')}"):
        answer = await track_order(await desk_of(day), written)
        assert (answer["order"], answer["status"]) == (name, "out_for_delivery")
    text = tracking_text(answer)
    assert "comes today" in text
    assert '"Out for delivery"' in text
    assert package.tracking_number in text


async def test_a_lost_package_says_what_to_do_next(day: Day) -> None:
    name, package = await a_sent_package(day)
    day.shipstation.carriage.scan(package.shipment_id, "EX", "PARCEL_LOST", "Lost in sorting")
    text = tracking_text(await track_order(await desk_of(day), name))
    assert "Trouble: The carrier lost it." in text
    assert "Next step: Open a claim" in text


async def test_an_order_without_packages_says_so(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    assert "No package has left yet" in tracking_text(await track_order(await desk_of(day), str(order_id)))


async def test_rates_stand_side_by_side_with_the_cheapest_first(day: Day) -> None:
    (order_id,) = day.sell()
    await day.rest()
    answer = await rates_of_order(await desk_of(day), str(order_id))
    prices = [rate["amount"] for rate in answer["consignments"][0]["rates"] if not rate["refusal"]]
    assert prices == sorted(prices)
    assert len(prices) > 3
    assert "usd" in rates_text(answer)


@pytest.mark.parametrize(
    "things", ["orders", "shipments", "products", "warehouses", "carriers", "customers", "inventory-locations"]
)
async def test_what_the_account_holds_can_be_listed(day: Day, things: str) -> None:
    await a_sent_package(day)
    answer = await look_up(await desk_of(day), things, "", 25)
    assert answer["rows"]
    assert look_up_text(answer).splitlines()[-1].startswith(f"{len(answer['rows'])} of ")


class TestWithoutV2:
    @pytest.fixture
    def fates(self) -> Fates:
        return Fates(settings=settings_of(shipstation={"v2_api_key": ""}))

    async def test_tracking_tells_what_v1_knows_and_how_to_know_more(self, day: Day) -> None:
        name, package = await a_sent_package(day)
        text = tracking_text(await track_order(await desk_of(day), name))
        assert package.tracking_number in text
        assert "Set shipstation.v2_api_key" in text

    async def test_rates_name_the_setting_that_is_missing(self, day: Day) -> None:
        with pytest.raises(RejectedError, match=r"set shipstation\.v2_api_key"):
            await rates_of_order(await desk_of(day), "#1001")
