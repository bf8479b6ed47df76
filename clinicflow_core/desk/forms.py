"""Forms: what happens to an intake form, whoever lets it happen."""

from __future__ import annotations

from collections.abc import Mapping

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.summarizing import ask_for, definition_of, hold_patient
from clinicflow_core.entities.appointment import IntakeStatus
from clinicflow_core.entities.ids import AppointmentId, FormId
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.errors import InvalidError, NotPermittedError, Problem
from clinicflow_core.intake.answers import check_answers
from clinicflow_core.ports import AppointmentFilter, PageRequest, UnitOfWork


def submit_answers(
    form: IntakeForm, answers: Mapping[str, object], uow: UnitOfWork
) -> IntakeForm:
    """
    Keep the answers, let the visit follow, and ask for a summary.

    Raises:
        InvalidTransitionError: If it was submitted or revoked.
        InvalidError: If the answers are not what the questionnaire asks for.
        PatientErasedError: If the patient was erased.
    """
    hold_patient(form.patient_id, uow).refuse_erased()
    checked = check_answers(definition_of(form, uow), answers, complete=True)
    submitted = form.submitted(checked.answers, checked.dropped, uow.now)
    uow.intake_forms.save(submitted)
    uow.record("intake.submitted", submitted, facts=ids_in(submitted))
    let_visit_follow(submitted.appointment_id, submitted.intake_status, uow)
    ask_for(submitted, uow)
    return submitted


def below(pointer: str, error: InvalidError) -> InvalidError:
    """Return the error with its problems below *pointer*."""
    return InvalidError(
        tuple(Problem(pointer + p.pointer, p.detail) for p in error.problems)
    )


def seen(form_id: FormId, uow: UnitOfWork) -> IntakeForm:
    """
    Return the form, which must be of a patient whose intake the actor may see.

    Raises:
        FormNotFoundError: If there is no such form.
        NotPermittedError: If it is of a patient whom the doctor has no visit with.
    """
    own = uow.actor.sees_only(Permission.SEE_INTAKE, Permission.SEE_OWN_INTAKE)
    form = uow.intake_forms.get(form_id)
    if own is not None:
        theirs = AppointmentFilter(doctor_id=own, patient_id=form.patient_id)
        if not uow.appointments.page(theirs, PageRequest(limit=1)).items:
            raise NotPermittedError(Permission.SEE_INTAKE.value)
    return form


def let_visit_follow(
    appointment_id: AppointmentId | None, status: IntakeStatus, uow: UnitOfWork
) -> None:
    """Let the intake of a visit, if there is one, stand where its form does."""
    if appointment_id is None:
        return
    before = uow.appointments.get(appointment_id)
    visit = before.with_intake(status, uow.now)
    if visit is not before:
        uow.appointments.save(visit)
        facts = {"fields": ["intake_status"], "intake_status": status.value}
        uow.record("appointment.changed", visit, facts=facts)


def ids_in(form: IntakeForm) -> dict[str, object]:
    """Return whose form it is and what for, as an event tells it."""
    ids = {
        "patient_id": form.patient_id,
        "appointment_id": form.appointment_id,
        "questionnaire_id": form.questionnaire_id,
    }
    return {name: str(key) for name, key in ids.items() if key is not None}
