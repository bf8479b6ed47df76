"""A doctor's calendar: weekly hours, days with other hours, and time off."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from attrs import field, frozen

from clinicflow_core.entities.doctor import WorkingHours
from clinicflow_core.entities.ids import DoctorId, TimeOffId
from clinicflow_core.timespan import TimeSpan, first_instant_from
from clinicflow_core.wire import LocalDateTime


@frozen
class DayStretch:
    """
    A stretch of one day in which a doctor sees patients.

    *start* and *end* are wall-clock times; an *end* at or before *start* is on the
    next day, and 00:00-00:00 is the whole day.

    Raises:
        ValueError: If the stretch has no length.
    """

    start: time
    end: time

    def __attrs_post_init__(self) -> None:
        if self.start == self.end != time():
            raise ValueError("end must differ from start")


@frozen
class DatedHours:
    """
    The hours of one day, instead of the weekly ones.

    Attributes:
        date: Local.
        hours: By start; empty if the doctor does not work that day.
    """

    date: date
    hours: tuple[DayStretch, ...] = ()


@frozen(kw_only=True)
class TimeOff:
    """
    A stretch of time in which a doctor does not work, whatever the hours say.

    Attributes:
        starts: The clinic's wall clock, as *ends* is.
        reason: For the clinic's people alone.

    Raises:
        ValueError: If *ends* is not after *starts*.
    """

    id: TimeOffId
    doctor_id: DoctorId
    starts: LocalDateTime
    ends: LocalDateTime
    reason: str | None = field(default=None, repr=False)
    created_at: datetime

    def __attrs_post_init__(self) -> None:
        if self.ends <= self.starts:
            raise ValueError("ends must be after starts")

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: by start, then by id."""
        return (self.starts.isoformat(), str(self.id))

    def span(self, zone: ZoneInfo) -> TimeSpan | None:
        """Return the instants in *zone*; None if a clock change leaves none."""
        start = first_instant_from(self.starts, zone)
        end = first_instant_from(self.ends, zone)
        return TimeSpan(start, end) if start < end else None


@frozen
class Calendar:
    """
    When a doctor works.

    Attributes:
        weekly: By weekday and start.
        dated: By date; each replaces the weekly hours of its day.
        time_off: By start.
    """

    weekly: tuple[WorkingHours, ...] = ()
    dated: tuple[DatedHours, ...] = ()
    time_off: tuple[TimeOff, ...] = ()
