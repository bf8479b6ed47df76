from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clinicflow_core.desk import patient_link
from clinicflow_core.memory import MemoryStore
from tests.builders import Watch
from tests.cli.conftest import MemoryDatabase, Shell

NOBODY = "00000000-0000-4000-8000-000000000000"
NINE = ("--date", "2026-03-02", "--time", "09:00")
ANSWERS = {
    "reason": "I have had a headache since Monday.",
    "takes-medications": True,
    "medications": [
        {
            "medication-name": "Lisinopril",
            "medication-dose": "10 mg",
            "medication-frequency": "once a day",
        }
    ],
    "has-allergies": True,
    "allergies": [{"allergy-name": "Penicillin", "allergy-reaction": "a rash"}],
    "little-interest": "LA6569-3",
    "feeling-down": "LA6568-5",
    "consent": "agree",
}


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def database(watch: Watch) -> MemoryDatabase:
    database = MemoryDatabase()
    database.store = MemoryStore(watch)
    return database


def sent(clinic: Shell, *options: str) -> Any:
    return clinic.answers("intake", "send", "lee", *options)


def submitted(clinic: Shell, answers: Any = ANSWERS, *options: str) -> str:
    form: str = sent(clinic, *options)["form"]["id"]
    clinic.says("intake", "submit", form, typed=json.dumps(answers))
    return form


def summarized(clinic: Shell, answers: Any = ANSWERS, *options: str) -> str:
    form = submitted(clinic, answers, *options)
    clinic.says("intake", "summary", form, "--again")
    return form


def visit_of(clinic: Shell, patient: str = "lee") -> str:
    visit: str = clinic.answers("book", "chen", patient, *NINE)["id"]
    return visit


def intake_status(clinic: Shell, visit: str) -> str:
    status: str = clinic.answers("show", visit)["appointment"]["intake_status"]
    return status


def test_a_form_is_sent_with_a_link_that_is_told_once(
    clinic: Shell, database: MemoryDatabase
):
    told = clinic.says("intake", "send", "lee")

    first, second, third = told.splitlines()
    assert first.startswith("Ann Lee has the form ")
    assert second.startswith("It is filled in at /i/")
    assert third == "until 2026-03-15 08:00; the link is not told again."
    asked = patient_link.questions(second.rpartition("/")[2], database.store)
    assert asked.questionnaire is not None
    assert asked.questionnaire.name == "intake"


def test_a_link_leads_to_where_the_service_is_for_as_long_as_is_said(clinic: Shell):
    answer = sent(clinic, "--base-url", "https://desk.example.org/", "--days", "7")

    assert answer["link"].startswith("https://desk.example.org/i/")
    assert answer["expires_at"] == "2026-03-08T12:00:00Z"
    assert "token" not in answer["form"]


def test_a_form_can_be_for_a_visit_whose_intake_is_sent_then(clinic: Shell):
    visit = visit_of(clinic)

    answer = sent(clinic, "--appointment", visit)

    assert answer["form"]["appointment_id"] == visit
    assert intake_status(clinic, visit) == "sent"
    assert "has the intake form" in clinic.refuses(
        "intake", "send", "lee", "--appointment", visit
    )


def test_answers_can_be_free(clinic: Shell):
    form = submitted(clinic, {"cough": "For a week."}, "--questionnaire", "none")

    told = clinic.says("intake", "show", form)

    assert told.splitlines() == [
        "Ann Lee: submitted",
        "Free answers",
        "Submitted 2026-03-01 07:00",
        "  cough",
        "    For a week.",
    ]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("--days", "0"), "--days: must be", id="no day"),
        pytest.param(("--days", "91"), "--days: must be", id="too many days"),
        pytest.param(("--appointment", "x"), "--appointment: must be", id="no id"),
    ],
)
def test_a_wish_that_cannot_be_read_is_wrong_usage(
    clinic: Shell, options: tuple[str, ...], complaint: str
):
    assert complaint in clinic.misunderstands("intake", "send", "lee", *options)


def test_a_form_is_not_for_another_patients_visit(clinic: Shell):
    visit = visit_of(clinic, "diaz")

    told = clinic.refuses("intake", "send", "lee", "--appointment", visit)

    assert told == "Error: --appointment: must be a visit of this patient\n"


def test_what_is_not_there_cannot_be_sent(clinic: Shell):
    assert "no patient 'odd'" in clinic.refuses("intake", "send", "odd")
    assert "no questionnaire 'odd'" in clinic.refuses(
        "intake", "send", "lee", "--questionnaire", "odd"
    )


def test_answers_are_shown_with_what_was_asked(clinic: Shell):
    visit = visit_of(clinic)
    form = submitted(clinic, ANSWERS, "--appointment", visit)

    told = clinic.says("intake", "show", form).splitlines()

    assert told[:6] == [
        "Ann Lee: submitted",
        "Before your visit, version 1",
        "For the visit 2026-03-02 09:00-09:30",
        "Submitted 2026-03-01 07:00",
        "  What is the main reason you are coming in?",
        "    I have had a headache since Monday.",
    ]
    assert "  - Lisinopril, 10 mg, once a day" in told
    assert intake_status(clinic, visit) == "completed"


