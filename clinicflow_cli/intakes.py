"""What a patient said before a visit, and what was made of it, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from clinicflow_cli.terminals import legible
from clinicflow_core.desk.intake import ListedForm
from clinicflow_core.entities.intake import IntakeForm
from clinicflow_core.entities.summary import (
    Source,
    Statement,
    Summary,
    SummaryItem,
    SummaryStatus,
)
from clinicflow_core.intake.scores import Score
from clinicflow_core.timespan import wall_clock

_HEADINGS = {
    "summary": "Summary",
    "red_flags": "Look at once",
    "patient_concerns": "Concerns",
    "medications": "Medications",
    "allergies": "Allergies",
    "denials": "Said not to be so",
    "notes": "Notes",
}
"""The lists of a digest, in the order in which a doctor reads them."""


def state_of(form: IntakeForm | ListedForm) -> str:
    """Return where a form stands, in a word."""
    return "revoked" if form.revoked_at else form.status.value


def told_answers(statements: Sequence[Statement]) -> Iterator[str]:
    """
    Yield each question with its answers below it; an entry of a list is one line.

    There, what is asked for is told only where the answer may not show it.
    """
    for (entry, question), parts in groupby(statements, key=_belongs_to):
        if entry is None:
            yield f"  {legible(question)}"
            yield from (f"    {legible(part.text)}" for part in parts)
        else:
            yield f"  - {', '.join(map(_told_part, parts))}"


def told_scores(scores: Iterable[Score]) -> Iterator[str]:
    """Yield each score with what it means."""
    for score in scores:
        band = f", {score.band}" if score.band else ""
        yield f"  {score.title}: {score.total} of {score.maximum}{band}"


def told_summary(
    summary: Summary, statements: Sequence[Statement], zone: ZoneInfo
) -> Iterator[str]:
    """
    Yield the lines of a summary: first of all whether it counts.

    Args:
        statements: What it was made of; its sources are told by their questions.
    """
    yield _signature(summary, zone)
    if summary.status is SummaryStatus.GENERATING:
        yield "It is not made yet: 'clinicflow serve' or 'clinicflow worker' makes it."
        return
    made = f"{wall_clock(summary.generated_at, zone):%Y-%m-%d %H:%M}"
    edited = ", edited since" if summary.machine is not None else ""
    yield f"Made by {summary.model_version}, {made}{edited}."
    if failure := summary.failure:
        yield (
            f"It stands in for one by {failure.model_version}, "
            f"which failed: {failure.reason.value}."
        )
    questions = {each.answer: each.question for each in statements}
    lists = dict(summary.digest.lists())
    for name, heading in _HEADINGS.items():
        if lists[name]:
            yield f"{heading}:"
        for item in lists[name]:
            yield from _told_item(item, questions)
    if summary.dropped:
        yield "Left out, as the patient did not say so:"
    for dropped in summary.dropped:
        heading = _HEADINGS.get(dropped.item, dropped.item).lower()
        yield f"  {legible(dropped.text)} ({heading}: {dropped.reason.value})"


def _told_part(part: Statement) -> str:
    asked = "" if part.facet else f"{legible(part.question)}: "
    return f"{asked}{legible(part.text)}"


def _belongs_to(statement: Statement) -> tuple[str | None, str]:
    """Return what is the same for those that are told together."""
    entry = statement.entry
    return entry, statement.question if entry is None else ""


def _signature(summary: Summary, zone: ZoneInfo) -> str:
    if summary.signed_at is None:
        return "DRAFT, not signed"
    by = f" by account {summary.signed_by_id}" if summary.signed_by_id else ""
    return f"Signed {wall_clock(summary.signed_at, zone):%Y-%m-%d %H:%M}{by}"


def _told_item(item: SummaryItem, questions: Mapping[str, str]) -> Iterator[str]:
    added = " (added: it was answered, and left out)" if item.added else ""
    yield f"  {legible(item.text)}{added}"
    yield from (f"    {_told_source(source, questions)}" for source in item.sources)
    if not item.sources:
        yield "    no source: a doctor wrote it"


def _told_source(source: Source, questions: Mapping[str, str]) -> str:
    question = questions.get(source.answer, source.answer)
    return f'"{legible(source.words)}" ({legible(question)})'
