from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
NINE = ("--date", "2026-03-02", "--time", "09:00")


@pytest.fixture
def visit(clinic: Shell) -> Any:
    """A visit at nine in New York, whose clinic keeps Chicago's time by now."""
    booked = clinic.answers("book", "chen", "lee", *NINE)
    clinic.says("clinic", "--timezone", "America/Chicago")
    return booked


def test_a_dry_run_tells_what_moves_and_changes_nothing(clinic: Shell, visit: Any):
    told = clinic.says("db", "retime")

    assert told.splitlines() == [
        "Harbour Clinic, America/Chicago: 1 visit to retime.",
        (
            "  2026-03-02 09:00  from 2026-03-02 14:00 to 2026-03-02 15:00 UTC "
            f"({visit['id']})"
        ),
        "Nothing is changed yet: --apply does it.",
    ]
    assert clinic.says("db", "retime") == told


def test_applying_it_lets_visits_keep_their_wall_clock(clinic: Shell, visit: Any):
    told = clinic.says("db", "retime", "--apply")

    assert told.startswith("Harbour Clinic, America/Chicago: 1 visit retimed.\n")
    shown = clinic.answers("show", visit["id"])["appointment"]
    assert (shown["start_time"], shown["starts_at"]) == (
        "09:00",
        "2026-03-02T15:00:00Z",
    )
    assert clinic.says("db", "retime") == (
        "Harbour Clinic, America/Chicago: no visits to retime.\n"
    )


def test_what_shares_its_time_from_then_on_is_told(clinic: Shell, visit: Any):
    clinic.says("book", "chen", "diaz", *NINE)

    told = clinic.says("db", "retime")

    assert "    The doctor has a visit from 09:00 to 09:30.\n" in told


def test_an_offer_whose_time_moves_is_withdrawn(clinic: Shell):
    clinic.says("hours", "chen", "mon", "9:00-9:30")
    other = clinic.answers("book", "chen", "diaz", *NINE)
    clinic.says("waitlist", "join", "lee", "--from", "2026-03-02", "--to", "2026-03-02")
    clinic.says("cancel", other["id"])
    clinic.says("clinic", "--timezone", "America/Chicago")

    dry = clinic.says("db", "retime")
    told = clinic.says("db", "retime", "--apply")

    assert "  Open offers to withdraw: 1.\n" in dry
    assert "  Open offers withdrawn: 1.\n" in told


def test_programs_get_it_for_every_clinic_or_the_one_that_is_named(
    clinic: Shell, visit: Any
):
    other = clinic.sets_up("Lake Clinic", "owner@lake.example")["clinic"]["id"]

    both = clinic.answers("db", "retime")["items"]
    (one,) = clinic.answers("db", "retime", "--clinic", other)["items"]

    assert [len(each["visits"]) for each in both] == [1, 0]
    assert both[0]["visits"][0] == {
        "appointment_id": visit["id"],
        "doctor_id": visit["doctor_id"],
        "local": "2026-03-02T09:00",
        "was_at": "2026-03-02T14:00:00Z",
        "is_at": "2026-03-02T15:00:00Z",
        "conflicts": [],
    }
    assert one == {
        "clinic_id": other,
        "timezone": "America/New_York",
        "visits": [],
        "offers": 0,
        "applied": False,
    }


def test_an_unknown_clinic_is_not_there(clinic: Shell):
    told = clinic.refuses("db", "retime", "--clinic", NOBODY)

    assert told == f"Error: There is no clinic {NOBODY}.\n"


def test_an_unknown_zone_is_wrong_usage(clinic: Shell):
    told = clinic.misunderstands("clinic", "--timezone", "Mars/Phobos")

    assert "--timezone: is not an IANA time zone" in told
