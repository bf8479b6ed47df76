"""The day board and the week: drawn anew in open browsers when they change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from attrs import field, frozen
from flask import Response, render_template
from markupsafe import Markup

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import text
from clinicflow_core.desk import doctors, schedule
from clinicflow_core.desk.schedule import DoctorDay, ScheduleWeek
from clinicflow_core.entities.appointment import HOLDING
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.timespan import minutes_of
from clinicflow_flask.pages import forms, words
from clinicflow_flask.pages.board import board
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.rendering import render
from clinicflow_flask.pages.table import Page

_DAY: Final = timedelta(days=1)


@frozen(kw_only=True)
class Shown:
    """
    What of the diaries is shown.

    Attributes:
        date: Instead of the day in the path, if a form asks for one.
        doctor_id: Whose; all without.
        seen: Which drawing of it the browser shows already.
    """

    date: date | None = None
    doctor_id: DoctorId | None = None
    seen: str | None = field(default=None, validator=text(100))

    @property
    def doctor_ids(self) -> list[DoctorId]:
        return [] if self.doctor_id is None else [self.doctor_id]


def _today(who: Visitor) -> Response:
    return _day(None, who)


def _day(on: date | None, who: Visitor) -> Response:
    asked = forms.asked(Shown)
    desk = who.desk()
    day = schedule.day(asked.date or on, [], desk)
    return render(
        "day.html",
        who,
        on=day.date,
        now=desk.now,
        today=_today_at(desk),
        has_doctors=bool(day.doctors),
        one_day=_DAY,
        path=f"/day/{day.date}",
        **_drawn([(day.date, each) for each in day.doctors], desk),
    )


def _day_board(on: date, who: Visitor) -> Response:
    desk = who.desk()
    day = schedule.day(on, [], desk)
    return _board_alone([(on, each) for each in day.doctors], f"/day/{on}", desk)


def _this_week(who: Visitor) -> Response:
    return _week(None, who)


def _week(of: date | None, who: Visitor) -> Response:
    asked = forms.asked(Shown)
    desk = who.desk()
    week = schedule.week(asked.date or of, asked.doctor_ids, desk)
    values: dict[str, Any] = {
        "monday": week.date,
        "days": [day.date for day in week.days],
        "doctors": _to_choose_from(week, desk),
        "doctor_id": asked.doctor_id,
        "today": _today_at(desk),
        "one_day": _DAY,
    }
    if asked.doctor_id is None:
        return render("week.html", who, rows=_totals(week), **values)
    return render(
        "week.html",
        who,
        path=f"/week/{week.date}",
        **values,
        **_drawn(_days_of(week), desk),
    )


def _week_board(of: date, who: Visitor) -> Response:
    asked = forms.asked(Shown)
    desk = who.desk()
    week = schedule.week(of, asked.doctor_ids, desk)
    columns = _days_of(week) if asked.doctor_id else []  # A week of all is no board.
    return _board_alone(columns, f"/week/{of}", desk)


def _days_of(week: ScheduleWeek) -> list[tuple[date, DoctorDay]]:
    return [(day.date, each) for day in week.days for each in day.doctors]


def _to_choose_from(week: ScheduleWeek, desk: UnitOfWork) -> Sequence[Doctor]:
    if desk.actor.may(Permission.SEE_DIARY):
        return doctors.known(desk)
    return [each.doctor for each in week.days[0].doctors]


@frozen
class Total:
    """
    One doctor's day in short.

    Attributes:
        visits: Those that begin on it and take place: none counts on two days.
        free: In minutes of the hours.
    """

    date: date
    visits: int
    free: int
    is_off: bool


def _totals(week: ScheduleWeek) -> list[tuple[DoctorDay, list[Total]]]:
    by_doctor: dict[DoctorId, tuple[DoctorDay, list[Total]]] = {}
    for day in week.days:
        for each in day.doctors:
            _, totals = by_doctor.setdefault(each.doctor.id, (each, []))
            visits = sum(v.appointment.status in HOLDING for v in each.visits)
            free = sum(minutes_of(stretch.span) for stretch in each.free)
            totals.append(Total(day.date, visits, free, is_off=each.closed))
    return list(by_doctor.values())


def _drawn(
    columns: Sequence[tuple[date, DoctorDay]], desk: UnitOfWork
) -> dict[str, Any]:
    """Return the board as HTML, and what tells this drawing from others."""
    locale = words.locale_of(desk.clinic)
    html = render_template(
        "board.html",
        board=board(
            columns,
            desk.clinic.zone,
            desk.now,
            may_book=desk.actor.may(Permission.BOOK),
        ),
        is_week=len({each.doctor.id for _, each in columns}) < len(columns),
        clock=partial(words.clock, locale=locale),
        day=partial(words.day, locale=locale),
    )
    return {
        "board": Markup(html),  # noqa: S704  A template made it.
        "seen": hashlib.sha256(html.encode()).hexdigest()[:16],
    }


def _today_at(desk: UnitOfWork) -> date:
    return desk.clinic.today(desk.now)


def _board_alone(
    columns: Sequence[tuple[date, DoctorDay]], path: str, desk: UnitOfWork
) -> Response:
    """Return the board for a browser that shows one; nothing if it is the same."""
    asked = forms.asked(Shown)
    drawn = _drawn(columns, desk)
    if drawn["seen"] == asked.seen:
        return Response(status=204)
    return Response(
        render_template(
            "board_alone.html", path=path, doctor_id=asked.doctor_id, **drawn
        )
    )


PAGES = (
    Page("GET", "/day", _today),
    Page("GET", "/day/{on}", _day),
    Page("GET", "/day/{on}/board", _day_board, polls=True),
    Page("GET", "/week", _this_week),
    Page("GET", "/week/{of}", _week),
    Page("GET", "/week/{of}/board", _week_board, polls=True),
)
