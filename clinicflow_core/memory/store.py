"""The record in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from attrs import frozen

from clinicflow_core import ports
from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.accounts.permissions import Actor, actor_of, at_the_entrance
from clinicflow_core.clock import SystemClock
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import ClinicId, SessionId, UserId
from clinicflow_core.entities.user import Session, User, UserStatus
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    ClinicNotFoundError,
    ContentionError,
    KeyReusedError,
    NotSignedInError,
    RefusedError,
    StoreBusyError,
    UserNotFoundError,
)
from clinicflow_core.memory.accounts import MemoryUsers, put_user
from clinicflow_core.memory.appointments import MemoryAppointments
from clinicflow_core.memory.belongings import MemoryBelongings
from clinicflow_core.memory.diaries import MemoryDiaries
from clinicflow_core.memory.doctors import MemoryDoctors
from clinicflow_core.memory.figures import MemoryFigures
from clinicflow_core.memory.intake import (
    MemoryIntakeForms,
    MemoryQuestionnaires,
    MemorySummaries,
)
from clinicflow_core.memory.jobs import MemoryJobs
from clinicflow_core.memory.patients import MemoryPatients
from clinicflow_core.memory.repository import follows
from clinicflow_core.memory.trail import MemoryEvents, MemoryOrigins
from clinicflow_core.memory.transaction import Kept, RowKey, Transaction
from clinicflow_core.memory.waitlist import MemoryWaitlist


class MemoryStore:
    """Everything that is kept, for all clinics, until the program ends."""

    def __init__(self, clock: ports.Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._kept = Kept()
        self._committed = self._kept.committed

    def unit_of_work(
        self,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None = None,
        request_id: str | None = None,
    ) -> MemoryUnitOfWork:
        """See `ports.Store.unit_of_work`."""
        return MemoryUnitOfWork(self, clinic_id, by, once, request_id)

    def entrance(self, request_id: str | None = None) -> MemoryEntrance:
        return MemoryEntrance(self, request_id)


class MemoryUnitOfWork:
    """See `ports.UnitOfWork`."""

    def __init__(
        self,
        store: MemoryStore,
        clinic_id: ClinicId,
        by: Actor | SessionId,
        once: ports.Once | None,
        request_id: str | None,
    ) -> None:
        self._store = store
        self._clinic_id = clinic_id
        self._request_id = request_id
        self._by = by
        self._once = once
        self._transaction = Transaction(store._kept)
        self._answer: object = None
        self.doctors = MemoryDoctors(self._transaction, clinic_id)
        self.patients = MemoryPatients(self._transaction, clinic_id)
        self.appointments = MemoryAppointments(self._transaction, clinic_id)
        self.belongings = MemoryBelongings(self._transaction, clinic_id)
        self.diaries = MemoryDiaries(self._transaction, clinic_id)
        self.figures = MemoryFigures(self._transaction, clinic_id)
        self.intake_forms = MemoryIntakeForms(self._transaction, clinic_id)
        self.jobs = MemoryJobs(self._transaction, clinic_id)
        self.origins = MemoryOrigins(self._transaction, clinic_id)
        self.questionnaires = MemoryQuestionnaires(self._transaction, clinic_id)
        self.summaries = MemorySummaries(self._transaction, clinic_id)
        self.users = MemoryUsers(self._transaction, clinic_id)
        self.waitlist = MemoryWaitlist(self._transaction, clinic_id)
        self.events = MemoryEvents(self._transaction, clinic_id)

    @property
    def now(self) -> datetime:
        return self._transaction.now

    def __enter__(self) -> Self:
        self._transaction.begin(self._store._clock.now())
        self._answer = None
        clinic = self._transaction.find("clinics", None, (self._clinic_id,))
        if clinic is None:
            raise ClinicNotFoundError(self._clinic_id)
        self.clinic: Clinic = clinic
        self.actor: Actor = (
            self._by if isinstance(self._by, Actor) else self._signed_in(self._by)
        )
        self._look_up_answer()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction.end()
        if isinstance(error, RefusedError):
            # The twin of this request may have been carried out meanwhile.
            self._look_up_answer()

    def _signed_in(self, session_id: SessionId) -> Actor:
        session: Session | None = self._transaction.find(
            "sessions", None, (session_id,)
        )
        if (
            session is None
            or session.clinic_id != self._clinic_id
            or not session.counts(self.now)
        ):
            raise NotSignedInError
        user: User = self._transaction.find("users", None, (session.user_id,))
        if user.status is not UserStatus.ACTIVE:
            raise NotSignedInError
        return actor_of(user, session.id)

    def _look_up_answer(self) -> None:
        if self._once is not None:
            kept = self._transaction.find("answers", self._clinic_id, self._key())
            if kept is not None and kept.at > self.now - ports.KEYS_KEPT:
                if kept.fingerprint != self._once.fingerprint:
                    raise KeyReusedError
                raise AlreadyAnsweredError(kept.answer)

    def _key(self) -> RowKey:
        assert self._once is not None
        return (self.actor.user_id or self.actor.name, self._once.key)

    def change_clinic(self, clinic: Clinic) -> None:
        if clinic.id != self._clinic_id:
            raise ClinicNotFoundError(clinic.id)
        key = (clinic.id,)
        self._transaction.write("clinics", None, key, clinic, follows(clinic))
        self.clinic = clinic

    def record(
        self,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        event = self.actor.did(
            kind,
            record.id,
            self.now,
            facts=facts,
            reason=reason,
            request_id=self._request_id,
        )
        self._transaction.note(self._clinic_id, event)
        if self._answer is None and self._once is not None:
            self._answer = self._once.render(record)

    def commit(self) -> None:
        if self._once is not None:
            self._transaction.write(
                "answers",
                self._clinic_id,
                self._key(),
                _Answer(self._once.fingerprint, self._answer, self.now),
                self._is_first,
            )
        self._transaction.commit()

    def _is_first(self, stored: _Answer | None) -> None:
        if stored is not None and stored.at > self.now - ports.KEYS_KEPT:
            raise ContentionError(StoreBusyError())


@frozen
class _Answer:
    fingerprint: str
    answer: object
    at: datetime


class MemoryEntrance:
    """See `ports.Entrance`."""

    def __init__(self, store: MemoryStore, request_id: str | None) -> None:
        self._store = store
        self._transaction = Transaction(store._kept)
        self._request_id = request_id

    @property
    def now(self) -> datetime:
        return self._transaction.now

    def __enter__(self) -> Self:
        self._transaction.begin(self._store._clock.now())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transaction.end()

    def clinics(self) -> tuple[Clinic, ...]:
        clinics = self._transaction.rows("clinics", None).values()
        return tuple(sorted(clinics, key=lambda clinic: (clinic.name, clinic.id)))

    def get_clinic(self, clinic_id: ClinicId) -> Clinic:
        clinic: Clinic | None = self._transaction.find("clinics", None, (clinic_id,))
        if clinic is None:
            raise ClinicNotFoundError(clinic_id)
        return clinic

    def add_clinic(self, clinic: Clinic) -> None:
        self._transaction.write("clinics", None, (clinic.id,), clinic)

    def add_user(self, user: User) -> None:
        put_user(self._transaction, user)

    def get_user(self, user_id: UserId) -> User:
        user: User | None = self._transaction.find("users", None, (user_id,))
        if user is None:
            raise UserNotFoundError(user_id)
        return user

    def save_user(self, user: User) -> None:
        put_user(self._transaction, user, follows(user))

    def find_user(self, email: str) -> User | None:
        return self._user("emails", email.casefold())

    def _user(self, index: str, name: str) -> User | None:
        user_id = self._transaction.find(index, None, (name,))
        user: User | None = self._transaction.find("users", None, (user_id,))
        return user

    def hold_user(self, email: str) -> User | None:
        found = self.find_user(email)
        if found is not None:
            self._transaction.hold([("accounts", found.clinic_id)])
        return self.find_user(email)

    def hold_google_user(self, google_id: str) -> User | None:
        found = self._user("google_ids", google_id)
        if found is not None:
            self._transaction.hold([("accounts", found.clinic_id)])
        return self._user("google_ids", google_id)

    def add_session(self, session: Session) -> None:
        self._transaction.write("sessions", None, (session.id,), session)

    def hold_session(self, session_id: SessionId) -> Session | None:
        self._transaction.hold([session_id])
        session: Session | None = self._transaction.find(
            "sessions", None, (session_id,)
        )
        return session

    def save_session(self, session: Session) -> None:
        self._transaction.write("sessions", None, (session.id,), session)

    def hold_tries(self, subjects: Collection[str]) -> Mapping[str, Tries]:
        self._transaction.hold(sorted(subjects))
        found = {s: self._transaction.find("tries", None, (s,)) for s in subjects}
        return {s: t or Tries(subject=s, last_at=self.now) for s, t in found.items()}

    def save_tries(self, tried: Tries) -> None:
        self._transaction.write("tries", None, (tried.subject,), tried)

    def forget_tries(self, before: datetime) -> None:
        for key, tried in self._transaction.rows("tries", None).items():
            if tried.last_at < before:
                self._transaction.write("tries", None, key, None)

    def record(
        self,
        clinic_id: ClinicId,
        kind: str,
        record: ports.Recordable,
        facts: Mapping[str, object] | None = None,
        by: UserId | None = None,
    ) -> None:
        event = at_the_entrance(by).did(
            kind, record.id, self.now, facts=facts, request_id=self._request_id
        )
        self._transaction.note(clinic_id, event)

    def commit(self) -> None:
        self._transaction.commit()
