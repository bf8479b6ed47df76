"""Links: how a patient reaches one intake form without an account."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from uuid import UUID

from clinicflow_core.entities.ids import ClinicId

_SECRET_BYTES = 32
_CLINIC_BYTES = 16
TOKEN_LENGTH = 64
"""Of a token, in characters: both parts as base64, which then needs no padding."""

_TOKEN = re.compile(f"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")


def new_token(clinic_id: ClinicId) -> str:
    """
    Return a token for one form: the clinic's id, and 256 random bits.

    The id is no secret. It is there so that a link is looked for in one clinic
    alone, as everything else is.
    """
    secret = secrets.token_bytes(_SECRET_BYTES)
    return base64.urlsafe_b64encode(clinic_id.bytes + secret).decode("ascii")


def clinic_of(token: str) -> ClinicId | None:
    """Return the clinic that *token* names; None if it is no token."""
    if not _TOKEN.fullmatch(token):
        return None
    decoded = base64.urlsafe_b64decode(token)
    return ClinicId(UUID(bytes=decoded[:_CLINIC_BYTES]))


def hash_of(token: str) -> str:
    """
    Return under what a token is kept, as 64 hexadecimal digits.

    A plain hash does: nobody can try 256 random bits.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def receipt_for(answers: Mapping[str, object]) -> str:
    """Return what tells answers from others, as 64 hexadecimal digits."""
    canonical = json.dumps(answers, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
