"""
A clinic's day or week for the terminal.

A day is a table with doctors as columns, or a list; a week is a list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_cli.output import console_for, table
from clinicflow_cli.terminals import inert
from clinicflow_core.desk.schedule import (
    Day,
    DoctorDay,
    ScheduledVisit,
    ScheduleWeek,
)
from clinicflow_core.entities.appointment import Status
from clinicflow_core.scheduling.hours import within
from clinicflow_core.scheduling.openings import free_spans
from clinicflow_core.timespan import TimeSpan, local_days, wall_clock, zone_of

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
_FLAGGED = "#"
_STYLES = {"?": "yellow", "+": "cyan", "@": "bold green", "*": "green", "x": "dim"}
_GOES_ON = "|"
_FREE = "free"
_OFF = "off"
_OFFERED = "offered"
_CLOSED = "closed"
_BETWEEN = "   "


@frozen
class _Column:
    """
    What one doctor's day is made of; spans are cut to the day.

    Attributes:
        working: When the hours let the doctor work.
        visits: Those of the day and those going on from the day before, by start.
        beside: What is free of it, offered or lost, beside the visits; by word.
    """

    shown: DoctorDay
    working: tuple[TimeSpan, ...]
    visits: tuple[tuple[TimeSpan, ScheduledVisit], ...]
    beside: Mapping[str, tuple[TimeSpan, ...]]

    @property
    def is_closed(self) -> bool:
        """Whether it says no more than that the clinic is closed."""
        return self.shown.closed and not self.visits


def shown_day(day: Day, *, with_ids: bool = False) -> Iterator[RenderableType]:
    """
    Yield the parts of *day* as people read it.

    Doctors who neither work nor have visits are only counted. A table that is
    wider than the terminal, or has too many columns, becomes a list, as it does
    *with_ids* of the visits; in a pipe the width does not matter.
    """
    zone = zone_of(day.timezone)
    known = [_column(doctor, day, zone) for doctor in day.doctors]
    columns = [
        column
        for column in known
        if not column.is_closed and (column.working or column.visits)
    ]
    yield f"{day.date:%A} {day.date}, {day.timezone}"
    if columns:
        grid = None
        if not with_ids and len(columns) <= MOST_COLUMNS:
            grid = _fitting(_grid(columns, zone))
        yield from ("", grid) if grid else _listed(columns, zone, with_ids=with_ids)
        yield ""
        yield from _legend(visit for column in columns for _, visit in column.visits)
    closed = [column.shown.doctor.name for column in known if column.is_closed]
    if closed:
        everybody = len(closed) == len(known)
        yield "The clinic is closed." if everybody else f"Closed: {', '.join(closed)}."
    if idle := len(known) - len(columns) - len(closed):
        yield f"{idle} doctor{'s' * (idle > 1)} without hours or visits that day."
    if not day.doctors:
        yield "There are no doctors yet."


def shown_week(week: ScheduleWeek, *, with_ids: bool = False) -> Iterator[str]:
    """
    Yield the lines of *week* as people read it.

    Each doctor of a day has the visits that begin on it, and then what is free, in
    lines that are no wider than the terminal. Who neither works nor has visits that
    day is left out.
    """
    zone = zone_of(week.timezone)
    yield f"Week of {week.date}, {week.timezone}"
    columns: list[_Column] = []
    for day in week.days:
        yield ""
        yield f"{day.date:%A} {day.date}"
        known = [_column(doctor, day, zone) for doctor in day.doctors]
        shown = [each for each in known if each.working or each.shown.visits]
        if known and all(column.is_closed for column in known):
            yield f"  {_CLOSED}"
        elif not shown:
            yield "  nobody works"
        else:
            for column in shown:
                yield from _doctor_of_week(column, zone, with_ids=with_ids)
        columns += shown
    if visits := [visit for column in columns for visit in column.shown.visits]:
        yield ""
        yield from _legend(visits)


def _doctor_of_week(
    column: _Column, zone: ZoneInfo, *, with_ids: bool
) -> Iterator[str]:
    yield f"  {column.shown.doctor.name}"
    visits = (
        f"{visit.appointment.start_time:%H:%M} {_line(visit, with_ids=with_ids)}"
        for visit in column.shown.visits
    )
    yield from _filled("    ", visits)
    for word, spans in column.beside.items():
        yield from _filled(f"    {word:<8}", (_between(span, zone) for span in spans))


def _filled(indent: str, items: Iterable[str]) -> Iterator[str]:
    """Yield *items* in lines of the terminal's width; none of them is broken."""
    from rich.cells import cell_len  # noqa: PLC0415  Only tables need it.

    width = console_for(sys.stdout).width
    line = ""
    for item in items:
        longer = f"{line}{_BETWEEN}{item}" if line else item
        if line and cell_len(indent + longer) >= width:
            yield indent + line
            indent, line = " " * len(indent), item
        else:
            line = longer
    if line:
        yield indent + line


