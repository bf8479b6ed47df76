from __future__ import annotations

import io
import json
import threading
import time as clock_time
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import (
    availability,
    booking,
    calendars,
    doctors,
    imports,
    offers,
    register,
    schedule,
    series,
    waitlist,
)
from clinicflow_core.desk.availability import FindOpenings
from clinicflow_core.desk.calendars import SetDatedHours
from clinicflow_core.desk.doctors import SetHours, Stretch
from clinicflow_core.desk.register import MergePatients
from clinicflow_core.desk.series import BookSeries, CancelSeries, ChangeSeries
from clinicflow_core.desk.waitlist import JoinWaitlist
from clinicflow_core.entities.appointment import (
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.doctor import WEEKDAYS, Weekday
from clinicflow_core.entities.ids import PatientId, WaitlistId
from clinicflow_core.entities.user import Role
from clinicflow_core.entities.waitlist import Outcome, WaitlistStatus
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    AppointmentNotFoundError,
    BookingConflictError,
    ContentionError,
    DoctorNotFoundError,
    InvalidError,
    NotPermittedError,
    OfferNotOpenError,
    PatientErasedError,
    PatientNotFoundError,
    Problem,
    RefusedError,
    SeriesConflictError,
    WaitlistClosedError,
    WaitlistEntryNotFoundError,
)
from clinicflow_core.interchange.lines import Form
from clinicflow_core.ports import PageRequest
from tests.builders import DAY, NOW, clock, hours, once, open_clinic
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
    times_of,
    to,
    visits_of,
)

TUESDAY = DAY + timedelta(days=1)
WEEK = DAY + timedelta(days=7)


@pytest.fixture
def clinic(store):
    """A clinic whose doctor works 10:00-11:00 on all days."""
    return open_clinic(store, week=hours("10:00-11:00"), patients=6)


def wait(clinic, number=1, **wishes):
    """Let a patient wait for four weeks; a higher number has waited less long."""
    since = NOW - timedelta(minutes=60 - number)
    people = {"patient_id": clinic.patients[number].id, "created_at": since}
    return clinic.store_entry(**people | wishes)


def join(clinic, number=1, **wishes):
    """Put a patient on the waitlist for four weeks."""
    asked = {
        "patient_id": clinic.patients[number].id,
        "first_date": DAY,
        "last_date": DAY + timedelta(days=28),
    }
    return waitlist.join(JoinWaitlist(**asked | wishes), clinic.uow)


def taken(clinic, times="10:00-11:00", on=DAY, **fields):
    """Book the doctor's time, so that it can come free."""
    return clinic.store_visit(times, on=on, **fields)


def free(clinic, visit):
    booking.cancel(visit.id, ILL, clinic.uow)


def now_of(waiting, clinic):
    """Return the entry as it is, with what is offered to it."""
    return waitlist.get(waiting.id, clinic.uow)


def offered(waiting, clinic):
    """Return when what is offered to somebody begins, as "03-02 10:00"."""
    offer = now_of(waiting, clinic).offer
    return offer and times_of([offer])[0]


def status(waiting, clinic):
    return now_of(waiting, clinic).entry.status.value


def offers_to(waiting, clinic):
    """Return what was ever offered to somebody, and what became of it."""
    with clinic.uow as uow:
        found = uow.waitlist.offers_of([waiting.id])
    starts = times_of(found)
    return [
        (start, offer.outcome.value) for start, offer in zip(starts, found, strict=True)
    ]


def refusals(clinic, times="10:00-10:30", on=DAY, **fields):
    asked = {"patient_id": clinic.patients[5].id, **fields}
    request = clinic.request(times, on=on, **asked)
    return kinds(booking.check(request, clinic.uow).conflicts)


def listed(clinic, of=None, limit=50):
    """Return the ids of the waitlist, read in parts of *limit*."""
    found, request = [], PageRequest(limit=limit)
    while request:
        page = waitlist.page(of, request, clinic.uow)
        found += [each.id for each in page.items]
        request = page.next and PageRequest(page.next, limit)
    return found


# Joining


def test_who_joins_is_kept_with_all_wishes(clinic):
    joined = join(
        clinic,
        doctor_id=clinic.doctor.id,
        duration=45,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.FOLLOW_UP,
        weekdays=frozenset({Weekday.MONDAY, Weekday.FRIDAY}),
        earliest=time(9),
        latest=time(12),
        urgent=True,
        note="calls back",
    )

    assert joined.offer is None
    assert joined.entry == clinic.entry(
        id=joined.id,
        patient_id=clinic.patients[1].id,
        doctor_id=clinic.doctor.id,
        duration=45,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.FOLLOW_UP,
        weekdays=frozenset({Weekday.MONDAY, Weekday.FRIDAY}),
        earliest=time(9),
        latest=time(12),
        urgent=True,
        note="calls back",
    )
    assert (joined.version, joined.entry.is_open) == (1, True)
    assert now_of(joined, clinic) == joined
    assert waitlist.page(None, PageRequest(), clinic.uow).items == (joined,)


def test_joining_is_in_the_trail_by_ids_alone(clinic):
    marked = clinic.add_patient("MARKER MARKER")
    anybody = join(clinic, patient_id=marked.id, note="MARKER")
    chen = join(clinic, doctor_id=clinic.doctor.id)

    [first], [second] = events_of(anybody, clinic), events_of(chen, clinic)

    assert (first.kind, first.facts) == (
        "waitlist.joined",
        {"patient_id": str(marked.id)},
    )
    assert second.facts == {
        "patient_id": str(clinic.patients[1].id),
        "doctor_id": str(clinic.doctor.id),
    }
    assert "MARKER" not in repr((first, first.facts, anybody))


def test_time_that_was_free_before_is_not_offered(clinic):
    waiting = join(clinic)

    assert offered(waiting, clinic) is None
    assert status(waiting, clinic) == "waiting"


@pytest.mark.parametrize(
    ("field", "error"),
    [("doctor_id", DoctorNotFoundError), ("patient_id", PatientNotFoundError)],
)
def test_only_who_is_in_the_clinic_waits_for_who_is(clinic, field, error):
    other = open_clinic(clinic.store, name="Other")
    foreign = {"doctor_id": other.doctor.id, "patient_id": other.patient.id}[field]

    for person in (uuid4(), foreign):
        with pytest.raises(error):
            join(clinic, **{field: person})
    assert listed(clinic) == []


def test_who_was_erased_or_merged_does_not_join(clinic):
    _, erased, duplicate, kept, *_ = clinic.patients
    register.erase(erased.id, clinic.uow)
    register.merge(kept.id, MergePatients(duplicate_id=duplicate.id), clinic.uow)

    with pytest.raises(PatientErasedError):
        join(clinic, patient_id=erased.id)
    with pytest.raises(PatientNotFoundError):
        join(clinic, patient_id=duplicate.id)
    assert listed(clinic) == []


def test_nobody_waits_for_days_that_are_over(clinic, watch):
    watch.at = at("2026-03-02 23:59")
    assert join(clinic, last_date=DAY).entry.last_date == DAY
    watch.at = at("2026-03-03 00:00")

    with pytest.raises(InvalidError) as refusal:
        join(clinic, last_date=DAY)

    assert refusal.value.problems == (Problem("/last_date", "must not be over"),)
    assert len(listed(clinic)) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first_date": date(1899, 12, 31)}, "in the years 1900 to 2199"),
        ({"last_date": date(2200, 1, 1)}, "in the years 1900 to 2199"),
        ({"duration": 0}, "between 1 and 1440"),
        ({"duration": 1441}, "between 1 and 1440"),
        ({"note": "x" * 501}, "at most 500"),
        ({"note": " "}, "must not be blank"),
    ],
)
def test_wishes_must_make_sense(wrong, message):
    asked = {"patient_id": PatientId(uuid4()), "first_date": DAY, "last_date": DAY}

    with pytest.raises(ValueError, match=message):
        JoinWaitlist(**asked | wrong)


