"""The outbox in memory."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from attrs import evolve

from clinicflow_core import ports
from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.errors import (
    ContentionError,
    JobNotFoundError,
    StaleVersionError,
)
from clinicflow_core.memory.repository import Repository, page_of


class MemoryJobs(Repository):
    """See `ports.Jobs`."""

    def claim(self, kinds: Collection[str], until: datetime) -> Job | None:
        waiting = [job for job in self._all("outbox") if self._can_be_had(job, kinds)]
        for each in sorted(waiting, key=lambda job: (job.available_at, job.id)):
            if self._transaction.hold_at_once(self._lock_of(each.id)):
                # Whoever held it until now may have claimed it.
                job = self.get(each.id)
                if self._can_be_had(job, kinds):
                    claimed = evolve(job, attempts=job.attempts + 1, leased_until=until)
                    self._write(claimed, job.attempts)
                    return claimed
        return None

    def get(self, job_id: EventId) -> Job:
        found: Job = self._get("outbox", job_id, JobNotFoundError)
        return found

    def save(self, job: Job) -> None:
        self._transaction.hold([self._lock_of(job.id)])
        self._write(job, job.attempts)

    def page(
        self,
        kinds: Collection[str],
        status: JobStatus | None,
        request: ports.PageRequest,
    ) -> ports.Page[Job]:
        now = self._transaction.now
        found = (
            job
            for job in self._all("outbox")
            if job.kind in kinds and status in (None, job.status(now))
        )
        return page_of(found, request)

    def _can_be_had(self, job: Job, kinds: Collection[str]) -> bool:
        now = self._transaction.now
        return (
            job.kind in kinds
            and job.available_at <= now
            and job.status(now) is JobStatus.WAITING
        )

    def _lock_of(self, job_id: EventId) -> object:
        return ("job", self._clinic_id, job_id)

    def _write(self, job: Job, attempts: int) -> None:
        def is_as_read(stored: Job | None) -> None:
            if stored is None or stored.attempts != attempts:
                raise ContentionError(StaleVersionError(job.id))

        self._put("outbox", job, is_as_read)
