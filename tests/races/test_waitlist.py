"""
The waitlist race: many processes free time, take it, wait for it and answer offers.

No time is held twice at any moment, nobody is passed over who waits when time comes
free, and in the end every entry, offer and visit tells the same.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import audit, booking, policies, waitlist
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.entities.waitlist import Outcome, WaitlistStatus
from clinicflow_core.ports import AppointmentFilter
from clinicflow_core.sql.store import open_store
from tests.builders import DAY, ZONE, clock, hours, open_clinic
from tests.races.history import overlaps_ever, trail
from tests.races.passed_over import Wish, passed_over
from tests.races.racers import FastClock, drop_walls, in_processes
from tests.races.receptionist import (
    CLOSES,
    DAYS,
    EVERYBODY,
    OPENS,
    SEED,
    STEP,
    race,
)
from tests.sql.rows import past_the_wall

pytestmark = [pytest.mark.races, pytest.mark.slow]

SECONDS = float(os.environ.get("CLINIC_RACE_SECONDS", "30"))
PROCESSES, DOCTORS, PATIENTS = 8, 3, 10
SPEED = 60
"""A minute of the clinic's clock, after which offers lapse, is a second of ours."""

WEEK = hours("09:00-12:00")
TELLS = {
    "cancel": "appointment.cancelled",
    "reinstate": "appointment.reinstated",
    "join": "waitlist.joined",
    "accept": "waitlist.accepted",
    "decline": "waitlist.declined",
    "withdraw": "waitlist.withdrawn",
}
"""What the trail tells of each act that was acknowledged."""

seeded = pytest.mark.parametrize("seed", [SEED], ids=[f"CLINIC_SEED={SEED}"])
"""Names the seed in every report; the environment sets it."""


@pytest.fixture
def time_of():
    return FastClock(SPEED)


@pytest.fixture
def store(database_url, time_of):
    opened = open_store(database_url, time_of)
    yield opened
    opened.close()


@pytest.fixture
def clinic(store):
    opened = open_clinic(store, week=WEEK, patients=PATIENTS)
    for _ in range(DOCTORS - 1):
        opened.add_doctor(week=WEEK)
    policies.set_policy(SchedulingPolicy(offer_minutes=1), opened.uow)
    return opened


def doctors_of(clinic):
    with clinic.uow as uow:
        return [doctor.id for doctor in uow.doctors.page(EVERYBODY).items]


def run(clinic, url, time_of, seconds, *, guarded=True):
    """Let everybody act; return how often what was acknowledged or refused."""
    patients = [patient.id for patient in clinic.patients]
    ids = (clinic.id, doctors_of(clinic), patients)
    told = in_processes(PROCESSES, race, url, ids, seconds, time_of, guarded)
    return sum(told, Counter())


def entries_of(clinic):
    return [w.entry for w in waitlist.page(None, EVERYBODY, clinic.uow).items]


def wishes_of(clinic):
    """Return what each entry of the waitlist takes, in instants."""
    everybody = doctors_of(clinic)

    def times(entry):
        for day in days():
            if entry.first_date <= day <= entry.last_date:
                first = entry.earliest or clock(f"{OPENS:02}:00")
                last = entry.latest or clock(f"{CLOSES:02}:00")
                yield instant(day, first), instant(day, last)

    return {
        entry.id: Wish(
            patient=str(entry.patient_id),
            doctors=frozenset(
                str(doctor_id)
                for doctor_id in everybody
                if entry.doctor_id in (None, doctor_id)
            ),
            times=tuple(times(entry)),
            seconds=60 * entry.duration,
        )
        for entry in entries_of(clinic)
    }


def days():
    return [DAY + timedelta(days=number) for number in range(DAYS)]


def instant(day, moment):
    return datetime.combine(day, moment, ZONE).timestamp()


def starts():
    """Return when visits can begin."""
    opens = [instant(day, clock(f"{OPENS:02}:00")) for day in days()]
    minutes = range(0, (CLOSES - OPENS) * 60, STEP)
    return [first + 60 * minute for first in opens for minute in minutes]


def contradictions(clinic):
    """Return what entries, offers, visits and held times tell differently."""
    entries = entries_of(clinic)
    with clinic.uow as uow:
        offers = defaultdict(list)
        for offer in uow.waitlist.offers_of([entry.id for entry in entries]):
            offers[offer.waitlist_id].append(offer)
    visits = {
        visit.id: visit
        for visit in booking.page(AppointmentFilter(), EVERYBODY, clinic.uow).items
    }
    with past_the_wall(clinic.store) as connection:
        rows = connection.execute(
            text("SELECT id FROM appointments WHERE offered_until IS NOT NULL")
        )
        held = {str(row.id) for row in rows}
    wrong = []
    still_open = set()
    for entry in entries:
        by = defaultdict(list)
        for offer in offers[entry.id]:
            by[offer.outcome].append(offer)
        still_open |= {str(offer.id) for offer in by[Outcome.OPEN]}
        booked = [offer.id for offer in by[Outcome.ACCEPTED]]
        expected = [entry.appointment_id] if entry.appointment_id else []
        if (
            len(by[Outcome.OPEN]) != (entry.status is WaitlistStatus.OFFERED)
            or len(booked) != (entry.status is WaitlistStatus.BOOKED)
            or booked != expected
            or booked != [offer.id for offer in offers[entry.id] if offer.id in visits]
            or any(visits[key].patient_id != entry.patient_id for key in booked)
        ):
            wrong.append((entry, offers[entry.id]))
    return wrong, held ^ still_open


def deadlocks(store):
    if store.engine.dialect.name != "postgresql":
        return 0
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    with past_the_wall(store) as connection:
        return connection.execute(text(query)).scalar()


@seeded
def test_no_time_is_held_twice_and_nobody_is_passed_over(
    seed, store, clinic, database_url, time_of, record_property
):
    told = run(clinic, database_url, time_of, SECONDS)

    time.sleep(60 / SPEED)
    waitlist.sweep(store.unit_of_work(clinic.id, system("racer"), None, "last"))
    happened = trail(store)
    tells = Counter(entry.kind for entry in happened)
    record_property("acts", dict(told))
    record_property("trail", dict(tells))
    assert not [each for each in told if each.startswith("unexpected")]
    assert deadlocks(store) == 0
    assert overlaps_ever(happened) == 0
    assert passed_over(happened, wishes_of(clinic), starts()) == []
    assert contradictions(clinic) == ([], set())
    assert audit.verify(clinic.system()).flaws == ()
    # Nothing was acknowledged that did not happen, or the other way round.
    assert {k: told[k] for k in TELLS} == {k: tells[e] for k, e in TELLS.items()}
    assert tells["appointment.booked"] == told["book"] + told["accept"]
    # Who is moved to where they are is not moved.
    assert 0 < tells["appointment.rescheduled"] <= told["move"]
    # SQLite lets no writer wait for longer, and may pass over one again and again.
    assert not told["busy"] or "sqlite" in database_url
    assert told["StaleVersionError"] < SECONDS
    # And there was a race.
    assert all(told[kind] for kind in (*TELLS, "book", "sweep"))
    assert tells["waitlist.offer-expired"]
    assert sum(tells.values()) > 10 * SECONDS


@seeded
def test_without_guard_and_wall_times_are_held_twice(
    seed, store, clinic, database_url, time_of, record_property
):
    drop_walls(store)

    run(clinic, database_url, time_of, min(SECONDS, 3), guarded=False)

    overlaps = overlaps_ever(trail(store))
    record_property("overlaps ever", overlaps)
    assert overlaps > 0
