"""`clinicflow book` and all that can happen to a visit afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import example, given, in_clinic, request
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named, patient_named
from clinicflow_core.desk import booking
from clinicflow_core.entities.appointment import (
    Appointment,
    Cancellation,
    CancellationType,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.ports import UnitOfWork

F = TypeVar("F", bound=Callable[..., Any])

_visit = click.argument("visit", metavar="VISIT", type=click.UUID)

_override = click.option(
    "--override", metavar="REASON", help="Do it against the rules, and say why."
)


def _when(command: F) -> F:
    for option in (
        click.option(
            "--utc-offset",
            metavar="OFFSET",
            help="Picks one pass of a repeated hour, as -05:00; the first without.",
        ),
        click.option(
            "--duration", type=int, metavar="MINUTES", help="How long it takes."
        ),
        click.option(
            "--time",
            "start_time",
            required=True,
            metavar="TIME",
            help="The clinic's wall clock, as 09:00.",
        ),
        click.option("--date", required=True, metavar="DATE", help="As 2026-03-02."),
    ):
        command = option(command)
    return command


def _whose(command: F) -> F:
    for parameter in (
        click.option("--meeting-link", metavar="URL", help="For a virtual visit."),
        click.option(
            "--category",
            "visit_category",
            type=click.Choice([category.value for category in VisitCategory]),
            help="Whether the patient comes for the first time.",
        ),
        click.option(
            "--type",
            "visit_type",
            type=click.Choice([kind.value for kind in VisitType]),
            help="Where it takes place.",
        ),
        click.argument("patient"),
        click.argument("doctor"),
    ):
        command = parameter(command)
    return command


@click.command(
    epilog=example(
        "clinicflow book chen lee --date 2026-03-02 --time 09:00",
        "clinicflow book chen 'ann lee' --date 2026-03-02 --time 09:00 \\",
        "    --duration 45 --category new-patient",
    )
)
@_whose
@_when
@_override
@in_clinic
@pass_reception
def book(
    reception: Reception,
    /,
    doctor: str,
    patient: str,
    override: str | None,
    **options: object,
) -> None:
    """
    Book a visit of PATIENT with DOCTOR, of 30 minutes unless you say otherwise.

    DOCTOR and PATIENT are ids or parts of names. If the time may not be taken, all
    reasons are told, with free times nearby.
    """
    uow = reception.unit_of_work()
    wanted = _wanted(doctor, patient, uow, override=_reason(override), **options)
    booked = booking.book(wanted, uow)
    tell(booked, f"Booked {_told(booked)}.")


@click.command(
    epilog=example("clinicflow check chen lee --date 2026-03-02 --time 09:00")
)
@_whose
@_when
@in_clinic
@pass_reception
def check(
    reception: Reception, /, doctor: str, patient: str, **options: object
) -> None:
    """
    Say whether PATIENT could be booked with DOCTOR, and book nothing.

    The exit status is 0 either way: both are answers.
    """
    uow = reception.unit_of_work()
    verdict = booking.check(_wanted(doctor, patient, uow, **options), uow)
    tell(
        verdict,
        *(conflict.message for conflict in verdict.conflicts),
        *(
            f"Free: {o.date} {o.start_time:%H:%M}-{o.end_time:%H:%M}"
            for o in verdict.alternatives
        ),
        *([] if verdict.conflicts else ["It can be booked."]),
    )


@click.command(
    epilog=example(
        "clinicflow reschedule 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11 \\",
        "    --date 2026-03-03 --time 10:30",
    )
)
@_visit
@_when
@click.option("--doctor", help="Another doctor: id or part of the name.")
@_override
@in_clinic
@pass_reception
def reschedule(
    reception: Reception,
    /,
    visit: UUID,
    doctor: str | None,
    override: str | None,
    **options: object,
) -> None:
    """
    Move VISIT to another time or doctor; if that is refused it stays where it is.

    'clinicflow agenda --ids' shows the ids of visits.
    """
    uow = reception.unit_of_work()
    wanted = request(
        booking.RescheduleAppointment,
        doctor_id=str(doctor_named(doctor, uow).id) if doctor else None,
        override=_reason(override),
        **options,
    )
    moved = booking.reschedule(AppointmentId(visit), wanted, uow)
    tell(moved, f"Moved to {_told(moved)}.")


@click.command(
    epilog=example(
        "clinicflow cancel 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11 \\",
        "    --type patient-cancelled --note 'Has a cold.'",
    )
)
@_visit
@click.option(
    "--type",
    "cancellation_type",
    type=click.Choice([kind.value for kind in CancellationType]),
    default=CancellationType.OTHER.value,
    show_default=True,
    help="Why it does not take place.",
)
@click.option("--note", "reason_note", metavar="TEXT", help="More about why.")
@in_clinic
@pass_reception
def cancel(
    reception: Reception, visit: UUID, cancellation_type: str, reason_note: str | None
) -> None:
    """Cancel VISIT and keep why; its time is free again."""
    wanted = request(
        booking.CancelAppointment,
        cancellation_type=cancellation_type,
        reason_note=reason_note,
    )
    cancelled, cancellation = booking.cancel(
        AppointmentId(visit), wanted, reception.unit_of_work()
    )
    _tell_given_up(cancelled, cancellation)


@click.command(
    "no-show",
    epilog=example("clinicflow no-show 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11"),
)
@_visit
@in_clinic
@pass_reception
def no_show(reception: Reception, visit: UUID) -> None:
    """Note that the patient of VISIT did not come; the time is free again."""
    missed, cancellation = booking.no_show(
        AppointmentId(visit), reception.unit_of_work()
    )
    _tell_given_up(missed, cancellation)


@click.command(
    epilog=example("clinicflow confirm 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@in_clinic
@pass_reception
def confirm(reception: Reception, visit: UUID) -> None:
    """Note that VISIT is agreed on."""
    confirmed = booking.confirm(AppointmentId(visit), reception.unit_of_work())
    tell(confirmed, f"Confirmed {_told(confirmed)}.")


@click.command(epilog=example("clinicflow arrive 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11"))
@_visit
@in_clinic
@pass_reception
def arrive(reception: Reception, visit: UUID) -> None:
    """Note that the patient of VISIT is there."""
    arrived = booking.arrive(AppointmentId(visit), reception.unit_of_work())
    tell(arrived, f"The patient is there for {_told(arrived)}.")


@click.command(
    epilog=example("clinicflow complete 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@in_clinic
@pass_reception
def complete(reception: Reception, visit: UUID) -> None:
    """Note that VISIT took place."""
    completed = booking.complete(AppointmentId(visit), reception.unit_of_work())
    tell(completed, f"Completed {_told(completed)}.")


@click.command(
    epilog=example("clinicflow reinstate 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@_override
@in_clinic
@pass_reception
def reinstate(reception: Reception, visit: UUID, override: str | None) -> None:
    """Let the cancelled or missed VISIT stand again, if its time is still free."""
    wanted = request(booking.ReinstateAppointment, override=_reason(override))
    reinstated = booking.reinstate(
        AppointmentId(visit), wanted, reception.unit_of_work()
    )
    tell(reinstated, f"It stands again: {_told(reinstated)}.")


@click.command(
    "show", epilog=example("clinicflow show 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@in_clinic
@pass_reception
def show_visit(reception: Reception, visit: UUID) -> None:
    """Show VISIT and what happened to it, oldest first; instants are in UTC."""
    uow = reception.unit_of_work()
    found = booking.get(AppointmentId(visit), uow)
    happened = booking.history(found.id, uow)
    tell(
        {"appointment": found, "history": happened},
        f"{_told(found)}: {found.status.value}",
        *_history(happened),
    )


def _wanted(
    doctor: str, patient: str, uow: UnitOfWork, **options: object
) -> booking.BookAppointment:
    return request(
        booking.BookAppointment,
        doctor_id=str(doctor_named(doctor, uow).id),
        patient_id=str(patient_named(patient, uow).id),
        **options,
    )


def _reason(override: str | None) -> dict[str, object] | None:
    return None if override is None else given(reason=override)


def _tell_given_up(visit: Appointment, cancellation: Cancellation) -> None:
    outcome = "Missed" if visit.status is Status.NO_SHOW else "Cancelled"
    tell(
        {"appointment": visit, "cancellation": cancellation},
        f"{outcome} {_told(visit)}.",
    )


def _told(visit: Appointment) -> str:
    return f"{visit.date} {visit.start_time:%H:%M}-{visit.end_time:%H:%M} ({visit.id})"


def _history(events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        outcome = event.kind.partition(".")[2]
        yield f"  {event.at:%Y-%m-%d %H:%M}  {outcome}  by {event.actor}"
