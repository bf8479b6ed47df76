"""Openings: the free times that a doctor can offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice

from attrs import frozen

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.scheduling.conflicts import (
    STANDARD_RULES,
    Rule,
    find_conflicts,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan, VisitTime, instant_of, wall_clock

SLOT_STEP = timedelta(minutes=15)
"""How far apart the starts that are offered lie, counted from the start of work."""


@frozen(kw_only=True)
class Opening:
    """A free time of one doctor; wall clock in the clinic's zone, instants in UTC."""

    doctor_id: DoctorId
    date: date
    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime


def starts_of_work(
    diary: Diary, doctor_id: DoctorId, first: date, last: date, duration: int
) -> Iterator[VisitTime]:
    """
    Yield every time on the step grid within working hours, free or not, in order.

    The second pass through a repeated hour is left out: its wall clock means the
    first.

    Args:
        duration: Real minutes.
    """
    length = timedelta(minutes=duration)
    for span in diary.working_spans(doctor_id, first, last):
        start = span.start
        while start + length <= span.end:
            local = wall_clock(start, diary.zone)
            if instant_of(local, diary.zone) == start:
                yield VisitTime(
                    date=local.date(),
                    start_time=local.time(),
                    end_time=wall_clock(start + length, diary.zone).time(),
                    duration=duration,
                    span=TimeSpan(start, start + length),
                )
            start += SLOT_STEP


def nearest_openings(
    draft: Callable[[VisitTime], Appointment],
    doctor_id: DoctorId,
    duration: int,
    wanted: datetime,
    diary: Diary,
    rules: Sequence[Rule] = STANDARD_RULES,
    *,
    days: int,
    most: int = 3,
) -> tuple[Opening, ...]:
    """
    Return up to *most* times at which a visit could stand, nearest first.

    Args:
        draft: Makes the visit for a time, so that the rules can judge it.
        duration: Real minutes.
        wanted: The local wall clock that was asked for.
        days: How many days before and after it to look; the diary must reach
            that far.
    """
    today = wall_clock(diary.now, diary.zone).date()
    first = max(wanted.date() - timedelta(days=days), today)
    last = wanted.date() + timedelta(days=days)
    nearest = sorted(
        starts_of_work(diary, doctor_id, first, last, duration),
        key=lambda time: abs(datetime.combine(time.date, time.start_time) - wanted),
    )
    free = (time for time in nearest if not find_conflicts(draft(time), diary, rules))
    return tuple(
        Opening(
            doctor_id=doctor_id,
            date=time.date,
            start_time=time.start_time,
            end_time=time.end_time,
            starts_at=time.span.start,
            ends_at=time.span.end,
        )
        for time in islice(free, most)
    )
