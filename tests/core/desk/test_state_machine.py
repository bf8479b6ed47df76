"""
T10: the desk against a small model of it, step by step.

The model knows a clinic as minutes and plain lists; see `model`. Whatever is done,
store and model must agree: on what is refused and why, on every visit, on who holds
which minute, on what is free, on who waits for what and what is offered to them, and
on the trail.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from clinicflow_core import memory as in_memory
from clinicflow_core.desk import (
    availability,
    booking,
    calendars,
    doctors,
    policies,
    schedule,
    series,
    waitlist,
)
from clinicflow_core.desk.availability import FindNext, FindOpenings
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.desk.calendars import SetDatedHours, TakeTimeOff
from clinicflow_core.desk.doctors import SetHours, Stretch
from clinicflow_core.desk.series import (
    BookSeries,
    CancelSeries,
    ChangeSeries,
    SeriesPolicy,
)
from clinicflow_core.desk.waitlist import JoinWaitlist
from clinicflow_core.entities.appointment import (
    HOLDING,
    Appointment,
    CancellationType,
    Status,
)
from clinicflow_core.entities.calendar import DayStretch
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
from clinicflow_core.entities.waitlist import Offer, Outcome, WaitlistEntry
from clinicflow_core.errors import (
    BookingConflictError,
    InvalidTransitionError,
    OfferNotOpenError,
    SeriesConflictError,
    WaitlistClosedError,
)
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.wire import LocalDateTime
from tests.builders import DAY, NOW, open_clinic
from tests.core.desk import model
from tests.core.desk.model import A_DAY, AWAY, TO_COME, Entry, Model, Visit

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("America/Phoenix")
"""Where clocks never change."""

MIDNIGHT = datetime(2026, 3, 2, 7, tzinfo=UTC)
"""The start of `DAY` there."""

EVERYTHING = PageRequest(limit=9999)
NOON, MORNING = 12 * 60, 9 * 60
WEEKS = {
    "standard": lambda _: [(540, 720), (780, 1020)],
    "long days": lambda weekday: [(480, 1080)] if weekday < 4 else [],
    "nights": lambda weekday: [(1080, 1440 + 120)] if weekday != 2 else [(600, 660)],
    "around the clock": lambda _: [(0, 1440)],
    "two that touch": lambda _: [(550, 720), (720, 840)],
    "none": lambda _: [],
}
DAYS_OF_THEIR_OWN = [
    None,
    [],
    [(600, 660)],
    [(0, 1440)],
    [(540, 720), (760, 1020)],
    [(1320, 1440 + 60)],
]
RULES = {
    "FREQ=DAILY;COUNT=3": lambda first: [first, first + 1, first + 2],
    "FREQ=DAILY;INTERVAL=2;COUNT=2": lambda first: [first, first + 2],
    "FREQ=WEEKLY;BYDAY=MO,WE,TH;COUNT=3": lambda first: [
        day for day in range(first, first + 14) if day % 7 in (0, 2, 3)
    ][:3],
}

DOCTORS, PATIENTS = st.integers(0, 2), st.integers(0, 3)
DAYS = st.sampled_from([0, 0, 0, 1, 2, 3])
# Few enough for visits to meet, with odd ones at the edges.
STARTS = st.sampled_from(
    [*range(MORNING - 15, NOON + 30, 15), 780, 1005, 541, 719, 1095, 1425]
)
MINUTES = st.sampled_from([1, 15, 30, 60, 240])
CAUSES = st.sampled_from([c for c in CancellationType if c.value != "no-show"])
REASONS = {None: None, "pain": OverrideRequest(reason="pain")}
SELDOM = st.sampled_from([None, None, None, "pain"])
STEPS, GAPS = st.sampled_from([15, 20, 30, 60]), st.sampled_from([0, 0, 5, 10, 45])
LIMITS, NOTICES = st.sampled_from([None, None, 2, 3]), st.sampled_from([0, 0, 60, 1500])
HORIZONS = st.sampled_from([None, None, 1, 3])


def day_of(number: int) -> date:
    return DAY + timedelta(days=number)


def clock_of(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def minute_of(instant: datetime) -> int:
    return int((instant - MIDNIGHT) / timedelta(minutes=1))


def local_of(minute: int) -> LocalDateTime:
    return LocalDateTime(datetime.combine(DAY, time()) + timedelta(minutes=minute))


def kinds_of(conflicts: Any) -> list[str]:
    return [conflict.kind.value for conflict in conflicts]


class Desk(RuleBasedStateMachine):
    """Three doctors, four patients, the days of a week."""

    store: Any
    watch: Any
    visits = Bundle("visits")
    entries = Bundle("entries")
    series = Bundle("series")
    time_off = Bundle("time_off")

    @initialize()
    def open(self):
        self.watch.at = NOW
        self.clinic = open_clinic(self.store, timezone=ZONE.key, week=(), patients=4)
        self.uow = self.clinic.uow
        self.doctors = [self.clinic.doctor.id]
        self.doctors += [self.clinic.add_doctor(f"Dr. {n}", ()).id for n in range(2)]
        self.patients = [patient.id for patient in self.clinic.patients]
        nobody_works = [WEEKS["none"]] * len(self.doctors)
        self.model = Model(nobody_works, minute_of(NOW))
        self.versions = {}
        for doctor, week in enumerate(["standard", "standard", "nights"]):
            self.set_week(doctor, week)

    # How the desk and the model name things.

    def place(self, doctor, day, start, minutes):
        return {
            "doctor_id": self.doctors[doctor],
            "date": day_of(day),
            "start_time": clock_of(start),
            "duration": minutes,
        }

    def attempt(self, act, conflicts, reason, others):
        """Return the visit and what was accepted; None if *conflicts* forbid it."""
        if conflicts and not reason:
            with pytest.raises(BookingConflictError) as refusal:
                act()
            assert kinds_of(refusal.value.conflicts) == conflicts
            offered = refusal.value.alternatives
            assert [minute_of(opening.starts_at) for opening in offered] == others()
            return None
        visit = act()
        accepted = tuple(dict.fromkeys(conflicts))
        assert (visit.override.conflicts if visit.override else ()) == accepted
        return visit, accepted

    def refused(self, act, error=InvalidTransitionError):
        with pytest.raises(error):
            act()

    # What people do with visits.

    @rule(
        target=visits,
        doctor=DOCTORS,
        patient=PATIENTS,
        day=DAYS,
        start=STARTS,
        minutes=MINUTES,
        reason=SELDOM,
    )
    def book(self, doctor, patient, day, start, minutes, reason):
        at = day * A_DAY + start
        conflicts = self.model.against(doctor, patient, at, minutes)
        request = BookAppointment(
            patient_id=self.patients[patient],
            override=REASONS[reason],
            **self.place(doctor, day, start, minutes),
        )
        assert kinds_of(booking.check(request, self.uow).conflicts) == conflicts
        done = self.attempt(
            lambda: booking.book(request, self.uow),
            conflicts,
            reason,
            lambda: self.model.alternatives(doctor, patient, at, minutes),
        )
        if done is None:
            return multiple()
        visit, accepted = done
        self.model.visits[visit.id] = Visit(
            doctor, patient, at, minutes, accepted=accepted, events=["booked"]
        )
        return visit.id

    @rule(
        target=visits,
        doctor=DOCTORS,
        patient=PATIENTS,
        day=DAYS,
        minutes=MINUTES,
        which=st.integers(0, 200),
    )
    def book_what_is_free(self, doctor, patient, day, minutes, which):
        free = self.model.openings(doctor, [day], minutes, patient)
        if not free:
            return multiple()
        at = free[which % len(free)]
        request = BookAppointment(
            patient_id=self.patients[patient],
            **self.place(doctor, day, at - day * A_DAY, minutes),
        )
        visit = booking.book(request, self.uow)
        self.model.visits[visit.id] = Visit(
            doctor, patient, at, minutes, events=["booked"]
        )
        return visit.id

    @rule(
        key=visits,
        doctor=st.none() | DOCTORS,
        day=DAYS,
        start=STARTS,
        minutes=st.none() | MINUTES,
        reason=SELDOM,
    )
    def reschedule(self, key, doctor, day, start, minutes, reason):
        known = self.model.visits[key]
        to = known.doctor if doctor is None else doctor
        length = minutes or known.minutes
        at = day * A_DAY + start
        request = RescheduleAppointment(
            date=day_of(day),
            start_time=clock_of(start),
            duration=minutes,
            doctor_id=None if doctor is None else self.doctors[doctor],
            override=REASONS[reason],
        )

        def act():
            return booking.reschedule(key, request, self.uow)

        if known.arrived or known.status not in TO_COME:
            self.refused(act)
            return
        asked = (to, known.patient, at, length, key)
        conflicts = self.model.against(*asked)
        others = lambda: self.model.alternatives(*asked)  # noqa: E731  Seldom asked.
        done = self.attempt(act, conflicts, reason, others)
        if done is None:
            return
        before, held = (known.place, known.accepted), known.holds_doctor
        freed = (known.doctor, known.time)
        known.move(to, at, length)
        known.accepted = done[1]
        # The same decision with the same words is no change.
        if before != (known.place, known.accepted):
            known.events.append("rescheduled")
            if held:
                self.model.come_free(*freed)

    @rule(key=visits, cause=CAUSES)
    def cancel(self, key, cause):
        request = CancelAppointment(cancellation_type=cause)
        self.give_up(
            key, lambda: booking.cancel(key, request, self.uow), "cancelled", "cancelled"
        )

    @rule(key=visits)
    def no_show(self, key):
        if self.model.visits[key].arrived:
            self.refused(lambda: booking.no_show(key, self.uow))
            return
        self.give_up(
            key, lambda: booking.no_show(key, self.uow), "no-show", "missed"
        )

    def give_up(self, key, act, status, event):
        known = self.model.visits[key]
        held = known.holds_doctor
        if self.step(key, lambda: act()[0], TO_COME, status, event) and held:
            self.model.come_free(known.doctor, known.time)

    @rule(key=visits)
    def confirm(self, key):
        again = self.model.visits[key].status == "confirmed"
        self.step(
            key,
            lambda: booking.confirm(key, self.uow),
            TO_COME,
            "confirmed",
            None if again else "confirmed",
        )

    @rule(key=visits)
    def arrive(self, key):
        known = self.model.visits[key]
        if known.status not in TO_COME:
            self.refused(lambda: booking.arrive(key, self.uow))
            return
        assert booking.arrive(key, self.uow).arrived
        known.events += ["arrived"] * (not known.arrived)
        known.arrived = True

    @rule(key=visits)
    def complete(self, key):
        self.step(
            key,
            lambda: booking.complete(key, self.uow),
            TO_COME,
            "completed",
            "completed",
        )

    def step(self, key, act, allowed, status, event):
        known = self.model.visits[key]
        if known.status not in allowed:
            self.refused(act)
            return False
        assert act().status.value == status
        known.status = status
        if event:
            known.events.append(event)
        return True

    @rule(key=visits, reason=SELDOM)
    def reinstate(self, key, reason):
        known = self.model.visits[key]
        request = ReinstateAppointment(override=REASONS[reason])

        def act():
            return booking.reinstate(key, request, self.uow)

        if known.status not in ("cancelled", "no-show"):
            self.refused(act)
            return
        where = (known.doctor, known.patient, known.start, known.minutes, key)
        conflicts = self.model.overlaps(known.doctor, known.patient, known.time, key)
        done = self.attempt(
            act,
            conflicts,
            reason,
            lambda: self.model.alternatives(*where, overlap_alone=True),
        )
        if done is not None:
            known.status, known.arrived = "unconfirmed", False
            known.accepted = done[1]
            known.events.append("reinstated")

    # Series.

    @rule(
        targets=(visits, series),
        doctor=DOCTORS,
        patient=PATIENTS,
        day=DAYS,
        start=STARTS,
        minutes=st.sampled_from([15, 30]),
        rrule=st.sampled_from(list(RULES)),
        policy=st.sampled_from(SeriesPolicy),
        reason=SELDOM,
    )
    def book_series(self, doctor, patient, day, start, minutes, rrule, policy, reason):
        starts = [each * A_DAY + start for each in RULES[rrule](day)]
        visits, refused = self.model.place_all(doctor, patient, starts, minutes, reason)
        request = BookSeries(
            patient_id=self.patients[patient],
            rrule=rrule,
            policy=policy,
            override=REASONS[reason],
            **self.place(doctor, day, start, minutes),
        )
        done = self.attempt_all(
            lambda: series.book(request, self.uow), policy, len(visits), refused
        )
        if done is None:
            return multiple()
        for stored, visit in zip(done.appointments, visits, strict=True):
            visit.series = done.id
            visit.events.append("booked")
            self.model.visits[stored.id] = visit
        # Both bundles get both kinds: whoever draws looks which it is.
        return multiple(*(stored.id for stored in done.appointments), done.id)

    def attempt_all(self, act, policy, standing, refused):
        """Return what came of a series; None if *refused* forbid it."""
        wants_all = policy is SeriesPolicy.ALL_OR_NOTHING
        if refused and (wants_all or not standing):
            with pytest.raises(SeriesConflictError) as refusal:
                act()
            told = refusal.value.occurrences
        else:
            done = act()
            told = done.skipped
        told = [
            (
                (occurrence.date - DAY).days * A_DAY
                + occurrence.start_time.hour * 60
                + occurrence.start_time.minute,
                kinds_of(occurrence.conflicts),
            )
            for occurrence in told
        ]
        assert told == refused
        return None if refused and (wants_all or not standing) else done
