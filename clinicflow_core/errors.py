"""
Everything ClinicFlow raises on purpose:

* ClinicFlowError
  + UnreadableError
  + InvalidError
  + NotSignedInError
    - WrongCredentialsError
    - GoogleSignInError
  + TooManyTriesError
  + NotPermittedError
  + NotFoundError
    - ClinicNotFoundError
    - UserNotFoundError
    - DoctorNotFoundError
    - PatientNotFoundError
    - AppointmentNotFoundError
    - SeriesNotFoundError
    - TimeOffNotFoundError
    - WaitlistEntryNotFoundError
    - QuestionnaireNotFoundError
    - FormNotFoundError
    - LinkNotFoundError
    - SummaryNotFoundError
    - JobNotFoundError
  + RefusedError
    - BookingConflictError
    - SeriesConflictError
    - WaitlistClosedError
    - OfferNotOpenError
    - FormExistsError
    - BirthDateRefusedError
    - InvalidTransitionError
    - NothingToUndoError
    - EmailTakenError
    - GoogleTakenError
    - GoogleRefusedError
    - LastOwnerError
    - DoctorHasVisitsError
    - PatientHasVisitsError
    - PatientErasedError
    - StaleVersionError
    - KeyReusedError
    - SealBrokenError
    - TrailBrokenError
  + UnavailableError
    - StoreBusyError
    - StoreFullError
    - StoreDamagedError
    - StoreForbidsError
    - SchemaNotCurrentError
    - NotConfiguredError
    - GoogleAwayError
  + SettingsError
  + ContentionError
  + AlreadyAnsweredError
  + SummaryFailedError

Adapters catch the middle classes; the leaves carry the facts. Anything else
that escapes is a bug. Texts name ids, never people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from attrs import frozen

if TYPE_CHECKING:
    from clinicflow_core.scheduling.conflicts import Conflict, RefusedOccurrence
    from clinicflow_core.scheduling.openings import Opening


class ClinicFlowError(Exception):
    """
    The base of all refusals.

    Attributes:
        code: A stable name of the kind of refusal, for programs.
    """

    code: ClassVar[str] = "error"


@frozen
class Problem:
    """
    One thing that is wrong with a request.

    Attributes:
        pointer: A JSON pointer to the place; "" is the whole.
        detail: What is wrong there, without repeating the value.
    """

    pointer: str
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail


class UnreadableError(ClinicFlowError):
    """The text is not JSON as ClinicFlow reads it; *detail* says where and why."""

    code = "unreadable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class InvalidError(ClinicFlowError):
    """The request can be read but is wrong; *problems* holds all that is."""

    code = "invalid-request"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(str(problem) for problem in self.problems)


class NotSignedInError(ClinicFlowError):
    """Nobody is signed in, or the sign-in no longer counts."""

    code = "not-signed-in"

    def __str__(self) -> str:
        return "Not signed in."


class WrongCredentialsError(NotSignedInError):
    """E-mail and password do not belong together, or the account is closed."""

    code = "wrong-credentials"

    def __str__(self) -> str:
        return "Wrong e-mail or password."


class GoogleSignInError(NotSignedInError):
    """What came back from Google, or what was made of it, does not count."""

    code = "google-sign-in-failed"

    def __str__(self) -> str:
        return "The sign-in with Google failed; start it again."


class TooManyTriesError(ClinicFlowError):
    """Too many wrong tries came before; the next one counts in *seconds*."""

    code = "too-many-tries"

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"Too many tries; wait {self.seconds} seconds."


class NotPermittedError(ClinicFlowError):
    """The actor's role does not include *permission*."""

    code = "not-permitted"

    def __init__(self, permission: str) -> None:
        super().__init__(permission)
        self.permission = permission

    def __str__(self) -> str:
        return f"Your role does not include '{self.permission}'."


class NotFoundError(ClinicFlowError):
    """There is no such record in this clinic."""

    code = "not-found"
    kind: ClassVar[str] = "record"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"There is no {self.kind} {self.record_id}."


class ClinicNotFoundError(NotFoundError):
    kind = "clinic"


class UserNotFoundError(NotFoundError):
    kind = "user"


class DoctorNotFoundError(NotFoundError):
    kind = "doctor"


class PatientNotFoundError(NotFoundError):
    kind = "patient"


class AppointmentNotFoundError(NotFoundError):
    kind = "appointment"


class SeriesNotFoundError(NotFoundError):
    kind = "series"


class TimeOffNotFoundError(NotFoundError):
    kind = "time off"


class WaitlistEntryNotFoundError(NotFoundError):
    kind = "waitlist entry"


class QuestionnaireNotFoundError(NotFoundError):
    kind = "questionnaire"


class FormNotFoundError(NotFoundError):
    kind = "intake form"


class SummaryNotFoundError(NotFoundError):
    """
    The intake form has no summary.

    Attributes:
        record_id: Of the form.
    """

    kind = "summary of intake form"


class JobNotFoundError(NotFoundError):
    kind = "job"


