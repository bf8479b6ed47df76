from __future__ import annotations

from datetime import time

import pytest

from clinicflow_cli.week import read_week, shown_week
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
