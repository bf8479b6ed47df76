"""The schedule: what a clinic's day looks like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.booking import FIRST_YEAR, LAST_YEAR
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.ports import AppointmentFilter, PageRequest, UnitOfWork
from clinicflow_core.scheduling.hours import working_spans
from clinicflow_core.timespan import wall_clock

MOST_DOCTORS = 200
MOST_VISITS = 2000
"""More than these a day does not show."""


@frozen(kw_only=True)
class WorkingSpan:
    """A stretch in which the doctor works; wall clock and instants."""

    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime


@frozen(kw_only=True)
class ScheduledVisit:
    """A visit with the name of its patient."""

    appointment: Appointment
    patient_name: str = field(repr=False)


@frozen(kw_only=True)
class DoctorDay:
    """One doctor's day: working spans and visits, each by start."""

    doctor: Doctor
    working: tuple[WorkingSpan, ...]
    visits: tuple[ScheduledVisit, ...]


@frozen(kw_only=True)
class Day:
    """
    A clinic's day, doctors by name.

    Attributes:
        date: In the clinic's time zone.
    """

    date: date
    timezone: str
    doctors: tuple[DoctorDay, ...]


def day(on: date | None, doctor_ids: Sequence[DoctorId], uow: UnitOfWork) -> Day:
    """
    Return the clinic's day, cancelled and missed visits included.

    A doctor sees their own alone. It shows the first `MOST_DOCTORS` by name and the
    first `MOST_VISITS` by start.

    Args:
        on: The day; None is today in the clinic's time zone.
        doctor_ids: Whose diaries; empty for all doctors.

    Raises:
        InvalidError: If no visit can be on that day.
        DoctorNotFoundError: If one of *doctor_ids* is not there.
    """
    if on is not None and not FIRST_YEAR <= on.year <= LAST_YEAR:
        detail = f"must be in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidError((Problem("/date", detail),))
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        for doctor_id in doctor_ids:
            uow.actor.must_see_diary(doctor_id)
        if own is not None:
            doctor_ids = [own]
        zone = uow.clinic.zone
        on = on or wall_clock(uow.now, zone).date()
        if doctor_ids:
            doctors = [uow.doctors.get(doctor_id) for doctor_id in doctor_ids]
        else:
            doctors = list(uow.doctors.page(PageRequest(limit=MOST_DOCTORS)).items)
        hours = uow.doctors.hours_of_all([doctor.id for doctor in doctors])
        visits = uow.appointments.page(
            AppointmentFilter(first=on, last=on, doctor_id=own),
            PageRequest(limit=MOST_VISITS),
        ).items
        patients = uow.patients.named({visit.patient_id for visit in visits})
        return Day(
            date=on,
            timezone=uow.clinic.timezone,
            doctors=tuple(
                DoctorDay(
                    doctor=doctor,
                    working=tuple(
                        WorkingSpan(
                            start_time=wall_clock(span.start, zone).time(),
                            end_time=wall_clock(span.end, zone).time(),
                            starts_at=span.start,
                            ends_at=span.end,
                        )
                        for span in working_spans(hours[doctor.id], on, on, zone)
                    ),
                    visits=tuple(
                        ScheduledVisit(
                            appointment=visit,
                            patient_name=patients[visit.patient_id].full_name,
                        )
                        for visit in visits
                        if visit.doctor_id == doctor.id
                    ),
                )
                for doctor in doctors
            ),
        )
