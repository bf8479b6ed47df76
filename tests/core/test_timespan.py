from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.timespan import (
    TimeSpan,
    each_day,
    first_instant_from,
    instant_of,
    local_day,
    visit_time,
    wall_clock,
    zone_of,
)

HOUR = timedelta(hours=1)


def instant(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text, day="2026-03-02"):
    start, end = text.split("-")
    return TimeSpan(instant(f"{day}T{start}"), instant(f"{day}T{end}"))


def local(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("other", "overlaps", "covered"),
    [
        pytest.param("08:00-09:00", False, False, id="ends as it starts"),
        pytest.param("08:00-09:01", True, False, id="one minute into it"),
        pytest.param("09:00-09:30", True, True, id="the same"),
        pytest.param("09:00-09:10", True, True, id="inside, starts with it"),
        pytest.param("09:10-09:20", True, True, id="inside"),
        pytest.param("09:20-09:30", True, True, id="inside, ends with it"),
        pytest.param("08:30-10:00", True, False, id="around it"),
        pytest.param("09:29-10:00", True, False, id="its last minute"),
        pytest.param("09:30-10:00", False, False, id="starts as it ends"),
        pytest.param("11:00-12:00", False, False, id="later"),
    ],
)
def test_spans_are_half_open(other, overlaps, covered):
    here = span("09:00-09:30")

    assert here.overlaps(span(other)) is overlaps
    assert span(other).overlaps(here) is overlaps
    assert here.covers(span(other)) is covered


@pytest.mark.parametrize(
    ("last", "days"),
    [
        pytest.param(date(2026, 3, 1), [28, 1], id="over the end of a month"),
        pytest.param(date(2026, 2, 28), [28], id="one day"),
        pytest.param(date(2026, 2, 27), [], id="none"),
    ],
)
def test_days_are_counted_with_the_first_and_the_last(last, days):
    found = each_day(date(2026, 2, 28), last)

    assert [day.day for day in found] == days


def test_a_widened_span_reaches_out_on_both_sides():
    assert span("09:00-09:30").widened(HOUR) == span("08:00-10:30")


@pytest.mark.parametrize("end", ["09:00", "08:59"])
def test_a_span_ends_after_it_starts(end):
    with pytest.raises(ValueError, match="end must be after start"):
        span(f"09:00-{end}")


@pytest.mark.parametrize("bound", ["start", "end"])
def test_a_span_needs_time_zones(bound):
    bounds = {"start": instant("2026-03-02T09:00"), "end": instant("2026-03-02T10:00")}
    bounds[bound] = bounds[bound].replace(tzinfo=None)

    with pytest.raises(ValueError, match=f"{bound} has no time zone"):
        TimeSpan(**bounds)


def test_spans_compare_by_instant_not_by_zone():
    here = span("09:00-09:30")
    vienna = timezone(HOUR)
    same = TimeSpan(here.start.astimezone(vienna), here.end.astimezone(vienna))

    assert same == here
    assert same.overlaps(here)


@given(st.tuples(*[st.integers(0, 60)] * 4))
def test_spans_overlap_if_they_share_a_minute(bounds):
    minutes = [instant("2026-03-02T09:00") + timedelta(minutes=m) for m in bounds]
    a, b = sorted(bounds[:2]), sorted(bounds[2:])
    if a[0] == a[1] or b[0] == b[1]:
        return

    first = TimeSpan(*sorted(minutes[:2]))
    second = TimeSpan(*sorted(minutes[2:]))

    assert first.overlaps(second) is bool(set(range(*a)) & set(range(*b)))
    assert first.covers(second) is set(range(*b)).issubset(range(*a))


NEVER = None


