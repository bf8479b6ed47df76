from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import select

from clinicflow_core.entities.user import Role
from clinicflow_core.sql.store import SqlStore
from clinicflow_core.sql.tables import idempotency_keys
from clinicflow_flask.app import ROUTES
from tests.flask.desk import HEADACHES, PASSWORD, problem, wrong
from tests.sql.rows import past_the_wall

KEY = {"Idempotency-Key": "b7e1c1de-0001"}


def wanted(desk, path: str) -> tuple[str, dict[str, object], str]:
    """Return what to post to *path*: its whole, a body, and a list that shows it."""
    account = {"name": "Ada", "email": "ada@x.org", "role": "admin"}
    if path.endswith("time-off"):
        # It leaves a visit stranded, which is in the answer.
        path = path.format(doctor_id=desk.book()["doctor_id"])
        off = {"starts": "2026-03-03T08:00", "ends": "2026-03-03T12:00"}
        return path, {**off, "reason": "Away."}, path
    body = {
        "/api/appointments": desk.wish,
        "/api/appointment-series": desk.series_wish,
        "/api/doctors": lambda: {"name": "Dr. Chen"},
        "/api/intake/forms": lambda: {"patient_id": desk.patient()},
        "/api/intake/questionnaires": lambda: HEADACHES,
        "/api/patients": lambda: {"first_name": "Ann", "last_name": "Lee"},
        "/api/users": lambda: {**account, "password": PASSWORD},
        "/api/waitlist": desk.waiting_wish,
    }[path]()
    is_series = path == "/api/appointment-series"
    return path, body, "/api/appointments" if is_series else path


PATHS = sorted(route.path for route in ROUTES if route.once)


@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_is_sent_again_gets_the_first_answer(desk, path):
    path, body, shown = wanted(desk, path)
    none = desk.get(shown).json
    first = desk.post(path, body, headers=KEY)
    before = desk.get(shown).json

    again = desk.post(path, dict(reversed(body.items())), headers=KEY)

    assert (first.status_code, again.status_code) == (201, 201)
    told_once = {"link": None, "token": None} if "token" in first.json else {}
    assert again.json == {**first.json, **told_once}
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert desk.get(shown).json == before != none


def test_a_key_is_good_for_one_request_only(desk):
    desk.post("/api/doctors", {"name": "Dr. Chen"}, headers=KEY)

    for path, body in (
        ("/api/doctors", {"name": "Dr. Abel"}),
        ("/api/patients", {"first_name": "Ann", "last_name": "Lee"}),
    ):
        response = desk.post(path, body, headers=KEY)

        assert problem(response) == (422, "idempotency-key-reused")


def test_a_key_belongs_to_one_clinic_and_user(desk, open_desk):
    colleague = open_desk(Role.ADMIN, desk.signed_in.clinic)
    desks = [desk, colleague, open_desk()]
    body = {"name": "Dr. Chen"}

    answers = [d.post("/api/doctors", body, headers=KEY).json["id"] for d in desks]

    assert len(set(answers)) == 3


def test_a_refusal_uses_no_key_up(desk):
    visit = desk.book()
    wish = desk.wish(doctor_id=visit["doctor_id"])
    refused = desk.post("/api/appointments", wish, headers=KEY)
    cancel = {"cancellation_type": "other"}
    desk.post(f"/api/appointments/{visit['id']}/cancel", cancel)

    response = desk.post("/api/appointments", wish, headers=KEY)

    assert refused.status_code == 409
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "a\x7fb", "a b", "\xe9"])
def test_a_key_is_1_to_255_visible_ascii_characters(desk, key):
    response = desk.post(
        "/api/doctors",
        {"name": "Dr. Chen"},
        environ_overrides={"HTTP_IDEMPOTENCY_KEY": key},
    )

    assert wrong(response) == [("header", "/Idempotency-Key")]
    assert desk.get("/api/doctors").json["items"] == []


def test_nobody_finds_a_password_by_trying_fingerprints(desk, store):
    if not isinstance(store, SqlStore):
        return
    account = {"name": "Ada", "email": "ada@x.org", "role": "admin"}
    body = {**account, "password": PASSWORD}

    desk.post("/api/users", body, headers=KEY)

    asked = json.dumps(["POST", "/api/users", body], sort_keys=True)
    with past_the_wall(store) as connection:
        kept = connection.scalar(select(idempotency_keys.c.fingerprint))
    assert len(kept) == 64
    assert kept != hashlib.sha256(asked.encode()).hexdigest()


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/api/appointment-series", {"policy": "skip_and_report"}),
        ("/api/doctors/{doctor_id}/time-off", {"reason": "Ill."}),
        ("/api/waitlist", {"urgent": True}),
    ],
)
def test_a_key_is_good_for_one_body_only(desk, path, change):
    path, body, shown = wanted(desk, path)
    desk.post(path, body, headers=KEY)
    before = desk.get(shown).json

    response = desk.post(path, {**body, **change}, headers=KEY)

    assert problem(response) == (422, "idempotency-key-reused")
    assert desk.get(shown).json == before


def test_a_refused_series_uses_no_key_up(desk):
    visit = desk.book(date="2026-03-10")
    wish = desk.series_wish(doctor_id=visit["doctor_id"])
    refused = desk.post("/api/appointment-series", wish, headers=KEY)
    desk.cancel(visit)

    response = desk.post("/api/appointment-series", wish, headers=KEY)

    assert problem(refused) == (409, "series-conflict")
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


def test_an_answer_goes_with_the_patient_it_tells_of(desk):
    ann = {"first_name": "Ann", "last_name": "Lee"}
    patient = desk.post("/api/patients", ann, headers=KEY).json
    desk.delete(f"/api/patients/{patient['id']}")

    again = desk.post("/api/patients", ann, headers=KEY)

    assert problem(again) == (422, "idempotency-key-reused")
