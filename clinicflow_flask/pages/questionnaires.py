"""Questionnaires: what patients are asked, in all versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Final

from flask import Response, request

from clinicflow_core import wire
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import questionnaires
from clinicflow_core.desk.questionnaires import ImportQuestionnaire
from clinicflow_core.entities.ids import QuestionnaireId
from clinicflow_core.entities.questionnaire import (
    Condition,
    Definition,
    Kind,
    Operator,
    Question,
    Questionnaire,
)
from clinicflow_core.json_text import read_json
from clinicflow_core.ports import PageRequest
from clinicflow_flask.pages import browsers, forms
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.forms import Form
from clinicflow_flask.pages.rendering import go, render
from clinicflow_flask.pages.table import Page

_QUESTIONNAIRES: Final = "/settings/questionnaires"
_NEW: Final = f"{_QUESTIONNAIRES}/new"
_ONE: Final = f"{_QUESTIONNAIRES}/{{questionnaire_id}}"

_FILE: Final = "file"
_LONGEST_QUOTE: Final = 100
_MOST: Final = PageRequest(limit=500)

ANSWERED: Final = {
    Kind.STRING: "in a line",
    Kind.TEXT: "in words",
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: "a number",
    Kind.DATE: "a date",
    Kind.DATE_TIME: "a date, with the time if it is known",
    Kind.TIME: "a time",
    Kind.BOOLEAN: "yes or no",
    Kind.CHOICE: "one of these",
    Kind.OPEN_CHOICE: "one of these, or something else",
    Kind.URL: "a web address",
    Kind.QUANTITY: "a number and its unit",
    Kind.REFERENCE: "in words",
}
"""How each kind of question is answered."""


_OPERATORS: Final = {
    Operator.EQUAL: "is",
    Operator.NOT_EQUAL: "is not",
    Operator.GREATER: "is more than",
    Operator.LESS: "is less than",
    Operator.AT_LEAST: "is at least",
    Operator.AT_MOST: "is at most",
}


def _list(who: Visitor) -> Response:
    return render(
        "questionnaires.html",
        who,
        questionnaires=questionnaires.page(_MOST, who.desk()).items,
    )


def _new(who: Visitor) -> Response:
    return _new_shown(who, Form())


def _add(who: Visitor) -> Response:
    form = forms.sent()

    def add(_: forms.Nothing) -> Questionnaire:
        document = read_json(_sent(form))
        wanted = wire.structure({"document": document}, ImportQuestionnaire)
        return questionnaires.add(wanted, who.desk())

    # The places are those in the document, which no field is named after.
    added = form.done(forms.Nothing, add, where=lambda at: at.removeprefix("/document"))
    if added is None:
        return _new_shown(who, form)
    browsers.say("This version is what patients are asked from now on.")
    return go(_ONE.format(questionnaire_id=added.id))


def _sent(form: Form) -> bytes:
    """Return the document: the file that was sent, else what was pasted."""
    file = request.files.get(_FILE)
    return file.read() if file else form["document"].encode()


def _new_shown(who: Visitor, form: Form) -> Response:
    who.must(Permission.KEEP_QUESTIONNAIRES)
    return render("questionnaires_new.html", who, form.status, form=form)


def _one(questionnaire_id: QuestionnaireId, who: Visitor) -> Response:
    found = questionnaires.get(questionnaire_id, who.desk())
    return render(
        "questionnaire.html",
        who,
        questionnaire=found,
        definition=found.definition,
        answered=ANSWERED,
        conditions=_conditions(found.definition),
    )


def _conditions(definition: Definition) -> Mapping[str, Sequence[str]]:
    """Return, by link id, when a question is asked, in words."""
    by_id = {place.question.link_id: place.question for place in definition.places}
    return {
        link_id: [
            _in_words(each, by_id[each.question]) for each in question.enable_when
        ]
        for link_id, question in by_id.items()
    }


def _in_words(condition: Condition, question: Question) -> str:
    asked = f"“{shorten(question.words, _LONGEST_QUOTE, placeholder='…')}”"
    if condition.operator is Operator.EXISTS:
        return f"{asked} is {'' if condition.value else 'not '}answered"
    value = condition.value
    if option := question.option(value):
        value = option.words
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    return f"{asked} {_OPERATORS[condition.operator]} {value}"


def _export(questionnaire_id: QuestionnaireId, who: Visitor) -> Response:
    document = questionnaires.export(questionnaire_id, who.desk())
    name = f"questionnaire-{questionnaire_id}.json"
    return Response(
        json.dumps(document, indent=2),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        content_type="application/fhir+json",
    )


PAGES = (
    Page("GET", _QUESTIONNAIRES, _list),
    Page("GET", _NEW, _new),
    Page("POST", _QUESTIONNAIRES, _add),
    Page("GET", _ONE, _one),
    Page("GET", f"{_ONE}/fhir", _export),
)
