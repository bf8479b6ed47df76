from __future__ import annotations

import csv
import re
from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pytest

from clinicflow_core.entities.user import Role
from clinicflow_core.figures import visits
from clinicflow_core.figures.minutes import utilisation
from clinicflow_flask.pages.dashboard import NEWEST, SHOWN, definition, length
from tests.flask.desk import NOW, UNKNOWN

HOSTILE = "<script>alert(1)</script>{{7*7}}"


def section(page, name):
    """Return the section of *page* whose heading has the id *name*."""
    return page.find("section", attrs={"aria-labelledby": f"dash-{name}"})


def _card(page, title):
    [found] = [h3 for h3 in page.find_all("h3") if title_of(h3) == title]
    return found.parent


def title_of(heading):
    """Return what *heading* says before its badge."""
    return next(heading.strings).strip()


def card(page, title):
    """Return what the card with *title* says."""
    return " ".join(_card(page, title).get_text(" ").split())


def links_in(page, title):
    return [a["href"] for a in _card(page, title).find_all("a")]


def chart(page, name):
    """Return the figure of a chart."""
    return page.find(id=f"chart-{name}").find_parent("figure")


def numbers(figure):
    """Return the rows of the table of a chart, by their first cell."""
    rows = figure.find("tbody").find_all("tr")
    return {
        " ".join(row.find("th").get_text().split()): [
            td.get_text() for td in row.find_all("td")
        ]
        for row in rows
    }


@pytest.fixture
def a_lively_day(desk, watch):
    """Tuesday, 09:50: a visit of Monday is open, of today's each is something else."""
    doctor = desk.doctor("Dr. Sarah Chen")
    arrived, missed, coming, cancelled, open_ = (
        desk.book(
            doctor_id=doctor,
            patient_id=desk.patient(first),
            start_time=time,
            date=day,
        )
        for first, time, day in (
            ("Ann", "09:30", "2026-03-03"),
            ("Bo", "09:00", "2026-03-03"),
            ("Cy", "15:00", "2026-03-03"),
            ("Di", "16:00", "2026-03-03"),
            ("Ed", "09:00", "2026-03-02"),
        )
    )
    watch.at = NOW + timedelta(days=1, hours=2, minutes=20)
    desk.post(f"/api/appointments/{arrived['id']}/arrive")
    watch.at = NOW + timedelta(days=1, hours=2, minutes=50)
    desk.post(f"/api/appointments/{missed['id']}/no-show")
    desk.cancel(cancelled)
    return {
        "arrived": arrived,
        "missed": missed,
        "coming": coming,
        "cancelled": cancelled,
        "open": open_,
        "doctor": doctor,
    }


# Today


def test_an_empty_clinic_is_told_what_to_do_next(browser):
    page = browser.open("/dashboard")

    assert browser.status == 200
    assert "There are no doctors yet" in browser.text
    assert page.find("a", string="Add a doctor")["href"] == "/settings/doctors"
    assert not section(page, "range")


def test_a_quiet_day_says_so(browser, desk):
    desk.doctor()

    page = browser.open("/dashboard")

    for title, said in (
        ("Waiting now", "Nobody waits."),
        ("Next", "Nobody else comes today."),
        ("Not settled", "Each visit that is over is settled."),
        ("Summaries to sign", "No summary of today waits."),
        ("Forms not completed", "All forms of today are there."),
    ):
        assert card(page, title) == f"{title} 0 {said}"
    assert "No visits in these days" in browser.text
    assert page.find("a", string="Book a visit")["href"] == "/book"
    assert not page.find("svg", role="img")


def test_the_day_is_told_with_where_each_thing_is_done(browser, desk, a_lively_day):
    day = a_lively_day

    page = browser.open("/dashboard")

    assert (
        "4 visits, with those that were cancelled: 0 completed, 1 to come, 1 no-show, "
        "1 cancelled."
    ) in browser.text
    assert card(page, "Waiting now") == "Waiting now 1 9:30 AM Ann Lee waits 30 min"
    assert links_in(page, "Waiting now") == [f"/visits/{day['arrived']['id']}"]
    assert card(page, "Next") == "Next 1 3:00 PM Cy Lee Dr. Sarah Chen"
    assert links_in(page, "Not settled") == [f"/visits/{day['open']['id']}"]
    assert "Mon, Mar 2, 9:00 AM Ed Lee" in card(page, "Not settled")
    missing = day["coming"]
    of_whom = {"patient_id": missing["patient_id"], "appointment_id": missing["id"]}
    assert links_in(page, "Forms not completed")[-2:] == [
        f"/visits/{missing['id']}",
        f"/intake/send?{urlencode(of_whom)}",
    ]


