"""Pacific wall time, both ways, around the two days on which it jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.shipstation.pacific import filter_start, filter_text, utc_of, wall_of

MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
LATER = st.timedeltas(timedelta(0), timedelta(days=2))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2015-06-29T08:46:27.0000000", datetime(2015, 6, 29, 15, 46, 27, tzinfo=UTC)),
        ("2026-12-01 00:00:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T08:00:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-11-01T01:30:00", datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),  # the first of two
        ("2026-03-08T02:30:00", datetime(2026, 3, 8, 10, 30, tzinfo=UTC)),  # there is none
    ],
)
def test_wall_time_becomes_utc(text: str, utc: datetime) -> None:
    assert utc_of(text) == utc


@given(MOMENTS, LATER)
def test_a_filter_never_hides_what_came_later(since: datetime, passed: timedelta) -> None:
    assert wall_of(since + passed) > filter_start(since)


@given(MOMENTS)
def test_a_filter_reaches_back_a_second_or_a_few_hours_around_a_change(since: datetime) -> None:
    early = wall_of(since) - filter_start(since)
    assert early < timedelta(hours=3, seconds=2)
    if since.month in (1, 5, 7, 12):
        assert early < timedelta(seconds=2)


def test_a_filter_is_written_as_the_vendor_reads_it() -> None:
    assert filter_text(filter_start(datetime(2026, 11, 20, 20, 0, 0, 5, tzinfo=UTC))) == "2026-11-20 11:59:59"
