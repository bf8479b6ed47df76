"""Summaries of intake forms as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, case, insert, select

from clinicflow_core.entities.ids import (
    AppointmentId,
    ClinicId,
    FormId,
    PatientId,
    SummaryId,
)
from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    Failure,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.errors import SummaryNotFoundError
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import ai_intake_summaries
from clinicflow_core.sql.types import among, has_items
from clinicflow_core.sql.versions import replace, update_of
from clinicflow_core.wire import dump, structure

_summaries = ai_intake_summaries.c

_ADD = Fixed(insert(ai_intake_summaries), all_columns(ai_intake_summaries))
_SAVE = update_of(ai_intake_summaries)
_GET = Fixed(
    select(ai_intake_summaries).where(
        _summaries.clinic_id == bindparam("clinic_id"),
        _summaries.id == bindparam("id"),
    )
)
_CURRENT_OF = Fixed(
    select(ai_intake_summaries).where(
        _summaries.clinic_id == bindparam("clinic_id"),
        _summaries.intake_form_id == bindparam("form_id"),
        _summaries.superseded_at.is_(None),
    )
)
_OF_FORM = Fixed(
    select(ai_intake_summaries)
    .where(
        _summaries.clinic_id == bindparam("clinic_id"),
        _summaries.intake_form_id == bindparam("form_id"),
    )
    .order_by(
        # NULL sorts first on one database and last on the other.
        case((_summaries.superseded_at.is_(None), 0), else_=1),
        _summaries.superseded_at.desc(),
        _summaries.generated_at.desc(),
        _summaries.id.desc(),
    )
)
IS_FLAGGED = and_(
    _summaries.superseded_at.is_(None), has_items(_summaries.digest, "red_flags")
)
"""Whether a summary is the current one of its form and has a red flag."""

_FLAGGED = Fixed(
    select(_summaries.intake_form_id, _summaries.appointment_id).where(
        _summaries.clinic_id == bindparam("clinic_id"),
        among(_summaries.patient_id, "patient_ids"),
        IS_FLAGGED,
    )
)


def summary_of(row: Row) -> Summary:
    machine, failure = row["machine"], row["failure"]
    return Summary(
        id=row["id"],
        patient_id=row["patient_id"],
        appointment_id=row["appointment_id"],
        intake_form_id=row["intake_form_id"],
        digest=structure(row["digest"], Digest),
        machine=None if machine is None else structure(machine, Digest),
        dropped=structure(row["dropped"], tuple[Dropped, ...]),
        failure=None if failure is None else structure(failure, Failure),
        model_version=row["model_version"],
        status=SummaryStatus(row["status"]),
        generated_at=row["generated_at"],
        signed_at=row["signed_at"],
        signed_by_id=row["signed_by_id"],
        superseded_at=row["superseded_at"],
        version=row["version"],
    )


def _row_of(summary: Summary, clinic_id: ClinicId) -> dict[str, Any]:
    """Return the row, where what the digest says stands once more as plain text."""
    digest, machine, failure = summary.digest, summary.machine, summary.failure
    return {
        "id": summary.id,
        "clinic_id": clinic_id,
        "patient_id": summary.patient_id,
        "appointment_id": summary.appointment_id,
        "intake_form_id": summary.intake_form_id,
        "summary_text": summary.summary_text,
        "patient_concerns": _texts(digest.patient_concerns),
        "medications": _texts(digest.medications),
        "allergies": _texts(digest.allergies),
        "key_notes": summary.key_notes,
        "digest": dump(digest),
        "machine": None if machine is None else dump(machine),
        "dropped": dump(summary.dropped),
        "failure": None if failure is None else dump(failure),
        "model_version": summary.model_version,
        "status": summary.status.value,
        "generated_at": summary.generated_at,
        "signed_at": summary.signed_at,
        "signed_by_id": summary.signed_by_id,
        "superseded_at": summary.superseded_at,
        "version": summary.version,
    }


def _texts(items: Sequence[SummaryItem]) -> list[str]:
    return [item.text for item in items]


class SqlSummaries:
    """See `ports.Summaries`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, summary: Summary) -> None:
        self._trip.later(_ADD, _row_of(summary, self._clinic_id))

    def get(self, summary_id: SummaryId) -> Summary:
        asked = {"clinic_id": self._clinic_id, "id": summary_id}
        [rows] = self._trip.now((_GET, asked))
        if not rows:
            raise SummaryNotFoundError(summary_id)
        return summary_of(rows[0])

    def save(self, summary: Summary) -> None:
        replace(self._trip, _SAVE, _row_of(summary, self._clinic_id))

    def current_of(self, form_id: FormId) -> Summary | None:
        [rows] = self._trip.now((_CURRENT_OF, self._of(form_id)))
        return summary_of(rows[0]) if rows else None

    def of_form(self, form_id: FormId) -> tuple[Summary, ...]:
        [rows] = self._trip.now((_OF_FORM, self._of(form_id)))
        return tuple(map(summary_of, rows))

    def flagged(
        self, patient_ids: Collection[PatientId]
    ) -> frozenset[FormId | AppointmentId]:
        asked = {"clinic_id": self._clinic_id, "patient_ids": patient_ids}
        [rows] = self._trip.now((_FLAGGED, asked))
        return frozenset(
            flagged for row in rows for flagged in row.values() if flagged is not None
        )

    def _of(self, form_id: FormId) -> dict[str, Any]:
        return {"clinic_id": self._clinic_id, "form_id": form_id}
