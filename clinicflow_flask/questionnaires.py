"""What patients are asked before they come."""

from __future__ import annotations

from uuid import UUID

from clinicflow_core.checks import pattern
from clinicflow_core.desk import questionnaires
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.ports import Page, UnitOfWork
from clinicflow_flask.paging import Listing, page_request
from clinicflow_flask.routes import Route

_NEWEST_FIRST = pattern("[0-9]{9}", "must be nine digits")
"""The second part of a questionnaire's place in the list, as its `sort_key` has it."""


def _page(query: Listing, uow: UnitOfWork) -> Page[Questionnaire]:
    request = page_request(query.limit, query.cursor, str, _NEWEST_FIRST, UUID)
    return questionnaires.page(request, uow)


ROUTES = (
    Route(
        "GET",
        "/api/intake/questionnaires",
        _page,
        "List the questionnaires in all their versions, by name, the newest first",
    ),
    Route(
        "POST",
        "/api/intake/questionnaires",
        questionnaires.add,
        "Add a version of a questionnaire, as FHIR R4 has it or as ClinicFlow does",
        status=201,
        once=True,
        body_is="document",
    ),
    Route(
        "GET",
        "/api/intake/questionnaires/{questionnaire_id}",
        questionnaires.get,
        "Show a version of a questionnaire",
    ),
    Route(
        "GET",
        "/api/intake/questionnaires/{questionnaire_id}/fhir",
        questionnaires.export,
        "Show a version of a questionnaire as a FHIR R4 Questionnaire",
    ),
)
