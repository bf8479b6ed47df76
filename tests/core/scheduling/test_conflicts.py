from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from attrs import evolve

from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.policy import (
    MAX_BUFFER,
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.scheduling.conflicts import (
    ATTENDANCE_RULES,
    OVERLAP_RULES,
    STANDARD_RULES,
    Conflict,
    ConflictKind,
    doctor_is_busy,
    find_conflicts,
    in_the_past,
    no_such_local_time,
    on_a_closed_day,
    on_a_full_day,
    on_time_off,
    outside_hours,
    patient_is_busy,
    too_far_ahead,
    too_near_another,
    too_soon,
    visit_in_the_way,
)
from clinicflow_core.scheduling.diary import BusyTime
from clinicflow_core.timespan import zone_of
from tests.builders import DAY, NOW, ZONE, appointment, hours, overbooked, span
from tests.core.scheduling.diaries import (
    DOCTOR,
    PATIENT,
    diary,
    of_doctor,
    of_patient,
    on_day,
    time_off,
    visit,
    visit_at_instant,
)

SUNDAY, TUESDAY = DAY - timedelta(days=1), DAY + timedelta(days=1)
US = HolidayRegion(country="US")
CHRISTMAS = date(2026, 12, 25)


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
    conflicts = find_conflicts(visit("09:00-09:30"), diary(of_doctor(existing)))

    assert kinds(conflicts) == ["doctor-busy"] * clash


@pytest.mark.parametrize(("existing", "clash"), TOUCHING)
def test_a_patient_is_in_one_place_at_a_time(existing, clash):
    conflicts = find_conflicts(visit("09:00-09:30"), diary(of_patient(existing)))

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
    other = of_doctor("09:00-09:45")

    [conflict] = doctor_is_busy(visit("09:30-10:00"), diary(other))

    assert conflict == Conflict(
        kind=ConflictKind.DOCTOR_BUSY,
        message="The doctor has a visit from 09:00 to 09:45.",
        starts_at=other.starts_at,
        ends_at=other.ends_at,
    )


def test_a_busy_patient_is_told_with_the_clinics_clock():
    [conflict] = patient_is_busy(visit("09:30-10:00"), diary(of_patient("09:45-10:15")))

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
    theirs = of_doctor("09:05-09:40")
    elsewhere = of_patient("09:20-10:00")
    late = datetime(2026, 3, 3, tzinfo=UTC)

    conflicts = find_conflicts(
        visit("09:00-09:30"),
        diary(both, theirs, elsewhere, week=[], now=late),
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


@pytest.mark.parametrize(
    ("starts", "ends", "clash"),
    [
        pytest.param("02T08:00", "02T09:00", False, id="ends as it starts"),
        pytest.param("02T08:00", "02T09:01", True, id="runs one minute over"),
        pytest.param("02T08:00", "02T09:00:01", True, id="runs one second over"),
        pytest.param("02T09:10", "02T09:20", True, id="inside"),
        pytest.param("02T09:29", "02T12:00", True, id="its last minute"),
        pytest.param("02T09:30", "02T12:00", False, id="starts as it ends"),
        pytest.param("02T00:00", "03T00:00", True, id="the whole day"),
        pytest.param("01T00:00", "02T00:00", False, id="the whole day before"),
        pytest.param("03T00:00", "04T00:00", False, id="the whole day after"),
        pytest.param("01T22:00", "02T09:01", True, id="since the night before"),
        pytest.param("01T00:00", "15T00:00", True, id="two weeks around it"),
        pytest.param("03T00:00", "15T00:00", False, id="two weeks from tomorrow on"),
    ],
)
def test_a_doctor_sees_nobody_on_time_off(starts, ends, clash):
    off = time_off(f"2026-03-{starts}", f"2026-03-{ends}")

    conflicts = find_conflicts(visit("09:00-09:30"), diary(off=[off]))

    assert kinds(conflicts) == ["time-off"] * clash


@pytest.mark.parametrize(
    ("starts", "ends", "at", "clash"),
    [
        pytest.param(
            *("2026-03-08T00:00", "2026-03-09T00:00", "2026-03-09T03:30", True),
            id="the last minutes of a day of 23 hours",
        ),
        pytest.param(
            *("2026-03-08T00:00", "2026-03-09T00:00", "2026-03-09T04:00", False),
            id="the midnight after a day of 23 hours",
        ),
        pytest.param(
            *("2026-11-01T00:00", "2026-11-02T00:00", "2026-11-02T04:30", True),
            id="the last minutes of a day of 25 hours",
        ),
        pytest.param(
            *("2026-03-08T02:30", "2026-03-08T05:00", "2026-03-08T06:30", False),
            id="until the change, as its start is skipped",
        ),
        pytest.param(
            *("2026-03-08T02:30", "2026-03-08T05:00", "2026-03-08T07:00", True),
            id="from the change on, as its start is skipped",
        ),
        pytest.param(
            *("2026-03-08T01:00", "2026-03-08T02:30", "2026-03-08T06:30", True),
            id="to the change, as its end is skipped",
        ),
        pytest.param(
            *("2026-03-08T01:00", "2026-03-08T02:30", "2026-03-08T07:00", False),
            id="no longer than to the change",
        ),
        pytest.param(
            *("2026-03-08T02:10", "2026-03-08T02:50", "2026-03-08T07:00", False),
            id="nothing, as all of it is skipped",
        ),
        pytest.param(
            *("2026-11-01T00:00", "2026-11-01T01:30", "2026-11-01T05:00", True),
            id="the first pass of an hour",
        ),
        pytest.param(
            *("2026-11-01T00:00", "2026-11-01T01:30", "2026-11-01T06:00", False),
            id="not the second pass that comes after its end",
        ),
        pytest.param(
            *("2026-11-01T01:00", "2026-11-01T02:00", "2026-11-01T06:30", True),
            id="both passes of an hour",
        ),
    ],
)
def test_time_off_follows_the_clock_over_a_change(starts, ends, at, clash):
    at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    proposed = visit_at_instant(at, 30)

    conflicts = find_conflicts(proposed, diary(off=[time_off(starts, ends)]))

    assert kinds(conflicts) == ["time-off"] * clash


def test_time_off_is_told_with_its_bounds_and_without_its_reason():
    off = time_off("2026-03-01T22:00", "2026-03-02T12:00", reason="An operation")

    [conflict] = on_time_off(visit(), diary(off=[off]))

    assert conflict == Conflict(
        kind=ConflictKind.TIME_OFF,
        message="The doctor is off from 2026-03-01 22:00 to 2026-03-02 12:00.",
        starts_at=datetime(2026, 3, 2, 3, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 17, tzinfo=UTC),
    )


def test_each_time_off_in_the_way_is_told():
    off = [
        time_off("2026-03-02T09:00", "2026-03-02T09:10"),
        time_off("2026-03-02T09:10", "2026-03-02T09:20"),
        time_off("2026-03-02T10:00", "2026-03-02T10:20"),
    ]

    conflicts = find_conflicts(visit("09:00-09:30"), diary(off=off))

    assert kinds(conflicts) == ["time-off", "time-off"]


@pytest.mark.parametrize(
    ("times", "on", "clash"),
    [
        pytest.param("23:30-00:00", SUNDAY, 0, id="until the day begins"),
        pytest.param("23:31-00:01", SUNDAY, 1, id="a minute into the day"),
        pytest.param("23:30-00:30", SUNDAY, 1, id="a night that runs into it"),
        pytest.param("00:00-00:30", DAY, 1, id="its first minutes"),
        pytest.param("12:00-12:30", DAY, 1, id="its noon"),
        pytest.param("23:30-00:00", DAY, 1, id="its last minutes"),
        pytest.param("23:30-00:30", DAY, 1, id="a night that runs out of it"),
        pytest.param("00:00-00:30", TUESDAY, 0, id="from its end on"),
    ],
)
def test_nobody_is_seen_on_a_closed_day(times, on, clash):
    closed = SchedulingPolicy(closed_days=(DAY,))

    conflicts = find_conflicts(visit(times, on=on), diary(policy=closed))

    assert kinds(conflicts) == ["closed-day"] * clash


def test_a_night_shift_ends_where_a_closed_day_begins():
    night = hours("22:00-06:00")
    closed = diary(week=night, policy=SchedulingPolicy(closed_days=(DAY,)))

    assert find_conflicts(visit("23:30-00:00", on=SUNDAY), closed) == ()
    assert kinds(find_conflicts(visit("05:30-06:00"), closed)) == ["closed-day"]
    assert find_conflicts(visit("05:30-06:00", on=TUESDAY), diary(week=night)) == ()
    assert kinds(find_conflicts(visit("23:30-00:30"), closed)) == ["closed-day"]
    assert find_conflicts(visit("00:00-00:30", on=TUESDAY), closed) == ()


def test_a_closed_day_is_told_as_the_whole_day_on_the_clinics_clock():
    closed = diary(policy=SchedulingPolicy(closed_days=(DAY,)))

    [conflict] = on_a_closed_day(visit("09:00-09:30"), closed)

    assert conflict == Conflict(
        kind=ConflictKind.CLOSED_DAY,
        message="The clinic is closed on 2026-03-02.",
        starts_at=datetime(2026, 3, 2, 5, tzinfo=UTC),
        ends_at=datetime(2026, 3, 3, 5, tzinfo=UTC),
    )


def test_each_closed_day_that_a_visit_touches_is_told():
    closed = diary(policy=SchedulingPolicy(closed_days=(SUNDAY, DAY, TUESDAY)))

    conflicts = find_conflicts(visit("23:30-00:30"), closed)

    assert [c.message[-11:] for c in conflicts] == ["2026-03-02.", "2026-03-03."]


@pytest.mark.parametrize(
    ("place", "times", "on", "clash"),
    [
        pytest.param("US", "09:00-09:30", "2026-12-25", 1, id="a holiday"),
        pytest.param("US", "09:00-09:30", "2026-12-28", 0, id="no holiday"),
        pytest.param("US", "09:00-09:30", "2026-07-03", 1, id="a day in lieu"),
        pytest.param(
            "US", "09:00-09:30", "2027-12-31", 1, id="a day in lieu in the year before"
        ),
        pytest.param("US", "09:00-09:30", "2027-02-12", 0, id="not there in all parts"),
        pytest.param("US-NY", "09:00-09:30", "2027-02-12", 1, id="there in this part"),
        pytest.param("US-NY", "09:00-09:30", "2026-12-25", 1, id="there in all parts"),
        pytest.param("AT", "09:00-09:30", "2026-10-26", 1, id="in this country"),
        pytest.param("US", "09:00-09:30", "2026-10-26", 0, id="not in that country"),
        pytest.param(
            "US", "23:30-00:30", "2026-12-24", 1, id="a night that runs into it"
        ),
        pytest.param(
            "US",
            "23:30-00:30",
            "2026-12-31",
            1,
            id="a night that runs into the new year",
        ),
        pytest.param("US", "23:30-00:00", "2026-12-31", 0, id="until the new year"),
    ],
)
def test_nobody_is_seen_on_a_public_holiday(place, times, on, clash):
    country, _, part = place.partition("-")
    region = HolidayRegion(country=country, region=part or None)
    here = diary(policy=SchedulingPolicy(public_holidays=region))

    conflicts = find_conflicts(visit(times, on=date.fromisoformat(on)), here)

    assert kinds(conflicts) == ["closed-day"] * clash


@pytest.mark.parametrize(
    ("policy", "dated", "expected"),
    [
        pytest.param(
            SchedulingPolicy(public_holidays=US),
            [on_day(CHRISTMAS, "09:00-12:00")],
            [],
            id="hours of that day open a holiday",
        ),
        pytest.param(
            SchedulingPolicy(public_holidays=US),
            [on_day(CHRISTMAS, "10:00-12:00")],
            ["outside-hours"],
            id="for these hours alone",
        ),
        pytest.param(
            SchedulingPolicy(public_holidays=US),
            [on_day(CHRISTMAS)],
            ["outside-hours", "closed-day"],
            id="no hours do not open it",
        ),
        pytest.param(
            SchedulingPolicy(public_holidays=US),
            [on_day(date(2026, 12, 24), "09:00-12:00")],
            ["closed-day"],
            id="nor do those of the day before",
        ),
        pytest.param(
            SchedulingPolicy(closed_days=(CHRISTMAS,)),
            [on_day(CHRISTMAS, "09:00-12:00")],
            ["closed-day"],
            id="nothing opens a day that the clinic closed",
        ),
        pytest.param(
            SchedulingPolicy(closed_days=(CHRISTMAS,), public_holidays=US),
            [on_day(CHRISTMAS, "09:00-12:00")],
            ["closed-day"],
            id="be it a holiday too",
        ),
    ],
)
def test_a_doctor_can_work_on_a_holiday_and_never_on_a_closed_day(
    policy, dated, expected
):
    proposed = visit("09:00-09:30", on=CHRISTMAS)

    assert (
        kinds(find_conflicts(proposed, diary(policy=policy, dated=dated))) == expected
    )


def test_a_night_runs_into_a_holiday_that_its_doctor_opened():
    eve = on_day(date(2026, 12, 24), "22:00-06:00")
    policy = SchedulingPolicy(public_holidays=US)
    proposed = visit("23:30-00:30", on=date(2026, 12, 24))

    closed = find_conflicts(proposed, diary(policy=policy, dated=[eve]))
    opened = find_conflicts(
        proposed, diary(policy=policy, dated=[eve, on_day(CHRISTMAS, "08:00-09:00")])
    )

    assert kinds(closed) == ["closed-day"]
    assert opened == ()


@pytest.mark.parametrize(
    ("before", "after", "existing", "near"),
    [
        pytest.param(0, 0, "09:30-10:00", False, id="no buffer, touching after"),
        pytest.param(0, 0, "08:30-09:00", False, id="no buffer, touching before"),
        pytest.param(10, 10, "09:40-10:00", False, id="touches the buffer after"),
        pytest.param(10, 10, "09:39-10:00", True, id="a minute into the buffer after"),
        pytest.param(10, 10, "09:30-10:00", True, id="touches the visit's end"),
        pytest.param(10, 10, "08:30-08:50", False, id="touches the buffer before"),
        pytest.param(10, 10, "08:30-08:51", True, id="a minute into the buffer before"),
        pytest.param(10, 10, "08:30-09:00", True, id="touches the visit's start"),
        pytest.param(0, 15, "09:45-10:00", False, id="after alone, later visit"),
        pytest.param(
            0, 15, "09:44-10:00", True, id="after alone, later, a minute less"
        ),
        pytest.param(0, 15, "08:30-08:45", False, id="after alone, earlier visit"),
        pytest.param(
            0, 15, "08:30-08:46", True, id="after alone, earlier, a minute less"
        ),
        pytest.param(15, 0, "09:45-10:00", False, id="before alone, later visit"),
        pytest.param(
            15, 0, "09:44-10:00", True, id="before alone, later, a minute less"
        ),
        pytest.param(15, 0, "08:30-08:45", False, id="before alone, earlier visit"),
        pytest.param(
            15, 0, "08:30-08:46", True, id="before alone, earlier, a minute less"
        ),
        pytest.param(
            10, 15, "09:45-10:00", False, id="both overlap: the longer counts"
        ),
        pytest.param(10, 15, "09:44-10:00", True, id="the longer, a minute less"),
        pytest.param(
            MAX_BUFFER, 0, "13:30-14:00", False, id="the longest buffer, touched"
        ),
        pytest.param(
            MAX_BUFFER, 0, "13:29-14:00", True, id="the longest, a minute less"
        ),
    ],
)
def test_a_buffer_stays_free_between_two_visits_of_a_doctor(
    before, after, existing, near
):
    policy = SchedulingPolicy(buffer_before=before, buffer_after=after)

    conflicts = find_conflicts(
        visit("09:00-09:30"), diary(of_doctor(existing), policy=policy)
    )

    assert kinds(conflicts) == ["buffer"] * near


def test_a_buffer_is_counted_to_the_second():
    here = diary(
        BusyTime(appointment().id, DOCTOR.id, None, longer_by_a_second("09:40-10:00")),
        BusyTime(appointment().id, DOCTOR.id, None, span("08:30-08:50")),
        policy=SchedulingPolicy(buffer_after=10),
    )

    [conflict] = find_conflicts(visit("09:00-09:30"), here)

    assert conflict.kind is ConflictKind.BUFFER
    assert conflict.starts_at == datetime(2026, 3, 2, 14, 39, 59, tzinfo=UTC)


def longer_by_a_second(times):
    exact = span(times)
    return evolve(exact, start=exact.start - timedelta(seconds=1))


@pytest.mark.parametrize("existing", ["08:30-09:01", "09:10-09:20", "09:29-09:45"])
def test_an_overlap_is_told_as_such_and_not_as_too_near(existing):
    policy = SchedulingPolicy(buffer_before=10, buffer_after=10)

    conflicts = find_conflicts(
        visit("09:00-09:30"), diary(of_doctor(existing), policy=policy)
    )

    assert kinds(conflicts) == ["doctor-busy"]


def test_a_buffer_keeps_a_doctors_visits_apart_and_nobody_elses():
    policy = SchedulingPolicy(buffer_after=10)
    shared = evolve(of_doctor("09:30-10:00"), override=overbooked())

    free = diary(of_patient("09:30-10:00"), appointment("09:30-10:00"), policy=policy)

    assert find_conflicts(visit("09:00-09:30"), free) == ()
    assert find_conflicts(visit("09:00-09:30"), diary(shared, policy=policy)) == ()


def test_a_buffer_reaches_beyond_the_hours():
    policy = SchedulingPolicy(buffer_before=30, buffer_after=30)
    here = diary(week=hours("09:00-17:00"), policy=policy)

    assert find_conflicts(visit("09:00-09:30"), here) == ()
    assert find_conflicts(visit("16:30-17:00"), here) == ()


def test_a_visit_that_is_too_near_is_told_with_the_other_one():
    earlier, later = of_doctor("08:30-08:55"), of_doctor("09:35-10:00")
    policy = SchedulingPolicy(buffer_after=10)

    first, second = too_near_another(visit(), diary(earlier, later, policy=policy))

    assert first == Conflict(
        kind=ConflictKind.BUFFER,
        message="It is too near to the doctor's visit from 08:30 to 08:55.",
        starts_at=earlier.starts_at,
        ends_at=earlier.ends_at,
    )
    assert second.message == "It is too near to the doctor's visit from 09:35 to 10:00."


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2026-03-02T12:59:59", [], id="a second earlier"),
        pytest.param("2026-03-02T13:00:00", [], id="the hour before, exactly"),
        pytest.param("2026-03-02T13:00:01", ["too-soon"], id="a second less"),
        pytest.param("2026-03-02T14:00:00", ["too-soon"], id="at the start"),
        pytest.param("2026-03-02T14:00:01", ["in-the-past"], id="begun, and so past"),
    ],
)
def test_a_visit_is_booked_so_long_before(now, expected):
    now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    policy = SchedulingPolicy(min_notice=60)

    conflicts = find_conflicts(visit("09:00-09:30"), diary(now=now, policy=policy))

    assert kinds(conflicts) == expected


