from __future__ import annotations

import sys
from datetime import timedelta
from uuid import uuid4

import pytest

from clinicflow_core.desk import intake, jobs, register, summaries, summarizing
from clinicflow_core.desk.intake import SendForm, SubmitForm
from clinicflow_core.desk.jobs import KINDS, MOST_ATTEMPTS, pause_after
from clinicflow_core.desk.register import MergePatients
from clinicflow_core.desk.summarizing import ASKED_FOR, AT_HAND
from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.job import JobStatus
from clinicflow_core.entities.summary import Digest, SummaryStatus
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    InvalidTransitionError,
    JobNotFoundError,
    NotPermittedError,
    PatientNotFoundError,
)
from clinicflow_core.ports import PageRequest
from tests.builders import NOW, open_clinic
from tests.core.desk.summarizers import Scripted

LEASE = timedelta(minutes=1)


@pytest.fixture
def form(clinic):
    return submitted(clinic)


def submitted(clinic):
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    answers = SubmitForm(raw_answers={"allergies": "penicillin"})
    return intake.submit(sent.id, answers, clinic.uow)


def work(clinic, handler=None):
    by_kind = {ASKED_FOR: handler} if handler else jobs.handlers(AT_HAND)
    return jobs.work(clinic.id, clinic.store, by_kind, LEASE)


def listed(clinic, status=None):
    return jobs.page(status, PageRequest(), clinic.uow).items


def the_job(clinic):
    [job] = listed(clinic)
    return job


def fails(job, open_uow):
    raise LookupError("Ann Lee has a secret")


def test_only_what_something_comes_of_is_a_job(clinic, form):
    assert [job.kind for job in listed(clinic)] == [*KINDS]


def test_a_job_is_done_once(clinic, form):
    done = work(clinic)

    assert (done.kind, done.attempts) == (ASKED_FOR, 1)
    assert work(clinic) is None
    assert the_job(clinic).status(NOW) is JobStatus.DONE


def test_jobs_are_done_in_the_order_in_which_they_wait(clinic, watch):
    forms = []
    for _ in range(3):
        forms.append(submitted(clinic).id)
        watch.at += timedelta(seconds=1)
    done = []

    def note(job, open_uow):
        done.append(job.facts["intake_form_id"])

    for _ in range(3):
        work(clinic, note)

    assert done == [str(key) for key in forms]


def test_another_clinics_jobs_are_not_there(clinic, form):
    other = open_clinic(clinic.store)

    assert work(other) is None
    assert listed(other) == ()
    with pytest.raises(JobNotFoundError):
        jobs.drop(the_job(clinic).id, other.uow)


def test_a_leased_job_is_nobody_elses_until_the_lease_runs_out(clinic, form, watch):
    taken = []

    def dies(job, open_uow):
        taken.append(work(clinic))
        watch.at += LEASE - timedelta(seconds=1)
        taken.append(work(clinic))
        assert the_job(clinic).status(watch.at) is JobStatus.LEASED
        raise SystemExit

    with pytest.raises(SystemExit):
        work(clinic, dies)
    assert taken == [None, None]

    watch.at += timedelta(seconds=1)

    assert work(clinic).attempts == 2
    assert the_job(clinic).status(watch.at) is JobStatus.DONE


def test_whoever_comes_too_late_changes_nothing(clinic, form, watch):
    """A worker that slept through its lease finds the job done by another one."""

    def sleeps(statements):
        watch.at += LEASE
        assert work(clinic) is not None
        return Digest()

    work(clinic, jobs.handlers(Scripted(sleeps))[ASKED_FOR])

    made = summaries.get(form.id, clinic.uow)
    assert made.model_version == AT_HAND.model_version
    assert the_job(clinic).status(watch.at) is JobStatus.DONE
    assert the_job(clinic).attempts == 2


def test_what_fails_is_tried_again_after_a_pause_and_told_by_its_kind(
    clinic, form, watch
):
    work(clinic, fails)

    job = the_job(clinic)
    assert (job.error, job.attempts) == ("LookupError", 1)
    assert timedelta(seconds=2.5) <= job.available_at - NOW <= timedelta(seconds=5)
    assert work(clinic) is None
    watch.at = job.available_at
    assert work(clinic).attempts == 2
    assert summaries.get(form.id, clinic.uow).status is SummaryStatus.GENERATED


def give_up(clinic, watch):
    for _ in range(MOST_ATTEMPTS):
        watch.at += timedelta(hours=1)
        work(clinic, fails)


def test_what_always_fails_is_given_up(clinic, form, watch):
    give_up(clinic, watch)

    [dead] = listed(clinic, JobStatus.DEAD)
    assert (dead.attempts, dead.error) == (MOST_ATTEMPTS, "LookupError")
    assert dead.dead_at == watch.at
    watch.at += timedelta(days=365)
    assert work(clinic) is None


def test_a_job_that_kills_its_workers_is_given_up(clinic, form, watch):
    def dies(job, open_uow):
        raise SystemExit

    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(SystemExit):
            work(clinic, dies)
        watch.at += LEASE

    work(clinic, dies)

    [dead] = listed(clinic, JobStatus.DEAD)
    assert dead.error == "WorkerLost"


def test_what_was_given_up_can_be_tried_again(clinic, form, watch):
    give_up(clinic, watch)
    [dead] = listed(clinic, JobStatus.DEAD)

    revived = jobs.retry(dead.id, clinic.uow)

    assert (revived.tries, revived.status(watch.at)) == (0, JobStatus.WAITING)
    assert revived.attempts == MOST_ATTEMPTS
    assert work(clinic).attempts == MOST_ATTEMPTS + 1
    assert summaries.get(form.id, clinic.uow).status is SummaryStatus.GENERATED


