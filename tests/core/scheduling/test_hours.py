from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.scheduling.hours import daily_spans, within, working_spans
from clinicflow_core.timespan import wall_clock, zone_of
from tests.builders import DAY, OPEN_ALL_WEEK, ZONE, hours, span
from tests.core.scheduling.diaries import on_day

MON, TUE, *_, SAT, SUN = WEEKDAYS
SUNDAY, TUESDAY = DAY - timedelta(days=1), DAY + timedelta(days=1)
HOUR = timedelta(hours=1)


def shown(week, first=DAY, last=None, zone=ZONE, dated=()):
    """Return the spans as the clinic's clocks show them: "02 09:00 - 02 17:00"."""
    return told(working_spans(week, first, last or first, zone, dated), zone)


def told(spans, zone=ZONE):
    return [
        f"{wall_clock(s.start, zone):%d %H:%M} - {wall_clock(s.end, zone):%d %H:%M}"
        for s in spans
    ]


@pytest.mark.parametrize(
    ("week", "expected"),
    [
        pytest.param([], [], id="no hours"),
        pytest.param([("09:00-17:00", MON)], ["02 09:00 - 02 17:00"], id="one"),
        pytest.param([("09:00-17:00", TUE)], [], id="another day"),
        pytest.param(
            [("13:00-17:00", MON), ("09:00-12:00", MON)],
            ["02 09:00 - 02 12:00", "02 13:00 - 02 17:00"],
            id="two, in order",
        ),
        pytest.param(
            [("09:00-12:00", MON), ("12:00-17:00", MON)],
            ["02 09:00 - 02 17:00"],
            id="touching ones are one",
        ),
        pytest.param(
            [("09:00-17:00", MON), ("10:00-12:00", MON)],
            ["02 09:00 - 02 17:00"],
            id="one inside another",
        ),
        pytest.param(
            [("22:00-06:00", MON)],
            ["02 22:00 - 03 06:00"],
            id="past midnight, whole",
        ),
        pytest.param(
            [("22:00-06:00", SUN)],
            ["01 22:00 - 02 06:00"],
            id="from the night before, whole",
        ),
        pytest.param(
            [("22:00-06:00", SUN), ("06:00-08:00", MON)],
            ["01 22:00 - 02 08:00"],
            id="the night goes on in the morning",
        ),
        pytest.param([("09:00-17:00", SUN)], [], id="not the day before"),
        pytest.param(
            [("12:00-00:00", SUN), ("00:00-08:00", MON)],
            ["02 00:00 - 02 08:00"],
            id="nor what the day before ends with at midnight",
        ),
        pytest.param(
            [("00:00-00:00", MON)], ["02 00:00 - 03 00:00"], id="the whole day"
        ),
        pytest.param(
            [("12:00-00:00", MON)], ["02 12:00 - 03 00:00"], id="until midnight"
        ),
    ],
)
def test_a_day_has_the_hours_of_its_weekday(week, expected):
    stretches = [stretch for times, day in week for stretch in hours(times, day)]

    assert shown(stretches) == expected


def test_whole_days_are_one_span():
    spans = shown(OPEN_ALL_WEEK, DAY, DAY + timedelta(days=6))

    assert spans == ["02 00:00 - 09 00:00"]


def test_no_days_have_no_hours():
    assert shown(OPEN_ALL_WEEK, DAY, DAY - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("zone", "day", "times", "expected", "length"),
    [
        pytest.param(
            *("America/New_York", "2026-03-08", "00:00-00:00"),
            *("08 00:00 - 09 00:00", 23),
            id="a short day",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01", "00:00-00:00"),
            *("01 00:00 - 02 00:00", 25),
            id="a long day",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08", "02:30-05:00"),
            *("08 03:00 - 08 05:00", 2),
            id="a start that is skipped",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08", "01:00-02:30"),
            *("08 01:00 - 08 03:00", 1),
            id="an end that is skipped",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01", "01:30-03:00"),
            *("01 01:30 - 01 03:00", 2.5),
            id="a start that comes twice",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01", "00:30-01:30"),
            *("01 00:30 - 01 01:30", 1),
            id="an end that comes twice",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-10-04", "02:10-03:00"),
            *("04 02:30 - 04 03:00", 0.5),
            id="half an hour is skipped",
        ),
        pytest.param(
            *("Africa/Cairo", "2026-04-23", "22:00-00:00"),
            *("23 22:00 - 24 01:00", 2),
            id="the midnight at the end is skipped",
        ),
    ],
)
def test_hours_follow_the_clock_over_a_change(zone, day, times, expected, length):
    zone, day = zone_of(zone), date.fromisoformat(day)
    week = hours(times, WEEKDAYS[day.weekday()])

    assert shown(week, day, zone=zone) == [expected]
    [span] = working_spans(week, day, day, zone)
    assert span.end - span.start == length * HOUR


