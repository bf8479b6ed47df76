"""
How often the checker of summaries lets something wrong stand, or drops what is right.

    python -m tests.benchmarks.grounding [CSV] [--forms 1000]

Each item of a right digest is made wrong in one way (another drug, ten times the dose)
or written otherwise without saying anything else (in capitals, "b.i.d." for "twice
daily"), and the checker judges it alone. Wrong ones that stand are misses; right ones
that are dropped are false alarms.

The forms are generated together with what they say. A CSV has dialogues, as
MTS-Dialog has: there the extractive summarizer's items count as right, so that
its own mistakes show as false alarms.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attrs import define, evolve, field, frozen

from clinicflow_core.entities.summary import (
    Digest,
    Source,
    Statement,
    SummaryItem,
    Topic,
)
from clinicflow_core.intake.doses import quantities
from clinicflow_core.intake.drugs import find_drugs
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.grounding import ground
from tests.core.intake.forms import form

OTHER_DRUGS = ("Clozapine", "Xarelto", "methotrexate")
OTHER_FREQUENCIES = ("three times a day", "every other day", "once a week")
SHOWN = 5


@frozen
class Case:
    """
    An item of a right digest, with all that it came with.

    Attributes:
        name: Of its list.
    """

    statements: Sequence[Statement]
    digest: Digest
    name: str
    item: SummaryItem


Change = Callable[[Case, random.Random], Case | None]
"""Makes a case another one; None where there is nothing to change."""


@define
class Tally:
    """How the checker judged one kind of change."""

    tries: int = 0
    wrong: list[str] = field(factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("csv", nargs="?", type=Path)
    parser.add_argument("--forms", type=int, default=1_000)
    options = parser.parse_args()
    print(report(f"{options.forms:,} generated forms", generated(options.forms)))
    if options.csv:
        print(report(options.csv.name, dialogues(options.csv)))


def generated(many: int) -> Iterator[Case]:
    """Yield each item that the generated forms should give."""
    for number in range(many):
        made = form(number)
        yield from _cases(made.statements, made.digest)


def dialogues(path: Path) -> Iterator[Case]:
    """Yield each item that the extractive summarizer finds in dialogues."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            said = Statement(
                answer="/dialogue", question="dialogue", text=row["dialogue"]
            )
            yield from _cases([said], digest_of([said]))


def judged(cases: Iterable[Case]) -> tuple[dict[str, Tally], dict[str, Tally]]:
    """Return how often each kind of wrong item stands, and of right one is dropped."""
    misses: defaultdict[str, Tally] = defaultdict(Tally)
    alarms: defaultdict[str, Tally] = defaultdict(Tally)
    chance = random.Random(1)
    for case in cases:
        for changes, tallies, stands in ((WRONG, misses, True), (RIGHT, alarms, False)):
            for kind, change in changes.items():
                changed = change(case, chance)
                if changed is not None:
                    tallies[kind].tries += 1
                    if is_kept(changed) is stands:
                        tallies[kind].wrong.append(_shown(changed))
    return dict(misses), dict(alarms)


def is_kept(case: Case) -> bool:
    """Tell whether the checker lets the item stand."""
    digest = Digest(**{case.name: (case.item,)})
    return not ground(digest, case.statements, case.digest).dropped


def report(title: str, cases: Iterable[Case]) -> str:
    """Return the figures and some examples as a text."""
    misses, alarms = judged(cases)
    lines = [title]
    for heading, tallies in (("misses", misses), ("false alarms", alarms)):
        tries = sum(tally.tries for tally in tallies.values())
        wrong = sum(len(tally.wrong) for tally in tallies.values())
        lines.append(f"{heading:<40} {wrong:>6} of {tries:>6} {wrong / tries:>8.2%}")
        for kind, tally in tallies.items():
            share = len(tally.wrong) / tally.tries
            lines.append(
                f"  {kind:<38} {len(tally.wrong):>6} of {tally.tries:>6} {share:>8.2%}"
            )
            lines += [f"      {each}" for each in tally.wrong[:SHOWN]]
    return "\n".join(lines)


def _cases(statements: Sequence[Statement], digest: Digest) -> Iterator[Case]:
    for name, items in digest.lists():
        for item in items:
            yield Case(statements, digest, name, item)


def _shown(case: Case) -> str:
    words = " + ".join(source.words for source in case.item.sources)
    return f"{case.name}: {case.item.text!r} from {words!r}"[:160]


def _said(case: Case, text: str) -> Case | None:
    if text == case.item.text:
        return None
    return evolve(case, item=evolve(case.item, text=text))


def _everything(case: Case) -> str:
    return " ".join(each.text for each in case.statements).casefold()


def another_drug(case: Case, chance: random.Random) -> Case | None:
    drugs = find_drugs(case.item.text)
    others = [each for each in OTHER_DRUGS if each.casefold() not in _everything(case)]
    if not drugs or not others:
        return None
    text = case.item.text
    return _said(
        case, text[: drugs[0].start] + chance.choice(others) + text[drugs[0].end :]
    )


