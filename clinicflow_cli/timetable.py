"""A clinic's day for the terminal: a table with doctors as columns, or a list."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from clinicflow_cli.output import console_for, table
from clinicflow_core.desk.schedule import Day, DoctorDay, ScheduledVisit
from clinicflow_core.entities.appointment import Appointment, Status
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import TimeSpan, local_day, wall_clock, zone_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MOST_COLUMNS = 6
"""More doctors than these are listed one below the other."""

_STEP = timedelta(minutes=30)

_MARKS = {
    Status.UNCONFIRMED: ("?", "unconfirmed"),
    Status.CONFIRMED: ("+", "confirmed"),
    Status.COMPLETED: ("*", "completed"),
    Status.CANCELLED: ("x", "cancelled"),
    Status.NO_SHOW: ("-", "did not come"),
}
_ARRIVED = ("@", "arrived")
_OVERBOOKED = "!"
_STYLES = {"?": "yellow", "+": "cyan", "@": "bold green", "*": "green", "x": "dim"}
_GOES_ON = "|"
_FREE = "free"


@frozen
class _Column:
    """What one doctor's day is made of; spans are cut to the day."""

    shown: DoctorDay
    working: tuple[TimeSpan, ...]
    free: tuple[TimeSpan, ...]


def shown_day(day: Day, *, with_ids: bool = False) -> Iterator[RenderableType]:
    """
    Yield the parts of *day* as people read it.

    Doctors who neither work nor have visits are only counted. A table that is
    wider than the terminal, or has too many columns, becomes a list, as it does
    *with_ids* of the visits; in a pipe the width does not matter.
    """
    columns = [
        column
        for column in (_column(doctor, day) for doctor in day.doctors)
        if column.working or column.shown.visits
    ]
    yield f"{day.date:%A} {day.date}, {day.timezone}"
    if columns:
        grid = None
        if not with_ids and len(columns) <= MOST_COLUMNS:
            grid = _fitting(_grid(columns, day))
        yield from ("", grid) if grid else _listed(columns, day, with_ids=with_ids)
        yield ""
        yield from _legend(columns)
    if idle := len(day.doctors) - len(columns):
        yield f"{idle} doctor{'s' * (idle > 1)} without hours or visits that day."
    if not day.doctors:
        yield "There are no doctors yet."


def _column(doctor: DoctorDay, day: Day) -> _Column:
    whole = local_day(day.date, zone_of(day.timezone))
    working = tuple(
        TimeSpan(max(span.starts_at, whole.start), min(span.ends_at, whole.end))
        for span in doctor.working
        if span.starts_at < whole.end and whole.start < span.ends_at
    )
    taken = [v.appointment.span for v in doctor.visits if v.appointment.holds_its_time]
    return _Column(doctor, working, tuple(free_spans(working, taken)))


def _grid(columns: Sequence[_Column], day: Day) -> Table:
    zone = zone_of(day.timezone)
    grid = table("", *(column.shown.doctor.name for column in columns))
    grid.columns[0].no_wrap = True
    for moment in _rows(columns):
        cells = [_cell(column, moment) for column in columns]
        grid.add_row(f"{wall_clock(moment, zone):%H:%M}", *cells)
    return grid


def _rows(columns: Sequence[_Column]) -> list[datetime]:
    """Return where a row starts: each half hour, and wherever anything changes."""
    spans = [span for column in columns for span in (*column.working, *column.free)]
    visits = [v.appointment.span for c in columns for v in c.shown.visits]
    ends = [
        v.appointment.ends_at
        for c in columns
        for v in c.shown.visits
        if v.appointment.holds_its_time
    ]
    first = min(span.start for span in (*spans, *visits))
    last = max([*(span.end for span in spans), *ends, first + _STEP])
    moments = {span.start for span in (*spans, *visits)} | set(ends)
    moments |= {span.end for span in spans}
    tick = first.replace(
        minute=first.minute - first.minute % 30, second=0, microsecond=0
    )
    while (tick := tick + _STEP) < last:
        moments.add(tick)
    return sorted(moment for moment in moments if moment < last)


def _cell(column: _Column, moment: datetime) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415  Only tables need it.

    lines: list[tuple[str, str]] = []
    for visit in column.shown.visits:
        booked = visit.appointment
        if booked.starts_at == moment:
            mark = _mark(booked)
            lines.append((f"{mark} {visit.patient_name}", _STYLES.get(mark[0], "")))
        elif booked.holds_its_time and booked.starts_at < moment < booked.ends_at:
            lines.append((_GOES_ON, "dim"))
    if any(span.start <= moment < span.end for span in column.free):
        lines.append((_FREE, "dim green"))
    # A name is shown as it is: nothing in it is taken for markup.
    return Text("\n").join(Text(line, style) for line, style in lines)


def _fitting(grid: Table) -> Table | None:
    from rich.measure import Measurement  # noqa: PLC0415  Only tables need it.

    console = console_for(sys.stdout)
    width = Measurement.get(console, console.options, grid).maximum
    return grid if width < console.width else None


def _listed(
    columns: Sequence[_Column], day: Day, *, with_ids: bool
) -> Iterator[RenderableType]:
    zone = zone_of(day.timezone)
    for column in columns:
        doctor = column.shown.doctor
        yield ""
        yield doctor.name + (f", {doctor.specialty}" if doctor.specialty else "")
        rows = [
            (visit.appointment.span, _line(visit, with_ids=with_ids))
            for visit in column.shown.visits
        ]
        rows += [(span, f"  {_FREE}") for span in column.free]
        for span, line in sorted(rows, key=lambda row: row[0].start):
            start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
            yield f"  {start:%H:%M}-{end:%H:%M}  {line}"


def _line(visit: ScheduledVisit, *, with_ids: bool) -> str:
    identity = f"  {visit.appointment.id}" if with_ids else ""
    return f"{_mark(visit.appointment):<2}{visit.patient_name}{identity}"


def _mark(visit: Appointment) -> str:
    is_waiting = visit.arrived and visit.status is not Status.COMPLETED
    mark, _ = _ARRIVED if is_waiting else _MARKS[visit.status]
    return mark + _OVERBOOKED * visit.overbooked


def _legend(columns: Sequence[_Column]) -> Iterator[str]:
    marks = {
        mark for c in columns for v in c.shown.visits for mark in _mark(v.appointment)
    }
    known = (*_MARKS.values(), _ARRIVED, (_OVERBOOKED, "overbooked"))
    if told := [f"{mark} {meaning}" for mark, meaning in known if mark in marks]:
        yield "   ".join(told)
