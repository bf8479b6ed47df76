"""
FHIR R4 resources: what a Patient, Practitioner or Encounter says to a front desk.

Each reader takes a resource as JSON, or an entry of a Bundle that holds one. What
ClinicFlow has no place for (addresses, identifiers, extensions, …) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from attrs import frozen

from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.interchange.reasons import Reason, unfit
from clinicflow_core.interchange.records import (
    PastVisit,
    Person,
    content_key,
    visit_span,
)
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.wire import structure

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_URN = re.compile(rf"urn:(?:uuid|oid):({_ID.pattern})")
_PARTIAL_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2})?")
_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,2}")

_FORMER_NAMES = frozenset({"old", "maiden"})
_NAMES_FIRST = {"official": 0, "usual": 1}
_PHONES_FIRST = {"mobile": 0, "home": 1, "work": 2}
_UNRANKED = 2**31  # FHIR's positiveInt ends before it.

# R4 says finished, R5 completed.
_OVER = frozenset({"finished", "completed"})
_NOT_OVER = frozenset(
    {
        "arrived",
        "cancelled",
        "discharged",
        "discontinued",
        "entered-in-error",
        "in-progress",
        "on-hold",
        "onleave",
        "planned",
        "triaged",
        "unknown",
    }
)


def patient(data: object, today: date) -> Person:
    """
    Return the patient that a Patient resource describes.

    The name is the official one, else the usual one, else another that is still in
    use; the e-mail address and the phone number are the first in use, a number with
    a better rank, or else a mobile one, before others.

    Raises:
        UnfitError: If it is another resource, or the birth date is a partial one.
        InvalidError: If it is not as FHIR says, or lacks a name.
    """
    resource, key = _resource(data, "Patient", Reason.NOT_A_PATIENT)
    name = _current_name(resource, today)
    telecoms = list(_telecoms(resource, today))
    birth = resource.text("birthDate")
    if birth is not None and _PARTIAL_DATE.fullmatch(birth):
        raise unfit(Reason.PARTIAL_DATE, "/birthDate must be a whole date.")
    facts = {
        "first_name": " ".join(name.texts("given")) or name.missing("given"),
        "last_name": name.text("family") or name.missing("family"),
        "email": _first_value(telecoms, "email"),
        "phone": _first_value(sorted(telecoms, key=_preference), "phone"),
        "date_of_birth": birth,
    }
    return Person(key=key, facts=_present(facts))


def practitioner(data: object, today: date) -> Person:
    """
    Return the doctor that a Practitioner resource describes.

    The name is put together from its parts, with the title, or else as its text says;
    the specialty is what the first qualification says.

    Raises:
        UnfitError: If it is another resource.
        InvalidError: If it is not as FHIR says, or lacks a name.
    """
    resource, key = _resource(data, "Practitioner", Reason.NOT_A_PRACTITIONER)
    name = _current_name(resource, today)
    family = name.text("family")
    words = [*name.texts("given"), *([family] if family else [])]
    if words:
        full_name = " ".join([*name.texts("prefix"), *words])
    else:
        full_name = name.text("text") or name.missing("family")
        # A word with a full stop is a title.
        words = [word for word in full_name.split() if not word.endswith(".")]
    facts = {
        "name": full_name,
        "initials": _initials(words),
        "specialty": next(_qualifications(resource), None),
    }
    return Person(key=key, facts=_present(facts))


def encounter(data: object) -> PastVisit:
    """
    Return the visit that an Encounter resource describes.

    The doctor is the first participant who is a Practitioner.

    Raises:
        UnfitError: If it is another resource or not over, names nobody, or its period
            is partial or not 1 minute to 24 hours long.
        InvalidError: If it is not as FHIR says.
    """
    resource, key = _resource(data, "Encounter", Reason.NOT_AN_ENCOUNTER)
    _refuse_unless_over(resource)
    participants = (
        participant.node(actor)
        for participant in resource.nodes("participant")
        for actor in ("individual", "actor")  # R4's word and R5's.
    )
    doctors = (_referred(participant, "Practitioner") for participant in participants)
    doctor = next((found for found in doctors if found is not None), None)
    if doctor is None:
        raise unfit(Reason.NO_PRACTITIONER, "/participant names no Practitioner.")
    patient = _referred(resource.node("subject"), "Patient")
    if patient is None:
        raise unfit(Reason.NO_PATIENT, "/subject names no Patient.")
    when = _span(resource.node("period") or resource.missing("period"))
    return PastVisit(key=key, doctor=doctor, patient=patient, when=when)


@frozen
class _Node:
    """A JSON object with the place where it stands; blank texts count as left out."""

    value: Mapping[str, Any]
    pointer: str = ""

    def text(self, key: str) -> str | None:
        return self._read_text(self.value.get(key), f"{self.pointer}/{key}")

    def texts(self, key: str) -> list[str]:
        read = (self._read_text(*item) for item in self._items(key))
        return [text for text in read if text is not None]

    def node(self, key: str) -> _Node | None:
        value = self.value.get(key)
        return None if value is None else _node(value, f"{self.pointer}/{key}")

    def nodes(self, key: str) -> list[_Node]:
        return [_node(*item) for item in self._items(key)]

    def missing(self, key: str) -> Any:
        raise _wrong(f"{self.pointer}/{key}", "is required")

    def _items(self, key: str) -> Iterator[tuple[Any, str]]:
        pointer = f"{self.pointer}/{key}"
        items = self.value.get(key, [])
        if type(items) is not list:
            raise _wrong(pointer, "must be a list")
        for position, item in enumerate(items):
            yield item, f"{pointer}/{position}"

    @staticmethod
    def _read_text(value: Any, pointer: str) -> str | None:
        # Null stands where an extension says why there is nothing.
        if value is not None and type(value) is not str:
            raise _wrong(pointer, "must be text")
        return (value and value.strip()) or None


def _node(value: Any, pointer: str = "") -> _Node:
    if type(value) is not dict:
        raise _wrong(pointer, "must be an object")
    return _Node(value, pointer)


def _wrong(pointer: str, detail: str) -> InvalidError:
    return InvalidError((Problem(pointer, detail),))


def _present(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _resource(data: object, kind: str, reason: Reason) -> tuple[_Node, str]:
    """Return the resource, which must be a *kind*, and its key."""
    node = _node(data)
    full_url = None
    if "resourceType" not in node.value and "resource" in node.value:
        full_url = node.text("fullUrl")
        node = node.node("resource") or node.missing("resource")
    found = node.text("resourceType") or node.missing("resourceType")
    if found != kind:
        pointer = f"{node.pointer}/resourceType"
        raise unfit(reason, f"{pointer} is not {kind}.")
    key = node.text("id")
    if key is not None and not _ID.fullmatch(key):
        detail = "must be 1 to 64 letters, digits, hyphens and dots"
        raise _wrong(f"{node.pointer}/id", detail)
    return node, key or _tail(full_url, kind) or content_key(node.value)


def _tail(url: str | None, kind: str) -> str | None:
    """Return the id at the end of a reference to a *kind*; None for another one."""
    if url is None:
        return None
    if urn := _URN.fullmatch(url):
        return urn[1]
    parts = url.partition("/_history/")[0].split("/")
    fits = parts[-2:-1] == [kind] and _ID.fullmatch(parts[-1])
    return parts[-1] if fits else None


def _referred(reference: _Node | None, kind: str) -> str | None:
    if reference is None or reference.text("type") not in (None, kind):
        return None
    return _tail(reference.text("reference"), kind)


def _current_name(person: _Node, today: date) -> _Node:
    names = [
        name
        for name in person.nodes("name")
        if name.text("use") not in _FORMER_NAMES and _is_in_use(name, today)
    ]
    if not names:
        person.missing("name")
    return min(names, key=lambda name: _NAMES_FIRST.get(name.text("use") or "", 2))


def _is_in_use(node: _Node, today: date) -> bool:
    period = node.node("period")
    end = period and period.text("end")
    # An end may be a year or a month; then its last day counts.
    return not end or end[:10] >= today.isoformat()[: len(end)]


def _telecoms(person: _Node, today: date) -> Iterator[_Node]:
    for telecom in person.nodes("telecom"):
        if telecom.text("use") != "old" and _is_in_use(telecom, today):
            yield telecom


def _preference(telecom: _Node) -> tuple[int, int]:
    rank = telecom.value.get("rank", _UNRANKED)
    if type(rank) is not int:
        raise _wrong(f"{telecom.pointer}/rank", "must be a whole number")
    use = telecom.text("use") or ""
    return rank, _PHONES_FIRST.get(use, len(_PHONES_FIRST))


def _first_value(telecoms: list[_Node], system: str) -> str | None:
    values = (t.text("value") for t in telecoms if t.text("system") == system)
    return next((value for value in values if value is not None), None)


def _initials(words: list[str]) -> str | None:
    letters = [
        next((sign for sign in word if sign.isalnum()), "")
        for word in (words[:1] + words[1:][-1:])
    ]
    return "".join(letters).upper() or None


def _qualifications(person: _Node) -> Iterator[str]:
    for qualification in person.nodes("qualification"):
        if code := qualification.node("code"):
            displays = (coding.text("display") for coding in code.nodes("coding"))
            yield from filter(None, (code.text("text"), *displays))


def _refuse_unless_over(resource: _Node) -> None:
    status = resource.text("status") or resource.missing("status")
    if status in _NOT_OVER:
        raise unfit(Reason.NOT_COMPLETED, f"/status is {status}, not finished.")
    if status not in _OVER:
        raise _wrong("/status", "is not the status of an Encounter")


def _span(period: _Node) -> TimeSpan:
    start, end = (_instant(period, key) for key in ("start", "end"))
    return visit_span(start, end)


def _instant(period: _Node, key: str) -> datetime:
    text = period.text(key) or period.missing(key)
    pointer = f"{period.pointer}/{key}"
    if _DATE.fullmatch(text):
        raise unfit(Reason.PARTIAL_DATE, f"{pointer} must have a time of day.")
    try:
        return structure(text, datetime)
    except InvalidError as error:
        raise _wrong(pointer, error.problems[0].detail) from None
