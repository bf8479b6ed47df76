from __future__ import annotations

from datetime import date, timedelta

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.desk import (
    accounts,
    booking,
    lists,
    retiming,
    schedule,
    series,
    waitlist,
)
from clinicflow_core.desk.accounts import ChangeClinic
from clinicflow_core.desk.booking import ReinstateAppointment
from clinicflow_core.desk.retiming import REASON, retime
from clinicflow_core.entities.appointment import Override, Status
from clinicflow_core.entities.user import Role
from clinicflow_core.entities.waitlist import Outcome, WaitlistStatus
from clinicflow_core.errors import BookingConflictError, NotPermittedError
from tests.builders import DAY, NOW, OPEN_ALL_WEEK, clock, local, open_clinic
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    contents,
    events_of,
    happened,
    kinds,
    times_of,
    to,
    utc,
    visits_of,
)

HOUR = timedelta(hours=1)
TUESDAY = DAY + timedelta(days=1)
SUNDAY = date(2026, 3, 29)
"""Clocks in Berlin skip 02:00-03:00; in Lagos, where it is as late before, none do."""


def move_clinic(clinic, timezone):
    """Change the clinic's zone."""
    accounts.change_clinic(ChangeClinic(timezone=timezone), clinic.uow)


def clinic_in(store, timezone, **fields):
    return open_clinic(store, timezone=timezone, **fields)


def visit_an_hour_late(clinic, times="09:00-09:30", on=DAY, **fields):
    """Store a visit as if clocks had been an hour behind when it was booked."""
    visit = clinic.visit(times, on=on)
    late = {"starts_at": visit.starts_at + HOUR, "ends_at": visit.ends_at + HOUR}
    return clinic.store_visit(times, on=on, **late, **fields)


def now_of(visit, clinic):
    return booking.get(visit.id, clinic.uow)


def hold(clinic, times, on, number=0, **fields):
    """Let a time be offered to a patient; return the entry and the offer."""
    entry = clinic.store_entry(
        patient_id=clinic.patients[number].id, status=WaitlistStatus.OFFERED
    )
    return entry, clinic.store_offer(times, entry, on=on, **fields)


# What moves


def test_visits_keep_their_wall_clock_in_another_zone(store):
    clinic = clinic_in(store, "America/New_York")
    early = clinic.store_visit("09:00-09:30")
    late = clinic.store_visit("23:30-00:30", on=TUESDAY)
    move_clinic(clinic, "America/Chicago")

    retimed = retime(clinic.uow, apply=True)

    assert (retimed.timezone, retimed.offers, retimed.applied) == (
        "America/Chicago",
        0,
        True,
    )
    assert [(r.appointment_id, r.local, r.was_at, r.is_at) for r in retimed.visits] == [
        (early.id, local("2026-03-02 09:00"), early.starts_at, early.starts_at + HOUR),
        (late.id, local("2026-03-03 23:30"), late.starts_at, late.starts_at + HOUR),
    ]
    assert all(r.doctor_id == clinic.doctor.id for r in retimed.visits)
    assert all(r.conflicts == () for r in retimed.visits)
    for visit in (early, late):
        now = now_of(visit, clinic)
        assert now == evolve(
            visit,
            starts_at=visit.starts_at + HOUR,
            ends_at=visit.ends_at + HOUR,
            version=now.version,
        )
        assert now.version > visit.version


def test_visits_get_the_instants_of_new_rules(store):
    clinic = open_clinic(store)
    visits = [
        visit_an_hour_late(clinic, "09:00-09:30"),
        visit_an_hour_late(clinic, "09:30-10:30", on=DAY + timedelta(days=200)),
    ]
    right = clinic.store_visit("15:00-15:30")

    retimed = retime(clinic.uow, apply=True)

    assert [r.is_at - r.was_at for r in retimed.visits] == [-HOUR, -HOUR]
    for visit in visits:
        now = now_of(visit, clinic)
        assert (
            now.span
            == clinic.visit(
                f"{visit.start_time:%H:%M}-{visit.end_time:%H:%M}", on=visit.date
            ).span
        )
    assert now_of(right, clinic) == right


