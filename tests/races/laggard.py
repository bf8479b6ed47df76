"""
A worker whose summarizer takes its time, until it is told to end, or killed.

Run as ``python -m tests.races.laggard URL LEASE LONGEST SEED [how]``. It prints a line
when it begins to think, and when it has thought. With "careless" it does not look
whether somebody else has its job by now; with "fatal" it dies of every job.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import define, evolve, frozen

from clinicflow_cli.working import until_told, work_all
from clinicflow_core.desk.jobs import handlers
from clinicflow_core.entities.job import Job
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.summary import (
    Digest,
    Source,
    Statement,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.ports import Store
from clinicflow_core.sql.store import open_store

MODEL = "laggard-1"


@define
class Laggard:
    """Thinks for up to *longest* seconds; *is_fatal* to whoever asks."""

    roll: random.Random
    longest: float
    is_fatal: bool
    model_version: str = MODEL
    stays_here: bool = False

    def summarize(
        self,
        statements: Sequence[Statement],
        patient: Patient,  # noqa: ARG002  As the port has it.
    ) -> Digest:
        os.write(1, b"thinks\n")
        if self.is_fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.roll.uniform(0, self.longest))
        os.write(1, b"thought\n")
        said = statements[0]
        source = Source(said.answer, said.text)
        concern = SummaryItem(text=said.text, sources=(source,))
        return Digest(patient_concerns=(concern,))


@frozen
class Careless:
    """A store in which nobody looks whether a job is theirs, or done, by now."""

    store: Store

    def entrance(self) -> Any:
        return self.store.entrance()

    def unit_of_work(self, *arguments: Any) -> Any:
        return _Careless(self.store.unit_of_work(*arguments))


class _Careless:
    def __init__(self, uow: Any) -> None:
        self._uow = uow

    def __enter__(self) -> _Careless:
        self._uow.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._uow.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uow, name)

    @property
    def jobs(self) -> _CarelessJobs:
        return _CarelessJobs(self._uow.jobs)

    @property
    def summaries(self) -> _Forgetful:
        return _Forgetful(self._uow.summaries)


class _CarelessJobs:
    def __init__(self, jobs: Any) -> None:
        self._jobs = jobs
        self.claim, self.get = jobs.claim, jobs.get

    def save(self, job: Job) -> None:
        self._jobs.save(evolve(job, attempts=self._jobs.get(job.id).attempts))


class _Forgetful:
    def __init__(self, summaries: Any) -> None:
        self._summaries = summaries
        self.save = summaries.save

    def get(self, summary_id: Any) -> Summary:
        found: Summary = self._summaries.get(summary_id)
        return evolve(found, status=SummaryStatus.GENERATING)


def main(url: str, lease: float, longest: float, seed: str, how: str) -> None:
    logging.disable()  # What comes too late on purpose is no news.
    store: Any = open_store(url)
    if how == "careless":
        store = Careless(store)
    summarizer = Laggard(random.Random(seed), longest, how == "fatal")
    by_kind = handlers(summarizer)
    with until_told((signal.SIGTERM,)) as wait:
        while not wait(0.05):
            work_all(store, by_kind, timedelta(seconds=lease), lambda: wait(0))


if __name__ == "__main__":
    how = sys.argv[5] if len(sys.argv) > 5 else "careful"
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4], how)
