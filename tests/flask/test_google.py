from __future__ import annotations

import copy
import hashlib
import hmac
import json
import logging
import time
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import itsdangerous
import pytest
from attrs import evolve
from authlib.oidc.core import CodeIDToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask import current_app, redirect
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from clinicflow_core.accounts.google import Identity
from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.clock import FixedClock
from clinicflow_core.entities.user import UserStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment
from clinicflow_flask import create_app, google, offers, openid
from clinicflow_flask.offers import Kind, Seals
from clinicflow_flask.openid import Departure
from tests.builders import clinic as a_clinic
from tests.builders import user
from tests.flask.desk import NOW, PASSWORD, SECRET, problem, wrong
from tests.flask.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    LEFT_OUT,
    PERSON,
    REDIRECT_URI,
    SUBJECT,
    Browser,
    seconds_from_now,
    served,
    text,
)

SIGN_UP, LINK = "/api/auth/google/signup", "/api/auth/google/link"
CLINIC = {
    "name": "Elm",
    "timezone": "Europe/Vienna",
    "clinic_type": "dental",
    "clinic_size": "2-5",
    "phone": "555 0100",
}
FAILED = (401, "google-sign-in-failed")
REFUSED = (409, "google-refused")
AWAY = (503, "google-unavailable")


@pytest.fixture(scope="module")
def afresh():
    with served() as afresh:
        yield afresh


