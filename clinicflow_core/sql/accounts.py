"""Clinics, accounts and sessions as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, insert, select, update

from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.ids import ClinicId, DoctorId, SessionId, UserId
from clinicflow_core.entities.policy import NO_POLICY, SchedulingPolicy
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.errors import ClinicNotFoundError, UserNotFoundError
from clinicflow_core.ports import Page, PageRequest
from clinicflow_core.sql.paging import page_of
from clinicflow_core.sql.policies import policy_of, row_of_policy
from clinicflow_core.sql.prepared import Fixed, Row, Trip, all_columns
from clinicflow_core.sql.tables import clinics, sessions, users
from clinicflow_core.sql.versions import replace, update_of

_ADD_CLINIC = Fixed(insert(clinics), all_columns(clinics))
_SAVE_CLINIC = update_of(clinics)
_ADD_USER = Fixed(insert(users), all_columns(users))
_GET_USER = Fixed(
    select(users).where(
        users.c.id == bindparam("id"), users.c.clinic_id == bindparam("clinic_id")
    )
)
_FIND_USER = Fixed(select(users).where(users.c.email_key == bindparam("email_key")))
_HOLD_USER = Fixed(
    select(users)
    .where(users.c.email_key == bindparam("email_key"))
    .with_for_update(key_share=True)
)
_FIND_GOOGLE_USER = Fixed(
    select(users).where(users.c.google_id == bindparam("google_id"))
)
_HOLD_GOOGLE_USER = Fixed(
    select(users)
    .where(users.c.google_id == bindparam("google_id"))
    .with_for_update(key_share=True)
)
_GET_ANY_USER = Fixed(select(users).where(users.c.id == bindparam("id")))
_SAVE_USER = update_of(users)
_HOLD_CLINIC = Fixed(
    select(clinics.c.id)
    .where(clinics.c.id == bindparam("clinic_id"))
    .with_for_update(key_share=True)
)
_OF_DOCTOR = Fixed(
    select(users)
    .where(
        users.c.clinic_id == bindparam("clinic_id"),
        users.c.doctor_id == bindparam("doctor_id"),
    )
    .order_by(users.c.id)
)
_OWNERS = Fixed(
    select(users)
    .where(
        users.c.clinic_id == bindparam("clinic_id"),
        users.c.role == Role.OWNER.value,
        users.c.status == UserStatus.ACTIVE.value,
    )
    .order_by(users.c.id)
)
_ADD_SESSION = Fixed(insert(sessions), all_columns(sessions))
_HOLD_SESSION = Fixed(
    select(sessions).where(sessions.c.id == bindparam("id")).with_for_update()
)
_SAVE_SESSION = Fixed(
    update(sessions).where(sessions.c.id == bindparam("of_id")),
    ("refresh_id", "ended_at"),
)
_END_SESSION = Fixed(
    update(sessions).where(
        sessions.c.clinic_id == bindparam("of_clinic_id"),
        sessions.c.id == bindparam("of_id"),
        sessions.c.ended_at.is_(None),
    ),
    ("ended_at",),
)
_END_SESSIONS = Fixed(
    update(sessions).where(
        sessions.c.clinic_id == bindparam("of_clinic_id"),
        sessions.c.user_id == bindparam("of_user_id"),
        sessions.c.id != bindparam("but_id"),
        sessions.c.ended_at.is_(None),
    ),
    ("ended_at",),
)

NO_SESSION = SessionId(UUID(int=0))
"""The id of none: identifiers are random."""

GET_CLINIC = Fixed(select(clinics).where(clinics.c.id == bindparam("clinic_id")))
ALL_CLINICS = Fixed(select(clinics))
SIGNED_IN = Fixed(
    select(clinics, *(column.label(f"user_{column.key}") for column in users.columns))
    .select_from(
        sessions.join(users, users.c.id == sessions.c.user_id).join(
            clinics, clinics.c.id == sessions.c.clinic_id
        )
    )
    .where(
        sessions.c.id == bindparam("session_id"),
        sessions.c.clinic_id == bindparam("clinic_id"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
        users.c.status == UserStatus.ACTIVE.value,
    )
)
"""The clinic and, with the prefix `user_`, the account of a session that counts."""


def clinic_of(row: Row) -> Clinic:
    size = row["clinic_size"]
    return Clinic(
        id=row["id"],
        name=row["name"],
        timezone=row["timezone"],
        clinic_type=row["clinic_type"],
        clinic_size=None if size is None else ClinicSize(size),
        clinic_metadata=row["clinic_metadata"],
        ai_summaries=row["ai_summaries"],
        policy=policy_of(row["scheduling_policy"], SchedulingPolicy, NO_POLICY),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _row_of_clinic(clinic: Clinic) -> dict[str, Any]:
    size = clinic.clinic_size
    return {
        "id": clinic.id,
        "name": clinic.name,
        "timezone": clinic.timezone,
        "clinic_type": clinic.clinic_type,
        "clinic_size": None if size is None else size.value,
        "clinic_metadata": dict(clinic.clinic_metadata),
        "ai_summaries": clinic.ai_summaries,
        "scheduling_policy": row_of_policy(clinic.policy, NO_POLICY),
        "version": clinic.version,
        "created_at": clinic.created_at,
        "updated_at": clinic.updated_at,
    }


def user_of(row: Row, prefix: str = "") -> User:
    return User(
        id=row[f"{prefix}id"],
        clinic_id=row[f"{prefix}clinic_id"],
        doctor_id=row[f"{prefix}doctor_id"],
        email=row[f"{prefix}email"],
        password_hash=row[f"{prefix}password_hash"],
        google_id=row[f"{prefix}google_id"],
        name=row[f"{prefix}name"],
        role=Role(row[f"{prefix}role"]),
        status=UserStatus(row[f"{prefix}status"]),
        version=row[f"{prefix}version"],
        created_at=row[f"{prefix}created_at"],
        updated_at=row[f"{prefix}updated_at"],
    )


def _row_of_user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "clinic_id": user.clinic_id,
        "doctor_id": user.doctor_id,
        "email": user.email,
        "email_key": user.email.casefold(),
        "password_hash": user.password_hash,
        "google_id": user.google_id,
        "name": user.name,
        "role": user.role.value,
        "status": user.status.value,
        "version": user.version,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def add_clinic(trip: Trip, clinic: Clinic) -> None:
    trip.later(_ADD_CLINIC, _row_of_clinic(clinic))


def save_clinic(trip: Trip, clinic: Clinic) -> None:
    replace(trip, _SAVE_CLINIC, _row_of_clinic(clinic))


def add_user(trip: Trip, user: User) -> None:
    trip.later(_ADD_USER, _row_of_user(user))


def save_user(trip: Trip, user: User) -> None:
    replace(trip, _SAVE_USER, _row_of_user(user))


def find_user(trip: Trip, email: str, *, hold: bool = False) -> User | None:
    """Return the account with *email*, compared without case."""
    asked = {"email_key": email.casefold()}
    [rows] = trip.now((_HOLD_USER if hold else _FIND_USER, asked))
    return user_of(rows[0]) if rows else None


def find_google_user(trip: Trip, google_id: str, *, hold: bool = False) -> User | None:
    asked = {"google_id": google_id}
    [rows] = trip.now((_HOLD_GOOGLE_USER if hold else _FIND_GOOGLE_USER, asked))
    return user_of(rows[0]) if rows else None


def get_user(trip: Trip, user_id: UserId) -> User:
    [rows] = trip.now((_GET_ANY_USER, {"id": user_id}))
    if not rows:
        raise UserNotFoundError(user_id)
    return user_of(rows[0])


def add_session(trip: Trip, session: Session) -> None:
    trip.later(
        _ADD_SESSION,
        {
            "id": session.id,
            "clinic_id": session.clinic_id,
            "user_id": session.user_id,
            "refresh_id": session.refresh_id,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "ended_at": session.ended_at,
        },
    )


def hold_session(trip: Trip, session_id: SessionId) -> Session | None:
    [rows] = trip.now((_HOLD_SESSION, {"id": session_id}))
    return session_of(rows[0]) if rows else None


def save_session(trip: Trip, session: Session) -> None:
    trip.later(
        _SAVE_SESSION,
        {
            "of_id": session.id,
            "refresh_id": session.refresh_id,
            "ended_at": session.ended_at,
        },
    )


def session_of(row: Row) -> Session:
    return Session(
        id=row["id"],
        clinic_id=row["clinic_id"],
        user_id=row["user_id"],
        refresh_id=row["refresh_id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
    )


class SqlUsers:
    """See `ports.Users`."""

    def __init__(self, trip: Trip, clinic_id: ClinicId, now: datetime) -> None:
        self._trip = trip
        self._clinic_id = clinic_id
        self._now = now

    def add(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        add_user(self._trip, user)

    def get(self, user_id: UserId) -> User:
        [rows] = self._trip.now(
            (_GET_USER, {"id": user_id, "clinic_id": self._clinic_id})
        )
        if not rows:
            raise UserNotFoundError(user_id)
        return user_of(rows[0])

    def save(self, user: User) -> None:
        if user.clinic_id != self._clinic_id:
            raise ClinicNotFoundError(user.clinic_id)
        replace(self._trip, _SAVE_USER, _row_of_user(user))

    def of_doctor(self, doctor_id: DoctorId) -> tuple[User, ...]:
        asked = {"clinic_id": self._clinic_id, "doctor_id": doctor_id}
        [rows] = self._trip.now((_OF_DOCTOR, asked))
        return tuple(user_of(row) for row in rows)

    def hold_owners(self) -> tuple[User, ...]:
        asked = {"clinic_id": self._clinic_id}
        _, rows = self._trip.now((_HOLD_CLINIC, asked), (_OWNERS, asked))
        return tuple(user_of(row) for row in rows)

    def end_session(self, session_id: SessionId) -> None:
        self._trip.later(
            _END_SESSION,
            {
                "of_clinic_id": self._clinic_id,
                "of_id": session_id,
                "ended_at": self._now,
            },
        )

    def end_sessions(self, user_id: UserId, but: SessionId | None = None) -> None:
        self._trip.later(
            _END_SESSIONS,
            {
                "of_clinic_id": self._clinic_id,
                "of_user_id": user_id,
                "but_id": but or NO_SESSION,
                "ended_at": self._now,
            },
        )

    def page(self, request: PageRequest) -> Page[User]:
        after = request.after and (request.after[0], UUID(request.after[1]))
        return page_of(
            self._trip,
            select(users).where(users.c.clinic_id == self._clinic_id),
            [users.c.name, users.c.id],
            after,
            request,
            user_of,
        )
