"""What happens in the demo's clinic: the same at the same time, whoever looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from random import Random

from attrs import frozen

from clinicflow_cli.composition import Database
from clinicflow_cli.demo import SEED, TIMEZONES, visits, waiting
from clinicflow_cli.demo.opening import is_open, minutes_before, opening
from clinicflow_cli.demo.plan import AWAY, DAYS, FormFate, TimeAway
from clinicflow_cli.demo.planning import make_plan, with_somebody_there
from clinicflow_cli.demo.staff import (
    CHEN,
    OWNER,
    RECEPTION,
    Account,
    Staff,
    found,
)
from clinicflow_cli.demo.stage import BegunForm, MovableClock, Stage
from clinicflow_core.desk import booking, calendars, schedule
from clinicflow_core.desk.lists import every
from clinicflow_core.entities.appointment import TO_COME, Appointment, Status, VisitType
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import AppointmentId, FormId
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.timespan import wall_clock, zone_of
from clinicflow_core.wire import LocalDateTime

_DAY = timedelta(days=1)
_FOUNDED = 30 * _DAY
_WEEKLY_BOOKED = 20 * _DAY
_MINUTES_SINCE_TIME_OFF = 200


@frozen
class DoubleBooking:
    """A booking that was tried on top of another one, and its refusal."""

    wanted: booking.BookAppointment
    refusal: BookingConflictError


@frozen(kw_only=True)
class Notable:
    """
    Visits worth a look.

    Attributes:
        waiting: Whose patient is there; None while the clinic is closed.
        next: The next one to come of which nobody has arrived.
        open: It is over, and nobody has noted what became of it.
        stranded: Its doctor took time off after it was booked.
    """

    waiting: AppointmentId | None
    next: AppointmentId
    completed: AppointmentId
    missed: AppointmentId
    cancelled: AppointmentId
    moved: AppointmentId
    overbooked: AppointmentId
    virtual: AppointmentId
    weekly: AppointmentId
    open: AppointmentId
    stranded: AppointmentId


@frozen(kw_only=True)
class Story:
    """
    What was made: a clinic, and a double booking that was refused.

    Attributes:
        accounts: Of the owner, the reception and a doctor.
        begun: A form of which a patient has filled in a part.
        forms: One of the doctor's for each fate; the submitted one has a red flag.
        day: Today at the clinic.
        first_day: From this one on there are visits each day, for a fortnight.
    """

    clinic: Clinic
    accounts: tuple[Account, ...]
    begun: BegunForm
    forms: Mapping[FormFate, FormId]
    visits: Notable
    day: schedule.Day
    first_day: date
    tried: DoubleBooking


def tell_story(
    database: Database,
    now: datetime,
    seed: int = SEED,
    timezone: str = TIMEZONES[0],
) -> Story:
    """
    Fill an empty *database* with the demo's clinic in *timezone*, as it is at *now*.

    The same *now* and *seed* give the same record but for ids and secrets. What is
    over by *now* has happened, act by act and in order; the rest is ahead.
    """
    zone = zone_of(timezone)
    today = wall_clock(now, zone).date()
    clock = MovableClock(opening(today - _FOUNDED, zone).start)
    staff = found(database.open_store(clock), timezone)
    stage = Stage(clock=clock, staff=staff)
    plan = make_plan(today, zone, staff.patients.values(), Random(seed))  # noqa: S311  No secret.
    if is_open(now, zone):
        plan = with_somebody_there(plan, now)
    plan = waiting.give_way(plan, now, zone)
    for repeated in plan.weekly:
        booked = opening(today - _WEEKLY_BOOKED, zone).start
        visits.expect_weekly(repeated, booked, stage)
    for planned in plan.visits:
        visits.expect(planned, stage)
    for away in AWAY:
        taken = minutes_before(now, _MINUTES_SINCE_TIME_OFF, zone)
        stage.at(taken, partial(_take_time_off, away, today, staff))
    waiting.expect(plan, now, stage)
    stage.play(now)
    assert stage.begun is not None
    return Story(
        clinic=staff.clinic,
        accounts=(OWNER, RECEPTION, CHEN),
        begun=stage.begun,
        forms=stage.forms,
        visits=_notable(now, staff),
        day=schedule.day(today, [], staff.reception),
        first_day=today + DAYS[0] * _DAY,
        tried=_refused_on(today + _DAY, staff),
    )


def where_it_is_open(now: datetime) -> str:
    """Return the first time zone in which the clinic is open; the first if none is."""
    is_day = (zone for zone in TIMEZONES if is_open(now, zone_of(zone)))
    return next(is_day, TIMEZONES[0])


def _take_time_off(away: TimeAway, today: date, staff: Staff) -> None:
    first, last = today + away.first_day * _DAY, today + away.last_day * _DAY
    time_off = calendars.TakeTimeOff(
        starts=LocalDateTime(datetime.combine(first, away.starts)),
        ends=LocalDateTime(datetime.combine(last, away.ends)),
        reason=away.reason,
    )
    calendars.take_time_off(staff.doctors[away.doctor].id, time_off, staff.reception)


def _notable(now: datetime, staff: Staff) -> Notable:
    desk = staff.reception
    which = AppointmentFilter()
    everything = list(every(lambda part: booking.page(which, part, desk)))
    to_come = [visit for visit in everything if visit.status in TO_COME]
    names = {doctor.id: doctor.name for doctor in staff.doctors.values()}

    def nearest(visits: Iterable[Appointment]) -> AppointmentId:
        return min(
            visits, key=lambda v: (abs(v.starts_at - now), names[v.doctor_id])
        ).id

    def nearest_in(status: Status) -> AppointmentId:
        return nearest(visit for visit in everything if visit.status is status)

    there = [visit for visit in to_come if visit.arrived]
    [stranded] = schedule.stranded(PageRequest(limit=1), desk).items
    return Notable(
        waiting=nearest(there) if there else None,
        next=nearest(v for v in to_come if not v.arrived and v.starts_at > now),
        completed=nearest_in(Status.COMPLETED),
        missed=nearest_in(Status.NO_SHOW),
        cancelled=nearest_in(Status.CANCELLED),
        moved=nearest(visit for visit in everything if visit.times_moved),
        overbooked=nearest(visit for visit in everything if visit.overbooked),
        virtual=nearest(v for v in to_come if v.visit_type is VisitType.VIRTUAL),
        weekly=nearest(visit for visit in to_come if visit.series_id),
        open=nearest(v for v in to_come if not v.arrived and v.ends_at <= now),
        stranded=stranded.appointment.id,
    )


def _refused_on(day: date, staff: Staff) -> DoubleBooking:
    """Try to book into the middle of the first visit of *day* that holds its time."""
    shown = schedule.day(day, [], staff.reception)
    booked = [v.appointment for doctor in shown.doctors for v in doctor.visits]
    taken = min(
        (visit for visit in booked if visit.holds_its_time and visit.duration > 15),
        key=lambda visit: visit.starts_at,
    )
    busy = {visit.patient_id for visit in booked}
    start = datetime.combine(taken.date, taken.start_time) + timedelta(minutes=10)
    wanted = booking.BookAppointment(
        doctor_id=taken.doctor_id,
        patient_id=next(p.id for p in staff.patients.values() if p.id not in busy),
        date=taken.date,
        start_time=start.time(),
    )
    try:
        booking.book(wanted, staff.reception)
    except BookingConflictError as refusal:
        return DoubleBooking(wanted, refusal)
    raise AssertionError("a time was sold twice")
