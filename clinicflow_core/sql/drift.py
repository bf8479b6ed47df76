"""
Whether a database still has the schema that the migrations make.

The migrations are run once more beside it, and the two are compared by what the
database itself says of them: columns with their defaults, constraints with
exclusions, indexes, triggers and row-level security with its policies.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, text

from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.migration import upgrade_connection
from clinicflow_core.sql.refusals import told_apart

_SCRATCH = "clinicflow_scratch"

_SQLITE = """
    SELECT type || ' ' || name AS name, sql AS definition FROM sqlite_master
    WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
"""

_POSTGRESQL = """
    SELECT 'column ' || c.relname || '.' || a.attname AS name,
        concat_ws(
            ' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
            a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
        ) AS definition
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = CAST(:schema AS regnamespace)
    AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'constraint ' || conname,
        concat_ws(' ', pg_get_constraintdef(oid), convalidated)
    FROM pg_constraint WHERE connamespace = CAST(:schema AS regnamespace)
    UNION ALL
    SELECT 'index ' || c.relname,
        concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid)
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE c.relnamespace = CAST(:schema AS regnamespace)
    UNION ALL
    SELECT 'trigger ' || t.tgname,
        concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND NOT t.tgisinternal
    UNION ALL
    SELECT 'row-level security of ' || relname,
        concat_ws(' ', relrowsecurity, relforcerowsecurity)
    FROM pg_class
    WHERE relnamespace = CAST(:schema AS regnamespace) AND relrowsecurity
    UNION ALL
    SELECT concat('policy ', tablename, '.', policyname),
        concat_ws(' ', permissive, roles, cmd, qual, with_check)
    FROM pg_policies WHERE schemaname = CAST(:schema AS name)
"""


def differences(engine: Engine) -> list[str]:
    """
    Return what is missing, added or changed against the migrations, sorted.

    Nothing is changed in the database; on PostgreSQL the right to create a schema
    is needed for the comparison.

    Raises:
        UnavailableError: If the database does not answer.
    """
    with told_apart(), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            found = _described(connection, _SQLITE)
            expected = _freshly_made_on_sqlite()
        else:
            schema = str(connection.scalar(text("SELECT current_schema()")))
            found = _described(connection, _POSTGRESQL, schema)
            connection.execute(text(f"CREATE SCHEMA {_SCRATCH}"))
            connection.execute(text(f"SET LOCAL search_path = {_SCRATCH}"))
            upgrade_connection(connection)
            expected = _described(connection, _POSTGRESQL, _SCRATCH)
    return sorted(_compared(expected, found))


def _freshly_made_on_sqlite() -> dict[str, str]:
    engine = make_engine("sqlite://")
    try:
        with engine.connect() as connection:
            upgrade_connection(connection)
            return _described(connection, _SQLITE)
    finally:
        engine.dispose()


def _described(
    connection: Connection, query: str, schema: str | None = None
) -> dict[str, str]:
    rows = connection.execute(text(query), {"schema": schema} if schema else {})
    return {row.name: (row.definition or "").replace(f"{schema}.", "") for row in rows}


def _compared(expected: dict[str, str], found: dict[str, str]) -> Iterable[str]:
    for name in expected.keys() - found.keys():
        yield f"{name} is missing"
    for name in found.keys() - expected.keys():
        yield f"{name} is not from a migration"
    for name in expected.keys() & found.keys():
        if expected[name] != found[name]:
            yield f"{name} was changed"
