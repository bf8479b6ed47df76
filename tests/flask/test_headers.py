from __future__ import annotations

import base64
import hashlib
import re

import pytest
from attrs import evolve

from clinicflow_core.settings import Environment
from clinicflow_flask import create_app
from tests.flask.test_app import LOG_IN, BrokenStore

STRICT = "default-src 'none'; frame-ancestors 'none'"


def in_production(settings, store):
    return create_app(evolve(settings, environment=Environment.PRODUCTION), store)


@pytest.mark.parametrize(
    "path", ["/health", "/openapi.json", "/api/users", "/api/nowhere", "/docs/nothing"]
)
def test_an_answer_is_no_page_and_stands_in_none(app, path):
    headers = app.test_client().get(path).headers

    assert headers["Content-Security-Policy"] == STRICT
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_what_nobody_foresaw_has_the_headers_too(settings):
    client = create_app(settings, BrokenStore(KeyError())).test_client()

    response = client.post("/api/auth/login", json=LOG_IN)

    assert response.status_code == 500
    assert response.headers["Content-Security-Policy"] == STRICT
    assert response.headers["Cache-Control"] == "no-store"


def test_only_production_asks_for_https_from_now_on(app, settings, store):
    served = in_production(settings, store).test_client()

    answer = served.get("/health").headers["Strict-Transport-Security"]

    assert answer == "max-age=31536000"
    elsewhere = app.test_client().get("/health").headers
    assert "Strict-Transport-Security" not in elsewhere


def test_the_page_for_people_runs_its_own_scripts_and_no_other(app):
    response = app.test_client().get("/docs/")

    policy = dict(
        part.split(" ", 1)
        for part in response.headers["Content-Security-Policy"].split("; ")
    )
    (inline,) = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    # Nothing else of the page is in line, which the policy would stop.
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", response.text)


def test_nobody_writes_into_the_page_by_naming_a_host(app):
    page = app.test_client().get("/docs/", headers={"Host": "evil.example"})

    assert "evil.example" not in page.text


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js"])
def test_what_the_page_for_people_is_made_of_is_sent_whole(app, name):
    with app.test_client().get(f"/docs/{name}") as response:
        assert response.status_code == 200
        assert "script-src 'self';" in response.headers["Content-Security-Policy"]


ORIGIN = "https://desk.example.org"


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://desk.example.org.evil.example", id="suffix"),
        pytest.param("https://desk.example.orgs", id="one letter more"),
        pytest.param("https://evil-desk.example.org", id="prefix"),
        pytest.param("https://evil.desk.example.org", id="below it"),
        pytest.param("https://example.org", id="above it"),
        pytest.param("https://deskxexample.org", id="a dot that is any letter"),
        pytest.param("http://desk.example.org", id="scheme"),
        pytest.param("https://desk.example.org:8443", id="port"),
        pytest.param("https://desk.example.org:443", id="its own port, written out"),
        pytest.param("https://DESK.example.org", id="case"),
        pytest.param("https://de\u017fk.example.org", id="a letter that folds into it"),
        pytest.param("https://desk.example.org/", id="with a path"),
        pytest.param("https://desk.example.org\n", id="with a line break"),
        pytest.param("https://desk.example.org, https://evil.example", id="two"),
        pytest.param("https://x@desk.example.org", id="with a name"),
        pytest.param("null", id="null"),
        pytest.param("*", id="any"),
        pytest.param("", id="none"),
    ],
)
def test_no_other_origin_is_let_in(settings, store, origin):
    app = create_app(evolve(settings, cors_origins=(ORIGIN,)), store)
    environ = {
        "HTTP_ORIGIN": origin.encode().decode("latin-1"),
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST",
    }

    for method in ("OPTIONS", "GET", "POST"):
        response = app.test_client().open(
            "/api/auth/login", method=method, environ_overrides=environ
        )

        names = [n for n in response.headers.keys() if n.startswith("Access-Control")]  # noqa: SIM118  Not a dict.
        assert names == []


@pytest.mark.parametrize("configured", [ORIGIN, "https://Desk.example.org"])
def test_the_front_end_may_send_and_read_what_it_needs(settings, store, configured):
    client = create_app(
        evolve(settings, cors_origins=(configured,)), store
    ).test_client()
    wanted = ["authorization", "content-type", "idempotency-key", "if-match"]
    wanted += ["x-request-id"]

    preflight = client.options(
        "/api/appointments",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": ", ".join([*wanted, "x-other"]),
        },
    ).headers
    answer = client.get("/api/users", headers={"Origin": ORIGIN}).headers

    assert preflight["Access-Control-Allow-Headers"].split(", ") == wanted
    assert "PATCH" in preflight["Access-Control-Allow-Methods"]
    for headers in (preflight, answer):
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in headers["Vary"]
    assert set(answer["Access-Control-Expose-Headers"].split(", ")) == {
        *("ETag", "Idempotent-Replayed", "Retry-After", "X-Request-Id")
    }


def test_what_is_not_the_api_is_no_other_pages_to_read(settings, store):
    client = create_app(evolve(settings, cors_origins=(ORIGIN,)), store).test_client()

    for path in ("/health", "/docs/", "/openapi.json"):
        headers = client.get(path, headers={"Origin": ORIGIN}).headers

        assert "Access-Control-Allow-Origin" not in headers
