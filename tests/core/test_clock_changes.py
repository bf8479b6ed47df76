"""
T11: every change of every IANA zone's clocks in the years 2024 to 2037.

The changes are found by bisecting on the offset, and what must come out is worked
out from them with plain arithmetic, not with the code under test.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import astuple, evolve, frozen

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.entities.appointment import fields_of
from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.scheduling import grid, openings
from clinicflow_core.scheduling.conflicts import OVERLAP_RULES, find_conflicts
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.scheduling.hours import working_spans
from clinicflow_core.scheduling.openings import Search, find_openings
from clinicflow_core.timespan import TimeSpan, VisitTime, local_day, visit_time
from tests.builders import (
    OPEN_ALL_WEEK,
    appointment,
    doctor,
    hours,
    open_clinic,
    patient,
)

FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = sorted(zoneinfo.available_timezones() - {"Factory", "localtime"})
SAMPLE = sorted(
    {
        *ZONES[::60],
        "Africa/Cairo",
        "Africa/Casablanca",
        "America/Havana",
        "America/New_York",
        "America/Santiago",
        "Antarctica/Troll",
        "Asia/Beirut",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Europe/Vienna",
    }
    & set(ZONES)
)
THREE_SHIFTS = (*hours("00:00-08:00"), *hours("08:00-16:00"), *hours("16:00-00:00"))
STEP = 30
"""In minutes; all these changes are by whole steps, and on whole steps of the day."""

CHEN, ANN, STRANGER = doctor(), patient(), appointment().id


@frozen
class Change:
    """At *at* the clocks of a zone go from one offset to another."""

    zone: zoneinfo.ZoneInfo
    at: datetime
    before: timedelta
    after: timedelta

    def shown(self, instant: datetime) -> datetime:
        """Return what the clocks show within some days of the change."""
        offset = self.before if instant < self.at else self.after
        return (instant + offset).replace(tzinfo=None)

    def meant(self, local: datetime) -> list[tuple[datetime, timedelta]]:
        """Return when the clocks show *local*, with the offsets then: 0 to 2 times."""
        moment = local.replace(tzinfo=UTC)
        early, late = moment - self.before, moment - self.after
        return [
            *([(early, self.before)] if early < self.at else []),
            *([(late, self.after)] if late >= self.at else []),
        ]

    def times_to_try(self) -> list[datetime]:
        """Return wall-clock times of some hours around the change, in order."""
        edges = {self.shown(self.at - MINUTE) + MINUTE, self.shown(self.at)}
        middle = min(edges)
        some = {middle + n * HOUR for n in range(-8, 9, 2)} | {min(edges) + 15 * MINUTE}
        return sorted(some | edges | {edge - MINUTE for edge in edges})


@cache
def changes_of(key: str) -> tuple[Change, ...]:
    zone = zoneinfo.ZoneInfo(key)

    def offset(instant: datetime) -> timedelta:
        return instant.astimezone(zone).utcoffset() or timedelta()

    found = []
    week = FIRST
    while week < LAST:
        early, late = week, week + 7 * DAY
        before, after = offset(early), offset(late)
        if before != after:
            while late - early > timedelta(seconds=1):
                middle = (early + (late - early) / 2).replace(microsecond=0)
                early, late = (
                    (middle, late) if offset(middle) == before else (early, middle)
                )
            found.append(Change(zone, late, before, after))
        week += 7 * DAY
    return tuple(found)


def faults_of_visits(change: Change, visit_time=visit_time) -> Iterator[str]:
    """Yield what is wrong with visits around *change*."""
    starts = []
    for local in change.times_to_try():
        meant = change.meant(local)
        asked = (local.date(), local.time(), 95, change.zone)
        found = visit_time(*asked)
        yield from _faults(change, local, 95, found, meant[:1])
        if found is not None:
            starts.append(found.span.start)
            yield from _faults_beside(found, change)
        for instant, offset in meant:
            chosen = visit_time(*asked, offset)
            yield from _faults(change, local, 95, chosen, [(instant, offset)])
        if visit_time(*asked, change.before + 5 * HOUR) is not None:
            yield f"{local} with an offset that is not in force"
    if any(later <= earlier for earlier, later in pairwise(starts)):
        yield "the order of visits differs from that of the clock"


def _faults(
    change: Change,
    local: datetime,
    minutes: int,
    found: VisitTime | None,
    meant: list[tuple[datetime, timedelta]],
) -> Iterator[str]:
    if not meant or found is None:
        if meant or found is not None:
            yield f"{local} is {found}, not {meant}"
        return
    [(start, _)] = meant
    end = start + minutes * MINUTE
    expected = (local.date(), local.time(), change.shown(end).time(), minutes)
    if (found.date, found.start_time, found.end_time, found.duration) != expected:
        yield f"{local} shows {found}, not {expected}"
    elif (found.span.start, found.span.end) != (start, end):
        yield f"{local} is at {found.span}, not {start}"


def _faults_beside(found: VisitTime, change: Change) -> Iterator[str]:
    people = {"doctor_id": CHEN.id, "patient_id": ANN.id}
    visit = appointment(**people, **fields_of(found))
    for gap, clash in ((timedelta(), False), (-MINUTE, True)):
        others = (
            TimeSpan(visit.ends_at + gap, visit.ends_at + HOUR),
            TimeSpan(visit.starts_at - HOUR, visit.starts_at - gap),
        )
        for span in others:
            taken = BusyTime(STRANGER, CHEN.id, ANN.id, span)
            diary = Diary(
                zone=change.zone, now=FIRST, doctors={}, patients={}, busy=(taken,)
            )
            if bool(find_conflicts(visit, diary, OVERLAP_RULES)) is not clash:
                yield f"{visit.span} beside {span}"


def faults_of_hours(change: Change) -> Iterator[str]:
    """Yield what is wrong with days and working hours around *change*."""
    first = min(change.shown(change.at - MINUTE), change.shown(change.at)).date() - DAY
    last = first + 3 * DAY

    def midnight(day: date) -> datetime:
        # A midnight that is skipped comes with the change.
        meant = change.meant(datetime.combine(day, time()))
        return meant[0][0] if meant else change.at

    day = first
    while day <= last:
        expected = TimeSpan(midnight(day), midnight(day + DAY))
        if local_day(day, change.zone) != expected:
            yield f"{day} is {local_day(day, change.zone)}, not {expected}"
        for week in (OPEN_ALL_WEEK, THREE_SHIFTS):
            if working_spans(week, day, day, change.zone) != [expected]:
                yield f"the hours of {day} do not add up"
        day += DAY
    whole = [TimeSpan(midnight(first), midnight(last + DAY))]
    if working_spans(THREE_SHIFTS, first, last, change.zone) != whole:
        yield "the hours of four days do not add up"
    if whole[0].end - whole[0].start != 4 * DAY + change.before - change.after:
        yield "the days have other lengths"


def faults_of_openings(change: Change, find_openings=find_openings) -> Iterator[str]:
    """Yield what is wrong with the openings around *change*, one beside the other."""
    first = min(change.shown(change.at - MINUTE), change.shown(change.at)).date() - DAY
    days = [first + n * DAY for n in range(4)]
    for week in (OPEN_ALL_WEEK, THREE_SHIFTS):
        here = always_open(change.zone, week)
        search = Search(first=days[0], last=days[-1], duration=STEP)
        found = find_openings(here, [CHEN.id], search)
        yield from _faults_as_listed(found, change)
        for day in days:
            of_day = [opening for opening in found if opening.date == day]
            if len(of_day) * STEP != minutes_shown(day, change):
                yield f"the openings of {day} do not add up"
            alone = evolve(search, first=day, last=day)
            if week is THREE_SHIFTS and of_day != find_openings(here, [CHEN.id], alone):
                yield f"the openings of {day} are others if it alone is asked for"


def _faults_as_listed(found, change: Change) -> Iterator[str]:
    shown = [datetime.combine(each.date, each.start_time) for each in found]
    if any(later <= earlier for earlier, later in pairwise(shown)):
        yield "a wall-clock time is listed twice, or too late"
    for local, opening in zip(shown, found, strict=True):
        meant = change.meant(local)
        if not meant:
            yield f"{local} never comes"
        elif meant[0][0] != opening.starts_at:
            yield f"{local} means {meant[0][0]}, not {opening.starts_at}"
        if opening.ends_at - opening.starts_at != STEP * MINUTE:
            yield f"{local} is not {STEP} minutes long"
        if opening.end_time != change.shown(opening.ends_at).time():
            yield f"{local} does not end at {opening.end_time}"
        at = visit_time(opening.date, opening.start_time, STEP, change.zone)
        if at is None or at.span != TimeSpan(opening.starts_at, opening.ends_at):
            yield f"{local} is booked for {at}"


def minutes_shown(day: date, change: Change) -> int:
    """Return how many minutes of *day* clocks show, each counted once."""
    midnight = datetime.combine(day, time())
    gap = change.shown(change.at - MINUTE) + MINUTE, change.shown(change.at)
    skipped = min(gap[1], midnight + DAY) - max(gap[0], midnight)
    return 24 * 60 - max(skipped // MINUTE, 0)


def always_open(zone: zoneinfo.ZoneInfo, week) -> Diary:
    return Diary(
        zone=zone,
        now=FIRST - 30 * DAY,
        policy=SchedulingPolicy(slot_step=STEP),
        doctors={CHEN.id: CHEN},
        patients={},
        calendars={CHEN.id: Calendar(tuple(week))},
    )


def openings_by_fixed_offset(diary, doctor_ids, search):
    """Return what somebody lists who adds the offset of the first midnight."""
    found = find_openings(diary, doctor_ids, search)
    offset = datetime.combine(search.first, time(), diary.zone).utcoffset()
    wrong = [(each, (each.starts_at + offset).replace(tzinfo=None)) for each in found]
    return [
        evolve(each, date=local.date(), start_time=local.time())
        for each, local in wrong
    ]


def fixed_offset(day, start, duration, zone, utc_offset=None):
    """Return what somebody gets who adds the offset of the day's midnight."""
    offset = datetime.combine(day, time(), zone).utcoffset()
    begin = datetime.combine(day, start, UTC) - offset
    end = begin + duration * MINUTE
    shown = (end + offset).time()
    return VisitTime(day, start, shown, duration, TimeSpan(begin, end))


