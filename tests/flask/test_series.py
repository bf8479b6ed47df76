from __future__ import annotations

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import UNKNOWN, problem, wrong

PATH = "/api/appointment-series"
TUESDAYS = ["2026-03-03", "2026-03-10", "2026-03-17"]


def days(answer) -> list[str]:
    return [visit["date"] for visit in answer["appointments"]]


def visits(desk) -> list[dict[str, object]]:
    items: list[dict[str, object]] = desk.get("/api/appointments").json["items"]
    return items


def test_a_series_is_booked_with_all_its_visits(desk):
    wish = desk.series_wish(
        duration=45, visit_type="virtual", meeting_link="https://m.org/1"
    )

    response = desk.post(PATH, wish)

    assert response.status_code == 201
    series = response.json
    agreed = ("doctor_id", "patient_id", "date", "start_time", "duration", "rrule")
    assert series.keys() == {
        *("id", *agreed, "created_at", "appointments", "skipped"),
    }
    assert {name: series[name] for name in agreed} == {n: wish[n] for n in agreed}
    assert days(series) == TUESDAYS
    assert series["skipped"] == []
    for visit in series["appointments"]:
        shown = ("doctor_id", "patient_id", "start_time", "meeting_link", "visit_type")
        assert {name: visit[name] for name in shown} == {n: wish[n] for n in shown}
        assert (visit["end_time"], visit["series_id"]) == ("09:45", series["id"])
    assert visits(desk) == series["appointments"]
    assert desk.get(f"{PATH}/{series['id']}").json == series


def test_a_series_keeps_the_wall_clock_over_a_clock_change(desk):
    series = desk.book_series()

    starts = [visit["starts_at"][-10:] for visit in series["appointments"]]
    assert starts == ["T14:00:00Z", "T13:00:00Z", "T13:00:00Z"]


@pytest.mark.parametrize(
    ("rrule", "told", "found"),
    [
        ("FREQ=DAILY;COUNT=2", None, ["03", "04"]),
        (
            "RRULE:freq=weekly;byday=TH,TU;count=3",
            "FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3",
            ["03", "05", "10"],
        ),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20260320", None, ["03", "17"]),
        ("FREQ=MONTHLY;BYDAY=2FR;COUNT=1", None, ["13"]),
    ],
)
def test_a_rule_is_told_as_the_standard_writes_it(desk, rrule, told, found):
    series = desk.book_series(rrule=rrule)

    assert series["rrule"] == (told or rrule)
    assert [day[-2:] for day in days(series)] == found


def test_a_visit_that_cannot_take_its_time_stops_the_whole_series(desk):
    other = desk.book(date="2026-03-10", patient_id=desk.patient("Zoltan", "Quick"))
    before = visits(desk)
    wish = desk.series_wish(doctor_id=other["doctor_id"])

    response = desk.post(PATH, wish)

    assert problem(response) == (409, "series-conflict")
    assert response.json["occurrences"] == [
        {
            "date": "2026-03-10",
            "start_time": "09:00",
            "conflicts": [
                {
                    "kind": "doctor-busy",
                    "message": "The doctor has a visit from 09:00 to 09:30.",
                    "starts_at": "2026-03-10T13:00:00Z",
                    "ends_at": "2026-03-10T13:30:00Z",
                    "overridable": True,
                }
            ],
        }
    ]
    assert visits(desk) == before
    # Whose visit is in the way is nobody's business.
    for told in ("Zoltan", "Quick", other["id"], other["patient_id"]):
        assert told not in response.text


def test_all_that_stands_against_a_series_is_told_in_order(desk):
    visit = desk.book(date="2026-03-17")
    desk.put("/api/clinic/scheduling-policy", {"closed_days": ["2026-03-10"]})
    people = {name: visit[name] for name in ("doctor_id", "patient_id")}

    response = desk.post(PATH, desk.series_wish(**people))

    told = [
        (each["date"], [conflict["kind"] for conflict in each["conflicts"]])
        for each in response.json["occurrences"]
    ]
    assert told == [
        ("2026-03-10", ["closed-day"]),
        ("2026-03-17", ["doctor-busy", "patient-busy"]),
    ]


