"""Closed days: those that the clinic names, and public holidays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from clinicflow_core.entities.calendar import DatedHours
from clinicflow_core.entities.policy import HolidayRegion, SchedulingPolicy
from clinicflow_core.timespan import TimeSpan, local_days

_DAY = timedelta(days=1)


def closed_spans(
    policy: SchedulingPolicy,
    dated: Iterable[DatedHours],
    first: date,
    last: date,
    zone: ZoneInfo,
) -> list[TimeSpan]:
    """
    Return the days from *first* to *last* on which a doctor's clinic is closed.

    Args:
        dated: The doctor's; hours on a public holiday open it for them, and never a
            day that the clinic itself has closed.
    """
    opened = {day.date for day in dated if day.hours}
    closed = {day for day in policy.closed_days if first <= day <= last}
    if policy.public_holidays is not None:
        closed |= set(_holidays(policy.public_holidays, first, last)) - opened
    return list(local_days(sorted(closed), zone))


def is_known(region: HolidayRegion) -> bool:
    """Return whether the public holidays of *region* are known."""
    from holidays import list_supported_countries  # noqa: PLC0415  As below.

    regions = list_supported_countries().get(region.country)
    return regions is not None and region.region in (None, *regions)


def _holidays(region: HolidayRegion, first: date, last: date) -> Iterator[date]:
    for year in range(first.year, last.year + 1):
        yield from (day for day in _holidays_of(region, year) if first <= day <= last)


@lru_cache(maxsize=256)
def _holidays_of(region: HolidayRegion, year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415  Slow, and few ask for it.

    found = country_holidays(region.country, subdiv=region.region, years=year)
    return frozenset(day for day in found if day.year == year)
