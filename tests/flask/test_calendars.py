from __future__ import annotations

import pytest

from tests.flask.desk import UNKNOWN, Desk, problem, wrong

MORNING = {"start": "09:00", "end": "12:00"}
AFTERNOON = {"start": "13:00", "end": "17:00"}
TUESDAY = "2026-03-03"


@pytest.fixture
def doctor_id(desk) -> str:
    return desk.doctor()


def set_day(desk: Desk, doctor_id: str, day: str, *hours: dict[str, str]) -> None:
    path = f"/api/doctors/{doctor_id}/dated-hours"
    assert desk.put(path, {"date": day, "hours": list(hours)}).status_code == 200


def starts(desk: Desk, day: str = TUESDAY) -> list[str]:
    response = desk.get(
        f"/api/schedule/availability?from={day}&to={day}&duration=180",
    )
    return [opening["start_time"] for opening in response.json["items"]]


# Days with other hours


def test_a_day_gets_other_hours_than_the_weekly_ones(desk, doctor_id):
    path = f"/api/doctors/{doctor_id}/dated-hours"
    day = {"date": TUESDAY, "hours": [AFTERNOON, MORNING]}

    response = desk.put(path, day)

    assert response.status_code == 200
    assert response.json == {**day, "hours": [MORNING, AFTERNOON]}
    assert desk.get(path).json == {"items": [response.json], "next": None}
    assert starts(desk) == ["09:00", "13:00", "13:15", "13:30", "13:45", "14:00"]


@pytest.mark.parametrize("body", [{}, {"hours": None}], ids=["left out", "null"])
def test_a_day_gets_its_weekly_hours_again(desk, doctor_id, body):
    set_day(desk, doctor_id, TUESDAY)
    path = f"/api/doctors/{doctor_id}/dated-hours"

    response = desk.put(path, {"date": TUESDAY, **body})

    weekly = [{"start": "09:00", "end": "17:00"}]
    assert response.json == {"date": TUESDAY, "hours": weekly}
    assert desk.get(path).json["items"] == []


def test_a_day_without_hours_has_no_openings_and_a_visit_in_it_is_stranded(
    desk, doctor_id
):
    visit = desk.book(doctor_id=doctor_id)

    set_day(desk, doctor_id, TUESDAY)

    assert starts(desk) == []
    [stranded] = desk.get("/api/schedule/stranded").json["items"]
    assert stranded["appointment"] == visit
    assert [c["kind"] for c in stranded["conflicts"]] == ["outside-hours"]


def test_days_with_other_hours_are_listed_by_date_within_bounds(desk, doctor_id):
    for day in ("2026-03-20", "2026-03-10", "2026-03-01"):
        set_day(desk, doctor_id, day)
    path = f"/api/doctors/{doctor_id}/dated-hours"

    def listed(query: str) -> list[str]:
        return [day["date"][-2:] for day in desk.get(path + query).json["items"]]

    assert listed("") == ["10", "20"]
    assert listed("?from=2026-03-01&to=2026-03-10") == ["01", "10"]
    assert listed("?from=2026-03-11") == ["20"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/date"]),
        ({"date": "3 March"}, ["/date"]),
        ({"date": "0001-01-01"}, ["/date"]),
        ({"date": "9999-12-31"}, ["/date"]),
        ({"date": TUESDAY, "hours": {}}, ["/hours"]),
        ({"date": TUESDAY, "hours": [MORNING] * 51}, ["/hours"]),
        ({"date": TUESDAY, "hours": [MORNING, MORNING]}, ["/hours/1"]),
        (
            {"date": TUESDAY, "hours": [{"start": "11:59", "end": "13:00"}, MORNING]},
            ["/hours/1"],
        ),
        (
            {"date": TUESDAY, "hours": [{"start": "22:00", "end": "09:01"}, MORNING]},
            None,  # It ends on the next day.
        ),
        (
            {"date": TUESDAY, "hours": [{"start": "09:00", "end": "09:00"}]},
            ["/hours/0"],
        ),
        (
            {"date": TUESDAY, "hours": [MORNING, {"start": "9", "end": "24:00"}]},
            ["/hours/1/end", "/hours/1/start"],
        ),
        (
            {"date": TUESDAY, "hours": [{**MORNING, "weekday": "monday"}]},
            ["/hours/0/weekday"],
        ),
    ],
)
def test_wrong_hours_of_a_day_are_pointed_at(desk, doctor_id, body, pointers):
    path = f"/api/doctors/{doctor_id}/dated-hours"

    response = desk.put(path, body)

    if pointers is None:
        assert response.status_code == 200
        return
    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(path).json["items"] == []


