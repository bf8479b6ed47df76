from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clinicflow_core.desk import accounts
from clinicflow_core.entities.user import Role
from clinicflow_core.memory import MemoryStore
from clinicflow_flask import create_app, tokens
from tests.builders import Watch
from tests.flask.desk import NOW, PASSWORD, UNKNOWN, Desk, problem, wrong

NEW_PASSWORD = "quiet winter morning"
ADDRESS = "192.0.2.1"


@pytest.fixture
def refresh_token(app, desk) -> str:
    with app.app_context():
        return tokens.issue(desk.signed_in).refresh_token


@pytest.fixture
def colleague(desk, open_desk) -> Desk:
    """Another owner of the same clinic."""
    return open_desk(Role.OWNER, desk.signed_in.clinic)


def path_of(desk: Desk) -> str:
    return f"/api/users/{desk.signed_in.user.id}"


def log_in(desk: Desk, password: str = PASSWORD, email: str = "") -> Desk:
    body = {"email": email or desk.signed_in.user.email, "password": password}
    response = desk.post("/api/auth/login", body)
    assert response.status_code == 200, response.json
    return desk.with_token(response.json["access_token"])


def status(desk: Desk) -> int:
    return desk.get("/api/auth/me").status_code


# Going on


def test_a_refresh_token_buys_a_new_pair(desk, refresh_token):
    response = desk.with_token(refresh_token).post("/api/auth/refresh")

    assert response.status_code == 200
    assert response.json["user"] == desk.get("/api/auth/me").json["user"]
    assert response.json["refresh_token"] != refresh_token
    assert status(desk.with_token(response.json["access_token"])) == 200
    again = desk.with_token(response.json["refresh_token"]).post("/api/auth/refresh")
    assert again.status_code == 200


def test_a_refresh_token_that_comes_again_ends_the_session(desk, refresh_token):
    thief = desk.with_token(refresh_token)
    fresh = thief.post("/api/auth/refresh").json

    response = thief.post("/api/auth/refresh")

    assert problem(response) == (401, "not-signed-in")
    assert status(desk.with_token(fresh["access_token"])) == 401
    assert status(desk) == 401
    newest = desk.with_token(fresh["refresh_token"])
    assert problem(newest.post("/api/auth/refresh")) == (401, "not-signed-in")
    assert status(log_in(desk)) == 200


def test_refreshing_needs_no_body_and_takes_none(desk, refresh_token):
    response = desk.with_token(refresh_token).post("/api/auth/refresh", {"x": 1})

    assert wrong(response) == [("body", "/x")]
    assert desk.with_token(refresh_token).post("/api/auth/refresh").status_code == 200


# Leaving


def test_who_logs_out_is_out(desk, refresh_token):
    other = log_in(desk)

    response = desk.post("/api/auth/logout")

    assert (response.status_code, response.data) == (204, b"")
    assert status(desk) == 401
    assert problem(desk.post("/api/auth/logout")) == (401, "not-signed-in")
    left = desk.with_token(refresh_token).post("/api/auth/refresh")
    assert problem(left) == (401, "not-signed-in")
    assert status(other) == 200


# Another password


def change_password(desk: Desk, current: str = PASSWORD, new: str = NEW_PASSWORD):
    body = {"current_password": current, "new_password": new}
    return desk.post("/api/auth/password", body)


def test_a_changed_password_ends_the_sign_ins_elsewhere(desk):
    other = log_in(desk)

    response = change_password(desk)

    assert (response.status_code, response.data) == (204, b"")
    assert (status(desk), status(other)) == (200, 401)
    email = desk.signed_in.user.email
    old = desk.post("/api/auth/login", {"email": email, "password": PASSWORD})
    assert problem(old) == (401, "wrong-credentials")
    assert status(log_in(desk, NEW_PASSWORD)) == 200


def test_a_wrong_current_password_changes_nothing(desk):
    other = log_in(desk)

    response = change_password(desk, "not the password")

    assert wrong(response) == [("body", "/current_password")]
    assert "not the password" not in response.text
    assert (status(desk), status(other)) == (200, 200)
    assert status(log_in(desk)) == 200


def test_guessing_the_current_password_is_guessing(desk):
    for _ in range(5):
        assert change_password(desk, "not the password").status_code == 422

    response = change_password(desk)

    assert problem(response) == (429, "too-many-tries")
    assert response.headers["Retry-After"] == "30"
    email = desk.signed_in.user.email
    login = desk.post("/api/auth/login", {"email": email, "password": PASSWORD})
    assert problem(login) == (429, "too-many-tries")


@pytest.mark.parametrize("password", ["short", "password1234", "x" * 73])
def test_a_new_password_is_a_strong_one(desk, password):
    response = change_password(desk, new=password)

    assert wrong(response) == [("body", "/new_password")]
    assert status(log_in(desk)) == 200


