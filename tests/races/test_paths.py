"""T3: every way in which a visit can take time, against a time that is taken."""

from __future__ import annotations

from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import (
    CancelAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.entities.appointment import (
    HOLDING,
    CancellationType,
    Status,
    fields_of,
)
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.errors import BookingConflictError, ContentionError
from tests.builders import DAY, clock, hours, open_clinic, overbooked, visit_at

pytestmark = pytest.mark.races

OTHER = CancelAppointment(cancellation_type=CancellationType.OTHER)
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


def booked(clinic, times, who):
    return booking.book(clinic.request(times, **who), clinic.uow)


def booked_outside_hours(clinic, times, who):
    with clinic.uow as uow:
        uow.doctors.set_hours(who["doctor_id"], hours("20:00-21:00"))
        uow.commit()
    urgent = OverrideRequest(reason="pain")
    verdict = booking.check(clinic.request(times, **who), clinic.uow)
    kinds = {conflict.kind.value for conflict in verdict.conflicts}
    if kinds != {"outside-hours"}:
        # An override would accept the other visit too: it must not hold then.
        visit = booking.book(clinic.request(times, override=urgent, **who), clinic.uow)
        assert not visit.holds_its_time
        raise BookingConflictError(verdict.conflicts)
    return booking.book(clinic.request(times, override=urgent, **who), clinic.uow)


def moved(clinic, times, who):
    visit = booked(clinic, "14:00-14:30", who)
    start, _ = times.split("-")
    request = RescheduleAppointment(
        date=DAY, start_time=clock(start), duration=minutes(times)
    )
    return booking.reschedule(visit.id, request, clinic.uow)


def moved_to_the_doctor(clinic, times, who):
    visit = booked(clinic, times, who | {"doctor_id": clinic.add_doctor().id})
    start, _ = times.split("-")
    request = RescheduleAppointment(
        date=DAY, start_time=clock(start), doctor_id=who["doctor_id"]
    )
    return booking.reschedule(visit.id, request, clinic.uow)


def reinstated(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.CANCELLED, **who)
    return booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)


def reinstated_after_a_no_show(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.NO_SHOW, **who)
    return booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)


def stored_past_the_rules(clinic, times, who):
    return clinic.store_visit(times, **who)


def changed_past_the_rules(clinic, times, who):
    visit = clinic.store_visit("14:00-14:30", **who)
    squeezed = evolve(visit, **fields_of(visit_at(times)), version=2)
    with clinic.uow as uow:
        uow.appointments.save(squeezed)
        uow.commit()
    return squeezed


def taken_back_past_the_rules(clinic, times, who):
    visit = clinic.store_visit(times, status=Status.CANCELLED, **who)
    again = evolve(visit, status=Status.CONFIRMED, version=2)
    with clinic.uow as uow:
        uow.appointments.save(again)
        uow.commit()
    return again


def no_longer_shared_past_the_rules(clinic, times, who):
    visit = clinic.store_visit(times, override=overbooked(), **who)
    alone = evolve(visit, override=None, version=2)
    with clinic.uow as uow:
        uow.appointments.save(alone)
        uow.commit()
    return alone


WAYS = [
    booked,
    booked_outside_hours,
    moved,
    moved_to_the_doctor,
    reinstated,
    reinstated_after_a_no_show,
    stored_past_the_rules,
    changed_past_the_rules,
    taken_back_past_the_rules,
    no_longer_shared_past_the_rules,
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
            assert way(clinic, times, wanted).holds_its_time, kind
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


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "overbooked"])
@pytest.mark.parametrize("status", Status, ids=lambda status: status.value)
def test_rules_and_store_agree_on_who_holds_time(clinic, status, shared):
    override = overbooked() if shared else None
    clinic.store_visit(TAKEN, status=status, override=override)
    holds = status in HOLDING and not shared
    newcomer = clinic.visit("09:30-10:30", id=AppointmentId(uuid4()))

    verdict = booking.check(clinic.request("09:30-10:30"), clinic.uow)

    assert bool(verdict.conflicts) is holds
    with clinic.uow as uow:
        if holds:
            with pytest.raises(ContentionError):  # noqa: PT012  It may wait for the commit.
                uow.appointments.add(newcomer)
                uow.commit()
        else:
            uow.appointments.add(newcomer)
            uow.commit()


def test_without_the_stores_own_refusal_the_ways_past_the_rules_are_open(
    clinic, drop_backstop
):
    drop_backstop()
    clinic.store_visit(TAKEN)
    who = {"doctor_id": clinic.doctor.id, "patient_id": clinic.patient.id}

    assert stored_past_the_rules(clinic, "09:15-09:30", who).holds_its_time
    assert changed_past_the_rules(clinic, "09:15-09:30", who).holds_its_time
