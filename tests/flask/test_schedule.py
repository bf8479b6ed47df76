from __future__ import annotations

from datetime import date, timedelta

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN, WORKDAYS, problem, wrong
from tests.flask.test_paging import BAD, pages

POLICY = "/api/clinic/scheduling-policy"
TUESDAY = "from=2026-03-03&to=2026-03-03"


def test_a_day_shows_each_doctors_hours_and_visits(desk):
    visit = desk.book(patient_id=desk.patient("Ann", "Lee"))

    response = desk.get("/api/schedule/day?date=2026-03-03")

    assert response.status_code == 200
    (day,) = response.json["doctors"]
    assert day["doctor"]["id"] == visit["doctor_id"]
    assert [(w["start_time"], w["end_time"]) for w in day["working"]] == [
        ("09:00", "17:00")
    ]
    assert day["visits"] == [
        {"appointment": visit, "patient_name": "Ann Lee", "flagged": False}
    ]
    assert day["going_on"] == []
    assert day["free"] == [
        {
            "start_time": "09:30",
            "end_time": "17:00",
            "starts_at": "2026-03-03T14:30:00Z",
            "ends_at": "2026-03-03T22:00:00Z",
        }
    ]


def test_a_night_is_told_on_both_its_days(desk):
    doctor_id = desk.doctor()
    hours = [{"weekday": "tuesday", "start": "22:00", "end": "06:00"}]
    desk.put(f"/api/doctors/{doctor_id}/hours", hours)
    visit = desk.book(doctor_id=doctor_id, start_time="23:30", duration=60)

    first, second = (
        desk.get(f"/api/schedule/day?date=2026-03-0{day}").json["doctors"][0]
        for day in (3, 4)
    )

    assert first["working"] == second["working"]
    assert [each["appointment"] for each in first["visits"]] == [visit]
    assert [each["appointment"] for each in second["going_on"]] == [visit]
    assert (first["going_on"], second["visits"]) == ([], [])
    told = [(f["start_time"], f["end_time"]) for f in first["free"] + second["free"]]
    assert told == [("22:00", "23:30"), ("00:30", "06:00")]


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


@pytest.mark.parametrize("shown", ["day", "week"])
@pytest.mark.parametrize(
    "day",
    [
        "",
        "tomorrow",
        "2026-02-30",
        "20260303",
        "0001-01-01",
        "1899-12-31",
        "9999-12-31",
    ],
)
def test_a_day_is_a_date(desk, shown, day):
    response = desk.get(f"/api/schedule/{shown}?date={day}")

    assert wrong(response) == [("query", "/date")]


def test_a_day_shows_time_off_and_whether_the_clinic_is_closed(desk):
    doctor_id = desk.doctor()
    off = desk.take_time_off(doctor_id, "2026-03-03T12:00", "2026-03-04T12:00")
    del off["stranded"]
    desk.put(POLICY, {"closed_days": ["2026-03-04"]})

    shown = {
        day: desk.get(f"/api/schedule/day?date=2026-03-0{day}").json["doctors"][0]
        for day in (2, 3, 4)
    }

    assert {day: (d["time_off"], d["closed"]) for day, d in shown.items()} == {
        2: ([], False),
        3: ([off], False),
        4: ([off], True),
    }
    assert [bool(d["working"]) for d in shown.values()] == [True, True, True]


# The week


@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-04", "2026-03-08"])
def test_a_week_is_its_seven_days_from_monday_on(desk, day):
    visit = desk.book(patient_id=desk.patient("Ann", "Lee"))
    desk.book(date="2026-03-09", doctor_id=visit["doctor_id"])

    response = desk.get(f"/api/schedule/week?date={day}")

    assert response.status_code == 200
    week = response.json
    assert (week["date"], week["timezone"]) == ("2026-03-02", "America/New_York")
    days = [date(2026, 3, 2) + timedelta(days=n) for n in range(7)]
    assert week["days"] == [
        desk.get(f"/api/schedule/day?date={day}").json for day in days
    ]
    shown = [len(doctor["visits"]) for day in week["days"] for doctor in day["doctors"]]
    assert shown == [0, 1, 0, 0, 0, 0, 0]


def test_without_a_date_it_is_this_week(desk):
    assert desk.get("/api/schedule/week").json["date"] == "2026-03-02"


def test_a_week_of_one_doctor_shows_no_other(desk):
    first, second = desk.doctor(), desk.doctor()

    response = desk.get(f"/api/schedule/week?doctor_id={second}")

    shown = {d["doctor"]["id"] for day in response.json["days"] for d in day["doctors"]}
    assert shown == {second} != {first}


