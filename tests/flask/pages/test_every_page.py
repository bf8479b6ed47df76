"""What holds for every page there is, each found in the table of pages."""

from __future__ import annotations

import re

import pytest

from clinicflow_core.memory import MemoryStore
from clinicflow_flask.pages.site import PAGES
from clinicflow_flask.pages.table import Page
from tests.builders import Watch
from tests.flask.desk import UNKNOWN
from tests.flask.pages.browser import Browser

pytestmark = pytest.mark.slow  # Not each of them; there are many.

PLACE = re.compile(r"{([a-z_]+)}")
TEXTS = {"token": "guessed", "number": "1"}
OF_THE_SIGNED_IN = [page for page in PAGES if not page.is_public]
POSTS = [page for page in PAGES if page.method == "POST"]
GETS = [page for page in PAGES if page.method == "GET"]
OF_RECORDS = [
    page
    for page in OF_THE_SIGNED_IN
    if any("_id" in n for n in PLACE.findall(page.path))
]


@pytest.fixture
def store(watch: Watch) -> MemoryStore:
    """What is asked here never comes as far as a database."""
    return MemoryStore(watch)


def named(pages: list[Page]) -> list[object]:
    return [pytest.param(page, id=page.endpoint) for page in pages]


def path_of(page: Page, record_id: str = UNKNOWN) -> str:
    def place(found: re.Match[str]) -> str:
        name = found[1]
        if name.endswith("_id"):
            return record_id
        return TEXTS.get(name, "2026-03-03")

    return PLACE.sub(place, page.path)


def ask(browser: Browser, page: Page, form: dict[str, str], **kwargs) -> None:
    if page.method == "GET":
        browser.open(path_of(page, **kwargs))
    else:
        browser.post(path_of(page, **kwargs), form)


def test_no_two_pages_stand_in_one_place():
    assert len({page.endpoint for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("page", named(OF_THE_SIGNED_IN))
def test_whoever_is_not_signed_in_is_sent_to_sign_in(stranger, page):
    ask(stranger, page, {})

    assert stranger.path == "/sign-in"


@pytest.mark.parametrize("page", named(POSTS))
def test_no_form_is_heeded_that_is_not_ours(browser, page):
    browser.open("/day")

    for form in ({}, {"form": "guessed"}, {"form": ""}):
        browser.post(path_of(page), form)
        assert browser.status == 403


@pytest.mark.parametrize("page", named(OF_RECORDS))
def test_what_is_not_there_is_not_found(browser, page):
    browser.open("/day")

    ask(browser, page, {"form": browser.token()})

    # A form that says too little may be refused before the record is looked for.
    assert browser.status in ((404,) if page.method == "GET" else (404, 422))
    assert browser.answer.mimetype == "text/html"


@pytest.mark.parametrize("page", named(GETS))
def test_no_browser_keeps_a_page_and_no_page_runs_what_is_not_ours(browser, page):
    browser.client.get(path_of(page))

    answer = browser.client.get(path_of(page), headers={"Accept": "text/html"})

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=|<style", answer.text)


@pytest.mark.parametrize("page", named(GETS))
@pytest.mark.parametrize(
    "query",
    [
        "q=%00&date=%00&from=%00&doctor_id=%00&patient_id=%00&cursor=%00&status=%00",
        "q=%ff%fe&next=//evil.example&cursor=%ff&from=9999-99-99&start_time=99:99",
        "q=" + "x" * 3000 + "&from=" + "1" * 3000 + "&doctor_id=" + "9" * 300,
        "q=a&q=b&date=2026-03-03&date=2026-03-04&doctor_id=&doctor_id=x&limit=-1",
    ],
    ids=["NUL", "bytes", "long", "twice"],
)
def test_no_query_breaks_a_page(browser, page, query):
    answer = browser.client.get(f"{path_of(page)}?{query}")

    assert answer.status_code != 500, answer.text


@pytest.mark.parametrize("page", named(POSTS))
@pytest.mark.parametrize(
    "value",
    ["\x00", "x" * 20_000, "٣٠", "2026-02-30", "-1"],
    ids=["NUL", "long", "digits", "no day", "negative"],
)
def test_no_form_breaks_a_page(browser, desk, page, value):
    browser.open("/day")
    token = browser.token()
    names = (
        *("doctor_id", "patient_id", "date", "start_time", "duration", "version"),
        *("name", "email", "password", "role", "timezone", "answers", "q", "from"),
        *("first_name", "last_name", "date_of_birth", "weekday", "once", "take"),
        *("cancellation_type", "birth_date", "days_open", "questionnaire_id", "color"),
    )

    browser.post(path_of(page), {**dict.fromkeys(names, value), "form": token})

    assert browser.status != 500
