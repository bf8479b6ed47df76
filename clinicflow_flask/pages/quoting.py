"""
Quoting: a patient's answers and the summary made of them, each leading to the other.

What a summary says leads to the words that it stands on, and each answer to what was
made of it; plain links do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from clinicflow_core.entities.questionnaire import Definition
from clinicflow_core.entities.summary import Digest, Source, Statement, SummaryItem
from clinicflow_core.intake.answers import asked_with
from clinicflow_core.wire import pointer_step
from clinicflow_flask.pages.asking import Told, in_blocks, steps_of, told

_TITLES: Final = (
    ("red_flags", "Needs a look at once"),
    ("summary", "In short"),
    ("patient_concerns", "Comes for"),
    ("medications", "Takes"),
    ("allergies", "Allergic to"),
    ("denials", "Says it is not so"),
    ("notes", "Notes"),
)
"""The lists of a digest in the order in which a doctor reads them."""


@frozen(kw_only=True)
class Quote:
    """
    Words of an answer that a summary stands on.

    Attributes:
        parts: The words, with the quotes within them.
    """

    id: str
    parts: tuple[str | Quote, ...] = field(repr=False)


@frozen(kw_only=True)
class Item:
    """
    One thing that a summary says.

    Attributes:
        sources: Of each the id of its `Quote`, None if its answer is not there any
            more, and the words.
        added: See `SummaryItem`.
    """

    id: str
    text: str = field(repr=False)
    sources: tuple[tuple[str | None, str], ...] = field(repr=False)
    added: bool


@frozen(kw_only=True)
class Section:
    """One of the lists of a summary."""

    name: str
    title: str
    items: tuple[Item, ...]


@frozen(kw_only=True)
class Answer:
    """
    What a patient answered.

    Attributes:
        parts: The answer, with what is quoted of it.
        items: What the summary makes of it.
    """

    parts: tuple[str | Quote, ...] = field(repr=False)
    items: tuple[Item, ...]


@frozen(kw_only=True)
class AnswerGroup:
    """
    The answers of one group of questions.

    Attributes:
        blocks: What stands together.
    """

    title: str | None
    blocks: tuple[Told, ...]


@frozen(kw_only=True)
class Reading:
    """
    A form beside its summary.

    Attributes:
        answers: By their pointers.
    """

    groups: tuple[AnswerGroup, ...]
    answers: Mapping[str, Answer]
    sections: tuple[Section, ...]


_Range = tuple[int, int]


def reading_of(
    definition: Definition | None, statements: Sequence[Statement], digest: Digest
) -> Reading:
    """Return the answers and what *digest* says of them, tied together."""
    ranges = _ranges(statements, digest)
    sections = tuple(_sections(digest, statements, ranges))
    quoting: dict[str, list[Item]] = {}
    for item in (item for section in sections for item in section.items):
        for quote_id, _ in item.sources:
            if quote_id is not None:
                quoting.setdefault(quote_id, []).append(item)
    answers = {
        statement.answer: Answer(
            parts=_parts(statement.text, number, ranges.get(statement.answer, ())),
            items=tuple(
                dict.fromkeys(
                    item
                    for each in ranges.get(statement.answer, ())
                    for item in quoting.get(_id(number, each), ())
                )
            ),
        )
        for number, statement in enumerate(statements)
    }
    groups = tuple(_groups(definition, statements))
    return Reading(groups=groups, answers=answers, sections=sections)


def left_blank(definition: Definition, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the questions that were asked and not answered, in their order.

    Those in entries of lists are left out.
    """
    asked = asked_with(definition, raw)
    return tuple(
        question.words
        for place in definition.places
        if (question := place.question).is_asked
        and not place.lists
        and question.link_id not in definition.totals
        and question.link_id not in raw
        and pointer_step(question.link_id) in asked
    )


def _ranges(
    statements: Sequence[Statement], digest: Digest
) -> Mapping[str, Sequence[_Range]]:
    """Return what is quoted of each answer, the longer of two first."""
    texts = {statement.answer: statement.text for statement in statements}
    found: dict[str, set[_Range]] = {}
    for _, items in digest.lists():
        for source in (source for item in items for source in item.sources):
            if source.answer in texts:
                place = _range(source, texts[source.answer])
                found.setdefault(source.answer, set()).add(place)
    return {
        answer: sorted(ranges, key=lambda each: (each[0], -each[1]))
        for answer, ranges in found.items()
    }


def _range(source: Source, text: str) -> _Range:
    start = text.find(source.words)
    return (0, len(text)) if start < 0 else (start, start + len(source.words))


def _id(number: int, place: _Range) -> str:
    return f"said-{number}-{place[0]}-{place[1]}"


def _sections(
    digest: Digest,
    statements: Sequence[Statement],
    ranges: Mapping[str, Sequence[_Range]],
) -> Iterator[Section]:
    numbers = {statement.answer: n for n, statement in enumerate(statements)}

    def quote_of(source: Source) -> str | None:
        if source.answer not in ranges:
            return None
        number = numbers[source.answer]
        return _id(number, _range(source, statements[number].text))

    def item_of(item: SummaryItem, id_: str) -> Item:
        sources = dict.fromkeys((quote_of(each), each.words) for each in item.sources)
        return Item(id=id_, text=item.text, sources=tuple(sources), added=item.added)

    for name, title in _TITLES:
        items: tuple[SummaryItem, ...] = getattr(digest, name)
        if items:
            yield Section(
                name=name,
                title=title,
                items=tuple(
                    item_of(item, f"{name.replace('_', '-')}-{number}")
                    for number, item in enumerate(items, 1)
                ),
            )


def _groups(
    definition: Definition | None, statements: Sequence[Statement]
) -> Iterator[AnswerGroup]:
    titled: list[tuple[str | None, list[Told]]] = (
        [(None, in_blocks(statements))]
        if definition is None
        else [(step.title, told(step, statements)) for step in steps_of(definition)]
    )
    for title, blocks in titled:
        if blocks:
            yield AnswerGroup(title=title, blocks=tuple(blocks))


def _parts(text: str, number: int, ranges: Sequence[_Range]) -> tuple[str | Quote, ...]:
    return tuple(_cut(text, (0, len(text)), number, list(ranges)))


def _cut(
    text: str, whole: _Range, number: int, ranges: list[_Range]
) -> Iterator[str | Quote]:
    """Yield what stands in *whole*; a quote that runs over another one is cut there."""
    at, end = whole
    while ranges:
        place = ranges.pop(0)
        start, stop = max(place[0], at), min(place[1], end)
        within = [each for each in ranges if each[0] < stop]
        del ranges[: len(within)]
        if text[at:start]:
            yield text[at:start]
        parts = tuple(_cut(text, (start, stop), number, within))
        yield Quote(id=_id(number, place), parts=parts)
        at = max(at, stop)
    if text[at:end]:
        yield text[at:end]
