"""The database refuses a double booking by itself, whoever writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from clinicflow_core.entities.appointment import HOLDING, Status
from clinicflow_core.sql.tables import appointments
from tests.sql.rows import Rows

NINE = datetime(2026, 3, 2, 14, tzinfo=UTC)

people = pytest.mark.parametrize("person", ["doctor", "patient"])
overlaps = pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(-30, 1, id="runs one minute over"),
        pytest.param(-30, 60, id="around"),
        pytest.param(0, 30, id="the same"),
        pytest.param(10, 20, id="inside"),
        pytest.param(29, 60, id="starts one minute early"),
        pytest.param(-1410, 30, id="the longest, to its end"),
    ],
)


def between(start: int, end: int) -> dict[str, Any]:
    """Return the columns of a visit from *start* to *end*, in minutes after nine."""
    return {
        "starts_at": NINE + timedelta(minutes=start),
        "ends_at": NINE + timedelta(minutes=end),
        "duration": end - start,
    }


def beside(rows: Rows, person: str) -> dict[str, Any]:
    """Return the people of a second visit, which shares *person* with the first."""
    other = {"doctor": "patient", "patient": "doctor"}[person]
    return {f"{other}_id": rows.add(f"{other}s")}


def move(rows: Rows, visit: UUID, **values: Any) -> None:
    statement = update(appointments).where(appointments.c.id == visit)
    rows.connection.execute(statement.values(values))


@people
@overlaps
def test_a_row_that_overlaps_is_refused(
    person: str, start: int, end: int, rows: Rows
) -> None:
    rows.add("appointments", **between(0, 30))

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        rows.add("appointments", **between(start, end), **beside(rows, person))


@people
@overlaps
def test_a_row_cannot_be_moved_into_an_overlap(
    person: str, start: int, end: int, rows: Rows
) -> None:
    rows.add("appointments", **between(0, 30))
    free = between(6000, 6030)
    visit = rows.add("appointments", **free, **beside(rows, person))

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        move(rows, visit, **between(start, end))


@people
def test_rows_that_touch_are_kept(person: str, rows: Rows) -> None:
    rows.add("appointments", **between(0, 30))

    rows.add("appointments", **between(30, 60), **beside(rows, person))
    visit = rows.add("appointments", **between(600, 630), **beside(rows, person))
    move(rows, visit, **between(-30, 0))


@people
@pytest.mark.parametrize("status", Status)
def test_a_row_holds_its_time_by_its_status(
    person: str, status: Status, rows: Rows
) -> None:
    visit = rows.add("appointments", status=status.value)
    holds = status in HOLDING

    assert bool(rows.get("appointments", visit)[f"holds_{person}"]) is holds
    if holds:
        with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
            rows.add("appointments", **beside(rows, person))
    else:
        rows.add("appointments", **beside(rows, person))


@people
@pytest.mark.parametrize("change", ["status", "shares"])
def test_a_row_cannot_come_to_hold_a_time_that_is_taken(
    person: str, change: str, rows: Rows
) -> None:
    before, after = {
        "status": ({"status": "cancelled"}, {"status": "confirmed"}),
        "shares": ({f"shares_{person}": True}, {f"shares_{person}": False}),
    }[change]
    visit = rows.add("appointments", **beside(rows, person), **before)
    rows.add("appointments")

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        move(rows, visit, **after)


@people
def test_a_row_that_shares_a_persons_time_stands_beside_another_of_theirs(
    person: str, rows: Rows
) -> None:
    rows.add("appointments")

    rows.add("appointments", **{f"shares_{person}": True}, **beside(rows, person))


@people
def test_a_row_keeps_the_time_that_it_shares_from_nobody(
    person: str, rows: Rows
) -> None:
    rows.add("appointments", **{f"shares_{person}": True})

    rows.add("appointments", **beside(rows, person))


@people
@pytest.mark.parametrize("sharing", ["first", "second"])
def test_a_row_that_shares_one_persons_time_holds_the_other_ones(
    person: str, sharing: str, rows: Rows
) -> None:
    other = {"doctor": "patient", "patient": "doctor"}[person]
    shares = {f"shares_{person}": True}
    first, second = (shares, {}) if sharing == "first" else ({}, shares)
    visit = rows.add("appointments", **first)

    found = rows.get("appointments", visit)
    assert bool(found[f"holds_{person}"]) is (sharing == "second")
    assert bool(found[f"holds_{other}"]) is True
    with pytest.raises(IntegrityError, match=f"ex_appointments_{other}"):
        rows.add("appointments", **second, **beside(rows, other))


@people
def test_a_row_that_shares_everybodys_time_keeps_none(person: str, rows: Rows) -> None:
    rows.add("appointments", shares_doctor=True, shares_patient=True)

    rows.add("appointments", **beside(rows, person))


@people
@overlaps
def test_what_is_offered_holds_its_time(
    person: str, start: int, end: int, rows: Rows
) -> None:
    """Whether the offer has lapsed is for the rules: a constraint knows no clock."""
    rows.add("appointments", **between(0, 30), offered_until=NINE - timedelta(days=9))

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        rows.add("appointments", **between(start, end), **beside(rows, person))


@people
def test_a_time_that_is_taken_is_offered_to_nobody(person: str, rows: Rows) -> None:
    rows.add("appointments")

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        rows.add("appointments", offered_until=NINE, **beside(rows, person))


@people
def test_a_row_cannot_be_given_to_somebody_who_is_busy(person: str, rows: Rows) -> None:
    busy = rows.add("appointments")
    strangers = {f"{kind}_id": rows.add(f"{kind}s") for kind in ("doctor", "patient")}
    visit = rows.add("appointments", **strangers)
    column = f"{person}_id"

    with pytest.raises(IntegrityError, match=f"ex_appointments_{person}"):
        move(rows, visit, **{column: rows.get("appointments", busy)[column]})


def test_a_row_can_be_changed_where_it_stands(rows: Rows) -> None:
    visit = rows.add("appointments")

    move(rows, visit, status="completed")
    move(rows, visit, **between(10, 40))


@pytest.mark.parametrize("column", ["starts_at", "ends_at"])
def test_a_visit_has_a_start_and_an_end(column: str, rows: Rows) -> None:
    with pytest.raises(IntegrityError, match=column):
        rows.add("appointments", **{column: None})


@pytest.mark.parametrize(
    "end",
    [pytest.param(0, id="empty"), pytest.param(-30, id="backwards")],
)
def test_a_visit_that_takes_no_time_is_refused(end: int, rows: Rows) -> None:
    times = between(0, end) | {"duration": 30}

    with pytest.raises(IntegrityError, match="ck_appointments"):
        rows.add("appointments", **times)


@pytest.fixture
def postgres_rows(shared_postgres: Engine) -> Iterator[Rows]:
    with shared_postgres.connect() as connection, connection.begin():
        yield Rows(connection)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("ends_at = 'infinity'", id="without an end"),
        pytest.param("starts_at = '-infinity'", id="without a start"),
        pytest.param(
            "starts_at = '-infinity', ends_at = 'infinity'", id="without either"
        ),
        pytest.param("ends_at = NULL", id="with an unknown end"),
        pytest.param("ends_at = starts_at", id="empty"),
        pytest.param("ends_at = ends_at + interval '1 day'", id="longer than it says"),
        pytest.param("duration = 31", id="shorter than it says"),
    ],
)
def test_a_span_that_an_exclusion_would_overlook_is_refused_by_postgresql(
    change: str, postgres_rows: Rows
) -> None:
    postgres_rows.add("appointments")

    with pytest.raises(IntegrityError):
        postgres_rows.connection.execute(text(f"UPDATE appointments SET {change}"))


@people
def test_nobody_writes_that_a_visit_does_not_hold_its_time(
    person: str, rows: Rows
) -> None:
    rows.add("appointments")

    with pytest.raises(DBAPIError, match=f"holds_{person}|generated column"):
        rows.connection.execute(text(f"UPDATE appointments SET holds_{person} = false"))
