"""Hours as they are typed: `mon-fri 09:00-12:30 13:30-17:00 sat 9-12`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from itertools import groupby

from clinicflow_core.entities.calendar import DatedHours, DayStretch
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
                raise ValueError(f"'{word}' comes before any day, as in mon-fri 9-17")
            has_hours = True
            for day in days:
                yield {"weekday": day.value, **_stretch(span)}
        else:
            named = _days(word, "neither a day, as mon, nor hours, as 09:00-17:00")
            if not has_hours:
                break
            days, has_hours = named, False
    if not has_hours:
        raise ValueError("days need hours after them, as in mon-fri 09:00-17:00")


def read_hours(words: Sequence[str]) -> Iterator[dict[str, str]]:
    """
    Yield the stretches of one day that *words* say, as a request has them.

    Raises:
        ValueError: If a word is no hours.
    """
    for word in words:
        span = _SPAN.fullmatch(word)
        if not span:
            raise ValueError(f"'{word}' is no hours, as 09:00-17:00")
        yield _stretch(span)


def read_days(word: str) -> list[Weekday]:
    """
    Return the days that *word* says: "mon-fri", "mon,wed", "saturday" or "daily".

    Raises:
        ValueError: If a part of it is no day.
    """
    return _days(word, "no day, as mon")


def shown_week(hours: Iterable[WorkingHours]) -> Iterator[str]:
    """Yield a line for each day that has hours; they come ordered."""
    for day, stretches in groupby(hours, key=lambda stretch: stretch.weekday):
        yield f"{day.value.capitalize():<10} {_spans(stretches)}"


def shown_date(day: DatedHours) -> str:
    """Return a date with its hours."""
    return f"{day.date} {day.date:%a}  {_spans(day.hours) or 'none'}"


def _spans(stretches: Iterable[WorkingHours | DayStretch]) -> str:
    return ", ".join(map(_span, stretches))


def _span(stretch: WorkingHours | DayStretch) -> str:
    # Whoever types 9-5 for office hours must see what they said.
    is_over_night = time() < stretch.end <= stretch.start
    until = " of the next day" if is_over_night else ""
    return f"{stretch.start:%H:%M}-{stretch.end:%H:%M}{until}"


def _days(word: str, otherwise: str) -> list[Weekday]:
    return [day for part in word.split(",") for day in _days_in(part, otherwise)]


def _days_in(part: str, otherwise: str) -> list[Weekday]:
    if part.lower() == _DAILY:
        return list(WEEKDAYS)
    first, dash, last = part.replace("\u2013", "-").partition("-")
    start = WEEKDAYS.index(_day(first, otherwise))
    length = (WEEKDAYS.index(_day(last, otherwise)) - start) % 7 if dash else 0
    return [WEEKDAYS[(start + step) % 7] for step in range(length + 1)]


def _day(name: str, otherwise: str) -> Weekday:
    if len(name) >= _SHORTEST:
        for day in WEEKDAYS:
            if day.value.startswith(name.lower()):
                return day
    raise ValueError(f"'{name}' is {otherwise}")


def _stretch(span: re.Match[str]) -> dict[str, str]:
    return {"start": _clock(span[1], span[2]), "end": _clock(span[3], span[4])}


def _clock(hour: str, minute: str | None) -> str:
    clock = f"{hour:>02}:{minute or '00'}"
    return "00:00" if clock == "24:00" else clock
