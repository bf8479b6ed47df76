"""Intake forms and the links to them as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import asdict
from sqlalchemy import bindparam, delete, exists, insert, select, update

from clinicflow_core.entities.ids import AppointmentId, ClinicId, DoctorId, FormId
from clinicflow_core.entities.intake import FormStatus, IntakeForm, IntakeLink
from clinicflow_core.errors import ContentionError, FormNotFoundError, StoreBusyError
from clinicflow_core.ports import FormFilter, Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.summaries import IS_FLAGGED
from clinicflow_core.sql.tables import (
    ai_intake_summaries,
    appointments,
    intake_forms,
    intake_links,
)
from clinicflow_core.sql.versions import replace, update_of

_forms, _links = intake_forms.c, intake_links.c

_ADD = Fixed(insert(intake_forms), all_columns(intake_forms))
_SAVE = update_of(intake_forms)
_GET = Fixed(
    select(intake_forms).where(
        _forms.clinic_id == bindparam("clinic_id"), _forms.id == bindparam("id")
    )
)
_CURRENT_OF = Fixed(
    select(intake_forms).where(
        _forms.clinic_id == bindparam("clinic_id"),
        _forms.appointment_id == bindparam("appointment_id"),
        _forms.revoked_at.is_(None),
    )
)
_ADD_LINK = Fixed(insert(intake_links), all_columns(intake_links))
_link = select(intake_links).where(
    _links.clinic_id == bindparam("clinic_id"),
    _links.token_hash == bindparam("token_hash"),
)
_FIND_LINK = Fixed(_link)
_HOLD_LINK = Fixed(_link.with_for_update())
_SAVE_LINK = Fixed(
    update(intake_links).where(
        _links.clinic_id == bindparam("of_clinic_id"),
        _links.token_hash == bindparam("of_token_hash"),
    ),
    ("expires_at", "revoked_at", "receipt", "birth_date_tries"),
)
_LINKS_OF = Fixed(
    select(intake_links)
    .where(
        _links.clinic_id == bindparam("clinic_id"),
        _links.form_id == bindparam("form_id"),
    )
    .order_by(_links.created_at, _links.token_hash)
)
_REVOKE_LINKS = Fixed(
    update(intake_links).where(
        _links.clinic_id == bindparam("of_clinic_id"),
        _links.form_id == bindparam("of_form_id"),
        _links.revoked_at.is_(None),
    ),
    ("revoked_at",),
)

REMOVE_LINKS = Fixed(
    delete(intake_links).where(
        _links.clinic_id == bindparam("clinic"),
        _links.form_id.in_(
            select(_forms.id).where(
                _forms.clinic_id == bindparam("clinic"),
                _forms.patient_id == bindparam("patient"),
            )
        ),
    )
)
"""Lets no link to a form of one patient work, nor be known, any more."""

REMOVE_INTAKE = (
    REMOVE_LINKS,
    *(
        Fixed(
            delete(table).where(
                table.c.clinic_id == bindparam("clinic"),
                table.c.patient_id == bindparam("patient"),
            )
        )
        for table in (ai_intake_summaries, intake_forms)
    ),
)
"""Removes what one patient ever told, and what was made of it."""


def form_of(row: Row) -> IntakeForm:
    return IntakeForm(
        id=row["id"],
        patient_id=row["patient_id"],
        appointment_id=row["appointment_id"],
        questionnaire_id=row["questionnaire_id"],
        raw_answers=row["raw_answers"],
        draft=row["draft"],
        dropped=tuple(row["dropped"]),
        status=FormStatus(row["status"]),
        submitted_at=row["submitted_at"],
        reviewed_at=row["reviewed_at"],
        reviewed_by_id=row["reviewed_by_id"],
        revoked_at=row["revoked_at"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def whole_form_of(row: Row) -> Mapping[str, object]:
    """Return a form with its draft, which never crosses the wire otherwise."""
    return asdict(form_of(row), recurse=False)


def _row_of(form: IntakeForm, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "id": form.id,
        "clinic_id": clinic_id,
        "patient_id": form.patient_id,
        "appointment_id": form.appointment_id,
        "questionnaire_id": form.questionnaire_id,
        "raw_answers": form.raw_answers,
        "draft": form.draft,
        "dropped": list(form.dropped),
        "status": form.status.value,
        "submitted_at": form.submitted_at,
        "reviewed_at": form.reviewed_at,
        "reviewed_by_id": form.reviewed_by_id,
        "revoked_at": form.revoked_at,
        "version": form.version,
        "created_at": form.created_at,
        "updated_at": form.updated_at,
    }


def _link_of(row: Row) -> IntakeLink:
    return IntakeLink(
        token_hash=row["token_hash"],
        form_id=row["form_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        receipt=row["receipt"],
        birth_date_tries=row["birth_date_tries"],
    )


def _row_of_link(link: IntakeLink, clinic_id: ClinicId) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "token_hash": link.token_hash,
        "form_id": link.form_id,
        "created_at": link.created_at,
        "expires_at": link.expires_at,
        "revoked_at": link.revoked_at,
        "receipt": link.receipt,
        "birth_date_tries": link.birth_date_tries,
    }


class SqlIntakeForms:
    """See `ports.IntakeForms`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, form: IntakeForm) -> None:
        self._trip.later(_ADD, _row_of(form, self._clinic_id))

    def get(self, form_id: FormId) -> IntakeForm:
        asked = {"clinic_id": self._clinic_id, "id": form_id}
        [rows] = self._trip.now((_GET, asked))
        if not rows:
            raise FormNotFoundError(form_id)
        return form_of(rows[0])

    def save(self, form: IntakeForm) -> None:
        replace(self._trip, _SAVE, _row_of(form, self._clinic_id))

    def page(
        self,
        which: FormFilter,
        request: PageRequest,
        of_doctor: DoctorId | None = None,
        *,
        newest_first: bool = False,
    ) -> Page[IntakeForm]:
        query = select(intake_forms).where(_forms.clinic_id == self._clinic_id)
        if which.status is not None:
            query = query.where(_forms.status == which.status.value)
        if which.patient_id is not None:
            query = query.where(_forms.patient_id == which.patient_id)
        if which.appointment_id is not None:
            query = query.where(_forms.appointment_id == which.appointment_id)
        if which.flagged:
            query = query.where(
                exists().where(
                    ai_intake_summaries.c.clinic_id == self._clinic_id,
                    ai_intake_summaries.c.intake_form_id == _forms.id,
                    IS_FLAGGED,
                )
            )
        if of_doctor is not None:
            query = query.where(
                exists().where(
                    appointments.c.clinic_id == self._clinic_id,
                    appointments.c.patient_id == _forms.patient_id,
                    appointments.c.doctor_id == of_doctor,
                    appointments.c.offered_until.is_(None),
                )
            )
        after = request.after and (
            datetime.fromisoformat(request.after[0]),
            UUID(request.after[1]),
        )
        order = [_forms.created_at, _forms.id]
        return page_of(
            self._trip, query, order, after, request, form_of, backwards=newest_first
        )

    def current_of(self, appointment_id: AppointmentId) -> IntakeForm | None:
        asked = {"clinic_id": self._clinic_id, "appointment_id": appointment_id}
        [rows] = self._trip.now((_CURRENT_OF, asked))
        return form_of(rows[0]) if rows else None

    def add_link(self, link: IntakeLink) -> None:
        self._trip.later(_ADD_LINK, _row_of_link(link, self._clinic_id))

    def find_link(self, token_hash: str) -> IntakeLink | None:
        return self._link(_FIND_LINK, token_hash)

    def hold_link(self, token_hash: str) -> IntakeLink | None:
        return self._link(_HOLD_LINK, token_hash)

    def save_link(self, link: IntakeLink) -> None:
        of = {"of_clinic_id": self._clinic_id, "of_token_hash": link.token_hash}
        row = _row_of_link(link, self._clinic_id)
        self._trip.later(_SAVE_LINK, {**row, **of}, _is_there)

    def links_of(self, form_id: FormId) -> tuple[IntakeLink, ...]:
        asked = {"clinic_id": self._clinic_id, "form_id": form_id}
        [rows] = self._trip.now((_LINKS_OF, asked))
        return tuple(map(_link_of, rows))

    def revoke_links(self, form_id: FormId, now: datetime) -> None:
        of = {"of_clinic_id": self._clinic_id, "of_form_id": form_id}
        self._trip.later(_REVOKE_LINKS, {**of, "revoked_at": now})

    def _link(self, get: Fixed, token_hash: str) -> IntakeLink | None:
        asked = {"clinic_id": self._clinic_id, "token_hash": token_hash}
        [rows] = self._trip.now((get, asked))
        return _link_of(rows[0]) if rows else None


def _is_there(count: int) -> None:
    if count != 1:
        raise ContentionError(StoreBusyError())
