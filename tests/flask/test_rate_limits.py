from __future__ import annotations

import pytest
from attrs import evolve

from clinicflow_core.clock import FixedClock
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment
from clinicflow_flask import create_app
from clinicflow_flask.app import ROUTES
from tests.flask.desk import DOCUMENT, NOW, SECRET, UNKNOWN, conforms, problem

LOGIN = "/api/auth/login"


@pytest.fixture
def limited(settings):
    """Return a service where an address may ask three times an hour."""

    def made(**changes):
        store = MemoryStore(FixedClock(NOW))
        changes = {"rate_limit": "3/hour", **changes}
        return create_app(evolve(settings, **changes), store)

    return made


def sign_in(app, address="192.0.2.1", **environ):
    return app.test_client().post(
        LOGIN, json={}, environ_overrides={"REMOTE_ADDR": address, **environ}
    )


def test_an_address_that_asks_too_often_has_to_wait(limited):
    app = limited()
    assert [sign_in(app).status_code for _ in range(3)] == [422] * 3

    response = sign_in(app)

    assert problem(response) == (429, "too-many-requests")
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    assert response.headers["Cache-Control"] == "no-store"
    conforms(app, "POST", LOGIN, response)


def test_public_routes_are_counted_together(limited):
    app = limited()
    for _ in range(3):
        sign_in(app)

    response = app.test_client().post(
        "/api/auth/signup", json={}, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )

    assert problem(response) == (429, "too-many-requests")


def test_patients_who_fill_in_forms_keep_nobody_from_signing_in(limited):
    app = limited()
    patient = app.test_client()
    for _ in range(9):
        patient.get("/i/guessed", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})

    assert sign_in(app).status_code == 422


def test_another_address_does_not_wait(limited):
    app = limited()
    for _ in range(4):
        sign_in(app)

    assert sign_in(app, "192.0.2.2").status_code == 422


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        pytest.param("2001:db8::1", "2001:db8::ffff:2", True, id="one network"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="two networks"),
        pytest.param("::ffff:192.0.2.1", "::ffff:192.0.2.2", False, id="IPv4 in IPv6"),
        pytest.param("", "", True, id="unknown"),
        pytest.param("a socket", "a socket", True, id="no address"),
    ],
)
def test_who_can_change_an_address_at_will_is_known_by_the_network(
    limited, first, second, together
):
    app = limited()
    for _ in range(3):
        sign_in(app, first)

    assert (sign_in(app, second).status_code == 429) == together


def test_who_is_signed_in_and_who_watches_the_service_never_wait(limited):
    client = limited().test_client()

    for path in ("/health", "/health/ready", "/openapi.json", "/docs/", "/api/users"):
        assert 429 not in {client.get(path).status_code for _ in range(9)}
    assert 429 not in {client.options(LOGIN).status_code for _ in range(9)}


def test_every_public_route_of_the_api_is_limited_and_says_so(limited):
    public = [route for route in ROUTES if route.is_public and "/api/" in route.path]
    assert len(public) >= 2
    others = limited()  # None of them waits, so none keeps the next one waiting.
    for route in ROUTES:
        app = limited() if route in public else others
        path = route.path.format_map(dict.fromkeys(route.ids, UNKNOWN))

        for _ in range(4):
            last = app.test_client().open(path, method=route.method).status_code

        responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        assert (last == 429) == (route in public), route.path
        assert route not in public or "429" in responses


def test_a_forged_address_is_ignored(limited):
    app = limited()
    for number in range(3):
        sign_in(app, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")

    response = sign_in(app, HTTP_X_FORWARDED_FOR="198.51.100.9")

    assert response.status_code == 429


def test_behind_a_proxy_the_address_is_the_one_that_it_saw(limited):
    app = limited(trusted_proxies=1)
    for number in range(3):
        # The client wrote the first, the proxy added the second.
        sign_in(app, HTTP_X_FORWARDED_FOR=f"198.51.100.{number}, 203.0.113.1")

    forged = sign_in(app, HTTP_X_FORWARDED_FOR="198.51.100.9, 203.0.113.1")
    other = sign_in(app, HTTP_X_FORWARDED_FOR="198.51.100.9, 203.0.113.2")

    assert (forged.status_code, other.status_code) == (429, 422)


def test_a_proxy_cannot_name_another_host(limited):
    app = limited(trusted_proxies=1)
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}

    location = app.test_client().get("/docs", headers=forwarded).location

    assert location == "https://localhost/docs/"


@pytest.mark.parametrize(
    ("environment", "rate_limit", "waits"),
    [
        (Environment.PRODUCTION, None, True),
        (Environment.DEVELOPMENT, None, True),
        (Environment.TEST, None, False),
        (Environment.PRODUCTION, "off", False),
    ],
)
def test_there_is_a_limit_unless_it_is_a_test_or_off(
    limited, environment, rate_limit, waits
):
    app = limited(environment=environment, rate_limit=rate_limit, jwt_secret_key=SECRET)
    client = app.test_client()

    statuses = {client.post(LOGIN, json={}).status_code for _ in range(130)}

    assert (429 in statuses) == waits
