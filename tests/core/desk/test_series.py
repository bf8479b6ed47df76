from __future__ import annotations

from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor, Permission
from clinicflow_core.desk import booking, doctors, policies, register, series
from clinicflow_core.desk.booking import OverrideRequest
from clinicflow_core.desk.register import MergePatients
from clinicflow_core.desk.series import (
    BookSeries,
    CancelSeries,
    ChangeSeries,
    SeriesPolicy,
)
from clinicflow_core.entities.appointment import (
    CancellationType,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.ids import DoctorId, PatientId, SeriesId
from clinicflow_core.entities.policy import DoctorPolicy
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    DoctorHasVisitsError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    PatientErasedError,
    PatientNotFoundError,
    SeriesConflictError,
    SeriesNotFoundError,
)
from clinicflow_core.scheduling.conflicts import Conflict, ConflictKind
from tests.builders import DAY, NOW, clock, hours, once, open_clinic
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    at,
    contents,
    events_of,
    happened,
    kinds,
    set_policy,
    take_off,
    times_of,
    to,
    utc,
    visits_of,
)

SKIP = SeriesPolicy.SKIP_AND_REPORT
SPRING = date(2026, 3, 8)
"""Clocks skip 02:00-03:00."""

AUTUMN = date(2026, 11, 1)
"""Clocks show 01:00-02:00 twice."""


def daily(clinic, count=3, start="09:00", on=DAY, **fields):
    """Return the wish for a visit each day."""
    asked = {
        "doctor_id": clinic.doctor.id,
        "patient_id": clinic.patient.id,
        "date": on,
        "start_time": clock(start),
        "rrule": f"FREQ=DAILY;COUNT={count}",
        **fields,
    }
    return BookSeries(**asked)


def book(clinic, count=3, start="09:00", on=DAY, **fields):
    return series.book(daily(clinic, count, start, on, **fields), clinic.uow)


def change(clinic, booked, **asked):
    return series.change(booked.id, ChangeSeries(**asked), clinic.uow)


def occurrences(refusal):
    """Return what was refused, as "03-02 09:00", with the kinds of conflict."""
    return [
        (f"{each.date:%m-%d} {each.start_time:%H:%M}", kinds(each.conflicts))
        for each in refusal
    ]


def now_of(booked, clinic):
    return series.get(booked.id, clinic.uow).appointments


def plus(days):
    return DAY + timedelta(days=days)


# Booking


def test_a_series_is_booked_whole(clinic):
    booked = book(
        clinic,
        rrule="RRULE:FREQ=WEEKLY;BYDAY=WE,MO;COUNT=3",
        duration=45,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.FOLLOW_UP,
        meeting_link="https://example.org/room",
    )

    assert booked.series == clinic.series(
        id=booked.id, rrule="FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3", duration=45
    )
    assert booked.skipped == ()
    expected = tuple(
        clinic.visit(
            "09:00-09:45",
            on=on,
            id=visit.id,
            series_id=booked.id,
            visit_type=VisitType.VIRTUAL,
            visit_category=VisitCategory.FOLLOW_UP,
            meeting_link="https://example.org/room",
        )
        for on, visit in zip((DAY, plus(2), plus(7)), booked.appointments, strict=True)
    )
    assert booked.appointments == expected
    assert series.get(booked.id, clinic.uow) == booked
    assert visits_of(clinic) == expected


def test_the_first_day_counts_only_if_the_rule_falls_on_it(clinic):
    booked = book(clinic, rrule="FREQ=WEEKLY;BYDAY=TU;COUNT=2")

    assert times_of(booked.appointments) == ["03-03 09:00", "03-10 09:00"]


def test_the_trail_tells_of_the_series_and_of_each_visit(clinic):
    booked = book(clinic, count=2)

    [event] = events_of(booked, clinic)
    assert (event.kind, event.reason) == ("series.booked", None)
    assert event.facts == {
        "doctor_id": str(clinic.doctor.id),
        "patient_id": str(clinic.patient.id),
        "visits": 2,
        "skipped": 0,
    }
    for visit in booked.appointments:
        [event] = booking.history(visit.id, clinic.uow)
        assert (event.kind, event.facts) == (
            "appointment.booked",
            {
                "doctor_id": str(clinic.doctor.id),
                "patient_id": str(clinic.patient.id),
                "starts_at": visit.starts_at.isoformat(),
                "duration": 30,
                "series_id": str(booked.id),
            },
        )


def test_with_all_or_nothing_one_taken_time_refuses_the_whole(clinic):
    clinic.store_visit("09:15-09:45", on=plus(1), patient_id=clinic.patients[1].id)
    take_off(clinic, "2026-03-05 09:00", "2026-03-05 10:00")
    before = contents(clinic)

    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, count=5)

    assert occurrences(refusal.value.occurrences) == [
        ("03-03 09:00", ["doctor-busy"]),
        ("03-05 09:00", ["time-off"]),
    ]
    assert contents(clinic) == before
    assert "2026-03-03 at 09:00. The doctor has a visit" in str(refusal.value)


