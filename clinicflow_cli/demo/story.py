"""What happens in the demo's clinic: the same on the same day, whoever looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from importlib.resources import files
from itertools import count, cycle
from typing import BinaryIO, cast

from attrs import define, frozen

from clinicflow_cli.composition import Database, program
from clinicflow_core.desk import (
    accounts,
    booking,
    calendars,
    doctors,
    register,
    schedule,
    series,
    waitlist,
)
from clinicflow_core.desk.imports import Refusal, import_doctors, import_patients
from clinicflow_core.entities.appointment import (
    Appointment,
    CancellationType,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.interchange.lines import Form
from clinicflow_core.ports import PageRequest, Store, UnitOfWork
from clinicflow_core.timespan import wall_clock
from clinicflow_core.wire import LocalDateTime

TIMEZONE = "America/New_York"
EMAIL = "owner@demo.example"
PASSWORD = "clinicflow-demo"  # noqa: S105  It is printed for everybody to use.
MARK = "demo"
"""The clinic's metadata has this key, so that a demo never replaces a real record."""

_BEFORE = timedelta(days=3)
_PLANNED = timedelta(days=7)
_DAYS = range(-1, 3)
_TODAY = 0

_HOURS = {
    "weekday": ((time(9), time(12, 30)), (time(13, 30), time(17))),
    "weekend": ((time(10), time(15)),),
}
# Minutes of each visit, and of the pause before it.
_DURATIONS = (30, 15, 45, 30, 30, 60, 15)
_PAUSES = {True: (0, 15, 0, 0, 30), False: (30, 75, 15, 90)}
_NEXT_PATIENT = 7  # Coprime to their number, so that nobody comes twice a day.


@define
class MovableClock:
    """A clock that shows what it is set to."""

    at: datetime

    def now(self) -> datetime:
        return self.at


@frozen
class DoubleBooking:
    """A booking that was tried on top of another one, and its refusal."""

    wanted: booking.BookAppointment
    refusal: BookingConflictError


@frozen
class Story:
    """What was made: a clinic, its day, and a double booking that was refused."""

    clinic: Clinic
    day: schedule.Day
    tried: DoubleBooking


def tell_story(database: Database, now: datetime) -> Story:
    """
    Fill an empty *database* with the demo's clinic, as it is at *now*.

    Visits that are over by then took place, the others are ahead.
    """
    clock = MovableClock(now - _BEFORE)
    store = database.open_store(clock)
    clinic = _founded(store)
    uow = store.unit_of_work(clinic.id, program())
    _imported(uow)
    everybody = register.find("", PageRequest(limit=200), uow).items
    today = wall_clock(now, clinic.zone).date()
    for number, wanted in enumerate(_wishes(today, everybody, uow)):
        clock.at = now - _BEFORE
        visit = booking.book(wanted, uow)
        _live_on(visit, number, now, clock, uow)
    clock.at = now
    _plan(today + _PLANNED, everybody, uow)
    tomorrow = schedule.day(today + timedelta(days=1), [], uow)
    return Story(
        clinic=clinic,
        day=schedule.day(today, [], uow),
        tried=_refused_on(tomorrow, everybody, uow),
    )


def _founded(store: Store) -> Clinic:
    sign_up = accounts.SignUp(
        clinic=accounts.NewClinic(name="Harbour Street Clinic", timezone=TIMEZONE),
        owner=accounts.NewOwner(name="Dana Rivers", email=EMAIL, password=PASSWORD),
    )
    founded = accounts.sign_up(sign_up, store.entrance()).clinic
    marked = accounts.ChangeClinic(clinic_metadata={MARK: True})
    return accounts.change_clinic(marked, store.unit_of_work(founded.id, program()))


def _imported(uow: UnitOfWork) -> None:
    with _shipped("doctors.csv") as stream:
        import_doctors(stream, Form.CSV, uow, refused=_impossible, progress=_ignored)
    with _shipped("patients.csv") as stream:
        import_patients(stream, Form.CSV, uow, refused=_impossible, progress=_ignored)
    week = tuple(
        doctors.Stretch(weekday=weekday, start=start, end=end)
        for number, weekday in enumerate(WEEKDAYS)
        for start, end in _HOURS["weekend" if number >= 5 else "weekday"]
    )
    for doctor in doctors.page(PageRequest(), uow).items:
        doctors.set_hours(doctor.id, doctors.SetHours(hours=week), uow)


