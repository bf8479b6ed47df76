"""Doctors: who has a diary, when they work, and what they ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby, zip_longest
from typing import Final
from uuid import UUID, uuid4

from attrs import field, frozen
from flask import Response

from clinicflow_core import wire
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import text
from clinicflow_core.desk import calendars, doctors, policies, schedule
from clinicflow_core.desk.calendars import (
    SetDatedHours,
    TakeTimeOff,
    TimeOffTaken,
    WhichDays,
)
from clinicflow_core.desk.doctors import AddDoctor, ChangeDoctor, SetHours
from clinicflow_core.desk.placing import bookable_day
from clinicflow_core.entities.doctor import WEEKDAYS, Doctor, Weekday, WorkingHours
from clinicflow_core.entities.ids import DoctorId, TimeOffId
from clinicflow_core.entities.policy import DoctorPolicy
from clinicflow_core.ports import PageRequest
from clinicflow_flask.pages import browsers, forms
from clinicflow_flask.pages.board import color_for, color_of
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.settings import DURATIONS, RULES
from clinicflow_flask.pages.table import Page
from clinicflow_flask.paging import Listing, cursor_of, page_request

MOST_ROWS: Final = 3
"""How many stretches of a weekday one can add up to; what is there already is shown."""

_DOCTORS: Final = "/settings/doctors"
_NEW: Final = f"{_DOCTORS}/new"
_DOCTOR: Final = f"{_DOCTORS}/{{doctor_id}}"
_TIME_OFF: Final = f"{_DOCTOR}/time-off"
_DATED: Final = f"{_DOCTOR}/dated-hours"

_ADD: Final = "add"
_COPY: Final = "copy"
_OWN_ROWS: Final = 2
_WORKDAYS: Final = WEEKDAYS[:5]
_DAY: Final = timedelta(days=1)
_MANY: Final = PageRequest(limit=500)

Typed = tuple[str, str]
"""Start and end of a stretch, as they stand in a form."""

TypedWeek = Mapping[Weekday, Sequence[Typed]]


@frozen
class DaysAlike:
    """Weekdays one after another with the same hours, as start and end."""

    first: Weekday
    last: Weekday
    hours: tuple[tuple[time, time], ...]


def days_alike(week: Iterable[WorkingHours]) -> Iterator[DaysAlike]:
    """Yield the worked days of a *week*, which is ordered by weekday and start."""
    by_day = {
        weekday: tuple((each.start, each.end) for each in stretches)
        for weekday, stretches in groupby(week, lambda each: each.weekday)
    }
    for hours, days in groupby(WEEKDAYS, by_day.get):
        alike = list(days)
        if hours is not None:
            yield DaysAlike(alike[0], alike[-1], hours)


@frozen(kw_only=True)
class Absence:
    """
    Time off as people say it.

    Attributes:
        ends: The last day of it; None if it is one day.
        from_: The time on the first day; None for all of it.
        until: The time on the last day; None for all of it.
    """

    starts: date = field(validator=bookable_day)
    ends: date | None = field(default=None, validator=bookable_day)
    from_: time | None = None
    until: time | None = None
    reason: str | None = field(default=None, repr=False, validator=text(500))

    def time_off(self) -> TakeTimeOff:
        """
        Raises:
            InvalidError: If it ends before it starts, or later than visits can be.
        """
        last = self.ends or self.starts
        midnight_after = datetime.combine(last + _DAY, time())
        ends = datetime.combine(last, self.until) if self.until else midnight_after
        asked = {
            "starts": datetime.combine(self.starts, self.from_ or time()).isoformat(),
            "ends": ends.isoformat(),
            "reason": self.reason,
        }
        return wire.structure(asked, TakeTimeOff)


# The list


@frozen
class Listed:
    """A doctor in the list, with the weekly hours."""

    doctor: Doctor
    color: str
    week: Sequence[DaysAlike]


def _list(who: Visitor) -> Response:
    asked = forms.asked(Listing)
    request = page_request(asked.limit, asked.cursor, str, UUID)
    found = doctors.page_with_hours(request, who.desk())
    return render(
        "doctors.html",
        who,
        doctors=[
            Listed(each.doctor, color_of(each.doctor), list(days_alike(each.hours)))
            for each in found.items
        ],
        following=found.next and cursor_of(found.next),
    )


# Adding, changing, removing


def _new(who: Visitor) -> Response:
    return _new_shown(who, Form())


def _add(who: Visitor) -> Response:
    form = forms.sent()
    once = forms.once(_path_of)
    added = form.done(AddDoctor, lambda wanted: doctors.add(wanted, who.desk(once)))
    if added is None:
        return _new_shown(who, form)
    browsers.say("The doctor is added. Next, set the hours: nobody can book before.")
    return go(f"{_path_of(added)}#hours")


def _path_of(doctor: Doctor) -> str:
    return _DOCTOR.format(doctor_id=doctor.id)


def _new_shown(who: Visitor, form: Form) -> Response:
    who.must(Permission.KEEP_DOCTORS)
    return render(
        "doctors_new.html",
        who,
        form.status,
        form=form,
        again=_NEW,
        color=color_for(DoctorId(uuid4())),
    )


def _change(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.sent()
    form.done(
        ChangeDoctor,
        lambda wanted: doctors.change(doctor_id, wanted, who.desk(), forms.version()),
    )
    return _kept("The doctor's details are kept.", doctor_id, who, details=form)


def _set_policy(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.sent()
    form.done(
        DoctorPolicy,
        lambda wanted: policies.set_doctor_policy(
            doctor_id, wanted, who.desk(), forms.version()
        ),
    )
    said = "From now on visits are booked by these rules. Those booked stay."
    return _kept(said, doctor_id, who, policy=form)


def _remove(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.pressed(lambda: doctors.remove(doctor_id, who.desk()))
    if not form.is_fine:
        return _shown(doctor_id, who, removal=form)
    browsers.say("The doctor is removed.")
    return go(_DOCTORS)


# Hours


def _set_hours(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.sent()
    typed = _typed_week(form)
    if form[_COPY]:
        monday = typed[Weekday.MONDAY]
        return _shown(
            doctor_id, who, typed | dict.fromkeys(_WORKDAYS, monday), week=form
        )
    if form[_ADD]:
        return _shown(doctor_id, who, typed, week=form)
    said = [
        (f"{weekday.value}.{number}", _stretch(start, end, weekday=weekday.value))
        for weekday, rows in typed.items()
        for number, (start, end) in enumerate(rows)
        if start or end
    ]

    def where(pointer: str) -> str:
        _, _, *place = pointer.split("/")
        if not place:
            return "hours"
        position, *part = place
        return ".".join([said[int(position)][0], *(part or ["start"])])

    form.done(
        SetHours,
        lambda wanted: doctors.set_hours(
            doctor_id, wanted, who.desk(), forms.version()
        ),
        only={"hours": [stretch for _, stretch in said]},
        where=where,
    )
    told = "The weekly hours are set. Visits outside of them stay."
    return _kept(told, doctor_id, who, typed, week=form)


def _typed_week(form: Form) -> dict[Weekday, Sequence[Typed]]:
    return {
        weekday: _rows(form, f"{weekday.value}.start", f"{weekday.value}.end")
        for weekday in WEEKDAYS
    }


def _rows(form: Form, starts: str, ends: str) -> Sequence[Typed]:
    return list(zip_longest(form.all(starts), form.all(ends), fillvalue=""))


def _stretch(start: str, end: str, **others: str) -> Mapping[str, str]:
    """Return what a stretch says on the wire; what is left blank is not there."""
    said = {"start": start, "end": end, **others}
    return {name: value for name, value in said.items() if value}


def _set_day(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.sent()
    rows = _rows(form, "hours.start", "hours.end")
    kept = form.done(
        SetDatedHours,
        lambda wanted: calendars.set_dated_hours(
            doctor_id, wanted, who.desk(), forms.version()
        ),
        only={"hours": [_stretch(*each) for each in rows if any(each)]},
    )
    if kept is None:
        return _shown(doctor_id, who, day_form=form)
    browsers.say("The day has hours of its own. Visits outside of them stay.")
    return go(f"{_DOCTOR.format(doctor_id=doctor_id)}#days")


def _weekly_again(doctor_id: DoctorId, on: date, who: Visitor) -> Response:
    wanted = wire.structure({"date": on.isoformat()}, SetDatedHours)
    calendars.set_dated_hours(doctor_id, wanted, who.desk())
    browsers.say("The day has the weekly hours again.")
    return go(f"{_DOCTOR.format(doctor_id=doctor_id)}#days")


# Time off


def _take_time_off(doctor_id: DoctorId, who: Visitor) -> Response:
    form = forms.sent()
    once = forms.once(lambda taken: _after_taking(doctor_id, taken))
    taken = form.done(
        Absence,
        lambda wanted: calendars.take_time_off(
            doctor_id, wanted.time_off(), who.desk(once)
        ),
    )
    if taken is None:
        return _shown(doctor_id, who, away=form)
    count = len(taken.stranded)
    visits = f"{count} visit{'s' * (count != 1)}"
    left = f" It leaves {visits} without their doctor." if count else ""
    path = _TIME_OFF.format(doctor_id=doctor_id)
    browsers.say(
        f"The time off is kept.{left}", undo_path=f"{path}/{taken.id}/give-back"
    )
    return go(_after_taking(doctor_id, taken))


def _after_taking(doctor_id: DoctorId, taken: TimeOffTaken) -> str:
    path = _DOCTOR.format(doctor_id=doctor_id)
    return f"{path}/stranded" if taken.stranded else f"{path}#time-off"


def _give_back(doctor_id: DoctorId, time_off_id: TimeOffId, who: Visitor) -> Response:
    calendars.give_time_off_back(doctor_id, time_off_id, who.desk())
    browsers.say("The time off is given back.")
    return go(f"{_DOCTOR.format(doctor_id=doctor_id)}#time-off")


def _stranded(doctor_id: DoctorId, who: Visitor) -> Response:
    return render(
        "doctor_stranded.html",
        who,
        doctor=doctors.get(doctor_id, who.desk()),
        stranded=schedule.stranded(_MANY, who.desk(), doctor_id).items,
    )


# The page of a doctor


def _doctor(doctor_id: DoctorId, who: Visitor) -> Response:
    return _shown(doctor_id, who)


def _kept(
    said: str,
    doctor_id: DoctorId,
    who: Visitor,
    typed: TypedWeek | None = None,
    **filled: Form,
) -> Response:
    """Return what follows a form: if it was refused, the page with it again."""
    if not all(form.is_fine for form in filled.values()):
        return _shown(doctor_id, who, typed, **filled)
    browsers.say(said)
    return go(_DOCTOR.format(doctor_id=doctor_id))


def _shown(
    doctor_id: DoctorId, who: Visitor, typed: TypedWeek | None = None, **filled: Form
) -> Response:
    """
    Return the page of a doctor.

    Args:
        typed: What stands in the form of the weekly hours, if it is not what is kept.
        filled: The form that is shown again, under a name of `_FORMS`.
    """
    doctor = doctors.get(doctor_id, who.desk())
    hours = doctors.hours(doctor_id, who.desk()).hours
    forms_by_name = dict.fromkeys(_FORMS, Form()) | filled
    return render(
        "doctor.html",
        who,
        max(form.status for form in forms_by_name.values()),
        **forms_by_name,
        doctor=doctor,
        again=_path_of(doctor),
        color=color_of(doctor),
        week_in_words=list(days_alike(hours)),
        typed=_with_room(typed or _as_typed(hours), forms_by_name["week"][_ADD]),
        added=forms_by_name["week"][_ADD],
        most_rows=MOST_ROWS,
        day_rows=_day_rows(forms_by_name["day_form"]),
        dated=calendars.dated_hours(doctor_id, WhichDays(), who.desk()).items,
        time_off=calendars.time_off(doctor_id, who.desk()).items,
        rules=[rule for rule in RULES if not rule.only_clinic],
        durations=DURATIONS,
    )


_FORMS: Final = ("details", "week", "day_form", "away", "policy", "removal")


def _as_typed(hours: Iterable[WorkingHours]) -> TypedWeek:
    typed: dict[Weekday, list[Typed]] = {weekday: [] for weekday in WEEKDAYS}
    for each in hours:
        typed[each.weekday].append(
            (f"{wire.dump(each.start)}", f"{wire.dump(each.end)}")
        )
    return typed


def _with_room(typed: TypedWeek, added: str) -> TypedWeek:
    """Return *typed* with an empty row where there is none, or one is to be *added*."""
    return {
        weekday: [*rows, ("", "")] if not rows or weekday.value == added else rows
        for weekday, rows in typed.items()
    }


def _day_rows(form: Form) -> Sequence[Typed]:
    rows = _rows(form, "hours.start", "hours.end")
    return [*rows, *[("", "")] * (_OWN_ROWS - len(rows))]


PAGES = (
    Page("GET", _DOCTORS, _list),
    Page("GET", _NEW, _new),
    Page("POST", _DOCTORS, _add),
    Page("GET", _DOCTOR, _doctor),
    Page("POST", _DOCTOR, _change),
    Page("POST", f"{_DOCTOR}/hours", _set_hours),
    Page("POST", f"{_DOCTOR}/dated-hours", _set_day),
    Page("POST", f"{_DATED}/{{on}}/weekly", _weekly_again),
    Page("POST", _TIME_OFF, _take_time_off),
    Page("POST", f"{_TIME_OFF}/{{time_off_id}}/give-back", _give_back),
    Page("GET", f"{_DOCTOR}/stranded", _stranded),
    Page("POST", f"{_DOCTOR}/policy", _set_policy),
    Page("POST", f"{_DOCTOR}/remove", _remove),
)
