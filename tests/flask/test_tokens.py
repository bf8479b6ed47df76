from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

import pytest

from clinicflow_core.entities.ids import SessionId
from clinicflow_flask import tokens
from tests.flask.desk import SECRET, problem

DAY = 24 * 60 * 60


def key(purpose: str) -> str:
    message = f"clinicflow key {purpose}".encode()
    return hmac.digest(SECRET.encode(), message, hashlib.sha256).hex()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(
    claims: object,
    secret: str = "",
    header: dict[str, object] | None = None,
    digest: str = "sha256",
) -> str:
    head = {"alg": "HS256", "typ": "JWT", **(header or {})}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = f"{encoded(json.dumps(head).encode())}.{encoded(payload)}"
    signature = hmac.digest((secret or key("access")).encode(), text.encode(), digest)
    return f"{text}.{encoded(signature)}"


@pytest.fixture
def claims(desk) -> dict[str, object]:
    """What a good token says."""
    now = int(time.time())
    return {
        "iss": "clinicflow",
        "aud": "clinicflow-api",
        "sub": str(desk.signed_in.user.id),
        "iat": now,
        "exp": now + 3600,
        "jti": str(uuid4()),
        "type": "access",
        "fresh": False,
        "clinic": str(desk.signed_in.clinic.id),
        "sid": str(desk.signed_in.session.id),
        "role": "owner",
    }


def test_a_token_made_of_these_claims_counts(desk, claims):
    assert desk.with_token(signed(claims)).get("/api/auth/me").status_code == 200


NOW = int(time.time())
CHANGED = {
    "expired": {"exp": NOW - 1, "iat": NOW - 60},
    "expires never": {"exp": None},
    "no number for an end": {"exp": "tomorrow"},
    "endless": {"exp": 2**53},
    "infinite": {"exp": float("inf")},
    "longer than tokens last": {"exp": NOW + DAY},
    "issued in the future": {"iat": NOW + DAY, "exp": NOW + DAY + 60},
    "issued never": {"iat": None},
    "not yet": {"nbf": NOW + DAY},
    "another issuer": {"iss": "clinicflow.evil"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somewhere"},
    "no audience": {"aud": None},
    "no subject": {"sub": None},
    "a number for a subject": {"sub": 7},
    "no type": {"type": None},
    "type refresh": {"type": "refresh"},
    "type Access": {"type": "Access"},
    "type id_token": {"type": "id_token"},
    "a list of types": {"type": ["access"]},
    "no id": {"jti": None},
    "a number for an id": {"jti": 7},
    "no session": {"sid": None},
    "another session": {"sid": str(uuid4())},
    "no UUID for a session": {"sid": "1 or 1=1"},
    "no clinic": {"clinic": None},
    "another clinic": {"clinic": str(uuid4())},
    "a list of clinics": {"clinic": []},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_a_token_that_is_signed_but_wrong_is_refused(desk, claims, change):
    changed = {k: v for k, v in (claims | change).items() if v is not None}

    response = desk.with_token(signed(changed)).get("/api/auth/me")

    assert problem(response) == (401, "not-signed-in")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "x", "AAAA"])
def test_a_token_without_a_signature_is_refused(desk, claims, alg, signature):
    text = signed(claims, header={"alg": alg}).rpartition(".")[0]

    response = desk.with_token(f"{text}.{signature}").get("/api/auth/me")

    assert problem(response) == (401, "not-signed-in")


FORGED = {
    "the secret itself": lambda c: signed(c, SECRET),
    "the key of refresh tokens": lambda c: signed(c, key("refresh")),
    "another key": lambda c: signed(c, "x" * 64),
    "HS512": lambda c: signed(c, header={"alg": "HS512"}, digest="sha512"),
    "HS384": lambda c: signed(c, header={"alg": "HS384"}, digest="sha384"),
    "RS256": lambda c: signed(c, header={"alg": "RS256"}),
    "a key from the header": lambda c: signed(
        c, "x", header={"jwk": {"kty": "oct", "k": "eA"}}
    ),
    "something critical": lambda c: signed(c, header={"crit": ["exp"]}),
    "changed afterwards": lambda c: signed(c).replace(".", ".e", 1),
    "a list": lambda c: signed([c]),
    "text": lambda c: signed("x"),
    "10,000 brackets": lambda c: signed(b"[" * 5_000 + b"]" * 100),
    "5,000 digits": lambda c: signed(b'{"exp":' + b"9" * 4_500 + b"}"),
    "no UTF-8": lambda c: signed(b"\xff"),
    "two parts": lambda c: signed(c).rpartition(".")[0],
    "four parts": lambda c: signed(c) + ".x",
    "encrypted": lambda c: "a.b.c.d.e",
    "a space in it": lambda c: signed(c).replace(".", ". ", 1),
    "more than 8 KiB": lambda c: signed({**c, "x": "x" * 8_000}),
    "nothing": lambda c: "",
    "garbage": lambda c: "a.b.c",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused(desk, claims, forge):
    response = desk.with_token(forge(claims)).get("/api/auth/me")

    assert problem(response) == (401, "not-signed-in")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_signs_nobody_in(desk, app):
    with app.app_context():
        refresh = tokens.issue(desk.signed_in).refresh_token

    response = desk.with_token(refresh).get("/api/auth/me")

    assert problem(response) == (401, "not-signed-in")


@pytest.mark.parametrize(
    "header",
    [
        "{0}",
        "Basic {0}",
        "Bearer",
        "Bearer ",
        "Bearer {0}, Bearer {0}",
        "Bearer {0} x",
        "JWT {0}",
        "Bearer {0}\x00",
    ],
)
def test_a_header_that_is_no_bearer_token_is_refused(desk, header):
    sent = {"HTTP_AUTHORIZATION": header.format(desk.token)}

    response = desk.get("/api/auth/me", environ_overrides=sent)

    assert problem(response) == (401, "not-signed-in")


def test_a_token_counts_in_the_header_only(app, desk):
    client = app.test_client()
    client.set_cookie("access_token_cookie", desk.token)

    for path in (f"/api/auth/me?jwt={desk.token}", "/api/auth/me"):
        assert client.get(path).status_code == 401


def test_all_refusals_of_tokens_are_the_same(desk, claims):
    wrong = ["", signed(claims, "x" * 64), signed({**claims, "sid": str(uuid4())})]

    bodies = {desk.with_token(token).get("/api/auth/me").data for token in wrong}

    assert len(bodies) == 1


def test_a_token_that_counted_expires_all_the_same(desk, claims, monkeypatch):
    signed_in = desk.with_token(signed(claims))
    assert signed_in.get("/api/auth/me").status_code == 200
    monkeypatch.setattr(tokens.time, "time", lambda: claims["exp"])

    assert problem(signed_in.get("/api/auth/me")) == (401, "not-signed-in")


def test_every_route_but_the_public_ones_needs_a_token(app, desk):
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
        "swagger_ui.show",
    }
    nobody = desk.with_token("")
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in public:
            method = rule.endpoint.partition(" ")[0]
            path = rule.rule.replace("<uuid:", "{").replace(">", "}")
            for name in rule.arguments:
                path = path.replace(f"{{{name}}}", str(SessionId(uuid4())))

            response = nobody.request(method, path, {} if method != "GET" else None)

            assert problem(response) == (401, "not-signed-in"), rule
