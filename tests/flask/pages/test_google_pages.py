"""Somebody signs in with Google in a browser, and Google is a provider of our own."""

from __future__ import annotations

import logging
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

import itsdangerous
import pytest
import requests
from attrs import evolve

from clinicflow_core.entities.user import UserStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment
from clinicflow_flask import create_app
from tests.builders import Watch, user
from tests.builders import clinic as a_clinic
from tests.flask import provider as there
from tests.flask.desk import NOW, PASSWORD
from tests.flask.pages.browser import Browser
from tests.flask.provider import CLIENT_ID, CLIENT_SECRET, PERSON, SUBJECT, served

PATH = "/sign-in/google"
CALLBACK = f"{PATH}/callback"
BACK = f"https://desk.example.org{CALLBACK}"
FAILED = "The sign-in with Google failed; start it again."


@pytest.fixture(scope="module")
def afresh():
    with served() as afresh:
        yield afresh


@pytest.fixture
def provider(afresh, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(there, "REDIRECT_URI", BACK)
    return afresh()


@pytest.fixture
def settings(settings, provider):
    return evolve(
        settings,
        google_client_id=CLIENT_ID,
        google_client_secret=CLIENT_SECRET,
        google_redirect_uri=BACK,
        google_issuer=provider.url,
    )


@pytest.fixture
def memory():
    """A store in memory, for what does not depend on the store."""
    return MemoryStore(Watch(NOW))


@pytest.fixture
def visitor(settings, memory):
    """A browser before a service in memory."""
    return Browser.started(create_app(settings, memory))


def account(store, **fields):
    """Open an account that has the person's e-mail."""
    opened = a_clinic("Hill Road")
    added = user(opened.id, PERSON["email"].lower(), **fields)
    with store.entrance() as entrance:
        entrance.add_clinic(opened)
        entrance.add_user(added)
        entrance.commit()
    return added


def departs(browser, path=PATH):
    """Ask to sign in with Google; return where the browser is sent."""
    response = browser.client.get(path)
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def signs_in_there(browser, path=PATH):
    """Depart and sign in at the provider; return what it sends back."""
    answer = requests.get(departs(browser, path), allow_redirects=False, timeout=10)
    assert answer.headers["Location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def comes_back(browser, query):
    return browser.open(f"{CALLBACK}?{urlencode(query)}")


def signs_in(browser, path=PATH):
    """Go to the provider and come back."""
    return comes_back(browser, signs_in_there(browser, path))


def later(monkeypatch, seconds):
    """Let signed texts be looked at *seconds* from now."""
    then = int(time.time()) + seconds
    monkeypatch.setattr(
        itsdangerous.TimestampSigner, "get_timestamp", lambda self: then
    )


# Whether it is offered


def test_signing_in_offers_google(visitor):
    visitor.open("/sign-in?next=/patients")

    [link] = [a for a in visitor.page.find_all("a") if "Google" in a.get_text()]
    assert link["href"] == f"{PATH}?next=/patients"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"google_client_id": None}, id="not configured"),
        pytest.param(
            {"google_redirect_uri": "https://desk.example.org/auth/google/callback"},
            id="for a front end of its own",
        ),
    ],
)
def test_google_is_not_offered_if_it_does_not_lead_back_to_the_pages(
    settings, memory, changed
):
    browser = Browser.started(create_app(evolve(settings, **changed), memory))

    assert "Google" not in browser.open("/sign-in").get_text()
    browser.open(PATH)

    assert browser.status == 503
    assert "Not configured" in browser.text
    assert "Try again" not in browser.text
    assert browser.follow("Back to signing in")
    assert browser.status == 200


# There and back


def test_the_browser_takes_along_all_that_binds_it(visitor, provider):
    response = visitor.client.get(PATH)

    url = urlsplit(response.headers["Location"])
    asked = dict(parse_qsl(url.query))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/authorize"
    assert asked["redirect_uri"] == BACK
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    cookie = visitor.client.get_cookie("clinicflow_google", path=PATH)
    assert (cookie.http_only, cookie.same_site, cookie.max_age) == (True, "Lax", 600)


def test_in_production_its_cookie_goes_over_https_alone(settings, memory):
    settings = evolve(
        settings, environment=Environment.PRODUCTION, cors_origins=(), rate_limit="off"
    )
    client = create_app(settings, memory).test_client()

    cookies = client.get(PATH).headers.getlist("Set-Cookie")

    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert any(f"Path={PATH}" in cookie for cookie in cookies)


