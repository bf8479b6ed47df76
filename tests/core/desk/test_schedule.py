from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import booking, schedule
from clinicflow_core.desk.booking import CancelAppointment
from clinicflow_core.entities.appointment import CancellationType
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
)
from tests.builders import DAY, hours, open_clinic


def working(doctor_day):
    return [f"{s.start_time:%H:%M}-{s.end_time:%H:%M}" for s in doctor_day.working]


def test_a_day_shows_every_doctor_with_hours_and_visits(clinic):
    omar = clinic.add_doctor(
        "Dr. Omar Haddad", [*hours("13:00-17:00"), *hours("09:00-12:00")]
    )
    late = clinic.store_visit("11:00-11:30")
    early = clinic.store_visit("09:00-09:30", patient_id=clinic.patients[1].id)
    clinic.store_visit(on=DAY + timedelta(days=1))

    day = schedule.day(DAY, [], clinic.uow)

    assert (day.date, day.timezone) == (DAY, "America/New_York")
    haddad, chen = day.doctors
    assert (haddad.doctor, chen.doctor) == (omar, clinic.doctor)
    assert working(haddad) == ["09:00-12:00", "13:00-17:00"]
    assert haddad.visits == ()
    assert [visit.appointment for visit in chen.visits] == [early, late]
    assert [visit.patient_name for visit in chen.visits] == ["Pat Nr002", "Pat Nr001"]


def test_a_working_span_tells_wall_clock_and_instants(clinic):
    [chen] = schedule.day(DAY, [], clinic.uow).doctors

    assert chen.working == (
        schedule.WorkingSpan(
            start_time=time(9),
            end_time=time(17),
            starts_at=datetime(2026, 3, 2, 14, tzinfo=UTC),
            ends_at=datetime(2026, 3, 2, 22, tzinfo=UTC),
        ),
    )


def test_cancelled_and_missed_visits_are_shown(clinic):
    first, second = clinic.store_visit(), clinic.store_visit("10:00-10:30")
    booking.cancel(
        first.id,
        CancelAppointment(cancellation_type=CancellationType.OTHER),
        clinic.uow,
    )
    booking.no_show(second.id, clinic.uow)

    [chen] = schedule.day(DAY, [], clinic.uow).doctors

    assert [visit.appointment.status.value for visit in chen.visits] == [
        "cancelled",
        "no-show",
    ]


def test_only_the_doctors_asked_for_are_shown_in_their_order(clinic):
    omar, ida = clinic.add_doctor("Dr. Omar Haddad"), clinic.add_doctor("Dr. Ida Bo")
    clinic.store_visit()

    day = schedule.day(DAY, [omar.id, ida.id], clinic.uow)

    assert [shown.doctor for shown in day.doctors] == [omar, ida]
    assert all(shown.visits == () for shown in day.doctors)


def test_a_doctor_who_is_not_there_is_told(clinic):
    other = open_clinic(clinic.store, name="Other")

    for key in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            schedule.day(DAY, [clinic.doctor.id, key], clinic.uow)


@pytest.mark.parametrize(
    ("now", "today"),
    [
        (datetime(2026, 3, 2, 4, 59, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 3, 2, 5, 0, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
def test_today_is_the_clinics_today(clinic, watch, now, today):
    watch.at = now

    assert schedule.day(None, [], clinic.uow).date == today


@pytest.mark.parametrize("year", [1, 1899, 2200, 9999])
def test_a_day_on_which_no_visit_can_be_is_not_shown(memory, year):
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError) as refusal:
        schedule.day(date(year, 1, 1), [], clinic.uow)

    assert [problem.pointer for problem in refusal.value.problems] == ["/date"]


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2199, 12, 31)])
def test_the_first_and_last_days_are_shown_as_any_other(memory, day):
    clinic = open_clinic(memory, week=hours("09:00-17:00"))

    [chen] = schedule.day(day, [], clinic.uow).doctors

    assert working(chen) == ["09:00-17:00"]


def test_a_night_is_shown_whole_on_both_its_days(store):
    week = hours("22:00-06:00", Weekday.MONDAY)
    clinic = open_clinic(store, week=week)
    visit = clinic.store_visit("23:30-00:30")

    [monday] = schedule.day(DAY, [], clinic.uow).doctors
    [tuesday] = schedule.day(DAY + timedelta(days=1), [], clinic.uow).doctors

    assert working(monday) == working(tuesday) == ["22:00-06:00"]
    assert [shown.appointment for shown in monday.visits] == [visit]
    assert tuesday.visits == ()


def test_the_day_of_a_clock_change_is_as_long_as_it_is(store):
    clinic = open_clinic(store)

    [chen] = schedule.day(date(2026, 3, 8), [], clinic.uow).doctors

    [span] = chen.working
    assert (span.start_time, span.end_time) == (time(), time())
    assert span.ends_at - span.starts_at == timedelta(hours=23)


def test_who_may_see_no_diary_sees_none(memory):
    clinic = open_clinic(memory)
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )

    with pytest.raises(NotPermittedError, match="see their own diary"):
        schedule.day(DAY, [], nobody)


def test_a_doctor_sees_their_own_day_alone(clinic):
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    mine = clinic.store_visit("09:00-09:30")
    clinic.store_visit("10:00-10:30", doctor_id=colleague.id)
    uow = clinic.by(Role.DOCTOR)

    [shown] = schedule.day(DAY, [], uow).doctors

    assert shown.doctor == clinic.doctor
    assert [visit.appointment for visit in shown.visits] == [mine]
    with pytest.raises(NotPermittedError, match="see every diary"):
        schedule.day(DAY, [colleague.id], uow)