def _column(doctor: DoctorDay, day: Day, zone: ZoneInfo) -> _Column:
    whole = next(local_days([day.date], zone), None)  # None if clocks skip the day.

    def parts(spans: Iterable[TimeSpan]) -> tuple[TimeSpan, ...]:
        return tuple(within(spans, whole)) if whole else ()

    working = parts(span.span for span in doctor.working)
    off = [span for each in doctor.time_off if (span := each.span(zone))]
    there = () if doctor.closed else tuple(free_spans(working, off))
    visits = [
        (part, visit)
        for visit in (*doctor.going_on, *doctor.visits)
        # Another zone by now may have put a visit on another day than was promised.
        for part in parts([visit.appointment.span]) or [visit.appointment.span]
    ]
    beside = {
        _CLOSED if doctor.closed else _OFF: tuple(free_spans(working, there)),
        _OFFERED: parts(span.span for span in doctor.offered),
        _FREE: tuple(span.span for span in doctor.free),
    }
    return _Column(doctor, working, tuple(visits), beside)


def _grid(columns: Sequence[_Column], zone: ZoneInfo) -> Table:
    grid = table("", *(column.shown.doctor.name for column in columns))
    grid.columns[0].no_wrap = True
    for moment in _rows(columns):
        cells = [_cell(column, moment) for column in columns]
        grid.add_row(f"{wall_clock(moment, zone):%H:%M}", *cells)
    return grid


def _rows(columns: Sequence[_Column]) -> list[datetime]:
    """Return where a row starts: each half hour, and wherever anything changes."""
    spans = [
        span
        for column in columns
        for span in (*column.working, *chain(*column.beside.values()))
    ]
    visits = [span for column in columns for span, _ in column.visits]
    ends = [
        span.end
        for column in columns
        for span, visit in column.visits
        if visit.appointment.holds_doctor
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
    for span, visit in column.visits:
        if span.start == moment:
            mark = _mark(visit)
            lines.append((f"{mark} {visit.patient_name}", _STYLES.get(mark[0], "")))
        elif visit.appointment.holds_doctor and span.start < moment < span.end:
            lines.append((_GOES_ON, "dim"))
    for word, spans in column.beside.items():
        if any(span.start <= moment < span.end for span in spans):
            lines.append((word, "dim green" if word == _FREE else "dim"))
    # A name is shown as it is: nothing in it is taken for markup.
    return Text("\n").join(Text(inert(line), style) for line, style in lines)


def _fitting(grid: Table) -> Table | None:
    from rich.measure import Measurement  # noqa: PLC0415  Only tables need it.

    console = console_for(sys.stdout)
    width = Measurement.get(console, console.options, grid).maximum
    return grid if width < console.width else None


def _listed(
    columns: Sequence[_Column], zone: ZoneInfo, *, with_ids: bool
) -> Iterator[RenderableType]:
    for column in columns:
        doctor = column.shown.doctor
        yield ""
        yield doctor.name + (f", {doctor.specialty}" if doctor.specialty else "")
        rows = [
            (visit.appointment.span, _line(visit, with_ids=with_ids))
            for _, visit in column.visits
        ]
        for word, spans in column.beside.items():
            rows += [(span, f"  {word}") for span in spans]
        for span, line in sorted(rows, key=lambda row: row[0].start):
            yield f"  {_between(span, zone)}  {line}"


def _between(span: TimeSpan, zone: ZoneInfo) -> str:
    start, end = wall_clock(span.start, zone), wall_clock(span.end, zone)
    return f"{start:%H:%M}-{end:%H:%M}"


def _line(visit: ScheduledVisit, *, with_ids: bool) -> str:
    identity = f"  {visit.appointment.id}" if with_ids else ""
    return f"{_mark(visit)} {visit.patient_name}{identity}"


def _mark(visit: ScheduledVisit) -> str:
    booked = visit.appointment
    is_waiting = booked.arrived and booked.status is not Status.COMPLETED
    mark, _ = _ARRIVED if is_waiting else _MARKS[booked.status]
    return mark + _OVERBOOKED * booked.overbooked + _FLAGGED * visit.flagged


def _legend(visits: Iterable[ScheduledVisit]) -> Iterator[str]:
    marks = {mark for visit in visits for mark in _mark(visit)}
    known = (
        *_MARKS.values(),
        _ARRIVED,
        (_OVERBOOKED, "overbooked"),
        (_FLAGGED, "red flag"),
    )
    if told := [f"{mark} {meaning}" for mark, meaning in known if mark in marks]:
        yield "   ".join(told)
