"""
Offers: what somebody may do next whom Google has signed in, for ten minutes.

An offer is signed and kept nowhere here; each kind counts for nothing else.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Final, TypeVar

from attrs import field, frozen
from itsdangerous import BadData, URLSafeTimedSerializer

from clinicflow_core import wire
from clinicflow_core.accounts.keys import Purpose, key_for
from clinicflow_core.errors import GoogleSignInError, InvalidError, RefusedError

MAX_TOKEN: Final = 4096
"""How many characters a signed text may have."""

SECONDS: Final = 10 * 60
"""How long a signed text counts."""

T = TypeVar("T")


class Kind(Enum):
    """What is signed: where a browser departs, and the `Step` that is offered."""

    DEPARTURE = "departure"
    SIGN_UP = "sign-up"
    LINK = "link"


@frozen(kw_only=True)
class SignUpOffer:
    """
    What somebody gets who has no account yet, and may sign a clinic up.

    Attributes:
        expires_in: How long the token lasts, in seconds.
    """

    signup_token: str = field(repr=False)
    expires_in: int = SECONDS
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)


@frozen(kw_only=True)
class LinkOffer:
    """
    What somebody gets whose e-mail has an account already.

    Attributes:
        expires_in: How long the token lasts, in seconds.
    """

    link_token: str = field(repr=False)
    expires_in: int = SECONDS


class LinkNeededError(RefusedError):
    """An account with the e-mail exists; *offer* and its password link them."""

    code = "google-link-needed"

    def __init__(self, offer: LinkOffer) -> None:
        super().__init__(offer)
        self.offer = offer

    def __str__(self) -> str:
        return "An account with this e-mail exists; prove it with its password."


class Seals:
    """Signs and checks, with a key for what a browser keeps and one for offers."""

    def __init__(self, secret: str) -> None:
        purposes = {
            Kind.DEPARTURE: Purpose.BROWSER,
            Kind.SIGN_UP: Purpose.SIGN_UP,
            Kind.LINK: Purpose.SIGN_UP,
        }
        self._serializers: dict[Kind, URLSafeTimedSerializer] = {
            kind: URLSafeTimedSerializer(
                key_for(purpose, secret),
                salt=f"clinicflow google {kind.value}",
                signer_kwargs={
                    "key_derivation": "hmac",
                    "digest_method": hashlib.sha256,
                },
            )
            for kind, purpose in purposes.items()
        }

    def seal(self, kind: Kind, value: object) -> str:
        """Return *value*, an attrs object, as a signed text."""
        return str(self._serializers[kind].dumps(wire.dump(value)))

    def opened(self, kind: Kind, text: str, cls: type[T]) -> T:
        """
        Return the *cls* that `seal` made *text* of.

        Raises:
            GoogleSignInError: If it is forged, too old, or of another kind.
        """
        try:
            data = self._serializers[kind].loads(text, max_age=SECONDS)
            return wire.structure(data, cls)
        except (BadData, InvalidError):
            raise GoogleSignInError from None
