from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import Actor, Permission
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import (
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    OverrideRequest,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.desk.placing import MOST_ALIKE
from clinicflow_core.entities.appointment import (
    CancellationType,
    Override,
    Status,
    VisitCategory,
    VisitType,
)
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    BookingConflictError,
    DoctorNotFoundError,
    InvalidTransitionError,
    NotPermittedError,
    PatientNotFoundError,
)
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.scheduling.conflicts import Conflict, ConflictKind
from tests.builders import DAY, NOW, doctor, hours, open_clinic

NINE_TO_FIVE = hours("09:00-17:00")
EMERGENCY = OverrideRequest(reason="an emergency")
ILL = CancelAppointment(
    cancellation_type=CancellationType.PATIENT_CANCELLED, reason_note="has a cold"
)
ON_THE_DAY = datetime(2026, 3, 2, 17, tzinfo=UTC)  # Noon on the clinic's clock.


def visits(clinic):
    return booking.page(AppointmentFilter(), PageRequest(), clinic.uow).items


def happened(visit, clinic):
    return [event.kind for event in booking.history(visit.id, clinic.uow)]


def kinds(refusal):
    return [conflict.kind.value for conflict in refusal.value.conflicts]


def openings(alternatives):
    return [f"{o.date:%d} {o.start_time:%H:%M}" for o in alternatives]


def to(times="11:00-11:30", on=DAY, **fields):
    start, end = (time.fromisoformat(part) for part in times.split("-"))
    minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
    return RescheduleAppointment(
        **{"date": on, "start_time": start, "duration": minutes} | fields
    )


def contents(store):
    """Return everything that is stored, to compare."""
    if isinstance(store, MemoryStore):
        tables = store._committed
        return {key: dict(rows) for key, rows in tables.items() if rows}
    from clinicflow_core.sql.tables import metadata
    from tests.sql.rows import past_the_wall

    with past_the_wall(store) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in metadata.sorted_tables
        }


# Booking


def test_a_free_time_can_be_booked(clinic):
    visit = booking.book(
        clinic.request(
            "09:00-09:45",
            visit_type=VisitType.VIRTUAL,
            visit_category=VisitCategory.NEW_PATIENT,
            meeting_link="https://example.org/room",
        ),
        clinic.uow,
    )

    expected = clinic.visit(
        "09:00-09:45",
        id=visit.id,
        visit_type=VisitType.VIRTUAL,
        visit_category=VisitCategory.NEW_PATIENT,
        meeting_link="https://example.org/room",
    )
    assert visit == expected
    assert booking.get(visit.id, clinic.uow) == expected
    assert visits(clinic) == (expected,)


def test_a_booking_is_in_the_trail_with_its_facts(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    [event] = booking.history(visit.id, clinic.uow)
    assert (event.kind, event.record_id, event.at) == (
        "appointment.booked",
        visit.id,
        NOW,
    )
    assert (event.actor, event.user_id, event.reason) == ("user", clinic.owner.id, None)
    assert event.facts == {
        "doctor_id": str(clinic.doctor.id),
        "patient_id": str(clinic.patient.id),
        "starts_at": "2026-03-02T14:00:00+00:00",
        "duration": 30,
    }


def test_touching_visits_may_both_stand(clinic):
    booking.book(clinic.request("09:00-09:30"), clinic.uow)

    booking.book(clinic.request("09:30-10:00"), clinic.uow)
    strangers = {
        "doctor_id": clinic.add_doctor().id,
        "patient_id": clinic.patients[1].id,
    }
    booking.book(clinic.request("09:45-10:15", **strangers), clinic.uow)

    assert len(visits(clinic)) == 3


@pytest.mark.parametrize("times", ["08:59-09:01", "09:29-10:00", "09:10-09:20"])
def test_taken_time_is_refused_to_both_doctor_and_patient(clinic, times):
    booking.book(clinic.request("09:00-09:30"), clinic.uow)
    stranger = clinic.request(times, patient_id=clinic.patients[1].id)
    elsewhere = clinic.request(times, doctor_id=clinic.add_doctor().id)

    with pytest.raises(BookingConflictError) as of_doctor:
        booking.book(stranger, clinic.uow)
    with pytest.raises(BookingConflictError) as of_patient:
        booking.book(elsewhere, clinic.uow)

    assert kinds(of_doctor)[0] == "doctor-busy"
    assert kinds(of_patient)[0] == "patient-busy"
    assert len(visits(clinic)) == 1


def test_a_refusal_names_all_conflicts_and_the_nearest_openings(clinic, watch):
    with_doctor = clinic.store_visit("08:00-08:45", patient_id=clinic.patients[1].id)
    clinic.store_visit("08:50-09:15", doctor_id=clinic.add_doctor().id)
    watch.at = ON_THE_DAY

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("08:30-09:30"), clinic.uow)

    assert kinds(refusal) == [
        "doctor-busy",
        "patient-busy",
        "outside-hours",
        "in-the-past",
    ]
    doctor_busy = refusal.value.conflicts[0]
    assert (doctor_busy.starts_at, doctor_busy.ends_at) == (
        with_doctor.starts_at,
        with_doctor.ends_at,
    )
    assert all(conflict.overridable for conflict in refusal.value.conflicts)
    assert openings(refusal.value.alternatives) == ["02 12:00", "02 12:15", "02 12:30"]


