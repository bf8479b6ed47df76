"""
Denials: whether a patient says that something is not so, or no longer, or not of them.

What `negation` says of a clause is one part of it. The others are the reply to a
question ("Are you allergic to latex?" - "No."), what was stopped, and denials of
everything at once: "no known allergies".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from clinicflow_core.entities.summary import Statement, SummaryItem, Topic
from clinicflow_core.intake.allergens import find_allergens
from clinicflow_core.intake.conversation import asked_in
from clinicflow_core.intake.drugs import find_drugs, is_kind_of_drug
from clinicflow_core.intake.negation import is_negated
from clinicflow_core.intake.quotes import Span, names_in
from clinicflow_core.intake.turns import is_dialogue

FARTHEST_BEFORE: Final = 100
"""How far back, in characters, what is said of a word may begin."""

_YES: Final = re.compile(r"\W*(?:yes|yeah|yep|yup|true)\b", re.IGNORECASE)
_NO: Final = re.compile(
    r"\W*(?:no|none|nope|nah|never|not at all|false|not that i"
    r"|i (?:do not|don['\u2019]?t|would never) (?:think so|believe so|have any)?)\b",
    re.IGNORECASE,
)
_BUT: Final = re.compile(
    r"\b(?:but|except|not|never|used to|stopped|no longer|until|ago|did|had|was|were"
    r"|my (?:\w+ )?(?:mother|mom|father|dad|brother|sister|wife|husband|son|daughter"
    r"|partner|parents?|family|friend|aunt|uncle|child|kids?))\b",
    re.IGNORECASE,
)
"""What says after a yes that it is not so, no longer so, or of somebody else."""

_ANSWERED_NO: Final = re.compile(
    r"[^.?!\n]{0,160}\?\s{0,3}(?:\w{1,20}:\s{0,3})?(?:(?:um+|uh|well|oh),? )?"
    r"(?:no|nope|nah|never|none|not (?!only|just|sure)\w"
    r"|i (?:don|do not|haven|have not))\b",
    re.IGNORECASE,
)
_SENTENCE_BEGINS: Final = re.compile(r"(?:\A|[.?!]\s+|\n)(?:\w{1,20}:\s*)?")
_CANNOT_TAKE: Final = re.compile(
    r"\b(?:can ?not|can['\u2019]?t) (?:\w+ )?(?:take|have|tolerate|eat|use|do)\b"
    r"[^.;:?!\n]{0,40}$",
    re.IGNORECASE,
)
_BESIDES: Final = re.compile(
    r"\b(?:besides|beside|other than|except(?: for)?|apart from|aside from)"
    r"\W+(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
_STOPPED_BEFORE: Final = re.compile(
    r"\b(?:(?<!can't )(?<!can\u2019t )(?<!cannot )stop(?:ped|ping|s)?|quit(?:ting)?"
    r"|no longer|discontinu(?:ed?|ing)|used to"
    r"|(?:came|come|went|go|am|was|is|been|got|get|taken|took me|took him|took her) off"
    r"|ran out of|(?:was|were|had been) (?:on|taking|using)|previously|formerly"
    r"|finished|switched (?:me |him |her )?from|hold(?:ing)?|avoid(?:ing)?)\b"
    r"(?:(?!\b(?:but|now|start(?:ed)?|switched|instead|because|since|due|when|so)\b)"
    r"[^.;:?!\n]){0,60}$",
    re.IGNORECASE,
)
_STOPPED_AFTER: Final = re.compile(
    r"[^.;?!\n]{0,40}?(?:\b(?:was|were|been|got) (?:stopped|discontinued)\b"
    r"|\b(?:i|he|she|we|they)(?: have| had)? (?:stopped|quit|discontinued)"
    r"(?: (?:taking|using))?(?: (?:it|that|them|this)\b|(?! \w))"
    r"|[:(-] ?(?:stopped|discontinued)\b|\bany ?more\b|\bany longer\b)",
    re.IGNORECASE,
)
_LONG_AGO: Final = re.compile(
    r"[^.;,?!\n]{0,40}?\b(?:years? ago|in the past)\b", re.IGNORECASE
)
_BEGAN: Final = re.compile(r"\b(?:start|began|begun|since)", re.IGNORECASE)
_DENIES: Final = r"\b(?:no|not|den(?:y|ies|ied)|without|never)\b[^.;]{0,40}"
_NOTHING_IS_SO: Final = {
    "allergies": re.compile(
        rf"\bnkd?a\b|{_DENIES}\ballerg(?:y|ies|ic to (?:any|nothing))\b"
        r"(?! to (?!any)\w)|\ballerg\w*: (?:no|none)\b",
        re.IGNORECASE,
    ),
    "medications": re.compile(
        rf"{_DENIES}\b(?:medications?|medicines?|meds|drugs)\b(?! allerg)"
        r"|\bmedications?: (?:no|none)\b",
        re.IGNORECASE,
    ),
}
"""What says that there is nothing for a list."""

_TOPICS: Final = {"allergies": Topic.ALLERGIES, "medications": Topic.MEDICATIONS}
_ABOUT: Final = {
    "allergies": re.compile(r"allerg|react|\bnkd?a\b", re.IGNORECASE),
    "medications": re.compile(
        r"medic|\bmeds\b|drug|prescri|pill|tak(?:e|ing)\b", re.IGNORECASE
    ),
}
_OF_DRUGS: Final = re.compile(r"\bnkda\b|\b(?:drugs?|medic\w+) allerg", re.IGNORECASE)
_GENERAL: Final = re.compile(
    r"\bnkd?a\b|\b(?:none|nothing|anything|any|nope|nah|never|not that i)\b|^\W*no\b"
    r"|\bno\W*$|\bno\W*\n|\bno[,.;!?]|\b(?:no|not|den(?:y|ies|ied))\b[^.;]{0,40}"
    r"\b(?:allerg(?:y|ies)|medications?|medicines?|meds|drugs)\b",
    re.IGNORECASE,
)
_OF_KIN: Final = re.compile(
    r"\bmy (?:mother|mom|father|dad|brother|sister|aunt|uncle|grand\w{2,10}|cousin"
    r"|friend|neighbor|roommate)(?:['\u2019]s)?\b"
    r"(?:(?!\b(?:i|me|my)\b)[^.;:?!\n]){0,60}$",
    re.IGNORECASE,
)
"""
Children and spouses are left out: in a talk it may be they who are the patient.
"""

_OF_OTHERS: Final = re.compile(
    r"(?:\b(?:my|our) (?:\w+ )?|^|[.;!?\n]\s*)(?:mother|mom|mum|father|dad|brother"
    r"|sister|aunt|uncle|grand\w{2,10}|cousin|friend|neighbou?r|roommate|wife|husband|son"
    r"|daughter|child|children|kids?|partner|spouse|parents?|girlfriend|boyfriend"
    r"|dog|cat|family)(?:['\u2019]s)?\b:?(?:(?!\b(?:i|me|my)\b)[^.;:?!\n]){0,60}$",
    re.IGNORECASE,
)
"""Who a patient speaks of in a form of their own."""

_BEGINS: Final = re.compile(
    r"\W*(?:no|not|den(?:y|ies|ied)|without|never|negative)\b", re.IGNORECASE
)


def says_yes(text: str) -> bool:
    """Return whether an answer begins with a yes."""
    return bool(_YES.match(text))


def says_just_yes(text: str) -> bool:
    """Return whether it is a yes without any "but": not "Yes, my mother does"."""
    return says_yes(text) and not _BUT.search(text)


def says_no(text: str) -> bool:
    """Return whether an answer begins with a no."""
    return bool(_NO.match(text))


def begins_to_deny(text: str) -> bool:
    """Return whether *text* is a denial by its first word: "Denies chest pain"."""
    return bool(_BEGINS.match(text))


def is_denied(text: str, at: Span, *, harms: bool) -> bool:
    """
    Return whether what stands there is said not to be so, or no longer.

    Args:
        harms: Whether it is about what does harm: to have stopped it, or not to be
            able to take it, denies nothing then.
    """
    start, end = at
    begin = max(0, start - FARTHEST_BEFORE)
    for over in _SENTENCE_BEGINS.finditer(text, begin, start):
        begin = over.end()
    before = text[begin:start]
    if _BESIDES.search(before) or (harms and _CANNOT_TAKE.search(before)):
        return False
    if is_negated(text[begin : end + FARTHEST_BEFORE], start - begin, end - begin):
        return True
    if _ANSWERED_NO.match(text, end):
        return True
    return not harms and _is_over(text, before, end)


def is_of_kin(text: str, start: int) -> bool:
    """Return whether what begins there is said of somebody else: "my mother takes"."""
    others = _OF_KIN if is_dialogue(text) else _OF_OTHERS
    return bool(others.search(text[max(0, start - FARTHEST_BEFORE) : start]))


def _is_over(text: str, before: str, end: int) -> bool:
    if _STOPPED_BEFORE.search(before) or _STOPPED_AFTER.match(text, end):
        return True
    return bool(_LONG_AGO.match(text, end)) and not _BEGAN.search(before)


def denied_lists(text: str) -> list[str]:
    """Return of which lists *text* says that there is nothing in them."""
    return [name for name, says in _NOTHING_IS_SO.items() if says.search(text)]


def contradicts(name: str, text: str, known: Sequence[SummaryItem]) -> bool:
    """Return whether what is *known* goes against denying all of a list."""
    if name == "allergies" and _OF_DRUGS.search(text):
        return any(names_in(item.text) for item in known)
    return bool(known)


def denies_all(name: str, statement: Statement, at: Span) -> bool:
    """Return whether what stands there says that there is nothing for a list."""
    start, end = at
    words = statement.text[start:end]
    nothing, about = _NOTHING_IS_SO[name], _ABOUT[name]
    question = asked_in(statement.question)
    if nothing.search(question):
        return says_just_yes(statement.text)
    if _names_one(name, words):
        return False
    if nothing.search(words):
        return True
    if not _GENERAL.search(words):
        return False
    if statement.topic is _TOPICS[name] or about.search(question):
        return not _names_one(name, question)
    said_before = statement.text[max(0, start - FARTHEST_BEFORE) : end]
    return bool(about.search(said_before)) and not _names_one(name, said_before)


def _names_one(name: str, text: str) -> bool:
    """Return whether *text* is about one drug, or a kind of them, not about all."""
    drugs = find_drugs(text)
    if name == "medications":  # "Any medicines or vitamins?" asks for all of them.
        return not all(is_kind_of_drug(each.name) for each in drugs)
    return bool(drugs or find_allergens(text))
