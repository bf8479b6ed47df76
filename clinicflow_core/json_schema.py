"""
attrs classes as JSON Schema 2020-12, in the dialect of OpenAPI 3.1.

What `wire.structure` accepts, the schema accepts. The
schema accepts a little more: JSON Schema cannot tell 1.0 from 1, does not know
the IANA time zones and sees no rule over several fields.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from inspect import cleandoc
from typing import Any, Final, NewType
from uuid import UUID

import attrs
from attrs import Attribute

from clinicflow_core import checks, wire

__all__ = ["json_schema"]

_PLAIN: Final[Mapping[Any, Mapping[str, object]]] = {
    str: {"type": "string", "pattern": f"^{checks.NO_NUL}$"},
    int: {"type": "integer", "minimum": wire.INT64[0], "maximum": wire.INT64[-1]},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    time: {"type": "string", "pattern": f"^{wire.TIME}$"},
    datetime: {"type": "string", "format": "date-time", "pattern": f"^{wire.INSTANT}$"},
    wire.LocalDateTime: {"type": "string", "pattern": f"^{wire.LOCAL}$"},
    UUID: {"type": "string", "format": "uuid"},
    object: {},
    Any: {},
}
_ONLY_FOR: Final = {"maxItems": "array", "maxProperties": "object"}


def json_schema(
    cls: Any, *, components: dict[str, object], answer: bool = False
) -> dict[str, object]:
    """
    Return the schema of *cls*, an attrs class or any type that a field may have.

    Each attrs class is put into *components* and referenced: by its name as it
    is received, and with `Answer` after its name as `dump` sends it,
    where every key is present.

    Raises:
        TypeError: If *cls* holds a type that `structure` cannot read.
    """

    def inner(kind: Any) -> dict[str, object]:
        return json_schema(kind, components=components, answer=answer)

    if cls in _PLAIN:
        return dict(_PLAIN[cls])
    if isinstance(cls, NewType):
        return inner(cls.__supertype__)
    if attrs.has(cls):
        return _reference(cls, components, answer)
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        return _enum(cls)
    if (item := wire.tuple_item(cls)) is not None:
        return {"type": "array", "items": inner(item)}
    if (item := wire.set_item(cls)) is not None:
        return {"type": "array", "items": inner(item), "uniqueItems": True}
    if (value := wire.mapping_value(cls)) is not None:
        values = inner(value)
        return {"type": "object"} | ({"additionalProperties": values} if values else {})
    member, nullable = wire.split_union(cls)
    if member is not cls:
        return _nullable(inner(member)) if nullable else inner(member)
    raise TypeError(f"no schema for {cls}")


def _enum(cls: type[enum.Enum]) -> dict[str, object]:
    values = [member.value for member in cls]
    kind = {"type": "string"} if all(isinstance(v, str) for v in values) else {}
    return {**kind, "enum": values}


def _nullable(schema: dict[str, object]) -> dict[str, object]:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def _reference(
    cls: Any, components: dict[str, object], answer: bool
) -> dict[str, object]:
    name = f"{cls.__name__}Answer" if answer else cls.__name__
    if name not in components:
        component: dict[str, object] = {}
        components[name] = component  # Before its fields: one may be a *cls*.
        component |= _object(cls, components, answer)
    return {"$ref": f"#/components/schemas/{name}"}


def _object(cls: Any, components: dict[str, object], answer: bool) -> dict[str, object]:
    fields = wire.visible_fields(cls)
    properties = {wire.name_of(a): _property(a, components, answer) for a in fields}
    required = [wire.name_of(a) for a in fields if answer or a.default is attrs.NOTHING]
    if answer:
        for name, kind in wire.computed(cls).items():
            properties[name] = json_schema(kind, components=components, answer=True)
            required.append(name)
    schema: dict[str, object] = {
        "type": "object",
        "properties": properties,
        "required": required,
    }
    if cls.__doc__:
        summary = cleandoc(cls.__doc__).partition("\n\n")[0]
        schema["description"] = " ".join(summary.split())
    if not answer:
        schema["additionalProperties"] = False
    return schema


def _property(
    attribute: Attribute[Any], components: dict[str, object], answer: bool
) -> dict[str, object]:
    kind, nullable = wire.split_union(attribute.type)
    schema = json_schema(kind, components=components, answer=answer)
    limits = [check.schema for check in _checks(attribute)]
    for limit in limits:
        schema |= {k: v for k, v in limit.items() if _applies(k, schema)}
    # An object holds one pattern: the last is in its place, the others beside it.
    patterns = [{"pattern": limit["pattern"]} for limit in limits if "pattern" in limit]
    if others := patterns[:-1]:
        schema["allOf"] = others
    if nullable:
        schema = _nullable(schema)
    if "description" in attribute.metadata:
        schema["description"] = attribute.metadata["description"]
    return schema


def _checks(attribute: Attribute[Any]) -> Iterator[checks.Check]:
    validator = attribute.validator
    # attrs joins a list of validators into one object that keeps them so.
    for part in getattr(validator, "_validators", (validator,)):
        if isinstance(part, checks.Check):
            yield part


def _applies(keyword: str, schema: Mapping[str, object]) -> bool:
    return _ONLY_FOR.get(keyword, schema.get("type")) == schema.get("type")
