from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum, IntEnum, StrEnum
from typing import Any, ClassVar, NewType
from uuid import UUID

import pytest
from attrs import evolve, field, fields, frozen
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from clinicflow_core.checks import (
    at_most,
    email,
    one_line,
    pattern,
    text,
    whole,
    zone,
)
from clinicflow_core.errors import InvalidError, Problem, UnreadableError
from clinicflow_core.json_schema import json_schema
from clinicflow_core.json_text import read_json
from clinicflow_core.wire import (
    HIDDEN,
    UNSET,
    Unset,
    changes,
    dump,
    pointer_step,
    pointer_steps,
    structure,
)

PetId = NewType("PetId", UUID)
PET = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
CET = timezone(timedelta(hours=1))


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Skill(StrEnum):
    SIT = "sit"
    ROLL = "roll"


class Weekday(IntEnum):
    MONDAY = 1
    TUESDAY = 2


@frozen(kw_only=True)
class Walk:
    """
    A stretch of
    time outside.

    It ends after it starts.
    """

    start: time
    end: time

    def __attrs_post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("must end after it starts")


@frozen(kw_only=True)
class Pet:
    id: PetId
    name: str = field(validator=one_line(20))
    notes: str = field(default="", validator=text(50, min_length=0))
    plain: str = ""
    code: str | None = field(default=None, validator=pattern("[A-Z]{3}", "is no code"))
    email: str | None = field(default=None, validator=email())
    zone: str | None = field(default=None, validator=zone())
    age: int = field(default=0, validator=whole(0, 40))
    number: int = 0
    weight: float = 1.5
    tame: bool | None = None
    date: date
    time: time | None = None
    seen: datetime | None = None
    size: Size = Size.SMALL
    weekday: Weekday | None = None
    walks: tuple[Walk, ...] = field(default=(), validator=at_most(3))
    skills: frozenset[Skill] = frozenset()
    scores: dict[str, int] = field(factory=dict, validator=at_most(2))
    extra: Mapping[str, object] = field(factory=dict)
    anything: Any = None
    friend: Pet | None = None
    nickname: str | Unset | None = UNSET
    chip: str | Unset = UNSET


@frozen(kw_only=True)
class Owner:
    """Somebody with a secret."""

    __computed__: ClassVar[tuple[str, ...]] = ("initial", "born")

    name: str = field(metadata={"description": "As they write it."})
    secret: str = field(default="s3cret", metadata=HIDDEN)
    pets: int = field(init=False, default=0)

    @property
    def initial(self) -> str:
        return self.name[:1]

    @property
    def born(self) -> date | None:
        return date(2000, 1, 31)


BARE = {"id": str(PET), "name": "Rex", "date": "2026-03-02"}


def pet(**values: Any) -> Pet:
    return Pet(**{"id": PetId(PET), "name": "Rex", "date": date(2026, 3, 2)} | values)


def problems_of(data: object, cls: Any = Pet) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        structure(data, cls)
    return {p.pointer: p.detail for p in caught.value.problems}


