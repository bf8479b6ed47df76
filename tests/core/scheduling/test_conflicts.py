from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from attrs import evolve

from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.scheduling.conflicts import (
    OVERLAP_RULES,
    STANDARD_RULES,
    Conflict,
    ConflictKind,
    doctor_is_busy,
    find_conflicts,
    in_the_past,
    no_such_local_time,
    outside_hours,
    patient_is_busy,
)
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.timespan import zone_of
from tests.builders import (
    DAY,
    NOW,
    OPEN_ALL_WEEK,
    ZONE,
    appointment,
    doctor,
    hours,
    patient,
)

DOCTOR, PATIENT = doctor(), patient()
SUNDAY = DAY - timedelta(days=1)


def visit(times="09:00-09:30", **fields):
    people = {"doctor_id": DOCTOR.id, "patient_id": PATIENT.id}
    return appointment(times, **people | fields)


def busy_time(of):
    return BusyTime(of.id, of.doctor_id, of.patient_id, of.span)


def diary(*visits, now=NOW, week=OPEN_ALL_WEEK, zone=ZONE):
    return Diary(
        zone=zone,
        now=now,
        doctors={DOCTOR.id: DOCTOR},
        patients={PATIENT.id: PATIENT},
        hours={DOCTOR.id: tuple(week)},
        busy=tuple(busy_time(of) for of in visits),
    )


def kinds(conflicts):
    return [conflict.kind.value for conflict in conflicts]


TOUCHING = [
    pytest.param("08:00-09:00", False, id="ends as it starts"),
    pytest.param("08:30-09:01", True, id="runs one minute over"),
    pytest.param("09:00-09:30", True, id="the same"),
    pytest.param("09:10-09:20", True, id="inside"),
    pytest.param("08:00-10:00", True, id="around"),
    pytest.param("09:29-09:45", True, id="its last minute"),
    pytest.param("09:30-10:00", False, id="starts as it ends"),
]


@pytest.mark.parametrize(("existing", "clash"), TOUCHING)
def test_a_doctor_is_in_one_place_at_a_time(existing, clash):
    conflicts = find_conflicts(
        visit("09:00-09:30"), diary(appointment(existing, doctor_id=DOCTOR.id))
    )

    assert kinds(conflicts) == ["doctor-busy"] * clash


@pytest.mark.parametrize(("existing", "clash"), TOUCHING)
def test_a_patient_is_in_one_place_at_a_time(existing, clash):
    conflicts = find_conflicts(
        visit("09:00-09:30"), diary(appointment(existing, patient_id=PATIENT.id))
    )

    assert kinds(conflicts) == ["patient-busy"] * clash


def test_strangers_are_in_nobodys_way():
    assert find_conflicts(visit(), diary(appointment())) == ()


def test_a_visit_is_not_in_its_own_way():
    mine = visit("09:00-09:30")
    other = visit("09:15-10:00")

    assert find_conflicts(mine, diary(mine)) == ()
    assert kinds(find_conflicts(mine, diary(mine, other), [doctor_is_busy])) == [
        "doctor-busy"
    ]


def test_a_busy_doctor_is_told_with_the_clinics_clock_and_no_name():
    other = appointment("09:00-09:45", doctor_id=DOCTOR.id)

    [conflict] = doctor_is_busy(visit("09:30-10:00"), diary(other))

    assert conflict == Conflict(
        kind=ConflictKind.DOCTOR_BUSY,
        message="The doctor has a visit from 09:00 to 09:45.",
        starts_at=other.starts_at,
        ends_at=other.ends_at,
    )


def test_a_busy_patient_is_told_with_the_clinics_clock():
    [conflict] = patient_is_busy(
        visit("09:30-10:00"), diary(appointment("09:45-10:15", patient_id=PATIENT.id))
    )

    assert conflict.message == "The patient has a visit from 09:45 to 10:15."


@pytest.mark.parametrize(
    ("times", "inside"),
    [
        ("09:00-09:30", True),
        ("08:59-09:30", False),
        ("16:30-17:00", True),
        ("16:30-17:01", False),
        ("08:00-18:00", False),
        ("11:45-12:30", False),
        ("12:15-12:45", False),
        ("12:45-13:15", False),
        ("07:00-07:30", False),
        ("23:30-00:30", False),
    ],
)
def test_a_doctor_works_in_their_hours_only(times, inside):
    week = [*hours("09:00-12:00"), *hours("13:00-17:00")]

    conflicts = find_conflicts(visit(times), diary(week=week))

    assert kinds(conflicts) == ([] if inside else ["outside-hours"])


@pytest.mark.parametrize(
    ("week", "times", "on", "inside"),
    [
        pytest.param(
            [("09:00-12:00", Weekday.MONDAY), ("12:00-17:00", Weekday.MONDAY)],
            *("11:45-12:15", DAY, True),
            id="over the seam of two stretches",
        ),
        pytest.param(
            [("22:00-06:00", Weekday.SUNDAY)],
            *("05:30-06:00", DAY, True),
            id="the end of the night before",
        ),
        pytest.param(
            [("22:00-06:00", Weekday.SUNDAY)],
            *("05:31-06:01", DAY, False),
            id="a minute longer than the night",
        ),
        pytest.param(
            [("22:00-06:00", Weekday.SUNDAY)],
            *("23:30-00:30", SUNDAY, True),
            id="past midnight",
        ),
        pytest.param(
            [("22:00-00:00", Weekday.SUNDAY), ("00:00-02:00", Weekday.MONDAY)],
            *("23:30-00:30", SUNDAY, True),
            id="over a seam at midnight",
        ),
        pytest.param(
            [("22:00-00:00", Weekday.SUNDAY)],
            *("23:30-00:30", SUNDAY, False),
            id="past the midnight at which the work ends",
        ),
        pytest.param(
            [("00:00-00:00", Weekday.SUNDAY), ("00:00-00:00", Weekday.MONDAY)],
            *("23:59-23:59", SUNDAY, True),
            id="a whole day long",
        ),
    ],
)
def test_hours_run_past_midnight_and_over_seams(week, times, on, inside):
    stretches = [stretch for text, day in week for stretch in hours(text, day)]

    conflicts = find_conflicts(visit(times, on=on), diary(week=stretches))

    assert kinds(conflicts) == ([] if inside else ["outside-hours"])


