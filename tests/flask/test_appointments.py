from __future__ import annotations

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN, problem, wrong


def test_a_visit_is_booked(desk):
    wish = desk.wish(duration=45, visit_type="virtual", meeting_link="https://m.org/1")

    response = desk.post("/api/appointments", wish)

    assert response.status_code == 201
    assert response.json.items() >= {**wish, "end_time": "09:45"}.items()
    assert response.json["starts_at"] == "2026-03-03T14:00:00Z"
    assert desk.get(f"/api/appointments/{response.json['id']}").json == response.json


def test_a_taken_time_is_refused_with_every_conflict_and_the_nearest_openings(desk):
    visit = desk.book()
    wish = desk.wish(doctor_id=visit["doctor_id"], patient_id=visit["patient_id"])

    response = desk.post("/api/appointments", wish)

    assert problem(response) == (409, "booking-conflict")
    assert response.json["conflicts"] == [
        {
            "kind": kind,
            "message": f"The {person} has a visit from 09:00 to 09:30.",
            "starts_at": "2026-03-03T14:00:00Z",
            "ends_at": "2026-03-03T14:30:00Z",
            "overridable": True,
        }
        for kind, person in (("doctor-busy", "doctor"), ("patient-busy", "patient"))
    ]
    starts = [opening["start_time"] for opening in response.json["alternatives"]]
    assert starts == ["09:30", "09:45", "10:00"]


def test_a_refusal_offers_the_same_doctor_first_and_then_those_of_the_same_specialty(
    desk,
):
    wanted = desk.doctor("Dr. Young", specialty="Surgery")
    alike = {desk.doctor(f"Dr. {n}", specialty="Surgery") for n in ("Abel", "Zuse")}
    for specialty in ("Dermatology", None):
        desk.doctor("Dr. Chen", specialty=specialty)
    visit = desk.book(doctor_id=wanted, start_time="10:00")
    wish = desk.wish(doctor_id=wanted, start_time="10:00")

    response = desk.post("/api/appointments", wish)

    assert problem(response) == (409, "booking-conflict")
    openings = response.json["alternatives"]
    doctors = [opening["doctor_id"] for opening in openings]
    assert doctors[:3] == [wanted] * 3
    assert len(doctors) == 6
    assert set(doctors[3:]) <= alike
    for part, nearest in (
        (openings[:3], {"09:30", "10:30"}),
        (openings[3:], {"10:00"}),
    ):
        assert {opening["start_time"] for opening in part} >= nearest
    for opening in openings:
        place = {name: opening[name] for name in ("doctor_id", "date", "start_time")}
        checked = desk.post("/api/appointments/check", desk.wish(**{**wish, **place}))
        assert checked.json["conflicts"] == []
    assert openings[0].keys() == {
        *("doctor_id", "date", "start_time", "end_time", "starts_at", "ends_at")
    }
    assert visit["id"] not in response.text


def test_a_refusal_says_nothing_of_whose_visit_is_in_the_way(desk):
    other = desk.patient(
        "Zoltan", "Quick", email="zoltan@quick.example", phone="+13125550173"
    )
    visit = desk.book(
        patient_id=other,
        visit_category="follow-up",
        meeting_link="https://m.org/zoltan",
        duration=120,
    )
    doctor = {"doctor_id": visit["doctor_id"]}
    desk.put("/api/clinic/scheduling-policy", {"buffer_before": 30, "daily_limit": 1})
    own = desk.book(start_time="12:00")
    path = f"/api/appointments/{own['id']}/reschedule"
    move = {"date": "2026-03-03", "start_time": "09:15", **doctor}

    refusals = [
        desk.post("/api/appointments", desk.wish(**doctor)),
        desk.post("/api/appointments", desk.wish(**doctor, start_time="11:15")),
        desk.post("/api/appointments/check", desk.wish(**doctor)),
        desk.post(path, move),
        desk.post("/api/appointment-series", desk.series_wish(**doctor)),
    ]

    assert [r.status_code for r in refusals] == [409, 409, 200, 409, 409]
    secrets = ("Zoltan", "zoltan", "Quick", "3125550173", "follow-up", other)
    for refusal in refusals:
        assert "conflicts" in refusal.text
        assert [told for told in (*secrets, visit["id"]) if told in refusal.text] == []


def test_a_taken_time_can_be_booked_with_a_reason(desk):
    visit = desk.book()

    second = desk.book(
        doctor_id=visit["doctor_id"], override={"reason": "An emergency."}
    )

    assert second["override"] == {
        "reason": "An emergency.",
        "conflicts": ["doctor-busy"],
        "by_id": str(desk.signed_in.user.id),
    }


