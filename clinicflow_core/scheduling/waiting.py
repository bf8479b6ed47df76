"""Who could take a time that comes free, as far as their wishes go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.policy import MAX_BUFFER
from clinicflow_core.entities.waitlist import WaitlistEntry
from clinicflow_core.scheduling.diary import days_of
from clinicflow_core.timespan import TimeSpan, first_instant_from

_DAY = timedelta(days=1)
_BESIDE = timedelta(minutes=MAX_BUFFER)


def may_suit(entry: WaitlistEntry, freed: Iterable[TimeSpan], zone: ZoneInfo) -> bool:
    """
    Return whether a visit as *entry* wishes for could need time in *freed*.

    It says yes too often rather than too seldom: whether there is an opening is for
    the rules to say.
    """
    return any(_suits(entry, span.widened(_BESIDE), zone) for span in freed)


def _suits(entry: WaitlistEntry, around: TimeSpan, zone: ZoneInfo) -> bool:
    first, last = days_of(around, zone)
    # Without a last minute a visit can run into the day after.
    day = max(first - _DAY, entry.first_date)
    while day <= min(last, entry.last_date):
        if not entry.weekdays or WEEKDAYS[day.weekday()] in entry.weekdays:
            opens = datetime.combine(day, entry.earliest or time())
            closes = (
                datetime.combine(day, entry.latest)
                if entry.latest
                else datetime.combine(day + 2 * _DAY, time())
            )
            starts = first_instant_from(opens, zone)
            if starts < around.end and around.start < first_instant_from(closes, zone):
                return True
        day += _DAY
    return False