@pytest.mark.parametrize(
    ("seconds", "soonest"),
    [
        pytest.param(0, "2026-03-02 10:00", id="a whole minute"),
        pytest.param(1, "2026-03-02 10:01", id="a second into a minute"),
        pytest.param(59, "2026-03-02 10:01", id="a second before the next one"),
    ],
)
def test_who_comes_too_soon_is_told_the_first_minute_that_is_not(seconds, soonest):
    now = datetime(2026, 3, 2, 13, 0, seconds, tzinfo=UTC)
    proposed = visit("09:00-09:30")

    [conflict] = too_soon(
        proposed, diary(now=now, policy=SchedulingPolicy(min_notice=120))
    )

    assert conflict == Conflict(
        kind=ConflictKind.TOO_SOON,
        message=f"Visits are booked for {soonest} or later.",
        starts_at=proposed.starts_at,
        ends_at=now + timedelta(hours=2),
    )


@pytest.mark.parametrize(
    ("now", "days", "times", "on", "far"),
    [
        pytest.param(NOW, 0, "23:30-00:30", SUNDAY, False, id="today"),
        pytest.param(NOW, 0, "00:00-00:30", DAY, True, id="tomorrow, if only today"),
        pytest.param(NOW, 1, "00:00-00:30", DAY, False, id="the last day begins"),
        pytest.param(
            NOW, 1, "23:59-00:59", DAY, False, id="the last day's last minute"
        ),
        pytest.param(NOW, 1, "00:00-00:30", TUESDAY, True, id="the day after it"),
        pytest.param(
            NOW, None, "09:00-09:30", date(2199, 12, 31), False, id="no bound"
        ),
        pytest.param(
            datetime(2026, 3, 2, 4, 59, tzinfo=UTC),
            *(1, "00:00-00:30", TUESDAY, True),
            id="today is still yesterday in UTC's tomorrow",
        ),
        pytest.param(
            datetime(2026, 3, 2, 5, tzinfo=UTC),
            *(1, "00:00-00:30", TUESDAY, False),
            id="today begins at the clinic's midnight",
        ),
    ],
)
def test_visits_are_booked_up_to_the_last_day_of_the_horizon(now, days, times, on, far):
    policy = SchedulingPolicy(max_horizon_days=days)

    conflicts = find_conflicts(visit(times, on=on), diary(now=now, policy=policy))

    assert kinds(conflicts) == ["too-far-ahead"] * far