@pytest.mark.parametrize("whose", ["doctor_id", "patient_id"])
def test_who_is_not_there_cannot_be_booked(desk, whose):
    response = desk.post("/api/appointments", desk.wish(**{whose: UNKNOWN}))

    assert problem(response) == (404, "not-found")


def test_checking_says_what_stands_against_a_visit_and_books_nothing(desk):
    wish = desk.wish(start_time="20:00")

    response = desk.post("/api/appointments/check", wish)

    assert response.status_code == 200
    assert [c["kind"] for c in response.json["conflicts"]] == ["outside-hours"]
    assert response.json["alternatives"]
    assert desk.get("/api/appointments").json["items"] == []


def test_a_free_time_has_nothing_against_it(desk):
    response = desk.post("/api/appointments/check", desk.wish())

    assert response.json == {"conflicts": [], "alternatives": []}


def test_details_are_changed_and_what_is_left_out_stays(desk):
    visit = desk.book(visit_category="follow-up")

    response = desk.patch(
        f"/api/appointments/{visit['id']}", {"visit_type": "in-clinic"}
    )

    assert response.status_code == 200
    assert response.json["visit_type"] == "in-clinic"
    assert response.json["visit_category"] == "follow-up"


def test_a_visit_is_rescheduled(desk):
    visit = desk.book()

    response = desk.post(
        f"/api/appointments/{visit['id']}/reschedule",
        {"date": "2026-03-04", "start_time": "10:00"},
    )

    assert response.status_code == 200
    assert response.json["date"] == "2026-03-04"
    assert response.json["end_time"] == "10:30"


def test_the_moves_of_a_visit_are_told_oldest_first(desk):
    visit = desk.book()
    path, other = f"/api/appointments/{visit['id']}", desk.doctor()
    assert desk.get(f"{path}/moves").json == {"items": [], "next": None}
    place = {"date": "2026-03-04", "start_time": "10:00"}
    for change in (place, {**place, "duration": 45}, {**place, "doctor_id": other}):
        desk.post(f"{path}/reschedule", change)
    desk.patch(path, {"visit_type": "virtual"})

    response = desk.get(f"{path}/moves")

    assert response.status_code == 200
    assert response.json["next"] is None
    first, second, third = response.json["items"]
    assert first == {
        "moved_at": "2026-03-02T12:00:00Z",
        "moved_by_id": str(desk.signed_in.user.id),
        "from_doctor_id": visit["doctor_id"],
        "from_starts_at": "2026-03-03T14:00:00Z",
        "from_duration": 30,
        "to_doctor_id": visit["doctor_id"],
        "to_starts_at": "2026-03-04T15:00:00Z",
        "to_duration": 30,
    }
    assert (second["from_duration"], second["to_duration"]) == (30, 45)
    assert (third["from_doctor_id"], third["to_doctor_id"]) == (
        *(visit["doctor_id"], other),
    )
    assert desk.get(path).json["times_moved"] == 3


def test_a_move_that_was_refused_is_none(desk):
    visit = desk.book()
    taken = desk.book(doctor_id=visit["doctor_id"], start_time="10:00")
    path = f"/api/appointments/{visit['id']}"
    move = {"date": taken["date"], "start_time": taken["start_time"]}

    response = desk.post(f"{path}/reschedule", move)

    assert response.status_code == 409
    assert desk.get(f"{path}/moves").json["items"] == []


def test_a_visit_cannot_be_moved_onto_another(desk):
    first = desk.book()
    second = desk.book(doctor_id=first["doctor_id"], start_time="10:00")

    response = desk.post(
        f"/api/appointments/{second['id']}/reschedule",
        {"date": "2026-03-03", "start_time": "09:15"},
    )

    assert problem(response) == (409, "booking-conflict")
    assert desk.get(f"/api/appointments/{second['id']}").json == second


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ("confirm", {"status": "confirmed"}),
        ("arrive", {"arrived": True, "arrived_at": "2026-03-02T12:00:00Z"}),
        ("complete", {"status": "completed"}),
        ("no-show", {"status": "no-show"}),
    ],
)
@pytest.mark.parametrize("body", [None, {}])
def test_a_step_is_noted(desk, step, changed, body):
    visit = desk.book()

    response = desk.post(f"/api/appointments/{visit['id']}/{step}", body)

    assert response.status_code == 200
    assert response.json.items() >= changed.items()


