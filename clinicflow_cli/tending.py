"""
Tending while the service runs: offers that lapse are passed on, and jobs are done.

It has a process of its own, started anew: the service's workers are forks, and would
share its connection to the database if it had one before them, or beside them.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process

from clinicflow_cli.composition import SqlDatabase, summarizer_of
from clinicflow_cli.logs import log_lines
from clinicflow_cli.working import clinics_of, going_on, until_told, work_all
from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import jobs, waitlist
from clinicflow_core.ports import Store

SWEEP_SECONDS = 30
"""How long it waits between two sweeps, unless a job takes longer."""

WORK_SECONDS = 1
"""How long it waits for the next job when none is left."""

STOPPING_SECONDS = 10
"""What it has not finished by then is undone, and a job is left to the next worker."""

_LOGGER = logging.getLogger(__name__)


@contextmanager
def tending(
    database_url: str, formatter: dict[str, object], *, does_jobs: bool = True
) -> Iterator[None]:
    """
    Tend all clinics of a database until the block is left.

    Args:
        formatter: Of the lines that it logs to standard error, as
            `logging.config.dictConfig` takes it.
        does_jobs: Whether it does jobs, beside sweeping.
    """
    process = get_context("spawn").Process(
        target=_keep_tending, args=(database_url, formatter, does_jobs), daemon=True
    )
    # It inherits this: Ctrl-C reaches every process of a terminal, and is meant for
    # the service, which ends the tending when it has answered.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield
    finally:
        process.terminate()
        process.join(STOPPING_SECONDS)
        process.kill()
        process.join()


def sweep_all(store: Store) -> None:
    """Sweep every clinic; what goes wrong is logged, and the next one has its turn."""
    for clinic_id in clinics_of(store):
        with going_on("sweep", clinic_id=str(clinic_id)):
            ended = waitlist.sweep(store.unit_of_work(clinic_id, system("waitlist")))
            if ended:
                facts = {"clinic_id": str(clinic_id), "ended": ended}
                _LOGGER.info("Swept", extra={"facts": facts})


def _keep_tending(
    database_url: str, formatter: dict[str, object], does_jobs: bool
) -> None:
    """Tend until it is told to end, or the service is gone, however it ended."""
    from clinicflow_core.settings import load_settings  # noqa: PLC0415  Slow.

    log_lines(formatter)
    service = parent_process()
    assert service is not None
    by_kind = jobs.handlers(summarizer_of(load_settings())) if does_jobs else {}
    pause = WORK_SECONDS if does_jobs else SWEEP_SECONDS
    store = SqlDatabase(database_url).open_store()
    with until_told((signal.SIGTERM,), service.sentinel) as wait:
        next_sweep = time.monotonic()

        def is_sweep_due() -> bool:
            return time.monotonic() >= next_sweep

        while not wait(0):
            if is_sweep_due():
                sweep_all(store)
                next_sweep = time.monotonic() + SWEEP_SECONDS
            if by_kind:
                work_all(store, by_kind, jobs.LEASE, lambda: wait(0) or is_sweep_due())
            wait(pause)
