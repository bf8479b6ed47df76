from __future__ import annotations

import re
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.doctor import WEEKDAYS, Weekday, WorkingHours
from clinicflow_core.entities.user import Role
from clinicflow_core.ports import PageRequest
from clinicflow_flask.pages import doctors
from clinicflow_flask.pages.doctors import MOST_ROWS, days_alike
from tests.builders import hours
from tests.flask.desk import UNKNOWN, WORKDAYS, Desk

HOSTILE = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture
def chen(desk) -> str:
    """Dr. Sarah Chen, who works on weekdays from 9 to 17."""
    return desk.doctor(initials="SC", specialty="Family Medicine", color="#4A90A4")


def path_of(doctor_id: str, part: str = "") -> str:
    return f"/settings/doctors/{doctor_id}{part}"


def week(desk: Desk, doctor_id: str) -> list[tuple[str, str, str]]:
    kept = desk.get(f"/api/doctors/{doctor_id}/hours").json
    return [(each["weekday"], each["start"], each["end"]) for each in kept]


def dated(desk: Desk, doctor_id: str) -> dict[str, list]:
    kept = desk.get(f"/api/doctors/{doctor_id}/dated-hours").json["items"]
    return {
        day["date"]: [(each["start"], each["end"]) for each in day["hours"]]
        for day in kept
    }


def time_off(desk: Desk, doctor_id: str) -> list[tuple[str, str]]:
    kept = desk.get(f"/api/doctors/{doctor_id}/time-off").json["items"]
    return [(each["starts"], each["ends"]) for each in kept]


def doctor(desk: Desk, doctor_id: str) -> dict:
    return desk.get(f"/api/doctors/{doctor_id}").json


# The list


def test_a_new_clinic_is_told_what_comes_first(browser):
    browser.open("/settings/doctors")

    assert "First add a doctor, then their weekly hours." in browser.text
    browser.follow("Add the first doctor")
    assert browser.path == "/settings/doctors/new"


def test_the_list_says_when_each_doctor_works(browser, desk, chen):
    desk.post("/api/doctors", {"name": "Dr. New"})

    page = browser.open("/settings/doctors")

    rows = [row.get_text(" ", strip=True) for row in page.select("tbody tr")]
    assert rows == [
        "Dr. New no hours yet Set them for Dr. New",
        "Dr. Sarah Chen Family Medicine Mon\u2013Fri 9:00\u202fAM\u20135:00\u202fPM",
    ]
    assert page.find("rect", fill="#4A90A4")
    browser.follow("Set them")
    assert browser.path != "/settings/doctors"


def test_a_long_list_goes_on_on_another_page(browser, desk):
    for n in range(3):
        desk.post("/api/doctors", {"name": f"Dr. {n}"})

    browser.open("/settings/doctors?limit=2")
    browser.follow("More doctors")

    assert "Dr. 2" in browser.text
    assert "Dr. 1" not in browser.text


@pytest.mark.parametrize(
    ("worked", "shown"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("mon 9-17", "mon:9-17", id="one day"),
        pytest.param("mon 9-17, tue 9-17", "mon-tue:9-17", id="alike"),
        pytest.param("mon 9-17, wed 9-17", "mon:9-17 wed:9-17", id="not in a row"),
        pytest.param("mon 9-17, tue 9-12", "mon:9-17 tue:9-12", id="not alike"),
        pytest.param("sun 9-17", "sun:9-17", id="the last day"),
        pytest.param("mon 9-12, mon 13-17", "mon:9-12,13-17", id="twice a day"),
    ],
)
def test_days_in_a_row_with_the_same_hours_are_told_together(worked, shown):
    by_short = {weekday.value[:3]: weekday for weekday in WEEKDAYS}
    parts = [part.split(" ") for part in worked.split(", ") if part]
    stretches = [
        WorkingHours(by_short[day], *(time(int(hour)) for hour in times.split("-")))
        for day, times in parts
    ]

    told = []
    for each in days_alike(stretches):
        ends = [each.first] if each.first is each.last else [each.first, each.last]
        days = "-".join(day.value[:3] for day in ends)
        times = ",".join(f"{start.hour}-{end.hour}" for start, end in each.hours)
        told.append(f"{days}:{times}")
    assert " ".join(told) == shown