def test_a_refusal_says_nothing_of_the_other_visit_but_its_time(clinic):
    other = clinic.store_visit(patient_id=clinic.add_patient("MARKER MARKER").id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(), clinic.uow)

    told = f"{refusal.value} {refusal.value.conflicts} {refusal.value.alternatives}"
    assert "MARKER" not in told
    assert str(other.patient_id) not in told
    assert str(other.id) not in told


def test_a_refused_booking_leaves_nothing_behind(clinic):
    clinic.store_visit("09:00-09:30")
    before = contents(clinic.store)

    with pytest.raises(BookingConflictError):
        booking.book(clinic.request("09:15-09:45"), clinic.uow)

    assert contents(clinic.store) == before


def test_a_visit_of_last_night_that_is_not_over_is_in_the_way(store):
    clinic = open_clinic(store)
    clinic.store_visit("23:30-00:30", on=DAY - timedelta(days=1))

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("00:15-00:45"), clinic.uow)

    assert kinds(refusal) == ["doctor-busy", "patient-busy"]


def test_the_longest_visit_is_in_the_way_to_its_last_minute(store):
    clinic = open_clinic(store)
    clinic.store_visit("09:00-09:00", on=DAY - timedelta(days=1))

    with pytest.raises(BookingConflictError):
        booking.book(clinic.request("08:59-09:30"), clinic.uow)
    booking.book(clinic.request("09:00-09:30"), clinic.uow)


@pytest.mark.parametrize(
    ("field", "error"),
    [("doctor_id", DoctorNotFoundError), ("patient_id", PatientNotFoundError)],
)
def test_only_who_is_in_the_clinic_can_be_booked(clinic, field, error):
    other = open_clinic(clinic.store, name="Other")
    foreign = {"doctor_id": other.doctor.id, "patient_id": other.patient.id}[field]

    for person in (uuid4(), foreign):
        with pytest.raises(error):
            booking.book(clinic.request(**{field: person}), clinic.uow)
        with pytest.raises(error):
            booking.check(clinic.request(**{field: person}), clinic.uow)


def test_rules_of_ones_own_are_asked(clinic):
    def no_mondays(proposed, diary):
        yield Conflict(kind=ConflictKind.OUTSIDE_HOURS, message="Not on Mondays.")

    visit = booking.book(clinic.request(), clinic.uow)

    with pytest.raises(BookingConflictError, match=r"Not on Mondays\."):
        booking.book(clinic.request("13:00-13:30"), clinic.uow, [no_mondays])
    with pytest.raises(BookingConflictError, match=r"Not on Mondays\."):
        booking.reschedule(visit.id, to(), clinic.uow, [no_mondays])
    [conflict] = booking.check(
        clinic.request("13:00-13:30"), clinic.uow, [no_mondays]
    ).conflicts
    assert conflict.message == "Not on Mondays."


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"date": date(1899, 12, 31)}, "in the years 1900 to 2199"),
        ({"date": date(2200, 1, 1)}, "in the years 1900 to 2199"),
        ({"duration": 0}, "between 1 and 1440"),
        ({"duration": 1441}, "between 1 and 1440"),
        ({"utc_offset": "5"}, "must be an offset as -05:00"),
        ({"utc_offset": "+05:60"}, "must be an offset as -05:00"),
        ({"meeting_link": "x" * 501}, "at most 500"),
        ({"meeting_link": "two\nlines"}, "one line"),
    ],
)
def test_a_request_that_makes_no_sense_cannot_be_made(wrong, message):
    asked = {
        "doctor_id": DoctorId(uuid4()),
        "patient_id": PatientId(uuid4()),
        "date": DAY,
        "start_time": time(9),
    }

    with pytest.raises(ValueError, match=message):
        BookAppointment(**asked | wrong)


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(2199, 12, 31)])
def test_the_first_and_last_bookable_days_are_judged_as_any_other(memory, day):
    clinic = open_clinic(memory)

    verdict = booking.check(clinic.request(on=day), clinic.uow)

    past = day.year == 1900
    assert [c.kind.value for c in verdict.conflicts] == ["in-the-past"] * past
    assert verdict.alternatives == ()


def test_what_is_said_of_requests_in_a_log_is_not_private():
    requests = [
        OverrideRequest(reason="MARKER"),
        ChangeAppointment(meeting_link="MARKER"),
        evolve(ILL, reason_note="MARKER"),
    ]

    assert "MARKER" not in repr(requests)


# Overriding


def test_an_override_is_kept_with_kinds_reason_and_account(clinic):
    clinic.store_visit("08:30-09:00")
    clinic.store_visit("09:00-09:15", doctor_id=clinic.add_doctor().id)

    visit = booking.book(clinic.request("08:45-09:30", override=EMERGENCY), clinic.uow)

    assert visit.override == Override(
        reason="an emergency",
        conflicts=("doctor-busy", "patient-busy", "outside-hours"),
        by_id=clinic.owner.id,
    )
    assert booking.get(visit.id, clinic.uow) == visit
    [event] = booking.history(visit.id, clinic.uow)
    assert event.reason == "an emergency"
    assert event.facts["override"] == ["doctor-busy", "patient-busy", "outside-hours"]


