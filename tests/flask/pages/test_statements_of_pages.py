"""Each page takes a fixed number of statements, whatever is on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from clinicflow_core.entities.user import Role
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_flask import create_app
from tests.builders import Watch
from tests.flask.desk import NOW, Desk
from tests.flask.pages.browser import Browser
from tests.flask.test_statements import recorded

MOST = 30
"""The most that any page takes: some have several acts, of three to eight each."""


@pytest.fixture
def sql_store(database_url) -> Iterator[SqlStore]:
    with closing(open_store(database_url, Watch(NOW))) as store:
        yield store


def clinic_with(many: int, app, store) -> dict[str, str]:
    """Fill a clinic with *many* of everything; return the pages that show it."""
    desk = Desk.opened(app, store, Role.OWNER, None)
    doctors = [desk.doctor(f"Dr. {n}") for n in range(many)]
    patients = [desk.patient(f"Ann{n}", "Lee") for n in range(many)]
    visits = []
    for number, doctor_id in enumerate(doctors):
        patient_id = patients[number]
        visit = desk.book(doctor_id=doctor_id, patient_id=patient_id)
        desk.book(
            doctor_id=doctor_id,
            patient_id=patients[0],
            date="2026-03-10",
            start_time=f"{9 + number}:00".zfill(5),
        )
        form = desk.send_form(patient_id=patient_id, appointment_id=visit["id"])
        desk.submit(form)
        desk.wait(patient_id=patient_id, doctor_id=doctor_id)
        visits.append(visit)
    return {
        "desk": desk,
        "/day": "/day/2026-03-03",
        "/day/board": "/day/2026-03-03/board",
        "/week": "/week/2026-03-03",
        "/week of one": f"/week/2026-03-03?doctor_id={doctors[0]}",
        "/book": f"/book?doctor_id={doctors[0]}",
        "/visits": f"/visits/{visits[0]['id']}",
        "/patients": "/patients",
        "/patients?q": "/patients?q=lee",
        "/patients/id": f"/patients/{patients[0]}",
        "/patients/new": "/patients/new",
        "/waitlist": "/waitlist",
        "/intake": "/intake",
        "/intake/id": f"/intake/{form['id']}",
        "/dashboard": "/dashboard?from=2026-03-01&to=2026-03-31",
        "/settings": "/settings",
        "/settings/doctors": "/settings/doctors",
        "/settings/users": "/settings/users",
        "/settings/questionnaires": "/settings/questionnaires",
        "/settings/account": "/settings/account",
    }


def statements(app, store, pages) -> dict[str, int]:
    browser = Browser.started(app, pages.pop("desk"))
    taken = {}
    for name, path in pages.items():
        browser.open(path)  # The first time prepares statements.
        with recorded(store.engine) as told:
            browser.open(path)
        assert browser.status == 200, (name, browser.text)
        taken[name] = len(told)
    return taken


def test_a_page_takes_as_many_statements_for_many_records_as_for_few(
    settings, sql_store
):
    app = create_app(settings, sql_store)
    few = statements(app, sql_store, clinic_with(2, app, sql_store))
    many = statements(app, sql_store, clinic_with(6, app, sql_store))

    assert few == many
    assert max(many.values()) <= MOST, many
    # A day is read at once: who asks, the diary, the visits, the names.
    assert many["/day/board"] <= 7


def test_a_statement_for_each_record_would_be_found(settings, sql_store):
    app = create_app(settings, sql_store)
    few, many = clinic_with(1, app, sql_store), clinic_with(3, app, sql_store)

    def one_by_one(pages) -> int:
        desk = pages["desk"]
        with recorded(sql_store.engine) as told:
            for visit in desk.get("/api/appointments").json["items"]:
                desk.get(f"/api/appointments/{visit['id']}")
        return len(told)

    assert one_by_one(many) > one_by_one(few)
