"""
T10: the desk against a small model of it, step by step.

The model knows a diary as sets of minutes and nothing of scheduling, spans or
instants. Whatever is done, store and model must agree: on what is refused and why,
on every visit, on who holds which minute, and on the trail.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from clinicflow_core.desk import booking, schedule
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.entities.appointment import (
    HOLDING,
    Appointment,
    CancellationType,
    Status,
)
from clinicflow_core.errors import BookingConflictError, InvalidTransitionError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.timespan import TimeSpan
from tests.builders import DAY, NOW, clock, hours, open_clinic

pytestmark = pytest.mark.slow

OPENS, NOON, AFTERNOON, CLOSES = 9 * 60, 12 * 60, 13 * 60, 17 * 60
OPEN_MINUTES = {*range(OPENS, NOON), *range(AFTERNOON, CLOSES)}
WEEK = (*hours("09:00-12:00"), *hours("13:00-17:00"))
MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)
"""The start of `DAY` on the clinic's clock."""

PEOPLE = st.integers(0, 2)
# Few enough for visits to meet, with odd ones at the edges.
STARTS = st.sampled_from(
    [*range(OPENS - 15, NOON + 30, 15), AFTERNOON, CLOSES - 15, OPENS + 1, NOON - 1]
)
MINUTES = {*range(OPENS, NOON), *range(AFTERNOON, CLOSES)}
WEEK = (*hours("09:00-12:00"), *hours("13:00-17:00"))
MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)
"""The start of `DAY` on the clinic's clock."""

PEOPLE = st.integers(0, 2)
STARTS = st.integers(0, 40).map(lambda n: 8 * 60 + 15 * n) | st.integers(500, 1060)
MINUTES = st.sampled_from([1, 15, 30, 60, 240])
CAUSES = st.sampled_from([c for c in CancellationType if c.value != "no-show"])
REASONS = {None: None, "pain": OverrideRequest(reason="pain")}


@define
class Visit:
    """A visit as the model knows it."""

    doctor: int
    patient: int
    start: int
    minutes: int
    status: str = "unconfirmed"
    arrived: bool = False
    accepted: tuple[str, ...] = ()
    events: list[str] = field(factory=list)

    @property
    def time(self) -> set[int]:
        return set(range(self.start, self.start + self.minutes))

    @property
    def is_shared(self) -> bool:
        return "doctor-busy" in self.accepted or "patient-busy" in self.accepted

    @property
    def held(self) -> set[int]:
        stands = self.status in ("unconfirmed", "confirmed", "completed")
        return self.time if stands and not self.is_shared else set()


