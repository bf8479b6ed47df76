from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import define

from clinicflow_cli.composition import summarizer_of
from clinicflow_cli.logs import Lines
from clinicflow_cli.working import Outcome, until_told, work_all
from clinicflow_core.desk import intake, jobs, summaries
from clinicflow_core.desk.intake import SendForm, SubmitForm
from clinicflow_core.desk.jobs import MOST_ATTEMPTS
from clinicflow_core.desk.summarizing import ASKED_FOR, AT_HAND
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import PageRequest
from clinicflow_core.settings import Settings, SummarizerChoice
from tests.builders import OpenClinic, Watch, open_clinic
from tests.cli.conftest import MemoryDatabase, Shell

LEASE = timedelta(minutes=1)
BY_KIND = jobs.handlers(AT_HAND)
SECRET = "Ann Lee is pregnant"
PAGE = PageRequest()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(watch: Watch) -> MemoryStore:
    return MemoryStore(watch)


@pytest.fixture
def database(store: MemoryStore) -> MemoryDatabase:
    database = MemoryDatabase()
    database.store = store
    return database


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    """Undo what a worker does to the logs of its whole process."""
    root, ours = logging.getLogger(), logging.getLogger("clinicflow_cli")
    before = root.handlers[:], root.level, ours.level, logging.raiseExceptions
    yield
    root.handlers[:], root.level, ours.level, logging.raiseExceptions = before


def submit(clinic: OpenClinic) -> Any:
    sent = intake.send(SendForm(patient_id=clinic.patient.id), clinic.uow)
    answers = SubmitForm(raw_answers={"reason": SECRET})
    return intake.submit(sent.id, answers, clinic.uow).id


def status_of(form: Any, clinic: OpenClinic) -> SummaryStatus:
    return summaries.get(form, clinic.uow).status


def fails(job: Any, open_uow: Any) -> None:
    raise LookupError(SECRET)


def facts_of(record: logging.LogRecord) -> Any:
    return vars(record)["facts"]


def test_the_jobs_of_all_clinics_are_done(store: MemoryStore):
    clinics = [open_clinic(store, name=name) for name in ("One", "Two")]
    forms = [(submit(clinic), clinic) for clinic in clinics for _ in range(2)]

    outcomes = work_all(store, BY_KIND, LEASE)

    assert outcomes == {Outcome.DONE: 4}
    assert {status_of(*each) for each in forms} == {SummaryStatus.GENERATED}
    assert work_all(store, BY_KIND, LEASE) == {}


def test_a_clinic_with_many_jobs_does_not_keep_the_others_waiting(
    store: MemoryStore, watch: Watch, caplog: pytest.LogCaptureFixture
):
    busy, quiet = (open_clinic(store, name=name) for name in ("Busy", "Quiet"))
    for _ in range(3):
        submit(busy)
    watch.at += timedelta(seconds=1)
    submit(quiet)

    with caplog.at_level(logging.INFO):
        work_all(store, BY_KIND, LEASE)

    order = [facts_of(record)["clinic_id"] for record in caplog.records]
    assert order == [str(each.id) for each in (busy, quiet, busy, busy)]


def test_no_job_is_begun_when_it_is_time_to_end(store: MemoryStore):
    clinic = open_clinic(store)
    submit(clinic)
    submit(clinic)
    told = iter([False, True])

    outcomes = work_all(store, BY_KIND, LEASE, lambda: next(told))

    assert outcomes == {Outcome.DONE: 1}


def test_each_job_is_logged_on_a_line_without_anything_personal(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
):
    clinic = open_clinic(store)
    form = submit(clinic)

    with caplog.at_level(logging.INFO):
        work_all(store, BY_KIND, LEASE)

    (record,) = caplog.records
    (job,) = jobs.page(None, PAGE, clinic.uow).items
    assert record.getMessage() == "Worked"
    assert facts_of(record) == {
        "clinic_id": str(clinic.id),
        "job_id": str(job.id),
        "kind": ASKED_FOR,
        "record_id": str(summaries.get(form, clinic.uow).id),
        "attempts": 1,
        "outcome": "done",
    }


def test_what_fails_is_put_off_then_given_up_and_logged_by_its_kind(
    store: MemoryStore, watch: Watch, caplog: pytest.LogCaptureFixture
):
    submit(open_clinic(store))

    for _ in range(MOST_ATTEMPTS):
        work_all(store, {ASKED_FOR: fails}, LEASE)
        watch.at += timedelta(hours=1)

    *put_off, given_up = caplog.records
    assert {facts_of(record)["outcome"] for record in put_off} == {"put-off"}
    assert {record.levelno for record in put_off} == {logging.WARNING}
    assert facts_of(given_up)["outcome"] == "given-up"
    assert facts_of(given_up)["error"] == "LookupError"
    assert given_up.levelno == logging.ERROR
    assert SECRET not in caplog.text


def test_whoever_comes_too_late_leaves_the_job_to_whoever_has_it(
    store: MemoryStore, watch: Watch, caplog: pytest.LogCaptureFixture
):
    clinic = open_clinic(store)
    submit(clinic)

    def sleeps(job: Any, open_uow: Any) -> None:
        watch.at += LEASE
        with open_uow() as uow:
            assert uow.jobs.claim({ASKED_FOR}, uow.now + LEASE)
            uow.commit()
        raise TimeoutError

    outcomes = work_all(store, {ASKED_FOR: sleeps}, LEASE)

    assert outcomes == {Outcome.TAKEN_OVER: 1}


