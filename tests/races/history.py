"""
Counting double bookings over the whole history, not in the final state alone.

A time that was sold twice and then cancelled once leaves no trace in the visits.
So the trail is replayed into the periods in which visits held their time, and one
plain SQL statement looks for two that met. Nothing here knows the rules of
scheduling.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import define, frozen
from sqlalchemy import text

from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from tests.sql.rows import past_the_wall

OVERLAPS = """
SELECT count(*) FROM held x JOIN held y
ON x.id < y.id AND x.person = y.person AND x.starts < y.ends AND y.starts < x.ends
WHERE x.made < coalesce(y.ended, 9e9) AND y.made < coalesce(x.ended, 9e9)
"""


@frozen
class Entry:
    """One line of the trail of visits."""

    kind: str
    visit_id: UUID
    facts: dict[str, Any]


@define
class _Visit:
    """What the trail told of a visit so far; *since* is set while it holds its time."""

    patient: str
    doctor: str
    starts: float
    ends: float
    since: int | None = None


def trail(store: Store) -> list[Entry]:
    """Return all that happened to visits, in the order in which it was committed."""
    if isinstance(store, MemoryStore):
        return [
            Entry(event.kind, event.record_id, dict(event.facts))
            for (table, _), rows in list(store._committed.items())
            if table == "events"
            for event in rows.values()
            if event.kind.startswith("appointment.")
        ]
    query = text(
        "SELECT kind, record_id, facts FROM events "
        "WHERE kind LIKE 'appointment.%' ORDER BY number"
    )
    with past_the_wall(store) as connection:
        return [
            Entry(
                row.kind,
                UUID(str(row.record_id)),
                json.loads(row.facts) if isinstance(row.facts, str) else row.facts,
            )
            for row in connection.execute(query)
        ]


def overlaps_ever(entries: Iterable[Entry]) -> int:
    """Return how many pairs of visits ever held overlapping time of one person."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE held "
            "(id INTEGER PRIMARY KEY, person, starts, ends, made, ended)"
        )
        connection.executemany(
            "INSERT INTO held (person, starts, ends, made, ended) "
            "VALUES (?, ?, ?, ?, ?)",
            _periods(entries),
        )
        count: int = connection.execute(OVERLAPS).fetchone()[0]
        return count


def _periods(
    entries: Iterable[Entry],
) -> Iterable[tuple[str, float, float, int, int | None]]:
    visits: dict[UUID, _Visit] = {}
    for number, entry in enumerate(entries):
        visit = visits.get(entry.visit_id)
        match entry.kind:
            case "appointment.booked":
                visits[entry.visit_id] = _Visit(
                    entry.facts["patient_id"],
                    *_place(entry.facts),
                    None if _shares(entry.facts) else number,
                )
            case "appointment.rescheduled" | "appointment.reinstated":
                yield from _ended(visit, number)
                visit.doctor, visit.starts, visit.ends = _place(entry.facts)
                visit.since = None if _shares(entry.facts) else number
            case "appointment.cancelled" | "appointment.missed":
                yield from _ended(visit, number)
                visit.since = None
    for visit in visits.values():
        yield from _ended(visit, None)


def _ended(
    visit: _Visit, number: int | None
) -> Iterable[tuple[str, float, float, int, int | None]]:
    if visit.since is not None:
        for person in (visit.doctor, visit.patient):
            yield (person, visit.starts, visit.ends, visit.since, number)


def _place(facts: dict[str, Any]) -> tuple[str, float, float]:
    starts = datetime.fromisoformat(facts["starts_at"])
    ends = starts + timedelta(minutes=facts["duration"])
    return facts["doctor_id"], starts.timestamp(), ends.timestamp()


def _shares(facts: dict[str, Any]) -> bool:
    accepted = set(facts.get("override", ()))
    return bool(accepted & {"doctor-busy", "patient-busy"})
