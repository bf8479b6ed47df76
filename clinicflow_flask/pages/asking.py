"""
Asking: a questionnaire as steps with fields, and what was typed into them as answers.

A field stands under the pointer of its answer, "/medications/0/dose", and parts of an
answer under it with a tilde between: "/born~year". A pointer never holds a tilde that
is not followed by 0 or 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from attrs import define, evolve, field, frozen
from werkzeug.datastructures import MultiDict

from clinicflow_core.entities.questionnaire import (
    CHOICES,
    MOST_ENTRIES,
    UNASKED,
    Definition,
    Kind,
    Question,
)
from clinicflow_core.entities.summary import Statement
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.intake.answers import MOST_LEAVES
from clinicflow_core.wire import pointer_step, pointer_steps

Answers = Mapping[str, Any]
Typed = MultiDict[str, str]

OTHER: Final = "~other"
"""What stands behind the pointer of a question for an answer in one's own words."""

YEAR, MONTH, DAY, UNIT = "~year", "~month", "~day", "~unit"

FREE: Final = "reason for the visit"
"""Under which the answer stands if nothing certain is asked."""

FREE_QUESTION: Final = Question(
    link_id=FREE,
    kind=Kind.TEXT,
    text="What should your doctor know before you come?",
)

_FEW: Final = 8
"""So many options can be seen at once; more are chosen from a list."""

_LONGEST_ROW: Final = 11
"""So many numbers, as from 0 to 10, stand in a row."""

_NUMBERS: Final = frozenset({Kind.INTEGER, Kind.DECIMAL})
_DAYS: Final = frozenset({Kind.DATE, Kind.DATE_TIME})
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,15}")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]{1,15}[.,][0-9]{1,15}")
_BLANK: Final = "\r\n\t "
_LINE_EACH: Final = "each line"


@frozen(kw_only=True)
class Step:
    """
    What is asked at once.

    Attributes:
        number: Where it stands among all steps, from 1.
        title: None if the questions say all.
        group: The link id of the group that it is; None if it is none.
    """

    number: int
    title: str | None
    group: str | None = None
    questions: tuple[Question, ...]

    @property
    def link_ids(self) -> frozenset[str]:
        """Of all that is in it, what stands in entries left out."""
        own = [] if self.group is None else [self.group]
        return frozenset([*own, *_link_ids(self.questions)])

    def has(self, pointer: str) -> bool:
        """Return whether *pointer* leads to an answer in this step."""
        return any(step in self.link_ids for step in pointer_steps(pointer)[:1])


@frozen(kw_only=True)
class Entry:
    """
    One entry of a list.

    Attributes:
        pointer: Of the entry: "/medications/0".
        number: From 1.
    """

    pointer: str
    number: int
    fields: tuple[Field, ...]