@given(st.sets(st.sampled_from(WEEKDAYS)))
def test_each_day_that_is_worked_is_told_once_and_no_other(worked):
    stretches = [each for each in hours("09:00-17:00") if each.weekday in worked]

    told: list[Weekday] = []
    for each in days_alike(stretches):
        first, last = WEEKDAYS.index(each.first), WEEKDAYS.index(each.last)
        told += WEEKDAYS[first : last + 1]
    assert sorted(told, key=WEEKDAYS.index) == sorted(worked, key=WEEKDAYS.index)


def test_a_doctor_without_a_colour_has_the_same_one_on_every_page(browser, desk):
    first, second = desk.doctor("Dr. Abel"), desk.doctor("Dr. Osei")

    def stripes(path: str) -> list[str]:
        return [str(each["fill"]) for each in browser.open(path).select(".stripe rect")]

    def swatches(path: str) -> list[str]:
        found = browser.open(path).select(".settings-swatch rect")
        return [str(each["fill"]) for each in found]

    colors = stripes("/day/2026-03-03")
    assert len(set(colors)) == 2
    assert swatches("/settings/doctors") == colors
    for doctor_id, color in zip((first, second), colors, strict=True):
        assert swatches(path_of(doctor_id)) == [color]
        assert browser.page.find(id="color")["value"] == color
        assert stripes(f"/week?doctor_id={doctor_id}") == [color] * 7
    desk.doctor("Dr. Aaron")
    assert stripes("/day/2026-03-03")[1:] == colors


def test_a_colour_is_proposed_for_a_new_doctor(browser):
    page = browser.open("/settings/doctors/new")

    assert re.fullmatch("#[0-9a-f]{6}", str(page.find(id="color")["value"]))


# Adding, changing, removing


def test_a_doctor_is_added_and_their_hours_come_next(browser, desk):
    browser.open("/settings/doctors/new")

    browser.send("Add the doctor", name="Dr. Osei", specialty="", color="#b45309")

    assert browser.path.startswith("/settings/doctors/")
    assert "Next, set the hours" in browser.text
    assert "no hours yet" in browser.text
    [added] = desk.get("/api/doctors").json["items"]
    assert (added["name"], added["specialty"]) == ("Dr. Osei", None)
    assert added["color"] == "#b45309"


def test_a_form_that_is_sent_twice_adds_one_doctor(browser, desk):
    page = browser.open("/settings/doctors/new")
    once = page.find("input", {"name": "once"})["value"]
    form = {"form": browser.token(), "once": once, "name": "Dr. Osei"}

    browser.post("/settings/doctors", form)
    first = browser.path
    browser.post("/settings/doctors", form)

    assert browser.path == first
    assert len(desk.get("/api/doctors").json["items"]) == 1


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param({"name": " "}, "is required", id="no name"),
        pytest.param({"color": "red"}, "must be a colour", id="no colour"),
        pytest.param({"initials": "X" * 11}, "at most 10", id="long initials"),
    ],
)
def test_a_doctor_who_cannot_be_is_told(browser, desk, typed, complaint):
    browser.open("/settings/doctors/new")

    browser.send("Add the doctor", **{"name": "Dr. Osei", **typed})

    assert browser.status == 422
    assert complaint in browser.text.casefold()
    assert desk.get("/api/doctors").json["items"] == []


def test_a_doctors_details_are_changed(browser, desk, chen):
    browser.open(path_of(chen))

    browser.send("Keep the details", name="Dr. S. Chen", initials="", color="#000000")

    assert browser.path == path_of(chen)
    kept = doctor(desk, chen)
    assert (kept["name"], kept["initials"]) == ("Dr. S. Chen", None)
    assert (kept["specialty"], kept["color"]) == ("Family Medicine", "#000000")


@pytest.mark.parametrize(
    ("button", "typed"),
    [
        ("Keep the details", {}),
        ("Keep the hours", {}),
        ("Set the hours of this day", {"date": "2026-03-09"}),
        ("Keep the rules", {}),
    ],
)
def test_a_doctor_whom_somebody_else_changed_is_looked_at_again(
    browser, desk, chen, button, typed
):
    browser.open(path_of(chen))
    desk.patch(f"/api/doctors/{chen}", {"name": "Dr. S. Chen"})

    browser.send(button, **typed)

    assert browser.status == 412
    assert "Somebody else changed this meanwhile" in browser.text
    browser.send(button, **typed)
    assert browser.status == 200


