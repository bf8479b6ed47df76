from __future__ import annotations

from datetime import date, timedelta

import pytest

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import booking, calendars, doctors, lists, schedule
from clinicflow_core.desk.calendars import SetDatedHours
from clinicflow_core.desk.doctors import SetHours, Stretch
from clinicflow_core.entities.doctor import WEEKDAYS
from clinicflow_core.entities.policy import HolidayRegion
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import NotPermittedError
from clinicflow_core.ports import PageRequest
from tests.builders import DAY, clock, hours, open_clinic
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    at,
    kinds,
    set_day,
    set_policy,
    take_off,
    times_of,
    to,
)

NEW_YEAR = date(2027, 1, 1)


def set_week(clinic, *weekly):
    """Give the doctor the hours "09:00-12:00" on all days."""
    parts = [tuple(map(clock, times.split("-"))) for times in weekly]
    week = tuple(
        Stretch(weekday=day, start=start, end=end)
        for day in WEEKDAYS
        for start, end in parts
    )
    doctors.set_hours(clinic.doctor.id, SetHours(hours=week), clinic.uow)


def stranded(clinic, uow=None, doctor_id=None):
    page = schedule.stranded(PageRequest(), uow or clinic.uow, doctor_id)
    assert page.next is None
    return page.items


def why(clinic):
    """Return what stands against each stranded visit, by its start."""
    found = stranded(clinic)
    starts = times_of(each.appointment for each in found)
    return dict(zip(starts, (kinds(each.conflicts) for each in found), strict=True))


LEAVE = {
    "time-off": lambda clinic: take_off(clinic, "2027-01-01 12:00", "2027-01-01 15:00"),
    "outside-hours": lambda clinic: set_week(clinic, "09:00-12:00"),
    "closed-day": lambda clinic: set_policy(clinic, closed_days=(NEW_YEAR,)),
}


@pytest.mark.parametrize("kind", LEAVE)
def test_a_visit_whose_doctor_is_not_there_any_more_is_stranded(clinic, kind):
    visit = clinic.store_visit("12:00-12:30", on=NEW_YEAR)
    clinic.store_visit("09:00-09:30", on=NEW_YEAR + timedelta(days=1))
    assert stranded(clinic) == ()

    LEAVE[kind](clinic)

    [found] = stranded(clinic)
    assert found.appointment == visit
    assert kinds(found.conflicts) == [kind]
    assert booking.get(visit.id, clinic.uow) == visit


def test_other_hours_of_a_day_and_public_holidays_strand_too(clinic):
    clinic.store_visit("12:00-12:30", on=NEW_YEAR)
    clinic.store_visit("16:00-16:30")

    set_day(clinic, DAY, "09:00-16:15")
    set_policy(clinic, public_holidays=HolidayRegion(country="US"))

    assert why(clinic) == {
        "03-02 16:00": ["outside-hours"],
        "01-01 12:00": ["closed-day"],
    }


def test_a_stranded_visit_comes_with_all_that_stands_against_it(clinic):
    clinic.store_visit("12:00-12:30", on=NEW_YEAR)

    for leave in LEAVE.values():
        leave(clinic)

    assert why(clinic) == {"01-01 12:00": ["outside-hours", "time-off", "closed-day"]}


def test_hours_that_a_doctor_has_on_a_holiday_strand_nobody(clinic):
    clinic.store_visit("12:00-12:30", on=NEW_YEAR)
    set_policy(clinic, public_holidays=HolidayRegion(country="US"))

    set_day(clinic, NEW_YEAR, "09:00-13:00")

    assert stranded(clinic) == ()


RESCUES = {
    "moved": lambda clinic, visit, taken: booking.reschedule(
        visit.id, to("15:00-15:30"), clinic.uow
    ),
    "moved to a colleague": lambda clinic, visit, taken: booking.reschedule(
        visit.id, to("10:30-11:00", doctor_id=clinic.add_doctor().id), clinic.uow
    ),
    "moved on purpose": lambda clinic, visit, taken: booking.reschedule(
        visit.id, to("11:00-11:30", override=EMERGENCY), clinic.uow
    ),
    "cancelled": lambda clinic, visit, taken: booking.cancel(visit.id, ILL, clinic.uow),
    "missed": lambda clinic, visit, taken: booking.no_show(visit.id, clinic.uow),
    "completed": lambda clinic, visit, taken: booking.complete(visit.id, clinic.uow),
    "time off given back": lambda clinic, visit, taken: calendars.give_time_off_back(
        clinic.doctor.id, taken.id, clinic.uow
    ),
}


@pytest.mark.parametrize("rescue", RESCUES)
def test_a_visit_is_stranded_until_somebody_sees_to_it(clinic, rescue):
    visit = clinic.store_visit("10:30-11:00")
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    [found] = stranded(clinic)
    assert (found.appointment, taken.stranded) == (visit, (visit,))

    RESCUES[rescue](clinic, visit, taken)

    assert stranded(clinic) == ()


def test_a_visit_is_stranded_no_more_once_the_doctor_works_again(clinic):
    clinic.store_visit("10:30-11:00")
    set_day(clinic, DAY)
    assert list(why(clinic).values()) == [["outside-hours"]]

    calendars.set_dated_hours(clinic.doctor.id, SetDatedHours(date=DAY), clinic.uow)

    assert stranded(clinic) == ()