class LinkNotFoundError(NotFoundError):
    """
    A link to an intake form does not work: wrong, expired, revoked or used.

    Which of these it is, nobody is told.
    """

    def __init__(self) -> None:
        super(NotFoundError, self).__init__()

    def __str__(self) -> str:
        return "This link does not work, or no longer."


class RefusedError(ClinicFlowError):
    """A rule or the state of a record forbids it."""

    code = "refused"


class BookingConflictError(RefusedError):
    """
    The time may not be taken.

    Attributes:
        conflicts: Every rule that was broken, not only the first.
        alternatives: The nearest openings, nearest first; may be empty.
    """

    code = "booking-conflict"

    def __init__(
        self,
        conflicts: tuple[Conflict, ...],
        alternatives: tuple[Opening, ...] = (),
    ) -> None:
        super().__init__(conflicts, alternatives)
        self.conflicts = conflicts
        self.alternatives = alternatives

    def __str__(self) -> str:
        return " ".join(conflict.message for conflict in self.conflicts)


class SeriesConflictError(RefusedError):
    """
    Not every visit of a series can take its time, so none did.

    Attributes:
        occurrences: Those that cannot, by start, each with all that forbids it.
    """

    code = "series-conflict"

    def __init__(self, occurrences: tuple[RefusedOccurrence, ...]) -> None:
        super().__init__(occurrences)
        self.occurrences = occurrences

    def __str__(self) -> str:
        first = self.occurrences[0]
        told = " ".join(conflict.message for conflict in first.conflicts)
        return (
            f"{len(self.occurrences)} visits of the series cannot take their time, the "
            f"first on {first.date} at {first.start_time:%H:%M}. {told}"
        )


class WaitlistClosedError(RefusedError):
    """An entry of the waitlist in *status* is done with."""

    code = "waitlist-closed"

    def __init__(self, record_id: UUID, status: str) -> None:
        super().__init__(record_id, status)
        self.record_id = record_id
        self.status = status

    def __str__(self) -> str:
        return f"Waitlist entry {self.record_id} is {self.status}."


class OfferNotOpenError(RefusedError):
    """Nothing is offered to the waitlist entry, or no longer."""

    code = "offer-not-open"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"Nothing is offered to waitlist entry {self.record_id} now."


class FormExistsError(RefusedError):
    """
    A visit has an intake form already.

    Attributes:
        record_id: Of the visit.
        form_id: Of the form that it has.
    """

    code = "form-exists"

    def __init__(self, record_id: UUID, form_id: UUID) -> None:
        super().__init__(record_id, form_id)
        self.record_id = record_id
        self.form_id = form_id

    def __str__(self) -> str:
        return f"Appointment {self.record_id} has the intake form {self.form_id}."


class BirthDateRefusedError(RefusedError):
    """
    What was given is not the birth date on record, or was given wrong too often.

    Attributes:
        tries_left: How often it can still be tried.
    """

    code = "birth-date-refused"

    def __init__(self, tries_left: int) -> None:
        super().__init__(tries_left)
        self.tries_left = tries_left

    def __str__(self) -> str:
        if not self.tries_left:
            return "The birth date was given wrong too often."
        left = "one try" if self.tries_left == 1 else f"{self.tries_left} tries"
        return f"That is not the birth date on record; {left} left."


class InvalidTransitionError(RefusedError):
    """A record in *status* cannot take *event*."""

    code = "invalid-transition"

    def __init__(
        self, record_id: UUID, status: str, event: str, kind: str = "appointment"
    ) -> None:
        super().__init__(record_id, status, event, kind)
        self.record_id = record_id
        self.status = status
        self.event = event
        self.kind = kind

    def __str__(self) -> str:
        return f"Cannot {self.event}: {self.kind} {self.record_id} is {self.status}."


class NothingToUndoError(RefusedError):
    """What happened last to a visit cannot be taken back."""

    code = "nothing-to-undo"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"What happened last to appointment {self.record_id} stands."


class EmailTakenError(RefusedError):
    """Another account signs in with this e-mail."""

    code = "email-taken"

    def __str__(self) -> str:
        return "An account with this e-mail exists already."


class GoogleTakenError(RefusedError):
    """Another account signs in with this Google account."""

    code = "google-taken"

    def __str__(self) -> str:
        return "An account with this Google sign-in exists already."


class GoogleRefusedError(RefusedError):
    """
    No account here goes with this Google account, and none may be made of it.

    Whether there is one with its e-mail is not told.
    """

    code = "google-refused"

    def __str__(self) -> str:
        return "This Google account cannot be used here; sign in another way."


class LastOwnerError(RefusedError):
    """The clinic would be left without an active owner."""

    code = "last-owner"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"User {self.record_id} is the clinic's last active owner."


class DoctorHasVisitsError(RefusedError):
    """The doctor still has visits; *appointment_ids* names up to ten of them."""

    code = "doctor-has-visits"

    def __init__(self, record_id: UUID, appointment_ids: tuple[UUID, ...]) -> None:
        super().__init__(record_id, appointment_ids)
        self.record_id = record_id
        self.appointment_ids = appointment_ids

    def __str__(self) -> str:
        visits = ", ".join(map(str, self.appointment_ids))
        return f"Doctor {self.record_id} still has visits: {visits}."