def _shipped(name: str) -> BinaryIO:
    return cast("BinaryIO", files(__package__).joinpath(name).open("rb"))


def _wishes(
    today: date, everybody: tuple[Patient, ...], uow: UnitOfWork
) -> Iterator[booking.BookAppointment]:
    numbers = count()
    durations = cycle(_DURATIONS)
    for offset in _DAYS:
        pauses = cycle(_PAUSES[offset == _TODAY])
        for doctor in schedule.day(today + timedelta(days=offset), [], uow).doctors:
            for span in doctor.working:
                start = datetime.combine(
                    today + timedelta(days=offset), span.start_time
                )
                end = datetime.combine(start.date(), span.end_time)
                while True:
                    start += timedelta(minutes=next(pauses))
                    duration = next(durations)
                    if start + timedelta(minutes=duration) > end:
                        break
                    number = next(numbers)
                    yield booking.BookAppointment(
                        doctor_id=doctor.doctor.id,
                        patient_id=everybody[
                            number * _NEXT_PATIENT % len(everybody)
                        ].id,
                        date=start.date(),
                        start_time=start.time(),
                        duration=duration,
                        visit_type=(
                            VisitType.VIRTUAL
                            if number % 6 == 5
                            else VisitType.IN_CLINIC
                        ),
                        visit_category=(
                            VisitCategory.NEW_PATIENT
                            if number % 5 == 4
                            else VisitCategory.FOLLOW_UP
                        ),
                    )
                    start += timedelta(minutes=duration)


def _live_on(
    visit: Appointment, number: int, now: datetime, clock: MovableClock, uow: UnitOfWork
) -> None:
    """Let happen to a visit what has happened by *now*."""
    clock.at += timedelta(hours=1)
    if number % 11 == 5:
        cancelled = booking.CancelAppointment(
            cancellation_type=CancellationType.PATIENT_CANCELLED,
            reason_note="Called to say so.",
        )
        booking.cancel(visit.id, cancelled, uow)
        return
    if visit.ends_at <= now and number % 9 == 4:
        clock.at = visit.ends_at
        booking.no_show(visit.id, uow)
    elif visit.starts_at <= now:
        clock.at = visit.starts_at - timedelta(minutes=5)
        booking.arrive(visit.id, uow)
        if visit.ends_at <= now:
            clock.at = visit.ends_at
            booking.complete(visit.id, uow)
    elif number % 3:
        booking.confirm(visit.id, uow)


def _plan(day: date, everybody: tuple[Patient, ...], uow: UnitOfWork) -> None:
    """Plan ahead from *day* on: a doctor is off, visits repeat, somebody waits."""
    off, there, *_ = doctors.page(PageRequest(), uow).items
    time_off = calendars.TakeTimeOff(
        starts=LocalDateTime(datetime.combine(day, time())),
        ends=LocalDateTime(datetime.combine(day + timedelta(days=5), time())),
        reason="Travels.",
    )
    calendars.take_time_off(off.id, time_off, uow)
    repeated = series.BookSeries(
        doctor_id=there.id,
        patient_id=everybody[0].id,
        date=day,
        start_time=time(10),
        rrule="FREQ=WEEKLY;COUNT=4",
    )
    series.book(repeated, uow)
    wish = waitlist.JoinWaitlist(
        patient_id=everybody[-1].id,
        doctor_id=there.id,
        first_date=day - _PLANNED,
        last_date=day,
    )
    waitlist.join(wish, uow)


def _refused_on(
    day: schedule.Day, everybody: tuple[Patient, ...], uow: UnitOfWork
) -> DoubleBooking:
    """Try to book into the middle of the first visit of *day* that holds its time."""
    taken = min(
        (v.appointment for d in day.doctors for v in d.visits),
        key=lambda visit: (not visit.holds_its_time, visit.starts_at),
    )
    start = datetime.combine(taken.date, taken.start_time) + timedelta(minutes=10)
    wanted = booking.BookAppointment(
        doctor_id=taken.doctor_id,
        patient_id=next(p.id for p in everybody if p.id != taken.patient_id),
        date=taken.date,
        start_time=start.time(),
    )
    try:
        booking.book(wanted, uow)
    except BookingConflictError as refusal:
        return DoubleBooking(wanted, refusal)
    raise AssertionError("a time was sold twice")


def _impossible(refusal: Refusal) -> None:
    raise AssertionError(f"line {refusal.line} of our own file: {refusal.detail}")


def _ignored(_: int) -> None:
    """Our own files are read before anybody could see how far they are."""
