"""Steps are on disk before their call, and stay open until their effect is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from syncd.ports import Db
from syncd.store.journal import (
    ClosedEntry,
    NewEntry,
    close_intents,
    close_superseded,
    history,
    mailed_fulfillments,
    open_entries,
    open_intents,
    prune_journal,
)
from syncd.store.journeys import ask_again, begin_journeys
from syncd.store.packages import SeenPackage, record_packages

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
SENT = {"s1": 1, "s2": 2}
"""Package -> its order."""


def entry(order_id: int, key: str = "k", store: str = "main") -> NewEntry:
    return NewEntry("batch", "orders", store, order_id, "create_order", key, '{"units": 2}')


async def test_ids_come_back_in_the_order_of_the_intents(db: Db) -> None:
    ids = await db.run(open_intents([entry(number, f"k{number}") for number in range(300, 0, -1)], NOW))
    assert len(set(ids)) == 300
    for position in (0, 150, 299):
        (row,) = await db.run(history("main", 300 - position))
        assert (row.id, row.key, row.outcome, row.opened_at) == (ids[position], f"k{300 - position}", "intended", NOW)


async def test_an_intent_stays_open_until_its_outcome_is_known(db: Db) -> None:
    ids = await db.run(open_intents([entry(1), entry(2), entry(3), entry(1, store="other")], NOW))
    closed = [ClosedEntry(ids[0], "confirmed", duration_ms=7), ClosedEntry(ids[1], "unknown", "timeout", "no answer")]
    await db.run(close_intents(closed, LATER))
    found = await db.run(open_entries([("main", 1), ("main", 2), ("main", 3), ("other", 1), ("other", 9)]))
    assert {ref: [row.outcome for row in rows] for ref, rows in found.items()} == {
        ("main", 2): ["unknown"],
        ("main", 3): ["intended"],
        ("other", 1): ["intended"],
    }
    await db.run(close_intents([ClosedEntry(ids[1], "abandoned")], LATER))
    assert ("main", 2) not in await db.run(open_entries([("main", 2)]))
    (row,) = await db.run(history("main", 1))
    assert (row.outcome, row.closed_at, row.duration_ms) == ("confirmed", LATER, 7)


async def test_what_was_ended_stays_as_it_was_ended(db: Db) -> None:
    """By another replica, whose turn it was meanwhile."""
    ids = await db.run(open_intents([entry(1)], NOW))
    await db.run(close_intents([ClosedEntry(ids[0], "confirmed")], LATER))
    await db.run(close_intents([ClosedEntry(ids[0], "abandoned", "lease_lost")], LATER + timedelta(seconds=5)))
    (row,) = await db.run(history("main", 1))
    assert (row.outcome, row.closed_at, row.code) == ("confirmed", LATER, None)


async def test_a_confirmed_step_ends_the_doubt_about_older_ones_of_its_key(db: Db) -> None:
    ids = await db.run(open_intents([entry(1, "a"), entry(1, "b"), entry(2, "a"), entry(1, "a"), entry(1, "a")], NOW))
    await db.run(close_intents([ClosedEntry(ids[0], "unknown"), ClosedEntry(ids[3], "confirmed")], LATER))
    await db.run(close_superseded([ids[3]], LATER))
    assert [row.outcome for row in await db.run(history("main", 1))] == [
        "abandoned",
        "intended",  # another key
        "confirmed",
        "intended",  # newer
    ]
    assert [row.outcome for row in await db.run(history("main", 2))] == ["intended"]


async def test_pruning_spares_what_is_in_doubt(db: Db) -> None:
    ids = await db.run(open_intents([entry(1), entry(1), entry(1)], NOW))
    await db.run(close_intents([ClosedEntry(ids[0], "confirmed"), ClosedEntry(ids[1], "unknown")], LATER))
    assert await db.run(prune_journal(NOW)) == 0
    assert await db.run(prune_journal(LATER)) == 1
    assert [row.outcome for row in await db.run(history("main", 1))] == ["unknown", "intended"]


async def test_a_mail_is_remembered_for_as_long_as_its_package_is_on_its_way(db: Db) -> None:
    parcels = [SeenPackage(key, "main", order_id, False, "1Z", "ups", None, None) for key, order_id in SENT.items()]
    await db.run(record_packages(parcels, NOW))
    await db.run(begin_journeys(SENT, NOW, LATER))
    await db.run(ask_again("s2", None, NOW))
    mails = [NewEntry("b", "deliveries", "main", order_id, "mail_at_scan", key) for key, order_id in SENT.items()]
    ids = await db.run(open_intents([*mails, entry(1)], NOW))
    await db.run(close_intents([ClosedEntry(one, "confirmed") for one in ids], NOW))
    assert await db.run(prune_journal(LATER)) == 2
    assert [row.step for row in await db.run(history("main", 1))] == ["mail_at_scan"]
    await db.run(ask_again("s1", None, LATER))
    assert await db.run(prune_journal(LATER)) == 1


async def test_what_was_mailed_about_is_known_unless_it_surely_was_not(db: Db) -> None:
    def mail(order_id: int, gid: str) -> NewEntry:
        return NewEntry("b", "deliveries", "main", order_id, "mail_at_scan", "s1", f'{{"fulfillment": "{gid}"}}')

    ids = await db.run(open_intents([mail(1, "A"), mail(1, "B"), mail(1, "C"), mail(2, "D"), entry(1)], NOW))
    await db.run(close_intents([ClosedEntry(ids[0], "confirmed"), ClosedEntry(ids[1], "abandoned")], LATER))
    assert await db.run(mailed_fulfillments([("main", 1), ("other", 2)])) == {"A", "C"}
    assert await db.run(mailed_fulfillments([])) == set()


async def test_no_steps_are_no_error(db: Db) -> None:
    assert await db.run(open_intents([], NOW)) == []
    await db.run(close_intents([], NOW))
    await db.run(close_superseded([], NOW))
    assert await db.run(open_entries([])) == {}
