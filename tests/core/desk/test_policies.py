from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor, Permission
from clinicflow_core.desk import booking, doctors, policies
from clinicflow_core.desk.booking import ReinstateAppointment
from clinicflow_core.entities.appointment import VisitCategory
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import (
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    BookingConflictError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    StaleVersionError,
)
from tests.builders import DAY, NOW, hours, open_clinic
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    at,
    contents,
    events_of,
    happened,
    kinds,
    set_day,
    set_policy,
    take_off,
    to,
    visits_of,
)

TUESDAY = DAY + timedelta(days=1)
EVERYTHING = {
    "slot_step": 20,
    "buffer_before": 5,
    "buffer_after": 10,
    "min_notice": 120,
    "max_horizon_days": 90,
    "daily_limit": 12,
    "default_durations": {"new-patient": 60, "follow-up": 20},
}
CLINIC_WIDE = {
    "closed_days": (date(2026, 12, 24), date(2026, 12, 31)),
    "public_holidays": HolidayRegion(country="US", region="NY"),
    "cancellation_cutoff": 1440,
    "offer_minutes": 30,
}


def set_own(clinic, **asked):
    """Let the doctor ask for something instead of the clinic's policy."""
    return policies.set_doctor_policy(
        clinic.doctor.id, DoctorPolicy(**asked), clinic.uow
    )


def refusals(clinic, times="09:00-09:30", on=DAY, **fields):
    """Return what booking holds against a visit; checking must say the same."""
    request = clinic.request(times, on=on, **fields)
    verdict = booking.check(request, clinic.uow)
    if not verdict.conflicts:
        assert booking.book(request, clinic.uow).override is None
        return []
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(request, clinic.uow)
    told = (refusal.value.conflicts, refusal.value.alternatives)
    assert told == (verdict.conflicts, verdict.alternatives)
    return kinds(verdict.conflicts)


# Keeping policies


def test_a_clinic_asks_for_nothing_at_first(clinic):
    kept = policies.policy(clinic.uow)

    assert kept.policy == SchedulingPolicy()
    assert kept.version == 1
    assert (kept.policy.slot_step, kept.policy.offer_minutes) == (15, 120)


def test_a_policy_is_kept_whole(clinic):
    asked = SchedulingPolicy(**EVERYTHING, **CLINIC_WIDE)

    kept = policies.set_policy(asked, clinic.uow)

    assert (kept.policy, kept.version) == (asked, 2)
    assert policies.policy(clinic.uow) == kept
    assert happened(clinic.clinic, clinic) == ["clinic.policy-set"]


def test_what_a_new_policy_leaves_out_is_as_at_first(clinic):
    set_policy(clinic, **EVERYTHING, **CLINIC_WIDE)

    set_policy(clinic, daily_limit=3)

    assert policies.policy(clinic.uow).policy == SchedulingPolicy(daily_limit=3)
    set_policy(clinic)
    assert policies.policy(clinic.uow).policy == SchedulingPolicy()


def test_closed_days_are_kept_once_and_in_order(clinic):
    new_year, christmas = date(2027, 1, 1), date(2026, 12, 25)

    kept = set_policy(clinic, closed_days=(new_year, christmas, new_year))

    assert kept.policy.closed_days == (christmas, new_year)
    assert policies.policy(clinic.uow) == kept


def test_a_doctor_asks_for_what_the_clinic_does_at_first(clinic):
    kept = policies.doctor_policy(clinic.doctor.id, clinic.uow)

    assert (kept.policy, kept.version) == (DoctorPolicy(), 1)


def test_a_doctors_policy_is_kept_whole(clinic):
    asked = DoctorPolicy(**EVERYTHING)

    kept = policies.set_doctor_policy(clinic.doctor.id, asked, clinic.uow)

    assert (kept.policy, kept.version) == (asked, 2)
    assert policies.doctor_policy(clinic.doctor.id, clinic.uow) == kept
    assert doctors.get(clinic.doctor.id, clinic.uow).policy == asked
    assert happened(clinic.doctor, clinic) == ["doctor.policy-set"]
    assert policies.policy(clinic.uow).policy == SchedulingPolicy()


