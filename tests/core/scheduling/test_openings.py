from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.appointment import fields_of
from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.scheduling.conflicts import (
    OVERLAP_RULES,
    Conflict,
    ConflictKind,
)
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.scheduling.openings import (
    Opening,
    free_spans,
    nearest_openings,
    starts_of_work,
)
from clinicflow_core.timespan import (
    TimeSpan,
    first_instant_from,
    instant_of,
    zone_of,
)
from tests.builders import (
    DAY,
    NOW,
    ZONE,
    appointment,
    doctor,
    hours,
    patient,
    span,
)

DOCTOR, PATIENT = doctor(), patient()
WORKDAYS = hours("09:00-17:00", *WEEKDAYS[:5])


def diary(*visits, week=WORKDAYS, now=NOW, zone=ZONE):
    busy = (BusyTime(v.id, v.doctor_id, v.patient_id, v.span) for v in visits)
    return Diary(
        zone=zone,
        now=now,
        doctors={DOCTOR.id: DOCTOR},
        patients={PATIENT.id: PATIENT},
        hours={DOCTOR.id: tuple(week)},
        busy=tuple(busy),
    )


def draft(visit_time):
    people = {"doctor_id": DOCTOR.id, "patient_id": PATIENT.id}
    return appointment(**people, **fields_of(visit_time))


def offered(diary, wanted, duration=30, **options):
    """Return the openings as "02 09:00-09:30"."""
    options = {"days": 7, **options}
    when = datetime.fromisoformat(wanted)
    found = nearest_openings(draft, DOCTOR.id, duration, when, diary, **options)
    return [f"{o.date:%d} {o.start_time:%H:%M}-{o.end_time:%H:%M}" for o in found]


def starts(diary, day, duration=30):
    found = starts_of_work(diary, DOCTOR.id, day, day, duration)
    return [f"{time.start_time:%H:%M}" for time in found]


def test_starts_lie_every_quarter_of_an_hour_from_the_start_of_work():
    week = hours("09:05-10:05", Weekday.MONDAY)

    assert starts(diary(week=week), DAY) == ["09:05", "09:20", "09:35"]


def test_the_last_start_leaves_the_whole_visit_within_hours():
    week = hours("09:00-10:00", Weekday.MONDAY)

    assert starts(diary(week=week), DAY, 60) == ["09:00"]
    assert starts(diary(week=week), DAY, 61) == []


def test_a_gap_has_no_starts():
    found = starts(diary(week=hours("01:00-04:00")), date(2026, 3, 8))

    before, after = ["01:00", "01:15", "01:30", "01:45"], ["03:00", "03:15", "03:30"]
    assert found == [*before, *after]


def test_a_repeated_hour_is_offered_once():
    found = starts(diary(week=hours("00:30-02:30")), date(2026, 11, 1))

    assert found == ["00:30", "00:45", "01:00", "01:15", "01:30", "01:45", "02:00"]


def test_a_visit_into_a_repeated_hour_ends_by_the_clock():
    found = starts_of_work(
        diary(week=hours("00:30-02:30")),
        DOCTOR.id,
        date(2026, 11, 1),
        date(2026, 11, 1),
        60,
    )

    assert [(t.start_time.hour, t.end_time.hour) for t in found] == [
        (0, 1), (0, 1), (1, 1), (1, 1), (1, 1), (1, 1)
    ]  # fmt: skip


def test_the_nearest_openings_come_first():
    busy = appointment("10:00-10:30", doctor_id=DOCTOR.id)

    assert offered(diary(busy), "2026-03-02T10:00") == [
        "02 09:30-10:00",
        "02 10:30-11:00",
        "02 09:15-09:45",
    ]


def test_a_patients_other_visits_are_kept_free_too():
    elsewhere = appointment("09:00-16:15", patient_id=PATIENT.id)

    assert offered(diary(elsewhere), "2026-03-02T10:00") == [
        "02 16:15-16:45",
        "02 16:30-17:00",
        "03 09:00-09:30",
    ]


def test_openings_before_and_after_a_closed_day_are_offered():
    assert offered(diary(), "2026-03-07T12:00", most=2) == [
        "06 16:30-17:00",
        "06 16:15-16:45",
    ]
    assert offered(diary(), "2026-03-08T12:00", most=2) == [
        "09 09:00-09:30",
        "09 09:15-09:45",
    ]


def test_nothing_past_is_offered():
    now = datetime(2026, 3, 2, 16, 20, tzinfo=UTC)  # 11:20 on the clinic's clock.

    assert offered(diary(now=now), "2026-03-02T09:00") == [
        "02 11:30-12:00",
        "02 11:45-12:15",
        "02 12:00-12:30",
    ]


def test_only_so_many_days_are_looked_at():
    week = hours("09:00-10:00", Weekday.MONDAY)

    assert offered(diary(week=week), "2026-03-04T09:00", days=2, most=9) == [
        "02 09:30-10:00",
        "02 09:15-09:45",
        "02 09:00-09:30",
    ]
    assert offered(diary(week=week), "2026-03-04T09:00", days=1) == []


@pytest.mark.parametrize("week", [WORKDAYS, hours("22:00-06:00")])
def test_nothing_is_offered_around_a_day_long_past(week):
    now = datetime(2026, 3, 2, 6, tzinfo=UTC)  # 01:00 on the clinic's clock.

    assert offered(diary(now=now, week=week), "2026-01-05T09:00") == []


