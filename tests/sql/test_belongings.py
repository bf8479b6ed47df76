"""
What hangs on a patient, table by table, as the schema lists them: a new table with a
`patient_id` fails here until merging, giving out and erasing know of it.
"""

from __future__ import annotations

import json

import pytest
from sqlalchemy import String, select

from clinicflow_core.desk import register
from clinicflow_core.desk.register import MergePatients
from clinicflow_core.memory import MemoryStore
from clinicflow_core.sql import belongings
from clinicflow_core.sql.tables import events, idempotency_keys, metadata, patients
from clinicflow_core.sql.types import Json, JsonOrNull, Key, TextList
from tests.builders import NOW, open_clinic
from tests.sql.rows import REFERENCES, REQUIRED, Rows, past_the_wall

OF_PATIENTS = [table for table in metadata.sorted_tables if "patient_id" in table.c]
MARKER = "MARKER"
JSONS = (Json, JsonOrNull, TextList)

# Free text that never tells who somebody is.
NEUTRAL = {
    ("appointments", "override_conflicts"),
    ("appointment_series", "rrule"),
    ("waitlist", "weekdays"),
    ("ai_intake_summaries", "model_version"),
    ("ai_intake_summaries", "failure"),
}

# What a record says in its digest, and is not given out twice.
REPEATED = {
    ("ai_intake_summaries", name)
    for name in (
        "summary_text",
        "patient_concerns",
        "medications",
        "allergies",
        "key_notes",
    )
}

# What erasing removes altogether.
FORGOTTEN = {"waitlist"}

each_table = pytest.mark.parametrize("table", OF_PATIENTS, ids=lambda table: table.name)


def personal_columns(table):
    """Return the columns of *table* in which anything at all can be written."""
    checked = {constraint.name for constraint in table.constraints}
    return {
        column.name
        for column in table.columns
        if (isinstance(column.type, String) or column.type in JSONS)
        and f"ck_{table.name}_{column.name}" not in checked
        and (table.name, column.name) not in NEUTRAL
        and column.type is not Key
    }


def marked(column):
    if column.name in ("digest", "machine"):
        return {"notes": [{"text": MARKER}]}
    if column.name == "dropped" and column.type is Json:
        return [{"item": "notes", "text": MARKER, "reason": "no-source"}]
    if column.type is TextList:
        return [MARKER]
    return {"question1": MARKER} if column.type in JSONS else MARKER


class Record:
    """A patient of a clinic, with a row of each table that can hang on one."""

    def __init__(self, store):
        self.clinic = open_clinic(store)
        self.kept, self.patient = self.clinic.patients
        self.ids = {}
        with past_the_wall(store) as connection:
            rows = Rows(connection)
            rows._ids |= {
                "clinics": self.clinic.id,
                "doctors": self.clinic.doctor.id,
                "patients": self.patient.id,
            }
            for table in OF_PATIENTS:
                values = {
                    name: marked(table.c[name]) for name in personal_columns(table)
                }
                if "override_conflicts" in table.c:
                    values["override_conflicts"] = ["outside-hours"]
                self.ids[table.name] = rows._ids[table.name] = rows.add(
                    table.name, **values
                )

    def row(self, table, store):
        with past_the_wall(store) as connection:
            wanted = table.c.id == self.ids[table.name]
            found = connection.execute(select(table).where(wanted)).one_or_none()
            return found and found._asdict()


@pytest.fixture
def record(store):
    return Record(store)


@each_table
def test_what_hangs_on_a_patient_is_known_to_the_tests(table):
    assert table.name in REQUIRED
    assert REFERENCES[table.name]["patient_id"] == "patients"
    assert table in belongings.TABLES


@each_table
def test_all_that_can_be_written_there_is_blanked_by_erasing(table):
    assert set(belongings.BLANKED[table]) == personal_columns(table)


