from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.errors import StoreBusyError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.scheduling.diary import BusyTime
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    hours,
    open_clinic,
    overbooked,
    patient,
    span,
)

ways = pytest.mark.parametrize("way", ["read", "hold"])


@ways
def test_a_diary_tells_all_that_the_rules_ask(way: str, clinic: OpenClinic) -> None:
    visit = clinic.store_visit()
    resting = clinic.add_doctor(week=())
    first, second = clinic.patients

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id, resting.id], [second.id, first.id], span("08:00-10:00")
        )

    assert diary.zone == clinic.zone
    assert diary.now == NOW
    assert diary.doctors == {clinic.doctor.id: clinic.doctor, resting.id: resting}
    assert diary.patients == {first.id: first, second.id: second}
    assert diary.hours == {clinic.doctor.id: hours("00:00-00:00"), resting.id: ()}
    assert diary.busy == (BusyTime(visit.id, clinic.doctor.id, first.id, visit.span),)


@ways
def test_the_diary_of_nobody_is_empty(way: str, clinic: OpenClinic) -> None:
    clinic.store_visit()

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)([], [], span("00:00-23:00"))

    assert (diary.doctors, diary.patients, diary.hours) == ({}, {}, {})
    assert diary.busy == ()


@ways
@pytest.mark.parametrize(
    ("times", "seen"),
    [
        pytest.param("08:00-09:00", False, id="ends as the window starts"),
        pytest.param("08:00-09:01", True, id="runs a minute into it"),
        pytest.param("08:00-12:00", True, id="around it"),
        pytest.param("09:00-10:00", True, id="just as long"),
        pytest.param("09:20-09:40", True, id="within"),
        pytest.param("09:59-10:30", True, id="starts a minute before its end"),
        pytest.param("10:00-10:30", False, id="starts as it ends"),
    ],
)
def test_a_window_is_half_open(
    way: str, times: str, seen: bool, clinic: OpenClinic
) -> None:
    visit = clinic.store_visit(times)

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], span("09:00-10:00")
        )

    assert [busy.appointment_id for busy in diary.busy] == [visit.id] * seen


@pytest.mark.parametrize("minutes", [1, 24 * 60], ids=["a minute", "a day"])
def test_a_visit_of_any_length_is_seen_to_its_last_microsecond(
    minutes: int, clinic: OpenClinic
) -> None:
    long = clinic.visit("09:00-09:30", on=DAY - timedelta(days=1))
    end = long.starts_at + timedelta(minutes=minutes)
    visit = clinic.store_visit(
        on=DAY - timedelta(days=1),
        duration=minutes,
        end_time=end.astimezone(clinic.zone).time(),
        ends_at=end,
    )
    tick = timedelta(microseconds=1)

    with clinic.uow as uow:
        last = uow.diaries.read(
            [clinic.doctor.id], [], type(visit.span)(end - tick, end)
        )
        after = uow.diaries.read(
            [clinic.doctor.id], [], type(visit.span)(end, end + tick)
        )

    assert [busy.appointment_id for busy in last.busy] == [visit.id]
    assert after.busy == ()


@ways
@pytest.mark.parametrize("status", Status)
def test_only_visits_that_hold_their_time_are_in_a_diary(
    way: str, status: Status, clinic: OpenClinic
) -> None:
    visit = clinic.store_visit(status=status)

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)([clinic.doctor.id], [], visit.span)

    assert bool(diary.busy) is visit.holds_its_time


@ways
def test_an_overbooked_visit_is_not_in_a_diary(way: str, clinic: OpenClinic) -> None:
    visit = clinic.store_visit(override=overbooked())

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], visit.span
        )

    assert diary.busy == ()


