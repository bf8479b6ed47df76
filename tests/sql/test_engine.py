from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from clinicflow_core.errors import StoreBusyError
from clinicflow_core.ports import PageRequest
from clinicflow_core.sql.engine import BUSY_SECONDS, make_engine
from clinicflow_core.sql.store import SqlStore
from tests.builders import OpenClinic, open_clinic, span
from tests.sql.conftest import at_the_server, path_of


def end_connections(store: SqlStore) -> None:
    """Have PostgreSQL end every connection of *store*."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    at_the_server(
        store,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}",
    )
    count = f"SELECT count(*) FROM pg_stat_activity WHERE {others}"
    while at_the_server(store, count) != [(0,)]:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("foreign_keys", 1),
        ("busy_timeout", BUSY_SECONDS * 1000),
        ("journal_mode", "wal"),
        ("synchronous", 2),
    ],
)
def test_sqlite_is_set_up_on_every_connection(
    pragma: str, value: object, sqlite_url: str
) -> None:
    engine = make_engine(sqlite_url)

    for _ in range(2):
        with engine.connect() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
        engine.dispose()


def test_every_transaction_on_sqlite_takes_the_write_lock_first(
    sqlite_store: SqlStore,
) -> None:
    clinic = open_clinic(sqlite_store)

    with (
        clinic.uow,
        closing(sqlite3.connect(path_of(sqlite_store), timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_the_write_lock_is_given_back(sqlite_store: SqlStore) -> None:
    clinic = open_clinic(sqlite_store)
    with clinic.uow:
        pass

    with closing(sqlite3.connect(path_of(sqlite_store), timeout=0)) as other:
        other.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TimeZone", "UTC"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "1min"),
        ("transaction_isolation", "read committed"),
    ],
)
def test_postgresql_is_set_up(
    setting: str, value: str, postgres_store: SqlStore
) -> None:
    with postgres_store.engine.connect() as connection:
        assert connection.scalar(text(f"SHOW {setting}")) == value


@pytest.mark.parametrize(
    "name", ["postgresql", "postgresql+psycopg", "postgresql+asyncpg"]
)
def test_postgresql_is_reached_by_psycopg_whatever_the_url_says(
    name: str, postgres_url: str
) -> None:
    engine = make_engine(f"{name}:{postgres_url.partition(':')[2]}")

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
        assert engine.driver == "psycopg"
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://localhost/clinicflow", "must be for sqlite or postgresql, not mysql"),
        ("clinicflow.db", "is no database URL"),
        ("", "is no database URL"),
    ],
)
def test_another_database_is_refused(url: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make_engine(url)


def test_a_url_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="database URL") as refused:
        make_engine("postgresql//clinicflow:s3cret@localhost")

    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("count", [1, 4])
def test_a_connection_that_died_while_idle_is_noticed(
    count: int, postgres_store: SqlStore
) -> None:
    clinic = open_clinic(postgres_store)
    idle = [postgres_store.engine.connect() for _ in range(count)]
    for connection in idle:
        connection.close()

    end_connections(postgres_store)

    for _ in range(count + 1):
        with clinic.uow as uow:
            assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_a_connection_that_died_at_work_ends_only_that_act(
    postgres_store: SqlStore,
) -> None:
    clinic = open_clinic(postgres_store)

    with pytest.raises(StoreBusyError):
        clinic.commit(
            lambda uow: end_connections(postgres_store),
            lambda uow: uow.doctors.get(clinic.doctor.id),
        )

    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_a_connection_that_died_before_the_commit_ends_only_that_act(
    postgres_store: SqlStore,
) -> None:
    clinic = open_clinic(postgres_store)

    with pytest.raises(StoreBusyError):
        clinic.commit(
            lambda uow: uow.appointments.add(clinic.visit()),
            lambda uow: uow.events.of(clinic.id),  # The visit has travelled by now.
            lambda uow: end_connections(postgres_store),
        )

    with clinic.uow as uow:
        diary = uow.diaries.read([clinic.doctor.id], [], span("00:00-23:00"))
        assert diary.busy == ()


def test_a_connection_that_died_before_the_block_was_left_is_no_trouble(
    postgres_store: SqlStore,
) -> None:
    clinic = open_clinic(postgres_store)

    with clinic.uow as uow:
        uow.appointments.add(clinic.visit())
        uow.events.of(clinic.id)  # The visit has travelled by now.
        end_connections(postgres_store)

    with clinic.uow as uow:
        diary = uow.diaries.read([clinic.doctor.id], [], span("00:00-23:00"))
        assert diary.busy == ()


def test_who_gets_no_connection_in_time_is_told_that_the_store_is_busy(
    postgres_url: str,
) -> None:
    store = SqlStore(make_engine(postgres_url, pool_size=1))
    store.engine.pool._timeout = 0.01
    clinic = open_clinic(store)

    with (
        clinic.unit_of_work(),
        clinic.unit_of_work(),
        pytest.raises(StoreBusyError),
        clinic.unit_of_work(),
    ):
        pytest.fail("Both connections are taken.")

    with clinic.unit_of_work():
        pass
    store.close()


def test_connections_are_as_many_as_the_pool_is_for(postgres_url: str) -> None:
    store = SqlStore(make_engine(postgres_url, pool_size=1))
    clinic = open_clinic(store)
    with clinic.unit_of_work(), clinic.unit_of_work():
        pass

    mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    store.engine.dispose()
    with clinic.unit_of_work():
        assert at_the_server(store, mine) == [(2,)]  # This one, and the one that asks.
    store.close()


def test_what_is_logged_of_statements_holds_no_values(
    clinic: OpenClinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sqlalchemy")
    engine = clinic.store.engine
    engine.echo = True

    with clinic.unit_of_work() as uow:
        uow.patients.page(["zebediah"], PageRequest())
        uow.origins.known("patient", ["zebediah"])

    assert "SELECT" in caplog.text
    assert "zebediah" not in caplog.text
    engine.echo = False


def test_what_goes_wrong_with_a_statement_shows_no_values(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as refused, engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM nowhere WHERE x = :x"), {"x": "Zoe"})

    assert "Zoe" not in str(refused.value)