def digest() -> str:
    """Return what comes out for the sample, in short."""
    told = hashlib.sha256()
    for key in SAMPLE:
        for change in changes_of(key)[:2]:
            for local in change.times_to_try():
                found = visit_time(local.date(), local.time(), 95, change.zone)
                told.update(repr(found).encode())
            day = change.shown(change.at).date()
            told.update(
                repr(working_spans(THREE_SHIFTS, day, day, change.zone)).encode()
            )
            search = Search(first=day - DAY, last=day + DAY, duration=95)
            here = always_open(change.zone, THREE_SHIFTS)
            for opening in find_openings(here, [CHEN.id], search):
                told.update(repr(astuple(opening)[1:]).encode())
    return told.hexdigest()


@pytest.mark.parametrize("key", SAMPLE)
def test_clock_changes_of_some_zones(key):
    for change in changes_of(key):
        assert list(faults_of_visits(change)) == [], change
        assert list(faults_of_hours(change)) == [], change


@pytest.mark.parametrize("key", SAMPLE)
def test_openings_around_clock_changes_of_some_zones(key):
    for change in changes_of(key)[:6]:
        assert list(faults_of_openings(change)) == [], change


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_all_clock_changes_of_all_zones(part):
    count = gaps = 0
    for key in ZONES[part::4]:
        for change in changes_of(key):
            assert list(faults_of_visits(change)) == [], change
            assert list(faults_of_hours(change)) == [], change
            count += 1
            gaps += change.after > change.before

    assert count > 1000
    assert abs(2 * gaps - count) < 50


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_openings_around_all_clock_changes_of_all_zones(part):
    count = 0
    for key in ZONES[part::4]:
        for change in changes_of(key):
            assert list(faults_of_openings(change)) == [], change
            count += 1

    assert count > 1000