@frozen(kw_only=True)
class Field:
    """
    A question as it is shown.

    Attributes:
        pointer: Where its answer stands; the name of its field.
        id: Of its element on the page, without spaces.
        control: What it is answered with; a macro of the template has this name.
        answer: As it is kept or was typed; None if there is none.
        wrong: What is wrong with it.
        is_whole_day: Whether a year or a month alone is no answer.
        inner: What stands in the group, or under the question.
        entries: Of a list.
    """

    question: Question
    pointer: str
    id: str
    control: str
    answer: Any = field(default=None, repr=False)
    wrong: str | None = None
    is_whole_day: bool = False
    inner: tuple[Field, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def can_be_answered(self) -> bool:
        return self.question.is_asked or self.question.is_list

    @property
    def each(self) -> list[Any]:
        """The answers to a question that can have several."""
        return self.answer if isinstance(self.answer, list) else []

    @property
    def own_words(self) -> str:
        """What was answered beside the options; of several, a line each."""
        given = self.each if self.question.repeats else [self.answer]
        others = (a.get("other", "") for a in given if isinstance(a, Mapping))
        return "\n".join(map(str, others))

    @property
    def lines(self) -> str:
        """The answers, a line each."""
        return "\n".join(map(_line, self.each))

    @property
    def date_parts(self) -> tuple[str, str, str]:
        """Year, month and day, as far as they are known."""
        literal = str(self.answer or "")[:10]
        year, month, day = (*literal.split("-", 2), "", "")[:3]
        return year, month, day

    @property
    def is_no_date(self) -> bool:
        """Whether what is wrong is that what was typed is no date."""
        if self.wrong is None or self.control != "date":
            return False
        if self.is_whole_day:
            return True
        # A date that is too early or too late is one.
        question = evolve(self.question, earliest=None, latest=None)
        return bool(self.answer) and question.complaint(self.answer) is not None

    @property
    def says_a_line_each(self) -> bool:
        """Whether its own words say how several answers are typed; in English."""
        return _LINE_EACH in self.question.words

    @property
    def numbers(self) -> range:
        """The whole numbers to choose from."""
        low, high = self.question.min_value, self.question.max_value
        return range(int(low or 0), int(high or 0) + 1)

    @property
    def unit(self) -> str:
        """What the number is measured in; "" if that is not said."""
        units = [unit.display or unit.code for unit in self.question.units]
        return units[0] if len(units) == 1 else ""


@frozen(kw_only=True)
class Told:
    """
    Answers that stand together.

    Attributes:
        is_entry: Whether they are those of one entry of a list.
        answers: To each question.
    """

    is_entry: bool
    answers: tuple[tuple[str, tuple[Statement, ...]], ...]


def date_field(name: str, text: str, typed: str, wrong: str | None) -> Field:
    """Return a field for a whole date that is no answer."""
    question = Question(link_id=name, kind=Kind.DATE, text=text, required=True)
    return Field(
        question=question,
        pointer=name,
        id=name,
        control="date",
        answer=typed,
        wrong=wrong,
        is_whole_day=True,
    )


def told(step: Step, statements: Iterable[Statement]) -> list[Told]:
    """Return what was answered in a step, `in_blocks`."""
    return in_blocks(each for each in statements if step.has(each.answer))


def in_blocks(statements: Iterable[Statement]) -> list[Told]:
    """Return statements with those of one entry together, and of one question."""
    return [
        Told(
            is_entry=entry is not None,
            answers=tuple(
                (question, tuple(same))
                for question, same in groupby(block, lambda each: each.question)
            ),
        )
        for entry, block in groupby(statements, lambda each: each.entry)
    ]


def steps_of(definition: Definition | None) -> tuple[Step, ...]:
    """
    Return what is asked at once: each group, and the questions between two groups.

    Texts between two groups stand with what follows them.
    """
    if definition is None:
        return (Step(number=1, title=None, questions=(FREE_QUESTION,)),)
    steps: list[Step] = []
    loose: tuple[Question, ...] = ()
    for question in definition.items:
        if question.kind is not Kind.GROUP:
            loose += (question,)
            continue
        if any(each.is_asked for each in loose):
            steps.append(Step(number=len(steps) + 1, title=None, questions=loose))
            loose = ()
        steps.append(_step_of(question, loose, len(steps) + 1))
        loose = ()
    if loose:
        steps.append(Step(number=len(steps) + 1, title=None, questions=loose))
    return tuple(steps)


def _step_of(group: Question, before: tuple[Question, ...], number: int) -> Step:
    if group.is_list:
        return Step(number=number, title=None, questions=(*before, group))
    return Step(
        number=number,
        title=group.text,
        group=group.link_id,
        questions=(*before, *group.items),
    )


def shown_steps(steps: Sequence[Step], asked: Collection[str]) -> list[Step]:
    """Return the steps in which anything is asked."""
    return [
        step
        for step in steps
        if any(pointer_step(question.link_id) in asked for question in step.questions)
    ]


def fields_of(
    step: Step,
    answers: Answers,
    asked_with: Callable[[Answers], Collection[str]],
    problems: Collection[Problem] = (),
    totals: Collection[str] = (),
) -> tuple[Field, ...]:
    """
    Return the fields of what is asked in a step.

    Args:
        answers: To all questions. A list without an entry is shown with a blank one.
        asked_with: Returns the pointers of what is asked with some answers.
        problems: With pointers into *answers*; what leads to no field is left out.
        totals: The link ids of what is worked out, and not asked.
    """
    answers = _with_blanks(step.questions, answers)
    details = {problem.pointer: problem.detail for problem in problems}
    drawing = _Drawing(asked_with(answers), details, totals)
    return tuple(drawing.fields(step.questions, answers, ""))


def _with_blanks(questions: Sequence[Question], answers: Answers) -> dict[str, Any]:
    found = dict(answers)
    for question in questions:
        if question.is_list:
            entries = found.get(question.link_id) or [{}]
            found[question.link_id] = [_with_blanks(question.items, e) for e in entries]
        else:
            found = _with_blanks(question.items, found)
    return found


def first_wrong(fields: Sequence[Field]) -> str | None:
    """Return the id of the first field that something is wrong with."""
    return next((each.id for each in every_field(fields) if each.wrong), None)


def every_field(fields: Sequence[Field]) -> Iterator[Field]:
    """Yield the fields and all that stand in them, in the order of the page."""
    for each in fields:
        yield each
        yield from every_field(each.inner)
        for entry in each.entries:
            yield from every_field(entry.fields)


@frozen
class _Drawing:
    asked: Collection[str]
    wrong: Mapping[str, str]
    totals: Collection[str]

    def fields(
        self,
        questions: Sequence[Question],
        answers: Answers,
        above: str,
        id_: str = "q",
    ) -> Iterator[Field]:
        for number, question in enumerate(questions):
            pointer = above + pointer_step(question.link_id)
            if pointer in self.asked and question.link_id not in self.totals:
                yield self._field(question, answers, above, f"{id_}-{number}")

    def _field(
        self, question: Question, answers: Answers, above: str, id_: str
    ) -> Field:
        pointer = above + pointer_step(question.link_id)
        answer = answers.get(question.link_id)
        shown = Field(
            question=question,
            pointer=pointer,
            id=id_,
            control=_control(question),
            answer=answer,
            wrong=self._wrong(question, pointer),
        )
        if question.is_list:
            return evolve(
                shown,
                entries=tuple(
                    Entry(
                        pointer=f"{pointer}/{at}",
                        number=at + 1,
                        fields=tuple(
                            self.fields(
                                question.items, each, f"{pointer}/{at}", f"{id_}-{at}"
                            )
                        ),
                    )
                    for at, each in enumerate(shown.each)
                ),
            )
        inner = self.fields(question.items, answers, above, f"{id_}-in")
        return evolve(shown, inner=tuple(inner))

    def _wrong(self, question: Question, pointer: str) -> str | None:
        if found := self.wrong.get(pointer):
            return found
        if question.is_list:
            return None
        below = (d for p, d in self.wrong.items() if p.startswith(f"{pointer}/"))
        return next(below, None)


def read_step(step: Step, typed: Typed) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """
    Return the answers that were typed into a step, and what cannot be told of them.

    What fits no question is an answer all the same, for the rules to complain of.

    Raises:
        InvalidError: If there are more entries of lists than a form has room for.
    """
    reading = _Reading(typed)
    answers = reading.answers(step.questions, "")
    return answers, tuple(reading.problems)


def date_typed(typed: Typed, name: str) -> str:
    """Return the date in the three fields of *name*, as "2026-03-02", or a part."""
    return _Reading(typed).date(name)


@define
class _Reading:
    """
    Attributes:
        room: How many more entries of lists are read.
    """

    typed: Typed
    problems: list[Problem] = field(factory=list)
    room: int = MOST_LEAVES

    def answers(self, questions: Sequence[Question], above: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for question in questions:
            pointer = above + pointer_step(question.link_id)
            if question.is_list:
                if entries := self._entries(question, pointer):
                    found[question.link_id] = entries
                continue
            if question.kind not in UNASKED:
                answer = self._answer(question, pointer)
                if answer not in (None, "", []):
                    found[question.link_id] = answer
            found |= self.answers(question.items, above)
        return found

    def _entries(self, question: Question, pointer: str) -> list[dict[str, Any]]:
        # Each once: within lists of lists, what is sent again would multiply.
        sent = dict.fromkeys(self.typed.getlist(pointer))
        positions = [p for p in sent if _WHOLE.fullmatch(p)]
        kept = [p for p in positions if self.typed.get("do") != f"remove {pointer}/{p}"]
        self.room -= len(kept)
        if self.room < 0:
            raise InvalidError((Problem("", "has too many entries"),))
        entries = [
            self.answers(question.items, f"{pointer}/{position}")
            for position in kept[:MOST_ENTRIES]
        ]
        entries = [each for each in entries if each]
        # A blank one is there for as long as somebody is about to fill it in.
        if self.typed.get("do") == f"add {pointer}":
            entries.append({})
        return entries

    def _answer(self, question: Question, pointer: str) -> Any:
        if question.kind in CHOICES:
            return self._chosen(question, pointer)
        if question.kind in _DAYS and not question.repeats:
            return self.date(pointer)
        text = self._text(pointer)
        if question.repeats:
            lines = (line.strip(_BLANK) for line in text.split("\n"))
            return [_leaf(question.kind, line) for line in lines if line]
        if question.kind is Kind.QUANTITY:
            return _quantity(text, self._text(pointer + UNIT))
        return _leaf(question.kind, text)

    def _chosen(self, question: Question, pointer: str) -> Any:
        chosen = [code for code in self.typed.getlist(pointer) if code.strip()]
        own = self._text(pointer + OTHER)
        options = [code for code in chosen if code != OTHER]
        if question.repeats:
            lines = (line.strip(_BLANK) for line in own.split("\n"))
            return [*options, *({"other": line} for line in lines if line)]
        if own and options:
            detail = "has two answers: choose one, or say it in your own words"
            self.problems.append(Problem(pointer, detail))
        return {"other": own} if own else next(iter(options), None)

    def date(self, pointer: str) -> str:
        year, month, day = (self._text(pointer + part) for part in (YEAR, MONTH, DAY))
        parts = [year, month, day.zfill(2) if day.isdecimal() else day]
        while parts and not parts[-1]:
            parts.pop()
        return "-".join(parts)

    def _text(self, name: str) -> str:
        return self.typed.get(name, "").replace("\r\n", "\n").strip(_BLANK)


def _leaf(kind: Kind, text: str) -> Any:
    if kind in _NUMBERS:
        return _number(text)
    if kind is Kind.BOOLEAN and text.lower() in ("yes", "no"):
        return text.lower() == "yes"
    if kind is Kind.QUANTITY:
        number, _, unit = text.partition(" ")
        return _quantity(number, unit)
    return text


def _line(answer: Any) -> str:
    if isinstance(answer, bool):
        return "Yes" if answer else "No"
    if isinstance(answer, Mapping):
        return f"{answer.get('value', '')} {answer.get('unit', '')}".strip()
    return str(answer)


def _quantity(number: str, unit: str) -> Any:
    if not number:
        return None
    return {"value": _number(number), **({"unit": unit} if unit else {})}


def _number(text: str) -> Any:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text.replace(",", "."))
    return text


def _control(question: Question) -> str:
    kind = question.kind
    if kind is Kind.GROUP:
        return "entries" if question.repeats else "group"
    if kind is Kind.DISPLAY:
        return "note"
    if kind in CHOICES:
        if question.repeats:
            return "boxes"
        is_long = len(question.options) > _FEW and kind is Kind.CHOICE
        return "drop_down" if is_long else "radios"
    if question.repeats:
        return "line_each"
    if kind is Kind.INTEGER and _is_row(question):
        return "row"
    return _CONTROLS.get(kind, "line")


_CONTROLS: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "lines",
    Kind.BOOLEAN: "yes_no",
    Kind.DATE: "date",
    Kind.DATE_TIME: "date",
    Kind.TIME: "clock_time",
    Kind.INTEGER: "number",
    Kind.DECIMAL: "number",
    Kind.QUANTITY: "quantity",
}


def _is_row(question: Question) -> bool:
    low, high = question.min_value, question.max_value
    return low is not None and high is not None and high - low < _LONGEST_ROW


def _link_ids(questions: Sequence[Question]) -> Iterator[str]:
    for question in questions:
        yield question.link_id
        if not question.is_list:
            yield from _link_ids(question.items)
