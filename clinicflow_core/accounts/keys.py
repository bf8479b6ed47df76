"""
Keys: one for each purpose, all from one secret.

What is signed for one purpose counts for no other: a calendar feed is no sign-in,
whatever it claims.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum


class Purpose(Enum):
    """What a key signs."""

    ACCESS = "access"
    REFRESH = "refresh"
    SIGN_UP = "sign-up"
    BROWSER = "browser"
    FEED = "feed"
    SEAL = "seal"
    FINGERPRINT = "fingerprint"
    PAGES = "pages"


def key_for(purpose: Purpose, secret: str) -> bytes:
    """Return the 32 bytes with which *secret* signs for *purpose*."""
    message = f"clinicflow key {purpose.value}".encode()
    return hmac.digest(secret.encode(), message, hashlib.sha256)
