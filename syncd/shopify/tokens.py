"""Access tokens of one store: a static one, or one that is asked for again every day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlencode

from syncd.errors import AccessError, SyncError, ThrottledError, TransientError, UncertainError
from syncd.http import json_of
from syncd.ports import Clock, Http, Request, Response

EARLY_S = 600.0
TIMEOUT_S = 20.0
THROTTLED_S = 30.0


class TokenSource(Protocol):
    async def token(self) -> str: ...

    async def renewed(self, refused: str) -> str:
        """Another token than the one that was refused. Raises `AccessError` when there is none."""


class StaticToken:
    """Of an app made before 2026. It never expires and cannot be renewed."""

    def __init__(self, store: str, token: str) -> None:
        self._store = store
        self._token = token

    async def token(self) -> str:
        return self._token

    async def renewed(self, refused: str) -> str:
        raise AccessError(f"shopify:{self._store}", "http_401", "the access token is not accepted")


class ClientCredentials:
    """Tokens of 24 hours. Whoever finds it old asks for a new one; everybody else waits for that one."""

    def __init__(
        self, http: Http, clock: Clock, store: str, token_url: str, client_id: str, client_secret: str
    ) -> None:
        self._http = http
        self._clock = clock
        self._account = f"shopify:{store}"
        fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._request = Request(
            "POST",
            token_url,
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            urlencode(fields).encode(),
            TIMEOUT_S,
        )
        self._turn = asyncio.Lock()
        self._tries = 0
        """That have ended."""
        self._failure: SyncError | None = None
        """Of the last one."""
        self._token: str | None = None
        self._renew_at = 0.0

    async def token(self) -> str:
        return await self._had(lambda: self._clock.monotonic() >= self._renew_at)

    async def renewed(self, refused: str) -> str:
        return await self._had(lambda: self._token == refused)

    async def _had(self, is_old: Callable[[], bool]) -> str:
        """Who waited behind a try that failed shares its failure: one after the other would wait for an answer that never comes."""
        tries = self._tries
        async with self._turn:
            if self._token is None or is_old():
                if self._tries != tries and self._failure:
                    raise self._failure
                await self._try()
            assert self._token is not None
            return self._token

    async def _try(self) -> None:
        self._failure = None
        try:
            await self._renew()
        except SyncError as error:
            self._failure = error
            raise
        finally:
            self._tries += 1

    async def _renew(self) -> None:
        asked_at = self._clock.monotonic()
        try:
            response = await self._http.send(self._request)
        except UncertainError as error:  # a token more does no harm
            raise TransientError(error.code, error.text) from error
        token, lives_s = self._granted(response)
        self._token = token
        self._renew_at = asked_at + max(lives_s - EARLY_S, lives_s / 2)

    def _granted(self, response: Response) -> tuple[str, float]:
        """The token and the seconds that it lives."""
        if response.status == 429:
            raise ThrottledError("http_429", THROTTLED_S, "too many requests for tokens")
        if response.status >= 500:
            raise TransientError(f"http_{response.status}", "no token could be had")
        try:
            body = json_of(response)
        except ValueError as error:
            if response.status == 200:
                raise TransientError("not_json", "no token could be had") from error
            body = None
        said = body if isinstance(body, dict) else {}
        token, lives_s = said.get("access_token"), said.get("expires_in")
        if response.status != 200:
            # invalid_client, shop_not_permitted, app_not_installed; the description may be absent
            code = said.get("error") if isinstance(said.get("error"), str) else f"http_{response.status}"
            raise AccessError(self._account, str(code), str(said.get("error_description") or "no token is given to us"))
        if not isinstance(token, str) or not token or not isinstance(lives_s, int) or lives_s <= 0:
            raise TransientError("no_token", "the answer holds no token")
        return token, float(lives_s)
