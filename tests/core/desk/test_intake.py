from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import (
    booking,
    intake,
    patient_link,
    questionnaires,
    register,
    summaries,
)
from clinicflow_core.desk.intake import LinkForm, ResendForm, SendForm, SubmitForm
from clinicflow_core.desk.questionnaires import ImportQuestionnaire
from clinicflow_core.desk.register import MergePatients
from clinicflow_core.entities.appointment import IntakeStatus
from clinicflow_core.entities.ids import (
    AppointmentId,
    PatientId,
    QuestionnaireId,
)
from clinicflow_core.entities.intake import FormStatus
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    AppointmentNotFoundError,
    FormExistsError,
    FormNotFoundError,
    InvalidError,
    InvalidTransitionError,
    LinkNotFoundError,
    NotPermittedError,
    PatientErasedError,
    PatientNotFoundError,
    QuestionnaireNotFoundError,
    StaleVersionError,
    SummaryNotFoundError,
)
from clinicflow_core.intake.links import TOKEN_LENGTH
from clinicflow_core.ports import FormFilter, PageRequest
from clinicflow_core.wire import dump
from tests.builders import NOW, once, open_clinic
from tests.core.desk.acts import events_of, happened

ALL = FormFilter()
SHORT = {
    "resourceType": "Questionnaire",
    "status": "active",
    "name": "short",
    "title": "Before your visit",
    "item": [
        {"linkId": "reason", "type": "string", "text": "Why?", "required": True},
        {"linkId": "smoker", "type": "boolean", "text": "Do you smoke?"},
        {
            "linkId": "packs",
            "type": "integer",
            "text": "How many packs a day?",
            "enableWhen": [
                {"question": "smoker", "operator": "=", "answerBoolean": True}
            ],
        },
    ],
}
REASON = {"reason": "a cough"}


@pytest.fixture
def short(clinic):
    return questionnaires.add(ImportQuestionnaire(document=SHORT), clinic.uow)


def send(clinic, **fields):
    patient_id = fields.pop("patient_id", clinic.patient.id)
    return intake.send(SendForm(patient_id=patient_id, **fields), clinic.uow)


def submit(form, clinic, answers=None, **more):
    request = SubmitForm(raw_answers=answers or {"why": "a cough"})
    return intake.submit(form.id, request, clinic.uow, **more)


def works(token, clinic):
    try:
        patient_link.questions(token, clinic.store)
    except LinkNotFoundError:
        return False
    return True


def intake_of(visit, clinic):
    return booking.get(visit.id, clinic.uow).intake_status


def page(clinic, which=ALL, uow=None, **part):
    return intake.page(which, PageRequest(**part), uow or clinic.uow)


def test_a_form_is_sent_with_a_link_that_is_kept_nowhere(clinic):
    sent = send(clinic)

    assert len(sent.token) == TOKEN_LENGTH
    assert sent.expires_at == NOW + timedelta(days=14)
    assert sent.form.status is FormStatus.PENDING
    assert works(sent.token, clinic)
    with clinic.uow as uow:
        [link] = uow.intake_forms.links_of(sent.id)
        assert uow.intake_forms.get(sent.id) == sent.form
    assert sent.token not in str(link)
    [event] = events_of(sent.form, clinic)
    assert event.kind == "intake.sent"
    assert event.facts == {"patient_id": str(clinic.patient.id)}
    assert sent.token not in str(dump(event))
    assert sent.token not in repr(sent)


def test_the_same_request_again_is_told_no_token(clinic):
    request = SendForm(patient_id=clinic.patient.id)
    kept = once(answer=None)
    intake.send(request, clinic.unit_of_work(kept))

    with pytest.raises(AlreadyAnsweredError):
        intake.send(request, clinic.unit_of_work(kept))

    assert len(page(clinic).items) == 1


