"""Passwords: what is accepted, and bcrypt over it."""

from __future__ import annotations

from typing import Final

from clinicflow_core.checks import Check

MIN_BYTES = 12
MAX_BYTES = 72
"""bcrypt reads no further."""

FEWEST_GUESSES = 10**6
"""As many tries as whoever guesses needs at least, by zxcvbn's reckoning."""

_LONGEST_COMMON = 32
"""Longer ones, in bytes, are nobody's habit, and take long to reckon."""

_ROUNDS = 12


def _complaint(password: str) -> str | None:
    size = len(password.encode())
    if size < MIN_BYTES:
        return f"must have at least {MIN_BYTES} bytes"
    if size > MAX_BYTES:
        return f"must have at most {MAX_BYTES} bytes"
    if size <= _LONGEST_COMMON and _guesses(password) < FEWEST_GUESSES:
        return "is too common: it would be guessed within a million tries"
    return None


strong: Final = Check(_complaint, {"minLength": 1, "maxLength": MAX_BYTES})
"""Refuses what is shorter than 12 or longer than 72 bytes in UTF-8, or too common."""


def _guesses(password: str) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415  Knows the words that people take.

    return float(zxcvbn(password)["guesses"])


def hash_password(password: str) -> str:
    """Return the bcrypt hash of *password*, about a quarter of a second later."""
    import bcrypt  # noqa: PLC0415  The bare core does without it: it keeps no passwords.

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()


def matches(password: str, password_hash: str | None) -> bool:
    """
    Return whether *password* belongs to *password_hash*.

    Takes the same time if there is no hash, so that nobody can tell from outside.
    """
    import bcrypt  # noqa: PLC0415  As above.

    tried = password.encode()
    fits = bcrypt.checkpw(tried[:MAX_BYTES], (password_hash or _NOBODYS_HASH).encode())
    return fits and password_hash is not None and len(tried) <= MAX_BYTES


_NOBODYS_HASH = "$2b$12$sTrMeAJ/YQDLBmiDPEGGd.qD4vDToD0JGXJ3gKVqiKnTYv5wfrtpC"
