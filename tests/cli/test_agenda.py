from __future__ import annotations

import pytest
from rich.console import Console

from clinicflow_cli import timetable
from tests.cli.conftest import Shell

MONDAY = ("--date", "2026-03-02")
AGAINST_RULES = ("--override", "Pain.")


@pytest.fixture
def busy(clinic: Shell) -> Shell:
    """The clinic with Dr. Sol until noon, and three visits on Monday."""
    clinic.says("doctor", "hours", "chen", "mon", "09:00-10:30", "13:00-14:00")
    clinic.says("doctor", "add", "Dr. Sol")
    clinic.says("doctor", "hours", "sol", "mon", "9-10")
    for doctor, patient, time in (
        ("chen", "lee", "09:00"),
        ("chen", "diaz", "10:00"),
        ("sol", "lee", "09:45"),
    ):
        clinic.says(
            *("book", doctor, patient, *MONDAY, "--time", time, "--duration", "15")
        )
    return clinic


def test_a_day_is_a_table_with_doctors_as_columns(busy: Shell):
    told = busy.says("agenda", *MONDAY)

    assert [line.rstrip() for line in told.splitlines()] == [
        "Monday 2026-03-02, America/New_York",
        "",
        "        Dr. Sarah Chen   Dr. Sol",
        "──────────────────────────────────",
        "09:00   ? Ann Lee        free",
        "09:15   free             free",
        "09:30   free             free",
        "09:45   free             ? Ann Lee",
        "10:00   ? Bo Diaz",
        "10:15   free",
        "10:30",
        "11:00",
        "11:30",
        "12:00",
        "12:30",
        "13:00   free",
        "13:30   free",
        "",
        "? unconfirmed",
    ]


def test_a_visit_goes_on_over_the_rows_it_takes(clinic: Shell):
    clinic.says("book", "chen", "lee", *MONDAY, "--time", "09:00", "--duration", "90")

    told = clinic.says("agenda", *MONDAY)

    assert "09:30   |" in told
    assert "10:00   |" in told
    assert "10:30   free" in told


@pytest.mark.parametrize(
    ("command", "mark"),
    [
        ("confirm", "+ Ann Lee"),
        ("arrive", "@ Ann Lee"),
        ("complete", "* Ann Lee"),
        ("no-show", "- Ann Lee"),
        ("cancel", "x Ann Lee"),
    ],
)
def test_a_visit_shows_where_it_stands(clinic: Shell, command: str, mark: str):
    visit = clinic.answers("book", "chen", "lee", *MONDAY, "--time", "09:00")
    clinic.says(command, visit["id"])

    told = clinic.says("agenda", *MONDAY)

    assert mark in told
    assert told.splitlines()[-1].startswith(mark[0])


def test_a_cancelled_visit_and_the_one_in_its_place_both_show(clinic: Shell):
    visit = clinic.answers("book", "chen", "lee", *MONDAY, "--time", "09:00")
    clinic.says("cancel", visit["id"])
    clinic.says("book", "chen", "diaz", *MONDAY, "--time", "09:00")

    told = clinic.says("agenda", *MONDAY)

    assert "x Ann Lee" in told
    assert "? Bo Diaz" in told


def test_an_overbooked_visit_is_marked(clinic: Shell):
    clinic.says("book", "chen", "lee", *MONDAY, "--time", "09:00")
    clinic.says("book", "chen", "diaz", *MONDAY, "--time", "09:00", *AGAINST_RULES)

    told = clinic.says("agenda", *MONDAY)

    assert "?! Bo Diaz" in told
    assert "! overbooked" in told


def test_a_visit_outside_all_hours_shows(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "--none")
    clinic.says("book", "chen", "lee", *MONDAY, "--time", "20:10", *AGAINST_RULES)

    assert "20:10   ? Ann Lee" in clinic.says("agenda", *MONDAY)


def test_ids_make_it_a_list(busy: Shell):
    visits = busy.answers("agenda", *MONDAY)["doctors"][0]["visits"]

    told = busy.says("agenda", *MONDAY, "--ids")

    assert f"  09:00-09:15  ? Ann Lee  {visits[0]['appointment']['id']}" in told
    assert "Dr. Sarah Chen, Family Medicine\n" in told
    assert "  09:15-10:00    free" in told


def test_many_doctors_are_listed_one_below_the_other(clinic: Shell):
    for number in range(timetable.MOST_COLUMNS):
        clinic.says("doctor", "add", f"Dr. Number {number}")
        clinic.says("doctor", "hours", f"number {number}", "mon", "9-10")

    told = clinic.says("agenda", *MONDAY)

    assert "\nDr. Number 0\n  09:00-10:00    free\n" in told


