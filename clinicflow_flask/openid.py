"""
Talking to Google, or to another OpenID provider.

Authlib builds the requests and judges the claims; what it would leave out unless it
is asked, is asked for here: PKCE, the audience, and the nonce.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import requests
from attrs import define, field, frozen
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from clinicflow_core.accounts.google import Identity, identity_of
from clinicflow_core.errors import GoogleAwayError, GoogleSignInError

_ALGORITHMS: Final = ["RS256", "ES256"]
_LEEWAY_SECONDS: Final = 60
_TIMEOUT_SECONDS: Final = (3.0, 5.0)  # To connect; for each part of the answer.
_KEPT_SECONDS: Final = 60 * 60
_GARBAGE: Final = (
    requests.RequestException,
    AuthlibBaseError,
    JoseError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
_LOGGER: Final = logging.getLogger(__name__)


@frozen(kw_only=True)
class Departure:
    """
    What a browser takes along when it is sent to the provider.

    Attributes:
        state: Comes back with the code, and so shows that it is the same browser.
        nonce: Comes back in the ID token, and so shows that it is for this sign-in.
        verifier: Without it nobody else can use the code (PKCE).
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def now(cls) -> Self:
        """Return one that nobody can guess."""
        return cls(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )


@frozen(kw_only=True)
class _Addresses:
    """Where the provider does what."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@frozen
class _Kept:
    """What the provider said, and until when it is believed, in monotonic seconds."""

    what: Any
    until: float


@define(kw_only=True)
class Provider:
    """
    An OpenID provider, as it describes itself.

    It is asked for its description when that is first needed, and again an hour later.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    _kept: dict[str, _Kept] = field(factory=dict, init=False, repr=False)

    def way_there(self, departure: Departure) -> str:
        """
        Return the URL to which a browser is sent.

        Raises:
            GoogleAwayError: If the provider does not describe itself.
        """
        with _answers(), self._session() as session:
            url, _ = session.create_authorization_url(
                self._addresses().authorization_endpoint,
                state=departure.state,
                nonce=departure.nonce,
                code_verifier=departure.verifier,
            )
        return str(url)

    def identity(self, code: str, departure: Departure) -> Identity:
        """
        Return whom the provider has signed in, for the *code* that it gave.

        Raises:
            GoogleSignInError: If the code does not count, or the ID token.
            GoogleAwayError: If the provider does not answer, or nothing usable.
        """
        with _answers(), self._session() as session:
            try:
                answer = session.fetch_token(
                    self._addresses().token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=departure.verifier,
                    allow_redirects=False,
                    timeout=_TIMEOUT_SECONDS,
                )
            except AuthlibBaseError as error:
                if error.error == "invalid_grant":
                    raise GoogleSignInError from None
                raise
            id_token, access_token = answer["id_token"], answer.get("access_token")
            if not isinstance(id_token, str):
                raise TypeError("an ID token is a text")
        return self._judged(id_token, access_token, departure)

    def _judged(self, id_token: str, access_token: object, by: Departure) -> Identity:
        try:
            token = self._decoded(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                },
                {
                    "nonce": by.nonce,
                    "client_id": self.client_id,
                    "access_token": access_token,
                },
            )
            claims.validate(leeway=_LEEWAY_SECONDS)
            return identity_of(self.issuer, claims)
        except _GARBAGE as error:
            _LOGGER.warning("An ID token was refused: %s", type(error).__name__)
            raise GoogleSignInError from None

    def _decoded(self, id_token: str) -> jwt.Token:
        # Providers put words of their own into the header, which mean nothing here.
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        try:
            return jwt.decode(id_token, self._keys(), registry=registry)
        except InvalidKeyIdError:
            # It may have changed its keys since.
            self._kept.clear()
            return jwt.decode(id_token, self._keys(), registry=registry)

    def _session(self) -> Any:
        session = OAuth2Session(
            self.client_id,
            self.client_secret,
            scope="openid email profile",
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
        )
        session.register_compliance_hook("access_token_response", _no_redirect)
        return session

    def _addresses(self) -> _Addresses:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        addresses: _Addresses = self._fetched(url, self._read_addresses)
        return addresses

    def _read_addresses(self, described: Any) -> _Addresses:
        if described["issuer"] != self.issuer:
            raise ValueError("it describes another provider")
        return _Addresses(
            authorization_endpoint=self._address(described["authorization_endpoint"]),
            token_endpoint=self._address(described["token_endpoint"]),
            jwks_uri=self._address(described["jwks_uri"]),
        )

    def _address(self, url: str) -> str:
        # Whoever is reached safely does not lead out into the open.
        scheme = self.issuer.partition(":")[0]
        if not re.fullmatch(rf"(?:https|{scheme})://[!-~]+", url):
            raise ValueError("not an address")
        return url

    def _keys(self) -> KeySet:
        with _answers():
            url = self._addresses().jwks_uri
            keys: KeySet = self._fetched(url, KeySet.import_key_set)
            return keys

    def _fetched(self, url: str, read: Callable[[Any], object]) -> Any:
        kept = self._kept.get(url)
        if kept is None or kept.until < time.monotonic():
            response = requests.get(
                url, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
            if response.status_code != requests.codes.ok:
                raise ValueError("not an answer")
            what = read(response.json())
            kept = _Kept(what, time.monotonic() + _KEPT_SECONDS)
            self._kept[url] = kept
        return kept.what


def _no_redirect(response: requests.Response) -> requests.Response:
    if response.is_redirect:
        raise ValueError("not an answer")
    return response


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except _GARBAGE as error:
        _LOGGER.warning("The OpenID provider fails us: %s", type(error).__name__)
        raise GoogleAwayError from None
