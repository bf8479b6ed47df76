from __future__ import annotations

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN, problem, wrong

NINE_TO_FIVE = {"weekday": "monday", "start": "09:00", "end": "17:00"}


def test_a_doctor_is_added(desk):
    details = {"name": "Dr. Chen", "initials": "SC", "color": "#4A90A4"}

    response = desk.post("/api/doctors", details)

    assert response.status_code == 201
    assert response.json.items() >= {**details, "specialty": None}.items()
    assert desk.get(f"/api/doctors/{response.json['id']}").json == response.json


def test_doctors_are_listed_by_name(desk):
    for name in ("Dr. Young", "Dr. Abel"):
        desk.doctor(name)

    response = desk.get("/api/doctors")

    assert [d["name"] for d in response.json["items"]] == ["Dr. Abel", "Dr. Young"]
    assert response.json["next"] is None


def test_a_doctors_details_are_changed_and_what_is_left_out_stays(desk):
    doctor_id = desk.doctor(initials="SC", specialty="Surgery")

    response = desk.patch(f"/api/doctors/{doctor_id}", {"specialty": None})

    assert response.status_code == 200
    assert response.json["specialty"] is None
    assert response.json["initials"] == "SC"


def test_a_doctor_without_visits_is_removed(desk):
    doctor_id = desk.doctor()

    response = desk.delete(f"/api/doctors/{doctor_id}")

    assert (response.status_code, response.data) == (204, b"")
    assert problem(desk.get(f"/api/doctors/{doctor_id}")) == (404, "not-found")


def test_a_doctor_with_visits_stays_and_they_are_named(desk):
    visit = desk.book()

    response = desk.delete(f"/api/doctors/{visit['doctor_id']}")

    assert problem(response) == (409, "doctor-has-visits")
    assert response.json["appointment_ids"] == [visit["id"]]


def test_hours_are_replaced(desk):
    path = f"/api/doctors/{desk.doctor()}/hours"

    response = desk.put(path, [NINE_TO_FIVE])

    assert response.status_code == 200
    assert response.json == [NINE_TO_FIVE]
    assert desk.get(path).json == [NINE_TO_FIVE]


@pytest.mark.parametrize(
    ("hours", "pointers"),
    [
        ({}, [""]),
        ([NINE_TO_FIVE, {**NINE_TO_FIVE, "end": "5 pm"}], ["/1/end"]),
        ([{**NINE_TO_FIVE, "end": "09:00"}], ["/0"]),
        ([NINE_TO_FIVE, NINE_TO_FIVE], ["/1"]),
        ([NINE_TO_FIVE] * 51, [""]),
        ([{"weekday": "Monday", "start": 9}], ["/0/end", "/0/start", "/0/weekday"]),
    ],
)
def test_wrong_hours_are_pointed_at(desk, hours, pointers):
    response = desk.put(f"/api/doctors/{desk.doctor()}/hours", hours)

    assert wrong(response) == [("body", pointer) for pointer in pointers]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("GET", "/hours", None),
        ("PUT", "/hours", []),
    ],
)
def test_a_doctor_of_another_clinic_is_not_there(desk, open_desk, method, path, body):
    other = open_desk().doctor()

    theirs = desk.request(method, f"/api/doctors/{other}{path}", body)
    nobodys = desk.request(method, f"/api/doctors/{UNKNOWN}{path}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")


def test_an_account_that_is_not_there_cannot_be_a_doctors(desk):
    response = desk.post("/api/doctors", {"name": "Dr. Chen", "user_id": UNKNOWN})

    assert problem(response) == (404, "not-found")


def test_a_doctor_cannot_add_doctors(open_desk):
    response = open_desk(Role.DOCTOR).post("/api/doctors", {"name": "Dr. Chen"})

    assert problem(response) == (403, "not-permitted")
