"""
The board: days as columns, by the wall clock, cut into steps of five minutes.

What is on it stands at a row and takes a number of rows, which style sheets have
classes for: a page may hold no styles of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from colorsys import hls_to_rgb
from datetime import date, datetime, time
from itertools import pairwise
from typing import Final

from attrs import evolve, field, frozen

from clinicflow_core.desk.schedule import DaySpan, DoctorDay, ScheduledVisit
from clinicflow_core.entities.appointment import (
    HOLDING,
    TO_COME,
    Appointment,
    IntakeStatus,
    Status,
    VisitType,
)
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.wire import LocalDateTime

STEP: Final = 5
"""Minutes in a row."""

_DAY: Final = 24 * 60
_CELL: Final = 30
_USUAL: Final = (9 * 60, 17 * 60)
_STATUS: Final = {
    Status.UNCONFIRMED: "to confirm",
    Status.CONFIRMED: "confirmed",
    Status.COMPLETED: "done",
    Status.CANCELLED: "cancelled",
    Status.NO_SHOW: "missed",
}
_INTAKE: Final = {
    IntakeStatus.MISSING: "no form",
    IntakeStatus.SENT: "form sent",
    IntakeStatus.COMPLETED: "form done",
}
_GOLDEN: Final = 0.618034  # Multiples of it, without their whole, stay far apart.


@frozen(order=True)
class Stretch:
    """Minutes of a day by the wall clock: from *start* up to *end*, at most 1440."""

    start: int
    end: int

    def without(self, others: Iterable[Stretch]) -> Iterator[Stretch]:
        """Yield what is left of it once *others* are taken away, in order."""
        start = self.start
        for other in sorted(others):
            if other.start > start and start < self.end:
                yield Stretch(start, min(other.start, self.end))
            start = max(start, other.end)
        if start < self.end:
            yield Stretch(start, self.end)


@frozen(kw_only=True)
class Box:
    """
    Something on the board.

    Attributes:
        row: From 1.
        rows: How many it takes, at least 1.
        lane: Which of *lanes* that stand side by side, from 1.
    """

    row: int
    rows: int
    lane: int = 1
    lanes: int = 1


@frozen(kw_only=True)
class VisitBox:
    """A visit that holds its time."""

    box: Box
    visit: Appointment
    patient_name: str = field(repr=False)
    flagged: bool
    can_move: bool
    state: str


@frozen(kw_only=True)
class FreeBox:
    """A time at which a visit could begin."""

    box: Box
    start: time


@frozen(kw_only=True)
class OffBox:
    """Time that is taken off, or held for somebody on the waitlist."""

    box: Box
    start: time
    end: time
    is_offer: bool


@frozen(kw_only=True)
class Column:
    """
    One doctor's day on the board.

    Attributes:
        worked: The hours, to be lit up.
        boxes: Visits, free times and what is off, by start.
        fallen: Visits that do not take place, by start.
    """

    doctor: Doctor
    date: date
    color: str
    hours: tuple[DaySpan, ...]
    closed: bool
    worked: tuple[Box, ...]
    boxes: tuple[VisitBox | FreeBox | OffBox, ...]
    fallen: tuple[ScheduledVisit, ...]


@frozen(kw_only=True)
class Board:
    """
    Columns beside each other.

    Attributes:
        first: Minute of the day at which row 1 begins, *rows* how many there are.
        marks: The hours on its side.
        now: The row at which it is now, if that is on the board.
    """

    first: int
    rows: int
    marks: tuple[time, ...]
    now: int | None
    columns: tuple[Column, ...]


def state_of(visit: Appointment, *, has_begun: bool = False) -> str:
    """
    Return where a visit stands in a few words, as "confirmed, here, form sent".

    Args:
        has_begun: Whether its start has passed: who is not there then is late.
    """
    words = [_STATUS[visit.status]]
    if visit.status in TO_COME and (visit.arrived or has_begun):
        words.append("here" if visit.arrived else "late")
    words.append(_INTAKE[visit.intake_status])
    if visit.visit_type is VisitType.VIRTUAL:
        words.append("video")
    if visit.overbooked:
        words.append("overbooked")
    return ", ".join(words)


def board(
    days: Sequence[tuple[date, DoctorDay]], now: datetime, *, may_book: bool
) -> Board:
    """
    Return *days* as a board.

    Args:
        now: By the clinic's wall clock.
        may_book: Whether free times are offered.
    """
    first, last = _bounds(day for _, day in days)
    frame = _Frame(first, last, now, may_book=may_book)
    return Board(
        first=first,
        rows=(last - first) // STEP,
        marks=tuple(_time(minute) for minute in range(first, last, 60)),
        now=frame.now_row if any(on == now.date() for on, _ in days) else None,
        columns=tuple(
            frame.column(on, day, day.doctor.color or color_for(number))
            for number, (on, day) in enumerate(days)
        ),
    )


def color_for(number: int) -> str:
    """Return a colour that differs from those for the numbers around *number*."""
    rgb = hls_to_rgb(number * _GOLDEN % 1, 0.35, 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def minutes(on: date, day: DoctorDay) -> tuple[int, int]:
    """Return how many visits hold a doctor's time, and how many minutes are free."""
    taken = [
        _stretch(v.appointment.start_time, v.appointment.end_time)
        for v in day.visits
        if v.appointment.status in HOLDING
    ]
    blocked = [*taken, *map(_stretch_of, day.offered), *_off_on_day(day, on)]
    worked = () if day.closed else day.working
    free = sum(
        left.end - left.start
        for span in worked
        for left in _stretch_of(span).without(blocked)
    )
    return len(taken), free


