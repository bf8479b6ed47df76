"""
The patient's side of intake: whoever has the link, and no account.

A link that is wrong, expired, revoked or used is answered alike. What can be asked
without the birth date on record shows nothing of the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

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
    Problem,
)
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.intake.links import clinic_of, hash_of, receipt_for
from clinicflow_core.ports import Store, UnitOfWork
from clinicflow_core.wire import HIDDEN, pointer_steps

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
    """
    What is filled in so far; empty if nothing is.

    Attributes:
        edition: See `Filling`.
    """

    answers: Mapping[str, object] = field(repr=False)
    edition: int = field(metadata=HIDDEN)


@frozen(kw_only=True)
class DraftSaved:
    """
    That it was saved.

    Attributes:
        dropped: Pointers of answers that nothing asked for, and are not kept.
        edition: See `Filling`.
    """

    saved_at: datetime
    dropped: tuple[str, ...]
    edition: int = field(metadata=HIDDEN)


@frozen(kw_only=True)
class Filling:
    """
    A form while it is filled in, a few questions at a time.

    Attributes:
        questionnaire: As in `Asked`.
        answers: What is filled in so far; None if it was by somebody else.
        edition: Tells this draft from those before and after it. Whoever was told it
            has seen all that is in the draft, and need not give the birth date for it.
        wrong: Which of the answers that were just given do not fit, and are not kept;
            the pointers lead into `answers`.
        missing: What is to be answered before the answers can be handed in.
        receipt: Names these answers when they are handed in.
    """

    questionnaire: Definition | None
    expires_at: datetime
    answers: Mapping[str, object] | None = field(repr=False)
    edition: int
    wrong: tuple[Problem, ...] = ()
    missing: tuple[Problem, ...] = ()
    receipt: str = field(default="", repr=False)


@frozen(kw_only=True)
class GivenPart:
    """
    The answers to some of the questions.

    Attributes:
        questions: The link ids of all that it is about; what is not answered in it has
            no answer any more.
    """

    questions: frozenset[str]
    answers: Mapping[str, object] = field(repr=False)


@frozen(kw_only=True)
class SendDraft:
    """
    What is filled in, as the patient has seen it.

    Attributes:
        receipt: See `Filling`.
    """

    receipt: str = field(repr=False)


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
    return Draft(answers=form.draft or {}, edition=form.version)


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
        return DraftSaved(
            saved_at=uow.now, dropped=checked.dropped, edition=drafted.version
        )


def resume(token: str, edition: int | None, store: Store) -> Filling:
    """
    Return the form as it is filled in by now; it changes nothing.

    What is in the draft is told without the birth date, but only as long as nobody
    filled in anything since *edition*. An edition can be guessed by whoever has the
    link, so a face must know, as by a cookie that it signed, that it told them this.

    Args:
        edition: As `open_draft`, `save_draft` or `fill_in` told it; None if none did.

    Raises:
        LinkNotFoundError: If the link does not work.
    """
    with _entered(token, store) as uow:
        link = _open(uow.intake_forms.find_link(hash_of(token)), uow)
        form = uow.intake_forms.get(link.form_id)
        asked = definition_of(form, uow)
        return _filling(link, form, asked, is_open=_is_open_to(edition, form))


@retried
def fill_in(
    token: str, request: GivenPart, edition: int | None, store: Store
) -> Filling:
    """
    Keep the answers to some questions in the place of those before, as far as they fit.

    Nothing is kept if there is a draft that *edition* does not open; see `resume`.

    Raises:
        LinkNotFoundError: If the link does not work.
        InvalidError: If there is more than can be kept.
    """
    with _entered(token, store) as uow:
        link, form = _opened(token, uow)
        asked = definition_of(form, uow)
        if not _is_open_to(edition, form):
            return _filling(link, form, asked, is_open=False)
        before = form.draft or {}
        others = {k: v for k, v in before.items() if k not in request.questions}
        answers, wrong = _fitting(asked, {**others, **request.answers})
        if answers != before:
            form = form.drafted(answers, uow.now)
            uow.intake_forms.save(form)
            uow.record("intake.draft-saved", form)
        uow.commit()
        return evolve(_filling(link, form, asked, is_open=True), wrong=wrong)


@retried
def submit_draft(
    token: str, request: SendDraft, edition: int | None, store: Store
) -> Receipt | None:
    """
    Hand what is filled in to the clinic, as `submit` does.

    Nothing is done and None returned if by now it is not what the patient has seen, or
    *edition* does not open it; see `resume`. A receipt alone could be guessed.

    Raises:
        LinkNotFoundError: If the link does not work.
        InvalidError: If something is not answered yet.
    """
    with _entered(token, store) as uow:
        opened = _opened_unless_taken(token, request.receipt, uow)
        if opened is not None:
            link, form = opened
            answers = form.draft or {}
            is_seen = receipt_for(answers) == request.receipt
            if not (is_seen and _is_open_to(edition, form)):
                return None
            _hand_in(link, form, answers, request.receipt, uow)
            uow.commit()
    return Receipt()


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
        opened = _opened_unless_taken(token, receipt, uow)
        if opened is not None:
            link, form = opened
            _hand_in(link, form, request.answers, receipt, uow)
            uow.commit()
    return Receipt()


def _opened_unless_taken(
    token: str, receipt: str, uow: UnitOfWork
) -> tuple[IntakeLink, IntakeForm] | None:
    """Return what `_opened` does; None if the answers of *receipt* are there by now."""
    if _has_taken(token, receipt, uow):
        return None
    try:
        return _opened(token, uow)
    except LinkNotFoundError:
        # Its twin may have arrived while this one waited for the patient.
        if _has_taken(token, receipt, uow):
            return None
        raise


def _hand_in(
    link: IntakeLink,
    form: IntakeForm,
    answers: Mapping[str, object],
    receipt: str,
    uow: UnitOfWork,
) -> None:
    try:
        submit_answers(form, answers, uow)
    except InvalidError as error:
        raise below("/answers", error) from None
    uow.intake_forms.revoke_links(form.id, uow.now)
    uow.intake_forms.save_link(link.used(receipt, uow.now))


def _has_taken(token: str, receipt: str, uow: UnitOfWork) -> bool:
    link = uow.intake_forms.find_link(hash_of(token))
    return link is not None and link.has_taken(receipt, uow.now)


def _is_open_to(edition: int | None, form: IntakeForm) -> bool:
    return form.draft is None or edition == form.version


def _filling(
    link: IntakeLink, form: IntakeForm, asked: Definition | None, *, is_open: bool
) -> Filling:
    answers = form.draft or {}
    return Filling(
        questionnaire=asked and _for_the_patient(asked),
        expires_at=link.expires_at,
        answers=answers if is_open else None,
        edition=form.version,
        missing=_problems(asked, answers, complete=True) if is_open else (),
        receipt=receipt_for(answers) if is_open else "",
    )


def _fitting(
    asked: Definition | None, answers: Mapping[str, Any]
) -> tuple[Mapping[str, Any], tuple[Problem, ...]]:
    """
    Return the answers that fit, and what is wrong with the others.

    Raises:
        InvalidError: If it is wrong with all of them together.
    """
    wrong: tuple[Problem, ...] = ()
    while found := _problems(asked, answers, complete=False):
        fewer = answers
        for problem in found:
            fewer = _without(fewer, pointer_steps(problem.pointer))
        if fewer == answers:
            raise below("/answers", InvalidError(found))
        answers, wrong = fewer, wrong + found
    return check_answers(asked, answers, complete=False).answers, wrong


def _problems(
    asked: Definition | None, answers: Mapping[str, Any], *, complete: bool
) -> tuple[Problem, ...]:
    try:
        check_answers(asked, answers, complete=complete)
    except InvalidError as error:
        return error.problems
    return ()


def _without(answers: Mapping[str, Any], steps: Sequence[str]) -> Mapping[str, Any]:
    """Return *answers* without the one to the question to which *steps* lead."""
    if not steps:
        return answers
    name = steps[0]
    value = answers.get(name)
    if len(steps) > 2 and isinstance(value, list):
        at = int(steps[1])
        value = [*value[:at], _without(value[at], steps[2:]), *value[at + 1 :]]
        return {**answers, name: value}
    return {key: each for key, each in answers.items() if key != name}


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
