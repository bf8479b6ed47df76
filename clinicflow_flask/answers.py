"""Rendering what an act returns, as JSON and as the schema of that JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Final, get_args, get_origin

import attrs
from attrs import frozen
from flask import Response

from clinicflow_core import wire
from clinicflow_core.desk.doctors import Week
from clinicflow_core.desk.register import Registered
from clinicflow_core.duplicates import MOST_SHOWN, PossibleDuplicate
from clinicflow_core.entities.appointment import Appointment, Cancellation
from clinicflow_core.entities.doctor import WorkingHours
from clinicflow_core.entities.patient import Patient
from clinicflow_core.json_schema import json_schema
from clinicflow_core.ports import Page
from clinicflow_flask.paging import cursor_of

Document = Mapping[str, object]
"""JSON that is sent as it is."""

GivenUp = tuple[Appointment, Cancellation]
"""A visit that will not take place, and why."""


@frozen
class Redirect:
    """Where the browser is sent."""

    location: str


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
        return _render_page
    if kind == GivenUp:
        return _render_given_up
    if kind is Redirect:
        return _as_it_is
    if kind is Week:
        return _render_week
    if kind is Registered:
        return _render_registered
    return wire.dump


def answer_schema(kind: Any, components: dict[str, object]) -> dict[str, object]:
    """Return the schema of what `renderer` makes of a *kind*."""
    if kind == Document:
        return {"type": "object"}
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
        return _with(Appointment, "cancellation", cancellation, components)
    if kind is Week:
        items = json_schema(WorkingHours, components=components, answer=True)
        return {"type": "array", "items": items}
    if kind is Registered:
        other = json_schema(PossibleDuplicate, components=components, answer=True)
        others = {"type": "array", "items": other, "maxItems": MOST_SHOWN}
        return _with(Patient, "possible_duplicates", others, components)
    return json_schema(kind, components=components, answer=True)


def _with(
    kind: Any, name: str, schema: dict[str, object], components: dict[str, object]
) -> dict[str, object]:
    """Return the schema of a *kind* that has *name* beside its own fields."""
    return {
        "allOf": [
            json_schema(kind, components=components, answer=True),
            {"type": "object", "properties": {name: schema}, "required": [name]},
        ]
    }


def _render_week(week: Week) -> object:
    return [wire.dump(hours) for hours in week.hours]


def _render_page(page: Page[Any]) -> object:
    return {
        "items": [wire.dump(item) for item in page.items],
        "next": None if page.next is None else cursor_of(page.next),
    }


def _render_given_up(given_up: GivenUp) -> object:
    visit, cancellation = given_up
    return {
        **_object(wire.dump(visit)),
        "cancellation": wire.dump(cancellation),
    }


def _render_registered(registered: Registered) -> object:
    return {
        **_object(wire.dump(registered.patient)),
        "possible_duplicates": wire.dump(registered.possible_duplicates),
    }


def _as_it_is(value: object) -> object:
    return value


def _object(dumped: object) -> dict[str, object]:
    assert isinstance(dumped, dict)
    return dumped
