from __future__ import annotations

from datetime import date, time

import pytest

from clinicflow_cli.week import (
    read_days,
    read_hours,
    read_week,
    shown_date,
    shown_week,
)
from clinicflow_core.entities.calendar import DatedHours, DayStretch
from clinicflow_core.entities.doctor import Weekday, WorkingHours


def told(words: str) -> list[str]:
    return [
        f"{s['weekday'][:2]} {s['start']}-{s['end']}" for s in read_week(words.split())
    ]


@pytest.mark.parametrize(
    ("words", "stretches"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("monday 09:00-17:00", ["mo 09:00-17:00"], id="one day"),
        pytest.param("MON 9-17:30", ["mo 09:00-17:30"], id="short times"),
        pytest.param(
            "tu-th 09:00-10:00",
            ["tu 09:00-10:00", "we 09:00-10:00", "th 09:00-10:00"],
            id="a range",
        ),
        pytest.param(
            "sat-mon 9-10",
            ["sa 09:00-10:00", "su 09:00-10:00", "mo 09:00-10:00"],
            id="a range over the week's end",
        ),
        pytest.param(
            "mon,fri 9-10", ["mo 09:00-10:00", "fr 09:00-10:00"], id="single days"
        ),
        pytest.param(
            "mon 9-12 13-17 sat 9-12",
            ["mo 09:00-12:00", "mo 13:00-17:00", "sa 09:00-12:00"],
            id="breaks and groups",
        ),
        pytest.param("mon 22:00-24:00", ["mo 22:00-00:00"], id="until midnight"),
        pytest.param("fri 9\N{EN DASH}12", ["fr 09:00-12:00"], id="a typeset dash"),
    ],
)
def test_a_week_is_read_as_it_is_typed(words: str, stretches: list[str]):
    assert told(words) == stretches


def test_daily_means_every_day():
    assert len(told("daily 9-12")) == 7


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param("9-12", "before any day", id="hours without days"),
        pytest.param("mon", "need hours", id="days without hours"),
        pytest.param("mon tue 9-12", "need hours", id="days after days"),
        pytest.param("mon 9-12 tue", "need hours", id="days at the end"),
        pytest.param("m 9-12", "'m' is neither", id="too short to tell"),
        pytest.param("someday 9-12", "'someday' is neither", id="no day"),
        pytest.param("mon 9to12", "'9to12' is neither", id="no hours"),
    ],
)
def test_what_is_no_week_is_refused_with_the_word(words: str, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        told(words)


def test_a_week_is_shown_by_day():
    hours = [
        WorkingHours(Weekday.MONDAY, time(9), time(12, 30)),
        WorkingHours(Weekday.MONDAY, time(13, 30), time(17)),
        WorkingHours(Weekday.FRIDAY, time(9), time(12)),
    ]

    assert list(shown_week(hours)) == [
        "Monday     09:00-12:30, 13:30-17:00",
        "Friday     09:00-12:00",
    ]


def test_hours_that_run_over_midnight_say_so():
    week = [
        WorkingHours(Weekday.MONDAY, time(9), time(5)),
        WorkingHours(Weekday.MONDAY, time(17), time(0)),
    ]

    assert list(shown_week(week)) == [
        "Monday     09:00-05:00 of the next day, 17:00-00:00"
    ]


def test_the_hours_of_one_day_need_no_day():
    assert list(read_hours(["9-12", "13:30-24:00"])) == [
        {"start": "09:00", "end": "12:00"},
        {"start": "13:30", "end": "00:00"},
    ]


def test_days_stand_alone():
    assert [day.value for day in read_days("sat-mon,wed")] == [
        *("saturday", "sunday", "monday", "wednesday")
    ]


@pytest.mark.parametrize("word", ["", "x", "mon-", "9-12", "mon,,tue"])
def test_what_is_no_day_is_refused_with_the_word(word: str):
    with pytest.raises(ValueError, match="is no day, as mon"):
        read_days(word)


@pytest.mark.parametrize("word", ["mon", "9", "9-12-13", ""])
def test_what_is_no_hours_is_refused_with_the_word(word: str):
    with pytest.raises(ValueError, match=f"'{word}' is no hours, as 09:00-17:00"):
        list(read_hours([word]))


@pytest.mark.parametrize(
    ("hours", "shown"),
    [
        pytest.param((), "2026-03-02 Mon  none", id="none"),
        pytest.param(
            (DayStretch(time(9), time(12)), DayStretch(time(13), time())),
            "2026-03-02 Mon  09:00-12:00, 13:00-00:00",
            id="two",
        ),
    ],
)
def test_a_date_is_shown_with_its_hours(hours: tuple[DayStretch, ...], shown: str):
    assert shown_date(DatedHours(date(2026, 3, 2), hours)) == shown
