"""`clinicflow visit`: visits that took place elsewhere."""

from __future__ import annotations

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.importing import import_file, import_options
from clinicflow_cli.options import example, in_clinic
from clinicflow_core.desk import imports


@click.group(epilog=example("clinicflow visit import encounters.ndjson"))
def visit() -> None:
    """Import visits that took place."""


@visit.command(
    "import",
    epilog=example(
        "clinicflow visit import encounters.ndjson",
        "clinicflow visit import encounters.ndjson --json --refused mend.ndjson",
    ),
)
@import_options
@in_clinic
@pass_reception
def import_visits(reception: Reception, file: str, refused: str | None) -> None:
    """
    Import completed visits from FILE.

    It is CSV, or FHIR Encounters as NDJSON or Bundle; - is standard input.

    Their doctors and patients are imported before them. Visits that overlap are
    refused, as in booking; hours and the past do not count. Importing again adds
    nothing. What is refused goes to a file of its own, to be mended and imported.
    """
    import_file(imports.import_visits, file, refused, reception)
