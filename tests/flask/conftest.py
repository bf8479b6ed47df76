"""The service over a record in memory, on Monday 2 March 2026, 07:00 in New York."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from io import StringIO
from typing import Any

import pytest
from flask import Flask

from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.user import Role
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from clinicflow_core.settings import Environment, Settings
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app, logs
from tests.builders import Watch
from tests.flask.desk import NOW, SECRET, Desk

# Those whose level the service sets.
_LOGGERS = (
    *("clinicflow_flask", "clinicflow_core.sql", "sqlalchemy.engine"),
    *("_granian", "granian.access"),
)


@pytest.fixture
def watch() -> Watch:
    """The clock that the store goes by."""
    return Watch(NOW)


@pytest.fixture(
    params=[
        "memory",
        pytest.param("sqlite_url", marks=pytest.mark.slow),
        pytest.param("postgres_url", marks=pytest.mark.slow),
    ],
    ids=["memory", "sqlite", "postgresql"],
)
def store(request: pytest.FixtureRequest, watch: Watch) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(watch)
        return
    with closing(open_store(request.getfixturevalue(request.param), watch)) as store:
        yield store


PLAIN = Settings(environment=Environment.TEST, jwt_secret_key=SECRET)


class StoreInTurn:
    """The store of whichever test runs."""

    current: Store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)


@cache
def _plain_service() -> tuple[Flask, StoreInTurn]:
    store = StoreInTurn()
    store.current = MemoryStore()
    return create_app(PLAIN, store), store  # type: ignore[arg-type]  # It acts as one.


@pytest.fixture
def settings() -> Settings:
    return PLAIN


@pytest.fixture
def app(settings: Settings, store: Store) -> Flask:
    """The service; one for all tests that set nothing, as making it takes longer."""
    if settings != PLAIN:
        return create_app(settings, store)
    service, its_store = _plain_service()
    its_store.current = store
    return service


@pytest.fixture
def configured_logs() -> Iterator[Callable[[Settings], None]]:
    """What sends all logs to standard error, until the test is over."""
    root = logging.getLogger()
    handlers, raises = list(root.handlers), logging.raiseExceptions
    yield logs.configure
    logging.raiseExceptions = raises
    root.handlers[:] = handlers
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
    root.setLevel(logging.WARNING)


@pytest.fixture
def told(configured_logs: Callable[[Settings], None]) -> StringIO:
    """All that is logged, in both forms, and the bare messages."""
    text = StringIO()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            for json in (True, False):
                text.write(logs.make_formatter(json=json).format(record) + "\n")
            text.write(record.getMessage() + "\n")

    configured_logs(Settings(debug=True))
    logging.getLogger().addHandler(Ear())
    return text


@pytest.fixture
def open_desk(app: Flask, store: Store) -> Callable[..., Desk]:
    """Sign somebody in, in a clinic of their own unless there is one."""

    def opened(role: Role = Role.OWNER, clinic: Clinic | None = None) -> Desk:
        return Desk.opened(app, store, role, clinic)

    return opened


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """The desk of an owner."""
    return open_desk()
