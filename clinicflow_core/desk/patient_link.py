"""
The patient's side of intake: whoever has the link, and no account.

A link that is wrong, expired, revoked or used is answered alike. What can be asked
without the birth date on record shows nothing of the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission, with_link
from clinicflow_core.desk.forms import below, submit_answers
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.summarizing import definition_of, hold_patient
from clinicflow_core.entities.intake import (
    MOST_BIRTH_DATE_TRIES,
    IntakeForm,
    IntakeLink,
)
from clinicflow_core.entities.questionnaire import Definition, Question
from clinicflow_core.errors import (
    BirthDateRefusedError,
    ClinicNotFoundError,
    ContentionError,
    InvalidError,
    LinkNotFoundError,
    PatientErasedError,
    PatientNotFoundError,
)
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.intake.links import clinic_of, hash_of, receipt_for
from clinicflow_core.ports import Store, UnitOfWork

THANKS = "Thank you. Your answers have reached the clinic."


@frozen(kw_only=True)
class Asked:
    """
    What the patient is asked.

    Attributes:
        questionnaire: Without what is kept in it for others; None if the answers are
            free.
        has_draft: Whether something is filled in already; see `open_draft`.
        expires_at: Until when the link works.
    """

    questionnaire: Definition | None
    has_draft: bool
    expires_at: datetime


@frozen(kw_only=True)
class OpenDraft:
    """The patient's birth date, which opens what is filled in so far."""

    birth_date: date = field(repr=False)


@frozen(kw_only=True)
class GivenAnswers:
    """The patient's answers, by question."""

    answers: Mapping[str, object] = field(repr=False)


@frozen(kw_only=True)
class Draft:
    """What is filled in so far; empty if nothing is."""

    answers: Mapping[str, object] = field(repr=False)


@frozen(kw_only=True)
class DraftSaved:
    """
    That it was saved.

    Attributes:
        dropped: Pointers of answers that nothing asked for, and are not kept.
    """

    saved_at: datetime
    dropped: tuple[str, ...]


@frozen(kw_only=True)
class Receipt:
    """That the answers have arrived."""

    message: str = THANKS


def questions(token: str, store: Store) -> Asked:
    """
    Return what is asked; it changes nothing, so that mail scanners may look.

    Raises:
        LinkNotFoundError: If the link does not work.
    """
    with _entered(token, store) as uow:
        link = _open(uow.intake_forms.find_link(hash_of(token)), uow)
        form = uow.intake_forms.get(link.form_id)
        asked = definition_of(form, uow)
        return Asked(
            questionnaire=asked and _for_the_patient(asked),
            has_draft=form.draft is not None,
            expires_at=link.expires_at,
        )


@retried
def open_draft(token: str, request: OpenDraft, store: Store) -> Draft:
    """
    Return what is filled in so far, for whoever knows the birth date on record.

    It can be given wrong five times; after that the draft stays shut for this link,
    and so it is if the record has no birth date.

    Raises:
        LinkNotFoundError: If the link does not work.
        BirthDateRefusedError: If that is not it, or was given wrong too often.
    """
    with _entered(token, store) as uow:
        link, form = _opened(token, uow)
        if link.is_shut:
            raise BirthDateRefusedError(0)
        patient = uow.patients.get(form.patient_id)
        if patient.date_of_birth != request.birth_date:
            link = link.mistaken()
            uow.intake_forms.save_link(link)
            uow.record("intake.draft-refused", form)
            uow.commit()  # The try counts.
            left = MOST_BIRTH_DATE_TRIES - link.birth_date_tries
            raise BirthDateRefusedError(left)
        uow.record("intake.draft-opened", form)
        uow.commit()
    return Draft(answers=form.draft or {})


@retried
def save_draft(token: str, request: GivenAnswers, store: Store) -> DraftSaved:
    """
    Keep what is filled in so far, whole or not.

    Raises:
        LinkNotFoundError: If the link does not work.
        InvalidError: If an answer is not what its question asks for.
    """
    with _entered(token, store) as uow:
        _, form = _opened(token, uow)
        asked = definition_of(form, uow)
        try:
            checked = check_answers(asked, request.answers, complete=False)
        except InvalidError as error:
            raise below("/answers", error) from None
        drafted = form.drafted(checked.answers, uow.now)
        uow.intake_forms.save(drafted)
        uow.record("intake.draft-saved", drafted)
        uow.commit()
        return DraftSaved(saved_at=uow.now, dropped=checked.dropped)


@retried
def submit(token: str, request: GivenAnswers, store: Store) -> Receipt:
    """
    Hand the answers to the clinic; the link does not work any more.

    Sending the same answers again, within an hour, is answered as the first time.

    Raises:
        LinkNotFoundError: If the link does not work.
        InvalidError: If the answers are not what the questionnaire asks for.
    """
    receipt = receipt_for(request.answers)
    with _entered(token, store) as uow:
        if _has_taken(token, receipt, uow):
            return Receipt()
        try:
            link, form = _opened(token, uow)
        except LinkNotFoundError:
            # Its twin may have arrived while this one waited for the patient.
            if _has_taken(token, receipt, uow):
                return Receipt()
            raise
        try:
            submit_answers(form, request.answers, uow)
        except InvalidError as error:
            raise below("/answers", error) from None
        uow.intake_forms.revoke_links(form.id, uow.now)
        uow.intake_forms.save_link(link.used(receipt, uow.now))
        uow.commit()
    return Receipt()


def _has_taken(token: str, receipt: str, uow: UnitOfWork) -> bool:
    link = uow.intake_forms.find_link(hash_of(token))
    return link is not None and link.has_taken(receipt, uow.now)


def _for_the_patient(asked: Definition) -> Definition:
    """Return the questions, without what a score means and other systems keep."""
    return evolve(
        asked,
        scores=tuple(evolve(scale, bands=()) for scale in asked.scores),
        extensions=(),
        items=tuple(map(_plain, asked.items)),
    )


def _plain(question: Question) -> Question:
    return evolve(question, extensions=(), items=tuple(map(_plain, question.items)))


@contextmanager
def _entered(token: str, store: Store) -> Iterator[UnitOfWork]:
    """
    Give a unit of work in the clinic that the token names.

    Raises:
        LinkNotFoundError: If it names none.
    """
    clinic_id = clinic_of(token)
    if clinic_id is None:
        raise LinkNotFoundError
    try:
        with store.unit_of_work(clinic_id, with_link()) as uow:
            uow.actor.must(Permission.FILL_INTAKE)
            yield uow
    except (ClinicNotFoundError, PatientNotFoundError, PatientErasedError):
        raise LinkNotFoundError from None


def _opened(token: str, uow: UnitOfWork) -> tuple[IntakeLink, IntakeForm]:
    """
    Return a link that works, and its form; patient and link are held, in this order.

    Raises:
        LinkNotFoundError: If it does not work.
    """
    found = _open(uow.intake_forms.find_link(hash_of(token)), uow)
    patient_id = uow.intake_forms.get(found.form_id).patient_id
    hold_patient(patient_id, uow).refuse_erased()
    link = _open(uow.intake_forms.hold_link(hash_of(token)), uow)
    form = uow.intake_forms.get(link.form_id)
    if form.patient_id != patient_id:
        raise ContentionError(LinkNotFoundError())
    return link, form


def _open(link: IntakeLink | None, uow: UnitOfWork) -> IntakeLink:
    if link is None or not link.is_open(uow.now):
        raise LinkNotFoundError
    return link
