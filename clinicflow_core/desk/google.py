"""Accounts through Google: signing in, linking an account, signing a clinic up."""

from __future__ import annotations

from uuid import uuid4

from clinicflow_core.accounts.google import Identity, Step, next_step
from clinicflow_core.desk import accounts
from clinicflow_core.desk.accounts import Credentials, NewClinic, SignedIn
from clinicflow_core.desk.retrying import retried
from clinicflow_core.entities.ids import UserId
from clinicflow_core.entities.user import Role, User
from clinicflow_core.errors import (
    EmailTakenError,
    GoogleRefusedError,
    GoogleTakenError,
)
from clinicflow_core.ports import Entrance

_BY_GOOGLE = {"by": "google"}


@retried
def sign_in(identity: Identity, entrance: Entrance) -> SignedIn | Step:
    """
    Sign in whoever has an account with *identity*; else return what comes next.

    Raises:
        WrongCredentialsError: If the account is not active.
        GoogleRefusedError: If no account could be linked to it or made of it.
    """
    with entrance:
        user = entrance.hold_google_user(identity.google_id)
        email = None if user else identity.email
        namesake = None if email is None else entrance.find_user(email)
        step = next_step(identity, user, namesake)
        if user is None:
            return step
        session = accounts.new_session(user, entrance.now)
        clinic = entrance.get_clinic(user.clinic_id)
        entrance.add_session(session)
        entrance.record(clinic.id, "user.signed-in", user, _BY_GOOGLE, by=user.id)
        entrance.commit()
    return SignedIn(session=session, user=user, clinic=clinic)


def link(
    identity: Identity, password: str, entrance: Entrance, address: str | None = None
) -> SignedIn:
    """
    Let the account with the identity's e-mail sign in through Google from now on.

    Args:
        address: The IP address from which it is asked; see `accounts.sign_in`.

    Raises:
        WrongCredentialsError: If *password* is not the account's, or the account
            is not active.
        GoogleRefusedError: If the account has another Google sign-in.
        GoogleTakenError: If another account has this one.
        TooManyTriesError: If there were too many wrong passwords lately.
    """
    if identity.email is None:
        raise GoogleRefusedError

    def linked(user: User) -> User:
        if user.google_id == identity.google_id:
            return user
        changed = user.linked(identity.google_id, entrance.now)
        entrance.save_user(changed)
        entrance.record(user.clinic_id, "user.google-linked", changed, by=user.id)
        return changed

    credentials = Credentials(email=identity.email, password=password)
    return accounts.sign_in(credentials, entrance, address, linked)


@retried
def sign_up(identity: Identity, request: NewClinic, entrance: Entrance) -> SignedIn:
    """
    Found a clinic whose owner signs in through Google and has no password.

    Raises:
        GoogleRefusedError: If the e-mail is not verified.
        GoogleTakenError: If an account with the identity exists.
        EmailTakenError: If an account with the e-mail exists.
    """
    if identity.email is None:
        raise GoogleRefusedError
    with entrance:
        # Asked first, so that all databases name the same reason.
        if entrance.hold_google_user(identity.google_id) is not None:
            raise GoogleTakenError
        if entrance.find_user(identity.email) is not None:
            raise EmailTakenError
        clinic = accounts.new_clinic(request, entrance.now)
        owner = User(
            id=UserId(uuid4()),
            clinic_id=clinic.id,
            email=identity.email,
            google_id=identity.google_id,
            name=identity.name or identity.email.partition("@")[0],
            role=Role.OWNER,
            created_at=entrance.now,
            updated_at=entrance.now,
        )
        session = accounts.new_session(owner, entrance.now)
        entrance.add_clinic(clinic)
        entrance.add_user(owner)
        entrance.add_session(session)
        entrance.record(clinic.id, "clinic.signed-up", clinic, _BY_GOOGLE, by=owner.id)
        entrance.record(
            clinic.id, "user.added", owner, facts={"role": "owner"}, by=owner.id
        )
        entrance.commit()
    return SignedIn(session=session, user=owner, clinic=clinic)
