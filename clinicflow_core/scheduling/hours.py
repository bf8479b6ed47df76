"""Working hours: from a weekly pattern to the instants of one day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinicflow_core.entities.doctor import WEEKDAYS, WorkingHours
from clinicflow_core.timespan import TimeSpan, first_instant_from

_DAY = timedelta(days=1)


def working_spans(
    hours: Iterable[WorkingHours], first: date, last: date, zone: ZoneInfo
) -> list[TimeSpan]:
    """
    Return when a doctor works in the days *first* to *last*, in order and merged.

    What runs past midnight into *first* or out of *last* is included whole.
    Bounds that a clock change skips move to the moment of the change.
    """
    if last < first:
        return []
    stretches = list(hours)
    past_midnight = [s for s in stretches if time() < s.end <= s.start]
    spans = list(_spans_of(past_midnight, first - _DAY, zone))
    for offset in range((last - first).days + 1):
        spans.extend(_spans_of(stretches, first + offset * _DAY, zone))
    return list(_merged(sorted(spans, key=lambda span: span.start)))


def _spans_of(
    hours: Iterable[WorkingHours], day: date, zone: ZoneInfo
) -> Iterator[TimeSpan]:
    for stretch in hours:
        if stretch.weekday is WEEKDAYS[day.weekday()]:
            end_day = day + _DAY if stretch.end <= stretch.start else day
            start = first_instant_from(datetime.combine(day, stretch.start), zone)
            end = first_instant_from(datetime.combine(end_day, stretch.end), zone)
            if start < end:  # A clock change can swallow a short stretch.
                yield TimeSpan(start, end)


def _merged(spans: Iterable[TimeSpan]) -> Iterator[TimeSpan]:
    current: TimeSpan | None = None
    for span in spans:
        if current is None:
            current = span
        elif span.start <= current.end:
            current = TimeSpan(current.start, max(current.end, span.end))
        else:
            yield current
            current = span
    if current is not None:
        yield current
