"""A connection that is lost in the middle of an act is a store that is busy."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking
from clinicflow_core.errors import StoreBusyError
from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.sql.store import open_store
from tests.builders import NOW, open_clinic

END_OTHERS = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def lose_connections(postgres_url):
    killer = open_store(postgres_url)

    def lose():
        with killer.engine.begin() as connection:
            connection.execute(END_OTHERS)

    yield lose
    killer.close()


@pytest.fixture
def clinic(postgres_url):
    store = open_store(postgres_url, FixedClock(NOW))
    yield open_clinic(store)
    store.close()


@pytest.mark.parametrize("moment", ["before it reads", "before it writes"])
def test_what_was_under_way_is_undone_and_told_as_busy(
    clinic, lose_connections, moment
):
    def lose_and_go_on(proposed, diary):
        lose_connections()
        return iter(())

    def act():
        if moment == "before it writes":
            booking.book(clinic.request(), clinic.uow, [lose_and_go_on])
            return
        with clinic.uow as uow:
            uow.doctors.page(PageRequest())
            lose_connections()
            uow.doctors.page(PageRequest())

    with pytest.raises(StoreBusyError):
        act()

    found = booking.page(AppointmentFilter(), PageRequest(), clinic.uow)
    assert found.items == ()
    assert booking.book(clinic.request(), clinic.uow).version == 1


def test_nobody_minds_a_connection_that_is_lost_when_all_is_done(
    clinic, lose_connections
):
    with clinic.uow as uow:
        doctor = uow.doctors.get(clinic.doctor.id)
        lose_connections()

    assert doctor == clinic.doctor
    with clinic.uow as uow:
        assert uow.doctors.get(clinic.doctor.id) == doctor


def test_connections_lost_between_two_acts_are_not_noticed(clinic, lose_connections):
    lose_connections()

    assert booking.book(clinic.request(), clinic.uow).version == 1
