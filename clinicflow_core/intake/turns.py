"""Turns: who says what in a text, sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from attrs import frozen
from rapidfuzz.distance import OSA

LONGEST_SENTENCE = 400
"""In characters; what goes on without an end is cut there, between two words."""


class Speaker(Enum):
    """Who says something: the patient, one who speaks for them, or who treats them."""

    PATIENT = "patient"
    FAMILY = "family"
    CLINICIAN = "clinician"


@frozen
class Sentence:
    """
    What somebody says in one go.

    Attributes:
        start: Where it begins in the whole text, counted in characters.
        opens: Whether it is the first of its turn.
        is_question: Whether it ends in a question mark, or breaks off.
    """

    speaker: Speaker
    text: str
    start: int
    opens: bool = False

    @property
    def is_question(self) -> bool:
        return self.text.endswith(("?", "-"))


_SPEAKERS = {
    Speaker.PATIENT: "patient pt client",
    # A colleague who comes along tells what the patient would: no question is theirs.
    Speaker.FAMILY: """
    guest family mother mom father dad parent grandmother grandfather wife husband
    spouse partner daughter son sister brother caregiver guardian
    """,
    Speaker.CLINICIAN: """
    doctor dr physician provider clinician nurse pharmacist assistant therapist
    interviewer
    """,
}
_SPEAKER_OF = {name: who for who, names in _SPEAKERS.items() for name in names.split()}
_SHORTEST_MISSPELLED = 6
_TURN = re.compile(
    r"^[ \t]*(?P<name>[a-z]{2,12})\.?(?:[ _](?:[0-9]{1,2}|[a-z][a-z0-9]{0,20})){0,2}"
    r"[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(r"[.?!]+(?=[\s\"'\u201d)]|$)|\n+|-(?=\s*$)")
_NO_END = re.compile(r"(?:\b(?:dr|mr|mrs|ms|st|vs|approx)|\.[a-z]|^\s*[0-9]{1,2})$")


def is_dialogue(text: str) -> bool:
    """Return whether *text* names who speaks, line by line: "Doctor: …"."""
    return next(_turns(text), None) is not None


def sentences(text: str) -> Iterator[Sentence]:
    """Yield what is said, in order; a text that names nobody is the patient's."""
    speaker, start = Speaker.PATIENT, 0
    for who, begin, over in _turns(text):
        yield from _sentences(text, start, begin, speaker)
        speaker, start = who, over
    yield from _sentences(text, start, len(text), speaker)


def _turns(text: str) -> Iterator[tuple[Speaker, int, int]]:
    """Yield who speaks, and the bounds of the label that says so."""
    for label in _TURN.finditer(text):
        who = _speaker(label["name"].lower())
        if who is not None:
            yield who, label.start(), label.end()


def _speaker(name: str) -> Speaker | None:
    """Return who is called *name*; "docotr" is a doctor."""
    if name in _SPEAKER_OF or len(name) < _SHORTEST_MISSPELLED:
        return _SPEAKER_OF.get(name)
    near = (known for known in _SPEAKER_OF if len(known) >= _SHORTEST_MISSPELLED)
    return next((_SPEAKER_OF[n] for n in near if OSA.distance(n, name) == 1), None)


def _sentences(text: str, start: int, end: int, speaker: Speaker) -> Iterator[Sentence]:
    opens = True
    for begin, over in _pieces(text, start, end):
        said = text[begin:over]
        stripped = said.strip()
        if stripped:
            offset = begin + len(said) - len(said.lstrip())
            yield Sentence(speaker, stripped, offset, opens)
            opens = False


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each sentence, none longer than `LONGEST_SENTENCE`."""
    begin = searched = start
    while begin < end:
        limit = min(end, begin + LONGEST_SENTENCE)
        found = _END.search(text, searched, limit)
        if found is None:
            over = limit if limit == end else _last_space(text, begin, limit)
        elif _NO_END.search(
            text[max(begin, found.start() - 8) : found.start()].lower()
        ):
            searched = found.end()
            continue
        else:
            over = found.end()
        yield begin, over
        begin = searched = over


def _last_space(text: str, begin: int, limit: int) -> int:
    space = text.rfind(" ", begin, limit)
    return limit if space <= begin else space
