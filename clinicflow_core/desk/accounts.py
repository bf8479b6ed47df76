"""Accounts: a clinic signs up, people sign in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from attrs import field, frozen

from clinicflow_core.accounts import passwords
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.ids import ClinicId, DoctorId, SessionId, UserId
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.errors import WrongCredentialsError
from clinicflow_core.ports import Entrance, Page, PageRequest, UnitOfWork
from clinicflow_core.wire import (
    UNSET,
    Unset,
    at_most,
    changes,
    email,
    one_line,
    text,
    zone,
)

SESSION_LENGTH = timedelta(days=30)
"""How long a sign-in can be refreshed."""


def _strong(_: object, __: object, password: str) -> None:
    passwords.refuse_weak(password)


@frozen(kw_only=True)
class NewClinic:
    """
    A clinic that signs up.

    Attributes:
        timezone: An IANA name.
        phone: Kept in the clinic's metadata.
    """

    name: str = field(validator=one_line(255))
    timezone: str = field(default="America/New_York", validator=zone())
    clinic_type: str | None = field(default=None, validator=one_line(50))
    clinic_size: ClinicSize | None = None
    phone: str | None = field(default=None, repr=False, validator=one_line(20))


@frozen(kw_only=True)
class NewOwner:
    """The first account of a clinic; a password has 12 to 72 bytes."""

    name: str = field(repr=False, validator=one_line(255))
    email: str = field(repr=False, validator=email())
    password: str = field(repr=False, validator=_strong)


@frozen(kw_only=True)
class SignUp:
    """A clinic and its owner."""

    clinic: NewClinic
    owner: NewOwner


@frozen(kw_only=True)
class Credentials:
    """What somebody signs in with."""

    email: str = field(repr=False, validator=text(255))
    password: str = field(repr=False, validator=text(1000))


@frozen(kw_only=True)
class CreateUser:
    """
    An account for somebody who works in the clinic.

    Attributes:
        doctor_id: Whose diary is their own; only for the doctor role.
    """

    name: str = field(repr=False, validator=one_line(255))
    email: str = field(repr=False, validator=email())
    role: Role
    doctor_id: DoctorId | None = None
    password: str = field(repr=False, validator=_strong)

    def __attrs_post_init__(self) -> None:
        if self.doctor_id is not None and self.role is not Role.DOCTOR:
            raise ValueError("only the doctor role has a diary of its own")


@frozen(kw_only=True)
class ChangeClinic:
    """
    Other facts about the clinic; what is left out stays as it is.

    A new time zone applies to visits booked from then on.
    """

    name: str | Unset = field(default=UNSET, validator=one_line(255))
    timezone: str | Unset = field(default=UNSET, validator=zone())
    clinic_type: str | Unset | None = field(default=UNSET, validator=one_line(50))
    clinic_size: ClinicSize | Unset | None = UNSET
    clinic_metadata: Mapping[str, object] | Unset = field(
        default=UNSET, validator=at_most(100)
    )


@frozen(kw_only=True)
class SignedIn:
    """Somebody who just signed in, with their session and clinic."""

    session: Session
    user: User
    clinic: Clinic


@frozen(kw_only=True)
class Me:
    """Whoever is signed in."""

    user: User
    clinic: Clinic
    permissions: tuple[Permission, ...]


@retried
def found_clinic(request: NewClinic, entrance: Entrance) -> Clinic:
    """Found a clinic without accounts, for a program that signs people in itself."""
    with entrance:
        clinic = new_clinic(request, entrance.now)
        entrance.add_clinic(clinic)
        entrance.record(clinic.id, "clinic.founded", clinic)
        entrance.commit()
    return clinic


@retried
def sign_up(request: SignUp, entrance: Entrance) -> SignedIn:
    """
    Found a clinic with its owner, who is signed in at once.

    Raises:
        EmailTakenError: If an account with the e-mail exists.
    """
    password_hash = passwords.hash_password(request.owner.password)
    with entrance:
        clinic = new_clinic(request.clinic, entrance.now)
        owner = User(
            id=UserId(uuid4()),
            clinic_id=clinic.id,
            email=request.owner.email,
            password_hash=password_hash,
            name=request.owner.name,
            role=Role.OWNER,
            created_at=entrance.now,
            updated_at=entrance.now,
        )
        session = new_session(owner, entrance.now)
        entrance.add_clinic(clinic)
        entrance.add_user(owner)
        entrance.add_session(session)
        entrance.record(clinic.id, "clinic.signed-up", clinic)
        entrance.commit()
    return SignedIn(session=session, user=owner, clinic=clinic)


def _as_it_is(user: User) -> User:
    return user


@retried
def sign_in(
    request: Credentials,
    entrance: Entrance,
    change: Callable[[User], User] = _as_it_is,
) -> SignedIn:
    """
    Sign somebody in.

    Takes as long for an unknown e-mail as for a wrong password. The password is
    checked between two transactions: it takes a while, and nobody should wait.

    Args:
        change: What else becomes of the account whose password was right, stored
            and recorded in the transaction that signs in.

    Raises:
        WrongCredentialsError: If e-mail and password do not belong together, or
            the account is not active.
    """
    with entrance:
        found = entrance.find_user(request.email)
    checked = None if found is None else found.password_hash
    if not passwords.matches(request.password, checked):
        raise WrongCredentialsError
    with entrance:
        user = entrance.find_user(request.email)
        if (
            user is None
            or user.password_hash != checked
            or user.status is not UserStatus.ACTIVE
        ):
            raise WrongCredentialsError
        user = change(user)
        session = new_session(user, entrance.now)
        clinic = entrance.get_clinic(user.clinic_id)
        entrance.add_session(session)
        entrance.record(clinic.id, "user.signed-in", user)
        entrance.commit()
    return SignedIn(session=session, user=user, clinic=clinic)


@retried
def create_user(request: CreateUser, uow: UnitOfWork) -> User:
    """
    Open an account for somebody who works in the clinic.

    Raises:
        EmailTakenError: If an account with the e-mail exists.
        DoctorNotFoundError: If *doctor_id* is no doctor of this clinic.
    """
    password_hash = passwords.hash_password(request.password)
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
        if request.role is Role.OWNER:
            uow.actor.must(Permission.KEEP_CLINIC)
        if request.doctor_id is not None:
            uow.doctors.get(request.doctor_id)
        user = User(
            id=UserId(uuid4()),
            clinic_id=uow.clinic.id,
            doctor_id=request.doctor_id,
            email=request.email,
            password_hash=password_hash,
            name=request.name,
            role=request.role,
            created_at=uow.now,
            updated_at=uow.now,
        )
        uow.users.add(user)
        uow.record("user.created", user, facts={"role": user.role.value})
        uow.commit()
    return user


def get_user(user_id: UserId, uow: UnitOfWork) -> User:
    """
    Raises:
        UserNotFoundError: If there is no such account.
    """
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
        return uow.users.get(user_id)


def users(request: PageRequest, uow: UnitOfWork) -> Page[User]:
    """Return a part of the accounts, by name."""
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
        return uow.users.page(request)


def me(uow: UnitOfWork) -> Me:
    """Return who is signed in, where, and what they may do."""
    with uow:
        user_id = uow.actor.user_id
        assert user_id is not None, "a program has no account"
        permissions = sorted(uow.actor.permissions, key=lambda p: p.value)
        return Me(
            user=uow.users.get(user_id),
            clinic=uow.clinic,
            permissions=tuple(permissions),
        )


def clinic(uow: UnitOfWork) -> Clinic:
    """Return the clinic."""
    with uow:
        uow.actor.must(Permission.SEE_DIARY)
        return uow.clinic


@retried
def change_clinic(request: ChangeClinic, uow: UnitOfWork) -> Clinic:
    """Change facts about the clinic."""
    with uow:
        uow.actor.must(Permission.KEEP_CLINIC)
        changed = uow.clinic.changed(changes(request), uow.now)
        uow.change_clinic(changed)
        uow.record(
            "clinic.changed", changed, facts={"fields": sorted(changes(request))}
        )
        uow.commit()
    return changed


def new_clinic(request: NewClinic, now: datetime) -> Clinic:
    """Return the clinic that *request* describes; nothing is stored."""
    return Clinic(
        id=ClinicId(uuid4()),
        name=request.name,
        timezone=request.timezone,
        clinic_type=request.clinic_type,
        clinic_size=request.clinic_size,
        clinic_metadata={} if request.phone is None else {"phone": request.phone},
        created_at=now,
        updated_at=now,
    )


def new_session(user: User, now: datetime) -> Session:
    """Return a session that begins *now*; nothing is stored."""
    return Session(
        id=SessionId(uuid4()),
        clinic_id=user.clinic_id,
        user_id=user.id,
        refresh_id=uuid4(),
        created_at=now,
        expires_at=now + SESSION_LENGTH,
    )
