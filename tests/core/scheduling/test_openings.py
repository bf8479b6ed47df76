from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.appointment import VisitCategory
from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.entities.policy import (
    DoctorPolicy,
    HolidayRegion,
    SchedulingPolicy,
)
from clinicflow_core.scheduling.conflicts import (
    OVERLAP_RULES,
    STANDARD_RULES,
    Conflict,
    ConflictKind,
)
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.scheduling.openings import (
    Opening,
    Search,
    find_openings,
    first_openings,
    free_spans,
    free_times,
    nearest_openings,
)
from clinicflow_core.timespan import (
    TimeSpan,
    first_instant_from,
    instant_of,
    zone_of,
)
from tests.builders import DAY, ZONE, appointment, clock, doctor, hours, span
from tests.core.scheduling.diaries import (
    DOCTOR,
    PATIENT,
    of_doctor,
    of_patient,
    on_day,
    shown,
    time_off,
)
from tests.core.scheduling.diaries import diary as any_diary

WORKDAYS = hours("09:00-17:00", *WEEKDAYS[:5])
SUNDAY, TUESDAY = DAY - timedelta(days=1), DAY + timedelta(days=1)
LATER = date(2026, 3, 18)
SHORT, LONG = date(2026, 3, 8), date(2026, 11, 1)
"""The days on which New York's clocks change."""


def diary(*visits, week=WORKDAYS, **fields):
    return any_diary(*visits, week=week, **fields)


def offered(diary, wanted, duration=30, *, days=7, **options):
    """Return the openings nearest to *wanted*, so many *days* around it."""
    when = datetime.fromisoformat(wanted)
    search = Search(
        first=when.date() - timedelta(days=days),
        last=when.date() + timedelta(days=days),
        duration=duration,
        patient_id=PATIENT.id,
    )
    return shown(nearest_openings(diary, [DOCTOR.id], search, when, **options))


def work(diary, day, duration=30):
    """Return the times that the hours of a day allow, whatever the other rules say."""
    search = Search(first=day, last=day, duration=duration)
    return list(free_times(diary, DOCTOR.id, search, ()))


def starts(diary, day, duration=30):
    return [f"{found.start_time:%H:%M}" for found in work(diary, day, duration)]


def found(diary, first=DAY, last=None, **search):
    """Return the openings of some days as "02 09:00-09:30"."""
    wanted = Search(first=first, last=last or first, **search)
    return shown(find_openings(diary, [DOCTOR.id], wanted))


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
    found = work(diary(week=hours("00:30-02:30")), date(2026, 11, 1), 60)

    assert [(t.start_time.hour, t.end_time.hour) for t in found] == [
        (0, 1), (0, 1), (1, 1), (1, 1), (1, 1), (1, 1)
    ]  # fmt: skip


def test_the_nearest_openings_come_first():
    busy = of_doctor("10:00-10:30")

    assert offered(diary(busy), "2026-03-02T10:00") == [
        "02 09:30-10:00",
        "02 10:30-11:00",
        "02 09:15-09:45",
    ]


def test_a_patients_other_visits_are_kept_free_too():
    elsewhere = of_patient("09:00-16:15")

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
    full = [of_doctor("09:00-17:00", on=DAY + timedelta(days=n)) for n in range(12)]

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
    search = Search(first=DAY, last=DAY, duration=30)

    [found] = nearest_openings(
        diary(), [DOCTOR.id], search, datetime(2026, 3, 2, 9), most=1
    )

    assert found == Opening(
        doctor_id=DOCTOR.id,
        date=DAY,
        start_time=datetime(2026, 3, 2, 9).time(),
        end_time=datetime(2026, 3, 2, 9, 30).time(),
        starts_at=datetime(2026, 3, 2, 14, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 14, 30, tzinfo=UTC),
    )


def quarters(first, last, minutes=30):
    """Return the openings from *first* to the one that ends at *last*, on `DAY`."""
    start, end = (datetime.combine(DAY, clock(each)) for each in (first, last))
    told = []
    while start + timedelta(minutes=minutes) <= end:
        told.append(f"02 {start:%H:%M}-{start + timedelta(minutes=minutes):%H:%M}")
        start += timedelta(minutes=15)
    return told


