from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

MORNING = ("--from", "2026-03-02", "--to", "2026-03-02", "--latest", "10:00")


@pytest.fixture
def two(clinic: Shell) -> Shell:
    """The clinic with Dr. Sol, who works on Monday and Tuesday morning."""
    clinic.says("doctor", "add", "Dr. Sol")
    clinic.says("hours", "sol", "mon,tue", "9-10")
    return clinic


def test_openings_are_told_by_doctor_and_day(two: Shell):
    two.says("book", "chen", "lee", "--date", "2026-03-02", "--time", "09:15")

    told = two.says(
        *("openings", "--from", "2026-03-02", "--to", "2026-03-03"),
        *("--latest", "10:30", "--duration", "20"),
    )

    assert [line.rstrip() for line in told.splitlines()] == [
        "Dr. Sarah Chen",
        "  Mon 2026-03-02   09:45 10:00",
        "  Tue 2026-03-03   09:00 09:15 09:30 09:45 10:00",
        "Dr. Sol",
        "  Mon 2026-03-02   09:00 09:15 09:30",
        "  Tue 2026-03-03   09:00 09:15 09:30",
    ]


def test_programs_get_every_opening(clinic: Shell):
    items = clinic.answers("openings", *MORNING)["items"]

    assert [each["start_time"] for each in items] == ["09:00", "09:15", "09:30"]
    assert items[0]["starts_at"] == "2026-03-02T14:00:00Z"
    assert items[0]["end_time"] == "09:30"


def test_without_days_it_is_the_week_from_today_on(clinic: Shell):
    items = clinic.answers("openings")["items"]

    assert {each["date"] for each in items} == {
        f"2026-03-0{day}" for day in range(1, 8)
    }


def test_what_is_listed_can_be_narrowed(two: Shell):
    some = two.answers(
        *("openings", "--from", "2026-03-02", "--to", "2026-03-15"),
        *("--doctor", "sol", "--doctor", "chen", "--doctor", "sol"),
        *("--weekday", "tue,thu", "--weekday", "wed-thu"),
        *("--earliest", "09:30", "--latest", "12:00", "--category", "follow-up"),
    )["items"]

    assert {each["date"] for each in some} == {
        *("2026-03-03", "2026-03-04", "2026-03-05"),
        *("2026-03-10", "2026-03-11", "2026-03-12"),
    }
    assert min(each["start_time"] for each in some) == "09:30"
    assert max(each["end_time"] for each in some) == "12:00"


def test_the_category_says_how_long_a_visit_takes(clinic: Shell):
    clinic.says("policy", "--default-duration", "new-patient=60")

    items = clinic.answers("openings", *MORNING, "--category", "new-patient")["items"]

    assert [each["end_time"] for each in items] == ["10:00"]


def test_the_first_openings_are_told_with_their_doctors(two: Shell):
    told = two.says("next", "--count", "3", "--from", "2026-03-02")

    assert told.splitlines() == [
        "Mon 2026-03-02 09:00-09:30  Dr. Sarah Chen",
        "Mon 2026-03-02 09:00-09:30  Dr. Sol",
        "Mon 2026-03-02 09:15-09:45  Dr. Sarah Chen",
    ]


def test_the_first_openings_can_be_narrowed(two: Shell):
    items = two.answers("next", "--doctor", "sol", "--weekday", "tue")["items"]

    assert [each["date"] for each in items] == [
        *["2026-03-03"] * 3,
        *["2026-03-10"] * 2,
    ]


def test_that_nothing_is_free_is_said(clinic: Shell):
    clinic.says("hours", "chen", "--none")

    assert clinic.says("openings") == "Nothing is free.\n"
    assert clinic.says("next") == "Nothing is free within a year.\n"
    assert clinic.answers("next") == {"items": []}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("--duration", "0"), "--duration: must be between", id="zero"),
        pytest.param(("--duration", "-5"), "--duration: must be between", id="minus"),
        pytest.param(("--from", "soon"), "--from: must be a date", id="no date"),
        pytest.param(("--from", "0001-01-01"), "--from: must be in", id="long ago"),
        pytest.param(("--weekday", "someday"), "'someday' is no day", id="no day"),
        pytest.param(("--weekday", "m"), "'m' is no day", id="too short"),
        pytest.param(("--earliest", "9"), "--earliest: must be a time", id="no time"),
        pytest.param(("--category", "old"), "--category", id="no category"),
    ],
)
@pytest.mark.parametrize("command", ["openings", "next"])
def test_a_search_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, command: str, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands(command, *options)


@pytest.mark.parametrize("count", ["0", "-1", "101"])
def test_a_count_is_from_1_to_100(clinic: Shell, count: str):
    assert "--count: must be between 1 and 100" in clinic.misunderstands(
        "next", "--count", count
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ("--from", "2026-03-02", "--to", "2026-03-01"),
            "Error: --to: must not be before --from\n",
            id="end before start",
        ),
        pytest.param(
            ("--from", "2026-03-02", "--to", "2027-03-03"),
            "Error: --to: must be within 366 days from the first\n",
            id="too long",
        ),
        pytest.param(
            ("--doctor", "nobody"), "Error: There is no doctor 'nobody'.\n", id="nobody"
        ),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    assert clinic.refuses("openings", *options) == complaint
