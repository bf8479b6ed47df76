"""The clinic's side of what patients tell it before they come."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.desk import intake
from clinicflow_core.desk.intake import ListedForm
from clinicflow_core.entities.ids import AppointmentId, PatientId
from clinicflow_core.entities.intake import FormStatus
from clinicflow_core.errors import (
    FormExistsError,
    InvalidTransitionError,
    NotFoundError,
    PatientErasedError,
)
from clinicflow_core.ports import FormFilter, Page, PageRequest, UnitOfWork
from clinicflow_flask.paging import DEFAULT_LIMIT, LIMIT, page_request
from clinicflow_flask.routes import Route


@frozen(kw_only=True)
class FindForms:
    """
    Which intake forms are looked for.

    Attributes:
        flagged: Only those whose current summary has a red flag.
        newest_first: Otherwise those that were made first come first.
    """

    status: FormStatus | None = None
    patient_id: PatientId | None = None
    appointment_id: AppointmentId | None = None
    flagged: bool = False
    newest_first: bool = False
    limit: int = field(default=DEFAULT_LIMIT, validator=LIMIT)
    cursor: str | None = None


def page_request_by_creation(limit: int, cursor: str | None) -> PageRequest:
    """Return which part of forms, in the order in which they were made, is asked."""
    return page_request(limit, cursor, datetime, UUID)


def _page(query: FindForms, uow: UnitOfWork) -> Page[ListedForm]:
    which = FormFilter(
        status=query.status,
        patient_id=query.patient_id,
        appointment_id=query.appointment_id,
        flagged=query.flagged,
    )
    request = page_request_by_creation(query.limit, query.cursor)
    return intake.page(which, request, uow, newest_first=query.newest_first)


ROUTES = (
    Route(
        "GET",
        "/api/intake/forms",
        _page,
        "List intake forms without their answers, by when they were made",
    ),
    Route(
        "POST",
        "/api/intake/forms",
        intake.send,
        "Make an intake form for a patient, with the link to it; the link is told this "
        "once, and to a request that is sent again it is null",
        status=201,
        refuses=(FormExistsError, NotFoundError, PatientErasedError),
        once=True,
    ),
    Route(
        "GET",
        "/api/intake/forms/{form_id}",
        intake.get,
        "Show an intake form with its answers",
    ),
    Route(
        "PATCH",
        "/api/intake/forms/{form_id}",
        intake.link,
        "Give an intake form to another visit of the patient, or to none",
        refuses=(FormExistsError, InvalidTransitionError),
    ),
    Route(
        "GET",
        "/api/intake/forms/{form_id}/fhir",
        intake.response,
        "Show an intake form as a FHIR R4 QuestionnaireResponse",
    ),
    Route(
        "POST",
        "/api/intake/forms/{form_id}/submit",
        intake.submit,
        "Write down a patient's answers for them",
        refuses=(InvalidTransitionError, PatientErasedError),
    ),
    Route(
        "POST",
        "/api/intake/forms/{form_id}/review",
        intake.review,
        "Note that an intake form was read",
        refuses=(InvalidTransitionError,),
    ),
    Route(
        "POST",
        "/api/intake/forms/{form_id}/resend",
        intake.resend,
        "Make a new link to an intake form; those before it no longer work",
        refuses=(InvalidTransitionError,),
    ),
    Route(
        "POST",
        "/api/intake/forms/{form_id}/revoke",
        intake.revoke,
        "Call an intake form back",
        refuses=(InvalidTransitionError,),
    ),
)
