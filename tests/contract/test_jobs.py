from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.errors import (
    ContentionError,
    JobNotFoundError,
    StaleVersionError,
)
from clinicflow_core.ports import PageRequest
from tests.builders import NOW, OpenClinic, Watch
from tests.contract.conftest import side_by_side

ALL = PageRequest(limit=200)
KIND = "summary.asked-for"
SOON = NOW + timedelta(minutes=5)
TICK = timedelta(microseconds=1)


def asked_for(clinic: OpenClinic, kind: str = KIND, **changes: object) -> Job:
    """Let something happen; return what is to be done because of it."""
    with clinic.uow as uow:
        uow.record(kind, clinic.patient, {"kind": kind})
        uow.commit()
    with clinic.uow as uow:
        happened = uow.events.of(clinic.patient.id)[-1]
        job = evolve(uow.jobs.get(happened.id), **changes)
        uow.jobs.save(job)
        uow.commit()
    return job


def claim(clinic: OpenClinic, *kinds: str) -> Job | None:
    with clinic.unit_of_work() as uow:
        job = uow.jobs.claim(kinds or [KIND], SOON)
        uow.commit()
    return job


def stored(job: Job, clinic: OpenClinic) -> Job:
    with clinic.unit_of_work() as uow:
        return uow.jobs.get(job.id)


def claimed(job: Job) -> Job:
    return evolve(job, attempts=job.attempts + 1, leased_until=SOON)


def test_what_happens_is_to_be_done_at_once(clinic: OpenClinic) -> None:
    job = asked_for(clinic)

    assert (job.kind, job.record_id, job.facts) == (
        KIND,
        clinic.patient.id,
        {"kind": KIND},
    )
    assert (job.available_at, job.attempts, job.status(NOW)) == (
        NOW,
        0,
        JobStatus.WAITING,
    )


def test_who_claims_a_job_has_it_to_the_end_of_the_lease(
    clinic: OpenClinic, watch: Watch
) -> None:
    job = asked_for(clinic)

    assert claim(clinic) == claimed(job) == stored(job, clinic)
    watch.at = SOON - TICK
    assert claim(clinic) is None
    watch.at = SOON
    assert claim(clinic) == claimed(claimed(job))


def test_the_job_that_waits_longest_is_claimed_first(clinic: OpenClinic) -> None:
    last = asked_for(clinic)
    first = asked_for(clinic, available_at=NOW - timedelta(days=1))
    twins = [asked_for(clinic, available_at=NOW - TICK) for _ in range(4)]

    claims = [claim(clinic) for _ in range(6)]

    twins.sort(key=lambda job: job.id)
    assert claims == [claimed(job) for job in (first, *twins, last)]
    assert claim(clinic) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"available_at": NOW + TICK}, id="to be done later"),
        pytest.param({"leased_until": NOW + TICK}, id="leased"),
        pytest.param({"done_at": NOW}, id="done"),
        pytest.param({"dead_at": NOW, "error": "timed-out"}, id="given up"),
        pytest.param({"done_at": NOW, "dead_at": NOW}, id="done after all"),
        pytest.param(
            {"leased_until": NOW - TICK, "done_at": NOW}, id="done when its lease ended"
        ),
    ],
)
def test_a_job_that_is_not_waiting_is_not_claimed(
    changes: dict[str, object], clinic: OpenClinic
) -> None:
    job = asked_for(clinic, **changes)

    assert claim(clinic) is None
    assert stored(job, clinic) == job


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="new"),
        pytest.param({"leased_until": NOW}, id="whose lease ends now"),
        pytest.param({"revived_after": 7, "error": "away"}, id="that failed before"),
    ],
)
def test_a_job_that_is_waiting_is_claimed(
    changes: dict[str, object], clinic: OpenClinic
) -> None:
    job = asked_for(clinic, **changes)

    assert claim(clinic) == claimed(job)


def test_only_a_job_of_the_kinds_that_are_asked_for_is_claimed(
    clinic: OpenClinic,
) -> None:
    odd = '{"a", b\\} \u0661 %s :name'
    asked_for(clinic, "intake.read")
    job = asked_for(clinic, odd)

    assert claim(clinic) is None
    assert claim(clinic, KIND, odd) == claimed(job)
    with clinic.uow as uow:
        assert uow.jobs.claim([], SOON) is None


def test_nobody_claims_what_is_to_be_done_in_another_clinic(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    job = asked_for(other)

    assert claim(clinic) is None
    with clinic.uow as uow:
        assert uow.jobs.page([KIND], None, ALL).items == ()
        with pytest.raises(JobNotFoundError):
            uow.jobs.get(job.id)
    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: uow.jobs.save(evolve(job, done_at=NOW)))
    assert stored(job, other) == job


def test_what_happens_in_a_block_is_to_be_done_after_its_commit(
    clinic: OpenClinic,
) -> None:
    with clinic.uow as uow:
        uow.record(KIND, clinic.patient)
        assert uow.jobs.claim([KIND], SOON) is None
    assert claim(clinic) is None

    with clinic.uow as uow:
        uow.record(KIND, clinic.patient)
        uow.commit()
    assert claim(clinic) is not None