def test_a_day_is_offered_from_its_first_start_to_its_last():
    assert found(diary(), DAY) == quarters("09:00", "17:00")


def test_openings_come_doctor_by_doctor_as_they_are_given_each_by_start():
    other = doctor()
    here = diary(week=hours("09:00-10:00"))
    both = evolve(
        here,
        doctors={**here.doctors, other.id: other},
        calendars={**here.calendars, other.id: here.calendars[DOCTOR.id]},
    )
    search = Search(first=DAY, last=TUESDAY, duration=60)

    forward = find_openings(both, [DOCTOR.id, other.id], search)
    backward = find_openings(both, [other.id, DOCTOR.id], search)

    assert [(o.doctor_id, o.date) for o in forward] == [
        (DOCTOR.id, DAY),
        (DOCTOR.id, TUESDAY),
        (other.id, DAY),
        (other.id, TUESDAY),
    ]
    assert backward == forward[2:] + forward[:2]


def test_the_first_openings_are_the_soonest_of_all_doctors():
    early, late = doctor(), doctor()
    here = diary()
    calendars = {
        early.id: diary(week=hours("08:00-09:00")).calendars[DOCTOR.id],
        late.id: diary(week=hours("08:30-09:30")).calendars[DOCTOR.id],
    }
    both = Diary(
        zone=ZONE,
        now=here.now,
        doctors={early.id: early, late.id: late},
        patients={},
        calendars=calendars,
    )
    search = Search(first=DAY, last=DAY, duration=30)

    soonest = first_openings(both, [late.id, early.id], search, 4)

    assert [(o.doctor_id, f"{o.start_time:%H:%M}") for o in soonest] == [
        (early.id, "08:00"),
        (early.id, "08:15"),
        (late.id, "08:30"),
        (early.id, "08:30"),
    ]


@pytest.mark.parametrize(
    ("weekdays", "expected"),
    [
        pytest.param([], ["02", "03", "04", "05", "06", "09"], id="any"),
        pytest.param([Weekday.MONDAY], ["02", "09"], id="one"),
        pytest.param([Weekday.FRIDAY, Weekday.TUESDAY], ["03", "06"], id="two"),
        pytest.param([Weekday.SUNDAY], [], id="one without work"),
    ],
)
def test_openings_can_be_of_some_weekdays_alone(weekdays, expected):
    week = hours("09:00-09:30", *WEEKDAYS[:5])

    openings = found(
        diary(week=week), DAY, DAY + timedelta(days=7), weekdays=frozenset(weekdays)
    )

    assert [told[:2] for told in openings] == expected


@pytest.mark.parametrize(
    ("earliest", "latest", "expected"),
    [
        pytest.param(None, None, ("09:00", "17:00"), id="any"),
        pytest.param("16:00", None, ("16:00", "17:00"), id="starts then"),
        pytest.param("16:01", None, ("16:15", "17:00"), id="starts a minute too early"),
        pytest.param("16:31", None, ("17:00", "17:00"), id="starts too late"),
        pytest.param(None, "10:00", ("09:00", "10:00"), id="ends then"),
        pytest.param(None, "09:59", ("09:00", "09:45"), id="ends a minute too late"),
        pytest.param(None, "09:29", ("09:00", "09:00"), id="ends too early"),
        pytest.param("12:00", "13:00", ("12:00", "13:00"), id="both"),
        pytest.param("13:00", "12:00", ("12:00", "12:00"), id="neither"),
        pytest.param("00:00", None, ("09:00", "17:00"), id="from midnight on"),
        pytest.param(None, "00:00", ("09:00", "09:00"), id="nothing ends by midnight"),
    ],
)
def test_openings_can_be_of_a_time_of_day_alone(earliest, latest, expected):
    wanted = {
        "earliest": earliest and clock(earliest),
        "latest": latest and clock(latest),
    }

    assert found(diary(), DAY, **wanted) == quarters(*expected)


