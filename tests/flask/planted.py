"""Requests with something to find in every place where somebody can write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from attrs import field, frozen

from clinicflow_flask.routes import Route
from tests.flask.desk import DOCUMENT, UNKNOWN

MARK = "qzmark"
BIRTH = "1931-07-19"
PHONE = "+13125550173"
MARKS = (MARK, BIRTH, PHONE.removeprefix("+"))

_QUESTIONNAIRE: Mapping[str, object] = {
    "name": "planted",
    "title": f"{MARK} title",
    "items": [{"link_id": "reason", "kind": "text", "text": f"{MARK} text"}],
}

# What a field takes that does not take just any text.
_FITTING: Mapping[str, object] = {
    "birth_date": BIRTH,
    "clinic_size": "solo",
    "closed_days": "2026-12-24",
    "color": "#1f8f3a",
    "country": "US",
    "daily_limit": None,
    "date": "2026-03-03",
    "date_of_birth": BIRTH,
    "days_later": 0,
    "default_durations": {"follow-up": 20},
    "document": _QUESTIONNAIRE,
    "duration": 30,
    "earliest": "09:00",
    "end": "17:00",
    "ends": "2026-03-12T17:00",
    "first_date": "2026-03-03",
    "from": "2026-03-03",
    "last_date": "2026-03-31",
    "latest": "17:00",
    "max_horizon_days": None,
    "phone": PHONE,
    "region": "NY",
    "role": "doctor",
    "rrule": "FREQ=WEEKLY;COUNT=2",
    "slot_step": 15,
    "start": "09:00",
    "start_time": "09:00",
    "starts": "2026-03-12T09:00",
    "timezone": "Europe/Lisbon",
    "utc_offset": None,
    "weekday": "tuesday",
    "weekdays": "tuesday",
}
_numbers = count(1)


def mark() -> str:
    return f"{MARK}{next(_numbers)}"


@frozen
class Planted:
    """A request to *route*; one that *fits* should be carried out."""

    route: Route
    path: str
    query: Mapping[str, str] = field(factory=dict)
    body: object = None
    data: bytes | None = None
    token: str | None = None
    content_type: str | None = None
    fits: bool = False


def requests(route: Route, ids: Mapping[str, str]) -> Iterator[Planted]:
    """Yield a request that fits and many that do not, about the records *ids*."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    path = route.path.format_map(_Ids(ids))
    names = [p["name"] for p in operation["parameters"] if p["in"] == "query"]
    schema = _schema(operation)
    body = schema and _filled(schema, ids, route.body_is or "")
    yield Planted(route, path, body=body, fits=True)
    yield Planted(route, path, body=body, token=f"{mark()}.{mark()}.{mark()}")
    yield Planted(route, path, {"q": mark()} if "q" in names else {}, body)
    yield Planted(route, path, {name: mark() for name in names}, body)
    yield Planted(route, path, {mark(): mark(), "limit": "1"}, body)
    if route.ids:
        yield Planted(route, route.path.format_map(_Marks()), body=body)
    if schema is None:
        return
    wrong = _filled(schema, None)
    yield Planted(route, path, body=wrong)
    yield Planted(route, path, body=[wrong, mark()])
    if isinstance(body, dict):
        yield Planted(route, path, body={**body, mark(): mark()})
        for name in body:
            yield Planted(route, path, body={**body, name: {mark(): mark()}})
    text = f'{{"{mark()}": "{mark()}'.encode()
    yield Planted(route, path, data=text)
    yield Planted(route, path, data=text + b"\xff\x00")
    yield Planted(route, path, data=text, content_type=f"text/{mark()}")


class _Ids(dict[str, str]):
    def __missing__(self, _: str) -> str:
        return UNKNOWN


class _Marks(dict[str, str]):
    def __missing__(self, _: str) -> str:
        return mark()


def _schema(operation: Any) -> Any:
    if "requestBody" not in operation:
        return None
    return operation["requestBody"]["content"]["application/json"]["schema"]


def _filled(schema: Any, ids: Mapping[str, str] | None, name: str = "") -> object:
    """Return JSON with a mark in each text; without *ids* even where none fits."""
    if "$ref" in schema:
        component = schema["$ref"].rpartition("/")[2]
        return _filled(DOCUMENT["components"]["schemas"][component], ids, name)
    if ids is not None and name in _FITTING and schema.get("type") != "array":
        return _FITTING[name]
    if "anyOf" in schema:
        return _filled(schema["anyOf"][0], ids, name)
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {mark(): {"type": "string"}})
        return {key: _filled(value, ids, key) for key, value in properties.items()}
    if kind == "array":
        return [_filled(schema["items"], ids, name)]
    return _value(schema, kind, ids, name)


def _value(schema: Any, kind: str, ids: Mapping[str, str] | None, name: str) -> object:
    if ids is None:
        return mark()
    if name in ids or schema.get("format") == "uuid":
        return ids.get(name)
    if "enum" in schema:
        return schema["enum"][0]
    if kind != "string":
        return True if kind == "boolean" else 1
    if name.endswith("password"):
        return f"{mark()}-{mark()}"
    return f"{mark()}@example.org" if name == "email" else _text(schema)


def _text(schema: Any) -> str:
    text = mark()
    return text[-schema.get("maxLength", 99) :].ljust(schema.get("minLength", 0), "x")
