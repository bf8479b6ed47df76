from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import booking, calendars, doctors, lists
from clinicflow_core.desk.calendars import SetDatedHours, TakeTimeOff, WhichDays
from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.calendar import DatedHours
from clinicflow_core.entities.ids import DoctorId, TimeOffId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    BookingConflictError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    Problem,
    StaleVersionError,
    TimeOffNotFoundError,
)
from clinicflow_core.timespan import local_day
from tests.builders import DAY, NOW, day_hours, local, open_clinic, time_off
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    at,
    contents,
    events_of,
    happened,
    kinds,
    set_day,
    take_off,
)

TUESDAY = DAY + timedelta(days=1)


def dated(clinic, *, uow=None, **bounds):
    asked = WhichDays(**bounds)
    return calendars.dated_hours(clinic.doctor.id, asked, uow or clinic.uow).items


def off(clinic):
    return calendars.time_off(clinic.doctor.id, clinic.uow).items


def refusals(clinic, times, on=DAY, **fields):
    """Return what stands against a visit."""
    request = clinic.request(times, on=on, **fields)
    return kinds(booking.check(request, clinic.uow).conflicts)


# Days with hours of their own


def test_a_day_can_have_other_hours_than_its_week(clinic):
    request = SetDatedHours(date=DAY, hours=day_hours("13:00-19:00"))

    kept = calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)

    assert kept.day == DatedHours(DAY, day_hours("13:00-19:00"))
    assert dated(clinic) == (kept.day,)
    assert refusals(clinic, "09:00-09:30") == ["outside-hours"]
    assert refusals(clinic, "18:30-19:00") == []
    assert refusals(clinic, "09:00-09:30", TUESDAY) == []


def test_a_day_can_be_left_without_hours(clinic):
    set_day(clinic, DAY)

    assert dated(clinic) == (DatedHours(DAY, ()),)
    assert refusals(clinic, "09:00-09:30") == ["outside-hours"]
    assert refusals(clinic, "09:00-09:30", TUESDAY) == []


def test_a_day_gets_its_weekly_hours_again(clinic):
    set_day(clinic, DAY, "13:00-19:00")

    again = calendars.set_dated_hours(
        clinic.doctor.id, SetDatedHours(date=DAY), clinic.uow
    )

    assert again.day == DatedHours(DAY, day_hours("09:00-17:00"))
    assert dated(clinic) == ()
    assert refusals(clinic, "09:00-09:30") == []


def test_the_hours_of_a_day_are_in_order_whatever_order_they_came_in(clinic):
    request = SetDatedHours(date=DAY, hours=day_hours("14:00-18:00", "08:00-12:00"))

    kept = calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)

    assert kept.day == DatedHours(DAY, day_hours("08:00-12:00", "14:00-18:00"))
    assert dated(clinic) == (kept.day,)


def test_the_hours_of_a_day_are_replaced_whole(clinic):
    set_day(clinic, DAY, "08:00-12:00", "14:00-18:00")
    set_day(clinic, DAY, "10:00-11:00")

    assert dated(clinic) == (DatedHours(DAY, day_hours("10:00-11:00")),)


def test_the_hours_of_a_day_may_run_past_midnight(clinic):
    set_day(clinic, DAY, "22:00-02:00")

    assert refusals(clinic, "01:00-02:00", TUESDAY) == []
    assert refusals(clinic, "01:30-02:30", TUESDAY) == ["outside-hours"]
    assert refusals(clinic, "09:00-09:30") == ["outside-hours"]


@pytest.mark.parametrize(
    ("stretches", "problem"),
    [
        pytest.param(["09:00-12:00", "11:59-13:00"], (1, 0), id="by a minute"),
        pytest.param(["09:00-12:00", "13:00-14:00", "08:00-09:30"], (2, 0), id="third"),
        pytest.param(["00:00-00:00", "09:00-10:00"], (1, 0), id="whole day"),
        pytest.param(["22:00-06:00", "23:00-23:30"], (1, 0), id="in the night"),
        pytest.param(["09:00-12:00", "12:00-13:00"], None, id="touching"),
        pytest.param(["22:00-06:00", "05:00-08:00"], None, id="the morning before"),
    ],
)
def test_stretches_of_a_day_must_not_overlap(clinic, stretches, problem):
    request = SetDatedHours(date=DAY, hours=day_hours(*stretches))

    if problem is None:
        calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)
        return
    with pytest.raises(InvalidError) as refusal:
        calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)

    position, other = problem
    detail = f"overlaps the stretch at position {other}"
    assert refusal.value.problems == (Problem(f"/hours/{position}", detail),)
    assert dated(clinic) == ()