@pytest.mark.parametrize(
    ("times", "day", "minutes", "latest", "expected"),
    [
        pytest.param(
            *("23:00-00:00", DAY, 30, "23:59", ["02 23:00-23:30", "02 23:15-23:45"]),
            id="what ends at midnight ends on another day",
        ),
        pytest.param(
            *("22:00-06:00", DAY, 300, "06:00", ["02 00:00-05:00", "02 00:15-05:15"]),
            id="so does what ends past it",
        ),
        pytest.param(
            *("00:00-00:00", DAY, 1440, "23:59", []), id="and what lasts a whole day"
        ),
        pytest.param(
            *("00:00-00:00", SHORT, 1440, "23:59", []), id="be it a short one"
        ),
        pytest.param(
            *("00:00-00:00", LONG, 1440, "23:45", ["01 00:00-23:00", "01 00:15-23:15"]),
            id="but not on a long day",
        ),
        pytest.param(
            *("01:30-03:00", LONG, 45, "01:30", ["01 01:30-01:15", "01 01:45-01:30"]),
            id="the end in a second pass is later than the start in the first",
        ),
    ],
)
def test_what_must_end_by_a_time_ends_on_its_day(times, day, minutes, latest, expected):
    search = {"duration": minutes, "latest": clock(latest)}

    assert found(diary(week=hours(times)), day, **search)[:2] == expected


@pytest.mark.parametrize(
    ("policy", "own", "search", "end"),
    [
        pytest.param({}, {}, {}, "09:30", id="half an hour, if nobody says so"),
        pytest.param(
            {"new-patient": 60},
            *({}, {"visit_category": VisitCategory.NEW_PATIENT}, "10:00"),
            id="as the clinic says of the category",
        ),
        pytest.param(
            {"new-patient": 60},
            *({}, {"visit_category": VisitCategory.FOLLOW_UP}, "09:30"),
            id="of another category",
        ),
        pytest.param({"new-patient": 60}, {}, {}, "09:30", id="of no category"),
        pytest.param(
            *({"new-patient": 60}, {"new-patient": 50}),
            *({"visit_category": VisitCategory.NEW_PATIENT}, "09:50"),
            id="as the doctor says",
        ),
        pytest.param(
            *({"new-patient": 60}, {"follow-up": 20}),
            *({"visit_category": VisitCategory.NEW_PATIENT}, "10:00"),
            id="as the clinic says where the doctor does not",
        ),
        pytest.param(
            {"new-patient": 60},
            {},
            {"visit_category": VisitCategory.NEW_PATIENT, "duration": 45},
            "09:45",
            id="as is asked for",
        ),
    ],
)
def test_an_opening_is_as_long_as_the_visit_it_is_for(policy, own, search, end):
    here = diary(
        policy=SchedulingPolicy(default_durations=policy),
        own=DoctorPolicy(default_durations=own or None),
    )

    assert found(here, DAY, **search)[0] == f"02 09:00-{end}"


