"""Series: visits that repeat, booked, moved and cancelled together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any
from uuid import uuid4

from attrs import evolve, field, frozen
from attrs.validators import and_

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import one_line, text, whole
from clinicflow_core.desk.booking import (
    CancelAppointment,
    OverrideRequest,
    cancellation_of,
)
from clinicflow_core.desk.offers import (
    People,
    held,
    let_lapsed_go,
    offer_time,
    who_waits,
)
from clinicflow_core.desk.placing import (
    accepted,
    bookable_day,
    days_around,
    objections,
    place_facts,
)
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.appointment import (
    MAX_DURATION,
    TO_COME,
    Appointment,
    CancellationType,
    VisitCategory,
    VisitType,
    fields_of,
)
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId, SeriesId
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.waitlist import WaitlistEntry
from clinicflow_core.errors import InvalidError, Problem, SeriesConflictError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    STANDARD_RULES,
    Conflict,
    RefusedOccurrence,
    Rule,
    no_such_local_time,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.recurrence import days_of, read_recurrence
from clinicflow_core.timespan import TimeSpan, visit_time
from clinicflow_core.wire import UNSET, Unset

MOST_DAYS_LATER = 366


class SeriesPolicy(Enum):
    """What happens if some visits of a series cannot take their time."""

    ALL_OR_NOTHING = "all_or_nothing"
    SKIP_AND_REPORT = "skip_and_report"


def _recurrence(_: object, __: object, value: str) -> None:
    read_recurrence(value)


def _to_come_was_not_missed(_: object, __: object, kind: CancellationType) -> None:
    if kind is CancellationType.NO_SHOW:
        raise ValueError("must not be no-show: a visit to come was not missed")


@frozen(kw_only=True)
class BookSeries:
    """
    Visits that somebody wants again and again.

    Attributes:
        date: The local day from which on it repeats.
        start_time: The clinic's wall clock.
        duration: Of each visit, in minutes; without it what the doctor's policy says
            of visits of this category, or 30.
        rrule: As RFC 5545 writes it: FREQ=WEEKLY;BYDAY=MO;COUNT=10. It must end, and
            have at most 366 occurrences.
        override: Accepts what stands against a visit, of each that needs it.
    """

    doctor_id: DoctorId
    patient_id: PatientId
    date: date = field(validator=bookable_day)
    start_time: time
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    rrule: str = field(validator=and_(one_line(255), _recurrence))
    policy: SeriesPolicy = SeriesPolicy.ALL_OR_NOTHING
    visit_type: VisitType | None = None
    visit_category: VisitCategory | None = None
    meeting_link: str | None = field(default=None, repr=False, validator=one_line(500))
    override: OverrideRequest | None = None


@frozen(kw_only=True)
class ChangeSeries:
    """
    Other times or details for the visits to come; what is left out stays.

    Attributes:
        from_: The first local day whose visit is changed; all to come without.
        start_time: The clinic's wall clock, on each visit's own day.
        days_later: How many days later each visit takes place, or earlier.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    start_time: time | None = None
    days_later: int = field(
        default=0, validator=whole(-MOST_DAYS_LATER, MOST_DAYS_LATER)
    )
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    doctor_id: DoctorId | None = None
    visit_type: VisitType | Unset | None = UNSET
    visit_category: VisitCategory | Unset | None = UNSET
    meeting_link: str | Unset | None = field(
        default=UNSET, repr=False, validator=one_line(500)
    )
    policy: SeriesPolicy = SeriesPolicy.ALL_OR_NOTHING
    override: OverrideRequest | None = None

    @property
    def details(self) -> dict[str, Any]:
        """The details that change, by the names of the visit's fields."""
        named = {
            "visit_type": self.visit_type,
            "visit_category": self.visit_category,
            "meeting_link": self.meeting_link,
        }
        return {name: value for name, value in named.items() if value is not UNSET}


