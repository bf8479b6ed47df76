from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import assume, given, settings

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import availability, booking, calendars, doctors, policies
from clinicflow_core.desk.availability import FindNext, FindOpenings
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.entities.appointment import MAX_DURATION, VisitCategory
from clinicflow_core.entities.doctor import (
    WEEKDAYS,
    Weekday,
    WorkingHours,
    overlapping_hours,
)
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.policy import DoctorPolicy
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    BookingConflictError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    Problem,
)
from clinicflow_core.scheduling.conflicts import (
    OVERLAP_RULES,
    Conflict,
    ConflictKind,
    find_conflicts,
)
from clinicflow_core.scheduling.openings import Opening
from clinicflow_core.timespan import TimeSpan
from tests.builders import DAY, NOW, clock, hours, open_clinic, overbooked
from tests.core.desk.acts import ILL, contents, set_day, set_policy, take_off
from tests.core.scheduling.cases import cases, free_starts, starts_on_the_grid
from tests.core.scheduling.diaries import DOCTOR, shown, visit_at_instant

SUNDAY, TUESDAY = DAY - timedelta(days=1), DAY + timedelta(days=1)
YEAR = 366


def listed(clinic, first=DAY, last=None, uow=None, **which):
    """Return the openings of some days, by default of one."""
    request = FindOpenings(from_=first, to=last or first, **which)
    return availability.openings(request, uow or clinic.uow).items


def soonest(clinic, uow=None, **which):
    return availability.next_openings(FindNext(**which), uow or clinic.uow).items


def starts(openings):
    return [f"{opening.start_time:%H:%M}" for opening in openings]


def book(clinic, opening, **fields):
    """Book an opening as it is listed."""
    wanted = {
        "doctor_id": opening.doctor_id,
        "patient_id": clinic.patient.id,
        "date": opening.date,
        "start_time": opening.start_time,
        "duration": (opening.ends_at - opening.starts_at) // timedelta(minutes=1),
    }
    return booking.book(BookAppointment(**wanted | fields), clinic.uow)


def test_an_opening_tells_with_whom_and_when_by_clock_and_instant(clinic):
    first, *_, last = listed(clinic, duration=60)

    assert first == Opening(
        doctor_id=clinic.doctor.id,
        date=DAY,
        start_time=time(9),
        end_time=time(10),
        starts_at=datetime(2026, 3, 2, 14, tzinfo=UTC),
        ends_at=datetime(2026, 3, 2, 15, tzinfo=UTC),
    )
    assert (last.start_time, last.end_time) == (time(16), time(17))


def test_what_is_listed_can_be_booked_as_it_is_listed_and_is_gone_then(clinic):
    before = listed(clinic, duration=30)

    visit = book(clinic, before[4])

    assert (visit.date, visit.start_time, visit.end_time, visit.span.start) == (
        *(DAY, time(10), time(10, 30), before[4].starts_at),
    )
    gone = {"09:45", "10:00", "10:15"}
    assert starts(listed(clinic)) == [s for s in starts(before) if s not in gone]


def test_a_visit_that_does_not_hold_its_time_leaves_it_free(clinic):
    everything = listed(clinic)
    visit = clinic.store_visit("09:00-17:00")
    other = clinic.patients[1]
    clinic.store_visit("10:00-10:30", patient_id=other.id, override=overbooked())
    full = listed(clinic)

    booking.cancel(visit.id, ILL, clinic.uow)

    assert full == ()
    assert listed(clinic) == everything


def test_other_doctors_and_patients_visits_take_nothing(clinic):
    colleague = clinic.add_doctor()
    everything = listed(clinic, doctor_id=(clinic.doctor.id,))

    clinic.store_visit("09:00-17:00", doctor_id=colleague.id)

    assert listed(clinic, doctor_id=(clinic.doctor.id,)) == everything


def test_doctors_come_by_name_each_with_their_openings_by_start(clinic):
    week = hours("09:00-10:00")
    omar = clinic.add_doctor("Dr. Omar Haddad", week)
    zoe = clinic.add_doctor("Dr. Zoe Adler", week)
    clinic.add_doctor("Dr. Ada Who never works", [])
    doctors.set_hours(
        clinic.doctor.id,
        doctors.SetHours(
            hours=tuple(
                doctors.Stretch(weekday=each.weekday, start=each.start, end=each.end)
                for each in week
            )
        ),
        clinic.uow,
    )

    everybody = listed(clinic, DAY, TUESDAY, duration=60)
    some = listed(
        clinic,
        *(DAY, TUESDAY),
        duration=60,
        doctor_id=(zoe.id, omar.id, zoe.id),
    )

    names = [(o.doctor_id, o.date) for o in everybody]
    assert names == [
        (each, day)
        for each in (omar.id, clinic.doctor.id, zoe.id)
        for day in (DAY, TUESDAY)
    ]
    assert [(o.doctor_id, o.date) for o in some] == [*names[:2], *names[4:]]


