"""CSV as text, with no cell that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from io import StringIO
from typing import Final
from uuid import UUID

__all__ = ["Cell", "csv_text"]

Cell = str | int | float | date | UUID | None
"""What one cell can hold; None leaves it empty."""

# What begins a formula somewhere, as OWASP lists it under "CSV Injection".
_FORMULAS: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    r"""
    Return *rows* as CSV, as RFC 4180 has it: commas, and lines that end in `\r\n`.

    A text that a spreadsheet could take for a formula begins with an apostrophe. A
    number stays one, below zero too.
    """
    text = StringIO()
    csv.writer(text).writerows([_inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def _inert(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULAS):
        return f"'{cell}"
    return cell
