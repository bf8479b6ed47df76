"""The dashboard: how the day goes, what some days came to, and what happened last."""

from __future__ import annotations

import inspect
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from urllib.parse import urlencode

from attrs import evolve, frozen
from babel import Locale
from flask import Response, request
from werkzeug.datastructures import MultiDict

from clinicflow_core.desk import activity, counting
from clinicflow_core.desk.activity import Happening
from clinicflow_core.desk.counting import FiguresRequest
from clinicflow_core.desk.today import Today, tell_today
from clinicflow_core.entities.ids import UserId
from clinicflow_core.figures import visits
from clinicflow_core.figures.clinic import ClinicFigures, VisitFigures
from clinicflow_core.figures.minutes import utilisation
from clinicflow_core.figures.rates import Rate, Share, Spread
from clinicflow_core.ports import PageRequest
from clinicflow_flask.answers import respond
from clinicflow_flask.dashboard import figures_as_csv
from clinicflow_flask.pages import charts, forms, words
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.charts import Chart, Measure, Stack, percent
from clinicflow_flask.pages.rendering import render
from clinicflow_flask.pages.table import Page

PATH: Final = "/dashboard"

SHOWN: Final = 6
"""How many visits of a list are shown; the rest is counted."""

NEWEST: Final = 15
"""How many of the things that happened last are told."""

_PLACES: Final[Mapping[str, str]] = {
    "appointment": "/visits/{}",
    "intake": "/intake/{}",
    "patient": "/patients/{}",
}
_GONE: Final = frozenset({"patient.erased", "patient.merged", "patient.removed"})
_BY: Final[Mapping[str, str]] = {
    "cli": "the command line",
    "entrance": "somebody new",
    "patient-link": "the patient",
}
_LOOKED_AT: Final = 50
_DAY: Final = timedelta(days=1)
_MARKS: Final = re.compile(r"[*`]")


@frozen(kw_only=True)
class Preset:
    """A range of days with a name; *query* asks for it."""

    label: str
    query: str
    is_shown: bool


@frozen(kw_only=True)
class Figure:
    """
    One number of the range.

    Attributes:
        of: What it is a part of, or how it spreads.
        definition: What counts, in paragraphs.
    """

    title: str
    number: str
    of: str
    definition: tuple[str, ...]


@frozen(kw_only=True)
class Told:
    """
    Something that happened, in words.

    Attributes:
        at: When; the last time, if it happened several *times* in a row.
        by: Who did it, if that can be said without a name.
        path: Leads to its record, if it has one.
    """

    at: datetime
    text: str
    by: str | None
    path: str | None
    times: int = 1


def _dashboard(who: Visitor) -> Response:
    form = forms.Form(MultiDict(request.args))
    desk = who.desk()
    today = tell_today(desk)
    figures = form.done(FiguresRequest, lambda wanted: counting.figures(wanted, desk))
    happened = activity.page(PageRequest(limit=_LOOKED_AT), desk)
    return render(
        "dashboard.html",
        who,
        status=form.status,
        form=form,
        today=today,
        shown=SHOWN,
        doctors=[(str(each.doctor_id), each.name) for each in today.doctors],
        figures=figures,
        presets=_presets(today, figures),
        happened=_happened(happened.items, who.me.user.id)[:NEWEST],
        **_drawn(figures, words.locale_of(who.me.clinic)),
    )


def _drawn(figures: ClinicFigures | None, locale: Locale) -> dict[str, Any]:
    if figures is None:
        return {}
    return {
        "query": _query(figures.from_, figures.to, figures.doctor_id),
        "numbers": _numbers(figures.total),
        "charts": [*_charts(figures, locale)] if figures.total.visits.booked else [],
    }


def _figures_as_csv(who: Visitor) -> Response:
    return respond(figures_as_csv(forms.asked(FiguresRequest), who.desk()))


def _presets(today: Today, figures: ClinicFigures | None) -> list[Preset]:
    on = today.date
    monday = on - on.weekday() * _DAY
    month_length = monthrange(on.year, on.month)[1]
    ranges = {
        "This week": (monday, monday + 6 * _DAY),
        "Last 4 weeks": (on - (counting.USUAL_DAYS - 1) * _DAY, on),
        "This month": (on.replace(day=1), on.replace(day=month_length)),
    }
    shown = figures and (figures.from_, figures.to)
    doctor_id = figures and figures.doctor_id
    return [
        Preset(label=label, query=_query(*days, doctor_id), is_shown=days == shown)
        for label, days in ranges.items()
    ]


def _query(first: date, last: date, doctor_id: object) -> str:
    asked = {"from": first, "to": last, "doctor_id": doctor_id}
    return urlencode({name: value for name, value in asked.items() if value})


def _numbers(of: VisitFigures) -> list[Figure]:
    late, arrivals, time_ = of.cancellations, of.arrivals, of.utilisation
    return [
        Figure(
            title="Visits",
            number=str(of.visits.booked),
            of=f"{of.visits.completed} completed, {of.due.open} not settled",
            definition=definition(visits.visits_by_status),
        ),
        _rate("No-shows", of.due.no_shows, "due visits", visits.due_visits),
        _rate("Cancelled", late.cancelled_of_booked, "visits", visits.cancellations),
        _rate(
            "Cancelled late",
            late.late_of_cancelled,
            "cancellations",
            visits.cancellations,
        ),
        _rate("Booked time", time_.share, "minutes offered", utilisation),
        _spread("Booked ahead", of.lead.minutes, visits.lead_times),
        _rate("On time", arrivals.on_time, "arrivals", visits.arrivals),
        _spread("Length of stay", arrivals.stay_minutes, visits.arrivals),
        _rate(
            "Forms completed",
            of.intake.completion,
            "visits",
            visits.intake_progress,
        ),
        Figure(
            title="Awaiting signature",
            number=str(of.awaiting_signature),
            of="summaries made and not signed",
            definition=definition(visits.awaiting_signature),
        ),
    ]


