"""Many visits are moved onto one free time at once: one gets it, the others stay."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import RescheduleAppointment
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.scheduling.conflicts import STANDARD_RULES
from tests.builders import DAY, clock
from tests.races.history import overlaps_ever, trail
from tests.races.racers import as_program, at_leisure, by_threads, contest, kinds_of

pytestmark = pytest.mark.races

CALLERS, ROUNDS, SLOW_ROUNDS = 16, 6, 2
of_whom = pytest.mark.parametrize("person", ["doctor", "patient"])


def moves(store, reader, person, rules=STANDARD_RULES, rounds=ROUNDS):
    """
    Let everybody move a visit of their own onto one time, a day for each round.

    Returns:
        For each round the visits before, what came of the moves, and the visits after.
    """
    wanted = contest(reader, person, CALLERS)
    uows = [as_program(store, wanted.clinic_id) for _ in range(CALLERS)]
    reading = as_program(reader, wanted.clinic_id)
    # On days of their own, after all the rounds.
    visits = [
        booking.book(wanted.request(racer, ROUNDS + racer), reading)
        for racer in range(CALLERS)
    ]
    told = []

    def move(racer, _):
        request = RescheduleAppointment(
            date=DAY + timedelta(days=len(told)),
            start_time=clock(f"09:{2 * racer:02}"),  # All share the hour's end.
            duration=60,
            doctor_id=wanted.doctors[racer % len(wanted.doctors)],
        )
        return booking.reschedule(visits[racer].id, request, uows[racer], rules)

    for _ in range(rounds):
        before = [booking.get(visit.id, reading) for visit in visits]
        [outcomes] = by_threads(CALLERS, 1, move)
        after = [booking.get(visit.id, reading) for visit in visits]
        told.append((before, outcomes, after))
    return told


@of_whom
def test_of_sixteen_moves_one_gets_the_time_and_the_others_stay(store, person):
    rounds = moves(store, store, person)

    one_wins = Counter({Appointment: 1, BookingConflictError: CALLERS - 1})
    for before, outcomes, after in rounds:
        assert Counter(map(type, outcomes)) == one_wins
        assert kinds_of(outcomes) == {f"{person}-busy"}
        for old, outcome, new in zip(before, outcomes, after, strict=True):
            assert new == (outcome if isinstance(outcome, Appointment) else old)
    assert overlaps_ever(trail(store)) == 0


@of_whom
def test_without_guard_and_wall_several_get_it(
    store, without_guard, drop_backstop, person, record_property
):
    drop_backstop()

    rounds = moves(without_guard, store, person, at_leisure(0.03), SLOW_ROUNDS)

    won = [
        sum(isinstance(outcome, Appointment) for outcome in outcomes)
        for _, outcomes, _ in rounds
    ]
    record_property("moved onto one time", won)
    assert max(won) > 1
    assert overlaps_ever(trail(store)) > 0
