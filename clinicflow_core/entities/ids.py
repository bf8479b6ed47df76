"""The keys of records: UUIDs that cannot be mistaken for one another."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

ClinicId = NewType("ClinicId", UUID)
UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)
DoctorId = NewType("DoctorId", UUID)
PatientId = NewType("PatientId", UUID)
AppointmentId = NewType("AppointmentId", UUID)
CancellationId = NewType("CancellationId", UUID)
EventId = NewType("EventId", UUID)
TimeOffId = NewType("TimeOffId", UUID)
SeriesId = NewType("SeriesId", UUID)
WaitlistId = NewType("WaitlistId", UUID)
QuestionnaireId = NewType("QuestionnaireId", UUID)
FormId = NewType("FormId", UUID)
SummaryId = NewType("SummaryId", UUID)