def test_a_doctor_without_hours_offers_nothing():
    assert offered(diary(week=[]), "2026-03-02T09:00") == []


def test_a_full_week_offers_nothing():
    full = [
        appointment("09:00-17:00", on=DAY + timedelta(days=n), doctor_id=DOCTOR.id)
        for n in range(12)
    ]

    assert offered(diary(*full), "2026-03-04T09:00") == []


def test_other_rules_offer_other_times():
    def not_before_noon(proposed, _):
        if proposed.start_time.hour < 12:
            yield Conflict(kind=ConflictKind.OUTSIDE_HOURS, message="Mornings are off.")

    found = offered(diary(), "2026-03-02T10:00", rules=[not_before_noon], most=1)

    assert found == ["02 12:00-12:30"]


def test_nothing_past_is_offered_by_rules_that_allow_it():
    late = datetime(2026, 3, 2, 21, 30, tzinfo=UTC)  # 16:30 on the clinic's clock.

    found = offered(diary(now=late), "2026-03-02T10:00", rules=OVERLAP_RULES, most=2)

    assert found == ["02 16:30-17:00", "03 09:00-09:30"]


def test_an_opening_tells_wall_clock_and_instants():
    [found] = nearest_openings(
        draft, DOCTOR.id, 30, datetime(2026, 3, 2, 9), diary(), days=1, most=1
    )

    assert found == Opening(
        doctor_id=DOCTOR.id,
        date=DAY,
        start_time=datetime(2026, 3, 2, 9).time(),
        end_time=datetime(2026, 3, 2, 9, 30).time(),
        starts_at=datetime(2026, 3, 2, 14, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 14, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        pytest.param([], ["09:00-12:00", "13:00-17:00"], id="nothing taken"),
        pytest.param(["08:00-18:00"], [], id="all taken"),
        pytest.param(["09:00-12:00"], ["13:00-17:00"], id="a whole stretch"),
        pytest.param(
            ["12:00-13:00"], ["09:00-12:00", "13:00-17:00"], id="between stretches"
        ),
        pytest.param(
            ["14:00-15:00", "09:00-09:30"],
            ["09:30-12:00", "13:00-14:00", "15:00-17:00"],
            id="in any order",
        ),
        pytest.param(
            ["09:30-10:30", "10:00-10:15", "10:30-11:00"],
            ["09:00-09:30", "11:00-12:00", "13:00-17:00"],
            id="one inside and one beside another",
        ),
        pytest.param(
            ["11:30-13:30"], ["09:00-11:30", "13:30-17:00"], id="over two stretches"
        ),
        pytest.param(
            ["09:00-10:00", "11:45-12:15"],
            ["10:00-11:45", "13:00-17:00"],
            id="at both ends",
        ),
    ],
)
def test_free_is_what_is_not_taken(taken, left):
    working = [span("09:00-12:00"), span("13:00-17:00")]

    found = free_spans(working, [span(times) for times in taken])

    assert list(found) == [span(times) for times in left]


ZONES = st.sampled_from(
    ["America/New_York", "Europe/Vienna", "Australia/Lord_Howe", "Antarctica/Troll"]
).map(zone_of)
DAYS = st.sampled_from([*range(1, 15), *range(75, 98), *range(290, 310)]).map(
    lambda n: date(2026, 1, 1) + timedelta(days=n)
)


@given(
    zone=ZONES,
    day=DAYS,
    duration=st.integers(1, 180),
    minutes=st.lists(st.tuples(st.integers(0, 2 * 24 * 60), st.integers(1, 600))),
    times=st.sampled_from(["00:00-00:00", "09:00-17:00", "22:00-06:00", "01:10-03:20"]),
    hour=st.integers(0, 23),
)
def test_every_opening_can_be_booked_as_it_is_offered(
    zone, day, duration, minutes, times, hour
):
    now = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    taken = []
    for after, length in minutes:
        start = now + timedelta(minutes=after)
        mine = appointment(doctor_id=DOCTOR.id)
        period = TimeSpan(start, start + timedelta(minutes=length))
        taken.append(BusyTime(mine.id, DOCTOR.id, mine.patient_id, period))
    here = Diary(
        zone=zone,
        now=now + timedelta(hours=hour),
        doctors={DOCTOR.id: DOCTOR},
        patients={PATIENT.id: PATIENT},
        hours={DOCTOR.id: hours(times)},
        busy=tuple(sorted(taken, key=lambda busy: busy.span.start)),
    )
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)

    found = nearest_openings(draft, DOCTOR.id, duration, wanted, here, days=2, most=5)

    distances = []
    for opening in found:
        local = datetime.combine(opening.date, opening.start_time)
        assert instant_of(local, zone) == opening.starts_at
        assert opening.ends_at - opening.starts_at == timedelta(minutes=duration)
        assert opening.starts_at >= here.now
        assert not any(
            opening.starts_at < busy.span.end and busy.span.start < opening.ends_at
            for busy in taken
        )
        distances.append(abs(opening.starts_at - first_instant_from(wanted, zone)))
    assert distances == sorted(distances)
    assert len({opening.starts_at for opening in found}) == len(found)