class Desk(RuleBasedStateMachine):
    """Three doctors, three patients, one Monday."""

    store: Any
    watch: Any
    visits = Bundle("visits")

    @initialize()
    def open(self):
        self.watch.at = NOW
        self.clinic = open_clinic(self.store, week=WEEK, patients=3)
        self.doctors = [self.clinic.doctor.id] + [
            self.clinic.add_doctor(f"Dr. {n}", WEEK).id for n in range(2)
        ]
        self.patients = [patient.id for patient in self.clinic.patients]
        self.model = {}
        self.now = 0

    # What the model holds against a visit.

    def in_the_way(self, doctor, patient, time, own=None):
        others = [v for key, v in self.model.items() if key != own and v.held & time]
        return ["doctor-busy" for v in others if v.doctor == doctor] + [
            "patient-busy" for v in others if v.patient == patient
        ]

    def against(self, doctor, patient, start, minutes, own=None):
        time = set(range(start, start + minutes))
        return (
            self.in_the_way(doctor, patient, time, own)
            + ["outside-hours"] * (not time <= OPEN_MINUTES)
            + ["in-the-past"] * (start < self.now)
        )

    def attempt(self, act, conflicts, reason):
        """Return the visit and what was accepted; None if *conflicts* forbid it."""
        if conflicts and not reason:
            with pytest.raises(BookingConflictError) as refusal:
                act()
            told = [conflict.kind.value for conflict in refusal.value.conflicts]
            assert told == conflicts
            self.judge_offer(refusal.value.alternatives)
            return None
        visit = act()
        accepted = tuple(dict.fromkeys(conflicts))
        assert (visit.override.conflicts if visit.override else ()) == accepted
        return visit, accepted

    def judge_offer(self, offered):
        for opening in offered:
            assert opening.starts_at >= self.watch.at
            start = self.minute(opening.starts_at)
            minutes = self.minute(opening.ends_at) - start
            if 0 <= start < 24 * 60:
                doctor = self.doctors.index(opening.doctor_id)
                time = set(range(start, start + minutes))
                busy = (v for v in self.model.values() if v.doctor == doctor)
                own = self.moving
                assert not any(
                    v.held & time for v in busy if v is not self.model.get(own)
                )
                assert time <= OPEN_MINUTES

    moving = None

    @staticmethod
    def minute(instant):
        return int((instant - MIDNIGHT) / timedelta(minutes=1))

    # What people do.

    @rule(
        target=visits,
        doctor=PEOPLE,
        patient=PEOPLE,
        start=STARTS,
        minutes=MINUTES,
        reason=st.sampled_from([None, None, "pain"]),
    )
    def book(self, doctor, patient, start, minutes, reason):
        conflicts = self.against(doctor, patient, start, minutes)
        request = BookAppointment(
            doctor_id=self.doctors[doctor],
            patient_id=self.patients[patient],
            date=DAY,
            start_time=clock(f"{start // 60:02}:{start % 60:02}"),
            duration=minutes,
            override=REASONS[reason],
        )
        verdict = booking.check(request, self.clinic.uow)
        assert [conflict.kind.value for conflict in verdict.conflicts] == conflicts
        done = self.attempt(
            lambda: booking.book(request, self.clinic.uow), conflicts, reason
        )
        if done is None:
            return multiple()
        visit, accepted = done
        self.model[visit.id] = Visit(
            doctor, patient, start, minutes, accepted=accepted, events=["booked"]
        )
        return visit.id

    @rule(
        key=visits,
        doctor=st.none() | PEOPLE,
        start=STARTS,
        minutes=st.none() | MINUTES,
        reason=st.sampled_from([None, None, "pain"]),
    )
    def reschedule(self, key, doctor, start, minutes, reason):
        known = self.model[key]
        to = known.doctor if doctor is None else doctor
        length = minutes or known.minutes
        request = RescheduleAppointment(
            date=DAY,
            start_time=clock(f"{start // 60:02}:{start % 60:02}"),
            duration=minutes,
            doctor_id=None if doctor is None else self.doctors[doctor],
            override=REASONS[reason],
        )

        def act():
            return booking.reschedule(key, request, self.clinic.uow)

        if known.arrived or known.status not in ("unconfirmed", "confirmed"):
            self.refused(act)
            return
        conflicts = self.against(to, known.patient, start, length, key)
        self.moving = key
        done = self.attempt(act, conflicts, reason)
        self.moving = None
        if done is not None:
            place = (known.doctor, known.start, known.minutes, known.accepted)
            known.doctor, known.start, known.minutes = to, start, length
            known.accepted = done[1]
            moved = (to, start, length, done[1])
            # The same decision with the same words is no change.
            if place != moved:
                known.events.append("rescheduled")

    @rule(key=visits, cause=CAUSES)
    def cancel(self, key, cause):
        request = CancelAppointment(cancellation_type=cause)
        self.step(
            key,
            lambda: booking.cancel(key, request, self.clinic.uow)[0],
            ("unconfirmed", "confirmed"),
            "cancelled",
            "cancelled",
        )

    @rule(key=visits)
    def no_show(self, key):
        known = self.model[key]
        if known.arrived:
            self.refused(lambda: booking.no_show(key, self.clinic.uow))
            return
        self.step(
            key,
            lambda: booking.no_show(key, self.clinic.uow)[0],
            ("unconfirmed", "confirmed"),
            "no-show",
            "missed",
        )

    @rule(key=visits)
    def confirm(self, key):
        known = self.model[key]
        again = known.status == "confirmed"
        self.step(
            key,
            lambda: booking.confirm(key, self.clinic.uow),
            ("unconfirmed", "confirmed"),
            "confirmed",
            None if again else "confirmed",
        )

    @rule(key=visits)
    def arrive(self, key):
        known = self.model[key]
        again = known.arrived
        if known.status not in ("unconfirmed", "confirmed"):
            self.refused(lambda: booking.arrive(key, self.clinic.uow))
            return
        visit = booking.arrive(key, self.clinic.uow)
        assert visit.arrived
        known.arrived = True
        if not again:
            known.events.append("arrived")

    @rule(key=visits)
    def complete(self, key):
        self.step(
            key,
            lambda: booking.complete(key, self.clinic.uow),
            ("unconfirmed", "confirmed"),
            "completed",
            "completed",
        )

    @rule(key=visits, reason=st.sampled_from([None, "pain"]))
    def reinstate(self, key, reason):
        known = self.model[key]
        request = ReinstateAppointment(override=REASONS[reason])

        def act():
            return booking.reinstate(key, request, self.clinic.uow)

        if known.status not in ("cancelled", "no-show"):
            self.refused(act)
            return
        conflicts = self.in_the_way(known.doctor, known.patient, known.time, key)
        done = self.attempt(act, conflicts, reason)
        if done is not None:
            known.status, known.arrived = "unconfirmed", False
            known.accepted = done[1]
            known.events.append("reinstated")

    @rule(minutes=st.sampled_from([1, 15, 30]))
    def time_passes(self, minutes):
        # The first step takes the clock from the day before to the morning.
        self.now = min(max(self.now, OPENS - 30) + minutes, CLOSES)
        self.watch.at = MIDNIGHT + timedelta(minutes=self.now)

    def step(self, key, act, allowed, status, event):
        known = self.model[key]
        if known.status not in allowed:
            self.refused(act)
            return
        assert act().status.value == status
        known.status = status
        if event:
            known.events.append(event)

    def refused(self, act):
        with pytest.raises(InvalidTransitionError):
            act()

    # What must be so after each step.

    @invariant()
    def store_and_model_know_the_same_visits(self):
        if not hasattr(self, "clinic"):
            return
        page = booking.page(
            AppointmentFilter(), PageRequest(limit=500), self.clinic.uow
        )
        assert {visit.id: self.seen(visit) for visit in page.items} == {
            key: (
                *(v.doctor, v.patient, v.start, v.minutes),
                *(v.status, v.arrived, v.accepted, bool(v.held)),
            )
            for key, v in self.model.items()
        }
        starts = [visit.sort_key for visit in page.items]
        assert starts == sorted(starts)

    def seen(self, visit):
        return (
            self.doctors.index(visit.doctor_id),
            self.patients.index(visit.patient_id),
            self.minute(visit.starts_at),
            self.minute(visit.ends_at) - self.minute(visit.starts_at),
            visit.status.value,
            visit.arrived,
            visit.override.conflicts if visit.override else (),
            visit.holds_its_time,
        )

    @invariant()
    def nobody_holds_a_minute_twice(self):
        for people in ("doctor", "patient"):
            held: dict[int, set[int]] = {}
            for visit in getattr(self, "model", {}).values():
                mine = held.setdefault(getattr(visit, people), set())
                assert not mine & visit.held
                mine |= visit.held

    @invariant()
    def every_change_is_in_the_trail(self):
        for key, known in getattr(self, "model", {}).items():
            events = booking.history(key, self.clinic.uow)
            told = [event.kind.removeprefix("appointment.") for event in events]
            assert told == known.events

    def teardown(self):
        if hasattr(self, "clinic"):
            day = schedule.day(DAY, [], self.clinic.uow)
            shown = [v.appointment.id for d in day.doctors for v in d.visits]
            assert sorted(shown) == sorted(self.model)


def run(store, watch, **options):
    desk = type("Desk", (Desk,), {"store": store, "watch": watch})
    run_state_machine_as_test(
        desk,
        settings=settings(
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


def test_the_desk_does_what_the_model_does(store, watch):
    run(store, watch)


PLANTED = {
    "nobody is ever busy": (TimeSpan, "overlaps", lambda *_: False),
    "touching visits collide": (
        TimeSpan,
        "overlaps",
        lambda self, other: self.start <= other.end and other.start <= self.end,
    ),
    "overbooked visits hold their time": (
        Appointment,
        "holds_its_time",
        property(lambda self: self.status in HOLDING),
    ),
    "a no-show keeps its time": (
        Appointment,
        "holds_its_time",
        property(
            lambda self: not self.overbooked and self.status is not Status.CANCELLED
        ),
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_the_model_finds_a_fault_that_was_planted(memory, watch, monkeypatch, fault):
    monkeypatch.setattr(*PLANTED[fault])

    # What is raised depends on the step at which they part.
    with pytest.raises((Exception, pytest.fail.Exception)):
        run(memory, watch, max_examples=200, phases=[Phase.generate], database=None)
