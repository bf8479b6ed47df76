"""The schedule: what a clinic's days look like, and who cannot be seen any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import Move
from clinicflow_core.desk.intake import ListedForm, listed
from clinicflow_core.desk.lists import AT_ONCE, every
from clinicflow_core.desk.placing import FIRST_YEAR, LAST_YEAR
from clinicflow_core.entities.appointment import (
    HOLDING,
    TO_COME,
    Appointment,
    Cancellation,
)
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId, DoctorId
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.ports import (
    AppointmentFilter,
    Page,
    PageRequest,
    UnitOfWork,
)
from clinicflow_core.scheduling.conflicts import (
    ATTENDANCE_RULES,
    Conflict,
    find_conflicts,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan, local_days, midnight, wall_clock

MOST_VISITS = 2000
"""More than these a day does not show, nor a week more of each day."""

_DAY = timedelta(days=1)


@frozen(kw_only=True)
class DaySpan:
    """A stretch of a day; wall clock and instants."""

    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime


@frozen(kw_only=True)
class ScheduledVisit:
    """
    A visit with the name of its patient.

    Attributes:
        flagged: Whether it is to come and its intake form has a red flag.
    """

    appointment: Appointment
    patient_name: str = field(repr=False)
    flagged: bool = False


@frozen(kw_only=True)
class DoctorDay:
    """
    One doctor's day.

    Attributes:
        working: When the hours let the doctor work, by start.
        time_off: What is taken off on that day, by start.
        closed: Whether the clinic is closed for the doctor; then the hours do not
            count.
        offered: What is held for somebody on the waitlist, by start.
        visits: By start.
    """

    doctor: Doctor
    working: tuple[DaySpan, ...]
    time_off: tuple[TimeOff, ...]
    closed: bool
    offered: tuple[DaySpan, ...]
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


@frozen(kw_only=True)
class ScheduleWeek:
    """
    A clinic's week.

    Attributes:
        date: Its Monday.
        days: From Monday to Sunday.
    """

    date: date
    timezone: str
    days: tuple[Day, ...]


@frozen(kw_only=True)
class VisitDetails:
    """
    A visit with what there is to know of it at the desk.

    Attributes:
        form: Its intake form that is not revoked, if there is one, without answers.
        cancellation: Why it does not take place, if it does not.
        moves: From where to where it was moved, oldest first.
        events: All that happened to it, oldest first.
    """

    appointment: Appointment
    patient_name: str = field(repr=False)
    doctor: Doctor
    form: ListedForm | None
    cancellation: Cancellation | None
    moves: tuple[Move, ...]
    events: tuple[Event, ...]


@frozen(kw_only=True)
class StrandedVisit:
    """
    A visit whose doctor is not there any more.

    Attributes:
        conflicts: Why: time off, a closed day, or other hours than before.
    """

    appointment: Appointment
    conflicts: tuple[Conflict, ...]

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: that of the visits."""
        return self.appointment.sort_key


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
    with uow:
        on = on or wall_clock(uow.now, uow.clinic.zone).date()
        [shown] = _days(on, 1, doctor_ids, uow)
        return shown


def week(
    of: date | None, doctor_ids: Sequence[DoctorId], uow: UnitOfWork
) -> ScheduleWeek:
    """
    Return the clinic's week, as `day` does each of its days.

    Args:
        of: Any day of it; None is today in the clinic's time zone.

    Raises:
        InvalidError: If no visit can be on one of its days.
        DoctorNotFoundError: If one of *doctor_ids* is not there.
    """
    with uow:
        of = of or wall_clock(uow.now, uow.clinic.zone).date()
        monday = of - of.weekday() * _DAY
        return ScheduleWeek(
            date=monday,
            timezone=uow.clinic.timezone,
            days=tuple(_days(monday, 7, doctor_ids, uow)),
        )


def visit(appointment_id: AppointmentId, uow: UnitOfWork) -> VisitDetails:
    """
    Return a visit with what there is to know of it at the desk.

    As with the names in a day, the trail notes no reading.

    Raises:
        AppointmentNotFoundError: If there is no such visit.
        NotPermittedError: If it is in a diary that the actor may not see.
    """
    with uow:
        found = booking.seen(appointment_id, uow)
        patients = uow.patients.named({found.patient_id})
        form = uow.intake_forms.current_of(found.id)
        flagged = uow.summaries.flagged({found.patient_id})
        given_up = uow.appointments.cancellations_of(found.id)
        events = uow.events.of(found.id)
        fell = found.status not in HOLDING
        return VisitDetails(
            appointment=found,
            patient_name=patients[found.patient_id].full_name,
            doctor=uow.doctors.get(found.doctor_id),
            form=None if form is None else listed(form, flagged=form.id in flagged),
            cancellation=given_up[-1] if given_up and fell else None,
            moves=booking.moves_among(events),
            events=events,
        )