def test_a_policy_meant_for_another_version_is_refused(clinic):
    policies.set_policy(SchedulingPolicy(daily_limit=1), clinic.uow, version=1)
    before = contents(clinic)

    with pytest.raises(StaleVersionError) as refusal:
        policies.set_policy(SchedulingPolicy(), clinic.uow, version=1)

    assert refusal.value.record_id == clinic.id
    assert contents(clinic) == before
    assert policies.set_policy(SchedulingPolicy(), clinic.uow, version=2).version == 3


def test_a_doctors_policy_meant_for_another_version_is_refused(clinic):
    key = clinic.doctor.id
    policies.set_doctor_policy(key, DoctorPolicy(daily_limit=1), clinic.uow, version=1)
    before = contents(clinic)

    with pytest.raises(StaleVersionError) as refusal:
        policies.set_doctor_policy(key, DoctorPolicy(), clinic.uow, version=1)

    assert refusal.value.record_id == key
    assert contents(clinic) == before
    kept = policies.set_doctor_policy(key, DoctorPolicy(), clinic.uow, version=2)
    assert kept.version == 3


@pytest.mark.parametrize(
    ("country", "region"),
    [
        pytest.param("XX", None, id="no such country"),
        pytest.param("us", None, id="small letters"),
        pytest.param("US", "XX", id="no such region"),
        pytest.param("US", "ny", id="region in small letters"),
        pytest.param("APR", None, id="a month"),
        pytest.param("MON", None, id="a weekday"),
        pytest.param("__d", None, id="no letters"),
    ],
)
def test_holidays_that_nobody_knows_are_refused(memory, country, region):
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError) as refusal:
        set_policy(
            clinic, public_holidays=HolidayRegion(country=country, region=region)
        )

    assert [p.pointer for p in refusal.value.problems] == ["/public_holidays"]
    assert policies.policy(clinic.uow).policy == SchedulingPolicy()


@pytest.mark.parametrize(
    ("country", "region"), [("US", None), ("US", "NY"), ("PT", None), ("DE", "BY")]
)
def test_known_holidays_close_the_clinic(memory, country, region):
    clinic = open_clinic(memory)
    holidays = HolidayRegion(country=country, region=region)

    kept = set_policy(clinic, public_holidays=holidays)

    assert kept.policy.public_holidays == holidays
    assert refusals(clinic, on=date(2027, 1, 1)) == ["closed-day"]


def test_policies_change_for_one_clinic_alone(clinic):
    other = open_clinic(clinic.store, name="Other")

    set_policy(clinic, closed_days=(DAY,))

    assert policies.policy(other.uow).policy == SchedulingPolicy()
    assert (refusals(clinic), refusals(other)) == (["closed-day"], [])


@pytest.mark.parametrize("act", ["doctor_policy", "set_doctor_policy"])
def test_another_clinics_doctor_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other")

    for key in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            _ACTS[act](key, clinic.uow)
    assert policies.doctor_policy(other.doctor.id, other.uow).version == 1


_ACTS = {
    "policy": lambda _, uow: policies.policy(uow),
    "doctor_policy": policies.doctor_policy,
    "set_policy": lambda _, uow: policies.set_policy(SchedulingPolicy(), uow),
    "set_doctor_policy": lambda key, uow: policies.set_doctor_policy(
        key, DoctorPolicy(daily_limit=1), uow
    ),
}
_ALLOWED = {
    "owner": set(_ACTS),
    "admin": set(_ACTS) - {"set_policy"},
    "doctor": {"policy", "doctor_policy"},
    "nobody": set(),
}