@pytest.mark.parametrize(
    ("now", "which", "expected"),
    [
        pytest.param(NOW, {}, (SUNDAY, 7), id="a week from today on"),
        pytest.param(
            datetime(2026, 3, 2, 4, 59, tzinfo=UTC),
            *({}, (DAY, 6)),
            id="the clinic's today is over, but not its week",
        ),
        pytest.param(NOW, {"from_": TUESDAY}, (TUESDAY, 7), id="a week from a day on"),
        pytest.param(NOW, {"to": TUESDAY}, (SUNDAY, 3), id="from today to a day"),
        pytest.param(NOW, {"from_": TUESDAY, "to": TUESDAY}, (TUESDAY, 1), id="a day"),
    ],
)
def test_without_bounds_it_is_the_week_to_come(clinic, watch, now, which, expected):
    watch.at = now
    first, days = expected

    found = availability.openings(FindOpenings(**which), clinic.uow).items

    assert sorted({opening.date for opening in found}) == [
        first + timedelta(days=n) for n in range(days)
    ]


def test_nothing_is_listed_of_days_gone_by(clinic):
    yesterday = SUNDAY - timedelta(days=1)

    found = availability.openings(FindOpenings(to=yesterday), clinic.uow).items

    assert found == ()
    assert listed(clinic, date(1900, 1, 1)) == ()


def test_the_last_day_that_can_be_booked_is_listed(clinic):
    last = date(2199, 12, 31)

    of_the_day = listed(clinic, last)

    assert {opening.date for opening in of_the_day} == {last}
    open_end = availability.openings(FindOpenings(from_=last), clinic.uow).items
    assert open_end == of_the_day
    assert soonest(clinic, from_=last, count=100) == of_the_day


@pytest.mark.parametrize(
    ("to", "detail"),
    [
        pytest.param(SUNDAY, "must not be before from", id="before its first day"),
        pytest.param(
            DAY + timedelta(days=YEAR),
            "must be within 366 days from the first",
            id="after more than a year",
        ),
    ],
)
def test_a_range_has_an_order_and_a_limit(clinic, to, detail):
    with pytest.raises(InvalidError) as refusal:
        availability.openings(FindOpenings(from_=DAY, to=to), clinic.uow)

    assert refusal.value.problems == (Problem("/to", detail),)


def test_a_whole_year_can_be_listed(clinic):
    last = DAY + timedelta(days=YEAR - 1)

    found = listed(clinic, DAY, last, duration=480)

    assert len(found) == YEAR
    assert (found[0].date, found[-1].date) == (DAY, last)


def test_a_search_that_would_take_long_is_refused_before_it_begins(memory):
    clinic = open_clinic(memory)
    set_policy(clinic, slot_step=1)
    last = DAY + timedelta(days=YEAR - 1)

    with pytest.raises(InvalidError, match="more than 250000 starts"):
        listed(clinic, DAY, last, duration=1)

    assert len(listed(clinic, duration=1)) == 24 * 60


def test_an_answer_without_end_is_refused(memory):
    clinic = open_clinic(memory)
    set_policy(clinic, slot_step=1)
    last = DAY + timedelta(days=39)

    with pytest.raises(InvalidError, match="more than 50000 openings"):
        listed(clinic, DAY, last, duration=1)

    found = listed(clinic, DAY, last, duration=1, latest=clock("00:05"))
    assert len(found) == 40 * 5


def test_the_first_openings_are_found_whatever_the_step(memory):
    clinic = open_clinic(memory)
    set_policy(clinic, slot_step=1)
    for number in range(200):
        clinic.add_doctor(f"Dr. Nr{number:03}")

    found = soonest(clinic, count=3, earliest=clock("23:58"), duration=1)

    assert starts(found) == ["23:58"] * 3


