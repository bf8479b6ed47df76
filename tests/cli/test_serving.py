from __future__ import annotations

import pytest

from clinicflow_cli.commands.serve import warn_of_sqlite
from tests.cli.conftest import MemoryDatabase, Shell


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        pytest.param((3, 40, 1), True, id="an old one"),
        pytest.param((3, 51, 2), True, id="the last one with the fault"),
        pytest.param((3, 51, 3), False, id="the first one without it"),
    ],
)
def test_a_sqlite_that_several_processes_can_damage_is_warned_of(
    version: tuple[int, int, int], warned: bool, capsys: pytest.CaptureFixture[str]
):
    warn_of_sqlite(version)

    assert ("Use --workers 1" in capsys.readouterr().err) == warned


def test_production_does_not_serve_a_database_that_does_not_keep_clinics_apart(
    shell: Shell, database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("JWT_SECRET_KEY", "x" * 32)
    shell.says("db", "upgrade")
    database.open = ["DATABASE_URL: its role is a superuser"]

    assert "DATABASE_URL: its role" in shell.refuses("serve")
