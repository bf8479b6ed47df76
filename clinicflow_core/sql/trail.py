"""What is kept beside the records: events, outbox, idempotency keys, origins."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    ContentionError,
    KeyReusedError,
    StoreBusyError,
)
from clinicflow_core.ports import KEYS_KEPT, Once, Page, PageRequest
from clinicflow_core.sql import row_security
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import (
    appointments,
    events,
    idempotency_keys,
    origins,
    outbox,
)
from clinicflow_core.sql.types import Key
from clinicflow_core.trail import FIRST_HASH, Link, canonical


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


class sha256_hex(ColumnElement[str]):  # noqa: N801  As above.
    """The SHA-256 of a text, as 64 hexadecimal digits."""

    inherit_cache = False
    type = Text()

    def __init__(self, text: ColumnElement[str]) -> None:
        self.text = text


@compiles(sha256_hex, "postgresql")
def _sha256_on_postgresql(element: sha256_hex, compiler: Any, **options: Any) -> str:
    text = compiler.process(element.text, **options)
    return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"


@compiles(sha256_hex, "sqlite")
def _sha256_on_sqlite(element: sha256_hex, compiler: Any, **options: Any) -> str:
    return f"sha256_hex({compiler.process(element.text, **options)})"


_earlier = events.alias("earlier")
_OF_RECORD = (
    _earlier.c.clinic_id == bindparam("of_clinic_id"),
    _earlier.c.record_id == bindparam("of_record_id"),
)
_LAST_POSITION = func.coalesce(
    select(func.max(_earlier.c.position)).where(*_OF_RECORD).scalar_subquery(), 0
)
_LAST_HASH = func.coalesce(
    select(_earlier.c.hash)
    .where(*_OF_RECORD)
    .order_by(_earlier.c.position.desc())
    .limit(literal_column("1"))
    .scalar_subquery(),
    literal_column(f"'{FIRST_HASH}'", Text()),
)
_ADD_EVENT = Fixed(
    insert(events).values(
        number=next_number(),
        position=_LAST_POSITION + literal_column("1"),
        previous_hash=_LAST_HASH,
        hash=sha256_hex(_LAST_HASH + bindparam("canonical", type_=Text())),
    ),
    all_columns(events, "number", "position", "previous_hash", "hash"),
)
_ADD_TO_OUTBOX = Fixed(insert(outbox), all_columns(outbox))
_HOLD_CHAIN = Fixed(
    select(
        func.pg_advisory_xact_lock(
            literal_column(str(0x7261696C)),
            bindparam("chain", type_=Integer()),
        ).label("held")
    )
)
_CHAINS = 4096
_EVENTS_OF = Fixed(
    select(events)
    .where(
        events.c.clinic_id == bindparam("clinic_id"),
        events.c.record_id == bindparam("record_id"),
    )
    .order_by(events.c.position)
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


def write_events(trip: Trip, happened: Sequence[tuple[ClinicId, Event]]) -> None:
    """
    Write events to the trail, each at the end of its record's chain, and the outbox.

    On PostgreSQL whoever writes to the same chain waits here. Locks are taken in one
    order and after all others, so that nobody waits for each other.
    """
    if trip.dialect == "postgresql":
        for chain in sorted({event.record_id.int % _CHAINS for _, event in happened}):
            trip.later(_HOLD_CHAIN, {"chain": chain})
    entered = None
    for clinic_id, event in happened:
        if clinic_id != entered:
            row_security.enter(trip, clinic_id)
            entered = clinic_id
        trip.later(_ADD_EVENT, _row_of(event, clinic_id))
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
                "dead_at": None,
                "revived_after": 0,
                "error": None,
            },
        )


def _row_of(event: Event, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": event.id,
        "clinic_id": clinic_id,
        "kind": event.kind,
        "record_id": event.record_id,
        "at": event.at,
        "actor": event.actor,
        "user_id": event.user_id,
        "reason": event.reason,
        "request_id": event.request_id,
        "facts": dict(event.facts),
        "canonical": canonical(clinic_id, event),
        "of_clinic_id": clinic_id,
        "of_record_id": event.record_id,
    }


class SqlEvents:
    """See `ports.Events`."""

    def __init__(
        self,
        trip: Trip,
        clinic_id: ClinicId,
        happened: Sequence[tuple[ClinicId, Event]],
    ) -> None:
        self._trip = trip
        self._clinic_id = clinic_id
        self._happened = happened

    def of(self, record_id: UUID) -> tuple[Event, ...]:
        asked = {"clinic_id": self._clinic_id, "record_id": record_id}
        [rows] = self._trip.now((_EVENTS_OF, asked))
        now = (event for _, event in self._happened if event.record_id == record_id)
        return (*(_event_of(row) for row in rows), *now)

    def newest(self, limit: int) -> tuple[Event, ...]:
        query = (
            select(events)
            .where(events.c.clinic_id == self._clinic_id)
            .order_by(events.c.number.desc())
            .limit(limit)
        )
        return tuple(_event_of(row._asdict()) for row in self._trip.dynamic(query))

    def page(
        self,
        kinds: Collection[str],
        request: PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> Page[Event]:
        query = (
            select(events)
            .where(events.c.clinic_id == self._clinic_id, events.c.kind.in_(kinds))
            .order_by(events.c.number.desc())
            .limit(request.limit + 1)
        )
        if of_doctor is not None:
            theirs = select(appointments.c.id).where(
                appointments.c.clinic_id == self._clinic_id,
                appointments.c.doctor_id == of_doctor,
            )
            query = query.where(events.c.record_id.in_(theirs))
        if request.after is not None:
            place = select(_earlier.c.number).where(
                _earlier.c.clinic_id == self._clinic_id,
                _earlier.c.id == UUID(request.after[0]),
            )
            query = query.where(events.c.number < place.scalar_subquery())
        found = [_event_of(row._asdict()) for row in self._trip.dynamic(query)]
        items = tuple(found[: request.limit])
        more = len(found) > len(items)
        return Page(items, (str(items[-1].id),) if more else None)

    def links(self, after: tuple[UUID, int] | None, limit: int) -> tuple[Link, ...]:
        query = (
            select(events)
            .where(events.c.clinic_id == self._clinic_id)
            .order_by(events.c.record_id, events.c.position)
            .limit(limit)
        )
        if after is not None:
            place = tuple_(events.c.record_id, events.c.position)
            query = query.where(
                place > tuple_(literal(after[0], Key), literal(after[1], Integer()))
            )
        return tuple(
            Link(
                event=_event_of(row),
                position=row["position"],
                previous_hash=row["previous_hash"],
                hash=row["hash"],
            )
            for row in (found._asdict() for found in self._trip.dynamic(query))
        )


def _event_of(row: Row) -> Event:
    return Event(
        id=row["id"],
        kind=row["kind"],
        record_id=row["record_id"],
        at=row["at"],
        actor=row["actor"],
        user_id=row["user_id"],
        reason=row["reason"],
        request_id=row["request_id"],
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