@pytest.mark.parametrize(
    ("clinics", "own", "expected"),
    [
        pytest.param(15, None, ["00", "15", "30"], id="a quarter of an hour"),
        pytest.param(10, None, ["00", "10", "20", "30"], id="ten minutes"),
        pytest.param(20, None, ["00", "20"], id="what does not fit is left out"),
        pytest.param(60, None, ["00"], id="an hour"),
        pytest.param(1, None, [f"{n:02}" for n in range(31)], id="a minute"),
        pytest.param(10, 30, ["00", "30"], id="the doctor's own"),
    ],
)
def test_starts_lie_a_step_apart(clinics, own, expected):
    here = diary(
        week=hours("09:00-10:00"),
        policy=SchedulingPolicy(slot_step=clinics),
        own=DoctorPolicy(slot_step=own),
    )

    assert [told[6:8] for told in found(here, DAY)] == expected


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"visits": ["09:10-10:00"]}, id="a visit"),
        pytest.param({"visits": ["09:10-10:10"]}, id="a visit that ends on a step"),
        pytest.param({"off_until": "2026-03-02T10:03"}, id="time off"),
        pytest.param({"now": datetime(2026, 3, 2, 15, 1, 30, tzinfo=UTC)}, id="now"),
        pytest.param(
            {"visits": ["09:10-09:50"], "policy": SchedulingPolicy(buffer_after=12)},
            id="a buffer",
        ),
    ],
)
def test_steps_count_from_the_start_of_work_whatever_is_in_the_way(fields):
    def until_ten(visits=(), off_until="2026-03-01T00:00", **fields):
        return diary(
            *map(of_doctor, visits),
            week=hours("09:10-11:00"),
            off=[time_off("2026-02-28T00:00", off_until)],
            **fields,
        )

    assert found(until_ten(**fields), DAY) == ["02 10:10-10:40", "02 10:25-10:55"]


def test_each_stretch_of_a_day_has_steps_of_its_own():
    week = [*hours("13:10-14:00"), *hours("09:05-10:00")]

    assert found(diary(week=week), DAY) == [
        *("02 09:05-09:35", "02 09:20-09:50"),
        *("02 13:10-13:40", "02 13:25-13:55"),
    ]


def test_stretches_that_touch_are_one():
    week = [*hours("10:00-10:30"), *hours("09:05-10:00")]

    assert [told[3:8] for told in found(diary(week=week), DAY)] == [
        *("09:05", "09:20", "09:35", "09:50")
    ]


def test_work_that_starts_within_a_minute_is_offered_from_the_next_one_on():
    here = diary(dated=[on_day(DAY, "09:00:01-10:00:59")])

    assert found(here, DAY) == ["02 09:01-09:31", "02 09:16-09:46"]


def test_a_night_is_offered_on_the_day_on_which_a_visit_starts():
    night = diary(week=hours("23:05-01:00"))

    assert found(night, DAY) == [
        *("02 00:05-00:35", "02 00:20-00:50"),
        *("02 23:05-23:35", "02 23:20-23:50", "02 23:35-00:05", "02 23:50-00:20"),
    ]


def test_a_day_that_ends_its_work_at_midnight_offers_nothing_past_it():
    here = diary(week=hours("23:00-00:00"))

    assert found(here, DAY) == ["02 23:00-23:30", "02 23:15-23:45", "02 23:30-00:00"]


@pytest.mark.parametrize(
    ("week", "dated"),
    [
        pytest.param("00:00-00:00", [], id="around the clock"),
        pytest.param("23:00-00:00", [on_day(TUESDAY, "00:00-01:00")], id="a seam"),
        pytest.param("23:00-06:00", [], id="a night"),
    ],
)
def test_a_visit_may_run_into_the_work_of_a_day_that_is_not_asked_for(week, dated):
    here = diary(week=hours(week), dated=dated)

    assert found(here, DAY, duration=60)[-1] == "02 23:45-00:45"


def test_a_doctor_who_works_around_the_clock_is_offered_all_day():
    openings = found(diary(week=hours("00:00-00:00")), DAY)

    assert (len(openings), openings[0], openings[-1]) == (
        *(24 * 4, "02 00:00-00:30", "02 23:45-00:15"),
    )


