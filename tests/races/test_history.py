"""The counter that judges the races must itself be able to count."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.races.history import Entry, overlaps_ever

A, B = uuid4(), uuid4()


def place(doctor="chen", starts="09:00", duration=30, **more):
    return {
        "doctor_id": doctor,
        "starts_at": f"2026-03-02T{starts}:00+00:00",
        "duration": duration,
        **more,
    }


def booked(visit, patient="ann", **facts):
    return Entry("appointment.booked", visit, {"patient_id": patient, **place(**facts)})


def happened(kind, visit, facts=None):
    return Entry(f"appointment.{kind}", visit, facts or {})


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
    ],
)
def test_the_history_of_a_diary_is_counted(entries, overlaps):
    assert overlaps_ever(entries) == overlaps
