from __future__ import annotations

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import PASSWORD, UNKNOWN, conforms, problem, wrong

SIGN_UP = {
    "clinic": {"name": "Elm", "timezone": "Europe/Vienna", "phone": "555 0100"},
    "owner": {"name": "Olive", "email": "olive@example.org", "password": PASSWORD},
}
LOG_IN = {"email": "Olive@Example.org", "password": PASSWORD}


@pytest.fixture
def visitor(app):
    """Somebody who is not signed in."""
    client = app.test_client()

    def post(path, body):
        response = client.post(path, json=body)
        conforms(app, "POST", path, response)
        return response

    return post


def test_who_signs_up_is_signed_in_at_once(visitor, desk):
    response = visitor("/api/auth/signup", SIGN_UP)

    assert response.status_code == 201
    assert response.json["token_type"] == "bearer"
    assert response.json["expires_in"] == 8 * 60 * 60
    assert response.json["clinic"]["clinic_metadata"] == {"phone": "555 0100"}
    me = desk.with_token(response.json["access_token"]).get("/api/auth/me").json
    assert me["user"] == response.json["user"]
    assert me["clinic"] == response.json["clinic"]
    assert "manage accounts" in me["permissions"]


def test_an_account_signs_in_again_whatever_the_case_of_its_e_mail(visitor, desk):
    visitor("/api/auth/signup", SIGN_UP)

    response = visitor("/api/auth/login", LOG_IN)

    assert response.status_code == 200
    signed_in = desk.with_token(response.json["access_token"])
    assert signed_in.get("/api/auth/me").json["user"] == response.json["user"]


@pytest.mark.parametrize("wrong_one", [{"email": "no@x.org"}, {"password": "guessed"}])
def test_wrong_credentials_are_all_the_same(visitor, wrong_one):
    visitor("/api/auth/signup", SIGN_UP)

    response = visitor("/api/auth/login", {**LOG_IN, **wrong_one})

    assert problem(response) == (401, "wrong-credentials")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_an_e_mail_signs_up_once(visitor):
    visitor("/api/auth/signup", SIGN_UP)

    assert problem(visitor("/api/auth/signup", SIGN_UP)) == (409, "email-taken")


def test_all_that_is_wrong_with_a_sign_up_is_said_at_once(visitor):
    response = visitor(
        "/api/auth/signup",
        {
            "clinic": {"name": " ", "timezone": "Mars/Olympus", "status": "gold"},
            "owner": {"name": "Olive", "email": "olive", "password": "short"},
        },
    )

    assert wrong(response) == [
        ("body", "/clinic/name"),
        ("body", "/clinic/status"),
        ("body", "/clinic/timezone"),
        ("body", "/owner/email"),
        ("body", "/owner/password"),
    ]
    assert "short" not in response.text


def test_no_answer_shows_a_password_or_its_hash(visitor):
    answers = [visitor("/api/auth/signup", SIGN_UP), visitor("/api/auth/login", LOG_IN)]

    for answer in answers:
        assert "hash" not in answer.text
        assert PASSWORD not in answer.text


def test_an_account_is_opened(desk):
    account = {"name": "Dora", "email": "dora@example.org", "role": "doctor"}
    doctor_id = desk.doctor()

    response = desk.post(
        "/api/users", {**account, "doctor_id": doctor_id, "password": PASSWORD}
    )

    assert response.status_code == 201
    assert response.json.items() >= {**account, "doctor_id": doctor_id}.items()
    assert desk.get(f"/api/users/{response.json['id']}").json == response.json


def test_accounts_are_listed_by_name(desk, open_desk):
    open_desk(Role.ADMIN, desk.signed_in.clinic)

    items = desk.get("/api/users").json["items"]

    assert sorted(user["role"] for user in items) == ["admin", "owner"]


def test_an_account_of_another_clinic_is_not_there(desk, open_desk):
    other = str(open_desk().signed_in.user.id)

    theirs, nobodys = desk.get(f"/api/users/{other}"), desk.get(f"/api/users/{UNKNOWN}")

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")


def test_a_doctor_manages_no_accounts(open_desk):
    doctor = open_desk(Role.DOCTOR)

    assert problem(doctor.get("/api/users")) == (403, "not-permitted")
    assert "manage accounts" not in doctor.get("/api/auth/me").json["permissions"]


def test_the_clinic_is_shown_and_changed(desk):
    response = desk.patch("/api/clinic", {"timezone": "Asia/Tokyo"})

    assert response.status_code == 200
    assert response.json["timezone"] == "Asia/Tokyo"
    assert response.json["name"] == "Elm"
    assert desk.get("/api/clinic").json == response.json


def test_only_an_owner_changes_the_clinic(open_desk):
    response = open_desk(Role.ADMIN).patch("/api/clinic", {"name": "Oak"})

    assert problem(response) == (403, "not-permitted")
