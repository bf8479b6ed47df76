from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

import pytest

from clinicflow_core.desk import register
from clinicflow_core.entities.ids import PatientId
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


def test_who_may_be_the_same_person_is_told_by_id_alone(desk):
    first = desk.patient("Ann", "Lee", date_of_birth="1980-12-31")

    response = desk.post("/api/patients", {**ANN, "first_name": "Anne"})
    changed = desk.patch(f"/api/patients/{response.json['id']}", {"phone": None})

    [possible] = response.json["possible_duplicates"]
    assert possible == {"patient_id": first, "likeness": possible["likeness"]}
    assert 0.5 <= possible["likeness"] <= 1
    assert changed.json["possible_duplicates"] == [possible]


def test_who_sends_the_request_again_is_told_of_the_same_duplicates(desk):
    desk.patient("Ann", "Lee", date_of_birth="1980-12-31")
    key = {"Idempotency-Key": "key-1"}
    first = desk.post("/api/patients", ANN, headers=key)

    again = desk.post("/api/patients", ANN, headers=key)

    assert again.json == first.json
    assert len(again.json["possible_duplicates"]) == 1


def test_two_records_of_one_person_are_merged(desk):
    visit = desk.book()
    kept = desk.patient("Anne")
    duplicate = visit["patient_id"]

    response = desk.post(f"/api/patients/{kept}/merge", {"duplicate_id": duplicate})

    assert response.status_code == 200
    assert (response.json["id"], response.json["first_name"]) == (kept, "Anne")
    assert problem(desk.get(f"/api/patients/{duplicate}")) == (404, "not-found")
    [moved] = desk.get(f"/api/patients/{kept}/appointments").json["items"]
    assert moved["id"] == visit["id"]


def test_visits_at_one_time_are_in_the_way_of_a_merge(desk):
    one = desk.book()
    other = desk.book()

    response = desk.post(
        f"/api/patients/{one['patient_id']}/merge",
        {"duplicate_id": other["patient_id"]},
    )

    assert problem(response) == (409, "booking-conflict")
    assert [c["kind"] for c in response.json["conflicts"]] == ["patient-busy"]


def test_nobody_is_merged_with_himself_or_a_stranger(desk, open_desk):
    ann = desk.patient()
    path = f"/api/patients/{ann}/merge"

    themselves = desk.post(path, {"duplicate_id": ann})

    assert wrong(themselves) == [("body", "/duplicate_id")]
    for stranger in (UNKNOWN, open_desk().patient()):
        refused = desk.post(path, {"duplicate_id": stranger})
        assert problem(refused) == (404, "not-found")


def test_an_erased_patient_is_read_and_not_changed(desk, store):
    ann = desk.patient()
    signed_in = desk.signed_in
    uow = store.unit_of_work(signed_in.clinic.id, signed_in.session.id)
    register.erase(PatientId(UUID(ann)), uow)

    refused = desk.patch(f"/api/patients/{ann}", {"phone": "1"})

    assert problem(refused) == (409, "patient-erased")
    assert desk.get(f"/api/patients/{ann}").json["erased_at"] is not None
