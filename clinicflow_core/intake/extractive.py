"""
The extractive summarizer: what a form says, in its own words.

It needs no network and no chance, so the same form always gives the same digest. All
that it says is cut from the answers: names are neither expanded nor corrected, and each
item shows where it stands. Its cost grows with the text, not faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.summary import (
    Digest,
    Facet,
    Source,
    Statement,
    SummaryItem,
    Topic,
)
from clinicflow_core.intake.claims import claims
from clinicflow_core.intake.concerns import concerns, is_complaint
from clinicflow_core.intake.conversation import (
    MOST_DETAILS,
    Finding,
    Kind,
    asked_in,
    findings,
    key_of,
)
from clinicflow_core.intake.drugs import find_drugs
from clinicflow_core.intake.flags import harms_unborn, pregnancies, red_flags
from clinicflow_core.intake.lists import Part, listed
from clinicflow_core.intake.questions import says_no, says_yes
from clinicflow_core.intake.turns import is_dialogue

MODEL_VERSION = "extractive-1"

MOST_NAMED = 8
"""How many things a sentence of the summary names; the lists have the rest."""

LONGEST_REPLY = 3
"""In words, of a mere yes or no."""

ENOUGH_SOURCES = 3
"""Of one item; what only says it again is not shown."""

NO_MEDICATIONS = "Takes no medications"
NO_ALLERGIES = "No known allergies"
NO_DRUG_ALLERGIES = "No known drug allergies"
NO_FOOD_ALLERGIES = "No food allergies"


@frozen
class Extractive:
    """A summarizer that only quotes."""

    model_version: str = field(default=MODEL_VERSION, init=False)
    stays_here: bool = field(default=True, init=False)

    def summarize(
        self,
        statements: Sequence[Statement],
        patient: Patient,  # noqa: ARG002 - The port gives it; nothing of it is needed.
    ) -> Digest:
        """Return what the statements say; it never fails."""
        return digest_of(statements)


def digest_of(statements: Sequence[Statement]) -> Digest:
    """
    Return what the doctor needs to know of *statements*.

    Each entry of a list gives one item, in the order of the statements; then comes what
    is named in free text, each drug once.
    """
    draft = _Draft()
    for entry in _entries(statements):
        draft.add_entry(entry)
    for statement in statements:
        if statement.entry is None:
            draft.add(statement)
    return draft.digest()


def _entries(statements: Sequence[Statement]) -> Iterable[Sequence[Statement]]:
    entries: dict[str, list[Statement]] = {}
    for statement in statements:
        if statement.entry is not None and statement.text.strip():
            entries.setdefault(statement.entry, []).append(statement)
    return entries.values()


class _Draft:
    """A digest while it is read together."""

    def __init__(self) -> None:
        self._concerns: list[SummaryItem] = []
        self._medications: list[SummaryItem] = []
        self._allergies: list[SummaryItem] = []
        self._denied: dict[Topic, list[SummaryItem]] = {
            Topic.MEDICATIONS: [],
            Topic.ALLERGIES: [],
        }
        self._denials: list[SummaryItem] = []
        self._flags: list[SummaryItem] = []
        self._notes: list[SummaryItem] = []
        self._pregnancies: list[SummaryItem] = []
        self._findings: list[Finding] = []

    def add_entry(self, entry: Sequence[Statement]) -> None:
        """Add an entry of a list, composed of its answers."""
        by_facet: dict[Facet, str] = {}
        for statement in entry:
            facet = statement.facet or Facet.NAME
            text = statement.text.strip()
            by_facet[facet] = f"{by_facet[facet]} {text}" if facet in by_facet else text
        sources = tuple(Source(each.answer, each.text.strip()) for each in entry)
        of_allergies = entry[0].topic is Topic.ALLERGIES
        name = by_facet.get(Facet.NAME, "")
        parts = listed(name, of_allergies=of_allergies)
        if parts and all(each.part is Part.NOTHING for each in parts):
            topic = Topic.ALLERGIES if of_allergies else Topic.MEDICATIONS
            self._deny(topic, sources[:1], name)
            return
        item = SummaryItem(text=_composed(by_facet), sources=sources)
        (self._allergies if of_allergies else self._medications).append(item)

    def add(self, statement: Statement) -> None:
        """Add what a statement says that is no part of an entry."""
        if not statement.text.strip():
            return
        self._flags += red_flags(statement)
        self._pregnancies += pregnancies(statement)
        self._concerns += concerns(statement)
        if statement.topic in self._denied and not is_dialogue(statement.text):
            self._add_list(statement, statement.topic)
        else:
            self._listen(statement)

    def digest(self) -> Digest:
        self._settle()
        for topic, items in (
            (Topic.MEDICATIONS, self._medications),
            (Topic.ALLERGIES, self._allergies),
        ):
            denied = _still_denied(self._denied[topic], items)
            if denied is not None:
                self._denials.append(denied)
        digest = Digest(
            patient_concerns=_once(filter(self._is_concern, self._concerns)),
            medications=tuple(self._medications),
            allergies=tuple(self._allergies),
            denials=_once(self._denials),
            red_flags=_once((*self._flags, *self._harmful())),
            notes=_once((*self._pregnancies, *self._notes)),
        )
        return evolve(digest, summary=tuple(_sentences(digest)))

    def _is_concern(self, item: SummaryItem) -> bool:
        """Whether it is more than what a patient takes, or took, or cannot take."""
        if is_complaint(item.text):
            return True
        told = {source for each in self._findings for source in each.sources}
        return not told.intersection(item.sources)

    def _add_list(self, statement: Statement, topic: Topic) -> None:
        of_allergies = topic is Topic.ALLERGIES
        if _agrees_or_not(statement, of_allergies=of_allergies):
            self._listen(statement)
            return
        for part in listed(statement.text, of_allergies=of_allergies):
            sources = tuple(Source(statement.answer, words) for words in part.words)
            item = SummaryItem(text=part.text, sources=sources)
            if part.part is Part.NOTHING:
                self._deny(topic, sources, statement.question)
            elif part.part is Part.DENIED:
                self._denials.append(item)
            elif part.part in {Part.STOPPED, Part.REMARK}:
                self._notes.append(item)
            elif part.part is Part.ALLERGY or of_allergies:
                self._allergies.append(item)
            else:
                self._medications.append(item)

    def _listen(self, statement: Statement) -> None:
        asked = "" if is_dialogue(statement.text) else statement.question
        self._findings += findings(statement.answer, statement.text, asked)

    def _deny(self, topic: Topic, sources: tuple[Source, ...], asked: str) -> None:
        text = NO_MEDICATIONS
        if topic is Topic.ALLERGIES:
            text = _allergy_denial(" ".join((asked, *(s.words for s in sources))))
        self._denied[topic].append(SummaryItem(text=text, sources=sources))

    def _settle(self) -> None:
        """Add what free text names, each drug once, as it was said last."""
        taken: dict[str, Finding] = {}
        allergies: dict[str, Finding] = {}
        over: dict[str, Finding] = {}
        known = _keys(self._medications), _keys(self._allergies)
        for each in self._findings:
            if each.kind is Kind.NO_MEDICATIONS:
                self._deny(Topic.MEDICATIONS, each.sources, "")
            elif each.kind is Kind.NO_ALLERGIES:
                self._deny(Topic.ALLERGIES, each.sources, "")
            elif each.kind is Kind.ALLERGY:
                _merge(allergies, each)
            elif each.kind is Kind.TAKEN:
                _merge(taken, each)
                over.pop(each.key, None)
            else:
                _merge(over, each)
                if each.kind is Kind.STOPPED:
                    taken.pop(each.key, None)
        self._medications += (
            _medication(each) for key, each in taken.items() if key not in known[0]
        )
        self._allergies += (
            _allergy(each) for key, each in allergies.items() if key not in known[1]
        )
        self._notes += (_note(each) for key, each in over.items() if key not in taken)

    def _harmful(self) -> Iterator[SummaryItem]:
        if not self._pregnancies:
            return
        expecting = self._pregnancies[0]
        for item in self._medications:
            for drug in find_drugs(item.text):
                if harms_unborn(drug.generic or drug.name):
                    yield SummaryItem(
                        text=f"Pregnant and takes {drug.name}",
                        sources=(*expecting.sources, *item.sources),
                    )


def _agrees_or_not(statement: Statement, *, of_allergies: bool) -> bool:
    """Whether it is the yes or no to a name: "Do you take blood thinners?"."""
    text = statement.text
    is_short = len(text.split()) <= LONGEST_REPLY
    if not is_short or not (says_yes(text) or says_no(text)):
        return False
    return bool(claims(asked_in(statement.question), allergens=of_allergies))


def _composed(by_facet: Mapping[Facet, str]) -> str:
    order = (Facet.NAME, Facet.DOSE, Facet.FREQUENCY)
    text = " ".join(by_facet[facet] for facet in order if facet in by_facet)
    asides = [by_facet[f] for f in (Facet.REACTION, Facet.NOTE) if f in by_facet]
    return f"{text} ({', '.join(asides)})".strip() if asides else text


def _keys(items: Iterable[SummaryItem]) -> frozenset[str]:
    return frozenset(key_of(drug) for item in items for drug in find_drugs(item.text))


def _merge(by_key: dict[str, Finding], new: Finding) -> None:
    known = by_key.get(new.key)
    if known is None:
        by_key[new.key] = new
        return
    details = known.details
    if len(details) < MOST_DETAILS:
        details = tuple(dict.fromkeys((*details, *new.details)))
    sources = known.sources
    if len(details) > len(known.details) or len(sources) < ENOUGH_SOURCES:
        sources = tuple(dict.fromkeys((*sources, *new.sources)))
    by_key[new.key] = evolve(known, details=details, sources=sources)


def _medication(found: Finding) -> SummaryItem:
    text = " ".join((found.name, *found.details))
    return SummaryItem(text=text, sources=tuple(dict.fromkeys(found.sources)))


def _allergy(found: Finding) -> SummaryItem:
    reactions = ", ".join(each for each in found.details if each)
    text = f"{found.name} ({reactions})" if reactions else found.name
    return SummaryItem(text=text, sources=tuple(dict.fromkeys(found.sources)))


def _note(found: Finding) -> SummaryItem:
    verb = "Stopped" if found.kind is Kind.STOPPED else "Took"
    return SummaryItem(text=f"{verb} {found.name}", sources=found.sources)


def _allergy_denial(said: str) -> str:
    said = said.lower()
    of_drugs = any(word in said for word in ("drug", "medic", "meds", "nkda"))
    of_food = "food" in said
    if of_drugs == of_food:
        return NO_ALLERGIES
    return NO_DRUG_ALLERGIES if of_drugs else NO_FOOD_ALLERGIES


def _still_denied(
    denials: Sequence[SummaryItem], items: Sequence[SummaryItem]
) -> SummaryItem | None:
    """
    Return the broadest denial that *items* leave standing.

    Who is allergic to cats may have no drug allergies all the same.
    """
    order = [NO_ALLERGIES, NO_MEDICATIONS, NO_DRUG_ALLERGIES, NO_FOOD_ALLERGIES]
    if items:
        names_drug = any(find_drugs(item.text) for item in items)
        order = [] if names_drug else [NO_DRUG_ALLERGIES]
    standing = [denial for denial in denials if denial.text in order]
    return min(standing, key=lambda denial: order.index(denial.text), default=None)


def _once(items: Iterable[SummaryItem]) -> tuple[SummaryItem, ...]:
    """Return each text once, with its first sources, in the order they came."""
    by_text: dict[str, SummaryItem] = {}
    for item in items:
        known = by_text.get(item.text)
        sources = (*known.sources, *item.sources) if known else item.sources
        if known is None or len(known.sources) < ENOUGH_SOURCES:
            by_text[item.text] = evolve(item, sources=tuple(dict.fromkeys(sources)))
    return tuple(by_text.values())


def _sentences(digest: Digest) -> Iterator[SummaryItem]:
    denials = {item.text: item for item in digest.denials}
    if digest.patient_concerns:
        yield _sentence("Comes for", digest.patient_concerns)
    if digest.medications:
        yield _sentence("Takes", digest.medications)
    elif NO_MEDICATIONS in denials:
        yield evolve(denials[NO_MEDICATIONS], text=f"{NO_MEDICATIONS}.")
    if digest.allergies:
        yield _sentence("Allergic to", digest.allergies)
    else:
        for text in (NO_ALLERGIES, NO_DRUG_ALLERGIES, NO_FOOD_ALLERGIES):
            if text in denials:
                yield evolve(denials[text], text=f"{text}.")


def _sentence(begins: str, items: Sequence[SummaryItem]) -> SummaryItem:
    named = items[:MOST_NAMED]
    text = f"{begins} {'; '.join(item.text for item in named)}"
    sources = dict.fromkeys(source for item in named for source in item.sources)
    more = ", among others" if len(items) > len(named) else ""
    end = "" if not more and text.endswith("?") else "."
    return SummaryItem(text=f"{text}{more}{end}", sources=tuple(sources))
