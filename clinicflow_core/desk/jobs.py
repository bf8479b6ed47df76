"""
Jobs: what is done because something happened, at least once.

An event is put into the outbox in the transaction that lets it happen, so none is
lost. A worker leases a job for a while, does it, and notes that it is done in the
transaction that keeps its effect. If it dies meanwhile, the lease runs out and another
worker takes the job over; whoever comes too late finds it done.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from clinicflow_core.accounts.permissions import Permission, system
from clinicflow_core.desk import summarizing
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.ids import ClinicId, EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.errors import ContentionError, NotFoundError
from clinicflow_core.ports import Page, PageRequest, Store, Summarizer, UnitOfWork

LEASE: Final = timedelta(minutes=3)
"""How long a worker has for one job before another one may take it over."""

MOST_ATTEMPTS: Final = 8
"""How often a job is tried before it is given up."""

_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)
_LOST: Final = "WorkerLost"

KINDS: Final = frozenset({summarizing.ASKED_FOR})
"""The events of which something comes."""

Handler = Callable[[Job, Callable[[], UnitOfWork]], None]
"""Does a job, and notes in its last unit of work that it is done."""


def handlers(summarizer: Summarizer) -> Mapping[str, Handler]:
    """Return what does the jobs of each kind."""

    def make_summary(job: Job, open_uow: Callable[[], UnitOfWork]) -> None:
        summarizing.make(job, open_uow, summarizer)

    return {summarizing.ASKED_FOR: make_summary}


def work(
    clinic_id: ClinicId,
    store: Store,
    by_kind: Mapping[str, Handler],
    lease: timedelta = LEASE,
) -> Job | None:
    """
    Do the job that waits longest in a clinic; return it as it stands afterwards, or
    None if none waits.

    One that fails is tried again after a pause, which grows, and given up after
    `MOST_ATTEMPTS`; of what went wrong only its kind is kept.

    Args:
        by_kind: See `handlers`.
        lease: Longer than any of the jobs takes.
    """

    def open_uow() -> UnitOfWork:
        return store.unit_of_work(clinic_id, system("worker"))

    with open_uow() as uow:
        job = uow.jobs.claim(frozenset(by_kind), uow.now + lease)
        uow.commit()
    if job is None:
        return None
    if job.tries > MOST_ATTEMPTS:
        _after(job, _LOST, open_uow())
    else:
        _do(job, by_kind[job.kind], open_uow)
    with open_uow() as uow:
        return uow.jobs.get(job.id)


def page(status: JobStatus | None, request: PageRequest, uow: UnitOfWork) -> Page[Job]:
    """Return a part of the jobs, those that wait longest first."""
    with uow:
        uow.actor.must(Permission.KEEP_JOBS)
        return uow.jobs.page(KINDS, status, request)


@retried
def retry(job_id: EventId, uow: UnitOfWork) -> Job:
    """
    Let a job that was given up be tried again, from now on.

    Raises:
        JobNotFoundError: If there is no such job.
        InvalidTransitionError: If it was not given up.
    """
    return _changed(job_id, Job.revived, uow)


@retried
def drop(job_id: EventId, uow: UnitOfWork) -> Job:
    """
    Let a job that was given up be, for good.

    Raises:
        JobNotFoundError: If there is no such job.
        InvalidTransitionError: If it was not given up.
    """
    return _changed(job_id, Job.dropped, uow)


def pause_after(tries: int, luck: float) -> timedelta:
    """
    Return how long to wait after so many tries: twice as long each time.

    Args:
        luck: From 0 to 1; spreads the tries of jobs that failed together.
    """
    longest = min(_FIRST_PAUSE * (1 << min(tries - 1, 20)), _LONGEST_PAUSE)
    return longest * (0.5 + luck / 2)


def _changed(
    job_id: EventId, step: Callable[[Job, datetime], Job], uow: UnitOfWork
) -> Job:
    with uow:
        uow.actor.must(Permission.KEEP_JOBS)
        job = step(uow.jobs.get(job_id), uow.now)
        uow.jobs.save(job)
        uow.commit()
    return job


def _do(job: Job, handle: Handler, open_uow: Callable[[], UnitOfWork]) -> None:
    try:
        handle(job, open_uow)
    except NotFoundError as gone:
        if gone.record_id == job.record_id:
            _settle(lambda uow: job.done(uow.now), open_uow())  # Nobody wants it.
        else:
            _after(job, type(gone).__name__, open_uow())
    except Exception as error:  # noqa: BLE001  It is kept, and people are told.
        _after(job, type(error).__name__, open_uow())


def _after(job: Job, error: str, uow: UnitOfWork) -> None:
    """Put a job off that failed, or give it up."""

    def settled(uow: UnitOfWork) -> Job:
        if job.tries >= MOST_ATTEMPTS:
            return job.given_up(uow.now, error)
        pause = pause_after(job.tries, random.random())  # noqa: S311  Jitter.
        return job.put_off(uow.now + pause, error)

    _settle(settled, uow)


def _settle(settled: Callable[[UnitOfWork], Job], uow: UnitOfWork) -> None:
    """Keep what became of a job, unless somebody else has it by now."""
    try:
        with uow:
            uow.jobs.save(settled(uow))
            uow.commit()
    except ContentionError:
        return
