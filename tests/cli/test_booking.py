from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Shell

Book = Callable[..., Any]


@pytest.fixture
def book(clinic: Shell) -> Book:
    def book(time: str, patient: str = "lee", *options: str) -> Any:
        return clinic.answers(
            *("book", "chen", patient, "--date", "2026-03-02", "--time", time),
            *options,
        )

    return book


def test_a_visit_is_booked(clinic: Shell):
    told = clinic.says("book", "chen", "lee", "--date", "2026-03-02", "--time", "09:00")

    assert told.startswith("Booked 2026-03-02 09:00-09:30 (")


def test_a_visit_says_all_that_was_asked_for(book: Book):
    booked = book(
        "09:00",
        "lee",
        *("--duration", "45", "--type", "virtual", "--category", "new-patient"),
        *("--meeting-link", "https://meet.example/1", "--utc-offset", "-05:00"),
    )

    assert booked["end_time"] == "09:45"
    assert booked["visit_type"] == "virtual"
    assert booked["visit_category"] == "new-patient"
    assert booked["meeting_link"] == "https://meet.example/1"


def test_a_double_booking_is_refused_with_free_times(clinic: Shell, book: Book):
    book("09:00")

    told = clinic.refuses(
        "book", "chen", "diaz", "--date", "2026-03-02", "--time", "09:15"
    )

    first, *rest = told.splitlines()
    assert first == "Error: The doctor has a visit from 09:00 to 09:30."
    assert rest == [
        "Free instead:",
        "  2026-03-02 09:30-10:00  Dr. Sarah Chen",
        "  2026-03-02 09:45-10:15  Dr. Sarah Chen",
        "  2026-03-02 10:00-10:30  Dr. Sarah Chen",
    ]


def test_other_doctors_of_the_specialty_are_named_with_their_free_times(
    clinic: Shell, book: Book
):
    clinic.says("doctor", "add", "Dr. Sol", "--specialty", "Family Medicine")
    clinic.says("hours", "sol", "mon", "9:00-9:30")
    clinic.says("hours", "chen", "--on", "2026-03-03", "--none")
    book("09:00")
    at_nine = ("chen", "diaz", "--date", "2026-03-02", "--time", "09:00")

    refused = clinic.refuses("book", *at_nine)
    checked = clinic.says("check", *at_nine)

    assert refused.splitlines()[-1] == "  2026-03-09 09:00-09:30  Dr. Sol"
    assert "  2026-03-02 09:00-09:30  Dr. Sol" in refused.splitlines()
    assert "Free: 2026-03-02 09:00-09:30  Dr. Sol" in checked.splitlines()


def test_all_that_stands_against_a_visit_is_said(clinic: Shell, book: Book):
    book("12:00")

    told = clinic.refuses(
        "book", "chen", "lee", "--date", "2026-03-02", "--time", "12:15"
    )

    assert "The doctor has a visit" in told
    assert "The patient has a visit" in told
    assert "The doctor does not work then." in told


def test_programs_get_conflicts_and_free_times(clinic: Shell, book: Book):
    book("09:00")

    told = json.loads(
        clinic.refuses(
            *("book", "chen", "diaz", "--date", "2026-03-02", "--time", "09:15"),
            "--json",
        )
    )

    assert told["code"] == "booking-conflict"
    assert [c["kind"] for c in told["conflicts"]] == ["doctor-busy"]
    assert told["alternatives"][0]["start_time"] == "09:30"


def test_nothing_free_nearby_is_said(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "--none")

    told = clinic.refuses(
        "book", "chen", "lee", "--date", "2026-03-02", "--time", "09:00"
    )

    assert "Nothing is free within a week." in told


def test_a_rule_gives_way_to_a_reason(clinic: Shell, book: Book):
    book("09:00")

    booked = book("09:15", "diaz", "--override", "Emergency.")

    assert booked["override"]["conflicts"] == ["doctor-busy"]


def test_a_check_says_both_answers_and_books_nothing(clinic: Shell, book: Book):
    at_nine = ("check", "chen", "diaz", "--date", "2026-03-02", "--time", "09:00")
    free = clinic.says(*at_nine)
    book("09:00")

    taken = clinic.says(*at_nine)

    assert free == "It can be booked.\n"
    assert taken.startswith("The doctor has a visit from 09:00 to 09:30.\nFree: ")
    assert clinic.answers(*at_nine)["conflicts"][0]["kind"] == "doctor-busy"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ("--date", "tomorrow", "--time", "09:00"), "--date:", id="no date"
        ),
        pytest.param(("--date", "2026-03-02", "--time", "9"), "--time:", id="no time"),
        pytest.param(("--date", "2026-03-02"), "--time", id="no time at all"),
        pytest.param(
            ("--date", "2026-03-02", "--time", "09:00", "--duration", "0"),
            "--duration: must be between 1 and 1440",
            id="no length",
        ),
        pytest.param(
            ("--date", "0000-03-02", "--time", "09:00"), "--date:", id="year zero"
        ),
        pytest.param(
            ("--date", "2026-03-02", "--time", "09:00", "--override", ""),
            "--override:",
            id="no reason",
        ),
    ],
)
def test_a_wish_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("book", "chen", "lee", *options)


