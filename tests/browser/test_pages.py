"""Every page on every screen: nobody is kept out, and nothing hangs over the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import asdict, frozen
from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.clinics import founded
from tests.browser.conftest import LOOKS
from tests.browser.faults import Faults
from tests.browser.screenshots import shot
from tests.browser.sites import Site


@frozen
class Shown:
    """The ids that stand in addresses, found in the demo's record."""

    visit: str
    patient: str
    doctor: str
    form: str
    user: str
    questionnaire: str


PAGES: dict[str, str] = {
    "day": "/day",
    "week": "/week",
    "week-of-one": "/week?doctor_id={doctor}",
    "book": "/book?doctor_id={doctor}",
    "visit": "/visits/{visit}",
    "patients": "/patients",
    "patients-found": "/patients?q=a",
    "patients-new": "/patients/new",
    "patient": "/patients/{patient}",
    "patient-change": "/patients/{patient}/change",
    "patient-erase": "/patients/{patient}/erase",
    "waitlist": "/waitlist",
    "waitlist-join": "/waitlist/join",
    "intake": "/intake",
    "intake-send": "/intake/send?patient_id={patient}",
    "intake-review": "/intake/{form}",
    "dashboard": "/dashboard",
    "settings": "/settings",
    "settings-policy": "/settings/policy",
    "settings-doctors": "/settings/doctors",
    "settings-doctor": "/settings/doctors/{doctor}",
    "settings-users": "/settings/users",
    "settings-user": "/settings/users/{user}",
    "settings-questionnaires": "/settings/questionnaires",
    "settings-questionnaire": "/settings/questionnaires/{questionnaire}",
    "settings-account": "/settings/account",
}
"""Of somebody who is signed in; the names are those of the pictures."""

PICTURED = {
    ("day", "phone"),
    ("day", "desktop-dark"),
    ("dashboard", "desktop-dark"),
    ("patients", "phone"),
}
"""What the documents have pictures of besides each page on a desktop."""

OF_ANYBODY = {"sign-in": "/sign-in", "sign-up": "/sign-up"}


FORMS = "/api/intake/forms"


@pytest.fixture(scope="session")
def shown(demo: Site) -> Shown:
    """What there is to see in the demo: of each kind what has most on it."""
    forms = demo.call("GET", f"{FORMS}?status=submitted")["items"]
    form = max(
        (each for each in forms if each["appointment_id"]),
        key=lambda each: len(str(demo.call("GET", f"{FORMS}/{each['id']}/summary"))),
    )
    return Shown(
        visit=form["appointment_id"],
        patient=form["patient_id"],
        doctor=first(demo, "/api/doctors"),
        form=form["id"],
        user=first(demo, "/api/users"),
        questionnaire=first(demo, "/api/intake/questionnaires"),
    )


def first(site: Site, path: str) -> str:
    return str(site.call("GET", path)["items"][0]["id"])


@pytest.fixture(scope="session")
def cookies(demo: Site, browser: Any) -> Any:
    """What a browser keeps in which the owner is signed in."""
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, demo)
        return context.storage_state()


def sign_in(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/sign-in")
    page.get_by_label("E-mail").fill(site.email)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/day")


def accept(page: Page) -> None:
    """Hold what *page* shows against what everybody can expect."""
    assert violations(page) == []
    widest = page.evaluate("document.documentElement.scrollWidth")
    assert widest <= page.viewport_size["width"], "something hangs over the edge"
    assert len(page.locator("h1").all()) == 1


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_for_everybody_on_every_screen(
    demo: Site,
    shown: Shown,
    cookies: Any,
    look: str,
    open_page: Callable[..., Page],
    name: str,
):
    page = open_page(**LOOKS[look], storage_state=cookies)

    page.goto(demo.url + PAGES[name].format_map(asdict(shown)))

    accept(page)
    if look == "desktop" or (name, look) in PICTURED:
        shot(page, f"{name}-{look}", whole=name == "dashboard")


@pytest.mark.parametrize("name", OF_ANYBODY)
def test_so_is_each_page_of_whoever_is_not_signed_in(
    demo: Site, look: str, looked_at: Page, name: str
):
    looked_at.goto(demo.url + OF_ANYBODY[name])

    accept(looked_at)
    if look == "desktop":
        shot(looked_at, f"{name}-{look}")


def test_so_is_what_is_refused(
    demo: Site,
    cookies: Any,
    look: str,
    open_page: Callable[..., Page],
    faults: Faults,
):
    page = open_page(**LOOKS[look], storage_state=cookies)
    faults.expect(404)

    page.goto(f"{demo.url}/visits/00000000-0000-0000-0000-000000000000")

    accept(page)
    page.get_by_role("button", name="Go to the day").click()
    page.wait_for_url("**/day")


@pytest.mark.parametrize(
    ("path", "onward"),
    [
        ("/day", "Add a doctor"),
        ("/week", "Add a doctor"),
        ("/patients", "Register a patient"),
        ("/waitlist", "Add somebody"),
        ("/intake", "Send a form"),
        ("/dashboard", "Add a doctor"),
        ("/settings/doctors", "Add the first doctor"),
        ("/settings/questionnaires", "Add a questionnaire"),
    ],
)
def test_an_empty_clinic_says_what_comes_next(
    nobody: Site, nobodys: Any, open_page: Callable[..., Page], path: str, onward: str
):
    page = open_page(storage_state=nobodys)

    page.goto(nobody.url + path)

    accept(page)
    page.get_by_role("main").get_by_text(onward, exact=True).last.click()
    expect(page).not_to_have_url(nobody.url + path)
    accept(page)


@pytest.fixture(scope="module")
def nobody(service: str) -> Site:
    """A clinic in which there is nobody but its owner."""
    return founded(service)


@pytest.fixture(scope="module")
def nobodys(nobody: Site, browser: Any) -> Any:
    """What its owner's browser keeps."""
    with browser.new_context() as context:
        page = context.new_page()
        sign_in(page, nobody)
        return context.storage_state()
