"""What is wrong with a form is told in the words of its page, whichever page it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest
from bs4 import BeautifulSoup, Tag

from clinicflow_core.memory import MemoryStore
from clinicflow_flask.pages.refusals import as_page
from clinicflow_flask.pages.site import PAGES
from tests.builders import Watch
from tests.flask.desk import Desk
from tests.flask.pages.browser import Browser

PLACE = re.compile(r"{([a-z_]+)}")
OF_A_DOCUMENT = "/settings/questionnaires/new"
"""Its complaints are of places in a document that somebody wrote elsewhere."""

SHOWN = [
    page.path
    for page in PAGES
    if page.method == "GET" and "{token}" not in page.path and not page.polls
]
FORMS = [
    *(path for path in SHOWN if path != OF_A_DOCUMENT),
    "/intake/send?patient_id={patient_id}",
]
WRONG = ("", "x", "-1", "y" * 3000)
"""What nobody can mean by most fields, and for each field something that is wrong."""

PICKED = ("checkbox", "radio")
RITA = {
    "name": "Rita Reception",
    "email": "rita@example.org",
    "role": "admin",
    "password": "correct horse battery",
}


@pytest.fixture
def store(watch: Watch) -> MemoryStore:
    """What is asked here never comes as far as a database."""
    return MemoryStore(watch)


@pytest.fixture
def ids(desk: Desk) -> Mapping[str, str]:
    """Return what the pages are about, by the names in their paths."""
    patient_id = desk.patient()
    visit = desk.book(patient_id=patient_id)
    read = desk.submit(desk.send_form(patient_id=patient_id))
    assert desk.post(f"/api/intake/forms/{read['id']}/summary").status_code == 200
    return {
        "patient_id": patient_id,
        "doctor_id": visit["doctor_id"],
        "appointment_id": visit["id"],
        "form_id": desk.send_form(patient_id=patient_id)["id"],
        "read_form_id": read["id"],
        "questionnaire_id": desk.questionnaire(),
        "user_id": desk.post("/api/users", RITA).json["id"],
    }


def path_of(shown: str, ids: Mapping[str, str]) -> str:
    shown = shown.replace("{form_id}/summary", "{read_form_id}/summary")
    return PLACE.sub(lambda found: ids.get(found[1], "2026-03-03"), shown)


def forms_to_fill_in(page: BeautifulSoup) -> list[Tag]:
    fields = "input:not([type=hidden]), select, textarea"
    return [form for form in page.select("main form") if form.select(fields)]


def filled_with(form: Tag, value: str) -> dict[str, str]:
    """Return what *form* sends once all that can be filled in says *value*."""
    data = {}
    for each in form.select("[name]:not(button, [type=search])"):
        if each.get("type") == "hidden":
            data.setdefault(str(each["name"]), str(each.get("value", "")))
        elif each.name == "select":
            # A browser sends nothing that cannot be chosen.
            data[str(each["name"])] = str(each.option["value"]) if value else ""
        elif value or each.get("type") not in PICKED:
            data[str(each["name"])] = value
    return data


def send(browser: Browser, form: Tag, data: Mapping[str, str]) -> None:
    path = str(form.get("action") or browser.path).partition("#")[0]
    if form.get("method") == "post":
        browser.post(path, data)
    else:
        browser.open(f"{path}?{urlencode(data)}")


def complaints_on(page: BeautifulSoup) -> Iterator[tuple[str, Tag | None]]:
    for each in page.select(".complaint li"):
        yield " ".join(each.get_text().split()), each.a


def names_on(page: BeautifulSoup) -> set[str]:
    """Return what the page calls its fields."""
    called = page.select("label, legend, h2, th")
    texts = (" ".join(each.get_text().split()) for each in called)
    return {text.removesuffix(" (optional)") for text in texts}


def faults_of(page: BeautifulSoup) -> Iterator[str]:
    """Yield each complaint that does not lead to a field by its name on the page."""
    names = names_on(page)
    for text, link in complaints_on(page):
        if link is None:
            yield f"leads nowhere: {text}"
        elif page.find(id=str(link["href"]).removeprefix("#")) is None:
            yield f"leads to no place of the page: {text}"
        elif not any(name.startswith(link.get_text()) for name in names):
            yield f"is by no name of the page: {text}"
        elif re.search(r"\w_\w", text):
            yield f"tells a name of the record: {text}"


@pytest.mark.slow  # Not each of them; there are many.
@pytest.mark.parametrize("shown", FORMS)
def test_each_complaint_leads_to_its_field_by_the_name_on_the_page(browser, ids, shown):
    path = path_of(shown, ids)
    faults = set()

    for number, first in enumerate(forms_to_fill_in(browser.open(path))):
        count = 0
        for value in WRONG:
            # What was done is not offered again.
            for form in forms_to_fill_in(browser.open(path))[number : number + 1]:
                send(browser, form, filled_with(form, value))
                faults |= set(faults_of(browser.page))
                count += len(list(complaints_on(browser.page)))
        if first.get("method") == "post" and not count:
            faults.add(f"complains of nothing: {first['action']}")

    assert faults == set()


@pytest.mark.parametrize(
    ("path", "button", "name", "typed", "told"),
    [
        pytest.param(
            "/patients/new",
            "Register",
            "email",
            "ann",
            "Is not an e-mail address.",
            id="a line",
        ),
        pytest.param(
            "/waitlist/join",
            "Add to the waitlist",
            "weekdays",
            ["someday"],
            "Must be one of: monday, tuesday, wednesday, thursday, friday, saturday, "
            "sunday.",
            id="boxes",
        ),
        pytest.param(
            "/waitlist/join",
            "Add to the waitlist",
            "patient_id",
            None,
            "Is required.",
            id="a patient",
        ),
        pytest.param(
            "/settings/users/new",
            "Open the account",
            "role",
            None,
            "Is required.",
            id="buttons",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_field_too(
    browser, path, button, name, typed, told
):
    browser.open(path)

    page = browser.send(button, **{name: typed})

    assert page.find(id=f"{name}-wrong").get_text() == told
    assert page.find(id=name)["aria-describedby"] == f"{name}-wrong"


# Somebody else was faster


@pytest.mark.parametrize(
    ("shown", "button", "name", "act", "theirs", "mine"),
    [
        pytest.param(
            "/settings",
            "Keep",
            "name",
            ("PATCH", "/api/clinic", {}),
            "Oak",
            "Elm",
            id="the clinic",
        ),
        pytest.param(
            "/settings/policy",
            "Keep the rules",
            "slot_step",
            ("PUT", "/api/clinic/scheduling-policy", {}),
            10,
            20,
            id="its rules",
        ),
        pytest.param(
            "/settings/users/{user_id}",
            "Keep",
            "name",
            ("PATCH", "/api/users/{user_id}", {}),
            "Rita R.",
            "Rita",
            id="an account",
        ),
        pytest.param(
            "/settings/doctors/{doctor_id}",
            "Keep the details",
            "name",
            ("PATCH", "/api/doctors/{doctor_id}", {}),
            "Dr. Oak",
            "Dr. Elm",
            id="a doctor",
        ),
        pytest.param(
            "/patients/{patient_id}/change",
            "Keep",
            "phone",
            ("PATCH", "/api/patients/{patient_id}", {}),
            "0200",
            "0300",
            id="a patient",
        ),
        pytest.param(
            "/visits/{appointment_id}",
            "Move it",
            "start_time",
            (
                "POST",
                "/api/appointments/{appointment_id}/reschedule",
                {"date": "2026-03-03"},
            ),
            "10:00",
            "11:00",
            id="a visit",
        ),
        pytest.param(
            "/intake/{form_id}/summary/edit",
            "Keep it",
            "summary_text",
            ("PATCH", "/api/intake/forms/{read_form_id}/summary", {}),
            "Theirs.",
            "Mine.",
            id="a summary",
        ),
    ],
)
def test_what_somebody_else_changed_is_shown_before_it_is_written_over(
    browser, desk, ids, shown, button, name, act, theirs, mine
):
    path = path_of(shown, ids)
    method, place, besides = act
    browser.open(path)
    answer = desk.request(method, path_of(place, ids), json={**besides, name: theirs})
    assert answer.status_code == 200, answer.json

    page = browser.send(button, **{name: str(mine)})

    assert browser.status == 412
    assert "Somebody else changed this meanwhile" in browser.text
    assert typed_in(page, name) == str(mine)
    assert page.find(id=f"{name}-now").get_text() == f"By now: {theirs}."
    assert [each["id"] for each in page.select("[id$='-now']")] == [f"{name}-now"]
    browser.send(button)
    assert browser.status == 200
    assert typed_in(browser.open(path), name) == str(mine)


def typed_in(page: BeautifulSoup, name: str) -> str:
    field = page.find(id=name)
    return str(field.get("value") or field.get_text().strip())


def test_who_was_told_of_another_mistake_has_not_seen_it(browser, desk, ids):
    browser.open("/settings")
    browser.send("Keep", name="")
    desk.patch("/api/clinic", {"name": "Oak"})

    browser.send("Keep", name="Elm")

    assert browser.status == 412
    assert desk.get("/api/clinic").json["name"] == "Oak"


# What is refused


@pytest.mark.parametrize(
    ("path", "status", "heading", "told"),
    [
        ("/nowhere", 404, "That is not there", "The address leads nowhere."),
        ("/visits/{user_id}", 404, "That is not there", "There is no appointment."),
        ("/waitlist?status=x", 422, "That does not fit", "cannot be."),
        ("/sign-out", 405, "That is no page to look at", "Only a button leads there."),
        ("/day?" + "x" * 9000, 414, "That is too long", "The address is longer"),
    ],
)
def test_what_cannot_be_shown_is_told_without_ids_and_names_of_programs(
    browser, ids, path, status, heading, told
):
    page = browser.open(path_of(path, ids))

    assert browser.status == status
    assert page.h1.get_text() == heading
    assert told in page.select_one("[role=alert]").get_text()
    assert page.title.get_text().startswith(heading)


def test_what_went_wrong_here_is_told_with_the_id_that_the_log_has(app):
    id_ = "043afc8b-1111-4222-8333-444455556666"

    with app.test_request_context("/day", headers={"Accept": "text/html"}):
        page = as_page(500, f"The log knows it as {id_}.")

    assert page is not None
    assert id_ in page.get_data(as_text=True)
    assert "Something went wrong" in page.get_data(as_text=True)