def test_an_override_that_was_not_needed_is_not_kept(clinic):
    visit = booking.book(clinic.request(override=EMERGENCY), clinic.uow)

    assert visit.override is None
    assert booking.history(visit.id, clinic.uow)[0].reason is None


def test_a_program_overrides_without_an_account(clinic):
    visit = booking.book(
        clinic.request("06:00-06:30", override=EMERGENCY), clinic.system("night-desk")
    )

    assert visit.override.by_id is None
    assert booking.history(visit.id, clinic.uow)[0].actor == "night-desk"


def test_who_may_not_override_is_refused_and_told(clinic):
    clinic.store_visit("09:00-09:30")
    kiosk = Actor(
        name="kiosk", permissions=frozenset({Permission.BOOK, Permission.SEE_DIARY})
    )
    uow = clinic.store.unit_of_work(clinic.id, kiosk)

    with pytest.raises(NotPermittedError, match="book against the rules"):
        booking.book(clinic.request(override=EMERGENCY), uow)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(), uow)

    assert not any(conflict.overridable for conflict in refusal.value.conflicts)
    assert len(visits(clinic)) == 1


@pytest.mark.parametrize(
    ("role", "overridable"),
    [("owner", True), ("admin", True), ("kiosk", False)],
)
def test_who_looks_is_told_what_they_may_override(clinic, role, overridable):
    clinic.store_visit("09:00-09:30")
    kiosk = Actor(name="kiosk", permissions=frozenset({Permission.BOOK}))
    uow = (
        clinic.store.unit_of_work(clinic.id, kiosk)
        if role == "kiosk"
        else clinic.by(Role(role))
    )

    verdict = booking.check(clinic.request(), uow)

    assert [conflict.overridable for conflict in verdict.conflicts] == [overridable] * 2


def test_a_rule_may_be_final(clinic):
    def closed_for_good(proposed, diary):
        yield Conflict(
            kind=ConflictKind.OUTSIDE_HOURS, message="Gone.", overridable=False
        )

    with pytest.raises(BookingConflictError, match=r"Gone\."):
        booking.book(clinic.request(override=EMERGENCY), clinic.uow, [closed_for_good])

    assert visits(clinic) == ()


def test_an_override_of_hours_still_holds_its_time(clinic):
    early = booking.book(clinic.request("07:00-07:30", override=EMERGENCY), clinic.uow)

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("07:15-07:45"), clinic.uow)

    assert early.override.conflicts == ("outside-hours",)
    assert early.holds_its_time
    assert kinds(refusal) == ["doctor-busy", "patient-busy", "outside-hours"]


@pytest.mark.parametrize("shared", ["doctor", "patient"])
def test_an_overbooked_visit_gives_up_only_the_time_that_its_override_names(
    clinic, shared
):
    others = {
        "doctor": {"patient_id": clinic.patients[1].id},
        "patient": {"doctor_id": clinic.add_doctor(week=NINE_TO_FIVE).id},
    }
    kept = "patient" if shared == "doctor" else "doctor"
    first = booking.book(clinic.request(**others[shared]), clinic.uow)
    beside = booking.book(clinic.request(override=EMERGENCY), clinic.uow)
    booking.cancel(first.id, ILL, clinic.uow)

    again = booking.book(clinic.request(**others[shared]), clinic.uow)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(**others[kept]), clinic.uow)

    assert beside.override.conflicts == (f"{shared}-busy",)
    assert again.override is None
    assert kinds(refusal) == [f"{kept}-busy"]


def test_a_visit_beside_two_others_keeps_its_time_from_nobody(clinic):
    first = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    second = booking.book(clinic.request("09:15-10:00", override=EMERGENCY), clinic.uow)

    third = booking.book(clinic.request("09:30-10:00"), clinic.uow)
    booking.cancel(first.id, ILL, clinic.uow)
    fourth = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    assert (second.overbooked, third.override, fourth.override) == (True, None, None)


def test_no_override_makes_a_time_that_never_comes(clinic):
    request = clinic.request("03:00-03:30", on=date(2026, 3, 8))
    never = evolve(request, start_time=time(2, 30), override=EMERGENCY)

    with pytest.raises(BookingConflictError) as refusal:
        booking.book(never, clinic.uow)

    [conflict] = refusal.value.conflicts
    assert conflict.kind is ConflictKind.NO_SUCH_LOCAL_TIME
    assert not conflict.overridable
    assert openings(refusal.value.alternatives) == ["08 09:00", "08 09:15", "08 09:30"]
    assert visits(clinic) == ()


# Alternatives


def alike(clinic, *specialties):
    """Give the clinic's doctor the first specialty; add one doctor for each other."""
    own, *others = specialties
    known = clinic.doctor.changed({"specialty": own})
    added = [
        doctor(f"Dr. {number}", specialty=each) for number, each in enumerate(others)
    ]
    clinic.commit(
        lambda uow: uow.doctors.save(known),
        *(lambda uow, d=each: uow.doctors.add(d) for each in added),
        *(
            lambda uow, d=each: uow.doctors.set_hours(d.id, NINE_TO_FIVE)
            for each in added
        ),
    )
    return [each.id for each in added]


def told(alternatives):
    return [(o.doctor_id, f"{o.start_time:%H:%M}") for o in alternatives]