def test_a_visit_moves_and_frees_its_time(clinic: Shell, book: Book):
    visit = book("09:00")

    told = clinic.says(
        "reschedule", visit["id"], "--date", "2026-03-03", "--time", "10:30"
    )

    assert told.startswith("Moved to 2026-03-03 10:30-11:00 (")
    book("09:00", "diaz")


def test_a_visit_moves_to_another_doctor(clinic: Shell, book: Book):
    visit = book("09:00")
    other = clinic.answers("doctor", "add", "Dr. Sol")
    clinic.says("doctor", "hours", "sol", "daily", "9-17")

    moved = clinic.answers(
        *("reschedule", visit["id"], "--date", "2026-03-02", "--time", "09:00"),
        *("--doctor", "sol"),
    )

    assert moved["doctor_id"] == other["id"]


def test_a_move_that_is_refused_leaves_the_visit(clinic: Shell, book: Book):
    book("09:00")
    visit = book("10:00", "diaz")

    clinic.refuses("reschedule", visit["id"], "--date", "2026-03-02", "--time", "09:15")

    shown = clinic.answers("show", visit["id"])["appointment"]
    assert shown["start_time"] == "10:00"


def test_a_cancelled_visit_keeps_why_and_can_stand_again(clinic: Shell, book: Book):
    visit = book("09:00")

    cancelled = clinic.answers(
        "cancel", visit["id"], "--type", "patient-cancelled", "--note", "Has a cold."
    )

    assert cancelled["cancellation"]["reason_note"] == "Has a cold."
    assert clinic.says("reinstate", visit["id"]).startswith("It stands again")


def test_a_cancelled_visit_stays_so_if_its_time_was_taken(clinic: Shell, book: Book):
    visit = book("09:00")
    clinic.says("cancel", visit["id"])
    book("09:00", "diaz")

    assert "The doctor has a visit" in clinic.refuses("reinstate", visit["id"])


def test_what_was_done_last_is_undone_once(clinic: Shell, book: Book):
    visit = book("09:00")
    clinic.says("arrive", visit["id"])

    told = clinic.says("undo", visit["id"])

    assert told.startswith("It stands as before: ")
    assert not clinic.answers("show", visit["id"])["appointment"]["arrived"]
    assert "stands" in clinic.refuses("undo", visit["id"])


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("confirm", "confirmed"),
        ("arrive", "unconfirmed"),
        ("complete", "completed"),
        ("no-show", "no-show"),
    ],
)
def test_what_happens_to_a_visit_is_noted(
    clinic: Shell, book: Book, command: str, status: str
):
    visit = book("09:00")

    clinic.says(command, visit["id"])

    shown = clinic.answers("show", visit["id"])
    assert shown["appointment"]["status"] == status
    assert len(shown["history"]) == 2


