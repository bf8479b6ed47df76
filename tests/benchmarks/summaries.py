"""
What the extractive summarizer finds in dialogues, beside what a doctor wrote of them.

    python -m tests.benchmarks.summaries FILE [--only REMAINDERS] [--quiet]

FILE is a CSV with the columns ID, section_header, section_text and dialogue, as in
MTS-Dialog. The dialogue alone goes in, as one free answer; the header only says which
list to look at. Where nobody is named who speaks, it is an answer of a form: what was
asked stands in its first line. Each drug and each allergen of the reference is compared
by itself.

The reference is prose. What it names is read from it here by other means than the
summarizer's: cut at commas and "and", without doses, forms and purposes. A name counts
as found if both have the same generic, or share a word of four letters or more. In the
training set's lists a person finds the same names, but for a few that stand in prose.

"None known" is right if the reference says so and names nothing, and the digest denies
it and names nothing.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

from attrs import define, frozen

from clinicflow_core.entities.summary import Digest, Statement, SummaryItem
from clinicflow_core.intake.drugs import find_drugs
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.intake.turns import is_dialogue

PARTS = 5
"""By the remainder of its ID each row belongs to one, for what is only measured."""

TIMES = 10
LIMIT = 12
"""How much longer a text of so many times the length may take."""

DOSES = re.compile(
    r"\(.*?\)|(?<![\w-])[0-9][0-9.,/-]*\s*(?:mg|mcg|g|ml|units?|%|tablets?|puffs?)?\b%?"
    r"|#[0-9]+|\b(?:p\.?o|b\.?i\.?d|t\.?i\.?d|q\.?i\.?d|q\.?[0-9a-z]{1,3}|h\.?s"
    r"|p\.?r\.?n)\b\.?|\b(?:low[- ]dose|over[- ]the[- ]counter|as needed)\b",
    re.IGNORECASE,
)
LEADS = re.compile(
    r"^.*?\b(?:allergic to|allerg(?:y|ies) to|reactions? to|sensitiv\w+ to|takes?"
    r"|taking|maintained on|on|using|uses|finished|medications were|listed as"
    r"|exception of)\b|^(?:to|allergies|medications?)\b\s*:?",
    re.IGNORECASE,
)
ENDS = re.compile(
    r"\b(?:but|which|that|because|since|as|with|has|have|had|who|where|causes?|causing"
    r"|gives?|makes?|made|instead|to|does|dose|usage|started|takes|neither|why|every"
    r"|daily|once|twice|in|at)\b.*",
    re.IGNORECASE,
)
ASIDE = re.compile(
    r"\b(?:better than|not sure|reviewed|cannot|(?:not|was not) taking|tak(?:es|ing) no"
    r"|denies|no)\b",
    re.IGNORECASE,
)
PURPOSE = re.compile(r"\bfor\b[^,;]*", re.IGNORECASE)
PRONOUN = re.compile(
    r"\W*(?:she|he|they|patient|i|his|her|there|it|this|the)\b", re.IGNORECASE
)
FILLERS = """
a an the some perhaps possibly her his their home nasal oral inhaler cream ointment tab
tablet tablets tabs capsule capsules patch spray solution drops drug drugs other
currently multiple medications medication medicines meds regular current only also
several various none two different these regularly significant occasional recently pain
it is known
"""
NONE_KNOWN = re.compile(
    r"^\W*none\b|\bno\b|\bdenies\b|\bnot (?:on|taking) any\b", re.IGNORECASE
)
DENIED = {"MEDICATIONS": ("Takes no",), "ALLERGY": ("No known", "No food")}
LISTS: dict[str, Callable[[Digest], Sequence[SummaryItem]]] = {
    "MEDICATIONS": lambda digest: digest.medications,
    "ALLERGY": lambda digest: digest.allergies,
}


@frozen
class Row:
    """A dialogue, and what a doctor wrote of it."""

    id: str
    header: str
    reference: str
    dialogue: str


@define
class Score:
    """How often something was there, was found, and was found rightly."""

    wanted: int = 0
    found: int = 0
    right: int = 0

    @property
    def recall(self) -> float:
        return self.right / self.wanted if self.wanted else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.3f} ({self.right} of {self.wanted}), "
            f"precision {self.precision:.3f} ({self.right} of {self.found})"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default="01234", help="remainders of the ID by 5")
    parser.add_argument("--quiet", action="store_true", help="figures, but no rows")
    options = parser.parse_args(arguments)
    every = rows(options.file)
    if not every:
        sys.exit(f"There is no row in {options.file}.")
    some = [row for row in every if str(_number(row.id) % PARTS) in options.only]
    for header in LISTS:
        print_section(header, some, quiet=options.quiet)
    print_times(every)


def rows(path: Path) -> list[Row]:
    """Return the rows of a file, in its order."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [
            Row(
                each["ID"],
                each["section_header"].strip().upper(),
                each["section_text"],
                each["dialogue"].replace("\r\n", "\n"),
            )
            for each in csv.DictReader(lines)
        ]