def test_days_with_other_hours_are_listed_by_date_within_bounds(clinic):
    days = [DAY + timedelta(days=n) for n in (3, 0, 400, -2)]
    for day in days:
        set_day(clinic, day, "10:00-11:00")

    assert [each.date for each in dated(clinic)] == [days[1], days[0]]
    assert [each.date for each in dated(clinic, from_=days[1], to=days[1])] == [days[1]]
    assert [each.date for each in dated(clinic, from_=days[0])] == [days[0]]
    assert [each.date for each in dated(clinic, from_=days[3])] == [
        *(days[3], days[1], days[0])
    ]
    assert [each.date for each in dated(clinic, to=days[1])] == [days[1]]
    assert len(dated(clinic, from_=days[3], to=days[2])) == 4


def test_other_hours_change_the_doctors_version_and_are_in_the_trail(clinic):
    set_day(clinic, DAY, "10:00-11:00")
    calendars.set_dated_hours(clinic.doctor.id, SetDatedHours(date=DAY), clinic.uow)

    assert doctors.get(clinic.doctor.id, clinic.uow).version == 3
    assert [
        (event.kind, event.facts) for event in events_of(clinic.doctor, clinic)
    ] == [
        ("doctor.dated-hours-set", {"date": "2026-03-02", "weekly": False}),
        ("doctor.dated-hours-set", {"date": "2026-03-02", "weekly": True}),
    ]


def test_hours_that_were_meant_for_another_version_of_the_doctor_are_refused(clinic):
    request = SetDatedHours(date=DAY, hours=day_hours("10:00-11:00"))
    kept = calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow, version=1)

    assert kept.version == 2
    with pytest.raises(StaleVersionError):
        calendars.set_dated_hours(
            clinic.doctor.id, SetDatedHours(date=DAY), clinic.uow, version=1
        )
    assert dated(clinic) == (kept.day,)


def test_visits_outside_the_new_hours_of_a_day_stay(clinic):
    visit = booking.book(clinic.request("16:00-16:30"), clinic.uow)

    set_day(clinic, DAY, "09:00-12:00")

    assert booking.get(visit.id, clinic.uow) == visit


@pytest.mark.parametrize("day", [date(1899, 12, 31), date(2200, 1, 1)])
def test_only_days_that_can_be_booked_have_hours(day):
    for make in (SetDatedHours, lambda date: WhichDays(from_=date), _to):
        with pytest.raises(ValueError, match="in the years 1900 to 2199"):
            make(date=day)


def _to(date):
    return WhichDays(to=date)


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2199, 12, 31)])
def test_the_first_and_last_days_have_hours_as_any_other(clinic, day):
    set_day(clinic, day, "09:00-00:00")

    assert dated(clinic, from_=day, to=day) == (
        DatedHours(day, day_hours("09:00-00:00")),
    )


def test_a_day_has_at_most_50_stretches():
    with pytest.raises(ValueError, match="at most 50 items"):
        SetDatedHours(date=DAY, hours=day_hours(*["09:00-10:00"] * 51))


# Time off


def test_nobody_is_booked_into_time_off(clinic):
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00", reason="a course")

    assert off(clinic) == (taken.time_off,)
    assert taken.time_off == time_off(
        *(clinic.doctor.id, "2026-03-02 10:00", "2026-03-02 12:00"),
        id=taken.id,
        reason="a course",
    )
    assert taken.stranded == ()
    assert refusals(clinic, "09:30-10:00") == []
    assert refusals(clinic, "09:30-10:01") == ["time-off"]
    assert refusals(clinic, "11:59-12:30") == ["time-off"]
    assert refusals(clinic, "12:00-12:30") == []
    with pytest.raises(BookingConflictError, match="off from 2026-03-02 10:00"):
        booking.book(clinic.request("10:30-11:00"), clinic.uow)