@pytest.fixture
def provider(afresh, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return afresh()


@pytest.fixture
def settings(settings, provider):
    return evolve(
        settings,
        google_client_id=CLIENT_ID,
        google_client_secret=CLIENT_SECRET,
        google_redirect_uri=REDIRECT_URI,
        google_issuer=provider.url,
    )


@pytest.fixture
def browser(app):
    return Browser(app)


@pytest.fixture
def memory():
    """A store in memory, for what does not depend on the store."""
    return MemoryStore(FixedClock(NOW))


@pytest.fixture
def visitor(settings, memory):
    """A browser before a service in memory."""
    return Browser(create_app(settings, memory))


def account(store, **fields):
    """Open an account that has the person's e-mail; return it."""
    opened = a_clinic()
    added = user(opened.id, PERSON["email"].lower(), **fields)
    with store.entrance() as entrance:
        entrance.add_clinic(opened)
        entrance.add_user(added)
        entrance.commit()
    return added


def kept(store):
    """Return all that *store* holds, but for the tries that it counts."""
    return copy.deepcopy(
        {
            table: rows
            for table, rows in store._committed.items()
            if rows and table[0] != "tries"
        }
    )


def told(refusal):
    """Return what *refusal* says, but for the number of its request."""
    return {name: said for name, said in refusal.json.items() if name != "request_id"}


def me(browser, answer):
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    return browser.client.get("/api/auth/me", headers=headers).json


def events(store, of):
    session = next(iter(store._committed["sessions", None].values()))
    with store.unit_of_work(of.clinic_id, session.id) as uow:
        return [(e.kind, e.actor, dict(e.facts)) for e in uow.events.of(of.id)]


# Going there


def test_the_browser_is_sent_to_google_with_all_that_binds_it(browser, provider):
    url = urlsplit(browser.departs())

    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/authorize"
    asked = parse_qs(url.query)
    assert asked["redirect_uri"] == [REDIRECT_URI]
    assert asked["code_challenge_method"] == ["S256"]
    assert len({*asked["state"], *asked["nonce"], *asked["code_challenge"]}) == 3
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce"))
    cookie = browser.cookie
    assert (cookie.http_only, cookie.same_site, cookie.max_age, cookie.secure) == (
        True,
        "Lax",
        600,
        False,
    )


def test_no_two_departures_are_alike(visitor):
    first, second = (parse_qs(urlsplit(visitor.departs()).query) for _ in range(2))

    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


def test_in_production_the_cookie_goes_over_https_alone(settings, memory):
    settings = evolve(settings, environment=Environment.PRODUCTION)
    browser = Browser(create_app(settings, memory))

    response = browser.client.get("/api/auth/google")

    [cookie] = response.headers.getlist("Set-Cookie")
    assert {"Secure", "HttpOnly", "Path=/api/auth/google", "SameSite=Lax"} <= set(
        cookie.split("; ")
    )


@pytest.mark.parametrize("missing", ["google_client_id", "google_client_secret"])
def test_without_its_settings_google_is_not_configured(settings, memory, missing):
    app = create_app(evolve(settings, **{missing: None}), memory)
    browser = Browser(app)

    answers = [
        browser.get("/api/auth/google"),
        browser.get("/api/auth/google/callback", code="c", state="s"),
        browser.post(SIGN_UP, {"signup_token": "t", "clinic": CLINIC}),
        browser.post(LINK, {"link_token": "t", "password": PASSWORD}),
    ]

    for answer in answers:
        assert problem(answer) == (503, "not-configured")
        assert missing.upper() in answer.json["detail"]


# Coming back


def test_who_has_no_account_founds_a_clinic(browser, provider):
    offer = browser.signs_in()

    assert offer.status_code == 200
    assert set(offer.json) == {"signup_token", "expires_in", "name", "email"}
    assert offer.json["expires_in"] == 600
    assert (offer.json["name"], offer.json["email"]) == (
        PERSON["name"],
        PERSON["email"],
    )
    body = {"signup_token": offer.json["signup_token"], "clinic": CLINIC}
    answer = browser.post(SIGN_UP, body)
    assert answer.status_code == 201
    clinic, owner = answer.json["clinic"], answer.json["user"]
    assert (clinic["name"], clinic["timezone"]) == ("Elm", "Europe/Vienna")
    assert (clinic["clinic_type"], clinic["clinic_size"]) == ("dental", "2-5")
    assert clinic["clinic_metadata"] == {"phone": "555 0100"}
    assert (owner["email"], owner["name"]) == (PERSON["email"], PERSON["name"])
    assert owner["role"] == "owner"
    assert me(browser, answer)["user"] == owner


def test_who_has_signed_up_with_google_signs_in_with_it(browser, store, provider):
    token = browser.signs_in().json["signup_token"]
    owner = browser.post(SIGN_UP, {"signup_token": token, "clinic": CLINIC}).json
    provider.claims = {"email": "new@example.org", "email_verified": False}

    answer = browser.signs_in()

    assert answer.status_code == 200
    assert answer.json["user"] == owner["user"]
    assert me(browser, answer)["clinic"] == owner["clinic"]
    with store.entrance() as entrance:
        found = entrance.hold_google_user(f"{provider.url}#{SUBJECT}")
    assert str(found.id) == owner["user"]["id"]
    assert found.password_hash is None


def test_an_account_is_linked_by_its_password_alone(browser, store, provider):
    existing = account(store)

    refused = browser.signs_in()

    assert problem(refused) == (409, "google-link-needed")
    assert refused.json["expires_in"] == 600
    link = {"link_token": refused.json["link_token"], "password": PASSWORD}
    answer = browser.post(LINK, link)
    assert answer.status_code == 200
    assert answer.json["user"]["id"] == str(existing.id)
    again = browser.signs_in()
    assert again.json["user"]["id"] == str(existing.id)
    assert me(browser, again)["user"] == again.json["user"]


def test_a_link_and_each_sign_in_are_in_the_trail(visitor, memory):
    existing = account(memory)
    token = visitor.signs_in().json["link_token"]

    visitor.post(LINK, {"link_token": token, "password": PASSWORD})
    visitor.signs_in()

    assert events(memory, existing) == [
        ("user.google-linked", "entrance", {}),
        ("user.signed-in", "entrance", {}),
        ("user.signed-in", "entrance", {"by": "google"}),
    ]


def test_a_wrong_password_links_nothing(visitor, memory):
    account(memory)
    token = visitor.signs_in().json["link_token"]
    before = kept(memory)

    answer = visitor.post(LINK, {"link_token": token, "password": PASSWORD + "!"})

    assert problem(answer) == (401, "wrong-credentials")
    assert kept(memory) == before


def test_wrong_passwords_lock_linking_and_login_alike(visitor, memory):
    account(memory)
    token = visitor.signs_in().json["link_token"]
    wrong_link = {"link_token": token, "password": PASSWORD + "!"}

    statuses = [visitor.post(LINK, wrong_link).status_code for _ in range(20)]

    assert set(statuses) == {401, 429}
    locked = visitor.post(LINK, {"link_token": token, "password": PASSWORD})
    assert problem(locked) == (429, "too-many-tries")
    assert int(locked.headers["Retry-After"]) > 0
    login = {"email": PERSON["email"], "password": PASSWORD}
    assert visitor.post("/api/auth/login", login).status_code == 429


def test_linking_twice_links_once(visitor, memory):
    existing = account(memory)
    token = visitor.signs_in().json["link_token"]

    for _ in range(2):
        link = {"link_token": token, "password": PASSWORD}
        assert visitor.post(LINK, link).status_code == 200

    assert [kind for kind, *_ in events(memory, existing)].count(
        "user.google-linked"
    ) == 1


def test_a_sign_up_token_founds_one_clinic(visitor, memory):
    token = visitor.signs_in().json["signup_token"]
    body = {"signup_token": token, "clinic": CLINIC}
    visitor.post(SIGN_UP, body)
    before = kept(memory)

    assert problem(visitor.post(SIGN_UP, body)) == (409, "google-taken")
    assert kept(memory) == before


def test_an_e_mail_that_was_taken_meanwhile_founds_nothing(visitor, memory):
    token = visitor.signs_in().json["signup_token"]
    account(memory)
    before = kept(memory)

    answer = visitor.post(SIGN_UP, {"signup_token": token, "clinic": CLINIC})

    assert problem(answer) == (409, "email-taken")
    assert kept(memory) == before


def test_a_closed_account_is_refused_as_a_wrong_password_is(visitor, memory, provider):
    account(
        memory,
        google_id=f"{provider.url}#{SUBJECT}",
        status=UserStatus.INACTIVE,
    )
    before = kept(memory)

    answer = visitor.signs_in()

    login = {"email": PERSON["email"], "password": PASSWORD + "!"}
    assert told(answer) == told(visitor.post("/api/auth/login", login))
    assert problem(answer) == (401, "wrong-credentials")
    assert kept(memory) == before


def test_a_closed_account_is_not_linked(visitor, memory):
    account(memory, status=UserStatus.INACTIVE)
    token = visitor.signs_in().json["link_token"]
    before = kept(memory)

    answer = visitor.post(LINK, {"link_token": token, "password": PASSWORD})

    assert problem(answer) == (401, "wrong-credentials")
    assert kept(memory) == before


# Who else might come


@pytest.mark.parametrize("has_account", [True, False], ids=["account", "none"])
@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email_verified": LEFT_OUT},
        {"email": LEFT_OUT},
        {"email": ["gwen.quill@example.org"]},
        {"email": "gwen"},
    ],
    ids=str,
)
def test_an_e_mail_that_google_has_not_verified_is_worth_nothing(
    visitor, memory, provider, claims, has_account
):
    if has_account:
        account(memory)
    before = kept(memory)
    provider.claims = claims

    answer = visitor.signs_in()

    assert problem(answer) == REFUSED
    assert kept(memory) == before