# Accounts that others change


def test_an_owner_changes_an_account(desk, open_desk):
    sam = open_desk(Role.ADMIN, desk.signed_in.clinic)
    email = f"{uuid4()}@Example.org"

    response = desk.patch(path_of(sam), {"name": "Sam", "email": email})

    assert response.status_code == 200
    assert response.json.items() >= {"name": "Sam", "email": email}.items()
    assert response.json["version"] == 2
    assert desk.get(path_of(sam)).json == response.json
    assert status(sam) == 200
    assert status(log_in(sam, email=email.upper())) == 200


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_a_demotion_counts_with_the_next_request(desk, colleague, role):
    assert colleague.patch("/api/clinic", {"name": "Oak"}).status_code == 200

    assert desk.patch(path_of(colleague), {"role": role.value}).status_code == 200

    response = colleague.patch("/api/clinic", {"name": "Ash"})
    assert problem(response) == (403, "not-permitted")
    assert desk.get("/api/clinic").json["name"] == "Oak"
    assert colleague.get("/api/auth/me").json["user"]["role"] == role.value


def test_a_promotion_counts_with_the_next_request(desk, open_desk):
    sam = open_desk(Role.DOCTOR, desk.signed_in.clinic)
    assert problem(sam.get("/api/users")) == (403, "not-permitted")

    desk.patch(path_of(sam), {"role": "admin"})

    assert sam.get("/api/users").status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"status": "inactive"}, {"password": NEW_PASSWORD}],
    ids=["deactivated", "another password"],
)
def test_who_is_sent_away_is_out_with_the_next_request(desk, colleague, change):
    other = log_in(colleague)

    assert desk.patch(path_of(colleague), change).status_code == 200

    assert (status(colleague), status(other)) == (401, 401)
    desk.patch(path_of(colleague), {"status": "active"})
    assert (status(colleague), status(other)) == (401, 401)
    password = change.get("password", PASSWORD)
    assert status(log_in(desk, password, colleague.signed_in.user.email)) == 200


def test_who_is_inactive_is_told_nothing_of_it(desk, colleague):
    desk.patch(path_of(colleague), {"status": "inactive"})
    email = colleague.signed_in.user.email

    closed, unknown = (
        desk.post("/api/auth/login", {"email": each, "password": PASSWORD})
        for each in (email, "nobody@example.org")
    )

    assert problem(closed) == (401, "wrong-credentials")
    assert closed.data == unknown.data


@pytest.mark.parametrize("change", [{"role": "admin"}, {"status": "inactive"}])
def test_the_last_owner_stays(desk, open_desk, change):
    open_desk(Role.ADMIN, desk.signed_in.clinic)

    response = desk.patch(path_of(desk), change)

    assert problem(response) == (409, "last-owner")
    assert desk.get("/api/auth/me").json["user"]["role"] == "owner"


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"role": "janitor"}, ["/role"]),
        ({"status": "gone"}, ["/status"]),
        ({"email": "x", "password": "short"}, ["/email", "/password"]),
        ({"password_hash": "x", "version": 7}, ["/password_hash", "/version"]),
        ({"clinic_id": UNKNOWN, "google_id": "1"}, ["/clinic_id", "/google_id"]),
        ({"doctor_id": UNKNOWN}, ["/doctor_id"]),
        ({"name": None}, ["/name"]),
    ],
    ids=", ".join,
)
def test_what_an_account_cannot_be_is_refused_and_nothing_changes(
    desk, colleague, change, pointers
):
    before = desk.get(path_of(colleague)).json

    response = desk.patch(path_of(colleague), change)

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(path_of(colleague)).json == before
    assert status(colleague) == 200


def test_an_e_mail_is_not_taken_over(desk, colleague):
    email = colleague.signed_in.user.email.upper()

    response = desk.patch(path_of(desk), {"email": email})

    assert problem(response) == (409, "email-taken")


def test_only_an_owner_changes_accounts_even_their_own(desk, open_desk):
    for role in (Role.ADMIN, Role.DOCTOR):
        somebody = open_desk(role, desk.signed_in.clinic)

        response = somebody.patch(path_of(somebody), {"role": "owner"})

        assert problem(response) == (403, "not-permitted")


def test_an_account_of_another_clinic_is_not_there_to_change(desk, open_desk):
    other = open_desk()

    theirs = desk.patch(path_of(other), {"name": "Me"})
    nobodys = desk.patch(f"/api/users/{UNKNOWN}", {"name": "Me"})

    assert problem(theirs) == (404, "not-found")
    other_id = str(other.signed_in.user.id)
    assert theirs.text.replace(other_id, "") == nobodys.text.replace(UNKNOWN, "")
    assert other.get(path_of(other)).json["name"] == other.signed_in.user.name


