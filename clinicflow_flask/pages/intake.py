"""Intake at the desk: forms sent, read, and the summaries that doctors sign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from attrs import frozen
from flask import Response, current_app, request
from werkzeug.datastructures import MultiDict

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import (
    booking,
    intake,
    questionnaires,
    register,
    summaries,
    users,
)
from clinicflow_core.desk.intake import (
    DAYS_OPEN,
    MOST_DAYS_OPEN,
    FormWithVisit,
    ResendForm,
    SendForm,
    Sent,
)
from clinicflow_core.desk.summaries import EditSummary
from clinicflow_core.desk.today import tell_today
from clinicflow_core.entities.appointment import TO_COME, Appointment, IntakeStatus
from clinicflow_core.entities.ids import AppointmentId, FormId, PatientId
from clinicflow_core.entities.intake import FormStatus
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.entities.summary import Digest, Summary, SummaryStatus
from clinicflow_core.errors import NotPermittedError
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.ports import (
    AppointmentFilter,
    FormFilter,
    PageRequest,
    Summarizer,
)
from clinicflow_flask.intake import FindForms, page_request_by_creation
from clinicflow_flask.pages import browsers, forms, quoting
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.paging import cursor_of

LOOK_AGAIN: Final = "look-again"
"""The event at which a page that waits for a summary fetches it."""

PUBLIC_URL: Final = "PUBLIC_URL"
"""Where the application keeps that setting; without it the header Host must do."""

AT_FIRST: Final = 20
"""How many forms of each kind the first page shows."""

_MOST_VISITS: Final = PageRequest(limit=200)
_MOST_QUESTIONNAIRES: Final = PageRequest(limit=200)

_AT_FIRST: Final = (
    FormFilter(status=FormStatus.SUBMITTED, flagged=True),
    FormFilter(status=FormStatus.SUBMITTED),
    FormFilter(status=FormStatus.PENDING),
)
_LISTS: Final = ("patient_concerns", "medications", "allergies")


@frozen(kw_only=True)
class Wanted:
    """For whom a form is to be, as somebody who begins to send one has chosen."""

    patient_id: PatientId | None = None
    appointment_id: AppointmentId | None = None


@frozen(kw_only=True)
class _Listed:
    """
    A part of some forms.

    Attributes:
        following: The cursor of the next part.
    """

    which: FormFilter
    items: tuple[FormWithVisit, ...]
    following: str | None


def _list(who: Visitor) -> Response:
    asked = forms.asked(FindForms)
    chosen = FormFilter(status=asked.status, flagged=asked.flagged)
    wanted = page_request_by_creation(asked.limit, asked.cursor)
    shown = (
        [_some(who, which, PageRequest(limit=AT_FIRST)) for which in _AT_FIRST]
        if asked.status is None
        else [_some(who, chosen, wanted)]
    )
    return render(
        "intake.html",
        who,
        chosen=asked.status,
        shown=shown,
        today=tell_today(who.desk()) if asked.status is None else None,
    )


def _some(who: Visitor, which: FormFilter, wanted: PageRequest) -> _Listed:
    # Who waits longest comes first; of what is done, what was sent last.
    is_done = which.status is FormStatus.REVIEWED
    found = intake.page_with_visits(which, wanted, who.desk(), newest_first=is_done)
    return _Listed(
        which=which,
        items=found.items,
        following=cursor_of(found.next) if found.next else None,
    )


# Sending


def _begin(who: Visitor) -> Response:
    who.must(Permission.SEND_INTAKE)
    wanted = forms.asked(Wanted)
    form = Form()
    form.put(
        (name, value)
        for name, value in (
            ("patient_id", wanted.patient_id),
            ("appointment_id", wanted.appointment_id),
        )
        if value is not None
    )
    return _sending(who, form, wanted)


def _send(who: Visitor) -> Response:
    form = forms.sent()
    desk = who.desk(forms.once(_path_of))
    sent = form.done(SendForm, lambda wanted: intake.send(wanted, desk))
    if sent is None:
        who.must(Permission.SEND_INTAKE)
        return _sending(who, form, _whom(form))
    return _link(who, sent)


def _whom(form: Form) -> Wanted:
    named = MultiDict((name, form[name]) for name in ("patient_id", "appointment_id"))
    return Form(named).done(Wanted, lambda wanted: wanted) or Wanted()


def _sending(who: Visitor, form: Form, wanted: Wanted) -> Response:
    if wanted.patient_id is None:
        return render("intake_whom.html", who, status=form.status, form=form)
    desk = who.desk()
    patient = register.get(wanted.patient_id, desk)
    which = AppointmentFilter(
        first=desk.clinic.today(desk.now),
        patient_id=patient.id,
        intake_status=IntakeStatus.MISSING,
    )
    visits = booking.page(which, _MOST_VISITS, desk).items
    return render(
        "intake_send.html",
        who,
        status=form.status,
        form=form,
        patient=patient,
        visits=[visit for visit in visits if visit.status in TO_COME],
        chosen=wanted.appointment_id,
        newest=_newest(who),
        days_open=DAYS_OPEN,
        most_days=MOST_DAYS_OPEN,
    )


def _newest(who: Visitor) -> list[Questionnaire]:
    """Return the newest version of each questionnaire, the standard one first."""
    found = questionnaires.page(_MOST_QUESTIONNAIRES, who.desk()).items
    newest = {each.definition.name: each for each in reversed(found)}
    standard = standard_definition().name
    return sorted(
        newest.values(),
        key=lambda each: (each.definition.name != standard, each.definition.title),
    )


def _link(who: Visitor, sent: Sent) -> Response:
    """Show the link, which is told this once."""
    patient = register.get(sent.form.patient_id, who.desk())
    return render(
        "intake_link.html",
        who,
        sent=sent,
        patient=patient,
        address=f"{_public_url()}/i/{sent.token}",
    )


def _public_url() -> str:
    """Return where patients reach the service; "" if nobody has said so."""
    asked = request.host_url.rstrip("/") if request.host else ""
    return current_app.config[PUBLIC_URL] or asked


def _resend(who: Visitor, form_id: FormId) -> Response:
    form = forms.sent()
    desk = who.desk(forms.once(_path_of))
    sent = form.done(ResendForm, lambda wanted: intake.resend(form_id, wanted, desk))
    return _link(who, sent) if sent else _shown(who, form_id, form)


def _path_of(record: Any) -> str:
    return f"/intake/{record.id}"


# Reading and signing


def _show(who: Visitor, form_id: FormId) -> Response:
    return _shown(who, form_id, Form())


def _shown(who: Visitor, form_id: FormId, form: Form) -> Response:
    read = intake.get(form_id, who.desk())
    given = read.form
    asked = None
    if given.questionnaire_id is not None:
        asked = questionnaires.get(given.questionnaire_id, who.desk()).definition
    desk = who.desk()
    versions = summaries.history(form_id, desk)
    summary = next((each for each in versions if each.superseded_at is None), None)
    is_made = summary is not None and summary.status is not SummaryStatus.GENERATING
    return render(
        "intake_form.html",
        who,
        status=form.status,
        form=form,
        given=given,
        scores=read.scores,
        patient=register.get(given.patient_id, who.desk()),
        visit=_visit_of(given.appointment_id, who),
        title=asked.title if asked else "In the patient's own words",
        reading=quoting.reading_of(
            asked,
            statements_of(asked, given.raw_answers),
            summary.digest if summary else Digest(),
        ),
        blank=quoting.left_blank(asked, given.raw_answers) if asked else (),
        summary=summary,
        is_made=is_made,
        is_awaited=summary is not None and summaries.is_under_way(summary, desk.now),
        earlier=[
            each
            for each in versions
            if each is not summary and each.status is not SummaryStatus.GENERATING
        ],
        signed_by=_signer(who, summary),
        days_open=DAYS_OPEN,
        most_days=MOST_DAYS_OPEN,
    )


def _is_awaited(who: Visitor, form_id: FormId) -> Response:
    """Answer nothing while the summary is made; then let the page look again."""
    if summaries.is_awaited(form_id, who.desk()):
        return Response(status=204)
    return Response(headers={"HX-Trigger": LOOK_AGAIN})


def _visit_of(appointment_id: AppointmentId | None, who: Visitor) -> Appointment | None:
    """Return the visit if it is in a diary that they may see."""
    if appointment_id is None:
        return None
    try:
        return booking.get(appointment_id, who.desk())
    except NotPermittedError:
        return None


def _signer(who: Visitor, summary: Summary | None) -> str | None:
    if summary is None or summary.signed_by_id is None:
        return None
    if summary.signed_by_id == who.me.user.id:
        return who.me.user.name
    if not who.may(Permission.SEE_USERS):
        return None
    return users.get(summary.signed_by_id, who.desk()).name


def _revoke(who: Visitor, form_id: FormId) -> Response:
    form = forms.pressed(lambda: intake.revoke(form_id, who.desk()))
    if not form.is_fine:
        return _shown(who, form_id, form)
    browsers.say("The form is called back; its link no longer works.")
    return go(f"/intake/{form_id}")


def _review(who: Visitor, form_id: FormId) -> Response:
    form = forms.pressed(lambda: intake.review(form_id, who.desk(), forms.version()))
    if not form.is_fine:
        return _shown(who, form_id, form)
    browsers.say("The form is marked as reviewed.")
    return go(f"/intake/{form_id}")


def _ask_again(who: Visitor, form_id: FormId, summarizer: Summarizer) -> Response:
    form = forms.pressed(
        lambda: summaries.request(form_id, who.desk(), summarizer, forms.version())
    )
    if not form.is_fine:
        return _shown(who, form_id, form)
    return go(f"/intake/{form_id}#summary")


def _sign(who: Visitor, form_id: FormId) -> Response:
    form = forms.pressed(lambda: summaries.sign(form_id, who.desk(), forms.version()))
    if not form.is_fine:
        return _shown(who, form_id, form)
    browsers.say("The summary is signed.")
    return go(f"/intake/{form_id}")


def _begin_edit(who: Visitor, form_id: FormId) -> Response:
    who.must(Permission.SIGN_SUMMARIES)
    return _editing(who, form_id, Form())


def _edit(who: Visitor, form_id: FormId) -> Response:
    form, version, desk = forms.sent(), forms.version(), who.desk()
    summary = form.done(
        EditSummary,
        lambda wanted: summaries.edit(form_id, wanted, desk, version),
        only={name: _lines(form[name]) for name in _LISTS if name in form.typed},
    )
    if summary is None:
        return _editing(who, form_id, form)
    browsers.say("The summary is changed; what the machine wrote is kept.")
    return go(f"/intake/{form_id}")


def _editing(who: Visitor, form_id: FormId, form: Form) -> Response:
    summary = summaries.get(form_id, who.desk())
    return render(
        "intake_edit.html",
        who,
        status=form.status,
        form=form,
        form_id=form_id,
        summary=summary,
        texts={name: _texts(getattr(summary.digest, name)) for name in _LISTS},
    )


def _lines(typed: str) -> list[str]:
    lines = (" ".join(line.split()) for line in typed.splitlines())
    return [line for line in lines if line]


def _texts(items: Iterable[Any]) -> str:
    return "\n".join(item.text for item in items)


PAGES = (
    Page("GET", "/intake", _list),
    Page("GET", "/intake/send", _begin),
    Page("POST", "/intake/send", _send),
    Page("GET", "/intake/{form_id}", _show),
    Page("POST", "/intake/{form_id}/resend", _resend),
    Page("POST", "/intake/{form_id}/revoke", _revoke),
    Page("POST", "/intake/{form_id}/review", _review),
    Page("GET", "/intake/{form_id}/summary/state", _is_awaited, polls=True),
    Page("POST", "/intake/{form_id}/summary", _ask_again),
    Page("POST", "/intake/{form_id}/summary/sign", _sign),
    Page("GET", "/intake/{form_id}/summary/edit", _begin_edit),
    Page("POST", "/intake/{form_id}/summary/edit", _edit),
)
