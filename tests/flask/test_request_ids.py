from __future__ import annotations

import re
from uuid import UUID

import pytest

from clinicflow_core.ports import Store
from clinicflow_flask import create_app
from clinicflow_flask.request_ids import request_id
from tests.flask.desk import Desk
from tests.flask.test_app import LOG_IN, BrokenStore


@pytest.mark.parametrize("path", ["/health", "/api/nowhere", "/docs/", "/api/doctors"])
def test_every_answer_names_its_request(app, path):
    client = app.test_client()

    ids = {client.get(path).headers["X-Request-Id"] for _ in range(2)}

    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", found) for found in ids)


@pytest.mark.parametrize("sent", ["a", "A-1_b.2", "x" * 64])
def test_a_client_may_name_its_request(app, sent):
    response = app.test_client().get("/health", headers={"X-Request-Id": sent})

    assert response.headers.getlist("X-Request-Id") == [sent]


@pytest.mark.parametrize(
    "sent", ["", "x" * 65, "a b", "a,b", "ä", "a\tb", "a%0ab", "<b>", "٣", "a\n", "a\0"]
)
def test_an_odd_name_is_not_taken(app, sent):
    environ = {"HTTP_X_REQUEST_ID": sent}

    response = app.test_client().get("/health", environ_overrides=environ)

    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-Id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/nowhere"), ("BREW", "/health"), ("GET", "/api/users")],
)
def test_a_problem_names_its_request(app, method, path):
    response = app.test_client().open(path, method=method)

    assert response.json["request_id"] == response.headers["X-Request-Id"]


def test_what_nobody_foresaw_names_its_request(settings):
    client = create_app(settings, BrokenStore(KeyError())).test_client()

    response = client.post("/api/auth/login", json=LOG_IN)

    assert response.json["request_id"] == response.headers["X-Request-Id"]
    assert response.json["request_id"] in response.json["detail"]


def test_problems_of_one_name_can_be_compared(desk):
    named = {"X-Request-Id": "one"}

    bodies = {desk.get("/api/nowhere", headers=named).data for _ in range(2)}

    assert len(bodies) == 1


def test_whoever_works_on_a_request_is_told_its_name(app):
    with app.test_request_context(headers={"X-Request-Id": "abc"}):
        assert request_id() == "abc"
    with app.test_request_context():
        assert request_id() == request_id()


def test_the_trail_names_the_request(desk: Desk, store: Store) -> None:
    sent = {"X-Request-Id": "from-the-front-desk.7"}
    patient = {"first_name": "Ann", "last_name": "Lee"}

    answer = desk.post("/api/patients", patient, headers=sent)

    clinic_id, session_id = desk.signed_in.clinic.id, desk.signed_in.session.id
    with store.unit_of_work(clinic_id, session_id) as uow:
        [event] = uow.events.of(UUID(answer.json["id"]))
    assert event.request_id == "from-the-front-desk.7"
