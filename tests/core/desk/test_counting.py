from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from clinicflow_core.desk import booking, counting
from clinicflow_core.desk.counting import FiguresRequest
from clinicflow_core.desk.today import tell_today
from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import HolidayRegion, SchedulingPolicy
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import DoctorNotFoundError, InvalidError, NotPermittedError
from clinicflow_core.figures.clinic import ClinicFigures
from clinicflow_core.figures.rates import Rate, Share
from tests.builders import (
    DAY,
    OpenClinic,
    day_hours,
    hours,
    open_clinic,
    overbooked,
    time_off,
)
from tests.core.desk.acts import ILL, at, visits_of, without_a_diary

DAYS = timedelta(days=1)
TEN = at("2026-03-02 10:00")


def figures(
    clinic: OpenClinic, first: date | None = DAY, last: date | None = DAY, **more: Any
) -> ClinicFigures:
    """Return the figures of some days, by default of `DAY`."""
    return counting.figures(FiguresRequest(from_=first, to=last, **more), clinic.uow)


def wrong(error: InvalidError) -> list[str]:
    return [problem.pointer for problem in error.problems]


# Which days, and whose


def test_without_days_the_last_four_weeks_are_counted(clinic, watch):
    watch.at = TEN

    found = figures(clinic, None, None)

    assert (found.from_, found.to) == (date(2026, 2, 3), DAY)
    assert (found.now, found.timezone) == (TEN, "America/New_York")
    assert len(found.by_day) == 28


def test_a_first_day_to_come_is_counted_alone(clinic):
    found = figures(clinic, DAY + 7 * DAYS, None)

    assert (found.from_, found.to) == (DAY + 7 * DAYS, DAY + 7 * DAYS)


def test_at_the_beginning_of_the_calendar_there_are_no_days_before(clinic):
    found = figures(clinic, None, date(1900, 1, 3))

    assert len(found.by_day) == 3


@pytest.mark.parametrize(
    ("first", "last"),
    [
        pytest.param(DAY, DAY - DAYS, id="the last before the first"),
        pytest.param(DAY, DAY + 366 * DAYS, id="more than a year"),
    ],
)
def test_days_that_nobody_can_count_are_refused(clinic, first, last):
    with pytest.raises(InvalidError) as refused:
        figures(clinic, first, last)

    assert wrong(refused.value) == ["/to"]


def test_a_whole_year_can_be_counted(clinic):
    assert len(figures(clinic, DAY, DAY + 365 * DAYS).by_day) == 366


def test_more_visits_than_can_be_counted_are_refused(clinic, monkeypatch):
    clinic.store_visit("09:00-09:30")
    clinic.store_visit("10:00-10:30")
    assert figures(clinic).total.visits.booked == 2
    monkeypatch.setattr(counting, "MOST_COUNTED", 1)

    with pytest.raises(InvalidError) as refused:
        figures(clinic)

    assert wrong(refused.value) == ["/to"]


def test_a_doctor_counts_their_own_visits_alone(clinic):
    other = clinic.add_doctor()
    clinic.store_visit()
    clinic.store_visit(doctor_id=other.id, patient_id=clinic.patients[1].id)
    by_doctor = clinic.by(Role.DOCTOR)

    found = counting.figures(FiguresRequest(from_=DAY, to=DAY), by_doctor)

    assert found.total.visits.booked == 1
    assert found.doctor_id == clinic.doctor.id
    assert [each.doctor_id for each in found.by_doctor] == [clinic.doctor.id]
    with pytest.raises(NotPermittedError):
        counting.figures(FiguresRequest(doctor_id=other.id), by_doctor)


def test_a_doctor_who_is_not_there_has_no_figures(clinic):
    with pytest.raises(DoctorNotFoundError):
        figures(clinic, doctor_id=DoctorId(uuid4()))


def test_whoever_sees_no_diary_counts_nothing(clinic):
    with pytest.raises(NotPermittedError):
        counting.figures(FiguresRequest(), without_a_diary(clinic))


@pytest.mark.parametrize(
    "act",
    [lambda uow: counting.figures(FiguresRequest(), uow), tell_today],
    ids=["figures", "today"],
)
def test_others_can_write_while_somebody_counts(clinic, monkeypatch, act):
    at_once = counting.clinic_figures

    def at_leisure(*counted: Any, **days: Any) -> ClinicFigures:
        booking.book(clinic.request(), clinic.by(Role.ADMIN))
        return at_once(*counted, **days)

    monkeypatch.setattr(counting, "clinic_figures", at_leisure)

    act(clinic.uow)

    assert len(visits_of(clinic)) == 1


