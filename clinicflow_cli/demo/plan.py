"""The plan: who comes when in a fortnight around today, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from typing import Any

from attrs import field, frozen

from clinicflow_core.entities.appointment import (
    CancellationType,
    VisitCategory,
    VisitType,
)
from clinicflow_core.timespan import TimeSpan, minutes_of

DAYS = range(-7, 10)
"""The days with visits, counted from today."""


class Fate(Enum):
    """What becomes of a visit."""

    KEPT = "kept"
    FORGOTTEN = "forgotten"
    """It took place, and nobody noted that."""
    MISSED = "missed"
    CANCELLED_EARLY = "cancelled-early"
    CANCELLED_LATE = "cancelled-late"
    MOVED = "moved"


class FormFate(Enum):
    """How far a form comes."""

    SENT = "sent"
    DRAFTED = "drafted"
    REVOKED = "revoked"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    EDITED = "edited"


@frozen(kw_only=True)
class TimeAway:
    """Time that a doctor takes off; the days are counted from today."""

    doctor: str
    first_day: int
    starts: time
    last_day: int
    ends: time
    reason: str

    def takes(self, day: int, start: time, end: time) -> bool:
        """Return whether any of a stretch of *day* falls into it."""
        begins, is_over = (self.first_day, self.starts), (self.last_day, self.ends)
        return begins < (day, end) and (day, start) < is_over


AWAY = (
    TimeAway(
        doctor="okafor",
        first_day=7,
        starts=time(),
        last_day=12,
        ends=time(),
        reason="Travels.",
    ),
    TimeAway(
        doctor="lindqvist",
        first_day=2,
        starts=time(13),
        last_day=2,
        ends=time(18),
        reason="Teaches at the university.",
    ),
)


@frozen(kw_only=True)
class WeeklyVisits:
    """Visits of one patient in each week, *first_day* counted from today."""

    doctor: str
    patient: str
    first_day: int
    first_date: date
    start: time
    count: int

    def is_on(self, doctor: str, day: int) -> bool:
        weeks, rest = divmod(day - self.first_day, 7)
        return doctor == self.doctor and rest == 0 and 0 <= weeks < self.count


@frozen(kw_only=True)
class PlannedForm:
    """
    A form that is sent before a visit.

    Attributes:
        edit: What the doctor writes in the place of its summary.
        is_told: Whether it is one of the forms that the demo points at.
    """

    fate: FormFate
    answers: Mapping[str, Any] = field(factory=dict, repr=False)
    edit: str = ""
    is_told: bool = False
    sent: datetime
    answered: datetime
    read: datetime


@frozen(kw_only=True)
class PlannedVisit:
    """
    A visit, and all that happens around it if *now* comes so far.

    Attributes:
        doctor: As in `opening.HOURS`.
        patient: The full name.
        day: Counted from today.
        start: By the clinic's wall clock; *span* are the instants.
        settled: When it is moved or cancelled, or confirmed; None if it never is.
        early: Minutes from arrival to start; below 0 for late ones.
        over: Minutes that it takes longer than planned.
        squeezed_in: Why it stands beside another one, if it does.
    """

    doctor: str
    patient: str
    day: int
    start: datetime
    span: TimeSpan
    visit_type: VisitType
    category: VisitCategory
    fate: Fate
    booked: datetime
    settled: datetime | None
    reason: tuple[CancellationType, str] | None = None
    early: int
    over: int
    squeezed_in: str | None = None
    form: PlannedForm | None = None

    @property
    def minutes(self) -> int:
        return minutes_of(self.span)


@frozen(kw_only=True)
class Plan:
    """
    The fortnight.

    Attributes:
        spare: Patients of each doctor who have no visit in it, by full name.
    """

    visits: tuple[PlannedVisit, ...]
    weekly: tuple[WeeklyVisits, ...]
    spare: Mapping[str, tuple[str, ...]]
