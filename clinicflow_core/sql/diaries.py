"""Diaries: what the rules look at, read in one round trip."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from clinicflow_core.entities.ids import ClinicId, DoctorId, PatientId
from clinicflow_core.errors import DoctorNotFoundError, PatientNotFoundError
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.sql.appointments import BUSY_TIMES, LONGEST
from clinicflow_core.sql.doctors import (
    GET_DOCTORS,
    GET_HOURS,
    HOLD_DOCTORS,
    doctor_of,
    hours_by_doctor,
)
from clinicflow_core.sql.patients import GET_PATIENTS, HOLD_PATIENTS, patient_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip
from clinicflow_core.timespan import TimeSpan


class SqlDiaries:
    """
    See `ports.Diaries`.

    Each statement sees what was committed when it began (READ COMMITTED), so the
    visits are read as they are once the locks before them are held.
    """

    def __init__(
        self, trip: Trip, clinic_id: ClinicId, zone: ZoneInfo, now: datetime
    ) -> None:
        self._trip = trip
        self._clinic_id = clinic_id
        self._zone = zone
        self._now = now

    def read(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        return self._read(GET_DOCTORS, GET_PATIENTS, doctor_ids, patient_ids, window)

    def hold(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        # SQLite holds everything from the BEGIN IMMEDIATE on.
        return self._read(HOLD_DOCTORS, HOLD_PATIENTS, doctor_ids, patient_ids, window)

    def _read(
        self,
        get_doctors: Fixed,
        get_patients: Fixed,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        of_doctors = {"clinic_id": self._clinic_id, "ids": doctor_ids}
        of_patients = {"clinic_id": self._clinic_id, "ids": patient_ids}
        of_window = {
            "clinic_id": self._clinic_id,
            "doctor_ids": doctor_ids,
            "patient_ids": patient_ids,
            "longest_before": window.start - LONGEST,
            "start": window.start,
            "end": window.end,
        }
        doctors, patients, hours, visits = self._trip.now(
            (get_doctors, of_doctors),
            (get_patients, of_patients),
            (GET_HOURS, of_doctors),
            (BUSY_TIMES[self._trip.dialect], of_window),
        )
        found_doctors = {row["id"]: doctor_of(row) for row in doctors}
        found_patients = {row["id"]: patient_of(row) for row in patients}
        for doctor_id in doctor_ids:
            if doctor_id not in found_doctors:
                raise DoctorNotFoundError(doctor_id)
        for patient_id in patient_ids:
            if patient_id not in found_patients:
                raise PatientNotFoundError(patient_id)
        busy = {row["id"]: _busy_time_of(row) for row in visits}
        return Diary(
            zone=self._zone,
            now=self._now,
            doctors=found_doctors,
            patients=found_patients,
            hours=hours_by_doctor(hours, doctor_ids),
            busy=tuple(
                sorted(busy.values(), key=lambda b: (b.span.start, b.appointment_id))
            ),
        )


def _busy_time_of(row: Row) -> BusyTime:
    return BusyTime(
        row["id"],
        row["doctor_id"],
        row["patient_id"],
        TimeSpan(row["starts_at"], row["ends_at"]),
    )
