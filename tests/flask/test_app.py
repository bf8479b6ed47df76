from __future__ import annotations

import logging
import re
import sys
from contextlib import closing

import pytest
from attrs import evolve

from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    ClinicFlowError,
    ContentionError,
    SchemaNotCurrentError,
    SettingsError,
    StoreBusyError,
    StoreFullError,
)
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment, Settings, SummarizerChoice
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app
from clinicflow_flask.problems import STATUSES, status_of
from clinicflow_flask.serving import make_app
from tests.flask.desk import SECRET, Desk, conforms, problem
from tests.postgres import as_owner


class BrokenStore(MemoryStore):
    """A store that is current when asked first, and then answers with *error*."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception = error
        self.asked = 0

    def require_current(self) -> None:
        self.asked += 1
        if self.asked > 1:
            raise self.error

    def entrance(self, _request_id):
        raise self.error


LOG_IN = {"email": "olive@example.org", "password": "correct horse battery"}


def test_the_service_is_alive_and_ready(app):
    for path in ("/health", "/health/ready"):
        response = app.test_client().get(path)

        assert (response.status_code, response.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreBusyError(), 503, "busy"),
        (SchemaNotCurrentError(None, "0001"), 503, "schema-not-current"),
        (StoreFullError(), 507, "store-full"),
    ],
)
def test_a_store_that_cannot_work_is_told(settings, error, status, code):
    app = create_app(settings, BrokenStore(error))

    response = app.test_client().post("/api/auth/login", json=LOG_IN)

    conforms(app, "POST", "/api/auth/login", response)
    assert problem(response) == (status, code)
    assert response.headers.get("Retry-After") == ("1" if status == 503 else None)


def test_a_service_whose_store_is_away_is_alive_but_not_ready(settings):
    client = create_app(settings, BrokenStore(StoreBusyError())).test_client()

    assert client.get("/health").status_code == 200
    assert problem(client.get("/health/ready")) == (503, "busy")


def test_an_error_that_nobody_foresaw_says_nothing_of_what_it_knows(settings, caplog):
    error = RuntimeError("Failing row contains (Ann, Lee, 1980-12-31)")
    client = create_app(settings, BrokenStore(error)).test_client()

    with caplog.at_level(logging.ERROR):
        response = client.post("/api/auth/login?", json=LOG_IN)

    assert problem(response) == (500, "internal-error")
    number = response.json["detail"].split()[-1].rstrip(".")
    assert number in caplog.text
    assert "RuntimeError in POST /api/auth/login" in caplog.text
    for secret in ("Ann", "1980", "olive", "battery"):
        assert secret not in caplog.text + response.text


def test_every_refusal_has_a_status():
    def leaves(cls):
        return [cls, *(leaf for sub in cls.__subclasses__() for leaf in leaves(sub))]

    for kind in STATUSES:
        for leaf in leaves(kind):
            assert 400 <= status_of(leaf) < 600
    assert issubclass(SettingsError, ClinicFlowError)


def test_the_page_for_people_asks_nothing_of_the_internet(app):
    client = app.test_client()

    page = client.get("/docs/").text

    assert "<title>ClinicFlow API</title>" in page
    assert '"validatorUrl": null' in page
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(addresses) == 6
    assert all(address.startswith("/docs/") for address in addresses)
    with client.get("/docs/swagger-ui-bundle.js") as script:
        assert script.status_code == 200
    assert client.get("/docs").status_code == 308


def test_answers_are_not_guessed_at_kept_or_told_on(desk):
    for response in (desk.get("/api/doctors"), desk.get("/api/nowhere")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://localhost:3000", True),
        ("http://localhost:9999", False),
        ("http://localhost:5173.evil.example", False),
        ("null", False),
    ],
)
def test_a_browser_may_call_from_the_front_ends_only(desk, origin, allowed):
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    preflight = desk.request("OPTIONS", "/api/appointments", headers=asked)
    answer = desk.get("/api/nowhere", headers={"Origin": origin})

    for response in (preflight, answer):
        granted = response.headers.get("Access-Control-Allow-Origin")
        assert granted == (origin if allowed else None)
        credentials = response.headers.get("Access-Control-Allow-Credentials")
        assert credentials == ("true" if allowed else None)


def test_production_does_not_start_unsafely(settings, store):
    unsafe = evolve(
        settings,
        environment=Environment.PRODUCTION,
        jwt_secret_key="change-me-in-production-at-least-32-characters",
        debug=True,
    )

    with pytest.raises(SettingsError) as refused:
        create_app(unsafe, store)

    assert [p.partition(":")[0] for p in refused.value.problems] == [
        "JWT_SECRET_KEY",
        "DEBUG",
    ]


def production(url):
    return Settings(
        environment=Environment.PRODUCTION, jwt_secret_key=SECRET, database_url=url
    )


@pytest.mark.slow
def test_production_serves_as_a_role_that_row_level_security_holds(postgres_url):
    with closing(open_store(postgres_url)) as store:
        client = create_app(production(postgres_url), store).test_client()

        response = client.get("/health/ready")

    assert response.status_code == 200


@pytest.mark.slow
def test_production_does_not_start_as_a_role_that_nothing_holds(postgres_url):
    url = as_owner(postgres_url)

    with (
        closing(open_store(url)) as store,
        pytest.raises(SettingsError, match="clinicflow db roles") as refused,
    ):
        create_app(production(url), store)

    [problem] = refused.value.problems
    assert problem.startswith("DATABASE_URL: ")


@pytest.mark.slow
def test_development_is_warned_of_a_role_that_nothing_holds(postgres_url, caplog):
    with closing(open_store(as_owner(postgres_url))) as store:
        create_app(Settings(jwt_secret_key=SECRET), store)

    assert "Production would refuse this: DATABASE_URL: " in caplog.text


@pytest.fixture
def environment(monkeypatch, tmp_path, configured_logs):
    """Set settings of the environment, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "test")
    return monkeypatch.setenv


