"""A doctor's week as it is typed: `mon-fri 09:00-12:30 13:30-17:00 sat 9-12`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from clinicflow_core.entities.doctor import WEEKDAYS, Weekday, WorkingHours

_TIME = r"([0-9]{1,2})(?::([0-9]{2}))?"
_SPAN = re.compile(rf"{_TIME}[-\u2013]{_TIME}")
_DAILY = "daily"
_SHORTEST = 2


def read_week(words: Sequence[str]) -> Iterator[dict[str, str]]:
    """
    Yield the stretches that *words* say, as a request has them.

    Days come first, then their hours: "mon-fri", "mon,wed", "saturday" or "daily",
    each as short as two letters; hours as "9-12:30", where 24:00 is midnight.

    Raises:
        ValueError: If a word is neither, or days or hours lack the other.
    """
    days: list[Weekday] = []
    has_hours = True
    for word in words:
        if span := _SPAN.fullmatch(word):
            if not days:
                raise ValueError(f"'{word}' comes before any day, as in mon-fri {word}")
            has_hours = True
            for day in days:
                yield {
                    "weekday": day.value,
                    "start": _clock(span[1], span[2]),
                    "end": _clock(span[3], span[4]),
                }
        else:
            named = [day for part in word.split(",") for day in _days_in(part)]
            if not has_hours:
                break
            days, has_hours = named, False
    if not has_hours:
        raise ValueError("days need hours after them, as in mon-fri 09:00-17:00")


def shown_week(hours: Iterable[WorkingHours]) -> Iterator[str]:
    """Yield a line for each day that has hours; they come ordered."""
    for day, stretches in groupby(hours, key=lambda stretch: stretch.weekday):
        spans = ", ".join(f"{s.start:%H:%M}-{s.end:%H:%M}" for s in stretches)
        yield f"{day.value.capitalize():<10} {spans}"


def _days_in(part: str) -> list[Weekday]:
    if part.lower() == _DAILY:
        return list(WEEKDAYS)
    first, dash, last = part.replace("\u2013", "-").partition("-")
    start = WEEKDAYS.index(_day(first))
    length = (WEEKDAYS.index(_day(last)) - start) % 7 if dash else 0
    return [WEEKDAYS[(start + step) % 7] for step in range(length + 1)]


def _day(name: str) -> Weekday:
    if len(name) >= _SHORTEST:
        for day in WEEKDAYS:
            if day.value.startswith(name.lower()):
                return day
    raise ValueError(f"'{name}' is neither a day, as mon, nor hours, as 09:00-17:00")


def _clock(hour: str, minute: str | None) -> str:
    clock = f"{hour:>02}:{minute or '00'}"
    return "00:00" if clock == "24:00" else clock
