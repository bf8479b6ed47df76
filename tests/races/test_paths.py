"""T3: every way in which somebody's time can be taken, against time that is taken."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import (
    booking,
    calendars,
    policies,
    retiming,
    series,
    waitlist,
)
from clinicflow_core.desk.booking import (
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.desk.calendars import TakeTimeOff
from clinicflow_core.desk.series import BookSeries, ChangeSeries
from clinicflow_core.entities.appointment import (
    HOLDING,
    CancellationType,
    Status,
    fields_of,
)
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.entities.waitlist import Outcome
from clinicflow_core.errors import (
    BookingConflictError,
    ContentionError,
    SeriesConflictError,
)
from tests.builders import (
    DAY,
    clock,
    hours,
    local,
    open_clinic,
    overbooked,
    visit_at,
)

pytestmark = pytest.mark.races

OTHER = CancelAppointment(cancellation_type=CancellationType.OTHER)
URGENT = OverrideRequest(reason="pain")
TAKEN = "09:00-10:00"
TIMES = {
    "the same": ("09:00-10:00", False),
    "inside": ("09:15-09:30", False),
    "around": ("08:00-11:00", False),
    "one minute into its start": ("08:30-09:01", False),
    "one minute into its end": ("09:59-10:30", False),
    "touching its start": ("08:30-09:00", True),
    "touching its end": ("10:00-10:30", True),
}


def minutes(times):
    return visit_at(times).duration


def against(clinic, times, who):
    """Return all that stands against a booking."""
    return booking.check(clinic.request(times, **who), clinic.uow).conflicts


def booked(clinic, times, who):
    booking.book(clinic.request(times, **who), clinic.uow)


def booked_outside_hours(clinic, times, who):
    with clinic.uow as uow:
        uow.doctors.set_hours(who["doctor_id"], hours("20:00-21:00"))
        uow.commit()
    conflicts = against(clinic, times, who)
    request = clinic.request(times, override=URGENT, **who)
    visit = booking.book(request, clinic.uow)
    if not visit.holds_its_time:
        # The override accepts the other visit too, and gives its time up for that.
        raise BookingConflictError(conflicts)


def moved(clinic, times, who):
    visit = booking.book(clinic.request("14:00-14:30", **who), clinic.uow)
    start, _ = times.split("-")
    request = RescheduleAppointment(
        date=DAY, start_time=clock(start), duration=minutes(times)
    )
    booking.reschedule(visit.id, request, clinic.uow)


def moved_to_the_doctor(clinic, times, who):
    request = clinic.request(times, **who | {"doctor_id": clinic.add_doctor().id})
    visit = booking.book(request, clinic.uow)
    start, _ = times.split("-")
    request = RescheduleAppointment(
        date=DAY, start_time=clock(start), doctor_id=who["doctor_id"]
    )
    booking.reschedule(visit.id, request, clinic.uow)


def reinstated(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.CANCELLED, **who)
    booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)


def reinstated_after_a_no_show(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.NO_SHOW, **who)
    booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)


def booked_in_a_series(clinic, times, who):
    start, _ = times.split("-")
    request = BookSeries(
        date=DAY - timedelta(days=1),
        start_time=clock(start),
        duration=minutes(times),
        rrule="FREQ=DAILY;COUNT=3",
        **who,
    )
    try:
        series.book(request, clinic.uow)
    except SeriesConflictError as refusal:
        [occurrence] = refusal.occurrences
        raise BookingConflictError(occurrence.conflicts) from None


def changed_in_a_series(clinic, times, who):
    request = BookSeries(
        date=DAY,
        start_time=clock("14:00"),
        duration=30,
        rrule="FREQ=DAILY;COUNT=2",
        **who,
    )
    kept = series.book(request, clinic.uow)
    start, _ = times.split("-")
    request = ChangeSeries(start_time=clock(start), duration=minutes(times))
    try:
        series.change(kept.id, request, clinic.uow)
    except SeriesConflictError as refusal:
        [occurrence] = refusal.occurrences
        raise BookingConflictError(occurrence.conflicts) from None


def offered_to_the_waitlist(clinic, times, who):
    start, end = times.split("-")
    by_the_minute = SchedulingPolicy(slot_step=1)
    policies.set_policy(by_the_minute, clinic.uow)
    away = TakeTimeOff(starts=local(f"{DAY} {start}"), ends=local(f"{DAY} {end}"))
    off = calendars.take_time_off(who["doctor_id"], away, clinic.uow)
    entry = clinic.store_entry(
        duration=minutes(times),
        first_date=DAY,
        last_date=DAY,
        earliest=clock(start),
        latest=clock(end),
        **who,
    )
    calendars.give_time_off_back(who["doctor_id"], off.id, clinic.uow)
    if waitlist.get(entry.id, clinic.uow).offer is None:
        raise BookingConflictError(against(clinic, times, who))


def retimed(clinic, times, who):
    """The clocks' rules say when the promised time is: not at once, at first."""
    meant = visit_at(times)
    hours_later = timedelta(hours=8)
    wrong = evolve(
        clinic.visit(times, **who),
        starts_at=meant.span.start + hours_later,
        ends_at=meant.span.end + hours_later,
    )
    clinic.commit(lambda uow: uow.appointments.add(wrong))
    [step] = retiming.retime(clinic.uow, apply=True).visits
    assert booking.get(wrong.id, clinic.uow).span == meant.span
    if step.conflicts:
        # It stays promised, and gives up the time of whoever is busy.
        raise BookingConflictError(step.conflicts)


def accepted(clinic, times, who):
    entry = clinic.store_entry(**who)
    clinic.store_offer(times, entry, doctor_id=who["doctor_id"])
    waitlist.accept(entry.id, clinic.uow)


