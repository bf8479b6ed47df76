from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
WEEK = ("--from", "2026-03-02", "--to", "2026-03-06")


@pytest.fixture
def visit(clinic: Shell) -> Any:
    return clinic.answers(
        "book", "chen", "lee", "--date", "2026-03-06", "--time", "16:30"
    )


def test_whole_days_are_off_the_last_one_too(clinic: Shell):
    taken = clinic.answers("time-off", "add", "chen", *WEEK)

    assert taken["time_off"]["starts"] == "2026-03-02T00:00"
    assert taken["time_off"]["ends"] == "2026-03-07T00:00"
    assert taken["stranded"] == []


def test_time_off_is_told_by_days_or_by_moments(clinic: Shell):
    days = clinic.says("time-off", "add", "chen", *WEEK)
    day = clinic.says(
        "time-off", "add", "chen", "--from", "2026-04-01", "--to", "2026-04-01"
    )
    hours = clinic.says(
        *("time-off", "add", "chen", "--from", "2026-05-01T13:00"),
        *("--to", "2026-05-01T17:00", "--reason", "Training"),
    )

    assert days.startswith("Dr. Sarah Chen is off from 2026-03-02 to 2026-03-06 (")
    assert day.startswith("Dr. Sarah Chen is off on 2026-04-01 (")
    assert "is off from 2026-05-01 13:00 to 2026-05-01 17:00 (" in hours
    assert hours.endswith("): Training.\n")


def test_who_is_stranded_is_told_with_what_to_do(clinic: Shell, visit: Any):
    told = clinic.says("time-off", "add", "chen", *WEEK)

    assert told.splitlines()[1:3] == [
        "These visits are stranded:",
        f"  2026-03-06 16:30-17:00  Ann Lee ({visit['id']})",
    ]
    assert "clinicflow reschedule" in told
    assert "clinicflow cancel" in told


def test_stranded_visits_are_listed_until_they_are_moved(clinic: Shell, visit: Any):
    clinic.says("time-off", "add", "chen", *WEEK)

    listed = clinic.says("time-off", "stranded")
    items = clinic.answers("time-off", "stranded")["items"]
    clinic.says("reschedule", visit["id"], "--date", "2026-03-09", "--time", "09:00")

    assert listed.splitlines()[:2] == [
        f"2026-03-06 16:30-17:00  Ann Lee with Dr. Sarah Chen ({visit['id']})",
        "  The doctor is off from 2026-03-02 00:00 to 2026-03-07 00:00.",
    ]
    assert [c["kind"] for c in items[0]["conflicts"]] == ["time-off"]
    assert clinic.says("time-off", "stranded") == "No visit is stranded.\n"


def test_all_pages_of_stranded_visits_are_listed(
    clinic: Shell, visit: Any, monkeypatch: pytest.MonkeyPatch
):
    from clinicflow_cli.commands import time_off

    clinic.says("book", "chen", "diaz", "--date", "2026-03-03", "--time", "09:00")
    clinic.says("hours", "chen", "--none")
    monkeypatch.setattr(time_off, "_AT_ONCE", 1)

    assert len(clinic.answers("time-off", "stranded")["items"]) == 2


def test_time_off_is_listed_and_removed(clinic: Shell):
    taken = clinic.answers("time-off", "add", "chen", *WEEK, "--reason", "Travels")
    time_off_id = taken["time_off"]["id"]

    listed = clinic.says("time-off", "list", "chen")
    assert clinic.answers("time-off", "list", "chen")["items"][0]["id"] == time_off_id
    told = clinic.says("time-off", "remove", "chen", time_off_id)

    assert listed.splitlines() == [
        "Dr. Sarah Chen",
        f"  from 2026-03-02 to 2026-03-06 ({time_off_id}): Travels",
    ]
    assert time_off_id in told
    assert "no time off" in clinic.says("time-off", "list", "chen")


def test_programs_get_what_was_removed(clinic: Shell):
    taken = clinic.answers("time-off", "add", "chen", *WEEK)

    removed = clinic.answers("time-off", "remove", "chen", taken["time_off"]["id"])

    assert removed == {"id": taken["time_off"]["id"]}


def test_time_off_that_is_not_there_is_refused(clinic: Shell):
    told = json.loads(clinic.refuses("time-off", "remove", "chen", NOBODY, "--json"))

    assert told == {"code": "not-found", "detail": f"There is no time off {NOBODY}."}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ("--from", "2026-03-06", "--to", "2026-03-02"),
            "--to: must be after the start",
            id="end before start",
        ),
        pytest.param(
            ("--from", "2026-03-02T13:00", "--to", "2026-03-02T13:00"),
            "--to: must be after the start",
            id="no time at all",
        ),
        pytest.param(
            ("--from", "tomorrow", "--to", "2026-03-02"), "must be a date", id="word"
        ),
        pytest.param(
            ("--from", "2026-02-30", "--to", "2026-03-02"), "must be a date", id="30th"
        ),
        pytest.param(
            ("--from", "2026-03-02T25:00", "--to", "2026-03-03"),
            "must be a date",
            id="no such hour",
        ),
        pytest.param(
            ("--from", "2026-03-02", "--to", "9999-12-31"), "must be a date", id="end"
        ),
        pytest.param(
            ("--from", "2026-03-02", "--to", "3000-01-01"), "in the years", id="far"
        ),
        pytest.param(("--from", "2026-03-02"), "--to", id="no end"),
    ],
)
def test_time_off_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("time-off", "add", "chen", *options)
