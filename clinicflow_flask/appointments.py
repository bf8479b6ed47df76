"""Visits: booked, moved, carried out, given up."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.desk import booking, undoing
from clinicflow_core.desk.booking import Move
from clinicflow_core.entities.appointment import Appointment, IntakeStatus, Status
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidTransitionError,
    NotFoundError,
    NothingToUndoError,
    StaleVersionError,
)
from clinicflow_core.ports import AppointmentFilter, Page, PageRequest, UnitOfWork
from clinicflow_flask.paging import DEFAULT_LIMIT, LIMIT, page_request
from clinicflow_flask.routes import Route

_BOUND = {"description": "A local day; it belongs to what is asked for."}


@frozen(kw_only=True)
class FindAppointments:
    """Which visits are looked for: all that is given must agree."""

    from_: date | None = field(default=None, metadata=_BOUND)
    to: date | None = field(default=None, metadata=_BOUND)
    date: date | None = field(default=None, metadata={"description": "A local day."})
    doctor_id: DoctorId | None = None
    patient_id: PatientId | None = None
    status: Status | None = None
    intake_status: IntakeStatus | None = None
    limit: int = field(default=DEFAULT_LIMIT, validator=LIMIT)
    cursor: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.date and (self.from_ or self.to):
            raise ValueError("date does not go with from and to")


def _page(query: FindAppointments, uow: UnitOfWork) -> Page[Appointment]:
    which = AppointmentFilter(
        first=query.date or query.from_,
        last=query.date or query.to,
        doctor_id=query.doctor_id,
        patient_id=query.patient_id,
        status=query.status,
        intake_status=query.intake_status,
    )
    return booking.page(which, page_request_by_start(query.limit, query.cursor), uow)


def page_request_by_start(limit: int, cursor: str | None) -> PageRequest:
    """Return which part of a list of visits is asked for; see `page_request`."""
    return page_request(limit, cursor, datetime, UUID)


def _history(appointment_id: AppointmentId, uow: UnitOfWork) -> Page[Event]:
    return Page(booking.history(appointment_id, uow))


def _moves(appointment_id: AppointmentId, uow: UnitOfWork) -> Page[Move]:
    return Page(booking.moves(appointment_id, uow))


_STEP = (InvalidTransitionError, StaleVersionError)

ROUTES = (
    Route("GET", "/api/appointments", _page, "Find visits, by start"),
    Route(
        "POST",
        "/api/appointments",
        booking.book,
        "Book a visit",
        status=201,
        refuses=(BookingConflictError, NotFoundError),
        once=True,
    ),
    Route(
        "POST",
        "/api/appointments/check",
        booking.check,
        "Say what stands against a visit, and change nothing",
        refuses=(NotFoundError,),
    ),
    Route("GET", "/api/appointments/{appointment_id}", booking.get, "Show a visit"),
    Route(
        "PATCH",
        "/api/appointments/{appointment_id}",
        booking.change_details,
        "Change details of a visit that need no new time",
        refuses=_STEP,
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/reschedule",
        booking.reschedule,
        "Move a visit to another time or doctor",
        refuses=(BookingConflictError, *_STEP),
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/confirm",
        booking.confirm,
        "Note that a visit is agreed on",
        refuses=_STEP,
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/arrive",
        booking.arrive,
        "Note that the patient is there",
        refuses=_STEP,
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/complete",
        booking.complete,
        "Note that a visit took place",
        refuses=_STEP,
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/no-show",
        booking.no_show,
        "Note that the patient did not come",
        refuses=_STEP,
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/reinstate",
        booking.reinstate,
        "Let a cancelled or missed visit stand again",
        refuses=(BookingConflictError, *_STEP),
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/undo",
        undoing.undo,
        "Take back what was done last to a visit: a confirmation, an arrival, a "
        "completion, a no-show, a cancellation or a move",
        refuses=(BookingConflictError, NothingToUndoError, *_STEP),
    ),
    Route(
        "POST",
        "/api/appointments/{appointment_id}/cancel",
        booking.cancel,
        "Take a visit out of the diary and keep why",
        refuses=_STEP,
    ),
    Route(
        "GET",
        "/api/appointments/{appointment_id}/history",
        _history,
        "List what happened to a visit, oldest first",
    ),
    Route(
        "GET",
        "/api/appointments/{appointment_id}/moves",
        _moves,
        "List where a visit was moved from and to, oldest first",
    ),
)
