"""Who may do what: one table of roles, asked by every act."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from clinicflow_core.entities.ids import DoctorId, SessionId, UserId
from clinicflow_core.entities.user import Role, User
from clinicflow_core.errors import NotPermittedError


class Permission(Enum):
    """One thing that somebody may do; the value is its name for people."""

    SEE_DIARY = "see the diary"
    BOOK = "book visits"
    OVERRIDE = "book against the rules"
    RECORD_VISITS = "record arrival and completion"
    SEE_PATIENTS = "see patients"
    KEEP_PATIENTS = "register and change patients"
    ERASE_PATIENTS = "erase patients"
    KEEP_DOCTORS = "add and change doctors and their hours"
    KEEP_USERS = "manage accounts"
    KEEP_CLINIC = "change the clinic"
    IMPORT = "import records"


_READING = frozenset({Permission.SEE_DIARY, Permission.SEE_PATIENTS})
_DESK = _READING | {
    Permission.BOOK,
    Permission.OVERRIDE,
    Permission.RECORD_VISITS,
    Permission.KEEP_PATIENTS,
    Permission.KEEP_DOCTORS,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _DESK | {Permission.KEEP_USERS, Permission.IMPORT},
    Role.DOCTOR: _READING | {Permission.RECORD_VISITS},
}
"""The permissions of each role. A program that runs as the system has them all."""


@frozen(kw_only=True)
class Actor:
    """
    Whoever acts, with what they may do.

    Attributes:
        name: "user", or the name of the program that acts as the system.
        user_id: The account, or None for a program.
    """

    name: str
    user_id: UserId | None = None
    doctor_id: DoctorId | None = None
    session_id: SessionId | None = None
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def must(self, permission: Permission) -> None:
        """
        Raises:
            NotPermittedError: If the role does not include *permission*.
        """
        if not self.may(permission):
            raise NotPermittedError(permission.value)


def system(name: str) -> Actor:
    """Return the actor for a program called *name*, which may do everything."""
    return Actor(name=name, permissions=frozenset(Permission))


def actor_of(user: User, session_id: SessionId) -> Actor:
    """Return the actor for a signed-in *user*."""
    return Actor(
        name="user",
        user_id=user.id,
        doctor_id=user.doctor_id,
        session_id=session_id,
        permissions=PERMISSIONS[user.role],
    )
