from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest

from clinicflow_core.desk import (
    accounts,
    booking,
    intake,
    register,
    schedule,
    undoing,
    waitlist,
)
from clinicflow_core.desk.booking import (
    CancelAppointment,
    ReinstateAppointment,
    RescheduleAppointment,
)
from clinicflow_core.desk.intake import SendForm
from clinicflow_core.desk.waitlist import JoinWaitlist
from clinicflow_core.entities.appointment import (
    CancellationType,
    IntakeStatus,
    Status,
    Step,
)
from clinicflow_core.entities.ids import AppointmentId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    AppointmentNotFoundError,
    BookingConflictError,
    NothingToUndoError,
    NotPermittedError,
    PatientErasedError,
    StaleVersionError,
)
from clinicflow_core.ports import PageRequest
from tests.builders import DAY, open_clinic

ILL = CancelAppointment(cancellation_type=CancellationType.PATIENT_CANCELLED)
FOLD = date(2026, 11, 1)
STEPS = {
    "confirm": booking.confirm,
    "arrive": booking.arrive,
    "complete": booking.complete,
    "no-show": booking.no_show,
    "cancel": lambda visit_id, uow: booking.cancel(visit_id, ILL, uow),
    "reschedule": lambda visit_id, uow: booking.reschedule(visit_id, to("11:00"), uow),
}


def to(start, on=DAY, **fields):
    return RescheduleAppointment(
        date=on, start_time=time.fromisoformat(start), **fields
    )


def state(visit):
    return (
        visit.status,
        visit.arrived_at,
        visit.starts_at,
        visit.duration,
        visit.doctor_id,
        visit.override,
    )


@pytest.fixture
def visit(clinic):
    return booking.book(clinic.request("09:00-09:30"), clinic.uow)


PATHS = [
    pytest.param(before, step, id=" ".join([*before, step]))
    for before in ([], ["confirm"], ["arrive"], ["confirm", "arrive"])
    for step in STEPS
    if step not in before
    and not ("arrive" in before and step in {"no-show", "reschedule"})
]


@pytest.mark.parametrize(("before", "step"), PATHS)
def test_what_was_done_last_is_undone(clinic, visit, before, step):
    for earlier in before:
        STEPS[earlier](visit.id, clinic.uow)
    stood = booking.get(visit.id, clinic.uow)
    STEPS[step](visit.id, clinic.uow)
    done = booking.get(visit.id, clinic.uow)

    undone = undoing.undo(visit.id, clinic.uow, done.version)

    assert state(undone) == state(stood)
    assert booking.get(visit.id, clinic.uow) == undone
    assert undone.version == done.version + 1


@pytest.mark.parametrize("step", STEPS)
def test_what_was_undone_is_not_undone_again(clinic, visit, step):
    STEPS[step](visit.id, clinic.uow)
    undone = undoing.undo(visit.id, clinic.uow)

    with pytest.raises(NothingToUndoError):
        undoing.undo(visit.id, clinic.uow)

    assert booking.get(visit.id, clinic.uow) == undone