def test_cancelling_answers_the_visit_with_its_cancellation(desk):
    visit = desk.book()

    response = desk.post(
        f"/api/appointments/{visit['id']}/cancel",
        {"cancellation_type": "patient-cancelled", "reason_note": "A cold."},
    )

    assert response.status_code == 200
    assert response.json["status"] == "cancelled"
    cancellation = response.json["cancellation"]
    assert cancellation["appointment_id"] == visit["id"]
    assert cancellation["cancellation_type"] == "patient-cancelled"
    assert cancellation["reason_note"] == "A cold."
    assert cancellation["cancelled_by_id"] == str(desk.signed_in.user.id)


@pytest.mark.parametrize("body", [None, {}, {"override": None}])
def test_a_cancelled_visit_is_reinstated(desk, body):
    visit = desk.book()
    path = f"/api/appointments/{visit['id']}"
    desk.post(f"{path}/cancel", {"cancellation_type": "other"})

    response = desk.post(f"{path}/reinstate", body)

    assert response.status_code == 200
    assert response.json["status"] == "unconfirmed"


def test_what_was_done_last_is_undone_once(desk):
    visit = desk.book()
    path = f"/api/appointments/{visit['id']}"
    desk.post(f"{path}/confirm")
    desk.post(f"{path}/cancel", {"cancellation_type": "other"})

    response = desk.post(f"{path}/undo")

    assert response.status_code == 200
    assert response.json["status"] == "confirmed"
    again = desk.post(f"{path}/undo")
    assert problem(again) == (409, "nothing-to-undo")


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("confirm", None),
        ("arrive", None),
        ("complete", None),
        ("no-show", None),
        ("cancel", {"cancellation_type": "other"}),
        ("reschedule", {"date": "2026-03-04", "start_time": "10:00"}),
    ],
)
def test_a_cancelled_visit_takes_no_step(desk, step, body):
    visit = desk.book()
    path = f"/api/appointments/{visit['id']}"
    desk.post(f"{path}/cancel", {"cancellation_type": "other"})

    response = desk.post(f"{path}/{step}", body)

    assert problem(response) == (409, "invalid-transition")


def test_what_happened_to_a_visit_is_listed_oldest_first(desk):
    visit = desk.book()
    desk.post(f"/api/appointments/{visit['id']}/confirm")

    response = desk.get(f"/api/appointments/{visit['id']}/history")

    kinds = [event["kind"] for event in response.json["items"]]
    assert kinds == ["appointment.booked", "appointment.confirmed"]
    assert response.json["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["09:00", "10:00", "11:00"]),
        ("date=2026-03-04", ["10:00"]),
        ("from=2026-03-04", ["10:00", "11:00"]),
        ("from=2026-03-04&to=2026-03-04", ["10:00"]),
        ("to=2026-03-03", ["09:00"]),
        ("status=confirmed", ["11:00"]),
        ("intake_status=sent", []),
        ("status=unconfirmed&to=2026-03-03", ["09:00"]),
    ],
)
def test_visits_are_found(desk, query, found):
    visit = desk.book()
    same = {"doctor_id": visit["doctor_id"], "patient_id": visit["patient_id"]}
    desk.book(**same, date="2026-03-04", start_time="10:00")
    last = desk.book(**same, date="2026-03-05", start_time="11:00")
    desk.post(f"/api/appointments/{last['id']}/confirm")

    response = desk.get(f"/api/appointments?{query}")

    assert [v["start_time"] for v in response.json["items"]] == found


@pytest.mark.parametrize("whose", ["doctor_id", "patient_id"])
def test_visits_are_found_by_person(desk, whose):
    first, second = desk.book(), desk.book()

    response = desk.get(f"/api/appointments?{whose}={second[whose]}")

    assert response.json["items"] == [second]
    assert first[whose] != second[whose]


def test_a_day_does_not_go_with_a_span_of_days(desk):
    response = desk.get("/api/appointments?date=2026-03-03&from=2026-03-01")

    assert wrong(response) == [("query", "")]


@pytest.mark.parametrize(
    ("method", "step"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/history"),
        ("GET", "/moves"),
        ("POST", "/confirm"),
        ("POST", "/arrive"),
        ("POST", "/complete"),
        ("POST", "/no-show"),
        ("POST", "/reinstate"),
    ],
)
def test_a_visit_of_another_clinic_is_not_there(desk, open_desk, method, step):
    other = open_desk().book()["id"]
    body = {} if method != "GET" else None

    theirs = desk.request(method, f"/api/appointments/{other}{step}", body)
    nobodys = desk.request(method, f"/api/appointments/{UNKNOWN}{step}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")


def test_a_doctor_cannot_book(desk, open_desk):
    wish = desk.wish()

    response = open_desk(Role.DOCTOR, desk.signed_in.clinic).post(
        "/api/appointments", wish
    )

    assert problem(response) == (403, "not-permitted")
