"""A visit in the browser: booked, refused, moved, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN

NARROW = "\u202f"


def status_of(desk, visit) -> str:
    return str(desk.get(f"/api/appointments/{visit['id']}").json["status"])


def times_of(desk) -> list[str]:
    return [v["start_time"] for v in desk.get("/api/appointments").json["items"]]


def book_page(doctor_id: str, at: str = "09:00", patient_id: str = "") -> str:
    path = f"/book?doctor_id={doctor_id}&date=2026-03-03&start_time={at}"
    return path + (f"&patient_id={patient_id}" if patient_id else "")


def test_a_free_time_is_booked(browser, desk):
    doctor_id, patient_id = desk.doctor(), desk.patient()
    browser.open(book_page(doctor_id, patient_id=patient_id))

    browser.send("Book")

    assert browser.path.startswith("/visits/")
    assert "The visit is booked." in browser.text
    assert "Tuesday, March 3, 2026, 9:00 AM" in browser.text
    assert times_of(desk) == ["09:00"]


def test_a_booking_that_is_sent_twice_counts_once(browser, desk):
    doctor_id, patient_id = desk.doctor(), desk.patient()
    page = browser.open(book_page(doctor_id, patient_id=patient_id))
    form = {
        "form": browser.token(),
        "once": page.find("input", attrs={"name": "once"})["value"],
        "doctor_id": doctor_id,
        "patient_id": patient_id,
        "date": "2026-03-03",
        "start_time": "09:00",
    }

    browser.post("/book", form)
    first = browser.path
    browser.post("/book", form)

    assert browser.path == first
    assert len(times_of(desk)) == 1


def test_a_refusal_says_why_and_an_alternative_can_be_taken_in_place(browser, desk):
    taken = desk.book()
    other = desk.patient("Ben", "Okri")
    browser.open(book_page(taken["doctor_id"], "09:15", other))

    page = browser.send("Book", duration="30")

    assert browser.status == 409
    assert "The doctor has a visit from 9:00 AM to 9:30 AM." in browser.text
    assert "Ann" not in browser.text
    offered = page.find("button", attrs={"name": "take"})
    browser.send(offered.get_text(" ", strip=True))
    assert browser.path.startswith("/visits/")
    assert "9:30 AM" in browser.text
    assert times_of(desk) == ["09:00", "09:30"]


def test_the_enter_key_books_and_takes_no_alternative(browser, desk):
    taken = desk.book()
    browser.open(book_page(taken["doctor_id"], "09:15", desk.patient("Ben", "Okri")))
    page = browser.send("Book")

    first = page.select_one("#panel form[action='/book'] button")

    assert first.get("name") is None


def test_whoever_may_can_book_against_the_rules_and_says_why(browser, desk):
    taken = desk.book()
    browser.open(book_page(taken["doctor_id"], "09:15", desk.patient("Ben", "Okri")))
    browser.send("Book")

    browser.send("Take it against the rules", override__reason="An emergency.")

    assert "overbooked" in browser.text
    assert "Doctor busy: An emergency." in browser.text


def test_what_was_typed_stays_where_something_is_missing(browser, desk):
    doctor_id = desk.doctor()
    browser.open(book_page(doctor_id, "10:30"))

    page = browser.send("Book", duration="20")

    assert browser.status == 422
    assert page.find(id="start_time")["value"] == "10:30"
    assert page.find(id="duration")["value"] == "20"
    assert "is required" in browser.text
    assert times_of(desk) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("date", "2026-02-30", id="no such day"),
        pytest.param("date", "0000-01-01", id="no such year"),
        pytest.param("start_time", "25:00", id="no such time"),
        pytest.param("duration", "-5", id="no length"),
        pytest.param("duration", "٣٠", id="other digits"),
        pytest.param("doctor_id", "nobody", id="no id"),
        pytest.param("visit_type", "by post", id="no such type"),
        pytest.param("take", "x y z", id="an alternative that was never offered"),
        pytest.param("start_time", "09:00\x00", id="a NUL"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_booked(browser, desk, name, value):
    doctor_id, patient_id = desk.doctor(), desk.patient()
    browser.open(book_page(doctor_id, patient_id=patient_id))

    browser.send("Book", **{name: value})

    assert browser.status == 422
    assert times_of(desk) == []


def test_another_clinics_doctor_or_patient_is_not_there(browser, desk, open_desk):
    theirs = open_desk()
    mine = (desk.doctor(), desk.patient())
    for doctor_id, patient_id in (
        (theirs.doctor(), mine[1]),
        (mine[0], theirs.patient()),
        (UNKNOWN, mine[1]),
    ):
        browser.open(book_page(mine[0]))

        browser.send("Book", doctor_id=doctor_id, patient_id=patient_id)

        assert browser.status == 404
    assert times_of(desk) == []


def test_without_a_time_the_next_free_ones_are_offered(browser, desk):
    doctor_id, patient_id = desk.doctor(), desk.patient()
    page = browser.open(f"/book?doctor_id={doctor_id}&date=2026-03-03")
    offered = page.find_all("button", attrs={"name": "take"})

    assert len(offered) == 8
    browser.send(offered[0].get_text(" ", strip=True), patient_id=patient_id)

    assert "9:00 AM" in browser.text
    assert times_of(desk) == ["09:00"]


def test_registering_a_caller_keeps_all_that_was_typed_of_the_visit(browser, desk):
    doctor_id = desk.doctor()
    typed = {
        "doctor_id": doctor_id,
        "date": "2026-03-04",
        "start_time": "10:30",
        "duration": "20",
        "visit_category": "new-patient",
        "visit_type": "virtual",
        "meeting_link": "https://example.org/room?a=b&c=d",
    }
    browser.open("/book")

    browser.send("Look up", q="Zoe Bond", **typed)
    browser.follow("Register a new patient")
    browser.send("Register")
    assert browser.path == "/book"
    browser.send("Book")

    [booked] = desk.get("/api/appointments").json["items"]
    assert typed.items() <= booked.items() | {("duration", str(booked["duration"]))}
    assert "Zoe Bond" in browser.text


def test_what_is_wrong_is_kept_too_while_a_caller_is_registered(browser, desk):
    desk.doctor()
    browser.open("/book")

    browser.send("Look up", q="Zoe Bond", duration="soon", start_time="10:30")
    browser.follow("Register a new patient")
    page = browser.send("Register")

    assert browser.path == "/book"
    assert page.find(id="duration")["value"] == "soon"
    assert page.find(id="start_time")["value"] == "10:30"


def test_booking_needs_a_doctor_first(browser):
    browser.open("/book")

    assert browser.page.find("a", string="Add one")["href"] == "/settings/doctors"


def test_a_visit_goes_its_way(browser, desk, watch):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")

    browser.send("Confirm")
    assert status_of(desk, visit) == "confirmed"
    # Nobody comes, and nothing takes place, before its day.
    assert not browser.page.select("#panel .acts button")
    watch.at += timedelta(days=1, hours=3)
    browser.open(f"/visits/{visit['id']}")
    browser.send("Arrived")
    assert "confirmed, here" in browser.text
    browser.send("Took place")

    assert status_of(desk, visit) == "completed"
    assert [b.get_text() for b in browser.page.select("#panel form button")] == ["Undo"]


@pytest.mark.parametrize(
    ("step", "button", "later"),
    [
        ("confirm", "Confirm", "Undo “confirmed”"),
        ("arrive", "Arrived", "Undo “arrived”"),
        ("complete", "Took place", "Undo “took place”"),
        ("no-show", "Did not come", "Let it stand again"),
    ],
)
def test_a_step_can_be_undone_at_once_and_later(
    browser, desk, watch, step, button, later
):
    visit = desk.book()
    watch.at += timedelta(days=1, hours=3)
    path = f"/visits/{visit['id']}"
    for undo in ("Undo", later):
        browser.open(path)
        browser.send(button)
        if undo == later:
            browser.open(path)

        browser.send(undo)

        assert "stands as it did before" in browser.text
        shown = desk.get(f"/api/appointments/{visit['id']}").json
        assert (shown["status"], shown["arrived"]) == ("unconfirmed", False)


def test_no_step_is_taken_before_its_time_nor_of_what_somebody_moved(
    browser, desk, watch
):
    visit = desk.book()
    path = f"/visits/{visit['id']}"
    browser.open(path)
    for step in ("arrive", "complete", "no-show"):
        browser.post(f"{path}/{step}", {"form": browser.token()})
        assert browser.status == 422
        assert "It is too early for that." in browser.text
    watch.at += timedelta(days=1, hours=3)
    for step in ("confirm", "arrive", "complete", "no-show", "cancel"):
        version = desk.get(f"/api/appointments/{visit['id']}").json["version"]
        stale = {"form": browser.token(), "version": str(version + 1)}
        browser.post(f"{path}/{step}", {**stale, "cancellation_type": "other"})
        assert browser.status == 412
        assert "Somebody else changed this meanwhile" in browser.text

    assert status_of(desk, visit) == "unconfirmed"


def test_a_cancellation_asks_why_and_can_be_undone(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")

    browser.send(
        "Cancel the visit", cancellation_type="patient-cancelled", reason_note="Ill."
    )
    assert status_of(desk, visit) == "cancelled"
    assert "Patient cancelled" in browser.text
    assert "Ill." in browser.text
    browser.send("Undo")

    assert status_of(desk, visit) == "unconfirmed"
    assert "stands as it did before" in browser.text


def test_a_missed_visit_can_be_undone(browser, desk, watch):
    visit = desk.book()
    watch.at += timedelta(days=1, hours=3)
    browser.open(f"/visits/{visit['id']}")

    browser.send("Did not come")
    assert status_of(desk, visit) == "no-show"
    browser.send("Undo")

    assert status_of(desk, visit) == "unconfirmed"


def test_what_happened_says_from_where_and_by_whom(browser, desk, watch):
    visit = desk.book()
    watch.at += timedelta(minutes=1)
    move = {"date": "2026-03-03", "start_time": "11:00"}
    desk.post(f"/api/appointments/{visit['id']}/reschedule", move)

    page = browser.open(f"/visits/{visit['id']}")

    told = [" ".join(line.get_text().split()) for line in page.select(".history li")]
    assert told[0].endswith(": A visit was booked, by Olive Owner")
    moved = "A visit was moved from Mar 3, 2026, 9:00 AM, by Olive Owner"
    assert told[1].replace(NARROW, " ").endswith(moved)


def test_an_undo_that_came_too_late_says_why(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    browser.send("Cancel the visit", cancellation_type="other")
    desk.book(doctor_id=visit["doctor_id"], patient_id=desk.patient("Ben", "Okri"))

    browser.send("Undo")

    assert browser.status == 409
    assert "The doctor has a visit" in browser.text
    assert status_of(desk, visit) == "cancelled"


def test_a_visit_is_moved_and_back(browser, desk):
    visit = desk.book()
    other = desk.doctor("Dr. Other")
    browser.open(f"/visits/{visit['id']}")

    browser.send("Move it", doctor_id=other, start_time="11:00")
    assert "Dr. Other" in browser.text
    assert times_of(desk) == ["11:00"]
    browser.send("Undo")

    assert times_of(desk) == ["09:00"]
    assert "as it did before" in browser.text


def moved_and_its_place_taken(browser, desk):
    """Move a visit from 09:00 to 11:00, where its Undo waits, and give 09:00 away."""
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    browser.send("Move it", start_time="11:00", duration="45")
    desk.book(doctor_id=visit["doctor_id"], patient_id=desk.patient("Ben", "Okri"))
    return visit


def test_an_undo_against_the_rules_takes_the_visit_back(browser, desk):
    visit = moved_and_its_place_taken(browser, desk)

    browser.send("Undo")
    assert browser.status == 409
    assert "The doctor has a visit from 9:00 AM to 9:30 AM." in browser.text
    assert times_of(desk) == ["09:00", "11:00"]
    browser.send("Take it against the rules", override__reason="Promised.")

    assert "The visit is moved." in browser.text
    back = desk.get(f"/api/appointments/{visit['id']}").json
    assert (back["start_time"], back["duration"]) == ("09:00", 30)
    assert back["override"]["conflicts"] == ["doctor-busy"]


def test_an_alternative_to_an_undo_is_near_the_place_before(browser, desk):
    visit = moved_and_its_place_taken(browser, desk)

    page = browser.send("Undo")
    offered = page.find("button", attrs={"name": "take"})
    browser.send(offered.get_text(" ", strip=True))

    moved = desk.get(f"/api/appointments/{visit['id']}").json
    assert (moved["start_time"], moved["duration"]) == ("09:30", 30)


def test_an_undo_goes_back_to_the_doctor_before_too(browser, desk):
    visit = desk.book()
    other = desk.doctor("Dr. Other")
    browser.open(f"/visits/{visit['id']}")
    browser.send("Move it", doctor_id=other)
    desk.book(doctor_id=visit["doctor_id"], patient_id=desk.patient("Ben", "Okri"))

    browser.send("Undo")
    browser.send("Take it against the rules", override__reason="Promised.")

    back = desk.get(f"/api/appointments/{visit['id']}").json
    assert back["doctor_id"] == visit["doctor_id"]


def test_a_move_to_where_the_visit_is_is_no_move(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")

    page = browser.send("Move it")

    assert "It is where it was." in browser.text
    assert "The visit is moved." not in browser.text
    assert not page.find("button", string="Undo")


def test_a_move_that_is_none_takes_no_earlier_one_back(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    browser.send("Move it", start_time="11:00")

    page = browser.send("Move it")

    assert "It is where it was." in browser.text
    assert not page.find("button", string="Undo")
    assert times_of(desk) == ["11:00"]


def test_an_undo_takes_back_no_move_of_somebody_else(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    browser.send("Move it", start_time="11:00")
    moved = {"date": "2026-03-03", "start_time": "15:00"}
    desk.post(f"/api/appointments/{visit['id']}/reschedule", moved)

    browser.send("Undo")

    assert browser.status == 412
    assert times_of(desk) == ["15:00"]


def test_a_move_into_another_visit_is_refused_with_alternatives(browser, desk):
    first = desk.book()
    second = desk.book(
        doctor_id=first["doctor_id"],
        patient_id=desk.patient("Ben", "Okri"),
        start_time="10:00",
    )
    browser.open(f"/visits/{second['id']}")

    page = browser.send("Move it", start_time="09:15")

    assert browser.status == 409
    assert times_of(desk) == ["09:00", "10:00"]
    offered = page.find("button", attrs={"name": "take"})
    browser.send(offered.get_text(" ", strip=True))
    assert "The visit is moved." in browser.text


def test_a_move_of_what_somebody_else_moved_is_refused(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    moved = {"date": "2026-03-03", "start_time": "15:00"}
    desk.post(f"/api/appointments/{visit['id']}/reschedule", moved)

    browser.send("Move it", start_time="11:00")

    assert browser.status == 412
    assert times_of(desk) == ["15:00"]


def test_a_booking_is_cancelled_and_not_undone(browser, desk):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")

    browser.post(f"/visits/{visit['id']}/undo", {"form": browser.token()})

    assert browser.status == 409
    assert "What happened last" in browser.text
    assert times_of(desk) == ["09:00"]


def test_a_refused_move_does_not_offer_where_the_visit_is(browser, desk):
    visit = desk.book()
    desk.book(
        doctor_id=visit["doctor_id"],
        patient_id=desk.patient("Ben", "Okri"),
        start_time="09:30",
    )
    browser.open(f"/visits/{visit['id']}")

    page = browser.send("Move it", start_time="09:15")

    offered = page.find_all("button", attrs={"name": "take"})
    assert [each["value"].split()[2] for each in offered] == ["10:00", "10:15", "10:30"]


STEPS = ["confirm", "arrive", "complete", "no-show", "cancel", "reinstate", "move"]


@pytest.mark.parametrize("step", [*STEPS, "undo"])
def test_no_other_site_can_send_a_form(browser, desk, step):
    visit = desk.book()
    browser.open(f"/visits/{visit['id']}")
    token = browser.token()

    for form in ({}, {"form": "guessed"}):
        browser.post(f"/visits/{visit['id']}/{step}", form)
        assert browser.status == 403
    browser.client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    browser.post(f"/visits/{visit['id']}/{step}", {"form": token})

    assert browser.status == 403
    assert status_of(desk, visit) == "unconfirmed"


@pytest.mark.parametrize("step", [*STEPS, "undo"])
def test_another_clinics_visit_is_not_there(browser, open_desk, step):
    theirs = open_desk()
    visit = theirs.book()
    browser.open("/day")
    form = {
        "form": browser.token(),
        "cancellation_type": "other",
        "date": "2026-03-03",
        "start_time": "11:00",
    }

    for visit_id in (visit["id"], UNKNOWN):
        browser.open(f"/visits/{visit_id}")
        assert browser.status == 404
        browser.post(f"/visits/{visit_id}/{step}", form)
        assert browser.status == 404
    assert status_of(theirs, visit) == "unconfirmed"


def test_a_doctor_records_visits_and_books_none(open_browser, open_desk, watch):
    owner = open_desk()
    visit = owner.book()
    browser, doctor = open_browser(Role.DOCTOR, owner.signed_in.clinic)
    user_id = doctor.signed_in.user.id
    owner.patch(f"/api/users/{user_id}", {"doctor_id": visit["doctor_id"]})
    watch.at += timedelta(days=1, hours=1)
    owner.post(f"/api/appointments/{visit['id']}/arrive")

    page = browser.open(f"/visits/{visit['id']}")

    shown = {b.get_text(" ", strip=True) for b in page.select("#panel button")}
    assert shown == {"Took place", "Undo “arrived”"}
    browser.post(f"/visits/{visit['id']}/confirm", {"form": browser.token()})
    assert browser.status == 403
    browser.open("/book")
    assert browser.status == 403


def test_a_link_that_is_no_web_page_is_no_link(browser, desk):
    visit = desk.book(visit_type="virtual", meeting_link="javascript:alert(1)")

    page = browser.open(f"/visits/{visit['id']}")

    assert "javascript:alert(1)" in browser.text
    assert not page.select("a[href^=javascript]")


def test_what_becomes_of_a_visit_lets_the_board_draw_itself_anew(browser, desk):
    visit = desk.book()

    browser.open(f"/visits/{visit['id']}")
    assert "HX-Trigger" not in browser.answer.headers

    browser.send("Confirm")
    assert browser.answer.headers["HX-Trigger"] == "visit-changed"


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(stranger, desk):
    visit = desk.book()

    stranger.open(f"/visits/{visit['id']}")

    assert stranger.path == "/sign-in"
    following = stranger.page.find("input", attrs={"name": "next"})
    assert following["value"] == f"/visits/{visit['id']}"


def test_a_part_of_a_page_sends_the_whole_browser_to_sign_in(stranger):
    stranger.open("/day/2026-03-03/board", {"HX-Request": "true"})

    assert stranger.status == 401
    assert stranger.answer.headers["HX-Redirect"] == "/sign-in?next=/day"