def test_what_cannot_take_its_time_is_skipped_and_reported_on_demand(desk):
    visit = desk.book(date="2026-03-10")
    wish = desk.series_wish(doctor_id=visit["doctor_id"], policy="skip_and_report")

    response = desk.post(PATH, wish)

    assert response.status_code == 201
    assert days(response.json) == ["2026-03-03", "2026-03-17"]
    [skipped] = response.json["skipped"]
    assert (skipped["date"], skipped["start_time"]) == ("2026-03-10", "09:00")
    assert [c["kind"] for c in skipped["conflicts"]] == ["doctor-busy"]


def test_a_series_of_which_nothing_can_stand_is_refused_in_any_case(desk):
    wish = desk.series_wish(start_time="20:00", policy="skip_and_report")

    response = desk.post(PATH, wish)

    assert problem(response) == (409, "series-conflict")
    assert [each["date"] for each in response.json["occurrences"]] == TUESDAYS
    assert visits(desk) == []


def test_a_series_of_a_closed_clinic_is_refused(desk):
    desk.put("/api/clinic/scheduling-policy", {"closed_days": TUESDAYS})

    response = desk.post(PATH, desk.series_wish())

    assert problem(response) == (409, "series-conflict")
    kinds = [c["kind"] for o in response.json["occurrences"] for c in o["conflicts"]]
    assert kinds == ["closed-day"] * 3


def test_a_time_that_clocks_skip_is_no_time_for_a_visit(desk):
    wish = desk.series_wish(
        date="2026-03-07",
        start_time="02:30",
        rrule="FREQ=DAILY;COUNT=3",
        policy="skip_and_report",
        override={"reason": "Night duty."},
    )

    response = desk.post(PATH, wish)

    assert days(response.json) == ["2026-03-07", "2026-03-09"]
    [skipped] = response.json["skipped"]
    assert [c["kind"] for c in skipped["conflicts"]] == ["no-such-local-time"]


def test_a_reason_books_each_visit_that_needs_it(desk):
    visit = desk.book(date="2026-03-10")

    series = desk.book_series(
        doctor_id=visit["doctor_id"], override={"reason": "Twins."}
    )

    overrides = [visit["override"] for visit in series["appointments"]]
    assert [override and override["conflicts"] for override in overrides] == [
        None,
        ["doctor-busy"],
        None,
    ]


def test_the_visits_from_a_day_on_are_moved(desk):
    series = desk.book_series()

    response = desk.post(
        f"{PATH}/{series['id']}/reschedule",
        {"from": "2026-03-10", "start_time": "11:00", "days_later": 1},
    )

    assert response.status_code == 200
    assert days(response.json) == ["2026-03-11", "2026-03-18"]
    assert {visit["start_time"] for visit in response.json["appointments"]} == {"11:00"}
    shown = desk.get(f"{PATH}/{series['id']}").json
    assert days(shown) == ["2026-03-03", "2026-03-11", "2026-03-18"]
    assert [visit["times_moved"] for visit in shown["appointments"]] == [0, 1, 1]


def test_details_of_all_visits_are_changed_and_what_is_left_out_stays(desk):
    series = desk.book_series(meeting_link="https://m.org/1", visit_type="virtual")

    response = desk.post(
        f"{PATH}/{series['id']}/reschedule", {"visit_type": "in-clinic"}
    )

    details = {
        (visit["visit_type"], visit["meeting_link"], visit["times_moved"])
        for visit in response.json["appointments"]
    }
    assert details == {("in-clinic", "https://m.org/1", 0)}


