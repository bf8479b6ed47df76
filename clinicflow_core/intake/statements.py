"""Statements: the answers of a patient one by one, each with what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from clinicflow_core.entities.questionnaire import (
    CHOICES,
    Definition,
    Kind,
    Place,
    Question,
)
from clinicflow_core.entities.summary import Facet, Statement, Topic
from clinicflow_core.wire import pointer_step

# The first that is found counts. None is for what sounds like a topic and is none: the
# illnesses of relatives, drugs that nobody prescribed. Only what is sure to be none
# stands before allergies and medicines, for those must not be lost.
_TOPICS: Final[Sequence[tuple[str, Topic | None]]] = (
    (r"substance (?:use|abuse|misuse)", Topic.HISTORY),
    (r"hurt(?:ing)? (?:your|my)?self|self.?harm|suicid|better off dead", Topic.SAFETY),
    (r"(?:feel|are you|be) safe\b|violen|abus", Topic.SAFETY),
    (r"famil(?:y|ial) (?:\w+ )?histor|\brelatives?\b", None),
    (r"(?<!you or anyone )(?<!you or someone )in (?:your|the) family\b", None),
    (r"recreational|(?:street|illegal|illicit) drug", None),
    (r"allerg|intoleran", Topic.ALLERGIES),
    (r"medicat|medicine|\bmeds?\b|prescri|supplement|\brx\b", Topic.MEDICATIONS),
    (r"\bpills?\b|tablets?\b|inhaler|vitamin|over the counter", Topic.MEDICATIONS),
    (r"\bfamily|related person|emergency contact", None),
    (r"pharmac|insur|coverage|subscriber|consent|privacy|agree", None),
    (r"alcohol|tobacco|smok|vap(?:e|ing)|vaccin|immuni", None),
    (r"pregnan|expecting a (?:baby|child)|delivery date|breast.?feed", Topic.PREGNANCY),
    (r"\bdrugs?\b|(?:do|are) you (?:\w+ )?tak(?:e|ing)\b", Topic.MEDICATIONS),
    (r"histor|surger|operation|diagnos|chronic|condition", Topic.HISTORY),
    (r"(?:medical|health) problem|hospital", Topic.HISTORY),
    (r"\breason|brings? you|why (?:are|do|did) you|purpose|chief", Topic.REASON),
    (r"(?:today|this|your) ?s? visit|visit about", Topic.REASON),
    (r"concern|symptom|complain|problem|bother|worr", Topic.CONCERNS),
)
_FACETS: Final[Sequence[tuple[str, Facet]]] = (
    (r"\bdos(?:e|es|age)\b|strength|how much|amount|\bmg\b", Facet.DOSE),
    (r"frequen|how often|times (?:a|per) day|schedule|\bsig\b", Facet.FREQUENCY),
    (r"reaction|what happen|symptom|sever", Facet.REACTION),
    (r"note|comment|reason|\bwhy\b|onset|since|\bwhen\b|\bdate\b|\byear\b", Facet.NOTE),
    (r"status|relation|deceased", Facet.NOTE),
    (r"name|substance|allergen|allerg|medic|\bmeds?\b|drug|problem", Facet.NAME),
    (r"condition|\bwhat\b|\bwhich\b", Facet.NAME),
)
_VAGUE: Final = frozenset({Topic.REASON, Topic.CONCERNS, Topic.HISTORY})

_Guess = tuple[bool, Topic | None]
"""Whether the words say anything, and the topic that they say."""

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN_WORDS: Final = re.compile(r"[\s_\-./'\u2019]+")


def statements_of(
    definition: Definition | None, answers: Mapping[str, object]
) -> tuple[Statement, ...]:
    """
    Return every answer as a statement, in the order of the questionnaire.

    Those of a free form come in the order of its keys; what has no words (null, a
    blank text, an empty list) is none.
    """
    if definition is None:
        found = _free(answers, _Spot())
    else:
        scored = {name for scale in definition.scores for name in scale.questions}
        found = _Reading(definition.scopes, scored).statements(answers, (), "", None)
    return tuple(_with_names(list(found)))


def topic_of(*words: str) -> Topic | None:
    """Return what a question is about, guessed from its link id, codes and text."""
    return _guess(words)[1]


def facet_of(*words: str) -> Facet | None:
    """Return which part of an entry a question asks for, guessed in the same way."""
    said = _said(words)
    return next((facet for regex, facet in _FACETS if re.search(regex, said)), None)


def _guess(words: Iterable[str]) -> _Guess:
    said = _said(words)
    for regex, topic in _TOPICS:
        if re.search(regex, said):
            return True, topic
    return False, None


def _narrowed(own: _Guess, above: _Guess, *, in_entry: bool) -> _Guess:
    """Return what a question is about that stands in what is about *above*."""
    # The reason of a medicine is none of the visit, a problem of the family no concern.
    is_fixed = in_entry or (above[1] is None and own[1] in _VAGUE)
    return above if not own[0] or (above[0] and is_fixed) else own


def _said(words: Iterable[str]) -> str:
    return " | ".join(map(_in_words, words)).lower()


def _in_words(key: str) -> str:
    return _BETWEEN_WORDS.sub(" ", _CAMEL.sub(" ", key)).strip()


def _with_names(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield them; in an entry where nothing is the name, the first unknown part is."""
    named = {s.entry for s in statements if s.facet is Facet.NAME}
    for statement in statements:
        if statement.entry and statement.facet is None and statement.entry not in named:
            named.add(statement.entry)
            yield evolve(statement, facet=Facet.NAME)
        else:
            yield statement