@pytest.mark.parametrize("latest", [time(), time(8, 59), time(9)])
def test_wishes_that_do_not_go_together_are_all_pointed_at(latest):
    with pytest.raises(InvalidError) as refusal:
        JoinWaitlist(
            patient_id=PatientId(uuid4()),
            first_date=DAY,
            last_date=DAY - timedelta(days=1),
            earliest=time(9),
            latest=latest,
        )

    assert refusal.value.problems == (
        Problem("/last_date", "must not be before the first day"),
        Problem("/latest", "must be after the earliest time"),
    )


# Ranking


def test_the_urgent_go_first_then_who_has_waited_longest_then_by_id(clinic, watch):
    together = [clinic.store_entry(patient_id=clinic.patients[1].id) for _ in range(3)]
    watch.at = NOW + timedelta(minutes=1)
    late = join(clinic)
    watch.at = NOW + timedelta(minutes=1, microseconds=1)
    later_urgent = join(clinic, urgent=True)
    watch.at = NOW - timedelta(days=1)
    first = join(clinic)
    urgent = join(clinic, urgent=True)
    watch.at = NOW

    expected = [
        *(urgent.id, later_urgent.id, first.id),
        *sorted(each.id for each in together),
        late.id,
    ]
    for limit in (1, 2, 3, 50):
        assert listed(clinic, limit=limit) == expected


def test_time_is_offered_in_the_order_of_the_ranking(clinic):
    late, early = wait(clinic, 2, duration=60), wait(clinic, 1, duration=60)
    urgent = wait(clinic, 3, duration=60, urgent=True)
    entries = (urgent, early, late)

    free(clinic, taken(clinic))

    for best in entries:
        found = [each for each in entries if offered(each, clinic)]
        assert found == [best]
        waitlist.decline(best.id, clinic.uow)


def test_the_list_can_be_narrowed_to_a_status(clinic):
    waiting, gone, lucky, held = (wait(clinic, n, urgent=n == 3) for n in (1, 2, 3, 4))
    free(clinic, taken(clinic, on=TUESDAY))
    waitlist.accept(lucky.id, clinic.uow)
    waitlist.withdraw(gone.id, clinic.uow)
    free(clinic, taken(clinic, "10:00-11:00"))

    assert listed(clinic, WaitlistStatus.BOOKED) == [lucky.id]
    assert listed(clinic, WaitlistStatus.WITHDRAWN) == [gone.id]
    assert sorted(listed(clinic, WaitlistStatus.OFFERED)) == sorted(
        [waiting.id, held.id]
    )
    assert listed(clinic, WaitlistStatus.WAITING) == []
    found = waitlist.page(WaitlistStatus.OFFERED, PageRequest(), clinic.uow).items
    assert all(each == now_of(each, clinic) for each in found)
    assert all(each.offer for each in found)


# Wishes


def wish(**asked):
    return lambda clinic: asked


def of_colleague(clinic):
    return {"doctor_id": clinic.add_doctor().id}


@pytest.mark.parametrize(
    ("wished", "expected"),
    [
        pytest.param(wish(), "03-02 10:00", id="anything"),
        pytest.param(
            lambda clinic: {"doctor_id": clinic.doctor.id}, "03-02 10:00", id="doctor"
        ),
        pytest.param(of_colleague, None, id="another doctor"),
        pytest.param(wish(last_date=DAY), "03-02 10:00", id="last day"),
        pytest.param(wish(first_date=TUESDAY), None, id="from the day after"),
        pytest.param(
            wish(first_date=DAY - timedelta(days=1), last_date=DAY - timedelta(days=1)),
            None,
            id="the day before",
        ),
        pytest.param(
            wish(weekdays=frozenset({Weekday.MONDAY})), "03-02 10:00", id="weekday"
        ),
        pytest.param(
            wish(weekdays=frozenset(WEEKDAYS) - {Weekday.MONDAY}), None, id="others"
        ),
        pytest.param(wish(earliest=time(10)), "03-02 10:00", id="earliest"),
        pytest.param(wish(earliest=time(10, 1)), "03-02 10:15", id="a bit later"),
        pytest.param(wish(earliest=time(10, 30)), "03-02 10:30", id="half past"),
        pytest.param(wish(earliest=time(10, 31)), None, id="too late to start"),
        pytest.param(wish(latest=time(10, 30)), "03-02 10:00", id="latest"),
        pytest.param(wish(latest=time(10, 29)), None, id="too early to end"),
        pytest.param(
            wish(earliest=time(10, 15), latest=time(10, 45)),
            "03-02 10:15",
            id="between",
        ),
        pytest.param(wish(duration=60), "03-02 10:00", id="all of it"),
        pytest.param(wish(duration=61), None, id="more than all of it"),
        pytest.param(
            wish(visit_category=VisitCategory.NEW_PATIENT), None, id="long category"
        ),
        pytest.param(
            wish(visit_category=VisitCategory.NEW_PATIENT, duration=15),
            "03-02 10:00",
            id="long category, but short",
        ),
    ],
)
def test_only_time_that_suits_is_offered(clinic, wished, expected):
    set_policy(clinic, default_durations={"new-patient": 90})
    waiting = wait(clinic, **wished(clinic))

    free(clinic, taken(clinic))

    assert offered(waiting, clinic) == expected
    assert status(waiting, clinic) == ("offered" if expected else "waiting")


def test_who_is_busy_is_passed_over(clinic):
    first, second = wait(clinic, 1), wait(clinic, 2)
    elsewhere = clinic.add_doctor()
    clinic.store_visit(
        "10:00-11:00", doctor_id=elsewhere.id, patient_id=clinic.patients[1].id
    )

    free(clinic, taken(clinic))

    assert (offered(first, clinic), offered(second, clinic)) == (None, "03-02 10:00")


def test_who_is_busy_for_a_while_gets_the_rest(clinic):
    waiting = wait(clinic)
    elsewhere = clinic.add_doctor()
    clinic.store_visit(
        "09:30-10:15", doctor_id=elsewhere.id, patient_id=clinic.patients[1].id
    )

    free(clinic, taken(clinic))

    assert offered(waiting, clinic) == "03-02 10:15"


def test_time_that_comes_free_goes_to_as_many_as_fit(clinic):
    first, second, third = (wait(clinic, n) for n in (1, 2, 3))

    free(clinic, taken(clinic))

    found = [offered(each, clinic) for each in (first, second, third)]
    assert found == ["03-02 10:00", "03-02 10:30", None]


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        pytest.param(15, "03-02 10:15", id="shorter than what came free"),
        pytest.param(30, "03-02 10:15", id="as long"),
        pytest.param(45, "03-02 10:00", id="longer: the first that takes all of it"),
    ],
)
def test_an_offer_takes_as_much_of_the_time_that_came_free_as_it_can(
    store, minutes, expected
):
    clinic = open_clinic(store, week=hours("09:00-12:00"))
    waiting = wait(clinic, duration=minutes)

    free(clinic, taken(clinic, "10:15-10:45"))

    assert offered(waiting, clinic) == expected


def test_an_offer_keeps_to_the_rules_of_the_house(clinic):
    set_policy(clinic, buffer_after=15, slot_step=20)
    clinic.store_visit("10:45-11:00", patient_id=clinic.patients[5].id)
    waiting, other = wait(clinic, 1, duration=10), wait(clinic, 2, duration=10)

    free(clinic, taken(clinic, "10:00-10:30"))

    assert offered(waiting, clinic) == "03-02 10:00"
    assert offered(other, clinic) is None


def test_nobody_is_offered_time_that_comes_too_soon(clinic):
    set_policy(clinic, min_notice=2880)
    waiting = wait(clinic)

    free(clinic, taken(clinic))
    assert offered(waiting, clinic) is None

    free(clinic, taken(clinic, on=DAY + timedelta(days=2)))
    assert offered(waiting, clinic) == "03-04 10:00"