def test_the_e_mail_of_another_google_account_opens_nothing_and_tells_nothing(
    visitor, memory, provider
):
    account(memory, google_id=f"{provider.url}#another")
    before = kept(memory)

    answer = visitor.signs_in()

    assert problem(answer) == REFUSED
    assert kept(memory) == before
    provider.claims = {"email": f"{uuid4()}@example.org", "email_verified": False}
    assert told(visitor.signs_in()) == told(answer)


def test_an_account_that_was_linked_meanwhile_is_not_linked_to_another(
    visitor, memory, provider
):
    account(memory)
    first = visitor.signs_in().json["link_token"]
    provider.claims = {"sub": "another"}
    second = visitor.signs_in().json["link_token"]
    visitor.post(LINK, {"link_token": first, "password": PASSWORD})
    before = kept(memory)

    answer = visitor.post(LINK, {"link_token": second, "password": PASSWORD})

    assert problem(answer) == REFUSED
    assert kept(memory) == before


# Forged ways back


def test_a_forged_state_is_refused(visitor, memory, provider):
    query = visitor.signs_in_there()

    answer = visitor.comes_back({**query, "state": query["state"][:-1] + "~"})

    assert problem(answer) == FAILED
    assert kept(memory) == {}
    assert "token" not in provider.asked


