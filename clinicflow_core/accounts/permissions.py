"""Who may do what: one table of parts that people and programs play, for every act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from uuid import UUID, uuid4

from attrs import frozen

from clinicflow_core.entities.event import Event
from clinicflow_core.entities.ids import DoctorId, EventId, SessionId, UserId
from clinicflow_core.entities.user import User
from clinicflow_core.errors import NotPermittedError


class Part(Enum):
    """
    What somebody is towards a clinic.

    The first three are the roles of accounts; whoever has a link to an intake form
    plays the fourth, and a program the last.
    """

    OWNER = "owner"
    ADMIN = "admin"
    DOCTOR = "doctor"
    PATIENT_LINK = "patient-link"
    SYSTEM = "system"


class Permission(Enum):
    """One thing that somebody may do; the value is its name for people."""

    SEE_CLINIC = "see the clinic, its doctors and their hours"
    SEE_DIARY = "see every diary"
    SEE_OWN_DIARY = "see their own diary"
    BOOK = "book visits"
    OVERRIDE = "book against the rules"
    RECORD_VISITS = "record arrival and completion"
    SEE_PATIENTS = "see patients"
    SEE_OWN_PATIENTS = "see their own patients"
    KEEP_PATIENTS = "register and change patients"
    ERASE_PATIENTS = "erase patients"
    FILL_INTAKE = "fill in one intake form"
    KEEP_QUESTIONNAIRES = "add questionnaires"
    SEND_INTAKE = "send, link and revoke intake forms"
    SEE_INTAKE = "see every patient's intake"
    SEE_OWN_INTAKE = "see the intake of their own patients"
    REVIEW_INTAKE = "review intake forms"
    SIGN_SUMMARIES = "edit and sign summaries"
    KEEP_DOCTORS = "add and change doctors and their hours"
    SEE_USERS = "see accounts"
    KEEP_USERS = "manage accounts"
    KEEP_CLINIC = "change the clinic"
    IMPORT = "import records"
    AUDIT = "inspect the trail"
    KEEP_JOBS = "retry and drop jobs"


_ADMIN = frozenset(
    {
        Permission.SEE_CLINIC,
        Permission.SEE_DIARY,
        Permission.BOOK,
        Permission.OVERRIDE,
        Permission.RECORD_VISITS,
        Permission.SEE_PATIENTS,
        Permission.KEEP_PATIENTS,
        Permission.KEEP_DOCTORS,
        Permission.SEE_USERS,
        Permission.IMPORT,
        Permission.KEEP_QUESTIONNAIRES,
        Permission.SEND_INTAKE,
        Permission.SEE_INTAKE,
        Permission.REVIEW_INTAKE,
    }
)

PERMISSIONS: Mapping[Part, frozenset[Permission]] = {
    Part.OWNER: _ADMIN
    | {
        Permission.ERASE_PATIENTS,
        Permission.KEEP_USERS,
        Permission.KEEP_CLINIC,
        Permission.SIGN_SUMMARIES,
        Permission.AUDIT,
        Permission.KEEP_JOBS,
    },
    Part.ADMIN: _ADMIN,
    Part.DOCTOR: frozenset(
        {
            Permission.SEE_CLINIC,
            Permission.SEE_OWN_DIARY,
            Permission.RECORD_VISITS,
            Permission.SEE_OWN_PATIENTS,
            Permission.SEE_OWN_INTAKE,
            Permission.REVIEW_INTAKE,
            Permission.SIGN_SUMMARIES,
        }
    ),
    Part.PATIENT_LINK: frozenset({Permission.FILL_INTAKE}),
    Part.SYSTEM: frozenset(Permission),
}
"""The permissions of each part."""


@frozen(kw_only=True)
class Actor:
    """
    Whoever acts, with what they may do.

    Attributes:
        name: "user", or the name of the program that acts as the system.
        user_id: The account, or None for a program.
        doctor_id: Whose diary is their own, if they have one.
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
            NotPermittedError: If the part does not include *permission*.
        """
        if not self.may(permission):
            raise NotPermittedError(permission.value)

    def must_see_diary(self, doctor_id: DoctorId) -> None:
        """
        Raises:
            NotPermittedError: If the diary is neither theirs nor theirs to see.
        """
        if not self.may(Permission.SEE_DIARY):
            self.must(Permission.SEE_OWN_DIARY)
            if doctor_id != self.doctor_id:
                raise NotPermittedError(Permission.SEE_DIARY.value)

    def sees_only(self, all_of: Permission, own: Permission) -> DoctorId | None:
        """
        Return the doctor to whose records they are bound; None if they see all.

        Args:
            all_of: The permission to see the records of every doctor.
            own: The permission to see their own alone.

        Raises:
            NotPermittedError: If they may see none, or are no doctor of their own.
        """
        if self.may(all_of):
            return None
        self.must(own)
        if self.doctor_id is None:
            raise NotPermittedError(all_of.value)
        return self.doctor_id

    def did(
        self,
        kind: str,
        record_id: UUID,
        at: datetime,
        *,
        facts: Mapping[str, object] | None = None,
        reason: str | None = None,
        request_id: str | None = None,
    ) -> Event:
        """Return the event that this actor let happen; see `Event` for its parts."""
        return Event(
            id=EventId(uuid4()),
            kind=kind,
            record_id=record_id,
            at=at,
            actor=self.name,
            user_id=self.user_id,
            reason=reason,
            request_id=request_id,
            facts=facts or {},
        )


def with_link() -> Actor:
    """Return the actor who came with a link to an intake form."""
    part = Part.PATIENT_LINK
    return Actor(name=part.value, permissions=PERMISSIONS[part])


def system(name: str) -> Actor:
    """Return the actor for a program called *name*, which may do everything."""
    return Actor(name=name, permissions=PERMISSIONS[Part.SYSTEM])


def at_the_entrance(user_id: UserId | None) -> Actor:
    """Return the actor who signs up or in, with the account once it is known."""
    return Actor(name="entrance", user_id=user_id, permissions=frozenset())


def actor_of(user: User, session_id: SessionId) -> Actor:
    """Return the actor for a signed-in *user*."""
    return Actor(
        name="user",
        user_id=user.id,
        doctor_id=user.doctor_id,
        session_id=session_id,
        permissions=PERMISSIONS[Part(user.role.value)],
    )
