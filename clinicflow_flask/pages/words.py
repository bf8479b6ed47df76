"""What things are called on the pages, and how days and times are written there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton, format_time
from babel.localedata import locale_identifiers
from babel.numbers import format_decimal

from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.errors import ClinicFlowError

LOCALE: Final = "locale"
"""Under which a clinic's metadata name the locale that was chosen."""

STATUSES: Final[Mapping[str, str]] = {
    "unconfirmed": "Unconfirmed",
    "confirmed": "Confirmed",
    "completed": "Completed",
    "no-show": "No-show",
    "cancelled": "Cancelled",
}
"""What a visit is called in each status, by the value of the status."""

HAPPENED: Final[Mapping[str, str]] = {
    "appointment.arrived": "A patient arrived",
    "appointment.booked": "A visit was booked",
    "appointment.cancelled": "A visit was cancelled",
    "appointment.changed": "A visit's details were changed",
    "appointment.completed": "A visit was completed",
    "appointment.confirmed": "A visit was confirmed",
    "appointment.imported": "A visit was imported",
    "appointment.missed": "A patient did not come",
    "appointment.reinstated": "A visit was reinstated",
    "appointment.rescheduled": "A visit was moved",
    "appointment.retimed": "A visit kept its wall clock as clocks changed",
    "appointment.undone": "The last step of a visit was undone",
    "clinic.changed": "The clinic's details were changed",
    "clinic.founded": "The clinic was founded",
    "clinic.policy-set": "The rules for booking were changed",
    "clinic.signed-up": "The clinic signed up",
    "doctor.added": "A doctor was added",
    "doctor.changed": "A doctor's details were changed",
    "doctor.dated-hours-set": "A doctor's hours were set for a day",
    "doctor.hours-set": "A doctor's hours were changed",
    "doctor.imported": "A doctor was imported",
    "doctor.policy-set": "A doctor's rules for booking were changed",
    "doctor.removed": "A doctor was removed",
    "doctor.time-off-given-back": "A doctor's time off was given back",
    "doctor.time-off-taken": "A doctor took time off",
    "intake.draft-opened": "A form that was half filled in was opened again",
    "intake.draft-refused": "A wrong birth date was given for a form",
    "intake.draft-saved": "A form was filled in half",
    "intake.linked": "A form was put to a visit",
    "intake.read": "A form was read",
    "intake.resent": "A form was sent again",
    "intake.reviewed": "A form was reviewed",
    "intake.revoked": "A form's link was revoked",
    "intake.sent": "A form was sent",
    "intake.submitted": "A form was filled in",
    "patient.changed": "A patient's details were changed",
    "patient.erased": "A patient was erased",
    "patient.exported": "A patient's record was given out",
    "patient.imported": "A patient was imported",
    "patient.merged": "Two records of a patient were merged",
    "patient.merged-into": "A patient's record was merged into another one",
    "patient.read": "A patient's record was read",
    "patient.registered": "A patient was registered",
    "patient.removed": "A patient was removed",
    "questionnaire.added": "A questionnaire was added",
    "questionnaire.found": "A questionnaire was sent in as it is already",
    "series.booked": "A series of visits was booked",
    "summary.asked-for": "A summary was asked for",
    "summary.edited": "A summary was edited",
    "summary.generated": "A summary was made",
    "summary.read": "A summary was read",
    "summary.signed": "A summary was signed",
    "user.added": "An account was opened",
    "user.changed": "An account was changed",
    "user.google-linked": "An account was linked to Google",
    "user.password-changed": "A password was changed",
    "user.session-reused": "A sign-in was ended, as its token was used twice",
    "user.signed-in": "Somebody signed in",
    "user.signed-out": "Somebody signed out",
    "waitlist.accepted": "An offer was accepted from the waitlist",
    "waitlist.declined": "An offer was declined from the waitlist",
    "waitlist.joined": "Somebody joined the waitlist",
    "waitlist.offer-expired": "An offer to the waitlist expired",
    "waitlist.offer-withdrawn": "An offer to the waitlist was withdrawn",
    "waitlist.offered": "A time was offered to the waitlist",
    "waitlist.removed": "Somebody was taken off the waitlist",
    "waitlist.withdrawn": "Somebody left the waitlist",
}
"""What happened, by the kind of the event."""

