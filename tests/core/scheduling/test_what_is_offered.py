"""
What is offered is what can be booked, no more and no less.

Both ways, on diaries that Hypothesis makes up: every opening can be booked as it is
listed, and every start on the step grid that the rules accept is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from clinicflow_core.entities.appointment import fields_of
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
from clinicflow_core.scheduling import grid, openings
from clinicflow_core.scheduling.conflicts import (
    STANDARD_RULES,
    doctor_is_busy,
    find_conflicts,
    in_the_past,
    on_a_closed_day,
    on_a_full_day,
    on_time_off,
    outside_hours,
    patient_is_busy,
    too_far_ahead,
    too_near_another,
    too_soon,
)
from clinicflow_core.scheduling.diary import busy_time_of, cached_working_spans
from clinicflow_core.scheduling.openings import Search, find_openings, nearest_openings
from clinicflow_core.timespan import TimeSpan, first_instant_from, visit_time
from tests.builders import DAY, ZONE
from tests.core.scheduling.cases import Case, cases, free_starts
from tests.core.scheduling.diaries import (
    DOCTOR,
    PATIENT,
    of_doctor,
    of_patient,
    time_off,
)


def faults_of(
    case: Case, listed=STANDARD_RULES, judged=STANDARD_RULES
) -> Iterator[str]:
    """Yield where what is listed and what can be booked differ."""
    here = case.diary
    found = find_openings(here, [DOCTOR.id], case.search, listed)
    for opening in found:
        asked = (opening.date, opening.start_time, case.duration, case.zone)
        at = visit_time(*asked)
        told = (opening.end_time, opening.starts_at, opening.ends_at)
        if at is None or (at.end_time, at.span.start, at.span.end) != told:
            yield f"{opening} is {at}"
            continue
        visit = evolve(case.visit(at.span.start), **fields_of(at))
        if against := find_conflicts(visit, here, judged):
            yield f"{opening} is listed against {against}"
    starts = [opening.starts_at for opening in found]
    free = list(
        free_starts(case, lambda visit, here: find_conflicts(visit, here, judged))
    )
    yield from (f"{start} is not listed" for start in free if start not in starts)
    yield from (f"{start} is no start" for start in starts if start not in free)
    if starts != sorted(set(starts)):
        yield "they are not in order"


@given(case=cases())
def test_what_is_listed_is_what_can_be_booked(case):
    assert list(faults_of(case)) == []


@pytest.mark.slow
@settings(max_examples=500)
@given(case=cases())
def test_what_is_listed_is_what_can_be_booked_in_many_diaries(case):
    assert list(faults_of(case)) == []


@given(case=cases())
def test_a_day_is_listed_alike_alone_and_among_others(case):
    here, search = case.diary, case.search
    days = [search.first + timedelta(days=n) for n in range(3)]

    at_once = find_openings(here, [DOCTOR.id], evolve(search, last=days[-1]))

    assert at_once == [
        opening
        for day in days
        for opening in find_openings(
            here, [DOCTOR.id], evolve(search, first=day, last=day)
        )
    ]


@given(case=cases(), hour=st.integers(0, 47), most=st.integers(1, 5))
def test_the_nearest_openings_are_those_of_the_list(case, hour, most):
    here = case.diary
    wanted = datetime.combine(case.search.first, time()) + timedelta(hours=hour)
    wanted_at = first_instant_from(wanted, case.zone)

    nearest = nearest_openings(here, [DOCTOR.id], case.search, wanted, most=most)

    listed = find_openings(here, [DOCTOR.id], case.search)
    listed.sort(key=lambda opening: abs(opening.starts_at - wanted_at))
    assert list(nearest) == listed[:most]


# Days in which each rule stands alone against some start.
IN_TWO_DAYS = DAY + timedelta(days=2)
FULL = Case(
    zone=ZONE,
    now=datetime(2026, 3, 2, 12, 30, 20, tzinfo=UTC),  # 07:30:20 on its clock.
    week=[(day, time(7), time(16, 45)) for day in range(7)],
    dated={},
    off=[time_off("2026-03-02T15:00", "2026-03-02T15:30")],
    policy=SchedulingPolicy(
        slot_step=30,
        buffer_after=20,
        min_notice=60,
        max_horizon_days=3,
        daily_limit=2,
        closed_days=(DAY + timedelta(days=1),),
    ),
    own=DoctorPolicy(),
    busy=[
        busy_time_of(of_doctor("10:30-11:00")),
        busy_time_of(of_patient("13:00-13:30")),
        busy_time_of(of_doctor("09:00-09:30", on=IN_TWO_DAYS)),
        busy_time_of(of_doctor("10:00-10:30", on=IN_TWO_DAYS)),
    ],
    search=Search(
        first=DAY, last=DAY + timedelta(days=4), duration=30, patient_id=PATIENT.id
    ),
)


RULES = {
    "outside-hours" if rule is outside_hours else rule.kind.value: rule
    for rule in STANDARD_RULES
}


def without(*left_out):
    return [rule for rule in STANDARD_RULES if rule not in left_out]


def test_days_with_all_that_can_stand_in_the_way_are_listed_right():
    assert list(faults_of(FULL)) == []


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, id=name) for name, rule in RULES.items()]
)
def test_a_rule_that_booking_alone_forgets_is_found_out(rule):
    faults = list(faults_of(FULL, judged=without(rule)))

    assert faults
    assert all(fault.endswith("is not listed") for fault in faults)


@pytest.mark.parametrize(
    "rules",
    [
        # A buffer bars what overlaps too.
        pytest.param((doctor_is_busy, too_near_another), id="doctor-busy"),
        pytest.param((patient_is_busy,), id="patient-busy"),
        pytest.param((on_time_off,), id="time-off"),
        pytest.param((on_a_closed_day,), id="closed-day"),
        pytest.param((too_near_another,), id="buffer"),
        pytest.param((on_a_full_day,), id="daily-limit"),
        pytest.param((in_the_past,), id="in-the-past"),
        pytest.param((too_soon,), id="too-soon"),
        pytest.param((too_far_ahead,), id="too-far-ahead"),
    ],
)
def test_a_rule_that_the_list_alone_forgets_is_found_out(rules):
    faults = list(faults_of(FULL, listed=without(*rules)))

    assert any(f"'{rules[-1].kind.value}'" in fault for fault in faults)
    assert any(fault.endswith("is no start") for fault in faults)


def test_a_list_that_goes_beyond_the_hours_is_found_out(monkeypatch):
    def longer(*args):
        spans = cached_working_spans(*args)
        return [TimeSpan(each.start, each.end + timedelta(hours=1)) for each in spans]

    grid_of = grid._made
    monkeypatch.setattr(openings, "grid_of", grid_of)
    assert list(faults_of(FULL)) == []
    monkeypatch.setattr(grid, "cached_working_spans", longer)

    faults = list(faults_of(FULL))

    assert any("'outside-hours'" in fault for fault in faults)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"slot_step": 15}, "is not listed", id="a finer grid"),
        pytest.param({"slot_step": 60}, "is no start", id="a coarser grid"),
        pytest.param({"week": [(0, time(8), time(9))]}, "is no start", id="fewer"),
        pytest.param({"week": [(0, time(0), time())]}, "is no start", id="more"),
    ],
)
def test_a_list_by_another_grid_is_found_out(monkeypatch, change, fault):
    week = change.get("week", FULL.week)
    step = change.get("slot_step", FULL.step)
    monkeypatch.setattr(Case, "diary", FULL.diary)

    other = evolve(FULL, week=week, policy=evolve(FULL.policy, slot_step=step))

    assert any(told.endswith(fault) for told in faults_of(other))
