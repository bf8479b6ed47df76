"""Accounts of people who work in a clinic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from attrs import field, frozen

from clinicflow_core.accounts import passwords
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.checks import email, one_line
from clinicflow_core.desk.retrying import retried
from clinicflow_core.desk.versions import require_version
from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.user import Role, User, UserStatus
from clinicflow_core.errors import InvalidError, LastOwnerError, Problem
from clinicflow_core.ports import Page, PageRequest, UnitOfWork
from clinicflow_core.wire import UNSET, Unset, changes

_NOT_A_DOCTOR = "only the doctor role has a diary of its own"


@frozen(kw_only=True)
class AddUser:
    """
    An account for somebody who works in the clinic.

    Attributes:
        doctor_id: Whose diary is their own; only for the doctor role.
        password: Of 12 to 72 bytes, and none that many people have.
    """

    name: str = field(repr=False, validator=one_line(255))
    email: str = field(repr=False, validator=email())
    role: Role
    doctor_id: DoctorId | None = None
    password: str = field(repr=False, validator=passwords.strong)

    def __attrs_post_init__(self) -> None:
        if self.doctor_id is not None and self.role is not Role.DOCTOR:
            raise ValueError(_NOT_A_DOCTOR)


@frozen(kw_only=True)
class ChangeUser:
    """
    Other facts about an account; what is left out stays as it is.

    A new password, or the status inactive, signs the account out everywhere.
    """

    name: str | Unset = field(default=UNSET, repr=False, validator=one_line(255))
    email: str | Unset = field(default=UNSET, repr=False, validator=email())
    role: Role | Unset = UNSET
    doctor_id: DoctorId | Unset | None = UNSET
    password: str | Unset = field(default=UNSET, repr=False, validator=passwords.strong)
    status: UserStatus | Unset = UNSET


@retried
def add(request: AddUser, uow: UnitOfWork) -> User:
    """
    Open an account for somebody who works in the clinic.

    Raises:
        EmailTakenError: If an account with the e-mail exists.
        DoctorNotFoundError: If *doctor_id* is no doctor of this clinic.
    """
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
    # It takes a while, and nobody should wait for it.
    password_hash = passwords.hash_password(request.password)
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
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
        if request.doctor_id is not None:
            uow.doctors.get(request.doctor_id)
        uow.users.add(user)
        uow.record("user.added", user, facts={"role": user.role.value})
        _let_doctor_know(user, uow)
        uow.commit()
    return user


@retried
def change(
    user_id: UserId, request: ChangeUser, uow: UnitOfWork, version: int | None = None
) -> User:
    """
    Change an account; what it may do changes with its next request.

    Args:
        version: The one that the change is meant for; None for any.

    Raises:
        UserNotFoundError: If there is no such account.
        StaleVersionError: If the account has another *version*.
        LastOwnerError: If no active owner would be left.
        InvalidError: If another role than doctor gets a diary of its own, or somebody
            sets their own password.
        EmailTakenError: If another account has the e-mail.
        DoctorNotFoundError: If *doctor_id* is no doctor of this clinic.
    """
    wanted = changes(request)
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
        uow.users.get(user_id)
        if user_id == uow.actor.user_id and isinstance(request.password, str):
            detail = "is changed with the current one if it is one's own"
            raise InvalidError((Problem("/password", detail),))
    if isinstance(request.password, str):
        password_hash = passwords.hash_password(request.password)
        wanted = {
            **{name: value for name, value in wanted.items() if name != "password"},
            "password_hash": password_hash,
        }
    with uow:
        uow.actor.must(Permission.KEEP_USERS)
        owners = uow.users.hold_owners()
        before = uow.users.get(user_id)
        require_version(before, version)
        after = before.changed(_with_diary(before, wanted), uow.now)
        if [owner.id for owner in owners] == [user_id] and not after.is_active_owner:
            raise LastOwnerError(user_id)
        if isinstance(request.doctor_id, UUID):
            uow.doctors.get(request.doctor_id)
        uow.users.save(after)
        if after.status is not UserStatus.ACTIVE or "password_hash" in wanted:
            uow.users.end_sessions(user_id)
        uow.record("user.changed", after, facts=_facts(request))
        if before.doctor_id != after.doctor_id:
            _let_former_doctor_know(before, uow)
        _let_doctor_know(after, uow)
        uow.commit()
    return after


def get(user_id: UserId, uow: UnitOfWork) -> User:
    """
    Raises:
        UserNotFoundError: If there is no such account.
    """
    with uow:
        uow.actor.must(Permission.SEE_USERS)
        return uow.users.get(user_id)


def page(request: PageRequest, uow: UnitOfWork) -> Page[User]:
    """Return a part of the accounts, by name."""
    with uow:
        uow.actor.must(Permission.SEE_USERS)
        return uow.users.page(request)


def _with_diary(before: User, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is *wanted*; who stops being a doctor has no diary any more."""
    role = wanted.get("role", before.role)
    if role is Role.DOCTOR:
        return wanted
    if wanted.get("doctor_id") is not None:
        raise InvalidError((Problem("/doctor_id", _NOT_A_DOCTOR),))
    return {**wanted, "doctor_id": None}


def _facts(request: ChangeUser) -> Mapping[str, object]:
    facts: dict[str, object] = {"fields": sorted(changes(request))}
    if isinstance(request.role, Role):
        facts["role"] = request.role.value
    if isinstance(request.status, UserStatus):
        facts["status"] = request.status.value
    return facts


def _let_former_doctor_know(user: User, uow: UnitOfWork) -> None:
    """Let the doctor whose diary is the user's no more name the account no more."""
    if user.doctor_id is None:
        return
    doctor = uow.doctors.get(user.doctor_id)
    if doctor.user_id == user.id:
        doctor = doctor.changed({"user_id": None})
        uow.doctors.save(doctor)
        uow.record("doctor.changed", doctor, facts={"fields": ["user_id"]})


def _let_doctor_know(user: User, uow: UnitOfWork) -> None:
    """Let the doctor whose diary is the user's own name the account, if none yet."""
    if user.doctor_id is None:
        return
    doctor = uow.doctors.get(user.doctor_id)
    if doctor.user_id is None:
        doctor = doctor.changed({"user_id": user.id})
        uow.doctors.save(doctor)
        uow.record("doctor.changed", doctor, facts={"fields": ["user_id"]})
