"""`clinicflow intake`: what patients tell the clinic before they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.documents import Document, print_document, read_document
from clinicflow_cli.intakes import (
    state_of,
    told_answers,
    told_scores,
    told_summary,
)
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import patient_named, questionnaire_named
from clinicflow_cli.terminals import legible
from clinicflow_cli.visits import told_time
from clinicflow_core.desk import accounts, booking, questionnaires, register, summaries
from clinicflow_core.desk import intake as acts
from clinicflow_core.entities.ids import AppointmentId, FormId
from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.entities.summary import Statement, Summary
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.ports import FormFilter, PageRequest, UnitOfWork
from clinicflow_core.timespan import wall_clock

F = TypeVar("F", bound=Callable[..., Any])

_ID = "6d1f0c52-8a3e-4b7f-9c2d-5e6f7a8b9c0d"
_VISIT = "2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11"
_FREE = "none"
_PUBLIC = "/i/"
"""Where the service shows a form to whoever has its link."""

_form = click.argument("form_id", metavar="FORM", type=click.UUID)

_appointment = click.option(
    "--appointment", "appointment_id", metavar="ID", help="The visit that it is for."
)


def _link_options(command: F) -> F:
    """Add how long a link works, and where the service is."""
    for option in (
        click.option(
            "--base-url",
            default="",
            metavar="URL",
            help="Where the service is, as https://desk.example.org; else PUBLIC_URL, "
            "else only the path of the link is told.",
        ),
        click.option(
            "--days",
            "days_open",
            type=int,
            metavar="DAYS",
            help=f"How long the link works; {acts.DAYS_OPEN} without.",
        ),
    ):
        command = option(command)
    return command


@click.group(epilog=example("clinicflow intake list --status submitted"))
def intake() -> None:
    """Send intake forms, take in their answers, and read their summaries."""


@intake.command(
    epilog=example(
        "clinicflow intake send lee",
        f"clinicflow intake send lee --appointment {_VISIT} \\",
        "    --questionnaire phq-9 --days 7 --base-url https://desk.example.org",
    )
)
@click.argument("patient")
@_appointment
@click.option(
    "--questionnaire",
    metavar="NAME",
    help="What is asked: a name, for its newest version, or an id; 'none' for free "
    "answers. Without it the questionnaire that comes with ClinicFlow.",
)
@_link_options
@in_clinic
@pass_reception
def send(
    reception: Reception,
    /,
    patient: str,
    questionnaire: str | None,
    base_url: str,
    **options: object,
) -> None:
    """
    Make an intake form for PATIENT, an id or part of a name.

    The link by which it is filled in is told this once: give it to the patient.
    """
    uow = reception.unit_of_work()
    found = patient_named(patient, uow)
    words = questionnaire or standard_definition().name
    asked = None if words == _FREE else questionnaire_named(words, uow)
    wanted = request(
        acts.SendForm,
        patient_id=str(found.id),
        questionnaire_id=str(asked.id) if asked else None,
        **options,
    )
    sent = acts.send(wanted, uow)
    told = f"{found.full_name} has the form {sent.id}."
    _tell_link(sent, base_url or reception.settings.public_url, told, uow)


@intake.command(epilog=example(f"clinicflow intake resend {_ID} --days 7"))
@_form
@_link_options
@in_clinic
@pass_reception
def resend(
    reception: Reception, form_id: UUID, days_open: int | None, base_url: str
) -> None:
    """
    Make a new link to FORM; those before it no longer work.

    What the patient has filled in so far stays.
    """
    uow = reception.unit_of_work()
    wanted = request(acts.ResendForm, days_open=days_open)
    sent = acts.resend(FormId(form_id), wanted, uow)
    told = f"The form {sent.id} has a new link."
    _tell_link(sent, base_url or reception.settings.public_url, told, uow)


@intake.command(epilog=example(f"clinicflow intake revoke {_ID}"))
@_form
@in_clinic
@pass_reception
def revoke(reception: Reception, form_id: UUID) -> None:
    """Call FORM back: its links no longer work, and its visit has none."""
    revoked = acts.revoke(FormId(form_id), reception.unit_of_work())
    tell(revoked, f"Revoked the form {revoked.id}.")


@intake.command(
    epilog=example(
        f"clinicflow intake link {_ID} \\",
        f"    --appointment {_VISIT}",
        f"clinicflow intake link {_ID} --no-appointment",
    )
)
@_form
@_appointment
@click.option("--no-appointment", is_flag=True, help="Let it be for no visit.")
@in_clinic
@pass_reception
def link(
    reception: Reception,
    form_id: UUID,
    appointment_id: str | None,
    no_appointment: bool,
) -> None:
    """Give FORM to another visit of the patient, or to none; its summary follows."""
    if (appointment_id is None) is not no_appointment:
        raise click.UsageError("Give --appointment ID or --no-appointment.")
    wanted = (
        acts.LinkForm(appointment_id=None)
        if no_appointment
        else request(acts.LinkForm, appointment_id=appointment_id)
    )
    linked = acts.link(FormId(form_id), wanted, reception.unit_of_work())
    to = f"visit {linked.appointment_id}" if linked.appointment_id else "no visit"
    tell(linked, f"The form {linked.id} is for {to}.")


@intake.command(
    "list",
    epilog=example(
        "clinicflow intake list --status submitted",
        "clinicflow intake list --patient lee --json",
    ),
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in FormStatus]),
    help="Only those that stand there.",
)
@click.option("--patient", help="Only those of this one: id or part of the name.")
@click.option(
    "--appointment",
    type=click.UUID,
    metavar="ID",
    help="Only those for this visit; revoked ones are kept.",
)
@click.option("--flagged", is_flag=True, help="Only those that have a red flag.")
@click.option("--newest-first", is_flag=True, help="Otherwise the oldest comes first.")
@click.option(
    "--limit",
    type=click.IntRange(1, 200),
    default=50,
    show_default=True,
    help="How many to show at most.",
)
@in_clinic
@pass_reception
def list_forms(
    reception: Reception,
    status: str | None,
    patient: str | None,
    appointment: UUID | None,
    flagged: bool,
    newest_first: bool,
    limit: int,
) -> None:
    """List intake forms, by when they were made."""
    uow = reception.unit_of_work()
    which = FormFilter(
        status=FormStatus(status) if status else None,
        patient_id=patient_named(patient, uow).id if patient else None,
        appointment_id=AppointmentId(appointment) if appointment else None,
        flagged=flagged,
    )
    page = acts.page(which, PageRequest(limit=limit), uow, newest_first=newest_first)
    names = register.names([each.patient_id for each in page.items], uow)
    zone = accounts.clinic(uow).zone
    rows = table("Made", "Patient", "Status", "Visit", "Id")
    for each in page.items:
        rows.add_row(
            f"{wall_clock(each.created_at, zone):%Y-%m-%d %H:%M}",
            names.get(each.patient_id, str(each.patient_id)),
            state_of(each) + (", red flag" if each.flagged else ""),
            str(each.appointment_id or ""),
            str(each.id),
        )
    tell(
        {"items": page.items, "more": page.next is not None},
        rows if page.items else "There are no such forms.",
        *(["There are more: raise --limit, or say which."] if page.next else []),
    )


@intake.command(
    epilog=example(
        f"clinicflow intake show {_ID}",
        f"clinicflow intake show {_ID} --fhir > response.json",
    )
)
@_form
@click.option("--fhir", is_flag=True, help="As a FHIR R4 QuestionnaireResponse.")
@in_clinic
@pass_reception
def show(reception: Reception, form_id: UUID, fhir: bool) -> None:
    """Show FORM: what was asked and answered, and what it adds up to."""
    uow = reception.unit_of_work()
    if fhir:
        print_document(acts.response(FormId(form_id), uow))
        return
    read = acts.get(FormId(form_id), uow)
    tell(read, *_shown(read, uow))


@intake.command(
    epilog=example(
        f"clinicflow intake submit {_ID} --answers answers.json",
    )
)
@_form
@click.option(
    "--answers",
    "raw_answers",
    type=Document(),
    default="-",
    show_default=True,
    metavar="FILE",
    help="A JSON object of the answers, by question; - is standard input.",
)
@in_clinic
@pass_reception
def submit(reception: Reception, form_id: UUID, raw_answers: str) -> None:
    """
    Write down the patient's answers to FORM for them.

    What is wrong with them is told by where it stands, and nothing is kept then.
    The links to the form no longer work.
    """
    wanted = request(acts.SubmitForm, raw_answers=read_document(raw_answers))
    submitted = acts.submit(FormId(form_id), wanted, reception.unit_of_work())
    tell(
        submitted,
        f"Submitted the form {submitted.id}; a summary is asked for.",
        *_told_dropped(submitted),
    )


@intake.command(epilog=example(f"clinicflow intake review {_ID}"))
@_form
@in_clinic
@pass_reception
def review(reception: Reception, form_id: UUID) -> None:
    """Note that the clinic has read FORM."""
    reviewed = acts.review(FormId(form_id), reception.unit_of_work())
    tell(reviewed, f"Reviewed the form {reviewed.id}.")


@intake.command(
    epilog=example(
        f"clinicflow intake summary {_ID}",
        f"clinicflow intake summary {_ID} --sign",
    )
)
@_form
@click.option("--again", is_flag=True, help="Ask for a new one; it is kept as history.")
@click.option("--sign", is_flag=True, help="Let it count, as it is now.")
@in_clinic
@pass_reception
def summary(reception: Reception, form_id: UUID, again: bool, sign: bool) -> None:
    """
    Show the summary of FORM: each item, with the patient's words that it stands on.

    Until it is signed it is a draft, and says so first.
    """
    if again and sign:
        raise click.UsageError("Read the new summary before it is signed.")
    uow = reception.unit_of_work()
    if again:
        found = summaries.request(FormId(form_id), uow, reception.summarizer)
    elif sign:
        found = summaries.sign(FormId(form_id), uow)
    else:
        found = summaries.get(FormId(form_id), uow)
    tell(summaries.shown(found), *_told_summary(found, uow))


def _tell_link(
    sent: acts.Sent, base_url: str | None, told: str, uow: UnitOfWork
) -> None:
    link = f"{(base_url or '').rstrip('/')}{_PUBLIC}{sent.token}"
    until = wall_clock(sent.expires_at, accounts.clinic(uow).zone)
    tell(
        {"form": sent.form, "link": link, "expires_at": sent.expires_at},
        told,
        f"It is filled in at {link}",
        f"until {until:%Y-%m-%d %H:%M}; the link is not told again.",
    )


def _shown(read: acts.ReadForm, uow: UnitOfWork) -> Iterator[str]:
    form = read.form
    zone = accounts.clinic(uow).zone
    names = register.names([form.patient_id], uow)
    yield f"{names.get(form.patient_id, form.patient_id)}: {state_of(form)}"
    if asked := _asked(form, uow):
        yield f"{asked.definition.title}, version {asked.version}"
    else:
        yield "Free answers"
    if form.appointment_id is not None:
        yield f"For the visit {told_time(booking.get(form.appointment_id, uow))}"
    for step, instant in (
        ("Submitted", form.submitted_at),
        ("Reviewed", form.reviewed_at),
        ("Revoked", form.revoked_at),
    ):
        if instant is not None:
            yield f"{step} {wall_clock(instant, zone):%Y-%m-%d %H:%M}"
    yield from told_answers(_statements(form, asked))
    yield from told_scores(read.scores)
    yield from _told_dropped(form)


def _told_summary(found: Summary, uow: UnitOfWork) -> Iterator[str]:
    form = acts.get(found.intake_form_id, uow).form
    statements = _statements(form, _asked(form, uow))
    yield from told_summary(found, statements, accounts.clinic(uow).zone)


def _asked(form: IntakeForm, uow: UnitOfWork) -> Questionnaire | None:
    if form.questionnaire_id is None:
        return None
    return questionnaires.get(form.questionnaire_id, uow)


def _statements(form: IntakeForm, asked: Questionnaire | None) -> Sequence[Statement]:
    return statements_of(asked.definition if asked else None, form.raw_answers)


def _told_dropped(form: IntakeForm) -> list[str]:
    if not form.dropped:
        return []
    return [f"Not asked for, and not kept: {', '.join(map(legible, form.dropped))}"]
