"""
What the acts at the desk need from the outside, as protocols.

`memory` and `sql` stand behind them and pass one contract suite. A repository
comes bound to one clinic: another clinic's record is not there. Writes may wait
until the next read or the commit, so their refusals can come from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar
from uuid import UUID

from attrs import frozen

from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.accounts.permissions import Actor
from clinicflow_core.duplicates import MatchKeys
from clinicflow_core.entities.appointment import (
    Appointment,
    Cancellation,
    IntakeStatus,
    Status,
)
from clinicflow_core.entities.calendar import (
    Calendar,
    DatedHours,
    DayStretch,
    TimeOff,
)
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.doctor import Doctor, WorkingHours
from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import (
    AppointmentId,
    ClinicId,
    DoctorId,
    EventId,
    FormId,
    PatientId,
    QuestionnaireId,
    SeriesId,
    SessionId,
    SummaryId,
    TimeOffId,
    UserId,
    WaitlistId,
)
from clinicflow_core.entities.intake import FormStatus, IntakeForm, IntakeLink
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.entities.patient import Patient
from clinicflow_core.entities.questionnaire import Questionnaire
from clinicflow_core.entities.series import Series
from clinicflow_core.entities.summary import Digest, Statement, Summary
from clinicflow_core.entities.user import Session, User
from clinicflow_core.entities.waitlist import Offer, WaitlistEntry, WaitlistStatus
from clinicflow_core.figures.visits import CountedVisit
from clinicflow_core.scheduling.diary import Diary
from clinicflow_core.timespan import TimeSpan
from clinicflow_core.trail import Link

KEYS_KEPT = timedelta(hours=24)
"""How long an answer is kept under its idempotency key."""

MOST_DOCTORS = 200
"""How many doctors a diary shows that is asked for all of them."""

MOST_TIME_OFF = 1000
"""How much of a doctor's time off is listed."""

MOST_COMPARED = 100
"""How many candidates for a duplicate are compared with one patient."""

MOST_COUNTED = 200_000
"""How many visits figures are made of at once."""

T = TypeVar("T")


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware."""


class Sorted(Protocol):
    """A record that has its place in lists."""

    @property
    def sort_key(self) -> tuple[str, ...]: ...


@frozen
class PageRequest:
    """
    Which part of a list.

    Attributes:
        after: The `sort_key` of the last record of the page before; None for the
            first page.
        limit: How many records at most, from 1.
    """

    after: tuple[str, ...] | None = None
    limit: int = 50


@frozen
class Page(Generic[T]):
    """
    A part of a list, in the order of its records' `sort_key`.

    Attributes:
        next: The *after* of the next page; None on the last.
    """

    items: tuple[T, ...]
    next: tuple[str, ...] | None = None


@frozen(kw_only=True)
class AppointmentFilter:
    """Which appointments: all that is set must agree; days are local."""

    first: date | None = None
    last: date | None = None
    doctor_id: DoctorId | None = None
    patient_id: PatientId | None = None
    status: Status | None = None
    intake_status: IntakeStatus | None = None


@frozen(kw_only=True)
class Once:
    """
    A request that must be carried out once, however often it is sent.

    Attributes:
        key: Chosen by the client, new for each request; at most 255 characters.
        fingerprint: Tells one request from another; the same key with another
            one is refused.
        render: Turns the record that was created into the answer, as JSON.
    """

    key: str
    fingerprint: str
    render: Callable[[object], object]


class Doctors(Protocol):
    """The doctors of one clinic."""

    def add(self, doctor: Doctor) -> None: ...

    def get(self, doctor_id: DoctorId) -> Doctor:
        """
        Raises:
            DoctorNotFoundError: If there is none.
        """

    def save(self, doctor: Doctor) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
        """

    def remove(self, doctor_id: DoctorId) -> None:
        """
        Remove the doctor, the whole calendar, and what was ever offered of it.

        There must be no visits, and nothing may be held.
        """

    def page(self, request: PageRequest) -> Page[Doctor]: ...

    def hours_of(self, doctor_id: DoctorId) -> tuple[WorkingHours, ...]:
        """Return the weekly hours, ordered by weekday and start."""

    def hours_of_all(
        self, doctor_ids: Collection[DoctorId]
    ) -> Mapping[DoctorId, tuple[WorkingHours, ...]]:
        """Return the weekly hours of each of *doctor_ids*; empty if there are none."""

    def set_hours(self, doctor_id: DoctorId, hours: Sequence[WorkingHours]) -> None:
        """Replace the weekly hours."""

    def dated_hours_of(
        self, doctor_id: DoctorId, first: date, last: date
    ) -> tuple[DatedHours, ...]:
        """Return the days from *first* to *last* with hours of their own, by date."""

    def set_dated_hours(
        self, doctor_id: DoctorId, day: date, hours: Sequence[DayStretch] | None
    ) -> None:
        """Replace the hours of one day; None gives it the weekly ones again."""

    def time_off_of(self, doctor_id: DoctorId, since: date) -> tuple[TimeOff, ...]:
        """Return at most `MOST_TIME_OFF` that end on *since* or later, by start."""

    def add_time_off(self, time_off: TimeOff) -> None: ...

    def get_time_off(self, time_off_id: TimeOffId) -> TimeOff:
        """
        Raises:
            TimeOffNotFoundError: If there is none.
        """

    def remove_time_off(self, time_off_id: TimeOffId) -> None: ...

    def of_specialty(self, specialty: str, limit: int) -> tuple[Doctor, ...]:
        """Return at most *limit* doctors of a specialty, by name."""