def test_only_visits_at_which_the_two_zones_differ_move(store):
    clinic = clinic_in(store, "America/New_York")
    winter = clinic.store_visit("09:00-09:30")
    summer = clinic.store_visit("09:00-09:30", on=date(2026, 6, 1))
    move_clinic(clinic, "America/Panama")

    retimed = retime(clinic.uow, apply=True)

    assert [r.appointment_id for r in retimed.visits] == [summer.id]
    assert now_of(winter, clinic) == winter
    assert now_of(summer, clinic).starts_at == utc("2026-06-01 14:00")


def test_visits_that_follow_each_other_all_move_by_an_hour(store):
    clinic = clinic_in(store, "America/New_York")
    visits = [clinic.store_visit(f"{h:02}:00-{h + 1:02}:00") for h in range(8, 16)]

    for timezone in ("America/Chicago", "America/New_York", "America/Halifax"):
        move_clinic(clinic, timezone)
        retimed = retime(clinic.uow, apply=True)
        assert len(retimed.visits) == len(visits)
        assert not [r for r in retimed.visits if r.conflicts]

    assert all(visit.override is None for visit in visits_of(clinic))
    assert times_of(visits_of(clinic)) == times_of(visits)


def test_the_day_looks_as_before_once_visits_are_retimed(store):
    clinic = clinic_in(store, "America/New_York")
    clinic.store_visit("09:00-09:30")
    move_clinic(clinic, "Asia/Kathmandu")

    retime(clinic.uow, apply=True)

    [chen] = schedule.day(DAY, [], clinic.uow).doctors
    assert times_of(v.appointment for v in chen.visits) == ["03-02 09:00"]
    verdict = booking.check(
        clinic.request("09:15-09:45", patient_id=clinic.patients[1].id), clinic.uow
    )
    assert kinds(verdict.conflicts) == ["doctor-busy"]


def test_an_end_that_clocks_show_otherwise_by_now_is_corrected(store):
    clinic = clinic_in(store, "Africa/Lagos")
    visit = clinic.store_visit("01:30-02:30", on=SUNDAY)
    move_clinic(clinic, "Europe/Berlin")

    retime(clinic.uow, apply=True)

    now = now_of(visit, clinic)
    assert (now.start_time, now.end_time) == (clock("01:30"), clock("03:30"))
    assert now.span == visit.span


def test_the_second_pass_of_an_hour_stays_it(store):
    clinic = open_clinic(store)
    autumn = date(2026, 11, 1)
    visit = booking.book(
        clinic.request("01:30-02:00", on=autumn, duration=30, utc_offset="-05:00"),
        clinic.uow,
    )

    assert retime(clinic.uow, apply=True).visits == ()
    assert now_of(visit, clinic) == visit


def test_cancelled_visits_move_too_so_that_they_can_be_reinstated(store):
    clinic = clinic_in(store, "America/New_York")
    cancelled, missed = clinic.store_visit(), clinic.store_visit("10:00-10:30")
    booking.cancel(cancelled.id, ILL, clinic.uow)
    booking.no_show(missed.id, clinic.uow)
    move_clinic(clinic, "America/Chicago")

    retime(clinic.uow, apply=True)

    for visit in (cancelled, missed):
        again = booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)
        assert again.starts_at == visit.starts_at + HOUR
        assert (again.override, again.status) == (None, Status.UNCONFIRMED)


def test_retiming_is_in_the_trail_of_each_visit(store):
    clinic = clinic_in(store, "America/New_York")
    visit = clinic.store_visit()
    move_clinic(clinic, "America/Chicago")

    retime(clinic.system("retiming"), apply=True)

    [event] = events_of(visit, clinic)
    place = {"doctor_id": str(clinic.doctor.id), "duration": 30}
    assert (event.kind, event.actor) == ("appointment.retimed", "retiming")
    assert event.facts == {
        **place,
        "starts_at": "2026-03-02T15:00:00+00:00",
        "from": {**place, "starts_at": "2026-03-02T14:00:00+00:00"},
    }
    assert booking.moves(visit.id, clinic.uow) == ()
    assert now_of(visit, clinic).times_moved == 0


# Saying what would be done


def test_a_dry_run_tells_all_and_changes_nothing(store):
    clinic = clinic_in(store, "Africa/Lagos")
    clinic.store_visit("01:30-02:30", on=SUNDAY)
    clinic.store_visit("02:30-03:00", on=SUNDAY)
    hold(clinic, "09:00-09:30", SUNDAY)
    move_clinic(clinic, "Europe/Berlin")
    before = contents(clinic)

    told = retime(clinic.uow)

    assert contents(clinic) == before
    assert (told.applied, told.offers, len(told.visits)) == (False, 1, 2)
    done = retime(clinic.uow, apply=True)
    assert done == evolve(told, applied=True)
    assert contents(clinic) != before


