"""Changing a record only if nobody else has changed it since it was read."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import Table, bindparam, update

from clinicflow_core.errors import ContentionError, StaleVersionError
from clinicflow_core.sql.prepared import Fixed, all_columns


def update_of(table: Table) -> Fixed:
    """
    Return the statement that replaces the row of the version before.

    Besides the columns it takes `of_id`, `of_version`, and `of_clinic_id` if the
    table's rows belong to clinics.
    """
    keys = {"id", "version"} | ({"clinic_id"} & set(table.columns.keys()))
    statement = update(table).where(
        *(table.c[key] == bindparam(f"of_{key}") for key in sorted(keys))
    )
    return Fixed(statement, all_columns(table, "id", "clinic_id", "created_at"))


def one_row(record_id: UUID) -> Callable[[int], None]:
    """Return the check that an UPDATE of the version before found its row."""

    def check(count: int) -> None:
        if count != 1:
            raise ContentionError(StaleVersionError(record_id))

    return check