@pytest.mark.parametrize("act", _ACTS)
@pytest.mark.parametrize("who", _ALLOWED)
def test_who_may_see_and_who_may_set_policies(memory, who, act):
    clinic = open_clinic(memory)
    nobody = Actor(name="nobody", permissions=frozenset())
    uow = (
        memory.unit_of_work(clinic.id, nobody)
        if who == "nobody"
        else clinic.by(Role(who))
    )

    if act in _ALLOWED[who]:
        _ACTS[act](clinic.doctor.id, uow)
    else:
        with pytest.raises(NotPermittedError):
            _ACTS[act](clinic.doctor.id, uow)


# What policies mean for bookings


HOLIDAYS = {"public_holidays": HolidayRegion(country="US")}
CHRISTMAS = date(2026, 12, 25)
IN_A_MONTH = DAY + timedelta(days=30)


@pytest.mark.parametrize(
    ("asked", "times", "on", "expected"),
    [
        pytest.param(
            {"buffer_after": 10}, "10:39-11:00", DAY, ["buffer"], id="near after"
        ),
        pytest.param({"buffer_after": 10}, "10:40-11:00", DAY, [], id="far after"),
        pytest.param(
            {"buffer_after": 10}, "09:00-09:51", DAY, ["buffer"], id="near before"
        ),
        pytest.param({"buffer_after": 10}, "09:00-09:50", DAY, [], id="far before"),
        pytest.param(
            {"buffer_before": 10}, "10:39-11:00", DAY, ["buffer"], id="before later"
        ),
        pytest.param(
            {"buffer_before": 5, "buffer_after": 10},
            *("10:36-11:00", DAY, ["buffer"]),
            id="the longer one counts",
        ),
        pytest.param({"daily_limit": 1}, "15:00-15:30", DAY, ["daily-limit"], id="day"),
        pytest.param({"daily_limit": 2}, "15:00-15:30", DAY, [], id="not full"),
        pytest.param({"daily_limit": 1}, "15:00-15:30", TUESDAY, [], id="other day"),
        pytest.param(
            {"min_notice": 26 * 60 + 1}, "09:00-09:30", DAY, ["too-soon"], id="soon"
        ),
        pytest.param({"min_notice": 26 * 60}, "09:00-09:30", DAY, [], id="in time"),
        pytest.param(
            {"max_horizon_days": 31}, "09:00-09:30", IN_A_MONTH, [], id="last"
        ),
        pytest.param(
            {"max_horizon_days": 30},
            *("09:00-09:30", IN_A_MONTH, ["too-far-ahead"]),
            id="too far",
        ),
        pytest.param(
            {"max_horizon_days": 0},
            "16:30-17:00",
            date(2026, 3, 1),
            [],
            id="today alone",
        ),
        pytest.param(
            {"closed_days": (TUESDAY,)},
            "09:00-09:30",
            TUESDAY,
            ["closed-day"],
            id="closed",
        ),
        pytest.param({"closed_days": (TUESDAY,)}, "09:00-09:30", DAY, [], id="open"),
        pytest.param(HOLIDAYS, "09:00-09:30", CHRISTMAS, ["closed-day"], id="holiday"),
        pytest.param(HOLIDAYS, "09:00-09:30", DAY, [], id="no holiday"),
    ],
)
def test_booking_and_checking_ask_what_the_clinic_asks(
    clinic, asked, times, on, expected
):
    clinic.store_visit("10:00-10:30", patient_id=clinic.patients[1].id)
    set_policy(clinic, **asked)

    assert refusals(clinic, times, on) == expected
    assert len(visits_of(clinic)) == 1 + (not expected)


