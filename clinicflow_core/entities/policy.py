"""The scheduling policy: what a clinic asks of its own diary."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs
from attrs import evolve, field, frozen

from clinicflow_core.checks import Check, at_most, one_line, whole
from clinicflow_core.entities.appointment import MAX_DURATION, VisitCategory

MINUTES_A_DAY = 24 * 60
MAX_STEP = 4 * 60
MAX_BUFFER = 4 * 60
"""The longest buffer, in minutes: a diary is read that far beside a visit."""

MAX_NOTICE = 366 * MINUTES_A_DAY
MAX_HORIZON_DAYS = 3660
MOST_CLOSED_DAYS = 400
DEFAULT_DURATION = 30
"""In minutes, for a visit of a category that has none of its own."""


def _steps() -> Check:
    within = whole(1, MAX_STEP)
    steps = [n for n in range(1, MAX_STEP + 1) if MINUTES_A_DAY % n == 0]

    def complaint(value: int) -> str | None:
        if told := within.complaint(value):
            return told
        return None if value in steps else "must divide a day of 1440 minutes evenly"

    return Check(complaint, {"enum": steps})


def _durations() -> Check:
    categories = [category.value for category in VisitCategory]
    within = whole(1, MAX_DURATION)

    def complaint(value: Mapping[str, int]) -> str | None:
        if not value.keys() <= set(categories):
            return f"must be by visit category: {', '.join(categories)}"
        return next(filter(None, map(within.complaint, value.values())), None)

    values = {"type": "integer", **within.schema}
    return Check(
        complaint,
        {"propertyNames": {"enum": categories}, "additionalProperties": values},
    )


@frozen(kw_only=True)
class HolidayRegion:
    """
    Whose public holidays close the clinic.

    Attributes:
        country: Its ISO 3166-1 code, as US.
        region: The part of the country, as NY; None for what all of it has.
    """

    country: str = field(validator=one_line(3))
    region: str | None = field(default=None, validator=one_line(50))


@frozen(kw_only=True)
class SchedulingPolicy:
    """
    What a clinic asks of its diary; the default asks for nothing.

    Attributes:
        slot_step: How far apart the starts that are offered lie, in minutes, counted
            from the start of work.
        buffer_before: Minutes that stay free of the doctor's other visits before
            each one.
        buffer_after: The same after each one. Buffers of two visits may overlap, so
            the longer of the two lies between them.
        min_notice: Minutes from the booking to the start, at least.
        max_horizon_days: Days from today to the last one that can be booked; None
            for any.
        daily_limit: Visits that a doctor has on one day at most; None for any number.
        default_durations: Minutes by visit category.
        closed_days: Local days on which nobody works.
        public_holidays: Whose holidays are closed days too; a doctor's dated hours
            open one.
        cancellation_cutoff: Minutes before the start from which on a cancellation
            counts as late.
        offer_minutes: How long a time is held for somebody on the waitlist.
    """

    slot_step: int = field(default=15, validator=_steps())
    buffer_before: int = field(default=0, validator=whole(0, MAX_BUFFER))
    buffer_after: int = field(default=0, validator=whole(0, MAX_BUFFER))
    min_notice: int = field(default=0, validator=whole(0, MAX_NOTICE))
    max_horizon_days: int | None = field(
        default=None, validator=whole(0, MAX_HORIZON_DAYS)
    )
    daily_limit: int | None = field(default=None, validator=whole(1, MINUTES_A_DAY))
    default_durations: Mapping[str, int] = field(factory=dict, validator=_durations())
    closed_days: tuple[date, ...] = field(
        default=(), validator=at_most(MOST_CLOSED_DAYS)
    )
    public_holidays: HolidayRegion | None = None
    cancellation_cutoff: int = field(default=0, validator=whole(0, MAX_NOTICE))
    offer_minutes: int = field(default=120, validator=whole(1, 14 * MINUTES_A_DAY))

    @property
    def closes(self) -> bool:
        """Whether the clinic is ever closed."""
        return bool(self.closed_days) or self.public_holidays is not None

    @property
    def gap(self) -> int:
        """How many minutes lie between two visits of a doctor at least."""
        return max(self.buffer_before, self.buffer_after)

    def duration_of(self, category: VisitCategory | None) -> int:
        """Return how many minutes a visit takes if nobody says so."""
        key = category.value if category else ""
        return self.default_durations.get(key, DEFAULT_DURATION)

    def for_doctor(self, own: DoctorPolicy) -> SchedulingPolicy:
        """Return the policy of a doctor who asks for *own* instead."""
        if own == AS_THE_CLINIC:
            return self
        changes: dict[str, Any] = {
            name: value
            for name, value in attrs.asdict(own).items()
            if value is not None
        }
        if own.default_durations is not None:
            changes["default_durations"] = {
                **self.default_durations,
                **own.default_durations,
            }
        return evolve(self, **changes)


@frozen(kw_only=True)
class DoctorPolicy:
    """What a doctor asks for instead of the clinic's policy; None is as the clinic."""

    slot_step: int | None = field(default=None, validator=_steps())
    buffer_before: int | None = field(default=None, validator=whole(0, MAX_BUFFER))
    buffer_after: int | None = field(default=None, validator=whole(0, MAX_BUFFER))
    min_notice: int | None = field(default=None, validator=whole(0, MAX_NOTICE))
    max_horizon_days: int | None = field(
        default=None, validator=whole(0, MAX_HORIZON_DAYS)
    )
    daily_limit: int | None = field(default=None, validator=whole(1, MINUTES_A_DAY))
    default_durations: Mapping[str, int] | None = field(
        default=None, validator=_durations()
    )


AS_THE_CLINIC = DoctorPolicy()
NO_POLICY = SchedulingPolicy()