@pytest.mark.parametrize(
    ("zone", "week", "step", "day"),
    [
        pytest.param("America/New_York", ["09:00-17:00"], 15, LATER, id="working days"),
        pytest.param("America/New_York", ["22:05-06:00"], 15, LATER, id="nights"),
        pytest.param(
            "America/New_York", ["20:05-00:00", "00:00-04:00"], 15, LATER, id="a seam"
        ),
        pytest.param(
            "America/New_York", ["00:00-00:00"], 240, SHORT, id="around a short day"
        ),
        pytest.param(
            *("Australia/Lord_Howe", ["00:00-00:00"], 60, date(2026, 10, 4)),
            id="half an hour is skipped",
        ),
        pytest.param(
            *("Africa/Cairo", ["22:10-21:50"], 40, date(2026, 4, 24)),
            id="the midnight is skipped",
        ),
    ],
)
def test_a_day_has_the_same_openings_whatever_the_range_is(zone, week, step, day):
    here = diary(
        zone=zone_of(zone),
        week=[stretch for times in week for stretch in hours(times)],
        policy=SchedulingPolicy(slot_step=step),
    )
    days = [day + timedelta(days=n) for n in range(-2, 3)]

    at_once = found(here, days[0], days[-1])
    one_by_one = [told for each in days for told in found(here, each)]

    assert at_once == one_by_one
    assert len({told[:2] for told in at_once}) == len(days)


def test_nobody_finds_an_opening_where_nobody_works():
    assert found(diary(week=[]), DAY, TUESDAY) == []
    assert found(diary(dated=[on_day(DAY)]), DAY) == []
    assert found(diary(week=hours("09:00-09:29")), DAY) == []
    stranger = doctor().id
    search = Search(first=DAY, last=TUESDAY)
    assert find_openings(diary(), [stranger], search) == []
    assert find_openings(diary(), [], search) == []


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        pytest.param({"closed_days": (DAY, TUESDAY)}, [], id="closed"),
        pytest.param({"closed_days": (DAY,)}, ["03"], id="closed on one day"),
        pytest.param({"max_horizon_days": 0}, [], id="nothing but today"),
        pytest.param({"max_horizon_days": 1}, ["02"], id="tomorrow is the last day"),
        pytest.param({"min_notice": 24 * 60}, ["03"], id="a day's notice"),
        pytest.param({"min_notice": 3 * 24 * 60}, [], id="three days' notice"),
    ],
)
def test_a_closed_clinic_has_no_openings(fields, days):
    here = diary(week=hours("03:00-05:00"), policy=SchedulingPolicy(**fields))

    openings = found(here, DAY, TUESDAY)

    assert sorted({told[:2] for told in openings}) == days


def test_a_holiday_has_no_openings_unless_its_doctor_works():
    christmas = date(2026, 12, 25)
    policy = SchedulingPolicy(public_holidays=HolidayRegion(country="US"))
    own = [on_day(christmas, "10:00-10:30")]

    assert found(diary(policy=policy), christmas) == []
    assert found(diary(policy=policy, dated=own), christmas) == ["25 10:00-10:30"]


def test_a_night_is_offered_up_to_a_closed_day():
    here = diary(
        week=hours("23:00-01:00"), policy=SchedulingPolicy(closed_days=(TUESDAY,))
    )

    assert found(here, DAY, TUESDAY) == [
        *("02 00:00-00:30", "02 00:15-00:45", "02 00:30-01:00"),
        *("02 23:00-23:30", "02 23:15-23:45", "02 23:30-00:00"),
    ]


def test_a_full_day_has_no_openings():
    here = diary(
        of_doctor("09:00-09:30"),
        of_doctor("16:30-17:00", on=TUESDAY),
        of_doctor("23:45-00:15", on=DAY - timedelta(days=1)),
        week=hours("09:00-10:00"),
        policy=SchedulingPolicy(daily_limit=1),
    )

    assert found(here, DAY - timedelta(days=1), DAY + timedelta(days=2)) == [
        *("04 09:00-09:30", "04 09:15-09:45", "04 09:30-10:00")
    ]


