"""
The acts run on all three stores, each opened once for a whole run: clinics cannot
see each other, so that every test opens one of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from tests.builders import NOW, OpenClinic, Watch, hours, open_clinic


@pytest.fixture(scope="session")
def shared_watch() -> Watch:
    return Watch()


@pytest.fixture
def watch(shared_watch: Watch) -> Watch:
    """The clock of all stores; it shows `NOW` when a test begins."""
    shared_watch.at = NOW
    return shared_watch


@pytest.fixture
def memory(watch: Watch) -> MemoryStore:
    """An empty store in memory, for what does not depend on the store."""
    return MemoryStore(watch)


# On PostgreSQL the contract alone is a quick one.
KINDS = ["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(scope="session", params=KINDS)
def shared_store(
    request: pytest.FixtureRequest,
    shared_watch: Watch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(shared_watch)
        return
    from clinicflow_core.sql.store import open_store

    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        path = tmp_path_factory.mktemp("desk") / "clinicflow.db"
        url = f"sqlite:///{shutil.copy(migrated, path)}"
    else:
        server = request.getfixturevalue("postgres")
        template = request.getfixturevalue("migrated_postgres")
        server.create_database("desk", template=template)
        url = server.service_url("desk")
    store = open_store(url, shared_watch)
    yield store
    store.close()


@pytest.fixture
def store(shared_store: Store, watch: Watch) -> Store:
    """A store, once of each kind; other tests' clinics are in it."""
    return shared_store


@pytest.fixture
def clinic(store: Store) -> OpenClinic:
    """A clinic whose doctor works 09:00-17:00 on all days."""
    return open_clinic(store, week=hours("09:00-17:00"))