def test_a_long_list_is_folded_and_whole(browser, desk, watch):
    doctor = desk.doctor()
    for hour in range(9, 17):
        patient = desk.patient(f"P{hour}")
        desk.book(doctor_id=doctor, patient_id=patient, start_time=f"{hour:02}:00")
    watch.at = NOW + timedelta(days=1)

    page = browser.open("/dashboard")

    assert f"{8 - SHOWN} more" in card(page, "Next")
    assert len(links_in(page, "Next")) == 8


def test_a_summary_that_waits_is_told_of(browser, desk, watch):
    patient = desk.patient()
    visit = desk.book(patient_id=patient)
    form = desk.send_form(patient_id=patient, appointment_id=visit["id"])
    desk.submit(form)
    assert desk.post(f"/api/intake/forms/{form['id']}/summary").status_code == 200
    watch.at = NOW + timedelta(days=1)

    page = browser.open("/dashboard")

    assert "1 of them today" in card(page, "Summaries to sign")
    assert links_in(page, "Summaries to sign") == [f"/visits/{visit['id']}"]
    watch.at = NOW + timedelta(days=2)
    page = browser.open("/dashboard")
    assert links_in(page, "Summaries to sign") == ["/intake"]


# Figures


def test_four_weeks_until_today_are_counted_unless_others_are_asked_for(
    browser, a_lively_day
):
    page = browser.open("/dashboard")

    assert page.find(id="from")["value"] == "2026-02-04"
    assert page.find(id="to")["value"] == "2026-03-03"
    assert page.find("a", attrs={"aria-current": "true"}).get_text() == "Last 4 weeks"
    assert card(page, "Visits").startswith("Visits 5 0 completed, 2 not settled ")


def test_each_figure_says_of_what_it_is_and_what_counts(browser, a_lively_day):
    page = browser.open("/dashboard?from=2026-03-03&to=2026-03-03")

    told = card(page, "No-shows")
    assert told.startswith("No-shows 50% 1 of 2 due visits; likely 9% to 91% ")
    assert " ".join(definition(visits.due_visits)) in told
    assert card(page, "Cancelled late").startswith(
        "Cancelled late 0% 0 of 1 cancellations; likely 0% to 79% "
    )
    assert card(page, "Booked time").startswith(
        "Booked time 12% 60 of 480 minutes offered "
    )
    assert card(page, "Booked ahead").startswith(
        "Booked ahead 29 h the middle half of 4: 26 h to 32 h "
    )
    assert card(page, "Length of stay").startswith("Length of stay - no visits yet ")
    assert card(page, "On time").startswith("On time 100% 1 of 1 arrivals")


def test_what_a_figure_counts_is_its_docstring():
    paragraphs = definition(visits.due_visits)

    assert paragraphs[0].startswith("Count the visits that are due")
    assert len(paragraphs) == 2
    assert not any("\n" in part or "*" in part for part in paragraphs)
    assert definition(utilisation)[0].startswith("How much of the offered time")


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("This week", "2026-03-02", "2026-03-08"),
        ("Last 4 weeks", "2026-02-03", "2026-03-02"),
        ("This month", "2026-03-01", "2026-03-31"),
    ],
)
def test_a_range_with_a_name_is_one_click_away(browser, desk, label, first, last):
    doctor = desk.doctor()
    browser.open(f"/dashboard?doctor_id={doctor}")

    page = browser.follow(label)

    assert browser.answer.request.args["doctor_id"] == doctor
    assert page.find(id="from")["value"] == first
    assert page.find(id="to")["value"] == last
    assert page.find("a", attrs={"aria-current": "true"}).get_text() == label


def test_other_days_and_one_doctor_can_be_chosen(browser, desk, a_lively_day):
    other = desk.doctor("Dr. Omar Haddad")
    browser.open("/dashboard")

    browser.send("Show", **{"from": "2026-03-03"}, to="2026-03-04", doctor_id=other)

    assert browser.status == 200
    heading = browser.page.find(id="dash-range").get_text()
    assert re.fullmatch("Mar 3, 2026 . Mar 4, 2026", heading)
    assert "No visits in these days" in browser.text
    chosen = browser.page.find("option", selected=True)
    assert chosen.get_text() == "Dr. Omar Haddad"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        pytest.param(
            "from=2026-03-05&to=2026-03-04",
            422,
            "must not be before from",
            id="the wrong way round",
        ),
        pytest.param(
            "from=2024-01-01&to=2026-03-04", 422, "366 days", id="more than a year"
        ),
        pytest.param("from=yesterday", 422, "“ From ”", id="no day"),
        pytest.param("doctor_id=chen", 422, "“ Doctor ”", id="no doctor's id"),
        pytest.param(f"doctor_id={UNKNOWN}", 404, "no doctor", id="no such doctor"),
    ],
)
def test_days_that_cannot_be_counted_are_refused_where_they_were_typed(
    browser, desk, query, status, said
):
    desk.doctor()

    page = browser.open(f"/dashboard?{query}")

    assert browser.status == status
    assert said in page.find(role="alert").get_text(" ")
    assert "Waiting now" in browser.text
    assert page.find("button", string="Show")
    browser.follow("This month")
    assert browser.status == 200


