"""`clinicflow db`: the database's schema."""

from __future__ import annotations

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import Failure
from clinicflow_cli.options import example, json_option
from clinicflow_cli.output import tell
from clinicflow_core.errors import SchemaNotCurrentError


@click.group(epilog=example("clinicflow db upgrade"))
def db() -> None:
    """Look after the database's schema."""


@db.command(
    epilog=example(
        "clinicflow db upgrade",
        "clinicflow --database-url sqlite:///desk.db db upgrade",
    )
)
@json_option
@pass_reception
def upgrade(reception: Reception) -> None:
    """Bring the schema up to date, making the database file if there is none."""
    reception.database.upgrade()
    schema = reception.database.newest()
    tell({"schema": schema}, f"The database has the newest schema, {schema}.")


@db.command(epilog=example("clinicflow db current"))
@json_option
@pass_reception
def current(reception: Reception) -> None:
    """Show which schema the database has, and which is the newest."""
    found, newest = reception.database.current(), reception.database.newest()
    tell(
        {"schema": found, "newest": newest},
        f"The database has schema {found or 'none'}; the newest is {newest}.",
    )


@db.command(epilog=example("clinicflow db check && clinicflow serve"))
@json_option
@pass_reception
def check(reception: Reception) -> None:
    """Check that the schema is the newest, and that nobody changed it by hand."""
    require_current(reception)
    if differences := reception.database.differences():
        raise Failure(
            "The database differs from its schema.",
            "schema-differs",
            details=[f"  {difference}" for difference in differences],
            facts={"differences": differences},
        )
    newest = reception.database.newest()
    tell(
        {"schema": newest, "newest": newest, "differences": []},
        f"The database is as schema {newest} says.",
    )


@db.command(
    epilog=example(
        "clinicflow db roles > roles.sql",
        "clinicflow --database-url postgresql://owner@/clinicflow db roles --apply",
    )
)
@click.option(
    "--role",
    default="clinicflow_service",
    show_default=True,
    metavar="NAME",
    help="The service's role.",
)
@click.option("--apply", is_flag=True, help="Run it instead of printing it.")
@json_option
@pass_reception
def roles(reception: Reception, role: str, apply: bool) -> None:
    """
    Print the SQL that makes the service's role on PostgreSQL.

    The owner of the tables runs it, once more after every upgrade. The role gets no
    password; 'ALTER ROLE … PASSWORD' gives it one.
    """
    if apply:
        reception.database.apply_roles(role)
        tell({"role": role}, f"The role {role} may do what the service does.")
    else:
        script = reception.database.roles(role)
        tell({"role": role, "sql": script}, script)


def require_current(reception: Reception) -> None:
    """
    Raises:
        SchemaNotCurrentError: If the database does not have the newest schema.
    """
    found, newest = reception.database.current(), reception.database.newest()
    if found != newest:
        raise SchemaNotCurrentError(found, newest)
