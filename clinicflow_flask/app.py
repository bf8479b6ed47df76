"""The REST service, put together."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Final

from flask import Blueprint, Flask, Response, request
from flask_cors import CORS
from flask_swagger_ui import get_swaggerui_blueprint

from clinicflow_core.ports import Store
from clinicflow_core.settings import (
    Settings,
    load_settings,
    refuse_unsafe,
    signing_secret,
)
from clinicflow_flask import (
    accounts,
    appointments,
    clinic,
    doctors,
    health,
    openapi,
    patients,
    schedule,
)
from clinicflow_flask.answers import Document
from clinicflow_flask.problems import add_problems
from clinicflow_flask.requests import MAX_BODY
from clinicflow_flask.routes import Route, add_routes
from clinicflow_flask.tokens import add_tokens

_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """
    Return the service as a WSGI application.

    Args:
        settings: Read from the environment and `.env` if left out.
        store: Opened at the settings' database URL if left out.

    Raises:
        SettingsError: If a setting, or the database that it names, is not safe for
            production.
        UnavailableError: If the database is away or its schema is not current.
    """
    settings = settings or load_settings()
    refuse_unsafe(settings)
    if store is None:
        store = _open_store(settings)
    health.require_current(store)
    health.require_walls(store, settings)
    app = Flask("clinicflow_flask", static_folder=None)
    # One more, to be seen: of a body in chunks Werkzeug drops what is too much.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY + 1
    app.url_map.merge_slashes = False
    add_problems(app)
    add_tokens(app, settings, signing_secret(settings))
    add_routes(app, ROUTES, store)
    app.register_blueprint(_docs())
    app.after_request(_add_headers)
    CORS(
        app,
        resources=r"/api/.*",
        origins=list(settings.cors_origins),
        supports_credentials=True,
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
        expose_headers=["Idempotent-Replayed", "Retry-After"],
        max_age=600,
        always_send=False,
    )
    return app


def _open_store(settings: Settings) -> Store:
    # Here, so that a service in memory needs no database library.
    from clinicflow_core.sql.store import open_store  # noqa: PLC0415  As said.

    if settings.debug:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
        logging.getLogger("clinicflow_core.sql").setLevel(logging.DEBUG)
    return open_store(settings.database_url)


def _docs() -> Blueprint:
    # Without a validator the page asks nothing of the internet.
    config = {"app_name": openapi.TITLE, "validatorUrl": None}
    docs: Blueprint = get_swaggerui_blueprint("/docs", "/openapi.json", config)
    return docs


def _add_headers(response: Response) -> Response:
    headers = response.headers
    for name, value in _HEADERS.items():
        headers[name] = value
    if request.path.startswith("/api/"):
        headers["Cache-Control"] = "no-store"
    return response


@cache
def _description() -> Document:
    return openapi.document(ROUTES)


ROUTES: Final[tuple[Route, ...]] = (
    *health.ROUTES,
    Route("GET", "/openapi.json", _description, "Describe the service"),
    *accounts.ROUTES,
    *clinic.ROUTES,
    *doctors.ROUTES,
    *patients.ROUTES,
    *appointments.ROUTES,
    *schedule.ROUTES,
)
