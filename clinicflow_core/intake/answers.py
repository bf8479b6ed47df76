"""
Answers: what a patient filled in, judged against what was asked.

Answers are a JSON object by link id. A group is not seen in it: what it holds stands
beside what stands around it. Only a group that repeats makes a level of its own:

    {"reason": "Headache", "medications": [{"name": "Lisinopril", "dose": "10 mg"}]}

| question | its answer |
|---|---|
| string, text, url, reference | a text |
| integer, decimal, boolean | a number, true or false |
| date, dateTime, time | "2026-03-02", "2026-03" or "2026"; or an instant; "09:00" |
| choice | the code of an option |
| open-choice | the same, or {"other": "in the patient's words"} |
| quantity | {"value": 10, "unit": "mg"} |
| a question that repeats | a list of these |
| a group that repeats | a list of objects |

Null, a blank text and an empty list are no answers, and are not kept.
"""

from __future__ import annotations

import json
import math
import operator
from collections import ChainMap, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from types import MappingProxyType
from typing import Any, Final

from attrs import Factory, define, field, frozen

from clinicflow_core.entities.questionnaire import (
    CHOICES,
    MAX_ANSWER,
    MOST_ENTRIES,
    Condition,
    Definition,
    Kind,
    Operator,
    Place,
    dependencies,
)
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.wire import INT64, pointer_step, unstorable

MAX_BYTES: Final = 64 * 1024
"""The longest answers to one form, as JSON text in UTF-8."""

MOST_LEAVES: Final = 1000
MOST_PLACES: Final = 20_000
"""How many answers the entries of all lists could take, at most."""

MAX_FREE_DEPTH: Final = 8
_MAX_DEPTH: Final = 24  # A list within each of a definition's levels.
_MAX_KEY: Final = 255


@frozen(kw_only=True)
class CheckedAnswers:
    """
    Answers that fit.

    Attributes:
        answers: What is kept, in the order of the questionnaire; with no
            questionnaire all there is, as it came.
        dropped: Pointers of the answers to questions that were not asked, in the
            order of the questionnaire; their values are kept nowhere.
    """

    answers: Mapping[str, Any] = field(repr=False)
    dropped: tuple[str, ...] = ()


def check_answers(
    definition: Definition | None, raw: Mapping[str, object], *, complete: bool
) -> CheckedAnswers:
    """
    Judge *raw*, the answers to a questionnaire, or free ones if there is none.

    A question that is hidden need not be answered, hides what stands under it, and
    counts as unanswered wherever its answer is asked for.

    Args:
        complete: Whether what is required must be there; a draft can still wait.

    Raises:
        InvalidError: If they do not fit, with every problem; the pointers lead into
            *raw*.
    """
    depth = MAX_FREE_DEPTH if definition is None else _MAX_DEPTH
    _refuse(_bounds(raw, depth))
    if definition is None:
        return CheckedAnswers(answers=raw)
    judge = _Judge(definition.scopes, definition.totals)
    judge.read(raw)
    judge.weigh()
    _refuse(judge.problems(complete=complete))
    dropped: list[str] = []
    answers = judge.kept((), dropped)
    return CheckedAnswers(answers=answers, dropped=tuple(dropped))


def asked_with(definition: Definition, raw: Mapping[str, object]) -> frozenset[str]:
    """
    Return what is asked of whoever gave *raw* so far, groups and texts included.

    Each is a pointer, where its answer stands or would stand. An answer that does not
    fit counts as none.

    Raises:
        InvalidError: If there is too much of *raw* to look at.
    """
    fit: Any = _fit(raw, _MAX_DEPTH)
    _refuse(_bounds(fit, _MAX_DEPTH))
    judge = _Judge(definition.scopes, definition.totals)
    judge.read(fit)
    judge.weigh()
    return judge.asked()


def _fit(value: object, depth: int) -> object:
    """Return *value* with None for each leaf that is no answer to anything."""
    if depth and type(value) is dict:
        return {key: _fit(each, depth - 1) for key, each in value.items()}
    if depth and type(value) is list:
        return [_fit(each, depth - 1) for each in value]
    is_leaf = type(value) not in (dict, list)
    return None if is_leaf and _leaf_complaint(value) else value


def _refuse(problems: Iterator[Problem]) -> None:
    if found := sorted(problems, key=lambda p: (p.pointer, p.detail)):
        raise InvalidError(tuple(found))


def _bounds(raw: object, max_depth: int) -> Iterator[Problem]:
    """Yield why nobody should look at *raw* any closer."""
    if type(raw) is not dict:
        yield Problem("", "must be an object")
        return
    leaves, sound = 0, True
    waiting: list[tuple[str, object, int]] = [("", raw, 1)]
    while waiting:
        pointer, value, depth = waiting.pop()
        inner = _inner(value) if depth <= max_depth else []
        leaves += not inner
        if leaves + len(waiting) + len(inner) > MOST_LEAVES:
            yield Problem("", f"must be at most {MOST_LEAVES} answers")
            return
        waiting += [
            (pointer + pointer_step(key), each, depth + 1) for key, each in inner
        ]
        keys = [key for key, _ in inner] if type(value) is dict else []
        for place, detail in _unfit(value, keys, too_deep=depth > max_depth):
            yield Problem(pointer + place, detail)
            sound = False
    if sound and len(json.dumps(raw, ensure_ascii=False).encode()) > MAX_BYTES:
        yield Problem("", f"must be at most {MAX_BYTES // 1024} KiB")


