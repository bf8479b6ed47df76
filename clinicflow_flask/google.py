"""
Signing in with Google: out to it, back from it, and what may follow.

The browser's cookie binds the way back to the way out: what Google gives to one
browser counts in no other. A path parts the cookie of a front end from that of the
pages.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen
from flask import Flask, Response, after_this_request, current_app, request

from clinicflow_core.accounts.google import Identity, Step
from clinicflow_core.checks import text
from clinicflow_core.desk import google
from clinicflow_core.desk.accounts import NewClinic, SignedIn
from clinicflow_core.errors import (
    EmailTakenError,
    GoogleRefusedError,
    GoogleSignInError,
    GoogleTakenError,
    NotConfiguredError,
    Problem,
    TooManyTriesError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Entrance
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask import tokens
from clinicflow_flask.answers import Redirect
from clinicflow_flask.offers import (
    MAX_TOKEN,
    SECONDS,
    Kind,
    LinkNeededError,
    LinkOffer,
    Seals,
    SignUpOffer,
)
from clinicflow_flask.openid import Departure, Provider
from clinicflow_flask.requests import ParameterError
from clinicflow_flask.routes import Route

COOKIE: Final = "clinicflow_google"
PATH: Final = "/api/auth/google"

_EXTENSION: Final = "clinicflow-google"


@frozen
class _SignIn:
    """
    What signing in with Google needs.

    Attributes:
        is_secure: Whether browsers keep the cookie for https alone.
    """

    provider: Provider
    seals: Seals
    is_secure: bool

    def returns_to(self, path: str) -> bool:
        return urlsplit(self.provider.redirect_uri).path == path


@frozen(kw_only=True)
class Callback:
    """What Google gave the browser to bring back: a code, or an error."""

    code: str | None = field(default=None, repr=False, validator=text(MAX_TOKEN))
    state: str | None = field(default=None, repr=False, validator=text(MAX_TOKEN))
    error: str | None = field(default=None, repr=False, validator=text(MAX_TOKEN))


@frozen(kw_only=True)
class GoogleSignUp:
    """A clinic whose owner is the person that Google has just signed in."""

    signup_token: str = field(repr=False, validator=text(MAX_TOKEN))
    clinic: NewClinic


@frozen(kw_only=True)
class GoogleLink:
    """The proof that an account and a Google account are one person's."""

    link_token: str = field(repr=False, validator=text(MAX_TOKEN))
    password: str = field(repr=False, validator=text(1000))


def add_google(app: Flask, settings: Settings, secret: str) -> None:
    """Make *app* sign people in with Google, if *settings* say how."""
    client_id, client_secret = settings.google_client_id, settings.google_client_secret
    if client_id is None or client_secret is None:
        missing = "GOOGLE_CLIENT_ID" if client_id is None else "GOOGLE_CLIENT_SECRET"
        app.extensions[_EXTENSION] = NotConfiguredError(missing)
        return
    app.extensions[_EXTENSION] = _SignIn(
        Provider(
            issuer=settings.google_issuer,
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=settings.google_redirect_uri,
        ),
        Seals(secret),
        settings.environment is Environment.PRODUCTION,
    )


def _configured() -> _SignIn:
    configured: _SignIn | NotConfiguredError = current_app.extensions[_EXTENSION]
    if isinstance(configured, NotConfiguredError):
        raise NotConfiguredError(configured.setting)
    return configured


def returns_to(path: str) -> bool:
    """Return whether Google is configured, and sends browsers back to *path*."""
    configured = current_app.extensions[_EXTENSION]
    return isinstance(configured, _SignIn) and configured.returns_to(path)


def depart(path: str, back_at: str | None = None) -> str:
    """
    Return where at Google the browser is sent.

    Args:
        path: Below it the browser comes back, with the cookie that this sets.
        back_at: To which path it must come back; None if a front end sees to that.

    Raises:
        NotConfiguredError: If a setting is missing, or lets it come back elsewhere.
        GoogleAwayError: If Google does not answer.
    """
    configured = _configured()
    if back_at is not None and not configured.returns_to(back_at):
        raise NotConfiguredError("GOOGLE_REDIRECT_URI")
    departure = Departure.now()
    way_there = configured.provider.way_there(departure)
    sealed = configured.seals.seal(Kind.DEPARTURE, departure)
    _set_cookie(path, sealed, SECONDS, is_secure=configured.is_secure)
    return way_there


