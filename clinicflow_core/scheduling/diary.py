"""The diary: all that the rules of scheduling look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.patient import Patient
from clinicflow_core.scheduling.hours import working_spans
from clinicflow_core.timespan import TimeSpan

_cached_spans = lru_cache(maxsize=4096)(working_spans)


@frozen
class BusyTime:
    """The time that one visit takes from its doctor and its patient."""

    appointment_id: AppointmentId
    doctor_id: DoctorId
    patient_id: PatientId
    span: TimeSpan


@frozen(kw_only=True)
class Diary:
    """
    What is known of some doctors and patients around a time.

    Attributes:
        zone: The clinic's.
        now: The instant at which it was read.
        doctors: The doctors it was asked for.
        patients: The patients it was asked for.
        hours: Each doctor's weekly working hours.
        busy: The time of all visits of these people that hold it and overlap the
            window it was asked for; ordered by start.
    """

    zone: ZoneInfo
    now: datetime
    doctors: Mapping[DoctorId, Doctor]
    patients: Mapping[PatientId, Patient]
    hours: Mapping[DoctorId, tuple[WorkingHours, ...]] = field(factory=dict)
    busy: tuple[BusyTime, ...] = ()

    def without(self, appointment_id: AppointmentId) -> Diary:
        """Return the diary as if there were no such visit."""
        if any(taken.appointment_id == appointment_id for taken in self.busy):
            others = (t for t in self.busy if t.appointment_id != appointment_id)
            return evolve(self, busy=tuple(others))
        return self

    def working_spans(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> list[TimeSpan]:
        """Return when the doctor works from *first* to *last*, in order and merged."""
        return _cached_spans(self.hours.get(doctor_id, ()), first, last, self.zone)
