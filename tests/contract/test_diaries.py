from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from clinicflow_core.entities.appointment import Status
from clinicflow_core.entities.calendar import Calendar, DatedHours
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.entities.ids import DoctorId, PatientId
from clinicflow_core.entities.policy import DoctorPolicy, SchedulingPolicy
from clinicflow_core.entities.waitlist import Outcome
from clinicflow_core.errors import PatientNotFoundError, StoreBusyError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.scheduling.diary import BusyTime
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    Watch,
    day_hours,
    hours,
    open_clinic,
    overbooked,
    patient,
    span,
    time_off,
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
    assert diary.policy == clinic.clinic.policy
    assert diary.doctors == {clinic.doctor.id: clinic.doctor, resting.id: resting}
    assert diary.patients == {first.id: first, second.id: second}
    assert diary.calendars == {
        clinic.doctor.id: Calendar(weekly=hours("00:00-00:00")),
        resting.id: Calendar(),
    }
    assert diary.busy == (BusyTime(visit.id, clinic.doctor.id, first.id, visit.span),)


@ways
def test_the_diary_of_nobody_is_empty(way: str, clinic: OpenClinic) -> None:
    clinic.store_visit()

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)([], [], span("00:00-23:00"))

    assert (diary.doctors, diary.patients, diary.calendars) == ({}, {}, {})
    assert (diary.busy, diary.lapsed) == ((), ())


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
@pytest.mark.parametrize(
    ("who", "asked", "holds"),
    [
        ("doctor", "doctor patient", "patient"),
        ("patient", "doctor patient", "doctor"),
        ("doctor", "patient", "patient"),
        ("patient", "doctor", "doctor"),
        ("doctor", "doctor", ""),
        ("patient", "patient", ""),
        ("doctor patient", "doctor patient", ""),
    ],
)
def test_an_overbooked_visit_is_in_the_diary_of_those_whose_time_it_holds(
    way: str, who: str, asked: str, holds: str, clinic: OpenClinic
) -> None:
    visit = clinic.store_visit(override=overbooked(who=who))
    doctors = [clinic.doctor.id] if "doctor" in asked else []
    patients = [clinic.patient.id] if "patient" in asked else []

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(doctors, patients, visit.span)

    held = BusyTime(
        visit.id,
        visit.doctor_id if holds == "doctor" else None,
        visit.patient_id if holds == "patient" else None,
        visit.span,
    )
    assert diary.busy == ((held,) if holds else ())


@ways
def test_a_diary_tells_the_policies_of_the_clinic_and_of_each_doctor(
    way: str, clinic: OpenClinic
) -> None:
    other = clinic.add_doctor()
    of_clinic = SchedulingPolicy(slot_step=20, buffer_after=5, daily_limit=12)
    of_doctor = DoctorPolicy(slot_step=10)
    changed = clinic.doctor.changed({"policy": of_doctor})
    clinic.commit(
        lambda uow: uow.change_clinic(uow.clinic.changed({"policy": of_clinic}, NOW)),
        lambda uow: uow.doctors.save(changed),
    )

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id, other.id], [], span("08:00-10:00")
        )

    assert diary.policy == of_clinic
    assert diary.policy_of(other.id) == of_clinic
    assert diary.policy_of(changed.id) == of_clinic.for_doctor(of_doctor)


@ways
def test_what_the_block_changed_of_the_clinic_is_in_the_diary(
    way: str, clinic: OpenClinic
) -> None:
    changes = {"policy": SchedulingPolicy(slot_step=20), "timezone": "Asia/Kathmandu"}

    with clinic.uow as uow:
        uow.change_clinic(uow.clinic.changed(changes, NOW))
        diary = getattr(uow.diaries, way)([clinic.doctor.id], [], span("08:00-10:00"))

    assert (diary.policy, diary.zone.key) == (changes["policy"], "Asia/Kathmandu")


@ways
@pytest.mark.parametrize(
    ("days_away", "seen"),
    [
        pytest.param(-2, False, id="two days before"),
        pytest.param(-1, True, id="the day before, for what runs past midnight"),
        pytest.param(0, True, id="the day itself"),
        pytest.param(1, True, id="the day after, for visits past midnight"),
        pytest.param(2, False, id="two days after"),
    ],
)
@pytest.mark.parametrize("stretches", [("09:00-12:00", "22:00-02:00"), ()], ids=len)
def test_days_with_hours_of_their_own_are_in_a_diary_if_they_can_matter(
    way: str,
    days_away: int,
    seen: bool,
    stretches: tuple[str, ...],
    clinic: OpenClinic,
) -> None:
    other = clinic.add_doctor()
    day = DatedHours(DAY + timedelta(days=days_away), day_hours(*stretches))
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(clinic.doctor.id, day.date, day.hours)
    )

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id, other.id], [], span("08:00-10:00")
        )

    weekly = hours("00:00-00:00")
    assert diary.calendars == {
        clinic.doctor.id: Calendar(weekly, (day,) if seen else ()),
        other.id: Calendar(weekly),
    }


