from __future__ import annotations

import re
from datetime import date
from uuid import uuid4

import attrs
import pytest

from clinicflow_core.entities.ids import SessionId, UserId
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
from clinicflow_core.entities.user import Role
from clinicflow_flask.pages import doctors, questionnaires, users
from clinicflow_flask.pages import settings as settings_pages
from clinicflow_flask.pages.settings import DURATIONS, RULES, closures, countries
from tests.builders import PASSWORD
from tests.flask.desk import UNKNOWN, Desk
from tests.flask.pages.browser import Browser

PAGES = (
    *settings_pages.PAGES,
    *doctors.PAGES,
    *users.PAGES,
    *questionnaires.PAGES,
)
SHOWN = [page.path for page in PAGES if page.method == "GET"]
SENT = [page.path for page in PAGES if page.method == "POST"]
HOSTILE = "<script>alert(1)</script>{{7*7}}"
A_NEW_PASSWORD = "staple battery horse"


def anywhere(path: str) -> str:
    """Return *path* for records that are not there, on some days."""
    days = re.sub(r"{(on|first|last)}", "2026-03-02", path)
    return re.sub(r"{\w+}", UNKNOWN, days)


def sent(browser: Browser, path: str, **data: object) -> int:
    """Return the status of what is answered to a form that is ours."""
    browser.open("/settings/account")
    browser.post(path, {"form": browser.token(), **data})
    return browser.status


def clinic(desk: Desk) -> dict:
    return desk.get("/api/clinic").json


def policy(desk: Desk) -> dict:
    return desk.get("/api/clinic/scheduling-policy").json


# Who comes in


@pytest.mark.parametrize("path", SHOWN)
def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(stranger, path):
    stranger.open(anywhere(path))

    assert stranger.path == "/sign-in"
    assert stranger.page.find("input", {"name": "next"})["value"] == anywhere(path)


@pytest.mark.parametrize("path", SENT)
def test_no_form_counts_that_is_not_ours(browser, path):
    browser.open("/settings/account")

    for forged in ({}, {"form": ""}, {"form": "x" * 32}):
        browser.post(anywhere(path), forged)

        assert browser.status == 403
        assert "This form is too old, or was not ours" in browser.text


@pytest.mark.parametrize("path", [p for p in SHOWN if "_id}" in p])
def test_what_is_not_there_or_elsewhere_is_not_found(browser, path):
    browser.open(anywhere(path))

    assert browser.status == 404


OWNERS_ALONE = [
    "/settings",
    "/settings/policy",
    "/settings/closed-days",
    "/settings/closed-days/2026-03-02/2026-03-02/open",
    "/settings/closed-days/2026-03-02/2026-03-02/close",
    "/settings/users",
    f"/settings/users/{UNKNOWN}",
    f"/settings/users/{UNKNOWN}/close",
    f"/settings/users/{UNKNOWN}/open",
]
NOT_FOR_DOCTORS = [
    "/settings/doctors",
    f"/settings/doctors/{UNKNOWN}/dated-hours/2026-03-02/weekly",
    f"/settings/doctors/{UNKNOWN}/time-off/{UNKNOWN}/give-back",
]
FORM = {
    "name": "X",
    "first": "2026-03-02",
    "email": "x@example.org",
    "role": "admin",
    "password": A_NEW_PASSWORD,
}


@pytest.mark.parametrize(
    ("role", "path"),
    [
        *((role, path) for role in (Role.ADMIN, Role.DOCTOR) for path in OWNERS_ALONE),
        *((Role.DOCTOR, path) for path in NOT_FOR_DOCTORS),
    ],
)
def test_what_a_role_may_not_do_is_refused(open_browser, desk, role, path):
    browser, _ = open_browser(role, desk.signed_in.clinic)

    assert sent(browser, path, **FORM) == 403
    assert "Your role does not include" in browser.text


@pytest.mark.parametrize(
    ("role", "path", "may"),
    [
        (Role.ADMIN, "/settings/users", True),
        (Role.ADMIN, "/settings/users/new", False),
        (Role.ADMIN, "/settings/doctors/new", True),
        (Role.ADMIN, "/settings/questionnaires/new", True),
        (Role.DOCTOR, "/settings/users", False),
        (Role.DOCTOR, "/settings/doctors", True),
        (Role.DOCTOR, "/settings/doctors/new", False),
        (Role.DOCTOR, "/settings/questionnaires", True),
        (Role.DOCTOR, "/settings/questionnaires/new", False),
        (Role.DOCTOR, "/settings/account", True),
    ],
)
def test_a_role_sees_the_forms_of_what_it_may_do(open_browser, role, path, may):
    browser, _ = open_browser(role)

    browser.open(path)

    assert browser.status == (200 if may else 403)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_others_than_owners_read_the_clinic_and_its_rules(open_browser, desk, role):
    browser, _ = open_browser(role, desk.signed_in.clinic)

    for path in ("/settings", "/settings/policy"):
        page = browser.open(path)

        assert page.main.find("button") is None
        assert "Only an owner changes these." in browser.text


