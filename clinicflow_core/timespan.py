"""
Half-open spans of time, and the way between wall clock and instant.

A patient is promised a wall-clock time; the instant is derived from it here and
nowhere else. Instants are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from attrs import Attribute, field, frozen


def _is_aware(_: object, attribute: Attribute[datetime], value: datetime) -> None:
    if value.utcoffset() is None:
        raise ValueError(f"{attribute.name} has no time zone: {value}")


@frozen
class TimeSpan:
    """
    A half-open stretch of time: *start* belongs to it, *end* does not.

    So 09:00-09:30 and 09:30-10:00 touch but do not overlap.

    Raises:
        ValueError: If a bound has no time zone, or *end* is not after *start*.
    """

    start: datetime = field(validator=_is_aware)
    end: datetime = field(validator=_is_aware)

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"end must be after start: {self}")

    def overlaps(self, other: TimeSpan) -> bool:
        return self.start < other.end and other.start < self.end

    def covers(self, other: TimeSpan) -> bool:
        return self.start <= other.start and other.end <= self.end

    def widened(self, by: timedelta) -> TimeSpan:
        return TimeSpan(self.start - by, self.end + by)


@frozen
class VisitTime:
    """
    When a visit takes place: the wall clock that was promised, and the instants.

    Attributes:
        date: The local day of the start.
        start_time: Local, without a zone.
        end_time: Local; at or before *start_time* if the visit runs past midnight.
        duration: Real minutes from start to end, a begun one included; across a
            clock change the wall clock may show another difference.
        span: The same as instants in UTC.
    """

    date: date
    start_time: time
    end_time: time
    duration: int
    span: TimeSpan


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return the IANA zone *name*, which must exist."""
    return ZoneInfo(name)


def instant_of(
    local: datetime, zone: ZoneInfo, utc_offset: timedelta | None = None
) -> datetime | None:
    """
    Return the instant at which clocks in *zone* show *local*, or None if they never do.

    Args:
        local: A wall-clock time, without a zone.
        utc_offset: Picks one of the two instants of a repeated hour. Without it
            the first is meant. An offset that is not in force then gives None.
    """
    for fold in (0, 1):
        instant = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        shown = instant.astimezone(zone)
        if shown.replace(tzinfo=None, fold=0) == local and utc_offset in (
            None,
            shown.utcoffset(),
        ):
            return instant
    return None


def first_instant_from(local: datetime, zone: ZoneInfo) -> datetime:
    """
    Return the first instant at which clocks in *zone* show *local* or later.

    For a time that a clock change skips, that is the moment of the change.
    """
    instant = instant_of(local, zone)
    if instant is not None:
        return instant
    # With fold=1 Python reads a skipped time with the offset after the change,
    # which falls before the change; the earliest later reading is the change.
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < local:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def visit_time(
    day: date,
    start_time: time,
    duration: int,
    zone: ZoneInfo,
    utc_offset: timedelta | None = None,
) -> VisitTime | None:
    """
    Return the time of a visit, or None if clocks in *zone* never show its start.

    Args:
        duration: Real minutes.
        utc_offset: See `instant_of`.
    """
    start = instant_of(datetime.combine(day, start_time), zone, utc_offset)
    if start is None:
        return None
    end = start + timedelta(minutes=duration)
    return VisitTime(
        date=day,
        start_time=start_time,
        end_time=wall_clock(end, zone).time(),
        duration=duration,
        span=TimeSpan(start, end),
    )


def minutes_of(span: TimeSpan) -> int:
    """Return how many minutes *span* lasts, a begun one included."""
    return -((span.start - span.end) // timedelta(minutes=1))


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Return what clocks in *zone* show at *instant*, without a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def each_day(first: date, last: date) -> Iterator[date]:
    """Yield the days from *first* to *last*, both included."""
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of *day* in *zone*, or of the next day if it is none."""
    return first_instant_from(datetime.combine(day, time()), zone)


def local_day(day: date, zone: ZoneInfo) -> TimeSpan:
    """
    Return the whole of *day* in *zone*: 23 to 25 hours around a clock change.

    Raises:
        ValueError: If clocks skip the day, as Samoa's did on 30 December 2011.
    """
    return TimeSpan(midnight(day, zone), midnight(day + timedelta(days=1), zone))


def local_days(days: Iterable[date], zone: ZoneInfo) -> Iterator[TimeSpan]:
    """Yield the whole of each of *days* in *zone*, but for those that clocks skip."""
    for day in days:
        start, end = midnight(day, zone), midnight(day + timedelta(days=1), zone)
        if start < end:
            yield TimeSpan(start, end)
