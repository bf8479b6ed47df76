"""The system's clock: the one place where ClinicFlow asks for the time."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import frozen


@frozen
class SystemClock:
    """The computer's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@frozen
class FixedClock:
    """A clock that stands still, for tests and for replaying a day."""

    at: datetime

    def now(self) -> datetime:
        return self.at
