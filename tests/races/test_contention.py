"""T2: everybody books, moves, cancels, reinstates and undoes at random."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from clinicflow_core.desk import booking, undoing
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.entities.appointment import CancellationType
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidTransitionError,
    NothingToUndoError,
    StaleVersionError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import STANDARD_RULES
from tests.builders import DAY, clock, open_clinic
from tests.races.history import overlaps_ever, trail
from tests.races.racers import WEEK, WON, as_program, at_leisure, by_threads

pytestmark = pytest.mark.races

THREADS, STEPS = 12, 60
DOCTORS, PATIENTS = 3, 5
REFUSALS = {
    BookingConflictError,
    InvalidTransitionError,
    NothingToUndoError,
    StaleVersionError,
}
OTHER = CancelAppointment(cancellation_type=CancellationType.OTHER)
SEED = int(os.environ.get("CLINIC_SEED", "2026"))


def mixed(store, reader, steps, rules=STANDARD_RULES):
    """Let all threads act at random; return what came of it, and the clinic."""
    clinic = open_clinic(reader, week=WEEK, patients=PATIENTS)
    doctors = [clinic.doctor] + [
        clinic.add_doctor(week=WEEK) for _ in range(DOCTORS - 1)
    ]
    uows = [as_program(store, clinic.id) for _ in range(THREADS)]
    dice = [random.Random(f"{SEED} {racer}") for racer in range(THREADS)]
    booked = []

    def place(roll):
        minutes = 8 * 60 + 5 * roll.randrange(48)
        return {
            "doctor_id": roll.choice(doctors).id,
            "date": DAY,
            "start_time": clock(f"{minutes // 60:02}:{minutes % 60:02}"),
            "duration": roll.choice([5, 20, 45]),
        }

    def act(racer, _):
        roll, uow = dice[racer], uows[racer]
        known = roll.choice(booked) if booked else None
        kind = roll.choices(
            ["book", "squeeze in", "cancel", "move", "reinstate", "undo", "confirm"],
            [6, 1, 3, 4, 2, 3, 1],
        )[0]
        if known is None or kind in ("book", "squeeze in"):
            override = OverrideRequest(reason="pain") if kind != "book" else None
            request = BookAppointment(
                patient_id=roll.choice(clinic.patients).id,
                override=override,
                **place(roll),
            )
            booked.append(booking.book(request, uow, rules).id)
        elif kind == "cancel":
            booking.cancel(known, OTHER, uow)
        elif kind == "move":
            request = RescheduleAppointment(**place(roll))
            booking.reschedule(known, request, uow, rules)
        elif kind == "reinstate":
            booking.reinstate(known, ReinstateAppointment(), uow)
        elif kind == "undo":
            undoing.undo(known, uow)
        else:
            booking.confirm(known, uow)
        return WON

    rounds = by_threads(THREADS, steps, act)
    told = Counter(
        each if each == WON else type(each) for outcomes in rounds for each in outcomes
    )
    return told, clinic


def overlaps_now(clinic):
    page = booking.page(AppointmentFilter(), PageRequest(limit=2000), clinic.uow)
    held = [
        (person, visit)
        for visit in page.items
        for person, holds in (
            (visit.doctor_id, visit.holds_doctor),
            (visit.patient_id, visit.holds_patient),
        )
        if holds
    ]
    return sum(
        whose == person and a.starts_at < b.ends_at and b.starts_at < a.ends_at
        for n, (person, a) in enumerate(held)
        for whose, b in held[n + 1 :]
    )


def test_a_busy_day_sells_no_time_twice(store):
    told, clinic = mixed(store, store, STEPS)

    assert set(told) <= {WON, *REFUSALS}
    assert told[StaleVersionError] < THREADS
    assert told[WON] > THREADS * STEPS / 5
    assert told[BookingConflictError] > THREADS
    assert overlaps_ever(trail(store)) == 0
    assert overlaps_now(clinic) == 0


def test_a_busy_day_is_kept_by_the_stores_own_refusal_alone(store, without_guard):
    told, clinic = mixed(without_guard, store, STEPS // 2, at_leisure(0.005))

    assert set(told) <= {WON, *REFUSALS}
    assert overlaps_ever(trail(store)) == 0
    assert overlaps_now(clinic) == 0


def test_a_busy_day_without_both_sells_times_twice(
    store, without_guard, drop_backstop, record_property
):
    drop_backstop()

    _, clinic = mixed(without_guard, store, STEPS // 2, at_leisure(0.005))

    ever, now = overlaps_ever(trail(store)), overlaps_now(clinic)
    record_property("overlaps ever", ever)
    record_property("overlaps now", now)
    assert ever > 0
