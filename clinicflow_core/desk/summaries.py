"""Summaries: how a doctor reads, corrects and signs what was made of a form."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most, one_line, text
from clinicflow_core.desk.forms import seen
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.summarizing import ask_for, hold_patient, make_at_once
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.ids import (
    AppointmentId,
    FormId,
    PatientId,
    SummaryId,
    UserId,
)
from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    Failure,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.errors import InvalidTransitionError, SummaryNotFoundError
from clinicflow_core.ports import Summarizer, UnitOfWork
from clinicflow_core.wire import UNSET, Unset, changes

LONGEST_WAIT = timedelta(minutes=15)
"""How long a summary can be generating before another one is asked for."""

MOST_ITEMS = 200
_items = at_most(MOST_ITEMS)


def _lines(_: object, __: object, items: tuple[str, ...] | Unset) -> None:
    for item in () if items is UNSET else items:
        if complaint := _line.complaint(item):
            raise ValueError(f"each {complaint}")


_line = one_line(500)


@frozen(kw_only=True)
class EditSummary:
    """What a doctor would rather say; what is left out stays as it is."""

    summary_text: str | Unset = field(default=UNSET, repr=False, validator=text(5000))
    patient_concerns: tuple[str, ...] | Unset = field(
        default=UNSET, repr=False, validator=[_items, _lines]
    )
    medications: tuple[str, ...] | Unset = field(
        default=UNSET, repr=False, validator=[_items, _lines]
    )
    allergies: tuple[str, ...] | Unset = field(
        default=UNSET, repr=False, validator=[_items, _lines]
    )
    key_notes: str | Unset | None = field(
        default=UNSET, repr=False, validator=text(5000)
    )


@frozen(kw_only=True)
class ShownSummary:
    """
    A summary as a doctor reads it.

    Attributes:
        items: All that it says, each with its sources.
        draft: Whether no doctor has signed it.
        machine: What the machine said, once somebody edited it.
    """

    id: SummaryId
    patient_id: PatientId
    appointment_id: AppointmentId | None
    intake_form_id: FormId
    summary_text: str = field(repr=False)
    patient_concerns: tuple[str, ...] = field(repr=False)
    medications: tuple[str, ...] = field(repr=False)
    allergies: tuple[str, ...] = field(repr=False)
    key_notes: str | None = field(repr=False)
    items: Digest
    draft: bool
    status: SummaryStatus
    model_version: str
    failure: Failure | None
    dropped: tuple[Dropped, ...]
    machine: Digest | None
    generated_at: datetime
    signed_at: datetime | None
    signed_by_id: UserId | None
    version: int


@retried
def request(
    form_id: FormId,
    uow: UnitOfWork,
    summarizer: Summarizer,
    version: int | None = None,
) -> Summary:
    """
    Ask for a new summary of a form; the one before is kept as history.

    It is there at once if nothing leaves the machine for it; otherwise a worker makes
    it. While one is being made, no other one is asked for. What a doctor corrected or
    signed gives way only to somebody who may do so too.

    Args:
        version: Of the summary that is to give way; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        StaleVersionError: If the summary has another *version*.
        InvalidTransitionError: If the form was not submitted.
        PatientErasedError: If the patient was erased.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        form = seen(form_id, uow)
        if form.status is FormStatus.PENDING:
            state = form.status.value
            raise InvalidTransitionError(form.id, state, "summarize", "intake form")
        hold_patient(form.patient_id, uow).refuse_erased()
        before = uow.summaries.current_of(form.id)
        if before is not None:
            require_version(before, version)
            if before.status is SummaryStatus.EDITED or not before.is_draft:
                uow.actor.must(Permission.SIGN_SUMMARIES)
        if summarizer.stays_here or not uow.clinic.ai_summaries:
            summary = make_at_once(form, uow)
        elif before is not None and is_under_way(before, uow.now):
            summary = before
        else:
            summary = ask_for(form, uow)
        uow.commit()
    return summary


