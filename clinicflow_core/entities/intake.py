"""Intake: what a patient tells the clinic before the visit, and the link to do so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from attrs import evolve, field, frozen

from clinicflow_core.entities.appointment import IntakeStatus
from clinicflow_core.entities.ids import (
    AppointmentId,
    FormId,
    PatientId,
    QuestionnaireId,
    UserId,
)
from clinicflow_core.errors import InvalidTransitionError
from clinicflow_core.wire import HIDDEN

MOST_BIRTH_DATE_TRIES = 5
"""How often the birth date can be given for one link before its draft stays shut."""


RECEIPT_TOLD = timedelta(hours=1)
"""How long whoever sends the same answers again gets the same receipt."""


class FormStatus(Enum):
    """Where an intake form stands."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    REVIEWED = "reviewed"


class FormStep(Enum):
    """What can happen to an intake form."""

    DRAFT = "draft"
    SEND = "send"
    SUBMIT = "submit"
    REVIEW = "review"
    REVOKE = "revoke"
    LINK = "link"


FORM_TRANSITIONS: Mapping[tuple[FormStatus, FormStep], FormStatus] = {
    (FormStatus.PENDING, FormStep.DRAFT): FormStatus.PENDING,
    (FormStatus.PENDING, FormStep.SEND): FormStatus.PENDING,
    (FormStatus.PENDING, FormStep.SUBMIT): FormStatus.SUBMITTED,
    (FormStatus.PENDING, FormStep.REVOKE): FormStatus.PENDING,
    (FormStatus.PENDING, FormStep.LINK): FormStatus.PENDING,
    (FormStatus.SUBMITTED, FormStep.REVIEW): FormStatus.REVIEWED,
    (FormStatus.SUBMITTED, FormStep.LINK): FormStatus.SUBMITTED,
    (FormStatus.REVIEWED, FormStep.REVIEW): FormStatus.REVIEWED,
    (FormStatus.REVIEWED, FormStep.LINK): FormStatus.REVIEWED,
}
"""Every step that a form can take; what is not here is refused."""


@frozen(kw_only=True)
class IntakeForm:
    """
    The answers of one patient, to a questionnaire or free.

    Attributes:
        appointment_id: The visit that it is for; None while it is for none.
        questionnaire_id: The version of the questionnaire that it is pinned to; None
            if the answers are free.
        raw_answers: What was submitted, by question; empty before.
        draft: What the patient has filled in so far; None without any, and once it
            is submitted.
        dropped: Pointers of the answers that were given to questions which nothing
            asked for, and are not kept.
        revoked_at: When it was called back; nothing more happens to it then.
        version: Counts the changes, from 1.
    """

    id: FormId
    patient_id: PatientId
    appointment_id: AppointmentId | None = None
    questionnaire_id: QuestionnaireId | None = None
    raw_answers: Mapping[str, Any] = field(factory=dict, repr=False)
    draft: Mapping[str, Any] | None = field(default=None, repr=False, metadata=HIDDEN)
    dropped: tuple[str, ...] = ()
    status: FormStatus = FormStatus.PENDING
    submitted_at: datetime | None = None
    reviewed_at: datetime | None = None
    reviewed_by_id: UserId | None = None
    revoked_at: datetime | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists: by when it was made, then by id."""
        return (self.created_at.isoformat(), str(self.id))

    @property
    def intake_status(self) -> IntakeStatus:
        """Where the intake of its visit stands because of it."""
        if self.revoked_at is not None:
            return IntakeStatus.MISSING
        if self.status is FormStatus.PENDING:
            return IntakeStatus.SENT
        return IntakeStatus.COMPLETED

    def sent_again(self, now: datetime) -> IntakeForm:
        """
        Return the form with a new link to it.

        Raises:
            InvalidTransitionError: If it was submitted or revoked.
        """
        return self._after(FormStep.SEND, now)

    def drafted(self, answers: Mapping[str, Any], now: datetime) -> IntakeForm:
        """
        Return the form with what is filled in so far.

        Raises:
            InvalidTransitionError: If it was submitted or revoked.
        """
        return self._after(FormStep.DRAFT, now, draft=answers)

    def submitted(
        self, answers: Mapping[str, Any], dropped: Sequence[str], now: datetime
    ) -> IntakeForm:
        """
        Return the form with the answers of the patient.

        Raises:
            InvalidTransitionError: If it was submitted or revoked.
        """
        return self._after(
            FormStep.SUBMIT,
            now,
            raw_answers=answers,
            dropped=tuple(dropped),
            draft=None,
            submitted_at=now,
        )

    def reviewed(self, by: UserId | None, now: datetime) -> IntakeForm:
        """
        Return the form as read by the clinic; the first time counts.

        Raises:
            InvalidTransitionError: If it was not submitted.
        """
        if self.reviewed_at is not None:
            return self
        return self._after(FormStep.REVIEW, now, reviewed_at=now, reviewed_by_id=by)

    def revoked(self, now: datetime) -> IntakeForm:
        """
        Return the form as called back: its visit has none any more.

        Raises:
            InvalidTransitionError: If it was submitted or revoked.
        """
        return self._after(FormStep.REVOKE, now, revoked_at=now)

    def linked(self, appointment_id: AppointmentId | None, now: datetime) -> IntakeForm:
        """
        Return the form as that of another visit, or of none.

        Raises:
            InvalidTransitionError: If it was revoked.
        """
        if appointment_id == self.appointment_id:
            return self
        return self._after(FormStep.LINK, now, appointment_id=appointment_id)

    def _after(self, step: FormStep, now: datetime, **changes: Any) -> IntakeForm:
        status = self._status_after(step)
        return evolve(
            self, **changes, status=status, version=self.version + 1, updated_at=now
        )

    def _status_after(self, step: FormStep) -> FormStatus:
        after = FORM_TRANSITIONS.get((self.status, step))
        if self.revoked_at is not None or after is None:
            state = "revoked" if self.revoked_at else self.status.value
            raise InvalidTransitionError(self.id, state, step.value, "intake form")
        return after


@frozen(kw_only=True)
class IntakeLink:
    """
    The patient's way to one form, without an account.

    Attributes:
        token_hash: The SHA-256 of the token, as hexadecimal digits; the token itself
            is kept nowhere.
        receipt: The SHA-256 of the answers that were submitted through it; None
            before.
        birth_date_tries: How often a birth date was given that is not on record.
    """

    token_hash: str
    form_id: FormId
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    receipt: str | None = None
    birth_date_tries: int = 0

    def is_open(self, now: datetime) -> bool:
        """Whether the form can be filled in through it."""
        return (
            self.revoked_at is None and self.receipt is None and now < self.expires_at
        )

    @property
    def is_shut(self) -> bool:
        """Whether too many birth dates were tried for it to show its draft."""
        return self.birth_date_tries >= MOST_BIRTH_DATE_TRIES

    def has_taken(self, receipt: str, now: datetime) -> bool:
        """Whether these answers were submitted through it, and just now."""
        if receipt != self.receipt or self.revoked_at is None:
            return False
        return now < self.revoked_at + RECEIPT_TOLD

    def used(self, receipt: str, now: datetime) -> IntakeLink:
        """Return the link after its form was submitted through it."""
        return evolve(self.revoked(now), receipt=receipt)

    def revoked(self, now: datetime) -> IntakeLink:
        return evolve(self, revoked_at=self.revoked_at or now)

    def mistaken(self) -> IntakeLink:
        """Return the link after a birth date that is not on record."""
        return evolve(self, birth_date_tries=self.birth_date_tries + 1)
