"""
Logs: one line for each request, and what goes wrong.

A line says where and how long, and ids; never what somebody sent. So it names the
route by its template, since a path and a query can hold whatever was typed there, and
of an exception it says where it came from, since its text may quote a row.
"""

from __future__ import annotations

import logging
import logging.config
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Flask, Response, g, has_request_context, request
from structlog.typing import EventDict, Processor, WrappedLogger

from clinicflow_core.entities.ids import ClinicId, SessionId
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask.request_ids import request_id

_METHODS: Final = frozenset(
    {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
)
_DENIED: Final = frozenset({401, 403, 429})
_LOGGER: Final = logging.getLogger(__name__)


def configure(settings: Settings) -> None:
    """
    Send all logs of this process to standard error, a line each.

    They are JSON in production and `key=value` elsewhere.
    """
    # A record that cannot be formatted is told with its arguments otherwise.
    logging.raiseExceptions = False
    statements = {
        "sqlalchemy.engine": {"level": "INFO"},
        "clinicflow_core.sql": {"level": "DEBUG"},
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": make_formatter,
                    "json": settings.environment is Environment.PRODUCTION,
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "lines"}
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "clinicflow_flask": {"level": "INFO"},
                "_granian": {"level": "INFO", "handlers": [], "propagate": True},
                # It would tell paths and queries.
                "granian.access": {"level": "CRITICAL", "handlers": []},
                **(statements if settings.debug else {}),
            },
        }
    )


def make_formatter(*, json: bool) -> logging.Formatter:
    """Return what makes a line of a record, as JSON or as `key=value`."""
    render: Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
        )
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_facts,
            _add_request_id,
            _reduce_exception,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            render,
        ]
    )


def _add_facts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    facts: Mapping[str, object] = getattr(event["_record"], "facts", {})
    return {**event, **facts}


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if has_request_context():
        event["request_id"] = request_id()
    return event


def _reduce_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if raised := event.pop("exc_info", None):
        kind, _error, trace = raised
        event["error"] = kind.__qualname__ if kind else None
        event["frames"] = _frames(trace)
    return event


def _frames(trace: TracebackType | None) -> str:
    return " < ".join(
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(trace))
    )


def add_request_log(app: Flask) -> None:
    """Make *app* log each request; call it before whatever else looks at answers."""
    app.before_request(_start)
    app.after_request(_tell)


def note_session(clinic_id: ClinicId, session_id: SessionId) -> None:
    """Let the log name whose request this is."""
    g.log_session = {"clinic_id": str(clinic_id), "session_id": str(session_id)}


def note_code(code: str) -> None:
    """Let the log name the problem that this request is answered with."""
    g.log_code = code


def method() -> str:
    """Return the request's method; "OTHER" for one that there is none of."""
    return request.method if request.method in _METHODS else "OTHER"


def route() -> str | None:
    """Return the template of the request's route; None if none was found."""
    if request.url_rule is None:
        return None
    _, _, template = request.url_rule.endpoint.partition(" ")
    return template or request.url_rule.rule


def seconds() -> float:
    """Return how long the request takes until now."""
    started: float = g.log_started
    return time.perf_counter() - started


def _start() -> None:
    g.log_started = time.perf_counter()


def _tell(response: Response) -> Response:
    _LOGGER.log(
        _level(response.status_code),
        "Answered",
        extra={"facts": _facts(response.status_code)},
    )
    return response


def _level(status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.WARNING if status in _DENIED else logging.INFO


def _facts(status: int) -> Mapping[str, object]:
    facts: dict[str, Any] = {
        "method": method(),
        "route": route(),
        "status": status,
        "duration_ms": round(seconds() * 1000, 1),
    }
    if "log_code" in g:
        facts["code"] = g.log_code
    facts |= g.get("log_session", {})
    # A path's other parts are as somebody typed them.
    facts |= {
        name: str(value)
        for name, value in (request.view_args or {}).items()
        if name.endswith("_id") and isinstance(value, UUID)
    }
    return facts
