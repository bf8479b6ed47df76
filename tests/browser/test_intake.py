"""A form goes to the patient and comes back; the doctor reads and signs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, StorageState, expect

from tests.browser.axe import violations
from tests.browser.clinics import (
    BORN,
    DOCTOR,
    RECEPTION,
    Arranged,
    arranged,
    founded,
    sign_in,
)
from tests.browser.conftest import LOOKS, PHONE
from tests.browser.faults import Faults
from tests.browser.keyboard import Keyboard
from tests.browser.screenshots import shot
from tests.browser.sites import serving

SAYS = "I have had a cough since Sunday, and I feel dizzy."
ANSWERS = {
    "reason": SAYS,
    "takes-medications": True,
    "medications": [{"medication-name": "Lisinopril", "medication-dose": "10 mg"}],
    "has-allergies": False,
    "consent": "agree",
}


@pytest.fixture(scope="module")
def clinic(service: str) -> Arranged:
    """A clinic in which each test books visits of its own."""
    return arranged(founded(service))


@pytest.fixture(scope="module")
def cookies(clinic: Arranged, browser: Browser) -> dict[str, StorageState]:
    """What a browser keeps in which somebody is signed in, by who it is."""

    def kept(person: str) -> StorageState:
        with browser.new_context() as context:
            sign_in(context.new_page(), clinic.site, person)
            return context.storage_state()

    return {person: kept(person) for person in (RECEPTION, DOCTOR)}


@pytest.fixture
def reception(cookies: Any, open_page: Callable[..., Page]) -> Page:
    return open_page(storage_state=cookies[RECEPTION])


@pytest.fixture
def doctor(cookies: Any, open_page: Callable[..., Page]) -> Page:
    return open_page(storage_state=cookies[DOCTOR])


@pytest.fixture(scope="module")
def times() -> Iterator[str]:
    """The times that no test of this file has taken yet."""
    return (f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 30))


@pytest.fixture
def visit(clinic: Arranged, times: Iterator[str]) -> Any:
    """A visit of Ann Lee with Dr. Chen that no form was sent for."""
    return clinic.book(next(times))


@pytest.fixture
def link(clinic: Arranged, visit: Any) -> str:
    """The address that the patient was given for the visit."""
    return f"{clinic.site.url}/i/{clinic.send_form(visit)['token']}"


def heading(page: Page, words: str) -> Locator:
    return page.get_by_role("heading", name=words, exact=True)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def question(page: Page, words: str) -> Locator:
    return page.get_by_label(re.compile(rf"^{re.escape(words)}"))


def group(page: Page, words: str) -> Locator:
    return page.get_by_role("group", name=re.compile(rf"^{re.escape(words)}")).last


def answer(page: Page, words: str, option: str) -> None:
    group(page, words).get_by_role("radio", name=option, exact=True).check()


def give_birth_date(page: Page, date: str) -> None:
    year, month, day = date.split("-")
    page.get_by_label("Day", exact=True).fill(day)
    page.get_by_role("combobox", name="Month").select_option(month)
    page.get_by_label("Year", exact=True).fill(year)
    button(page, "Go on").click()


def go_through(page: Page, *titles: str) -> None:
    """Press on from each part of the form, and keep nobody out of it."""
    for title in titles:
        expect(heading(page, title)).to_be_visible()
        assert violations(page) == []
        button(page, "Next").tap()


# The patient, on a phone


def test_a_patient_answers_on_a_phone_from_the_link_to_the_thanks(
    clinic: Arranged, visit: Any, reception: Page, phone: Page, faults: Faults
):
    reception.goto(f"{clinic.site.url}/visits/{visit['id']}")
    reception.get_by_role("link", name="Send one").click()
    button(reception, "Make the link").click()
    link = reception.get_by_label("The link", exact=True)
    address = link.input_value()
    assert violations(reception) == []
    reception.reload()
    expect(link).to_have_count(0)

    phone.goto(address)
    expect(heading(phone, "Before your visit")).to_be_visible()
    assert violations(phone) == []
    button(phone, "Start").tap()
    question(phone, "What is the main reason").fill(SAYS)
    question(phone, "When did it start?").fill("Sunday")
    answer(phone, "How bad is it today", "4")
    expect(phone.locator("#saved")).to_contain_text("Saved")
    shot(phone, "patient-form-phone")
    go_through(phone, "About today")

    expect(question(phone, "What is it called?")).to_have_count(0)
    answer(phone, "Do you take any medicines now?", "Yes")
    question(phone, "What is it called?").fill("Lisinopril")
    question(phone, "How much do you take each time?").fill("10 mg")
    button(phone, "Add another").tap()
    question(phone, "What is it called?").nth(1).fill("Vitamin D")
    go_through(phone, "Your medicines")
    answer(phone, "Are you allergic to anything?", "No")
    go_through(phone, "Your allergies", "Your health until now")
    answer(phone, "Are you pregnant", "Yes, I am pregnant")
    expect(group(phone, "When is your baby due?")).to_be_visible()
    answer(phone, "Are you pregnant", "This does not apply to me")
    expect(group(phone, "When is your baby due?")).to_have_count(0)
    go_through(phone, "Pregnancy", "How you feel", "Your safety")
    go_through(phone, "Smoking and drinking")
    answer(phone, "I answered as well as I could", "I agree")
    go_through(phone, "Before you send this")

    expect(heading(phone, "Look it over, then send it")).to_be_visible()
    for words in (SAYS, "Lisinopril", "Vitamin D"):
        expect(phone.get_by_role("main")).to_contain_text(words)
    assert violations(phone) == []
    button(phone, "Send to the clinic").tap()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert violations(phone) == []

    faults.expect(404)
    phone.goto(address)
    expect(heading(phone, "This link does not work, or no longer")).to_be_visible()
    assert violations(phone) == []
    reception.goto(f"{clinic.site.url}/visits/{visit['id']}")
    expect(reception.get_by_role("main")).to_contain_text("form done")


def test_what_is_wrong_is_told_beside_the_question_until_it_is_mended(
    link: str, phone: Page, faults: Faults
):
    phone.goto(link)
    button(phone, "Start").tap()
    faults.expect(422)
    button(phone, "Next").tap()

    complaint = phone.get_by_role("alert")
    expect(complaint).to_contain_text("What is the main reason you are coming in?")
    reason = question(phone, "What is the main reason you are coming in?")
    expect(reason).to_be_focused()
    expect(reason).to_have_accessible_description("This is required.")
    assert violations(phone) == []
    reason.fill(SAYS)
    expect(phone.locator("#saved")).to_contain_text("Saved")
    expect(complaint).to_have_count(0)
    expect(reason).to_have_accessible_description("")

    # What was sent before it was mended is not sent again.
    phone.reload()
    expect(reason).to_have_value(SAYS)


def test_whoever_comes_back_goes_on_after_giving_the_birth_date(
    link: str, phone: Page, open_page: Callable[..., Page], faults: Faults
):
    phone.goto(link)
    button(phone, "Start").tap()
    question(phone, "What is the main reason").fill(SAYS)
    go_through(phone, "About today")
    answer(phone, "Do you take any medicines now?", "Yes")
    question(phone, "What is it called?").fill("Lisinopril")
    button(phone, "Stop for now").tap()
    expect(phone.get_by_text("Somebody has begun to fill this in")).to_be_visible()
    assert violations(phone) == []

    another = open_page(**PHONE)
    another.goto(link)
    expect(another.get_by_role("main")).not_to_contain_text("Lisinopril")
    faults.expect(403)
    for left in ("4 tries", "3 tries"):
        give_birth_date(another, "1980-12-30")
        expect(another.get_by_role("alert")).to_contain_text(left)
    assert violations(another) == []
    give_birth_date(another, BORN)

    expect(heading(another, "Your allergies")).to_be_visible()
    button(another, "Back").tap()
    expect(question(another, "What is it called?")).to_have_value("Lisinopril")


def test_a_patient_answers_by_the_keyboard(link: str, page: Page):
    keys = Keyboard(page)

    def onward(title: str) -> None:
        keys.press(button(page, "Next"))
        expect(heading(page, title)).to_be_visible()

    def pick(words: str, first: str, option: str) -> None:
        radios = group(page, words)
        keys.choose(
            radios.get_by_role("radio", name=first, exact=True),
            radios.get_by_role("radio", name=option, exact=True),
        )

    page.goto(link)
    keys.press(button(page, "Start"))
    keys.write(question(page, "What is the main reason"), SAYS)
    pick("How bad is it today", "0", "3")
    onward("Your medicines")
    pick("Do you take any medicines now?", "Yes", "Yes")
    keys.write(question(page, "What is it called?"), "Lisinopril")
    onward("Your allergies")
    pick("Are you allergic to anything?", "Yes", "No")
    onward("Your health until now")
    keys.tick(page.get_by_role("checkbox", name="Asthma"))
    onward("Pregnancy")
    onward("How you feel")
    onward("Your safety")
    onward("Smoking and drinking")
    onward("Before you send this")
    keys.tick(page.get_by_role("radio", name="I agree"))
    onward("Look it over, then send it")
    expect(page.get_by_role("main")).to_contain_text("Asthma")
    keys.press(button(page, "Send to the clinic"))

    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")


def test_a_patient_answers_without_a_script(
    link: str, plain_page: Page, faults: Faults
):
    page = plain_page

    page.goto(link)
    button(page, "Start").click()
    question(page, "What is the main reason").fill(SAYS)
    button(page, "Next").click()
    faults.expect(422)
    button(page, "Next").click()
    expect(page.get_by_role("alert")).to_contain_text("Do you take any medicines now?")
    answer(page, "Do you take any medicines now?", "Yes")
    button(page, "Next").click()
    question(page, "What is it called?").fill("Lisinopril")
    button(page, "Stop for now").click()
    give_birth_date(page, BORN)
    answer(page, "Are you allergic to anything?", "No")
    for _ in range(6):
        button(page, "Next").click()
    expect(heading(page, "Before you send this")).to_be_visible()
    answer(page, "I answered as well as I could", "I agree")
    button(page, "Next").click()
    expect(page.get_by_role("main")).to_contain_text("Lisinopril")
    button(page, "Send to the clinic").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")


# The doctor


@pytest.fixture
def form_id(clinic: Arranged, visit: Any) -> str:
    """A form that came back."""
    form = clinic.send_form(visit)
    clinic.answer(form, ANSWERS)
    return str(form["id"])


def item(page: Page, words: str) -> Locator:
    summary = page.get_by_role("region", name=re.compile("^Summary"))
    return summary.get_by_role("listitem").filter(has_text=words)


def test_the_doctor_reads_follows_a_source_changes_and_signs(
    clinic: Arranged, visit: Any, form_id: str, doctor: Page
):
    doctor.goto(f"{clinic.site.url}/day/{clinic.day}")
    doctor.locator(f"a[href='/visits/{visit['id']}']").click()
    doctor.locator("#panel").get_by_role("link", name="Submitted").click()
    takes = item(doctor, "Lisinopril").last
    expect(takes).to_be_visible()
    assert violations(doctor) == []

    takes.get_by_role("link").first.click()
    said = doctor.locator("mark:target")
    expect(said).to_contain_text("Lisinopril")
    expect(said).to_be_in_viewport()
    assert ground_of(said) != "rgba(0, 0, 0, 0)", "it does not light up"
    assert violations(doctor) == []

    button(doctor, "Change it").click()
    doctor.get_by_label(re.compile("^Takes")).fill("Lisinopril 10 mg in the morning")
    assert violations(doctor) == []
    button(doctor, "Keep it").click()
    expect(item(doctor, "in the morning")).to_contain_text("A doctor's words")
    button(doctor, "Sign it").click()

    expect(doctor.locator(".notice")).to_contain_text("The summary is signed.")
    expect(doctor.get_by_text("by Sarah Chen")).to_be_visible()
    expect(button(doctor, "Sign it")).to_have_count(0)
    assert violations(doctor) == []
    doctor.goto(f"{clinic.site.url}/day/{clinic.day}")
    on_board = doctor.locator(f"a[href='/visits/{visit['id']}']")
    expect(on_board).to_contain_text("form done")


def ground_of(found: Locator) -> str:
    colour: str = found.evaluate("node => getComputedStyle(node).backgroundColor")
    return colour


def test_what_is_pointed_at_lights_up_on_both_sides(
    clinic: Arranged, form_id: str, doctor: Page
):
    doctor.goto(f"{clinic.site.url}/intake/{form_id}")
    takes = item(doctor, "Lisinopril").last

    takes.hover()

    lit = doctor.locator("mark.lit").first
    expect(lit).to_contain_text("Lisinopril")
    assert ground_of(lit) == ground_of(takes) != "rgba(0, 0, 0, 0)"


def test_a_summary_is_read_changed_and_signed_by_the_keyboard(
    clinic: Arranged, form_id: str, doctor: Page
):
    keys = Keyboard(doctor)
    doctor.goto(f"{clinic.site.url}/intake/{form_id}")

    keys.press(item(doctor, "Lisinopril").last.get_by_role("link").first)
    expect(doctor.locator("mark:target")).to_contain_text("Lisinopril")
    keys.press(button(doctor, "Change it"))
    keys.write(doctor.get_by_label("In short"), "Coughs since Sunday.")
    keys.press(button(doctor, "Keep it"))
    expect(item(doctor, "Coughs since Sunday.")).to_be_visible()
    keys.press(button(doctor, "Sign it"))

    expect(doctor.locator(".notice")).to_contain_text("The summary is signed.")


def test_the_page_shows_a_summary_as_soon_as_it_is_made_and_says_so(
    sqlite_url: str, tmp_path: Path, page: Page
):
    with serving(sqlite_url, tmp_path, does_jobs=False) as url:
        clinic = arranged(founded(url))
        form = clinic.send_form(clinic.book())
        clinic.answer(form, ANSWERS)
        sign_in(page, clinic.site, DOCTOR)
        page.goto(f"{url}/intake/{form['id']}")
        expect(page.get_by_text("It is being made.")).to_be_visible()
        assert violations(page) == []

        clinic.site.call("POST", f"/api/intake/forms/{form['id']}/summary")

        expect(item(page, "Lisinopril").last).to_be_visible()
        expect(page.locator("#said")).to_contain_text("Draft until a doctor signs it")
        assert violations(page) == []


def test_a_red_flag_is_seen_on_the_board_in_the_list_and_beside_the_visit(
    clinic: Arranged,
    visit: Any,
    cookies: Any,
    look: str,
    open_page: Callable[..., Page],
):
    form = clinic.send_form(visit)
    clinic.answer(form, {**ANSWERS, "reason": "I have chest pain."})
    page = open_page(**LOOKS[look], storage_state=cookies[DOCTOR])
    page.goto(f"{clinic.site.url}/intake/{form['id']}")
    expect(heading(page, "Needs a look at once")).to_be_visible()

    page.goto(f"{clinic.site.url}/day/{clinic.day}")
    shown = page.locator(f"#v{visit['id']}")
    expect(shown).to_have_accessible_name(re.compile(r"Red flag.*Ann Lee"))
    flag = shown.get_by_title("Red flag")
    flag.scroll_into_view_if_needed()
    assert ground_of(flag) != ground_of(shown.locator("xpath=.."))
    assert violations(page) == []
    shown.click()
    expect(page.locator("#panel").get_by_text("Red flag")).to_be_visible()
    assert violations(page) == []

    page.goto(f"{clinic.site.url}/intake")
    row = page.get_by_role("row").filter(
        has=page.locator(f"a[href='/intake/{form['id']}']")
    )
    expect(row.get_by_text("Red flag").first).to_be_visible()
    assert violations(page) == []


def test_reception_reads_a_summary_and_cannot_sign_it(
    clinic: Arranged, form_id: str, reception: Page, faults: Faults
):
    reception.goto(f"{clinic.site.url}/intake/{form_id}")

    expect(item(reception, "Lisinopril").last).to_be_visible()
    expect(
        reception.get_by_text("A doctor reads, changes and signs it.")
    ).to_be_visible()
    expect(button(reception, "Sign it")).to_have_count(0)
    faults.expect(403)
    reception.goto(f"{clinic.site.url}/intake/{form_id}/summary/edit")
    expect(reception.get_by_role("heading", level=1)).to_be_visible()
    assert violations(reception) == []