@pytest.mark.parametrize(
    ("visit", "on", "left"),
    [
        pytest.param("12:00-13:00", SUNDAY, "ABCD", id="long before"),
        pytest.param("12:00-12:30", TUESDAY, "ABCD", id="long after"),
        pytest.param("08:00-09:00", DAY, "ABCD", id="until the first start"),
        pytest.param("08:00-09:01", DAY, "BCD", id="a minute into the first one"),
        pytest.param("22:00-09:16", SUNDAY, "CD", id="since the night before"),
        pytest.param("09:14-09:15", DAY, "BCD", id="the last minute before a start"),
        pytest.param("09:15-09:16", DAY, "CD", id="the first minute of one"),
        pytest.param("09:30-09:45", DAY, "AD", id="a quarter of an hour"),
        pytest.param("09:45-09:46", DAY, "AB", id="in the last one"),
        pytest.param("10:14-10:15", DAY, "ABC", id="the last minute"),
        pytest.param("10:15-11:00", DAY, "ABCD", id="from the last end on"),
        pytest.param("10:00-09:00", DAY, "ABC", id="until the next day"),
        pytest.param("08:00-08:00", DAY, "", id="all day"),
    ],
)
def test_a_visit_takes_the_openings_that_it_overlaps(visit, on, left):
    openings = dict(zip("ABCD", quarters("09:00", "10:15"), strict=True))

    here = diary(of_doctor(visit, on=on), week=hours("09:00-10:15"))

    assert found(here, DAY) == [openings[each] for each in left]


@pytest.mark.parametrize(
    ("starts", "ends", "left"),
    [
        pytest.param("02-02T00:00", "02-16T00:00", "ABCD", id="weeks before"),
        pytest.param("02-16T00:00", "03-02T09:16", "CD", id="into the day"),
        pytest.param("03-02T09:29", "03-16T00:00", "", id="out of the day"),
        pytest.param("03-02T09:30", "03-16T00:00", "A", id="out of the day, later"),
        pytest.param("02-16T00:00", "03-16T00:00", "", id="around the day"),
        pytest.param("03-16T00:00", "03-30T00:00", "ABCD", id="weeks after"),
    ],
)
def test_weeks_off_take_the_openings_that_they_overlap(starts, ends, left):
    openings = dict(zip("ABCD", quarters("09:00", "10:15"), strict=True))
    off = time_off(f"2026-{starts}", f"2026-{ends}")

    here = diary(week=hours("09:00-10:15"), off=[off])

    assert found(here, DAY) == [openings[each] for each in left]


def test_a_visit_of_some_seconds_takes_the_openings_that_it_overlaps():
    second = timedelta(seconds=1)
    at = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    spans = [TimeSpan(at - second, at), TimeSpan(at, at + second)]
    before, after = (
        diary(
            BusyTime(appointment().id, DOCTOR.id, None, taken),
            week=hours("09:00-10:15"),
        )
        for taken in spans
    )

    assert [told[3:8] for told in found(before, DAY)] == ["09:30", "09:45"]
    assert [told[3:8] for told in found(after, DAY)] == ["09:00", "09:45"]


@pytest.mark.parametrize(
    ("seconds", "first"),
    [
        pytest.param(-1, "09:15", id="a second before a start"),
        pytest.param(0, "09:15", id="at a start"),
        pytest.param(1, "09:30", id="a second after it"),
        pytest.param(15 * 60, "09:30", id="at the next one"),
    ],
)
@pytest.mark.parametrize("notice", [0, 45])
def test_the_first_opening_keeps_the_notice_to_the_second(seconds, first, notice):
    at = datetime(2026, 3, 2, 14, 15, tzinfo=UTC)  # 09:15 on the clinic's clock.
    now = at + timedelta(seconds=seconds) - timedelta(minutes=notice)

    here = diary(now=now, policy=SchedulingPolicy(min_notice=notice))

    assert found(here, DAY)[0][3:8] == first


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(SchedulingPolicy(daily_limit=1), id="full days"),
        pytest.param(SchedulingPolicy(max_horizon_days=1), id="the horizon"),
    ],
)
def test_days_that_offer_nothing_do_so_from_midnight_to_midnight(policy):
    visits = [of_doctor("12:00-12:30", on=on) for on in (SUNDAY, TUESDAY)]
    around_the_clock = hours("00:00-00:00")

    openings = found(diary(*visits, week=around_the_clock, policy=policy), DAY, TUESDAY)

    assert (openings[0], openings[-1]) == ("02 00:00-00:30", "02 23:45-00:15")