# Availability


def times(response) -> list[str]:
    assert response.status_code == 200
    assert response.json["next"] is None
    return [opening["start_time"] for opening in response.json["items"]]


def test_openings_are_told_by_the_clock_and_as_instants(desk):
    doctor_id = desk.doctor()

    response = desk.get(f"/api/schedule/availability?{TUESDAY}&duration=240")

    assert response.json["items"][0] == {
        "doctor_id": doctor_id,
        "date": "2026-03-03",
        "start_time": "09:00",
        "end_time": "13:00",
        "starts_at": "2026-03-03T14:00:00Z",
        "ends_at": "2026-03-03T18:00:00Z",
    }
    assert times(response)[-1] == "13:00"
    assert len(times(response)) == 17


def test_openings_come_doctor_by_doctor_by_name_each_by_start(desk):
    young, abel = desk.doctor("Dr. Young"), desk.doctor("Dr. Abel")

    response = desk.get(
        "/api/schedule/availability?from=2026-03-03&to=2026-03-04&duration=480"
    )

    found = [(o["doctor_id"], o["date"][-2:]) for o in response.json["items"]]
    assert found == [(abel, "03"), (abel, "04"), (young, "03"), (young, "04")]


def test_whatever_is_offered_can_be_booked(desk):
    visit = desk.book(start_time="10:00")
    people = {"doctor_id": visit["doctor_id"], "patient_id": desk.patient()}
    desk.take_time_off(visit["doctor_id"], "2026-03-03T13:00", "2026-03-03T17:00")
    desk.put(POLICY, {"buffer_after": 10, "slot_step": 30, "min_notice": 22 * 60})

    found = times(desk.get(f"/api/schedule/availability?{TUESDAY}"))

    assert found == ["09:00", "11:00", "11:30", "12:00", "12:30"]
    for start in found:
        wish = desk.wish(**people, start_time=start)
        checked = desk.post("/api/appointments/check", wish)
        assert checked.json["conflicts"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"{TUESDAY}&earliest=16:00", ["16:00", "16:15", "16:30"]),
        (f"{TUESDAY}&latest=10:00", ["09:00", "09:15", "09:30"]),
        (f"{TUESDAY}&earliest=12:00&latest=12:30", ["12:00"]),
        (f"{TUESDAY}&weekday=monday", []),
        ("duration=480&weekday=friday&weekday=sunday", ["09:00"]),
        ("duration=480", ["09:00"] * 5),
        ("duration=480&from=2026-03-06", ["09:00"] * 5),
        ("duration=480&to=2026-03-04", ["09:00"] * 3),
        ("from=2026-02-01&to=2026-02-28", []),
        ("to=2026-02-28", []),
        (f"{TUESDAY}&duration=1440", []),
        (f"{TUESDAY}&visit_category=new-patient&latest=10:00", ["09:00"]),
        ("from=2199-12-31&to=2199-12-31&latest=09:30", ["09:00"]),
        # In 2200 nobody is booked.
        ("from=2199-12-30&duration=480", ["09:00"] * 2),
    ],
)
def test_openings_are_looked_for_as_wished(desk, query, found):
    desk.doctor()
    desk.put(POLICY, {"default_durations": {"new-patient": 60}})

    assert times(desk.get(f"/api/schedule/availability?{query}")) == found


def test_a_doctor_who_is_named_twice_is_looked_at_once(desk):
    doctor_id = desk.doctor()
    query = f"{TUESDAY}&duration=480&doctor_id={doctor_id}"

    response = desk.get(f"/api/schedule/availability?{query}&doctor_id={doctor_id}")

    assert times(response) == ["09:00"]


def test_several_doctors_are_asked_for_by_name(desk):
    known = [desk.doctor(f"Dr. {name}") for name in ("Abel", "Chen", "Young")]
    asked = "&".join(f"doctor_id={doctor_id}" for doctor_id in known[1:])

    for path in ("availability", "next"):
        day = TUESDAY if path == "availability" else "from=2026-03-03&count=2"
        response = desk.get(f"/api/schedule/{path}?{day}&duration=480&{asked}")

        assert [o["doctor_id"] for o in response.json["items"]] == known[1:]


def no_hours(desk, _):
    desk.post("/api/doctors", {"name": "Dr. Without"})


def closed(desk, doctor_id):
    days = [f"2026-03-{day:02}" for day in range(1, 32)]
    desk.put(POLICY, {"closed_days": days})


def a_doctor_off(desk, doctor_id):
    desk.take_time_off(doctor_id, "2026-03-01T00:00", "2026-04-01T00:00")


