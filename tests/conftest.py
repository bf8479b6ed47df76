"""
Databases for the tests.

Every test that asks for one gets a database of its own, already migrated: the
migrations run once, then their outcome is copied.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from clinicflow_core.accounts import passwords
from tests.postgres import SERVICE, PostgresServer, as_owner

settings.register_profile("quick", deadline=None, max_examples=15, print_blob=True)
settings.register_profile(
    "ci", deadline=None, max_examples=200, print_blob=True, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

NOBODYS_HASH = "$2b$04$sTrMeAJ/YQDLBmiDPEGGd.qD4vDToD0JGXJ3gKVqiKnTYv5wfrtpC"
"""What the password of an unknown account is compared with, as cheap as the others."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL, one for each worker of a parallel run."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresServer) -> str:
    """The name of a migrated database to copy; do not connect to it."""
    from clinicflow_core.sql import roles
    from clinicflow_core.sql.engine import make_engine
    from clinicflow_core.sql.migration import upgrade

    url = postgres.create_database("migrated")
    upgrade(url)
    engine = make_engine(url)
    roles.apply(engine, SERVICE)
    engine.dispose()
    return "migrated"


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy; do not connect to it."""
    from clinicflow_core.sql.migration import upgrade

    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """
    The URL of a fresh PostgreSQL database with the current schema.

    As in production its role is held by row-level security; see `as_owner`.
    """
    name = f"test_{next(_numbers)}"
    postgres.create_database(name, template=migrated_postgres)
    yield postgres.service_url(name)
    postgres.drop_database(name)


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a fresh SQLite file with the current schema."""
    path = tmp_path / "clinicflow.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database with the current schema, once on each database."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def owned_database_url(database_url: str) -> str:
    """The URL of a fresh database for its owner, once on each database."""
    return as_owner(database_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, once on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    name = f"empty_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as cheaply as bcrypt can: no test meets an attacker."""
    monkeypatch.setattr(passwords, "_ROUNDS", 4)
    monkeypatch.setattr(passwords, "_NOBODYS_HASH", NOBODYS_HASH)
