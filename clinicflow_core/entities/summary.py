"""Summaries: what a doctor needs to know of an intake form, with its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from attrs import evolve, field, fields, frozen

from clinicflow_core.entities.ids import (
    AppointmentId,
    FormId,
    PatientId,
    SummaryId,
    UserId,
)
from clinicflow_core.errors import InvalidTransitionError


class Topic(Enum):
    """What a question asks about, as far as a summary cares."""

    REASON = "reason"
    CONCERNS = "concerns"
    MEDICATIONS = "medications"
    ALLERGIES = "allergies"
    HISTORY = "history"
    PREGNANCY = "pregnancy"
    SAFETY = "safety"


class Facet(Enum):
    """What part of an entry of a list an answer is."""

    NAME = "name"
    DOSE = "dose"
    FREQUENCY = "frequency"
    REACTION = "reaction"
    NOTE = "note"


@frozen(kw_only=True)
class Statement:
    """
    One answer of a patient, as text, with what was asked.

    Attributes:
        answer: Where it stands in the form's answers, as a JSON pointer:
            "/medications/0/name".
        question: What was asked, in the words the patient saw; for a form without
            a questionnaire the key of the answer.
        text: What the patient said, word for word; "Yes" or "No" for a yes/no
            question, the words of the option for a choice.
        topic: None if the question is about nothing in particular.
        entry: The pointer of the entry of a list that it is part of; those of one
            entry belong together. None if it stands alone.
        facet: Which part of the entry it is.
    """

    answer: str
    question: str
    text: str = field(repr=False)
    topic: Topic | None = None
    entry: str | None = None
    facet: Facet | None = None


@frozen
class Source:
    """
    Where something stands in what the patient said.

    Attributes:
        answer: The pointer of the answer; see `Statement`.
        words: The words of the patient in it, exactly.
    """

    answer: str
    words: str = field(repr=False)


@frozen(kw_only=True)
class SummaryItem:
    """
    One thing that a summary says.

    Attributes:
        sources: Where the patient said so; empty only for what a doctor wrote.
        added: Whether it was left out by the summarizer, and stands here word for
            word because the patient answered it.
    """

    text: str = field(repr=False)
    sources: tuple[Source, ...] = ()
    added: bool = False


@frozen(kw_only=True)
class Digest:
    """
    What a summarizer makes of a form.

    Attributes:
        summary: Two or three sentences for the doctor.
        patient_concerns: What the patient comes for: "Headache".
        medications: What the patient takes now, with dose and frequency:
            "Lisinopril 10 mg daily". What they take no longer is a note.
        allergies: With the reaction: "Penicillin (rash)".
        denials: What the patient says is not so: "No known allergies".
        red_flags: What needs a look at once: "Chest pain".
        notes: Whatever else matters: a score, a drug that was stopped.
    """

    summary: tuple[SummaryItem, ...] = ()
    patient_concerns: tuple[SummaryItem, ...] = ()
    medications: tuple[SummaryItem, ...] = ()
    allergies: tuple[SummaryItem, ...] = ()
    denials: tuple[SummaryItem, ...] = ()
    red_flags: tuple[SummaryItem, ...] = ()
    notes: tuple[SummaryItem, ...] = ()

    def lists(self) -> Iterator[tuple[str, tuple[SummaryItem, ...]]]:
        """Yield each list by the name of its field."""
        for attribute in fields(Digest):
            yield attribute.name, getattr(self, attribute.name)


class DropReason(Enum):
    """Why something that a summarizer said does not stand in the summary."""

    NO_SOURCE = "no-source"
    NO_SUCH_ANSWER = "no-such-answer"
    WORDS_NOT_THERE = "words-not-there"
    NUMBER = "number"
    NEGATION = "negation"
    UNSUPPORTED = "unsupported"
    UNSAFE_TEXT = "unsafe-text"


@frozen(kw_only=True)
class Dropped:
    """
    Something that a summarizer said and the patient did not.

    Attributes:
        item: Which list of the digest it stood in.
    """

    item: str
    text: str = field(repr=False)
    reason: DropReason


class SummaryStatus(Enum):
    """Where a summary stands."""

    GENERATING = "generating"
    GENERATED = "generated"
    FAILED = "failed"
    EDITED = "edited"


class FailureReason(Enum):
    """Why a summarizer gave no summary."""

    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    UNREADABLE = "unreadable"
    CUT_OFF = "cut-off"
    EMPTY = "empty"
    RATE_LIMITED = "rate-limited"
    REJECTED = "rejected"
    AWAY = "away"
    BROKEN = "broken"


@frozen(kw_only=True)
class Failure:
    """
    A summarizer that gave no summary.

    Attributes:
        model_version: Which one it was.
    """

    reason: FailureReason
    model_version: str


_LISTS = ("patient_concerns", "medications", "allergies")


@frozen(kw_only=True)
class Summary:
    """
    The summary of one intake form, as it stands now.

    Attributes:
        appointment_id: The visit that the form is for; None while it is for none.
        digest: What it says; empty while it is generated.
        machine: What the machine said, once somebody edited it.
        dropped: What the summarizer said and the patient did not.
        failure: Set exactly if the status is "failed" or was when it was edited: what
            stands here is then what *model_version* made in its place.
        model_version: What made it.
        signed_at: When a doctor signed it; until then it is a draft.
        superseded_at: When another one took its place; None for the current one.
        version: Counts the changes, from 1.
    """

    id: SummaryId
    patient_id: PatientId
    appointment_id: AppointmentId | None = None
    intake_form_id: FormId
    digest: Digest = Digest()
    machine: Digest | None = None
    dropped: tuple[Dropped, ...] = ()
    failure: Failure | None = None
    model_version: str
    status: SummaryStatus = SummaryStatus.GENERATING
    generated_at: datetime
    signed_at: datetime | None = None
    signed_by_id: UserId | None = None
    superseded_at: datetime | None = None
    version: int = 1

    @property
    def is_draft(self) -> bool:
        """Whether no doctor has signed it."""
        return self.signed_at is None

    @property
    def is_awaited(self) -> bool:
        """Whether it is still to be made, and wanted."""
        return self.status is SummaryStatus.GENERATING and self.superseded_at is None

    @property
    def is_flagged(self) -> bool:
        """Whether it is the current one and has a red flag."""
        return self.superseded_at is None and bool(self.digest.red_flags)

    @property
    def summary_text(self) -> str:
        return " ".join(item.text for item in self.digest.summary)

    @property
    def key_notes(self) -> str | None:
        """Red flags first, then what is not so, then the rest; a line each."""
        digest = self.digest
        items = (*digest.red_flags, *digest.denials, *digest.notes)
        return "\n".join(item.text for item in items) or None

    def generated(
        self,
        digest: Digest,
        dropped: Sequence[Dropped],
        model_version: str,
        now: datetime,
        failure: Failure | None = None,
    ) -> Summary:
        """
        Return the summary as it was made; *failure* says in whose place.

        Raises:
            InvalidTransitionError: If it was made before.
        """
        if self.status is not SummaryStatus.GENERATING:
            raise self._cannot("generate")
        return self._after(
            digest=digest,
            dropped=tuple(dropped),
            model_version=model_version,
            generated_at=now,
            failure=failure,
            status=SummaryStatus.FAILED if failure else SummaryStatus.GENERATED,
        )

    def edited(self, changes: Mapping[str, Any]) -> Summary:
        """
        Return the summary in a doctor's words; what the machine said is kept.

        An item that stays word for word keeps its sources.

        Args:
            changes: `summary_text` and `key_notes` as text, `patient_concerns`,
                `medications` and `allergies` as texts; those that change.

        Raises:
            InvalidTransitionError: If it is not made yet, or signed.
        """
        if self.status is SummaryStatus.GENERATING or not self.is_draft:
            raise self._cannot("edit")
        digest = self.digest
        for name in _LISTS:
            if name in changes:
                kept = {item.text: item for item in getattr(digest, name)}
                items = (kept.get(t, SummaryItem(text=t)) for t in changes[name])
                digest = evolve(digest, **{name: tuple(items)})
        if "summary_text" in changes and changes["summary_text"] != self.summary_text:
            item = SummaryItem(text=changes["summary_text"])
            digest = evolve(digest, summary=(item,))
        if "key_notes" in changes and changes["key_notes"] != self.key_notes:
            lines = (changes["key_notes"] or "").splitlines()
            digest = self._with_notes(digest, [line for line in lines if line.strip()])
        if digest == self.digest:
            return self
        return self._after(
            digest=digest,
            machine=self.machine or self.digest,
            status=SummaryStatus.EDITED,
        )

    def signed(self, by: UserId | None, now: datetime) -> Summary:
        """
        Return the summary as signed; doing so again changes nothing.

        Raises:
            InvalidTransitionError: If it is not made yet.
        """
        if not self.is_draft:
            return self
        if self.status is SummaryStatus.GENERATING:
            raise self._cannot("sign")
        return self._after(signed_at=now, signed_by_id=by)

    def superseded(self, now: datetime) -> Summary:
        """Return the summary as the one before the current one."""
        return self._after(superseded_at=now)

    def of_visit(self, appointment_id: AppointmentId | None) -> Summary:
        """Return the summary as that of another visit, or of none."""
        return self._after(appointment_id=appointment_id)

    def _cannot(self, step: str) -> InvalidTransitionError:
        state = self.status.value if self.is_draft else "signed"
        return InvalidTransitionError(self.id, state, step, "summary")

    def _after(self, **changes: Any) -> Summary:
        return evolve(self, **changes, version=self.version + 1)

    @staticmethod
    def _with_notes(digest: Digest, lines: Sequence[str]) -> Digest:
        """Return the digest with these notes; each keeps its kind and its sources."""
        kinds: dict[str, list[SummaryItem]] = {
            "red_flags": [],
            "denials": [],
            "notes": [],
        }
        known = {
            item.text: (name, item)
            for name in reversed(kinds)
            for item in getattr(digest, name)
        }
        for line in lines:
            name, item = known.get(line, ("notes", SummaryItem(text=line)))
            kinds[name].append(item)
        return evolve(digest, **{name: tuple(items) for name, items in kinds.items()})