def full(desk, doctor_id):
    hours = [{"weekday": d, "start": "09:00", "end": "09:30"} for d in WORKDAYS]
    desk.put(f"/api/doctors/{doctor_id}/hours", hours)
    wish = {"doctor_id": doctor_id, "date": "2026-03-02"}
    desk.book_series(**wish, rrule="FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=10")


@pytest.mark.parametrize("why", [no_hours, closed, a_doctor_off, full])
def test_where_nobody_can_be_seen_there_are_no_openings(desk, why):
    doctor_id = None if why is no_hours else desk.doctor()
    why(desk, doctor_id)

    assert times(desk.get("/api/schedule/availability")) == []
    if why is no_hours:
        assert times(desk.get("/api/schedule/next")) == []


def test_a_clinic_without_doctors_has_no_openings(desk):
    for path in ("availability", "next"):
        assert times(desk.get(f"/api/schedule/{path}")) == []


@pytest.mark.parametrize("path", ["availability", "next", "week", "day"])
def test_of_a_doctor_who_is_not_there_nothing_is_told(desk, open_desk, path):
    known, other = desk.doctor(), open_desk().doctor()
    asked = [UNKNOWN, other]

    answers = [desk.get(f"/api/schedule/{path}?doctor_id={i}") for i in asked]
    if path in ("availability", "next"):
        both = f"/api/schedule/{path}?doctor_id={known}&doctor_id="
        answers += [desk.get(f"{both}{i}") for i in asked]
        asked *= 2

    for answer in answers:
        assert problem(answer) == (404, "not-found")
    texts = {a.text.replace(i, "") for a, i in zip(answers, asked, strict=True)}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("from=2026-03-10&to=2026-03-09", ["/to"]),
        ("from=2026-03-01&to=2036-03-01", ["/to"]),
        ("from=2026-03-01&to=2027-03-02", ["/to"]),
        ("from=9999-12-31", ["/from"]),
        ("from=0001-01-01&to=0001-01-02", ["/from", "/to"]),
        ("from=2026-3-1&to=", ["/from", "/to"]),
        ("from=2026-03-01&from=2026-03-02", ["/from"]),
        ("from_=2026-03-01", ["/from_"]),
        ("date=2026-03-01", ["/date"]),
        ("duration=0", ["/duration"]),
        ("duration=-5", ["/duration"]),
        ("duration=1441", ["/duration"]),
        ("duration=30.0", ["/duration"]),
        ("duration=30&duration=30", ["/duration"]),
        ("visit_category=check-up", ["/visit_category"]),
        ("weekday=monday&weekday=monday", ["/weekday"]),
        ("weekday=Monday", ["/weekday/0"]),
        ("weekday=monday,tuesday", ["/weekday/0"]),
        ("earliest=garbage", ["/earliest"]),
        ("earliest=24:00&latest=9", ["/earliest", "/latest"]),
        ("doctor_id=x", ["/doctor_id/0"]),
        (f"doctor_id={UNKNOWN}&doctor_id=", ["/doctor_id/1"]),
        ("&".join([f"doctor_id={UNKNOWN}"] * 51), [""]),
        ("patient_id=x", ["/patient_id"]),
        ("limit=5", ["/limit"]),
    ],
)
def test_a_wrong_search_for_openings_is_pointed_at(desk, query, pointers):
    response = desk.get(f"/api/schedule/availability?{query}")

    assert wrong(response) == [("query", pointer) for pointer in pointers]


def test_the_longest_search_is_a_year_and_whoever_asks_for_more_is_told(desk):
    doctor_id = desk.doctor()
    hours = [{"weekday": "monday", "start": "09:00", "end": "09:30"}]
    desk.put(f"/api/doctors/{doctor_id}/hours", hours)
    path = "/api/schedule/availability?from=2026-03-02&to="

    longest = desk.get(f"{path}2027-03-02")
    longer = desk.get(f"{path}2027-03-03")

    assert len(times(longest)) == 53
    [error] = longer.json["errors"]
    assert error["detail"] == "must be within 366 days from the first"


# The next openings


def test_the_next_openings_come_by_start_over_all_doctors(desk):
    abel, young = desk.doctor("Dr. Abel"), desk.doctor("Dr. Young")
    desk.book(doctor_id=abel, date="2026-03-02")

    response = desk.get("/api/schedule/next?count=4")

    found = [(o["doctor_id"], o["start_time"]) for o in response.json["items"]]
    assert found == [
        *((young, "09:00"), (young, "09:15")),
        *((abel, "09:30"), (young, "09:30")),
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 5),
        ("count=1", 1),
        ("count=100", 100),
        ("from=2020-01-01&count=2", 2),
        ("from=2199-12-31&count=100", 31),
    ],
)
def test_as_many_next_openings_are_told_as_are_asked_for(desk, query, found):
    desk.doctor()

    assert len(times(desk.get(f"/api/schedule/next?{query}"))) == found


