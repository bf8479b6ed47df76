"""
Recurrence: from a rule such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10 to its local days.

The rules are a part of RFC 5545's RRULE (3.3.10). They repeat a wall-clock time, so
they are counted in days of the clinic's calendar, without a zone; only an UNTIL in
UTC is an instant.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import islice, takewhile
from typing import Final, Literal
from zoneinfo import ZoneInfo

from attrs import field, frozen
from dateutil import rrule
from dateutil.relativedelta import relativedelta

from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.timespan import first_instant_from

MOST_OCCURRENCES = 366
"""A visit on each day of a year, and no more."""

HORIZON_YEARS = 10
"""How long after its first day a recurrence must have ended."""

LONGEST_INTERVAL = 366
"""The longest step; in days a year, and in weeks or months beyond any use."""

LONGEST_TEXT = 512
"""In characters; no rule that is read needs more, even with every weekday in it."""

_DAY = timedelta(days=1)

# Python has no instants before the year 1, where clocks in the east show it already,
# and no days after the year 9999, where the horizon must not lie.
_FIRST_YEAR = MINYEAR + 1
_LAST_YEAR = MAXYEAR - HORIZON_YEARS - 1

_PARTS = frozenset({"FREQ", "INTERVAL", "BYDAY", "COUNT", "UNTIL", "WKST"})
_WEEKDAY_OF = {weekday.name[:2]: weekday for weekday in WEEKDAYS}

_VISIBLE = re.compile(r"[!-~]*")
_PART = re.compile(r"([A-Z-]{1,20})=([^;=]+)")
_NUMBER = re.compile(r"[0-9]+")
_BYDAY = re.compile(rf"([+-]?[0-9]{{1,2}})?({'|'.join(_WEEKDAY_OF)})")
_UNTIL = re.compile(r"[0-9]{8}(T([01][0-9]|2[0-3])([0-5][0-9]){2}Z?)?")

_BAD_PARTS: Final = "must be parts such as FREQ=WEEKLY, with one ; between them"
_BAD_FREQ: Final = "must have a FREQ of DAILY, WEEKLY or MONTHLY"
_BAD_INTERVAL: Final = f"must have an INTERVAL from 1 to {LONGEST_INTERVAL}"
_BAD_BYDAY: Final = "must have a BYDAY such as MO,WE or 1MO,-1FR"
_BAD_COUNT: Final = f"must have a COUNT from 1 to {MOST_OCCURRENCES}"
_BAD_UNTIL: Final = (
    "must have an UNTIL such as 20260601, 20260601T090000 or 20260601T090000Z"
)


class Frequency(Enum):
    """What a recurrence counts its intervals in; weeks begin on Monday."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


_PERIODS: Final[Mapping[Frequency, Literal[1, 2, 3]]] = {
    Frequency.DAILY: rrule.DAILY,
    Frequency.WEEKLY: rrule.WEEKLY,
    Frequency.MONTHLY: rrule.MONTHLY,
}


