"""The clinic: the tenant to which everything else belongs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.entities.policy import NO_POLICY, SchedulingPolicy
from clinicflow_core.timespan import wall_clock, zone_of
from clinicflow_core.wire import HIDDEN


class ClinicSize(Enum):
    """How many doctors work there."""

    SOLO = "solo"
    FROM_2_TO_5 = "2-5"
    FROM_6_TO_10 = "6-10"
    MORE_THAN_10 = "10plus"


@frozen(kw_only=True)
class Clinic:
    """
    A practice that keeps its own doctors, patients and diary.

    Attributes:
        timezone: An IANA name; all its wall-clock times are meant there.
        clinic_metadata: Open-ended facts from sign-up, as JSON.
        ai_summaries: Whether summaries may be made by a service outside; False keeps
            everything on the machine.
        policy: What it asks of its diary.
        version: Counts the changes, from 1.
    """

    id: ClinicId
    name: str
    timezone: str = "America/New_York"
    clinic_type: str | None = None
    clinic_size: ClinicSize | None = None
    clinic_metadata: Mapping[str, object] = field(factory=dict)
    ai_summaries: bool = True
    policy: SchedulingPolicy = field(default=NO_POLICY, metadata=HIDDEN)
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.timezone)

    def today(self, now: datetime) -> date:
        """Return the day that its clocks show at *now*."""
        return wall_clock(now, self.zone).date()

    def changed(self, changes: Mapping[str, Any], now: datetime) -> Clinic:
        return evolve(self, **changes, version=self.version + 1, updated_at=now)