def test_time_off_may_last_days_and_nights(clinic):
    take_off(clinic, "2026-03-02 16:00", "2026-03-05 10:00")

    assert refusals(clinic, "15:30-16:00") == []
    assert refusals(clinic, "09:00-09:30", DAY + timedelta(days=2)) == ["time-off"]
    assert refusals(clinic, "10:00-10:30", DAY + timedelta(days=3)) == []


def test_time_off_may_overlap_other_time_off(clinic):
    first = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    second = take_off(clinic, "2026-03-02 09:00", "2026-03-02 11:00")

    assert off(clinic) == (second.time_off, first.time_off)
    assert refusals(clinic, "10:15-10:45") == ["time-off", "time-off"]


def test_time_off_is_that_of_one_doctor(clinic):
    colleague = clinic.add_doctor()

    take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")

    assert calendars.time_off(colleague.id, clinic.uow).items == ()
    assert refusals(clinic, "10:00-10:30", doctor_id=colleague.id) == []


def test_time_off_is_listed_by_start_until_it_is_over(clinic, watch):
    later = take_off(clinic, "2026-03-09 00:00", "2026-03-10 00:00")
    sooner = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    watch.at = NOW - timedelta(days=30)
    take_off(clinic, "2026-02-10 10:00", "2026-02-28 23:59")
    watch.at = NOW

    assert off(clinic) == (sooner.time_off, later.time_off)
    watch.at = at("2026-03-02 23:59")
    assert off(clinic) == (sooner.time_off, later.time_off)
    watch.at = at("2026-03-03 00:00")
    assert off(clinic) == (later.time_off,)


@pytest.mark.parametrize(
    ("times", "on", "is_listed"),
    [
        pytest.param("09:00-10:00", DAY, False, id="ends as it starts"),
        pytest.param("09:00-10:01", DAY, True, id="runs into it by a minute"),
        pytest.param("10:30-11:00", DAY, True, id="inside"),
        pytest.param("09:00-13:00", DAY, True, id="all around it"),
        pytest.param("11:59-12:30", DAY, True, id="its last minute"),
        pytest.param("12:00-12:30", DAY, False, id="starts as it ends"),
        pytest.param("10:30-11:00", TUESDAY, False, id="the day after"),
        pytest.param(
            "23:00-10:30", DAY - timedelta(days=1), True, id="since yesterday"
        ),
    ],
)
def test_time_off_lists_the_visits_that_it_strands(clinic, times, on, is_listed):
    visit = clinic.store_visit(times, on=on)

    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")

    assert taken.stranded == ((visit,) if is_listed else ())
    assert booking.get(visit.id, clinic.uow) == visit


def test_time_off_lists_only_visits_that_are_still_to_come(clinic, watch):
    gone = clinic.store_visit("10:00-10:15")
    begun = clinic.store_visit("11:30-12:30")
    cancelled = clinic.store_visit("13:00-13:30")
    booking.cancel(cancelled.id, ILL, clinic.uow)
    missed = clinic.store_visit("13:30-14:00")
    booking.no_show(missed.id, clinic.uow)
    seen = clinic.store_visit("14:00-14:30")
    booking.complete(seen.id, clinic.uow)
    confirmed = clinic.store_visit("15:00-15:30", status=Status.CONFIRMED)
    unconfirmed = clinic.store_visit("14:30-15:00")
    watch.at = at("2026-03-02 12:00")

    taken = take_off(clinic, "2026-03-02 00:00", "2026-03-03 00:00")

    assert taken.stranded == (unconfirmed, confirmed)
    assert booking.get(gone.id, clinic.uow) == gone
    assert booking.get(begun.id, clinic.uow) == begun


def test_time_off_lists_no_visit_of_a_colleague(clinic):
    clinic.store_visit("10:30-11:00", doctor_id=clinic.add_doctor().id)

    assert take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00").stranded == ()


def test_a_visit_that_was_booked_over_time_off_is_not_stranded_by_more_of_it(clinic):
    take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    booking.book(clinic.request("10:30-11:00", override=EMERGENCY), clinic.uow)

    taken = take_off(clinic, "2026-03-02 09:00", "2026-03-02 11:00")

    assert taken.stranded == ()


