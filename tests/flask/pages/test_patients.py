from __future__ import annotations

import json

import pytest

from clinicflow_core.entities.user import Role
from tests.flask.desk import NOW, UNKNOWN
from tests.flask.pages.browser import Browser

HOSTILE = "<script>alert(1)</script>{{7*7}}"
EVE = {"first_name": "Eve", "last_name": "Lee"}
PAGES = ("", "/visits", "/history", "/change", "/merge", "/erase")
"""What can be opened of a patient, after the address of the record."""

DEEDS = ("change", "merge", "export", "remove", "erase")
"""What can be sent to it."""


@pytest.fixture
def ann(desk) -> str:
    return desk.patient(
        "Ann",
        "Lee",
        date_of_birth="1980-12-31",
        phone="+1 212 555 0100",
        email="ann@example.org",
    )


@pytest.fixture
def twin(desk, ann) -> str:
    """Another record of the same person."""
    return desk.patient(
        "Ann", "Lee", date_of_birth="1980-12-31", email="ann.lee@example.org"
    )


@pytest.fixture
def doctor_of(open_browser, desk):
    """Return the browser of the doctor of a visit, in the clinic of `desk`."""

    def signed_in(visit) -> Browser:
        browser, doctor = open_browser(Role.DOCTOR, desk.signed_in.clinic)
        account = f"/api/users/{doctor.signed_in.user.id}"
        assert desk.patch(account, {"doctor_id": visit["doctor_id"]}).status_code == 200
        return browser

    return signed_in


def names(page) -> list[str]:
    return [cell.get_text(" ", strip=True) for cell in page.select("tbody th")]


# Finding


def test_the_register_begins_with_a(browser, desk):
    desk.patient("Bob", "Ray")
    desk.patient("Ann", "Lee", date_of_birth="1980-12-31", phone="0100")

    page = browser.open("/patients")

    assert names(page) == ["Ann Lee", "Bob Ray"]
    assert "Dec 31, 1980" in browser.text
    assert "0100" in browser.text


@pytest.mark.parametrize(
    "words", ["lee", "LEE ann", "0100", "1980-12-31", "ann@example"]
)
def test_a_patient_is_found_by_what_is_known(browser, desk, ann, words):
    desk.patient("Bob", "Ray")
    browser.open("/patients")

    page = browser.send("Look up", q=words)

    assert names(page) == ["Ann Lee"]
    assert page.find(id="q")["value"] == words


def test_whoever_is_not_found_can_be_registered(browser):
    browser.open("/patients")
    browser.send("Look up", q="Zoe van Bond")

    assert "Nobody is found by “Zoe van Bond”" in browser.text
    page = browser.follow("Register them")

    assert page.find(id="first_name")["value"] == "Zoe van"
    assert page.find(id="last_name")["value"] == "Bond"


def test_what_is_no_name_is_not_taken_for_one(browser):
    page = browser.open("/patients/new?q=%2B1+212")

    assert page.find(id="last_name")["value"] == ""


def test_an_empty_register_says_what_to_do_next(browser):
    browser.open("/patients")

    assert "There are no patients yet" in browser.text
    assert "clinicflow patient import" in browser.text
    browser.follow("Register a patient")
    assert browser.path == "/patients/new"


def test_a_long_register_is_read_in_parts(browser, desk):
    for number in range(51):
        desk.patient(f"Ann{number:02}", "Lee")

    first = names(browser.open("/patients?q=lee"))
    second = names(browser.follow("Next"))

    assert len(first) == 50
    assert second == ["Ann50 Lee"]
    assert names(browser.follow("Back to the beginning")) == first


@pytest.mark.parametrize("query", ["q=%00", f"q={'x' * 201}", "cursor=nonsense"])
def test_a_search_that_cannot_be_is_refused(browser, query):
    browser.open(f"/patients?{query}")

    assert browser.status == 422


# Registering


def test_a_patient_is_registered(browser, desk):
    browser.open("/patients/new")

    browser.send(
        "Register",
        first_name="Ann",
        last_name="Lee",
        date_of_birth="1980-12-31",
        phone="0100",
        email="",
    )

    assert browser.path.startswith("/patients/")
    assert browser.page.h1.get_text() == "Ann Lee"
    assert "Registered." in browser.text
    [found] = desk.get("/api/patients").json["items"]
    assert (found["date_of_birth"], found["phone"]) == ("1980-12-31", "0100")
    assert found["email"] is None


