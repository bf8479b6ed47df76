"""Summarizers that say what a test wants them to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field

from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.summary import (
    Digest,
    FailureReason,
    Source,
    Statement,
    SummaryItem,
)
from clinicflow_core.errors import SummaryFailedError


@define
class Scripted:
    """
    Says what *says* makes of the statements, or fails for a reason.

    Attributes:
        asked: The statements of each time it was asked.
    """

    says: Callable[[Sequence[Statement]], Digest] | FailureReason
    stays_here: bool = False
    model_version: str = "scripted-1"
    asked: list[Sequence[Statement]] = field(factory=list)

    def summarize(
        self,
        statements: Sequence[Statement],
        patient: Patient,  # noqa: ARG002  As the port has it.
    ) -> Digest:
        self.asked.append(statements)
        if isinstance(self.says, FailureReason):
            raise SummaryFailedError(self.says.value)
        return self.says(statements)


def item(text: str, answer: str, words: str | None = None) -> SummaryItem:
    """Return an item that rests on *words* of one answer, by default on its own."""
    return SummaryItem(text=text, sources=(Source(answer, words or text),))
