"""
Negation: whether what a text mentions is said not to be so.

The scope of a negation runs from its cue to the end of the clause, in the manner of
NegEx (Chapman et al., J Biomed Inform 2001): in "no chest pain or fever, but I cough"
the pain and the fever are negated, the cough is not. Stopping is no negation: who
stopped taking a drug took it.
"""

from __future__ import annotations

from clinicflow_core.intake.phrases import any_of, compiled, phrases

LONGEST_SCOPE = 160
"""How far before a mention its cue may stand, in characters."""

_CUE = phrases(
    r"""
    no|nope|nah|not|none|nor|neither|never|nothing|nobody|zero(?! point)|hardly any
    without|lack of|absence of|free of|negative for|ruled? out|rules out
    \w+n't|cannot|can not|cant|dont|doesnt|didnt|havent|hasnt|isnt|arent|wasnt|wont
    den(y|ies|ied|ying)
    """
)
_NO_CUE = phrases(
    r"""
    no longer|no more than|no (doubt|change|wonder|matter|question)|no idea
    not only|not just|not until|not since|not to mention
    not (sure|certain)( if| whether)?
    can't stop|cannot stop|without fail|don't (know|remember|forget)
    """
)
_SOMEBODY = any_of("i|he|she|we|they|it|my|his|her|there")
_CLAUSE_END = compiled(
    rf"[.;:?!\n](?!\w)"
    rf"|\b{any_of('but|except|however|although|though|yet|instead|because|since')}\b"
    rf"|\b{any_of('aside from|apart from|other than|besides')}\b"
    rf"|,? ?\b{any_of('and|so|when|while|after|then|now')} (?={_SOMEBODY}\b)"
    rf"|, ?(?={_SOMEBODY}\b)"
    rf"|^\W*(?:no|nope|nah), ?(?=(?:just|only|still|it's|it is)\b|$)"
)
_DENIED_AFTER = compiled(
    rf" ?(?:[:?=]|-+|\u2013) ?{any_of('no|none|nope|never|not|denie[ds]|negative')}\b"
    rf"(?! (?:longer|doubt))"
    rf"| (?:is|was|are|were|has been) {any_of('denied|absent|negative|ruled out')}\b"
)


def is_negated(text: str, start: int, end: int) -> bool:
    """
    Return whether what stands in *text* from *start* to *end* is said not to be so.

    Looks at most `LONGEST_SCOPE` characters back, so its cost does not grow with the
    text.
    """
    if _DENIED_AFTER.match(text, end):
        return True
    clause = text[max(0, start - LONGEST_SCOPE) : start]
    ends = [over.end() for over in _CLAUSE_END.finditer(clause)]
    clause = clause[ends[-1] :] if ends else clause
    return _CUE.search(_NO_CUE.sub("", clause)) is not None
