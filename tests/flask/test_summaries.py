from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import frozen

from clinicflow_core.desk import jobs
from clinicflow_core.entities.summary import (
    Digest,
    FailureReason,
    Source,
    SummaryItem,
)
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import SummaryFailedError
from clinicflow_flask import create_app
from tests.flask.desk import NOW, Desk, problem, wrong

PATH = "/api/intake/forms"
ANSWERS = {"reason": "I have a headache.", "medications": ["Ibuprofen 400 mg daily"]}


@frozen
class Elsewhere:
    """A summarizer that is not on this machine, and says *digest* or times out."""

    digest: Digest | None = None
    model_version: str = "elsewhere-1"
    stays_here: bool = False

    def summarize(self, *_):
        if self.digest is None:
            raise SummaryFailedError(FailureReason.TIMED_OUT.value)
        return self.digest


def worked(desk, store, summarizer):
    """Let a worker do all that waits."""
    by_kind = jobs.handlers(summarizer)
    while jobs.work(desk.signed_in.clinic.id, store, by_kind):
        pass


def path_of(form, step=""):
    return f"{PATH}/{form['id']}/summary{step}"


def shown(desk, form):
    response = desk.get(path_of(form))
    assert response.status_code == 200, response.json
    return response.json


@pytest.fixture
def form(desk):
    """A form that was submitted."""
    sent = desk.send_form()
    desk.submit(sent, **ANSWERS)
    return sent


@pytest.fixture
def summary(desk, form):
    """Its summary."""
    return desk.post(path_of(form)).json


@pytest.fixture
def far_desk(settings, store):
    """A desk where a service outside makes the summaries."""
    app = create_app(settings, store, Elsewhere())
    return Desk.opened(app, store, Role.OWNER, None)


def edited(desk, form, changes, **kwargs):
    return desk.request("PATCH", path_of(form), changes, **kwargs)


def test_a_form_that_is_submitted_has_a_summary_that_a_worker_makes(desk, form):
    waiting = shown(desk, form)

    assert waiting["status"] == "generating"
    assert waiting["summary_text"] == ""
    assert waiting["intake_form_id"] == form["id"]
    assert waiting["draft"] is True


def test_a_summary_is_there_at_once_with_its_sources(desk, form):
    response = desk.post(path_of(form))

    assert response.status_code == 200
    made = response.json
    assert (made["status"], made["draft"]) == ("generated", True)
    assert made["summary_text"]
    assert any("Ibuprofen" in text for text in made["medications"])
    assert made["allergies"] == []
    for name in ("patient_concerns", "medications", "allergies"):
        items = made["items"][name]
        assert [item["text"] for item in items] == made[name]
    (drug,) = made["items"]["medications"]
    answer = ANSWERS["medications"][0]
    assert [source["answer"] for source in drug["sources"]] == ["/medications/0"]
    assert all(source["words"] in answer for source in drug["sources"])
    assert drug["added"] is False
    assert made["model_version"].startswith("extractive")
    nothing = ("machine", "failure", "signed_at", "signed_by_id", "appointment_id")
    assert [made[name] for name in nothing] == [None] * 5
    assert made["dropped"] == []
    assert made["generated_at"] == "2026-03-02T12:00:00Z"
    assert made["patient_id"] == form["patient_id"]
    assert shown(desk, form) == made


def test_a_new_summary_takes_the_place_of_the_one_before(desk, form, summary):
    again = desk.post(path_of(form)).json

    assert again["id"] != summary["id"]
    assert shown(desk, form) == again


def test_the_summaries_before_are_history(desk, form, summary, watch):
    watch.at += timedelta(minutes=1)
    again = desk.post(path_of(form)).json

    response = desk.get(path_of(form, "/history"))

    assert [each["id"] for each in response.json[:2]] == [again["id"], summary["id"]]
    # The first was asked for with the answers, and never made.
    assert [each["status"] for each in response.json] == [
        "generated",
        "generated",
        "generating",
    ]


