"""The register: patients and how to find them."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient, search_words
from clinicflow_core.errors import (
    InvalidError,
    NotPermittedError,
    PatientHasVisitsError,
    Problem,
)
from clinicflow_core.ports import AppointmentFilter, Page, PageRequest, UnitOfWork
from clinicflow_core.timespan import wall_clock
from clinicflow_core.wire import UNSET, Unset, changes, email, one_line

_FIRST_BIRTH_YEAR = 1850


@frozen(kw_only=True)
class RegisterPatient:
    """Somebody who becomes a patient of the clinic."""

    first_name: str = field(repr=False, validator=one_line(100))
    last_name: str = field(repr=False, validator=one_line(100))
    email: str | None = field(default=None, repr=False, validator=email())
    phone: str | None = field(default=None, repr=False, validator=one_line(20))
    date_of_birth: date | None = field(default=None, repr=False)


@frozen(kw_only=True)
class ChangePatient:
    """Other details of a patient; what is left out stays as it is."""

    first_name: str | Unset = field(default=UNSET, repr=False, validator=one_line(100))
    last_name: str | Unset = field(default=UNSET, repr=False, validator=one_line(100))
    email: str | Unset | None = field(default=UNSET, repr=False, validator=email())
    phone: str | Unset | None = field(default=UNSET, repr=False, validator=one_line(20))
    date_of_birth: date | Unset | None = field(default=UNSET, repr=False)


@retried
def register(request: RegisterPatient, uow: UnitOfWork) -> Patient:
    """
    Take a patient into the register.

    Raises:
        InvalidError: If the birth date is in the future or before 1850.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        patient = new_patient(request, uow)
        uow.patients.add(patient)
        uow.record("patient.registered", patient)
        uow.commit()
    return patient


@retried
def change(
    patient_id: PatientId,
    request: ChangePatient,
    uow: UnitOfWork,
    version: int | None = None,
) -> Patient:
    """
    Change a patient's details.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        PatientNotFoundError: If there is no such patient.
        StaleVersionError: If the patient has another *version*.
        InvalidError: If the birth date is in the future or before 1850.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        if isinstance(request.date_of_birth, date):
            _refuse_impossible_birth(request.date_of_birth, uow)
        before = uow.patients.get(patient_id)
        require_version(before, version)
        patient = before.changed(changes(request), uow.now)
        uow.patients.save(patient)
        uow.record(
            "patient.changed", patient, facts={"fields": sorted(changes(request))}
        )
        uow.commit()
    return patient


@retried
def remove(patient_id: PatientId, uow: UnitOfWork) -> None:
    """
    Remove a patient who never had a visit.

    Raises:
        PatientNotFoundError: If there is no such patient.
        PatientHasVisitsError: If there is any visit, whatever its status.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        patient = uow.patients.get(patient_id)
        visits = uow.appointments.page(
            AppointmentFilter(patient_id=patient_id), PageRequest(limit=10)
        )
        if visits.items:
            raise PatientHasVisitsError(patient_id, tuple(v.id for v in visits.items))
        uow.patients.remove(patient_id)
        uow.origins.forget("patient", patient_id)
        uow.record("patient.removed", patient)
        uow.commit()


@retried
def get(patient_id: PatientId, uow: UnitOfWork) -> Patient:
    """
    Return a patient's record, and note in the trail who read it.

    Raises:
        PatientNotFoundError: If there is no such patient.
        NotPermittedError: If a doctor asks who never had a visit of theirs.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_PATIENTS, Permission.SEE_OWN_PATIENTS)
        patient = uow.patients.get(patient_id)
        if own is not None:
            theirs = AppointmentFilter(doctor_id=own, patient_id=patient_id)
            if not uow.appointments.page(theirs, PageRequest(limit=1)).items:
                raise NotPermittedError(Permission.SEE_PATIENTS.value)
        uow.record("patient.read", patient)
        uow.commit()
    return patient


def find(query: str, request: PageRequest, uow: UnitOfWork) -> Page[Patient]:
    """
    Return a part of the patients in whom each word of *query* is found, by name.

    Parts of names in any order, e-mail, digits of the phone number, birth date as
    1980-12-31; without accents and case. An empty *query* finds all. A doctor finds
    only those who have had a visit of theirs.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_PATIENTS, Permission.SEE_OWN_PATIENTS)
        return uow.patients.page(search_words(query), request, own)


def new_patient(request: RegisterPatient, uow: UnitOfWork) -> Patient:
    """
    Return the patient that *request* describes, not yet stored.

    Raises:
        InvalidError: If the birth date is in the future or before 1850.
    """
    if request.date_of_birth is not None:
        _refuse_impossible_birth(request.date_of_birth, uow)
    return Patient(
        id=PatientId(uuid4()),
        first_name=request.first_name,
        last_name=request.last_name,
        email=request.email,
        phone=request.phone,
        date_of_birth=request.date_of_birth,
        created_at=uow.now,
        updated_at=uow.now,
    )


def _refuse_impossible_birth(birth: date, uow: UnitOfWork) -> None:
    today = wall_clock(uow.now, uow.clinic.zone).date()
    if birth > today:
        detail = "must not be in the future"
    elif birth.year < _FIRST_BIRTH_YEAR:
        detail = f"must not be before {_FIRST_BIRTH_YEAR}"
    else:
        return
    raise InvalidError((Problem("/date_of_birth", detail),))
