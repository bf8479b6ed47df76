"""A clinic from nothing: its first day, its people, and who waits for a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from clinicflow_core.clock import SystemClock
from tests.browser.axe import violations
from tests.browser.clinics import (
    Arranged,
    arranged,
    founded,
    sign_in,
)
from tests.browser.keyboard import Keyboard
from tests.builders import PASSWORD


@pytest.fixture
def clinic(service: str) -> Arranged:
    return arranged(founded(service))


def link(within: Page | Locator, name: str) -> Locator:
    return within.get_by_role("link", name=name, exact=True)


def button(within: Page | Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(re.compile(rf"^{label}( \(optional\))?$"))


def panel(page: Page) -> Locator:
    return page.locator("#panel")


def test_a_clinic_is_set_up_and_takes_its_first_visit_by_the_keyboard(
    service: str, page: Page, open_page: Callable[..., Page]
):
    keys = Keyboard(page)
    monday = next_monday()

    page.goto(f"{service}/")
    keys.press(link(page, "Set one up"))
    keys.write(field(page, "Name of the clinic"), "Quay Practice")
    keys.write(field(page, "Time zone"), "Europe/Lisbon")
    keys.write(field(page, "Your name"), "Nuno Reis")
    keys.write(field(page, "Your e-mail"), "nuno@quay.example")
    keys.write(field(page, "A password"), PASSWORD)
    keys.press(button(page, "Set it up"))
    expect(page.get_by_text("There are no doctors yet")).to_be_visible()
    assert violations(page) == []

    keys.press(button(page, "Add a doctor"))
    keys.write(field(page, "Name"), "Dr. Rui Alves")
    keys.press(button(page, "Add the doctor"))
    expect(page.get_by_text("no hours yet")).to_be_visible()
    keys.write(field(page, "Monday from"), "0900AM")
    keys.write(field(page, "Monday until"), "0100PM")
    keys.press(button(page, "Copy Monday to Friday"))
    expect(field(page, "Friday until")).to_have_value("13:00")
    keys.press(button(page, "Keep the hours").last)
    expect(page.get_by_text(re.compile("Mon.Fri 09:00.13:00"))).to_be_visible()
    assert violations(page) == []

    keys.press(link(page, "Patients"))
    expect(page.get_by_text("There are no patients yet")).to_be_visible()
    keys.press(button(page, "Register a patient").first)
    keys.write(field(page, "First name"), "Ann")
    keys.write(field(page, "Last name"), "Lee")
    keys.write(field(page, "Date of birth"), "12311980")
    keys.press(button(page, "Register"))
    expect(page.get_by_role("heading", name="Ann Lee")).to_be_visible()

    keys.press(link(page, "Day"))
    keys.write(field(page, "Another day"), f"{monday:%m%d%Y}")
    keys.press(button(page, "Go"))
    keys.press(page.get_by_role("link", name=re.compile(r"^09:30\s?free")))
    expect(page.get_by_role("heading", name="Book a visit")).to_be_focused()
    keys.write(field(page, "Look for a patient"), "lee")
    keys.tick(page.get_by_role("radio", name=re.compile("Ann Lee")))
    keys.press(button(panel(page), "Book").last)
    expect(panel(page)).to_contain_text("The visit is booked.")

    keys.press(link(page, "Settings"))
    keys.press(link(page, "Users"))
    keys.press(button(page, "Open an account"))
    keys.write(field(page, "Name"), "Rosa Paz")
    keys.write(field(page, "E-mail"), "rosa@quay.example")
    first = page.get_by_role("radio", name=re.compile("^Owner"))
    keys.choose(first, page.get_by_role("radio", name=re.compile("^Reception")))
    keys.write(field(page, "A first password"), PASSWORD)
    keys.press(button(page, "Open the account"))
    expect(page.get_by_role("row", name=re.compile("Rosa Paz"))).to_be_visible()

    colleague = open_page()
    theirs = Keyboard(colleague)
    colleague.goto(f"{service}/")
    theirs.write(field(colleague, "E-mail"), "rosa@quay.example")
    theirs.write(field(colleague, "Password"), PASSWORD)
    theirs.press(button(colleague, "Sign in"))
    theirs.write(field(colleague, "Another day"), f"{monday:%m%d%Y}")
    theirs.press(button(colleague, "Go"))
    booked = colleague.get_by_role("link", name=re.compile(r"^09:30 Ann Lee"))
    expect(booked).to_be_visible()


def next_monday() -> date:
    today = SystemClock().now().date()
    return today + timedelta(days=7 - today.weekday())


def test_somebody_registered_twice_is_noticed_and_made_one_by_the_keyboard(
    clinic: Arranged, page: Page
):
    keys = Keyboard(page)
    sign_in(page, clinic.site)

    keys.press(link(page, "Patients"))
    keys.press(button(page, "Register a patient"))
    keys.write(field(page, "First name"), "Anne")
    keys.write(field(page, "Last name"), "Lee")
    keys.write(field(page, "Date of birth"), "12311980")
    keys.write(field(page, "Phone"), "+1 212 555 0147")
    keys.press(button(page, "Register"))
    expect(page.get_by_text("Perhaps the same person")).to_be_visible()
    assert violations(page) == []
    keys.press(link(page, "Compare and merge with Ann Lee"))
    keys.press(link(page, "Keep the other one instead"))
    expect(page.get_by_text("What the first one lacks")).to_contain_text("phone")
    assert violations(page) == []
    keys.press(button(page, "Merge for good"))

    expect(page.get_by_role("heading", name="Ann Lee", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("+1 212 555 0147")
    expect(page.get_by_text("Perhaps the same person")).to_have_count(0)
    keys.press(link(page, "Patients"))
    keys.write(field(page, "Look for a patient"), "lee")
    expect(page).to_have_url(re.compile("q=lee"))
    expect(page.get_by_role("row", name=re.compile("Lee"))).to_have_count(1)


def test_a_time_that_comes_free_is_held_for_whoever_waits_by_the_keyboard(
    clinic: Arranged, page: Page
):
    keys = Keyboard(page)
    clinic.book("09:00", duration=60)
    sign_in(page, clinic.site)

    keys.press(link(page, "Waitlist"))
    keys.press(button(page, "Add somebody").first)
    keys.write(field(page, "Look for a patient"), "okri")
    keys.tick(page.get_by_role("radio", name=re.compile("Ben Okri")))
    keys.pick(field(page, "With"), "Dr. Sarah Chen")
    keys.write(field(page, "From"), f"{clinic.day:%m%d%Y}")
    keys.write(field(page, "Until"), f"{clinic.day:%m%d%Y}")
    keys.write(field(page, "Not before"), "0900AM")
    keys.write(field(page, "Over by"), "1000AM")
    assert violations(page) == []
    keys.press(button(page, "Add to the waitlist"))
    expect(page.get_by_role("row", name=re.compile("Ben Okri"))).to_be_visible()

    page.goto(f"{clinic.site.url}/day/{clinic.day}")
    keys.press(page.get_by_role("link", name=re.compile("Ann Lee")))
    keys.press(panel(page).get_by_role("button", name="Cancel…"))
    keys.press(button(panel(page), "Cancel the visit"))
    expect(panel(page)).to_contain_text("The visit is cancelled.")
    expect(page.get_by_text("Held for the waitlist")).to_be_visible()

    keys.press(link(page, "Waitlist"))
    expect(page.get_by_text("Held for somebody now")).to_be_visible()
    assert violations(page) == []
    keys.press(button(page, "Book it for Ben Okri"))
    expect(page.locator(".notice")).to_contain_text("The visit is booked.")
    keys.press(link(page, "Back to the day"))

    chen = page.get_by_role("region", name="Dr. Sarah Chen")
    booked = chen.get_by_role("link", name=re.compile(r"^9:00\sAM Ben Okri"))
    expect(booked).to_be_visible()
