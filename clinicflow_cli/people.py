"""Doctors, patients and questionnaires as people name them: by id, or by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from clinicflow_cli.failures import Failure
from clinicflow_core.desk import doctors, questionnaires, register
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import DoctorId, PatientId, QuestionnaireId
from clinicflow_core.entities.patient import Patient, folded
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.ports import PageRequest, UnitOfWork

_AT_ONCE = 200
_MOST_SHOWN = 10


def all_doctors(uow: UnitOfWork) -> Iterator[Doctor]:
    """Yield every doctor, by name."""
    page = doctors.page(PageRequest(limit=_AT_ONCE), uow)
    yield from page.items
    while page.next:
        page = doctors.page(PageRequest(page.next, limit=_AT_ONCE), uow)
        yield from page.items


def doctor_names(uow: UnitOfWork) -> dict[UUID, str]:
    """Return the name of every doctor, by id."""
    return {doctor.id: doctor.name for doctor in all_doctors(uow)}


def doctor_named(words: str, uow: UnitOfWork) -> Doctor:
    """
    Return the doctor whose id *words* is, or in whose name alone each word is found.

    Raises:
        Failure: If nobody or several are meant; several are listed.
    """
    if doctor_id := _id_in(words):
        return doctors.get(DoctorId(doctor_id), uow)
    wanted = folded(words).split()
    found = [
        doctor
        for doctor in all_doctors(uow)
        if all(word in folded(doctor.name) for word in wanted)
    ]
    exact = [doctor for doctor in found if folded(doctor.name) == folded(words)]
    if len(exact or found) == 1:
        return (exact or found)[0]
    raise _not_one("doctor", words, [(d.id, d.name) for d in exact or found])


def patient_named(words: str, uow: UnitOfWork) -> Patient:
    """
    Return the patient whose id *words* is, or in whom alone each word is found.

    Raises:
        Failure: If nobody or several are meant; several are listed.
    """
    if patient_id := _id_in(words):
        return register.get(PatientId(patient_id), uow)
    found = register.find(words, PageRequest(limit=_AT_ONCE), uow).items
    exact = [patient for patient in found if folded(patient.full_name) == folded(words)]
    if len(exact or found) == 1:
        return (exact or found)[0]
    raise _not_one("patient", words, [(p.id, described(p)) for p in exact or found])


def all_questionnaires(uow: UnitOfWork) -> Iterator[Questionnaire]:
    """Yield all versions of every questionnaire, by name, the newest first."""
    page = questionnaires.page(PageRequest(limit=_AT_ONCE), uow)
    yield from page.items
    while page.next:
        page = questionnaires.page(PageRequest(page.next, limit=_AT_ONCE), uow)
        yield from page.items


def questionnaire_named(words: str, uow: UnitOfWork) -> Questionnaire:
    """
    Return the version whose id *words* is, or the newest one of this name.

    Raises:
        Failure: If there is none.
    """
    if questionnaire_id := _id_in(words):
        return questionnaires.get(QuestionnaireId(questionnaire_id), uow)
    for questionnaire in all_questionnaires(uow):
        if questionnaire.definition.name == words:
            return questionnaire
    raise _not_one("questionnaire", words, [])


def _id_in(words: str) -> UUID | None:
    try:
        return UUID(words)
    except ValueError:
        return None


def described(patient: Patient) -> str:
    """Return the name and what tells the patient from others who have it."""
    born = f", born {patient.date_of_birth}" if patient.date_of_birth else ""
    return f"{patient.full_name}{born}"


def _not_one(kind: str, words: str, found: Sequence[tuple[UUID, str]]) -> Failure:
    if not found:
        return Failure(f"There is no {kind} '{words}'.", "not-found")
    more = len(found) - _MOST_SHOWN
    return Failure(
        f"'{words}' can be several {kind}s: say more of the name, or the id.",
        "ambiguous",
        details=[
            *(f"  {record_id}  {name}" for record_id, name in found[:_MOST_SHOWN]),
            *([f"  and {more} more"] if more > 0 else []),
        ],
        facts={"candidates": [str(record_id) for record_id, _ in found[:_MOST_SHOWN]]},
    )
