"""
Tokens: who is signed in, on the wire.

A token only says which session it belongs to; whether that still counts, and what
its user may do, is read from the record in the transaction of each act.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen
from flask import Flask, current_app, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    decode_token,
)
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError

from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.desk.accounts import SESSION_LENGTH, SignedIn
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.ids import ClinicId, SessionId, UserId
from clinicflow_core.entities.user import User
from clinicflow_core.errors import NotSignedInError
from clinicflow_core.settings import Settings
from clinicflow_flask import logs

ISSUER: Final = "clinicflow"
AUDIENCE: Final = "clinicflow-api"
MAX_HEADER: Final = 8 * 1024
"""How many characters the header Authorization may have."""

_CHECKED: Final = "clinicflow-tokens"
_MOST_CHECKED: Final = 4096
_LIFETIMES: Final = {
    Purpose.ACCESS: "JWT_ACCESS_TOKEN_EXPIRES",
    Purpose.REFRESH: "JWT_REFRESH_TOKEN_EXPIRES",
}
_BEARER: Final = re.compile(r"(?i:bearer) +((?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+)")


@frozen
class Bearer:
    """
    Whose token came with a request.

    Attributes:
        until: When the token expires, in seconds since 1970.
    """

    clinic_id: ClinicId
    session_id: SessionId
    until: float


@frozen
class Refresher:
    """Whose refresh token came with a request."""

    session_id: SessionId
    refresh_id: UUID


@frozen(kw_only=True)
class Tokens:
    """
    What somebody gets who just signed in.

    Attributes:
        expires_in: How long the access token lasts, in seconds.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    token_type: str = "bearer"  # noqa: S105  The kind of token, not one.
    expires_in: int
    user: User
    clinic: Clinic


@frozen
class _Holder:
    """Whom a token is for, and what for: each purpose signs with a key of its own."""

    user_id: UserId
    purpose: Purpose


def add_tokens(app: Flask, settings: Settings, secret: str) -> None:
    """Make *app* issue and accept tokens that *secret* signs."""
    lifetime = timedelta(minutes=settings.access_token_expire_minutes)
    app.config.update(
        JWT_ACCESS_TOKEN_EXPIRES=lifetime,
        JWT_REFRESH_TOKEN_EXPIRES=SESSION_LENGTH,
        JWT_ALGORITHM=settings.jwt_algorithm,
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        # With two machines' clocks a little apart, "not before now" is too early.
        JWT_ENCODE_NBF=False,
        JWT_COOKIE_CSRF_PROTECT=False,  # There are no cookies.
    )
    purposes = (Purpose.ACCESS, Purpose.REFRESH)
    keys = {purpose: key_for(purpose, secret).hex() for purpose in purposes}
    manager = JWTManager(app)
    # A signature that is right stays right, and takes longer to check than a booking
    # to read; so those that were are remembered.
    app.extensions[_CHECKED] = lru_cache(_MOST_CHECKED)(_checked)

    @manager.user_identity_loader
    def subject(holder: _Holder) -> str:
        return str(holder.user_id)

    @manager.encode_key_loader
    def signing_key(holder: _Holder) -> str:
        return keys[holder.purpose]

    @manager.decode_key_loader
    def checking_key(_: object, claims: dict[str, Any]) -> str:
        # Asked here: a token that does not say its type is given one afterwards.
        try:
            return keys[Purpose(claims.get("type"))]
        except (KeyError, ValueError):
            raise NotSignedInError from None


def issue(signed_in: SignedIn) -> Tokens:
    """Return tokens for somebody who just signed in."""
    session, user = signed_in.session, signed_in.user
    logs.note_session(session.clinic_id, session.id)
    claims = {
        "clinic": str(session.clinic_id),
        "role": user.role.value,
        "sid": str(session.id),
    }
    lifetime: timedelta = current_app.config["JWT_ACCESS_TOKEN_EXPIRES"]
    return Tokens(
        access_token=create_access_token(
            _Holder(user.id, Purpose.ACCESS), additional_claims=claims
        ),
        refresh_token=create_refresh_token(
            _Holder(user.id, Purpose.REFRESH),
            additional_claims={**claims, "jti": str(session.refresh_id)},
        ),
        expires_in=int(lifetime.total_seconds()),
        user=user,
        clinic=signed_in.clinic,
    )


def bearer() -> Bearer:
    """
    Return whose access token came with the request.

    Raises:
        NotSignedInError: If there is none that counts, for whatever reason.
    """
    check: Callable[[str], Bearer] = current_app.extensions[_CHECKED]
    who = check(_sent())
    logs.note_session(who.clinic_id, who.session_id)
    if who.until <= time.time():
        raise NotSignedInError
    return who


def refresher() -> Refresher:
    """
    Return whose refresh token came with the request.

    Raises:
        NotSignedInError: If there is none that counts, for whatever reason.
    """
    claims = _claims(_sent(), Purpose.REFRESH)
    session_id = SessionId(UUID(claims["sid"]))
    logs.note_session(ClinicId(UUID(claims["clinic"])), session_id)
    return Refresher(session_id, UUID(claims["jti"]))


def _sent() -> str:
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    sent = _BEARER.fullmatch(header) if len(header) <= MAX_HEADER else None
    if sent is None:
        raise NotSignedInError
    return sent[1]


def _checked(token: str) -> Bearer:
    claims = _claims(token, Purpose.ACCESS)
    return Bearer(
        ClinicId(UUID(claims["clinic"])), SessionId(UUID(claims["sid"])), claims["exp"]
    )


def _claims(token: str, purpose: Purpose) -> dict[str, Any]:
    """
    Return what *token* claims, of which these are what they should be: its type,
    `clinic`, `sid`, `jti`, and an `exp` that is not too long after `iat`.

    Raises:
        NotSignedInError: If any of it is not, or the signature is wrong.
    """
    try:
        claims: dict[str, Any] = decode_token(token)
        lifetime = timedelta(seconds=claims["exp"] - claims["iat"])
        for name in ("clinic", "sid", "jti"):
            UUID(claims[name])
    # A claim of the wrong type, or brackets nested too deeply, end here as well.
    except (
        PyJWTError,
        JWTExtendedException,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ):
        raise NotSignedInError from None
    longest = current_app.config[_LIFETIMES[purpose]]
    if claims["type"] != purpose.value or lifetime > longest:
        raise NotSignedInError
    return claims