@frozen
class _Frame:
    first: int
    last: int
    now: datetime
    may_book: bool = field(kw_only=True)

    @property
    def now_row(self) -> int | None:
        minute = self.now.hour * 60 + self.now.minute
        inside = self.first <= minute < self.last
        return (minute - self.first) // STEP + 1 if inside else None

    def column(self, on: date, day: DoctorDay, color: str) -> Column:
        worked = [] if day.closed else [_stretch_of(span) for span in day.working]
        off = _off_on_day(day, on)
        offered = [_stretch_of(span) for span in day.offered]
        holding = [v for v in day.visits if v.appointment.status in HOLDING]
        taken = [
            _stretch(v.appointment.start_time, v.appointment.end_time) for v in holding
        ]
        boxes: list[tuple[Stretch, VisitBox | FreeBox | OffBox]] = [
            *self._visits(holding, taken),
            *((s, self._off(s, is_offer=False)) for s in off),
            *((s, self._off(s, is_offer=True)) for s in offered),
        ]
        if self.may_book and on >= self.now.date():
            blocked = [*taken, *off, *offered]
            boxes += self._free(on, worked, blocked)
        boxes.sort(key=lambda each: each[0])
        return Column(
            doctor=day.doctor,
            date=on,
            color=color,
            hours=() if day.closed else day.working,
            closed=day.closed,
            worked=tuple(self._box(stretch) for stretch in worked),
            boxes=tuple(box for _, box in boxes),
            fallen=tuple(v for v in day.visits if v not in holding),
        )

    def _visits(
        self, visits: Sequence[ScheduledVisit], stretches: Sequence[Stretch]
    ) -> Iterator[tuple[Stretch, VisitBox]]:
        for scheduled, stretch, (lane, lanes) in zip(
            visits, stretches, _lanes(stretches), strict=True
        ):
            visit = scheduled.appointment
            begins = datetime.combine(visit.date, visit.start_time)
            yield (
                stretch,
                VisitBox(
                    box=evolve(self._box(stretch), lane=lane, lanes=lanes),
                    visit=visit,
                    patient_name=scheduled.patient_name,
                    flagged=scheduled.flagged,
                    can_move=self.may_book
                    and visit.status in TO_COME
                    and not visit.arrived,
                    state=state_of(visit, has_begun=begins < self.now),
                ),
            )

    def _free(
        self, on: date, worked: Sequence[Stretch], blocked: Sequence[Stretch]
    ) -> Iterator[tuple[Stretch, FreeBox]]:
        is_today = on == self.now.date()
        earliest = self.now.hour * 60 + self.now.minute if is_today else 0
        for stretch in worked:
            for free in stretch.without(blocked):
                for start, end in pairwise(_cuts(free)):
                    if start >= earliest and end - start >= STEP:
                        cell = Stretch(start, end)
                        yield cell, FreeBox(box=self._box(cell), start=_time(start))

    def _off(self, stretch: Stretch, *, is_offer: bool) -> OffBox:
        return OffBox(
            box=self._box(stretch),
            start=_time(stretch.start),
            end=_time(stretch.end),
            is_offer=is_offer,
        )

    def _box(self, stretch: Stretch) -> Box:
        start, end = max(stretch.start, self.first), min(stretch.end, self.last)
        row = (start - self.first) // STEP + 1
        return Box(row=row, rows=max(1, -(-(end - self.first) // STEP) - row + 1))


def _bounds(days: Iterable[DoctorDay]) -> tuple[int, int]:
    """Return the whole hours between which all that is on the board lies."""
    stretches = [Stretch(*_USUAL)]
    for day in days:
        stretches += [_stretch_of(span) for span in (*day.working, *day.offered)]
        stretches += [
            _stretch(v.appointment.start_time, v.appointment.end_time)
            for v in day.visits
            if v.appointment.status in HOLDING
        ]
    start = min(stretch.start for stretch in stretches)
    end = max(stretch.end for stretch in stretches)
    return start // 60 * 60, -(-end // 60) * 60


def _lanes(stretches: Sequence[Stretch]) -> list[tuple[int, int]]:
    """Return for each of *stretches*, by start, its lane and how many there are."""
    found: list[tuple[int, int]] = []
    ends: list[int] = []  # Of each lane of those that overlap by now.
    begun = 0
    for number, stretch in enumerate(stretches):
        if ends and stretch.start >= max(ends):
            found[begun:] = [(lane, len(ends)) for lane, _ in found[begun:]]
            ends, begun = [], number
        free = next((n for n, end in enumerate(ends) if end <= stretch.start), None)
        if free is None:
            ends.append(stretch.end)
            free = len(ends) - 1
        else:
            ends[free] = stretch.end
        found.append((free + 1, 0))
    found[begun:] = [(lane, len(ends)) for lane, _ in found[begun:]]
    return found


def _cuts(free: Stretch) -> list[int]:
    """Return where a free stretch is cut into cells: at its ends and at half hours."""
    inside = range((free.start // _CELL + 1) * _CELL, free.end, _CELL)
    return [free.start, *inside, free.end]


def _stretch_of(span: DaySpan) -> Stretch:
    return _stretch(span.start_time, span.end_time)


def _stretch(start: time, end: time) -> Stretch:
    begun, ended = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    return Stretch(begun, ended if ended > begun else _DAY)


def _off_on_day(day: DoctorDay, on: date) -> list[Stretch]:
    return [stretch for off in day.time_off if (stretch := _off_on(off, on))]


def _off_on(off: TimeOff, on: date) -> Stretch | None:
    """Return the part of *off* that lies on a day."""
    midnight = LocalDateTime(datetime.combine(on, time()))
    start = max(0, int((off.starts - midnight).total_seconds() // 60))
    end = min(_DAY, int(-((midnight - off.ends).total_seconds() // 60)))
    return Stretch(start, end) if start < end else None


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
