from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from attrs import evolve

from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.policy import NO_POLICY, DoctorPolicy, SchedulingPolicy
from clinicflow_core.scheduling.diary import BusyTime, busy_time_of, days_of
from clinicflow_core.timespan import local_day
from tests.builders import DAY, ZONE, appointment, doctor, hours, overbooked, span
from tests.core.scheduling.diaries import (
    DOCTOR,
    PATIENT,
    diary,
    of_doctor,
    of_patient,
    on_day,
    time_off,
    visit,
)

TUESDAY = DAY + timedelta(days=1)


def test_a_visit_takes_its_doctors_and_its_patients_time():
    mine = visit("09:00-09:30")

    taken = busy_time_of(mine)

    assert taken == BusyTime(mine.id, DOCTOR.id, PATIENT.id, span("09:00-09:30"))


@pytest.mark.parametrize(
    ("changes", "doctors", "patients"),
    [
        pytest.param({}, True, True, id="to come"),
        pytest.param({"status": Status.COMPLETED}, True, True, id="completed"),
        pytest.param({"status": Status.CANCELLED}, False, False, id="cancelled"),
        pytest.param({"status": Status.NO_SHOW}, False, False, id="missed"),
        pytest.param({"override": overbooked()}, False, True, id="beside another one"),
    ],
)
def test_a_visit_takes_the_time_that_it_holds(changes, doctors, patients):
    taken = busy_time_of(evolve(visit(), **changes))

    assert (taken.doctor_id, taken.patient_id) == (
        DOCTOR.id if doctors else None,
        PATIENT.id if patients else None,
    )


def test_a_diary_without_a_visit_has_all_others():
    mine, other = visit("09:00-09:30"), visit("10:00-10:30")
    here = diary(mine, other)

    assert here.without(mine.id).busy == (busy_time_of(other),)
    assert here.without(appointment().id) is here


def test_a_diary_within_a_window_has_the_visits_that_overlap_it():
    visits = [visit("08:00-09:00"), visit("08:30-09:01"), visit("10:00-10:30")]

    near = diary(*visits).within(span("09:00-10:00"))

    assert near.busy == (busy_time_of(visits[1]),)


def test_visits_that_are_added_stand_in_order():
    visits = [visit("08:00-09:00"), visit("10:00-10:30"), visit("09:00-09:30")]

    more = diary(visits[1]).with_visits([visits[2], visits[0]])

    expected = [span("08:00-09:00"), span("09:00-09:30"), span("10:00-10:30")]
    assert [taken.span for taken in more.busy] == expected
    assert more.visits_of_doctor(DOCTOR.id) == expected


def test_doctors_and_patients_have_the_visits_that_take_their_time():
    shared = BusyTime(appointment().id, None, PATIENT.id, span("13:00-13:30"))
    mine, theirs = visit("09:00-09:30"), of_doctor("10:00-10:30")
    here = diary(shared, mine, theirs, of_patient("11:00-11:30"), appointment())

    assert here.visits_of_doctor(DOCTOR.id) == [mine.span, theirs.span]
    assert here.visits_of_patient(PATIENT.id) == [
        shared.span,
        mine.span,
        span("11:00-11:30"),
    ]
    assert here.visits_of_doctor(doctor().id) == []


@pytest.mark.parametrize(
    ("now", "today"),
    [
        pytest.param("2026-03-02T04:59:59", date(2026, 3, 1), id="before midnight"),
        pytest.param("2026-03-02T05:00:00", DAY, id="at midnight"),
    ],
)
def test_today_is_the_clinics_day(now, today):
    assert diary(now=datetime.fromisoformat(now).replace(tzinfo=UTC)).today == today


def test_a_doctors_policy_is_the_clinics_with_what_they_ask_for():
    clinics = SchedulingPolicy(slot_step=20, min_notice=60)

    here = diary(policy=clinics, own=DoctorPolicy(min_notice=5))

    assert here.policy_of(DOCTOR.id) == evolve(clinics, min_notice=5)
    assert here.policy_of(doctor().id) == clinics
    assert diary().policy_of(DOCTOR.id) is NO_POLICY


def test_a_diary_knows_when_its_doctor_works():
    week = hours("09:00-17:00")
    off = time_off("2026-03-02T10:00", "2026-03-02T11:00")
    here = diary(
        week=week,
        dated=[on_day(TUESDAY, "10:00-12:00")],
        off=[off, time_off("2026-03-08T02:10", "2026-03-08T02:50")],
        policy=SchedulingPolicy(closed_days=(TUESDAY,)),
    )

    assert here.working_spans(DOCTOR.id, DAY, TUESDAY) == [
        span("09:00-17:00"),
        span("10:00-12:00", on=TUESDAY),
    ]
    assert here.time_off_spans(DOCTOR.id) == [span("10:00-11:00")]
    assert here.closed_spans(DOCTOR.id, DAY, TUESDAY) == [local_day(TUESDAY, ZONE)]


def test_a_doctor_whose_calendar_was_not_asked_for_never_works():
    somebody = doctor().id

    assert diary().calendar_of(somebody) == Calendar()
    assert diary().working_spans(somebody, DAY, TUESDAY) == []


@pytest.mark.parametrize(
    ("times", "last"),
    [
        pytest.param("22:00-23:59", DAY, id="one day"),
        pytest.param("22:00-00:00", DAY, id="to midnight"),
        pytest.param("22:00-00:01", TUESDAY, id="past midnight"),
    ],
)
def test_a_span_lies_in_the_days_that_it_touches(times, last):
    assert days_of(span(times), ZONE) == (DAY, last)
