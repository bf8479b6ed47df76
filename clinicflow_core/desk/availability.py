"""Availability: when doctors could see somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most, whole
from clinicflow_core.desk.placing import LAST_YEAR, bookable_day
from clinicflow_core.entities.appointment import MAX_DURATION, VisitCategory
from clinicflow_core.entities.doctor import Weekday, WorkingHours
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import MAX_BUFFER
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.ports import Page, UnitOfWork
from clinicflow_core.scheduling.conflicts import STANDARD_RULES, Rule
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.openings import (
    Opening,
    Search,
    find_openings,
    first_openings,
)
from clinicflow_core.timespan import TimeSpan, midnight

MOST_DAYS = 366
"""How many days one search for openings covers."""

MOST_STARTS = 250_000
"""How many starts one search looks at."""

MOST_OPENINGS = 50_000
"""How many openings one answer holds."""

MOST_NAMED = 40
"""How many doctors can be named; all of them need not be."""

MOST_NEXT = 100
"""How many first openings can be asked for."""

_FIRST_DAYS = 7
"""How far the first look for the next openings goes; each later one goes further."""

_DAY = timedelta(days=1)
_LAST_DAY = date(LAST_YEAR, 12, 31)


def _refuse_no_time(earliest: time | None, latest: time | None) -> None:
    if earliest and latest and latest <= earliest:
        problem = Problem("/latest", "must be after the earliest time")
        raise InvalidError((problem,))


@frozen(kw_only=True)
class FindOpenings:
    """
    Which openings are looked for.

    Attributes:
        from_: The first local day; today without.
        to: The last local day; a week in all without.
        doctor_id: With whom, one or several; anybody without.
        duration: In minutes; without it what the doctor's policy says of visits of
            *visit_category*, or 30.
        weekday: Only on these.
        earliest: Only what starts then or later, by the clinic's wall clock.
        latest: Only what ends then or earlier.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    to: date | None = field(default=None, validator=bookable_day)
    doctor_id: tuple[DoctorId, ...] = field(default=(), validator=at_most(MOST_NAMED))
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    visit_category: VisitCategory | None = None
    weekday: frozenset[Weekday] = frozenset()
    earliest: time | None = None
    latest: time | None = None

    def __attrs_post_init__(self) -> None:
        _refuse_no_time(self.earliest, self.latest)


@frozen(kw_only=True)
class FindNext:
    """
    Which openings are looked for: the first ones, whenever they are.

    Attributes:
        from_: The first local day that suits; today without.
        count: How many.

    The rest is as in `FindOpenings`.
    """

    from_: date | None = field(default=None, validator=bookable_day)
    count: int = field(default=5, validator=whole(1, MOST_NEXT))
    doctor_id: tuple[DoctorId, ...] = field(default=(), validator=at_most(MOST_NAMED))
    duration: int | None = field(default=None, validator=whole(1, MAX_DURATION))
    visit_category: VisitCategory | None = None
    weekday: frozenset[Weekday] = frozenset()
    earliest: time | None = None
    latest: time | None = None

    def __attrs_post_init__(self) -> None:
        _refuse_no_time(self.earliest, self.latest)


def openings(
    request: FindOpenings, uow: UnitOfWork, rules: Sequence[Rule] = STANDARD_RULES
) -> Page[Opening]:
    """
    Return all openings, doctor by doctor by name, each by start.

    A doctor sees their own alone. What is returned can be booked as it is.

    Raises:
        InvalidError: If *to* comes before *from*, or after more than `MOST_DAYS`; if
            there are more than `MOST_STARTS` to look at, or `MOST_OPENINGS`.
        DoctorNotFoundError: If one of the doctors is not there.
    """
    with uow:
        doctor_ids = _whose(request.doctor_id, uow)
        search = _search(request, uow)
        diary = _diary(doctor_ids, search, uow)
    days = (search.last - search.first).days + 1
    if days * _starts_a_day(diary) > MOST_STARTS:
        raise _too_many(f"{MOST_STARTS} starts")
    found = find_openings(diary, diary.doctors, search, rules)
    if len(found) > MOST_OPENINGS:
        raise _too_many(f"{MOST_OPENINGS} openings")
    return Page(tuple(found))


