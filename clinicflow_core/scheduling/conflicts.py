"""
The rules of booking: what stands against a visit, and why.

A rule says which stretches of time it bars. Whoever is told "no" and whoever is told
what is free ask the same rules: a booking asks whether a bar is in its way, a search
for openings leaves out every start that a bar forbids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from attrs import field, frozen

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.scheduling.diary import Diary, days_of
from clinicflow_core.timespan import (
    TimeSpan,
    local_days,
    midnight,
    wall_clock,
)

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SMALLEST = timedelta(microseconds=1)
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END = datetime(9999, 12, 30, tzinfo=UTC)


class ConflictKind(Enum):
    """What stands against a visit; each rule has its own kind."""

    DOCTOR_BUSY = "doctor-busy"
    PATIENT_BUSY = "patient-busy"
    OUTSIDE_HOURS = "outside-hours"
    TIME_OFF = "time-off"
    CLOSED_DAY = "closed-day"
    BUFFER = "buffer"
    TOO_SOON = "too-soon"
    TOO_FAR_AHEAD = "too-far-ahead"
    IN_THE_PAST = "in-the-past"
    DAILY_LIMIT = "daily-limit"
    NO_SUCH_LOCAL_TIME = "no-such-local-time"


@frozen(kw_only=True)
class Conflict:
    """
    One thing that stands against a visit. It never says whose other visit it is.

    Attributes:
        message: One sentence for people.
        starts_at: Where the obstacle starts, if it has a place in time.
        ends_at: Where it ends.
        overridable: Whether an override can accept it; narrowed to the actor's
            permissions in answers.
    """

    kind: ConflictKind
    message: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    overridable: bool = True


@frozen(kw_only=True)
class RefusedOccurrence:
    """A visit of a series that cannot take its time, with all that forbids it."""

    date: date
    start_time: time
    conflicts: tuple[Conflict, ...]


@frozen(kw_only=True)
class Wish:
    """
    A visit that is looked for, or proposed.

    Attributes:
        patient_id: None if it does not matter whose visit it is.
        window: Where in time it may start.
    """

    doctor_id: DoctorId
    patient_id: PatientId | None = None
    window: TimeSpan


Rule = Callable[[Appointment, Diary], Iterator[Conflict]]
"""Yields what stands against a visit; those of the house are `BarRule`s."""

Bars = Callable[[Wish, Diary], Iterable[TimeSpan]]


@frozen(kw_only=True)
class BarRule:
    """
    A rule that bars stretches of time.

    Attributes:
        bars: Yields the stretches that matter to a wish.
        gap: Returns how many minutes a visit keeps away from a bar; touching it is
            near enough without.
        starts_only: Whether a visit must not start in a bar; otherwise it must not
            overlap one.
        message: Says what is in the way.
    """

    kind: ConflictKind
    bars: Bars
    gap: Callable[[Wish, Diary], int] | None = None
    starts_only: bool = False
    message: Callable[[TimeSpan, ZoneInfo], str] = field(repr=False)

    def __call__(self, proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
        span = proposed.span
        wish = Wish(
            doctor_id=proposed.doctor_id, patient_id=proposed.patient_id, window=span
        )
        for bar in self.bars(wish, diary):
            if self._is_barred(span, bar, wish, diary):
                yield Conflict(
                    kind=self.kind,
                    message=self.message(bar, diary.zone),
                    starts_at=max(bar.start, span.start)
                    if self.starts_only
                    else bar.start,
                    ends_at=None if bar.end == _END else bar.end,
                )

    def _is_barred(
        self, span: TimeSpan, bar: TimeSpan, wish: Wish, diary: Diary
    ) -> bool:
        if self.starts_only:
            return bar.start <= span.start < bar.end
        if self.gap is None:
            return span.overlaps(bar)
        # An overlap is not too near: it is what another rule forbids.
        around = bar.widened(timedelta(minutes=self.gap(wish, diary)))
        return span.overlaps(around) and not span.overlaps(bar)


def _visits_of_doctor(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    return diary.visits_of_doctor(wish.doctor_id)


def _visits_of_patient(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    if wish.patient_id is None:
        return ()
    return diary.visits_of_patient(wish.patient_id)


def _time_off(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    return diary.time_off_spans(wish.doctor_id)


def _closed_days(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    if not diary.policy.closes:
        return ()
    first, last = days_of(wish.window, diary.zone)
    return diary.closed_spans(wish.doctor_id, first, last + _DAY)


def _the_past(_: Wish, diary: Diary) -> Iterable[TimeSpan]:
    return (TimeSpan(_BEGINNING, diary.now),)


def _the_notice(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    if notice := diary.policy_of(wish.doctor_id).min_notice:
        yield TimeSpan(diary.now, diary.now + timedelta(minutes=notice))


def _beyond_the_horizon(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    days = diary.policy_of(wish.doctor_id).max_horizon_days
    if days is not None:
        beyond = diary.today + timedelta(days=days + 1)
        yield TimeSpan(midnight(beyond, diary.zone), _END)


def _full_days(wish: Wish, diary: Diary) -> Iterable[TimeSpan]:
    limit = diary.policy_of(wish.doctor_id).daily_limit
    if limit is None:
        return
    first, last = days_of(wish.window, diary.zone)
    starts = [span.start for span in diary.visits_of_doctor(wish.doctor_id)]
    days = (first + n * _DAY for n in range((last - first).days + 1))
    for day in local_days(days, diary.zone):
        if sum(day.start <= start < day.end for start in starts) >= limit:
            yield day


def _visit_of(whose: str) -> Callable[[TimeSpan, ZoneInfo], str]:
    def told(bar: TimeSpan, zone: ZoneInfo) -> str:
        start, end = wall_clock(bar.start, zone), wall_clock(bar.end, zone)
        return f"The {whose} has a visit from {start:%H:%M} to {end:%H:%M}."

    return told


def _told_time_off(bar: TimeSpan, zone: ZoneInfo) -> str:
    start, end = wall_clock(bar.start, zone), wall_clock(bar.end, zone)
    return f"The doctor is off from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}."


def _told_closed(bar: TimeSpan, zone: ZoneInfo) -> str:
    return f"The clinic is closed on {wall_clock(bar.start, zone):%Y-%m-%d}."


def _told_too_near(bar: TimeSpan, zone: ZoneInfo) -> str:
    start, end = wall_clock(bar.start, zone), wall_clock(bar.end, zone)
    return f"It is too near to the doctor's visit from {start:%H:%M} to {end:%H:%M}."


def _told_too_soon(bar: TimeSpan, zone: ZoneInfo) -> str:
    # A begun minute is too soon.
    soonest = wall_clock(bar.end + _MINUTE - _SMALLEST, zone)
    return f"Visits are booked for {soonest:%Y-%m-%d %H:%M} or later."


def _told_too_far(bar: TimeSpan, zone: ZoneInfo) -> str:
    last = wall_clock(bar.start, zone) - _DAY
    return f"Visits are booked for {last:%Y-%m-%d} or earlier."


def _told_full(bar: TimeSpan, zone: ZoneInfo) -> str:
    day = wall_clock(bar.start, zone)
    return f"The doctor has as many visits on {day:%Y-%m-%d} as are allowed."


doctor_is_busy = BarRule(
    kind=ConflictKind.DOCTOR_BUSY, bars=_visits_of_doctor, message=_visit_of("doctor")
)
patient_is_busy = BarRule(
    kind=ConflictKind.PATIENT_BUSY,
    bars=_visits_of_patient,
    message=_visit_of("patient"),
)
on_time_off = BarRule(
    kind=ConflictKind.TIME_OFF, bars=_time_off, message=_told_time_off
)
on_a_closed_day = BarRule(
    kind=ConflictKind.CLOSED_DAY, bars=_closed_days, message=_told_closed
)
too_near_another = BarRule(
    kind=ConflictKind.BUFFER,
    bars=_visits_of_doctor,
    gap=lambda wish, diary: diary.policy_of(wish.doctor_id).gap,
    message=_told_too_near,
)
in_the_past = BarRule(
    kind=ConflictKind.IN_THE_PAST,
    bars=_the_past,
    starts_only=True,
    message=lambda *_: "The visit would start in the past.",
)
too_soon = BarRule(
    kind=ConflictKind.TOO_SOON,
    bars=_the_notice,
    starts_only=True,
    message=_told_too_soon,
)
too_far_ahead = BarRule(
    kind=ConflictKind.TOO_FAR_AHEAD,
    bars=_beyond_the_horizon,
    starts_only=True,
    message=_told_too_far,
)
on_a_full_day = BarRule(
    kind=ConflictKind.DAILY_LIMIT,
    bars=_full_days,
    starts_only=True,
    message=_told_full,
)


def outside_hours(proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
    """Yield the one conflict of a visit that no stretch of working hours covers."""
    first, last = days_of(proposed.span, diary.zone)
    spans = diary.working_spans(proposed.doctor_id, first, last)
    if not any(span.covers(proposed.span) for span in spans):
        yield Conflict(
            kind=ConflictKind.OUTSIDE_HOURS,
            message="The doctor does not work then.",
            starts_at=proposed.starts_at,
            ends_at=proposed.ends_at,
        )


OVERLAP_RULES: tuple[Rule, ...] = (doctor_is_busy, patient_is_busy)
"""For visits that were accepted before or elsewhere: only the time must be free."""

ATTENDANCE_RULES: tuple[Rule, ...] = (outside_hours, on_time_off, on_a_closed_day)
"""Whether the doctor is there at all."""

STANDARD_RULES: tuple[Rule, ...] = (
    *OVERLAP_RULES,
    *ATTENDANCE_RULES,
    too_near_another,
    on_a_full_day,
    in_the_past,
    too_soon,
    too_far_ahead,
)
"""For visits that somebody is about to promise."""


def find_conflicts(
    proposed: Appointment, diary: Diary, rules: Iterable[Rule] = STANDARD_RULES
) -> tuple[Conflict, ...]:
    """
    Return every conflict, in the order of *rules*; empty means it may stand.

    A visit is never in its own way.
    """
    others = diary.without(proposed.id)
    return tuple(conflict for rule in rules for conflict in rule(proposed, others))


def visit_in_the_way(kind: ConflictKind, span: TimeSpan, zone: ZoneInfo) -> Conflict:
    """Return the conflict with another visit that takes *span*."""
    rule = doctor_is_busy if kind is ConflictKind.DOCTOR_BUSY else patient_is_busy
    return Conflict(
        kind=kind,
        message=rule.message(span, zone),
        starts_at=span.start,
        ends_at=span.end,
    )


def no_such_local_time(local: datetime, timezone: str) -> Conflict:
    """Return the conflict of a wall-clock time that never comes in *timezone*."""
    return Conflict(
        kind=ConflictKind.NO_SUCH_LOCAL_TIME,
        message=f"There is no {local:%H:%M} on {local:%Y-%m-%d} in {timezone}.",
        overridable=False,
    )
