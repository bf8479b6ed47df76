"""
What a server runs:
`granian --interface wsgi --factory clinicflow_flask.serving:make_app`.
"""

from __future__ import annotations

from flask import Flask

from clinicflow_core.settings import load_settings
from clinicflow_flask import logs
from clinicflow_flask.app import create_app


def make_app() -> Flask:
    """Return the service as the environment sets it; called once in each worker."""
    settings = load_settings()
    logs.configure(settings)
    return create_app(settings)