def test_a_doctor_who_never_had_a_visit_is_removed(browser, desk, chen):
    browser.open(path_of(chen))

    browser.send("Yes, remove")

    assert browser.path == "/settings/doctors"
    assert desk.get(f"/api/doctors/{chen}").status_code == 404


def test_who_has_visits_stays_and_the_visits_are_shown(browser, desk, chen):
    visit = desk.book(doctor_id=chen)
    browser.open(path_of(chen))

    page = browser.send("Yes, remove")

    assert browser.status == 409
    assert "so the doctor stays in the record" in browser.text
    assert page.find("a", href=f"/visits/{visit['id']}")


def test_a_doctor_names_their_account(browser, desk, chen):
    account = {
        "name": "Sarah",
        "email": "chen@example.org",
        "role": "doctor",
        "doctor_id": chen,
        "password": "staple battery horse",
    }
    user_id = desk.post("/api/users", account).json["id"]

    browser.open(path_of(chen))
    browser.follow("Their account")

    assert browser.path == f"/settings/users/{user_id}"


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_reception_keeps_doctors_and_doctors_read(open_browser, desk, chen, role):
    browser, _ = open_browser(role, desk.signed_in.clinic)

    page = browser.open(path_of(chen))

    assert "Mon\u2013Fri 9:00" in browser.text
    assert bool(page.main.find("form")) is (role is Role.ADMIN)


def test_hostile_details_are_texts(browser, desk):
    chen = desk.doctor(HOSTILE, specialty=HOSTILE, initials="<b>{{1}}")
    desk.take_time_off(chen, "2026-03-09T00:00", "2026-03-10T00:00", reason=HOSTILE)

    for path in ("/settings/doctors", path_of(chen), path_of(chen, "/stranded")):
        page = browser.open(path)

        assert browser.status == 200
        assert HOSTILE in browser.text
        assert all(script.has_attr("src") for script in page.find_all("script"))
        assert page.main.find("b") is None


@pytest.mark.parametrize(
    "part",
    [
        "",
        "/hours",
        "/dated-hours",
        "/dated-hours/2026-03-09/weekly",
        "/time-off",
        f"/time-off/{UNKNOWN}/give-back",
        "/policy",
        "/remove",
    ],
)
def test_another_clinics_doctor_is_not_found(browser, open_desk, part):
    other = open_desk().doctor()
    browser.open("/settings/account")

    form = {
        "form": browser.token(),
        "date": "2026-03-09",
        "starts": "2026-03-09",
    }
    browser.post(path_of(other, part), form)

    assert browser.status == 404
    browser.open(path_of(other))
    assert browser.status == 404


# Weekly hours


def test_weekly_hours_are_set(browser, desk, chen):
    browser.open(path_of(chen))

    browser.send(
        "Keep the hours",
        **{
            "monday.start": ["08:00", "13:00"],
            "monday.end": ["12:00", "16:30"],
            "tuesday.start": "",
            "tuesday.end": "",
            "saturday.start": "22:00",
            "saturday.end": "06:00",
        },
    )

    assert browser.status == 200
    assert week(desk, chen) == [
        ("monday", "08:00", "12:00"),
        ("monday", "13:00", "16:30"),
        ("wednesday", "09:00", "17:00"),
        ("thursday", "09:00", "17:00"),
        ("friday", "09:00", "17:00"),
        ("saturday", "22:00", "06:00"),
    ]
    assert "Visits outside of them stay." in browser.text


def test_hours_stay_as_they_are_if_nobody_changes_them(browser, desk, chen):
    many = [
        {"weekday": "monday", "start": f"{n:02}:00", "end": f"{n:02}:30:15"}
        for n in range(8, 13)
    ]
    desk.put(f"/api/doctors/{chen}/hours", many)
    before = week(desk, chen)
    browser.open(path_of(chen))

    browser.send("Keep the hours")

    assert week(desk, chen) == before