def a_drug_more(case: Case, chance: random.Random) -> Case | None:
    others = [each for each in OTHER_DRUGS if each.casefold() not in _everything(case)]
    if case.name == "denials" or not others:
        return None
    return _said(case, f"{case.item.text.rstrip('.')} and {chance.choice(others)}")


def ten_times_the_dose(case: Case, _: random.Random) -> Case | None:
    number = re.search(r"(?<![0-9.])[1-9][0-9]*(?!\.?[0-9])", case.item.text)
    if number is None:
        return None
    text = case.item.text
    return _said(case, f"{text[: number.end()]}0{text[number.end() :]}")


def another_unit(case: Case, _: random.Random) -> Case | None:
    swaps = {"mg": "mcg", "mcg": "mg", "tablets": "capsules", "puff": "drop"}
    unit = re.search(r"\b(?:mg|mcg|tablets|puff)\b", case.item.text)
    if unit is None:
        return None
    text = case.item.text
    return _said(case, text[: unit.start()] + swaps[unit[0]] + text[unit.end() :])


def another_frequency(case: Case, chance: random.Random) -> Case | None:
    text = case.item.text
    for amount in quantities(text):
        if amount.is_frequency:
            other = chance.choice(
                [
                    each
                    for each in OTHER_FREQUENCIES
                    if quantities(each)[0].amount != amount.amount
                ]
            )
            return _said(case, text[: amount.start] + other + text[amount.end :])
    return None


def a_frequency_more(case: Case, chance: random.Random) -> Case | None:
    if case.name != "medications":
        return None
    said = {
        amount.amount for each in case.statements for amount in quantities(each.text)
    }
    other = chance.choice(OTHER_FREQUENCIES)
    if quantities(other)[0].amount in said:
        return None
    return _said(case, f"{case.item.text} {other}")


def anothers_dose(case: Case, _: random.Random) -> Case | None:
    """Give a medication the dose of another one, with both sources."""
    mine = {amount.amount for amount in quantities(case.item.text)}
    if case.name != "medications" or not find_drugs(case.item.text):
        return None
    name = find_drugs(case.item.text)[0].name
    for other in case.digest.medications:
        for amount in quantities(other.text):
            if amount.amount not in mine and amount.unit in {"mg", "mcg", "tablet"}:
                dose = other.text[amount.start : amount.end]
                sources = (*case.item.sources, *other.sources)
                item = SummaryItem(text=f"{name} {dose}", sources=sources)
                return evolve(case, item=item)
    return None


def an_invented_reaction(case: Case, _: random.Random) -> Case | None:
    if case.name != "allergies" or "anaphyl" in _everything(case):
        return None
    return _said(case, f"{case.item.text.partition(' (')[0]} (anaphylaxis)")


def anothers_reaction(case: Case, _: random.Random) -> Case | None:
    name, _, mine = case.item.text.partition(" (")
    if case.name != "allergies":
        return None
    for other in case.digest.allergies:
        reaction = other.text.partition(" (")[2]
        if reaction and reaction != mine and other.text.partition(" (")[0] != name:
            sources = (*case.item.sources, *other.sources)
            item = SummaryItem(text=f"{name} ({reaction}", sources=sources)
            return evolve(case, item=item)
    return None


def denied(case: Case, _: random.Random) -> Case | None:
    """Deny what the patient said."""
    if case.name not in {"patient_concerns", "medications", "allergies", "red_flags"}:
        return None
    item = evolve(case.item, text=f"Denies {case.item.text}")
    return evolve(case, name="denials", item=item)


def asserted(case: Case, _: random.Random) -> Case | None:
    """Assert what the patient denied."""
    text = re.sub(r"^(?:Denies|No|Not) ", "", case.item.text)
    if case.name != "denials" or text == case.item.text or "known" in text:
        return None
    return evolve(
        case, name="red_flags", item=evolve(case.item, text=text.capitalize())
    )


def all_denied(case: Case, _: random.Random) -> Case | None:
    """Say that there are no allergies where there are."""
    if case.name != "allergies":
        return None
    item = evolve(case.item, text="No known allergies")
    return evolve(case, name="denials", item=item)


def in_the_other_list(case: Case, _: random.Random) -> Case | None:
    """Take a medication for an allergy, or an allergy for a medication."""
    others = {"medications": "allergies", "allergies": "medications"}
    both = {item.text for item in case.digest.medications} & {
        item.text for item in case.digest.allergies
    }
    if case.name not in others or case.item.text in both:
        return None
    return evolve(case, name=others[case.name])


def taken_again(case: Case, _: random.Random) -> Case | None:
    """Take a drug that was stopped."""
    if case.name != "notes" or not case.item.text.startswith("Stopped "):
        return None
    item = evolve(case.item, text=case.item.text.removeprefix("Stopped "))
    return evolve(case, name="medications", item=item)


