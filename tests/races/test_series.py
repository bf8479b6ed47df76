"""Series and single visits are booked, moved and cancelled over the same days."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

import pytest

from clinicflow_core.desk import booking, series
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.desk.series import (
    BookSeries,
    CancelSeries,
    ChangeSeries,
    SeriesOutcome,
    SeriesPolicy,
)
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidTransitionError,
    SeriesConflictError,
    StaleVersionError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import STANDARD_RULES
from tests.builders import DAY, clock, open_clinic
from tests.races.history import overlaps_ever, trail
from tests.races.racers import WEEK, as_program, at_leisure, by_threads

pytestmark = pytest.mark.races

RACERS, ROUNDS, SLOW_ROUNDS = 12, 6, 3
COUNT = 4
DAILY = f"FREQ=DAILY;COUNT={COUNT}"
STEPS, DOCTORS = 25, 2
EVERYTHING = PageRequest(limit=2000)
SEED = int(os.environ.get("CLINIC_SEED", "2026"))
REFUSALS = {
    BookingConflictError,
    SeriesConflictError,
    InvalidTransitionError,
    StaleVersionError,
}


def at(racer):
    return clock(f"09:{5 * (racer // 3):02}")


def by_series(clinic):
    """Return how many visits are stored of each series; None is of none."""
    visits = booking.page(AppointmentFilter(), EVERYTHING, clinic.uow).items
    return Counter(visit.series_id for visit in visits)


def herd(store, reader, rules=STANDARD_RULES, rounds=ROUNDS):
    """Let a third book a series, a third what it can of one, a third single visits."""
    clinic = open_clinic(reader, week=WEEK, patients=RACERS)
    uows = [as_program(store, clinic.id) for _ in range(RACERS)]

    def act(racer, number):
        first = DAY + timedelta(days=number * COUNT)
        wanted = {
            "doctor_id": clinic.doctor.id,
            "patient_id": clinic.patients[racer].id,
            "start_time": at(racer),
            "duration": 30,
        }
        if racer % 3 == 0:
            day = first + timedelta(days=(racer // 3 + number) % COUNT)
            return booking.book(BookAppointment(date=day, **wanted), uows[racer], rules)
        all_or_nothing = SeriesPolicy.ALL_OR_NOTHING
        policy = all_or_nothing if racer % 3 == 1 else SeriesPolicy.SKIP_AND_REPORT
        request = BookSeries(date=first, rrule=DAILY, policy=policy, **wanted)
        return series.book(request, uows[racer], rules)

    return clinic, by_threads(RACERS, rounds, act)


def test_series_and_visits_never_overlap_and_no_series_is_booked_in_part(store):
    clinic, rounds = herd(store, store)

    stored = by_series(clinic)
    told = Counter()
    for outcomes in rounds:
        visits = 0
        for racer, outcome in enumerate(outcomes):
            told[racer % 3, type(outcome)] += 1
            if isinstance(outcome, Appointment):
                visits += 1
            elif isinstance(outcome, SeriesOutcome):
                visits += len(outcome.appointments)
                assert stored.pop(outcome.id) == len(outcome.appointments)
                assert len(outcome.appointments) + len(outcome.skipped) == COUNT
                assert not outcome.skipped or racer % 3 == 2
        # All want the same half hour: each day has one of them.
        assert visits == COUNT
    assert {kind for _, kind in told} <= {Appointment, SeriesOutcome, *REFUSALS}
    singles = told[0, Appointment]
    assert stored == ({None: singles} if singles else {})
    assert overlaps_ever(trail(store)) == 0


def test_series_and_visits_overlap_without_guard_and_wall(
    store, without_guard, drop_backstop, record_property
):
    drop_backstop()

    herd(without_guard, store, at_leisure(0.01), SLOW_ROUNDS)

    overlaps = overlaps_ever(trail(store))
    record_property("overlaps", overlaps)
    assert overlaps > 0


def mixed(store, reader, rules=STANDARD_RULES):
    """Let everybody book, move and cancel at random; return what came of it."""
    clinic = open_clinic(reader, week=WEEK, patients=RACERS)
    doctors = [clinic.doctor.id]
    doctors += [clinic.add_doctor(week=WEEK).id for _ in range(DOCTORS - 1)]
    uows = [as_program(store, clinic.id) for _ in range(RACERS)]
    dice = [random.Random(f"{SEED} {racer}") for racer in range(RACERS)]
    kept = []

    def act(racer, _):
        roll, uow = dice[racer], uows[racer]
        start = clock(f"{roll.randrange(8, 12):02}:{roll.choice([0, 15, 30, 45]):02}")
        day = DAY + timedelta(days=roll.randrange(COUNT))
        doctor_id, minutes = roll.choice(doctors), roll.choice([15, 30])
        kind = roll.choice(["series", "visit", "move", "part", "cancel"])
        if kind in ("series", "visit") or not kept:
            wanted = {
                "doctor_id": doctor_id,
                "patient_id": clinic.patients[racer].id,
                "start_time": start,
                "duration": minutes,
            }
            if kind == "visit":
                return booking.book(BookAppointment(date=day, **wanted), uow, rules)
            request = BookSeries(date=DAY, rrule=DAILY, **wanted)
            kept.append(series.book(request, uow, rules).id)
        elif kind == "cancel":
            series.cancel(roll.choice(kept), CancelSeries(from_=day), uow)
        else:
            request = ChangeSeries(
                from_=day,
                start_time=start,
                days_later=roll.choice([0, 0, 1]),
                doctor_id=roll.choice([None, doctor_id]),
                policy=SeriesPolicy.ALL_OR_NOTHING
                if kind == "move"
                else SeriesPolicy.SKIP_AND_REPORT,
            )
            series.change(roll.choice(kept), request, uow, rules)
        return kind

    rounds = by_threads(RACERS, STEPS, act)
    told = Counter(type(each) for outcomes in rounds for each in outcomes)
    return clinic, kept, told


def test_series_that_are_moved_and_cancelled_at_once_never_overlap(store):
    clinic, kept, told = mixed(store, store)

    assert set(told) <= {str, Appointment, *REFUSALS}
    assert told[str] > RACERS * STEPS / 10
    assert told[StaleVersionError] < RACERS
    assert overlaps_ever(trail(store)) == 0
    stored = by_series(clinic)
    assert {key: stored[key] for key in kept} == dict.fromkeys(kept, COUNT)
