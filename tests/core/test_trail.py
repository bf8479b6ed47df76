from __future__ import annotations

from datetime import timedelta, timezone
from uuid import UUID

import pytest
from attrs import evolve

from clinicflow_core import trail
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import ClinicId, EventId, UserId
from clinicflow_core.trail import (
    FIRST_HASH,
    Inspection,
    Link,
    canonical,
    linked,
    sealed,
)
from tests.builders import NOW

CLINIC = ClinicId(UUID(int=1))
ANN, BEN = UUID(int=2), UUID(int=3)
KEY = b"a key of thirty-two bytes or so."


def event(number: int, record_id: UUID = ANN, **fields: object) -> Event:
    defaults = {
        "id": EventId(UUID(int=100 + number)),
        "kind": f"patient.step-{number}",
        "record_id": record_id,
        "at": NOW + timedelta(minutes=number),
        "actor": "user",
        "user_id": UserId(UUID(int=9)),
        "reason": "because",
        "request_id": "r-1",
        "facts": {"fields": ["phone"], "n": 1},
    }
    return Event(**defaults | fields)


def chain(*events: Event) -> list[Link]:
    links: list[Link] = []
    for each in events:
        links.append(linked(CLINIC, each, links[-1] if links else None))
    return links


def found(links: list[Link], seal=None) -> list[tuple[UUID, int, str]]:
    inspection = Inspection(CLINIC, seal)
    flaws = [*inspection.flaws(links), *inspection.missing()]
    return [(flaw.record_id, flaw.position, flaw.detail) for flaw in flaws]


def seal_of(links: list[Link]):
    inspection = Inspection(CLINIC)
    assert list(inspection.flaws(links)) == []
    return sealed(CLINIC, inspection.heads.values(), KEY, NOW)


LINKS = chain(event(1), event(2), event(3))
OTHERS = chain(event(4, BEN), event(5, BEN))


def test_a_whole_trail_has_no_flaw():
    assert found([*LINKS, *OTHERS], seal_of([*LINKS, *OTHERS])) == []
    assert LINKS[0].previous_hash == FIRST_HASH
    assert [link.position for link in LINKS] == [1, 2, 3]


@pytest.mark.parametrize(
    "changed",
    [
        {"id": EventId(UUID(int=7))},
        {"kind": "patient.nothing"},
        {"at": NOW},
        {"actor": "somebody"},
        {"user_id": None},
        {"reason": None},
        {"request_id": None},
        {"facts": {"fields": ["phone"], "n": 2}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_value_that_was_changed_is_found(changed):
    links = list(LINKS)
    links[1] = evolve(links[1], event=evolve(links[1].event, **changed))

    assert found(links) == [(ANN, 2, "was changed")]


def test_a_hash_over_less_than_all_would_miss_it(monkeypatch):
    monkeypatch.setattr(trail, "canonical", lambda _, event: str(event.id))
    links = chain(event(1), event(2))
    links[1] = evolve(links[1], event=evolve(links[1].event, reason="another"))

    assert found(links) == []


def test_another_clinics_event_does_not_fit():
    inspection = Inspection(ClinicId(UUID(int=5)))

    [flaw] = inspection.flaws(LINKS[:1])

    assert flaw.detail == "was changed"
    assert str(flaw) == f"Record {ANN}, event 1 ({LINKS[0].event.id}): was changed."


def test_an_event_that_was_removed_is_found():
    assert found([LINKS[0], LINKS[2], *OTHERS]) == [(ANN, 2, "is missing")]
    assert found([*LINKS[1:], *OTHERS]) == [(ANN, 1, "is missing")]


def test_events_that_were_swapped_are_found():
    first, second, third = LINKS
    swapped = [
        evolve(second, position=1),
        evolve(first, position=2),
        third,
    ]

    assert found([*swapped, *OTHERS]) == [
        (ANN, 1, "does not follow the event before it")
    ]


def test_an_event_that_was_slipped_in_is_found():
    slipped = linked(CLINIC, event(8), LINKS[0])

    assert found([LINKS[0], slipped, evolve(LINKS[1], position=3)]) == [
        (ANN, 3, "does not follow the event before it")
    ]


def test_only_a_seal_misses_events_cut_off_the_end():
    seal = seal_of([*LINKS, *OTHERS])

    assert found([*LINKS[:1], *OTHERS]) == []
    assert found([*LINKS[:1], *OTHERS], seal) == [
        (ANN, 2, "is missing; there were 3 when it was sealed")
    ]
    assert found(OTHERS, seal) == [
        (ANN, 1, "is missing; there were 3 when it was sealed")
    ]


def test_only_a_seal_tells_a_chain_that_was_written_anew():
    seal = seal_of([*LINKS, *OTHERS])
    anew = chain(event(1), event(2), event(3, reason="another"))

    assert found([*anew, *OTHERS]) == []
    assert found([*anew, *OTHERS], seal) == [
        (ANN, 3, "is another one than when it was sealed")
    ]


def test_what_happens_after_a_seal_is_no_flaw():
    seal = seal_of(LINKS)
    later = linked(CLINIC, event(9), LINKS[-1])

    assert found([*LINKS, later, *OTHERS], seal) == []


def test_each_broken_chain_is_named_once():
    broken = [evolve(link, hash="0" * 64) for link in LINKS]
    worse = [evolve(link, hash="0" * 64) for link in OTHERS]

    assert found([*broken, *worse], seal_of([*LINKS, *OTHERS])) == [
        (ANN, 1, "was changed"),
        (BEN, 1, "was changed"),
    ]


def test_a_seal_that_was_changed_is_not_signed():
    seal = seal_of([*LINKS, *OTHERS])
    shorter = evolve(seal.heads[0], position=1, hash=LINKS[0].hash)

    assert seal.is_signed_by(KEY)
    for forged in (
        evolve(seal, heads=(shorter, *seal.heads[1:])),
        evolve(seal, heads=seal.heads[1:]),
        evolve(seal, sealed_at=NOW + timedelta(days=1)),
        evolve(seal, clinic_id=ClinicId(UUID(int=5))),
        evolve(seal, signature="é" * 64),
    ):
        assert not forged.is_signed_by(KEY)
    assert not seal.is_signed_by(b"another key")


def test_an_event_says_the_same_in_every_time_zone():
    elsewhere = event(1, at=event(1).at.astimezone(timezone(timedelta(hours=5))))

    assert canonical(CLINIC, elsewhere) == canonical(CLINIC, event(1))