def test_programs_get_the_answers_and_the_scores(clinic: Shell):
    form = submitted(clinic)

    read = clinic.answers("intake", "show", form)

    assert read["form"]["raw_answers"] == ANSWERS
    assert [score["total"] for score in read["scores"]] == [1]


def test_a_form_is_given_out_as_fhir(clinic: Shell):
    form = submitted(clinic)

    response = json.loads(clinic.says("intake", "show", form, "--fhir"))

    assert response["resourceType"] == "QuestionnaireResponse"
    assert response["status"] == "completed"


def test_what_steers_a_terminal_is_shown_as_what_it_is(clinic: Shell):
    answers = {"cough": "\u001b[2J gone\u202e\nfor a week", "x\u001b": "fine"}
    form = submitted(clinic, answers, "--questionnaire", "none")

    told = clinic.says("intake", "show", form)

    assert r"    \x1b[2J gone\u202e for a week" in told
    assert "\u001b" not in told


def test_answers_are_read_from_a_file(clinic: Shell, tmp_path: Path):
    form = sent(clinic)["form"]["id"]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(ANSWERS), "utf-8")

    told = clinic.says("intake", "submit", form, "--answers", str(path))

    assert told == f"Submitted the form {form}; a summary is asked for.\n"


def test_what_is_wrong_with_answers_is_told_all_at_once_and_nothing_is_kept(
    clinic: Shell,
):
    form = sent(clinic)["form"]["id"]
    wrong = {**ANSWERS, "severity": 11, "consent": "no way", "clinic": "?"}

    told = clinic.refuses("intake", "submit", form, typed=json.dumps(wrong))

    first, *rest = told.splitlines()
    assert first == "Error: The document cannot be taken as it is:"
    places = {line.strip().partition(":")[0] for line in rest}
    assert {"/severity", "/consent"} <= places
    assert clinic.answers("intake", "show", form)["form"]["status"] == "pending"


def test_answers_that_are_no_object_are_wrong_usage(clinic: Shell):
    form = sent(clinic)["form"]["id"]

    assert "FILE: must be" in clinic.misunderstands("intake", "submit", form, typed="1")


def test_answers_that_nothing_asked_for_are_told(clinic: Shell):
    form = sent(clinic)["form"]["id"]
    answers = {**ANSWERS, "takes-medications": False}

    told = clinic.says("intake", "submit", form, typed=json.dumps(answers))

    assert "Not asked for, and not kept: /medications" in told
    assert "Not asked for" in clinic.says("intake", "show", form)


def test_a_form_is_submitted_once(clinic: Shell):
    form = submitted(clinic)

    told = clinic.refuses("intake", "submit", form, typed=json.dumps(ANSWERS))

    assert told == f"Error: Cannot submit: intake form {form} is submitted.\n"


def test_a_form_is_reviewed(clinic: Shell):
    form = submitted(clinic)

    told = clinic.says("intake", "review", form)

    assert told == f"Reviewed the form {form}.\n"
    assert "Reviewed 2026-03-01 07:00" in clinic.says("intake", "show", form)


def test_what_was_not_submitted_is_not_reviewed(clinic: Shell):
    form = sent(clinic)["form"]["id"]

    assert "is pending" in clinic.refuses("intake", "review", form)


def test_a_new_link_takes_the_place_of_the_one_before(
    clinic: Shell, database: MemoryDatabase
):
    first = sent(clinic)
    form = first["form"]["id"]

    told = clinic.says("intake", "resend", form, "--days", "1")

    assert told.startswith(f"The form {form} has a new link.")
    assert "until 2026-03-02 07:00" in told
    with pytest.raises(Exception, match="does not work"):
        patient_link.questions(first["link"].rpartition("/")[2], database.store)


def test_a_form_is_called_back(clinic: Shell):
    visit = visit_of(clinic)
    form = sent(clinic, "--appointment", visit)["form"]["id"]

    told = clinic.says("intake", "revoke", form)

    assert told == f"Revoked the form {form}.\n"
    assert intake_status(clinic, visit) == "missing"
    assert "Ann Lee: revoked" in clinic.says("intake", "show", form)
    assert "is revoked" in clinic.refuses("intake", "resend", form)


def test_a_form_is_given_to_another_visit_or_to_none(clinic: Shell):
    visit = visit_of(clinic)
    form = submitted(clinic)

    to_visit = clinic.says("intake", "link", form, "--appointment", visit)
    completed = intake_status(clinic, visit)
    to_none = clinic.says("intake", "link", form, "--no-appointment")

    assert to_visit == f"The form {form} is for visit {visit}.\n"
    assert completed == "completed"
    assert to_none == f"The form {form} is for no visit.\n"
    assert intake_status(clinic, visit) == "missing"


