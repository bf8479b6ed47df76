from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import product

import pytest
from attrs import evolve

from clinicflow_core.entities.appointment import (
    HOLDING,
    TRANSITIONS,
    Override,
    Status,
    Step,
    VisitType,
)
from clinicflow_core.errors import InvalidTransitionError
from clinicflow_core.timespan import zone_of
from tests.builders import DAY, NOW, appointment, visit_at

LATER = NOW + timedelta(hours=1)

STEPS = {
    Step.CHANGE: lambda visit: visit.changed({"visit_type": VisitType.VIRTUAL}, LATER),
    Step.RESCHEDULE: lambda visit: visit.rescheduled(
        visit_at("11:00-11:30"), visit.doctor_id, None, LATER
    ),
    Step.CONFIRM: lambda visit: visit.confirmed(LATER),
    Step.ARRIVE: lambda visit: visit.arrived_now(LATER),
    Step.COMPLETE: lambda visit: visit.completed(LATER),
    Step.NO_SHOW: lambda visit: visit.missed(LATER),
    Step.CANCEL: lambda visit: visit.cancelled(LATER),
    Step.REINSTATE: lambda visit: visit.reinstated(None, LATER),
}

UNCONFIRMED, CONFIRMED = Status.UNCONFIRMED, Status.CONFIRMED
CANCELLED, COMPLETED, NO_SHOW = Status.CANCELLED, Status.COMPLETED, Status.NO_SHOW
REFUSED = None

# Written out once more on purpose: a row that goes missing in the code shows here.
EXPECTED = {
    Step.CHANGE: (UNCONFIRMED, CONFIRMED, REFUSED, COMPLETED, REFUSED),
    Step.RESCHEDULE: (UNCONFIRMED, CONFIRMED, REFUSED, REFUSED, REFUSED),
    Step.CONFIRM: (CONFIRMED, CONFIRMED, REFUSED, REFUSED, REFUSED),
    Step.ARRIVE: (UNCONFIRMED, CONFIRMED, REFUSED, REFUSED, REFUSED),
    Step.COMPLETE: (COMPLETED, COMPLETED, REFUSED, REFUSED, REFUSED),
    Step.NO_SHOW: (NO_SHOW, NO_SHOW, REFUSED, REFUSED, REFUSED),
    Step.CANCEL: (CANCELLED, CANCELLED, REFUSED, REFUSED, REFUSED),
    Step.REINSTATE: (REFUSED, REFUSED, UNCONFIRMED, REFUSED, UNCONFIRMED),
}
COLUMNS = (UNCONFIRMED, CONFIRMED, CANCELLED, COMPLETED, NO_SHOW)


@pytest.mark.parametrize(
    ("status", "step"),
    [
        pytest.param(status, step, id=f"{status.value}, {step.value}")
        for status, step in product(Status, Step)
    ],
)
def test_every_step_from_every_status_is_taken_or_refused(status, step):
    visit = appointment(status=status)
    expected = EXPECTED[step][COLUMNS.index(status)]

    if expected is REFUSED:
        with pytest.raises(InvalidTransitionError) as refusal:
            STEPS[step](visit)
        assert (status, step) not in TRANSITIONS
        assert (refusal.value.record_id, refusal.value.status, refusal.value.event) == (
            visit.id,
            status.value,
            step.value,
        )
    else:
        assert STEPS[step](visit).status is expected
        assert TRANSITIONS[status, step] is expected


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        (UNCONFIRMED, True),
        (CONFIRMED, True),
        (COMPLETED, True),
        (CANCELLED, False),
        (NO_SHOW, False),
    ],
)
def test_every_status_keeps_the_time_or_frees_it(status, holds):
    assert (status in HOLDING) is holds
    assert appointment(status=status).holds_its_time is holds


def test_all_statuses_are_classified():
    assert set(COLUMNS) == set(Status)
    assert set(EXPECTED) == set(Step) == set(STEPS)


@pytest.mark.parametrize(
    ("accepted", "overbooks"),
    [
        (("doctor-busy",), True),
        (("patient-busy",), True),
        (("outside-hours", "patient-busy"), True),
        (("outside-hours",), False),
        (("in-the-past",), False),
    ],
)
def test_only_a_visit_beside_another_shares_its_time(accepted, overbooks):
    override = Override(reason="pain", conflicts=accepted)

    visit = appointment(override=override)

    assert visit.overbooked is overbooks
    assert visit.holds_its_time is not overbooks


def test_a_change_counts_the_version_and_notes_the_time():
    visit = appointment(version=3)

    after = visit.confirmed(LATER)

    assert after == evolve(visit, status=CONFIRMED, version=4, updated_at=LATER)


