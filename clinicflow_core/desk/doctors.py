"""Doctors: who has a diary, and when they see patients."""

from __future__ import annotations

from datetime import time
from uuid import UUID, uuid4

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most, one_line, pattern
from clinicflow_core.desk import waitlist
from clinicflow_core.desk.calendars import (
    MOST_STRETCHES,
    calendar_to_come,
    held_doctor,
    new_time,
)
from clinicflow_core.desk.offers import end_offer, offer_time, who_waits
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.doctor import (
    Doctor,
    Weekday,
    WorkingHours,
    overlapping_hours,
)
from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.waitlist import Outcome
from clinicflow_core.errors import DoctorHasVisitsError, InvalidError, Problem
from clinicflow_core.ports import (
    MOST_DOCTORS,
    AppointmentFilter,
    Page,
    PageRequest,
    UnitOfWork,
)
from clinicflow_core.wire import UNSET, Unset, changes

_color = pattern(r"#[0-9A-Fa-f]{6}", "must be a colour as #4A90A4")


@frozen(kw_only=True)
class AddDoctor:
    """Somebody who gets a diary."""

    name: str = field(validator=one_line(255))
    initials: str | None = field(default=None, validator=one_line(10))
    specialty: str | None = field(default=None, validator=one_line(100))
    color: str | None = field(default=None, validator=_color)
    user_id: UserId | None = None


@frozen(kw_only=True)
class ChangeDoctor:
    """Other details of a doctor; what is left out stays as it is."""

    name: str | Unset = field(default=UNSET, validator=one_line(255))
    initials: str | Unset | None = field(default=UNSET, validator=one_line(10))
    specialty: str | Unset | None = field(default=UNSET, validator=one_line(100))
    color: str | Unset | None = field(default=UNSET, validator=_color)
    user_id: UserId | Unset | None = UNSET


@frozen(kw_only=True)
class Stretch:
    """Hours on one weekday; see `WorkingHours` for what *end* before *start* means."""

    weekday: Weekday
    start: time
    end: time

    def __attrs_post_init__(self) -> None:
        WorkingHours(self.weekday, self.start, self.end)


@frozen(kw_only=True)
class SetHours:
    """A doctor's whole week."""

    hours: tuple[Stretch, ...] = field(validator=at_most(MOST_STRETCHES))


@frozen(kw_only=True)
class Week:
    """
    A doctor's weekly hours, ordered by weekday and start.

    Attributes:
        version: Of the doctor, which new hours change.
    """

    hours: tuple[WorkingHours, ...]
    version: int


@frozen
class DoctorWithHours:
    """A doctor with the weekly hours, ordered by weekday and start."""

    doctor: Doctor
    hours: tuple[WorkingHours, ...]


@retried
def add(request: AddDoctor, uow: UnitOfWork) -> Doctor:
    """
    Add a doctor, who has no working hours yet and so cannot be booked.

    Raises:
        UserNotFoundError: If *user_id* is no account of this clinic.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        doctor = new_doctor(request, uow)
        uow.doctors.add(doctor)
        uow.record("doctor.added", doctor)
        uow.commit()
    return doctor


@retried
def change(
    doctor_id: DoctorId,
    request: ChangeDoctor,
    uow: UnitOfWork,
    version: int | None = None,
) -> Doctor:
    """
    Change a doctor's details.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        StaleVersionError: If the doctor has another *version*.
        UserNotFoundError: If *user_id* is no account of this clinic.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        if isinstance(request.user_id, UUID):
            uow.users.get(request.user_id)
        before = uow.doctors.get(doctor_id)
        require_version(before, version)
        doctor = before.changed(changes(request))
        uow.doctors.save(doctor)
        uow.record("doctor.changed", doctor, facts={"fields": sorted(changes(request))})
        uow.commit()
    return doctor


