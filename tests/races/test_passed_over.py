"""Whoever judges the waitlist race must itself see who was passed over."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.races.history import Entry
from tests.races.passed_over import Wish, passed_over

VISIT, OTHER, OFFER = uuid4(), uuid4(), uuid4()
FIRST, SECOND = uuid4(), uuid4()
"""Entries of the waitlist: Ann's and Bea's."""


def at(clock):
    return datetime.fromisoformat(f"2026-03-02T{clock}:00").replace(tzinfo=UTC)


def place(starts="09:00", duration=30, doctor="chen", **more):
    return {
        "doctor_id": doctor,
        "starts_at": at(starts).isoformat(),
        "duration": duration,
        **more,
    }


def told(act, kind, record_id, facts=None, told_at="07:00"):
    return Entry(kind, record_id, facts or {}, at(told_at), act)


def booked(act, visit, starts="09:00", patient="cid", **more):
    facts = place(starts, **more) | {"patient_id": patient}
    return told(act, "appointment.booked", visit, facts)


def joined(act, waiting, patient="ann"):
    return told(act, "waitlist.joined", waiting, {"patient_id": patient})


def cancelled(act, visit=VISIT, told_at="07:00"):
    return told(act, "appointment.cancelled", visit, {}, told_at)


def offer(act, kind, waiting=FIRST, starts="09:00", until="08:00", **more):
    facts = place(starts, offer_id=str(OFFER), expires_at=at(until).isoformat(), **more)
    return told(act, f"waitlist.{kind}", waiting, facts)


def wish(patient="ann", doctors=("chen",), first="09:00", last="12:00", minutes=30):
    times = ((at(first).timestamp(), at(last).timestamp()),)
    return Wish(patient, frozenset(doctors), times, 60 * minutes)


WISHES = {FIRST: wish(), SECOND: wish("bea")}
STARTS = [
    at(f"{hour:02}:{minute:02}").timestamp()
    for hour in (9, 10, 11)
    for minute in (0, 30)
]
BEFORE = [booked("a", VISIT), joined("b", FIRST)]


def found(entries, wishes=WISHES):
    return [
        (
            each.act,
            each.waitlist_id,
            datetime.fromtimestamp(each.starts, UTC).strftime("%H:%M"),
        )
        for each in passed_over(entries, wishes, STARTS)
    ]


def test_time_that_comes_free_and_stays_so_while_somebody_waits_is_found():
    assert found([*BEFORE, cancelled("c")]) == [("c", FIRST, "09:00")]


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([*BEFORE, cancelled("c"), offer("c", "offered")], id="offered"),
        pytest.param(
            [booked("a", VISIT), cancelled("b"), joined("c", FIRST)], id="joined later"
        ),
        pytest.param(
            [*BEFORE, told("c", "waitlist.withdrawn", FIRST), cancelled("d")],
            id="waits no longer",
        ),
        pytest.param(
            [*BEFORE, cancelled("c", told_at="09:00")], id="begins as it is freed"
        ),
        pytest.param(
            [*BEFORE, booked("c", OTHER, doctor="omar", patient="ann"), cancelled("d")],
            id="the patient is elsewhere",
        ),
        pytest.param(
            [
                booked("a", VISIT, override=["doctor-busy"]),
                joined("b", FIRST),
                cancelled("c"),
            ],
            id="it shared its time",
        ),
        pytest.param(
            [
                *BEFORE,
                told("c", "appointment.rescheduled", VISIT, place("09:15")),
            ],
            id="moved by a little",
        ),
        pytest.param(
            [*BEFORE, cancelled("c"), offer("c", "offered"), offer("d", "declined")],
            id="declined by whoever it was offered to",
        ),
        pytest.param(
            [booked("a", VISIT, doctor="omar"), joined("b", FIRST), cancelled("c")],
            id="another doctor",
        ),
        pytest.param(
            [booked("a", VISIT, "12:00"), joined("b", FIRST), cancelled("c")],
            id="another time",
        ),
    ],
)
def test_who_could_not_have_it_or_did_not_wait_is_not_passed_over(entries):
    assert found(entries) == []


@pytest.mark.parametrize("kind", ["declined", "offer-expired", "offer-withdrawn"])
def test_an_offer_that_ends_is_time_that_comes_free(kind):
    entries = [
        *BEFORE,
        joined("c", SECOND, "bea"),
        cancelled("d"),
        offer("d", "offered"),
        offer("e", kind),
    ]

    assert found(entries) == [("e", SECOND, "09:00")]


def test_whoever_lets_an_offer_lapse_waits_for_what_others_let_lapse():
    entries = [
        joined("a", FIRST),
        joined("b", SECOND, "bea"),
        offer("c", "offered"),
        told(
            "d",
            "waitlist.offered",
            SECOND,
            place("10:00", offer_id=str(OTHER), expires_at=at("08:00").isoformat()),
        ),
        offer("e", "offer-expired"),
        told(
            "e", "waitlist.offer-expired", SECOND, place("10:00", offer_id=str(OTHER))
        ),
    ]

    assert found(entries) == [("e", SECOND, "09:00"), ("e", FIRST, "10:00")]


def test_a_lapsed_offer_is_in_nobodys_way():
    entries = [
        joined("a", FIRST),
        joined("b", SECOND, "bea"),
        offer("c", "offered", until="06:00"),
        booked("d", VISIT, override=["doctor-busy"]),
        booked("e", OTHER),
        cancelled("f", OTHER),
    ]

    assert found(entries) == [("f", SECOND, "09:00")]


def test_acts_are_judged_by_what_they_leave_behind():
    entries = [
        *BEFORE,
        cancelled("c"),
        booked("d", OTHER),
        offer("c", "offered", starts="10:00"),
    ]

    assert found(entries) == []
