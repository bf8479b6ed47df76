"""Doctors and the hours that they keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from enum import Enum
from typing import Any

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.policy import AS_THE_CLINIC, DoctorPolicy
from clinicflow_core.wire import HIDDEN

_MINUTES_A_WEEK = 7 * 24 * 60


class Weekday(Enum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEKDAYS = tuple(Weekday)
"""In order: the position of each is what `date.weekday` returns."""


@frozen(kw_only=True)
class Doctor:
    """
    Somebody with a diary (FHIR: Practitioner).

    Attributes:
        name: As patients know it, with the title: "Dr. Sarah Chen".
        initials: For the calendar: "SC".
        color: For the calendar, as "#4A90A4".
        user_id: The account of this doctor, if there is one.
        policy: What this doctor asks for instead of the clinic's scheduling policy.
    """

    id: DoctorId
    user_id: UserId | None = None
    name: str
    initials: str | None = None
    specialty: str | None = None
    color: str | None = None
    policy: DoctorPolicy = field(default=AS_THE_CLINIC, metadata=HIDDEN)
    version: int = 1
    created_at: datetime

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists, by code point."""
        return (self.name, str(self.id))

    def changed(self, changes: Mapping[str, Any]) -> Doctor:
        return evolve(self, **changes, version=self.version + 1)


@frozen(cache_hash=True)
class WorkingHours:
    """
    A stretch of one weekday in which a doctor sees patients.

    *start* and *end* are wall-clock times. An *end* at or before *start* is on
    the next day: 22:00-06:00 runs past midnight, 00:00-00:00 is the whole day.

    Raises:
        ValueError: If the stretch has no length.
    """

    weekday: Weekday
    start: time
    end: time

    def __attrs_post_init__(self) -> None:
        if self.start == self.end != time():
            raise ValueError("end must differ from start")

    def minutes_of_week(self) -> tuple[float, float]:
        """Return start and end in minutes since Monday 00:00; end may pass the week."""
        start = WEEKDAYS.index(self.weekday) * 24 * 60 + _minutes(self.start)
        length = (_minutes(self.end) - _minutes(self.start)) % (24 * 60)
        return start, start + (length or 24 * 60)


def overlapping_hours(hours: Iterable[WorkingHours]) -> tuple[int, int] | None:
    """Return the positions of two stretches that overlap in the week, or None."""
    taken: list[tuple[float, float, int]] = []
    for position, stretch in enumerate(hours):
        start, end = stretch.minutes_of_week()
        for other_start, other_end, other in taken:
            for week in (-_MINUTES_A_WEEK, 0, _MINUTES_A_WEEK):
                if start + week < other_end and other_start < end + week:
                    return other, position
        taken.append((start, end, position))
    return None


def _minutes(moment: time) -> float:
    return moment.hour * 60 + moment.minute + moment.second / 60