def test_a_doctors_account_and_the_doctor_name_each_other(desk):
    doctor_id = desk.doctor()
    account = {"name": "Dora", "email": "dora@example.org", "password": PASSWORD}

    added = desk.post(
        "/api/users", {**account, "role": "doctor", "doctor_id": doctor_id}
    )

    assert added.json["doctor_id"] == doctor_id
    doctor = desk.get(f"/api/doctors/{doctor_id}").json
    assert doctor["user_id"] == added.json["id"]
    away = desk.patch(f"/api/users/{added.json['id']}", {"role": "admin"})
    assert (away.json["role"], away.json["doctor_id"]) == ("admin", None)


# Locked out


@pytest.fixture
def watch() -> Watch:
    return Watch(NOW)


@pytest.fixture
def clinic(settings, watch) -> Desk:
    """The desk of an owner of a clinic whose clock is set by hand."""
    store = MemoryStore(watch)
    return Desk.opened(create_app(settings, store), store, Role.OWNER, None)


def guess(desk, password="not the password", address=ADDRESS, email=""):
    return desk.post(
        "/api/auth/login",
        {"email": email or desk.signed_in.user.email, "password": password},
        environ_overrides={"REMOTE_ADDR": address},
    )


def test_the_right_password_is_not_even_looked_at_during_a_lock(clinic, monkeypatch):
    for _ in range(5):
        assert guess(clinic).status_code == 401
    hashed = []
    monkeypatch.setattr(accounts.passwords, "matches", lambda *a: hashed.append(a))

    responses = [guess(clinic, PASSWORD), guess(clinic)]

    assert hashed == []
    for response in responses:
        assert problem(response) == (429, "too-many-tries")
        assert response.headers["Retry-After"] == "30"
    assert responses[0].data == responses[1].data


def test_the_wait_grows_to_its_bound_and_then_the_owner_gets_in(clinic, watch):
    for _ in range(5):
        guess(clinic)
    waits = []
    for _ in range(8):
        waits.append(int(guess(clinic, PASSWORD).headers["Retry-After"]))
        watch.at += timedelta(seconds=waits[-1])
        assert guess(clinic).status_code == 401

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    last = int(guess(clinic, PASSWORD).headers["Retry-After"])
    watch.at += timedelta(seconds=last)
    assert guess(clinic, PASSWORD).status_code == 200
    assert guess(clinic).status_code == 401


def test_what_a_proxy_is_said_to_say_frees_nobody(clinic):
    for number in range(5):
        spoofed = {"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": "10.0.0.1"}
        clinic.post(
            "/api/auth/login",
            {"email": clinic.signed_in.user.email, "password": "no"},
            headers={**spoofed, "Forwarded": f"for=198.51.100.{number}"},
            environ_overrides={"REMOTE_ADDR": ADDRESS},
        )

    response = clinic.post(
        "/api/auth/login",
        {"email": clinic.signed_in.user.email, "password": PASSWORD},
        headers={"X-Forwarded-For": "203.0.113.9"},
        environ_overrides={"REMOTE_ADDR": ADDRESS},
    )

    assert problem(response) == (429, "too-many-tries")


def test_an_attacker_with_many_addresses_does_not_keep_the_owner_out(clinic):
    assert guess(clinic, PASSWORD).status_code == 200
    outcomes = [
        guess(clinic, address=f"198.51.{n // 250}.{n % 250}").status_code
        for n in range(100)
    ]

    assert outcomes == [401] * 20 + [429] * 80
    assert guess(clinic, PASSWORD, "203.0.113.1").status_code == 429
    assert guess(clinic, PASSWORD).status_code == 200


def test_a_thousand_tries_at_one_account_are_five(clinic):
    outcomes = [guess(clinic).status_code for _ in range(1000)]

    assert outcomes == [401] * 5 + [429] * 995


def test_one_try_at_each_of_a_thousand_accounts_is_fifty(clinic):
    outcomes = [
        guess(clinic, email=f"{number}@example.org").status_code
        for number in range(1000)
    ]

    assert outcomes == [401] * 50 + [429] * 950
    assert guess(clinic, PASSWORD).status_code == 429
    assert guess(clinic, PASSWORD, "203.0.113.1").status_code == 200


def test_known_and_unknown_accounts_are_locked_alike(clinic):
    known = [guess(clinic) for _ in range(7)]
    unknown = [guess(clinic, address="203.0.113.1", email="x@y.org") for _ in range(7)]

    assert [r.status_code for r in known] == [401] * 5 + [429] * 2
    for one, other in zip(known, unknown, strict=True):
        assert (one.status, one.data) == (other.status, other.data)
        assert dict(one.headers) == dict(other.headers)
