"""
How often one address may ask what anybody may ask.

Each worker process counts for itself. It keeps a flood away from the password hash;
guessing at one account is slowed down elsewhere, by what all processes share. Of
secrets that stand in a path, which no account is behind, an address may guess few.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from math import ceil
from typing import Final, cast

from flask import Flask, Response, request
from flask_limiter import Limiter

from clinicflow_core.accounts.lockout import network_of
from clinicflow_flask.pages.table import Page
from clinicflow_flask.routes import Route

WRONG_GUESSES: Final = "20/minute"
"""How often an address may be wrong about secrets in paths."""

_WRONG: Final = frozenset({403, 404})


def add_rate_limits(app: Flask, routes: Collection[Route | Page], limit: str) -> None:
    """Let an address ask the limited ones of *routes* as often as *limit* says."""
    limiter = Limiter(
        _address, app=app, storage_uri="memory://", strategy="sliding-window-counter"
    )
    too_many = "Too many requests from this address."
    limited = limiter.shared_limit(limit, "public", error_message=too_many)
    # For themselves: patients in the waiting room must not keep reception out.
    linked = limiter.shared_limit(limit, "links", error_message=too_many)
    guessed = limiter.shared_limit(
        WRONG_GUESSES,
        "secrets",
        error_message="Too many wrong links from this address.",
        deduct_when=lambda response: response.status_code in _WRONG,
    )
    for route in routes:
        if route.is_limited:
            view = app.view_functions[route.endpoint]
            view.__name__ = route.endpoint  # By it the limiter tells views apart.
            checked = linked(guessed(view)) if route.has_secret else limited(view)
            checked = cast("Callable[..., Response]", checked)
            app.view_functions[route.endpoint] = checked

    @app.after_request
    def say_when(response: Response) -> Response:
        current = limiter.current_limit
        if current is not None and current.breached:
            wait = max(1, ceil(current.reset_at - time.time()))
            response.headers["Retry-After"] = str(wait)
        return response


def _address() -> str:
    return network_of(request.remote_addr or "unknown")
