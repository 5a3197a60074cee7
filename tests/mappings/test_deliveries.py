"""What a carrier tells, in words: a table of answers and the sentence, trouble and next step that a person reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mappings.deliveries import EXCEPTIONS, NOT_ASKED, delivery, is_all_there, order_status

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PACKAGE = {"tracking_number": "9400", "ship_date": "2026-11-18"}


def told(code: str, **more: Any) -> dict[str, Any]:
    return {"status_code": code, "events": [], **more}


@pytest.mark.parametrize(
    ("answer", "status", "trouble"),
    [
        (told("NY"), "label_made", None),
        (told("AC"), "accepted", None),
        (told("IT"), "in_transit", None),
        (told("IT", status_detail_code="OUT_FOR_DELIVERY"), "out_for_delivery", None),
        (told("DE", actual_delivery_date="2026-11-20T10:00:00Z"), "delivered", None),
        (told("EX", status_detail_code="PARCEL_LOST"), "exception", "The carrier lost it."),
        (told("EX", status_detail_code="NEW_WORD", exception_description="Stuck"), "exception", "Stuck"),
        (told("EX"), "exception", "Something went wrong on the way."),
        (
            told("IT", estimated_delivery_date="2026-11-19T00:00:00Z"),
            "in_transit",
            "It is later than the carrier expected.",
        ),
        (told("IT", estimated_delivery_date="2026-11-21T00:00:00Z"), "in_transit", None),
        (told("DE", estimated_delivery_date="2026-11-01T00:00:00Z"), "delivered", None),
        (told("a word of next year"), "unknown", None),
        ({"events": None}, "unknown", None),
        (told("IT", estimated_delivery_date="soon"), "in_transit", None),
    ],
)
def test_status_and_trouble(answer: dict[str, Any], status: str, trouble: str | None) -> None:
    found = delivery(PACKAGE, "USPS", None, answer, NOW)
    assert (found["status"], found["trouble"]) == (status, trouble)
    assert (found["next_step"] is None) == (trouble is None), "every trouble has a next step"


def test_a_package_that_nobody_was_asked_about_says_so() -> None:
    found = delivery(PACKAGE, "USPS", "https://carrier.example/9400", None, NOW)
    assert (found["status"], found["next_step"], found["tracking_url"]) == (
        "shipped",
        NOT_ASKED,
        "https://carrier.example/9400",
    )


def test_events_keep_the_carriers_words_and_places() -> None:
    row = {"occurred_at": "2026-11-20T10:00:00Z", "status_code": "IT", "description": "Left", "city_locality": "Austin"}
    (event,) = delivery(PACKAGE, None, None, told("IT", events=[row, "noise"]), NOW)["events"]
    assert event == {"at": "2026-11-20T10:00:00Z", "status": "in_transit", "carrier_says": "Left", "place": "Austin"}


@pytest.mark.parametrize(
    ("codes", "status"),
    [((), "nothing_shipped"), (("DE", "DE"), "delivered"), (("DE", "IT"), "in_transit"), (("EX", "DE"), "exception")],
)
def test_an_order_is_delivered_only_when_every_package_is(codes: tuple[str, ...], status: str) -> None:
    assert order_status([delivery(PACKAGE, None, None, told(code), NOW) for code in codes]) == status


def test_every_known_exception_has_words_and_a_next_step() -> None:
    assert all(words and step for words, step in EXCEPTIONS.values())


@pytest.mark.parametrize(
    ("code", "detail", "before", "expected"),
    [
        ("DE", "DELIVERED", "IN_TRANSIT", True),
        ("DE", None, "DELIVERED_IN_PART", True),
        ("DE", "DELIVERED_IN_PART", "IN_TRANSIT", False),
        ("DE", "DELIVERED", "RETURN_TO_SENDER", False),
        ("IT", "RETURN_TO_SENDER", "IN_TRANSIT", False),
        ("IT", None, "DELIVERED", False),
    ],
)
def test_a_package_is_there_when_all_of_it_is_where_it_was_sent_to(
    code: str, detail: str | None, before: str, expected: bool
) -> None:
    events = [{"status_code": code, "status_detail_code": detail}, {"status_code": "IT", "status_detail_code": before}]
    assert is_all_there({"status_code": code, "status_detail_code": detail, "events": events}) is expected
