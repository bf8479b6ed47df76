from __future__ import annotations

import pytest

from clinicflow_core.entities.user import Role
from clinicflow_flask.pages.users import ROLES
from tests.flask.desk import PASSWORD, Desk
from tests.flask.pages.browser import Browser

HOSTILE = "<script>alert(1)</script>{{7*7}}"
A_NEW_PASSWORD = "staple battery horse"
RITA = {
    "name": "Rita Reception",
    "email": "rita@example.org",
    "role": "admin",
    "password": A_NEW_PASSWORD,
}


@pytest.fixture
def rita(desk) -> str:
    """The account of somebody at reception."""
    return add(desk)


def add(desk: Desk, **details: object) -> str:
    response = desk.post("/api/users", {**RITA, **details})
    assert response.status_code == 201, response.json
    return response.json["id"]


def accounts(desk: Desk) -> dict[str, dict]:
    return {each["email"]: each for each in desk.get("/api/users").json["items"]}


def user(desk: Desk, user_id: str) -> dict:
    return desk.get(f"/api/users/{user_id}").json


def path_of(user_id: str, part: str = "") -> str:
    return f"/settings/users/{user_id}{part}"


def signed_in_as(browser: Browser, email: str, password: str) -> bool:
    browser.open("/sign-in?next=/settings/account")
    browser.send("Sign in", email=email, password=password)
    return browser.path == "/settings/account"


def test_each_role_is_explained():
    assert set(ROLES) == set(Role)


def test_the_list_says_who_is_what_and_with_whose_diary(browser, desk, rita):
    chen = desk.doctor()
    add(desk, name="Sarah", email="s@example.org", role="doctor", doctor_id=chen)
    add(desk, name="Tom", email="t@example.org", role="doctor")
    desk.patch(f"/api/users/{rita}", {"status": "inactive"})

    page = browser.open("/settings/users")

    assert [row.get_text(" ", strip=True) for row in page.select("tbody tr")] == [
        f"Olive Owner you Owner {desk.signed_in.user.email} open",
        "Rita Reception Reception rita@example.org closed",
        "Sarah Doctor Dr. Sarah Chen s@example.org open",
        "Tom Doctor no diary yet t@example.org open",
    ]
    browser.follow("Dr. Sarah Chen")
    assert browser.path == f"/settings/doctors/{chen}"


def test_a_long_list_goes_on_on_another_page(browser, desk, rita):
    browser.open("/settings/users?limit=1")
    browser.follow("More accounts")

    assert "Rita Reception" in browser.text


def test_no_cursor_of_another_list_is_followed(browser):
    browser.open("/settings/users?cursor=e30")

    assert browser.status == 422


def test_an_account_is_opened_and_signs_in(browser, desk, stranger):
    browser.open("/settings/users/new")

    browser.send("Open the account", **RITA)

    assert browser.path == "/settings/users"
    assert "Rita" not in browser.page.find(role="status").get_text()
    assert accounts(desk)["rita@example.org"]["role"] == "admin"
    assert signed_in_as(stranger, "rita@example.org", A_NEW_PASSWORD)


def test_a_doctors_account_gets_their_diary_and_no_other_role_does(browser, desk):
    chen = desk.doctor()

    for email, role in (("s@example.org", "doctor"), ("r@example.org", "admin")):
        browser.open("/settings/users/new")
        browser.send(
            "Open the account",
            **{**RITA, "email": email, "role": role, "doctor_id": chen},
        )

    assert accounts(desk)["s@example.org"]["doctor_id"] == chen
    assert accounts(desk)["r@example.org"]["doctor_id"] is None


def test_a_form_that_is_sent_twice_opens_one_account(browser, desk):
    page = browser.open("/settings/users/new")
    once = page.find("input", {"name": "once"})["value"]
    form = {"form": browser.token(), "once": once, **RITA}

    for _ in range(2):
        browser.post("/settings/users", form)

        assert (browser.status, browser.path) == (200, "/settings/users")
    assert len(accounts(desk)) == 2


@pytest.mark.parametrize(
    ("typed", "status", "complaint"),
    [
        pytest.param({"email": "no"}, 422, "is not an e-mail address", id="e-mail"),
        pytest.param({"role": None}, 422, "is required", id="no role"),
        pytest.param({"role": "king"}, 422, "must be one of", id="another role"),
        pytest.param({"password": "short"}, 422, "at least 12", id="password"),
        pytest.param({"password": "password1234"}, 422, "too common", id="common"),
        pytest.param(
            {"email": "taken@example.org"}, 409, "exists already", id="e-mail taken"
        ),
    ],
)
def test_an_account_that_cannot_be_is_told(browser, desk, typed, status, complaint):
    add(desk, email="taken@example.org")
    browser.open("/settings/users/new")

    page = browser.send("Open the account", **{**RITA, **typed})

    assert browser.status == status
    assert complaint in browser.text
    assert page.find(id="name")["value"] == "Rita Reception"
    # A password is not sent back, right or wrong.
    assert page.find(id="password")["value"] == ""
    assert set(accounts(desk)) == {desk.signed_in.user.email, "taken@example.org"}


def test_an_account_is_changed(browser, desk, rita):
    chen = desk.doctor()
    browser.open(path_of(rita))

    browser.send(
        "Keep", name="Rita R.", email="r@example.org", role="doctor", doctor_id=chen
    )

    assert browser.path == "/settings/users"
    kept = user(desk, rita)
    assert (kept["name"], kept["email"]) == ("Rita R.", "r@example.org")
    assert (kept["role"], kept["doctor_id"]) == ("doctor", chen)


