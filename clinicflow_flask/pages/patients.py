"""
The register in a browser: who is in it, each record, and what is done with one.

What cannot be taken back has a page of its own that says so, or asks once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from attrs import field, frozen
from flask import Response, request
from werkzeug.datastructures import MultiDict

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most
from clinicflow_core.desk import (
    audit,
    booking,
    doctors,
    intake,
    register,
    users,
    waitlist,
)
from clinicflow_core.desk.register import (
    ChangePatient,
    MergePatients,
    Registered,
    RegisterPatient,
)
from clinicflow_core.duplicates import MOST_SHOWN
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient, folded
from clinicflow_core.ports import (
    AppointmentFilter,
    FormFilter,
    PageRequest,
)
from clinicflow_flask.appointments import page_request_by_start
from clinicflow_flask.pages import browsers, choosing, forms
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, own_path, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.paging import DEFAULT_LIMIT, Listing, cursor_of, page_request
from clinicflow_flask.patients import FindPatients

_DAY: Final = timedelta(days=1)
_RECENT: Final = timedelta(days=365)
"""How far back the visits on a patient's page go; others are on a page of their own."""

_MOST: Final = 200
"""How many of each kind a patient's page shows."""


# Finding and registering


def _register(who: Visitor) -> Response:
    asked = forms.asked(FindPatients)
    wanted = page_request(DEFAULT_LIMIT, asked.cursor, str, str, UUID)
    found = register.find(asked.q, wanted, who.desk())
    return render(
        "patients.html",
        who,
        words=asked.q.strip(),
        patients=found.items,
        next=found.next and cursor_of(found.next),
        is_first=asked.cursor is None,
    )


def _new_form(who: Visitor) -> Response:
    who.must(Permission.KEEP_PATIENTS)
    typed = MultiDict(_names_in(request.args.get(choosing.WORDS, "")))
    return _new_shown(who, Form(typed), _following(request.args.get("next", "")))


def _names_in(words: str) -> dict[str, str]:
    """Return the names of somebody who was looked for by *words*, and not found."""
    first, _, last = " ".join(words.split()).rpartition(" ")
    is_name = all(mark.isalpha() or mark in " '-." for mark in words)
    return {"first_name": first, "last_name": last} if is_name else {}


def _register_new(who: Visitor) -> Response:
    form = forms.sent()
    following = _following(form["next"])

    def after(made: Any) -> str:
        return _after_keeping(made, following)

    made = form.done(
        RegisterPatient,
        lambda wanted: register.register(wanted, who.desk(forms.once(after))),
    )
    if made is None:
        return _new_shown(who, form, following)
    browsers.say("Registered.")
    return go(after(made))


def _new_shown(who: Visitor, form: Form, following: str) -> Response:
    return render(
        "patients_new.html", who, status=form.status, form=form, following=following
    )


def _following(path: str) -> str:
    return own_path(path) if path else ""


def _after_keeping(kept: Registered, following: str) -> str:
    """
    Return where to go once a patient is kept: on with what *following* began.

    But first somebody looks at the patient who may be there twice.
    """
    if following and not kept.possible_duplicates:
        return _with_patient(following, kept.id)
    query = [("like", str(each.patient_id)) for each in kept.possible_duplicates]
    if following:
        query.append(("next", following))
    return f"/patients/{kept.id}" + (f"?{urlencode(query)}" if query else "")


def _with_patient(path: str, patient_id: PatientId) -> str:
    """Return *path* with the patient in place of any other."""
    parts = urlsplit(path)
    query = [each for each in parse_qsl(parts.query) if each[0] != "patient_id"]
    query.append(("patient_id", str(patient_id)))
    return parts._replace(query=urlencode(query)).geturl()


# One patient


@frozen(kw_only=True)
class _Shown:
    """
    What a patient's page shows besides.

    Attributes:
        like: Who may be the same person.
        next: Where somebody was who registered the patient.
    """

    like: tuple[PatientId, ...] = field(default=(), validator=at_most(MOST_SHOWN))
    next: str = ""


def _record(patient_id: PatientId, who: Visitor) -> Response:
    return _record_shown(patient_id, who, Form())


def _record_shown(patient_id: PatientId, who: Visitor, form: Form) -> Response:
    asked = forms.asked(_Shown)
    desk = who.desk()
    patient = register.get(patient_id, desk)
    most = PageRequest(limit=_MOST)
    today = desk.clinic.today(desk.now)
    to_come = AppointmentFilter(patient_id=patient_id, first=today)
    recent = AppointmentFilter(
        patient_id=patient_id, first=today - _RECENT, last=today - _DAY
    )
    sent = intake.page(FormFilter(patient_id=patient_id), most, desk)
    following = _following(asked.next)
    return render(
        "patients_record.html",
        who,
        status=form.status,
        form=form,
        patient=patient,
        to_come=booking.page(to_come, most, desk).items,
        past=booking.page(recent, most, desk).items[::-1],
        doctors={doctor.id: doctor.name for doctor in doctors.known(desk)},
        intake_forms=sent.items[::-1],
        waiting=_waiting(patient_id, who),
        alike=register.names(asked.like, desk) if asked.like else {},
        following=following and _with_patient(following, patient_id),
    )


def _waiting(patient_id: PatientId, who: Visitor) -> Sequence[waitlist.Waiting]:
    """Return where the patient waits; nothing for doctors, who may not see it."""
    if not who.may(Permission.BOOK):
        return ()
    return waitlist.of_patient(patient_id, who.desk())


