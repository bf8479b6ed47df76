"""`clinicflow figures`: what some days of a clinic came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from clinicflow_cli.charts import bar, sparkline
from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.failures import Failure
from clinicflow_cli.options import example, in_clinic, request
from clinicflow_cli.output import table, tell
from clinicflow_cli.people import doctor_named
from clinicflow_core.csv_text import csv_text
from clinicflow_core.desk import counting
from clinicflow_core.figures.clinic import ClinicFigures, VisitFigures
from clinicflow_core.figures.rates import Rate, Share
from clinicflow_core.figures.table import rows
from clinicflow_core.timespan import wall_clock, zone_of

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WIDE = 24
_NARROW = 10
_MOST_MARKS = 62
_A_DAY = 24 * 60
_AN_HOUR = 60
_UNKNOWN = "-"


@click.command(
    epilog=example(
        "clinicflow figures",
        "clinicflow figures --from 2026-03-01 --to 2026-03-31 --doctor chen",
        "clinicflow figures --from 2026-03-01 --to 2026-03-31 --csv march.csv",
    )
)
@click.option(
    "--from",
    "from_",
    metavar="DATE",
    help="The first day, as 2026-03-02; four weeks in all without.",
)
@click.option(
    "--to",
    metavar="DATE",
    help="The last day, at most 366 days in all; without it today, or the first day "
    "if that is later.",
)
@click.option("--doctor", help="Of this one alone: id or part of the name.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write them as a table to FILE instead; - is standard output.",
)
@in_clinic
@pass_reception
def figures(
    reception: Reception, /, doctor: str | None, csv_file: str | None, **days: object
) -> None:
    """
    Count what some days came to: visits, rates, waits, and time that was booked.

    What each figure counts, and over what, is in docs/figures.md. What stands beside
    a rate in parentheses is its interval of 95 %.
    """
    uow = reception.unit_of_work()
    whose = None if doctor is None else str(doctor_named(doctor, uow).id)
    wanted = request(counting.FiguresRequest, doctor_id=whose, **days)
    found = counting.figures(wanted, uow)
    if csv_file is None:
        tell(found, *_shown(found))
        return
    _write(csv_text(rows(found)), csv_file)
    if csv_file != "-":
        tell({"file": csv_file}, f"Wrote {csv_file}.")


def _write(text: str, csv_file: str) -> None:
    try:
        with click.open_file(csv_file, "wb") as opened:
            opened.write(text.encode())
    except OSError as error:
        raise Failure(f"Cannot write {csv_file}: {error.strerror}.") from None


def _shown(found: ClinicFigures) -> Iterator[RenderableType]:
    whose = f", {found.by_doctor[0].name}" if found.doctor_id else ""
    yield f"{found.from_:%a} {found.from_} to {found.to:%a} {found.to}{whose}"
    now = wall_clock(found.now, zone_of(found.timezone))
    yield f"Counted {now:%Y-%m-%d %H:%M}, {found.timezone}"
    yield ""
    total = found.total
    if not total.visits.booked:
        yield "There are no visits in these days: choose others with --from and --to."
        return
    yield _by_status(total)
    yield ""
    yield _rates(total)
    yield ""
    yield _minutes(total)
    yield ""
    yield from _notes(total)
    doctors = [(doctor.name, doctor.figures) for doctor in found.by_doctor]
    weekdays = [(d.weekday.value.capitalize(), d.figures) for d in found.by_weekday]
    hours = [(f"{hour.hour:02}:00", hour.figures) for hour in found.by_hour]
    for heading, groups in (
        ("Doctor", doctors),
        ("Weekday", weekdays),
        ("Hour", hours),
    ):
        yield _groups(heading, groups)
        yield ""
    yield from _by_day([day.figures for day in found.by_day])


def _by_status(total: VisitFigures) -> Table:
    visits = total.visits
    made = table("Visits", "", "")
    made.columns[1].justify = "right"
    for name, count in (
        ("completed", visits.completed),
        ("confirmed", visits.confirmed),
        ("unconfirmed", visits.unconfirmed),
        ("did not come", visits.no_show),
        ("cancelled", visits.cancelled),
    ):
        made.add_row(name, f"{count:,}", bar(count / visits.booked, _WIDE))
    made.add_row("in all", f"{visits.booked:,}")
    return made


def _rates(total: VisitFigures) -> Table:
    made = table("Rates", "", "", "", "")
    for column in made.columns[1:3]:
        column.justify = "right"
    arrivals, given_up = total.arrivals, total.cancellations
    rates: tuple[tuple[str, Rate | Share], ...] = (
        ("no-shows of due visits", total.due.no_shows),
        ("cancelled of booked", given_up.cancelled_of_booked),
        ("late of cancelled", given_up.late_of_cancelled),
        ("late cancelled of booked", given_up.late_of_booked),
        ("on time of arrivals", arrivals.on_time),
        ("intake forms completed", total.intake.completion),
        ("minutes booked of offered", total.utilisation.share),
    )
    for name, rate in rates:
        made.add_row(
            name,
            f"{rate.count:,} of {rate.of:,}",
            _percent(rate.rate),
            _interval(rate),
            bar(rate.rate or 0.0, _NARROW),
        )
    return made


def _minutes(total: VisitFigures) -> Table:
    made = table("Times", "Median", "Quartiles", "Visits")
    for column in made.columns[1:]:
        column.justify = "right"
    for name, spread in (
        ("booked before the start", total.lead.minutes),
        ("arrived after the start", total.arrivals.late_minutes),
        ("from arrival to completion", total.arrivals.stay_minutes),
    ):
        quartiles = f"{_time(spread.lower_quartile)} to {_time(spread.upper_quartile)}"
        made.add_row(
            name,
            _time(spread.median),
            quartiles if spread.count else _UNKNOWN,
            f"{spread.count:,}",
        )
    return made


def _notes(total: VisitFigures) -> Iterator[str]:
    """Yield what limits these figures, or waits for somebody."""
    noted, outside = total.arrivals.noted, total.utilisation.outside_minutes
    notes = [
        (total.due.open, "due and still open: say what became of each"),
        (noted.of - noted.count, "completed without an arrival"),
        (total.lead.entered_late, "entered after the start, so without a lead time"),
        (total.awaiting_signature, "with a summary that nobody signed"),
    ]
    for count, told in notes:
        if count:
            yield f"{count:>5,} {told}"
    if outside:
        yield f"{outside / _AN_HOUR:,.1f} h of visits lie outside of what was offered"
    if outside or any(count for count, _ in notes):
        yield ""


def _groups(heading: str, groups: Sequence[tuple[str, VisitFigures]]) -> Table:
    made = table(heading, "Visits", "", "No-shows", "Late cancelled", "Booked", "")
    for number in (1, 3, 4, 5):
        made.columns[number].justify = "right"
    most = max(figures.visits.booked for _, figures in groups)
    for name, figures in groups:
        booked, share = figures.visits.booked, figures.utilisation.share.rate
        made.add_row(
            name,
            f"{booked:,}",
            bar(booked / most, _NARROW),
            _percent(figures.due.no_shows.rate),
            _percent(figures.cancellations.late_of_booked.rate),
            _percent(share),
            bar(share or 0.0, _NARROW),
        )
    return made


def _by_day(days: Sequence[VisitFigures]) -> Iterator[str]:
    each = -(-len(days) // _MOST_MARKS)
    parts = [days[n : n + each] for n in range(0, len(days), each)]
    yield "Day by day" if each == 1 else f"Day by day, a mark for each {each} days"
    visits = [sum(day.visits.booked for day in part) for part in parts]
    no_shows = [
        _ratio(part, lambda day: day.due.no_show, lambda day: day.due.due)
        for part in parts
    ]
    booked = [
        _ratio(
            part,
            lambda day: day.utilisation.booked_minutes,
            lambda day: day.utilisation.offered_minutes,
        )
        for part in parts
    ]
    yield f"visits    {sparkline(visits)}  at most {max(visits):,}"
    yield f"no-shows  {sparkline(no_shows)}  {_at_most(no_shows)}"
    yield f"booked    {sparkline(booked)}  {_at_most(booked)}"


def _ratio(
    days: Iterable[VisitFigures],
    count: Callable[[VisitFigures], int],
    of: Callable[[VisitFigures], int],
) -> float | None:
    days = tuple(days)
    return Share(sum(map(count, days)), sum(map(of, days))).rate


def _at_most(rates: Iterable[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return f"at most {_percent(max(known))}" if known else "nothing yet"


def _percent(rate: float | None) -> str:
    return _UNKNOWN if rate is None else f"{rate:.1%}"


def _interval(rate: Rate | Share) -> str:
    if isinstance(rate, Share) or rate.low is None or rate.high is None:
        return ""
    return f"({rate.low:.1%} to {rate.high:.1%})"


def _time(minutes: float | None) -> str:
    if minutes is None:
        return _UNKNOWN
    if abs(minutes) >= 2 * _A_DAY:
        return f"{minutes / _A_DAY:.1f} days"
    if abs(minutes) >= 2 * _AN_HOUR:
        return f"{minutes / _AN_HOUR:.1f} h"
    return f"{minutes:.0f} min"
