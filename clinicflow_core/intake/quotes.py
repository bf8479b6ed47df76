"""
Quotes: where words stand in what a patient said, and what there belongs to what.

In "metformin 500 mg and lisinopril 10 mg" the 10 mg are those of lisinopril. In a list
whatever is answered in an entry belongs to what the entry names.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from attrs import evolve, frozen

from clinicflow_core.entities.summary import Facet, Source, Statement
from clinicflow_core.intake.conversation import asked_in
from clinicflow_core.intake.doses import Quantity, quantities
from clinicflow_core.intake.drugs import find_drugs, is_kind_of_drug

Span = tuple[int, int]
"""From the first to after the last, counted in characters or in words."""

_MOST_PLACES: Final = 8
_MOST_LOOKS: Final = 1_000
_MOST_JOINED: Final = 20
_FARTHEST: Final = 200
"""In characters: what is farther from a name than this is not said in one breath."""

_WORD: Final = re.compile(r"[\w\u0300-\u036f]+|[^\w\s]")
_BREAK: Final = re.compile(
    r"[;\n]|[.,?!](?=\s)|\b(?:and|plus|then|or|but|also)\b", re.IGNORECASE
)
_JOINED: Final = re.compile(
    r"\s{0,3}(?:,?\s{0,3}(?:and|or)|[,&+/])?\s{0,3}(?:(?:the|my|an?|both)\b)?\s{0,3}",
    re.IGNORECASE,
)
_ENDINGS: Final = (
    *("iness", "ness", "ings", "edly", "ing", "ied", "ies"),
    *("ed", "es", "ly", "s", "e", "y"),
)
_SAME: Final = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-"}
)


@frozen
class Words:
    """
    A text cut into words and signs.

    Attributes:
        plain: As they compare: without case and width.
        spans: Where each stands.
    """

    text: str
    plain: Sequence[str]
    spans: Sequence[Span]

    @classmethod
    def of(cls, text: str) -> Words:
        found = list(_WORD.finditer(text))
        return cls(text, [_plain(m[0]) for m in found], [m.span() for m in found])

    @cached_property
    def names(self) -> Sequence[Name]:
        """The drugs that are named, in order."""
        return names_in(self.text)

    @cached_property
    def amounts(self) -> Sequence[Quantity]:
        """The numbers, and what says how often, in order."""
        return quantities(self.text)

    @cached_property
    def stems(self) -> Sequence[str]:
        """What each word shares with its other forms."""
        return [stem(word) for word in self.plain]

    def where(self, word: str) -> Sequence[int]:
        """Return the places of a word, in order."""
        return self._by_word.get(word, ())

    def where_any_form_of(self, word: str) -> Sequence[int]:
        """Return the places of all words with the stem of *word*, in order."""
        return self._by_stem.get(stem(word), ())

    @cached_property
    def _by_word(self) -> Mapping[str, Sequence[int]]:
        return _places(self.plain)

    @cached_property
    def _by_stem(self) -> Mapping[str, Sequence[int]]:
        return _places(self.stems)


def _places(words: Iterable[str]) -> Mapping[str, Sequence[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(words):
        places[word].append(place)
    return places


def stem(word: str) -> str:
    """Return what forms of one English word share: "headach", "stop"."""
    if not word.endswith(_ENDINGS):
        return word
    ending = next(each for each in _ENDINGS if word.endswith(each))
    shared = word.removesuffix(ending)
    if len(shared) < 3:
        return word
    if len(shared) > 3 and shared[-1] == shared[-2]:
        shared = shared[:-1]
    return shared


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", word.translate(_SAME)).casefold()


@frozen
class Name:
    """What a text calls a drug or an allergen, and where."""

    start: int
    end: int
    words: frozenset[str]

    def may_be(self, other: Name) -> bool:
        """Tell whether they name the same: "Toprol" and "Toprol XL"."""
        return self.words <= other.words or other.words <= self.words


def names_in(text: str) -> list[Name]:
    """Return the drugs that *text* names, in order."""
    return [
        Name(each.start, each.end, frozenset(Words.of(each.name).plain))
        for each in find_drugs(text)
    ]


def owners(
    text: str, names: Sequence[Name], at: Span, *, shared: bool
) -> Sequence[Name]:
    """
    Return of *names*, in order, whose what stands at *at* is.

    It is that of the name before it, or of the one after it if only that is said in
    one breath with it: "10 mg of lisinopril". If it is *shared*, it is also that of
    the names listed with that one: "aspirin and lisinopril once a day".
    """
    start, end = at
    index = bisect_left(names, start, key=lambda name: name.start)
    if index and names[index - 1].end >= end:
        return names[index - 1 : index]
    before = index - 1 if index else None
    after = index if index < len(names) else None
    if before is None and after is None:
        return ()
    if before is None or (
        after is not None
        and _is_broken(text, names[before].end, start)
        and not _is_broken(text, end, names[after].start)
    ):
        assert after is not None
        last = after
        while shared and _are_joined(text, names, last, after):
            last += 1
        return names[after : last + 1]
    # "Cats, shellfish (hives)": only the last is told with what happens.
    shared = shared and "(" not in text[names[before].end : start][:2]
    first = before
    while shared and first and _are_joined(text, names, first - 1, before):
        first -= 1
    return names[first : before + 1]


def _is_broken(text: str, start: int, end: int) -> bool:
    return end - start > _FARTHEST or bool(_BREAK.search(text, start, end))


def _are_joined(text: str, names: Sequence[Name], first: int, origin: int) -> bool:
    """Tell whether the name at *first* and the next one are listed together."""
    if first + 1 >= len(names) or abs(first - origin) > _MOST_JOINED:
        return False
    return bool(_JOINED.fullmatch(text, names[first].end, names[first + 1].start))


@frozen
class Said:
    """
    A statement, made ready to be searched.

    Attributes:
        question: What was asked.
        further: The names in it that no lexicon has.
        of_entry: The names of its entry, if it is the dose, the reaction or the like.
    """

    statement: Statement
    words: Words
    question: Words
    further: Sequence[Name] = ()
    of_entry: Sequence[Name] | None = None

    @cached_property
    def names(self) -> Sequence[Name]:
        """What it is about, in order: what it names, or else what its question does."""
        if self.of_entry is not None:
            return self.of_entry
        return _in_order((*(self._own or self._asked), *self.further))

    @cached_property
    def is_part(self) -> bool:
        """Whether all of it is about its names, wherever they stand."""
        if self.of_entry is not None:
            return True
        return not self.further and not self._own and bool(self._asked)

    @property
    def _own(self) -> Sequence[Name]:
        words = self.words
        if self.statement.facet is Facet.NAME and not words.names:
            return [Name(0, len(words.text), frozenset(words.plain))]
        return words.names

    @property
    def _asked(self) -> Sequence[Name]:
        return () if self.statement.entry else self.question.names

    def places(self, wanted: Sequence[str]) -> list[Span]:
        """Return where plain words stand, counted in words; at most `_MOST_PLACES`."""
        if not any(map(str.isalnum, wanted)):
            return []
        if wanted == self.words.plain:
            return [(0, len(wanted))]
        rarest = min(range(len(wanted)), key=lambda n: len(self.words.where(wanted[n])))
        places: list[Span] = []
        for at in self.words.where(wanted[rarest])[:_MOST_LOOKS]:
            first = at - rarest
            last = first + len(wanted)
            if first >= 0 and self.words.plain[first:last] == wanted:
                places.append((first, last))
            if len(places) == _MOST_PLACES:
                break
        return places

    def span(self, place: Span) -> Span:
        """Return the characters of a range of words."""
        return self.words.spans[place[0]][0], self.words.spans[place[1] - 1][1]

    def amounts_at(self, place: Span) -> Iterator[Quantity]:
        """Yield those that stand in a range of words as a whole."""
        amounts = self.words.amounts
        if not amounts:
            return
        start, end = self.span(place)
        index = bisect_left(amounts, start, key=lambda each: each.start)
        for each in amounts[index:]:
            if each.start >= end:
                return
            if each.end <= end:
                yield each

    def owners(self, at: Span, *, shared: bool) -> Sequence[Name]:
        """Return whose what stands there is; see `owners`."""
        if self.is_part:
            return self.names
        return owners(self.words.text, self.names, at, shared=shared)

    def answers(self, kind: Name, name: Name) -> bool:
        """
        Tell whether *name* is the reply to a question about a kind of drug.

        "Do you take your diabetes medication?" - "Micronase, every day."
        """
        index = bisect_left(self.names, name.start, key=lambda each: each.start)
        if not index:
            return False
        asked, text = self.names[index - 1], self.words.text
        return (
            asked.words == kind.words
            and "?" in text[asked.end : name.start]
            and is_kind_of_drug(text[asked.start : asked.end])
        )

    def with_name(self, words: Sequence[str]) -> Said:
        """Return it with a name besides, wherever that stands."""
        if self.is_part or any(name.words == frozenset(words) for name in self.names):
            return self
        spans = (self.span(place) for place in self.places(words))
        found = [Name(start, end, frozenset(words)) for start, end in spans]
        return evolve(self, further=(*self.further, *found))


def _in_order(names: Iterable[Name]) -> Sequence[Name]:
    return sorted(names, key=lambda name: (name.start, name.end))


def read(
    statements: Iterable[Statement],
    named: Iterable[tuple[Source, frozenset[str]]],
    words_of: Callable[[str], Words] = Words.of,
) -> Mapping[str, Said]:
    """
    Return each statement by its answer, ready to be searched.

    Args:
        named: What else is a name, by where it stands: what was answered to a
            question about drugs or allergies is one, though no lexicon has it.
        words_of: How to cut a text into words.
    """
    by_answer = {
        each.answer: Said(each, words_of(each.text), words_of(asked_in(each.question)))
        for each in statements
    }
    further: dict[str, list[Name]] = defaultdict(list)
    for source, words in named:
        said = by_answer[source.answer]
        for place in said.places(words_of(source.words).plain)[:1]:
            start, end = said.span(place)
            further[source.answer].append(Name(start, end, words))
    for answer, names in further.items():
        by_answer[answer] = evolve(by_answer[answer], further=names)
    return _with_names_of_entries(by_answer)


def _with_names_of_entries(by_answer: Mapping[str, Said]) -> Mapping[str, Said]:
    names: dict[str, list[Name]] = defaultdict(list)
    for said in by_answer.values():
        if said.statement.entry is not None and said.statement.facet is Facet.NAME:
            names[said.statement.entry].extend(said.names)
    return {
        answer: evolve(said, of_entry=_in_order(names[entry]))
        if (entry := said.statement.entry) in names
        and said.statement.facet is not Facet.NAME
        else said
        for answer, said in by_answer.items()
    }