def test_with_skip_and_report_the_rest_is_booked(clinic):
    clinic.store_visit("09:15-09:45", on=plus(1))
    take_off(clinic, "2026-03-05 09:00", "2026-03-05 10:00")

    booked = book(clinic, count=5, policy=SKIP)

    assert times_of(booked.appointments) == [
        "03-02 09:00",
        "03-04 09:00",
        "03-06 09:00",
    ]
    assert occurrences(booked.skipped) == [
        ("03-03 09:00", ["doctor-busy", "patient-busy"]),
        ("03-05 09:00", ["time-off"]),
    ]
    assert now_of(booked, clinic) == booked.appointments
    assert events_of(booked, clinic)[0].facts["skipped"] == 2


@pytest.mark.parametrize("policy", SeriesPolicy)
def test_a_series_of_which_no_visit_can_stand_is_refused(clinic, policy):
    before = contents(clinic)

    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, count=2, start="18:00", policy=policy)

    assert occurrences(refusal.value.occurrences) == [
        ("03-02 18:00", ["outside-hours"]),
        ("03-03 18:00", ["outside-hours"]),
    ]
    assert contents(clinic) == before


def test_a_refusal_says_whether_it_can_be_overridden(clinic):
    clinic.store_visit("09:00-09:30")
    clerk = clinic.store.unit_of_work(
        clinic.id, Actor(name="clerk", permissions=frozenset({Permission.BOOK}))
    )

    for uow, overridable in ((clinic.uow, True), (clerk, False)):
        with pytest.raises(SeriesConflictError) as refusal:
            series.book(daily(clinic), uow)
        [refused] = refusal.value.occurrences
        assert [c.overridable for c in refused.conflicts] == [overridable] * 2


def test_an_override_is_kept_on_the_visits_that_need_it(clinic):
    clinic.store_visit("09:15-09:45", on=plus(1), patient_id=clinic.patients[1].id)
    take_off(clinic, "2026-03-04 09:00", "2026-03-04 10:00")

    booked = book(clinic, count=4, override=EMERGENCY)

    assert [v.override and v.override.conflicts for v in booked.appointments] == [
        None,
        ("doctor-busy",),
        ("time-off",),
        None,
    ]
    assert {v.override.reason for v in booked.appointments if v.override} == {
        "an emergency"
    }
    assert now_of(booked, clinic) == booked.appointments
    assert events_of(booked, clinic)[0].reason == "an emergency"
    reasons = [booking.history(v.id, clinic.uow)[0].reason for v in booked.appointments]
    assert reasons == [None, "an emergency", "an emergency", None]


def test_an_override_that_no_visit_needed_is_not_kept(clinic):
    booked = book(clinic, override=EMERGENCY)

    assert [visit.override for visit in booked.appointments] == [None] * 3
    assert events_of(booked, clinic)[0].reason is None


def test_who_may_not_override_does_not_in_a_series_either(clinic):
    clerk = clinic.store.unit_of_work(
        clinic.id, Actor(name="clerk", permissions=frozenset({Permission.BOOK}))
    )
    before = contents(clinic)

    with pytest.raises(NotPermittedError, match="book against the rules"):
        series.book(daily(clinic, override=EMERGENCY), clerk)

    assert contents(clinic) == before


def test_rules_of_ones_own_are_asked(clinic):
    def no_tuesdays(proposed, diary):
        if proposed.date.weekday() == 1:
            yield Conflict(kind=ConflictKind.CLOSED_DAY, message="Not on Tuesdays.")

    booked = series.book(daily(clinic, policy=SKIP), clinic.uow, [no_tuesdays])
    moved = series.change(
        booked.id, ChangeSeries(days_later=6, policy=SKIP), clinic.uow, [no_tuesdays]
    )

    assert occurrences(booked.skipped) == [("03-03 09:00", ["closed-day"])]
    assert occurrences(moved.skipped) == [("03-10 09:00", ["closed-day"])]
    assert times_of(now_of(booked, clinic)) == ["03-04 09:00", "03-08 09:00"]


