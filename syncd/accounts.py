"""Which vendor accounts let us in. Losing and regaining access is said once each; lost accounts are probed slowly."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from mappings.access import CALL_CODES
from syncd.errors import AccessError, SyncError
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.budgets import pause, resume

log = get_logger("accounts")

FORGOTTEN_S = 900.0
"""A refusal that nobody met again for so long is over: whoever asked has nothing more to ask."""

LATELY_S = 1800.0
"""Longer than the longest wait of one order: whoever failed beside it was tried in that time."""


@dataclass(frozen=True)
class _Loss:
    """`probe_at` is when the same may be asked again."""

    error: AccessError
    probe_at: float

    @property
    def is_of_one_call(self) -> bool:
        return self.error.code in CALL_CODES


class Accounts:
    """`probe_s` is how long a paused account is left alone before some work tries it again.

    `by` names the work that was refused or answered, such as a feed: a missing scope closes one kind of call, so that only the
    same work can tell that it is open again.
    """

    def __init__(self, db: Db, clock: Clock, probe_s: float = 60.0) -> None:
        self._db = db
        self._clock = clock
        self.probe_s = probe_s
        self._lost: dict[str, dict[str, _Loss]] = {}
        self._answered_at: dict[tuple[str, str], float] = {}
        self._noted: set[str] = set()
        """Accounts of which the database says that they let us in."""

    def refusal(self, account: str) -> AccessError | None:
        """The error that paused the account, while it is too early to try again."""
        now = self._clock.monotonic()
        return next((loss.error for loss in self._lost.get(account, {}).values() if now < loss.probe_at), None)

    def is_outage(self, account: str, by: str) -> bool:
        """Whether this work had no success for `LATELY_S`. So it is at the start, until it has one."""
        answered_at = self._answered_at.get((account, by))
        return answered_at is None or self._clock.monotonic() - answered_at > LATELY_S

    async def lost(self, error: AccessError, by: str) -> None:
        losses = self._lost.setdefault(error.account, {})
        is_said = any(loss.error.code == error.code for loss in losses.values())
        is_fresh = is_said and self.refusal(error.account) is not None
        losses[by] = _Loss(error, self._clock.monotonic() + self.probe_s)
        self._noted.discard(error.account)
        if not is_said:
            log.error("access.lost", account=error.account, error_code=error.code, error_text=error.text)
        if is_fresh:
            return
        now = self._clock.now()
        with suppress(SyncError):  # for the status page only; the next refusal comes in a minute
            until = now + timedelta(seconds=FORGOTTEN_S)
            await self._db.run(pause(error.account, error.code, error.text, now, until))

    async def answered(self, account: str, by: str) -> None:
        """The account let us in: resumes it where it was lost, also in an earlier life of this process."""
        self._answered_at[account, by] = self._clock.monotonic()
        if account in self._lost:
            oldest = self._clock.monotonic() - FORGOTTEN_S
            still = {
                other: loss
                for other, loss in self._lost[account].items()
                if loss.is_of_one_call and other != by and loss.probe_at > oldest
            }
            if still:
                self._lost[account] = still
                return
            del self._lost[account]
            log.info("account.resumed", account=account)
        if account not in self._noted:
            with suppress(SyncError):  # the next answer notes it
                await self._db.run(resume(account))
                self._noted.add(account)