@pytest.mark.parametrize("timezone", ["America/Chicago", "Europe/Berlin"])
def test_done_once_there_is_nothing_more_to_do(store, timezone):
    clinic = clinic_in(store, "Africa/Lagos")
    for times in ("01:30-02:30", "02:30-03:00", "03:00-04:00"):
        clinic.store_visit(times, on=SUNDAY)
    hold(clinic, "09:00-09:30", SUNDAY)
    move_clinic(clinic, timezone)
    assert retime(clinic.uow, apply=True).visits
    before = contents(clinic)

    again = retime(clinic.uow, apply=True)

    assert (again.visits, again.offers) == ((), 0)
    assert contents(clinic) == before


def test_a_clinic_whose_clocks_did_not_change_has_nothing_to_do(clinic):
    clinic.store_visit()
    hold(clinic, "10:00-10:30", DAY)
    before = contents(clinic)

    assert retime(clinic.uow, apply=True).visits == ()
    assert contents(clinic) == before


def test_a_clinic_without_anybody_has_nothing_to_do(store):
    clinic = open_clinic(store, patients=0)
    move_clinic(clinic, "America/Chicago")
    clinic.commit(lambda uow: uow.doctors.remove(clinic.doctor.id))

    assert retime(clinic.uow, apply=True).visits == ()


# What is over


@pytest.mark.parametrize("timezone", ["America/Los_Angeles", "Europe/London"])
def test_what_is_over_stays_as_it_was(store, watch, timezone):
    clinic = clinic_in(store, "America/New_York")
    past = [
        clinic.store_visit("09:00-09:30", on=date(2026, 2, 2)),
        clinic.store_visit("23:30-00:30", on=DAY - timedelta(days=1)),
        clinic.store_visit("06:00-06:30", status=Status.COMPLETED),
        clinic.store_visit("06:30-07:00", status=Status.CANCELLED),
    ]
    watch.at = utc("2026-03-02 17:00")  # Noon in New York.
    arrived = clinic.store_visit("11:00-12:30")
    booking.arrive(arrived.id, clinic.uow)
    past.append(now_of(arrived, clinic))
    move_clinic(clinic, timezone)

    retimed = retime(clinic.uow, apply=True)

    assert retimed.visits == ()
    assert [now_of(visit, clinic) for visit in past] == past


@pytest.mark.parametrize(
    ("timezone", "moves"),
    [
        # There 11:30 is still to come, and the patient will come then.
        ("America/Los_Angeles", True),
        ("Europe/London", False),
    ],
)
def test_a_visit_moves_if_it_is_still_to_come_by_the_new_clocks(
    store, watch, timezone, moves
):
    clinic = clinic_in(store, "America/New_York")
    visit = clinic.store_visit("11:30-12:30")
    watch.at = utc("2026-03-02 17:00")
    move_clinic(clinic, timezone)

    retime(clinic.uow, apply=True)

    assert (now_of(visit, clinic) != visit) is moves


def test_a_visit_to_come_moves_though_it_is_over_by_the_new_clocks(store, watch):
    clinic = clinic_in(store, "America/New_York")
    visit = clinic.store_visit("13:00-13:30")
    watch.at = utc("2026-03-02 17:00")
    move_clinic(clinic, "Europe/London")

    retime(clinic.uow, apply=True)

    assert now_of(visit, clinic).starts_at == utc("2026-03-02 13:00")


# What newly overlaps


def berlin(store, patients=3):
    """
    Return a clinic that moved from Lagos to Berlin, with three visits on a Sunday.

    By the clocks of Berlin there is no 02:30, and 03:00 comes half an hour after the
    first of them began.
    """
    clinic = clinic_in(store, "Africa/Lagos", patients=patients)
    first, skipped, after = (
        clinic.store_visit(times, on=SUNDAY, patient_id=person.id, **fields)
        for times, person, fields in zip(
            ("01:30-02:30", "02:30-03:00", "03:00-03:30"),
            (clinic.patients * 3)[:3],
            (
                {},
                {"created_at": NOW - timedelta(days=1)},
                {"override": Override(reason="asked for", conflicts=("time-off",))},
            ),
            strict=True,
        )
    )
    move_clinic(clinic, "Europe/Berlin")
    return clinic, first, skipped, after


