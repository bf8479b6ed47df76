from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from clinicflow_core.desk import booking, schedule
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    BookingConflictError,
    ContentionError,
)
from clinicflow_core.ports import PageRequest
from clinicflow_core.sql.prepared import Catalogue, Fixed
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_core.sql.tables import patients
from tests.builders import DAY, NOW, OpenClinic, Watch, once, open_clinic
from tests.round_trips import RoundTrips

BY_NAME = Fixed(select(patients.c.id).where(patients.c.last_name == bindparam("name")))


@pytest.fixture
def trips(postgres_url: str) -> Iterator[RoundTrips]:
    with RoundTrips(postgres_url) as proxy:
        yield proxy


@pytest.fixture
def reached(trips: RoundTrips) -> Iterator[OpenClinic]:
    """A clinic that is reached by way of `trips`; its statements are prepared."""
    store = open_store(trips.url, Watch())
    clinic = open_clinic(store)
    warm = clinic.add_doctor(), clinic.add_patient()
    request = clinic.request(doctor_id=warm[0].id, patient_id=warm[1].id)
    booking.book(request, clinic.unit_of_work(once("warm")))
    with pytest.raises(BookingConflictError):
        booking.book(request, clinic.uow)
    yield clinic
    store.close()


def test_a_booking_takes_at_most_four_round_trips(
    trips: RoundTrips, reached: OpenClinic
) -> None:
    with trips.counted() as counted:
        booking.book(reached.request(), reached.uow)

    assert 1 <= counted.trips <= 4


def test_a_booking_with_a_key_takes_one_round_trip_more(
    trips: RoundTrips, reached: OpenClinic
) -> None:
    uow = reached.unit_of_work(once())

    with trips.counted() as counted:
        booking.book(reached.request(), uow)

    assert counted.trips <= 5


def test_a_booking_that_was_answered_takes_three_round_trips(
    trips: RoundTrips, reached: OpenClinic
) -> None:
    booking.book(reached.request(), reached.unit_of_work(once()))

    with trips.counted() as counted, pytest.raises(AlreadyAnsweredError):
        booking.book(reached.request(), reached.unit_of_work(once()))

    assert counted.trips <= 3


@pytest.mark.parametrize("others", [1, 40])
def test_a_refused_booking_takes_four_round_trips_however_full_the_day(
    others: int, trips: RoundTrips, reached: OpenClinic
) -> None:
    start = reached.visit("09:00-09:10").starts_at
    for number in range(others):
        at = (start + timedelta(minutes=10 * number)).astimezone(reached.zone)
        end = at + timedelta(minutes=10)
        booking.book(reached.request(f"{at:%H:%M}-{end:%H:%M}"), reached.uow)

    with trips.counted() as counted, pytest.raises(BookingConflictError):
        booking.book(reached.request("09:00-09:10"), reached.uow)

    assert counted.trips <= 4


def test_a_day_takes_as_many_round_trips_however_full_it_is(
    trips: RoundTrips, reached: OpenClinic
) -> None:
    def trips_of_the_day() -> int:
        with trips.counted() as counted:
            schedule.day(DAY, [], reached.uow)
        return counted.trips

    schedule.day(DAY, [], reached.uow)  # Prepares its statements.
    empty = trips_of_the_day()
    for number in range(12):
        busy, ill = reached.add_doctor(f"Dr. {number}"), reached.add_patient()
        for times in ("09:00-09:30", "09:30-10:00"):
            reached.store_visit(times, doctor_id=busy.id, patient_id=ill.id)

    assert trips_of_the_day() == empty <= 7


def test_the_counter_counts(trips: RoundTrips, reached: OpenClinic) -> None:
    """A test that cannot fail is no test: three reads are three trips."""
    with reached.uow as uow, trips.counted() as counted:
        for _ in range(3):
            uow.doctors.get(reached.doctor.id)

    assert counted.trips == 3