@pytest.mark.parametrize(
    "step",
    [
        lambda visit: visit.confirmed(LATER),
        lambda visit: visit.changed({"meeting_link": None}, LATER),
        lambda visit: visit.rescheduled(
            visit_at("09:00-09:30"), visit.doctor_id, None, LATER
        ),
    ],
    ids=["confirmed again", "same details", "moved to where it is"],
)
def test_a_step_that_changes_nothing_is_no_change(step):
    visit = appointment("09:00-09:30", status=CONFIRMED)

    assert step(visit) is visit


def test_the_first_arrival_counts():
    visit = appointment().arrived_now(NOW)

    again = visit.arrived_now(LATER)

    assert again is visit
    assert (visit.arrived, visit.arrived_at) == (True, NOW)


@pytest.mark.parametrize("step", [Step.NO_SHOW, Step.RESCHEDULE])
def test_a_patient_who_arrived_is_neither_missed_nor_moved(step):
    visit = appointment().arrived_now(NOW)

    with pytest.raises(InvalidTransitionError) as refusal:
        STEPS[step](visit)

    assert refusal.value.status == "arrived"
    assert refusal.value.event == step.value


def test_a_reinstated_visit_starts_over():
    visit = appointment(override=Override(reason="pain", conflicts=("doctor-busy",)))
    cancelled = visit.arrived_now(NOW).cancelled(NOW)

    again = cancelled.reinstated(None, LATER)

    assert (again.arrived, again.arrived_at, again.override) == (False, None, None)
    assert again.holds_its_time


def test_a_moved_visit_keeps_its_status_and_forgets_its_override():
    override = Override(reason="pain", conflicts=("doctor-busy",))
    visit = appointment("09:00-09:30", status=CONFIRMED, override=override)

    moved = visit.rescheduled(visit_at("10:00-11:00"), visit.doctor_id, None, LATER)

    assert (moved.status, moved.override) == (CONFIRMED, None)
    assert (moved.start_time, moved.duration) == (time(10), 60)
    assert moved.span == visit_at("10:00-11:00").span


@pytest.mark.parametrize("duration", [0, -30, 24 * 60 + 1])
def test_a_visit_lasts_a_minute_to_a_day(duration):
    visit = appointment()

    with pytest.raises(ValueError, match="duration must be 1 to 1440 minutes"):
        evolve(
            visit,
            duration=duration,
            ends_at=visit.starts_at + timedelta(minutes=duration),
        )


def test_the_longest_visit_runs_to_the_same_time_next_day():
    visit = appointment("09:00-09:00")

    assert visit.duration == 24 * 60


def test_duration_and_instants_must_agree():
    visit = appointment("09:00-09:30")

    with pytest.raises(ValueError, match="minutes between the instants"):
        evolve(visit, duration=45)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"date": DAY + timedelta(days=2)}, id="two days later"),
        pytest.param({"date": DAY - timedelta(days=1)}, id="a day before"),
        pytest.param({"end_time": time(12, 31)}, id="more than three hours too late"),
        pytest.param({"end_time": time(6, 29)}, id="more than three hours too early"),
        pytest.param({"start_time": time(13)}, id="starts after it ends"),
    ],
)
def test_wall_clock_and_instants_must_agree(wrong):
    visit = appointment("09:00-09:30")

    with pytest.raises(ValueError, match="wall clock and instants must agree"):
        evolve(visit, **wrong)


@pytest.mark.parametrize(
    ("zone", "day", "times"),
    [
        ("Pacific/Kiritimati", DAY, "00:00-00:30"),
        ("Pacific/Pago_Pago", DAY, "23:00-00:30"),
        ("Pacific/Apia", date(2011, 12, 29), "23:30-23:59"),
        ("Europe/Amsterdam", date(1925, 1, 1), "09:00-09:30"),
        ("America/New_York", date(2026, 3, 8), "01:30-03:30"),
        ("Antarctica/Troll", date(2026, 10, 25), "00:30-04:00"),
        ("Africa/Cairo", date(2026, 4, 23), "23:30-01:30"),
    ],
)
def test_every_zone_and_clock_change_is_accepted(zone, day, times):
    visit = appointment(times, on=day, zone=zone_of(zone))

    assert visit.ends_at - visit.starts_at == timedelta(minutes=visit.duration)


@pytest.mark.parametrize(
    "half", [{"arrived": True}, {"arrived_at": datetime(2026, 3, 2, 14, tzinfo=UTC)}]
)
def test_an_arrival_has_its_time(half):
    with pytest.raises(ValueError, match="arrived and arrived_at must agree"):
        appointment(**half)


def test_visits_are_listed_by_start():
    late, early = appointment("10:00-10:30"), appointment("09:00-11:00")

    assert sorted([late, early], key=lambda visit: visit.sort_key) == [early, late]


def test_what_is_said_of_a_visit_in_a_log_is_not_private():
    override = Override(reason="MARKER", conflicts=("doctor-busy",))

    visit = appointment(meeting_link="https://example.org/MARKER", override=override)

    assert "MARKER" not in repr(visit)
