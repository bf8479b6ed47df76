"""The waitlist in a browser: who waits, what is held for them, and who joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from attrs import frozen
from flask import Response, request
from werkzeug.datastructures import MultiDict

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import doctors, register, waitlist
from clinicflow_core.desk.waitlist import JoinWaitlist, Waiting
from clinicflow_core.entities.appointment import VisitCategory, VisitType
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.ids import DoctorId, PatientId, WaitlistId
from clinicflow_core.entities.waitlist import WaitlistStatus
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_flask.pages import browsers, choosing, forms
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.paging import DEFAULT_LIMIT, cursor_of
from clinicflow_flask.waitlist import FindWaiting, page_request_by_rank

_MOST_OFFERED: Final = 200
_USUAL_WAIT: Final = timedelta(weeks=4)


def _waitlist(who: Visitor) -> Response:
    return _shown(who, Form())


def _shown(who: Visitor, form: Form) -> Response:
    """Show who waits; before them, unless it is asked otherwise, who has an offer."""
    asked = forms.asked(FindWaiting)
    desk = who.desk()
    wanted = page_request_by_rank(DEFAULT_LIMIT, asked.cursor)
    found = waitlist.page(asked.status or WaitlistStatus.WAITING, wanted, desk)
    offered: Iterable[Waiting] = ()
    if asked.status is None:
        most = PageRequest(limit=_MOST_OFFERED)
        offered = waitlist.page(WaitlistStatus.OFFERED, most, desk).items
    patients = {each.entry.patient_id for each in (*found.items, *offered)}
    return render(
        "waitlist.html",
        who,
        status=form.status,
        form=form,
        chosen=asked.status,
        offered=offered,
        waiting=found.items,
        weekdays=WEEKDAYS,
        names=register.names(patients, desk),
        doctors=_doctors(desk),
        next=found.next and cursor_of(found.next),
        is_first=asked.cursor is None,
    )


def _accept(waitlist_id: WaitlistId, who: Visitor) -> Response:
    form = forms.sent()
    visit = form.done(forms.Nothing, lambda _: waitlist.accept(waitlist_id, who.desk()))
    if visit is None:
        return _shown(who, form)
    browsers.say("The visit is booked.")
    return go(f"/visits/{visit.id}")


def _decline(waitlist_id: WaitlistId, who: Visitor) -> Response:
    form = forms.pressed(lambda: waitlist.decline(waitlist_id, who.desk()))
    if not form.is_fine:
        return _shown(who, form)
    browsers.say("The time goes on to whoever waits next.")
    return go("/waitlist")


def _withdraw(waitlist_id: WaitlistId, who: Visitor) -> Response:
    form = forms.pressed(lambda: waitlist.withdraw(waitlist_id, who.desk()))
    if not form.is_fine:
        return _shown(who, form)
    browsers.say("One fewer waits.")
    return go("/waitlist")


@frozen(kw_only=True)
class _Wish:
    """Who is to wait, and for whom, if that is known before."""

    patient_id: PatientId | None = None
    doctor_id: DoctorId | None = None


def _join_form(who: Visitor) -> Response:
    wish = forms.asked(_Wish)
    form = Form(MultiDict(request.args.items(multi=True)))
    return _join_shown(who, form, wish.patient_id)


def _join(who: Visitor) -> Response:
    form = forms.sent()
    if choosing.is_only_looking(form):
        return _join_shown(who, form)
    joined = form.done(
        JoinWaitlist,
        lambda wanted: waitlist.join(
            wanted, who.desk(forms.once(lambda _: "/waitlist"))
        ),
    )
    if joined is None:
        return _join_shown(who, form)
    browsers.say(
        "On the waitlist: a time that suits is offered as soon as it becomes free. "
        "What is free already is booked on the day."
    )
    return go("/waitlist")


def _doctors(desk: UnitOfWork) -> Mapping[DoctorId, str]:
    return {doctor.id: doctor.name for doctor in doctors.known(desk)}


def _join_shown(
    who: Visitor, form: Form, patient_id: PatientId | None = None
) -> Response:
    who.must(Permission.BOOK)
    desk = who.desk()
    known = _doctors(desk)
    today = desk.clinic.today(desk.now)
    choice = choosing.choice(who, form, patient_id)
    return render(
        "waitlist_join.html",
        who,
        status=form.status,
        form=form,
        choice=choice,
        doctors=known,
        weekdays=WEEKDAYS,
        categories=VisitCategory,
        types=VisitType,
        today=today,
        last=today + _USUAL_WAIT,
    )


PAGES = (
    Page("GET", "/waitlist", _waitlist),
    Page("GET", "/waitlist/join", _join_form),
    Page("POST", "/waitlist/join", _join),
    Page("POST", "/waitlist/{waitlist_id}/accept", _accept),
    Page("POST", "/waitlist/{waitlist_id}/decline", _decline),
    Page("POST", "/waitlist/{waitlist_id}/withdraw", _withdraw),
)