def test_a_code_that_was_given_to_another_browser_is_refused(visitor, memory, provider):
    attackers = Browser(visitor.app).signs_in_there()
    visitor.departs()

    answer = visitor.comes_back(attackers)

    assert problem(answer) == FAILED
    assert kept(memory) == {}
    assert "token" not in provider.asked


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "control"])
def test_the_state_is_what_keeps_another_code_out(visitor, monkeypatch, checked):
    # PKCE and the nonce keep it out as well; here the attacker has got at both.
    visitors = visitor.signs_in_there()
    if not checked:
        monkeypatch.setattr(google.hmac, "compare_digest", lambda *_: True)

    answer = visitor.comes_back({**visitors, "state": "forged"})

    assert answer.status_code == (401 if checked else 200)


def test_a_browser_without_the_cookie_is_refused(visitor, memory, provider):
    query = visitor.signs_in_there()

    answer = Browser(visitor.app).comes_back(query)

    assert problem(answer) == FAILED
    assert kept(memory) == {}
    assert "token" not in provider.asked


def sealed_by(secret, departure, kind=Kind.DEPARTURE):
    return Seals(secret).seal(kind, departure)


@pytest.mark.parametrize(
    "forge",
    [
        lambda departure: "",
        lambda departure: "forged",
        lambda departure: sealed_by("another secret of thirty-two letters", departure),
        lambda departure: sealed_by(SECRET, departure, Kind.SIGN_UP),
        lambda departure: sealed_by(SECRET, departure, Kind.LINK),
        lambda departure: sealed_by(SECRET, departure)[:-1],
        lambda departure: sealed_by(SECRET, departure).replace(".", "..", 1),
        lambda departure: "\u00e9" * 20,
    ],
    ids=["empty", "no seal", "secret", "sign-up", "link", "cut", "dots", "accents"],
)
def test_a_forged_cookie_is_refused(visitor, memory, forge):
    departure = Departure(state="s" * 43, nonce="n" * 43, verifier="v" * 64)
    visitor.client.set_cookie(google.COOKIE, forge(departure), path="/api/auth/google")

    answer = visitor.comes_back({"code": "c", "state": departure.state})

    assert problem(answer) == FAILED
    assert kept(memory) == {}


def test_the_cookie_counts_once(visitor):
    query = visitor.signs_in_there()
    visitor.comes_back(query)

    assert visitor.cookie is None
    assert problem(visitor.comes_back(query)) == FAILED


def test_a_way_back_that_fails_takes_the_cookie_too(visitor):
    visitor.departs()

    visitor.comes_back({"code": "c", "state": "forged"})

    assert visitor.cookie is None


def test_a_code_counts_once(visitor, memory, provider):
    query = visitor.signs_in_there()
    cookie = visitor.cookie
    visitor.comes_back(query)
    visitor.client.set_cookie(google.COOKIE, cookie.value, path="/api/auth/google")

    answer = visitor.comes_back(query)

    assert problem(answer) == FAILED
    assert provider.asked.count("token") == 2
    assert kept(memory) == {}


def test_a_code_that_was_asked_for_with_another_verifier_is_refused(visitor, memory):
    query = visitor.signs_in_there(code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWb")

    answer = visitor.comes_back(query)

    assert problem(answer) == FAILED
    assert kept(memory) == {}


def test_after_ten_minutes_the_way_back_is_closed(visitor, memory, monkeypatch):
    query = visitor.signs_in_there()
    later(monkeypatch, 601)

    assert problem(visitor.comes_back(query)) == FAILED
    assert kept(memory) == {}


def later(monkeypatch, seconds):
    """Let signed texts be looked at *seconds* from now."""
    then = int(time.time()) + seconds
    monkeypatch.setattr(
        itsdangerous.TimestampSigner, "get_timestamp", lambda self: then
    )


def test_who_says_no_at_google_is_not_signed_in(visitor, memory, provider):
    state = visitor.signs_in_there()["state"]

    answer = visitor.comes_back({"error": "access_denied", "state": state})

    assert problem(answer) == FAILED
    assert visitor.cookie is None
    assert "token" not in provider.asked
    assert kept(memory) == {}


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ({}, ["/code", "/state"]),
        ({"state": "s"}, ["/code"]),
        ({"code": "c"}, ["/state"]),
        ({"error": "access_denied"}, ["/state"]),
    ],
    ids=str,
)
def test_a_way_back_without_a_code_or_a_state_is_none(visitor, memory, query, missing):
    answer = visitor.comes_back(query)

    assert sorted(wrong(answer)) == [("query", pointer) for pointer in missing]
    assert kept(memory) == {}