def test_every_reference_to_a_patient_is_one_that_these_tests_know():
    columns = {
        (table.name, key.column_keys[-1])
        for table in metadata.tables.values()
        for key in table.foreign_key_constraints
        if key.referred_table is patients
    }

    assert columns == {
        ("patients", "merged_into_id"),
        *((table.name, "patient_id") for table in OF_PATIENTS),
    }


@each_table
def test_merging_moves_it(table, record, store):
    before = record.row(table, store)

    register.merge(
        record.kept.id,
        MergePatients(duplicate_id=record.patient.id),
        record.clinic.uow,
    )

    after = record.row(table, store)
    assert after.pop("patient_id") == record.kept.id
    counted = {"version", "updated_at"} & after.keys()
    changed = {"patient_id"} | counted
    assert {name: before[name] for name in after if name not in changed} == {
        name: value for name, value in after.items() if name not in changed
    }
    expected = {"version": before.get("version", 0) + 1, "updated_at": NOW}
    assert {name: after[name] for name in counted} == {
        name: expected[name] for name in counted
    }
    with past_the_wall(store) as connection:
        merged = select(events.c.facts).where(events.c.kind == "patient.merged")
        [facts] = connection.execute(merged).scalars()
    assert facts["moved"][table.name] == [str(record.ids[table.name])]


@each_table
def test_it_is_given_out(table, record, store):
    given = register.export(record.patient.id, record.clinic.uow)

    [row] = given[table.name]
    assert row["id"] == str(record.ids[table.name])
    repeated = {name for of, name in REPEATED if of == table.name}
    told = json.dumps(row).count(MARKER)
    assert told == len(personal_columns(table) - repeated)


@each_table
def test_erasing_leaves_nothing_personal_in_it(table, record, store):
    with past_the_wall(store) as connection:
        visits = metadata.tables["appointments"]
        over = visits.update().values(status="completed")
        connection.execute(over.where(visits.c.id == record.ids["appointments"]))
    before = record.row(table, store)
    assert (MARKER in repr(before)) is bool(personal_columns(table))

    register.erase(record.patient.id, record.clinic.uow)

    after = record.row(table, store)
    assert MARKER not in repr(after)
    if table.name in FORGOTTEN:
        assert after is None
        return
    kept = before.keys() - personal_columns(table) - {"version", "updated_at"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_erasing_leaves_nothing_of_the_patient_in_the_whole_database(record, store):
    change = register.ChangePatient(
        first_name=MARKER, email=f"{MARKER}@example.org", phone="555-0199"
    )
    register.change(record.patient.id, change, record.clinic.uow)
    with past_the_wall(store) as connection:
        visits = metadata.tables["appointments"]
        connection.execute(visits.update().values(status="completed"))
        answer = {"id": str(record.patient.id), "first_name": MARKER}
        rows = Rows(connection)
        rows._ids["clinics"] = record.clinic.id
        rows.add("idempotency_keys", answer=answer)

    register.erase(record.patient.id, record.clinic.uow)

    with past_the_wall(store) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                assert MARKER.lower() not in repr(row).lower()
                assert not {"555-0199", "5550199"} & set(map(str, row))
                assert "5550199" not in repr(row)
        [kept] = connection.execute(select(idempotency_keys)).all()
    assert (kept.answer, kept.fingerprint) == (None, "")


def test_memory_gives_out_the_same_kinds():
    clinic = open_clinic(MemoryStore())

    with clinic.uow as uow:
        kinds = uow.belongings.of(clinic.patient.id).keys()

    assert set(kinds) == {table.name for table in OF_PATIENTS}


def test_a_row_of_another_patient_is_left_alone(record, store):
    other = Record(store)
    before = [other.row(table, store) for table in OF_PATIENTS]

    merged = MergePatients(duplicate_id=record.patient.id)
    register.merge(record.kept.id, merged, record.clinic.uow)

    assert [other.row(table, store) for table in OF_PATIENTS] == before
