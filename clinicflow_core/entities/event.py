"""Events: who did what, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.entities.ids import EventId, UserId


@frozen(kw_only=True)
class Event:
    """
    Something that happened to a record.

    Attributes:
        kind: Record and outcome: "appointment.booked".
        record_id: The record that it happened to.
        actor: Who did it: "user", the name of a program, or "entrance" for whoever
            signed up or signed in.
        user_id: The account of the actor, if there is one.
        reason: Why, in the words of whoever did it; only where a promise needs it.
        request_id: Of the request that it came with, if it came with one.
        facts: Ids, times and names of changed fields; never names, contacts,
            birth dates or answers.
    """

    id: EventId
    kind: str
    record_id: UUID
    at: datetime
    actor: str
    user_id: UserId | None = None
    reason: str | None = field(default=None, repr=False)
    request_id: str | None = None
    facts: Mapping[str, object] = field(factory=dict)