REFUSALS: Final[Mapping[str, str]] = {
    "stale-version": (
        "Somebody else changed this meanwhile, so nothing was done. The page shows how "
        "it is now, and keeps what you typed. Press again to have it your way."
    ),
    "last-owner": (
        "This is the last active owner, and a clinic needs one. Make somebody else an "
        "owner first."
    ),
    "idempotency-key-reused": (
        "This form was sent before, with something else in it. Look whether that is "
        "there; press again to do this as well."
    ),
}
"""Why something was not done, by the code of the refusal; the core words others."""

_DATE: Final = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_TIME: Final = re.compile(r"\b(?:[01][0-9]|2[0-3]):[0-5][0-9]\b")
_ID: Final = re.compile(r" [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_JOINED: Final = re.compile(r"(?<=[A-Za-z])[-_](?=[A-Za-z])")
# English as it is written in Europe, and in the rest of the world.
_BY_24_HOURS: Final = "en_150"
_BY_12_HOURS: Final = "en_001"


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
    country = get_global("zone_territories").get(known_as)
    if (local := f"en_{country}") in locales():
        return Locale.parse(local)
    return Locale.parse(_BY_24_HOURS if _counts_24_hours(country) else _BY_12_HOURS)


def _counts_24_hours(country: str | None) -> bool:
    """Return whether clocks count so in the language that most speak there."""
    spoken = get_global("likely_subtags").get(f"und_{country}")
    if spoken is None:
        return False
    # Of some countries no more is known than their language.
    known = locale_identifiers()
    there = next(name for name in _from_near_to_far(spoken) if name in known)
    return "H" in Locale.parse(there).time_formats["short"].pattern


def _from_near_to_far(locale: str) -> Iterator[str]:
    language, script, country = locale.split("_")
    yield from (locale, f"{language}_{country}", f"{language}_{script}", language)


def locale_for(languages: list[str]) -> Locale:
    """Return the locale for whoever reads *languages*, as a browser names them."""
    for language in languages:
        territory = language.replace("_", "-").partition("-")[2].upper()
        if f"en_{territory}" in locales():
            return Locale.parse(f"en_{territory}")
    return Locale.parse(_BY_12_HOURS)


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


def counted(count: int, name: str, locale: Locale) -> str:
    """Return how many there are of what one is called: "1 visit", "1,200 visits"."""
    return f"{format_decimal(count, locale=locale)} {name}{'' if count == 1 else 's'}"


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


def why(refusal: ClinicFlowError, locale: Locale) -> str:
    """Return why something was not done, for people."""
    return REFUSALS.get(refusal.code) or told(str(refusal), locale)


def plain(name: str) -> str:
    """Return a name of the record for people: "first_name" as "First name"."""
    return sentence(_JOINED.sub(" ", name))


def sentence(words: str) -> str:
    """Return what is wrong with something, as a sentence begins."""
    return words[:1].upper() + words[1:]


def status(name: str) -> str:
    """Return what a visit in the status *name* is called, or another name `plain`."""
    return STATUSES.get(name) or plain(name)


WRITERS: Final[Mapping[str, Callable[..., str]]] = {
    "clock": clock,
    "day": day,
    "long_day": long_day,
    "short_date": short_date,
    "instant": instant,
    "counted": counted,
    "told": told,
    "why": why,
}
"""What templates call; each is given the locale of the page."""

FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "plain": plain,
    "sentence": sentence,
    "status": status,
    "happened": HAPPENED.__getitem__,
}
"""What templates tell names and sentences with, wherever the page is read."""