def _rate(
    title: str, rate: Rate | Share, whole: str, counted_by: Callable[..., object]
) -> Figure:
    said = f"{rate.count:,} of {rate.of:,} {whole}"
    if isinstance(rate, Rate):
        said += f"; likely {percent(rate.low)} to {percent(rate.high)}"
    return Figure(
        title=title,
        number=percent(rate.rate),
        of=said if rate.of else f"no {whole} yet",
        definition=definition(counted_by),
    )


def _spread(title: str, spread: Spread, counted_by: Callable[..., object]) -> Figure:
    lower, upper = length(spread.lower_quartile), length(spread.upper_quartile)
    said = f"the middle half of {spread.count}: {lower} to {upper}"
    return Figure(
        title=title,
        number=length(spread.median),
        of=said if spread.count else "no visits yet",
        definition=definition(counted_by),
    )


def _charts(figures: ClinicFigures, locale: Locale) -> Iterator[Chart]:
    yield from _over_time(figures, locale)
    yield charts.rates("rates", "Rates", "Rate", _overall(figures.total))
    weekdays = [(words.plain(w.weekday.value), w.figures) for w in figures.by_weekday]
    yield from _compared("weekday", weekdays)
    if len(figures.by_doctor) > 1:
        doctors = [(doctor.name, doctor.figures) for doctor in figures.by_doctor]
        stacks = [Stack(name, of.visits) for name, of in doctors]
        yield charts.stacked_rows("doctors", "Visits by doctor", "Doctor", stacks)
        yield from _compared("doctor", doctors)


def _over_time(figures: ClinicFigures, locale: Locale) -> Iterator[Chart]:
    by_day = figures.by_day
    if len(by_day) > 1:
        yield charts.day_line(
            "days",
            "Visits by day",
            [
                Stack(words.day(d.date, locale), d.figures.visits)
                for d in figures.by_day
            ],
        )
    yield charts.columns(
        "weekdays",
        "Visits by weekday",
        "Weekday",
        [
            Stack(name := words.plain(w.weekday.value), w.figures.visits, name[:3])
            for w in figures.by_weekday
        ],
    )
    yield charts.columns(
        "hours",
        "Visits by the hour of their start",
        "Hour",
        [
            Stack(
                clock := words.clock(time(h.hour), locale),
                h.figures.visits,
                clock.replace(":00", ""),
            )
            for h in figures.by_hour
        ],
    )


def _overall(total: VisitFigures) -> list[Measure]:
    return [
        Measure("No-shows, of due visits", total.due.no_shows),
        Measure("Cancelled, of all visits", total.cancellations.cancelled_of_booked),
        Measure("Late, of cancellations", total.cancellations.late_of_cancelled),
        Measure("On time, of arrivals", total.arrivals.on_time),
        Measure("Forms completed, of visits", total.intake.completion),
    ]


def _compared(
    group: str, groups: Sequence[tuple[str, VisitFigures]]
) -> Iterator[Chart]:
    yield charts.rates(
        f"no-shows-by-{group}",
        f"No-shows by {group}",
        group.capitalize(),
        [Measure(name, of.due.no_shows) for name, of in groups],
    )
    yield charts.rates(
        f"time-by-{group}",
        f"Booked time by {group}",
        group.capitalize(),
        [Measure(name, of.utilisation.share) for name, of in groups],
    )


def definition(figure: Callable[..., object]) -> tuple[str, ...]:
    """Return what *figure* counts, as its docstring has it, in paragraphs."""
    text = _MARKS.sub("", inspect.getdoc(figure) or "").removeprefix("Return ")
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return tuple(part[:1].upper() + part[1:] for part in paragraphs)


def length(minutes: float | None) -> str:
    """Return some minutes as people say them: "45 min", "3 h", "12 days"."""
    if minutes is None:
        return "-"
    if minutes < 2 * 60:
        return f"{minutes:.0f} min"
    if minutes < 2 * 24 * 60:
        return f"{minutes / 60:.0f} h"
    return f"{minutes / 60 / 24:.0f} days"


def _happened(newest: Iterable[Happening], me: UserId) -> list[Told]:
    told = (_told(event, me) for event in newest)
    alike = groupby(told, lambda each: (each.text, each.by, each.path))
    return [
        evolve(first, times=1 + sum(1 for _ in more))
        for _, more in alike
        for first in [next(more)]
    ]


def _told(event: Happening, me: UserId) -> Told:
    record, _, _ = event.kind.partition(".")
    place = None if event.kind in _GONE else _PLACES.get(record)
    return Told(
        at=event.at,
        text=words.HAPPENED[event.kind],
        by=_who(event, me),
        path=place and place.format(event.record_id),
    )


def _who(event: Happening, me: UserId) -> str | None:
    if event.user_id is not None:
        return "you" if event.user_id == me else None
    program, _, _ = event.actor.partition(":")
    return _BY.get(program, "a program")


PAGES = (
    Page("GET", PATH, _dashboard),
    Page("GET", f"{PATH}/figures.csv", _figures_as_csv),
)