@pytest.mark.parametrize("query", ["from=x", "to=9999-12-31", "from=0001-01-01"])
def test_bounds_of_days_are_days(desk, doctor_id, query):
    response = desk.get(f"/api/doctors/{doctor_id}/dated-hours?{query}")

    assert wrong(response) == [("query", f"/{query.partition('=')[0]}")]


# Time off


def test_time_off_is_taken_and_the_visits_that_it_strands_are_listed(desk, doctor_id):
    known = {"doctor_id": doctor_id, "patient_id": desk.patient()}
    later = desk.book(**known, date="2026-03-05", start_time="11:00")
    sooner = desk.book(**known, start_time="11:00")
    desk.cancel(desk.book(**known, date="2026-03-04"))
    for date, time in ((TUESDAY, "10:00"), ("2026-03-05", "12:00")):
        desk.book(**known, date=date, start_time=time)
    desk.book(date="2026-03-04")  # With somebody else.
    off = {
        "starts": f"{TUESDAY}T10:30",
        "ends": "2026-03-05T12:00",
        "reason": "A conference.",
    }

    response = desk.post(f"/api/doctors/{doctor_id}/time-off", off)

    assert response.status_code == 201
    taken = response.json
    assert taken.pop("stranded") == [sooner, later]
    assert taken == {
        "id": taken["id"],
        "doctor_id": doctor_id,
        **off,
        "created_at": "2026-03-02T12:00:00Z",
    }
    listed = desk.get(f"/api/doctors/{doctor_id}/time-off").json
    assert listed == {"items": [taken], "next": None}


def test_a_doctor_who_is_off_is_booked_for_no_visit(desk, doctor_id):
    desk.take_time_off(doctor_id, f"{TUESDAY}T09:00", f"{TUESDAY}T13:15")

    response = desk.post("/api/appointments", desk.wish(doctor_id=doctor_id))

    assert problem(response) == (409, "booking-conflict")
    [conflict] = response.json["conflicts"]
    assert conflict == {
        "kind": "time-off",
        "message": "The doctor is off from 2026-03-03 09:00 to 2026-03-03 13:15.",
        "starts_at": "2026-03-03T14:00:00Z",
        "ends_at": "2026-03-03T18:15:00Z",
        "overridable": True,
    }
    assert starts(desk) == ["13:15", "13:30", "13:45", "14:00"]


def test_why_a_doctor_is_off_is_told_in_no_refusal(desk, doctor_id):
    off = ("2026-03-03T09:00", "2026-03-03T13:00")
    desk.take_time_off(doctor_id, *off, reason="An operation.")

    response = desk.post("/api/appointments", desk.wish(doctor_id=doctor_id))

    assert response.status_code == 409
    assert "operation" not in response.text


def test_time_off_is_listed_by_start_until_it_is_over(desk, doctor_id):
    for day in ("20", "10", "01"):
        desk.take_time_off(doctor_id, f"2026-03-{day}T09:00", f"2026-03-{day}T10:00")

    listed = desk.get(f"/api/doctors/{doctor_id}/time-off").json["items"]

    assert [off["starts"] for off in listed] == ["2026-03-10T09:00", "2026-03-20T09:00"]


