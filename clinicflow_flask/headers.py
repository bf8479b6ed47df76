"""What every answer tells a browser not to do with it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, request

from clinicflow_flask.pages.table import is_page

_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
_DOCS: Final = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGES: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_A_YEAR: Final = "max-age=31536000"
_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_headers(app: Flask, *, is_production: bool) -> None:
    """Make *app* add them; what is in production is reached by HTTPS alone."""
    fixed = dict(_HEADERS)
    if is_production:
        fixed["Strict-Transport-Security"] = _A_YEAR

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        for name, value in fixed.items():
            headers[name] = value
        headers["Content-Security-Policy"] = _policy(app, response)
        if request.path.startswith("/api/") or is_page(app):
            headers["Cache-Control"] = "no-store"
        return response


def _policy(app: Flask, response: Response) -> str:
    if response.mimetype == "text/html" and is_page(app):
        return _PAGES
    if request.endpoint != "swagger_ui.show" or response.status_code != 200:
        return _NOTHING
    if response.mimetype != "text/html" or response.is_streamed:
        return _DOCS.format(scripts="")
    # The page starts its own script in line; it is allowed as it is, and no other.
    # What is stopped is the style inside its logo, which is black for want of it.
    scripts = (
        base64.b64encode(hashlib.sha256(script).digest()).decode()
        for script in _SCRIPT.findall(response.get_data())
    )
    return _DOCS.format(scripts="".join(f" 'sha256-{script}'" for script in scripts))