def test_one_block_can_claim_several_jobs(clinic: OpenClinic) -> None:
    for _ in range(2):
        asked_for(clinic)

    with clinic.uow as uow:
        claims = [uow.jobs.claim([KIND], SOON) for _ in range(3)]

    assert len({job.id for job in claims[:2] if job}) == 2
    assert claims[2] is None


def test_a_lease_that_ends_at_once_keeps_nobody_away(clinic: OpenClinic) -> None:
    asked_for(clinic)

    with clinic.uow as uow:
        first, second = (uow.jobs.claim([KIND], NOW) for _ in range(2))

    assert first is not None
    assert second == evolve(first, attempts=2)


def test_a_claim_that_is_not_committed_is_none(clinic: OpenClinic) -> None:
    job = asked_for(clinic)

    with clinic.uow as uow:
        assert uow.jobs.claim([KIND], SOON) == claimed(job)

    assert stored(job, clinic) == job
    assert claim(clinic) == claimed(job)


@side_by_side
def test_a_job_that_somebody_is_about_to_claim_is_passed_over(
    clinic: OpenClinic,
) -> None:
    first, second = asked_for(clinic), asked_for(clinic)

    with clinic.unit_of_work() as one, clinic.unit_of_work() as two:
        mine, theirs = one.jobs.claim([KIND], SOON), two.jobs.claim([KIND], SOON)
        with clinic.unit_of_work() as three:
            assert three.jobs.claim([KIND], SOON) is None
        one.commit()
        two.commit()

    assert mine is not None
    assert theirs is not None
    assert {mine.id, theirs.id} == {first.id, second.id}


@side_by_side
def test_a_job_that_was_claimed_since_the_block_began_is_passed_over(
    clinic: OpenClinic,
) -> None:
    job = asked_for(clinic)

    with clinic.unit_of_work() as uow:
        assert uow.jobs.page([KIND], JobStatus.WAITING, ALL).items == (job,)
        assert claim(clinic) is not None
        assert uow.jobs.claim([KIND], SOON) is None


def test_what_became_of_a_job_is_kept(clinic: OpenClinic) -> None:
    job = claimed(asked_for(clinic))
    claim(clinic)
    done = evolve(job, done_at=NOW, leased_until=None)

    clinic.commit(lambda uow: uow.jobs.save(done))

    assert stored(job, clinic) == done
    assert claim(clinic) is None


def test_who_was_too_slow_tells_nothing_of_a_job_that_somebody_else_has(
    clinic: OpenClinic, watch: Watch
) -> None:
    asked_for(clinic)
    slow = claim(clinic)
    watch.at = SOON
    quick = claim(clinic)
    assert slow is not None
    assert quick is not None

    late = evolve(slow, done_at=NOW)
    with pytest.raises(ContentionError) as contention:
        clinic.commit(lambda uow: uow.jobs.save(late))

    assert isinstance(contention.value.refusal, StaleVersionError)
    assert contention.value.refusal.record_id == slow.id
    assert stored(quick, clinic) == quick


def test_a_job_that_never_was_is_not_there(clinic: OpenClinic) -> None:
    unknown = EventId(uuid4())

    with clinic.uow as uow, pytest.raises(JobNotFoundError) as missing:
        uow.jobs.get(unknown)

    assert missing.value.record_id == unknown


def test_jobs_are_told_by_where_they_stand(clinic: OpenClinic) -> None:
    waiting = asked_for(clinic)
    later = asked_for(clinic, available_at=SOON)
    lapsed = asked_for(clinic, available_at=NOW - TICK, leased_until=NOW)
    leased = asked_for(clinic, leased_until=NOW + TICK)
    done = asked_for(clinic, done_at=NOW, leased_until=SOON)
    dead = asked_for(clinic, dead_at=NOW, error="refused")
    asked_for(clinic, "intake.read")

    for status, expected in (
        (JobStatus.WAITING, [lapsed, waiting, later]),
        (JobStatus.LEASED, [leased]),
        (JobStatus.DONE, [done]),
        (JobStatus.DEAD, [dead]),
    ):
        with clinic.uow as uow:
            found = uow.jobs.page([KIND, "nothing"], status, ALL).items
        assert list(found) == expected
        assert {job.status(NOW) for job in found} == {status}
    with clinic.uow as uow:
        assert len(uow.jobs.page([KIND], None, ALL).items) == 6
        assert uow.jobs.page([], None, ALL).items == ()


@pytest.mark.races
def test_many_workers_claim_each_job_once(clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        for _ in range(60):
            uow.record(KIND, clinic.patient)
        uow.commit()

    def work(_: int) -> list[Job]:
        done = []
        while job := claim(clinic):
            finished = evolve(job, done_at=NOW, leased_until=None)
            clinic.commit(lambda uow, f=finished: uow.jobs.save(f))
            done.append(job)
        return done

    with ThreadPoolExecutor(6) as pool:
        claims = Counter(job.id for jobs in pool.map(work, range(6)) for job in jobs)

    assert len(claims) == 60
    assert set(claims.values()) == {1}
