"""Answers of both vendors, mutilated on their way into the whole daemon: nothing may crash, pass for success, or be lost.

Days of selling, editing, cancelling and shipping in virtual time. While a day is stormy, answers lose members, get nulls, other
types, unknown words, broken JSON; those of the second kind are nonsense as a whole, and the request behind them is never carried
out. Then the answers are whole again, everything comes to rest, and the account must be clean.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from syncd.http import json_bytes, json_of
from syncd.logs import set_up_logs
from syncd.ports import Http, Request, Response
from syncd.simulation.day import Day, Fates, settings_of
from syncd.simulation.virtual_time import VirtualLoop

ORDERS = 8
STORM_S = 600.0
SHARE = 0.3
POLL_S = 5.0
NONSENSE: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"true",
    b"0",
    b'""',
    b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>",
    b'{"orders": {',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"data": null}',
    b'{"data": {}}',
    b'{"errors": []}',
    b'{"errors": null, "data": []}',
    b'{"results": null}',
    b'{"hasErrors": false, "results": []}',
    b'{"orders": null, "total": 0}',
    b"NaN",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    "",
    "BRAND_NEW",
    [],
    {},
    [None],
    True,
    -1,
    0,
    10**30,
    "x" * 5000,
    "\x00\ud800"[:1],
    {"id": None},
)


class Bugs(logging.Handler):
    """Exceptions that the daemon caught as its own mistakes, by event and place."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = record.msg if isinstance(record.msg, dict) else {"event": record.msg, "exc_info": record.exc_info}
        if event.get("exc_info"):
            self.found[f"{event['event']}: {_told(event['exc_info'])}"] += 1


def _told(info: Any) -> str:
    error = info if isinstance(info, BaseException) else sys.exc_info()[1]
    if error is None:
        return "?"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} {str(error)[:100]} at {Path(frame.filename).name}:{frame.lineno}"


class Storm:
    """Put between the network and the vendors."""

    def __init__(self, vendors: Http, rng: Random, share: float = SHARE) -> None:
        self._vendors = vendors
        self._rng = rng
        self._share = share
        self.is_on = False
        self.mutated: Counter[str] = Counter()

    async def send(self, request: Request) -> Response:
        if self.is_on and self._rng.random() < self._share / 5:
            self.mutated["nonsense instead"] += 1
            return Response(200, {"content-type": "application/json"}, self._rng.choice(NONSENSE))
        response = await self._vendors.send(request)
        if not self.is_on or self._rng.random() >= self._share:
            return response
        kind, body = mutated(response, self._rng)
        self.mutated[kind] += 1
        return replace(response, body=body)


def mutated(response: Response, rng: Random) -> tuple[str, bytes]:
    """One change, told by its kind."""
    try:
        whole = json_of(response)
    except ValueError:
        return "nonsense", rng.choice(NONSENSE)
    places = list(_places(whole))
    kind = rng.choice(("nonsense", "truncated", *KINDS, *KINDS, *KINDS, *KINDS))
    if kind == "nonsense" or not places:
        return "nonsense", rng.choice(NONSENSE)
    if kind == "truncated":
        return kind, response.body[: rng.randrange(len(response.body))]
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        owner, key = rng.choice(places)
        try:
            KINDS[kind](owner, key, rng)
        except (KeyError, IndexError, TypeError):
            continue
    return kind, json_bytes(whole)


