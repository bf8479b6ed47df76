"""What a doctor needs to know of an intake form, with where the patient said so."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from clinicflow_core.desk import summaries
from clinicflow_core.desk.summaries import EditSummary
from clinicflow_core.entities.ids import (
    AppointmentId,
    FormId,
    PatientId,
    SummaryId,
    UserId,
)
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    Failure,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.errors import InvalidTransitionError
from clinicflow_core.ports import Summarizer, UnitOfWork
from clinicflow_flask.routes import Route


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


def _shown(summary: Summary) -> ShownSummary:
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


def _texts(items: tuple[SummaryItem, ...]) -> tuple[str, ...]:
    return tuple(item.text for item in items)


def _request(form_id: FormId, uow: UnitOfWork, summarizer: Summarizer) -> ShownSummary:
    return _shown(summaries.request(form_id, uow, summarizer))


def _get(form_id: FormId, uow: UnitOfWork) -> ShownSummary:
    return _shown(summaries.get(form_id, uow))


def _edit(
    form_id: FormId, request: EditSummary, uow: UnitOfWork, version: int | None = None
) -> ShownSummary:
    return _shown(summaries.edit(form_id, request, uow, version))


def _sign(form_id: FormId, uow: UnitOfWork, version: int | None = None) -> ShownSummary:
    return _shown(summaries.sign(form_id, uow, version))


def _is_pending(summary: ShownSummary) -> bool:
    return summary.status is SummaryStatus.GENERATING


_PATH = "/api/intake/forms/{form_id}/summary"

ROUTES = (
    Route(
        "POST",
        _PATH,
        _request,
        "Ask for a new summary of an intake form",
        refuses=(InvalidTransitionError,),
        is_pending=_is_pending,
    ),
    Route("GET", _PATH, _get, "Show the summary of an intake form"),
    Route(
        "PATCH",
        _PATH,
        _edit,
        "Put a doctor's words in the place of the machine's",
        refuses=(InvalidTransitionError,),
    ),
    Route(
        "POST",
        f"{_PATH}/sign",
        _sign,
        "Let a summary count",
        refuses=(InvalidTransitionError,),
    ),
)
