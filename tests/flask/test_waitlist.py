from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import NOW, UNKNOWN, problem, wrong
from tests.flask.test_paging import BAD, pages

PATH = "/api/waitlist"


def entry(desk, waiting) -> dict[str, object]:
    found: dict[str, object] = desk.get(f"{PATH}/{waiting['id']}").json
    return found


def answer(desk, waiting, step: str):
    return desk.post(f"{PATH}/{waiting['id']}/{step}")


@pytest.fixture
def visit(desk):
    """A visit whose time may come free."""
    return desk.book()


@pytest.fixture
def waiting(desk, visit):
    """Somebody who waits for a time of that doctor."""
    return desk.wait(doctor_id=visit["doctor_id"])


@pytest.fixture
def offered(desk, visit, waiting):
    """The same, once the visit was cancelled."""
    desk.cancel(visit)
    found = entry(desk, waiting)
    assert found["status"] == "offered"
    return found


def test_somebody_waits(desk):
    wish = desk.waiting_wish(
        doctor_id=desk.doctor(),
        duration=45,
        visit_type="in-clinic",
        visit_category="follow-up",
        weekdays=["tuesday", "friday"],
        earliest="09:00",
        latest="12:00",
        urgent=True,
        note="Prefers mornings.",
    )

    response = desk.post(PATH, wish)

    assert response.status_code == 201
    waiting = response.json
    assert waiting == {
        **wish,
        "id": waiting["id"],
        "weekdays": ["friday", "tuesday"],
        "status": "waiting",
        "appointment_id": None,
        "version": 1,
        "created_at": "2026-03-02T12:00:00Z",
        "updated_at": "2026-03-02T12:00:00Z",
        "offer": None,
    }
    assert entry(desk, waiting) == waiting
    assert desk.get(PATH).json == {"items": [waiting], "next": None}


def test_a_time_that_comes_free_is_offered(desk, visit, waiting):
    desk.cancel(visit)

    found = entry(desk, waiting)

    assert found["status"] == "offered"
    offer = found["offer"]
    same = (
        *("doctor_id", "date", "start_time", "end_time"),
        *("duration", "starts_at", "ends_at"),
    )
    assert offer == {
        "id": offer["id"],
        "waitlist_id": waiting["id"],
        **{name: visit[name] for name in same},
        "expires_at": "2026-03-02T14:00:00Z",
        "outcome": "open",
        "created_at": "2026-03-02T12:00:00Z",
    }
    assert desk.get(f"{PATH}?status=offered").json["items"] == [found]
    assert desk.get(f"{PATH}?status=waiting").json["items"] == []


def test_what_is_offered_is_held_and_is_no_visit_yet(desk, offered):
    wish = desk.wish(doctor_id=offered["doctor_id"])

    response = desk.post("/api/appointments", wish)

    assert problem(response) == (409, "booking-conflict")
    openings = desk.get("/api/schedule/availability?from=2026-03-03&to=2026-03-03")
    assert openings.json["items"][0]["start_time"] == "09:30"
    offer_id = offered["offer"]["id"]
    assert problem(desk.get(f"/api/appointments/{offer_id}")) == (404, "not-found")
    for path in ("/api/appointments", "/api/schedule/week"):
        assert offer_id not in desk.get(path).text
    # For whom it is held is nobody's business.
    for told in (offered["id"], offered["patient_id"], offer_id):
        assert told not in response.text


def test_what_is_accepted_is_a_confirmed_visit(desk, offered):
    response = answer(desk, offered, "accept")

    assert response.status_code == 200
    visit, offer = response.json, offered["offer"]
    assert visit["id"] == offer["id"]
    assert visit["status"] == "confirmed"
    assert visit["patient_id"] == offered["patient_id"]
    assert visit["starts_at"] == offer["starts_at"]
    assert desk.get(f"/api/appointments/{visit['id']}").json == visit
    after = entry(desk, offered)
    assert (after["status"], after["appointment_id"]) == ("booked", visit["id"])
    assert after["offer"] is None