@pytest.mark.parametrize("times", ["02:00-03:00", "02:15-02:45"])
def test_hours_within_a_gap_are_none(times):
    day = date(2026, 3, 8)

    assert shown(hours(times, Weekday.SUNDAY), day) == []


def test_spans_are_instants_in_utc():
    [span] = working_spans(hours("09:00-17:00", MON), DAY, DAY, ZONE)

    assert span.start == datetime(2026, 3, 2, 14, tzinfo=UTC)
    assert span.start.tzinfo is UTC


def test_samoas_skipped_day_has_no_hours():
    spans = shown(
        hours("09:00-17:00"),
        date(2011, 12, 29),
        date(2011, 12, 31),
        zone_of("Pacific/Apia"),
    )

    assert spans == ["29 09:00 - 29 17:00", "31 09:00 - 31 17:00"]


@pytest.mark.parametrize(
    ("week", "dated", "expected"),
    [
        pytest.param(
            *("09:00-17:00", [(DAY, "12:00-14:00")], ["02 12:00 - 02 14:00"]),
            id="other ones",
        ),
        pytest.param("09:00-17:00", [(DAY,)], [], id="none"),
        pytest.param(
            *("09:00-17:00", [(SUNDAY,), (TUESDAY,)], ["02 09:00 - 02 17:00"]),
            id="of the days beside it",
        ),
        pytest.param(
            "09:00-17:00",
            [(DAY, "14:00-16:00", "09:00-10:00", "10:00-11:00")],
            ["02 09:00 - 02 11:00", "02 14:00 - 02 16:00"],
            id="several, merged and in order",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "22:00-06:00")], ["02 22:00 - 03 06:00"]),
            id="past midnight, whole",
        ),
        pytest.param(
            "09:00-17:00",
            [(SUNDAY, "22:00-06:00")],
            ["01 22:00 - 02 06:00", "02 09:00 - 02 17:00"],
            id="from the night before, whole",
        ),
        pytest.param(
            *("22:00-06:00", [(SUNDAY,)], ["02 22:00 - 03 06:00"]),
            id="none in the night before",
        ),
        pytest.param(
            *("22:00-06:00", [(DAY,)], ["01 22:00 - 02 06:00"]),
            id="none, but for the end of the night before",
        ),
        pytest.param(
            "22:00-06:00",
            [(DAY, "05:00-08:00")],
            ["01 22:00 - 02 08:00"],
            id="from the night into the day",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "00:00-00:00")], ["02 00:00 - 03 00:00"]),
            id="the whole day",
        ),
    ],
)
def test_a_day_can_have_hours_of_its_own(week, dated, expected):
    own = [on_day(*day) for day in dated]

    assert shown(hours(week), dated=own) == expected


def test_the_work_of_each_day_stands_by_itself():
    week = [*hours("22:00-06:00", SUN), *hours("12:00-00:00"), *hours("00:00-12:00")]

    assert told(daily_spans(week, SUNDAY, TUESDAY, ZONE)) == [
        *("01 00:00 - 02 06:00", "02 00:00 - 03 00:00", "03 00:00 - 04 00:00")
    ]
    assert told(daily_spans(week, DAY, DAY, ZONE, [on_day(DAY, "10:00-11:00")])) == [
        "02 10:00 - 02 11:00"
    ]
    assert list(daily_spans(week, DAY, SUNDAY, ZONE)) == []


@pytest.mark.parametrize(
    ("times", "part"),
    [
        pytest.param("10:00-11:00", ["10:00-11:00"], id="inside"),
        pytest.param("08:00-10:00", ["09:00-10:00"], id="begins before"),
        pytest.param("16:00-18:00", ["16:00-17:00"], id="ends after"),
        pytest.param("08:00-18:00", ["09:00-17:00"], id="all of it"),
        pytest.param("08:00-09:00", [], id="ends as it begins"),
        pytest.param("17:00-18:00", [], id="begins as it ends"),
    ],
)
def test_of_a_span_counts_what_lies_within(times, part):
    found = within([span(times)], span("09:00-17:00"))

    assert list(found) == [span(each) for each in part]
