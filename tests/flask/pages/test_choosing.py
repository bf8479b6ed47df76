from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

PART = {"HX-Request": "true"}


def radios(page) -> dict[str, bool]:
    """Return who can be chosen, by name, and whether they are."""
    return {
        radio.parent.get_text(" ", strip=True): radio.has_attr("checked")
        for radio in page.find_all("input", attrs={"name": "patient_id"})
        if radio["type"] == "radio"
    }


def test_a_patient_to_choose_is_found_as_one_types(browser, desk):
    desk.patient("Ann", "Lee", date_of_birth="1980-12-31")
    desk.patient("Bob", "Ray")

    page = browser.open("/patients/choose?q=lee", headers=PART)

    assert radios(page) == {"Ann Lee born Dec 31, 1980": False}
    assert "1 found." in browser.text
    assert page.find("main") is None


def test_whoever_is_chosen_stays_while_one_types_on(browser, desk):
    ann = desk.patient("Ann", "Lee")
    desk.patient("Bob", "Ray")

    page = browser.open(f"/patients/choose?q=ray&patient_id={ann}", headers=PART)

    assert radios(page) == {"Ann Lee": True, "Bob Ray": False}


def test_of_many_only_the_first_are_shown(browser, desk):
    for number in range(9):
        desk.patient(f"Ann{number}", "Lee")

    page = browser.open("/patients/choose?q=lee", headers=PART)

    assert len(radios(page)) == 8
    assert "The first 8; type on to see fewer." in browser.text


def test_whoever_is_not_found_can_be_registered_and_the_work_goes_on(browser, desk):
    browser.open("/patients/choose?q=Zoe+Bond&next=/waitlist/join", headers=PART)

    assert "Nobody is found by “Zoe Bond”." in browser.text
    browser.follow("Register a new patient")
    browser.send("Register")

    assert browser.path == "/waitlist/join"
    assert radios(browser.page) == {"Zoe Bond": True}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param("", {"a": ["1"], "b": ["2"]}, id="nothing more"),
        pytest.param("&c=3", {"a": ["1"], "b": ["2"], "c": ["3"]}, id="more"),
        pytest.param("&a=9", {"a": ["9"], "b": ["2"]}, id="something else"),
        pytest.param("&a=", {"b": ["2"]}, id="something taken out"),
        pytest.param("&a=7&a=8", {"a": ["7", "8"], "b": ["2"]}, id="several"),
        pytest.param(
            f"&c={'x' * 500}", {"a": ["1"], "b": ["2"]}, id="more than a path holds"
        ),
    ],
)
def test_what_was_typed_waits_until_somebody_new_is_registered(
    browser, desk, typed, kept
):
    path = f"/patients/choose?q=Zoe&next=/book%3Fa%3D1%26b%3D2{typed}"

    page = browser.open(path, headers=PART)

    link = page.find("a", string="Register a new patient")["href"]
    [following] = parse_qs(urlsplit(link).query)["next"]
    assert urlsplit(following).path == "/book"
    assert parse_qs(urlsplit(following).query) == kept


@pytest.mark.parametrize("path", ["//[", "//elsewhere.example/", "/" + "x" * 600])
def test_the_work_goes_on_at_no_page_but_ours(browser, desk, path):
    page = browser.open(f"/patients/choose?q=Zoe&next={path}&a=1", headers=PART)

    link = page.find("a", string="Register a new patient")["href"]
    assert parse_qs(urlsplit(link).query)["next"] == ["/day?a=1"]


def test_nobody_is_found_by_nothing(browser, desk):
    desk.patient()

    page = browser.open("/patients/choose?q=+", headers=PART)

    assert radios(page) == {}


def test_without_a_script_the_register_answers(browser, desk):
    desk.patient("Ann", "Lee")

    browser.open("/patients/choose?q=lee")

    assert browser.path == "/patients"
    assert "Ann Lee" in browser.text


def test_a_button_looks_up_too_and_keeps_what_was_typed(browser, desk):
    desk.patient("Ann", "Lee")
    browser.open("/waitlist/join")

    page = browser.send("Look up", q="lee", note="Mornings.")

    assert browser.status == 200
    assert radios(page) == {"Ann Lee": False}
    assert page.find(id="patient_id")["value"] == "lee"
    assert page.find("textarea").get_text().strip() == "Mornings."


def test_sending_words_with_nobody_chosen_looks_them_up(browser, desk):
    desk.patient("Ann", "Lee")
    browser.open("/waitlist/join")

    page = browser.send("Add to the waitlist", q="lee")

    assert radios(page) == {"Ann Lee": False}
    assert desk.get("/api/waitlist").json["items"] == []


@pytest.mark.parametrize("words", ["\0", "x" * 201], ids=["NUL", "too long"])
def test_words_that_nobody_could_be_found_by_are_refused(browser, words):
    browser.open("/waitlist/join")

    browser.send("Look up", q=words)

    assert browser.status == 422
    assert browser.page.find(id="patient_id")["aria-invalid"] == "true"


def test_what_is_no_id_chooses_nobody(browser):
    browser.open("/waitlist/join")

    page = browser.send("Look up", q="lee", patient_id="not an id")

    assert browser.status == 200
    assert radios(page) == {}
