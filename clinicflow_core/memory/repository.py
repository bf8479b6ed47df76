"""What the repositories in memory share."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar
from uuid import UUID

from clinicflow_core import ports
from clinicflow_core.entities.ids import ClinicId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import (
    ContentionError,
    NotFoundError,
    StaleVersionError,
    StoreBusyError,
)
from clinicflow_core.memory.transaction import Transaction

OF_INTAKE = ("ai_intake_summaries", "intake_forms")
"""What patients tell and what is made of it; a form goes after its summaries."""


class _Versioned(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...


def follows(record: _Versioned) -> Callable[[Any], None]:
    """Return the check that the version before *record* is stored."""

    def check(stored: _Versioned | None) -> None:
        if stored is None or stored.version != record.version - 1:
            raise ContentionError(StaleVersionError(record.id))

    return check


_S = TypeVar("_S", bound=ports.Sorted)


def page_of(
    records: Iterable[_S], request: ports.PageRequest, *, backwards: bool = False
) -> ports.Page[_S]:
    """Return the part of *records* that is asked for."""
    after = request.after
    is_after = operator.lt if backwards else operator.gt
    ordered = sorted(
        (r for r in records if after is None or is_after(r.sort_key, after)),
        key=lambda record: record.sort_key,
        reverse=backwards,
    )
    items = tuple(ordered[: request.limit])
    more = len(ordered) > len(items)
    return ports.Page(items, items[-1].sort_key if more else None)


class Repository:
    """What the repositories of one clinic share: where they read and write."""

    def __init__(self, transaction: Transaction, clinic_id: ClinicId) -> None:
        self._transaction = transaction
        self._clinic_id = clinic_id

    def _get(self, table: str, record_id: UUID, error: type[NotFoundError]) -> Any:
        record = self._transaction.find(table, self._clinic_id, (record_id,))
        if record is None:
            raise error(record_id)
        return record

    def _all(self, table: str) -> Iterable[Any]:
        return self._transaction.rows(table, self._clinic_id).values()

    def _put(self, table: str, record: Any, *checks: Callable[[Any], None]) -> None:
        def check(stored: Any) -> None:
            for each in checks:
                each(stored)

        self._transaction.write(table, self._clinic_id, (record.id,), record, check)

    def _there(self, table: str, record_id: UUID | None) -> Callable[[Any], None]:
        """Return the check that a record of this clinic is there, or not asked for."""
        stored = self._transaction.kept.committed

        def check(_: Any) -> None:
            if table == "users":
                user = stored["users", None].get((record_id,))
                there = user is not None and user.clinic_id == self._clinic_id
            else:
                record = stored[table, self._clinic_id].get((record_id,))
                there = record is not None and not is_merged(record)
            if record_id is not None and not there:
                raise ContentionError(StoreBusyError())

        return check

    def _no_other(
        self, table: str, record_id: UUID, clashes: Callable[[Any], bool]
    ) -> Callable[[Any], None]:
        """Return the check that no other record of this clinic *clashes*."""
        kept = self._transaction.kept

        def check(_: Any) -> None:
            for other in kept.committed[table, self._clinic_id].values():
                if other.id != record_id and clashes(other):
                    raise ContentionError(StoreBusyError())

        return check

    def _stands_alone(self, person: DoctorId | PatientId) -> Callable[[Any], None]:
        """Return the check that nothing hangs on *person*: no visit, wait or form."""
        kept = self._transaction.kept

        def records() -> Iterator[Any]:
            for table in ("appointments", "holds"):
                visits = kept.committed[table, self._clinic_id]
                for visit_id in kept.visits_of[person]:
                    if (visit_id,) in visits:
                        yield visits[visit_id,]
            for table in ("series", "waitlist", *OF_INTAKE):
                yield from kept.committed[table, self._clinic_id].values()

        def check(_: Any) -> None:
            for record in records():
                if person in (getattr(record, "doctor_id", None), record.patient_id):
                    raise ContentionError(StoreBusyError())

        return check


def is_merged(record: Any) -> bool:
    """Whether it is a patient who was merged into another."""
    return isinstance(record, Patient) and record.merged_into_id is not None
