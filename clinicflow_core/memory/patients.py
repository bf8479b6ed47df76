"""Patients in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from clinicflow_core import ports
from clinicflow_core.duplicates import MatchKeys, match_keys
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.errors import PatientNotFoundError
from clinicflow_core.memory.intake import remove_intake_of
from clinicflow_core.memory.repository import Repository, follows, is_merged, page_of
from clinicflow_core.memory.transaction import RowKey, Rows, nothing, shared_keys


class MemoryPatients(Repository):
    """See `ports.Patients`."""

    def add(self, patient: Patient) -> None:
        self._put("patients", patient, nothing)

    def get(self, patient_id: PatientId) -> Patient:
        patient: Patient = self._get("patients", patient_id, PatientNotFoundError)
        if is_merged(patient):
            raise PatientNotFoundError(patient_id)
        return patient

    def save(self, patient: Patient) -> None:
        self._put("patients", patient, follows(patient))

    def remove(self, patient_id: PatientId) -> None:
        remove_intake_of(patient_id, self._transaction, self._clinic_id)
        is_free = self._stands_alone(patient_id)
        key = (patient_id,)
        self._transaction.write("patients", self._clinic_id, key, None, is_free)

    def page(
        self,
        words: Collection[str],
        request: ports.PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> ports.Page[Patient]:
        theirs = {
            visit.patient_id
            for visit in self._all("appointments")
            if visit.doctor_id == of_doctor
        }
        found = (
            patient
            for patient in self._all("patients")
            if not is_merged(patient)
            and patient.erased_at is None
            and (of_doctor is None or patient.id in theirs)
            and all(word in patient.search_text for word in words)
        )
        return page_of(found, request)

    def named(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, Patient]:
        rows = self._transaction.rows("patients", self._clinic_id)
        found = {i: rows[i,] for i in patient_ids if (i,) in rows}
        return {i: patient for i, patient in found.items() if not is_merged(patient)}

    def sharing(self, keys: Sequence[MatchKeys]) -> list[tuple[Patient, ...]]:
        rows = self._transaction.rows("patients", self._clinic_id)
        written = self._transaction.written("patients", self._clinic_id)
        return [self._sharing_one(each, rows, written) for each in keys]

    def _sharing_one(
        self, keys: MatchKeys, rows: Rows, written: Collection[RowKey]
    ) -> tuple[Patient, ...]:
        wanted = set(shared_keys(self._clinic_id, keys))
        kept = self._transaction.kept
        with kept.committing:
            ids = [i for key in wanted for i in kept.sharing.get(key, ())]
        near: set[RowKey] = {*written, *((i,) for i in ids)}
        shared: dict[Patient, int] = {}
        for key in near & rows.keys():
            has = shared_keys(self._clinic_id, match_keys(rows[key]))
            shared[rows[key]] = len(wanted.intersection(has))
        found = [patient for patient, count in shared.items() if count]
        found.sort(key=lambda patient: (-shared[patient], patient.id))
        return tuple(found[: ports.MOST_COMPARED])

    def merged_into(self, patient_id: PatientId) -> tuple[Patient, ...]:
        found = (p for p in self._all("patients") if p.merged_into_id == patient_id)
        return tuple(sorted(found, key=lambda patient: patient.id))
