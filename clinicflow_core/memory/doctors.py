"""Doctors in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from clinicflow_core import ports
from clinicflow_core.entities.calendar import DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.ids import DoctorId, TimeOffId
from clinicflow_core.errors import DoctorNotFoundError, TimeOffNotFoundError
from clinicflow_core.memory.repository import Repository, follows, page_of
from clinicflow_core.memory.transaction import nothing


class MemoryDoctors(Repository):
    """See `ports.Doctors`."""

    def add(self, doctor: Doctor) -> None:
        self._put("doctors", doctor, nothing, self._there("users", doctor.user_id))

    def get(self, doctor_id: DoctorId) -> Doctor:
        doctor: Doctor = self._get("doctors", doctor_id, DoctorNotFoundError)
        return doctor

    def save(self, doctor: Doctor) -> None:
        account = self._there("users", doctor.user_id)
        self._put("doctors", doctor, follows(doctor), account)

    def remove(self, doctor_id: DoctorId) -> None:
        key = (doctor_id,)
        is_free = self._stands_alone(doctor_id)
        self._transaction.write("doctors", self._clinic_id, key, None, is_free)
        self._transaction.write("hours", self._clinic_id, key, None)
        for table in ("dated_hours", "time_off", "offers"):
            rows = self._transaction.rows(table, self._clinic_id)
            for of_doctor, kept in rows.items():
                if doctor_id in (of_doctor[0], getattr(kept, "doctor_id", None)):
                    self._transaction.write(table, self._clinic_id, of_doctor, None)

    def page(self, request: ports.PageRequest) -> ports.Page[Doctor]:
        return page_of(self._all("doctors"), request)

    def hours_of(self, doctor_id: DoctorId) -> tuple[WorkingHours, ...]:
        found = self._transaction.find("hours", self._clinic_id, (doctor_id,))
        return found or ()

    def hours_of_all(
        self, doctor_ids: Collection[DoctorId]
    ) -> Mapping[DoctorId, tuple[WorkingHours, ...]]:
        return {doctor_id: self.hours_of(doctor_id) for doctor_id in doctor_ids}

    def set_hours(self, doctor_id: DoctorId, hours: Sequence[WorkingHours]) -> None:
        ordered = sorted(hours, key=WorkingHours.minutes_of_week)
        self._transaction.write(
            "hours",
            self._clinic_id,
            (doctor_id,),
            tuple(ordered),
            self._there("doctors", doctor_id),
        )

    def dated_hours_of(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> tuple[DatedHours, ...]:
        rows = self._transaction.rows("dated_hours", self._clinic_id)
        found = (day for key, day in rows.items() if key[0] == doctor_id)
        within = (day for day in found if first <= day.date <= last)
        return tuple(sorted(within, key=lambda day: day.date))

    def set_dated_hours(
        self, doctor_id: DoctorId, day: date, hours: Sequence[DayStretch] | None
    ) -> None:
        kept = None if hours is None else DatedHours(day, tuple(hours))
        is_there = self._there("doctors", doctor_id)
        key = (doctor_id, day)
        self._transaction.write("dated_hours", self._clinic_id, key, kept, is_there)

    def time_off_of(self, doctor_id: DoctorId, since: date) -> tuple[TimeOff, ...]:
        found = (
            off
            for off in self._all("time_off")
            if off.doctor_id == doctor_id and off.ends.date() >= since
        )
        ordered = sorted(found, key=lambda off: off.sort_key)
        return tuple(ordered[: ports.MOST_TIME_OFF])

    def add_time_off(self, time_off: TimeOff) -> None:
        is_there = self._there("doctors", time_off.doctor_id)
        self._put("time_off", time_off, nothing, is_there)

    def get_time_off(self, time_off_id: TimeOffId) -> TimeOff:
        found: TimeOff = self._get("time_off", time_off_id, TimeOffNotFoundError)
        return found

    def remove_time_off(self, time_off_id: TimeOffId) -> None:
        self._transaction.write("time_off", self._clinic_id, (time_off_id,), None)

    def of_specialty(self, specialty: str, limit: int) -> tuple[Doctor, ...]:
        found = (d for d in self._all("doctors") if d.specialty == specialty)
        return tuple(sorted(found, key=lambda doctor: doctor.sort_key)[:limit])
