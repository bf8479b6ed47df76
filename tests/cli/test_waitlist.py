from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinicflow_core.memory import MemoryStore
from tests.builders import Watch
from tests.cli.conftest import MemoryDatabase, Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
SOON = ("--from", "2026-03-02", "--to", "2026-03-06")
NINE = ("--date", "2026-03-02", "--time", "09:00")

Join = Callable[..., Any]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def database(watch: Watch) -> MemoryDatabase:
    database = MemoryDatabase()
    database.store = MemoryStore(watch)
    return database


@pytest.fixture
def join(clinic: Shell, watch: Watch) -> Join:
    """Put somebody on the waitlist, each a second after the one before."""

    def join(patient: str = "lee", *options: str) -> Any:
        watch.at += timedelta(seconds=1)
        return clinic.answers("waitlist", "join", patient, *SOON, *options)["entry"]

    return join


@pytest.fixture
def free(clinic: Shell) -> Callable[[], None]:
    """Let the only time of the doctor, at nine on Monday, come free."""
    clinic.says("hours", "chen", "mon", "9:00-9:30")
    clinic.says("patient", "add", "Cy", "Odd")
    visit = clinic.answers("book", "chen", "odd", *NINE)

    def cancel() -> None:
        clinic.says("cancel", visit["id"])

    return cancel


def test_somebody_waits_for_what_suits(clinic: Shell):
    told = clinic.says(
        *("waitlist", "join", "lee", *SOON, "--doctor", "chen", "--duration", "45"),
        *("--weekday", "wed,mon", "--earliest", "09:00", "--latest", "12:00"),
        *("--category", "new-patient", "--type", "virtual", "--urgent"),
        *("--note", "Has a fever."),
    )

    first, entry, *rest = told.splitlines()
    assert first == "On the waitlist:"
    assert entry.startswith("Ann Lee, urgent: waiting (")
    assert rest == [
        (
            "  2026-03-02 to 2026-03-06, mon wed, from 09:00, until 12:00, "
            "45 minutes, Dr. Sarah Chen"
        ),
        "  Note: Has a fever.",
    ]


def test_programs_get_the_entry(join: Join):
    entry = join("lee", "--weekday", "mon", "--weekday", "mon-tue", "--type", "virtual")

    assert entry["weekdays"] == ["monday", "tuesday"]
    assert entry["visit_type"] == "virtual"
    assert entry["urgent"] is False
    assert entry["doctor_id"] is None


def test_what_comes_free_is_offered_to_whoever_is_first(
    clinic: Shell, join: Join, free: Callable[[], None]
):
    join("lee")
    urgent = join("diaz", "--urgent")

    free()

    told = clinic.says("waitlist", "list")
    assert told.splitlines()[:3] == [
        f"Bo Diaz, urgent: offered ({urgent['id']})",
        "  2026-03-02 to 2026-03-06",
        "  Offered 2026-03-02 09:00-09:30 with Dr. Sarah Chen, until 2026-03-01 09:00",
    ]
    assert "Ann Lee: waiting (" in told


def test_an_offer_that_is_accepted_is_a_visit(
    clinic: Shell, join: Join, free: Callable[[], None]
):
    entry = join("lee")
    free()

    told = clinic.says("waitlist", "accept", entry["id"])

    assert told.startswith("Booked 2026-03-02 09:00-09:30 (")
    assert "+ Ann Lee" in clinic.says("agenda", "--date", "2026-03-02")
    assert clinic.says("waitlist", "list") == "Nobody is found.\n"
    (booked,) = clinic.answers("waitlist", "list", "--status", "booked")["items"]
    assert booked["entry"]["id"] == entry["id"]


def test_an_offer_that_is_declined_goes_to_the_next(
    clinic: Shell, join: Join, free: Callable[[], None]
):
    first, second = join("lee"), join("diaz")
    free()

    told = clinic.says("waitlist", "decline", first["id"])

    assert told == f"Declined; the entry waits on ({first['id']}).\n"
    (offered,) = clinic.answers("waitlist", "list", "--status", "offered")["items"]
    assert offered["entry"]["id"] == second["id"]


def test_who_is_taken_off_waits_no_longer(
    clinic: Shell, join: Join, free: Callable[[], None]
):
    first, second = join("lee"), join("diaz")
    free()

    told = clinic.says("waitlist", "withdraw", first["id"])

    assert told == f"Taken off the waitlist ({first['id']}).\n"
    (left,) = clinic.answers("waitlist", "list")["items"]
    assert left["entry"]["id"] == second["id"]
    assert clinic.answers("waitlist", "withdraw", second["id"]) == {"id": second["id"]}


def test_an_offer_that_lapsed_goes_to_the_next_when_it_is_swept(
    clinic: Shell, join: Join, free: Callable[[], None], watch: Watch
):
    first, second = join("lee"), join("diaz")
    free()
    watch.at = watch.at.replace(hour=15)

    assert clinic.refuses("waitlist", "accept", first["id"]) == (
        f"Error: Nothing is offered to waitlist entry {first['id']} now.\n"
    )
    told = clinic.says("waitlist", "sweep")

    assert told == "Ended 1 offer.\n"
    assert clinic.answers("waitlist", "sweep") == {"ended": 0}
    clinic.says("waitlist", "accept", second["id"])


def test_all_pages_of_the_waitlist_are_listed(
    clinic: Shell, join: Join, monkeypatch: pytest.MonkeyPatch
):
    from clinicflow_cli.commands import waitlist

    join("lee")
    join("diaz")
    monkeypatch.setattr(waitlist, "_AT_ONCE", 1)

    assert len(clinic.answers("waitlist", "list")["items"]) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ("--from", "2026-03-06", "--to", "2026-03-02"),
            "--to: must not be before the first day",
            id="end before start",
        ),
        pytest.param(
            (*SOON, "--earliest", "12:00", "--latest", "12:00"),
            "--latest: must be after the earliest time",
            id="no time of day",
        ),
        pytest.param((*SOON, "--duration", "0"), "--duration: must be", id="zero"),
        pytest.param((*SOON, "--duration", "-1"), "--duration: must be", id="minus"),
        pytest.param((*SOON, "--weekday", "x"), "'x' is no day", id="no day"),
        pytest.param(("--from", "2026-03-02"), "--to", id="no end"),
        pytest.param(
            ("--from", "2026-03-02", "--to", "3000-01-01"), "--to: must be in", id="far"
        ),
        pytest.param((*SOON, "--note", " "), "--note: must not be blank", id="blank"),
    ],
)
def test_a_wish_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("waitlist", "join", "lee", *options)


@pytest.mark.parametrize("command", ["accept", "decline", "withdraw"])
def test_an_unknown_entry_is_not_there(clinic: Shell, command: str):
    told = clinic.refuses("waitlist", command, NOBODY)

    assert told == f"Error: There is no waitlist entry {NOBODY}.\n"


def test_who_has_no_offer_has_nothing_to_decline(clinic: Shell, join: Join):
    entry = join("lee")

    assert "Nothing is offered" in clinic.refuses("waitlist", "decline", entry["id"])


def test_who_was_taken_off_cannot_be_again(clinic: Shell, join: Join):
    entry = join("lee")
    clinic.says("waitlist", "withdraw", entry["id"])

    told = clinic.refuses("waitlist", "withdraw", entry["id"])

    assert told == f"Error: Waitlist entry {entry['id']} is withdrawn.\n"
