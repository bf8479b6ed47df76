"""
Logs of what runs without anybody watching: a line for each thing that happens.

A line tells ids and kinds, never what a record holds. So of an exception it says where
it came from, and not its text, which may quote a row.
"""

from __future__ import annotations

import json
import logging
import logging.config
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime


def log_lines(formatter: Mapping[str, object]) -> None:
    """
    Log to standard error.

    Args:
        formatter: What makes the lines, as `logging.config.dictConfig` takes it.
    """
    logging.raiseExceptions = False  # A record would be told with its arguments.
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"lines": formatter},
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "lines"}
            },
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {"clinicflow_cli": {"level": "INFO"}},
        }
    )


class Lines(logging.Formatter):
    """Makes a line of a record, as JSON or as `key=value`; it needs no library."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            frames = reversed(traceback.extract_tb(trace))
            facts["error"] = kind.__qualname__
            facts["frames"] = " < ".join(
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames
            )
        if self._as_json:
            return json.dumps(facts)
        return " ".join(f"{name}={_quoted(str(v))}" for name, v in facts.items())


def _quoted(text: str) -> str:
    return json.dumps(text) if any(c in ' "=' or c < " " for c in text) else text
