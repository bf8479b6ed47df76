"""Working hours: from a weekly pattern and its exceptions to instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from clinicflow_core.entities.calendar import DatedHours, DayStretch
from clinicflow_core.entities.doctor import WEEKDAYS, WorkingHours
from clinicflow_core.timespan import TimeSpan, first_instant_from

_DAY = timedelta(days=1)


def working_spans(
    weekly: Iterable[WorkingHours],
    first: date,
    last: date,
    zone: ZoneInfo,
    dated: Iterable[DatedHours] = (),
) -> list[TimeSpan]:
    """
    Return when a doctor works in the days *first* to *last*, in order and merged.

    What runs past midnight into *first* or out of *last* is included whole.
    Bounds that a clock change skips move to the moment of the change.
    """
    if last < first:
        return []
    hours_of = _hours_by_day(weekly, dated)
    before = first - _DAY
    past_midnight = [
        stretch for stretch in hours_of(before) if time() < stretch.end <= stretch.start
    ]
    spans = list(_spans_of(past_midnight, before, zone))
    for day in _days(first, last):
        spans.extend(_spans_of(hours_of(day), day, zone))
    return list(merged(spans))


def daily_spans(
    weekly: Iterable[WorkingHours],
    first: date,
    last: date,
    zone: ZoneInfo,
    dated: Iterable[DatedHours] = (),
) -> Iterator[TimeSpan]:
    """
    Yield when each day's own work is, from *first* to *last*, in order.

    Unlike in `working_spans`, the work of two days stays two where it meets.
    """
    hours_of = _hours_by_day(weekly, dated)
    for day in _days(first, last):
        yield from merged(_spans_of(hours_of(day), day, zone))


def _hours_by_day(
    weekly: Iterable[WorkingHours], dated: Iterable[DatedHours]
) -> Callable[[date], Iterable[DayStretch]]:
    instead = {day.date: day.hours for day in dated}
    by_weekday: dict[int, list[DayStretch]] = {}
    for stretch in weekly:
        of_day = by_weekday.setdefault(WEEKDAYS.index(stretch.weekday), [])
        of_day.append(DayStretch(stretch.start, stretch.end))

    def hours_of(day: date) -> Iterable[DayStretch]:
        return instead[day] if day in instead else by_weekday.get(day.weekday(), ())

    return hours_of


def _days(first: date, last: date) -> Iterator[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))


def _spans_of(
    hours: Iterable[DayStretch], day: date, zone: ZoneInfo
) -> Iterator[TimeSpan]:
    for stretch in hours:
        end_day = day + _DAY if stretch.end <= stretch.start else day
        start = first_instant_from(datetime.combine(day, stretch.start), zone)
        end = first_instant_from(datetime.combine(end_day, stretch.end), zone)
        if start < end:  # A clock change can swallow a short stretch.
            yield TimeSpan(start, end)


def merged(spans: Iterable[TimeSpan]) -> Iterator[TimeSpan]:
    """Yield what *spans* cover together, in order; those that touch become one."""
    current: TimeSpan | None = None
    for span in sorted(spans, key=lambda span: span.start):
        if current is None:
            current = span
        elif span.start <= current.end:
            current = TimeSpan(current.start, max(current.end, span.end))
        else:
            yield current
            current = span
    if current is not None:
        yield current


def within(spans: Iterable[TimeSpan], whole: TimeSpan) -> Iterator[TimeSpan]:
    """Yield the part of each of *spans* that lies in *whole*; of some there is none."""
    for span in spans:
        if span.overlaps(whole):
            yield TimeSpan(max(span.start, whole.start), min(span.end, whole.end))