def test_a_table_that_is_too_wide_for_the_terminal_is_listed(
    busy: Shell, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timetable, "console_for", lambda _: Console(width=30))

    assert "\nDr. Sol\n" in busy.says("agenda", *MONDAY)


def test_the_width_of_a_terminal_changes_nothing_in_a_pipe(
    busy: Shell, monkeypatch: pytest.MonkeyPatch
):
    usual = busy.says("agenda", *MONDAY)
    monkeypatch.setenv("COLUMNS", "20")

    assert busy.says("agenda", *MONDAY) == usual


def test_one_doctor_can_be_picked(busy: Shell):
    told = busy.says("agenda", *MONDAY, "--doctor", "sol")

    assert "Dr. Sol" in told
    assert "Chen" not in told


def test_who_neither_works_nor_has_visits_is_only_counted(busy: Shell):
    told = busy.says("agenda", "--date", "2026-03-03")

    assert told.splitlines() == [
        "Tuesday 2026-03-03, America/New_York",
        "2 doctors without hours or visits that day.",
    ]


def test_without_a_date_it_is_today_at_the_clinic(clinic: Shell):
    assert clinic.answers("agenda")["date"] == "2026-03-01"


def test_a_clinic_without_doctors_says_so(shell: Shell):
    shell.sets_up("New Clinic", "new@clinic.example")

    assert "There are no doctors yet." in shell.says("agenda")


def test_hours_past_midnight_are_cut_to_the_day(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "sun", "22:00-02:00")

    sunday = clinic.says("agenda", "--date", "2026-03-01", "--ids")
    monday = clinic.says("agenda", *MONDAY, "--ids")

    assert "  22:00-00:00    free" in sunday
    assert "  00:00-02:00    free" in monday


def test_a_visit_over_midnight_shows_on_both_days_and_once_in_a_week(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "sun", "22:00-02:00")
    clinic.says(
        *("book", "chen", "lee", "--date", "2026-03-01"),
        *("--time", "23:30", "--duration", "60"),
    )

    sunday = clinic.says("agenda", "--date", "2026-03-01")
    monday = clinic.says("agenda", *MONDAY)
    listed = clinic.says("agenda", *MONDAY, "--ids")
    weeks = [
        clinic.says("agenda", "--week", "--date", day)
        for day in ("2026-03-01", "2026-03-02")
    ]

    assert [line.rstrip() for line in sunday.splitlines()[4:]] == [
        *("22:00   free", "22:30   free", "23:00   free", "23:30   ? Ann Lee"),
        *("", "? unconfirmed"),
    ]
    assert [line.rstrip() for line in monday.splitlines()[4:]] == [
        *("00:00   ? Ann Lee", "00:30   free", "01:00   free", "01:30   free"),
        *("", "? unconfirmed"),
    ]
    assert "  23:30-00:30  ? Ann Lee" in listed
    assert "  00:30-02:00    free" in listed
    assert [week.count("Ann Lee") for week in weeks] == [1, 0]
    assert [week.count("unconfirmed") for week in weeks] == [1, 0]
    assert "    free    00:30-02:00" in weeks[1]


def test_a_day_with_a_clock_change_shows_each_real_half_hour(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "sun", "00:00-04:00")

    told = clinic.says("agenda", "--date", "2026-03-08")

    assert [line[:5] for line in told.splitlines()[4:10]] == [
        "00:00",
        "00:30",
        "01:00",
        "01:30",
        "03:00",
        "03:30",
    ]


def test_time_off_is_not_free_and_shows(busy: Shell):
    busy.says(
        *("time-off", "add", "chen", "--from", "2026-03-02T09:15"),
        *("--to", "2026-03-02T13:30"),
    )

    told = busy.says("agenda", *MONDAY)
    listed = busy.says("agenda", *MONDAY, "--ids", "--doctor", "chen")

    assert [line.rstrip() for line in told.splitlines()[4:12]] == [
        "09:00   ? Ann Lee        free",
        "09:15   off              free",
        "09:30   off              free",
        "09:45   off              ? Ann Lee",
        "10:00   ? Bo Diaz",
        "        off",
        "10:15   off",
        "10:30",
    ]
    assert [line.partition("  ? ")[0] for line in listed.splitlines()[3:8]] == [
        "  09:00-09:15",
        "  09:15-10:30    off",
        "  10:00-10:15",
        "  13:00-13:30    off",
        "  13:30-14:00    free",
    ]


