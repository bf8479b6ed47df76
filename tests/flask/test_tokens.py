"""T8: no token but a good one is let in, on any route; and all refusals are one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_type_hints
from uuid import uuid4

import pytest
from attrs import evolve, frozen

from clinicflow_core.accounts.keys import Purpose
from clinicflow_core.clock import FixedClock
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import SessionId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotSignedInError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask import create_app, tokens
from clinicflow_flask.app import ROUTES
from clinicflow_flask.pages.site import PAGES
from clinicflow_flask.routes import Route
from tests.flask.desk import NOW as OPENED
from tests.flask.desk import PASSWORD, SECRET, Desk, problem
from tests.flask.planted import requests

DAY = 24 * 60 * 60
NOW = int(time.time())
NEW_PASSWORD = "quiet winter morning"
Claims = dict[str, Any]
Forge = Callable[[Claims, Purpose], str]
Headers = Collection[tuple[str, str]]

PROTECTED = [route for route in ROUTES if not route.is_public]
OTHER = {Purpose.ACCESS: Purpose.REFRESH, Purpose.REFRESH: Purpose.ACCESS}

FEW = {"POST /api/auth/refresh", "GET /api/auth/me", "POST /api/patients"}
on_a_few_routes_and_on_all = pytest.mark.parametrize(
    "routes",
    [
        pytest.param([r for r in PROTECTED if r.endpoint in FEW], id="on a few"),
        pytest.param(PROTECTED, id="on all", marks=pytest.mark.slow),
    ],
)
memory_only = pytest.mark.parametrize("store", ["memory"], indirect=True)


def key(purpose: Purpose) -> str:
    message = f"clinicflow key {purpose.value}".encode()
    return hmac.digest(SECRET.encode(), message, hashlib.sha256).hex()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(
    claims: object,
    secret: str,
    header: Mapping[str, object] | None = None,
    digest: str = "sha256",
) -> str:
    head = {"alg": "HS256", "typ": "JWT", **(header or {})}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = f"{encoded(json.dumps(head).encode())}.{encoded(payload)}"
    signature = hmac.digest(secret.encode(), text.encode(), digest)
    return f"{text}.{encoded(signature)}"


def purpose_of(route: Route) -> Purpose:
    """Return what a token must be for, to be let in there."""
    takes = get_type_hints(route.act).values()
    return Purpose.REFRESH if tokens.Refresher in takes else Purpose.ACCESS


def claims_of(desk: Desk, purpose: Purpose) -> Claims:
    """Return what a good token says."""
    session = desk.signed_in.session
    is_refresh = purpose is Purpose.REFRESH
    now = int(time.time())
    return {
        "iss": "clinicflow",
        "aud": "clinicflow-api",
        "sub": str(desk.signed_in.user.id),
        "iat": now,
        "exp": now + 3600,
        "jti": str(session.refresh_id if is_refresh else uuid4()),
        "type": purpose.value,
        "fresh": False,
        "clinic": str(session.clinic_id),
        "sid": str(session.id),
        "role": "owner",
    }


def good(claims: Claims, purpose: Purpose) -> str:
    return signed(claims, key(purpose))


@frozen
class Attacker:
    """Somebody who asks, for each protected route, what would be carried out."""

    desk: Desk
    ids: Mapping[str, str]

    def ask(self, route: Route, headers: Headers, query: str = "") -> Any:
        wanted = next(requests(route, self.ids))
        return self.desk.app.test_client().open(
            wanted.path + query,
            method=route.method,
            json=wanted.body,
            headers=[*headers, ("X-Request-Id", "the-desk")],
        )

    def is_let_in(
        self,
        make: Forge,
        routes: Collection[Route] = PROTECTED,
    ) -> list[str]:
        """Return where a token counts, having held all refusals to be one."""
        return [
            route.endpoint
            for route in routes
            if not self._is_refused(route, self.token(route, make))
        ]

    def token(self, route: Route, make: Forge = good) -> str:
        purpose = purpose_of(route)
        return make(claims_of(self.desk, purpose), purpose)

    def _is_refused(self, route: Route, token: str) -> bool:
        response = self.ask(route, [("Authorization", f"Bearer {token}")])
        if response.status_code != 401:
            return False
        assert_is_the_refusal(response)
        return True

    def snapshot(self) -> list[object]:
        lists = ("users", "doctors", "patients", "appointments", "waitlist")
        paths = [
            *(f"/api/{name}" for name in lists),
            *("/api/clinic", "/api/clinic/scheduling-policy", "/api/auth/me"),
        ]
        answers = [self.desk.get(path) for path in paths]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json for answer in answers]


def assert_is_the_refusal(response: Any) -> None:
    assert problem(response) == (401, "not-signed-in")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json == {
        "type": "urn:problem-type:clinicflow:not-signed-in",
        "title": "Unauthorized",
        "status": 401,
        "detail": str(NotSignedInError()),
        "code": "not-signed-in",
        "request_id": "the-desk",
    }


def attacker_at(desk: Desk, open_desk: Callable[..., Desk]) -> Attacker:
    colleague = open_desk(Role.ADMIN, desk.signed_in.clinic).signed_in.user
    people = {"doctor_id": desk.doctor(), "patient_id": desk.patient()}
    off = desk.take_time_off(
        people["doctor_id"], "2026-03-04T09:00", "2026-03-04T12:00"
    )
    ids = {
        "user_id": str(colleague.id),
        **people,
        "appointment_id": desk.book(**people)["id"],
        "series_id": desk.book_series(**people, start_time="10:00")["id"],
        "time_off_id": off["id"],
        "waitlist_id": desk.wait(**people)["id"],
        "duplicate_id": desk.patient("Bea", "Moss"),
        "current_password": PASSWORD,
        "new_password": NEW_PASSWORD,
    }
    return Attacker(desk, ids)


@pytest.fixture
def attacker(desk, open_desk) -> Attacker:
    return attacker_at(desk, open_desk)


@pytest.fixture(scope="module")
def forger() -> Attacker:
    """An attacker who changes nothing, so that one clinic will do for all."""
    store = MemoryStore(FixedClock(OPENED))
    app = create_app(
        Settings(environment=Environment.TEST, jwt_secret_key=SECRET), store
    )

    def open_desk(role: Role = Role.OWNER, clinic: Clinic | None = None) -> Desk:
        return Desk.opened(app, store, role, clinic)

    return attacker_at(open_desk(), open_desk)


@pytest.fixture(scope="module")
def snapshot(forger) -> list[object]:
    return forger.snapshot()


# A good one


@memory_only
@pytest.mark.parametrize("route", PROTECTED, ids=lambda route: route.endpoint)
def test_a_token_made_of_these_claims_counts(attacker, route):
    header = ("Authorization", f"Bearer {attacker.token(route)}")

    response = attacker.ask(route, [header])

    # Else what is refused would be the request, and not the token.
    assert response.status_code not in {401, 422}


@memory_only
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])
def test_the_scheme_counts_in_any_case(desk, scheme):
    sent = {"HTTP_AUTHORIZATION": f"{scheme} {desk.token}"}

    assert desk.get("/api/auth/me", environ_overrides=sent).status_code == 200


def test_what_the_service_gives_out_counts_for_its_purpose_alone(attacker, app):
    with app.app_context():
        issued = tokens.issue(attacker.desk.signed_in)
    access, refresh = issued.access_token, issued.refresh_token
    by_purpose = {Purpose.ACCESS: access, Purpose.REFRESH: refresh}

    assert attacker.is_let_in(lambda _, purpose: by_purpose[OTHER[purpose]]) == []

    assert attacker.desk.with_token(access).get("/api/auth/me").status_code == 200
    refreshed = attacker.desk.with_token(refresh).post("/api/auth/refresh")
    assert refreshed.status_code == 200


# Forged ones

CHANGED: Mapping[str, Mapping[str, object]] = {
    "expired": {"exp": NOW - 1, "iat": NOW - 60},
    "expires never": {"exp": None},
    "no number for an end": {"exp": "tomorrow"},
    "endless": {"exp": 2**53},
    "infinite": {"exp": float("inf")},
    "no number at all": {"exp": float("nan")},
    "longer than tokens last": {"exp": NOW + 31 * DAY},
    "ends before it began": {"exp": NOW - 60, "iat": NOW},
    "issued in the future": {"iat": NOW + DAY, "exp": NOW + DAY + 60},
    "issued never": {"iat": None},
    "no number for a beginning": {"iat": "yesterday"},
    "not yet": {"nbf": NOW + DAY},
    "another issuer": {"iss": "clinicflow.evil"},
    "a list of issuers": {"iss": ["clinicflow"]},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somewhere"},
    "a list of other audiences": {"aud": ["somewhere", "clinicflow"]},
    "no audience": {"aud": None},
    "no subject": {"sub": None},
    "a number for a subject": {"sub": 7},
    "no type": {"type": None},
    "type Access": {"type": "Access"},
    "type id_token": {"type": "id_token"},
    "type feed": {"type": "feed"},
    "a list of types": {"type": ["access", "refresh"]},
    "a number for a type": {"type": 1},
    "no id": {"jti": None},
    "a number for an id": {"jti": 7},
    "no UUID for an id": {"jti": "' OR 1=1 --"},
    "no session": {"sid": None},
    "a session that nobody began": {"sid": str(uuid4())},
    "no UUID for a session": {"sid": "1 or 1=1"},
    "a list of sessions": {"sid": []},
    "no clinic": {"clinic": None},
    "no UUID for a clinic": {"clinic": "1"},
    "a list of clinics": {"clinic": []},
}


def changed(change: Mapping[str, object]) -> Forge:
    def make(claims: Claims, purpose: Purpose) -> str:
        wanted = {k: v for k, v in (claims | change).items() if v is not None}
        return signed(wanted, key(purpose))

    return make


def foreign(purpose: Purpose, other: Purpose) -> Purpose:
    """Return *other*, or if that would be right, what is for the other token."""
    return OTHER[purpose] if other is purpose else other


def key_of(other: Purpose) -> Forge:
    return lambda claims, purpose: signed(claims, key(foreign(purpose, other)))


def token_for(other: Purpose) -> Forge:
    def make(claims: Claims, purpose: Purpose) -> str:
        told = foreign(purpose, other)
        return signed({**claims, "type": told.value}, key(told))

    return make


def unsigned(alg: str, signature: str) -> Forge:
    def make(claims: Claims, purpose: Purpose) -> str:
        text = signed(claims, key(purpose), {"alg": alg}).rpartition(".")[0]
        return f"{text}.{signature}"

    return make


def algorithm(alg: str, digest: str) -> Forge:
    return lambda c, p: signed(c, key(p), {"alg": alg}, digest)


NONE = ("none", "None", "NONE", "nOnE", "NonE", "none ", "", "null")

FORGED: Mapping[str, Forge] = {
    **{f"signed but {name}": changed(change) for name, change in CHANGED.items()},
    **{f"the key of {other.value}": key_of(other) for other in Purpose},
    **{f"a token for {other.value}": token_for(other) for other in Purpose},
    **{f"alg {alg!r} without": unsigned(alg, "") for alg in NONE},
    **{f"alg {alg!r} with x": unsigned(alg, "x") for alg in NONE},
    **{f"alg {alg!r} with AAAA": unsigned(alg, "AAAA") for alg in NONE},
    "no signature": unsigned("HS256", ""),
    "the type of the other": lambda c, p: signed({**c, "type": OTHER[p].value}, key(p)),
    "no alg": lambda c, p: signed(c, key(p), {"alg": None}),
    "a list of algs": lambda c, p: signed(c, key(p), {"alg": ["HS256"]}),
    "the secret itself": lambda c, _: signed(c, SECRET),
    "the bytes of the key": lambda c, p: signed(c, bytes.fromhex(key(p)).hex()[:32]),
    "an empty key": lambda c, _: signed(c, ""),
    "another key": lambda c, _: signed(c, "x" * 64),
    "HS512": algorithm("HS512", "sha512"),
    "HS384": algorithm("HS384", "sha384"),
    "hs256": algorithm("hs256", "sha256"),
    "RS256": algorithm("RS256", "sha256"),
    "PS256": algorithm("PS256", "sha256"),
    "ES256": algorithm("ES256", "sha256"),
    "EdDSA": algorithm("EdDSA", "sha512"),
    "a key from the header": lambda c, _: signed(
        c, "x", {"jwk": {"kty": "oct", "k": "eA"}}
    ),
    "the address of a key": lambda c, _: signed(
        c, "x", {"jku": "http://192.0.2.1/keys", "kid": "x"}
    ),
    "a file for a key": lambda c, _: signed(c, "", {"kid": "../../../dev/null"}),
    "something critical": lambda c, p: signed(c, key(p), {"crit": ["exp"]}),
    "not encoded": lambda c, p: signed(c, key(p), {"b64": False, "crit": ["b64"]}),
    "changed afterwards": lambda c, p: good(c, p).replace(".", ".e", 1),
    "cut by one letter": lambda c, p: good(c, p)[:-1],
    "a list": lambda c, p: signed([c], key(p)),
    "text": lambda _, p: signed("x", key(p)),
    "nothing signed": lambda _, p: signed(b"", key(p)),
    "null": lambda _, p: signed(None, key(p)),
    "10,000 brackets": lambda _, p: signed(b"[" * 5_000 + b"]" * 100, key(p)),
    "5,000 digits": lambda _, p: signed(b'{"exp":' + b"9" * 4_500 + b"}", key(p)),
    "no UTF-8": lambda _, p: signed(b"\xff", key(p)),
    "two parts": lambda c, p: good(c, p).rpartition(".")[0],
    "four parts": lambda c, p: good(c, p) + ".x",
    "encrypted": lambda *_: "a.b.c.d.e",
    "a space in it": lambda c, p: good(c, p).replace(".", ". ", 1),
    "padded": lambda c, p: good(c, p) + "=",
    "more than 8 KiB": lambda c, p: signed({**c, "x": "x" * 8_000}, key(p)),
    "a megabyte": lambda c, p: signed({**c, "x": "x" * 2**20}, key(p)),
    "nothing": lambda *_: "",
    "garbage": lambda *_: "a.b.c",
    "dots": lambda *_: "..",
}


@on_a_few_routes_and_on_all
@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused_everywhere_and_nothing_is_done(
    forger, snapshot, forge, routes
):
    assert forger.is_let_in(forge, routes) == []

    assert forger.snapshot() == snapshot


@memory_only
@pytest.mark.parametrize("claim", ["clinic", "sid"], ids=["the clinic", "the session"])
def test_a_session_counts_in_its_own_clinic_alone(attacker, open_desk, claim):
    theirs = claims_of(open_desk(), Purpose.ACCESS)[claim]
    routes = [route for route in PROTECTED if purpose_of(route) is Purpose.ACCESS]

    assert attacker.is_let_in(changed({claim: theirs}), routes) == []


# What is no bearer token

HEADERS = {
    "the token alone": "{0}",
    "basic": "Basic {0}",
    "a password": "Basic b2xpdmVAZXhhbXBsZS5vcmc6Y29ycmVjdCBob3JzZQ==",
    "digest": "Digest {0}",
    "the scheme alone": "Bearer",
    "no token": "Bearer ",
    "two tokens": "Bearer {0} {0}",
    "two values": "Bearer {0}, Bearer {0}",
    "two values, none between": "Bearer {0},Bearer {0}",
    "something behind it": "Bearer {0} x",
    "another word": "JWT {0}",
    "the name of the token": "Bearer access_token={0}",
    "in quotes": 'Bearer "{0}"',
    "a tab": "Bearer\t{0}",
    "no space": "Bearer{0}",
    "a space before": " Bearer {0}",
    "a space behind": "Bearer {0} ",
    "a NUL": "Bearer {0}\x00",
    "letters beyond ASCII": "Bearer {0}\xe9",
    "a letter like another": "\xa0Bearer {0}",
    "nothing": "",
}


@on_a_few_routes_and_on_all
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_is_no_bearer_token_is_refused_everywhere(forger, header, routes):
    for route in routes:
        sent = header.format(forger.token(route))

        assert_is_the_refusal(forger.ask(route, [("Authorization", sent)]))


@pytest.mark.parametrize(
    "sent", [["{0}", "{0}"], ["x", "{0}"], ["{0}", "x"]], ids=" ".join
)
def test_a_request_has_one_header_authorization(forger, sent):
    for route in PROTECTED:
        token = forger.token(route)
        headers = [("Authorization", f"Bearer {each.format(token)}") for each in sent]

        assert_is_the_refusal(forger.ask(route, headers))


@pytest.mark.parametrize("name", ["jwt", "token", "access_token", "Authorization"])
def test_a_token_counts_in_its_header_alone(forger, name):
    for route in PROTECTED:
        token = forger.token(route)
        cookies = (name, "access_token_cookie", "refresh_token_cookie", "session")
        headers = [
            ("Cookie", "; ".join(f"{cookie}={token}" for cookie in cookies)),
            ("X-Authorization", f"Bearer {token}"),
            ("Proxy-Authorization", f"Bearer {token}"),
        ]

        assert_is_the_refusal(forger.ask(route, headers, f"?{name}={token}"))


# What counted once


def sign_out(attacker: Attacker, _: Attacker) -> None:
    assert attacker.desk.post("/api/auth/logout").status_code == 204


def spend_twice(attacker: Attacker, _: Attacker) -> None:
    token = good(claims_of(attacker.desk, Purpose.REFRESH), Purpose.REFRESH)
    thief = attacker.desk.with_token(token)
    assert thief.post("/api/auth/refresh").status_code == 200
    assert thief.post("/api/auth/refresh").status_code == 401


def change_password_elsewhere(attacker: Attacker, _: Attacker) -> None:
    desk = attacker.desk
    email = desk.signed_in.user.email
    elsewhere = desk.post("/api/auth/login", {"email": email, "password": PASSWORD})
    response = desk.with_token(elsewhere.json["access_token"]).post(
        "/api/auth/password",
        {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    )
    assert response.status_code == 204


def reset_password(attacker: Attacker, owner: Attacker) -> None:
    user_id = attacker.desk.signed_in.user.id
    response = owner.desk.patch(f"/api/users/{user_id}", {"password": NEW_PASSWORD})
    assert response.status_code == 200


def deactivate(attacker: Attacker, owner: Attacker) -> None:
    user_id = attacker.desk.signed_in.user.id
    response = owner.desk.patch(f"/api/users/{user_id}", {"status": "inactive"})
    assert response.status_code == 200


def deactivate_and_back(attacker: Attacker, owner: Attacker) -> None:
    deactivate(attacker, owner)
    user_id = attacker.desk.signed_in.user.id
    response = owner.desk.patch(f"/api/users/{user_id}", {"status": "active"})
    assert response.status_code == 200


ENDINGS = {
    "signed out": sign_out,
    "its family ended": spend_twice,
    "password changed elsewhere": change_password_elsewhere,
    "password reset": reset_password,
    "deactivated": deactivate,
    "deactivated and active again": deactivate_and_back,
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_token_whose_session_ended_counts_nowhere_from_the_next_request_on(
    attacker, open_desk, end
):
    clinic = attacker.desk.signed_in.clinic
    owner = evolve(attacker, desk=open_desk(Role.OWNER, clinic))
    assert attacker.desk.get("/api/auth/me").status_code == 200

    end(attacker, owner)

    before = owner.snapshot()
    assert attacker.is_let_in(good) == []
    assert owner.snapshot() == before


def test_a_token_outlives_no_session(attacker, store):
    signed_in = attacker.desk.signed_in
    over = evolve(signed_in.session, id=SessionId(uuid4()), expires_at=OPENED)
    with store.entrance() as entrance:
        entrance.add_session(over)
        entrance.commit()

    assert attacker.is_let_in(changed({"sid": str(over.id)})) == []


def test_a_token_that_counted_expires_all_the_same(desk, monkeypatch):
    claims = claims_of(desk, Purpose.ACCESS)
    signed_in = desk.with_token(good(claims, Purpose.ACCESS))
    assert signed_in.get("/api/auth/me").status_code == 200
    monkeypatch.setattr(tokens.time, "time", lambda: claims["exp"])

    assert_is_the_refusal(signed_in.get("/api/auth/me"))


# Which routes these are


def test_every_route_but_the_public_ones_needs_a_token(app):
    public = {
        "GET /health",
        "GET /health/ready",
        "GET /openapi.json",
        "POST /api/auth/signup",
        "POST /api/auth/login",
        "GET /api/auth/google",
        "GET /api/auth/google/callback",
        "POST /api/auth/google/signup",
        "POST /api/auth/google/link",
        "GET /api/intake/public/{token}",
        "PUT /api/intake/public/{token}",
        "POST /api/intake/public/{token}",
        "POST /api/intake/public/{token}/draft",
        "swagger_ui.show",
    }

    # The pages heed a cookie: see tests/flask/pages/test_every_page.py.
    for_people = {page.endpoint for page in PAGES} | {"pages.GET /static/{name}"}
    served = {rule.endpoint for rule in app.url_map.iter_rules()}
    protected = served - public - for_people

    assert protected == {route.endpoint for route in PROTECTED}


# Without the guards


def accepted(attacker: Attacker) -> set[str]:
    """Return the forged tokens that let somebody read the accounts."""
    [users] = [route for route in PROTECTED if route.endpoint == "GET /api/users"]
    return {
        name for name, forge in FORGED.items() if attacker.is_let_in(forge, [users])
    }


@memory_only
def test_without_the_check_of_the_type_a_refresh_token_is_a_sign_in(
    attacker, monkeypatch
):
    checked = tokens._claims

    def whatever_type(token: str, _: Purpose) -> Claims:
        try:
            return checked(token, Purpose.ACCESS)
        except NotSignedInError:
            return checked(token, Purpose.REFRESH)

    assert accepted(attacker) == set()
    attacker.desk.app.extensions["clinicflow-tokens"].cache_clear()
    monkeypatch.setattr(tokens, "_claims", whatever_type)

    assert {"a token for access", "a token for refresh"} <= accepted(attacker)


@memory_only
def test_without_a_key_for_each_purpose_a_calendar_feed_is_a_sign_in(
    attacker, settings, store, monkeypatch
):
    one_key = bytes.fromhex(key(Purpose.FEED))
    monkeypatch.setattr(tokens, "key_for", lambda *_: one_key)
    careless = create_app(settings, store)

    let_in = accepted(evolve(attacker, desk=evolve(attacker.desk, app=careless)))

    assert let_in == {"the key of feed"}
