"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Dialect,
    String,
    Text,
    Uuid,
    bindparam,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import NullType, TypeDecorator

Json = JSON().with_variant(JSONB(), "postgresql")
"""Any JSON."""

JsonOrNull = JSON(none_as_null=True).with_variant(
    JSONB(none_as_null=True), "postgresql"
)
"""Any JSON but its null: None is no value at all."""

TextList = JSON().with_variant(ARRAY(Text), "postgresql")
"""A list of texts."""


class _TextInstant(TypeDecorator[datetime]):
    """An instant as text of one width: `2026-03-02T15:00:00.000000+00:00`."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


UtcDateTime = DateTime(timezone=True).with_variant(_TextInstant(), "sqlite")
"""An instant, aware and in UTC when read; on SQLite its text sorts as time does."""


@lru_cache(maxsize=8192)
def _uuid(text: str) -> UUID:
    # The same people come again and again, and a UUID is slow to read.
    return UUID(text)


class _TextKey(TypeDecorator[UUID]):
    """A UUID as the 36 characters that people know."""

    impl = String(36)
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        return None if value is None else _uuid(value)


Key = Uuid().with_variant(_TextKey(), "sqlite")
"""A UUID."""


class KeyList(TypeDecorator[Collection[UUID]]):
    """Several UUIDs as one parameter, for `among`: a JSON list or an array's text."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: Collection[UUID] | None, dialect: Dialect
    ) -> str:
        keys = [str(key) for key in value or ()]
        return json.dumps(keys) if dialect.name == "sqlite" else f"{{{','.join(keys)}}}"


class WordList(TypeDecorator[Collection[str]]):
    """Several texts as one parameter, for `among`: a JSON list or an array's text."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self, value: Collection[str] | None, dialect: Dialect
    ) -> str:
        words = list(value or ())
        if dialect.name == "sqlite":
            return json.dumps(words)
        quoted = (re.sub(r'(["\\])', r"\\\1", word) for word in words)
        return "{" + ",".join(f'"{word}"' for word in quoted) + "}"


class among(ColumnElement[Any]):  # noqa: N801  Reads as the operator that it is.
    """Whether *column* is one of those in the parameter *name*, however many."""

    inherit_cache = False
    # As a Boolean SQLite would compare it with 1, and then use no index.
    type = NullType()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        of_keys = column.type is Key
        self.column = column
        self.kind = "uuid" if of_keys else "text"
        self.keys = bindparam(name, type_=KeyList() if of_keys else WordList())


class has_items(ColumnElement[Any]):  # noqa: N801  Reads as the operator that it is.
    """Whether the list under *name* in a column of JSON objects has any items."""

    inherit_cache = False
    type = NullType()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        self.name = name


@compiles(has_items, "sqlite")
def _has_items_on_sqlite(element: has_items, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"json_array_length({column}, '$.{element.name}') > 0"


@compiles(has_items, "postgresql")
def _has_items_on_postgresql(element: has_items, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    return f"jsonb_array_length({column} -> '{element.name}') > 0"


@compiles(among, "sqlite")
def _among_on_sqlite(element: among, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    keys = compiler.process(element.keys, **options)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608  Compiled.


@compiles(among, "postgresql")
def _among_on_postgresql(element: among, compiler: Any, **options: Any) -> str:
    column = compiler.process(element.column, **options)
    keys = compiler.process(element.keys, **options)
    return f"{column} = ANY(CAST({keys} AS {element.kind}[]))"
