"""The answer of `syncd explain` as a person reads it: the verdict, the story, the packages, both sides as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from syncd.operate.story import Event, story_lines, units_text


def explain_text(answer: Mapping[str, Any]) -> str:
    events = [Event(datetime.fromisoformat(one["at"]), one["text"]) for one in answer["story"]]
    statuses = {
        one["fulfillment"]: one["status"] for one in answer.get("now", {}).get("shopify", {}).get("fulfillments", ())
    }
    packages = [_package_line(one, statuses.get(one["fulfillment"])) for one in answer["packages"]]
    lines = [*_verdict_lines(answer), *story_lines(events), *packages]
    return "\n".join(lines + (_now_lines(answer["now"]) if "now" in answer else []))


def _verdict_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    since = f" since {datetime.fromisoformat(answer['since']):%d %B %Y, %H:%M} UTC" if answer["since"] else ""
    yield f"{answer['order'] or 'order'} ({answer['ref']}) is {answer['state'].replace('_', ' ')}{since}"
    detail = f" [{answer['detail']}]" if answer["detail"] else ""
    yield f"  Why: {answer['sentence']}{detail}" + (f" (cause {answer['cause']})" if answer["cause"] else "")
    yield f"  Next step: {answer['next_step']}"


def _package_line(one: Mapping[str, Any], status: str | None) -> str:
    """`status` of its fulfillment as Shopify shows it now, None when that is not known."""
    label = f"{one['carrier'] or 'carrier unknown'} {one['tracking_number'] or 'without a number'}"
    if one["fulfillment"]:
        number = one["fulfillment"].rpartition("/")[2]
        there = (
            f"its fulfillment {number} was taken back"
            if status == "CANCELLED"
            else f"in Shopify as fulfillment {number}"
        )
    else:
        there = "not in Shopify" if one["voided"] else "not in Shopify yet"
    shipped = "label voided" if one["voided"] else f"shipped {one['ship_date'] or ''}".strip()
    return f"Package {one['package']}: {label}, {shipped}, {there}"


def _now_lines(now: Mapping[str, Any]) -> list[str]:
    shopify = now["shopify"]
    parts = [shopify["unreadable"]] if "unreadable" in shopify else list(_shopify_parts(shopify))
    return [f"Shopify now: {'; '.join(parts)}", *(f"ShipStation now: {_there(one)}" for one in now["shipstation"])]


def _shopify_parts(shopify: Mapping[str, Any]) -> Iterator[str]:
    if shopify["cancelled_at"]:
        yield f"cancelled at {shopify['cancelled_at']}"
    open_ones = [one for one in shopify["fulfillment_orders"] if one["remaining"]]
    for one in open_ones:
        holds = f", held: {', '.join(one['holds'])}" if one["holds"] else ""
        status = one["status"].lower().replace("_", " ")
        yield f"{units_text(one['remaining'])} to be shipped from {one['location']} ({status}{holds})"
    if not open_ones:
        yield "nothing left to be shipped" if shopify["fulfillment_orders"] else "not yet assigned to a location"
    live = [one["numbers"] for one in shopify["fulfillments"] if one["status"] == "SUCCESS"]
    told = f": {', '.join(number for numbers in live for number in numbers if number)}" if any(live) else ""
    yield f"{len(live)} {'fulfillment' if len(live) == 1 else 'fulfillments'}{told}"


def _there(one: Mapping[str, Any]) -> str:
    if "unreadable" in one:
        return f"order {one['order_id']} could not be read: {one['unreadable']}"
    if "units" not in one:
        return f"order {one['order_id']} is {one['status']}"
    return f"order {one['number']} (id {one['order_id']}), {(one['status'] or '').replace('_', ' ')}, {units_text(one['units'])}"
