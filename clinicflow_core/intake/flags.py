"""Red flags: what a doctor has to look at once, by the words in `flags.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from clinicflow_core.entities.summary import Source, Statement, SummaryItem, Topic
from clinicflow_core.intake.claims import KIN
from clinicflow_core.intake.negation import is_negated
from clinicflow_core.intake.phrases import any_of, compiled, phrases
from clinicflow_core.intake.questions import says_no, says_yes
from clinicflow_core.intake.turns import (
    LONGEST_SENTENCE,
    Speaker,
    is_dialogue,
    sentences,
)

PREGNANT = "Pregnant"

_HOW_OFTEN = compiled(
    rf"\W*{any_of('several days|more than half( the days)?|nearly every ?day|[1-9]')}\b"
    r"|\W*(?:sometimes|often|rarely|always)\b"
)
_PREGNANT = phrases(
    r"""
    (i'?m|i am|she'?s|she is) ((now|currently|about|also|actually|already) )*pregnant
    (i'?m|i am|she'?s|she is) (\w+ )?\w+ (weeks?|months?) pregnant
    currently pregnant|(weeks|months) pregnant|(i'?m|i am|we'?re|we are) expecting
    positive pregnancy test|pregnancy test was positive
    """
)
_ASKS_IF_PREGNANT = compiled(
    r"\b(?:are you|you are|you(?: may| might| could) be|might you be|could you be"
    r"|is she|currently)\b[^?]{0,40}\bpregnant\b"
    r"|^\W*pregnan(?:t|cy)\W*$"
)
_OF_PREGNANCY = compiled("pregnan|expecting")
# A yes to one of these does not say which of the two it is, or when it was.
_ASKS_MORE = compiled(
    r"breast.?fe|\b(?:nursing|lactating|ever|previous|past|before|planning|plan|trying)\b"
)
_OF_PATIENT = phrases("(you|he|she)('(re|ve|d|s)| are| have| had| is| has| feel| got)")
_NOT_NOW = phrases("used to")
_OF_KIN = compiled(rf"\b{KIN}(?!\w*\W+i\b)")


def red_flags(statement: Statement) -> Iterator[SummaryItem]:
    """Yield the red flags in a statement; one may come up more than once."""
    answer, text = statement.answer, statement.text
    asked: list[tuple[str, tuple[Source, ...]]] = []
    if not is_dialogue(text):
        asked = [
            (flag, ()) for flag in _flags_in(statement.question[:LONGEST_SENTENCE])
        ]
        if asked and (_HOW_OFTEN.match(text) or _is_told(statement)):
            yield from _items(asked, (Source(answer, text.strip()),))
    for sentence in sentences(text):
        source = Source(answer, sentence.text)
        flags = _flags_in(sentence.text)
        if sentence.speaker is Speaker.CLINICIAN:
            if sentence.is_question or (flags and _OF_PATIENT.search(sentence.text)):
                asked = [(flag, (source,)) for flag in flags]
        else:
            if says_yes(sentence.text) and not _OF_KIN.search(sentence.text):
                yield from _items(asked, (source,))
            if not sentence.is_question:
                yield from _items([(flag, ()) for flag in flags], (source,))
            asked = []


def pregnancies(statement: Statement) -> Iterator[SummaryItem]:
    """Yield "Pregnant" for each sentence that says that the patient is."""
    answer, text = statement.answer, statement.text
    asked: tuple[Source, ...] | None = None
    if not is_dialogue(text) and _asks_if_pregnant(statement.question, statement.topic):
        asked = ()
    for sentence in sentences(text):
        source = Source(answer, sentence.text)
        if sentence.speaker is Speaker.CLINICIAN:
            if sentence.is_question:
                asked = (source,) if _asks_if_pregnant(sentence.text) else None
            continue
        found = _PREGNANT.search(sentence.text)
        if found and not is_negated(sentence.text, found.start(), found.end()):
            yield SummaryItem(text=PREGNANT, sources=(source,))
        elif asked is not None and says_yes(sentence.text):
            yield SummaryItem(text=PREGNANT, sources=(*asked, source))
        asked = None


def _asks_if_pregnant(question: str, topic: Topic | None = None) -> bool:
    question = question[:LONGEST_SENTENCE]
    asks = _ASKS_IF_PREGNANT.search(question) or (
        topic is Topic.PREGNANCY and _OF_PREGNANCY.search(question)
    )
    return bool(asks and not _ASKS_MORE.search(question))


def harms_unborn(generic: str) -> bool:
    """Return whether a drug, or a kind of drug, must not be taken when pregnant."""
    return generic.lower() in _harmful()


def _is_told(statement: Statement) -> bool:
    """Whether a question about safety has an answer other than no."""
    text = statement.text.strip()
    return statement.topic is Topic.SAFETY and bool(text) and not says_no(text)


def _items(
    flags: list[tuple[str, tuple[Source, ...]]], sources: tuple[Source, ...]
) -> Iterator[SummaryItem]:
    for flag, before in flags:
        yield SummaryItem(text=flag, sources=(*before, *sources))


def _flags_in(text: str) -> list[str]:
    says, names = _words()
    return list(
        dict.fromkeys(
            names[found.lastgroup or ""]
            for found in says.finditer(text)
            if not is_negated(text, found.start(), found.end())
            and (_to_me(found) or not _OF_KIN.search(text, 0, found.start()))
            and not _NOT_NOW.search(text, 0, found.start())
        )
    )


def _to_me(found: re.Match[str]) -> bool:
    """Whether it is what somebody else does to the patient: "he hits me"."""
    return found[0].lower().endswith(" me")


@cache
def _data() -> Mapping[str, Any]:
    text = files("clinicflow_core.intake").joinpath("flags.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _words() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """Return all words of all flags as one pattern, and the flag of each group."""
    flags = {f"flag_{n}": flag for n, flag in enumerate(_data()["flag"])}
    pattern = "|".join(
        f"(?P<{group}>{any_of(chr(10).join(map(re.escape, flag['says'])))})"
        for group, flag in flags.items()
    )
    names = {group: flag["text"] for group, flag in flags.items()}
    return compiled(rf"\b(?:{pattern})"), names


@cache
def _harmful() -> frozenset[str]:
    pregnancy = _data()["pregnancy"]
    return frozenset((*pregnancy["drugs"], *pregnancy["kinds"]))
