from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from clinicflow_core.entities.ids import AppointmentId, PatientId, WaitlistId
from clinicflow_core.entities.waitlist import Outcome, WaitlistEntry, WaitlistStatus
from clinicflow_core.errors import WaitlistClosedError
from tests.builders import DAY, NOW, appointment, offer

LATER = NOW + timedelta(hours=1)
VISIT = AppointmentId(UUID(int=7))

STEPS = {
    WaitlistStatus.OFFERED: lambda entry: entry.offered(LATER),
    WaitlistStatus.WAITING: lambda entry: entry.waiting_again(LATER),
    WaitlistStatus.BOOKED: lambda entry: entry.booked(VISIT, LATER),
    WaitlistStatus.WITHDRAWN: lambda entry: entry.withdrawn(LATER),
}
steps = pytest.mark.parametrize("to", STEPS, ids=lambda status: status.value)
OPEN = (WaitlistStatus.WAITING, WaitlistStatus.OFFERED)


def entry(**fields):
    defaults = {
        "id": WaitlistId(uuid4()),
        "patient_id": PatientId(uuid4()),
        "first_date": DAY,
        "last_date": DAY,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return WaitlistEntry(**defaults | fields)


def test_every_status_can_be_reached():
    assert set(STEPS) == set(WaitlistStatus)


@steps
@pytest.mark.parametrize("status", OPEN, ids=lambda status: status.value)
def test_an_open_entry_takes_every_step(status, to):
    waits = entry(status=status, version=3)

    after = STEPS[to](waits)

    booked = VISIT if to is WaitlistStatus.BOOKED else None
    assert after == evolve(
        waits, status=to, appointment_id=booked, version=4, updated_at=LATER
    )
    assert waits.is_open


@steps
@pytest.mark.parametrize(
    "status",
    [WaitlistStatus.BOOKED, WaitlistStatus.WITHDRAWN],
    ids=lambda status: status.value,
)
def test_an_entry_that_is_done_with_takes_none(status, to):
    done = entry(status=status)

    with pytest.raises(WaitlistClosedError) as refusal:
        STEPS[to](done)

    assert (refusal.value.record_id, refusal.value.status) == (done.id, status.value)
    assert not done.is_open


def test_who_is_urgent_goes_first_then_who_waits_longest():
    low, high = WaitlistId(UUID(int=1)), WaitlistId(UUID(int=2))
    first_to_last = [
        entry(urgent=True, created_at=NOW),
        entry(urgent=True, created_at=LATER),
        entry(created_at=NOW - timedelta(days=400)),
        entry(created_at=NOW, id=low),
        entry(created_at=NOW, id=high),
        entry(created_at=NOW + timedelta(microseconds=1)),
    ]

    ranked = sorted(set(first_to_last), key=lambda each: each.sort_key)

    assert ranked == first_to_last


def test_what_is_said_of_an_entry_in_a_log_is_not_private():
    assert "MARKER" not in repr(entry(note="MARKER"))


@pytest.mark.parametrize(
    ("minutes", "counts"),
    [
        pytest.param(-1, True, id="a minute before it lapses"),
        pytest.param(0, False, id="as it lapses"),
        pytest.param(1, False, id="a minute later"),
    ],
)
def test_an_open_offer_counts_until_it_lapses(minutes, counts):
    offered = offer(appointment(), entry(), expires_at=LATER)

    assert offered.counts(LATER + timedelta(minutes=minutes)) is counts


@pytest.mark.parametrize(
    "outcome", sorted({*Outcome} - {Outcome.OPEN}, key=str), ids=lambda o: o.value
)
def test_an_offer_that_was_ended_counts_no_more(outcome):
    offered = offer(appointment(), entry(), expires_at=LATER)

    ended = offered.ended(outcome)

    assert ended == evolve(offered, outcome=outcome)
    assert offered.counts(NOW)
    assert not ended.counts(NOW)
