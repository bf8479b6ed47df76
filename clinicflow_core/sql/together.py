"""Several prepared statements in one round trip to PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.adapt import Transformer
from sqlalchemy import Connection

from clinicflow_core.sql.prepared import Errand, Outcome


class Together:
    """
    Sends all statements to PostgreSQL as one text.

    Each is prepared on its connection once, so the server parses none of them anew;
    each still sees what was committed when it began. Values are quoted by the driver,
    which must not say BEGIN itself: that would be a trip of its own.
    """

    def __init__(self, connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.autocommit = True
        self._connection = connection
        self._driver = driver
        self._known: set[str] = connection.info.setdefault("prepared", set())
        self._transformer = Transformer(self._driver)
        self._begun = False

    def __call__(self, errands: Sequence[Errand]) -> list[Outcome]:
        # First: a value that the driver cannot write must leave nothing half known.
        executions = [self._execution(errand) for errand in errands]
        script: list[bytes] = []
        if not self._begun:
            script.append(b"BEGIN")
        for errand in errands:
            prepared = errand.prepared
            if prepared.name not in self._known:
                script.append(f"PREPARE {prepared.name} AS {prepared.sql}".encode())
                self._known.add(prepared.name)
        silent = len(script)
        is_new = silent > (not self._begun)
        script.extend(executions)
        if not script:
            return []
        self._begun = True
        cursor = self._driver.cursor()
        try:
            cursor.execute(b";".join(script), prepare=False)
        except BaseException:
            if is_new:  # Nobody knows how many of them were prepared.
                self._connection.invalidate()
            raise
        outcomes = []
        for _ in script:
            # `description` would tell the same, and describe every column for it.
            rows = cursor.fetchall() if cursor.pgresult.nfields else ()
            outcomes.append(Outcome(cursor.rowcount, rows))
            cursor.nextset()
        return outcomes[silent:]

    def _execution(self, errand: Errand) -> bytes:
        if not errand.values:
            return b"EXECUTE " + errand.prepared.name.encode()
        quoted = b",".join(map(self._transformer.as_literal, errand.values))
        return b"EXECUTE " + errand.prepared.name.encode() + b"(" + quoted + b")"
