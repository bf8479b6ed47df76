"""Requests made up from the OpenAPI document, right ones and wrong ones."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
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


MARK = "qzmark"
EXAMPLES = {Role.OWNER: 25, Role.DOCTOR: 8, None: 8}


@pytest.fixture(scope="module")
def service():
    """A service with Google to sign in with, its store, and an owner who booked."""
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
        owner = Desk.opened(app, store, Role.OWNER, None)
        owner.book()
        yield app, store, owner.signed_in.clinic


@pytest.fixture(scope="module")
def described(service):
    app, _, _ = service
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.fixture
def headers(service, role):
    """Those of somebody who signed in for this test: it may end with signing out."""
    app, store, clinic = service
    if role is None:
        return {}
    return {"Authorization": f"Bearer {Desk.opened(app, store, role, clinic).token}"}


@pytest.mark.parametrize("role", EXAMPLES, ids=["owner", "doctor", "nobody"])
@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_whatever_is_sent_is_answered_as_described(
    described, headers, role, path, method, mode
):
    @settings(
        max_examples=EXAMPLES[role],
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(described[path][method].as_strategy(generation_mode=mode))
    def answered(case):
        response = case.call(headers=headers)
        # An address that is too long is refused before anybody looks what is in it, and
        # an empty list under a name leaves nothing of it in an address.
        sent = parse_qs(urlsplit(response.request.url).query, keep_blank_values=True)
        is_lost = bool(set(case.query or ()) - set(sent))
        unread = is_lost or response.status_code == 414
        checks = [c for c in CHECKS if not unread or c is not negative_data_rejection]
        case.validate_response(response, checks=checks, headers=headers)

    answered()


LINKED = [case for case in CASES if "{token}" in case.values[0]]


@pytest.fixture(scope="module")
def sender(service):
    """An owner whose record has a mark in it, and who sends forms."""
    app, store, _ = service
    owner = Desk.opened(app, store, Role.OWNER, None)
    owner.patch("/api/clinic", {"name": MARK})
    visit = owner.book(
        doctor_id=owner.doctor(MARK),
        patient_id=owner.patient(MARK, MARK, email=f"{MARK}@x.org", phone=MARK),
    )
    asked = owner.questionnaire(extensions=[{"url": MARK}])

    def sent():
        form = owner.send_form(
            patient_id=visit["patient_id"], questionnaire_id=asked, days_open=90
        )
        return form["token"]

    return sent


@pytest.mark.parametrize(("path", "method", "mode"), LINKED)
def test_whatever_is_sent_with_a_link_that_works_tells_nothing_of_the_record(
    described, sender, path, method, mode
):
    seen = set()

    @settings(
        max_examples=EXAMPLES[Role.OWNER],
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(described[path][method].as_strategy(generation_mode=mode))
    def answered(case):
        # What was wrong about a case may have been its link.
        case.path_parameters = {"token": sender()}
        response = case.call()
        checks = [c for c in CHECKS if c is not negative_data_rejection]
        case.validate_response(response, checks=checks)
        assert MARK not in response.text + str(response.headers)
        seen.add(response.status_code)

    answered()

    assert seen != {404}


def test_a_route_that_raises_is_found(service, described):
    app, _, _ = service

    def raises():
        raise ZeroDivisionError

    app.view_functions["GET /health"], kept = raises, app.view_functions["GET /health"]
    try:
        case = described["/health"]["get"].Case()
        with pytest.raises(FailureGroup):
            case.validate_response(case.call(), checks=CHECKS)
    finally:
        app.view_functions["GET /health"] = kept