@pytest.mark.parametrize(
    ("rrule", "detail"),
    [
        ("FREQ=DAILY", "needs an end"),
        ("FREQ=HOURLY;COUNT=2", "DAILY, WEEKLY or MONTHLY"),
        ("FREQ=DAILY;COUNT=367", "from 1 to 366"),
        ("nonsense", "parts such as"),
        ("", "must not be blank"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_at_once(rrule, detail):
    asked = {
        "doctor_id": DoctorId(uuid4()),
        "patient_id": PatientId(uuid4()),
        "date": DAY,
        "start_time": time(9),
    }

    with pytest.raises(ValueError, match=detail):
        BookSeries(**asked, rrule=rrule)


@pytest.mark.parametrize(
    ("asked", "detail"),
    [
        pytest.param(
            {"rrule": "FREQ=DAILY;UNTIL=20270401"}, "at most 366", id="too often"
        ),
        pytest.param(
            {"rrule": "FREQ=DAILY;UNTIL=20260301"}, "no occurrence", id="never"
        ),
        pytest.param(
            {"rrule": "FREQ=MONTHLY;INTERVAL=60;COUNT=4"}, "within 10", id="too long"
        ),
        pytest.param(
            {"on": date(2199, 12, 31), "rrule": "FREQ=DAILY;COUNT=2"},
            "in the years 1900 to 2199",
            id="past the last year",
        ),
    ],
)
def test_a_rule_that_does_not_end_as_it_must_is_refused(memory, asked, detail):
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError) as refusal:
        book(clinic, **asked)

    [problem] = refusal.value.problems
    assert problem.pointer == "/rrule"
    assert detail in problem.detail
    assert visits_of(clinic) == ()


@pytest.mark.parametrize(
    ("field", "error"),
    [("doctor_id", DoctorNotFoundError), ("patient_id", PatientNotFoundError)],
)
def test_only_who_is_in_the_clinic_has_a_series(clinic, field, error):
    other = open_clinic(clinic.store, name="Other")
    foreign = {"doctor_id": other.doctor.id, "patient_id": other.patient.id}[field]

    for person in (uuid4(), foreign):
        with pytest.raises(error):
            book(clinic, **{field: person})
    assert visits_of(clinic) == visits_of(other) == ()


def test_an_erased_patient_has_no_series(clinic):
    register.erase(clinic.patient.id, clinic.uow)

    with pytest.raises(PatientErasedError):
        book(clinic)


def test_a_series_takes_as_long_as_its_category_does(clinic):
    set_policy(clinic, default_durations={"new-patient": 60})
    policies.set_doctor_policy(
        clinic.doctor.id,
        DoctorPolicy(default_durations={"follow-up": 20}),
        clinic.uow,
    )

    booked = [
        book(clinic, count=1, start=start, visit_category=category)
        for start, category in (
            ("09:00", VisitCategory.NEW_PATIENT),
            ("11:00", VisitCategory.FOLLOW_UP),
            ("13:00", None),
        )
    ]

    assert [s.series.duration for s in booked] == [60, 20, 30]
    assert [v.duration for s in booked for v in s.appointments] == [60, 20, 30]


def test_a_series_that_is_sent_twice_is_booked_once(clinic):
    booked = series.book(daily(clinic), clinic.unit_of_work(once("key-1")))

    with pytest.raises(AlreadyAnsweredError) as again:
        series.book(daily(clinic), clinic.unit_of_work(once("key-1")))

    assert again.value.answer == {"id": str(booked.id)}
    assert len(visits_of(clinic)) == 3


# Clocks


def test_a_series_keeps_its_wall_clock_when_clocks_change(clinic):
    booked = book(clinic, on=date(2026, 3, 7))

    assert times_of(booked.appointments) == [
        "03-07 09:00",
        "03-08 09:00",
        "03-09 09:00",
    ]
    assert [visit.starts_at for visit in booked.appointments] == [
        utc("2026-03-07 14:00"),
        utc("2026-03-08 13:00"),
        utc("2026-03-09 13:00"),
    ]


def test_a_day_on_which_clocks_skip_the_time_is_reported(store):
    clinic = open_clinic(store)
    on = SPRING - timedelta(days=1)

    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, start="02:30", on=on)
    with pytest.raises(SeriesConflictError):
        book(clinic, start="02:30", on=on, override=EMERGENCY)
    booked = book(clinic, start="02:30", on=on, policy=SKIP)

    assert occurrences(refusal.value.occurrences) == [
        ("03-08 02:30", ["no-such-local-time"])
    ]
    assert booked.skipped == refusal.value.occurrences
    assert not booked.skipped[0].conflicts[0].overridable
    assert times_of(booked.appointments) == ["03-07 02:30", "03-09 02:30"]


def test_a_series_takes_the_first_pass_of_an_hour_that_comes_twice(store):
    clinic = open_clinic(store)

    booked = book(clinic, start="01:30", on=AUTUMN - timedelta(days=1))

    assert [visit.starts_at for visit in booked.appointments] == [
        utc("2026-10-31 05:30"),
        utc("2026-11-01 05:30"),
        utc("2026-11-02 06:30"),
    ]


def test_an_end_in_utc_is_an_instant(clinic):
    booked = book(clinic, rrule="FREQ=DAILY;UNTIL=20260304T140000Z")
    shorter = book(clinic, start="12:00", rrule="FREQ=DAILY;UNTIL=20260304T165959Z")

    assert len(booked.appointments) == 3
    assert len(shorter.appointments) == 2


# Visits of one series among themselves


def test_visits_that_last_longer_than_their_interval_stand_in_each_others_way(store):
    clinic = open_clinic(store)
    on = SPRING - timedelta(days=1)

    # From Saturday midnight to Monday midnight there are but 47 hours.
    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, start="00:00", on=on, duration=1440)
    booked = book(clinic, start="00:00", on=on, duration=1440, policy=SKIP)

    assert occurrences(refusal.value.occurrences) == [
        ("03-09 00:00", ["doctor-busy", "patient-busy"])
    ]
    assert times_of(booked.appointments) == ["03-07 00:00", "03-08 00:00"]


def test_a_buffer_lies_between_the_visits_of_a_series_too(store):
    clinic = open_clinic(store)
    set_policy(clinic, buffer_after=60)

    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, duration=1400)
    booked = book(clinic, duration=1380)

    assert occurrences(refusal.value.occurrences)[0] == ("03-03 09:00", ["buffer"])
    assert len(booked.appointments) == 3


def test_the_daily_limit_counts_the_visits_of_a_series(clinic):
    set_policy(clinic, daily_limit=1)
    clinic.store_visit("12:00-12:30", on=plus(1), patient_id=clinic.patients[1].id)

    booked = book(clinic, policy=SKIP)

    assert occurrences(booked.skipped) == [("03-03 09:00", ["daily-limit"])]
    with pytest.raises(SeriesConflictError) as refusal:
        book(clinic, start="10:00")
    assert [k for _, k in occurrences(refusal.value.occurrences)] == [
        ["daily-limit"]
    ] * 3


