from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from clinicflow_core.entities.appointment import CancellationType, IntakeStatus, Status
from clinicflow_core.entities.calendar import Calendar, DatedHours
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.entities.summary import SummaryStatus
from clinicflow_core.errors import DoctorNotFoundError
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.ports import LooseEnds, PageRequest
from tests.builders import (
    DAY,
    NOW,
    OPEN_ALL_WEEK,
    OpenClinic,
    Watch,
    cancellation,
    day_hours,
    overbooked,
    time_off,
)

DAYS = timedelta(days=1)
LONG_AGO = NOW - 400 * DAYS
LATER = NOW + 5 * DAYS


def read(clinic: OpenClinic, doctor_id: DoctorId | None = None) -> Any:
    """Return what is counted from of `DAY` and the day after."""
    with clinic.uow as uow:
        return uow.figures.read(DAY, DAY + DAYS, doctor_id)


def loose_ends(
    clinic: OpenClinic, doctor_id: DoctorId | None = None, limit: int = 10
) -> LooseEnds:
    with clinic.uow as uow:
        return uow.figures.loose_ends(LONG_AGO, LATER, limit, doctor_id)


def test_all_that_counts_of_a_visit_is_read(clinic: OpenClinic):
    visit = clinic.store_visit(
        "09:00-09:45",
        status=Status.CONFIRMED,
        intake_status=IntakeStatus.SENT,
        arrived=True,
        arrived_at=NOW + timedelta(seconds=7),
        created_at=NOW - DAYS,
    )

    [found] = read(clinic).visits

    assert found == CountedVisit(
        id=visit.id,
        doctor_id=visit.doctor_id,
        patient_id=visit.patient_id,
        date=visit.date,
        start_time=visit.start_time,
        end_time=visit.end_time,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        status=Status.CONFIRMED,
        intake_status=IntakeStatus.SENT,
        booked_at=NOW - DAYS,
        arrived_at=NOW + timedelta(seconds=7),
    )


@pytest.mark.parametrize("status", Status)
def test_visits_in_every_status_are_read_by_start(clinic: OpenClinic, status: Status):
    later = clinic.store_visit("11:00-11:30", status=status)
    earlier = clinic.store_visit("09:00-09:30", status=status)
    beside = clinic.store_visit(
        "11:10-11:20", status=status, override=overbooked(who="doctor patient")
    )

    found = read(clinic).visits

    assert [visit.id for visit in found] == [earlier.id, later.id, beside.id]


def test_the_two_days_before_can_run_into_the_first_one(clinic: OpenClinic):
    stored = {n: clinic.store_visit(on=DAY + n * DAYS) for n in range(-3, 3)}

    found = read(clinic).visits

    assert [visit.id for visit in found] == [stored[n].id for n in (-2, -1, 0, 1)]


def test_what_is_only_offered_is_no_visit(clinic: OpenClinic):
    clinic.store_offer("09:00-09:30")

    assert read(clinic).visits == ()
    assert loose_ends(clinic).open_count == 0


def test_doctors_are_read_by_name_with_their_calendars(clinic: OpenClinic):
    off = time_off(clinic.doctor.id, "2026-03-03 09:00", "2026-03-05 12:00")
    resting = clinic.add_doctor("Dr. Ada Quiet", week=())
    clinic.commit(
        lambda uow: uow.doctors.add_time_off(off),
        lambda uow: uow.doctors.set_dated_hours(
            clinic.doctor.id, DAY, day_hours("10:00-12:00")
        ),
    )

    found = read(clinic)

    assert list(found.doctors.values()) == [resting, clinic.doctor]
    assert found.calendars == {
        resting.id: Calendar(),
        clinic.doctor.id: Calendar(
            weekly=OPEN_ALL_WEEK,
            dated=(DatedHours(DAY, day_hours("10:00-12:00")),),
            time_off=(off,),
        ),
    }


def test_one_doctor_is_read_alone(clinic: OpenClinic):
    other = clinic.add_doctor()
    theirs = clinic.store_visit(doctor_id=other.id, patient_id=clinic.patients[1].id)
    clinic.store_visit()

    found = read(clinic, other.id)

    assert list(found.doctors) == list(found.calendars) == [other.id]
    assert [visit.id for visit in found.visits] == [theirs.id]


def test_a_doctor_who_is_not_there_is_not_found(clinic: OpenClinic, other: OpenClinic):
    for doctor_id in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            read(clinic, doctor_id)


