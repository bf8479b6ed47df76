"""
Who was passed over: time that came free and stayed free, though somebody waited for it.

The trail is replayed act by act. Nothing here knows the rules of scheduling: a time is
free if nobody holds it, and it suits whoever has wished for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from uuid import UUID

from attrs import define, field, frozen

from tests.races.history import ENDED, NOT_OF_TIME, Entry, Held, place_of

BECOMES = {
    "waitlist.joined": "waiting",
    "waitlist.offered": "offered",
    "waitlist.declined": "waiting",
    "waitlist.offer-expired": "waiting",
    "waitlist.offer-withdrawn": "waiting",
    "waitlist.accepted": "booked",
    "waitlist.withdrawn": "withdrawn",
}


@frozen
class Wish:
    """
    What somebody on the waitlist takes.

    Attributes:
        doctors: With whom.
        times: Instants from which and up to which, in seconds, as on each day.
        seconds: How long.
    """

    patient: str
    doctors: frozenset[str]
    times: tuple[tuple[float, float], ...]
    seconds: float

    def suits(self, doctor: str, starts: float) -> bool:
        return doctor in self.doctors and any(
            first <= starts and starts + self.seconds <= last
            for first, last in self.times
        )


@frozen
class PassedOver:
    """Somebody who waited, and the time that came free with *act* and stayed so."""

    act: str
    waitlist_id: UUID
    doctor: str
    starts: float


@define
class _Freed:
    doctor: str
    starts: float
    ends: float
    by: UUID
    """The visit, or the entry of the waitlist that it was offered to."""


@define
class _Replay:
    held: dict[str, Held] = field(factory=dict)
    status: dict[UUID, str] = field(factory=dict)
    patients: dict[UUID, str] = field(factory=dict)
    offered: set[tuple[UUID, str, float]] = field(factory=set)

    def happen(self, entry: Entry) -> Iterator[_Freed]:
        """Take in what happened; yield the doctor's time that it gave up."""
        if "patient_id" in entry.facts:
            self.patients[entry.record_id] = entry.facts["patient_id"]
        if entry.kind in BECOMES:
            self.status[entry.record_id] = BECOMES[entry.kind]
        if entry.kind in NOT_OF_TIME:
            return
        before = self.held.pop(entry.held_id, None)
        if before and before.entry.facts["doctor_id"] in before.people:
            facts = before.entry.facts
            yield _Freed(facts["doctor_id"], *place_of(facts), entry.record_id)
        if entry.kind not in ENDED:
            patient = self.patients.get(entry.record_id)
            self.held[entry.held_id] = Held(0, entry, patient, entry.at)
        if entry.kind == "waitlist.offered":
            starts, _ = place_of(entry.facts)
            self.offered.add((entry.record_id, entry.facts["doctor_id"], starts))

    def is_free(self, people: set[str], starts: float, ends: float, at: float) -> bool:
        return not any(
            people & set(held.people)
            and (held.lapses is None or at < held.lapses)
            and place[0] < ends
            and starts < place[1]
            for held in self.held.values()
            for place in (place_of(held.entry.facts),)
        )


def passed_over(
    entries: Iterable[Entry],
    wishes: Mapping[UUID, Wish],
    starts: Collection[float],
) -> list[PassedOver]:
    """
    Return whoever waited while time came free that suits, and was not offered it.

    That is for each act: somebody who waited before and still does; an opening that
    needs time which the act gave up, that nobody holds, and that was never offered to
    them. Whoever let an offer lapse waits too, for what others let lapse.

    Args:
        wishes: Of all who ever waited.
        starts: When visits can begin, in seconds.
    """
    replay = _Replay()
    found = []
    for act, told in _acts(entries):
        waited = {key for key, is_ in replay.status.items() if is_ == "waiting"}
        waited |= {e.record_id for e in told if e.kind == "waitlist.offer-expired"}
        freed = [each for entry in told for each in replay.happen(entry)]
        if not freed:
            continue
        at = told[0].at.timestamp()
        waiting = [key for key in waited if replay.status[key] == "waiting"]
        for time in freed:
            for key in waiting:
                wish = wishes[key]
                found += [
                    PassedOver(act, key, time.doctor, start)
                    for start in starts
                    if key != time.by
                    and start < time.ends
                    and time.starts < start + wish.seconds
                    and start > at
                    and wish.suits(time.doctor, start)
                    and (key, time.doctor, start) not in replay.offered
                    and replay.is_free(
                        {time.doctor, wish.patient}, start, start + wish.seconds, at
                    )
                ]
    return found


def _acts(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Return what belongs together, in the order in which it was done with."""
    acts: defaultdict[str, list[Entry]] = defaultdict(list)
    last: dict[str, int] = {}
    for number, entry in enumerate(entries):
        assert entry.act is not None
        acts[entry.act].append(entry)
        last[entry.act] = number
    return sorted(acts.items(), key=lambda act: last[act[0]])
