"""The service, put together: REST for programs, pages for people."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from functools import cache
from typing import Final

from flask import Blueprint, Flask
from flask_cors import CORS
from flask_swagger_ui import get_swaggerui_blueprint
from werkzeug.middleware.proxy_fix import ProxyFix

from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.errors import SettingsError
from clinicflow_core.intake.extractive import Extractive
from clinicflow_core.ports import Store, Summarizer
from clinicflow_core.settings import (
    Environment,
    Settings,
    SummarizerChoice,
    load_settings,
    rate_limit,
    refuse_unsafe,
    signing_secret,
)
from clinicflow_flask import (
    accounts,
    appointments,
    clinic,
    dashboard,
    doctors,
    google,
    health,
    intake,
    openapi,
    patient_link,
    patients,
    questionnaires,
    schedule,
    series,
    summaries,
    waitlist,
)
from clinicflow_flask.answers import Document
from clinicflow_flask.headers import add_headers
from clinicflow_flask.logs import add_request_log
from clinicflow_flask.metrics import add_metrics
from clinicflow_flask.pages.refusals import as_page
from clinicflow_flask.pages.site import PAGES, add_site
from clinicflow_flask.problems import add_problems
from clinicflow_flask.rate_limits import add_rate_limits
from clinicflow_flask.request_ids import add_request_ids
from clinicflow_flask.requests import FINGERPRINTS, MAX_BODY, refuse_long_url
from clinicflow_flask.routes import Route, add_routes
from clinicflow_flask.tokens import add_tokens


def create_app(
    settings: Settings | None = None,
    store: Store | None = None,
    summarizer: Summarizer | None = None,
) -> Flask:
    """
    Return the service as a WSGI application.

    Args:
        settings: Read from the environment and `.env` if left out.
        store: Opened at the settings' database URL if left out.
        summarizer: As the settings have it if left out.

    Raises:
        SettingsError: If a setting, or the database that it names, is not safe for
            production, or names a summarizer that is not installed.
        UnavailableError: If the database is away or its schema is not current.
    """
    settings = settings or load_settings()
    refuse_unsafe(settings)
    if store is None:
        store = _open_store(settings)
    if summarizer is None:
        summarizer = _summarizer(settings)
    health.require_current(store)
    health.require_walls(store, settings)
    app = Flask("clinicflow_flask", static_folder=None)
    # One more, to be seen: of a body in chunks Werkzeug drops what is too much.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY + 1
    app.url_map.merge_slashes = False
    if proxies := settings.trusted_proxies:
        proxied = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)
        app.wsgi_app = proxied  # type: ignore[method-assign]  # Flask's own way.
    add_request_log(app)
    add_request_ids(app)
    if settings.metrics:
        add_metrics(app)
    app.before_request(refuse_long_url)
    add_problems(app, as_page)
    secret = signing_secret(settings)
    add_tokens(app, settings, secret)
    app.extensions[FINGERPRINTS] = key_for(Purpose.FINGERPRINT, secret)
    google.add_google(app, settings, secret)
    add_routes(app, ROUTES, store, summarizer)
    add_site(app, settings, secret, store, summarizer)
    if limit := rate_limit(settings):
        add_rate_limits(app, (*ROUTES, *PAGES), limit)
    app.register_blueprint(_docs())
    is_production = settings.environment is Environment.PRODUCTION
    add_headers(app, is_production=is_production)
    _let_in(app, settings.cors_origins)
    return app


def _let_in(app: Flask, origins: Collection[str]) -> None:
    CORS(
        app,
        resources=r"/api/.*",
        # Compiled, or they would be compared without case. Browsers write it small.
        origins=[re.compile(re.escape(origin.lower()) + r"\Z") for origin in origins],
        supports_credentials=True,
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "X-Request-Id",
        ],
        expose_headers=["ETag", "Idempotent-Replayed", "Retry-After", "X-Request-Id"],
        max_age=600,
        always_send=False,
    )


def _open_store(settings: Settings) -> Store:
    # Here, so that a service in memory needs no database library.
    from clinicflow_core.sql.store import open_store  # noqa: PLC0415  As said.

    if settings.debug:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
        logging.getLogger("clinicflow_core.sql").setLevel(logging.DEBUG)
    return open_store(settings.database_url)


def _summarizer(settings: Settings) -> Summarizer:
    key = settings.openai_api_key
    if settings.summarizer is SummarizerChoice.EXTRACTIVE or key is None:
        return Extractive()
    # Here, so that whoever does not choose it need not wait for it.
    from clinicflow_core.openai import openai_summarizer  # noqa: PLC0415  As said.

    try:
        return openai_summarizer(key, settings.openai_base_url, settings.openai_model)
    except ModuleNotFoundError as missing:
        raise SettingsError((f"SUMMARIZER: {missing}",)) from None


def _docs() -> Blueprint:
    config = {
        "app_name": openapi.TITLE,
        # Without a validator the page asks nothing of the internet.
        "validatorUrl": None,
        # Else it is made of the header Host, inside a script.
        "oauth2RedirectUrl": "/docs/oauth2-redirect.html",
    }
    docs: Blueprint = get_swaggerui_blueprint("/docs", "/openapi.json", config)
    return docs


@cache
def _description() -> Document:
    return openapi.document(ROUTES)


ROUTES: Final[tuple[Route, ...]] = (
    *health.ROUTES,
    Route("GET", "/openapi.json", _description, "Describe the service"),
    *accounts.ROUTES,
    *google.ROUTES,
    *clinic.ROUTES,
    *doctors.ROUTES,
    *patients.ROUTES,
    *appointments.ROUTES,
    *series.ROUTES,
    *waitlist.ROUTES,
    *schedule.ROUTES,
    *dashboard.ROUTES,
    *questionnaires.ROUTES,
    *intake.ROUTES,
    *summaries.ROUTES,
    *patient_link.ROUTES,
)