@pytest.mark.parametrize("request_for", [FindOpenings, FindNext])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"from_": date(1899, 12, 31)}, "must be in the years 1900 to 2199"),
        ({"from_": date(2200, 1, 1)}, "must be in the years 1900 to 2199"),
        ({"duration": 0}, "must be between 1 and 1440"),
        ({"duration": MAX_DURATION + 1}, "must be between 1 and 1440"),
        (
            {"doctor_id": (DOCTOR.id,) * (availability.MOST_NAMED + 1)},
            "must have at most 40 items",
        ),
    ],
)
def test_a_search_has_bounds(request_for, fields, message):
    with pytest.raises(ValueError, match=message):
        request_for(**fields)


@pytest.mark.parametrize("request_for", [FindOpenings, FindNext])
def test_a_search_that_ends_before_it_begins_is_refused(request_for):
    with pytest.raises(InvalidError, match="/latest: must be after the earliest time"):
        request_for(earliest=time(12), latest=time(12))


@pytest.mark.parametrize("count", [0, 101])
def test_a_search_for_the_next_ones_is_for_up_to_a_hundred(count):
    with pytest.raises(ValueError, match="must be between 1 and 100"):
        FindNext(count=count)


def test_a_search_can_be_for_weekdays_times_and_categories(clinic):
    set_policy(clinic, slot_step=30, default_durations={"new-patient": 60})
    which = {
        "visit_category": VisitCategory.NEW_PATIENT,
        "weekday": frozenset({Weekday.TUESDAY}),
        "earliest": clock("10:00"),
        "latest": clock("12:00"),
    }
    expected = ["03 10:00-11:00", "03 10:30-11:30", "03 11:00-12:00"]

    assert shown(listed(clinic, DAY, DAY + timedelta(days=6), **which)) == expected
    assert shown(soonest(clinic, count=3, **which)) == expected
    [shorter] = soonest(clinic, count=1, duration=15, **which)
    assert shown([shorter]) == ["03 10:00-10:15"]


def test_what_the_clinic_and_the_doctor_ask_for_counts(clinic):
    set_policy(
        clinic,
        slot_step=60,
        closed_days=(TUESDAY,),
        max_horizon_days=4,
        min_notice=24 * 60 + 300,
    )
    own = DoctorPolicy(slot_step=240, max_horizon_days=3)
    policies.set_doctor_policy(clinic.doctor.id, own, clinic.uow)
    colleague = clinic.add_doctor(week=hours("09:00-10:00"))
    last = DAY + timedelta(days=6)

    assert shown(listed(clinic, SUNDAY, last, doctor_id=(clinic.doctor.id,))) == [
        *("02 13:00-13:30", "04 09:00-09:30", "04 13:00-13:30")
    ]
    assert shown(listed(clinic, SUNDAY, last, doctor_id=(colleague.id,))) == [
        *("04 09:00-09:30", "05 09:00-09:30")
    ]


def test_a_doctors_calendar_counts(clinic):
    set_day(clinic, DAY, "12:00-14:00")
    set_day(clinic, TUESDAY)
    take_off(clinic, "2026-03-02T12:00", "2026-03-02T13:00")
    take_off(clinic, "2026-03-04T00:00", "2026-03-05T00:00")

    found = listed(clinic, DAY, DAY + timedelta(days=3), duration=60)

    assert shown(found)[:2] == ["02 13:00-14:00", "05 09:00-10:00"]


def test_a_night_is_read_with_the_days_beside_it(store):
    clinic = open_clinic(store, week=[])
    set_day(clinic, SUNDAY, "22:00-01:00")
    set_day(clinic, DAY, "23:00-02:00")
    set_day(clinic, TUESDAY, "02:00-04:00")
    clinic.store_visit("23:00-00:15", on=SUNDAY)
    clinic.store_visit("02:30-03:30", on=TUESDAY)

    assert shown(listed(clinic, duration=30)) == [
        *("02 00:15-00:45", "02 00:30-01:00"),
        *("02 23:00-23:30", "02 23:15-23:45", "02 23:30-00:00", "02 23:45-00:15"),
    ]
    assert starts(listed(clinic, duration=165)) == ["23:00", "23:15", "23:30", "23:45"]
    assert starts(listed(clinic, duration=180)) == ["23:00", "23:15", "23:30"]


