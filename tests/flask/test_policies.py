from __future__ import annotations

import pytest

from tests.flask.desk import UNKNOWN, problem, wrong

PATH = "/api/clinic/scheduling-policy"
DEFAULT = {
    "slot_step": 15,
    "buffer_before": 0,
    "buffer_after": 0,
    "min_notice": 0,
    "max_horizon_days": None,
    "daily_limit": None,
    "default_durations": {},
    "closed_days": [],
    "public_holidays": None,
    "cancellation_cutoff": 0,
    "offer_minutes": 120,
}
AS_THE_CLINIC = dict.fromkeys(
    (
        *("slot_step", "buffer_before", "buffer_after", "min_notice"),
        *("max_horizon_days", "daily_limit", "default_durations"),
    )
)


def of(doctor_id: str) -> str:
    return f"/api/doctors/{doctor_id}/scheduling-policy"


def starts(desk, query: str = "") -> list[str]:
    """Return the starts of Tuesday's openings."""
    response = desk.get(
        f"/api/schedule/availability?from=2026-03-03&to=2026-03-03{query}"
    )
    assert response.status_code == 200
    return [opening["start_time"] for opening in response.json["items"]]


def refused(desk, **details: object) -> list[str]:
    """Return the kinds of conflict that stand against a visit."""
    response = desk.post("/api/appointments", desk.wish(**details))
    assert problem(response) == (409, "booking-conflict")
    return [conflict["kind"] for conflict in response.json["conflicts"]]


def test_a_new_clinic_asks_for_nothing(desk):
    assert desk.get(PATH).json == DEFAULT


def test_a_policy_is_replaced_and_what_is_left_out_is_as_by_default(desk):
    desk.put(PATH, {"buffer_after": 10, "daily_limit": 8})

    response = desk.put(
        PATH,
        {
            "slot_step": 20,
            "default_durations": {"follow-up": 20, "new-patient": 60},
            "public_holidays": {"country": "US", "region": "NY"},
        },
    )

    assert response.status_code == 200
    assert response.json == DEFAULT | {
        "slot_step": 20,
        "default_durations": {"follow-up": 20, "new-patient": 60},
        "public_holidays": {"country": "US", "region": "NY"},
    }
    assert desk.get(PATH).json == response.json


def test_closed_days_are_kept_once_each_and_in_order(desk):
    days = ["2026-12-25", "2026-12-24", "2026-12-25"]

    response = desk.put(PATH, {"closed_days": days})

    assert response.json["closed_days"] == ["2026-12-24", "2026-12-25"]


def test_a_doctor_asks_for_what_the_clinic_does_until_told_otherwise(desk):
    path = of(desk.doctor())
    assert desk.get(path).json == AS_THE_CLINIC

    response = desk.put(path, {"slot_step": 60, "default_durations": {}})

    assert response.status_code == 200
    assert response.json == AS_THE_CLINIC | {"slot_step": 60, "default_durations": {}}
    assert desk.get(path).json == response.json


def test_what_a_doctor_asks_for_goes_before_what_the_clinic_does(desk):
    doctor_id = desk.doctor()
    desk.put(PATH, {"slot_step": 240, "default_durations": {"new-patient": 120}})
    assert starts(desk) == ["09:00", "13:00"]

    desk.put(of(doctor_id), {"slot_step": 120, "default_durations": {"follow-up": 480}})

    assert starts(desk) == ["09:00", "11:00", "13:00", "15:00"]
    assert starts(desk, "&visit_category=follow-up") == ["09:00"]
    assert starts(desk, "&visit_category=new-patient")[-1] == "15:00"


