"""What a page says that cannot be shown: why, and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.exceptions import (
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    RequestURITooLarge,
)

from clinicflow_flask.pages.rendering import HOME, is_part, own_path, render
from clinicflow_flask.pages.table import is_page

_SIGN_IN: Final = "/sign-in"

HEADINGS: Final[Mapping[int, str]] = {
    400: "This cannot be read",
    403: "You may not do this",
    404: "That is not there",
    405: "That is no page to look at",
    409: "This cannot be done now",
    412: "Somebody else changed this",
    413: "That is too much at once",
    414: "That is too long",
    422: "That does not fit",
    429: "That was too often",
    500: "Something went wrong",
    503: "This does not work just now",
    507: "There is no room left",
}
"""What a page says first that cannot be shown, by its status."""

_OTHERWISE: Final = "This cannot be shown"

_DETAILS: Final[Mapping[str | None, str]] = {
    NotFound.description: "The address leads nowhere.",
    MethodNotAllowed.description: "Only a button leads there. Go on from another page.",
    RequestEntityTooLarge.description: "What was sent is larger than can be taken.",
    RequestURITooLarge.description: "The address is longer than any page has.",
}
"""What is said instead of details that are for whoever writes a program."""

_WRONG: Final = "Something in the address, or in what was sent, cannot be."


def as_page(status: int, detail: str) -> Response | None:
    """Return the page that says *detail*; None if no page was asked for."""
    if not is_page(current_app):
        return None
    if status == HTTPStatus.UNAUTHORIZED:
        return _to_sign_in()
    # Named by no template of the record: whoever is not signed in sees it too.
    return render(
        "refusal.html",
        status=status,
        title=HEADINGS.get(status, _OTHERWISE),
        detail=_for_people(status, detail),
        # By its id the log knows what went wrong.
        names_ids=status == HTTPStatus.INTERNAL_SERVER_ERROR,
        way_out=_way_out(),
    )


def _for_people(status: int, detail: str) -> str:
    # What was wrong with a request is told by names that no page shows.
    is_told_by_names = status == HTTPStatus.UNPROCESSABLE_ENTITY
    return _WRONG if is_told_by_names else _DETAILS.get(detail, detail)


def _way_out() -> tuple[str, str]:
    """Return where whoever is refused can go on, and what the link says."""
    token = (request.view_args or {}).get("token")
    if token is None:
        return HOME, "Go to the day"
    return f"/i/{quote(token)}", "Back to the form"


def _to_sign_in() -> Response:
    shown = request.path if request.method == "GET" and not is_part() else HOME
    path = f"{_SIGN_IN}?next={quote(own_path(shown), safe='/')}"
    if is_part():
        return Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": path})
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})
