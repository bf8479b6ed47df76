from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Shell


def test_a_doctor_is_added_and_listed(clinic: Shell):
    clinic.says(
        "doctor", "add", "Dr. Rui Sol", "--initials", "RS", "--color", "#4A90A4"
    )

    listed = clinic.answers("doctor", "list")["items"]

    assert [d["name"] for d in listed] == ["Dr. Rui Sol", "Dr. Sarah Chen"]
    assert "Family Medicine" in clinic.says("doctor", "list")


def test_a_wrong_colour_is_said_by_its_option(clinic: Shell):
    told = clinic.misunderstands("doctor", "add", "Dr. Sol", "--color", "red")

    assert "--color: must be a colour as #4A90A4" in told


def test_hours_are_set_shown_and_taken_away(clinic: Shell):
    clinic.says("doctor", "hours", "chen", "mon-fri", "8-12", "sat", "9:00-10:30")
    shown = clinic.says("doctor", "hours", "chen")
    clinic.says("doctor", "hours", "chen", "--none")

    assert "Friday     08:00-12:00" in shown
    assert "Saturday   09:00-10:30" in shown
    assert clinic.answers("doctor", "hours", "chen")["hours"] == []


def test_hours_that_overlap_are_refused_and_the_old_ones_stay(clinic: Shell):
    clinic.refuses("doctor", "hours", "chen", "mon", "9-12", "11-13")

    assert "13:30-17:00" in clinic.says("doctor", "hours", "chen")


@pytest.mark.parametrize(
    "words",
    [("nineish",), ("mon", "25-26"), ("mon", "9-9"), ("mon", "9-12", "--none")],
    ids=" ".join,
)
def test_hours_that_cannot_be_read_are_wrong_usage(
    clinic: Shell, words: tuple[str, ...]
):
    clinic.misunderstands("doctor", "hours", "chen", *words)


def test_a_patient_is_registered_and_found(clinic: Shell):
    clinic.says("patient", "add", "Zoë", "Ångström", "--email", "zoe@example.org")

    assert "Zoë Ångström" in clinic.says("patient", "find", "angstrom")
    assert clinic.says("patient", "find", "nobody") == "Nobody is found.\n"
    assert len(clinic.answers("patient", "find")["items"]) == 3


def test_a_part_of_the_patients_says_that_there_are_more(clinic: Shell):
    assert clinic.answers("patient", "find", "--limit", "1")["more"] is True
    assert "There are more" in clinic.says("patient", "find", "--limit", "1")


def test_all_that_is_wrong_with_a_patient_is_said(clinic: Shell):
    told = clinic.misunderstands(
        *("patient", "add", "", "Lee", "--email", "x", "--date-of-birth", "1.1.1980")
    )

    assert "FIRST_NAME: must not be blank" in told
    assert "--email: is not an e-mail address" in told
    assert "--date-of-birth: must be a date" in told


def test_a_birth_in_the_future_is_refused(clinic: Shell):
    told = clinic.refuses("patient", "add", "A", "B", "--date-of-birth", "2050-01-01")

    assert "must not be in the future" in told


@pytest.mark.parametrize("name", ["\x00", "Lee\udcff", "Lee\x1b[31m"])
def test_a_name_that_would_harm_a_terminal_or_the_record_is_refused(
    clinic: Shell, name: str
):
    clinic.misunderstands("patient", "add", "Ann", name)


def test_a_name_is_shown_as_it_is(clinic: Shell):
    clinic.says("patient", "add", "[red]Ann[/red]", ":smile:")

    assert "[red]Ann[/red] :smile:" in clinic.says("patient", "find", "smile")


class TestNaming:
    """Doctors and patients are named by id or by part of the name."""

    def book(self, shell: Shell, doctor: str, patient: str) -> str:
        return shell.refuses(
            "book", doctor, patient, "--date", "2026-03-03", "--time", "09:00"
        )

    def test_an_id_names_one(self, clinic: Shell):
        (patient,) = clinic.answers("patient", "find", "lee")["items"]
        (doctor,) = clinic.answers("doctor", "list")["items"]

        booked = clinic.answers(
            *("book", doctor["id"], patient["id"]),
            *("--date", "2026-03-03", "--time", "09:00"),
        )

        assert booked["patient_id"] == patient["id"]

    def test_an_unknown_id_names_nobody(self, clinic: Shell):
        unknown = "00000000-0000-4000-8000-000000000000"

        assert f"There is no doctor {unknown}" in self.book(clinic, unknown, "lee")
        assert f"There is no patient {unknown}" in self.book(clinic, "chen", unknown)

    def test_an_unknown_name_names_nobody(self, clinic: Shell):
        assert "There is no doctor 'house'." in self.book(clinic, "house", "lee")
        assert "There is no patient 'li'." in self.book(clinic, "chen", "li")

    def test_a_name_that_several_have_is_refused_with_all_of_them(self, clinic: Shell):
        clinic.says("patient", "add", "Anna", "Lee")

        told = self.book(clinic, "chen", "lee")

        assert told.startswith("Error: 'lee' can be several patients")
        assert "Ann Lee, born 1980-12-31" in told
        assert "Anna Lee" in told

    def test_a_whole_name_is_not_several_because_it_begins_another(self, clinic: Shell):
        clinic.says("patient", "add", "Ann", "Leeson")

        clinic.says(
            "book", "chen", "ann lee", "--date", "2026-03-03", "--time", "09:00"
        )

    def test_programs_get_ids_to_choose_from(self, clinic: Shell):
        clinic.says("doctor", "add", "Dr. Chen Wu")

        told = json.loads(
            clinic.refuses(
                *("book", "chen", "lee", "--json"),
                *("--date", "2026-03-03", "--time", "09:00"),
            )
        )

        assert told["code"] == "ambiguous"
        assert len(told["candidates"]) == 2

    def test_of_very_many_the_first_are_listed(self, clinic: Shell):
        for number in range(12):
            clinic.says("doctor", "add", f"Dr. Same {number}")

        assert "and 2 more" in self.book(clinic, "same", "lee")