def test_time_off_lists_the_first_500_stranded_visits(clinic, monkeypatch):
    monkeypatch.setattr(calendars, "MOST_STRANDED", 2)
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    for times in ("10:00-10:10", "10:10-10:20"):
        booking.cancel(clinic.store_visit(times).id, ILL, clinic.uow)
    clinic.store_visit("12:00-12:10")
    second = clinic.store_visit("11:00-11:10")
    first = clinic.store_visit("10:20-10:30")

    taken = take_off(clinic, "2026-03-02 00:00", "2026-03-03 00:00")

    assert taken.stranded == (first, second)


def test_time_off_is_in_the_trail_without_its_reason(clinic):
    visit = clinic.store_visit("10:30-11:00")

    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00", reason="MARKER")
    calendars.give_time_off_back(clinic.doctor.id, taken.id, clinic.uow)

    events = events_of(taken, clinic)
    assert [(event.kind, event.reason) for event in events] == [
        ("doctor.time-off-taken", None),
        ("doctor.time-off-given-back", None),
    ]
    assert events[0].facts == {
        "doctor_id": str(clinic.doctor.id),
        "starts": "2026-03-02T10:00:00",
        "ends": "2026-03-02T12:00:00",
        "stranded": [str(visit.id)],
    }
    assert "MARKER" not in repr((taken, events))


def test_time_off_that_is_given_back_can_be_booked(clinic):
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    kept = take_off(clinic, "2026-03-03 10:00", "2026-03-03 12:00")

    calendars.give_time_off_back(clinic.doctor.id, taken.id, clinic.uow)

    assert off(clinic) == (kept.time_off,)
    assert refusals(clinic, "10:30-11:00") == []


def test_time_off_is_given_back_once(clinic):
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    calendars.give_time_off_back(clinic.doctor.id, taken.id, clinic.uow)

    with pytest.raises(TimeOffNotFoundError) as refusal:
        calendars.give_time_off_back(clinic.doctor.id, taken.id, clinic.uow)

    assert refusal.value.record_id == taken.id
    assert len(events_of(taken, clinic)) == 2


def test_of_two_who_give_time_off_back_at_once_one_does(clinic):
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    refused = []

    def give_back():
        try:
            calendars.give_time_off_back(
                clinic.doctor.id, taken.id, clinic.unit_of_work()
            )
        except TimeOffNotFoundError as error:
            refused.append(error.record_id)

    thread = threading.Thread(target=give_back)
    with clinic.uow as uow:
        uow.diaries.hold([clinic.doctor.id], [], local_day(DAY, clinic.zone))
        thread.start()
        time.sleep(0.1)  # By now the other one has read it, and waits.
        uow.doctors.remove_time_off(taken.id)
        uow.commit()
    thread.join()

    assert refused == [taken.id]
    assert happened(taken, clinic) == ["doctor.time-off-taken"]


def test_only_the_doctors_own_time_off_is_given_back(clinic):
    other = open_clinic(clinic.store, name="Other")
    foreign = take_off(other, "2026-03-02 10:00", "2026-03-02 12:00")
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    colleague = clinic.add_doctor()
    acts = [
        (clinic.doctor.id, TimeOffId(uuid4())),
        (clinic.doctor.id, foreign.id),
        (other.doctor.id, foreign.id),
        (colleague.id, taken.id),
        (DoctorId(uuid4()), taken.id),
    ]

    for doctor_id, time_off_id in acts:
        with pytest.raises(TimeOffNotFoundError):
            calendars.give_time_off_back(doctor_id, time_off_id, clinic.uow)
    assert off(clinic) == (taken.time_off,)
    assert off(other) == (foreign.time_off,)


def test_time_off_that_no_clock_ever_shows_is_refused(clinic):
    before = contents(clinic)

    with pytest.raises(InvalidError) as refusal:
        take_off(clinic, "2026-03-08 02:10", "2026-03-08 02:50")

    assert refusal.value.problems == (Problem("/ends", "is skipped by a clock change"),)
    assert contents(clinic) == before


def test_time_off_that_a_clock_change_shortens_stays_as_it_was_said(store):
    clinic = open_clinic(store)
    sunday = date(2026, 3, 8)

    taken = take_off(clinic, "2026-03-08 02:30", "2026-03-08 03:30")

    assert off(clinic) == (taken.time_off,)
    assert refusals(clinic, "01:30-03:00", on=sunday) == []
    assert refusals(clinic, "03:00-03:30", on=sunday) == ["time-off"]
    assert refusals(clinic, "03:30-04:00", on=sunday) == []


