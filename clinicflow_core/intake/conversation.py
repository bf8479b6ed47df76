"""
Conversations: what a patient takes and is allergic to, from free talk.

A text is read once, sentence by sentence. What a patient says counts by its own words,
or as the reply to what was asked; what a clinician names counts once the patient
agrees, at once if it is prescribed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from attrs import evolve, field, frozen

from clinicflow_core.entities.summary import Source
from clinicflow_core.intake.allergens import unlisted_allergens
from clinicflow_core.intake.claims import Claim, Named, claims, unlisted_answer
from clinicflow_core.intake.details import dose_of, doses_in, reactions_in
from clinicflow_core.intake.doses import quantities
from clinicflow_core.intake.drugs import Mention, is_kind_of_drug
from clinicflow_core.intake.phrases import any_of, compiled, phrases
from clinicflow_core.intake.questions import (
    About,
    Question,
    asks_for_names,
    question_in,
    says_no,
    says_yes,
)
from clinicflow_core.intake.turns import (
    LONGEST_SENTENCE,
    Sentence,
    Speaker,
    sentences,
)

MOST_DETAILS = 12
"""Of one name; who says more of it says it again."""


class Kind(Enum):
    """What is found in a conversation."""

    TAKEN = "taken"
    TOOK = "took"
    STOPPED = "stopped"
    ALLERGY = "allergy"
    NO_MEDICATIONS = "no medications"
    NO_ALLERGIES = "no allergies"


@frozen(kw_only=True)
class Finding:
    """
    Something that a conversation says.

    Attributes:
        name: The drug or allergen, as it is written; empty for a denial.
        key: The same for all names of one drug.
        details: Dose and frequency, or the reactions, in the order they are told.
        sources: What says so; a clinician's words come with the patient's reply.
    """

    kind: Kind
    name: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    details: tuple[str, ...] = field(default=(), repr=False)
    sources: tuple[Source, ...] = ()


@frozen
class _Proposal:
    """
    What a clinician names, until the patient says whether it is so.

    Attributes:
        is_firm: Whether it stands unless the patient denies it.
        is_kind: Whether it is a kind of drug, which the patient may name.
    """

    finding: Finding
    is_firm: bool
    is_kind: bool


_ALLERGIES = frozenset({About.ALLERGIES, About.REACTION})
_MEDICATIONS = frozenset({About.MEDICATIONS, About.DOSE})
_DENIALS = {
    About.MEDICATIONS: Kind.NO_MEDICATIONS,
    About.ALLERGIES: Kind.NO_ALLERGIES,
}

_PRESCRIBING = compiled(
    r"\b"
    + any_of(
        r"""
        prescri(be|bed|bing|ptions?)\b|scripts? for\b|refill(ing)? your\b|recommend\b
        (start|put|keep|continue|place|have) (you|him|her|them) (back )?on\b
        (going to|gonna|will|'ll) (also )?(give|start|put|add|switch|order|continue)\b
        (going to|gonna|will|'ll) (also )?(refill|send|write|have)\b
        (want|need|would like|'d like) to (also )?(give|start|put|add|switch|order)\b
        (want|need|would like|'d like) to (also )?(continue|refill|send|write|have)\b
        (want|would like|'d like) (you|him|her) to (take|use|try|start|continue)\b
        (want|like|'d|going) to (also )?(try|treat)\b|let's (try|start|add|do|go with)\b
        (am|'m|are|'re) (also )?(giving|starting|putting|adding|sending|ordering)\b
        (will|'ll|going to) (treat|try|call in|get you)\b|you can (also )?have\b
        (you|he|she) (should|can|will|need to|must|may) (\w+ )?(take|use|try|start)\b
        (it|that|this)( is|'s) called\b
        """
    )
    + rf"|^\W*(?:please )?{any_of('take|use|continue|start')} "
)
_TREATS = phrases(
    """
    (i|we)('ll| will|'m going to| have| had)? (also )?(use|used|inject|injected)
    (i|we)('ll| will|'m going to| have| had)? (also )?(apply|applied|gave|administered)
    """
)
_CARRIES_ON = compiled(
    rf"\b{any_of('how about|what about|mean|meant|talking about|is it|was it')}\b"
    r"|\bi (?:can |only |just )*+(?:see|have)\b|\blisted\b"
    r"|^\W*(?:and|or|also)\b|^\W*(?:\w+\W+){0,4}$"
)
_BESIDES = phrases("besides|other than|apart from|aside from")
_WHAT = phrases("what|which")
_NO_MORE = phrases(
    """
    any ?more|stopped|quit|used to|ran out|discontinued|no longer|(i|he|she) (did|was)
    """
)
_ONCE = phrases("last (month|year)|(months|years) ago")
_ASKS = compiled(
    rf"\W*(?:{any_of('and|so|okay|alright|also|now|then')}\W+)*+"
    + any_of(
        """
        (how|what) about|any|no|do|does|are|is|have|has|you|current|known
        medic|meds|allerg
        """
    )
)
_ALLERGIC_TO_IT = compiled(
    r"\b(?:i|he|she)(?:['\u2019]m| am|['\u2019]s| is) (?:\w+ly )?allergic"
    r"(?: to (?:it|that|them|those|both))?(?=\W*$|[,;])"
)
_ON_RECORD = compiled(
    r"\b(?:i|we) (?:have|see|show)\b|\b(?:list|chart|record|file|notes?|bottle)\b"
)
_KIND_OF_ALLERGEN = phrases("metals?|animals?|pets?|insects?|bugs?|foods?|creams?")
_CORRECTS = compiled(r"\W*(?:no|actually|it['\u2019]s|it is)\b")
_OF_ALL = phrases("all|both|each|them|these|those")
# Carried for an allergy, and so named where allergies are asked for.
_RESCUES = frozenset({"epinephrine"})
_SORTS = any_of("drug|food|medication|medicine|other|or|and|environmental")
_SAID_NONE = {
    Kind.NO_ALLERGIES: compiled(
        rf"\bno (?:known )?(?:{_SORTS} )*+allergies\b(?! (?:besides|other|except))"
        rf"|(?:\bnot|n['\u2019]t) (?:have |got )?(?:any )?(?:known )?(?:{_SORTS} )*+"
        r"allergies\b|\bnot allergic to (?:any(?:thing)?|nothing)\b|\bnkda\b"
        r"|\ballergic to nothing\b"
    ),
    Kind.NO_MEDICATIONS: compiled(
        r"(?:\bnot|n['\u2019]t) (?:\w+ )?(?:take|taking|on|use|using) any (?:\w+ )?"
        r"(?:medications?|medicines?|meds|drugs|pills|prescriptions?)\b(?! for )"
        r"|\b(?:take|taking|on) no (?:\w+ )?(?:medications?|medicines?|meds)\b"
        r"|\bno (?:current|regular|daily) (?:medications?|medicines?|meds)\b"
    ),
}


def findings(answer: str, text: str, asked: str = "") -> tuple[Finding, ...]:
    """
    Return what *text* says of drugs and allergies, in its order.

    Args:
        answer: The pointer of the answer that it is, for the sources.
        asked: The question that it replies to, if it is no dialogue.
    """
    listener = _Listener(answer)
    if asked:
        question = f"{asked_in(asked).rstrip(' ?:.')}?"
        listener.hear(Sentence(Speaker.CLINICIAN, question, -1, opens=True))
    for sentence in sentences(text):
        listener.hear(sentence)
    return listener.found


def asked_in(question: str) -> str:
    """
    Return what a form asks, without the hints behind it.

    "Do you take any medicines? Think of creams and vitamins." names none.
    """
    return question[:LONGEST_SENTENCE].partition("?")[0]


def key_of(mention: Mention) -> str:
    """Return what all names of one drug or allergen share."""
    return (mention.generic or mention.name).lower().removesuffix("s")


class _Listener:
    """
    Somebody who follows a conversation.

    What was asked last is remembered until something else is asked, and what a
    clinician named until the patient agrees or denies.
    """

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self._found: list[Finding] = []
        self._proposals: list[_Proposal] = []
        self._question = Question(About.ELSE)
        self._asked: tuple[Source, ...] = ()
        self._asks_what = False
        self._wants_names = False
        self._is_open = False
        self._has_agreed = False
        self._refused: set[About] = set()
        self._mentioned: tuple[Finding, ...] = ()

    @property
    def found(self) -> tuple[Finding, ...]:
        return (*self._found, *self._firm())

    def _firm(self) -> Iterator[Finding]:
        return (each.finding for each in self._proposals if each.is_firm)

    def hear(self, sentence: Sentence) -> None:
        if sentence.speaker is Speaker.CLINICIAN:
            self._hear_clinician(sentence)
        else:
            self._hear_patient(sentence)

    def _hear_clinician(self, sentence: Sentence) -> None:
        before = self._question.about
        named = claims(sentence.text, allergens=before in _ALLERGIES)
        self._wants_names = before is not About.ELSE and asks_for_names(sentence.text)
        asked = question_in(sentence.text, names_any=bool(named))
        meant = asked and self._meant(sentence, asked, names_any=bool(named))
        if meant is not None:
            if meant.about is About.ELSE:
                self._found += self._firm()
                self._proposals = []
            self._question = meant
            self._asked = self._source(sentence)
            self._asks_what = bool(_WHAT.search(sentence.text))
            self._is_open = True
        about = (meant or asked or self._question).about
        mentions = [each.mention for each in named]
        if named or meant is not None:
            self._mentioned = tuple(
                self._finding(Kind.ALLERGY, sentence, mention, mentions)
                for mention in mentions
            )
        for each in named:
            kind = _proposed_kind(sentence, each, about)
            if kind is not None:
                finding = self._finding(kind, sentence, each.mention, mentions)
                self._propose(finding, sentence, each)

    def _meant(
        self, sentence: Sentence, question: Question, *, names_any: bool
    ) -> Question | None:
        """Return the question as it is meant here; None if the last still stands."""
        before = self._question.about
        is_short = len(sentence.text.split()) <= 4
        if (question.about, before) == (
            About.MEDICATIONS,
            About.ALLERGIES,
        ) and is_short:
            # "Any medication?" goes on about allergies.
            return evolve(question, about=before, is_general=False)
        if question.about is not About.ELSE:
            is_asked = sentence.is_question or _ASKS.match(sentence.text)
            return question if is_asked else evolve(question, is_general=False)
        if names_any and _CARRIES_ON.search(sentence.text):
            return evolve(question, about=before)
        if self._wants_names or (self._is_open and not sentence.is_question):
            return None
        return question

    def _propose(self, finding: Finding, sentence: Sentence, named: Named) -> None:
        is_kind = _is_kind(named.mention.name)
        question = self._question
        if _prescribes(sentence):
            if not is_kind:
                self._found.append(finding)
        elif named.claim is Claim.ASIDE or question.is_given:
            self._found.append(finding)
        else:
            is_firm = question.presupposes or (
                not sentence.is_question
                and (
                    named.claim is not Claim.NOTHING or question.about is not About.ELSE
                )
            )
            is_claimed = named.claim in {Claim.TAKEN, Claim.ALLERGIC}
            if is_kind and (is_firm or not is_claimed):
                return
            if finding.kind is Kind.TAKEN:
                self._question = evolve(question, about=About.MEDICATIONS)
            self._proposals.append(_Proposal(finding, is_firm, is_kind))

    def _hear_patient(self, sentence: Sentence) -> None:
        about = self._question.about
        named = claims(
            sentence.text,
            allergens=about in _ALLERGIES,
            by_family=sentence.speaker is Speaker.FAMILY,
        )
        if sentence.opens or self._is_open:
            self._reply(sentence, named)
        new = [*self._said(sentence, named), *self._denied(sentence)]
        if not named and _ALLERGIC_TO_IT.search(sentence.text):
            new += self._mentioned_by(sentence)
        is_its_name = self._has_agreed and any(each.directly for each in named)
        if new and (self._wants_names or is_its_name):
            self._forget_kind()
        self._has_agreed = bool(self._found) and says_yes(sentence.text) and not new
        self._found += new
        if not new and not sentence.is_question:
            self._go_on(sentence)

    def _reply(self, sentence: Sentence, named: Sequence[Named]) -> None:
        yes, no = says_yes(sentence.text), says_no(sentence.text)
        if sentence.is_question and not yes and not no:
            self._is_it(sentence, named)
            return
        if self._proposals:
            self._settle(sentence, named, agrees=yes, denies=no)
        question = self._question
        is_refused = no and not any(each.claim is Claim.ALLERGIC for each in named)
        is_general = question.is_general or question.about in self._refused
        if is_refused and self._is_open:
            self._refused.add(question.about)
        denial = _DENIALS.get(question.about) if is_general else None
        if denial and self._is_open and (is_refused or (yes and question.is_negative)):
            sources = (*self._asked, *self._source(sentence))
            self._found.append(Finding(kind=denial, sources=sources))
        if yes or no:
            self._is_open = False

    def _is_it(self, sentence: Sentence, named: Sequence[Named]) -> None:
        """Propose what a patient asks back: "Your diabetes pill?" "Micronase?"."""
        mentions = [each.mention for each in named]
        if any(each.is_kind for each in self._proposals) and named:
            self._proposals = [
                _Proposal(
                    self._finding(Kind.TAKEN, sentence, mention, mentions),
                    is_firm=False,
                    is_kind=False,
                )
                for mention in mentions
            ]

    def _settle(
        self,
        sentence: Sentence,
        named: Sequence[Named],
        *,
        agrees: bool,
        denies: bool,
    ) -> None:
        """Keep of what was proposed what the patient's reply leaves standing."""
        over = Kind.STOPPED if _NO_MORE.search(sentence.text) else None
        over = over or (Kind.TOOK if _ONCE.search(sentence.text) else None)
        says_which = any(each.claim is not Claim.NOT_SO for each in named)
        goes_into_it = bool(named) or bool(quantities(sentence.text))
        not_own = {key_of(n.mention) for n in named if n.claim is Claim.ASIDE}
        chosen = {key_of(n.mention) for n in named} - not_own
        corrects = bool(chosen) and _CORRECTS.match(sentence.text) is not None
        picks = not agrees and any(p.finding.key in chosen for p in self._proposals)
        for each in self._proposals:
            key = each.finding.key
            is_dropped = corrects or (picks and not each.is_firm)
            if key in not_own or (is_dropped and key not in chosen):
                continue
            # Who is asked for insulin and names NovoLog has said which.
            if any((n.mention.generic or "").startswith(f"{key} ") for n in named):
                continue
            sources = (*each.finding.sources, *self._source(sentence))
            finding = evolve(each.finding, sources=sources)
            if each.is_kind and says_which:
                continue
            if over and finding.kind is Kind.TAKEN:
                self._found.append(evolve(finding, kind=over))
            elif not denies and (agrees or goes_into_it or each.is_firm):
                self._found.append(finding)
        self._proposals = []

    def _mentioned_by(self, sentence: Sentence) -> Iterator[Finding]:
        """Yield what "it" is in "I'm allergic to it"."""
        sources = self._source(sentence)
        for each in self._mentioned:
            yield evolve(each, sources=(*each.sources, *sources))

    def _said(self, sentence: Sentence, named: Sequence[Named]) -> Iterator[Finding]:
        mentions = [each.mention for each in named]
        for each in named:
            kind = self._kind_of(sentence, each)
            if kind is not None:
                yield self._finding(kind, sentence, each.mention, mentions)
        if sentence.is_question:
            return
        for other in unlisted_allergens(sentence.text):
            if not any(m.start < other.end and other.start < m.end for m in mentions):
                yield self._finding(Kind.ALLERGY, sentence, other, [other])
        if self._asks_what and sentence.opens and not named:
            answer = unlisted_answer(sentence.text)
            if answer is not None and self._question.about is About.ALLERGIES:
                yield self._finding(Kind.ALLERGY, sentence, answer, [answer])
            elif answer is not None and self._question.about is About.MEDICATIONS:
                yield self._finding(Kind.TAKEN, sentence, answer, [answer])

    def _kind_of(self, sentence: Sentence, named: Named) -> Kind | None:
        about = self._question.about
        if named.claim in {Claim.NOT_SO, Claim.ASIDE} or sentence.is_question:
            return None
        if named.claim in _SAID:
            return _SAID[named.claim]
        if named.claim is Claim.TOOK:
            if about in _ALLERGIES:
                return None
            is_reply = about is About.MEDICATIONS and not says_no(sentence.text)
            return Kind.TAKEN if is_reply else Kind.TOOK
        rest = sentence.text[named.mention.end :]
        stands_alone = named.directly and len(rest.split()) <= 2
        if is_kind_of_drug(named.mention.name) and not stands_alone:
            return None
        if named.mention.generic in _RESCUES:
            return Kind.TAKEN
        if about is About.ALLERGIES:
            return Kind.ALLERGY
        is_told = named.directly or about in _MEDICATIONS or _is_dosed(sentence, named)
        return Kind.TAKEN if is_told and about is not About.REACTION else None

    def _denied(self, sentence: Sentence) -> Iterator[Finding]:
        """Yield what the patient denies without being asked."""
        for kind, said in _SAID_NONE.items():
            if said.search(sentence.text):
                yield Finding(kind=kind, sources=self._source(sentence))

    def _forget_kind(self) -> None:
        """Drop "pain pills" where the next thing said is which ones they are."""
        self._wants_names = False
        if self._found and is_kind_of_drug(self._found[-1].name):
            self._found.pop()

    def _go_on(self, sentence: Sentence) -> None:
        """Add a dose or a reaction that is told of what was named last."""
        if not self._found or len(self._found[-1].details) >= MOST_DETAILS:
            return
        if _OF_ALL.search(sentence.text):
            self._go_on_of_all(sentence)
            return
        last = self._found[-1]
        told: tuple[str, ...] = ()
        if last.kind is Kind.TAKEN and self._question.about is not About.ELSE:
            told = doses_in(sentence.text)
        elif last.kind is Kind.ALLERGY and self._question.about in _ALLERGIES:
            told = () if says_no(sentence.text) else reactions_in(sentence.text)
        new = tuple(each for each in told if each not in last.details)
        if new:
            sources = (*last.sources, *self._source(sentence))
            details = (*last.details, *new)
            self._found[-1] = evolve(last, details=details, sources=sources)

    def _go_on_of_all(self, sentence: Sentence) -> None:
        """Add how often all are taken that were named in one sentence."""
        told = doses_in(sentence.text)
        first = len(self._found)
        source = self._found[-1].sources
        while first and self._found[first - 1].sources == source:
            first -= 1
        for place, each in enumerate(self._found[first:], first):
            if told and each.kind is Kind.TAKEN:
                self._found[place] = evolve(
                    each,
                    details=tuple(dict.fromkeys((*each.details, *told)))[:MOST_DETAILS],
                    sources=(*each.sources, *self._source(sentence)),
                )

    def _finding(
        self,
        kind: Kind,
        sentence: Sentence,
        mention: Mention,
        mentions: Sequence[Mention],
    ) -> Finding:
        text = sentence.text
        details: tuple[str, ...] = ()
        if kind is Kind.TAKEN:
            details = dose_of(text, mention, mentions)
        elif kind is Kind.ALLERGY:
            details = reactions_in(text)
        return Finding(
            kind=kind,
            name=mention.name,
            key=key_of(mention),
            details=tuple(dict.fromkeys(details)),
            sources=self._source(sentence),
        )

    def _source(self, sentence: Sentence) -> tuple[Source, ...]:
        """Return the sentence as a source; a form's question stands in no answer."""
        if sentence.start < 0:
            return ()
        return (Source(self._answer, sentence.text),)


_SAID = {
    Claim.ALLERGIC: Kind.ALLERGY,
    Claim.STOPPED: Kind.STOPPED,
    Claim.TAKEN: Kind.TAKEN,
    Claim.TOOK_ONCE: Kind.TOOK,
}


def _prescribes(sentence: Sentence) -> bool:
    return not sentence.is_question and bool(_PRESCRIBING.search(sentence.text))


def _is_kind(name: str) -> bool:
    return is_kind_of_drug(name) or _KIND_OF_ALLERGEN.fullmatch(name) is not None


def _is_dosed(sentence: Sentence, named: Named) -> bool:
    """Whether a dose follows the name at once: "Lisinopril twenty"."""
    end = named.mention.end
    return any(0 <= q.start - end <= 2 for q in quantities(sentence.text[: end + 40]))


def _proposed_kind(sentence: Sentence, named: Named, about: About) -> Kind | None:
    """Return what a clinician makes of a name, if it is so."""
    claim = named.claim
    if claim is Claim.ASIDE:
        if not _BESIDES.search(sentence.text):
            return None
        return Kind.ALLERGY if about in _ALLERGIES else Kind.TAKEN
    if claim is Claim.NOT_SO:
        return None
    if claim is Claim.STOPPED:
        return Kind.STOPPED
    if claim is Claim.ALLERGIC or about in _ALLERGIES:
        return Kind.ALLERGY
    if _prescribes(sentence):
        return Kind.TAKEN
    if claim in {Claim.TOOK, Claim.TOOK_ONCE}:
        return Kind.TOOK if sentence.is_question else None
    if _TREATS.search(sentence.text):
        return None
    if claim is Claim.NOTHING and about is About.ELSE and not sentence.is_question:
        return Kind.TAKEN if _ON_RECORD.search(sentence.text) else None
    return Kind.TAKEN
