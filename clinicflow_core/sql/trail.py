"""What is kept beside the records: events, outbox, idempotency keys, origins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    ContentionError,
    KeyReusedError,
    StoreBusyError,
)
from clinicflow_core.ports import KEYS_KEPT, Once
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import events, idempotency_keys, origins, outbox


class next_number(ColumnElement[int]):  # noqa: N801  Reads as the SQL function.
    """The number of the next event of the database."""

    inherit_cache = True
    type = BigInteger()


@compiles(next_number, "postgresql")
def _identity(*_: object, **__: object) -> str:
    return "DEFAULT"


@compiles(next_number, "sqlite")
def _counted(*_: object, **__: object) -> str:
    return "(SELECT coalesce(max(number), 0) + 1 FROM events)"


_ADD_EVENT = Fixed(
    insert(events).values(number=next_number()), all_columns(events, "number")
)
_ADD_TO_OUTBOX = Fixed(insert(outbox), all_columns(outbox))
_EVENTS_OF = Fixed(
    select(events)
    .where(
        events.c.clinic_id == bindparam("clinic_id"),
        events.c.record_id == bindparam("record_id"),
    )
    .order_by(events.c.number)
)
_ADD_ORIGIN = Fixed(insert(origins), all_columns(origins))
_ORIGINS_OF = Fixed(
    select(origins.c.key).where(
        origins.c.clinic_id == bindparam("clinic_id"),
        origins.c.kind == bindparam("kind"),
        origins.c.record_id == bindparam("record_id"),
    )
)
_FORGET_ORIGIN = Fixed(
    delete(origins).where(
        origins.c.clinic_id == bindparam("clinic_id"),
        origins.c.kind == bindparam("kind"),
        origins.c.record_id == bindparam("record_id"),
    )
)


def add_event(trip: Trip, event: Event, clinic_id: ClinicId) -> None:
    """Write *event* to the trail and to the outbox."""
    trip.later(
        _ADD_EVENT,
        {
            "id": event.id,
            "clinic_id": clinic_id,
            "kind": event.kind,
            "record_id": event.record_id,
            "at": event.at,
            "actor": event.actor,
            "user_id": event.user_id,
            "reason": event.reason,
            "facts": dict(event.facts),
        },
    )
    trip.later(
        _ADD_TO_OUTBOX,
        {
            "id": event.id,
            "clinic_id": clinic_id,
            "kind": event.kind,
            "available_at": event.at,
            "attempts": 0,
            "leased_until": None,
            "done_at": None,
        },
    )


class SqlEvents:
    """See `ports.Events`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def of(self, record_id: UUID) -> tuple[Event, ...]:
        asked = {"clinic_id": self._clinic_id, "record_id": record_id}
        [rows] = self._trip.now((_EVENTS_OF, asked))
        return tuple(_event_of(row) for row in rows)


def _event_of(row: Row) -> Event:
    return Event(
        id=row["id"],
        kind=row["kind"],
        record_id=row["record_id"],
        at=row["at"],
        actor=row["actor"],
        user_id=row["user_id"],
        reason=row["reason"],
        facts=row["facts"],
    )


class SqlOrigins:
    """See `ports.Origins`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def known(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        query = select(origins.c.key, origins.c.record_id).where(
            origins.c.clinic_id == self._clinic_id,
            origins.c.kind == kind,
            origins.c.key.in_(keys),
        )
        return {row.key: row.record_id for row in self._trip.dynamic(query)}

    def add(self, kind: str, key: str, record_id: UUID) -> None:
        self._trip.later(
            _ADD_ORIGIN,
            {
                "clinic_id": self._clinic_id,
                "kind": kind,
                "key": key,
                "record_id": record_id,
            },
        )

    def of(self, kind: str, record_id: UUID) -> tuple[str, ...]:
        asked = {"clinic_id": self._clinic_id, "kind": kind, "record_id": record_id}
        [rows] = self._trip.now((_ORIGINS_OF, asked))
        return tuple(sorted(row["key"] for row in rows))

    def forget(self, kind: str, record_id: UUID) -> None:
        self._trip.later(
            _FORGET_ORIGIN,
            {"clinic_id": self._clinic_id, "kind": kind, "record_id": record_id},
        )


def _keep(dialect: Any) -> Fixed:
    """Return the statement that keeps an answer, unless a recent one is there."""
    adding = dialect.insert(idempotency_keys)
    columns = ("fingerprint", "answer", "created_at")
    return Fixed(
        adding.on_conflict_do_update(
            index_elements=["clinic_id", "actor", "key"],
            set_={column: adding.excluded[column] for column in columns},
            where=idempotency_keys.c.created_at <= bindparam("cutoff"),
        ).returning(idempotency_keys.c.key),
        all_columns(idempotency_keys),
    )


_KEEP_ANSWER = {"postgresql": _keep(postgresql), "sqlite": _keep(sqlite)}

GET_ANSWER = Fixed(
    select(idempotency_keys).where(
        idempotency_keys.c.clinic_id == bindparam("clinic_id"),
        idempotency_keys.c.actor == bindparam("actor"),
        idempotency_keys.c.key == bindparam("key"),
        idempotency_keys.c.created_at > bindparam("cutoff"),
    )
)


def keep_answer(
    trip: Trip,
    clinic_id: ClinicId,
    actor: str,
    once: Once,
    answer: object,
    now: datetime,
) -> None:
    """Keep *answer* for whoever sends the same request again."""
    trip.later(
        _KEEP_ANSWER[trip.dialect],
        {
            "clinic_id": clinic_id,
            "actor": actor,
            "key": once.key,
            "fingerprint": once.fingerprint,
            "answer": answer,
            "created_at": now,
            "cutoff": now - KEYS_KEPT,
        },
        _is_first,
    )


def _is_first(count: int) -> None:
    if count == 0:
        raise ContentionError(StoreBusyError())


def refuse_second(
    trip: Trip, clinic_id: ClinicId, actor: str, once: Once, now: datetime
) -> None:
    """
    Raises:
        AlreadyAnsweredError: If the same request was answered under this key.
        KeyReusedError: If another request was.
    """
    asked = {
        "clinic_id": clinic_id,
        "actor": actor,
        "key": once.key,
        "cutoff": now - KEYS_KEPT,
    }
    [rows] = trip.now((GET_ANSWER, asked))
    if rows and rows[0]["fingerprint"] != once.fingerprint:
        raise KeyReusedError
    if rows:
        raise AlreadyAnsweredError(rows[0]["answer"])
