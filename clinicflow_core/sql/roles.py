"""
The role with which the service reaches PostgreSQL, and whether it is held.

Row-level security does not hold superusers, roles with BYPASSRLS, or an owner who
takes it off. So the tables belong to one role, which migrates, and the service has
another, which may do with rows what the service does, and nothing with tables.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, Engine, TextClause, text

from clinicflow_core.errors import StoreForbidsError
from clinicflow_core.sql.migration import VERSION_TABLE
from clinicflow_core.sql.refusals import told_apart
from clinicflow_core.sql.tables import metadata

SERVICE_ROLE = "clinicflow_service"

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_KEPT = {"events": "SELECT, INSERT", VERSION_TABLE: "SELECT"}
"""What the service may do where it may not do everything: the trail only grows."""

# Whatever a role may become it can do as well.
_IS_ABOVE = """EXISTS (
        SELECT FROM pg_roles AS role, pg_roles AS above
        WHERE role.rolname = {role} AND pg_has_role(role.oid, above.oid, 'MEMBER')
        AND (
            above.rolsuper OR above.rolbypassrls OR above.oid IN (
                SELECT relowner FROM pg_class
                WHERE relnamespace = CAST(current_schema() AS regnamespace)
                AND relkind IN ('r', 'p')
            )
        )
    )"""

_NOT_HELD = text("""
    SELECT t.relname FROM pg_class AS t
    WHERE t.relnamespace = CAST(current_schema() AS regnamespace)
    AND t.relkind IN ('r', 'p')
    AND (
        t.relname = 'clinics' OR EXISTS (
            SELECT FROM pg_attribute AS a
            WHERE a.attrelid = t.oid AND a.attname = 'clinic_id' AND NOT a.attisdropped
        )
    )
    AND NOT (
        t.relrowsecurity AND t.relforcerowsecurity
        AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = t.oid)
    )
    ORDER BY t.relname
""")


def open_walls(engine: Engine) -> list[str]:
    """
    Return why the database does not itself keep clinics apart, led by the setting.

    SQLite never does, and has nothing to say.

    Raises:
        UnavailableError: If the database does not answer.
    """
    if engine.dialect.name == "sqlite":
        return []
    problems = []
    with told_apart(), engine.connect() as connection:
        if connection.scalar(_is_above("current_user")):
            problems.append(
                "DATABASE_URL: its role is a superuser, owns the tables or has "
                "BYPASSRLS, so that row-level security does not hold it; make another "
                "with 'clinicflow db roles'"
            )
        if tables := connection.scalars(_NOT_HELD).all():
            problems.append(
                f"DATABASE_URL: without row-level security are {', '.join(tables)}; "
                "see 'clinicflow db check'"
            )
    return problems


def script(role: str = SERVICE_ROLE) -> str:
    """
    Return the SQL that makes the service's *role*, or corrects what it may do.

    It is for the owner of the tables, and to be run again after every upgrade.

    Raises:
        ValueError: If *role* is no name for one.
    """
    return ";\n\n".join(_statements(role)) + ";"


def apply(engine: Engine, role: str = SERVICE_ROLE) -> None:
    """
    Make the service's *role*, or correct what it may do; see `script`.

    Raises:
        ValueError: If *role* is no name for one, or above row-level security.
        UnavailableError: If the database does not answer or forbids it.
    """
    statements = _statements(role)
    with told_apart(), engine.begin() as connection:
        # To others PostgreSQL says yes, and grants nothing.
        if not connection.scalar(_is_above("current_user")):
            raise StoreForbidsError
        _refuse_above(connection, role)
        for statement in statements:
            connection.execute(text(statement))


def _statements(role: str) -> list[str]:
    if not _NAME.fullmatch(role):
        raise ValueError("must be a name as clinicflow_service")
    tables = sorted({*metadata.tables, VERSION_TABLE})
    changed = ", ".join(table for table in tables if table not in _KEPT)
    return [
        f"""DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
    END IF;
    IF {_IS_ABOVE.format(role=f"'{role}'")} THEN
        RAISE EXCEPTION '{role} is above row-level security';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema());
END
$$""",
        f"REVOKE ALL ON {', '.join(tables)} FROM {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {changed} TO {role}",
        *(f"GRANT {rights} ON {table} TO {role}" for table, rights in _KEPT.items()),
    ]


def _is_above(role: str) -> TextClause:
    return text(f"SELECT {_IS_ABOVE.format(role=role)}")


def _refuse_above(connection: Connection, role: str) -> None:
    if connection.scalar(_is_above(f"'{role}'")):
        raise ValueError(
            "is above row-level security: a superuser, the tables' owner or with "
            "BYPASSRLS"
        )
