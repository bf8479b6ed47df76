"""
Forms as patients fill them in, by number, with what a summary of each should say.

The summary is made with the form, not from it: nobody has read it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from attrs import define, field, frozen

from clinicflow_core.entities.summary import (
    Digest,
    Facet,
    Source,
    Statement,
    SummaryItem,
    Topic,
)

DRUGS = (
    "Lisinopril",
    "Metformin",
    "Atorvastatin",
    "Zoloft",
    "Tylenol",
    "aspirin",
    "Levothyroxine",
    "Albuterol",
    "gabapentin",
    "Warfarin",
    "omeprazole",
    "Lasix",
)
ALLERGENS = ("Penicillin", "Sulfa", "Codeine", "Latex", "peanuts", "shellfish", "Cats")
REACTIONS = ("rash", "hives", "swelling", "throat swells", "nausea", "itching")
DOSES = (
    "5 mg",
    "10 mg",
    "81 mg",
    "500 mg",
    "2.5 mg",
    "25 mcg",
    "two tablets",
    "1 puff",
)
FREQUENCIES = ("once a day", "twice daily", "every 6 hours", "at night", "as needed")
CONCERNS = (
    "headaches",
    "lower back pain",
    "a sore throat",
    "dizziness when I stand up",
    "a cough that keeps me awake",
)
DURATIONS = ("", " for two weeks", " for 3 days", " since last month")
FEELINGS = ("fever", "nausea", "blurred vision", "joint pain", "night sweats")


@frozen
class Taken:
    """A medication that somebody takes, with where each part of it was said."""

    name: str
    dose: str
    frequency: str
    sources: tuple[Source, ...]

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.name, self.dose, self.frequency) if part)


@frozen
class Harm:
    """What does somebody harm, with where each part of it was said."""

    name: str
    reaction: str
    sources: tuple[Source, ...]

    @property
    def text(self) -> str:
        return f"{self.name} ({self.reaction})" if self.reaction else self.name


@define
class Form:
    """A form, and what it says."""

    statements: list[Statement] = field(factory=list)
    taken: list[Taken] = field(factory=list)
    harms: list[Harm] = field(factory=list)
    concerns: list[SummaryItem] = field(factory=list)
    denials: list[SummaryItem] = field(factory=list)
    notes: list[SummaryItem] = field(factory=list)

    @property
    def digest(self) -> Digest:
        """What a summary should say of it."""
        taken = [SummaryItem(text=t.text, sources=t.sources) for t in self.taken]
        harms = [SummaryItem(text=h.text, sources=h.sources) for h in self.harms]
        return Digest(
            summary=tuple(_sentences(self.concerns, taken, harms)),
            patient_concerns=tuple(self.concerns),
            medications=tuple(taken),
            allergies=tuple(harms),
            denials=tuple(self.denials),
            notes=tuple(self.notes),
        )


def form(number: int) -> Form:
    """Return the form of this number; it is always the same."""
    chance = random.Random(number)
    made = Form()
    _ask_reason(made, chance)
    drugs = chance.sample(DRUGS, len(DRUGS))
    _ask_medications(made, drugs[: chance.randrange(5)], chance)
    stopped = drugs[-1] if chance.random() < 0.5 else None
    _ask_allergies(made, chance.sample(ALLERGENS, chance.randrange(4)), chance)
    _ask_feelings(made, chance.sample(FEELINGS, 2), chance)
    if stopped:
        text = f"I stopped {stopped} last year."
        made.statements.append(
            Statement(answer="/more", question="Anything else?", text=text)
        )
        source = Source("/more", text.rstrip("."))
        made.notes.append(SummaryItem(text=f"Stopped {stopped}", sources=(source,)))
    return made


def _ask_reason(made: Form, chance: random.Random) -> None:
    concern = chance.choice(CONCERNS) + chance.choice(DURATIONS)
    text = chance.choice(("{}", "I have {}.", "I've been having {} and it worries me"))
    statement = Statement(
        answer="/reason",
        question="What brings you here?",
        text=text.format(concern),
        topic=Topic.REASON,
    )
    made.statements.append(statement)
    item = SummaryItem(text=concern, sources=(Source("/reason", concern),))
    made.concerns.append(item)


def _ask_medications(made: Form, drugs: Sequence[str], chance: random.Random) -> None:
    topic = Topic.MEDICATIONS
    question = "Which medications do you take?"
    if not drugs:
        text = chance.choice(("None", "I don't take any medications.", "no meds"))
        said = Statement(
            answer="/medications", question=question, text=text, topic=topic
        )
        made.statements.append(said)
        source = Source("/medications", text)
        made.denials.append(SummaryItem(text="Takes no medications", sources=(source,)))
        return
    in_entries = chance.random() < 0.5
    lines = []
    for place, name in enumerate(drugs):
        dose = chance.choice(("", *DOSES))
        frequency = chance.choice(("", *FREQUENCIES))
        parts = {Facet.NAME: name, Facet.DOSE: dose, Facet.FREQUENCY: frequency}
        sources = _entry(made, topic, place, parts) if in_entries else ()
        taken = Taken(name, dose, frequency, sources)
        if not in_entries:
            lines.append(taken.text)
            taken = Taken(name, dose, frequency, (Source("/medications", taken.text),))
        made.taken.append(taken)
    if lines:
        text = chance.choice((", ", "\n", "; ")).join(lines)
        said = Statement(
            answer="/medications", question=question, text=text, topic=topic
        )
        made.statements.append(said)


def _ask_allergies(made: Form, names: Sequence[str], chance: random.Random) -> None:
    topic = Topic.ALLERGIES
    question = "What are you allergic to?"
    if not names:
        text = chance.choice(
            ("None", "No known allergies", "no", "none that I know of")
        )
        said = Statement(answer="/allergies", question=question, text=text, topic=topic)
        made.statements.append(said)
        source = Source("/allergies", text)
        made.denials.append(SummaryItem(text="No known allergies", sources=(source,)))
        return
    in_entries = chance.random() < 0.5
    lines = []
    for place, name in enumerate(names):
        reaction = chance.choice(("", *REACTIONS))
        parts = {Facet.NAME: name, Facet.REACTION: reaction}
        sources = _entry(made, topic, place, parts) if in_entries else ()
        if not in_entries:
            line = f"{name} gives me {reaction}" if reaction == "hives" else name
            if reaction and reaction != "hives":
                line = f"{name} ({reaction})"
            lines.append(line)
            sources = (Source("/allergies", line),)
        made.harms.append(Harm(name, reaction, sources))
    if lines:
        text = chance.choice((", ", "\n", "; ")).join(lines)
        said = Statement(answer="/allergies", question=question, text=text, topic=topic)
        made.statements.append(said)


def _ask_feelings(made: Form, feelings: Sequence[str], chance: random.Random) -> None:
    for place, feeling in enumerate(feelings):
        answer = f"/feelings/{place}"
        text = chance.choice(("Yes", "No"))
        said = Statement(answer=answer, question=f"Do you have {feeling}?", text=text)
        made.statements.append(said)
        source = Source(answer, text)
        if text == "No":
            item = SummaryItem(text=f"Denies {feeling}", sources=(source,))
            made.denials.append(item)
        else:
            item = SummaryItem(text=f"Reports {feeling}", sources=(source,))
            made.notes.append(item)


def _entry(
    made: Form, topic: Topic, place: int, parts: dict[Facet, str]
) -> tuple[Source, ...]:
    entry = f"/{topic.value}/{place}"
    sources = []
    for facet, text in parts.items():
        if text:
            answer = f"{entry}/{facet.value}"
            said = Statement(
                answer=answer,
                question=facet.value.capitalize(),
                text=text,
                topic=topic,
                entry=entry,
                facet=facet,
            )
            made.statements.append(said)
            sources.append(Source(answer, text))
    return tuple(sources)


def _sentences(*lists: Sequence[SummaryItem]) -> Sequence[SummaryItem]:
    beginnings = ("Comes for", "Takes", "Allergic to")
    return [
        SummaryItem(
            text=f"{begins} {', '.join(item.text for item in items)}.",
            sources=tuple(source for item in items for source in item.sources),
        )
        for begins, items in zip(beginnings, lists, strict=True)
        if items
    ]
