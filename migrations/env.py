"""Runs the migrations on the connection or URL that the configuration carries."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.migration import VERSION_TABLE, url_from_environment
from clinicflow_core.sql.tables import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    engine = make_engine(url_from_environment())
    with engine.begin() as opened:
        run(opened)
    engine.dispose()
