"""T1: everybody wants the same time at the same moment, and one gets it."""

from __future__ import annotations

from collections import Counter

import pytest

from clinicflow_core.desk import booking
from clinicflow_core.entities.appointment import Appointment
from clinicflow_core.errors import AlreadyAnsweredError, BookingConflictError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from tests.builders import once
from tests.races.history import overlaps_ever, trail
from tests.races.racers import (
    WON,
    as_program,
    at_leisure,
    by_processes,
    by_threads,
    contest,
    kinds_of,
)

pytestmark = pytest.mark.races

THREADS, PROCESSES, ROUNDS = 12, 4, 40
ONE_WINS = Counter({Appointment: 1, BookingConflictError: THREADS - 1})

of_whom = pytest.mark.parametrize("person", ["doctor", "patient"])


@of_whom
def test_of_twelve_threads_one_gets_the_time(store, person):
    wanted = contest(store, person, THREADS)
    uows = [as_program(store, wanted.clinic_id) for _ in range(THREADS)]

    rounds = by_threads(
        THREADS,
        ROUNDS,
        lambda racer, number: booking.book(wanted.request(racer, number), uows[racer]),
    )

    assert [Counter(map(type, outcomes)) for outcomes in rounds] == [ONE_WINS] * ROUNDS
    losers = [error for outcomes in rounds for error in outcomes]
    assert kinds_of(losers) == {f"{person}-busy"}
    entries = trail(store)
    assert len(entries) == ROUNDS
    assert overlaps_ever(entries) == 0


@of_whom
def test_of_four_processes_one_gets_the_time(database_url, person):
    from clinicflow_core.sql.store import open_store

    store = open_store(database_url)
    wanted = contest(store, person, PROCESSES)
    store.close()

    rounds = by_processes(PROCESSES, ROUNDS, database_url, wanted)

    one_wins = {WON: 1, BookingConflictError.__name__: PROCESSES - 1}
    assert [Counter(outcomes) for outcomes in rounds] == [one_wins] * ROUNDS
    entries = trail(store)
    store.close()
    assert len(entries) == ROUNDS
    assert overlaps_ever(entries) == 0


SLOW_ROUNDS, SLOW_THREADS = 8, 6


def herd(store, wanted, seconds=0.03):
    uows = [as_program(store, wanted.clinic_id) for _ in range(SLOW_THREADS)]
    rules = at_leisure(seconds)
    return by_threads(
        SLOW_THREADS,
        SLOW_ROUNDS,
        lambda racer, number: booking.book(
            wanted.request(racer, number), uows[racer], rules
        ),
    )


@of_whom
def test_the_guard_alone_is_enough(store, drop_backstop, person):
    drop_backstop()

    rounds = herd(store, contest(store, person, SLOW_THREADS))

    assert [Counter(map(type, outcomes)) for outcomes in rounds] == [
        {Appointment: 1, BookingConflictError: SLOW_THREADS - 1}
    ] * SLOW_ROUNDS
    assert overlaps_ever(trail(store)) == 0


@of_whom
def test_the_stores_own_refusal_alone_is_enough(store, without_guard, person):
    rounds = herd(without_guard, contest(store, person, SLOW_THREADS))

    assert [Counter(map(type, outcomes)) for outcomes in rounds] == [
        {Appointment: 1, BookingConflictError: SLOW_THREADS - 1}
    ] * SLOW_ROUNDS
    losers = [error for outcomes in rounds for error in outcomes]
    assert kinds_of(losers) == {f"{person}-busy"}
    assert overlaps_ever(trail(store)) == 0


@of_whom
def test_without_both_a_time_is_sold_twice(
    store, without_guard, drop_backstop, person, record_property
):
    drop_backstop()

    rounds = herd(without_guard, contest(store, person, SLOW_THREADS))

    overlaps = overlaps_ever(trail(store))
    sold = sum(isinstance(each, Appointment) for told in rounds for each in told)
    record_property("overlaps", overlaps)
    record_property("sold", sold)
    assert overlaps > 0
    assert sold > SLOW_ROUNDS


TWINS, TWIN_ROUNDS = 8, 10


def test_twins_of_one_request_are_one_booking(store):
    wanted = contest(store, "doctor", TWINS)

    rounds = by_threads(
        TWINS,
        TWIN_ROUNDS,
        lambda _, number: booking.book(
            wanted.request(0, number),
            as_program(store, wanted.clinic_id, once(f"key-{number}", "the same")),
        ),
    )

    for outcomes in rounds:
        [visit] = [each for each in outcomes if isinstance(each, Appointment)]
        replays = [each for each in outcomes if isinstance(each, AlreadyAnsweredError)]
        assert len(replays) == TWINS - 1
        assert all(replay.answer == {"id": str(visit.id)} for replay in replays)
    uow = as_program(store, wanted.clinic_id)
    stored = booking.page(AppointmentFilter(), PageRequest(limit=200), uow)
    assert len(stored.items) == TWIN_ROUNDS
    assert len(trail(store)) == TWIN_ROUNDS
