"""Calendars: when doctors work, and what changing that means for their visits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import islice
from uuid import uuid4

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most, text
from clinicflow_core.desk.lists import every
from clinicflow_core.desk.offers import People, held, offer_time, who_waits
from clinicflow_core.desk.placing import bookable_day
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.appointment import TO_COME, Appointment
from clinicflow_core.entities.calendar import Calendar, DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.doctor import (
    WEEKDAYS,
    Doctor,
    Weekday,
    WorkingHours,
    overlapping_hours,
)
from clinicflow_core.entities.ids import DoctorId, TimeOffId
from clinicflow_core.entities.waitlist import WaitlistEntry
from clinicflow_core.errors import InvalidError, Problem, TimeOffNotFoundError
from clinicflow_core.ports import AppointmentFilter, Page, UnitOfWork
from clinicflow_core.scheduling.conflicts import ConflictKind
from clinicflow_core.scheduling.diary import days_of
from clinicflow_core.scheduling.hours import working_spans
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import TimeSpan, local_day
from clinicflow_core.wire import LocalDateTime

MOST_STRETCHES = 50
"""How many stretches a week, or a day of its own, may have."""

DAYS_OFFERED = 366
"""How far ahead new hours are offered to those who wait."""

MOST_STRANDED = 500
"""How many stranded visits the answer to new time off lists."""

_DAY = timedelta(days=1)
_TIME_OFF = ConflictKind.TIME_OFF.value


@frozen(kw_only=True)
class SetDatedHours:
    """
    The hours of one day, instead of the weekly ones.

    Attributes:
        hours: None gives the day its weekly hours again; an empty list leaves it
            without any.
    """

    date: date = field(validator=bookable_day)
    hours: tuple[DayStretch, ...] | None = field(
        default=None, validator=at_most(MOST_STRETCHES)
    )


@frozen(kw_only=True)
class TakeTimeOff:
    """Time in which a doctor does not work, by the clinic's wall clock."""

    starts: LocalDateTime = field(validator=bookable_day)
    ends: LocalDateTime = field(validator=bookable_day)
    reason: str | None = field(default=None, repr=False, validator=text(500))

    def __attrs_post_init__(self) -> None:
        if self.ends <= self.starts:
            raise InvalidError((Problem("/ends", "must be after the start"),))


@frozen(kw_only=True)
class TimeOffTaken:
    """
    Time off, and what it means for the doctor's visits.

    Attributes:
        stranded: The visits that it leaves stranded, by start; at most
            `MOST_STRANDED`.
    """

    time_off: TimeOff
    stranded: tuple[Appointment, ...]

    @property
    def id(self) -> TimeOffId:
        return self.time_off.id


@frozen(kw_only=True)
class KeptDay:
    """
    The hours of one day.

    Attributes:
        version: Of the doctor, which new hours change.
    """

    day: DatedHours
    version: int


@frozen(kw_only=True)
class WhichDays:
    """Which days with hours of their own; without bounds those of the year to come."""

    from_: date | None = field(default=None, validator=bookable_day)
    to: date | None = field(default=None, validator=bookable_day)


def dated_hours(
    doctor_id: DoctorId, request: WhichDays, uow: UnitOfWork
) -> Page[DatedHours]:
    """
    Return the days on which a doctor has other hours than the weekly ones, by date.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        uow.doctors.get(doctor_id)
        first = request.from_ or uow.clinic.today(uow.now)
        last = request.to or first + DAYS_OFFERED * _DAY
        return Page(uow.doctors.dated_hours_of(doctor_id, first, last))


@retried
def set_dated_hours(
    doctor_id: DoctorId,
    request: SetDatedHours,
    uow: UnitOfWork,
    version: int | None = None,
) -> KeptDay:
    """
    Give one day other hours than its weekly ones, or its weekly ones again.

    Visits outside the new hours stay; what comes free is offered to those who wait.

    Args:
        version: Of the doctor, for which the hours are meant; None for any.

    Returns:
        The hours that the day has from then on.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        StaleVersionError: If the doctor has another *version*.
        InvalidError: If two stretches overlap.
    """
    day = request.date
    if clash := _overlapping(request.hours or ()):
        detail = f"overlaps the stretch at position {clash[0]}"
        raise InvalidError((Problem(f"/hours/{clash[1]}", detail),))
    hours = request.hours and tuple(sorted(request.hours, key=lambda s: s.start))
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        known = held_doctor(doctor_id, (), uow)
        require_version(known, version)
        before = calendar_to_come(doctor_id, uow)
        others = tuple(each for each in before.dated if each.date != day)
        own = () if hours is None else (DatedHours(day, hours),)
        after = Calendar(before.weekly, (*others, *own))
        freed = new_time(before, after, doctor_id, uow, day)
        waiting = who_waits(doctor_id, freed, uow)
        held_doctor(doctor_id, waiting, uow)
        doctor = known.changed({})
        uow.doctors.save(doctor)
        uow.doctors.set_dated_hours(doctor_id, day, hours)
        facts = {"date": day.isoformat(), "weekly": hours is None}
        uow.record("doctor.dated-hours-set", doctor, facts=facts)
        offer_time(doctor_id, freed, waiting, uow)
        uow.commit()
    if hours is None:
        weekday = WEEKDAYS[day.weekday()]
        of_day = (s for s in before.weekly if s.weekday is weekday)
        hours = tuple(DayStretch(s.start, s.end) for s in of_day)
    return KeptDay(day=DatedHours(day, hours), version=doctor.version)


def time_off(doctor_id: DoctorId, uow: UnitOfWork) -> Page[TimeOff]:
    """
    Return a doctor's time off that is not over, by start.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        uow.doctors.get(doctor_id)
        return Page(uow.doctors.time_off_of(doctor_id, uow.clinic.today(uow.now)))