def stranded(request: PageRequest, uow: UnitOfWork) -> Page[StrandedVisit]:
    """
    Return a part of the visits to come whose doctor is not there any more, by start.

    Each stays until it is moved or cancelled, or the doctor is there again. One that
    was booked against just these rules on purpose is none of them. A doctor sees
    their own alone.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        today = wall_clock(uow.now, uow.clinic.zone).date()
        which = AppointmentFilter(first=today, doctor_id=own)
        visits = every(lambda part: uow.appointments.page(which, part), request.after)
        found: list[StrandedVisit] = []
        while len(found) <= request.limit and (some := list(islice(visits, AT_ONCE))):
            found += _stranded_among(some, uow)
        items = tuple(found[: request.limit])
        more = len(found) > len(items)
        return Page(items, items[-1].sort_key if more else None)


def _days(
    first: date, count: int, doctor_ids: Sequence[DoctorId], uow: UnitOfWork
) -> Iterator[Day]:
    earliest, latest = date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31)
    if not earliest <= first <= latest - (count - 1) * _DAY:
        detail = f"must be in the years {FIRST_YEAR} to {LAST_YEAR}"
        raise InvalidError((Problem("/date", detail),))
    last = first + (count - 1) * _DAY
    own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
    for doctor_id in doctor_ids:
        uow.actor.must_see_diary(doctor_id)
    if own is not None:
        doctor_ids = [own]
    zone = uow.clinic.zone
    # A day that clocks skip begins and ends as the next one begins.
    window = TimeSpan(midnight(first, zone), midnight(last + 2 * _DAY, zone))
    diary = uow.diaries.read(doctor_ids or None, [], window)
    doctors = [diary.doctors[i] for i in doctor_ids] or list(diary.doctors.values())
    visits = uow.appointments.page(
        AppointmentFilter(first=first, last=last, doctor_id=own),
        PageRequest(limit=count * MOST_VISITS),
    ).items
    patient_ids = {visit.patient_id for visit in visits}
    patients = uow.patients.named(patient_ids)
    flagged = uow.summaries.flagged(patient_ids)
    for offset in range(count):
        on = first + offset * _DAY
        yield Day(
            date=on,
            timezone=uow.clinic.timezone,
            doctors=tuple(
                _doctor_day(
                    doctor,
                    on,
                    diary,
                    tuple(
                        ScheduledVisit(
                            appointment=visit,
                            patient_name=patients[visit.patient_id].full_name,
                            flagged=visit.status in TO_COME and visit.id in flagged,
                        )
                        for visit in visits
                        if visit.doctor_id == doctor.id and visit.date == on
                    ),
                )
                for doctor in doctors
            ),
        )


def _doctor_day(
    doctor: Doctor, on: date, diary: Diary, visits: tuple[ScheduledVisit, ...]
) -> DoctorDay:
    zone = diary.zone
    whole = next(local_days([on], zone), None)
    return DoctorDay(
        doctor=doctor,
        working=tuple(
            _shown(span, zone) for span in diary.working_spans(doctor.id, on, on)
        ),
        time_off=tuple(
            off
            for off in diary.calendar_of(doctor.id).time_off
            if whole and (span := off.span(zone)) and span.overlaps(whole)
        ),
        closed=bool(diary.closed_spans(doctor.id, on, on)),
        offered=tuple(
            _shown(taken.span, zone)
            for taken in diary.busy
            if taken.is_offer
            and taken.doctor_id == doctor.id
            and wall_clock(taken.span.start, zone).date() == on
        ),
        visits=visits,
    )


def _shown(span: TimeSpan, zone: ZoneInfo) -> DaySpan:
    return DaySpan(
        start_time=wall_clock(span.start, zone).time(),
        end_time=wall_clock(span.end, zone).time(),
        starts_at=span.start,
        ends_at=span.end,
    )


def _stranded_among(
    visits: Sequence[Appointment], uow: UnitOfWork
) -> Iterable[StrandedVisit]:
    window = TimeSpan(visits[0].starts_at, max(visit.ends_at for visit in visits))
    doctor_ids = {visit.doctor_id for visit in visits}
    diary = uow.diaries.read(doctor_ids, [], window)
    for visit in visits:
        if visit.status in TO_COME and visit.starts_at > uow.now:
            known = visit.override.conflicts if visit.override else ()
            conflicts = tuple(
                conflict
                for conflict in find_conflicts(visit, diary, ATTENDANCE_RULES)
                if conflict.kind.value not in known
            )
            if conflicts:
                yield StrandedVisit(appointment=visit, conflicts=conflicts)
