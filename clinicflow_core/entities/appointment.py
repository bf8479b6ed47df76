"""Appointments: the one record that two people must never both have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import (
    AppointmentId,
    CancellationId,
    DoctorId,
    PatientId,
    SeriesId,
    UserId,
)
from clinicflow_core.errors import InvalidTransitionError
from clinicflow_core.timespan import TimeSpan, VisitTime, minutes_of, wall_clock

MAX_DURATION = 24 * 60
"""The longest visit, in minutes: longer ones would skip whole days of a diary."""


_DAY = timedelta(days=1)
_LONGEST_CHANGE = timedelta(hours=3)


ERASED_REASON = "erased"
"""The reason of an override whose patient was erased."""


class Status(Enum):
    """Where a visit stands; `HOLDING` says which of them keep its time."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    NO_SHOW = "no-show"


HOLDING = frozenset({Status.UNCONFIRMED, Status.CONFIRMED, Status.COMPLETED})
"""A visit in one of these keeps its time from others, unless it was overbooked."""


TO_COME = frozenset({Status.UNCONFIRMED, Status.CONFIRMED})
"""A visit in one of these is still expected to take place."""


class Step(Enum):
    """What can happen to a visit."""

    CHANGE = "change"
    RESCHEDULE = "reschedule"
    CONFIRM = "confirm"
    ARRIVE = "arrive"
    COMPLETE = "complete"
    NO_SHOW = "no-show"
    CANCEL = "cancel"
    REINSTATE = "reinstate"


TRANSITIONS: Mapping[tuple[Status, Step], Status] = {
    (Status.UNCONFIRMED, Step.CHANGE): Status.UNCONFIRMED,
    (Status.UNCONFIRMED, Step.RESCHEDULE): Status.UNCONFIRMED,
    (Status.UNCONFIRMED, Step.CONFIRM): Status.CONFIRMED,
    (Status.UNCONFIRMED, Step.ARRIVE): Status.UNCONFIRMED,
    (Status.UNCONFIRMED, Step.COMPLETE): Status.COMPLETED,
    (Status.UNCONFIRMED, Step.NO_SHOW): Status.NO_SHOW,
    (Status.UNCONFIRMED, Step.CANCEL): Status.CANCELLED,
    (Status.CONFIRMED, Step.CHANGE): Status.CONFIRMED,
    (Status.CONFIRMED, Step.RESCHEDULE): Status.CONFIRMED,
    (Status.CONFIRMED, Step.CONFIRM): Status.CONFIRMED,
    (Status.CONFIRMED, Step.ARRIVE): Status.CONFIRMED,
    (Status.CONFIRMED, Step.COMPLETE): Status.COMPLETED,
    (Status.CONFIRMED, Step.NO_SHOW): Status.NO_SHOW,
    (Status.CONFIRMED, Step.CANCEL): Status.CANCELLED,
    (Status.COMPLETED, Step.CHANGE): Status.COMPLETED,
    (Status.CANCELLED, Step.REINSTATE): Status.UNCONFIRMED,
    (Status.NO_SHOW, Step.REINSTATE): Status.UNCONFIRMED,
}
"""Every step that a visit can take; what is not here is refused."""


NOT_ONCE_ARRIVED = frozenset({Step.RESCHEDULE, Step.NO_SHOW})
"""Steps that are refused once the patient is there."""


class VisitType(Enum):
    """Where the visit takes place."""

    IN_CLINIC = "in-clinic"
    VIRTUAL = "virtual"


class VisitCategory(Enum):
    """Whether the patient comes for the first time."""

    NEW_PATIENT = "new-patient"
    FOLLOW_UP = "follow-up"


class IntakeStatus(Enum):
    """Where the patient's intake form stands."""

    MISSING = "missing"
    SENT = "sent"
    COMPLETED = "completed"


class CancellationType(Enum):
    """Why a visit did not take place."""

    PATIENT_CANCELLED = "patient-cancelled"
    NO_SHOW = "no-show"
    RESCHEDULED_EXTERNALLY = "rescheduled-externally"
    CLINIC_CANCELLED = "clinic-cancelled"
    OTHER = "other"


@frozen(kw_only=True)
class Cancellation:
    """
    The record of a visit that did not take place.

    Attributes:
        cancelled_by_id: The account that did it; None for a patient or a program.
        late: Whether it came after the clinic's cut-off, or after the start.
    """

    id: CancellationId
    appointment_id: AppointmentId
    patient_id: PatientId
    cancelled_by_id: UserId | None = None
    cancellation_type: CancellationType
    reason_note: str | None = field(default=None, repr=False)
    late: bool = False
    created_at: datetime


