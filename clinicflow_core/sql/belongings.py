"""What hangs on patients, as rows: whatever table has a `patient_id`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Table,
    Text,
    bindparam,
    case,
    cast,
    literal,
    null,
    select,
    update,
)

from clinicflow_core.entities.appointment import ERASED_REASON
from clinicflow_core.entities.ids import ClinicId, PatientId
from clinicflow_core.sql.appointments import (
    appointment_of,
    cancellation_of,
    series_of,
)
from clinicflow_core.sql.intake import REMOVE_LINKS, whole_form_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip
from clinicflow_core.sql.summaries import summary_of
from clinicflow_core.sql.tables import (
    ai_intake_summaries,
    appointment_series,
    appointments,
    cancellations,
    idempotency_keys,
    intake_forms,
    metadata,
    origins,
    patients,
    waitlist,
)
from clinicflow_core.sql.types import Json, Key, TextList, UtcDateTime
from clinicflow_core.sql.waitlist import entry_of

TABLES: tuple[Table, ...] = tuple(
    table for table in metadata.sorted_tables if "patient_id" in table.c
)

_reason = appointments.c.override_reason
BLANKED: Mapping[Table, Mapping[str, Any]] = {
    appointments: {
        "meeting_link": null(),
        # That there was one stays: without it the visit could not share its time.
        "override_reason": case((_reason.is_not(None), literal(ERASED_REASON))),
    },
    appointment_series: {},
    cancellations: {"reason_note": null()},
    waitlist: {"note": null()},
    intake_forms: {
        "raw_answers": literal({}, Json),
        "draft": null(),
        "dropped": literal([], TextList),
    },
    ai_intake_summaries: {
        "summary_text": literal(""),
        "patient_concerns": null(),
        "medications": null(),
        "allergies": null(),
        "key_notes": null(),
        "digest": literal({}, Json),
        "machine": null(),
        "dropped": literal([], Json),
    },
}
"""What stands in personal columns once a patient is erased."""


_RECORD_OF: Mapping[Table, Callable[[Row], object]] = {
    appointments: appointment_of,
    appointment_series: series_of,
    cancellations: cancellation_of,
    waitlist: entry_of,
    intake_forms: whole_form_of,
    ai_intake_summaries: summary_of,
}


def _counted(table: Table) -> dict[str, Any]:
    """Return what every change of a row changes too."""
    return {
        **({"version": table.c.version + 1} if "version" in table.c else {}),
        **(
            {"updated_at": bindparam("now", type_=UtcDateTime)}
            if "updated_at" in table.c
            else {}
        ),
    }


def _of_patient(table: Table, column: str) -> tuple[Any, ...]:
    return (
        table.c.clinic_id == bindparam("clinic"),
        table.c[column] == bindparam("patient"),
    )


def _move(table: Table, column: str = "patient_id") -> Any:
    to = bindparam("to", type_=Key)
    return (
        update(table)
        .where(*_of_patient(table, column))
        .values(**{column: to}, **_counted(table))
    )


_OF = {
    table: Fixed(
        select(table)
        # What is only offered is no visit.
        .where(
            *_of_patient(table, "patient_id"),
            *([table.c.offered_until.is_(None)] if table is appointments else []),
        )
        .order_by(table.c.id)
    )
    for table in TABLES
}
_MOVE = {
    table: Fixed(
        _move(table).returning(
            # The column and not whether it is NULL: SQLite gets that wrong here.
            *(table.c[name] for name in ("id", "offered_until") if name in table.c)
        )
    )
    for table in TABLES
}
_MOVE_MERGED = Fixed(_move(patients, "merged_into_id"))
_MOVE_ORIGINS = Fixed(
    _move(origins, "record_id").where(origins.c.kind == literal("patient"))
)
_BLANK = [
    Fixed(
        update(table)
        .where(*_of_patient(table, "patient_id"))
        .values(**blanks, **_counted(table))
    )
    for table, blanks in BLANKED.items()
    if blanks
]
_FORGET_ANSWERS = Fixed(
    update(idempotency_keys)
    .where(
        idempotency_keys.c.clinic_id == bindparam("clinic"),
        cast(idempotency_keys.c.answer, Text).contains(bindparam("named", type_=Text)),
    )
    # No request has this fingerprint, so that none is carried out a second time.
    .values(fingerprint=literal(""), answer=null())
)


class SqlBelongings:
    """See `ports.Belongings`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def of(self, patient_id: PatientId) -> Mapping[str, tuple[object, ...]]:
        asked = {"clinic": self._clinic_id, "patient": patient_id}
        found = self._trip.now(*((_OF[table], asked) for table in TABLES))
        return {
            table.name: tuple(map(_RECORD_OF[table], rows))
            for table, rows in zip(TABLES, found, strict=True)
        }

    def move(
        self, patient_id: PatientId, to: PatientId, now: datetime
    ) -> Mapping[str, tuple[UUID, ...]]:
        asked = {
            "clinic": self._clinic_id,
            "patient": patient_id,
            "to": to,
            "now": now,
        }
        self._trip.later(_MOVE_MERGED, asked)
        self._trip.later(_MOVE_ORIGINS, asked)
        found = self._trip.now(*((_MOVE[table], asked) for table in TABLES))
        return {
            # What is only offered goes with its entry of the waitlist.
            table.name: tuple(
                sorted(row["id"] for row in rows if row.get("offered_until") is None)
            )
            for table, rows in zip(TABLES, found, strict=True)
        }

    def blank(self, patient_id: PatientId, now: datetime) -> None:
        asked = {"clinic": self._clinic_id, "patient": patient_id, "now": now}
        self._trip.later(REMOVE_LINKS, asked)
        for blank in _BLANK:
            self._trip.later(blank, asked)
        named = {"clinic": self._clinic_id, "named": str(patient_id)}
        self._trip.later(_FORGET_ANSWERS, named)
