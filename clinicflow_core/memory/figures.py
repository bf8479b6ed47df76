"""What figures are counted from, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from clinicflow_core import ports
from clinicflow_core.entities.appointment import (
    TO_COME,
    Appointment,
    Cancellation,
    Status,
)
from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.entities.ids import AppointmentId, DoctorId
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.memory.doctors import MemoryDoctors
from clinicflow_core.memory.repository import Repository

_DAY = timedelta(days=1)


class MemoryFigures(Repository):
    """See `ports.Figures`."""

    def read(
        self, first: date, last: date, doctor_id: DoctorId | None = None
    ) -> ports.Counted:
        doctors = MemoryDoctors(self._transaction, self._clinic_id)
        known: Iterable[Doctor] = (
            self._all("doctors") if doctor_id is None else [doctors.get(doctor_id)]
        )
        ordered = sorted(known, key=lambda doctor: doctor.sort_key)
        visits = (
            visit
            for visit in self._visits(doctor_id)
            # One may run past midnight, and clocks can skip a day between.
            if first - 2 * _DAY <= visit.date <= last
        )
        return ports.Counted(
            doctors={doctor.id: doctor for doctor in ordered},
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
                for doctor in ordered
            },
            visits=tuple(self._counted(visits))[: ports.MOST_COUNTED + 1],
        )

    def loose_ends(
        self,
        since: datetime,
        now: datetime,
        limit: int,
        doctor_id: DoctorId | None = None,
    ) -> ports.LooseEnds:
        recent = [v for v in self._visits(doctor_id) if v.starts_at >= since]
        unsigned = self._unsigned()
        still_open = [v for v in recent if v.ends_at <= now and v.status in TO_COME]
        latest = [*self._counted(still_open)][::-1]
        return ports.LooseEnds(
            open=tuple(latest[:limit]),
            open_count=len(still_open),
            unsigned_count=sum(visit.id in unsigned for visit in recent),
        )

    def _visits(self, doctor_id: DoctorId | None) -> Iterator[Appointment]:
        for visit in self._all("appointments"):
            if doctor_id in (None, visit.doctor_id):
                yield visit

    def _counted(self, visits: Iterable[Appointment]) -> Iterator[CountedVisit]:
        """Yield what counts of *visits*, by start."""
        last: dict[AppointmentId, Cancellation] = {}
        by_age = sorted(self._all("cancellations"), key=lambda c: (c.created_at, c.id))
        for cancellation in by_age:
            last[cancellation.appointment_id] = cancellation
        completed_at = {
            event.record_id: event.at
            for event in self._all("events")
            if event.kind == "appointment.completed"
        }
        unsigned = self._unsigned()
        for visit in sorted(visits, key=lambda visit: (visit.starts_at, visit.id)):
            is_cancelled = visit.status is Status.CANCELLED and visit.id in last
            is_completed = visit.status is Status.COMPLETED
            yield CountedVisit(
                id=visit.id,
                doctor_id=visit.doctor_id,
                patient_id=visit.patient_id,
                date=visit.date,
                start_time=visit.start_time,
                end_time=visit.end_time,
                starts_at=visit.starts_at,
                ends_at=visit.ends_at,
                status=visit.status,
                intake_status=visit.intake_status,
                booked_at=visit.created_at,
                arrived_at=visit.arrived_at,
                completed_at=completed_at.get(visit.id) if is_completed else None,
                cancelled_late=is_cancelled and last[visit.id].late,
                awaits_signature=visit.id in unsigned,
            )

    def _unsigned(self) -> set[AppointmentId | None]:
        """Return the visits with a summary that is made and that nobody signed."""
        return {
            summary.appointment_id
            for summary in self._all("ai_intake_summaries")
            if summary.superseded_at is None
            and summary.is_draft
            and summary.status is not SummaryStatus.GENERATING
        }
