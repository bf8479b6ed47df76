from __future__ import annotations

import sqlite3
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Engine, text

from clinicflow_core.desk import booking
from clinicflow_core.errors import (
    BookingConflictError,
    ClinicFlowError,
    ContentionError,
    EmailTakenError,
    GoogleTakenError,
    SchemaNotCurrentError,
    StoreBusyError,
    StoreDamagedError,
    StoreForbidsError,
    StoreFullError,
)
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.sql.refusals import told_apart
from clinicflow_core.sql.store import SqlStore
from tests.builders import NOW, OpenClinic, open_clinic, patient, span, user
from tests.postgres import PostgresServer, as_owner
from tests.sql.conftest import (
    OpenStore,
    at_the_server,
    connected,
    path_of,
    say_first,
)

SECRET = "Zebediah Quill"


def told(error: BaseException) -> str:
    """Return all that a log would show of *error*, causes included."""
    return "".join(traceback.format_exception(error)) + repr(error.args)


@pytest.mark.parametrize("driver", ["through SQLAlchemy", "past it"])
@pytest.mark.parametrize(
    ("state", "constraint", "error", "refusal"),
    [
        ("23P01", "ex_appointments_doctor", ContentionError, BookingConflictError),
        ("23P01", "ex_appointments_patient", ContentionError, BookingConflictError),
        ("23505", "uq_users_email_key", EmailTakenError, None),
        ("23505", "ix_users_google_id", GoogleTakenError, None),
        ("23505", "pk_patients", ContentionError, StoreBusyError),
        ("23503", "fk_doctors_clinic_id", ContentionError, StoreBusyError),
        ("40001", "", ContentionError, StoreBusyError),
        ("40P01", "", ContentionError, StoreBusyError),
        ("42P01", "", SchemaNotCurrentError, None),
        ("42703", "", SchemaNotCurrentError, None),
        ("3F000", "", SchemaNotCurrentError, None),
        ("42501", "", StoreForbidsError, None),
        ("53100", "", StoreFullError, None),
        ("53300", "", StoreBusyError, None),
        ("55P03", "", StoreBusyError, None),
        ("57014", "", StoreBusyError, None),
        ("57P01", "", StoreBusyError, None),
        ("08006", "", StoreBusyError, None),
        ("23514", "ck_users_role", RuntimeError, None),
        ("22001", "", RuntimeError, None),
    ],
)
def test_what_postgresql_says_is_told_without_its_words(
    driver: str,
    state: str,
    constraint: str,
    error: type[Exception],
    refusal: type[Exception] | None,
    shared_postgres: Engine,
) -> None:
    statement = (
        f"DO $$ BEGIN RAISE EXCEPTION '{SECRET}' USING ERRCODE = '{state}', "
        f"CONSTRAINT = '{constraint}', DETAIL = '{SECRET}', HINT = '{SECRET}'; END $$"
    )

    def ask() -> None:
        with told_apart(), shared_postgres.connect() as connection:
            if driver == "past it":
                connection.connection.driver_connection.execute(statement)
            connection.execute(text(statement))

    with pytest.raises(error) as refused:
        ask()

    assert SECRET not in told(refused.value)
    assert SECRET not in str(refused.value)
    if refusal is not None:
        assert type(refused.value.refusal) is refusal


