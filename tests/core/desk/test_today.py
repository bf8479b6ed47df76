from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clinicflow_core.desk import schedule
from clinicflow_core.desk.today import MOST_NEXT, TodaysVisit, tell_today
from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError
from tests.builders import DAY, digest, open_clinic, said
from tests.core.desk.acts import at, utc, without_a_diary

DAYS = timedelta(days=1)
TEN = at("2026-03-02 10:00")


def test_a_day_without_visits_is_told_all_the_same(clinic, watch):
    watch.at = TEN

    found = tell_today(clinic.uow)

    assert (found.date, found.now) == (DAY, TEN)
    assert found.figures.visits.booked == 0
    [doctor] = found.doctors
    assert (doctor.name, doctor.next_at) == (clinic.doctor.name, None)
    assert doctor.figures.utilisation.offered_minutes == 8 * 60
    for shown in (found.waiting, found.next, found.open, found.to_sign):
        assert shown == ()


def test_today_is_the_clinics_day(clinic, watch):
    watch.at = utc("2026-03-03 04:59")
    assert tell_today(clinic.uow).date == DAY

    watch.at = utc("2026-03-03 05:00")
    assert tell_today(clinic.uow).date == DAY + DAYS


def ids(visits: tuple[TodaysVisit, ...]) -> list[Any]:
    return [visit.id for visit in visits]


def test_whoever_came_waits_until_the_visit_is_completed(clinic, watch):
    watch.at = TEN
    came = {"arrived": True, "arrived_at": at("2026-03-02 09:40")}
    second = clinic.store_visit("10:15-10:30", **came)
    first = clinic.store_visit(
        "11:00-11:30", arrived=True, arrived_at=at("2026-03-02 09:29")
    )
    clinic.store_visit("09:00-09:30", status=Status.COMPLETED, **came)
    clinic.store_visit("09:30-10:00", status=Status.CANCELLED, **came)

    found = tell_today(clinic.uow)

    assert ids(found.waiting) == [first.id, second.id]
    assert [visit.waited_minutes for visit in found.waiting] == [31, 20]
    assert found.waiting[0].patient_name == clinic.patient.full_name
    assert found.waiting[0].doctor_name == clinic.doctor.name
    assert found.doctors[0].waiting == 2
    assert (found.next, found.to_come_count) == ((), 0)


def test_next_is_who_is_not_there_yet_the_late_ones_first(clinic, watch):
    watch.at = TEN
    other = clinic.add_doctor()
    clinic.store_visit("09:00-10:00")
    to_come = clinic.store_visit("11:00-11:30", status=Status.UNCONFIRMED)
    late = clinic.store_visit(
        "09:45-10:15", doctor_id=other.id, patient_id=clinic.patients[1].id
    )
    clinic.store_visit("12:00-12:30", status=Status.CANCELLED)
    clinic.store_visit("09:00-09:30", on=DAY + DAYS)

    found = tell_today(clinic.uow)

    assert ids(found.next) == [late.id, to_come.id]
    assert found.to_come_count == 2
    assert [visit.waited_minutes for visit in found.next] == [None, None]
    assert {d.doctor_id: (d.to_come, d.next_at) for d in found.doctors} == {
        clinic.doctor.id: (1, to_come.starts_at),
        other.id: (1, late.starts_at),
    }


def test_of_a_long_day_the_next_ones_are_shown_and_all_are_counted(clinic, watch):
    watch.at = TEN
    for minute in range(0, 60, 5):
        clinic.store_visit(f"11:{minute:02}-11:{minute + 3:02}")

    found = tell_today(clinic.uow)

    assert len(found.next) == MOST_NEXT
    assert found.to_come_count == 12


def test_a_visit_that_began_yesterday_and_goes_on_is_there(memory, watch):
    clinic = open_clinic(memory)
    watch.at = at("2026-03-03 00:10")
    going_on = clinic.store_visit("23:30-00:30")
    clinic.store_visit("22:00-23:00")

    found = tell_today(clinic.uow)

    assert ids(found.next) == [going_on.id]
    assert found.figures.visits.booked == 0


def test_forms_that_are_not_completed_are_named_before_the_visit_is_over(clinic, watch):
    watch.at = TEN
    sent = clinic.store_visit("10:30-10:45", intake_status=IntakeStatus.SENT)
    missing = clinic.store_visit("11:00-11:30")
    clinic.store_visit("12:00-12:30", intake_status=IntakeStatus.COMPLETED)
    clinic.store_visit("09:00-09:30")
    clinic.store_visit("13:00-13:30", status=Status.CANCELLED)

    assert ids(tell_today(clinic.uow).intake_missing) == [sent.id, missing.id]


def test_summaries_to_sign_are_todays_and_those_of_a_year_are_counted(clinic, watch):
    watch.at = TEN
    visits = [clinic.store_visit(on=DAY + n * DAYS) for n in (-400, -1, 0, 1)]
    for visit in visits:
        form = clinic.store_form(appointment_id=visit.id)
        clinic.store_summary(form, status=SummaryStatus.GENERATED)

    found = tell_today(clinic.uow)

    assert ids(found.to_sign) == [visits[2].id]
    assert found.to_sign_count == 3


def test_visits_to_come_tell_of_a_red_flag(clinic, watch):
    watch.at = TEN
    flag = digest(red_flags=(said("Chest pain"),))
    for status in (Status.CONFIRMED, Status.COMPLETED):
        visit = clinic.store_visit(
            "11:00-11:30" if status is Status.CONFIRMED else "09:00-09:30",
            status=status,
        )
        form = clinic.store_form(appointment_id=visit.id)
        clinic.store_summary(form, status=SummaryStatus.GENERATED, digest=flag)
    clinic.store_visit("12:00-12:30")

    found = tell_today(clinic.uow)

    assert [visit.flagged for visit in found.to_sign] == [False, True]
    assert [visit.flagged for visit in found.next] == [True, False]
    [chen] = schedule.day(DAY, [], clinic.uow).doctors
    assert [visit.flagged for visit in chen.visits] == [False, True, False]
    details = schedule.visit(found.next[0].id, clinic.uow)
    assert details.form is not None
    assert details.form.flagged


def test_visits_that_are_over_stay_open_until_they_are_settled(clinic, watch):
    watch.at = TEN
    yesterday = clinic.store_visit(on=DAY - DAYS)
    today = clinic.store_visit("09:00-09:30")
    clinic.store_visit("09:45-10:15")

    found = tell_today(clinic.uow)

    assert ids(found.open) == [today.id, yesterday.id]
    assert found.open_count == 2
    assert found.open[1].date == DAY - DAYS


def test_a_doctor_is_told_of_their_own_day(clinic, watch):
    watch.at = TEN
    other = clinic.add_doctor()
    for on in (DAY - DAYS, DAY):
        clinic.store_visit(
            "11:00-11:30",
            on,
            doctor_id=other.id,
            patient_id=clinic.patients[1].id,
        )
    own = clinic.store_visit("12:00-12:30")

    found = tell_today(clinic.by(Role.DOCTOR))

    assert ids(found.next) == [own.id]
    assert [doctor.doctor_id for doctor in found.doctors] == [clinic.doctor.id]
    assert found.open_count == 0


def test_whoever_sees_no_diary_is_told_of_no_day(clinic):
    with pytest.raises(NotPermittedError):
        tell_today(without_a_diary(clinic))
