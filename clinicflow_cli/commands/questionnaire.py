"""`clinicflow questionnaire`: what patients are asked before they come."""

from __future__ import annotations

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.documents import Document, print_document, read_document
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import all_questionnaires, questionnaire_named
from clinicflow_core.desk import questionnaires as acts
from clinicflow_core.wire import dump


@click.group(epilog=example("clinicflow questionnaire list"))
def questionnaire() -> None:
    """List, import and export what patients are asked."""


@questionnaire.command("list", epilog=example("clinicflow questionnaire list"))
@in_clinic
@pass_reception
def list_questionnaires(reception: Reception) -> None:
    """List all versions of all questionnaires, by name, the newest first."""
    found = list(all_questionnaires(reception.unit_of_work()))
    rows = table("Name", "Version", "Title", "Id")
    for each in found:
        asked = each.definition
        rows.add_row(asked.name, str(each.version), asked.title, str(each.id))
    tell({"items": found}, rows)


@questionnaire.command(
    "import",
    epilog=example(
        "clinicflow questionnaire import phq-9.json",
        "clinicflow questionnaire import intake.json --value-set yes-no.json",
    ),
)
@click.argument("document", type=Document(), metavar="FILE")
@click.option(
    "--value-set",
    "value_sets",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    multiple=True,
    metavar="FILE",
    help="A FHIR ValueSet that it takes options from; can be given again.",
)
@in_clinic
@pass_reception
def import_questionnaire(
    reception: Reception, document: str, value_sets: tuple[str, ...]
) -> None:
    """
    Import the questionnaire in FILE; - is standard input.

    It is a FHIR R4 Questionnaire, a Bundle of one with its ValueSets, or what
    'clinicflow questionnaire export' prints. What it asks differently from the newest
    version of its name becomes the next one. What cannot be asked here is named, and
    nothing is imported then.
    """
    parts = [read_document(path) for path in (document, *value_sets)]
    wanted = request(
        acts.ImportQuestionnaire, document=_bundle(parts) if value_sets else parts[0]
    )
    added = acts.add(wanted, reception.unit_of_work())
    asked = added.definition
    tell(added, f"{asked.name} is at version {added.version} ({added.id}).")


@questionnaire.command(
    epilog=example(
        "clinicflow questionnaire export intake > intake.json",
        "clinicflow questionnaire export intake --format clinicflow",
    )
)
@click.argument("words", metavar="QUESTIONNAIRE")
@click.option(
    "--format",
    "form",
    type=click.Choice(["fhir", "clinicflow"]),
    default="fhir",
    show_default=True,
    help="A FHIR R4 Questionnaire, or ClinicFlow's own form.",
)
@in_clinic
@pass_reception
def export(reception: Reception, words: str, form: str) -> None:
    """Print QUESTIONNAIRE, an id or a name, as JSON; of a name the newest version."""
    uow = reception.unit_of_work()
    found = questionnaire_named(words, uow)
    document = acts.export(found.id, uow) if form == "fhir" else dump(found.definition)
    print_document(document)


def _bundle(resources: list[object]) -> dict[str, object]:
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