@define
class Faulty:
    """A store in which one clinic, or the entrance, cannot be reached."""

    store: MemoryStore
    broken: object

    def entrance(self) -> Any:
        if self.broken == "entrance":
            raise KeyError(SECRET)
        return self.store.entrance()

    def unit_of_work(self, clinic_id: Any, *arguments: Any) -> Any:
        if self.broken == clinic_id:
            raise KeyError(SECRET)
        return self.store.unit_of_work(clinic_id, *arguments)


def test_a_clinic_that_cannot_be_reached_stands_in_no_other_ones_way(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
):
    first, second = (open_clinic(store, name=name) for name in ("A", "B"))
    submit(first)
    form = submit(second)

    outcomes = work_all(Faulty(store, first.id), BY_KIND, LEASE)

    assert outcomes == {Outcome.DONE: 1}
    assert status_of(form, second) is SummaryStatus.GENERATED
    (record,) = caplog.records
    assert record.getMessage() == "Cannot work"
    assert facts_of(record) == {"clinic_id": str(first.id)}


def test_a_database_that_is_away_does_not_end_the_work(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
):
    assert work_all(Faulty(store, "entrance"), BY_KIND, LEASE) == {}
    assert caplog.messages == ["Cannot read the clinics"]


@pytest.mark.parametrize("as_json", [True, False], ids=["for programs", "for people"])
def test_a_line_tells_where_something_went_wrong_and_never_its_text(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, as_json: bool
):
    work_all(Faulty(store, "entrance"), BY_KIND, LEASE)

    line = Lines(as_json=as_json).format(caplog.records[0])

    assert SECRET not in line
    assert "\n" not in line
    facts = json.loads(line) if as_json else line
    assert facts["error"] == "KeyError" if as_json else "error=KeyError" in facts
    assert "test_worker.py" in line
    assert ("event" in facts) if as_json else ('event="Cannot read the c' in facts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_waiting_and_a_second_one_means_what_it_did(
    number: signal.Signals,
):
    before = signal.getsignal(number)

    with until_told((signal.SIGTERM, signal.SIGINT)) as wait:
        assert not wait(0)
        os.kill(os.getpid(), number)
        assert wait(60)
        assert wait(60)
        assert signal.getsignal(number) is before

    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("_logging_as_before")
class TestCommand:
    """`clinicflow worker`."""

    def submitted(self, clinic: Shell) -> str:
        sent = clinic.answers("intake", "send", "lee", "--questionnaire", "none")
        form: str = sent["form"]["id"]
        clinic.says("intake", "submit", form, typed='{"reason": "A cough."}')
        return form

    def test_it_does_what_waits_and_ends_if_it_is_to_work_once(self, clinic: Shell):
        form = self.submitted(clinic)

        ran = clinic.run("worker", "--once")

        assert ran.stdout == "1 done, 0 put-off, 0 given-up, 0 taken-over\n"
        (line,) = ran.stderr.splitlines()
        assert "event=Worked" in line
        assert "outcome=done" in line
        assert "Cough" in clinic.says("intake", "summary", form).title()

    def test_programs_get_the_counts(self, clinic: Shell):
        self.submitted(clinic)

        answer = clinic.answers("worker", "--once")

        assert answer == {"done": 1, "put-off": 0, "given-up": 0, "taken-over": 0}

    def test_a_schema_that_is_not_current_is_not_worked_on(
        self, clinic: Shell, database: MemoryDatabase
    ):
        database.schema = "0001"

        assert "run 'clinicflow db upgrade'" in clinic.refuses("worker", "--once")

    def test_production_does_not_work_where_clinics_are_not_kept_apart(
        self,
        clinic: Shell,
        database: MemoryDatabase,
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setenv("ENVIRONMENT", "production")
        monkeypatch.setenv("JWT_SECRET_KEY", "x" * 32)
        database.open = ["DATABASE_URL: its role is a superuser"]

        assert "DATABASE_URL: its role" in clinic.refuses("worker", "--once")

    @pytest.mark.parametrize("option", ["--lease", "--every"])
    def test_no_time_at_all_is_wrong_usage(self, clinic: Shell, option: str):
        assert option in clinic.misunderstands("worker", option, "0")


class TestSummarizer:
    """What makes summaries, by the settings."""

    def test_nothing_leaves_the_machine_unless_it_is_said(self):
        assert summarizer_of(Settings()) is AT_HAND

    def test_a_model_is_asked_if_it_is_said(self):
        settings = Settings(
            summarizer=SummarizerChoice.OPENAI,
            openai_api_key="sk-test",
            openai_model="small-1",
        )

        summarizer = summarizer_of(settings)

        assert not summarizer.stays_here
        assert summarizer.model_version == "small-1"

    def test_a_model_without_a_key_is_refused(
        self, clinic: Shell, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("SUMMARIZER", "openai")

        assert "OPENAI_API_KEY" in clinic.refuses("worker", "--once")

    def test_a_missing_library_is_named(
        self, clinic: Shell, monkeypatch: pytest.MonkeyPatch
    ):
        import importlib.util

        monkeypatch.setenv("SUMMARIZER", "openai")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)

        assert "clinicflow[ai]" in clinic.refuses("worker", "--once")
