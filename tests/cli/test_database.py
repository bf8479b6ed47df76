from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import MemoryDatabase, Shell
from tests.postgres import as_owner


def test_a_schema_is_brought_up_to_date(shell: Shell, database: MemoryDatabase):
    assert "0002" in shell.says("db", "upgrade")
    assert database.schema == "0002"


def test_the_schema_is_told(shell: Shell):
    assert shell.answers("db", "current") == {"schema": None, "newest": "0002"}


def test_a_database_that_is_as_it_should_be_passes(
    shell: Shell, database: MemoryDatabase
):
    database.schema = "0002"

    assert shell.answers("db", "check")["differences"] == []


def test_an_old_schema_fails_the_check(shell: Shell, database: MemoryDatabase):
    database.schema = "0001"

    assert "run 'clinicflow db upgrade'" in shell.refuses("db", "check")


def test_what_was_changed_by_hand_fails_the_check(
    shell: Shell, database: MemoryDatabase
):
    database.schema = "0002"
    database.drift = ["trigger no_overlap is missing"]

    assert "trigger no_overlap is missing" in shell.refuses("db", "check")


def test_an_sqlite_file_is_made_from_nothing(tmp_path: Path):
    shell = Shell(None, f"sqlite:///{tmp_path / 'new.db'}")

    shell.says("db", "upgrade")

    assert shell.answers("db", "check")["differences"] == []


def test_a_schema_is_needed_before_anything_else(tmp_path: Path):
    (tmp_path / "empty.db").touch()
    shell = Shell(None, f"sqlite:///{tmp_path / 'empty.db'}")

    assert "run 'clinicflow db upgrade'" in shell.refuses("agenda")


@pytest.mark.parametrize(
    "command", [("agenda",), ("db", "current"), ("db", "check")], ids=" ".join
)
def test_looking_makes_no_database_file(tmp_path: Path, command: tuple[str, ...]):
    shell = Shell(None, f"sqlite:///{tmp_path / 'new.db'}")

    assert "run 'clinicflow init'" in shell.refuses(*command)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path):
    file = tmp_path / "letter.txt"
    file.write_text("Dear patient,")
    shell = Shell(None, f"sqlite:///{file}")

    assert "is no SQLite database" in shell.refuses("db", "upgrade")
    assert file.read_text() == "Dear patient,"


def test_a_damaged_database_is_told_without_its_contents(tmp_path: Path):
    file = tmp_path / "damaged.db"
    file.write_bytes(b"SQLite format 3\0" + b"Ann Lee" * 2000)
    shell = Shell(None, f"sqlite:///{file}")

    told = shell.refuses("agenda")

    assert "Ann Lee" not in told


def test_a_missing_directory_is_told(tmp_path: Path):
    shell = Shell(None, f"sqlite:///{tmp_path / 'gone' / 'new.db'}")

    assert "There is no directory" in shell.refuses("db", "upgrade")


def test_a_directory_is_no_database(tmp_path: Path):
    assert "is no database file" in Shell(None, f"sqlite:///{tmp_path}").refuses(
        "agenda"
    )


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "locked.db"
    file.touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # Root may read all.

    assert "You may not read" in Shell(None, f"sqlite:///{file}").refuses("agenda")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("mysql://desk:hunter2@localhost/x", id="another database"),
        pytest.param("hunter2", id="no URL"),
        pytest.param("postgresql://desk:hunter2@127.0.0.1:1/x", id="nobody there"),
    ],
)
def test_a_database_url_that_does_not_work_never_shows_its_password(url: str):
    for arguments in (("agenda",), ("db", "upgrade"), ("agenda", "--json")):
        assert "hunter2" not in Shell(None, url).refuses(*arguments)


def test_the_services_role_is_printed(shell: Shell, database: MemoryDatabase):
    assert shell.says("db", "roles") == "CREATE ROLE clinicflow_service;\n"
    assert shell.answers("db", "roles", "--role", "desk") == {
        "role": "desk",
        "sql": "CREATE ROLE desk;",
    }
    assert database.made is None


def test_the_services_role_is_made(shell: Shell, database: MemoryDatabase):
    shell.says("db", "roles", "--apply")

    assert database.made == "clinicflow_service"


@pytest.mark.parametrize("apply", [(), ("--apply",)], ids=["printed", "applied"])
def test_sqlite_has_no_roles(apply: tuple[str, ...], sqlite_shell: Shell):
    assert "SQLite has no roles" in sqlite_shell.refuses("db", "roles", *apply)


@pytest.mark.slow
def test_the_owner_makes_the_services_role(postgres_url: str):
    owner, service = Shell(None, as_owner(postgres_url)), Shell(None, postgres_url)

    assert "GRANT SELECT, INSERT ON events" in owner.says("db", "roles")
    owner.says("db", "roles", "--apply")

    assert "--role must be a name" in owner.refuses("db", "roles", "--role", "a b")
    told = owner.refuses("db", "roles", "--role", "clinicflow", "--apply")
    assert "--role is above row-level security" in told
    assert "its owner looks after the schema" in service.refuses(
        "db", "roles", "--apply"
    )


@pytest.mark.slow
def test_the_service_cannot_look_after_the_schema(postgres_url: str):
    told = Shell(None, postgres_url).refuses("db", "check")

    assert "its owner looks after the schema" in told
