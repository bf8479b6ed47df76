"""The React client of `docs/front-ends.md`: built as it says, and used."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, Route, expect

from clinicflow_core.entities.doctor import WEEKDAYS
from tests.browser.axe import violations
from tests.browser.conftest import LOOKS
from tests.browser.faults import Faults
from tests.browser.front_ends import (
    Desk,
    FrontEnd,
    book,
    build,
    move,
    point,
    published,
    visit_of,
)
from tests.browser.screenshots import shot
from tests.browser.sites import Site, serving
from tests.builders import PASSWORD

ALL_WEEK = [
    {"weekday": day.value, "start": "09:00", "end": "17:00"} for day in WEEKDAYS
]

_numbers = count(1)


@pytest.fixture(scope="module")
def front_end(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FrontEnd]:
    """The client, built, and a service that knows it and no clinic."""
    folder = tmp_path_factory.mktemp("front-end")
    public = build(folder / "client")
    file = shutil.copy(migrated_sqlite, folder / "clinicflow.db")
    with (
        published(public) as url,
        published(public) as strange_url,
        serving(f"sqlite:///{file}", folder, CORS_ORIGINS=url) as service,
    ):
        point(public, service)
        yield FrontEnd(service, url, strange_url)


@pytest.fixture
def desk(front_end: FrontEnd) -> Desk:
    """A clinic of the test's own, which works all week."""
    clinic = Site(front_end.service, f"ines{next(_numbers)}@harbour.example", PASSWORD)
    clinic.sign_up("Harbour Clinic", "Ines Sol")
    doctor = clinic.call("POST", "/api/doctors", {"name": "Dr. Sarah Chen"})
    clinic.call("PUT", f"/api/doctors/{doctor['id']}/hours", ALL_WEEK)
    ann, _ = (
        clinic.call("POST", "/api/patients", {"first_name": first, "last_name": last})
        for first, last in (("Ann", "Lee"), ("Bo", "Diaz"))
    )
    today = date.fromisoformat(clinic.call("GET", "/api/schedule/day")["date"])
    tomorrow = (today + timedelta(days=1)).isoformat()
    return Desk(clinic, front_end, tomorrow, doctor["id"], ann["id"])


def test_a_front_end_elsewhere_books_and_takes_an_alternative_to_a_taken_time(
    desk: Desk, page: Page, faults: Faults
):
    desk.open_day(page)
    book(page, "Ann Lee", "09:00")
    expect(page.get_by_text("09:00 Ann Lee, unconfirmed")).to_be_visible()
    faults.expect(409)

    book(page, "Bo Diaz", "09:10")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("The doctor has a visit from 09:00 to 09:30.")
    shot(page, "react")
    refusal.get_by_role("button").first.click()

    expect(page.get_by_text("09:30 Bo Diaz, unconfirmed")).to_be_visible()
    expect(refusal).to_have_count(0)
    assert [start for start, _ in desk.booked()] == ["09:00", "09:30"]


def test_a_visit_whose_answer_got_lost_is_booked_once(
    desk: Desk, page: Page, faults: Faults
):
    desk.open_day(page)
    tries = []

    def lose_the_first_answer(route: Route) -> None:
        tries.append(route.request.headers["idempotency-key"])
        if len(tries) == 1:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/appointments", lose_the_first_answer)
    with page.expect_response(
        lambda answer: answer.url.endswith("/api/appointments")
    ) as answered:
        book(page, "Ann Lee", "09:00")

    expect(page.get_by_text("09:00 Ann Lee, unconfirmed")).to_be_visible()
    assert len(tries) == 2
    assert len(set(tries)) == 1
    assert answered.value.headers["idempotent-replayed"] == "true"
    assert len(desk.booked()) == 1
    assert all("ERR_CONNECTION_RESET" in lost for lost in faults.take())


