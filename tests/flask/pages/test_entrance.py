from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.user import Role
from clinicflow_core.errors import StoreBusyError
from clinicflow_flask import create_app
from clinicflow_flask.pages.rendering import HOME, own_path
from tests.builders import PASSWORD
from tests.flask.desk import UNKNOWN
from tests.flask.pages.browser import Browser
from tests.flask.test_app import BrokenStore

ACCOUNT = "/settings/account"
HOSTILE = "<script>alert(1)</script>{{7*7}}"
SIGN_UP = {
    "clinic__name": "Oak Clinic",
    "clinic__timezone": "Europe/London",
    "owner__name": "Olga Owner",
    "owner__email": "olga@example.org",
    "owner__password": PASSWORD,
}


def sign_in(
    browser: Browser, email: str, password: str = PASSWORD, to: str = ""
) -> None:
    browser.open(f"/sign-in?next={to or ACCOUNT}")
    browser.send("Sign in", email=email, password=password)


# Signing in and out


def test_who_signs_in_goes_on_where_they_were_going(stranger, desk):
    stranger.open("/settings/users")
    assert stranger.path == "/sign-in"

    stranger.send("Sign in", email=desk.signed_in.user.email, password=PASSWORD)

    assert (stranger.status, stranger.path) == (200, "/settings/users")


def test_who_comes_to_the_door_sees_the_day_or_signs_in(browser, stranger):
    browser.open("/")
    stranger.open("/")

    assert browser.path == HOME
    assert stranger.path == "/sign-in"


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "///evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1",
        "evil.example",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(stranger, desk, following):
    stranger.open("/sign-in")
    form = {
        "form": stranger.token(),
        "email": desk.signed_in.user.email,
        "password": PASSWORD,
        "next": following,
    }

    answer = stranger.client.post("/sign-in", data=form)

    location = answer.headers["Location"]
    assert answer.status_code == 303
    assert urlsplit(location).netloc == ""
    assert location.startswith("/")
    assert "\r" not in location
    assert "Set-Cookie" not in location.replace("%0d%0aSet-Cookie", "")


@given(st.text(max_size=40) | st.text("/\\:?#@.a\r\n\t ", max_size=12))
def test_a_page_of_ours_is_never_elsewhere(path):
    found = own_path(path)

    parts = urlsplit(found)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert found.isascii()
    assert found.isprintable()


@pytest.mark.parametrize(
    "path", ["/day/2026-03-02", "/patients?q=lee%20ann", "/settings#x", "/"]
)
def test_a_page_of_ours_stays_as_it_is(path):
    assert own_path(path) == path


@pytest.mark.parametrize("path", [None, "", "/" + "x" * 500])
def test_without_a_page_to_go_to_everybody_begins_with_the_day(path):
    assert own_path(path) == HOME


def test_a_wrong_password_and_an_unknown_account_are_told_alike(stranger, desk):
    sign_in(stranger, desk.signed_in.user.email, "not the password")
    wrong = (stranger.status, stranger.page.find(role="alert").get_text(strip=True))
    sign_in(stranger, "nobody@example.org")
    unknown = (stranger.status, stranger.page.find(role="alert").get_text(strip=True))

    assert wrong == unknown == (401, "Wrong e-mail or password.")
    stranger.open(ACCOUNT)
    assert stranger.path == "/sign-in"


def test_what_was_typed_stays_but_for_the_password(stranger):
    sign_in(stranger, HOSTILE, "not the password", to="/settings/users")

    page = stranger.page
    assert page.find(id="email")["value"] == HOSTILE
    assert page.find(id="password")["value"] == ""
    assert "not the password" not in str(page)
    # The way on is not lost either.
    assert page.find("input", {"name": "next"})["value"] == "/settings/users"
    assert all(script.has_attr("src") for script in page.find_all("script"))


def test_who_guesses_passwords_waits_and_so_does_whoever_is_right(stranger, desk):
    for _ in range(12):
        sign_in(stranger, desk.signed_in.user.email, "not the password")
    guessed = stranger.status

    sign_in(stranger, desk.signed_in.user.email)

    assert (guessed, stranger.status) == (429, 429)
    assert "Too many tries; wait" in stranger.text


