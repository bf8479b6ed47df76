from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import booking, schedule
from clinicflow_core.desk.booking import CancelAppointment
from clinicflow_core.entities.appointment import CancellationType, Status
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import HolidayRegion
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
)
from clinicflow_core.timespan import visit_time
from tests.builders import DAY, fields_of, hours, open_clinic, overbooked
from tests.core.desk.acts import set_day, set_policy, take_off


def working(doctor_day):
    return times(doctor_day.working)


def times(spans):
    return [f"{span.start_time:%H:%M}-{span.end_time:%H:%M}" for span in spans]


def booked(visits):
    return [each.appointment for each in visits]


HALVES = ["09:00-10:00", "10:30-17:00"]


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
        schedule.DaySpan(
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
    assert (booked(monday.visits), booked(monday.going_on)) == ([visit], [])
    assert (booked(tuesday.visits), booked(tuesday.going_on)) == ([], [visit])


def test_what_is_free_of_a_night_is_cut_to_each_day(store):
    clinic = open_clinic(store, week=hours("22:00-06:00", Weekday.MONDAY))
    clinic.store_visit("23:30-00:30")
    days = [DAY + timedelta(days=n) for n in range(3)]

    shown = [schedule.day(on, [], clinic.uow).doctors[0] for on in days]

    assert [times(each.free) for each in shown] == [
        ["22:00-23:30"],
        ["00:30-06:00"],
        [],
    ]
    week = schedule.week(DAY, [], clinic.uow)
    assert [day.doctors[0].free for day in week.days[:3]] == [s.free for s in shown]


def test_an_offer_over_midnight_is_shown_whole_on_both_its_days(clinic):
    clinic.store_offer("23:30-00:30")
    days = [DAY + timedelta(days=n) for n in range(3)]

    shown = [schedule.day(on, [], clinic.uow).doctors[0].offered for on in days]

    assert [times(each) for each in shown] == [["23:30-00:30"], ["23:30-00:30"], []]


@pytest.mark.parametrize(
    ("when", "fields", "goes_on"),
    [
        pytest.param("23:30-00:30", {}, True, id="half an hour into it"),
        pytest.param("23:30-00:00", {}, False, id="up to midnight"),
        pytest.param("23:30-00:30", {"status": Status.CANCELLED}, False, id="fell"),
        pytest.param("23:30-00:30", {"override": overbooked()}, True, id="overbooked"),
    ],
)
def test_what_began_the_day_before_goes_on(clinic, when, fields, goes_on):
    visit = clinic.store_visit(when, on=DAY - timedelta(days=1), **fields)

    [chen] = schedule.day(DAY, [], clinic.uow).doctors

    assert chen.visits == ()
    assert booked(chen.going_on) == [visit] * goes_on


def test_a_visit_over_the_end_of_a_week_goes_on_in_the_next(clinic):
    visit = clinic.store_visit("23:30-00:30", on=DAY - timedelta(days=1))

    before, week = (schedule.week(on, [], clinic.uow).days for on in (visit.date, DAY))

    assert booked(before[6].doctors[0].visits) == [visit]
    assert booked(week[0].doctors[0].going_on) == [visit]
    shown = [each for day in week for each in day.doctors[0].visits]
    assert shown == []


# What is free


FREE = {
    "nothing else": (lambda clinic: None, ["09:00-17:00"]),
    "a visit": (lambda clinic: clinic.store_visit("10:00-10:30"), HALVES),
    "an offer": (lambda clinic: clinic.store_offer("10:00-10:30"), HALVES),
    "time off": (
        lambda clinic: take_off(clinic, "2026-03-02 10:00", "2026-03-02 10:30"),
        HALVES,
    ),
    "time off since yesterday": (
        lambda clinic: take_off(clinic, "2026-03-01 12:00", "2026-03-02 16:00"),
        ["16:00-17:00"],
    ),
    "a cancelled visit": (
        lambda clinic: clinic.store_visit("10:00-10:30", status=Status.CANCELLED),
        ["09:00-17:00"],
    ),
    "a visit that shares its doctor's time": (
        lambda clinic: clinic.store_visit("10:00-10:30", override=overbooked()),
        ["09:00-17:00"],
    ),
    "a visit outside of the hours": (
        lambda clinic: clinic.store_visit("08:00-09:30"),
        ["09:30-17:00"],
    ),
    "a visit with somebody else": (
        lambda clinic: clinic.store_visit(doctor_id=clinic.add_doctor("Zoe").id),
        ["09:00-17:00"],
    ),
    "a closed day": (lambda clinic: set_policy(clinic, closed_days=(DAY,)), []),
    "a day without hours": (lambda clinic: set_day(clinic, DAY), []),
}


@pytest.mark.parametrize(("happens", "free"), FREE.values(), ids=FREE)
def test_free_is_what_everything_else_leaves_of_the_hours(clinic, happens, free):
    happens(clinic)

    chen = schedule.day(DAY, [clinic.doctor.id], clinic.uow).doctors[0]

    assert times(chen.free) == free


def test_visits_of_others_take_no_room_from_the_doctor_asked_for(clinic, monkeypatch):
    monkeypatch.setattr(schedule, "MOST_VISITS", 1)
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    for hour in range(9, 12):
        clinic.store_visit(f"{hour:02}:00-{hour:02}:30", doctor_id=colleague.id)
    visit = clinic.store_visit("15:00-15:30")

    [chen] = schedule.day(DAY, [clinic.doctor.id], clinic.uow).doctors

    assert booked(chen.visits) == [visit]


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


def test_a_day_that_clocks_skipped_is_shown_without_anything(store):
    clinic = open_clinic(store, timezone="Pacific/Apia")
    skipped = date(2011, 12, 30)
    visit = clinic.store_visit(on=skipped + timedelta(days=1))
    night = visit_time(date(2011, 12, 29), time(23, 30), 60, clinic.zone)
    clinic.store_visit(**fields_of(night))
    take_off(clinic, "2011-12-29 00:00", "2012-01-01 00:00")

    [chen] = schedule.day(skipped, [], clinic.uow).doctors
    week = schedule.week(skipped, [], clinic.uow)

    assert (working(chen), chen.time_off, chen.visits) == ([], (), ())
    assert (chen.free, chen.going_on, chen.offered) == ((), (), ())
    shown = [len(day.doctors[0].visits) for day in week.days]
    assert shown == [0, 0, 0, 1, 0, 1, 0]
    assert booked(week.days[5].doctors[0].visits) == [visit]
    goes_on = [len(day.doctors[0].going_on) for day in week.days]
    assert goes_on == [0, 0, 0, 0, 0, 1, 0]


# Time off and closed days


def test_time_off_is_shown_on_each_day_that_it_takes_from(clinic):
    taken = take_off(clinic, "2026-03-02 16:00", "2026-03-04 00:00").time_off
    days = [DAY + timedelta(days=n) for n in range(-1, 3)]

    shown = [schedule.day(on, [], clinic.uow).doctors[0].time_off for on in days]

    assert shown == [(), (taken,), (taken,), ()]


def test_time_off_is_shown_beside_the_hours_by_start(clinic):
    late = take_off(clinic, "2026-03-02 15:00", "2026-03-02 16:00").time_off
    early = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00").time_off

    [chen] = schedule.day(DAY, [], clinic.uow).doctors

    assert (working(chen), chen.time_off) == (["09:00-17:00"], (early, late))


def test_the_hours_of_a_date_are_shown_instead_of_the_weekly_ones(clinic):
    set_day(clinic, DAY, "08:00-10:00", "13:00-14:00")
    set_day(clinic, DAY + timedelta(days=1))

    [monday] = schedule.day(DAY, [], clinic.uow).doctors
    [tuesday] = schedule.day(DAY + timedelta(days=1), [], clinic.uow).doctors

    assert working(monday) == ["08:00-10:00", "13:00-14:00"]
    assert working(tuesday) == []


def test_a_closed_day_is_shown_as_one(clinic):
    set_policy(clinic, closed_days=(DAY,))

    shown = {
        on: schedule.day(on, [], clinic.uow).doctors[0].closed
        for on in (DAY, DAY + timedelta(days=1))
    }

    assert shown == {DAY: True, DAY + timedelta(days=1): False}


def test_a_holiday_is_closed_but_for_the_doctor_who_works_on_it(clinic):
    clinic.add_doctor("Dr. Omar Haddad")
    set_policy(clinic, public_holidays=HolidayRegion(country="US"))
    christmas = date(2026, 12, 25)
    set_day(clinic, christmas, "09:00-12:00")

    haddad, chen = schedule.day(christmas, [], clinic.uow).doctors

    assert (haddad.closed, chen.closed) == (True, False)


# The week


def test_a_week_shows_its_seven_days_from_monday_on(clinic):
    omar = clinic.add_doctor("Dr. Omar Haddad")
    sunday = DAY + timedelta(days=6)
    first = clinic.store_visit("09:00-09:30")
    last = clinic.store_visit("16:30-17:00", on=sunday)
    clinic.store_visit(on=DAY - timedelta(days=1))
    clinic.store_visit(on=sunday + timedelta(days=1))

    week = schedule.week(DAY, [], clinic.uow)

    assert (week.date, week.timezone) == (DAY, "America/New_York")
    assert [day.date for day in week.days] == [
        DAY + timedelta(days=n) for n in range(7)
    ]
    for day in week.days:
        assert [shown.doctor for shown in day.doctors] == [omar, clinic.doctor]
    shown = {
        day.date: [visit.appointment for visit in day.doctors[1].visits]
        for day in week.days
        if day.doctors[1].visits
    }
    assert shown == {DAY: [first], sunday: [last]}


@pytest.mark.parametrize("offset", range(7))
def test_a_week_is_that_of_any_of_its_days(memory, offset):
    clinic = open_clinic(memory)

    assert schedule.week(DAY + timedelta(days=offset), [], clinic.uow).date == DAY


def test_each_day_of_a_week_is_as_the_day_alone(clinic):
    clinic.add_doctor("Dr. Omar Haddad")
    clinic.store_visit("23:30-00:30")
    clinic.store_visit("10:00-10:30", on=date(2026, 3, 8))
    take_off(clinic, "2026-03-02 16:00", "2026-03-05 10:00")
    set_day(clinic, DAY + timedelta(days=1), "22:00-06:00")
    set_policy(clinic, closed_days=(DAY + timedelta(days=2),))

    week = schedule.week(date(2026, 3, 8), [], clinic.uow)

    assert week.days == tuple(
        schedule.day(day.date, [], clinic.uow) for day in week.days
    )


@pytest.mark.parametrize(
    ("now", "monday"),
    [
        (datetime(2026, 3, 2, 4, 59, tzinfo=UTC), date(2026, 2, 23)),
        (datetime(2026, 3, 2, 5, 0, tzinfo=UTC), date(2026, 3, 2)),
    ],
)
def test_this_week_is_the_clinics_week(clinic, watch, now, monday):
    watch.at = now

    assert schedule.week(None, [], clinic.uow).date == monday


@pytest.mark.parametrize(
    "day",
    [
        date(1, 1, 1),
        date(1899, 12, 31),
        date(2199, 12, 30),
        date(2200, 1, 1),
        date(9999, 12, 31),
    ],
)
def test_a_week_with_a_day_on_which_no_visit_can_be_is_not_shown(memory, day):
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError) as refusal:
        schedule.week(day, [], clinic.uow)

    assert [problem.pointer for problem in refusal.value.problems] == ["/date"]


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2199, 12, 29)])
def test_the_first_and_last_weeks_are_shown_as_any_other(memory, day):
    clinic = open_clinic(memory, week=hours("09:00-17:00"))

    week = schedule.week(day, [], clinic.uow)

    assert [working(shown.doctors[0]) for shown in week.days] == [["09:00-17:00"]] * 7


