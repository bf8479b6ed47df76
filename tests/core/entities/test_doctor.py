from __future__ import annotations

from datetime import time

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.doctor import (
    WEEKDAYS,
    Weekday,
    WorkingHours,
    overlapping_hours,
)
from tests.builders import clock, doctor, hours

MINUTES_A_WEEK = 7 * 24 * 60


def week(*stretches):
    """Return the hours "mon 09:00-12:00"."""
    made = []
    for stretch in stretches:
        day, times = stretch.split()
        [weekday] = (w for w in WEEKDAYS if w.value.startswith(day))
        made.extend(hours(times, weekday))
    return made


@pytest.mark.parametrize(
    ("stretches", "clash"),
    [
        pytest.param([], None, id="no hours"),
        pytest.param(["mon 09:00-17:00"], None, id="one stretch"),
        pytest.param(["mon 09:00-12:00", "mon 12:00-17:00"], None, id="touching"),
        pytest.param(
            ["mon 09:00-12:01", "mon 12:00-17:00"], (0, 1), id="one minute over"
        ),
        pytest.param(["mon 12:00-17:00", "mon 09:00-12:01"], (0, 1), id="not in order"),
        pytest.param(["mon 09:00-17:00", "tue 09:00-17:00"], None, id="other days"),
        pytest.param(
            ["tue 09:00-10:00", "mon 09:00-12:00", "mon 10:00-11:00"],
            (1, 2),
            id="the third within the second",
        ),
        pytest.param(
            ["mon 22:00-06:00", "tue 06:00-08:00"], None, id="touching in the morning"
        ),
        pytest.param(
            ["mon 22:00-06:00", "tue 05:59-08:00"], (0, 1), id="over in the morning"
        ),
        pytest.param(
            ["sun 22:00-06:00", "mon 06:00-08:00"],
            None,
            id="touching after the week's end",
        ),
        pytest.param(
            ["sun 22:00-06:00", "mon 05:59-08:00"],
            (0, 1),
            id="Sunday night runs into Monday",
        ),
        pytest.param(
            ["mon 05:59-08:00", "sun 22:00-06:00"],
            (0, 1),
            id="Monday is run into from Sunday night",
        ),
        pytest.param(["sun 00:00-00:00", "mon 00:00-00:00"], None, id="two whole days"),
        pytest.param(
            ["mon 00:00-00:00", "mon 00:00-00:00"], (0, 1), id="the same whole day"
        ),
        pytest.param(
            ["mon 09:00-08:59", "tue 08:58-09:30"], (0, 1), id="nearly a whole day"
        ),
    ],
)
def test_stretches_of_a_week_must_not_overlap(stretches, clash):
    assert overlapping_hours(week(*stretches)) == clash


stretches = st.builds(
    WorkingHours,
    st.sampled_from(WEEKDAYS),
    st.integers(0, 11).map(lambda n: time(2 * n)),
    st.integers(0, 11).map(lambda n: time(2 * n, 1)),
)


@given(st.lists(stretches, max_size=4))
def test_an_overlap_is_a_minute_that_comes_twice(week):
    minutes = []
    for stretch in week:
        start, end = map(int, stretch.minutes_of_week())
        minutes += [minute % MINUTES_A_WEEK for minute in range(start, end)]

    clash = overlapping_hours(week)

    assert (clash is not None) is (len(minutes) > len(set(minutes)))
    if clash is not None:
        assert clash[0] < clash[1]


@pytest.mark.parametrize(
    ("times", "minutes"),
    [
        ("09:00-17:00", (540, 1020)),
        ("22:00-06:00", (1320, 1800)),
        ("00:00-00:00", (0, 1440)),
        ("12:00-00:00", (720, 1440)),
    ],
)
def test_hours_that_end_before_they_start_run_past_midnight(times, minutes):
    [stretch] = hours(times, Weekday.MONDAY)

    assert stretch.minutes_of_week() == minutes


@pytest.mark.parametrize("moment", ["09:00", "00:01", "23:59"])
def test_only_midnight_to_midnight_is_a_whole_day(moment):
    with pytest.raises(ValueError, match="end must differ from start"):
        WorkingHours(Weekday.MONDAY, clock(moment), clock(moment))


def test_a_changed_doctor_has_the_next_version():
    before = doctor("Dr. Chen", version=2)

    after = before.changed({"name": "Dr. Chen-Vale"})

    assert after == evolve(before, name="Dr. Chen-Vale", version=3)
    assert before.sort_key < after.sort_key