def test_what_is_declined_is_offered_to_the_next_one(desk, visit, watch):
    first = desk.wait(doctor_id=visit["doctor_id"])
    watch.at += timedelta(minutes=1)
    second = desk.wait(doctor_id=visit["doctor_id"])
    desk.cancel(visit)

    response = answer(desk, first, "decline")

    assert response.status_code == 200
    assert (response.json["status"], response.json["offer"]) == ("waiting", None)
    assert entry(desk, first) == response.json
    offer = entry(desk, second)["offer"]
    assert offer["starts_at"] == visit["starts_at"]
    assert offer["waitlist_id"] == second["id"]


def test_nobody_is_offered_again_what_they_declined(desk, visit):
    waiting = desk.wait(doctor_id=visit["doctor_id"], latest="09:30")
    desk.cancel(visit)
    declined = answer(desk, waiting, "decline").json

    desk.cancel(desk.book(doctor_id=visit["doctor_id"]))

    assert entry(desk, waiting) == declined


def test_who_is_urgent_comes_first(desk, visit):
    usual = desk.wait(doctor_id=visit["doctor_id"])
    urgent = desk.wait(doctor_id=visit["doctor_id"], urgent=True)

    desk.cancel(visit)

    listed = desk.get(PATH).json["items"]
    assert [found["id"] for found in listed] == [urgent["id"], usual["id"]]
    assert [found["status"] for found in listed] == ["offered", "waiting"]


@pytest.mark.parametrize(
    "wish",
    [
        {"first_date": "2026-03-04"},
        {"weekdays": ["monday", "wednesday"]},
        {"earliest": "09:15"},
        {"latest": "09:15"},
        {"duration": 45},
    ],
    ids=lambda wish: next(iter(wish)),
)
def test_nobody_is_offered_what_does_not_suit(desk, visit, wish):
    people = {name: visit[name] for name in ("doctor_id", "patient_id")}
    desk.book(**people, start_time="09:30")
    waiting = desk.wait(doctor_id=visit["doctor_id"], **wish)

    desk.cancel(visit)

    assert entry(desk, waiting) == waiting


def test_whoever_waits_for_anybody_is_offered_any_doctors_time(desk, visit):
    waiting = desk.wait()

    desk.cancel(visit)

    assert entry(desk, waiting)["offer"]["doctor_id"] == visit["doctor_id"]


def test_time_is_offered_in_its_own_clinic_alone(desk, open_desk, visit):
    elsewhere = open_desk()
    waiting = elsewhere.wait()

    desk.cancel(visit)

    assert entry(elsewhere, waiting) == waiting


@pytest.mark.parametrize("way", ["cancel a series", "delete a series", "move", "hours"])
def test_time_comes_free_in_many_ways(desk, way):
    series = desk.book_series(rrule="FREQ=WEEKLY;COUNT=2")
    doctor, path = series["doctor_id"], f"/api/appointment-series/{series['id']}"
    waiting = desk.wait(doctor_id=doctor, earliest="08:30", latest="09:30")

    if way == "cancel a series":
        desk.post(f"{path}/cancel", {})
    elif way == "delete a series":
        desk.delete(path)
    elif way == "move":
        desk.post(f"{path}/reschedule", {"start_time": "15:00"})
    else:
        hours = [{"start": "08:30", "end": "17:00"}]
        day = {"date": "2026-03-03", "hours": hours}
        desk.put(f"/api/doctors/{doctor}/dated-hours", day)

    offer = entry(desk, waiting)["offer"]
    start = "08:30" if way == "hours" else "09:00"
    assert (offer["date"], offer["start_time"]) == ("2026-03-03", start)


def test_time_off_that_is_given_back_is_offered(desk):
    doctor = desk.doctor()
    off = desk.take_time_off(doctor, "2026-03-03T09:00", "2026-03-03T12:00")
    waiting = desk.wait(doctor_id=doctor)

    desk.delete(f"/api/doctors/{doctor}/time-off/{off['id']}")

    assert entry(desk, waiting)["offer"]["start_time"] == "09:00"


