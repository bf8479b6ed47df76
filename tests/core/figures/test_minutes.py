from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.figures.minutes import (
    DoctorTime,
    Minutes,
    minutes_by_hour,
    utilisation,
)
from clinicflow_core.figures.rates import Share
from clinicflow_core.scheduling.hours import merged
from clinicflow_core.timespan import TimeSpan, local_day
from tests.builders import DAY, ZONE, span

HALF_HOUR = timedelta(minutes=30)


def in_all(worked: DoctorTime, zone: ZoneInfo = ZONE) -> Minutes:
    return sum(minutes_by_hour(worked, zone).values(), Minutes())


def minutes(offered: int, booked: int, outside: int) -> Minutes:
    return Minutes(*(timedelta(minutes=n) for n in (offered, booked, outside)))


@pytest.mark.parametrize(
    ("held", "booked", "outside"),
    [
        pytest.param([], 0, 0, id="nothing"),
        pytest.param(["09:00-12:00"], 180, 0, id="all of it"),
        pytest.param(["08:30-09:15"], 15, 30, id="begins before work"),
        pytest.param(["11:45-12:20"], 15, 20, id="ends after work"),
        pytest.param(["07:00-08:00", "13:00-13:30"], 0, 90, id="around it"),
        pytest.param(["08:00-13:00"], 180, 120, id="more than all"),
        pytest.param(["09:00-09:30", "10:00-10:10"], 40, 0, id="two"),
    ],
)
def test_what_is_held_is_booked_as_far_as_it_was_offered(held, booked, outside):
    worked = DoctorTime(
        offered=[span("09:00-12:00")], held=[span(times) for times in held]
    )

    assert in_all(worked) == minutes(180, booked, outside)


def test_one_visit_can_lie_over_several_stretches():
    worked = DoctorTime(
        offered=[span("09:00-10:00"), span("11:00-12:00"), span("13:00-14:00")],
        held=[span("09:30-13:10")],
    )

    assert in_all(worked) == minutes(180, 100, 120)


def test_a_minute_belongs_to_the_hour_and_day_that_clocks_show():
    night = DoctorTime(offered=[span("22:30-01:15")])

    found = minutes_by_hour(night, ZONE)

    next_day = date(2026, 3, 3)
    assert {key: each.offered // HALF_HOUR for key, each in found.items()} == {
        (DAY, 22): 1,
        (DAY, 23): 2,
        (next_day, 0): 2,
        (next_day, 1): 0,
    }


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("America/New_York", date(2026, 3, 8), {2: 0}, id="2 is skipped"),
        pytest.param("America/New_York", date(2026, 11, 1), {1: 4}, id="1 comes twice"),
        pytest.param(
            "Australia/Lord_Howe", date(2026, 4, 5), {1: 3}, id="half of 1 comes twice"
        ),
        pytest.param(
            "Australia/Lord_Howe", date(2026, 10, 4), {2: 1}, id="half of 2 is skipped"
        ),
        pytest.param("Asia/Beirut", date(2026, 10, 24), {23: 4}, id="23 comes twice"),
        pytest.param("Asia/Beirut", date(2026, 3, 29), {0: 0}, id="0 is skipped"),
        pytest.param("Asia/Kathmandu", date(2026, 3, 8), {}, id="no change"),
    ],
)
def test_over_a_clock_change_an_hour_has_the_time_that_it_lasts(zone, day, hours):
    whole = DoctorTime(offered=[local_day(day, ZoneInfo(zone))])

    found = minutes_by_hour(whole, ZoneInfo(zone))

    expected = {(day, hour): hours.get(hour, 2) for hour in range(24)}
    assert {key: each.offered // HALF_HOUR for key, each in found.items()} == {
        key: halves for key, halves in expected.items() if halves
    }


def test_clocks_that_go_back_after_midnight_show_the_day_before_again():
    zone = ZoneInfo("America/St_Johns")
    # At 00:01 on 7 November 2010 they went back to 23:01.
    night = TimeSpan(
        datetime(2010, 11, 7, 2, 30, tzinfo=UTC),
        datetime(2010, 11, 7, 3, 31, tzinfo=UTC),
    )

    found = minutes_by_hour(DoctorTime(offered=[night]), zone)

    assert {
        key: each.offered // timedelta(minutes=1) for key, each in found.items()
    } == {
        # The first minute of the day came twice.
        (date(2010, 11, 7), 0): 2,
        (date(2010, 11, 6), 23): 59,
    }


def test_minutes_are_whole_ones_and_the_share_is_of_them():
    found = utilisation(
        Minutes(
            timedelta(minutes=90, seconds=59),
            timedelta(minutes=45, seconds=30),
            timedelta(seconds=59),
        )
    )

    assert found.offered_minutes == 90
    assert found.outside_minutes == 0
    assert found.share == Share(45, 90)


def spans() -> st.SearchStrategy[tuple[TimeSpan, ...]]:
    start = datetime(2026, 3, 7, tzinfo=UTC)
    bounds = st.integers(0, 60 * 60).map(
        lambda n: start + timedelta(seconds=60 * n + 7)
    )
    pairs = st.tuples(bounds, bounds).filter(lambda pair: pair[0] < pair[1])
    return st.lists(pairs.map(lambda pair: TimeSpan(*pair)), max_size=6).map(
        lambda found: tuple(merged(found))
    )


@given(spans(), spans())
def test_what_is_held_is_booked_or_outside_and_never_more_than_was_offered(
    offered, held
):
    found = minutes_by_hour(DoctorTime(offered=offered, held=held), ZONE)

    for each in found.values():
        assert timedelta() <= each.booked <= each.offered
        assert timedelta() <= each.outside
    lengths = Counter({name: timedelta() for name in ("offered", "held")})
    for name, these in (("offered", offered), ("held", held)):
        for one in these:
            lengths[name] += one.end - one.start
    total = in_all(DoctorTime(offered=offered, held=held))
    assert total.offered == lengths["offered"]
    assert total.booked + total.outside == lengths["held"]
