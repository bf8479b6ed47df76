"""How PostgreSQL goes about it for the role that row-level security holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg.adapt import Transformer
from sqlalchemy import Connection, bindparam, text

from clinicflow_core.ports import Store
from clinicflow_core.sql.appointments import BUSY_TIMES, LONGEST
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.prepared import Catalogue, Fixed
from clinicflow_core.sql.types import Key, KeyList, UtcDateTime
from tests.builders import OpenClinic, open_clinic, span
from tests.postgres import as_owner
from tests.sql.conftest import OpenStore

pytestmark = pytest.mark.slow

BUSY = BUSY_TIMES["postgresql"]
TWO_DAYS = 2 * 48
"""More visits than that can matter to nobody's day."""

YEARS = text("""
    INSERT INTO appointments (
        id, clinic_id, doctor_id, patient_id, date, start_time, end_time, starts_at,
        ends_at
    )
    SELECT gen_random_uuid(), :clinic_id, :doctor_id, :patient_id, day, '00:00',
        '00:30', day + n * interval '30 minutes', day + (n + 1) * interval '30 minutes'
    FROM generate_series(
        CAST(:last AS timestamptz) - interval '519 days', :last, interval '1 day'
    ) AS day, generate_series(0, 47) AS n
""")
"""Almost 25,000 visits of one doctor and one patient, without a break up to `DAY`."""


@pytest.fixture
def owner(postgres_url: str) -> Iterator[Connection]:
    """A connection past the wall, to a database that learns nothing by itself."""
    engine = make_engine(as_owner(postgres_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        off = "ALTER TABLE appointments SET (autovacuum_enabled = off)"
        connection.execute(text(off))
        yield connection
    engine.dispose()


@pytest.fixture
def store(postgres_url: str, open_: OpenStore) -> Store:
    return open_(postgres_url)


@pytest.fixture
def clinic(store: Store) -> OpenClinic:
    return open_clinic(store)


@pytest.fixture
def years_pass(owner: Connection, store: Store) -> Callable[[OpenClinic], None]:
    """Fills the diaries of a clinic and of one more with 50,000 visits."""

    def fill(clinic: OpenClinic) -> None:
        for each in (clinic, open_clinic(store)):
            values = {
                "clinic_id": each.id,
                "doctor_id": each.doctor.id,
                "patient_id": each.patient.id,
                "last": span("12:00-12:30").start.replace(hour=0),
            }
            owner.execute(YEARS, values)

    return fill


class Reader:
    """The service's role, which prepares a statement once and asks it often."""

    def __init__(self, connection: Any, fixed: Fixed) -> None:
        self._connection = connection
        self._connection.autocommit = True
        dialect = make_engine("postgresql://").dialect
        self._prepared = Catalogue(dialect)[fixed]
        self._connection.execute(f"PREPARE busy AS {self._prepared.sql}")

    def rows_read(self, clinic: OpenClinic) -> int:
        """Return how many visits are looked at for the busy times of `DAY`."""
        window = span("08:00-18:00")
        values = self._prepared.values(
            {
                "clinic_id": clinic.id,
                "doctor_ids": [clinic.doctor.id],
                "patient_ids": [clinic.patient.id],
                "longest_before": window.start - LONGEST,
                "start": window.start,
                "end": window.end,
            }
        )
        quoted = b",".join(map(Transformer(self._connection).as_literal, values))
        explain = b"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE busy(" + quoted + b")"
        with self._connection.transaction():
            self._connection.execute(
                "SELECT set_config('clinicflow.clinic', %s, true)", [str(clinic.id)]
            )
            [[found]] = self._connection.execute(explain, prepare=False).fetchone()
        return sum(map(looked_at, nodes(found["Plan"])))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def looked_at(node: dict[str, Any]) -> int:
    if node.get("Relation Name") != "appointments":
        return 0
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(rows * node["Actual Loops"])


@pytest.fixture
def prepare(postgres_url: str) -> Iterator[Callable[[Fixed], Reader]]:
    engine = make_engine(postgres_url)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        yield lambda fixed: Reader(driver, fixed)
    engine.dispose()


@pytest.mark.parametrize("known", ["nothing", "the size", "everything"])
def test_busy_times_are_found_without_reading_the_past(
    known: str,
    clinic: OpenClinic,
    owner: Connection,
    years_pass: Callable[[OpenClinic], None],
    prepare: Callable[[Fixed], Reader],
) -> None:
    """Whether it was planned before there were visits, before or after ANALYZE."""
    reader = prepare(BUSY)
    if known == "nothing":
        assert reader.rows_read(clinic) == 0
    years_pass(clinic)
    if known == "everything":
        owner.execute(text("ANALYZE"))

    found = reader.rows_read(clinic)

    assert 2 * 20 <= found <= 2 * TWO_DAYS


def test_the_words_of_the_constraint_would_read_all_of_it(
    clinic: OpenClinic,
    years_pass: Callable[[OpenClinic], None],
    prepare: Callable[[Fixed], Reader],
) -> None:
    """The control: behind row-level security its index is not asked for a time."""
    words = text(
        "SELECT id FROM appointments WHERE clinic_id = :clinic_id AND holds_doctor "
        "AND doctor_id = ANY(CAST(:doctor_ids AS uuid[])) AND tstzrange(starts_at, "
        "ends_at) && tstzrange(:start, :end)"
    )
    parameters = {
        "clinic_id": Key,
        "doctor_ids": KeyList(),
        "start": UtcDateTime,
        "end": UtcDateTime,
    }
    typed = [bindparam(name, type_=kind) for name, kind in parameters.items()]
    fixed = Fixed(words.bindparams(*typed).columns(id=Key))
    years_pass(clinic)

    assert prepare(fixed).rows_read(clinic) > 20_000