@pytest.mark.parametrize(
    ("times", "on", "far"),
    [
        pytest.param("23:30-23:59", date(2026, 4, 23), False, id="the last minutes"),
        pytest.param("01:00-01:30", date(2026, 4, 24), True, id="after the gap"),
    ],
)
def test_a_horizon_ends_where_a_midnight_is_skipped(times, on, far):
    cairo = zone_of("Africa/Cairo")
    now = datetime(2026, 4, 22, 12, tzinfo=UTC)
    here = diary(now=now, zone=cairo, policy=SchedulingPolicy(max_horizon_days=1))

    conflicts = find_conflicts(visit(times, on=on, zone=cairo), here)

    assert kinds(conflicts) == ["too-far-ahead"] * far


def test_who_looks_too_far_ahead_is_told_the_last_day():
    proposed = visit("09:00-09:30", on=date(2026, 4, 1))

    [conflict] = too_far_ahead(
        proposed, diary(policy=SchedulingPolicy(max_horizon_days=10))
    )

    assert conflict == Conflict(
        kind=ConflictKind.TOO_FAR_AHEAD,
        message="Visits are booked for 2026-03-11 or earlier.",
        starts_at=proposed.starts_at,
    )


@pytest.mark.parametrize(
    ("limit", "others", "full"),
    [
        pytest.param(None, ["10:00-10:30"] * 50, False, id="no limit"),
        pytest.param(2, [], False, id="none yet"),
        pytest.param(2, ["10:00-10:30"], False, id="room for one more"),
        pytest.param(2, ["10:00-10:30", "11:00-11:30"], True, id="full"),
        pytest.param(1, ["10:00-10:30", "11:00-11:30"], True, id="more than full"),
        pytest.param(1, ["00:00-00:30"], True, id="one in the first minutes"),
        pytest.param(1, ["23:30-00:30"], True, id="one in the last minutes"),
    ],
)
def test_a_doctor_has_so_many_visits_a_day(limit, others, full):
    here = diary(*map(of_doctor, others), policy=SchedulingPolicy(daily_limit=limit))

    conflicts = find_conflicts(visit("09:00-09:30"), here)

    assert kinds(conflicts) == ["daily-limit"] * full


