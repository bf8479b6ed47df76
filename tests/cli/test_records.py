from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Shell


def patient_id(shell: Shell, *words: str) -> str:
    (found,) = shell.answers("patient", "find", *words)["items"]
    return found["id"]


def test_who_may_be_the_same_person_is_named_when_registering(clinic: Shell):
    ann = patient_id(clinic, "lee")

    told = clinic.says("patient", "add", "Anne", "Lee", "--date-of-birth", "1980-12-31")

    assert f"Maybe the same person: Ann Lee, born 1980-12-31 ({ann})." in told


def test_programs_get_the_ids_of_possible_duplicates(clinic: Shell):
    ann = patient_id(clinic, "lee")

    added = clinic.answers("patient", "add", "Ann", "Lee")
    stranger = clinic.answers("patient", "add", "Ole", "Olsen")

    assert added["full_name"] == "Ann Lee"
    assert [p["patient_id"] for p in added["possible_duplicates"]] == [ann]
    assert stranger["possible_duplicates"] == []


def test_an_import_says_which_rows_resemble_whom(clinic: Shell, tmp_path: Path):
    ann = patient_id(clinic, "lee")
    file = tmp_path / "patients.csv"
    file.write_text("first_name,last_name,date_of_birth\nAnn,Lee,1980-12-31\n")

    told = clinic.says("patient", "import", str(file))

    assert "1 may be somebody who was there already:" in told
    assert told.splitlines()[-1].startswith("  line 2: ")
    assert told.rstrip().endswith(ann)


def test_two_records_are_merged_once_somebody_says_yes(clinic: Shell):
    clinic.says("patient", "add", "Anne", "Lee")
    ann, anne = patient_id(clinic, "1980-12-31"), patient_id(clinic, "anne")

    asked = clinic.run("patient", "merge", ann, anne, typed="n\n")
    assert asked.exit_code == 1
    assert "Merge Anne Lee into Ann Lee, born 1980-12-31 for good?" in asked.stderr
    assert patient_id(clinic, "anne") == anne
    told = clinic.says("patient", "merge", ann, anne, typed="y\n")

    assert f"Merged {anne} into Ann Lee, born 1980-12-31 ({ann})." in told
    assert clinic.says("patient", "find", "anne") == "Nobody is found.\n"


def test_nobody_is_merged_with_himself(clinic: Shell):
    told = clinic.refuses("patient", "merge", "lee", "lee", "--yes")

    assert "must be another patient" in told


def test_a_whole_record_is_given_out(clinic: Shell, tmp_path: Path):
    file = tmp_path / "lee.json"

    printed = json.loads(clinic.says("patient", "export", "lee"))
    silent = clinic.says("patient", "export", "lee", "--output", str(file))

    assert silent == ""
    written = json.loads(file.read_text())
    assert printed["patient"] == written["patient"]
    assert printed["patient"]["full_name"] == "Ann Lee"
    assert [e["kind"] for e in written["events"]][-1] == "patient.exported"


def test_nobody_is_written_of_whom_nothing_is_known(clinic: Shell, tmp_path: Path):
    file = tmp_path / "nobody.json"

    clinic.refuses("patient", "export", "nobody", "--output", str(file))

    assert not file.exists()


def test_a_patient_is_erased_once_somebody_says_yes(clinic: Shell):
    ann = patient_id(clinic, "lee")

    asked = clinic.run("patient", "erase", "lee", typed="n\n")
    assert asked.exit_code == 1
    assert "Erase Ann Lee, born 1980-12-31" in asked.stderr
    assert patient_id(clinic, "lee") == ann
    told = clinic.says("patient", "erase", "lee", "--yes")

    assert told == f"Erased patient {ann}.\n"
    assert clinic.says("patient", "find", "lee") == "Nobody is found.\n"
    record = json.loads(clinic.says("patient", "export", ann))
    assert record["patient"]["erased_at"] is not None


def test_who_is_still_to_come_is_not_erased(clinic: Shell):
    booked = clinic.answers(
        "book", "chen", "lee", "--date", "2026-03-03", "--time", "09:00"
    )

    told = clinic.refuses("patient", "erase", "lee", "--yes")

    assert booked["id"] in told