def test_visits_that_newly_overlap_share_their_time_from_then_on(store):
    clinic, first, skipped, after = berlin(store)

    retimed = retime(clinic.uow, apply=True)

    assert {r.appointment_id: kinds(r.conflicts) for r in retimed.visits} == {
        first.id: [],
        skipped.id: ["doctor-busy", "no-such-local-time"],
        after.id: ["doctor-busy"],
    }
    assert now_of(first, clinic).override is None
    assert now_of(skipped, clinic).override == Override(
        reason=REASON, conflicts=("doctor-busy",)
    )
    assert now_of(after, clinic).override == Override(
        reason="asked for", conflicts=("time-off", "doctor-busy")
    )
    assert {v.starts_at for v in visits_of(clinic)[1:]} == {utc("2026-03-29 01:00")}


def test_what_stands_against_a_visit_is_told_as_in_a_refusal(store):
    clinic, first, skipped, _ = berlin(store)

    told = {r.appointment_id: r.conflicts for r in retime(clinic.uow).visits}

    busy, never = told[skipped.id]
    assert (busy.starts_at, busy.ends_at) == (first.starts_at, first.ends_at)
    assert busy.message == "The doctor has a visit from 01:30 to 03:30."
    assert not never.overridable
    assert never.message == "There is no 02:30 on 2026-03-29 in Europe/Berlin."


def test_visits_of_one_patient_share_the_patients_time_too(store):
    clinic, first, *others = berlin(store, patients=1)

    retime(clinic.uow, apply=True)

    assert now_of(first, clinic).override is None
    assert [now_of(each, clinic).override.conflicts for each in others] == [
        ("doctor-busy", "patient-busy"),
        ("time-off", "doctor-busy", "patient-busy"),
    ]


def test_one_patient_at_two_doctors_shares_the_patients_time_alone(store):
    clinic = clinic_in(store, "Africa/Lagos")
    omar = clinic.add_doctor()
    clinic.store_visit("01:30-02:30", on=SUNDAY)
    second = clinic.store_visit("03:00-03:30", on=SUNDAY, doctor_id=omar.id)
    move_clinic(clinic, "Europe/Berlin")

    retime(clinic.uow, apply=True)

    now = now_of(second, clinic)
    assert now.override.conflicts == ("patient-busy",)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(
            clinic.request(
                "03:00-03:30",
                on=SUNDAY,
                doctor_id=omar.id,
                patient_id=clinic.patients[1].id,
                utc_offset="+02:00",
            ),
            clinic.uow,
        )
    assert kinds(refusal.value.conflicts) == ["doctor-busy"]


def test_whoever_booked_first_keeps_the_time(store):
    clinic = clinic_in(store, "Africa/Lagos")
    later = clinic.store_visit("02:15-02:45", on=SUNDAY, created_at=NOW)
    sooner = clinic.store_visit(
        "03:00-03:30",
        on=SUNDAY,
        created_at=NOW - timedelta(days=1),
        patient_id=clinic.patients[1].id,
    )
    move_clinic(clinic, "Europe/Berlin")

    retime(clinic.uow, apply=True)

    assert now_of(sooner, clinic).override is None
    assert now_of(later, clinic).override.conflicts == ("doctor-busy",)


def test_a_visit_that_shares_its_time_anyway_meets_nobody(store):
    clinic = clinic_in(store, "Africa/Lagos")
    clinic.store_visit("01:30-02:30", on=SUNDAY)
    shared = Override(reason="an emergency", conflicts=("doctor-busy", "patient-busy"))
    squeezed = clinic.store_visit("03:00-03:30", on=SUNDAY, override=shared)
    move_clinic(clinic, "Europe/Berlin")

    retimed = retime(clinic.uow, apply=True)

    assert not [r for r in retimed.visits if r.conflicts]
    assert now_of(squeezed, clinic).override == shared


def test_a_cancelled_visit_is_in_nobodys_way(store):
    clinic = clinic_in(store, "Africa/Lagos")
    cancelled = clinic.store_visit("01:30-02:30", on=SUNDAY)
    booking.cancel(cancelled.id, ILL, clinic.uow)
    second = clinic.store_visit("03:00-03:30", on=SUNDAY)
    move_clinic(clinic, "Europe/Berlin")

    retime(clinic.uow, apply=True)

    assert now_of(second, clinic).override is None