def test_the_way_back_leads_nowhere_else(visitor):
    query = visitor.signs_in_there()

    answer = visitor.comes_back({**query, "next": "//evil.example"})

    assert wrong(answer) == [("query", "/next")]


# Forged ID tokens

STRANGERS_KEY = RSAKey.generate_key(2048, {"kid": "one"})


def unsigned(claims):
    parts = ({"alg": "none", "kid": "one"}, claims)
    encoded = (urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
    return b".".join((*(part.rstrip(b"=") for part in encoded), b"")).decode()


def with_hmac(secret):
    return lambda claims: jwt.encode(
        {"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(secret)
    )


def with_the_public_key(provider):
    pem = provider.key.as_pem(private=False)
    return hmac_by_hand(pem)


def hmac_by_hand(secret):
    def sign(claims):
        head, body, _ = unsigned(claims).split(".")
        head = urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=").decode()
        signature = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
        return f"{head}.{body}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    return sign


def with_header(provider, header):
    """Sign with the right key whatever the header says."""

    def sign(claims):
        parts = ({"alg": "RS256", "kid": "one", **header}, claims)
        encoded = (urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
        message = b".".join(part.rstrip(b"=") for part in encoded)
        signature = provider.key.private_key.sign(
            message, padding.PKCS1v15(), hashes.SHA256()
        )
        signed = (message, urlsafe_b64encode(signature).rstrip(b"="))
        return b".".join(signed).decode()

    return sign


FORGED_CLAIMS = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": LEFT_OUT},
    "a nonce of none": {"nonce": None},
    "an empty nonce": {"nonce": ""},
    "nonces": {"nonce": ["another"]},
    "no need of a nonce": {"nonce": LEFT_OUT, "nonce_supported": False},
    "another audience": {"aud": "another.apps.example"},
    "part of our name": {"aud": CLIENT_ID[:-1]},
    "audiences without us": {"aud": ["one.example", "two.example"]},
    "audiences for another": {"aud": [CLIENT_ID, "two.example"], "azp": "two.example"},
    "audiences for nobody": {"aud": [CLIENT_ID, "two.example"]},
    "no audience": {"aud": LEFT_OUT},
    "an empty audience": {"aud": []},
    "an object as audience": {"aud": {CLIENT_ID: True}},
    "for another party": {"azp": "another.apps.example"},
    "another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "google itself": {"iss": "https://accounts.google.com"},
    "issuers": {"iss": ["https://accounts.google.com"]},
    "no issuer": {"iss": LEFT_OUT},
    "expired": {"exp": seconds_from_now(-3600)},
    "for ever": {"exp": LEFT_OUT},
    "a text as end": {"exp": "9999999999"},
    "issued tomorrow": {"iat": seconds_from_now(86400)},
    "never issued": {"iat": LEFT_OUT},
    "not yet": {"nbf": seconds_from_now(3600)},
    "nobody": {"sub": LEFT_OUT},
    "an empty subject": {"sub": ""},
    "a number as subject": {"sub": 1029384756},
    "a long subject": {"sub": "x" * 256},
    "a subject with a line break": {"sub": "1029384756\n"},
    "of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "an object as hash": {"at_hash": {"a": 1}},
}

FORGED_SIGNATURES = {
    "alg none": lambda provider: unsigned,
    "HS256 with the client secret": lambda provider: with_hmac(CLIENT_SECRET),
    "HS256 with the public key": with_the_public_key,
    "RS512": lambda provider: (
        lambda claims: jwt.encode(
            {"alg": "RS512", "kid": "one"}, claims, provider.key, algorithms=["RS512"]
        )
    ),
    "a stranger's key": lambda provider: (
        lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, claims, STRANGERS_KEY)
    ),
    "a key nobody knows": lambda provider: (
        lambda claims: jwt.encode({"alg": "RS256", "kid": "two"}, claims, STRANGERS_KEY)
    ),
    "a key that comes along": lambda provider: (
        lambda claims: jwt.encode(
            {"alg": "RS256", "jwk": STRANGERS_KEY.as_dict(private=False)},
            claims,
            STRANGERS_KEY,
        )
    ),
    "a header that must be understood": lambda provider: with_header(
        provider, {"crit": ["x"], "x": 1}
    ),
    "a text that is not encoded": lambda provider: with_header(
        provider, {"b64": False}
    ),
    "another spelling": lambda provider: with_header(provider, {"alg": "rs256"}),
    "a list as alg": lambda provider: with_header(provider, {"alg": ["RS256"]}),
    "a list as kid": lambda provider: with_header(provider, {"kid": ["one"]}),
    "no signature": lambda provider: (
        lambda claims: provider.signed(claims).rpartition(".")[0] + "."
    ),
    "a changed letter": lambda provider: (
        lambda claims: provider.signed(claims).replace(".ey", ".eX", 1)
    ),
    "no token": lambda provider: lambda claims: "token",
    "dots": lambda provider: lambda claims: "..",
    "deep": lambda provider: (
        lambda claims: (
            urlsafe_b64encode(b'{"alg":' + b"[" * 100_000).decode() + ".e30.AA"
        )
    ),
    "a list": lambda provider: (
        lambda claims: jwt.encode({"alg": "RS256", "kid": "one"}, {}, provider.key)
    ),
}


@pytest.mark.parametrize("claims", FORGED_CLAIMS.values(), ids=FORGED_CLAIMS)
def test_an_id_token_that_says_something_wrong_is_refused(
    visitor, memory, provider, claims, caplog
):
    account(memory, google_id=f"{provider.url}#{SUBJECT}")
    before = kept(memory)
    provider.claims = claims

    answer = visitor.signs_in()

    assert problem(answer) == FAILED
    assert kept(memory) == before
    assert "An ID token was refused" in caplog.text


@pytest.mark.parametrize("forge", FORGED_SIGNATURES.values(), ids=FORGED_SIGNATURES)
def test_an_id_token_that_google_has_not_signed_is_refused(
    visitor, memory, provider, forge
):
    account(memory, google_id=f"{provider.url}#{SUBJECT}")
    before = kept(memory)
    provider.sign = forge(provider)

    answer = visitor.signs_in()

    assert problem(answer) == FAILED
    assert kept(memory) == before


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "two.example"], "azp": CLIENT_ID},
        {"azp": CLIENT_ID},
        {"exp": seconds_from_now(-30)},
    ],
    ids=["list of us", "list with us", "for us", "clocks apart"],
)
def test_an_id_token_that_says_it_otherwise_counts(visitor, provider, claims):
    provider.claims = claims

    assert visitor.signs_in().status_code == 200


