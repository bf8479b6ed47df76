"""Writing questionnaires, and the answers to them, as FHIR R4."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC
from typing import Any, Final

from attrs import evolve

from clinicflow_core.entities.intake import FormStatus, IntakeForm
from clinicflow_core.entities.questionnaire import (
    Code,
    Condition,
    Definition,
    Kind,
    Operator,
    Option,
    OptionType,
    Question,
    Questionnaire,
    Scale,
)
from clinicflow_core.interchange.extensions import (
    FACET,
    MAX_OCCURS,
    MAX_VALUE,
    MIN_OCCURS,
    MIN_VALUE,
    ORDINAL,
    SCORE,
    TOPIC,
    UNIT,
    UNIT_OPTION,
)
from clinicflow_core.wire import dump


def write_questionnaire(questionnaire: Questionnaire) -> dict[str, object]:
    """Return a questionnaire as a FHIR R4 Questionnaire; reading it gives the same."""
    asked = questionnaire.definition
    by_id = {place.question.link_id: place.question for place in asked.places}
    extensions = [*map(_written_score, asked.scores), *asked.extensions]
    return _filled(
        resourceType="Questionnaire",
        id=str(questionnaire.id),
        extension=extensions,
        url=_url(questionnaire),
        version=str(questionnaire.version),
        name=asked.name,
        title=asked.title,
        status="active",
        subjectType=["Patient"],
        date=dump(questionnaire.created_at.astimezone(UTC).replace(microsecond=0)),
        description=asked.description,
        code=[_written_code(code) for code in asked.codes],
        item=[_written(question, by_id, asked.totals) for question in asked.items],
    )


def _written(
    question: Question, by_id: Mapping[str, Question], totals: AbstractSet[str]
) -> dict[str, Any]:
    several = len(question.enable_when) > 1
    behavior = "any" if question.enable_any else "all" if several else None
    return _filled(
        extension=list(_written_extensions(question)),
        linkId=question.link_id,
        code=[_written_code(code) for code in question.codes],
        prefix=question.prefix,
        text=question.text,
        type=question.kind.value,
        enableWhen=[
            _written_condition(condition, by_id[condition.question])
            for condition in question.enable_when
        ],
        enableBehavior=behavior,
        required=question.required or None,
        repeats=question.repeats or None,
        readOnly=question.link_id in totals or None,
        maxLength=question.max_length,
        answerOption=[_written_option(option) for option in question.options],
        item=[_written(each, by_id, totals) for each in question.items],
    )


def _written_extensions(question: Question) -> Iterator[Mapping[str, Any]]:
    yield from question.extensions
    for url, count in (
        (MIN_OCCURS, question.min_occurs),
        (MAX_OCCURS, question.max_occurs),
    ):
        if count is not None:
            yield {"url": url, "valueInteger": count}
    for url, limit, day in (
        (MIN_VALUE, question.min_value, question.earliest),
        (MAX_VALUE, question.max_value, question.latest),
    ):
        if limit is not None and question.kind is Kind.INTEGER:
            yield {"url": url, "valueInteger": int(limit)}
        elif limit is not None:
            yield {"url": url, "valueDecimal": limit}
        if day is not None:
            key = "valueDate" if question.kind is Kind.DATE else "valueDateTime"
            yield {"url": url, key: day.isoformat()}
    for unit in question.units:
        url = UNIT_OPTION if question.kind is Kind.QUANTITY else UNIT
        yield {"url": url, "valueCoding": _written_code(unit)}
    if question.topic:
        yield {"url": TOPIC, "valueCode": question.topic.value}
    if question.facet:
        yield {"url": FACET, "valueCode": question.facet.value}


def _written_code(code: Code) -> dict[str, Any]:
    return _filled(system=code.system, code=code.code, display=code.display)


def _written_option(option: Option) -> dict[str, Any]:
    score = None if option.score is None else [_ordinal(option.score)]
    if option.type is OptionType.STRING:
        return _filled(extension=score, valueString=option.code)
    if option.type is OptionType.INTEGER:
        return _filled(extension=score, valueInteger=int(option.code))
    return {"valueCoding": _filled(extension=score, **_coding(option))}


def _ordinal(score: int) -> dict[str, Any]:
    return {"url": ORDINAL, "valueDecimal": score}


def _coding(option: Option) -> dict[str, Any]:
    return _filled(system=option.system, code=option.code, display=option.display)


def _written_condition(condition: Condition, asked: Question) -> dict[str, Any]:
    if condition.operator is Operator.EXISTS:
        answer = {"answerBoolean": condition.value}
    elif asked.kind is Kind.URL:
        answer = {"answerString": condition.value}  # A condition has no answerUri.
    else:
        answer = {
            f"answer{key.removeprefix('value')}": value
            for key, value in _value(asked, condition.value).items()
        }
    operator = condition.operator.value
    return {"question": condition.question, "operator": operator, **answer}


def _written_score(scale: Scale) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"url": "name", "valueString": scale.name},
        {"url": "title", "valueString": scale.title},
        *({"url": "question", "valueString": each} for each in scale.questions),
        *(
            {
                "url": "band",
                "extension": [
                    {"url": "at-least", "valueInteger": band.at_least},
                    {"url": "title", "valueString": band.title},
                ],
            }
            for band in scale.bands
        ),
    ]
    if scale.total is not None:
        parts.append({"url": "total", "valueString": scale.total})
    return {"url": SCORE, "extension": parts}


def write_response(
    form: IntakeForm, questionnaire: Questionnaire | None
) -> dict[str, object]:
    """
    Return the answers of a form as a FHIR R4 QuestionnaireResponse.

    A form that waits for its patient shows what is filled in so far, and one that was
    called back is "stopped". Totals of scores stand where the questionnaire shows them.

    Args:
        questionnaire: The version that the form is pinned to. Without one an answer's
            key is its link id.
    """
    pending = form.status is FormStatus.PENDING
    answers = (form.draft or {}) if pending else form.raw_answers
    if questionnaire is None:
        items = [each for k, v in answers.items() for each in _free_items(k, v)]
    else:
        asked = questionnaire.definition
        items = list(_answered(asked.items, answers, asked, answers))
    stopped = "stopped" if form.revoked_at else "in-progress"
    authored = form.submitted_at or form.updated_at
    return _filled(
        resourceType="QuestionnaireResponse",
        id=str(form.id),
        questionnaire=questionnaire and _canonical(questionnaire),
        status=stopped if pending else "completed",
        subject={"reference": f"Patient/{form.patient_id}"},
        authored=dump(authored),
        item=items,
    )


def _canonical(questionnaire: Questionnaire) -> str:
    return f"{_url(questionnaire)}|{questionnaire.version}"


def _answered(
    questions: Iterable[Question],
    answers: Mapping[str, Any],
    asked: Definition,
    whole: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    for question in questions:
        head = _filled(linkId=question.link_id, text=question.text)
        if question.is_list:
            for entry in answers.get(question.link_id, ()):
                if inner := list(_answered(question.items, entry, asked, whole)):
                    yield {**head, "item": inner}
            continue
        inner = list(_answered(question.items, answers, asked, whole))
        if values := list(_values(question, answers, asked, whole)):
            # What stands under a question stands under its one answer.
            first = _filled(**values[0], item=inner)
            yield {**head, "answer": [first, *values[1:]]}
        elif inner:
            yield {**head, "item": inner}


def _values(
    question: Question,
    answers: Mapping[str, Any],
    asked: Definition,
    whole: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    for scale in asked.scores:
        if scale.total == question.link_id:
            total = asked.total_of(scale, whole)
            if total is not None:
                yield _value(question, total)
    if question.link_id in answers:
        answer = answers[question.link_id]
        for each in answer if question.repeats else [answer]:
            yield _value(question, each)


def _value(question: Question, answer: Any) -> dict[str, Any]:
    """Return an answer as the `value[x]` that its question asks for."""
    match question.kind:
        case Kind.CHOICE | Kind.OPEN_CHOICE:
            return _chosen(question, answer)
        case Kind.QUANTITY:
            return {"valueQuantity": _quantity(question, answer)}
        case Kind.REFERENCE:
            return {"valueReference": {"display": _plain(answer)}}
        case Kind.STRING | Kind.TEXT:
            return {"valueString": _plain(answer)}
        case Kind.TIME:
            return {"valueTime": answer if len(answer) > 5 else f"{answer}:00"}
        case kind:
            return {_VALUE[kind]: answer}


_VALUE: Final[Mapping[Kind, str]] = {
    Kind.BOOLEAN: "valueBoolean",
    Kind.DATE: "valueDate",
    Kind.DATE_TIME: "valueDateTime",
    Kind.DECIMAL: "valueDecimal",
    Kind.INTEGER: "valueInteger",
    Kind.URL: "valueUri",
}


def _chosen(question: Question, answer: Any) -> dict[str, Any]:
    if isinstance(answer, dict):
        return {"valueString": _plain(answer["other"])}
    option = question.option(answer)
    if option is None:
        return {"valueString": _plain(answer)}
    if option.type is OptionType.CODING:
        return {"valueCoding": _coding(option)}
    return _written_option(evolve(option, score=None))


def _quantity(question: Question, answer: Mapping[str, Any]) -> dict[str, Any]:
    unit = answer.get("unit")
    known = next((u for u in question.units if unit in (u.code, u.display)), None)
    return _filled(
        value=answer["value"],
        unit=unit and _plain(unit),
        system=known and known.system,
        code=known and known.system and known.code,
    )


def _free_items(key: str, value: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of one key of a free form; what says nothing has none."""
    link_id = _plain(key) if key.strip() else "-"
    if isinstance(value, Mapping):
        inner = [each for k, v in value.items() for each in _free_items(k, v)]
        if inner:
            yield {"linkId": link_id, "item": inner}
        return
    parts = value if isinstance(value, list) else [value]
    leaves = [part for part in parts if not isinstance(part, Mapping | list)]
    if said := [_free_value(leaf) for leaf in leaves if not _says_nothing(leaf)]:
        yield {"linkId": link_id, "answer": said}
    for part in parts:
        if isinstance(part, Mapping | list):
            yield from _free_items(key, part)


def _says_nothing(leaf: object) -> bool:
    return leaf is None or (isinstance(leaf, str) and not leaf.strip())


def _free_value(leaf: object) -> dict[str, Any]:
    if isinstance(leaf, bool):
        return {"valueBoolean": leaf}
    if isinstance(leaf, int | float):
        return {"valueDecimal": leaf}
    return {"valueString": _plain(str(leaf))}


# FHIR's own pattern of a string: no other space than these, which \S leaves out.
_ODD_SPACE: Final = re.compile(r"[^ \r\n\t\S]")


def _plain(text: str) -> str:
    return _ODD_SPACE.sub(" ", text)


def _url(questionnaire: Questionnaire) -> str:
    return questionnaire.definition.url or f"urn:uuid:{questionnaire.id}"


def _filled(**elements: Any) -> dict[str, Any]:
    """Return the elements that say something: FHIR knows no null and no empty list."""
    return {k: v for k, v in elements.items() if v is not None and v not in ([], {})}
