from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, text

from clinicflow_core.errors import StoreBusyError, StoreForbidsError
from clinicflow_core.sql import roles
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import SqlStore
from clinicflow_core.sql.tables import metadata
from tests.builders import open_clinic
from tests.postgres import SERVICE, as_owner
from tests.sql.conftest import OpenStore

EVERYTHING = {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.fixture
def owner(postgres_url: str) -> Iterator[Engine]:
    made = make_engine(as_owner(postgres_url))
    yield made
    made.dispose()


@pytest.fixture
def role() -> str:
    """The name of a role that no other test has made."""
    return f"desk_{uuid4().hex}"


def run(owner: Engine, *statements: str) -> None:
    with owner.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rights(owner: Engine, role: str) -> dict[str, set[str]]:
    """Return what *role* may do with each table with which it may do anything."""
    query = text(
        "SELECT table_name, array_agg(CAST(privilege_type AS text)) "
        "FROM information_schema.role_table_grants WHERE grantee = :role GROUP BY 1"
    )
    with owner.connect() as connection:
        found = connection.execute(query, {"role": role}).all()
    return {table: set(may) for table, may in found}


def test_the_service_may_do_with_rows_what_it_does_and_the_trail_only_grows(
    owner: Engine, role: str
) -> None:
    roles.apply(owner, role)

    assert rights(owner, role) == {
        **dict.fromkeys(metadata.tables, EVERYTHING),
        "events": {"SELECT", "INSERT"},
        "clinicflow_schema": {"SELECT"},
    }


def test_the_role_is_nothing_but_a_role(owner: Engine, role: str) -> None:
    roles.apply(owner, role)

    with owner.connect() as connection:
        found = connection.execute(
            text(
                "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, "
                "rolcreaterole, rolreplication FROM pg_roles WHERE rolname = :role"
            ),
            {"role": role},
        ).one()
    assert tuple(found) == (True, False, False, False, False, False)


def test_applying_it_again_corrects_what_was_granted(owner: Engine, role: str) -> None:
    roles.apply(owner, role)
    run(
        owner,
        f"GRANT ALL ON events, clinicflow_schema TO {role}",
        f"REVOKE ALL ON patients FROM {role}",
    )

    roles.apply(owner, role)

    assert rights(owner, role)["events"] == {"SELECT", "INSERT"}
    assert rights(owner, role)["patients"] == EVERYTHING


def test_what_is_printed_does_what_applying_does(owner: Engine, role: str) -> None:
    url = owner.url.set(drivername="postgresql").render_as_string()

    with psycopg.connect(url) as shell:
        shell.execute(roles.script(role))

    printed = rights(owner, role)
    roles.apply(owner, role)
    assert printed == rights(owner, role) != {}


def test_a_role_that_has_a_password_keeps_it(owner: Engine, role: str) -> None:
    run(owner, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    query = f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'"
    with owner.connect() as connection:
        before = connection.scalar(text(query))

    roles.apply(owner, role)

    with owner.connect() as connection:
        assert connection.scalar(text(query)) == before is not None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Desk",
        "1desk",
        "desk-1",
        'desk"; DROP TABLE patients; --',
        "desk'",
        "desk ",
        "pg_desk",
        "d" * 64,
        "désk",
        "desk\n",
    ],
)
def test_what_is_no_name_for_a_role_is_refused(name: str, owner: Engine) -> None:
    with pytest.raises(ValueError, match="must be a name"):
        roles.script(name)
    with pytest.raises(ValueError, match="must be a name"):
        roles.apply(owner, name)


ABOVE = pytest.mark.parametrize(
    "statement",
    [
        pytest.param("ALTER ROLE {role} SUPERUSER", id="a superuser"),
        pytest.param("ALTER ROLE {role} BYPASSRLS", id="bypasses it"),
        pytest.param("ALTER TABLE patients OWNER TO {role}", id="owns a table"),
        pytest.param("GRANT clinicflow TO {role}", id="may become the owner"),
    ],
)


@ABOVE
def test_a_role_above_row_level_security_is_not_made_the_services(
    statement: str, owner: Engine, role: str
) -> None:
    run(owner, f"CREATE ROLE {role} LOGIN", statement.format(role=role))

    with pytest.raises(ValueError, match="above row-level security"):
        roles.apply(owner, role)
    with (
        owner.connect() as connection,
        pytest.raises(psycopg.errors.RaiseException, match="above row-level security"),
    ):
        connection.connection.driver_connection.execute(roles.script(role))


@pytest.mark.parametrize("name", [SERVICE, "clinicflow_another"])
def test_only_who_owns_the_tables_can_apply_it(name: str, postgres_url: str) -> None:
    service = make_engine(postgres_url)

    with pytest.raises(StoreForbidsError, match="its owner"):
        roles.apply(service, name)

    service.dispose()


def test_the_services_role_is_held(postgres_url: str, open_: OpenStore) -> None:
    assert open_(postgres_url).open_walls() == []


def test_sqlite_has_nothing_to_say(sqlite_store: SqlStore) -> None:
    assert sqlite_store.open_walls() == []


@ABOVE
def test_a_role_above_row_level_security_is_told(
    statement: str, postgres_url: str, owner: Engine, role: str, open_: OpenStore
) -> None:
    roles.apply(owner, role)
    run(owner, statement.format(role=role))

    [problem] = open_(postgres_url.replace(SERVICE, role)).open_walls()

    assert problem.startswith("DATABASE_URL: ")
    assert "'clinicflow db roles'" in problem


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE patients DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE patients NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_clinic ON patients",
        "CREATE TABLE patients_2 (clinic_id uuid)",
    ],
)
def test_a_table_without_row_level_security_is_told(
    statement: str, postgres_url: str, owner: Engine, open_: OpenStore
) -> None:
    run(owner, statement)

    [problem] = open_(postgres_url).open_walls()

    assert problem.startswith("DATABASE_URL: ")
    assert "patients" in problem


def test_who_cannot_be_reached_cannot_be_judged(open_: OpenStore) -> None:
    with pytest.raises(StoreBusyError):
        open_("postgresql:///clinicflow?host=/nonexistent").open_walls()


def test_the_service_works_with_a_role_of_another_name(
    postgres_url: str, owner: Engine, role: str, open_: OpenStore
) -> None:
    roles.apply(owner, role)

    clinic = open_clinic(open_(postgres_url.replace(SERVICE, role)))

    with clinic.uow as uow:
        assert uow.patients.get(clinic.patient.id) == clinic.patient
