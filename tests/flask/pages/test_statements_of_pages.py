"""Each page takes a fixed number of statements, whatever is on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest
from attrs import frozen

from clinicflow_core.entities.user import Role
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_flask import create_app
from clinicflow_flask.pages.site import PAGES
from tests.builders import Watch
from tests.flask.desk import NOW, Desk
from tests.flask.pages.browser import Browser
from tests.flask.test_statements import recorded

MOST = 31
"""The most that any page takes: some have several acts, of three to eight each."""


@pytest.fixture
def sql_store(database_url) -> Iterator[SqlStore]:
    with closing(open_store(database_url, Watch(NOW))) as store:
        yield store


PLACE = re.compile(r"{([a-z_]+)}")
SHOWN = [page for page in PAGES if page.method == "GET" and not page.is_public]
QUERIES = {
    "/week/{of}": "?doctor_id={doctor_id}",
    "/week/{of}/board": "?doctor_id={doctor_id}",
    "/book": "?doctor_id={doctor_id}",
    "/patients": "?q=lee",
    "/patients/choose": "?q=lee",
    "/dashboard": "?from=2026-03-01&to=2026-03-31",
    "/intake/send": "?patient_id={patient_id}",
}
"""What a page is asked besides, for more to be on it."""


WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b")
NOTED = re.compile("patient_id|form_id")
"""Whoever reads a patient's page is noted in the trail; no other page writes."""

POLLED = {page.path for page in PAGES if page.polls}
"""Nobody reads what a browser asks for by itself."""


@frozen
class Filled:
    """A clinic with something in it; *ids* name what a page is about."""

    desk: Desk
    ids: Mapping[str, str]

    def pages(self) -> Iterator[tuple[str, str]]:
        """Yield each page for those who are signed in, with a path to it."""
        for page in SHOWN:
            path = PLACE.sub(lambda at: self.ids.get(at[1], "2026-03-03"), page.path)
            yield page.path, path
            if query := QUERIES.get(page.path):
                yield page.path + query, path + query.format(**self.ids)


def clinic_with(many: int, app, store) -> Filled:
    """Fill a clinic with *many* of everything, and all of it for one patient."""
    desk = Desk.opened(app, store, Role.OWNER, None)
    desk.questionnaire(name="asked")
    doctors = [desk.doctor(f"Dr. {n}") for n in range(many)]
    patients = [desk.patient(f"Ann{n}", "Lee") for n in range(many)]
    for number, doctor_id in enumerate(doctors):
        desk.book(doctor_id=doctor_id, patient_id=patients[number])
        visit = desk.book(
            doctor_id=doctor_id,
            patient_id=patients[0],
            date="2026-03-10",
            start_time=f"{9 + number:02}:00",
        )
        form = desk.send_form(patient_id=patients[0], appointment_id=visit["id"])
        desk.submit(form)
        desk.post(f"/api/intake/forms/{form['id']}/summary")
        desk.wait(patient_id=patients[number], doctor_id=doctor_id)
        desk.cancel(
            desk.book(
                doctor_id=doctor_id,
                patient_id=patients[0],
                date="2026-03-04",
                start_time=f"{9 + number:02}:00",
            )
        )
        day = {"date": f"2026-03-{20 + number}", "hours": []}
        desk.put(f"/api/doctors/{doctors[0]}/dated-hours", day)
        # Leaves that visit without its doctor.
        desk.take_time_off(doctor_id, "2026-03-10T08:00", "2026-03-10T18:00")
    ids = {
        "doctor_id": doctors[0],
        "patient_id": patients[0],
        "appointment_id": visit["id"],
        "form_id": form["id"],
        "user_id": str(desk.signed_in.user.id),
        "questionnaire_id": desk.questionnaire(name="one"),
    }
    return Filled(desk, ids)


def statements(app, store, clinic: Filled) -> dict[str, list[str]]:
    browser = Browser.started(app, clinic.desk)
    taken = {}
    for name, path in clinic.pages():
        browser.open(path)  # The first time prepares statements.
        with recorded(store.engine) as told:
            browser.open(path)
        assert browser.status == 200, (name, browser.text)
        taken[name] = list(told)
    return taken


def test_a_page_takes_as_many_statements_for_many_records_as_for_few(
    settings, sql_store
):
    app = create_app(settings, sql_store)
    few = statements(app, sql_store, clinic_with(2, app, sql_store))
    many = statements(app, sql_store, clinic_with(6, app, sql_store))

    counts = {name: len(told) for name, told in many.items()}
    assert {name: len(told) for name, told in few.items()} == counts
    assert max(counts.values()) <= MOST, counts
    # A day is read at once: who asks, the diary, the visits, the names.
    assert counts["/day/{on}/board"] <= 7
    if sql_store.engine.dialect.name == "sqlite":
        # PostgreSQL is told the names of prepared statements alone.
        writing = {name for name, told in many.items() if any(map(WRITES.search, told))}
        assert writing == set(filter(NOTED.search, many)) - POLLED


def test_a_statement_for_each_record_would_be_found(settings, sql_store):
    app = create_app(settings, sql_store)
    few, many = clinic_with(1, app, sql_store), clinic_with(3, app, sql_store)

    def one_by_one(clinic: Filled) -> int:
        desk = clinic.desk
        with recorded(sql_store.engine) as told:
            for visit in desk.get("/api/appointments").json["items"]:
                desk.get(f"/api/appointments/{visit['id']}")
        return len(told)

    assert one_by_one(many) > one_by_one(few)