def test_somebody_moves_a_visit_that_shares_its_time_and_it_holds_it_again(store):
    clinic, _, skipped, _ = berlin(store)
    retime(clinic.uow, apply=True)

    moved = booking.reschedule(skipped.id, to("05:00-05:30", on=SUNDAY), clinic.uow)

    assert (moved.override, moved.times_moved) == (None, 1)
    assert retime(clinic.uow).visits == ()


@pytest.mark.parametrize("person", ["doctor", "patient"])
def test_a_visit_can_meet_one_that_is_going_on(store, watch, person):
    clinic = clinic_in(store, "America/New_York")
    omar = clinic.add_doctor()
    going_on = clinic.store_visit("11:30-13:00")
    other = (
        {"patient_id": clinic.patients[1].id}
        if person == "doctor"
        else {"doctor_id": omar.id}
    )
    evening = clinic.store_visit("17:30-18:00", **other)
    watch.at = utc("2026-03-02 17:00")  # Noon, and 17:00 in London.
    move_clinic(clinic, "Europe/London")

    retimed = retime(clinic.uow, apply=True)

    [met] = retimed.visits
    assert (met.appointment_id, kinds(met.conflicts)) == (
        evening.id,
        [f"{person}-busy"],
    )
    assert now_of(evening, clinic).override.conflicts == (f"{person}-busy",)
    assert now_of(going_on, clinic) == going_on


def test_a_visit_can_meet_one_that_is_long_over(store, watch):
    clinic = clinic_in(store, "Pacific/Pago_Pago")
    done = clinic.store_visit("08:00-08:00", status=Status.COMPLETED)
    watch.at = utc("2026-03-04 00:00")
    visit = clinic.store_visit("08:30-09:30", on=date(2026, 3, 4))
    move_clinic(clinic, "Pacific/Kiritimati")

    retime(clinic.uow, apply=True)

    assert now_of(done, clinic) == done
    assert now_of(visit, clinic).override.conflicts == ("doctor-busy", "patient-busy")


# What is only offered


def test_offers_whose_instants_change_are_withdrawn(store):
    clinic = clinic_in(store, "America/New_York")
    summer, offer = hold(clinic, "09:00-09:30", date(2026, 6, 1))
    winter, kept = hold(clinic, "09:00-09:30", DAY, 1)
    move_clinic(clinic, "America/Panama")

    retimed = retime(clinic.uow, apply=True)

    assert retimed.offers == 1
    now = waitlist.get(summer.id, clinic.uow)
    assert (now.entry.status.value, now.offer) == ("waiting", None)
    assert happened(summer, clinic) == ["waitlist.offer-withdrawn"]
    assert waitlist.get(winter.id, clinic.uow).offer == kept
    with clinic.uow as uow:
        assert uow.waitlist.get_offer(offer.id).outcome.value == "withdrawn"
    booking.book(clinic.request(on=date(2026, 6, 1)), clinic.uow)


@pytest.mark.parametrize("person", ["doctor", "patient"])
def test_an_offer_gives_way_to_a_visit_that_will_need_its_time(store, person):
    clinic = clinic_in(store, "Africa/Lagos", patients=3)
    omar = clinic.add_doctor()
    # 01:30 is the same in both; three o'clock is not.
    entry, _ = hold(clinic, "01:30-02:15", SUNDAY)
    other = (
        {"patient_id": clinic.patients[1].id}
        if person == "doctor"
        else {"doctor_id": omar.id}
    )
    visit = clinic.store_visit("03:00-03:30", on=SUNDAY, **other)
    third = clinic.add_doctor("Dr. Ida Bo")
    stranger, kept = hold(clinic, "01:30-02:15", SUNDAY, 2, doctor_id=third.id)
    move_clinic(clinic, "Europe/Berlin")

    retimed = retime(clinic.uow, apply=True)

    assert retimed.offers == 1
    assert now_of(visit, clinic).override is None
    assert waitlist.get(entry.id, clinic.uow).offer is None
    assert waitlist.get(stranger.id, clinic.uow).offer == kept


