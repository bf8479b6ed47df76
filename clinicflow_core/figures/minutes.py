"""
How much of the doctors' time was booked.

A minute belongs to the day and hour that the clinic's clocks show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.figures.rates import Share
from clinicflow_core.timespan import TimeSpan

_NO_TIME = timedelta()
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@frozen(kw_only=True)
class DoctorTime:
    """
    When one doctor could see patients, and when visits were held.

    Attributes:
        offered: The working hours without time off and closed days; in order, none
            touching another.
        held: When at least one visit stands that is neither cancelled nor missed; in
            order, none touching another.
    """

    offered: Sequence[TimeSpan] = ()
    held: Sequence[TimeSpan] = ()


@frozen
class Minutes:
    """Time of some doctors, added up."""

    offered: timedelta = _NO_TIME
    booked: timedelta = _NO_TIME
    outside: timedelta = _NO_TIME

    def __add__(self, other: Minutes) -> Minutes:
        return Minutes(
            self.offered + other.offered,
            self.booked + other.booked,
            self.outside + other.outside,
        )


@frozen(kw_only=True)
class Utilisation:
    """
    How much of the time that doctors offered was booked, in whole minutes.

    Attributes:
        offered_minutes: Working hours without time off and closed days.
        booked_minutes: Of these, those in which a visit stood.
        outside_minutes: Those in which a visit stood outside of what was offered.
    """

    offered_minutes: int
    booked_minutes: int
    outside_minutes: int

    __computed__: ClassVar[tuple[str, ...]] = ("share",)

    @property
    def share(self) -> Share:
        """Booked over offered minutes; never above 1."""
        return Share(self.booked_minutes, self.offered_minutes)


def utilisation(minutes: Minutes) -> Utilisation:
    """
    Return how much of the offered time was booked, each in whole minutes, rounded down.

    Offered are a doctor's working hours without time off and closed days, each minute
    once. Booked are those of them in which a visit stands that is neither cancelled
    nor missed. Two visits at once, as an overbooked one, take a minute once; what a
    visit takes outside of what is offered is counted apart. So the share is 1 at most.
    """
    return Utilisation(
        offered_minutes=minutes.offered // _MINUTE,
        booked_minutes=minutes.booked // _MINUTE,
        outside_minutes=minutes.outside // _MINUTE,
    )


def minutes_by_hour(
    worked: DoctorTime, zone: ZoneInfo
) -> Mapping[tuple[date, int], Minutes]:
    """
    Return one doctor's time by the local day and hour that clocks show in *zone*.

    Where an hour is repeated both count for it; one that is skipped has no time.
    """
    time: defaultdict[tuple[date, int], Minutes] = defaultdict(Minutes)
    for key, length in _by_hour(worked.offered, zone):
        time[key] += Minutes(offered=length)
    for key, length in _by_hour(worked.held, zone):
        time[key] += Minutes(outside=length)
    for key, length in _by_hour(_shared(worked.offered, worked.held), zone):
        time[key] += Minutes(booked=length, outside=-length)
    return time


def _shared(some: Sequence[TimeSpan], others: Sequence[TimeSpan]) -> Iterator[TimeSpan]:
    """Yield what both have in common; each is in order and without overlaps."""
    one = other = 0
    while one < len(some) and other < len(others):
        start = max(some[one].start, others[other].start)
        end = min(some[one].end, others[other].end)
        if start < end:
            yield TimeSpan(start, end)
        if some[one].end == end:
            one += 1
        else:
            other += 1


def _by_hour(
    spans: Iterable[TimeSpan], zone: ZoneInfo
) -> Iterator[tuple[tuple[date, int], timedelta]]:
    for span in spans:
        start = span.start
        while start < span.end:
            shown = start.astimezone(zone)
            end = start + _until_next(_HOUR, shown)
            if end.astimezone(zone).utcoffset() != shown.utcoffset():
                # Clocks change within the hour, or at its end: go minute by minute.
                end = start + _until_next(_MINUTE, shown)
            end = min(end, span.end)
            yield (shown.date(), shown.hour), end - start
            start = end


def _until_next(unit: timedelta, shown: datetime) -> timedelta:
    """Return how long it is on the clock until the next whole hour or minute."""
    return unit - (shown.replace(tzinfo=None) - datetime.min) % unit
