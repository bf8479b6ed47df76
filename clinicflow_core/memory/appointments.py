"""Appointments and cancellations in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from clinicflow_core import ports
from clinicflow_core.entities.appointment import Appointment, Cancellation
from clinicflow_core.entities.ids import AppointmentId, DoctorId, SeriesId
from clinicflow_core.entities.series import Series
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    BookingConflictError,
    ContentionError,
    SeriesNotFoundError,
)
from clinicflow_core.memory.repository import Repository, follows, page_of
from clinicflow_core.memory.transaction import nothing
from clinicflow_core.scheduling.conflicts import ConflictKind, visit_in_the_way
from clinicflow_core.scheduling.diary import busy_time_of


class MemoryAppointments(Repository):
    """See `ports.Appointments`."""

    def add(self, appointment: Appointment) -> None:
        self._put("appointments", appointment, nothing, *self._can_stand(appointment))

    def get(self, appointment_id: AppointmentId) -> Appointment:
        found: Appointment = self._get(
            "appointments", appointment_id, AppointmentNotFoundError
        )
        return found

    def save(self, appointment: Appointment) -> None:
        checks = (follows(appointment), *self._can_stand(appointment))
        self._put("appointments", appointment, *checks)

    def page(
        self, which: ports.AppointmentFilter, request: ports.PageRequest
    ) -> ports.Page[Appointment]:
        found = (visit for visit in self._all("appointments") if _agrees(visit, which))
        return page_of(found, request)

    def known(
        self, appointment_ids: Collection[AppointmentId]
    ) -> Mapping[AppointmentId, Appointment]:
        rows = self._transaction.rows("appointments", self._clinic_id)
        return {i: rows[i,] for i in appointment_ids if (i,) in rows}

    def of_series(self, series_id: SeriesId) -> tuple[Appointment, ...]:
        found = (v for v in self._all("appointments") if v.series_id == series_id)
        return tuple(sorted(found, key=lambda visit: visit.sort_key))

    def of_series_with(
        self, doctor_id: DoctorId, limit: int
    ) -> tuple[Appointment, ...]:
        booked = {s.id for s in self._all("series") if s.doctor_id == doctor_id}
        found = (v for v in self._all("appointments") if v.series_id in booked)
        return tuple(sorted(found, key=lambda visit: visit.sort_key)[:limit])

    def add_series(self, series: Series) -> None:
        self._put(
            "series",
            series,
            nothing,
            self._there("doctors", series.doctor_id),
            self._there("patients", series.patient_id),
        )

    def get_series(self, series_id: SeriesId) -> Series:
        found: Series = self._get("series", series_id, SeriesNotFoundError)
        return found

    def cancel(self, cancellation: Cancellation) -> None:
        self._put(
            "cancellations",
            cancellation,
            nothing,
            self._there("appointments", cancellation.appointment_id),
            self._there("patients", cancellation.patient_id),
            self._there("users", cancellation.cancelled_by_id),
        )

    def cancellations_of(
        self, appointment_id: AppointmentId
    ) -> tuple[Cancellation, ...]:
        found = (
            c for c in self._all("cancellations") if c.appointment_id == appointment_id
        )
        return tuple(sorted(found, key=lambda c: (c.created_at, c.id)))

    def _can_stand(self, visit: Appointment) -> tuple[Callable[[Any], None], ...]:
        overridden_by = visit.override.by_id if visit.override else None
        return (
            self._there("doctors", visit.doctor_id),
            self._there("patients", visit.patient_id),
            self._there("users", overridden_by),
            self._there("series", visit.series_id),
            self._time_is_free(visit),
        )

    def _time_is_free(self, visit: Appointment) -> Callable[[Any], None]:
        """Return the store's own check, which asks no rule and trusts no lock."""

        def check(_: Any) -> None:
            self._store_refuses_overlap(visit)

        return check

    def _store_refuses_overlap(self, visit: Appointment) -> None:
        zone = self._transaction.kept.committed["clinics", None][self._clinic_id,].zone
        taken = busy_time_of(visit)
        for person, kind in (
            (taken.doctor_id, ConflictKind.DOCTOR_BUSY),
            (taken.patient_id, ConflictKind.PATIENT_BUSY),
        ):
            for other in self._stored_visits_of(person):
                # A year of visits is booked at once: most are told apart by this.
                if other.ends_at <= visit.starts_at or visit.ends_at <= other.starts_at:
                    continue
                holds = busy_time_of(other)
                if other.id != visit.id and person in (
                    holds.doctor_id,
                    holds.patient_id,
                ):
                    conflict = visit_in_the_way(kind, other.span, zone)
                    raise ContentionError(BookingConflictError((conflict,)))

    def _stored_visits_of(self, person: UUID | None) -> Iterator[Appointment]:
        """Yield a person's visits, and what is held for the waitlist."""
        kept = self._transaction.kept
        if person is not None:
            for visit_id in kept.visits_of[person]:
                for table in ("appointments", "holds"):
                    found = kept.committed[table, self._clinic_id].get((visit_id,))
                    if found is not None:
                        yield found


def _agrees(visit: Appointment, which: ports.AppointmentFilter) -> bool:
    return (
        (which.first is None or visit.date >= which.first)
        and (which.last is None or visit.date <= which.last)
        and which.doctor_id in (None, visit.doctor_id)
        and which.patient_id in (None, visit.patient_id)
        and which.status in (None, visit.status)
        and which.intake_status in (None, visit.intake_status)
    )