def test_another_clinics_visits_are_not_counted(clinic: OpenClinic, other: OpenClinic):
    visit = other.store_visit()
    other.store_summary(
        other.store_form(appointment_id=visit.id), status=SummaryStatus.GENERATED
    )

    assert read(clinic).visits == ()
    assert loose_ends(clinic) == LooseEnds(open=(), open_count=0, unsigned_count=0)


def test_the_completion_that_was_noted_is_read(clinic: OpenClinic, watch: Watch):
    visit = clinic.store_visit(status=Status.COMPLETED)
    watch.at = NOW + DAYS
    for kind in ("appointment.completed", "appointment.changed"):
        clinic.commit(lambda uow, kind=kind: uow.record(kind, visit))
        watch.at += timedelta(hours=1)

    [found] = read(clinic).visits

    assert found.completed_at == NOW + DAYS


def test_a_completion_that_was_undone_is_none(clinic: OpenClinic):
    visit = clinic.store_visit()
    clinic.commit(lambda uow: uow.record("appointment.completed", visit))

    [found] = read(clinic).visits

    assert found.completed_at is None


@pytest.mark.parametrize(
    ("status", "lates", "is_late"),
    [
        pytest.param(Status.CANCELLED, [], False, id="imported"),
        pytest.param(Status.CANCELLED, [True], True, id="late"),
        pytest.param(Status.CANCELLED, [False], False, id="in time"),
        pytest.param(Status.CANCELLED, [True, False], False, id="the last one counts"),
        pytest.param(Status.CANCELLED, [False, True], True, id="late the second time"),
        pytest.param(Status.CONFIRMED, [True], False, id="reinstated"),
    ],
)
def test_a_visit_is_cancelled_late_if_its_last_cancellation_was(
    clinic: OpenClinic, status: Status, lates: list[bool], is_late: bool
):
    visit = clinic.store_visit(status=status)
    for number, late in enumerate(lates):
        made = cancellation(
            visit,
            late=late,
            created_at=NOW + number * DAYS,
            cancellation_type=CancellationType.OTHER,
        )
        clinic.commit(lambda uow, made=made: uow.appointments.cancel(made))

    [found] = read(clinic).visits

    assert found.cancelled_late is is_late


@pytest.mark.parametrize(
    ("fields", "awaits"),
    [
        pytest.param({"status": SummaryStatus.GENERATING}, False, id="being made"),
        pytest.param({"status": SummaryStatus.GENERATED}, True, id="made"),
        pytest.param({"status": SummaryStatus.FAILED}, True, id="made in its place"),
        pytest.param({"status": SummaryStatus.EDITED}, True, id="edited"),
        pytest.param(
            {"status": SummaryStatus.GENERATED, "signed_at": NOW}, False, id="signed"
        ),
        pytest.param(
            {"status": SummaryStatus.GENERATED, "superseded_at": NOW},
            False,
            id="replaced",
        ),
    ],
)
def test_a_summary_awaits_a_signature_once_it_is_made(
    clinic: OpenClinic, fields: dict[str, Any], awaits: bool
):
    visit = clinic.store_visit()
    clinic.store_summary(clinic.store_form(appointment_id=visit.id), **fields)
    clinic.store_summary(clinic.store_form(), status=SummaryStatus.GENERATED)

    [found] = read(clinic).visits

    assert found.awaits_signature is awaits
    assert loose_ends(clinic).unsigned_count == awaits


@pytest.mark.parametrize(
    ("status", "is_open"),
    [
        pytest.param(status, is_open, id=status.value)
        for status, is_open in (
            (Status.UNCONFIRMED, True),
            (Status.CONFIRMED, True),
            (Status.COMPLETED, False),
            (Status.NO_SHOW, False),
            (Status.CANCELLED, False),
        )
    ],
)
def test_a_visit_that_is_over_is_open_until_somebody_settles_it(
    clinic: OpenClinic, status: Status, is_open: bool
):
    clinic.store_visit(status=status)

    assert loose_ends(clinic).open_count == len(loose_ends(clinic).open) == is_open


def store_three(clinic: OpenClinic) -> list[Any]:
    return [clinic.store_visit(on=DAY + n * DAYS) for n in range(3)]