def test_a_visit_is_cancelled(desk: Desk, page: Page):
    desk.has_visit("09:00")
    desk.open_day(page)

    visit_of(page, "09:00 Ann Lee").get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("09:00 Ann Lee, cancelled")).to_be_visible()
    assert desk.booked() == [("09:00", "cancelled")]


def test_a_visit_is_moved_and_to_an_alternative_if_its_new_time_is_taken(
    desk: Desk, page: Page, faults: Faults
):
    desk.has_visit("09:00")
    desk.has_visit("11:00")
    desk.open_day(page)
    faults.expect(409)

    move(page, "11:00 Ann Lee", "09:10")
    page.get_by_role("alert").get_by_role("button").first.click()

    expect(page.get_by_text("09:30 Ann Lee, unconfirmed")).to_be_visible()
    assert [start for start, _ in desk.booked()] == ["09:00", "09:30"]


def test_a_visit_that_somebody_changed_meanwhile_is_not_moved_unseen(
    desk: Desk, page: Page, faults: Faults
):
    visit = desk.has_visit("09:00")
    desk.open_day(page)
    desk.clinic.call("POST", f"/api/appointments/{visit['id']}/confirm")
    faults.expect(412)

    move(page, "09:00 Ann Lee", "10:00")

    expect(page.get_by_role("alert")).to_contain_text("changed")
    expect(page.get_by_text("09:00 Ann Lee, confirmed")).to_be_visible()
    assert desk.booked() == [("09:00", "confirmed")]


def test_two_requests_with_an_old_token_go_on_with_one_new_pair(
    desk: Desk, page: Page, faults: Faults
):
    old: list[Route] = []
    renewing: list[Route] = []
    refused: list[Response] = []

    def with_an_old_token(route: Route) -> None:
        headers = dict(route.request.headers)
        if len(old) < 2:
            old.append(route)
            headers["authorization"] = "Bearer old"
        route.continue_(headers=headers)

    def hold(route: Route) -> None:
        renewing.append(route)

    page.route("**/api/patients?*", with_an_old_token)
    page.route("**/api/schedule/day", with_an_old_token)
    page.route("**/api/auth/refresh", hold)
    page.on("response", lambda a: refused.append(a) if a.status == 401 else None)
    faults.expect(401)
    desk.sign_in(page)
    for _ in range(500):
        if len(refused) == 2 and renewing:
            break
        page.wait_for_timeout(20)

    for route in renewing:
        route.continue_()

    expect(page.get_by_role("heading", name="Dr. Sarah Chen")).to_be_visible()
    expect(page.get_by_role("option", name="Ann Lee")).to_have_count(1)
    assert (len(refused), len(renewing)) == (2, 1)


def test_a_wrong_password_and_signing_out_lead_to_the_door(
    desk: Desk, page: Page, faults: Faults
):
    faults.expect(401)
    desk.sign_in(page, password="not the password")
    expect(page.get_by_role("alert")).to_be_visible()

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_token_is_kept_where_no_other_page_finds_it(desk: Desk, page: Page):
    desk.open_day(page)

    kept = page.evaluate("[localStorage.length, sessionStorage.length]")

    assert kept == [0, 0]
    assert page.context.cookies() == []


def test_a_front_end_that_is_not_named_is_kept_out(
    desk: Desk, page: Page, faults: Faults
):
    desk.sign_in(page, desk.front_end.strange_url)

    expect(page.get_by_role("alert")).to_be_visible()
    assert any("blocked by CORS policy" in fault for fault in faults.take())


def test_the_front_end_has_no_barriers(
    desk: Desk, open_page: Callable[..., Page], faults: Faults
):
    desk.has_visit("09:00")
    faults.expect(409)
    found = {}
    for look, options in LOOKS.items():
        page = open_page(**options)
        page.goto(desk.front_end.url)
        found[look, "door"] = violations(page)
        desk.open_day(page)
        book(page, "Bo Diaz", "09:10")
        expect(page.get_by_role("alert")).to_be_visible()
        found[look, "desk"] = violations(page)

    assert not any(found.values()), found
