"""
Workers are killed in the middle of their jobs, or think longer than their lease.

Each form gets exactly one summary all the same, and no job is lost: a job can be begun
often, but has its effect once.
"""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import audit, intake, jobs
from clinicflow_core.desk.intake import SendForm, SubmitForm
from clinicflow_core.desk.summarizing import ASKED_FOR
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.entities.job import JobStatus
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.ports import FormFilter, PageRequest
from clinicflow_core.sql.store import open_store
from tests.builders import open_clinic
from tests.races.laggard import MODEL
from tests.races.racers import in_processes, meet
from tests.sql.rows import past_the_wall

pytestmark = [pytest.mark.races, pytest.mark.slow]

SEED = int(os.environ.get("CLINIC_SEED", "2026"))
KILLS = int(os.environ.get("CLINIC_KILLS", "50"))
WORKERS = 3
WAITING = 10
"""So many forms are kept waiting, so that each worker begins with one."""

LEASE_SECONDS = 1.0
LONGEST_SECONDS = 1.2
START_SECONDS = DRAIN_SECONDS = 120

EVERYTHING = PageRequest(limit=100_000)

seeded = pytest.mark.parametrize("seed", [SEED], ids=[f"CLINIC_SEED={SEED}"])
"""Names the seed in every report; the environment sets it."""


@pytest.fixture
def clinic(database_url):
    store = open_store(database_url)
    yield open_clinic(store)
    store.close()


