"""Intake: the clinic's side of what patients tell it before they come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import whole
from clinicflow_core.desk import summarizing
from clinicflow_core.desk.forms import (
    below,
    ids_in,
    let_visit_follow,
    seen,
    submit_answers,
)
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.summarizing import hold_patient
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.appointment import Appointment, IntakeStatus
from clinicflow_core.entities.ids import (
    AppointmentId,
    FormId,
    PatientId,
    QuestionnaireId,
    UserId,
)
from clinicflow_core.entities.intake import FormStatus, IntakeForm, IntakeLink
from clinicflow_core.errors import (
    FormExistsError,
    InvalidError,
    Problem,
)
from clinicflow_core.intake.links import hash_of, new_token
from clinicflow_core.intake.scores import Score, scores_of
from clinicflow_core.interchange.questionnaires import write_response
from clinicflow_core.ports import (
    FormFilter,
    Page,
    PageRequest,
    UnitOfWork,
)

DAYS_OPEN = 14
"""How long a link works if nothing else is asked for."""

MOST_DAYS_OPEN = 90


@frozen(kw_only=True)
class SendForm:
    """
    A form that a patient is to fill in.

    Attributes:
        appointment_id: The visit that it is for; none without.
        questionnaire_id: The version that is asked; without it the answers are free.
        days_open: How long the link works.
    """

    patient_id: PatientId
    appointment_id: AppointmentId | None = None
    questionnaire_id: QuestionnaireId | None = None
    days_open: int = field(default=DAYS_OPEN, validator=whole(1, MOST_DAYS_OPEN))


@frozen(kw_only=True)
class ResendForm:
    """A new link to a form, for so many days."""

    days_open: int = field(default=DAYS_OPEN, validator=whole(1, MOST_DAYS_OPEN))


@frozen(kw_only=True)
class SubmitForm:
    """Answers that the clinic writes down for the patient."""

    raw_answers: Mapping[str, object] = field(repr=False)


@frozen(kw_only=True)
class LinkForm:
    """The visit that a form is for; null for none."""

    appointment_id: AppointmentId | None


@frozen(kw_only=True)
class Sent:
    """
    A form with its link.

    Attributes:
        token: Opens the form; it is told this once and kept nowhere. None if the form
            was sent before by the same request.
        expires_at: Until when the link works.
    """

    form: IntakeForm
    token: str | None = field(repr=False)
    expires_at: datetime

    @property
    def id(self) -> FormId:
        return self.form.id

    @property
    def version(self) -> int:
        return self.form.version


@frozen(kw_only=True)
class ReadForm:
    """
    A form with what its answers add up to.

    Attributes:
        scores: Of a questionnaire that has any, once all of it is answered.
    """

    form: IntakeForm
    scores: tuple[Score, ...] = ()

    @property
    def version(self) -> int:
        return self.form.version


@frozen(kw_only=True)
class ListedForm:
    """
    A form without its answers, for a list.

    Attributes:
        flagged: Whether its current summary has a red flag.
    """

    id: FormId
    patient_id: PatientId
    appointment_id: AppointmentId | None
    questionnaire_id: QuestionnaireId | None
    status: FormStatus
    submitted_at: datetime | None
    reviewed_at: datetime | None
    reviewed_by_id: UserId | None
    revoked_at: datetime | None
    flagged: bool
    version: int
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True)
class FormWithVisit:
    """
    A form with whose it is and what it is for, for a list that people read.

    Attributes:
        visit: None if it is for none, or for one in a diary that is not theirs to see.
    """

    form: ListedForm
    patient_name: str = field(repr=False)
    visit: Appointment | None


@retried
def send(request: SendForm, uow: UnitOfWork) -> Sent:
    """
    Make a form for a patient, and the link by which it is filled in.

    Its visit is marked as one whose intake is sent.

    Raises:
        PatientNotFoundError: If there is no such patient.
        PatientErasedError: If the patient was erased.
        AppointmentNotFoundError: If there is no such visit.
        InvalidError: If it is another patient's visit.
        QuestionnaireNotFoundError: If there is no such questionnaire.
        FormExistsError: If the visit has a form that is not revoked.
    """
    with uow:
        uow.actor.must(Permission.SEND_INTAKE)
        hold_patient(request.patient_id, uow).refuse_erased()
        if request.questionnaire_id is not None:
            uow.questionnaires.get(request.questionnaire_id)
        form = IntakeForm(
            id=FormId(uuid4()),
            patient_id=request.patient_id,
            appointment_id=request.appointment_id,
            questionnaire_id=request.questionnaire_id,
            created_at=uow.now,
            updated_at=uow.now,
        )
        _refuse_visit(form, uow)
        uow.intake_forms.add(form)
        sent = _sent(form, request.days_open, uow)
        # An answer that is kept for a repeated request must not hold the token.
        uow.record("intake.sent", evolve(sent, token=None), facts=ids_in(form))
        let_visit_follow(form.appointment_id, form.intake_status, uow)
        uow.commit()
    return sent


@retried
def resend(
    form_id: FormId,
    request: ResendForm,
    uow: UnitOfWork,
    version: int | None = None,
) -> Sent:
    """
    Make a new link to a form; those before it no longer work.

    What the patient has filled in so far stays.

    Args:
        version: The one that is meant; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If it has another *version*.
        InvalidTransitionError: If it was submitted or revoked.
        PatientErasedError: If the patient was erased.
    """
    with uow:
        uow.actor.must(Permission.SEND_INTAKE)
        form = uow.intake_forms.get(form_id)
        require_version(form, version)
        hold_patient(form.patient_id, uow).refuse_erased()
        after = form.sent_again(uow.now)
        uow.intake_forms.save(after)
        uow.intake_forms.revoke_links(form_id, uow.now)
        sent = _sent(after, request.days_open, uow)
        uow.record("intake.resent", evolve(sent, token=None))
        uow.commit()
    return sent


@retried
def revoke(
    form_id: FormId,
    uow: UnitOfWork,
    version: int | None = None,
) -> IntakeForm:
    """
    Call a form back: its links no longer work, and its visit has none.

    Args:
        version: The one that is meant; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If it has another *version*.
        InvalidTransitionError: If it was submitted or revoked.
    """
    with uow:
        uow.actor.must(Permission.SEND_INTAKE)
        before = uow.intake_forms.get(form_id)
        require_version(before, version)
        hold_patient(before.patient_id, uow)
        form = before.revoked(uow.now)
        uow.intake_forms.save(form)
        uow.intake_forms.revoke_links(form_id, uow.now)
        uow.record("intake.revoked", form)
        let_visit_follow(form.appointment_id, form.intake_status, uow)
        uow.commit()
    return form


@retried
def submit(
    form_id: FormId,
    request: SubmitForm,
    uow: UnitOfWork,
    version: int | None = None,
) -> IntakeForm:
    """
    Write down a patient's answers for them; see `forms`.

    The links to the form no longer work.

    Args:
        version: The one that the answers are meant for; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If the form has another *version*.
        InvalidTransitionError: If it was submitted or revoked.
        InvalidError: If the answers are not what the questionnaire asks for.
    """
    with uow:
        uow.actor.must(Permission.SEND_INTAKE)
        form = uow.intake_forms.get(form_id)
        require_version(form, version)
        try:
            submitted = submit_answers(form, request.raw_answers, uow)
        except InvalidError as error:
            raise below("/raw_answers", error) from None
        uow.intake_forms.revoke_links(form_id, uow.now)
        uow.commit()
    return submitted


@retried
def review(form_id: FormId, uow: UnitOfWork, version: int | None = None) -> IntakeForm:
    """
    Note that the clinic has read a form; doing so again changes nothing.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If the form has another *version*.
        InvalidTransitionError: If it was not submitted, or was revoked.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        uow.actor.must(Permission.REVIEW_INTAKE)
        before = seen(form_id, uow)
        require_version(before, version)
        form = before.reviewed(uow.actor.user_id, uow.now)
        if form is not before:
            uow.intake_forms.save(form)
            uow.record("intake.reviewed", form)
        uow.commit()
    return form