def test_a_buffer_reaches_into_the_days_beside_it(store):
    clinic = open_clinic(store, week=hours("00:00-00:00"))
    set_policy(clinic, buffer_after=240, slot_step=60)
    clinic.store_visit("22:00-22:30", on=SUNDAY)
    clinic.store_visit("02:15-02:45", on=TUESDAY)

    found = starts(listed(clinic))

    assert (found[0], found[-1]) == ("03:00", "21:00")
    for times in ("02:00-02:30", "22:00-22:30"):
        [conflict] = booking.check(clinic.request(times), clinic.uow).conflicts
        assert conflict.kind is ConflictKind.BUFFER


def test_a_full_day_offers_nothing(clinic):
    set_policy(clinic, daily_limit=2)
    clinic.store_visit("09:00-09:30")
    half_full = listed(clinic, DAY, TUESDAY)

    book(clinic, half_full[-1])
    book(clinic, half_full[0], patient_id=clinic.patients[1].id)

    assert {opening.date for opening in half_full} == {DAY, TUESDAY}
    assert {opening.date for opening in listed(clinic, DAY, TUESDAY)} == {TUESDAY}


def test_other_rules_list_other_openings(clinic):
    def not_before_noon(proposed, _):
        if proposed.start_time.hour < 12:
            yield Conflict(kind=ConflictKind.OUTSIDE_HOURS, message="Not then.")

    rules = [*OVERLAP_RULES, not_before_noon]
    clinic.store_visit("12:00-13:00")
    search = FindOpenings(from_=DAY, to=DAY)

    found = availability.openings(search, clinic.uow, rules).items
    [first] = availability.next_openings(
        FindNext(from_=DAY, count=1), clinic.uow, rules
    ).items

    assert starts(found)[0] == "13:00"
    assert first == found[0]


def test_days_that_clocks_skip_are_no_obstacle(store, watch):
    watch.at = datetime(2011, 12, 25, tzinfo=UTC)
    skipped = date(2011, 12, 30)
    clinic = open_clinic(store, timezone="Pacific/Apia", week=hours("09:00-09:30"))
    set_policy(clinic, daily_limit=1, closed_days=(skipped,))

    week = listed(clinic, skipped - timedelta(days=1), skipped + timedelta(days=1))

    assert shown(week) == ["29 09:00-09:30", "31 09:00-09:30"]
    assert listed(clinic, skipped) == ()
    wanted = BookAppointment(
        doctor_id=clinic.doctor.id,
        patient_id=clinic.patient.id,
        date=skipped,
        start_time=time(9),
    )
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(wanted, clinic.uow)
    assert [c.kind.value for c in refusal.value.conflicts] == ["no-such-local-time"]
    assert set(week) <= set(refusal.value.alternatives)


def test_an_alternative_late_on_its_last_day_is_free_to_its_end(store):
    clinic = open_clinic(store, week=[])
    set_day(clinic, DAY + timedelta(days=7), "23:00-07:00")
    clinic.store_visit("05:00-06:00", on=DAY + timedelta(days=8))

    refused = booking.check(clinic.request("09:00-15:00"), clinic.uow)
    shorter = booking.check(clinic.request("09:00-14:30"), clinic.uow)

    assert shown(refused.alternatives) == ["09 23:00-05:00"]
    assert shown(shorter.alternatives) == [
        *("09 23:00-04:30", "09 23:15-04:45", "09 23:30-05:00")
    ]


def test_the_next_openings_are_the_first_over_all_doctors(clinic):
    omar = clinic.add_doctor("Dr. Omar Haddad", hours("08:30-09:30", Weekday.MONDAY))
    clinic.store_visit("09:00-16:00", on=SUNDAY)

    found = soonest(clinic, duration=30, count=10)

    assert shown(found) == [
        *("01 16:00-16:30", "01 16:15-16:45", "01 16:30-17:00"),
        *("02 08:30-09:00", "02 08:45-09:15"),
        *("02 09:00-09:30", "02 09:00-09:30", "02 09:15-09:45", "02 09:30-10:00"),
        "02 09:45-10:15",
    ]
    assert [opening.doctor_id == omar.id for opening in found[3:7]] == [
        *(True, True, True, False)
    ]
    assert soonest(clinic, duration=30, count=4) == found[:4]


def test_the_next_openings_are_five_if_nobody_says_how_many(clinic):
    assert len(soonest(clinic)) == 5


def test_the_next_openings_are_from_today_on_at_the_soonest(clinic, watch):
    watch.at = datetime(2026, 3, 2, 15, 50, tzinfo=UTC)  # 10:50 on the clinic's clock.

    for first in (None, date(1999, 1, 1), SUNDAY, DAY):
        assert shown(soonest(clinic, from_=first, count=1)) == ["02 11:00-11:30"]
    [later] = soonest(clinic, from_=TUESDAY, count=1)
    assert shown([later]) == ["03 09:00-09:30"]


