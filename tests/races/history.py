"""
Counting double bookings over the whole history, not in the final state alone.

A time that was sold twice and then cancelled once leaves no trace in the visits.
So the trail is replayed into the periods in which somebody's time was held, by a visit
or by an offer to the waitlist, and one plain SQL statement looks for two that met.
Nothing here knows the rules of scheduling.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import frozen
from sqlalchemy import text

from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from tests.sql.rows import past_the_wall

# Who came later is in the way of whoever was there. An offer that had lapsed was there
# no more, ended or not: by the latecomer's clock, or by that of somebody before, who
# let it go. The latecomer may have looked at the clock and then waited for them.
OVERLAPS = """
SELECT count(*) FROM held x JOIN held y
ON x.made < y.made AND x.person = y.person AND x.starts < y.ends AND y.starts < x.ends
WHERE y.made < coalesce(x.ended, 9e9) AND y.made_at < coalesce(x.lapses, 9e99)
"""

TOLD_OF = ("appointment.", "waitlist.")
BEGUN = {"appointment.booked", "appointment.imported", "waitlist.offered"}
MOVED = {"appointment.rescheduled", "appointment.reinstated", "appointment.undone"}
GAVE_UP = {"cancel", "no-show"}
"""The steps that give up time, which is taken again if they are undone."""
ENDED = {
    "appointment.cancelled",
    "appointment.missed",
    "waitlist.declined",
    "waitlist.offer-expired",
    "waitlist.offer-withdrawn",
}
NOT_OF_TIME = {
    "appointment.confirmed",
    "appointment.arrived",
    "appointment.completed",
    "appointment.changed",
    "waitlist.joined",
    # What is accepted is booked too, under the same id.
    "waitlist.accepted",
    "waitlist.withdrawn",
    "waitlist.removed",
}


@frozen
class Entry:
    """
    One line of the trail of visits and of the waitlist.

    Attributes:
        at: What the clock showed whoever did it when they began.
        act: The request that it was part of, if it was given a name.
    """

    kind: str
    record_id: UUID
    facts: dict[str, Any]
    at: datetime
    act: str | None = None

    @property
    def held_id(self) -> str:
        """Name what holds the time: the visit, or the offer that may become it."""
        return str(self.facts.get("offer_id", self.record_id))


@frozen
class Held:
    """
    Time that is held from one entry of the trail on.

    Attributes:
        made_at: The latest that any clock had shown until then.
        people: Whose time it is; of nobody, one, or both.
        lapses: When it holds nothing any more, if it is an offer.
    """

    number: int
    entry: Entry
    patient: str | None
    made_at: datetime

    @property
    def people(self) -> tuple[str, ...]:
        accepted = self.entry.facts.get("override", ())
        told = {"doctor-busy": self.entry.facts["doctor_id"]}
        if self.patient is not None:
            told["patient-busy"] = self.patient
        return tuple(person for kind, person in told.items() if kind not in accepted)

    @property
    def lapses(self) -> float | None:
        told = self.entry.facts.get("expires_at")
        return None if told is None else datetime.fromisoformat(told).timestamp()

    def until(self, number: int | None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of what was held up to the entry *number*."""
        starts, ends = place_of(self.entry.facts)
        made_at = self.made_at.timestamp()
        for person in self.people:
            yield (person, starts, ends, self.number, number, made_at, self.lapses)


def trail(store: Store) -> list[Entry]:
    """
    Return all that happened to visits and on the waitlist, as it was committed.

    It is that of all clinics; whoever judges one opens no other.
    """
    if isinstance(store, MemoryStore):
        return [
            Entry(e.kind, e.record_id, dict(e.facts), e.at, e.request_id)
            for (table, _), rows in list(store._committed.items())
            if table == "events"
            for e in rows.values()
            if e.kind.startswith(TOLD_OF)
        ]
    query = text(
        "SELECT kind, record_id, facts, at, request_id FROM events ORDER BY number"
    )
    with past_the_wall(store) as connection:
        return [
            Entry(
                row.kind,
                UUID(str(row.record_id)),
                json.loads(row.facts) if isinstance(row.facts, str) else row.facts,
                datetime.fromisoformat(str(row.at)),
                row.request_id,
            )
            for row in connection.execute(query)
            if row.kind.startswith(TOLD_OF)
        ]


def overlaps_ever(entries: Iterable[Entry]) -> int:
    """Return how many pairs of visits and offers ever held time of one person."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE TABLE held (person, starts, ends, made, ended, made_at, lapses)"
        )
        connection.execute("CREATE INDEX ix_held ON held (person, starts)")
        connection.executemany(
            "INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?)", periods(entries)
        )
        count: int = connection.execute(OVERLAPS).fetchone()[0]
        return count


def periods(entries: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
    """
    Yield when time was held: whose, from when to when, and between which entries.

    Raises:
        ValueError: If something happened of which it is not known what it means.
    """
    held: dict[str, Held] = {}
    patients: dict[UUID, str] = {}
    shown = datetime.min.replace(tzinfo=UTC)
    for number, entry in enumerate(entries):
        shown = max(shown, entry.at)
        if entry.kind not in BEGUN | MOVED | ENDED | NOT_OF_TIME:
            raise ValueError(f"nobody knows what {entry.kind} does to a diary")
        if "patient_id" in entry.facts:
            patients[entry.record_id] = entry.facts["patient_id"]
        is_undone = entry.kind == "appointment.undone"
        keeps_time = is_undone and entry.facts["step"] not in GAVE_UP
        if entry.kind in NOT_OF_TIME or keeps_time:
            continue
        if before := held.pop(entry.held_id, None):
            yield from before.until(number)
        if entry.kind not in ENDED:
            patient = patients.get(entry.record_id)
            held[entry.held_id] = Held(number, entry, patient, shown)
    for last in held.values():
        yield from last.until(None)


def place_of(facts: dict[str, Any]) -> tuple[float, float]:
    """Return the instants, in seconds, of the place that an event tells of."""
    starts = datetime.fromisoformat(facts["starts_at"])
    ends = starts + timedelta(minutes=facts["duration"])
    return starts.timestamp(), ends.timestamp()
