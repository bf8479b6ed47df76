"""What is kept beside the records in memory: events and origins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from uuid import UUID

from clinicflow_core import ports
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.memory.repository import Repository
from clinicflow_core.memory.transaction import nothing
from clinicflow_core.trail import Link


class MemoryOrigins(Repository):
    """See `ports.Origins`."""

    def known(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        rows = self._transaction.rows("origins", self._clinic_id)
        return {key: rows[kind, key] for key in keys if (kind, key) in rows}

    def add(self, kind: str, key: str, record_id: UUID) -> None:
        self._transaction.write(
            "origins", self._clinic_id, (kind, key), record_id, nothing
        )

    def of(self, kind: str, record_id: UUID) -> tuple[str, ...]:
        rows = self._transaction.rows("origins", self._clinic_id)
        found = (
            key[1] for key, at in rows.items() if (key[0], at) == (kind, record_id)
        )
        return tuple(sorted(map(str, found)))

    def forget(self, kind: str, record_id: UUID) -> None:
        rows = self._transaction.rows("origins", self._clinic_id)
        for key, origin in rows.items():
            if key[0] == kind and origin == record_id:
                self._transaction.write("origins", self._clinic_id, key, None)


class MemoryEvents(Repository):
    """See `ports.Events`."""

    def of(self, record_id: UUID) -> tuple[Event, ...]:
        chain = self._transaction.find("chains", self._clinic_id, (record_id,))
        happened = (event for _, event in self._transaction.happened)
        now = (event for event in happened if event.record_id == record_id)
        return (*(link.event for link in chain or ()), *now)

    def newest(self, limit: int) -> tuple[Event, ...]:
        return tuple(islice(reversed([*self._all("events")]), limit))

    def page(
        self,
        kinds: Collection[str],
        request: ports.PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> ports.Page[Event]:
        events = list(self._all("events"))
        if request.after is not None:
            ids = [str(event.id) for event in events]
            place = request.after[0]
            events = events[: ids.index(place) if place in ids else 0]
        visits = self._transaction.rows("appointments", self._clinic_id)
        theirs = {
            visit.id
            for visit in visits.values()
            if of_doctor in (None, visit.doctor_id)
        }
        wanted = (
            event
            for event in reversed(events)
            if event.kind in kinds and (of_doctor is None or event.record_id in theirs)
        )
        found = tuple(islice(wanted, request.limit + 1))
        items = found[: request.limit]
        more = len(found) > len(items)
        return ports.Page(items, (str(items[-1].id),) if more else None)

    def links(self, after: tuple[UUID, int] | None, limit: int) -> tuple[Link, ...]:
        chains = self._transaction.rows("chains", self._clinic_id)
        links = (
            link
            for _, chain in sorted(chains.items())
            for link in chain
            if after is None or (link.event.record_id, link.position) > after
        )
        return tuple(islice(links, limit))
