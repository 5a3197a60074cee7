"""Which vendor accounts let us in. Losing and regaining access is said once each; lost accounts are probed slowly."""

from __future__ import annotations

from contextlib import suppress

from syncd.errors import AccessError, SyncError
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.budgets import pause, resume

log = get_logger("accounts")


class Accounts:
    """`probe_s` is how long a paused account is left alone before some work tries it again."""

    def __init__(self, db: Db, clock: Clock, probe_s: float = 60.0) -> None:
        self._db = db
        self._clock = clock
        self.probe_s = probe_s
        self._lost: dict[str, tuple[float, AccessError]] = {}
        self._noted: set[str] = set()
        """Accounts of which the database says that they let us in."""

    def refusal(self, account: str) -> AccessError | None:
        """The error that paused the account, while it is too early to try again."""
        lost = self._lost.get(account)
        return lost[1] if lost and self._clock.monotonic() < lost[0] else None

    async def lost(self, error: AccessError) -> None:
        known = error.account in self._lost
        self._lost[error.account] = (self._clock.monotonic() + self.probe_s, error)
        self._noted.discard(error.account)
        if not known:
            log.error("access.lost", account=error.account, error_code=error.code, error_text=error.text)
            with suppress(SyncError):  # for the status page only; the next refusal comes in a minute
                await self._db.run(pause(error.account, error.code, error.text, self._clock.now()))

    async def answered(self, account: str) -> None:
        """The account let us in: resumes it where it was lost, also in an earlier life of this process."""
        if self._lost.pop(account, None):
            log.info("account.resumed", account=account)
        if account not in self._noted:
            with suppress(SyncError):  # the next answer notes it
                await self._db.run(resume(account))
                self._noted.add(account)
