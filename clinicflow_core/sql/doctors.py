"""Doctors and their working hours as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select

from clinicflow_core.entities.doctor import Doctor, Weekday, WorkingHours
from clinicflow_core.entities.ids import ClinicId, DoctorId
from clinicflow_core.errors import DoctorNotFoundError
from clinicflow_core.ports import Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import doctors, working_hours
from clinicflow_core.sql.types import among
from clinicflow_core.sql.versions import replace, update_of

_ADD = Fixed(insert(doctors), all_columns(doctors))
_SAVE = update_of(doctors)
_REMOVE = Fixed(
    delete(doctors).where(
        doctors.c.clinic_id == bindparam("clinic_id"), doctors.c.id == bindparam("id")
    )
)
_REMOVE_HOURS = Fixed(
    delete(working_hours).where(
        working_hours.c.clinic_id == bindparam("clinic_id"),
        working_hours.c.doctor_id == bindparam("id"),
    )
)
_ADD_HOURS = Fixed(insert(working_hours), all_columns(working_hours))

GET_DOCTORS = Fixed(
    select(doctors)
    .where(doctors.c.clinic_id == bindparam("clinic_id"), among(doctors.c.id, "ids"))
    .order_by(doctors.c.id)
)
HOLD_DOCTORS = Fixed(
    select(doctors)
    .where(doctors.c.clinic_id == bindparam("clinic_id"), among(doctors.c.id, "ids"))
    .order_by(doctors.c.id)
    .with_for_update(key_share=True)
)
GET_HOURS = Fixed(
    select(working_hours).where(
        working_hours.c.clinic_id == bindparam("clinic_id"),
        among(working_hours.c.doctor_id, "ids"),
    )
)


def doctor_of(row: Row) -> Doctor:
    return Doctor(
        id=row["id"],
        user_id=row["user_id"],
        name=row["name"],
        initials=row["initials"],
        specialty=row["specialty"],
        color=row["color"],
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
        "version": doctor.version,
        "created_at": doctor.created_at,
    }


def hours_by_doctor(
    rows: Iterable[Row], doctor_ids: Collection[DoctorId]
) -> dict[DoctorId, tuple[WorkingHours, ...]]:
    """Return each doctor's hours, ordered by weekday and start."""
    hours: dict[DoctorId, list[WorkingHours]] = {i: [] for i in doctor_ids}
    for row in rows:
        stretch = WorkingHours(
            Weekday(row["weekday"]), row["start_time"], row["end_time"]
        )
        hours[row["doctor_id"]].append(stretch)
    return {
        doctor_id: tuple(sorted(week, key=WorkingHours.minutes_of_week))
        for doctor_id, week in hours.items()
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
        self._trip.later(_REMOVE_HOURS, key)
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
        self._trip.later(_REMOVE_HOURS, {"clinic_id": self._clinic_id, "id": doctor_id})
        for stretch in hours:
            self._trip.later(
                _ADD_HOURS,
                {
                    "clinic_id": self._clinic_id,
                    "doctor_id": doctor_id,
                    "weekday": stretch.weekday.value,
                    "start_time": stretch.start,
                    "end_time": stretch.end,
                },
            )

    def _of(self, doctor_ids: Collection[DoctorId]) -> dict[str, Any]:
        return {"clinic_id": self._clinic_id, "ids": list(doctor_ids)}
