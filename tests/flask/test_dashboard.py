from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from clinicflow_core.entities.user import Role
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_flask import create_app
from tests.builders import Watch
from tests.flask.desk import NOW, UNKNOWN, Desk, problem, wrong
from tests.flask.test_statements import recorded

FIGURES = "/api/dashboard/figures?from=2026-03-02&to=2026-03-08"
TODAY = "/api/dashboard/today"
ACTIVITY = "/api/dashboard/activity"


@pytest.fixture
def desk(app, store) -> Desk:
    return Desk.opened(app, store, Role.OWNER, None)


def csv_of(desk: Desk, query: str = "from=2026-03-02&to=2026-03-08") -> TestResponse:
    # Past `Desk.get`, which reads every answer as JSON.
    return desk.app.test_client().get(
        f"/api/dashboard/figures.csv?{query}",
        headers={"Authorization": f"Bearer {desk.token}"},
    )


def rows_of(response: TestResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(response.text, newline="")))


def test_figures_are_told_in_all_and_in_groups(desk):
    visit = desk.book(date="2026-03-03")
    desk.cancel(visit)

    told = desk.get(FIGURES).json

    assert (told["from"], told["to"]) == ("2026-03-02", "2026-03-08")
    assert told["total"]["visits"]["cancelled"] == 1
    assert told["total"]["cancellations"]["late_of_cancelled"]["rate"] == 0
    assert told["total"]["utilisation"]["share"]["of"] == 5 * 8 * 60
    assert [len(told[f"by_{group}"]) for group in ("doctor", "weekday", "day")] == [
        *(1, 7, 7)
    ]
    assert [hour["hour"] for hour in told["by_hour"]] == list(range(9, 17))


def test_figures_of_one_doctor_can_be_asked_for(desk):
    desk.book()
    other = desk.doctor("Dr. Omar Haddad")

    told = desk.get(f"{FIGURES}&doctor_id={other}").json

    assert told["doctor_id"] == other
    assert told["total"]["visits"]["booked"] == 0


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        pytest.param(
            "from=2026-03-02&to=2026-03-01", ["/to"], id="the wrong way round"
        ),
        pytest.param("from=2026-03-02&to=2027-03-03", ["/to"], id="more than a year"),
        pytest.param("from=1&to=2", ["/from", "/to"], id="no days"),
        pytest.param("from=1899-12-31", ["/from"], id="before the calendar"),
        pytest.param("doctor_id=chen&until=now", ["/doctor_id", "/until"], id="no id"),
    ],
)
@pytest.mark.parametrize("path", ["figures", "figures.csv"])
def test_what_cannot_be_counted_is_refused_where_it_is_wrong(
    desk, path, query, pointers
):
    told = wrong(desk.get(f"/api/dashboard/{path}?{query}"))

    assert told == [("query", pointer) for pointer in pointers]


@pytest.mark.parametrize("path", ["figures", "figures.csv"])
def test_a_doctor_who_is_not_there_is_not_found(desk, path):
    response = desk.get(f"/api/dashboard/{path}?doctor_id={UNKNOWN}")

    assert problem(response) == (404, "not-found")


def test_a_table_is_saved_as_a_file(desk):
    desk.book()

    response = csv_of(desk)

    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="figures-2026-03-02-2026-03-08.csv"'
    )
    [booked] = [
        row
        for row in rows_of(response)
        if (row["figure"], row["group"]) == ("booked", "total")
    ]
    assert (booked["value"], booked["of"]) == ("1", "")


@pytest.mark.parametrize("mark", ["=", "+", "-", "@"])
def test_a_doctors_name_is_no_formula_in_the_table(desk, mark):
    doctor_id = desk.doctor(f'{mark}HYPERLINK("http://evil.example")')

    rows = rows_of(csv_of(desk))

    assert {row["name"] for row in rows if row["key"] == doctor_id} == {
        f'\'{mark}HYPERLINK("http://evil.example")'
    }
    cells = [cell for row in rows for cell in row.values()]
    assert not any(cell.startswith(mark) and not is_number(cell) for cell in cells)


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_today_is_told_with_who_waits_and_who_comes(desk, watch):
    here = desk.book(date="2026-03-02", start_time="09:00")
    to_come = desk.book(date="2026-03-02", start_time="10:00")
    desk.post(f"/api/appointments/{here['id']}/arrive")

    told = desk.get(TODAY).json

    assert told["date"] == "2026-03-02"
    assert [visit["id"] for visit in told["waiting"]] == [here["id"]]
    assert told["waiting"][0]["patient_name"] == "Ann Lee"
    assert [visit["id"] for visit in told["next"]] == [to_come["id"]]
    assert told["figures"]["visits"]["booked"] == 2


def test_what_happened_is_told_page_by_page(desk):
    desk.book()

    first = desk.get(f"{ACTIVITY}?limit=1").json
    second = desk.get(f"{ACTIVITY}?limit=1&cursor={first['next']}").json

    assert [each["kind"] for each in first["items"] + second["items"]] == [
        "appointment.booked",
        "patient.registered",
    ]
    assert "reason" not in first["items"][0]


def test_a_cursor_of_another_list_is_refused(desk):
    told = wrong(desk.get(f"{ACTIVITY}?cursor=WyJ4Il0"))

    assert told == [("query", "/cursor")]


# How much is asked of the database


@pytest.fixture
def served(settings, database_url) -> Iterator[Callable[[int, int], Any]]:
    with closing(open_store(database_url, Watch(NOW))) as store:
        app = create_app(settings, store)

        def serve(doctors: int, visits: int) -> tuple[Desk, SqlStore]:
            desk = Desk.opened(app, store, Role.OWNER, None)
            for number in range(doctors):
                doctor_id = desk.doctor(f"Dr. {number}")
                desk.take_time_off(doctor_id, "2026-03-03T15:00", "2026-03-03T16:00")
                for hour in range(visits):
                    visit = desk.book(
                        doctor_id=doctor_id,
                        patient_id=desk.patient(),
                        date="2026-03-02",
                        start_time=f"{9 + hour:02}:00",
                    )
                    if hour == 0:
                        desk.post(f"/api/appointments/{visit['id']}/arrive")
            return desk, store

        yield serve


MOST = {FIGURES: 4, TODAY: 8, ACTIVITY: 3}
"""Who asks, and on PostgreSQL for which clinic; then calendars, visits, what is not
settled and what is not signed, and names; or events."""


@pytest.mark.parametrize("path", MOST)
def test_a_dashboard_takes_as_many_statements_for_many_as_for_few(served, path):
    taken = {}
    for doctors, visits in ((1, 1), (1, 6), (4, 6)):
        desk, store = served(doctors, visits)
        for asked in {path, path.replace("03-08", "04-08")}:
            desk.get(asked)  # Prepares its statements.
            with recorded(store.engine) as told:
                assert desk.get(asked).status_code == 200
            taken[doctors, visits, asked] = len(told)

    assert len(set(taken.values())) == 1, taken
    assert 2 <= taken[1, 1, path] <= MOST[path]


def test_the_table_takes_no_more_than_the_figures(served):
    desk, store = served(2, 2)
    csv_of(desk)

    with recorded(store.engine) as told:
        assert csv_of(desk).status_code == 200

    assert len(told) <= MOST[FIGURES]