@pytest.mark.slow
def test_no_zone_and_no_change_is_left_out():
    count = sum(len(changes_of(key)) for key in ZONES)

    assert len(ZONES) > 590
    assert count > 5500


def test_fixed_offsets_are_found_out():
    changes = [change for key in SAMPLE for change in changes_of(key)]

    wrong = [
        change for change in changes if any(faults_of_visits(change, fixed_offset))
    ]

    assert len(changes) > 200
    assert wrong == changes


def test_openings_by_fixed_offsets_are_found_out():
    changes = [change for key in SAMPLE for change in changes_of(key)[:2]]

    wrong = [
        change
        for change in changes
        if any(faults_of_openings(change, openings_by_fixed_offset))
    ]

    assert len(changes) > 15
    assert wrong == changes


def test_openings_of_a_second_pass_are_found_out(monkeypatch):
    autumn = [c for key in SAMPLE for c in changes_of(key)[:2] if c.after < c.before]
    monkeypatch.setattr(grid, "instant_of", lambda local, zone: AnyInstant())
    monkeypatch.setattr(openings, "grid_of", grid._made)

    wrong = [change for change in autumn if any(faults_of_openings(change))]

    assert len(autumn) > 5
    assert wrong == autumn


class AnyInstant:
    """Equals every instant, as if clocks meant each time that they show."""

    def __eq__(self, other):
        return True

    __hash__ = None


