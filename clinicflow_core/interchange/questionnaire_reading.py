"""Reading FHIR R4 questionnaires; see `questionnaires` for what of them is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import Factory, define

from clinicflow_core.entities.questionnaire import MAX_DEPTH, Definition, Kind
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.interchange import value_sets as sets
from clinicflow_core.interchange.extensions import (
    CORE,
    FACET,
    HL7,
    LOOKS,
    MAX_OCCURS,
    MAX_VALUE,
    MIN_OCCURS,
    MIN_VALUE,
    SCORE,
    TOPIC,
    UNIT,
    UNIT_OPTION,
)
from clinicflow_core.interchange.nodes import OUTSIDE, Node, node, too_deep
from clinicflow_core.interchange.panels import recognised
from clinicflow_core.wire import INT64, structure

_CALCULATED: Final = frozenset(
    {
        f"{CORE}cqf-expression",
        f"{CORE}questionnaire-calculatedExpression",
        f"{HL7}uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression",
    }
)
_TOP: Final = frozenset(
    {
        *("resourceType", "name", "title", "description", "url", "code", "item"),
        *("extension", "status", "subjectType", "contained"),
    }
)
_TOP_NOT_KEPT: Final = frozenset(
    {
        *("id", "meta", "language", "text", "identifier", "version", "derivedFrom"),
        *("experimental", "date", "publisher", "contact", "useContext"),
        *("jurisdiction", "purpose", "copyright", "approvalDate", "lastReviewDate"),
        *("effectivePeriod",),
    }
)
_ITEM: Final = frozenset(
    {
        *("linkId", "code", "prefix", "text", "type", "required", "repeats"),
        *("maxLength", "answerOption", "answerValueSet", "enableWhen"),
        *("enableBehavior", "item", "extension", "readOnly"),
    }
)
_ITEM_NOT_KEPT: Final = frozenset({"id", "definition"})
_CODING: Final = frozenset({"system", "code", "display"})
_CODING_NOT_KEPT: Final = frozenset({"id", "version", "userSelected"})
_STATUSES: Final = ("draft", "active", "retired", "unknown")

# What the entity's words are in FHIR, for pointers.
_IN_FHIR: Final[Mapping[str, str]] = {
    "items": "item",
    "link_id": "linkId",
    "kind": "type",
    "codes": "code",
    "max_length": "maxLength",
    "options": "answerOption",
    "enable_when": "enableWhen",
    "value": "answer",
    "scores": "extension",
    **dict.fromkeys(
        ("min_value", "max_value", "earliest", "latest", "units", "topic", "facet"),
        "extension",
    ),
    **dict.fromkeys(("min_occurs", "max_occurs", "extensions"), "extension"),
}


def read_definition(document: object) -> Definition:
    """
    Return what a document asks: FHIR if it has a `resourceType`, else our own JSON.

    Raises:
        InvalidError: If it is neither, with every problem.
    """
    if too_deep(document):
        raise InvalidError((Problem("", "is nested too deeply"),))
    if isinstance(document, dict) and "resourceType" in document:
        return read_questionnaire(document)
    return structure(document, Definition)


def read_questionnaire(
    document: object, value_sets: Iterable[object] = ()
) -> Definition:
    """
    Return what a FHIR R4 Questionnaire asks.

    Args:
        document: The Questionnaire, or a Bundle that holds it, and value sets beside
            it if it needs any.
        value_sets: More of those that it needs, as ValueSet resources.

    Raises:
        InvalidError: If it is no Questionnaire, or holds what is outside of the subset
            (see the module), with every problem; the pointers lead into *document*,
            and for one of the *value_sets* start with "/value_sets".
    """
    if too_deep(document):
        raise InvalidError((Problem("", "is nested too deeply"),))
    reader = _Reader()
    for position, each in enumerate(value_sets):
        if found := node(each, f"/value_sets/{position}", reader.problems):
            reader.take_value_set(found)
    root = node(document, "", reader.problems)
    resource = root and reader.find(root)
    definition = resource and reader.read(resource)
    if reader.problems or not isinstance(definition, Definition):
        found_all = sorted(reader.problems, key=lambda p: (p.pointer, p.detail))
        raise InvalidError(tuple(found_all))
    return definition


@define
class _Reader:
    """
    A Questionnaire while it is read.

    It is put into our own JSON first, which is then read as strictly as any; where
    something is wrong, a stand-in takes its place, so that all problems are found.

    Attributes:
        _sets: The value sets that are at hand, by address.
        _options: Of each choice, by link id.
        _worked_out: What nobody can answer, by link id, with why.
        _conditions: Those whose answer is a code or a number, with what they say.
    """

    problems: list[Problem] = Factory(list)
    _sets: dict[str, Node] = Factory(dict)
    _options: dict[str, list[Mapping[str, Any]]] = Factory(dict)
    _worked_out: list[tuple[str | None, Node, str]] = Factory(list)
    _conditions: list[tuple[Node, dict[str, Any], str | None]] = Factory(list)

    def take_value_set(self, value_set: Node, full_url: str | None = None) -> None:
        for address in sets.addresses(value_set, full_url):
            self._sets[address] = value_set

    def find(self, root: Node) -> Node | None:
        """Return the Questionnaire; take in the value sets beside it."""
        if root.text("resourceType") != "Bundle":
            return self._is_questionnaire(root)
        questionnaires = []
        for entry in root.nodes("entry"):
            resource = entry.node("resource")
            if resource is None:
                entry.wrong("/resource", "is required")
            elif resource.text("resourceType") == "ValueSet":
                self.take_value_set(resource, entry.text("fullUrl"))
            elif self._is_questionnaire(resource):
                questionnaires.append(resource)
        if len(questionnaires) == 1:
            return questionnaires[0]
        root.wrong("/entry", "must hold one Questionnaire")
        return None

    @staticmethod
    def _is_questionnaire(resource: Node) -> Node | None:
        if resource.text("resourceType") == "Questionnaire":
            return resource
        resource.wrong("/resourceType", "is not Questionnaire")
        return None

    def read(self, resource: Node) -> Definition | None:
        resource.only(_TOP, _TOP_NOT_KEPT)
        self._judge_top(resource)
        for contained in resource.nodes("contained"):
            if contained.text("resourceType") != "ValueSet":
                contained.wrong("/resourceType", "is not ValueSet")
            self._sets[f"#{contained.text('id')}"] = contained
        scores, extensions = self._top_extensions(resource)
        definition = _present(
            description=resource.text("description"),
            url=_own_url(resource.text("url")),
            codes=[_code(each) for each in resource.nodes("code")],
            items=[self._question(each, 1) for each in resource.nodes("item")],
            extensions=extensions,
        )
        definition["title"] = _title(resource, definition["codes"])
        definition["name"] = _name(resource, definition["title"])
        definition["scores"] = scores or recognised(definition)
        self._finish(definition)
        try:
            return structure(definition, Definition)
        except InvalidError as error:
            self.problems += [
                Problem(resource.pointer + _in_fhir(p.pointer), p.detail)
                for p in error.problems
            ]
        return None

    @staticmethod
    def _judge_top(resource: Node) -> None:
        if resource.text("status") not in _STATUSES:
            resource.wrong("/status", f"must be one of: {', '.join(_STATUSES)}")
        subjects = resource.value.get("subjectType", ["Patient"])
        if not isinstance(subjects, list) or "Patient" not in subjects:
            resource.wrong("/subjectType", "must include Patient")

    def _top_extensions(
        self, resource: Node
    ) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
        scores: list[dict[str, Any]] = []
        kept: list[Mapping[str, Any]] = []
        for extension in resource.nodes("extension"):
            url = extension.text("url")
            if url == SCORE:
                scores.append(_score(extension))
            elif _may_be_kept(extension, url):
                kept.append(extension.value)
        return scores, kept

    def _question(self, item: Node, depth: int) -> dict[str, Any]:
        item.only(_ITEM, _ITEM_NOT_KEPT)
        link_id = item.text("linkId")
        question = _present(
            link_id=link_id,
            kind=_kind(item),
            text=item.text("text"),
            prefix=item.text("prefix"),
            codes=[_code(each) for each in item.nodes("code")],
            required=item.flag("required"),
            repeats=item.flag("repeats"),
            max_length=item.whole("maxLength"),
            enable_when=[self._condition(each) for each in item.nodes("enableWhen")],
            enable_any=_is_any(item),
            items=[],
        )
        if item.flag("readOnly"):
            self._worked_out.append((link_id, item, "/readOnly"))
        self._read_options(item, question)
        question["extensions"] = list(self._extensions(item, question))
        if depth <= MAX_DEPTH:  # One level more than fits, for the entity to refuse.
            inner = item.nodes("item")
            question["items"] = [self._question(each, depth + 1) for each in inner]
        return question

    def _condition(self, condition: Node) -> dict[str, Any]:
        condition.only({"id", "question", "operator"}, prefix="answer")
        question = condition.text("question")
        read = _present(question=question, operator=condition.text("operator"))
        key = condition.choice("answer")
        system = None
        if key == "answerCoding":
            if coding := condition.node(key):
                coding.only(_CODING, _CODING_NOT_KEPT)
                read["value"], system = coding.text("code"), coding.text("system")
        elif key in ("answerQuantity", "answerReference"):
            condition.wrong(f"/{key}", OUTSIDE)
        elif key == "answerTime":
            # FHIR always says the seconds; we say them where there are any.
            read["value"] = (condition.text(key) or "").removesuffix(":00")
        elif key:
            read["value"] = condition.value[key]
        read.setdefault("value", None)
        self._conditions.append((condition, read, system))
        return read

    def _read_options(self, item: Node, question: dict[str, Any]) -> None:
        options: list[Mapping[str, Any]] = [
            _option(each) for each in item.nodes("answerOption")
        ]
        if address := item.text("answerValueSet"):
            if options:
                item.wrong("/answerValueSet", "must not stand beside answerOption")
            found = sets.resolve(address, self._sets)
            if found is None:
                item.wrong("/answerValueSet", f"needs the value set {address}")
            options = list(found or ())
            if not options:
                # Any words fit, so that no condition on it seems to be wrong.
                question["kind"] = "open-choice"
                options = [{"code": "needed"}]
        if options:
            question["options"] = options
        if question.get("link_id"):
            self._options[question["link_id"]] = options

    def _extensions(
        self, item: Node, question: dict[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        for extension in item.nodes("extension"):
            url = extension.text("url")
            if url in _CALCULATED:
                self._worked_out.append((item.text("linkId"), extension, ""))
                yield extension.value
            elif url in (UNIT, UNIT_OPTION):
                if coding := extension.node("valueCoding"):
                    question.setdefault("units", []).append(_code(coding))
            elif url in (MIN_VALUE, MAX_VALUE):
                _read_limit(extension, question, is_least=url == MIN_VALUE)
            elif url is not None and url in _SAID_IN_ONE:
                name, key = _SAID_IN_ONE[url]
                if key not in extension.value:
                    extension.wrong(f"/{key}", "is required")
                question[name] = extension.value.get(key)
            elif _may_be_kept(extension, url):
                yield extension.value

    def _finish(self, definition: Mapping[str, Any]) -> None:
        """Judge what can only be judged once everything is read."""
        totals = {score.get("total") for score in definition["scores"]}
        for link_id, place, where in self._worked_out:
            if link_id is None or link_id not in totals:
                place.wrong(where, "is only read for the total of a score")
        for place, condition, system in self._conditions:
            options = self._options.get(condition.get("question", ""), [])
            if (
                type(condition["value"]) is int
                and condition["value"] in INT64
                and options
            ):
                condition["value"] = str(condition["value"])
            systems = {
                o.get("system") for o in options if o["code"] == condition["value"]
            }
            if system and systems - {None, system}:
                place.wrong("/answerCoding/system", "is not that of the option")


_SAID_IN_ONE: Final[Mapping[str, tuple[str, str]]] = {
    MIN_OCCURS: ("min_occurs", "valueInteger"),
    MAX_OCCURS: ("max_occurs", "valueInteger"),
    TOPIC: ("topic", "valueCode"),
    FACET: ("facet", "valueCode"),
}


def _present(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _in_fhir(pointer: str) -> str:
    """Return a pointer into our JSON as one into the resource."""
    return "/".join(_IN_FHIR.get(part, part) for part in pointer.split("/"))


def _own_url(url: str | None) -> str | None:
    # That is how a questionnaire is written which has no address of its own.
    return None if url is None or url.startswith("urn:uuid:") else url


def _title(resource: Node, codes: list[dict[str, Any]]) -> str:
    shown = (code["display"] for code in codes if code.get("display"))
    given = resource.text("title") or resource.text("name") or next(shown, None)
    return given or "Questionnaire"


_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?")
_WORD_ENDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9.]+")


def _name(resource: Node, title: str) -> str:
    url = (resource.text("url") or "").rpartition("/")[2]
    given = next(filter(None, (resource.text("name"), url, resource.text("id"), title)))
    if _SLUG.fullmatch(given):
        return given
    slug = _WORD_ENDS.sub("-", given[:200]).lower()[:100].strip("-.")
    return slug or "questionnaire"


def _code(coding: Node) -> dict[str, Any]:
    coding.only(_CODING, _CODING_NOT_KEPT)
    keys = [key for key in ("code", "system", "display") if key in coding.value]
    return {key: coding.text(key) for key in keys}


def _kind(item: Node) -> str:
    kind = item.text("type")
    if kind is None:
        item.wrong("/type", "is required")
    elif kind not in _KINDS:
        item.wrong("/type", f"the type {kind[:50]} is not supported")
    else:
        return kind
    return "group" if item.value.get("item") else "display"


_KINDS: Final = frozenset(kind.value for kind in Kind)


def _is_any(item: Node) -> bool:
    behavior = item.text("enableBehavior")
    conditions = item.value.get("enableWhen", [])
    if behavior is None and isinstance(conditions, list) and len(conditions) > 1:
        item.wrong("/enableBehavior", "is required where there are several conditions")
    elif behavior not in (None, "all", "any"):
        item.wrong("/enableBehavior", "must be one of: all, any")
    return behavior == "any"


def _option(option: Node) -> dict[str, Any]:
    option.only({"id", "extension", "initialSelected"}, prefix="value")
    if option.flag("initialSelected"):
        option.wrong("/initialSelected", OUTSIDE)
    key = option.choice("value")
    beside = list(option.nodes("extension"))
    if key == "valueCoding":
        if coding := option.node(key):
            coding.only(_CODING, _CODING_NOT_KEPT, {"extension"})
            return sets.option_of(coding, *beside)
    elif key == "valueString":
        score = sets.score_of(beside)
        return {"code": option.text(key), "type": "string", "score": score}
    elif key == "valueInteger":
        code, score = str(option.whole(key)), sets.score_of(beside)
        return {"code": code, "type": "integer", "score": score}
    elif key:
        option.wrong(f"/{key}", OUTSIDE)
    return {"code": option.pointer}  # A stand-in that no other option has.


def _read_limit(extension: Node, question: dict[str, Any], *, is_least: bool) -> None:
    key = extension.choice("value")
    if key in ("valueInteger", "valueDecimal"):
        question["min_value" if is_least else "max_value"] = extension.value[key]
    elif key in ("valueDate", "valueDateTime"):
        question["earliest" if is_least else "latest"] = extension.value[key]
    elif key:
        extension.wrong(f"/{key}", OUTSIDE)


def _may_be_kept(extension: Node, url: str | None) -> bool:
    if url is None:
        extension.wrong("/url", "is required")
    elif url.startswith(HL7) and url not in LOOKS:
        extension.unsupported(url)
    else:
        return True
    return False


def _score(extension: Node) -> dict[str, Any]:
    score: dict[str, Any] = {"questions": [], "bands": []}
    for part in extension.nodes("extension"):
        match part.text("url"):
            case "name" | "title" | "total" as key:
                score[key] = part.text("valueString")
            case "question":
                score["questions"].append(part.text("valueString"))
            case "band":
                score["bands"].append(_band(part))
            case _:
                part.wrong("/url", "must be name, title, total, question or band")
    return score


def _band(extension: Node) -> dict[str, Any]:
    values = {part.text("url"): part for part in extension.nodes("extension")}
    least, title = values.get("at-least"), values.get("title")
    return {
        "at_least": least and least.whole("valueInteger"),
        "title": title and title.text("valueString"),
    }
