"""Summarizing: how the summary of a form is asked for, made and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import uuid4

from attrs import frozen

from clinicflow_core.entities.ids import SummaryId
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.entities.job import Job
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.questionnaire import Definition
from clinicflow_core.entities.summary import (
    Failure,
    FailureReason,
    Statement,
    Summary,
    SummaryStatus,
)
from clinicflow_core.errors import (
    ContentionError,
    StaleVersionError,
    SummaryFailedError,
)
from clinicflow_core.intake.extractive import Extractive, digest_of
from clinicflow_core.intake.grounding import Grounded, ground
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.ports import Summarizer, UnitOfWork

ASKED_FOR: Final = "summary.asked-for"
"""The event that lets a worker make a summary."""

AT_HAND: Final = Extractive()
"""What makes a summary without anybody's help."""


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
        ContentionError: If somebody else has the job by now, or the form has changed:
            its patient may have been erased.
    """
    with open_uow() as uow:
        summary = uow.summaries.get(SummaryId(job.record_id))
        is_wanted = (
            summary.status is SummaryStatus.GENERATING and summary.superseded_at is None
        )
        form = uow.intake_forms.get(summary.intake_form_id)
        patient = uow.patients.get(form.patient_id)
        statements = statements_of(definition_of(form, uow), form.raw_answers)
        chosen = summarizer if uow.clinic.ai_summaries else AT_HAND
    made = _made(chosen, statements, patient) if is_wanted else None
    with open_uow() as uow:
        if made is not None:
            if uow.intake_forms.get(form.id) != form:
                raise ContentionError(StaleVersionError(form.id))
            _keep(uow.summaries.get(summary.id), made, uow)
        uow.jobs.save(job.done(uow.now))
        uow.commit()


def follow(form: IntakeForm, uow: UnitOfWork) -> None:
    """Let the summary of a form be for the visit that the form is for."""
    summary = uow.summaries.current_of(form.id)
    if summary is not None:
        uow.summaries.save(summary.of_visit(form.appointment_id))


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


def _made(
    summarizer: Summarizer, statements: Sequence[Statement], patient: Patient
) -> _Made:
    """Return what is made of the statements: by the summarizer, or in its place."""
    stand_in = digest_of(statements)
    try:
        digest = summarizer.summarize(statements, patient)
    except SummaryFailedError as failed:
        reason = FailureReason(failed.reason)
        failure = Failure(reason=reason, model_version=summarizer.model_version)
        grounded = ground(stand_in, statements, stand_in)
        return _Made(grounded, AT_HAND.model_version, failure)
    return _Made(ground(digest, statements, stand_in), summarizer.model_version)


def _begin(form: IntakeForm, uow: UnitOfWork) -> Summary:
    before = uow.summaries.current_of(form.id)
    if before is not None:
        uow.summaries.save(before.superseded(uow.now))
    summary = Summary(
        id=SummaryId(uuid4()),
        patient_id=form.patient_id,
        appointment_id=form.appointment_id,
        intake_form_id=form.id,
        model_version=AT_HAND.model_version,
        generated_at=uow.now,
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
