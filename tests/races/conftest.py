"""Fresh stores of each kind; the switches that take their protection away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from clinicflow_core.clock import FixedClock
from clinicflow_core.memory import MemoryAppointments, MemoryStore
from clinicflow_core.ports import Store
from clinicflow_core.sql.store import SqlStore, open_store
from tests.builders import NOW
from tests.races import racers

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
def without_guard(store: Store) -> Iterator[racers.Unguarded]:
    """The same store, where nobody waits for anybody."""
    opened = racers.without_guard(store, FixedClock(NOW))
    yield opened
    opened.close()


@pytest.fixture
def drop_backstop(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take away what the store refuses by itself."""

    def drop() -> None:
        if isinstance(store, SqlStore):
            racers.drop_walls(store)
        else:
            monkeypatch.setattr(
                MemoryAppointments, "_store_refuses_overlap", lambda *_: None
            )

    return drop