def test_a_header_made_by_hand_counts_if_it_is_right(visitor, provider):
    provider.sign = with_header(provider, {"typ": "JWT"})

    assert visitor.signs_in().status_code == 200


def test_a_provider_may_sign_with_an_elliptic_curve(visitor, provider):
    key = ECKey.generate_key("P-256", {"kid": "curved"})
    provider.published.append(key)
    provider.sign = lambda claims: jwt.encode(
        {"alg": "ES256", "kid": "curved"}, claims, key
    )

    assert visitor.signs_in().status_code == 200


def switch_off_the_nonce(monkeypatch):
    monkeypatch.setattr(CodeIDToken, "validate_nonce", lambda self: None)


def switch_off_the_audience(monkeypatch):
    monkeypatch.setattr(CodeIDToken, "validate_azp", lambda self: None)
    monkeypatch.setattr(JWTClaimsRegistry, "validate_aud", lambda self, value: None)


def switch_off_the_issuer(monkeypatch):
    monkeypatch.setattr(JWTClaimsRegistry, "validate_iss", lambda self, value: None)


def switch_off_the_end(monkeypatch):
    monkeypatch.setattr(JWTClaimsRegistry, "validate_exp", lambda self, value: None)


@pytest.mark.parametrize(
    ("claims", "switch_off"),
    [
        ("another nonce", switch_off_the_nonce),
        ("no nonce", switch_off_the_nonce),
        ("another audience", switch_off_the_audience),
        ("audiences without us", switch_off_the_audience),
        ("another issuer", switch_off_the_issuer),
        ("expired", switch_off_the_end),
    ],
)
def test_a_forged_id_token_would_count_without_the_check(
    visitor, provider, monkeypatch, claims, switch_off
):
    switch_off(monkeypatch)
    provider.claims = FORGED_CLAIMS[claims]

    assert visitor.signs_in().status_code == 200


