"""Appointments and cancellations as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Integer,
    Select,
    and_,
    bindparam,
    insert,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as insert_on_postgresql

from clinicflow_core.entities.appointment import (
    MAX_DURATION,
    Appointment,
    Cancellation,
    CancellationType,
    IntakeStatus,
    Override,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.ids import AppointmentId, ClinicId, DoctorId, SeriesId
from clinicflow_core.entities.series import Series
from clinicflow_core.errors import AppointmentNotFoundError, SeriesNotFoundError
from clinicflow_core.ports import AppointmentFilter, Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.refusals import overlap
from clinicflow_core.sql.tables import (
    appointment_series,
    appointments,
    cancellations,
)
from clinicflow_core.sql.types import KeyList, among
from clinicflow_core.sql.versions import replace, update_of

LONGEST = timedelta(minutes=MAX_DURATION)
"""A visit that is still going on began at most so long ago."""

_ADD = Fixed(insert(appointments), all_columns(appointments))
# A plain INSERT into an exclusion constraint can deadlock with its twin.
_ADD_ON_POSTGRESQL = Fixed(
    insert_on_postgresql(appointments)
    .on_conflict_do_nothing()
    .returning(appointments.c.id),
    all_columns(appointments),
)
_SAVE = update_of(appointments)
_GET = Fixed(
    select(appointments).where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        appointments.c.id == bindparam("id"),
        appointments.c.offered_until.is_(None),
    )
)
_KNOWN = Fixed(
    select(appointments).where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        among(appointments.c.id, "ids"),
        appointments.c.offered_until.is_(None),
    )
)
_OF_SERIES = Fixed(
    select(appointments)
    .where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        appointments.c.series_id == bindparam("series_id"),
    )
    .order_by(appointments.c.starts_at, appointments.c.id)
)
_OF_SERIES_WITH = Fixed(
    select(appointments)
    .join(
        appointment_series,
        and_(
            appointment_series.c.clinic_id == appointments.c.clinic_id,
            appointment_series.c.id == appointments.c.series_id,
        ),
    )
    .where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        appointment_series.c.doctor_id == bindparam("doctor_id"),
    )
    .order_by(appointments.c.starts_at, appointments.c.id)
    .limit(bindparam("limit", type_=Integer()))
)
_ADD_SERIES = Fixed(insert(appointment_series), all_columns(appointment_series))
_GET_SERIES = Fixed(
    select(appointment_series).where(
        appointment_series.c.clinic_id == bindparam("clinic_id"),
        appointment_series.c.id == bindparam("id"),
    )
)
_CANCEL = Fixed(insert(cancellations), all_columns(cancellations))
_CANCELLATIONS_OF = Fixed(
    select(cancellations)
    .where(
        cancellations.c.clinic_id == bindparam("clinic_id"),
        cancellations.c.appointment_id == bindparam("appointment_id"),
    )
    .order_by(cancellations.c.created_at, cancellations.c.id)
)


_BUSY_COLUMNS = (
    appointments.c.id,
    appointments.c.doctor_id,
    appointments.c.patient_id,
    appointments.c.starts_at,
    appointments.c.ends_at,
    appointments.c.holds_doctor,
    appointments.c.holds_patient,
    appointments.c.offered_until,
)


def _busy_times_of(person: str) -> Select[Any]:
    return select(*_BUSY_COLUMNS).where(
        appointments.c.clinic_id == bindparam("clinic_id"),
        among(appointments.c[f"{person}_id"], f"{person}_ids"),
        # With the longest visit the index on the start is enough.
        appointments.c.starts_at > bindparam("longest_before"),
        appointments.c.starts_at < bindparam("end"),
        appointments.c.ends_at > bindparam("start"),
        appointments.c[f"holds_{person}"],
    )


_BUSY_TIMES_ON_POSTGRESQL = " UNION ALL ".join(
    f"""
    SELECT visit.* FROM unnest(CAST(:{person}_ids AS uuid[])) AS person (id),
    LATERAL (
        SELECT {", ".join(column.name for column in _BUSY_COLUMNS)} FROM appointments
        WHERE clinic_id = :clinic_id AND {person}_id = person.id
        AND starts_at > CAST(:longest_before AS timestamptz)
        AND starts_at < CAST(:end AS timestamptz)
        AND ends_at > CAST(:start AS timestamptz)
        AND holds_{person} IS NOT FALSE
        ORDER BY starts_at
    ) AS visit
    """  # noqa: S608  The names are ours.
    for person in ("doctor", "patient")
)

BUSY_TIMES = {
    "sqlite": Fixed(union_all(_busy_times_of("doctor"), _busy_times_of("patient"))),
    # One look into an index for each person. The exclusion constraints' own would
    # give the whole past: behind row-level security an index is asked only what is
    # known to tell nothing of other rows, and whether ranges overlap is not. So
    # `holds_doctor` is said in words that are not theirs, and the order makes the
    # planner take an index by time, however little it knows of a young table.
    "postgresql": Fixed(
        text(_BUSY_TIMES_ON_POSTGRESQL)
        .bindparams(
            bindparam("clinic_id", type_=appointments.c.clinic_id.type),
            bindparam("doctor_ids", type_=KeyList()),
            bindparam("patient_ids", type_=KeyList()),
            bindparam("longest_before", type_=appointments.c.starts_at.type),
            bindparam("start", type_=appointments.c.starts_at.type),
            bindparam("end", type_=appointments.c.ends_at.type),
        )
        .columns(*_BUSY_COLUMNS)
    ),
}
"""Visits that hold time of `doctor_ids` or `patient_ids`; of both, twice."""


def appointment_of(row: Row) -> Appointment:
    visit_type, category = row["visit_type"], row["visit_category"]
    return Appointment(
        id=row["id"],
        doctor_id=row["doctor_id"],
        patient_id=row["patient_id"],
        date=row["date"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        duration=row["duration"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        visit_type=None if visit_type is None else VisitType(visit_type),
        visit_category=None if category is None else VisitCategory(category),
        status=Status(row["status"]),
        intake_status=IntakeStatus(row["intake_status"]),
        arrived=row["arrived"],
        arrived_at=row["arrived_at"],
        meeting_link=row["meeting_link"],
        override=_override_of(row),
        series_id=row["series_id"],
        times_moved=row["times_moved"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _override_of(row: Row) -> Override | None:
    if row["override_reason"] is None:
        return None
    return Override(
        reason=row["override_reason"],
        conflicts=tuple(row["override_conflicts"]),
        by_id=row["override_by_id"],
    )


def row_of_appointment(
    visit: Appointment, clinic_id: ClinicId, offered_until: datetime | None = None
) -> dict[str, Any]:
    override = visit.override
    return {
        "id": visit.id,
        "clinic_id": clinic_id,
        "doctor_id": visit.doctor_id,
        "patient_id": visit.patient_id,
        "date": visit.date,
        "start_time": visit.start_time,
        "end_time": visit.end_time,
        "duration": visit.duration,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "visit_type": visit.visit_type and visit.visit_type.value,
        "visit_category": visit.visit_category and visit.visit_category.value,
        "status": visit.status.value,
        "intake_status": visit.intake_status.value,
        "arrived": visit.arrived,
        "arrived_at": visit.arrived_at,
        "meeting_link": visit.meeting_link,
        "override_reason": override and override.reason,
        "override_conflicts": override and list(override.conflicts),
        "override_by_id": override and override.by_id,
        "series_id": visit.series_id,
        "times_moved": visit.times_moved,
        "offered_until": offered_until,
        "shares_doctor": visit.shares_doctor,
        "shares_patient": visit.shares_patient,
        "version": visit.version,
        "created_at": visit.created_at,
        "updated_at": visit.updated_at,
    }


def cancellation_of(row: Row) -> Cancellation:
    return Cancellation(
        id=row["id"],
        appointment_id=row["appointment_id"],
        patient_id=row["patient_id"],
        cancelled_by_id=row["cancelled_by_id"],
        cancellation_type=CancellationType(row["cancellation_type"]),
        reason_note=row["reason_note"],
        late=row["late"],
        created_at=row["created_at"],
    )


def _row_of_cancellation(
    cancellation: Cancellation, clinic_id: ClinicId
) -> dict[str, Any]:
    return {
        "id": cancellation.id,
        "clinic_id": clinic_id,
        "appointment_id": cancellation.appointment_id,
        "patient_id": cancellation.patient_id,
        "cancelled_by_id": cancellation.cancelled_by_id,
        "cancellation_type": cancellation.cancellation_type.value,
        "reason_note": cancellation.reason_note,
        "late": cancellation.late,
        "created_at": cancellation.created_at,
    }


def series_of(row: Row) -> Series:
    return Series(
        id=row["id"],
        doctor_id=row["doctor_id"],
        patient_id=row["patient_id"],
        rrule=row["rrule"],
        date=row["date"],
        start_time=row["start_time"],
        duration=row["duration"],
        created_at=row["created_at"],
    )


def _row_of_series(series: Series, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": series.id,
        "clinic_id": clinic_id,
        "doctor_id": series.doctor_id,
        "patient_id": series.patient_id,
        "rrule": series.rrule,
        "date": series.date,
        "start_time": series.start_time,
        "duration": series.duration,
        "created_at": series.created_at,
    }


class SqlAppointments:
    """See `ports.Appointments`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, appointment: Appointment) -> None:
        add_row(self._trip, row_of_appointment(appointment, self._clinic_id))

    def get(self, appointment_id: AppointmentId) -> Appointment:
        key = {"clinic_id": self._clinic_id, "id": appointment_id}
        [rows] = self._trip.now((_GET, key))
        if not rows:
            raise AppointmentNotFoundError(appointment_id)
        return appointment_of(rows[0])

    def save(self, appointment: Appointment) -> None:
        replace(self._trip, _SAVE, row_of_appointment(appointment, self._clinic_id))

    def page(self, which: AppointmentFilter, request: PageRequest) -> Page[Appointment]:
        visits = appointments.c
        query = select(appointments).where(
            visits.clinic_id == self._clinic_id, visits.offered_until.is_(None)
        )
        if which.first is not None:
            query = query.where(visits.date >= which.first)
        if which.last is not None:
            query = query.where(visits.date <= which.last)
        if which.doctor_id is not None:
            query = query.where(visits.doctor_id == which.doctor_id)
        if which.patient_id is not None:
            query = query.where(visits.patient_id == which.patient_id)
        if which.status is not None:
            query = query.where(visits.status == which.status.value)
        if which.intake_status is not None:
            query = query.where(visits.intake_status == which.intake_status.value)
        after = request.after and (
            datetime.fromisoformat(request.after[0]),
            UUID(request.after[1]),
        )
        return page_of(
            self._trip,
            query,
            [visits.starts_at, visits.id],
            after,
            request,
            appointment_of,
        )

    def known(
        self, appointment_ids: Collection[AppointmentId]
    ) -> Mapping[AppointmentId, Appointment]:
        asked = {"clinic_id": self._clinic_id, "ids": appointment_ids}
        [rows] = self._trip.now((_KNOWN, asked))
        return {row["id"]: appointment_of(row) for row in rows}

    def of_series(self, series_id: SeriesId) -> tuple[Appointment, ...]:
        asked = {"clinic_id": self._clinic_id, "series_id": series_id}
        [rows] = self._trip.now((_OF_SERIES, asked))
        return tuple(map(appointment_of, rows))

    def of_series_with(
        self, doctor_id: DoctorId, limit: int
    ) -> tuple[Appointment, ...]:
        asked = {"clinic_id": self._clinic_id, "doctor_id": doctor_id, "limit": limit}
        [rows] = self._trip.now((_OF_SERIES_WITH, asked))
        return tuple(map(appointment_of, rows))

    def add_series(self, series: Series) -> None:
        self._trip.later(_ADD_SERIES, _row_of_series(series, self._clinic_id))

    def get_series(self, series_id: SeriesId) -> Series:
        asked = {"clinic_id": self._clinic_id, "id": series_id}
        [rows] = self._trip.now((_GET_SERIES, asked))
        if not rows:
            raise SeriesNotFoundError(series_id)
        return series_of(rows[0])

    def cancel(self, cancellation: Cancellation) -> None:
        self._trip.later(_CANCEL, _row_of_cancellation(cancellation, self._clinic_id))

    def cancellations_of(
        self, appointment_id: AppointmentId
    ) -> tuple[Cancellation, ...]:
        asked = {"clinic_id": self._clinic_id, "appointment_id": appointment_id}
        [rows] = self._trip.now((_CANCELLATIONS_OF, asked))
        return tuple(cancellation_of(row) for row in rows)


def add_row(trip: Trip, row: dict[str, Any]) -> None:
    """
    Add the row of a visit, or of what is offered.

    Raises:
        ContentionError: If its time is taken; with the next read or the end.
    """
    add = _ADD_ON_POSTGRESQL if trip.dialect == "postgresql" else _ADD
    trip.later(add, row, _was_added)


def _was_added(count: int) -> None:
    if count != 1:
        raise overlap()
