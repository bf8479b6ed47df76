"""
Drugs: their names where a text has them.

A name is known because it stands in `drugs.txt` or `drug_classes.txt`, because it is
one letter away from a long one ("Detroal"), or because it ends as such names do
("-statin"). It stays as it is written: nothing is expanded, and no spelling mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from attrs import frozen
from rapidfuzz.distance import OSA

LONGEST_NAME = 5
"""In words."""

SHORTEST_MISSPELLED = 7
"""In letters; shorter words are too near to ordinary ones."""

_LONGEST_WORD = 30

_WORD = re.compile(r"[a-z0-9]+", re.IGNORECASE)
_WITHIN = re.compile(r"[ .'\u2019/+#-]{1,2}")
_RELEASE = re.compile(
    r"(?: |-| ?- ?)(?:x\.? ?[lr]|[se]\.? ?r|c\.? ?[rd]|l\.? ?a|h\.? ?c\.? ?t(?:\.? ?z)?"
    r"|d\.? ?[sm]|h\.? ?f\.? ?a|o\.? ?t\.? ?c|p\.? ?m|odt|depot|diskus|respimat|forte)"
    r"(?!\w)",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"[a-z]{2,}(?:[^a]pril|sartan|[aeio]lol|statin|prazole|[^a]conazole|cillin|mycin"
    r"|triptan|gliptin|gliflozin|glutide|[lmtzx][iu]mab|[aeiou]tinib|ciclib|[cd]lovir"
    r"|navir|buvir|tegravir|dipine|oxetine|azepam|azolam|barbital|[^o]caine|cycline"
    r"|oxacin|profen|setron|phylline|thiazide|triptyline|azosin|semide|fenac|coxib"
    r"|lukast|xaban|gatran|grelor|glitazone|dronate|vudine|codone|morphone|prost"
    r"|terol|solone|cortisone|cromil|peridol|perazine|thiazine|barbitone|zolidone)",
    re.IGNORECASE,
)


@frozen
class Mention:
    """
    A drug, or a kind of drug, where a text names it.

    Attributes:
        name: As it is written there.
        generic: What the drug is called without a brand; None if nobody says.
        start: Where it begins, counted in characters.
        end: Where what follows it begins.
    """

    name: str
    generic: str | None
    start: int
    end: int


def find_drugs(text: str) -> tuple[Mention, ...]:
    """Return every drug that *text* names, in order; of two that overlap the longer."""
    return tuple(_mentions(text))


def is_kind_of_drug(name: str) -> bool:
    """Return whether *name* is what a kind of drug is called: "blood thinner"."""
    return _key(name) in _kinds()


def _mentions(text: str) -> Iterator[Mention]:
    words = list(_WORD.finditer(text))
    index = 0
    while index < len(words):
        known = _longest_name(text, words, index)
        if known is None:
            index += 1
            continue
        count, generic = known
        start, end = words[index].start(), words[index + count - 1].end()
        index += count
        index, end = _with_form(text, words, index, end)
        release = _RELEASE.match(text, end)
        if release and not is_kind_of_drug(text[start:end]):
            end = release.end()
            while index < len(words) and words[index].start() < end:
                index += 1
        yield Mention(text[start:end], generic, start, end)


def _with_form(
    text: str, words: list[re.Match[str]], index: int, end: int
) -> tuple[int, int]:
    """Return where a name ends that its form follows: "Salmeterol inhaler"."""
    if index < len(words) and text[end : words[index].start()] == " ":
        form = _longest_name(text, words, index)
        if form is not None:
            over = words[index + form[0] - 1].end()
            if is_kind_of_drug(text[words[index].start() : over]):
                return index + form[0], over
    return index, end


def _longest_name(
    text: str, words: list[re.Match[str]], index: int
) -> tuple[int, str | None] | None:
    """Return of how many words the name is that begins at *index*, and its generic."""
    first = words[index]
    word = first[0].lower()
    if len(word) > _LONGEST_WORD:
        return None
    parts = [word]
    for before, after in zip(
        words[index : index + _most_words().get(word, 1) - 1],
        words[index + 1 : index + LONGEST_NAME],
        strict=False,
    ):
        if not _WITHIN.fullmatch(text, before.end(), after.start()):
            break
        parts.append(after[0].lower())
    names = _names()
    for count in range(len(parts), 0, -1):
        name = " ".join(parts[:count])
        if name in names:
            return count, names[name]
    if len(word) < SHORTEST_MISSPELLED or word in _ordinary():
        return None
    if meant := _meant_by(word):
        return 1, names[meant]
    return (1, None) if _ENDING.fullmatch(word) else None


def _key(name: str) -> str:
    return " ".join(_WORD.findall(name.lower()))


@cache
def _names() -> Mapping[str, str | None]:
    """Every name by its words, with its generic; kinds of drugs have none."""
    names: dict[str, str | None] = dict.fromkeys(_kinds())
    for line in lines_of("drugs.txt"):
        name, _, generic = line.partition(" = ")
        names[_key(name)] = generic or None
    return names


@cache
def _kinds() -> frozenset[str]:
    return frozenset(_key(line) for line in lines_of("drug_classes.txt"))


@cache
def _ordinary() -> frozenset[str]:
    return frozenset(" ".join(lines_of("ordinary_words.txt")).split())


@cache
def _most_words() -> Mapping[str, int]:
    """How many words the longest name has that begins with a word, if more than one."""
    most: dict[str, int] = {}
    for name in _names():
        first, *others = name.split()
        if others:
            most[first] = max(most.get(first, 1), 1 + len(others))
    return most


@cache
def _misspelled() -> Mapping[str, tuple[str, ...]]:
    """The long names by what is left of them without any one letter."""
    found: dict[str, tuple[str, ...]] = {}
    for name in _names():
        if len(name) >= SHORTEST_MISSPELLED - 1 and name.isalpha():
            for rest in _without_one(name):
                found[rest] = (*found.get(rest, ()), name)
    return found


def _meant_by(word: str) -> str | None:
    """Return the name that is one letter away from *word*, or two letters swapped."""
    misspelled = _misspelled()
    for rest in _without_one(word):
        for name in misspelled.get(rest, ()):
            if name[0] == word[0] and OSA.distance(name, word) <= 1:
                return name
    return None


def _without_one(word: str) -> list[str]:
    """Return *word*, and *word* without each of its letters but the first."""
    return [word, *(word[:n] + word[n + 1 :] for n in range(1, len(word)))]


def lines_of(name: str) -> list[str]:
    """Return the lines of a list that ships beside this module, without remarks."""
    text = files("clinicflow_core.intake").joinpath(name).read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