# What read_json reads, and what it does not.


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(
            b' {"a": [1, -2.5, "\\u00e4", null]} ',
            {"a": [1, -2.5, "ä", None]},
            id="all",
        ),
        pytest.param(b"9223372036854775807", 2**63 - 1, id="largest integer"),
        pytest.param(b"-9223372036854775808", -(2**63), id="smallest integer"),
        pytest.param(b"1e300", 1e300, id="large number"),
        pytest.param(b'"\\""', '"', id="escaped quote"),
        pytest.param(b"[]", [], id="empty list"),
    ],
)
def test_json_is_read_as_it_is_written(body, value):
    assert read_json(body) == value


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(b"", "Empty: a JSON value is needed.", id="nothing"),
        pytest.param(b" \r\n", "Empty: a JSON value is needed.", id="blank"),
        pytest.param(b'"ab\xff"', "Not UTF-8 at byte 3.", id="invalid UTF-8"),
        pytest.param(
            b'"\xed\xa0\x80"', "Not UTF-8 at byte 1.", id="surrogate in UTF-8"
        ),
        pytest.param(
            "[]".encode("utf-8-sig"),
            "Starts with a byte order mark; send plain UTF-8.",
            id="BOM",
        ),
        pytest.param("[]".encode("utf-16"), "Not UTF-8 at byte 0.", id="UTF-16"),
        pytest.param(
            b'{\n"a": secret}',
            "Not JSON at line 2 column 6: Expecting value.",
            id="no JSON",
        ),
        pytest.param(
            b"[] []", "Not JSON at line 1 column 4: Extra data.", id="two values"
        ),
        pytest.param(b"[NaN]", "NaN and Infinity are not JSON numbers.", id="NaN"),
        pytest.param(
            b"-Infinity", "NaN and Infinity are not JSON numbers.", id="infinity"
        ),
        pytest.param(b"[1e999]", "A number is too large.", id="overflow to infinity"),
        pytest.param(
            b'{"a": 1, "a": 1}', "An object has the same key twice.", id="key twice"
        ),
        pytest.param(
            b'{"a": 1, "\\u0061": 1}',
            "An object has the same key twice.",
            id="key twice, escaped",
        ),
        pytest.param(
            b"9223372036854775808",
            "An integer does not fit into 64 bits.",
            id="integer one too large",
        ),
        pytest.param(
            b"-9223372036854775809",
            "An integer does not fit into 64 bits.",
            id="integer one too small",
        ),
        pytest.param(
            b"1" * 5_000,
            "An integer does not fit into 64 bits.",
            id="more digits than Python converts",
        ),
    ],
)
def test_what_could_be_understood_in_two_ways_is_not_read(body, detail):
    with pytest.raises(UnreadableError) as caught:
        read_json(body)

    assert caught.value.detail == detail


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 33 + b"]" * 33, id="33 lists"),
        pytest.param(b'{"a":' * 33 + b"1" + b"}" * 33, id="33 objects"),
        pytest.param(b'[{"]":' * 10_000, id="brackets in keys"),
        pytest.param(b"[" * 1_000_000, id="a million"),
    ],
)
def test_deep_nesting_is_not_read(body):
    with pytest.raises(UnreadableError, match="Nested deeper than 32 levels"):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 32 + b"]" * 32, id="32 levels"),
        pytest.param(b"[" + b"[]," * 40 + b"{}]", id="many side by side"),
        pytest.param(b'["' + b"[" * 40 + b'\\"[{"]', id="brackets in a text"),
    ],
)
def test_nesting_counts_depth_and_not_brackets(body):
    assert read_json(body) == json.loads(body)


def test_many_brackets_in_an_unclosed_text_are_not_json():
    with pytest.raises(UnreadableError, match="Unterminated string"):
        read_json(b'"' + b'\\"' * 500_000 + b"[" * 40)


NO_INSTANT = {"": "must be an instant with its offset, as 2026-03-02T09:00:00Z"}

# What structure takes, and what it says of the rest.