def test_two_series_of_one_day_share_its_limit(clinic):
    set_policy(clinic, daily_limit=2)

    book(clinic, start="09:00")
    book(clinic, start="10:00")
    with pytest.raises(SeriesConflictError):
        book(clinic, start="11:00")


def test_a_series_holds_its_times_as_any_visit(clinic):
    book(clinic)

    for on in (DAY, plus(2)):
        verdict = booking.check(
            clinic.request("09:15-09:45", on=on, patient_id=clinic.patients[1].id),
            clinic.uow,
        )
        assert kinds(verdict.conflicts) == ["doctor-busy"]


def test_a_year_of_visits_is_booked_moved_and_cancelled(memory):
    clinic = open_clinic(memory, week=hours("09:00-17:00"))
    clinic.store_visit("09:15-09:45", on=plus(100))

    booked = book(clinic, count=366, policy=SKIP)
    moved = change(clinic, booked, start_time=time(10))
    cancelled = series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert [len(s.appointments) for s in (booked, moved, cancelled)] == [365] * 3
    assert occurrences(booked.skipped)[0][0] == "06-10 09:00"
    assert {v.start_time for v in moved.appointments} == {time(10)}


@pytest.mark.slow
def test_a_year_of_visits_is_booked_moved_and_cancelled_on_every_store(clinic):
    booked = book(clinic, count=366)
    moved = change(clinic, booked, days_later=1)
    cancelled = series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert [len(s.appointments) for s in (booked, moved, cancelled)] == [366] * 3
    assert now_of(booked, clinic) == cancelled.appointments


# Changing


def test_all_visits_to_come_are_moved(clinic, watch):
    booked = book(clinic)
    watch.at = NOW + timedelta(hours=1)

    moved = change(clinic, booked, start_time=time(11), duration=45)

    assert moved.series == booked.series
    assert moved.skipped == ()
    expected = tuple(
        clinic.visit(
            "11:00-11:45",
            on=visit.date,
            id=visit.id,
            series_id=booked.id,
            times_moved=1,
            version=2,
            updated_at=watch.at,
        )
        for visit in booked.appointments
    )
    assert moved.appointments == expected
    assert now_of(booked, clinic) == expected


def test_moving_is_in_the_trail_of_each_visit(clinic):
    booked = book(clinic, count=2)

    change(clinic, booked, start_time=time(11))

    for visit in booked.appointments:
        event = booking.history(visit.id, clinic.uow)[-1]
        [move] = booking.moves(visit.id, clinic.uow)
        assert (event.kind, event.reason) == ("appointment.rescheduled", None)
        assert event.facts["series_id"] == str(booked.id)
        assert move.from_starts_at == visit.starts_at
        assert move.to_starts_at == visit.starts_at + timedelta(hours=2)
    assert happened(booked, clinic) == ["series.booked"]


def test_this_visit_and_those_that_follow_are_moved(clinic):
    booked = book(clinic)

    moved = change(clinic, booked, from_=plus(1), start_time=time(11))

    assert times_of(moved.appointments) == ["03-03 11:00", "03-04 11:00"]
    assert times_of(now_of(booked, clinic)) == [
        "03-02 09:00",
        "03-03 11:00",
        "03-04 11:00",
    ]
    assert now_of(booked, clinic)[0] == booked.appointments[0]


def test_one_visit_is_moved_as_any_other_and_stays_in_its_series(clinic):
    booked = book(clinic)

    booking.reschedule(
        booked.appointments[1].id, to("15:00-15:30", on=plus(1)), clinic.uow
    )
    moved = change(clinic, booked, days_later=7)

    assert times_of(moved.appointments) == [
        "03-09 09:00",
        "03-10 15:00",
        "03-11 09:00",
    ]


@pytest.mark.parametrize("days", [1, -1, 2, -2, 7])
def test_a_daily_series_is_moved_by_days_without_meeting_itself(clinic, days):
    booked = book(clinic, count=5, on=plus(7))

    moved = change(clinic, booked, days_later=days)

    assert [v.date for v in moved.appointments] == [
        plus(7 + days + n) for n in range(5)
    ]
    assert [v.id for v in moved.appointments] == [v.id for v in booked.appointments]
    assert all(v.override is None for v in moved.appointments)


@pytest.mark.parametrize(
    "asked",
    [
        {"start_time": time(9, 15)},
        {"start_time": time(8, 45)},
        {"days_later": 1, "start_time": time(8, 45)},
        {"days_later": -1, "start_time": time(9, 15)},
        {"duration": 60},
        {"duration": 15},
    ],
)
def test_a_full_daily_limit_and_a_buffer_do_not_keep_a_series_from_moving(store, asked):
    clinic = open_clinic(store)
    set_policy(clinic, daily_limit=1, buffer_after=240)
    booked = book(clinic, count=4, on=plus(7))

    moved = change(clinic, booked, **asked)

    assert len(moved.appointments) == 4
    assert now_of(booked, clinic) == moved.appointments


