"""
Diaries made up by Hypothesis, and what is free in them, found without the engine.

`starts_on_the_grid` goes through the days minute by minute. It takes hours as they are
written and asks Python what clocks show at each minute; of the core it has the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from attrs import evolve, frozen
from hypothesis import strategies as st

from clinicflow_core.entities.appointment import Appointment, VisitCategory
from clinicflow_core.entities.calendar import DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.doctor import WEEKDAYS, WorkingHours
from clinicflow_core.entities.ids import AppointmentId, PatientId
from clinicflow_core.entities.policy import (
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.scheduling.openings import Search
from clinicflow_core.timespan import TimeSpan, zone_of
from tests.core.scheduling.diaries import (
    DOCTOR,
    PATIENT,
    diary,
    time_off,
    visit_at_instant,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

PLACES = [
    *((zone, "2026-06-17") for zone in ("America/New_York", "Asia/Kathmandu")),
    ("America/New_York", "2026-03-08"),
    ("America/New_York", "2026-11-01"),
    ("America/New_York", "2026-12-25"),
    ("Europe/Lisbon", "2026-03-29"),
    ("Europe/Lisbon", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-29"),
    ("America/Havana", "2026-03-08"),
    ("America/Havana", "2026-11-01"),
    ("Antarctica/Troll", "2026-10-25"),
    ("Pacific/Apia", "2011-12-30"),
]
"""Zones, with a day on which clocks change there, or with any other one."""


@frozen(kw_only=True)
class Case:
    """
    A diary and a search in it.

    Attributes:
        week: By weekday, 0 is Monday: from and to as wall-clock times.
        dated: The same by date.
    """

    zone: ZoneInfo
    now: datetime
    week: Sequence[tuple[int, time, time]]
    dated: dict[date, list[tuple[time, time]]]
    off: Sequence[TimeOff]
    policy: SchedulingPolicy
    own: DoctorPolicy
    busy: Sequence[BusyTime]
    search: Search

    @property
    def diary(self) -> Diary:
        return diary(
            *self.busy,
            zone=self.zone,
            now=self.now,
            week=self.weekly_hours,
            dated=self.dated_hours,
            off=self.off,
            policy=self.policy,
            own=self.own,
        )

    @property
    def weekly_hours(self) -> list[WorkingHours]:
        return [WorkingHours(WEEKDAYS[day], *times) for day, *times in self.week]

    @property
    def dated_hours(self) -> list[DatedHours]:
        return [
            DatedHours(day, tuple(DayStretch(*times) for times in stretches))
            for day, stretches in self.dated.items()
        ]

    @property
    def duration(self) -> int:
        """In minutes."""
        if self.search.duration is not None:
            return self.search.duration
        category = self.search.visit_category
        by_category = {
            **self.policy.default_durations,
            **(self.own.default_durations or {}),
        }
        return by_category.get(category.value, 30) if category else 30

    @property
    def step(self) -> int:
        """In minutes."""
        return self.own.slot_step or self.policy.slot_step

    def hours_on(self, day: date) -> list[tuple[time, time]]:
        if day in self.dated:
            return self.dated[day]
        return [(start, end) for on, start, end in self.week if on == day.weekday()]

    def is_looked_for(self, starts_at: datetime) -> bool:
        """Return whether weekday and time of day are as wished for."""
        start, end = (
            at.astimezone(self.zone)
            for at in (starts_at, starts_at + self.duration * MINUTE)
        )
        wanted = self.search
        if wanted.weekdays and WEEKDAYS[start.weekday()] not in wanted.weekdays:
            return False
        if wanted.earliest and start.time() < wanted.earliest:
            return False
        return wanted.latest is None or (
            start.date() == end.date() and end.time() <= wanted.latest
        )

    def visit(self, starts_at: datetime) -> Appointment:
        """Return the visit that would be booked."""
        proposed = visit_at_instant(starts_at, self.duration, self.zone)
        if self.search.patient_id is None:
            return evolve(proposed, patient_id=PatientId(uuid4()))
        return proposed


@lru_cache(maxsize=64)
def minutes_of(
    zone: ZoneInfo, first: date, last: date
) -> tuple[tuple[datetime, datetime], ...]:
    """Return each minute around these days, and what clocks show then."""
    start = datetime.combine(first, time(), UTC) - 2 * DAY
    end = datetime.combine(last, time(), UTC) + 3 * DAY
    found = []
    while start < end:
        found.append((start, start.astimezone(zone).replace(tzinfo=None, fold=0)))
        start += MINUTE
    return tuple(found)


def starts_on_the_grid(case: Case) -> list[datetime]:
    """Return every start that the step and the start of each day's work allow."""
    first, last = case.search.first, case.search.last
    minutes = minutes_of(case.zone, first, last)
    shown_first: dict[datetime, datetime] = {}
    for instant, shown in minutes:
        shown_first.setdefault(shown, instant)
    starts: set[datetime] = set()
    for n in range(-1, (last - first).days + 1):
        for opens, closes in work_of(case, first + n * DAY):
            at = opens if opens.second == 0 else opens.replace(second=0) + MINUTE
            while at < closes:
                shown = at.astimezone(case.zone).replace(tzinfo=None, fold=0)
                if first <= shown.date() <= last and shown_first[shown] == at:
                    starts.add(at)
                at += case.step * MINUTE
    return sorted(starts)


