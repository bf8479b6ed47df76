"""Details: what a sentence tells of a drug besides its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from clinicflow_core.intake.doses import Quantity, normalised, quantities
from clinicflow_core.intake.drugs import Mention
from clinicflow_core.intake.negation import is_negated
from clinicflow_core.intake.phrases import any_of, compiled, phrases

_NO_DOSE = frozenset(
    (
        "year",
        "week",
        "month",
        "day",
        "hour",
        "minute",
        "pound",
        "inch",
        "degree",
        "times",
    )
)
_FORMS = any_of("tablets?|tabs?|pills?|capsules?|caps?|puffs?|drops?|sprays?|shots?")
_LEADS_TO_NAME = compiled(
    rf"(?: {_FORMS})?(?: of)?(?: {any_of('the|my|your|a|liquid|oral|generic')})? ?"
)
_INSTEAD = phrases("instead of|rather than|not")
_EVERY_BEFORE = compiled(r"\b(?:every|each|q\.?) ?$")
_REACTION = phrases(
    r"""
    (throat|tongue|lips?|face) (swell\w*( up)?|clos\w+( up)?)|swollen \w+
    upsets? my stomach|upset stomach|stomach (upset|cramps|pain|ache)
    rash(es)?|hives|welts|blister\w*|itch\w*|(break|breaks|breaking) out
    swell(ing|s|ed)( (up|of \w+ \w+))?|anaphyla\w+|shock|stevens[ -]johnson
    nausea|nauseous|nauseated|vomit\w*|throw(ing)? up|diarrhea|sick
    short(ness)? of breath|(trouble|difficulty) breathing|can't breathe
    wheez\w+|cough\w*|dizz\w+|headaches?|faint\w*|pass(ed)? out|sneez\w+
    watery eyes|runny nose
    """
)


def doses_in(text: str) -> tuple[str, ...]:
    """Return the doses and times in a sentence that names no drug."""
    said = _INSTEAD.split(text, maxsplit=1)[0]
    told = (
        each for each in quantities(said) if not is_negated(said, each.start, each.end)
    )
    return tuple(_worded(said, told, name_end=None))


def dose_of(
    text: str, mention: Mention, mentions: Sequence[Mention]
) -> tuple[str, ...]:
    """
    Return the doses and times in a sentence that belong to one of its drugs.

    They stand after the name, or right before it: "20 mg of Lisinopril".

    Args:
        mentions: All drugs of the sentence.
    """
    ends = (each.end for each in mentions if each.end <= mention.start)
    starts = (each.start for each in mentions if each.start >= mention.end)
    before, after = max(ends, default=0), min(starts, default=len(text))
    own = []
    for each in _quantities_of(text):
        if mention.end <= each.start < after:
            leads_on = _LEADS_TO_NAME.fullmatch(text, each.end, after)
            if after == len(text) or not leads_on:
                own.append(each)
        elif before <= each.start < mention.start and (
            before == 0 or _LEADS_TO_NAME.fullmatch(text, each.end, mention.start)
        ):
            own.append(each)
    return tuple(_worded(text, own, name_end=mention.end))


def reactions_in(text: str) -> tuple[str, ...]:
    """Return the reactions that a sentence tells of, each once."""
    return tuple(dict.fromkeys(found[0] for found in _REACTION.finditer(text)))


# A sentence is asked for the dose of each of its drugs, one after the other.
_quantities_of = lru_cache(maxsize=1)(quantities)


def _worded(text: str, told: Iterable[Quantity], name_end: int | None) -> Iterator[str]:
    """
    Yield what is no time span, each with its number in digits.

    Args:
        name_end: Where the drug's name ends. A number without a unit counts only
            there, or where it is said how often: "twenty daily".
    """
    doses = [each for each in told if each.unit not in _NO_DOSE]
    starts = {each.start for each in doses}
    for each in doses:
        is_at_name = name_end is not None and 0 <= each.start - name_end <= 1
        if each.unit or is_at_name or each.end + 1 in starts:
            every = _EVERY_BEFORE.search(text, max(0, each.start - 7), each.start)
            yield normalised(text[every.start() if every else each.start : each.end])
