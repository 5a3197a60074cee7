"""Shop names, versions, scopes and tokens; and that the library's global session stays untouched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from urllib.parse import parse_qs

import pytest
import shopify

from syncd.errors import AccessError, SyncError, ThrottledError, TransientError, UncertainError
from syncd.ports import Request, Response
from syncd.shopify.access import (
    REQUIRED_SCOPES,
    check_shop_domain,
    check_version,
    endpoint,
    missing_scopes,
    supported_until,
)
from syncd.shopify.tokens import ClientCredentials, StaticToken
from tests.shopify.store import Store
from tests.simulated import SimulatedClock


def test_the_shop_has_its_own_address() -> None:
    place = endpoint("main-shop.myshopify.com", "2026-10")
    assert place.graphql_url == "https://main-shop.myshopify.com/admin/api/2026-10/graphql.json"
    assert place.token_url == "https://main-shop.myshopify.com/admin/oauth/access_token"


def test_another_address_may_stand_in_for_it() -> None:
    place = endpoint("main-shop.myshopify.com", "2026-10", "http://127.0.0.1:9001/main-shop.myshopify.com/")
    assert place.graphql_url == "http://127.0.0.1:9001/main-shop.myshopify.com/admin/api/2026-10/graphql.json"
    assert place.token_url == "http://127.0.0.1:9001/main-shop.myshopify.com/admin/oauth/access_token"


async def test_nothing_global_is_activated() -> None:
    store = Store()
    await store.do(store.tokens.token())
    assert shopify.ShopifyResource.site is None
    assert "X-Shopify-Access-Token" not in shopify.ShopifyResource.headers


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    script = "import sys, syncd.shopify.access; sys.exit('shopify' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("shop", ["evil.com", "demo.myshopify.com.evil.com", "Main.myshopify.com", "main", "", "a b"])
def test_what_is_no_shop_is_refused(shop: str) -> None:
    with pytest.raises(ValueError, match="permanent address"):
        check_shop_domain(shop)


@pytest.mark.parametrize("version", ["2026-13", "2026-11", "unstable", "latest", "2026-1", ""])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="API version"):
        check_version(version)


def test_a_version_lives_for_a_year() -> None:
    assert supported_until("2026-10") == date(2027, 10, 16)


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (list(REQUIRED_SCOPES), []),
        ([scope.replace("read_", "write_") for scope in REQUIRED_SCOPES], []),
        (list(REQUIRED_SCOPES)[1:], ["read_orders"]),
        (["customer_read_orders", "write_orders", ""], sorted(list(REQUIRED_SCOPES)[1:])),
        ([], sorted(REQUIRED_SCOPES)),
    ],
)
def test_missing_scopes_are_named(granted: list[str], missing: list[str]) -> None:
    assert missing_scopes(granted) == missing


class Grants:
    """A token endpoint that gives t1, t2, and so on, or what it is told to."""

    def __init__(self, clock: SimulatedClock, answer: Callable[[], Response] | None = None) -> None:
        self.clock = clock
        self.answer = answer
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        await self.clock.sleep(1)
        if self.answer:
            return self.answer()
        body = f'{{"access_token":"t{len(self.requests)}","scope":"","expires_in":86399}}'
        return Response(200, {}, body.encode())


def _source(http: Grants) -> ClientCredentials:
    return ClientCredentials(http, http.clock, "main", "https://x.test/token", "id & more", "s=cret")


async def test_everybody_waits_for_one_token() -> None:
    http = Grants(SimulatedClock())
    source = _source(http)
    assert set(await http.clock.run(*(source.token() for _ in range(20)))) == {"t1"}
    fields = parse_qs((http.requests[0].body or b"").decode())
    assert fields == {"grant_type": ["client_credentials"], "client_id": ["id & more"], "client_secret": ["s=cret"]}


async def test_who_waits_for_a_token_that_does_not_come_waits_once() -> None:
    """Of an address that hangs each call lasts its whole time limit."""
    http = Grants(SimulatedClock(), lambda: Response(500, {}, b""))
    source = _source(http)

    async def code() -> str:
        with pytest.raises(TransientError) as caught:
            await source.token()
        return caught.value.code

    assert await http.clock.run(*(code() for _ in range(20))) == ["http_500"] * 20
    assert (len(http.requests), http.clock.monotonic()) == (1, 1.0)
    http.answer = None
    assert await http.clock.run(source.token()) == ["t2"]


async def test_a_token_is_renewed_ten_minutes_before_it_ends() -> None:
    http = Grants(SimulatedClock())
    source = _source(http)
    await http.clock.run(source.token())
    await http.clock.run(http.clock.sleep(86399 - 602))
    assert await http.clock.run(source.token()) == ["t1"]
    await http.clock.run(http.clock.sleep(10))
    assert await http.clock.run(source.token()) == ["t2"]


async def test_a_refused_token_is_renewed_by_the_first_who_tells() -> None:
    http = Grants(SimulatedClock())
    source = _source(http)
    await http.clock.run(source.token())
    assert await http.clock.run(*(source.renewed("t1") for _ in range(5))) == ["t2"] * 5


def _raise(error: Exception) -> Response:
    raise error


TROUBLE: dict[str, tuple[Callable[[], Response], type[SyncError], str]] = {
    "secret": (lambda: Response(400, {}, b'{"error":"invalid_client"}'), AccessError, "invalid_client"),
    "organization": (lambda: Response(400, {}, b'{"error":"shop_not_permitted"}'), AccessError, "shop_not_permitted"),
    "page": (lambda: Response(404, {}, b"<html>"), AccessError, "http_404"),
    "throttle": (lambda: Response(429, {}, b""), ThrottledError, "http_429"),
    "away": (lambda: Response(503, {}, b""), TransientError, "http_503"),
    "html": (lambda: Response(200, {}, b"<html>"), TransientError, "not_json"),
    "empty": (lambda: Response(200, {}, b"{}"), TransientError, "no_token"),
    "list": (lambda: Response(200, {}, b"[]"), TransientError, "no_token"),
    "lost": (lambda: _raise(UncertainError("answer_lost")), TransientError, "answer_lost"),
}


@pytest.mark.parametrize(("answer", "kind", "code"), TROUBLE.values(), ids=TROUBLE)
async def test_why_there_is_no_token(answer: Callable[[], Response], kind: type[SyncError], code: str) -> None:
    http = Grants(SimulatedClock(), answer)
    with pytest.raises(SyncError) as caught:
        await http.clock.run(_source(http).token())
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert "s=cret" not in str(caught.value)


async def test_a_static_token_cannot_be_renewed() -> None:
    source = StaticToken("main", "shpat_x")
    assert await source.token() == "shpat_x"
    with pytest.raises(AccessError):
        await source.renewed("shpat_x")
