"""The counter that judges the races must itself be able to count."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest

from tests.races.history import Entry, overlaps_ever

A, B = uuid4(), uuid4()
FIRST, SECOND = uuid4(), uuid4()
"""Entries of the waitlist."""


def at(clock):
    return datetime.fromisoformat(f"2026-03-02T{clock}:00+00:00")


def place(doctor="chen", starts="09:00", duration=30, **more):
    return {
        "doctor_id": doctor,
        "starts_at": at(starts).isoformat(),
        "duration": duration,
        **more,
    }


def entry(kind, record_id, facts=None, told_at="07:00"):
    return Entry(kind, record_id, facts or {}, at(told_at))


def booked(visit, patient="ann", told_at="07:00", **facts):
    facts = {"patient_id": patient, **place(**facts)}
    return entry("appointment.booked", visit, facts, told_at)


def happened(kind, visit, facts=None):
    return entry(f"appointment.{kind}", visit, facts)


def joined(waiting, patient="ann"):
    return entry("waitlist.joined", waiting, {"patient_id": patient})


def offered(offer, waiting=FIRST, until="08:00", told_at="07:00", **facts):
    told = place(offer_id=str(offer), expires_at=at(until).isoformat(), **facts)
    return entry("waitlist.offered", waiting, told, told_at)


def ended(kind, offer, waiting=FIRST):
    return entry(f"waitlist.{kind}", waiting, place(offer_id=str(offer)))


def accepted(offer, patient="ann", waiting=FIRST):
    return [booked(offer, patient), ended("accepted", offer, waiting)]


@pytest.mark.parametrize(
    ("entries", "overlaps"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([booked(A), booked(B, "bea", starts="09:29")], 1, id="one doctor"),
        pytest.param(
            [booked(A), booked(B, doctor="omar", starts="09:29")], 1, id="one patient"
        ),
        pytest.param([booked(A), booked(B)], 2, id="doctor and patient"),
        pytest.param([booked(A), booked(B, starts="09:30")], 0, id="touching"),
        pytest.param([booked(A), booked(B, "bea", doctor="omar")], 0, id="strangers"),
        pytest.param(
            [booked(A), happened("cancelled", A), booked(B, "bea")],
            0,
            id="cancelled before",
        ),
        pytest.param(
            [booked(A), booked(B, "bea"), happened("missed", A)],
            1,
            id="given up after: it was sold twice all the same",
        ),
        pytest.param(
            [booked(A), happened("rescheduled", A, place(starts="11:00")), booked(B)],
            0,
            id="moved away before",
        ),
        pytest.param(
            [
                booked(A, "bea", starts="11:00"),
                booked(B),
                happened("rescheduled", A, place()),
            ],
            1,
            id="moved onto it",
        ),
        pytest.param(
            [
                booked(A),
                happened("cancelled", A),
                booked(B, "bea"),
                happened("reinstated", A, place()),
            ],
            1,
            id="reinstated onto it",
        ),
        pytest.param(
            [booked(A), booked(B, override=["doctor-busy", "patient-busy"])],
            0,
            id="overbooked on purpose",
        ),
        pytest.param(
            [booked(A), booked(B, "bea", override=["outside-hours"])],
            1,
            id="an override that does not overbook",
        ),
        pytest.param(
            [booked(A), booked(B, override=["doctor-busy"])],
            1,
            id="only the doctor is shared, and the patient is not",
        ),
        pytest.param(
            [booked(A), booked(B, "bea", override=["patient-busy"])],
            1,
            id="only the patient is shared, and the doctor is not",
        ),
        pytest.param(
            [booked(A, override=["doctor-busy"]), booked(B, "bea")],
            0,
            id="who shares the doctor keeps nobody from the doctor",
        ),
        pytest.param(
            [booked(A, override=["doctor-busy"]), booked(B, doctor="omar")],
            1,
            id="who shares the doctor keeps the patient",
        ),
        pytest.param(
            [
                booked(A, override=["doctor-busy"]),
                booked(B, "bea"),
                happened("rescheduled", A, place()),
            ],
            1,
            id="who shared and does not any more",
        ),
    ],
)
def test_the_history_of_a_diary_is_counted(entries, overlaps):
    assert overlaps_ever(entries) == overlaps


@pytest.mark.parametrize(
    ("entries", "overlaps"),
    [
        pytest.param([joined(FIRST), offered(A)], 0, id="offered"),
        pytest.param(
            [joined(FIRST), offered(A), booked(B, "bea", starts="09:29")],
            1,
            id="booked while it is offered",
        ),
        pytest.param(
            [booked(B, "bea", starts="09:29"), joined(FIRST), offered(A)],
            1,
            id="offered while it is booked",
        ),
        pytest.param(
            [joined(FIRST), offered(A), booked(B, doctor="omar")],
            1,
            id="the patient is booked elsewhere while it is offered",
        ),
        pytest.param(
            [
                joined(FIRST),
                joined(SECOND, "bea"),
                offered(A),
                offered(B, SECOND, starts="09:15"),
            ],
            1,
            id="offered to two",
        ),
        pytest.param(
            [joined(FIRST), offered(A), booked(B, "bea", told_at="08:00")],
            0,
            id="booked when it had lapsed",
        ),
        pytest.param(
            [
                joined(FIRST),
                offered(A),
                booked(uuid4(), "eve", starts="15:00", told_at="08:00"),
                booked(B, "bea", told_at="07:59"),
            ],
            0,
            id="booked when it had lapsed for somebody before",
        ),
        pytest.param(
            [joined(FIRST), offered(A), booked(B, "bea", told_at="07:59")],
            1,
            id="booked a minute before it lapses",
        ),
        pytest.param(
            [
                joined(FIRST),
                offered(A),
                booked(B, "bea", told_at="08:00"),
                *accepted(A),
            ],
            1,
            id="accepted after it lapsed and was booked",
        ),
        pytest.param([joined(FIRST), offered(A), *accepted(A)], 0, id="accepted"),
        pytest.param(
            [joined(FIRST), offered(A), *accepted(A), booked(B, "bea")],
            1,
            id="booked after it was accepted",
        ),
        pytest.param(
            [
                joined(FIRST),
                offered(A),
                *accepted(A),
                booked(B, "bea", told_at="08:00"),
            ],
            1,
            id="what was accepted does not lapse",
        ),
        pytest.param(
            [
                joined(FIRST),
                offered(A),
                *accepted(A),
                happened("cancelled", A),
                booked(B, "bea"),
            ],
            0,
            id="cancelled after it was accepted",
        ),
        *(
            pytest.param(
                [joined(FIRST), offered(A), ended(kind, A), booked(B, "bea")],
                0,
                id=kind,
            )
            for kind in ("declined", "offer-expired", "offer-withdrawn")
        ),
        pytest.param(
            [joined(FIRST), offered(A), ended("declined", B), booked(B, "bea")],
            1,
            id="another offer was declined",
        ),
        pytest.param(
            [
                joined(FIRST),
                offered(A),
                ended("declined", A),
                offered(B, starts="09:15"),
            ],
            0,
            id="offered another time after the first",
        ),
    ],
)
def test_what_is_offered_to_the_waitlist_counts_until_it_ends_or_lapses(
    entries, overlaps
):
    assert overlaps_ever(entries) == overlaps


def test_what_nobody_knows_the_meaning_of_is_no_history():
    with pytest.raises(ValueError, match=r"appointment\.doubled"):
        overlaps_ever([happened("doubled", A)])
