from __future__ import annotations

import io
import time
from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
from attrs import evolve

from clinicflow_core.entities.user import Role
from clinicflow_core.settings import Environment
from clinicflow_flask import create_app
from clinicflow_flask.pages import browsers
from clinicflow_flask.pages.site import PAGES
from clinicflow_flask.requests import MAX_BODY
from tests.builders import PASSWORD
from tests.flask.desk import Desk
from tests.flask.pages.browser import Browser

ACCOUNT = "/settings/account"
SENT = [page.path for page in PAGES if page.method == "POST"]


def cookies(answer) -> dict:
    """Return the cookies that an answer sets, by name."""
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.getlist("Set-Cookie"):
        jar.load(header)
    return dict(jar)


def signed_in(app, desk: Desk, url: str = "http://localhost") -> tuple[Browser, dict]:
    """Sign in by the form; return the browser and the cookie that it got."""
    browser = Browser(app.test_client())
    browser.client.get("/sign-in", base_url=url)
    with browser.client.session_transaction(base_url=url) as held:
        token = held[browsers.TOKEN]
    answer = browser.client.post(
        "/sign-in",
        base_url=url,
        data={
            "form": token,
            "email": desk.signed_in.user.email,
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 303, answer.text
    [(name, cookie)] = cookies(answer).items()
    return browser, {"name": name, "value": cookie.value, **dict(cookie)}


def is_signed_in(browser: Browser) -> bool:
    browser.open(ACCOUNT)
    assert browser.path in {ACCOUNT, "/sign-in"}
    return browser.path == ACCOUNT


# The cookie


def test_the_cookie_is_read_by_no_script_and_sent_from_no_other_site(app, desk):
    _, cookie = signed_in(app, desk)

    assert cookie["name"] == "clinicflow"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert not cookie["secure"]


def test_in_production_it_goes_over_https_to_this_host_alone(settings, store):
    app = create_app(evolve(settings, environment=Environment.PRODUCTION), store)
    desk = Desk.opened(app, store, Role.OWNER, None)

    _, cookie = signed_in(app, desk, "https://localhost")

    assert cookie["name"] == "__Host-clinicflow"
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    # Browsers refuse the prefix with another path or with a domain.
    assert (cookie["path"], cookie["domain"]) == ("/", "")


def test_the_cookie_holds_no_name_and_no_address(app, desk):
    browser, cookie = signed_in(app, desk)

    with browser.client.session_transaction() as held:
        assert set(held) <= {"clinic", "session", "seen", "form", "_permanent"}
    assert desk.signed_in.user.email not in cookie["value"]


def otherwise_signed(value: str) -> str:
    # Not its last letter alone: not every bit of that one counts.
    content, _, signature = value.rpartition(".")
    return f"{content}.{signature.swapcase()}"


@pytest.mark.parametrize("forge", [otherwise_signed, lambda v: "x" + v, len])
def test_a_cookie_that_is_not_ours_signs_nobody_in(app, desk, forge):
    browser, cookie = signed_in(app, desk)
    assert is_signed_in(browser)

    browser.client.set_cookie(cookie["name"], str(forge(cookie["value"])))

    assert not is_signed_in(browser)


def test_a_cookie_of_a_service_with_another_secret_signs_nobody_in(
    settings, store, app, desk
):
    other = create_app(evolve(settings, jwt_secret_key="x" * 40), store)
    _, cookie = signed_in(other, desk)
    browser = Browser(app.test_client())

    browser.client.set_cookie(cookie["name"], cookie["value"])

    assert not is_signed_in(browser)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_the_cookie_does_not_open_the_rest_service(browser, desk, method):
    path = {"GET": "/api/patients", "POST": "/api/patients", "PATCH": "/api/clinic"}
    body = {"first_name": "Eve", "last_name": "Lee"}
    assert is_signed_in(browser)

    answer = browser.client.open(path[method], method=method, json=body)

    assert answer.status_code == 401
    assert desk.get("/api/patients").json["items"] == []


def test_a_token_of_the_rest_service_does_not_open_a_page(stranger, desk):
    stranger.open(ACCOUNT, {"Authorization": f"Bearer {desk.token}"})

    assert stranger.path == "/sign-in"


def test_a_long_form_in_chunks_is_refused_and_not_cut_off(browser, desk):
    patient = desk.patient("Ann", "Lee")
    browser.open(f"/patients/{patient}/change")
    begins = f"form={browser.token()}&first_name=Eve&last_name=Lee&pad="

    answer = browser.client.post(
        f"/patients/{patient}/change",
        input_stream=io.BytesIO(begins.encode() + b"a" * MAX_BODY + b"&version=0"),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )

    assert answer.status_code == 413
    assert desk.get(f"/api/patients/{patient}").json["first_name"] == "Ann"


# How long somebody is signed in


@pytest.fixture
def pass_time(monkeypatch):
    """Let hours pass for cookies, which go by the clock of the machine."""
    now = time.time()

    def pass_hours(hours: float) -> None:
        nonlocal now
        now += hours * 3600
        monkeypatch.setattr(time, "time", lambda: now)

    return pass_hours


def test_who_did_nothing_for_half_a_day_signs_in_again(browser, pass_time):
    pass_time(11.9)
    assert is_signed_in(browser)

    pass_time(12.1)

    assert not is_signed_in(browser)


def test_who_is_there_stays_signed_in(browser, pass_time):
    for _ in range(5):
        pass_time(10)
        assert is_signed_in(browser)


@pytest.mark.parametrize(
    "path", ["/day/{on}/board", "/week/{of}/board", "/intake/{form_id}/summary/state"]
)
def test_a_page_that_a_browser_asks_for_by_itself_shows_nobody(
    browser, desk, pass_time, path
):
    form_id = desk.send_form()["id"]

    for _ in range(2):
        pass_time(5)
        browser.open(path.format(on="2026-03-02", of="2026-03-02", form_id=form_id))
        assert browser.status == 200
    pass_time(3)

    assert not is_signed_in(browser)


def test_a_cookie_is_set_anew_only_now_and_then(browser, pass_time):
    browser.open(ACCOUNT)
    browser.open(ACCOUNT)
    at_once = browser.answer.headers.getlist("Set-Cookie")
    pass_time(0.2)
    browser.open(ACCOUNT)

    assert at_once == []
    assert len(browser.answer.headers.getlist("Set-Cookie")) == 1


def test_a_session_lasts_no_longer_than_any(browser, watch):
    watch.at += timedelta(days=29)
    assert is_signed_in(browser)

    watch.at += timedelta(days=1, seconds=1)

    assert not is_signed_in(browser)


def test_who_signs_out_is_out_even_with_the_cookie_of_before(app, desk):
    browser, cookie = signed_in(app, desk)
    browser.open(ACCOUNT)

    browser.send("Sign out")
    replayed = Browser(app.test_client())
    replayed.client.set_cookie(cookie["name"], cookie["value"])

    assert browser.path == "/sign-in"
    assert not is_signed_in(browser)
    assert not is_signed_in(replayed)


def test_a_session_that_ends_elsewhere_ends_here_at_once(browser, desk):
    assert is_signed_in(browser)

    desk.post("/api/auth/logout")

    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "change", [{"status": "inactive"}, {"password": "staple battery horse"}]
)
def test_an_account_that_is_closed_or_has_a_new_password_is_out_at_once(
    open_browser, desk, change
):
    browser, other = open_browser(Role.ADMIN, desk.signed_in.clinic)
    assert is_signed_in(browser)

    desk.patch(f"/api/users/{other.signed_in.user.id}", change)

    assert not is_signed_in(browser)


def test_another_role_counts_with_the_next_page(open_browser, desk):
    browser, other = open_browser(Role.ADMIN, desk.signed_in.clinic)
    browser.open("/settings/users")
    before = browser.status

    desk.patch(f"/api/users/{other.signed_in.user.id}", {"role": "doctor"})
    browser.open("/settings/users")

    assert (before, browser.status) == (200, 403)


# Forms of others


def rename(browser: Browser, headers: dict[str, str] | None = None, **form: str) -> int:
    answer = browser.client.post(
        "/settings", data={"name": "Pwned", **form}, headers=headers
    )
    return answer.status_code


def test_a_form_counts_with_the_secret_of_this_browser_alone(
    browser, open_browser, desk
):
    browser.open(ACCOUNT)
    ours = browser.token()
    other, _ = open_browser()
    other.open(ACCOUNT)

    assert rename(browser) == 403
    assert rename(browser, form="") == 403
    assert rename(browser, form=ours[:-1]) == 403
    assert rename(browser, form="\u00fc") == 403
    assert rename(browser, form=other.token()) == 403
    assert desk.get("/api/clinic").json["name"] == "Elm"
    assert rename(browser, form=ours) == 303
    assert desk.get("/api/clinic").json["name"] == "Pwned"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_another_site_sends_does_not_count_even_with_the_secret(
    browser, site
):
    browser.open(ACCOUNT)

    assert rename(browser, {"Sec-Fetch-Site": site}, form=browser.token()) == 403


@pytest.mark.parametrize("site", ["same-origin", "none", ""])
def test_a_form_of_ours_counts(browser, site):
    browser.open(ACCOUNT)
    # Without a referrer browsers say that it comes from nowhere.
    headers = {"Sec-Fetch-Site": site, "Origin": "null"}

    assert rename(browser, headers, form=browser.token()) == 303


def test_the_secret_does_not_count_in_the_address(browser):
    browser.open(ACCOUNT)

    answer = browser.client.post(
        f"/settings?form={browser.token()}", data={"name": "Pwned"}
    )

    assert answer.status_code == 403


@pytest.mark.parametrize("path", SENT)
def test_every_form_of_every_page_asks_for_the_secret(browser, path):
    browser.open(ACCOUNT)
    path = path.replace("{token}", "x").replace("{first}", "2026-03-02")
    path = path.replace("{last}", "2026-03-02").replace("{on}", "2026-03-02")
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", "00000000-0000-0000-0000-000000000007")

    browser.post(path, {})

    assert browser.status == 403, browser.text
    assert "This form is too old, or was not ours" in browser.text


def test_the_secret_changes_when_somebody_signs_in(app, desk):
    browser = Browser.started(app)
    browser.open("/sign-in")
    before = browser.token()

    browser.send("Sign in", email=desk.signed_in.user.email, password=PASSWORD)
    browser.open(ACCOUNT)

    assert browser.token() != before
    assert rename(browser, form=before) == 403


# What the next page says


def test_what_was_done_is_said_once(browser):
    browser.open("/settings")

    browser.send("Keep", name="Oak")
    told = browser.text
    browser.open("/settings")

    assert "The clinic is as you set it." in told
    assert "The clinic is as you set it." not in browser.text
