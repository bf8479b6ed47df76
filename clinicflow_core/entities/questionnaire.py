"""
Questionnaires: what a clinic asks its patients before they come.

A definition is a tree of questions. Answers do not mirror the tree: they stand flat,
by link id, and only a group that repeats makes a level of its own; see
`Definition.places`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any, Final

from attrs import Attribute, field, frozen

from clinicflow_core.checks import at_most, one_line, pattern, text, whole
from clinicflow_core.entities.ids import QuestionnaireId
from clinicflow_core.entities.summary import Facet, Topic
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.wire import INSTANT, TIME, structure, unstorable

MOST_QUESTIONS: Final = 1000
MAX_DEPTH: Final = 8
MOST_OPTIONS: Final = 2000
MOST_ENTRIES: Final = 100
"""How many answers or entries a list can hold, whatever its question allows."""

MAX_ANSWER: Final = 20_000
"""The longest answer, in characters."""

_INT32: Final = range(-(2**31), 2**31)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
# A day, a month or a year: patients often know no more.
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_INSTANT: Final = re.compile(INSTANT)
_TIME: Final = re.compile(TIME)
_URL: Final = re.compile(r"\S{1,2000}")


class Kind(Enum):
    """
    How a question is answered, in the words of FHIR.

    A reference (to a pharmacy, an insurer) is answered in words.
    """

    GROUP = "group"
    DISPLAY = "display"
    STRING = "string"
    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATE_TIME = "dateTime"
    TIME = "time"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    OPEN_CHOICE = "open-choice"
    URL = "url"
    QUANTITY = "quantity"
    REFERENCE = "reference"


UNASKED: Final = frozenset({Kind.GROUP, Kind.DISPLAY})
CHOICES: Final = frozenset({Kind.CHOICE, Kind.OPEN_CHOICE})
_WRITTEN: Final = frozenset({Kind.STRING, Kind.TEXT, Kind.URL, Kind.REFERENCE})
_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.DECIMAL})
_MEASURED: Final = _NUMBERS | {Kind.QUANTITY}
_DAYS: Final = frozenset({Kind.DATE, Kind.DATE_TIME})
_ORDERED: Final = _NUMBERS | _DAYS | {Kind.TIME}
_INCOMPARABLE: Final = frozenset({Kind.QUANTITY, Kind.REFERENCE})


class Operator(Enum):
    """How a condition compares an answer with its value."""

    EXISTS = "exists"
    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    LESS = "<"
    AT_LEAST = ">="
    AT_MOST = "<="


_EITHER: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})


class OptionType(Enum):
    """What an option is for FHIR: a code, a text or a number."""

    CODING = "coding"
    STRING = "string"
    INTEGER = "integer"


_TOKEN = pattern(r"[^\s]+(?: [^\s]+)*", "must be words with single spaces between")
_ADDRESS = pattern(r"[^\s]+", "must be an address without spaces")


@frozen(kw_only=True)
class Code:
    """
    What a terminology calls something.

    Attributes:
        system: Which terminology, as "http://loinc.org".
    """

    code: str = field(validator=[one_line(200), _TOKEN])
    system: str | None = field(default=None, validator=[one_line(500), _ADDRESS])
    display: str | None = field(default=None, validator=text(1000))


@frozen(kw_only=True)
class Option:
    """
    One of the answers to choose from.

    Attributes:
        code: What is answered: no other option of its question has it.
        display: What the patient reads; None if that is the code.
        score: What it counts in a scale.
    """

    code: str = field(validator=one_line(1000))
    system: str | None = field(default=None, validator=[one_line(500), _ADDRESS])
    display: str | None = field(default=None, validator=text(2000))
    type: OptionType = OptionType.CODING
    score: int | None = field(default=None, validator=whole(-1000, 1000))

    @property
    def words(self) -> str:
        """What the patient reads."""
        return self.display or self.code

    def __attrs_post_init__(self) -> None:
        if self.type is OptionType.CODING and (told := _TOKEN.complaint(self.code)):
            raise ValueError(f"the code {told}")
        if self.type is not OptionType.CODING and (self.system or self.display):
            raise ValueError("a text or number has neither a system nor a display")
        if self.type is OptionType.INTEGER and not _INTEGER.fullmatch(self.code):
            raise ValueError("must be a whole number")


@frozen(kw_only=True)
class Condition:
    """
    What an answer must be like for a question to be asked.

    Of a question with several answers, one must be so. A question without an answer is
    neither equal nor unequal to anything; only `exists` says something of it.

    Attributes:
        question: The link id of the question that was answered.
        value: True or false for `exists`; else as an answer to that question.
    """

    question: str = field(validator=one_line(255))
    operator: Operator
    value: Any


@frozen(kw_only=True)
class Band:
    """
    What a total means.

    Attributes:
        at_least: The lowest total of it; it ends where the next one begins.
    """

    at_least: int = field(validator=whole(-100_000, 100_000))
    title: str = field(validator=one_line(200))


_SLUG = pattern(
    r"[a-z0-9](?:[a-z0-9.-]{0,98}[a-z0-9])?",
    "must be up to 100 lower-case letters, digits, hyphens and dots",
)


@frozen(kw_only=True)
class Scale:
    """
    A score: the sum of what the options count that were chosen.

    Attributes:
        name: What programs call it: "phq-9".
        questions: The link ids of those that count.
        bands: By rising total.
        total: The link id of a question that shows the total and is never asked.
    """

    name: str = field(validator=_SLUG)
    title: str = field(validator=one_line(200))
    questions: tuple[str, ...] = field(validator=at_most(MOST_QUESTIONS))
    bands: tuple[Band, ...] = field(default=(), validator=at_most(50))
    total: str | None = None

    def __attrs_post_init__(self) -> None:
        if not self.questions:
            raise ValueError("a score needs questions")
        if len(set(self.questions)) < len(self.questions):
            raise ValueError("a question counts once")
        floors = [band.at_least for band in self.bands]
        if floors != sorted(set(floors)):
            raise ValueError("bands must rise")


def _is_brief(_: object, __: Attribute[Any], value: Sequence[object]) -> None:
    for part in value:
        if len(repr(part)) > 10_000:
            raise ValueError("an extension must be at most 10000 characters long")


@frozen(kw_only=True)
class Question:
    """
    A question, a group of them, or a text between them.

    Attributes:
        link_id: Its name in the answers and the conditions; no other one has it.
        text: What the patient reads; None if codes alone say it.
        prefix: What stands before the text: "1a".
        codes: What terminologies call it.
        required: Whether it must be answered when it is asked; of a group, whether
            anything in it must.
        repeats: Whether it takes a list of answers; a group then takes entries.
        max_length: In characters.
        min_value, max_value: For numbers; both can be answered.
        earliest, latest: For days; both can be answered.
        min_occurs, max_occurs: How many answers a list has.
        units: What a quantity can be measured in, any unit if empty; what a number
            is measured in.
        enable_when: When it is asked; always if empty. What stands in a group, or
            under a question, is asked only if the group is, or the question answered.
        enable_any: Whether one of the conditions is enough.
        topic: What it is about; None to guess it.
        facet: Which part of an entry it is; None to guess it.
        extensions: What other systems say of it, kept for them as it is.
        items: What stands in the group, or under the question.
    """

    link_id: str = field(validator=one_line(255))
    kind: Kind
    text: str | None = field(default=None, validator=text(10_000))
    prefix: str | None = field(default=None, validator=one_line(50))
    codes: tuple[Code, ...] = field(default=(), validator=at_most(20))
    required: bool = False
    repeats: bool = False
    max_length: int | None = field(default=None, validator=whole(1, MAX_ANSWER))
    min_value: float | None = None
    max_value: float | None = None
    earliest: date | None = None
    latest: date | None = None
    min_occurs: int | None = field(default=None, validator=whole(0, MOST_ENTRIES))
    max_occurs: int | None = field(default=None, validator=whole(1, MOST_ENTRIES))
    units: tuple[Code, ...] = field(default=(), validator=at_most(50))
    options: tuple[Option, ...] = field(default=(), validator=at_most(MOST_OPTIONS))
    enable_when: tuple[Condition, ...] = field(default=(), validator=at_most(50))
    enable_any: bool = False
    topic: Topic | None = None
    facet: Facet | None = None
    extensions: tuple[Mapping[str, Any], ...] = field(
        default=(), validator=[at_most(20), _is_brief]
    )
    items: tuple[Question, ...] = field(default=(), validator=at_most(MOST_QUESTIONS))

    @property
    def words(self) -> str:
        """What the patient reads, or the next best."""
        shown = (code.display for code in self.codes)
        return self.text or next(filter(None, shown), None) or self.link_id

    @property
    def is_list(self) -> bool:
        """Whether it is a group of which there are entries."""
        return self.kind is Kind.GROUP and self.repeats

    @property
    def is_asked(self) -> bool:
        """Whether it can be answered itself."""
        return self.kind not in UNASKED

    def option(self, code: object) -> Option | None:
        """Return the option with this code."""
        return next((option for option in self.options if option.code == code), None)

    def complaint(self, answer: object) -> str | None:
        """Return what is wrong with one answer, or None; a list has many of them."""
        return _COMPLAINTS[self.kind](self, answer)

    def __attrs_post_init__(self) -> None:
        """
        Raises:
            InvalidError: If what it says does not go together, with every problem.
        """
        if problems := tuple(self._problems()):
            raise InvalidError(problems)

    def _problems(self) -> Iterator[Problem]:
        yield from self._misplaced()
        yield from self._misbuilt()
        if self.kind in CHOICES and not self.options:
            yield Problem("/options", "is required: a choice needs options")
        for position in _twice(option.code for option in self.options):
            yield Problem(f"/options/{position}/code", "is the code of another option")
        for name in ("min_value", "max_value"):
            limit = float(getattr(self, name) or 0)
            # A float is looked for in a range number by number, so it is made whole.
            fits = limit.is_integer() and int(limit) in _INT32
            if self.kind is Kind.INTEGER and not fits:
                yield Problem(f"/{name}", "must be a whole number of 32 bits")
        if self.kind in _NUMBERS and len(self.units) > 1:
            yield Problem("/units", "must be one: a number has no choice of units")
        for low, high in (
            ("min_value", "max_value"),
            ("earliest", "latest"),
            ("min_occurs", "max_occurs"),
        ):
            least, most = getattr(self, low), getattr(self, high)
            if None not in (least, most) and least > most:
                yield Problem(f"/{high}", f"must not be under {low}")

    def _misbuilt(self) -> Iterator[Problem]:
        """Yield why nothing can stand under it, or something must."""
        if self.kind is Kind.GROUP and not self.items:
            yield Problem("/items", "is required: a group holds questions")
        if self.kind is Kind.DISPLAY and self.items:
            yield Problem("/items", "must not stand under a text")
        if self.is_asked and self.repeats and self.items:
            yield Problem("/items", "must not stand under a question that repeats")

    def _misplaced(self) -> Iterator[Problem]:
        """Yield what other questions have and this one cannot."""
        for name, fits, whose in (
            ("required", self.kind is not Kind.DISPLAY, "what is asked"),
            ("repeats", self.kind is not Kind.DISPLAY, "what is asked"),
            ("max_length", self.kind in _WRITTEN, "a text"),
            ("min_value", self.kind in _NUMBERS, "a number"),
            ("max_value", self.kind in _NUMBERS, "a number"),
            ("earliest", self.kind in _DAYS, "a date"),
            ("latest", self.kind in _DAYS, "a date"),
            ("min_occurs", self.repeats, "what repeats"),
            ("max_occurs", self.repeats, "what repeats"),
            ("units", self.kind in _MEASURED, "a number"),
            ("options", self.kind in CHOICES, "a choice"),
        ):
            said = getattr(self, name)
            if not (fits or said is None or said is False or said == ()):
                yield Problem(f"/{name}", f"is only for {whose}")


@frozen
class Place:
    """
    A question with where it stands.

    Attributes:
        pointer: Where in the definition: "/items/0/items/2".
        parent: Of which group or question it is part; None at the top.
        lists: The groups with entries that it stands in, outermost first, by link id.
    """

    question: Question
    pointer: str
    parent: Place | None
    lists: tuple[str, ...]


@frozen(kw_only=True)
class Definition:
    """
    What a questionnaire asks, apart from whose it is.

    Attributes:
        name: What its versions share: "intake".
        url: What other systems know it by; None if it is only known here.
        codes: What terminologies call it.
        scores: What is worked out from the answers.
        extensions: What other systems say of it, kept for them as it is.
    """

    name: str = field(validator=_SLUG)
    title: str = field(validator=one_line(500))
    description: str | None = field(default=None, validator=text(10_000))
    url: str | None = field(default=None, validator=[one_line(500), _ADDRESS])
    codes: tuple[Code, ...] = field(default=(), validator=at_most(20))
    items: tuple[Question, ...] = field(validator=at_most(MOST_QUESTIONS))
    scores: tuple[Scale, ...] = field(default=(), validator=at_most(20))
    extensions: tuple[Mapping[str, Any], ...] = field(
        default=(), validator=[at_most(20), _is_brief]
    )

    @property
    def places(self) -> Iterable[Place]:
        """
        Every question, group and text, in the order in which they are read.

        An answer stands by the link id of its question: in an entry of the innermost
        list that the question is in, or at the top if it is in none.
        """
        return _places(self.items)

    @property
    def scopes(self) -> Mapping[tuple[str, ...], Mapping[str, Place]]:
        """The `places` by the lists that they stand in, () being none, and link id."""
        scopes: dict[tuple[str, ...], dict[str, Place]] = {}
        for place in self.places:
            scopes.setdefault(place.lists, {})[place.question.link_id] = place
        return scopes

    @property
    def totals(self) -> frozenset[str]:
        """The link ids of what shows a total: nobody is asked that."""
        return frozenset(s.total for s in self.scores if s.total is not None)

    def total_of(self, scale: Scale, answers: Mapping[str, object]) -> int | None:
        """Return the total of one of the `scores`; None if an answer is missing."""
        counted = set(scale.questions)
        parts = []
        for place in self.places:
            if (question := place.question).link_id in counted:
                code = answers.get(question.link_id)
                option = question.option(code) if isinstance(code, str) else None
                if option is None or option.score is None:
                    return None
                parts.append(option.score)
        return sum(parts)

    def __attrs_post_init__(self) -> None:
        """
        Raises:
            InvalidError: If the questions do not go together, with every problem.
        """
        if problems := tuple(definition_problems(self)):
            raise InvalidError(problems)


@frozen(kw_only=True)
class Questionnaire:
    """
    One version of a questionnaire; it never changes.

    Attributes:
        version: Counts those of the same name, from 1.
    """

    id: QuestionnaireId
    version: int = 1
    definition: Definition
    created_at: datetime

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: by name, the newest version first."""
        return (self.definition.name, f"{10**9 - self.version:09}", str(self.id))