class Patients(Protocol):
    """
    The patients of one clinic.

    One who was merged into another is none of them: only `merged_into` finds them.
    """

    def add(self, patient: Patient) -> None: ...

    def get(self, patient_id: PatientId) -> Patient:
        """
        Raises:
            PatientNotFoundError: If there is none.
        """

    def save(self, patient: Patient) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
        """

    def remove(self, patient_id: PatientId) -> None:
        """Remove the patient; there must be no visits."""

    def page(
        self,
        words: Collection[str],
        request: PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> Page[Patient]:
        """
        Return the patients whose `search_text` contains each of *words*.

        Nobody who was erased is among them.

        Args:
            of_doctor: Only those who have any visit with this doctor.
        """

    def sharing(self, keys: Sequence[MatchKeys]) -> list[tuple[Patient, ...]]:
        """
        Return for each of *keys* the patients who share one of them.

        They are at most `MOST_COMPARED` each, those who share most first, then by
        id. All are looked up together.
        """

    def merged_into(self, patient_id: PatientId) -> tuple[Patient, ...]:
        """Return those who were merged into a patient, by id."""

    def named(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, Patient]:
        """Return those of *patient_ids* that are there."""


class Appointments(Protocol):
    """
    The appointments of one clinic.

    What is only offered to somebody on the waitlist is none of them.
    """

    def add(self, appointment: Appointment) -> None:
        """
        Raises:
            ContentionError: If its time is taken.
        """

    def get(self, appointment_id: AppointmentId) -> Appointment:
        """
        Raises:
            AppointmentNotFoundError: If there is none.
        """

    def save(self, appointment: Appointment) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before, or its
                time is taken.
        """

    def page(
        self, which: AppointmentFilter, request: PageRequest
    ) -> Page[Appointment]: ...

    def known(
        self, appointment_ids: Collection[AppointmentId]
    ) -> Mapping[AppointmentId, Appointment]:
        """Return those of *appointment_ids* that are there."""

    def of_series(self, series_id: SeriesId) -> tuple[Appointment, ...]:
        """Return the visits of a series, by start."""

    def of_series_with(
        self, doctor_id: DoctorId, limit: int
    ) -> tuple[Appointment, ...]:
        """Return at most *limit* visits of series booked with a doctor, by start."""

    def add_series(self, series: Series) -> None: ...

    def get_series(self, series_id: SeriesId) -> Series:
        """
        Raises:
            SeriesNotFoundError: If there is none.
        """

    def cancel(self, cancellation: Cancellation) -> None:
        """Keep the record of why a visit did not take place."""

    def cancellations_of(
        self, appointment_id: AppointmentId
    ) -> tuple[Cancellation, ...]:
        """Return the visit's cancellations, oldest first."""