@retried
def remove(
    doctor_id: DoctorId,
    uow: UnitOfWork,
    version: int | None = None,
) -> None:
    """
    Remove a doctor who never had a visit; an account with their diary has none then.

    Who waits for a time of theirs waits no longer.

    Args:
        version: The one that is meant; None for any.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        StaleVersionError: If it has another *version*.
        DoctorHasVisitsError: If there is any visit, or any of a series that was
            booked with the doctor; future ones are named first.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        doctor = held_doctor(doctor_id, (), uow)
        require_version(doctor, version)
        today = uow.clinic.today(uow.now)
        ten = PageRequest(limit=10)
        visits = (
            uow.appointments.page(
                AppointmentFilter(doctor_id=doctor_id, first=today), ten
            ).items
            or uow.appointments.page(AppointmentFilter(doctor_id=doctor_id), ten).items
            or uow.appointments.of_series_with(doctor_id, ten.limit)
        )
        if visits:
            raise DoctorHasVisitsError(doctor_id, tuple(visit.id for visit in visits))
        for offer in uow.waitlist.open_offers_with(doctor_id):
            end_offer(offer, Outcome.WITHDRAWN, uow)
        waitlist.remove(uow.waitlist.of_doctor(doctor_id), uow)
        for user in uow.users.of_doctor(doctor_id):
            uow.users.save(user.changed({"doctor_id": None}, uow.now))
            uow.record("user.changed", user, facts={"fields": ["doctor_id"]})
        uow.doctors.remove(doctor_id)
        uow.origins.forget("doctor", doctor_id)
        uow.record("doctor.removed", doctor)
        uow.commit()


def get(doctor_id: DoctorId, uow: UnitOfWork) -> Doctor:
    """
    Raises:
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        return uow.doctors.get(doctor_id)


def page(request: PageRequest, uow: UnitOfWork) -> Page[Doctor]:
    """Return a part of the doctors, by name."""
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        return uow.doctors.page(request)


def known(uow: UnitOfWork) -> tuple[Doctor, ...]:
    """Return the doctors whom one chooses from, by name, at most `MOST_DOCTORS`."""
    return page(PageRequest(limit=MOST_DOCTORS), uow).items


def page_with_hours(request: PageRequest, uow: UnitOfWork) -> Page[DoctorWithHours]:
    """Return a part of the doctors, by name, each with the weekly hours."""
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        found = uow.doctors.page(request)
        weeks = uow.doctors.hours_of_all([doctor.id for doctor in found.items])
        items = (DoctorWithHours(each, weeks[each.id]) for each in found.items)
        return Page(tuple(items), found.next)


def hours(doctor_id: DoctorId, uow: UnitOfWork) -> Week:
    """
    Return a doctor's weekly hours.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        doctor = uow.doctors.get(doctor_id)
        return Week(hours=uow.doctors.hours_of(doctor_id), version=doctor.version)


@retried
def set_hours(
    doctor_id: DoctorId,
    request: SetHours,
    uow: UnitOfWork,
    version: int | None = None,
) -> Week:
    """
    Replace a doctor's weekly hours; visits outside the new ones stay.

    What comes free is offered to those who wait for it.

    Args:
        version: Of the doctor, for which the hours are meant; None for any.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        StaleVersionError: If the doctor has another *version*.
        InvalidError: If two stretches overlap.
    """
    week = tuple(WorkingHours(s.weekday, s.start, s.end) for s in request.hours)
    if clash := overlapping_hours(week):
        detail = f"overlaps the stretch at position {clash[0]}"
        raise InvalidError((Problem(f"/hours/{clash[1]}", detail),))
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        known = held_doctor(doctor_id, (), uow)
        require_version(known, version)
        before = calendar_to_come(doctor_id, uow)
        freed = new_time(before, Calendar(week, before.dated), doctor_id, uow)
        waiting = who_waits(doctor_id, freed, uow)
        held_doctor(doctor_id, waiting, uow)
        doctor = known.changed({})
        uow.doctors.save(doctor)
        uow.doctors.set_hours(doctor_id, week)
        kept = uow.doctors.hours_of(doctor_id)
        uow.record("doctor.hours-set", doctor, facts={"stretches": len(week)})
        offer_time(doctor_id, freed, waiting, uow)
        uow.commit()
    return Week(hours=kept, version=doctor.version)


def new_doctor(request: AddDoctor, uow: UnitOfWork) -> Doctor:
    """
    Return the doctor that *request* describes, not yet stored.

    Raises:
        UserNotFoundError: If *user_id* is no account of this clinic.
    """
    if request.user_id is not None:
        uow.users.get(request.user_id)
    return Doctor(
        id=DoctorId(uuid4()),
        user_id=request.user_id,
        name=request.name,
        initials=request.initials,
        specialty=request.specialty,
        color=request.color,
        created_at=uow.now,
    )
