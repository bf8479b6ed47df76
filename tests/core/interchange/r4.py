"""
What FHIR R4 (4.0.1) says a Questionnaire and a QuestionnaireResponse may hold.

Judged by HL7's own JSON schema and by the specification's tables, written out here: the
schema does not know which elements must be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft6Validator

SCHEMA = Path(__file__).parents[2] / "data" / "fhir" / "fhir.schema.json"

_PRIMITIVES = {
    "boolean": None,
    "canonical": r"\S*",
    "code": r"[^\s]+(?:\s[^\s]+)*",
    "date": r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?",
    "dateTime": (
        r"[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01])"
        r"(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
        r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)))?)?)?"
    ),
    "decimal": None,
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "integer": None,
    "markdown": r"\s*(?:\S|\s)*",
    "string": r"[ \r\n\t\S]+",
    "time": r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?",
    "uri": r"\S*",
}
_ANY = "*"

# "!" must be there, "*" after a name is a list, "[x]" is one of several types.
_TYPES: dict[str, dict[str, str]] = {
    "Questionnaire": {
        "resourceType!": "code",
        "id": "id",
        "extension*": "Extension",
        "contained*": _ANY,
        "meta": _ANY,
        "text": _ANY,
        "identifier*": _ANY,
        "url": "uri",
        "version": "string",
        "name": "string",
        "title": "string",
        "status!": "code",
        "subjectType*": "code",
        "date": "dateTime",
        "publisher": "string",
        "description": "markdown",
        "jurisdiction*": _ANY,
        "effectivePeriod": _ANY,
        "code*": "Coding",
        "item*": "Questionnaire.item",
    },
    "Questionnaire.item": {
        "id": "string",
        "extension*": "Extension",
        "linkId!": "string",
        "definition": "uri",
        "code*": "Coding",
        "prefix": "string",
        "text": "string",
        "type!": "code",
        "enableWhen*": "Questionnaire.enableWhen",
        "enableBehavior": "code",
        "required": "boolean",
        "repeats": "boolean",
        "readOnly": "boolean",
        "maxLength": "integer",
        "answerValueSet": "canonical",
        "answerOption*": "Questionnaire.answerOption",
        "item*": "Questionnaire.item",
    },
    "Questionnaire.enableWhen": {
        "question!": "string",
        "operator!": "code",
        "answer[x]!": "boolean decimal integer date dateTime time string Coding"
        " Quantity Reference",
    },
    "Questionnaire.answerOption": {
        "extension*": "Extension",
        "value[x]!": "integer date time string Coding Reference",
        "initialSelected": "boolean",
    },
    "QuestionnaireResponse": {
        "resourceType!": "code",
        "id": "id",
        "contained*": _ANY,
        "text": _ANY,
        "identifier": _ANY,
        "basedOn*": "Reference",
        "partOf*": "Reference",
        "questionnaire": "canonical",
        "status!": "code",
        "subject": "Reference",
        "encounter": "Reference",
        "authored": "dateTime",
        "author": "Reference",
        "source": "Reference",
        "item*": "QuestionnaireResponse.item",
    },
    "QuestionnaireResponse.item": {
        "linkId!": "string",
        "text": "string",
        "answer*": "QuestionnaireResponse.answer",
        "item*": "QuestionnaireResponse.item",
    },
    "QuestionnaireResponse.answer": {
        "value[x]": "boolean decimal integer date dateTime time string uri Coding"
        " Quantity Reference Attachment",
        "item*": "QuestionnaireResponse.item",
    },
    "Coding": {
        "id": "string",
        "extension*": "Extension",
        "system": "uri",
        "version": "string",
        "code": "code",
        "display": "string",
        "userSelected": "boolean",
    },
    "Quantity": {
        "value": "decimal",
        "comparator": "code",
        "unit": "string",
        "system": "uri",
        "code": "code",
    },
    "Reference": {
        "reference": "string",
        "type": "uri",
        "identifier": _ANY,
        "display": "string",
    },
    "Extension": {
        "id": "string",
        "extension*": "Extension",
        "url!": "uri",
        "value[x]": "boolean canonical code date dateTime decimal integer string uri"
        " Coding CodeableConcept Attachment Expression",
    },
    "CodeableConcept": {"coding*": "Coding", "text": "string"},
    "Attachment": {"url": "uri", "title": "string"},
    "Expression": {"language": "code", "expression": "string"},
}
_CODES = {
    "Questionnaire.status": {"draft", "active", "retired", "unknown"},
    "Questionnaire.item.enableBehavior": {"all", "any"},
    "Questionnaire.enableWhen.operator": {"exists", "=", "!=", ">", "<", ">=", "<="},
    "Questionnaire.item.type": {
        *("group", "display", "boolean", "decimal", "integer", "date", "dateTime"),
        *("time", "string", "text", "url", "choice", "open-choice", "attachment"),
        *("reference", "quantity"),
    },
    "QuestionnaireResponse.status": {
        *("in-progress", "completed", "amended", "entered-in-error", "stopped")
    },
}


def mistakes(resource: dict[str, Any]) -> list[str]:
    """Return what is not as FHIR R4 says, as "where: what"."""
    kind = resource["resourceType"]
    found = _hl7s(kind).iter_errors(resource)
    by_schema = [f"{error.json_path}: {error.message}" for error in found]
    return [*by_schema, *_judge(resource, kind, "")]


@cache
def _hl7s(kind: str) -> Draft6Validator:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    return Draft6Validator({**schema, "$ref": f"#/definitions/{kind}"})


def _judge(value: Any, kind: str, where: str) -> Iterator[str]:
    if kind == _ANY:
        return
    if kind in _PRIMITIVES:
        if not _is_primitive(value, kind):
            yield f"{where}: is no {kind}"
        return
    if type(value) is not dict or not value:
        yield f"{where}: is no {kind}"
        return
    known: set[str] = set()
    for name, types in _TYPES[kind].items():
        bare = name.rstrip("!*").removesuffix("[x]")
        keys = _keys(bare, types) if "[x]" in name else {bare: types}
        there = value.keys() & keys.keys()
        known |= there
        if len(there) > 1 or (name.endswith("!") and not there):
            yield f"{where}/{bare}: must be there once"
        for key in there:
            yield from _each(value[key], keys[key], f"{where}/{key}", name)
            codes = _CODES.get(f"{kind}.{key}")
            if codes and value[key] not in codes:
                yield f"{where}/{key}: is no code of it"
    yield from (f"{where}/{key}: is not known" for key in value.keys() - known)


def _keys(bare: str, types: str) -> dict[str, str]:
    return {bare + kind[0].upper() + kind[1:]: kind for kind in types.split()}


def _each(value: Any, kind: str, where: str, name: str) -> Iterator[str]:
    if not name.endswith("*"):
        yield from _judge(value, kind, where)
    elif type(value) is not list or not value:
        yield f"{where}: is no list"
    else:
        for position, each in enumerate(value):
            yield from _judge(each, kind, f"{where}/{position}")


def _is_primitive(value: Any, kind: str) -> bool:
    if kind == "boolean":
        return type(value) is bool
    if kind == "integer":
        return type(value) is int and -(2**31) <= value < 2**31
    if kind == "decimal":
        return type(value) in (int, float)
    pattern = _PRIMITIVES[kind]
    return (
        type(value) is str and bool(re.fullmatch(pattern or "", value)) and value != ""
    )