@pytest.mark.parametrize(
    "options", [(), ("--appointment", NOBODY, "--no-appointment")], ids=["none", "both"]
)
def test_linking_needs_one_place_to_link_to(clinic: Shell, options: tuple[str, ...]):
    told = clinic.misunderstands("intake", "link", NOBODY, *options)

    assert "Give --appointment ID or --no-appointment." in told


def test_forms_are_listed_and_picked(clinic: Shell, watch: Watch):
    visit = visit_of(clinic)
    first = submitted(clinic, ANSWERS, "--appointment", visit)
    watch.at = watch.at.replace(minute=1)
    second = clinic.answers("intake", "send", "diaz")["form"]["id"]

    told = clinic.says("intake", "list").splitlines()

    assert told[2].split()[:5] == ["2026-03-01", "07:00", "Ann", "Lee", "submitted"]
    assert told[2].split()[5:] == [visit, first]
    assert told[3].split() == ["2026-03-01", "07:01", "Bo", "Diaz", "pending", second]
    for options, expected in (
        (("--status", "pending"), [second]),
        (("--status", "reviewed"), []),
        (("--patient", "lee"), [first]),
        (("--appointment", visit), [first]),
    ):
        found = clinic.answers("intake", "list", *options)
        assert [each["id"] for each in found["items"]] == expected
        assert not found["more"]


def test_a_red_flag_is_told_wherever_a_form_or_its_visit_is(
    clinic: Shell, watch: Watch
):
    sore = {**ANSWERS, "reason": "Chest pain since Monday."}
    form = summarized(clinic, sore, "--appointment", visit_of(clinic))
    watch.at = watch.at.replace(minute=1)
    calm = submitted(clinic)

    found = clinic.answers("intake", "list", "--flagged")
    assert [each["id"] for each in found["items"]] == [form]
    newest, _ = clinic.answers("intake", "list", "--newest-first")["items"]
    assert newest["id"] == calm
    assert "submitted, red flag" in clinic.says("intake", "list")
    told = clinic.says("agenda", "--date", "2026-03-02")
    assert "?# Ann Lee" in told
    assert "# red flag" in told


def test_a_list_without_answers_says_where_there_are_more(clinic: Shell):
    submitted(clinic)
    submitted(clinic)

    answer = clinic.answers("intake", "list", "--limit", "1")

    assert answer["more"]
    assert "headache" not in json.dumps(answer)
    assert "There are more" in clinic.says("intake", "list", "--limit", "1")


def test_an_empty_list_is_said_to_be(clinic: Shell):
    assert clinic.says("intake", "list") == "There are no such forms.\n"


@pytest.mark.parametrize(
    "command",
    ["show", "review", "revoke", "resend", "summary", "submit"],
)
def test_an_unknown_form_is_not_there(clinic: Shell, command: str):
    told = clinic.refuses("intake", command, NOBODY, typed="{}")

    assert told == f"Error: There is no intake form {NOBODY}.\n"


class TestSummary:
    """What a doctor reads of a form."""

    def test_a_draft_says_so_first_and_shows_the_words_it_stands_on(
        self, clinic: Shell
    ):
        form = summarized(clinic)

        told = clinic.says("intake", "summary", form).splitlines()

        assert told[0] == "DRAFT, not signed"
        assert told[1].startswith("Made by extractive")
        assert told[1].endswith(", 2026-03-01 07:00.")
        medicine = next(
            n for n, line in enumerate(told) if line.startswith("  Lisinopril")
        )
        assert told[medicine - 1] == "Medications:"
        assert told[medicine + 1] == '    "Lisinopril" (What is it called?)'
        allergy = told.index("Allergies:")
        assert "Penicillin" in told[allergy + 1]

    def test_it_is_signed(self, clinic: Shell):
        form = summarized(clinic)

        told = clinic.says("intake", "summary", form, "--sign")

        assert told.startswith("Signed 2026-03-01 07:00\n")
        assert "DRAFT" not in clinic.says("intake", "summary", form)

    def test_what_is_not_made_yet_is_said_to_be(self, clinic: Shell):
        form = submitted(clinic)

        told = clinic.says("intake", "summary", form)

        assert told.splitlines()[0] == "DRAFT, not signed"
        assert "It is not made yet" in told
        assert "is generating" in clinic.refuses("intake", "summary", form, "--sign")

    def test_a_new_one_is_read_before_it_is_signed(self, clinic: Shell):
        told = clinic.misunderstands("intake", "summary", NOBODY, "--again", "--sign")

        assert "Read the new summary before it is signed." in told

    def test_what_was_not_submitted_has_none(self, clinic: Shell):
        form = sent(clinic)["form"]["id"]

        assert "There is no summary" in clinic.refuses("intake", "summary", form)
        assert "is pending" in clinic.refuses("intake", "summary", form, "--again")

    def test_programs_get_the_items_with_their_sources(self, clinic: Shell):
        form = summarized(clinic)

        read = clinic.answers("intake", "summary", form)

        (medication,) = read["items"]["medications"]
        assert read["medications"] == [medication["text"]]
        assert medication["sources"][0] == {
            "answer": "/medications/0/medication-name",
            "words": "Lisinopril",
        }
        assert read["draft"] is True
