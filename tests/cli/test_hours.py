from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

MONDAY = ("--on", "2026-03-02")


def test_the_hours_of_one_day_replace_the_weekly_ones(clinic: Shell):
    told = clinic.says("hours", "chen", *MONDAY, "10-11", "13:30-15")

    assert told == "Dr. Sarah Chen\n  2026-03-02 Mon  10:00-11:00, 13:30-15:00\n"
    openings = clinic.answers("openings", "--to", "2026-03-02", "--from", "2026-03-02")
    assert openings["items"][0]["start_time"] == "10:00"


def test_programs_get_the_hours_of_one_day(clinic: Shell):
    told = clinic.answers("hours", "chen", *MONDAY, "10-24")

    assert told["date"] == "2026-03-02"
    assert told["hours"] == [{"start": "10:00", "end": "00:00"}]


def test_a_day_can_be_without_hours_and_get_the_weekly_ones_again(clinic: Shell):
    off = clinic.says("hours", "chen", *MONDAY, "--none")
    none = clinic.says("openings", "--from", "2026-03-02", "--to", "2026-03-02")
    on = clinic.says("hours", "chen", *MONDAY, "--weekly")

    assert "2026-03-02 Mon  none" in off
    assert none == "Nothing is free.\n"
    assert "2026-03-02 Mon  09:00-12:30, 13:30-17:00" in on
    assert clinic.answers("hours", "chen")["dated"] == []


def test_showing_the_week_lists_the_days_with_other_hours(clinic: Shell):
    clinic.says("hours", "chen", "--on", "2026-12-25", "--none")
    clinic.says("hours", "chen", "--on", "2026-12-24", "9-12")

    told = clinic.says("hours", "chen")

    assert told.splitlines()[-3:] == [
        "  Sunday     09:00-12:30, 13:30-17:00",
        "  2026-12-24 Thu  09:00-12:00",
        "  2026-12-25 Fri  none",
    ]
    assert clinic.says("doctor", "hours", "chen") == told


def test_days_that_are_over_are_not_listed(clinic: Shell):
    clinic.says("hours", "chen", "--on", "2026-02-27", "9-12")

    assert clinic.answers("hours", "chen")["dated"] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param(("--on", "monday", "9-12"), "--on: must be a date", id="no date"),
        pytest.param((*MONDAY, "mon", "9-12"), "'mon' is no hours", id="days"),
        pytest.param((*MONDAY, "9-9"), "end must differ from start", id="no length"),
        pytest.param((*MONDAY, "9-25"), "HOURS: must be a time", id="no such time"),
        pytest.param(MONDAY, "Give the hours of the day", id="nothing"),
        pytest.param((*MONDAY, "9-12", "--none"), "Give the hours", id="both"),
        pytest.param((*MONDAY, "--none", "--weekly"), "Give the hours", id="two"),
        pytest.param(("--weekly",), "--weekly needs the day", id="no day"),
        pytest.param(
            ("--on", "2300-01-01", "--none"), "--on: must be in the years", id="far"
        ),
    ],
)
def test_hours_of_a_day_that_cannot_be_read_are_wrong_usage(
    clinic: Shell, words: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("hours", "chen", *words)


def test_hours_of_a_day_that_overlap_are_refused(clinic: Shell):
    told = clinic.refuses("hours", "chen", *MONDAY, "9-12", "11-13")

    assert told == "Error: HOURS: overlaps the stretch at position 0\n"
    assert clinic.answers("hours", "chen")["dated"] == []
