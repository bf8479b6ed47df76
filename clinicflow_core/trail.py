"""
The trail: events chained by hash, so that no change to the past goes unseen.

Each record has a chain of its own. An event's hash is the SHA-256 of the hash before
it and of all that the event says; so an event that was changed, removed or moved
breaks the chain where it stood. Only a cut tail leaves a whole chain behind: a `Seal`,
kept elsewhere, knows how long each chain was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from attrs import field, frozen

from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import ClinicId

FIRST_HASH = "0" * 64
"""What stands before the first event of a chain."""


@frozen(kw_only=True)
class Link:
    """
    An event in its place.

    Attributes:
        position: In the chain of its record, from 1.
        previous_hash: Of the event before it.
        hash: Of this one, as 64 hexadecimal digits.
    """

    event: Event
    position: int
    previous_hash: str
    hash: str


@frozen(kw_only=True)
class Flaw:
    """
    Where a chain is broken.

    Attributes:
        position: Of the event that was changed, or is missing.
        event_id: The event that stands there; None if none does.
        detail: What is wrong there.
    """

    record_id: UUID
    position: int
    event_id: UUID | None
    detail: str

    def __str__(self) -> str:
        place = f"Record {self.record_id}, event {self.position}"
        known = "" if self.event_id is None else f" ({self.event_id})"
        return f"{place}{known}: {self.detail}."


@frozen
class Head:
    """The end of a record's chain: how many events it has, and the last one's hash."""

    record_id: UUID
    position: int
    hash: str


@frozen(kw_only=True)
class Seal:
    """
    The heads of all chains of a clinic at one instant, signed.

    Attributes:
        heads: By record.
        signature: As 64 hexadecimal digits, by whoever has the key.
    """

    clinic_id: ClinicId
    sealed_at: datetime
    heads: tuple[Head, ...] = field(repr=False)
    signature: str

    def is_signed_by(self, key: bytes) -> bool:
        signature = _signature(self.clinic_id, self.sealed_at, self.heads, key)
        return hmac.compare_digest(signature.encode(), self.signature.encode())


def canonical(clinic_id: ClinicId, event: Event) -> str:
    """Return all that *event* says, always in the same words."""
    said = {
        "actor": event.actor,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "clinic_id": str(clinic_id),
        "facts": event.facts,
        "id": str(event.id),
        "kind": event.kind,
        "reason": event.reason,
        "record_id": str(event.record_id),
        "request_id": event.request_id,
        "user_id": None if event.user_id is None else str(event.user_id),
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def hash_of(previous_hash: str, text: str) -> str:
    """Return the hash of an event whose `canonical` form is *text*."""
    return hashlib.sha256((previous_hash + text).encode()).hexdigest()


def linked(clinic_id: ClinicId, event: Event, before: Link | None) -> Link:
    """Return *event* as what follows *before*, the last of its record."""
    previous = before.hash if before else FIRST_HASH
    return Link(
        event=event,
        position=before.position + 1 if before else 1,
        previous_hash=previous,
        hash=hash_of(previous, canonical(clinic_id, event)),
    )


class Inspection:
    """
    Goes along the chains of a clinic and notes what is broken.

    The links come ordered by record and position. A chain is reported where it
    breaks first: what follows hangs on it.

    Attributes:
        events: How many were seen.
        heads: Of the chains that were seen so far, by record.
    """

    def __init__(self, clinic_id: ClinicId, seal: Seal | None = None) -> None:
        self._clinic_id = clinic_id
        self._sealed = {head.record_id: head for head in seal.heads} if seal else {}
        self._broken: set[UUID] = set()
        self.events = 0
        self.heads: dict[UUID, Head] = {}

    def flaws(self, links: Iterable[Link]) -> Iterator[Flaw]:
        """Yield what is broken in *links*, which go on where the last ones ended."""
        for link in links:
            self.events += 1
            record_id = link.event.record_id
            if record_id not in self._broken and (flaw := self._flaw(link)):
                self._broken.add(record_id)
                yield flaw
            self.heads[record_id] = Head(record_id, link.position, link.hash)

    def missing(self) -> Iterator[Flaw]:
        """Yield, once all links were seen, the sealed events that are not there."""
        for record_id, sealed in sorted(self._sealed.items()):
            head = self.heads.get(record_id, Head(record_id, 0, FIRST_HASH))
            if head.position < sealed.position and record_id not in self._broken:
                detail = f"is missing; there were {sealed.position} when it was sealed"
                yield Flaw(
                    record_id=record_id,
                    position=head.position + 1,
                    event_id=None,
                    detail=detail,
                )

    def _flaw(self, link: Link) -> Flaw | None:
        record_id = link.event.record_id
        before = self.heads.get(record_id, Head(record_id, 0, FIRST_HASH))
        sealed = self._sealed.get(record_id)
        if link.position != before.position + 1:
            return Flaw(
                record_id=record_id,
                position=before.position + 1,
                event_id=None,
                detail="is missing",
            )
        if link.previous_hash != before.hash:
            detail = "does not follow the event before it"
        elif link.hash != hash_of(before.hash, canonical(self._clinic_id, link.event)):
            detail = "was changed"
        elif sealed and sealed.position == link.position and sealed.hash != link.hash:
            detail = "is another one than when it was sealed"
        else:
            return None
        return Flaw(
            record_id=record_id,
            position=link.position,
            event_id=link.event.id,
            detail=detail,
        )


def sealed(
    clinic_id: ClinicId, heads: Iterable[Head], key: bytes, now: datetime
) -> Seal:
    """Return *heads* signed with *key*."""
    ordered = tuple(sorted(heads, key=lambda head: head.record_id))
    return Seal(
        clinic_id=clinic_id,
        sealed_at=now,
        heads=ordered,
        signature=_signature(clinic_id, now, ordered, key),
    )


def _signature(
    clinic_id: ClinicId, at: datetime, heads: Iterable[Head], key: bytes
) -> str:
    lines = [f"{clinic_id} {at.astimezone(UTC).isoformat(timespec='microseconds')}"]
    lines += [f"{head.record_id} {head.position} {head.hash}" for head in heads]
    return hmac.digest(key, "\n".join(lines).encode(), "sha256").hex()
