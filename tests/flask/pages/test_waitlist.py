from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN

ANSWERS = ("accept", "decline", "withdraw")


@pytest.fixture
def visit(desk):
    """A visit whose time may come free."""
    return desk.book(doctor_id=desk.doctor("Dr. Chen"), patient_id=desk.patient("Bob"))


@pytest.fixture
def waiting(desk, visit):
    """Ann, who waits for a time of that doctor."""
    return desk.wait(
        doctor_id=visit["doctor_id"], patient_id=desk.patient("Ann", "Lee")
    )


@pytest.fixture
def offered(desk, visit, waiting):
    """The same, once the visit was cancelled."""
    desk.cancel(visit)
    return waiting


def entries(desk) -> list[tuple[str, str]]:
    found = desk.get("/api/waitlist").json["items"]
    return [(each["patient_id"], each["status"]) for each in found]


def names(page) -> list[str]:
    return [cell.a.get_text() for cell in page.select("tbody th")]


def test_who_waits_is_seen_best_ranked_first(browser, desk):
    chen = desk.doctor("Dr. Chen")
    desk.wait(
        patient_id=desk.patient("Ann", "Lee"),
        weekdays=["friday", "tuesday"],
        earliest="09:00",
        latest="12:00",
        duration=45,
    )
    desk.wait(
        patient_id=desk.patient("Bob", "Ray"),
        doctor_id=chen,
        urgent=True,
        note="Calls every day.",
    )

    page = browser.open("/waitlist")

    assert names(page) == ["Bob Ray", "Ann Lee"]
    bob, ann = (row.get_text(" ", strip=True) for row in page.select("tbody tr"))
    for told in ("Urgent", "Dr. Chen", "usual length", "Calls every day."):
        assert told in bob
    for told in (
        "Anybody",
        "45 min, Tue, Fri, from 9:00",
        "until 12:00",
        "Mar 2, 2026",
    ):
        assert told in ann


def test_an_empty_waitlist_says_what_to_do_next(browser):
    browser.open("/waitlist")

    assert "Nobody waits" in browser.text
    browser.follow("Add somebody")
    assert browser.path == "/waitlist/join"


def test_what_is_held_stands_before_those_who_wait(browser, desk, offered):
    desk.wait(patient_id=desk.patient("Cem", "Oz"))

    page = browser.open("/waitlist")

    assert page.select_one("article h3").get_text(strip=True) == "Ann Lee"
    assert "Tue, Mar 3, 9:00" in browser.text
    assert "Held until Mar 2, 2026" in browser.text
    assert names(page) == ["Cem Oz"]


def test_an_offer_becomes_a_visit(browser, desk, offered):
    browser.open("/waitlist")

    browser.send("Book it for Ann Lee")

    [found] = desk.get(f"/api/patients/{offered['patient_id']}/appointments").json[
        "items"
    ]
    assert browser.path == f"/visits/{found['id']}"
    assert "The visit is booked." in browser.text
    browser.open("/waitlist")
    browser.follow("Booked")
    assert names(browser.page) == ["Ann Lee"]
    browser.follow("The visit")
    assert browser.path == f"/visits/{found['id']}"


def test_an_offer_that_is_declined_goes_on_to_the_next(
    browser, desk, watch, visit, waiting
):
    watch.at += timedelta(minutes=1)
    cem = desk.wait(doctor_id=visit["doctor_id"], patient_id=desk.patient("Cem", "Oz"))
    desk.cancel(visit)
    browser.open("/waitlist")

    page = browser.send("Pass it on , Ann Lee does not want it")

    assert browser.path == "/waitlist"
    assert "The time goes on to whoever waits next." in browser.text
    assert page.select_one("article h3").get_text(strip=True) == "Cem Oz"
    assert (cem["patient_id"], "offered") in entries(desk)


@pytest.mark.parametrize(
    "button", ["Book it for Ann Lee", "Pass it on , Ann Lee does not want it"]
)
def test_an_offer_that_lapsed_meanwhile_is_refused(
    browser, desk, watch, offered, button
):
    browser.open("/waitlist")
    watch.at += timedelta(hours=20)

    page = browser.send(button)

    assert browser.status == 409
    assert "This time is no longer held for them" in browser.text
    assert "The offer lapsed without an answer." in browser.text
    assert page.find("button", string="Book it") is None


