"""Series: visits that repeat."""

from __future__ import annotations

from datetime import date, datetime, time

from attrs import frozen

from clinicflow_core.entities.ids import DoctorId, PatientId, SeriesId


@frozen(kw_only=True)
class Series:
    """
    What was agreed when a series was booked; its visits say what became of it.

    Attributes:
        rrule: How it repeats, as RFC 5545 writes it; see `scheduling.recurrence`.
        date: The local day from which on it repeats.
        start_time: The clinic's wall clock.
        duration: Of each visit, in minutes.
    """

    id: SeriesId
    doctor_id: DoctorId
    patient_id: PatientId
    rrule: str
    date: date
    start_time: time
    duration: int
    created_at: datetime
