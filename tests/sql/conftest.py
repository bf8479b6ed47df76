from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, event

from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import SqlStore, open_store
from tests.builders import OpenClinic, Watch, open_clinic
from tests.postgres import OWNER, PostgresServer
from tests.sql.rows import Rows

OpenStore = Callable[[str], SqlStore]


@pytest.fixture
def open_(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens stores, with a clock that stands still, and closes them in the end."""
    with ExitStack() as stack:

        def opened(url: str) -> SqlStore:
            store = open_store(url, Watch())
            stack.callback(store.close)
            return store

        yield opened


@pytest.fixture
def store(database_url: str, open_: OpenStore) -> SqlStore:
    return open_(database_url)


@pytest.fixture
def sqlite_store(sqlite_url: str, open_: OpenStore) -> SqlStore:
    return open_(sqlite_url)


@pytest.fixture
def postgres_store(postgres_url: str, open_: OpenStore) -> SqlStore:
    return open_(postgres_url)


@pytest.fixture
def clinic(store: SqlStore) -> OpenClinic:
    return open_clinic(store)


@pytest.fixture(scope="session")
def shared_sqlite(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A database for tests that leave nothing behind."""
    path = tmp_path_factory.mktemp("shared") / "clinicflow.db"
    made = make_engine(f"sqlite:///{shutil.copy(migrated_sqlite, path)}")
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def shared_postgres(
    postgres: PostgresServer, migrated_postgres: str
) -> Iterator[Engine]:
    """A database for tests that leave nothing behind."""
    made = make_engine(postgres.create_database("shared", template=migrated_postgres))
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    """Rows in a transaction that is undone in the end."""
    engine = request.getfixturevalue(f"shared_{request.param}")
    with engine.connect() as connection, connection.begin():
        yield Rows(connection)


@pytest.fixture
def engine(owned_database_url: str) -> Iterator[Engine]:
    made = make_engine(owned_database_url)
    yield made
    made.dispose()


def path_of(store: SqlStore) -> Path:
    """Return the file of a store in SQLite."""
    return Path(str(store.engine.url.database))


def connected(store: SqlStore) -> psycopg.Connection:
    """Return a connection to PostgreSQL of the owner, past the store."""
    url = store.engine.url.set(drivername="postgresql", username=OWNER)
    return psycopg.connect(url.render_as_string(hide_password=False))


def at_the_server(store: SqlStore, statement: str) -> list[tuple[object, ...]]:
    """Ask PostgreSQL from outside of the store."""
    with connected(store) as connection:
        return connection.execute(statement).fetchall()


def say_first(engine: Engine, statement: str) -> None:
    """Say *statement* on every new connection, after all that ClinicFlow says."""
    engine.dispose()

    @event.listens_for(engine, "connect")
    def say(connection: object, _: object) -> None:
        connection.execute(statement)
        if engine.dialect.name == "postgresql":
            connection.commit()