# What was offered


def offered(found: ClinicFigures) -> int:
    return found.total.utilisation.offered_minutes


def test_working_hours_are_offered(clinic):
    assert offered(figures(clinic)) == 8 * 60


def test_the_hours_of_the_date_are_offered_instead(clinic):
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(
            clinic.doctor.id, DAY, day_hours("10:00-11:00", "14:00-15:30")
        )
    )

    assert offered(figures(clinic)) == 150


def test_time_off_is_not_offered_and_counts_once(clinic):
    for starts, ends in (("08:00", "10:00"), ("09:30", "11:00")):
        off = time_off(clinic.doctor.id, f"2026-03-02 {starts}", f"2026-03-02 {ends}")
        clinic.commit(lambda uow, off=off: uow.doctors.add_time_off(off))

    assert offered(figures(clinic)) == 6 * 60


def with_policy(clinic: OpenClinic, **policy: Any) -> None:
    changed: Clinic = clinic.clinic.changed(
        {"policy": SchedulingPolicy(**policy)}, clinic.clinic.updated_at
    )
    clinic.commit(lambda uow: uow.change_clinic(changed))


def test_a_closed_day_is_not_offered(clinic):
    with_policy(clinic, closed_days=(DAY,))

    assert offered(figures(clinic)) == 0


def test_a_public_holiday_is_offered_by_whoever_has_hours_for_it(clinic):
    new_year = date(2027, 1, 1)
    with_policy(clinic, public_holidays=HolidayRegion(country="US"))
    other = clinic.add_doctor()
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(
            other.id, new_year, day_hours("10:00-11:00")
        )
    )

    assert offered(figures(clinic, new_year, new_year)) == 60


def test_night_work_belongs_to_the_days_that_clocks_show(memory):
    clinic = open_clinic(memory, week=hours("22:00-06:00"))
    clinic.store_visit("23:30-00:30")

    first, second = figures(clinic, DAY, DAY + DAYS).by_day

    for each in (first, second):
        assert each.figures.utilisation.offered_minutes == 8 * 60
        assert each.figures.utilisation.booked_minutes == 30
    assert (first.figures.visits.booked, second.figures.visits.booked) == (1, 0)
    alone = figures(clinic, DAY + DAYS, DAY + DAYS)
    assert alone.total == second.figures


def test_all_standing_visits_take_time_and_two_at_once_take_it_once(clinic):
    clinic.store_visit("09:00-10:00")
    clinic.store_visit("09:30-10:30", override=overbooked(who="doctor patient"))
    clinic.store_visit("11:00-11:30", status=Status.COMPLETED)
    clinic.store_visit("16:45-17:15", status=Status.UNCONFIRMED)
    for status in (Status.CANCELLED, Status.NO_SHOW):
        clinic.store_visit("13:00-15:00", status=status)

    found = figures(clinic).total.utilisation

    assert found.share == Share(90 + 30 + 15, 8 * 60)
    assert found.outside_minutes == 15


def test_a_doctor_without_hours_has_no_share(clinic):
    resting = clinic.add_doctor(week=())
    clinic.store_visit(doctor_id=resting.id)

    of_resting, _ = figures(clinic).by_doctor

    assert of_resting.figures.utilisation.share.rate is None
    assert of_resting.figures.utilisation.outside_minutes == 30


# From the acts to the figures


def test_what_was_done_at_the_desk_is_what_the_figures_tell(clinic, watch):
    with_policy(clinic, cancellation_cutoff=24 * 60)
    watch.at = at("2026-02-28 12:00")
    first, second, third = (
        booking.book(clinic.request(times), clinic.uow)
        for times in ("09:00-09:30", "10:00-10:30", "11:00-11:30")
    )
    watch.at = at("2026-03-02 08:55")
    booking.arrive(first.id, clinic.uow)
    booking.cancel(second.id, ILL, clinic.uow)
    watch.at = at("2026-03-02 09:40")
    booking.complete(first.id, clinic.uow)
    watch.at = at("2026-03-02 11:40")
    booking.no_show(third.id, clinic.uow)

    total = figures(clinic).total

    assert total.visits.booked == 3
    assert total.due.no_shows == Rate(1, 2)
    assert total.cancellations.late_of_cancelled == Rate(1, 1)
    assert total.arrivals.on_time == Rate(1, 1)
    assert total.arrivals.late_minutes.median == -5
    assert total.arrivals.stay_minutes.median == 45
    assert total.lead.minutes.median == 46 * 60
    assert total.intake.completion == Rate(0, 2)
    assert total.utilisation.share == Share(30, 8 * 60)
