"""Signing in with Google: whom it names, and what that is worth here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from attrs import field, frozen

from clinicflow_core.checks import email, one_line, pattern
from clinicflow_core.entities.user import User, UserStatus
from clinicflow_core.errors import GoogleRefusedError, WrongCredentialsError

GOOGLE: Final = "https://accounts.google.com"
"""Google as an OpenID provider names itself."""

_MOST: Final = 255
_name = one_line(_MOST)
_email = email(_MOST)
_google_id = pattern(r"[!-~]{1,255}", "must be 1 to 255 visible ASCII characters")


@frozen(kw_only=True)
class Identity:
    """
    Somebody whom Google, or another OpenID provider, has signed in.

    Attributes:
        google_id: Whom the provider means, for ever; e-mails change hands.
        email: Only if the provider has verified it.
    """

    google_id: str = field(repr=False, validator=_google_id)
    email: str | None = field(default=None, repr=False, validator=_email)
    name: str | None = field(default=None, repr=False, validator=_name)


class Step(Enum):
    """What comes next for somebody whom the provider has signed in."""

    SIGN_IN = "sign-in"
    LINK = "link"
    SIGN_UP = "sign-up"


def identity_of(issuer: str, claims: Mapping[str, object]) -> Identity:
    """
    Return whom the *claims* of a verified ID token from *issuer* name.

    Another provider than Google has its name before its subjects: two providers
    may give one subject to two people.

    Raises:
        ValueError: If they name nobody, or by a subject that cannot be kept.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise ValueError("there is no subject")
    return Identity(
        google_id=subject if issuer == GOOGLE else f"{issuer}#{subject}",
        email=_verified_email(claims),
        name=_shown_name(claims),
    )


def _verified_email(claims: Mapping[str, object]) -> str | None:
    # "true" as a text is no yes: some providers send what a person typed.
    if claims.get("email_verified") is not True:
        return None
    address = claims.get("email")
    fits = isinstance(address, str) and not _email.complaint(address)
    return address if isinstance(address, str) and fits else None


def _shown_name(claims: Mapping[str, object]) -> str | None:
    name = claims.get("name")
    fits = isinstance(name, str) and not _name.complaint(name)
    return name if isinstance(name, str) and fits else None


def next_step(identity: Identity, known: User | None, namesake: User | None) -> Step:
    """
    Return what comes next.

    Args:
        known: The account that signs in as this identity.
        namesake: The account with its e-mail, if that is verified. A verified
            e-mail alone opens no account: whoever has it may have had it first
            or last, so the account's password is asked for.

    Raises:
        WrongCredentialsError: If the account is closed.
        GoogleRefusedError: If there is none that it could be linked to or made of.
    """
    if known is not None:
        if known.status is not UserStatus.ACTIVE:
            raise WrongCredentialsError
        return Step.SIGN_IN
    if identity.email is None:
        raise GoogleRefusedError
    if namesake is None:
        return Step.SIGN_UP
    if namesake.google_id is not None:
        raise GoogleRefusedError
    return Step.LINK
