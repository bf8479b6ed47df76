"""
Claims: what a sentence says of the drugs and allergens that it names.

"I stopped metformin and now take Januvia, it is better than Glucotrol" claims three
things. What is claimed of a name is what the nearest words before it say, or those
right after it; names in one list share their claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from attrs import frozen

from clinicflow_core.intake.allergens import find_allergens, is_no_thing
from clinicflow_core.intake.drugs import Mention, find_drugs
from clinicflow_core.intake.negation import is_negated
from clinicflow_core.intake.phrases import any_of, compiled, phrases
from clinicflow_core.intake.questions import says_no, says_yes


class Claim(Enum):
    """What is said of a drug or an allergen."""

    TAKEN = "taken"
    TOOK = "took"
    TOOK_ONCE = "took once"
    STOPPED = "stopped"
    ALLERGIC = "allergic"
    NOT_SO = "not so"
    ASIDE = "aside"
    NOTHING = "nothing"


@frozen
class Named:
    """
    A drug or an allergen, with what is claimed of it.

    Attributes:
        directly: Whether the sentence begins with it, or with a list that it is in.
    """

    mention: Mention
    claim: Claim
    directly: bool = False


KIN = any_of(
    r"""
    (my|his|her|their|our) (mother|mom|father|dad|wife|husband|son|daughter|brother)s?
    (my|his|her|their|our) (sister|aunt|uncle|friend|grand\w{2,10}|neighbor|roommate)s?
    (my|his|her|their|our) (cousin|boyfriend|girlfriend|partner|parent|kid)s?
    """
)
_SYMPTOM = any_of(
    r"""
    rash(es)?|hives|swelling|swollen|swell\w*|anaphyla\w+|reactions?|itch\w*|throat
    shock|sick|nause\w+|vomit\w*|throw up|threw up|puke|dizzy|upset stomach|stomach\w*
    short of breath|breath\w*|wheez\w+|headaches?|diarrhea|red|bumps|faint|pass out
    blister\w*|tongue|lips?|face|cramps?|pain
    """
)

# Of two that match at one place the first counts.
_BEFORE = {
    Claim.ASIDE: any_of(
        r"""
        (better|worse|more|less|rather|other|stronger|weaker) than
        instead of|compared (to|with)|similar to|as opposed to
        apart from|aside from|besides|except( for)?
        (can|could|should|may|might|would) (i|we|he|she) (\w+ )?(take|use|try|start|get)
        (wants?|wanted|(?<!would )(?<!'d )like)( (me|him|her))?( to)? (take|use|be on)
        (wants?|wanted|(?<!would )(?<!'d )like)( (me|him|her))?( to)? (try|start)
        thinking (of|about) (taking|using|trying|starting)
        asked (about|for)|heard (about|of)|tolerated?
        """
    ),
    Claim.STOPPED: any_of(
        r"""
        stop(ped|ping|s)? giving (me|him|her)
        stop(ped|ping|s)?( (me|him|her|the|my|all))?( taking| using)?
        quit(ting)?( taking| using)?|discontinued?|ran out of
        used to (take|be on|use|get)|no longer (takes?|taking|on|uses?|using)
        (came|come|got|get|went|go|been|took me|taken me|taken|am|was) off( of)?
        'm off( of)?|weaned( me)? off( of)?
        switched (me |him |her )?from(?! ([\w/-]+ ){1,4}to\b)
        (was|were|had been) ((you|he|she|they) )?(on|taking|using)
        previously (on|took|taking|taken|prescribed)
        (finished|completed) (up )?(the|a|my)( \w+)? (course|round)( of| for| with)?
        finished|completed
        (haven't|have not) (taken|been taking)|(don't|do not) take
        hold(ing)?( off( on)?)?( your)?|avoid(ing)?
        """
    ),
    Claim.ALLERGIC: any_of(
        rf"""
        allergic (\w+ )?(reactions? )?(to|from)|allergen is
        allerg(y|ies) (to|is|are|includes?|would be)
        react(s|ed|ions?|ing)?( \w+){{0,2}} (to|with|from)
        (can't|can not|cannot) (take|have|tolerate|eat|use|be around|do)
        (couldn't|could not|don't|do not|didn't|did not|never) tolerate
        intoleran(t|ce) (to|of)|sensitiv(e|ity) to
        anaphyla\w+ (to|from|after|with)
        (get|got|have|had|develop(ed)?|break|breaks|broke) (\w+ ){{0,4}}{_SYMPTOM} """
        rf"""(\w+ ){{0,4}}(from|to|with|after|(when|whenever|if|every time) i \w+)
        """
    ),
    Claim.TAKEN: any_of(
        r"""
        (take|takes|taking|use|uses|using|apply|applying|inject|injecting)
        ('m|am|'re|are|is|'s|be|been|me|him|her) on
        (still|currently|also|only|just|now|back|stay|and) on
        (are|is) (you|he|she|they) on
        start(ed|ing)?( (me|him|her))?( on| with)?|puts? (me|him|her|you) on
        prescri(bed?|bing|ptions?)( (me|him|her|you))?( for| of)?
        refills?( of| on| for)?|continu(e|ed|ing)( on| with)?
        switch(ed|ing)?( (me|him|her|you))? (over )?to|give (myself|him|her)
        (my|your|his|her) (\w+ )?(medications?|medicines?|meds|pills?) (are|is|include)
        (bottle|label|list|chart|record) (is|says?|shows?|includes?)
        (wear|wears|wearing|carry|carries|inject|injects|rub|rubs)( on)?
        (i|he|she|and|we) do|(fill|refill|pick up|get|got) (the|my|your|his|her)
        (gets?|getting) (my|the|a|his|her)|(giving|gives?) (yourself|myself|him|her)
        ('ve|have|has|had) been on|(was|were) just (added|started)
        added|adds|(need|needs)( more)?|(have|has) (me|him|her|you) on
        stays? on|down to|up to|(?<=, )on|this one('s| is| says)?
        """
    ),
    Claim.TOOK: any_of(
        """
        took|tried|trying|given|gave( (me|him|her))?|had|received|got|taken|used(?! to)
        """
    ),
}
_CLAIM_OF = {f"claim_{n}": claim for n, claim in enumerate(_BEFORE)}
_CUES = "|".join(f"(?P<{name}>{_BEFORE[claim]})" for name, claim in _CLAIM_OF.items())
_OF_KIN = (
    rf"(?P<claim_of_kin>{KIN}('s)?(?: \w+)? "
    + any_of("(takes?|uses?|has|had|(is|was|are|were) (on|taking|using|allergic to))")
    + ")"
)
_CLAIM_OF["claim_of_kin"] = Claim.ASIDE
_CUE_BY_PATIENT = compiled(rf"\b(?:{_OF_KIN}|{_CUES})(?!\w)")
_CUE_BY_FAMILY = compiled(rf"\b(?:{_CUES})(?!\w)")
_OF_ALLERGY = compiled(rf"{_BEFORE[Claim.ALLERGIC]}|\ballerg")

_CANNOT = phrases(
    "can't|cannot|can not|(could|did|do|does)(n't| not) tolerate|never tolerated"
)
_CLAUSE_BEGINS = compiled(r"[;:]|\bbut\b|\b(?:and|because|so|since|that) (?=i\b)")
_ALLERGIC_AFTER = compiled(
    any_of(
        r"""
        ( (always|really|just|both|all))? (gives?|gave|makes?|made) (me|him|her)\b
        ( (always|really|just|usually|both|all))? (does|do|turns?) (me|him|her)\b
        ( (always|really|just|usually|both|all))? (causes?|caused) (me|him|her|my)\b
        ( (always|really|just|usually|both|all))? upsets? (me|him|her|my)\b
        ( (always|really|just|usually|both|all))? (breaks?|broke) (me|him|her) out\b
        [^.;,]{0,30},? (and|then|so) (then )?(my|i|it|he|she) [^.;]{0,30}?"""
        r"""\b(swelled|swollen|rash|hives|broke out|couldn't breathe|itch\w*|threw up)\b
        ,? (allerg(y|ies)|intolerance|reaction|sensitivity)\b
        [^.;]{0,30}?,? ((and|so|but) )?(i|he|she)('m| am|'s| is) allergic\W*$
        [^.;]{0,30}?,? (i|he|she)('m| am|'s| is) allergic to (it|that|them|both)\W*$
        """
    )
)
_STOPPED_AFTER = compiled(
    any_of(
        r"""
        [^.;,]{0,40}?\b(any ?more|any longer)\b
        [^.;,]{0,40}?\b(was|were|been|got) (stopped|discontinued)\b
        [^.;]{0,60}?\b(stopped|quit|discontinued)( taking| using)? (it|them|that)\b
        """
    )
)
_STILL_AFTER = compiled(r"[^.;]{0,40}?\bstill (?:on|taking|using|take|use)\b")
_ONCE_AFTER = compiled(r"[^.;,]{0,40}?\b(?:(?:months?|years?) ago|in the past)\b")
_MAY_BE_OVER = frozenset({Claim.TOOK, Claim.ASIDE, Claim.NOTHING})
_PURPOSE = compiled(
    r"(?<!ption)(?<!fill)(?<!fills)(?<!course)(?<!script) for (?:my |the |his |her )?$"
)

_SMALL_WORDS = any_of(
    """
    and|or|plus|also|then|as|well|my|some|a|an|the|both|with|along|uh|um|of|like|yeah|oh
    mg|m g|to|i think
    """
)
_BETWEEN = compiled(rf"(?:[ ,&/+0-9.]|\b{_SMALL_WORDS}\b)*+")
# What stands between "Detrol LA 4 mg at night" and the next of the list.
_NEXT_IN_LIST = compiled(
    rf"(?:(?!\b{any_of('but|not|than|instead|because|i|it|he|she')}\b)[^.;:?!]){{0,60}}"
    r"(?:,|\band|,? or)(?: (?:and|then|also|some|my|a|the|both))* "
)
_FIRST_WORDS = any_of(
    """
    yes|yeah|yep|yup|well|oh|uh|um|hm|okay|ok|so|just|only|sure|right|also|and|then
    now|right now|these days|at the moment|nowadays|no(?=,? (just|only|still)\b|, )
    still
    of|on|was|sometimes|usually|every (day|night|morning)|once a (day|week)
    (what's|what is) it called|what do you call it|how do you say|you know
    maybe|mostly|mainly|currently|i think|i believe|i have|i('ve)? got|called|it is|it's
    there's|is|to|like|all|certain|actually|let me see|let's see
    (the|my|some|a|an)( (occasional|daily|generic|regular|usual|old|little))?
    """
)
_OPENING = compiled(rf"(?:\W|\b{_FIRST_WORDS}\b)*+")

_UNKNOWN = r"(?P<name>(?-i:[A-Z][a-z]{4,20}(?:[ -](?:[XSEC]R|LA|XL|CD))?))\b"
_AFTER_CUE = compiled(rf" (?:my |some |the |a )?{_UNKNOWN}")
_AFTER_NAME = compiled(
    rf"(?:, |,? and |,? or )(?:then |also |some |a |my |the )?{_UNKNOWN}"
)
_ONLY_WORD = compiled(r"(?-i:[A-Z])[a-z]{4,20}(?= ?[.!,]?$)")
_NO_NAME = phrases(
    """
    (mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|august
    september|october|november|december|christmas|thanksgiving|easter|doctor|nurse
    medicare|medicaid|walgreens|costco|walmart|english|spanish|american|vitamin|after
    before|because|sometimes|maybe|there
    """
)


def claims(text: str, *, allergens: bool, by_family: bool = False) -> tuple[Named, ...]:
    """
    Return the drugs that a sentence names, in order, with what it says of them.

    A capitalised word that stands where a drug would counts as one.

    Args:
        allergens: Whether to look for what else one can be allergic to; a sentence
            that speaks of allergies is looked through in any case.
        by_family: Whether a relative says so, who means the patient by "my mother".
    """
    pattern = _CUE_BY_FAMILY if by_family else _CUE_BY_PATIENT
    cues = [(c.end(), _CLAIM_OF[c.lastgroup or ""]) for c in pattern.finditer(text)]
    mentions = list(find_drugs(text))
    if allergens or _OF_ALLERGY.search(text):
        mentions = _with(mentions, find_allergens(text))
    mentions = _with(mentions, _unknown(text, mentions, cues))
    groups = _groups(text, mentions, cues)
    return tuple(named for group in groups for named in _claimed(text, group, cues))


def unlisted_answer(text: str) -> Mention | None:
    """Return the one word that answers "what?", if it could be a name."""
    word = _ONLY_WORD.match(text)
    if word is None or says_no(text) or says_yes(text) or is_no_thing(word[0]):
        return None
    return Mention(word[0], None, *word.span())


def _with(mentions: Sequence[Mention], others: Sequence[Mention]) -> list[Mention]:
    """Return all in order, but none of *others* that overlaps one of *mentions*."""
    apart = (
        other
        for other in others
        if not any(m.start < other.end and other.start < m.end for m in mentions)
    )
    return sorted((*mentions, *apart), key=lambda mention: mention.start)


def _unknown(
    text: str, mentions: Sequence[Mention], cues: Sequence[tuple[int, Claim]]
) -> list[Mention]:
    """Return the names that no list has, behind a cue or behind another name."""
    places = [(end, _AFTER_CUE) for end, claim in cues if claim is Claim.TAKEN]
    places += [(mention.end, _AFTER_NAME) for mention in mentions]
    found: list[Mention] = []
    while places:
        end, pattern = places.pop()
        name = pattern.match(text, end)
        if name is not None and not _NO_NAME.fullmatch(name["name"]):
            start, over = name.span("name")
            places.append((over, _AFTER_NAME))
            found.append(Mention(name["name"], None, start, over))
    return found


def _groups(
    text: str, mentions: Sequence[Mention], cues: Sequence[tuple[int, Claim]]
) -> Iterator[list[Mention]]:
    """Yield the names that share a claim."""
    group: list[Mention] = []
    for mention in mentions:
        if group and not _is_one_list(text, group[-1].end, mention.start, cues):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _is_one_list(
    text: str, start: int, end: int, cues: Sequence[tuple[int, Claim]]
) -> bool:
    if _BETWEEN.fullmatch(text, start, end):
        return True
    if any(start < cue <= end for cue, _ in cues):
        return False
    return _NEXT_IN_LIST.fullmatch(text, start, end) is not None


def _claimed(
    text: str, group: Sequence[Mention], cues: Sequence[tuple[int, Claim]]
) -> Iterator[Named]:
    first, last = group[0], group[-1]
    claim = _claim_before(text, first.start, cues)
    is_told_after = _ALLERGIC_AFTER.match(text, last.end) is not None
    if is_told_after:
        claim = Claim.ALLERGIC
    elif claim is not Claim.ALLERGIC and _STOPPED_AFTER.match(text, last.end):
        claim = Claim.STOPPED
    elif claim is Claim.TOOK and _STILL_AFTER.match(text, last.end):
        claim = Claim.TAKEN
    # What somebody was put on years ago may well be taken still.
    elif claim in _MAY_BE_OVER and _ONCE_AFTER.match(text, last.end):
        claim = Claim.TOOK_ONCE
    elif _PURPOSE.search(text[max(0, first.start - 16) : first.start]):
        claim = Claim.ASIDE
    directly = _OPENING.fullmatch(text, 0, first.start) is not None
    for mention in group:
        is_so = (
            is_told_after
            or claim is Claim.STOPPED
            or not is_negated(text, mention.start, mention.end)
        )
        # "I can't take sulfa" denies nothing.
        if not is_so and not _CANNOT.search(text, 0, mention.start):
            yield Named(mention, Claim.NOT_SO, directly)
        else:
            yield Named(mention, claim, directly)


def _claim_before(text: str, start: int, cues: Sequence[tuple[int, Claim]]) -> Claim:
    begin = 0
    for clause in _CLAUSE_BEGINS.finditer(text, 0, start):
        begin = clause.end()
    near = [claim for end, claim in cues if begin < end <= start]
    return near[-1] if near else Claim.NOTHING
