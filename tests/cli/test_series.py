from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
FIRST = ("--date", "2026-03-02", "--time", "09:00")
THREE = ("--rrule", "FREQ=WEEKLY;COUNT=3")

Series = Callable[..., Any]


@pytest.fixture
def series(clinic: Shell) -> Series:
    """Book a series of three Mondays at nine for Ann Lee."""

    def book(*options: str) -> Any:
        return clinic.answers("series", "book", "chen", "lee", *FIRST, *THREE, *options)

    return book


def test_visits_that_repeat_are_booked_together(clinic: Shell):
    told = clinic.says("series", "book", "chen", "lee", *FIRST, *THREE)

    first, *rest = told.splitlines()
    assert first.startswith("Booked 3 visits of series ")
    assert [line[:24] for line in rest] == [
        "  2026-03-02 09:00-09:30",
        "  2026-03-09 09:00-09:30",
        "  2026-03-16 09:00-09:30",
    ]


def test_a_series_says_all_that_was_asked_for(series: Series):
    booked = series(
        *("--duration", "45", "--type", "virtual", "--category", "new-patient"),
        *("--meeting-link", "https://meet.example/1"),
    )

    visit = booked["appointments"][-1]
    assert booked["series"]["rrule"] == "FREQ=WEEKLY;COUNT=3"
    assert visit["series_id"] == booked["series"]["id"]
    assert visit["end_time"] == "09:45"
    assert visit["visit_type"] == "virtual"
    assert visit["visit_category"] == "new-patient"
    assert visit["meeting_link"] == "https://meet.example/1"


def test_all_or_nothing_tells_each_visit_that_cannot_be(clinic: Shell):
    for day in ("2026-03-02", "2026-03-16"):
        clinic.says("book", "chen", "diaz", "--date", day, "--time", "09:15")

    told = clinic.refuses("series", "book", "chen", "lee", *FIRST, *THREE)

    assert told.splitlines() == [
        "Error: Visits of the series cannot take their time; nothing was changed.",
        "  2026-03-02 09:00: The doctor has a visit from 09:15 to 09:45.",
        "  2026-03-16 09:00: The doctor has a visit from 09:15 to 09:45.",
    ]


def test_programs_get_each_visit_that_cannot_be_with_its_conflicts(clinic: Shell):
    clinic.says("book", "chen", "diaz", *FIRST)

    told = json.loads(
        clinic.refuses("series", "book", "chen", "lee", *FIRST, *THREE, "--json")
    )

    (refused,) = told["occurrences"]
    assert told["code"] == "series-conflict"
    assert (refused["date"], refused["start_time"]) == ("2026-03-02", "09:00")
    assert [c["kind"] for c in refused["conflicts"]] == ["doctor-busy"]


def test_only_the_first_of_many_refused_visits_are_told(clinic: Shell):
    clinic.says("hours", "chen", "--none")

    told = clinic.refuses(
        "series", "book", "chen", "lee", *FIRST, "--rrule", "FREQ=DAILY;COUNT=30"
    )

    assert len(told.splitlines()) == 22
    assert told.endswith("\n  and 10 more\n")


def test_what_cannot_be_is_left_out_if_so_wished(clinic: Shell):
    clinic.says("book", "chen", "diaz", *FIRST)

    told = clinic.says(
        *("series", "book", "chen", "lee", *FIRST, *THREE),
        *("--policy", "skip_and_report"),
    )

    assert told.startswith("Booked 2 visits of series ")
    assert told.splitlines()[-2:] == [
        "Left out 1 visit:",
        "  2026-03-02 09:00: The doctor has a visit from 09:00 to 09:30.",
    ]


def test_rules_give_way_to_a_reason(clinic: Shell, series: Series):
    clinic.says("book", "chen", "diaz", *FIRST)

    booked = series("--override", "Insulin.")

    assert [bool(v["override"]) for v in booked["appointments"]] == [True, False, False]


def test_a_series_shows_where_its_visits_stand(clinic: Shell, series: Series):
    booked = series()
    clinic.says("confirm", booked["appointments"][0]["id"])

    told = clinic.says("series", "show", booked["series"]["id"])

    whose, first, confirmed, *_ = told.splitlines()
    assert whose == "Ann Lee with Dr. Sarah Chen"
    assert first == "FREQ=WEEKLY;COUNT=3 from 2026-03-02 09:00, 30 minutes"
    assert confirmed.endswith("  confirmed")
    assert (
        len(clinic.answers("series", "show", booked["series"]["id"])["appointments"])
        == 3
    )
    visit = clinic.says("show", booked["appointments"][0]["id"])
    assert f"One of series {booked['series']['id']}." in visit


