"""`clinicflow init`, `clinic` and `user`: the clinic and who works in it."""

from __future__ import annotations

from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import (
    example,
    given,
    in_clinic,
    json_option,
    password_from,
    password_option,
    request,
)
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import doctor_named
from clinicflow_core.desk import accounts, users
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import UserId
from clinicflow_core.entities.user import Role, UserStatus
from clinicflow_core.ports import PageRequest


@click.command(
    epilog=example(
        "clinicflow init --name 'Harbour Clinic' --timezone Europe/Lisbon \\",
        "    --email ines@harbour.example",
        "printf '%s\\n' \"$PASSWORD\" | clinicflow init --name 'Harbour Clinic' \\",
        "    --timezone Europe/Lisbon --email ines@harbour.example --password-stdin",
    )
)
@click.option("--name", required=True, help="The clinic's name.")
@click.option(
    "--timezone",
    default="America/New_York",
    show_default=True,
    help="Where the clinic is, as an IANA time zone.",
)
@click.option("--email", required=True, help="The owner's e-mail, to sign in with.")
@click.option("--owner-name", help="The owner's name; the e-mail's first part without.")
@password_option
@json_option
@pass_reception
def init(
    reception: Reception,
    name: str,
    timezone: str,
    email: str,
    owner_name: str | None,
    password_stdin: bool,
) -> None:
    """
    Make the database ready, with a clinic and its owner.

    The database gets the newest schema first; an SQLite file is made if there is
    none. The owner's password has 12 to 72 bytes.
    """
    sign_up = request(
        accounts.SignUp,
        clinic=given(name=name, timezone=timezone),
        owner=given(
            name=owner_name or email.partition("@")[0],
            email=email,
            password=password_from(password_stdin),
        ),
    )
    reception.database.upgrade()
    signed_up = accounts.sign_up(sign_up, reception.entrance())
    tell(
        {"clinic": signed_up.clinic, "user": signed_up.user},
        f"The clinic {signed_up.clinic.name} is set up ({signed_up.clinic.id}).",
        f"Its owner signs in as {signed_up.user.email}.",
    )


@click.command(
    epilog=example(
        "clinicflow clinic",
        "clinicflow clinic --name 'Harbour Clinic North' --timezone Europe/Lisbon",
        "clinicflow clinic --no-ai-summaries",
    )
)
@click.option("--name", help="Give the clinic another name.")
@click.option("--timezone", help="Move it to another IANA time zone.")
@click.option(
    "--ai-summaries/--no-ai-summaries",
    "ai_summaries",
    default=None,
    help="Whether a service outside may make summaries; without, no answer of a "
    "patient leaves the machine.",
)
@in_clinic
@pass_reception
def clinic(
    reception: Reception,
    name: str | None,
    timezone: str | None,
    ai_summaries: bool | None,
) -> None:
    """
    Show the clinic, or change its facts.

    A new time zone applies to visits booked from then on; 'clinicflow db retime' lets
    those that are booked follow.
    """
    uow = reception.unit_of_work()
    if changes := given(name=name, timezone=timezone, ai_summaries=ai_summaries):
        found = accounts.change_clinic(request(accounts.ChangeClinic, **changes), uow)
    else:
        found = accounts.clinic(uow)
    tell(found, *_shown(found))


@click.group(
    epilog=example(
        "clinicflow user create --name 'Rui Sol' --email sol@harbour.example \\",
        "    --role admin",
    )
)
def user() -> None:
    """Open accounts for people who work in the clinic."""


@user.command(
    epilog=example(
        "clinicflow user create --name 'Rui Sol' --email sol@harbour.example \\",
        "    --role admin",
        "clinicflow user create --name 'Sarah Chen' --email chen@harbour.example \\",
        "    --role doctor --doctor chen",
    )
)
@click.option("--name", required=True, help="Whose account it is.")
@click.option("--email", required=True, help="To sign in with.")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do.",
)
@click.option(
    "--doctor",
    help="Whose diary is their own: id or part of the name; for role doctor.",
)
@password_option
@in_clinic
@pass_reception
def create(
    reception: Reception,
    name: str,
    email: str,
    role: str,
    doctor: str | None,
    password_stdin: bool,
) -> None:
    """Open an account; its password has 12 to 72 bytes."""
    uow = reception.unit_of_work()
    wanted = request(
        users.AddUser,
        name=name,
        email=email,
        role=role,
        doctor_id=str(doctor_named(doctor, uow).id) if doctor else None,
        password=password_from(password_stdin),
    )
    created = users.add(wanted, uow)
    tell(
        created, f"{created.email} can sign in as {created.role.value} ({created.id})."
    )


@user.command("list", epilog=example("clinicflow user list"))
@in_clinic
@pass_reception
def list_users(reception: Reception) -> None:
    """List the accounts, by name."""
    uow = reception.unit_of_work()
    page = users.page(PageRequest(limit=200), uow)
    found = list(page.items)
    while page.next:
        page = users.page(PageRequest(page.next, limit=200), uow)
        found += page.items
    rows = table("Name", "E-mail", "Role", "Status", "Id")
    for each in found:
        rows.add_row(
            each.name, each.email, each.role.value, each.status.value, str(each.id)
        )
    tell({"items": found}, rows if found else "There are no accounts.")


@user.command(
    epilog=example(
        "clinicflow user change 0b4e6f0a-52c1-4fbb-9d1b-6e8a4c0f6a11 --role admin",
        "clinicflow user change 0b4e6f0a-52c1-4fbb-9d1b-6e8a4c0f6a11 \\",
        "    --status inactive",
    )
)
@click.argument("user_id", metavar="USER", type=click.UUID)
@click.option("--name", help="Whose account it is.")
@click.option("--email", help="To sign in with.")
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), help="What they may do."
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in UserStatus]),
    help="Whether they can sign in; who is made inactive is signed out at once.",
)
@click.option(
    "--doctor",
    help="Whose diary is their own: id or part of the name; for role doctor.",
)
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read a new password from the first line of standard input.",
)
@in_clinic
@pass_reception
def change(
    reception: Reception,
    user_id: UUID,
    name: str | None,
    email: str | None,
    role: str | None,
    status: str | None,
    doctor: str | None,
    password_stdin: bool,
) -> None:
    """Change the account USER, by its id; it counts with its next request."""
    uow = reception.unit_of_work()
    wanted = request(
        users.ChangeUser,
        name=name,
        email=email,
        role=role,
        status=status,
        doctor_id=str(doctor_named(doctor, uow).id) if doctor else None,
        password=password_from(stdin=True) if password_stdin else None,
    )
    changed = users.change(UserId(user_id), wanted, uow)
    tell(
        changed, f"{changed.email} is {changed.status.value}, as {changed.role.value}."
    )


def _shown(found: Clinic) -> tuple[str, ...]:
    return (
        f"Name:         {found.name}",
        f"Time zone:    {found.timezone}",
        f"AI summaries: {'on' if found.ai_summaries else 'off'}",
        f"Id:           {found.id}",
    )
