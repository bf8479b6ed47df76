"""All figures of some days of a clinic, in all and in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.entities.doctor import WEEKDAYS, Doctor, Weekday
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.figures.minutes import (
    DoctorTime,
    Minutes,
    Utilisation,
    minutes_by_hour,
    utilisation,
)
from clinicflow_core.figures.visits import (
    Arrivals,
    Cancellations,
    CountedVisit,
    DueVisits,
    IntakeProgress,
    LeadTimes,
    StatusCounts,
    arrivals,
    awaiting_signature,
    cancellations,
    due_visits,
    intake_progress,
    lead_times,
    visits_by_status,
)
from clinicflow_core.timespan import each_day, zone_of

K = TypeVar("K")


@frozen(kw_only=True)
class VisitFigures:
    """
    All figures of some visits.

    Attributes:
        awaiting_signature: Visits with a summary that is made and not signed.
    """

    visits: StatusCounts
    due: DueVisits
    cancellations: Cancellations
    arrivals: Arrivals
    lead: LeadTimes
    intake: IntakeProgress
    awaiting_signature: int
    utilisation: Utilisation


@frozen(kw_only=True)
class DoctorFigures:
    """The figures of one doctor."""

    doctor_id: DoctorId
    name: str
    initials: str | None
    color: str | None
    figures: VisitFigures


@frozen(kw_only=True)
class WeekdayFigures:
    """The figures of one weekday."""

    weekday: Weekday
    figures: VisitFigures


@frozen(kw_only=True)
class HourFigures:
    """
    The figures of one hour of the day.

    Attributes:
        hour: On the clinic's clock: 9 is from 09:00 to 10:00.
    """

    hour: int
    figures: VisitFigures


@frozen(kw_only=True)
class DayFigures:
    """The figures of one local day."""

    date: date
    figures: VisitFigures


@frozen(kw_only=True)
class ClinicFigures:
    """
    What some days of a clinic come to.

    Attributes:
        from_: The first local day, and *to* the last.
        now: When it was counted; what was due is told by it.
        doctor_id: Whose days alone; None for all doctors.
        by_doctor: By name, those without visits included.
        by_weekday: From Monday to Sunday.
        by_hour: From the first hour with work or a visit to the last, without a gap.
        by_day: Every day, in order.
    """

    from_: date
    to: date
    timezone: str
    now: datetime
    doctor_id: DoctorId | None
    total: VisitFigures
    by_doctor: tuple[DoctorFigures, ...]
    by_weekday: tuple[WeekdayFigures, ...]
    by_hour: tuple[HourFigures, ...]
    by_day: tuple[DayFigures, ...]


def figures_of(
    visits: Collection[CountedVisit], minutes: Minutes, now: datetime
) -> VisitFigures:
    """Return all figures of some visits, and of the time of their doctors."""
    return VisitFigures(
        visits=visits_by_status(visits),
        due=due_visits(visits, now),
        cancellations=cancellations(visits),
        arrivals=arrivals(visits),
        lead=lead_times(visits),
        intake=intake_progress(visits),
        awaiting_signature=awaiting_signature(visits),
        utilisation=utilisation(minutes),
    )


def clinic_figures(
    visits: Iterable[CountedVisit],
    worked: Mapping[DoctorId, DoctorTime],
    doctors: Iterable[Doctor],
    *,
    first: date,
    last: date,
    timezone: str,
    now: datetime,
    doctor_id: DoctorId | None = None,
) -> ClinicFigures:
    """
    Return what the days from *first* to *last* come to, in all and in groups.

    Args:
        visits: Those on other days do not count.
        worked: Of the days before and after no minute counts.
        doctors: All that the visits are with.
        timezone: The clinic's, as an IANA name.
        doctor_id: Whose days alone these are; it is passed on.
    """
    hours = [
        hour
        for hour in _hours(visits, worked, zone_of(timezone))
        if first <= hour.date <= last
    ]
    return ClinicFigures(
        from_=first,
        to=last,
        timezone=timezone,
        now=now,
        doctor_id=doctor_id,
        total=_figures(hours, now),
        by_doctor=_by_doctor(hours, doctors, now),
        by_weekday=_by_weekday(hours, now),
        by_hour=_by_hour(hours, now),
        by_day=_by_day(hours, first, last, now),
    )


@frozen
class _Hour:
    """An hour of a doctor's day, of which all groups are made."""

    doctor_id: DoctorId
    date: date
    hour: int
    visits: Sequence[CountedVisit]
    minutes: Minutes


def _hours(
    visits: Iterable[CountedVisit],
    worked: Mapping[DoctorId, DoctorTime],
    zone: ZoneInfo,
) -> Iterator[_Hour]:
    visits_in: defaultdict[tuple[DoctorId, date, int], list[CountedVisit]]
    visits_in = defaultdict(list)
    for visit in visits:
        visits_in[visit.doctor_id, visit.date, visit.start_time.hour].append(visit)
    minutes_in = {
        (doctor_id, day, hour): minutes
        for doctor_id, time in worked.items()
        for (day, hour), minutes in minutes_by_hour(time, zone).items()
    }
    for key in {**visits_in, **minutes_in}:
        yield _Hour(*key, visits_in.get(key, ()), minutes_in.get(key, Minutes()))


def _figures(hours: Collection[_Hour], now: datetime) -> VisitFigures:
    visits = [visit for hour in hours for visit in hour.visits]
    return figures_of(visits, sum((hour.minutes for hour in hours), Minutes()), now)


def _grouped(
    hours: Iterable[_Hour], key: Callable[[_Hour], K]
) -> defaultdict[K, list[_Hour]]:
    groups: defaultdict[K, list[_Hour]] = defaultdict(list)
    for hour in hours:
        groups[key(hour)].append(hour)
    return groups


def _by_doctor(
    hours: Iterable[_Hour], doctors: Iterable[Doctor], now: datetime
) -> tuple[DoctorFigures, ...]:
    groups = _grouped(hours, lambda hour: hour.doctor_id)
    return tuple(
        DoctorFigures(
            doctor_id=doctor.id,
            name=doctor.name,
            initials=doctor.initials,
            color=doctor.color,
            figures=_figures(groups[doctor.id], now),
        )
        for doctor in sorted(doctors, key=lambda doctor: doctor.sort_key)
    )


def _by_weekday(hours: Iterable[_Hour], now: datetime) -> tuple[WeekdayFigures, ...]:
    groups = _grouped(hours, lambda hour: hour.date.weekday())
    return tuple(
        WeekdayFigures(weekday=weekday, figures=_figures(groups[number], now))
        for number, weekday in enumerate(WEEKDAYS)
    )


def _by_hour(hours: Iterable[_Hour], now: datetime) -> tuple[HourFigures, ...]:
    groups = _grouped(hours, lambda hour: hour.hour)
    first, last = min(groups, default=0), max(groups, default=-1)
    return tuple(
        HourFigures(hour=hour, figures=_figures(groups[hour], now))
        for hour in range(first, last + 1)
    )


def _by_day(
    hours: Iterable[_Hour], first: date, last: date, now: datetime
) -> tuple[DayFigures, ...]:
    groups = _grouped(hours, lambda hour: hour.date)
    return tuple(
        DayFigures(date=day, figures=_figures(groups[day], now))
        for day in each_day(first, last)
    )
