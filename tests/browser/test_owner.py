"""The owner reads the figures, sets how the clinic writes days, and prints."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.browser.axe import violations
from tests.browser.clinics import (
    OWNER,
    Arranged,
    arranged,
    founded,
    sign_in,
)
from tests.browser.keyboard import Keyboard

ANSWERS = {
    "reason": "I have had a cough since Sunday.",
    "takes-medications": False,
    "has-allergies": False,
    "consent": "agree",
}


@pytest.fixture(scope="module")
def clinic(service: str) -> Arranged:
    """
    A clinic with a past: three weeks before its day three visits took place, and one
    patient did not come.

    On its day one has answered the form, another visit is booked, and one cancelled.
    """
    clinic = arranged(founded(service))
    past = clinic.day - timedelta(days=21)
    for at, patient, became in (
        ("09:00", clinic.ann, "complete"),
        ("10:00", clinic.ben, "complete"),
        ("11:00", clinic.ann, "complete"),
        ("12:00", clinic.ben, "no-show"),
    ):
        told = {"reason": "Written down afterwards."}
        visit = clinic.book(at, date=str(past), patient_id=patient, override=told)
        clinic.site.call("POST", f"/api/appointments/{visit['id']}/{became}", {})
    clinic.answer(clinic.send_form(clinic.book("09:00")), ANSWERS)
    clinic.book("14:00", doctor_id=clinic.okafor, patient_id=clinic.ben)
    gone = clinic.book("15:00", doctor_id=clinic.okafor)
    why = {"cancellation_type": "other"}
    clinic.site.call("POST", f"/api/appointments/{gone['id']}/cancel", why)
    return clinic


@pytest.fixture(scope="module")
def cookies(clinic: Arranged, browser: Browser) -> StorageState:
    """What a browser keeps in which the owner is signed in."""
    with browser.new_context() as context:
        sign_in(context.new_page(), clinic.site, OWNER)
        return context.storage_state()


@pytest.fixture
def page(cookies: StorageState, open_page: Callable[..., Page]) -> Page:
    """The owner's page, on a desktop."""
    return open_page(storage_state=cookies)


# The figures


def card(page: Page, title: str) -> Locator:
    heading = page.get_by_role("heading", name=title, exact=True, level=3)
    return page.get_by_role("article").filter(has=heading)


def number(page: Page, title: str) -> Locator:
    return card(page, title).locator(".dash-number")


def chart(page: Page, title: str) -> Locator:
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.get_by_role("figure").filter(has=heading)


def open_figures(page: Page, clinic: Arranged) -> None:
    page.goto(f"{clinic.site.url}/dashboard")


def total_of(clinic: Arranged, first: date | None = None) -> Any:
    """Return the figures of four weeks until today, or of a week from *first* on."""
    query = f"?from={first}&to={first + timedelta(days=6)}" if first else ""
    return clinic.site.call("GET", f"/api/dashboard/figures{query}")["total"]


def test_the_owner_reads_the_figures_that_the_service_tells(
    clinic: Arranged, page: Page
):
    told = total_of(clinic)

    open_figures(page, clinic)

    assert told["visits"]["booked"] == 4
    assert told["due"]["no_shows"]["rate"] == pytest.approx(1 / 4)
    expect(number(page, "Visits")).to_have_text("4")
    expect(card(page, "Visits")).to_contain_text("3 completed, 0 not settled")
    low, high = (told["due"]["no_shows"][end] for end in ("low", "high"))
    expect(number(page, "No-shows")).to_have_text("25%")
    expect(card(page, "No-shows")).to_contain_text(
        f"1 of 4 due visits; likely {low:.0%} to {high:.0%}"
    )
    share = told["utilisation"]["share"]
    expect(number(page, "Booked time")).to_have_text(f"{share['rate']:.0%}")
    expect(card(page, "Booked time")).to_contain_text(
        f"{share['count']} of {share['of']:,} minutes offered"
    )
    assert violations(page) == []


def test_what_a_figure_counts_is_written_beside_it(clinic: Arranged, page: Page):
    open_figures(page, clinic)

    card(page, "No-shows").get_by_text("What counts").click()

    expect(card(page, "No-shows")).to_contain_text("the start has passed")
    assert violations(page) == []


def test_the_numbers_of_a_chart_stand_in_a_table_below_it(clinic: Arranged, page: Page):
    open_figures(page, clinic)
    doctors = chart(page, "Visits by doctor")

    expect(doctors.get_by_role("img")).to_be_visible()
    doctors.get_by_text("The numbers").click()

    chen = doctors.get_by_role("row", name=re.compile("Dr. Sarah Chen"))
    expect(chen.get_by_role("cell").first).to_have_text("4")
    expect(doctors.get_by_role("row", name=re.compile("Okafor"))).to_contain_text("0")
    assert violations(page) == []