def test_who_is_a_doctor_no_more_has_no_diary(browser, desk):
    chen = desk.doctor()
    sarah = add(desk, role="doctor", doctor_id=chen)
    browser.open(path_of(sarah))

    browser.send("Keep", role="admin")

    kept = user(desk, sarah)
    assert (kept["role"], kept["doctor_id"]) == ("admin", None)


def test_an_account_stays_as_it_is_if_nobody_changes_it(browser, desk):
    sarah = add(desk, role="doctor", doctor_id=desk.doctor())
    before = user(desk, sarah)
    browser.open(path_of(sarah))

    browser.send("Keep")

    changing = {"version", "updated_at"}
    after = user(desk, sarah)
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        pytest.param({"name": ""}, "must not be blank", id="no name"),
        pytest.param({"email": ""}, "is not an e-mail address", id="no e-mail"),
        pytest.param({"role": ""}, "must be one of", id="no role"),
    ],
)
def test_what_an_account_needs_cannot_be_emptied(browser, desk, rita, typed, complaint):
    before = user(desk, rita)
    browser.open(path_of(rita))

    browser.send("Keep", **typed)

    assert browser.status == 422
    assert complaint in browser.text
    assert user(desk, rita) == before


def test_what_somebody_else_made_of_a_role_is_told_beside_it(browser, desk, rita):
    browser.open(path_of(rita))
    desk.patch(f"/api/users/{rita}", {"role": "owner"})

    page = browser.send("Keep", role="doctor")

    assert browser.status == 412
    assert page.select_one("#role [checked]")["value"] == "doctor"
    assert page.find(id="role-now").get_text() == "By now: Owner."
    assert page.find(id="role")["aria-describedby"] == "role-now"


@pytest.mark.parametrize(
    ("button", "typed"), [("Keep", {"role": "admin"}), ("Yes, close it", {})]
)
def test_the_last_owner_stays_and_is_told_the_way_out(browser, desk, button, typed):
    browser.open(path_of(desk.signed_in.user.id))

    browser.send(button, **typed)

    assert browser.status == 409
    assert "Make somebody else an owner first." in browser.text
    assert user(desk, desk.signed_in.user.id)["role"] == "owner"


def test_a_closed_account_is_signed_out_at_once_and_can_be_opened_again(
    browser, desk, rita, stranger
):
    assert signed_in_as(stranger, "rita@example.org", A_NEW_PASSWORD)
    browser.open(path_of(rita))

    browser.send("Yes, close it")
    stranger.open("/settings/account")
    was_signed_out = stranger.path == "/sign-in"
    closed = user(desk, rita)["status"]
    browser.send("Undo")

    assert was_signed_out
    assert closed == "inactive"
    assert user(desk, rita)["status"] == "active"
    browser.send("Undo")
    browser.open(path_of(rita))
    browser.send("Open it again")
    assert signed_in_as(stranger, "rita@example.org", A_NEW_PASSWORD)


def test_who_forgot_the_password_gets_a_new_one_and_is_signed_out(
    browser, desk, rita, stranger
):
    assert signed_in_as(stranger, "rita@example.org", A_NEW_PASSWORD)
    browser.open(path_of(rita))

    browser.send("Set the password", password=PASSWORD)

    assert "signed out everywhere" in browser.text
    stranger.open("/settings/account")
    assert stranger.path == "/sign-in"
    assert signed_in_as(stranger, "rita@example.org", PASSWORD)


def test_a_new_password_for_somebody_is_as_strong_as_any(browser, rita):
    browser.open(path_of(rita))

    browser.send("Set the password", password="short")

    assert browser.status == 422
    assert "at least 12 bytes" in browser.text


def test_ones_own_password_is_changed_with_the_current_one(browser, desk):
    page = browser.open(path_of(desk.signed_in.user.id))

    assert page.main.find("input", type="password") is None
    browser.post(
        path_of(desk.signed_in.user.id, "/password"),
        {"form": browser.token(), "password": A_NEW_PASSWORD},
    )
    assert browser.status == 422
    browser.open(path_of(desk.signed_in.user.id))
    browser.page.main.find("a", href="/settings/account")


def test_reception_sees_accounts_and_changes_none(open_browser, desk, rita):
    browser, _ = open_browser(Role.ADMIN, desk.signed_in.clinic)

    page = browser.open("/settings/users")
    assert "Open an account" not in browser.text
    page = browser.open(path_of(rita))

    assert "rita@example.org" in browser.text
    assert page.main.find("form") is None


@pytest.mark.parametrize("part", ["", "/password", "/close", "/open"])
def test_another_clinics_account_is_not_found(browser, open_desk, part):
    other = open_desk()
    browser.open("/settings/account")

    form = {"form": browser.token(), "password": A_NEW_PASSWORD, "name": "Eve"}
    browser.post(path_of(other.signed_in.user.id, part), form)

    assert browser.status == 404
    assert user(other, other.signed_in.user.id)["version"] == 1
    browser.open(path_of(other.signed_in.user.id))
    assert browser.status == 404


def test_a_hostile_name_is_a_name(browser, desk):
    eve = add(desk, name=HOSTILE, email="{{7*7}}@example.org")

    for path in ("/settings/users", path_of(eve)):
        page = browser.open(path)

        assert HOSTILE in browser.text
        assert all(script.has_attr("src") for script in page.find_all("script"))


def test_no_one_is_named_in_a_notice_or_a_title(browser, desk, rita):
    browser.open(path_of(rita))

    assert "Rita" not in browser.page.title.get_text()
    browser.send("Yes, close it")
    assert "Rita" not in browser.page.find(role="status").get_text()
