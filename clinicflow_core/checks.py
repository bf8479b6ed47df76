"""
Checks: what the fields of requests must be like, each told to people and to schemas.

They stand as validators in attrs classes; `wire.structure` asks them field by field,
and `json_schema` writes what they say into the OpenAPI document.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Final

from attrs import Attribute, frozen

from clinicflow_core.wire import UNSET, unstorable

__all__ = [
    "NO_NUL",
    "Check",
    "at_most",
    "email",
    "one_line",
    "pattern",
    "text",
    "whole",
    "zone",
]

_CONTROL = r"\u0001-\u001f\u007f-\u009f\u2028\u2029"
_SPACE = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\ufeff"
_INK = rf"[^\u0000{_CONTROL}{_SPACE}]"

# Written for JSON Schema too, where \s and \w mean something else than in Python.
# Each part stops where the next can start, so matching takes linear time.
NO_NUL: Final = r"[^\u0000]*"
_NOT_BLANK = rf"[{_CONTROL}{_SPACE}]*{_INK}{NO_NUL}"
_LINE = rf"[^\u0000{_CONTROL}]*"
_LINE_NOT_BLANK = rf"[{_SPACE}]*{_INK}{_LINE}"

_ATOM = rf'[^\u0000{_CONTROL}{_SPACE}"(),.:;<>@\[\\\]]+'
_ALNUM = rf"[^\u0000-/:-@\[-`{{-\u00a0{_SPACE}{_CONTROL}]"
_LABEL = rf"{_ALNUM}(?:(?:{_ALNUM}|-){{0,61}}{_ALNUM})?"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}"
_MAX_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1

# Names that some systems list but IANA does not give to a place.
_NOT_ZONES = frozenset({"Factory", "localtime"})


@frozen
class Check:
    """
    A validator that can also be told to a JSON Schema; skips None and UNSET.

    Attributes:
        complaint: Says what is wrong with a value, or returns None.
        schema: The same in keywords of JSON Schema.
    """

    complaint: Callable[[Any], str | None]
    schema: Mapping[str, object]

    def __call__(self, made: object, attribute: Attribute[Any], value: object) -> None:
        if value is None or value is UNSET:
            return
        if complaint := self.complaint(value):
            # What reads a document asks before anything is made, and names the place.
            named = complaint if made is None else f"{attribute.name} {complaint}"
            raise ValueError(named)


def text(max_length: int, min_length: int = 1) -> Check:
    """Check that a text is not too long and, unless it may be empty, not blank."""
    return _text(max_length, min_length, _NOT_BLANK if min_length else NO_NUL)


def one_line(max_length: int, min_length: int = 1) -> Check:
    """Check as `text` does, and refuse line breaks and control characters."""
    return _text(max_length, min_length, _LINE_NOT_BLANK if min_length else _LINE)


def _text(max_length: int, min_length: int, regex: str) -> Check:
    compiled = re.compile(regex)
    ink = re.compile(_INK)

    def complaint(value: str) -> str | None:
        if len(value) > max_length:
            return f"must be at most {max_length} characters"
        if min_length and not ink.search(value):
            return "must not be blank"
        if len(value) < min_length:
            return f"must be at least {min_length} characters"
        if reason := unstorable(value):
            return reason
        if not compiled.fullmatch(value):
            return "must be one line without control characters"
        return None

    return Check(
        complaint,
        {"minLength": min_length, "maxLength": max_length, "pattern": f"^{regex}$"},
    )


def whole(minimum: int, maximum: int) -> Check:
    """Check that a number lies between both bounds, which belong to it."""

    def complaint(value: int) -> str | None:
        fits = minimum <= value <= maximum
        return None if fits else f"must be between {minimum} and {maximum}"

    return Check(complaint, {"minimum": minimum, "maximum": maximum})


def pattern(regex: str, message: str) -> Check:
    r"""
    Check that *regex* matches the whole text; else say *message*.

    Write the regex so that JavaScript reads it the same: `[0-9]`, not `\d`.
    """
    compiled = re.compile(regex)

    def complaint(value: str) -> str | None:
        return None if compiled.fullmatch(value) else message

    return Check(complaint, {"pattern": f"^(?:{regex})$"})


def at_most(n: int) -> Check:
    """Check that a tuple, set or dict has no more than *n* items."""

    def complaint(value: tuple[object, ...]) -> str | None:
        return f"must have at most {n} items" if len(value) > n else None

    return Check(complaint, {"maxItems": n, "maxProperties": n})


def email(max_length: int = 255) -> Check:
    """
    Check that a text looks like an e-mail address; the domain may be in any script.

    Quoted local parts and addresses without a dot in the domain are refused.
    """
    compiled = re.compile(_EMAIL)

    def complaint(value: str) -> str | None:
        if len(value) > max_length:
            return f"must be at most {max_length} characters"
        local, _, domain = value.rpartition("@")
        fits = compiled.fullmatch(value) and len(local) <= _MAX_LOCAL_PART
        if not fits or unstorable(value) or not _is_domain(domain):
            return "is not an e-mail address"
        return None

    return Check(
        complaint,
        {"format": "idn-email", "maxLength": max_length, "pattern": f"^{_EMAIL}$"},
    )


def _is_domain(domain: str) -> bool:
    try:
        domain.encode("idna")
    except UnicodeError:
        return False
    return True


def zone() -> Check:
    """Check that a text is the name of an IANA time zone, such as Europe/Vienna."""

    def complaint(value: str) -> str | None:
        return None if value in _zones() else "is not an IANA time zone"

    return Check(complaint, {"minLength": 1, "maxLength": 64})


@cache
def _zones() -> AbstractSet[str]:
    return zoneinfo.available_timezones() - _NOT_ZONES
