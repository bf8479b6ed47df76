"""Whether the service is there, and whether it can work."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import frozen

from clinicflow_core.ports import Store
from clinicflow_flask.routes import Route


@frozen
class Health:
    """That all is well; anything else is a problem."""

    status: str = "ok"


@runtime_checkable
class Migrated(Protocol):
    """A store with a schema that can be out of date, or away."""

    def require_current(self) -> None:
        """
        Raises:
            UnavailableError: If the database is away or has another schema.
        """


def _alive() -> Health:
    return Health()


def _ready(store: Store) -> Health:
    require_current(store)
    return Health()


def require_current(store: Store) -> None:
    """
    Raises:
        UnavailableError: If the database of *store* is away or has another schema.
    """
    if isinstance(store, Migrated):
        store.require_current()


ROUTES = (
    Route("GET", "/health", _alive, "Say that the service runs"),
    Route("GET", "/health/ready", _ready, "Say whether it can work"),
)
