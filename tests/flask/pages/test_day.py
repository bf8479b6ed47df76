"""The day board and the week."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.desk import schedule
from clinicflow_core.entities.user import Role
from clinicflow_flask.pages.board import MOST_LANES
from tests.flask.desk import UNKNOWN

TUESDAY = "/day/2026-03-03"
DASH = "\N{EN DASH}"


def hrefs(page, selector: str) -> list[str]:
    return [str(a["href"]) for a in page.select(selector)]


def test_whoever_comes_first_sees_today(browser, desk):
    desk.doctor()

    browser.open("/")

    assert browser.path == "/day"
    assert "Today Monday, March 2, 2026" in browser.text


def test_an_empty_clinic_says_what_comes_next(browser):
    browser.open("/day")

    assert "There are no doctors yet" in browser.text
    assert (
        browser.page.find("a", string="Add a doctor")["href"] == "/settings/doctors/new"
    )


def test_a_visit_is_shown_with_where_it_stands(browser, desk):
    visit = desk.book()
    desk.post(f"/api/appointments/{visit['id']}/confirm")
    desk.post(f"/api/appointments/{visit['id']}/arrive")

    page = browser.open(TUESDAY)

    [shown] = page.select("li.v")
    assert shown.get_text(" ", strip=True) == (
        "9:00\u202fAM Ann Lee confirmed, here, no form"
    )
    assert shown.a["href"] == f"/visits/{visit['id']}"


def test_free_times_lead_to_booking_them(browser, desk):
    doctor_id = desk.doctor()

    page = browser.open(TUESDAY)

    assert hrefs(page, "li.f a")[0] == (
        f"/book?doctor_id={doctor_id}&date=2026-03-03&start_time=09:00"
    )
    assert len(hrefs(page, "li.f a")) == 16


def test_a_cancelled_visit_stands_apart_and_can_be_opened(browser, desk):
    visit = desk.book()
    desk.cancel(visit)

    page = browser.open(TUESDAY)

    assert not page.select("li.v")
    assert hrefs(page, ".fallen a") == [f"/visits/{visit['id']}"]


def test_one_goes_from_day_to_day(browser, desk):
    desk.doctor()
    browser.open(TUESDAY)

    browser.follow("Day after")
    assert browser.path == "/day/2026-03-04"
    week = browser.page.select_one("nav.days a[href^='/week/']")["href"]
    browser.open(week)
    assert browser.path == "/week/2026-03-04"
    assert "Monday, March 2, 2026" in browser.text


def test_another_day_can_be_asked_for(browser, desk):
    desk.doctor()
    browser.open(TUESDAY)

    browser.send("Go", date="2026-03-20")

    assert "Friday, March 20, 2026" in browser.text


@pytest.mark.parametrize(
    "path",
    ["/day/2026-02-30", "/day/tomorrow", "/day/20260303", "/week/2026-13-01", "/day/"],
)
def test_a_day_that_there_is_not_is_not_found(browser, path):
    browser.open(path)

    assert browser.status == 404


@pytest.mark.parametrize(
    "path", ["/day/0001-01-01", "/week/9999-12-31", "/day?date=x", "/week?doctor_id=x"]
)
def test_a_day_too_far_away_is_refused_with_a_way_out(browser, path):
    browser.open(path)

    assert browser.status == 422
    assert browser.page.find("a", string="Go to the day")["href"] == "/day"


def test_a_doctor_sees_their_own_diary_alone(open_browser, open_desk):
    owner = open_desk()
    mine, other = owner.doctor("Dr. Mine"), owner.doctor("Dr. Other")
    owner.book(doctor_id=other)
    browser, doctor = open_browser(Role.DOCTOR, owner.signed_in.clinic)
    owner.patch(f"/api/users/{doctor.signed_in.user.id}", {"doctor_id": mine})

    browser.open(TUESDAY)

    assert "Dr. Mine" in browser.text
    assert "Dr. Other" not in browser.text
    assert not browser.page.select("li.v, li.f")


def test_what_a_doctor_may_not_do_is_not_offered(open_browser, open_desk):
    owner = open_desk()
    mine = owner.doctor("Dr. Mine")
    browser, doctor = open_browser(Role.DOCTOR, owner.signed_in.clinic)
    owner.patch(f"/api/users/{doctor.signed_in.user.id}", {"doctor_id": mine})

    page = browser.open(TUESDAY)

    assert not page.select("a[href^='/book'], a[href='/waitlist']")


def test_an_open_board_is_told_nothing_while_nothing_changes(browser, desk):
    visit = desk.book()
    page = browser.open(TUESDAY)
    asks = str(page.select_one("#board")["hx-get"])

    browser.open(asks)
    assert (browser.status, browser.answer.data) == (204, b"")

    desk.post(f"/api/appointments/{visit['id']}/arrive")
    page = browser.open(asks)
    assert browser.status == 200
    assert "here" in page.select_one("li.v").get_text()
    assert str(page.select_one("#board")["hx-get"]) != asks


def test_the_line_of_now_moves_on(browser, desk, watch):
    desk.doctor()
    watch.at += timedelta(hours=3)  # 10:00 in New York.
    page = browser.open("/day")
    before = page.select_one(".now")["class"]

    watch.at += timedelta(minutes=30)
    page = browser.open("/day")

    rows = [int(each[1][1:]) for each in (before, page.select_one(".now")["class"])]
    assert rows[1] - rows[0] == 6


def test_a_week_counts_visits_and_what_is_free(browser, desk):
    desk.book(duration=30)

    browser.open("/week/2026-03-03")

    assert "1 visit 7 h 30 free" in browser.text
    assert "nothing free" in browser.text  # The weekend.


def test_a_week_of_one_doctor_is_a_board_of_days(browser, desk):
    visit = desk.book()
    doctor_id = visit["doctor_id"]
    browser.open("/week/2026-03-03")

    page = browser.send("Show", doctor_id=doctor_id)

    assert len(page.select(".column")) == 7
    assert hrefs(page, "li.v a") == [f"/visits/{visit['id']}"]
    asks = str(page.select_one("#board")["hx-get"])
    browser.open(asks)
    assert browser.status == 204


@pytest.mark.parametrize("path", ["/week/2026-03-03", "/week/2026-03-03/board"])
def test_a_week_of_another_clinics_doctor_is_not_found(browser, open_desk, path):
    theirs = open_desk().doctor("Dr. Theirs")

    for doctor_id in (theirs, UNKNOWN):
        browser.open(f"{path}?doctor_id={doctor_id}")

        assert browser.status == 404
        assert "Dr. Theirs" not in browser.text


def test_the_week_of_one_doctor_leads_to_that_of_any_other(browser, desk):
    mine, other = desk.doctor("Dr. Mine"), desk.doctor("Dr. Other")

    page = browser.open(f"/week/2026-03-03?doctor_id={mine}")

    options = [str(each["value"]) for each in page.select("#doctor_id option")]
    assert options == ["", mine, other]
    assert page.select_one("#doctor_id option[selected]")["value"] == mine


def test_a_doctor_can_choose_the_week_of_no_other(open_browser, open_desk):
    owner = open_desk()
    mine, other = owner.doctor("Dr. Mine"), owner.doctor("Dr. Other")
    browser, doctor = open_browser(Role.DOCTOR, owner.signed_in.clinic)
    owner.patch(f"/api/users/{doctor.signed_in.user.id}", {"doctor_id": mine})

    page = browser.open(f"/week/2026-03-03?doctor_id={mine}")

    options = [str(each["value"]) for each in page.select("#doctor_id option")]
    assert options == ["", mine]
    browser.open(f"/week/2026-03-03/board?doctor_id={other}")
    assert browser.status == 403


@pytest.mark.parametrize("path", ["/week/2026-03-03", "/week/2026-03-03/board"])
def test_the_week_of_one_doctor_reads_no_others_visits(
    browser, desk, monkeypatch, path
):
    monkeypatch.setattr(schedule, "MOST_VISITS", 1)
    other, doctor_id = desk.doctor(), desk.doctor()
    for hour in range(9, 17):
        desk.book(doctor_id=other, date="2026-03-02", start_time=f"{hour:02}:00")
    visit = desk.book(doctor_id=doctor_id)

    page = browser.open(f"{path}?doctor_id={doctor_id}")

    assert hrefs(page, "li.v a") == [f"/visits/{visit['id']}"]


def test_a_board_of_a_week_is_of_one_doctor(browser, desk):
    desk.book()

    page = browser.open("/week/2026-03-03/board")

    assert (browser.status, page.select(".column")) == (200, [])


@pytest.fixture
def night(desk) -> str:
    """A doctor who works from Monday evening to Tuesday morning."""
    doctor_id = desk.doctor("Dr. Night")
    hours = [{"weekday": "monday", "start": "22:00", "end": "06:00"}]
    desk.put(f"/api/doctors/{doctor_id}/hours", hours)
    return doctor_id


def test_a_night_is_shown_on_each_day_as_far_as_it_lies_there(browser, night):
    monday = browser.open("/day/2026-03-02").select_one(".column .worked").get_text()
    tuesday = browser.open(TUESDAY).select_one(".column .worked").get_text()

    assert monday == f"10:00\u202fPM{DASH}12:00\u202fAM"
    assert tuesday == f"12:00\u202fAM{DASH}6:00\u202fAM"
    free = hrefs(browser.page, "li.f a")
    assert len(free) == 12
    assert free[0].endswith("date=2026-03-03&start_time=00:00")


def test_a_visit_over_midnight_is_linked_on_both_days_and_counted_once(
    browser, desk, night
):
    visit = desk.book(
        doctor_id=night, date="2026-03-02", start_time="23:30", duration=60
    )

    page = browser.open(TUESDAY)

    [shown] = page.select("li.v a")
    assert shown["href"] == f"/visits/{visit['id']}"
    assert shown.b.get_text() == "Mon, Mar 2, 11:30\u202fPM"
    assert "data-v" not in shown.attrs
    board = browser.open(f"/week/{visit['date']}?doctor_id={night}")
    assert len(hrefs(board, "li.v a")) == 2
    assert len(board.select(f"#v{visit['id']}")) == 1
    week = browser.open("/week/2026-03-02")
    totals = [each.get_text(" ", strip=True) for each in week.select("tbody td")]
    assert totals[:3] == [
        *("1 visit 1 h 30 free", "no visits 5 h 30 free"),
        "no visits nothing free",
    ]


def test_in_a_week_it_is_now_on_one_day_alone(browser, desk, watch):
    doctor_id = desk.doctor()
    watch.at += timedelta(hours=3)  # 10:00 in New York.

    page = browser.open(f"/week?doctor_id={doctor_id}")

    [line] = page.select(".now")
    assert line.find_parent("section")["data-date"] == "2026-03-02"


def test_visits_without_a_place_beside_others_are_listed(browser, desk):
    visit = desk.book()
    why = {"override": {"reason": "an emergency"}}
    for _ in range(MOST_LANES):
        desk.book(doctor_id=visit["doctor_id"], **why)

    page = browser.open(TUESDAY)

    assert len(page.select("li.v")) == MOST_LANES
    assert "1 more at the same time" in browser.text
    links = hrefs(page, "li.v a, .fallen a")
    assert len(set(links)) == MOST_LANES + 1


def test_names_on_the_board_are_only_text(browser, desk):
    evil = "<script>alert(1)</script>{{7*7}}"
    desk.book(
        patient_id=desk.patient(evil, '"><img src=x onerror=alert(1)>'),
        doctor_id=desk.doctor("<b>Dr</b> {{ config }}"),
    )

    page = browser.open(TUESDAY)

    assert evil in browser.text
    assert "{{ config }}" in browser.text
    assert not page.select("#board script, #board img, #board b b")


def test_looking_changes_nothing(browser, desk, store):
    visit = desk.book()
    before = desk.get(f"/api/appointments/{visit['id']}/history").json

    for path in (TUESDAY, "/week", f"/visits/{visit['id']}", "/book"):
        browser.open(path)
        assert browser.status == 200, path

    assert desk.get(f"/api/appointments/{visit['id']}/history").json == before