@pytest.fixture
def start(database_url):
    """Start workers; those that still run when the test ends are killed."""
    running = []

    def start(seed, how="careful", longest=LONGEST_SECONDS):
        command = [sys.executable, "-m", "tests.races.laggard", database_url]
        arguments = [str(LEASE_SECONDS), str(longest), str(seed), how]
        # Without a buffer, so that what `select` sees is all that is to be read.
        process = subprocess.Popen(
            [*command, *arguments], stdout=subprocess.PIPE, bufsize=0
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def submit(clinic, count):
    for number in range(count):
        sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
        answers = SubmitForm(raw_answers={"reason": f"Cough number {number}"})
        intake.submit(sent.id, answers, clinic.uow)


def wait_until_it_thinks(worker, clinic, waiting=WAITING):
    """Wait until *worker* is in the middle of a job; so many wait for it meanwhile."""
    deadline = time.monotonic() + START_SECONDS
    told = b""
    while told != b"thinks\n":
        assert time.monotonic() < deadline
        if select.select([worker.stdout], [], [], 0.05)[0]:
            told = worker.stdout.readline()
            assert told
        else:
            submit(clinic, waiting - len(listed(clinic, JobStatus.WAITING)))


def listed(clinic, status=None):
    return jobs.page(status, EVERYTHING, clinic.uow).items


def wait_until_done(clinic):
    deadline = time.monotonic() + DRAIN_SECONDS
    # All are listed at once: meanwhile one can be claimed, or its lease run out.
    while left := [job for job in listed(clinic) if not (job.done_at or job.dead_at)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def effects(clinic):
    """Return how often a summary of each form was made, by the number of forms."""
    query = (
        "SELECT f.id, count(e.id) FROM intake_forms f "
        "LEFT JOIN ai_intake_summaries s "
        "ON s.clinic_id = f.clinic_id AND s.intake_form_id = f.id "
        "LEFT JOIN events e ON e.clinic_id = s.clinic_id AND e.record_id = s.id "
        "AND e.kind = 'summary.generated' GROUP BY f.id"
    )
    with past_the_wall(clinic.store) as connection:
        return Counter(count for _, count in connection.execute(text(query)))


def summaries_of(clinic):
    """Return, for each form, all summaries of it that there ever were."""
    forms = intake.page(FormFilter(), EVERYTHING, clinic.uow).items
    with clinic.uow as uow:
        return [uow.summaries.of_form(form.id) for form in forms]


@seeded
def test_every_form_has_one_summary_whoever_is_killed_making_it(
    seed, clinic, start, record_property
):
    roll = random.Random(seed)
    others = [start(f"{seed}/other/{number}") for number in range(WORKERS - 1)]
    in_the_middle = 0

    for kill in range(KILLS):
        worker = start(f"{seed}/{kill}")
        for _ in range(roll.randint(1, 3)):
            wait_until_it_thinks(worker, clinic)
        time.sleep(roll.uniform(0, LONGEST_SECONDS / 2))
        assert all(other.poll() is None for other in others)
        worker.kill()
        worker.wait()
        in_the_middle += not worker.stdout.read().endswith(b"thought\n")
    wait_until_done(clinic)

    forms = sum(effects(clinic).values())
    done = listed(clinic, JobStatus.DONE)
    record_property("forms", forms)
    record_property("killed in the middle", in_the_middle)
    record_property("jobs taken over", sum(job.attempts > 1 for job in done))
    assert effects(clinic) == {1: forms}
    for made in summaries_of(clinic):
        [summary] = made
        assert summary.status is SummaryStatus.GENERATED
        assert summary.superseded_at is None
        assert summary.model_version == MODEL
    assert len(done) == forms
    assert listed(clinic, JobStatus.DEAD) == ()
    assert audit.verify(clinic.system()).flaws == ()
    # And workers did die in the middle of a job.
    assert in_the_middle > KILLS / 2


@seeded
def test_whoever_does_not_look_who_has_the_job_makes_summaries_twice(
    seed, clinic, start, record_property
):
    submit(clinic, 2 * WAITING)

    for number in range(WORKERS):
        start(f"{seed}/{number}", "careless", longest=3 * LEASE_SECONDS)
    wait_until_done(clinic)

    made = effects(clinic)
    record_property("summaries made", dict(made))
    assert sum(made[count] for count in made if count > 1) > 0


def test_a_job_that_kills_its_workers_is_given_up(clinic, start):
    submit(clinic, 1)

    for _ in range(jobs.MOST_ATTEMPTS):
        assert start("fatal", "fatal").wait(START_SECONDS) < 0
    survivor = start("fatal", "fatal")
    wait_until_done(clinic)

    [dead] = listed(clinic, JobStatus.DEAD)
    assert dead.error == "WorkerLost"
    assert survivor.poll() is None
    assert effects(clinic) == {0: 1}


def test_a_worker_that_is_told_to_end_does_its_job_first(clinic, start):
    submit(clinic, 2)
    worker = start(SEED)
    wait_until_it_thinks(worker, clinic, waiting=0)

    worker.terminate()

    assert worker.wait(START_SECONDS) == 0
    assert effects(clinic) == {1: 1, 0: 1}


def claim_all(worker, url, clinic_id):
    """Claim jobs until none is left, and leave all of them undone."""
    store = open_store(url)
    uow = store.unit_of_work(ClinicId(clinic_id), system(f"worker {worker}"))
    claimed = []
    with uow:
        pass  # Connect and prepare before the others begin.
    meet()
    while True:
        with uow:
            job = uow.jobs.claim({ASKED_FOR}, uow.now + timedelta(hours=1))
            uow.commit()
        if job is None:
            store.close()
            return claimed
        claimed.append(job.id)
        time.sleep(0.002)  # SQLite's writers do not queue: let others have a turn.


def test_no_job_is_two_workers_at_once(clinic, database_url):
    submit(clinic, 10 * WAITING)

    claimed = in_processes(WORKERS, claim_all, database_url, clinic.id)

    everybody = [job_id for each in claimed for job_id in each]
    assert len(everybody) == len(set(everybody)) == 10 * WAITING
    assert all(claimed)


def test_a_job_that_another_worker_is_about_to_claim_is_passed_over(postgres_url):
    store = open_store(postgres_url)
    clinic = open_clinic(store)
    submit(clinic, 2)

    with clinic.system("one") as one, clinic.system("other") as other:
        until = one.now + timedelta(hours=1)
        first = one.jobs.claim({ASKED_FOR}, until)
        second = other.jobs.claim({ASKED_FOR}, until)
        third = other.jobs.claim({ASKED_FOR}, until)

    assert first.id != second.id
    assert third is None
    store.close()
