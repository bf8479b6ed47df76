"""Lists in pages: how much of them is asked for, and where to go on."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from attrs import field, frozen

from clinicflow_core import checks, wire
from clinicflow_core.errors import InvalidError, Problem, UnreadableError
from clinicflow_core.json_text import read_json
from clinicflow_core.ports import PageRequest
from clinicflow_flask.requests import ParameterError

DEFAULT_LIMIT: Final = 50
LIMIT: Final = checks.whole(1, 200)
"""How many records a page may have."""


@frozen(kw_only=True)
class Listing:
    """Which part of a list is asked for."""

    limit: int = field(default=DEFAULT_LIMIT, validator=LIMIT)
    cursor: str | None = None


def page_request(limit: int, cursor: str | None, *key: Any) -> PageRequest:
    """
    Return which part of a list is asked for.

    Args:
        cursor: The *next* of the answer before.
        key: The types of the parts of the list's sort key, or what checks them.

    Raises:
        ParameterError: If *cursor* is not one of such a list.
    """
    if cursor is None:
        return PageRequest(limit=limit)
    after = _read(cursor, key)
    if after is None:
        problem = Problem("/cursor", "is not a cursor of this list")
        raise ParameterError("query", (problem,))
    return PageRequest(after=after, limit=limit)


def _read(cursor: str, key: tuple[Any, ...]) -> tuple[str, ...] | None:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        parts = wire.structure(read_json(text), tuple[str, ...])
        for part, kind in zip(parts, key, strict=True):
            if not isinstance(kind, checks.Check):
                wire.structure(part, kind)
            elif kind.complaint(part):
                return None
    except (ValueError, UnreadableError, InvalidError):
        return None
    return parts if cursor_of(parts) == cursor else None


def cursor_of(key: tuple[str, ...]) -> str:
    """Return *key* as a cursor; `page_request` reads it."""
    text = json.dumps(key, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
