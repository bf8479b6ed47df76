"""What is printed: one JSON document for programs, or text and tables for people."""

from __future__ import annotations

import json
import re
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from clinicflow_cli.failures import JSON_ASKED
from clinicflow_cli.terminals import inert
from clinicflow_core.wire import dump

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_STEERING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_NEVER_WRAPPED = 10_000
"""The width of what is no terminal, in characters."""


def tell(value: object, *shown: RenderableType) -> None:
    """Print *value* if JSON is asked for, else what is *shown*, line by line."""
    if click.get_current_context().meta.get(JSON_ASKED):
        utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
        document = json.dumps(dump(value), indent=2, ensure_ascii=not utf8)
        # What JSON would leave as it is can steer a terminal too; this means the same.
        click.echo(_STEERING.sub(lambda c: f"\\u{ord(c[0]):04x}", document))
        return
    for part in shown:
        show(part)


def show(part: RenderableType) -> None:
    """Print a text as it is, or a table as wide as the terminal."""
    if isinstance(part, str):
        click.echo(inert(part))
    else:
        console_for(sys.stdout).print(part)


def console_for(stream: IO[Any]) -> Console:
    """Return a console that does nothing to texts and cuts nothing in a pipe."""
    from rich.console import Console  # noqa: PLC0415  Most commands print no table.

    return Console(
        file=stream,
        width=None if stream.isatty() else _NEVER_WRAPPED,
        markup=False,
        highlight=False,
        emoji=False,
    )


def table(*headings: str) -> Table:
    """Return an empty table in the house's style."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  As above.
    from rich.table import Table  # noqa: PLC0415  As above.

    class InertTable(Table):
        def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
            safe = (inert(each) if isinstance(each, str) else each for each in cells)
            super().add_row(*safe, **options)

    made = InertTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        made.add_column(inert(heading), overflow="fold")
    return made
