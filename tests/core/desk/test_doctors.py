from __future__ import annotations

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.desk import booking, doctors
from clinicflow_core.desk.doctors import AddDoctor, ChangeDoctor, SetHours, Stretch
from clinicflow_core.entities.doctor import Weekday, WorkingHours
from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    BookingConflictError,
    DoctorHasVisitsError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    Problem,
    UserNotFoundError,
)
from clinicflow_core.ports import PageRequest
from tests.builders import DAY, clock, doctor, hours, open_clinic, time_off

OMAR = AddDoctor(name="Dr. Omar Haddad", initials="OH", color="#4A90A4")


def week(*stretches):
    """Return the week "monday 09:00-12:00"."""
    made = []
    for stretch in stretches:
        day, times = stretch.split()
        start, end = map(clock, times.split("-"))
        made.append(Stretch(weekday=Weekday(day), start=start, end=end))
    return SetHours(hours=tuple(made))


def happened(record_id, clinic):
    with clinic.uow as uow:
        return [(event.kind, event.facts) for event in uow.events.of(record_id)]


def test_a_new_doctor_is_kept_and_has_no_hours(clinic):
    omar = doctors.add(OMAR, clinic.uow)

    assert omar == doctor("Dr. Omar Haddad", id=omar.id, initials="OH", color="#4A90A4")
    assert doctors.get(omar.id, clinic.uow) == omar
    assert doctors.hours(omar.id, clinic.uow).hours == ()
    assert happened(omar.id, clinic) == [("doctor.added", {})]


def test_a_doctor_may_have_an_account_of_the_clinic(clinic):
    mine = clinic.owner.id
    strangers = open_clinic(clinic.store, name="Other").owner.id

    omar = doctors.add(evolve(OMAR, user_id=mine), clinic.uow)

    assert omar.user_id == mine
    for nobody in (UserId(uuid4()), strangers):
        with pytest.raises(UserNotFoundError):
            doctors.add(evolve(OMAR, user_id=nobody), clinic.uow)
        with pytest.raises(UserNotFoundError):
            doctors.change(omar.id, ChangeDoctor(user_id=nobody), clinic.uow)
    assert doctors.get(omar.id, clinic.uow) == omar


def test_a_doctor_changes(clinic):
    changed = doctors.change(
        clinic.doctor.id,
        ChangeDoctor(name="Dr. Chen-Vale", user_id=clinic.owner.id),
        clinic.uow,
    )
    parted = doctors.change(clinic.doctor.id, ChangeDoctor(user_id=None), clinic.uow)

    assert changed == evolve(
        clinic.doctor, name="Dr. Chen-Vale", user_id=clinic.owner.id, version=2
    )
    assert parted == evolve(changed, user_id=None, version=3)
    assert doctors.get(clinic.doctor.id, clinic.uow) == parted
    assert happened(clinic.doctor.id, clinic) == [
        ("doctor.changed", {"fields": ["name", "user_id"]}),
        ("doctor.changed", {"fields": ["user_id"]}),
    ]


def test_doctors_are_listed_by_name(clinic):
    doctors.add(OMAR, clinic.uow)
    doctors.add(AddDoctor(name="Dr. Ana Zu"), clinic.uow)

    first = doctors.page(PageRequest(limit=2), clinic.uow)
    rest = doctors.page(PageRequest(after=first.next, limit=2), clinic.uow)

    assert [found.name for found in first.items + rest.items] == [
        "Dr. Ana Zu",
        "Dr. Omar Haddad",
        "Dr. Sarah Chen",
    ]
    assert rest.next is None


def test_doctors_are_listed_with_their_hours(clinic):
    omar = doctors.add(OMAR, clinic.uow)
    doctors.set_hours(omar.id, week("monday 09:00-12:00"), clinic.uow)

    first = doctors.page_with_hours(PageRequest(limit=1), clinic.uow)
    rest = doctors.page_with_hours(PageRequest(after=first.next), clinic.uow)

    [listed] = first.items
    assert listed.doctor == doctors.get(omar.id, clinic.uow)
    assert listed.hours == doctors.hours(omar.id, clinic.uow).hours
    assert [each.doctor for each in rest.items] == [clinic.doctor]


def test_hours_are_kept_in_order_and_replaced_whole(clinic):
    doctors.set_hours(clinic.doctor.id, week("sunday 09:00-12:00"), clinic.uow)

    kept = doctors.set_hours(
        clinic.doctor.id,
        week("tuesday 22:00-06:00", "monday 13:00-17:00", "monday 09:00-12:00"),
        clinic.uow,
    )

    assert kept.hours == (
        *hours("09:00-12:00", Weekday.MONDAY),
        *hours("13:00-17:00", Weekday.MONDAY),
        *hours("22:00-06:00", Weekday.TUESDAY),
    )
    assert doctors.hours(clinic.doctor.id, clinic.uow) == kept
    assert happened(clinic.doctor.id, clinic)[-1] == (
        "doctor.hours-set",
        {"stretches": 3},
    )


def test_hours_can_be_taken_away(clinic):
    assert doctors.set_hours(clinic.doctor.id, week(), clinic.uow).hours == ()

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(), clinic.uow)

    assert [c.kind.value for c in refusal.value.conflicts] == ["outside-hours"]
    assert refusal.value.alternatives == ()


