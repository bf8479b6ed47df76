from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.builders import NOW, OpenClinic, Watch, patient


def test_what_happened_to_a_record_is_told_oldest_first(
    clinic: OpenClinic, watch: Watch
) -> None:
    kinds = [f"doctor.changed-{number}" for number in range(12)]
    for first in (0, 4, 8):
        watch.at = NOW - timedelta(hours=first)  # Clocks are set back at times.
        clinic.commit(
            *(
                lambda uow, k=kind: uow.record(k, clinic.doctor)
                for kind in kinds[first : first + 4]
            ),
            lambda uow: uow.record("patient.changed", clinic.patient),
        )

    with clinic.uow as uow:
        assert [event.kind for event in uow.events.of(clinic.doctor.id)] == kinds
        assert len(uow.events.of(clinic.patient.id)) == 3
        assert uow.events.of(uuid4()) == ()


def test_an_event_says_who_did_what_when_and_why(clinic: OpenClinic) -> None:
    facts = {"fields": ["phone"], "starts_at": "2026-03-02T14:00:00+00:00", "n": 1}
    clinic.commit(
        lambda uow: uow.record("patient.changed", clinic.patient, facts, "she moved")
    )

    with clinic.uow as uow:
        [event] = uow.events.of(clinic.patient.id)

    assert event.kind == "patient.changed"
    assert event.record_id == clinic.patient.id
    assert event.at == NOW
    assert (event.actor, event.user_id) == ("user", clinic.owner.id)
    assert (event.reason, event.facts) == ("she moved", facts)


def test_an_event_of_a_program_names_it(clinic: OpenClinic) -> None:
    with clinic.system("importer") as uow:
        uow.record("patient.registered", clinic.patient)
        uow.commit()

    with clinic.uow as uow:
        [event] = uow.events.of(clinic.patient.id)

    assert (event.actor, event.user_id) == ("importer", None)
    assert (event.reason, event.facts) == (None, {})


def test_each_event_has_an_id_of_its_own(clinic: OpenClinic) -> None:
    record = patient()

    clinic.commit(*[lambda uow: uow.record("patient.greeted", record)] * 3)

    with clinic.uow as uow:
        assert len({event.id for event in uow.events.of(record.id)}) == 3


def test_an_imported_record_is_known_by_where_it_came_from(
    clinic: OpenClinic,
) -> None:
    ann, visit = uuid4(), uuid4()
    clinic.commit(
        lambda uow: uow.origins.add("patient", "row 1", ann),
        lambda uow: uow.origins.add("visit", "row 1", visit),
        lambda uow: uow.origins.add("patient", "Row 1", visit),
    )

    with clinic.uow as uow:
        assert uow.origins.known("patient", ["row 1", "row 2"]) == {"row 1": ann}
        assert uow.origins.known("visit", ["row 1"]) == {"row 1": visit}
        assert uow.origins.known("doctor", ["row 1"]) == {}
        assert uow.origins.known("patient", []) == {}


@pytest.mark.parametrize("count", [1, 1000], ids=["one", "a thousand"])
def test_origins_are_known_by_the_batch(count: int, clinic: OpenClinic) -> None:
    keys = [f"Patient/{number}-é\U0001f642" for number in range(count)]
    clinic.commit(
        *(lambda uow, k=key: uow.origins.add("patient", k, clinic.id) for key in keys)
    )

    with clinic.uow as uow:
        assert uow.origins.known("patient", keys) == dict.fromkeys(keys, clinic.id)


def test_a_record_that_is_removed_can_be_imported_anew(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    gone, kept = uuid4(), uuid4()
    for each in (clinic, other):
        each.commit(
            lambda uow: uow.origins.add("patient", "row 1", gone),
            lambda uow: uow.origins.add("patient", "row 2", gone),
            lambda uow: uow.origins.add("patient", "row 3", kept),
            lambda uow: uow.origins.add("doctor", "row 1", gone),
        )

    clinic.commit(lambda uow: uow.origins.forget("patient", gone))

    rows = ["row 1", "row 2", "row 3"]
    with clinic.uow as uow:
        assert uow.origins.known("patient", rows) == {"row 3": kept}
        assert uow.origins.known("doctor", rows) == {"row 1": gone}
    with other.uow as uow:
        assert len(uow.origins.known("patient", rows)) == 3
    clinic.commit(lambda uow: uow.origins.add("patient", "row 1", kept))


def test_what_is_forgotten_without_a_commit_is_known(clinic: OpenClinic) -> None:
    clinic.commit(lambda uow: uow.origins.add("patient", "row 1", clinic.id))

    with clinic.uow as uow:
        uow.origins.forget("patient", clinic.id)
        assert uow.origins.known("patient", ["row 1"]) == {}

    with clinic.uow as uow:
        assert uow.origins.known("patient", ["row 1"]) == {"row 1": clinic.id}
