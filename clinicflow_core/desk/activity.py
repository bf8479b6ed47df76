"""What happened last at the clinic, without names and without reasons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from attrs import frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import EventId, UserId
from clinicflow_core.ports import Page, PageRequest, UnitOfWork

OF_THE_DESK: Final = frozenset(
    {
        "appointment.arrived",
        "appointment.booked",
        "appointment.cancelled",
        "appointment.changed",
        "appointment.completed",
        "appointment.confirmed",
        "appointment.missed",
        "appointment.reinstated",
        "appointment.rescheduled",
        "appointment.retimed",
        "appointment.undone",
        "clinic.changed",
        "clinic.policy-set",
        "doctor.added",
        "doctor.changed",
        "doctor.dated-hours-set",
        "doctor.hours-set",
        "doctor.policy-set",
        "doctor.removed",
        "doctor.time-off-given-back",
        "doctor.time-off-taken",
        "intake.linked",
        "intake.resent",
        "intake.reviewed",
        "intake.revoked",
        "intake.sent",
        "intake.submitted",
        "patient.changed",
        "patient.erased",
        "patient.merged",
        "patient.registered",
        "patient.removed",
        "questionnaire.added",
        "series.booked",
        "summary.edited",
        "summary.generated",
        "summary.signed",
        "waitlist.accepted",
        "waitlist.declined",
        "waitlist.joined",
        "waitlist.offer-expired",
        "waitlist.offer-withdrawn",
        "waitlist.offered",
        "waitlist.removed",
        "waitlist.withdrawn",
    }
)
"""What whoever sees every diary is told of what happens; a doctor, of visits alone."""

OF_ACCOUNTS: Final = frozenset(
    {
        "clinic.founded",
        "clinic.signed-up",
        "user.added",
        "user.changed",
        "user.google-linked",
        "user.password-changed",
        "user.session-reused",
        "user.signed-in",
        "user.signed-out",
    }
)
"""What whoever may inspect the trail is told besides."""


@frozen(kw_only=True)
class Happening:
    """
    Something that happened, without names and without reasons.

    Attributes:
        kind: Record and outcome, as "appointment.booked".
        record_id: The record that it happened to; it may be gone.
        actor: "user", the name of a program, or "entrance".
        facts: Ids, times and names of changed fields.
    """

    id: EventId
    kind: str
    record_id: UUID
    at: datetime
    actor: str
    user_id: UserId | None
    facts: Mapping[str, object]


def page(request: PageRequest, uow: UnitOfWork) -> Page[Happening]:
    """
    Return a part of what happened in the clinic, newest first.

    What happened to accounts is told to whoever may inspect the trail. A doctor is told
    what happened to visits that are with them now. Imports and reading leave their
    events in the trail alone.
    """
    with uow:
        own = uow.actor.sees_only(Permission.SEE_DIARY, Permission.SEE_OWN_DIARY)
        kinds = OF_THE_DESK
        if own is not None:
            kinds = frozenset(k for k in kinds if k.startswith("appointment."))
        elif uow.actor.may(Permission.AUDIT):
            kinds |= OF_ACCOUNTS
        found = uow.events.page(kinds, request, own)
        return Page(tuple(map(_happening, found.items)), found.next)


def _happening(event: Event) -> Happening:
    return Happening(
        id=event.id,
        kind=event.kind,
        record_id=event.record_id,
        at=event.at,
        actor=event.actor,
        user_id=event.user_id,
        facts=event.facts,
    )