def test_the_time_of_a_doctor_who_is_away_is_not_booked(browser, desk, visit, offered):
    desk.take_time_off(visit["doctor_id"], "2026-03-03T08:00", "2026-03-03T12:00")
    browser.open("/waitlist")

    browser.send("Book it for Ann Lee")

    assert browser.status == 409
    assert "The doctor is not there any more at that time." in browser.text


def test_somebody_is_taken_off(browser, desk, waiting):
    browser.open("/waitlist")

    browser.send("Take off Ann Lee")

    assert browser.path == "/waitlist"
    assert "Nobody waits" in browser.text
    assert names(browser.open("/waitlist?status=withdrawn")) == ["Ann Lee"]


def test_nobody_is_taken_off_twice(browser, desk, waiting):
    browser.open("/waitlist")
    desk.delete(f"/api/waitlist/{waiting['id']}")

    browser.send("Take off Ann Lee")

    assert browser.status == 409
    assert "They no longer wait" in browser.text


def test_a_kind_of_entries_that_there_are_none_of_says_so(browser):
    browser.open("/waitlist?status=booked")

    assert "There is no such entry." in browser.text
    current = browser.page.select_one("main [aria-current]")
    assert current.get_text() == "Booked"


def test_a_long_waitlist_is_read_in_parts(browser, desk):
    patient_id = desk.patient("Ann", "Lee")
    for _ in range(51):
        desk.wait(patient_id=patient_id)

    first = names(browser.open("/waitlist"))
    second = names(browser.follow("Next"))

    assert (len(first), len(second)) == (50, 1)


@pytest.mark.parametrize(
    "query", ["status=asleep", "cursor=nonsense", "cursor=WyJ4Il0"]
)
def test_entries_that_cannot_be_are_refused(browser, query):
    browser.open(f"/waitlist?{query}")

    assert browser.status == 422


# Joining


def test_somebody_joins(browser, desk):
    ann = desk.patient("Ann", "Lee")
    chen = desk.doctor("Dr. Chen")
    browser.open("/waitlist/join")
    browser.send("Look up", q="ann")

    browser.send(
        "Add to the waitlist",
        patient_id=ann,
        doctor_id=chen,
        first_date="2026-03-03",
        last_date="2026-03-31",
        weekdays=["tuesday", "friday"],
        earliest="09:00",
        latest="12:00",
        duration="45",
        visit_category="follow-up",
        visit_type="virtual",
        urgent=["no", "yes"],
        note="Prefers mornings.",
    )

    assert browser.path == "/waitlist"
    [entry] = desk.get("/api/waitlist").json["items"]
    assert entry["patient_id"] == ann
    assert entry["doctor_id"] == chen
    assert entry["weekdays"] == ["friday", "tuesday"]
    assert (entry["earliest"], entry["latest"]) == ("09:00", "12:00")
    assert (entry["duration"], entry["urgent"]) == (45, True)
    assert (entry["visit_category"], entry["visit_type"]) == ("follow-up", "virtual")
    assert entry["note"] == "Prefers mornings."


def test_without_wishes_somebody_waits_four_weeks_for_anybody(browser, desk):
    ann = desk.patient("Ann", "Lee")
    browser.open(f"/waitlist/join?patient_id={ann}")

    browser.send("Add to the waitlist", patient_id=ann)

    [entry] = desk.get("/api/waitlist").json["items"]
    assert (entry["first_date"], entry["last_date"]) == ("2026-03-02", "2026-03-30")
    assert (entry["doctor_id"], entry["duration"]) == (None, None)
    assert (entry["weekdays"], entry["urgent"]) == ([], False)