@retried
def get(form_id: FormId, uow: UnitOfWork) -> Summary:
    """
    Return the summary of a form as it stands, and note in the trail who read it.

    Raises:
        FormNotFoundError: If there is no such form.
        SummaryNotFoundError: If it has none.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        summary = _current(seen(form_id, uow), uow)
        uow.record("summary.read", summary)
        uow.commit()
    return summary


@retried
def history(form_id: FormId, uow: UnitOfWork) -> tuple[Summary, ...]:
    """
    Return all summaries that a form ever had, newest first; the trail notes who read.

    Raises:
        FormNotFoundError: If there is no such form.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        form = seen(form_id, uow)
        found = uow.summaries.of_form(form.id)
        for summary in found:
            uow.record("summary.read", summary)
        uow.commit()
    return found


def is_awaited(form_id: FormId, uow: UnitOfWork) -> bool:
    """
    Return whether the summary of a form is being made; see `is_under_way`.

    It is asked by whoever waits for one: nothing is read of it, and nothing noted.

    Raises:
        FormNotFoundError: If there is no such form.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        summary = uow.summaries.current_of(seen(form_id, uow).id)
        return summary is not None and is_under_way(summary, uow.now)


def is_under_way(summary: Summary, now: datetime) -> bool:
    """
    Return whether a summary is being made.

    One that takes longer than `LONGEST_WAIT` is given up: another can be asked for.
    """
    is_new = now < summary.generated_at + LONGEST_WAIT
    return summary.is_awaited and is_new


@retried
def edit(
    form_id: FormId,
    request: EditSummary,
    uow: UnitOfWork,
    version: int | None = None,
) -> Summary:
    """
    Put a doctor's words in the place of the machine's, which are kept.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        SummaryNotFoundError: If it has no summary.
        StaleVersionError: If the summary has another *version*.
        InvalidTransitionError: If it is not made yet, or signed.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        uow.actor.must(Permission.SIGN_SUMMARIES)
        before = _current(seen(form_id, uow), uow)
        require_version(before, version)
        summary = before.edited(changes(request))
        if summary is not before:
            uow.summaries.save(summary)
            facts = {"fields": sorted(changes(request))}
            uow.record("summary.edited", summary, facts=facts)
        uow.commit()
    return summary


@retried
def sign(form_id: FormId, uow: UnitOfWork, version: int | None = None) -> Summary:
    """
    Let a summary count; doing so again changes nothing.

    Args:
        version: The one that was read; None for any.

    Raises:
        FormNotFoundError: If there is no such form.
        SummaryNotFoundError: If it has no summary.
        StaleVersionError: If the summary has another *version*.
        InvalidTransitionError: If it is not made yet.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    with uow:
        uow.actor.must(Permission.SIGN_SUMMARIES)
        before = _current(seen(form_id, uow), uow)
        require_version(before, version)
        summary = before.signed(uow.actor.user_id, uow.now)
        if summary is not before:
            uow.summaries.save(summary)
            uow.record("summary.signed", summary)
        uow.commit()
    return summary


def shown(summary: Summary) -> ShownSummary:
    """Return a summary as it is told outside, with the names of the record."""
    digest = summary.digest
    return ShownSummary(
        id=summary.id,
        patient_id=summary.patient_id,
        appointment_id=summary.appointment_id,
        intake_form_id=summary.intake_form_id,
        summary_text=summary.summary_text,
        patient_concerns=_texts(digest.patient_concerns),
        medications=_texts(digest.medications),
        allergies=_texts(digest.allergies),
        key_notes=summary.key_notes,
        items=digest,
        draft=summary.is_draft,
        status=summary.status,
        model_version=summary.model_version,
        failure=summary.failure,
        dropped=summary.dropped,
        machine=summary.machine,
        generated_at=summary.generated_at,
        signed_at=summary.signed_at,
        signed_by_id=summary.signed_by_id,
        version=summary.version,
    )


def _current(form: IntakeForm, uow: UnitOfWork) -> Summary:
    summary = uow.summaries.current_of(form.id)
    if summary is None:
        raise SummaryNotFoundError(form.id)
    return summary


def _texts(items: tuple[SummaryItem, ...]) -> tuple[str, ...]:
    return tuple(item.text for item in items)
