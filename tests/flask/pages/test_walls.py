"""No page reaches another clinic: each is asked about what it has, by each role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import pytest

from clinicflow_core.ports import Once, UnitOfWork
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.site import PAGES
from clinicflow_flask.pages.table import Page
from tests.flask.pages.browser import Browser
from tests.flask.test_tenant_matrix import (
    CANARY,
    World,
    tells_of_the_other,
    world,
)

PLACE = re.compile(r"{([a-z_]+)}")
OTHER_PLACES = {"token": "guessed", "number": "1"}
QUERIES = ("doctor_id", "patient_id", "appointment_id", "questionnaire_id")


@pytest.fixture
def two_clinics(settings, store) -> World:
    return world(settings, store)


def asked(browser: Browser, page: Page, ids: Mapping[str, str]) -> tuple[int, str]:
    """Ask for *page* about *ids*, wherever one can stand; return what is answered."""
    path = PLACE.sub(
        lambda found: ids.get(found[1]) or OTHER_PLACES.get(found[1], "2026-03-03"),
        page.path,
    )
    query = {name: ids[name] for name in QUERIES if name in ids}
    query["like"] = ids["patient_id"]
    if page.method == "GET":
        answer = browser.client.get(path, query_string=query)
    else:
        form = {
            **ids,
            "form": browser.token(),
            "date": "2026-03-05",
            "start_time": "15:00",
            "name": "Renamed",
            "last_name": CANARY if page.path.endswith("/erase") else "Renamed",
            "cancellation_type": "other",
            "role": "doctor",
            "first_date": "2026-03-03",
            "last_date": "2026-03-10",
            "starts": "2026-03-20T09:00",
            "ends": "2026-03-20T10:00",
        }
        answer = browser.client.post(path, data=form, query_string=query)
    return answer.status_code, f"{answer.get_data(as_text=True)}{answer.headers}"


def leaks(two: World) -> Iterator[str]:
    """Yield each page that tells another clinic's record from none at all."""
    for role, desk in two.staff.items():
        browser = Browser.started(two.app, desk)
        for page in PAGES:
            if page.is_public or page.path == "/sign-out":
                continue
            browser.open("/day")
            unknown, _ = asked(browser, page, two.unknown)
            foreign, told = asked(browser, page, two.foreign)
            if foreign != unknown:
                yield f"{role.value}: {page.endpoint}: {unknown} or {foreign}"
            if CANARY in told:
                yield f"{role.value}: {page.endpoint} tells of it"


def test_no_page_reaches_another_clinic(two_clinics: World):
    before = contents_of_other(two_clinics)

    assert list(leaks(two_clinics)) == []

    assert contents_of_other(two_clinics) == before


def contents_of_other(two: World) -> object:
    desk = two.other
    return [
        desk.get(path).json
        for path in (
            *("/api/clinic", "/api/doctors", "/api/patients", "/api/appointments"),
            *("/api/users", "/api/waitlist", "/api/intake/forms"),
            "/api/intake/questionnaires",
        )
    ]


def test_no_page_tells_of_another_clinic_unasked(two_clinics: World):
    for desk in two_clinics.staff.values():
        browser = Browser.started(two_clinics.app, desk)
        for page in PAGES:
            if page.method == "GET" and not PLACE.search(page.path):
                text = browser.client.get(page.path).get_data(as_text=True)
                assert not tells_of_the_other(text, two_clinics), page.path


def test_a_wall_that_is_down_would_be_found(two_clinics: World, monkeypatch):
    other = two_clinics.other.signed_in.session

    def careless(who: Visitor, once: Once | None = None) -> UnitOfWork:
        return who.store.unit_of_work(other.clinic_id, other.id, once)

    monkeypatch.setattr(Visitor, "desk", careless)

    assert any("tells of it" in leak for leak in leaks(two_clinics))
