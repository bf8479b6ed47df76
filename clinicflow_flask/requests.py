"""Reading requests: body, query and idempotency key, all of them strictly."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

from flask import current_app, request
from werkzeug.exceptions import (
    RequestEntityTooLarge,
    RequestURITooLarge,
    UnsupportedMediaType,
)

from clinicflow_core import checks, wire
from clinicflow_core.errors import InvalidError, Problem
from clinicflow_core.json_text import read_json
from clinicflow_core.ports import Once

MAX_BODY: Final = 1024 * 1024
"""How many bytes a body may have."""

MAX_URL: Final = 8 * 1024
"""How many bytes path and query may have together, once the path is decoded."""

KEY: Final = checks.pattern("[!-~]{1,255}", "must be 1 to 255 visible ASCII characters")
"""What an idempotency key looks like."""

_DIGITS: Final = re.compile("-?[0-9]{1,18}")
_SWITCH: Final = {"true": True, "false": False}
_ETAG: Final = re.compile('"([1-9][0-9]{0,8})"')
_MOST_PARAMETERS: Final = 50

FINGERPRINTS: Final = "clinicflow-fingerprints"
"""Under which an application keeps the key of its requests' fingerprints."""


class ParameterError(InvalidError):
    """Something beside the body is wrong; *place* is "query" or "header"."""

    def __init__(self, place: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.args = (place, problems)
        self.place = place


def refuse_long_url() -> None:
    """
    Raises:
        RequestURITooLarge: If path and query are longer than `MAX_URL`.
    """
    environ = request.environ
    url = (environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
    if sum(map(len, url)) > MAX_URL:
        raise RequestURITooLarge


def refuse_long_form() -> None:
    """
    Raises:
        RequestEntityTooLarge: If the form that was sent is longer than `MAX_BODY`.
    """
    # Of a body in chunks Werkzeug drops what is too much, and tells nobody.
    if len(request.get_data(parse_form_data=False)) > MAX_BODY:
        raise RequestEntityTooLarge


def read_body(*, optional: bool) -> object:
    """
    Return the JSON that was sent; an empty object for none, if that is *optional*.

    Raises:
        UnreadableError: If it is not JSON.
        UnsupportedMediaType: If it does not say that it is.
        RequestEntityTooLarge: If it is longer than `MAX_BODY`.
    """
    text = request.get_data(cache=False)
    if len(text) > MAX_BODY:
        raise RequestEntityTooLarge
    if not text and optional:
        return {}
    if text and not _is_json(request.environ.get("CONTENT_TYPE", "")):
        raise UnsupportedMediaType("Send application/json, in UTF-8.")
    return read_json(text)


def _is_json(content_type: str) -> bool:
    if content_type == "application/json":
        return True
    charset = request.mimetype_params.get("charset", "utf-8")
    return request.mimetype == "application/json" and charset.lower() == "utf-8"


def structure_body(data: object, cls: Any, only: str | None) -> Any:
    """
    Return *data* as a *cls*, of which it is the whole or the field *only*.

    Raises:
        InvalidError: If it does not fit.
    """
    if only is None:
        return wire.structure(data, cls)
    with pointers_into(only):
        return wire.structure({only: data}, cls)


@contextmanager
def pointers_into(name: str | None) -> Iterator[None]:
    """Let problems of the field *name* point into it as if it were the whole."""
    try:
        yield
    except InvalidError as error:
        if name is None:
            raise
        raise InvalidError(
            tuple(
                Problem(problem.pointer.removeprefix(f"/{name}"), problem.detail)
                for problem in error.problems
            )
        ) from None


@contextmanager
def pointers_into_query() -> Iterator[None]:
    """Let what an act finds wrong with its query say so."""
    try:
        yield
    except ParameterError:
        raise
    except InvalidError as error:
        raise ParameterError("query", error.problems) from None


def query_reader(cls: Any) -> Callable[[], Any]:
    """
    Return what reads the query as a *cls*.

    A field that holds several values takes its parameter several times. It raises
    ParameterError if anything is wrong, not known or there once too often.
    """
    fields = wire.visible_fields(cls)
    kinds = {wire.name_of(a): wire.split_union(a.type)[0] for a in fields}
    numbers = {name for name, kind in kinds.items() if kind is int}
    switches = {name for name, kind in kinds.items() if kind is bool}
    several = {
        name
        for name, kind in kinds.items()
        if wire.tuple_item(kind) is not None or wire.set_item(kind) is not None
    }
    empty = cls()

    def read() -> Any:
        text = request.environ.get("QUERY_STRING", "")
        if not text:
            return empty
        data: dict[str, object] = {}
        problems = []
        for name, value in _pairs(text):
            if name not in kinds:
                problems.append(Problem(wire.pointer_step(name), "is not known"))
            elif name in several:
                values = data.setdefault(name, [])
                assert isinstance(values, list)
                values.append(value)
            elif name in data:
                problems.append(Problem(f"/{name}", "is there more than once"))
            elif name in switches:
                data[name] = _SWITCH.get(value, value)
            else:
                is_number = name in numbers and _DIGITS.fullmatch(value)
                data[name] = int(value) if is_number else value
        try:
            result = wire.structure(data, cls)
        except InvalidError as error:
            problems += error.problems
        if problems:
            problems.sort(key=lambda p: (p.pointer, p.detail))
            raise ParameterError("query", tuple(problems))
        return result

    return read


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text.encode("latin-1").decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        problem = Problem("", "must be at most 50 parameters, percent-encoded UTF-8")
        raise ParameterError("query", (problem,)) from None


def version() -> int | None:
    """
    Return the version that the header If-Match asks for; None for any.

    An entity tag that no record has stands for version 0, which none has either.
    """
    header = request.environ.get("HTTP_IF_MATCH")
    if header is None or header == "*":
        return None
    tag = _ETAG.fullmatch(header)
    return int(tag[1]) if tag else 0


def once(body: object, render: Callable[[Any], object]) -> Once | None:
    """
    Return what the header Idempotency-Key asks for; None without one.

    Args:
        render: Makes the answer of what is created.

    Raises:
        ParameterError: If it is none; see `KEY`.
    """
    key = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if complaint := KEY.complaint(key):
        problem = Problem("/Idempotency-Key", complaint)
        raise ParameterError("header", (problem,))
    canonical = json.dumps([request.method, request.path, body], sort_keys=True)
    # With a key: a body can hold a password, which nobody should find by trying.
    secret: bytes = current_app.extensions[FINGERPRINTS]
    fingerprint = hmac.digest(secret, canonical.encode(), "sha256").hex()
    return Once(key=key, fingerprint=fingerprint, render=render)