def test_who_has_no_account_founds_a_clinic_and_signs_in_from_then_on(
    app, stranger, provider
):
    signs_in(stranger)

    assert stranger.path == f"{PATH}/sign-up"
    assert PERSON["email"] in stranger.text
    stranger.send(
        "Set it up", clinic__name="Elm Street", clinic__timezone="Europe/Vienna"
    )
    assert stranger.answer.history[-1].headers["Location"] == "/day"
    home = Browser.started(app)
    signs_in(home, f"{PATH}?next=/settings/account")
    assert home.answer.history[-1].headers["Location"] == "/settings/account"
    assert home.client.get("/dashboard").status_code == 200


def test_an_account_is_linked_by_its_password_alone(app, stranger, store, provider):
    account(store)

    signs_in(stranger)

    assert stranger.path == f"{PATH}/link"
    assert PERSON["email"] in stranger.text
    stranger.send("Link and sign in", password=PASSWORD + "!")
    assert stranger.status == 401
    assert "Wrong e-mail or password." in stranger.text
    stranger.send("Link and sign in", password=PASSWORD)
    assert stranger.answer.history[-1].headers["Location"] == "/day"
    again = Browser.started(app)
    signs_in(again)
    assert again.client.get("/dashboard").status_code == 200


def test_whoever_comes_back_over_somebody_else_signs_them_out(
    browser, desk, store, provider
):
    google_id = f"{provider.url}#{SUBJECT}"
    account(store, google_id=google_id)

    signs_in(browser)

    assert browser.status == 200
    assert desk.get("/api/auth/me").status_code == 401


@pytest.mark.parametrize("step", ["link", "sign-up"])
def test_nothing_is_offered_to_whoever_does_not_come_from_google(visitor, step):
    visitor.open(f"{PATH}/{step}")

    assert visitor.status == 401
    assert FAILED in visitor.text


def test_an_offer_to_sign_up_links_nothing(visitor, memory):
    signs_in(visitor)
    form = {"password": PASSWORD, "form": visitor.token()}
    account(memory)

    visitor.post(f"{PATH}/link", form)

    assert visitor.status == 401
    assert FAILED in visitor.text
    assert visitor.client.get("/dashboard").status_code == 303


def test_the_token_of_an_offer_that_was_typed_does_not_count(visitor, memory):
    account(memory)
    signs_in(visitor)
    stranger = Browser.started(visitor.client.application)
    stranger.open("/sign-in")
    with visitor.client.session_transaction() as cookie:
        offer = cookie["google-offer"]

    stranger.post(
        f"{PATH}/link",
        {"form": stranger.token(), "link_token": offer, "password": PASSWORD},
    )

    assert stranger.status == 401
    assert stranger.client.get("/dashboard").status_code == 303


@pytest.mark.parametrize("step", ["link", "sign-up"])
def test_a_form_without_its_secret_is_refused(visitor, memory, step):
    if step == "link":
        account(memory)
    signs_in(visitor)

    visitor.post(
        f"{PATH}/{step}",
        {"password": PASSWORD, "clinic.name": "Elm"},
    )

    assert visitor.status == 403
    assert visitor.client.get("/dashboard").status_code == 303


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (601, 401)])
def test_an_offer_stands_for_ten_minutes(visitor, monkeypatch, seconds, status):
    signs_in(visitor)
    later(monkeypatch, seconds)

    visitor.open(f"{PATH}/sign-up")

    assert visitor.status == status


def test_what_is_wrong_with_the_clinic_is_said_where_it_was_typed(visitor):
    signs_in(visitor)

    visitor.send("Set it up", clinic__name=" ", clinic__timezone="Mars/Olympus")

    assert visitor.status == 422
    assert visitor.page.find(id="clinic.timezone")["value"] == "Mars/Olympus"
    assert visitor.page.find(id="clinic.timezone-wrong")
    assert visitor.page.find(id="clinic.name-wrong")


def test_an_e_mail_that_was_taken_meanwhile_founds_nothing(visitor, memory):
    signs_in(visitor)
    account(memory)

    visitor.send("Set it up", clinic__name="Elm", clinic__timezone="UTC")

    assert visitor.status == 409
    assert "An account with this e-mail exists already." in visitor.text
    assert visitor.follow("go back to signing in")


