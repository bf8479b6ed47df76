"""`clinicflow patient`: the register."""

from __future__ import annotations

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.importing import import_file, import_options
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_core.desk import imports, register
from clinicflow_core.ports import PageRequest


@click.group(epilog=example("clinicflow patient find lee"))
def patient() -> None:
    """Register, find and import patients."""


@patient.command(
    epilog=example(
        "clinicflow patient add Ann Lee --date-of-birth 1980-12-31 --phone 555-0101"
    )
)
@click.argument("first_name")
@click.argument("last_name")
@click.option("--email", help="Where to write to.")
@click.option("--phone", help="In any format.")
@click.option("--date-of-birth", metavar="DATE", help="As 1980-12-31.")
@in_clinic
@pass_reception
def add(
    reception: Reception,
    first_name: str,
    last_name: str,
    email: str | None,
    phone: str | None,
    date_of_birth: str | None,
) -> None:
    """Take FIRST_NAME LAST_NAME into the register."""
    wanted = request(
        register.RegisterPatient,
        first_name=first_name,
        last_name=last_name,
        email=email,
        phone=phone,
        date_of_birth=date_of_birth,
    )
    added = register.register(wanted, reception.unit_of_work())
    tell(added, f"Registered {added.full_name} ({added.id}).")


@patient.command(
    epilog=example(
        "clinicflow patient find lee",
        "clinicflow patient find ann 1980-12-31 --json",
    )
)
@click.argument("words", nargs=-1)
@click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=50,
    show_default=True,
    help="How many to show at most.",
)
@in_clinic
@pass_reception
def find(reception: Reception, words: tuple[str, ...], limit: int) -> None:
    """
    Find patients by WORDS; without any, all.

    Each word must be found: parts of names in any order, e-mail, digits of the
    phone number, birth date as 1980-12-31; without accents and case.
    """
    page = register.find(
        " ".join(words), PageRequest(limit=limit), reception.unit_of_work()
    )
    rows = table("Name", "Born", "Phone", "E-mail", "Id")
    for each in page.items:
        born = each.date_of_birth.isoformat() if each.date_of_birth else ""
        rows.add_row(
            each.full_name, born, each.phone or "", each.email or "", str(each.id)
        )
    tell(
        {"items": page.items, "more": page.next is not None},
        rows if page.items else "Nobody is found.",
        *(["There are more: say more words, or raise --limit."] if page.next else []),
    )


@patient.command(
    "import",
    epilog=example(
        "clinicflow patient import patients.csv",
        "clinicflow patient import patients.ndjson --json --refused mend.ndjson",
    ),
)
@import_options
@in_clinic
@pass_reception
def import_patients(reception: Reception, file: str, refused: str | None) -> None:
    """
    Import patients from FILE.

    It is CSV, or FHIR Patients as NDJSON or Bundle; - is standard input.

    Importing again adds nothing. What is refused goes to a file of its own, to be
    mended and imported.
    """
    import_file(imports.import_patients, file, refused, reception)
