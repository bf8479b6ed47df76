"""The OpenAPI document, made of the routes and of the classes that they run on."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

from clinicflow_core.errors import (
    ClinicFlowError,
    InvalidError,
    NotFoundError,
    NotPermittedError,
    NotSignedInError,
    StaleVersionError,
    StoreFullError,
    UnavailableError,
    UnreadableError,
)
from clinicflow_core.json_schema import json_schema
from clinicflow_core.scheduling.conflicts import Conflict, RefusedOccurrence
from clinicflow_core.scheduling.openings import Opening
from clinicflow_flask.answers import (
    Redirect,
    answer_schema,
    has_version,
    media_type_of,
)
from clinicflow_flask.problems import MEDIA_TYPE, status_of
from clinicflow_flask.requests import KEY
from clinicflow_flask.routes import Nothing, Route

TITLE: Final = "ClinicFlow API"
VERSION: Final = "1"
"""Of what other programs can rely on, not of the package."""

_JSON: Final = "application/json"
_ID: Final = {"type": "string", "format": "uuid"}
_TEXT: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "New for each request; the same one again gets the first answer.",
    "schema": {"type": "string", **KEY.schema},
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "description": "The entity tag of the record as it was read: if somebody else has "
    "changed it since, nothing is changed.",
    "schema": {"type": "string"},
}
_ETAG: Final = {
    "ETag": {
        "description": "The version of the record, for If-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    }
}
_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "description": "There if the request was carried out before.",
        "schema": {"const": "true"},
    }
}
_LOCATION: Final = {
    "Location": {"required": True, "schema": {"type": "string", "format": "uri"}}
}


def document(routes: Collection[Route]) -> dict[str, object]:
    """Return the OpenAPI 3.1 document of *routes*."""
    components: dict[str, object] = {}
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        operations = paths.setdefault(route.path, {})
        operations[route.method.lower()] = _operation(route, components)
    components["Problem"] = _problem(components)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _operation(route: Route, components: dict[str, object]) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [_tag(route)],
        "security": [] if route.is_public else [{"bearer": []}],
        "parameters": [
            *_ids(route),
            *_query(route),
            *([_IDEMPOTENCY_KEY] if route.once else []),
            *([_IF_MATCH] if route.heeds_version else []),
        ],
        "responses": _responses(route, components),
    }
    if route.body not in (None, Nothing):
        operation["requestBody"] = {
            "required": route.needs_body,
            "content": {_JSON: {"schema": _body(route, components)}},
        }
    return operation


def _operation_id(route: Route) -> str:
    steps = route.path.removeprefix("/api/").replace("{", "").replace("}", "")
    words = "".join(mark if mark.isalnum() else "-" for mark in steps).strip("-")
    return f"{route.method.lower()}-{words}"


def _tag(route: Route) -> str:
    return route.path.removeprefix("/api/").strip("/").partition("/")[0]


def _ids(route: Route) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _TEXT if route.is_text(name) else _ID,
        }
        for name in route.ids
    ]


def _query(route: Route) -> list[dict[str, object]]:
    required = _required(route.query)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": schema,
        }
        for name, schema in _described(route.query, {})["properties"].items()
    ]


def _body(route: Route, components: dict[str, object]) -> object:
    if route.body_is is None:
        return json_schema(route.body, components=components)
    return _described(route.body, components)["properties"][route.body_is]


def _required(cls: Any) -> list[str]:
    required: list[str] = _described(cls, {})["required"]
    return required


def _described(cls: Any, components: dict[str, object]) -> Any:
    """Return the schema of *cls* itself; of what it holds, put it into *components*."""
    inner: dict[str, object] = {}
    json_schema(cls, components=inner)
    schema = inner.pop(cls.__name__)
    components |= inner
    return schema


def _responses(route: Route, components: dict[str, object]) -> dict[str, object]:
    success: dict[str, object] = {}
    if route.answer is Redirect:
        success["headers"] = _LOCATION
    elif route.status != HTTPStatus.NO_CONTENT:
        schema = answer_schema(route.answer, components)
        success["content"] = {media_type_of(route.answer): {"schema": schema}}
    headers = {
        **(_REPLAYED if route.once else {}),
        **(_ETAG if has_version(route.answer) else {}),
    }
    if headers:
        success["headers"] = headers
    problem = {
        MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
    }
    return {
        **{
            str(status): {"description": HTTPStatus(status).phrase, **success}
            for status in route.statuses
        },
        **{
            str(status): {
                "description": HTTPStatus(status).phrase,
                "content": problem,
            }
            for status in sorted(_problem_statuses(route))
        },
    }


def _problem_statuses(route: Route) -> set[int]:
    kinds: list[type[ClinicFlowError]] = [
        UnreadableError,
        InvalidError,
        UnavailableError,
    ]
    kinds += route.refuses
    if not route.is_public:
        kinds += [NotSignedInError, NotPermittedError]
    if route.heeds_version:
        kinds.append(StaleVersionError)
    if route.ids:
        kinds.append(NotFoundError)
    if route.writes:
        kinds.append(StoreFullError)
    statuses = {status_of(kind) for kind in kinds}
    statuses |= {HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.INTERNAL_SERVER_ERROR}
    if route.is_limited:
        statuses.add(HTTPStatus.TOO_MANY_REQUESTS)
    if route.body is not None:
        statuses |= {
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        }
    return {int(status) for status in statuses}


def _problem(components: dict[str, object]) -> dict[str, object]:
    def many(cls: Any) -> dict[str, object]:
        items = json_schema(cls, components=components, answer=True)
        return {"type": "array", "items": items}

    place = {
        "type": "object",
        "properties": {
            "in": {"enum": ["body", "query", "header"]},
            "pointer": {"type": "string", "description": "A JSON pointer."},
            "detail": {"type": "string"},
        },
        "required": ["in", "pointer", "detail"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "What went wrong, as RFC 9457 has it.",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "Stable, for programs."},
            "request_id": {
                "type": "string",
                "description": "As in the header X-Request-Id, and in the log.",
            },
            "errors": {"type": "array", "items": place},
            "conflicts": many(Conflict),
            "alternatives": many(Opening),
            "occurrences": many(RefusedOccurrence),
            "appointment_ids": {
                "type": "array",
                "items": {"type": "string", "format": "uuid"},
            },
            "tries_left": {
                "type": "integer",
                "description": "How often the birth date can still be tried.",
            },
            "link_token": {
                "type": "string",
                "description": "Links the account that exists, with its password.",
            },
            "expires_in": {
                "type": "integer",
                "description": "How long the token lasts, in seconds.",
            },
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "additionalProperties": False,
    }