def test_a_move_within_the_time_off_leaves_a_visit_stranded(clinic):
    visit = clinic.store_visit("10:30-11:00")
    take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    booking.change_details(visit.id, booking.ChangeAppointment(), clinic.uow)
    booking.confirm(visit.id, clinic.uow)

    assert why(clinic) == {"03-02 10:30": ["time-off"]}


@pytest.mark.parametrize(
    ("times", "is_stranded"),
    [
        pytest.param("09:30-10:00", False, id="ends as it starts"),
        pytest.param("09:30-10:01", True, id="runs into it"),
        pytest.param("11:59-12:30", True, id="starts in its last minute"),
        pytest.param("12:00-12:30", False, id="starts as it ends"),
    ],
)
def test_a_visit_that_only_touches_time_off_is_not_stranded(clinic, times, is_stranded):
    clinic.store_visit(times)

    take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")

    assert len(stranded(clinic)) == is_stranded


def test_a_visit_that_was_booked_over_time_off_is_not_stranded(clinic):
    take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")

    booking.book(clinic.request("10:30-11:00", override=EMERGENCY), clinic.uow)

    assert stranded(clinic) == ()


def test_what_was_accepted_on_purpose_is_all_that_does_not_strand(clinic):
    booking.book(clinic.request("08:00-08:30", override=EMERGENCY), clinic.uow)
    assert stranded(clinic) == ()

    take_off(clinic, "2026-03-02 08:00", "2026-03-02 12:00")

    assert why(clinic) == {"03-02 08:00": ["time-off"]}


def test_only_visits_that_are_still_to_come_are_stranded(clinic, watch):
    clinic.store_visit("09:00-09:30", on=DAY - timedelta(days=1))
    clinic.store_visit("10:30-11:00")
    clinic.store_visit("12:30-13:00")
    take_off(clinic, "2026-03-01 00:00", "2026-03-03 00:00")

    watch.at = at("2026-03-02 10:29")
    assert list(why(clinic)) == ["03-02 10:30", "03-02 12:30"]
    watch.at = at("2026-03-02 10:30")
    assert list(why(clinic)) == ["03-02 12:30"]


def test_what_is_only_offered_is_not_stranded(clinic):
    clinic.store_offer("10:30-11:00")

    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")

    assert (taken.stranded, stranded(clinic)) == ((), ())


def test_a_visit_in_the_night_is_not_stranded_by_the_hours_before_it(store):
    clinic = open_clinic(store, week=hours("22:00-06:00"))
    clinic.store_visit("01:00-02:00")
    clinic.store_visit("23:30-00:30", patient_id=clinic.patients[1].id)

    assert stranded(clinic) == ()


@pytest.mark.parametrize(("at_once", "limit"), [(1, 1), (2, 3), (500, 2), (3, 4)])
def test_stranded_visits_come_in_parts_by_start(clinic, monkeypatch, at_once, limit):
    monkeypatch.setattr(lists, "AT_ONCE", at_once)
    monkeypatch.setattr(schedule, "AT_ONCE", at_once)
    expected = []
    for n in reversed(range(4)):
        on = DAY + timedelta(days=n)
        expected.insert(0, clinic.store_visit("12:30-13:00", on=on))
        clinic.store_visit("09:00-09:30", on=on)
    set_week(clinic, "09:00-12:00")

    found, request = [], PageRequest(limit=limit)
    while request:
        page = schedule.stranded(request, clinic.uow)
        assert len(page.items) <= limit
        found += [each.appointment for each in page.items]
        request = page.next and PageRequest(page.next, limit)

    assert found == expected


def test_a_doctor_sees_their_own_stranded_visits_alone(clinic):
    mine = clinic.store_visit("10:30-11:00")
    clinic.store_visit("12:30-13:00", doctor_id=clinic.add_doctor().id)
    set_policy(clinic, closed_days=(DAY,))

    assert len(stranded(clinic)) == 2
    [found] = stranded(clinic, clinic.by(Role.DOCTOR))
    assert found.appointment == mine


def test_the_stranded_visits_of_one_doctor_come_alone(clinic):
    colleague = clinic.add_doctor()
    clinic.store_visit("10:30-11:00")
    theirs = clinic.store_visit("12:30-13:00", doctor_id=colleague.id)
    set_policy(clinic, closed_days=(DAY,))

    only_one = PageRequest(limit=1)
    page = schedule.stranded(only_one, clinic.uow, colleague.id)

    assert [each.appointment for each in page.items] == [theirs]
    assert page.next is None


def test_a_doctor_may_ask_for_no_others_stranded_visits(clinic):
    colleague = clinic.add_doctor()
    mine = clinic.store_visit("10:30-11:00")
    set_policy(clinic, closed_days=(DAY,))
    uow = clinic.by(Role.DOCTOR)

    [found] = stranded(clinic, uow, clinic.doctor.id)

    assert found.appointment == mine
    with pytest.raises(NotPermittedError, match="see every diary"):
        stranded(clinic, uow, colleague.id)


def test_who_may_see_no_diary_sees_no_stranded_visits(memory):
    clinic = open_clinic(memory)
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )

    with pytest.raises(NotPermittedError):
        schedule.stranded(PageRequest(), nobody)


def test_another_clinics_visits_strand_there(clinic):
    other = open_clinic(clinic.store, name="Other")
    visit = other.store_visit("10:30-11:00")
    set_policy(clinic, closed_days=(DAY,))
    assert (stranded(clinic), stranded(other)) == ((), ())

    set_policy(other, closed_days=(DAY,))

    assert stranded(clinic) == ()
    assert [each.appointment for each in stranded(other)] == [visit]
