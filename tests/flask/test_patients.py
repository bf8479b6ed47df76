from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.flask.desk import UNKNOWN, problem, wrong

ANN = {
    "first_name": "Ann",
    "last_name": "Lee",
    "email": "ann@example.org",
    "phone": "+1 (555) 010-2000",
    "date_of_birth": "1980-12-31",
}


def test_a_patient_is_registered(desk):
    response = desk.post("/api/patients", ANN)

    assert response.status_code == 201
    assert response.json.items() >= {**ANN, "full_name": "Ann Lee"}.items()
    shown = desk.get(f"/api/patients/{response.json['id']}").json
    assert {**shown, "possible_duplicates": []} == response.json


@pytest.mark.parametrize(
    "words", ["lee an", "EXAMPLE.org", "555010", "1980-12-31", "Änn", ""]
)
def test_a_patient_is_found(desk, words):
    desk.post("/api/patients", ANN)

    response = desk.get(f"/api/patients?q={quote(words)}")

    assert [p["full_name"] for p in response.json["items"]] == ["Ann Lee"]


def test_a_patient_who_is_somebody_else_is_not_found(desk):
    desk.post("/api/patients", ANN)

    assert desk.get("/api/patients?q=bob").json == {"items": [], "next": None}


def test_a_patients_details_are_changed_and_what_is_left_out_stays(desk):
    patient_id = desk.post("/api/patients", ANN).json["id"]

    response = desk.patch(f"/api/patients/{patient_id}", {"phone": None})

    assert response.status_code == 200
    assert response.json["phone"] is None
    assert response.json["email"] == "ann@example.org"


@pytest.mark.parametrize("birth", ["2026-03-03", "1849-12-31"])
def test_nobody_is_born_in_the_future_or_long_ago(desk, birth):
    response = desk.post("/api/patients", {**ANN, "date_of_birth": birth})

    assert wrong(response) == [("body", "/date_of_birth")]


def test_a_patient_without_visits_is_removed(desk):
    patient_id = desk.patient()

    response = desk.delete(f"/api/patients/{patient_id}")

    assert (response.status_code, response.data) == (204, b"")
    assert problem(desk.get(f"/api/patients/{patient_id}")) == (404, "not-found")


def test_a_patient_with_visits_stays_and_they_are_named(desk):
    visit = desk.book()

    response = desk.delete(f"/api/patients/{visit['patient_id']}")

    assert problem(response) == (409, "patient-has-visits")
    assert response.json["appointment_ids"] == [visit["id"]]


def test_a_patients_visits_are_listed(desk):
    visit, _ = desk.book(), desk.book()

    response = desk.get(f"/api/patients/{visit['patient_id']}/appointments")

    assert response.json == {"items": [visit], "next": None}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/appointments")],
)
def test_a_patient_of_another_clinic_is_not_there(desk, open_desk, method, path):
    other = open_desk().patient()
    body = {} if method == "PATCH" else None

    theirs = desk.request(method, f"/api/patients/{other}{path}", body)
    nobodys = desk.request(method, f"/api/patients/{UNKNOWN}{path}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")
