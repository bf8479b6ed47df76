"""What somebody does who has the database itself, and how it is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from clinicflow_core.desk import audit, booking
from clinicflow_core.sql.store import SqlStore, open_store
from clinicflow_core.trail import Seal
from clinicflow_core.wire import dump, structure
from tests.builders import OpenClinic, Watch, open_clinic
from tests.sql.rows import past_the_wall

KEY = b"a key of thirty-two bytes or so."


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    with closing(open_store(request.getfixturevalue(request.param), Watch())) as store:
        yield store


@pytest.fixture
def clinic(store: SqlStore) -> OpenClinic:
    """A clinic with a visit to which four things happened, and one more visit."""
    clinic = open_clinic(store)
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    booking.confirm(visit.id, clinic.uow)
    booking.arrive(visit.id, clinic.uow)
    booking.complete(visit.id, clinic.uow)
    booking.book(clinic.request("10:00-10:30"), clinic.uow)
    return clinic


@pytest.fixture
def seal(clinic: OpenClinic) -> Seal:
    return audit.seal(clinic.uow, KEY)


def tampered(store: SqlStore, *statements: str) -> None:
    with past_the_wall(store) as connection:
        _unguard(connection)
        for statement in statements:
            connection.execute(text(statement))


def _unguard(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        for event in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER events_are_kept_on_{event}"))


def of_kind(kind: str) -> str:
    return f"(SELECT id FROM events WHERE kind = 'appointment.{kind}')"


def removed(kind: str) -> tuple[str, str]:
    return (
        f"DELETE FROM outbox WHERE id IN {of_kind(kind)}",
        f"DELETE FROM events WHERE kind = 'appointment.{kind}'",
    )


TAMPERINGS = {
    "a value is edited": (
        ("UPDATE events SET actor = 'nobody' WHERE kind = 'appointment.confirmed'",),
        (2, "was changed"),
    ),
    "a fact is edited": (
        ("UPDATE events SET facts = '{}' WHERE kind = 'appointment.booked'",),
        (1, "was changed"),
    ),
    "an event is deleted": (removed("confirmed"), (2, "is missing")),
    "two are swapped": (
        (
            "UPDATE events SET position = 99 WHERE kind = 'appointment.confirmed'",
            "UPDATE events SET position = 2 WHERE kind = 'appointment.arrived'",
            "UPDATE events SET position = 3 WHERE kind = 'appointment.confirmed'",
        ),
        (2, "does not follow the event before it"),
    ),
    "its hash is edited as well": (
        (
            "UPDATE events SET actor = 'nobody' WHERE kind = 'appointment.confirmed'",
            "UPDATE events SET hash = previous_hash WHERE actor = 'nobody'",
        ),
        (2, "was changed"),
    ),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_found_and_named(
    how: str, store: SqlStore, clinic: OpenClinic
) -> None:
    statements, expected = TAMPERINGS[how]
    assert audit.verify(clinic.uow).flaws == ()

    tampered(store, *statements)

    first = audit.verify(clinic.uow).flaws[0]
    assert (first.position, first.detail) == expected


def test_a_cut_tail_is_found_with_a_seal_and_only_with_it(
    store: SqlStore, clinic: OpenClinic, seal: Seal
) -> None:
    tampered(store, *removed("completed"))

    assert audit.verify(clinic.uow).flaws == ()
    [flaw] = audit.verify(clinic.uow, seal, KEY).flaws
    assert (flaw.position, flaw.event_id) == (4, None)
    assert flaw.detail == "is missing; there were 4 when it was sealed"


def test_what_happens_after_the_seal_breaks_nothing(
    clinic: OpenClinic, seal: Seal
) -> None:
    booking.book(clinic.request("11:00-11:30"), clinic.uow)

    assert audit.verify(clinic.uow, seal, KEY).flaws == ()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE events SET reason = 'x'", "DELETE FROM events"],
    ids=["update", "delete"],
)
def test_sqlite_only_adds_events(statement: str, sqlite_url: str) -> None:
    with closing(open_store(sqlite_url, Watch())) as store:
        clinic = open_clinic(store)
        booking.book(clinic.request(), clinic.uow)
        before = audit.newest(10, clinic.uow)

        with (
            pytest.raises(DBAPIError, match="events are only added"),
            store.engine.begin() as connection,
        ):
            connection.execute(text(statement))

        assert audit.newest(10, clinic.uow) == before


def test_a_seal_survives_as_json(seal: Seal) -> None:
    assert structure(dump(seal), Seal) == seal
    assert structure(dump(seal), Seal).is_signed_by(KEY)