def test_a_doctor_can_be_left_without_hours(browser, desk, chen):
    browser.open(path_of(chen))

    empty = {f"{day}.{part}": "" for day in WORKDAYS for part in ("start", "end")}
    browser.send("Keep the hours", **empty)

    assert week(desk, chen) == []
    assert "no hours yet" in browser.text


def rows_of(page, day: str) -> int:
    return len(page.find_all("input", {"name": f"{day}.start"}))


def test_a_stretch_is_added_without_a_script_and_nothing_typed_is_lost(
    browser, desk, chen
):
    page = browser.open(path_of(chen))
    before = rows_of(page, "monday")

    page = browser.send("Add a stretch on Monday", **{"friday.end": "12:00"})

    assert browser.status == 200
    assert (before, rows_of(page, "monday")) == (1, 2)
    assert page.find("input", {"name": "friday.end"})["value"] == "12:00"
    # The keyboard goes on where something is to be typed.
    [focused] = page.find_all(autofocus=True)
    assert focused["id"] == "monday.1.start"
    assert week(desk, chen)[-1] == ("friday", "09:00", "17:00")


def test_no_more_stretches_can_be_added_than_a_day_has_room_for(browser, chen):
    browser.open(path_of(chen))

    for _ in range(MOST_ROWS - 1):
        page = browser.send("Add a stretch on Monday")

    assert rows_of(page, "monday") == MOST_ROWS
    assert "Add a stretch on Monday" not in browser.text
    assert "Add a stretch on Tuesday" in browser.text


def test_monday_is_copied_without_a_script_and_kept_when_somebody_says_so(
    browser, desk, chen
):
    browser.open(path_of(chen))
    browser.send("Add a stretch on Monday")
    monday = {
        "monday.start": ["08:00", "13:00"],
        "monday.end": ["12:00", "16:00"],
    }

    browser.send("Copy Monday to Friday", **monday)
    before = week(desk, chen)
    browser.send("Keep the hours")

    assert before[0] == ("monday", "09:00", "17:00")
    assert week(desk, chen) == [
        (day, *times)
        for day in WORKDAYS
        for times in (("08:00", "12:00"), ("13:00", "16:00"))
    ]


def test_enter_keeps_the_hours(browser, chen):
    page = browser.open(path_of(chen))

    # Enter presses the first button of a form.
    first = page.find("form", id="week").find("button")
    assert first.get_text() == "Keep the hours"
    assert not first.has_attr("name")


@pytest.mark.parametrize(
    ("typed", "place", "complaint"),
    [
        pytest.param(
            {"tuesday.start": "09:00", "tuesday.end": ""},
            "tuesday.0.end",
            "Tuesday is required",
            id="no end",
        ),
        pytest.param(
            {"friday.start": "9 o'clock"},
            "friday.0.start",
            "Friday must be a time",
            id="no time",
        ),
        pytest.param(
            {"monday.start": ["09:00", "11:00"], "monday.end": ["12:00", "15:00"]},
            "monday.1.start",
            "Monday overlaps",
            id="overlap",
        ),
        pytest.param(
            {"sunday.start": "09:00", "sunday.end": "09:00"},
            "sunday.0.start",
            "Sunday end must differ from start",
            id="no length",
        ),
    ],
)
def test_hours_that_cannot_be_are_told_by_their_day(
    browser, desk, chen, typed, place, complaint
):
    before = week(desk, chen)
    browser.open(path_of(chen))

    page = browser.send("Keep the hours", **typed)

    assert browser.status == 422
    assert complaint in browser.text
    [link] = page.select(".complaint a")
    assert link["href"] == f"#{place}"
    assert page.find(id=place)["aria-invalid"] == "true"
    assert week(desk, chen) == before


def test_more_stretches_than_a_week_has_are_told(browser, desk, chen):
    browser.open(path_of(chen))
    starts = [f"{n // 6:02}:{n % 6 * 10:02}" for n in range(51)]
    ends = [f"{n // 6:02}:{n % 6 * 10 + 5:02}" for n in range(51)]

    browser.send("Keep the hours", **{"sunday.start": starts, "sunday.end": ends})

    assert browser.status == 422
    assert "must have at most 50 items" in browser.text


# Days with other hours