class PatientHasVisitsError(RefusedError):
    """The patient still has visits; *appointment_ids* names up to ten of them."""

    code = "patient-has-visits"

    def __init__(self, record_id: UUID, appointment_ids: tuple[UUID, ...]) -> None:
        super().__init__(record_id, appointment_ids)
        self.record_id = record_id
        self.appointment_ids = appointment_ids

    def __str__(self) -> str:
        visits = ", ".join(map(str, self.appointment_ids))
        return f"Patient {self.record_id} still has visits: {visits}."


class PatientErasedError(RefusedError):
    """The patient was erased, and stays so."""

    code = "patient-erased"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"Patient {self.record_id} was erased."


class StaleVersionError(RefusedError):
    """Somebody else changed the record since it was read."""

    code = "stale-version"

    def __init__(self, record_id: UUID) -> None:
        super().__init__(record_id)
        self.record_id = record_id

    def __str__(self) -> str:
        return f"Record {self.record_id} was changed by somebody else; read it again."


class KeyReusedError(RefusedError):
    """The idempotency key came before with another request."""

    code = "idempotency-key-reused"

    def __str__(self) -> str:
        return "This idempotency key was used for another request."


class SealBrokenError(RefusedError):
    """The seal is another clinic's or installation's, or was changed."""

    code = "seal-broken"

    def __str__(self) -> str:
        return "This seal is none of this clinic's, or it was changed."


class TrailBrokenError(RefusedError):
    """The trail was changed; *detail* says where first."""

    code = "trail-broken"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"The trail was changed. {self.detail}"


class UnavailableError(ClinicFlowError):
    """A part that is needed does not answer or is not there."""

    code = "unavailable"


class StoreBusyError(UnavailableError):
    """The database did not get to it in time; trying again later may work."""

    code = "busy"

    def __str__(self) -> str:
        return "The database is busy or not reachable; try again."


class StoreFullError(UnavailableError):
    """The database has no room left; what was being written is undone."""

    code = "store-full"

    def __str__(self) -> str:
        return "The database is full; nothing was written."


class StoreDamagedError(UnavailableError):
    """What stands at the database's place is damaged, or not ClinicFlow's."""

    code = "store-damaged"

    def __str__(self) -> str:
        return "The database is damaged, or is none of ClinicFlow's."


class StoreForbidsError(UnavailableError):
    """The database does not let this role do what was asked of it."""

    code = "store-forbids"

    def __str__(self) -> str:
        return (
            "The database does not let the role in DATABASE_URL do this: its owner "
            "looks after the schema, and gives the service its rights with "
            "'clinicflow db roles'."
        )


class SchemaNotCurrentError(UnavailableError):
    """
    The database has schema *found*; this ClinicFlow needs *needed*.

    Revisions are numbered, so the newer one is the greater.
    """

    code = "schema-not-current"

    def __init__(self, found: str | None, needed: str) -> None:
        super().__init__(found, needed)
        self.found = found
        self.needed = needed

    def __str__(self) -> str:
        if self.found is not None and self.found > self.needed:
            return (
                f"The database schema is {self.found}, from a newer ClinicFlow; "
                f"this one needs {self.needed}."
            )
        return (
            f"The database schema is {self.found or 'empty'}, not {self.needed}: "
            "run 'clinicflow db upgrade'."
        )


class NotConfiguredError(UnavailableError):
    """The setting *setting* is needed for this and is empty."""

    code = "not-configured"

    def __init__(self, setting: str) -> None:
        super().__init__(setting)
        self.setting = setting

    def __str__(self) -> str:
        return f"Not configured: set {self.setting}."


class GoogleAwayError(UnavailableError):
    """Google does not answer, or not as it should."""

    code = "google-unavailable"

    def __str__(self) -> str:
        return "Google does not answer as it should; try again."


class SettingsError(ClinicFlowError):
    """
    Settings are wrong, or not safe where they are to be used.

    Attributes:
        problems: All that is wrong, each led by the setting's name, never its value.
    """

    code = "settings"

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


class ContentionError(ClinicFlowError):
    """
    Somebody else got in between and nothing was written; the act may be tried again.

    Attributes:
        refusal: What to tell if trying again does not help.
    """

    code = "contention"

    def __init__(self, refusal: ClinicFlowError) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    def __str__(self) -> str:
        return str(self.refusal)


class AlreadyAnsweredError(ClinicFlowError):
    """
    The same request was carried out before under the same idempotency key.

    Attributes:
        answer: What was answered then, as JSON.
    """

    code = "already-answered"

    def __init__(self, answer: object) -> None:
        super().__init__(answer)
        self.answer = answer

    def __str__(self) -> str:
        return "This request was carried out before."


class SummaryFailedError(ClinicFlowError):
    """
    A summarizer gave no summary; the form is as it was.

    Attributes:
        reason: A value of `entities.summary.FailureReason`.
    """

    code = "summary-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"No summary was made: {self.reason}."
