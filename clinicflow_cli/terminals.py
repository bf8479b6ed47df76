"""Text from outside, so that it does nothing to a terminal."""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"
"""They show nothing themselves, but some scripts cannot be read without."""


def inert(text: str) -> str:
    """Return *text* with whatever steers a terminal told; its lines stay lines."""
    if text.isprintable():
        return text
    return "".join(c if _is_harmless(c) else _told(c) for c in text)


def legible(text: str) -> str:
    """
    Return what a patient wrote on one line, and inert.

    It came from outside, through a link that needs no account.
    """
    return inert(" ".join(text.split()))


def _is_harmless(character: str) -> bool:
    is_space = unicodedata.category(character) == "Zs"  # Names in Japanese have one.
    return character.isprintable() or is_space or character in f"\n{_JOINERS}"


def _told(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
