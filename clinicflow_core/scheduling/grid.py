"""
Grids: every start that a doctor's hours allow, ready to be searched.

A grid depends on hours, range, duration and step alone, so a running service makes
it once and keeps it. What a search then does for each visit in the way is to look up
two places in a table and to clear the starts between them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import accumulate, compress, pairwise
from math import gcd
from operator import not_
from threading import Lock
from typing import NamedTuple
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.entities.calendar import DatedHours
from clinicflow_core.entities.doctor import WorkingHours
from clinicflow_core.scheduling.diary import cached_working_spans
from clinicflow_core.scheduling.hours import daily_spans
from clinicflow_core.timespan import TimeSpan, instant_of, midnight, wall_clock

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_MINUTES_A_DAY = 24 * 60
_CLOCK = [time(*divmod(minute, 60)) for minute in range(_MINUTES_A_DAY)]
MOST_STARTS_KEPT = 300_000
"""How many starts all kept grids have together: about a hundred megabytes."""

_SMALLEST = timedelta(microseconds=1)


class GridTime(NamedTuple):
    """A start of a grid: wall clock in the clinic's zone, instants in UTC."""

    date: date
    start_time: time
    end_time: time
    starts_at: datetime
    ends_at: datetime


@frozen(eq=False)
class Grid:
    """
    The starts that working hours allow, free or not.

    All lie on whole minutes, counted from *origin*.

    Attributes:
        origin: UTC.
        duration: Of each visit, in minutes.
        times: In order.
        pitch: The most minutes of which all starts are multiples, as a day is.
        places: For each pitch of each day of 1440 minutes from *origin* on, how many
            starts lie before it; the last of these days begins after the range.
    """

    origin: datetime
    duration: int
    times: Sequence[GridTime]
    pitch: int
    places: Sequence[Sequence[int]]

    def no_bars(self) -> list[int]:
        """Return the edges of no bar: see `bar_visits`."""
        return [0] * (len(self.times) + 1)

    def bar_visits(
        self, edges: list[int], bars: Iterable[TimeSpan], gap: int = 0
    ) -> None:
        """
        Bar the starts of visits that come nearer than *gap* minutes to a bar.

        What is barred is a run of starts. *edges* counts up at its first one and down
        at the first one after it, so bars can come in any order and overlap.
        """
        places, width = self.places, self.pitch * 60
        # Start and end of a bar, seen from here, are the ends of the run in pitches.
        from_start = self.origin + (self.duration + gap - self.pitch) * _MINUTE
        from_end = self.origin - (gap + self.pitch) * _MINUTE + _SMALLEST
        for bar in bars:
            # An aware datetime gives its minutes no faster than so.
            first = bar.start - from_start
            last = bar.end - from_end
            day = first.days
            if day < 0:
                self._bar_between(edges, first, last)
                continue
            try:
                edges[places[day][first.seconds // width]] += 1
                edges[places[last.days][last.seconds // width]] -= 1
            except IndexError:  # It begins or ends behind the range, where none counts.
                continue

    def _bar_between(self, edges: list[int], first: timedelta, last: timedelta) -> None:
        edges[self._place(first)] += 1
        edges[self._place(last)] -= 1

    def _place(self, since: timedelta) -> int:
        if since.days < 0:
            return 0
        if since.days >= len(self.places):
            return len(self.times)
        return self.places[since.days][since.seconds // (self.pitch * 60)]

    def bar_starts(self, edges: list[int], bars: Iterable[TimeSpan]) -> None:
        """Bar the starts that lie in a bar."""
        since = self.origin - self.pitch * _MINUTE + _SMALLEST
        for bar in bars:
            self._bar_between(edges, bar.start - since, bar.end - since)

    def free(self, edges: list[int]) -> Iterator[GridTime]:
        """Yield the times that no bar holds, in order."""
        return compress(self.times, map(not_, accumulate(edges)))


class _Kept:
    """The grids that were asked for last, as many as memory is to hold."""

    def __init__(self) -> None:
        self._grids: OrderedDict[tuple[object, ...], Grid] = OrderedDict()
        self._starts = 0
        self._lock = Lock()

    def find(self, key: tuple[object, ...]) -> Grid | None:
        with self._lock:
            grid = self._grids.get(key)
            if grid is not None:
                self._grids.move_to_end(key)
            return grid

    def keep(self, key: tuple[object, ...], grid: Grid) -> None:
        with self._lock:
            before = self._grids.pop(key, None)
            self._starts += len(grid.times) - (len(before.times) if before else 0)
            self._grids[key] = grid
            while self._starts > MOST_STARTS_KEPT:
                _, oldest = self._grids.popitem(last=False)
                self._starts -= len(oldest.times)

    def clear(self) -> None:
        with self._lock:
            self._grids.clear()
            self._starts = 0


_kept = _Kept()


def forget_grids() -> None:
    """Let the next searches make their grids anew."""
    _kept.clear()
    cached_working_spans.cache_clear()


def grid_of(
    weekly: tuple[WorkingHours, ...],
    dated: tuple[DatedHours, ...],
    zone: ZoneInfo,
    first: date,
    last: date,
    duration: int,
    step: int,
) -> Grid:
    """
    Return the grid of the local days *first* to *last*.

    The second pass through a repeated hour is left out: its wall clock means the
    first.

    Args:
        duration: In minutes, as is *step*, which counts from where each day's work
            starts: a day has the same starts, whatever the range is.
    """
    key = (weekly, dated, zone, first, last, duration, step)
    grid = _kept.find(key)
    if grid is None:
        grid = _made(*key)
        _kept.keep(key, grid)
    return grid


def _made(
    weekly: tuple[WorkingHours, ...],
    dated: tuple[DatedHours, ...],
    zone: ZoneInfo,
    first: date,
    last: date,
    duration: int,
    step: int,
) -> Grid:
    days = list(_days(first, last, zone))
    origin = days[0].start.replace(second=0, microsecond=0)
    end = -((origin - days[-1].end) // _MINUTE)
    starts: set[int] = set()
    # What starts on one day may run on into the work of the next.
    longer = iter(
        cached_working_spans(weekly, dated, first - _DAY, last + 2 * _DAY, zone)
    )
    around: TimeSpan | None = None
    for span in daily_spans(weekly, first - _DAY, last, zone, dated):
        while around is None or around.end < span.end:
            around = next(longer)
        begin = -((origin - span.start) // _MINUTE)
        if begin < 0:
            begin %= step
        last_one = (around.end - origin) // _MINUTE - duration
        over = min(-((origin - span.end) // _MINUTE), last_one + 1, end)
        starts.update(range(begin, over, step))
    times: list[GridTime] = []
    kept: list[int] = []
    for start, found in _times(sorted(starts), origin, duration, days, zone):
        kept.append(start)
        times.append(found)
    pitch = gcd(_MINUTES_A_DAY, *kept)
    return Grid(origin, duration, times, pitch, _places(kept, end, pitch))


def _places(starts: Sequence[int], end: int, pitch: int) -> list[list[int]]:
    places: list[int] = []
    before = -1
    for place, start in enumerate(starts):
        places.extend([place] * (start // pitch - before))
        before = start // pitch
    a_day = _MINUTES_A_DAY // pitch
    days = end // _MINUTES_A_DAY + 2
    places.extend([len(starts)] * (days * a_day - len(places)))
    return [places[day * a_day : (day + 1) * a_day] for day in range(days)]


@frozen
class _Day:
    """
    A local day.

    Attributes:
        offset: Of its clocks from UTC; None if they change, or show odd seconds.
    """

    date: date
    start: datetime
    end: datetime
    offset: timedelta | None


def _days(first: date, last: date, zone: ZoneInfo) -> Iterator[_Day]:
    midnights = [
        (day, midnight(day, zone))
        for day in (first + n * _DAY for n in range((last - first).days + 2))
    ]
    for (day, start), (_, end) in pairwise(midnights):
        offset = start.astimezone(zone).utcoffset()
        assert offset is not None
        is_even = end.astimezone(zone).utcoffset() == offset and not offset % _MINUTE
        yield _Day(day, start, end, offset if is_even else None)


def _times(
    starts: Iterable[int],
    origin: datetime,
    duration: int,
    days: Iterable[_Day],
    zone: ZoneInfo,
) -> Iterator[tuple[int, GridTime]]:
    ahead = iter(days)
    day = next(ahead)
    length = timedelta(minutes=duration)
    for start in starts:
        starts_at = origin + timedelta(minutes=start)
        while starts_at >= day.end:
            day = next(ahead)
        ends_at = starts_at + length
        if day.offset is not None and ends_at <= day.end:
            minute = (starts_at + day.offset).hour * 60 + (
                starts_at + day.offset
            ).minute
            yield (
                start,
                GridTime(
                    day.date,
                    _CLOCK[minute],
                    _CLOCK[(minute + duration) % _MINUTES_A_DAY],
                    starts_at,
                    ends_at,
                ),
            )
            continue
        local = wall_clock(starts_at, zone)
        if instant_of(local, zone) == starts_at:
            shown = wall_clock(ends_at, zone).time()
            found = GridTime(local.date(), local.time(), shown, starts_at, ends_at)
            yield start, found
