"""Changing a record only as somebody saw it."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from clinicflow_core.errors import StaleVersionError


class Versioned(Protocol):
    """A record whose changes are counted."""

    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...


def require_version(record: Versioned, version: int | None) -> None:
    """
    Raises:
        StaleVersionError: If *record* is not at *version*; None stands for any.
    """
    if version is not None and record.version != version:
        raise StaleVersionError(record.id)