def test_a_mistake_of_ours_is_not_taken_for_the_databases() -> None:
    with pytest.raises(ZeroDivisionError), told_apart():
        _ = 1 / 0


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        pytest.param(
            f"INSERT INTO users (id, clinic_id, email, email_key, name, role, "
            f"password_hash) VALUES ('{SECRET}', '', '', '', '', 'boss', '')",
            RuntimeError,
            id="a check",
        ),
        pytest.param(
            f"INSERT INTO users (id) VALUES ('{SECRET}')",
            RuntimeError,
            id="not null",
        ),
        pytest.param(
            f"INSERT INTO patients (id, clinic_id, first_name, last_name) "
            f"VALUES ('{SECRET}', 'nobody', '', '')",
            ContentionError,
            id="a foreign key",
        ),
        pytest.param(
            "SELECT * FROM nowhere", SchemaNotCurrentError, id="no such table"
        ),
        pytest.param(
            "SELECT shoe_size FROM patients", SchemaNotCurrentError, id="no such column"
        ),
    ],
)
def test_what_sqlite_says_is_told_without_its_words(
    statement: str, error: type[Exception], sqlite_store: SqlStore
) -> None:
    def ask() -> None:
        with told_apart(), sqlite_store.engine.begin() as connection:
            connection.execute(text(statement))

    with pytest.raises(error) as refused:
        ask()

    assert SECRET not in told(refused.value)


def test_a_database_that_is_locked_is_busy(sqlite_store: SqlStore) -> None:
    clinic = open_clinic(sqlite_store)
    say_first(sqlite_store.engine, "PRAGMA busy_timeout = 10")

    with closing(sqlite3.connect(path_of(sqlite_store))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError), clinic.uow:
            pytest.fail("Somebody else writes.")

    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_a_row_that_is_locked_for_too_long_is_busy(postgres_store: SqlStore) -> None:
    clinic = open_clinic(postgres_store)
    say_first(postgres_store.engine, "SET lock_timeout = '10ms'")
    who = [clinic.doctor.id], [clinic.patient.id]

    with clinic.unit_of_work() as first, clinic.unit_of_work() as second:
        first.diaries.hold(*who, span("09:00-10:00"))
        with pytest.raises(StoreBusyError):
            second.diaries.hold(*who, span("09:00-10:00"))

    with clinic.uow as uow:
        assert uow.diaries.hold(*who, span("09:00-10:00")).busy == ()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///clinicflow?host=/nonexistent",
        "postgresql://127.0.0.1:1/clinicflow",
        "sqlite:////nonexistent/clinicflow.db",
    ],
)
def test_a_database_that_is_away_is_busy(url: str, open_: OpenStore) -> None:
    with pytest.raises(StoreBusyError) as refused, open_(url).entrance():
        pytest.fail("There is no such database.")

    assert "nonexistent" not in told(refused.value).split("clinicflow_core")[-1]


@pytest.mark.slow
def test_a_server_that_goes_away_and_comes_back_is_busy_between(
    open_: OpenStore,
) -> None:
    from clinicflow_core.sql import migration

    with PostgresServer() as server:
        url = server.create_database("away")
        migration.upgrade(url)
        clinic = open_clinic(open_(url))

        server.stop()
        with pytest.raises(StoreBusyError), clinic.uow:
            pytest.fail("The server is away.")
        server.start()

        with clinic.uow as uow:
            assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_a_file_that_is_no_database_is_damaged(
    sqlite_url: str, open_: OpenStore
) -> None:
    store = open_(sqlite_url)
    path_of(store).write_bytes(b"This is no database." * 1000)

    with pytest.raises(StoreDamagedError), store.entrance():
        pytest.fail("There is no database in the file.")


def test_a_full_disk_is_told_and_nothing_is_half_done(sqlite_store: SqlStore) -> None:
    clinic = open_clinic(sqlite_store)
    with sqlite_store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    say_first(sqlite_store.engine, f"PRAGMA max_page_count = {pages + 2}")
    crowd = [patient(f"Pat {'long' * 20}") for _ in range(300)]

    with pytest.raises(StoreFullError):
        clinic.commit(*(lambda uow, p=each: uow.patients.add(p) for each in crowd))

    with clinic.uow as uow:
        assert uow.patients.named([each.id for each in crowd]) == {}
        assert len(uow.patients.named([clinic.patient.id])) == 1
    clinic.commit(lambda uow: uow.patients.add(patient()))


