"""
Somebody at the desk who does what comes into their head, as a process of its own.

Each act has a name of its own in the trail, as the request that it came with.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from contextlib import closing
from datetime import time, timedelta
from time import monotonic

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import booking, waitlist
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.desk.waitlist import JoinWaitlist
from clinicflow_core.entities.appointment import TO_COME, CancellationType
from clinicflow_core.entities.waitlist import WaitlistStatus
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidTransitionError,
    OfferNotOpenError,
    StaleVersionError,
    StoreBusyError,
    WaitlistClosedError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import STANDARD_RULES
from clinicflow_core.sql.engine import BUSY_SECONDS
from clinicflow_core.sql.store import open_store
from tests.builders import DAY
from tests.races.racers import at_leisure, meet, without_guard

SEED = int(os.environ.get("CLINIC_SEED", "2026"))
DAYS = 2
OPENS, CLOSES, STEP = 9, 12, 15
"""Hours of each day, and the minutes between starts."""

MOST_WAITING = 25
EVERYBODY = PageRequest(limit=9999)
ILL = CancelAppointment(cancellation_type=CancellationType.PATIENT_CANCELLED)
REFUSALS = (
    BookingConflictError,
    InvalidTransitionError,
    OfferNotOpenError,
    StaleVersionError,
    WaitlistClosedError,
)
ACTS = {
    "book": 8,
    "cancel": 4,
    "move": 2,
    "reinstate": 1,
    "join": 4,
    "accept": 3,
    "decline": 2,
    "withdraw": 1,
    "sweep": 2,
    "look": 2,
}
"""What can be done, and how often it is."""


class NothingToDoError(Exception):
    """Nobody has a visit, or waits, with whom anything could be done."""


class Receptionist:
    """A receptionist who does what comes into their head."""

    def __init__(self, store, clinic_id, doctors, patients, number, roll, rules):
        self.store = store
        self.clinic_id = clinic_id
        self.doctors = doctors
        self.patients = patients
        self.number = number
        self.rules = rules
        self.roll = roll
        self.acts = 0
        self.look()

    def uow(self):
        self.acts += 1
        name = f"{self.number}-{self.acts}"
        return self.store.unit_of_work(self.clinic_id, system("racer"), None, name)

    def look(self):
        """See who waits and who has a visit; others change it at once."""
        visits = booking.page(AppointmentFilter(), EVERYBODY, self.uow()).items
        entries = [w.entry for w in waitlist.page(None, EVERYBODY, self.uow()).items]
        self.visits = [visit.id for visit in visits if visit.status in TO_COME]
        self.gone = [visit.id for visit in visits if visit.status not in TO_COME]
        self.entries = [entry.id for entry in entries if entry.is_open]
        self.offered = [e.id for e in entries if e.status is WaitlistStatus.OFFERED]

    def some(self, ids):
        if not ids:
            raise NothingToDoError
        return self.roll.choice(ids)

    def place(self):
        minute = self.roll.randrange(0, 60, STEP)
        return {
            "doctor_id": self.some(self.doctors),
            "date": DAY + timedelta(days=self.roll.randrange(DAYS)),
            "start_time": time(self.roll.randrange(OPENS, CLOSES), minute),
            "duration": self.roll.choice([15, 30, 45]),
        }

    def book(self):
        wanted = BookAppointment(patient_id=self.some(self.patients), **self.place())
        self.visits.append(booking.book(wanted, self.uow(), self.rules).id)

    def cancel(self):
        booking.cancel(self.some(self.visits), ILL, self.uow())

    def move(self):
        wanted = RescheduleAppointment(**self.place())
        booking.reschedule(self.some(self.visits), wanted, self.uow(), self.rules)

    def reinstate(self):
        booking.reinstate(self.some(self.gone), ReinstateAppointment(), self.uow())

    def next(self):
        """Return what to do now: nobody joins a waitlist that is long enough."""
        [kind] = self.roll.choices(list(ACTS), list(ACTS.values()))
        if kind == "join" and len(self.entries) >= MOST_WAITING:
            return "withdraw"
        return kind

    def join(self):
        first, last = sorted(self.roll.sample(range(OPENS, CLOSES + 1), 2))
        day = self.roll.randrange(DAYS)
        request = JoinWaitlist(
            patient_id=self.some(self.patients),
            doctor_id=self.roll.choice([None, *self.doctors]),
            duration=self.roll.choice([15, 30, 45]),
            first_date=DAY + timedelta(days=day),
            last_date=DAY + timedelta(days=self.roll.randrange(day, DAYS)),
            earliest=self.roll.choice([None, time(first)]),
            latest=self.roll.choice([None, time(last)]),
            urgent=self.roll.random() < 0.2,
        )
        self.entries.append(waitlist.join(request, self.uow()).id)

    def accept(self):
        waitlist.accept(self.some(self.offered), self.uow())

    def decline(self):
        waitlist.decline(self.some(self.offered), self.uow())

    def withdraw(self):
        waitlist.withdraw(self.some(self.entries), self.uow())

    def sweep(self):
        waitlist.sweep(self.uow())


def race(number, url, ids, seconds, time_of, guarded):
    """Act for so long; return what was acknowledged, refused, or went wrong."""
    told = Counter()
    with closing(open_store(url, time_of)) as opened:
        store = opened if guarded else without_guard(opened, time_of)
        # Without the guard all want the same, and think about it for a while.
        roll = random.Random(f"{SEED} {number if guarded else ''}")
        rules = STANDARD_RULES if guarded else at_leisure(0.05)
        receptionist = Receptionist(store, *ids, number, roll, rules)
        meet()
        until = monotonic() + seconds
        while monotonic() < until:
            kind = receptionist.next()
            began = monotonic()
            try:
                getattr(receptionist, kind)()
            except REFUSALS as refusal:
                told[type(refusal).__name__] += 1
            except NothingToDoError:
                told["nothing to do"] += 1
            except StoreBusyError:
                waited = monotonic() - began > 0.9 * BUSY_SECONDS
                told["busy" if waited else "unexpected StoreBusyError"] += 1
            except Exception as error:  # noqa: BLE001  The test judges it.
                told[f"unexpected {error!r}"] += 1
            else:
                told[kind] += 1
        if not guarded:
            store.close()
    return told