def test_a_visit_counts_on_the_day_on_which_it_starts():
    policy = SchedulingPolicy(daily_limit=1)
    night = of_doctor("23:30-00:30", on=SUNDAY)

    assert find_conflicts(visit("09:00-09:30"), diary(night, policy=policy)) == ()
    assert kinds(
        find_conflicts(visit("09:00-09:30", on=SUNDAY), diary(night, policy=policy))
    ) == ["daily-limit"]
    late = visit("23:30-00:30", on=SUNDAY)
    assert find_conflicts(late, diary(of_doctor("09:00-09:30"), policy=policy)) == ()


def test_only_the_doctors_other_visits_count_for_the_day():
    mine = visit("09:00-09:30")
    policy = SchedulingPolicy(daily_limit=1)
    here = diary(mine, of_patient("10:00-10:30"), appointment(), policy=policy)

    assert find_conflicts(evolve(visit("15:00-15:30"), id=mine.id), here) == ()
    assert kinds(find_conflicts(visit("15:00-15:30"), here)) == ["daily-limit"]


def test_a_full_day_is_told_with_its_end():
    proposed = visit("09:00-09:30")
    here = diary(of_doctor("10:00-10:30"), policy=SchedulingPolicy(daily_limit=1))

    [conflict] = on_a_full_day(proposed, here)

    assert conflict == Conflict(
        kind=ConflictKind.DAILY_LIMIT,
        message="The doctor has as many visits on 2026-03-02 as are allowed.",
        starts_at=proposed.starts_at,
        ends_at=datetime(2026, 3, 3, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("week", "dated", "times", "inside"),
    [
        pytest.param(
            "09:00-17:00", [(DAY, "12:00-14:00")], "12:00-12:30", True, id="in them"
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "12:00-14:00")], "09:00-09:30", False),
            id="in the weekly ones that they replace",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "18:00-20:00")], "18:00-18:30", True),
            id="where there are none by the week",
        ),
        pytest.param("09:00-17:00", [(DAY,)], "09:00-09:30", False, id="none at all"),
        pytest.param(
            *("09:00-17:00", [(SUNDAY,), (TUESDAY,)], "09:00-09:30", True),
            id="none on the days beside it",
        ),
        pytest.param(
            *(
                "09:00-17:00",
                [(DAY, "09:00-10:00", "10:00-11:00")],
                "09:45-10:15",
                True,
            ),
            id="over their seam",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "00:00-00:00")], "23:30-00:00", True),
            id="the whole day",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "22:00-02:00")], "23:30-00:30", True),
            id="past midnight",
        ),
        pytest.param(
            *("09:00-17:00", [(DAY, "22:00-00:00")], "23:30-00:30", False),
            id="past the midnight at which they end",
        ),
        pytest.param(
            *("09:00-17:00", [(SUNDAY, "22:00-06:00")], "05:30-06:00", True),
            id="from the day before",
        ),
        pytest.param(
            *("09:00-17:00", [(SUNDAY, "22:00-06:00")], "05:31-06:01", False),
            id="from the day before, a minute longer",
        ),
        pytest.param(
            *("22:00-06:00", [(SUNDAY, "09:00-12:00")], "05:30-06:00", False),
            id="instead of the night before",
        ),
        pytest.param(
            *("22:00-06:00", [(DAY,)], "05:30-06:00", True),
            id="not instead of the end of the night before",
        ),
        pytest.param(
            *("22:00-06:00", [(DAY, "06:00-08:00")], "05:45-06:15", True),
            id="from the night into them",
        ),
    ],
)
def test_hours_of_one_day_stand_instead_of_the_weekly_ones(week, dated, times, inside):
    here = diary(week=hours(week), dated=[on_day(*day) for day in dated])

    conflicts = find_conflicts(visit(times), here)

    assert kinds(conflicts) == ([] if inside else ["outside-hours"])


