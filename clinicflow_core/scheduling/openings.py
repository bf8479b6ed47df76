"""Openings: the free times that doctors can offer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from uuid import UUID

from attrs import evolve, frozen

from clinicflow_core.entities.appointment import Appointment, VisitCategory
from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.scheduling.conflicts import (
    STANDARD_RULES,
    BarRule,
    Bars,
    Rule,
    Wish,
    find_conflicts,
    outside_hours,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.grid import Grid, GridTime, grid_of
from clinicflow_core.timespan import TimeSpan, first_instant_from

_NOBODY = UUID(int=0)
_HALF_A_DAY = timedelta(hours=12)


@frozen
class Opening:
    """A free time of one doctor; wall clock in the clinic's zone, instants in UTC."""

    doctor_id: DoctorId
    date: date
    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime


@frozen(kw_only=True)
class Search:
    """
    Which openings are looked for.

    Attributes:
        first: The first local day, and *last* the last one.
        duration: In minutes; None for what the doctor's policy says of
            *visit_category*.
        patient_id: Who must be free too; None if that does not matter.
        weekdays: Only on these; empty for all.
        earliest: Only what starts then or later, by the wall clock of each day.
        latest: Only what ends then or earlier, on the same day.
    """

    first: date
    last: date
    duration: int | None = None
    visit_category: VisitCategory | None = None
    patient_id: PatientId | None = None
    weekdays: frozenset[Weekday] = frozenset()
    earliest: time | None = None
    latest: time | None = None

    def suits(self, found: GridTime) -> bool:
        """Return whether weekday and time of day are as wished for."""
        if self.weekdays and WEEKDAYS[found.date.weekday()] not in self.weekdays:
            return False
        if self.earliest is not None and found.start_time < self.earliest:
            return False
        if self.latest is None:
            return True
        # A clock change moves the end by some hours, midnight by a whole day.
        start, end = (
            datetime.combine(found.date, moment)
            for moment in (found.start_time, found.end_time)
        )
        is_same_day = abs(start + (found.ends_at - found.starts_at) - end) < _HALF_A_DAY
        return is_same_day and found.end_time <= self.latest


def find_openings(
    diary: Diary,
    doctor_ids: Iterable[DoctorId],
    search: Search,
    rules: Sequence[Rule] = STANDARD_RULES,
) -> list[Opening]:
    """
    Return every opening, doctor by doctor in the order given, each by start.

    They are all the starts on the step grid at which *rules* find nothing against a
    visit. What the rules look at must be in *diary*: the days from `Search.first` to
    `Search.last` whole, and `policy.MAX_BUFFER` minutes around them.

    An opening is the wall clock's first pass where an hour is repeated.
    """
    openings: list[Opening] = []
    is_filtered = search.weekdays or search.earliest or search.latest
    for doctor_id in doctor_ids:
        times = free_times(diary, doctor_id, search, rules)
        if is_filtered:
            times = filter(search.suits, times)
        openings.extend([Opening(doctor_id, *found) for found in times])
    return openings


def first_openings(
    diary: Diary,
    doctor_ids: Iterable[DoctorId],
    search: Search,
    most: int,
    rules: Sequence[Rule] = STANDARD_RULES,
) -> list[Opening]:
    """Return the first *most* of `find_openings`, ties as doctors are given."""
    found = find_openings(diary, doctor_ids, search, rules)
    return sorted(found, key=lambda opening: opening.starts_at)[:most]


def nearest_openings(
    diary: Diary,
    doctor_ids: Iterable[DoctorId],
    search: Search,
    wanted: datetime,
    rules: Sequence[Rule] = STANDARD_RULES,
    *,
    most: int = 3,
) -> tuple[Opening, ...]:
    """
    Return up to *most* openings to come, nearest to *wanted* first.

    Args:
        wanted: The local wall clock that was asked for.
    """
    search = evolve(search, first=max(search.first, diary.today))
    if search.last < search.first:
        return ()
    wanted_at = first_instant_from(wanted, diary.zone)
    bars = [rule for rule in rules if isinstance(rule, BarRule)]
    found = find_openings(diary, doctor_ids, search, bars)
    found = [opening for opening in found if opening.starts_at >= diary.now]
    found.sort(key=lambda opening: abs(opening.starts_at - wanted_at))
    # Other rules may take their time: they are asked until there are enough.
    others = _others(rules)
    standing = (o for o in found if _may_stand(o, search.patient_id, diary, others))
    return tuple(islice(standing, most))


def free_times(
    diary: Diary,
    doctor_id: DoctorId,
    search: Search,
    rules: Sequence[Rule] = STANDARD_RULES,
) -> Iterator[GridTime]:
    """Yield the starts of one doctor at which *rules* find nothing, in order."""
    policy = diary.policy_of(doctor_id)
    calendar = diary.calendar_of(doctor_id)
    duration = search.duration or policy.duration_of(search.visit_category)
    grid = grid_of(
        calendar.weekly,
        calendar.dated,
        diary.zone,
        search.first,
        search.last,
        duration,
        policy.slot_step,
    )
    if not grid.times:
        return iter(())
    wish = Wish(
        doctor_id=doctor_id,
        patient_id=search.patient_id,
        window=TimeSpan(grid.times[0].starts_at, grid.times[-1].ends_at),
    )
    times = grid.free(_barred(grid, wish, diary, rules))
    others = _others(rules)
    if not others:
        return times
    return (
        found
        for found in times
        if _may_stand(Opening(doctor_id, *found), search.patient_id, diary, others)
    )


def _barred(grid: Grid, wish: Wish, diary: Diary, rules: Iterable[Rule]) -> list[int]:
    """Return the edges of all that *rules* bar in *grid*."""
    edges = grid.no_bars()
    # Several rules keep away from the same bars: the widest gap holds for all.
    widest: dict[Bars, int] = {}
    for rule in rules:
        if not isinstance(rule, BarRule):
            continue
        if rule.starts_only:
            grid.bar_starts(edges, rule.bars(wish, diary))
        else:
            gap = rule.gap(wish, diary) if rule.gap else 0
            widest[rule.bars] = max(gap, widest.get(rule.bars, 0))
    for bars, gap in widest.items():
        grid.bar_visits(edges, bars(wish, diary), gap)
    return edges


def _others(rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules that are more than bars; the grid itself keeps to the hours."""
    return [r for r in rules if not isinstance(r, BarRule) and r is not outside_hours]


def _may_stand(
    opening: Opening,
    patient_id: PatientId | None,
    diary: Diary,
    rules: Sequence[Rule],
) -> bool:
    proposed = Appointment(
        id=AppointmentId(_NOBODY),
        doctor_id=opening.doctor_id,
        patient_id=patient_id or PatientId(_NOBODY),
        date=opening.date,
        start_time=opening.start_time,
        end_time=opening.end_time,
        duration=(opening.ends_at - opening.starts_at) // timedelta(minutes=1),
        starts_at=opening.starts_at,
        ends_at=opening.ends_at,
        created_at=diary.now,
        updated_at=diary.now,
    )
    return not find_conflicts(proposed, diary, rules)


def free_spans(
    working: Iterable[TimeSpan], taken: Collection[TimeSpan]
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