def test_a_worker_serves_the_database_that_the_environment_names(
    environment, sqlite_url
):
    environment("DATABASE_URL", sqlite_url)

    response = make_app().test_client().get("/health/ready")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_a_worker_does_not_serve_a_database_without_a_schema(environment, tmp_path):
    environment("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")

    with pytest.raises(SchemaNotCurrentError, match="schema is empty"):
        make_app()


def test_who_lost_every_race_is_told_why_in_the_end(settings):
    error = ContentionError(StoreBusyError())
    client = create_app(settings, BrokenStore(error)).test_client()

    assert problem(client.get("/health/ready")) == (503, "busy")


def test_the_service_does_not_start_on_an_old_schema(settings):
    store = BrokenStore(SchemaNotCurrentError("0001", "0002"))
    store.asked = 1

    with pytest.raises(SchemaNotCurrentError, match="clinicflow db upgrade"):
        create_app(settings, store)


OUTSIDE = {
    "summarizer": SummarizerChoice.OPENAI,
    "openai_api_key": "a key",
    "openai_base_url": "http://127.0.0.1:9/v1",
}


@pytest.mark.parametrize(
    ("changes", "status"), [({}, 200), (OUTSIDE, 202)], ids=["by default", "outside"]
)
def test_the_settings_say_who_makes_summaries(settings, store, changes, status):
    app = create_app(evolve(settings, **changes), store)
    desk = Desk.opened(app, store, Role.OWNER, None)
    form = desk.send_form()
    desk.submit(form)

    response = desk.post(f"/api/intake/forms/{form['id']}/summary")

    assert response.status_code == status


def test_a_service_outside_that_nobody_has_a_key_for_is_not_started(settings, store):
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        create_app(evolve(settings, summarizer=SummarizerChoice.OPENAI), store)


def test_a_service_outside_needs_its_extra(settings, store, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(SettingsError, match=r"SUMMARIZER: .*clinicflow\[ai\]"):
        create_app(evolve(settings, **OUTSIDE), store)