def definition_problems(definition: Definition) -> Iterator[Problem]:
    """Yield why the questions of a definition cannot stand together."""
    places = list(_places(definition.items))
    if not places:
        yield Problem("/items", "is required: a questionnaire asks something")
    if len(places) > MOST_QUESTIONS:
        yield Problem("/items", f"must be at most {MOST_QUESTIONS} questions in all")
        return
    for place in places:
        # Deeper places are left out, so each chain is told of once.
        if _depth(place) > MAX_DEPTH:
            detail = f"must not be nested deeper than {MAX_DEPTH} levels"
            yield Problem(place.pointer, detail)
    for position in _twice(place.question.link_id for place in places):
        detail = "is the link id of another question"
        yield Problem(f"{places[position].pointer}/link_id", detail)
    by_id = {place.question.link_id: place for place in reversed(places)}
    for place in places:
        for position, condition in enumerate(place.question.enable_when):
            pointer = f"{place.pointer}/enable_when/{position}"
            found = _condition_problems(condition, place, by_id, definition.totals)
            yield from _below(pointer, found)
    yield from _loops(places)
    for position in _twice(scale.name for scale in definition.scores):
        yield Problem(f"/scores/{position}/name", "is the name of another score")
    for position, scale in enumerate(definition.scores):
        yield from _below(f"/scores/{position}", _scale_problems(scale, by_id))