def test_nothing_is_booked_with_a_doctor_who_is_off_meanwhile(desk, offered):
    off = ("2026-03-03T08:00", "2026-03-03T12:00")
    desk.take_time_off(offered["doctor_id"], *off, reason="An operation.")

    response = answer(desk, offered, "accept")

    assert problem(response) == (409, "booking-conflict")
    [conflict] = response.json["conflicts"]
    assert (conflict["kind"], conflict["overridable"]) == ("time-off", False)
    assert "operation" not in response.text
    assert entry(desk, offered) == offered
    assert desk.get("/api/appointments?status=confirmed").json["items"] == []


@pytest.mark.parametrize("step", ["accept", "decline"])
def test_where_nothing_is_offered_nothing_is_answered(desk, waiting, step):
    response = answer(desk, waiting, step)

    assert problem(response) == (409, "offer-not-open")
    assert entry(desk, waiting) == waiting


@pytest.mark.parametrize("step", ["accept", "decline"])
def test_an_offer_is_answered_once(desk, offered, step):
    answer(desk, offered, step)
    after = entry(desk, offered)

    for again in ("accept", "decline"):
        assert problem(answer(desk, offered, again)) == (409, "offer-not-open")
    assert entry(desk, offered) == after


@pytest.mark.parametrize("step", ["accept", "decline"])
@pytest.mark.parametrize(
    ("minutes", "is_open"), [(119, True), (120, False), (24 * 60, False)]
)
def test_an_offer_lapses(desk, offered, watch, step, minutes, is_open):
    watch.at = NOW + timedelta(minutes=minutes)

    response = answer(desk, offered, step)

    assert (response.status_code == 200) == is_open
    if not is_open:
        assert problem(response) == (409, "offer-not-open")
        assert offered["patient_id"] not in response.text
        assert entry(desk, offered)["offer"] is None


def test_what_has_lapsed_holds_nothing(desk, offered, watch):
    watch.at = NOW + timedelta(hours=2)

    visit = desk.book(doctor_id=offered["doctor_id"])

    assert visit["starts_at"] == offered["offer"]["starts_at"]
    assert entry(desk, offered)["offer"] is None
    assert problem(answer(desk, offered, "accept")) == (409, "offer-not-open")


def test_a_clinic_says_how_long_it_holds_an_offer(desk, visit, waiting):
    desk.put("/api/clinic/scheduling-policy", {"offer_minutes": 15})

    desk.cancel(visit)

    assert entry(desk, waiting)["offer"]["expires_at"] == "2026-03-02T12:15:00Z"


def test_who_is_withdrawn_waits_no_longer(desk, offered):
    next_one = desk.wait(doctor_id=offered["doctor_id"])

    response = desk.delete(f"{PATH}/{offered['id']}")

    assert (response.status_code, response.data) == (204, b"")
    after = entry(desk, offered)
    assert (after["status"], after["offer"]) == ("withdrawn", None)
    assert entry(desk, next_one)["offer"]["start_time"] == "09:00"
    again = desk.delete(f"{PATH}/{offered['id']}")
    assert problem(again) == (409, "waitlist-closed")


def test_who_is_booked_is_not_withdrawn(desk, offered):
    answer(desk, offered, "accept")

    response = desk.delete(f"{PATH}/{offered['id']}")

    assert problem(response) == (409, "waitlist-closed")


# Lists


