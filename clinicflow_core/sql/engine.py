"""Connections: SQLite and PostgreSQL, set up so that their promises hold."""

from __future__ import annotations

import hashlib
import select
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.engine import URL, make_url

BUSY_SECONDS = 5
"""How long a writer waits for another before it is told that the store is busy."""

SQLITE_PRAGMAS = {
    "foreign_keys": "ON",
    "busy_timeout": str(BUSY_SECONDS * 1000),
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "cache_size": "-16384",  # KiB; the indexes of a few years of visits.
}


def make_engine(url: str | URL, *, pool_size: int = 5) -> Engine:
    """
    Return an engine for *url*.

    On SQLite every transaction is begun IMMEDIATE: with SQLAlchemy's default two
    people can book the same time. On PostgreSQL a pooled connection is checked
    before use without asking the server.

    Args:
        pool_size: How many connections are kept; a tenth of a second's wait for
            one more is answered by opening it, up to twice as many.

    Raises:
        ValueError: If *url* is for another database, or is no URL.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):  # The latter prints what is no port.
        raise ValueError("is no database URL") from None
    match parsed.get_backend_name():
        case "sqlite":
            return _sqlite(parsed)
        case "postgresql":
            return _postgresql(parsed, pool_size)
        case other:
            raise ValueError(f"must be for sqlite or postgresql, not {other}")


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # BEGIN is said below, and nowhere else.
        for name, value in SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")
        add_functions(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def add_functions(connection: Any) -> None:
    """Give a connection of SQLite's driver the functions that statements call."""
    connection.create_function("sha256_hex", 1, _sha256_hex, deterministic=True)


def _sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _postgresql(url: URL, pool_size: int) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=BUSY_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": BUSY_SECONDS,
            # The driver would say DEALLOCATE ALL when a transaction is undone.
            "prepare_threshold": None,
            "options": "-c TimeZone=UTC -c lock_timeout=5s "
            # Planning a booking anew each time costs as much as running it.
            "-c plan_cache_mode=force_generic_plan "
            "-c idle_in_transaction_session_timeout=60s",
        },
    )

    @event.listens_for(engine, "checkout")
    def refuse_dead(connection: Any, _: object, __: object) -> None:
        # A server that closed an idle connection has said so: its socket can be read.
        if connection.closed or select.select([connection.fileno()], [], [], 0)[0]:
            raise exc.DisconnectionError

    @event.listens_for(engine, "checkin")
    def leave_as_found(connection: Any, _: object) -> None:
        if connection is not None and not connection.closed:
            connection.autocommit = False

    return engine
