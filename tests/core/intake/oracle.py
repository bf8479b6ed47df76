"""
A second opinion on whether a digest says only what was said: short, and none of ours.

It knows less than `intake.grounding`, but nothing of it: quotes are substrings, words
are compared by how they begin, and numbers by their digits. Spelled numbers it reads as
`doses` does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.resources import files

from clinicflow_core.entities.summary import Digest, Statement, SummaryItem
from clinicflow_core.intake.doses import normalised

_SMALL = """
a an the and or of for with to in on at by from is are was were be has have had he she
they it its his her their i my me also both patient reports reported says takes take
taking uses comes allergic allergy allergies reaction known medication medications drug
drugs medicines denies no not none never without nor does do did currently current any
anything nothing now t s don doesn food took stopped among others other as that this
who can could daily every night bedtime
"""
SMALL_WORDS = frozenset(_SMALL.split())
NUMBERS = {
    "half": "0.5",
    "once": "1",
    "daily": "1",
    "one": "1",
    "twice": "2",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "ten": "10",
    "twenty": "20",
}
FLAGS = frozenset(
    flag["text"]
    for flag in tomllib.loads(
        files("clinicflow_core.intake").joinpath("flags.toml").read_text("utf-8")
    )["flag"]
)
"""Red flags have names of their own."""

LINKS = re.compile(r"https?:|www\.|\]\(|!\[|<\w|[\x00-\x1f\u200b-\u200f\u202a-\u202e]")


def ungrounded(digest: Digest, statements: Sequence[Statement]) -> list[str]:
    """Return what is wrong with each item that nobody said."""
    return [
        f"{name}: {item.text!r} {complaint}"
        for name, items in digest.lists()
        for item in items
        for complaint in _complaints(item, statements)
    ]


def _complaints(item: SummaryItem, statements: Sequence[Statement]) -> Iterator[str]:
    by_answer = {each.answer: each for each in statements}
    if not item.sources:
        yield "has no source"
    heard = ""
    for source in item.sources:
        statement = by_answer.get(
            source.answer, Statement(answer="", question="", text="")
        )
        if not source.words.strip() or source.words not in statement.text:
            yield f"quotes {source.words!r}, which is not in {source.answer}"
        heard += f" {source.words} {normalised(source.words)} {statement.question}"
    if item.text in FLAGS:
        return
    if LINKS.search(item.text) or "\n" in item.text:
        yield "is more than plain text"
    said = set(_words(heard))
    for word in _words(item.text):
        if word not in SMALL_WORDS and not any(_alike(word, other) for other in said):
            yield f"has {word!r}, which nobody said"
    digits = set(_numbers(heard))
    for number in re.findall(r"[0-9]+(?:\.[0-9]+)?", item.text):
        if number not in digits:
            yield f"has the number {number}, which nobody said"


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _alike(one: str, other: str) -> bool:
    begins = max(3, min(len(one), len(other)) - 3)
    return one[:begins] == other[:begins]


def _numbers(text: str) -> Iterator[str]:
    yield from re.findall(r"[0-9]+(?:\.[0-9]+)?", text)
    yield from (NUMBERS[word] for word in _words(text) if word in NUMBERS)
