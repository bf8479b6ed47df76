"""`clinicflow db`: the database's schema, and what follows from the clocks' rules."""

from __future__ import annotations

from collections.abc import Iterator

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import Failure
from clinicflow_cli.options import example, in_clinic, json_option
from clinicflow_cli.output import tell
from clinicflow_core.desk import retiming
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.errors import SchemaNotCurrentError


@click.group(epilog=example("clinicflow db upgrade"))
def db() -> None:
    """Look after the database's schema, and after clocks that change."""


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


@db.command(
    epilog=example("clinicflow db retime", "clinicflow db retime --apply --json")
)
@click.option("--apply", is_flag=True, help="Do it, and not only say what would be.")
@in_clinic
@pass_reception
def retime(reception: Reception, apply: bool) -> None:
    """
    Show what other clocks' rules do to visits to come, or let them follow.

    A new time zone database, or another zone of the clinic, changes instants: each
    visit keeps its day and time on the clinic's clock. It is done for all clinics
    unless one is named. What then shares its time is listed, for somebody to move.
    """
    told = [
        (clinic, retiming.retime(uow, apply=apply))
        for clinic, uow in reception.each_clinic()
    ]
    is_waiting = any(found.visits or found.offers for _, found in told) and not apply
    tell(
        {"items": [_facts(clinic, found) for clinic, found in told]},
        *(line for clinic, found in told for line in _shown(clinic, found)),
        *(["Nothing is changed yet: --apply does it."] if is_waiting else []),
    )


def _facts(clinic: Clinic, found: retiming.Retiming) -> dict[str, object]:
    return {
        "clinic_id": clinic.id,
        "timezone": found.timezone,
        "visits": found.visits,
        "offers": found.offers,
        "applied": found.applied,
    }


def _shown(clinic: Clinic, found: retiming.Retiming) -> Iterator[str]:
    count = len(found.visits)
    retimed = "retimed" if found.applied else "to retime"
    yield (
        f"{clinic.name}, {found.timezone}: "
        f"{count or 'no'} visit{'s' * (count != 1)} {retimed}."
    )
    for visit in found.visits:
        yield (
            f"  {visit.local:%Y-%m-%d %H:%M}  from {visit.was_at:%Y-%m-%d %H:%M} "
            f"to {visit.is_at:%Y-%m-%d %H:%M} UTC ({visit.appointment_id})"
        )
        yield from (f"    {conflict.message}" for conflict in visit.conflicts)
    if found.offers:
        withdrawn = "withdrawn" if found.applied else "to withdraw"
        yield f"  Open offers {withdrawn}: {found.offers}."


def require_current(reception: Reception) -> None:
    """
    Raises:
        SchemaNotCurrentError: If the database does not have the newest schema.
    """
    found, newest = reception.database.current(), reception.database.newest()
    if found != newest:
        raise SchemaNotCurrentError(found, newest)