def digest_of_row(row: Row) -> Digest:
    if is_dialogue(row.dialogue):
        talk = Statement(answer="/dialogue", question="dialogue", text=row.dialogue)
        return digest_of([talk])
    asked, _, text = row.dialogue.partition("\n")
    return digest_of(statements_of(None, {asked: text}))


def wanted_in(reference: str) -> list[str]:
    """Return what a reference names, in lower case."""
    sentences = re.split(r"\.\s+(?=[A-Z0-9])|\n", reference)
    names = (name for sentence in sentences for name in _names(sentence))
    return list(dict.fromkeys(names))


def says_none(reference: str) -> bool:
    """Return whether a reference says that there is none, and names none."""
    return NONE_KNOWN.search(reference) is not None and not wanted_in(reference)


def _names(sentence: str) -> Iterator[str]:
    sentence = re.sub(r"\band takes no\b.*|\band denies\b.*", "", sentence)
    lead = LEADS.match(sentence)
    if ASIDE.search(sentence) or (PRONOUN.match(sentence) and not lead):
        return
    rest = PURPOSE.sub("", sentence[lead.end() :] if lead else sentence)
    for part in re.split(r"[,;:]|\band\b|\bor\b|\bplus\b", rest):
        bare = ENDS.sub("", DOSES.sub(" ", part))
        words = re.findall(r"[a-z][a-z0-9'-]*|[a-z]?[0-9]+", bare.lower())
        words = [word for word in words if word not in FILLERS.split()]
        if words and len(words) <= 4 and len("".join(words)) > 1:
            yield " ".join(words)


def same(one: str, other: str) -> bool:
    """Return whether two names mean the same drug or allergen."""
    one, other = one.lower(), other.lower()
    if one == other or _generics(one) & _generics(other):
        return True
    long = re.compile(r"[a-z]{4,}")
    ignored = {"drug", "drugs", "inhaler", "dose", "shot", "shots", "times", "every"}
    words = {word.removesuffix("s") for word in long.findall(one)} - ignored
    return bool(words & {word.removesuffix("s") for word in long.findall(other)})


def _generics(name: str) -> set[str]:
    return {each.generic for each in find_drugs(name) if each.generic}


def print_section(header: str, every: Sequence[Row], *, quiet: bool) -> None:
    names, none = Score(), Score()
    chosen = [row for row in every if row.header == header]
    for row in chosen:
        digest = digest_of_row(row)
        found = [item.text for item in LISTS[header](digest)]
        wanted = wanted_in(row.reference)
        missed = [each for each in wanted if not any(same(each, f) for f in found)]
        false = [each for each in found if not any(same(each, w) for w in wanted)]
        names.wanted += len(wanted)
        names.found += len(found)
        names.right += min(len(wanted) - len(missed), len(found) - len(false))
        is_none = says_none(row.reference)
        denies = not found and any(
            item.text.startswith(DENIED[header]) for item in digest.denials
        )
        none.wanted += is_none
        none.found += denies
        none.right += is_none and denies
        if not quiet and (missed or false or is_none != denies):
            print(f"  {header} {row.id}: {row.reference!r}")
            print(f"    missed {missed}, false {false}", end="")
            print(
                f", none known: {is_none}, said: {denies}" if is_none != denies else ""
            )
    print(f"{header}: {len(chosen)} dialogues")
    print(f"  names       {names}")
    print(f"  none known  {none}")


def print_times(every: Sequence[Row]) -> None:
    text = "\n".join(row.dialogue for row in every)[:20_000]
    one = _best_ms(text)
    many = _best_ms(f"{text}\n" * TIMES)
    ratio = many / one
    kept = "is" if ratio <= LIMIT else "IS NOT"
    print(f"{len(text)} characters: {one:.1f} ms; {TIMES} times as many: {many:.1f} ms")
    print(f"  {ratio:.1f} times as long, which {kept} within {LIMIT}")
    form = sorted(every, key=lambda row: len(row.dialogue))[len(every) // 2]
    size = len(form.dialogue)
    print(f"one form of {size} characters: {_best_ms(form.dialogue):.2f} ms")


def _best_ms(text: str) -> float:
    row = Row("", "", "", text)
    best = float("inf")
    for _ in range(5):
        begin = process_time()
        digest_of_row(row)
        best = min(best, 1000 * (process_time() - begin))
    return best


def _number(text: str) -> int:
    digits = re.sub(r"[^0-9]", "", text)
    return int(digits or 0)


if __name__ == "__main__":
    main()
