"""The story of one order, word for word: rows in, sentences out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mappings.causes import ROUTINE, Cause
from syncd.flows.batch import EVENTS
from syncd.operate.story import story, story_lines
from syncd.store.schema import JournalEntry, OrderRow, PackageRow

TEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
KEY = "main-5001-81-1"


def at(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def entry(minutes: float, step: str, outcome: str = "confirmed", key: str = KEY, **facts: Any) -> JournalEntry:
    return JournalEntry(
        batch_id="b",
        flow="orders",
        store="main",
        order_id=5001,
        step=step,
        key=key,
        opened_at=at(minutes),
        outcome=outcome,
        facts=json.dumps(facts),
    )


def turn(minutes: float, cause: str, was: str | None, detail: str = "") -> JournalEntry:
    return entry(minutes, "state", "noted", "", cause=cause, detail=detail, was=was, was_since=TEN.isoformat())


def order(cause: str, minutes: float) -> OrderRow:
    return OrderRow(
        store="main", order_id=5001, name="#1001", state="x", cause=cause, since=at(minutes), seen_at=at(minutes)
    )


def told(*entries: JournalEntry) -> list[str]:
    return [event.text for event in story(None, [], entries)]


def package(minutes: float, number: str, units: int, voided_at: float | None = None) -> PackageRow:
    return PackageRow(
        package_key=f"s{number}",
        store="main",
        order_id=5001,
        order_key=KEY,
        voided=voided_at is not None,
        voided_at=at(voided_at) if voided_at is not None else None,
        tracking_number=number,
        carrier_code="stamps_com",
        service_code="usps_priority_mail",
        lines=json.dumps({"7001": units}),
        created_at=at(minutes),
        updated_at=at(minutes),
        seen_at=at(minutes),
    )


ENTRIES = [
    entry(7, "create_order", units=4, fields=[], rules=["fragile", "vip to express"]),
    turn(7, "in_shipstation", "not_routed"),
    entry(8, "update_order", "refused", units=4, fields=["shipTo"]),
    entry(8.1, "update_order", units=3, fields=["items", "shipTo", "amountPaid", "taxAmount"]),
    entry(10, "hold_order", units=3, fields=["orderStatus"]),
    turn(10, "fulfillment_hold", "in_shipstation", "3 units kept back: fulfillment hold"),
    entry(12, "release_order", units=3, fields=["orderStatus"]),
    turn(12, "in_shipstation", "fulfillment_hold"),
    entry(30, "sweep", "noted", found="edited", fields=["internalNotes"]),
    entry(60, "create_fulfillment", key="s9400A", units=2, company="USPS", tracking_number="9400A"),
    entry(60.1, "create_fulfillment", "abandoned", key="s9400B", units=1, company="USPS", tracking_number="9400B"),
    entry(62, "adopt_fulfillment", key="s9400B", fulfillment="gid://shopify/Fulfillment/2"),
    entry(76, "update_tracking", key="s9400C", instead_of="s9400A", company="USPS", tracking_number="9400C"),
]
ENTRIES[2].code, ENTRIES[2].text = "changed_meanwhile", "it reads back as shipped"

PACKAGES = [package(59, "9400A", 2, voided_at=70), package(59, "9400B", 1), package(75, "9400C", 2)]

GOLDEN = """\
Friday, 20 November 2026 (UTC)
  10:00:00  Waiting: Shopify has not yet said from which location this order ships.
  10:07:00  Sent to ShipStation: 4 units as main-5001-81-1. Rules that applied: fragile, vip to express.
  10:08:00  Changing it in ShipStation was refused (changed_meanwhile: it reads back as shipped).
  10:08:06  Shopify's order changed, so it was changed in ShipStation too: the goods, the address and the amounts.
  10:10:00  Put on hold in ShipStation.
  10:10:00  Held: Shopify holds all that is left to ship; what ShipStation had of it is on hold there too. [3 units kept back: fulfillment hold]
  10:12:00  Released from hold in ShipStation.
  10:12:00  It goes on: ShipStation has it and nothing has shipped yet.
  10:30:00  The warehouse changed the internal note in ShipStation; that stays so.
  10:59:00  A package with 2 units got its label in ShipStation: USPS 9400A.
  10:59:00  A package with 1 unit got its label in ShipStation: USPS 9400B.
  11:00:00  Shopify was told of a package with 2 units: USPS 9400A.
  11:02:00  Shopify knew package s9400B already.
  11:10:00  The warehouse voided the label 9400A.
  11:15:00  A package with 2 units got its label in ShipStation: USPS 9400C.
  11:16:00  Shopify's fulfillment now shows the new label 9400C instead of the voided one.
Saturday, 21 November 2026 (UTC)
  12:00:00  Done: Every unit left and Shopify knows every package."""


def test_the_life_of_an_order_reads_like_a_story() -> None:
    assert "\n".join(story_lines(story(order("shipped", 1560), PACKAGES, ENTRIES))) == GOLDEN


def test_what_needs_a_person_says_what_to_do() -> None:
    gone = turn(0, "merged_parent_unknown", "in_shipstation", "main-5001-81-1: ShipStation has no such order")
    (line,) = told(gone)
    assert line.startswith("Needs a person: ShipStation no longer shows the order")
    assert "[main-5001-81-1: ShipStation has no such order] To do: Look for it in ShipStation" in line


def test_what_the_sweep_found_is_told_in_words() -> None:
    merged = entry(0, "sweep", "noted", found="merged", shipstation_order=41, survivor=42)
    doubled = entry(1, "sweep", "noted", "", found="doubled_there", detail="ShipStation orders 77 are the same sale")
    texts = told(merged, doubled)
    assert texts[0] == "The warehouse merged it into ShipStation order 42."
    assert texts[1].startswith("The full look found something wrong: ShipStation has a second open order")


def test_a_call_without_an_answer_is_no_promise() -> None:
    (line,) = told(entry(0, "create_fulfillment", "unknown", key="s1", units=1))
    assert line == "Telling Shopify of a package brought no answer; what became of it is looked for."


def test_of_two_parts_each_line_says_which_it_means() -> None:
    parts = [entry(0, "create_order", key=key, units=1) for key in ("main-5001-81-1", "main-5001-82-1")]
    assert told(*parts, entry(1, "cancel_order", key="main-5001-82-1"))[-1] == (
        "Cancelled in ShipStation (main-5001-82-1)."
    )


def test_a_story_too_long_to_be_read_shows_its_beginning_and_its_end() -> None:
    holds = [entry(minute, "hold_order", units=1, fields=["orderStatus"]) for minute in range(500)]
    lines = story_lines(story(None, [], holds))
    assert len(lines) < 70
    assert "  ... 440 more lines, which --json shows ..." in lines


@pytest.mark.parametrize("step", sorted(EVENTS))
def test_every_step_has_its_sentence_however_it_ended(step: str) -> None:
    for outcome in ("confirmed", "refused", "unknown", "intended"):
        (line,) = told(entry(0, step, outcome, units=1))
        assert step not in line


@pytest.mark.parametrize("cause", sorted(Cause))
def test_every_cause_can_be_told(cause: Cause) -> None:
    assert told(turn(0, cause, "scheduled")) or cause in ROUTINE
