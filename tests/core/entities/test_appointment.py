from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from uuid import UUID

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
from clinicflow_core.entities.ids import SeriesId
from clinicflow_core.errors import InvalidTransitionError
from clinicflow_core.timespan import instant_of, zone_of
from tests.builders import DAY, NOW, ZONE, appointment, local, visit_at

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


def standing(status, *, arrived):
    """Return a visit of 09:00 to 09:30 in *status*."""
    visit = appointment("09:00-09:30", status=status)
    return evolve(visit, arrived=arrived, arrived_at=NOW if arrived else None)


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


DETAILS = {Step.CHANGE, Step.RESCHEDULE, Step.CANCEL}


@pytest.mark.parametrize(
    ("now", "status", "arrived", "offered"),
    [
        pytest.param(
            "2026-03-01 23:59",
            UNCONFIRMED,
            False,
            DETAILS | {Step.CONFIRM},
            id="before its day",
        ),
        pytest.param(
            "2026-03-02 00:00",
            UNCONFIRMED,
            False,
            DETAILS | {Step.CONFIRM, Step.ARRIVE},
            id="on its day",
        ),
        pytest.param(
            "2026-03-02 08:59",
            CONFIRMED,
            False,
            DETAILS | {Step.ARRIVE},
            id="a minute before its start",
        ),
        pytest.param(
            "2026-03-02 09:00",
            CONFIRMED,
            False,
            DETAILS | {Step.ARRIVE, Step.COMPLETE, Step.NO_SHOW},
            id="at its start",
        ),
        pytest.param(
            "2026-03-03 09:00",
            CONFIRMED,
            False,
            DETAILS | {Step.ARRIVE, Step.COMPLETE, Step.NO_SHOW},
            id="a day late",
        ),
        pytest.param(
            "2026-03-02 08:30",
            UNCONFIRMED,
            True,
            {Step.CHANGE, Step.CANCEL, Step.CONFIRM, Step.COMPLETE},
            id="the patient is early",
        ),
        pytest.param(
            "2026-03-02 09:10",
            CONFIRMED,
            True,
            {Step.CHANGE, Step.CANCEL, Step.COMPLETE},
            id="the patient is there",
        ),
        pytest.param("2026-03-02 10:00", COMPLETED, True, {Step.CHANGE}, id="over"),
        pytest.param(
            "2026-03-02 10:00", CANCELLED, True, {Step.REINSTATE}, id="cancelled"
        ),
        pytest.param("2026-03-02 10:00", NO_SHOW, False, {Step.REINSTATE}, id="missed"),
    ],
)
def test_a_step_is_offered_when_its_time_has_come(now, status, arrived, offered):
    visit = standing(status, arrived=arrived)

    assert visit.steps(instant_of(local(now), ZONE), ZONE) == offered


@pytest.mark.parametrize("arrived", [False, True], ids=["awaited", "arrived"])
@pytest.mark.parametrize("status", Status)
def test_what_is_offered_is_not_refused_and_changes_something(status, arrived):
    visit = standing(status, arrived=arrived)

    for step in visit.steps(visit.ends_at, ZONE):
        assert STEPS[step](visit) != visit


@pytest.mark.parametrize("step", [Step.ARRIVE, Step.COMPLETE, Step.NO_SHOW])
def test_a_step_that_is_not_offered_yet_is_taken_all_the_same(step):
    visit = appointment("11:00-11:30", on=DAY + timedelta(days=1))

    assert step not in visit.steps(LATER, ZONE)
    assert STEPS[step](visit).version == 2


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
    ("accepted", "shares_doctor", "shares_patient"),
    [
        (("doctor-busy",), True, False),
        (("patient-busy",), False, True),
        (("doctor-busy", "patient-busy"), True, True),
        (("outside-hours", "patient-busy"), False, True),
        (("outside-hours",), False, False),
        (("in-the-past", "time-off", "buffer", "daily-limit"), False, False),
        ((), False, False),
    ],
)
def test_a_visit_shares_the_time_of_whom_its_override_names_and_of_nobody_else(
    accepted, shares_doctor, shares_patient
):
    override = Override(reason="pain", conflicts=accepted)

    visit = appointment(override=override)

    assert (visit.shares_doctor, visit.shares_patient) == (
        shares_doctor,
        shares_patient,
    )
    assert (visit.holds_doctor, visit.holds_patient) == (
        not shares_doctor,
        not shares_patient,
    )
    assert visit.overbooked is (shares_doctor or shares_patient)
    assert visit.holds_its_time is not visit.overbooked


@pytest.mark.parametrize("status", [CANCELLED, NO_SHOW])
@pytest.mark.parametrize("accepted", [("doctor-busy",), ("patient-busy",)], ids=str)
def test_a_visit_that_does_not_take_place_holds_nobodys_time(status, accepted):
    override = Override(reason="pain", conflicts=accepted)

    visit = appointment(status=status, override=override)

    assert (visit.holds_doctor, visit.holds_patient) == (False, False)


def test_a_visit_without_an_override_shares_nobodys_time():
    visit = appointment()

    assert not visit.overbooked
    assert (visit.holds_doctor, visit.holds_patient) == (True, True)


@pytest.mark.parametrize(
    ("times", "other_doctor", "moves"),
    [
        pytest.param("09:00-09:30", False, 2, id="to where it is"),
        pytest.param("10:00-10:30", False, 3, id="to another time"),
        pytest.param("09:00-09:45", False, 3, id="to another length"),
        pytest.param("09:00-09:30", True, 3, id="to another doctor"),
        pytest.param("10:00-10:30", True, 3, id="to another doctor and time"),
    ],
)
def test_a_visit_counts_how_often_it_was_moved(times, other_doctor, moves):
    visit = appointment("09:00-09:30", times_moved=2)
    doctor_id = appointment().doctor_id if other_doctor else visit.doctor_id

    moved = visit.rescheduled(visit_at(times), doctor_id, None, LATER)

    assert moved.times_moved == moves


def test_a_visit_that_only_loses_its_override_is_changed_and_not_moved():
    override = Override(reason="pain", conflicts=("doctor-busy",))
    visit = appointment("09:00-09:30", override=override)

    after = visit.rescheduled(visit_at("09:00-09:30"), visit.doctor_id, None, LATER)

    assert after == evolve(visit, override=None, version=2, updated_at=LATER)


def test_a_visit_at_the_instants_that_its_wall_clock_means_by_now_was_not_moved():
    visit = appointment("09:00-09:30", status=CANCELLED, times_moved=1)
    there = zone_of("America/Chicago")

    after = visit.retimed(visit_at("09:00-09:30", zone=there), None, LATER)

    assert after.starts_at - visit.starts_at == timedelta(hours=1)
    assert (after.date, after.start_time) == (visit.date, visit.start_time)
    assert (after.status, after.times_moved, after.version) == (CANCELLED, 1, 2)
    assert after.updated_at == LATER


@pytest.mark.parametrize("step", STEPS)
def test_a_visit_stays_in_its_series_whatever_happens(step):
    status = CANCELLED if step is Step.REINSTATE else UNCONFIRMED
    visit = appointment(status=status, series_id=SeriesId(UUID(int=1)))

    assert STEPS[step](visit).series_id == visit.series_id


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
