"""Which form a file has, and its entries one after the other, in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import PurePath
from typing import BinaryIO

from clinicflow_core.errors import UnreadableError
from clinicflow_core.interchange.columns import Columns
from clinicflow_core.interchange.documents import document_entries
from clinicflow_core.interchange.entries import (
    BOM,
    MAX_BYTES,
    Entry,
    json_entry,
    physical_lines,
    too_large,
)
from clinicflow_core.interchange.tables import table_entries
from clinicflow_core.json_text import read_json

HEAD_BYTES = 64 * 1024
"""How much of a file's beginning is enough to tell its form."""


class Form(Enum):
    """How a file is written."""

    CSV = "csv"
    NDJSON = "ndjson"
    JSON = "json"


_BY_ENDING = {
    ".csv": Form.CSV,
    ".tsv": Form.CSV,
    ".ndjson": Form.NDJSON,
    ".jsonl": Form.NDJSON,
}


def form_of(name: str, head: bytes) -> Form:
    """
    Return the form of the file *name*, by its ending or else by what it looks like.

    Args:
        head: Its first bytes, up to `HEAD_BYTES` of them.
    """
    ending = PurePath(name).suffix.lower()
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    body = head.removeprefix(BOM).strip()
    if not body.startswith((b"{", b"[")):
        return Form.JSON if ending == ".json" else Form.CSV
    first, _, rest = body.partition(b"\n")
    return Form.NDJSON if rest and _is_object(first) else Form.JSON


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(read_json(text), dict)
    except UnreadableError:
        return False


def entries(stream: BinaryIO, form: Form, columns: Columns) -> Iterator[Entry]:
    """
    Yield the entries of a file, in its order; blank lines are none.

    Takes no more memory for a longer file. An entry that cannot be read has a
    fault, and the next one is not affected unless nobody can tell where it starts.

    Args:
        columns: Which columns a CSV file may have.

    Raises:
        InvalidError: If a CSV file's first row is not a header of *columns*.
    """
    if form is Form.CSV:
        return table_entries(stream, columns)
    if form is Form.NDJSON:
        return _line_entries(stream)
    return document_entries(stream)


def _line_entries(stream: BinaryIO) -> Iterator[Entry]:
    for text in physical_lines(stream):
        line = bytes(text).rstrip(b"\r\n")
        if text.size > MAX_BYTES:
            fault = too_large(text, MAX_BYTES)
            yield Entry(line=text.line, text=line, fault=fault)
        elif line.strip():
            yield json_entry(text.line, line)
