"""The Http port over sockets: what arrived, what surely never left, and what nobody knows."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.resolver import ThreadedResolver
from hypothesis import given
from hypothesis import strategies as st

from syncd import __version__, http
from syncd.errors import TransientError, UncertainError
from syncd.http import AiohttpHttp, json_bytes, json_of
from syncd.ports import Request, Response


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    said = {"query": request.query_string, "agent": request.headers["User-Agent"], "body": body.decode()}
    return web.json_response(said, status=201, headers={"X-Rate-Limit-Remaining": "7", "Set-Cookie": "a=b"})


async def _redirect(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/echo")


async def _slow(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _truncated(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b'{"half')
    assert request.transport is not None
    request.transport.close()
    return answer


async def _bomb(_request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(bytes(200_000)), headers={"Content-Encoding": "gzip"})


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    app = web.Application()
    for name, route in (
        ("echo", _echo),
        ("redirect", _redirect),
        ("slow", _slow),
        ("reset", _reset),
        ("truncated", _truncated),
        ("bomb", _bomb),
    ):
        app.router.add_route("*", f"/{name}", route)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[AiohttpHttp]:
    client = AiohttpHttp()
    yield client
    await client.close()


async def test_an_answer_arrives_whole_with_lower_case_headers(client: AiohttpHttp, origin: str) -> None:
    answer = await client.send(Request("POST", f"{origin}/echo?a=1%2B2", body=b"hello"))
    assert answer.status == 201
    assert answer.headers["x-rate-limit-remaining"] == "7"
    assert json_of(answer) == {"query": "a=1%2B2", "agent": f"syncd/{__version__}", "body": "hello"}


async def test_a_redirect_is_not_followed(client: AiohttpHttp, origin: str) -> None:
    assert (await client.send(Request("GET", f"{origin}/redirect"))).status == 302


@pytest.mark.parametrize("path", ["slow", "reset", "truncated"])
async def test_a_lost_answer_to_a_write_is_uncertain(client: AiohttpHttp, origin: str, path: str) -> None:
    with pytest.raises(UncertainError) as caught:
        await client.send(Request("POST", f"{origin}/{path}", body=b"x", timeout_s=0.2))
    assert caught.value.code == "answer_lost"
    assert "127.0.0.1" not in caught.value.text


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "https://host.invalid/x"])
async def test_a_request_that_never_left_is_transient(client: AiohttpHttp, url: str) -> None:
    with pytest.raises(TransientError) as caught:
        await client.send(Request("POST", url, headers={"Authorization": "Basic c2VjcmV0"}, body=b"x"))
    assert caught.value.code == "connect_failed"
    assert "invalid" not in str(caught.value)


async def test_tls_to_a_plain_server_never_left(client: AiohttpHttp, origin: str) -> None:
    with pytest.raises(TransientError):
        await client.send(Request("POST", f"{origin.replace('http', 'https')}/echo", body=b"x"))


async def test_the_proxy_of_the_environment_is_used(
    client: AiohttpHttp, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", origin)
    assert (await client.send(Request("GET", "http://shop.invalid/echo"))).status == 201


async def test_an_answer_beyond_the_cap_is_not_read_to_its_end(
    client: AiohttpHttp, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_BODY", 100_000)
    with pytest.raises(UncertainError) as caught:
        await client.send(Request("GET", f"{origin}/bomb"))
    assert caught.value.code == "answer_too_large"


async def test_it_may_be_closed_unused_and_twice() -> None:
    client = AiohttpHttp()
    await client.close()
    await client.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"half', b"NaN", b"[Infinity]", b"\xff\xfe", b"[" * 100_000, b"9" * 5000],
    ids=["empty", "html", "truncated", "nan", "infinity", "no_utf8", "deep", "long_number"],
)
def test_nonsense_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        json_of(Response(200, {}, body))


def test_fractions_are_exact() -> None:
    assert json_of(Response(200, {}, b'{"a": 10.10}')) == {"a": Decimal("10.10")}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_is_what_the_standard_encoder_writes(value: Any) -> None:
    assert json_bytes(value) == json.dumps(value, separators=(",", ":")).encode()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_an_amount_survives_digit_by_digit(amount: Decimal) -> None:
    read = json_of(Response(200, {}, json_bytes({"amount": amount})))["amount"]
    assert read == amount
    assert json_bytes({"a": Decimal("9.50")}) == b'{"a":9.50}'


@pytest.mark.parametrize("value", [Decimal("NaN"), float("inf")])
def test_what_is_no_number_is_not_sent(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - two kinds of it
        json_bytes([value])


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "localhost"])
async def test_a_public_request_never_goes_into_a_private_network(host: str) -> None:
    http = AiohttpHttp()
    try:
        with pytest.raises(TransientError, match="private_address"):
            await http.send(Request("POST", f"http://{host}:9/", is_public=True))
    finally:
        await http.close()


async def test_a_name_that_leads_into_a_private_network_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside(*_: object) -> list[dict[str, object]]:
        return [{"hostname": "desk.example.com", "host": "10.0.0.7", "port": 9, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr(ThreadedResolver, "resolve", inside)
    http = AiohttpHttp()
    try:
        with pytest.raises(TransientError, match="connect_failed"):
            await http.send(Request("POST", "http://desk.example.com:9/", is_public=True))
    finally:
        await http.close()