def test_time_beside_what_came_free_can_be_offered_if_a_buffer_kept_it(clinic):
    set_policy(clinic, buffer_after=30)
    visit = taken(clinic, "10:00-10:15")
    waiting = wait(clinic, earliest=time(10, 30))

    free(clinic, visit)

    assert offered(waiting, clinic) == "03-02 10:30"


def test_the_50_best_are_looked_at_but_only_those_whom_the_time_could_suit(
    clinic, monkeypatch
):
    monkeypatch.setattr(offers, "MOST_HELD", 1)
    sundays = wait(clinic, 1, weekdays=frozenset({Weekday.SUNDAY}))
    evenings = wait(clinic, 2, earliest=time(18))
    mornings = wait(clinic, 3)
    last = wait(clinic, 4)

    free(clinic, taken(clinic))

    found = [offered(each, clinic) for each in (sundays, evenings, mornings, last)]
    assert found == [None, None, "03-02 10:00", None]


# When time comes free


def by_series(clinic, act):
    booked = series.book(
        BookSeries(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patient.id,
            date=DAY,
            start_time=time(10),
            duration=60,
            rrule="FREQ=DAILY;COUNT=2",
        ),
        clinic.uow,
    )
    return lambda: act(booked)


def by_visit(clinic, act):
    visit = taken(clinic)
    return lambda: act(visit)


def by_time_off(clinic):
    off = take_off(clinic, "2026-03-02 10:00", "2026-03-02 11:00")
    return lambda: calendars.give_time_off_back(clinic.doctor.id, off.id, clinic.uow)


def by_week(clinic):
    doctors.set_hours(clinic.doctor.id, SetHours(hours=()), clinic.uow)
    week = tuple(
        Stretch(weekday=day, start=clock("10:00"), end=clock("11:00"))
        for day in WEEKDAYS
    )
    return lambda: doctors.set_hours(clinic.doctor.id, SetHours(hours=week), clinic.uow)


def by_day(clinic):
    set_day(clinic, DAY)
    return lambda: set_day(clinic, DAY, "10:00-11:00")


def by_weekly_hours_of_a_day(clinic):
    set_day(clinic, DAY)
    return lambda: calendars.set_dated_hours(
        clinic.doctor.id, SetDatedHours(date=DAY), clinic.uow
    )


def by_other(clinic, act):
    """Let a time be offered to somebody more urgent first."""
    lucky = wait(clinic, 2, urgent=True, duration=60)
    free(clinic, taken(clinic))
    return lambda: act(lucky)


FREEING = {
    "cancelled": lambda clinic, watch: by_visit(
        clinic, lambda visit: free(clinic, visit)
    ),
    "missed beforehand": lambda clinic, watch: by_visit(
        clinic, lambda visit: booking.no_show(visit.id, clinic.uow)
    ),
    "moved": lambda clinic, watch: by_visit(
        clinic,
        lambda visit: booking.reschedule(
            visit.id, to("10:00-11:00", on=TUESDAY), clinic.uow
        ),
    ),
    "moved to a colleague": lambda clinic, watch: by_visit(
        clinic,
        lambda visit: booking.reschedule(
            visit.id,
            to("10:00-11:00", doctor_id=clinic.add_doctor().id),
            clinic.uow,
        ),
    ),
    "series cancelled": lambda clinic, watch: by_series(
        clinic, lambda s: series.cancel(s.id, CancelSeries(), clinic.uow)
    ),
    "series moved": lambda clinic, watch: by_series(
        clinic,
        lambda s: series.change(s.id, ChangeSeries(days_later=1), clinic.uow),
    ),
    "series given to a colleague": lambda clinic, watch: by_series(
        clinic,
        lambda s: series.change(
            s.id, ChangeSeries(doctor_id=clinic.add_doctor().id), clinic.uow
        ),
    ),
    "time off given back": lambda clinic, watch: by_time_off(clinic),
    "new hours": lambda clinic, watch: by_week(clinic),
    "new hours of a day": lambda clinic, watch: by_day(clinic),
    "weekly hours again": lambda clinic, watch: by_weekly_hours_of_a_day(clinic),
    "declined": lambda clinic, watch: by_other(
        clinic, lambda lucky: waitlist.decline(lucky.id, clinic.uow)
    ),
    "withdrawn": lambda clinic, watch: by_other(
        clinic, lambda lucky: waitlist.withdraw(lucky.id, clinic.uow)
    ),
    "lapsed": lambda clinic, watch: by_other(
        clinic, lambda lucky: (later(watch), waitlist.sweep(clinic.uow))
    ),
}


def later(watch, by=timedelta(minutes=120)):
    """Let the time pass until an offer lapses."""
    watch.at += by


@pytest.mark.parametrize("how", FREEING)
def test_time_that_comes_free_is_offered(clinic, watch, how):
    act = FREEING[how](clinic, watch)
    waiting = wait(clinic, 1, doctor_id=clinic.doctor.id)
    assert offered(waiting, clinic) is None

    act()

    offer = now_of(waiting, clinic).offer
    assert (times_of([offer]), offer.doctor_id) == (["03-02 10:00"], clinic.doctor.id)
    assert (offer.end_time, offer.duration) == (time(10, 30), 30)
    assert (offer.outcome, offer.created_at) == (Outcome.OPEN, watch.at)
    assert status(waiting, clinic) == "offered"
    event = events_of(waiting, clinic)[-1]
    assert event.kind == "waitlist.offered"
    assert event.facts == {
        "offer_id": str(offer.id),
        "doctor_id": str(clinic.doctor.id),
        "starts_at": "2026-03-02T15:00:00+00:00",
        "duration": 30,
        "expires_at": offer.expires_at.isoformat(),
    }
    assert refusals(clinic) == ["doctor-busy"]


def test_hours_past_midnight_free_nothing_that_was_free_in_the_work_of_the_next_day(
    store,
):
    clinic = open_clinic(store, week=hours("00:30-12:00"), patients=2)
    before = wait(clinic, 1, first_date=TUESDAY, earliest=clock("00:30"))

    set_day(clinic, DAY, "22:00-01:00")

    assert offered(before, clinic) is None


@pytest.mark.parametrize("how", FREEING)
def test_an_act_that_frees_time_works_without_anybody_waiting(memory, watch, how):
    clinic = open_clinic(memory, week=hours("10:00-11:00"), patients=6)
    act = FREEING[how](clinic, watch)

    act()

    assert refusals(clinic) == []
    with clinic.uow as uow:
        assert uow.waitlist.open_offers_with(clinic.doctor.id) == ()


@pytest.mark.parametrize(
    "give_up",
    [
        pytest.param(lambda clinic, series_of, visit: free(clinic, visit), id="cancel"),
        pytest.param(
            lambda clinic, series_of, visit: booking.reschedule(
                visit.id, to("10:00-11:00", on=TUESDAY), clinic.uow
            ),
            id="move",
        ),
        pytest.param(
            lambda clinic, series_of, visit: series.cancel(
                series_of.id, CancelSeries(), clinic.uow
            ),
            id="cancel the series",
        ),
        pytest.param(
            lambda clinic, series_of, visit: series.change(
                series_of.id, ChangeSeries(days_later=1), clinic.uow
            ),
            id="move the series",
        ),
    ],
)
def test_a_visit_that_shared_its_doctors_time_frees_none(clinic, give_up):
    taken(clinic, "10:00-10:45", patient_id=clinic.patients[2].id)
    booked = series.book(
        BookSeries(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patient.id,
            date=DAY,
            start_time=time(10),
            duration=60,
            rrule="FREQ=DAILY;COUNT=1",
            override=EMERGENCY,
        ),
        clinic.uow,
    )
    waiting = wait(clinic, duration=15)

    give_up(clinic, booked, booked.appointments[0])

    # From 10:45 on nobody but the visit was there, and it kept nobody else away.
    assert offered(waiting, clinic) is None


def test_a_visit_that_is_over_frees_no_time(clinic, watch):
    visit = taken(clinic)
    waiting = wait(clinic)
    watch.at = at("2026-03-02 11:00")

    booking.no_show(visit.id, clinic.uow)

    assert offered(waiting, clinic) is None