def from_another_answer(case: Case, _: random.Random) -> Case | None:
    """Cite an answer that does not have the words."""
    first, *rest = case.item.sources
    for said in case.statements:
        if first.words.casefold() not in said.text.casefold():
            sources = (Source(said.answer, first.words), *rest)
            return evolve(case, item=evolve(case.item, sources=sources))
    return None


def with_words_changed(case: Case, _: random.Random) -> Case | None:
    first, *rest = case.item.sources
    sources = (Source(first.answer, f"{first.words} indeed"), *rest)
    return evolve(case, item=evolve(case.item, sources=sources))


def from_elsewhere(case: Case, _: random.Random) -> Case | None:
    """Cite words that stand where it says, and do not say it."""
    mine = {source.answer for source in case.item.sources}
    for said in case.statements:
        if said.answer not in mine and said.topic is Topic.REASON:
            source = Source(said.answer, said.text)
            return evolve(case, item=evolve(case.item, sources=(source,)))
    return None


def in_capitals(case: Case, _: random.Random) -> Case | None:
    return _said(case, case.item.text.upper())


def with_more_space(case: Case, _: random.Random) -> Case | None:
    sources = tuple(
        Source(each.answer, f" {each.words.replace(' ', '  ')} ")
        for each in case.item.sources
    )
    return evolve(case, item=evolve(case.item, sources=sources))


def quoted_in_capitals(case: Case, _: random.Random) -> Case | None:
    sources = tuple(Source(s.answer, s.words.upper()) for s in case.item.sources)
    return evolve(case, item=evolve(case.item, sources=sources))


def with_the_whole_answer(case: Case, _: random.Random) -> Case | None:
    by_answer = {each.answer: each.text for each in case.statements}
    sources = tuple(Source(s.answer, by_answer[s.answer]) for s in case.item.sources)
    return evolve(case, item=evolve(case.item, sources=sources))


def with_sources_reversed(case: Case, _: random.Random) -> Case | None:
    if len(case.item.sources) < 2:
        return None
    return evolve(case, item=evolve(case.item, sources=case.item.sources[::-1]))


def reported(case: Case, _: random.Random) -> Case | None:
    """Say it in a whole sentence."""
    verbs = {
        "patient_concerns": "Patient reports",
        "medications": "Takes",
        "allergies": "Allergic to",
    }
    if case.name not in verbs:
        return None
    return _said(case, f"{verbs[case.name]} {case.item.text}.")


def with_a_reaction_after_a_dash(case: Case, _: random.Random) -> Case | None:
    if case.name != "allergies":
        return None
    return _said(case, case.item.text.replace(" (", " - ").replace(")", ""))


def dose_written_otherwise(case: Case, _: random.Random) -> Case | None:
    words = {"10 mg": "ten milligrams", "5 mg": "5mg", "two tablets": "2 tabs"}
    text = case.item.text
    for said, other in words.items():
        text = re.sub(rf"(?<![0-9.]){said}", other, text)
    return _said(case, text)


def frequency_written_otherwise(case: Case, _: random.Random) -> Case | None:
    words = {
        "once a day": "daily",
        "twice daily": "b.i.d.",
        "every 6 hours": "q6h",
        "as needed": "prn",
        "at night": "at bedtime",
    }
    text = case.item.text
    for said, other in words.items():
        text = text.replace(said, other)
    return _said(case, text)


def as_it_is(case: Case, _: random.Random) -> Case | None:
    return case


WRONG: dict[str, Change] = {
    "another drug": another_drug,
    "a drug more": a_drug_more,
    "ten times the number": ten_times_the_dose,
    "another unit": another_unit,
    "another frequency": another_frequency,
    "a frequency nobody said": a_frequency_more,
    "another drug's dose": anothers_dose,
    "a reaction nobody said": an_invented_reaction,
    "another allergy's reaction": anothers_reaction,
    "denied though said": denied,
    "said though denied": asserted,
    "no allergies though some": all_denied,
    "medication for allergy or back": in_the_other_list,
    "taken though stopped": taken_again,
    "an answer without the words": from_another_answer,
    "words that are not there": with_words_changed,
    "words that say something else": from_elsewhere,
}
RIGHT: dict[str, Change] = {
    "as it is": as_it_is,
    "in capitals": in_capitals,
    "quoted with more space": with_more_space,
    "quoted in capitals": quoted_in_capitals,
    "the whole answer quoted": with_the_whole_answer,
    "sources the other way round": with_sources_reversed,
    "a whole sentence": reported,
    "a reaction after a dash": with_a_reaction_after_a_dash,
    "the dose written otherwise": dose_written_otherwise,
    "the frequency written otherwise": frequency_written_otherwise,
}


if __name__ == "__main__":
    main()
