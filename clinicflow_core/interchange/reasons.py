"""Why a row of a file is not imported."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Reason(StrEnum):
    """The kind of a fault: stable, for programs and for counting."""

    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    INVALID = "invalid"
    PARTIAL_DATE = "partial-date"
    NOT_A_PATIENT = "not-a-patient"
    NOT_A_PRACTITIONER = "not-a-practitioner"
    NOT_AN_ENCOUNTER = "not-an-encounter"
    NOT_COMPLETED = "not-completed"
    NO_PRACTITIONER = "no-practitioner"
    NO_PATIENT = "no-patient"
    UNKNOWN_PRACTITIONER = "unknown-practitioner"
    UNKNOWN_PATIENT = "unknown-patient"
    TOO_LONG = "too-long"
    NO_SUCH_LOCAL_TIME = "no-such-local-time"
    IN_THE_FUTURE = "in-the-future"
    OVERLAP = "overlap"


@frozen
class Fault:
    """
    What is wrong with a row.

    Attributes:
        detail: One sentence that names the place, never what stands there.
    """

    reason: Reason
    detail: str


class UnfitError(Exception):
    """A row has *fault*; readers raise it for one row, and it ends with that row."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def unfit(reason: Reason, detail: str) -> UnfitError:
    """Return the error of a row that is refused for *reason*."""
    return UnfitError(Fault(reason, detail))