@ways
@pytest.mark.parametrize(
    ("starts", "ends", "seen"),
    [
        pytest.param("02-27 09:00", "02-28 23:59", False, id="over two days before"),
        pytest.param("02-27 09:00", "03-01 00:00", True, id="ends the day before"),
        pytest.param("03-02 08:00", "03-02 10:00", True, id="just the window"),
        pytest.param("02-01 00:00", "04-01 00:00", True, id="weeks around it"),
        pytest.param("03-03 23:59", "03-09 00:00", True, id="begins the day after"),
        pytest.param("03-04 00:00", "03-09 00:00", False, id="two days after"),
    ],
)
def test_time_off_is_in_a_diary_if_it_can_matter(
    way: str, starts: str, ends: str, seen: bool, clinic: OpenClinic
) -> None:
    other = clinic.add_doctor()
    off = time_off(
        clinic.doctor.id, f"2026-{starts}", f"2026-{ends}", reason="on holiday"
    )
    clinic.commit(lambda uow: uow.doctors.add_time_off(off))

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id, other.id], [], span("08:00-10:00")
        )

    assert diary.calendars[clinic.doctor.id].time_off == ((off,) if seen else ())
    assert diary.calendars[other.id].time_off == ()


@ways
def test_a_calendar_is_in_order_and_whole(way: str, clinic: OpenClinic) -> None:
    late, early = day_hours("13:00-17:00", "08:00-12:00")
    week = (
        *hours("08:00-12:00", Weekday.MONDAY),
        *hours("09:00-12:00", Weekday.FRIDAY),
    )
    days = [DatedHours(DAY + timedelta(days=n), (early, late)) for n in (-1, 0, 1)]
    off = [
        time_off(clinic.doctor.id, f"2026-03-{start}", "2026-03-03 12:00")
        for start in ("01 09:00", "02 09:00", "02 10:00")
    ]

    clinic.commit(
        lambda uow: uow.doctors.set_hours(clinic.doctor.id, week[::-1]),
        *(
            lambda uow, day=day: uow.doctors.set_dated_hours(
                clinic.doctor.id, day.date, day.hours
            )
            for day in days[::-1]
        ),
        *(lambda uow, off=each: uow.doctors.add_time_off(off) for each in off[::-1]),
    )

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)([clinic.doctor.id], [], span("08:00-10:00"))
    assert diary.calendars == {
        clinic.doctor.id: Calendar(week, tuple(days), tuple(off))
    }


@ways
@pytest.mark.parametrize("asked", ["doctor", "patient"])
def test_what_is_offered_takes_its_time_in_a_diary(
    way: str, asked: str, clinic: OpenClinic
) -> None:
    offered = clinic.store_offer("09:00-09:30")
    people = {
        "doctor": ([clinic.doctor.id], []),
        "patient": ([], [clinic.patient.id]),
    }

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(*people[asked], span("08:00-10:00"))

    held = BusyTime(
        offered.id,
        clinic.doctor.id,
        clinic.patient.id,
        span("09:00-09:30"),
        is_offer=True,
    )
    assert (diary.busy, diary.lapsed) == ((held,), ())


@ways
@pytest.mark.parametrize(
    ("minutes", "lapsed"),
    [
        pytest.param(59, False, id="before it lapses"),
        pytest.param(60, True, id="as it lapses"),
        pytest.param(61, True, id="after it has lapsed"),
    ],
)
def test_what_nobody_accepted_in_time_takes_none(
    way: str, minutes: int, lapsed: bool, clinic: OpenClinic, watch: Watch
) -> None:
    offered = clinic.store_offer("09:00-09:30", expires_at=NOW + timedelta(hours=1))
    visit = clinic.store_visit("08:00-08:30")
    watch.at = NOW + timedelta(minutes=minutes)

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], span("08:00-10:00")
        )

    found = [
        [(time.appointment_id, time.is_offer) for time in times]
        for times in (diary.busy, diary.lapsed)
    ]
    booked, held = (visit.id, False), (offered.id, True)
    assert found == ([[booked], [held]] if lapsed else [[booked, held], []])


