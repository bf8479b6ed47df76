from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from clinicflow_core.duplicates import match_keys
from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.entities.doctor import Weekday, WorkingHours
from clinicflow_core.entities.patient import search_words
from clinicflow_core.ports import (
    MOST_COMPARED,
    AppointmentFilter,
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
    doctor,
    patient,
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


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
@pytest.mark.parametrize("listed", [doctors, patients, users, visits])
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