@pytest.mark.parametrize(
    ("cls", "data", "value"),
    [
        pytest.param(str, "a\n😀", "a\n😀", id="text"),
        pytest.param(int, 2**63 - 1, 2**63 - 1, id="whole number"),
        pytest.param(float, 2, 2.0, id="float from int"),
        pytest.param(float, 2.5, 2.5, id="float"),
        pytest.param(bool, False, False, id="bool"),
        pytest.param(date, "2024-02-29", date(2024, 2, 29), id="date"),
        pytest.param(time, "23:59", time(23, 59), id="minutes"),
        pytest.param(time, "00:00:59", time(0, 0, 59), id="seconds"),
        pytest.param(
            datetime,
            "2026-03-02T09:00:00Z",
            datetime(2026, 3, 2, 9, tzinfo=UTC),
            id="UTC",
        ),
        pytest.param(
            datetime,
            "2026-03-02T09:00:00.5+01:00",
            datetime(2026, 3, 2, 9, 0, 0, 500_000, CET),
            id="offset",
        ),
        pytest.param(UUID, str(PET).upper(), PET, id="UUID"),
        pytest.param(PetId, str(PET), PET, id="NewType"),
        pytest.param(Size, "large", Size.LARGE, id="enum"),
        pytest.param(Skill, "sit", Skill.SIT, id="enum of text"),
        pytest.param(Weekday, 2, Weekday.TUESDAY, id="enum of numbers"),
        pytest.param(int | None, None, None, id="null"),
        pytest.param(int | None, 1, 1, id="not null"),
        pytest.param(tuple[int, ...], [1, 2], (1, 2), id="tuple"),
        pytest.param(frozenset[Size], ["small"], frozenset({Size.SMALL}), id="set"),
        pytest.param(
            dict[str, date], {"a": "2026-03-02"}, {"a": date(2026, 3, 2)}, id="mapping"
        ),
        pytest.param(
            object,
            {"a": [1, 2.5, None, True, "x", {}]},
            {"a": [1, 2.5, None, True, "x", {}]},
            id="free JSON",
        ),
    ],
)
def test_a_value_of_the_right_form_is_taken(cls, data, value):
    taken = structure(data, cls)

    assert taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("cls", "data", "problems"),
    [
        pytest.param(str, 5, {"": "must be text"}, id="number for text"),
        pytest.param(str, None, {"": "must be text"}, id="null for text"),
        pytest.param(str, "a\0b", {"": "must not contain NUL"}, id="NUL"),
        pytest.param(
            str,
            "a\ud800",
            {"": "must not contain half of a surrogate pair"},
            id="lone surrogate",
        ),
        pytest.param(int, "5", {"": "must be a whole number"}, id="text for int"),
        pytest.param(int, True, {"": "must be a whole number"}, id="bool for int"),
        pytest.param(int, 5.0, {"": "must be a whole number"}, id="float for int"),
        pytest.param(int, 2**63, {"": "must fit into 64 bits"}, id="int too large"),
        pytest.param(float, True, {"": "must be a finite number"}, id="bool for float"),
        pytest.param(float, math.nan, {"": "must be a finite number"}, id="NaN"),
        pytest.param(
            float, 10**400, {"": "must fit into 64 bits"}, id="int too large for float"
        ),
        pytest.param(bool, 1, {"": "must be true or false"}, id="int for bool"),
        pytest.param(
            date,
            "20260302",
            {"": "must be a date, as 2026-03-02"},
            id="date without dashes",
        ),
        pytest.param(
            date, "2026-02-30", {"": "must be a date, as 2026-03-02"}, id="no such date"
        ),
        pytest.param(
            date,
            "2026-03-02T00:00:00Z",
            {"": "must be a date, as 2026-03-02"},
            id="instant for date",
        ),
        pytest.param(
            date, "٢٠٢٦-03-02", {"": "must be a date, as 2026-03-02"}, id="other digits"
        ),
        pytest.param(
            date,
            "2026-03-02\n",
            {"": "must be a date, as 2026-03-02"},
            id="line break after date",
        ),
        pytest.param(time, "24:00", {"": "must be a time, as 09:00"}, id="24:00"),
        pytest.param(time, "9:00", {"": "must be a time, as 09:00"}, id="one digit"),
        pytest.param(
            time, "09:00:60", {"": "must be a time, as 09:00"}, id="leap second in time"
        ),
        pytest.param(
            time, "09:00+01:00", {"": "must be a time, as 09:00"}, id="time with offset"
        ),
        *(
            pytest.param(datetime, data, NO_INSTANT, id=name)
            for name, data in {
                "naive": "2026-03-02T09:00:00",
                "bare date": "2026-03-02",
                "leap second": "2016-12-31T23:59:60Z",
                "end of day as 24:00": "2026-03-02T24:00:00Z",
                "impossible offset": "2026-03-02T09:00:00+99:99",
                "year 0": "0000-03-02T09:00:00Z",
                "before the calendar in UTC": "0001-01-01T00:00:00+14:00",
                "after the calendar in UTC": "9999-12-31T23:59:59-14:00",
                "nanoseconds": "2026-03-02T09:00:00.123456789Z",
            }.items()
        ),
        pytest.param(UUID, PET.hex, {"": "must be a UUID"}, id="UUID without dashes"),
        pytest.param(UUID, f"{{{PET}}}", {"": "must be a UUID"}, id="UUID in braces"),
        pytest.param(PetId, 5, {"": "must be a UUID"}, id="int for UUID"),
        pytest.param(
            Size, "huge", {"": "must be one of: small, large"}, id="no such member"
        ),
        pytest.param(
            Size, ["small"], {"": "must be one of: small, large"}, id="list for enum"
        ),
        pytest.param(Weekday, True, {"": "must be one of: 1, 2"}, id="true for 1"),
        pytest.param(
            tuple[str, ...], "abc", {"": "must be a list"}, id="text for list"
        ),
        pytest.param(
            tuple[int, ...],
            [1, "b", 3, None],
            {"/1": "must be a whole number", "/3": "must be a whole number"},
            id="items",
        ),
        pytest.param(
            frozenset[Size],
            ["small", "small"],
            {"": "must not have an item twice"},
            id="item twice",
        ),
        pytest.param(
            dict[str, int], [], {"": "must be an object"}, id="list for mapping"
        ),
        pytest.param(
            dict[str, int],
            {"a/b~c": "x", "\0": 1},
            {"/a~1b~0c": "must be a whole number", "/\0": "must not contain NUL"},
            id="keys",
        ),
        pytest.param(
            Mapping[str, object],
            {"a": [{"b": "\0"}, math.inf]},
            {"/a/0/b": "must not contain NUL", "/a/1": "must be a finite number"},
            id="free JSON",
        ),
        pytest.param(
            object, {"a": b"bytes"}, {"/a": "must be a JSON value"}, id="no JSON"
        ),
        pytest.param(Pet, [], {"": "must be an object"}, id="list for object"),
        pytest.param(Pet, None, {"": "must be an object"}, id="null for object"),
        pytest.param(
            Pet, BARE | {"nickname": 1}, {"/nickname": "must be text"}, id="in a union"
        ),
        pytest.param(
            Pet,
            BARE | {"chip": None},
            {"/chip": "must be text"},
            id="null where only absence is allowed",
        ),
        pytest.param(
            Pet, BARE | {"chip": UNSET}, {"/chip": "must be text"}, id="UNSET itself"
        ),
    ],
)
def test_nothing_is_coerced(cls, data, problems):
    assert problems_of(data, cls) == problems


