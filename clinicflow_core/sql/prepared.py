"""
Statements that are compiled once and travel together.

Compiling and adapting cost more than most statements themselves, and a round
trip costs more than both. So the fixed statements of the repositories are
compiled once a dialect, and a `Trip` takes several of them to PostgreSQL in one
go (libpq's pipeline mode); SQLite runs them one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Dialect, Executable, Result, Table

from clinicflow_core.sql.refusals import told_apart

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
    """A fixed statement in the words of one database."""

    sql: str
    order: Sequence[str] | None
    adapt_in: Mapping[str, _Adapt | None]
    constants: Params
    adapt_out: Sequence[tuple[str, _Adapt | None]]

    def parameters(self, given: Params) -> Any:
        values = {
            name: adapt(value) if adapt else value
            for name, adapt in self.adapt_in.items()
            for value in (given[name] if name in given else self.constants[name],)
        }
        return values if self.order is None else [values[name] for name in self.order]

    def rows(self, fetched: Sequence[Sequence[Any]]) -> list[Row]:
        return [
            {
                name: adapt(value) if adapt else value
                for (name, adapt), value in zip(self.adapt_out, row, strict=True)
            }
            for row in fetched
        ]


class Catalogue:
    """The fixed statements in the words of one database, each compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[Fixed, Prepared] = {}

    def __getitem__(self, fixed: Fixed) -> Prepared:
        prepared = self._prepared.get(fixed)
        if prepared is None:
            prepared = self._prepared[fixed] = self._prepare(fixed)
        return prepared

    def _prepare(self, fixed: Fixed) -> Prepared:
        statement: Any = fixed.statement
        compiled = statement.compile(dialect=self._dialect, column_keys=fixed.columns)
        return Prepared(
            sql=str(compiled),
            order=compiled.positiontup if compiled.positional else None,
            adapt_in={
                name: bind.type.dialect_impl(self._dialect).bind_processor(
                    self._dialect
                )
                for bind, name in compiled.bind_names.items()
            },
            constants=compiled.params,
            adapt_out=[
                (
                    column.key,
                    column.type.dialect_impl(self._dialect).result_processor(
                        self._dialect, None
                    ),
                )
                for column in statement.exported_columns
            ],
        )


@frozen
class _Errand:
    prepared: Prepared
    params: Params
    check: Callable[[int], None] | None = None


class Trip:
    """
    The statements of one transaction on their way to the database.

    What is left to be done `later` goes with the next `now`, or with `finish`.
    Everything within one call is one round trip to PostgreSQL, the BEGIN included.
    """

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._driver: Any = connection.connection.driver_connection
        self.dialect = connection.dialect.name
        self._waiting: list[_Errand] = []

    def later(
        self, fixed: Fixed, params: Params, check: Callable[[int], None] | None = None
    ) -> None:
        """Run a statement before anything is read; *check* is given its row count."""
        self._waiting.append(_Errand(self._catalogue[fixed], params, check))

    def now(self, *asks: tuple[Fixed, Params]) -> list[list[Row]]:
        """Run what waits, then each of *asks*; return the rows of each."""
        asked = [_Errand(self._catalogue[fixed], params) for fixed, params in asks]
        waiting, self._waiting = self._waiting, []
        with told_apart():
            cursors = self._run([*waiting, *asked])
            for errand, cursor in zip(waiting, cursors, strict=False):
                if errand.check is not None:
                    errand.check(cursor.rowcount)
            return [
                errand.prepared.rows(cursor.fetchall())
                for errand, cursor in zip(asked, cursors[len(waiting) :], strict=True)
            ]

    def dynamic(
        self, statement: Executable, params: Params | None = None
    ) -> Result[Any]:
        """Run what waits, then a statement whose text depends on what is asked."""
        self.finish()
        with told_apart():
            return self._connection.execute(statement, params)

    def finish(self) -> None:
        """Run what waits."""
        if self._waiting:
            self.now()

    def _run(self, errands: Sequence[_Errand]) -> list[Any]:
        cursors = []
        with self._driver.pipeline() if self.dialect == "postgresql" else nullcontext():
            for errand in errands:
                cursor = self._driver.cursor()
                cursors.append(cursor)
                cursor.execute(
                    errand.prepared.sql, errand.prepared.parameters(errand.params)
                )
        return cursors