# The clinic


def test_an_owner_says_what_the_clinic_is(browser, desk):
    browser.open("/settings")

    browser.send(
        "Keep",
        name="Oak",
        timezone="Europe/London",
        clinic_type="dental",
        clinic_size="2-5",
        ai_summaries="no",
    )

    assert (browser.status, browser.path) == (200, "/settings")
    assert "The clinic is as you set it." in browser.text
    kept = clinic(desk)
    assert kept["name"] == "Oak"
    assert kept["timezone"] == "Europe/London"
    assert kept["clinic_type"] == "dental"
    assert kept["clinic_size"] == "2-5"
    assert kept["ai_summaries"] is False


def test_what_is_emptied_is_given_up(browser, desk):
    desk.patch("/api/clinic", {"clinic_type": "dental", "clinic_size": "solo"})
    browser.open("/settings")

    browser.send("Keep", clinic_type="", clinic_size="")

    assert clinic(desk)["clinic_type"] is None
    assert clinic(desk)["clinic_size"] is None


def test_the_clinics_other_facts_outlast_a_way_of_writing(browser, desk):
    desk.patch("/api/clinic", {"clinic_metadata": {"phone": "1234"}})
    browser.open("/settings")

    browser.send("Keep", locale="en_GB")
    written = browser.text
    browser.send("Keep", locale="")

    assert "Now: Monday, 2 March 2026, 15:05." in written
    assert "Now: Monday, March 2, 2026, 3:05" in browser.text
    assert clinic(desk)["clinic_metadata"] == {"phone": "1234"}


def test_a_way_of_writing_is_kept_and_no_other_than_is_known(browser, desk):
    browser.open("/settings")

    browser.send("Keep", locale="en_GB")
    kept = clinic(desk)["clinic_metadata"]
    browser.send("Keep", locale="../en")

    assert kept == {"locale": "en_GB"}
    assert clinic(desk)["clinic_metadata"] == {}


def test_each_way_of_writing_is_shown_by_an_example(browser):
    page = browser.open("/settings")

    shown = [o.get_text() for o in page.find(id="locale").find_all("option")]
    assert shown[0] == "The country of the time zone"
    assert "United Kingdom: 2 Mar 2026, 15:05" in shown
    assert "United States: Mar 2, 2026, 3:05\u202fPM" in shown


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param({"timezone": "Mars/Base"}, "is not an IANA time zone", id="zone"),
        pytest.param({"name": " "}, "must not be blank", id="no name"),
        pytest.param({"name": ""}, "must not be blank", id="empty name"),
        pytest.param({"clinic_size": "huge"}, "must be one of", id="size"),
    ],
)
def test_a_clinic_that_cannot_be_is_told_with_what_was_typed(
    browser, desk, typed, complaint
):
    before = clinic(desk)
    browser.open("/settings")

    page = browser.send("Keep", **{"clinic_type": "typed by hand", **typed})

    assert browser.status == 422
    assert complaint in browser.text
    assert page.find(id="clinic_type")["value"] == "typed by hand"
    assert page.find(id=next(iter(typed)))["aria-invalid"] == "true"
    assert clinic(desk) == before


def test_what_somebody_else_made_of_the_clinic_can_be_left_as_it_is(browser, desk):
    browser.open("/settings")
    desk.patch("/api/clinic", {"name": "Oak"})

    browser.send("Keep", name="Elm")
    page = browser.follow("Leave it as it is now")

    assert page.find(id="name")["value"] == clinic(desk)["name"] == "Oak"


def test_what_a_new_time_zone_does_is_told(browser):
    browser.open("/settings")

    assert "Another zone counts for visits that are booked from then on" in browser.text


def test_a_hostile_name_is_a_name(browser, desk):
    desk.patch("/api/clinic", {"name": HOSTILE, "clinic_type": HOSTILE[:50]})

    page = browser.open("/settings")

    assert page.find(id="name")["value"] == HOSTILE
    assert all(script.has_attr("src") for script in page.find_all("script"))
    assert HOSTILE in page.title.get_text()
    assert "49" not in page.title.get_text()


# The rules of booking


def test_each_rule_of_a_policy_is_asked_for(browser, desk):
    asked = {rule.name for rule in RULES}

    beside = {"default_durations", "closed_days", "public_holidays"}
    assert asked | beside == {each.name for each in attrs.fields(SchedulingPolicy)}
    of_doctors = {rule.name for rule in RULES if not rule.only_clinic}
    of_a_doctor = {each.name for each in attrs.fields(DoctorPolicy)}
    assert of_doctors | {"default_durations"} == of_a_doctor


