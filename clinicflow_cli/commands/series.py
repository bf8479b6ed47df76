"""`clinicflow series`: visits that repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
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
from clinicflow_core.desk import register
from clinicflow_core.desk import series as acts
from clinicflow_core.entities.appointment import CancellationType
from clinicflow_core.entities.ids import SeriesId
from clinicflow_core.scheduling.conflicts import RefusedOccurrence

F = TypeVar("F", bound=Callable[..., Any])

_ID = "9f1c2b7a-3d4e-4f5a-8b6c-7d8e9f0a1b2c"

# A visit to come was not missed.
_REASONS = [
    kind.value for kind in CancellationType if kind is not CancellationType.NO_SHOW
]

_series = click.argument("series_id", metavar="ID", type=click.UUID)

_from = click.option(
    "--from",
    "from_",
    metavar="DATE",
    help="From this day on, as 2026-03-02; all visits to come without.",
)

_policy = click.option(
    "--policy",
    type=click.Choice([policy.value for policy in acts.SeriesPolicy]),
    default=acts.SeriesPolicy.ALL_OR_NOTHING.value,
    show_default=True,
    help="What happens if some visits cannot take their time.",
)


@click.group(epilog=example(f"clinicflow series show {_ID}"))
def series() -> None:
    """Book visits that repeat, and move or cancel them together."""


@series.command(
    epilog=example(
        "clinicflow series book chen lee --date 2026-03-02 --time 09:00 \\",
        "    --rrule 'FREQ=WEEKLY;COUNT=10' --policy skip_and_report",
    )
)
@whose_and_what
@day_option
@start_option
@duration_option
@click.option(
    "--rrule",
    required=True,
    metavar="RULE",
    help="How it repeats, as 'FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20260630' or "
    "'FREQ=MONTHLY;BYDAY=1MO;COUNT=6'; it must end.",
)
@_policy
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
    Book visits of PATIENT with DOCTOR that repeat from --date on.

    DOCTOR and PATIENT are ids or parts of names. Each visit is judged as any other;
    those that cannot take their time are told.
    """
    uow = reception.unit_of_work()
    wanted = request(
        acts.BookSeries,
        doctor_id=str(doctor_named(doctor, uow).id),
        patient_id=str(patient_named(patient, uow).id),
        override=reason_of(override),
        **options,
    )
    booked = acts.book(wanted, uow)
    tell(
        booked,
        f"Booked {_count(booked.appointments)} of series {booked.id}:",
        *_shown(booked),
    )


@series.command(epilog=example(f"clinicflow series show {_ID}"))
@_series
@in_clinic
@pass_reception
def show(reception: Reception, series_id: UUID) -> None:
    """Show the series ID and where each of its visits stands."""
    uow = reception.unit_of_work()
    found = acts.get(SeriesId(series_id), uow)
    agreed = found.series
    patient = register.names([agreed.patient_id], uow).get(agreed.patient_id)
    doctor = doctor_names(uow).get(agreed.doctor_id)
    tell(
        found,
        f"{patient or agreed.patient_id} with {doctor or agreed.doctor_id}",
        f"{agreed.rrule} from {agreed.date} {agreed.start_time:%H:%M}, "
        f"{agreed.duration} minutes",
        *(f"  {told_visit(v)}  {v.status.value}" for v in found.appointments),
    )


@series.command(
    epilog=example(
        f"clinicflow series move {_ID} \\",
        "    --from 2026-04-06 --time 10:30 --days-later 1",
    )
)
@_series
@_from
@click.option(
    "--time",
    "start_time",
    metavar="TIME",
    help="Another time of day, as 09:00, on each visit's own day.",
)
@click.option(
    "--days-later",
    type=int,
    metavar="DAYS",
    help="How many days later each one takes place; -1 is a day earlier.",
)
@duration_option
@click.option("--doctor", help="Another doctor: id or part of the name.")
@_policy
@override_option
@in_clinic
@pass_reception
def move(
    reception: Reception,
    /,
    series_id: UUID,
    doctor: str | None,
    override: str | None,
    **options: object,
) -> None:
    """
    Move the visits to come of the series ID; what is not given stays.

    Visits that have begun, took place or were cancelled stay as they are.
    """
    uow = reception.unit_of_work()
    wanted = request(
        acts.ChangeSeries,
        doctor_id=str(doctor_named(doctor, uow).id) if doctor else None,
        override=reason_of(override),
        **options,
    )
    moved = acts.change(SeriesId(series_id), wanted, uow)
    tell(
        moved,
        f"Moved {_count(moved.appointments)} of series {moved.id}:"
        if moved.appointments
        else "Nothing is to be moved.",
        *_shown(moved),
    )


@series.command(
    epilog=example(
        f"clinicflow series cancel {_ID} \\",
        "    --from 2026-04-06 --type patient-cancelled --note 'Moves away.'",
    )
)
@_series
@_from
@click.option(
    "--type",
    "cancellation_type",
    type=click.Choice(_REASONS),
    default=CancellationType.OTHER.value,
    show_default=True,
    help="Why they do not take place.",
)
@click.option("--note", "reason_note", metavar="TEXT", help="More about why.")
@in_clinic
@pass_reception
def cancel(reception: Reception, /, series_id: UUID, **options: object) -> None:
    """Cancel the visits to come of the series ID; their times are free again."""
    wanted = request(acts.CancelSeries, **options)
    cancelled = acts.cancel(SeriesId(series_id), wanted, reception.unit_of_work())
    tell(
        cancelled,
        f"Cancelled {_count(cancelled.appointments)} of series {cancelled.id}:"
        if cancelled.appointments
        else "Nothing is to be cancelled.",
        *_shown(cancelled),
    )


def _count(visits: Sequence[object]) -> str:
    return f"{len(visits)} visit{'s' * (len(visits) != 1)}"


def _shown(outcome: acts.SeriesOutcome) -> Iterator[str]:
    yield from (f"  {told_visit(visit)}" for visit in outcome.appointments)
    if outcome.skipped:
        yield f"Left out {_count(outcome.skipped)}:"
    yield from map(_told_skipped, outcome.skipped)


def _told_skipped(refused: RefusedOccurrence) -> str:
    messages = " ".join(conflict.message for conflict in refused.conflicts)
    return f"  {refused.date} {refused.start_time:%H:%M}: {messages}"
