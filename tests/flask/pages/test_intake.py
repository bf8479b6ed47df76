"""Intake at the desk, in a browser: the list, sending, reading, signing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve, frozen

from clinicflow_core.desk import summaries
from clinicflow_core.desk.summaries import LONGEST_WAIT
from clinicflow_core.entities.ids import DoctorId, FormId
from clinicflow_core.entities.user import Role
from clinicflow_core.ports import Store, UnitOfWork
from clinicflow_flask.pages.intake import AT_FIRST, PUBLIC_URL
from tests.flask.desk import UNKNOWN, Desk
from tests.flask.pages.browser import Browser

HOSTILE = "<script>alert(1)</script> {{7*7}} javascript:alert(1) \u202egnp"
ANSWERS = {
    "reason": "I have a headache and chest pain.",
    "medications": [{"name": "Lisinopril", "dose": "10 mg"}],
    "allergies": "Penicillin",
}


@frozen
class Sent:
    """A form for a visit, at the desk that sent it."""

    desk: Desk
    store: Store
    form: dict[str, str]

    @property
    def path(self) -> str:
        return f"/intake/{self.form['id']}"

    @property
    def form_id(self) -> FormId:
        return FormId(UUID(self.form["id"]))

    def uow(self) -> UnitOfWork:
        signed_in = self.desk.signed_in
        return self.store.unit_of_work(signed_in.clinic.id, signed_in.session.id)

    def submitted(self, **answers: object) -> Sent:
        self.desk.submit(self.form, **(answers or ANSWERS))
        return self

    def summarized(self) -> Sent:
        path = f"/api/intake/forms/{self.form['id']}/summary"
        assert self.desk.post(path).status_code == 200
        return self

    def summary(self) -> dict[str, object]:
        path = f"/api/intake/forms/{self.form['id']}/summary"
        found: dict[str, object] = self.desk.get(path).json
        return found

    def shown(self) -> dict[str, object]:
        found: dict[str, object] = self.desk.get(
            f"/api/intake/forms/{self.form['id']}"
        ).json
        return found


def sent_by(
    desk: Desk, store: Store, date: str = "2026-03-03", **patient: object
) -> Sent:
    born = {"date_of_birth": "1980-12-31", **patient}
    visit = desk.book(patient_id=desk.patient(**born), date=date)
    form = desk.send_form(patient_id=visit["patient_id"], appointment_id=visit["id"])
    return Sent(desk, store, form)


@pytest.fixture
def sent(desk, store) -> Sent:
    return sent_by(desk, store)


@pytest.fixture
def read(sent) -> Sent:
    """A form that came back, with its summary."""
    return sent.submitted().summarized()


@pytest.fixture
def colleague(
    open_browser: Callable[..., tuple[Browser, Desk]], desk: Desk
) -> Callable[[Role], tuple[Browser, Desk]]:
    """Sign somebody else in, in the same clinic."""
    return lambda role: open_browser(role, desk.signed_in.clinic)


# The list


def test_what_is_to_be_read_stands_before_what_is_awaited(browser, desk, store):
    sent_by(desk, store, first="Waiting")
    sent_by(desk, store, first="Back").submitted()

    page = browser.open("/intake")

    assert [h.get_text() for h in page.find_all("h2")] == [
        "To read",
        "Sent, not back yet",
    ]
    assert [t.get_text(" ", strip=True) for t in page.select("tbody th")] == [
        "Back Lee",
        "Waiting Lee",
    ]
    assert browser.text.count("Tue, Mar 3, 9:00") == 2


def test_a_list_leads_to_the_form_and_to_its_visit(browser, sent):
    browser.open("/intake")

    browser.follow("Ann Lee")
    assert browser.path == sent.path

    browser.open("/intake")
    link = browser.page.select("tbody td a")[0]["href"]
    assert link == f"/visits/{sent.form['appointment_id']}"


def test_forms_are_shown_by_status(browser, desk, store):
    back = sent_by(desk, store, first="Back").submitted()
    desk.post(f"/api/intake/forms/{back.form['id']}/review")
    sent_by(desk, store, first="Waiting")

    browser.open("/intake?status=reviewed")

    assert "Back Lee" in browser.text
    assert "Waiting" not in browser.text
    assert "Mar 2, 2026, 7:00" in browser.text


def test_what_is_to_be_signed_today_stands_first(browser, desk, store):
    calm = {"reason": "A check-up."}
    today = sent_by(desk, store, "2026-03-02").submitted(**calm).summarized()
    sent_by(desk, store, first="Bob").submitted(**calm).summarized()

    page = browser.open("/intake")

    assert page.h2.get_text() == "Today's visits whose summary nobody has signed"
    link = page.main.select_one("li a[href^='/visits']")
    assert link["href"] == f"/visits/{today.form['appointment_id']}"
    assert "2 visits in all have a summary that nobody has signed." in browser.text
    browser.open(today.path)
    browser.send("Sign it")
    browser.open("/intake")
    assert "whose summary nobody has signed" not in browser.text


def test_red_flags_stand_before_all_that_is_to_be_read(browser, desk, store, watch):
    sent_by(desk, store, first="Calm").submitted(reason="A check-up.").summarized()
    watch.at += timedelta(seconds=1)
    urgent = sent_by(desk, store, "2026-03-04", first="Sore").submitted().summarized()

    page = browser.open("/intake")

    assert page.h2.get_text() == "Needs a look at once"
    rows = [row.get_text(" ", strip=True) for row in page.select("tbody tr")]
    assert ["Sore Lee" in row for row in rows] == [True, False, True]
    assert ["Red flag" in row for row in rows] == [True, False, True]
    page = browser.open("/intake?status=submitted&flagged=yes")
    assert [t.get_text() for t in page.select("tbody th")] == ["Sore Lee"]
    for path in (f"/visits/{urgent.form['appointment_id']}", "/day/2026-03-04"):
        browser.open(path)
        assert "Red flag" in browser.text
    browser.open(urgent.path)
    browser.send("Mark as reviewed")
    browser.open("/intake")
    assert "Needs a look at once" not in browser.text


def test_of_what_was_reviewed_the_newest_stands_first(browser, desk, store, watch):
    for first in ("Old", "New"):
        sent_by(desk, store, first=first).submitted()
        form = desk.get("/api/intake/forms?status=submitted").json["items"][0]
        desk.post(f"/api/intake/forms/{form['id']}/review")
        watch.at += timedelta(hours=1)

    page = browser.open("/intake?status=reviewed")

    assert [t.get_text() for t in page.select("tbody th")] == ["New Lee", "Old Lee"]


def test_a_form_that_was_called_back_says_so(browser, desk, sent):
    desk.post(f"/api/intake/forms/{sent.form['id']}/revoke")

    browser.open("/intake")

    assert "Called back" in browser.text


def test_long_lists_come_in_parts(browser, desk, watch):
    patient_id = desk.patient()
    for _ in range(AT_FIRST + 3):
        watch.at += timedelta(seconds=1)
        desk.send_form(patient_id=patient_id)

    page = browser.open("/intake")
    assert len(page.select("tbody tr")) == AT_FIRST
    page = browser.follow("See all of them")
    assert len(page.select("tbody tr")) == AT_FIRST + 3

    page = browser.open(f"/intake?status=pending&limit={AT_FIRST}")
    page = browser.follow("More of them")
    assert len(page.select("tbody tr")) == 3


def test_an_empty_list_says_what_to_do(browser):
    browser.open("/intake")
    assert "Nothing waits to be read." in browser.text

    browser.follow("Send one before the next visit")
    assert browser.path == "/intake/send"
    assert "Whom is it for?" in browser.text


def test_a_doctor_sees_the_forms_of_their_own_patients_by_name(
    colleague, desk, store, sent
):
    other = desk.patient("Bob", "Ray")
    desk.send_form(patient_id=other)
    browser, _ = doctor_of(sent, colleague)

    browser.open("/intake")

    assert "Ann Lee" in browser.text
    assert "Bob Ray" not in browser.text
    assert "Send a form" not in browser.text


def doctor_of(
    sent: Sent, colleague: Callable[[Role], tuple[Browser, Desk]]
) -> tuple[Browser, Desk]:
    """Sign in the doctor whose visit the form is for."""
    browser, desk = colleague(Role.DOCTOR)
    visit = sent.desk.get(f"/api/appointments/{sent.form['appointment_id']}").json
    doctor_id = DoctorId(UUID(visit["doctor_id"]))
    entrance = sent.store.entrance()
    with entrance:
        user = entrance.get_user(desk.signed_in.user.id)
        entrance.save_user(evolve(user, doctor_id=doctor_id, version=user.version + 1))
        entrance.commit()
    return browser, desk


# Sending


def test_a_link_is_made_and_told_once(browser, desk, app):
    visit = desk.book()
    asked = f"patient_id={visit['patient_id']}&appointment_id={visit['id']}"
    browser.open(f"/intake/send?{asked}")

    browser.send("Make the link")

    assert browser.status == 200
    address = browser.page.find(id="link")["value"]
    assert re.fullmatch(r"http://localhost/i/[\w-]{64}", address)
    assert address in browser.page.find(id="message").get_text()
    assert "Dear Ann," in browser.page.find(id="message").get_text()
    patient = Browser.started(app)
    patient.open(address.removeprefix("http://localhost"))
    assert patient.page.h1.get_text() == "Before your visit"
    status = desk.get(f"/api/appointments/{visit['id']}").json["intake_status"]
    assert status == "sent"


def test_a_link_is_made_of_the_public_url_and_not_of_what_a_header_says(
    browser, desk, app
):
    path = f"/intake/send?patient_id={desk.patient()}"
    app.config[PUBLIC_URL] = "https://desk.example.org"
    browser.open(path)

    browser.send("Make the link")

    address = browser.page.find(id="link")["value"]
    assert re.fullmatch(r"https://desk\.example\.org/i/[\w-]{64}", address)


def test_what_is_sent_twice_makes_one_form_and_tells_the_link_once(browser, desk):
    patient_id = desk.patient()
    browser.open(f"/intake/send?patient_id={patient_id}")
    fields = {
        each["name"]: each.get("value", "")
        for each in browser.page.select("main form input")
    }
    wish = {**fields, "questionnaire_id": ""}
    browser.post("/intake/send", wish)
    assert browser.page.find(id="link")

    browser.post("/intake/send", wish)

    assert browser.page.find(id="link") is None
    assert re.fullmatch(r"/intake/[0-9a-f-]{36}", browser.path)
    assert len(desk.get("/api/intake/forms").json["items"]) == 1


def test_the_newest_of_each_questionnaire_can_be_sent_the_standard_one_first(
    browser, desk
):
    desk.questionnaire()
    newest = desk.questionnaire(title="Your headaches now")

    browser.open(f"/intake/send?patient_id={desk.patient()}")

    options = browser.page.find(id="questionnaire_id").find_all("option")
    assert [option.get_text() for option in options] == [
        "Before your visit (version 1)",
        "Your headaches now (version 2)",
        "Nothing certain: the patient writes freely",
    ]
    assert options[1]["value"] == newest


def test_only_visits_to_come_without_a_form_are_offered(browser, desk, sent, watch):
    patient_id = sent.form["patient_id"]
    desk.book(patient_id=patient_id, date="2026-03-10")
    desk.book(patient_id=patient_id, date="2026-03-04")
    watch.at += timedelta(days=3)
    desk.cancel(desk.book(patient_id=patient_id, date="2026-03-09"))

    browser.open(f"/intake/send?patient_id={patient_id}")

    options = browser.page.find(id="appointment_id").find_all("option")
    assert [each.get_text()[:11] for each in options] == [
        "No visit yet"[:11],
        "Tue, Mar 10",
    ]


def test_a_visit_has_one_form_and_the_page_leads_to_it(browser, sent):
    asked = "&".join(f"{n}={sent.form[n]}" for n in ("patient_id", "appointment_id"))
    browser.open(f"/intake/send?{asked}")

    browser.send("Make the link", appointment_id=sent.form["appointment_id"])

    assert browser.status == 409
    browser.follow("See it")
    assert browser.path == sent.path


def test_how_long_a_link_works_is_said_and_refused_if_it_is_no_time(browser, desk):
    browser.open(f"/intake/send?patient_id={desk.patient()}")

    browser.send("Make the link", days_open="0")
    assert browser.status == 422
    assert browser.page.find(id="days_open")["value"] == "0"

    browser.send("Make the link", days_open="3")
    assert "Mar 5, 2026, 7:00" in browser.text


def test_whoever_has_no_birth_date_on_record_is_pointed_at(browser, desk):
    browser.open(f"/intake/send?patient_id={desk.patient()}")

    assert "There is no birth date on record." in browser.text


def test_a_new_link_ends_the_one_before(browser, sent, app):
    browser.open(sent.path)

    browser.send("Make a new link")

    address = browser.page.find(id="link")["value"]
    patient = Browser.started(app)
    patient.open(address.removeprefix("http://localhost"))
    assert patient.status == 200
    patient.open(f"/i/{sent.form['token']}")
    assert patient.status == 404


def test_a_new_link_that_is_asked_for_twice_is_made_once(browser, sent, app):
    browser.open(sent.path)
    wish = {
        each["name"]: each.get("value", "")
        for each in browser.page.select("form.intake-resend input")
    }
    browser.post(f"{sent.path}/resend", wish)
    address = browser.page.find(id="link")["value"]

    browser.post(f"{sent.path}/resend", wish)

    assert browser.path == sent.path
    patient = Browser.started(app)
    patient.open(address.removeprefix("http://localhost"))
    assert patient.status == 200


def test_a_form_is_called_back(browser, sent, app):
    browser.open(sent.path)

    browser.send("Call the form back")

    assert "is called back" in browser.text
    assert "Called back" in browser.text
    patient = Browser.started(app)
    patient.open(f"/i/{sent.form['token']}")
    assert patient.status == 404


def test_what_came_back_is_neither_sent_again_nor_called_back(browser, sent):
    browser.open(sent.path)
    token = browser.token()
    sent.submitted()

    for step in ("resend", "revoke"):
        browser.post(f"{sent.path}/{step}", {"form": token, "days_open": "3"})
        assert browser.status == 409
        assert "What the patient said" in browser.text


# Reading


def test_the_answers_stand_under_what_was_asked(browser, desk, store):
    form = desk.send_form(questionnaire_id=desk.questionnaire())
    Sent(desk, store, form).submitted(reason="It hurts", often=True, days=3)

    browser.open(f"/intake/{form['id']}")

    assert "Your headaches" in browser.page.h1.get_text()
    told = [dt.get_text(strip=True) for dt in browser.page.select("dl div dt")]
    assert told == ["Why?", "Is it there every day?", "For how many days?"]
    said = [each.get_text() for each in browser.page.select(".intake-said")]
    assert said == ["It hurts", "Yes", "3"]


def test_each_item_of_a_summary_leads_to_the_words_and_they_lead_back(browser, read):
    page = browser.open(read.path)

    flags = page.select("li.intake-item")[0]
    assert flags.span.get_text() == "Chest pain"
    source = flags.select_one("a[data-source]")
    quote = page.find(id=source["href"][1:])
    assert quote.name == "mark"
    assert "chest pain" in quote.get_text()
    back = quote.find_parent("dd").select("a[data-item]")
    assert flags["id"] in [link["href"][1:] for link in back]
    for link in page.select("a[data-source], a[data-item]"):
        assert page.find(id=link["href"][1:]), link
    ids = [each["id"] for each in page.find_all(id=True)]
    assert len(ids) == len(set(ids))


def test_what_needs_a_look_at_once_comes_first(browser, read):
    page = browser.open(read.path)

    titles = [h3.get_text() for h3 in page.select("#summary h3")]
    assert titles[0] == "Needs a look at once"


def test_a_score_is_shown_with_what_it_means(browser, desk, store):
    standard = desk.get("/api/intake/questionnaires").json["items"][0]["id"]
    form = desk.send_form(questionnaire_id=standard)
    Sent(desk, store, form).submitted(
        **{
            "reason": "tired",
            "takes-medications": False,
            "has-allergies": False,
            "little-interest": "LA6571-9",
            "feeling-down": "LA6570-1",
            "consent": "agree",
        }
    ).summarized()

    browser.open(f"/intake/{form['id']}")

    assert "PHQ-2 (depression) : 5 of 6, depression is possible" in browser.text


def test_a_form_that_is_not_back_shows_no_answer(browser, desk, sent, app):
    patient = Browser.started(app)
    patient.open(f"/i/{sent.form['token']}/part/1")
    patient.send("Next", **{"/reason for the visit": "a secret"})

    browser.open(sent.path)

    assert "has not sent it yet" in browser.text
    assert "secret" not in str(browser.page)


def test_while_a_summary_is_made_the_page_asks_whether_it_is_there(browser, sent):
    sent.submitted()

    page = browser.open(sent.path)

    assert "It is being made." in browser.text
    asked = page.select_one("#review [hx-trigger='every 2s']")["hx-get"]
    assert browser.client.get(asked).status_code == 204
    review = page.find(id="review")
    assert review["hx-get"] == sent.path
    sent.summarized()
    answer = browser.client.get(asked)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["HX-Trigger"] == review["hx-trigger"]
    page = browser.open(sent.path)
    assert "Draft until a doctor signs it" in browser.text
    assert not page.select("#review[hx-get], #review [hx-get]")


def test_whoever_has_no_script_is_told_to_load_the_page_again(browser, sent):
    sent.submitted()

    page = browser.open(sent.path)

    told = page.select_one("#summary noscript").get_text(strip=True)
    assert told == "Load the page again in a while to see it."


def test_a_summary_that_takes_too_long_is_waited_for_no_more(browser, sent, watch):
    sent.submitted()
    browser.open(sent.path)
    watch.at += LONGEST_WAIT

    answer = browser.client.get(f"{sent.path}/summary/state")
    page = browser.open(sent.path)

    assert answer.status_code == 200
    assert not page.select("#review[hx-get], #review [hx-get]")
    assert "It takes longer than it should." in browser.text
    browser.send("Ask for it again")
    assert "Draft until a doctor signs it" in browser.text


def test_asking_whether_a_summary_is_there_leaves_the_trail_as_it_was(browser, sent):
    sent.submitted()
    browser.open(sent.path)
    awaited = trail(sent)

    for _ in range(10):
        browser.client.get(f"{sent.path}/summary/state")
    still_awaited = trail(sent)
    sent.summarized()
    made = trail(sent)
    browser.client.get(f"{sent.path}/summary/state")

    assert "summary.read" in awaited
    assert still_awaited == awaited
    assert trail(sent) == made


def trail(sent: Sent) -> list[str]:
    """Return the kinds of all that happened to the form, and to its summaries."""
    with sent.uow() as uow:
        records = [sent.form_id, *(s.id for s in uow.summaries.of_form(sent.form_id))]
        return [event.kind for each in records for event in uow.events.of(each)]


def test_a_form_is_marked_as_reviewed(browser, read):
    browser.open(read.path)

    browser.send("Mark as reviewed")

    assert "marked as reviewed" in browser.text
    assert read.shown()["status"] == "reviewed"
    assert "Mark as reviewed" not in [b.get_text() for b in browser.page("button")]


def test_who_reads_is_noted_in_the_trail_and_nothing_else_changes(browser, read):
    before = (read.shown(), read.summary())

    browser.open(read.path)

    assert (read.shown(), read.summary()) == before
    with read.uow() as uow:
        kinds = [event.kind for event in uow.events.of(read.form_id)]
    assert kinds.count("intake.read") == 3


# Correcting and signing


def test_a_doctor_signs_what_they_read(browser, read):
    browser.open(read.path)
    assert "Draft until a doctor signs it" in browser.text

    browser.send("Sign it")

    assert "The summary is signed." in browser.text
    assert "by Olive Owner" in browser.text
    assert read.summary()["draft"] is False


def test_a_summary_is_changed_line_by_line_and_the_machines_is_kept(browser, read):
    browser.open(read.path)
    browser.follow("Change it")
    before = browser.page.find(id="medications").get_text().strip()
    assert before == "Lisinopril 10 mg"

    browser.send(
        "Keep it",
        summary_text="A new headache.",
        medications=f"{before}\r\n\r\nAspirin  100 mg",
        allergies="",
    )

    assert browser.path == read.path
    summary = read.summary()
    assert summary["summary_text"] == "A new headache."
    assert summary["medications"] == ["Lisinopril 10 mg", "Aspirin 100 mg"]
    assert summary["allergies"] == []
    assert summary["items"]["medications"][0]["sources"]
    assert "What the machine wrote" in browser.text
    assert browser.text.count("A doctor's words") == 2


def test_a_summary_in_nobodys_words_is_refused(browser, read):
    browser.open(f"{read.path}/summary/edit")

    browser.send("Keep it", medications="x" * 501)

    assert browser.status == 422
    assert browser.page.find(id="medications").get_text().strip() == "x" * 501


def test_what_somebody_else_changed_meanwhile_is_shown_first(browser, read):
    browser.open(f"{read.path}/summary/edit")
    path = f"/api/intake/forms/{read.form['id']}/summary"
    read.desk.patch(path, {"summary_text": "Theirs."})

    browser.send("Keep it", summary_text="Mine.")
    assert browser.status == 412
    assert "Theirs." in browser.text
    assert browser.page.find(id="summary_text").get_text().strip() == "Mine."
    assert read.summary()["summary_text"] == "Theirs."

    browser.send("Keep it")
    assert read.summary()["summary_text"] == "Mine."


@pytest.mark.parametrize("button", ["Sign it", "Ask for a new one"])
def test_nothing_is_done_to_a_summary_that_was_not_read(browser, read, button):
    browser.open(read.path)
    path = f"/api/intake/forms/{read.form['id']}/summary"
    read.desk.patch(path, {"summary_text": "Theirs."})

    browser.send(button)

    assert browser.status == 412
    assert "Somebody else changed this meanwhile" in browser.text
    assert "Theirs." in browser.text
    assert read.summary()["draft"] is True


def test_a_new_summary_takes_the_place_of_one_that_stays_in_the_history(browser, read):
    browser.open(read.path)
    browser.send("Sign it")

    browser.send("Ask for a new one")

    assert "Draft until a doctor signs it" in browser.text
    assert "1 earlier summary" in browser.text
    assert read.summary()["draft"] is True


def test_what_is_signed_is_not_changed(browser, read):
    browser.open(f"{read.path}/summary/edit")
    read.desk.post(f"/api/intake/forms/{read.form['id']}/summary/sign")

    browser.send("Keep it", summary_text="Mine.")

    assert browser.status in (409, 412)
    assert read.summary()["summary_text"] != "Mine."


# Who may


def test_reception_reads_but_does_not_sign(colleague, read):
    browser, _ = colleague(Role.ADMIN)

    page = browser.open(read.path)

    assert "A doctor reads, changes and signs it." in browser.text
    labels = [each.get_text() for each in page.select("main button, main a")]
    assert "Sign it" not in labels
    assert "Change it" not in labels
    token = browser.token()
    browser.open(f"{read.path}/summary/edit")
    assert browser.status == 403
    for step in ("sign", "edit"):
        browser.post(f"{read.path}/summary/{step}", {"form": token})
        assert browser.status == 403
    assert read.summary()["draft"] is True


def test_a_doctor_signs_and_sends_nothing(colleague, read):
    browser, _ = doctor_of(read, colleague)
    browser.open(read.path)
    assert "Tuesday, March 3, 2026" in browser.text

    browser.send("Sign it")
    assert "by Olive Owner" in browser.text

    token = browser.token()
    browser.open(f"/intake/send?patient_id={read.form['patient_id']}")
    assert browser.status == 403
    wish = {"form": token, "patient_id": read.form["patient_id"], "days_open": "3"}
    for path in ("/intake/send", f"{read.path}/resend", f"{read.path}/revoke"):
        browser.post(path, wish)
        assert browser.status == 403


def test_a_doctor_does_not_see_the_form_of_a_patient_of_others(colleague, desk, store):
    mine = sent_by(desk, store)
    other = sent_by(desk, store, first="Bob").submitted()
    browser, _ = doctor_of(mine, colleague)

    browser.open(other.path)

    assert browser.status == 403
    assert "Bob" not in browser.text


def test_who_signed_is_told_to_those_who_see_accounts(colleague, read):
    doctor, _ = doctor_of(read, colleague)
    doctor.open(read.path)
    doctor.send("Sign it")
    reception, _ = colleague(Role.ADMIN)

    reception.open(read.path)
    assert "by Olive Owner" in reception.text


def test_another_clinics_form_is_not_there(open_browser, read):
    browser, _ = open_browser()

    browser.open(read.path)
    there = browser.text
    browser.open(f"/intake/{UNKNOWN}")

    assert browser.status == 404
    assert there.replace(read.form["id"], UNKNOWN) == browser.text


# What must not happen


def test_hostile_answers_are_inert_where_they_are_read(browser, desk, store):
    sent = sent_by(desk, store, first=HOSTILE[:40])
    sent.submitted(reason=HOSTILE, medications=[{"name": HOSTILE, "dose": "1 mg"}])
    sent.summarized()

    for path in (sent.path, f"{sent.path}/summary/edit", "/intake"):
        page = browser.open(path)
        assert not page.find("script", src=False)
        assert not page.select("a[href^=javascript]")
        assert "49" not in page.main.get_text()


def test_a_failure_of_the_service_is_told_and_why(browser, read):
    from clinicflow_core.entities.summary import (
        Dropped,
        DropReason,
        Failure,
        FailureReason,
    )

    failure = Failure(reason=FailureReason.TIMED_OUT, model_version="gpt")
    dropped = (
        Dropped(item="notes", text="Has gout", reason=DropReason.WORDS_NOT_THERE),
    )
    with read.uow() as uow:
        before = uow.summaries.current_of(read.form_id)
        after = evolve(
            before, failure=failure, dropped=dropped, version=before.version + 1
        )
        uow.summaries.save(after)
        uow.commit()

    browser.open(read.path)

    assert "gave none (timed out)" in browser.text
    assert "1 left out, as the patient did not say so" in browser.text
    assert "Has gout" in browser.text
    assert summaries.get(read.form_id, read.uow()).failure == failure