def returned(query: Callback, path: str) -> Identity:
    """
    Return whom Google has signed in, in this browser and since it departed.

    Args:
        path: With which it departed. The departure counts once.

    Raises:
        NotConfiguredError: If a setting is missing.
        ParameterError: If Google gave neither a code nor an error, or no state.
        GoogleSignInError: If what it gave does not count, or is an error.
        GoogleAwayError: If Google does not answer.
    """
    configured = _configured()
    needed = [("/state", query.state), ("/code", query.code or query.error)]
    if missing := [Problem(at, "is required") for at, value in needed if not value]:
        raise ParameterError("query", tuple(missing))
    departure = _departed(query.state or "", path, configured)
    if query.error is not None or query.code is None:
        raise GoogleSignInError
    return configured.provider.identity(query.code, departure)


def _departed(state: str, path: str, configured: _SignIn) -> Departure:
    sealed = request.cookies.get(COOKIE, "")
    # Whatever comes of it, it counts once.
    _set_cookie(path, "", 0, is_secure=configured.is_secure)
    departure = configured.seals.opened(Kind.DEPARTURE, sealed, Departure)
    if not hmac.compare_digest(departure.state.encode(), state.encode()):
        raise GoogleSignInError
    return departure


def _set_cookie(path: str, value: str, seconds: int, *, is_secure: bool) -> None:
    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            value,
            max_age=seconds,
            path=path,
            secure=is_secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def sealed(identity: Identity, step: Step) -> str:
    """Return the token with which *identity* can take the next *step*."""
    return _configured().seals.seal(Kind(step.value), identity)


def opened(token: str, step: Step) -> Identity:
    """
    Return the identity that can take *step* with *token*.

    Raises:
        NotConfiguredError: If a setting is missing.
        GoogleSignInError: If the token is forged, too old, or for another step.
    """
    return _configured().seals.opened(Kind(step.value), token, Identity)


def sign_up(wanted: GoogleSignUp, entrance: Entrance) -> SignedIn:
    """
    Found a clinic.

    Raises:
        GoogleSignInError: If the token does not count; else as `desk.google.sign_up`.
    """
    identity = opened(wanted.signup_token, Step.SIGN_UP)
    return google.sign_up(identity, wanted.clinic, entrance)


def link(wanted: GoogleLink, entrance: Entrance) -> SignedIn:
    """
    Link an account.

    Raises:
        GoogleSignInError: If the token does not count; else as `desk.google.link`.
    """
    identity = opened(wanted.link_token, Step.LINK)
    return google.link(identity, wanted.password, entrance, request.remote_addr)


def _depart() -> Redirect:
    return Redirect(depart(PATH))


def _return(query: Callback, entrance: Entrance) -> tokens.Tokens | SignUpOffer:
    identity = returned(query, PATH)
    outcome = google.sign_in(identity, entrance)
    if isinstance(outcome, SignedIn):
        return tokens.issue(outcome)
    token = sealed(identity, outcome)
    if outcome is Step.LINK:
        raise LinkNeededError(LinkOffer(link_token=token))
    return SignUpOffer(signup_token=token, name=identity.name, email=identity.email)


def _sign_up(body: GoogleSignUp, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(sign_up(body, entrance))


def _link(body: GoogleLink, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(link(body, entrance))


ROUTES = (
    Route(
        "GET",
        PATH,
        _depart,
        "Send the browser to Google",
        status=302,
    ),
    Route(
        "GET",
        f"{PATH}/callback",
        _return,
        "Sign in with what Google gave the browser, or learn what is missing",
        refuses=(GoogleSignInError, GoogleRefusedError, LinkNeededError),
    ),
    Route(
        "POST",
        f"{PATH}/signup",
        _sign_up,
        "Found a clinic with the person whom Google has signed in as its owner",
        status=201,
        refuses=(GoogleSignInError, GoogleTakenError, EmailTakenError),
    ),
    Route(
        "POST",
        f"{PATH}/link",
        _link,
        "Let an account sign in with Google from now on, and sign in",
        refuses=(
            GoogleSignInError,
            WrongCredentialsError,
            GoogleRefusedError,
            GoogleTakenError,
            TooManyTriesError,
        ),
    ),
)
