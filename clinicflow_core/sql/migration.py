"""The schema of a database: bringing it up to date, and telling whether it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from clinicflow_core.errors import SchemaNotCurrentError
from clinicflow_core.sql.engine import make_engine

VERSION_TABLE = "clinicflow_schema"
DEFAULT_URL = "sqlite:///clinicflow.db"


def url_from_environment() -> str:
    """Return `DATABASE_URL`, or the embedded default, for Alembic's own command."""
    return os.environ.get("DATABASE_URL") or DEFAULT_URL


def upgrade(url: str, revision: str = "head") -> None:
    """
    Bring the database at *url* to *revision*, making the file if there is none.

    Raises:
        SchemaNotCurrentError: If a newer ClinicFlow made its schema.
    """
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Take the database at *url* back to *revision*; "base" removes every table."""
    _run(url, lambda config: command.downgrade(config, revision))


def upgrade_connection(connection: Connection) -> None:
    """Make the newest schema on *connection*, in its transaction."""
    command.upgrade(_config(connection), "head")


def current(engine: Engine) -> str | None:
    """Return the revision of the database, or None if it has no schema."""
    with engine.connect() as connection:
        return _revision(connection)


def newest() -> str:
    """Return the revision that this ClinicFlow needs."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def require_current(engine: Engine) -> None:
    """
    Raises:
        SchemaNotCurrentError: If the database has another revision than `newest`.
    """
    found = current(engine)
    if found != newest():
        raise SchemaNotCurrentError(found, newest())


def _run(url: str, action: Callable[[Config], None]) -> None:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two servers that start at once must not both migrate.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(77436851)")
                connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            _refuse_newer(connection)
            action(_config(connection))
    finally:
        engine.dispose()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _refuse_newer(connection: Connection) -> None:
    found = _revision(connection)
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise SchemaNotCurrentError(found, newest())


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE}
    context = MigrationContext.configure(connection, opts=options)
    return context.get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _folder() -> Path:
    """Return the folder of the migrations: in the package, or in the checkout."""
    package = Path(__file__).parent
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parents[1] / "migrations"
