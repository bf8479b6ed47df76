"""Plain text: one line that nothing which shows it can take for more than text."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_TEXT: Final = 500
"""In characters."""

_LINKED: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\b(?:javascript|data|mailto|vbscript):"
    r"|\]\s{0,5}\(|!\[|</?[a-z!]|&#?\w{1,8};"
    r"|\b[\w-]{1,63}\.(?:com|org|net|info|io|ru|cn)\b",
    re.IGNORECASE,
)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories of Unicode: control characters, marks of direction, of no width."""


def is_plain(text: str) -> bool:
    """
    Return whether *text* is a line without links, images, tags and unseen characters.
    """
    return (
        len(text) <= LONGEST_TEXT and not _has_unseen(text) and not _LINKED.search(text)
    )


def _has_unseen(text: str) -> bool:
    # Whatever prints is seen, and telling so is quick.
    return not text.isprintable() and any(
        unicodedata.category(mark) in _UNSEEN for mark in text
    )


def made_plain(text: str) -> str:
    """Return *text* with spaces for what is not plain in it, and cut to length."""
    marks = (" " if unicodedata.category(mark) in _UNSEEN else mark for mark in text)
    text = "".join(marks)
    while _LINKED.search(text):
        text = _LINKED.sub(" ", text)
    return " ".join(text.split())[:LONGEST_TEXT] or "?"
