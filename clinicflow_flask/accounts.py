"""Signing up, signing in, and the accounts of a clinic."""

from __future__ import annotations

from uuid import UUID

from clinicflow_core.desk import accounts
from clinicflow_core.desk.accounts import Credentials, SignUp
from clinicflow_core.entities.user import User
from clinicflow_core.errors import (
    EmailTakenError,
    NotFoundError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Entrance, Page, UnitOfWork
from clinicflow_flask import tokens
from clinicflow_flask.paging import Listing, page_request
from clinicflow_flask.routes import Route


def _sign_up(request: SignUp, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(accounts.sign_up(request, entrance))


def _sign_in(request: Credentials, entrance: Entrance) -> tokens.Tokens:
    return tokens.issue(accounts.sign_in(request, entrance))


def _users(query: Listing, uow: UnitOfWork) -> Page[User]:
    return accounts.users(page_request(query.limit, query.cursor, str, UUID), uow)


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
        refuses=(WrongCredentialsError,),
    ),
    Route("GET", "/api/auth/me", accounts.me, "Say who is signed in"),
    Route("GET", "/api/users", _users, "List the accounts, by name"),
    Route(
        "POST",
        "/api/users",
        accounts.create_user,
        "Open an account",
        status=201,
        refuses=(EmailTakenError, NotFoundError),
        once=True,
    ),
    Route("GET", "/api/users/{user_id}", accounts.get_user, "Show an account"),
)
