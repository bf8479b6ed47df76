"""`clinicflow serve`: the REST service, by granian."""

from __future__ import annotations

import os
import socket
import sqlite3
import tempfile
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path

import click

from clinicflow_cli.commands.database import require_current
from clinicflow_cli.composition import Reception, pass_reception, summarizer_of
from clinicflow_cli.failures import Failure
from clinicflow_cli.options import example, json_option
from clinicflow_cli.output import tell
from clinicflow_cli.tending import tending
from clinicflow_core.errors import SettingsError
from clinicflow_core.settings import (
    Environment,
    Settings,
    refuse_unsafe,
    signing_secret,
)

SERVICE = "clinicflow_flask.serving:make_app"
"""What makes the service; named, because the faces do not know each other."""

_FORMATTER = "clinicflow_flask.logs.make_formatter"
_FIGURES = "PROMETHEUS_MULTIPROC_DIR"
"""Where the workers add up their figures."""

_CODE = ("clinicflow_core", "clinicflow_flask")
_NEEDED = (
    "flask",
    "flask_jwt_extended",
    "flask_limiter",
    "granian",
    "prometheus_client",
    "structlog",
)
_MOST_THREADS = 8
"""A worker answers no more requests at once: it has about as many connections."""

_SOUND_SQLITE = (3, 51, 3)
"""The first whose write-ahead log bears several writing processes for certain."""

_STOPPING_SECONDS = 10
"""A worker that has not stopped by then is ended; containers wait as long."""


@click.command(
    epilog=example(
        "clinicflow serve",
        "clinicflow serve --host 0.0.0.0 --port 8000 --workers 2",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Where to listen.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many processes answer; about one for each core.",
)
@click.option("--reload", is_flag=True, help="Start anew when the code changes.")
@click.option(
    "--no-worker", is_flag=True, help="Leave all jobs to 'clinicflow worker'."
)
@json_option
@pass_reception
def serve(
    reception: Reception,
    host: str,
    port: int,
    workers: int,
    reload: bool,
    no_worker: bool,
) -> None:
    """
    Serve the record over HTTP until it is stopped.

    What is being answered when it is stopped is answered first. The database must
    have the newest schema. Meanwhile offers to the waitlist that lapse are passed on,
    and summaries of intake forms are made.
    """
    run_service(
        reception,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        does_jobs=not no_worker,
        announce=True,
    )


def run_service(
    reception: Reception,
    *,
    host: str,
    port: int,
    workers: int = 1,
    reload: bool = False,
    does_jobs: bool = True,
    announce: bool = False,
) -> None:
    """
    Serve until a signal says to stop.

    Args:
        does_jobs: Whether jobs are done meanwhile, or left to workers elsewhere.

    Raises:
        Failure: If a library is missing or somebody else listens there.
        ClinicFlowError: If the settings or the database forbid it.
    """
    _refuse_missing_libraries()
    refuse_unsafe(reception.settings)
    summarizer_of(reception.settings)  # What it lacks is told now, and not in a log.
    require_current(reception)
    refuse_open_walls(reception)
    refuse_taken(host, port)
    if workers > 1 and reception.database_url.startswith("sqlite"):
        warn_of_sqlite(sqlite3.sqlite_version_info)
    signing_secret(reception.settings)  # Made once, before the workers ask for it.
    # The workers inherit the choice, and must not inherit an open connection.
    os.environ["DATABASE_URL"] = reception.database_url
    reception.close()
    if announce:
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        tell({"url": url}, f"Serving on {url}; Ctrl-C ends it.")
    with ExitStack() as stack:
        if reception.settings.metrics and _FIGURES not in os.environ:
            folder = tempfile.TemporaryDirectory(prefix="clinicflow-metrics-")
            os.environ[_FIGURES] = stack.enter_context(folder)
        stack.enter_context(
            tending(
                reception.database_url,
                _formatter(reception.settings),
                does_jobs=does_jobs,
            )
        )
        _answer(host, port, workers, reception.settings, reload=reload)


def _refuse_missing_libraries() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise Failure(
            f"Serving needs more libraries ({', '.join(missing)}): "
            "pip install 'clinicflow[web]'.",
            "not-installed",
        )


def warn_of_sqlite(version: tuple[int, int, int]) -> None:
    """Warn if several processes can damage a file that SQLite *version* writes."""
    if version < _SOUND_SQLITE:
        found, sound = (".".join(map(str, v)) for v in (version, _SOUND_SQLITE))
        click.echo(
            f"Warning: SQLite {found} can, very rarely, damage a file that several "
            f"processes write. Use --workers 1, SQLite {sound} or PostgreSQL.",
            err=True,
        )


def refuse_open_walls(reception: Reception) -> None:
    """
    Raises:
        SettingsError: If in production the database does not keep clinics apart.
    """
    if reception.settings.environment is not Environment.PRODUCTION:
        return
    if problems := reception.database.open_walls():
        raise SettingsError(tuple(problems))


def refuse_taken(host: str, port: int) -> None:
    """
    Raises:
        Failure: If nobody can listen there.
    """
    try:
        found = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        with closing(socket.socket(family, kind, protocol)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        raise Failure(
            f"Cannot listen on {host} port {port}: {error.strerror}.", "cannot-listen"
        ) from None


def _answer(
    host: str, port: int, workers: int, settings: Settings, *, reload: bool
) -> None:
    from granian import Granian  # noqa: PLC0415  Only the web extra has it.
    from granian.constants import Interfaces  # noqa: PLC0415  As above.

    Granian(
        SERVICE,
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=min(_MOST_THREADS, 2 * (os.cpu_count() or 1) + 1),
        workers_kill_timeout=_STOPPING_SECONDS,
        respawn_failed_workers=True,  # Else one that is killed ends all of them.
        reload=reload,
        # Not the working directory: the database writes there.
        reload_paths=[Path(folder) for name in _CODE for folder in _folders_of(name)],
        websockets=False,
        log_dictconfig=_log_to_stderr(_formatter(settings)),
    ).serve()


def _folders_of(package: str) -> list[str]:
    spec = find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def _formatter(settings: Settings) -> dict[str, object]:
    return {"()": _FORMATTER, "json": settings.environment is Environment.PRODUCTION}


def _log_to_stderr(formatter: dict[str, object]) -> dict[str, object]:
    from granian.log import LOGGING_CONFIG  # noqa: PLC0415  As above.

    handlers = LOGGING_CONFIG["handlers"]
    assert isinstance(handlers, dict)
    return {
        "formatters": dict.fromkeys(("generic", "access"), formatter),
        "handlers": {
            name: {**handler, "stream": "ext://sys.stderr"}
            for name, handler in handlers.items()
        },
    }