@pytest.mark.parametrize("days", [0, 6, 7, 20, 21, 48, 49, 105, 365])
def test_the_next_opening_is_found_however_far_it_is(clinic, days):
    clinic.add_doctor(week=[])
    take_off(clinic, "2026-01-01T00:00", f"{SUNDAY + timedelta(days=days)}T00:00")

    [found] = soonest(clinic, duration=480, count=1)

    assert found.date == SUNDAY + timedelta(days=days)


def test_nothing_is_found_more_than_a_year_ahead(clinic):
    take_off(clinic, "2026-01-01T00:00", "2027-03-02T00:00")

    assert soonest(clinic) == ()
    [first] = soonest(clinic, from_=DAY, count=1)
    assert first.date == date(2027, 3, 2)


def test_the_next_openings_are_the_first_of_the_list(clinic):
    set_policy(clinic, buffer_before=10, daily_limit=3)
    clinic.add_doctor("Dr. Omar Haddad", hours("22:05-02:00"))
    for n in range(0, 12, 2):
        clinic.store_visit("09:20-15:50", on=SUNDAY + timedelta(days=n))
        take_off(clinic, f"2026-03-{n + 2:02}T00:00", f"2026-03-{n + 3:02}T00:00")

    first, last = SUNDAY, SUNDAY + timedelta(days=30)
    for minutes, count in ((30, 100), (60, 90), (480, 10)):
        everything = listed(clinic, first, last, duration=minutes)

        found = soonest(clinic, count=count, duration=minutes)

        expected = sorted(everything, key=lambda opening: opening.starts_at)
        assert list(found) == expected[:count]
        assert len(found) == count


@pytest.mark.parametrize("search", [listed, soonest])
def test_a_doctor_sees_their_own_openings_alone(clinic, search):
    colleague = clinic.add_doctor("Dr. Omar Haddad", hours("08:00-12:00"))
    uow = clinic.by(Role.DOCTOR)

    own = search(clinic, uow=uow)

    assert {opening.doctor_id for opening in own} == {clinic.doctor.id}
    assert search(clinic, uow=uow, doctor_id=(clinic.doctor.id,)) == own
    with pytest.raises(NotPermittedError, match="see every diary"):
        search(clinic, uow=uow, doctor_id=(clinic.doctor.id, colleague.id))


@pytest.mark.parametrize("search", [listed, soonest])
def test_who_may_see_no_diary_finds_no_openings(memory, search):
    clinic = open_clinic(memory)
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )

    with pytest.raises(NotPermittedError, match="see their own diary"):
        search(clinic, uow=nobody)


@pytest.mark.parametrize("search", [listed, soonest])
def test_a_doctor_who_is_not_there_is_not_found(clinic, search):
    missing = DoctorId(uuid4())

    with pytest.raises(DoctorNotFoundError) as refusal:
        search(clinic, doctor_id=(clinic.doctor.id, missing))

    assert str(missing) in str(refusal.value)


@pytest.mark.parametrize("search", [listed, soonest])
def test_other_clinics_doctors_are_not_there(clinic, store, search):
    other = open_clinic(store, week=hours("08:00-20:00"))

    found = search(clinic)

    assert {opening.doctor_id for opening in found} == {clinic.doctor.id}
    with pytest.raises(DoctorNotFoundError):
        search(clinic, doctor_id=(other.doctor.id,))


@pytest.mark.parametrize("search", [listed, soonest])
def test_a_clinic_without_doctors_or_hours_has_no_openings(store, search):
    clinic = open_clinic(store, week=[])
    none = search(clinic)

    doctors.remove(clinic.doctor.id, clinic.uow)

    assert none == search(clinic) == ()


def test_looking_changes_nothing(clinic):
    clinic.store_visit("09:00-09:30")
    before = contents(clinic)

    listed(clinic)
    soonest(clinic)

    assert contents(clinic) == before


@given(case=cases())
@settings(max_examples=3)
def test_what_is_listed_is_what_can_be_booked(shared_store, shared_watch, case):
    judge_the_list(case, shared_store, shared_watch)


@pytest.mark.slow
@given(case=cases())
@settings(max_examples=100)
def test_what_is_listed_is_what_can_be_booked_in_many_clinics(
    shared_store, shared_watch, case
):
    judge_the_list(case, shared_store, shared_watch)


