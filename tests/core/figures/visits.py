"""Visits as the figures look at them: name only what the test is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.figures.visits import CountedVisit
from tests.builders import DAY, ZONE, visit_at

CHEN = DoctorId(UUID(int=1))
NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
"""At noon of `DAY` in New York."""


def counted(
    times: str = "09:00-09:30", *, on: date = DAY, zone: ZoneInfo = ZONE, **fields: Any
) -> CountedVisit:
    """Return a visit of Dr. Chen that was booked a day ahead."""
    time = visit_at(times, on, zone)
    defaults = {
        "id": AppointmentId(uuid4()),
        "doctor_id": CHEN,
        "patient_id": PatientId(uuid4()),
        "date": time.date,
        "start_time": time.start_time,
        "end_time": time.end_time,
        "starts_at": time.span.start,
        "ends_at": time.span.end,
        "status": Status.CONFIRMED,
        "intake_status": IntakeStatus.MISSING,
        "booked_at": time.span.start - timedelta(days=1),
    }
    return CountedVisit(**defaults | fields)


def came(seconds: int, *, stayed: int | None = None, **fields: Any) -> CountedVisit:
    """Return a visit at nine whose patient came *seconds* after its start."""
    nine = visit_at("09:00-09:30").span.start
    at = nine + timedelta(seconds=seconds)
    gone = None if stayed is None else at + timedelta(seconds=stayed)
    return counted(**{"arrived_at": at, "completed_at": gone, **fields})