def test_past_time_off_can_be_kept_and_given_back(clinic):
    taken = take_off(clinic, "2026-02-02 10:00", "2026-02-02 12:00")

    assert off(clinic) == ()
    calendars.give_time_off_back(clinic.doctor.id, taken.id, clinic.uow)
    assert happened(taken, clinic)[-1] == "doctor.time-off-given-back"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"starts": local("1899-12-31 23:59")}, "in the years 1900 to 2199"),
        ({"ends": local("2200-01-01 00:00")}, "in the years 1900 to 2199"),
        ({"reason": ""}, "must not be blank"),
        ({"reason": "x" * 501}, "at most 500"),
    ],
)
def test_time_off_must_make_sense(wrong, message):
    asked = {"starts": local("2026-03-02 10:00"), "ends": local("2026-03-02 12:00")}

    with pytest.raises(ValueError, match=message):
        TakeTimeOff(**asked | wrong)


@pytest.mark.parametrize("ends", ["2026-03-02 10:00", "2026-03-02 09:59"])
def test_time_off_ends_after_its_start(ends):
    with pytest.raises(InvalidError) as refusal:
        TakeTimeOff(starts=local("2026-03-02 10:00"), ends=local(ends))

    assert refusal.value.problems == (Problem("/ends", "must be after the start"),)


def test_the_reason_of_time_off_is_not_for_logs(clinic):
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00", reason="MARKER")
    request = TakeTimeOff(
        starts=local("2026-03-02 10:00"),
        ends=local("2026-03-02 12:00"),
        reason="MARKER",
    )

    assert "MARKER" not in repr((request, taken))
    assert refusals(clinic, "10:30-11:00") == ["time-off"]
    assert "MARKER" not in str(booking.check(clinic.request("10:30-11:00"), clinic.uow))


# All acts


LOOKS = {
    "dated_hours": lambda key, uow: calendars.dated_hours(key, WhichDays(), uow),
    "time_off": calendars.time_off,
}
CHANGES = {
    "set_dated_hours": lambda key, uow: calendars.set_dated_hours(
        key, SetDatedHours(date=DAY, hours=()), uow
    ),
    "take_time_off": lambda key, uow: calendars.take_time_off(
        key,
        TakeTimeOff(starts=local("2026-03-02 10:00"), ends=local("2026-03-02 12:00")),
        uow,
    ),
}


@pytest.mark.parametrize("act", LOOKS | CHANGES)
def test_another_clinics_doctor_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other")
    before = contents(other)

    for key in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            (LOOKS | CHANGES)[act](key, clinic.uow)
    assert contents(other) == before


def test_a_doctor_looks_at_calendars_and_changes_none(memory):
    clinic = open_clinic(memory)
    taken = take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
    uow = clinic.by(Role.DOCTOR)

    for act in LOOKS.values():
        act(clinic.doctor.id, uow)
    for act in (*CHANGES.values(), _give_back(taken)):
        with pytest.raises(NotPermittedError, match="add and change doctors"):
            act(clinic.doctor.id, uow)
    assert off(clinic) == (taken.time_off,)


def _give_back(taken):
    return lambda key, uow: calendars.give_time_off_back(key, taken.id, uow)


def test_who_may_do_nothing_sees_no_calendar(memory):
    clinic = open_clinic(memory)
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )

    for act in (LOOKS | CHANGES).values():
        with pytest.raises(NotPermittedError):
            act(clinic.doctor.id, nobody)


def test_a_removed_doctors_calendar_goes_too(clinic):
    omar = clinic.add_doctor()
    theirs = evolve(clinic, doctor=omar)
    set_day(theirs, DAY, "10:00-11:00")
    taken = take_off(theirs, "2026-03-02 10:00", "2026-03-02 12:00")

    doctors.remove(omar.id, clinic.uow)

    with clinic.uow as uow, pytest.raises(TimeOffNotFoundError):
        uow.doctors.get_time_off(taken.id)
    assert happened(omar, clinic)[-1] == "doctor.removed"
