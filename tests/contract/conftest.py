"""
The three stores that must behave alike.

Each is opened once for a whole run: clinics cannot see each other, so that every
test opens clinics of its own in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from tests.builders import NOW, OpenClinic, Watch, open_clinic

KINDS = ("memory", "sqlite", "postgresql")

side_by_side = pytest.mark.parametrize(
    "shared_store", ["memory", "postgresql"], indirect=True
)
"""Only where two transactions can both be open: SQLite lets the second one wait."""


@pytest.fixture(scope="session")
def watch() -> Watch:
    """The clock of `store`; it shows `NOW` when a test begins."""
    return Watch()


@pytest.fixture(scope="session", params=KINDS)
def shared_store(
    request: pytest.FixtureRequest,
    watch: Watch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(watch)
        return
    from clinicflow_core.sql.store import open_store

    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        path = tmp_path_factory.mktemp("contract") / "clinicflow.db"
        url = f"sqlite:///{shutil.copy(migrated, path)}"
    else:
        server = request.getfixturevalue("postgres")
        template = request.getfixturevalue("migrated_postgres")
        server.create_database("contract", template=template)
        url = server.service_url("contract")
    store = open_store(url, watch)
    yield store
    store.close()


@pytest.fixture
def store(shared_store: Store, watch: Watch) -> Store:
    """A store, once of each kind; other tests' clinics are in it."""
    watch.at = NOW
    return shared_store


@pytest.fixture
def clinic(store: Store) -> OpenClinic:
    return open_clinic(store)


@pytest.fixture
def other(store: Store) -> OpenClinic:
    """Another clinic, which `clinic` must not know of."""
    return open_clinic(store, name="Lake Side Clinic")
