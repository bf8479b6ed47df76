"""Openings: the free times that a doctor can offer."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate, islice
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.scheduling.conflicts import STANDARD_RULES, Rule, find_conflicts
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.timespan import (
    TimeSpan,
    VisitTime,
    first_instant_from,
    visit_time,
    wall_clock,
)

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
    for start in _grid(diary, doctor_id, first, last, duration):
        if time := _time_at(start, duration, diary.zone):
            yield time


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
    Return up to *most* times to come at which a visit could stand, nearest first.

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
    wanted_at = first_instant_from(wanted, diary.zone)
    # The rules decide; what is plainly taken need not be shown to them.
    is_free = _free_of(diary.busy, timedelta(minutes=duration))
    nearest = sorted(
        (
            start
            for start in _grid(diary, doctor_id, first, last, duration)
            if start >= diary.now and is_free(start)
        ),
        key=lambda start: abs(start - wanted_at),
    )
    times = (_time_at(start, duration, diary.zone) for start in nearest)
    openings = (
        Opening(
            doctor_id=doctor_id,
            date=time.date,
            start_time=time.start_time,
            end_time=time.end_time,
            starts_at=time.span.start,
            ends_at=time.span.end,
        )
        for time in times
        if time and not find_conflicts(draft(time), diary, rules)
    )
    return tuple(islice(openings, most))


def free_spans(
    working: Iterable[TimeSpan], taken: Iterable[TimeSpan]
) -> Iterator[TimeSpan]:
    """Yield what is left of *working*, stretch by stretch, without what is *taken*."""
    visits = sorted(taken, key=lambda visit: visit.start)
    for span in working:
        start = span.start
        for visit in visits:
            if visit.overlaps(span):
                if start < visit.start:
                    yield TimeSpan(start, visit.start)
                start = max(start, visit.end)
        if start < span.end:
            yield TimeSpan(start, span.end)


def _grid(
    diary: Diary, doctor_id: DoctorId, first: date, last: date, duration: int
) -> Iterator[datetime]:
    length = timedelta(minutes=duration)
    for span in diary.working_spans(doctor_id, first, last):
        start = span.start
        while start + length <= span.end:
            yield start
            start += SLOT_STEP


def _time_at(start: datetime, duration: int, zone: ZoneInfo) -> VisitTime | None:
    """Return the visit time that starts at an instant, if its wall clock means it."""
    local = wall_clock(start, zone)
    time = visit_time(local.date(), local.time(), duration, zone)
    return time if time and time.span.start == start else None


def _free_of(busy: Sequence[BusyTime], length: timedelta) -> Callable[[datetime], bool]:
    """Return whether a visit of *length* that starts at an instant overlaps none."""
    starts = [taken.span.start for taken in busy]
    latest_end = list(accumulate((taken.span.end for taken in busy), max))

    def is_free(start: datetime) -> bool:
        before = bisect_left(starts, start + length)
        return before == 0 or latest_end[before - 1] <= start

    return is_free