def test_time_off_is_given_back(desk, doctor_id):
    off = desk.take_time_off(doctor_id, f"{TUESDAY}T00:00", "2026-03-04T00:00")
    path = f"/api/doctors/{doctor_id}/time-off"
    assert starts(desk) == []

    response = desk.delete(f"{path}/{off['id']}")

    assert (response.status_code, response.data) == (204, b"")
    assert desk.get(path).json["items"] == []
    assert starts(desk)
    assert problem(desk.delete(f"{path}/{off['id']}")) == (404, "not-found")


def test_nobody_gives_back_what_is_another_doctors(desk, doctor_id):
    off = desk.take_time_off(doctor_id, f"{TUESDAY}T09:00", f"{TUESDAY}T10:00")
    colleagues = f"/api/doctors/{desk.doctor()}/time-off"

    response = desk.delete(f"{colleagues}/{off['id']}")
    nobodys = desk.delete(f"{colleagues}/{UNKNOWN}")

    assert problem(response) == (404, "not-found")
    assert response.text.replace(off["id"], "") == nobodys.text.replace(UNKNOWN, "")
    assert desk.get(f"/api/doctors/{doctor_id}/time-off").json["items"]


@pytest.mark.parametrize(
    ("starts", "ends", "pointers"),
    [
        pytest.param("10:00", "10:00", ["/ends"], id="no length"),
        pytest.param("10:00", "09:59", ["/ends"], id="ends before it starts"),
        pytest.param("10:00Z", "11:00", ["/starts"], id="starts in UTC"),
        pytest.param("10:00", "11:00-05:00", ["/ends"], id="ends at an offset"),
        pytest.param("10:00:00.5", "11:00", ["/starts"], id="half a second"),
        pytest.param("24:00", "25:00", ["/ends", "/starts"], id="no times"),
        pytest.param("", "", ["/ends", "/starts"], id="days alone"),
    ],
)
def test_wrong_times_off_are_pointed_at(desk, doctor_id, starts, ends, pointers):
    path = f"/api/doctors/{doctor_id}/time-off"

    response = desk.post(
        path, {"starts": f"{TUESDAY}T{starts}", "ends": f"{TUESDAY}T{ends}"}
    )

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(path).json["items"] == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/ends", "/starts"]),
        (
            {"starts": "0001-01-01T00:00", "ends": "0001-01-01T01:00"},
            ["/ends", "/starts"],
        ),
        ({"starts": "2026-03-03T10:00", "ends": "9999-12-31T23:59"}, ["/ends"]),
        ({"starts": "1899-12-31T23:59", "ends": "2026-03-03T10:00"}, ["/starts"]),
        ({"starts": "2026-02-30T10:00", "ends": "2026-03-03T10:00"}, ["/starts"]),
        ({"starts": 1, "ends": None}, ["/ends", "/starts"]),
        # Clocks go from 02:00 to 03:00.
        ({"starts": "2026-03-08T02:10", "ends": "2026-03-08T02:50"}, ["/ends"]),
    ],
)
def test_times_off_must_be_on_a_clock(desk, doctor_id, body, pointers):
    path = f"/api/doctors/{doctor_id}/time-off"

    response = desk.post(path, body)

    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(path).json["items"] == []


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "\0", 7])
def test_a_reason_for_time_off_is_text(desk, doctor_id, reason):
    off = {"starts": f"{TUESDAY}T09:00", "ends": f"{TUESDAY}T10:00", "reason": reason}

    response = desk.post(f"/api/doctors/{doctor_id}/time-off", off)

    assert wrong(response) == [("body", "/reason")]


@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("GET", "dated-hours", None),
        ("PUT", "dated-hours", {"date": TUESDAY, "hours": []}),
        ("GET", "time-off", None),
        (
            "POST",
            "time-off",
            {"starts": "2026-03-03T09:00", "ends": "2026-03-03T10:00"},
        ),
    ],
)
def test_a_doctor_of_another_clinic_has_no_calendar(
    desk, open_desk, method, part, body
):
    other = open_desk().doctor()

    theirs = desk.request(method, f"/api/doctors/{other}/{part}", body)
    nobodys = desk.request(method, f"/api/doctors/{UNKNOWN}/{part}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")
