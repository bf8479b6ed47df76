"""The audit: what the trail holds, and whether anybody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from attrs import frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.entities.event import Event
from clinicflow_core.errors import SealBrokenError, TrailBrokenError
from clinicflow_core.ports import UnitOfWork
from clinicflow_core.trail import Flaw, Inspection, Link, Seal, sealed

_AT_ONCE = 1000


@frozen(kw_only=True)
class Report:
    """
    What an inspection of a clinic's trail found.

    Attributes:
        flaws: Where a chain is broken, one a record; empty if nothing was changed.
    """

    records: int
    events: int
    flaws: tuple[Flaw, ...]


def events_of(record_id: UUID, uow: UnitOfWork) -> tuple[Event, ...]:
    """Return all that happened to a record, oldest first; it may be gone."""
    with uow:
        uow.actor.must(Permission.AUDIT)
        return uow.events.of(record_id)


def newest(limit: int, uow: UnitOfWork) -> tuple[Event, ...]:
    """Return what happened last in the clinic, newest first."""
    with uow:
        uow.actor.must(Permission.AUDIT)
        return uow.events.newest(limit)


def verify(uow: UnitOfWork, seal: Seal | None = None, key: bytes = b"") -> Report:
    """
    Look for events that were changed, removed or moved.

    Events that were cut off the end of a chain are missed only by a *seal*.

    Args:
        seal: Made before, and kept where nobody could change it.
        key: With which it was signed.

    Raises:
        SealBrokenError: If the seal is another clinic's, or was not signed with *key*.
    """
    with uow:
        uow.actor.must(Permission.AUDIT)
        clinic_id = uow.clinic.id
    if seal and not (seal.clinic_id == clinic_id and seal.is_signed_by(key)):
        raise SealBrokenError
    inspection = Inspection(clinic_id, seal)
    flaws = [*inspection.flaws(_all_links(uow)), *inspection.missing()]
    return Report(
        records=len(inspection.heads), events=inspection.events, flaws=tuple(flaws)
    )


def seal(uow: UnitOfWork, key: bytes) -> Seal:
    """
    Return the ends of all chains of the clinic, signed with *key*.

    Raises:
        TrailBrokenError: If a chain is broken already.
    """
    with uow:
        uow.actor.must(Permission.AUDIT)
        clinic_id, now = uow.clinic.id, uow.now
    inspection = Inspection(clinic_id)
    for flaw in inspection.flaws(_all_links(uow)):
        raise TrailBrokenError(str(flaw))
    return sealed(clinic_id, inspection.heads.values(), key, now)


def _all_links(uow: UnitOfWork) -> Iterator[Link]:
    # In parts, each a transaction of its own: nobody should wait for an audit.
    after: tuple[UUID, int] | None = None
    while True:
        with uow:
            links = uow.events.links(after, _AT_ONCE)
        yield from links
        if len(links) < _AT_ONCE:
            return
        after = (links[-1].event.record_id, links[-1].position)
