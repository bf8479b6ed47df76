"""The patient's page: what whoever has the link sees, keeps and sends."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta

import pytest
from attrs import evolve, frozen

from clinicflow_core.entities.user import Role
from clinicflow_core.intake.links import new_token
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app
from clinicflow_flask.pages import patient_form
from clinicflow_flask.pages.asking import FREE
from clinicflow_flask.rate_limits import WRONG_GUESSES
from tests.flask.desk import HEADACHES, Desk
from tests.flask.pages.browser import Browser
from tests.flask.test_statements import recorded

BORN = "1980-12-31"
HOSTILE = "<script>alert(1)</script> {{7*7}} javascript:alert(1) \u202egnp"
LONG = {
    "name": "long",
    "title": "All about you",
    "description": "It takes a while.",
    "items": [
        {"link_id": "hint", "kind": "display", "text": "In need, call for help."},
        {
            "link_id": "today",
            "kind": "group",
            "text": "Today",
            "items": [
                {
                    "link_id": "reason",
                    "kind": "text",
                    "text": "Why do you come?",
                    "required": True,
                    "max_length": 100,
                },
                {
                    "link_id": "pain",
                    "kind": "integer",
                    "text": "How bad is it?",
                    "min_value": 0,
                    "max_value": 10,
                },
            ],
        },
        {
            "link_id": "drugs",
            "kind": "group",
            "text": "Your medicines",
            "items": [
                {
                    "link_id": "takes",
                    "kind": "boolean",
                    "text": "Do you take any?",
                    "required": True,
                },
                {
                    "link_id": "medicines",
                    "kind": "group",
                    "repeats": True,
                    "required": True,
                    "text": "Which?",
                    "enable_when": [
                        {"question": "takes", "operator": "=", "value": True}
                    ],
                    "items": [
                        {
                            "link_id": "name",
                            "kind": "string",
                            "text": "Name",
                            "required": True,
                        },
                        {"link_id": "dose", "kind": "string", "text": "Dose"},
                    ],
                },
            ],
        },
        {
            "link_id": "smokers",
            "kind": "group",
            "text": "Smoking",
            "enable_when": [{"question": "takes", "operator": "=", "value": False}],
            "items": [{"link_id": "since", "kind": "date", "text": "Since when?"}],
        },
        {"link_id": "else", "kind": "text", "text": "Anything else?"},
    ],
}


@frozen
class Given:
    """A link, with the desk that sent it and a browser on a phone."""

    desk: Desk
    form: dict[str, str]
    browser: Browser

    @property
    def path(self) -> str:
        return f"/i/{self.form['token']}"

    def part(self, number: int) -> str:
        return f"{self.path}/part/{number}"

    def elsewhere(self) -> Browser:
        """Return another browser that has the link too."""
        return Browser.started(self.desk.app)

    def answers(self) -> dict[str, object]:
        found: dict[str, object] = self.desk.get(
            f"/api/intake/forms/{self.form['id']}"
        ).json["raw_answers"]
        return found

    def draft(self) -> dict[str, object]:
        path = f"/api/intake/public/{self.form['token']}/draft"
        found: dict[str, object] = self.desk.post(path, {"birth_date": BORN}).json
        return found["answers"]  # type: ignore[return-value]


def given_by(desk: Desk, stranger: Browser, questionnaire: object = LONG) -> Given:
    patient_id = desk.patient(date_of_birth=BORN)
    wish = {"patient_id": patient_id}
    if questionnaire is not None:
        wish["questionnaire_id"] = desk.questionnaire(**questionnaire)
    return Given(desk, desk.send_form(**wish), stranger)


@pytest.fixture
def given(desk, stranger) -> Given:
    return given_by(desk, stranger)


def birth(text: str) -> dict[str, str]:
    year, month, day = text.split("-")
    return {
        "birth_date~year": year,
        "birth_date~month": month,
        "birth_date~day": day,
    }


def fill_in(browser: Browser, given: Given) -> None:
    """Answer all that is asked, up to the review."""
    browser.open(given.path)
    browser.follow("Start")
    browser.send("Next", **{"/reason": "A cough", "/pain": "7"})
    browser.send("Next", **{"/takes": "yes"})
    browser.send("Next", **{"/medicines/0/name": "Aspirin"})
    browser.send("Next", **{"/else": "No"})


# From the link to the thanks


def test_the_first_page_says_what_is_to_come_and_of_nobody(given):
    page = given.browser.open(given.path)

    assert given.browser.status == 200
    assert page.h1.get_text() == "All about you"
    assert "It takes a while." in given.browser.text
    assert "16 Mar 2026, 12:00 pm (UTC)" in given.browser.text
    for secret in ("Ann", "Lee", "Elm", BORN):
        assert secret not in str(page)


def test_one_group_of_questions_is_asked_at_a_time(given):
    browser = given.browser
    browser.open(given.path)

    browser.follow("Start")

    assert browser.path == given.part(1)
    assert "Part 1 of 3" in browser.text
    assert "In need, call for help." in browser.text
    assert "Why do you come?" in browser.text
    assert "Do you take any?" not in browser.text


def test_what_is_filled_in_reaches_the_clinic(given):
    fill_in(given.browser, given)
    assert given.browser.path == f"{given.path}/review"
    for told in ("A cough", "7", "Yes", "Aspirin", "No"):
        assert told in given.browser.text

    given.browser.send("Send to the clinic")

    assert given.browser.path == "/i/thanks"
    assert "Your answers have reached the clinic." in given.browser.text
    assert given.answers() == {
        "reason": "A cough",
        "pain": 7,
        "takes": True,
        "medicines": [{"name": "Aspirin"}],
        "else": "No",
    }


def test_nothing_can_be_read_after_it_was_sent(given):
    fill_in(given.browser, given)
    given.browser.send("Send to the clinic")

    for path in (given.path, given.part(1), f"{given.path}/review"):
        given.browser.open(path)
        assert given.browser.status == 404
        assert "cough" not in given.browser.text
    assert "drafts" not in str(given.browser.answer.headers)


def test_what_is_sent_twice_is_thanked_for_twice(given):
    fill_in(given.browser, given)
    token = given.browser.token()
    receipt = given.browser.page.find("input", attrs={"name": "receipt"})["value"]
    sent = {"form": token, "receipt": receipt}

    for _ in range(2):
        given.browser.post(f"{given.path}/review", sent)
        assert given.browser.path == "/i/thanks"


def test_what_nobody_asked_for_certain_is_written_freely(desk, stranger):
    given = given_by(desk, stranger, None)
    stranger.open(given.path)
    stranger.follow("Start")

    stranger.send("Next", **{f"/{FREE}": "A cough\r\nand a fever"})
    assert "A cough\nand a fever" in stranger.page.get_text()
    stranger.send("Send to the clinic")

    assert given.answers() == {FREE: "A cough\nand a fever"}


# What is asked


def test_what_answers_bring_up_is_asked_before_the_next_part(given):
    browser = given.browser
    browser.open(given.part(2))

    browser.send("Next", **{"/takes": "yes"})

    assert browser.path == given.part(2)
    assert browser.status == 200
    assert "Name" in browser.text
    assert "look at this again" not in browser.text


def test_parts_that_nothing_asks_for_are_left_out(given):
    browser = given.browser
    browser.open(given.part(2))

    browser.send("Next", **{"/takes": "no"})
    assert browser.path == given.part(3)
    assert "Part 3 of 4" in browser.text

    browser.send("Back")
    browser.send("Next", **{"/takes": "yes"})
    browser.send("Next", **{"/medicines/0/name": "Aspirin"})
    assert browser.path == given.part(4)


def test_entries_are_added_and_removed(given):
    browser = given.browser
    browser.open(given.part(2))
    browser.send("Next", **{"/takes": "yes"})
    browser.send("Add another", **{"/medicines/0/name": "Aspirin"})
    browser.send("Add another", **{"/medicines/1/name": "Ibuprofen"})
    assert len(browser.page.select("fieldset.entry")) == 3

    browser.send("Remove number 1")

    names = browser.page.select("fieldset.entry input[name$=name]")
    assert [each["value"] for each in names] == ["Ibuprofen"]
    assert given.draft()["medicines"] == [{"name": "Ibuprofen"}]


def test_what_is_wrong_is_told_beside_the_question_and_what_was_typed_stays(given):
    browser = given.browser
    browser.open(given.part(1))

    browser.send("Next", **{"/reason": "x" * 101, "/pain": "12"})

    assert browser.status == 422
    assert browser.page.title.get_text().startswith("Please check")
    assert browser.text.count("must be at most") == 2
    field = browser.page.find("textarea", attrs={"name": "/reason"})
    assert field["aria-invalid"] == "true"
    assert field.has_attr("autofocus")
    described = browser.page.find(id=field["aria-describedby"])
    assert described.get_text() == "This must be at most 100 characters."
    assert field.get_text().strip() == "x" * 101


def test_what_is_needed_must_be_answered_to_go_on_but_not_to_go_back(given):
    browser = given.browser
    browser.open(given.part(2))

    browser.send("Next")
    assert (browser.status, browser.path) == (422, given.part(2))
    assert "This is required." in browser.text

    browser.send("Back")
    assert browser.path == given.part(1)


def test_it_is_not_sent_while_something_is_missing(given):
    browser = given.browser
    browser.open(given.part(1))
    browser.send("Next", **{"/reason": "A cough"})
    browser.open(f"{given.path}/review")
    assert "Some questions still need an answer" in browser.text
    receipt = browser.page.find("input", attrs={"name": "receipt"})["value"]

    sent = {"form": browser.token(), "receipt": receipt}
    browser.post(f"{given.path}/review", sent)

    assert browser.status == 422
    assert "It cannot be sent yet." in browser.text
    browser.follow("Your medicines")
    assert browser.path == given.part(2)


def test_what_changed_in_another_window_is_looked_over_again(given):
    browser = given.browser
    fill_in(browser, given)
    receipt = browser.page.find("input", attrs={"name": "receipt"})["value"]
    browser.open(given.part(1))
    browser.send("Next", **{"/reason": "A fever"})

    sent = {"form": browser.token(), "receipt": receipt}
    browser.post(f"{given.path}/review", sent)

    assert browser.status == 409
    assert "were changed in another window" in browser.text
    assert "A fever" in browser.text


# Kept as it goes, and resumed


def test_each_part_is_kept_when_it_is_left(given):
    given.browser.open(given.part(1))
    given.browser.send("Next", **{"/reason": "A cough"})

    assert given.draft() == {"reason": "A cough"}
    given.browser.open(given.part(1))
    assert "A cough" in given.browser.page.find("textarea").get_text()


def test_a_part_is_kept_while_it_is_filled_in(given):
    browser = given.browser
    browser.open(given.part(2))
    sent = {"form": browser.token(), "do": "save", "/takes": "yes", "seen": "/takes"}

    browser.post(given.part(2), sent)

    assert browser.status == 200
    assert browser.page.find(id="saved").get_text() == "Saved"
    assert browser.page.select("fieldset.entry")
    assert given.draft() == {"takes": True}


def test_what_does_not_fit_yet_does_not_hold_up_the_rest(given):
    browser = given.browser
    browser.open(given.part(1))
    sent = {"form": browser.token(), "do": "save", "/reason": "A cough", "/pain": "x"}

    browser.post(given.part(1), sent)

    assert browser.status == 200
    assert "Not all of it is kept yet" in browser.text
    assert given.draft() == {"reason": "A cough"}


def test_nothing_is_begun_by_going_on_without_an_answer(given):
    given.browser.open(given.part(1))
    given.browser.send("Next")

    given.elsewhere().open(given.part(1))
    other = given.elsewhere()
    other.open(given.path)
    assert "Start" in other.text


def test_whoever_has_the_link_alone_reads_nothing(given):
    fill_in(given.browser, given)
    other = given.elsewhere()

    for path in (given.path, given.part(1), f"{given.path}/review"):
        other.open(path)
        assert other.path == given.path
        assert "give your date of birth" in other.text
        assert "cough" not in str(other.page)
        assert "Aspirin" not in str(other.page)


def test_the_birth_date_opens_it_elsewhere(given):
    fill_in(given.browser, given)
    other = given.elsewhere()
    other.open(given.path)

    other.send("Go on", **birth(BORN))

    assert other.path == f"{given.path}/review"
    assert "A cough" in other.text


def test_a_wrong_birth_date_opens_nothing_and_says_how_many_tries_are_left(given):
    fill_in(given.browser, given)
    other = given.elsewhere()
    other.open(given.path)

    other.send("Go on", **birth("1980-12-30"))

    assert other.status == 403
    assert "That is not the birth date on record; 4 tries left." in other.text
    assert "cough" not in str(other.page)


@pytest.mark.parametrize("typed", ["1980-12-", "1980-02-31", "80-12-31", "--"])
def test_what_is_no_birth_date_costs_no_try(given, typed):
    fill_in(given.browser, given)
    other = given.elsewhere()
    other.open(given.path)

    other.send("Go on", **birth(typed))
    assert other.status == 422
    assert "This is no date" in other.text

    other.send("Go on", **birth("1980-12-30"))
    assert "4 tries left" in other.text


def test_whoever_begins_anew_finds_nothing_of_before(given):
    fill_in(given.browser, given)
    other = given.elsewhere()
    other.open(given.path)

    other.send("Throw it away and start anew")

    assert other.path == given.part(1)
    assert "cough" not in str(other.page)
    given.browser.open(given.part(1))
    assert given.browser.path == given.path


def test_whoever_opened_the_link_first_reads_nothing_that_is_filled_in_later(given):
    early = given.elsewhere()
    early.open(given.part(1))
    early.send("Next", **{"/reason": "mine"})
    given.browser.open(given.path)
    given.browser.send("Go on", **birth(BORN))
    given.browser.open(given.part(1))
    given.browser.send("Next", **{"/reason": "A secret"})

    for path in (given.path, given.part(1), f"{given.path}/review"):
        early.open(path)
        assert early.path == given.path
        assert "secret" not in str(early.page)


def test_a_browser_that_was_left_alone_asks_for_the_birth_date(given, monkeypatch):
    given.browser.open(given.part(1))
    given.browser.send("Next", **{"/reason": "A cough"})
    given.browser.open(given.part(1))
    assert given.browser.path == given.part(1)
    later = time.time() + patient_form.OPEN_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)

    given.browser.open(given.part(1))

    assert given.browser.path == given.path
    assert "cough" not in str(given.browser.page)


def test_what_was_typed_meanwhile_waits_for_the_birth_date(given, monkeypatch):
    browser = given.browser
    browser.open(given.part(1))
    browser.send("Next", **{"/reason": "A cough"})
    browser.open(given.part(2))
    later = time.time() + patient_form.OPEN_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)

    browser.send("Next", **{"/takes": "no"})
    assert "First your date of birth" in browser.text
    assert "cough" not in str(browser.page)
    browser.send("Go on", **birth("1980-12-30"))
    assert browser.status == 403
    browser.send("Go on", **birth(BORN))

    assert browser.path == given.part(3)
    assert given.draft() == {"reason": "A cough", "takes": False}


@pytest.mark.parametrize("number", [1, 9], ids=["from a part", "from the review"])
def test_whoever_stops_is_asked_for_the_birth_date_when_they_come_back(given, number):
    browser = given.browser
    fill_in(browser, given)
    if number == 1:
        browser.open(given.part(1))

    browser.send("Stop for now")

    assert browser.path == given.path
    assert "give your date of birth" in browser.text
    assert given.draft()["reason"] == "A cough"


def test_several_forms_can_be_open_in_one_browser_but_not_any_number(desk, stranger):
    given = [
        given_by(desk, stranger, HEADACHES) for _ in range(patient_form.MOST_OPEN + 1)
    ]
    for each in given:
        stranger.open(each.part(1))
        stranger.send("Next", **{"/reason": "A cough"})

    still_open = []
    for each in given:
        stranger.open(each.part(1))
        still_open.append(stranger.path == each.part(1))

    assert still_open == [False] + [True] * patient_form.MOST_OPEN


def test_no_answer_is_in_a_cookie_or_an_address(given):
    browser = given.browser
    browser.open(given.part(1))
    browser.send("Next", **{"/reason": "qzmark"})

    with browser.client.session_transaction() as cookie:
        assert "qzmark" not in str(dict(cookie))
        assert given.form["token"] not in str(dict(cookie))
    assert all("qzmark" not in each.request.url for each in browser.answer.history)


# Links that do not work


def dead_paths(token: str) -> list[str]:
    return [f"/i/{token}", f"/i/{token}/part/1", f"/i/{token}/review"]


@pytest.mark.parametrize("how", ["wrong", "guessed", "expired", "revoked", "used"])
def test_links_that_do_not_work_look_alike(given, watch, how):
    dead = given.elsewhere()
    dead.open("/i/nonsense")
    token = given.form["token"]
    if how == "wrong":
        token = "no-token"
    elif how == "guessed":
        token = new_token(given.desk.signed_in.clinic.id)
    elif how == "expired":
        watch.at += timedelta(days=14)
    elif how == "revoked":
        given.desk.post(f"/api/intake/forms/{given.form['id']}/revoke")
    else:
        fill_in(given.browser, given)
        given.browser.send("Send to the clinic")

    for path in dead_paths(token):
        given.browser.open(path)
        assert given.browser.status == 404
        assert str(given.browser.page) == str(dead.page)


@pytest.mark.parametrize("step", ["", "/part/1", "/review", "/anew"])
def test_what_is_sent_through_a_dead_link_is_answered_as_it_is(given, step):
    browser = given.browser
    browser.open(given.part(1))
    token = browser.token()
    given.desk.post(f"/api/intake/forms/{given.form['id']}/revoke")

    sent = {"form": token, "receipt": "x", "/reason": "A cough", **birth(BORN)}
    browser.post(f"{given.path}{step}", sent)

    assert browser.status == 404
    assert "This link does not work" in browser.text


@pytest.mark.parametrize("number", ["0", "99", "x", "-1", "%31"])
def test_a_part_that_there_is_none_of_is_not_found(given, number):
    given.browser.open(f"{given.path}/part/{number}")

    assert given.browser.status == (200 if number == "%31" else 404)


class TestGuessing:
    @pytest.fixture
    def settings(self, settings):
        return evolve(settings, rate_limit="1000/minute")

    def test_whoever_guesses_links_is_stopped(self, given):
        most = int(WRONG_GUESSES.partition("/")[0])
        for _ in range(most):
            given.browser.open("/i/" + new_token(given.desk.signed_in.clinic.id))
            assert given.browser.status == 404

        given.browser.open(given.path)

        assert given.browser.status == 429


# What must not happen


def test_only_our_own_form_is_heeded(given):
    browser = given.browser
    browser.open(given.part(1))

    for form in ({}, {"form": "guessed"}):
        browser.post(given.part(1), {"/reason": "A cough", "do": "next", **form})
        assert browser.status == 403
    assert given.draft() == {}


def test_looking_changes_nothing(given):
    before = given.desk.get(f"/api/intake/forms/{given.form['id']}").json

    for path in (given.path, given.part(1), f"{given.path}/review"):
        given.browser.open(path)

    after = given.desk.get(f"/api/intake/forms/{given.form['id']}").json
    assert after == before
    assert given.draft() == {}


def test_hostile_answers_are_inert_on_each_page(given):
    browser = given.browser
    browser.open(given.part(1))
    browser.send("Next", **{"/reason": HOSTILE})
    browser.send("Next", **{"/takes": "yes"})
    browser.send("Add another", **{"/medicines/0/name": HOSTILE})
    browser.send("Next", **{"/medicines/1/name": '"><img src=x>'})

    for path in (given.part(1), given.part(2), f"{given.path}/review"):
        page = browser.open(path)
        assert not page.find("script", src=False)
        assert not page.find("img")
        assert not page.select("a[href^=javascript]")
        assert "49" not in browser.text
        assert "{{7*7}}" in browser.text or "{{7*7}}" in str(page)


def test_hostile_questions_are_inert(desk, stranger):
    items = [{"link_id": HOSTILE[:40], "kind": "string", "text": HOSTILE}]
    given = given_by(desk, stranger, {"name": "x", "title": HOSTILE, "items": items})
    stranger.open(given.path)
    page = stranger.open(given.part(1))

    stranger.send("Next", **{f"/{HOSTILE[:40]}".replace("</", "<~1"): "A cough"})

    assert not page.find("script", src=False)
    assert "A cough" in stranger.text


@pytest.mark.parametrize(
    "typed",
    [
        {"/reason": "\x00"},
        {"/reason": "x" * 60_000},
        {"/medicines": ["x", "-1", "999999", "0"], "/medicines/0/name": "A"},
        {"/pain": "9" * 400},
        {"/takes": "perhaps"},
        {"do": "add /nothing"},
        {"do": "remove /medicines/x"},
        {"do": "nonsense"},
    ],
    ids=["NUL", "long", "places", "digits", "choice", "add", "remove", "button"],
)
@pytest.mark.parametrize("number", [1, 2])
def test_nothing_that_is_sent_breaks_a_part(given, number, typed):
    browser = given.browser
    browser.open(given.part(number))

    browser.post(given.part(number), {"form": browser.token(), "do": "next", **typed})

    assert browser.status in (200, 422)


def test_more_than_a_form_can_hold_is_refused(given):
    browser = given.browser
    browser.open(given.part(2))
    places = [str(n) for n in range(50)]
    names = {f"/medicines/{n}/name": "x" * 1500 for n in places}

    browser.post(
        given.part(2),
        {
            "form": browser.token(),
            "do": "next",
            "/takes": "yes",
            "/medicines": places,
            **names,
        },
    )

    assert browser.status == 422
    assert "at most 64 KiB" in browser.text


def test_whoever_is_signed_in_fills_in_as_anybody(browser, desk):
    given = given_by(desk, browser)

    fill_in(browser, given)
    browser.send("Send to the clinic")

    assert "Olive Owner" not in browser.text
    assert given.answers()["reason"] == "A cough"


@pytest.mark.slow
def test_a_page_takes_as_many_statements_for_many_answers_as_for_few(
    settings, database_url, watch
):
    with closing(open_store(database_url, watch)) as store:
        app = create_app(settings, store)
        desk = Desk.opened(app, store, Role.OWNER, None)
        taken = [_statements(app, store, desk, many) for many in (1, 30)]

    assert taken[0] == taken[1]
    assert max(taken[0]) <= 20, taken


def _statements(app, store, desk, many):
    given = given_by(desk, Browser.started(app))
    browser = given.browser
    browser.open(given.part(2))
    wish = {
        "form": browser.token(),
        "do": "save",
        "/takes": "yes",
        "/medicines": [str(n) for n in range(many)],
        **{f"/medicines/{n}/name": f"Aspirin {n}" for n in range(many)},
    }
    browser.post(given.part(2), wish)
    taken = []
    for act in (
        lambda: browser.open(given.path),
        lambda: browser.open(given.part(2)),
        lambda: browser.post(given.part(2), {**wish, "/medicines/0/name": "B"}),
        lambda: browser.open(f"{given.path}/review"),
    ):
        with recorded(store.engine) as told:
            act()
        assert browser.status == 200
        taken.append(len(told))
    return taken


def test_a_form_that_is_too_old_leads_back_to_the_questions(stranger, desk):
    token = desk.send_form(questionnaire_id=desk.questionnaire())["token"]
    stranger.open(f"/i/{token}")

    page = stranger.post(f"/i/{token}", {"form": "of yesterday"})

    assert stranger.status == 403
    assert page.find("a", string="Back to the form")["href"] == f"/i/{token}"
    assert "Go to the day" not in stranger.text


@pytest.mark.parametrize("token", ["guessed", "a%0d%0aSet-Cookie:x", "%00", "x" * 200])
def test_who_leaves_a_form_that_there_is_not_is_told_so(stranger, token):
    stranger.open("/sign-in")

    stranger.post(f"/i/{token}/leave", {"form": stranger.token()})

    assert stranger.status == 404
    assert "Set-Cookie:x" not in str(stranger.answer.headers)


def test_what_is_too_long_stays_on_the_page_beside_its_complaint(stranger, desk):
    token = desk.send_form(questionnaire_id=desk.questionnaire())["token"]
    stranger.open(f"/i/{token}/part/1")

    story = "It hurts. " * 3000
    stranger.send("Next", **{stranger.page.find("textarea")["name"]: story})

    assert stranger.status == 422
    assert "at most 20000 characters" in stranger.text
    assert story.strip() in stranger.page.find("textarea").get_text()
