"""Working: jobs of all clinics are done, one after the other."""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from multiprocessing import connection
from typing import Any

from clinicflow_core.desk import jobs
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.entities.job import Job
from clinicflow_core.ports import Store

_LOGGER = logging.getLogger(__name__)

Wait = Callable[[float], bool]
"""Waits so many seconds at most, and says whether it is time to end."""


class Outcome(Enum):
    """What became of a job that a worker claimed."""

    DONE = "done"
    PUT_OFF = "put-off"
    GIVEN_UP = "given-up"
    TAKEN_OVER = "taken-over"


_LEVELS = {Outcome.DONE: logging.INFO, Outcome.GIVEN_UP: logging.ERROR}


def work_all(
    store: Store,
    by_kind: Mapping[str, jobs.Handler],
    lease: timedelta,
    is_over: Callable[[], bool] = lambda: False,
) -> Counter[Outcome]:
    """
    Do the jobs of all clinics, one of each in turn, until none waits.

    What goes wrong is logged, and the next clinic has its turn. Return what became of
    the jobs.

    Args:
        by_kind: See `jobs.handlers`.
        lease: See `jobs.work`.
        is_over: Asked before each job; none is begun once it is so.
    """
    outcomes: Counter[Outcome] = Counter()
    waiting = clinics_of(store)
    while waiting:
        still = []
        for clinic_id in waiting:
            if is_over():
                return outcomes
            if (outcome := _do_one(clinic_id, store, by_kind, lease)) is not None:
                still.append(clinic_id)
                outcomes[outcome] += 1
        waiting = still
    return outcomes


def clinics_of(store: Store) -> list[ClinicId]:
    """Return all clinics; none, and a line in the log, if they cannot be read."""
    clinics: tuple[Clinic, ...] = ()
    with going_on("read the clinics"), store.entrance() as entrance:
        clinics = entrance.clinics()
    return [clinic.id for clinic in clinics]


@contextmanager
def going_on(what: str, **facts: object) -> Iterator[None]:
    """Log what goes wrong in the block, and leave it in peace."""
    try:
        yield
    except Exception:
        # The formatter tells where it comes from, and never its text.
        _LOGGER.exception("Cannot %s", what, extra={"facts": facts})


@contextmanager
def until_told(signals: tuple[signal.Signals, ...], *ends: Any) -> Iterator[Wait]:
    """
    Give what waits, until one of *signals* comes or one of *ends* can be read.

    Neither ends what is going on. A second signal does: it means what it always does.
    """
    reading, writing = os.pipe()
    before = {number: signal.getsignal(number) for number in signals}

    def note(_number: int, _frame: object) -> None:
        _restore(before)
        os.write(writing, b".")

    for number in signals:
        signal.signal(number, note)
    try:
        yield lambda seconds: bool(connection.wait([reading, *ends], seconds))
    finally:
        _restore(before)
        os.close(reading)
        os.close(writing)


def _restore(handlers: Mapping[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _do_one(
    clinic_id: ClinicId,
    store: Store,
    by_kind: Mapping[str, jobs.Handler],
    lease: timedelta,
) -> Outcome | None:
    """Do one job of a clinic; return None if none waits, or it cannot be done now."""
    job = None
    with going_on("work", clinic_id=str(clinic_id)):
        job = jobs.work(clinic_id, store, by_kind, lease)
    if job is None:
        return None
    outcome = _outcome_of(job)
    facts = {
        "clinic_id": str(clinic_id),
        "job_id": str(job.id),
        "kind": job.kind,
        "record_id": str(job.record_id),
        "attempts": job.attempts,
        "outcome": outcome.value,
        **({"error": job.error} if outcome is not Outcome.DONE else {}),
    }
    level = _LEVELS.get(outcome, logging.WARNING)
    _LOGGER.log(level, "Worked", extra={"facts": facts})
    return outcome


def _outcome_of(job: Job) -> Outcome:
    if job.done_at is not None:
        return Outcome.DONE
    if job.dead_at is not None:
        return Outcome.GIVEN_UP
    # Whoever came too late left it to the one who has it now.
    return Outcome.TAKEN_OVER if job.leased_until is not None else Outcome.PUT_OFF
