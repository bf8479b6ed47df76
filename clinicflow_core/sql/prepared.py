"""
Statements that are compiled once and travel together.

Compiling and adapting cost more than most statements themselves, and a round
trip costs more than both. So the fixed statements of the repositories are
compiled once a dialect and prepared once a connection, and a `Trip` takes several
of them to PostgreSQL in one go, BEGIN included; SQLite runs them one after another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Dialect, Executable, Table
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from clinicflow_core.sql.refusals import told_apart

_log = logging.getLogger(__name__)  # Statements, never their values.

Row = Mapping[str, Any]
Params = Mapping[str, Any]
_Adapt = Callable[[Any], Any]


@frozen(eq=False)
class Fixed:
    """
    A statement whose text never changes.

    Attributes:
        columns: For INSERT and UPDATE, the columns to set from parameters of the
            same names.
    """

    statement: Executable
    columns: tuple[str, ...] | None = None


def all_columns(table: Table, *without: str) -> tuple[str, ...]:
    """Return the columns that an INSERT sets: all but the computed and *without*."""
    return tuple(
        column.key
        for column in table.columns
        if column.computed is None and column.key not in without
    )


@frozen(eq=False)
class Prepared:
    """
    A fixed statement in the words of one database.

    Attributes:
        name: What a server calls it once it is prepared there.
        parameters: In order, each with what it is by default and how it is adapted.
        columns: Of the rows that it gives, each with how its values are adapted.
    """

    name: str
    sql: str
    parameters: Sequence[tuple[str, object, _Adapt | None]]
    columns: Sequence[tuple[str, _Adapt | None]]

    def values(self, given: Params) -> list[Any]:
        """Return the parameters as the driver takes them, in order."""
        return [
            adapt(value) if adapt else value
            for name, default, adapt in self.parameters
            for value in (given.get(name, default),)
        ]

    def rows(self, fetched: Iterable[Sequence[Any]]) -> list[Row]:
        return [
            {
                name: adapt(value) if adapt else value
                for (name, adapt), value in zip(self.columns, row, strict=True)
            }
            for row in fetched
        ]


class Catalogue:
    """The fixed statements in the words of one database, each compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect: Dialect = (
            PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
            if dialect.name == "postgresql"
            else dialect
        )
        self._dialect.dbapi = dialect.dbapi
        self._prepared: dict[Fixed, Prepared] = {}

    def __getitem__(self, fixed: Fixed) -> Prepared:
        prepared = self._prepared.get(fixed)
        if prepared is None:
            prepared = self._prepared[fixed] = self._prepare(fixed)
        return prepared

    def _prepare(self, fixed: Fixed) -> Prepared:
        statement: Any = fixed.statement
        dialect = self._dialect
        compiled = statement.compile(dialect=dialect, column_keys=fixed.columns)
        sql = str(compiled)
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        return Prepared(
            name=f"clinicflow_{sha256(sql.encode()).hexdigest()[:16]}",
            sql=sql,
            parameters=[
                (
                    name,
                    compiled.params[name],
                    types[name].dialect_impl(dialect).bind_processor(dialect),
                )
                for name in compiled.positiontup
            ],
            columns=[
                (
                    column.key,
                    column.type.dialect_impl(dialect).result_processor(dialect, None),
                )
                for column in statement.exported_columns
            ],
        )


@frozen
class Errand:
    """A statement with its values; *check* is given its row count."""

    prepared: Prepared
    values: Sequence[Any]
    check: Callable[[int], None] | None = None


@frozen
class Outcome:
    """What came of a statement: how many rows it touched, and those that it gave."""

    count: int
    rows: Sequence[Sequence[Any]]


class Trip:
    """
    The statements of one transaction on their way to the database.

    What is left to be done `later` goes with the next `now`, or with `finish`.
    Everything within one call is one round trip to PostgreSQL.
    """

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self.dialect = connection.dialect.name
        self._connection = connection
        self._catalogue = catalogue
        self._waiting: list[Errand] = []
        self._run = _runner(connection)

    def later(
        self, fixed: Fixed, params: Params, check: Callable[[int], None] | None = None
    ) -> None:
        """Run a statement before anything is read; *check* is given its row count."""
        prepared = self._catalogue[fixed]
        self._waiting.append(Errand(prepared, prepared.values(params), check))

    def now(self, *asks: tuple[Fixed, Params]) -> list[list[Row]]:
        """Run what waits, then each of *asks*; return the rows of each."""
        waiting, self._waiting = self._waiting, []
        asked = []
        for fixed, params in asks:
            prepared = self._catalogue[fixed]
            asked.append(Errand(prepared, prepared.values(params)))
        errands = [*waiting, *asked]
        if _log.isEnabledFor(logging.DEBUG):
            for errand in errands:
                _log.debug("%s", errand.prepared.sql)
        with told_apart():
            outcomes = self._run(errands)
        for errand, outcome in zip(waiting, outcomes, strict=False):
            if errand.check is not None:
                errand.check(outcome.count)
        return [
            errand.prepared.rows(outcome.rows)
            for errand, outcome in zip(asked, outcomes[len(waiting) :], strict=True)
        ]

    def dynamic(self, statement: Executable) -> Sequence[SqlRow[Any]]:
        """Run what waits, then a statement whose text depends on what is asked."""
        self.now()
        with told_apart():
            return self._connection.execute(statement).all()

    def finish(self) -> None:
        """Run what waits."""
        if self._waiting:
            self.now()


def _runner(connection: Connection) -> Callable[[Sequence[Errand]], list[Outcome]]:
    if connection.dialect.name == "postgresql":
        # Here, because SQLite needs no driver of PostgreSQL.
        from clinicflow_core.sql.together import Together  # noqa: PLC0415  As said.

        return Together(connection)
    driver: Any = connection.connection.driver_connection

    def run_in_turn(errands: Sequence[Errand]) -> list[Outcome]:
        outcomes = []
        for errand in errands:
            cursor = driver.execute(errand.prepared.sql, errand.values)
            rows = cursor.fetchall()
            outcomes.append(Outcome(len(rows) or cursor.rowcount, rows))
        return outcomes

    return run_in_turn