def test_a_registration_that_is_sent_twice_counts_once(browser, desk):
    page = browser.open("/patients/new")
    sent = {
        field["name"]: field.get("value", "") for field in page.select("main input")
    } | {"first_name": "Ann", "last_name": "Lee"}
    browser.post("/patients/new", sent)
    where = browser.path

    browser.post("/patients/new", sent)

    assert browser.path == where
    assert len(desk.get("/api/patients").json["items"]) == 1


def test_what_is_wrong_is_said_and_what_was_typed_stays(browser, desk):
    browser.open("/patients/new?next=/waitlist/join")

    page = browser.send(
        "Register",
        first_name=" ",
        last_name="Lee",
        email="nonsense",
        date_of_birth="2030-01-01",
    )

    assert browser.status == 422
    assert page.find(id="email")["value"] == "nonsense"
    assert page.find(id="email")["aria-invalid"] == "true"
    assert page.find(id="first_name")["aria-invalid"] == "true"
    assert page.find("input", attrs={"name": "next"})["value"] == "/waitlist/join"
    assert desk.get("/api/patients").json["items"] == []


def test_whoever_may_be_there_already_is_shown(browser, desk, ann):
    browser.open("/patients/new?next=/waitlist/join")

    browser.send(
        "Register", first_name="Ann", last_name="Lee", date_of_birth="1980-12-31"
    )

    assert "Perhaps the same person" in browser.text
    assert browser.page.find("a", href=f"/patients/{ann}") is not None
    browser.follow("Go on with Ann")
    assert browser.path == "/waitlist/join"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"]
)
def test_after_registering_nobody_is_led_elsewhere(browser, elsewhere):
    browser.open("/patients/new")

    browser.send("Register", first_name="Ann", last_name="Lee", next=elsewhere)

    assert browser.answer.request.host == "localhost"
    assert browser.path == "/day"


def test_the_new_patient_takes_the_place_of_another(browser, desk, ann):
    browser.open("/patients/new")

    browser.send(
        "Register",
        first_name="Zoe",
        last_name="Bond",
        next=f"/waitlist/join?doctor_id={UNKNOWN}&patient_id={ann}",
    )

    [zoe] = desk.get("/api/patients?q=zoe").json["items"]
    query = browser.answer.request.query_string.decode()
    assert query == f"doctor_id={UNKNOWN}&patient_id={zoe['id']}"


# The record


def test_a_record_shows_who_it_is(browser, ann):
    page = browser.open(f"/patients/{ann}")

    assert page.h1.get_text() == "Ann Lee"
    assert "Born Dec 31, 1980" in browser.text
    assert page.find("a", href="tel:%2B12125550100").get_text() == "+1 212 555 0100"
    assert page.find("a", href="mailto:ann%40example.org") is not None
    for label, path in {
        "Book a visit": f"/book?patient_id={ann}",
        "Send a form": f"/intake/send?patient_id={ann}",
        "Add to the waitlist": f"/waitlist/join?patient_id={ann}",
    }.items():
        assert page.find("a", href=path).get_text() == label


def test_a_record_shows_what_there_was_and_will_be(browser, desk, watch, ann):
    doctor_id = desk.doctor("Dr. Chen")
    visit = desk.book(doctor_id=doctor_id, patient_id=ann, date="2026-03-03")
    form = desk.send_form(patient_id=ann, appointment_id=visit["id"])
    desk.wait(patient_id=ann, doctor_id=doctor_id)
    desk.wait(doctor_id=doctor_id, patient_id=desk.patient("Bob", "Ray"))

    page = browser.open(f"/patients/{ann}")

    assert page.find("a", href=f"/visits/{visit['id']}").get_text(strip=True) == (
        "Mar 3, 2026, 9:00\u202fAM"
    )
    assert "Unconfirmed" in browser.text
    assert page.find("a", href=f"/intake/{form['id']}") is not None
    assert "Pending" in browser.text
    assert browser.text.count("For Dr. Chen, Mar 3, 2026") == 1


def test_what_is_held_for_a_patient_is_on_the_record(browser, desk, ann):
    visit = desk.book()
    desk.wait(patient_id=ann, doctor_id=visit["doctor_id"])
    desk.cancel(visit)

    browser.open(f"/patients/{ann}")

    assert "offered Mar 3, 2026, 9:00" in browser.text


