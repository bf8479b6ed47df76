"""Tries to sign in as rows; they belong to no clinic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.sql.prepared import Fixed, Row, Trip
from clinicflow_core.sql.tables import sign_in_tries


def _hold(dialect: Any) -> Fixed:
    """Return the statement that holds a subject's row, made if there is none."""
    adding = dialect.insert(sign_in_tries)
    return Fixed(
        adding.on_conflict_do_update(
            index_elements=["subject"], set_={"subject": adding.excluded.subject}
        ).returning(*sign_in_tries.columns),
        ("subject", "failures", "last_at"),
    )


_HOLD = {"postgresql": _hold(postgresql), "sqlite": _hold(sqlite)}
_SAVE = Fixed(
    update(sign_in_tries).where(sign_in_tries.c.subject == bindparam("of_subject")),
    ("failures", "last_at", "blocked_until", "succeeded_at"),
)
_FORGET = Fixed(
    delete(sign_in_tries).where(sign_in_tries.c.last_at < bindparam("before"))
)


def hold_tries(
    trip: Trip, subjects: Collection[str], now: datetime
) -> Mapping[str, Tries]:
    # In one order everywhere, so that nobody waits for each other.
    statement = _HOLD[trip.dialect]
    asked = [{"subject": s, "failures": 0, "last_at": now} for s in sorted(subjects)]
    rows = trip.now(*((statement, each) for each in asked))
    return {row["subject"]: _tries_of(row) for [row] in rows}


def save_tries(trip: Trip, tries: Tries) -> None:
    trip.later(
        _SAVE,
        {
            "of_subject": tries.subject,
            "failures": tries.failures,
            "last_at": tries.last_at,
            "blocked_until": tries.blocked_until,
            "succeeded_at": tries.succeeded_at,
        },
    )


def forget_tries(trip: Trip, before: datetime) -> None:
    trip.later(_FORGET, {"before": before})


def _tries_of(row: Row) -> Tries:
    return Tries(
        subject=row["subject"],
        failures=row["failures"],
        last_at=row["last_at"],
        blocked_until=row["blocked_until"],
        succeeded_at=row["succeeded_at"],
    )