def test_the_answer_that_is_kept_for_a_repeated_request_holds_no_token(clinic):
    told = []

    def render(record):
        told.append(record)
        return {"id": str(record.id)}

    keeping = evolve(once(), render=render)
    sent = intake.send(
        SendForm(patient_id=clinic.patient.id), clinic.unit_of_work(keeping)
    )

    assert sent.token is not None
    assert [each.token for each in told] == [None]


def test_the_intake_of_a_visit_follows_its_form(clinic):
    visit = clinic.store_visit()
    assert intake_of(visit, clinic) is IntakeStatus.MISSING

    form = send(clinic, appointment_id=visit.id).form

    assert intake_of(visit, clinic) is IntakeStatus.SENT
    submit(form, clinic)
    assert intake_of(visit, clinic) is IntakeStatus.COMPLETED
    assert happened(visit, clinic) == ["appointment.changed"] * 2
    assert events_of(visit, clinic)[-1].facts == {
        "fields": ["intake_status"],
        "intake_status": "completed",
    }


def test_a_visit_whose_intake_stands_there_already_is_not_changed(clinic):
    visit = clinic.store_visit(intake_status=IntakeStatus.SENT)

    send(clinic, appointment_id=visit.id)

    assert happened(visit, clinic) == []


def test_a_form_that_is_called_back_leaves_its_visit_without(clinic):
    visit = clinic.store_visit()
    sent = send(clinic, appointment_id=visit.id)

    revoked = intake.revoke(sent.id, clinic.uow)

    assert revoked.revoked_at == NOW
    assert intake_of(visit, clinic) is IntakeStatus.MISSING
    assert not works(sent.token, clinic)
    send(clinic, appointment_id=visit.id)
    assert intake_of(visit, clinic) is IntakeStatus.SENT


def test_a_form_that_moves_takes_its_intake_and_its_summary_along(clinic):
    first, second = clinic.store_visit(), clinic.store_visit("11:00-11:30")
    form = submit(send(clinic, appointment_id=first.id).form, clinic)

    moved = intake.link(form.id, LinkForm(appointment_id=second.id), clinic.uow)

    assert moved.appointment_id == second.id
    assert intake_of(first, clinic) is IntakeStatus.MISSING
    assert intake_of(second, clinic) is IntakeStatus.COMPLETED
    assert summaries.get(form.id, clinic.uow).appointment_id == second.id
    event = events_of(form, clinic)[-1]
    assert (event.kind, event.facts["from"]) == ("intake.linked", str(first.id))


def test_a_form_can_be_for_no_visit_any_more_and_for_one_only_later(clinic):
    visit = clinic.store_visit()
    form = send(clinic, appointment_id=visit.id).form

    intake.link(form.id, LinkForm(appointment_id=None), clinic.uow)

    assert intake_of(visit, clinic) is IntakeStatus.MISSING
    intake.link(form.id, LinkForm(appointment_id=visit.id), clinic.uow)
    assert intake_of(visit, clinic) is IntakeStatus.SENT


def test_linking_where_it_is_changes_nothing(clinic):
    visit = clinic.store_visit()
    form = send(clinic, appointment_id=visit.id).form

    again = intake.link(form.id, LinkForm(appointment_id=visit.id), clinic.uow)

    assert again == form
    assert happened(form, clinic) == ["intake.sent"]


def test_a_visit_has_one_form(clinic):
    visit = clinic.store_visit()
    form = send(clinic, appointment_id=visit.id).form

    with pytest.raises(FormExistsError) as refused:
        send(clinic, appointment_id=visit.id)

    assert refused.value.form_id == form.id
    other = send(clinic).form
    with pytest.raises(FormExistsError):
        intake.link(other.id, LinkForm(appointment_id=visit.id), clinic.uow)
    assert {each.id for each in page(clinic).items} == {form.id, other.id}


