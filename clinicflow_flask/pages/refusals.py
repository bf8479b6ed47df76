"""What a page says that cannot be shown: why, and the way out."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from flask import Response, current_app, request

from clinicflow_flask.pages.rendering import HOME, is_part, own_path, render
from clinicflow_flask.pages.table import is_page

_SIGN_IN = "/sign-in"


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
        title=HTTPStatus(status).phrase,
        detail=detail,
        way_out=_way_out(),
    )


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