def _below(pointer: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    return (Problem(pointer + each.pointer, each.detail) for each in problems)


def dependencies(places: Iterable[Place]) -> dict[str, set[str]]:
    """Return, by link id, what must be known to tell whether a question is asked."""
    return {
        place.question.link_id: {
            *(condition.question for condition in place.question.enable_when),
            *([place.parent.question.link_id] if place.parent else ()),
        }
        for place in places
    }


def _places(items: Sequence[Question]) -> Iterator[Place]:
    # By hand, since what is not judged yet may be nested deeper than Python calls.
    waiting = [Place(q, f"/items/{n}", None, ()) for n, q in _backwards(items)]
    while waiting:
        place = waiting.pop()
        yield place
        question = place.question
        lists = (*place.lists, question.link_id) if question.is_list else place.lists
        if _depth(place) <= MAX_DEPTH:
            waiting += [
                Place(inner, f"{place.pointer}/items/{n}", place, lists)
                for n, inner in _backwards(question.items)
            ]


def _backwards(items: Sequence[Question]) -> Iterable[tuple[int, Question]]:
    return reversed(list(enumerate(items)))


def _depth(place: Place) -> int:
    return place.pointer.count("/") // 2


def _twice(values: Iterable[str]) -> Iterator[int]:
    """Yield the positions of those that were there before."""
    seen = set()
    for position, value in enumerate(values):
        if value in seen:
            yield position
        seen.add(value)


def _condition_problems(
    condition: Condition,
    place: Place,
    by_id: Mapping[str, Place],
    totals: AbstractSet[str],
) -> Iterator[Problem]:
    asked = by_id.get(condition.question)
    if asked is None:
        yield Problem("/question", "is not a question of this questionnaire")
        return
    if not asked.question.is_asked or condition.question in totals:
        yield Problem("/question", "has no answer of its own")
        return
    if place.lists[: len(asked.lists)] != asked.lists:
        yield Problem("/question", "stands in a list that this is no part of")
    kind, operator, value = asked.question.kind, condition.operator, condition.value
    if operator is Operator.EXISTS:
        if type(value) is not bool:
            yield Problem("/value", "must be true or false")
    elif kind in _INCOMPARABLE or (operator not in _EITHER and kind not in _ORDERED):
        yield Problem("/operator", f"cannot compare answers of the type {kind.value}")
    elif kind is Kind.OPEN_CHOICE:
        if type(value) is not str:
            yield Problem("/value", "must be text")
    elif detail := asked.question.complaint(value):
        yield Problem("/value", detail)


def _loops(places: Sequence[Place]) -> Iterator[Problem]:
    needs = dependencies(places)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        looping = _looping(needs)
    else:
        return
    for place in places:
        for position, condition in enumerate(place.question.enable_when):
            if {place.question.link_id, condition.question} <= looping:
                pointer = f"{place.pointer}/enable_when/{position}/question"
                yield Problem(pointer, "depends on this question in turn")


def _looping(needs: Mapping[str, AbstractSet[str]]) -> AbstractSet[str]:
    """Return what is left when all ends of all chains are taken away."""
    left = set(needs)
    while True:
        needed = {other for name in left for other in needs[name]}
        ends = {name for name in left if name not in needed or not needs[name] & left}
        if not ends:
            return left
        left -= ends


def _scale_problems(scale: Scale, by_id: Mapping[str, Place]) -> Iterator[Problem]:
    for position, link_id in enumerate(scale.questions):
        place = by_id.get(link_id)
        if place is None:
            detail = "is not a question of this questionnaire"
        elif place.lists or place.question.repeats:
            detail = "must have one answer"
        elif place.question.kind is not Kind.CHOICE:
            detail = "must be a choice"
        elif any(option.score is None for option in place.question.options):
            detail = "must have options that count something"
        else:
            continue
        yield Problem(f"/questions/{position}", detail)
    if scale.total is not None:
        shown = by_id.get(scale.total)
        if shown is None or shown.lists or shown.question.kind not in _NUMBERS:
            yield Problem("/total", "must be a number of this questionnaire")
        elif shown.question.repeats:
            yield Problem("/total", "must have one answer")


def _text_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not str:
        return "must be text"
    longest = question.max_length or MAX_ANSWER
    if len(answer) > longest:
        return f"must be at most {longest} characters"
    return unstorable(answer)


def _url_complaint(question: Question, answer: object) -> str | None:
    if detail := _text_complaint(question, answer):
        return detail
    return None if _URL.fullmatch(str(answer)) else "must be a web address"


def _integer_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not int:
        return "must be a whole number"
    if answer not in _INT32:
        return "must fit into 32 bits"
    return _limit_complaint(answer, question.min_value, question.max_value)


def _decimal_complaint(question: Question, answer: object) -> str | None:
    if type(answer) not in (int, float) or answer != answer:  # noqa: PLR0124  NaN.
        return "must be a number"
    assert isinstance(answer, int | float)
    if abs(answer) > _MOST:
        return "is too large"
    return _limit_complaint(answer, question.min_value, question.max_value)


_MOST: Final = 1e15


def _limit_complaint(
    answer: float | str, least: float | str | None, most: float | str | None
) -> str | None:
    # A month or a year is within its limits if a day of it is.
    def beyond(limit: Any) -> Any:
        return limit[: len(answer)] if isinstance(answer, str) else limit

    value: Any = answer
    if least is not None and value < beyond(least):
        return f"must be at least {_shown(least)}"
    if most is not None and value > beyond(most):
        return f"must be at most {_shown(most)}"
    return None


def _shown(limit: float | str) -> str:
    return limit if isinstance(limit, str) else f"{limit:g}"


def _date_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not str or not _is_date(answer):
        return "must be a date, as 2026-03-02, 2026-03 or 2026"
    return _day_complaint(question, answer)


def _date_time_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not str or not (_is_date(answer) or _is_instant(answer)):
        return "must be a date, or an instant with its offset"
    return _day_complaint(question, answer[:10])


def _day_complaint(question: Question, day: str) -> str | None:
    least, most = (
        None if limit is None else limit.isoformat()
        for limit in (question.earliest, question.latest)
    )
    return _limit_complaint(day, least, most)


def _is_date(literal: str) -> bool:
    if not _DATE.fullmatch(literal):
        return False
    try:
        date.fromisoformat(literal + "-01-01"[len(literal) - 4 :])
    except ValueError:
        return False
    return True


def _is_instant(literal: str) -> bool:
    if not _INSTANT.fullmatch(literal):
        return False
    try:
        structure(literal, datetime)
    except InvalidError:
        return False
    return True


def _time_complaint(_: Question, answer: object) -> str | None:
    fits = type(answer) is str and _TIME.fullmatch(answer)
    return None if fits else "must be a time, as 09:00"


def _boolean_complaint(_: Question, answer: object) -> str | None:
    return None if type(answer) is bool else "must be true or false"


def _choice_complaint(question: Question, answer: object) -> str | None:
    fits = type(answer) is str and question.option(answer)
    return None if fits else "must be the code of one of the options"


def _open_choice_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not dict:
        return _choice_complaint(question, answer)
    if list(answer) != ["other"]:
        return 'must be the code of an option, or {"other": "…"}'
    return _text_complaint(question, answer["other"])


def _quantity_complaint(question: Question, answer: object) -> str | None:
    if type(answer) is not dict or not {"value"} <= answer.keys() <= {"value", "unit"}:
        return 'must be {"value": 10, "unit": "mg"}'
    unit = answer.get("unit")
    if unit is not None and (type(unit) is not str or len(unit) > 100):
        return "must have a short text as its unit"
    units = {name for known in question.units for name in (known.code, known.display)}
    if units and unit not in units - {None}:
        return "must have one of the units that are asked for"
    return _decimal_complaint(question, answer["value"]) or unstorable(unit or "")


def _unasked_complaint(_: Question, __: object) -> str | None:
    return "is not a question"


_COMPLAINTS: Final[Mapping[Kind, Callable[[Question, object], str | None]]] = (
    MappingProxyType(
        {
            Kind.GROUP: _unasked_complaint,
            Kind.DISPLAY: _unasked_complaint,
            Kind.STRING: _text_complaint,
            Kind.TEXT: _text_complaint,
            Kind.INTEGER: _integer_complaint,
            Kind.DECIMAL: _decimal_complaint,
            Kind.DATE: _date_complaint,
            Kind.DATE_TIME: _date_time_complaint,
            Kind.TIME: _time_complaint,
            Kind.BOOLEAN: _boolean_complaint,
            Kind.CHOICE: _choice_complaint,
            Kind.OPEN_CHOICE: _open_choice_complaint,
            Kind.URL: _url_complaint,
            Kind.QUANTITY: _quantity_complaint,
            Kind.REFERENCE: _text_complaint,
        }
    )
)
