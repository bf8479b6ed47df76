from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from clinicflow_core.duplicates import match_keys
from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.calendar import DatedHours, DayStretch
from clinicflow_core.entities.doctor import Weekday, WorkingHours
from clinicflow_core.entities.ids import AppointmentId, TimeOffId, WaitlistId
from clinicflow_core.entities.patient import search_words
from clinicflow_core.entities.waitlist import Outcome, WaitlistStatus
from clinicflow_core.ports import (
    MOST_COMPARED,
    AppointmentFilter,
    FormFilter,
    Page,
    PageRequest,
    Store,
    UnitOfWork,
)
from tests.builders import (
    DAY,
    NOW,
    OpenClinic,
    cancellation,
    clinic,
    clock,
    day_hours,
    doctor,
    offer,
    open_clinic,
    patient,
    questionnaire,
    time_off,
    user,
)

ALL = PageRequest(limit=200)
TEXTS = [
    "Abel",
    "abel",
    "Zoe",
    "Äbel",
    "A\u0308bel",
    "Éa",
    "Ea",
    "émile",
    "Łucja",
    "ßen",
    "Straße",
    "Strasse",
    "İnci",
    "ındır",  # noqa: RUF001  Turkish, which has a case of its own.
    "Żaneta",
    "李",
    "Ω",
    "Aa",
    "A a",
    "A-a",
    "A'a",
    "_a",
    "%",
    "0",
    "\u200fאב",
    "\ufffd",
    "\U0001f642",
    "\U00020000",
    " lead",
]
"""Names that databases sort each in their own way, unless told."""

Turn = Callable[[UnitOfWork, PageRequest], Page[Any]]


def stored(clinic: OpenClinic, kind: str, records: Sequence[Any]) -> None:
    shuffled = random.Random(1).sample(records, len(records))
    clinic.commit(
        *(lambda uow, r=record: getattr(uow, kind).add(r) for record in shuffled)
    )


def all_pages(uow: UnitOfWork, turn: Turn, limit: int) -> list[tuple[Any, ...]]:
    page = turn(uow, PageRequest(limit=limit))
    pages = [page.items]
    while page.next is not None:
        assert len(pages) < 1000, "the pages never end"
        page = turn(uow, PageRequest(after=page.next, limit=limit))
        pages.append(page.items)
    return pages


