"""Requests made up from the OpenAPI document, right ones and wrong ones."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from clinicflow_core.clock import FixedClock
from clinicflow_core.entities.user import Role
from clinicflow_core.memory import MemoryStore
from clinicflow_core.settings import Environment, Settings
from clinicflow_flask import create_app
from tests.flask.desk import DOCUMENT, NOW, SECRET, Desk
from tests.flask.provider import CLIENT_ID, CLIENT_SECRET, served

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
]
CASES = [
    pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for mode in GenerationMode
    # With nothing to send there is nothing to get wrong.
    if mode.is_positive or operation["parameters"] or "requestBody" in operation
]


@pytest.fixture(scope="module")
def owner():
    store = MemoryStore(FixedClock(NOW))
    with served() as afresh:
        settings = Settings(
            environment=Environment.TEST,
            jwt_secret_key=SECRET,
            google_client_id=CLIENT_ID,
            google_client_secret=CLIENT_SECRET,
            google_issuer=afresh().url,
        )
        app = create_app(settings, store)
        desk = Desk.opened(app, store, Role.OWNER, None)
        desk.book()
        yield desk


@pytest.fixture(scope="module")
def described(owner):
    return schemathesis.openapi.from_wsgi("/openapi.json", owner.app)


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_whatever_is_sent_is_answered_as_described(
    owner, described, path, method, mode
):
    headers = {"Authorization": f"Bearer {owner.token}"}

    @settings(
        max_examples=25,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(described[path][method].as_strategy(generation_mode=mode))
    def answered(case):
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)

    answered()