def test_a_visit_of_a_day_and_a_night_may_run_over_a_short_day():
    proposed = visit_at_instant(datetime(2026, 3, 8, 4, 30, tzinfo=UTC), 24 * 60)

    assert (proposed.start_time, proposed.end_time) == (time(23, 30), time(0, 30))
    assert find_conflicts(proposed, diary()) == ()


def test_clocks_that_skip_a_day_are_no_obstacle():
    apia = zone_of("Pacific/Apia")
    here = diary(
        now=datetime(2011, 12, 1, tzinfo=UTC),
        zone=apia,
        policy=SchedulingPolicy(daily_limit=1, closed_days=(date(2011, 12, 30),)),
    )
    last_night = datetime(2011, 12, 30, 9, 30, tzinfo=UTC)

    assert find_conflicts(visit_at_instant(last_night, 60, apia), here) == ()


@pytest.mark.parametrize(
    ("clinics", "own", "existing", "expected"),
    [
        pytest.param(
            *(SchedulingPolicy(buffer_after=10), DoctorPolicy(buffer_after=0)),
            *("09:35-10:00", []),
            id="no buffer instead of one",
        ),
        pytest.param(
            *(SchedulingPolicy(), DoctorPolicy(buffer_before=10)),
            *("09:35-10:00", ["buffer"]),
            id="a buffer instead of none",
        ),
        pytest.param(
            *(SchedulingPolicy(buffer_before=10), DoctorPolicy(buffer_after=3)),
            *("09:35-10:00", ["buffer"]),
            id="the other buffer is the clinic's",
        ),
        pytest.param(
            *(SchedulingPolicy(min_notice=3 * 24 * 60), DoctorPolicy(min_notice=60)),
            *(None, []),
            id="less notice",
        ),
        pytest.param(
            *(SchedulingPolicy(min_notice=60), DoctorPolicy(min_notice=3 * 24 * 60)),
            *(None, ["too-soon"]),
            id="more notice",
        ),
        pytest.param(
            *(SchedulingPolicy(max_horizon_days=0), DoctorPolicy(max_horizon_days=1)),
            *(None, []),
            id="a later horizon",
        ),
        pytest.param(
            *(SchedulingPolicy(), DoctorPolicy(max_horizon_days=0)),
            *(None, ["too-far-ahead"]),
            id="a horizon of their own",
        ),
        pytest.param(
            *(SchedulingPolicy(daily_limit=1), DoctorPolicy(daily_limit=2)),
            *("12:00-12:30", []),
            id="more visits",
        ),
        pytest.param(
            *(SchedulingPolicy(), DoctorPolicy(daily_limit=1)),
            *("12:00-12:30", ["daily-limit"]),
            id="fewer visits",
        ),
        pytest.param(
            *(SchedulingPolicy(daily_limit=1), DoctorPolicy(slot_step=5)),
            *("12:00-12:30", ["daily-limit"]),
            id="what is left open is as the clinic's",
        ),
    ],
)
def test_a_doctor_can_ask_for_other_things_than_the_clinic(
    clinics, own, existing, expected
):
    others = [of_doctor(existing)] if existing else []

    conflicts = find_conflicts(visit(), diary(*others, policy=clinics, own=own))

    assert kinds(conflicts) == expected