def test_open_visits_are_counted_all_and_shown_from_the_latest(clinic: OpenClinic):
    _, second, third = store_three(clinic)

    found = loose_ends(clinic, limit=2)

    assert [visit.id for visit in found.open] == [third.id, second.id]
    assert found.open_count == 3


@pytest.mark.parametrize(
    ("since", "now", "open_count"),
    [
        pytest.param(0, 1, 3, id="all"),
        pytest.param(1, 1, 2, id="from the second on"),
        pytest.param(0, 0, 2, id="before the last has ended"),
    ],
)
def test_only_what_started_since_then_and_is_over_is_open(
    clinic: OpenClinic, since: int, now: int, open_count: int
):
    first, second, third = store_three(clinic)

    with clinic.uow as uow:
        found = uow.figures.loose_ends(
            (first, second)[since].starts_at,
            third.ends_at - (1 - now) * timedelta(seconds=1),
            10,
        )

    assert found.open_count == open_count


def test_summaries_of_visits_long_ago_are_not_counted(clinic: OpenClinic):
    visit = clinic.store_visit()
    clinic.store_summary(
        clinic.store_form(appointment_id=visit.id), status=SummaryStatus.GENERATED
    )

    with clinic.uow as uow:
        found = uow.figures.loose_ends(visit.starts_at + DAYS, LATER, 10)

    assert found.unsigned_count == 0


def test_loose_ends_are_told_for_one_doctor_alone(clinic: OpenClinic):
    other = clinic.add_doctor()
    theirs = clinic.store_visit(doctor_id=other.id, patient_id=clinic.patients[1].id)
    ours = clinic.store_visit()
    for visit in (theirs, ours):
        form = clinic.store_form(appointment_id=visit.id, patient_id=visit.patient_id)
        clinic.store_summary(form, status=SummaryStatus.GENERATED)

    found = loose_ends(clinic, other.id)

    assert [visit.id for visit in found.open] == [theirs.id]
    assert (found.open_count, found.unsigned_count) == (1, 1)


# What happened


def happened(clinic: OpenClinic, *kinds: str) -> list[Any]:
    visit = clinic.store_visit()
    for kind in kinds:
        clinic.commit(lambda uow, kind=kind: uow.record(kind, visit))
    return [visit]


def kinds_of(page: Any) -> list[str]:
    return [event.kind for event in page.items]


def test_events_are_shown_by_kind_and_from_the_newest(clinic: OpenClinic):
    happened(clinic, "visit.one", "visit.two", "visit.three")

    with clinic.uow as uow:
        found = uow.events.page({"visit.one", "visit.three"}, PageRequest())

    assert kinds_of(found) == ["visit.three", "visit.one"]
    assert found.next is None


def test_events_go_on_where_a_page_ended_whatever_happens_meanwhile(
    clinic: OpenClinic,
):
    [visit] = happened(clinic, "visit.one", "visit.two", "visit.three")
    kinds = {"visit.one", "visit.two", "visit.three", "visit.four"}
    with clinic.uow as uow:
        first = uow.events.page(kinds, PageRequest(limit=2))
    clinic.commit(lambda uow: uow.record("visit.four", visit))

    with clinic.uow as uow:
        second = uow.events.page(kinds, PageRequest(first.next, limit=2))

    assert kinds_of(first) == ["visit.three", "visit.two"]
    assert kinds_of(second) == ["visit.one"]
    assert second.next is None


def test_after_an_event_of_nobody_or_of_another_clinic_there_is_none(
    clinic: OpenClinic, other: OpenClinic
):
    happened(clinic, "visit.one")
    happened(other, "visit.one")
    with other.uow as uow:
        [theirs] = uow.events.page({"visit.one"}, PageRequest()).items

    with clinic.uow as uow:
        for event_id in (theirs.id, uuid4()):
            found = uow.events.page({"visit.one"}, PageRequest((str(event_id),)))
            assert found.items == ()


def test_events_of_one_doctors_visits_are_shown_alone(clinic: OpenClinic):
    other = clinic.add_doctor()
    theirs = clinic.store_visit(doctor_id=other.id, patient_id=clinic.patients[1].id)
    for record in (theirs, clinic.store_visit(), clinic.patient):
        clinic.commit(lambda uow, record=record: uow.record("visit.one", record))

    with clinic.uow as uow:
        found = uow.events.page({"visit.one"}, PageRequest(), other.id)

    assert [event.record_id for event in found.items] == [theirs.id]
