"""Reception's work: with a mouse, with the keyboard alone, and in two browsers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations
from tests.browser.clinics import (
    Arranged,
    arranged,
    founded,
    in_the_morning,
    sign_in,
)
from tests.browser.faults import Faults
from tests.browser.keyboard import Keyboard

SECONDS_TO_SEE = 5_000
"""How soon a change made elsewhere has to be seen, in milliseconds."""


@pytest.fixture
def clinic(service: str) -> Arranged:
    return arranged(founded(service))


def open_day(page: Page, clinic: Arranged) -> None:
    sign_in(page, clinic.site)
    page.goto(f"{clinic.site.url}/day/{clinic.day}")


def free(page: Page, doctor: str, at: str) -> Locator:
    return page.get_by_role("region", name=doctor).get_by_role(
        "link", name=re.compile(rf"^{at}\s[AP]M free")
    )


def visit(page: Page, doctor: str, words: str) -> Locator:
    return page.get_by_role("region", name=doctor).get_by_role(
        "link", name=re.compile(words)
    )


def panel(page: Page) -> Locator:
    return page.locator("#panel")


def choose_patient(page: Page, words: str, name: str) -> None:
    page.get_by_label("Look for a patient").fill(words)
    page.get_by_role("radio", name=re.compile(name)).check()


def test_reception_books_meets_a_conflict_and_takes_an_alternative(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)

    free(page, "Dr. Sarah Chen", "9:30").click()
    expect(page.get_by_role("heading", name="Book a visit")).to_be_focused()
    choose_patient(page, "okri", "Ben Okri")
    page.get_by_label("At", exact=True).fill("09:15")
    faults.expect(409)
    panel(page).get_by_role("button", name="Book", exact=True).last.click()

    expect(panel(page)).to_contain_text("The doctor has a visit from 9:00")
    expect(panel(page)).not_to_contain_text("Ann")
    panel(page).get_by_role("button", name=re.compile(r"9:30")).click()

    expect(panel(page)).to_contain_text("The visit is booked.")
    expect(visit(page, "Dr. Sarah Chen", "9:30.*Ben Okri")).to_be_visible()
    assert page.url.endswith(f"/day/{clinic.day}")
    assert violations(page) == []


def test_reception_moves_a_visit_by_dragging_it_and_takes_it_back(
    clinic: Arranged, page: Page
):
    clinic.book("09:00")
    open_day(page, clinic)

    goal = page.get_by_role("region", name="Dr. Adaeze Okafor").locator(".track")
    visit(page, "Dr. Sarah Chen", "Ann Lee").drag_to(
        goal, target_position={"x": 60, "y": 200}
    )

    expect(panel(page)).to_contain_text("The visit is moved.")
    expect(visit(page, "Dr. Adaeze Okafor", "Ann Lee")).to_be_visible()
    panel(page).get_by_role("button", name="Undo").click()
    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


def test_reception_checks_a_patient_in(clinic: Arranged, page: Page):
    clinic = in_the_morning(clinic)
    clinic.book("16:00")
    open_day(page, clinic)

    visit(page, "Dr. Sarah Chen", "Ann Lee").click()
    panel(page).get_by_role("button", name="Confirm").click()
    expect(panel(page)).to_contain_text("The visit is confirmed.")
    panel(page).get_by_role("button", name="Arrived").click()

    expect(panel(page)).to_contain_text("confirmed, here")
    expect(visit(page, "Dr. Sarah Chen", "Ann Lee confirmed, here")).to_be_visible()


def test_reception_cancels_a_visit_and_lets_it_stand_again(
    clinic: Arranged, page: Page
):
    clinic.book("09:00")
    open_day(page, clinic)

    visit(page, "Dr. Sarah Chen", "Ann Lee").click()
    panel(page).get_by_text("Cancel…").click()
    panel(page).get_by_role("button", name="Cancel the visit").click()
    expect(page.get_by_text("1 not taking place")).to_be_visible()
    assert violations(page) == []
    panel(page).get_by_role("button", name="Undo").click()

    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


def test_a_second_browser_sees_a_change_within_five_seconds(
    clinic: Arranged, page: Page, open_page: Callable[..., Page]
):
    open_day(page, clinic)
    other = open_page()
    open_day(other, clinic)

    free(page, "Dr. Sarah Chen", "10:00").click()
    choose_patient(page, "lee", "Ann Lee")
    panel(page).get_by_role("button", name="Book", exact=True).last.click()
    expect(visit(page, "Dr. Sarah Chen", "10:00.*Ann Lee")).to_be_visible()

    expect(visit(other, "Dr. Sarah Chen", "10:00.*Ann Lee")).to_be_visible(
        timeout=SECONDS_TO_SEE
    )


def test_what_somebody_is_at_is_not_taken_away_by_a_change_elsewhere(
    clinic: Arranged, page: Page
):
    clinic.book("09:00")
    open_day(page, clinic)
    held = visit(page, "Dr. Sarah Chen", "Ann Lee")
    held.focus()

    clinic.book("11:00", patient_id=clinic.ben, doctor_id=clinic.okafor)

    expect(visit(page, "Dr. Adaeze Okafor", "Ben Okri")).to_be_visible()
    expect(held).to_be_focused()


# The keyboard alone


def test_a_visit_is_booked_by_the_keyboard(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)

    keyboard = Keyboard(page)

    keyboard.press(free(page, "Dr. Sarah Chen", "9:30"))
    expect(page.get_by_role("heading", name="Book a visit")).to_be_focused()
    keyboard.write(page.get_by_label("Look for a patient"), "okri")
    expect(page.get_by_role("radio")).to_be_visible()
    keyboard.tick(page.get_by_role("radio"))
    keyboard.go_to(page.get_by_label("At", exact=True))
    page.keyboard.type("0915AM")
    faults.expect(409)
    page.keyboard.press("Enter")
    expect(panel(page)).to_contain_text("The doctor has a visit")
    keyboard.press(panel(page).get_by_role("button", name=re.compile("9:30")))

    expect(panel(page)).to_contain_text("The visit is booked.")
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(visit(page, "Dr. Sarah Chen", "9:30.*Ben Okri")).to_be_visible()


def test_a_visit_is_moved_checked_in_and_completed_by_the_keyboard(
    clinic: Arranged, page: Page
):
    clinic = in_the_morning(clinic)
    clinic.book("15:30")
    open_day(page, clinic)

    keyboard = Keyboard(page)
    keyboard.go_to(visit(page, "Dr. Sarah Chen", "Ann Lee"))
    for key in ("m", "ArrowDown", "ArrowDown", "ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator("#said")).to_contain_text("Dr. Adaeze Okafor, 4:05")
    page.keyboard.press("Enter")
    expect(panel(page)).to_contain_text("The visit is moved.")
    expect(visit(page, "Dr. Adaeze Okafor", "4:05.*Ann Lee")).to_be_visible()

    keyboard.press(panel(page).get_by_role("button", name="Arrived"))
    expect(panel(page)).to_contain_text("here")
    keyboard.press(panel(page).get_by_role("button", name="Took place"))
    expect(panel(page)).to_contain_text("The visit took place.")


def test_escape_leaves_a_visit_where_it_was(clinic: Arranged, page: Page):
    clinic.book("09:00")
    open_day(page, clinic)

    visit(page, "Dr. Sarah Chen", "Ann Lee").focus()
    for key in ("m", "ArrowDown", "Escape"):
        page.keyboard.press(key)

    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_focused()
    expect(panel(page)).to_be_hidden()


def test_whoever_carries_a_visit_and_goes_elsewhere_hears_that_it_stays(
    clinic: Arranged, page: Page
):
    clinic.book("09:00")
    open_day(page, clinic)
    expect(page.get_by_role("status")).to_have_text("")

    visit(page, "Dr. Sarah Chen", "Ann Lee").focus()
    for key in ("m", "ArrowDown", "Tab"):
        page.keyboard.press(key)

    expect(page.get_by_role("status")).to_have_text("It stays where it was.")
    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


# When the clinic cannot be reached

LOST = "The clinic cannot be reached."
UNCERTAIN = "It is not certain whether that was done: look before you do it again."


def expect_told(page: Page, *words: str) -> None:
    """Expect *words* where they can be seen, and where they are read out."""
    expect(trouble(page)).to_be_visible()
    for each in words:
        expect(trouble(page)).to_contain_text(each)
        expect(page.locator("#said")).to_contain_text(each)


def trouble(page: Page) -> Locator:
    return page.locator("#trouble")


def test_a_step_that_does_not_reach_the_clinic_says_so(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)
    visit(page, "Dr. Sarah Chen", "Ann Lee").click()
    faults.expect_to_be_cut_off()
    page.context.set_offline(True)

    panel(page).get_by_role("button", name="Confirm").click()

    expect_told(page, LOST, UNCERTAIN)
    assert violations(page) == []
    expect(panel(page)).to_contain_text("to confirm")
    page.context.set_offline(False)
    panel(page).get_by_role("button", name="Confirm").click()
    expect(panel(page)).to_contain_text("The visit is confirmed.")
    expect(trouble(page)).to_be_hidden()


def test_a_move_that_does_not_reach_the_clinic_says_so_and_moves_nothing(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)
    faults.expect_to_be_cut_off()
    page.context.set_offline(True)

    goal = page.get_by_role("region", name="Dr. Adaeze Okafor").locator(".track")
    visit(page, "Dr. Sarah Chen", "Ann Lee").drag_to(
        goal, target_position={"x": 60, "y": 200}
    )

    expect_told(page, LOST, UNCERTAIN)
    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


def test_looking_at_a_visit_in_vain_changes_nothing_and_says_so(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)
    faults.expect_to_be_cut_off()
    page.context.set_offline(True)

    visit(page, "Dr. Sarah Chen", "Ann Lee").click()

    expect_told(page, LOST, "Nothing was changed.")


def test_a_board_that_cannot_be_drawn_anew_says_so_until_it_can(
    clinic: Arranged, page: Page, faults: Faults
):
    clinic.book("09:00")
    open_day(page, clinic)
    faults.expect_to_be_cut_off()
    page.context.set_offline(True)

    expect_told(page, LOST, "What is shown may be old.")
    page.context.set_offline(False)

    expect(trouble(page)).to_be_hidden()
    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


@pytest.mark.parametrize("status", [404, 502])
def test_what_a_server_in_between_says_takes_the_place_of_nothing(
    clinic: Arranged, page: Page, faults: Faults, status: int
):
    clinic.book("09:00")
    open_day(page, clinic)
    visit(page, "Dr. Sarah Chen", "Ann Lee").click()
    faults.expect(status)
    for path in ("**/confirm", "**/board?*"):
        page.route(path, lambda route: route.fulfill(status=status, body="<h1>No</h1>"))

    expect_told(page, "The clinic does not answer as it should.", "may be old")
    panel(page).get_by_role("button", name="Confirm").click()

    expect_told(page, "The clinic does not answer as it should.", UNCERTAIN)
    expect(panel(page)).to_contain_text("to confirm")
    expect(visit(page, "Dr. Sarah Chen", "9:00.*Ann Lee")).to_be_visible()


# Without a script


def test_everything_but_dragging_works_without_a_script(
    clinic: Arranged, plain_page: Page, faults: Faults
):
    page = plain_page
    clinic.book("09:00")
    open_day(page, clinic)

    free(page, "Dr. Sarah Chen", "9:30").click()
    page.get_by_label("Look for a patient").fill("okri")
    page.get_by_role("button", name="Look up").click()
    page.get_by_role("radio", name=re.compile("Ben Okri")).check()
    page.get_by_label("At", exact=True).fill("09:15")
    faults.expect(409)
    page.get_by_role("button", name="Book", exact=True).last.click()
    page.get_by_role("button", name=re.compile("9:30")).click()
    expect(page.locator(".notice")).to_contain_text("The visit is booked.")

    page.get_by_text("Move…").click()
    page.get_by_label("At", exact=True).fill("14:00")
    page.get_by_role("button", name="Move it").last.click()
    expect(page.locator("main")).to_contain_text("2:00")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("main")).to_contain_text("9:30")
    page.get_by_role("link", name="Back to the day").click()
    expect(visit(page, "Dr. Sarah Chen", "9:30.*Ben Okri")).to_be_visible()
