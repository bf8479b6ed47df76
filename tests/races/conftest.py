"""Fresh stores of each kind; the switches that take their protection away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, event, text

from clinicflow_core.clock import FixedClock
from clinicflow_core.memory import MemoryAppointments, MemoryStore
from clinicflow_core.ports import Store
from clinicflow_core.sql.engine import add_functions
from clinicflow_core.sql.store import SqlStore, open_store
from tests.builders import NOW
from tests.races.racers import Unguarded
from tests.sql.rows import past_the_wall

CONNECTIONS = 8
"""Kept for each store, and as many again under pressure: enough for every racer."""


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of its own, once of each kind."""
    if request.param == "memory":
        yield MemoryStore(FixedClock(NOW))
        return
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url = request.getfixturevalue(fixture)
    opened = open_store(url, FixedClock(NOW), pool_size=CONNECTIONS)
    yield opened
    opened.close()


@pytest.fixture
def without_guard(store: Store) -> Iterator[Store]:
    """The same store, where nobody waits for anybody."""
    if isinstance(store, SqlStore) and store.engine.dialect.name == "sqlite":
        # There BEGIN IMMEDIATE is the guard: without it, each statement is alone
        # until the first that writes.
        engine = create_engine(store.engine.url, connect_args={"timeout": 30})

        @event.listens_for(engine, "connect")
        def set_up(connection, _):
            connection.execute("PRAGMA foreign_keys=ON")
            add_functions(connection)

        opened = SqlStore(engine, FixedClock(NOW))
        yield Unguarded(opened)
        opened.close()
        return
    yield Unguarded(store)


@pytest.fixture
def drop_backstop(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take away what the store refuses by itself."""

    def drop() -> None:
        if isinstance(store, MemoryStore):
            monkeypatch.setattr(
                MemoryAppointments, "_store_refuses_overlap", lambda *_: None
            )
            return
        with past_the_wall(store) as connection:
            for statement in _undoing(store.engine.dialect.name):
                connection.execute(text(statement))

    return drop


def _undoing(dialect: str) -> Iterator[str]:
    for person in ("doctor", "patient"):
        if dialect == "postgresql":
            yield f"ALTER TABLE appointments DROP CONSTRAINT ex_appointments_{person}"
        else:
            yield f"DROP TRIGGER ex_appointments_{person}_insert"
            yield f"DROP TRIGGER ex_appointments_{person}_update"
