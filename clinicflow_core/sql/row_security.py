"""
Telling PostgreSQL for whom a transaction is, so that it shows no other clinic's rows.

The policies, which the migrations make, ask for it in every statement. It is said
in the transaction, with its first statement, and forgotten with its end: whoever
borrows the connection next is nobody. SQLite has no such wall.
"""

from __future__ import annotations

from sqlalchemy import String, bindparam, func, select

from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.sql.prepared import Fixed, Trip


def _setting(name: str) -> Fixed:
    value = bindparam("value", type_=String())
    return Fixed(select(func.set_config(name, value, True).label("value")))


_CLINIC = _setting("clinicflow.clinic")
_ENTRANCE = _setting("clinicflow.entrance")


def enter(trip: Trip, clinic_id: ClinicId) -> None:
    """Let what follows in this transaction see and write the rows of one clinic."""
    if trip.dialect == "postgresql":
        trip.later(_CLINIC, {"value": str(clinic_id)})


def stand_at_the_entrance(trip: Trip) -> None:
    """Let what follows in this transaction find clinics and accounts."""
    if trip.dialect == "postgresql":
        trip.later(_ENTRANCE, {"value": "on"})