def test_free_json_may_not_be_bottomless():
    bottomless: list[Any] = []
    bottomless.append(bottomless)

    assert problems_of(bottomless, object) == {"/0" * 32: "is nested too deeply"}


@pytest.mark.parametrize(
    "cls",
    [bytes, list[int], tuple[int, str], dict[int, str], int | str, Walk | Pet | None],
    ids=str,
)
def test_a_type_without_a_strict_reading_is_refused_outright(cls):
    with pytest.raises(TypeError):
        structure([], cls)
    with pytest.raises(TypeError):
        json_schema(cls, components={})


def test_all_problems_are_reported_at_once_in_order():
    data = {
        "id": 5,
        "name": "   ",
        "age": 41,
        "walks": [{"start": "10:00", "end": "09:00"}, {"start": "09:00", "until": 1}],
        "scores": {"a": 1, "b": 2, "c": 3},
        "nmae": "Rex",
        "a/b": 1,
        "x\ud800": 1,
        7: 1,
    }

    with pytest.raises(InvalidError) as caught:
        structure(data, Pet)

    assert caught.value.problems == (
        Problem("/7", "is not known"),
        Problem("/age", "must be between 0 and 40"),
        Problem("/a~1b", "is not known"),
        Problem("/date", "is required"),
        Problem("/id", "must be a UUID"),
        Problem("/name", "must not be blank"),
        Problem("/nmae", "is not known"),
        Problem("/scores", "must have at most 2 items"),
        Problem("/walks/0", "must end after it starts"),
        Problem("/walks/1/end", "is required"),
        Problem("/walks/1/until", "is not known"),
        Problem("/x?", "is not known"),
    )


