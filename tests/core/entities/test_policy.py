from __future__ import annotations

from datetime import date, timedelta

import pytest
from attrs import evolve

from clinicflow_core.entities.appointment import VisitCategory
from clinicflow_core.entities.policy import (
    AS_THE_CLINIC,
    MAX_BUFFER,
    MAX_HORIZON_DAYS,
    MAX_NOTICE,
    MAX_STEP,
    MOST_CLOSED_DAYS,
    NO_POLICY,
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)

STEPS_OF_A_DAY = [step for step in range(1, MAX_STEP + 1) if 1440 % step == 0]


def test_a_policy_asks_for_nothing_by_default():
    assert (
        SchedulingPolicy(
            slot_step=15,
            buffer_before=0,
            buffer_after=0,
            min_notice=0,
            max_horizon_days=None,
            daily_limit=None,
            default_durations={},
            closed_days=(),
            public_holidays=None,
            cancellation_cutoff=0,
            offer_minutes=120,
        )
        == NO_POLICY
    )


@pytest.mark.parametrize("policy", [SchedulingPolicy, DoctorPolicy])
@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [
        ("buffer_before", 0, MAX_BUFFER),
        ("buffer_after", 0, MAX_BUFFER),
        ("min_notice", 0, MAX_NOTICE),
        ("max_horizon_days", 0, MAX_HORIZON_DAYS),
        ("daily_limit", 1, 1440),
    ],
)
def test_a_number_of_a_policy_has_bounds(policy, field, lowest, highest):
    for value in (lowest, highest):
        assert getattr(policy(**{field: value}), field) == value
    for value in (lowest - 1, highest + 1):
        message = f"must be between {lowest} and {highest}"
        with pytest.raises(ValueError, match=message):
            policy(**{field: value})


@pytest.mark.parametrize(
    ("field", "lowest", "highest"),
    [("cancellation_cutoff", 0, MAX_NOTICE), ("offer_minutes", 1, 14 * 1440)],
)
def test_a_number_of_the_clinics_policy_has_bounds(field, lowest, highest):
    for value in (lowest, highest):
        assert getattr(SchedulingPolicy(**{field: value}), field) == value
    for value in (lowest - 1, highest + 1):
        with pytest.raises(ValueError, match=f"between {lowest} and {highest}"):
            SchedulingPolicy(**{field: value})


@pytest.mark.parametrize("policy", [SchedulingPolicy, DoctorPolicy])
@pytest.mark.parametrize(
    ("step", "message"),
    [
        pytest.param(0, "must be between 1 and 240", id="none"),
        pytest.param(7, "must divide a day of 1440 minutes evenly", id="seven"),
        pytest.param(25, "must divide a day of 1440 minutes evenly", id="25"),
        pytest.param(239, "must divide a day of 1440 minutes evenly", id="239"),
        pytest.param(288, "must be between 1 and 240", id="longer than four hours"),
    ],
)
def test_a_step_fits_evenly_into_a_day(policy, step, message):
    with pytest.raises(ValueError, match=message):
        policy(slot_step=step)


@pytest.mark.parametrize("policy", [SchedulingPolicy, DoctorPolicy])
def test_every_step_that_fits_into_a_day_can_be_chosen(policy):
    assert [policy(slot_step=step).slot_step for step in STEPS_OF_A_DAY] == (
        STEPS_OF_A_DAY
    )
    assert STEPS_OF_A_DAY[-1] == MAX_STEP


@pytest.mark.parametrize("policy", [SchedulingPolicy, DoctorPolicy])
@pytest.mark.parametrize(
    ("durations", "message"),
    [
        pytest.param(
            {"new": 30}, "by visit category: new-patient, follow-up", id="other"
        ),
        pytest.param({"new-patient": 0}, "between 1 and 1440", id="no time"),
        pytest.param(
            {"new-patient": 30, "follow-up": 1441}, "between 1 and 1440", id="too long"
        ),
    ],
)
def test_durations_are_whole_minutes_by_visit_category(policy, durations, message):
    with pytest.raises(ValueError, match=message):
        policy(default_durations=durations)


