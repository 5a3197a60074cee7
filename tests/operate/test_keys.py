"""Which key pair is in use and which may be deleted, from what all replicas noted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pydantic import SecretStr

from syncd.operate.keys import key_report, keys_text, with_advice
from syncd.ports import Db
from syncd.settings.groups import KeyPair
from syncd.shipstation.keys import QUIET, key_id
from syncd.simulation.ports import START
from syncd.store.keys import note_refusal, note_use

OLD = KeyPair("api_key", SecretStr("old"), SecretStr("s"), date(2026, 12, 3))
NEW = KeyPair("next_api_key", SecretStr("new-key-0123456789"), SecretStr("s"))


async def used(db: Db, pair: KeyPair, minutes: float) -> None:
    await db.run(note_use(key_id(pair), "", START + timedelta(minutes=minutes), QUIET))


async def refused(db: Db, pair: KeyPair, minutes: float) -> None:
    await db.run(note_refusal(key_id(pair), "", START + timedelta(minutes=minutes)))


async def states(db: Db, minutes: float, pairs: list[KeyPair]) -> list[tuple[str, str]]:
    now = START + timedelta(minutes=minutes)
    keys = [with_advice(one, now) for one in await db.run(key_report(pairs, now))]
    assert keys_text(keys)
    return [(one["state"], one["advice"]) for one in keys]


async def test_a_pair_that_nobody_tried_yet_waits_for_its_turn(db: Db) -> None:
    await used(db, OLD, 0)
    (old, _), (new, advice) = await states(db, 1, [OLD, NEW])
    assert (old, new) == ("in_use", "unused")
    assert advice.startswith("Not used yet")


async def test_a_refused_pair_may_be_deleted_an_hour_after_its_last_use(db: Db) -> None:
    await used(db, OLD, 0)
    await refused(db, OLD, 1)
    await used(db, NEW, 1)
    (state, advice), (new, _) = await states(db, 2, [OLD, NEW])
    assert (state, new) == ("refused", "in_use")
    assert advice.startswith("It may be deleted after")
    await used(db, NEW, 61)
    assert (await states(db, 61, [OLD, NEW]))[0][1] == "It may be deleted in ShipStation and taken out of the settings."


async def test_a_replica_with_older_settings_keeps_its_pair_from_being_deleted(db: Db) -> None:
    await used(db, OLD, 0)
    await used(db, NEW, 5)
    await used(db, OLD, 10)
    await used(db, NEW, 11)
    _, (state, advice) = await states(db, 12, [NEW, OLD])
    assert (state, advice[:24]) == ("leaving", "It may be deleted after ")
    assert (await states(db, 12, [NEW]))[1][0] == "leaving"


async def test_the_next_pair_is_never_called_old(db: Db) -> None:
    """It stood in for a moment when the first one was refused, and the first one is in use again."""
    await used(db, OLD, 0)
    await refused(db, OLD, 1)
    await used(db, NEW, 1)
    await refused(db, NEW, 2)
    await used(db, OLD, 2)
    (old, _), (new, _) = await states(db, 3, [OLD, NEW])
    assert (old, new) == ("in_use", "refused")


@pytest.mark.parametrize("minutes", [0.0, 200.0])
async def test_without_any_use_nothing_may_be_deleted(db: Db, minutes: float) -> None:
    await refused(db, OLD, 0)
    await refused(db, NEW, 0)
    assert not any("deleted" in advice for _, advice in await states(db, minutes, [OLD, NEW]))
