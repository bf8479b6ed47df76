"""All figures of some days of a clinic, in all and in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TypeVar

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
from clinicflow_core.timespan import zone_of

K = TypeVar("K")

_DAY = timedelta(days=1)


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
    of_days = [visit for visit in visits if first <= visit.date <= last]
    time = {
        (doctor, day, hour): minutes
        for doctor, worked_then in worked.items()
        for (day, hour), minutes in minutes_by_hour(
            worked_then, zone_of(timezone)
        ).items()
        if first <= day <= last
    }

    def grouped(
        of_visit: Callable[[CountedVisit], K],
        of_time: Callable[[DoctorId, date, int], K],
    ) -> Callable[[K], VisitFigures]:
        visits_in: defaultdict[K, list[CountedVisit]] = defaultdict(list)
        for visit in of_days:
            visits_in[of_visit(visit)].append(visit)
        time_in: defaultdict[K, Minutes] = defaultdict(Minutes)
        for key, minutes in time.items():
            time_in[of_time(*key)] += minutes
        return lambda key: figures_of(
            visits_in.get(key, ()), time_in.get(key, Minutes()), now
        )

    total = grouped(lambda _: None, lambda *_: None)
    of_doctor = grouped(lambda visit: visit.doctor_id, lambda doctor, *_: doctor)
    of_weekday = grouped(
        lambda visit: visit.date.weekday(), lambda _, day, __: day.weekday()
    )
    of_hour = grouped(lambda visit: visit.start_time.hour, lambda _, __, hour: hour)
    of_day = grouped(lambda visit: visit.date, lambda _, day, __: day)
    hours = {visit.start_time.hour for visit in of_days} | {hour for *_, hour in time}
    return ClinicFigures(
        from_=first,
        to=last,
        timezone=timezone,
        now=now,
        doctor_id=doctor_id,
        total=total(None),
        by_doctor=tuple(
            DoctorFigures(
                doctor_id=doctor.id,
                name=doctor.name,
                initials=doctor.initials,
                color=doctor.color,
                figures=of_doctor(doctor.id),
            )
            for doctor in sorted(doctors, key=lambda doctor: doctor.sort_key)
        ),
        by_weekday=tuple(
            WeekdayFigures(weekday=weekday, figures=of_weekday(number))
            for number, weekday in enumerate(WEEKDAYS)
        ),
        by_hour=tuple(
            HourFigures(hour=hour, figures=of_hour(hour))
            for hour in range(min(hours, default=0), max(hours, default=-1) + 1)
        ),
        by_day=tuple(
            DayFigures(date=day, figures=of_day(day)) for day in _days(first, last)
        ),
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))