def test_a_confirmation_that_was_undone_does_not_come_back_with_a_cancellation(
    clinic, visit
):
    booking.confirm(visit.id, clinic.uow)
    undoing.undo(visit.id, clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    assert undoing.undo(visit.id, clinic.uow).status is Status.UNCONFIRMED


def test_nor_does_one_from_before_the_visit_stood_again(clinic, visit):
    booking.confirm(visit.id, clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    booking.reinstate(visit.id, ReinstateAppointment(), clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)

    assert undoing.undo(visit.id, clinic.uow).status is Status.UNCONFIRMED


def test_what_is_undone_is_in_the_trail(clinic, visit):
    booking.confirm(visit.id, clinic.uow)
    booking.complete(visit.id, clinic.uow)

    undoing.undo(visit.id, clinic.uow)

    event = booking.history(visit.id, clinic.uow)[-1]
    assert (event.kind, event.user_id) == ("appointment.undone", clinic.owner.id)
    assert event.facts == {
        "doctor_id": str(clinic.doctor.id),
        "starts_at": "2026-03-02T14:00:00+00:00",
        "duration": 30,
        "step": "complete",
        "status": "confirmed",
    }


def test_a_form_that_was_sent_meanwhile_is_in_nobodys_way(clinic, visit):
    arrived = booking.arrive(visit.id, clinic.uow)
    wanted = SendForm(patient_id=visit.patient_id, appointment_id=visit.id)
    intake.send(wanted, clinic.uow)

    undone = undoing.undo(visit.id, clinic.uow, arrived.version)

    assert not undone.arrived
    assert undone.intake_status is IntakeStatus.SENT


def test_a_visit_from_the_waitlist_was_confirmed_by_whoever_took_it(clinic, visit):
    wish = JoinWaitlist(patient_id=clinic.patients[1].id, first_date=DAY, last_date=DAY)
    waiting = waitlist.join(wish, clinic.uow).entry
    booking.cancel(visit.id, ILL, clinic.uow)
    accepted = waitlist.accept(waiting.id, clinic.uow)
    booking.complete(accepted.id, clinic.uow)

    assert undoing.undo(accepted.id, clinic.uow).status is Status.CONFIRMED


def test_only_what_came_last_is_undone(clinic, visit):
    booking.confirm(visit.id, clinic.uow)
    changed = booking.ChangeAppointment(meeting_link="https://example.org/room")
    booking.change_details(visit.id, changed, clinic.uow)

    with pytest.raises(NothingToUndoError) as refusal:
        undoing.undo(visit.id, clinic.uow)

    assert refusal.value.record_id == visit.id


def test_a_booking_is_cancelled_and_not_undone(clinic, visit):
    with pytest.raises(NothingToUndoError):
        undoing.undo(visit.id, clinic.uow)
    with pytest.raises(NothingToUndoError):
        undoing.way_back(visit.id, clinic.uow)


def test_another_reason_against_the_rules_is_no_move(clinic, visit):
    early = booking.OverrideRequest(reason="Comes before work.")
    booking.reschedule(visit.id, to("07:00", override=early), clinic.uow)
    other = booking.OverrideRequest(reason="Comes from far away.")
    booking.reschedule(visit.id, to("07:00", override=other), clinic.uow)

    with pytest.raises(NothingToUndoError):
        undoing.undo(visit.id, clinic.uow)


def test_what_somebody_else_did_is_not_undone(clinic, visit):
    confirmed = booking.confirm(visit.id, clinic.uow)
    theirs = booking.arrive(visit.id, clinic.uow)

    with pytest.raises(StaleVersionError):
        undoing.undo(visit.id, clinic.uow, confirmed.version)

    assert booking.get(visit.id, clinic.uow) == theirs


@pytest.mark.parametrize("step", ["no-show", "cancel"])
def test_time_that_was_given_away_is_not_taken_back(clinic, visit, step):
    STEPS[step](visit.id, clinic.uow)
    clinic.store_visit("09:15-09:45", patient_id=clinic.patients[1].id)

    with pytest.raises(BookingConflictError):
        undoing.undo(visit.id, clinic.uow)

    assert booking.get(visit.id, clinic.uow).status in {
        Status.NO_SHOW,
        Status.CANCELLED,
    }


@pytest.mark.parametrize("step", ["cancel", "reschedule"])
@pytest.mark.parametrize("times", ["09:00-09:30", "07:00-07:30"])
def test_what_was_accepted_against_a_visit_is_accepted_again(
    clinic, visit, times, step
):
    override = booking.OverrideRequest(reason="Only a signature.")
    wish = clinic.request(times, patient_id=clinic.patients[1].id, override=override)
    squeezed = booking.book(wish, clinic.uow)
    STEPS[step](squeezed.id, clinic.uow)

    undone = undoing.undo(squeezed.id, clinic.uow)

    assert squeezed.override is not None
    assert state(undone) == state(squeezed)
    assert not schedule.stranded(PageRequest(), clinic.uow).items


def test_what_nobody_accepted_is_not_accepted_by_undoing(clinic):
    early = booking.OverrideRequest(reason="Comes before work.")
    wish = clinic.request("07:00-07:30", override=early)
    visit = booking.book(wish, clinic.uow)
    booking.cancel(visit.id, ILL, clinic.uow)
    other = clinic.request(
        "07:00-07:30", patient_id=clinic.patients[1].id, override=early
    )
    booking.book(other, clinic.uow)

    with pytest.raises(BookingConflictError) as refusal:
        undoing.undo(visit.id, clinic.uow)

    assert [c.kind.value for c in refusal.value.conflicts] == ["doctor-busy"]


def test_a_move_into_the_present_is_taken_back_even_so(clinic, visit, watch):
    booking.reschedule(visit.id, to("11:00"), clinic.uow)
    watch.at = visit.starts_at + timedelta(minutes=5)

    assert undoing.undo(visit.id, clinic.uow).start_time == time(9)


def test_nothing_is_undone_of_a_patient_who_was_erased(clinic, visit):
    booking.complete(visit.id, clinic.uow)
    register.erase(visit.patient_id, clinic.uow)

    with pytest.raises(PatientErasedError):
        undoing.undo(visit.id, clinic.uow)


def test_a_visit_whose_wall_clock_waits_to_be_kept_is_not_moved_back(clinic, visit):
    moved = booking.reschedule(visit.id, to("11:00"), clinic.uow)
    elsewhere = accounts.ChangeClinic(timezone="America/Los_Angeles")
    accounts.change_clinic(elsewhere, clinic.uow)

    with pytest.raises(NothingToUndoError):
        undoing.undo(visit.id, clinic.uow)

    assert booking.get(visit.id, clinic.uow) == moved


def test_a_visit_goes_back_to_the_doctor_before_too(clinic, visit):
    other = clinic.add_doctor()
    booking.reschedule(visit.id, to("11:00", doctor_id=other.id), clinic.uow)

    undone = undoing.undo(visit.id, clinic.uow)

    assert (undone.time, undone.doctor_id) == (visit.time, visit.doctor_id)


@pytest.mark.parametrize("away", ["11:00", "01:30"])
@pytest.mark.parametrize(
    ("offset", "hour", "other"),
    [
        pytest.param("-04:00", 5, "-05:00", id="first"),
        pytest.param("-05:00", 6, "-04:00", id="second"),
    ],
)
def test_a_visit_goes_back_to_the_pass_of_a_repeated_hour_that_it_came_from(
    store, offset, hour, other, away
):
    clinic = open_clinic(store)
    asked = {"on": FOLD, "duration": 30, "utc_offset": offset}
    visit = booking.book(clinic.request("01:30-02:00", **asked), clinic.uow)
    pass_ = other if away == "01:30" else None
    booking.reschedule(visit.id, to(away, on=FOLD, utc_offset=pass_), clinic.uow)

    undone = undoing.undo(visit.id, clinic.uow)

    assert undone.starts_at == datetime(2026, 11, 1, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("step", "may"),
    [
        ("confirm", False),
        ("reschedule", False),
        ("cancel", False),
        ("arrive", True),
        ("complete", True),
        ("no-show", True),
    ],
)
def test_whoever_may_do_it_may_undo_it(clinic, visit, step, may):
    STEPS[step](visit.id, clinic.uow)
    doctor = clinic.by(Role.DOCTOR)
    details = schedule.visit(visit.id, doctor)
    assert details.undoable is (Step(step) if may else None)

    if may:
        assert undoing.undo(visit.id, doctor).status is Status.UNCONFIRMED
    else:
        with pytest.raises(NotPermittedError):
            undoing.undo(visit.id, doctor)


def test_a_visit_that_is_not_there_has_nothing_to_undo(clinic):
    with pytest.raises(AppointmentNotFoundError):
        undoing.undo(AppointmentId(uuid4()), clinic.uow)