@pytest.mark.parametrize(
    ("times", "on", "inside"),
    [
        pytest.param("01:30-03:30", date(2026, 3, 8), True, id="over the gap"),
        pytest.param("01:30-03:31", date(2026, 3, 8), False, id="a minute too long"),
        pytest.param("00:30-03:30", date(2026, 11, 1), True, id="four hours in three"),
    ],
)
def test_hours_on_the_day_of_a_clock_change(times, on, inside):
    week = hours("00:30-03:30", Weekday.SUNDAY)

    conflicts = find_conflicts(visit(times, on=on), diary(week=week))

    assert kinds(conflicts) == ([] if inside else ["outside-hours"])


def test_a_doctor_without_hours_cannot_be_booked():
    proposed = visit()

    [conflict] = outside_hours(proposed, diary(week=[]))

    assert conflict == Conflict(
        kind=ConflictKind.OUTSIDE_HOURS,
        message="The doctor does not work then.",
        starts_at=proposed.starts_at,
        ends_at=proposed.ends_at,
    )


@pytest.mark.parametrize(
    ("now", "past"),
    [
        pytest.param("2026-03-02T13:59:59", False, id="a second before"),
        pytest.param("2026-03-02T14:00:00", False, id="at the start"),
        pytest.param("2026-03-02T14:00:01", True, id="a second after"),
        pytest.param("2026-03-09T14:00:00", True, id="a week after"),
    ],
)
def test_what_has_begun_is_past(now, past):
    now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    proposed = visit("09:00-09:30")

    conflicts = find_conflicts(proposed, diary(now=now))

    assert kinds(conflicts) == ["in-the-past"] * past
    for conflict in in_the_past(proposed, diary(now=now)):
        assert (conflict.starts_at, conflict.ends_at) == (proposed.starts_at, now)
        assert conflict.message == "The visit would start in the past."


def test_all_conflicts_are_told_at_once_in_the_rules_order():
    both = visit("09:00-09:10")
    of_doctor = appointment("09:05-09:40", doctor_id=DOCTOR.id)
    of_patient = appointment("09:20-10:00", patient_id=PATIENT.id)
    late = datetime(2026, 3, 3, tzinfo=UTC)

    conflicts = find_conflicts(
        visit("09:00-09:30"),
        diary(both, of_doctor, of_patient, week=[], now=late),
    )

    assert kinds(conflicts) == [
        "doctor-busy",
        "doctor-busy",
        "patient-busy",
        "patient-busy",
        "outside-hours",
        "in-the-past",
    ]
    assert all(conflict.overridable for conflict in conflicts)


def test_what_was_accepted_before_is_judged_on_overlap_alone():
    late = datetime(2026, 3, 3, tzinfo=UTC)

    assert find_conflicts(visit(), diary(week=[], now=late), OVERLAP_RULES) == ()
    assert set(OVERLAP_RULES) < set(STANDARD_RULES)


def test_rules_are_asked_in_the_order_they_are_given():
    def no_mondays(proposed, _):
        if proposed.date.weekday() == 0:
            yield Conflict(kind=ConflictKind.OUTSIDE_HOURS, message="Not on Mondays.")

    conflicts = find_conflicts(
        visit(), diary(visit()), [no_mondays, patient_is_busy, doctor_is_busy]
    )

    assert kinds(conflicts) == ["outside-hours", "patient-busy", "doctor-busy"]


def test_the_order_of_a_diary_does_not_matter():
    others = [visit("09:00-09:10"), visit("09:10-09:20")]
    proposed = visit("09:00-09:30")

    forward = find_conflicts(proposed, diary(*others))
    backward = find_conflicts(proposed, diary(*reversed(others)))

    assert sorted(map(repr, forward)) == sorted(map(repr, backward))


def test_a_time_that_never_comes_cannot_be_overridden():
    conflict = no_such_local_time(datetime(2026, 3, 8, 2, 30), "America/New_York")

    assert conflict == Conflict(
        kind=ConflictKind.NO_SUCH_LOCAL_TIME,
        message="There is no 02:30 on 2026-03-08 in America/New_York.",
        overridable=False,
    )


def test_the_two_passes_of_a_fold_do_not_collide():
    fold = zone_of("America/New_York")
    day = date(2026, 11, 1)
    first = visit("01:00-01:30", on=day, zone=fold)
    second = evolve(
        first,
        id=appointment().id,
        starts_at=first.starts_at + timedelta(hours=1),
        ends_at=first.ends_at + timedelta(hours=1),
    )

    assert find_conflicts(second, diary(first), OVERLAP_RULES) == ()
