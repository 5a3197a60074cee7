"""The key pairs of the account: in which order they are tried, which one is in use, and what is remembered of that.

The order of the settings decides, except that a pair which was refused last time goes behind one that was not: a start after
the first pair expired costs no refused call.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from syncd.errors import SyncError
from syncd.logs import get_logger
from syncd.ports import Clock, Db
from syncd.settings.groups import KeyPair
from syncd.store.keys import key_uses, note_refusal, note_use

log = get_logger("keys")

NOTED_EVERY_S = 60.0
QUIET = timedelta(hours=1)
"""A pair that no replica used for so long is not in use any more."""
SHORTEST_TOLD = 16
"""Of a shorter key its last letters would tell too much."""


@dataclass(frozen=True)
class Login:
    """`name` is the pair's place in the settings."""

    name: str
    key_id: str
    ends_in: str
    authorization: str = field(repr=False)


def login_of(pair: KeyPair) -> Login:
    key, secret = pair.key.get_secret_value(), pair.secret.get_secret_value()
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    return Login(pair.name, key_id(pair), key[-4:] if len(key) >= SHORTEST_TOLD else "", f"Basic {basic}")


def key_id(pair: KeyPair) -> str:
    """Says nothing about the key, and is the same wherever the pair stands in the settings."""
    return hashlib.sha256(pair.key.get_secret_value().encode()).hexdigest()[:16]


class Keys(Protocol):
    async def logins(self) -> Sequence[Login]:
        """In the order in which to try them."""

    async def accepted(self, login: Login) -> None: ...

    async def refused(self, login: Login) -> None: ...


class OnlyKey:
    """One pair, to try it out: nothing is remembered."""

    def __init__(self, pair: KeyPair) -> None:
        self._login = login_of(pair)

    async def logins(self) -> Sequence[Login]:
        return (self._login,)

    async def accepted(self, login: Login) -> None:
        return

    async def refused(self, login: Login) -> None:
        return


class KeyRing:
    """All pairs of the settings."""

    def __init__(self, db: Db, clock: Clock, pairs: Sequence[KeyPair]) -> None:
        self._db = db
        self._clock = clock
        self._logins = [login_of(pair) for pair in pairs]
        self._is_ordered = len(pairs) < 2
        self._ordering = asyncio.Lock()
        self._noted: dict[str, float] = {}
        self._refused: set[str] = set()

    async def logins(self) -> Sequence[Login]:
        async with self._ordering:
            if not self._is_ordered:
                with suppress(SyncError):  # a busy database: the order of the settings will do for this call
                    refused = {row.key_id for row in await self._db.run(key_uses()) if row.is_refused}
                    self._logins.sort(key=lambda login: login.key_id in refused)
                    self._is_ordered = True
        return tuple(self._logins)

    async def accepted(self, login: Login) -> None:
        """Tries it first from now on. Calls in flight go on with the order that they began with."""
        if self._logins[0] != login:
            self._logins = [login, *(other for other in self._logins if other != login)]
            log.warning("key_pair.changed", setting=login.name)
        self._refused.discard(login.key_id)
        now = self._clock.monotonic()
        if now - self._noted.get(login.key_id, -NOTED_EVERY_S) < NOTED_EVERY_S:
            return
        self._noted[login.key_id] = now
        with suppress(SyncError):  # noted again in a minute
            await self._db.run(note_use(login.key_id, login.ends_in, self._clock.now(), QUIET))

    async def refused(self, login: Login) -> None:
        """Said and noted once."""
        if login.key_id in self._refused:
            return
        self._refused.add(login.key_id)
        self._noted.pop(login.key_id, None)
        log.warning("key_pair.refused", setting=login.name)
        with suppress(SyncError):  # for the next start: it then costs one refused call
            await self._db.run(note_refusal(login.key_id, login.ends_in, self._clock.now()))
