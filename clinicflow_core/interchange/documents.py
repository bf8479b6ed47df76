"""
JSON documents: a Bundle is read entry by entry, without holding it.

The text is cut by its brackets and strings alone; each piece then goes through the
same strict reading as a line of NDJSON does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from attrs import Factory, define

from clinicflow_core.interchange.entries import (
    MAX_BYTES,
    Entry,
    Text,
    json_entry,
    too_large,
)
from clinicflow_core.interchange.reasons import Fault, Reason
from clinicflow_core.interchange.tables import BOM

_CHUNK_BYTES = 64 * 1024
_LONGEST_KEY = 100

_MARK = re.compile(rb'["\[\]{},]')
_MARK_IN_STRING = re.compile(rb'["\\]')
_ENTRY_KEY = re.compile(rb'[{,]\s*"entry"\s*:\s*\Z')
_LINE_END = re.compile(rb"[\r\n]+[ \t]*")


def document_entries(stream: BinaryIO) -> Iterator[Entry]:
    """
    Yield the entries of the Bundles, and the other documents, that *stream* holds.

    Most files hold one document. An entry of a Bundle comes as it stands there,
    with the resource inside.
    """
    cutter = _Cutter()
    chunk = stream.read(_CHUNK_BYTES).removeprefix(BOM)
    while chunk:
        yield from cutter.cut(chunk)
        chunk = stream.read(_CHUNK_BYTES)
    yield from cutter.end()


@define
class _Cutter:
    """
    Cuts documents into entries, chunk by chunk.

    Attributes:
        _line: Where the part that is being put together starts.
        _frame: The document without its entries.
        _item: The entry, while `_in_list`.
    """

    _line: int = 1
    _frame_line: int = 1
    _depth: int = 0
    _in_string: bool = False
    _escaped: bool = False
    _in_list: bool = False
    _frame: Text = Factory(Text)
    _item: Text = Factory(Text)

    def cut(self, chunk: bytes) -> Iterator[Entry]:
        """Yield the entries that end within *chunk*, the next part of the file."""
        done = 0
        for position in self._marks(chunk):
            mark = chunk[position : position + 1]
            if mark in b"[{":
                if self._depth == 0:
                    self._collect(chunk[done:position])
                    done = position
                    yield from self._finish_document()
                self._depth += 1
                if self._depth == 2 and mark == b"[":
                    self._collect(chunk[done : position + 1])
                    done = position + 1
                    self._in_list = self._is_after_entry_key()
            elif mark == b",":
                if self._in_list and self._depth == 2:
                    self._collect(chunk[done:position])
                    done = position + 1
                    yield from self._finish_item()
            else:
                self._depth = max(self._depth - 1, 0)
                if self._in_list and self._depth == 1:
                    self._collect(chunk[done:position])
                    done = position
                    yield from self._finish_item()
                    self._in_list = False
                if self._depth == 0:
                    self._collect(chunk[done : position + 1])
                    done = position + 1
                    yield from self._finish_document()
        self._collect(chunk[done:])

    def end(self) -> Iterator[Entry]:
        """Yield what is left over when the file ends: at most one entry."""
        if self._in_list and not self._item.is_blank:
            yield from self._cut_short(self._item)
        elif self._depth > 0:
            self._line += bytes(self._frame).rstrip().count(b"\n")
            yield from self._cut_short(self._frame)
        else:
            yield from self._finish_document()
