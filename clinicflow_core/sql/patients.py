"""Patients as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    union_all,
)

from clinicflow_core.duplicates import MatchKeys, match_keys
from clinicflow_core.entities.ids import ClinicId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import PatientNotFoundError
from clinicflow_core.ports import MOST_COMPARED, Page, PageRequest
from clinicflow_core.sql.intake import REMOVE_INTAKE
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import appointments, patients
from clinicflow_core.sql.types import among
from clinicflow_core.sql.versions import replace, update_of

_ADD = Fixed(insert(patients), all_columns(patients))
_SAVE = update_of(patients)
_REMOVE = Fixed(
    delete(patients).where(
        patients.c.clinic_id == bindparam("clinic_id"), patients.c.id == bindparam("id")
    )
)

# A search for each key: of OR, SQLite makes one search through the whole clinic.
_near = union_all(
    *(
        select(patients.c.id).where(
            patients.c.clinic_id == bindparam("clinic_id"),
            patients.c[key] == bindparam(key),
        )
        for key in ("birth_key", "sound_key", "spelling_key")
    )
).subquery()
_most = func.count().label("shared")
_nearest = (
    select(_near.c.id, _most)
    .group_by(_near.c.id)
    .order_by(_most.desc(), _near.c.id)
    .limit(MOST_COMPARED)
    .subquery()
)
_SHARING = Fixed(
    select(patients)
    .join(_nearest, patients.c.id == _nearest.c.id)
    .where(patients.c.clinic_id == bindparam("clinic_id"))
    .order_by(_nearest.c.shared.desc(), patients.c.id)
)
_MERGED_INTO = Fixed(
    select(patients)
    .where(
        patients.c.clinic_id == bindparam("clinic_id"),
        patients.c.merged_into_id == bindparam("id"),
    )
    .order_by(patients.c.id)
)

_WANTED = (
    select(patients)
    .where(
        patients.c.clinic_id == bindparam("clinic_id"),
        among(patients.c.id, "ids"),
        patients.c.merged_into_id.is_(None),
    )
    .order_by(patients.c.id)
)
GET_PATIENTS = Fixed(_WANTED)
HOLD_PATIENTS = Fixed(_WANTED.with_for_update(key_share=True))


def patient_of(row: Row) -> Patient:
    return Patient(
        id=row["id"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        email=row["email"],
        phone=row["phone"],
        date_of_birth=row["date_of_birth"],
        erased_at=row["erased_at"],
        merged_into_id=row["merged_into_id"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _row_of(patient: Patient, clinic_id: ClinicId) -> dict[str, Any]:
    keys = match_keys(patient)
    return {
        "id": patient.id,
        "clinic_id": clinic_id,
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "email": patient.email,
        "phone": patient.phone,
        "date_of_birth": patient.date_of_birth,
        "search_text": patient.search_text,
        "birth_key": keys.birth,
        "sound_key": keys.sound,
        "spelling_key": keys.spelling,
        "merged_into_id": patient.merged_into_id,
        "erased_at": patient.erased_at,
        "version": patient.version,
        "created_at": patient.created_at,
        "updated_at": patient.updated_at,
    }


class SqlPatients:
    """See `ports.Patients`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, patient: Patient) -> None:
        self._trip.later(_ADD, _row_of(patient, self._clinic_id))

    def get(self, patient_id: PatientId) -> Patient:
        found = self.named([patient_id])
        if not found:
            raise PatientNotFoundError(patient_id)
        return found[patient_id]

    def save(self, patient: Patient) -> None:
        replace(self._trip, _SAVE, _row_of(patient, self._clinic_id))

    def remove(self, patient_id: PatientId) -> None:
        of_patient = {"clinic": self._clinic_id, "patient": patient_id}
        for removal in REMOVE_INTAKE:
            self._trip.later(removal, of_patient)
        self._trip.later(_REMOVE, {"clinic_id": self._clinic_id, "id": patient_id})

    def page(
        self,
        words: Collection[str],
        request: PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> Page[Patient]:
        conditions: list[ColumnElement[bool]] = [
            patients.c.search_text.contains(word, autoescape=True) for word in words
        ]
        if of_doctor is not None:
            conditions.append(
                exists().where(
                    appointments.c.clinic_id == self._clinic_id,
                    appointments.c.patient_id == patients.c.id,
                    appointments.c.doctor_id == of_doctor,
                    appointments.c.offered_until.is_(None),
                )
            )
        after: tuple[Any, ...] | None = None
        if request.after is not None:
            last_name, first_name, patient_id = request.after
            after = (last_name, first_name, UUID(patient_id))
        return page_of(
            self._trip,
            select(patients).where(
                patients.c.clinic_id == self._clinic_id,
                patients.c.merged_into_id.is_(None),
                patients.c.erased_at.is_(None),
                *conditions,
            ),
            [patients.c.last_name, patients.c.first_name, patients.c.id],
            after,
            request,
            patient_of,
        )

    def sharing(self, keys: Sequence[MatchKeys]) -> list[tuple[Patient, ...]]:
        asked = [
            {
                "clinic_id": self._clinic_id,
                "birth_key": each.birth,
                "sound_key": each.sound,
                "spelling_key": each.spelling,
            }
            for each in keys
        ]
        found = self._trip.now(*((_SHARING, each) for each in asked))
        return [tuple(map(patient_of, rows)) for rows in found]

    def merged_into(self, patient_id: PatientId) -> tuple[Patient, ...]:
        asked = {"clinic_id": self._clinic_id, "id": patient_id}
        [rows] = self._trip.now((_MERGED_INTO, asked))
        return tuple(map(patient_of, rows))

    def named(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, Patient]:
        asked = {"clinic_id": self._clinic_id, "ids": list(patient_ids)}
        [rows] = self._trip.now((GET_PATIENTS, asked))
        return {row["id"]: patient_of(row) for row in rows}