def test_alternatives_are_of_the_doctor_first_then_of_those_with_the_same_specialty(
    clinic,
):
    same, other, none = alike(clinic, "Cardiology", "Cardiology", "Dermatology", None)
    clinic.store_visit("10:00-11:00", patient_id=clinic.patients[1].id)

    verdict = booking.check(clinic.request("10:15-10:45"), clinic.uow)

    own = [(clinic.doctor.id, start) for start in ("09:30", "11:00", "09:15")]
    theirs = [(same, start) for start in ("10:15", "10:00", "10:30")]
    assert told(verdict.alternatives) == own + theirs
    assert {other, none}.isdisjoint(o.doctor_id for o in verdict.alternatives)


def test_a_doctor_without_a_specialty_has_no_others_for_alternatives(clinic):
    alike(clinic, None, None, "Cardiology")
    clinic.store_visit("10:00-11:00")

    verdict = booking.check(clinic.request("10:15-10:45"), clinic.uow)

    assert {o.doctor_id for o in verdict.alternatives} == {clinic.doctor.id}
    assert len(verdict.alternatives) == 3


def test_no_alternative_is_at_a_time_of_the_patient(clinic):
    [same] = alike(clinic, "Cardiology", "Cardiology")
    clinic.store_visit("10:00-11:00")

    verdict = booking.check(clinic.request("10:15-10:45"), clinic.uow)

    around = ["09:30", "11:00", "09:15"]
    assert told(verdict.alternatives) == [
        (doctor_id, start) for doctor_id in (clinic.doctor.id, same) for start in around
    ]


def test_three_alternatives_are_of_others_however_many_they_are(clinic):
    others = alike(clinic, *["Cardiology"] * 5)
    clinic.store_visit("10:00-11:00", patient_id=clinic.patients[1].id)

    verdict = booking.check(clinic.request("10:15-10:45"), clinic.uow)

    assert told(verdict.alternatives)[3:] == [(o, "10:15") for o in others[:3]]


@pytest.mark.parametrize(
    ("resting", "found"),
    [
        pytest.param(MOST_ALIKE - 1, True, id="the last one who is looked at"),
        pytest.param(MOST_ALIKE, False, id="the first one who is not"),
    ],
)
def test_only_so_many_doctors_are_looked_at_for_alternatives(clinic, resting, found):
    others = alike(clinic, *["Cardiology"] * (MOST_ALIKE + 2))
    clinic.commit(
        *(
            lambda uow, i=doctor_id: uow.doctors.set_hours(i, ())
            for doctor_id in others[:resting]
        )
    )
    clinic.store_visit("10:00-11:00")

    verdict = booking.check(clinic.request("10:15-10:45"), clinic.uow)

    asked = {opening.doctor_id for opening in verdict.alternatives}
    assert asked == {clinic.doctor.id, *others[resting : resting + found]}


@pytest.mark.parametrize("others", [0, 2], ids=["alone", "with others alike"])
def test_where_a_visit_stands_is_no_alternative_to_moving_it(clinic, others):
    alike(clinic, *["Cardiology"] * (1 + others))
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    clinic.store_visit("09:30-10:00", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("09:15-09:45"), clinic.uow)

    own = [o for o in refusal.value.alternatives if o.doctor_id == clinic.doctor.id]
    assert openings(own) == ["02 10:00", "02 10:15", "02 10:30"]
    assert len(refusal.value.alternatives) == (6 if others else 3)


def test_another_length_where_a_visit_stands_is_an_alternative(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    clinic.store_visit("10:00-17:00", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("09:30-10:15"), clinic.uow)

    assert openings(refusal.value.alternatives)[:2] == ["02 09:15", "02 09:00"]


def test_the_time_of_a_visit_with_another_doctor_is_an_alternative(clinic):
    [other] = alike(clinic, "Cardiology", "Cardiology")
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    clinic.store_visit("09:30-10:00", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("09:15-09:45"), clinic.uow)

    assert (other, "09:00") in told(refusal.value.alternatives)


# Checking


@pytest.mark.parametrize("times", ["09:00-09:30", "09:15-10:00", "06:00-06:30"])
def test_checking_answers_as_booking_does_and_writes_nothing(clinic, times):
    clinic.store_visit("09:15-09:45")
    before = contents(clinic.store)

    verdict = booking.check(clinic.request(times), clinic.uow)

    assert contents(clinic.store) == before
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(times), clinic.uow)
    assert verdict.conflicts == refusal.value.conflicts
    assert verdict.alternatives == refusal.value.alternatives


def test_a_free_time_has_no_conflicts_and_needs_no_alternatives(clinic):
    verdict = booking.check(clinic.request(), clinic.uow)

    assert verdict == booking.Verdict((), ())
    assert visits(clinic) == ()


def test_what_is_offered_can_be_booked(clinic):
    clinic.store_visit("09:00-12:10")
    verdict = booking.check(clinic.request("09:00-09:30"), clinic.uow)

    for opening in verdict.alternatives:
        assert booking.check(
            clinic.request(date=opening.date, start_time=opening.start_time), clinic.uow
        ) == booking.Verdict((), ())


# The day of a clock change


FOLD = date(2026, 11, 1)


