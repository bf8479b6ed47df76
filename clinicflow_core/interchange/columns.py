"""The columns of the CSV files that are imported, and what their rows say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from clinicflow_core.checks import one_line
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.interchange.reasons import Reason, unfit
from clinicflow_core.interchange.records import (
    PastVisit,
    Person,
    WallClock,
    content_key,
    refuse_too_long,
    visit_span,
)
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.wire import structure

_WHOLE_NUMBER = re.compile("[0-9]{1,9}")


@frozen(kw_only=True)
class Columns:
    """
    Which columns a file may have.

    Attributes:
        groups: At least one of these must be there as a whole.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    def checked(self, names: Sequence[str], line: int) -> tuple[str, ...]:
        """
        Return *names*, which stand in the header on *line*.

        Raises:
            InvalidError: If one is not known, missing, or there twice.
        """
        grouped = [name for group in self.groups for name in group]
        allowed = [*self.required, *grouped, *self.optional]
        if not set(names) & set(allowed):
            # What stands there may be somebody's data, so it is not repeated.
            details = [f"must name the columns: {', '.join(allowed)}"]
        else:
            details = [
                f"names no known column: {n!r}" for n in names if n not in allowed
            ]
            details += [
                f"lacks the column {n}" for n in self.required if n not in names
            ]
            details += [f"names {n} twice" for n in allowed if names.count(n) > 1]
            if self.groups and not any({*group} <= {*names} for group in self.groups):
                choice = " or ".join(", ".join(group) for group in self.groups)
                details.append(f"lacks the columns {choice}")
        if details:
            problems = (Problem("", f"the header on line {line} {d}") for d in details)
            raise InvalidError(tuple(problems))
        return tuple(names)


PATIENTS = Columns(
    required=("first_name", "last_name"),
    optional=("email", "phone", "date_of_birth", "id"),
)
DOCTORS = Columns(required=("name",), optional=("initials", "specialty", "color", "id"))
_LOCAL = ("date", "start_time", "duration")
_INSTANTS = ("starts_at", "ends_at")
VISITS = Columns(
    required=("doctor_id", "patient_id"), optional=("id",), groups=(_LOCAL, _INSTANTS)
)

Cells = Mapping[str, str]


def person(cells: Cells) -> Person:
    """Return the patient or the doctor that a row describes."""
    facts = {name: cell for name, cell in cells.items() if name != "id"}
    return Person(key=_key(cells), facts=facts)


def visit(cells: Cells) -> PastVisit:
    """
    Return the visit that a row describes.

    Raises:
        UnfitError: If a person is missing, or it did not last 1 minute to 24 hours.
        InvalidError: If a cell cannot be read.
    """
    if "doctor_id" not in cells:
        raise unfit(Reason.NO_PRACTITIONER, "/doctor_id is empty.")
    if "patient_id" not in cells:
        raise unfit(Reason.NO_PATIENT, "/patient_id is empty.")
    return PastVisit(
        key=_key(cells),
        doctor=cells["doctor_id"],
        patient=cells["patient_id"],
        when=_when(cells),
    )


@frozen(kw_only=True)
class _Identity:
    id: str = field(validator=one_line(255))


@frozen(kw_only=True)
class _Instants:
    starts_at: datetime
    ends_at: datetime


def _key(cells: Cells) -> str:
    if "id" in cells:
        return structure({"id": cells["id"]}, _Identity).id
    return content_key(cells)


def _when(cells: Cells) -> TimeSpan | WallClock:
    local: dict[str, object] = {name: cells[name] for name in _LOCAL if name in cells}
    instants = {name: cells[name] for name in _INSTANTS if name in cells}
    if local and instants:
        detail = "give either date and start_time or starts_at and ends_at"
        raise InvalidError((Problem("", detail),))
    if instants:
        read = structure(instants, _Instants)
        return visit_span(read.starts_at, read.ends_at)
    if _WHOLE_NUMBER.fullmatch(cells.get("duration", "")):
        local["duration"] = int(cells["duration"])
    when = structure(local, WallClock)
    if when.duration < 1:
        raise InvalidError((Problem("/duration", "must be at least 1"),))
    refuse_too_long(when.duration)
    return when