def test_every_rule_is_told_at_once_in_their_order():
    here = diary(
        of_doctor("08:45-09:10"),
        of_patient("09:20-10:00"),
        of_doctor("09:32-10:00"),
        week=[],
        off=[time_off("2026-03-02T09:00", "2026-03-02T10:00")],
        policy=SchedulingPolicy(
            closed_days=(DAY,),
            buffer_after=5,
            daily_limit=1,
            min_notice=3 * 24 * 60,
            max_horizon_days=0,
        ),
    )

    conflicts = find_conflicts(visit("09:00-09:30"), here)

    assert kinds(conflicts) == [
        "doctor-busy",
        "patient-busy",
        "outside-hours",
        "time-off",
        "closed-day",
        "buffer",
        "daily-limit",
        "too-soon",
        "too-far-ahead",
    ]
    assert kinds(find_conflicts(visit(), here, ATTENDANCE_RULES)) == [
        "outside-hours",
        "time-off",
        "closed-day",
    ]


def test_no_conflict_names_a_patient_or_tells_a_reason():
    here = diary(
        of_doctor("08:45-09:10"),
        of_patient("09:20-10:00"),
        of_doctor("09:32-10:00"),
        week=[],
        off=[time_off("2026-03-02T09:00", "2026-03-02T10:00", reason="A burnout")],
        policy=SchedulingPolicy(
            closed_days=(DAY,), buffer_after=5, daily_limit=1, max_horizon_days=0
        ),
    )

    told = repr(find_conflicts(visit("09:00-09:30"), here))

    secrets = [
        PATIENT.first_name,
        PATIENT.last_name,
        PATIENT.id,
        DOCTOR.name,
        "burnout",
    ]
    assert [secret for secret in map(str, secrets) if secret in told] == []
    assert "A burnout" not in repr(here)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (ConflictKind.DOCTOR_BUSY, doctor_is_busy),
        (ConflictKind.PATIENT_BUSY, patient_is_busy),
    ],
)
def test_a_visit_in_the_way_is_told_by_a_store_as_by_the_rules(kind, rule):
    [told] = rule(visit("09:00-09:30"), diary(visit("09:10-09:40")))

    assert visit_in_the_way(kind, span("09:10-09:40"), ZONE) == told
