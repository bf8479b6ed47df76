"""Rendering what an act returns, as JSON and as the schema of that JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import UnionType
from typing import Any, Final, get_args, get_origin

import attrs
from attrs import frozen
from flask import Response

from clinicflow_core import wire
from clinicflow_core.desk.calendars import KeptDay, TimeOffTaken
from clinicflow_core.desk.doctors import Week
from clinicflow_core.desk.intake import ReadForm, Sent
from clinicflow_core.desk.policies import KeptDoctorPolicy, KeptPolicy
from clinicflow_core.desk.register import Registered
from clinicflow_core.desk.series import SeriesOutcome
from clinicflow_core.desk.waitlist import Waiting
from clinicflow_core.entities.appointment import Appointment, Cancellation
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.json_schema import json_schema
from clinicflow_core.ports import Page
from clinicflow_flask.paging import cursor_of

Document = Mapping[str, object]
"""JSON that is sent as it is."""

GivenUp = tuple[Appointment, Cancellation]
"""A visit that will not take place, and why."""

PATIENT_LINK: Final = "/api/intake/public"
"""What the patient's links begin with, before their token."""

_ONLY: Final[Mapping[Any, str]] = {
    KeptDay: "day",
    KeptDoctorPolicy: "policy",
    KeptPolicy: "policy",
    Week: "hours",
}
"""Of these one field alone is told; the version is in a header."""

_BESIDE: Final[Mapping[Any, tuple[str, ...]]] = {
    ReadForm: ("form", "scores"),
    Registered: ("patient", "possible_duplicates"),
    SeriesOutcome: ("series", "appointments", "skipped"),
    TimeOffTaken: ("time_off", "stranded"),
    Waiting: ("entry", "offer"),
}
"""Of these the fields of a record are told, and more beside them."""


@frozen
class Redirect:
    """Where the browser is sent."""

    location: str


@frozen
class CsvFile:
    """
    A table that the browser saves as a file.

    Attributes:
        name: Of the file: letters, digits, dots and hyphens.
        text: See `csv_text`.
    """

    name: str
    text: str


CSV: Final = "text/csv; charset=utf-8"
"""The media type of a `CsvFile`."""

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def respond(
    value: object,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return *value* as a response; nothing at all for a status of 204."""
    if status == 204:
        return Response(status=204)
    if isinstance(value, Redirect):
        return Response(status=status, headers={"Location": value.location})
    if isinstance(value, CsvFile):
        saved = {"Content-Disposition": f'attachment; filename="{value.name}"'}
        return Response(value.text, status, saved, content_type=CSV)
    response = Response(_encode(value), status, content_type=media_type)
    if headers:
        response.headers.extend(headers)
    return response


def headers_of(value: object) -> Mapping[str, str]:
    """Return the headers of an answer that tells *value*: a record's entity tag."""
    record = value[0] if isinstance(value, tuple) and value else value
    version = getattr(record, "version", None)
    return {} if version is None else {"ETag": f'"{version}"'}


def has_version(kind: Any) -> bool:
    """Return whether an answer that tells a *kind* has an entity tag."""
    record: Any = get_args(kind)[0] if kind == GivenUp else kind
    return attrs.has(record) and hasattr(record, "version")


def renderer(kind: Any) -> Callable[[Any], object]:
    """Return what makes JSON of a *kind*, the type that an act returns."""
    if get_origin(kind) is Page:
        return _page_renderer(renderer(get_args(kind)[0]))
    if kind == GivenUp:
        return _render_given_up
    if kind is Sent:
        return _render_sent
    if kind in (Redirect, CsvFile):
        return _as_it_is
    if kind in _ONLY:
        name = _ONLY[kind]
        return lambda value: wire.dump(getattr(value, name))
    if kind in _BESIDE:
        return _record_renderer(*_BESIDE[kind])
    return wire.dump


def media_type_of(kind: Any) -> str:
    """Return the media type of an answer that tells a *kind*."""
    return CSV if kind is CsvFile else "application/json"


def answer_schema(kind: Any, components: dict[str, object]) -> dict[str, object]:
    """Return the schema of what `renderer` makes of a *kind*."""
    if kind == Document:
        return {"type": "object"}
    if kind is CsvFile:
        return {"type": "string"}
    if get_origin(kind) is Page:
        items = answer_schema(get_args(kind)[0], components)
        return {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": items},
                "next": {
                    "type": ["string", "null"],
                    "description": "The cursor of the next page; null on the last.",
                },
            },
            "required": ["items", "next"],
        }
    if get_origin(kind) is UnionType:
        return {"anyOf": [answer_schema(one, components) for one in get_args(kind)]}
    if kind == GivenUp:
        cancellation = json_schema(Cancellation, components=components, answer=True)
        return _with(Appointment, {"cancellation": cancellation}, components)
    if kind is Sent:
        return _with(IntakeForm, _sent_schema(), components)
    if kind in _ONLY:
        return json_schema(
            _type_of(kind, _ONLY[kind]), components=components, answer=True
        )
    if kind in _BESIDE:
        record, *names = _BESIDE[kind]
        beside = {
            name: json_schema(_type_of(kind, name), components=components, answer=True)
            for name in names
        }
        return _with(_type_of(kind, record), beside, components)
    return json_schema(kind, components=components, answer=True)


def _type_of(kind: Any, name: str) -> Any:
    fields = {a.name: a.type for a in wire.visible_fields(kind)}
    return fields[name]


def _with(
    kind: Any, beside: Mapping[str, object], components: dict[str, object]
) -> dict[str, object]:
    """Return the schema of a *kind* that has more names *beside* its own fields."""
    return {
        "allOf": [
            json_schema(kind, components=components, answer=True),
            {
                "type": "object",
                "properties": dict(beside),
                "required": list(beside),
            },
        ]
    }


def _page_renderer(render: Callable[[Any], object]) -> Callable[[Page[Any]], object]:
    def render_page(page: Page[Any]) -> object:
        return {
            "items": [render(item) for item in page.items],
            "next": None if page.next is None else cursor_of(page.next),
        }

    return render_page


def _record_renderer(record: str, *names: str) -> Callable[[Any], object]:
    def render(value: Any) -> object:
        return {
            **_object(wire.dump(getattr(value, record))),
            **{name: wire.dump(getattr(value, name)) for name in names},
        }

    return render


def _render_given_up(given_up: GivenUp) -> object:
    visit, cancellation = given_up
    return {
        **_object(wire.dump(visit)),
        "cancellation": wire.dump(cancellation),
    }


def _render_sent(sent: Sent) -> object:
    token = sent.token
    return {
        **_object(wire.dump(sent.form)),
        "link": None if token is None else f"{PATIENT_LINK}/{token}",
        "token": token,
        "expires_at": wire.dump(sent.expires_at),
    }


def _sent_schema() -> Mapping[str, object]:
    once = "Told this once; null if the request was carried out before."
    text = {"type": ["string", "null"], "description": once}
    return {
        "link": text,
        "token": text,
        "expires_at": {
            **json_schema(datetime, components={}, answer=True),
            "description": "Until when the link works.",
        },
    }


def _as_it_is(value: object) -> object:
    return value


def _object(dumped: object) -> dict[str, object]:
    assert isinstance(dumped, dict)
    return dumped