def test_what_is_left_of_a_visit_that_begins_is_offered(clinic, watch):
    visit = taken(clinic)
    waiting = wait(clinic, duration=15)
    watch.at = at("2026-03-02 10:20")

    booking.no_show(visit.id, clinic.uow)

    assert offered(waiting, clinic) == "03-02 10:30"


def test_a_refused_act_offers_nothing(clinic):
    visit, other = taken(clinic), taken(clinic, on=TUESDAY)
    waiting = wait(clinic)
    before = contents(clinic)

    with pytest.raises(BookingConflictError):
        booking.reschedule(visit.id, to("10:00-10:30", on=TUESDAY), clinic.uow)

    assert contents(clinic) == before
    assert offered(waiting, clinic) is None
    assert booking.get(other.id, clinic.uow) == other


def test_a_move_by_a_little_offers_what_it_leaves(clinic):
    visit = taken(clinic, "10:00-10:30")
    waiting = wait(clinic, 1, duration=15)

    booking.reschedule(visit.id, to("10:15-10:45"), clinic.uow)

    assert offered(waiting, clinic) == "03-02 10:00"


def test_who_waits_for_anybody_gets_whoever_is_free_first(clinic):
    omar = clinic.add_doctor(week=hours("14:00-14:30"))
    waiting = wait(clinic)

    free(clinic, taken(clinic, "14:00-14:30", doctor_id=omar.id))

    offer = now_of(waiting, clinic).offer
    assert (offer.doctor_id, times_of([offer])) == (omar.id, ["03-02 14:00"])


def series_of_two_doctors(clinic):
    """Return a series on Monday with the doctor and on Tuesday with a colleague."""
    omar = clinic.add_doctor(week=hours("10:00-11:00"))
    booked = by_series(clinic, lambda booked: booked)()
    tuesday = to("10:00-11:00", on=TUESDAY, doctor_id=omar.id)
    booking.reschedule(booked.appointments[1].id, tuesday, clinic.uow)
    return booked, omar


def test_a_series_of_two_doctors_frees_the_time_of_both(clinic):
    booked, omar = series_of_two_doctors(clinic)
    chens = wait(clinic, 1, doctor_id=clinic.doctor.id)
    omars = wait(clinic, 2, doctor_id=omar.id)

    series.cancel(booked.id, CancelSeries(), clinic.uow)

    assert offered(chens, clinic) == "03-02 10:00"
    assert offered(omars, clinic) == "03-03 10:00"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(
            lambda key, uow: series.cancel(key, CancelSeries(), uow), id="cancelled"
        ),
        pytest.param(
            lambda key, uow: series.change(key, ChangeSeries(days_later=7), uow),
            id="moved",
        ),
    ],
)
def test_who_waits_for_anybody_gets_one_offer_of_a_series_of_two_doctors(clinic, act):
    booked, _ = series_of_two_doctors(clinic)
    anybody, second = wait(clinic, 1), wait(clinic, 2, duration=60)

    act(booked.id, clinic.uow)

    assert len(offers_to(anybody, clinic)) == 1
    assert len(offers_to(second, clinic)) == 1


# Nobody is offered the same time twice


def test_what_was_declined_is_not_offered_again(clinic):
    first, second = wait(clinic, 1, duration=60), wait(clinic, 2, duration=60)
    free(clinic, taken(clinic))
    waitlist.decline(first.id, clinic.uow)
    assert offered(second, clinic) == "03-02 10:00"

    waitlist.decline(second.id, clinic.uow)
    free(clinic, taken(clinic))

    assert offers_to(first, clinic) == [("03-02 10:00", "declined")]
    assert offers_to(second, clinic) == [("03-02 10:00", "declined")]
    assert (status(first, clinic), status(second, clinic)) == ("waiting", "waiting")
    assert refusals(clinic) == []


def test_what_lapsed_is_not_offered_again(clinic, watch):
    waiting = wait(clinic, duration=60)
    free(clinic, taken(clinic))
    later(watch)
    waitlist.sweep(clinic.uow)

    free(clinic, taken(clinic))
    free(clinic, taken(clinic, on=TUESDAY))

    assert offers_to(waiting, clinic) == [
        ("03-02 10:00", "expired"),
        ("03-03 10:00", "open"),
    ]


def test_the_same_time_with_another_doctor_is_another_time(clinic):
    omar = clinic.add_doctor(week=hours("10:00-11:00"))
    waiting = wait(clinic, duration=60)
    free(clinic, taken(clinic))
    waitlist.decline(waiting.id, clinic.uow)

    free(clinic, taken(clinic, doctor_id=omar.id))

    assert now_of(waiting, clinic).offer.doctor_id == omar.id


def test_nobody_gets_two_offers_at_once(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))

    free(clinic, taken(clinic, on=TUESDAY))

    assert offers_to(waiting, clinic) == [("03-02 10:00", "open")]


def test_no_time_is_offered_to_two(clinic):
    entries = [wait(clinic, n, duration=45) for n in (1, 2, 3)]

    free(clinic, taken(clinic))
    free(clinic, taken(clinic, on=TUESDAY))

    found = [offered(each, clinic) for each in entries]
    assert found == ["03-02 10:00", "03-03 10:00", None]


def test_who_waits_twice_is_not_offered_two_places_at_once(clinic):
    omar = clinic.add_doctor(week=hours("10:00-11:00"))
    entries = [wait(clinic, 1, duration=45) for _ in range(2)]

    free(clinic, taken(clinic))
    free(clinic, taken(clinic, doctor_id=omar.id))

    assert sorted(str(offered(each, clinic)) for each in entries) == [
        "03-02 10:00",
        "None",
    ]


# An offer holds its time


def test_an_offer_holds_its_time_against_bookings(clinic):
    waiting = wait(clinic, duration=30)
    free(clinic, taken(clinic))
    assert offered(waiting, clinic) == "03-02 10:00"
    elsewhere = clinic.add_doctor()
    own = {"patient_id": clinic.patients[1].id}

    assert refusals(clinic, "10:00-10:30") == ["doctor-busy"]
    assert refusals(clinic, "10:29-10:59") == ["doctor-busy"]
    assert refusals(clinic, "10:30-11:00") == []
    assert refusals(clinic, "10:00-10:30", doctor_id=elsewhere.id) == []
    assert refusals(clinic, "10:15-10:45", doctor_id=elsewhere.id, **own) == [
        "patient-busy"
    ]
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("10:15-10:45"), clinic.uow)
    assert kinds(refusal.value.conflicts) == ["doctor-busy"]


def test_an_offer_holds_its_time_against_moves_series_and_searches(clinic):
    wait(clinic, duration=60)
    free(clinic, taken(clinic))
    visit = taken(clinic, on=TUESDAY)
    weekly = BookSeries(
        doctor_id=clinic.doctor.id,
        patient_id=clinic.patients[2].id,
        date=DAY,
        start_time=time(10),
        rrule="FREQ=WEEKLY;COUNT=2",
    )

    with pytest.raises(BookingConflictError) as moved:
        booking.reschedule(visit.id, to("10:00-11:00"), clinic.uow)
    with pytest.raises(SeriesConflictError) as booked:
        series.book(weekly, clinic.uow)
    found = availability.openings(FindOpenings(from_=DAY, to=DAY), clinic.uow)

    assert kinds(moved.value.conflicts) == ["doctor-busy"]
    [refused] = booked.value.occurrences
    assert (refused.date, kinds(refused.conflicts)) == (DAY, ["doctor-busy"])
    assert found.items == ()


def test_an_offer_counts_towards_the_daily_limit_and_keeps_its_buffer(clinic):
    wait(clinic, duration=15)
    free(clinic, taken(clinic))
    set_policy(clinic, buffer_after=20)
    assert refusals(clinic, "10:30-11:00") == ["buffer"]

    set_policy(clinic, daily_limit=1)
    assert refusals(clinic, "10:30-11:00") == ["daily-limit"]