def test_a_doctor_sees_their_own_week_alone(clinic):
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    clinic.store_visit("10:00-10:30", doctor_id=colleague.id)
    uow = clinic.by(Role.DOCTOR)

    week = schedule.week(DAY, [], uow)

    assert {shown.doctor for day in week.days for shown in day.doctors} == {
        clinic.doctor
    }
    with pytest.raises(NotPermittedError, match="see every diary"):
        schedule.week(DAY, [colleague.id], uow)


def test_what_is_only_offered_is_shown_as_that_and_not_as_a_visit(clinic, watch):
    clinic.add_doctor("Dr. Omar Haddad")
    clinic.store_offer("11:30-12:00")
    clinic.store_offer("10:30-11:00", clinic.store_entry())

    clinic.store_offer("09:00-09:30", clinic.store_entry(), on=DAY + timedelta(days=2))
    visit = clinic.store_visit("15:00-15:30")

    haddad, chen = schedule.day(DAY, [], clinic.uow).doctors
    tuesday = schedule.day(DAY + timedelta(days=1), [], clinic.uow)
    wednesday = schedule.week(DAY, [], clinic.uow).days[2]
    watch.at += timedelta(hours=1)
    [_, later] = schedule.day(DAY, [], clinic.uow).doctors

    assert [shown.appointment for shown in chen.visits] == [visit]
    assert haddad.offered == ()
    shown = [f"{s.start_time:%H:%M}-{s.end_time:%H:%M}" for s in chen.offered]
    assert shown == ["10:30-11:00", "11:30-12:00"]
    assert [shown.offered for shown in tuesday.doctors] == [(), ()]
    assert [len(shown.offered) for shown in wednesday.doctors] == [0, 1]
    assert later.offered == ()