def test_a_closed_day_has_nothing_free(clinic: Shell):
    clinic.says("policy", "--close", "2026-03-02")

    assert clinic.says("agenda", *MONDAY).splitlines() == [
        "Monday 2026-03-02, America/New_York",
        "The clinic is closed.",
    ]


def test_visits_of_a_closed_day_show(busy: Shell):
    busy.says("policy", "--close", "2026-03-02")
    busy.says("doctor", "add", "Dr. Idle")

    told = busy.says("agenda", *MONDAY)

    assert "09:00   ? Ann Lee        closed" in told
    assert "free" not in told
    assert told.splitlines()[-1] == "Closed: Dr. Idle."


def test_a_holiday_is_open_for_whoever_has_hours_on_it(busy: Shell):
    busy.says("policy", "--holidays", "US")
    busy.says("hours", "sol", "--on", "2026-07-03", "9-10")

    told = busy.says("agenda", "--date", "2026-07-03")

    assert "09:00   free" in told
    assert told.splitlines()[-1] == "Closed: Dr. Sarah Chen."


def test_a_week_lists_each_day_with_visits_and_what_is_free(busy: Shell):
    busy.says("policy", "--close", "2026-03-04")
    busy.says(
        *("time-off", "add", "chen", "--from", "2026-03-02T13:00"),
        *("--to", "2026-03-02T13:30"),
    )

    told = busy.says("agenda", "--week", "--date", "2026-03-04")

    assert told.splitlines() == [
        "Week of 2026-03-02, America/New_York",
        "",
        "Monday 2026-03-02",
        "  Dr. Sarah Chen",
        "    09:00 ? Ann Lee   10:00 ? Bo Diaz",
        "    off     13:00-13:30",
        "    free    09:15-10:00   10:15-10:30   13:30-14:00",
        "  Dr. Sol",
        "    09:45 ? Ann Lee",
        "    free    09:00-09:45",
        "",
        "Tuesday 2026-03-03",
        "  nobody works",
        "",
        "Wednesday 2026-03-04",
        "  closed",
        *(
            line
            for day in (
                "Thursday 2026-03-05",
                "Friday 2026-03-06",
                "Saturday 2026-03-07",
                "Sunday 2026-03-08",
            )
            for line in ("", day, "  nobody works")
        ),
        "",
        "? unconfirmed",
    ]


def test_a_week_is_no_wider_than_the_terminal(
    busy: Shell, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(timetable, "console_for", lambda _: Console(width=30))

    told = busy.says("agenda", "--week", *MONDAY)

    assert "    09:00 ? Ann Lee\n    10:00 ? Bo Diaz\n" in told
    assert "    free    09:15-10:00\n            10:15-10:30\n" in told
    assert max(map(len, told.splitlines()[2:])) <= 30


def test_a_week_shows_ids_if_asked(busy: Shell):
    week = busy.answers("agenda", "--week", *MONDAY)
    visit = week["days"][0]["doctors"][0]["visits"][0]["appointment"]

    told = busy.says("agenda", "--week", *MONDAY, "--ids", "--doctor", "chen")

    assert f"    09:00 ? Ann Lee  {visit['id']}   10:00 ? Bo Diaz" in told
    assert "Dr. Sol" not in told


def test_a_visit_on_a_closed_day_shows_in_the_week(busy: Shell):
    busy.says("policy", "--close", "2026-03-02")

    told = busy.says("agenda", "--week", *MONDAY)

    assert "    09:00 ? Ann Lee   10:00 ? Bo Diaz\n    closed  09:00-10:30" in told


def test_without_a_date_it_is_this_week_at_the_clinic(clinic: Shell):
    week = clinic.answers("agenda", "--week")

    assert week["date"] == "2026-02-23"
    assert len(week["days"]) == 7


@pytest.mark.parametrize("week", [(), ("--week",)], ids=["day", "week"])
def test_a_day_beyond_the_calendar_is_refused(clinic: Shell, week: tuple[str, ...]):
    told = clinic.refuses("agenda", "--date", "2300-01-01", *week)

    assert told.startswith("Error: --date: must be in the years 1900 to 2199")


def test_a_day_that_cannot_be_read_is_wrong_usage(clinic: Shell):
    assert "must be a date, as 2026-03-02" in clinic.misunderstands(
        "agenda", "--date", "today"
    )
