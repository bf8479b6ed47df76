"""A shell on a clinic in memory, where it is noon before `builders.DAY`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clinicflow_cli.main import cli
from clinicflow_core.clock import FixedClock
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Clock, Store
from tests.builders import NOW, PASSWORD


class MemoryDatabase:
    """A database in memory whose schema is what a test says."""

    def __init__(self) -> None:
        self.store = MemoryStore(FixedClock(NOW))
        self.schema: str | None = None
        self.drift: list[str] = []
        self.open: list[str] = []
        self.made: str | None = None

    def open_store(self, clock: Clock | None = None) -> Store:  # noqa: ARG002  It has one.
        return self.store

    def upgrade(self) -> None:
        self.schema = self.newest()

    def current(self) -> str | None:
        return self.schema

    def newest(self) -> str:
        return "0002"

    def differences(self) -> list[str]:
        return self.drift

    def open_walls(self) -> list[str]:
        return self.open

    def roles(self, role: str) -> str:
        return f"CREATE ROLE {role};"

    def apply_roles(self, role: str) -> None:
        self.made = role

    def close(self) -> None:
        pass


class Shell:
    """Types commands and says what came of them."""

    def __init__(self, database_of: Callable[[str], Any] | None, url: str) -> None:
        self._database_of = database_of
        self._url = url

    def run(self, *arguments: str, typed: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(
            cli,
            ["--database-url", self._url, *arguments],
            obj=self._database_of,
            input=typed,
        )
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert "Traceback" not in result.output
        return result

    def says(self, *arguments: str, typed: str | bytes | None = None) -> str:
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    def answers(self, *arguments: str, typed: str | bytes | None = None) -> Any:
        return json.loads(self.says(*arguments, "--json", typed=typed))

    def refuses(self, *arguments: str, typed: str | bytes | None = None) -> str:
        result = self.run(*arguments, typed=typed)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        return result.stderr

    def misunderstands(self, *arguments: str, typed: str | bytes | None = None) -> str:
        result = self.run(*arguments, typed=typed)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        return result.stderr

    def sets_up(self, name: str, email: str) -> Any:
        return self.answers(
            "init",
            *("--name", name, "--timezone", "America/New_York"),
            *("--email", email, "--password-stdin"),
            typed=f"{PASSWORD}\n",
        )


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def shell(database: MemoryDatabase) -> Shell:
    """A shell on an empty database."""
    return Shell(lambda _: database, "memory:")


@pytest.fixture
def clinic(shell: Shell) -> Shell:
    """A shell on a clinic with Dr. Chen, who works all week, Ann Lee and Bo Diaz."""
    shell.sets_up("Harbour Clinic", "ines@harbour.example")
    shell.says("doctor", "add", "Dr. Sarah Chen", "--specialty", "Family Medicine")
    shell.says("doctor", "hours", "chen", "daily", "09:00-12:30", "13:30-17:00")
    shell.says("patient", "add", "Ann", "Lee", "--date-of-birth", "1980-12-31")
    shell.says("patient", "add", "Bo", "Diaz", "--phone", "555-0199")
    return shell


@pytest.fixture
def sqlite_shell(sqlite_url: str) -> Shell:
    """A shell on an SQLite file that has a schema and nothing else."""
    return Shell(None, sqlite_url)
