"""`clinicflow agenda`: a day or a week at the clinic."""

from __future__ import annotations

from datetime import date

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import As, example, in_clinic
from clinicflow_cli.output import tell
from clinicflow_cli.people import doctor_named
from clinicflow_cli.timetable import shown_day, shown_week
from clinicflow_core.desk import schedule


@click.command(
    epilog=example(
        "clinicflow agenda",
        "clinicflow agenda --date 2026-03-02 --doctor chen --ids",
        "clinicflow agenda --week --date 2026-03-02 --json",
    )
)
@click.option(
    "--date",
    type=As(date, "date"),
    metavar="DATE",
    help="As 2026-03-02; today at the clinic without.",
)
@click.option("--week", is_flag=True, help="The whole week of that day.")
@click.option(
    "--doctor", "doctors", multiple=True, help="Only this one; can be given again."
)
@click.option("--ids", "with_ids", is_flag=True, help="List visits with their ids.")
@in_clinic
@pass_reception
def agenda(
    reception: Reception,
    date: date | None,
    week: bool,
    doctors: tuple[str, ...],
    with_ids: bool,
) -> None:
    """
    Show a day or a week: who comes when to whom, and what is free.

    What a doctor's time off or a closed day takes away is not free.
    """
    uow = reception.unit_of_work()
    doctor_ids = [doctor_named(words, uow).id for words in doctors]
    if week:
        found = schedule.week(date, doctor_ids, uow)
        tell(found, *shown_week(found, with_ids=with_ids))
    else:
        day = schedule.day(date, doctor_ids, uow)
        tell(day, *shown_day(day, with_ids=with_ids))
