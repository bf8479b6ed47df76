"""
Charts: where each shape stands and what is written beside it.

All is in units of a drawing that is `WIDTH` wide and grows with its place on the page;
`dashboard_parts.html` draws it. What a chart shows is told in numbers too, as a
table. No two kinds of a shape differ by their colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import field, frozen

from clinicflow_core.figures.rates import Rate, Share
from clinicflow_core.figures.visits import StatusCounts
from clinicflow_flask.pages import words

WIDTH: Final = 360

STATUSES: Final = ("completed", "confirmed", "unconfirmed", "no-show", "cancelled")
"""In the order in which they are stacked."""

_PLOT: Final = 110
_TOP: Final = 18
_ROW: Final = 40
_BAR: Final = 12
_MOST_LETTERS: Final = 34
_MOST_LABELS: Final = 8


@frozen
class Shape:
    """
    A rectangle.

    Attributes:
        kind: What it stands for, as the name of a status.
        hint: What is shown of it to whoever points at it.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    hint: str = ""


@frozen
class Line:
    """A straight line; its *kind* is "axis" or "whisker"."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


@frozen
class Label:
    """A text; *anchor* is the part of it that stands at *x*: start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@frozen(kw_only=True)
class Table:
    """The numbers of a chart; the first cell of a row says of what they are."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@frozen(kw_only=True)
class Chart:
    """
    A drawing.

    Attributes:
        name: Parts it from the other charts of the page.
        says: What can be seen, in a sentence.
        path: A line through points, as SVG has it; None if there is none.
        legend: The kinds of its shapes, if it has several.
    """

    name: str
    title: str
    says: str
    height: float
    width: int = WIDTH
    shapes: tuple[Shape, ...] = ()
    lines: tuple[Line, ...] = ()
    labels: tuple[Label, ...] = ()
    path: str | None = None
    legend: tuple[str, ...] = ()
    table: Table


@frozen
class Stack:
    """
    Visits of one group.

    Attributes:
        short: What is written in the drawing; the *name* if there is room.
    """

    name: str
    visits: StatusCounts
    short: str = field()

    @short.default
    def _shortened(self) -> str:
        return shortened(self.name)

    def count(self, status: str) -> int:
        count: int = getattr(self.visits, status.replace("-", "_"))
        return count


@frozen
class Measure:
    """A rate or share of one group."""

    name: str
    rate: Rate | Share


def shortened(name: str) -> str:
    """Return as much of *name* as can be written in a drawing."""
    fits = len(name) <= _MOST_LETTERS
    return name if fits else f"{name[: _MOST_LETTERS - 1].rstrip()}…"


def percent(part: float | None) -> str:
    """Return a *part* of 1 as "8%"; a dash if it is not known."""
    return "-" if part is None else f"{part:.0%}"


def columns(name: str, title: str, group: str, stacks: Sequence[Stack]) -> Chart:
    """
    Draw a column for each group, with its visits by status.

    Args:
        group: What all groups are, as "Weekday".
    """
    most = max((stack.visits.booked for stack in stacks), default=0)
    step = WIDTH / max(1, len(stacks))
    bottom = _TOP + _PLOT
    shapes, labels = [], []
    every = -(-len(stacks) // _MOST_LABELS)
    for number, stack in enumerate(stacks):
        middle, top = step * (number + 0.5), float(bottom)
        for status, count in _counts(stack):
            height = _PLOT * count / most
            top -= height
            shapes.append(
                Shape(
                    status,
                    round(middle - step * 0.35, 1),
                    round(top, 1),
                    round(step * 0.7, 1),
                    round(height, 1),
                    _hint(stack.name, status, count),
                )
            )
        if stack.visits.booked:
            total = str(stack.visits.booked)
            labels.append(Label(round(middle, 1), round(top - 4, 1), total, "middle"))
        if number % every == 0:
            labels.append(Label(round(middle, 1), bottom + 14, stack.short, "middle"))
    return Chart(
        name=name,
        title=title,
        says=_most_of(stacks),
        height=bottom + 20,
        shapes=tuple(shapes),
        lines=(Line("axis", 0, bottom, WIDTH, bottom),),
        labels=tuple(labels),
        legend=_legend(stacks),
        table=_table(group, stacks),
    )


def stacked_rows(name: str, title: str, group: str, stacks: Sequence[Stack]) -> Chart:
    """Draw a row for each group, with its visits by status, as `columns` does."""
    most = max((stack.visits.booked for stack in stacks), default=0)
    room = WIDTH - 32
    shapes, labels = [], []
    for number, stack in enumerate(stacks):
        y, x = number * _ROW + 12, 0.0
        labels.append(Label(0, y, stack.short))
        for status, count in _counts(stack):
            width = room * count / most
            shapes.append(
                Shape(
                    status,
                    round(x, 1),
                    y + 6,
                    round(width, 1),
                    _BAR,
                    _hint(stack.name, status, count),
                )
            )
            x += width
        labels.append(Label(round(x + 5, 1), y + 16, str(stack.visits.booked)))
    return Chart(
        name=name,
        title=title,
        says=_most_of(stacks),
        height=max(1, len(stacks)) * _ROW,
        shapes=tuple(shapes),
        labels=tuple(labels),
        legend=_legend(stacks),
        table=_table(group, stacks),
    )


def rates(name: str, title: str, group: str, measures: Sequence[Measure]) -> Chart:
    """
    Draw a row from 0 to 100 % for each group, with the interval as a whisker.

    A share has no interval. Where there is nothing to count, it says so.
    """
    shapes, labels = [], []
    lines: list[Line] = []
    for number, measure in enumerate(measures):
        y = number * _ROW + 12
        labels.append(Label(0, y, shortened(measure.name)))
        told = percent(measure.rate.rate)
        labels.append(Label(WIDTH, y, told, "end"))
        shapes.append(Shape("whole", 0, y + 6, WIDTH, _BAR))
        if measure.rate.rate is None:
            continue
        width = round(WIDTH * measure.rate.rate, 1)
        hint = f"{measure.name}: {told}{_likely(measure.rate)}"
        shapes.append(Shape("part", 0, y + 6, width, _BAR, hint))
        lines.extend(_whisker(measure.rate, y + 6 + _BAR / 2))
    return Chart(
        name=name,
        title=title,
        says="; ".join(f"{m.name} {percent(m.rate.rate)}" for m in measures) + ".",
        height=max(1, len(measures)) * _ROW,
        shapes=tuple(shapes),
        lines=tuple(lines),
        labels=tuple(labels),
        table=Table(
            columns=(group, "Rate", "Count", "Of", "Likely from", "to"),
            rows=tuple((m.name, *_numbers(m.rate)) for m in measures),
        ),
    )


def day_line(name: str, title: str, stacks: Sequence[Stack]) -> Chart:
    """Draw a line through how many visits each day had, and dots for its no-shows."""
    most = max((stack.visits.booked for stack in stacks), default=0)
    step = WIDTH / max(1, len(stacks))
    bottom = _TOP + _PLOT

    def height_of(count: int) -> float:
        return round(bottom - _PLOT * count / max(1, most), 1)

    points = [
        (round(step * (number + 0.5), 1), height_of(stack.visits.booked))
        for number, stack in enumerate(stacks)
    ]
    dots = tuple(
        Shape(
            "no-show",
            round(x - 2.5, 1),
            height_of(stack.visits.no_show) - 2.5,
            5,
            5,
            _hint(stack.name, "no-show", stack.visits.no_show),
        )
        for (x, _), stack in zip(points, stacks, strict=True)
        if stack.visits.no_show
    )
    busiest = max(range(len(stacks)), key=lambda n: stacks[n].visits.booked)
    return Chart(
        name=name,
        title=title,
        says=_most_of(stacks),
        height=bottom + 20,
        shapes=dots,
        lines=(Line("axis", 0, bottom, WIDTH, bottom),),
        labels=(
            *_ends(stacks, bottom + 14),
            _inside(points[busiest][0], points[busiest][1] - 5, str(most)),
        ),
        path="M" + "L".join(f"{x} {y}" for x, y in points),
        legend=("booked", "no-show") if dots else (),
        table=_table("Day", stacks),
    )


def _counts(stack: Stack) -> list[tuple[str, int]]:
    counts = ((status, stack.count(status)) for status in STATUSES)
    return [(status, count) for status, count in counts if count]


def _legend(stacks: Sequence[Stack]) -> tuple[str, ...]:
    return tuple(s for s in STATUSES if any(stack.count(s) for stack in stacks))


def _hint(name: str, status: str, count: int) -> str:
    return f"{name}, {words.STATUSES[status].lower()}: {count}"


def _most_of(stacks: Sequence[Stack]) -> str:
    busiest = max(stacks, key=lambda stack: stack.visits.booked, default=None)
    if busiest is None or not busiest.visits.booked:
        return "No visits."
    return f"Most for {busiest.name}: {_visits(busiest.visits.booked)}."


def _visits(count: int) -> str:
    return "1 visit" if count == 1 else f"{count} visits"


def _table(group: str, stacks: Sequence[Stack]) -> Table:
    heads = (words.STATUSES[status] for status in STATUSES)
    return Table(
        columns=(group, "Booked", *heads),
        rows=tuple(
            (
                stack.name,
                str(stack.visits.booked),
                *(str(stack.count(status)) for status in STATUSES),
            )
            for stack in stacks
        ),
    )


def _ends(stacks: Sequence[Stack], y: float) -> tuple[Label, ...]:
    first, last = stacks[0], stacks[-1]
    if len(stacks) == 1:
        return (Label(WIDTH / 2, y, first.short, "middle"),)
    return (Label(0, y, first.short), Label(WIDTH, y, last.short, "end"))


def _inside(x: float, y: float, text: str) -> Label:
    edge = 12
    if x < edge:
        return Label(0, y, text)
    return (
        Label(WIDTH, y, text, "end")
        if x > WIDTH - edge
        else Label(x, y, text, "middle")
    )


def _whisker(rate: Rate | Share, y: float) -> tuple[Line, ...]:
    if isinstance(rate, Share) or rate.low is None or rate.high is None:
        return ()
    low, high = round(WIDTH * rate.low, 1), round(WIDTH * rate.high, 1)
    return (
        Line("whisker", low, y, high, y),
        *(Line("whisker", x, y - 4, x, y + 4) for x in (low, high)),
    )


def _likely(rate: Rate | Share) -> str:
    if isinstance(rate, Share):
        return ""
    return f", likely {percent(rate.low)} to {percent(rate.high)}"


def _numbers(rate: Rate | Share) -> tuple[str, ...]:
    ends = ("", "") if isinstance(rate, Share) else (rate.low, rate.high)
    told = (end if isinstance(end, str) else percent(end) for end in ends)
    return (percent(rate.rate), str(rate.count), str(rate.of), *told)