def test_writes_wait_and_travel_together(
    trips: RoundTrips, reached: OpenClinic
) -> None:
    with reached.uow as uow, trips.counted() as counted:
        for number in range(50):
            uow.patients.save(
                reached.patient.changed({"phone": str(number)}, NOW)
                if number == 0
                else uow_patient(reached, number)
            )
        assert counted.trips == 0
        uow.commit()

    assert counted.trips == 2


def uow_patient(clinic: OpenClinic, version: int) -> Any:
    person = clinic.patient
    for number in range(version + 1):
        person = person.changed({"phone": str(number)}, NOW)
    return person


def test_a_statement_is_compiled_once(store: SqlStore) -> None:
    catalogue = Catalogue(store.engine.dialect)

    assert catalogue[BY_NAME] is catalogue[BY_NAME]


def test_equal_statements_share_a_name_and_others_do_not(store: SqlStore) -> None:
    """Two stores on one engine meet on its connections."""
    other = Fixed(select(patients.c.id))
    first, second = (Catalogue(store.engine.dialect) for _ in range(2))
    _ = second[other]

    assert first[BY_NAME].name == second[BY_NAME].name
    assert first[BY_NAME].name != first[other].name


def test_a_parameter_that_is_not_given_is_what_the_statement_says(
    store: SqlStore,
) -> None:
    fixed = Fixed(select(patients.c.id).where(patients.c.last_name == "Lee"))

    assert Catalogue(store.engine.dialect)[fixed].values({}) == ["Lee"]


def test_two_stores_can_share_an_engine(store: SqlStore) -> None:
    first = open_clinic(store)
    second = open_clinic(SqlStore(store.engine, Watch()))

    for clinic in (first, second, first):
        with clinic.unit_of_work() as uow:
            assert uow.patients.named([clinic.patient.id]) == {
                clinic.patient.id: clinic.patient
            }
            assert uow.doctors.get(clinic.doctor.id) == clinic.doctor


def test_statements_stay_prepared_when_transactions_are_undone(
    clinic: OpenClinic,
) -> None:
    """The driver, left alone, forgets all of them on the first ROLLBACK."""
    for _ in range(2):
        with clinic.uow as uow:
            assert uow.doctors.get(clinic.doctor.id) == clinic.doctor
            for _ in range(8):  # After five it would prepare this by itself.
                uow.patients.page(["ann"], PageRequest())


def test_a_statement_that_fails_when_it_is_new_does_not_stick(
    store: SqlStore,
) -> None:
    clinic = open_clinic(store)
    stale = clinic.patient.changed({"phone": "1"}, NOW)
    taken = clinic.visit("09:00-09:30")
    for _ in range(3):
        with pytest.raises(ContentionError):
            clinic.commit(lambda uow: uow.patients.add(clinic.patient))
        with pytest.raises(ContentionError):
            clinic.commit(
                lambda uow: uow.origins.add("patient", "1", clinic.id),
                lambda uow: uow.origins.add("patient", "1", clinic.id),
            )

    clinic.commit(
        lambda uow: uow.patients.save(stale),
        lambda uow: uow.appointments.add(taken),
        lambda uow: uow.origins.add("patient", "1", clinic.id),
    )

    with clinic.uow as uow:
        assert uow.patients.get(stale.id) == stale
        assert uow.origins.known("patient", ["1"]) == {"1": clinic.id}


def test_many_threads_can_prepare_at_once(store: SqlStore) -> None:
    clinic = open_clinic(store)

    def ask(number: int) -> bool:
        with clinic.unit_of_work() as uow:
            questions = [
                lambda: uow.doctors.get(clinic.doctor.id) == clinic.doctor,
                lambda: uow.patients.get(clinic.patient.id) == clinic.patient,
                lambda: uow.users.get(clinic.owner.id) == clinic.owner,
                lambda: len(uow.doctors.hours_of(clinic.doctor.id)) == 7,
                lambda: uow.events.of(clinic.id) == (),
            ]
            first = number % len(questions)
            return all(ask() for ask in questions[first:] + questions[:first])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(40)))
