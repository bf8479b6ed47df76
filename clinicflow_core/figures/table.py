"""Figures as a table: a row for each figure of each group, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from attrs import frozen

from clinicflow_core.figures.clinic import ClinicFigures, VisitFigures
from clinicflow_core.figures.rates import Rate, Share, Spread

Value = str | int | float | date | UUID | None

HEADING = ("figure", "group", "key", "name", "value", "count", "of", "low", "high")
"""What the columns of `rows` are called."""


@frozen
class _Group:
    kind: str
    key: str | int | date | UUID | None
    name: str | None
    figures: VisitFigures


def rows(figures: ClinicFigures) -> Iterator[tuple[Value, ...]]:
    """
    Yield `HEADING` and then a row for each figure of each group.

    The groups are the total, then each doctor, weekday, hour and day. The *value* of a
    rate is from 0 to 1, with *count* and *of*, and *low* and *high* of its interval;
    that of a count is the count. Minutes have a row for each quartile, and *count*
    says of how many visits. What is not known is empty.
    """
    yield HEADING
    for group in _groups(figures):
        for figure, *numbers in _figures(group.figures):
            yield (figure, group.kind, group.key, group.name, *numbers)


def _groups(figures: ClinicFigures) -> Iterator[_Group]:
    yield _Group("total", None, None, figures.total)
    for doctor in figures.by_doctor:
        yield _Group("doctor", doctor.doctor_id, doctor.name, doctor.figures)
    for weekday in figures.by_weekday:
        yield _Group("weekday", weekday.weekday.value, None, weekday.figures)
    for hour in figures.by_hour:
        yield _Group("hour", hour.hour, None, hour.figures)
    for day in figures.by_day:
        yield _Group("day", day.date, None, day.figures)


def _figures(of: VisitFigures) -> Iterator[tuple[Value, ...]]:
    visits, due, time = of.visits, of.due, of.utilisation
    yield _count("booked", visits.booked)
    yield _count("unconfirmed", visits.unconfirmed)
    yield _count("confirmed", visits.confirmed)
    yield _count("completed", visits.completed)
    yield _count("no-show", visits.no_show)
    yield _count("cancelled", visits.cancelled)
    yield _count("due", due.due)
    yield _count("open", due.open)
    yield _rate("no-shows of due", due.no_shows)
    yield _rate("cancelled of booked", of.cancellations.cancelled_of_booked)
    yield _rate("late of cancelled", of.cancellations.late_of_cancelled)
    yield _rate("late of booked", of.cancellations.late_of_booked)
    yield _rate("arrivals noted of completed", of.arrivals.noted)
    yield _rate("on time of arrivals", of.arrivals.on_time)
    yield from _spread("minutes late", of.arrivals.late_minutes)
    yield from _spread("minutes of stay", of.arrivals.stay_minutes)
    yield from _spread("minutes of lead", of.lead.minutes)
    yield _count("entered after the start", of.lead.entered_late)
    yield _count("intake missing", of.intake.missing)
    yield _count("intake sent", of.intake.sent)
    yield _rate("intake completed", of.intake.completion)
    yield _count("summaries awaiting signature", of.awaiting_signature)
    yield _rate("booked of offered minutes", time.share)
    yield _count("booked minutes outside of offered", time.outside_minutes)


def _count(figure: str, count: int) -> tuple[Value, ...]:
    return (figure, count, count, None, None, None)


def _rate(figure: str, rate: Rate | Share) -> tuple[Value, ...]:
    low, high = (rate.low, rate.high) if isinstance(rate, Rate) else (None, None)
    return (figure, rate.rate, rate.count, rate.of, low, high)


def _spread(figure: str, spread: Spread) -> Iterator[tuple[Value, ...]]:
    for name, minutes in (
        ("lower quartile", spread.lower_quartile),
        ("median", spread.median),
        ("upper quartile", spread.upper_quartile),
    ):
        yield (f"{figure}, {name}", minutes, spread.count, None, None, None)
