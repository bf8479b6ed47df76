"""Records as a file tells them: read, and not yet judged by anything that is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from attrs import field, frozen

from clinicflow_core.entities.appointment import MAX_DURATION
from clinicflow_core.interchange.reasons import Reason, unfit
from clinicflow_core.timespan import TimeSpan

_MINUTE = timedelta(minutes=1)


@frozen(kw_only=True)
class Person:
    """
    A patient or a doctor.

    Attributes:
        key: The same whenever this record is imported, another for any other.
        facts: As JSON, under the names of the request that registers them.
    """

    key: str
    facts: Mapping[str, object] = field(repr=False)


@frozen
class WallClock:
    """A time on the clinic's own clock; *duration* in minutes."""

    date: date
    start_time: time
    duration: int


@frozen(kw_only=True)
class PastVisit:
    """
    A visit that took place.

    Attributes:
        key: The same whenever this record is imported, another for any other.
        doctor: The key of the doctor, or the id here.
        patient: The key of the patient, or the id here.
    """

    key: str
    doctor: str
    patient: str
    when: TimeSpan | WallClock


def visit_span(start: datetime, end: datetime) -> TimeSpan:
    """
    Return the span of a visit, in UTC.

    Raises:
        UnfitError: If it ends before it starts, or lasts longer than 24 hours.
    """
    if end <= start:
        raise unfit(Reason.INVALID, "The visit must end after it starts.")
    refuse_too_long((end - start) / _MINUTE)
    return TimeSpan(start.astimezone(UTC), end.astimezone(UTC))


def refuse_too_long(minutes: float) -> None:
    """
    Raises:
        UnfitError: If a visit of *minutes* would skip whole days of a diary.
    """
    if minutes > MAX_DURATION:
        detail = f"The visit lasts longer than {MAX_DURATION // 60} hours."
        raise unfit(Reason.TOO_LONG, detail)


def content_key(content: Mapping[str, object]) -> str:
    """Return the key of a record that has no id: what it says, digested."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
