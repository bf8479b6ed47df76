"""Questionnaires as rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select

from clinicflow_core.entities.ids import ClinicId, QuestionnaireId
from clinicflow_core.entities.questionnaire import Definition, Questionnaire
from clinicflow_core.errors import QuestionnaireNotFoundError
from clinicflow_core.ports import Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import questionnaires
from clinicflow_core.wire import dump, structure

_ADD = Fixed(insert(questionnaires), all_columns(questionnaires))
_GET = Fixed(
    select(questionnaires).where(
        questionnaires.c.clinic_id == bindparam("clinic_id"),
        questionnaires.c.id == bindparam("id"),
    )
)
_NEWEST = Fixed(
    select(questionnaires)
    .where(
        questionnaires.c.clinic_id == bindparam("clinic_id"),
        questionnaires.c.name == bindparam("name"),
    )
    .order_by(questionnaires.c.version.desc())
    .limit(1)
)


def _questionnaire_of(row: Row) -> Questionnaire:
    return Questionnaire(
        id=row["id"],
        version=row["version"],
        definition=structure(row["definition"], Definition),
        created_at=row["created_at"],
    )


def _row_of(questionnaire: Questionnaire, clinic_id: ClinicId) -> dict[str, Any]:
    definition = questionnaire.definition
    return {
        "id": questionnaire.id,
        "clinic_id": clinic_id,
        "name": definition.name,
        "version": questionnaire.version,
        "title": definition.title,
        "definition": dump(definition),
        "created_at": questionnaire.created_at,
    }


class SqlQuestionnaires:
    """See `ports.Questionnaires`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId) -> None:
        self._trip = trip
        self._clinic_id = clinic_id

    def add(self, questionnaire: Questionnaire) -> None:
        self._trip.later(_ADD, _row_of(questionnaire, self._clinic_id))

    def get(self, questionnaire_id: QuestionnaireId) -> Questionnaire:
        asked = {"clinic_id": self._clinic_id, "id": questionnaire_id}
        [rows] = self._trip.now((_GET, asked))
        if not rows:
            raise QuestionnaireNotFoundError(questionnaire_id)
        return _questionnaire_of(rows[0])

    def newest(self, name: str) -> Questionnaire | None:
        asked = {"clinic_id": self._clinic_id, "name": name}
        [rows] = self._trip.now((_NEWEST, asked))
        return _questionnaire_of(rows[0]) if rows else None

    def page(self, request: PageRequest) -> Page[Questionnaire]:
        after: tuple[Any, ...] | None = None
        if request.after is not None:
            name, younger_than, questionnaire_id = request.after
            after = (name, int(younger_than) - 10**9, UUID(questionnaire_id))
        return page_of(
            self._trip,
            select(questionnaires).where(questionnaires.c.clinic_id == self._clinic_id),
            [questionnaires.c.name, -questionnaires.c.version, questionnaires.c.id],
            after,
            request,
            _questionnaire_of,
        )
