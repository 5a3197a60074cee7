from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mappings.pacific import PACIFIC, filter_start, filter_text, from_pacific, from_shopify, to_pacific


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        pytest.param("2026-11-20T17:15:00+00:00", "2026-11-20T09:15:00", id="winter, 8 hours"),
        pytest.param("2026-07-01T07:30:00+00:00", "2026-07-01T00:30:00", id="summer, 7 hours"),
        pytest.param("2026-03-08T09:59:59+00:00", "2026-03-08T01:59:59", id="before the spring jump"),
        pytest.param("2026-03-08T10:00:00+00:00", "2026-03-08T03:00:00", id="after the spring jump"),
        pytest.param("2026-11-01T08:30:00+00:00", "2026-11-01T01:30:00", id="autumn, first time"),
    ],
)
def test_both_ways(moment: str, text: str) -> None:
    assert to_pacific(datetime.fromisoformat(moment)) == text
    assert from_pacific(text) == datetime.fromisoformat(moment)


def test_the_doubled_autumn_hour_is_read_as_the_earlier_one() -> None:
    assert to_pacific(datetime(2026, 11, 1, 9, 30, tzinfo=UTC)) == "2026-11-01T01:30:00"
    assert from_pacific("2026-11-01T01:30:00") == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2015-06-29T08:46:27.0000000", "2015-06-29T15:46:27+00:00", id="seven digits"),
        pytest.param("2019-10-21T03:12:19.8770000", "2019-10-21T10:12:19.877000+00:00", id="milliseconds"),
        pytest.param("2015-08-17T09:24:14.78", "2015-08-17T16:24:14.780000+00:00", id="two digits"),
        pytest.param("2026-11-20", "2026-11-20T08:00:00+00:00", id="date alone is midnight"),
        pytest.param("2026-11-20 09:15:00", "2026-11-20T17:15:00+00:00", id="blank"),
        pytest.param('"2026-11-20T09:15:00"', "2026-11-20T17:15:00+00:00", id="doubled quotes"),
        pytest.param("2026-03-08T02:30:00", "2026-03-08T10:30:00+00:00", id="an hour that there is not"),
        pytest.param("2026-11-20T09:15:00.123Z", "2026-11-20T09:15:00.123000+00:00", id="with a zone"),
    ],
)
def test_spellings_of_answers(text: str, moment: str) -> None:
    assert from_pacific(text) == datetime.fromisoformat(moment)


@given(st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))
def test_a_time_survives_the_way_there_and_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    back = from_pacific(to_pacific(moment))
    assert back in (moment, moment.fromtimestamp(moment.timestamp() - 3600, UTC))


def test_times_without_zone_are_refused() -> None:
    for convert in (lambda: to_pacific(datetime(2026, 1, 1)), lambda: from_shopify("2026-01-01T00:00:00")):
        with pytest.raises(ValueError, match="zone"):
            convert()


MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
LATER = st.timedeltas(timedelta(0), timedelta(days=2))


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(PACIFIC).replace(tzinfo=None)


@given(MOMENTS, LATER)
@example(datetime(2026, 11, 1, 8, 50, tzinfo=UTC), timedelta(minutes=20))  # a label in each of the hours from 1 to 2
def test_a_filter_never_hides_what_came_later(since: datetime, passed: timedelta) -> None:
    assert _wall(since + passed) > filter_start(since)


@given(MOMENTS)
def test_a_filter_reaches_back_a_second_or_a_few_hours_around_a_change(since: datetime) -> None:
    early = _wall(since) - filter_start(since)
    assert early < timedelta(hours=3, seconds=2)
    if since.month in (1, 5, 7, 12):
        assert early < timedelta(seconds=2)


def test_a_filter_is_written_as_the_vendor_reads_it() -> None:
    assert filter_text(filter_start(datetime(2026, 11, 20, 20, 0, 0, 5, tzinfo=UTC))) == "2026-11-20 11:59:59"
