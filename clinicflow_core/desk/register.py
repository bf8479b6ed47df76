"""
The register: patients, how to find them, and how their records are kept.

Two records of one person are merged. A whole record can be given out, and what is
personal in it erased; the trail tells of all that, by ids and names of fields alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import email, one_line
from clinicflow_core.desk import waitlist
from clinicflow_core.desk.offers import let_lapsed_go
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.duplicates import (
    PossibleDuplicate,
    match_keys,
    possible_duplicates,
)
from clinicflow_core.entities.appointment import TO_COME, Appointment
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient, search_words
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.summary import Summary
from clinicflow_core.entities.waitlist import WaitlistEntry
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidError,
    NotPermittedError,
    PatientHasVisitsError,
    Problem,
)
from clinicflow_core.ports import AppointmentFilter, Page, PageRequest, UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    Conflict,
    ConflictKind,
    visit_in_the_way,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.wire import UNSET, Unset, changes, dump

_FIRST_BIRTH_YEAR = 1850
_EVER = TimeSpan(datetime(1800, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC))


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


@frozen(kw_only=True)
class MergePatients:
    """Who turned out to be the same person."""

    duplicate_id: PatientId


@frozen
class Registered:
    """
    A patient as the register has it now.

    Attributes:
        possible_duplicates: Who may be the same person, most alike first, at most
            ten.
    """

    patient: Patient
    possible_duplicates: tuple[PossibleDuplicate, ...]

    @property
    def id(self) -> PatientId:
        return self.patient.id

    @property
    def version(self) -> int:
        return self.patient.version


@retried
def register(request: RegisterPatient, uow: UnitOfWork) -> Registered:
    """
    Take a patient into the register, even if somebody in it may be the same person.

    Raises:
        InvalidError: If the birth date is in the future or before 1850.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        patient = new_patient(request, uow)
        registered = Registered(patient, resembling(patient, uow))
        uow.patients.add(patient)
        uow.record("patient.registered", registered)
        uow.commit()
    return registered


@retried
def change(
    patient_id: PatientId,
    request: ChangePatient,
    uow: UnitOfWork,
    version: int | None = None,
) -> Registered:
    """
    Change a patient's details.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        PatientNotFoundError: If there is no such patient.
        PatientErasedError: If the patient was erased.
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
        registered = Registered(patient, resembling(patient, uow))
        uow.patients.save(patient)
        uow.record(
            "patient.changed", registered, facts={"fields": sorted(changes(request))}
        )
        uow.commit()
    return registered


@retried
def remove(
    patient_id: PatientId,
    uow: UnitOfWork,
    version: int | None = None,
) -> None:
    """
    Remove a patient who never had a visit.

    Args:
        version: The one that is meant; None for any.

    Raises:
        PatientNotFoundError: If there is no such patient.
        StaleVersionError: If it has another *version*.
        PatientHasVisitsError: If there is any visit, whatever its status.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        leaving = waitlist.leaving(patient_id, uow)
        patient = uow.patients.get(patient_id)
        require_version(patient, version)
        visits = uow.appointments.page(
            AppointmentFilter(patient_id=patient_id), PageRequest(limit=10)
        )
        if visits.items:
            raise PatientHasVisitsError(patient_id, tuple(v.id for v in visits.items))
        waitlist.forget(leaving, uow)
        for person in (*uow.patients.merged_into(patient_id), patient):
            uow.belongings.blank(person.id, uow.now)
            uow.patients.remove(person.id)
            uow.record("patient.removed", person)
        uow.origins.forget("patient", patient_id)
        uow.commit()


@retried
def merge(
    patient_id: PatientId,
    request: MergePatients,
    uow: UnitOfWork,
    version: int | None = None,
) -> Patient:
    """
    Make two records of one person one; return the patient, who has all of both.

    Visits, cancellations, intake and origins of the duplicate move to the patient.
    Details that the patient lacks are taken from the duplicate, which is kept as it
    was but can no longer be found or booked for.

    Args:
        version: The one that is meant; None for any.

    Raises:
        PatientNotFoundError: If there is no such patient, or no such duplicate.
        StaleVersionError: If it has another *version*.
        InvalidError: If both are one record.
        PatientErasedError: If one of them was erased.
        BookingConflictError: If they have visits at the same time.
    """
    duplicate_id = request.duplicate_id
    if duplicate_id == patient_id:
        raise InvalidError((Problem("/duplicate_id", "must be another patient"),))
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        diary = uow.diaries.hold([], [patient_id, duplicate_id], _EVER)
        before, duplicate = diary.patients[patient_id], diary.patients[duplicate_id]
        require_version(before, version)
        duplicate.refuse_erased()
        filled = duplicate.missing_from(before)
        patient = before.changed(filled, uow.now)
        if conflicts := tuple(_at_once(diary, patient_id)):
            raise BookingConflictError(conflicts)
        let_lapsed_go(diary, _EVER, uow)
        moved = uow.belongings.move(duplicate_id, patient_id, uow.now)
        uow.patients.save(patient)
        uow.patients.save(duplicate.merged_into(patient_id, uow.now))
        facts = {
            "duplicate_id": str(duplicate_id),
            "fields": sorted(filled),
            "moved": {kind: list(map(str, ids)) for kind, ids in moved.items() if ids},
        }
        uow.record("patient.merged", patient, facts=facts)
        into = {"patient_id": str(patient_id)}
        uow.record("patient.merged-into", duplicate, facts=into)
        uow.commit()
    return patient


