"""A visit: booked, looked at, moved, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Response, request

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import (
    availability,
    booking,
    doctors,
    schedule,
    undoing,
    users,
)
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
    Step,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.ids import AppointmentId, UserId
from clinicflow_core.errors import BookingConflictError, InvalidError, Problem
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.scheduling.openings import Opening
from clinicflow_core.wire import dump
from clinicflow_flask.pages import browsers, choosing, forms
from clinicflow_flask.pages.board import state_of
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form, Nothing
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page

TAKE: Final = "take"
"""The button that takes an alternative; see `place_of`."""

_WISH: Final = (
    "doctor_id",
    "date",
    "start_time",
    "duration",
    "visit_category",
    "visit_type",
    "meeting_link",
)
"""What can be typed of a visit to book, besides the patient."""

_UNDO: Final = {
    Step.CONFIRM: "Undo “confirmed”",
    Step.ARRIVE: "Undo “arrived”",
    Step.COMPLETE: "Undo “took place”",
    Step.NO_SHOW: "Let it stand again",
    Step.CANCEL: "Let it stand again",
    Step.RESCHEDULE: "Move it back",
}
"""The button that undoes a step, later than right after it."""

_NEXT: Final = 8
_MOST_USERS: Final = PageRequest(limit=500)


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
    """Show the form with what was chosen or typed before; all is judged when sent."""
    form = Form()
    names = (*_WISH, "patient_id")
    form.put((name, request.args[name]) for name in names if request.args.get(name))
    return _booking(form, who)


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


def _booking(form: Form, who: Visitor) -> Response:
    who.must(Permission.BOOK)
    desk = who.desk()
    known = doctors.known(desk)
    return render(
        "book.html",
        who,
        status=form.status,
        form=form,
        doctors=known,
        doctor_names={doctor.id: doctor.name for doctor in known},
        choice=choosing.choice(who, form),
        here=choosing.going_on("/book", [(name, form[name]) for name in _WISH]),
        day_path=f"/day/{form['date']}" if form["date"] else "/day",
        today=desk.clinic.today(desk.now),
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
    known = doctors.known(who.desk())
    steps = visit.steps(desk.now, desk.clinic.zone)
    is_conflict = isinstance(form.refusal, BookingConflictError)
    has_news, offers_undo = browsers.has_news(), browsers.offers_undo()
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
        moves={move.moved_at: move for move in details.moves},
        people=_people(who),
        steps={step.value for step in steps},
        # Right after a step the notice of it has the button.
        undo=None
        if offers_undo or details.undoable is None
        else _UNDO[details.undoable],
        is_conflict=is_conflict,
        wants_move=is_conflict or "start_time" in form.typed,
        today=desk.clinic.today(desk.now),
        take=TAKE,
        place_of=place_of,
        can_override=_can_override(form),
        reasons=[e for e in CancellationType if e is not CancellationType.NO_SHOW],
        is_open=visit.status in TO_COME,
    )
    if has_news or not form.is_fine:
        # A board beside it draws itself anew.
        response.headers["HX-Trigger"] = "visit-changed"
    return response


def _people(who: Visitor) -> Mapping[UserId, str]:
    """Return what those are called who may have done something, as far as told."""
    if not who.may(Permission.SEE_USERS):
        return {who.me.user.id: who.me.user.name}
    return {user.id: user.name for user in users.page(_MOST_USERS, who.desk()).items}


def _path_of(visit: Appointment) -> str:
    return f"/visits/{visit.id}"


def _step(
    step: Step,
    act: Callable[[AppointmentId, UnitOfWork, int | None], Appointment],
    said: str,
) -> Callable[[AppointmentId, Visitor], Response]:
    """Return the view for a step of a visit that needs nothing to be typed."""

    def view(appointment_id: AppointmentId, who: Visitor) -> Response:
        form, version = forms.sent(), forms.version()

        def done(_: Nothing) -> Appointment:
            desk = who.desk()
            before = booking.get(appointment_id, desk)
            if not before.has_come(step, desk.now, desk.clinic.zone):
                raise InvalidError((Problem("", "it is too early for that"),))
            return act(appointment_id, who.desk(), version)

        visit = form.done(Nothing, done)
        if visit is None:
            return _shown(appointment_id, who, form)
        return _done(visit, said)

    return view


def _missed(
    appointment_id: AppointmentId, desk: UnitOfWork, version: int | None
) -> Appointment:
    visit, _ = booking.no_show(appointment_id, desk, version)
    return visit


def _done(visit: Appointment, said: str) -> Response:
    """Say what was done to a visit, and let just that be undone."""
    path = _path_of(visit)
    browsers.say(said, undo_path=f"{path}/undo", undo_version=visit.version)
    return go(path)


def _cancel(appointment_id: AppointmentId, who: Visitor) -> Response:
    form, version = forms.sent(), forms.version()
    done = form.done(
        CancelAppointment,
        lambda wanted: booking.cancel(appointment_id, wanted, who.desk(), version),
    )
    if done is None:
        return _shown(appointment_id, who, form)
    visit, _ = done
    return _done(visit, "The visit is cancelled.")


def _reinstate(appointment_id: AppointmentId, who: Visitor) -> Response:
    form, version = forms.sent(), forms.version()
    visit = form.done(
        ReinstateAppointment,
        lambda wanted: booking.reinstate(appointment_id, wanted, who.desk(), version),
    )
    if visit is None:
        return _shown(appointment_id, who, form)
    browsers.say("The visit stands again; it is to be confirmed.")
    return go(_path_of(visit))


def _move(appointment_id: AppointmentId, who: Visitor) -> Response:
    form = _with_alternative(forms.sent())
    before = booking.get(appointment_id, who.desk())
    # With a version nobody else's move can come between, and count as this one.
    seen = forms.version()
    version = before.version if seen is None else seen
    visit = form.done(
        RescheduleAppointment,
        lambda wanted: booking.reschedule(
            appointment_id, wanted, who.desk(), version=version
        ),
    )
    if visit is None:
        return _shown(appointment_id, who, form)
    if visit.times_moved == before.times_moved:
        browsers.say("It is where it was.")
        return go(_path_of(visit))
    return _done(visit, "The visit is moved.")


def _undo(appointment_id: AppointmentId, who: Visitor) -> Response:
    version = forms.version()
    form = forms.pressed(lambda: undoing.undo(appointment_id, who.desk(), version))
    if form.is_fine:
        browsers.say("That is undone; the visit stands as it did before.")
        return go(f"/visits/{appointment_id}")
    details = schedule.visit(appointment_id, who.desk())
    if details.undoable is Step.RESCHEDULE and isinstance(
        form.refusal, BookingConflictError
    ):
        # What is taken instead, or against the rules, is taken from there.
        back = undoing.way_back(appointment_id, who.desk())
        form.put(
            (
                ("doctor_id", back.doctor_id),
                ("date", back.date),
                ("start_time", dump(back.start_time)),
                ("duration", back.duration),
            )
        )
    return _shown(appointment_id, who, form)


PAGES = (
    Page("GET", "/book", _begin),
    Page("POST", "/book", _book),
    Page("GET", "/visits/{appointment_id}", _show),
    Page("POST", "/visits/{appointment_id}/move", _move),
    Page("POST", "/visits/{appointment_id}/undo", _undo),
    Page(
        "POST",
        "/visits/{appointment_id}/confirm",
        _step(Step.CONFIRM, booking.confirm, "The visit is confirmed."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/arrive",
        _step(Step.ARRIVE, booking.arrive, "The patient is there."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/complete",
        _step(Step.COMPLETE, booking.complete, "The visit took place."),
    ),
    Page(
        "POST",
        "/visits/{appointment_id}/no-show",
        _step(Step.NO_SHOW, _missed, "The visit is noted as a no-show."),
    ),
    Page("POST", "/visits/{appointment_id}/cancel", _cancel),
    Page("POST", "/visits/{appointment_id}/reinstate", _reinstate),
)
