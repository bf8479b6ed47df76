"""
The rules of booking: pure functions that yield what stands against a visit.

Preview and enforcement call the same rules. A rule with a setting is made by a
function that returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan, wall_clock


class ConflictKind(Enum):
    """What stands against a visit; each rule has its own kind."""

    DOCTOR_BUSY = "doctor-busy"
    PATIENT_BUSY = "patient-busy"
    OUTSIDE_HOURS = "outside-hours"
    IN_THE_PAST = "in-the-past"
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


Rule = Callable[[Appointment, Diary], Iterator[Conflict]]


def doctor_is_busy(proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
    for other in diary.busy:
        if other.doctor_id == proposed.doctor_id and other.span.overlaps(proposed.span):
            yield visit_in_the_way(ConflictKind.DOCTOR_BUSY, other.span, diary.zone)


def patient_is_busy(proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
    for other in diary.busy:
        if other.patient_id == proposed.patient_id and other.span.overlaps(
            proposed.span
        ):
            yield visit_in_the_way(ConflictKind.PATIENT_BUSY, other.span, diary.zone)


def outside_hours(proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
    spans = diary.working_spans(
        proposed.doctor_id, proposed.date, proposed.date + timedelta(days=1)
    )
    if not any(span.covers(proposed.span) for span in spans):
        yield Conflict(
            kind=ConflictKind.OUTSIDE_HOURS,
            message="The doctor does not work then.",
            starts_at=proposed.starts_at,
            ends_at=proposed.ends_at,
        )


def in_the_past(proposed: Appointment, diary: Diary) -> Iterator[Conflict]:
    if proposed.starts_at < diary.now:
        yield Conflict(
            kind=ConflictKind.IN_THE_PAST,
            message="The visit would start in the past.",
            starts_at=proposed.starts_at,
            ends_at=diary.now,
        )


OVERLAP_RULES: tuple[Rule, ...] = (doctor_is_busy, patient_is_busy)
"""For visits that were accepted before or elsewhere: only the time must be free."""

STANDARD_RULES: tuple[Rule, ...] = (*OVERLAP_RULES, outside_hours, in_the_past)
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
    whose = "doctor" if kind is ConflictKind.DOCTOR_BUSY else "patient"
    start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
    return Conflict(
        kind=kind,
        message=f"The {whose} has a visit from {start:%H:%M} to {end:%H:%M}.",
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