@retried
def link(
    form_id: FormId,
    request: LinkForm,
    uow: UnitOfWork,
    version: int | None = None,
) -> IntakeForm:
    """
    Give a form to another visit of the patient, or to none.

    The intake of both visits follows, and so does the form's summary.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If the form has another *version*.
        AppointmentNotFoundError: If there is no such visit.
        InvalidError: If it is another patient's visit.
        FormExistsError: If the visit has another form.
        InvalidTransitionError: If the form was revoked.
    """
    with uow:
        uow.actor.must(Permission.SEND_INTAKE)
        before = uow.intake_forms.get(form_id)
        require_version(before, version)
        form = before.linked(request.appointment_id, uow.now)
        if form is not before:
            _refuse_visit(form, uow)
            uow.intake_forms.save(form)
            facts = {**ids_in(form), "from": ids_in(before).get("appointment_id")}
            uow.record("intake.linked", form, facts=facts)
            let_visit_follow(before.appointment_id, IntakeStatus.MISSING, uow)
            let_visit_follow(form.appointment_id, form.intake_status, uow)
            summarizing.follow(form, uow)
        uow.commit()
    return form


@retried
def get(form_id: FormId, uow: UnitOfWork) -> ReadForm:
    """
    Return a form with its answers, and note in the trail who read it.

    Raises:
        FormNotFoundError: If there is no such form.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        form = seen(form_id, uow)
        uow.record("intake.read", form)
        scores: tuple[Score, ...] = ()
        if form.questionnaire_id is not None:
            asked = uow.questionnaires.get(form.questionnaire_id)
            scores = scores_of(asked.definition, form.raw_answers)
        uow.commit()
    return ReadForm(form=form, scores=scores)


@retried
def response(form_id: FormId, uow: UnitOfWork) -> Mapping[str, object]:
    """
    Return a form as a FHIR R4 QuestionnaireResponse; the trail notes who read it.

    Raises:
        FormNotFoundError: If there is no such form.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        form = seen(form_id, uow)
        uow.record("intake.read", form)
        asked = (
            None
            if form.questionnaire_id is None
            else uow.questionnaires.get(form.questionnaire_id)
        )
        uow.commit()
    return write_response(form, asked)


