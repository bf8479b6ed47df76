"""
What a summary costs: beside storing the form it is of, and as the text grows.

    python -m tests.benchmarks.intake [--database-url URL] [--forms 200]

Sends and submits forms by the acts of the desk, into an SQLite file and, given its URL,
into a migrated PostgreSQL. In between, in the same run, each form is summarized by the
extractive summarizer and checked. Of each the median counts.

Then a text of about 1,000 characters is summarized and checked, and texts ten and a
hundred times as long, with other names and numbers each time; of each the fastest of
some tries counts, in the processor's time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import Factory, define, frozen

from clinicflow_core.desk import intake, questionnaires
from clinicflow_core.desk.intake import SendForm, SubmitForm
from clinicflow_core.entities.summary import Statement
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.grounding import ground
from clinicflow_core.intake.standard import standard_definition
from clinicflow_core.intake.statements import statements_of
from clinicflow_core.sql.migration import upgrade
from clinicflow_core.sql.store import open_store
from tests.builders import OpenClinic, open_clinic
from tests.core.intake.forms import ALLERGENS, DRUGS, REACTIONS

WARM_UP = 3
TIMES = (1, 10, 100)
PARAGRAPHS = 5
TRIES = 5

ANSWERS: Mapping[str, object] = {
    "reason": "Headaches for two weeks, worse in the morning. No chest pain.",
    "takes-medications": True,
    "medications": [
        {
            "medication-name": "Lisinopril",
            "medication-dose": "10 mg",
            "medication-frequency": "once a day",
        },
        {
            "medication-name": "Metformin",
            "medication-dose": "500 mg",
            "medication-frequency": "twice a day",
        },
    ],
    "has-allergies": True,
    "allergies": [{"allergy-name": "Penicillin", "allergy-reaction": "a rash"}],
    "anything-else": "I stopped simvastatin in May.",
    "consent": "agree",
}


@define
class Costs:
    """What forms cost, in seconds each."""

    stored: list[float] = Factory(list)
    summarized: list[float] = Factory(list)
    checked: list[float] = Factory(list)

    @property
    def share(self) -> float:
        """What summarizing and checking costs, as a share of storing."""
        made = statistics.median(self.summarized) + statistics.median(self.checked)
        return made / statistics.median(self.stored)


@frozen
class Growth:
    """What a text costs that is told several times, in seconds."""

    characters: int
    summarized: float
    checked: float

    @property
    def total(self) -> float:
        return self.summarized + self.checked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--database-url", help="a PostgreSQL, migrated")
    parser.add_argument("--forms", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": migrated(Path(folder))}
        if options.database_url:
            urls["PostgreSQL"] = options.database_url
        costs = {
            name: beside_storing(open_clinic(open_store(url)), options.forms)
            for name, url in urls.items()
        }
    print(report(costs, growth()))


def migrated(folder: Path) -> str:
    """Return the URL of a new SQLite file in *folder*."""
    url = f"sqlite:///{folder / 'intake.db'}"
    upgrade(url)
    return url


def beside_storing(clinic: OpenClinic, forms: int) -> Costs:
    """Store *forms* forms, and summarize and check each as soon as it is stored."""
    with clinic.uow as uow:
        asked = questionnaires.standard(uow).id
        uow.commit()
    to_send = SendForm(patient_id=clinic.patient.id, questionnaire_id=asked)
    to_submit = SubmitForm(raw_answers=ANSWERS)

    def store() -> None:
        sent = intake.send(to_send, clinic.uow)
        intake.submit(sent.id, to_submit, clinic.uow)

    costs = Costs()
    for number in range(WARM_UP + forms):
        stored = seconds(store)
        summarized, checked = summary(statements_of(standard_definition(), ANSWERS))
        if number >= WARM_UP:
            costs.stored.append(stored)
            costs.summarized.append(summarized)
            costs.checked.append(checked)
    return costs


def growth(times: Sequence[int] = TIMES) -> list[Growth]:
    """Return what a text costs that is told so many times."""
    texts = ["".join(paragraphs(each)) for each in times]
    fastest = [(float("inf"), float("inf"))] * len(texts)
    for _ in range(TRIES):
        for place, text in enumerate(texts):
            statements = statements_of(None, {"story": text})
            took = zip(
                fastest[place], summary(statements, time.process_time), strict=True
            )
            fastest[place] = min(next(took)), min(next(took))
    return [Growth(len(t), *costs) for t, costs in zip(texts, fastest, strict=True)]


def paragraphs(times: int) -> Iterator[str]:
    """Yield what a patient tells, each time of other things."""
    for number in range(times * PARAGRAPHS):
        drug = DRUGS[number % len(DRUGS)]
        other = DRUGS[(number + 1) % len(DRUGS)]
        yield (
            f"For {number + 2} days I have had a headache, and it is worse at night. "
            f"I take {drug} {5 + number} mg twice a day and stopped {other} in May. "
            f"I am allergic to {ALLERGENS[number % len(ALLERGENS)]}, which gives me "
            f"{REACTIONS[number % len(REACTIONS)]}. I have no chest pain.\n\n"
        )


def summary(
    statements: Sequence[Statement], clock: Callable[[], float] = time.perf_counter
) -> tuple[float, float]:
    """Return how long it takes to summarize statements, and to check the summary."""
    digest = digest_of(statements)
    return (
        seconds(lambda: digest_of(statements), clock),
        seconds(lambda: ground(digest, statements, digest), clock),
    )


def seconds(
    work: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    started = clock()
    work()
    return clock() - started


def report(costs: Mapping[str, Costs], grown: Sequence[Growth]) -> str:
    """Return the figures as two tables, in milliseconds."""
    heads = ("stored", "summarized", "checked", "share")
    lines = [f"{'ms a form':>12} " + " ".join(f"{head:>10}" for head in heads)]
    for name, each in costs.items():
        medians = (each.stored, each.summarized, each.checked)
        figures = " ".join(f"{statistics.median(m) * 1e3:>10.2f}" for m in medians)
        lines.append(f"{name:>12} {figures} {each.share:>10.0%}")
    heads = ("summarized", "checked", "both", "x")
    lines.append(f"{'characters':>12} " + " ".join(f"{head:>10}" for head in heads))
    before = None
    for growth_ in grown:
        parts = (growth_.summarized, growth_.checked, growth_.total)
        figures = " ".join(f"{part * 1e3:>10.2f}" for part in parts)
        times = f"{growth_.total / before.total:>10.1f}" if before else ""
        lines.append(f"{growth_.characters:>12,} {figures} {times}".rstrip())
        before = growth_
    return "\n".join(lines)


if __name__ == "__main__":
    main()
