"""Doors at which every webhook is refused: a wrong secret, which nothing else would show, because the feeds find everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from syncd.errors import SyncError
from syncd.intake.tally import Refused
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.store.alarms import clear_alarm, raise_alarm

log = get_logger("intake")

LEAST = 3
"""So many in a row: one alone may be a stranger's."""
STANDS = timedelta(hours=1)


class Refusals:
    """`cures` says for each door what is wrong then. `rows` asks the port."""

    def __init__(
        self, cures: Mapping[str, str], rows: Callable[[], Awaitable[Mapping[str, Refused]]], db: Db, clock: Clock
    ) -> None:
        self._cures = cures
        self._rows = rows
        self._db = db
        self._clock = clock
        self._raised: dict[str, int] = {}
        """Door -> how many refusals its alarm told of."""

    async def watch(self) -> None:
        """Raises the alarms that are due and clears those that are over. Called several times a minute."""
        try:
            rows = await self._rows()
            for door, row in rows.items():
                if row.count >= LEAST and self._raised.get(door) != row.count:
                    await self._raise(door, row)
            for door in [door for door in self._raised if door not in rows]:
                await self._db.run(clear_alarm(alarm_name(door)))
                del self._raised[door]
                log.info("webhooks.accepted", store=door)
        except SyncError as error:
            log.warning("alarms.postponed", error_code=error.code, error_text=error.text)

    async def _raise(self, door: str, row: Refused) -> None:
        now = self._clock.now()
        text = (
            f"{row.count} webhooks of {door} were refused since {row.since.isoformat()[:19]} and none was let in. "
            f"{self._cures[door]} Meanwhile everything is found by polling."
        )
        await self._db.run(raise_alarm(alarm_name(door), text, now, now + STANDS))
        if door not in self._raised:
            log.error("webhooks.refused", store=door, count=row.count, reason=self._cures[door])
        self._raised[door] = row.count


def alarm_name(door: str) -> str:
    return f"webhooks:{door}"


def cures(stores: Sequence[str], shipstation: str) -> dict[str, str]:
    """By door; `shipstation` is the name of ShipStation's."""
    of_stores = {
        name: f"Set stores.{name}.client_secret to the secret that the app has now, and the former one as previous_client_secret; "
        "if both are right, somebody forges them."
        for name in stores
    }
    of_account = "Set shipstation.previous_webhook_secret to the secret that the subscriptions were made with."
    return {**of_stores, shipstation: of_account}