def test_visits_that_are_over_come_last(browser, desk, watch, ann):
    doctor_id = desk.doctor()
    past = desk.book(doctor_id=doctor_id, patient_id=ann, date="2026-03-03")
    desk.post(f"/api/appointments/{past['id']}/no-show")
    to_come = desk.book(doctor_id=doctor_id, patient_id=ann, date="2026-03-10")
    watch.at = NOW.replace(day=9)

    page = browser.open(f"/patients/{ann}")

    assert [
        a["href"] for a in page.select("tbody a") if a["href"].startswith("/visits/")
    ] == [f"/visits/{to_come['id']}", f"/visits/{past['id']}"]


def test_all_visits_are_read_in_parts(browser, desk, ann):
    visits = desk.book_series(
        patient_id=ann, rrule="FREQ=WEEKLY;COUNT=52", doctor_id=desk.doctor()
    )
    assert len(visits["appointments"]) == 52

    browser.open(f"/patients/{ann}")
    first = browser.follow("All visits").select("tbody tr")
    second = browser.follow("Next").select("tbody tr")

    assert (len(first), len(second)) == (50, 2)


def test_a_patient_without_visits_has_none(browser, ann):
    browser.open(f"/patients/{ann}/visits")

    assert "There never was one." in browser.text


def test_the_owner_sees_who_did_what(browser, desk, ann):
    desk.patch(f"/api/patients/{ann}", {"phone": "0200"})
    browser.open(f"/patients/{ann}")

    page = browser.follow("Who did what")

    told = [
        [cell.get_text() for cell in row.find_all("td")]
        for row in page.select("tbody tr")
    ]
    assert [row[1:] for row in told] == [
        ["A patient's record was read", "Olive Owner", ""],
        ["A patient's details were changed", "Olive Owner", "phone"],
        ["A patient was registered", "Olive Owner", ""],
    ]


# Changing


def test_details_are_changed_and_given_up(browser, desk, ann):
    browser.open(f"/patients/{ann}")
    browser.follow("Change")

    browser.send("Keep", last_name="Lee-Ray", phone="")

    assert browser.path == f"/patients/{ann}"
    assert browser.page.h1.get_text() == "Ann Lee-Ray"
    found = desk.get(f"/api/patients/{ann}").json
    assert (found["phone"], found["email"]) == (None, "ann@example.org")


def test_a_name_cannot_be_given_up(browser, desk, ann):
    browser.open(f"/patients/{ann}/change")

    page = browser.send("Keep", first_name="")

    assert browser.status == 422
    assert page.find(id="first_name")["value"] == ""
    assert desk.get(f"/api/patients/{ann}").json["first_name"] == "Ann"


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(browser, desk, ann):
    browser.open(f"/patients/{ann}/change")
    desk.patch(f"/api/patients/{ann}", {"phone": "0200"})

    page = browser.send("Keep", phone="0300")

    assert browser.status == 412
    assert page.find(id="phone")["value"] == "0300"
    assert desk.get(f"/api/patients/{ann}").json["phone"] == "0200"
    page = browser.follow("Leave it as it is now")
    assert page.find(id="phone")["value"] == "0200"


# Merging


def test_two_records_of_one_person_become_one(browser, desk, ann, twin):
    visit = desk.book(patient_id=twin)
    browser.open(f"/patients/{twin}/merge?patient_id={ann}")
    browser.follow("Keep the other one instead")

    browser.send("Merge for good")

    assert browser.path == f"/patients/{ann}"
    assert "The two records are one now." in browser.text
    assert browser.page.find("a", href=f"/visits/{visit['id']}") is not None
    browser.open(f"/patients/{twin}")
    assert browser.status == 404


def test_before_they_do_both_are_seen_side_by_side(browser, desk, ann):
    other = desk.patient("Anne", "Lee")
    browser.open(f"/patients/{other}")
    browser.follow("Merge with another record")
    browser.send("Look up", q="ann lee")

    browser.send("Compare", q="ann lee", patient_id=ann, look_up=None)

    assert "Anne Lee Ann Lee" in browser.text
    assert "it takes over: birth date, phone, e-mail." in browser.text
    assert "This cannot be undone." in browser.text
    assert len(desk.get("/api/patients").json["items"]) == 2


def test_one_record_is_not_merged_with_itself(browser, ann):
    browser.open(f"/patients/{ann}/merge?patient_id={ann}")

    browser.send("Merge for good")

    assert browser.status == 422
    assert "“ This one goes into it ” must be another patient." in browser.text


