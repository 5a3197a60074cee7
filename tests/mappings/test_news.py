"""Carriers' news: what is kept, what Shopify is still to be told, and how a message to a help desk is signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.news import NewsEvent, is_older, kept_news, news_of_webhook, next_ask, shopify_events, untold_events
from mappings.outbound import is_private, next_try, signed_headers

BEGAN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SCANS = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from(["AC", "IT", "AT", "SP", "DE", "EX", "NY", "??"])), max_size=12
)


def news_of(scans: list[tuple[int, str]]) -> dict[str, Any]:
    """Minutes and codes, as V2 lists them: newest first."""
    rows = sorted(scans, key=lambda scan: scan[0], reverse=True)
    return kept_news(
        {
            "events": [
                {"occurred_at": (BEGAN + timedelta(minutes=at)).isoformat(), "status_code": code} for at, code in rows
            ]
        }
    )


@given(SCANS, st.integers(0, 12))
def test_whatever_was_told_already_the_rest_completes_it_once_and_in_order(
    scans: list[tuple[int, str]], told: int
) -> None:
    wanted = shopify_events(news_of(scans))
    there = wanted[:told]
    whole = [*there, *untold_events(wanted, there)]
    assert untold_events(wanted, whole) == []
    assert [event.at for event in whole] == sorted(event.at for event in whole)
    assert len({*whole}) == len(whole)
    if len({event.at for event in wanted}) == len(wanted):
        assert whole == wanted


@given(SCANS, SCANS)
def test_what_is_learned_late_is_never_told_before_what_shopify_shows(
    first: list[tuple[int, str]], late: list[tuple[int, str]]
) -> None:
    there = shopify_events(news_of(first))
    untold = untold_events(shopify_events(news_of([*first, *late])), there)
    assert all(event.at >= max(one.at for one in there) for event in untold if there)
    assert not {*untold} & {*there}


def test_neither_places_nor_signers_are_kept() -> None:
    row = {"occurred_at": "2026-11-20T12:00:00Z", "status_code": "DE", "city_locality": "Austin", "signer": "Ann Lee"}
    assert "Austin" not in str(kept_news({"events": [row], "signer": "Ann Lee"}))
    assert "Ann" not in str(kept_news({"events": [row], "signer": "Ann Lee"}))


@pytest.mark.parametrize(
    "body",
    [
        None,
        {"resource_type": "LABEL_CREATED_V2"},
        {"resource_type": "TRACK_EVENT_V2", "resource_url": "https://api.shipstation.com/v2/labels/se-7/track"},
        {"resource_type": "TRACK_EVENT_V2", "resource_url": "https://evil.test/", "data": {"events": []}},
        {"resource_type": "TRACK_EVENT_V2", "resource_url": "/v2/labels/se-7/track", "data": {"events": "no"}},
    ],
)
def test_what_is_no_news_of_a_label_is_none(body: Any) -> None:
    assert news_of_webhook(body) is None


def test_news_name_their_package() -> None:
    body = {"resource_type": "TRACK_EVENT_V2", "resource_url": "https://x/v2/labels/se-7/track", "data": {"events": []}}
    found = news_of_webhook(body)
    assert found is not None
    assert found[0] == "s7"


def test_news_from_before_are_older() -> None:
    early, late = news_of([(1, "IT")]), news_of([(1, "IT"), (2, "DE")])
    assert is_older(early, late)
    assert not is_older(late, early)
    assert not is_older(early, None)


def test_a_journey_ends_with_delivery_or_after_sixty_days() -> None:
    assert next_ask("delivered", BEGAN, BEGAN) is None
    assert next_ask("in_transit", BEGAN, BEGAN + timedelta(days=61)) is None
    assert next_ask("out_for_delivery", BEGAN, BEGAN) == BEGAN + timedelta(hours=2)


def test_a_signature_is_that_of_the_standard() -> None:
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC), b'{"test": 2432232314}',
    )  # fmt: skip
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_tries_end_after_three_days() -> None:
    now, tries = BEGAN, 0
    while at := next_try(tries + 1, BEGAN, now):
        now, tries = at, tries + 1
    assert timedelta(days=2) < now - BEGAN <= timedelta(days=3)
    assert tries > 6


@pytest.mark.parametrize(
    ("host", "answer"),
    [("10.1.2.3", True), ("::1", True), ("a.local", True), ("desk.example.com", False), ("8.8.8.8", False)],
)
def test_private_addresses_are_known(host: str, answer: bool) -> None:
    assert is_private(host) is answer


def test_events_are_told_by_their_own_time() -> None:
    assert shopify_events(news_of([(5, "IT"), (6, "IT"), (9, "DE")])) == [
        NewsEvent("IN_TRANSIT", BEGAN + timedelta(minutes=5)),
        NewsEvent("DELIVERED", BEGAN + timedelta(minutes=9)),
    ]
