"""
Everything that goes wrong, as problem details (RFC 9457): the one place where
refusals get their HTTP status.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from functools import singledispatch
from http import HTTPStatus
from typing import Final

import attrs
from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from clinicflow_core import wire
from clinicflow_core.errors import (
    AlreadyAnsweredError,
    BirthDateRefusedError,
    BookingConflictError,
    ClinicFlowError,
    ClinicNotFoundError,
    ContentionError,
    DoctorHasVisitsError,
    InvalidError,
    KeyReusedError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    PatientHasVisitsError,
    RefusedError,
    SeriesConflictError,
    StaleVersionError,
    StoreFullError,
    TooManyTriesError,
    UnavailableError,
    UnreadableError,
)
from clinicflow_flask import logs
from clinicflow_flask.answers import respond
from clinicflow_flask.offers import LinkNeededError
from clinicflow_flask.pages.browsers import StrangeFormError
from clinicflow_flask.request_ids import request_id
from clinicflow_flask.requests import ParameterError

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[type[ClinicFlowError], int]] = {
    UnreadableError: 400,
    InvalidError: 422,
    NotSignedInError: 401,
    TooManyTriesError: 429,
    NotPermittedError: 403,
    StrangeFormError: 403,
    BirthDateRefusedError: 403,
    NotFoundError: 404,
    RefusedError: 409,
    StaleVersionError: 412,
    KeyReusedError: 422,
    UnavailableError: 503,
    StoreFullError: 507,
}
"""The status of each kind of refusal; the nearest class counts."""

_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"WWW-Authenticate": "Bearer"},
    503: {"Retry-After": "1"},
}
_CODES: Final[Mapping[int, str]] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    414: "url-too-long",
    415: "unsupported-media-type",
    429: "too-many-requests",
}
_AS_PAGE: Final = "clinicflow-problem-as-page"
_LOGGER: Final = logging.getLogger(__name__)

AsPage = Callable[[int, str], Response | None]


def add_problems(app: Flask, as_page: AsPage) -> None:
    """
    Make *app* answer whatever is raised with a problem.

    Args:
        as_page: Makes a page of a status and a detail, if a page was asked for.
    """
    app.extensions[_AS_PAGE] = as_page
    app.register_error_handler(ClinicFlowError, _refused)
    app.register_error_handler(AlreadyAnsweredError, _answered_before)
    app.register_error_handler(ContentionError, _contended)
    app.register_error_handler(ClinicNotFoundError, _of_no_clinic)
    app.register_error_handler(HTTPException, _not_http)
    app.register_error_handler(Exception, _unexpected)


def status_of(kind: type[ClinicFlowError]) -> int:
    """Return the status with which errors of *kind* are answered."""
    return next(STATUSES[cls] for cls in kind.__mro__ if cls in STATUSES)


def headers_of(error: ClinicFlowError) -> Mapping[str, str]:
    """Return the headers with which *error* is answered: when to come again, or how."""
    if isinstance(error, TooManyTriesError):
        return {"Retry-After": str(error.seconds)}
    return _HEADERS.get(status_of(type(error)), {})


def _problem(
    status: int,
    code: str,
    detail: str,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {
        "type": f"urn:problem-type:clinicflow:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id(),
        **(facts or {}),
    }
    logs.note_code(code)
    as_page: AsPage = current_app.extensions[_AS_PAGE]
    if page := as_page(status, detail):
        page.headers.extend(headers or {})
        return page
    return respond(body, status, headers, MEDIA_TYPE)


def _refused(error: ClinicFlowError) -> Response:
    status, headers = status_of(type(error)), headers_of(error)
    return _problem(status, error.code, str(error), _facts(error), headers)


@singledispatch
def _facts(_: ClinicFlowError) -> Mapping[str, object]:
    """Return what an error says besides its text."""
    return {}


@_facts.register
def _(error: InvalidError) -> Mapping[str, object]:
    place = error.place if isinstance(error, ParameterError) else "body"
    return {
        "errors": [
            {"in": place, "pointer": problem.pointer, "detail": problem.detail}
            for problem in error.problems
        ]
    }


@_facts.register
def _(error: BookingConflictError) -> Mapping[str, object]:
    return {
        "conflicts": [wire.dump(conflict) for conflict in error.conflicts],
        "alternatives": [wire.dump(opening) for opening in error.alternatives],
    }


@_facts.register
def _(error: SeriesConflictError) -> Mapping[str, object]:
    return {"occurrences": [wire.dump(each) for each in error.occurrences]}


@_facts.register(DoctorHasVisitsError)
@_facts.register(PatientHasVisitsError)
def _(error: DoctorHasVisitsError | PatientHasVisitsError) -> Mapping[str, object]:
    return {"appointment_ids": [str(visit) for visit in error.appointment_ids]}


@_facts.register
def _(error: BirthDateRefusedError) -> Mapping[str, object]:
    return {"tries_left": error.tries_left}


@_facts.register
def _(error: LinkNeededError) -> Mapping[str, object]:
    return attrs.asdict(error.offer)


def _answered_before(error: AlreadyAnsweredError) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    if isinstance(error.answer, dict) and "version" in error.answer:
        headers["ETag"] = f'"{error.answer["version"]}"'
    return respond(error.answer, 201, headers)


def _contended(error: ContentionError) -> Response:
    return _refused(error.refusal)


def _of_no_clinic(_: ClinicNotFoundError) -> Response:
    # No path names a clinic: it is that of a token, and has gone.
    return _refused(NotSignedInError())


def _not_http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # A redirection.
    headers = {n: v for n, v in error.get_headers() if n != "Content-Type"}
    code = _CODES.get(error.code, f"http-{error.code}")
    detail = error.description or HTTPStatus(error.code).phrase
    return _problem(error.code, code, detail, headers=headers)


def _unexpected(error: Exception) -> Response:
    # The texts of errors may hold personal data; where they come from does not.
    _LOGGER.error(
        "Unexpected %s in %s %s, reported as %s\n%s",
        type(error).__qualname__,
        logs.method(),
        logs.route(),
        request_id(),
        "".join(traceback.format_tb(error.__traceback__)),
    )
    detail = f"Something went wrong here; the log knows it as {request_id()}."
    return _problem(500, "internal-error", detail)
