"""Doctors as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, bindparam, delete, insert, select

from clinicflow_core.entities.calendar import DatedHours, DayStretch, TimeOff
from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.ids import ClinicId, DoctorId, TimeOffId
from clinicflow_core.entities.policy import AS_THE_CLINIC, DoctorPolicy
from clinicflow_core.errors import DoctorNotFoundError, TimeOffNotFoundError
from clinicflow_core.ports import MOST_TIME_OFF, Page, PageRequest
from clinicflow_core.sql.calendars import (
    ADD_DATED_HOURS,
    ADD_HOURS,
    ADD_TIME_OFF,
    FIND_TIME_OFF,
    GET_DATED_HOURS,
    GET_HOURS,
    GET_TIME_OFF,
    REMOVE_CALENDAR,
    REMOVE_DATED_HOURS,
    REMOVE_HOURS,
    REMOVE_TIME_OFF,
    dated_hours_of,
    hours_by_doctor,
    row_of_hours,
    row_of_time_off,
    rows_of_dated_hours,
    time_off_of,
)
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.policies import policy_of, row_of_policy
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import doctors
from clinicflow_core.sql.types import among
from clinicflow_core.sql.versions import replace, update_of

_ADD = Fixed(insert(doctors), all_columns(doctors))
_SAVE = update_of(doctors)
_REMOVE = Fixed(
    delete(doctors).where(
        doctors.c.clinic_id == bindparam("clinic_id"), doctors.c.id == bindparam("id")
    )
)
GET_DOCTORS = Fixed(
    select(doctors)
    .where(doctors.c.clinic_id == bindparam("clinic_id"), among(doctors.c.id, "ids"))
    .order_by(doctors.c.id)
)
HOLD_DOCTORS = Fixed(
    select(doctors.c.id)
    .where(doctors.c.clinic_id == bindparam("clinic_id"), among(doctors.c.id, "ids"))
    .order_by(doctors.c.id)
    .with_for_update(key_share=True)
)
_OF_SPECIALTY = Fixed(
    select(doctors)
    .where(
        doctors.c.clinic_id == bindparam("clinic_id"),
        doctors.c.specialty == bindparam("specialty"),
    )
    .order_by(doctors.c.name, doctors.c.id)
    .limit(bindparam("limit", type_=Integer()))
)


def doctor_of(row: Row) -> Doctor:
    return Doctor(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        initials=row["initials"],
        specialty=row["specialty"],
        color=row["color"],
        policy=policy_of(row["scheduling_policy"], DoctorPolicy, AS_THE_CLINIC),
        version=row["version"],
        created_at=row["created_at"],
    )


def _row_of(doctor: Doctor, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": doctor.id,
        "clinic_id": clinic_id,
        "user_id": doctor.user_id,
        "name": doctor.name,
        "initials": doctor.initials,
        "specialty": doctor.specialty,
        "color": doctor.color,
        "scheduling_policy": row_of_policy(doctor.policy, AS_THE_CLINIC),
        "version": doctor.version,
        "created_at": doctor.created_at,
    }


class SqlDoctors:
    """See `ports.Doctors`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, doctor: Doctor) -> None:
        self._trip.later(_ADD, _row_of(doctor, self._clinic_id))

    def get(self, doctor_id: DoctorId) -> Doctor:
        [rows] = self._trip.now((GET_DOCTORS, self._of([doctor_id])))
        if not rows:
            raise DoctorNotFoundError(doctor_id)
        return doctor_of(rows[0])

    def save(self, doctor: Doctor) -> None:
        replace(self._trip, _SAVE, _row_of(doctor, self._clinic_id))

    def remove(self, doctor_id: DoctorId) -> None:
        key = {"clinic_id": self._clinic_id, "id": doctor_id}
        for remove in REMOVE_CALENDAR:
            self._trip.later(remove, key)
        self._trip.later(_REMOVE, key)

    def page(self, request: PageRequest) -> Page[Doctor]:
        after = request.after and (request.after[0], UUID(request.after[1]))
        return page_of(
            self._trip,
            select(doctors).where(doctors.c.clinic_id == self._clinic_id),
            [doctors.c.name, doctors.c.id],
            after,
            request,
            doctor_of,
        )

    def hours_of(self, doctor_id: DoctorId) -> tuple[WorkingHours, ...]:
        return self.hours_of_all([doctor_id])[doctor_id]

    def hours_of_all(
        self, doctor_ids: Collection[DoctorId]
    ) -> Mapping[DoctorId, tuple[WorkingHours, ...]]:
        [rows] = self._trip.now((GET_HOURS, self._of(doctor_ids)))
        return hours_by_doctor(rows, doctor_ids)

    def set_hours(self, doctor_id: DoctorId, hours: Sequence[WorkingHours]) -> None:
        of_doctor = {"clinic_id": self._clinic_id, "id": doctor_id}
        self._trip.later(REMOVE_HOURS, of_doctor)
        for stretch in hours:
            self._trip.later(
                ADD_HOURS, row_of_hours(stretch, doctor_id, self._clinic_id)
            )

    def dated_hours_of(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> tuple[DatedHours, ...]:
        asked = {**self._of([doctor_id]), "first": first, "last": last}
        [rows] = self._trip.now((GET_DATED_HOURS, asked))
        return dated_hours_of(rows)

    def set_dated_hours(
        self, doctor_id: DoctorId, day: date, hours: Sequence[DayStretch] | None
    ) -> None:
        of_day = {"clinic_id": self._clinic_id, "id": doctor_id, "date": day}
        self._trip.later(REMOVE_DATED_HOURS, of_day)
        if hours is not None:
            kept = DatedHours(day, tuple(hours))
            for row in rows_of_dated_hours(kept, doctor_id, self._clinic_id):
                self._trip.later(ADD_DATED_HOURS, row)

    def time_off_of(self, doctor_id: DoctorId, since: date) -> tuple[TimeOff, ...]:
        asked = {**self._of([doctor_id]), "first": since, "limit": MOST_TIME_OFF}
        [rows] = self._trip.now((GET_TIME_OFF, asked))
        return tuple(map(time_off_of, rows))

    def add_time_off(self, time_off: TimeOff) -> None:
        self._trip.later(ADD_TIME_OFF, row_of_time_off(time_off, self._clinic_id))

    def get_time_off(self, time_off_id: TimeOffId) -> TimeOff:
        asked = {"clinic_id": self._clinic_id, "id": time_off_id}
        [rows] = self._trip.now((FIND_TIME_OFF, asked))
        if not rows:
            raise TimeOffNotFoundError(time_off_id)
        return time_off_of(rows[0])

    def remove_time_off(self, time_off_id: TimeOffId) -> None:
        asked = {"clinic_id": self._clinic_id, "id": time_off_id}
        self._trip.later(REMOVE_TIME_OFF, asked)

    def of_specialty(self, specialty: str, limit: int) -> tuple[Doctor, ...]:
        asked = {
            "clinic_id": self._clinic_id,
            "specialty": specialty,
            "limit": limit,
        }
        [rows] = self._trip.now((_OF_SPECIALTY, asked))
        return tuple(map(doctor_of, rows))

    def _of(self, doctor_ids: Collection[DoctorId]) -> dict[str, Any]:
        return {"clinic_id": self._clinic_id, "ids": list(doctor_ids)}