def test_a_form_is_for_a_visit_of_its_patient(clinic):
    visit = clinic.store_visit(patient_id=clinic.patients[1].id)

    with pytest.raises(InvalidError) as refused:
        send(clinic, appointment_id=visit.id)

    [problem] = refused.value.problems
    assert problem.pointer == "/appointment_id"
    assert page(clinic).items == ()
    assert intake_of(visit, clinic) is IntakeStatus.MISSING


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"patient_id": PatientId(uuid4())}, PatientNotFoundError),
        ({"appointment_id": AppointmentId(uuid4())}, AppointmentNotFoundError),
        ({"questionnaire_id": QuestionnaireId(uuid4())}, QuestionnaireNotFoundError),
    ],
    ids=["patient", "visit", "questionnaire"],
)
def test_nothing_is_sent_about_what_is_not_there(clinic, fields, refusal):
    with pytest.raises(refusal):
        send(clinic, **fields)

    assert page(clinic).items == ()


def test_another_clinics_form_is_not_there(clinic, store):
    other = open_clinic(store)
    form = send(other).form

    for act in (
        lambda: intake.get(form.id, clinic.uow),
        lambda: intake.response(form.id, clinic.uow),
        lambda: intake.revoke(form.id, clinic.uow),
        lambda: intake.review(form.id, clinic.uow),
        lambda: intake.resend(form.id, ResendForm(), clinic.uow),
        lambda: submit(form, clinic),
        lambda: intake.link(form.id, LinkForm(appointment_id=None), clinic.uow),
        lambda: summaries.get(form.id, clinic.uow),
    ):
        with pytest.raises(FormNotFoundError):
            act()
    assert page(clinic).items == ()


def test_an_erased_patient_is_sent_nothing_and_says_nothing(clinic):
    form = send(clinic).form
    register.erase(clinic.patient.id, clinic.uow)

    for act in (
        lambda: send(clinic),
        lambda: submit(form, clinic),
        lambda: intake.resend(form.id, ResendForm(), clinic.uow),
    ):
        with pytest.raises(PatientErasedError):
            act()


def test_a_new_link_takes_the_place_of_those_before(clinic):
    first = send(clinic)

    second = intake.resend(first.id, ResendForm(days_open=2), clinic.uow)

    assert second.expires_at == NOW + timedelta(days=2)
    assert (works(first.token, clinic), works(second.token, clinic)) == (False, True)
    assert happened(first.form, clinic) == ["intake.sent", "intake.resent"]


def test_answers_that_the_clinic_writes_down_close_the_links(clinic, short):
    sent = send(clinic, questionnaire_id=short.id)

    form = submit(sent.form, clinic, {**REASON, "smoker": False, "packs": 3})

    assert form.status is FormStatus.SUBMITTED
    assert form.raw_answers == {**REASON, "smoker": False}
    assert form.dropped == ("/packs",)
    assert form.submitted_at == NOW
    assert not works(sent.token, clinic)
    assert intake.get(form.id, clinic.uow).form == form


def test_wrong_answers_are_refused_whole_with_all_that_is_wrong(clinic, short):
    form = send(clinic, questionnaire_id=short.id).form

    with pytest.raises(InvalidError) as refused:
        submit(form, clinic, {"smoker": "yes", "colour": "red"})

    assert sorted(problem.pointer for problem in refused.value.problems) == [
        "/raw_answers/colour",
        "/raw_answers/reason",
        "/raw_answers/smoker",
    ]
    assert intake.get(form.id, clinic.uow).form == form
    with pytest.raises(SummaryNotFoundError):
        summaries.get(form.id, clinic.uow)