class FieldError(ValueError):
    field = "end"


@frozen
class Blames:
    error: int = 0
    end: int = 0

    def __attrs_post_init__(self) -> None:
        if self.error == 1:
            raise FieldError("is too early")
        if self.error == 2:
            raise InvalidError((Problem("/end", "is"), Problem("/error", "are")))
        if self.error == 3:
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "problems"),
    [
        pytest.param(1, {"/0/end": "is too early"}, id="one field"),
        pytest.param(2, {"/0/end": "is", "/0/error": "are"}, id="several fields"),
    ],
)
def test_a_rule_over_several_fields_may_name_its_field(error, problems):
    assert problems_of([{"error": error}], tuple[Blames, ...]) == problems


def test_a_bug_in_a_class_is_not_taken_for_a_bad_request():
    with pytest.raises(ZeroDivisionError):
        structure({"error": 3}, Blames)


def test_a_hidden_field_cannot_be_sent():
    assert problems_of({"name": "Ann", "secret": "x"}, Owner) == {
        "/secret": "is not known"
    }


@frozen
class Private:
    _pin: int


def test_a_private_attribute_has_its_own_name_on_the_wire():
    assert dump(structure({"_pin": 1}, Private)) == {"_pin": 1}


def test_a_request_tells_what_it_changes():
    request = structure(BARE | {"nickname": None}, Pet)

    changed = changes(request)

    assert changed["nickname"] is None
    assert changed.keys() == {a.name for a in fields(Pet)} - {"chip"}


# What dump writes.


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(PET, str(PET), id="UUID"),
        pytest.param(date(2026, 3, 2), "2026-03-02", id="date"),
        pytest.param(time(9), "09:00", id="minutes"),
        pytest.param(time(9, 0, 30), "09:00:30", id="seconds"),
        pytest.param(
            datetime(2026, 3, 2, 9, tzinfo=CET), "2026-03-02T08:00:00Z", id="instant"
        ),
        pytest.param(
            datetime(2026, 3, 2, 9, 0, 0, 5, UTC),
            "2026-03-02T09:00:00.000005Z",
            id="microseconds",
        ),
        pytest.param(Size.LARGE, "large", id="enum"),
        pytest.param(Skill.SIT, "sit", id="enum of text"),
        pytest.param(Weekday.MONDAY, 1, id="enum of numbers"),
        pytest.param(None, None, id="null"),
        pytest.param((PET, 1.5), [str(PET), 1.5], id="tuple"),
        pytest.param(
            {"a": (Size.SMALL, {"b": PET})},
            {"a": ["small", {"b": str(PET)}]},
            id="mapping",
        ),
        pytest.param(
            (Walk(start=time(9), end=time(10)),),
            [{"start": "09:00", "end": "10:00"}],
            id="objects",
        ),
    ],
)
def test_a_value_is_written_as_json_can_say_it(value, written):
    result = dump(value)

    assert result == written
    assert type(result) is type(written)


def test_a_naive_instant_is_not_written():
    with pytest.raises(ValueError, match="offset"):
        dump(datetime(2026, 3, 2, 9))


def test_sets_are_written_in_order():
    skilled = pet(skills=frozenset(Skill))

    assert dump(skilled)["skills"] == ["roll", "sit"]


def test_what_is_unset_is_not_written():
    written = dump(pet(nickname=None))

    assert written["nickname"] is None
    assert "chip" not in written