def test_the_owner_chooses_the_days_that_are_counted(clinic: Arranged, page: Page):
    told = total_of(clinic, clinic.day)
    open_figures(page, clinic)

    page.get_by_label("From").fill(str(clinic.day))
    page.get_by_label("To", exact=True).fill(str(clinic.day + timedelta(days=6)))
    page.get_by_role("button", name="Show").click()

    assert told["visits"]["booked"] == 3
    expect(number(page, "Visits")).to_have_text("3")
    expect(card(page, "Cancelled")).to_contain_text("1 of 3 visits")
    expect(card(page, "No-shows")).to_contain_text("no due visits yet")
    page.get_by_label("Doctor", exact=True).select_option("Dr. Sarah Chen")
    page.get_by_role("button", name="Show").click()
    expect(number(page, "Visits")).to_have_text("1")
    page.get_by_role("link", name="Last 4 weeks").click()
    expect(number(page, "Visits")).to_have_text("4")


def test_the_figures_are_saved_as_a_table(clinic: Arranged, page: Page):
    open_figures(page, clinic)

    with page.expect_download() as saving:
        page.get_by_role("link", name="Save as CSV").click()

    assert re.fullmatch(r"figures-.*\.csv", saving.value.suggested_filename)
    with Path(saving.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    by_name = {r["figure"]: r["value"] for r in rows if r["group"] == "total"}
    assert by_name["booked"] == "4"


def test_the_figures_are_read_by_the_keyboard(clinic: Arranged, page: Page):
    keys = Keyboard(page)
    page.goto(f"{clinic.site.url}/day")
    keys.press(page.get_by_role("link", name="Figures", exact=True))
    days = f"{clinic.day:%m%d%Y}"

    keys.write(page.get_by_label("From"), days)
    keys.write(page.get_by_label("To", exact=True), days)
    keys.press(page.get_by_role("button", name="Show"))
    expect(number(page, "Visits")).to_have_text("3")
    keys.press(card(page, "Cancelled").locator("summary"))
    expect(card(page, "Cancelled").get_by_role("paragraph").last).to_be_visible()
    keys.press(chart(page, "Visits by doctor").locator("summary"))

    okafor = page.get_by_role("row", name=re.compile("Okafor")).first
    expect(okafor.get_by_role("cell").first).to_have_text("2")


# How days and times are written


def test_days_and_times_are_written_as_the_owner_chooses_by_the_keyboard(
    clinic: Arranged, page: Page
):
    booked = page.get_by_role("link", name=re.compile("Ben Okri"))
    day = clinic.day

    page.goto(f"{clinic.site.url}/day/{day}")
    expect(booked).to_have_text(re.compile(r"^2:00\sPM"))
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"{day:%A}, {day:%B} {day.day}, {day.year}"
    )

    write_as_in(page, "United Kingdom")
    page.goto(f"{clinic.site.url}/day/{day}")
    expect(booked).to_have_text(re.compile(r"^14:00"))
    expect(page.get_by_role("heading", level=1)).to_have_text(
        f"{day:%A}, {day.day} {day:%B} {day.year}"
    )

    write_as_in(page, "The country of the time zone")
    page.goto(f"{clinic.site.url}/day/{day}")
    expect(booked).to_have_text(re.compile(r"^2:00\sPM"))


def write_as_in(page: Page, place: str) -> None:
    keys = Keyboard(page)
    keys.press(page.get_by_role("link", name="Settings"))
    keys.pick(page.get_by_label("Days and times are written as in"), place)
    keys.press(page.get_by_role("button", name="Keep"))
    expect(page.locator(".notice")).to_contain_text("The clinic is as you set it.")


# Dark, and on paper


def test_whoever_likes_it_dark_sees_it_dark(clinic: Arranged, page: Page):
    page.goto(f"{clinic.site.url}/day/{clinic.day}")
    light = brightness_of(page)

    page.emulate_media(color_scheme="dark")

    assert light > 200
    assert brightness_of(page) < 60
    assert violations(page) == []


def brightness_of(page: Page) -> float:
    """Return how bright the ground of *page* is, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    return (red + green + blue) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_day_is_printed_without_what_is_only_for_the_screen(
    clinic: Arranged, page: Page, scheme: Any
):
    page.goto(f"{clinic.site.url}/day/{clinic.day}")

    page.emulate_media(media="print", color_scheme=scheme)

    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("free"))).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for visit in ("Ann Lee to confirm", "Ben Okri", "3:00 PM Ann Lee"):
        expect(page.get_by_role("link", name=re.compile(visit))).to_be_visible()
    expect(page.get_by_text(re.compile("Harbour Clinic, printed"))).to_be_visible()
    assert brightness_of(page) > 200, "ink is dear"
    assert violations(page) == []
    assert sheets_of(page) == 1


def test_a_patients_form_is_printed_with_what_they_said(clinic: Arranged, page: Page):
    page.goto(f"{clinic.site.url}/intake")
    page.get_by_role("row").get_by_role("link", name="Ann Lee").click()

    page.emulate_media(media="print")

    expect(page.get_by_role("navigation")).to_have_count(0)
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ann Lee")
    said = page.get_by_role("region", name="What the patient said")
    expect(said).to_contain_text("I have had a cough since Sunday.")
    expect(said.get_by_text("I have had a cough since Sunday.")).to_be_visible()
    assert sheets_of(page) == 1


def sheets_of(page: Page) -> int:
    """Return how many sheets of paper *page* takes."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