@retried
def export(patient_id: PatientId, uow: UnitOfWork) -> Mapping[str, object]:
    """
    Return a patient's whole record, as JSON can say it.

    That is the patient and who was merged into them, everything that hangs on the
    patient by its kind, the keys it was imported with, and all that the trail tells
    of these records, oldest first. That it was given out is recorded.

    Raises:
        PatientNotFoundError: If there is no such patient.
    """
    with uow:
        uow.actor.must(Permission.KEEP_PATIENTS)
        patient = uow.patients.get(patient_id)
        merged = uow.patients.merged_into(patient_id)
        belongings = uow.belongings.of(patient_id)
        told_of: list[UUID] = [patient_id, *(p.id for p in merged)]
        told_of += [
            each.id
            for kept in belongings.values()
            for each in kept
            if isinstance(each, Appointment | Series | WaitlistEntry | Summary)
        ]
        # Forms are given out whole, with what the wire hides, and are no entities here.
        told_of += [
            each["id"] for each in belongings["intake_forms"] if isinstance(each, dict)
        ]
        events = [event for key in told_of for event in uow.events.of(key)]
        record = {
            "exported_at": uow.now,
            "patient": patient,
            "merged": merged,
            **belongings,
            "origins": uow.origins.of("patient", patient_id),
            "events": sorted(events, key=lambda event: event.at),
        }
        uow.record("patient.exported", patient)
        uow.commit()
    dumped = dump(record)
    assert isinstance(dumped, dict)
    return dumped


@retried
def erase(patient_id: PatientId, uow: UnitOfWork) -> Patient:
    """
    Blank everything personal of a patient, for good; doing so again changes nothing.

    Visits stay as those of somebody unknown. Who was merged into the patient is
    erased too, and an import no longer knows the patient.

    Raises:
        PatientNotFoundError: If there is no such patient.
        PatientHasVisitsError: If visits are still to come; it names the first ones.
    """
    with uow:
        uow.actor.must(Permission.ERASE_PATIENTS)
        # Nobody books for the patient meanwhile.
        leaving = waitlist.leaving(patient_id, uow)
        diary = uow.diaries.hold([], [patient_id], _EVER)
        before = diary.patients[patient_id]
        visits = _visits_in(uow.belongings.of(patient_id))
        to_come = sorted(
            (visit.starts_at, visit.id)
            for visit in visits
            if visit.status in TO_COME and visit.ends_at > uow.now
        )
        if to_come:
            raise PatientHasVisitsError(patient_id, tuple(i for _, i in to_come[:10]))
        patient = before.erased(uow.now)
        if patient is not before:
            waitlist.forget(leaving, uow)
            merged = uow.patients.merged_into(patient_id)
            for person in (before, *merged):
                uow.patients.save(person.erased(uow.now))
                uow.belongings.blank(person.id, uow.now)
            uow.origins.forget("patient", patient_id)
            facts = {"merged": [str(person.id) for person in merged]}
            uow.record("patient.erased", patient, facts=facts)
        uow.commit()
    return patient


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


def names(
    patient_ids: Collection[PatientId], uow: UnitOfWork
) -> Mapping[PatientId, str]:
    """
    Return the full names of those of *patient_ids* that are there, for a list.

    As with the names in the schedule, the trail notes no reading.
    """
    with uow:
        uow.actor.must(Permission.SEE_PATIENTS)
        found = uow.patients.named(set(patient_ids))
        return {key: patient.full_name for key, patient in found.items()}


def resembling(patient: Patient, uow: UnitOfWork) -> tuple[PossibleDuplicate, ...]:
    """Return who may be the same person as *patient*, most alike first, at most ten."""
    [others] = uow.patients.sharing([match_keys(patient)])
    return possible_duplicates(patient, others)


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
    today = uow.clinic.today(uow.now)
    if birth > today:
        detail = "must not be in the future"
    elif birth.year < _FIRST_BIRTH_YEAR:
        detail = f"must not be before {_FIRST_BIRTH_YEAR}"
    else:
        return
    raise InvalidError((Problem("/date_of_birth", detail),))


def _at_once(diary: Diary, patient_id: PatientId) -> Iterator[Conflict]:
    """Yield where a visit of the patient overlaps one of the other's in *diary*."""
    own = [busy.span for busy in diary.busy if busy.patient_id == patient_id]
    for busy in diary.busy:
        if busy.patient_id != patient_id and any(map(busy.span.overlaps, own)):
            conflict = visit_in_the_way(
                ConflictKind.PATIENT_BUSY, busy.span, diary.zone
            )
            yield evolve(conflict, overridable=False)


def _visits_in(belongings: Mapping[str, tuple[object, ...]]) -> list[Appointment]:
    return [
        each for each in belongings["appointments"] if isinstance(each, Appointment)
    ]
