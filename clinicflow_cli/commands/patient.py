"""`clinicflow patient`: the register."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.importing import import_file, import_options
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import described, patient_named
from clinicflow_core.desk import imports, register
from clinicflow_core.errors import PatientNotFoundError
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.wire import dump


@click.group(epilog=example("clinicflow patient find lee"))
def patient() -> None:
    """Register, find, import and merge patients; give out or erase their records."""


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
    uow = reception.unit_of_work()
    registered = register.register(wanted, uow)
    added = registered.patient
    fields = dump(added)
    assert isinstance(fields, dict)
    tell(
        {**fields, "possible_duplicates": registered.possible_duplicates},
        f"Registered {added.full_name} ({added.id}).",
        *_warnings(registered, uow),
    )


def _warnings(registered: register.Registered, uow: UnitOfWork) -> Iterator[str]:
    """Yield who may be the same person, as far as they are still there."""
    for duplicate in registered.possible_duplicates:
        with suppress(PatientNotFoundError):
            other = register.get(duplicate.patient_id, uow)
            yield f"Maybe the same person: {described(other)} ({other.id})."


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


@patient.command(epilog=example("clinicflow patient merge 'Ann Lee' 'Anne Lee' --yes"))
@click.argument("patient_words", metavar="PATIENT")
@click.argument("duplicate_words", metavar="DUPLICATE")
@click.option("--yes", is_flag=True, help="Do not ask: it cannot be undone.")
@in_clinic
@pass_reception
def merge(
    reception: Reception, patient_words: str, duplicate_words: str, yes: bool
) -> None:
    """
    Make PATIENT and DUPLICATE one: everything of DUPLICATE moves to PATIENT.

    Each is an id or part of a name.
    """
    uow = reception.unit_of_work()
    kept = patient_named(patient_words, uow)
    duplicate = patient_named(duplicate_words, uow)
    _confirm(f"Merge {described(duplicate)} into {described(kept)} for good?", yes)
    wanted = register.MergePatients(duplicate_id=duplicate.id)
    merged = register.merge(kept.id, wanted, uow)
    tell(merged, f"Merged {duplicate.id} into {described(merged)} ({merged.id}).")


@patient.command(epilog=example("clinicflow patient export lee --output lee.json"))
@click.argument("words", metavar="PATIENT")
@click.option(
    "--output",
    type=click.File("w", encoding="utf-8", atomic=True),
    default="-",
    metavar="FILE",
    help="Where the record goes, replacing what was there; else it is printed.",
)
@in_clinic
@pass_reception
def export(reception: Reception, words: str, output: IO[str]) -> None:
    """
    Give out the whole record of PATIENT, an id or part of a name, as JSON.

    That it was given out is recorded.
    """
    uow = reception.unit_of_work()
    record = register.export(patient_named(words, uow).id, uow)
    output.write(json.dumps(record, indent=2, ensure_ascii=True) + "\n")


@patient.command(epilog=example("clinicflow patient erase 'Ann Lee' --yes"))
@click.argument("words", metavar="PATIENT")
@click.option("--yes", is_flag=True, help="Do not ask: it cannot be undone.")
@in_clinic
@pass_reception
def erase(reception: Reception, words: str, yes: bool) -> None:
    """
    Blank all that is personal of PATIENT, an id or part of a name, for good.

    Visits stay as those of somebody unknown.
    """
    uow = reception.unit_of_work()
    found = patient_named(words, uow)
    _confirm(f"Erase {described(found)} ({found.id}) for good?", yes)
    erased = register.erase(found.id, uow)
    tell(erased, f"Erased patient {erased.id}.")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)
