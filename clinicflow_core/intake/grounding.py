"""
Grounding: a summary says only what the patient said, whoever wrote it.

Each item has to quote the answers, and its words, numbers and negations have to stand
in what it quotes; what does not is dropped and reported. What the patient answered and
the summary left out is added, word for word. No model judges here, only code: it is
stricter than a reader would be, and knows no synonyms.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, partial
from typing import Final

from attrs import evolve, field, frozen

from clinicflow_core.entities.summary import (
    Digest,
    Dropped,
    DropReason,
    Source,
    Statement,
    SummaryItem,
    Topic,
)
from clinicflow_core.intake.claims import claims
from clinicflow_core.intake.denials import (
    FARTHEST_BEFORE,
    begins_to_deny,
    contradicts,
    denied_lists,
    denies_all,
    is_denied,
    is_of_kin,
    says_just_yes,
    says_no,
    says_yes,
)
from clinicflow_core.intake.flags import pregnancies, red_flags
from clinicflow_core.intake.plain_text import is_plain, made_plain
from clinicflow_core.intake.quotes import (
    Name,
    Said,
    Span,
    Words,
    owners,
    read,
    stem,
)


@frozen
class Grounded:
    """
    What is left of a digest.

    Attributes:
        dropped: In the order in which they stood.
    """

    digest: Digest
    dropped: tuple[Dropped, ...] = ()


def ground(
    digest: Digest, statements: Sequence[Statement], answered: Digest
) -> Grounded:
    """
    Return of *digest* what the patient said, and what they answered besides.

    An item stays if each of its sources is an answer that has the quoted words, apart
    from case, white space and width, and if in these words there are

    * its own words, those of medications and allergies as they are and others in any
      form, but for a few that only report ("patient", "takes", "with");
    * its numbers with the same unit, and how often, said of the same drug;
    * a negation where it has one, and none where it has none.

    A question counts as said if the answer is yes, and as denied if it is no. Nobody's
    allergy is a medication, nor is what was stopped, and there are "no known allergies"
    only where none is known. An item is one line of plain text. Two that say the same
    become one.

    Args:
        answered: What the extractive summarizer finds in the same statements. Of its
            medications, allergies and red flags, what the digest lacks is added, and
            takes the place of an item that says less.
    """
    reader = _Reader()
    record = _Record.of(statements, answered, reader)
    must_appear = {
        "medications": answered.medications,
        "allergies": answered.allergies,
        "red_flags": answered.red_flags,
    }
    entries = {name: _Entries(must_appear[name], reader) for name in _AS_THEY_ARE}
    lists = dict(digest.lists())
    kept: dict[str, list[SummaryItem]] = {name: [] for name in lists}
    dropped: dict[str, list[Dropped]] = {name: [] for name in lists}
    # First what must appear: it decides what may be denied.
    for name in (*must_appear, *(each for each in lists if each not in must_appear)):
        known = {each: [*must_appear[each], *kept[each]] for each in _AS_THEY_ARE}
        for item in lists[name]:
            outcome = record.judged(name, item, known)
            if name in _AS_THEY_ARE and isinstance(outcome, SummaryItem):
                outcome = entries[name].compared(outcome)
            if isinstance(outcome, SummaryItem):
                kept[name].append(outcome)
            else:
                drop = Dropped(item=name, text=item.text, reason=outcome)
                dropped[name].append(drop)
        if name in _AS_THEY_ARE:
            kept[name] = entries[name].completed(kept[name])
        elif name in must_appear:
            kept[name] = _completed(kept[name], must_appear[name], reader)
    made = Digest(**{name: _merged(items, reader) for name, items in kept.items()})
    return Grounded(made, tuple(drop for name in lists for drop in dropped[name]))


_AS_THEY_ARE: Final = ("medications", "allergies")
_ASSERTED: Final = (*_AS_THEY_ARE, "red_flags")

_REPORTING_WORDS: Final = """
a an the and or of for with to in on at by from is are was were be been being has have
had he she they it its his her hers their theirs him them who that this these those as
i my me mine we our you your also both patient patients person reports reported
reporting says said states stated denies denied denying mentions mentioned describes
described comes come came coming presents presented seen visit visits today current
currently takes take taking taken uses use using used allergic allergy allergies
allergen reaction reactions reacts known medication medications medicine medicines meds
drug drugs concern concerns concerned complains complaint complaints reason no not none
never without nor does do did nothing any anything other can cannot could s t don doesn
didn isn aren wasn haven hasn couldn
"""
_REPORTING: Final = frozenset(_REPORTING_WORDS.split())
"""Words that an item may have of its own: they say that something was said."""

_JOINING_WORDS: Final = """
a an the and or of for with to in on at by as is per my takes taking uses using
"""
_JOINING: Final = frozenset(_JOINING_WORDS.split())
"""What an entry of a list may have of its own: it says nothing."""

_JOINING_ALLERGIES: Final = _JOINING | {"allergic", "allergy", "allergies", "has"}

_NEGATIVE: Final = re.compile(
    r"\b(?:no|not|never|none|nor|without|cannot|den(?:y|ies|ied)|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_BEGINS_SO: Final = re.compile(
    r"\W*(?:(?:the |this )?patient|she|he|they|also|currently|(?:and )?reports?|has"
    r"|\W)*\b(?:no|not|never|none|without|den(?:y|ies|ied)|takes no|does not|do not)\b",
    re.IGNORECASE,
)

_OVER: Final = frozenset({"stopped", "quit", "discontinued", "took"})
"""And these beside a drug; whether it was stopped is judged by other words, too."""

_ALLERGY_BEFORE: Final = re.compile(
    r"(?:allerg|react(?:s|ed|ions?)? to|intoleran|sensitiv)"
    r"(?:(?!\b(?:but|take[ns]?|taking)\b)[^.;?!\n]){0,80}$",
    re.IGNORECASE,
)
_AROUND: Final = 200
"""How far from a name, in characters, there is to be a sign of an allergy to it."""

_ALLERGY_SIGN: Final = re.compile(
    r"allerg|\breact|\brash|\bhives?\b|swell|swoll|anaphyl|intoleran|itch|sensitiv"
    r"|\bbr(?:eak|oke)\w* out|\b(?:gives?|gave|makes?|made) (?:me|him|her)\b|hay ?fever"
    r"|\bcan(?: ?not|.?t) (?:\w+ )?(?:take|have|eat|tolerate|use)\b",
    re.IGNORECASE,
)
_TAKES_BEFORE: Final = re.compile(
    r"\b(?:takes?|taking|on|uses?|using|medications?)\b[^.;]{0,80}$", re.IGNORECASE
)
_KINDS: Final = frozenset(
    {"food", "environmental", "seasonal", "latex", "nkda", "nka", "regular", "daily"}
)
_ASIDE: Final = re.compile(r"[(:;]|\s[-\u2013\u2014]\s")
_KIN: Final = re.compile(
    r"\b(?:mother|mom|father|dad|brother|sister|aunt|uncle|grand\w+|cousin|friend"
    r"|neighbor|roommate|family)",
    re.IGNORECASE,
)
_EVERY: Final = re.compile(r"\b(?:every|each|per|q) ?$", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"(?<=[.;!?])\s+")

# A number of these may well be that of a drug wherever it stands.
_MOST_ALIKE: Final = 50
"""How many answers about one drug are compared with an item about it."""

_DOSED: Final = frozenset(
    ("mg", "mcg", "g", "ml", "meq", "unit", "tablet", "capsule", "puff", "drop")
)


class _Reader:
    """
    Reads texts, each once for one summary.

    The same few come up in its items, its sentences and its sources. What was read
    goes with the reader: patients' words do not stay in memory.
    """

    def __init__(self) -> None:
        self.words = cache(Words.of)
        self.is_denied = cache(is_denied)
        self.wanted = cache(partial(_wanted, self.words))
        self.flags = cache(_flags)


@frozen
class _Quote:
    """Words in a statement, where they stand; *place* counts words."""

    said: Said
    place: Span

    @property
    def at(self) -> Span:
        return self.said.span(self.place)

    @property
    def text(self) -> str:
        start, end = self.at
        return self.said.words.text[start:end]

    def where(self, word: str) -> Sequence[int]:
        """Return the places of a word in it, in order."""
        return self.within(self.said.words.where(word))

    def within(self, places: Sequence[int]) -> Sequence[int]:
        """Return those of ordered *places* that are in it."""
        first, last = self.place
        return places[bisect_left(places, first) : bisect_left(places, last)]


@frozen
class _Seen:
    """
    A word where it supports an item.

    Attributes:
        is_refused: Whether it stands in a question that was answered with no.
    """

    text: str
    at: Span
    is_refused: bool = False

    def is_denied(self, reader: _Reader, *, harms: bool) -> bool:
        """Tell whether it is said not to be so; see `denials`."""
        return self.is_refused or reader.is_denied(self.text, self.at, harms=harms)

    @property
    def is_of_kin(self) -> bool:
        return is_of_kin(self.text, self.at[0])


@frozen
class _Told:
    """
    A word that an item says, where it stands.

    Attributes:
        is_name: Whether it is part of the name of a drug or an allergen.
    """

    word: str
    at: Span
    is_name: bool


@frozen
class _Record:
    """All that a patient said, and what was found in it."""

    said: Mapping[str, Said]
    named: Mapping[str, Sequence[tuple[str, ...]]]
    listed: Mapping[str, Set[frozenset[str]]]
    reader: _Reader

    @classmethod
    def of(
        cls, statements: Sequence[Statement], answered: Digest, reader: _Reader
    ) -> _Record:
        known = {each.answer for each in statements}
        named: list[tuple[Source, frozenset[str]]] = []
        by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for item in (*answered.medications, *answered.allergies):
            text = reader.words(item.text)
            if _names_of_head(text):
                continue
            words = tuple(_head_words(text))
            for source in item.sources[:1]:
                if words and source.answer in known:
                    named.append((source, frozenset(words)))
                    by_first[words[0]].append(words)
        listed = {
            name: {reader.wanted(item.text) for item in getattr(answered, name)}
            for name in _AS_THEY_ARE
        }
        said = read(statements, named, reader.words)
        return cls(said, by_first, listed, reader)

    def judged(
        self, name: str, item: SummaryItem, known: Mapping[str, Sequence[SummaryItem]]
    ) -> SummaryItem | DropReason:
        """Return the item with its sources as the patient wrote them, or why not."""
        if not is_plain(item.text):
            return DropReason.UNSAFE_TEXT
        if not item.sources:
            return DropReason.NO_SOURCE
        quotes: list[_Quote] = []
        sources = []
        for source in item.sources:
            said = self.said.get(source.answer)
            if said is None:
                return DropReason.NO_SUCH_ANSWER
            places = said.places(self.reader.words(source.words).plain)
            if not places:
                return DropReason.WORDS_NOT_THERE
            found = [_Quote(said, place) for place in places]
            sources.append(Source(source.answer, found[0].text))
            quotes += found
        grounded = SummaryItem(text=item.text, sources=tuple(sources))
        reason = self._why_not(name, item.text, quotes, known)
        # A red flag has a name of its own, which nobody need have said.
        may_be_flag = reason is not None and name in {"red_flags", "notes"}
        if may_be_flag and any(self._is_raised(item.text, each) for each in quotes):
            return grounded
        return reason or grounded

    def _is_raised(self, text: str, quote: _Quote) -> bool:
        """Tell whether *text* is a red flag that what is quoted raises."""
        return any(
            first < quote.place[1] and quote.place[0] < last
            for flag in self.reader.flags(quote.said.statement)
            if flag.text.casefold() == text.casefold()
            for source in flag.sources
            for first, last in quote.said.places(self.reader.words(source.words).plain)
        )

    def _why_not(
        self,
        name: str,
        text: str,
        quotes: Sequence[_Quote],
        known: Mapping[str, Sequence[SummaryItem]],
    ) -> DropReason | None:
        lists = denied_lists(text)
        for each in lists:
            if name in _ASSERTED or contradicts(each, text, known[each]):
                return DropReason.NEGATION
            if not any(denies_all(each, q.said.statement, q.at) for q in quotes):
                return DropReason.NEGATION
        if name in _ASSERTED and begins_to_deny(text):
            return DropReason.NEGATION
        if name in _AS_THEY_ARE and _NEGATIVE.search(text):
            return DropReason.NEGATION
        if name in _AS_THEY_ARE:
            return self._why_other_list(name, text) or self._why_no_entry(
                name, self.reader.words(text), quotes
            )
        if reason := self._why_no_sentences(text, quotes, denies_a_list=bool(lists)):
            return reason
        if name == "denials" and not lists and not self._is_denial(text):
            return DropReason.NEGATION
        return None

    def _why_other_list(self, name: str, text: str) -> DropReason | None:
        """Tell whether what was answered has it in the other list, and only there."""
        wanted = self.reader.wanted(text)
        lists = [each for each in _AS_THEY_ARE if wanted in self.listed[each]]
        return DropReason.UNSUPPORTED if lists and name not in lists else None

    def _why_no_sentences(
        self, text: str, quotes: Sequence[_Quote], *, denies_a_list: bool
    ) -> DropReason | None:
        says_something = denies_a_list
        evidence = _Evidence(quotes, self.reader, in_any_form=True)
        for part in _SENTENCE.split(text):
            sentence = self.reader.words(part)
            names = self._names_in(sentence)
            told = _told(sentence, names)
            if _is_denied_afterwards(part, quotes):
                return DropReason.NEGATION
            if says_something and not (told or sentence.amounts or denies_a_list):
                return DropReason.UNSUPPORTED
            if denies_a_list:
                told = [each for each in told if each.word not in _KINDS]
            reason = (
                _why_no_words(part, told, evidence, harms=_harms(part))
                or _why_no_amounts(sentence, names, quotes)
                or _why_no_roles(part, names, quotes)
            )
            if reason:
                return reason
            says_something = says_something or bool(told or sentence.amounts)
        return None if says_something else DropReason.UNSUPPORTED

    def _names_in(self, words: Words) -> Sequence[Name]:
        if not self.named:
            return words.names
        names = list(words.names)
        for place, first in enumerate(words.plain):
            for known in self.named.get(first, ()):
                end = place + len(known)
                if tuple(words.plain[place:end]) == known:
                    start, until = words.spans[place][0], words.spans[end - 1][1]
                    names.append(Name(start, until, frozenset(known)))
        return sorted(names, key=lambda each: each.start)

    def _why_no_entry(
        self, name: str, words: Words, quotes: Sequence[_Quote]
    ) -> DropReason | None:
        """Tell why *words* are not to stand in a list of medications or allergies."""
        text, harms = words.text, name == "allergies"
        names, quotes = _entry_names(words, quotes)
        told = _told(words, names, but=_JOINING_ALLERGIES if harms else _JOINING)
        if not names or not told:
            return DropReason.UNSUPPORTED
        spans = [(each.start, each.end) for each in names]
        if any(self.reader.is_denied(text, at, harms=harms) for at in spans):
            return DropReason.NEGATION
        evidence = _Evidence(quotes, self.reader, in_any_form=False)
        reason = _why_no_words(text, told, evidence, harms=harms) or _why_no_amounts(
            words, names, quotes, are_all_doses=True
        )
        if reason:
            return reason
        for each in told:
            if not each.is_name and not _belongs(each, text, names, quotes):
                return DropReason.UNSUPPORTED
        for entry_name in names:
            if reason := _why_no_role(name, entry_name, quotes):
                return reason
        return None

    def _is_denial(self, text: str) -> bool:
        harms = _harms(text)
        told = _told(self.reader.words(text), ())
        return any(self.reader.is_denied(text, each.at, harms=harms) for each in told)


@frozen
class _Evidence:
    """Where the words of an item stand in what is quoted, and in what was asked."""

    quotes: Sequence[_Quote]
    reader: _Reader
    in_any_form: bool = field(kw_only=True)

    def of_word(self, word: str) -> Iterator[_Seen]:
        """Yield it as it is said, then in its other forms, then as it was asked."""
        for quote in self.quotes:
            yield from self._said(quote, quote.said.words.where(word))
        if self.in_any_form:
            for quote in self.quotes:
                places = quote.said.words.where_any_form_of(word)
                yield from self._said(quote, places)
        for quote in self.quotes:
            yield from self._asked(quote, word)

    def _said(self, quote: _Quote, places: Sequence[int]) -> Iterator[_Seen]:
        words = quote.said.words
        for place in quote.within(places):
            yield _Seen(words.text, words.spans[place])

    def _asked(self, quote: _Quote, word: str) -> Iterator[_Seen]:
        """Yield where the question has it, if the answer makes it its own."""
        question = quote.said.question
        where = question.where_any_form_of if self.in_any_form else question.where
        places = where(word)
        if not places:
            return
        text = quote.said.statement.text
        is_start = quote.place[0] == 0
        is_no = is_start and says_no(text)
        is_yes = is_start and says_just_yes(text)
        if says_yes(text) and not is_yes:
            return
        if not (is_no or is_yes or self.in_any_form):
            return
        taboo = () if is_no or is_yes else question.names
        for place in places:
            at = question.spans[place]
            if not any(name.start <= at[0] < name.end for name in taboo):
                yield _Seen(question.text, at, is_no)


def _entry_names(
    words: Words, quotes: Sequence[_Quote]
) -> tuple[Sequence[Name], Sequence[_Quote]]:
    """Return what an entry is the entry of, and the quotes that know the name."""
    if names := _names_of_head(words):
        return names, quotes
    first, last = _head(words)
    if first == last:
        return [], quotes
    head = words.plain[first:last]
    named = [evolve(each, said=each.said.with_name(head)) for each in quotes]
    at = words.spans[first][0], words.spans[last - 1][1]
    return [Name(*at, frozenset(head))], named


def _names_of_head(words: Words) -> Sequence[Name]:
    if not words.names:
        return ()
    end = _end_of_head(words)
    return [each for each in words.names if each.start < end]


def _end_of_head(words: Words) -> int:
    """Return where what follows a name begins: a dose, a reaction."""
    aside = _ASIDE.search(words.text)
    ends = [aside.start() if aside else 0, *(q.start for q in words.amounts[:1])]
    return min((end for end in ends if end), default=len(words.text))


def _head(words: Words) -> Span:
    """Return where the words of a name are that no lexicon has: before the dose."""
    end = _end_of_head(words)
    counted = _counted(words)
    meant = [
        place
        for place, (word, (start, _)) in enumerate(
            zip(words.plain, words.spans, strict=True)
        )
        if start < end
        and word.isalnum()
        and word not in _REPORTING
        and not any(first <= start < last for first, last in counted)
    ]
    return (meant[0], meant[-1] + 1) if meant else (0, 0)


def _head_words(words: Words) -> Sequence[str]:
    first, last = _head(words)
    return words.plain[first:last]


def _told(
    words: Words, names: Sequence[Name], but: Set[str] = _REPORTING
) -> list[_Told]:
    """Return the words that have to be said, which is all *but* some."""
    counted = _counted(words)
    told = []
    for word, (start, end) in zip(words.plain, words.spans, strict=True):
        if not word.isalnum():
            continue
        is_name = any(name.start <= start < name.end for name in names)
        is_said = word in but or (names and word in _OVER and but is _REPORTING)
        if is_name or not (
            is_said or any(first <= start < last for first, last in counted)
        ):
            told.append(_Told(word, (start, end), is_name))
    return told


def _counted(words: Words) -> list[Span]:
    """Return where numbers stand, each with its unit and an "every" before it."""
    spans = []
    for each in words.amounts:
        start = each.start
        if each.is_frequency:
            lead = _EVERY.search(words.text[max(0, start - len("every ")) : start])
            start -= len(lead[0]) if lead else 0
        spans.append((start, each.end))
    return spans


def _why_no_amounts(
    words: Words,
    names: Sequence[Name],
    quotes: Sequence[_Quote],
    *,
    are_all_doses: bool = False,
) -> DropReason | None:
    if not words.amounts:
        return None
    quoted = [
        (quote.said, each)
        for quote in quotes
        for each in quote.said.amounts_at(quote.place)
    ]
    for amount in words.amounts:
        at = amount.start, amount.end
        found = [
            (said, (each.start, each.end))
            for said, each in quoted
            if each.amount == amount.amount
        ]
        if not found:
            return DropReason.NUMBER
        is_dose = are_all_doses or amount.is_frequency or amount.unit in _DOSED
        for name in owners(words.text, names, at, shared=False) if is_dose else ():
            if not any(
                name.may_be(owner) or said.answers(name, owner)
                for said, place in found
                for owner in said.owners(place, shared=amount.is_frequency)
            ):
                return DropReason.NUMBER
    return None


def _why_no_words(
    text: str, told: Sequence[_Told], evidence: _Evidence, *, harms: bool
) -> DropReason | None:
    reader = evidence.reader
    for each in told:
        denies = reader.is_denied(text, each.at, harms=harms)
        is_said = False
        for one in evidence.of_word(each.word):
            if one.is_of_kin and not _KIN.search(text):
                continue
            is_said = True
            if one.is_denied(reader, harms=harms) == denies:
                break
        else:
            return DropReason.NEGATION if is_said else DropReason.UNSUPPORTED
    return None


def _belongs(
    told: _Told, text: str, names: Sequence[Name], quotes: Sequence[_Quote]
) -> bool:
    """Tell whether what an entry says besides its name is said of that name."""
    mine = owners(text, names, told.at, shared=False)
    for quote in quotes:
        said = quote.said
        for place in quote.where(told.word):
            theirs = said.owners(said.words.spans[place], shared=True)
            if any(one.may_be(other) for one in mine for other in theirs):
                return True
    return False


def _why_no_roles(
    text: str, names: Sequence[Name], quotes: Sequence[_Quote]
) -> DropReason | None:
    for name in names:
        before = text[max(0, name.start - FARTHEST_BEFORE) : name.start]
        role = ""
        if _ALLERGY_BEFORE.search(before):
            role = "allergies"
        elif _TAKES_BEFORE.search(before):
            role = "medications"
        if reason := _why_no_role(role, name, quotes):
            return reason
    return None


def _why_no_role(role: str, name: Name, quotes: Sequence[_Quote]) -> DropReason | None:
    """Tell why nobody says of *name* that it is taken, or that it does harm."""
    places = [
        (quote.said, quote.said.words.spans[place])
        for quote in quotes
        for word in name.words
        for place in quote.where(word)
    ]
    if places and not any(_has_role(role, said, at) for said, at in places):
        return DropReason.UNSUPPORTED
    return None


def _has_role(role: str, said: Said, at: Span) -> bool:
    statement = said.statement
    before = statement.text[max(0, at[0] - FARTHEST_BEFORE) : at[0]]
    is_allergy = bool(_ALLERGY_BEFORE.search(before))
    if role == "medications":
        is_answer = statement.topic is Topic.ALLERGIES
        return not is_allergy and (not is_answer or bool(_TAKES_BEFORE.search(before)))
    if role == "allergies":
        around = statement.text[max(0, at[0] - _AROUND) : at[1] + _AROUND]
        has_sign = _ALLERGY_SIGN.search(around) or _ALLERGY_SIGN.search(
            statement.question
        )
        return statement.topic is Topic.ALLERGIES or bool(has_sign)
    return True


def _harms(text: str) -> bool:
    return "allerg" in text.casefold()


def _is_denied_afterwards(sentence: str, quotes: Sequence[_Quote]) -> bool:
    """Tell whether a word of its own turns round what was said: "Pain, she denies"."""
    if _BEGINS_SO.match(sentence):
        return False
    return any(
        not any(quote.where(word[0].casefold()) for quote in quotes)
        for word in _NEGATIVE.finditer(sentence)
    )


class _Entries:
    """
    What was answered for one list, each entry for itself.

    Who takes insulin in the morning and in the evening takes it twice, and what one
    entry says of a dose or a reaction is not said of the other.
    """

    def __init__(self, answered: Iterable[SummaryItem], reader: _Reader) -> None:
        self._reader = reader
        self._answered = tuple(answered)
        self._by_stem: dict[str, list[SummaryItem]] = defaultdict(list)
        for item in self._answered:
            for word in reader.wanted(item.text):
                self._by_stem[word].append(item)

    def compared(self, item: SummaryItem) -> SummaryItem | DropReason:
        """Return the item if no answer about the same says another number."""
        alike = self._alike(item)
        if alike and not any(self._amounts(item) <= self._amounts(a) for a in alike):
            return DropReason.NUMBER
        return item

    def completed(self, items: Sequence[SummaryItem]) -> list[SummaryItem]:
        """
        Return *items*, each of which stands for one answer at most, and the others.

        One that is about an answer and says less gives way to it.
        """
        free: dict[str, list[SummaryItem]] = defaultdict(list)
        for item in items:
            for word in self._reader.wanted(item.text):
                free[word].append(item)
        taken: set[int] = set()
        added = []
        for answer in self._answered:
            wanted = self._reader.wanted(answer.text)
            near = min((free[word] for word in wanted), key=len, default=[])
            standing = next(
                (
                    item
                    for item in near[:_MOST_ALIKE]
                    if id(item) not in taken and self._says_all(item, answer)
                ),
                None,
            )
            if standing is not None:
                taken.add(id(standing))
            else:
                text = made_plain(answer.text)
                added.append(evolve(answer, text=text, added=True))
        kept = [each for each in items if id(each) in taken or not self._alike(each)]
        return [*kept, *added]

    def _alike(self, item: SummaryItem) -> list[SummaryItem]:
        wanted = self._reader.wanted(item.text)
        near = [each for word in wanted for each in self._by_stem[word][:_MOST_ALIKE]]
        return [
            each
            for each in near
            if self._reader.wanted(each.text) <= wanted
            or wanted <= self._reader.wanted(each.text)
        ]

    def _says_all(self, item: SummaryItem, answer: SummaryItem) -> bool:
        if self._amounts(item) != self._amounts(answer):
            return False
        return self._words(answer) <= self._words(item)

    def _words(self, item: SummaryItem) -> frozenset[str]:
        told = _told(self._reader.words(item.text), (), but=_JOINING)
        return frozenset(stem(each.word) for each in told)

    def _amounts(self, item: SummaryItem) -> frozenset[object]:
        amounts = self._reader.words(item.text).amounts
        return frozenset(each.amount for each in amounts)


def _completed(
    items: Sequence[SummaryItem], answered: Iterable[SummaryItem], reader: _Reader
) -> list[SummaryItem]:
    """Return *items* with what was answered and is not among them."""
    result = list(items)
    words = [set(reader.words(item.text).stems) for item in result]
    places: dict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(words):
        for word in each:
            places[word].append(place)
    for item in answered:
        wanted = reader.wanted(item.text)
        rarest = min((places.get(word, []) for word in wanted), key=len, default=[])
        covering = next((n for n in rarest if wanted <= words[n]), None)
        if covering is None:
            result.append(evolve(item, text=made_plain(item.text), added=True))
    return result


def _wanted(words_of: Callable[[str], Words], text: str) -> frozenset[str]:
    """Return the stems by which it is known that an answer appears."""
    named = " ".join(each.mention.name for each in claims(text, allergens=True))
    words = words_of(text)
    wanted = Words.of(named).plain or _head_words(words) or words.plain
    return frozenset(map(stem, wanted))


def _merged(items: Iterable[SummaryItem], reader: _Reader) -> tuple[SummaryItem, ...]:
    """Return *items* with those that say the same as one."""
    merged: dict[tuple[str, ...], SummaryItem] = {}
    for item in items:
        key = tuple(reader.words(item.text).plain)
        first = merged.setdefault(key, item)
        sources = tuple(dict.fromkeys((*first.sources, *item.sources)))
        added = first.added and item.added
        merged[key] = evolve(first, sources=sources, added=added)
    return tuple(merged.values())


def _flags(statement: Statement) -> tuple[SummaryItem, ...]:
    return (*red_flags(statement), *pregnancies(statement))