@pytest.mark.parametrize(
    ("policy", "details", "kinds"),
    [
        ({"closed_days": ["2026-03-03"]}, {}, ["closed-day"]),
        (
            {"public_holidays": {"country": "US"}},
            {"date": "2026-05-25"},
            ["closed-day"],
        ),
        ({"buffer_before": 20}, {"start_time": "10:45"}, ["buffer"]),
        ({"buffer_after": 20}, {"start_time": "10:45"}, ["buffer"]),
        ({"daily_limit": 1}, {"start_time": "15:00"}, ["daily-limit"]),
        ({"min_notice": 26 * 60 + 1}, {}, ["too-soon"]),
        ({"max_horizon_days": 0}, {}, ["too-far-ahead"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) and value else "",
)
def test_what_a_clinic_asks_for_holds_for_who_books(desk, policy, details, kinds):
    visit = desk.book(start_time="10:00", duration=30)
    desk.put(PATH, policy)

    assert refused(desk, doctor_id=visit["doctor_id"], **details) == kinds


def test_a_visit_lasts_as_long_as_its_category_does(desk):
    desk.put(PATH, {"default_durations": {"follow-up": 20}})
    people = {"doctor_id": desk.doctor(), "patient_id": desk.patient()}

    known = desk.book(**people, visit_category="follow-up")
    other = desk.book(**people, visit_category="new-patient", start_time="10:00")

    assert (known["duration"], other["duration"]) == (20, 30)


def test_a_visit_that_was_booked_before_stays(desk):
    visit = desk.book()

    desk.put(PATH, {"closed_days": ["2026-03-03"], "daily_limit": 1})

    assert desk.get(f"/api/appointments/{visit['id']}").json == visit


@pytest.mark.parametrize(
    ("hours", "late"), [(25, False), (26, False), (27, True)], ids=str
)
def test_a_cancellation_after_the_cut_off_is_late(desk, hours, late):
    desk.put(PATH, {"cancellation_cutoff": hours * 60})
    visit = desk.book()  # In 26 hours.

    response = desk.post(
        f"/api/appointments/{visit['id']}/cancel",
        {"cancellation_type": "patient-cancelled"},
    )

    assert response.json["cancellation"]["late"] is late


@pytest.mark.parametrize("field", ["id", "version", "policy", "clinic_id"])
def test_a_policy_takes_no_other_field(desk, field):
    assert wrong(desk.put(PATH, {field: 1})) == [("body", f"/{field}")]


ONE_FIELD = [
    ({"slot_step": 0}, "/slot_step"),
    ({"slot_step": 7}, "/slot_step"),
    ({"slot_step": -15}, "/slot_step"),
    ({"slot_step": 480}, "/slot_step"),
    ({"slot_step": 15.0}, "/slot_step"),
    ({"slot_step": "15"}, "/slot_step"),
    ({"buffer_before": -1}, "/buffer_before"),
    ({"buffer_after": 241}, "/buffer_after"),
    ({"min_notice": -1}, "/min_notice"),
    ({"max_horizon_days": -1}, "/max_horizon_days"),
    ({"max_horizon_days": 3661}, "/max_horizon_days"),
    ({"daily_limit": 0}, "/daily_limit"),
    ({"default_durations": {"check-up": 30}}, "/default_durations"),
    ({"default_durations": {"follow-up": 0}}, "/default_durations"),
    ({"default_durations": {"follow-up": 1441}}, "/default_durations"),
    ({"default_durations": {"follow-up": "30"}}, "/default_durations/follow-up"),
    ({"default_durations": [30]}, "/default_durations"),
]
OF_THE_CLINIC = [
    ({"slot_step": None}, "/slot_step"),
    ({"closed_days": "2026-12-24"}, "/closed_days"),
    ({"closed_days": ["2026-12-24", "2026-02-30"]}, "/closed_days/1"),
    ({"closed_days": ["24 December"]}, "/closed_days/0"),
    ({"closed_days": [None]}, "/closed_days/0"),
    ({"closed_days": ["2026-12-24"] * 401}, "/closed_days"),
    ({"public_holidays": "US"}, "/public_holidays"),
    ({"public_holidays": {}}, "/public_holidays/country"),
    ({"public_holidays": {"country": "XX"}}, "/public_holidays"),
    ({"public_holidays": {"country": "us"}}, "/public_holidays"),
    ({"public_holidays": {"country": "os"}}, "/public_holidays"),
    ({"public_holidays": {"country": "US", "region": "XX"}}, "/public_holidays"),
    ({"public_holidays": {"country": "US", "region": ""}}, "/public_holidays/region"),
    ({"public_holidays": {"country": "U" * 500}}, "/public_holidays/country"),
    ({"cancellation_cutoff": -1}, "/cancellation_cutoff"),
    ({"offer_minutes": 0}, "/offer_minutes"),
]


@pytest.mark.parametrize(("body", "pointer"), [*ONE_FIELD, *OF_THE_CLINIC])
def test_a_wrong_policy_is_pointed_at_and_changes_nothing(desk, body, pointer):
    response = desk.put(PATH, body)

    assert wrong(response) == [("body", pointer)]
    assert desk.get(PATH).json == DEFAULT


@pytest.mark.parametrize(
    ("body", "pointer"), [*ONE_FIELD, ({"closed_days": []}, "/closed_days")]
)
def test_a_wrong_policy_of_a_doctor_is_pointed_at(desk, body, pointer):
    path = of(desk.doctor())

    response = desk.put(path, body)

    assert wrong(response) == [("body", pointer)]
    assert desk.get(path).json == AS_THE_CLINIC


def test_everything_wrong_with_a_policy_is_told_at_once(desk):
    body = {"slot_step": 7, "buffer_after": -1, "closed_days": ["x"], "x": 1}

    assert wrong(desk.put(PATH, body)) == [
        ("body", pointer)
        for pointer in ("/buffer_after", "/closed_days/0", "/slot_step", "/x")
    ]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_doctor_of_another_clinic_has_no_policy(desk, open_desk, method):
    other = open_desk().doctor()
    body = {} if method == "PUT" else None

    theirs = desk.request(method, of(other), body)
    nobodys = desk.request(method, of(UNKNOWN), body)

    assert problem(theirs) == (404, "not-found")
    assert theirs.text.replace(other, "") == nobodys.text.replace(UNKNOWN, "")