def work_of(case: Case, day: date) -> list[list[datetime]]:
    """Return from when to when the work of a day lasts; what touches is one."""
    minutes = minutes_of(case.zone, case.search.first, case.search.last)

    def begins(local: datetime) -> datetime:
        """Return when clocks first show *local*, or what comes after it."""
        whole = local.replace(second=0)
        instant, shown = next(each for each in minutes if each[1] >= whole)
        return instant + (local - whole) if shown == whole else instant

    work: list[list[datetime]] = []
    for start, end in sorted(case.hours_on(day)):
        opens = begins(datetime.combine(day, start))
        closes = begins(datetime.combine(day if start < end else day + DAY, end))
        if work and opens <= work[-1][1]:
            work[-1][1] = max(closes, work[-1][1])
        elif opens < closes:
            work.append([opens, closes])
    return work


TIMES = st.one_of(
    st.sampled_from([time(h, m) for h in range(24) for m in (0, 0, 30)]),
    st.builds(time, st.integers(0, 23), st.integers(0, 59), st.sampled_from([0, 30])),
)
STRETCHES = st.one_of(
    st.tuples(TIMES, TIMES),
    st.sampled_from(
        [
            (time(), time()),
            (time(9), time(17)),
            (time(22), time(6)),
            (time(0), time(6)),
            (time(12), time()),
            (time(1, 10), time(3, 20)),
        ]
    ),
).filter(lambda times: times[0] != times[1] or times[0] == time())
WEEKS = st.one_of(
    STRETCHES.map(lambda times: [(day, *times) for day in range(7)]),
    st.lists(st.tuples(st.integers(0, 6), STRETCHES), min_size=7, max_size=14).map(
        lambda week: [(day, *times) for day, times in week]
    ),
)
STEPS = st.sampled_from([4, 5, 10, 15, 15, 20, 30, 40, 60, 96, 240])
BUFFERS = st.sampled_from([0, 0, 0, 5, 7, 15, 20, 60, 240])
DURATIONS = st.sampled_from([1, 10, 15, 20, 30, 30, 45, 59, 60, 90, 600, 1440])
OWN_DURATIONS = st.dictionaries(
    st.sampled_from([category.value for category in VisitCategory]), DURATIONS
)


@st.composite
def searches(draw: Any, first: date) -> Search:
    filters = draw(
        st.sampled_from([None, None, "weekdays", "times"]).flatmap(
            lambda which: {
                None: st.just({}),
                "weekdays": st.fixed_dictionaries(
                    {"weekdays": st.frozensets(st.sampled_from(WEEKDAYS), min_size=3)}
                ),
                "times": st.fixed_dictionaries(
                    {}, optional={"earliest": TIMES, "latest": TIMES}
                ),
            }[which]
        )
    )
    return Search(
        first=first,
        last=first + draw(st.integers(0, 2)) * DAY,
        duration=draw(st.none() | DURATIONS),
        visit_category=draw(st.none() | st.sampled_from(VisitCategory)),
        patient_id=draw(st.sampled_from([None, PATIENT.id])),
        **filters,
    )