def test_an_owner_sets_the_rules_of_booking(browser, desk):
    rules = {
        "slot_step": 20,
        "buffer_before": 5,
        "buffer_after": 10,
        "min_notice": 60,
        "max_horizon_days": 90,
        "daily_limit": 25,
        "cancellation_cutoff": 1440,
        "offer_minutes": 30,
    }
    browser.open("/settings/policy")

    browser.send(
        "Keep the rules",
        **{name: str(value) for name, value in rules.items()},
        **{f"default_durations.{each.value}": "45" for each in DURATIONS},
        public_holidays__country="US",
        public_holidays__region="NY",
    )

    assert (browser.status, browser.path) == (200, "/settings/policy")
    assert policy(desk) == {
        **rules,
        "default_durations": {"new-patient": 45, "follow-up": 45},
        "closed_days": [],
        "public_holidays": {"country": "US", "region": "NY"},
    }


def test_rules_stay_as_they_are_if_nobody_changes_them(browser, desk):
    kept = {
        "slot_step": 30,
        "max_horizon_days": 0,
        "default_durations": {"new-patient": 50},
        "closed_days": ["2026-12-25"],
        "public_holidays": {"country": "DE", "region": None},
    }
    desk.put("/api/clinic/scheduling-policy", kept)
    before = policy(desk)
    browser.open("/settings/policy")

    browser.send("Keep the rules")

    assert policy(desk) == before


@pytest.mark.parametrize(
    ("typed", "place", "complaint"),
    [
        pytest.param(
            {"slot_step": "7"},
            "slot_step",
            "must divide a day of 1440 minutes evenly",
            id="no step",
        ),
        pytest.param({"min_notice": "soon"}, "min_notice", "whole number", id="a word"),
        pytest.param({"buffer_before": "-1"}, "buffer_before", "between", id="under 0"),
        pytest.param(
            {"public_holidays__country": "US", "public_holidays__region": "Mars"},
            "public_holidays",
            "whose holidays are known",
            id="no region",
        ),
        pytest.param(
            {"default_durations__follow-up": "0"},
            "default_durations",
            "between",
            id="no duration",
        ),
    ],
)
def test_rules_that_cannot_be_are_told(browser, desk, typed, place, complaint):
    before = policy(desk)
    browser.open("/settings/policy")

    page = browser.send("Keep the rules", **typed)

    assert browser.status == 422
    assert complaint in browser.text
    [link] = page.select(".complaint a")
    assert link["href"] == f"#{place}"
    assert page.find(id=place) is not None
    assert policy(desk) == before


def test_the_countries_are_those_whose_holidays_are_known():
    known = dict(countries())

    assert known["US"] == "United States"
    assert "001" not in known
    assert [name for _, name in countries()] == sorted(known.values())


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        pytest.param([], [], id="none"),
        pytest.param([24], [(24, 24)], id="one"),
        pytest.param([24, 25, 26], [(24, 26)], id="in a row"),
        pytest.param([1, 24, 25, 31], [(1, 1), (24, 25), (31, 31)], id="with gaps"),
    ],
)
def test_closed_days_in_a_row_are_one_stretch(days, shown):
    found = closures([date(2026, 12, day) for day in days])

    assert [(first.day, last.day) for first, last in found] == shown


def test_an_owner_closes_the_clinic_for_some_days_and_takes_it_back(browser, desk):
    desk.put("/api/clinic/scheduling-policy", {"slot_step": 30})
    browser.open("/settings/policy")

    browser.send("Close the clinic", first="2026-12-24", last="2026-12-26")
    closed = policy(desk)
    told = browser.text
    browser.send("Undo")

    assert closed["closed_days"] == ["2026-12-24", "2026-12-25", "2026-12-26"]
    assert closed["slot_step"] == 30
    assert "Dec 24, 2026 to Dec 26, 2026" in told
    assert "The clinic is open then." in browser.text
    assert policy(desk)["closed_days"] == []


def test_days_that_were_closed_before_are_not_opened_by_an_undo(browser, desk):
    desk.put("/api/clinic/scheduling-policy", {"closed_days": ["2026-12-25"]})
    browser.open("/settings/policy")

    browser.send("Close the clinic", first="2026-12-24", last="2026-12-26")

    assert not browser.page.find("button", string="Undo")
    assert len(policy(desk)["closed_days"]) == 3


def test_an_owner_opens_the_clinic_again_and_takes_it_back(browser, desk):
    days = ["2026-07-04", "2026-12-25"]
    desk.put("/api/clinic/scheduling-policy", {"closed_days": days})
    browser.open("/settings/policy")

    browser.send("Open again on Dec 25, 2026")
    opened = policy(desk)["closed_days"]
    browser.send("Undo")

    assert opened == ["2026-07-04"]
    assert policy(desk)["closed_days"] == days


