"""How many statements a search for openings takes, counted where they leave us."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from attrs import frozen
from sqlalchemy import Engine, event, insert, text

from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.user import Role
from clinicflow_core.sql.engine import add_functions, make_engine
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_core.sql.tables import appointments
from clinicflow_flask import create_app
from tests.builders import Watch
from tests.flask.desk import NOW, Desk
from tests.postgres import as_owner
from tests.sql.conftest import path_of
from tests.sql.test_plans import looked_at, nodes

MOST = 4
"""Who asks and for which clinic, their calendars, and what is taken; on PostgreSQL
the clinic is told to its wall besides."""

_OF_THE_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")


@contextmanager
def recorded(engine: Engine) -> Iterator[list[str]]:
    """Yield the statements that reach the driver meanwhile, in order."""
    told: list[str] = []

    def hear(script: str) -> None:
        # Several travel together to PostgreSQL; no value in here holds a semicolon.
        parts = (part.strip() for part in script.split(";"))
        told.extend(p for p in parts if p and not p.startswith(_OF_THE_TRANSACTION))

    class Recording(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            hear(query.decode() if isinstance(query, bytes) else str(query))
            return super().execute(query, *args, **kwargs)

        def executemany(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("would be many statements in one call")

    def listen(driver: Any, *_: object) -> None:
        if engine.dialect.name == "sqlite":
            driver.set_trace_callback(hear)
        else:
            driver.cursor_factory = Recording

    def leave(driver: Any, *_: object) -> None:
        if engine.dialect.name == "sqlite":
            driver.set_trace_callback(None)
        else:
            driver.cursor_factory = psycopg.Cursor

    event.listen(engine, "checkout", listen)
    event.listen(engine, "checkin", leave)
    yield told
    event.remove(engine, "checkout", listen)
    event.remove(engine, "checkin", leave)


@frozen
class Served:
    """A clinic whose doctors all have a calendar with something in it."""

    desk: Desk
    store: SqlStore
    patient_id: str
    doctor_ids: tuple[str, ...]

    def statements(self, path: str) -> list[str]:
        """Return what is asked of the database for *path*, the second time."""
        self.desk.get(path)
        with recorded(self.store.engine) as told:
            response = self.desk.get(path)
        assert response.status_code == 200
        assert all(doctor_id in response.text for doctor_id in self.doctor_ids)
        return told


@pytest.fixture
def served(settings, database_url) -> Iterator[Callable[[int], Served]]:
    with closing(open_store(database_url, Watch(NOW))) as store:
        app = create_app(settings, store)

        def serve(doctors: int) -> Served:
            desk = Desk.opened(app, store, Role.OWNER, None)
            patient = desk.patient()
            doctor_ids = tuple(desk.doctor(f"Dr. {n}") for n in range(doctors))
            for number, doctor_id in enumerate(doctor_ids):
                desk.book(
                    doctor_id=doctor_id,
                    patient_id=patient,
                    start_time=f"{9 + number // 2:02}:{number % 2 * 30:02}",
                )
                desk.take_time_off(doctor_id, "2026-03-03T15:00", "2026-03-03T16:00")
                day = {
                    "date": "2026-03-04",
                    "hours": [{"start": "10:00", "end": "12:00"}],
                }
                desk.put(f"/api/doctors/{doctor_id}/dated-hours", day)
            return Served(desk, store, patient, doctor_ids)

        yield serve


def by_name(clinic: Served) -> str:
    return "".join(f"&doctor_id={doctor_id}" for doctor_id in clinic.doctor_ids)


def test_openings_take_as_many_statements_for_all_as_for_one(served):
    taken = {}
    for doctors in (1, 10):
        clinic = served(doctors)
        for last in ("2026-03-03", "2026-04-01"):
            days = f"from=2026-03-03&to={last}&weekday=tuesday&duration=120"
            path = f"/api/schedule/availability?{days}"
            for who in ("", by_name(clinic)):
                taken[doctors, last, bool(who)] = len(clinic.statements(path + who))

    assert len(set(taken.values())) == 1, taken
    assert 2 <= taken[1, "2026-03-03", False] <= MOST


@pytest.mark.parametrize(
    "path", ["/api/schedule/next?from=2026-03-03&count=50", "/api/schedule/week"]
)
def test_so_do_the_next_openings_and_a_week(served, path):
    few, many = (len(served(doctors).statements(path)) for doctors in (1, 10))

    assert few == many <= MOST + 3  # A week shows visits, names and red flags.


def test_a_statement_for_each_doctor_would_be_found(served):
    def one_by_one(clinic: Served) -> int:
        session = clinic.desk.signed_in.session
        with recorded(clinic.store.engine) as told:
            uow = clinic.store.unit_of_work(session.clinic_id, session.id)
            with uow:
                for doctor_id in clinic.doctor_ids:
                    uow.doctors.get(DoctorId(UUID(doctor_id)))
        return len(told)

    few, many = served(1), served(10)
    one_by_one(few)  # Prepares its statements.

    assert one_by_one(many) == one_by_one(few) + 9 > MOST


# What was booked long ago, or elsewhere

A_MONTH = "/api/schedule/availability?from=2026-03-03&to=2026-04-01&duration=240"
A_FULL_MONTH = A_MONTH.replace("-03-03", "-06-03").replace("-04-01", "-07-02")
DAYS_BEFORE, DAYS_AFTER = 1500, 500


def history(clinic: Served) -> Iterator[dict[str, object]]:
    """Yield 2,000 visits of each doctor: one a day, years before and after March."""
    last, first = datetime(2026, 2, 20), datetime(2026, 5, 1)
    days = [
        *(last - timedelta(days=n) for n in range(DAYS_BEFORE)),
        *(first + timedelta(days=n) for n in range(DAYS_AFTER)),
    ]
    for number, doctor_id in enumerate(clinic.doctor_ids):
        for day in days:
            start = day.replace(hour=14 + number // 2, minute=number % 2 * 30)
            yield {
                "id": uuid4(),
                "clinic_id": clinic.desk.signed_in.clinic.id,
                "doctor_id": UUID(doctor_id),
                "patient_id": UUID(clinic.patient_id),
                "date": day.date(),
                "start_time": time(9),
                "end_time": time(9, 30),
                "starts_at": start.replace(tzinfo=UTC),
                "ends_at": start.replace(tzinfo=UTC) + timedelta(minutes=30),
            }


@pytest.fixture
def years_pass(database_url) -> Callable[..., None]:
    """Fills the diaries of clinics with 100,000 visits, past all that is ours."""

    def fill(*clinics: Served) -> None:
        engine = make_engine(as_owner(database_url))
        rows = [row for clinic in clinics for row in history(clinic)]
        assert len(rows) == 100_000
        with engine.begin() as connection:
            connection.execute(insert(appointments), rows)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as owner:
            owner.execute(text("ANALYZE"))
        engine.dispose()

    return fill


@pytest.mark.slow
def test_a_month_of_openings_costs_no_more_for_a_long_history(served, years_pass):
    clinic, others = served(10), [served(10) for _ in range(4)]
    work = steps_of if clinic.store.engine.dialect.name == "sqlite" else rows_of
    before = work(clinic, A_MONTH)

    years_pass(clinic, *others)

    assert before > 0
    assert work(clinic, A_MONTH) <= before * 1.1
    clinic.store.engine.dispose()  # Plans anew, knowing how much there is.
    assert work(clinic, A_MONTH) <= before * 1.1
    # What is in the way is looked at, or the count could not grow.
    assert work(clinic, A_FULL_MONTH) > before * 2


def rows_of(clinic: Served, path: str) -> int:
    """Return how many visits PostgreSQL looks at."""
    told = clinic.statements(path)
    with closing(clinic.store.engine.raw_connection()) as borrowed:
        # Where they are prepared: the pool gives out what came back last.
        driver: Any = borrowed.driver_connection
        driver.autocommit = True
        plans = []
        with driver.transaction():
            for statement in told:
                driver.execute(statement, prepare=False)
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                [[found]] = driver.execute(explain, prepare=False).fetchone()
                plans.append(found["Plan"])
    assert any("appointments" in str(plan) for plan in plans)
    return sum(looked_at(node) for plan in plans for node in nodes(plan))


def steps_of(clinic: Served, path: str) -> int:
    """Return how many steps SQLite takes, having seen that it goes by an index."""
    told = clinic.statements(path)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(sqlite3.connect(path_of(clinic.store))) as connection:
        add_functions(connection)
        of_visits = [statement for statement in told if "appointments" in statement]
        assert of_visits
        for statement in of_visits:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            looks = [detail for *_, detail in plan if " appointments " in detail]
            assert looks
            for detail in looks:
                assert "USING INDEX ix_appointments_" in detail, plan
                assert "starts_at>? AND starts_at<?" in detail, plan
        connection.set_progress_handler(step, 1)
        for statement in told:
            connection.execute(statement).fetchall()
    return steps