def test_visits_from_a_day_on_move_together(clinic: Shell, series: Series):
    series_id = series()["series"]["id"]

    told = clinic.says(
        *("series", "move", series_id, "--from", "2026-03-09"),
        *("--time", "10:30", "--days-later", "-1", "--duration", "15"),
    )

    first, *rest = told.splitlines()
    assert first == f"Moved 2 visits of series {series_id}:"
    assert [line[:24] for line in rest] == [
        "  2026-03-08 10:30-10:45",
        "  2026-03-15 10:30-10:45",
    ]


def test_a_series_moves_to_another_doctor(clinic: Shell, series: Series):
    sol = clinic.answers("doctor", "add", "Dr. Sol")
    clinic.says("hours", "sol", "daily", "9-17")

    moved = clinic.answers(
        "series", "move", series()["series"]["id"], "--doctor", "sol"
    )

    assert {v["doctor_id"] for v in moved["appointments"]} == {sol["id"]}


def test_a_move_that_cannot_be_changes_nothing(clinic: Shell, series: Series):
    series_id = series()["series"]["id"]
    clinic.says("book", "chen", "diaz", "--date", "2026-03-09", "--time", "11:00")

    told = clinic.refuses("series", "move", series_id, "--time", "11:15")

    assert "  2026-03-09 11:15: The doctor has a visit from 11:00 to 11:30." in told
    shown = clinic.answers("series", "show", series_id)["appointments"]
    assert {v["start_time"] for v in shown} == {"09:00"}


def test_a_move_to_the_same_time_is_none(clinic: Shell, series: Series):
    told = clinic.says("series", "move", series()["series"]["id"])

    assert told == "Nothing is to be moved.\n"


def test_visits_from_a_day_on_are_cancelled(clinic: Shell, series: Series):
    series_id = series()["series"]["id"]

    told = clinic.says(
        *("series", "cancel", series_id, "--from", "2026-03-09"),
        *("--type", "patient-cancelled", "--note", "Moves away."),
    )
    rest = clinic.answers("series", "cancel", series_id)

    assert told.startswith(f"Cancelled 2 visits of series {series_id}:\n")
    assert [v["date"] for v in rest["appointments"]] == ["2026-03-02"]
    assert clinic.says("series", "cancel", series_id) == "Nothing is to be cancelled.\n"


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        pytest.param("FREQ=WEEKLY", "--rrule: needs an end", id="no end"),
        pytest.param("FREQ=HOURLY;COUNT=2", "--rrule: must have a FREQ", id="hourly"),
        pytest.param("FREQ=DAILY;COUNT=0", "--rrule: must have a COUNT", id="none"),
        pytest.param("FREQ=DAILY;COUNT=367", "--rrule: must have a COUNT", id="many"),
        pytest.param("every monday", "--rrule: must be one line", id="words"),
        pytest.param("", "--rrule: must not be blank", id="nothing"),
    ],
)
def test_a_rule_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, rule: str, complaint: str
):
    assert complaint in clinic.misunderstands(
        "series", "book", "chen", "lee", *FIRST, "--rrule", rule
    )


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("FREQ=DAILY;UNTIL=20250101", id="over before it begins"),
        pytest.param("FREQ=DAILY;UNTIL=20290101", id="too often"),
        pytest.param("FREQ=MONTHLY;INTERVAL=60;UNTIL=20500101", id="too long"),
    ],
)
def test_a_rule_that_never_or_too_often_repeats_is_refused(clinic: Shell, rule: str):
    told = clinic.refuses("series", "book", "chen", "lee", *FIRST, "--rrule", rule)

    assert told.startswith("Error: --rrule: ")


@pytest.mark.parametrize(
    ("command", "options", "complaint"),
    [
        ("move", ("--days-later", "367"), "--days-later: must be between"),
        ("move", ("--duration", "0"), "--duration: must be between"),
        ("move", ("--duration", "-30"), "--duration: must be between"),
        ("move", ("--time", "25:00"), "--time: must be a time"),
        ("move", ("--from", "soon"), "--from: must be a date"),
        ("move", ("--override", ""), "--override: must not be blank"),
        ("cancel", ("--from", "2026-02-30"), "--from: must be a date"),
        ("cancel", ("--type", "no-show"), "--type"),
    ],
)
def test_a_change_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, command: str, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("series", command, NOBODY, *options)


@pytest.mark.parametrize("command", ["show", "move", "cancel"])
def test_an_unknown_series_is_not_there(clinic: Shell, command: str):
    told = clinic.refuses("series", command, NOBODY)

    assert told == f"Error: There is no series {NOBODY}.\n"