def test_a_list_for_people_tells_whose_a_form_is_and_for_which_visit(clinic):
    visit = clinic.store_visit()
    others = clinic.add_doctor("Dr. Omar Haddad")
    elsewhere = clinic.store_visit("10:00-10:30", doctor_id=others.id)
    forms = [
        clinic.store_form(appointment_id=at, created_at=NOW + timedelta(hours=n))
        for n, at in enumerate((None, visit.id, elsewhere.id))
    ]
    doctor = clinic.by(Role.DOCTOR)

    def told(uow):
        found = intake.page_with_visits(ALL, PageRequest(limit=5), uow)
        return [(each.form.id, each.patient_name, each.visit) for each in found.items]

    by_all = [None, visit, elsewhere]
    names = ["Pat Nr001"] * 3
    ids = [form.id for form in forms]
    assert told(clinic.uow) == [*zip(ids, names, by_all, strict=True)]
    own = [None, visit, None]
    assert told(doctor) == [*zip(ids, names, own, strict=True)]


def test_a_form_is_reviewed_once(clinic, watch):
    form = submit(send(clinic).form, clinic)
    doctor = clinic.by(Role.DOCTOR)
    clinic.store_visit()

    reviewed = intake.review(form.id, doctor)
    watch.at += timedelta(hours=1)
    again = intake.review(form.id, clinic.uow)

    assert reviewed.status is FormStatus.REVIEWED
    assert (reviewed.reviewed_at, reviewed.reviewed_by_id) == (
        NOW,
        doctor.actor.user_id,
    )
    assert again == reviewed
    assert happened(form, clinic).count("intake.reviewed") == 1


SENT, SUBMITTED, REVIEWED, REVOKED = "sent", "submitted", "reviewed", "revoked"
ACTS = {
    "submit": submit,
    "review": lambda form, clinic: intake.review(form.id, clinic.uow),
    "revoke": lambda form, clinic: intake.revoke(form.id, clinic.uow),
    "resend": lambda form, clinic: intake.resend(form.id, ResendForm(), clinic.uow),
    "link": lambda form, clinic: intake.link(
        form.id, LinkForm(appointment_id=clinic.store_visit().id), clinic.uow
    ),
}
POSSIBLE = {
    SENT: {"submit", "revoke", "resend", "link"},
    SUBMITTED: {"review", "link"},
    REVIEWED: {"review", "link"},
    REVOKED: set(),
}


def stands(where, clinic):
    form = send(clinic).form
    if where in (SUBMITTED, REVIEWED):
        form = submit(form, clinic)
    if where == REVIEWED:
        form = intake.review(form.id, clinic.uow)
    if where == REVOKED:
        form = intake.revoke(form.id, clinic.uow)
    return form


@pytest.mark.parametrize("where", POSSIBLE)
@pytest.mark.parametrize("act", ACTS)
def test_a_form_takes_the_steps_of_the_table_and_no_other(clinic, where, act):
    form = stands(where, clinic)

    if act in POSSIBLE[where]:
        ACTS[act](form, clinic)
    else:
        with pytest.raises(InvalidTransitionError, match=f"intake form {form.id} is"):
            ACTS[act](form, clinic)

        assert intake.get(form.id, clinic.uow).form == form


@pytest.mark.parametrize(
    ("where", "act"),
    [
        pytest.param(SENT, lambda form, c: submit(form, c, version=99), id="submit"),
        pytest.param(
            SUBMITTED, lambda form, c: intake.review(form.id, c.uow, 99), id="review"
        ),
        pytest.param(
            SENT,
            lambda form, c: intake.link(
                form.id, LinkForm(appointment_id=c.store_visit().id), c.uow, 99
            ),
            id="link",
        ),
    ],
)
def test_what_is_meant_for_another_version_is_refused(clinic, where, act):
    form = stands(where, clinic)

    with pytest.raises(StaleVersionError):
        act(form, clinic)

    assert intake.get(form.id, clinic.uow).form == form


def test_reading_a_form_is_noted(clinic):
    form = send(clinic).form

    intake.get(form.id, clinic.uow)
    intake.response(form.id, clinic.uow)

    assert happened(form, clinic) == ["intake.sent", "intake.read", "intake.read"]