@ways
@pytest.mark.parametrize(
    ("times", "seen"),
    [
        pytest.param("08:30-09:00", False, id="ends as the window starts"),
        pytest.param("09:30-10:30", True, id="runs out of it"),
        pytest.param("10:00-10:30", False, id="starts as it ends"),
    ],
)
def test_only_what_lapsed_in_the_window_is_told(
    way: str, times: str, seen: bool, clinic: OpenClinic
) -> None:
    lapsed = clinic.store_offer(times, expires_at=NOW)

    with clinic.uow as uow:
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], span("09:00-10:00")
        )

    assert [time.appointment_id for time in diary.lapsed] == [lapsed.id] * seen
    assert diary.busy == ()


@ways
@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.EXPIRED])
def test_an_offer_that_was_ended_is_in_no_diary(
    way: str, outcome: Outcome, clinic: OpenClinic
) -> None:
    ended = clinic.store_offer("09:00-09:30", expires_at=NOW).ended(outcome)

    with clinic.uow as uow:
        uow.waitlist.end_offer(ended)
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], span("08:00-10:00")
        )

    assert (diary.busy, diary.lapsed) == ((), ())


@ways
def test_a_lapsed_offer_that_was_let_go_of_is_in_no_diary(
    way: str, clinic: OpenClinic
) -> None:
    lapsed = clinic.store_offer("09:00-09:30", expires_at=NOW)

    with clinic.uow as uow:
        uow.waitlist.let_go(lapsed.id)
        diary = getattr(uow.diaries, way)(
            [clinic.doctor.id], [clinic.patient.id], span("08:00-10:00")
        )

    assert (diary.busy, diary.lapsed) == ((), ())


class TestADiaryOfAllDoctors:
    def test_has_them_by_name(self, clinic: OpenClinic) -> None:
        names = ["Dr. Zoe Vale", "Dr. Abel Ott", "Dr. \u00c4gir Lund", "dr. lower case"]
        doctors = [clinic.doctor, *map(clinic.add_doctor, names)]

        with clinic.uow as uow:
            diary = uow.diaries.read(None, [], span("08:00-10:00"))

        expected = sorted(doctors, key=lambda doctor: doctor.sort_key)
        assert list(diary.doctors.values()) == expected
        assert set(diary.calendars) == {doctor.id for doctor in doctors}

    def test_tells_all_that_is_told_of_each_alone(self, clinic: OpenClinic) -> None:
        other = clinic.add_doctor(week=hours("09:00-12:00"))
        resting = clinic.add_doctor("Dr. Resting", week=())
        clinic.store_visit("09:00-09:30")
        clinic.store_offer("10:00-10:30", doctor_id=other.id)
        clinic.store_offer(
            "11:00-11:30",
            clinic.store_entry(patient_id=clinic.patients[1].id),
            expires_at=NOW,
        )
        off = time_off(other.id)
        clinic.commit(
            lambda uow: uow.doctors.add_time_off(off),
            lambda uow: uow.doctors.set_dated_hours(resting.id, DAY, day_hours()),
        )
        who = [clinic.doctor.id, other.id, resting.id]

        with clinic.uow as uow:
            window = span("08:00-12:00")
            by_name = uow.diaries.read(who, [clinic.patient.id], window)
            everybody = uow.diaries.read(None, [clinic.patient.id], window)

        assert len(everybody.busy) == 2
        assert len(everybody.lapsed) == 1
        assert everybody == by_name

    def test_has_nobodys_time_in_a_clinic_without_doctors(
        self, clinic: OpenClinic
    ) -> None:
        clinic.commit(lambda uow: uow.doctors.remove(clinic.doctor.id))

        with clinic.uow as uow:
            diary = uow.diaries.read(None, [clinic.patient.id], span("08:00-10:00"))

        assert (diary.doctors, diary.calendars, diary.busy) == ({}, {}, ())
        assert list(diary.patients) == [clinic.patient.id]

    def test_does_not_do_without_a_patient_who_is_not_there(
        self, clinic: OpenClinic
    ) -> None:
        with clinic.uow as uow, pytest.raises(PatientNotFoundError):
            uow.diaries.read(None, [patient().id], span("08:00-10:00"))

    def test_has_only_so_many(
        self, clinic: OpenClinic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The second takes it from the first when it is imported.
        for module in ("sql.diaries", "ports"):
            monkeypatch.setattr(f"clinicflow_core.{module}.MOST_DOCTORS", 2)
        first = clinic.add_doctor("Dr. A")
        second = clinic.add_doctor("Dr. B")
        clinic.store_visit("09:00-09:30")

        with clinic.uow as uow:
            diary = uow.diaries.read(None, [], span("08:00-10:00"))

        assert list(diary.doctors) == [first.id, second.id]
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
    monkeypatch.setattr("clinicflow_core.memory.transaction._WAIT_SECONDS", 0.01)
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
