"""Request ids: by which a client, its answer and the log speak of one request."""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from flask import Flask, Response, g, request

HEADER: Final = "X-Request-Id"

_TAKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id() -> str:
    """
    Return the id of this request: the client's own, or a new one.

    It has 1 to 64 letters, digits, dots, hyphens and underscores. A client's proves
    nothing: two requests may have the same.
    """
    if "request_id" not in g:
        sent = request.environ.get("HTTP_X_REQUEST_ID", "")
        g.request_id = sent if _TAKEN.fullmatch(sent) else uuid4().hex
    found: str = g.request_id
    return found


def add_request_ids(app: Flask) -> None:
    """Make each answer of *app* name its request."""
    app.after_request(_name)


def _name(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    return response
