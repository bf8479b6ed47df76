from __future__ import annotations

import pytest
from sqlalchemy import Engine, inspect, text

from clinicflow_core.errors import StoreBusyError
from clinicflow_core.sql.drift import differences
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import open_store
from tests.builders import open_clinic
from tests.postgres import as_owner

pytestmark = pytest.mark.slow


def drifted(url: str, *statements: str) -> list[str]:
    """Return the differences after *statements*."""
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    found = differences(engine)
    engine.dispose()
    return found


def test_a_migrated_database_has_not_drifted(engine: Engine) -> None:
    assert differences(engine) == []


def test_rows_are_no_drift_and_stay(owned_database_url: str) -> None:
    store = open_store(owned_database_url)
    clinic = open_clinic(store)

    assert differences(store.engine) == []
    assert differences(store.engine) == []

    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == clinic.doctor
    with store.engine.connect() as connection:
        assert "clinicflow_scratch" not in inspect(connection).get_schema_names()
    store.close()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        pytest.param(
            f"DROP TRIGGER ex_appointments_{person}_{event}",
            f"trigger ex_appointments_{person}_{event} is missing",
            id=f"the trigger for each {event} that keeps a {person} from overlaps",
        )
        for person in ("doctor", "patient")
        for event in ("insert", "update")
    ]
    + [
        pytest.param(
            f"DROP TRIGGER fk_appointments_series_id_{event}",
            f"trigger fk_appointments_series_id_{event} is missing",
            id=f"the trigger for each {event} that keeps series in their clinic",
        )
        for event in ("insert", "update")
    ]
    + [
        pytest.param(
            "DROP INDEX idx_appointments_patient",
            "index idx_appointments_patient is missing",
            id="an index is dropped",
        ),
        pytest.param(
            "CREATE INDEX ix_more ON patients (last_name)",
            "index ix_more is not from a migration",
            id="an index is added",
        ),
        pytest.param(
            "ALTER TABLE patients ADD COLUMN nickname TEXT",
            "table patients was changed",
            id="a column is added",
        ),
        pytest.param(
            "ALTER TABLE doctors DROP COLUMN color",
            "table doctors was changed",
            id="a column is dropped",
        ),
        pytest.param(
            "CREATE TABLE notes (id INTEGER)",
            "table notes is not from a migration",
            id="a table is added",
        ),
    ],
)
def test_drift_of_sqlite_is_named(statement: str, told: str, sqlite_url: str) -> None:
    assert drifted(sqlite_url, statement) == [told]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("DEFAULT 'active'", "DEFAULT 'inactive'", id="a default"),
        pytest.param("role IN ('admin', ", "role IN ('boss', ", id="a check"),
        pytest.param("name VARCHAR(255) NOT", "name VARCHAR(255)", id="not null"),
    ],
)
def test_a_changed_table_of_sqlite_is_named(
    before: str, after: str, sqlite_url: str
) -> None:
    quoted = [part.replace("'", "''") for part in (before, after)]
    found = drifted(
        sqlite_url,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = replace(sql, '{quoted[0]}', '{quoted[1]}') "
        "WHERE name = 'users'",
        "PRAGMA writable_schema = RESET",
    )

    assert found == ["table users was changed"]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        pytest.param(
            "ALTER TABLE appointments DROP CONSTRAINT ex_appointments_doctor",
            [
                "constraint ex_appointments_doctor is missing",
                "index ex_appointments_doctor is missing",
            ],
            id="the exclusion for doctors",
        ),
        pytest.param(
            "ALTER TABLE appointments DROP CONSTRAINT ex_appointments_patient",
            [
                "constraint ex_appointments_patient is missing",
                "index ex_appointments_patient is missing",
            ],
            id="the exclusion for patients",
        ),
        pytest.param(
            "ALTER TABLE appointments DROP CONSTRAINT ex_appointments_doctor, "
            "ADD CONSTRAINT ex_appointments_doctor EXCLUDE USING gist "
            "(clinic_id WITH =, doctor_id WITH =, "
            "tstzrange(starts_at, ends_at, '()') WITH &&) WHERE (holds_doctor)",
            [
                "constraint ex_appointments_doctor was changed",
                "index ex_appointments_doctor was changed",
            ],
            id="an exclusion of another range",
        ),
        pytest.param(
            "ALTER TABLE appointments DROP CONSTRAINT ex_appointments_doctor, "
            "ADD CONSTRAINT ex_appointments_doctor EXCLUDE USING gist "
            "(clinic_id WITH =, doctor_id WITH =, "
            "tstzrange(starts_at, ends_at) WITH &&) WHERE (holds_patient)",
            [
                "constraint ex_appointments_doctor was changed",
                "index ex_appointments_doctor was changed",
            ],
            id="an exclusion of other visits",
        ),
        pytest.param(
            "ALTER TABLE appointments DROP CONSTRAINT ck_appointments_finite",
            ["constraint ck_appointments_finite is missing"],
            id="a check is dropped",
        ),
        pytest.param(
            "ALTER TABLE users DROP CONSTRAINT ck_users_role, ADD CONSTRAINT "
            "ck_users_role CHECK (role IN ('admin', 'doctor', 'owner')) NOT VALID",
            ["constraint ck_users_role was changed"],
            id="a check is not validated",
        ),
        pytest.param(
            "ALTER TABLE cancellations "
            "DROP CONSTRAINT fk_cancellations_clinic_id_patient_id",
            ["constraint fk_cancellations_clinic_id_patient_id is missing"],
            id="a foreign key is dropped",
        ),
        pytest.param(
            "DROP INDEX idx_appointments_patient",
            ["index idx_appointments_patient is missing"],
            id="an index is dropped",
        ),
        pytest.param(
            "CREATE INDEX ix_more ON patients (last_name)",
            ["index ix_more is not from a migration"],
            id="an index is added",
        ),
        pytest.param(
            "ALTER TABLE users ALTER COLUMN status SET DEFAULT 'inactive'",
            ["column users.status was changed"],
            id="a default is changed",
        ),
        pytest.param(
            "ALTER TABLE users ALTER COLUMN status DROP DEFAULT",
            ["column users.status was changed"],
            id="a default is dropped",
        ),
        pytest.param(
            "ALTER TABLE patients ADD COLUMN nickname TEXT",
            ["column patients.nickname is not from a migration"],
            id="a column is added",
        ),
        pytest.param(
            "ALTER TABLE doctors DROP COLUMN color",
            ["column doctors.color is missing"],
            id="a column is dropped",
        ),
        pytest.param(
            "ALTER TABLE patients ALTER COLUMN phone TYPE VARCHAR(30)",
            ["column patients.phone was changed"],
            id="a type is changed",
        ),
        pytest.param(
            "CREATE TRIGGER watch BEFORE UPDATE ON patients "
            "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            ["trigger watch is not from a migration"],
            id="a trigger is added",
        ),
        pytest.param(
            "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
            ["row-level security of patients is missing"],
            id="row-level security is switched off",
        ),
        pytest.param(
            "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY",
            ["row-level security of patients was changed"],
            id="row-level security is not forced",
        ),
        pytest.param(
            "DROP POLICY own_clinic ON patients",
            ["policy patients.own_clinic is missing"],
            id="a policy is dropped",
        ),
        pytest.param(
            "ALTER POLICY own_clinic ON patients WITH CHECK (true)",
            ["policy patients.own_clinic was changed"],
            id="a policy is changed",
        ),
        pytest.param(
            "CREATE POLICY mine ON patients USING (true)",
            ["policy patients.mine is not from a migration"],
            id="a policy is added",
        ),
    ],
)
def test_drift_of_postgresql_is_named(
    statement: str, told: list[str], postgres_url: str
) -> None:
    assert drifted(as_owner(postgres_url), statement) == told


def test_an_empty_database_lacks_everything(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)

    found = differences(engine)

    assert found
    assert all(line.endswith(" is missing") for line in found)
    engine.dispose()


def test_who_cannot_be_reached_cannot_be_compared() -> None:
    engine = make_engine("postgresql:///clinicflow?host=/nonexistent")

    with pytest.raises(StoreBusyError):
        differences(engine)
