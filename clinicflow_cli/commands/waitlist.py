"""`clinicflow waitlist`: who waits for a time that comes free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named, doctor_names, patient_named
from clinicflow_cli.visits import (
    category_option,
    duration_option,
    times_of_day,
    told_visit,
    type_option,
)
from clinicflow_core.desk import accounts, register
from clinicflow_core.desk import waitlist as acts
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.ids import WaitlistId
from clinicflow_core.entities.waitlist import Offer, WaitlistEntry, WaitlistStatus
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.timespan import wall_clock

_AT_ONCE = 200
_ID = "3a5e7c9b-1d2f-4a6b-9c8d-0e1f2a3b4c5d"

# Those who have to be asked come first.
_OPEN = (WaitlistStatus.OFFERED, WaitlistStatus.WAITING)

_entry = click.argument("waitlist_id", metavar="ID", type=click.UUID)


@click.group(epilog=example("clinicflow waitlist list"))
def waitlist() -> None:
    """Keep who waits for a time, and what is offered to them."""


@waitlist.command(
    epilog=example(
        "clinicflow waitlist join lee --from 2026-03-02 --to 2026-03-13",
        "clinicflow waitlist join lee --from 2026-03-02 --to 2026-03-13 \\",
        "    --doctor chen --weekday mon,wed --latest 12:00 --urgent",
    )
)
@click.argument("patient")
@click.option(
    "--from",
    "first_date",
    required=True,
    metavar="DATE",
    help="The first day that suits, as 2026-03-02.",
)
@click.option(
    "--to", "last_date", required=True, metavar="DATE", help="The last day that suits."
)
@click.option(
    "--doctor", help="With this one: id or part of the name; anybody without."
)
@duration_option
@category_option
@type_option
@times_of_day("weekdays")
@click.option("--urgent", is_flag=True, help="Goes before those that are not.")
@click.option("--note", metavar="TEXT", help="For the clinic's people alone.")
@in_clinic
@pass_reception
def join(
    reception: Reception,
    /,
    patient: str,
    doctor: str | None,
    **options: object,
) -> None:
    """
    Put PATIENT, an id or part of a name, on the waitlist.

    What comes free from then on and suits is offered, and held until it is answered.
    """
    uow = reception.unit_of_work()
    wanted = request(
        acts.JoinWaitlist,
        patient_id=str(patient_named(patient, uow).id),
        doctor_id=str(doctor_named(doctor, uow).id) if doctor else None,
        **options,
    )
    joined = acts.join(wanted, uow)
    tell(joined, "On the waitlist:", *_shown([joined], uow))


@waitlist.command(
    "list",
    epilog=example(
        "clinicflow waitlist list", "clinicflow waitlist list --status booked"
    ),
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in WaitlistStatus]),
    help="Only these; without it who has an offer, then who waits for one.",
)
@in_clinic
@pass_reception
def list_entries(reception: Reception, status: str | None) -> None:
    """List who waits and what is offered to them, who comes first at the top."""
    uow = reception.unit_of_work()
    statuses = [WaitlistStatus(status)] if status else _OPEN
    found = [waiting for each in statuses for waiting in _all_in(each, uow)]
    tell({"items": found}, *(_shown(found, uow) if found else ["Nobody is found."]))


@waitlist.command(epilog=example(f"clinicflow waitlist accept {_ID}"))
@_entry
@in_clinic
@pass_reception
def accept(reception: Reception, waitlist_id: UUID) -> None:
    """Book what is offered to the entry ID, as a confirmed visit."""
    booked = acts.accept(WaitlistId(waitlist_id), reception.unit_of_work())
    tell(booked, f"Booked {told_visit(booked)}.")


@waitlist.command(epilog=example(f"clinicflow waitlist decline {_ID}"))
@_entry
@in_clinic
@pass_reception
def decline(reception: Reception, waitlist_id: UUID) -> None:
    """Give back what is offered to the entry ID, which waits on; the next gets it."""
    waiting = acts.decline(WaitlistId(waitlist_id), reception.unit_of_work())
    tell(waiting, f"Declined; the entry waits on ({waiting.id}).")


@waitlist.command(epilog=example(f"clinicflow waitlist withdraw {_ID}"))
@_entry
@in_clinic
@pass_reception
def withdraw(reception: Reception, waitlist_id: UUID) -> None:
    """Take the entry ID off the waitlist; what is offered to it goes to the next."""
    acts.withdraw(WaitlistId(waitlist_id), reception.unit_of_work())
    tell({"id": waitlist_id}, f"Taken off the waitlist ({waitlist_id}).")


@waitlist.command(epilog=example("clinicflow waitlist sweep"))
@in_clinic
@pass_reception
def sweep(reception: Reception) -> None:
    """
    End offers that nobody accepted in time, and pass their times on.

    'clinicflow serve' does so by itself.
    """
    ended = acts.sweep(reception.unit_of_work())
    tell({"ended": ended}, f"Ended {ended} offer{'s' * (ended != 1)}.")


def _all_in(status: WaitlistStatus, uow: UnitOfWork) -> Iterator[acts.Waiting]:
    page = acts.page(status, PageRequest(limit=_AT_ONCE), uow)
    yield from page.items
    while page.next:
        page = acts.page(status, PageRequest(page.next, limit=_AT_ONCE), uow)
        yield from page.items


def _shown(found: Sequence[acts.Waiting], uow: UnitOfWork) -> Iterator[str]:
    zone = accounts.clinic(uow).zone
    doctors = doctor_names(uow)
    patients = register.names([each.entry.patient_id for each in found], uow)
    for each in found:
        entry = each.entry
        patient = patients.get(entry.patient_id, str(entry.patient_id))
        urgent = ", urgent" if entry.urgent else ""
        yield f"{patient}{urgent}: {entry.status.value} ({entry.id})"
        yield f"  {', '.join(_wish(entry, doctors))}"
        if each.offer is not None:
            yield f"  {_told_offer(each.offer, zone, doctors)}"
        if entry.note:
            yield f"  Note: {entry.note}"


def _wish(entry: WaitlistEntry, doctors: dict[UUID, str]) -> Iterator[str]:
    yield f"{entry.first_date} to {entry.last_date}"
    if entry.weekdays:
        days = sorted(entry.weekdays, key=WEEKDAYS.index)
        yield " ".join(day.value[:3] for day in days)
    if entry.earliest:
        yield f"from {entry.earliest:%H:%M}"
    if entry.latest:
        yield f"until {entry.latest:%H:%M}"
    if entry.duration:
        yield f"{entry.duration} minutes"
    if entry.doctor_id:
        yield doctors.get(entry.doctor_id, str(entry.doctor_id))


def _told_offer(offer: Offer, zone: ZoneInfo, doctors: dict[UUID, str]) -> str:
    start, end = offer.start_time, offer.end_time
    doctor = doctors.get(offer.doctor_id, str(offer.doctor_id))
    until = wall_clock(offer.expires_at, zone)
    return (
        f"Offered {offer.date} {start:%H:%M}-{end:%H:%M} with {doctor}, "
        f"until {until:%Y-%m-%d %H:%M}"
    )
