"""When the demo's doctors work, and when somebody is at its front desk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinicflow_core.timespan import TimeSpan, first_instant_from, wall_clock

Stretch = tuple[time, time]

_DAY = timedelta(days=1)
_WORKDAYS = range(5)
_SATURDAY, _SUNDAY = 5, 6

HOURS: Mapping[str, Mapping[int, tuple[Stretch, ...]]] = {
    "chen": {
        **dict.fromkeys(_WORKDAYS, ((time(8), time(12)), (time(13), time(17)))),
        _SATURDAY: ((time(10), time(14)),),
        _SUNDAY: ((time(10), time(14)),),
    },
    "okafor": {
        **dict.fromkeys(_WORKDAYS, ((time(8, 30), time(15)),)),
        _SUNDAY: ((time(10), time(15)),),
    },
    "lindqvist": {
        **dict.fromkeys(_WORKDAYS, ((time(10), time(18)),)),
        _SATURDAY: ((time(9), time(13)),),
    },
}
"""
The stretches in which each doctor works, by weekday from Monday as 0.

Somebody works on every day, and always while the clinic is open.
"""


def opening(day: date, zone: ZoneInfo) -> TimeSpan:
    """Return when the clinic is open on *day*: while any of its doctors works."""
    stretches = [s for week in HOURS.values() for s in week.get(day.weekday(), ())]
    return TimeSpan(
        first_instant_from(datetime.combine(day, min(s for s, _ in stretches)), zone),
        first_instant_from(datetime.combine(day, max(e for _, e in stretches)), zone),
    )


def is_open(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether a doctor works at *moment*."""
    span = opening(wall_clock(moment, zone).date(), zone)
    return span.start <= moment < span.end


def minutes_before(moment: datetime, minutes: int, zone: ZoneInfo) -> datetime:
    """
    Return from when on the clinic was open for *minutes* until *moment*.

    For no minutes that is *moment* itself, or the close before it.
    """
    left = timedelta(minutes=minutes)
    day = wall_clock(moment, zone).date()
    while True:
        span = opening(day, zone)
        end = min(moment, span.end)
        if end - span.start >= left:
            return end - left
        left -= max(end - span.start, timedelta())
        day -= _DAY