def test_visits_do_not_move_to_a_time_that_clocks_skip(store):
    clinic = open_clinic(store)
    booked = book(clinic, start="02:30", on=plus(7), rrule="FREQ=WEEKLY;COUNT=3")
    before = contents(clinic)

    with pytest.raises(SeriesConflictError) as refusal:
        change(clinic, booked, days_later=-1)
    assert contents(clinic) == before
    moved = change(clinic, booked, days_later=-1, policy=SKIP)

    assert occurrences(refusal.value.occurrences) == [
        ("03-08 02:30", ["no-such-local-time"])
    ]
    assert moved.skipped == refusal.value.occurrences
    assert times_of(moved.appointments) == ["03-15 02:30", "03-22 02:30"]
    assert times_of(now_of(booked, clinic))[0] == "03-09 02:30"


def test_a_refused_change_keeps_everything(clinic):
    booked = book(clinic)
    clinic.store_visit("11:15-11:45", on=plus(2), patient_id=clinic.patients[1].id)
    take_off(clinic, "2026-03-02 11:00", "2026-03-02 12:00")
    clinic.store_entry(patient_id=clinic.patients[1].id)
    before = contents(clinic)

    with pytest.raises(SeriesConflictError) as refusal:
        change(clinic, booked, start_time=time(11))

    assert occurrences(refusal.value.occurrences) == [
        ("03-02 11:00", ["time-off"]),
        ("03-04 11:00", ["doctor-busy"]),
    ]
    assert contents(clinic) == before


def test_what_cannot_move_stays_and_is_reported(clinic):
    booked = book(clinic)
    clinic.store_visit("11:15-11:45", on=plus(1), patient_id=clinic.patients[1].id)

    moved = change(clinic, booked, start_time=time(11), policy=SKIP)

    assert occurrences(moved.skipped) == [("03-03 11:00", ["doctor-busy"])]
    assert times_of(moved.appointments) == ["03-02 11:00", "03-04 11:00"]
    assert now_of(booked, clinic)[1] == booked.appointments[1]


@pytest.mark.parametrize("policy", SeriesPolicy)
def test_a_change_of_which_nothing_can_stand_is_refused(clinic, policy):
    booked = book(clinic)
    before = contents(clinic)

    with pytest.raises(SeriesConflictError):
        change(clinic, booked, start_time=time(18), policy=policy)

    assert contents(clinic) == before


def test_a_visit_that_stays_is_in_the_way_of_the_one_that_would_follow_it(clinic):
    booked = book(clinic)
    set_policy(clinic, closed_days=(plus(3),))

    with pytest.raises(SeriesConflictError) as refusal:
        change(clinic, booked, days_later=1)

    assert occurrences(refusal.value.occurrences) == [
        ("03-03 09:00", ["doctor-busy", "patient-busy"]),
        ("03-04 09:00", ["doctor-busy", "patient-busy"]),
        ("03-05 09:00", ["closed-day"]),
    ]


def test_what_is_refused_is_told_in_order_whichever_way_the_series_moves(clinic):
    booked = book(clinic, on=plus(7), rrule="FREQ=WEEKLY;COUNT=3")
    set_policy(clinic, closed_days=tuple(plus(n) for n in (8, 15, 6, 13)))

    for days in (1, -1):
        moved = change(clinic, booked, days_later=days, policy=SKIP)
        assert len(moved.skipped) == 2
        assert [each.date for each in moved.skipped] == sorted(
            each.date for each in moved.skipped
        )
        with pytest.raises(SeriesConflictError) as refusal:
            change(clinic, booked, days_later=days, from_=plus(7))
        told = [each.date for each in refusal.value.occurrences]
        assert told == sorted(told)


def test_a_series_is_moved_against_the_rules_on_purpose(clinic):
    booked = book(clinic)
    clinic.store_visit("11:15-11:45", on=plus(1), patient_id=clinic.patients[1].id)

    moved = change(clinic, booked, start_time=time(11), override=EMERGENCY)
    back = change(clinic, booked, start_time=time(9))

    assert [v.override and v.override.conflicts for v in moved.appointments] == [
        None,
        ("doctor-busy",),
        None,
    ]
    assert booking.history(moved.appointments[1].id, clinic.uow)[1].reason == (
        "an emergency"
    )
    assert [v.override for v in back.appointments] == [None] * 3
    assert now_of(booked, clinic) == back.appointments


def test_who_may_not_override_does_not_move_a_series_against_the_rules(clinic):
    booked = book(clinic)
    clerk = clinic.store.unit_of_work(
        clinic.id, Actor(name="clerk", permissions=frozenset({Permission.BOOK}))
    )

    with pytest.raises(NotPermittedError, match="book against the rules"):
        series.change(
            booked.id, ChangeSeries(start_time=time(18), override=EMERGENCY), clerk
        )

    assert now_of(booked, clinic) == booked.appointments


def test_a_series_goes_to_another_doctor(clinic):
    omar = clinic.add_doctor()
    booked = book(clinic)

    moved = change(clinic, booked, from_=plus(1), doctor_id=omar.id)

    assert [v.doctor_id for v in now_of(booked, clinic)] == [
        clinic.doctor.id,
        omar.id,
        omar.id,
    ]
    assert [v.times_moved for v in moved.appointments] == [1, 1]
    [move] = booking.moves(moved.appointments[0].id, clinic.uow)
    assert (move.from_doctor_id, move.to_doctor_id) == (clinic.doctor.id, omar.id)
    booking.book(
        clinic.request("09:00-09:30", on=plus(1), patient_id=clinic.patients[1].id),
        clinic.uow,
    )