def test_a_series_that_cannot_be_moved_stays_where_it_is(desk):
    series = desk.book_series()
    other = desk.book(
        doctor_id=series["doctor_id"], date="2026-03-17", start_time="11:00"
    )
    before = visits(desk)

    response = desk.post(f"{PATH}/{series['id']}/reschedule", {"start_time": "11:00"})

    assert problem(response) == (409, "series-conflict")
    [refused] = response.json["occurrences"]
    assert (refused["date"], refused["start_time"]) == ("2026-03-17", "11:00")
    assert visits(desk) == before
    assert other["id"] not in response.text


def test_the_visits_from_a_day_on_are_cancelled_and_why_is_kept(desk):
    series = desk.book_series()
    why = {"cancellation_type": "patient-cancelled", "reason_note": "Moves away."}

    response = desk.post(f"{PATH}/{series['id']}/cancel", {"from": "2026-03-10", **why})

    assert response.status_code == 200
    assert days(response.json) == TUESDAYS[1:]
    shown = desk.get(f"{PATH}/{series['id']}").json["appointments"]
    assert [visit["status"] for visit in shown] == [
        "unconfirmed",
        "cancelled",
        "cancelled",
    ]


def test_all_visits_to_come_are_cancelled_and_what_began_stays(desk):
    series = desk.book_series(
        date="2026-03-02", rrule="FREQ=DAILY;COUNT=3", start_time="09:00"
    )
    arrived, *others = series["appointments"]
    desk.post(f"/api/appointments/{arrived['id']}/arrive")

    response = desk.delete(f"{PATH}/{series['id']}")

    assert (response.status_code, response.data) == (204, b"")
    statuses = [visit["status"] for visit in visits(desk)]
    assert statuses == ["unconfirmed", "cancelled", "cancelled"]
    again = desk.post(f"{PATH}/{series['id']}/cancel", {})
    assert again.json["appointments"] == []
    assert len(others) == 2


@pytest.mark.parametrize("whose", ["doctor_id", "patient_id"])
def test_nobody_is_booked_who_is_not_there(desk, whose):
    response = desk.post(PATH, desk.series_wish(**{whose: UNKNOWN}))

    assert problem(response) == (404, "not-found")


@pytest.mark.parametrize(
    "rrule",
    [
        pytest.param("FREQ=WEEKLY", id="no end"),
        pytest.param("FREQ=WEEKLY;COUNT=3;UNTIL=20260401", id="two ends"),
        pytest.param("FREQ=DAILY;COUNT=367", id="367 visits"),
        pytest.param("FREQ=DAILY;UNTIL=20270304", id="367 visits up to a day"),
        pytest.param("FREQ=DAILY;UNTIL=99991231", id="up to the end of the calendar"),
        pytest.param("FREQ=DAILY;COUNT=" + "9" * 200, id="200 digits"),
        pytest.param("FREQ=WEEKLY;COUNT=0", id="none"),
        pytest.param("FREQ=WEEKLY;COUNT=-1", id="less than none"),
        pytest.param("FREQ=WEEKLY;UNTIL=20260302", id="over before it begins"),
        pytest.param("FREQ=MONTHLY;BYDAY=5MO;COUNT=300", id="longer than ten years"),
        pytest.param("FREQ=YEARLY;COUNT=2", id="yearly"),
        pytest.param("FREQ=SECONDLY;COUNT=2", id="each second"),
        pytest.param("FREQ=DAILY;INTERVAL=0;COUNT=2", id="no interval"),
        pytest.param("FREQ=WEEKLY;COUNT=2;BYSETPOS=1", id="a part that is not read"),
        pytest.param("FREQ=WEEKLY;BYDAY=XX;COUNT=2", id="no weekday"),
        pytest.param("FREQ=WEEKLY;BYDAY=1MO;COUNT=2", id="the first Monday of a week"),
        pytest.param("FREQ=WEEKLY;COUNT=2\nEXDATE:20260310", id="two lines"),
        pytest.param("\uff26REQ=WEEKLY;COUNT=2", id="wide letters"),
        pytest.param("every Tuesday", id="words"),
        pytest.param("", id="empty"),
        pytest.param("\0", id="NUL"),
        pytest.param("FREQ=WEEKLY;COUNT=2;" * 500, id="10,000 characters"),
        pytest.param(";" * 255, id="separators"),
        pytest.param(None, id="null"),
        pytest.param(5, id="a number"),
        pytest.param({"freq": "weekly"}, id="an object"),
    ],
)
def test_what_is_no_rule_with_an_end_is_pointed_at(desk, rrule):
    response = desk.post(PATH, desk.series_wish(rrule=rrule))

    assert wrong(response) == [("body", "/rrule")]
    assert visits(desk) == []