def test_a_visit_is_not_reinstated_over_an_offer(clinic):
    wait(clinic)
    visit = taken(clinic)
    free(clinic, visit)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reinstate(visit.id, booking.ReinstateAppointment(), clinic.uow)

    assert kinds(refusal.value.conflicts) == ["doctor-busy"]


def test_an_override_shares_what_is_offered(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))

    squeezed = booking.book(clinic.request(override=EMERGENCY, **at_ten), clinic.uow)
    accepted = waitlist.accept(waiting.id, clinic.uow)

    assert squeezed.override.conflicts == ("doctor-busy",)
    assert accepted.starts_at == squeezed.starts_at


at_ten = {"start_time": time(10)}


def test_an_offer_that_is_held_cannot_be_written_over(clinic):
    wait(clinic)
    free(clinic, taken(clinic))

    for times, fields in (
        ("10:15-10:45", {}),
        (
            "10:15-10:45",
            {
                "doctor_id": clinic.add_doctor().id,
                "patient_id": clinic.patients[1].id,
            },
        ),
    ):
        with pytest.raises(ContentionError):
            clinic.store_visit(times, **fields)


# What nobody accepts in time


@pytest.mark.parametrize(
    ("minutes", "now", "expires_at"),
    [
        pytest.param(120, "2026-03-02 07:00", "2026-03-02 09:00", id="two hours"),
        pytest.param(1, "2026-03-02 07:00", "2026-03-02 07:01", id="a minute"),
        pytest.param(120, "2026-03-02 08:00", "2026-03-02 10:00", id="just so"),
        pytest.param(120, "2026-03-02 09:00", "2026-03-02 10:00", id="at the start"),
        pytest.param(20160, "2026-03-02 09:59", "2026-03-02 10:00", id="two weeks"),
    ],
)
def test_an_offer_lapses_after_a_while_and_no_later_than_its_start(
    clinic, watch, minutes, now, expires_at
):
    set_policy(clinic, offer_minutes=minutes)
    waiting = wait(clinic)
    visit = taken(clinic)
    watch.at = at(now)

    free(clinic, visit)

    assert now_of(waiting, clinic).offer.expires_at == at(expires_at)


def test_nobody_is_offered_a_time_that_begins_at_this_moment(clinic, watch):
    waiting = wait(clinic)
    visit = taken(clinic)
    watch.at = at("2026-03-02 10:00")

    free(clinic, visit)

    assert offered(waiting, clinic) == "03-02 10:15"


def lapsed_offer(clinic, watch, number=1, **wishes):
    """Return an entry whose offer, from 10:00 on, lapsed; no sweep has seen it."""
    waiting = wait(clinic, number, **wishes)
    free(clinic, taken(clinic))
    assert offered(waiting, clinic) == "03-02 10:00"
    later(watch)
    return waiting


def test_an_offer_counts_until_it_lapses_to_the_moment(clinic, watch):
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    watch.at = NOW + timedelta(minutes=120, microseconds=-1)
    assert offered(waiting, clinic) == "03-02 10:00"
    assert refusals(clinic) == ["doctor-busy"]

    watch.at = NOW + timedelta(minutes=120)

    assert offered(waiting, clinic) is None
    assert refusals(clinic) == []


def test_what_lapsed_holds_nothing_before_any_sweep(clinic, watch):
    waiting = lapsed_offer(clinic, watch)
    own = {"patient_id": clinic.patients[1].id, "doctor_id": clinic.add_doctor().id}

    assert offered(waiting, clinic) is None
    assert status(waiting, clinic) == "offered"
    assert refusals(clinic) == refusals(clinic, **own) == []
    found = availability.openings(FindOpenings(from_=DAY, to=DAY), clinic.uow)
    assert len([o for o in found.items if o.doctor_id == clinic.doctor.id]) == 3
    booked = booking.book(clinic.request("10:00-11:00"), clinic.uow)
    assert booked.override is None
    assert waitlist.sweep(clinic.uow) == 1
    assert status(waiting, clinic) == "waiting"
    assert offers_to(waiting, clinic) == [("03-02 10:00", "expired")]
    assert happened(waiting, clinic)[-1] == "waitlist.offer-expired"


def put_visit(clinic, watch):
    return booking.book(clinic.request("10:00-11:00"), clinic.uow)


def put_patient_elsewhere(clinic, watch):
    own = {"patient_id": clinic.patients[1].id, "doctor_id": clinic.add_doctor().id}
    return booking.book(clinic.request("10:15-11:00", **own), clinic.uow)


def put_move(clinic, watch):
    visit = taken(clinic, on=WEEK)
    return booking.reschedule(visit.id, to("10:00-11:00"), clinic.uow)


def put_reinstated(clinic, watch):
    [visit] = visits_of(clinic)
    return booking.reinstate(visit.id, booking.ReinstateAppointment(), clinic.uow)


def put_series(clinic, watch):
    booked = by_series(clinic, lambda booked: booked)()
    return booked.appointments[0]


def put_moved_series(clinic, watch):
    visit = clinic.store_visit("10:00-11:00", on=WEEK, series_id=None)
    booking.cancel(visit.id, ILL, clinic.uow)
    booked = series.book(
        BookSeries(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patient.id,
            date=TUESDAY,
            start_time=time(10),
            duration=60,
            rrule="FREQ=DAILY;COUNT=2",
        ),
        clinic.uow,
    )
    moved = series.change(booked.id, ChangeSeries(days_later=-1), clinic.uow)
    return moved.appointments[0]


def test_a_visit_is_imported_over_offers_that_lapsed(clinic, watch):
    waiting = lapsed_offer(clinic, watch)
    watch.at = at("2026-03-03 00:00")
    visit = (
        f"doctor_id,patient_id,date,start_time,duration\n"
        f"{clinic.doctor.id},{clinic.patient.id},2026-03-02,10:00,60\n"
    )

    report = imports.import_visits(
        io.BytesIO(visit.encode()), Form.CSV, clinic.uow, refused=print, progress=print
    )

    assert (report.stored, report.refused) == (1, 0)
    assert status(waiting, clinic) == "offered"
    assert waitlist.sweep(clinic.uow) == 1


PUTS = [
    put_visit,
    put_patient_elsewhere,
    put_move,
    put_reinstated,
    put_series,
    put_moved_series,
]


@pytest.mark.parametrize("put", PUTS)
def test_whatever_takes_the_time_of_a_lapsed_offer_ends_it(clinic, watch, put):
    waiting = lapsed_offer(clinic, watch)

    visit = put(clinic, watch)

    assert visit.starts_at in (at("2026-03-02 10:00"), at("2026-03-02 10:15"))
    assert visit.override is None
    assert booking.get(visit.id, clinic.uow) == visit
    with pytest.raises(OfferNotOpenError):
        waitlist.accept(waiting.id, clinic.uow)
    waitlist.sweep(clinic.uow)
    assert offers_to(waiting, clinic)[0] == ("03-02 10:00", "expired")
    assert booking.get(visit.id, clinic.uow) == visit


def test_time_that_is_offered_anew_ends_the_lapsed_offers_in_it(clinic, watch):
    first, second = wait(clinic, 1), wait(clinic, 2)
    free(clinic, taken(clinic))
    assert offered(second, clinic) == "03-02 10:30"
    later(watch)
    long = wait(clinic, 3, duration=60)
    off = take_off(clinic, "2026-03-02 10:00", "2026-03-02 11:00")

    calendars.give_time_off_back(clinic.doctor.id, off.id, clinic.uow)

    assert offered(long, clinic) == "03-02 10:00"
    for each in (first, second):
        with pytest.raises(OfferNotOpenError):
            waitlist.accept(each.id, clinic.uow)
    assert waitlist.sweep(clinic.uow) == 2
    assert offers_to(first, clinic) == [("03-02 10:00", "expired")]
    assert offers_to(second, clinic) == [("03-02 10:30", "expired")]
    assert offered(long, clinic) == "03-02 10:00"