def judge_the_list(case, store, watch):
    case = storable(case)
    watch.at = case.now
    clinic = clinic_of(case, store)
    search = case.search
    which = {
        "doctor_id": (clinic.doctor.id,),
        "duration": search.duration,
        "visit_category": search.visit_category,
        "weekday": search.weekdays,
        "earliest": search.earliest,
        "latest": search.latest,
    }
    assume(not search.earliest or not search.latest or search.earliest < search.latest)
    free = list(free_starts(case, find_conflicts))

    found = listed(clinic, search.first, search.last, **which)

    assert [opening.starts_at for opening in found] == free
    later = soonest(clinic, from_=search.first, count=3, **which)
    within = [opening for opening in later if opening.date <= search.last]
    assert within == list(found[:3])
    wanted = {
        "doctor_id": clinic.doctor.id,
        "patient_id": clinic.patients[-1].id,
        "duration": search.duration,
        "visit_category": search.visit_category,
    }
    for opening in found[:: max(len(found) // 3, 1)]:
        request = BookAppointment(
            date=opening.date, start_time=opening.start_time, **wanted
        )
        assert booking.check(request, clinic.uow).conflicts == ()
    taken = [
        at
        for at in starts_on_the_grid(case)
        if at not in free and case.is_looked_for(at)
    ]
    for starts_at in taken[:: max(len(taken) // 3, 1)]:
        local = starts_at.astimezone(case.zone)
        request = BookAppointment(date=local.date(), start_time=local.time(), **wanted)
        verdict = booking.check(request, clinic.uow)
        assert verdict.conflicts != ()
        for opening in verdict.alternatives:
            other = BookAppointment(
                date=opening.date, start_time=opening.start_time, **wanted
            )
            assert booking.check(other, clinic.uow).conflicts == ()
    if found:
        visit = booking.book(
            BookAppointment(
                date=found[0].date, start_time=found[0].start_time, **wanted
            ),
            clinic.uow,
        )
        left = listed(clinic, search.first, search.last, **which)
        assert set(left) <= set(found)
        assert not any(opening.starts_at < visit.ends_at for opening in left)


def storable(case):
    """Return *case* without what no clinic can have, as overlaps."""
    busy = []
    for taken in case.busy:
        at = taken.span.start.replace(microsecond=0)
        minutes = -((taken.span.start - taken.span.end) // timedelta(minutes=1))
        span = TimeSpan(at, at + timedelta(minutes=minutes))
        if not any(span.overlaps(other.span) for other in busy):
            busy.append(evolve(taken, span=span))
    return evolve(
        case,
        week=apart(case.week),
        dated={
            day: [times for _, *times in apart([(0, *each) for each in hours_then])]
            for day, hours_then in case.dated.items()
        },
        busy=busy,
        off=[off for off in case.off if off.span(case.zone) is not None],
        search=evolve(case.search, patient_id=None),
    )


def apart(week):
    """Return the stretches that do not overlap those before them."""
    kept = []
    for day, *times in week:
        more = [*kept, WorkingHours(WEEKDAYS[day], *times)]
        if overlapping_hours(more) is None:
            kept = more
    return [(WEEKDAYS.index(each.weekday), each.start, each.end) for each in kept]


def clinic_of(case, store):
    """Store the clinic whose diary *case* is."""
    clinic = open_clinic(
        store, timezone=case.zone.key, week=case.weekly_hours, patients=3
    )
    policies.set_policy(case.policy, clinic.uow)
    policies.set_doctor_policy(clinic.doctor.id, case.own, clinic.uow)
    colleague = clinic.add_doctor()
    for day in case.dated_hours:
        request = calendars.SetDatedHours(date=day.date, hours=day.hours)
        calendars.set_dated_hours(clinic.doctor.id, request, clinic.uow)
    for off in case.off:
        take_off(clinic, off.starts.isoformat(), off.ends.isoformat())
    for taken in case.busy:
        minutes = (taken.span.end - taken.span.start) // timedelta(minutes=1)
        visit = evolve(
            visit_at_instant(taken.span.start, minutes, case.zone),
            doctor_id=clinic.doctor.id if taken.doctor_id else colleague.id,
            patient_id=clinic.patients[taken.patient_id is None].id,
        )
        clinic.commit(lambda uow, visit=visit: uow.appointments.add(visit))
    return clinic