@pytest.mark.parametrize(
    ("clinics", "own", "times", "on", "expected"),
    [
        pytest.param(
            {"buffer_after": 60},
            {"buffer_after": 0},
            "10:30-11:00",
            DAY,
            [],
            id="shorter buffer",
        ),
        pytest.param(
            {"buffer_after": 60},
            {"buffer_before": 0},
            "10:30-11:00",
            DAY,
            ["buffer"],
            id="the other buffer is the clinic's",
        ),
        pytest.param(
            {}, {"daily_limit": 1}, "15:00-15:30", DAY, ["daily-limit"], id="limit"
        ),
        pytest.param(
            {"daily_limit": 1},
            {"daily_limit": 2},
            "15:00-15:30",
            DAY,
            [],
            id="higher limit",
        ),
        pytest.param(
            {"min_notice": 2880},
            {"min_notice": 0},
            "15:00-15:30",
            DAY,
            [],
            id="no notice",
        ),
        pytest.param(
            {"max_horizon_days": 365},
            {"max_horizon_days": 1},
            "09:00-09:30",
            TUESDAY,
            ["too-far-ahead"],
            id="nearer horizon",
        ),
    ],
)
def test_what_a_doctor_asks_for_goes_before_what_the_clinic_asks(
    clinic, clinics, own, times, on, expected
):
    clinic.store_visit("10:00-10:30", patient_id=clinic.patients[1].id)
    colleague = clinic.add_doctor()
    set_policy(clinic, **clinics)
    set_own(clinic, **own)

    assert refusals(clinic, times, on) == expected
    assert policies.doctor_policy(colleague.id, clinic.uow).policy == DoctorPolicy()


def test_what_one_doctor_asks_for_binds_no_other(clinic):
    clinic.store_visit("10:00-10:30")
    set_own(clinic, daily_limit=1)
    colleague = clinic.add_doctor()

    assert refusals(clinic, "11:00-11:30") == ["daily-limit"]
    assert refusals(clinic, "11:00-11:30", doctor_id=colleague.id) == []


def test_a_doctors_hours_open_a_holiday_and_never_a_closed_day(clinic):
    eve = CHRISTMAS - timedelta(days=1)
    set_policy(clinic, **HOLIDAYS, closed_days=(eve,))
    for day in (eve, CHRISTMAS):
        set_day(clinic, day, "09:00-12:00")

    assert refusals(clinic, on=CHRISTMAS) == []
    assert refusals(clinic, on=eve) == ["closed-day"]


def test_all_that_a_policy_forbids_is_named_at_once(clinic):
    clinic.store_visit("16:30-17:00", patient_id=clinic.patients[1].id)
    take_off(clinic, "2026-03-02 17:00", "2026-03-02 18:00")
    set_policy(
        clinic,
        buffer_after=5,
        daily_limit=1,
        min_notice=2880,
        max_horizon_days=0,
        closed_days=(DAY,),
    )

    assert refusals(clinic, "17:02-17:30") == [
        "outside-hours",
        "time-off",
        "closed-day",
        "buffer",
        "daily-limit",
        "too-soon",
        "too-far-ahead",
    ]


def test_a_refusal_only_offers_what_the_policy_allows(clinic):
    set_policy(
        clinic,
        slot_step=30,
        min_notice=30 * 60,
        closed_days=(TUESDAY,),
        buffer_after=60,
    )
    clinic.store_visit("13:00-14:00", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("11:00-11:30"), clinic.uow)

    offered = [(o.date, f"{o.start_time:%H:%M}") for o in refusal.value.alternatives]
    assert offered == [(DAY, "15:00"), (DAY, "15:30"), (DAY, "16:00")]


def test_visits_that_were_booked_before_a_policy_stay(clinic):
    visit = booking.book(clinic.request(), clinic.uow)

    set_policy(clinic, closed_days=(DAY,), min_notice=2880)

    assert booking.get(visit.id, clinic.uow) == visit
    assert booking.confirm(visit.id, clinic.uow).version == 2


def test_a_visit_is_reinstated_whatever_the_policy_says(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    set_policy(clinic, closed_days=(DAY,), min_notice=2880, daily_limit=1)

    again = booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)

    assert again.override is None