def _places(value: Any) -> Any:
    """(owner, key) of everything inside."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


def _drop(owner: Any, key: Any, rng: Random) -> None:
    if isinstance(owner, dict):  # a row that is not in its list is no nonsense: it may really be gone
        del owner[key]


def _odd(owner: Any, key: Any, rng: Random) -> None:
    if isinstance(owner[key], list):
        owner[key] = rng.choice([value for value in ODD_VALUES if not isinstance(value, list)])
    elif isinstance(owner[key], int | Decimal | bool):  # another number may be true
        owner[key] = rng.choice([value for value in ODD_VALUES if not isinstance(value, int)])
    else:
        owner[key] = rng.choice(ODD_VALUES)


def _null(owner: Any, key: Any, rng: Random) -> None:
    owner[key] = None


def _other_type(owner: Any, key: Any, rng: Random) -> None:
    """Numbers as text, text as numbers, what holds things as what does not."""
    value = owner[key]
    match value:
        case bool():
            owner[key] = str(value).lower()
        case int() | Decimal():
            owner[key] = str(value)
        case str():
            owner[key] = int(value) if value.isdigit() and value.isascii() else [value]
        case list():
            owner[key] = {str(place): one for place, one in enumerate(value)}
        case dict():
            owner[key] = list(value.values())


def _double(owner: Any, key: Any, rng: Random) -> None:
    if isinstance(owner, list):
        owner.append(owner[key])


def _more(owner: Any, key: Any, rng: Random) -> None:
    if isinstance(owner, dict):
        owner["somethingNew"] = {"deep": [1, None, "x"]}


KINDS: dict[str, Callable[[Any, Any, Random], None]] = {
    "dropped": _drop,
    "odd": _odd,
    "null": _null,
    "other type": _other_type,
    "doubled": _double,
    "more": _more,
}


@dataclass(frozen=True)
class DayEnded:
    seed: int
    mutated: Counter[str]
    bugs: Counter[str]
    problems: Sequence[str]


async def stormy_day(seed: int, orders: int = ORDERS) -> DayEnded:
    """One day: its answers, what the daemon thought its own mistakes, and what was wrong at rest."""
    rng = Random(f"{seed} mutations")
    bugs = Bugs()
    logging.getLogger().addHandler(bugs)
    day = Day(
        Fates(
            seed=seed,
            settings=settings_of(
                sync={"sweep_s": rng.choice((120, 100_000)), "order_poll_s": POLL_S, "shipment_poll_s": POLL_S}
            ),
        )
    )
    storm = day.network.vendors = Storm(day.network.vendors, rng)
    problems: list[str] = []
    try:
        await day.start()
        await day.until(day.is_subscribed)
        storm.is_on = True
        await _people(day, rng, orders)
        storm.is_on = False
        await day.rest(3600.0)
        problems = await _problems(day)
    except AssertionError as error:
        problems = [f"assertion: {str(error)[:300]}"]
    finally:
        logging.getLogger().removeHandler(bugs)
        died = [f"died: {name} {error!r}" for name, error in day.died]
        day.died.clear()
        await day.end()
    return DayEnded(seed, storm.mutated, bugs.found, [*died, *problems])


async def _people(day: Day, rng: Random, orders: int) -> None:
    sold = day.sell(orders, over_s=STORM_S / 4, mix={"two_locations": 0.3})
    await day.passes(STORM_S / 3)
    for order_id in sold:
        match rng.randrange(4):
            case 0:
                day.shopify.people.cancel(order_id)
            case 1:
                day.shopify.people.edit(order_id, note=f"changed {rng.random()}")
    await day.passes(STORM_S / 3)
    day.shipstation.labels.ship_all()
    await day.passes(STORM_S / 3)


async def _problems(day: Day) -> list[str]:
    account = await day.account()
    problems = [] if account.is_clean else [f"account: {account}"[:1500]]
    problems += [f"more fulfilled than ordered: {one}" for one in day.over_fulfilled()]
    problems += [
        f"{one['ref']} {one['cause']}: {one['detail']}"
        for one in (await day.told()).values()
        if one["state"] == "parked" and one["cause"] != "cancelled_after_label"
    ]
    return problems


def run_day(seed: int) -> DayEnded:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(stormy_day(seed))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mutations", description=__doc__)
    parser.add_argument("--answers", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    set_up_logs("error")
    logging.getLogger().handlers.clear()
    mutations: Counter[str] = Counter()
    bugs: Counter[str] = Counter()
    bad: list[DayEnded] = []
    began, seed = time.monotonic(), wishes.seed
    while mutations.total() < wishes.answers:
        ended = run_day(seed)
        mutations += ended.mutated
        bugs += ended.bugs
        if ended.problems or ended.bugs:
            bad.append(ended)
            for line in ended.problems:
                print(f"seed {seed}: {line}", flush=True)
        seed += 1
    print(f"{mutations.total()} mutated answers in {seed - wishes.seed} days, {time.monotonic() - began:.0f} s")
    print(json.dumps(mutations))
    for text, count in bugs.most_common():
        print(f"{count:5} {text}")
    print(f"days with a problem: {len(bad)}")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
