"""
Placing: the guarded write, by which a visit gets its time in a diary.

Booking, rescheduling and reinstating go through `place`: it holds the people, reads
their diary, asks the rules, and only then may be written. What takes many times at once
does the same for all of them: see `series`, `waitlist` and `imports`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from attrs import evolve, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.offers import NOBODY, People, held, let_lapsed_go
from clinicflow_core.entities.appointment import (
    MAX_DURATION,
    Appointment,
    Override,
    VisitCategory,
)
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.policy import MAX_BUFFER
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.scheduling.conflicts import (
    Conflict,
    Rule,
    find_conflicts,
    no_such_local_time,
)
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.scheduling.openings import Opening, Search, nearest_openings
from clinicflow_core.timespan import (
    TimeSpan,
    VisitTime,
    first_instant_from,
    midnight,
    visit_time,
)

ALTERNATIVE_DAYS = 7
"""How far before and after a refused time alternatives are looked for."""

ALTERNATIVES = 3
"""How many times of the doctor are offered instead, and how many of others."""

MOST_ALIKE = 5
"""How many other doctors are looked at for alternatives."""

FIRST_YEAR = 1900
LAST_YEAR = 2199
"""A visit starts in these years or between them, on the clinic's calendar."""


def bookable_day(_: object, __: object, day: Any) -> None:
    """Check that a visit may be on *day*, if there is one."""
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")


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
        duration: In minutes; None for what the doctor's policy says of *category*.
        utc_offset: See `timespan.instant_of`.
        fixed: When that is, if it is known already.
        before: The visit as it stands, if it is to be moved.
    """

    appointment_id: AppointmentId
    doctor_id: DoctorId
    patient_id: PatientId
    local: datetime
    duration: int | None
    category: VisitCategory | None = None
    utc_offset: timedelta | None = None
    fixed: VisitTime | None = None
    before: Appointment | None = None
    draft: Draft

    def diary(self, uow: UnitOfWork, *, hold: bool, also: People = NOBODY) -> Diary:
        """
        Return the diary of its people; with *hold*, nobody else books for them.

        Args:
            also: More people to be held with them.

        Raises:
            PatientErasedError: If the patient was erased.
        """
        longest = self.duration or MAX_DURATION
        window = days_around(self.local, longest, uow.clinic.zone)
        people = People([self.doctor_id], [self.patient_id])
        diary = (
            held(people, also, window, uow)
            if hold
            else uow.diaries.read(people.doctor_ids, people.patient_ids, window)
        )
        diary.patients[self.patient_id].refuse_erased()
        return diary

    def time(self, diary: Diary) -> VisitTime | None:
        """Return when it is; None if clocks never show its start."""
        return self.fixed or visit_time(
            self.local.date(),
            self.local.time(),
            self.minutes(diary),
            diary.zone,
            self.utc_offset,
        )

    def minutes(self, diary: Diary) -> int:
        """Return how long it takes."""
        policy = diary.policy_of(self.doctor_id)
        return self.duration or policy.duration_of(self.category)

    def is_where_it_stands(self, opening: Opening) -> bool:
        """Return whether the visit would not move by taking *opening*."""
        return self.before is not None and (
            opening.doctor_id,
            opening.starts_at,
            opening.ends_at,
        ) == (self.before.doctor_id, self.before.starts_at, self.before.ends_at)


def place(
    wanted: Wanted,
    override_reason: str | None,
    uow: UnitOfWork,
    rules: Sequence[Rule],
    also: People = NOBODY,
    kept: Override | None = None,
) -> Appointment:
    """
    Return the visit that may be written now, with its people held.

    Args:
        override_reason: Why it may stand against the rules; None if it may not.
        also: More people to be held: all are, at once and in one order.
        kept: What was accepted before, is accepted again, and stays with the visit.

    Raises:
        BookingConflictError: If any rule forbids it and no override accepts that.
        NotFoundError: If doctor or patient is not in this clinic.
        PatientErasedError: If the patient was erased.
    """
    if override_reason is not None:
        uow.actor.must(Permission.OVERRIDE)
    diary = wanted.diary(uow, hold=True, also=also)
    known = kept.conflicts if kept else ()
    found = judge(wanted, diary, uow, rules)
    conflicts = tuple(each for each in found if each.kind.value not in known)
    time = wanted.time(diary)
    is_accepted = override_reason is not None and all(c.overridable for c in conflicts)
    if time is None or (conflicts and not is_accepted):
        raise BookingConflictError(conflicts, alternatives(wanted, diary, uow, rules))
    let_lapsed_go(diary, time.span, uow)
    if override_reason is None or not conflicts:
        return wanted.draft(time, kept)
    return wanted.draft(time, accepted(conflicts, override_reason, uow))


def accepted(conflicts: Iterable[Conflict], reason: str, uow: UnitOfWork) -> Override:
    """Return the override that accepts *conflicts*."""
    kinds = tuple(dict.fromkeys(conflict.kind.value for conflict in conflicts))
    return Override(reason=reason, conflicts=kinds, by_id=uow.actor.user_id)


def judge(
    wanted: Wanted, diary: Diary, uow: UnitOfWork, rules: Sequence[Rule]
) -> tuple[Conflict, ...]:
    """Return all that stands against a visit, and whether this actor may accept it."""
    time = wanted.time(diary)
    if time is None:
        return (no_such_local_time(wanted.local, uow.clinic.timezone),)
    return objections(wanted.draft(time), diary, uow, rules)


def objections(
    visit: Appointment, diary: Diary, uow: UnitOfWork, rules: Sequence[Rule]
) -> tuple[Conflict, ...]:
    """Return the conflicts of *visit*, overridable only if this actor may do so."""
    may_override = uow.actor.may(Permission.OVERRIDE)
    return tuple(
        evolve(conflict, overridable=conflict.overridable and may_override)
        for conflict in find_conflicts(visit, diary, rules)
    )


def alternatives(
    wanted: Wanted, diary: Diary, uow: UnitOfWork, rules: Sequence[Rule]
) -> tuple[Opening, ...]:
    """
    Return the nearest times at which the visit could stand.

    Those of its doctor come first, then those of others with the same specialty;
    of each at most `ALTERNATIVES`, nearest first. Where it stands is none of them.
    """
    doctor = diary.doctors[wanted.doctor_id]
    alike = (
        uow.doctors.of_specialty(doctor.specialty, MOST_ALIKE + 1)
        if doctor.specialty
        else ()
    )
    others = [each.id for each in alike if each.id != doctor.id][:MOST_ALIKE]
    around = timedelta(days=ALTERNATIVE_DAYS)
    day = wanted.local.date()
    minutes = wanted.minutes(diary)
    first, last = day - around, day + around
    window = TimeSpan(
        days_around(datetime.combine(first, time()), minutes, diary.zone).start,
        days_around(datetime.combine(last, time.max), minutes, diary.zone).end,
    )
    wide = uow.diaries.read([doctor.id, *others], [wanted.patient_id], window).without(
        wanted.appointment_id
    )
    search = Search(
        first=first,
        last=last,
        duration=minutes,
        patient_id=wanted.patient_id,
    )
    nearest: list[Opening] = []
    for doctor_ids in ([doctor.id], others):
        # One more is looked for, since one may be where the visit stands.
        most = ALTERNATIVES + 1
        found = nearest_openings(
            wide, doctor_ids, search, wanted.local, rules, most=most
        )
        elsewhere = [each for each in found if not wanted.is_where_it_stands(each)]
        nearest.extend(elsewhere[:ALTERNATIVES])
    return tuple(nearest)


def days_around(local: datetime, duration: int, zone: ZoneInfo) -> TimeSpan:
    """
    Return the instants that the rules look at for a visit of a day.

    That is the whole day, until the visit is over, and a buffer around it.
    """
    day = local.date()
    over = first_instant_from(local, zone) + timedelta(minutes=duration)
    end = max(midnight(day + timedelta(days=1), zone), over)
    beside = timedelta(minutes=MAX_BUFFER)
    return TimeSpan(midnight(day, zone) - beside, end + beside)


def place_facts(visit: Appointment) -> dict[str, object]:
    """Return where and when *visit* takes its time, as an event tells it."""
    return {
        "doctor_id": str(visit.doctor_id),
        "starts_at": visit.starts_at.isoformat(),
        "duration": visit.duration,
        **({"override": list(visit.override.conflicts)} if visit.override else {}),
    }
