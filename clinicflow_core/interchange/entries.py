"""Entries: the pieces of a file that are imported or refused one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from attrs import Factory, define, field, frozen

from clinicflow_core.errors import UnreadableError
from clinicflow_core.interchange.reasons import Fault, Reason
from clinicflow_core.json_text import read_json

BOM = b"\xef\xbb\xbf"

MAX_BYTES = 1024 * 1024
"""The longest entry that is read; no record that ClinicFlow keeps needs more."""

KEPT_BYTES = 8 * MAX_BYTES
"""How much of an entry that is too large is kept, for the file of refused rows."""


@frozen(kw_only=True)
class Entry:
    """
    One piece of a file: a line, a row, or an entry of a Bundle.

    Attributes:
        line: Where it starts in the file, from 1.
        text: As it stands there, without the line's end; JSON is put on one line.
        header: What must stand above *text* so that it can be read again.
        data: What it says, as JSON; the cells by column for a row.
        fault: Why it cannot be read; there is no *data* then.
    """

    line: int
    text: bytes = field(repr=False)
    header: bytes = field(default=b"", repr=False)
    data: object = field(default=None, repr=False)
    fault: Fault | None = None


@define
class Text:
    """
    A text put together from pieces; what goes beyond `KEPT_BYTES` is let go.

    Attributes:
        line: Where it starts in the file.
        size: The length of all pieces, kept or not.
    """

    line: int
    size: int = 0
    _kept: bytearray = Factory(bytearray)

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._kept += piece[: KEPT_BYTES - len(self._kept)]

    def __bytes__(self) -> bytes:
        return bytes(self._kept)

    def last(self, size: int) -> bytes:
        """Return the last *size* bytes of what is kept."""
        return bytes(self._kept[-size:])


def physical_lines(stream: BinaryIO) -> Iterator[Text]:
    """Yield the lines of a file with their ends; without a byte order mark."""
    line = 0
    while piece := stream.readline(MAX_BYTES):
        line += 1
        text = Text(line)
        text.add(piece.removeprefix(BOM) if line == 1 else piece)
        while not piece.endswith(b"\n") and (piece := stream.readline(MAX_BYTES)):
            text.add(piece)
        yield text


def json_entry(line: int, text: bytes) -> Entry:
    """Return the entry that *text*, one JSON value, makes."""
    try:
        return Entry(line=line, text=text, data=read_json(text))
    except UnreadableError as error:
        fault = Fault(Reason.UNREADABLE, error.detail)
        return Entry(line=line, text=text, fault=fault)


def too_large(text: Text, limit: int) -> Fault:
    """Return the fault of an entry that is longer than *limit* bytes."""
    detail = f"Longer than {limit} bytes."
    if text.size > KEPT_BYTES:
        detail += f" Only the first {KEPT_BYTES} are kept."
    return Fault(Reason.TOO_LARGE, detail)