def test_a_day_gets_hours_of_its_own_and_the_weekly_ones_again(browser, desk, chen):
    browser.open(path_of(chen))

    browser.send(
        "Set the hours of this day",
        **{
            "date": "2026-03-09",
            "hours.start": ["10:00", ""],
            "hours.end": ["12:00", ""],
        },
    )
    kept = dated(desk, chen)
    told = browser.text
    browser.send("Weekly hours again on Mon, Mar 9")

    assert kept == {"2026-03-09": [("10:00", "12:00")]}
    assert "Mon, Mar 9 2026: 10:00 AM\u201312:00 PM" in told
    assert dated(desk, chen) == {}


def test_a_day_without_hours_is_a_day_off_and_can_be_taken_back(browser, desk, chen):
    browser.open(path_of(chen))

    browser.send("Set the hours of this day", date="2026-03-09")
    kept = dated(desk, chen)
    told = browser.text
    browser.post(
        f"{path_of(chen)}/dated-hours/2026-03-09/weekly", {"form": browser.token()}
    )

    assert kept == {"2026-03-09": []}
    assert "Mon, Mar 9 2026: no hours" in told
    assert dated(desk, chen) == {}


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param({"date": ""}, "is required", id="no day"),
        pytest.param({"date": "2500-01-01"}, "in the years 1900 to 2199", id="far"),
        pytest.param(
            {"hours.start": ["10:00", ""], "hours.end": ["", ""]},
            "is required",
            id="no end",
        ),
        pytest.param(
            {"hours.start": ["10:00", "11:00"], "hours.end": ["12:00", "13:00"]},
            "overlaps",
            id="overlap",
        ),
    ],
)
def test_a_day_that_cannot_be_is_told(browser, desk, chen, typed, complaint):
    browser.open(path_of(chen))

    page = browser.send("Set the hours of this day", **{"date": "2026-03-09", **typed})

    assert browser.status == 422
    assert complaint in browser.text.casefold()
    shown = [each["value"] for each in page.find_all("input", {"name": "hours.start"})]
    assert shown == typed.get("hours.start", ["", ""])
    assert dated(desk, chen) == {}


@pytest.mark.parametrize("day", ["2500-01-01", "2026-02-30", "tomorrow"])
def test_no_address_of_a_day_that_cannot_be_does_anything(browser, chen, day):
    browser.open(path_of(chen))

    browser.post(path_of(chen, f"/dated-hours/{day}/weekly"), {"form": browser.token()})

    assert browser.status in {404, 422}


# Time off


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param(
            {"starts": "2026-03-09"},
            ("2026-03-09T00:00", "2026-03-10T00:00"),
            id="a day",
        ),
        pytest.param(
            {"starts": "2026-03-09", "ends": "2026-03-13"},
            ("2026-03-09T00:00", "2026-03-14T00:00"),
            id="a week",
        ),
        pytest.param(
            {"starts": "2026-03-09", "from": "13:00"},
            ("2026-03-09T13:00", "2026-03-10T00:00"),
            id="an afternoon",
        ),
        pytest.param(
            {"starts": "2026-03-09", "from": "13:00", "until": "15:30"},
            ("2026-03-09T13:00", "2026-03-09T15:30"),
            id="some hours",
        ),
        pytest.param(
            {"starts": "2026-03-09", "ends": "2026-03-10", "until": "12:00"},
            ("2026-03-09T00:00", "2026-03-10T12:00"),
            id="until noon of the next day",
        ),
    ],
)
def test_time_off_is_taken_as_people_say_it(browser, desk, chen, typed, kept):
    browser.open(path_of(chen))

    browser.send("Take the time off", reason="Conference", **typed)

    assert browser.path == path_of(chen)
    assert "The time off is kept." in browser.text
    assert "Conference" in browser.text
    assert time_off(desk, chen) == [kept]


def test_time_off_is_given_back(browser, desk, chen):
    browser.open(path_of(chen))
    browser.send("Take the time off", starts="2026-03-09")
    browser.send("Undo")
    undone = time_off(desk, chen)
    browser.send("Take the time off", starts="2026-03-09")

    browser.send("Give back from Mon, Mar 9 12:00\u202fAM")

    assert undone == []
    assert time_off(desk, chen) == []
    assert "The time off is given back." in browser.text


