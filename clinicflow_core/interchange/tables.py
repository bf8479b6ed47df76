"""Tables: CSV files with a header, row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from enum import Enum, auto
from typing import BinaryIO

from attrs import define, evolve

from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.interchange.columns import Columns
from clinicflow_core.interchange.entries import (
    MAX_BYTES,
    Entry,
    Text,
    physical_lines,
    too_large,
)
from clinicflow_core.interchange.reasons import Reason, UnfitError, unfit

MAX_ROW_BYTES = 128 * 1024
"""The longest row that is read: as long as Python lets one cell be."""

_DELIMITERS = ",;\t"


def table_entries(stream: BinaryIO, columns: Columns) -> Iterator[Entry]:
    """
    Yield the rows of a CSV file below its header, the cells by column.

    Cells are parted as the header is: by comma, semicolon or tab. They lose spaces
    around them; those that are empty are left out.

    Raises:
        InvalidError: If the first row is not a header of *columns*.
    """
    found = next((line for line in physical_lines(stream) if _is_row(line)), None)
    if found is None:
        return
    header = bytes(found).rstrip(b"\r\n")
    delimiter, names = _read_header(header, found.line, columns)
    for row in _rows(stream, delimiter, found.line + 1):
        text = bytes(row).rstrip(b"\r\n")
        entry = Entry(line=row.line, text=text, header=header)
        try:
            yield evolve(entry, data=_cells_by_name(row, text, delimiter, names))
        except UnfitError as error:
            yield evolve(entry, fault=error.fault)


def _is_row(text: Text) -> bool:
    return bool(bytes(text).strip())


def _read_header(
    header: bytes, line: int, columns: Columns
) -> tuple[str, tuple[str, ...]]:
    # As many of these as there are stand between the columns.
    delimiter = max(_DELIMITERS, key=lambda mark: header.count(mark.encode()))
    try:
        cells = _cells(header, delimiter)
    except UnfitError as error:
        detail = f"line {line} cannot be read as a header: {error.fault.detail}"
        raise InvalidError((Problem("", detail),)) from None
    return delimiter, columns.checked([cell.strip().lower() for cell in cells], line)


def _cells_by_name(
    row: Text, text: bytes, delimiter: str, names: tuple[str, ...]
) -> dict[str, str]:
    if row.size > MAX_ROW_BYTES:
        fault = too_large(row, MAX_ROW_BYTES)
        if b"\n" in text:
            fault = evolve(fault, detail=f"{fault.detail} Is a quote never closed?")
        raise UnfitError(fault)
    cells = _cells(text, delimiter)
    if len(cells) != len(names):
        detail = f"Has {len(cells)} cells; the header has {len(names)}."
        raise unfit(Reason.INVALID, detail)
    stripped = ((name, cell.strip()) for name, cell in zip(names, cells, strict=True))
    return {name: cell for name, cell in stripped if cell}


def _cells(text: bytes, delimiter: str) -> list[str]:
    try:
        (cells,) = csv.reader([text.decode()], delimiter=delimiter, strict=True)
    except UnicodeDecodeError as error:
        detail = f"Not UTF-8 at byte {error.start}."
        raise unfit(Reason.UNREADABLE, detail) from None
    except csv.Error as error:
        raise unfit(Reason.UNREADABLE, f"Not CSV: {error}.") from None
    return cells


def _rows(stream: BinaryIO, delimiter: str, line: int) -> Iterator[Text]:
    """Yield the rows from *line* on; one ends where a line ends outside of quotes."""
    quotes = _Quotes(delimiter.encode())
    row = Text(line)
    while piece := stream.readline(MAX_BYTES):
        row.add(piece)
        line += piece.endswith(b"\n")
        if quotes.closed_after(piece):
            if _is_row(row):
                yield row
            row = Text(line)
    if _is_row(row):
        yield row


class _Place(Enum):
    START_OF_CELL = auto()
    PLAIN = auto()
    QUOTED = auto()
    AFTER_QUOTE = auto()


@define
class _Quotes:
    """Follows a table piece by piece, to tell line ends between rows from others."""

    _delimiter: bytes
    _place: _Place = _Place.START_OF_CELL

    def closed_after(self, piece: bytes) -> bool:
        """Return whether a row ends with *piece*, the next part of the file."""
        ends_line = piece.endswith(b"\n")
        if self._place is _Place.START_OF_CELL and ends_line and b'"' not in piece:
            return True
        self._follow(piece)
        if ends_line and self._place is not _Place.QUOTED:
            self._place = _Place.START_OF_CELL
            return True
        return False

    def _follow(self, piece: bytes) -> None:
        position = 0
        while position < len(piece):
            if self._place in (_Place.PLAIN, _Place.QUOTED):
                is_plain = self._place is _Place.PLAIN
                end = self._delimiter if is_plain else b'"'
                position = piece.find(end, position) + 1
                if position == 0:
                    return
                self._place = _Place.START_OF_CELL if is_plain else _Place.AFTER_QUOTE
            elif piece.startswith(b'"', position):
                # A doubled quote means one; after a single one the cell is over.
                self._place = _Place.QUOTED
                position += 1
            else:
                self._place = _Place.PLAIN