def next_openings(
    request: FindNext, uow: UnitOfWork, rules: Sequence[Rule] = STANDARD_RULES
) -> Page[Opening]:
    """
    Return the first openings over all these doctors, by start, then by doctor.

    It looks `MOST_DAYS` ahead, further and further, and at no more than four times
    `MOST_STARTS`. A doctor sees their own alone.

    Raises:
        DoctorNotFoundError: If one of the doctors is not there.
    """
    with uow:
        doctor_ids = _whose(request.doctor_id, uow)
        today = uow.clinic.today(uow.now)
        first = max(request.from_ or today, today)
        end = min(first + (MOST_DAYS - 1) * _DAY, _LAST_DAY)
        found: list[Opening] = []
        last, days, left = first - _DAY, _FIRST_DAYS, 4 * MOST_STARTS
        while len(found) < request.count and last < end and left > 0:
            start = last + _DAY
            last = min(last + days * _DAY, end)
            search = Search(
                first=start,
                last=last,
                duration=request.duration,
                visit_category=request.visit_category,
                weekdays=request.weekday,
                earliest=request.earliest,
                latest=request.latest,
            )
            diary = _diary(doctor_ids, search, uow)
            a_day = _starts_a_day(diary)
            looked = min((last - start).days + 1, max(1, MOST_STARTS // a_day))
            last = start + (looked - 1) * _DAY
            left -= looked * a_day
            days = 2 * looked
            search = evolve(search, last=last)
            missing = request.count - len(found)
            found += first_openings(diary, diary.doctors, search, missing, rules)
        return Page(tuple(found))


def _starts_a_day(diary: Diary) -> int:
    """Return about how many starts there are on a day, over all doctors; 1 at least."""
    minutes = {
        doctor_id: sum(
            end - start for start, end in map(WorkingHours.minutes_of_week, c.weekly)
        )
        for doctor_id, c in diary.calendars.items()
    }
    a_week = sum(
        minutes[doctor_id] / diary.policy_of(doctor_id).slot_step
        for doctor_id in minutes
    )
    return 1 + int(a_week / 7)


def _too_many(what: str) -> InvalidError:
    detail = f"asks for more than {what}: ask for fewer days, or fewer doctors"
    return InvalidError((Problem("/to", detail),))


def _whose(
    doctor_ids: Sequence[DoctorId], uow: UnitOfWork
) -> Sequence[DoctorId] | None:
    """Return whose openings are looked for; None for everybody's."""
    own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
    for doctor_id in doctor_ids:
        uow.actor.must_see_diary(doctor_id)
    return doctor_ids or (None if own is None else [own])


def _search(request: FindOpenings, uow: UnitOfWork) -> Search:
    today = uow.clinic.today(uow.now)
    first = request.from_ or min(today, request.to or today)
    last = request.to or min(first + (_FIRST_DAYS - 1) * _DAY, _LAST_DAY)
    if last < first:
        raise InvalidError((Problem("/to", "must not be before from"),))
    if (last - first).days >= MOST_DAYS:
        detail = f"must be within {MOST_DAYS} days from the first"
        raise InvalidError((Problem("/to", detail),))
    return Search(
        first=first,
        last=last,
        duration=request.duration,
        visit_category=request.visit_category,
        weekdays=request.weekday,
        earliest=request.earliest,
        latest=request.latest,
    )


def _diary(
    doctor_ids: Sequence[DoctorId] | None, search: Search, uow: UnitOfWork
) -> Diary:
    zone = uow.clinic.zone
    end = midnight(search.last + _DAY, zone)
    window = TimeSpan(midnight(search.first, zone), end + _DAY)
    beside = timedelta(minutes=MAX_BUFFER)
    return uow.diaries.read(doctor_ids, [], window.widened(beside))