@frozen(kw_only=True)
class Override:
    """
    The decision to book against the rules.

    Attributes:
        conflicts: The kinds of conflict that were accepted, in the rules' order.
        by_id: The account that decided it; None for a program.
    """

    reason: str = field(repr=False)
    conflicts: tuple[str, ...]
    by_id: UserId | None = None

    @property
    def shares_doctor(self) -> bool:
        """Whether the visit shares its doctor's time with another one."""
        return "doctor-busy" in self.conflicts

    @property
    def shares_patient(self) -> bool:
        """Whether the visit shares its patient's time with another one."""
        return "patient-busy" in self.conflicts


@frozen(kw_only=True)
class Appointment:
    """
    An agreement that a patient meets a doctor at a set time.

    The wall clock (*date*, *start_time*, *end_time*) is what was promised; the
    instants (*starts_at*, *ends_at*, in UTC) are derived from it.

    Attributes:
        duration: Real minutes between the instants, a begun one included; 1 to 1440.
        override: Set if the visit was booked against the rules.
        series_id: The series that it is an occurrence of, if any.
        times_moved: How often it was given another time or doctor; the trail tells
            from where to where.
        arrived_at: Set exactly if *arrived*.
        version: Counts the changes, from 1.

    Raises:
        ValueError: If wall clock and instants do not agree.
    """

    id: AppointmentId
    doctor_id: DoctorId
    patient_id: PatientId
    date: date
    start_time: time
    end_time: time
    duration: int = 30
    starts_at: datetime
    ends_at: datetime
    visit_type: VisitType | None = None
    visit_category: VisitCategory | None = None
    status: Status = Status.UNCONFIRMED
    intake_status: IntakeStatus = IntakeStatus.MISSING
    arrived: bool = False
    arrived_at: datetime | None = None
    meeting_link: str | None = field(default=None, repr=False)
    override: Override | None = None
    series_id: SeriesId | None = None
    times_moved: int = 0
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.duration <= MAX_DURATION:
            raise ValueError(f"duration must be 1 to {MAX_DURATION} minutes")
        if self.duration != minutes_of(self.span):
            raise ValueError("duration must be the minutes between the instants")
        at_start = self._offset(self.start_time, self.starts_at)
        at_end = self._offset(self.end_time, self.ends_at)
        # A visit past midnight, or over a skipped date, differs by whole days.
        change = (at_end - at_start + _DAY / 2) % _DAY - _DAY / 2
        if abs(at_start) >= _DAY or abs(change) > _LONGEST_CHANGE:
            raise ValueError("wall clock and instants must agree")
        if self.arrived != (self.arrived_at is not None):
            raise ValueError("arrived and arrived_at must agree")

    def _offset(self, moment: time, instant: datetime) -> timedelta:
        return datetime.combine(self.date, moment) - instant.replace(tzinfo=None)

    @property
    def span(self) -> TimeSpan:
        return TimeSpan(self.starts_at, self.ends_at)

    @property
    def time(self) -> VisitTime:
        """When it takes place, by the wall clock and as instants."""
        return VisitTime(
            self.date, self.start_time, self.end_time, self.duration, self.span
        )

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: by start, then by id."""
        return (self.starts_at.isoformat(), str(self.id))

    @property
    def overbooked(self) -> bool:
        """Whether it shares its doctor's or its patient's time on purpose."""
        return self.shares_doctor or self.shares_patient

    @property
    def shares_doctor(self) -> bool:
        """Whether an override lets it share its doctor's time with others."""
        return self.override is not None and self.override.shares_doctor

    @property
    def shares_patient(self) -> bool:
        """The same of its patient's time."""
        return self.override is not None and self.override.shares_patient

    @property
    def holds_doctor(self) -> bool:
        """Whether it keeps its doctor's time from other visits."""
        return self.status in HOLDING and not self.shares_doctor

    @property
    def holds_patient(self) -> bool:
        """Whether it keeps its patient's time from other visits."""
        return self.status in HOLDING and not self.shares_patient

    @property
    def holds_its_time(self) -> bool:
        """Whether it keeps both from others."""
        return self.holds_doctor and self.holds_patient

    def steps(self, now: datetime, zone: ZoneInfo) -> frozenset[Step]:
        """
        Return the steps that are worth offering at *now*, in a clinic in *zone*.

        They can be taken, would change something, and their time has come: a patient
        arrives on the visit's day or later, nobody is missed before its start, and it
        takes place from then on, or once the patient is there. The times are manners
        of whoever offers and no rules: no step is refused for being early, since the
        visit may have been brought forward.
        """
        changes_nothing = {
            Step.CONFIRM: self.status is Status.CONFIRMED,
            Step.ARRIVE: self.arrived,
        }
        return frozenset(
            step
            for step in Step
            if self._can(step)
            and self.has_come(step, now, zone)
            and not changes_nothing.get(step, False)
        )

    def has_come(self, step: Step, now: datetime, zone: ZoneInfo) -> bool:
        """Return whether it is time for *step*; see `steps`."""
        match step:
            case Step.ARRIVE:
                return self.date <= wall_clock(now, zone).date()
            case Step.COMPLETE:
                return self.arrived or self.starts_at <= now
            case Step.NO_SHOW:
                return self.starts_at <= now
            case _:
                return True

    def confirmed(self, now: datetime) -> Appointment:
        """
        Return the visit as confirmed.

        Raises:
            InvalidTransitionError: If it is over or cancelled.
        """
        return self._after(Step.CONFIRM, now)

    def arrived_now(self, now: datetime) -> Appointment:
        """
        Return the visit with its patient arrived; the first arrival counts.

        Raises:
            InvalidTransitionError: If it is over or cancelled.
        """
        return self._after(
            Step.ARRIVE, now, arrived=True, arrived_at=self.arrived_at or now
        )

    def completed(self, now: datetime) -> Appointment:
        """
        Return the visit as completed.

        Raises:
            InvalidTransitionError: If it is over or cancelled.
        """
        return self._after(Step.COMPLETE, now)

    def cancelled(self, now: datetime) -> Appointment:
        """
        Return the visit as cancelled; its time is free again.

        Raises:
            InvalidTransitionError: If it is over or cancelled already.
        """
        return self._after(Step.CANCEL, now)

    def missed(self, now: datetime) -> Appointment:
        """
        Return the visit as a no-show; its time is free again.

        Raises:
            InvalidTransitionError: If it is over, cancelled, or the patient arrived.
        """
        return self._after(Step.NO_SHOW, now)

    def reinstated(self, override: Override | None, now: datetime) -> Appointment:
        """
        Return a cancelled or missed visit as unconfirmed, taking its time again.

        Raises:
            InvalidTransitionError: If it is neither cancelled nor missed.
        """
        return self._after(
            Step.REINSTATE, now, arrived=False, arrived_at=None, override=override
        )

    def undone(self, step: Step, stood: Status, now: datetime) -> Appointment:
        """
        Return the visit as if its last *step* had not been taken.

        Args:
            stood: Its status before that.
        """
        if step is Step.ARRIVE:
            return self._kept(now, arrived=False, arrived_at=None)
        return self._kept(now, status=stood)

    def rescheduled(
        self,
        time: VisitTime,
        doctor_id: DoctorId,
        override: Override | None,
        now: datetime,
    ) -> Appointment:
        """
        Return the visit at another *time*, or with another doctor.

        Raises:
            InvalidTransitionError: If it is over or cancelled, or the patient arrived.
        """
        moves = (time.span, doctor_id) != (self.span, self.doctor_id)
        return self._after(
            Step.RESCHEDULE,
            now,
            doctor_id=doctor_id,
            override=override,
            times_moved=self.times_moved + moves,
            **fields_of(time),
        )

    def retimed(
        self, time: VisitTime, override: Override | None, now: datetime
    ) -> Appointment:
        """Return the visit at the instants that its wall clock means by now."""
        return self._kept(now, override=override, **fields_of(time))

    def given_to(self, patient_id: PatientId, now: datetime) -> Appointment:
        """Return the visit as that of another patient, in whatever status it is."""
        return self._kept(now, patient_id=patient_id)

    def anonymous(self, now: datetime) -> Appointment:
        """Return the visit without what could tell who came, in whatever status."""
        override = self.override and evolve(self.override, reason=ERASED_REASON)
        return self._kept(now, meeting_link=None, override=override)

    def with_intake(self, status: IntakeStatus, now: datetime) -> Appointment:
        """Return the visit with its intake standing there, in whatever status it is."""
        if status is self.intake_status:
            return self
        return self._kept(now, intake_status=status)

    def changed(self, changes: Mapping[str, Any], now: datetime) -> Appointment:
        """
        Return the visit with other details, at the same time.

        Raises:
            InvalidTransitionError: If it was cancelled or missed.
        """
        return self._after(Step.CHANGE, now, **changes)

    def _is_too_late(self, step: Step) -> bool:
        return self.arrived and step in NOT_ONCE_ARRIVED

    def _can(self, step: Step) -> bool:
        return (self.status, step) in TRANSITIONS and not self._is_too_late(step)

    def _after(self, step: Step, now: datetime, **changes: Any) -> Appointment:
        if not self._can(step):
            stands = "arrived" if self._is_too_late(step) else self.status.value
            raise InvalidTransitionError(self.id, stands, step.value)
        changed = evolve(self, **changes, status=TRANSITIONS[self.status, step])
        if changed == self:
            return self
        return changed._kept(now)

    def _kept(self, now: datetime, **changes: Any) -> Appointment:
        return evolve(self, **changes, version=self.version + 1, updated_at=now)


def fields_of(time: VisitTime) -> dict[str, Any]:
    """Return *time* as the fields in which an appointment keeps it."""
    return {
        "date": time.date,
        "start_time": time.start_time,
        "end_time": time.end_time,
        "duration": time.duration,
        "starts_at": time.span.start,
        "ends_at": time.span.end,
    }