def test_pages_hold_all_who_wait_once_and_best_ranked_first(desk, watch):
    doctor, patient = desk.doctor(), desk.patient()
    ids = []
    for number in range(5):
        watch.at = NOW + timedelta(microseconds=number)
        is_urgent = number % 2 == 1
        waiting = desk.wait(doctor_id=doctor, patient_id=patient, urgent=is_urgent)
        ids.append(waiting["id"])

    (whole,) = pages(desk, PATH, 200)
    parts = pages(desk, PATH, 2)

    ranked = [ids[number] for number in (1, 3, 0, 2, 4)]
    assert [found["id"] for found in whole] == ranked
    assert [found for part in parts for found in part] == whole
    assert [len(part) for part in parts] == [2, 2, 1]
    assert pages(desk, f"{PATH}?status=booked", 2) == [[]]


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD.keys())
def test_a_cursor_must_come_from_the_waitlist(desk, cursor):
    response = desk.get(PATH, query_string={"cursor": cursor})

    assert wrong(response) == [("query", "/cursor")]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("status=open", "/status"), ("limit=0", "/limit"), ("q=ann", "/q")],
)
def test_the_waitlist_is_asked_for_in_its_own_words(desk, query, pointer):
    assert wrong(desk.get(f"{PATH}?{query}")) == [("query", pointer)]


# What is refused


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"first_date": "2026-03-10", "last_date": "2026-03-09"}, ["/last_date"]),
        ({"earliest": "10:00", "latest": "10:00"}, ["/latest"]),
        ({"first_date": "soon", "last_date": None}, ["/first_date", "/last_date"]),
        ({"first_date": "0001-01-01"}, ["/first_date"]),
        ({"last_date": "9999-12-31"}, ["/last_date"]),
        ({"weekdays": ["monday", "monday"]}, ["/weekdays"]),
        ({"weekdays": ["Monday", 1]}, ["/weekdays/0", "/weekdays/1"]),
        ({"weekdays": "monday"}, ["/weekdays"]),
        ({"earliest": "9", "latest": "24:00"}, ["/earliest", "/latest"]),
        ({"duration": 0}, ["/duration"]),
        ({"duration": -5}, ["/duration"]),
        ({"duration": 1441}, ["/duration"]),
        ({"visit_category": "check-up"}, ["/visit_category"]),
        ({"urgent": 1}, ["/urgent"]),
        ({"note": " "}, ["/note"]),
        ({"note": "x" * 501}, ["/note"]),
        ({"doctor_id": "x", "patient_id": None}, ["/doctor_id", "/patient_id"]),
        ({"status": "offered"}, ["/status"]),
    ],
)
def test_a_wrong_wish_is_pointed_at_and_nobody_waits(desk, change, pointers):
    response = desk.post(PATH, {**desk.waiting_wish(), **change})

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(PATH).json["items"] == []


@pytest.mark.parametrize("whose", ["doctor_id", "patient_id"])
def test_nobody_waits_who_is_not_there(desk, whose):
    response = desk.post(PATH, desk.waiting_wish(**{whose: UNKNOWN}))

    assert problem(response) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "step"),
    [("GET", ""), ("DELETE", ""), ("POST", "/accept"), ("POST", "/decline")],
)
def test_an_entry_of_another_clinic_is_not_there(desk, open_desk, method, step):
    elsewhere = open_desk()
    visit = elsewhere.book()
    other = elsewhere.wait(doctor_id=visit["doctor_id"])["id"]
    elsewhere.cancel(visit)
    before = elsewhere.get(PATH).json

    theirs = desk.request(method, f"{PATH}/{other}{step}")
    nobodys = desk.request(method, f"{PATH}/{UNKNOWN}{step}")

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")
    assert elsewhere.get(PATH).json == before


@pytest.mark.parametrize("step", ["accept", "decline"])
def test_an_answer_takes_no_fields(desk, offered, step):
    response = desk.post(f"{PATH}/{offered['id']}/{step}", {"start_time": "10:00"})

    assert wrong(response) == [("body", "/start_time")]
    assert entry(desk, offered) == offered


def test_a_doctor_does_not_see_who_waits(desk, open_desk, waiting):
    doctor = open_desk(Role.DOCTOR, desk.signed_in.clinic)

    for path in (PATH, f"{PATH}/{waiting['id']}"):
        assert problem(doctor.get(path)) == (403, "not-permitted")
