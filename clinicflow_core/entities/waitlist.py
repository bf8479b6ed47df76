"""The waitlist: who wants to come sooner, and what is offered to them."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import Enum
from typing import Any

from attrs import evolve, field, frozen

from clinicflow_core.entities.appointment import VisitCategory, VisitType
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import (
    AppointmentId,
    DoctorId,
    PatientId,
    WaitlistId,
)
from clinicflow_core.errors import WaitlistClosedError


class WaitlistStatus(Enum):
    """Where an entry of the waitlist stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    BOOKED = "booked"
    WITHDRAWN = "withdrawn"


class Outcome(Enum):
    """What became of an offer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@frozen(kw_only=True)
class WaitlistEntry:
    """
    A patient who takes a time that comes free.

    Attributes:
        doctor_id: With whom; None for anybody.
        duration: In minutes; None for what the doctor's policy says.
        first_date: The first local day that suits, and *last_date* the last one.
        weekdays: Those that suit; empty for all.
        earliest: Only what starts then or later, by the clinic's wall clock.
        latest: Only what ends then or earlier.
        urgent: Whether it goes before those that are not.
        appointment_id: The visit that was booked of it.
    """

    id: WaitlistId
    patient_id: PatientId
    doctor_id: DoctorId | None = None
    duration: int | None = None
    visit_type: VisitType | None = None
    visit_category: VisitCategory | None = None
    first_date: date
    last_date: date
    weekdays: frozenset[Weekday] = frozenset()
    earliest: time | None = None
    latest: time | None = None
    urgent: bool = False
    note: str | None = field(default=None, repr=False)
    status: WaitlistStatus = WaitlistStatus.WAITING
    appointment_id: AppointmentId | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists, which is the ranking: urgent first, then by waiting."""
        return (str(int(not self.urgent)), self.created_at.isoformat(), str(self.id))

    @property
    def is_open(self) -> bool:
        return self.status in (WaitlistStatus.WAITING, WaitlistStatus.OFFERED)

    def offered(self, now: datetime) -> WaitlistEntry:
        """Return the entry with a time held for it."""
        return self._after(now, status=WaitlistStatus.OFFERED)

    def waiting_again(self, now: datetime) -> WaitlistEntry:
        """Return the entry after an offer that came to nothing."""
        return self._after(now, status=WaitlistStatus.WAITING)

    def booked(self, appointment_id: AppointmentId, now: datetime) -> WaitlistEntry:
        """Return the entry with its offer accepted."""
        return self._after(
            now, status=WaitlistStatus.BOOKED, appointment_id=appointment_id
        )

    def withdrawn(self, now: datetime) -> WaitlistEntry:
        """Return the entry of somebody who no longer waits."""
        return self._after(now, status=WaitlistStatus.WITHDRAWN)

    def _after(self, now: datetime, **changes: Any) -> WaitlistEntry:
        """
        Raises:
            WaitlistClosedError: If it was booked or withdrawn.
        """
        if not self.is_open:
            raise WaitlistClosedError(self.id, self.status.value)
        return evolve(self, **changes, version=self.version + 1, updated_at=now)


@frozen(kw_only=True)
class Offer:
    """
    A time that is held for an entry of the waitlist, until it is answered or lapses.

    Attributes:
        id: That of the visit which it becomes when it is accepted.
        date: Local, as *start_time* and *end_time* are.
        expires_at: From then on it holds nothing.
    """

    id: AppointmentId
    waitlist_id: WaitlistId
    doctor_id: DoctorId
    date: date
    start_time: time
    end_time: time
    duration: int
    starts_at: datetime
    ends_at: datetime
    expires_at: datetime
    outcome: Outcome = Outcome.OPEN
    created_at: datetime

    def counts(self, now: datetime) -> bool:
        """Return whether it still holds its time."""
        return self.outcome is Outcome.OPEN and now < self.expires_at

    def ended(self, outcome: Outcome) -> Offer:
        return evolve(self, outcome=outcome)
