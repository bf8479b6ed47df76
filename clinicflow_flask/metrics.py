"""Figures of the service for Prometheus: how many requests, and how long they took."""

from __future__ import annotations

import os
from typing import Final

from flask import Flask, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from clinicflow_flask import logs

PATH: Final = "/metrics"

_LABELS: Final = ("method", "route", "status")
_SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder where all workers keep figures; `clinicflow serve` sets it."""


def add_metrics(app: Flask) -> None:
    """Make *app* count its requests and tell the figures."""
    registry = CollectorRegistry()
    own = None if _SHARED in os.environ else registry
    if own is None:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    answered = Counter(
        "clinicflow_requests", "Requests that were answered.", _LABELS, registry=own
    )
    took = Histogram(
        "clinicflow_request_duration_seconds",
        "How long answering took.",
        _LABELS,
        registry=own,
    )

    @app.after_request
    def count(response: Response) -> Response:
        labels = (logs.method(), logs.route() or "", str(response.status_code))
        answered.labels(*labels).inc()
        took.labels(*labels).observe(logs.seconds())
        return response

    @app.get(PATH)
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
