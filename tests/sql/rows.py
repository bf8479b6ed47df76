"""Rows past all ports: what only the database itself can refuse."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, select

from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.store import SqlStore
from clinicflow_core.sql.tables import metadata
from tests.postgres import as_owner

REQUIRED: dict[str, dict[str, Any]] = {
    "clinics": {"name": "Hill Road Clinic"},
    "users": {"name": "Olive Owner", "role": "owner", "password_hash": "x"},
    "doctors": {"name": "Dr. Sarah Chen"},
    "patients": {"first_name": "Ann", "last_name": "Lee"},
    "appointments": {
        "date": date(2026, 3, 2),
        "start_time": time(9),
        "end_time": time(9, 30),
        "starts_at": datetime(2026, 3, 2, 14, tzinfo=UTC),
        "ends_at": datetime(2026, 3, 2, 14, 30, tzinfo=UTC),
    },
    "cancellations": {"cancellation_type": "other"},
    "questionnaires": {
        "name": "intake",
        "title": "Intake",
        "definition": {"name": "intake", "title": "Intake", "items": []},
    },
    "intake_forms": {"raw_answers": {"question1": "answer1"}},
    "intake_links": {"expires_at": datetime(2026, 3, 16, tzinfo=UTC)},
    "ai_intake_summaries": {"summary_text": "A headache."},
    "sessions": {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
    "working_hours": {
        "weekday": "monday",
        "start_time": time(9),
        "end_time": time(17),
    },
    "dated_hours": {"date": date(2026, 3, 2), "position": 0},
    "time_off": {
        "start_date": date(2026, 3, 2),
        "start_time": time(9),
        "end_date": date(2026, 3, 2),
        "end_time": time(17),
    },
    "appointment_series": {
        "rrule": "FREQ=WEEKLY;COUNT=4",
        "date": date(2026, 3, 2),
        "start_time": time(9),
        "duration": 30,
    },
    "waitlist": {
        "first_date": date(2026, 3, 2),
        "last_date": date(2026, 3, 31),
        "weekdays": ["monday"],
    },
    "waitlist_offers": {
        "date": date(2026, 3, 3),
        "start_time": time(9),
        "end_time": time(9, 30),
        "duration": 30,
        "starts_at": datetime(2026, 3, 3, 14, tzinfo=UTC),
        "ends_at": datetime(2026, 3, 3, 14, 30, tzinfo=UTC),
        "expires_at": datetime(2026, 3, 2, 16, tzinfo=UTC),
    },
    "events": {
        "kind": "patient.registered",
        "actor": "system",
        "position": 1,
        "previous_hash": "0" * 64,
        "hash": "1" * 64,
    },
    "outbox": {"kind": "patient.registered"},
    "idempotency_keys": {"actor": "system", "key": "key-1", "fingerprint": "f"},
    "origins": {"kind": "patient", "key": "row 1"},
}
"""What a row of each table cannot be without, references and ids aside."""

REFERENCES: dict[str, dict[str, str]] = {
    "users": {},
    "doctors": {},
    "patients": {},
    "appointments": {"doctor_id": "doctors", "patient_id": "patients"},
    "cancellations": {"appointment_id": "appointments", "patient_id": "patients"},
    "questionnaires": {},
    "intake_forms": {"patient_id": "patients"},
    "intake_links": {"form_id": "intake_forms"},
    "ai_intake_summaries": {
        "patient_id": "patients",
        "appointment_id": "appointments",
        "intake_form_id": "intake_forms",
    },
    "sessions": {"user_id": "users"},
    "working_hours": {"doctor_id": "doctors"},
    "dated_hours": {"doctor_id": "doctors"},
    "time_off": {"doctor_id": "doctors"},
    "appointment_series": {"doctor_id": "doctors", "patient_id": "patients"},
    "waitlist": {"patient_id": "patients"},
    "waitlist_offers": {"waitlist_id": "waitlist", "doctor_id": "doctors"},
    "events": {},
    "outbox": {"id": "events"},
    "idempotency_keys": {},
    "origins": {},
}


_numbers = itertools.count(1)


@contextmanager
def past_the_wall(store: SqlStore) -> Iterator[Connection]:
    """Yield a connection of the owner, who sees the rows of all clinics."""
    url = store.engine.url.render_as_string(hide_password=False)
    engine = make_engine(as_owner(url))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


class Rows:
    """
    Adds rows of one clinic; what is not said is left to the database's defaults.

    Rows that others need are made when they are first asked for.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ids: dict[str, UUID] = {}

    def id_of(self, table: str) -> UUID:
        """Return the key of a row in *table*, always the same one."""
        if table not in self._ids:
            self._ids[table] = self.add(table)
        return self._ids[table]

    def add(self, table: str, **values: Any) -> UUID:
        """Add a row with *values*, and return its key."""
        columns = metadata.tables[table].c
        key = uuid4()
        row = {**REQUIRED[table], **values}
        if table != "clinics":
            row.setdefault("clinic_id", self.id_of("clinics"))
            for column, to in REFERENCES[table].items():
                if column not in row:
                    row[column] = self.id_of(to)
        if "number" in columns:
            row.setdefault("number", next(_numbers))
        for made_up in ("id", "email", "email_key", "refresh_id", "record_id"):
            if made_up in columns:
                keyed = made_up in ("id", "refresh_id", "record_id")
                row.setdefault(made_up, key if keyed else f"{key}@example.org")
        if "token_hash" in columns:
            row.setdefault("token_hash", key.hex * 2)
        self.connection.execute(insert(metadata.tables[table]).values(row))
        return row.get("id", key)

    def get(self, table: str, key: UUID) -> dict[str, Any]:
        """Return the row of *table* under *key*."""
        rows = metadata.tables[table]
        is_it = rows.c.id == key if "id" in rows.c else rows.c.token_hash == key.hex * 2
        found = self.connection.execute(select(rows).where(is_it))
        return dict(found.mappings().one())