def test_who_has_visits_at_the_same_time_is_not_one_person(browser, desk, ann, twin):
    desk.book(patient_id=ann)
    desk.book(patient_id=twin)
    browser.open(f"/patients/{ann}/merge?patient_id={twin}")

    browser.send("Merge for good")

    assert browser.status == 409
    assert "visits at the same time: Mar 3, 2026, 9:00" in browser.text


# Giving out, removing, erasing


def test_everything_is_given_out_as_a_file(browser, desk, ann):
    visit = desk.book(patient_id=ann)
    browser.open(f"/patients/{ann}")

    browser.send("Give out everything")

    assert browser.answer.headers["Content-Disposition"] == (
        f'attachment; filename="patient-{ann}.json"'
    )
    record = json.loads(browser.answer.data)
    assert record["patient"]["email"] == "ann@example.org"
    assert [each["id"] for each in record["appointments"]] == [visit["id"]]


def test_who_was_registered_by_mistake_is_removed(browser, desk, ann):
    browser.open(f"/patients/{ann}")

    browser.send("Remove for good")

    assert browser.path == "/patients"
    assert desk.get(f"/api/patients/{ann}").status_code == 404


def test_who_had_a_visit_meanwhile_stays(browser, desk, ann):
    browser.open(f"/patients/{ann}")
    visit = desk.book(patient_id=ann)

    page = browser.send("Remove for good")

    assert browser.status == 409
    assert page.select_one("[role=alert] a")["href"] == f"/visits/{visit['id']}"
    assert desk.get(f"/api/patients/{ann}").status_code == 200


def test_who_has_visits_is_not_offered_to_be_removed(browser, desk, ann):
    desk.book(patient_id=ann)

    browser.open(f"/patients/{ann}")

    assert "Remove" not in browser.text


@pytest.mark.parametrize("typed", ["Lee", " lee ", "LEE"])
def test_what_is_personal_is_erased_by_the_last_name(browser, desk, ann, typed):
    browser.open(f"/patients/{ann}")
    browser.follow("Erase")

    browser.send("Erase for good", last_name=typed)

    assert browser.path == f"/patients/{ann}"
    assert "Somebody who was erased" in browser.text
    assert "Ann" not in browser.text
    assert "Book a visit" not in browser.text
    assert desk.get(f"/api/patients/{ann}").json["email"] is None


@pytest.mark.parametrize("typed", ["", "Ray", "Ann"])
def test_another_name_erases_nobody(browser, desk, ann, typed):
    browser.open(f"/patients/{ann}/erase")

    browser.send("Erase for good", last_name=typed)

    assert browser.status == 422
    assert "must be the last name" in browser.text.lower()
    assert desk.get(f"/api/patients/{ann}").json["first_name"] == "Ann"


def test_whoever_is_still_to_come_is_not_erased(browser, desk, ann):
    visit = desk.book(patient_id=ann)
    browser.open(f"/patients/{ann}/erase")

    page = browser.send("Erase for good", last_name="Lee")

    assert browser.status == 409
    assert page.select_one("[role=alert] a")["href"] == f"/visits/{visit['id']}"


def test_who_was_erased_is_not_erased_again(browser, ann):
    browser.open(f"/patients/{ann}/erase")
    browser.send("Erase for good", last_name="Lee")

    browser.open(f"/patients/{ann}/erase")

    assert "Everything personal was erased on Mar 2, 2026" in browser.text
    assert browser.page.find("button", class_="danger") is None


def test_who_was_erased_is_not_changed(browser, ann):
    browser.open(f"/patients/{ann}/erase")
    browser.send("Erase for good", last_name="Lee")
    token = browser.token()

    browser.post(f"/patients/{ann}/change", {"form": token, **EVE})

    assert browser.status == 409
    assert "was erased, and stays so" in browser.text


# Who may


def test_a_doctor_sees_their_own_patients_alone(doctor_of, desk, ann):
    doctor = doctor_of(desk.book(patient_id=ann))
    other = desk.patient("Bob", "Ray")

    assert names(doctor.open("/patients")) == ["Ann Lee"]
    assert "Register" not in doctor.text
    doctor.follow("Ann Lee")
    for hidden in ("Book a visit", "Send a form", "Add to", "Change", "The record"):
        assert hidden not in doctor.text
    doctor.open(f"/patients/{other}")
    assert doctor.status == 403


