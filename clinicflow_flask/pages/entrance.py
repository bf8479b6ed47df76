"""Signing up, signing in and signing out, in a browser."""

from __future__ import annotations

from flask import Response, request

from clinicflow_core.desk import accounts
from clinicflow_core.desk.accounts import Credentials, SignUp
from clinicflow_core.ports import Entrance, Store
from clinicflow_flask.pages import browsers, forms, google
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.pages.rendering import HOME, go, own_path, render
from clinicflow_flask.pages.table import Page


def _home() -> Response:
    return go(HOME)


def _sign_in_form() -> Response:
    return _shown(forms.Form())


def _sign_in(entrance: Entrance, store: Store) -> Response:
    form = forms.sent()
    signed_in = form.done(
        Credentials,
        lambda wanted: accounts.sign_in(wanted, entrance, request.remote_addr),
    )
    if signed_in is None:
        return _shown(form)
    browsers.welcome(signed_in, store)
    return go(own_path(form["next"]))


def _shown(form: forms.Form) -> Response:
    following = own_path(form["next"] or request.args.get("next"))
    return render(
        "sign_in.html",
        status=form.status,
        form=form,
        following=following,
        has_google=google.is_offered(),
    )


def _sign_up_form() -> Response:
    return render("sign_up.html", form=forms.Form())


def _sign_up(entrance: Entrance, store: Store) -> Response:
    form = forms.sent()
    signed_in = form.done(SignUp, lambda wanted: accounts.sign_up(wanted, entrance))
    if signed_in is None:
        return render("sign_up.html", status=form.status, form=form)
    browsers.welcome(signed_in, store)
    return go(HOME)


def _sign_out(who: Visitor) -> Response:
    accounts.sign_out(who.desk())
    browsers.forget()
    return go("/sign-in")


PAGES = (
    Page("GET", "/", _home),
    Page("GET", "/sign-in", _sign_in_form),
    Page("POST", "/sign-in", _sign_in),
    Page("GET", "/sign-up", _sign_up_form),
    Page("POST", "/sign-up", _sign_up),
    Page("POST", "/sign-out", _sign_out),
)