@pytest.mark.parametrize("typed", [{"email": ""}, {"password": ""}, {"password": None}])
def test_who_leaves_a_field_empty_is_told_which(stranger, typed):
    stranger.open("/sign-in")

    stranger.send("Sign in", **{"email": "a@example.org", "password": "x", **typed})

    assert stranger.status == 422
    [link] = stranger.page.select(".complaint a")
    assert link["href"] == f"#{next(iter(typed))}"


def test_a_closed_account_does_not_sign_in(stranger, desk, open_desk):
    other = open_desk(Role.ADMIN, desk.signed_in.clinic).signed_in.user
    desk.patch(f"/api/users/{other.id}", {"status": "inactive"})

    sign_in(stranger, other.email)

    assert stranger.status == 401


def test_who_signs_in_after_somebody_else_is_themselves_alone(browser, desk, open_desk):
    other = open_desk().signed_in
    sign_in(browser, other.user.email)

    assert other.user.email in browser.text
    assert desk.signed_in.user.email not in browser.text


def test_whoever_signs_in_over_somebody_else_signs_them_out(browser, desk, open_desk):
    other = open_desk().signed_in
    before = desk.get("/api/auth/me").status_code

    sign_in(browser, other.user.email)

    assert (before, desk.get("/api/auth/me").status_code) == (200, 401)


def test_whoever_founds_another_clinic_leaves_the_one_before(browser, desk):
    browser.open("/sign-up")

    browser.send("Set it up", **SIGN_UP)

    assert desk.get("/api/auth/me").status_code == 401


def test_a_wrong_password_leaves_whoever_is_signed_in(browser, desk, open_desk):
    sign_in(browser, open_desk().signed_in.user.email, "not the password")

    assert browser.status == 401
    assert desk.get("/api/auth/me").status_code == 200
    browser.open(ACCOUNT)
    assert desk.signed_in.user.email in browser.text


def test_a_session_that_has_ended_keeps_nobody_from_signing_in(browser, desk):
    desk.post("/api/auth/logout")

    sign_in(browser, desk.signed_in.user.email)

    assert (browser.status, browser.path) == (200, ACCOUNT)


def test_nor_does_a_clinic_that_is_no_more(stranger, desk):
    stranger.open("/sign-in")
    with stranger.client.session_transaction() as cookie:
        cookie.update(clinic=UNKNOWN, session=UNKNOWN, seen=0)

    sign_in(stranger, desk.signed_in.user.email)

    assert (stranger.status, stranger.path) == (200, ACCOUNT)


def test_signing_out_takes_a_form_and_no_link(browser):
    browser.open("/sign-out")
    assert browser.status == 405

    browser.open(ACCOUNT)
    browser.send("Sign out")

    assert browser.path == "/sign-in"
    browser.open(ACCOUNT)
    assert browser.path == "/sign-in"


def test_too_many_who_sign_in_from_one_address_wait(settings, store):
    limited = create_app(evolve(settings, rate_limit="3/minute"), store)
    browser = Browser.started(limited)

    for _ in range(4):
        sign_in(browser, "nobody@example.org")

    assert browser.status == 429
    assert int(browser.answer.headers["Retry-After"]) > 0


def test_who_guesses_a_password_is_told_when_to_come_again(stranger, desk):
    email = desk.signed_in.user.email
    for _ in range(6):
        sign_in(stranger, email, "not the password")

    assert stranger.status == 429
    assert stranger.answer.headers["Retry-After"] == "30"


def test_a_page_of_a_busy_database_says_when_to_come_again(settings):
    browser = Browser.started(create_app(settings, BrokenStore(StoreBusyError())))
    browser.open("/sign-in")

    browser.send("Sign in", email="a@example.org", password=PASSWORD)

    assert browser.status == 503
    assert browser.answer.headers["Retry-After"] == "1"


# Signing up


