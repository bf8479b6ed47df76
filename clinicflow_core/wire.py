"""
Between attrs classes and JSON, strictly: nothing is guessed, dropped or coerced.

`structure` finds everything that is wrong at once. It judges each field by its type,
then by its validators; what concerns several fields belongs into
`__attrs_post_init__`. Validators get no instance here, so they must not ask it.
"""

from __future__ import annotations

import enum
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time
from functools import cache
from typing import (
    Any,
    Final,
    NewType,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

import attrs
from attrs import Attribute, frozen
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from clinicflow_core.errors import InvalidError, Problem

__all__ = [
    "HIDDEN",
    "INSTANT",
    "INT64",
    "LOCAL",
    "TIME",
    "UNSET",
    "LocalDateTime",
    "Unset",
    "changes",
    "computed",
    "dump",
    "mapping_value",
    "name_of",
    "pointer_step",
    "pointer_steps",
    "set_item",
    "split_union",
    "structure",
    "tuple_item",
    "unstorable",
    "visible_fields",
]

T = TypeVar("T")

LocalDateTime = NewType("LocalDateTime", datetime)
"""A day and a wall-clock time of the clinic, without a zone."""

HIDDEN: Final[Mapping[str, object]] = types.MappingProxyType({"wire.hidden": True})
"""Metadata of a field that never crosses the wire, in neither direction."""


class Unset(enum.Enum):
    """The type of `UNSET`, for annotations."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
"""What a field holds whose key was left out of a PATCH; JSON cannot say it."""


def changes(request: attrs.AttrsInstance) -> dict[str, object]:
    """Return the fields of *request* that are set, by attribute name."""
    names = (a.name for a in attrs.fields(type(request)))
    values = {name: getattr(request, name) for name in names}
    return {name: value for name, value in values.items() if value is not UNSET}


def visible_fields(cls: Any) -> tuple[Attribute[Any], ...]:
    """Return the fields of *cls* that cross the wire, types resolved, in order."""
    attrs.resolve_types(cls)
    hidden = HIDDEN.keys()
    return tuple(
        a for a in attrs.fields(cls) if a.init and not hidden <= a.metadata.keys()
    )


def name_of(attribute: Attribute[Any]) -> str:
    """Return a field's name on the wire: `from_`, a word of Python's, is "from"."""
    return attribute.name.rstrip("_")


def computed(cls: Any) -> dict[str, Any]:
    """Return the properties named in `__computed__` with their return types."""
    names = getattr(cls, "__computed__", ())
    return {n: get_type_hints(getattr(cls, n).fget)["return"] for n in names}


_MAX_FREE_DEPTH: Final = 32
INT64: Final = range(-(2**63), 2**63)

# Python reads more than these say: 20260302, a bare date, 24:00, other digits.
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
INSTANT: Final = (
    rf"{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
LOCAL: Final = rf"{_DATE}T{TIME}"
_HEX_ID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

Read = Callable[[Any], Any]


def structure(data: object, cls: type[T]) -> T:
    """
    Return *data*, as `read_json` gives it, as a *cls*.

    Raises:
        InvalidError: If it does not fit, with every problem there is, by pointer.
        TypeError: If *cls* holds a type that has no strict reading.
    """
    kind: Any = cls  # For mypy, which holds a type[T] to be unhashable.
    try:
        result: T = _reader(kind)(data)
    except InvalidError as error:
        problems = sorted(error.problems, key=lambda p: (p.pointer, p.detail))
        raise InvalidError(tuple(problems)) from None
    return result


def _wrong(detail: str, pointer: str = "") -> InvalidError:
    return InvalidError((Problem(pointer, detail),))


def pointer_step(key: object) -> str:
    """Return one step of a JSON pointer; a lone surrogate could not be sent back."""
    name = str(key).encode(errors="replace").decode()
    return "/" + name.replace("~", "~0").replace("/", "~1")


def pointer_steps(pointer: str) -> list[str]:
    """Return the steps of a JSON pointer, each as `pointer_step` was given it."""
    steps = pointer.split("/")[1:]
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _below(key: object, error: InvalidError) -> list[Problem]:
    step = pointer_step(key)
    return [Problem(step + p.pointer, p.detail) for p in error.problems]


def unstorable(value: str) -> str | None:
    """Return why no database could store *value*; None if it could."""
    if "\0" in value:
        return "must not contain NUL"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "must not contain half of a surrogate pair"
    return None


def _read_str(data: object) -> str:
    if type(data) is not str:
        raise _wrong("must be text")
    if complaint := unstorable(data):
        raise _wrong(complaint)
    return data


def _read_int(data: object) -> int:
    if type(data) is not int:
        raise _wrong("must be a whole number")
    if data not in INT64:
        raise _wrong("must fit into 64 bits")
    return data


def _read_float(data: object) -> float:
    if type(data) is int:
        return float(_read_int(data))
    if type(data) is not float or not math.isfinite(data):
        raise _wrong("must be a finite number")
    return data


def _read_bool(data: object) -> bool:
    if type(data) is not bool:
        raise _wrong("must be true or false")
    return data


def _read_text_as(make: Callable[[str], T], regex: str, detail: str) -> Read:
    matches = re.compile(regex).fullmatch

    def read(data: object) -> T:
        if type(data) is str and matches(data):
            try:
                return make(data)
            except (ValueError, OverflowError):
                pass  # It has the right form and does not exist, as 30 February.
        raise _wrong(detail)

    return read


def _instant(literal: str) -> datetime:
    instant = datetime.fromisoformat(literal)
    instant.astimezone(UTC)  # Overflows at the ends of the calendar.
    return instant


def _read_anything(data: object, depth: int = 0) -> object:
    read = _FREE.get(type(data))
    if read:
        return read(data)
    if depth == _MAX_FREE_DEPTH:
        raise _wrong("is nested too deeply")
    if type(data) is list:
        return _read_each(enumerate(data), lambda v: _read_anything(v, depth + 1))
    if type(data) is dict:
        return _read_values(data, lambda v: _read_anything(v, depth + 1))
    raise _wrong("must be a JSON value")


def _read_each(items: Iterable[tuple[object, object]], read: Read) -> list[Any]:
    values = []
    problems: list[Problem] = []
    for key, item in items:
        try:
            values.append(read(item))
        except InvalidError as error:
            problems += _below(key, error)
    if problems:
        raise InvalidError(tuple(problems))
    return values


def _read_values(data: object, read: Read) -> dict[str, Any]:
    if type(data) is not dict:
        raise _wrong("must be an object")

    def read_item(item: tuple[object, object]) -> tuple[str, Any]:
        return _read_str(item[0]), read(item[1])

    # What is wrong with a key is said at the key's own place.
    return dict(_read_each(((item[0], item) for item in data.items()), read_item))


_SCALARS: Final[Mapping[Any, Read]] = {
    str: _read_str,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
}
_FREE: Final[Mapping[Any, Read]] = {**_SCALARS, types.NoneType: lambda data: data}
_PLAIN: Final[Mapping[Any, Read]] = {
    **_SCALARS,
    date: _read_text_as(date.fromisoformat, _DATE, "must be a date, as 2026-03-02"),
    time: _read_text_as(time.fromisoformat, TIME, "must be a time, as 09:00"),
    datetime: _read_text_as(
        _instant, INSTANT, "must be an instant with its offset, as 2026-03-02T09:00:00Z"
    ),
    LocalDateTime: _read_text_as(
        datetime.fromisoformat, LOCAL, "must be a local time, as 2026-03-02T09:00"
    ),
    UUID: _read_text_as(UUID, _HEX_ID, "must be a UUID"),
    object: _read_anything,
    Any: _read_anything,
}


@cache
def _reader(kind: Any) -> Read:
    # cattrs would find a reading for nearly every type, by coercion; here what is
    # not named is refused.
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, NewType):
        return _reader(kind.__supertype__)
    if attrs.has(kind):
        return _object_reader(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _enum_reader(kind)
    if (item := tuple_item(kind)) is not None:
        return _tuple_reader(_reader(item))
    if (item := set_item(kind)) is not None:
        return _set_reader(_reader(item))
    if (value := mapping_value(kind)) is not None:
        read = _reader(value)
        return lambda data: _read_values(data, read)
    member, nullable = split_union(kind)
    if member is not kind:
        return _nullable(_reader(member)) if nullable else _reader(member)
    raise TypeError(f"no strict reading for {kind}")


def tuple_item(kind: Any) -> Any:
    """Return X of `tuple[X, ...]`, else None."""
    args = get_args(kind)
    return args[0] if get_origin(kind) is tuple and args[1:] == (...,) else None


def set_item(kind: Any) -> Any:
    """Return X of `frozenset[X]`, else None."""
    return get_args(kind)[0] if get_origin(kind) is frozenset else None


def mapping_value(kind: Any) -> Any:
    """Return X of `dict[str, X]` or `Mapping[str, X]`, else None."""
    args = get_args(kind)
    is_mapping = get_origin(kind) in (dict, Mapping) and args[0] is str
    return args[1] if is_mapping else None


def split_union(kind: Any) -> tuple[Any, bool]:
    """
    Return X and True for `X | None`, X and False for `X | Unset`, else *kind*.

    `X | None | Unset` is as `X | None`: what is left out is not null.
    """
    members = get_args(kind)
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    rest = [m for m in members if m not in (types.NoneType, Unset)]
    return rest[0] if len(rest) == 1 else kind, types.NoneType in members


def _nullable(read: Read) -> Read:
    return lambda data: None if data is None else read(data)


def _tuple_reader(read: Read) -> Read:
    def read_tuple(data: object) -> tuple[Any, ...]:
        if type(data) is not list:
            raise _wrong("must be a list")
        return tuple(_read_each(enumerate(data), read))

    return read_tuple


def _set_reader(read: Read) -> Read:
    read_tuple = _tuple_reader(read)

    def read_set(data: object) -> frozenset[Any]:
        items = read_tuple(data)
        if len(unique := frozenset(items)) != len(items):
            raise _wrong("must not have an item twice")
        return unique

    return read_set


def _enum_reader(cls: type[enum.Enum]) -> Read:
    members = {member.value: member for member in cls}
    kinds = {type(value) for value in members}
    detail = f"must be one of: {', '.join(map(str, members))}"

    def read_enum(data: object) -> enum.Enum:
        # True equals 1, so the type counts too.
        if type(data) in kinds and data in members:
            return members[data]
        raise _wrong(detail)

    return read_enum


@frozen
class _Key:
    argument: str
    required: bool
    read: Read


def _object_reader(cls: Any) -> Read:
    def read_object(data: object) -> object:
        if type(data) is not dict:
            raise _wrong("must be an object")
        keys = _keys(cls)
        arguments: dict[str, object] = {}
        problems: list[Problem] = []
        for name, key in keys.items():
            if name in data:
                try:
                    arguments[key.argument] = key.read(data[name])
                except InvalidError as error:
                    problems += _below(name, error)
            elif key.required:
                problems.append(Problem(pointer_step(name), "is required"))
        problems += [
            Problem(pointer_step(k), "is not known") for k in data if k not in keys
        ]
        if problems:
            raise InvalidError(tuple(problems))
        return _made(cls, arguments)

    return read_object


@cache  # And not before the first use, so that a class may contain itself.
def _keys(cls: Any) -> Mapping[str, _Key]:
    return {
        name_of(a): _Key(
            a.alias or a.name, a.default is attrs.NOTHING, _field_reader(a)
        )
        for a in visible_fields(cls)
    }


def _field_reader(attribute: Attribute[Any]) -> Read:
    kind: Any = attribute.type
    read = _reader(kind)
    validate = attribute.validator
    if validate is None:
        return read

    def read_valid(data: object) -> object:
        value = read(data)
        try:
            validate(None, attribute, value)
        except ValueError as error:
            raise _wrong(str(error)) from None
        return value

    return read_valid


def _made(cls: Any, arguments: Mapping[str, object]) -> object:
    try:
        return cls(**arguments)
    except ValueError as error:
        name = getattr(error, "field", None)
        raise _wrong(str(error), pointer_step(name) if name else "") from None


def dump(value: object) -> object:
    """
    Return *value* as JSON can say it; instants become UTC.

    Hidden fields and those that are UNSET are left out; what a class names in
    `__computed__: ClassVar[tuple[str, ...]]` comes after the fields.
    """
    return _converter.unstructure(value)


def _dump_instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _dump_local(value: datetime) -> str:
    return value.isoformat(timespec="seconds" if value.second else "minutes")


def _dump_time(value: time) -> str:
    return value.isoformat("seconds" if value.second else "minutes")


def _dump_enum(value: enum.Enum) -> object:
    return value.value


def _set_dumper(kind: Any) -> Callable[[AbstractSet[object]], list[Any]]:
    dump_item = _converter.get_unstructure_hook(get_args(kind)[0])
    return lambda value: sorted(map(dump_item, value))


def _object_dumper(cls: Any) -> Callable[[Any], dict[str, Any]]:
    visible = visible_fields(cls)
    overrides: dict[str, Any] = {
        a.name: override(
            omit=a not in visible,
            omit_if_default=a.default is UNSET,
            rename=name_of(a),
        )
        for a in attrs.fields(cls)
    }
    dump_fields = make_dict_unstructure_fn(cls, _converter, **overrides)
    extras = {
        name: _converter.get_unstructure_hook(kind)
        for name, kind in computed(cls).items()
    }
    if not extras:
        return dump_fields

    def dump_all(value: object) -> dict[str, Any]:
        result = dump_fields(value)
        for name, dump_extra in extras.items():
            result[name] = dump_extra(getattr(value, name))
        return result

    return dump_all


_converter: Final = Converter(unstruct_collection_overrides={tuple: list})
_converter.register_unstructure_hook(UUID, str)
_converter.register_unstructure_hook(date, date.isoformat)
_converter.register_unstructure_hook(time, _dump_time)
_converter.register_unstructure_hook(datetime, _dump_instant)
_converter.register_unstructure_hook_func(
    lambda kind: kind is LocalDateTime, _dump_local
)
# By name too: cattrs takes a member that is also a str for a plain one.
_converter.register_unstructure_hook(enum.StrEnum, _dump_enum)
_converter.register_unstructure_hook(enum.Enum, _dump_enum)
_converter.register_unstructure_hook_factory(
    lambda kind: set_item(kind) is not None, _set_dumper
)
_converter.register_unstructure_hook_factory(attrs.has, _object_dumper)
