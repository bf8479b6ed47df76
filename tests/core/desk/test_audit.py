from __future__ import annotations

from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import audit, booking
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError, SealBrokenError, TrailBrokenError
from tests.builders import open_clinic

KEY = b"a key of thirty-two bytes or so."


@pytest.fixture
def busy(clinic):
    """A clinic in which a visit was booked and confirmed."""
    visit = booking.book(clinic.request(), clinic.uow)
    booking.confirm(visit.id, clinic.uow)
    return clinic, visit


def test_what_happened_to_a_record_is_shown_oldest_first(busy):
    clinic, visit = busy

    events = audit.events_of(visit.id, clinic.uow)

    assert [event.kind for event in events] == [
        "appointment.booked",
        "appointment.confirmed",
    ]
    assert audit.events_of(uuid4(), clinic.uow) == ()


def test_what_happened_last_is_shown_first(busy, watch):
    clinic, visit = busy
    watch.at = watch.at.replace(hour=20)
    booking.arrive(visit.id, clinic.uow)

    kinds = [event.kind for event in audit.newest(2, clinic.uow)]

    assert kinds[0] == "appointment.arrived"
    assert len(kinds) == 2


def test_a_trail_that_nobody_changed_is_whole(busy):
    clinic, _ = busy

    seal = audit.seal(clinic.uow, KEY)
    report = audit.verify(clinic.uow, seal, KEY)

    assert report.flaws == ()
    assert (report.records, report.events) == (1, 2)
    assert [head.position for head in seal.heads] == [2]


def test_a_trail_is_inspected_in_parts(clinic, monkeypatch):
    monkeypatch.setattr(audit, "_AT_ONCE", 2)
    for times in ("09:00-09:30", "10:00-10:30", "11:00-11:30"):
        visit = booking.book(clinic.request(times), clinic.uow)
        booking.confirm(visit.id, clinic.uow)

    report = audit.verify(clinic.uow)

    assert (report.records, report.events, report.flaws) == (3, 6, ())


def test_a_seal_that_is_not_ours_is_refused(busy):
    clinic, _ = busy
    other = open_clinic(clinic.store, name="Other")
    seal = audit.seal(clinic.uow, KEY)
    theirs = audit.seal(other.uow, KEY)

    for wrong, key in (
        (theirs, KEY),
        (seal, b"another key"),
        (evolve(seal, heads=()), KEY),
    ):
        with pytest.raises(SealBrokenError):
            audit.verify(clinic.uow, wrong, key)


def test_a_broken_trail_is_not_sealed(busy, monkeypatch):
    clinic, _ = busy
    # As if a value had been changed in the store: nothing hashes as it did.
    monkeypatch.setattr("clinicflow_core.trail.hash_of", lambda *_: "0" * 64)

    with pytest.raises(TrailBrokenError, match=r"event 1 .* was changed"):
        audit.seal(clinic.uow, KEY)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_only_an_owner_inspects_the_trail(memory, role):
    clinic = open_clinic(memory)
    uow = clinic.by(role)
    acts = [
        lambda: audit.events_of(clinic.id, uow),
        lambda: audit.newest(1, uow),
        lambda: audit.verify(uow),
        lambda: audit.seal(uow, KEY),
    ]

    for act in acts:
        with pytest.raises(NotPermittedError, match="inspect the trail"):
            act()


def test_an_event_names_the_request_it_came_with(clinic):
    uow = clinic.store.unit_of_work(clinic.id, clinic.session.id, request_id="r-17")
    with clinic.store.entrance(request_id="r-18") as entrance:
        entrance.record(clinic.id, "clinic.greeted", clinic.clinic, by=clinic.owner.id)
        entrance.commit()

    visit = booking.book(clinic.request(), uow)

    [booked] = audit.events_of(visit.id, clinic.uow)
    [greeted] = audit.events_of(clinic.id, clinic.uow)
    assert booked.request_id == "r-17"
    assert (greeted.request_id, greeted.user_id) == ("r-18", clinic.owner.id)
    assert audit.verify(clinic.uow).flaws == ()
