"""Allergens: what people are allergic to besides drugs, where a text names it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from clinicflow_core.intake.drugs import Mention, lines_of
from clinicflow_core.intake.phrases import any_of, compiled, phrases

LONGEST_UNLISTED = 4
"""In words; what is longer is no name."""

_NO_NOUN = any_of(
    """
    and|or|but|in|so|because|which|when|it|i|as|that|since|too|also|then|from|at|on|for
    with|if|they|he|she|my|the|a|is|are|was|of|to|though|really|very|allergy|allergies
    reactions?|right|correct|only|like|yes|no|sometimes|mostly|give|gives|gave|make|makes
    made|cause|causes|caused|bother|bothers|does|do
    """
)
# "Horse serum" is more than a horse.
_NOUN_AFTER = compiled(rf"(?: (?!{_NO_NOUN}\b)[a-z]+){{1,2}}(?=[.,;!?]|$| and\b| or\b)")

_ALLERGIC_TO = compiled(r"(?<!not )\ballergic (?:reactions? )?to (?P<what>[^.;:?!]+)")
_ONE_OF_SEVERAL = compiled(r"[^,&/]+?(?=,|&|/|\b(?:and|or)\b|$)")
_ARTICLES = any_of(
    """
    and|or|a|an|the|some|my|all|most|certain|any kind of|both|also|like|maybe|uh|um|just
    only
    """
)
_ARTICLE = compiled(rf"(?:\W|{_ARTICLES}\b)*+")
_GIVES = compiled(
    r"(?:and |also |but )?(?P<what>(?-i:[A-Z][a-z]{3,20})) "
    r"(?:gives?|gave|makes?|made|causes) (?:me|him|her|my)\b"
)
_NO_THING = phrases(
    """
    any(thing)?|nothing|it|that|this|them|those|these|what|which|something|i|you|they
    everything|medications?|medicines?|meds|drugs?|quite|few|things?|one|some|none|so
    because|when|if|not|sure|know|many|lots?|ones?|other|foods?|he|she|we|me|my|get|got
    break|breaks|have|had|makes?|gives?|causes?|but|then|also|as well|too
    """
)


def find_allergens(text: str) -> tuple[Mention, ...]:
    """Return what *text* names of `allergens.txt`, in order; drugs are found apart."""
    return tuple(_mention(text, found) for found in _names().finditer(text))


def unlisted_allergens(text: str) -> Iterator[Mention]:
    """
    Yield what a sentence says somebody is allergic to, whatever it is.

    What the lists have is among it.
    """
    if gives := _GIVES.match(text):
        spans = [gives.span("what")]
    elif to := _ALLERGIC_TO.search(text):
        spans = [
            each.span() for each in _ONE_OF_SEVERAL.finditer(text, *to.span("what"))
        ]
    else:
        spans = []
    for start, end in spans:
        article = _ARTICLE.match(text, start, end)
        begin = article.end() if article else start
        thing = text[begin:end].strip()
        if thing and len(thing.split()) <= LONGEST_UNLISTED and not is_no_thing(thing):
            yield Mention(thing, None, begin, begin + len(thing))


def is_no_thing(words: str) -> bool:
    """Return whether *words* only point at something: "any of those"."""
    return _NO_THING.search(words) is not None


def _mention(text: str, found: re.Match[str]) -> Mention:
    noun = _NOUN_AFTER.match(text, found.end())
    end = noun.end() if noun else found.end()
    return Mention(text[found.start() : end], None, found.start(), end)


@cache
def _names() -> re.Pattern[str]:
    names = sorted(lines_of("allergens.txt"), key=len, reverse=True)
    one_of = "|".join(re.escape(name) for name in names)
    return compiled(rf"\b(?:{one_of})s?(?: stings?| bites?)?\b")
