"""The dashboard: how the day goes, what some days came to, and what happened last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import chain
from typing import Final
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.placing import FIRST_YEAR, bookable_day
from clinicflow_core.entities.appointment import (
    HOLDING,
    TO_COME,
    IntakeStatus,
    Status,
)
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import (
    AppointmentId,
    DoctorId,
    EventId,
    PatientId,
    UserId,
)
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.figures.clinic import (
    ClinicFigures,
    DoctorFigures,
    VisitFigures,
    clinic_figures,
)
from clinicflow_core.figures.minutes import DoctorTime
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.ports import (
    MOST_COUNTED,
    Counted,
    LooseEnds,
    Page,
    PageRequest,
    UnitOfWork,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.hours import merged
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import TimeSpan, wall_clock

MOST_DAYS: Final = 366
"""How many days are counted together."""

USUAL_DAYS: Final = 28
"""How many days are counted if nobody says from when on."""

MOST_NEXT: Final = 10
"""How many visits to come are shown."""

MOST_OPEN: Final = 50
"""How many open visits are shown."""

LOOSE_FOR: Final = timedelta(days=366)
"""How far back what is not settled is looked for."""

OF_THE_DESK: Final = frozenset(
    {
        "appointment.arrived",
        "appointment.booked",
        "appointment.cancelled",
        "appointment.changed",
        "appointment.completed",
        "appointment.confirmed",
        "appointment.missed",
        "appointment.reinstated",
        "appointment.rescheduled",
        "appointment.retimed",
        "clinic.changed",
        "clinic.policy-set",
        "doctor.added",
        "doctor.changed",
        "doctor.dated-hours-set",
        "doctor.hours-set",
        "doctor.policy-set",
        "doctor.removed",
        "doctor.time-off-given-back",
        "doctor.time-off-taken",
        "intake.linked",
        "intake.resent",
        "intake.reviewed",
        "intake.revoked",
        "intake.sent",
        "intake.submitted",
        "patient.changed",
        "patient.erased",
        "patient.merged",
        "patient.registered",
        "patient.removed",
        "questionnaire.added",
        "series.booked",
        "summary.edited",
        "summary.generated",
        "summary.signed",
        "waitlist.accepted",
        "waitlist.declined",
        "waitlist.joined",
        "waitlist.offer-expired",
        "waitlist.offer-withdrawn",
        "waitlist.offered",
        "waitlist.removed",
        "waitlist.withdrawn",
    }
)
"""What whoever sees every diary is told of what happens; a doctor, of visits alone."""

OF_ACCOUNTS: Final = frozenset(
    {
        "clinic.founded",
        "clinic.signed-up",
        "user.added",
        "user.changed",
        "user.google-linked",
        "user.password-changed",
        "user.session-reused",
        "user.signed-in",
        "user.signed-out",
    }
)
"""What whoever may inspect the trail is told besides."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@frozen(kw_only=True)
class FiguresRequest:
    """
    Which days are counted.

    Attributes:
        from_: The first local day; four weeks in all without.
        to: The last one; today without.
        doctor_id: Whose visits alone; everybody's without.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    to: date | None = field(default=None, validator=bookable_day)
    doctor_id: DoctorId | None = None


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


@frozen(kw_only=True)
class Happening:
    """
    Something that happened, without names and without reasons.

    Attributes:
        kind: Record and outcome, as "appointment.booked".
        record_id: The record that it happened to; it may be gone.
        actor: "user", the name of a program, or "entrance".
        facts: Ids, times and names of changed fields.
    """

    id: EventId
    kind: str
    record_id: UUID
    at: datetime
    actor: str
    user_id: UserId | None
    facts: Mapping[str, object]


def figures(request: FiguresRequest, uow: UnitOfWork) -> ClinicFigures:
    """
    Count what some days came to.

    A doctor counts their own visits alone.

    Raises:
        InvalidError: If *to* comes before *from*, or after more than `MOST_DAYS`, or
            if there are more than `MOST_COUNTED` visits.
        DoctorNotFoundError: If there is no such doctor.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        if request.doctor_id is not None:
            uow.actor.must_see_diary(request.doctor_id)
        first, last = _days_of(request, _today(uow))
        doctor_id = request.doctor_id or own
        counted = uow.figures.read(first, last, doctor_id)
        if len(counted.visits) > MOST_COUNTED:
            detail = f"holds more than {MOST_COUNTED} visits: ask for fewer days"
            raise InvalidError((Problem("/to", detail),))
    # Out here, since counting takes a while, and in SQLite nobody else could write.
    return _figures_of(counted, first, last, doctor_id, uow)


