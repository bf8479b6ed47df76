"""The schedule: what a clinic's days look like, and who cannot be seen any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import booking, undoing
from clinicflow_core.desk.booking import Move
from clinicflow_core.desk.intake import ListedForm, listed
from clinicflow_core.desk.lists import AT_ONCE, every
from clinicflow_core.desk.placing import FIRST_YEAR, LAST_YEAR
from clinicflow_core.entities.appointment import (
    HOLDING,
    TO_COME,
    Appointment,
    Cancellation,
    Step,
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
from clinicflow_core.scheduling.diary import Diary, days_of
from clinicflow_core.scheduling.hours import within
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import (
    TimeSpan,
    each_day,
    local_days,
    midnight,
    wall_clock,
)

MOST_VISITS = 2000
"""More than these a day does not show, nor a week more of each day."""

_DAY = timedelta(days=1)


@frozen(kw_only=True)
class DaySpan:
    """
    A stretch of time that lies on a day; wall clock and instants.

    It may begin the day before and end the day after: the instants tell.
    """

    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime

    @property
    def span(self) -> TimeSpan:
        return TimeSpan(self.starts_at, self.ends_at)


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
        working: When the hours let the doctor work, by start. A night is whole on
            both its days, as an offer and time off are.
        time_off: What is taken off on that day, by start.
        closed: Whether the clinic is closed for the doctor; then the hours do not
            count.
        offered: What is held for somebody on the waitlist, by start.
        free: What time off, visits and offers leave of the hours, by start; cut to
            the day. A visit that shares its doctor's time takes none.
        visits: Those that begin on that day, by start.
        going_on: Those that began before and are not over as the day begins, by
            start; only those that take place.
    """

    doctor: Doctor
    working: tuple[DaySpan, ...]
    time_off: tuple[TimeOff, ...]
    closed: bool
    offered: tuple[DaySpan, ...]
    free: tuple[DaySpan, ...]
    visits: tuple[ScheduledVisit, ...]
    going_on: tuple[ScheduledVisit, ...]


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
        undoable: The step that `undoing.undo` takes back, if it may.
        events: All that happened to it, oldest first.
    """

    appointment: Appointment
    patient_name: str = field(repr=False)
    doctor: Doctor
    form: ListedForm | None
    cancellation: Cancellation | None
    moves: tuple[Move, ...]
    undoable: Step | None
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
    first `MOST_VISITS` by start, for which those of the day before count once more.

    Args:
        on: The day; None is today in the clinic's time zone.
        doctor_ids: Whose diaries; empty for all doctors.

    Raises:
        InvalidError: If no visit can be on that day.
        DoctorNotFoundError: If one of *doctor_ids* is not there.
    """
    with uow:
        on = on or uow.clinic.today(uow.now)
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
        of = of or uow.clinic.today(uow.now)
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
            undoable=undoing.undoable(events, uow.actor),
            events=events,
        )


def stranded(
    request: PageRequest, uow: UnitOfWork, doctor_id: DoctorId | None = None
) -> Page[StrandedVisit]:
    """
    Return a part of the visits to come whose doctor is not there any more, by start.

    Each stays until it is moved or cancelled, or the doctor is there again. One that
    was booked against just these rules on purpose is none of them. A doctor sees
    their own alone.

    Args:
        doctor_id: Whose; None for those of all doctors.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        if doctor_id is not None:
            uow.actor.must_see_diary(doctor_id)
        today = uow.clinic.today(uow.now)
        which = AppointmentFilter(first=today, doctor_id=doctor_id or own)
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
    nearby = uow.appointments.page(
        AppointmentFilter(
            first=first - _DAY,  # What runs past midnight began the day before.
            last=last,
            doctor_id=doctor_ids[0] if len(doctor_ids) == 1 else None,
        ),
        PageRequest(limit=(count + 1) * MOST_VISITS),
    ).items
    visits = [visit for visit in nearby if _last_day(visit, zone) >= first]
    patient_ids = {visit.patient_id for visit in visits}
    patients = uow.patients.named(patient_ids)
    flagged = uow.summaries.flagged(patient_ids)
    on_day = _by_day(
        (
            ScheduledVisit(
                appointment=visit,
                patient_name=patients[visit.patient_id].full_name,
                flagged=visit.status in TO_COME and visit.id in flagged,
            )
            for visit in visits
        ),
        zone,
    )
    offers = _offers(diary)
    for on in each_day(first, last):
        yield Day(
            date=on,
            timezone=uow.clinic.timezone,
            doctors=tuple(
                _doctor_day(doctor, on, diary, on_day[doctor.id, on], offers[doctor.id])
                for doctor in doctors
            ),
        )


def _last_day(visit: Appointment, zone: ZoneInfo) -> date:
    """Return the last day that *visit* lies on; one that falls ends as it begins."""
    if visit.status not in HOLDING:
        return visit.date
    return max(visit.date, days_of(visit.span, zone)[1])


def _by_day(
    visits: Iterable[ScheduledVisit], zone: ZoneInfo
) -> Mapping[tuple[DoctorId, date], list[ScheduledVisit]]:
    """Return the visits of each doctor on each day; over midnight they are on both."""
    found: defaultdict[tuple[DoctorId, date], list[ScheduledVisit]] = defaultdict(list)
    for each in visits:
        visit = each.appointment
        for on in each_day(visit.date, _last_day(visit, zone)):
            found[visit.doctor_id, on].append(each)
    return found


def _offers(diary: Diary) -> Mapping[DoctorId, list[TimeSpan]]:
    """Return what is held of each doctor's time for somebody on the waitlist."""
    found: defaultdict[DoctorId, list[TimeSpan]] = defaultdict(list)
    for taken in diary.busy:
        if taken.is_offer and taken.doctor_id is not None:
            found[taken.doctor_id].append(taken.span)
    return found


def _doctor_day(
    doctor: Doctor,
    on: date,
    diary: Diary,
    visits: Sequence[ScheduledVisit],
    offers: Iterable[TimeSpan],
) -> DoctorDay:
    zone = diary.zone
    whole = next(local_days([on], zone), None)  # None if clocks skip the day.

    def lies_on_it(span: TimeSpan | None) -> bool:
        return bool(span and whole and span.overlaps(whole))

    working = diary.working_spans(doctor.id, on, on)
    closed = bool(diary.closed_spans(doctor.id, on, on))
    taken = [*diary.time_off_spans(doctor.id), *diary.visits_of_doctor(doctor.id)]
    worked = within(working, whole) if whole and not closed else ()
    return DoctorDay(
        doctor=doctor,
        working=tuple(_shown(span, zone) for span in working),
        time_off=tuple(
            off
            for off in diary.calendar_of(doctor.id).time_off
            if lies_on_it(off.span(zone))
        ),
        closed=closed,
        offered=tuple(_shown(span, zone) for span in offers if lies_on_it(span)),
        free=tuple(
            _shown(span, zone)
            for span in free_spans(worked, list(filter(lies_on_it, taken)))
        ),
        visits=tuple(each for each in visits if each.appointment.date == on),
        going_on=tuple(
            each
            for each in visits
            if each.appointment.date < on and lies_on_it(each.appointment.span)
        ),
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
