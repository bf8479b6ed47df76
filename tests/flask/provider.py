"""An OpenID provider on this machine, and a browser that goes there and back."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from attrs import Factory, define, field
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from tests.flask.desk import conforms

CLIENT_ID = "clinicflow.apps.example"
CLIENT_SECRET = "a client secret of these tests, long enough for a key"
REDIRECT_URI = "http://localhost:5173/auth/google/callback"
SUBJECT = "1029384756"
PERSON = {
    "sub": SUBJECT,
    "email": "Gwen.Quill@example.org",
    "email_verified": True,
    "name": "Gwen Quill",
}
MADE_ONCE = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
LEFT_OUT = "(left out)"
"""The value of a claim that is not there."""


def seconds_from_now(seconds: int) -> Callable[[], int]:
    """Return what makes a claim of then, when the token is made."""
    return lambda: int(time.time()) + seconds


@define
class Provider:
    """
    What the provider does; a test changes what it is about.

    Attributes:
        claims: Put over those that are right; a function is called for its value.
        sign: Makes an ID token of claims.
        published: The keys that it shows.
        says: What it answers at an address instead of what is right.
    """

    url: str
    claims: dict[str, object] = field(factory=dict)
    sign: Callable[[dict[str, Any]], str] = field(
        default=Factory(lambda self: self.signed, takes_self=True)
    )
    key: RSAKey = MADE_ONCE
    published: list[RSAKey | ECKey] = field(factory=lambda: [MADE_ONCE])
    says: dict[str, Callable[[], Any]] = field(factory=dict)
    asked: list[str] = field(factory=list)
    given: dict[str, dict[str, str]] = field(factory=dict)

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": "RS256", "kid": self.key.kid}
        return jwt.encode(header, claims, self.key)

    def description(self) -> dict[str, object]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self) -> Any:
        asked = request.args.to_dict()
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == REDIRECT_URI
        assert asked["code_challenge_method"] == "S256"
        assert set(asked["scope"].split()) == {"openid", "email", "profile"}
        code = secrets.token_urlsafe(16)
        self.given[code] = asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return redirect(f"{asked['redirect_uri']}?{answer}")

    def token(self) -> Any:
        sent = request.form.to_dict()
        credentials = request.authorization
        if credentials is None or (credentials.username, credentials.password) != (
            CLIENT_ID,
            CLIENT_SECRET,
        ):
            return jsonify(error="invalid_client"), 401
        asked = self.given.pop(sent["code"], None)
        challenge = hashlib.sha256(sent["code_verifier"].encode()).digest()
        if (
            asked is None
            or sent["grant_type"] != "authorization_code"
            or sent["redirect_uri"] != asked["redirect_uri"]
            or urlsafe_b64encode(challenge).rstrip(b"=").decode()
            != asked["code_challenge"]
        ):
            return jsonify(error="invalid_grant"), 400
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": asked["nonce"],
            **PERSON,
            **self.claims,
        }
        claims = {
            name: value() if callable(value) else value
            for name, value in claims.items()
            if value != LEFT_OUT
        }
        return jsonify(
            access_token=secrets.token_urlsafe(16),
            token_type="Bearer",
            expires_in=300,
            id_token=self.sign(claims),
        )

    def keys(self) -> Any:
        return {"keys": [key.as_dict(private=False) for key in self.published]}


class _Silent(WSGIRequestHandler):
    """A browser's code and state are in its requests; no log shall have them."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def served() -> Iterator[Callable[[], Provider]]:
    """Serve a provider; what is given starts it afresh."""
    app = Flask("provider")
    current: list[Provider] = []

    @app.get("/.well-known/openid-configuration", endpoint="description")
    @app.get("/authorize", endpoint="authorize")
    @app.get("/keys", endpoint="keys")
    @app.post("/token", endpoint="token")
    def answer() -> Any:
        provider, name = current[-1], request.endpoint or ""
        provider.asked.append(name)
        return provider.says.get(name, getattr(provider, name))()

    @app.route("/elsewhere/<name>", methods=["GET", "POST"])
    def answer_elsewhere(name: str) -> Any:
        current[-1].asked.append("elsewhere")
        return getattr(current[-1], name)()

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()

    def afresh() -> Provider:
        current[:] = [Provider(f"http://127.0.0.1:{server.server_port}")]
        return current[-1]

    try:
        yield afresh
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text(body: str, status: int = 200) -> Callable[[], Response]:
    """Return what answers *body*, as JSON whatever it is."""
    return lambda: Response(body, status, content_type="application/json")


class Browser:
    """Somebody's browser: it keeps cookies, and goes where it is sent."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def get(self, path: str, **query: str) -> TestResponse:
        response = self.client.get(path, query_string=query)
        conforms(self.app, "GET", path, response)
        return response

    def post(self, path: str, body: object) -> TestResponse:
        response = self.client.post(path, json=body)
        conforms(self.app, "POST", path, response)
        return response

    def departs(self) -> str:
        """Ask to sign in with Google; return where the browser is sent."""
        response = self.get("/api/auth/google")
        assert response.status_code == 302, response.json
        return response.headers["Location"]

    def signs_in_there(self, **changes: str) -> dict[str, str]:
        """Depart and sign in at the provider; return what it sends back."""
        url = urlsplit(self.departs())
        asked = {**dict(parse_qsl(url.query)), **changes}
        there = requests.get(
            url._replace(query=urlencode(asked)).geturl(),
            allow_redirects=False,
            timeout=10,
        )
        assert there.status_code == 302, there.text
        assert there.headers["Location"].startswith(REDIRECT_URI)
        return dict(parse_qsl(urlsplit(there.headers["Location"]).query))

    def comes_back(self, query: dict[str, str]) -> TestResponse:
        return self.get("/api/auth/google/callback", **query)

    def signs_in(self) -> TestResponse:
        """Go to the provider and come back."""
        return self.comes_back(self.signs_in_there())

    @property
    def cookie(self) -> Any:
        return self.client.get_cookie("clinicflow_google", path="/api/auth/google")