# When Google fails


GARBAGE = {
    "an error": text("oops", 500),
    "an empty answer": text(""),
    "a page": text("<html>"),
    "a list": text("[]"),
    "null": text("null"),
    "an empty object": text("{}"),
    "a text": text('"no"'),
    "brackets": text("[" * 100_000),
    "not UTF-8": text(b"\xff\xfe\x00"),
    "another place": lambda: redirect("http://127.0.0.1:9/elsewhere", 307),
}


@pytest.mark.parametrize("where", ["description", "keys", "token"])
@pytest.mark.parametrize("says", GARBAGE.values(), ids=GARBAGE)
def test_google_may_answer_garbage(visitor, memory, provider, where, says):
    provider.says = {where: says}

    answer = visitor.get("/api/auth/google")
    if where != "description":
        answer = visitor.signs_in()

    assert problem(answer) == AWAY
    assert kept(memory) == {}
    provider.says = {}
    assert visitor.signs_in().status_code == 200


@pytest.mark.parametrize("where", ["description", "keys", "token"])
def test_no_redirect_of_google_is_followed_or_believed(
    visitor, memory, provider, where
):
    def right_answer_and_a_redirect():
        response = current_app.make_response(getattr(provider, where)())
        response.status_code = 307
        response.headers["Location"] = f"{provider.url}/elsewhere/{where}"
        return response

    provider.says = {where: right_answer_and_a_redirect}

    answer = visitor.get("/api/auth/google")
    if where != "description":
        answer = visitor.signs_in()

    assert problem(answer) == AWAY
    assert "elsewhere" not in provider.asked
    assert kept(memory) == {}


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        ("description", {"issuer": "https://accounts.google.com"}),
        ("description", {"issuer": None}),
        ("description", {"authorization_endpoint": "javascript:alert(1)"}),
        ("description", {"authorization_endpoint": "http://a.example/\r\nX: y"}),
        ("description", {"authorization_endpoint": 7}),
        ("description", {"token_endpoint": None}),
        ("description", {"jwks_uri": "file:///etc/passwd"}),
    ],
    ids=str,
)
def test_google_may_describe_itself_wrongly(visitor, memory, provider, where, changed):
    described = {**provider.description(), **changed}
    provider.says = {where: lambda: described}

    answer = visitor.get("/api/auth/google")

    assert problem(answer) == AWAY
    assert visitor.cookie is None


@pytest.mark.parametrize(
    "token",
    [
        {"token_type": "Bearer", "access_token": "a"},
        {"id_token": None},
        {"id_token": 7},
        {"error": "invalid_client"},
        {"error": ["invalid_grant"]},
        {"error": None},
        {"expires_in": "soon", "id_token": []},
    ],
    ids=str,
)
def test_google_may_give_no_id_token(visitor, memory, provider, token):
    provider.says = {"token": lambda: token}

    assert problem(visitor.signs_in()) == AWAY
    assert kept(memory) == {}


@pytest.mark.parametrize("where", ["description", "keys", "token"])
def test_google_may_keep_silent(visitor, memory, provider, where, monkeypatch):
    monkeypatch.setattr(openid, "_TIMEOUT_SECONDS", (1, 0.1))
    provider.says = {where: lambda: time.sleep(0.5) or "late"}

    answer = visitor.get("/api/auth/google")
    if where != "description":
        answer = visitor.signs_in()

    assert problem(answer) == AWAY
    assert kept(memory) == {}


def test_google_may_be_away(settings, memory):
    settings = evolve(settings, google_issuer="http://127.0.0.1:9")

    assert (
        problem(Browser(create_app(settings, memory)).get("/api/auth/google")) == AWAY
    )


def test_google_is_asked_for_its_description_and_keys_once(visitor, provider):
    for _ in range(3):
        visitor.signs_in()

    assert provider.asked.count("description") == 1
    assert provider.asked.count("keys") == 1


def test_what_google_said_is_forgotten_after_an_hour(visitor, provider, monkeypatch):
    visitor.signs_in()
    then = time.monotonic() + 3601
    monkeypatch.setattr(openid.time, "monotonic", lambda: then)

    visitor.signs_in()

    assert provider.asked.count("keys") == 2