def test_offers_that_lapsed_are_in_nobodys_way(store, watch):
    clinic = clinic_in(store, "Africa/Lagos")
    _, offer = hold(clinic, "01:30-02:15", SUNDAY, 1)
    visit = clinic.store_visit("03:00-03:30", on=SUNDAY)
    hold(clinic, "04:00-04:30", SUNDAY)
    watch.at = NOW + 2 * HOUR
    move_clinic(clinic, "Europe/Berlin")

    retimed = retime(clinic.uow, apply=True)

    assert retimed.offers == 0
    assert now_of(visit, clinic).override is None
    assert waitlist.sweep(clinic.uow) == 2
    with clinic.uow as uow:
        assert uow.waitlist.get_offer(offer.id).outcome is Outcome.EXPIRED


# Many of them


@pytest.mark.parametrize("at_once", [1, 2])
def test_everything_is_looked_at_however_much_there_is(store, monkeypatch, at_once):
    monkeypatch.setattr(lists, "AT_ONCE", at_once)
    clinic = clinic_in(store, "America/New_York", patients=5)
    omar, *_ = (clinic.add_doctor(f"Dr. Nr{n}") for n in range(3))
    for n, person in enumerate(clinic.patients):
        on = DAY + timedelta(days=n)
        clinic.store_visit(on=on, patient_id=person.id)
        hold(clinic, "12:00-12:30", on, n, doctor_id=omar.id)
    move_clinic(clinic, "America/Chicago")

    retimed = retime(clinic.uow, apply=True)

    assert (len(retimed.visits), retimed.offers) == (5, 5)
    assert times_of(visits_of(clinic)) == [f"03-{2 + n:02} 09:00" for n in range(5)]


def test_a_series_keeps_its_wall_clock_too(store):
    clinic = clinic_in(store, "America/New_York", week=OPEN_ALL_WEEK)
    booked = series.book(
        series.BookSeries(
            doctor_id=clinic.doctor.id,
            patient_id=clinic.patient.id,
            date=DAY,
            start_time=clock("09:00"),
            rrule="FREQ=DAILY;COUNT=10",
        ),
        clinic.uow,
    )
    move_clinic(clinic, "Asia/Tokyo")

    retime(clinic.uow, apply=True)
    moved = series.change(
        booked.id, series.ChangeSeries(start_time=clock("10:00")), clinic.uow
    )

    assert times_of(moved.appointments) == [f"03-{2 + n:02} 10:00" for n in range(10)]
    assert {f"{v.starts_at:%H:%M}" for v in moved.appointments} == {"01:00"}


# Who


def test_another_clinics_visits_keep_their_instants(store):
    clinic = clinic_in(store, "America/New_York")
    other = clinic_in(store, "America/New_York", name="Other")
    visit = other.store_visit()
    before = contents(other)
    move_clinic(clinic, "America/Chicago")

    assert retime(clinic.uow, apply=True).visits == ()
    assert retime(other.uow, apply=True).visits == ()
    assert contents(other) == before
    assert now_of(visit, other) == visit


@pytest.mark.parametrize("who", ["admin", "doctor", "nobody"])
@pytest.mark.parametrize("apply", [False, True])
def test_only_who_keeps_the_clinic_retimes(memory, who, apply):
    clinic = open_clinic(memory)
    visit = visit_an_hour_late(clinic)
    nobody = Actor(name="nobody", permissions=frozenset())
    uow = (
        memory.unit_of_work(clinic.id, nobody)
        if who == "nobody"
        else clinic.by(Role(who))
    )

    with pytest.raises(NotPermittedError, match="change the clinic"):
        retime(uow, apply=apply)

    assert now_of(visit, clinic) == visit


def test_an_override_before_says_who_decided_it_afterwards_too(store):
    clinic = clinic_in(store, "Africa/Lagos", week=())
    clinic.store_visit("01:30-02:30", on=SUNDAY)
    request = clinic.request(
        "03:00-03:30",
        on=SUNDAY,
        patient_id=clinic.patients[1].id,
        override=EMERGENCY,
    )
    visit = booking.book(request, clinic.uow)
    move_clinic(clinic, "Europe/Berlin")

    retiming.retime(clinic.system("retiming"), apply=True)

    assert now_of(visit, clinic).override == Override(
        reason="an emergency",
        conflicts=("outside-hours", "doctor-busy"),
        by_id=clinic.owner.id,
    )