def doctors(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    added = [doctor(name) for name in [*TEXTS, "Abel", "Äbel", "\U0001f642"]]
    stored(clinic, "doctors", added)
    return lambda uow, request: uow.doctors.page(request), [clinic.doctor, *added]


def patients(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    added = [
        patient(first_name=first, last_name=last)
        for position, last in enumerate(TEXTS)
        for first in (TEXTS[-position], "Ann", "Ann", "ann")
    ]
    stored(clinic, "patients", added)
    turn: Turn = lambda uow, request: uow.patients.page([], request)  # noqa: E731
    return turn, [*clinic.patients, *added]


def users(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    added = [user(clinic.id, name=name) for name in [*TEXTS, "Abel", "Äbel"]]
    stored(clinic, "users", added)
    return lambda uow, request: uow.users.page(request), [clinic.owner, *added]


def visits(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    """Return visits of which many start at the same instant, or a microsecond later."""
    added = [
        clinic.visit(
            "09:00-09:30",
            DAY + timedelta(days=day),
            status=Status.CANCELLED,
            patient_id=clinic.patients[number % 2].id,
        )
        for day in (0, 1, 300, -400)
        for number in range(6)
    ]
    stored(clinic, "appointments", added)
    which = AppointmentFilter()
    return lambda uow, request: uow.appointments.page(which, request), added


def waitlist(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    """Return entries, urgent or not, of which many were made at the same instant."""
    instants = [NOW, NOW + timedelta(microseconds=1), NOW - timedelta(days=400)]
    added = [
        clinic.entry(urgent=urgent, created_at=at, status=status)
        for urgent in (False, True)
        for at in instants
        for status in WaitlistStatus
    ]
    stored(clinic, "waitlist", added)
    return lambda uow, request: uow.waitlist.page(None, request), added


def questionnaires(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    """Return versions of a few names, so many that they sort otherwise as text."""
    added = [
        questionnaire(name, version=version)
        for name in ("intake", "phq-9", "a.b", "a-b", "ab")
        for version in (1, 2, 9, 10, 11, 2**31 - 1)
    ]
    stored(clinic, "questionnaires", added)
    return lambda uow, request: uow.questionnaires.page(request), added


def forms(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    """Return forms of which many were made at the same instant."""
    instants = [NOW, NOW + timedelta(microseconds=1), NOW - timedelta(days=400)]
    added = [clinic.form(created_at=at) for at in instants for _ in range(4)]
    stored(clinic, "intake_forms", added)
    which = FormFilter()
    return lambda uow, request: uow.intake_forms.page(which, request), added


def jobs(clinic: OpenClinic) -> tuple[Turn, list[Any]]:
    """Return jobs that can all be done now, and some that can be done later."""
    with clinic.uow as uow:
        for _ in range(9):
            uow.record("form.listed", clinic.clinic)
            uow.record("form.not-listed", clinic.clinic)
        uow.commit()
    kinds = ["form.listed", "form.nowhere"]
    with clinic.uow as uow:
        added = list(uow.jobs.page(kinds, None, ALL).items)
        for number, job in enumerate(added[:4]):
            later = NOW + timedelta(microseconds=number)
            added[number] = evolve(job, available_at=later)
            uow.jobs.save(added[number])
        uow.commit()
    return lambda uow, request: uow.jobs.page(kinds, None, request), added


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
@pytest.mark.parametrize(
    "listed",
    [doctors, patients, users, visits, waitlist, questionnaires, forms, jobs],
)
def test_a_list_is_read_page_by_page_in_the_order_of_its_sort_key(
    listed: Callable[[OpenClinic], tuple[Turn, list[Any]]],
    limit: int,
    clinic: OpenClinic,
) -> None:
    turn, records = listed(clinic)
    ordered = sorted(records, key=lambda record: record.sort_key)

    with clinic.uow as uow:
        pages = all_pages(uow, turn, limit)

    assert [record for page in pages for record in page] == ordered
    assert {len(page) for page in pages[:-1]} <= {limit}


@pytest.mark.parametrize("limit", [1, 2], ids=["shorter", "just as long"])
def test_only_the_last_page_has_no_next(limit: int, clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        page = uow.patients.page([], PageRequest(limit=limit))

    first, second = clinic.patients
    assert (
        page
        == {
            1: Page((first,), first.sort_key),
            2: Page((first, second), None),
        }[limit]
    )


def test_a_list_of_nothing_is_one_empty_page(clinic: OpenClinic) -> None:
    with clinic.uow as uow:
        assert uow.appointments.page(AppointmentFilter(), ALL) == Page((), None)
        assert uow.patients.page(["nobody"], ALL) == Page((), None)


def test_visits_are_found_by_their_ids(clinic: OpenClinic, store: Store) -> None:
    first, second = clinic.store_visit(), clinic.store_visit("10:00-10:30")
    offered = clinic.store_offer("11:00-11:30").id
    elsewhere = open_clinic(store).store_visit()

    asked = {second.id, offered, elsewhere.id, AppointmentId(uuid4())}
    with clinic.uow as uow:
        assert uow.appointments.known(asked) == {second.id: second}
        assert uow.appointments.known([first.id, second.id]) == {
            first.id: first,
            second.id: second,
        }
        assert uow.appointments.known(()) == {}


def test_a_page_goes_on_after_a_record_that_went_away(clinic: OpenClinic) -> None:
    first, second = clinic.patients
    with clinic.uow as uow:
        page = uow.patients.page([], PageRequest(limit=1))

    clinic.commit(lambda uow: uow.patients.remove(first.id))

    with clinic.uow as uow:
        rest = uow.patients.page([], PageRequest(after=page.next, limit=1))
    assert rest == Page((second,), None)


def test_visits_are_listed_by_instant_to_the_microsecond(clinic: OpenClinic) -> None:
    later = timedelta(microseconds=1)
    base = clinic.visit(status=Status.CANCELLED)
    added = [
        clinic.visit(
            status=Status.CANCELLED,
            starts_at=base.starts_at + later * number,
            ends_at=base.ends_at + later * number,
        )
        for number in (0, 1, 2, 10, 100000, 999999)
    ]
    stored(clinic, "appointments", added)

    with clinic.uow as uow:
        pages = all_pages(
            uow, lambda uow, r: uow.appointments.page(AppointmentFilter(), r), 2
        )

    assert [visit for page in pages for visit in page] == added


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("ann", ["Ann O'Neil", "Joanna Lee"], id="part of a name"),
        pytest.param("lee jo", ["Joanna Lee"], id="both words, in any order"),
        pytest.param("oneil", [], id="as it is written only"),
        pytest.param("o'neil", ["Ann O'Neil"], id="a quote"),
        pytest.param("ANN@EXAMPLE.ORG", ["Ann O'Neil"], id="e-mail"),
        pytest.param("0100", ["Ann O'Neil"], id="digits of the phone"),
        pytest.param("(555) 01-00", ["Ann O'Neil"], id="the phone in another format"),
        pytest.param("1980-12-31", ["Joanna Lee"], id="birth date"),
        pytest.param("Müller", ["Ida Muller", "Ida Müller"], id="with an accent"),
        pytest.param("muller", ["Ida Muller", "Ida Müller"], id="without an accent"),
        pytest.param("STRASSE", ["Max Straße"], id="without case"),
        pytest.param("%", ["Per %cent_"], id="a wildcard of SQL"),
        pytest.param("_", ["Per %cent_"], id="another wildcard of SQL"),
        pytest.param("\\", [], id="a backslash"),
        pytest.param("/", [], id="the escape character"),
        pytest.param("\U0001f642", ["Smi \U0001f642"], id="emoji"),
    ],
)
def test_patients_are_found_by_words(
    query: str, found: list[str], clinic: OpenClinic
) -> None:
    stored(
        clinic,
        "patients",
        [
            patient("Ann O'Neil", email="ann@example.org", phone="555-0100"),
            patient("Joanna Lee", date_of_birth=DAY.replace(1980, 12, 31)),
            patient("Ida Müller"),
            patient("Ida Muller"),
            patient("Max Straße"),
            patient("Per %cent_"),
            patient("Smi \U0001f642"),
        ],
    )

    with clinic.uow as uow:
        page = uow.patients.page(search_words(query), ALL)

    assert sorted(p.full_name for p in page.items) == found


@pytest.mark.parametrize(
    ("which", "found"),
    [
        pytest.param({}, "abcd", id="all"),
        pytest.param({"first": DAY}, "bcd", id="from a day on"),
        pytest.param({"last": DAY}, "abc", id="up to a day"),
        pytest.param({"first": DAY, "last": DAY}, "bc", id="one day"),
        pytest.param({"doctor_id": "other"}, "c", id="a doctor"),
        pytest.param({"patient_id": "other"}, "b", id="a patient"),
        pytest.param({"status": Status.CANCELLED}, "d", id="a status"),
        pytest.param({"intake_status": IntakeStatus.SENT}, "a", id="an intake status"),
        pytest.param({"first": DAY, "patient_id": "other"}, "b", id="several"),
        pytest.param({"doctor_id": "other", "patient_id": "other"}, "", id="none"),
    ],
)
def test_visits_are_found_by_all_that_is_asked(
    which: dict[str, Any], found: str, clinic: OpenClinic
) -> None:
    others = {
        "doctor_id": clinic.add_doctor().id,
        "patient_id": clinic.patients[1].id,
    }
    visits = {
        "a": clinic.store_visit(
            on=DAY - timedelta(days=1), intake_status=IntakeStatus.SENT
        ),
        "b": clinic.store_visit("10:00-10:30", patient_id=others["patient_id"]),
        "c": clinic.store_visit("23:00-00:30", doctor_id=others["doctor_id"]),
        "d": clinic.store_visit(on=DAY + timedelta(days=1), status=Status.CANCELLED),
    }
    asked = {
        name: others[name] if value == "other" else value
        for name, value in which.items()
    }

    with clinic.uow as uow:
        page = uow.appointments.page(AppointmentFilter(**asked), ALL)

    assert page.items == tuple(visits[letter] for letter in found)


def test_hours_are_in_the_order_of_the_week(clinic: OpenClinic) -> None:
    week = [
        WorkingHours(weekday, clock(start), clock(end))
        for weekday, start, end in [
            (Weekday.MONDAY, "08:00", "12:00"),
            (Weekday.MONDAY, "13:00", "17:30"),
            (Weekday.WEDNESDAY, "09:00", "12:00"),
            (Weekday.FRIDAY, "22:00", "06:00"),
            (Weekday.SUNDAY, "12:00", "12:30"),
        ]
    ]

    clinic.commit(lambda uow: uow.doctors.set_hours(clinic.doctor.id, week[::-1]))

    with clinic.uow as uow:
        assert uow.doctors.hours_of(clinic.doctor.id) == tuple(week)
        assert uow.doctors.hours_of_all([clinic.doctor.id]) == {
            clinic.doctor.id: tuple(week)
        }


def test_setting_hours_replaces_them(clinic: OpenClinic) -> None:
    other = clinic.add_doctor()
    new = (WorkingHours(Weekday.MONDAY, clock("00:00"), clock("10:00")),)

    clinic.commit(lambda uow: uow.doctors.set_hours(clinic.doctor.id, new))

    with clinic.uow as uow:
        found = uow.doctors.hours_of_all([clinic.doctor.id, other.id])
    assert found[clinic.doctor.id] == new
    assert len(found[other.id]) == 7


def test_a_doctor_can_have_no_hours(clinic: OpenClinic) -> None:
    clinic.commit(lambda uow: uow.doctors.set_hours(clinic.doctor.id, ()))

    with clinic.uow as uow:
        assert uow.doctors.hours_of(clinic.doctor.id) == ()
        assert uow.doctors.hours_of_all([clinic.doctor.id]) == {clinic.doctor.id: ()}
        assert uow.doctors.hours_of_all([]) == {}


def test_a_removed_doctor_leaves_no_hours(clinic: OpenClinic) -> None:
    clinic.commit(lambda uow: uow.doctors.remove(clinic.doctor.id))
    clinic.commit(lambda uow: uow.doctors.add(clinic.doctor))

    with clinic.uow as uow:
        assert uow.doctors.hours_of(clinic.doctor.id) == ()


def test_days_with_hours_of_their_own_are_told_by_date_from_the_first_to_the_last(
    clinic: OpenClinic,
) -> None:
    days = [DatedHours(DAY + timedelta(days=n), day_hours()) for n in range(-2, 3)]
    other = clinic.add_doctor()
    clinic.commit(
        *(
            lambda uow, on=day.date: uow.doctors.set_dated_hours(
                clinic.doctor.id, on, ()
            )
            for day in days[::-1]
        ),
        lambda uow: uow.doctors.set_dated_hours(
            other.id, DAY, day_hours("09:00-10:00")
        ),
    )

    with clinic.uow as uow:
        found = uow.doctors.dated_hours_of(clinic.doctor.id, days[1].date, days[3].date)
        none = uow.doctors.dated_hours_of(clinic.doctor.id, days[3].date, days[1].date)

    assert found == tuple(days[1:4])
    assert none == ()


def test_the_stretches_of_a_day_keep_their_order(clinic: OpenClinic) -> None:
    stretches = day_hours("13:00-17:00", "08:00-12:00", "22:00-02:00")

    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(clinic.doctor.id, DAY, stretches)
    )

    with clinic.uow as uow:
        [day] = uow.doctors.dated_hours_of(clinic.doctor.id, DAY, DAY)
    assert day.hours == stretches


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        pytest.param(None, (), id="the weekly ones again"),
        pytest.param((), (DatedHours(DAY),), id="none"),
        pytest.param(
            day_hours("10:00-11:00"),
            (DatedHours(DAY, day_hours("10:00-11:00")),),
            id="fewer",
        ),
    ],
)
def test_setting_the_hours_of_a_day_replaces_them(
    hours: tuple[DayStretch, ...] | None,
    found: tuple[DatedHours, ...],
    clinic: OpenClinic,
) -> None:
    doctor_id, tomorrow = clinic.doctor.id, DAY + timedelta(days=1)
    before = day_hours("09:00-12:00", "13:00-17:00", "18:00-19:00")
    clinic.commit(
        lambda uow: uow.doctors.set_dated_hours(doctor_id, DAY, before),
        lambda uow: uow.doctors.set_dated_hours(doctor_id, tomorrow, before),
    )

    clinic.commit(lambda uow: uow.doctors.set_dated_hours(doctor_id, DAY, hours))

    with clinic.uow as uow:
        assert uow.doctors.dated_hours_of(doctor_id, DAY, DAY) == found
        assert uow.doctors.dated_hours_of(doctor_id, tomorrow, tomorrow) == (
            DatedHours(tomorrow, before),
        )
        assert len(uow.doctors.hours_of(doctor_id)) == 7


def test_time_off_is_told_by_start_until_it_is_over(clinic: OpenClinic) -> None:
    low, high = TimeOffId(UUID(int=1)), TimeOffId(UUID(int=2))
    told = [
        time_off(clinic.doctor.id, f"2026-{starts}", f"2026-{ends}", **fields)
        for starts, ends, fields in [
            ("02-01 00:00", "03-02 00:00", {}),
            ("03-02 08:00", "03-02 09:00", {"id": low}),
            ("03-02 08:00", "03-02 09:00", {"id": high}),
            ("03-02 08:01", "03-02 08:02", {}),
            ("03-03 00:00", "03-09 00:00", {}),
        ]
    ]
    over = time_off(clinic.doctor.id, "2026-02-01 00:00", "2026-03-01 23:59")
    others = time_off(clinic.add_doctor().id)

    clinic.commit(
        *(
            lambda uow, off=each: uow.doctors.add_time_off(off)
            for each in (over, others, *told[::-1])
        )
    )

    with clinic.uow as uow:
        assert uow.doctors.time_off_of(clinic.doctor.id, DAY) == tuple(told)
        assert uow.doctors.time_off_of(clinic.doctor.id, DAY + timedelta(days=8)) == ()


def test_only_so_much_time_off_is_listed(
    clinic: OpenClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second takes it from the first when it is imported.
    for module in ("sql.doctors", "ports"):
        monkeypatch.setattr(f"clinicflow_core.{module}.MOST_TIME_OFF", 2)
    first, second, third = (
        time_off(clinic.doctor.id, f"2026-03-0{day} 09:00", f"2026-03-0{day} 17:00")
        for day in (3, 4, 5)
    )
    clinic.commit(
        lambda uow: uow.doctors.add_time_off(third),
        lambda uow: uow.doctors.add_time_off(second),
        lambda uow: uow.doctors.add_time_off(first),
    )

    with clinic.uow as uow:
        assert uow.doctors.time_off_of(clinic.doctor.id, DAY) == (first, second)


def test_doctors_of_a_specialty_are_told_by_name_and_only_so_many(
    clinic: OpenClinic,
) -> None:
    alike = [
        doctor(name, specialty="Cardiology") for name in ("Dr. A", "Dr. B", "Dr. C")
    ]
    others = [doctor(specialty=each) for each in ("cardiology", "Cardiology ", None)]
    stored(clinic, "doctors", [*alike, *others])

    with clinic.uow as uow:
        assert uow.doctors.of_specialty("Cardiology", 200) == tuple(alike)
        assert uow.doctors.of_specialty("Cardiology", 2) == tuple(alike[:2])
        assert uow.doctors.of_specialty("Dermatology", 200) == ()


def test_the_visits_of_a_series_are_told_by_start_whatever_became_of_them(
    clinic: OpenClinic,
) -> None:
    series, other = clinic.series(), clinic.series()
    clinic.commit(
        lambda uow: uow.appointments.add_series(series),
        lambda uow: uow.appointments.add_series(other),
    )
    last, first, cancelled = (
        clinic.store_visit(times, series_id=series.id, status=status)
        for times, status in [
            ("11:00-11:30", Status.CONFIRMED),
            ("09:00-09:30", Status.COMPLETED),
            ("10:00-10:30", Status.CANCELLED),
        ]
    )
    clinic.store_visit("12:00-12:30", series_id=other.id)
    clinic.store_visit("13:00-13:30")

    with clinic.uow as uow:
        assert uow.appointments.of_series(series.id) == (first, cancelled, last)
        assert uow.appointments.of_series(clinic.series().id) == ()


def test_the_visits_of_series_with_a_doctor_are_told_whoever_has_them_by_now(
    clinic: OpenClinic,
) -> None:
    deputy = clinic.add_doctor()
    ours, also_ours = clinic.series(), clinic.series()
    theirs = clinic.series(doctor_id=deputy.id)
    clinic.commit(
        *(
            lambda uow, each=series: uow.appointments.add_series(each)
            for series in (ours, also_ours, theirs)
        )
    )
    last = clinic.store_visit("11:00-11:30", series_id=ours.id)
    first = clinic.store_visit(
        "09:00-09:30", series_id=also_ours.id, doctor_id=deputy.id
    )
    clinic.store_visit("12:00-12:30", series_id=theirs.id)
    clinic.store_visit("13:00-13:30")

    with clinic.uow as uow:
        found = uow.appointments.of_series_with(clinic.doctor.id, 200)
        assert uow.appointments.of_series_with(clinic.doctor.id, 1) == (first,)

    assert found == (first, last)


@pytest.mark.parametrize("status", WaitlistStatus)
def test_the_waitlist_is_told_by_status(
    status: WaitlistStatus, clinic: OpenClinic
) -> None:
    entries = {each: clinic.store_entry(status=each) for each in WaitlistStatus}

    with clinic.uow as uow:
        assert uow.waitlist.page(status, ALL) == Page((entries[status],), None)


def suiting(first: int, last: int) -> dict[str, date]:
    """Return the days that suit, counted from `DAY`."""
    return {
        "first_date": DAY + timedelta(days=first),
        "last_date": DAY + timedelta(days=last),
    }


@pytest.mark.parametrize(
    ("waits", "found"),
    [
        pytest.param({}, True, id="for anybody"),
        pytest.param({"doctor_id": "ours"}, True, id="for this doctor"),
        pytest.param({"doctor_id": "other"}, False, id="for another doctor"),
        pytest.param({"status": WaitlistStatus.OFFERED}, False, id="has an offer"),
        pytest.param({"status": WaitlistStatus.BOOKED}, False, id="is booked"),
        pytest.param({"status": WaitlistStatus.WITHDRAWN}, False, id="withdrawn"),
        pytest.param(suiting(0, 0), True, id="the first day alone"),
        pytest.param(suiting(2, 2), True, id="the last day alone"),
        pytest.param(suiting(-9, 9), True, id="weeks around"),
        pytest.param(suiting(-9, -1), False, id="days before"),
        pytest.param(suiting(3, 9), False, id="days after"),
    ],
)
def test_who_waits_for_a_time_is_told(
    waits: dict[str, Any], found: bool, clinic: OpenClinic
) -> None:
    doctors = {"ours": clinic.doctor.id, "other": clinic.add_doctor().id}
    if "doctor_id" in waits:
        waits = {"doctor_id": doctors[waits["doctor_id"]]}
    entry = clinic.store_entry(**waits)

    with clinic.uow as uow:
        last = DAY + timedelta(days=2)
        waiting = uow.waitlist.waiting(clinic.doctor.id, DAY, last, 200)

    assert waiting == (entry,) * found


def test_who_waits_is_told_in_the_order_of_the_ranking_and_only_so_many(
    clinic: OpenClinic,
) -> None:
    earlier, later = NOW - timedelta(days=1), NOW
    low, high = WaitlistId(UUID(int=1)), WaitlistId(UUID(int=2))
    of_doctor = {"doctor_id": clinic.doctor.id}
    ranked = [
        clinic.entry(urgent=True, created_at=earlier, **of_doctor),
        clinic.entry(urgent=True, created_at=later, **of_doctor),
        clinic.entry(created_at=earlier, **of_doctor),
        clinic.entry(created_at=later, id=low, **of_doctor),
        clinic.entry(created_at=later, id=high, **of_doctor),
    ]
    stored(clinic, "waitlist", ranked)

    with clinic.uow as uow:
        for found in (
            uow.waitlist.waiting(clinic.doctor.id, DAY, DAY, 200),
            uow.waitlist.of_patient(clinic.patient.id),
            uow.waitlist.of_doctor(clinic.doctor.id),
        ):
            assert found == tuple(ranked)
        first = uow.waitlist.waiting(clinic.doctor.id, DAY, DAY, 2)
    assert first == tuple(ranked[:2])


def test_entries_are_told_of_one_patient_and_of_one_doctor(clinic: OpenClinic) -> None:
    first, second = clinic.patients
    nobodys = clinic.add_doctor()
    of_first = clinic.store_entry(doctor_id=clinic.doctor.id)
    of_second = clinic.store_entry(
        patient_id=second.id, status=WaitlistStatus.WITHDRAWN
    )

    with clinic.uow as uow:
        assert uow.waitlist.of_patient(first.id) == (of_first,)
        assert uow.waitlist.of_patient(second.id) == (of_second,)
        assert uow.waitlist.of_doctor(clinic.doctor.id) == (of_first,)
        assert uow.waitlist.of_doctor(nobodys.id) == ()


def test_offers_are_told_oldest_first(clinic: OpenClinic) -> None:
    entry, other = clinic.store_entry(), clinic.store_entry()
    low, high = AppointmentId(UUID(int=1)), AppointmentId(UUID(int=2))
    offers = []
    for number, key in enumerate([AppointmentId(uuid4()), low, high]):
        held = clinic.visit(f"1{number}:00-1{number}:30", id=key)
        at = NOW + timedelta(hours=bool(number))
        ended = offer(held, entry, created_at=at).ended(Outcome.DECLINED)
        offers.append((ended, held))
    for ended, held in offers[::-1]:
        clinic.commit(
            lambda uow, o=ended, v=held: uow.waitlist.add_offer(
                o.ended(Outcome.OPEN), v
            ),
            lambda uow, o=ended: uow.waitlist.end_offer(o),
        )
    others = clinic.store_offer("15:00-15:30", other)

    told = tuple(ended for ended, _ in offers)
    with clinic.uow as uow:
        assert uow.waitlist.offers_of([entry.id]) == told
        assert set(uow.waitlist.offers_of([other.id, entry.id])) == {*told, others}
        assert uow.waitlist.offers_of([]) == ()


def test_what_is_offered_of_a_doctors_time_is_told_be_it_lapsed_or_not(
    clinic: OpenClinic,
) -> None:
    elsewhere = clinic.add_doctor()
    lapsed = clinic.store_offer("09:00-09:30", expires_at=NOW - timedelta(hours=1))
    open_now = clinic.store_offer("10:00-10:30")
    declined = clinic.store_offer("11:00-11:30")
    clinic.store_offer("12:00-12:30", doctor_id=elsewhere.id)
    clinic.commit(lambda uow: uow.waitlist.end_offer(declined.ended(Outcome.DECLINED)))

    with clinic.uow as uow:
        found = uow.waitlist.open_offers_with(clinic.doctor.id)

    assert found == tuple(sorted([lapsed, open_now], key=lambda each: each.id))


def test_lapsed_offers_are_told_from_the_first_that_lapsed(clinic: OpenClinic) -> None:
    first, second, now = (
        clinic.store_offer(times, expires_at=NOW - timedelta(minutes=ago))
        for times, ago in [
            ("11:00-11:30", 60),
            ("10:00-10:30", 1),
            ("09:00-09:30", 0),
        ]
    )
    clinic.store_offer("12:00-12:30", expires_at=NOW + timedelta(microseconds=1))
    ended = clinic.store_offer("13:00-13:30", expires_at=NOW)
    clinic.commit(lambda uow: uow.waitlist.end_offer(ended.ended(Outcome.EXPIRED)))

    with clinic.uow as uow:
        assert uow.waitlist.lapsed(200) == (first, second, now)
        assert uow.waitlist.lapsed(2) == (first, second)


def test_patients_are_named_as_far_as_they_are_there(clinic: OpenClinic) -> None:
    first, second = clinic.patients

    with clinic.uow as uow:
        assert uow.patients.named([second.id, patient().id, first.id]) == {
            first.id: first,
            second.id: second,
        }
        assert uow.patients.named([]) == {}


def test_cancellations_are_told_oldest_first(clinic: OpenClinic) -> None:
    visit = clinic.store_visit(status=Status.CANCELLED)
    low, high = UUID(int=1), UUID(int=2)
    told = [
        cancellation(visit, created_at=NOW),
        cancellation(visit, created_at=NOW + timedelta(hours=1), id=low),
        cancellation(visit, created_at=NOW + timedelta(hours=1), id=high),
        cancellation(visit, created_at=NOW + timedelta(days=1)),
    ]

    clinic.commit(
        *(lambda uow, c=record: uow.appointments.cancel(c) for record in told[::-1])
    )

    with clinic.uow as uow:
        assert uow.appointments.cancellations_of(visit.id) == tuple(told)


def test_clinics_are_listed_by_name(store: Store) -> None:
    added = [clinic(name) for name in [*TEXTS, "Abel"]]
    with store.entrance() as entrance:
        for record in random.Random(1).sample(added, len(added)):
            entrance.add_clinic(record)
        entrance.commit()

    with store.entrance() as entrance:
        found = [record for record in entrance.clinics() if record in added]

    assert found == sorted(added, key=lambda record: (record.name, record.id))


def test_who_shares_most_comes_first_and_only_so_many_are_compared(
    clinic: OpenClinic,
) -> None:
    newcomer = patient("Ann Lee", date_of_birth=date(1980, 12, 31))
    twin = patient("Ann Lee", date_of_birth=date(1980, 12, 31))
    crowd = [patient("Ann Lee") for _ in range(MOST_COMPARED)]
    born_then = patient("Bo Moss", date_of_birth=date(1980, 12, 31))
    for person in (*crowd, born_then, twin):
        clinic.commit(lambda uow, person=person: uow.patients.add(person))

    with clinic.uow as uow:
        [first, nobody] = uow.patients.sharing(
            [match_keys(newcomer), match_keys(patient("- -"))]
        )

    assert first[0] == twin
    assert first[1:] == tuple(sorted(crowd, key=lambda p: p.id))[: MOST_COMPARED - 1]
    assert nobody == ()


def test_who_was_just_written_is_compared_too(clinic: OpenClinic) -> None:
    first, second = patient("Ann Lee"), patient("Ann Lee")

    with clinic.uow as uow:
        uow.patients.add(first)
        uow.patients.add(second)
        [found] = uow.patients.sharing([match_keys(first)])
        uow.commit()

    assert set(found) == {first, second}


def test_a_name_that_was_changed_is_found_by_the_new_one_only(
    clinic: OpenClinic,
) -> None:
    changed = clinic.patient.changed({"first_name": "Zoe", "last_name": "Vale"}, NOW)
    clinic.commit(lambda uow: uow.patients.save(changed))

    with clinic.uow as uow:
        before, after = uow.patients.sharing(
            [match_keys(clinic.patient), match_keys(changed)]
        )

    assert changed not in before
    assert after == (changed,)
