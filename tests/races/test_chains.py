"""Many people add to one record's chain at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Integer, bindparam, select, text

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import audit, register
from clinicflow_core.entities.patient import Patient
from clinicflow_core.sql import trail
from clinicflow_core.sql.prepared import Fixed
from clinicflow_core.sql.store import open_store
from tests.builders import open_clinic
from tests.sql.rows import past_the_wall

pytestmark = pytest.mark.races

READERS, TIMES = 12, 10


def read_at_once(store, clinic):
    """Let everybody read the same patient's record; return what came of it."""

    def reader(number):
        uow = store.unit_of_work(clinic.id, system(f"reader-{number}"))
        outcomes = []
        for _ in range(TIMES):
            try:
                outcomes.append(register.get(clinic.patient.id, uow))
            except Exception as error:  # noqa: BLE001  It is looked at by the test.
                outcomes.append(error)
        return outcomes

    with ThreadPoolExecutor(READERS) as pool:
        return [each for one in pool.map(reader, range(READERS)) for each in one]


def test_everybody_can_read_one_record_at_once_and_the_chain_stays_whole(store):
    clinic = open_clinic(store)

    outcomes = read_at_once(store, clinic)

    assert {type(each) for each in outcomes} == {Patient}
    assert len(audit.events_of(clinic.patient.id, clinic.system())) == READERS * TIMES
    assert audit.verify(clinic.system()).flaws == ()


def test_without_lock_and_wall_the_chain_breaks(postgres_url, monkeypatch):
    no_lock = select(bindparam("chain", type_=Integer()).label("held"))
    no_wall = (
        "ALTER TABLE events DROP CONSTRAINT uq_events_clinic_id_record_id_position"
    )
    monkeypatch.setattr(trail, "_HOLD_CHAIN", Fixed(no_lock))
    with closing(open_store(postgres_url, pool_size=READERS)) as store:
        clinic = open_clinic(store)
        with past_the_wall(store) as connection:
            connection.execute(text(no_wall))

        read_at_once(store, clinic)

        assert audit.verify(clinic.system()).flaws
