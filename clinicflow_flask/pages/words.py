"""How the clinic's people write days and times."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton, format_time
from babel.localedata import locale_identifiers

from clinicflow_core.entities.clinic import Clinic

LOCALE: Final = "locale"
"""Under which a clinic's metadata name the locale that was chosen."""

_DATE: Final = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_TIME: Final = re.compile(r"\b(?:[01][0-9]|2[0-3]):[0-5][0-9]\b")
_ID: Final = re.compile(r" [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_JOINED: Final = re.compile(r"(?<=[A-Za-z])[-_](?=[A-Za-z])")
_EUROPE: Final = "en_150"
_WORLD: Final = "en_001"


@cache
def locales() -> Mapping[str, str]:
    """Return the locales that a clinic can choose, by name, with what they are of."""
    found = (Locale.parse(name) for name in locale_identifiers() if _is_plain(name))
    names = {str(each): each.get_territory_name("en") or "" for each in found}
    return dict(sorted(names.items(), key=lambda item: item[1]))


def _is_plain(name: str) -> bool:
    language, _, territory = name.partition("_")
    return language == "en" and len(territory) == 2


def locale_of(clinic: Clinic) -> Locale:
    """Return the locale that *clinic* chose, else that of its time zone's country."""
    chosen = clinic.clinic_metadata.get(LOCALE)
    if isinstance(chosen, str) and chosen in locales():
        return Locale.parse(chosen)
    return _locale_of_zone(clinic.timezone)


@cache
def zones() -> tuple[str, ...]:
    """Return the time zones that a clinic may be in, one name for each, sorted."""
    places = (name for name in get_global("zone_territories") if "/" in name)
    known = available_timezones()
    return tuple(sorted(n for n in places if n in known and not n.startswith("Etc/")))


@cache
def _locale_of_zone(timezone: str) -> Locale:
    known_as = get_global("zone_aliases").get(timezone, timezone)  # "US/Eastern"
    local = f"en_{get_global('zone_territories').get(known_as)}"
    far = _EUROPE if timezone.startswith("Europe/") else _WORLD
    return Locale.parse(local if local in locales() else far)


def locale_for(languages: list[str]) -> Locale:
    """Return the locale for whoever reads *languages*, as a browser names them."""
    for language in languages:
        territory = language.replace("_", "-").partition("-")[2].upper()
        if f"en_{territory}" in locales():
            return Locale.parse(f"en_{territory}")
    return Locale.parse(_WORLD)


# Formatting takes longer than all the rest of a cell of the day board.


@cache
def _clock(moment: time, locale: Locale) -> str:
    return format_time(moment, "short", locale=locale)


def clock(moment: time, locale: Locale) -> str:
    """Return a wall-clock time, as "9:05 AM" or "09:05"."""
    return _clock(moment.replace(second=0, microsecond=0, tzinfo=None), locale)


def day(on: date, locale: Locale) -> str:
    """Return a day, as "Mon, Mar 2"."""
    return format_skeleton("MMMEd", on, locale=locale)


def long_day(on: date, locale: Locale) -> str:
    """Return a day in full, as "Monday, March 2, 2026"."""
    return format_date(on, "full", locale=locale)


def short_date(on: date, locale: Locale) -> str:
    """Return a day with its year, as "Mar 2, 2026"."""
    return format_date(on, "medium", locale=locale)


def instant(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Return an instant by the clinic's wall clock, as "Mar 2, 2026, 9:05 AM"."""
    local = at.astimezone(zone).replace(tzinfo=None)
    date_part = format_date(local, "medium", locale=locale)
    return f"{date_part}, {clock(local.time(), locale)}"


def told(sentence: str, locale: Locale) -> str:
    """Return a sentence of the core with its days and times in the words of here."""
    sentence = _ID.sub("", sentence)  # People know what they look at.
    sentence = _DATE.sub(lambda on: _date_told(on[0], locale), sentence)
    return _TIME.sub(lambda at: clock(time.fromisoformat(at[0]), locale), sentence)


def _date_told(text: str, locale: Locale) -> str:
    try:
        return short_date(date.fromisoformat(text), locale)
    except ValueError:
        return text


def plain(name: str) -> str:
    """Return a name of the record for people: "no-show" as "No show"."""
    words = _JOINED.sub(" ", name)
    return words[:1].upper() + words[1:]


WRITERS: Final[Mapping[str, Callable[..., str]]] = {
    "clock": clock,
    "day": day,
    "long_day": long_day,
    "short_date": short_date,
    "instant": instant,
    "told": told,
}
"""What templates call; each is given the locale of the page."""