def _inner(value: object) -> list[tuple[object, object]]:
    if type(value) is dict:
        return list(value.items())
    return list(enumerate(value)) if type(value) is list else []


def _unfit(
    value: object, keys: Iterable[object], *, too_deep: bool
) -> Iterator[tuple[str, str]]:
    if type(value) not in (dict, list):
        if detail := _leaf_complaint(value):
            yield "", detail
    elif too_deep:
        yield "", "is nested too deeply"
    for key in keys:
        if detail := _key_complaint(key):
            yield pointer_step(key)[:_MAX_KEY], detail


def _key_complaint(key: object) -> str | None:
    if type(key) is not str:
        return "must be text"
    if len(key) > _MAX_KEY:
        return f"must have a name of at most {_MAX_KEY} characters"
    return unstorable(key)


def _leaf_complaint(value: object) -> str | None:
    match value:
        case None | bool():
            return None
        case str():
            if len(value) > MAX_ANSWER:
                return f"must be at most {MAX_ANSWER} characters"
            return unstorable(value)
        case int():
            return None if value in INT64 else "must fit into 64 bits"
        case float():
            return None if math.isfinite(value) else "must be a finite number"
        case _:
            return "must be a JSON value"


_Entry = tuple[tuple[str, int], ...]
_Key = tuple[str, _Entry]