@ways
def test_a_diary_has_the_visits_of_both_sides_in_order(
    way: str, clinic: OpenClinic
) -> None:
    elsewhere = clinic.add_doctor()
    first, second = clinic.patients
    third = clinic.add_patient()
    of_patient = clinic.store_visit("11:00-11:30", doctor_id=elsewhere.id)
    of_both = clinic.store_visit("10:00-10:30")
    of_doctor = clinic.store_visit("09:00-09:30", patient_id=second.id)
    clinic.store_visit("12:00-12:30", doctor_id=elsewhere.id, patient_id=third.id)

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [first.id], span("00:00-23:00")
        )

    assert [(busy.appointment_id, busy.patient_id) for busy in diary.busy] == [
        (of_doctor.id, second.id),
        (of_both.id, first.id),
        (of_patient.id, first.id),
    ]


def test_visits_that_start_together_are_in_the_order_of_their_ids(
    clinic: OpenClinic,
) -> None:
    doctors = [clinic.doctor, *(clinic.add_doctor() for _ in range(4))]
    patients = [clinic.add_patient() for _ in doctors]
    visits = [
        clinic.store_visit(doctor_id=doctor.id, patient_id=patient.id)
        for doctor, patient in zip(doctors, patients, strict=True)
    ]

    with clinic.uow as uow:
        diary = uow.diaries.read([d.id for d in doctors], [], span("09:00-10:00"))

    assert [busy.appointment_id for busy in diary.busy] == sorted(v.id for v in visits)


@ways
def test_a_diary_shows_what_the_block_wrote_itself(
    way: str, clinic: OpenClinic
) -> None:
    moved = clinic.store_visit("14:00-14:30")
    added = clinic.visit("09:00-09:30")

    with clinic.uow as uow:
        uow.appointments.add(added)
        uow.appointments.save(moved.cancelled(NOW))
        uow.record("appointment.booked", added)
        diary = getattr(uow.diaries, way)([clinic.doctor.id], [], span("00:00-23:00"))

    assert [busy.appointment_id for busy in diary.busy] == [added.id]


@ways
def test_each_person_is_told_once_however_often_asked(
    way: str, clinic: OpenClinic
) -> None:
    visit = clinic.store_visit()

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id] * 2, [clinic.patient.id] * 2, visit.span
        )

    assert len(diary.busy) == 1


def test_people_can_be_held_again_in_the_same_block(clinic: OpenClinic) -> None:
    who = [clinic.doctor.id], [clinic.patient.id]

    with clinic.uow as uow:
        once = uow.diaries.hold(*who, span("09:00-10:00"))
        assert uow.diaries.hold(*who, span("09:00-10:00")) == once


def test_who_is_held_waits_for_the_end_of_the_block(clinic: OpenClinic) -> None:
    waiting = threading.Event()
    seen: list[int] = []

    def second() -> None:
        waiting.set()
        with clinic.unit_of_work() as uow:
            diary = uow.diaries.hold([clinic.doctor.id], [], span("00:00-23:00"))
            seen.append(len(diary.busy))

    with ThreadPoolExecutor() as pool:
        with clinic.unit_of_work() as uow:
            uow.diaries.hold([clinic.doctor.id], [], span("00:00-23:00"))
            task = pool.submit(second)
            assert waiting.wait(5)
            uow.appointments.add(clinic.visit())
            uow.commit()
        task.result(10)

    assert seen == [1]


def test_who_waits_too_long_in_memory_is_told_that_the_store_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("clinicflow_core.memory._WAIT_SECONDS", 0.01)
    clinic = open_clinic(MemoryStore())
    people: tuple[list[DoctorId], list[PatientId]] = [clinic.doctor.id], []

    with clinic.unit_of_work() as first, clinic.unit_of_work() as second:
        first.diaries.hold(*people, span("09:00-10:00"))
        with pytest.raises(StoreBusyError):
            second.diaries.hold(*people, span("09:00-10:00"))

    with clinic.unit_of_work() as later:
        later.diaries.hold(*people, span("09:00-10:00"))


def test_a_diary_shows_what_was_booked_among_other_writes(clinic: OpenClinic) -> None:
    visit = clinic.visit()

    with clinic.uow as uow:
        uow.patients.add(patient("Cy Young"))
        uow.appointments.add(visit)
        diary = uow.diaries.read([clinic.doctor.id], [clinic.patient.id], visit.span)

    assert [busy.appointment_id for busy in diary.busy] == [visit.id]
