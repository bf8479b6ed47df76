"""What hangs on patients, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import asdict, evolve

from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.summary import Digest
from clinicflow_core.memory.appointments import MemoryAppointments
from clinicflow_core.memory.intake import MemoryIntakeForms, MemorySummaries
from clinicflow_core.memory.patients import MemoryPatients
from clinicflow_core.memory.repository import Repository
from clinicflow_core.memory.trail import MemoryOrigins


class MemoryBelongings(Repository):
    """See `ports.Belongings`."""

    def of(self, patient_id: PatientId) -> Mapping[str, tuple[object, ...]]:
        # Draft included, which never crosses the wire otherwise.
        forms = self._of("intake_forms", patient_id)
        return {
            "ai_intake_summaries": tuple(self._of("ai_intake_summaries", patient_id)),
            "appointment_series": tuple(self._of("series", patient_id)),
            "appointments": tuple(self._of("appointments", patient_id)),
            "cancellations": tuple(self._of("cancellations", patient_id)),
            "intake_forms": tuple(asdict(form, recurse=False) for form in forms),
            "waitlist": tuple(self._of("waitlist", patient_id)),
        }

    def move(
        self, patient_id: PatientId, to: PatientId, now: datetime
    ) -> Mapping[str, tuple[UUID, ...]]:
        visits = self._of("appointments", patient_id)
        cancellations = self._of("cancellations", patient_id)
        desk = MemoryAppointments(self._transaction, self._clinic_id)
        for visit in visits:
            desk.save(visit.given_to(to, now))
        for each in cancellations:
            self._put("cancellations", evolve(each, patient_id=to))
        series = self._of("series", patient_id)
        for each in series:
            self._put("series", evolve(each, patient_id=to))
        entries = self._of("waitlist", patient_id)
        for each in entries:
            version = each.version + 1
            moved = evolve(each, patient_id=to, version=version, updated_at=now)
            self._put("waitlist", moved)
        for held in self._of("holds", patient_id):
            moved = held.given_to(to, now)
            self._put("holds", moved, desk._time_is_free(moved))
        forms = self._of("intake_forms", patient_id)
        summaries = self._of("ai_intake_summaries", patient_id)
        self._change_intake(
            patient_id,
            {"patient_id": to, "updated_at": now},
            {"patient_id": to},
        )
        patients = MemoryPatients(self._transaction, self._clinic_id)
        for merged in patients.merged_into(patient_id):
            patients.save(merged.merged_into(to, now))
        origins = MemoryOrigins(self._transaction, self._clinic_id)
        for key in origins.of("patient", patient_id):
            self._transaction.write("origins", self._clinic_id, ("patient", key), to)
        return {
            "ai_intake_summaries": tuple(each.id for each in summaries),
            "appointment_series": tuple(each.id for each in series),
            "appointments": tuple(visit.id for visit in visits),
            "cancellations": tuple(each.id for each in cancellations),
            "intake_forms": tuple(each.id for each in forms),
            "waitlist": tuple(each.id for each in entries),
        }

    def blank(self, patient_id: PatientId, now: datetime) -> None:
        desk = MemoryAppointments(self._transaction, self._clinic_id)
        for visit in self._of("appointments", patient_id):
            desk.save(visit.anonymous(now))
        for each in self._of("cancellations", patient_id):
            self._put("cancellations", evolve(each, reason_note=None))
        for each in self._of("waitlist", patient_id):
            version = each.version + 1
            blank = evolve(each, note=None, version=version, updated_at=now)
            self._put("waitlist", blank)
        forms = MemoryIntakeForms(self._transaction, self._clinic_id)
        for each in self._of("intake_forms", patient_id):
            forms.remove_links_of(each.id)
        self._change_intake(
            patient_id,
            {"raw_answers": {}, "draft": None, "dropped": (), "updated_at": now},
            {"digest": Digest(), "machine": None, "dropped": ()},
        )
        answers = self._transaction.rows("answers", self._clinic_id)
        for key, kept in answers.items():
            if str(patient_id) in json.dumps(kept.answer):
                forgotten = evolve(kept, fingerprint="", answer=None)
                self._transaction.write("answers", self._clinic_id, key, forgotten)

    def _change_intake(
        self,
        patient_id: PatientId,
        in_forms: Mapping[str, object],
        in_summaries: Mapping[str, object],
    ) -> None:
        forms = MemoryIntakeForms(self._transaction, self._clinic_id)
        for form in self._of("intake_forms", patient_id):
            forms.save(evolve(form, version=form.version + 1, **in_forms))
        summaries = MemorySummaries(self._transaction, self._clinic_id)
        for made in self._of("ai_intake_summaries", patient_id):
            summaries.save(evolve(made, version=made.version + 1, **in_summaries))

    def _of(self, table: str, patient_id: PatientId) -> list[Any]:
        found = (each for each in self._all(table) if each.patient_id == patient_id)
        return sorted(found, key=lambda each: each.id)
