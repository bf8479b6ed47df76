"""Accounts and the sessions in which they are signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from attrs import evolve, field, frozen

from clinicflow_core.entities.ids import ClinicId, DoctorId, SessionId, UserId
from clinicflow_core.errors import GoogleRefusedError
from clinicflow_core.wire import HIDDEN


class Role(Enum):
    """What somebody is in a clinic; `accounts.permissions` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    DOCTOR = "doctor"


class UserStatus(Enum):
    """Only an active account can sign in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@frozen(kw_only=True)
class User:
    """
    Somebody who signs in.

    Attributes:
        doctor_id: Whose diary is their own; only for the doctor role.
        email: As it was typed; compared without case.
        google_id: Whom Google says it is, for ever: its `sub`, never the e-mail.

    Raises:
        ValueError: If there is no way to sign in, or *doctor_id* is given to
            another role.
    """

    id: UserId
    clinic_id: ClinicId
    doctor_id: DoctorId | None = None
    email: str = field(repr=False)
    password_hash: str | None = field(default=None, repr=False, metadata=HIDDEN)
    google_id: str | None = field(default=None, repr=False, metadata=HIDDEN)
    name: str = field(repr=False)
    role: Role
    status: UserStatus = UserStatus.ACTIVE
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def __attrs_post_init__(self) -> None:
        if self.password_hash is None and self.google_id is None:
            raise ValueError("an account needs a password or a Google sign-in")
        if self.doctor_id is not None and self.role is not Role.DOCTOR:
            raise ValueError("only the doctor role has a diary of its own")

    @property
    def sort_key(self) -> tuple[str, ...]:
        """The order of lists, by code point."""
        return (self.name, str(self.id))

    @property
    def is_active_owner(self) -> bool:
        return self.role is Role.OWNER and self.status is UserStatus.ACTIVE

    def linked(self, google_id: str, now: datetime) -> User:
        """
        Return the account as one that also signs in as *google_id*.

        Raises:
            GoogleRefusedError: If it signs in as another one already.
        """
        if self.google_id not in (None, google_id):
            raise GoogleRefusedError
        return self.changed({"google_id": google_id}, now)

    def changed(self, changes: Mapping[str, Any], now: datetime) -> User:
        return evolve(self, **changes, version=self.version + 1, updated_at=now)


@frozen(kw_only=True)
class Session:
    """
    One sign-in of one user, from login to logout.

    Attributes:
        refresh_id: The only refresh token of this session that may still be spent.
    """

    id: SessionId
    clinic_id: ClinicId
    user_id: UserId
    refresh_id: UUID
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Return whether somebody is still signed in with it."""
        return self.ended_at is None and self.expires_at > now