@frozen(kw_only=True)
class CancelSeries:
    """
    Why the visits to come will not take place.

    Attributes:
        from_: The first local day whose visit is cancelled; all to come without.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    cancellation_type: CancellationType = field(
        default=CancellationType.OTHER, validator=_to_come_was_not_missed
    )
    reason_note: str | None = field(default=None, repr=False, validator=text(2000))


@frozen(kw_only=True)
class SeriesOutcome:
    """
    A series with its visits.

    Attributes:
        appointments: By start: all of them, or those that an act changed.
        skipped: Those that could not take their time, with the reasons.
    """

    series: Series
    appointments: tuple[Appointment, ...]
    skipped: tuple[RefusedOccurrence, ...] = ()

    @property
    def id(self) -> SeriesId:
        return self.series.id


@retried
def book(
    request: BookSeries, uow: UnitOfWork, rules: Sequence[Rule] = STANDARD_RULES
) -> SeriesOutcome:
    """
    Book all visits of a series, each judged as any other, in one transaction.

    Raises:
        InvalidError: If it never repeats, or too often.
        SeriesConflictError: If a visit cannot take its time, and all or nothing is
            wanted; or if none can.
        NotFoundError: If doctor or patient is not in this clinic.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        reason = _reason(request, uow)
        days = _days(request, uow)
        first, last = (
            days_around(
                datetime.combine(day, request.start_time), MAX_DURATION, uow.clinic.zone
            )
            for day in (days[0], days[-1])
        )
        diary = uow.diaries.hold(
            [request.doctor_id],
            [request.patient_id],
            TimeSpan(first.start, last.end),
        )
        diary.patients[request.patient_id].refuse_erased()
        policy = diary.policy_of(request.doctor_id)
        minutes = request.duration or policy.duration_of(request.visit_category)
        series = Series(
            id=SeriesId(uuid4()),
            doctor_id=request.doctor_id,
            patient_id=request.patient_id,
            rrule=read_recurrence(request.rrule).text,
            date=request.date,
            start_time=request.start_time,
            duration=minutes,
            created_at=uow.now,
        )
        placed = _Placed(diary, uow, rules, reason)
        for day in days:
            placed.add(_occurrence(request, series, day, uow), day, request.start_time)
        placed.refuse(request.policy)
        outcome = SeriesOutcome(
            series=series,
            appointments=tuple(placed.visits),
            skipped=placed.skipped,
        )
        uow.appointments.add_series(series)
        uow.record(
            "series.booked",
            outcome,
            facts={
                "doctor_id": str(series.doctor_id),
                "patient_id": str(series.patient_id),
                "visits": len(placed.visits),
                "skipped": len(placed.skipped),
            },
            reason=reason if any(visit.override for visit in placed.visits) else None,
        )
        for visit in placed.visits:
            let_lapsed_go(diary, visit.span, uow)
            uow.appointments.add(visit)
            facts = {
                **place_facts(visit),
                "patient_id": str(visit.patient_id),
                "series_id": str(series.id),
            }
            kept = visit.override.reason if visit.override else None
            uow.record("appointment.booked", visit, facts=facts, reason=kept)
        uow.commit()
    return outcome


def get(series_id: SeriesId, uow: UnitOfWork) -> SeriesOutcome:
    """
    Return a series with all its visits.

    Raises:
        SeriesNotFoundError: If there is no such series.
    """
    with uow:
        uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        series = uow.appointments.get_series(series_id)
        visits = uow.appointments.of_series(series_id)
        for doctor_id in {series.doctor_id, *(visit.doctor_id for visit in visits)}:
            uow.actor.must_see_diary(doctor_id)
        return SeriesOutcome(series=series, appointments=visits)