@frozen
class OnWeekday:
    """
    One entry of BYDAY: each such weekday, or with *ordinal* one of each month.

    Attributes:
        ordinal: 1 is the first of the month, -1 the last.

    Raises:
        ValueError: If *ordinal* is not from 1 to 5 or from -5 to -1.
    """

    weekday: Weekday
    ordinal: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.ordinal is not None and not 1 <= abs(self.ordinal) <= 5:
            raise ValueError("must have ordinals from 1 to 5 or -5 to -1 in BYDAY")

    @property
    def text(self) -> str:
        """As it stands in a rule: "MO" or "-1FR"."""
        return f"{self.ordinal or ''}{self.weekday.name[:2]}"

    def is_on(self, day: date) -> bool:
        if WEEKDAYS[day.weekday()] is not self.weekday:
            return False
        to_come = monthrange(day.year, day.month)[1] - day.day
        return self.ordinal in (None, 1 + (day.day - 1) // 7, -1 - to_come // 7)


def _in_order(weekdays: Iterable[OnWeekday]) -> tuple[OnWeekday, ...]:
    def position(entry: OnWeekday) -> tuple[bool, int, int]:
        ordinal = entry.ordinal or 0
        return ordinal < 0, ordinal, WEEKDAYS.index(entry.weekday)

    return tuple(sorted(weekdays, key=position))


@frozen(kw_only=True)
class Recurrence:
    """
    A rule by which a visit repeats, with an end.

    Attributes:
        interval: 2 leaves out every other day, week or month, counted from the one
            of the first day.
        weekdays: Put in order. Without any, the recurrence keeps the weekday of its
            first day, or the day of the month if it is monthly.
        count: How many occurrences it has, or None if *until* ends it.
        until: The last local day; or the latest start, as a wall-clock time without
            a zone or as an instant in UTC. It belongs to the recurrence.

    Raises:
        ValueError: If it has no end or two, a number is out of bounds, a weekday
            stands twice or has an ordinal without being monthly, or *until* has
            another zone or parts of a second.
    """

    freq: Frequency
    interval: int = 1
    weekdays: tuple[OnWeekday, ...] = field(default=(), converter=_in_order)
    count: int | None = None
    until: date | datetime | None = None

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.interval <= LONGEST_INTERVAL:
            raise ValueError(_BAD_INTERVAL)
        self._check_weekdays()
        self._check_end()

    @property
    def text(self) -> str:
        """The rule as RFC 5545 writes it; `read_recurrence` reads it as equal."""
        parts = [f"FREQ={self.freq.value}"]
        if self.interval != 1:
            parts.append(f"INTERVAL={self.interval}")
        if self.weekdays:
            parts.append(f"BYDAY={','.join(entry.text for entry in self.weekdays)}")
        if self.until is None:
            parts.append(f"COUNT={self.count}")
        else:
            parts.append(f"UNTIL={_until_text(self.until)}")
        return ";".join(parts)

    def _check_weekdays(self) -> None:
        if len(set(self.weekdays)) < len(self.weekdays):
            raise ValueError("must not have a day twice in BYDAY")
        has_ordinals = any(entry.ordinal for entry in self.weekdays)
        if has_ordinals and self.freq is not Frequency.MONTHLY:
            raise ValueError("must not have ordinals in BYDAY without FREQ=MONTHLY")

    def _check_end(self) -> None:
        if self.count is None and self.until is None:
            raise ValueError("needs an end: COUNT or UNTIL")
        if self.count is not None and self.until is not None:
            raise ValueError("must not have both COUNT and UNTIL")
        if self.count is not None and not 1 <= self.count <= MOST_OCCURRENCES:
            raise ValueError(_BAD_COUNT)
        if isinstance(self.until, datetime) and (
            self.until.microsecond or self.until.tzinfo not in (None, UTC)
        ):
            raise ValueError(_BAD_UNTIL)


def read_recurrence(text: str) -> Recurrence:
    """
    Return the recurrence that a rule describes, such as "FREQ=DAILY;COUNT=3".

    A leading "RRULE:" may be there; parts come in any order, letters in any case.

    Raises:
        ValueError: If it is not a rule, or has parts or values other than those
            that a `Recurrence` keeps; WKST=MO says nothing new and is taken. The
            message says what is wrong without repeating the text.
    """
    parts = _parts_of(text)
    if parts.get("WKST", "MO") != "MO":
        raise ValueError("must not have a WKST other than MO")
    count, until = parts.get("COUNT"), parts.get("UNTIL")
    return Recurrence(
        freq=_read_freq(parts.get("FREQ", "")),
        interval=_read_number(parts.get("INTERVAL", "1"), _BAD_INTERVAL),
        weekdays=_read_weekdays(parts["BYDAY"]) if "BYDAY" in parts else (),
        count=None if count is None else _read_number(count, _BAD_COUNT),
        until=None if until is None else _read_until(until),
    )


def days_of(
    recurrence: Recurrence, first: date, start_time: time, zone: ZoneInfo
) -> tuple[date, ...]:
    """
    Return the local days of all occurrences, in order; at most `MOST_OCCURRENCES`.

    *first* is one of them only if the rule falls on it. A monthly recurrence leaves
    out months without its day. Whether clocks in *zone* show *start_time* on each of
    the days is not looked at.

    Args:
        first: The local day that intervals are counted from; none comes before it.
        start_time: Local, without a zone; *until* may lie before or after it.
        zone: The clinic's.

    Raises:
        ValueError: If there would be more occurrences, or none, or the recurrence
            has not ended `HORIZON_YEARS` after *first*.
    """
    if not _FIRST_YEAR <= first.year <= _LAST_YEAR:
        raise ValueError(f"must begin in the years {_FIRST_YEAR} to {_LAST_YEAR}")

    def is_in_time(day: date) -> bool:
        return _is_by(recurrence.until, datetime.combine(day, start_time), zone)

    horizon = first + relativedelta(years=HORIZON_YEARS)
    found = takewhile(is_in_time, _matching_days(recurrence, first, horizon))
    days = tuple(islice(found, recurrence.count or MOST_OCCURRENCES + 1))
    if len(days) > MOST_OCCURRENCES:
        raise ValueError(f"must have at most {MOST_OCCURRENCES} occurrences")
    if not days:
        raise ValueError("has no occurrence")
    if len(days) != recurrence.count and is_in_time(horizon + _DAY):
        raise ValueError(f"must end within {HORIZON_YEARS} years")
    return days


def _matching_days(recurrence: Recurrence, first: date, last: date) -> Iterator[date]:
    # All days of each day, week or month that counts: given BYDAY itself, dateutil
    # takes a mix such as MO,1FR to mean both at once, and looks for a day that never
    # comes up to the year 9999. WKST would depend on the process.
    candidates = rrule.rrule(
        _PERIODS[recurrence.freq],
        dtstart=first,
        interval=recurrence.interval,
        wkst=rrule.MO,
        until=last,
        byweekday=range(7),
    )
    for candidate in candidates:
        day = candidate.date()
        if _falls_on(recurrence, day, first):
            yield day


def _falls_on(recurrence: Recurrence, day: date, first: date) -> bool:
    if recurrence.weekdays:
        return any(entry.is_on(day) for entry in recurrence.weekdays)
    if recurrence.freq is Frequency.WEEKLY:
        return day.weekday() == first.weekday()
    if recurrence.freq is Frequency.MONTHLY:
        return day.day == first.day
    return True


def _is_by(until: date | None, start: datetime, zone: ZoneInfo) -> bool:
    if until is None:
        return True
    if not isinstance(until, datetime):
        return start.date() <= until
    if until.tzinfo is None:
        return start <= until
    return first_instant_from(start, zone) <= until


def _parts_of(text: str) -> dict[str, str]:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"must be at most {LONGEST_TEXT} characters")
    # Beyond ASCII there are letters that become one of these in upper case.
    if not _VISIBLE.fullmatch(text):
        raise ValueError("must be one line of ASCII without spaces")
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        found = _PART.fullmatch(part)
        if not found:
            raise ValueError(_BAD_PARTS)
        name, value = found.groups()
        if name not in _PARTS:
            raise ValueError(f"must not have {name}")
        if name in parts:
            raise ValueError(f"must not have {name} twice")
        parts[name] = value
    return parts


def _read_freq(text: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError:
        raise ValueError(_BAD_FREQ) from None


def _read_number(text: str, complaint: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(complaint)
    return int(text)


def _read_weekdays(text: str) -> Iterator[OnWeekday]:
    for entry in text.split(","):
        found = _BYDAY.fullmatch(entry)
        if not found:
            raise ValueError(_BAD_BYDAY)
        ordinal, code = found.groups()
        yield OnWeekday(_WEEKDAY_OF[code], int(ordinal) if ordinal else None)


def _read_until(text: str) -> date:
    if _UNTIL.fullmatch(text):
        with suppress(ValueError):  # The calendar may not have the day.
            return (datetime if "T" in text else date).fromisoformat(text)
    raise ValueError(_BAD_UNTIL)


def _until_text(until: date) -> str:
    if not isinstance(until, datetime):
        return until.isoformat().replace("-", "")
    clock = until.replace(tzinfo=None).isoformat()
    return re.sub("[-:]", "", clock) + ("Z" if until.tzinfo else "")