@retried
def take_time_off(
    doctor_id: DoctorId, request: TakeTimeOff, uow: UnitOfWork
) -> TimeOffTaken:
    """
    Keep a time in which a doctor does not work; visits in it stay, and are listed.

    `schedule.stranded` goes on listing them until each is moved or cancelled.

    Raises:
        DoctorNotFoundError: If there is no such doctor.
        InvalidError: If clocks never show any of it.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        off = TimeOff(
            id=TimeOffId(uuid4()),
            doctor_id=doctor_id,
            starts=request.starts,
            ends=request.ends,
            reason=request.reason,
            created_at=uow.now,
        )
        span = off.span(uow.clinic.zone)
        if span is None:
            raise InvalidError((Problem("/ends", "is skipped by a clock change"),))
        held_doctor(doctor_id, (), uow)
        uow.doctors.add_time_off(off)
        taken = TimeOffTaken(time_off=off, stranded=_in_the_way(doctor_id, span, uow))
        facts = {
            "doctor_id": str(doctor_id),
            "starts": off.starts.isoformat(),
            "ends": off.ends.isoformat(),
            "stranded": [str(visit.id) for visit in taken.stranded],
        }
        uow.record("doctor.time-off-taken", taken, facts=facts)
        uow.commit()
    return taken


@retried
def give_time_off_back(
    doctor_id: DoctorId, time_off_id: TimeOffId, uow: UnitOfWork
) -> None:
    """
    Remove a doctor's time off; what comes free is offered to those who wait.

    Raises:
        TimeOffNotFoundError: If the doctor has no such time off.
    """
    with uow:
        uow.actor.must(Permission.KEEP_DOCTORS)
        off = uow.doctors.get_time_off(time_off_id)
        if off.doctor_id != doctor_id:
            raise TimeOffNotFoundError(time_off_id)
        span = off.span(uow.clinic.zone)
        freed = _soon([span] if span else [], uow)
        waiting = who_waits(doctor_id, freed, uow)
        held_doctor(doctor_id, waiting, uow)
        uow.doctors.get_time_off(time_off_id)  # Somebody may have been faster.
        uow.doctors.remove_time_off(time_off_id)
        uow.record("doctor.time-off-given-back", off)
        offer_time(doctor_id, freed, waiting, uow)
        uow.commit()


def held_doctor(
    doctor_id: DoctorId, waiting: Sequence[WaitlistEntry], uow: UnitOfWork
) -> Doctor:
    """
    Return the doctor, held together with the patients of those who wait.

    Whoever books for the doctor reads the calendar: nobody does so meanwhile.
    """
    today = local_day(uow.clinic.today(uow.now), uow.clinic.zone)
    also = People((), [entry.patient_id for entry in waiting])
    return held(People([doctor_id]), also, today, uow).doctors[doctor_id]


def calendar_to_come(doctor_id: DoctorId, uow: UnitOfWork) -> Calendar:
    """Return a doctor's hours of the days that are offered to those who wait."""
    today = uow.clinic.today(uow.now)
    last = today + (DAYS_OFFERED + 1) * _DAY
    return Calendar(
        uow.doctors.hours_of(doctor_id),
        uow.doctors.dated_hours_of(doctor_id, today - _DAY, last),
    )


def new_time(
    before: Calendar,
    after: Calendar,
    doctor_id: DoctorId,
    uow: UnitOfWork,
    day: date | None = None,
) -> list[TimeSpan]:
    """
    Return when a doctor works by *after* and not by *before*, on *day* or soon.

    It is nothing if nobody waits for it. The doctor must be held.
    """
    today = uow.clinic.today(uow.now)
    # What runs past midnight can lie in the work of the day after.
    first, last = (day, day + _DAY) if day else (today, today + DAYS_OFFERED * _DAY)
    if not uow.waitlist.waiting(doctor_id, first - _DAY, last + _DAY, limit=1):
        return []
    new, old = (
        working_spans(each.weekly, first, last, uow.clinic.zone, each.dated)
        for each in (after, before)
    )
    return _soon(free_spans(new, old), uow)


def _soon(spans: Iterable[TimeSpan], uow: UnitOfWork) -> list[TimeSpan]:
    """Return what of *spans* lies in the time that is offered to those who wait."""
    until = uow.now + DAYS_OFFERED * _DAY
    return [
        TimeSpan(max(span.start, uow.now), min(span.end, until))
        for span in spans
        if span.end > uow.now and span.start < until
    ]


def _overlapping(stretches: Sequence[DayStretch]) -> tuple[int, int] | None:
    return overlapping_hours(
        WorkingHours(Weekday.MONDAY, each.start, each.end) for each in stretches
    )


def _in_the_way(
    doctor_id: DoctorId, span: TimeSpan, uow: UnitOfWork
) -> tuple[Appointment, ...]:
    first, last = days_of(span, uow.clinic.zone)
    which = AppointmentFilter(
        doctor_id=doctor_id,
        first=max(first, uow.clinic.today(uow.now)) - _DAY,
        last=last,
    )
    found = (
        visit
        for visit in every(lambda part: uow.appointments.page(which, part))
        if visit.status in TO_COME
        and visit.starts_at > uow.now
        and visit.span.overlaps(span)
        and not (visit.override and _TIME_OFF in visit.override.conflicts)
    )
    return tuple(islice(found, MOST_STRANDED))