@retried
def change(
    series_id: SeriesId,
    request: ChangeSeries,
    uow: UnitOfWork,
    rules: Sequence[Rule] = STANDARD_RULES,
) -> SeriesOutcome:
    """
    Move the visits to come, this one and those that follow or all, or change details.

    Each keeps its own day, *days_later* aside. Visits that are over, cancelled or
    begun stay as they are.

    Raises:
        SeriesNotFoundError: If there is no such series.
        SeriesConflictError: If a visit cannot take its time, and all or nothing is
            wanted; or if none can.
        DoctorNotFoundError: If the other doctor is not there.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        reason = _reason(request, uow)
        series = uow.appointments.get_series(series_id)
        before = _to_come(series_id, request.from_, uow)
        if not before:
            return SeriesOutcome(series=series, appointments=())
        moves = {visit.id: _Target(visit, request) for visit in before}
        for target in moves.values():
            target.refuse_unbookable()
        spans = [visit.span for visit in before]
        freed = _freed(visit for visit in before if not moves[visit.id].stays)
        doctors = {visit.doctor_id for visit in before}
        doctors |= {target.doctor_id for target in moves.values()}
        waiting = {d: who_waits(d, each, uow, doctors) for d, each in freed.items()}
        people = People(doctors, {visit.patient_id for visit in before})
        zone = uow.clinic.zone
        around = [
            days_around(target.local, target.minutes, zone) for target in moves.values()
        ]
        window = TimeSpan(
            min(span.start for span in (*spans, *around)),
            max(span.end for span in (*spans, *around)),
        )
        diary = held(people, _patients_of(waiting), window, uow)
        placed = _Placed(diary, uow, rules, reason)
        # In this order none is moved onto one that is still to be moved away.
        later = next(iter(moves.values())).is_later
        for visit in sorted(before, key=lambda v: v.starts_at, reverse=later):
            placed.move(visit, moves[visit.id])
        placed.refuse(request.policy)
        known = {visit.id: visit for visit in before}
        changed = [v for v in placed.visits if v.version != known[v.id].version]
        for visit in changed:
            let_lapsed_go(diary, visit.span, uow)
            uow.appointments.save(visit)
            _record_change(visit, known[visit.id], request.details, uow)
        for doctor_id, each in freed.items():
            offer_time(doctor_id, each, waiting[doctor_id], uow)
        uow.commit()
    return SeriesOutcome(
        series=series,
        appointments=tuple(sorted(changed, key=lambda v: v.sort_key)),
        skipped=placed.skipped,
    )


@retried
def cancel(
    series_id: SeriesId, request: CancelSeries, uow: UnitOfWork
) -> SeriesOutcome:
    """
    Cancel the visits to come, this one and those that follow or all.

    Visits that are over, cancelled or begun stay as they are.

    Raises:
        SeriesNotFoundError: If there is no such series.
    """
    with uow:
        uow.actor.must(Permission.BOOK)
        series = uow.appointments.get_series(series_id)
        before = _to_come(series_id, request.from_, uow)
        freed = _freed(before)
        waiting = {d: who_waits(d, each, uow, freed) for d, each in freed.items()}
        if any(waiting.values()):
            held(People(freed), _patients_of(waiting), before[0].span, uow)
        cancelled = []
        why = CancelAppointment(
            cancellation_type=request.cancellation_type,
            reason_note=request.reason_note,
        )
        for each in before:
            visit = each.cancelled(uow.now)
            cancellation = cancellation_of(visit, why, uow)
            uow.appointments.save(visit)
            uow.appointments.cancel(cancellation)
            facts = {
                "cancellation_type": request.cancellation_type.value,
                "late": cancellation.late,
                "series_id": str(series_id),
            }
            uow.record("appointment.cancelled", visit, facts, request.reason_note)
            cancelled.append(visit)
        for doctor_id, spans in freed.items():
            offer_time(doctor_id, spans, waiting[doctor_id], uow)
        uow.commit()
    return SeriesOutcome(series=series, appointments=tuple(cancelled))


@frozen
class _Target:
    """Where a visit of a series is to be."""

    visit: Appointment
    request: ChangeSeries

    @property
    def local(self) -> datetime:
        day = self.visit.date + timedelta(days=self.request.days_later)
        return datetime.combine(day, self.request.start_time or self.visit.start_time)

    @property
    def minutes(self) -> int:
        return self.request.duration or self.visit.duration

    @property
    def doctor_id(self) -> DoctorId:
        return self.request.doctor_id or self.visit.doctor_id

    def refuse_unbookable(self) -> None:
        """
        Raises:
            InvalidError: If no visit can be on that day.
        """
        try:
            bookable_day(None, None, self.local)
        except ValueError as error:
            raise InvalidError((Problem("/days_later", str(error)),)) from None

    @property
    def was_local(self) -> datetime:
        return datetime.combine(self.visit.date, self.visit.start_time)

    @property
    def is_later(self) -> bool:
        return self.local > self.was_local

    @property
    def stays(self) -> bool:
        visit = self.visit
        before = (self.was_local, visit.duration, visit.doctor_id)
        return (self.local, self.minutes, self.doctor_id) == before


class _Placed:
    """Visits that take their times one after another, each knowing those before."""

    def __init__(
        self,
        diary: Diary,
        uow: UnitOfWork,
        rules: Sequence[Rule],
        reason: str | None,
    ) -> None:
        self._diary = diary
        self._uow = uow
        self._rules = rules
        self._reason = reason
        self._refused: list[RefusedOccurrence] = []
        self.visits: list[Appointment] = []

    @property
    def skipped(self) -> tuple[RefusedOccurrence, ...]:
        """Those that cannot take their time, by start."""
        return tuple(sorted(self._refused, key=lambda r: (r.date, r.start_time)))

    def add(self, visit: Appointment | None, day: date, start_time: time) -> None:
        """Let a visit take its time, or note why it cannot; None is never shown."""
        local = datetime.combine(day, start_time)
        if visit is None:
            timezone = self._uow.clinic.timezone
            self._refuse(local, (no_such_local_time(local, timezone),))
            return
        zone = self._diary.zone
        near = self._diary.within(days_around(local, visit.duration, zone))
        conflicts = objections(visit, near, self._uow, self._rules)
        if conflicts and not (self._reason and all(c.overridable for c in conflicts)):
            self._refuse(local, conflicts)
            return
        if conflicts and self._reason:
            override = accepted(conflicts, self._reason, self._uow)
            visit = evolve(visit, override=override)
        self.visits.append(visit)
        self._diary = self._diary.without(visit.id).with_visits([visit])

    def move(self, visit: Appointment, target: _Target) -> None:
        """Let a visit that has a time already take another one."""
        local, now = target.local, self._uow.now
        if target.stays:
            # It was accepted as it is, and nobody asks the rules again.
            self.visits.append(visit.changed(target.request.details, now))
            return
        time = visit_time(local.date(), local.time(), target.minutes, self._diary.zone)
        moved = None
        if time is not None:
            moved = visit.rescheduled(time, target.doctor_id, None, now)
            moved = evolve(moved, **target.request.details)
        self.add(moved, local.date(), local.time())

    def refuse(self, policy: SeriesPolicy) -> None:
        """
        Raises:
            SeriesConflictError: If by *policy* nothing may be written.
        """
        wants_all = policy is SeriesPolicy.ALL_OR_NOTHING
        if self._refused and (wants_all or not self.visits):
            raise SeriesConflictError(self.skipped)

    def _refuse(self, local: datetime, conflicts: tuple[Conflict, ...]) -> None:
        refused = RefusedOccurrence(
            date=local.date(), start_time=local.time(), conflicts=conflicts
        )
        self._refused.append(refused)


def _days(request: BookSeries, uow: UnitOfWork) -> Sequence[date]:
    try:
        days = days_of(
            read_recurrence(request.rrule),
            request.date,
            request.start_time,
            uow.clinic.zone,
        )
        bookable_day(None, None, days[-1])
    except ValueError as error:
        raise InvalidError((Problem("/rrule", str(error)),)) from None
    return days


def _occurrence(
    request: BookSeries, series: Series, day: date, uow: UnitOfWork
) -> Appointment | None:
    time = visit_time(day, series.start_time, series.duration, uow.clinic.zone)
    if time is None:
        return None
    return Appointment(
        id=AppointmentId(uuid4()),
        doctor_id=series.doctor_id,
        patient_id=series.patient_id,
        **fields_of(time),
        visit_type=request.visit_type,
        visit_category=request.visit_category,
        meeting_link=request.meeting_link,
        series_id=series.id,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _to_come(
    series_id: SeriesId, first: date | None, uow: UnitOfWork
) -> tuple[Appointment, ...]:
    """Return the visits of a series that have not begun, from *first* on, by start."""
    return tuple(
        visit
        for visit in uow.appointments.of_series(series_id)
        if visit.status in TO_COME
        and not visit.arrived
        and visit.starts_at > uow.now
        and (first is None or visit.date >= first)
    )


def _freed(visits: Iterable[Appointment]) -> dict[DoctorId, list[TimeSpan]]:
    """Return the time that comes free without *visits*, by doctor."""
    spans: dict[DoctorId, list[TimeSpan]] = {}
    for visit in visits:
        if visit.holds_doctor:
            spans.setdefault(visit.doctor_id, []).append(visit.span)
    return spans


def _patients_of(waiting: Mapping[DoctorId, Iterable[WaitlistEntry]]) -> People:
    return People((), {e.patient_id for each in waiting.values() for e in each})


def _record_change(
    visit: Appointment,
    before: Appointment,
    details: Iterable[str],
    uow: UnitOfWork,
) -> None:
    series_id: dict[str, object] = {"series_id": str(visit.series_id)}
    if visit.times_moved == before.times_moved:
        facts = {"fields": sorted(details), **series_id}
        uow.record("appointment.changed", visit, facts=facts)
        return
    facts = {**place_facts(visit), "from": place_facts(before), **series_id}
    kept = visit.override.reason if visit.override else None
    uow.record("appointment.rescheduled", visit, facts=facts, reason=kept)


def _reason(request: BookSeries | ChangeSeries, uow: UnitOfWork) -> str | None:
    if request.override is None:
        return None
    uow.actor.must(Permission.OVERRIDE)
    return request.override.reason