def test_a_form_is_told_as_a_response(clinic, short):
    form = submit(send(clinic, questionnaire_id=short.id).form, clinic, REASON)

    told = intake.response(form.id, clinic.uow)

    assert told["resourceType"] == "QuestionnaireResponse"
    assert told["status"] == "completed"
    assert told["item"][0]["answer"] == [{"valueString": "a cough"}]


def test_a_list_shows_no_answers(clinic):
    form = submit(send(clinic).form, clinic)

    [listed] = page(clinic).items

    assert (listed.id, listed.status) == (form.id, FormStatus.SUBMITTED)
    assert "cough" not in str(dump(listed))


def test_forms_are_found_by_what_they_are(clinic):
    visit = clinic.store_visit()
    first = send(clinic, appointment_id=visit.id).form
    second = submit(send(clinic, patient_id=clinic.patients[1].id).form, clinic)

    found = {
        "status": page(clinic, FormFilter(status=FormStatus.SUBMITTED)),
        "patient": page(clinic, FormFilter(patient_id=clinic.patient.id)),
        "visit": page(clinic, FormFilter(appointment_id=visit.id)),
    }

    assert {how: [f.id for f in each.items] for how, each in found.items()} == {
        "status": [second.id],
        "patient": [first.id],
        "visit": [first.id],
    }


def test_forms_come_in_parts(clinic, watch):
    made = []
    for _ in range(3):
        made.append(send(clinic).id)
        watch.at += timedelta(minutes=1)

    first = page(clinic, limit=2)
    second = page(clinic, limit=2, after=first.next)

    assert [form.id for form in (*first.items, *second.items)] == made
    assert second.next is None


def test_a_doctor_sees_the_intake_of_own_patients(clinic):
    clinic.store_visit()
    own = submit(send(clinic).form, clinic)
    other = submit(send(clinic, patient_id=clinic.patients[1].id).form, clinic)
    doctor = clinic.by(Role.DOCTOR)

    assert intake.get(own.id, doctor).form == own
    assert [form.id for form in page(clinic, uow=doctor).items] == [own.id]
    for act in (
        lambda: intake.get(other.id, doctor),
        lambda: intake.response(other.id, doctor),
        lambda: intake.review(other.id, doctor),
        lambda: summaries.get(other.id, doctor),
    ):
        with pytest.raises(NotPermittedError):
            act()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda form, c, uow: intake.revoke(form.id, uow), id="revoke"),
        pytest.param(
            lambda form, c, uow: intake.resend(form.id, ResendForm(), uow), id="resend"
        ),
        pytest.param(
            lambda form, c, uow: intake.send(SendForm(patient_id=c.patient.id), uow),
            id="send",
        ),
        pytest.param(
            lambda form, c, uow: intake.submit(
                form.id, SubmitForm(raw_answers={"a": "b"}), uow
            ),
            id="submit",
        ),
        pytest.param(
            lambda form, c, uow: intake.link(
                form.id, LinkForm(appointment_id=None), uow
            ),
            id="link",
        ),
        pytest.param(
            lambda form, c, uow: questionnaires.add(
                ImportQuestionnaire(document=SHORT), uow
            ),
            id="add a questionnaire",
        ),
    ],
)
def test_a_doctor_sends_no_forms(clinic, act):
    form = send(clinic).form
    doctor = clinic.by(Role.DOCTOR)

    with pytest.raises(NotPermittedError):
        act(form, clinic, doctor)


def test_what_a_merged_patient_has_said_is_the_patients(clinic):
    duplicate = clinic.patients[1]
    form = submit(send(clinic, patient_id=duplicate.id).form, clinic)

    register.merge(
        clinic.patient.id, MergePatients(duplicate_id=duplicate.id), clinic.uow
    )

    assert intake.get(form.id, clinic.uow).form.patient_id == clinic.patient.id
    assert summaries.get(form.id, clinic.uow).patient_id == clinic.patient.id
