"""Accounts in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from clinicflow_core import ports
from clinicflow_core.entities.ids import DoctorId, SessionId, UserId
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.errors import (
    ClinicNotFoundError,
    ContentionError,
    EmailTakenError,
    GoogleTakenError,
    RefusedError,
    StaleVersionError,
    UserNotFoundError,
)
from clinicflow_core.memory.repository import Repository, follows, page_of
from clinicflow_core.memory.transaction import Transaction, anything


class MemoryUsers(Repository):
    """See `ports.Users`."""

    def add(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        put_user(self._transaction, user, self._there("doctors", user.doctor_id))

    def save(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        self._transaction.hold([("accounts", self._clinic_id)])
        is_next = follows(user)
        is_there = self._there("doctors", user.doctor_id)

        def check(stored: Any) -> None:
            is_next(stored)
            is_there(stored)
            if stored.clinic_id != self._clinic_id:
                raise ContentionError(StaleVersionError(user.id))

        put_user(self._transaction, user, check)

    def of_doctor(self, doctor_id: DoctorId) -> tuple[User, ...]:
        users = self._transaction.rows("users", None).values()
        theirs = (
            user
            for user in users
            if user.clinic_id == self._clinic_id and user.doctor_id == doctor_id
        )
        return tuple(sorted(theirs, key=lambda user: user.id))

    def hold_owners(self) -> tuple[User, ...]:
        self._transaction.hold([("accounts", self._clinic_id)])
        users = self._transaction.rows("users", None).values()
        owners = (
            user
            for user in users
            if user.clinic_id == self._clinic_id
            and user.role is Role.OWNER
            and user.status is UserStatus.ACTIVE
        )
        return tuple(sorted(owners, key=lambda user: user.id))

    def end_session(self, session_id: SessionId) -> None:
        self._end_those(lambda session: session.id == session_id)

    def end_sessions(self, user_id: UserId, but: SessionId | None = None) -> None:
        self._end_those(
            lambda session: session.user_id == user_id and session.id != but
        )

    def _end_those(self, ends: Callable[[Session], bool]) -> None:
        for session in self._transaction.rows("sessions", None).values():
            is_ours = session.clinic_id == self._clinic_id
            if is_ours and session.ended_at is None and ends(session):
                ended = evolve(session, ended_at=self._transaction.now)
                self._transaction.write("sessions", None, (session.id,), ended)

    def get(self, user_id: UserId) -> User:
        user: User | None = self._transaction.find("users", None, (user_id,))
        if user is None or user.clinic_id != self._clinic_id:
            raise UserNotFoundError(user_id)
        return user

    def page(self, request: ports.PageRequest) -> ports.Page[User]:
        users = self._transaction.rows("users", None).values()
        return page_of((u for u in users if u.clinic_id == self._clinic_id), request)


def put_user(
    transaction: Transaction, user: User, check: Callable[[Any], None] = anything
) -> None:
    """Keep *user*, whom nobody else signs in as, if *check* accepts the old one."""
    before: User | None = transaction.find("users", None, (user.id,))
    if before is not None:
        transaction.write("emails", None, (before.email.casefold(),), None)
        transaction.write("google_ids", None, (before.google_id,), None)
    transaction.write("users", None, (user.id,), user, check)
    email, google_id = (user.email.casefold(),), (user.google_id,)
    transaction.write("emails", None, email, user.id, _unless(EmailTakenError))
    if user.google_id is not None:
        taken = _unless(GoogleTakenError)
        transaction.write("google_ids", None, google_id, user.id, taken)


def _unless(taken: type[RefusedError]) -> Callable[[Any], None]:
    def check(stored: object) -> None:
        if stored is not None:
            raise taken

    return check