def test_a_doctor_without_patients_is_told_why(doctor_of, desk):
    doctor = doctor_of({"doctor_id": desk.doctor()})

    doctor.open("/patients")

    assert "Whoever has a visit with you is found here." in doctor.text
    doctor.open("/patients?q=zorro")
    assert "Register them" not in doctor.text


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        pytest.param(Role.DOCTOR, "/patients/new", 403, id="a doctor registers"),
        pytest.param(Role.DOCTOR, "/patients/{}/change", 403, id="a doctor changes"),
        pytest.param(Role.DOCTOR, "/patients/{}/merge", 403, id="a doctor merges"),
        pytest.param(Role.DOCTOR, "/patients/{}/erase", 403, id="a doctor erases"),
        pytest.param(Role.ADMIN, "/patients/{}/change", 200, id="reception changes"),
        pytest.param(Role.ADMIN, "/patients/{}/merge", 200, id="reception merges"),
        pytest.param(Role.ADMIN, "/patients/{}/erase", 403, id="reception erases"),
        pytest.param(Role.ADMIN, "/patients/{}/history", 403, id="reception audits"),
    ],
)
def test_a_page_that_leads_to_what_somebody_may_not_do_is_refused(
    open_browser, desk, ann, role, page, status
):
    browser, _ = open_browser(role, desk.signed_in.clinic)

    browser.open(page.format(ann))

    assert browser.status == status


def test_reception_is_not_shown_what_only_owners_may(open_browser, desk, ann):
    browser, _ = open_browser(Role.ADMIN, desk.signed_in.clinic)

    browser.open(f"/patients/{ann}")

    assert "Give out everything" in browser.text
    assert "Erase" not in browser.text
    assert "Who did what" not in browser.text


@pytest.mark.parametrize("deed", DEEDS)
def test_a_doctor_does_nothing_to_a_record(doctor_of, desk, ann, deed):
    doctor = doctor_of(desk.book(patient_id=ann))
    doctor.open(f"/patients/{ann}")
    wish = {"form": doctor.token(), "duplicate_id": desk.patient(), **EVE}

    doctor.post(f"/patients/{ann}/{deed}", wish)

    assert doctor.status == 403
    assert desk.get(f"/api/patients/{ann}").json["version"] == 1


@pytest.mark.parametrize("page", PAGES)
def test_another_clinics_patient_is_not_there(browser, open_desk, page):
    theirs = open_desk().patient()

    for patient_id in (theirs, UNKNOWN):
        browser.open(f"/patients/{patient_id}{page}")

        assert browser.status == 404


@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_is_done_to_another_clinics_patient(browser, open_desk, deed):
    other = open_desk()
    theirs = other.patient()
    browser.open("/patients/new")

    browser.post(
        f"/patients/{theirs}/{deed}",
        {"form": browser.token(), **EVE},
    )

    assert browser.status in (404, 422)
    assert "Ann" not in browser.text
    assert other.get(f"/api/patients/{theirs}").json["version"] == 1


@pytest.mark.parametrize("deed", DEEDS)
def test_a_form_without_its_secret_does_nothing(browser, desk, ann, deed):
    browser.post(f"/patients/{ann}/{deed}", EVE)

    assert browser.status == 403
    assert desk.get(f"/api/patients/{ann}").json["version"] == 1


def test_a_stranger_has_to_sign_in(stranger, desk, ann):
    stranger.open(f"/patients/{ann}")

    assert stranger.path == "/sign-in"
    assert stranger.answer.request.args["next"] == f"/patients/{ann}"


def test_looking_changes_nothing(browser, desk, ann, twin):
    before = desk.get("/api/patients").json

    for page in PAGES:
        browser.open(f"/patients/{ann}{page}")
        assert browser.status == 200
    browser.open(f"/patients/{ann}/merge?patient_id={twin}")

    assert desk.get("/api/patients").json == before


# Hostile text


@pytest.mark.parametrize("page", PAGES)
def test_what_a_name_says_is_only_read(browser, desk, page):
    patient_id = desk.patient(HOSTILE, "\u202eeel\u202c", phone="javascript:1")

    html = browser.open(f"/patients/{patient_id}{page}").decode()

    assert browser.status == 200
    assert "<script>alert" not in html
    assert "49" not in browser.text
    assert 'href="javascript' not in html
    assert page == "/erase" or HOSTILE in browser.text


def test_what_is_looked_for_is_only_read(browser):
    browser.open("/patients")

    html = browser.send("Look up", q=f'"{HOSTILE}').decode()

    assert "<script>alert" not in html
    assert f'“"{HOSTILE}”' in browser.text
