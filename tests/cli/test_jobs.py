from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clinicflow_core.desk import jobs
from clinicflow_core.desk.jobs import MOST_ATTEMPTS
from clinicflow_core.desk.summarizing import ASKED_FOR
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.memory import MemoryStore
from tests.builders import Watch
from tests.cli.conftest import MemoryDatabase, Shell

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def database(watch: Watch) -> MemoryDatabase:
    database = MemoryDatabase()
    database.store = MemoryStore(watch)
    return database


@pytest.fixture
def job(clinic: Shell) -> str:
    """The job of making a summary of a form."""
    form = clinic.answers("intake", "send", "lee", "--questionnaire", "none")
    submit = ("intake", "submit", form["form"]["id"])
    clinic.says(*submit, typed='{"reason": "A cough."}')
    (waiting,) = clinic.answers("jobs", "list")["items"]
    key: str = waiting["id"]
    return key


def fails(job: Any, open_uow: Any) -> None:
    raise LookupError("Ann Lee has a cough")


@pytest.fixture
def dead(clinic: Shell, database: MemoryDatabase, watch: Watch, job: str) -> str:
    """The same job, which failed until it was given up."""
    key = ClinicId(UUID(clinic.answers("clinic")["id"]))
    for _ in range(MOST_ATTEMPTS):
        jobs.work(key, database.store, {ASKED_FOR: fails})
        watch.at += timedelta(hours=1)
    return job


def test_what_waits_is_listed(clinic: Shell, job: str):
    _, _, row = clinic.says("jobs", "list").splitlines()

    assert row.split()[:3] == ["2026-03-01", "07:00", ASKED_FOR]
    assert row.split()[4:] == ["waiting", "0", job]


def test_what_was_given_up_is_listed_with_the_kind_of_what_went_wrong(
    clinic: Shell, dead: str
):
    told = clinic.says("jobs", "list", "--status", "dead")
    (listed,) = clinic.answers("jobs", "list")["items"]

    assert "dead" in told
    assert "LookupError" in told
    assert "cough" not in told
    assert (listed["id"], listed["status"]) == (dead, "dead")
    assert listed["tries"] == MOST_ATTEMPTS


def test_what_is_done_is_listed_if_it_is_asked_for(clinic: Shell, dead: str):
    clinic.says("jobs", "drop", dead)

    assert clinic.says("jobs", "list") == "There are no such jobs.\n"
    (done,) = clinic.answers("jobs", "list", "--status", "done")["items"]
    assert (done["id"], done["status"]) == (dead, "done")


def test_what_was_given_up_is_tried_again(clinic: Shell, dead: str):
    told = clinic.says("jobs", "retry", dead)

    assert told == f"The job {dead} waits for a worker again.\n"
    (waiting,) = clinic.answers("jobs", "list", "--status", "waiting")["items"]
    assert waiting["tries"] == 0


def test_what_was_given_up_is_dropped(clinic: Shell, dead: str):
    assert clinic.says("jobs", "drop", dead) == f"Dropped the job {dead}.\n"


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_what_waits_is_neither_retried_nor_dropped(
    clinic: Shell, job: str, command: str
):
    told = clinic.refuses("jobs", command, job)

    assert told == f"Error: Cannot {command}: job {job} is waiting.\n"


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_an_unknown_job_is_not_there(clinic: Shell, command: str):
    told = clinic.refuses("jobs", command, NOBODY)

    assert told == f"Error: There is no job {NOBODY}.\n"


def test_all_pages_of_jobs_are_listed(
    clinic: Shell, job: str, monkeypatch: pytest.MonkeyPatch
):
    from clinicflow_cli.commands import jobs as command

    form = clinic.answers("intake", "send", "diaz", "--questionnaire", "none")
    submit = ("intake", "submit", form["form"]["id"])
    clinic.says(*submit, typed='{"reason": "A cold."}')
    monkeypatch.setattr(command, "_AT_ONCE", 1)

    assert len(clinic.answers("jobs", "list")["items"]) == 2