def test_two_can_get_the_time_of_one_lapsed_offer(clinic, watch):
    long = lapsed_offer(clinic, watch, 1, duration=60)
    first, second = wait(clinic, 2), wait(clinic, 3)
    off = take_off(clinic, "2026-03-02 10:00", "2026-03-02 11:00")

    calendars.give_time_off_back(clinic.doctor.id, off.id, clinic.uow)

    assert offered(first, clinic) == "03-02 10:00"
    assert offered(second, clinic) == "03-02 10:30"
    assert waitlist.sweep(clinic.uow) == 1
    assert offers_to(long, clinic) == [("03-02 10:00", "expired")]
    assert offered(first, clinic) == "03-02 10:00"


def test_a_booking_over_a_lapsed_offer_is_answered_again_as_it_was(clinic, watch):
    lapsed_offer(clinic, watch)
    visit = booking.book(
        clinic.request("10:00-11:00"), clinic.unit_of_work(once("key-1"))
    )

    with pytest.raises(AlreadyAnsweredError) as again:
        booking.book(clinic.request("10:00-11:00"), clinic.unit_of_work(once("key-1")))

    assert again.value.answer == {"id": str(visit.id)}


def test_patients_are_merged_whatever_lapsed_in_the_meantime(clinic, watch):
    waiting = lapsed_offer(clinic, watch)
    _, duplicate, kept, *_ = clinic.patients
    visit = clinic.store_visit(
        "10:00-10:30", doctor_id=clinic.add_doctor().id, patient_id=kept.id
    )

    register.merge(kept.id, MergePatients(duplicate_id=duplicate.id), clinic.uow)

    assert now_of(waiting, clinic).entry.patient_id == kept.id
    assert waitlist.sweep(clinic.uow) == 1
    assert offers_to(waiting, clinic) == [("03-02 10:00", "expired")]
    assert booking.get(visit.id, clinic.uow) == visit


# Accepting, declining, withdrawing


def test_an_accepted_offer_is_a_confirmed_visit(clinic, watch):
    waiting = wait(
        clinic,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.NEW_PATIENT,
        duration=45,
    )
    free(clinic, taken(clinic))
    offer = now_of(waiting, clinic).offer
    watch.at = NOW + timedelta(minutes=5)

    visit = waitlist.accept(waiting.id, clinic.uow)

    assert visit == clinic.visit(
        "10:00-10:45",
        id=offer.id,
        patient_id=clinic.patients[1].id,
        status=Status.CONFIRMED,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.NEW_PATIENT,
        created_at=watch.at,
        updated_at=watch.at,
    )
    assert booking.get(visit.id, clinic.uow) == visit
    assert visit in visits_of(clinic)
    now = now_of(waiting, clinic)
    assert (now.entry.status, now.entry.appointment_id, now.offer) == (
        WaitlistStatus.BOOKED,
        visit.id,
        None,
    )
    assert offers_to(waiting, clinic) == [("03-02 10:00", "accepted")]
    assert refusals(clinic, "10:30-11:00") == ["doctor-busy"]


def test_accepting_is_in_the_trail_of_visit_and_entry(clinic):
    waiting = join(clinic)
    free(clinic, taken(clinic))
    offer = now_of(waiting, clinic).offer

    visit = waitlist.accept(waiting.id, clinic.uow)

    [booked] = booking.history(visit.id, clinic.uow)
    assert (booked.kind, booked.facts) == (
        "appointment.booked",
        {
            "doctor_id": str(clinic.doctor.id),
            "starts_at": "2026-03-02T15:00:00+00:00",
            "duration": 30,
            "patient_id": str(clinic.patients[1].id),
            "waitlist_id": str(waiting.id),
        },
    )
    events = events_of(waiting, clinic)
    assert [event.kind for event in events] == [
        "waitlist.joined",
        "waitlist.offered",
        "waitlist.accepted",
    ]
    assert events[1].facts == events[2].facts
    assert events[2].facts["offer_id"] == str(offer.id) == str(visit.id)


def test_what_lapsed_cannot_be_accepted_or_declined(clinic, watch):
    waiting = lapsed_offer(clinic, watch)
    before = contents(clinic)

    for act in (waitlist.accept, waitlist.decline):
        with pytest.raises(OfferNotOpenError) as refusal:
            act(waiting.id, clinic.uow)
        assert refusal.value.record_id == waiting.id
    assert contents(clinic) == before


def test_what_is_not_offered_cannot_be_accepted_or_declined(clinic):
    waiting = wait(clinic)

    for act in (waitlist.accept, waitlist.decline):
        with pytest.raises(OfferNotOpenError):
            act(waiting.id, clinic.uow)
    assert status(waiting, clinic) == "waiting"