@pytest.mark.parametrize(
    ("zone", "shown", "offset", "expected"),
    [
        pytest.param(
            *("America/New_York", "2026-03-02T09:00", None, "2026-03-02T14:00"),
            id="an ordinary day",
        ),
        pytest.param(
            *("America/New_York", "2026-03-02T09:00", -5, "2026-03-02T14:00"),
            id="with the offset in force",
        ),
        pytest.param(
            *("America/New_York", "2026-03-02T09:00", -4, NEVER),
            id="with an offset of another season",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T01:59:59", None, "2026-03-08T06:59:59"),
            id="the last second before a gap",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:00", None, NEVER),
            id="a gap's first moment",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:59:59", None, NEVER),
            id="a gap's last second",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:30", -5, NEVER),
            id="in a gap with the offset before",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:30", -4, NEVER),
            id="in a gap with the offset after",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T03:00", None, "2026-03-08T07:00"),
            id="the first moment after a gap",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T00:59:59", None, "2026-11-01T04:59:59"),
            id="the last second before a fold",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", None, "2026-11-01T05:30"),
            id="a fold means the first pass",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", -4, "2026-11-01T05:30"),
            id="the first pass by its offset",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", -5, "2026-11-01T06:30"),
            id="the second pass by its offset",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", -6, NEVER),
            id="a fold with a third offset",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T02:00", None, "2026-11-01T07:00"),
            id="the first moment after a fold",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-29T23:59:59", None, "2011-12-30T09:59:59"),
            id="Samoa, the last second before the skipped day",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-30T12:00", None, NEVER),
            id="Samoa, noon of the skipped day",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-31T00:00", None, "2011-12-30T10:00"),
            id="Samoa, the day after",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-10-04T02:15", None, NEVER),
            id="Lord Howe skips half an hour",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-10-04T02:30", None, "2026-10-03T15:30"),
            id="Lord Howe goes on at half past",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-04-05T01:45", 11, "2026-04-04T14:45"),
            id="Lord Howe, first pass",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-04-05T01:45", 10.5, "2026-04-04T15:15"),
            id="Lord Howe, second pass",
        ),
        pytest.param(
            *("Antarctica/Troll", "2026-03-29T02:59", None, NEVER),
            id="Troll skips two hours",
        ),
        pytest.param(
            *("Antarctica/Troll", "2026-10-25T01:30", 2, "2026-10-24T23:30"),
            id="Troll, first pass",
        ),
        pytest.param(
            *("Antarctica/Troll", "2026-10-25T01:30", 0, "2026-10-25T01:30"),
            id="Troll, second pass",
        ),
        pytest.param(
            *("Africa/Cairo", "2026-04-24T00:30", None, NEVER),
            id="Cairo has no midnight in April",
        ),
        pytest.param(
            *("Europe/Amsterdam", "1925-01-01T09:00", None, "1925-01-01T08:40:28"),
            id="local mean time with seconds",
        ),
        pytest.param(
            *("Asia/Kathmandu", "2026-03-02T09:00", 5.75, "2026-03-02T03:15"),
            id="an offset with quarters",
        ),
    ],
)
def test_a_wall_clock_time_means_one_instant_or_none(zone, shown, offset, expected):
    utc_offset = None if offset is None else offset * HOUR

    found = instant_of(local(shown), zone_of(zone), utc_offset)

    assert found == (instant(expected) if expected else None)


