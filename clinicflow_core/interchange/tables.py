"""Tables: CSV files with a header, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from attrs import define

from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.interchange.columns import Columns
from clinicflow_core.interchange.entries import Entry, Text, physical_lines, too_large
from clinicflow_core.interchange.reasons import Fault, Reason

MAX_ROW_BYTES = 128 * 1024
"""The longest row that is read: as long as Python lets one cell be."""

_DELIMITERS = ",;\t"


def table_entries(stream: BinaryIO, columns: Columns) -> Iterator[Entry]:
    """
    Yield the rows of a CSV file below its header, the cells by column.

    Cells lose spaces around them; those that are empty are left out.

    Raises:
        InvalidError: If the first row is not a header of *columns*.
    """
    rows = _rows(stream)
    first = next(rows, None)
    if first is None:
        return
    header = bytes(first).rstrip(b"\r\n")
    delimiter = _delimiter_of(header)
    names = columns.checked(_cells_of_header(header, delimiter, first.line))
    for row in rows:
        text = bytes(row).rstrip(b"\r\n")
        entry = Entry(line=row.line, text=text, header=header)
        if row.size > MAX_ROW_BYTES:
            yield evolve(entry, fault=too_large(row, MAX_ROW_BYTES))
            continue
        try:
            cells = _cells(text, delimiter)
        
