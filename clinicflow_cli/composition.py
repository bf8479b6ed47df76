"""Where the command line and the record are brought together."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import click

from clinicflow_cli.failures import Failure
from clinicflow_core.accounts.permissions import Actor, system
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.ports import Clock, Entrance, Store, Summarizer, UnitOfWork

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from clinicflow_core.settings import Settings

_LONGEST_ACTOR_NAME = 50
_SQLITE_MAGIC = b"SQLite format 3\0"


class Database(Protocol):
    """A database that can be opened, and whose schema can be looked after."""

    def open_store(self, clock: Clock | None = None) -> Store: ...

    def upgrade(self) -> None:
        """Bring the schema up to date, making the database file if there is none."""

    def current(self) -> str | None:
        """Return the revision of the schema; None if there is none."""

    def newest(self) -> str:
        """Return the revision that this ClinicFlow needs."""

    def differences(self) -> list[str]:
        """Return what is in the database otherwise than the newest schema says."""

    def open_walls(self) -> list[str]:
        """Return why it does not itself keep clinics apart."""

    def roles(self, role: str) -> str:
        """Return the SQL that makes the service's *role*."""

    def apply_roles(self, role: str) -> None:
        """Make the service's *role*, or correct what it may do."""

    def close(self) -> None: ...


class SqlDatabase:
    """
    The SQLite file or PostgreSQL database that a URL names.

    Nothing is asked of it before it is needed. Its URL is never told: it can hold
    a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._closing: list[Callable[[], None]] = []

    def open_store(self, clock: Clock | None = None) -> Store:
        from clinicflow_core.sql.store import open_store  # noqa: PLC0415  Slow.

        self._refuse_unusable_file()
        store = open_store(self._url, clock)
        self._closing.append(store.close)
        return store

    def upgrade(self) -> None:
        from clinicflow_core.sql import migration  # noqa: PLC0415  Slow.

        self._refuse_unusable_file(may_be_new=True)
        with self._told_apart():
            migration.upgrade(self._url)

    def current(self) -> str | None:
        from clinicflow_core.sql import migration  # noqa: PLC0415  Slow.

        self._refuse_unusable_file()
        with self._told_apart():
            return migration.current(self._engine)

    def newest(self) -> str:
        from clinicflow_core.sql import migration  # noqa: PLC0415  Slow.

        return migration.newest()

    def differences(self) -> list[str]:
        from clinicflow_core.sql.drift import differences  # noqa: PLC0415  Slow.

        self._refuse_unusable_file()
        with self._told_apart():
            return differences(self._engine)

    def open_walls(self) -> list[str]:
        from clinicflow_core.sql.roles import open_walls  # noqa: PLC0415  Slow.

        return open_walls(self._engine)

    def roles(self, role: str) -> str:
        from clinicflow_core.sql.roles import script  # noqa: PLC0415  Slow.

        with self._role_refused():
            return script(role)

    def apply_roles(self, role: str) -> None:
        from clinicflow_core.sql.roles import apply  # noqa: PLC0415  Slow.

        with self._role_refused():
            apply(self._engine, role)

    @contextmanager
    def _role_refused(self) -> Iterator[None]:
        if self._engine.dialect.name == "sqlite":
            raise Failure("SQLite has no roles; PostgreSQL has.", "no-roles")
        try:
            yield
        except ValueError as error:
            raise Failure(f"--role {error}.", "bad-role") from None

    def close(self) -> None:
        """Close all connections, so that no child process inherits one."""
        while self._closing:
            self._closing.pop()()

    @cached_property
    def _engine(self) -> Engine:
        from clinicflow_core.sql.engine import make_engine  # noqa: PLC0415  Slow.

        try:
            engine = make_engine(self._url)
        except ValueError as error:
            raise Failure(f"DATABASE_URL {error}.", "bad-database-url") from None
        except ModuleNotFoundError:
            raise Failure(
                "PostgreSQL needs more libraries: pip install 'clinicflow[postgres]'.",
                "not-installed",
            ) from None
        self._closing.append(engine.dispose)
        return engine

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        from clinicflow_core.sql.refusals import told_apart  # noqa: PLC0415  Slow.

        with told_apart():
            yield

    def _refuse_unusable_file(self, *, may_be_new: bool = False) -> None:
        url = self._engine.url
        name = url.database or ":memory:"
        if url.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
            return
        path = Path(name)
        if not path.parent.is_dir():
            raise Failure(f"There is no directory {path.parent} for the database.")
        if not path.exists():
            if may_be_new:
                return
            raise Failure(
                f"There is no database {path}: run 'clinicflow init' first, or "
                "'clinicflow db upgrade' to sign up in a browser.",
                "no-database",
            )
        if not path.is_file():
            raise Failure(f"{path} is no database file.")
        if not os.access(path, os.R_OK | os.W_OK):
            raise Failure(f"You may not read and write the database {path}.")
        with path.open("rb") as file:
            if file.read(len(_SQLITE_MAGIC)) not in (b"", _SQLITE_MAGIC):
                raise Failure(f"{path} is no SQLite database.")


class Reception:
    """
    What the options of this run chose: a database, and a clinic in it.

    Attributes:
        clinic_id: The clinic that was named; None means the only one.
    """

    def __init__(
        self, database_of: Callable[[str], Database], database_url: str | None
    ) -> None:
        self._database_of = database_of
        self._database_url = database_url
        self.clinic_id: UUID | None = None

    @cached_property
    def settings(self) -> Settings:
        from clinicflow_core.settings import load_settings  # noqa: PLC0415  Slow.

        return load_settings()

    @cached_property
    def summarizer(self) -> Summarizer:
        return summarizer_of(self.settings)

    @cached_property
    def database_url(self) -> str:
        return self._database_url or self.settings.database_url

    @cached_property
    def database(self) -> Database:
        return self._database_of(self.database_url)

    @cached_property
    def store(self) -> Store:
        return self.database.open_store()

    def entrance(self) -> Entrance:
        return self.store.entrance()

    def unit_of_work(self) -> UnitOfWork:
        """Return a unit of work in the clinic, by whoever runs this program."""
        return self.store.unit_of_work(self._clinic_id(), program())

    def each_clinic(self) -> Iterator[tuple[Clinic, UnitOfWork]]:
        """Yield every clinic, or the one that was named, with a unit of work in it."""
        with self.store.entrance() as entrance:
            clinics = (
                entrance.clinics()
                if self.clinic_id is None
                else (entrance.get_clinic(ClinicId(self.clinic_id)),)
            )
        for clinic in clinics:
            yield clinic, self.store.unit_of_work(clinic.id, program())

    def elsewhere(self, database_url: str) -> Reception:
        """Return a reception in another database."""
        return Reception(self._database_of, database_url)

    def close(self) -> None:
        """Close the database, if it was opened."""
        if "database" in self.__dict__:
            self.database.close()

    def _clinic_id(self) -> ClinicId:
        if self.clinic_id is not None:
            return ClinicId(self.clinic_id)
        with self.store.entrance() as entrance:
            clinics = entrance.clinics()
        if len(clinics) == 1:
            return clinics[0].id
        raise _which_of(clinics)


def summarizer_of(settings: Settings) -> Summarizer:
    """
    Return what the installation has chosen to make summaries.

    Raises:
        SettingsError: If the settings do not go together.
        Failure: If a library is missing.
    """
    from clinicflow_core.desk.summarizing import AT_HAND  # noqa: PLC0415  Slow.
    from clinicflow_core.settings import (  # noqa: PLC0415  Slow.
        SummarizerChoice,
        refuse_unsafe,
    )

    if settings.summarizer is SummarizerChoice.EXTRACTIVE:
        return AT_HAND
    refuse_unsafe(settings)
    assert settings.openai_api_key is not None
    from clinicflow_core.openai import openai_summarizer  # noqa: PLC0415  Slow.

    try:
        return openai_summarizer(
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            model=settings.openai_model,
        )
    except ModuleNotFoundError:
        raise Failure(
            "SUMMARIZER=openai needs more libraries: pip install 'clinicflow[ai]'.",
            "not-installed",
        ) from None


def program() -> Actor:
    """Return the actor that this program is, named with the user who runs it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # As a container's user often is nobody.
        user = str(os.getuid())
    return system(f"cli:{user}"[:_LONGEST_ACTOR_NAME])


def _which_of(clinics: tuple[Clinic, ...]) -> Failure:
    if not clinics:
        return Failure("There is no clinic yet: run 'clinicflow init'.", "no-clinic")
    return Failure(
        "There are several clinics: name one with --clinic ID.",
        "several-clinics",
        details=[f"  {clinic.id}  {clinic.name}" for clinic in clinics],
        facts={
            "clinics": [
                {"id": str(clinic.id), "name": clinic.name} for clinic in clinics
            ]
        },
    )


pass_reception = click.make_pass_decorator(Reception)
