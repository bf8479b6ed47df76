"""The command `clinicflow`: its options, and where its commands are found."""

from __future__ import annotations

import sys
from importlib import metadata
from io import TextIOWrapper
from uuid import UUID

import click

from clinicflow_cli.failures import ClinicFlowGroup

COMMANDS = {
    "init": ("clinic:init", "Make the database ready, with a clinic and its owner."),
    "db": (
        "database:db",
        "Look after the database's schema, and after clocks that change.",
    ),
    "clinic": ("clinic:clinic", "Show the clinic, or change its facts."),
    "user": ("clinic:user", "Open accounts for people who work in the clinic."),
    "doctor": ("doctor:doctor", "Add, list and import doctors, and set their hours."),
    "hours": (
        "doctor:hours",
        "Set the hours of DOCTOR, weekly or of one day, or show them.",
    ),
    "time-off": (
        "time_off:time_off",
        "Keep when doctors are off, and list visits that they cannot keep.",
    ),
    "policy": (
        "policy:policy",
        "Show or set what the clinic, or a doctor instead, asks of the diary.",
    ),
    "patient": (
        "patient:patient",
        "Register, find, import and merge patients; give out or erase their records.",
    ),
    "visit": ("visit:visit", "Import visits that took place."),
    "audit": (
        "audit:audit",
        "Show the trail of what happened, and find out whether it was changed.",
    ),
    "permissions": ("audit:permissions", "Print who may do what."),
    "agenda": (
        "agenda:agenda",
        "Show a day or a week: who comes when to whom, and what is free.",
    ),
    "today": (
        "today:today",
        "Tell how the clinic's day goes: who waits, who is next, what is not settled.",
    ),
    "figures": (
        "figures:figures",
        "Count what some days came to: visits, rates, waits, and time that was booked.",
    ),
    "openings": ("openings:openings", "List all free times, by doctor and day."),
    "next": (
        "openings:next_openings",
        "Show the first free times over all doctors, or some.",
    ),
    "check": (
        "booking:check",
        "Say whether PATIENT could be booked with DOCTOR.",
    ),
    "book": ("booking:book", "Book a visit of PATIENT with DOCTOR."),
    "show": ("booking:show_visit", "Show VISIT and what happened to it."),
    "reschedule": ("booking:reschedule", "Move VISIT to another time or doctor."),
    "confirm": ("booking:confirm", "Note that VISIT is agreed on."),
    "arrive": ("booking:arrive", "Note that the patient of VISIT is there."),
    "complete": ("booking:complete", "Note that VISIT took place."),
    "no-show": ("booking:no_show", "Note that the patient of VISIT did not come."),
    "cancel": ("booking:cancel", "Cancel VISIT and keep why."),
    "reinstate": (
        "booking:reinstate",
        "Let the cancelled or missed VISIT stand again.",
    ),
    "undo": ("booking:undo", "Take back what was done last to VISIT."),
    "series": (
        "series:series",
        "Book visits that repeat, and move or cancel them together.",
    ),
    "waitlist": (
        "waitlist:waitlist",
        "Keep who waits for a time, and what is offered to them.",
    ),
    "questionnaire": (
        "questionnaire:questionnaire",
        "List, import and export what patients are asked.",
    ),
    "intake": (
        "intake:intake",
        "Send intake forms, take in their answers, and read their summaries.",
    ),
    "serve": ("serve:serve", "Serve the record over HTTP."),
    "worker": ("worker:worker", "Do the jobs of all clinics until it is stopped."),
    "jobs": ("jobs:jobs", "List jobs, and retry or drop those that were given up."),
    "demo": ("demo:demo", "Make a clinic to try, with a lively day, and serve it."),
}
"""In the order of the help: where each command is in `commands`, and what it does."""


def _tell_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        try:
            click.echo(f"clinicflow {metadata.version('clinicflow')}")
        except metadata.PackageNotFoundError:
            click.echo("clinicflow (a checkout that is not installed)")
        ctx.exit()


@click.group(
    cls=ClinicFlowGroup,
    commands_in={
        name: (f"clinicflow_cli.commands.{place}", told)
        for name, (place, told) in COMMANDS.items()
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 90},
    epilog="Each command says more with --help, as in: clinicflow book --help",
)
@click.option(
    "--database-url",
    metavar="URL",
    help="The database; else DATABASE_URL, from the environment or .env, else the "
    "file clinicflow.db.",
)
@click.option(
    "--clinic",
    type=click.UUID,
    metavar="ID",
    help="The clinic; needed only where there are several.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, database_url: str | None, clinic: UUID | None) -> None:
    """Run a clinic's front desk: doctors, patients, and visits booked once."""
    from clinicflow_cli.composition import (  # noqa: PLC0415  Help does without it.
        Reception,
        SqlDatabase,
    )

    reception = Reception(ctx.obj or SqlDatabase, database_url)
    reception.clinic_id = clinic
    ctx.call_on_close(reception.close)
    ctx.obj = reception


def main() -> None:
    """Run the command line with the arguments of the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal cannot show must not end the program.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="clinicflow")


if __name__ == "__main__":
    main()