def test_a_clinic_is_set_up_and_its_owner_is_in(stranger):
    stranger.open("/sign-in")
    stranger.follow("Set one up")

    stranger.send("Set it up", **SIGN_UP)

    assert (stranger.status, stranger.path) == (200, HOME)
    stranger.open("/settings")
    assert stranger.page.find(id="name")["value"] == "Oak Clinic"
    assert stranger.page.find(id="timezone")["value"] == "Europe/London"
    stranger.open(ACCOUNT)
    assert "olga@example.org" in stranger.text


def test_time_zones_are_suggested(stranger):
    page = stranger.open("/sign-up")

    suggested = {each["value"] for each in page.select("#zones option")}
    assert {"America/New_York", "Europe/Lisbon"} <= suggested


@pytest.mark.parametrize(
    ("typed", "status", "complaint"),
    [
        pytest.param({"clinic__name": ""}, 422, "is required", id="no name"),
        pytest.param(
            {"clinic__timezone": "Mars"}, 422, "not an IANA time zone", id="zone"
        ),
        pytest.param({"owner__email": "x"}, 422, "not an e-mail", id="e-mail"),
        pytest.param({"owner__password": "short"}, 422, "at least 12", id="password"),
        pytest.param(
            {"owner__email": "taken@example.org"}, 409, "exists already", id="taken"
        ),
    ],
)
def test_a_clinic_that_cannot_be_set_up_is_told(
    app, stranger, typed, status, complaint
):
    first = Browser.started(app)
    first.open("/sign-up")
    first.send("Set it up", **{**SIGN_UP, "owner__email": "taken@example.org"})
    stranger.open("/sign-up")

    page = stranger.send("Set it up", **{**SIGN_UP, **typed})

    assert stranger.status == status
    assert complaint in stranger.text
    assert page.find(id="owner.name")["value"] == "Olga Owner"
    assert page.find(id="owner.password")["value"] == ""
    stranger.open(ACCOUNT)
    assert stranger.path == "/sign-in"


# Pages that cannot be shown


@pytest.mark.parametrize("path", ["/nowhere", "/settings/doctors/7", "/day/2026-02-30"])
def test_what_is_not_there_is_said_on_a_page_with_a_way_out(browser, path):
    browser.open(path)

    assert browser.status == 404
    assert browser.page.find("h1").get_text() == "That is not there"
    browser.follow("Go to the day")
    assert browser.status == 200


def test_a_program_is_told_in_json_what_a_person_is_told_on_a_page(app):
    client = app.test_client()

    for path in ("/nowhere", "/api/nowhere", "/api/users"):
        answer = client.get(path, headers={"Accept": "application/json"})
        assert answer.content_type == "application/problem+json"
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert page.mimetype == "text/html"
    # The REST service speaks to programs, whoever asks.
    asked = client.get("/api/users", headers={"Accept": "text/html"})
    assert asked.content_type == "application/problem+json"


def test_a_form_that_nobody_is_signed_in_for_leads_to_where_everybody_begins(stranger):
    stranger.post(f"/settings/doctors/{UNKNOWN}/remove", {})

    assert stranger.path == "/sign-in"
    assert stranger.page.find("input", {"name": "next"})["value"] == HOME


def test_a_part_of_a_page_sends_the_whole_browser_to_sign_in(stranger):
    answer = stranger.client.get(ACCOUNT, headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == f"/sign-in?next={HOME}"


def test_what_nobody_foresaw_is_said_without_what_it_was(settings):
    app = create_app(settings, BrokenStore(KeyError("the secret of a patient")))
    browser = Browser.started(app)
    browser.open("/sign-in")

    browser.send("Sign in", email="a@example.org", password=PASSWORD)

    assert browser.status == 500
    assert "Something went wrong here; the log knows it as" in browser.text
    assert "secret" not in browser.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", ACCOUNT, "/nowhere"])
def test_a_page_runs_no_script_in_line_and_is_kept_by_nobody(browser, path):
    browser.open(path)

    headers = browser.answer.headers
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    for element in browser.page.find_all(True):
        assert not [name for name in element.attrs if name.startswith(("on", "hx-on"))]
        assert not element.has_attr("style")
