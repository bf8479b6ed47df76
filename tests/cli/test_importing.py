from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

GOOD = "Ann,Lee,1980-12-31\n"
BAD = "Bo,,1990-01-01\n"
HEADER = "first_name,last_name,date_of_birth\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def desk(shell: Shell) -> Shell:
    shell.sets_up("Harbour Clinic", "ines@harbour.example")
    return shell


@pytest.fixture
def patients(folder: Path) -> Path:
    """A file with one row that fits and one that does not."""
    path = folder / "patients.csv"
    path.write_text(HEADER + GOOD + BAD)
    return path


def test_patients_come_in_once(desk: Shell, patients: Path):
    first = desk.answers("patient", "import", str(patients))
    again = desk.answers("patient", "import", str(patients))

    assert first["stored"] == 1
    assert again == {
        "read": 2,
        "stored": 0,
        "already_there": 1,
        "refused": 1,
        "reasons": {"invalid": 1},
        "resembling": 0,
        "possible_duplicates": [],
    }


def test_doctors_and_their_visits_come_in(desk: Shell, folder: Path):
    (folder / "doctors.csv").write_text("id,name\nd1,Dr. Chen\n")
    (folder / "patients.csv").write_text("id,first_name,last_name\np1,Ann,Lee\n")
    (folder / "visits.csv").write_text(
        "doctor_id,patient_id,date,start_time,duration\n"
        "d1,p1,2024-03-04,09:00,30\n"
        "d1,p1,2024-03-04,09:10,30\n"
    )

    desk.says("doctor", "import", "doctors.csv")
    desk.says("patient", "import", "patients.csv")
    report = desk.answers("visit", "import", "visits.csv")

    assert (report["stored"], report["refused"]) == (1, 1)
    assert "* Ann Lee" in desk.says("agenda", "--date", "2024-03-04")


def test_people_read_counts_reasons_and_lines(desk: Shell, patients: Path):
    result = desk.run("patient", "import", str(patients))

    assert result.exit_code == 0
    assert result.stdout.startswith("Read 2: 1 stored, 0 already there, 1 refused.\n")
    assert "       1  invalid\n" in result.stdout
    assert "  line 3: " in result.stdout
    assert "Refused rows are in patients.refused.csv" in result.stderr


def test_refused_rows_can_be_mended_and_imported(
    desk: Shell, patients: Path, folder: Path
):
    desk.says("patient", "import", str(patients))
    refused = folder / "patients.refused.csv"
    assert refused.read_text() == HEADER + BAD
    refused.write_text(refused.read_text().replace("Bo,,", "Bo,Diaz,"))

    report = desk.answers("patient", "import", str(refused))

    assert (report["stored"], report["refused"]) == (1, 0)


def test_without_refused_rows_there_is_no_file_for_them(
    desk: Shell, patients: Path, folder: Path
):
    patients.write_text(HEADER + GOOD)

    desk.says("patient", "import", str(patients), "--refused", "mend.csv")

    assert list(folder.iterdir()) == [patients]


def test_what_somebody_is_mending_is_not_replaced(
    desk: Shell, patients: Path, folder: Path
):
    (folder / "patients.refused.csv").write_text("half mended")

    desk.says("patient", "import", str(patients))
    desk.says("patient", "import", str(patients))

    assert (folder / "patients.refused.csv").read_text() == "half mended"
    assert (folder / "patients.refused-2.csv").read_text() == HEADER + BAD
    assert len(list(folder.iterdir())) == 3


def test_a_file_that_was_named_for_refused_rows_is_replaced(
    desk: Shell, patients: Path, folder: Path
):
    (folder / "mend.csv").write_text("from last time")

    desk.says("patient", "import", str(patients), "--refused", "mend.csv")

    assert (folder / "mend.csv").read_text() == HEADER + BAD


def test_refused_rows_never_overwrite_what_is_imported(
    desk: Shell, patients: Path, folder: Path
):
    (folder / "link.csv").symlink_to(patients)

    told = desk.refuses("patient", "import", str(patients), "--refused", "link.csv")

    assert "must not overwrite" in told
    assert patients.read_text() == HEADER + GOOD + BAD


def test_refused_rows_never_overwrite_a_database(
    desk: Shell, patients: Path, folder: Path
):
    database = b"SQLite format 3\0 and so on"
    (folder / "desk.db").write_bytes(database)

    told = desk.refuses("patient", "import", str(patients), "--refused", "desk.db")

    assert "must not overwrite" in told
    assert (folder / "desk.db").read_bytes() == database


def test_rows_that_cannot_be_kept_are_said_to_be_lost(desk: Shell, patients: Path):
    told = desk.refuses(
        "patient", "import", str(patients), "--refused", "no/such/folder.csv"
    )

    assert "import again with --refused" in told
    assert len(desk.answers("patient", "find")["items"]) == 1


def test_standard_input_is_imported(desk: Shell, folder: Path):
    report = desk.answers("patient", "import", "-", typed=HEADER + GOOD + BAD)

    assert (report["stored"], report["refused"]) == (1, 1)
    assert (folder / "standard-input.refused.csv").read_text() == HEADER + BAD


def test_refused_parts_of_a_bundle_stand_one_on_a_line(desk: Shell, folder: Path):
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Patient", "id": str(n)}} for n in range(2)
        ],
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=2))

    desk.says("patient", "import", "bundle.json")

    refused = folder / "bundle.refused.ndjson"
    assert len(refused.read_text().splitlines()) == 2
    assert desk.answers("patient", "import", str(refused))["read"] == 2


def test_what_cannot_be_read_is_refused_by_line(desk: Shell, folder: Path):
    name = b'[{"family":"Lee","given":["Ann"]}]'
    good = b'{"resourceType":"Patient","id":"1","name":%s}' % name
    lines = [
        good,
        good[:40],
        good.replace(b"Lee", b"L\\u0000e"),
        good.replace(b"Lee", b"\xff"),
        b'{"resourceType":"Patient","id":NaN}',
        b"[" * 10_000,
    ]
    (folder / "patients.ndjson").write_bytes(b"\n".join(lines))

    result = desk.run("patient", "import", "patients.ndjson")

    assert result.stdout.startswith("Read 6: 1 stored, 0 already there, 5 refused.")
    for number in range(2, 7):
        assert f"  line {number}: " in result.stdout


def test_a_table_with_other_columns_stores_nothing(desk: Shell, folder: Path):
    (folder / "other.csv").write_text("nom,prenom\nLee,Ann\n")

    desk.refuses("patient", "import", "other.csv")

    assert desk.answers("patient", "find")["items"] == []


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_is_no_file_is_wrong_usage(desk: Shell, name: str):
    desk.misunderstands("patient", "import", name)


def test_an_empty_file_has_no_rows(desk: Shell, folder: Path):
    (folder / "empty.ndjson").touch()

    assert desk.answers("patient", "import", "empty.ndjson")["read"] == 0


def test_a_pipe_sees_no_progress_bar(desk: Shell, patients: Path):
    assert desk.run("patient", "import", str(patients)).stderr.count("\n") == 1