def test_a_new_summary_takes_the_place_of_the_one_that_was_read_alone(
    desk, form, summary
):
    tag = {"If-Match": f'"{summary["version"]}"'}

    first = desk.post(path_of(form), headers=tag)
    second = desk.post(path_of(form), headers=tag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first.json["version"] > summary["version"]


def test_a_service_outside_is_asked_later_and_once(far_desk):
    form = far_desk.send_form()
    far_desk.submit(form, **ANSWERS)

    first, second = (far_desk.post(path_of(form)) for _ in range(2))

    assert (first.status_code, first.json["status"]) == (202, "generating")
    assert (second.status_code, second.json) == (202, first.json)
    assert shown(far_desk, form) == first.json


def test_what_a_service_says_and_the_patient_did_not_is_left_out_and_listed(
    far_desk, store
):
    form = far_desk.send_form()
    far_desk.submit(form, **ANSWERS)
    said = SummaryItem(
        text="Ibuprofen 400 mg daily",
        sources=(Source("/medications/0", ANSWERS["medications"][0]),),
    )
    made_up = SummaryItem(
        text="Warfarin 5 mg", sources=(Source("/medications/1", "Warfarin 5 mg"),)
    )

    worked(far_desk, store, Elsewhere(Digest(medications=(said, made_up))))

    summary = shown(far_desk, form)
    assert (summary["status"], summary["model_version"]) == ("generated", "elsewhere-1")
    assert summary["medications"] == ["Ibuprofen 400 mg daily"]
    (dropped,) = summary["dropped"]
    assert (dropped["item"], dropped["text"]) == ("medications", "Warfarin 5 mg")


def test_a_service_that_fails_leaves_the_machines_own_summary_marked(far_desk, store):
    form = far_desk.send_form()
    far_desk.submit(form, **ANSWERS)

    worked(far_desk, store, Elsewhere())

    summary = shown(far_desk, form)
    assert summary["status"] == "failed"
    assert summary["failure"] == {"reason": "timed-out", "model_version": "elsewhere-1"}
    assert summary["model_version"].startswith("extractive")
    assert any("Ibuprofen" in text for text in summary["medications"])
    assert far_desk.post(path_of(form, "/sign")).status_code == 200


def test_nothing_leaves_the_machine_of_a_clinic_that_will_not_have_it(far_desk):
    form = far_desk.send_form()
    far_desk.submit(form, **ANSWERS)
    clinic = far_desk.patch("/api/clinic", {"ai_summaries": False})

    response = far_desk.post(path_of(form))

    assert (clinic.status_code, clinic.json["ai_summaries"]) == (200, False)
    assert (response.status_code, response.json["status"]) == (200, "generated")
    assert response.json["model_version"].startswith("extractive")


def test_a_doctors_words_stand_and_the_machines_are_kept(desk, form, summary):
    concerns = [*summary["patient_concerns"], "Light hurts"]
    changes = {"patient_concerns": concerns, "key_notes": "Ask about sleep.\nAnd work."}

    response = edited(desk, form, changes)

    assert response.status_code == 200
    after = response.json
    assert (after["status"], after["draft"]) == ("edited", True)
    assert after["machine"] == summary["items"]
    assert (after["patient_concerns"], after["key_notes"]) == tuple(changes.values())
    kept = after["items"]["patient_concerns"]
    assert kept[:-1] == summary["items"]["patient_concerns"]
    assert kept[-1] == {"text": "Light hurts", "sources": [], "added": False}
    untouched = ("summary_text", "medications", "allergies", "model_version")
    assert [after[name] for name in untouched] == [summary[name] for name in untouched]
    assert shown(desk, form) == after


def test_notes_are_taken_away_with_null(desk, form):
    desk.post(path_of(form))
    edited(desk, form, {"key_notes": "Ask about sleep."})

    assert edited(desk, form, {"key_notes": None}).json["key_notes"] is None


def test_a_summary_is_a_draft_until_it_is_signed(desk, form, summary, watch):
    response = desk.post(path_of(form, "/sign"))

    assert response.status_code == 200
    signed = response.json
    assert (summary["draft"], signed["draft"]) == (True, False)
    assert signed["signed_at"] == "2026-03-02T12:00:00Z"
    assert signed["signed_by_id"] == str(desk.signed_in.user.id)
    watch.at = NOW + timedelta(minutes=5)
    assert desk.post(path_of(form, "/sign")).json == signed


def test_what_is_signed_is_not_edited(desk, form, summary):
    signed = desk.post(path_of(form, "/sign")).json

    response = edited(desk, form, {"summary_text": "Other."})

    assert problem(response) == (409, "invalid-transition")
    assert shown(desk, form) == signed


@pytest.mark.parametrize("step", ["edit", "sign"])
def test_what_is_not_made_yet_is_neither_edited_nor_signed(desk, form, step):
    before = shown(desk, form)

    if step == "edit":
        response = edited(desk, form, {"summary_text": "Mine."})
    else:
        response = desk.post(path_of(form, "/sign"))

    assert problem(response) == (409, "invalid-transition")
    assert shown(desk, form) == before


@pytest.mark.parametrize("step", ["edit", "sign"])
def test_who_read_an_older_summary_neither_edits_nor_signs_it(desk, form, step):
    made = desk.post(path_of(form))
    older = {"If-Match": made.headers["ETag"]}
    current = edited(desk, form, {"summary_text": "A colleague's."})

    def answered(headers):
        if step == "edit":
            return edited(desk, form, {"summary_text": "Mine."}, headers=headers)
        return desk.post(path_of(form, "/sign"), headers=headers)

    assert problem(answered(older)) == (412, "stale-version")
    assert shown(desk, form) == current.json
    assert answered({"If-Match": current.headers["ETag"]}).status_code == 200


def test_the_summary_goes_with_its_form_to_another_visit(desk):
    visit = desk.book()
    form = desk.send_form(patient_id=visit["patient_id"])
    desk.submit(form, **ANSWERS)
    desk.post(path_of(form))

    desk.patch(f"{PATH}/{form['id']}", {"appointment_id": visit["id"]})

    assert shown(desk, form)["appointment_id"] == visit["id"]


def test_there_is_no_summary_of_what_was_not_submitted(desk):
    form = desk.send_form()

    assert problem(desk.post(path_of(form))) == (409, "invalid-transition")
    for method, step in (("GET", ""), ("PATCH", ""), ("POST", "/sign")):
        response = desk.request(method, path_of(form, step))
        assert problem(response) == (404, "not-found")


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"summary_text": " "}, ["/summary_text"]),
        ({"summary_text": None}, ["/summary_text"]),
        (
            {"summary_text": "x" * 5_001, "key_notes": ""},
            ["/key_notes", "/summary_text"],
        ),
        ({"medications": "Aspirin"}, ["/medications"]),
        ({"medications": ["Aspirin", ""]}, ["/medications"]),
        ({"allergies": ["a\nb"]}, ["/allergies"]),
        ({"patient_concerns": ["x"] * 201}, ["/patient_concerns"]),
        (
            {"patient_concerns": [1, None]},
            ["/patient_concerns/0", "/patient_concerns/1"],
        ),
        ({"status": "signed", "items": {}}, ["/items", "/status"]),
    ],
)
def test_wrong_words_are_pointed_at_and_nothing_changes(desk, form, changes, pointers):
    before = desk.post(path_of(form)).json

    response = edited(desk, form, changes)

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert shown(desk, form) == before


def test_an_administrator_reads_summaries_and_signs_none(desk, open_desk, form):
    made = desk.post(path_of(form)).json
    administrator = open_desk(Role.ADMIN, desk.signed_in.clinic)

    assert shown(administrator, form) == made
    for response in (
        administrator.post(path_of(form, "/sign")),
        edited(administrator, form, {"summary_text": "Mine."}),
    ):
        assert problem(response) == (403, "not-permitted")
    assert shown(desk, form) == made
