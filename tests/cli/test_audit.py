from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinicflow_core.accounts.permissions import PERMISSIONS, Part
from tests.cli.conftest import MemoryDatabase, Shell


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", "a secret that only these tests know of")


@pytest.fixture
def patient_id(clinic: Shell) -> str:
    added: str = clinic.answers("patient", "add", "Ann", "Lee")["id"]
    return added


def test_the_trail_of_a_record_is_shown(clinic: Shell, patient_id: str):
    told = clinic.says("audit", "show", patient_id)
    [event] = clinic.answers("audit", "show", patient_id)["items"]

    assert "patient.registered" in told
    assert event["kind"] == "patient.registered"
    assert event["actor"].startswith("cli:")


def test_what_happened_last_is_shown_first(clinic: Shell, patient_id: str):
    shown = clinic.answers("audit", "show", "--limit", "1")["items"]

    assert len(shown) == 1
    assert clinic.says("audit", "show", "00000000-0000-4000-8000-000000000000") == (
        "Nothing happened.\n"
    )


def test_a_whole_trail_is_sealed_and_verified(
    clinic: Shell, patient_id: str, tmp_path: Path
):
    seal = tmp_path / "seal.json"

    assert "Sealed the trail" in clinic.says("audit", "seal", str(seal))
    assert "The trail is whole" in clinic.says("audit", "verify")
    assert "The trail is whole" in clinic.says("audit", "verify", "--seal", str(seal))


def test_a_changed_trail_is_named_and_ends_with_1(
    clinic: Shell, patient_id: str, tmp_path: Path, database: MemoryDatabase
):
    seal = tmp_path / "seal.json"
    clinic.says("audit", "seal", str(seal))
    for (table, _), chains in database.store._committed.items():
        if table == "chains":
            chains.pop(next(key for key in chains if str(key[0]) == patient_id), None)

    told = clinic.refuses("audit", "verify", "--seal", str(seal))

    assert "The trail was changed." in told
    assert f"Record {patient_id}, event 1: is missing" in told


def test_a_seal_is_not_written_over(clinic: Shell, patient_id: str, tmp_path: Path):
    seal = tmp_path / "seal.json"
    seal.write_text("precious")

    told = clinic.refuses("audit", "seal", str(seal))

    assert told.startswith("Error: Cannot write")
    assert seal.read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(None, "Cannot read", id="no file"),
        pytest.param("{", "line 1", id="no JSON"),
        pytest.param("[]", "must be", id="no seal"),
    ],
)
def test_what_is_no_seal_is_refused(
    content: str | None, told: str, clinic: Shell, tmp_path: Path
):
    seal = tmp_path / "seal.json"
    if content is not None:
        seal.write_text(content)

    assert told in clinic.refuses("audit", "verify", "--seal", str(seal))


def test_a_forged_seal_is_refused(clinic: Shell, patient_id: str, tmp_path: Path):
    seal = tmp_path / "seal.json"
    clinic.says("audit", "seal", str(seal))
    forged = json.loads(seal.read_text())
    forged["heads"] = []
    seal.write_text(json.dumps(forged))

    told = clinic.refuses("audit", "verify", "--seal", str(seal))

    assert told == "Error: This seal is none of this clinic's, or it was changed.\n"


def test_permissions_are_printed_from_the_table_that_counts(shell: Shell):
    told = shell.says("permissions")
    answer = shell.answers("permissions")

    assert all(part.value in told for part in Part)
    assert {part: set(may) for part, may in answer.items()} == {
        part.value: {permission.value for permission in PERMISSIONS[part]}
        for part in Part
    }


def test_accounts_are_listed_and_changed(clinic: Shell):
    created = clinic.answers(
        *("user", "create", "--name", "Sarah Chen", "--role", "doctor"),
        *("--email", "chen@example.org", "--doctor", "chen", "--password-stdin"),
        typed="quiet winter morning\n",
    )

    told = clinic.says("user", "change", created["id"], "--status", "inactive")
    changed = clinic.answers(
        *("user", "change", created["id"], "--role", "admin", "--password-stdin"),
        typed="another quiet morning\n",
    )
    listed = clinic.answers("user", "list")["items"]

    assert told == "chen@example.org is inactive, as doctor.\n"
    assert (changed["role"], changed["doctor_id"]) == ("admin", None)
    assert changed in listed
    assert "chen@example.org" in clinic.says("user", "list")


def test_the_last_owner_cannot_be_made_inactive(clinic: Shell):
    [owner] = clinic.answers("user", "list")["items"]

    told = clinic.refuses("user", "change", owner["id"], "--status", "inactive")

    assert "last active owner" in told
