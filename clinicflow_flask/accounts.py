"""Signing up, signing in and out, and the accounts of a clinic."""

from __future__ import annotations

from uuid import UUID

from flask import request

from clinicflow_core.desk import accounts, users
from clinicflow_core.desk.accounts import ChangePassword, Credentials, SignUp
from clinicflow_core.entities.user import User
from clinicflow_core.errors import (
    EmailTakenError,
    LastOwnerError,
    NotFoundError,
    StaleVersionError,
    TooManyTriesError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Entrance, Page, UnitOfWork
from clinicflow_flask import tokens
from clinicflow_flask.paging import Listing, page_request
from clinicflow_flask.routes import Route


def _sign_up(wanted: SignUp, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(accounts.sign_up(wanted, entrance))


def _sign_in(wanted: Credentials, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(accounts.sign_in(wanted, entrance, request.remote_addr))


def _refresh(who: tokens.Refresher, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(accounts.refresh(who.session_id, who.refresh_id, entrance))


def _change_password(
    wanted: ChangePassword, uow: UnitOfWork, entrance: Entrance
) -> None:
    accounts.change_password(wanted, uow, entrance, request.remote_addr)


def _users(query: Listing, uow: UnitOfWork) -> Page[User]:
    return users.page(page_request(query.limit, query.cursor, str, UUID), uow)


ROUTES = (
    Route(
        "POST",
        "/api/auth/signup",
        _sign_up,
        "Found a clinic with its owner, who is signed in at once",
        status=201,
        refuses=(EmailTakenError,),
    ),
    Route(
        "POST",
        "/api/auth/login",
        _sign_in,
        "Sign in",
        refuses=(WrongCredentialsError, TooManyTriesError),
    ),
    Route(
        "POST",
        "/api/auth/refresh",
        _refresh,
        "Go on being signed in, with a new pair of tokens for the refresh token",
    ),
    Route(
        "POST",
        "/api/auth/logout",
        accounts.sign_out,
        "Sign out; the tokens of this sign-in count no more",
        status=204,
    ),
    Route("GET", "/api/auth/me", accounts.me, "Say who is signed in"),
    Route(
        "POST",
        "/api/auth/password",
        _change_password,
        "Change one's own password, and sign out everywhere else",
        status=204,
        refuses=(TooManyTriesError, StaleVersionError),
    ),
    Route("GET", "/api/users", _users, "List the accounts, by name"),
    Route(
        "POST",
        "/api/users",
        users.add,
        "Open an account",
        status=201,
        refuses=(EmailTakenError, NotFoundError),
        once=True,
    ),
    Route("GET", "/api/users/{user_id}", users.get, "Show an account"),
    Route(
        "PATCH",
        "/api/users/{user_id}",
        users.change,
        "Change an account",
        refuses=(EmailTakenError, LastOwnerError, StaleVersionError),
    ),
)
