"""Summarizing: how the summary of a form is asked for, made and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

from attrs import evolve, frozen

from clinicflow_core.entities.ids import PatientId, SummaryId
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.entities.job import Job
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.questionnaire import Definition
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    Failure,
    FailureReason,
    Statement,
    Summary,
)
from clinicflow_core.errors import (
    ContentionError,
    PatientNotFoundError,
    StaleVersionError,
    SummaryFailedError,
)
from clinicflow_core.intake.extractive import Extractive, digest_of
from clinicflow_core.intake.grounding import Grounded, ground
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.ports import Summarizer, UnitOfWork
from clinicflow_core.timespan import TimeSpan

ASKED_FOR: Final = "summary.asked-for"
"""The event that lets a worker make a summary."""

AT_HAND: Final = Extractive()
"""What makes a summary without anybody's help."""

_LOGGER = logging.getLogger(__name__)


def ask_for(form: IntakeForm, uow: UnitOfWork) -> Summary:
    """Let a worker make the summary of a form, in the place of the one it has."""
    summary = _begin(form, uow)
    facts = {"intake_form_id": str(form.id)}
    uow.record(ASKED_FOR, summary, facts=facts)
    return summary


def make_at_once(form: IntakeForm, uow: UnitOfWork) -> Summary:
    """Make the summary of a form here and now, in the place of the one it has."""
    patient = uow.patients.get(form.patient_id)
    statements = statements_of(definition_of(form, uow), form.raw_answers)
    return _keep(_begin(form, uow), _made(AT_HAND, statements, patient), uow)


def make(job: Job, open_uow: Callable[[], UnitOfWork], summarizer: Summarizer) -> None:
    """
    Make the summary that *job* asks for, and note that the job is done.

    The clinic's own word counts when it is made: if it has switched that off, nothing
    leaves the machine. Nothing is held while the summarizer thinks.

    Args:
        open_uow: Opens a unit of work of the job's clinic.
        summarizer: What the installation has chosen.

    Raises:
        SummaryNotFoundError: If there is none any more.
        ContentionError: If somebody else has the job by now, or the patient was merged
            or erased meanwhile.
    """
    with open_uow() as uow:
        summary = uow.summaries.get(SummaryId(job.record_id))
        form, patient = _held(summary, uow)
        statements = statements_of(definition_of(form, uow), form.raw_answers)
        chosen = summarizer if uow.clinic.ai_summaries else AT_HAND
    made = _made(chosen, statements, patient) if summary.is_awaited else None
    with open_uow() as uow:
        if made is not None:
            now = uow.intake_forms.get(form.id)
            said = (form.patient_id, form.raw_answers)
            if (now.patient_id, now.raw_answers) != said:
                raise ContentionError(StaleVersionError(form.id))
            _keep(uow.summaries.get(summary.id), made, uow)
        uow.jobs.save(job.done(uow.now))
        uow.commit()


def follow(form: IntakeForm, uow: UnitOfWork) -> None:
    """Let the summary of a form be for the visit that the form is for."""
    summary = uow.summaries.current_of(form.id)
    if summary is not None:
        uow.summaries.save(summary.of_visit(form.appointment_id))


def hold_patient(patient_id: PatientId, uow: UnitOfWork) -> Patient:
    """
    Return a patient whom nobody erases or merges until the unit of work is left.

    Whoever changes a form or its links holds its patient first, as those do who erase
    and merge.

    Raises:
        PatientNotFoundError: If there is no such patient.
    """
    any_time = TimeSpan(uow.now, uow.now + timedelta(minutes=1))
    return uow.diaries.hold([], [patient_id], any_time).patients[patient_id]


def definition_of(form: IntakeForm, uow: UnitOfWork) -> Definition | None:
    """Return what the form's questionnaire asks; None if its answers are free."""
    if form.questionnaire_id is None:
        return None
    return uow.questionnaires.get(form.questionnaire_id).definition


@frozen
class _Made:
    grounded: Grounded
    model_version: str
    failure: Failure | None = None


def _held(summary: Summary, uow: UnitOfWork) -> tuple[IntakeForm, Patient]:
    """
    Return the form, and the patient whose it is while they are held.

    Else what names the patient might be looked for in the answers too late: when it is
    on record no more.
    """
    whose = uow.intake_forms.get(summary.intake_form_id).patient_id
    try:
        patient = hold_patient(whose, uow)
    except PatientNotFoundError as merged:
        raise ContentionError(merged) from None
    form = uow.intake_forms.get(summary.intake_form_id)
    if form.patient_id != whose:
        raise ContentionError(StaleVersionError(form.id))
    return form, patient


def _made(
    summarizer: Summarizer, statements: Sequence[Statement], patient: Patient
) -> _Made:
    """Return what is made of the statements: by the summarizer, or in its place."""
    at_hand = digest_of(statements)
    if summarizer == AT_HAND:
        return _Made(ground(at_hand, statements, at_hand), AT_HAND.model_version)
    dropped: tuple[Dropped, ...] = ()
    try:
        digest = summarizer.summarize(statements, patient)
    except SummaryFailedError as failed:
        reason = FailureReason(failed.reason)
    except Exception as error:  # noqa: BLE001  It is somebody else's, and may fail anyhow.
        _LOGGER.warning("Cannot ask: %s", type(error).__name__)
        reason = FailureReason.BROKEN
    else:
        grounded = ground(digest, statements, at_hand)
        if _says_something(grounded.digest) or not _says_something(at_hand):
            return _Made(grounded, summarizer.model_version)
        reason, dropped = FailureReason.EMPTY, grounded.dropped
    return _Made(
        evolve(ground(at_hand, statements, at_hand), dropped=dropped),
        AT_HAND.model_version,
        Failure(reason=reason, model_version=summarizer.model_version),
    )


def _says_something(digest: Digest) -> bool:
    """Whether anything is there that was not put back."""
    return any(not item.added for _, items in digest.lists() for item in items)


def _begin(form: IntakeForm, uow: UnitOfWork) -> Summary:
    before = uow.summaries.current_of(form.id)
    version = 1
    if before is not None:
        superseded = before.superseded(uow.now)
        uow.summaries.save(superseded)
        # It goes on: what was meant for one summary is not meant for the next.
        version = superseded.version + 1
    summary = Summary(
        id=SummaryId(uuid4()),
        patient_id=form.patient_id,
        appointment_id=form.appointment_id,
        intake_form_id=form.id,
        model_version=AT_HAND.model_version,
        generated_at=uow.now,
        version=version,
    )
    uow.summaries.add(summary)
    return summary


def _keep(before: Summary, made: _Made, uow: UnitOfWork) -> Summary:
    grounded = made.grounded
    summary = before.generated(
        grounded.digest, grounded.dropped, made.model_version, uow.now, made.failure
    )
    uow.summaries.save(summary)
    facts: dict[str, object] = {
        "model_version": made.model_version,
        "dropped": len(grounded.dropped),
    }
    if made.failure:
        facts["failure"] = made.failure.reason.value
    uow.record("summary.generated", summary, facts=facts)
    return summary