def test_the_visits_that_time_off_leaves_behind_are_shown(browser, desk, chen):
    visit = desk.book(doctor_id=chen)
    desk.book(start_time="09:30")
    browser.open(path_of(chen))

    page = browser.send("Take the time off", starts="2026-03-03")

    assert browser.path == path_of(chen, "/stranded")
    assert "It leaves 1 visit without their doctor." in browser.text
    [link] = page.select("main li a[href^='/visits/']")
    assert link["href"] == f"/visits/{visit['id']}"
    assert "Tue, Mar 3, 9:00 AM" in browser.text
    assert "The doctor is off from Mar 3, 2026 12:00 AM" in browser.text


def test_others_visits_without_a_doctor_hide_none_of_this_one(
    browser, desk, chen, monkeypatch
):
    monkeypatch.setattr(doctors, "_MANY", PageRequest(limit=1))
    others = desk.book(start_time="09:00")
    visit = desk.book(doctor_id=chen, start_time="10:00")
    for doctor_id in (others["doctor_id"], chen):
        desk.take_time_off(doctor_id, "2026-03-03T00:00", "2026-03-04T00:00")

    page = browser.open(path_of(chen, "/stranded"))

    [link] = page.select("main li a[href^='/visits/']")
    assert link["href"] == f"/visits/{visit['id']}"


def test_a_form_that_is_sent_twice_takes_time_off_once(browser, desk, chen):
    page = browser.open(path_of(chen))
    once = page.find("input", {"name": "once"})["value"]
    form = {"form": browser.token(), "once": once, "starts": "2026-03-09"}

    for _ in range(2):
        browser.post(path_of(chen, "/time-off"), form)

    assert browser.path == path_of(chen)
    assert len(time_off(desk, chen)) == 1


def test_whose_visits_all_have_their_doctor_has_none_to_move(browser, desk, chen):
    desk.book(doctor_id=chen)

    browser.open(path_of(chen, "/stranded"))

    assert "Every visit to come is within the hours." in browser.text


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param({}, "is required", id="no day"),
        pytest.param(
            {"starts": "2026-03-10", "ends": "2026-03-08"},
            "must be after the start",
            id="ends before it begins",
        ),
        pytest.param(
            {"starts": "2026-03-10", "from": "12:00", "until": "09:00"},
            "must be after the start",
            id="ends before it begins that day",
        ),
        pytest.param(
            {"starts": "2199-12-31"}, "in the years 1900 to 2199", id="the last day"
        ),
        pytest.param({"starts": "9999-12-31"}, "in the years", id="the end of time"),
        pytest.param(
            {"starts": "2026-03-10", "reason": "x" * 501}, "at most 500", id="a novel"
        ),
        pytest.param(
            {"starts": "2026-03-08", "from": "02:10", "until": "02:50"},
            "is skipped by a clock change",
            id="an hour that is none",
        ),
    ],
)
def test_time_off_that_cannot_be_is_told(browser, desk, chen, typed, complaint):
    browser.open(path_of(chen))

    browser.send("Take the time off", **typed)

    assert browser.status == 422
    assert complaint in browser.text.casefold()
    assert time_off(desk, chen) == []


# Rules of their own


def rules(desk: Desk, doctor_id: str) -> dict:
    kept = desk.get(f"/api/doctors/{doctor_id}/scheduling-policy").json
    return {name: value for name, value in kept.items() if value is not None}


def test_a_doctor_has_rules_of_their_own_and_the_clinics_beside_them(
    browser, desk, chen
):
    desk.put("/api/clinic/scheduling-policy", {"slot_step": 20})
    browser.open(path_of(chen))
    assert "As the clinic if empty: 20." in browser.text

    browser.send(
        "Keep the rules",
        **{"buffer_after": "0", "default_durations.new-patient": "60"},
    )

    assert browser.status == 200
    assert rules(desk, chen) == {
        "buffer_after": 0,
        "default_durations": {"new-patient": 60},
    }
    browser.send("Keep the rules", buffer_after="")
    assert rules(desk, chen) == {"default_durations": {"new-patient": 60}}


def test_a_doctors_rules_that_cannot_be_are_told(browser, desk, chen):
    browser.open(path_of(chen))

    page = browser.send("Keep the rules", slot_step="7")

    assert browser.status == 422
    assert page.find(id="slot_step")["value"] == "7"
    assert rules(desk, chen) == {}
