from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import ChangeAppointment, Move
from clinicflow_core.entities.appointment import VisitType
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    BookingConflictError,
    NotPermittedError,
)
from tests.builders import DAY, NOW, open_clinic
from tests.core.desk.acts import (
    EMERGENCY,
    ILL,
    contents,
    kinds,
    set_policy,
    to,
    utc,
    visits_of,
)


def test_a_moved_visit_tells_where_it_came_from(clinic, watch):
    omar = clinic.add_doctor()
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    watch.at = NOW + timedelta(hours=1)
    booking.reschedule(visit.id, to("11:00-11:45"), clinic.uow)
    watch.at = NOW + timedelta(hours=2)
    program = clinic.system("night-desk")

    moved = booking.reschedule(visit.id, to("11:00-11:45", doctor_id=omar.id), program)

    assert moved.times_moved == 2
    assert booking.moves(visit.id, clinic.uow) == (
        Move(
            moved_at=NOW + timedelta(hours=1),
            moved_by_id=clinic.owner.id,
            from_doctor_id=clinic.doctor.id,
            from_starts_at=utc("2026-03-02 14:00"),
            from_duration=30,
            to_doctor_id=clinic.doctor.id,
            to_starts_at=utc("2026-03-02 16:00"),
            to_duration=45,
        ),
        Move(
            moved_at=NOW + timedelta(hours=2),
            moved_by_id=None,
            from_doctor_id=clinic.doctor.id,
            from_starts_at=utc("2026-03-02 16:00"),
            from_duration=45,
            to_doctor_id=omar.id,
            to_starts_at=utc("2026-03-02 16:00"),
            to_duration=45,
        ),
    )


def test_each_move_begins_where_the_one_before_ended(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    for times in ("10:00-10:30", "11:00-12:00", "09:00-09:30", "09:00-09:45"):
        moved = booking.reschedule(visit.id, to(times), clinic.uow)

    chain = booking.moves(visit.id, clinic.uow)

    assert moved.times_moved == len(chain) == 4
    places = [
        ((m.from_starts_at, m.from_duration), (m.to_starts_at, m.to_duration))
        for m in chain
    ]
    assert places[0][0] == (visit.starts_at, 30)
    assert [came for came, _ in places[1:]] == [went for _, went in places[:-1]]
    assert places[-1][1] == (moved.starts_at, 45)


def test_what_is_no_move_is_not_counted_as_one(clinic):
    visit = booking.book(clinic.request("17:00-17:30", override=EMERGENCY), clinic.uow)
    set_policy(clinic, closed_days=(DAY,))

    same = booking.reschedule(
        visit.id, to("17:00-17:30", override=EMERGENCY), clinic.uow
    )
    details = ChangeAppointment(visit_type=VisitType.VIRTUAL)
    booking.change_details(visit.id, details, clinic.uow)
    booking.confirm(visit.id, clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    assert same.override.conflicts == ("outside-hours", "closed-day")
    assert booking.get(visit.id, clinic.uow).times_moved == 0
    assert booking.moves(visit.id, clinic.uow) == ()


def test_a_moved_visit_frees_its_time_at_once(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.reschedule(visit.id, to("11:00-11:30"), clinic.uow)
    stranger = {"patient_id": clinic.patients[1].id}

    booking.book(clinic.request("09:00-09:30", **stranger), clinic.uow)
    with pytest.raises(BookingConflictError) as refusal:
        booking.book(clinic.request("11:00-11:30", **stranger), clinic.uow)

    assert kinds(refusal.value.conflicts) == ["doctor-busy"]


@pytest.mark.parametrize(
    ("wish", "kind"),
    [
        (to("11:15-11:45"), "doctor-busy"),
        (to("16:45-17:15"), "outside-hours"),
        (to("09:00-09:30", on=DAY + timedelta(days=1)), "closed-day"),
        (to("09:00-09:30", on=DAY - timedelta(days=7)), "in-the-past"),
    ],
)
def test_a_refused_move_keeps_the_old_time(clinic, wish, kind):
    set_policy(clinic, closed_days=(DAY + timedelta(days=1),))
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    others = {"patient_id": clinic.patients[1].id}
    clinic.store_visit("11:00-11:30", **others)
    clinic.store_entry(**others)
    before = contents(clinic)

    with pytest.raises(BookingConflictError) as refusal:
        booking.reschedule(visit.id, wish, clinic.uow)

    assert kinds(refusal.value.conflicts) == [kind]
    assert contents(clinic) == before
    assert visits_of(clinic)[0] == visit
    with pytest.raises(BookingConflictError) as still_taken:
        booking.book(clinic.request("09:15-09:45", **others), clinic.uow)
    assert kinds(still_taken.value.conflicts) == ["doctor-busy"]


def test_a_move_over_the_rules_counts_and_tells_what_it_accepted(clinic):
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)

    moved = booking.reschedule(
        visit.id, to("17:00-17:30", override=EMERGENCY), clinic.uow
    )

    assert (moved.times_moved, moved.override.conflicts) == (1, ("outside-hours",))
    [move] = booking.moves(visit.id, clinic.uow)
    assert move.to_starts_at == moved.starts_at


def test_moves_of_another_clinics_visit_are_not_there(clinic):
    foreign = open_clinic(clinic.store, name="Other").store_visit()

    for visit_id in (AppointmentId(uuid4()), foreign.id):
        with pytest.raises(AppointmentNotFoundError):
            booking.moves(visit_id, clinic.uow)


def test_a_doctor_sees_the_moves_of_their_own_visits_alone(clinic):
    mine = clinic.store_visit()
    colleagues = clinic.store_visit("10:00-10:30", doctor_id=clinic.add_doctor().id)
    booking.reschedule(mine.id, to(), clinic.uow)
    uow = clinic.by(Role.DOCTOR)

    assert len(booking.moves(mine.id, uow)) == 1
    with pytest.raises(NotPermittedError, match="see every diary"):
        booking.moves(colleagues.id, uow)
