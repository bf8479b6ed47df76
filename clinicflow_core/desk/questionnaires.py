"""Questionnaires: what the clinic asks, each version of it for good."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from attrs import field, frozen

from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.ids import QuestionnaireId
from clinicflow_core.entities.questionnaire import Definition, Questionnaire
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.interchange.questionnaires import (
    read_definition,
    write_questionnaire,
)
from clinicflow_core.ports import Page, PageRequest, UnitOfWork


@frozen(kw_only=True)
class ImportQuestionnaire:
    """
    A questionnaire from outside.

    Attributes:
        document: A FHIR R4 Questionnaire, a Bundle with one and its value sets, or
            ClinicFlow's own form.
    """

    document: Mapping[str, object] = field(repr=False)


@retried
def add(request: ImportQuestionnaire, uow: UnitOfWork) -> Questionnaire:
    """
    Add a questionnaire: the first version of its name, or the next one.

    If the newest version asks exactly this, that one is returned.

    Raises:
        InvalidError: If the document asks what no questionnaire here can ask; it names
            everything that stands in the way.
    """
    definition = read_definition(request.document)
    with uow:
        uow.actor.must(Permission.KEEP_QUESTIONNAIRES)
        added = newest_with(definition, uow)
        uow.commit()
    return added


@retried
def page(request: PageRequest, uow: UnitOfWork) -> Page[Questionnaire]:
    """Return a part of all versions, by name, the newest of each name first."""
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        standard(uow)
        found = uow.questionnaires.page(request)
        uow.commit()
    return found


def get(questionnaire_id: QuestionnaireId, uow: UnitOfWork) -> Questionnaire:
    """
    Raises:
        QuestionnaireNotFoundError: If there is none.
    """
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        return uow.questionnaires.get(questionnaire_id)


def export(questionnaire_id: QuestionnaireId, uow: UnitOfWork) -> Mapping[str, object]:
    """
    Return a questionnaire as a FHIR R4 Questionnaire.

    Raises:
        QuestionnaireNotFoundError: If there is none.
    """
    return write_questionnaire(get(questionnaire_id, uow))


def standard(uow: UnitOfWork) -> Questionnaire:
    """
    Return the newest version of the questionnaire that comes with the product.

    The clinic gets it when it is first looked for; the unit of work must be committed
    then.
    """
    definition = standard_definition()
    return uow.questionnaires.newest(definition.name) or newest_with(definition, uow)


def newest_with(definition: Definition, uow: UnitOfWork) -> Questionnaire:
    """Return the newest version, a new one unless it asks exactly this already."""
    last = uow.questionnaires.newest(definition.name)
    if last is not None and last.definition == definition:
        # So that a request that is sent again has an answer.
        uow.record("questionnaire.found", last)
        return last
    added = Questionnaire(
        id=QuestionnaireId(uuid4()),
        version=1 if last is None else last.version + 1,
        definition=definition,
        created_at=uow.now,
    )
    uow.questionnaires.add(added)
    facts = {"name": definition.name, "version": added.version}
    uow.record("questionnaire.added", added, facts=facts)
    return added
