"""How the clinic's day goes: who waits, who comes next, and what is not settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Final

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.counting import figures_of_days
from clinicflow_core.entities.appointment import TO_COME, IntakeStatus, Status
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.figures.clinic import DoctorFigures, VisitFigures
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.ports import LooseEnds, UnitOfWork

MOST_NEXT: Final = 10
"""How many visits to come are shown."""

MOST_OPEN: Final = 50
"""How many open visits are shown."""

LOOSE_FOR: Final = timedelta(days=366)
"""How far back what is not settled is looked for."""

_MINUTE = timedelta(minutes=1)


@frozen(kw_only=True)
class TodaysVisit:
    """
    A visit as the desk needs it at a glance.

    Attributes:
        date: Local, as *start_time* and *end_time* are.
        waited_minutes: Since the patient came, whole ones; None if nobody waits.
        flagged: Whether it is to come and its intake form has a red flag.
    """

    id: AppointmentId
    doctor_id: DoctorId
    doctor_name: str
    patient_id: PatientId
    patient_name: str = field(repr=False)
    date: date
    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime
    status: Status
    intake_status: IntakeStatus
    arrived_at: datetime | None
    waited_minutes: int | None
    flagged: bool


@frozen(kw_only=True)
class DoctorToday:
    """
    One doctor's day.

    Attributes:
        waiting: How many patients are there; see `Today.waiting`.
        to_come: How many are still to come; see `Today.next`.
        next_at: When the first of them starts; None if nobody comes any more.
    """

    doctor_id: DoctorId
    name: str
    initials: str | None
    color: str | None
    waiting: int
    to_come: int
    next_at: datetime | None
    figures: VisitFigures


@frozen(kw_only=True)
class Today:
    """
    The clinic's day so far.

    Attributes:
        date: Local.
        figures: Of all visits of the day; what is due is told by *now*.
        doctors: By name.
        waiting: Whose patients came and whose visits are not completed, who waits
            longest first. One of them can be with the doctor: the record does not
            know.
        next: Which are not over and whose patients are not there, by start; those who
            are late come first. At most `MOST_NEXT`.
        to_come_count: How many there are.
        intake_missing: Which are not over and whose form is not completed, by start.
        to_sign: Whose summary nobody has signed, by start.
        to_sign_count: How many of these there are over all days of a year.
        open: Which are over, on any day of a year, and still unconfirmed or confirmed;
            the latest first, at most `MOST_OPEN`.
        open_count: How many there are.
    """

    date: date
    timezone: str
    now: datetime
    figures: VisitFigures
    doctors: tuple[DoctorToday, ...]
    waiting: tuple[TodaysVisit, ...]
    next: tuple[TodaysVisit, ...]
    to_come_count: int
    intake_missing: tuple[TodaysVisit, ...]
    to_sign: tuple[TodaysVisit, ...]
    to_sign_count: int
    open: tuple[TodaysVisit, ...]
    open_count: int


def tell_today(uow: UnitOfWork) -> Today:
    """
    Tell how the clinic's day goes.

    A doctor is told of their own visits alone.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        on = uow.clinic.today(uow.now)
        counted = uow.figures.read(on, on, own)
        loose = uow.figures.loose_ends(uow.now - LOOSE_FOR, uow.now, MOST_OPEN, own)
        lists = _lists(counted.visits, loose, on, uow.now)
        patients = uow.patients.named(lists.patient_ids)
        flagged = uow.summaries.flagged(lists.patient_ids)
    of_day = figures_of_days(counted, on, on, own, uow)

    def told(visits: Iterable[CountedVisit]) -> tuple[TodaysVisit, ...]:
        return tuple(
            _told(
                visit,
                counted.doctors[visit.doctor_id],
                patients[visit.patient_id],
                uow.now,
                flagged=visit.status in TO_COME and visit.id in flagged,
            )
            for visit in visits
        )

    return Today(
        date=on,
        timezone=uow.clinic.timezone,
        now=uow.now,
        figures=of_day.total,
        doctors=tuple(_doctor_today(each, lists) for each in of_day.by_doctor),
        waiting=told(lists.waiting),
        next=told(lists.next),
        to_come_count=len(lists.to_come),
        intake_missing=told(lists.intake_missing),
        to_sign=told(lists.to_sign),
        to_sign_count=loose.unsigned_count,
        open=told(lists.open),
        open_count=loose.open_count,
    )


@frozen
class _Lists:
    """The visits that `Today` shows, each list in its order."""

    waiting: Sequence[CountedVisit]
    to_come: Sequence[CountedVisit]
    intake_missing: Sequence[CountedVisit]
    to_sign: Sequence[CountedVisit]
    open: Sequence[CountedVisit]

    @property
    def next(self) -> Sequence[CountedVisit]:
        return self.to_come[:MOST_NEXT]

    @property
    def patient_ids(self) -> set[PatientId]:
        shown = (
            self.waiting,
            self.next,
            self.intake_missing,
            self.to_sign,
            self.open,
        )
        return {visit.patient_id for visit in chain(*shown)}


def _lists(
    visits: Iterable[CountedVisit], loose: LooseEnds, on: date, now: datetime
) -> _Lists:
    # One of the evening before can still go on.
    present = [v for v in visits if v.date == on or v.ends_at > now]
    expected = [visit for visit in present if visit.status in TO_COME]
    to_come = [v for v in expected if v.arrived_at is None and v.ends_at > now]
    came = [(v.arrived_at, v) for v in expected if v.arrived_at is not None]
    return _Lists(
        waiting=[visit for _, visit in sorted(came, key=lambda each: each[0])],
        to_come=to_come,
        intake_missing=[
            visit
            for visit in expected
            if visit.ends_at > now and visit.intake_status is not IntakeStatus.COMPLETED
        ],
        to_sign=[visit for visit in present if visit.awaits_signature],
        open=loose.open,
    )


def _doctor_today(of: DoctorFigures, lists: _Lists) -> DoctorToday:
    to_come = [v for v in lists.to_come if v.doctor_id == of.doctor_id]
    return DoctorToday(
        doctor_id=of.doctor_id,
        name=of.name,
        initials=of.initials,
        color=of.color,
        waiting=sum(visit.doctor_id == of.doctor_id for visit in lists.waiting),
        to_come=len(to_come),
        next_at=to_come[0].starts_at if to_come else None,
        figures=of.figures,
    )


def _told(
    visit: CountedVisit,
    doctor: Doctor,
    patient: Patient,
    now: datetime,
    *,
    flagged: bool,
) -> TodaysVisit:
    waits_since = visit.arrived_at if visit.status in TO_COME else None
    return TodaysVisit(
        id=visit.id,
        doctor_id=visit.doctor_id,
        doctor_name=doctor.name,
        patient_id=visit.patient_id,
        patient_name=patient.full_name,
        date=visit.date,
        start_time=visit.start_time,
        end_time=visit.end_time,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        status=visit.status,
        intake_status=visit.intake_status,
        arrived_at=visit.arrived_at,
        waited_minutes=None if waits_since is None else (now - waits_since) // _MINUTE,
        flagged=flagged,
    )
