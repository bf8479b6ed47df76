"""`clinicflow doctor` and `hours`: who has a diary, and their hours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.importing import import_file, import_options
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import all_doctors, doctor_named
from clinicflow_cli.week import read_hours, read_week, shown_date, shown_week
from clinicflow_core.desk import calendars, doctors, imports
from clinicflow_core.entities.doctor import WorkingHours
from clinicflow_core.ports import UnitOfWork


@click.group(epilog=example("clinicflow doctor list"))
def doctor() -> None:
    """Add, list and import doctors, and set their hours."""


@doctor.command(
    epilog=example(
        "clinicflow doctor add 'Dr. Sarah Chen' --specialty 'Family Medicine' "
        "--initials SC"
    )
)
@click.argument("name")
@click.option("--initials", help="For the calendar, as SC.")
@click.option("--specialty", help="As Family Medicine.")
@click.option("--color", help="For the calendar, as #4A90A4.")
@in_clinic
@pass_reception
def add(
    reception: Reception,
    name: str,
    initials: str | None,
    specialty: str | None,
    color: str | None,
) -> None:
    """Add the doctor NAME, who can be booked as soon as there are hours."""
    wanted = request(
        doctors.AddDoctor,
        name=name,
        initials=initials,
        specialty=specialty,
        color=color,
    )
    added = doctors.add(wanted, reception.unit_of_work())
    tell(added, f"Added {added.name} ({added.id}).")


@doctor.command(
    epilog=example(
        "clinicflow hours chen",
        "clinicflow hours chen mon-thu 09:00-12:30 13:30-17:00 fri 9-12",
        "clinicflow hours chen --on 2026-12-24 9-12",
        "clinicflow doctor hours chen --none",
    )
)
@click.argument("doctor_words", metavar="DOCTOR")
@click.argument("hours", nargs=-1, metavar="[DAYS SPAN...]...")
@click.option(
    "--on",
    "date",
    metavar="DATE",
    help="Set the hours of this day instead: SPANs, --none or --weekly.",
)
@click.option("--none", "cleared", is_flag=True, help="Take all hours away.")
@click.option(
    "--weekly", is_flag=True, help="Give the day --on its weekly hours again."
)
@in_clinic
@pass_reception
def hours(
    reception: Reception,
    doctor_words: str,
    hours: tuple[str, ...],
    date: str | None,
    cleared: bool,
    weekly: bool,
) -> None:
    """
    Set the hours of DOCTOR, weekly or of one day, or show them.

    DOCTOR is an id or part of a name. DAYS are days with their SPANs after them:
    mon-fri, mon,wed, saturday or daily. They replace the whole week. A span such as
    22:00-06:00 runs past midnight. Visits that fall outside stay; 'clinicflow time-off
    stranded' lists them.
    """
    uow = reception.unit_of_work()
    if date is not None:
        _set_day(doctor_words, date, hours, uow, cleared=cleared, weekly=weekly)
        return
    if weekly:
        raise click.UsageError("--weekly needs the day: --on DATE.")
    if hours and cleared:
        raise click.UsageError("Give hours or --none, not both.")
    try:
        week = list(read_week(hours))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    wanted = request(doctors.SetHours, hours=week)
    found = doctor_named(doctor_words, uow)
    if hours or cleared:
        kept = doctors.set_hours(found.id, wanted, uow).hours
    else:
        kept = doctors.hours(found.id, uow).hours
    dated = calendars.dated_hours(found.id, calendars.WhichDays(), uow).items
    tell(
        {"doctor_id": found.id, "hours": kept, "dated": dated},
        found.name,
        *_shown(kept),
        *(f"  {shown_date(day)}" for day in dated),
    )


@doctor.command("list", epilog=example("clinicflow doctor list --json"))
@in_clinic
@pass_reception
def list_doctors(reception: Reception) -> None:
    """List all doctors, by name."""
    found = tuple(all_doctors(reception.unit_of_work()))
    rows = table("Name", "Specialty", "Id")
    for each in found:
        rows.add_row(each.name, each.specialty or "", str(each.id))
    tell({"items": found}, rows if found else "There are no doctors yet.")


@doctor.command(
    "import",
    epilog=example(
        "clinicflow doctor import practitioners.ndjson",
        "clinicflow doctor import - --json < doctors.csv",
    ),
)
@import_options
@in_clinic
@pass_reception
def import_doctors(reception: Reception, file: str, refused: str | None) -> None:
    """
    Import doctors from FILE.

    It is CSV, or FHIR Practitioners as NDJSON or Bundle; - is standard input.

    Importing again adds nothing. What is refused goes to a file of its own, to be
    mended and imported.
    """
    import_file(imports.import_doctors, file, refused, reception)


def _set_day(
    doctor_words: str,
    date: str,
    words: Sequence[str],
    uow: UnitOfWork,
    *,
    cleared: bool,
    weekly: bool,
) -> None:
    if bool(words) + cleared + weekly != 1:
        raise click.UsageError("Give the hours of the day, or --none, or --weekly.")
    try:
        spans = None if weekly else list(read_hours(words))
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    wanted = request(calendars.SetDatedHours, date=date, hours=spans)
    found = doctor_named(doctor_words, uow)
    kept = calendars.set_dated_hours(found.id, wanted, uow).day
    tell(
        {"doctor_id": found.id, "date": kept.date, "hours": kept.hours},
        found.name,
        f"  {shown_date(kept)}",
    )


def _shown(kept: Iterable[WorkingHours]) -> list[str]:
    return [f"  {line}" for line in shown_week(kept)] or ["  no hours"]
