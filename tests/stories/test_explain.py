"""The story of an order that went every way, as `syncd explain` tells it from a real run."""

from __future__ import annotations

from typing import Any

from syncd.operate.explain import explain_order
from syncd.operate.explained import explain_text
from syncd.simulation.day import Day
from syncd.simulation.desk import desk_of
from tests.orders_api import ON_V1_ALONE


async def explained(day: Day, order_id: int) -> tuple[dict[str, Any], str]:
    answer = await explain_order(await desk_of(day), f"main/{order_id}", offline=False)
    return answer, explain_text(answer)


@ON_V1_ALONE
async def test_an_order_edited_held_released_packed_twice_voided_and_relabelled_reads_like_a_story(day: Day) -> None:
    (order_id,) = day.sell(lines=2, quantity=2)
    await day.rest()
    day.shopify.people.edit(order_id, address={"address1": "12 New Road"})
    await day.rest()
    day.shopify.people.hold(order_id)
    await day.rest()
    day.shopify.people.release(order_id)
    await day.rest()
    first, second = day.order(order_id)["lines"]
    there = day.there(order_id)[0]["orderId"]
    voided = day.shipstation.labels.buy_label(there, {f"{order_id}:{first['id']}": 2})
    kept = day.shipstation.labels.buy_label(there, {f"{order_id}:{second['id']}": 2})
    await day.rest()
    day.shipstation.labels.void_label(voided.shipment_id)
    again = day.shipstation.labels.buy_label(there, {f"{order_id}:{first['id']}": 2})
    await day.rest()
    await day.assert_clean()
    answer, text = await explained(day, order_id)
    told = [one["text"] for one in answer["story"]]
    in_this_order = [
        "Sent to ShipStation: 4 units as",
        "Shopify's order changed, so it was changed in ShipStation too: the address.",
        "Put on hold in ShipStation.",
        "Held: Shopify holds",
        "Released from hold in ShipStation.",
        f"A package with 2 units got its label in ShipStation: USPS {voided.tracking_number}.",
        f"Shopify was told of a package with 2 units: USPS {voided.tracking_number}.",
        f"The warehouse voided the label {voided.tracking_number}.",
        f"Shopify's fulfillment now shows the new label {again.tracking_number} instead of the voided one.",
        "Done: Every unit left and Shopify knows every package.",
    ]
    places = [next(place for place, line in enumerate(told) if line.startswith(words)) for words in in_this_order]
    assert places == sorted(places)
    assert sum(kept.tracking_number in line for line in told) == 2
    assert text.startswith(f"{day.order(order_id)['name']} (main/{order_id}) is shipped")
    assert "Shopify now: nothing left to be shipped; 2 fulfillments: " in text
    assert "Friday, 20 November 2026 (UTC)" in text


async def test_an_order_that_is_never_sent_says_why(day: Day) -> None:
    (order_id,) = day.sell(mix={"pickup": 1.0})
    await day.rest()
    answer, text = await explained(day, order_id)
    assert [one["text"].partition(":")[0] for one in answer["story"]][-1] == "Not sent"
    assert "picked up" in text