@pytest.mark.parametrize(
    ("zone", "shown", "expected"),
    [
        pytest.param(
            *("America/New_York", "2026-03-02T09:00", "2026-03-02T14:00"),
            id="a time that comes",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
            id="a repeated time, first pass",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:00", "2026-03-08T07:00"),
            id="a gap's first moment",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08T02:59:59", "2026-03-08T07:00"),
            id="a gap's last second",
        ),
        pytest.param(
            *("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30"),
            id="half an hour's gap",
        ),
        pytest.param(
            *("Antarctica/Troll", "2026-03-29T01:30", "2026-03-29T01:00"),
            id="two hours' gap",
        ),
        pytest.param(
            *("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
            id="a skipped midnight",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-30T17:45", "2011-12-30T10:00"),
            id="Samoa's skipped day",
        ),
        pytest.param(
            *("Africa/Monrovia", "1972-01-07T00:20", "1972-01-07T00:44:30"),
            id="a change that is not on the minute",
        ),
    ],
)
def test_a_skipped_time_begins_with_the_change(zone, shown, expected):
    found = first_instant_from(local(shown), zone_of(zone))

    assert found == instant(expected)
    assert found.microsecond == 0


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        pytest.param("America/New_York", "2026-03-02", "2026-03-02T05:00", 24, id="24"),
        pytest.param("America/New_York", "2026-03-08", "2026-03-08T05:00", 23, id="23"),
        pytest.param("America/New_York", "2026-11-01", "2026-11-01T04:00", 25, id="25"),
        pytest.param(
            *("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 24.5),
            id="24 and a half",
        ),
        pytest.param(
            *("Antarctica/Troll", "2026-03-29", "2026-03-29T00:00", 22), id="22"
        ),
        pytest.param(
            *("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 23),
            id="midnight skipped",
        ),
        pytest.param(
            *("Asia/Beirut", "2026-10-24", "2026-10-23T21:00", 25),
            id="an hour before midnight comes twice",
        ),
        pytest.param(
            *("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),
            id="the hour after midnight comes twice",
        ),
    ],
)
def test_a_local_day_has_as_many_hours_as_the_clock_shows(zone, day, start, hours):
    found = local_day(date.fromisoformat(day), zone_of(zone))

    assert found.start == instant(start)
    assert found.end - found.start == hours * HOUR


@pytest.mark.parametrize(
    ("zone", "day", "start", "minutes", "end", "last"),
    [
        pytest.param(
            *("America/New_York", "2026-03-02", "09:00", 30),
            *("09:30", "2026-03-02T14:30"),
            id="an ordinary day",
        ),
        pytest.param(
            *("America/New_York", "2026-03-02", "23:45", 30),
            *("00:15", "2026-03-03T05:15"),
            id="past midnight",
        ),
        pytest.param(
            *("America/New_York", "2026-03-08", "01:30", 60),
            *("03:30", "2026-03-08T07:30"),
            id="over a gap: the clock shows two hours",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01", "00:30", 60),
            *("01:30", "2026-11-01T05:30"),
            id="into a fold",
        ),
        pytest.param(
            *("America/New_York", "2026-11-01", "01:30", 60),
            *("01:30", "2026-11-01T06:30"),
            id="through a fold: the clock shows no time at all",
        ),
        pytest.param(
            *("Pacific/Apia", "2011-12-29", "23:30", 60),
            *("00:30", "2011-12-30T10:30"),
            id="over Samoa's skipped day",
        ),
    ],
)
def test_a_visit_lasts_real_minutes(zone, day, start, minutes, end, last):
    found = visit_time(
        date.fromisoformat(day), time.fromisoformat(start), minutes, zone_of(zone)
    )

    assert (found.date, found.start_time) == (
        date.fromisoformat(day),
        time.fromisoformat(start),
    )
    assert found.end_time == time.fromisoformat(end)
    assert found.span.end == instant(last)
    assert found.span.end - found.span.start == timedelta(minutes=minutes)
    assert found.duration == minutes


def test_no_visit_starts_in_a_gap():
    zone = zone_of("America/New_York")

    assert visit_time(date(2026, 3, 8), time(2, 30), 30, zone) is None


def test_the_two_passes_of_a_repeated_hour_are_an_hour_apart():
    zone = zone_of("America/New_York")
    day, start = date(2026, 11, 1), time(1, 15)

    first = visit_time(day, start, 30, zone, -4 * HOUR)
    second = visit_time(day, start, 30, zone, -5 * HOUR)

    assert second.span.start - first.span.start == HOUR
    assert (first.start_time, first.end_time) == (second.start_time, second.end_time)
    assert not first.span.overlaps(second.span)


@given(
    st.datetimes(datetime(1850, 1, 1), datetime(2150, 1, 1)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    ),
    st.timezone_keys(),
)
def test_what_a_clock_shows_leads_back_to_the_instant(moment, key):
    zone = zone_of(key)
    shown = wall_clock(moment, zone)

    again = instant_of(shown, zone, moment.astimezone(zone).utcoffset())

    assert again == moment
    assert shown.tzinfo is None
    assert shown.fold == 0