# Charts


def test_charts_tell_their_numbers_in_tables_too(browser, a_lively_day):
    page = browser.open("/dashboard?from=2026-03-02&to=2026-03-03")

    for figure in page.find_all("figure"):
        drawing = figure.find("svg", role="img")
        for part in drawing["aria-labelledby"].split():
            assert page.find(id=part).get_text().strip()
        assert figure.find("table")
    # Booked, completed, confirmed, unconfirmed, missed, cancelled.
    days = numbers(chart(page, "days"))
    assert days["Tue, Mar 3"] == ["4", "0", "0", "2", "1", "1"]
    weekdays = numbers(chart(page, "weekdays"))
    assert weekdays["Monday"][0] == "1"
    assert weekdays["Sunday"][0] == "0"
    assert numbers(chart(page, "hours"))["3:00 PM"][0] == "1"
    rates = numbers(chart(page, "rates"))
    assert rates["Cancelled, of all visits"] == ["20%", "1", "5", "4%", "62%"]
    time = numbers(chart(page, "time-by-weekday"))
    assert time["Tuesday"] == ["12%", "60", "480", "", ""]
    assert time["Sunday"] == ["-", "0", "0", "", ""]


def test_doctors_are_compared_if_there_are_several(browser, desk, a_lively_day):
    assert not browser.open("/dashboard").find(id="chart-doctors")
    desk.doctor("Dr. Omar Haddad")

    page = browser.open("/dashboard")

    assert numbers(chart(page, "doctors")) == {
        "Dr. Omar Haddad": ["0"] * 6,
        "Dr. Sarah Chen": ["5", "0", "0", "3", "1", "1"],
    }
    assert numbers(chart(page, "no-shows-by-doctor"))["Dr. Omar Haddad"][0] == "-"


def test_nothing_is_drawn_that_the_policy_of_the_page_forbids(browser, a_lively_day):
    page = browser.open("/dashboard")

    assert not page.find_all(style=True)
    assert not page.find_all("style")
    for used in set(re.findall(r"url\(#([a-z-]+)\)", browser.answer.text)):
        assert page.find(id=used)


# CSV


def test_the_figures_are_saved_as_csv(browser, desk, a_lively_day):
    browser.open("/dashboard?from=2026-03-03&to=2026-03-03")

    browser.follow("Save as CSV")

    response = browser.answer
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="figures-2026-03-03-2026-03-03.csv"'
    )
    rows = list(csv.DictReader(StringIO(response.text, newline="")))
    assert [r["value"] for r in rows if r["figure"] == "booked"][:1] == ["4"]
    same = desk.app.test_client().get(
        "/api/dashboard/figures.csv?from=2026-03-03&to=2026-03-03",
        headers={"Authorization": f"Bearer {desk.token}"},
    )
    assert response.text == same.text


def test_no_name_becomes_a_formula_in_csv(browser, desk):
    desk.doctor("=HYPERLINK(1)")

    response = browser.client.get("/dashboard/figures.csv")

    assert "'=HYPERLINK(1)" in response.text
    assert ",=HYPERLINK" not in response.text


# What happened


def test_what_happened_is_told_in_words_without_names(browser, desk):
    visit = desk.book()

    page = browser.open("/dashboard")

    told = section(page, "happened")
    first = told.find("li")
    assert " ".join(first.get_text(" ").split()) == (
        "Mar 2, 2026, 7:00 AM A visit was booked by you"
    )
    assert first.find("a")["href"] == f"/visits/{visit['id']}"
    assert "Ann" not in told.get_text()
    assert "A patient was registered" in told.get_text()


def test_what_happens_again_and_again_is_told_once(browser, desk):
    doctor = desk.doctor()
    for n in range(NEWEST + 3):
        desk.patch(f"/api/doctors/{doctor}", {"specialty": f"Number {n}"})

    told = section(browser.open("/dashboard"), "happened")

    assert f"A doctor's details were changed, {NEWEST + 3} times" in told.get_text()


