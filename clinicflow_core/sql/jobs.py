"""The outbox as rows; what a job is about stands with its event."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, literal_column, or_, select, update

from clinicflow_core.entities.ids import ClinicId, EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.errors import (
    ContentionError,
    JobNotFoundError,
    StaleVersionError,
)
from clinicflow_core.ports import Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip
from clinicflow_core.sql.tables import events, outbox
from clinicflow_core.sql.types import UtcDateTime, among

_jobs = select(outbox, events.c.record_id, events.c.facts).join(
    events, and_(events.c.clinic_id == outbox.c.clinic_id, events.c.id == outbox.c.id)
)
_GET = Fixed(
    _jobs.where(
        outbox.c.clinic_id == bindparam("clinic_id"), outbox.c.id == bindparam("id")
    )
)

_waiting = outbox.alias("waiting")
_longest_waiting = (
    select(_waiting.c.id)
    .where(
        _waiting.c.clinic_id == bindparam("clinic_id"),
        among(_waiting.c.kind, "kinds"),
        _waiting.c.done_at.is_(None),
        _waiting.c.dead_at.is_(None),
        _waiting.c.available_at <= bindparam("now", type_=UtcDateTime),
        or_(
            _waiting.c.leased_until.is_(None),
            _waiting.c.leased_until <= bindparam("now", type_=UtcDateTime),
        ),
    )
    .order_by(_waiting.c.available_at, _waiting.c.id)
    .limit(1)
    # SQLite's writers come one after another.
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIM = Fixed(
    update(outbox)
    .where(
        outbox.c.clinic_id == bindparam("clinic_id"), outbox.c.id == _longest_waiting
    )
    .values(
        attempts=outbox.c.attempts + 1,
        leased_until=bindparam("until", type_=UtcDateTime),
    )
    .returning(
        *outbox.columns,
        # SQLite returns nothing of a joined table, and would take a column that is
        # not said to be of the outbox for one of the events.
        *(
            select(column)
            .where(
                events.c.clinic_id == literal_column("outbox.clinic_id"),
                events.c.id == literal_column("outbox.id"),
            )
            .scalar_subquery()
            .label(column.name)
            for column in (events.c.record_id, events.c.facts)
        ),
    )
)
_SAVE = Fixed(
    update(outbox).where(
        outbox.c.clinic_id == bindparam("of_clinic_id"),
        outbox.c.id == bindparam("of_id"),
        outbox.c.attempts == bindparam("of_attempts"),
    ),
    (
        "available_at",
        "leased_until",
        "done_at",
        "dead_at",
        "revived_after",
        "error",
    ),
)


def _job_of(row: Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        record_id=row["record_id"],
        facts=row["facts"],
        available_at=row["available_at"],
        attempts=row["attempts"],
        leased_until=row["leased_until"],
        done_at=row["done_at"],
        dead_at=row["dead_at"],
        revived_after=row["revived_after"],
        error=row["error"],
    )


class SqlJobs:
    """See `ports.Jobs`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId, now: datetime) -> None:
        self._trip = trip
        self._clinic_id = clinic_id
        self._now = now

    def claim(self, kinds: Collection[str], until: datetime) -> Job | None:
        asked = {
            "clinic_id": self._clinic_id,
            "kinds": kinds,
            "now": self._now,
            "until": until,
        }
        [rows] = self._trip.now((_CLAIM, asked))
        return _job_of(rows[0]) if rows else None

    def get(self, job_id: EventId) -> Job:
        [rows] = self._trip.now((_GET, {"clinic_id": self._clinic_id, "id": job_id}))
        if not rows:
            raise JobNotFoundError(job_id)
        return _job_of(rows[0])

    def save(self, job: Job) -> None:
        saved: dict[str, Any] = {
            "of_clinic_id": self._clinic_id,
            "of_id": job.id,
            "of_attempts": job.attempts,
            "available_at": job.available_at,
            "leased_until": job.leased_until,
            "done_at": job.done_at,
            "dead_at": job.dead_at,
            "revived_after": job.revived_after,
            "error": job.error,
        }
        self._trip.later(_SAVE, saved, _found_one(job.id))

    def page(
        self, kinds: Collection[str], status: JobStatus | None, request: PageRequest
    ) -> Page[Job]:
        query = _jobs.where(
            outbox.c.clinic_id == self._clinic_id, outbox.c.kind.in_(kinds)
        )
        if status is not None:
            query = query.where(*self._in(status))
        after = request.after and (
            datetime.fromisoformat(request.after[0]),
            UUID(request.after[1]),
        )
        order = [outbox.c.available_at, outbox.c.id]
        return page_of(self._trip, query, order, after, request, _job_of)

    def _in(self, status: JobStatus) -> tuple[Any, ...]:
        done, dead, leased = outbox.c.done_at, outbox.c.dead_at, outbox.c.leased_until
        if status is JobStatus.DONE:
            return (done.is_not(None),)
        if status is JobStatus.DEAD:
            return (done.is_(None), dead.is_not(None))
        if status is JobStatus.LEASED:
            return (done.is_(None), dead.is_(None), leased > self._now)
        is_free = or_(leased.is_(None), leased <= self._now)
        return (done.is_(None), dead.is_(None), is_free)


def _found_one(job_id: EventId) -> Callable[[int], None]:
    def check(count: int) -> None:
        if count != 1:
            raise ContentionError(StaleVersionError(job_id))

    return check
