"""Parts of lists, in an order that is the same on every database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, collate, tuple_
from sqlalchemy.sql.elements import ColumnElement

from clinicflow_core.ports import Page, PageRequest, Sorted
from clinicflow_core.sql.prepared import Row, Trip

S = TypeVar("S", bound=Sorted)


def page_of(
    trip: Trip,
    query: Select[Any],
    order: Sequence[ColumnElement[Any]],
    after: Sequence[Any] | None,
    request: PageRequest,
    entity: Callable[[Row], S],
    *,
    backwards: bool = False,
) -> Page[S]:
    """
    Return the part of *query* that comes after *after*, ordered by *order*.

    Text is ordered by code point, whatever the database's language.
    """
    order = [
        collate(column, "C" if trip.dialect == "postgresql" else "BINARY")
        if column.type.python_type is str
        else column
        for column in order
    ]
    if after is not None:
        types = [column.type for column in order]
        is_after = operator.lt if backwards else operator.gt
        query = query.where(is_after(tuple_(*order), tuple_(*after, types=types)))
    if backwards:
        order = [column.desc() for column in order]
    query = query.order_by(*order).limit(request.limit + 1)
    found = [entity(row._asdict()) for row in trip.dynamic(query)]
    items = tuple(found[: request.limit])
    return Page(items, items[-1].sort_key if len(found) > len(items) else None)
