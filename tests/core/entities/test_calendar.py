from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from clinicflow_core.entities.calendar import Calendar, DatedHours, DayStretch
from clinicflow_core.timespan import TimeSpan, zone_of
from tests.builders import DAY, ZONE
from tests.core.scheduling.diaries import time_off


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(time(9), time(17), id="by day"),
        pytest.param(time(22), time(6), id="past midnight"),
        pytest.param(time(22), time(), id="to midnight"),
        pytest.param(time(), time(), id="the whole day"),
    ],
)
def test_a_stretch_may_run_past_midnight_and_last_a_whole_day(start, end):
    stretch = DayStretch(start, end)

    assert (stretch.start, stretch.end) == (start, end)


@pytest.mark.parametrize("at", [time(9), time(0, 0, 1)])
def test_a_stretch_has_a_length(at):
    with pytest.raises(ValueError, match="end must differ from start"):
        DayStretch(at, at)


def test_a_calendar_says_of_no_hours_that_there_are_none():
    assert Calendar() == Calendar(weekly=(), dated=(), time_off=())
    assert DatedHours(DAY) == DatedHours(DAY, ())


@pytest.mark.parametrize("ends", ["2026-03-02T09:00", "2026-03-02T08:59"])
def test_time_off_ends_after_it_starts(ends):
    with pytest.raises(ValueError, match="ends must be after starts"):
        time_off("2026-03-02T09:00", ends)


def test_time_off_does_not_show_its_reason():
    off = time_off("2026-03-02T09:00", "2026-03-02T10:00", reason="An operation")

    assert off.reason == "An operation"
    assert "operation" not in repr(off)


def test_time_off_stands_in_lists_by_start_then_by_id():
    late = time_off("2026-03-02T09:00", "2026-03-02T10:00")
    early = time_off("2026-03-01T23:00", "2026-03-05T10:00")
    same = time_off("2026-03-02T09:00", "2026-03-02T09:30")

    ordered = sorted([late, same, early], key=lambda off: off.sort_key)

    assert ordered == [early, *sorted([late, same], key=lambda off: str(off.id))]


@pytest.mark.parametrize(
    ("zone", "starts", "ends", "expected"),
    [
        pytest.param(
            *("America/New_York", "2026-03-02T09:00", "2026-03-02T12:00"),
            ("2026-03-02T14:00", "2026-03-02T17:00"),
            id="a morning",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T00:00", "2026-03-09T00:00"),
            ("2026-03-08T05:00", "2026-03-09T04:00"),
            id="a day of 23 hours",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T00:00", "2026-11-02T00:00"),
            ("2026-11-01T04:00", "2026-11-02T05:00"),
            id="a day of 25 hours",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:30", "2026-03-08T04:00"),
            ("2026-03-08T07:00", "2026-03-08T08:00"),
            id="a start that is skipped",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T01:00", "2026-03-08T02:30"),
            ("2026-03-08T06:00", "2026-03-08T07:00"),
            id="an end that is skipped",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:10", "2026-03-08T02:50"),
            None,
            id="skipped from start to end",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", "2026-11-01T02:00"),
            ("2026-11-01T05:30", "2026-11-01T07:00"),
            id="a start that comes twice",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-30T00:00", "2011-12-31T00:00"),
            None,
            id="a day that is skipped",
        ),
    ],
)
def test_time_off_follows_the_clinics_clock(zone, starts, ends, expected):
    span = time_off(starts, ends).span(zone_of(zone))

    assert span == (
        expected
        and TimeSpan(
            *(datetime.fromisoformat(each).replace(tzinfo=UTC) for each in expected)
        )
    )


def test_time_off_may_last_for_years():
    span = time_off("2026-01-01T00:00", "2030-01-01T00:00").span(ZONE)

    assert span is not None
    assert (span.end - span.start).days == 4 * 365 + 1