def test_a_wish_that_is_sent_twice_counts_once(browser, desk):
    browser.open(f"/waitlist/join?patient_id={desk.patient()}")
    sent = {
        field["name"]: field.get("value", "")
        for field in browser.page.select("main input")
        if field["type"] != "checkbox"
    }

    browser.post("/waitlist/join", sent)
    browser.post("/waitlist/join", sent)

    assert browser.path == "/waitlist"
    assert len(entries(desk)) == 1


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        pytest.param(
            {"last_date": "2026-03-01", "first_date": "2026-03-02"},
            "“ Until ” must not be before the first day",
            id="the last day is before the first",
        ),
        pytest.param(
            {"last_date": "2026-03-01", "first_date": "2026-02-01"},
            "must not be over",
            id="all days are over",
        ),
        pytest.param(
            {"earliest": "12:00", "latest": "09:00"},
            "“ Over by ” must be after the earliest time",
            id="it is over before it begins",
        ),
        pytest.param({"duration": "none"}, "must be a whole number", id="no duration"),
        pytest.param(
            {"weekdays": ["someday"]}, "“ Only on ” must be one of", id="no weekday"
        ),
        pytest.param({"patient_id": None}, "“ Patient ” is required", id="no patient"),
        pytest.param({"patient_id": UNKNOWN}, "no patient", id="an unknown patient"),
    ],
)
def test_what_is_wrong_with_a_wish_is_said(browser, desk, wish, told):
    ann = desk.patient("Ann", "Lee")
    browser.open(f"/waitlist/join?patient_id={ann}")

    page = browser.send(
        "Add to the waitlist", **{"patient_id": ann, "note": "x", **wish}
    )

    assert browser.status in (404, 422)
    assert told in page.select_one("[role=alert]").get_text(" ")
    assert page.find("textarea").get_text().strip() == "x"
    assert entries(desk) == []


def test_the_doctor_who_was_asked_for_is_chosen(browser, desk):
    chen = desk.doctor("Dr. Chen")

    page = browser.open(f"/waitlist/join?doctor_id={chen}")

    assert page.select_one("#doctor_id option[selected]")["value"] == chen


# Who may


@pytest.mark.parametrize("path", ["/waitlist", "/waitlist/join"])
def test_the_waitlist_is_not_for_doctors(open_browser, desk, path):
    browser, _ = open_browser(Role.DOCTOR, desk.signed_in.clinic)

    browser.open(path)

    assert browser.status == 403


@pytest.mark.parametrize("path", ["/waitlist", "/waitlist/join"])
def test_reception_keeps_the_waitlist(open_browser, desk, waiting, path):
    browser, _ = open_browser(Role.ADMIN, desk.signed_in.clinic)

    browser.open(path)

    assert browser.status == 200


@pytest.mark.parametrize("answer", ANSWERS)
def test_another_clinics_entry_is_not_there(browser, open_desk, answer):
    other = open_desk()
    theirs = other.wait()
    browser.open("/waitlist")

    for waitlist_id in (theirs["id"], UNKNOWN):
        browser.post(f"/waitlist/{waitlist_id}/{answer}", {"form": browser.token()})

        assert browser.status == 404
        assert "Ann" not in browser.text
    assert [status for _, status in entries(other)] == ["waiting"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_form_without_its_secret_does_nothing(browser, desk, offered, answer):
    browser.post(f"/waitlist/{offered['id']}/{answer}", {})

    assert browser.status == 403
    assert [status for _, status in entries(desk)] == ["offered"]


def test_a_wish_without_its_secret_is_refused(browser, desk):
    browser.post("/waitlist/join", {"patient_id": desk.patient()})

    assert browser.status == 403
    assert entries(desk) == []


def test_a_stranger_has_to_sign_in(stranger):
    stranger.open("/waitlist")

    assert stranger.path == "/sign-in"
    assert stranger.answer.request.args["next"] == "/waitlist"


def test_looking_changes_nothing(browser, desk, offered):
    before = desk.get("/api/waitlist").json

    for path in ("/waitlist", "/waitlist?status=booked", "/waitlist/join"):
        browser.open(path)
        assert browser.status == 200

    assert desk.get("/api/waitlist").json == before


def test_what_a_note_says_is_only_read(browser, desk):
    hostile = "<script>alert(1)</script>{{7*7}}"
    desk.wait(note=hostile, patient_id=desk.patient(hostile))

    html = browser.open("/waitlist").decode()

    assert "<script>alert" not in html
    assert browser.text.count(hostile) > 1
