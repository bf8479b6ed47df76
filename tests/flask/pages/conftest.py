from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from flask import Flask

from clinicflow_core.entities.user import Role
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Store
from clinicflow_core.sql.store import open_store
from tests.builders import Watch
from tests.flask.desk import Desk
from tests.flask.pages.browser import Browser


@pytest.fixture(
    params=["memory", pytest.param("postgres_url", marks=pytest.mark.slow)],
    ids=["memory", "postgresql"],
)
def store(request: pytest.FixtureRequest, watch: Watch) -> Iterator[Store]:
    """
    Where the pages' records are.

    The acts behind them are held against SQLite elsewhere; of the two databases the
    stricter one is enough here.
    """
    if request.param == "memory":
        yield MemoryStore(watch)
        return
    with closing(open_store(request.getfixturevalue(request.param), watch)) as store:
        yield store


@pytest.fixture
def stranger(app: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser.started(app)


@pytest.fixture
def open_browser(
    app: Flask, open_desk: Callable[..., Desk]
) -> Callable[..., tuple[Browser, Desk]]:
    """Sign somebody in, in a browser, in a clinic of their own unless there is one."""

    def opened(role: Role = Role.OWNER, clinic: object = None) -> tuple[Browser, Desk]:
        desk = open_desk(role, clinic)
        return Browser.started(app, desk), desk

    return opened


@pytest.fixture
def browser(app: Flask, desk: Desk) -> Browser:
    """The browser of the owner who is at the fixture `desk`."""
    return Browser.started(app, desk)