def page(
    which: FormFilter,
    request: PageRequest,
    uow: UnitOfWork,
    *,
    newest_first: bool = False,
) -> Page[ListedForm]:
    """
    Return a part of the forms, by when they were made, without their answers.

    A doctor sees those of patients who have had a visit of theirs.
    """
    with uow:
        return _page(which, request, uow, newest_first=newest_first)


def page_with_visits(
    which: FormFilter,
    request: PageRequest,
    uow: UnitOfWork,
    *,
    newest_first: bool = False,
) -> Page[FormWithVisit]:
    """
    Return a part of the forms, as `page` does, each with its patient's name and visit.

    As with the names in the schedule, the trail notes no reading.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        found = _page(which, request, uow, newest_first=newest_first)
        patients = uow.patients.named({form.patient_id for form in found.items})
        visits = uow.appointments.known(
            {form.appointment_id for form in found.items if form.appointment_id}
        )
    theirs = {i: v for i, v in visits.items() if own in (None, v.doctor_id)}
    items = (
        FormWithVisit(
            form=form,
            patient_name=patients[form.patient_id].full_name,
            visit=theirs.get(form.appointment_id) if form.appointment_id else None,
        )
        for form in found.items
    )
    return Page(tuple(items), found.next)


def _page(
    which: FormFilter, request: PageRequest, uow: UnitOfWork, *, newest_first: bool
) -> Page[ListedForm]:
    own = uow.actor.sees_only(Permission.SEE_INTAKE, Permission.SEE_OWN_INTAKE)
    found = uow.intake_forms.page(which, request, own, newest_first=newest_first)
    flagged = uow.summaries.flagged({form.patient_id for form in found.items})
    items = (listed(form, flagged=form.id in flagged) for form in found.items)
    return Page(tuple(items), found.next)


def _sent(form: IntakeForm, days_open: int, uow: UnitOfWork) -> Sent:
    token = new_token(uow.clinic.id)
    link = IntakeLink(
        token_hash=hash_of(token),
        form_id=form.id,
        created_at=uow.now,
        expires_at=uow.now + timedelta(days=days_open),
    )
    uow.intake_forms.add_link(link)
    return Sent(form=form, token=token, expires_at=link.expires_at)


def _refuse_visit(form: IntakeForm, uow: UnitOfWork) -> None:
    """
    Raises:
        InvalidError: If the form's visit is another patient's.
        FormExistsError: If it has another form.
    """
    if form.appointment_id is None:
        return
    visit = uow.appointments.get(form.appointment_id)
    if visit.patient_id != form.patient_id:
        problem = Problem("/appointment_id", "must be a visit of this patient")
        raise InvalidError((problem,))
    other = uow.intake_forms.current_of(visit.id)
    if other is not None and other.id != form.id:
        raise FormExistsError(visit.id, other.id)


def listed(form: IntakeForm, *, flagged: bool) -> ListedForm:
    """Return a form as lists show it, without its answers."""
    return ListedForm(
        id=form.id,
        patient_id=form.patient_id,
        appointment_id=form.appointment_id,
        questionnaire_id=form.questionnaire_id,
        status=form.status,
        submitted_at=form.submitted_at,
        reviewed_at=form.reviewed_at,
        reviewed_by_id=form.reviewed_by_id,
        revoked_at=form.revoked_at,
        flagged=flagged,
        version=form.version,
        created_at=form.created_at,
        updated_at=form.updated_at,
    )
