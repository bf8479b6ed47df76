"""What is kept in memory, and the transactions on it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import astuple, define

from clinicflow_core.duplicates import MatchKeys, match_keys
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId, ClinicId, PatientId
from clinicflow_core.entities.job import Job
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import ContentionError, StoreBusyError
from clinicflow_core.trail import linked

_WAIT_SECONDS = 5.0

RowKey = tuple[object, ...]
Rows = dict[RowKey, Any]


class Kept:
    """
    What is committed, and who holds what.

    Attributes:
        committed: The rows by key, for each table and the clinic they belong to, None
            for those that belong to no clinic.
        visits_of: The visits that each person ever had.
        sharing: The patients who ever had each key.
        committing: Held by whoever reads or changes what is committed.
        holds: The locks of what is held until the end of a transaction.
    """

    def __init__(self) -> None:
        self.committed: defaultdict[tuple[str, object], Rows] = defaultdict(dict)
        self.visits_of: defaultdict[UUID, set[AppointmentId]] = defaultdict(set)
        self.sharing: defaultdict[RowKey, set[PatientId]] = defaultdict(set)
        self.committing = threading.Lock()
        self.holds: defaultdict[object, threading.Lock] = defaultdict(threading.Lock)

    def lock_of(self, each: object) -> threading.Lock:
        with self.committing:
            return self.holds[each]


@define
class _Write:
    table: str
    scope: object
    key: RowKey
    value: Any
    check: Callable[[Any], None]


def anything(_: Any) -> None:
    """Accept whatever is stored."""


def nothing(stored: Any) -> None:
    """Refuse to store under a key that is taken."""
    if stored is not None:
        raise ContentionError(StoreBusyError())


class Transaction:
    """Reads what is committed and what it wrote; commits all of it or nothing."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self._writes: list[_Write] = []
        self.happened: list[tuple[ClinicId, Event]] = []
        self._held: list[object] = []
        self.now = datetime.min

    def begin(self, now: datetime) -> None:
        self._writes = []
        self.happened = []
        self.now = now

    def end(self) -> None:
        self._writes = []
        for each in reversed(self._held):
            self.kept.lock_of(each).release()
        self._held = []

    def find(self, table: str, scope: object, key: RowKey) -> Any:
        for write in reversed(self._writes):
            if (write.table, write.scope, write.key) == (table, scope, key):
                return write.value
        with self.kept.committing:
            return self.kept.committed[table, scope].get(key)

    def rows(self, table: str, scope: object) -> Rows:
        """Return the rows of *table* that belong to *scope*, by key."""
        with self.kept.committing:
            rows = dict(self.kept.committed[table, scope])
        for write in self._writes:
            if (write.table, write.scope) == (table, scope):
                _put(rows, write.key, write.value)
        return rows

    def written(self, table: str, scope: object) -> list[RowKey]:
        """Return the keys of what this transaction wrote."""
        return [w.key for w in self._writes if (w.table, w.scope) == (table, scope)]

    def write(
        self,
        table: str,
        scope: object,
        key: RowKey,
        value: Any,
        check: Callable[[Any], None] = anything,
    ) -> None:
        """Store *value*, or remove the row for None, if *check* accepts the old one."""
        self._writes.append(_Write(table, scope, key, value, check))

    def hold(self, several: Sequence[object]) -> None:
        for each in several:
            if each not in self._held:
                if not self.kept.lock_of(each).acquire(timeout=_WAIT_SECONDS):
                    raise StoreBusyError
                self._held.append(each)

    def hold_at_once(self, each: object) -> bool:
        """Hold *each* unless somebody else does; return whether it is held."""
        if each not in self._held:
            if not self.kept.lock_of(each).acquire(blocking=False):
                return False
            self._held.append(each)
        return True

    def note(self, clinic_id: ClinicId, event: Event) -> None:
        """Write *event* to the trail and the outbox when all else is written."""
        self.happened.append((clinic_id, event))

    def visits_of(
        self, clinic_id: ClinicId, people: Collection[UUID], table: str
    ) -> Iterator[Appointment]:
        with self.kept.committing:
            rows = self.kept.committed[table, clinic_id]
            ids = set().union(*(self.kept.visits_of[person] for person in people))
            visits: Rows = {(i,): rows[i,] for i in ids if (i,) in rows}
        for write in self._writes:
            if write.table == table:
                _put(visits, write.key, write.value)
        wanted = set(people)
        return (v for v in visits.values() if {v.doctor_id, v.patient_id} & wanted)

    def commit(self) -> None:
        with self.kept.committing:
            undone: list[tuple[Rows, RowKey, Any]] = []
            try:
                for write in self._writes:
                    rows = self.kept.committed[write.table, write.scope]
                    before = rows.get(write.key)
                    write.check(before)
                    undone.append((rows, write.key, before))
                    _put(rows, write.key, write.value)
                    if isinstance(write.value, Appointment):
                        for person in (write.value.doctor_id, write.value.patient_id):
                            self.kept.visits_of[person].add(write.value.id)
                    if isinstance(write.value, Patient):
                        for key in shared_keys(write.scope, match_keys(write.value)):
                            self.kept.sharing[key].add(write.value.id)
            except BaseException:
                for rows, key, before in reversed(undone):
                    _put(rows, key, before)
                raise
            for clinic_id, event in self.happened:
                self.kept.committed["events", clinic_id][event.id,] = event
                self.kept.committed["outbox", clinic_id][event.id,] = Job(
                    id=event.id,
                    kind=event.kind,
                    record_id=event.record_id,
                    facts=event.facts,
                    available_at=event.at,
                )
                chains = self.kept.committed["chains", clinic_id]
                chain = chains.setdefault((event.record_id,), [])
                chain.append(linked(clinic_id, event, chain[-1] if chain else None))
        self._writes = []
        self.happened = []


def shared_keys(scope: object, keys: MatchKeys) -> list[RowKey]:
    """Return *keys* as a patient of the clinic *scope* is kept under them."""
    return [
        (scope, place, key)
        for place, key in enumerate(astuple(keys))
        if key is not None
    ]


def _put(rows: Rows, key: RowKey, value: Any) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value
