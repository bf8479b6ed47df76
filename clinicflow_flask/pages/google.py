"""
Signing in with Google in a browser: out to it, back from it, and what may follow.

Whatever comes of it is said on a page, and each page leads back to signing in.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from flask import Response, request, session

from clinicflow_core.accounts.google import Step
from clinicflow_core.desk import google as acts
from clinicflow_core.desk.accounts import SignedIn
from clinicflow_core.errors import (
    ClinicFlowError,
    GoogleRefusedError,
    GoogleSignInError,
    InvalidError,
    UnavailableError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Entrance, Store
from clinicflow_flask import google, logs
from clinicflow_flask.google import Callback, GoogleLink, GoogleSignUp
from clinicflow_flask.pages import browsers, forms
from clinicflow_flask.pages.rendering import go, own_path, render
from clinicflow_flask.pages.table import Page
from clinicflow_flask.problems import status_of

PATH: Final = "/sign-in/google"
CALLBACK: Final = f"{PATH}/callback"
"""Where Google sends the browser back to."""

_FOLLOWING: Final = "following"
_OFFER: Final = "google-offer"


def is_offered() -> bool:
    """Return whether people can sign in with Google on these pages."""
    return google.returns_to(CALLBACK)


def _refused(refusal: ClinicFlowError) -> Response:
    logs.note_code(refusal.code)
    return render(
        "google_refused.html",
        status=status_of(type(refusal)),
        refusal=refusal,
        is_offered=is_offered(),
    )


def _depart() -> Response:
    way_there = google.depart(PATH, back_at=CALLBACK)
    session[_FOLLOWING] = own_path(request.args.get("next"))
    return Response(status=303, headers={"Location": way_there})


def _return(entrance: Entrance, store: Store) -> Response:
    identity = google.returned(forms.asked(Callback), PATH)
    outcome = acts.sign_in(identity, entrance)
    if isinstance(outcome, SignedIn):
        return _welcomed(outcome, store)
    session[_OFFER] = google.sealed(identity, outcome)
    return go(f"{PATH}/{outcome.value}")


def _welcomed(signed_in: SignedIn, store: Store) -> Response:
    following = own_path(session.get(_FOLLOWING))
    browsers.welcome(signed_in, store)
    return go(following)


def _link_form() -> Response:
    return _shown(Step.LINK, forms.Form())


def _link(entrance: Entrance, store: Store) -> Response:
    form = forms.sent()
    signed_in = form.done(
        GoogleLink,
        lambda wanted: google.link(wanted, entrance),
        only={"link_token": _offer()},
    )
    if signed_in is None:
        return _shown(Step.LINK, form)
    return _welcomed(signed_in, store)


def _sign_up_form() -> Response:
    return _shown(Step.SIGN_UP, forms.Form())


def _sign_up(entrance: Entrance, store: Store) -> Response:
    form = forms.sent()
    signed_in = form.done(
        GoogleSignUp,
        lambda wanted: google.sign_up(wanted, entrance),
        only={"signup_token": _offer()},
    )
    if signed_in is None:
        return _shown(Step.SIGN_UP, form)
    return _welcomed(signed_in, store)


def _shown(step: Step, form: forms.Form) -> Response:
    return render(
        f"google_{step.name.lower()}.html",
        status=form.status,
        form=form,
        identity=google.opened(_offer(), step),
    )


def _offer() -> str:
    offer: str = session.get(_OFFER, "")
    return offer


_page = partial(
    Page,
    told={
        # What Google did not say as it should.
        InvalidError: lambda _: _refused(GoogleSignInError()),
        GoogleSignInError: _refused,
        GoogleRefusedError: _refused,
        WrongCredentialsError: _refused,
        UnavailableError: _refused,
    },
)

PAGES = (
    _page("GET", PATH, _depart),
    _page("GET", CALLBACK, _return),
    _page("GET", f"{PATH}/{Step.LINK.value}", _link_form),
    _page("POST", f"{PATH}/{Step.LINK.value}", _link),
    _page("GET", f"{PATH}/{Step.SIGN_UP.value}", _sign_up_form),
    _page("POST", f"{PATH}/{Step.SIGN_UP.value}", _sign_up),
)