@st.composite
def cases(draw: Any) -> Case:
    """Make a diary in which every rule may have something to say, and a search."""
    key, around = draw(st.sampled_from(PLACES))
    zone = zone_of(key)
    first = date.fromisoformat(around) + draw(st.integers(-2, 1)) * DAY
    search = draw(searches(first))
    days = [first + n * DAY for n in range(-2, 5)]
    midnight = datetime.combine(first, time(), UTC)
    instants = st.builds(
        lambda minutes, seconds: midnight + minutes * MINUTE + seconds,
        st.integers(-24 * 60, 4 * 24 * 60),
        st.sampled_from(
            [timedelta(), timedelta(), timedelta(seconds=30), timedelta(microseconds=1)]
        ),
    )

    def busy(
        starts_at: datetime, minutes: int, extra: timedelta, whose: str
    ) -> BusyTime:
        return BusyTime(
            AppointmentId(uuid4()),
            DOCTOR.id if "doctor" in whose else None,
            PATIENT.id if "patient" in whose else None,
            TimeSpan(starts_at, starts_at + minutes * MINUTE + extra),
        )

    seldom = st.sampled_from([False, False, False, True])
    return Case(
        zone=zone,
        now=draw(st.just(midnight - 3 * DAY) | st.just(midnight - DAY) | instants),
        week=draw(WEEKS),
        dated={
            day: draw(st.lists(STRETCHES, max_size=2)) for day in days if draw(seldom)
        },
        off=[
            time_off(starts.isoformat(), (starts + length).isoformat())
            for starts, length in draw(
                st.lists(
                    st.tuples(
                        st.builds(datetime.combine, st.sampled_from(days), TIMES),
                        st.sampled_from(
                            [30 * MINUTE, 95 * MINUTE, DAY / 2, DAY, 2 * DAY]
                        ),
                    ),
                    max_size=2,
                )
            )
        ],
        policy=SchedulingPolicy(
            slot_step=draw(STEPS),
            buffer_before=draw(BUFFERS),
            buffer_after=draw(BUFFERS),
            min_notice=draw(st.sampled_from([0, 0, 0, 90, 24 * 60, 50 * 60])),
            max_horizon_days=draw(st.none() | st.integers(0, 5)),
            daily_limit=draw(st.sampled_from([None, None, 1, 2, 3])),
            default_durations=draw(OWN_DURATIONS),
            closed_days=tuple(day for day in days if draw(seldom) and draw(seldom)),
            public_holidays=draw(
                st.none() | st.just(HolidayRegion(country="US", region="NY"))
            ),
        ),
        own=draw(
            st.just(DoctorPolicy())
            | st.builds(
                DoctorPolicy,
                slot_step=st.none() | STEPS,
                buffer_before=st.none() | BUFFERS,
                daily_limit=st.none() | st.integers(1, 3),
                default_durations=st.none() | OWN_DURATIONS,
            )
        ),
        busy=draw(
            st.lists(
                st.builds(
                    busy,
                    instants,
                    st.sampled_from([1, 5, 13, 20, 30, 30, 60, 90, 600]),
                    st.sampled_from([timedelta(), timedelta(seconds=20)]),
                    st.sampled_from(["doctor", "patient", "doctor and patient"]),
                ),
                max_size=8,
            )
        ),
        search=search,
    )


def free_starts(case: Case, find_conflicts: Any) -> Iterator[datetime]:
    """Yield the starts on the grid against which *find_conflicts* has nothing."""
    here = case.diary
    for starts_at in starts_on_the_grid(case):
        if case.is_looked_for(starts_at) and not find_conflicts(
            case.visit(starts_at), here
        ):
            yield starts_at
