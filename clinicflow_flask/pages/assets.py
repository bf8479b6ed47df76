"""Style sheets, scripts and what they need, served by us alone."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, send_from_directory

from clinicflow_flask.pages import words

_FOLDER: Final = Path(__file__).parent
_STATIC: Final = _FOLDER / "static"
_A_YEAR_IN_SECONDS: Final = 365 * 24 * 60 * 60


def add_assets(app: Flask) -> None:
    """Make *app* serve them, and find the templates."""
    shelf = Blueprint("pages", __name__, template_folder="templates")
    shelf.add_url_rule("/static/<path:name>", "GET /static/{name}", _asset)
    app.register_blueprint(shelf)
    app.jinja_env.globals["asset"] = _address
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


@cache
def _address(name: str) -> str:
    """Return where *name* is served, a new place whenever its content changes."""
    content = (_STATIC / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def _asset(name: str) -> Response:
    response = send_from_directory(_STATIC, name, max_age=_A_YEAR_IN_SECONDS)
    response.headers["Cache-Control"] = f"public, max-age={_A_YEAR_IN_SECONDS}"
    return response