def today(uow: UnitOfWork) -> Today:
    """
    Tell how the clinic's day goes.

    A doctor is told of their own visits alone.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        on = _today(uow)
        counted = uow.figures.read(on, on, own)
        loose = uow.figures.loose_ends(uow.now - LOOSE_FOR, uow.now, MOST_OPEN, own)
        lists = _lists(counted.visits, loose, on, uow.now)
        patients = uow.patients.named(lists.patient_ids)
        flagged = uow.summaries.flagged(lists.patient_ids)
        of_day = _figures_of(counted, on, on, own, uow)

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


def activity(request: PageRequest, uow: UnitOfWork) -> Page[Happening]:
    """
    Return a part of what happened in the clinic, newest first.

    What happened to accounts is told to whoever may inspect the trail. A doctor is told
    what happened to visits that are with them now. Imports and reading leave their
    events in the trail alone.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        kinds = OF_THE_DESK
        if own is not None:
            kinds = frozenset(k for k in kinds if k.startswith("appointment."))
        elif uow.actor.may(Permission.AUDIT):
            kinds |= OF_ACCOUNTS
        found = uow.events.page(kinds, request, own)
        return Page(tuple(map(_happening, found.items)), found.next)


def _today(uow: UnitOfWork) -> date:
    return wall_clock(uow.now, uow.clinic.zone).date()


def _days_of(request: FiguresRequest, today: date) -> tuple[date, date]:
    last = request.to or max(today, request.from_ or today)
    usual = last - (USUAL_DAYS - 1) * _DAY
    first = request.from_ or max(usual, date(FIRST_YEAR, 1, 1))
    if last < first:
        raise InvalidError((Problem("/to", "must not be before from"),))
    if (last - first).days >= MOST_DAYS:
        detail = f"must be within {MOST_DAYS} days from the first"
        raise InvalidError((Problem("/to", detail),))
    return first, last


def _figures_of(
    counted: Counted,
    first: date,
    last: date,
    doctor_id: DoctorId | None,
    uow: UnitOfWork,
) -> ClinicFigures:
    return clinic_figures(
        counted.visits,
        dict(_worked(counted, first, last, uow)),
        counted.doctors.values(),
        first=first,
        last=last,
        timezone=uow.clinic.timezone,
        now=uow.now,
        doctor_id=doctor_id,
    )


def _worked(
    counted: Counted, first: date, last: date, uow: UnitOfWork
) -> Iterator[tuple[DoctorId, DoctorTime]]:
    diary = Diary(
        zone=uow.clinic.zone,
        now=uow.now,
        policy=uow.clinic.policy,
        doctors=counted.doctors,
        patients={},
        calendars=counted.calendars,
    )
    held: defaultdict[DoctorId, list[TimeSpan]] = defaultdict(list)
    for visit in counted.visits:
        # An overbooked one too: it takes the time that it shares.
        if visit.status in HOLDING:
            held[visit.doctor_id].append(TimeSpan(visit.starts_at, visit.ends_at))
    for doctor_id in counted.doctors:
        working = diary.working_spans(doctor_id, first, last)
        closed = diary.closed_spans(doctor_id, first, last)
        lost = tuple(merged((*diary.time_off_spans(doctor_id), *closed)))
        yield (
            doctor_id,
            DoctorTime(
                offered=tuple(free_spans(working, lost)),
                held=tuple(merged(held[doctor_id])),
            ),
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


def _happening(event: Event) -> Happening:
    return Happening(
        id=event.id,
        kind=event.kind,
        record_id=event.record_id,
        at=event.at,
        actor=event.actor,
        user_id=event.user_id,
        facts=event.facts,
    )