def test_an_offer_is_answered_once(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    visit = waitlist.accept(waiting.id, clinic.uow)

    for act in (waitlist.accept, waitlist.decline):
        with pytest.raises(OfferNotOpenError):
            act(waiting.id, clinic.uow)
    with pytest.raises(WaitlistClosedError) as refusal:
        waitlist.withdraw(waiting.id, clinic.uow)

    assert (refusal.value.record_id, refusal.value.status) == (waiting.id, "booked")
    assert booking.get(visit.id, clinic.uow) == visit


def test_a_declined_time_is_free_if_nobody_else_waits(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    offer = now_of(waiting, clinic).offer

    after = waitlist.decline(waiting.id, clinic.uow)

    assert after == now_of(waiting, clinic)
    assert (after.entry.status, after.offer) == (WaitlistStatus.WAITING, None)
    assert refusals(clinic) == []
    event = events_of(waiting, clinic)[-1]
    assert (event.kind, event.facts["offer_id"]) == (
        "waitlist.declined",
        str(offer.id),
    )


def test_who_declines_waits_on_for_another_time(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    waitlist.decline(waiting.id, clinic.uow)

    free(clinic, taken(clinic, on=TUESDAY))

    assert offered(waiting, clinic) == "03-03 10:00"
    assert waitlist.accept(waiting.id, clinic.uow).date == TUESDAY


def test_who_withdraws_waits_no_longer(clinic):
    waiting = join(clinic)

    waitlist.withdraw(waiting.id, clinic.uow)

    free(clinic, taken(clinic))
    assert status(waiting, clinic) == "withdrawn"
    assert offers_to(waiting, clinic) == []
    assert happened(waiting, clinic) == ["waitlist.joined", "waitlist.withdrawn"]
    with pytest.raises(WaitlistClosedError, match="is withdrawn"):
        waitlist.withdraw(waiting.id, clinic.uow)


def test_who_withdraws_gives_back_what_is_offered(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic))

    waitlist.withdraw(waiting.id, clinic.uow)

    assert (status(waiting, clinic), offered(waiting, clinic)) == ("withdrawn", None)
    assert offers_to(waiting, clinic) == [("03-02 10:00", "withdrawn")]
    assert happened(waiting, clinic) == [
        "waitlist.offered",
        "waitlist.offer-withdrawn",
        "waitlist.withdrawn",
    ]
    assert refusals(clinic) == []


def test_who_withdraws_after_an_offer_lapsed_frees_its_time_too(clinic, watch):
    waiting = lapsed_offer(clinic, watch)

    waitlist.withdraw(waiting.id, clinic.uow)

    assert status(waiting, clinic) == "withdrawn"
    assert waitlist.sweep(clinic.uow) == 0
    put_visit(clinic, watch)


def test_an_accepted_visit_that_is_cancelled_goes_to_the_next_one(clinic):
    waiting = wait(clinic, 1)
    free(clinic, taken(clinic))
    visit = waitlist.accept(waiting.id, clinic.uow)
    second = wait(clinic, 2)

    free(clinic, visit)

    assert offered(second, clinic) == "03-02 10:00"
    assert status(waiting, clinic) == "booked"


@pytest.mark.parametrize(
    ("kind", "leave"),
    [
        (
            "time-off",
            lambda clinic: take_off(clinic, "2026-03-02 10:00", "2026-03-02 11:00"),
        ),
        ("outside-hours", lambda clinic: set_day(clinic, DAY)),
        ("closed-day", lambda clinic: set_policy(clinic, closed_days=(DAY,))),
    ],
)
def test_an_offer_is_not_accepted_once_the_doctor_is_away(clinic, kind, leave):
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    leave(clinic)

    with pytest.raises(BookingConflictError) as refusal:
        waitlist.accept(waiting.id, clinic.uow)

    [conflict] = refusal.value.conflicts
    assert (conflict.kind.value, conflict.overridable) == (kind, False)
    assert [v.status for v in visits_of(clinic)] == [Status.CANCELLED]
    assert offered(waiting, clinic) == "03-02 10:00"
    assert schedule.stranded(PageRequest(), clinic.uow).items == ()


def at_once(clinic, first, second):
    """
    Carry out *second* while its patient and doctor are held, and then *first*.

    Returns:
        What came of the second one.
    """
    outcomes = []

    def wait_and_act():
        try:
            outcomes.append(second(clinic.unit_of_work()))
        except RefusedError as error:
            outcomes.append(type(error))

    thread = threading.Thread(target=wait_and_act)
    with clinic.uow as uow:
        held = clinic.visit(patient_id=clinic.patients[1].id)
        uow.diaries.hold([held.doctor_id], [held.patient_id], held.span)
        thread.start()
        clock_time.sleep(0.1)  # By now the other one has read, and waits.
        first(uow)
        uow.commit()
    thread.join()
    return outcomes


def while_ended(clinic, waiting, outcome, act):
    """End the offer to somebody while *act* waits for it; return what came of it."""

    def end(uow):
        offers.end_offer(offers.open_offer(waiting.id, uow), outcome, uow)

    return at_once(clinic, end, act)


@pytest.mark.parametrize("act", [waitlist.accept, waitlist.decline])
def test_of_two_answers_at_once_one_counts(clinic, act):
    waiting = wait(clinic)
    free(clinic, taken(clinic))

    outcomes = while_ended(
        clinic, waiting, Outcome.WITHDRAWN, lambda uow: act(waiting.id, uow)
    )

    assert outcomes == [OfferNotOpenError]
    assert offers_to(waiting, clinic) == [("03-02 10:00", "withdrawn")]
    assert status(waiting, clinic) == "waiting"


def test_of_two_sweeps_at_once_one_ends_a_lapsed_offer(clinic, watch):
    waiting = lapsed_offer(clinic, watch)

    outcomes = while_ended(clinic, waiting, Outcome.EXPIRED, waitlist.sweep)

    assert outcomes == [0]
    assert offers_to(waiting, clinic) == [("03-02 10:00", "expired")]
    assert happened(waiting, clinic).count("waitlist.offer-expired") == 1


def test_who_withdraws_while_an_offer_lapses_waits_no_longer(clinic, watch):
    waiting = lapsed_offer(clinic, watch)

    while_ended(
        clinic,
        waiting,
        Outcome.EXPIRED,
        lambda uow: waitlist.withdraw(waiting.id, uow),
    )

    assert status(waiting, clinic) == "withdrawn"
    assert offers_to(waiting, clinic) == [("03-02 10:00", "expired")]


# Sweeping


def test_a_sweep_passes_on_what_nobody_accepted_in_time(clinic, watch):
    first = wait(clinic, 1, duration=60)
    free(clinic, taken(clinic))
    second = wait(clinic, 2)
    assert waitlist.sweep(clinic.uow) == 0
    later(watch)

    assert waitlist.sweep(clinic.uow) == 1

    assert status(first, clinic) == "waiting"
    assert offers_to(first, clinic) == [("03-02 10:00", "expired")]
    assert happened(first, clinic)[-1] == "waitlist.offer-expired"
    assert offered(second, clinic) == "03-02 10:00"
    assert waitlist.sweep(clinic.uow) == 0


def test_sweep_after_sweep_a_time_goes_down_the_list_and_is_free_in_the_end(
    clinic, watch
):
    entries = [wait(clinic, n, duration=60) for n in (1, 2, 3)]
    free(clinic, taken(clinic, on=TUESDAY))
    for waiting in entries:
        assert offered(waiting, clinic) == "03-03 10:00"
        later(watch)
        assert waitlist.sweep(clinic.uow) == 1

    assert [status(each, clinic) for each in entries] == ["waiting"] * 3
    assert refusals(clinic, on=TUESDAY) == []
    later(watch)
    assert waitlist.sweep(clinic.uow) == 0


def test_a_sweep_ends_what_lies_in_the_past_and_offers_it_to_nobody(clinic, watch):
    first = wait(clinic, 1)
    free(clinic, taken(clinic))
    second = wait(clinic, 2)
    watch.at = at("2026-03-03 12:00")

    assert waitlist.sweep(clinic.uow) == 1

    assert (status(first, clinic), offers_to(second, clinic)) == ("waiting", [])


def test_one_sweep_ends_so_many_and_the_next_one_the_rest(clinic, watch, monkeypatch):
    monkeypatch.setattr(waitlist, "MOST_AT_ONCE", 2)
    for n in (1, 2, 3):
        wait(clinic, n, duration=60)
        free(clinic, taken(clinic, on=DAY + timedelta(days=n)))
    later(watch)

    assert [waitlist.sweep(clinic.uow) for _ in range(3)] == [2, 1, 0]


def test_a_time_is_passed_on_whole_though_it_was_offered_in_parts(clinic, watch):
    first, second = wait(clinic, 1), wait(clinic, 2)
    free(clinic, taken(clinic))
    long = wait(clinic, 3, duration=60, urgent=True)
    later(watch)

    assert waitlist.sweep(clinic.uow) == 2

    assert offered(long, clinic) == "03-02 10:00"
    assert (status(first, clinic), status(second, clinic)) == ("waiting", "waiting")
    assert offers_to(second, clinic) == [("03-02 10:30", "expired")]


def test_whoever_let_a_time_go_can_have_another_one_that_lapsed(clinic, watch):
    friday = DAY + timedelta(days=4)
    monday_only = wait(clinic, 1, duration=60, last_date=DAY)
    any_day = wait(clinic, 2, duration=60)
    free(clinic, taken(clinic))
    free(clinic, taken(clinic, on=friday))
    assert offered(any_day, clinic) == "03-06 10:00"
    later(watch)

    assert waitlist.sweep(clinic.uow) == 2

    assert offers_to(monday_only, clinic) == [("03-02 10:00", "expired")]
    assert offers_to(any_day, clinic) == [
        ("03-06 10:00", "expired"),
        ("03-02 10:00", "open"),
    ]


def test_a_sweep_is_for_one_clinic(clinic, watch):
    other = open_clinic(clinic.store, name="Other", week=hours("10:00-11:00"))
    waiting = lapsed_offer(other, watch)

    assert waitlist.sweep(clinic.uow) == 0
    assert status(waiting, other) == "offered"
    assert waitlist.sweep(other.uow) == 1


# People who go


def test_who_is_erased_is_offered_nothing_and_holds_nothing(clinic):
    waiting = wait(clinic, 1, note="MARKER")
    free(clinic, taken(clinic))

    register.erase(clinic.patients[1].id, clinic.uow)

    with pytest.raises(WaitlistEntryNotFoundError):
        now_of(waiting, clinic)
    assert listed(clinic) == []
    assert refusals(clinic) == []
    assert happened(waiting, clinic)[-2:] == [
        "waitlist.offer-withdrawn",
        "waitlist.removed",
    ]
    assert "MARKER" not in repr(contents(clinic))


def test_an_erased_patient_whose_entry_came_in_between_is_passed_over(clinic):
    person = clinic.patients[1]
    register.erase(person.id, clinic.uow)
    entry = clinic.store_entry(patient_id=person.id)
    second = wait(clinic, 2)

    free(clinic, taken(clinic))

    assert (offered(entry, clinic), offered(second, clinic)) == (None, "03-02 10:00")


def test_who_begins_to_wait_while_being_erased_waits_no_longer(clinic):
    person = clinic.patients[1]
    entry = clinic.entry(patient_id=person.id)

    at_once(
        clinic,
        lambda uow: uow.waitlist.add(entry),
        lambda uow: register.erase(person.id, uow),
    )

    assert listed(clinic) == []
    assert register.get(person.id, clinic.uow).erased_at is not None


def test_entries_of_a_merged_patient_wait_for_who_is_left(clinic):
    duplicate, kept = clinic.patients[1], clinic.patients[2]
    waiting, other = wait(clinic, 1, urgent=True), wait(clinic, 1)
    free(clinic, taken(clinic, "10:00-10:30"))
    assert offered(waiting, clinic) == "03-02 10:00"

    register.merge(kept.id, MergePatients(duplicate_id=duplicate.id), clinic.uow)

    assert {now_of(w, clinic).entry.patient_id for w in (waiting, other)} == {kept.id}
    elsewhere = {"doctor_id": clinic.add_doctor().id, "patient_id": kept.id}
    assert refusals(clinic, **elsewhere) == ["patient-busy"]
    visit = waitlist.accept(waiting.id, clinic.uow)
    assert visit.patient_id == kept.id
    assert booking.get(visit.id, clinic.uow) == visit


def test_a_patient_who_only_waits_can_be_removed(clinic):
    waiting = wait(clinic, 1)
    free(clinic, taken(clinic))

    register.remove(clinic.patients[1].id, clinic.uow)

    assert listed(clinic) == []
    assert refusals(clinic) == []
    assert happened(waiting, clinic)[-1] == "waitlist.removed"


def test_who_waits_for_a_removed_doctor_waits_no_longer(clinic):
    omar = clinic.add_doctor(week=hours("10:00-11:00"))
    theirs = wait(clinic, 1, doctor_id=omar.id)
    anybody = wait(clinic, 2)
    off = take_off(evolve(clinic, doctor=omar), "2026-03-02 10:00", "2026-03-02 11:00")
    calendars.give_time_off_back(omar.id, off.id, clinic.uow)
    assert offered(theirs, clinic) == "03-02 10:00"
    assert offered(anybody, clinic) == "03-02 10:30"

    doctors.remove(omar.id, clinic.uow)

    assert listed(clinic) == [anybody.id]
    assert (status(anybody, clinic), offered(anybody, clinic)) == ("waiting", None)
    assert happened(theirs, clinic)[-1] == "waitlist.removed"
    assert happened(anybody, clinic)[-1] == "waitlist.offer-withdrawn"
    free(clinic, taken(clinic))
    assert offered(anybody, clinic) == "03-02 10:00"


# What is only offered is no visit


def test_what_is_only_offered_is_in_no_list_and_can_be_found_nowhere(clinic):
    waiting = wait(clinic)
    free(clinic, taken(clinic, patient_id=clinic.patients[2].id))
    offer = now_of(waiting, clinic).offer

    assert offer.id not in [visit.id for visit in visits_of(clinic)]
    [chen] = schedule.day(DAY, [], clinic.uow).doctors
    assert [v.appointment.status for v in chen.visits] == [Status.CANCELLED]
    for act in (
        booking.get,
        booking.history,
        booking.moves,
        booking.confirm,
        booking.arrive,
        lambda key, uow: booking.cancel(key, ILL, uow),
        lambda key, uow: booking.reschedule(key, to(), uow),
    ):
        with pytest.raises(AppointmentNotFoundError):
            act(offer.id, clinic.uow)
    assert events_of(offer, clinic) == ()
    register.erase(clinic.patients[1].id, clinic.uow)


def test_what_is_only_offered_is_in_no_export(clinic):
    waiting = wait(clinic, note="calls back")
    free(clinic, taken(clinic))

    record = register.export(clinic.patients[1].id, clinic.uow)

    assert record["appointments"] == []
    assert [entry["id"] for entry in record["waitlist"]] == [str(waiting.id)]
    assert record["waitlist"][0]["note"] == "calls back"
    assert [event["kind"] for event in record["events"]] == ["waitlist.offered"]
    json.dumps(record)


def test_what_is_only_offered_does_not_make_a_patient_the_doctors_own(clinic):
    wait(clinic)
    free(clinic, taken(clinic))

    with pytest.raises(NotPermittedError):
        register.get(clinic.patients[1].id, clinic.by(Role.DOCTOR))


# All acts


ACTS = {
    "get": waitlist.get,
    "accept": waitlist.accept,
    "decline": waitlist.decline,
    "withdraw": waitlist.withdraw,
}


@pytest.mark.parametrize("act", ACTS)
def test_another_clinics_entry_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other", week=hours("10:00-11:00"))
    waiting = wait(other)
    free(other, taken(other))
    before = contents(other)

    for key in (WaitlistId(uuid4()), waiting.id):
        with pytest.raises(WaitlistEntryNotFoundError) as refusal:
            ACTS[act](key, clinic.uow)
        assert refusal.value.record_id == key
    assert contents(other) == before
    assert listed(clinic) == []


def test_another_clinics_time_is_offered_there_alone(clinic):
    other = open_clinic(clinic.store, name="Other", week=hours("10:00-11:00"))
    waiting = wait(clinic)

    free(other, taken(other))

    assert offered(waiting, clinic) is None


@pytest.mark.parametrize("who", ["doctor", "nobody"])
def test_only_who_books_has_to_do_with_the_waitlist(memory, who):
    clinic = open_clinic(memory, week=hours("10:00-11:00"))
    waiting = wait(clinic)
    free(clinic, taken(clinic))
    before = contents(clinic)
    nobody = Actor(name="nobody", permissions=frozenset())
    uow = (
        clinic.by(Role.DOCTOR)
        if who == "doctor"
        else memory.unit_of_work(clinic.id, nobody)
    )
    join = JoinWaitlist(patient_id=clinic.patient.id, first_date=DAY, last_date=DAY)

    for act in (
        *(lambda uow, act=act: act(waiting.id, uow) for act in ACTS.values()),
        lambda uow: waitlist.join(join, uow),
        lambda uow: waitlist.page(None, PageRequest(), uow),
        waitlist.sweep,
    ):
        with pytest.raises(NotPermittedError, match="book visits"):
            act(uow)
    assert contents(clinic) == before


def test_the_trail_of_an_entry_names_nobody(clinic, watch):
    marked = clinic.add_patient("MARKER MARKER")
    waiting = join(clinic, patient_id=marked.id, note="MARKER")
    free(clinic, taken(clinic))
    waitlist.decline(waiting.id, clinic.uow)
    free(clinic, taken(clinic, on=TUESDAY))
    later(watch)
    waitlist.sweep(clinic.uow)
    free(clinic, taken(clinic, on=WEEK))
    waitlist.accept(waiting.id, clinic.uow)

    events = events_of(waiting, clinic)

    assert [event.kind for event in events] == [
        "waitlist.joined",
        "waitlist.offered",
        "waitlist.declined",
        "waitlist.offered",
        "waitlist.offer-expired",
        "waitlist.offered",
        "waitlist.accepted",
    ]
    assert not [event for event in events if "MARKER" in f"{event!r}{event.facts}"]


def test_a_patients_own_entries_are_told_with_what_is_offered(clinic):
    waiting, over = join(clinic), join(clinic)
    join(clinic, patient_id=clinic.patients[2].id)
    waitlist.withdraw(over.id, clinic.uow)

    theirs = waitlist.of_patient(clinic.patients[1].id, clinic.uow)

    assert theirs == (now_of(waiting, clinic),)


def test_only_who_books_sees_where_a_patient_waits(clinic):
    with pytest.raises(NotPermittedError):
        waitlist.of_patient(clinic.patients[1].id, clinic.by(Role.DOCTOR))