def test_hours_that_overlap_are_refused_by_position(clinic):
    before = doctors.hours(clinic.doctor.id, clinic.uow)

    with pytest.raises(InvalidError) as refusal:
        doctors.set_hours(
            clinic.doctor.id,
            week("tuesday 09:00-10:00", "sunday 22:00-06:00", "monday 05:00-08:00"),
            clinic.uow,
        )

    assert refusal.value.problems == (
        Problem("/hours/2", "overlaps the stretch at position 1"),
    )
    assert doctors.hours(clinic.doctor.id, clinic.uow) == before


def test_a_week_has_at_most_50_stretches():
    stretch = Stretch(weekday=Weekday.MONDAY, start=time(9), end=time(10))

    with pytest.raises(ValueError, match="at most 50 items"):
        SetHours(hours=(stretch,) * 51)


def test_a_stretch_has_a_length():
    with pytest.raises(ValueError, match="end must differ from start"):
        Stretch(weekday=Weekday.MONDAY, start=time(9), end=time(9))


def test_visits_outside_new_hours_stay(clinic):
    visit = booking.book(clinic.request("16:00-16:30"), clinic.uow)

    doctors.set_hours(clinic.doctor.id, week("monday 09:00-12:00"), clinic.uow)

    assert booking.get(visit.id, clinic.uow) == visit


def test_a_doctor_without_visits_can_be_removed(clinic):
    omar = doctors.add(OMAR, clinic.uow)
    doctors.set_hours(omar.id, week("monday 09:00-12:00"), clinic.uow)

    doctors.remove(omar.id, clinic.uow)

    with pytest.raises(DoctorNotFoundError):
        doctors.get(omar.id, clinic.uow)
    assert happened(omar.id, clinic)[-1] == ("doctor.removed", {})


def test_a_removed_doctor_takes_nobody_elses_calendar_along(clinic):
    omar = clinic.add_doctor()
    for each in (clinic.doctor, omar):
        clinic.commit(
            lambda uow, of=each: uow.doctors.set_dated_hours(of.id, DAY, ()),
            lambda uow, of=each: uow.doctors.add_time_off(time_off(of.id)),
        )

    doctors.remove(omar.id, clinic.uow)

    with clinic.uow as uow:
        assert len(uow.doctors.dated_hours_of(clinic.doctor.id, DAY, DAY)) == 1
        assert len(uow.doctors.time_off_of(clinic.doctor.id, DAY)) == 1


def test_a_doctor_with_visits_stays_and_future_ones_are_named(clinic):
    past = [clinic.store_visit(on=date(2026, 2, n)) for n in range(1, 13)]

    with pytest.raises(DoctorHasVisitsError) as by_past:
        doctors.remove(clinic.doctor.id, clinic.uow)
    future = clinic.store_visit(on=DAY + timedelta(days=1))
    with pytest.raises(DoctorHasVisitsError) as by_future:
        doctors.remove(clinic.doctor.id, clinic.uow)

    assert by_past.value.appointment_ids == tuple(visit.id for visit in past[:10])
    assert by_future.value.appointment_ids == (future.id,)
    assert doctors.get(clinic.doctor.id, clinic.uow) == clinic.doctor


ACTS = {
    "get": doctors.get,
    "hours": doctors.hours,
    "remove": doctors.remove,
    "change": lambda key, uow: doctors.change(key, ChangeDoctor(name="X"), uow),
    "set_hours": lambda key, uow: doctors.set_hours(
        key, week("monday 09:00-12:00"), uow
    ),
    "add": lambda _, uow: doctors.add(OMAR, uow),
    "page": lambda _, uow: doctors.page(PageRequest(), uow),
    "page_with_hours": lambda _, uow: doctors.page_with_hours(PageRequest(), uow),
}
OF_ALL = ("add", "page", "page_with_hours")


@pytest.mark.parametrize("act", [act for act in ACTS if act not in OF_ALL])
def test_another_clinics_doctor_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other", week=hours("09:00-17:00"))

    for key in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            ACTS[act](key, clinic.uow)
    assert doctors.hours(other.doctor.id, other.uow).hours == hours("09:00-17:00")


@pytest.mark.parametrize("act", ACTS)
def test_a_doctor_looks_at_doctors_and_changes_none(memory, act):
    clinic = open_clinic(memory)
    uow = clinic.by(Role.DOCTOR)

    if act in ("get", "hours", "page", "page_with_hours"):
        ACTS[act](clinic.doctor.id, uow)
    else:
        with pytest.raises(NotPermittedError, match="add and change doctors"):
            ACTS[act](clinic.doctor.id, uow)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 256},
        {"initials": "x" * 11},
        {"specialty": "x" * 101},
        {"color": "blue"},
        {"color": "#4A90A"},
    ],
)
def test_details_must_make_sense(wrong):
    with pytest.raises(ValueError, match="must"):
        AddDoctor(**{"name": "Dr. Omar Haddad"} | wrong)
    with pytest.raises(ValueError, match="must"):
        ChangeDoctor(**wrong)


def test_hours_are_kept_to_the_minute(clinic):
    kept = doctors.set_hours(clinic.doctor.id, week("monday 09:05-12:55"), clinic.uow)

    assert kept.hours == (WorkingHours(Weekday.MONDAY, time(9, 5), time(12, 55)),)
