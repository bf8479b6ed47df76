"""Patients and their visits."""

from __future__ import annotations

from uuid import UUID

from attrs import field, frozen

from clinicflow_core.checks import text
from clinicflow_core.desk import booking, intake, register
from clinicflow_core.desk.intake import ListedForm
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import (
    BookingConflictError,
    PatientErasedError,
    PatientHasVisitsError,
    StaleVersionError,
)
from clinicflow_core.ports import AppointmentFilter, FormFilter, Page, UnitOfWork
from clinicflow_flask.appointments import page_request_by_start
from clinicflow_flask.intake import page_request_by_creation
from clinicflow_flask.paging import DEFAULT_LIMIT, LIMIT, Listing, page_request
from clinicflow_flask.routes import Route


@frozen(kw_only=True)
class FindPatients:
    """Which patients are looked for."""

    q: str = field(
        default="",
        repr=False,
        validator=text(200, 0),
        metadata={
            "description": "Words: parts of names in any order, e-mail, digits of the "
            "phone number, birth date as 1980-12-31."
        },
    )
    limit: int = field(default=DEFAULT_LIMIT, validator=LIMIT)
    cursor: str | None = None


def _find(query: FindPatients, uow: UnitOfWork) -> Page[Patient]:
    page = page_request(query.limit, query.cursor, str, str, UUID)
    return register.find(query.q, page, uow)


def _visits(
    patient_id: PatientId, query: Listing, uow: UnitOfWork
) -> Page[Appointment]:
    page = page_request_by_start(query.limit, query.cursor)
    register.get(patient_id, uow)
    return booking.page(AppointmentFilter(patient_id=patient_id), page, uow)


def _forms(patient_id: PatientId, query: Listing, uow: UnitOfWork) -> Page[ListedForm]:
    page = page_request_by_creation(query.limit, query.cursor)
    register.get(patient_id, uow)
    return intake.page(FormFilter(patient_id=patient_id), page, uow)


ROUTES = (
    Route("GET", "/api/patients", _find, "Find patients, by name"),
    Route(
        "POST",
        "/api/patients",
        register.register,
        "Take a patient into the register",
        status=201,
        once=True,
    ),
    Route("GET", "/api/patients/{patient_id}", register.get, "Show a patient"),
    Route(
        "PATCH",
        "/api/patients/{patient_id}",
        register.change,
        "Change a patient's details",
        refuses=(StaleVersionError, PatientErasedError),
    ),
    Route(
        "POST",
        "/api/patients/{patient_id}/merge",
        register.merge,
        "Make two records of one person one",
        refuses=(BookingConflictError, PatientErasedError),
    ),
    Route(
        "DELETE",
        "/api/patients/{patient_id}",
        register.remove,
        "Remove a patient who never had a visit",
        status=204,
        refuses=(PatientHasVisitsError,),
    ),
    Route(
        "GET",
        "/api/patients/{patient_id}/appointments",
        _visits,
        "List a patient's visits, by start",
    ),
    Route(
        "GET",
        "/api/patients/{patient_id}/intake-forms",
        _forms,
        "List a patient's intake forms without their answers, by when they were made",
    ),
)
