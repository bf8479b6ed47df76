"""`clinicflow time-off`: when doctors are off, and visits that they cannot keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named, doctor_names
from clinicflow_cli.visits import told_time
from clinicflow_core.desk import calendars, register, schedule
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.calendar import TimeOff
from clinicflow_core.entities.ids import TimeOffId
from clinicflow_core.errors import InvalidError
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.wire import LocalDateTime, structure

_AT_ONCE = 200
_DAY = timedelta(days=1)
_WHAT_TO_DO = (
    "Move each with 'clinicflow reschedule' or cancel it with 'clinicflow cancel'; "
    "'clinicflow time-off stranded' lists those that are left."
)


class _Moment(click.ParamType[str]):
    """
    A moment of the wall clock, as a request has it; a day means its start.

    Args:
        days_later: 1 if a day means its end.
    """

    name = "moment"

    def __init__(self, days_later: int) -> None:
        self._later = days_later * _DAY

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        try:
            if "T" in value:
                moment: datetime = structure(value, LocalDateTime)
            else:
                moment = datetime.combine(structure(value, date), time()) + self._later
        except (InvalidError, OverflowError):
            self.fail("must be a date, as 2026-03-02, or 2026-03-02T13:00", param, ctx)
        return moment.isoformat()


@click.group("time-off", epilog=example("clinicflow time-off list chen"))
def time_off() -> None:
    """Keep when doctors are off, and list visits that they cannot keep."""


@time_off.command("list", epilog=example("clinicflow time-off list chen"))
@click.argument("doctor")
@in_clinic
@pass_reception
def list_time_off(reception: Reception, doctor: str) -> None:
    """List when DOCTOR, an id or part of a name, is off from today on."""
    uow = reception.unit_of_work()
    found = doctor_named(doctor, uow)
    kept = calendars.time_off(found.id, uow).items
    tell(
        {"items": kept},
        found.name,
        *(f"  {_told(off)}" for off in kept),
        *([] if kept else ["  no time off"]),
    )


@time_off.command(
    epilog=example(
        "clinicflow time-off add chen --from 2026-03-02 --to 2026-03-06",
        "clinicflow time-off add chen --from 2026-03-02T13:00 \\",
        "    --to 2026-03-02T17:00 --reason Training",
    )
)
@click.argument("doctor")
@click.option(
    "--from",
    "starts",
    required=True,
    type=_Moment(0),
    metavar="WHEN",
    help="The first day, as 2026-03-02, or its first moment, as 2026-03-02T13:00.",
)
@click.option(
    "--to",
    "ends",
    required=True,
    type=_Moment(1),
    metavar="WHEN",
    help="The last day, which is off too, or the moment from which on they are back.",
)
@click.option("--reason", metavar="TEXT", help="Why, for the clinic's people alone.")
@in_clinic
@pass_reception
def add(
    reception: Reception, doctor: str, starts: str, ends: str, reason: str | None
) -> None:
    """
    Keep that DOCTOR, an id or part of a name, is off.

    Visits in that time stay; they are listed, for somebody to move or to cancel.
    """
    wanted = request(calendars.TakeTimeOff, starts=starts, ends=ends, reason=reason)
    uow = reception.unit_of_work()
    found = doctor_named(doctor, uow)
    taken = calendars.take_time_off(found.id, wanted, uow)
    tell(
        taken,
        f"{found.name} is off {_told(taken.time_off)}.",
        *(_told_stranded(taken.stranded, uow) if taken.stranded else []),
    )


@time_off.command(
    epilog=example(
        "clinicflow time-off remove chen 5f0c1d3e-7a0b-4c4e-8a39-0d5b6f3c2a10"
    )
)
@click.argument("doctor")
@click.argument("time_off_id", metavar="ID", type=click.UUID)
@in_clinic
@pass_reception
def remove(reception: Reception, doctor: str, time_off_id: UUID) -> None:
    """
    Remove the time off ID of DOCTOR; who waits for such a time is offered it.

    'clinicflow time-off list' shows the ids.
    """
    uow = reception.unit_of_work()
    found = doctor_named(doctor, uow)
    calendars.give_time_off_back(found.id, TimeOffId(time_off_id), uow)
    tell({"id": time_off_id}, f"{found.name} is not off then ({time_off_id}).")


@time_off.command(epilog=example("clinicflow time-off stranded"))
@in_clinic
@pass_reception
def stranded(reception: Reception) -> None:
    """
    List all visits to come whose doctor is not there, and why.

    It may be time off, a closed day, or other hours than when they were booked.
    """
    uow = reception.unit_of_work()
    found = tuple(_all_stranded(uow))
    tell(
        {"items": found},
        *(_shown_stranded(found, uow) if found else ["No visit is stranded."]),
    )


def _all_stranded(uow: UnitOfWork) -> Iterator[schedule.StrandedVisit]:
    page = schedule.stranded(PageRequest(limit=_AT_ONCE), uow)
    yield from page.items
    while page.next:
        page = schedule.stranded(PageRequest(page.next, limit=_AT_ONCE), uow)
        yield from page.items


def _shown_stranded(
    found: Sequence[schedule.StrandedVisit], uow: UnitOfWork
) -> Iterator[str]:
    doctors = doctor_names(uow)
    patients = register.names([each.appointment.patient_id for each in found], uow)
    for each in found:
        visit = each.appointment
        patient = patients.get(visit.patient_id, str(visit.patient_id))
        doctor = doctors.get(visit.doctor_id, str(visit.doctor_id))
        yield f"{told_time(visit)}  {patient} with {doctor} ({visit.id})"
        yield f"  {' '.join(conflict.message for conflict in each.conflicts)}"
    yield _WHAT_TO_DO


def _told_stranded(visits: Sequence[Appointment], uow: UnitOfWork) -> Iterator[str]:
    patients = register.names([visit.patient_id for visit in visits], uow)
    yield "These visits are stranded:"
    for visit in visits:
        patient = patients.get(visit.patient_id, str(visit.patient_id))
        yield f"  {told_time(visit)}  {patient} ({visit.id})"
    yield _WHAT_TO_DO


def _told(off: TimeOff) -> str:
    """Return from when to when it is, by days if it is whole days."""
    midnight = time()
    if off.starts.time() == off.ends.time() == midnight:
        first, last = off.starts.date(), (off.ends - _DAY).date()
        when = f"on {first}" if first == last else f"from {first} to {last}"
    else:
        when = f"from {off.starts:%Y-%m-%d %H:%M} to {off.ends:%Y-%m-%d %H:%M}"
    return f"{when} ({off.id})" + (f": {off.reason}" if off.reason else "")