def test_a_visit_does_not_count_against_itself_when_it_moves(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    set_policy(clinic, daily_limit=1, buffer_after=60)

    moved = booking.reschedule(visit.id, to("09:15-09:45"), clinic.uow)

    assert moved.override is None


def test_a_move_is_judged_as_a_booking_is(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    set_policy(clinic, closed_days=(TUESDAY,))

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to(on=TUESDAY), clinic.uow)

    assert kinds(refusal.value.conflicts) == ["closed-day"]


def test_a_cancelled_visit_does_not_count_towards_the_daily_limit(clinic):
    set_policy(clinic, daily_limit=1)
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    assert refusals(clinic, "10:00-10:30") == []
    assert refusals(clinic, "11:00-11:30") == ["daily-limit"]


def test_a_night_visit_counts_on_the_day_on_which_it_begins(store):
    clinic = open_clinic(store)
    set_policy(clinic, daily_limit=1)
    clinic.store_visit("23:30-00:30")

    assert refusals(clinic, "09:00-09:30") == ["daily-limit"]
    assert refusals(clinic, "01:00-01:30", TUESDAY) == []


def test_a_buffer_reaches_over_midnight(store):
    clinic = open_clinic(store)
    set_policy(clinic, buffer_after=240)
    clinic.store_visit("22:00-23:00")

    assert refusals(clinic, "02:59-03:30", TUESDAY) == ["buffer"]
    assert refusals(clinic, "03:00-03:30", TUESDAY) == []


# How long visits take


@pytest.mark.parametrize(
    ("own", "category", "minutes"),
    [
        ({}, VisitCategory.NEW_PATIENT, 60),
        ({}, VisitCategory.FOLLOW_UP, 30),
        ({}, None, 30),
        ({"follow-up": 15}, VisitCategory.NEW_PATIENT, 60),
        ({"follow-up": 15}, VisitCategory.FOLLOW_UP, 15),
        ({"new-patient": 90}, VisitCategory.NEW_PATIENT, 90),
    ],
)
def test_a_visit_takes_as_long_as_its_category_does(clinic, own, category, minutes):
    set_policy(clinic, default_durations={"new-patient": 60})
    set_own(clinic, default_durations=own or None)
    request = clinic.request(duration=None, visit_category=category)

    visit = booking.book(request, clinic.uow)

    assert (visit.duration, visit.visit_category) == (minutes, category)
    assert visit.ends_at - visit.starts_at == timedelta(minutes=minutes)
    assert booking.get(visit.id, clinic.uow) == visit


def test_minutes_that_are_asked_for_go_before_the_category(clinic):
    set_policy(clinic, default_durations={"new-patient": 60})
    asked = {"duration": 20, "visit_category": VisitCategory.NEW_PATIENT}

    assert booking.book(clinic.request(**asked), clinic.uow).duration == 20


def test_a_check_knows_how_long_the_visit_would_take(clinic):
    set_policy(clinic, default_durations={"new-patient": 60})
    clinic.store_visit("09:45-10:15", patient_id=clinic.patients[1].id)
    asked = {"duration": None, "visit_category": VisitCategory.NEW_PATIENT}

    assert refusals(clinic, "09:00-09:30", **asked) == ["doctor-busy"]
    assert refusals(clinic, "09:00-09:30", duration=None) == []


def test_a_moved_visit_takes_as_long_as_before(clinic):
    visit = booking.book(clinic.request(duration=45), clinic.uow)
    set_policy(clinic, default_durations={"new-patient": 60})

    moved = booking.reschedule(visit.id, to(duration=None), clinic.uow)

    assert moved.duration == 45


# Against the rules


def overlap(clinic, **fields):
    clinic.store_visit("10:00-10:30", **fields)
    return "10:15-10:45", DAY


AGAINST = {
    "doctor-busy": lambda clinic: overlap(clinic, patient_id=clinic.patients[1].id),
    "patient-busy": lambda clinic: overlap(clinic, doctor_id=clinic.add_doctor().id),
    "outside-hours": lambda clinic: ("17:00-17:30", DAY),
    "time-off": lambda clinic: (
        take_off(clinic, "2026-03-02 10:00", "2026-03-02 12:00")
        and ("10:15-10:45", DAY)
    ),
    "closed-day": lambda clinic: (
        set_policy(clinic, closed_days=(DAY,)) and ("10:15-10:45", DAY)
    ),
    "buffer": lambda clinic: (
        set_policy(clinic, buffer_before=15)
        and overlap(clinic, patient_id=clinic.patients[1].id)
        and ("10:30-11:00", DAY)
    ),
    "daily-limit": lambda clinic: (
        set_policy(clinic, daily_limit=1)
        and overlap(clinic, patient_id=clinic.patients[1].id)
        and ("15:00-15:30", DAY)
    ),
    "in-the-past": lambda clinic: ("09:00-09:30", DAY - timedelta(days=7)),
    "too-soon": lambda clinic: (
        set_policy(clinic, min_notice=2880) and ("10:15-10:45", DAY)
    ),
    "too-far-ahead": lambda clinic: (
        set_policy(clinic, max_horizon_days=0) and ("10:15-10:45", DAY)
    ),
}


@pytest.mark.parametrize("kind", AGAINST)
def test_what_an_override_accepts_is_on_the_visit_and_in_the_trail(clinic, kind):
    times, on = AGAINST[kind](clinic)
    assert refusals(clinic, times, on) == [kind]

    visit = booking.book(clinic.request(times, on=on, override=EMERGENCY), clinic.uow)

    assert visit.override.conflicts == (kind,)
    assert (visit.override.reason, visit.override.by_id) == (
        "an emergency",
        clinic.owner.id,
    )
    assert booking.get(visit.id, clinic.uow) == visit
    [event] = events_of(visit, clinic)
    assert (event.reason, event.facts["override"]) == ("an emergency", [kind])


@pytest.mark.parametrize("kind", AGAINST)
def test_who_may_not_override_is_refused_whatever_stands_against_it(memory, kind):
    clinic = open_clinic(memory, week=hours("09:00-17:00"))
    times, on = AGAINST[kind](clinic)
    before = visits_of(clinic)
    clerk = memory.unit_of_work(
        clinic.id, Actor(name="clerk", permissions=frozenset({Permission.BOOK}))
    )
    request = clinic.request(times, on=on)

    with pytest.raises(NotPermittedError):
        booking.book(evolve(request, override=EMERGENCY), clerk)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(request, clerk)

    assert kinds(refusal.value.conflicts) == [kind]
    assert not refusal.value.conflicts[0].overridable
    assert visits_of(clinic) == before


@pytest.mark.parametrize("kind", [k for k in AGAINST if k != "doctor-busy"])
def test_a_visit_keeps_its_doctors_time_unless_just_that_was_given_up(clinic, kind):
    times, on = AGAINST[kind](clinic)
    booking.book(clinic.request(times, on=on, override=EMERGENCY), clinic.uow)
    stranger = clinic.add_patient("Bea Moss")

    assert "doctor-busy" in refusals(clinic, times, on, patient_id=stranger.id)


@pytest.mark.parametrize("kind", [k for k in AGAINST if k != "patient-busy"])
def test_a_visit_keeps_its_patients_time_unless_just_that_was_given_up(clinic, kind):
    times, on = AGAINST[kind](clinic)
    booking.book(clinic.request(times, on=on, override=EMERGENCY), clinic.uow)
    elsewhere = clinic.add_doctor("Dr. Ida Bo")

    assert "patient-busy" in refusals(clinic, times, on, doctor_id=elsewhere.id)


def test_an_override_of_a_buffer_lets_no_overlap_through(clinic):
    set_policy(clinic, buffer_before=15)
    clinic.store_visit("10:00-10:30", patient_id=clinic.patients[1].id)
    booking.book(clinic.request("10:30-11:00", override=EMERGENCY), clinic.uow)
    stranger = clinic.add_patient("Bea Moss")

    assert refusals(clinic, "10:45-11:15", patient_id=stranger.id) == ["doctor-busy"]
    assert refusals(clinic, "11:00-11:30", patient_id=stranger.id) == ["buffer"]


def test_who_shares_a_doctors_time_is_not_in_two_places(clinic):
    clinic.store_visit("10:00-10:30", patient_id=clinic.patients[1].id)
    booking.book(clinic.request("10:15-10:45", override=EMERGENCY), clinic.uow)
    elsewhere = clinic.add_doctor()

    request = clinic.request("10:30-11:00", doctor_id=elsewhere.id)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(request, clinic.uow)
    other = clinic.request("10:30-11:00", patient_id=clinic.patients[1].id)

    assert kinds(refusal.value.conflicts) == ["patient-busy"]
    assert booking.book(other, clinic.uow).override is None


def test_who_shares_a_patients_time_keeps_the_doctors(clinic):
    elsewhere = clinic.add_doctor()
    clinic.store_visit("10:00-10:30", doctor_id=elsewhere.id)
    booking.book(clinic.request("10:15-10:45", override=EMERGENCY), clinic.uow)
    third = clinic.add_doctor("Dr. Ida Bo")

    others = clinic.patients[1].id
    assert refusals(clinic, "10:30-11:00", patient_id=others) == ["doctor-busy"]
    assert refusals(clinic, "10:30-11:00", doctor_id=third.id) == []


def test_an_override_that_names_nothing_is_none(clinic):
    set_policy(clinic, buffer_before=15, daily_limit=2, closed_days=(TUESDAY,))

    visit = booking.book(clinic.request(override=EMERGENCY), clinic.uow)

    assert visit.override is None
    [event] = events_of(visit, clinic)
    assert (event.reason, "override" in event.facts) == (None, False)


# Late cancellations


@pytest.mark.parametrize(
    ("cutoff", "now", "is_late"),
    [
        pytest.param(1440, "2026-03-01 08:59", False, id="a minute before"),
        pytest.param(1440, "2026-03-01 09:00", False, id="at the cut-off"),
        pytest.param(1440, "2026-03-01 09:01", True, id="a minute after"),
        pytest.param(1440, "2026-03-02 09:30", True, id="after the start"),
        pytest.param(0, "2026-03-02 08:59", False, id="none, before the start"),
        pytest.param(0, "2026-03-02 09:00", False, id="none, at the start"),
        pytest.param(0, "2026-03-02 09:01", True, id="none, after the start"),
    ],
)
def test_a_cancellation_after_the_cut_off_is_late(clinic, watch, cutoff, now, is_late):
    set_policy(clinic, cancellation_cutoff=cutoff)
    visit = clinic.store_visit("09:00-09:30")
    watch.at = at(now)

    _, record = booking.cancel(visit.id, ILL, clinic.uow)

    assert record.late is is_late
    with clinic.uow as uow:
        assert uow.appointments.cancellations_of(visit.id) == (record,)
    assert events_of(visit, clinic)[-1].facts["late"] is is_late


def test_a_missed_visit_is_no_late_cancellation(clinic, watch):
    set_policy(clinic, cancellation_cutoff=1440)
    visit = clinic.store_visit("09:00-09:30")
    watch.at = at("2026-03-02 10:00")

    _, record = booking.no_show(visit.id, clinic.uow)

    assert record.late is False


def test_the_cut_off_that_counts_is_that_of_the_cancellation(clinic):
    visits = [clinic.store_visit(t) for t in ("09:00-09:30", "10:00-10:30")]

    _, before = booking.cancel(visits[0].id, ILL, clinic.uow)
    set_policy(clinic, cancellation_cutoff=2880)
    _, after = booking.cancel(visits[1].id, ILL, clinic.uow)

    assert (before.late, after.late, before.created_at) == (False, True, NOW)
