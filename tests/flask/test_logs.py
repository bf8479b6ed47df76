from __future__ import annotations

import json
import logging
import sys
from contextlib import closing
from io import StringIO

import pytest
from flask import request

from clinicflow_core.clock import FixedClock
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import StoreBusyError
from clinicflow_core.settings import Environment, Settings
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app, logs
from clinicflow_flask.app import ROUTES
from tests.flask import planted
from tests.flask.desk import NOW, SECRET, UNKNOWN, Desk
from tests.flask.test_app import LOG_IN, BrokenStore


@pytest.fixture
def lines(configured_logs):
    """Return what was logged since, as JSON."""
    text = StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logs.make_formatter(json=True))
    configured_logs(Settings())
    logging.getLogger().addHandler(handler)

    def read():
        read_lines = [json.loads(line) for line in text.getvalue().splitlines()]
        text.truncate(text.seek(0))
        return read_lines

    return read


def opened(url):
    settings = Settings(environment=Environment.TEST, jwt_secret_key=SECRET)
    store = open_store(url, FixedClock(NOW))
    app = create_app(settings, store)
    return store, Desk.opened(app, store, Role.OWNER, None)


def send(desk, sent):
    headers = {
        name: f"{planted.mark()} {planted.mark()}"
        for name in (
            *("Accept", "Accept-Language", "Cookie", "Forwarded"),
            *("Origin", "Referer", "User-Agent", "X-Forwarded-For", "X-Request-Id"),
        )
    }
    headers["Idempotency-Key"] = planted.mark()
    if not sent.fits:
        headers["If-Match"] = planted.mark()
    given = {"data": sent.data} if sent.data is not None else {"json": sent.body}
    if sent.content_type or sent.data is not None:
        given["content_type"] = sent.content_type or "application/json"
    return desk.with_token(sent.token or desk.token).request(
        sent.route.method,
        sent.path,
        headers=headers,
        query_string=sent.query,
        **given,
    )


def drive(app, store):
    """
    Ask for everything in many ways.

    Return the routes that did what was asked, and the secrets in paths.
    """
    done, links = set(), set()
    for route in ROUTES:
        # Each may end the sign-in of who asks, or make the last owner something else;
        # and what one left behind would make the lists of the next ones long.
        other = Desk.opened(app, store, Role.OWNER, None)
        desk = Desk.opened(app, store, Role.OWNER, other.signed_in.clinic)
        doctor, patient = desk.doctor(), desk.patient(date_of_birth=planted.BIRTH)
        people = {"doctor_id": doctor, "patient_id": patient}
        ids = {
            "doctor_id": desk.doctor(),
            "patient_id": patient,
            "appointment_id": desk.book(**people)["id"],
            "user_id": str(desk.signed_in.user.id),
        }
        if "series_id" in route.ids:
            ids["series_id"] = desk.book_series(**people, start_time="10:00")["id"]
        if "time_off_id" in route.ids:
            off = ("2026-03-04T09:00", "2026-03-04T12:00")
            ids["time_off_id"] = desk.take_time_off(ids["doctor_id"], *off)["id"]
        if "waitlist_id" in route.ids:
            ids["waitlist_id"] = desk.wait(**people)["id"]
            desk.cancel(desk.book(**people, start_time="11:00"))
        if "form_id" in route.ids or "token" in route.ids:
            ids |= intake(desk, route, patient)
            links.add(ids["token"])
        for sent in planted.requests(route, ids):
            response = send(desk, sent)

            assert response.status_code != 500, sent
            if response.status_code < 300:
                done.add(route.endpoint)
    return done, links


def intake(desk, route, patient):
    """Return the ids of a form with which *route* can do something."""
    sent = desk.send_form(patient_id=patient)
    ids = {"form_id": sent["id"], "token": sent["token"]}
    if any(step in route.path for step in ("/review", "/summary")):
        desk.submit(sent, reason=planted.mark())
    if "/summary" in route.path:
        assert desk.post(f"/api/intake/forms/{sent['id']}/summary").status_code == 200
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("url", ["sqlite_url", "postgres_url"])
def test_nothing_that_somebody_sends_is_ever_logged(request, told, url, capfd):
    store, desk = opened(request.getfixturevalue(url))

    with closing(store):
        done, links = drive(desk.app, store)
        signed_up = {
            "clinic": {"name": planted.mark()},
            "owner": {
                "name": planted.mark(),
                "email": f"{planted.mark()}@example.org",
                "password": f"{planted.mark()}-{planted.mark()}",
            },
        }
        tokens = desk.post("/api/auth/signup", signed_up).json
        del signed_up["owner"]["name"]
        assert desk.post("/api/auth/login", signed_up["owner"]).status_code == 200
        client = desk.app.test_client()
        client.open(f"/{planted.mark()}?{planted.mark()}", method="GET")
        client.open("/api/doctors", method=planted.mark().upper())
        client.get(f"/docs/{planted.mark()}")

    text = (told.getvalue() + "".join(capfd.readouterr())).lower()
    assert "insert into patients" in text
    assert "post /api/auth/signup" not in text
    assert '"route": "/api/patients/{patient_id}"' in text
    secrets = [*planted.MARKS, tokens["access_token"], tokens["refresh_token"], *links]
    assert [mark for mark in secrets if mark.lower() in text] == []
    # They were read and stored, or there was nothing to tell.
    assert done >= {
        "POST /api/auth/signup",
        "POST /api/users",
        "PATCH /api/clinic",
        "POST /api/doctors",
        "PATCH /api/doctors/{doctor_id}",
        "GET /api/patients",
        "POST /api/patients",
        "PATCH /api/patients/{patient_id}",
        "POST /api/appointments/check",
        "POST /api/appointments/{appointment_id}/cancel",
        "POST /api/doctors/{doctor_id}/time-off",
        "POST /api/appointment-series",
        "POST /api/appointment-series/{series_id}/reschedule",
        "POST /api/appointment-series/{series_id}/cancel",
        "POST /api/waitlist",
        "POST /api/waitlist/{waitlist_id}/accept",
        "POST /api/waitlist/{waitlist_id}/decline",
        "POST /api/intake/questionnaires",
        "POST /api/intake/forms",
        "POST /api/intake/forms/{form_id}/submit",
        "PATCH /api/intake/forms/{form_id}/summary",
        "POST /api/intake/forms/{form_id}/summary/sign",
        "PUT /api/intake/public/{token}",
        "POST /api/intake/public/{token}",
        "POST /api/intake/public/{token}/draft",
    }