@frozen
class _Reading:
    scopes: Mapping[tuple[str, ...], Mapping[str, Place]]
    scored: set[str]

    def statements(
        self,
        answers: Mapping[str, Any],
        lists: tuple[str, ...],
        pointer: str,
        entry: str | None,
    ) -> Iterator[Statement]:
        for link_id, place in self.scopes[lists].items():
            question, here = place.question, pointer + pointer_step(link_id)
            if answers.get(link_id) is None:
                continue
            if question.is_list:
                for position, each in enumerate(answers[link_id]):
                    there = f"{here}/{position}"
                    yield from self.statements(each, (*lists, link_id), there, there)
                continue
            for where, text in _answers(question, answers[link_id], here):
                yield Statement(
                    answer=where,
                    question=question.words,
                    text=text,
                    topic=self.topic(place),
                    entry=entry,
                    facet=_facet(question) if entry else None,
                )

    def topic(self, place: Place) -> Topic | None:
        chain = list(_above(place))
        explicit = [each.question.topic for each in chain if each.question.topic]
        if explicit:
            return explicit[0]
        if place.question.link_id in self.scored:
            # "Feeling tired" counts for something only with the others: in the score.
            is_safety = _guess(_words(place.question))[1] is Topic.SAFETY
            return Topic.SAFETY if is_safety else None
        guess: _Guess = (False, None)
        for each in reversed(chain):
            own = _guess(_words(each.question))
            guess = _narrowed(own, guess, in_entry=bool(each.lists))
        return guess[1]


def _above(place: Place | None) -> Iterator[Place]:
    while place is not None:
        yield place
        place = place.parent


def _words(question: Question) -> Iterator[str]:
    yield question.link_id
    yield from (code.display for code in question.codes if code.display)
    yield question.text or ""


def _facet(question: Question) -> Facet | None:
    return question.facet or facet_of(*_words(question))


def _answers(
    question: Question, answer: Any, pointer: str
) -> Iterator[tuple[str, str]]:
    if question.repeats:
        for position, each in enumerate(answer):
            yield _answer(question, each, f"{pointer}/{position}")
    else:
        yield _answer(question, answer, pointer)


def _answer(question: Question, answer: Any, pointer: str) -> tuple[str, str]:
    if question.kind in CHOICES:
        if type(answer) is dict:
            return f"{pointer}/other", answer["other"]
        option = question.option(answer)
        return pointer, option.words if option else str(answer)
    if question.kind is Kind.QUANTITY:
        unit = answer.get("unit")
        return pointer, f"{answer['value']} {unit}" if unit else str(answer["value"])
    units = [unit.display or unit.code for unit in question.units]
    return pointer, " ".join([_leaf(answer), *units])


def _leaf(value: object) -> str:
    return ("No", "Yes")[value] if isinstance(value, bool) else str(value)


@frozen(kw_only=True)
class _Spot:
    """A place in a free form, and what is known of it from what it stands in."""

    pointer: str = ""
    key: str = ""
    entry: str | None = None
    guess: _Guess = (False, None)

    def under(self, key: str) -> _Spot:
        in_entry = self.entry is not None
        guess = _narrowed(_guess([key]), self.guess, in_entry=in_entry)
        return evolve(
            self, pointer=self.pointer + pointer_step(key), key=key, guess=guess
        )

    def at(self, position: int, value: object) -> _Spot:
        pointer = f"{self.pointer}/{position}"
        entry = pointer if isinstance(value, Mapping) else self.entry
        return evolve(self, pointer=pointer, entry=entry)


def _free(value: object, spot: _Spot) -> Iterator[Statement]:
    if isinstance(value, Mapping):
        for key in sorted(value):  # No two databases keep the same order.
            yield from _free(value[key], spot.under(key))
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value):
            yield from _free(each, spot.at(position, each))
    elif value is not None and (text := _leaf(value)).strip():
        yield Statement(
            answer=spot.pointer,
            question=_in_words(spot.key),
            text=text,
            topic=spot.guess[1],
            entry=spot.entry,
            facet=facet_of(spot.key) if spot.entry else None,
        )