@pytest.mark.parametrize("act", ["entrance", "unit_of_work"])
def test_a_database_without_a_schema_is_not_current(
    act: str, empty_database_url: str, clinic: OpenClinic, open_: OpenStore
) -> None:
    store = open_(empty_database_url)

    def ask() -> object:
        if act == "entrance":
            with store.entrance() as entrance:
                return entrance.clinics()
        with store.unit_of_work(clinic.id, clinic.session.id):
            pytest.fail("There is no such table.")

    with pytest.raises(SchemaNotCurrentError) as refused:
        ask()

    assert "clinicflow db upgrade" in str(refused.value)


def test_a_store_works_once_its_database_has_a_schema(
    empty_database_url: str, open_: OpenStore
) -> None:
    """What failed before must not stick to the connection."""
    from clinicflow_core.sql import migration

    store = open_(empty_database_url)
    for _ in range(2):
        with pytest.raises(SchemaNotCurrentError):
            open_clinic(store)

    migration.upgrade(empty_database_url)

    clinic = open_clinic(store)
    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_two_that_wait_for_each_other_are_told_of_contention(
    postgres_url: str, open_: OpenStore
) -> None:
    """Rows that are locked past the ports, in another order than theirs."""
    postgres_store = open_(as_owner(postgres_url))
    clinic = open_clinic(postgres_store)
    visit = clinic.store_visit()
    say_first(postgres_store.engine, "SET deadlock_timeout = '20ms'")

    with ThreadPoolExecutor() as pool, connected(postgres_store) as stranger:
        stranger.execute("SET deadlock_timeout = '1min'")
        stranger.execute("SELECT FROM appointments FOR UPDATE")

        def get_in_the_way(uow: UnitOfWork) -> None:
            uow.diaries.hold([clinic.doctor.id], [], visit.span)
            pool.submit(stranger.execute, "SELECT FROM doctors FOR UPDATE")
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while at_the_server(postgres_store, waiting) == [(0,)]:
                time.sleep(0.01)

        with pytest.raises(ContentionError) as refused:
            clinic.commit(
                get_in_the_way,
                lambda uow: uow.appointments.save(visit.confirmed(NOW)),
            )

    assert type(refused.value.refusal) is StoreBusyError


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(
            lambda clinic: clinic.commit(
                lambda uow: uow.users.add(
                    user(clinic.id, clinic.owner.email, name=SECRET)
                )
            ),
            id="an e-mail that is taken",
        ),
        pytest.param(
            lambda clinic: [
                clinic.commit(
                    lambda uow: uow.users.add(
                        user(clinic.id, name=SECRET, google_id=f"google-{SECRET}")
                    )
                )
                for _ in range(2)
            ],
            id="a Google sign-in that is taken",
        ),
        pytest.param(
            lambda clinic: clinic.commit(
                lambda uow: uow.patients.add(patient(SECRET, id=clinic.patient.id))
            ),
            id="a key that is taken",
        ),
        pytest.param(
            lambda clinic: clinic.commit(
                lambda uow: uow.patients.save(patient(SECRET, version=7))
            ),
            id="a stale version",
        ),
        pytest.param(
            lambda clinic: clinic.store_visit(patient_id=patient(SECRET).id),
            id="a patient who is not there",
        ),
        pytest.param(
            lambda clinic: [
                booking.book(clinic.request(), clinic.uow),
                clinic.store_visit(meeting_link=SECRET),
            ],
            id="a time that is taken",
        ),
        pytest.param(
            lambda clinic: [
                booking.book(clinic.request(), clinic.uow),
                booking.book(clinic.request(meeting_link=SECRET), clinic.uow),
            ],
            id="a rule that forbids it",
        ),
    ],
)
def test_no_refusal_repeats_what_was_written(
    wrong: object, clinic: OpenClinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)

    with pytest.raises(ClinicFlowError) as refused:
        wrong(clinic)

    for text_ in (str(refused.value), told(refused.value), caplog.text):
        assert SECRET not in text_
        assert clinic.owner.email not in text_