def request_at(clinic, local, **more):
    return BookAppointment(
        doctor_id=clinic.doctor.id,
        patient_id=clinic.patient.id,
        date=local.date(),
        start_time=local.time(),
        duration=60,
        **more,
    )


def book_around(key, change):
    """Book before, over and after a change, as the desk does."""
    store = MemoryStore(FixedClock(change.at - 2 * DAY))
    clinic = open_clinic(store, timezone=key)
    early, late = sorted([change.before, change.after])
    gap = change.after > change.before
    inside = change.shown(change.at) - (15 * MINUTE if gap else -15 * MINUTE)
    if gap:
        with pytest.raises(BookingConflictError) as refusal:
            booking.book(request_at(clinic, inside), clinic.uow)
        assert [c.kind.value for c in refusal.value.conflicts] == ["no-such-local-time"]
        assert refusal.value.alternatives
        for opening in refusal.value.alternatives:
            local = datetime.combine(opening.date, opening.start_time)
            assert booking.check(request_at(clinic, local), clinic.uow).conflicts == ()
        inside = change.shown(change.at)
    visit = booking.book(request_at(clinic, inside), clinic.uow)

    assert booking.get(visit.id, clinic.uow) == visit
    assert (visit.date, visit.start_time) == (inside.date(), inside.time())
    assert visit.ends_at - visit.starts_at == HOUR
    if not gap:
        assert visit.starts_at == change.meant(inside)[0][0]
        if late - early >= HOUR:
            again = booking.book(
                request_at(clinic, inside, utc_offset=offset_text(change.after)),
                clinic.uow,
            )
            assert again.starts_at - visit.starts_at == late - early


def offset_text(offset):
    minutes = int(abs(offset).total_seconds() // 60)
    sign = "-" if offset < timedelta() else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize("key", SAMPLE)
def test_the_desk_books_around_the_changes_of_some_zones(key):
    for change in changes_of(key)[:2]:
        book_around(key, change)


@pytest.mark.slow
def test_the_desk_books_in_every_zone():
    for key in ZONES:
        for change in changes_of(key)[:4]:
            book_around(key, change)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["UTC", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_the_computers_own_zone_does_not_matter(zone):
    root = Path(__file__).parents[2]
    program = "from tests.core.test_clock_changes import digest; print(digest())"

    told = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TZ": zone, "PYTHONPATH": str(root)},
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == digest()