@define
class _Judge:
    """
    The answers to one questionnaire, while they are judged.

    What was given is found by its link id and the entry that it stands in, () being
    the top: the dose of the third medication is ("dose", (("medications", 2),)).

    Attributes:
        _room: How many more places there may be.
        _entries: What entries there are, by the lists that they are in.
        _given: The answers that are not blank; of a list the numbers of its entries.
        _faults: What is wrong, by where; at the top by None.
        _asked: What is not hidden.
        _answered: What has an answer, or holds something that has.
    """

    _scopes: Mapping[tuple[str, ...], Mapping[str, Place]]
    _totals: AbstractSet[str]
    _room: int = MOST_PLACES
    _entries: dict[tuple[str, ...], list[_Entry]] = Factory(lambda: defaultdict(list))
    _given: dict[_Key, list[Any]] = Factory(dict)
    _faults: dict[_Key | None, list[Problem]] = Factory(lambda: defaultdict(list))
    _asked: set[_Key] = Factory(set)
    _answered: set[_Key] = Factory(set)
    _by_id: dict[str, Place] = Factory(
        lambda self: dict(ChainMap(*self._scopes.values())), takes_self=True
    )

    def read(self, raw: Mapping[str, Any], entry: _Entry = ()) -> None:
        """Take in what was given in *entry*, and what is wrong with it by itself."""
        lists = tuple(name for name, _ in entry)
        self._entries[lists].append(entry)
        scope = self._scopes.get(lists, {})
        self._room -= len(scope)
        if self._room < 0:
            raise InvalidError((Problem("", "has too many entries"),))
        for link_id, value in raw.items():
            place = scope.get(link_id)
            if place is None or not (place.question.is_asked or place.question.is_list):
                owner = (entry[-1][0], entry[:-1]) if entry else None
                problem = Problem(_pointer(link_id, entry), "is not a question here")
                self._faults[owner].append(problem)
            elif not _is_blank(value):
                self._read_answer(place, value, entry)

    def _read_answer(self, place: Place, value: Any, entry: _Entry) -> None:
        question = place.question
        key = (question.link_id, entry)
        if question.link_id in self._totals:
            self._fault(key, "is worked out, and not answered")
        elif not question.repeats:
            self._given[key] = [value]
            self._judge(place, value, key, "")
        elif type(value) is not list:
            self._fault(key, "must be a list")
        else:
            most = question.max_occurs or MOST_ENTRIES
            if len(value) > most:
                self._fault(key, f"must have at most {most} answers")
            elif question.is_list:
                self._given[key] = list(range(len(value)))
                self._read_entries(value, key)
            else:
                if said := [each for each in value if not _is_blank(each)]:
                    self._given[key] = said
                self._read_list(place, value, key)

    def _read_entries(self, value: list[Any], key: _Key) -> None:
        for position, each in enumerate(value):
            if type(each) is dict:
                self.read(each, (*key[1], (key[0], position)))
            else:
                self._fault(key, "must be an object", f"/{position}")

    def _read_list(self, place: Place, value: list[Any], key: _Key) -> None:
        seen = []
        for position, each in enumerate(value):
            if place.question.kind in CHOICES and each in seen:
                self._fault(key, "is given twice", f"/{position}")
            elif not _is_blank(each):
                self._judge(place, each, key, f"/{position}")
            seen.append(each)

    def _judge(self, place: Place, answer: Any, key: _Key, where: str) -> None:
        if detail := place.question.complaint(answer):
            self._fault(key, detail, where)

    def _fault(self, key: _Key, detail: str, where: str = "") -> None:
        self._faults[key].append(Problem(_pointer(*key) + where, detail))

    def weigh(self) -> None:
        """Find out what is asked and what is answered."""
        needs = dependencies(self._by_id.values())
        for link_id in TopologicalSorter(needs).static_order():
            place = self._by_id[link_id]
            for entry in self._entries[place.lists]:
                key = (link_id, entry)
                if self._is_asked(place, entry):
                    self._asked.add(key)
                    if self._has_answer(place, key):
                        self._mark(place, entry)

    def _has_answer(self, place: Place, key: _Key) -> bool:
        # A list is answered by what its entries hold.
        is_one = not place.question.is_list
        return is_one and key in self._given and key not in self._faults

    def _is_asked(self, place: Place, entry: _Entry) -> bool:
        if parent := place.parent:
            key = self._key(parent, entry)
            known = self._answered if parent.question.is_asked else self._asked
            if key not in known:
                return False
        conditions = place.question.enable_when
        holds = (self._holds(condition, entry) for condition in conditions)
        return any(holds) if conditions and place.question.enable_any else all(holds)

    def _holds(self, condition: Condition, entry: _Entry) -> bool:
        asked = self._by_id[condition.question]
        key = self._key(asked, entry)
        answers = self._given[key] if key in self._answered else []
        if condition.operator is Operator.EXISTS:
            return bool(answers) is condition.value
        kind, compare = asked.question.kind, _COMPARE[condition.operator]
        return any(compare(*_alike(kind, each, condition.value)) for each in answers)

    def _mark(self, place: Place, entry: _Entry) -> None:
        above: Place | None = place
        while above is not None:
            self._answered.add(self._key(above, entry))
            above = above.parent

    @staticmethod
    def _key(place: Place, entry: _Entry) -> _Key:
        return (place.question.link_id, entry[: len(place.lists)])

    def asked(self) -> frozenset[str]:
        """Return the pointers of what is asked."""
        return frozenset(_pointer(*key) for key in self._asked)

    def problems(self, *, complete: bool) -> Iterator[Problem]:
        """Yield what is wrong with what is asked."""
        for key, faults in self._faults.items():
            if key is None or key in self._asked:
                yield from faults
        if complete:
            for place in self._by_id.values():
                for entry in self._entries[place.lists]:
                    yield from self._missing(place, entry)

    def _missing(self, place: Place, entry: _Entry) -> Iterator[Problem]:
        question, key = place.question, (place.question.link_id, entry)
        if key not in self._asked or key in self._faults or key[0] in self._totals:
            return
        least = question.min_occurs or 0
        if key not in self._answered:
            if question.required:
                yield Problem(_pointer(*key), "is required")
        elif least > len(self._given.get(key, ())):
            yield Problem(_pointer(*key), f"must have at least {least} answers")

    def kept(self, entry: _Entry, dropped: list[str]) -> dict[str, Any]:
        """Return what was given in *entry* and asked; add the rest to *dropped*."""
        answers: dict[str, Any] = {}
        for link_id, place in self._scopes[tuple(name for name, _ in entry)].items():
            if (given := self._given.get((link_id, entry))) is None:
                continue
            if (link_id, entry) not in self._asked:
                dropped.append(_pointer(link_id, entry))
            elif place.question.is_list:
                inner = ((*entry, (link_id, number)) for number in given)
                answers[link_id] = [self.kept(each, dropped) for each in inner]
            else:
                answers[link_id] = given if place.question.repeats else given[0]
        return answers


def _pointer(link_id: str, entry: _Entry) -> str:
    above = (f"{pointer_step(name)}/{position}" for name, position in entry)
    return "".join(above) + pointer_step(link_id)


def _is_blank(value: object) -> bool:
    if type(value) is dict and list(value) == ["other"]:
        value = value["other"]
    return value in (None, []) or (type(value) is str and not value.strip())


_COMPARE: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        Operator.EQUAL: operator.eq,
        Operator.NOT_EQUAL: operator.ne,
        Operator.GREATER: operator.gt,
        Operator.LESS: operator.lt,
        Operator.AT_LEAST: operator.ge,
        Operator.AT_MOST: operator.le,
    }
)


def _alike(kind: Kind, answer: Any, value: Any) -> tuple[Any, Any]:
    """Return both so that they compare; days and times as far as both are known."""
    if kind is Kind.OPEN_CHOICE and type(answer) is dict:
        return answer["other"], value
    if kind not in (Kind.DATE, Kind.DATE_TIME, Kind.TIME):
        return answer, value
    left, right = _in_utc(answer), _in_utc(value)
    known = min(len(left), len(right))
    return left[:known], right[:known]


def _in_utc(literal: str) -> str:
    if "T" not in literal:
        return literal
    return datetime.fromisoformat(literal).astimezone(UTC).isoformat()
