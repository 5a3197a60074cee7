"""Asks what parcels would cost, for rules that choose by that: remembered for an hour, with calls to spare, never waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

from mappings.rates import Parcel, Question, Quotes, Rate, Without
from syncd.budget import Call, Urgency
from syncd.errors import AccessError, RejectedError, SyncError, ThrottledError
from syncd.logs import get_logger
from syncd.ports import Clock
from syncd.shipstation.rates import Found, Places, RateSource
from syncd.shipstation.reads import Origin

log = get_logger("rates")

LONGEST_S = 10.0
"""So long the orders of a batch wait for rates."""
PAUSE_S = {"late": 60.0, "closed": 900.0}
"""So long nobody is asked who let us wait, or does not let us in."""
SHARE, WINDOW_S = 0.25, 60.0
"""Of an account's window: so much at most goes into rates, and only while it is not full of other things."""
KEPT_S = 3600.0
PLACES_KEPT_S = 6 * 3600.0
MOST_KEPT = 20_000

Gap = tuple[Parcel, str]
"""A parcel, and a carrier that was not asked about it lately."""
Failed = dict[Gap | None, Without]
"""Why some were not answered; None: why nobody was."""


class _Heard(NamedTuple):
    at_s: float
    rates: tuple[Rate, ...]


class Rates:
    """`sources`: the first one that lets us in is asked. What it answered dies with the process: what was chosen by it does not."""

    def __init__(self, sources: Sequence[RateSource], clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._heard: dict[Gap, _Heard] = {}
        self._places: dict[str, tuple[float, Places]] = {}
        self._paused_until: dict[str, float] = {}
        self._spent_s: dict[str, list[float]] = {}

    async def quotes(self, questions: Iterable[Question]) -> dict[Question, Quotes]:
        """One for each. Nobody is waited for longer than `LONGEST_S`, and nothing is raised that ShipStation does."""
        wanted = list(dict.fromkeys(questions))
        quotes = {one: Quotes(unanswered="closed") for one in wanted}
        for source in self._sources if wanted else ():
            if self._paused_until.get(source.account, 0.0) <= self._clock.monotonic():
                quotes = await self._quotes_of(source, wanted)
            if any(one.unanswered != "closed" for one in quotes.values()):
                break
        return quotes

    async def _quotes_of(self, source: RateSource, wanted: Sequence[Question]) -> dict[Question, Quotes]:
        failed: Failed = {}
        if not await self._in_time(self._ask_all(source, wanted, failed)):
            self._pause(source, "late", "no rates in time")
            failed.setdefault(None, "late")
        return {one: self._quotes(source, one, failed) for one in wanted}

    async def _in_time(self, asking: Coroutine[Any, Any, None]) -> bool:
        task, limit = asyncio.ensure_future(asking), asyncio.ensure_future(self._clock.sleep(LONGEST_S))
        try:
            await asyncio.wait({task, limit}, return_when=asyncio.FIRST_COMPLETED)
            return task.done()
        finally:
            is_done = task.done()
            for one in (task, limit):
                one.cancel()
            await asyncio.gather(task, limit, return_exceptions=True)
            if is_done:
                task.result()

    async def _ask_all(self, source: RateSource, wanted: Sequence[Question], failed: Failed) -> None:
        try:
            places = await self._learn(source)
        except SyncError as error:
            failed[None] = self._reason(source, error)
            return
        gaps: dict[Parcel, dict[str, None]] = {}
        for one in wanted:
            for carrier in one.carriers or places.carriers:
                if not self._knows((one.parcel, carrier)):
                    gaps.setdefault(one.parcel, {})[carrier] = None
        async with asyncio.TaskGroup() as sending:
            for parcel, carriers in gaps.items():
                await self._ask(source, places, parcel, list(carriers), failed, sending)

    async def _ask(
        self,
        source: RateSource,
        places: Places,
        parcel: Parcel,
        carriers: list[str],
        failed: Failed,
        sending: asyncio.TaskGroup,
    ) -> None:
        """One parcel after the other gets all its calls, or none: what one carrier would take says nothing without the others."""
        there = [one for one in carriers if one in places.carriers]
        self._keep(parcel, {one: () for one in carriers if one not in there})
        parts = [there[start : start + source.at_once] for start in range(0, len(there), source.at_once)]
        origin, is_enough = places.origins.get(parcel.warehouse_id), self._has_calls(source, len(parts))
        for part in parts:
            without: Without = "budget" if origin else "no_origin"
            try:
                call = await self._granted(source) if origin and is_enough else None
            except SyncError as error:
                call, without = None, self._reason(source, error)
            if call and origin:
                sending.create_task(self._send(source, parcel, origin, part, call, failed))
            else:
                failed |= dict.fromkeys(((parcel, one) for one in part), without)

    async def _send(
        self, source: RateSource, parcel: Parcel, origin: Origin, carriers: list[str], call: Call, failed: Failed
    ) -> None:
        try:
            self._keep(parcel, await source.rates(parcel, origin, carriers, call))
        except RejectedError:
            self._keep(parcel, dict.fromkeys(carriers, ()))
        except SyncError as error:
            failed |= {(parcel, one): self._reason(source, error) for one in carriers}

    def _has_calls(self, source: RateSource, count: int) -> bool:
        """An account of more carriers than the share has calls gets its answers in two windows."""
        now, spent = self._clock.monotonic(), self._spent_s.setdefault(source.account, [])
        spent[:] = [at_s for at_s in spent if now - at_s < WINDOW_S]
        return not spent or len(spent) + count <= self._share(source)

    async def _granted(self, source: RateSource) -> Call | None:
        spent = self._spent_s[source.account]
        if len(spent) >= self._share(source):
            return None
        if call := await source.budget.grant_now(Urgency.RATES):
            spent.append(self._clock.monotonic())
        return call

    def _share(self, source: RateSource) -> int:
        return max(1, int(SHARE * source.budget.usage(self._clock.now()).limit))

    async def _learn(self, source: RateSource) -> Places:
        """The account's carriers and warehouses."""
        now = self._clock.monotonic()
        learned_at, places = self._places.get(source.account, (0.0, None))
        if places is None or now - learned_at > PLACES_KEPT_S:
            places = await source.places()
            self._places[source.account] = now, places
        return places

    def _reason(self, source: RateSource, error: SyncError) -> Without:
        if isinstance(error, AccessError):
            self._pause(source, "closed", error.text)
            return "closed"
        return "budget" if isinstance(error, ThrottledError) else "failed"

    def _pause(self, source: RateSource, why: Without, text: str) -> None:
        log.warning("rates.paused", account=source.account, error_code=why, error_text=text, wait_s=PAUSE_S[why])
        self._paused_until[source.account] = self._clock.monotonic() + PAUSE_S[why]

    def _knows(self, gap: Gap) -> bool:
        heard = self._heard.get(gap)
        return heard is not None and self._clock.monotonic() - heard.at_s <= KEPT_S

    def _keep(self, parcel: Parcel, found: Found) -> None:
        now = self._clock.monotonic()
        for carrier, rates in found.items():
            self._heard.pop((parcel, carrier), None)
            self._heard[parcel, carrier] = _Heard(now, rates)
        while len(self._heard) > MOST_KEPT:
            del self._heard[next(iter(self._heard))]

    def _quotes(self, source: RateSource, question: Question, failed: Failed) -> Quotes:
        _, places = self._places.get(source.account, (0.0, Places({}, ())))
        gaps = [(question.parcel, carrier) for carrier in question.carriers or places.carriers]
        missing = [gap for gap in gaps if not self._knows(gap)]
        if missing or not gaps:
            reasons = [failed[gap] for gap in missing if gap in failed]
            return Quotes(unanswered=failed.get(None) or next(iter(reasons), "failed" if gaps else "refused"))
        return Quotes(tuple(rate for gap in gaps for rate in self._heard[gap].rates))
