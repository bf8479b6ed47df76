"""
Signing in with Google: out to it, back from it, and what may follow.

The browser's cookie binds the way back to the way out: what Google gives to one
browser counts in no other.
"""

from __future__ import annotations

import hmac
from typing import Final

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


def _depart() -> Redirect:
    configured = _configured()
    departure = Departure.now()
    way_there = Redirect(configured.provider.way_there(departure))
    sealed = configured.seals.seal(Kind.DEPARTURE, departure)
    _set_cookie(sealed, SECONDS, is_secure=configured.is_secure)
    return way_there


def _return(query: Callback, entrance: Entrance) -> tokens.Tokens | SignUpOffer:
    configured = _configured()
    needed = [("/state", query.state), ("/code", query.code or query.error)]
    if missing := [Problem(at, "is required") for at, value in needed if not value]:
        raise ParameterError("query", tuple(missing))
    departure = _departed(query.state or "", configured)
    if query.error is not None or query.code is None:
        raise GoogleSignInError
    identity = configured.provider.identity(query.code, departure)
    outcome = google.sign_in(identity, entrance)
    if isinstance(outcome, SignedIn):
        return tokens.issue(outcome)
    if outcome is Step.LINK:
        link_token = configured.seals.seal(Kind.LINK, identity)
        raise LinkNeededError(LinkOffer(link_token=link_token))
    return SignUpOffer(
        signup_token=configured.seals.seal(Kind.SIGN_UP, identity),
        name=identity.name,
        email=identity.email,
    )


def _departed(state: str, configured: _SignIn) -> Departure:
    sealed = request.cookies.get(COOKIE, "")
    # Whatever comes of it, it counts once.
    _set_cookie("", 0, is_secure=configured.is_secure)
    departure = configured.seals.opened(Kind.DEPARTURE, sealed, Departure)
    if not hmac.compare_digest(departure.state.encode(), state.encode()):
        raise GoogleSignInError
    return departure


def _set_cookie(value: str, seconds: int, *, is_secure: bool) -> None:
    @after_this_request
    def set_cookie(response: Response) -> Response:
        response.set_cookie(
            COOKIE,
            value,
            max_age=seconds,
            path=PATH,
            secure=is_secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def _sign_up(body: GoogleSignUp, entrance: Entrance) -> tokens.Tokens:
    seals = _configured().seals
    identity = seals.opened(Kind.SIGN_UP, body.signup_token, Identity)
    return tokens.issue(google.sign_up(identity, body.clinic, entrance))


def _link(body: GoogleLink, entrance: Entrance) -> tokens.Tokens:
    identity = _configured().seals.opened(Kind.LINK, body.link_token, Identity)
    linked = google.link(identity, body.password, entrance, request.remote_addr)
    return tokens.issue(linked)


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