def test_a_series_does_not_go_to_a_doctor_who_is_not_there_or_not_free(clinic):
    other = open_clinic(clinic.store, name="Other")
    omar = clinic.add_doctor()
    clinic.store_visit(
        "09:00-09:30", on=plus(1), doctor_id=omar.id, patient_id=clinic.patients[1].id
    )
    booked = book(clinic)

    for key in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            change(clinic, booked, doctor_id=key)
    with pytest.raises(SeriesConflictError) as refusal:
        change(clinic, booked, doctor_id=omar.id)

    assert occurrences(refusal.value.occurrences) == [("03-03 09:00", ["doctor-busy"])]
    assert now_of(booked, clinic) == booked.appointments


def test_visits_of_a_series_that_went_to_two_doctors_are_moved_together(clinic):
    omar = clinic.add_doctor()
    booked = book(clinic)
    change(clinic, booked, from_=plus(1), doctor_id=omar.id)

    moved = change(clinic, booked, days_later=1)

    assert [(v.date, v.doctor_id) for v in moved.appointments] == [
        (plus(1), clinic.doctor.id),
        (plus(2), omar.id),
        (plus(3), omar.id),
    ]


DETAILS = {
    "visit_type": VisitType.VIRTUAL,
    "visit_category": VisitCategory.NEW_PATIENT,
    "meeting_link": "https://example.org/room",
}


def test_details_change_without_a_move(clinic):
    booked = book(clinic, visit_type=VisitType.IN_CLINIC)

    changed = change(clinic, booked, from_=plus(1), **DETAILS)

    assert changed.appointments == tuple(
        evolve(visit, **DETAILS, version=2) for visit in booked.appointments[1:]
    )
    assert now_of(booked, clinic) == (booked.appointments[0], *changed.appointments)
    for visit in changed.appointments:
        event = booking.history(visit.id, clinic.uow)[-1]
        assert event.kind == "appointment.changed"
        assert event.facts == {
            "fields": sorted(DETAILS),
            "series_id": str(booked.id),
        }
        assert booking.moves(visit.id, clinic.uow) == ()


def test_details_can_be_taken_away(clinic):
    booked = book(clinic, **DETAILS)

    changed = change(clinic, booked, meeting_link=None, visit_type=None)

    assert {(v.meeting_link, v.visit_type) for v in changed.appointments} == {
        (None, None)
    }
    assert {v.visit_category for v in changed.appointments} == {
        VisitCategory.NEW_PATIENT
    }


def test_details_change_with_a_move(clinic):
    booked = book(clinic)

    changed = change(clinic, booked, start_time=time(11), **DETAILS)

    assert {
        (v.version, v.times_moved, v.meeting_link) for v in changed.appointments
    } == {(2, 1, "https://example.org/room")}
    assert now_of(booked, clinic) == changed.appointments
    for visit in changed.appointments:
        assert happened(visit, clinic) == [
            "appointment.booked",
            "appointment.rescheduled",
        ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"start_time": time(9)},
        {"duration": 30},
        {"visit_type": VisitType.VIRTUAL},
        {"visit_type": VisitType.VIRTUAL, "start_time": time(9), "duration": 30},
    ],
)
def test_a_change_that_changes_nothing_is_not_kept(clinic, asked):
    booked = book(clinic, visit_type=VisitType.VIRTUAL)
    before = contents(clinic)

    changed = change(clinic, booked, **asked)

    assert (changed.appointments, changed.skipped) == ((), ())
    assert contents(clinic) == before


def test_details_change_whatever_stands_against_the_visits_by_now(clinic):
    clinic.store_visit("09:15-09:45", patient_id=clinic.patients[1].id)
    booked = book(clinic, override=EMERGENCY)
    take_off(clinic, "2026-03-03 09:00", "2026-03-03 10:00")
    set_policy(clinic, closed_days=(plus(2),), min_notice=2880)

    changed = change(clinic, booked, meeting_link="https://example.org/room")

    assert len(changed.appointments) == 3
    assert [v.override for v in changed.appointments] == [
        v.override for v in booked.appointments
    ]
    assert changed.appointments[0].override.conflicts == ("doctor-busy",)
    assert [v.span for v in changed.appointments] == [
        v.span for v in booked.appointments
    ]


def test_details_change_in_the_second_pass_of_an_hour(store):
    clinic = open_clinic(store)
    booked = book(clinic, count=1, start="01:30", on=AUTUMN)
    second = booking.reschedule(
        booked.appointments[0].id,
        to("01:30-02:00", on=AUTUMN, duration=30, utc_offset="-05:00"),
        clinic.uow,
    )

    [changed] = change(clinic, booked, meeting_link="https://x.example").appointments

    assert (changed.starts_at, changed.times_moved) == (second.starts_at, 1)


def test_details_change_and_nobody_is_offered_the_time(clinic):
    booked = book(clinic)
    entry = clinic.store_entry(patient_id=clinic.patients[1].id)

    change(clinic, booked, meeting_link="https://example.org/room")

    with clinic.uow as uow:
        assert uow.waitlist.offers_of([entry.id]) == ()