def test_nothing_leads_to_a_patient_who_is_gone(browser, desk):
    patient = desk.patient()
    desk.delete(f"/api/patients/{patient}")

    told = section(browser.open("/dashboard"), "happened")

    assert "A patient was removed" in told.find("li").get_text()
    assert not told.find("li").find("a")


def test_whoever_else_did_it_is_not_named(browser, desk, open_desk):
    open_desk(Role.ADMIN, desk.signed_in.clinic).patient()

    told = section(browser.open("/dashboard"), "happened")

    assert told.find("li").get_text(" ").strip().endswith("A patient was registered")


def test_a_patient_is_told_of_as_the_patient(browser, desk):
    form = desk.send_form()
    token = form["link"].rpartition("/")[2]
    desk.app.test_client().post(
        f"/api/intake/public/{token}", json={"answers": {"reason": "Pain"}}
    )

    told = section(browser.open("/dashboard"), "happened")

    assert "by the patient" in " ".join(told.get_text(" ").split())


# Who sees what


def test_a_doctor_sees_their_own_visits_alone(desk, open_browser, watch):
    browser, doctor = open_browser(Role.DOCTOR, desk.signed_in.clinic)
    user = doctor.signed_in.user.id
    own = desk.doctor("Dr. Own", user_id=str(user))
    assert desk.patch(f"/api/users/{user}", {"doctor_id": own}).status_code == 200
    other = desk.doctor("Dr. Other")
    for doctor_id, first in ((own, "Mine"), (other, "Theirs")):
        patient = desk.patient(first)
        desk.book(doctor_id=doctor_id, patient_id=patient)
    watch.at = NOW + timedelta(days=1)

    page = browser.open("/dashboard")

    assert "You see your own visits alone." in browser.text
    assert "Mine Lee" in browser.text
    assert "Theirs" not in browser.text
    assert "Dr. Other" not in browser.text
    assert not page.find(id="doctor_id")
    assert not page.find("a", string=re.compile("Send it"))
    browser.open(f"/dashboard?doctor_id={other}")
    assert browser.status == 403
    browser.open(f"/dashboard/figures.csv?doctor_id={other}")
    assert browser.status == 403


def test_a_doctor_without_a_diary_is_refused(desk, open_browser):
    browser, _ = open_browser(Role.DOCTOR, desk.signed_in.clinic)

    browser.open("/dashboard")

    assert browser.status == 403


def test_reception_is_not_told_of_accounts(desk, open_browser):
    reception, _ = open_browser(Role.ADMIN, desk.signed_in.clinic)
    body = {
        "name": "New",
        "email": "new@example.org",
        "role": "admin",
        "password": "correct horse battery",
    }
    assert desk.post("/api/users", body).status_code == 201

    page = reception.open("/dashboard")

    assert reception.status == 200
    assert "account" not in section(page, "happened").get_text()


def test_another_clinic_has_other_figures(desk, a_lively_day, open_browser):
    browser, _ = open_browser()

    browser.open(f"/dashboard?doctor_id={a_lively_day['doctor']}")

    assert browser.status == 404
    assert "Chen" not in browser.open("/dashboard").get_text()


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/figures.csv"])
def test_whoever_is_not_signed_in_is_asked_to(stranger, path):
    stranger.open(path)

    assert stranger.path == "/sign-in"
    assert stranger.answer.request.args["next"] == path


# What it withstands


def test_hostile_names_stay_text(browser, desk, watch):
    doctor = desk.doctor(HOSTILE)
    desk.doctor("\u202eDr. " + "x" * 200)
    desk.book(doctor_id=doctor, patient_id=desk.patient(HOSTILE, HOSTILE))
    watch.at = NOW + timedelta(days=1)

    page = browser.open(f'/dashboard?from="><script>&doctor_id={HOSTILE}')
    assert not page.find_all("script", src=False)
    page = browser.open("/dashboard?from=2026-03-03&to=2026-03-04")

    assert not page.find_all("script", src=False)
    assert HOSTILE in browser.text
    assert "49" not in card(page, "Next")


def test_looking_changes_nothing(browser, desk, a_lively_day, store):
    session = desk.signed_in.session

    def trail():
        with store.unit_of_work(session.clinic_id, session.id) as uow:
            return uow.events.newest(200)

    before = trail()
    browser.open("/dashboard")
    browser.open("/dashboard/figures.csv")

    assert trail() == before


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (None, "-"),
        (0, "0 min"),
        (-12.0, "-12 min"),
        (119.4, "119 min"),
        (120, "2 h"),
        (47 * 60, "47 h"),
        (48 * 60, "2 days"),
        (20160.0, "14 days"),
    ],
)
def test_a_length_is_told_as_people_say_it(minutes, said):
    assert length(minutes) == said
