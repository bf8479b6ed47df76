"""Jobs: what is to be done because something happened, at least once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from uuid import UUID

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import EventId
from clinicflow_core.errors import InvalidTransitionError


class JobStatus(Enum):
    """Where a job stands."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"


@frozen(kw_only=True)
class Job:
    """
    An event in the outbox, for a worker.

    Attributes:
        id: Of the event. It is the same each time the job is done, so that whoever
            it is told to can know it again.
        kind: Of the event: "summary.asked-for".
        record_id: The record that the event happened to.
        available_at: From when on it can be claimed.
        attempts: How often it was claimed; never set back, so that whoever claimed it
            can tell whether they were the last.
        leased_until: Until when nobody else claims it.
        dead_at: When it was given up.
        revived_after: How often it had been claimed when somebody last let it be
            tried again.
        error: What went wrong last: the kind of failure, never its text.
    """

    id: EventId
    kind: str
    record_id: UUID
    facts: Mapping[str, object] = field(factory=dict)
    available_at: datetime
    attempts: int = 0
    leased_until: datetime | None = None
    done_at: datetime | None = None
    dead_at: datetime | None = None
    revived_after: int = 0
    error: str | None = None

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: by when it can be done, then by id."""
        return (self.available_at.isoformat(), str(self.id))

    @property
    def tries(self) -> int:
        """How often it was claimed since somebody let it be tried again."""
        return self.attempts - self.revived_after

    def done(self, now: datetime) -> Job:
        """Return the job as done."""
        return evolve(self, done_at=now, leased_until=None)

    def put_off(self, until: datetime, error: str) -> Job:
        """Return the job for another try, not before *until*."""
        return evolve(self, available_at=until, leased_until=None, error=error)

    def given_up(self, now: datetime, error: str) -> Job:
        """Return the job as a dead letter, for people to look at."""
        return evolve(self, dead_at=now, leased_until=None, error=error)

    def revived(self, now: datetime) -> Job:
        """
        Return a dead letter as a job whose tries count anew.

        Raises:
            InvalidTransitionError: If it is no dead letter.
        """
        self._must_be_dead(now, "retry")
        return evolve(self, dead_at=None, revived_after=self.attempts, available_at=now)

    def dropped(self, now: datetime) -> Job:
        """
        Return a dead letter that nobody will look at again.

        Raises:
            InvalidTransitionError: If it is no dead letter.
        """
        self._must_be_dead(now, "drop")
        return self.done(now)

    def _must_be_dead(self, now: datetime, step: str) -> None:
        status = self.status(now)
        if status is not JobStatus.DEAD:
            raise InvalidTransitionError(self.id, status.value, step, "job")

    def status(self, now: datetime) -> JobStatus:
        """Return where it stands at *now*: a lease that ran out is none."""
        if self.done_at is not None:
            return JobStatus.DONE
        if self.dead_at is not None:
            return JobStatus.DEAD
        if self.leased_until is not None and now < self.leased_until:
            return JobStatus.LEASED
        return JobStatus.WAITING
