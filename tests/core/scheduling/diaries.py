"""Diaries for the tests of scheduling: one doctor's, who works around the clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve

from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.calendar import Calendar, DatedHours, TimeOff
from clinicflow_core.entities.doctor import WorkingHours
from clinicflow_core.entities.policy import (
    AS_THE_CLINIC,
    NO_POLICY,
    DoctorPolicy,
    SchedulingPolicy,
)
from clinicflow_core.scheduling.diary import BusyTime, Diary, busy_time_of
from clinicflow_core.scheduling.openings import Opening
from tests import builders
from tests.builders import (
    NOW,
    OPEN_ALL_WEEK,
    ZONE,
    appointment,
    day_hours,
    doctor,
    patient,
)

DOCTOR, PATIENT = doctor(), patient()


def visit(times: str = "09:00-09:30", **fields: Any) -> Appointment:
    """Return a visit of the patient with the doctor."""
    return appointment(
        times, **{"doctor_id": DOCTOR.id, "patient_id": PATIENT.id, **fields}
    )


def visit_at_instant(
    starts_at: datetime, minutes: int = 30, zone: ZoneInfo = ZONE
) -> Appointment:
    """Return such a visit at an instant, be its wall clock shown twice or not."""
    ends_at = starts_at + timedelta(minutes=minutes)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    return evolve(
        visit(),
        date=start.date(),
        start_time=start.time(),
        end_time=end.time(),
        duration=minutes,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def of_doctor(times: str, **fields: Any) -> Appointment:
    """Return a visit of a stranger with the doctor."""
    return appointment(times, doctor_id=DOCTOR.id, **fields)


def of_patient(times: str, **fields: Any) -> Appointment:
    """Return a visit of the patient with another doctor."""
    return appointment(times, patient_id=PATIENT.id, **fields)


def on_day(day: date, *times: str) -> DatedHours:
    """Return the hours "09:00-12:00" of one day; none without any."""
    return DatedHours(day, day_hours(*times))


def time_off(starts: str, ends: str, **fields: Any) -> TimeOff:
    """Return the doctor's time off, from "2026-03-02T09:00" on."""
    return builders.time_off(DOCTOR.id, starts, ends, **fields)


def diary(
    *visits: Appointment | BusyTime,
    now: datetime = NOW,
    zone: ZoneInfo = ZONE,
    week: Iterable[WorkingHours] = OPEN_ALL_WEEK,
    dated: Iterable[DatedHours] = (),
    off: Iterable[TimeOff] = (),
    policy: SchedulingPolicy = NO_POLICY,
    own: DoctorPolicy = AS_THE_CLINIC,
) -> Diary:
    """
    Return a diary with *visits* as they come.

    Args:
        own: What the doctor asks for instead of *policy*.
    """
    busy = (v if isinstance(v, BusyTime) else busy_time_of(v) for v in visits)
    return Diary(
        zone=zone,
        now=now,
        policy=policy,
        doctors={DOCTOR.id: evolve(DOCTOR, policy=own)},
        patients={PATIENT.id: PATIENT},
        calendars={DOCTOR.id: Calendar(tuple(week), tuple(dated), tuple(off))},
        busy=tuple(busy),
    )


def shown(openings: Iterable[Opening]) -> list[str]:
    """Return openings as "02 09:00-09:30"."""
    return [f"{o.date:%d} {o.start_time:%H:%M}-{o.end_time:%H:%M}" for o in openings]
