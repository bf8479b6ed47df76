"""Concerns: what a patient comes for, in the patient's words."""

from __future__ import annotations

from collections.abc import Iterator

from clinicflow_core.entities.summary import Source, Statement, SummaryItem, Topic
from clinicflow_core.intake.claims import KIN
from clinicflow_core.intake.negation import is_negated
from clinicflow_core.intake.phrases import any_of, compiled, phrases
from clinicflow_core.intake.questions import says_no
from clinicflow_core.intake.turns import Speaker, is_dialogue, sentences

MOST_FROM_TALK = 3
"""What is said first counts; a long talk names more than anybody comes for."""

LONGEST = 160
"""In characters; the rest stands in the answer."""

_COMPLAINT = phrases(
    r"""
    \w*pains?|painful|\w*aches?|aching|hurts?|hurting|sore\w*|cramps?|stiff\w*|spasms?
    cough\w*|wheez\w*|congest\w*|runny nose|sneez\w*|short(ness)? of breath|breath\w*
    fevers?|chills|rash(es)?|hives|itch\w*|swell\w*|swollen|lumps?|acne|discharge
    dizz\w*|light-?headed\w*|nause\w*|vomit\w*|throwing up|diarrhea|constipat\w*
    bloat\w*|heartburn|reflux|bleed\w*|blood|numb\w*|weak\w*|tingl\w*|burn\w*|blur\w*|seizures?
    tired\w*|fatigue\w*|exhaust\w*|sleep\w*|insomnia|anxi\w*|depress\w*|panic|stress\w*
    worr(y|ied)|memory|confus\w*|palpitat\w*|pressure|weight|discomfort|migraines?
    trouble|problems?|infections?|uti|u t i|flu|cold|allergies|asthma
    injur\w*|fell|broke|sprain\w*|bite|wound|cut|refills?|check-?ups?|physical|follow-?up
    """
)
_HAS = any_of(
    """
    having|had|have|has|got|getting|experiencing|experienced|feeling|feel|felt|noticing
    suffering (from|with)|noticed|developed|started having|dealing with|struggling with
    """
)
_IS = any_of(
    """
    here (today )?(for|because of|about|with)|coming in (for|because of|with)|having
    experiencing|feeling|suffering (from|with)|getting
    """
)
_SOMEBODY_IS = any_of("i'?m|i am|we're|he's|she's|he is|she is")
_AGAIN = any_of("bad|lot of|i have|i'm having|i've been having")
_LEAD = compiled(
    rf"\b(?:(?:i|we|he|she)(?:['\u2019]ve| have|['\u2019]s| has)? "
    rf"(?:{any_of('just|also|recently|really|still|only|been|always')} )*+{_HAS}"
    rf"|{_SOMEBODY_IS} "
    rf"(?:{any_of('just|also|still|really')} )*+{_IS}"
    r"|(?:came|come|coming) (?:in |here )?(?:today )?(?:for|because of|about|with)"
    r"|(?:want|need|like) to (?:talk|ask) about|(?:concerned|worried) about"
    r"|complain(?:ing|s)? of)"
    rf"(?: {any_of('like|that|some|a|an|the|my|his|her|this|these|really|very|pretty')}"
    rf"| {_AGAIN})*+ "
)
_PART_HURTS = phrases(
    r"""
    (my|his|her) (\w+ ){0,3}(hurts?|aches?|started (hurting|aching))
    (my|his|her) (\w+ ){0,3}(has|have) been (hurting|aching|bothering)
    (my|his|her) (\w+ ){0,3}is (killing|hurting|sore|swollen|bleeding|numb)
    """
)
_OPENING = phrases(
    """
    brings? you|bring (him|her)|(can|may) i (do|help)|help you|how can|going on
    what('s| is| seems?| has)|how are you|how have you been|reason for|chief
    bothering|wrong|concerns?|tell me|happened|symptoms
    """
)
_OVER = compiled(
    r"[.;?!]|,? (?:but|and (?:i|it|my|he|she|the)|so i|because|since i|which)\b"
)
_LOOSE_END = compiled(r"(?:[ ,]+(?:and|or|but|so|too|also))+$")
_GREETINGS = any_of(
    """
    hi|hello|hey|well|um|uh|yes|yeah|so|okay|oh|good morning|good afternoon|doctor|doc
    thanks?( you)?
    """
)
_GREETING = compiled(rf"^(?:{_GREETINGS}\b\W*+)++")
_OF_KIN = compiled(rf"\b{KIN}\b")


def concerns(statement: Statement) -> Iterator[SummaryItem]:
    """
    Yield what a patient comes for, as it stands in a statement.

    All of an answer to what brings the patient counts; in other talk, complaints do.
    """
    if is_dialogue(statement.text):
        yield from _from_talk(statement)
    elif statement.topic in {Topic.REASON, Topic.CONCERNS}:
        yield from _from_answer(statement)


def is_complaint(text: str) -> bool:
    """Return whether *text* tells of something that ails the patient."""
    return bool(_COMPLAINT.search(text))


def _from_answer(statement: Statement) -> Iterator[SummaryItem]:
    for sentence in sentences(statement.text):
        text = _GREETING.sub("", sentence.text)
        if says_no(text) and not _COMPLAINT.search(text):
            continue
        lead = _LEAD.match(text)
        said = text[lead.end() :] if lead else text
        words = said.rstrip(" .!?;,")
        # Without its mark a question would say that it is so.
        mark = "?" if words and "?" in said[len(words) :] else ""
        yield from _item(statement, sentence.text, words + mark)


def _from_talk(statement: Statement) -> Iterator[SummaryItem]:
    found = 0
    is_asked = True
    for sentence in sentences(statement.text):
        if found == MOST_FROM_TALK:
            return
        text = sentence.text
        if sentence.speaker is Speaker.CLINICIAN:
            if sentence.is_question:
                is_asked = bool(_OPENING.search(text))
        elif is_asked and not sentence.is_question and (span := _complaint(text)):
            found += 1
            yield from _item(statement, text, text[span[0] : span[1]])


def _complaint(text: str) -> tuple[int, int] | None:
    lead = _LEAD.search(text)
    if lead is not None:
        start = lead.end()
    elif part := _PART_HURTS.search(text):
        start = part.start()
    else:
        return None
    over = _OVER.search(text, start + 1)
    end = over.start() if over else len(text)
    complaint = _COMPLAINT.search(text, start, end)
    if complaint is None or is_negated(text, complaint.start(), complaint.end()):
        return None
    return None if _OF_KIN.search(text, 0, start) else (start, end)


def _item(statement: Statement, words: str, said: str) -> Iterator[SummaryItem]:
    text = said if len(said) <= LONGEST else said[:LONGEST].rpartition(" ")[0]
    text = _LOOSE_END.sub("", text.strip())
    if text:
        yield SummaryItem(text=text, sources=(Source(statement.answer, words),))