def test_computed_properties_follow_the_fields_and_hidden_ones_are_left_out():
    owner = Owner(name="Ann")

    assert list(dump(owner).items()) == [
        ("name", "Ann"),
        ("initial", "A"),
        ("born", "2000-01-31"),
    ]


# Schemas.


def validator(cls: Any, *, answer: bool = False) -> Draft202012Validator:
    components: dict[str, object] = {}
    schema = json_schema(cls, components=components, answer=answer)
    whole_schema = schema | {"components": {"schemas": components}}
    Draft202012Validator.check_schema(whole_schema)
    return Draft202012Validator(
        whole_schema, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def component(cls: Any, *, answer: bool = False) -> Any:
    components: dict[str, Any] = {}
    reference = json_schema(cls, components=components, answer=answer)
    return components[str(reference["$ref"]).removeprefix("#/components/schemas/")]


def test_a_request_schema_says_what_is_needed_and_that_nothing_else_is_known():
    assert component(Walk) == {
        "type": "object",
        "description": "A stretch of time outside.",
        "properties": {
            "start": json_schema(time, components={}),
            "end": json_schema(time, components={}),
        },
        "required": ["start", "end"],
        "additionalProperties": False,
    }


def test_an_answer_schema_promises_every_key_and_may_grow():
    assert component(Owner, answer=True) == {
        "type": "object",
        "description": "Somebody with a secret.",
        "properties": {
            "name": {
                "type": "string",
                "pattern": "^[^\\u0000]*$",
                "description": "As they write it.",
            },
            "initial": {"type": "string", "pattern": "^[^\\u0000]*$"},
            "born": {"type": ["string", "null"], "format": "date"},
        },
        "required": ["name", "initial", "born"],
    }


def test_requests_and_answers_of_one_class_do_not_share_a_name():
    components: dict[str, object] = {}

    received = json_schema(Walk, components=components)
    sent = json_schema(Walk, components=components, answer=True)

    assert received == {"$ref": "#/components/schemas/Walk"}
    assert sent == {"$ref": "#/components/schemas/WalkAnswer"}
    assert components.keys() == {"Walk", "WalkAnswer"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param(
            "age", {"type": "integer", "minimum": 0, "maximum": 40}, id="bounds"
        ),
        pytest.param(
            "code",
            {"type": ["string", "null"], "pattern": "^(?:[A-Z]{3})$"},
            id="pattern",
        ),
        pytest.param("id", {"type": "string", "format": "uuid"}, id="UUID"),
        pytest.param(
            "walks",
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Walk"},
                "maxItems": 3,
            },
            id="items",
        ),
        pytest.param(
            "scores",
            {
                "type": "object",
                "additionalProperties": {
                    "type": "integer",
                    "minimum": -(2**63),
                    "maximum": 2**63 - 1,
                },
                "maxProperties": 2,
            },
            id="properties",
        ),
        pytest.param("extra", {"type": "object"}, id="free object"),
        pytest.param("anything", {}, id="free JSON"),
        pytest.param(
            "friend",
            {"anyOf": [{"$ref": "#/components/schemas/Pet"}, {"type": "null"}]},
            id="a class within itself",
        ),
        pytest.param(
            "weekday",
            {"anyOf": [{"enum": [1, 2]}, {"type": "null"}]},
            id="enum of numbers",
        ),
        pytest.param(
            "chip", {"type": "string", "pattern": "^[^\\u0000]*$"}, id="may be left out"
        ),
        pytest.param(
            "seen", {"type": ["string", "null"], "format": "date-time"}, id="instant"
        ),
    ],
)
def test_a_schema_says_what_a_field_takes(name, part):
    schema = component(Pet)["properties"][name]

    assert schema | part == schema


@frozen
class Coded:
    code: str = field(validator=[one_line(9), pattern("[A-Z]+", "is no code"), text(9)])
    free: object | None = field(default=None, validator=lambda *_: None)


