"""What the commands about visits share: their options, and how a visit is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from clinicflow_cli.options import given
from clinicflow_cli.week import read_days
from clinicflow_core.entities.appointment import (
    Appointment,
    VisitCategory,
    VisitType,
)
from clinicflow_core.wire import dump

F = TypeVar("F", bound=Callable[..., Any])

duration_option = click.option(
    "--duration",
    type=int,
    metavar="MINUTES",
    help="How long it takes.",
)

category_option = click.option(
    "--category",
    "visit_category",
    type=click.Choice([category.value for category in VisitCategory]),
    help="Whether the patient comes for the first time.",
)

type_option = click.option(
    "--type",
    "visit_type",
    type=click.Choice([kind.value for kind in VisitType]),
    help="Where it takes place.",
)

meeting_link_option = click.option(
    "--meeting-link", metavar="URL", help="For a virtual visit."
)

override_option = click.option(
    "--override", metavar="REASON", help="Do it against the rules, and say why."
)

day_option = click.option(
    "--date", required=True, metavar="DATE", help="As 2026-03-02."
)

start_option = click.option(
    "--time",
    "start_time",
    required=True,
    metavar="TIME",
    help="The clinic's wall clock, as 09:00.",
)


def whose_and_what(command: F) -> F:
    """Add with whom and for whom a new visit is, and its details."""
    for parameter in (
        meeting_link_option,
        category_option,
        type_option,
        click.argument("patient"),
        click.argument("doctor"),
    ):
        command = parameter(command)
    return command


def times_of_day(weekdays: str) -> Callable[[F], F]:
    """
    Return what adds the options for the times that suit somebody.

    Args:
        weekdays: What the request calls the weekdays.
    """

    def add(command: F) -> F:
        for option in (
            click.option(
                "--latest",
                metavar="TIME",
                help="Only what ends then or earlier, as 12:00.",
            ),
            click.option(
                "--earliest",
                metavar="TIME",
                help="Only what starts then or later, as 09:00.",
            ),
            click.option(
                "--weekday",
                weekdays,
                multiple=True,
                metavar="DAYS",
                callback=_read_weekdays,
                help="Only on these, as mon,wed or mon-fri; can be given again.",
            ),
        ):
            command = option(command)
        return command

    return add


def _read_weekdays(
    _: click.Context, __: click.Parameter, words: tuple[str, ...]
) -> list[object] | None:
    """Return the days as a request has them, each once; None without any."""
    try:
        days = [day for word in words for day in read_days(word)]
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return [dump(day) for day in dict.fromkeys(days)] or None


def reason_of(override: str | None) -> dict[str, object] | None:
    """Return the override as a request has it."""
    return None if override is None else given(reason=override)


def told_visit(visit: Appointment) -> str:
    """Return when a visit is, and its id."""
    return f"{told_time(visit)} ({visit.id})"


def told_time(visit: Appointment) -> str:
    """Return when a visit is."""
    return f"{visit.date} {visit.start_time:%H:%M}-{visit.end_time:%H:%M}"
