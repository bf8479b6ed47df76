"""
Placing: the guarded write, by which a visit gets its time in a diary.

Booking, rescheduling and reinstating go through `place`: it holds the people, reads
their diary, asks the rules, and only then may be written. An import does the same for
a batch: see `imports`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.entities.appointment import Appointment, Override
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    Conflict,
    Rule,
    find_conflicts,
    no_such_local_time,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.openings import Opening, nearest_openings
from clinicflow_core.timespan import TimeSpan, VisitTime, local_day

ALTERNATIVE_DAYS = 7
"""How far before and after a refused time alternatives are looked for."""


class Draft(Protocol):
    """Makes the visit for a time, to be judged or to be kept."""

    def __call__(
        self, time: VisitTime, override: Override | None = None, /
    ) -> Appointment: ...


@frozen(kw_only=True)
class Wanted:
    """
    A visit that is to take time in a diary.

    Attributes:
        local: The wall clock that was asked for.
        time: When that is; None if clocks never show it.
    """

    appointment_id: AppointmentId
    doctor_id: DoctorId
    patient_id: PatientId
    local: datetime
    duration: int
    time: VisitTime | None
    draft: Draft

    def diary(self, uow: UnitOfWork, *, hold: bool) -> Diary:
        """
        Return the diary of its people; with *hold*, nobody else books for them.

        Raises:
            PatientErasedError: If the patient was erased.
        """
        window = self.time.span if self.time else _around(self.local, uow)
        read = uow.diaries.hold if hold else uow.diaries.read
        diary = read([self.doctor_id], [self.patient_id], window)
        diary.patients[self.patient_id].refuse_erased()
        return diary


def place(
    wanted: Wanted, override_reason: str | None, uow: UnitOfWork, rules: Sequence[Rule]
) -> Appointment:
    """
    Return the visit that may be written now, with its people held.

    Args:
        override_reason: Why it may stand against the rules; None if it may not.

    Raises:
        BookingConflictError: If any rule forbids it and no override accepts that.
        NotFoundError: If doctor or patient is not in this clinic.
        PatientErasedError: If the patient was erased.
    """
    if override_reason is not None:
        uow.actor.must(Permission.OVERRIDE)
    conflicts = judge(wanted, wanted.diary(uow, hold=True), uow, rules)
    is_accepted = override_reason is not None and all(c.overridable for c in conflicts)
    if wanted.time is None or (conflicts and not is_accepted):
        raise BookingConflictError(conflicts, alternatives(wanted, uow, rules))
    if override_reason is None or not conflicts:
        return wanted.draft(wanted.time)
    kinds = tuple(dict.fromkeys(conflict.kind.value for conflict in conflicts))
    accepted = Override(
        reason=override_reason, conflicts=kinds, by_id=uow.actor.user_id
    )
    return wanted.draft(wanted.time, accepted)


def judge(
    wanted: Wanted, diary: Diary, uow: UnitOfWork, rules: Sequence[Rule]
) -> tuple[Conflict, ...]:
    """Return all that stands against a visit, and whether this actor may accept it."""
    if wanted.time is None:
        return (no_such_local_time(wanted.local, uow.clinic.timezone),)
    may_override = uow.actor.may(Permission.OVERRIDE)
    return tuple(
        evolve(conflict, overridable=conflict.overridable and may_override)
        for conflict in find_conflicts(wanted.draft(wanted.time), diary, rules)
    )


def alternatives(
    wanted: Wanted, uow: UnitOfWork, rules: Sequence[Rule]
) -> tuple[Opening, ...]:
    """Return the nearest times at which the visit could stand, nearest first."""
    around = timedelta(days=ALTERNATIVE_DAYS + 1)
    diary = uow.diaries.read(
        [wanted.doctor_id],
        [wanted.patient_id],
        _around(wanted.local, uow).widened(around),
    ).without(wanted.appointment_id)
    return nearest_openings(
        wanted.draft,
        wanted.doctor_id,
        wanted.duration,
        wanted.local,
        diary,
        rules,
        days=ALTERNATIVE_DAYS,
    )


def place_facts(visit: Appointment) -> dict[str, object]:
    """Return where and when *visit* takes its time, as an event tells it."""
    return {
        "doctor_id": str(visit.doctor_id),
        "starts_at": visit.starts_at.isoformat(),
        "duration": visit.duration,
        **({"override": list(visit.override.conflicts)} if visit.override else {}),
    }


def _around(local: datetime, uow: UnitOfWork) -> TimeSpan:
    return local_day(local.date(), uow.clinic.zone)