@pytest.mark.parametrize("days", [-366, 366])
def test_a_series_stays_in_the_years_that_can_be_booked(clinic, watch, days):
    on = date(1900, 3, 1) if days < 0 else date(2199, 11, 30)
    watch.at = NOW.replace(year=1900) - timedelta(days=50)
    booked = book(clinic, count=2, on=on)

    with pytest.raises(InvalidError) as refusal:
        change(clinic, booked, days_later=days)

    [problem] = refusal.value.problems
    assert (problem.pointer, problem.detail) == (
        "/days_later",
        "must be in the years 1900 to 2199",
    )
    assert now_of(booked, clinic) == booked.appointments


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"days_later": 367}, "between -366 and 366"),
        ({"days_later": -367}, "between -366 and 366"),
        ({"duration": 0}, "between 1 and 1440"),
        ({"from_": date(2200, 1, 1)}, "in the years 1900 to 2199"),
        ({"meeting_link": "two\nlines"}, "one line"),
    ],
)
def test_a_change_must_make_sense(wrong, message):
    with pytest.raises(ValueError, match=message):
        ChangeSeries(**wrong)


# Visits that are not to come any more


def with_a_past(clinic, watch):
    """Return a series of which two visits are to come, and the five that stay."""
    booked = book(clinic, count=7, start="12:00")
    over, _running, arrived, cancelled, missed, _, _ = booked.appointments
    booking.complete(over.id, clinic.uow)
    booking.arrive(arrived.id, clinic.uow)
    booking.cancel(cancelled.id, ILL, clinic.uow)
    booking.no_show(missed.id, clinic.uow)
    watch.at = at("2026-03-03 12:00")
    return booked, now_of(booked, clinic)[:5]


def test_a_change_is_for_the_visits_that_are_still_to_come(clinic, watch):
    booked, stays = with_a_past(clinic, watch)

    changed = change(clinic, booked, start_time=time(15))

    assert times_of(changed.appointments) == ["03-07 15:00", "03-08 15:00"]
    assert now_of(booked, clinic)[:5] == stays


def test_a_cancellation_is_for_the_visits_that_are_still_to_come(clinic, watch):
    booked, stays = with_a_past(clinic, watch)

    cancelled = series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert times_of(cancelled.appointments) == ["03-07 12:00", "03-08 12:00"]
    assert now_of(booked, clinic)[:5] == stays


@pytest.mark.parametrize(
    ("now", "count"),
    [("2026-03-02 08:59", 3), ("2026-03-02 09:00", 2), ("2026-03-04 09:00", 0)],
)
def test_a_visit_that_begins_at_this_moment_is_not_to_come(clinic, watch, now, count):
    booked = book(clinic)
    watch.at = at(now)

    changed = change(clinic, booked, duration=15)
    cancelled = series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert len(changed.appointments) == len(cancelled.appointments) == count


def test_a_day_after_the_last_visit_changes_and_cancels_nothing(clinic):
    booked = book(clinic)
    before = contents(clinic)

    changed = change(clinic, booked, from_=plus(3), start_time=time(11))
    cancelled = series.cancel(booked.id, CancelSeries(from_=plus(3)), clinic.uow)

    assert changed.appointments == cancelled.appointments == ()
    assert changed.series == cancelled.series == booked.series
    assert contents(clinic) == before


# Cancelling


def test_all_visits_to_come_are_cancelled_with_the_reason(clinic):
    booked = book(clinic)
    request = CancelSeries(
        cancellation_type=CancellationType.PATIENT_CANCELLED, reason_note="moved away"
    )

    cancelled = series.cancel(booked.id, request, clinic.uow)

    assert cancelled.appointments == tuple(
        evolve(visit, status=Status.CANCELLED, version=2)
        for visit in booked.appointments
    )
    assert now_of(booked, clinic) == cancelled.appointments
    for visit in cancelled.appointments:
        with clinic.uow as uow:
            [record] = uow.appointments.cancellations_of(visit.id)
        assert (record.cancellation_type, record.reason_note, record.late) == (
            CancellationType.PATIENT_CANCELLED,
            "moved away",
            False,
        )
        assert record.cancelled_by_id == clinic.owner.id
        event = booking.history(visit.id, clinic.uow)[-1]
        assert (event.kind, event.reason, event.facts) == (
            "appointment.cancelled",
            "moved away",
            {
                "cancellation_type": "patient-cancelled",
                "late": False,
                "series_id": str(booked.id),
            },
        )
    book(clinic, patient_id=clinic.patients[1].id)


def test_this_visit_and_those_that_follow_are_cancelled(clinic):
    booked = book(clinic)

    cancelled = series.cancel(booked.id, CancelSeries(from_=plus(1)), clinic.uow)

    assert times_of(cancelled.appointments) == ["03-03 09:00", "03-04 09:00"]
    assert [v.status for v in now_of(booked, clinic)] == [
        Status.UNCONFIRMED,
        Status.CANCELLED,
        Status.CANCELLED,
    ]