def stored_past_the_rules(clinic, times, who):
    clinic.store_visit(times, **who)


def changed_past_the_rules(clinic, times, who):
    visit = clinic.store_visit("14:00-14:30", **who)
    squeezed = evolve(visit, **fields_of(visit_at(times)), version=2)
    clinic.commit(lambda uow: uow.appointments.save(squeezed))


def taken_back_past_the_rules(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.CANCELLED, **who)
    again = evolve(visit, status=Status.CONFIRMED, version=2)
    clinic.commit(lambda uow: uow.appointments.save(again))


def no_longer_shared_past_the_rules(clinic, times, who):
    sharing = overbooked(who="doctor patient")
    visit = clinic.store_visit(times, override=sharing, **who)
    alone = evolve(visit, override=None, version=2)
    clinic.commit(lambda uow: uow.appointments.save(alone))


def offered_past_the_rules(clinic, times, who):
    entry = clinic.store_entry(**who)
    clinic.store_offer(times, entry, doctor_id=who["doctor_id"])


def accepted_past_the_rules(clinic, times, who):
    entry = clinic.store_entry(**who)
    made = clinic.store_offer("14:00-14:30", entry, doctor_id=who["doctor_id"])
    visit = clinic.visit(times, id=made.id, **who)
    clinic.commit(
        lambda uow: uow.waitlist.accept_offer(made.ended(Outcome.ACCEPTED), visit)
    )


WAYS = [
    booked,
    booked_outside_hours,
    moved,
    moved_to_the_doctor,
    reinstated,
    reinstated_after_a_no_show,
    booked_in_a_series,
    changed_in_a_series,
    offered_to_the_waitlist,
    retimed,
    stored_past_the_rules,
    changed_past_the_rules,
    taken_back_past_the_rules,
    no_longer_shared_past_the_rules,
    offered_past_the_rules,
    accepted_past_the_rules,
]


@pytest.fixture
def clinic(store):
    return open_clinic(store, patients=60)


@pytest.mark.parametrize(
    ("way", "person"),
    [
        pytest.param(way, person, id=f"{way.__name__.replace('_', ' ')}, {person}")
        for way in WAYS
        for person in ("doctor", "patient")
        # To another doctor a patient takes the time along.
        if (way, person) != (moved_to_the_doctor, "patient")
    ],
)
def test_no_way_leads_into_time_that_is_taken(clinic, way, person):
    # Each kind of overlap with a doctor, or a patient, of its own.
    for number, (kind, (times, free)) in enumerate(TIMES.items()):
        doctor, somebody = clinic.add_doctor(), clinic.add_doctor()
        patient, other = clinic.patients[2 * number : 2 * number + 2]
        if person == "doctor":
            taker = {"doctor_id": doctor.id, "patient_id": other.id}
        else:
            taker = {"doctor_id": somebody.id, "patient_id": patient.id}
        clinic.store_visit(TAKEN, **taker)
        wanted = {"doctor_id": doctor.id, "patient_id": patient.id}

        if free:
            way(clinic, times, wanted)
            held = {conflict.kind.value for conflict in against(clinic, times, wanted)}
            assert {"doctor-busy", "patient-busy"} <= held, kind
        else:
            with pytest.raises((BookingConflictError, ContentionError)) as refusal:
                way(clinic, times, wanted)
            error = refusal.value
            past_the_rules = isinstance(error, ContentionError)
            assert past_the_rules is ("past_the_rules" in way.__name__), kind
            told = (error.refusal if past_the_rules else error).conflicts
            if not past_the_rules:  # The store need not know who is in the way.
                assert f"{person}-busy" in {c.kind.value for c in told}, kind
            assert told, kind


def test_what_is_accepted_has_held_its_time_since_it_was_offered(clinic):
    for times in ("09:15-09:30", "08:30-09:01"):
        who = {"doctor_id": clinic.add_doctor().id, "patient_id": clinic.patient.id}
        accepted(clinic, times, who)

        with pytest.raises(BookingConflictError):
            booked(clinic, TAKEN, who)


@pytest.mark.parametrize("shared", ["", "doctor", "patient", "doctor patient"])
@pytest.mark.parametrize("status", Status, ids=lambda status: status.value)
def test_rules_and_store_agree_on_who_holds_time(clinic, status, shared):
    override = overbooked(who=shared) if shared else None
    clinic.store_visit(TAKEN, status=status, override=override)
    newcomers = {
        "doctor": {"patient_id": clinic.patients[1].id},
        "patient": {"doctor_id": clinic.add_doctor().id},
    }

    for person, who in newcomers.items():
        holds = status in HOLDING and person not in shared
        newcomer = clinic.visit("09:30-10:30", id=AppointmentId(uuid4()), **who)
        told = {conflict.kind.value for conflict in against(clinic, "09:30-10:30", who)}
        assert told == ({f"{person}-busy"} if holds else set())
        if holds:
            with pytest.raises(ContentionError):
                store_as_it_is(clinic, newcomer)
        else:
            store_as_it_is(clinic, newcomer)


def store_as_it_is(clinic, visit):
    clinic.commit(lambda uow: uow.appointments.add(visit))


def test_without_the_stores_own_refusal_the_ways_past_the_rules_are_open(
    clinic, drop_backstop
):
    drop_backstop()
    clinic.store_visit(TAKEN)
    who = {"doctor_id": clinic.doctor.id, "patient_id": clinic.patient.id}
    ways = [way for way in WAYS if "past_the_rules" in way.__name__]

    for way in ways:
        way(clinic, "09:15-09:30", who)

    held = against(clinic, "09:15-09:30", who)
    assert len([c for c in held if c.kind.value == "doctor-busy"]) == 1 + len(ways)