def test_a_closed_account_stays_closed(visitor, memory, provider):
    google_id = f"{provider.url}#{SUBJECT}"
    account(memory, google_id=google_id, status=UserStatus.INACTIVE)

    signs_in(visitor)

    assert visitor.status == 401
    assert "Wrong e-mail or password." in visitor.text


def test_an_e_mail_that_google_has_not_verified_is_worth_nothing(visitor, provider):
    provider.claims = {"email_verified": False}

    signs_in(visitor)

    assert visitor.status == 409
    assert "sign in another way" in visitor.text
    assert visitor.follow("Back to signing in")


# Forged and spent


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda query: query | {"state": "forged"}, id="a forged state"),
        pytest.param(lambda query: query | {"code": "forged"}, id="a forged code"),
        pytest.param(lambda query: {"code": query["code"]}, id="no state"),
        pytest.param(lambda query: {"state": query["state"]}, id="no code"),
        pytest.param(lambda query: {}, id="nothing"),
        pytest.param(
            lambda query: {"state": query["state"], "error": "access_denied"},
            id="who says no",
        ),
        pytest.param(lambda query: query | {"code": "x" * 4097}, id="a code too long"),
    ],
)
def test_a_way_back_that_does_not_count_leads_to_signing_in(visitor, change):
    comes_back(visitor, change(signs_in_there(visitor)))

    assert visitor.status == 401
    assert FAILED in visitor.text
    assert visitor.page.find("a", href=PATH)
    assert visitor.follow("Back to signing in")
    assert visitor.path == "/sign-in"


def test_what_google_gave_to_another_browser_does_not_count(visitor):
    attacker = Browser.started(visitor.client.application)
    query = signs_in_there(attacker)
    departs(visitor)

    comes_back(visitor, query)

    assert visitor.status == 401
    assert FAILED in visitor.text


def test_a_departure_counts_once(visitor, memory):
    query = signs_in_there(visitor)
    comes_back(visitor, query)

    comes_back(visitor, query)

    assert visitor.status == 401


def test_the_departure_of_a_front_end_does_not_count_here(visitor):
    location = visitor.client.get("/api/auth/google").headers["Location"]
    answer = requests.get(location, allow_redirects=False, timeout=10)
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    comes_back(visitor, query)

    assert visitor.status == 401


def test_google_may_be_away(settings, memory):
    settings = evolve(settings, google_issuer="http://127.0.0.1:9")
    browser = Browser.started(create_app(settings, memory))

    browser.open(PATH)

    assert browser.status == 503
    assert "Google does not answer as it should" in browser.text
    assert browser.page.find("a", href=PATH)


# Where it leads


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/day\r\nX: y",
    ],
)
def test_the_way_back_leads_nowhere_else(stranger, store, elsewhere):
    account(store)
    signs_in(stranger, f"{PATH}?{urlencode({'next': elsewhere})}")

    stranger.send("Link and sign in", password=PASSWORD)

    assert stranger.answer.history[-1].headers["Location"] == "/day"


def test_google_may_say_more_than_is_asked(visitor):
    query = signs_in_there(visitor) | {"scope": "openid", "next": "//evil.example"}

    comes_back(visitor, query)

    assert visitor.path == f"{PATH}/sign-up"


def test_a_name_from_google_stays_text(visitor, provider):
    provider.claims = {"name": "<script>alert(1)</script>{{7*7}}"}

    signs_in(visitor)

    assert "<script>alert(1)</script>{{7*7}}" in visitor.text
    assert not visitor.page.find("script", src=None)


def test_nothing_that_signs_in_is_told_or_logged(visitor, memory, caplog):
    caplog.set_level(logging.DEBUG)
    account(memory)
    query = signs_in_there(visitor)
    comes_back(visitor, query)
    linking = visitor.answer.text
    with visitor.client.session_transaction() as cookie:
        offer = cookie["google-offer"]
    comes_back(visitor, query)

    logged = [m for m in caplog.messages if "GET /authorize" not in m]
    shown = "".join(logged) + linking + visitor.answer.text

    for secret in (query["code"], query["state"], offer, CLIENT_SECRET, SUBJECT):
        assert secret not in shown
    assert "uill" not in "".join(logged)