def test_google_may_change_its_keys(visitor, provider):
    visitor.signs_in()
    provider.key = RSAKey.generate_key(2048, {"kid": "two"})
    provider.published = [provider.key]

    assert visitor.signs_in().status_code == 200


# Tokens of offers


def an_offer(kind, secret=SECRET):
    identity = Identity(google_id="g", email="gwen@example.org")
    return Seals(secret).seal(kind, identity)


WRONG_OFFERS = {
    "no token": lambda kind: "token",
    "another secret": lambda kind: an_offer(kind, "another secret of the same length!"),
    "another kind": lambda kind: an_offer(
        Kind.SIGN_UP if kind is Kind.LINK else Kind.LINK
    ),
    "a departure": lambda kind: an_offer(Kind.DEPARTURE),
    "cut": lambda kind: an_offer(kind)[:-1],
    "of another shape": lambda kind: Seals(SECRET).seal(
        kind, Departure(state="s", nonce="n", verifier="v")
    ),
    "signed without a salt": lambda kind: itsdangerous.URLSafeTimedSerializer(
        key_for(Purpose.SIGN_UP, SECRET)
    ).dumps({"google_id": "g", "email": "gwen@example.org", "name": None}),
}


@pytest.mark.parametrize("forge", WRONG_OFFERS.values(), ids=WRONG_OFFERS)
@pytest.mark.parametrize("kind", [Kind.SIGN_UP, Kind.LINK])
def test_a_token_that_is_no_offer_of_its_kind_is_refused(visitor, memory, kind, forge):
    account(memory)
    before = kept(memory)

    if kind is Kind.SIGN_UP:
        body = {"signup_token": forge(kind), "clinic": CLINIC}
        answer = visitor.post(SIGN_UP, body)
    else:
        answer = visitor.post(LINK, {"link_token": forge(kind), "password": PASSWORD})

    assert problem(answer) == FAILED
    assert kept(memory) == before


def test_an_access_token_is_no_offer_and_an_offer_no_access_token(desk):
    body = {"signup_token": desk.token, "clinic": CLINIC}
    offer = an_offer(Kind.SIGN_UP)

    assert problem(desk.post(SIGN_UP, body)) == FAILED
    assert problem(desk.with_token(offer).get("/api/auth/me")) == (
        401,
        "not-signed-in",
    )


@pytest.mark.parametrize("seconds", [599, 601])
def test_an_offer_stands_for_ten_minutes(visitor, memory, monkeypatch, seconds):
    body = {"signup_token": an_offer(Kind.SIGN_UP), "clinic": CLINIC}
    later(monkeypatch, seconds)

    answer = visitor.post(SIGN_UP, body)

    assert answer.status_code == (201 if seconds < 600 else 401)


def test_the_clinic_of_a_sign_up_is_judged_as_any_other(visitor):
    body = {"signup_token": an_offer(Kind.SIGN_UP), "clinic": {"name": " ", "id": 1}}

    assert wrong(visitor.post(SIGN_UP, body)) == [
        ("body", "/clinic/id"),
        ("body", "/clinic/name"),
    ]


# What is told


def test_nothing_that_signs_in_is_told_or_logged(visitor, memory, provider, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("clinicflow_flask").setLevel(logging.DEBUG)
    account(memory)
    query = visitor.signs_in_there()
    refused = visitor.comes_back(query)
    provider.claims = {"nonce": "another-nonce"}
    failed = visitor.signs_in()
    provider.says = {"token": text('{"error": "a-secret-word", "code": "x"}', 400)}
    away = visitor.signs_in()

    # That the test's own browser went to Google is logged by its library.
    logged = [m for m in caplog.messages if "GET /authorize" not in m]
    shown = "".join(logged) + failed.text + away.text + refused.json["detail"]

    for secret in (
        query["code"],
        query["state"],
        refused.json["link_token"],
        "another-nonce",
        "a-secret-word",
        CLIENT_SECRET,
        "uill",
        SUBJECT,
    ):
        assert secret not in shown


def test_no_offer_shows_itself():
    offer = offers.LinkOffer(link_token="a-token")
    error = offers.LinkNeededError(offer)

    assert "a-token" not in repr(error) + str(error) + repr(offer)
    assert "quill" not in repr(
        offers.SignUpOffer(signup_token="quill", name="quill", email="quill")
    )
