from __future__ import annotations

from uuid import uuid4

import pytest

from clinicflow_core.desk import questionnaires
from clinicflow_core.desk.questionnaires import ImportQuestionnaire
from clinicflow_core.entities.ids import QuestionnaireId
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import (
    InvalidError,
    NotPermittedError,
    QuestionnaireNotFoundError,
)
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.ports import PageRequest
from tests.builders import NOW, open_clinic
from tests.core.desk.acts import events_of
from tests.core.desk.test_intake import SHORT


def add(clinic, document=SHORT, **changes):
    return questionnaires.add(
        ImportQuestionnaire(document={**document, **changes}), clinic.uow
    )


def listed(clinic, **part):
    found = questionnaires.page(PageRequest(**part), clinic.uow)
    return [(each.definition.name, each.version) for each in found.items], found.next


def test_a_questionnaire_is_added_as_the_first_of_its_name(clinic):
    added = add(clinic)

    assert (added.definition.name, added.version) == ("short", 1)
    assert added.created_at == NOW
    assert questionnaires.get(added.id, clinic.uow) == added
    [event] = events_of(added, clinic)
    assert event.kind == "questionnaire.added"
    assert event.facts == {"name": "short", "version": 1}


def test_what_asks_something_else_is_the_next_version_and_the_last_one_stays(clinic):
    first = add(clinic)

    second = add(clinic, title="Other questions")

    assert (second.version, second.id != first.id) == (2, True)
    assert questionnaires.get(first.id, clinic.uow) == first


def test_what_asks_the_same_is_the_same_version(clinic):
    first = add(clinic)

    assert add(clinic) == first


def test_each_clinic_has_the_one_that_comes_with_the_product(clinic):
    standard = standard_definition()

    assert listed(clinic) == ([(standard.name, 1)], None)
    assert listed(clinic) == ([(standard.name, 1)], None)


def test_questionnaires_are_listed_by_name_the_newest_version_first(clinic):
    add(clinic)
    add(clinic, title="Other questions")
    name = standard_definition().name

    whole, _ = listed(clinic)
    assert whole == sorted([(name, 1), ("short", 2), ("short", 1)], key=lambda e: e[0])

    parts, after = [], None
    while True:
        found, after = listed(clinic, limit=1, after=after)
        parts += found
        if after is None:
            break
    assert parts == whole


def test_a_questionnaire_goes_out_as_it_came_in(clinic):
    added = add(clinic)

    told = questionnaires.export(added.id, clinic.uow)

    assert told["resourceType"] == "Questionnaire"
    assert add(clinic, dict(told)) == added


def test_what_cannot_be_asked_here_is_refused_by_name(clinic):
    wrong = {"linkId": "x", "type": "attachment", "text": "A photo?"}

    with pytest.raises(InvalidError, match="attachment"):
        add(clinic, item=[wrong])

    assert ("short", 1) not in listed(clinic)[0]


def test_another_clinics_questionnaire_is_not_there(clinic):
    other = add(open_clinic(clinic.store))

    for act in (questionnaires.get, questionnaires.export):
        with pytest.raises(QuestionnaireNotFoundError):
            act(other.id, clinic.uow)
        with pytest.raises(QuestionnaireNotFoundError):
            act(QuestionnaireId(uuid4()), clinic.uow)


def test_a_doctor_reads_questionnaires_and_adds_none(clinic):
    added = add(clinic)
    doctor = clinic.by(Role.DOCTOR)

    assert questionnaires.get(added.id, doctor) == added
    with pytest.raises(NotPermittedError):
        questionnaires.add(ImportQuestionnaire(document=SHORT), doctor)
