"""
Sweeping while the service runs: offers that lapse go on to whoever waits next.

It has a process of its own, started anew: the service's workers are forks, and would
share its connection to the database if it had one before them, or beside them.
"""

from __future__ import annotations

import logging
import logging.config
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process

from clinicflow_cli.composition import SqlDatabase
from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import waitlist
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.ports import Store

SECONDS = 30
"""How long it waits between two sweeps."""

_LOGGER = logging.getLogger(__name__)


@contextmanager
def sweeping(database_url: str, formatter: dict[str, object]) -> Iterator[None]:
    """
    Sweep all clinics of a database until the block is left.

    Args:
        formatter: Of the lines that it logs to standard error, as
            `logging.config.dictConfig` takes it.
    """
    process = get_context("spawn").Process(
        target=_keep_sweeping, args=(database_url, formatter), daemon=True
    )
    # It inherits this: Ctrl-C reaches every process of a terminal, and is meant for
    # the service, which ends the sweeping when it has answered.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield
    finally:
        process.terminate()  # What it is in the middle of is undone.
        process.join()


def sweep_all(store: Store) -> None:
    """Sweep every clinic; what goes wrong is logged, and the next one has its turn."""
    clinics: tuple[ClinicId, ...] = ()
    with _going_on(), store.entrance() as entrance:
        clinics = tuple(clinic.id for clinic in entrance.clinics())
    for clinic_id in clinics:
        with _going_on(clinic_id=str(clinic_id)):
            ended = waitlist.sweep(store.unit_of_work(clinic_id, system("waitlist")))
            if ended:
                facts = {"clinic_id": str(clinic_id), "ended": ended}
                _LOGGER.info("Swept", extra={"facts": facts})


@contextmanager
def _going_on(**facts: object) -> Iterator[None]:
    try:
        yield
    except Exception:
        # The formatter tells where it comes from, and never its text.
        _LOGGER.exception("Cannot sweep", extra={"facts": facts})


def _keep_sweeping(database_url: str, formatter: dict[str, object]) -> None:
    """Sweep until the service is gone, however it ended."""
    logging.raiseExceptions = False  # A record would be told with its arguments.
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "lines"}
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {__name__: {"level": "INFO"}},
        }
    )
    service = parent_process()
    assert service is not None
    store = SqlDatabase(database_url).open_store()
    sweep_all(store)
    while not connection.wait([service.sentinel], SECONDS):
        sweep_all(store)
