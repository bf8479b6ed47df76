"""Rules that look at the whole day hold when everybody books at the same moment."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from clinicflow_core.desk import booking, calendars, policies, schedule
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.desk.calendars import TakeTimeOff, TimeOffTaken
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import STANDARD_RULES
from tests.builders import DAY, clock, local, open_clinic
from tests.races.racers import WEEK, as_program, at_leisure, by_threads, kinds_of

pytestmark = pytest.mark.races

RACERS, ROUNDS, SLOW_ROUNDS, SECONDS = 12, 8, 3, 0.03
LIMIT, GAP = 4, 10
EVERYTHING = PageRequest(limit=1000)


def visits_in_a_row(
    store, reader, policy=None, rules=STANDARD_RULES, rounds=ROUNDS, minutes=20
):
    """Let everybody book one doctor, one visit after another, a day for each round."""
    clinic = open_clinic(reader, week=WEEK, patients=RACERS)
    if policy:
        policies.set_policy(policy, clinic.uow)
    uows = [as_program(store, clinic.id) for _ in range(RACERS)]

    def book(racer, number):
        start = 8 * 60 + minutes * racer
        request = BookAppointment(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patients[racer].id,
            date=DAY + timedelta(days=number),
            start_time=clock(f"{start // 60:02}:{start % 60:02}"),
            duration=minutes,
        )
        return booking.book(request, uows[racer], rules)

    return clinic, by_threads(RACERS, rounds, book)


def visits_of(clinic, number):
    """Return what is stored of a round, by start."""
    day = DAY + timedelta(days=number)
    which = AppointmentFilter(first=day, last=day)
    return booking.page(which, EVERYTHING, clinic.uow).items


def counts(clinic, rounds):
    return [len(visits_of(clinic, number)) for number in range(len(rounds))]


def test_a_day_takes_as_many_visits_as_are_allowed_and_no_more(store):
    limit = SchedulingPolicy(daily_limit=LIMIT)

    clinic, rounds = visits_in_a_row(store, store, limit)

    assert counts(clinic, rounds) == [LIMIT] * ROUNDS
    for outcomes in rounds:
        assert sum(isinstance(each, Appointment) for each in outcomes) == LIMIT
        assert kinds_of(outcomes) == {"daily-limit"}


def test_without_the_guard_a_day_takes_more(store, without_guard, record_property):
    limit = SchedulingPolicy(daily_limit=LIMIT)

    clinic, rounds = visits_in_a_row(
        without_guard, store, limit, at_leisure(SECONDS), SLOW_ROUNDS
    )

    record_property("visits", counts(clinic, rounds))
    assert max(counts(clinic, rounds)) > LIMIT


def gaps(clinic, rounds):
    """Return how many minutes lie between each two visits in a row, of all rounds."""
    return [
        (after.starts_at - before.ends_at) / timedelta(minutes=1)
        for number in range(len(rounds))
        for before, after in pairwise(visits_of(clinic, number))
    ]


def test_no_two_visits_are_nearer_than_the_buffer(store):
    buffer = SchedulingPolicy(buffer_after=GAP)

    clinic, rounds = visits_in_a_row(store, store, buffer)

    assert all(gap >= GAP for gap in gaps(clinic, rounds))
    for number, outcomes in enumerate(rounds):
        won = [each for each in outcomes if isinstance(each, Appointment)]
        assert len(won) == len(visits_of(clinic, number))
        # Between two that stand there is room for one more at most: it was refused.
        assert len(won) >= RACERS / 3
        assert kinds_of(outcomes) == {"buffer"}


def test_without_the_guard_visits_are_too_near(store, without_guard, record_property):
    buffer = SchedulingPolicy(buffer_after=GAP)

    clinic, rounds = visits_in_a_row(
        without_guard, store, buffer, at_leisure(SECONDS), SLOW_ROUNDS
    )

    too_near = [gap for gap in gaps(clinic, rounds) if gap < GAP]
    record_property("too near", len(too_near))
    assert too_near


def time_off_and_visits(store, reader, rules=STANDARD_RULES, rounds=ROUNDS):
    """Let one racer take two hours off, and the others book in and around them."""
    clinic = open_clinic(reader, week=WEEK, patients=RACERS)
    uows = [as_program(store, clinic.id) for _ in range(RACERS)]

    def act(racer, number):
        day = DAY + timedelta(days=number)
        if racer == 0:
            away = TakeTimeOff(starts=local(f"{day} 09:00"), ends=local(f"{day} 11:00"))
            return calendars.take_time_off(clinic.doctor.id, away, uows[racer])
        start = 8 * 60 + 20 * racer
        request = BookAppointment(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patients[racer].id,
            date=day,
            start_time=clock(f"{start // 60:02}:{start % 60:02}"),
            duration=20,
        )
        return booking.book(request, uows[racer], rules)

    rounds = by_threads(RACERS, rounds, act)
    return clinic, [
        (
            next(each for each in outcomes if isinstance(each, TimeOffTaken)),
            [each for each in outcomes if isinstance(each, Appointment)],
            [each for each in outcomes if isinstance(each, Exception)],
        )
        for outcomes in rounds
    ]


def booked_into(taken, visits, zone):
    """Return which of *visits* need time that was *taken* off."""
    off = taken.time_off.span(zone)
    return {visit.id for visit in visits if visit.span.overlaps(off)}


def test_whoever_is_booked_into_time_off_is_refused_or_listed_as_stranded(
    store, record_property
):
    clinic, rounds = time_off_and_visits(store, store)

    stranded = {
        each.appointment.id for each in schedule.stranded(EVERYTHING, clinic.uow).items
    }
    into_time_off = set()
    for taken, visits, refused in rounds:
        into_time_off |= booked_into(taken, visits, clinic.zone)
        assert {v.id for v in taken.stranded} == booked_into(taken, visits, clinic.zone)
        assert len(visits) + len(refused) == RACERS - 1
        assert all(isinstance(error, BookingConflictError) for error in refused)
        assert kinds_of(refused) <= {"time-off"}
    assert into_time_off == stranded
    record_property("stranded", len(stranded))


def test_without_the_guard_somebody_is_neither_refused_nor_listed(
    store, without_guard, record_property
):
    clinic, rounds = time_off_and_visits(
        without_guard, store, at_leisure(SECONDS), SLOW_ROUNDS
    )

    missed = sum(
        len(
            booked_into(taken, visits, clinic.zone)
            - {visit.id for visit in taken.stranded}
        )
        for taken, visits, _ in rounds
    )
    record_property("neither refused nor listed", missed)
    assert missed > 0
