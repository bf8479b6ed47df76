"""Lists: answers that name medications or allergies one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import evolve, field, frozen

from clinicflow_core.intake.claims import KIN, Claim, claims
from clinicflow_core.intake.doses import normalised, quantities
from clinicflow_core.intake.drugs import find_drugs
from clinicflow_core.intake.phrases import any_of, compiled, phrases
from clinicflow_core.intake.turns import sentences

MOST_JOINED = 8
"""How many parts can be one item: "aspirin, 81 mg, daily, for my heart"."""


class Part(Enum):
    """What a part of a list is."""

    ITEM = "item"
    NOTHING = "nothing"
    DENIED = "denied"
    STOPPED = "stopped"
    ALLERGY = "allergy"
    REMARK = "remark"


@frozen
class Listed:
    """
    One part of a list.

    Attributes:
        text: What it says, without words such as "I take".
        words: The same as it stands in the answer; several if it stands apart.
    """

    part: Part
    text: str = field(repr=False)
    words: tuple[str, ...] = field(repr=False)


_SEPARATOR = compiled(
    r"\([^()]{0,200}\)|(?P<cut>[;\u2022\u00b7|]|,(?![0-9]{3}(?![0-9]))|\s[&+]\s"
    r"|\s(?:and|plus|as well as|along with)\s(?!a half\b))"
)
_BULLET = compiled(r"^(?:[-*\u2013>\s]|[0-9]{1,2}[.)](?=\s))+")
_DRUGS = any_of("medications?|medicines?|meds|drugs|pills")
_NOW = any_of("currently|presently|also|still|now|just|only|been|sometimes|have")
_LEADS = any_of(
    rf"""
    i('m| am|'ve| have)?( {_NOW})*( (take|taking|on|use|using|allergic to))?
    i have an allergy to
    my ({_DRUGS}|allergies) (are|include)|({_DRUGS}|allergies)( ?:)?
    yes|yeah|well|and|then|plus|{_NOW}|take|taking|on|allergic to|allergy to
    """
)
_LEAD = compiled(rf"^(?:{_LEADS}\b\W*+)++")
_SORTS = any_of("known|current|regular|other|daily|prescription|drug|food|medication")
_NOTHINGS = any_of(
    rf"""
    none?|nothing|n/?a|nil|nope|never|nka|nkda|nkma|not any|not applicable|zero|0
    no ({_SORTS} )*+({_DRUGS}|allerg(y|ies)|ones?)
    (i )?(do not|don't|dont) (take|have|use)( any(thing)?)?
    (i )?(do not|don't|dont) have( any)? ({_SORTS} )*+allergies
    (i )?(do not|don't|dont) (take|have|use)( any)? {_DRUGS}
    (i('m| am) )?not (taking|on|allergic to|using) (any(thing)?|nothing)( {_DRUGS})?
    no|not(?= that\b| to my\b| really\b)|allergic to nothing
    denies( any)?( allergies| {_DRUGS})?
    """
)
_AS_FAR_AS = any_of(
    """
    (that )?i know of|(that )?i('m| am) aware of|known|at all|whatsoever|at this time
    at the moment|currently|right now|to my knowledge
    """
)
_NOTHING = compiled(rf"{_NOTHINGS}(?: {_AS_FAR_AS})*\W*")
_FILLERS = any_of(
    """
    yes|yeah|well|um|uh|i do|see (list|above|attached)|as above
    same|same as (before|last time)
    unknown|thanks?( you)?|etc|that's (it|all)
    (i )?(do not|don't|dont|can't|cannot) (know|remember|recall)( the names?)?
    """
)
_FILLER = compiled(rf"(?:{_FILLERS})?\W*")
_OF_KIN = compiled(rf"{KIN}\b")
_GOES_ON = phrases(
    r"""
    for|as needed|when|if|with|at|in the|every|each|once|twice|daily|nightly|per|a day
    by mouth|orally|p\.?o\.?|prn|b\.?i\.?d|t\.?i\.?d|q\.?d|morning|evening|night|bedtime
    half|one|two|three|which|it|that|this|they|causes?|gives?|makes?|gave|made|caused
    """
)
_REACTION = compiled(
    rf"(?:{any_of('a|an|bad|severe|mild|some|really|very|got|get|had')} )*+"
    + any_of(
        r"""
        rash|rashes|hives|swell\w*|itch\w*|anaphyla\w*|nausea|vomit\w*|throat|diarrhea
        (trouble|difficulty) breathing|shortness of breath|upset stomach|dizz\w*
        headaches?|wheez\w*|sneez\w*|watery eyes|runny nose|blisters?|fever
        """
    )
    + r"\b"
)
_A_WORD = compiled(r"[a-z]{4,}")
_FORMS = any_of(
    r"""
    pills?|tablets?|capsules?|inhalers?|drops?|creams?|shots?|meds?|medic\w+|patch\w*
    sprays?|injections?|vitamins?|insulin|ointments?|gels?
    """
)
_SUBJECT = phrases(
    rf"""
    i|it|they|he|she|that|this|we|but|because|so|(my|the)(?! (\w+ ){{0,3}}{_FORMS}\b)
    """
)
_WITH_REACTION = compiled(
    r"(?P<name>[^():\u2013-]{2,60}?)\s*(?:\s[-\u2013]+>?\s|:\s|\s=>?\s|\()\s*"
    r"(?P<reaction>[^():]{2,120}?)\)?\.?"
)

# "Penicillin gives me a rash", "hives from sulfa".
_GIVES = compiled(
    r"(?P<name>[^():]{2,60}?) (?:(?:always|both|all|just|really) )?"
    r"(?:(?:gives?|gave|makes?|made) (?:me|him|her|my)|causes?|caused|upsets?)"
    r" (?P<reaction>[^():]{2,80})"
)
_FROM = compiled(
    r"(?:(?:i|he|she) )?(?:gets?|got|have|had|develop(?:ed)?|break out in|broke out in)"
    r" (?P<reaction>[^():]{2,60}?) (?:from|to|with|after|when i (?:eat|take|use)"
    r"|if i (?:eat|take|use)) (?:taking |eating )?(?P<name>[^():]{2,60})"
)


def listed(text: str, *, of_allergies: bool) -> tuple[Listed, ...]:
    """
    Return the parts of a list, in order.

    Nothing that could be a medication or an allergy is left out, known or not: what is
    neither a denial nor filler is an item, word for word. A dose, or a reaction, that
    stands by itself belongs to the item before.
    """
    parts: list[Listed] = []
    for sentence in sentences(text):
        for words in _cut(sentence.text):
            part = _read(words, of_allergies=of_allergies)
            if part is None:
                continue
            if parts and _goes_on(parts[-1], part, of_allergies=of_allergies):
                parts[-1] = _joined(parts[-1], part, of_allergies=of_allergies)
            else:
                parts.append(part)
    return tuple(parts)


def _cut(text: str) -> Iterator[str]:
    begin = 0
    for found in _SEPARATOR.finditer(text):
        if found["cut"]:
            yield text[begin : found.start()]
            begin = found.end()
    yield text[begin:]


def _read(words: str, *, of_allergies: bool) -> Listed | None:
    words = _BULLET.sub("", words).strip(" \t\r\n.,;:!?")
    if _FILLER.fullmatch(words):
        return None
    if _NOTHING.fullmatch(words):
        return Listed(Part.NOTHING, words, (words,))
    bare = _LEAD.sub("", words).strip(" .,;:")
    if _FILLER.fullmatch(bare):
        return None
    if _NOTHING.fullmatch(bare):
        return Listed(Part.NOTHING, bare, (words,))
    if _OF_KIN.match(bare):
        return Listed(Part.REMARK, words, (words,))
    said = {each.claim for each in claims(words, allergens=of_allergies)}
    if said == {Claim.STOPPED}:
        return Listed(Part.STOPPED, words, (words,))
    if said == {Claim.NOT_SO}:
        return Listed(Part.DENIED, words, (words,))
    if said == {Claim.ALLERGIC} and not of_allergies:
        return Listed(Part.ALLERGY, bare, (words,))
    is_prose = bool(_SUBJECT.match(bare)) and len(bare.split()) > 4
    if is_prose and not said:
        return Listed(Part.REMARK, words, (words,))
    return Listed(Part.ITEM, _text(bare, of_allergies=of_allergies), (words,))


def _text(bare: str, *, of_allergies: bool) -> str:
    if not of_allergies:
        return normalised(bare)
    apart = (
        _GIVES.fullmatch(bare)
        or _FROM.fullmatch(bare)
        or _WITH_REACTION.fullmatch(bare)
    )
    if apart:
        return f"{apart['name']} ({apart['reaction']})"
    return bare


def _goes_on(last: Listed, part: Listed, *, of_allergies: bool) -> bool:
    """Whether a part names nothing new: a dose, a purpose, or a reaction."""
    if part.part is not Part.ITEM or last.part is not Part.ITEM:
        return False
    if find_drugs(part.text) or len(last.words) == MOST_JOINED:
        return False
    if of_allergies and _REACTION.match(part.text):
        return True
    return bool(_GOES_ON.match(part.text)) or _is_all_dose(part.text)


def _is_all_dose(text: str) -> bool:
    rest, done = "", 0
    for each in quantities(text):
        rest += text[done : each.start]
        done = each.end
    return done > 0 and not _A_WORD.search(rest + text[done:])


def _joined(last: Listed, part: Listed, *, of_allergies: bool) -> Listed:
    text = f"{last.text}, {part.text}"
    if of_allergies:
        inner = last.text.removesuffix(")")
        text = (
            f"{inner}, {part.text})" if inner != last.text else f"{inner} ({part.text})"
        )
    return evolve(last, text=text, words=(*last.words, *part.words))
