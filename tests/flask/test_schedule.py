from __future__ import annotations

import pytest

from tests.flask.desk import UNKNOWN, problem, wrong


def test_a_day_shows_each_doctors_hours_and_visits(desk):
    visit = desk.book(patient_id=desk.patient("Ann", "Lee"))

    response = desk.get("/api/schedule/day?date=2026-03-03")

    assert response.status_code == 200
    (day,) = response.json["doctors"]
    assert day["doctor"]["id"] == visit["doctor_id"]
    assert [(w["start_time"], w["end_time"]) for w in day["working"]] == [
        ("09:00", "17:00")
    ]
    assert day["visits"] == [{"appointment": visit, "patient_name": "Ann Lee"}]


def test_without_a_date_it_is_today_in_the_clinic(desk):
    assert desk.get("/api/schedule/day").json["date"] == "2026-03-02"


def test_a_day_of_one_doctor_shows_no_other(desk):
    first, second = desk.doctor(), desk.doctor()

    response = desk.get(f"/api/schedule/day?doctor_id={second}")

    assert [d["doctor"]["id"] for d in response.json["doctors"]] == [second]
    assert first != second


def test_a_doctor_who_is_not_there_has_no_day(desk):
    response = desk.get(f"/api/schedule/day?doctor_id={UNKNOWN}")

    assert problem(response) == (404, "not-found")


@pytest.mark.parametrize("day", ["", "tomorrow", "2026-02-30", "20260303"])
def test_a_day_is_a_date(desk, day):
    assert wrong(desk.get(f"/api/schedule/day?date={day}")) == [("query", "/date")]
