"""
Questions and replies: what a clinician asks for, and whether a patient says yes or no.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from clinicflow_core.intake.phrases import any_of, compiled, phrases


class About(Enum):
    """What a question is about, as far as drugs and allergies go."""

    MEDICATIONS = "medications"
    ALLERGIES = "allergies"
    REACTION = "reaction"
    DOSE = "dose"
    ELSE = "else"


@frozen
class Question:
    """
    What a clinician says, as the patient has to understand it.

    Attributes:
        is_general: Whether "no" denies all of what it is about: "Any allergies?".
        is_negative: Whether "yes" denies it as well: "You take no drugs?".
        presupposes: Whether what it names is so unless it is denied: "How much aspirin
            do you take?"
        is_given: Whether what it names is so whatever the reply: "Does the Lexapro
            help?"
    """

    about: About
    is_general: bool = False
    is_negative: bool = False
    presupposes: bool = False
    is_given: bool = False


_DRUGS = any_of("medications?|medicines?|meds")

_ALLERGY = phrases(
    r"""
    allerg(y|ies|ic|en|ens)|adverse reactions?|(reacted|reactions?|react) (\w+ )?to
    can't (take|have|tolerate)|can not take|cannot take|intoleran(t|ces?)
    (bad|any) reactions?|(problems?|trouble) with (any )?(\w+ )?(medic\w+|meds|drugs)
    (problems?|trouble|reactions?) with (any )?(antibiotics|anesthesia|latex)
    (should|must|need to|have to) avoid
    (medic\w+|meds|drugs) (that )?(bother|disagree|don't agree)
    """
)
# Those who sneeze in spring are asked about it for other reasons.
_ILLNESS = phrases(
    rf"""
    allergic (rhinitis|conjunctivitis|asthma|dermatitis)
    (seasonal|environmental|spring|nasal|sinus|bad) allergies(?! (to|are|include))
    (your|for|the|with) allergies(?! (to|are|include))
    allerg(y|ies) (season|symptoms?|acting|bother|relief|tests?|testing|flar\w*)
    allerg(y|ies) ({_DRUGS}|pills?|shots?)
    allergies,? or (sneez\w*|runny|hay|sinus)
    """
)
_REACTION = phrases(
    r"""
    what (happens|happened|reactions?|symptoms? do(es)? (you|it))
    what (kind|type|sort) of (an? )?(allergic )?reaction
    what (was|is|were) (the|your) reaction
    how (do|does|did) (you|it|that|they|he|she) (react|affect)
    what (do|does|did) (it|they|that|those|these) do
    """
)
_DOSE = phrases(
    """
    how (much|many|often|frequently)|dose|dosage|what('s| is)? (the |your )?strength
    """
)
_HABIT = compiled(
    r"\b"
    + any_of(
        r"""
        (recreational|illicit|street|illegal|intravenous|iv|i v|party) drugs?\b
        drug (use|abuse|addict\w*|habit|history)\b|(use|do) (any )?drugs\b
        drugs or\b(?! allerg)|illicit|substances?\b|alcohol|tobacco|smok|drink|cigar
        marijuana|cocaine\b
        """
    )
)
_MEDICATION = phrases(
    rf"""
    {_DRUGS}|prescriptions?|prescrib\w+|pills?|vitamins?|supplements?|inhalers?
    over the counter
    on (any|no)thing|taking|still on|currently on
    (take|taking|taken|took|using|use|tried) (any|anything|something|some|nothing)
    (take|taking|taken|took|using|use|tried) (right now|now|at the moment|currently)
    (take|taking|taken|took|using|use|tried) (for|to (treat|help)|daily|every day)
    what (\w+ )?(do|are|have|did|else|all|is|does) ?(\w+ ){{0,3}}tak(e|es|ing|en)
    what (\w+ )?(do|are|have|did|else|all|is|does) ?(\w+ ){{0,3}}(us(e|es|ing)|on|tried)
    are you on|is (he|she) on|do you take|does (he|she) take|do you use|refills?
    do you (do|use|take) (for|when|with)|regimen
    (treat|using|use|used|give|gave|given) .{{0,30}}\bfor
    (insulin|birth control|contracepti\w+|antibiotics?|hormones?|statins?)
    (eye|ear) ?drops|blood thinners?|water pills?|(put|have) (you|him|her) on|carry
    (control|treat|manage|managing|handle) (it|your|his|her|the)\b
    injections?|shots? (do|are|did)|(did|has) .{{0,30}}\b(prescribe|give (you|him|her))
    """
)
_NO_DRUG = phrases(
    r"""
    tak(e|ing) (a|an|the|any) (look|seat|deep|listen|peek|quick|moment|minute|picture)
    tak(e|ing) (a|an|the|any) (few|breath|break|nap|bath|shower|x|ct|mri|ekg|sample)
    tak(e|ing) your (temp|temperature|blood pressure|vitals|time|history)
    tak(e|ing) (care|off|it easy|place|time|part|after|up|over|notes?|classes)
    past medical|medical history
    """
)
_GENERAL = compiled(
    rf"\b{any_of('any|anything|some|something|nothing|either|no|what')}\b|\ballergic\W*$"
    rf"|\b(?:tell me|list|go over|review)\b.*\b{_DRUGS}\b"
    rf"|\b(?:tak(?:e|ing)|on|use|using) (?:prescription |regular |daily )?{_DRUGS}\b"
    rf"|^\W*(?:{any_of('and|so|current|known|drug|food|other')} )*+"
    rf"(?:{_DRUGS}|allerg(?:y|ies))\W*$"
)
_FURTHER = compiled(
    r"\b(?:other|else|besides|apart from|another)\b"
    r"|^(?!.*\bprescr).*\b(?:over[- ]the[- ]counter|herbal)"
    r" (?:medic|meds|drugs|supp|prod)"
    r"|^(?!.*\b(?:medic|meds|prescr)).*\b(?:vitamins?|supplements?|inhalers?)\b"
    r"|\bfor (?:the|your|it|that|this|his|her|pain|sleep)\b"
)
_NEGATIVE = compiled(
    r"\bno (?:\w+ )?(?:allerg|medic|meds|prescri)|\bden(?:y|ies)\b"
    r"|(?:\bnot|n['\u2019]t) (?:\w+ )?(?:allergic|on any|taking|take|have any)"
    r"|\bwithout (?:any )?(?:allerg|medic)|\b(?:take|taking|on|to) nothing\b"
)
# "Don't you take anything?" hopes for a yes; "you don't take anything?" for another.
_HOPES_FOR_YES = compiled(
    rf"^\W*(?:\w+ )?{any_of('do|are|is|have|has|does')}(?:n['\u2019]t| not) "
    rf"{any_of('you|he|she')}\b"
)
# "No changes" leaves what is taken as it is.
_CHANGES = compiled(
    r"\b(?:any|have|had|the|other) (?:recent |new )?"
    r"(?:changes?|problems?|side effects?|issues?|trouble|questions?)\b"
)
_PRESUPPOSES = compiled(
    rf"\b{any_of('how|when|why|who|what|where|which')}\b.*"
    rf"\b{any_of('you|he|she|your|working|helping')}\b|\bwhat else\b"
)
_OF_TAKEN = phrases(
    r"""
    how('s| is| are| was) (the|your|that)|(like|liking|tolerating|fill(ed)?) (the|your)
    (doing|feeling|feel|do|sleeping) (on|with) (the|your)
    (is|are|did|has|does|do) (the|your|that|it) .{0,40}\b(help|work)\w*
    """
)
_NAMES = phrases(
    r"""
    (their|the|its) names?|names? of|(it|they|that|those) called
    which (ones?|kind|medic\w+|meds)|what (are they|is it|kind|ones?)
    """
)
_LEAVES_OPEN = any_of(
    r"""
    okay|ok|oh|yes|yeah|alright|all right|right|sure|great|good|hm+|mm+|um|uh|i see|wow
    really|got it|gotcha|perfect|well|and|so|thanks?( you)?|fine|no|sounds good
    that'?s (good|fine|great|okay)|excuse me|sorry|i mean|please|can you|what happened
    let me (add|make|check|write)[^?]*|i('ll| will) (make|add|note|put|write)[^?]*
    are you (sure|certain)|is that (so|right|correct|all|it)|tell me( more)?
    do i have (that|it) right|did i (get|hear) (that|it) right|is this right
    go (on|ahead)|do you (know|remember|recall)|how long|anything|else|any|others?|what
    is|are|like|which|to|of|they|them|those|the|names?|ones?|kinds?|types?|such|as|by
    specific(ally|s)?|for what
    """
)
_OPEN = compiled(rf"^\W*(?:{_LEAVES_OPEN}\b\W*+)++")

_YES = compiled(
    rf"^\W*(?:{any_of('oh|um|uh|well|hm+|ah|okay|ok|so|actually|like')}\W+)*"
    + any_of(
        r"""
        yes|yeah|yep|yup|ya|yea|uh[ -]?huh|mm?[ -]?hm+|mhm|correct|right|exactly|sure
        that'?s (right|correct|it|true|the one)|that is (right|correct)|of course
        you got it|absolutely|definitely|certainly|indeed|true|affirmative
        i (think|believe) so|from time to time|sometimes|occasionally|still|always
        every ?day|all the time|(only|just) (when|with|if|as|at|for|on|in)|as needed
        daily|nightly|most days|once (a|in a)|twice a|now and (then|again)|when i
        whenever
        (i|he|she) (still )?(do|does|am|is|have|has|did)(?=\W*$|[.,!;]| (been|too)\b)
        """
    )
    + r"\b"
)
_BEFORE_NO = any_of(
    """
    oh|um|uh|uhm|well|hm+|ah|okay|ok|so|actually|like|sorry|yeah|both|you know|i think
    as far as i know
    """
)
_NO = compiled(
    rf"^\W*(?:{_BEFORE_NO}\W+)*"
    + any_of(
        r"""
        no|nope|nah|none|not|nothing|never|neither|negative|zero|no one|hardly|n/?a
        don't|doesn't|i (do|am|have|did|was|can|could|would)(n't| ?not)
        i('m| am) ((\w+ly|just|still) )?(not|fine|good|okay)|i never|i take no
        i('ve| have) (never|not|no)
        (he|she|they) (is|has|does|do|are)(n't| not)|(he|she|they) never
        (he|she)'s not|(we|they) (do|have)(n't| not)|ain't|all clear|i take nothing
        there('s| is| are) (no|none|nothing)|(i )?can't think of (any|one)
        (has|have)n't|(i|he|she) can (\w+ (and )?){1,3}(anything|everything)
        """
    )
    + r"\b(?! (?:sure|only|remember|just|problem|worries|doubt|know\b(?! of)))"
)


def question_in(text: str, *, names_any: bool) -> Question | None:
    """
    Return what a clinician's sentence asks; None if it leaves open what was asked.

    "Okay." and "Are you sure?" change nothing, "How old are you?" does.

    Args:
        names_any: Whether it names a drug or an allergen.
    """
    if _OPEN.fullmatch(text):
        return None
    about = _about(text, names_any=names_any)
    is_general = _GENERAL.search(text) or (about is About.ALLERGIES and not names_any)
    is_unchanged = about is About.MEDICATIONS and bool(_CHANGES.search(text))
    is_negative = _NEGATIVE.search(text) and not _HOPES_FOR_YES.match(text)
    return Question(
        about=about,
        is_general=bool(is_general) and not is_unchanged and not _FURTHER.search(text),
        is_negative=bool(is_negative),
        presupposes=about is not About.ELSE and bool(_PRESUPPOSES.search(text)),
        is_given=is_unchanged
        or (about is About.MEDICATIONS and bool(_OF_TAKEN.search(text))),
    )


def _about(text: str, *, names_any: bool) -> About:
    if _HABIT.search(text):
        return About.ELSE
    if _REACTION.search(text):
        return About.REACTION
    if _ALLERGY.search(text) and not _ILLNESS.search(text):
        return About.ALLERGIES
    if _DOSE.search(text):
        return About.DOSE
    if _MEDICATION.search(_NO_DRUG.sub("", text)):
        return About.MEDICATIONS
    return About.MEDICATIONS if names_any and _OF_TAKEN.search(text) else About.ELSE


def asks_for_names(text: str) -> bool:
    """Return whether a clinician wants to know what something is called."""
    return _NAMES.search(text) is not None


def says_yes(text: str) -> bool:
    """Return whether a reply begins with a yes of any kind."""
    return _YES.match(text) is not None and not says_no(text)


def says_no(text: str) -> bool:
    """Return whether a reply begins with a no of any kind."""
    return _NO.match(text) is not None
