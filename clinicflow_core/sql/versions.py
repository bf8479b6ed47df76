"""Changing a record only if nobody else has changed it since it was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Table, bindparam, update

from clinicflow_core.errors import ContentionError, StaleVersionError
from clinicflow_core.sql.prepared import Fixed, Trip, all_columns


def update_of(table: Table) -> Fixed:
    """Return the statement with which `replace` changes a row of *table*."""
    keys = {"id", "version"} | ({"clinic_id"} & set(table.columns.keys()))
    statement = update(table).where(
        *(table.c[key] == bindparam(f"of_{key}") for key in sorted(keys))
    )
    return Fixed(statement, all_columns(table, "id", "clinic_id", "created_at"))


def replace(trip: Trip, save: Fixed, row: dict[str, Any]) -> None:
    """
    Put *row* in the place of the version before.

    Raises:
        ContentionError: If there is another version; with the next read or the end.
    """
    before = {
        "of_id": row["id"],
        "of_clinic_id": row.get("clinic_id"),
        "of_version": row["version"] - 1,
    }
    trip.later(save, {**row, **before}, _found_one(row["id"]))


def _found_one(record_id: UUID) -> Callable[[int], None]:
    def check(count: int) -> None:
        if count != 1:
            raise ContentionError(StaleVersionError(record_id))

    return check
