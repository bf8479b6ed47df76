"""Passwords: what is accepted, and bcrypt over it."""

from __future__ import annotations

MIN_BYTES = 12
MAX_BYTES = 72
"""bcrypt reads no further."""

_ROUNDS = 12


def refuse_weak(password: str) -> None:
    """
    Raises:
        ValueError: If *password* is shorter than 12 or longer than 72 bytes in UTF-8.
    """
    size = len(password.encode())
    if size < MIN_BYTES:
        raise ValueError(f"must have at least {MIN_BYTES} bytes")
    if size > MAX_BYTES:
        raise ValueError(f"must have at most {MAX_BYTES} bytes")


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