def test_what_was_tried_again_is_given_up_again(clinic, form, watch):
    give_up(clinic, watch)
    jobs.retry(the_job(clinic).id, clinic.uow)

    give_up(clinic, watch)

    [dead] = listed(clinic, JobStatus.DEAD)
    assert dead.attempts == 2 * MOST_ATTEMPTS


def test_what_was_given_up_can_be_dropped(clinic, form, watch):
    give_up(clinic, watch)
    [dead] = listed(clinic, JobStatus.DEAD)

    jobs.drop(dead.id, clinic.uow)

    assert listed(clinic, JobStatus.DEAD) == ()
    assert work(clinic) is None


@pytest.mark.parametrize("act", [jobs.retry, jobs.drop])
def test_only_what_was_given_up_is_retried_or_dropped(clinic, form, act):
    with pytest.raises(InvalidTransitionError, match=r"job .* is waiting"):
        act(the_job(clinic).id, clinic.uow)
    work(clinic)
    with pytest.raises(InvalidTransitionError, match=r"job .* is done"):
        act(the_job(clinic).id, clinic.uow)


@pytest.mark.parametrize("act", [jobs.retry, jobs.drop])
def test_a_job_that_is_not_there_is_said_so(clinic, act):
    with pytest.raises(JobNotFoundError):
        act(EventId(uuid4()), clinic.uow)


@pytest.mark.parametrize(
    "act",
    [
        lambda job, uow: jobs.retry(job.id, uow),
        lambda job, uow: jobs.drop(job.id, uow),
        lambda job, uow: jobs.page(None, PageRequest(), uow),
    ],
    ids=["retry", "drop", "page"],
)
def test_jobs_are_the_owners(clinic, form, act):
    job = the_job(clinic)

    with pytest.raises(NotPermittedError):
        act(job, clinic.by(Role.ADMIN))


@pytest.mark.parametrize("status", JobStatus)
def test_jobs_are_listed_by_where_they_stand(clinic, form, watch, status):
    if status is JobStatus.DONE:
        work(clinic)
    elif status is JobStatus.DEAD:
        give_up(clinic, watch)
    elif status is JobStatus.LEASED:
        with pytest.raises(SystemExit):
            work(clinic, lambda job, open_uow: sys.exit())

    found = {each: len(listed(clinic, each)) for each in JobStatus}

    assert found == {each: int(each is status) for each in JobStatus}


def test_nobody_summarizes_who_was_erased(clinic, form):
    register.erase(clinic.patient.id, clinic.uow)

    work(clinic)

    made = summaries.get(form.id, clinic.uow)
    assert made.digest == Digest()
    assert the_job(clinic).status(NOW) is JobStatus.DONE


def test_who_is_erased_meanwhile_is_not_written_about(clinic, form):
    def erases(statements):
        register.erase(clinic.patient.id, clinic.uow)
        return AT_HAND.summarize(statements, clinic.patient)

    work(clinic, jobs.handlers(Scripted(erases))[ASKED_FOR])

    made = summaries.get(form.id, clinic.uow)
    assert made.digest == Digest()
    assert the_job(clinic).error == "ContentionError"


def test_who_is_merged_meanwhile_is_written_about_later(clinic, form, watch):
    def merges(statements):
        other = clinic.add_patient("Ann Leigh")
        merge = MergePatients(duplicate_id=clinic.patient.id)
        register.merge(other.id, merge, clinic.uow)
        return AT_HAND.summarize(statements, clinic.patient)

    work(clinic, jobs.handlers(Scripted(merges))[ASKED_FOR])

    assert the_job(clinic).error == "ContentionError"
    watch.at = the_job(clinic).available_at
    work(clinic)
    made = summaries.get(form.id, clinic.uow)
    assert made.status is SummaryStatus.GENERATED
    assert made.patient_id != clinic.patient.id


@pytest.mark.parametrize("is_there", [True, False])
def test_whose_form_it_is_is_looked_up_before_anybody_is_asked(
    memory, watch, monkeypatch, is_there
):
    """Else what names the patient could not be hidden any more."""
    clinic = open_clinic(memory)
    submitted(clinic)
    other = clinic.patients[1]

    def too_late(patient_id, uow):
        merge = MergePatients(duplicate_id=patient_id)
        register.merge(other.id, merge, clinic.unit_of_work())
        monkeypatch.undo()
        if not is_there:
            raise PatientNotFoundError(patient_id)
        return other

    monkeypatch.setattr(summarizing, "hold_patient", too_late)
    outside = Scripted(lambda statements: Digest())
    handler = jobs.handlers(outside)[ASKED_FOR]

    work(clinic, handler)

    assert outside.asked == []
    assert the_job(clinic).error == "ContentionError"
    watch.at = the_job(clinic).available_at
    work(clinic, handler)
    assert len(outside.asked) == 1


def test_what_else_is_not_there_is_looked_for_again(clinic, form):
    def loses_a_patient(job, open_uow):
        raise PatientNotFoundError(clinic.patient.id)

    work(clinic, loses_a_patient)

    assert the_job(clinic).error == "PatientNotFoundError"
    assert the_job(clinic).status(NOW) is JobStatus.WAITING


def test_a_job_about_what_is_gone_is_done(clinic, form):
    register.remove(clinic.patient.id, clinic.uow)

    work(clinic)

    assert the_job(clinic).status(NOW) is JobStatus.DONE


def test_pauses_grow_and_differ():
    firsts = [pause_after(n, 1.0) / timedelta(seconds=1) for n in range(1, 12)]

    assert firsts == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert pause_after(1, 0.0) == timedelta(seconds=2.5)
    assert pause_after(1000, 0.0) == timedelta(minutes=30)