def test_a_rule_that_is_refused_is_not_repeated(desk):
    rule = "FREQ=WEEKLY;COUNT=2;X-ANN=LEE"

    response = desk.post(PATH, desk.series_wish(rrule=rule))

    assert wrong(response) == [("body", "/rrule")]
    assert "LEE" not in response.text


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"date": "9999-12-31"}, ["/date"]),
        ({"date": "0001-01-01", "rrule": "x"}, ["/date", "/rrule"]),
        ({"start_time": "9", "duration": 0}, ["/duration", "/start_time"]),
        ({"duration": 1441}, ["/duration"]),
        ({"policy": "some"}, ["/policy"]),
        ({"override": {}}, ["/override/reason"]),
        ({"doctor_id": "x", "patient_id": None}, ["/doctor_id", "/patient_id"]),
        ({"series_id": UNKNOWN}, ["/series_id"]),
        # Its last visit would be in 2200.
        ({"date": "2199-12-31", "rrule": "FREQ=DAILY;COUNT=2"}, ["/rrule"]),
    ],
)
def test_everything_wrong_with_a_series_is_pointed_at(desk, change, pointers):
    response = desk.post(PATH, {**desk.series_wish(), **change})

    assert wrong(response) == [("body", pointer) for pointer in pointers]


@pytest.mark.parametrize(
    ("step", "body", "pointers"),
    [
        ("reschedule", {"days_later": 367}, ["/days_later"]),
        ("reschedule", {"days_later": -367}, ["/days_later"]),
        ("reschedule", {"from": "9999-12-31"}, ["/from"]),
        ("reschedule", {"from_": "2026-03-03"}, ["/from_"]),
        ("reschedule", {"start_time": "25:00", "duration": 0}, None),
        ("reschedule", {"rrule": "FREQ=DAILY;COUNT=2"}, ["/rrule"]),
        ("reschedule", [], [""]),
        ("cancel", {"from": "tomorrow"}, ["/from"]),
        ("cancel", {"cancellation_type": "bored"}, ["/cancellation_type"]),
        # What is to come was not missed.
        ("cancel", {"cancellation_type": "no-show"}, ["/cancellation_type"]),
        ("cancel", {"reason_note": " "}, ["/reason_note"]),
    ],
)
def test_a_wrong_change_of_a_series_changes_nothing(desk, step, body, pointers):
    series = desk.book_series()

    response = desk.post(f"{PATH}/{series['id']}/{step}", body)

    pointers = pointers or ["/duration", "/start_time"]
    assert wrong(response) == [("body", pointer) for pointer in pointers]
    assert desk.get(f"{PATH}/{series['id']}").json == series


@pytest.mark.parametrize(
    ("method", "step"),
    [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/reschedule")],
)
def test_a_series_of_another_clinic_is_not_there(desk, open_desk, method, step):
    elsewhere = open_desk()
    other = elsewhere.book_series()["id"]
    body = {} if method == "POST" else None

    theirs = desk.request(method, f"{PATH}/{other}{step}", body)
    nobodys = desk.request(method, f"{PATH}/{UNKNOWN}{step}", body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")
    statuses = {visit["status"] for visit in visits(elsewhere)}
    assert statuses == {"unconfirmed"}


def test_a_doctor_books_no_series(desk, open_desk):
    wish = desk.series_wish()

    response = open_desk(Role.DOCTOR, desk.signed_in.clinic).post(PATH, wish)

    assert problem(response) == (403, "not-permitted")
