"""What patients and the clinic do with the forms of the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from attrs import frozen

from clinicflow_cli.demo.plan import FormFate, PlannedForm, PlannedVisit
from clinicflow_cli.demo.stage import BegunForm, Stage
from clinicflow_core.desk import intake, jobs, patient_link, summaries
from clinicflow_core.desk.summarizing import AT_HAND
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.ids import FormId
from clinicflow_core.ports import UnitOfWork

_BY_KIND = jobs.handlers(AT_HAND)
_CONSENT = {"consent": "agree"}


def expect(
    form: PlannedForm, planned: PlannedVisit, visit: Appointment, stage: Stage
) -> None:
    """Let the form of *visit* be sent when it is time, and what follows follow."""
    stage.at(form.sent, partial(_send, form, planned, visit, stage))


@frozen
class _Sent:
    """A form that was sent."""

    planned: PlannedForm
    id: FormId
    token: str
    patient: str
    reader: UnitOfWork
    stage: Stage

    def save_draft(self) -> None:
        answers = patient_link.GivenAnswers(answers=_filled_in(self.planned.answers))
        patient_link.save_draft(self.token, answers, self.stage.staff.store)
        birth_date = self.stage.staff.patients[self.patient].date_of_birth
        if self.planned.is_told and birth_date is not None:
            self.stage.begun = BegunForm(
                form_id=self.id,
                patient=self.patient,
                birth_date=birth_date,
                token=self.token,
            )

    def submit(self) -> None:
        answers = {**_filled_in(self.planned.answers), **_CONSENT}
        given = patient_link.GivenAnswers(answers=answers)
        patient_link.submit(self.token, given, self.stage.staff.store)

    def summarize(self) -> None:
        staff = self.stage.staff
        jobs.work(staff.clinic.id, staff.store, _BY_KIND)

    def revoke(self) -> None:
        intake.revoke(self.id, self.stage.staff.reception)

    def review(self) -> None:
        intake.review(self.id, self.reader)

    def edit(self) -> None:
        request = summaries.EditSummary(summary_text=self.planned.edit)
        summaries.edit(self.id, request, self.reader)

    def sign(self) -> None:
        summaries.sign(self.id, self.reader)

    def note(self) -> None:
        """Note that it has met its fate."""
        if self.planned.is_told:
            self.stage.forms.setdefault(self.planned.fate, self.id)


_Step = Callable[[_Sent], None]

_MADE: tuple[_Step, ...] = (_Sent.submit, _Sent.summarize)
_STEPS: Mapping[FormFate, tuple[_Step, ...]] = {
    FormFate.SENT: (),
    FormFate.DRAFTED: (_Sent.save_draft,),
    FormFate.REVOKED: (_Sent.revoke,),
    FormFate.SUBMITTED: _MADE,
    FormFate.REVIEWED: (*_MADE, _Sent.review),
    FormFate.SIGNED: (*_MADE, _Sent.review, _Sent.sign),
    FormFate.EDITED: (*_MADE, _Sent.review, _Sent.edit, _Sent.sign),
}


def _send(
    form: PlannedForm, planned: PlannedVisit, visit: Appointment, stage: Stage
) -> None:
    request = intake.SendForm(
        patient_id=visit.patient_id,
        appointment_id=visit.id,
        questionnaire_id=stage.staff.questionnaire_id,
    )
    told = intake.send(request, stage.staff.reception)
    assert told.token is not None
    sent = _Sent(
        planned=form,
        id=told.id,
        token=told.token,
        patient=planned.patient,
        reader=stage.staff.reader_of(planned.doctor),
        stage=stage,
    )
    moments: Mapping[_Step, datetime] = {
        _Sent.save_draft: form.answered,
        _Sent.submit: form.answered,
        _Sent.summarize: form.answered + timedelta(seconds=2),
        _Sent.revoke: form.read,
        _Sent.review: form.read,
        _Sent.edit: form.read + timedelta(minutes=3),
        _Sent.sign: planned.span.end + timedelta(minutes=planned.over),
    }
    last = form.sent
    for step in _STEPS[form.fate]:
        last = moments[step]
        stage.at(last, partial(step, sent))
    stage.at(last, sent.note)


def _filled_in(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers with what goes without saying."""
    return {
        **answers,
        "takes-medications": "medications" in answers,
        "has-allergies": "allergies" in answers,
    }