@pytest.mark.parametrize(
    ("day", "end"), [(SHORT, "04:30"), (LONG, "02:30"), (LATER, "03:30")]
)
def test_a_visit_into_the_night_of_a_clock_change_ends_by_the_clock(day, end):
    eve = day - timedelta(days=1)

    openings = found(diary(week=hours("23:30-05:00")), eve, duration=240)

    assert openings[-2:] == [f"{eve:%d} 23:30-{end}", f"{eve:%d} 23:45-{end[:3]}45"]


def test_the_order_of_the_rules_does_not_matter_to_what_is_offered():
    here = diary(
        of_doctor("11:00-11:30"),
        of_doctor("14:00-14:30", on=TUESDAY),
        off=[time_off("2026-03-02T13:00", "2026-03-02T14:00")],
        policy=SchedulingPolicy(buffer_after=20, daily_limit=2),
    )
    search = Search(first=DAY, last=TUESDAY, patient_id=PATIENT.id)

    forward = find_openings(here, [DOCTOR.id], search, STANDARD_RULES)
    backward = find_openings(here, [DOCTOR.id], search, STANDARD_RULES[::-1])

    assert shown(forward)[4:6] == ["02 10:00-10:30", "02 12:00-12:30"]
    assert backward == forward


def test_whose_visit_it_is_matters_if_it_is_asked():
    here = diary(of_patient("09:00-09:45"), week=hours("09:00-10:15"))

    everybodys = found(here, DAY)
    theirs = found(here, DAY, patient_id=PATIENT.id)

    assert everybodys == quarters("09:00", "10:15")
    assert theirs == ["02 09:45-10:15"]


def test_rules_of_ones_own_leave_out_what_they_forbid():
    def not_at_a_quarter(proposed, _):
        if proposed.start_time.minute % 30:
            yield Conflict(kind=ConflictKind.OUTSIDE_HOURS, message="Not then.")

    here = diary(of_doctor("09:00-09:30"), week=hours("09:00-10:30"))
    search = Search(first=DAY, last=DAY)

    all_rules = [*STANDARD_RULES, not_at_a_quarter]

    assert shown(find_openings(here, [DOCTOR.id], search, all_rules)) == [
        *("02 09:30-10:00", "02 10:00-10:30")
    ]
    assert shown(find_openings(here, [DOCTOR.id], search, [not_at_a_quarter])) == [
        *("02 09:00-09:30", "02 09:30-10:00", "02 10:00-10:30")
    ]


def test_a_skipped_day_has_no_openings_and_is_no_obstacle():
    here = diary(
        zone=zone_of("Pacific/Apia"),
        now=datetime(2011, 12, 1, tzinfo=UTC),
        week=hours("23:30-00:30"),
        policy=SchedulingPolicy(
            daily_limit=5, closed_days=(date(2011, 12, 30),), slot_step=30
        ),
    )

    assert found(here, date(2011, 12, 29), date(2011, 12, 31)) == [
        *("29 00:00-00:30", "29 23:30-00:00"),
        *("31 00:00-00:30", "31 23:30-00:00"),
    ]
    assert found(here, date(2011, 12, 30)) == []


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
def test_the_nearest_openings_can_be_booked_as_they_are_offered(
    zone, day, duration, minutes, times, hour
):
    now = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    taken = []
    for after, length in minutes:
        start = now + timedelta(minutes=after)
        mine = appointment(doctor_id=DOCTOR.id)
        period = TimeSpan(start, start + timedelta(minutes=length))
        taken.append(BusyTime(mine.id, DOCTOR.id, mine.patient_id, period))
    here = diary(*taken, zone=zone, now=now + timedelta(hours=hour), week=hours(times))
    wanted = datetime.combine(day, datetime.min.time()) + timedelta(hours=hour)
    around = timedelta(days=2)
    search = Search(first=day - around, last=day + around, duration=duration)

    found = nearest_openings(here, [DOCTOR.id], search, wanted, most=5)

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
    assert len(found) == min(5, len(find_openings(here, [DOCTOR.id], search)))
