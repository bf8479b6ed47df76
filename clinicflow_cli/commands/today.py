"""`clinicflow today`: how the clinic's day goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from clinicflow_cli.charts import bar
from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import example, in_clinic
from clinicflow_cli.output import table, tell
from clinicflow_core.desk.today import Today, TodaysVisit, tell_today
from clinicflow_core.timespan import wall_clock, zone_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_Told = Callable[[TodaysVisit], str]

_WIDE = 24
_NARROW = 10
_MOST_LISTED = 10


@click.command(epilog=example("clinicflow today", "clinicflow today --json"))
@in_clinic
@pass_reception
def today(reception: Reception) -> None:
    """
    Tell how the clinic's day goes: who waits, who is next, what is not settled.

    Whoever came counts as waiting until the visit is completed.
    """
    found = tell_today(reception.unit_of_work())
    tell(found, *_shown(found))


def _shown(found: Today) -> Iterator[RenderableType]:
    zone = zone_of(found.timezone)
    now = f"{wall_clock(found.now, zone):%H:%M}"
    yield f"{found.date:%A} {found.date}, {now}, {found.timezone}"
    yield ""
    if not found.figures.visits.booked:
        yield "Nobody is booked today."
    else:
        yield from _counts(found)
    if found.doctors:
        yield ""
        yield _doctors(found)
    else:
        yield "There are no doctors yet: add one with 'clinicflow doctor add'."
    for heading, count, visits, told in (
        ("Waiting", len(found.waiting), found.waiting, _waited),
        ("Next", found.to_come_count, found.next, _late_or_status(found.now)),
        (
            "Intake not completed",
            len(found.intake_missing),
            found.intake_missing,
            _intake,
        ),
        ("Summaries to sign", len(found.to_sign), found.to_sign, _status),
        ("Over and still open", found.open_count, found.open, _status),
    ):
        if visits:
            yield ""
            yield _listed(f"{heading} ({count:,})", visits, found.date, told)
            if (more := count - min(len(visits), _MOST_LISTED)) > 0:
                yield f"and {more:,} more"
    if others := found.to_sign_count - len(found.to_sign):
        yield ""
        yield f"Summaries of other days to sign: {others:,}"


def _counts(found: Today) -> Iterator[RenderableType]:
    visits = found.figures.visits
    standing = visits.booked - visits.cancelled
    yield (
        f"{visits.booked:,} visit{'s' * (visits.booked != 1)} booked: "
        f"{visits.completed:,} completed, {len(found.waiting):,} waiting, "
        f"{found.to_come_count:,} to come"
    )
    if visits.completed:
        done = visits.completed / standing
        yield f"{bar(done, _WIDE)} {done:.0%} of those not cancelled are completed"
    for count, told in (
        (visits.no_show, "did not come"),
        (visits.cancelled, "cancelled"),
    ):
        if count:
            yield f"{count:,} {told}"


def _doctors(found: Today) -> Table:
    zone = zone_of(found.timezone)
    made = table("Doctor", "Visits", "Waiting", "To come", "Next", "Booked", "")
    for number in (1, 2, 3, 5):
        made.columns[number].justify = "right"
    for doctor in found.doctors:
        share = doctor.figures.utilisation.share.rate
        made.add_row(
            doctor.name,
            f"{doctor.figures.visits.booked:,}",
            f"{doctor.waiting:,}",
            f"{doctor.to_come:,}",
            f"{wall_clock(doctor.next_at, zone):%H:%M}" if doctor.next_at else "",
            "-" if share is None else f"{share:.0%}",
            bar(share or 0.0, _NARROW),
        )
    return made


def _listed(
    heading: str, visits: Sequence[TodaysVisit], today: date, told: _Told
) -> Table:
    made = table(heading, "", "", "")
    for visit in visits[:_MOST_LISTED]:
        on = "" if visit.date == today else f"{visit.date} "
        made.add_row(
            f"{on}{visit.start_time:%H:%M}",
            visit.patient_name,
            visit.doctor_name,
            told(visit) + (", red flag" if visit.flagged else ""),
        )
    return made


def _waited(visit: TodaysVisit) -> str:
    return f"{visit.waited_minutes} min"


def _intake(visit: TodaysVisit) -> str:
    return visit.intake_status.value


def _status(visit: TodaysVisit) -> str:
    return visit.status.value


def _late_or_status(now: datetime) -> _Told:
    return lambda visit: "late" if visit.starts_at <= now else visit.status.value