def test_the_next_opening_may_be_months_away(desk):
    doctor_id = desk.doctor()
    desk.take_time_off(doctor_id, "2026-03-01T00:00", "2026-12-01T00:00")

    response = desk.get("/api/schedule/next?count=1&weekday=friday&earliest=16:30")

    [opening] = response.json["items"]
    assert (opening["date"], opening["start_time"]) == ("2026-12-04", "16:30")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("count=0", ["/count"]),
        ("count=101", ["/count"]),
        ("count=some", ["/count"]),
        ("to=2026-03-05", ["/to"]),
        ("from=9999-12-31", ["/from"]),
        ("duration=0&earliest=x", ["/duration", "/earliest"]),
        ("weekday=monday&weekday=monday", ["/weekday"]),
        ("doctor_id=x&visit_category=x", ["/doctor_id/0", "/visit_category"]),
    ],
)
def test_a_wrong_search_for_the_next_openings_is_pointed_at(desk, query, pointers):
    response = desk.get(f"/api/schedule/next?{query}")

    assert wrong(response) == [("query", pointer) for pointer in pointers]


# Stranded visits


def test_a_visit_whose_doctor_is_off_is_stranded_until_it_is_moved(desk):
    visit = desk.book()
    off = ("2026-03-03T08:00", "2026-03-03T12:00")
    desk.take_time_off(visit["doctor_id"], *off, reason="An operation.")

    response = desk.get("/api/schedule/stranded")

    assert response.json == {
        "items": [
            {
                "appointment": visit,
                "conflicts": [
                    {
                        "kind": "time-off",
                        "message": "The doctor is off from 2026-03-03 08:00 "
                        "to 2026-03-03 12:00.",
                        "starts_at": "2026-03-03T13:00:00Z",
                        "ends_at": "2026-03-03T17:00:00Z",
                        "overridable": True,
                    }
                ],
            }
        ],
        "next": None,
    }
    move = {"date": "2026-03-03", "start_time": "12:00"}
    desk.post(f"/api/appointments/{visit['id']}/reschedule", move)
    assert desk.get("/api/schedule/stranded").json["items"] == []


def test_pages_hold_all_stranded_visits_once_and_by_start(desk):
    visit = desk.book(start_time="13:00")
    known = {name: visit[name] for name in ("doctor_id", "patient_id")}
    ids = [
        desk.book(**known, start_time=f"{hour:02}:00")["id"] for hour in (11, 9, 12, 10)
    ]
    desk.take_time_off(visit["doctor_id"], "2026-03-03T08:00", "2026-03-03T13:00")

    (whole,) = pages(desk, "/api/schedule/stranded", 200)
    parts = pages(desk, "/api/schedule/stranded", 2)

    by_start = [ids[1], ids[3], ids[0], ids[2]]
    assert [found["appointment"]["id"] for found in whole] == by_start
    assert [found for part in parts for found in part] == whole
    assert [len(part) for part in parts] == [2, 2]


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD.keys())
def test_a_cursor_must_come_from_the_stranded_visits(desk, cursor):
    response = desk.get("/api/schedule/stranded", query_string={"cursor": cursor})

    assert wrong(response) == [("query", "/cursor")]


def test_stranded_visits_are_not_looked_for_by_doctor(desk):
    response = desk.get(f"/api/schedule/stranded?doctor_id={UNKNOWN}")

    assert wrong(response) == [("query", "/doctor_id")]


def test_a_doctor_is_shown_their_own_alone(desk, open_desk):
    doctor = open_desk(Role.DOCTOR, desk.signed_in.clinic)
    own = desk.doctor(user_id=str(doctor.signed_in.user.id))
    account = f"/api/users/{doctor.signed_in.user.id}"
    assert desk.patch(account, {"doctor_id": own}).status_code == 200
    other = desk.doctor()
    for doctor_id in (own, other):
        desk.book(doctor_id=doctor_id)
        desk.take_time_off(doctor_id, "2026-03-03T09:00", "2026-03-03T10:00")

    for path in ("week", "day?date=2026-03-03", "availability", "next", "stranded"):
        text = doctor.get(f"/api/schedule/{path}").text
        assert own in text, path
        assert other not in text, path
    for path in ("week", "day", "availability", "next"):
        response = doctor.get(f"/api/schedule/{path}?doctor_id={other}")
        assert problem(response) == (403, "not-permitted")
