"""
JSON documents: a Bundle is read entry by entry, without holding it.

The text is cut by its brackets and strings alone; each piece then goes through the
same strict reading as a line of NDJSON does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from attrs import Factory, define, evolve

from clinicflow_core.interchange.entries import (
    BOM,
    MAX_BYTES,
    Entry,
    Text,
    json_entry,
    too_large,
)
from clinicflow_core.interchange.reasons import Fault, Reason

_CHUNK_BYTES = 64 * 1024
_KEY_BYTES = 100

_MARK = re.compile(rb'["\[\]{},]')
_MARK_IN_STRING = re.compile(rb'["\\]')
_ENTRY_KEY = re.compile(rb'[{,]\s*"entry"\s*:\s*\[\Z')
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
        _line: The line up to which everything was collected.
        _frame: The document without its entries.
        _item: The entry of a Bundle, while `_in_list`.
    """

    _line: int = 1
    _depth: int = 0
    _in_string: bool = False
    _escaped: bool = False
    _in_list: bool = False
    _frame: Text = Factory(lambda: Text(1))
    _item: Text = Factory(lambda: Text(1))

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
                    self._in_list = bool(
                        _ENTRY_KEY.search(self._frame.last(_KEY_BYTES))
                    )
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
        if self._depth == 0:
            yield from self._finish_document()
        elif self._in_list and self._item.size:
            yield self._cut_short(self._item, self._item.line)
        else:
            yield self._cut_short(self._frame, self._line)

    def _marks(self, chunk: bytes) -> Iterator[int]:
        """Yield where brackets and commas stand outside of strings."""
        position = 1 if self._escaped else 0
        self._escaped = False
        while True:
            pattern = _MARK_IN_STRING if self._in_string else _MARK
            found = pattern.search(chunk, position)
            if found is None:
                return
            position = found.end()
            if found[0] == b"\\":
                self._escaped = position == len(chunk)
                position += 1
            elif found[0] == b'"':
                self._in_string = not self._in_string
            else:
                yield found.start()

    def _collect(self, piece: bytes) -> None:
        part = self._item if self._in_list else self._frame
        if not part.size:
            body = piece.lstrip()
            self._line += piece.count(b"\n", 0, len(piece) - len(body))
            part.line = self._line
            piece = body
        part.add(piece)
        self._line += piece.count(b"\n")

    def _finish_item(self) -> Iterator[Entry]:
        item, self._item = self._item, Text(self._line)
        if item.size:
            yield _entry(item)

    def _finish_document(self) -> Iterator[Entry]:
        frame, self._frame = self._frame, Text(self._line)
        if not frame.size:
            return
        entry = _entry(frame)
        match entry.data:
            case {"resourceType": "Bundle", "entry": []}:
                pass  # Its entries went out before.
            case {"resourceType": "Bundle", "entry": _}:
                fault = Fault(Reason.INVALID, "/entry must be a list.")
                yield evolve(entry, data=None, fault=fault)
            case {"resourceType": "Bundle"}:
                pass
            case _:
                yield entry

    def _cut_short(self, part: Text, line: int) -> Entry:
        fault = Fault(Reason.UNREADABLE, "The file ends in the middle of it.")
        return Entry(line=line, text=_on_one_line(bytes(part)), fault=fault)


def _entry(part: Text) -> Entry:
    text = _on_one_line(bytes(part))
    if part.size > MAX_BYTES:
        return Entry(line=part.line, text=text, fault=too_large(part, MAX_BYTES))
    return json_entry(part.line, text)


def _on_one_line(text: bytes) -> bytes:
    # Within JSON a line ends between two tokens only.
    return _LINE_END.sub(b" ", text.strip())
