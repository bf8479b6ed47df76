"""Whether the service is there, and whether it can work."""

from __future__ import annotations

import logging
from typing import Protocol, runtime_checkable

from attrs import frozen

from clinicflow_core.errors import SettingsError
from clinicflow_core.ports import Store
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask.routes import Route

_log = logging.getLogger(__name__)


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


@runtime_checkable
class Walled(Protocol):
    """A store whose database can itself keep clinics apart."""

    def open_walls(self) -> list[str]:
        """
        Return why it does not, each led by the setting to change.

        Raises:
            UnavailableError: If the database is away.
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


def require_walls(store: Store, settings: Settings) -> None:
    """
    Raises:
        SettingsError: If in production the database does not keep clinics apart.
        UnavailableError: If the database of *store* is away.
    """
    if not isinstance(store, Walled) or not (problems := store.open_walls()):
        return
    if settings.environment is Environment.PRODUCTION:
        raise SettingsError(tuple(problems))
    for problem in problems:
        _log.warning("Production would refuse this: %s", problem)


ROUTES = (
    Route("GET", "/health", _alive, "Say that the service runs"),
    Route("GET", "/health/ready", _ready, "Say whether it can work"),
)