def test_who_did_it_is_shown(
    clinic: Shell, book: Book, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOGNAME", "reception")
    visit = book("09:00")

    assert "booked  by cli:reception" in clinic.says("show", visit["id"])


def test_where_a_visit_was_moved_is_shown(clinic: Shell, book: Book):
    visit = book("09:00")
    chen = visit["doctor_id"]
    sol = clinic.answers("doctor", "add", "Dr. Sol")["id"]
    clinic.says("hours", "sol", "daily", "9-17")
    to = ("reschedule", visit["id"], "--date", "2026-03-03", "--time")
    clinic.says(*to, "10:30")
    once = clinic.says("show", visit["id"])
    clinic.says(*to, "10:30", "--doctor", "sol", "--duration", "45")

    twice = clinic.says("show", visit["id"])

    assert once.splitlines()[1:3] == [
        "Moved 1 time:",
        "  from 2026-03-02 09:00 to 2026-03-03 10:30",
    ]
    assert twice.splitlines()[1:4] == [
        "Moved 2 times:",
        "  from 2026-03-02 09:00 to 2026-03-03 10:30",
        (
            "  from 2026-03-03 10:30 with Dr. Sarah Chen for 30 minutes "
            "to 2026-03-03 10:30 with Dr. Sol for 45 minutes"
        ),
    ]
    _, last = clinic.answers("show", visit["id"])["moves"]
    assert (last["from_doctor_id"], last["to_doctor_id"]) == (chen, sol)
    assert last["to_starts_at"] == "2026-03-03T15:30:00Z"


def test_a_visit_that_was_never_moved_says_nothing_of_it(clinic: Shell, book: Book):
    visit = book("09:00")

    assert "Moved" not in clinic.says("show", visit["id"])
    assert clinic.answers("show", visit["id"])["moves"] == []


def test_a_step_that_cannot_be_taken_is_refused(clinic: Shell, book: Book):
    visit = book("09:00")
    clinic.says("complete", visit["id"])

    told = clinic.refuses("cancel", visit["id"])

    assert told.startswith("Error: Cannot cancel: appointment")


def test_an_unknown_visit_is_not_there(clinic: Shell):
    told = clinic.refuses("confirm", "00000000-0000-4000-8000-000000000000")

    assert told.startswith("Error: There is no appointment")


def test_a_visit_is_named_by_its_id(clinic: Shell):
    clinic.misunderstands("confirm", "ann")


def test_the_whole_day_of_work_runs_on_sqlite(sqlite_shell: Shell):
    shell = sqlite_shell
    shell.sets_up("Harbour Clinic", "ines@harbour.example")
    shell.says("doctor", "add", "Dr. Sarah Chen")
    shell.says("doctor", "hours", "chen", "daily", "9-17")
    shell.says("patient", "add", "Ann", "Lee")
    shell.says("patient", "add", "Bo", "Diaz")
    on = ("--date", "2199-03-04", "--time")

    visit = shell.answers("book", "chen", "lee", *on, "09:00")
    shell.refuses("book", "chen", "diaz", *on, "09:15")
    shell.says("reschedule", visit["id"], *on, "10:00")
    shell.says("confirm", visit["id"])
    shell.says("cancel", visit["id"])
    shell.says("reinstate", visit["id"])

    assert "10:00-10:30  ? Ann Lee" in shell.says(
        "agenda", "--date", "2199-03-04", "--ids"
    )


def test_planning_ahead_runs_on_sqlite(sqlite_shell: Shell):
    shell = sqlite_shell
    shell.sets_up("Harbour Clinic", "ines@harbour.example")
    shell.says("doctor", "add", "Dr. Sarah Chen")
    shell.says("hours", "chen", "daily", "9-17")
    shell.says("hours", "chen", "--on", "2198-03-05", "9-12")
    shell.says("patient", "add", "Ann", "Lee")
    shell.says("patient", "add", "Bo", "Diaz")
    shell.says("policy", "--holidays", "US-NY", "--close", "2198-03-02")
    shell.says("policy", "--doctor", "chen", "--slot-step", "30")
    on = ("--date", "2198-03-01", "--time", "09:00")
    days = ("--from", "2198-03-01", "--to", "2198-03-06")

    series = shell.answers(
        *("series", "book", "chen", "lee", *on, "--rrule", "FREQ=DAILY;COUNT=4"),
        *("--policy", "skip_and_report"),
    )
    shell.says("series", "move", series["series"]["id"], "--time", "10:00")
    entry = shell.answers("waitlist", "join", "diaz", *days, "--latest", "11:00")
    off = shell.answers("time-off", "add", "chen", *days[:3], "2198-03-04T09:00")
    stranded = shell.answers("time-off", "stranded")["items"]
    shell.says("time-off", "remove", "chen", off["time_off"]["id"])
    shell.says("cancel", series["appointments"][0]["id"])
    accepted = shell.answers("waitlist", "accept", entry["entry"]["id"])
    shell.says("series", "cancel", series["series"]["id"], "--from", "2198-03-04")
    openings = shell.answers("openings", *days)["items"]
    week = shell.says("agenda", "--week", "--date", "2198-03-01")
    visit = shell.says("show", series["appointments"][0]["id"])

    assert [v["date"] for v in series["appointments"]] == [
        *("2198-03-01", "2198-03-03", "2198-03-04")
    ]
    assert [each["appointment"]["date"] for each in stranded] == [
        *("2198-03-01", "2198-03-03")
    ]
    assert (accepted["date"], accepted["start_time"]) == ("2198-03-01", "10:00")
    assert "  from 2198-03-01 09:00 to 2198-03-01 10:00" in visit.splitlines()
    assert {each["date"] for each in openings} == {
        *("2198-03-01", "2198-03-03", "2198-03-04", "2198-03-05", "2198-03-06")
    }
    assert openings[-1]["start_time"] == "16:30"
    assert "10:00 x Ann Lee" in week
    assert "10:00 + Bo Diaz" in week
    assert shell.answers("next", *days[:2])["items"][0]["date"] == "2198-03-01"
    assert shell.answers("db", "retime")["items"][0]["visits"] == []
    assert shell.answers("waitlist", "sweep") == {"ended": 0}
