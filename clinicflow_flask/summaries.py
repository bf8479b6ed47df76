"""What a doctor needs to know of an intake form, with where the patient said so."""

from __future__ import annotations

from clinicflow_core.desk import summaries
from clinicflow_core.desk.summaries import EditSummary, ShownSummary, shown
from clinicflow_core.entities.ids import FormId
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.errors import (
    InvalidTransitionError,
    PatientErasedError,
    StaleVersionError,
)
from clinicflow_core.ports import Summarizer, UnitOfWork
from clinicflow_flask.routes import Route


def _request(
    form_id: FormId,
    uow: UnitOfWork,
    summarizer: Summarizer,
    version: int | None = None,
) -> ShownSummary:
    return shown(summaries.request(form_id, uow, summarizer, version))


def _get(form_id: FormId, uow: UnitOfWork) -> ShownSummary:
    return shown(summaries.get(form_id, uow))


def _history(form_id: FormId, uow: UnitOfWork) -> tuple[ShownSummary, ...]:
    return tuple(map(shown, summaries.history(form_id, uow)))


def _edit(
    form_id: FormId, request: EditSummary, uow: UnitOfWork, version: int | None = None
) -> ShownSummary:
    return shown(summaries.edit(form_id, request, uow, version))


def _sign(form_id: FormId, uow: UnitOfWork, version: int | None = None) -> ShownSummary:
    return shown(summaries.sign(form_id, uow, version))


def _is_pending(summary: ShownSummary) -> bool:
    return summary.status is SummaryStatus.GENERATING


_PATH = "/api/intake/forms/{form_id}/summary"

ROUTES = (
    Route(
        "POST",
        _PATH,
        _request,
        "Ask for a new summary of an intake form",
        refuses=(InvalidTransitionError, PatientErasedError, StaleVersionError),
        is_pending=_is_pending,
    ),
    Route("GET", _PATH, _get, "Show the summary of an intake form"),
    Route(
        "GET",
        f"{_PATH}/history",
        _history,
        "Show all summaries that an intake form ever had, newest first",
    ),
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