@pytest.mark.parametrize(
    ("offset", "starts_at"),
    [
        (None, datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("-04:00", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("-05:00", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
    ],
)
def test_a_repeated_hour_is_booked_by_its_offset(store, offset, starts_at):
    clinic = open_clinic(store)
    request = clinic.request("01:30-02:00", on=FOLD, duration=30, utc_offset=offset)

    visit = booking.book(request, clinic.uow)

    assert visit.starts_at == starts_at
    assert visit.start_time == time(1, 30)
    assert booking.get(visit.id, clinic.uow) == visit


def test_both_passes_of_a_repeated_hour_can_be_booked(store):
    clinic = open_clinic(store)
    asked = {"on": FOLD, "duration": 60}

    first = booking.book(clinic.request("01:00-02:00", **asked), clinic.uow)
    second = booking.book(
        clinic.request("01:00-02:00", **asked, utc_offset="-05:00"), clinic.uow
    )

    assert second.starts_at == first.ends_at
    assert visits(clinic) == (first, second)


def test_a_positive_offset_is_understood(memory):
    clinic = open_clinic(memory, timezone="Asia/Kathmandu")

    visit = booking.book(clinic.request(utc_offset="+05:45"), clinic.uow)

    assert visit.starts_at == datetime(2026, 3, 2, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize("offset", ["-04:00", "+05:00", "+99:59"])
def test_an_offset_that_is_not_in_force_is_no_time(clinic, offset):
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request(utc_offset=offset), clinic.uow)

    assert kinds(refusal) == ["no-such-local-time"]


def test_a_visit_is_moved_to_the_second_pass_of_an_hour(store):
    clinic = open_clinic(store)
    visit = booking.book(clinic.request("01:00-01:30", on=FOLD), clinic.uow)

    moved = booking.reschedule(
        visit.id, to("01:00-01:30", on=FOLD, utc_offset="-05:00"), clinic.uow
    )

    assert moved.starts_at - visit.starts_at == timedelta(hours=1)
    assert (moved.start_time, moved.end_time) == (visit.start_time, visit.end_time)


# Rescheduling


def test_a_moved_visit_frees_its_time_and_takes_another(clinic, watch):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    watch.at = NOW + timedelta(hours=1)

    moved = booking.reschedule(visit.id, to("11:00-12:00"), clinic.uow)

    expected = clinic.visit(
        "11:00-12:00", id=visit.id, times_moved=1, version=2, updated_at=watch.at
    )
    assert moved == expected
    assert visits(clinic) == (expected,)
    booking.book(clinic.request("09:00-09:30"), clinic.uow)
    with pytest.raises(BookingConflictError):
        booking.book(clinic.request("11:45-12:15"), clinic.uow)


def test_moving_is_in_the_trail_with_both_times(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    booking.reschedule(visit.id, to("11:00-12:00"), clinic.uow)

    event = booking.history(visit.id, clinic.uow)[-1]
    place = {"doctor_id": str(clinic.doctor.id)}
    assert event.kind == "appointment.rescheduled"
    assert event.facts == {
        **place,
        "starts_at": "2026-03-02T16:00:00+00:00",
        "duration": 60,
        "from": {**place, "starts_at": "2026-03-02T14:00:00+00:00", "duration": 30},
    }


@pytest.mark.parametrize(
    ("offset", "hour"),
    [pytest.param("-04:00", 5, id="first"), pytest.param("-05:00", 6, id="second")],
)
def test_a_visit_that_stays_in_it_keeps_its_pass_of_a_repeated_hour(
    store, offset, hour
):
    clinic = open_clinic(store)
    asked = {"on": FOLD, "duration": 30, "utc_offset": offset}
    visit = booking.book(clinic.request("01:30-02:00", **asked), clinic.uow)

    shorter = booking.reschedule(visit.id, to("01:30-01:45", on=FOLD), clinic.uow)
    assert shorter.starts_at == datetime(2026, 11, 1, hour, 30, tzinfo=UTC)
    assert shorter.duration == 15
    later = booking.reschedule(visit.id, to("01:45-02:00", on=FOLD), clinic.uow)

    assert later.starts_at == datetime(2026, 11, 1, hour, 45, tzinfo=UTC)


def test_what_is_left_out_of_a_move_stays(clinic):
    visit = booking.book(clinic.request("09:00-09:45"), clinic.uow)

    moved = booking.reschedule(visit.id, to(duration=None), clinic.uow)

    assert (moved.duration, moved.doctor_id) == (45, visit.doctor_id)
    assert moved.end_time == time(11, 45)


def test_a_visit_is_not_in_its_own_way_when_it_moves(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    moved = booking.reschedule(visit.id, to("09:15-09:45"), clinic.uow)

    assert moved.start_time == time(9, 15)


def test_a_move_to_where_the_visit_is_changes_nothing(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    moved = booking.reschedule(visit.id, to("09:00-09:30"), clinic.uow)

    assert moved == booking.get(visit.id, clinic.uow) == visit
    assert happened(visit, clinic) == ["appointment.booked"]


def test_a_refused_move_leaves_the_visit_where_it_is(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    clinic.store_visit("11:15-11:45", patient_id=clinic.patients[1].id)
    before = contents(clinic.store)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("11:00-11:30"), clinic.uow)

    assert kinds(refusal) == ["doctor-busy"]
    assert openings(refusal.value.alternatives) == ["02 10:45", "02 10:30", "02 10:15"]
    assert contents(clinic.store) == before


def test_a_visit_may_be_offered_time_that_it_has_itself(clinic):
    visit = booking.book(clinic.request("09:00-10:00"), clinic.uow)
    clinic.store_visit("10:15-10:45", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("09:30-10:30"), clinic.uow)

    assert openings(refusal.value.alternatives) == ["02 09:15", "02 10:45", "02 11:00"]


def test_a_move_to_a_time_that_never_comes_is_refused(clinic):
    visit = booking.book(clinic.request(), clinic.uow)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("02:15-02:45", on=date(2026, 3, 8)), clinic.uow)

    assert kinds(refusal) == ["no-such-local-time"]
    assert visits(clinic) == (visit,)


def test_a_visit_moves_to_another_doctor_who_must_be_free(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    other = clinic.add_doctor()
    clinic.store_visit(
        "11:00-11:30", doctor_id=other.id, patient_id=clinic.patients[1].id
    )

    moved = booking.reschedule(
        visit.id, to("09:00-09:30", doctor_id=other.id), clinic.uow
    )
    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, to("11:15-11:45"), clinic.uow)

    assert moved.doctor_id == other.id
    assert kinds(refusal) == ["doctor-busy"]
    booking.book(
        clinic.request("09:00-09:30", patient_id=clinic.patients[1].id), clinic.uow
    )


def test_a_visit_does_not_move_to_a_doctor_who_is_not_there(clinic):
    visit = booking.book(clinic.request(), clinic.uow)

    with pytest.raises(DoctorNotFoundError):
        booking.reschedule(visit.id, to(doctor_id=DoctorId(uuid4())), clinic.uow)


def test_a_move_against_the_rules_is_kept_as_one(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    clinic.store_visit("11:00-11:30", patient_id=clinic.patients[1].id)

    squeezed = booking.reschedule(
        visit.id, to("11:15-11:45", override=EMERGENCY), clinic.uow
    )
    back = booking.reschedule(visit.id, to("09:00-09:30"), clinic.uow)

    assert squeezed.override.conflicts == ("doctor-busy",)
    assert booking.history(visit.id, clinic.uow)[1].reason == "an emergency"
    assert (back.override, back.holds_its_time) == (None, True)


def test_a_patient_who_arrived_is_not_moved(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.arrive(visit.id, clinic.uow)

    with pytest.raises(InvalidTransitionError):
        booking.reschedule(visit.id, to(), clinic.uow)


def test_a_cancelled_visit_is_not_moved(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    with pytest.raises(InvalidTransitionError):
        booking.reschedule(visit.id, to(), clinic.uow)


# Giving up, and taking back


def test_a_cancelled_visit_frees_its_time_and_keeps_why(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    cancelled, record = booking.cancel(visit.id, ILL, clinic.uow)

    assert cancelled.status is Status.CANCELLED
    assert (record.appointment_id, record.patient_id, record.cancelled_by_id) == (
        visit.id,
        visit.patient_id,
        clinic.owner.id,
    )
    assert record.cancellation_type is CancellationType.PATIENT_CANCELLED
    assert (record.reason_note, record.created_at) == ("has a cold", NOW)
    with clinic.uow as uow:
        assert uow.appointments.cancellations_of(visit.id) == (record,)
    second = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    assert second.id != visit.id


def test_cancelling_is_in_the_trail_with_its_reason(clinic):
    visit = booking.book(clinic.request(), clinic.uow)

    booking.cancel(visit.id, ILL, clinic.uow)

    event = booking.history(visit.id, clinic.uow)[-1]
    assert (event.kind, event.reason) == ("appointment.cancelled", "has a cold")
    assert event.facts == {"cancellation_type": "patient-cancelled", "late": False}


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(booking.no_show, id="no-show"),
        pytest.param(
            lambda visit_id, uow: booking.cancel(
                visit_id,
                CancelAppointment(cancellation_type=CancellationType.NO_SHOW),
                uow,
            ),
            id="cancel as no-show",
        ),
    ],
)
def test_a_missed_visit_frees_its_time(clinic, watch, mark):
    visit = booking.book(clinic.request("12:00-13:00"), clinic.uow)
    watch.at = ON_THE_DAY

    missed, record = mark(visit.id, clinic.uow)

    assert missed.status is Status.NO_SHOW
    assert record.cancellation_type is CancellationType.NO_SHOW
    assert happened(visit, clinic)[-1] == "appointment.missed"
    booking.book(clinic.request("12:30-13:00"), clinic.uow)


def test_who_arrived_is_not_missed(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.arrive(visit.id, clinic.uow)

    with pytest.raises(InvalidTransitionError):
        booking.no_show(visit.id, clinic.uow)


def test_a_visit_is_cancelled_once(clinic):
    visit = booking.book(clinic.request(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    with pytest.raises(InvalidTransitionError):
        booking.cancel(visit.id, ILL, clinic.uow)

    with clinic.uow as uow:
        assert len(uow.appointments.cancellations_of(visit.id)) == 1


def test_a_reinstated_visit_takes_its_time_again(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    again = booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)

    assert again == evolve(visit, version=3)
    event = booking.history(visit.id, clinic.uow)[-1]
    assert (event.kind, event.reason) == ("appointment.reinstated", None)
    assert event.facts == {
        "doctor_id": str(clinic.doctor.id),
        "starts_at": "2026-03-02T14:00:00+00:00",
        "duration": 30,
    }
    with pytest.raises(BookingConflictError):
        booking.book(clinic.request("09:00-09:30"), clinic.uow)


def test_a_visit_is_not_reinstated_when_its_time_is_taken(clinic, watch):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    booking.book(
        clinic.request("09:15-09:45", patient_id=clinic.patients[1].id), clinic.uow
    )
    watch.at = ON_THE_DAY
    before = contents(clinic.store)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)

    assert kinds(refusal) == ["doctor-busy"]
    assert openings(refusal.value.alternatives) == ["02 12:00", "02 12:15", "02 12:30"]
    assert contents(clinic.store) == before


def test_a_visit_is_reinstated_beside_another_on_purpose(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    booking.book(clinic.request("09:15-09:45"), clinic.uow)

    again = booking.reinstate(
        visit.id, ReinstateAppointment(override=EMERGENCY), clinic.uow
    )

    assert again.override.conflicts == ("doctor-busy", "patient-busy")
    assert not again.holds_its_time
    event = booking.history(visit.id, clinic.uow)[-1]
    assert event.reason == "an emergency"
    assert event.facts["override"] == ["doctor-busy", "patient-busy"]


def test_a_missed_visit_is_reinstated_when_the_patient_turns_up_late(clinic, watch):
    visit = booking.book(clinic.request("11:30-12:30"), clinic.uow)
    watch.at = ON_THE_DAY
    booking.no_show(visit.id, clinic.uow)

    again = booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)

    assert again.status is Status.UNCONFIRMED


def test_a_visit_that_stands_is_not_reinstated(clinic):
    visit = booking.book(clinic.request(), clinic.uow)

    with pytest.raises(InvalidTransitionError):
        booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)


# Steps that take no time


def test_a_visit_takes_its_course(clinic, watch):
    visit = booking.book(clinic.request("12:00-12:30"), clinic.uow)
    watch.at = ON_THE_DAY

    confirmed = booking.confirm(visit.id, clinic.uow)
    arrived = booking.arrive(visit.id, clinic.uow)
    completed = booking.complete(visit.id, clinic.uow)

    assert confirmed == evolve(
        visit, status=Status.CONFIRMED, version=2, updated_at=ON_THE_DAY
    )
    assert arrived == evolve(confirmed, arrived=True, arrived_at=ON_THE_DAY, version=3)
    assert completed == evolve(arrived, status=Status.COMPLETED, version=4)
    assert booking.get(visit.id, clinic.uow) == completed
    assert happened(visit, clinic) == [
        "appointment.booked",
        "appointment.confirmed",
        "appointment.arrived",
        "appointment.completed",
    ]


@pytest.mark.parametrize("step", [booking.confirm, booking.arrive])
def test_a_step_taken_twice_is_taken_once(clinic, watch, step):
    visit = booking.book(clinic.request(), clinic.uow)
    once = step(visit.id, clinic.uow)
    watch.at = ON_THE_DAY

    twice = step(visit.id, clinic.uow)

    assert twice == once
    assert len(happened(visit, clinic)) == 2


def test_details_change_without_a_new_time(clinic):
    visit = booking.book(clinic.request(meeting_link="https://a.example"), clinic.uow)

    changed = booking.change_details(
        visit.id,
        ChangeAppointment(visit_type=VisitType.IN_CLINIC, meeting_link=None),
        clinic.uow,
    )
    same = booking.change_details(visit.id, ChangeAppointment(), clinic.uow)

    assert changed == evolve(
        visit, visit_type=VisitType.IN_CLINIC, meeting_link=None, version=2
    )
    assert same == changed
    events = booking.history(visit.id, clinic.uow)
    assert [event.kind for event in events] == [
        "appointment.booked",
        "appointment.changed",
    ]
    assert events[-1].facts == {"fields": ["meeting_link", "visit_type"]}


def test_a_completed_visit_still_holds_its_time(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.complete(visit.id, clinic.uow)

    with pytest.raises(BookingConflictError):
        booking.book(clinic.request("09:15-09:45"), clinic.uow)


# All acts


ACTS = {
    "get": booking.get,
    "history": booking.history,
    "confirm": booking.confirm,
    "arrive": booking.arrive,
    "complete": booking.complete,
    "no_show": booking.no_show,
    "cancel": lambda visit_id, uow: booking.cancel(visit_id, ILL, uow),
    "reinstate": lambda visit_id, uow: booking.reinstate(
        visit_id, ReinstateAppointment(), uow
    ),
    "reschedule": lambda visit_id, uow: booking.reschedule(visit_id, to(), uow),
    "change_details": lambda visit_id, uow: booking.change_details(
        visit_id, ChangeAppointment(visit_type=VisitType.VIRTUAL), uow
    ),
}
NOT_FOR_DOCTORS = {
    "confirm": "book visits",
    "cancel": "book visits",
    "reinstate": "book visits",
    "reschedule": "book visits",
    "change_details": "book visits",
}


@pytest.mark.parametrize("act", ACTS)
def test_a_visit_of_another_clinic_is_not_there(clinic, act):
    other = open_clinic(clinic.store, name="Other")
    foreign = other.store_visit()

    for visit_id in (AppointmentId(uuid4()), foreign.id):
        with pytest.raises(AppointmentNotFoundError) as refusal:
            ACTS[act](visit_id, clinic.uow)
        assert refusal.value.record_id == visit_id


@pytest.mark.parametrize("act", ACTS)
def test_a_doctor_sees_and_records_but_does_not_book(memory, act):
    clinic = open_clinic(memory)
    visit = clinic.store_visit()
    uow = clinic.by(Role.DOCTOR)

    if act in NOT_FOR_DOCTORS:
        with pytest.raises(NotPermittedError) as refusal:
            ACTS[act](visit.id, uow)
        assert refusal.value.permission == NOT_FOR_DOCTORS[act]
        assert booking.get(visit.id, clinic.uow) == visit
    else:
        ACTS[act](visit.id, uow)


@pytest.mark.parametrize("act", ["get", "history", "arrive", "complete", "no_show"])
def test_a_doctor_reaches_no_visit_of_a_colleague(memory, act):
    clinic = open_clinic(memory)
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    visit = clinic.store_visit(doctor_id=colleague.id)

    with pytest.raises(NotPermittedError) as refusal:
        ACTS[act](visit.id, clinic.by(Role.DOCTOR))

    assert refusal.value.permission == "see every diary"
    assert booking.get(visit.id, clinic.uow) == visit


def test_a_doctor_lists_their_own_visits_alone(clinic):
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    mine = clinic.store_visit("09:00-09:30")
    clinic.store_visit("10:00-10:30", doctor_id=colleague.id)
    uow = clinic.by(Role.DOCTOR)

    everything = booking.page(AppointmentFilter(), PageRequest(), uow)
    asked = AppointmentFilter(doctor_id=clinic.doctor.id)

    assert everything.items == (mine,)
    assert booking.page(asked, PageRequest(), uow).items == (mine,)
    for other in (colleague.id, DoctorId(uuid4())):
        with pytest.raises(NotPermittedError, match="see every diary"):
            booking.page(AppointmentFilter(doctor_id=other), PageRequest(), uow)


def test_a_doctor_without_a_diary_sees_none(memory):
    clinic = open_clinic(memory)
    nobodys = Actor(name="user", permissions=frozenset({Permission.SEE_OWN_DIARY}))
    uow = memory.unit_of_work(clinic.id, nobodys)

    with pytest.raises(NotPermittedError, match="see every diary"):
        booking.page(AppointmentFilter(), PageRequest(), uow)


def test_a_doctor_does_not_book(memory):
    clinic = open_clinic(memory)

    with pytest.raises(NotPermittedError):
        booking.book(clinic.request(), clinic.by(Role.DOCTOR))


@pytest.mark.parametrize("act", ["get", "history", "page", "check", "no_show"])
def test_who_may_do_nothing_learns_nothing(memory, act):
    clinic = open_clinic(memory)
    visit = clinic.store_visit()
    nobody = memory.unit_of_work(
        clinic.id, Actor(name="nobody", permissions=frozenset())
    )
    acts = {
        **ACTS,
        "page": lambda _, uow: booking.page(AppointmentFilter(), PageRequest(), uow),
        "check": lambda _, uow: booking.check(clinic.request(), uow),
    }

    with pytest.raises(NotPermittedError):
        acts[act](visit.id, nobody)


def test_the_trail_names_nobody(clinic):
    marked = clinic.add_patient("MARKER MARKER")
    request = clinic.request(
        patient_id=marked.id, meeting_link="https://example.org/MARKER"
    )
    visit = booking.book(request, clinic.uow)
    booking.change_details(
        visit.id, ChangeAppointment(meeting_link="https://example.org/M2MARKER"),
        clinic.uow,
    )  # fmt: skip
    booking.confirm(visit.id, clinic.uow)
    booking.reschedule(visit.id, to(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)
    booking.arrive(visit.id, clinic.uow)
    booking.complete(visit.id, clinic.uow)

    events = booking.history(visit.id, clinic.uow)

    assert len(events) == 8
    assert not [event for event in events if "MARKER" in f"{event!r}{event.facts}"]


def test_visits_are_listed_by_start(clinic):
    late = clinic.store_visit("11:00-11:30")
    early = clinic.store_visit("09:00-09:30", patient_id=clinic.patients[1].id)
    mine = AppointmentFilter(patient_id=clinic.patient.id)

    assert visits(clinic) == (early, late)
    assert booking.page(mine, PageRequest(), clinic.uow).items == (late,)
    first = booking.page(AppointmentFilter(), PageRequest(limit=1), clinic.uow)
    rest = booking.page(
        AppointmentFilter(), PageRequest(after=first.next, limit=1), clinic.uow
    )
    assert (first.items, rest.items, rest.next) == ((early,), (late,), None)


def test_hours_that_change_later_leave_visits_standing(clinic):
    visit = booking.book(clinic.request("16:00-16:30"), clinic.uow)
    with clinic.uow as uow:
        uow.doctors.set_hours(clinic.doctor.id, hours("09:00-12:00"))
        uow.commit()

    confirmed = booking.confirm(visit.id, clinic.uow)

    assert confirmed.status is Status.CONFIRMED
