from __future__ import annotations

import json

import pytest

from clinicflow_core.desk import accounts
from tests.builders import PASSWORD
from tests.cli.conftest import MemoryDatabase, Shell

INIT = (
    "init",
    *("--name", "Harbour Clinic", "--timezone", "Europe/Lisbon"),
    *("--email", "ines@harbour.example", "--password-stdin"),
)


def test_a_clinic_is_set_up_and_its_owner_can_sign_in(
    shell: Shell, database: MemoryDatabase
):
    told = shell.says(*INIT, typed=f"{PASSWORD}\r\n")

    signed_in = accounts.sign_in(
        accounts.Credentials(email="ines@harbour.example", password=PASSWORD),
        database.store.entrance(),
    )
    assert "Harbour Clinic is set up" in told
    assert signed_in.clinic.timezone == "Europe/Lisbon"
    assert signed_in.user.role.value == "owner"
    assert database.schema == "0002"


def test_setting_up_answers_with_the_clinic_and_its_owner(shell: Shell):
    answer = shell.answers(*INIT, "--owner-name", "Inês Sol", typed=f"{PASSWORD}\n")

    assert answer["clinic"]["name"] == "Harbour Clinic"
    assert answer["user"]["name"] == "Inês Sol"
    assert PASSWORD not in json.dumps(answer)


def test_an_email_signs_in_to_one_clinic(shell: Shell):
    shell.says(*INIT, typed=f"{PASSWORD}\n")

    told = shell.refuses(*INIT, typed=f"{PASSWORD}\n")

    assert told == "Error: An account with this e-mail exists already.\n"


def test_everything_wrong_with_the_options_is_said_at_once(
    shell: Shell, database: MemoryDatabase
):
    told = shell.misunderstands(
        "init",
        *("--name", " ", "--timezone", "Mars/Phobos"),
        *("--email", "ines", "--password-stdin"),
        typed="short\n",
    )

    for option in ("--name:", "--timezone:", "--email:", "--password-stdin:"):
        assert option in told
    assert database.schema is None


def test_a_password_comes_from_a_terminal_or_is_asked_for_by_name(shell: Shell):
    told = shell.misunderstands(*INIT[:-1], typed=f"{PASSWORD}\n")

    assert "--password-stdin" in told


def test_a_password_that_is_no_text_is_refused(shell: Shell):
    shell.misunderstands(*INIT, typed=b"\xff\xfe long enough a password\n")


def test_the_clinic_is_shown_and_changed(clinic: Shell):
    clinic.says("clinic", "--name", "Harbour North", "--timezone", "Europe/Lisbon")

    told = clinic.says("clinic")

    assert "Harbour North" in told
    assert "Europe/Lisbon" in told


def test_a_clinic_lets_no_answer_leave_the_machine_if_it_says_so(clinic: Shell):
    at_first = clinic.says("clinic")

    told = clinic.says("clinic", "--no-ai-summaries")

    assert "AI summaries: on" in at_first
    assert "AI summaries: off" in told
    assert clinic.answers("clinic", "--ai-summaries")["ai_summaries"] is True


def test_a_wrong_time_zone_changes_nothing(clinic: Shell):
    told = clinic.misunderstands("clinic", "--name", "X", "--timezone", "Nowhere")

    assert "--timezone: is not an IANA time zone" in told
    assert "Harbour Clinic" in clinic.says("clinic")


def test_an_account_is_opened_for_a_doctor(clinic: Shell):
    answer = clinic.answers(
        *("user", "create", "--name", "Sarah Chen", "--email", "chen@harbour.example"),
        *("--role", "doctor", "--doctor", "chen", "--password-stdin"),
        typed=f"{PASSWORD}\n",
    )

    (doctor,) = clinic.answers("doctor", "list")["items"]
    assert answer["doctor_id"] == doctor["id"]
    assert "password_hash" not in answer


def test_only_a_doctors_account_has_a_diary(clinic: Shell):
    told = clinic.misunderstands(
        *("user", "create", "--name", "Rui Sol", "--email", "sol@harbour.example"),
        *("--role", "admin", "--doctor", "chen", "--password-stdin"),
        typed=f"{PASSWORD}\n",
    )

    assert "only the doctor role" in told


def test_without_a_clinic_the_way_to_one_is_told(shell: Shell):
    assert "clinicflow init" in shell.refuses("agenda")


class TestSeveralClinics:
    @pytest.fixture
    def two(self, clinic: Shell) -> tuple[Shell, str]:
        other = clinic.sets_up("Lake Clinic", "owner@lake.example")
        return clinic, other["clinic"]["id"]

    def test_none_is_guessed_and_all_are_listed(self, two: tuple[Shell, str]):
        shell, other = two

        told = shell.refuses("agenda")

        assert told.startswith(
            "Error: There are several clinics: name one with --clinic"
        )
        assert f"{other}  Lake Clinic" in told
        assert "Harbour Clinic" in told

    def test_one_is_named_before_or_after_the_command(self, two: tuple[Shell, str]):
        shell, other = two

        assert "Lake Clinic" in shell.says("clinic", "--clinic", other)
        assert "Lake Clinic" in shell.says("--clinic", other, "clinic")

    def test_one_sees_nothing_of_the_other(self, two: tuple[Shell, str]):
        shell, other = two

        assert shell.answers("patient", "find", "--clinic", other)["items"] == []

    def test_programs_get_them_as_json(self, two: tuple[Shell, str]):
        shell, other = two

        told = json.loads(shell.refuses("agenda", "--json"))

        assert told["code"] == "several-clinics"
        assert other in {c["id"] for c in told["clinics"]}

    def test_an_unknown_one_is_not_there(self, two: tuple[Shell, str]):
        shell, _ = two

        told = shell.refuses(
            "agenda", "--clinic", "00000000-0000-4000-8000-000000000000"
        )

        assert "There is no clinic" in told
