"""
Browsers: who is signed in in one, told by a cookie that no script can read.

The cookie is signed and names a session of the record; whether that still counts is
read in the transaction of each act. It opens the pages and nothing else: the REST
service heeds the header Authorization alone. No form is heeded without the secret
that the cookie holds too, so no other site can send one.
"""

from __future__ import annotations

import hmac
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from attrs import field, frozen
from flask import Flask, request, session

from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.accounts.permissions import Permission
from clinicflow_core.desk import accounts
from clinicflow_core.desk.accounts import Me, SignedIn
from clinicflow_core.entities.ids import ClinicId, SessionId
from clinicflow_core.errors import (
    ClinicNotFoundError,
    NotPermittedError,
    NotSignedInError,
    RefusedError,
)
from clinicflow_core.ports import Once, Store, UnitOfWork
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask import logs
from clinicflow_flask.request_ids import request_id

IDLE: Final = timedelta(hours=12)
"""After so long without a page, somebody has to sign in again."""

TOKEN: Final = "form"  # noqa: S105  The name of a field.
"""The field of each form that holds the browser's secret."""

_RENEWED_SECONDS: Final = 10 * 60
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})


class StrangeFormError(RefusedError):
    """A form was sent that is not ours, or from before somebody else signed in."""

    code = "strange-form"

    def __str__(self) -> str:
        return "This form is too old, or was not ours. Load the page again."


@frozen
class Visitor:
    """Whoever is signed in in this browser."""

    clinic_id: ClinicId
    session_id: SessionId
    store: Store = field(repr=False)

    def desk(self, once: Once | None = None) -> UnitOfWork:
        """Return a unit of work in which they act."""
        return self.store.unit_of_work(
            self.clinic_id, self.session_id, once, request_id()
        )

    @cached_property
    def me(self) -> Me:
        """Who they are, where, and what they may do."""
        return accounts.me(self.desk())

    def may(self, permission: Permission | str) -> bool:
        """Return whether they have a *permission*, which templates name: "BOOK"."""
        wanted = Permission[permission] if isinstance(permission, str) else permission
        return wanted in self.me.permissions

    def must(self, permission: Permission) -> None:
        """
        Refuse to show the form of an act that they may not do.

        Raises:
            NotPermittedError: If they do not have the *permission*.
        """
        if not self.may(permission):
            raise NotPermittedError(permission.value)


def add_browsers(app: Flask, settings: Settings, secret: str) -> None:
    """Make *app* know browsers again, by cookies that *secret* signs."""
    is_secure = settings.environment is Environment.PRODUCTION
    app.secret_key = key_for(Purpose.PAGES, secret)
    app.config.update(
        # The prefix makes browsers refuse it from other hosts, or without https.
        SESSION_COOKIE_NAME="__Host-clinicflow" if is_secure else "clinicflow",
        SESSION_COOKIE_SECURE=is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=IDLE,
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def welcome(signed_in: SignedIn, store: Store) -> None:
    """Let this browser be theirs who just signed in; who was before is signed out."""
    # Nobody was, or their session has ended, or their clinic is no more.
    with suppress(NotSignedInError, ClinicNotFoundError):
        accounts.sign_out(_known(store).desk())
    remember(signed_in)


def remember(signed_in: SignedIn) -> None:
    """Let this browser be theirs, whoever it was before."""
    session.clear()  # With it goes the secret that somebody else may know.
    session.permanent = True
    session["clinic"] = str(signed_in.session.clinic_id)
    session["session"] = str(signed_in.session.id)
    _renew()


def forget() -> None:
    """Let nobody be signed in in this browser."""
    session.clear()


def visitor(store: Store, *, renew: bool = True) -> Visitor:
    """
    Return who is signed in in this browser.

    Args:
        renew: Whether this shows that somebody is there.

    Raises:
        NotSignedInError: If nobody is.
    """
    who = _known(store)
    if renew and time.time() - session["seen"] > _RENEWED_SECONDS:
        _renew()
    logs.note_session(who.clinic_id, who.session_id)
    return who


def _known(store: Store) -> Visitor:
    try:
        clinic_id = ClinicId(UUID(session["clinic"]))
        session_id = SessionId(UUID(session["session"]))
    except KeyError:
        raise NotSignedInError from None
    return Visitor(clinic_id, session_id, store)


def _renew() -> None:
    session["seen"] = int(time.time())


def form_token() -> str:
    """Return the secret that the forms of this browser carry."""
    if TOKEN not in session:
        session[TOKEN] = secrets.token_urlsafe(24)
    token: str = session[TOKEN]
    return token


def refuse_strange_form() -> None:
    """
    Raises:
        StrangeFormError: If the form that was sent does not carry the secret.
    """
    # Not the header Origin: without a referrer it is "null".
    is_elsewhere = request.headers.get("Sec-Fetch-Site") in _ELSEWHERE
    sent = request.form.get(TOKEN, "")
    known = session.get(TOKEN, "")
    if (
        is_elsewhere
        or not known
        or not hmac.compare_digest(sent.encode(), known.encode())
    ):
        raise StrangeFormError


def say(
    message: str, undo_path: str | None = None, undo_version: int | None = None
) -> None:
    """
    Let the next page say *message*, which names nobody.

    Args:
        undo_path: Takes back what was done, if that can be.
        undo_version: Of the record as it is now: what somebody else does to it
            afterwards is not to be taken back.
    """
    undo = {"undo_path": undo_path, "undo_version": undo_version}
    session["said"] = {"message": message, **undo}


def has_news() -> bool:
    """Return whether the page before wants something to be said."""
    return "said" in session


def offers_undo() -> bool:
    """Return whether what it wants to be said can be undone."""
    return has_news() and session["said"]["undo_path"] is not None


def said() -> dict[str, Any] | None:
    """Return what the last page wanted to be said, once."""
    found: dict[str, Any] | None = session.pop("said", None)
    return found
