"""`clinicflow openings` and `next`: when somebody could come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import told_opening
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import doctor_named, doctor_names
from clinicflow_cli.visits import category_option, duration_option, times_of_day
from clinicflow_core.desk import availability
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.openings import Opening

if TYPE_CHECKING:
    from rich.console import RenderableType

F = TypeVar("F", bound=Callable[..., Any])


def _which(command: F) -> F:
    for option in (
        times_of_day("weekday"),
        category_option,
        duration_option,
        click.option(
            "--doctor",
            "doctors",
            multiple=True,
            help="With this one: id or part of the name; can be given again.",
        ),
        click.option(
            "--from",
            "from_",
            metavar="DATE",
            help="The first day, as 2026-03-02; today at the clinic without.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "clinicflow openings",
        "clinicflow openings --from 2026-03-02 --to 2026-03-13 --doctor chen \\",
        "    --duration 45 --weekday mon,wed --earliest 09:00 --latest 12:00",
    )
)
@_which
@click.option(
    "--to",
    metavar="DATE",
    help="The last day; a week in all without, and at most 366 days.",
)
@in_clinic
@pass_reception
def openings(
    reception: Reception, /, doctors: tuple[str, ...], **options: object
) -> None:
    """
    List all free times, by doctor and day.

    Each start that is listed can be booked. Without --duration a visit takes what the
    doctor's policy says of its category.
    """
    uow = reception.unit_of_work()
    wanted = request(availability.FindOpenings, doctor_id=_ids(doctors, uow), **options)
    found = availability.openings(wanted, uow).items
    tell({"items": found}, *(_shown(found, uow) if found else ["Nothing is free."]))


@click.command(
    "next",
    epilog=example(
        "clinicflow next",
        "clinicflow next --count 3 --category new-patient --weekday mon-wed",
    ),
)
@_which
@click.option(
    "--count", type=int, metavar="N", help="How many to show; 5 without, at most 100."
)
@in_clinic
@pass_reception
def next_openings(
    reception: Reception, /, doctors: tuple[str, ...], **options: object
) -> None:
    """Show the first free times over all doctors, or some."""
    uow = reception.unit_of_work()
    wanted = request(availability.FindNext, doctor_id=_ids(doctors, uow), **options)
    found = availability.next_openings(wanted, uow).items
    names = doctor_names(uow) if found else {}
    tell(
        {"items": found},
        *(f"{each.date:%a} {told_opening(each, names)}" for each in found),
        *([] if found else ["Nothing is free within a year."]),
    )


def _ids(doctors: Iterable[str], uow: UnitOfWork) -> list[str]:
    found = (str(doctor_named(words, uow).id) for words in doctors)
    return list(dict.fromkeys(found))


def _shown(found: Sequence[Opening], uow: UnitOfWork) -> Iterator[RenderableType]:
    names = doctor_names(uow)
    for doctor_id, theirs in groupby(found, key=lambda each: each.doctor_id):
        yield names.get(doctor_id, str(doctor_id))
        days = table("", "")
        days.show_header = False
        days.columns[0].no_wrap = True
        for day, starts in groupby(theirs, key=lambda each: each.date):
            told = " ".join(f"{each.start_time:%H:%M}" for each in starts)
            days.add_row(f"  {day:%a} {day}", told)
        yield days
