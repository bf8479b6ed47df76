"""Diaries: what the rules look at, read in one round trip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.errors import DoctorNotFoundError, PatientNotFoundError
from clinicflow_core.ports import MOST_DOCTORS
from clinicflow_core.scheduling.diary import BusyTime, Diary, days_of
from clinicflow_core.sql.appointments import BUSY_TIMES, LONGEST
from clinicflow_core.sql.calendars import CALENDARS, CALENDARS_OF_ALL, calendar_of
from clinicflow_core.sql.doctors import HOLD_DOCTORS, doctor_of
from clinicflow_core.sql.patients import GET_PATIENTS, HOLD_PATIENTS, patient_of
from clinicflow_core.sql.prepared import Fixed, Params, Row, Trip
from clinicflow_core.timespan import TimeSpan

_DAY = timedelta(days=1)


class SqlDiaries:
    """
    See `ports.Diaries`.

    Each statement sees what was committed when it began (READ COMMITTED), so
    calendars and visits are read as they are once the locks before them are held.
    """

    def __init__(self, trip: Trip, clinic: Clinic, now: datetime) -> None:
        self._trip = trip
        self._clinic = clinic
        self._now = now

    def read(
        self,
        doctor_ids: Collection[DoctorId] | None,
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        if doctor_ids is not None:
            return self._read(GET_PATIENTS, doctor_ids, patient_ids, window)
        [calendars] = self._trip.now((CALENDARS_OF_ALL, self._calendars([], window)))
        found = list({row["id"]: None for row in calendars})
        patients = self._ask_for(GET_PATIENTS, patient_ids)
        *people, visits = self._trip.now(
            *patients, self._busy(found, patient_ids, window)
        )
        diary = self._diary(calendars, chain(*people), visits)
        _refuse_missing(diary, [], patient_ids)
        return diary

    def hold(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        # SQLite holds everything from the BEGIN IMMEDIATE on.
        for fixed, asked in self._ask_for(HOLD_DOCTORS, doctor_ids):
            self._trip.later(fixed, asked)
        return self._read(HOLD_PATIENTS, doctor_ids, patient_ids, window)

    def _read(
        self,
        get_patients: Fixed,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        *people, calendars, visits = self._trip.now(
            *self._ask_for(get_patients, patient_ids),
            (CALENDARS, self._calendars(doctor_ids, window)),
            self._busy(doctor_ids, patient_ids, window),
        )
        diary = self._diary(calendars, chain(*people), visits)
        _refuse_missing(diary, doctor_ids, patient_ids)
        return diary

    def _ask_for(
        self, fixed: Fixed, ids: Collection[UUID]
    ) -> list[tuple[Fixed, Params]]:
        """Return what to ask, which is nothing about nobody."""
        return [(fixed, self._of(ids))] if ids else []

    def _diary(
        self, calendars: Iterable[Row], patients: Iterable[Row], visits: Iterable[Row]
    ) -> Diary:
        by_doctor: defaultdict[DoctorId, list[Row]] = defaultdict(list)
        for row in calendars:
            by_doctor[row["id"]].append(row)
        doctors = [doctor_of(rows[0]) for rows in by_doctor.values()]
        taken: tuple[dict[object, BusyTime], dict[object, BusyTime]] = ({}, {})
        for row in visits:
            until = row["offered_until"]
            is_lapsed = until is not None and until <= self._now
            taken[is_lapsed][row["id"]] = _busy_time_of(row)
        busy, lapsed = (
            tuple(sorted(each.values(), key=lambda b: (b.span.start, b.appointment_id)))
            for each in taken
        )
        return Diary(
            zone=self._clinic.zone,
            now=self._now,
            policy=self._clinic.policy,
            doctors={d.id: d for d in sorted(doctors, key=lambda d: d.sort_key)},
            patients={row["id"]: patient_of(row) for row in patients},
            calendars={i: calendar_of(rows) for i, rows in by_doctor.items()},
            busy=busy,
            lapsed=lapsed,
        )

    def _of(self, ids: Collection[UUID]) -> dict[str, Any]:
        return {"clinic_id": self._clinic.id, "ids": ids}

    def _calendars(
        self, doctor_ids: Collection[DoctorId], window: TimeSpan
    ) -> dict[str, Any]:
        first, last = days_of(window, self._clinic.zone)
        return {
            **self._of(doctor_ids),
            "limit": MOST_DOCTORS,
            # What runs past midnight began the day before.
            "first": first - _DAY,
            "last": last + _DAY,
        }

    def _busy(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> tuple[Fixed, Params]:
        of_window = {
            "clinic_id": self._clinic.id,
            "doctor_ids": doctor_ids,
            "patient_ids": patient_ids,
            "longest_before": window.start - LONGEST,
            "start": window.start,
            "end": window.end,
        }
        return BUSY_TIMES[self._trip.dialect], of_window


def _refuse_missing(
    diary: Diary, doctor_ids: Iterable[DoctorId], patient_ids: Iterable[PatientId]
) -> None:
    for doctor_id in doctor_ids:
        if doctor_id not in diary.doctors:
            raise DoctorNotFoundError(doctor_id)
    for patient_id in patient_ids:
        if patient_id not in diary.patients:
            raise PatientNotFoundError(patient_id)


def _busy_time_of(row: Row) -> BusyTime:
    return BusyTime(
        row["id"],
        row["doctor_id"] if row["holds_doctor"] else None,
        row["patient_id"] if row["holds_patient"] else None,
        TimeSpan(row["starts_at"], row["ends_at"]),
        row["offered_until"] is not None,
    )