def test_a_body_that_is_logged_would_be_found(told, settings, store):
    def gossip():
        logging.getLogger("clinicflow_flask").info("%s", request.get_data())

    app = create_app(settings, store)
    app.before_request(gossip)

    Desk.opened(app, store, Role.OWNER, None).patient(planted.mark())

    assert planted.MARK in told.getvalue()


def test_an_exception_is_told_by_its_place_and_never_by_its_text(told, settings):
    error = RuntimeError(planted.mark())
    error.__cause__ = ValueError(planted.mark())
    client = create_app(settings, BrokenStore(error)).test_client()

    response = client.post("/api/auth/login", json=LOG_IN)

    assert response.status_code == 500
    assert "Unexpected RuntimeError in POST /api/auth/login" in told.getvalue()
    assert "test_app.py" in told.getvalue()
    assert planted.MARK not in told.getvalue()


def test_an_exception_that_a_library_logs_loses_its_text(lines):
    try:
        int(planted.mark())
    except ValueError:
        logging.getLogger("some.library").exception("It failed")

    (line,) = lines()
    assert (line["event"], line["error"]) == ("It failed", "ValueError")
    assert __name__.rpartition(".")[2] in line["frames"]
    assert planted.MARK not in json.dumps(line)


def test_a_request_is_one_line_with_ids_and_no_path(desk, lines):
    doctor_id = desk.doctor()
    lines()

    desk.get(f"/api/doctors/{doctor_id}")

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert 0 <= line.pop("duration_ms") < 60_000
    assert line == {
        "level": "info",
        "logger": "clinicflow_flask.logs",
        "event": "Answered",
        "method": "GET",
        "route": "/api/doctors/{doctor_id}",
        "status": 200,
        "request_id": "the-desk",
        "clinic_id": str(desk.signed_in.clinic.id),
        "session_id": str(desk.signed_in.session.id),
        "doctor_id": doctor_id,
    }


def test_each_line_of_a_request_has_its_id(settings, lines):
    client = create_app(settings, BrokenStore(KeyError())).test_client()

    client.post("/api/auth/login", json=LOG_IN, headers={"X-Request-Id": "abc"})

    assert [line["request_id"] for line in lines()] == ["abc", "abc"]


def test_what_is_denied_is_a_warning(open_desk, settings, lines):
    doctor = open_desk(Role.DOCTOR)
    doctor.get("/api/users")
    doctor.with_token("").get("/api/users")
    doctor.post("/api/auth/login", LOG_IN)
    doctor.get(f"/api/doctors/{UNKNOWN}")
    away = create_app(settings, BrokenStore(StoreBusyError())).test_client()
    away.get("/health/ready")

    found = [(line["level"], line["status"], line["code"]) for line in lines()]

    assert found == [
        ("warning", 403, "not-permitted"),
        ("warning", 401, "not-signed-in"),
        ("warning", 401, "wrong-credentials"),
        ("info", 404, "not-found"),
        ("error", 503, "busy"),
    ]


@pytest.mark.parametrize(
    ("environment", "starts"),
    [
        (Environment.PRODUCTION, '{"event": "It rains"'),
        (Environment.DEVELOPMENT, "timestamp="),
    ],
)
def test_programs_read_the_log_in_production_and_people_elsewhere(
    configured_logs, capsys, environment, starts
):
    configured_logs(Settings(environment=environment))

    logging.getLogger("some.library").warning("It rains")
    logging.getLogger("some.library").info("It pours")

    told = capsys.readouterr().err
    assert told.startswith(starts)
    assert told.count("\n") == 1


def test_a_line_break_in_a_record_starts_no_line(configured_logs, capsys):
    for environment in Environment:
        configured_logs(Settings(environment=environment))

        logging.getLogger("some.library").warning("one\ntwo\r\nevent=three")

        assert capsys.readouterr().err.count("\n") == 1


def test_a_record_that_cannot_be_formatted_tells_no_argument(configured_logs, capsys):
    configured_logs(Settings())

    logging.getLogger("some.library").warning("%d", planted.mark())

    assert planted.MARK not in capsys.readouterr().err


def test_the_servers_own_log_of_paths_stays_off(configured_logs, capsys):
    access = logging.getLogger("granian.access")
    access.addHandler(logging.StreamHandler(sys.stderr))
    configured_logs(Settings())

    access.info("GET /%s", planted.mark())

    assert capsys.readouterr().err == ""
