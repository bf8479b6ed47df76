"""A visit: booked, looked at, moved, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Final
from urllib.parse import urlencode

from attrs import field, frozen
from flask import Response

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import text
from clinicflow_core.desk import availability, booking, doctors, schedule
from clinicflow_core.desk.availability import FindNext
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.entities.appointment import (
    TO_COME,
    Appointment,
    CancellationType,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.scheduling.openings import Opening
from clinicflow_core.timespan import wall_clock
from clinicflow_core.wire import dump
from clinicflow_flask.pages import browsers, choosing, forms
from clinicflow_flask.pages.board import state_of
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page

TAKE: Final = "take"
"""The button that takes an alternative; see `place_of`."""

_NEXT: Final = 8
_MOST_DOCTORS: Final = PageRequest(limit=200)


@frozen(kw_only=True)
class Proposed:
    """What somebody who begins to book has chosen already."""

    doctor_id: DoctorId | None = None
    patient_id: PatientId | None = None
    date: date | None = None
    start_time: time | None = None
    duration: int | None = None


@frozen(kw_only=True)
class Taken:
    """An alternative to what was refused: doctor, day and time, each after a space."""

    take: str | None = field(default=None, validator=text(60))


def place_of(opening: Opening) -> str:
    """Return what the button `TAKE` sends to take *opening*."""
    return f"{opening.doctor_id} {opening.date} {dump(opening.start_time)}"


def _with_alternative(form: Form) -> Form:
    """Return the form with the alternative that was taken, if one was."""
    parts = form[TAKE].split(" ")
    if len(parts) == 3:
        form.put(zip(("doctor_id", "date", "start_time"), parts, strict=True))
    return form


def _begin(who: Visitor) -> Response:
    asked = forms.asked(Proposed)
    form = Form()
    form.put(
        (name, value)
        for name, value in (
            ("doctor_id", asked.doctor_id),
            ("date", asked.date),
            ("start_time", asked.start_time and asked.start_time.isoformat("minutes")),
            ("duration", asked.duration),
        )
        if value is not None
    )
    return _booking(form, who, asked.patient_id)


def _book(who: Visitor) -> Response:
    form = _with_alternative(forms.sent())
    if choosing.is_only_looking(form):
        return _booking(form, who)
    desk = who.desk(forms.once(_path_of))
    visit = form.done(BookAppointment, lambda wanted: booking.book(wanted, desk))
    if visit is None:
        return _booking(form, who)
    browsers.say("The visit is booked.")
    return go(_path_of(visit))


def _booking(form: Form, who: Visitor, patient_id: PatientId | None = None) -> Response:
    who.must(Permission.BOOK)
    desk = who.desk()
    known = doctors.page(_MOST_DOCTORS, desk).items
    here = {
        name: form[name] for name in ("doctor_id", "date", "start_time") if form[name]
    }
    return render(
        "book.html",
        who,
        status=form.status,
        form=form,
        doctors=known,
        doctor_names={doctor.id: doctor.name for doctor in known},
        choice=choosing.choice(who, form, patient_id),
        here=f"/book?{urlencode(here)}",
        day_path=f"/day/{form['date']}" if form["date"] else "/day",
        today=wall_clock(desk.now, desk.clinic.zone).date(),
        openings=[] if form["start_time"] else _next(form, who.desk()),
        take=TAKE,
        place_of=place_of,
        types=list(VisitType),
        categories=list(VisitCategory),
        is_conflict=isinstance(form.refusal, BookingConflictError),
        can_override=_can_override(form),
    )


def _can_override(form: Form) -> bool:
    """Return whether all that stands against the visit can be accepted."""
    return isinstance(form.refusal, BookingConflictError) and all(
        conflict.overridable for conflict in form.refusal.conflicts
    )


def _next(form: Form, desk: UnitOfWork) -> tuple[Opening, ...]:
    """Return the next openings for what was chosen so far; none if that is wrong."""
    wanted = Form(form.typed.copy())
    wanted.put([("from", form["date"]), ("count", str(_NEXT))])
    found = wanted.done(FindNext, lambda asked: availability.next_openings(asked, desk))
    return () if found is None else found.items


def _show(appointment_id: AppointmentId, who: Visitor) -> Response:
    return _shown(appointment_id, who, Form())


def _shown(appointment_id: AppointmentId, who: Visitor, form: Form) -> Response:
    desk = who.desk()
    details = schedule.visit(appointment_id, desk)
    visit = details.appointment
    known = doctors.page(_MOST_DOCTORS, who.desk()).items
    is_conflict = isinstance(form.refusal, BookingConflictError)
    has_changed = browsers.has_news() or not form.is_fine
    response = render(
        "visit.html",
        who,
        status=form.status,
        form=form,
        details=details,
        visit=visit,
        state=state_of(visit, has_begun=visit.starts_at < desk.now),
        doctors=known,
        doctor_names={doctor.id: doctor.name for doctor in known},
        is_conflict=is_conflict,
        wants_move=is_conflict or "start_time" in form.typed,
        now=desk.now,
        today=wall_clock(desk.now, desk.clinic.zone).date(),
        take=TAKE,
        place_of=place_of,
        can_override=_can_override(form),
        reasons=[e for e in CancellationType if e is not CancellationType.NO_SHOW],
        is_open=visit.status in TO_COME,
        may_move=not visit.arrived,
    )
    if has_changed:
        # A board beside it draws itself anew.
        response.headers["HX-Trigger"] = "visit-changed"
    return response


def _path_of(visit: Appointment) -> str:
    return f"/visits/{visit.id}"


def _step(
    act: Callable[[AppointmentId, UnitOfWork], object],
    said: str,
    undo: Callable[[AppointmentId], str] | None = None,
) -> Callable[[AppointmentId, Visitor], Response]:
    """
    Return the view for a step of a visit that needs nothing to be typed.

    Args:
        undo: Returns the path that takes it back, if that can be.
    """

    def view(appointment_id: AppointmentId, who: Visitor) -> Response:
        form = forms.pressed(lambda: act(appointment_id, who.desk()))
        if not form.is_fine:
            return _shown(appointment_id, who, form)
        browsers.say(said, undo_path=undo and undo(appointment_id))
        return go(f"/visits/{appointment_id}")

    return view


def _cancel(appointment_id: AppointmentId, who: Visitor) -> Response:
    form = forms.sent()
    done = form.done(
        CancelAppointment,
        lambda wanted: booking.cancel(appointment_id, wanted, who.desk()),
    )
    if done is None:
        return _shown(appointment_id, who, form)
    browsers.say("The visit is cancelled.", undo_path=_undo(appointment_id))
    return go(f"/visits/{appointment_id}")


def _undo(appointment_id: AppointmentId) -> str:
    return f"/visits/{appointment_id}/reinstate"


def _reinstate(appointment_id: AppointmentId, who: Visitor) -> Response:
    form = forms.sent()
    visit = form.done(
        ReinstateAppointment,
        lambda wanted: booking.reinstate(appointment_id, wanted, who.desk()),
    )
    if visit is None:
        return _shown(appointment_id, who, form)
    browsers.say("The visit stands again; it is to be confirmed.")
    return go(_path_of(visit))


def _move(appointment_id: AppointmentId, who: Visitor) -> Response:
    form = _with_alternative(forms.sent())
    version = forms.version()
    visit = form.done(
        RescheduleAppointment,
        lambda wanted: booking.reschedule(
            appointment_id, wanted, who.desk(), version=version
        ),
    )
    if visit is None:
        return _shown(appointment_id, who, form)
    browsers.say(
        "The visit is moved.",
        undo_path=f"{_path_of(visit)}/move-back",
        undo_version=visit.version,
    )
    return go(_path_of(visit))


def _move_back(appointment_id: AppointmentId, who: Visitor) -> Response:
    version = forms.version()
    form = forms.pressed(lambda: booking.move_back(appointment_id, who.desk(), version))
    if not form.is_fine:
        return _shown(appointment_id, who, form)
    browsers.say("The visit is back where it was.")
    return go(f"/visits/{appointment_id}")


PAGES = (
    Page("GET", "/book", _begin),
    Page("POST", "/book", _book),
    Page("GET", "/visits/{appointment_id}", _show),
    Page("POST", "/visits/{appointment_id}/move", _move),
    Page("POST", "/visits/{appointment_id}/move-back", _move_back),
    Page(
        "POST",
        "/visits/{appointment_id}/confirm",
        _step(booking.confirm, "The visit is confirmed."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/arrive",
        _step(booking.arrive, "The patient is there."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/complete",
        _step(booking.complete, "The visit took place."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/no-show",
        _step(booking.no_show, "The visit is noted as missed.", _undo),
    ),
    Page("POST", "/visits/{appointment_id}/cancel", _cancel),
    Page("POST", "/visits/{appointment_id}/reinstate", _reinstate),
)