def _visits(patient_id: PatientId, who: Visitor) -> Response:
    asked = forms.asked(Listing)
    wanted = page_request_by_start(DEFAULT_LIMIT, asked.cursor)
    desk = who.desk()
    patient = register.get(patient_id, desk)
    found = booking.page(AppointmentFilter(patient_id=patient_id), wanted, desk)
    return render(
        "patients_visits.html",
        who,
        patient=patient,
        visits=found.items,
        doctors={doctor.id: doctor.name for doctor in doctors.known(desk)},
        next=found.next and cursor_of(found.next),
        is_first=asked.cursor is None,
    )


def _history(patient_id: PatientId, who: Visitor) -> Response:
    desk = who.desk()
    events = audit.events_of(patient_id, desk)
    accounts = users.page(PageRequest(limit=_MOST), desk)
    return render(
        "patients_history.html",
        who,
        patient=register.get(patient_id, desk),
        events=_newest(events),
        is_all=len(events) <= _MOST,
        users={user.id: user.name for user in accounts.items},
    )


def _newest(events: Sequence[Event]) -> Sequence[Event]:
    return events[-1 : -_MOST - 1 : -1]


def _change_form(patient_id: PatientId, who: Visitor) -> Response:
    return _change_shown(patient_id, who, Form())


def _change(patient_id: PatientId, who: Visitor) -> Response:
    form = forms.sent()
    changed = form.done(
        ChangePatient,
        lambda wanted: register.change(patient_id, wanted, who.desk(), forms.version()),
    )
    if changed is None:
        return _change_shown(patient_id, who, form)
    browsers.say("The details are changed.")
    return go(_after_keeping(changed, ""))


def _change_shown(patient_id: PatientId, who: Visitor, form: Form) -> Response:
    who.must(Permission.KEEP_PATIENTS)
    patient = register.get(patient_id, who.desk())
    return render(
        "patients_change.html", who, status=form.status, form=form, patient=patient
    )


# What is done with a record


def _merge_form(patient_id: PatientId, who: Visitor) -> Response:
    return _merge_shown(patient_id, who, Form(request.args))


def _merge(patient_id: PatientId, who: Visitor) -> Response:
    form = forms.sent()
    merged = form.done(
        MergePatients,
        lambda wanted: register.merge(patient_id, wanted, who.desk()),
        where=lambda _: "patient_id",
    )
    if merged is None:
        return _merge_shown(patient_id, who, form)
    browsers.say("The two records are one now.")
    return go(f"/patients/{patient_id}")


def _merge_shown(patient_id: PatientId, who: Visitor, form: Form) -> Response:
    who.must(Permission.KEEP_PATIENTS)
    desk = who.desk()
    patient = register.get(patient_id, desk)
    choice = choosing.choice(who, form)
    other = (
        None
        if choice.chosen_id is None or choosing.is_only_looking(form)
        else register.get(choice.chosen_id, desk)
    )
    return render(
        "patients_merge.html",
        who,
        status=form.status,
        form=form,
        patient=patient,
        choice=choice,
        other=other,
        taken=other.missing_from(patient) if other else {},
    )


def _export(patient_id: PatientId, who: Visitor) -> Response:
    record = register.export(patient_id, who.desk())
    name = f'attachment; filename="patient-{patient_id}.json"'
    return Response(
        json.dumps(record, ensure_ascii=False, indent=2) + "\n",
        mimetype="application/json",
        headers={"Content-Disposition": name},
    )


def _remove(patient_id: PatientId, who: Visitor) -> Response:
    form = forms.pressed(lambda: register.remove(patient_id, who.desk()))
    if not form.is_fine:
        return _record_shown(patient_id, who, form)
    browsers.say("The patient is removed from the register.")
    return go("/patients")


def _erase_form(patient_id: PatientId, who: Visitor) -> Response:
    return _erase_shown(patient_id, who, Form())


def _erase(patient_id: PatientId, who: Visitor) -> Response:
    who.must(Permission.ERASE_PATIENTS)
    form = forms.sent()
    if not _is_meant(form["last_name"], register.get(patient_id, who.desk())):
        form.problems["last_name"] = "must be the last name of this patient"
        return _erase_shown(patient_id, who, form)
    form.done(forms.Nothing, lambda _: register.erase(patient_id, who.desk()))
    if not form.is_fine:
        return _erase_shown(patient_id, who, form)
    browsers.say("All that was personal is erased.")
    return go(f"/patients/{patient_id}")


def _is_meant(typed: str, patient: Patient) -> bool:
    return folded(typed).split() == folded(patient.last_name).split()


def _erase_shown(patient_id: PatientId, who: Visitor, form: Form) -> Response:
    who.must(Permission.ERASE_PATIENTS)
    patient = register.get(patient_id, who.desk())
    return render(
        "patients_erase.html", who, status=form.status, form=form, patient=patient
    )


PAGES = (
    Page("GET", "/patients", _register),
    Page("GET", "/patients/new", _new_form),
    Page("POST", "/patients/new", _register_new),
    Page("GET", "/patients/{patient_id}", _record),
    Page("GET", "/patients/{patient_id}/visits", _visits),
    Page("GET", "/patients/{patient_id}/history", _history),
    Page("GET", "/patients/{patient_id}/change", _change_form),
    Page("POST", "/patients/{patient_id}/change", _change),
    Page("GET", "/patients/{patient_id}/merge", _merge_form),
    Page("POST", "/patients/{patient_id}/merge", _merge),
    Page("POST", "/patients/{patient_id}/export", _export),
    Page("POST", "/patients/{patient_id}/remove", _remove),
    Page("GET", "/patients/{patient_id}/erase", _erase_form),
    Page("POST", "/patients/{patient_id}/erase", _erase),
)
