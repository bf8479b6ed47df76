"""Diaries in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from clinicflow_core import ports
from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.memory.doctors import MemoryDoctors
from clinicflow_core.memory.patients import MemoryPatients
from clinicflow_core.memory.repository import Repository
from clinicflow_core.scheduling.diary import BusyTime, Diary, busy_time_of, days_of
from clinicflow_core.timespan import TimeSpan

_DAY = timedelta(days=1)


class MemoryDiaries(Repository):
    """See `ports.Diaries`."""

    def read(
        self,
        doctor_ids: Collection[DoctorId] | None,
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        doctors = MemoryDoctors(self._transaction, self._clinic_id)
        patients = MemoryPatients(self._transaction, self._clinic_id)
        clinic: Clinic = self._transaction.find("clinics", None, (self._clinic_id,))
        if doctor_ids is None:
            found = doctors.page(ports.PageRequest(limit=ports.MOST_DOCTORS)).items
            doctor_ids = [doctor.id for doctor in found]
        known = sorted(
            (doctors.get(i) for i in dict.fromkeys(doctor_ids)),
            key=lambda doctor: doctor.sort_key,
        )
        first, last = days_of(window, clinic.zone)
        people: set[UUID] = {*doctor_ids, *patient_ids}
        held = self._transaction.rows("offers", self._clinic_id)
        lapsed = {
            offer.id
            for offer in held.values()
            if not offer.counts(self._transaction.now)
        }
        holds = list(self._near("holds", people, window))
        return Diary(
            zone=clinic.zone,
            now=self._transaction.now,
            policy=clinic.policy,
            doctors={doctor.id: doctor for doctor in known},
            patients={i: patients.get(i) for i in patient_ids},
            calendars={
                doctor.id: Calendar(
                    weekly=doctors.hours_of(doctor.id),
                    # What runs past midnight began the day before.
                    dated=doctors.dated_hours_of(doctor.id, first - _DAY, last + _DAY),
                    time_off=tuple(
                        off
                        for off in doctors.time_off_of(doctor.id, first - _DAY)
                        if off.starts.date() <= last + _DAY
                    ),
                )
                for doctor in known
            },
            busy=_by_start(
                (
                    *self._near("appointments", people, window),
                    *(each for each in holds if each.appointment_id not in lapsed),
                )
            ),
            lapsed=_by_start(each for each in holds if each.appointment_id in lapsed),
        )

    def _near(
        self, table: str, people: Collection[UUID], window: TimeSpan
    ) -> Iterator[BusyTime]:
        for visit in self._transaction.visits_of(self._clinic_id, people, table):
            taken = busy_time_of(visit, is_offer=table == "holds")
            takes = {taken.doctor_id, taken.patient_id} & set(people)
            if takes and visit.span.overlaps(window):
                yield taken

    def hold(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        self._transaction.hold((*sorted(doctor_ids), *sorted(patient_ids)))
        return self.read(doctor_ids, patient_ids, window)


def _by_start(times: Iterable[BusyTime]) -> tuple[BusyTime, ...]:
    return tuple(sorted(times, key=lambda b: (b.span.start, b.appointment_id)))
