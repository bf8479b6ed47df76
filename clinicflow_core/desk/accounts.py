"""Accounts: a clinic signs up, people sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID, uuid4

from attrs import evolve, field, frozen

from clinicflow_core.accounts import lockout, passwords
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import at_most, email, one_line, text, zone
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.clinic import Clinic, ClinicSize
from clinicflow_core.entities.ids import ClinicId, SessionId, UserId
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.errors import (
    InvalidError,
    NotSignedInError,
    Problem,
    RefusedError,
    StaleVersionError,
    TooManyTriesError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Entrance, UnitOfWork
from clinicflow_core.wire import UNSET, Unset, changes

SESSION_LENGTH = timedelta(days=30)
"""How long a sign-in can be refreshed."""


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
    password: str = field(repr=False, validator=passwords.strong)


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
class ChangePassword:
    """A new password of 12 to 72 bytes, for whoever knows the current one."""

    current_password: str = field(repr=False, validator=text(1000))
    new_password: str = field(repr=False, validator=passwords.strong)


@frozen(kw_only=True)
class ChangeClinic:
    """
    Other facts about the clinic; what is left out stays as it is.

    A new time zone applies to visits booked from then on.

    Attributes:
        ai_summaries: Whether summaries may be made by a service outside; without,
            nothing leaves the machine.
    """

    name: str | Unset = field(default=UNSET, validator=one_line(255))
    timezone: str | Unset = field(default=UNSET, validator=zone())
    clinic_type: str | Unset | None = field(default=UNSET, validator=one_line(50))
    clinic_size: ClinicSize | Unset | None = UNSET
    clinic_metadata: Mapping[str, object] | Unset = field(
        default=UNSET, validator=at_most(100)
    )
    ai_summaries: bool | Unset = UNSET


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
        entrance.record(clinic.id, "clinic.signed-up", clinic, by=owner.id)
        entrance.record(
            clinic.id, "user.added", owner, facts={"role": "owner"}, by=owner.id
        )
        entrance.commit()
    return SignedIn(session=session, user=owner, clinic=clinic)


def _as_it_is(user: User) -> User:
    return user


def sign_in(
    request: Credentials,
    entrance: Entrance,
    address: str | None = None,
    change: Callable[[User], User] = _as_it_is,
) -> SignedIn:
    """
    Sign somebody in.

    Takes as long for an unknown e-mail as for a wrong password. The password is
    checked between two transactions: it takes a while, and nobody should wait.

    Args:
        address: The IP address from which it is asked, if it comes over a network:
            wrong tries count against it as well.
        change: What else becomes of the account whose password was right, stored
            and recorded in the transaction that signs in.

    Raises:
        WrongCredentialsError: If e-mail and password do not belong together, or
            the account is not active.
        TooManyTriesError: If there were too many wrong ones lately.
    """
    with tried(request.email, address, entrance):
        with entrance:
            found = entrance.find_user(request.email)
        checked = None if found is None else found.password_hash
        if not passwords.matches(request.password, checked):
            raise WrongCredentialsError
        return _begin_session(request.email, checked, entrance, change)


@retried
def _begin_session(
    email: str,
    checked: str | None,
    entrance: Entrance,
    change: Callable[[User], User],
) -> SignedIn:
    """Sign the account in, unless it is another one than was *checked*."""
    with entrance:
        user = entrance.hold_user(email)
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
        entrance.record(clinic.id, "user.signed-in", user, by=user.id)
        entrance.commit()
    return SignedIn(session=session, user=user, clinic=clinic)


@contextmanager
def tried(email: str, address: str | None, entrance: Entrance) -> Iterator[None]:
    """
    Count a try to prove an account; it is forgiven if that was not what failed.

    Raises:
        TooManyTriesError: If there were too many wrong ones lately.
    """
    who = lockout.subjects(email, address)
    _count(who, entrance)
    try:
        yield
    except RefusedError:
        _forgive(who, entrance)  # The password was right; something else was not.
        raise
    _forgive(who, entrance)


@retried
def _count(who: lockout.Subjects, entrance: Entrance) -> None:
    with entrance:
        tries = entrance.hold_tries(who.all())
        if wait := lockout.wait(tries, who, entrance.now):
            raise TooManyTriesError(ceil(wait.total_seconds()))
        for each in lockout.begun(tries, who, entrance.now):
            entrance.save_tries(each)
        entrance.commit()


@retried
def _forgive(who: lockout.Subjects, entrance: Entrance) -> None:
    with entrance:
        tries = entrance.hold_tries(who.all())
        for each in lockout.forgiven(tries, who, entrance.now):
            entrance.save_tries(each)
        entrance.forget_tries(entrance.now - lockout.KNOWN_FOR)
        entrance.commit()


@retried
def refresh(session_id: SessionId, refresh_id: UUID, entrance: Entrance) -> SignedIn:
    """
    Go on with a session: its refresh token is spent, and there is a new one.

    Who comes with a token that was spent before has it from somebody else, or
    somebody else has theirs: the session ends for both.

    Raises:
        NotSignedInError: If the session has ended, or the token was spent before.
    """
    with entrance:
        session = entrance.hold_session(session_id)
        if session is None or not session.counts(entrance.now):
            raise NotSignedInError
        user = entrance.get_user(session.user_id)
        if user.status is not UserStatus.ACTIVE:
            raise NotSignedInError
        is_spent = session.refresh_id != refresh_id
        if is_spent:
            session = evolve(session, ended_at=entrance.now)
            entrance.record(session.clinic_id, "user.session-reused", user, by=user.id)
        else:
            session = evolve(session, refresh_id=uuid4())
        entrance.save_session(session)
        clinic = entrance.get_clinic(session.clinic_id)
        entrance.commit()
    if is_spent:
        raise NotSignedInError
    return SignedIn(session=session, user=user, clinic=clinic)


@retried
def sign_out(uow: UnitOfWork) -> None:
    """End the session in which this is asked; its tokens count no more."""
    with uow:
        user_id, session_id = _account(uow)
        uow.users.end_session(session_id)
        uow.record("user.signed-out", uow.users.get(user_id))
        uow.commit()


@retried
def change_password(
    request: ChangePassword,
    uow: UnitOfWork,
    entrance: Entrance,
    address: str | None = None,
) -> None:
    """
    Change one's own password; all other sessions of the account end.

    Args:
        address: The IP address from which it is asked; see `sign_in`.

    Raises:
        InvalidError: If the current password is another.
        TooManyTriesError: If there were too many wrong ones lately.
    """
    with uow:
        user_id, _ = _account(uow)
        before = uow.users.get(user_id)
    with tried(before.email, address, entrance):
        if not passwords.matches(request.current_password, before.password_hash):
            problem = Problem("/current_password", "is not the current password")
            raise InvalidError((problem,))
    password_hash = passwords.hash_password(request.new_password)
    with uow:
        user_id, session_id = _account(uow)
        user = uow.users.get(user_id)
        if user.password_hash != before.password_hash:
            raise StaleVersionError(user_id)
        user = user.changed({"password_hash": password_hash}, uow.now)
        uow.users.save(user)
        uow.users.end_sessions(user_id, but=session_id)
        uow.record("user.password-changed", user)
        uow.commit()


def me(uow: UnitOfWork) -> Me:
    """Return who is signed in, where, and what they may do."""
    with uow:
        user_id, _ = _account(uow)
        permissions = sorted(uow.actor.permissions, key=lambda p: p.value)
        return Me(
            user=uow.users.get(user_id),
            clinic=uow.clinic,
            permissions=tuple(permissions),
        )


def clinic(uow: UnitOfWork) -> Clinic:
    """Return the clinic."""
    with uow:
        uow.actor.must(Permission.SEE_CLINIC)
        return uow.clinic


@retried
def change_clinic(
    request: ChangeClinic, uow: UnitOfWork, version: int | None = None
) -> Clinic:
    """
    Change facts about the clinic.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        StaleVersionError: If the clinic has another *version*.
    """
    with uow:
        uow.actor.must(Permission.KEEP_CLINIC)
        require_version(uow.clinic, version)
        changed = uow.clinic.changed(changes(request), uow.now)
        uow.change_clinic(changed)
        uow.record(
            "clinic.changed", changed, facts={"fields": sorted(changes(request))}
        )
        uow.commit()
    return changed


def _account(uow: UnitOfWork) -> tuple[UserId, SessionId]:
    """
    Raises:
        NotSignedInError: If a program acts, which has no account.
    """
    actor = uow.actor
    if actor.user_id is None or actor.session_id is None:
        raise NotSignedInError
    return actor.user_id, actor.session_id


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