@pytest.mark.parametrize(
    ("category", "minutes"),
    [
        pytest.param(VisitCategory.NEW_PATIENT, 60, id="as the policy says"),
        pytest.param(VisitCategory.FOLLOW_UP, 30, id="of a category it leaves out"),
        pytest.param(None, 30, id="of no category"),
    ],
)
def test_a_visit_takes_what_the_policy_says_or_half_an_hour(category, minutes):
    policy = SchedulingPolicy(default_durations={"new-patient": 60})

    assert policy.duration_of(category) == minutes


@pytest.mark.parametrize(
    ("before", "after", "gap"), [(0, 0, 0), (10, 0, 10), (0, 5, 5), (10, 15, 15)]
)
def test_the_longer_buffer_lies_between_two_visits(before, after, gap):
    assert SchedulingPolicy(buffer_before=before, buffer_after=after).gap == gap


@pytest.mark.parametrize(
    ("fields", "closes"),
    [
        pytest.param({}, False, id="never"),
        pytest.param({"closed_days": (date(2026, 12, 24),)}, True, id="on a day"),
        pytest.param(
            {"public_holidays": HolidayRegion(country="US")}, True, id="on holidays"
        ),
    ],
)
def test_a_clinic_closes_if_it_names_a_day_or_keeps_holidays(fields, closes):
    assert SchedulingPolicy(**fields).closes is closes


def test_a_clinic_names_only_so_many_closed_days():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(MOST_CLOSED_DAYS + 1)]

    assert len(SchedulingPolicy(closed_days=tuple(days[1:])).closed_days) == 400
    with pytest.raises(ValueError, match="at most 400 items"):
        SchedulingPolicy(closed_days=tuple(days))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        pytest.param({"country": ""}, "must not be blank", id="no country"),
        pytest.param({"country": "USAA"}, "at most 3 characters", id="a long country"),
        pytest.param({"country": "U\n"}, "one line", id="two lines"),
        pytest.param(
            {"country": "US", "region": "x" * 51}, "at most 50", id="a long region"
        ),
    ],
)
def test_a_region_is_told_by_its_codes(place, message):
    with pytest.raises(ValueError, match=message):
        HolidayRegion(**place)


CLINICS = SchedulingPolicy(
    slot_step=20,
    buffer_before=5,
    buffer_after=10,
    min_notice=60,
    max_horizon_days=90,
    daily_limit=20,
    default_durations={"new-patient": 60, "follow-up": 20},
    closed_days=(date(2026, 12, 24),),
    public_holidays=HolidayRegion(country="US", region="NY"),
    cancellation_cutoff=24 * 60,
    offer_minutes=30,
)


def test_a_doctor_who_asks_for_nothing_has_the_clinics_policy():
    assert CLINICS.for_doctor(AS_THE_CLINIC) is CLINICS
    assert CLINICS.for_doctor(DoctorPolicy()) is CLINICS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot_step", 30),
        ("buffer_before", 0),
        ("buffer_after", 0),
        ("min_notice", 0),
        ("max_horizon_days", 0),
        ("daily_limit", 1),
    ],
)
def test_what_a_doctor_asks_for_stands_instead_of_the_clinics(field, value):
    own = DoctorPolicy(**{field: value})

    assert CLINICS.for_doctor(own) == evolve(CLINICS, **{field: value})


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param({}, {"new-patient": 60, "follow-up": 20}, id="none"),
        pytest.param(
            {"new-patient": 45}, {"new-patient": 45, "follow-up": 20}, id="of one"
        ),
        pytest.param(
            {"new-patient": 45, "follow-up": 15},
            {"new-patient": 45, "follow-up": 15},
            id="of both",
        ),
    ],
)
def test_a_doctor_has_durations_of_their_own_by_category(own, expected):
    policy = CLINICS.for_doctor(DoctorPolicy(default_durations=own))

    assert policy == evolve(CLINICS, default_durations=expected)