def test_a_schema_keeps_every_pattern_of_a_field():
    schema = component(Coded)["properties"]["code"]

    assert [p["pattern"][:6] for p in schema["allOf"]] == [
        one_line(9).schema["pattern"][:6],
        "^(?:[A",
    ]
    assert schema["pattern"] == text(9).schema["pattern"]


def test_null_needs_no_mention_where_anything_goes():
    assert component(Coded)["properties"]["free"] == {}


# Laws.

SAID = st.characters(exclude_categories=["Cs"], exclude_characters="\0\n")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda f: f % 1)
    | st.text(SAID, max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(SAID, max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
TIMES = st.times().map(lambda t: t.replace(microsecond=0))
INSTANTS = st.datetimes(
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 1, 1),
    timezones=st.sampled_from([UTC, CET]),
)
WALKS = (
    st.tuples(TIMES, TIMES)
    .filter(lambda t: t[0] < t[1])
    .map(lambda t: Walk(start=t[0], end=t[1]))
)
LINES = st.text(SAID, max_size=19).map(
    lambda s: "x" + "".join(filter(str.isprintable, s))
)
PETS = st.builds(
    Pet,
    id=st.uuids(),
    name=LINES,
    notes=st.text(SAID, max_size=50),
    plain=st.text(SAID),
    code=st.none() | st.from_regex("[A-Z]{3}", fullmatch=True),
    email=st.sampled_from([None, "a@b.co", "zoë@münchen.de"]),
    zone=st.sampled_from([None, "UTC", "America/New_York"]),
    age=st.integers(0, 40),
    number=st.integers(-(2**63), 2**63 - 1),
    weight=st.floats(allow_nan=False, allow_infinity=False),
    tame=st.none() | st.booleans(),
    date=st.dates(),
    time=st.none() | TIMES,
    seen=st.none() | INSTANTS,
    size=st.sampled_from(Size),
    weekday=st.none() | st.sampled_from(Weekday),
    walks=st.lists(WALKS, max_size=3).map(tuple),
    skills=st.frozensets(st.sampled_from(Skill)),
    scores=st.dictionaries(st.text(SAID, max_size=3), st.integers(0, 9), max_size=2),
    extra=st.dictionaries(st.text(SAID, max_size=3), JSON, max_size=2),
    anything=JSON,
    nickname=st.just(UNSET) | st.none() | st.text(SAID),
    chip=st.just(UNSET) | st.text(SAID),
)
RECEIVED = validator(Pet)
SENT = validator(Pet, answer=True)


@given(PETS, st.booleans())
def test_what_is_written_reads_back_as_the_same(original, befriended):
    original = evolve(original, friend=original if befriended else None)

    body = json.dumps(dump(original)).encode()

    assert structure(read_json(body), Pet) == original


@given(PETS)
def test_what_is_written_keeps_to_the_schemas(original):
    complete = evolve(original, nickname=None, chip="")

    RECEIVED.validate(dump(original))
    SENT.validate(dump(complete))


STORABLE = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(STORABLE | st.text("~01/", max_size=4), max_size=4))
def test_a_pointer_leads_back_to_the_keys_that_it_was_made_of(keys):
    pointer = "".join(map(pointer_step, keys))

    assert pointer_steps(pointer) == keys


NOT_SAID_BY_SCHEMAS = {"zone"}


@given(
    PETS,
    st.sampled_from([a.name for a in fields(Pet)] + ["other"]),
    st.just(UNSET) | JSON | st.sampled_from(["", " ", "a@b", "2026-02-30", "09:60"]),
)
def test_the_schema_takes_what_structure_takes(original, name, replacement):
    data = dump(original) | {name: replacement}
    if replacement is UNSET:
        del data[name]
    try:
        structure(data, Pet)
        taken = True
    except InvalidError:
        taken = False

    valid = RECEIVED.is_valid(data)

    assert valid or not taken
    if name not in NOT_SAID_BY_SCHEMAS:
        assert taken == valid