class Diaries(Protocol):
    """The diaries of one clinic's doctors and patients."""

    def read(
        self,
        doctor_ids: Collection[DoctorId] | None,
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        """
        Return what is known of these people around *window*.

        Visits that hold their time and overlap *window* are in it, whoever of
        the people they belong to, and so is what is offered to somebody on the
        waitlist. Dated hours and time off are those that can matter in *window*.

        Args:
            doctor_ids: None for the first `MOST_DOCTORS` of the clinic, by name.

        Raises:
            NotFoundError: If one of them is not in this clinic.
        """

    def hold(
        self,
        doctor_ids: Collection[DoctorId],
        patient_ids: Collection[PatientId],
        window: TimeSpan,
    ) -> Diary:
        """
        Wait until nobody else books for these people, then read as `read` does.

        Nobody else can book for them until the unit of work is left. They are
        held in one order everywhere, (kind, id), so that nobody waits for each
        other.

        Raises:
            NotFoundError: If one of them is not in this clinic.
        """


class Waitlist(Protocol):
    """The waitlist of one clinic, and what is offered to those who are on it."""

    def add(self, entry: WaitlistEntry) -> None: ...

    def get(self, waitlist_id: WaitlistId) -> WaitlistEntry:
        """
        Raises:
            WaitlistEntryNotFoundError: If there is none.
        """

    def save(self, entry: WaitlistEntry) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
        """

    def page(
        self, status: WaitlistStatus | None, request: PageRequest
    ) -> Page[WaitlistEntry]:
        """Return a part of the entries in *status*, None for all; best ranked first."""

    def waiting(
        self, doctor_id: DoctorId, first: date, last: date, limit: int
    ) -> tuple[WaitlistEntry, ...]:
        """
        Return who waits for a time of the doctor, or of anybody, in these days.

        At most *limit*, best ranked first.
        """

    def of_patient(self, patient_id: PatientId) -> tuple[WaitlistEntry, ...]:
        """Return a patient's entries, best ranked first."""

    def of_doctor(self, doctor_id: DoctorId) -> tuple[WaitlistEntry, ...]:
        """Return the entries that wait for one doctor, best ranked first."""

    def remove(self, waitlist_id: WaitlistId) -> None:
        """Remove an entry and what was offered to it; nothing may be held for it."""

    def add_offer(self, offer: Offer, visit: Appointment) -> None:
        """
        Hold the time of *visit* until the offer lapses; its people must be held.

        Raises:
            ContentionError: If its time is taken, or the entry has an open offer.
        """

    def offers_of(self, waitlist_ids: Collection[WaitlistId]) -> tuple[Offer, ...]:
        """Return what was ever offered to these entries, oldest first."""

    def open_offers_with(self, doctor_id: DoctorId) -> tuple[Offer, ...]:
        """Return the open offers of a doctor's time, lapsed ones included."""

    def get_offer(self, offer_id: AppointmentId) -> Offer:
        """
        Raises:
            ContentionError: If there is none any more.
        """

    def lapsed(self, limit: int) -> tuple[Offer, ...]:
        """Return at most *limit* open offers that hold nothing any more."""

    def let_go(self, offer_id: AppointmentId) -> None:
        """Let go of the time of an offer that has lapsed; it stays open."""

    def end_offer(self, offer: Offer) -> None:
        """
        Keep what became of an open offer, and let go of its time.

        Raises:
            ContentionError: If somebody ended it before.
        """

    def accept_offer(self, offer: Offer, visit: Appointment) -> None:
        """
        Keep that an open offer was accepted, and *visit* in the place of its hold.

        Raises:
            ContentionError: If somebody ended it before.
        """


class Belongings(Protocol):
    """
    What hangs on one clinic's patients, by the name of its table.

    That is `appointments`, `cancellations`, `intake_forms`, `ai_intake_summaries`,
    and whatever else holds a `patient_id`.
    """

    def of(self, patient_id: PatientId) -> Mapping[str, tuple[object, ...]]:
        """Return all records of a patient, each table by id, for `wire.dump`."""

    def move(
        self, patient_id: PatientId, to: PatientId, now: datetime
    ) -> Mapping[str, tuple[UUID, ...]]:
        """
        Give all records of a patient to another one; return their ids, in order.

        What was merged into the patient and where it was imported from moves too.

        Raises:
            ContentionError: If visits of the two overlap.
        """

    def blank(self, patient_id: PatientId, now: datetime) -> None:
        """
        Take everything personal out of the records of a patient.

        Answers kept under idempotency keys that name the patient go too, and such
        a key cannot be used again.
        """


class Questionnaires(Protocol):
    """The questionnaires of one clinic: each version is a record, and never changes."""

    def add(self, questionnaire: Questionnaire) -> None:
        """
        Raises:
            ContentionError: If there is one with this id, or this name and version.
        """

    def get(self, questionnaire_id: QuestionnaireId) -> Questionnaire:
        """
        Raises:
            QuestionnaireNotFoundError: If there is none.
        """

    def newest(self, name: str) -> Questionnaire | None:
        """Return the last version of the questionnaire called *name*."""

    def page(self, request: PageRequest) -> Page[Questionnaire]:
        """Return a part of all versions, by name, the newest first."""


@frozen(kw_only=True)
class FormFilter:
    """
    Which intake forms: all that is set must agree.

    Attributes:
        flagged: Only those whose current summary has a red flag.
    """

    status: FormStatus | None = None
    patient_id: PatientId | None = None
    appointment_id: AppointmentId | None = None
    flagged: bool = False


class IntakeForms(Protocol):
    """The intake forms of one clinic, and the links to them."""

    def add(self, form: IntakeForm) -> None:
        """
        Raises:
            ContentionError: If its visit has a form that is not revoked.
        """

    def get(self, form_id: FormId) -> IntakeForm:
        """
        Raises:
            FormNotFoundError: If there is none.
        """

    def save(self, form: IntakeForm) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before, or its
                visit has another form that is not revoked.
        """

    def page(
        self,
        which: FormFilter,
        request: PageRequest,
        of_doctor: DoctorId | None = None,
        *,
        newest_first: bool = False,
    ) -> Page[IntakeForm]:
        """
        Return a part of the forms, by when they were made.

        Args:
            of_doctor: Only those of patients who have any visit with this doctor.
        """

    def current_of(self, appointment_id: AppointmentId) -> IntakeForm | None:
        """Return the form of a visit that is not revoked."""

    def add_link(self, link: IntakeLink) -> None: ...

    def find_link(self, token_hash: str) -> IntakeLink | None: ...

    def hold_link(self, token_hash: str) -> IntakeLink | None:
        """Return a link, which nobody else can change until the block is left."""

    def save_link(self, link: IntakeLink) -> None:
        """Keep the link, which must be held."""

    def links_of(self, form_id: FormId) -> tuple[IntakeLink, ...]:
        """Return the links to a form, oldest first."""

    def revoke_links(self, form_id: FormId, now: datetime) -> None:
        """Let no link to the form work any more; those that were revoked stay so."""


class Summaries(Protocol):
    """The summaries of one clinic's intake forms."""

    def add(self, summary: Summary) -> None:
        """
        Raises:
            ContentionError: If its form has one already that is not superseded.
        """

    def get(self, summary_id: SummaryId) -> Summary:
        """
        Raises:
            SummaryNotFoundError: If there is none.
        """

    def save(self, summary: Summary) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
        """

    def current_of(self, form_id: FormId) -> Summary | None:
        """Return the summary of a form that is not superseded."""

    def of_form(self, form_id: FormId) -> tuple[Summary, ...]:
        """Return all summaries that a form ever had, newest first."""

    def flagged(
        self, patient_ids: Collection[PatientId]
    ) -> frozenset[FormId | AppointmentId]:
        """
        Return which forms and visits of these patients have a red flag.

        A form has one if its current summary has, and so has the visit that it is for.
        """


class Jobs(Protocol):
    """What is to be done in one clinic because something happened: the outbox."""

    def claim(self, kinds: Collection[str], until: datetime) -> Job | None:
        """
        Return a job that nobody else has, and lease it.

        Of those of *kinds* that can be done now, it is the one that waits longest.
        One that another worker is about to claim is passed over.

        Args:
            until: Until then nobody else claims it.
        """

    def get(self, job_id: EventId) -> Job:
        """
        Raises:
            JobNotFoundError: If there is none.
        """

    def save(self, job: Job) -> None:
        """
        Keep what became of a job.

        Raises:
            ContentionError: If somebody claimed it meanwhile.
        """

    def page(
        self, kinds: Collection[str], status: JobStatus | None, request: PageRequest
    ) -> Page[Job]:
        """Return a part of the jobs of *kinds*, those that wait longest first."""


class Summarizer(Protocol):
    """Makes the summary of an intake form."""

    @property
    def model_version(self) -> str:
        """What it is, in at most 50 characters."""

    @property
    def stays_here(self) -> bool:
        """Whether nothing leaves the machine for it; it is quick then."""

    def summarize(self, statements: Sequence[Statement], patient: Patient) -> Digest:
        """
        Return what the doctor needs to know of these statements.

        It is not checked yet: see `intake.grounding`.

        Args:
            patient: Who made them; nothing of it may leave the machine.

        Raises:
            SummaryFailedError: If it could not make one.
        """


class Origins(Protocol):
    """Where imported records came from, so that importing again adds nothing."""

    def known(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        """Return the records of *kind* that came from *keys*, by key."""

    def add(self, kind: str, key: str, record_id: UUID) -> None: ...

    def of(self, kind: str, record_id: UUID) -> tuple[str, ...]:
        """Return the keys that a record was imported with, in order."""

    def forget(self, kind: str, record_id: UUID) -> None:
        """Let a record that is removed be imported anew."""


class Users(Protocol):
    """The accounts of one clinic."""

    def add(self, user: User) -> None:
        """
        Raises:
            ClinicNotFoundError: If it belongs to another clinic.
            EmailTakenError: If another account, in any clinic, has the e-mail.
            GoogleTakenError: If another one has the Google sign-in.
        """

    def get(self, user_id: UserId) -> User:
        """
        Raises:
            UserNotFoundError: If there is none.
        """

    def save(self, user: User) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
            EmailTakenError: If another account, in any clinic, has the e-mail.
        """

    def page(self, request: PageRequest) -> Page[User]: ...

    def of_doctor(self, doctor_id: DoctorId) -> tuple[User, ...]:
        """Return the accounts whose own diary is the doctor's, by id."""

    def hold_owners(self) -> tuple[User, ...]:
        """
        Return the active owners, by id; nobody else can change an account of the
        clinic that asks for them until the unit of work is left.
        """

    def end_session(self, session_id: SessionId) -> None:
        """Sign out of one session; one that has ended stays as it is."""

    def end_sessions(self, user_id: UserId, but: SessionId | None = None) -> None:
        """Sign an account out everywhere, or everywhere *but* in one session."""


@frozen(kw_only=True)
class Counted:
    """
    What figures are counted from.

    Attributes:
        doctors: By name.
        calendars: When each of them works.
        visits: By start, then by id.
    """

    doctors: Mapping[DoctorId, Doctor]
    calendars: Mapping[DoctorId, Calendar]
    visits: tuple[CountedVisit, ...]


@frozen(kw_only=True)
class LooseEnds:
    """
    What nobody has settled yet.

    Attributes:
        open: Visits that are over and still unconfirmed or confirmed, the latest first.
        open_count: How many there are, however many are in *open*.
        unsigned_count: How many visits have a summary that nobody signed.
    """

    open: tuple[CountedVisit, ...]
    open_count: int
    unsigned_count: int


class Figures(Protocol):
    """What the figures of one clinic are counted from, read in one round trip."""

    def read(
        self, first: date, last: date, doctor_id: DoctorId | None = None
    ) -> Counted:
        """
        Return the visits of the days from *first* to *last*.

        Cancelled and missed ones are among them, and those of the two days before,
        which can run into *first*. There are at most `MOST_COUNTED` of them and one
        more. Dated hours and time off are those that can matter in these days.

        Args:
            doctor_id: Of one doctor alone; None for all doctors, however many.

        Raises:
            DoctorNotFoundError: If there is no such doctor.
        """

    def loose_ends(
        self,
        since: datetime,
        now: datetime,
        limit: int,
        doctor_id: DoctorId | None = None,
    ) -> LooseEnds:
        """
        Return what is not settled of visits that started at *since* or later.

        Args:
            now: A visit that ends then or before is over.
            limit: How many open visits to return at most.
            doctor_id: Of one doctor alone; None for all.
        """


class Events(Protocol):
    """What happened in one clinic."""

    def of(self, record_id: UUID) -> tuple[Event, ...]:
        """Return all that happened to a record, oldest first."""

    def newest(self, limit: int) -> tuple[Event, ...]:
        """Return at most *limit* events of all records, newest first."""

    def page(
        self,
        kinds: Collection[str],
        request: PageRequest,
        of_doctor: DoctorId | None = None,
    ) -> Page[Event]:
        """
        Return a part of the events of *kinds*, newest first.

        Its place in the list is the event's id; none comes after an unknown one.

        Args:
            of_doctor: Only those that happened to visits of this doctor.
        """

    def links(self, after: tuple[UUID, int] | None, limit: int) -> tuple[Link, ...]:
        """
        Return at most *limit* links of the trail, by record and position.

        Args:
            after: Record and position of the last one before them.
        """


class Recordable(Protocol):
    """A record that events can happen to."""

    @property
    def id(self) -> UUID: ...


class UnitOfWork(Protocol):
    """
    One transaction in one clinic, by one actor.

    Leaving the block without `commit` undoes everything done in it. It can be
    entered again, for the next act.

    Attributes:
        actor: Who acts; read anew in each block, so that a demotion counts at once.
        clinic: The clinic, as it is in this transaction.
        now: The instant at which the block was entered.
    """

    @property
    def actor(self) -> Actor: ...
    @property
    def clinic(self) -> Clinic: ...
    @property
    def now(self) -> datetime: ...
    @property
    def doctors(self) -> Doctors: ...
    @property
    def patients(self) -> Patients: ...
    @property
    def appointments(self) -> Appointments: ...
    @property
    def belongings(self) -> Belongings: ...
    @property
    def diaries(self) -> Diaries: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def intake_forms(self) -> IntakeForms: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def origins(self) -> Origins: ...
    @property
    def questionnaires(self) -> Questionnaires: ...
    @property
    def summaries(self) -> Summaries: ...
    @property
    def users(self) -> Users: ...
    @property
    def waitlist(self) -> Waitlist: ...
    @property
    def events(self) -> Events: ...

    def change_clinic(self, clinic: Clinic) -> None:
        """
        Raises:
            ClinicNotFoundError: If it is another clinic.
            ContentionError: If the stored version is not the one before.
        """

    def record(
        self,
        kind: str,
        record: Recordable,
        facts: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        """Note that *kind* happened to *record*; kept if and only if committed."""

    def commit(self) -> None:
        """
        Keep everything done in the block.

        Raises:
            ContentionError: If somebody else got in between; nothing is kept.
        """

    def __enter__(self) -> Self:
        """
        Raises:
            ClinicNotFoundError: If there is no such clinic.
            NotSignedInError: If the session has ended.
            AlreadyAnsweredError: If the request was carried out before.
            KeyReusedError: If its key was used for another request.
        """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Entrance(Protocol):
    """
    One transaction of somebody who is not in a clinic yet: to sign up or sign in.

    Leaving the block without `commit` undoes everything done in it.
    """

    @property
    def now(self) -> datetime: ...

    def clinics(self) -> tuple[Clinic, ...]:
        """Return all clinics, by name."""

    def add_clinic(self, clinic: Clinic) -> None: ...

    def add_user(self, user: User) -> None:
        """
        Raises:
            EmailTakenError: If another account has the e-mail.
            GoogleTakenError: If another account has the Google sign-in.
        """

    def save_user(self, user: User) -> None:
        """
        Raises:
            ContentionError: If the stored version is not the one before.
            EmailTakenError: If another account has the e-mail.
            GoogleTakenError: If another account has the Google sign-in.
        """

    def find_user(self, email: str) -> User | None:
        """Return the account with *email*, compared without case."""

    def hold_user(self, email: str) -> User | None:
        """
        Return the account with *email*; nobody else can change it until the block
        is left, so that no session begins after all of them were ended.
        """

    def hold_google_user(self, google_id: str) -> User | None:
        """Return the account that signs in as *google_id* exactly; see `hold_user`."""

    def get_clinic(self, clinic_id: ClinicId) -> Clinic:
        """
        Raises:
            ClinicNotFoundError: If there is none.
        """

    def get_user(self, user_id: UserId) -> User:
        """
        Raises:
            UserNotFoundError: If there is none.
        """

    def add_session(self, session: Session) -> None: ...

    def hold_session(self, session_id: SessionId) -> Session | None:
        """Return a session, which nobody else can change until the block is left."""

    def save_session(self, session: Session) -> None: ...

    def hold_tries(self, subjects: Collection[str]) -> Mapping[str, Tries]:
        """
        Return the tries of each of *subjects*, none so far if they are new.

        Nobody else can count one against them until the block is left.
        """

    def save_tries(self, tried: Tries) -> None:
        """Keep the tries of a subject that is held."""

    def forget_tries(self, before: datetime) -> None:
        """Forget all tries of which the last was *before* that instant."""

    def record(
        self,
        clinic_id: ClinicId,
        kind: str,
        record: Recordable,
        facts: Mapping[str, object] | None = None,
        by: UserId | None = None,
    ) -> None:
        """
        Note that *kind* happened to *record*; kept if and only if committed.

        Args:
            by: The account of whoever signs in, once that is known.
        """

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Store(Protocol):
    """Everything that is kept, for all clinics."""

    def unit_of_work(
        self,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: Once | None = None,
        request_id: str | None = None,
    ) -> UnitOfWork:
        """
        Return a unit of work in one clinic.

        Args:
            by: Whoever acts, or the session in which they are signed in.
            once: Makes a repeated request give the first answer again.
            request_id: Kept with each event; at most 64 characters.
        """

    def entrance(self, request_id: str | None = None) -> Entrance: ...
