"""`clinicflow book` and all that can happen to a visit afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import told_opening
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named, doctor_names, patient_named
from clinicflow_cli.visits import (
    day_option,
    duration_option,
    override_option,
    reason_of,
    start_option,
    told_visit,
    whose_and_what,
)
from clinicflow_core.desk import accounts, booking, undoing
from clinicflow_core.entities.appointment import (
    Appointment,
    Cancellation,
    CancellationType,
    Status,
)
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.timespan import wall_clock

F = TypeVar("F", bound=Callable[..., Any])

_visit = click.argument("visit", metavar="VISIT", type=click.UUID)


def _when(command: F) -> F:
    for option in (
        click.option(
            "--utc-offset",
            metavar="OFFSET",
            help="Picks one pass of a repeated hour, as -05:00; the first without.",
        ),
        duration_option,
        start_option,
        day_option,
    ):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "clinicflow book chen lee --date 2026-03-02 --time 09:00",
        "clinicflow book chen 'ann lee' --date 2026-03-02 --time 09:00 \\",
        "    --duration 45 --category new-patient",
    )
)
@whose_and_what
@_when
@override_option
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
    Book a visit of PATIENT with DOCTOR.

    DOCTOR and PATIENT are ids or parts of names. Without --duration it takes what the
    policy says of its category. If the time may not be taken, all reasons are told,
    with free times nearby.
    """
    uow = reception.unit_of_work()
    wanted = _wanted(doctor, patient, uow, override=reason_of(override), **options)
    booked = booking.book(wanted, uow)
    tell(booked, f"Booked {told_visit(booked)}.")


@click.command(
    epilog=example("clinicflow check chen lee --date 2026-03-02 --time 09:00")
)
@whose_and_what
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
    names = doctor_names(uow) if verdict.alternatives else {}
    tell(
        verdict,
        *(conflict.message for conflict in verdict.conflicts),
        *(f"Free: {told_opening(each, names)}" for each in verdict.alternatives),
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
@override_option
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
        override=reason_of(override),
        **options,
    )
    moved = booking.reschedule(AppointmentId(visit), wanted, uow)
    tell(moved, f"Moved to {told_visit(moved)}.")


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
    tell(confirmed, f"Confirmed {told_visit(confirmed)}.")


@click.command(epilog=example("clinicflow arrive 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11"))
@_visit
@in_clinic
@pass_reception
def arrive(reception: Reception, visit: UUID) -> None:
    """Note that the patient of VISIT is there."""
    arrived = booking.arrive(AppointmentId(visit), reception.unit_of_work())
    tell(arrived, f"The patient is there for {told_visit(arrived)}.")


@click.command(
    epilog=example("clinicflow complete 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@in_clinic
@pass_reception
def complete(reception: Reception, visit: UUID) -> None:
    """Note that VISIT took place."""
    completed = booking.complete(AppointmentId(visit), reception.unit_of_work())
    tell(completed, f"Completed {told_visit(completed)}.")


@click.command(
    epilog=example("clinicflow reinstate 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@override_option
@in_clinic
@pass_reception
def reinstate(reception: Reception, visit: UUID, override: str | None) -> None:
    """Let the cancelled or missed VISIT stand again, if its time is still free."""
    wanted = request(booking.ReinstateAppointment, override=reason_of(override))
    reinstated = booking.reinstate(
        AppointmentId(visit), wanted, reception.unit_of_work()
    )
    tell(reinstated, f"It stands again: {told_visit(reinstated)}.")


@click.command(epilog=example("clinicflow undo 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11"))
@_visit
@in_clinic
@pass_reception
def undo(reception: Reception, visit: UUID) -> None:
    """
    Take back what was done last to VISIT.

    That is a confirmation, an arrival, a completion, a no-show, a cancellation or a
    move; the visit stands as it did before.
    """
    undone = undoing.undo(AppointmentId(visit), reception.unit_of_work())
    tell(undone, f"It stands as before: {told_visit(undone)}.")


@click.command(
    "show", epilog=example("clinicflow show 2f6a8f3e-5d0c-4a55-9b1e-8c1a3c6f0d11")
)
@_visit
@in_clinic
@pass_reception
def show_visit(reception: Reception, visit: UUID) -> None:
    """
    Show VISIT and what happened to it, oldest first; instants are in UTC.

    Moves are told by the clinic's wall clock.
    """
    uow = reception.unit_of_work()
    found = booking.get(AppointmentId(visit), uow)
    happened = booking.history(found.id, uow)
    moves = booking.moves(found.id, uow)
    tell(
        {"appointment": found, "moves": moves, "history": happened},
        f"{told_visit(found)}: {found.status.value}",
        *([f"One of series {found.series_id}."] if found.series_id else []),
        *(_told_moves(moves, uow) if moves else []),
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


def _tell_given_up(visit: Appointment, cancellation: Cancellation) -> None:
    outcome = "Missed" if visit.status is Status.NO_SHOW else "Cancelled"
    tell(
        {"appointment": visit, "cancellation": cancellation},
        f"{outcome} {told_visit(visit)}.",
    )


def _told_moves(moves: Sequence[booking.Move], uow: UnitOfWork) -> Iterator[str]:
    zone = accounts.clinic(uow).zone
    names = doctor_names(uow)
    yield f"Moved {len(moves)} time{'s' * (len(moves) > 1)}:"
    for move in moves:
        before, after = (
            f"{wall_clock(instant, zone):%Y-%m-%d %H:%M}"
            for instant in (move.from_starts_at, move.to_starts_at)
        )
        if move.to_doctor_id != move.from_doctor_id:
            before += f" with {_name(move.from_doctor_id, names)}"
            after += f" with {_name(move.to_doctor_id, names)}"
        if move.to_duration != move.from_duration:
            before += f" for {move.from_duration} minutes"
            after += f" for {move.to_duration} minutes"
        yield f"  from {before} to {after}"


def _name(doctor_id: UUID, names: Mapping[UUID, str]) -> str:
    # One who has no visit any more may be gone.
    return names.get(doctor_id, str(doctor_id))


def _history(events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        outcome = event.kind.partition(".")[2]
        yield f"  {event.at:%Y-%m-%d %H:%M}  {outcome}  by {event.actor}"
