"""
The board: days as columns, by the wall clock, cut into steps of five minutes.

What is on it stands at a row and takes a number of rows, which style sheets have
classes for: a page may hold no styles of its own. A column shows the part of
everything that lies on its day.

Where clocks are put back, an hour has its rows once: what is in its two passes stands
side by side, and free times are those of the first, which a wall clock means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from colorsys import hls_to_rgb
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.desk.schedule import DoctorDay, ScheduledVisit
from clinicflow_core.entities.appointment import (
    HOLDING,
    TO_COME,
    Appointment,
    IntakeStatus,
    Status,
    VisitType,
)
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import DEFAULT_DURATION
from clinicflow_core.scheduling.hours import within
from clinicflow_core.timespan import (
    TimeSpan,
    instant_of,
    local_days,
    minutes_of,
    wall_clock,
)

STEP: Final = 5
"""Minutes in a row."""

MOST_LANES: Final = 8
"""How much stands side by side; the style sheet has places for as many."""

_DAY: Final = 24 * 60
_MINUTE: Final = timedelta(minutes=1)
_CELL: Final = 30
_USUAL: Final = (9 * 60, 17 * 60)
_STATUS: Final = {
    Status.UNCONFIRMED: "to confirm",
    Status.CONFIRMED: "confirmed",
    Status.COMPLETED: "done",
    Status.CANCELLED: "cancelled",
    Status.NO_SHOW: "no-show",
}
_INTAKE: Final = {
    IntakeStatus.MISSING: "no form",
    IntakeStatus.SENT: "form sent",
    IntakeStatus.COMPLETED: "form done",
}
# Ids that follow each other, times 2 ** 128 over the golden ratio, land far apart.
_GOLDEN: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
_IDS: Final = 2**128


@frozen(order=True)
class Stretch:
    """Minutes of a day by the wall clock: from *start* up to *end*, at most 1440."""

    start: int
    end: int

    @property
    def start_time(self) -> time:
        return _time(self.start)

    @property
    def end_time(self) -> time:
        """Midnight for the end of the day."""
        return _time(self.end)


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
    """
    A visit that takes place.

    Attributes:
        goes_on: Whether it began on a day before.
    """

    box: Box
    visit: Appointment
    patient_name: str = field(repr=False)
    flagged: bool
    goes_on: bool
    can_move: bool
    state: str


@frozen(kw_only=True)
class FreeBox:
    """
    A time at which a visit could begin.

    Attributes:
        room: How many minutes are free from then on, if they are fewer than a visit
            takes of which nobody says how long.
    """

    box: Box
    start: time
    room: int | None = None


@frozen(kw_only=True)
class OffBox:
    """Time that is taken off, or held for somebody on the waitlist."""

    box: Box
    time: Stretch
    is_offer: bool


AnyBox = VisitBox | FreeBox | OffBox


@frozen(kw_only=True)
class Column:
    """
    One doctor's day on the board.

    Attributes:
        hours: Empty if the clinic is closed.
        worked: The hours, to be lit up.
        boxes: Visits, free times and what is off, by start.
        crowded: Visits for which there is no place beside the others, by start.
        fallen: Visits that do not take place, by start.
        now: The row at which it is now, if that is in the column.
    """

    doctor: Doctor
    date: date
    color: str
    hours: tuple[Stretch, ...]
    closed: bool
    worked: tuple[Box, ...]
    boxes: tuple[AnyBox, ...]
    crowded: tuple[VisitBox, ...]
    fallen: tuple[ScheduledVisit, ...]
    now: int | None


@frozen(kw_only=True)
class Board:
    """
    Columns beside each other.

    Attributes:
        first: Minute of the day at which row 1 begins, *rows* how many there are.
        marks: The hours on its side.
    """

    first: int
    rows: int
    marks: tuple[time, ...]
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
    days: Iterable[tuple[date, DoctorDay]],
    zone: ZoneInfo,
    now: datetime,
    *,
    may_book: bool,
) -> Board:
    """
    Return *days* as a board.

    Args:
        zone: The clinic's.
        now: The instant.
        may_book: Whether free times are offered.
    """
    sheets = [_sheet(on, day, zone) for on, day in days]
    first, last = _bounds(sheets)
    frame = _Frame(first, last, zone, now, may_book=may_book)
    return Board(
        first=first,
        rows=(last - first) // STEP,
        marks=tuple(_time(minute) for minute in range(first, last, 60)),
        columns=tuple(map(frame.column, sheets)),
    )


def color_of(doctor: Doctor) -> str:
    """Return the colour that a doctor has, or else one that comes from the id."""
    return doctor.color or color_for(doctor.id)


def color_for(doctor_id: DoctorId) -> str:
    """Return a dark colour for an id, always the same."""
    place = doctor_id.int * _GOLDEN % _IDS
    # Two hues that happen to be close are seldom as bright, too.
    lightness = 0.26 + 0.09 * (doctor_id.int % 7 / 6)
    rgb = hls_to_rgb(place / _IDS, lightness, 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def stretch_of(span: TimeSpan, whole: TimeSpan, zone: ZoneInfo) -> Stretch | None:
    """
    Return what clocks show in the part of *span* that lies on a day, None without one.

    If they are put back in it, it ends as late as they have shown in it.

    Args:
        whole: The day.
    """
    for part in within([span], whole):
        moments = [part.start, max(part.start, part.end - _MINUTE)]
        if _went_back(part, zone):
            moments += [part.start + n * _MINUTE for n in range(minutes_of(part))]
        start, *others = (_minute(wall_clock(moment, zone)) for moment in moments)
        return Stretch(start, max(others) + 1)
    return None


@frozen(kw_only=True)
class _Sheet:
    """
    One doctor's day, with the part of everything that lies on it.

    Attributes:
        visits: Those that take place.
        free: Each with the instant at which it begins.
    """

    date: date
    day: DoctorDay
    worked: tuple[Stretch, ...]
    visits: tuple[tuple[Stretch, ScheduledVisit], ...]
    offered: tuple[Stretch, ...]
    off: tuple[Stretch, ...]
    free: tuple[tuple[Stretch, datetime], ...]


def _sheet(on: date, day: DoctorDay, zone: ZoneInfo) -> _Sheet:
    whole = next(local_days([on], zone), None)  # None if clocks skip the day.

    def on_it(spans: Iterable[TimeSpan | None]) -> tuple[Stretch, ...]:
        found = (stretch_of(span, whole, zone) for span in spans if span and whole)
        return tuple(stretch for stretch in found if stretch)

    return _Sheet(
        date=on,
        day=day,
        worked=() if day.closed else on_it(span.span for span in day.working),
        visits=tuple(
            (stretch, each)
            for each in (*day.going_on, *day.visits)
            if (visit := each.appointment).status in HOLDING
            for stretch in on_it([visit.span]) or [_as_promised(visit)]
        ),
        offered=on_it(span.span for span in day.offered),
        off=on_it(off.span(zone) for off in day.time_off),
        free=tuple(
            (stretch, free.starts_at)
            for free in day.free
            for stretch in on_it([free.span])
        ),
    )


def _as_promised(visit: Appointment) -> Stretch:
    """Return where a visit stands that clocks of another zone put on another day."""
    start = visit.start_time.hour * 60 + visit.start_time.minute
    return Stretch(start, min(start + visit.duration, _DAY))


@frozen
class _Frame:
    first: int
    last: int
    zone: ZoneInfo
    now: datetime
    may_book: bool = field(kw_only=True)

    def column(self, sheet: _Sheet) -> Column:
        day = sheet.day
        boxes: list[tuple[Stretch, AnyBox]] = [
            *((at, self._visit(at, each, sheet.date)) for at, each in sheet.visits),
            *self._taken(sheet.off, is_offer=False),
            *self._taken(sheet.offered, is_offer=True),
            *(self._free(sheet) if self.may_book else ()),
        ]
        boxes.sort(key=lambda each: each[0])
        placed, crowded = _side_by_side(box for _, box in boxes)
        return Column(
            doctor=day.doctor,
            date=sheet.date,
            color=color_of(day.doctor),
            hours=sheet.worked,
            closed=day.closed,
            worked=tuple(self._box(stretch) for stretch in sheet.worked),
            boxes=tuple(placed),
            crowded=tuple(box for box in crowded if isinstance(box, VisitBox)),
            fallen=tuple(
                each for each in day.visits if each.appointment.status not in HOLDING
            ),
            now=self._now_on(sheet.date),
        )

    def _now_on(self, on: date) -> int | None:
        shown = wall_clock(self.now, self.zone)
        is_on_it = shown.date() == on and self.first <= _minute(shown) < self.last
        return self._row(_minute(shown)) if is_on_it else None

    def _visit(self, at: Stretch, scheduled: ScheduledVisit, on: date) -> VisitBox:
        visit = scheduled.appointment
        goes_on = visit.date < on
        return VisitBox(
            box=self._box(at),
            visit=visit,
            patient_name=scheduled.patient_name,
            flagged=scheduled.flagged,
            goes_on=goes_on,
            # What goes on is moved where it begins: its box here is only a part.
            can_move=self.may_book
            and visit.status in TO_COME
            and not visit.arrived
            and not goes_on,
            state=state_of(visit, has_begun=visit.starts_at < self.now),
        )

    def _taken(
        self, stretches: Iterable[Stretch], *, is_offer: bool
    ) -> Iterator[tuple[Stretch, OffBox]]:
        for stretch in stretches:
            if stretch.start < self.last and self.first < stretch.end:
                box = self._box(stretch)
                yield stretch, OffBox(box=box, time=stretch, is_offer=is_offer)

    def _free(self, sheet: _Sheet) -> Iterator[tuple[Stretch, FreeBox]]:
        for stretch, starts_at in sheet.free:
            earliest = max(starts_at, self.now)
            for start, end in pairwise(_cuts(stretch)):
                local = datetime.combine(sheet.date, _time(start))
                begins = instant_of(local, self.zone)
                if end - start >= STEP and begins and begins >= earliest:
                    cell = Stretch(start, end)
                    left = stretch.end - start
                    yield (
                        cell,
                        FreeBox(
                            box=self._box(cell),
                            start=cell.start_time,
                            # What goes on after midnight is not cut short by it.
                            room=left
                            if left < DEFAULT_DURATION and stretch.end < _DAY
                            else None,
                        ),
                    )

    def _box(self, stretch: Stretch) -> Box:
        """Return the rows of *stretch* as far as they are on the board."""
        row = self._row(max(stretch.start, self.first))
        return Box(row=row, rows=max(1, self._row(min(stretch.end, self.last)) - row))

    def _row(self, minute: int) -> int:
        return (minute - self.first) // STEP + 1


def _bounds(sheets: Iterable[_Sheet]) -> tuple[int, int]:
    """Return the whole hours between which all that is on the board lies."""
    stretches = [Stretch(*_USUAL)]
    for sheet in sheets:
        stretches += (*sheet.worked, *sheet.offered, *(at for at, _ in sheet.visits))
    start = min(stretch.start for stretch in stretches)
    end = max(stretch.end for stretch in stretches)
    return start // 60 * 60, -(-end // 60) * 60


def _side_by_side(items: Iterable[AnyBox]) -> tuple[list[AnyBox], list[AnyBox]]:
    """Return *items*, by start, in lanes where they overlap; and those without any."""
    placed: list[AnyBox] = []
    crowded: list[AnyBox] = []
    ends: list[int] = []  # The row after each lane of those that overlap by now.
    begun = 0

    def spread() -> None:
        if len(ends) > 1:
            placed[begun:] = [
                evolve(item, box=evolve(item.box, lanes=len(ends)))
                for item in placed[begun:]
            ]

    for item in items:
        box = item.box
        if ends and box.row >= max(ends):
            spread()
            ends, begun = [], len(placed)
        lane = next((n for n, end in enumerate(ends) if end <= box.row), len(ends))
        if lane == MOST_LANES:
            crowded.append(item)
            continue
        ends[lane : lane + 1] = [box.row + box.rows]
        placed.append(evolve(item, box=evolve(box, lane=lane + 1)) if lane else item)
    spread()
    return placed, crowded


def _cuts(free: Stretch) -> list[int]:
    """Return where a free stretch is cut into cells: at its ends and at half hours."""
    inside = range((free.start // _CELL + 1) * _CELL, free.end, _CELL)
    return [free.start, *inside, free.end]


def _minute(shown: datetime) -> int:
    return shown.hour * 60 + shown.minute


def _went_back(span: TimeSpan, zone: ZoneInfo) -> bool:
    """Return whether clocks moved less between the bounds of *span* than time did."""
    moved = wall_clock(span.end, zone) - wall_clock(span.start, zone)
    return moved < span.end - span.start


def _time(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