def test_only_the_visits_after_the_cut_off_are_cancelled_late(clinic, watch):
    set_policy(clinic, cancellation_cutoff=1440)
    booked = book(clinic)
    watch.at = at("2026-03-02 08:00")

    series.cancel(booked.id, CancelSeries(), clinic.uow)

    with clinic.uow as uow:
        late = [
            record.late
            for visit in booked.appointments
            for record in uow.appointments.cancellations_of(visit.id)
        ]
    assert late == [True, False, False]


def test_a_series_is_cancelled_once(clinic):
    booked = book(clinic)
    series.cancel(booked.id, CancelSeries(), clinic.uow)
    before = contents(clinic)

    again = series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert again.appointments == ()
    assert contents(clinic) == before


def test_a_visit_to_come_was_not_missed():
    with pytest.raises(ValueError, match="was not missed"):
        CancelSeries(cancellation_type=CancellationType.NO_SHOW)


def test_a_cancelled_visit_of_a_series_is_reinstated_as_any_other(clinic):
    booked = book(clinic)
    series.cancel(booked.id, CancelSeries(), clinic.uow)

    again = booking.reinstate(
        booked.appointments[1].id, booking.ReinstateAppointment(), clinic.uow
    )

    assert (again.series_id, again.status) == (booked.id, Status.UNCONFIRMED)
    assert len(change(clinic, booked, start_time=time(11)).appointments) == 1


# People


def test_a_series_of_a_merged_patient_is_that_of_who_is_left(clinic):
    kept = clinic.patients[1]
    booked = book(clinic)

    register.merge(kept.id, MergePatients(duplicate_id=clinic.patient.id), clinic.uow)
    moved = change(clinic, booked, start_time=time(11))

    assert series.get(booked.id, clinic.uow).series.patient_id == kept.id
    assert {v.patient_id for v in moved.appointments} == {kept.id}


def test_a_series_is_in_the_export_of_its_patient(clinic):
    booked = book(clinic, count=1)

    record = register.export(clinic.patient.id, clinic.uow)

    assert [each["id"] for each in record["appointment_series"]] == [str(booked.id)]
    assert [each["series_id"] for each in record["appointments"]] == [str(booked.id)]
    assert {event["kind"] for event in record["events"]} == {
        "appointment.booked",
        "series.booked",
    }


def test_a_doctor_whose_series_went_to_a_colleague_stays(clinic):
    omar = clinic.add_doctor()
    booked = book(clinic)
    moved = change(clinic, booked, doctor_id=omar.id)

    with pytest.raises(DoctorHasVisitsError) as refusal:
        doctors.remove(clinic.doctor.id, clinic.uow)

    assert set(refusal.value.appointment_ids) <= {v.id for v in moved.appointments}
    assert doctors.get(clinic.doctor.id, clinic.uow) == clinic.doctor
    assert series.get(booked.id, clinic.uow).series == booked.series


ACTS = {
    "get": series.get,
    "change": lambda key, uow: series.change(
        key, ChangeSeries(start_time=time(11)), uow
    ),
    "cancel": lambda key, uow: series.cancel(key, CancelSeries(), uow),
}


@pytest.mark.parametrize("act", ACTS)
def test_another_clinics_series_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other", week=hours("09:00-17:00"))
    foreign = book(other)

    for key in (SeriesId(uuid4()), foreign.id):
        with pytest.raises(SeriesNotFoundError) as refusal:
            ACTS[act](key, clinic.uow)
        assert refusal.value.record_id == key
    assert now_of(foreign, other) == foreign.appointments


@pytest.mark.parametrize("who", ["doctor", "nobody"])
def test_only_who_books_changes_series(memory, who):
    clinic = open_clinic(memory)
    booked = book(clinic)
    nobody = Actor(name="nobody", permissions=frozenset())
    uow = (
        clinic.by(Role.DOCTOR)
        if who == "doctor"
        else memory.unit_of_work(clinic.id, nobody)
    )

    for act in (
        lambda: series.book(daily(clinic, start="15:00"), uow),
        lambda: ACTS["change"](booked.id, uow),
        lambda: ACTS["cancel"](booked.id, uow),
    ):
        with pytest.raises(NotPermittedError, match="book visits"):
            act()
    assert now_of(booked, clinic) == booked.appointments


def test_a_doctor_sees_only_series_that_are_all_their_own(memory):
    clinic = open_clinic(memory)
    omar = clinic.add_doctor()
    uow = clinic.by(Role.DOCTOR)
    mine, theirs = book(clinic), book(clinic, start="11:00", doctor_id=omar.id)
    shared = book(clinic, start="13:00")
    change(clinic, shared, from_=plus(2), doctor_id=omar.id)
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )

    assert series.get(mine.id, uow) == mine
    for booked in (theirs, shared):
        with pytest.raises(NotPermittedError, match="see every diary"):
            series.get(booked.id, uow)
    with pytest.raises(NotPermittedError):
        series.get(mine.id, nobody)


def test_what_is_private_in_requests_is_not_for_logs():
    said = [
        ChangeSeries(meeting_link="MARKER", override=OverrideRequest(reason="MARKER")),
        CancelSeries(reason_note="MARKER"),
        BookSeries(
            doctor_id=DoctorId(uuid4()),
            patient_id=PatientId(uuid4()),
            date=DAY,
            start_time=time(9),
            rrule="FREQ=DAILY;COUNT=2",
            meeting_link="MARKER",
        ),
    ]

    assert "MARKER" not in repr(said)