def test_what_was_closed_before_is_not_opened_by_taking_a_closure_back(browser, desk):
    desk.put("/api/clinic/scheduling-policy", {"closed_days": ["2026-12-25"]})
    browser.open("/settings/policy")

    browser.send("Close the clinic", first="2026-12-24", last="2026-12-26")

    assert "The clinic is closed then." in browser.text
    assert "Undo" not in browser.text


def test_one_day_can_be_closed_that_is_closed_already(browser, desk):
    desk.put("/api/clinic/scheduling-policy", {"closed_days": ["2026-12-25"]})
    browser.open("/settings/policy")

    browser.send("Close the clinic", first="2026-12-25")

    assert policy(desk)["closed_days"] == ["2026-12-25"]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param("2026-12-26", "2026-12-24", id="ends before it begins"),
        pytest.param("2026-01-01", "2027-02-05", id="401 days"),
        pytest.param("0001-01-01", "9999-12-31", id="for ever"),
        pytest.param("", "2026-12-24", id="without a beginning"),
        pytest.param("christmas", "", id="no day"),
    ],
)
def test_days_that_cannot_be_closed_are_told(browser, desk, first, last):
    browser.open("/settings/policy")

    page = browser.send("Close the clinic", first=first, last=last)

    assert browser.status == 422
    [link] = page.select(".complaint a")
    assert link["href"] in ("#first", "#last")
    assert policy(desk)["closed_days"] == []


def test_more_closed_days_than_can_be_kept_are_told(browser, desk):
    browser.open("/settings/policy")
    browser.send("Close the clinic", first="2026-01-01", last="2026-12-31")

    page = browser.send("Close the clinic", first="2028-01-01", last="2028-03-01")

    assert browser.status == 422
    assert "“ Closed days ” must have at most 400 items" in browser.text
    assert page.find(id=page.select_one(".complaint a")["href"][1:]).name == "h2"
    assert len(policy(desk)["closed_days"]) == 365


# One's own account


def test_somebody_sees_who_they_are_and_what_they_may_do(open_browser):
    browser, desk = open_browser(Role.DOCTOR)

    browser.open("/settings/account")

    assert desk.signed_in.user.email in browser.text
    assert "Edit and sign summaries" in browser.text
    assert "Book visits" not in browser.text


def test_a_new_password_signs_out_everywhere_else(app, browser, desk):
    other = Browser.started(app)
    other.open("/sign-in")
    other.send("Sign in", email=desk.signed_in.user.email, password=PASSWORD)
    browser.open("/settings/account")

    browser.send(
        "Change the password", current_password=PASSWORD, new_password=A_NEW_PASSWORD
    )

    assert (browser.status, browser.path) == (200, "/settings/account")
    assert "You have a new password" in browser.text
    other.open("/settings/account")
    assert other.path == "/sign-in"
    other.send("Sign in", email=desk.signed_in.user.email, password=A_NEW_PASSWORD)
    assert other.path == "/settings/account"


@pytest.mark.parametrize(
    ("current", "new", "complaint"),
    [
        pytest.param("another one", A_NEW_PASSWORD, "not the current", id="not theirs"),
        pytest.param(PASSWORD, "short", "at least 12 bytes", id="too short"),
        pytest.param(PASSWORD, "", "is required", id="none"),
    ],
)
def test_a_password_that_cannot_be_is_told_and_not_shown(
    browser, current, new, complaint
):
    browser.open("/settings/account")

    page = browser.send(
        "Change the password", current_password=current, new_password=new
    )

    assert browser.status == 422
    assert complaint in browser.text
    assert {each["value"] for each in page.find_all("input", type="password")} == {""}


def test_who_guesses_the_current_password_waits(browser):
    for _ in range(12):
        browser.open("/settings/account")
        browser.send(
            "Change the password",
            current_password="a guess of mine",
            new_password=A_NEW_PASSWORD,
        )

    assert browser.status == 429
    assert "Too many tries; wait" in browser.text


def test_who_comes_through_google_alone_has_no_password_to_change(app, store, desk):
    entrance = store.entrance()
    with entrance:
        user = attrs.evolve(
            desk.signed_in.user,
            id=UserId(uuid4()),
            email="gina@example.org",
            password_hash=None,
            google_id="g-1",
        )
        by_google = attrs.evolve(
            desk.signed_in.session,
            id=SessionId(uuid4()),
            user_id=user.id,
            refresh_id=uuid4(),
        )
        entrance.add_user(user)
        entrance.add_session(by_google)
        entrance.commit()
    signed_in = attrs.evolve(desk.signed_in, session=by_google, user=user)
    browser = Browser.started(app, attrs.evolve(desk, signed_in=signed_in))

    page = browser.open("/settings/account")

    assert "You sign in through Google" in browser.text
    assert page.find("input", type="password") is None
