"""Whole lists, read a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from clinicflow_core.ports import Page, PageRequest

T = TypeVar("T")

AT_ONCE = 500


def every(
    page: Callable[[PageRequest], Page[T]], after: tuple[str, ...] | None = None
) -> Iterator[T]:
    """Yield all that *page* gives, part by part, from *after* on."""
    request: PageRequest | None = PageRequest(after, AT_ONCE)
    while request:
        part = page(request)
        yield from part.items
        request = PageRequest(part.next, AT_ONCE) if part.next else None
