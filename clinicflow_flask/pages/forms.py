"""
Forms: what somebody typed, as the request of an act, and what is wrong with it.

A field stands under the name that it has on the wire; `clinic.name` is a field of the
field `clinic`. What is left blank is not there, or null where it can be given up.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, get_args

import attrs
from attrs import define, field
from flask import current_app, request
from werkzeug.datastructures import MultiDict

from clinicflow_core import wire
from clinicflow_core.errors import (
    ClinicFlowError,
    InvalidError,
    NotFoundError,
    RefusedError,
    StaleVersionError,
    TooManyTriesError,
    UnreadableError,
    WrongCredentialsError,
)
from clinicflow_core.ports import Once
from clinicflow_flask.problems import headers_of, status_of
from clinicflow_flask.requests import FINGERPRINTS

ONCE: Final = "once"
"""The field that makes a form that is sent twice count once."""

_TOLD_IN_PLACE: Final = (
    NotFoundError,
    RefusedError,
    TooManyTriesError,
    UnreadableError,
    WrongCredentialsError,
)
_DIGITS: Final = re.compile(r"-?[0-9]{1,18}")
_BLANK: Final = "\r\n\t "

T = TypeVar("T")
R = TypeVar("R")


@define
class Form:
    """
    A form as somebody filled it in.

    Attributes:
        typed: By the name of the field.
        problems: What is wrong with a field, by its name; "" is the whole form.
        refusal: Why the act was not done, if it was refused.
        labels: What the page calls a field, by the name of the field, which is the id
            of its element too. A field stands here once it is written.
    """

    typed: MultiDict[str, str] = field(factory=MultiDict, repr=False)
    problems: dict[str, str] = field(factory=dict)
    refusal: ClinicFlowError | None = None
    labels: dict[str, str] = field(factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")

    def all(self, name: str) -> list[str]:
        """Return all values of a field that can have several."""
        return self.typed.getlist(name)

    def put(self, values: Iterable[tuple[str, object]]) -> None:
        """Let *values*, by name, stand in the form as if they had been typed."""
        for name, value in values:
            self.typed[name] = str(value)

    def labelled(self, name: str, label: str) -> str:
        """Return the *label* of a field, and know that the page has that field."""
        self.labels[name] = label
        return label

    def place_of(self, name: str) -> str | None:
        """Return the field or group of the page that is nearest to *name*, or None."""
        while name and name not in self.labels:
            name = name.rpartition(".")[0]
        return name or None

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come again, if the refusal says so; how to sign in is on the page."""
        headers = {} if self.refusal is None else headers_of(self.refusal)
        return {name: v for name, v in headers.items() if name == "Retry-After"}

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed the record while this was filled in."""
        return isinstance(self.refusal, StaleVersionError)

    @property
    def is_fine(self) -> bool:
        return not self.problems and self.refusal is None

    @property
    def status(self) -> int:
        """The status of the page that shows it again."""
        if self.refusal is not None:
            return status_of(type(self.refusal))
        return 422 if self.problems else 200

    def done(
        self,
        cls: type[T],
        act: Callable[[T], R],
        only: Mapping[str, object] | None = None,
        where: Callable[[str], str] | None = None,
    ) -> R | None:
        """
        Return what *act* does with the form as a *cls*; None if it was not done.

        Then `problems` and `refusal` say why.

        Args:
            only: What the form does not say itself, by name.
            where: Returns the name of the field that a JSON pointer leads to, if it
                is not what the pointer says, positions left out.
        """
        try:
            wanted = wire.structure({**read(self.typed, cls), **(only or {})}, cls)
            return act(wanted)
        except InvalidError as error:
            for problem in error.problems:
                self._complain((where or _field_at)(problem.pointer), problem.detail)
        except _TOLD_IN_PLACE as error:
            self.refusal = error
        return None

    def _complain(self, name: str, detail: str) -> None:
        details = [*filter(None, [self.problems.get(name)]), detail]
        self.problems[name] = "; ".join(dict.fromkeys(details))


@attrs.frozen
class Nothing:
    """What a form asks for that is no more than a button."""


def sent() -> Form:
    """Return the form that was sent."""
    return Form(MultiDict(request.form))


def pressed(act: Callable[[], object]) -> Form:
    """
    Return the form of a button that was pressed, once *act* is done.

    If it is not fine, *act* was not done.
    """
    form = sent()
    form.done(Nothing, lambda _: act())
    return form


def asked(cls: type[T]) -> T:
    """
    Return what stands behind the question mark as a *cls*; the rest is not heeded.

    Raises:
        InvalidError: If it does not fit.
    """
    return wire.structure(read(request.args, cls), cls)


def read(typed: MultiDict[str, str], cls: Any, at: str = "") -> dict[str, object]:
    """Return what was *typed* as `wire.structure` takes it for a *cls*."""
    fields = (
        (wire.name_of(attribute), attribute.type)
        for attribute in wire.visible_fields(cls)
    )
    read_fields = ((name, _field(typed, kind, f"{at}{name}")) for name, kind in fields)
    return {name: value for name, value in read_fields if value is not wire.UNSET}


def _field(typed: MultiDict[str, str], whole: Any, path: str) -> object:
    """Return what was typed at *path* for the type *whole*; UNSET for nothing."""
    kind, can_be_none = wire.split_union(whole)
    if attrs.has(kind):
        inner = read(typed, kind, f"{path}.")
        return inner if inner or not can_be_none else wire.UNSET
    if (value_kind := wire.mapping_value(kind)) is not None:
        return _entries(typed, f"{path}.", value_kind) or wire.UNSET
    if path not in typed:
        return wire.UNSET
    if wire.tuple_item(kind) is not None or wire.set_item(kind) is not None:
        return [value for value in typed.getlist(path) if value.strip()]
    if kind is bool:
        # A box that is not ticked sends nothing; the field before it says no.
        return typed.getlist(path)[-1] == "yes"
    value = typed[path].strip(_BLANK)
    if not value:
        if wire.Unset not in get_args(whole):
            return wire.UNSET
        # What cannot be given up is wrong, and not left as it was in silence.
        return None if can_be_none else ""
    return _value(value, kind)


def _entries(typed: MultiDict[str, str], at: str, kind: Any) -> dict[str, object]:
    found = {name: typed[name].strip(_BLANK) for name in typed if name.startswith(at)}
    return {n.removeprefix(at): _value(v, kind) for n, v in found.items() if v}


def _value(text: str, kind: Any) -> object:
    is_number = kind is int and _DIGITS.fullmatch(text)
    return int(text) if is_number else text.replace("\r\n", "\n")


def version() -> int | None:
    """
    Return the version of the record that the form was made of; None if it says none.

    What no record has stands for version 0, which none has either.
    """
    typed = request.form.get("version")
    if typed is None:
        return None
    return int(typed) if _DIGITS.fullmatch(typed) else 0


def new_key() -> str:
    """Return what stands in `ONCE` in a new form."""
    return secrets.token_urlsafe(18)


def once(location: Callable[[Any], str]) -> Once | None:
    """
    Return what makes the form that was sent count once, if it says so.

    Args:
        location: Says of what was done on which page it is seen; who sends the form
            again is sent there.
    """
    key = request.form.get(ONCE)
    if not key or len(key) > 255 or not key.isascii() or not key.isprintable():
        return None
    typed = {name: request.form.getlist(name) for name in sorted(request.form)}
    canonical = json.dumps([request.path, typed])
    secret: bytes = current_app.extensions[FINGERPRINTS]
    fingerprint = hmac.digest(secret, canonical.encode(), "sha256").hex()
    return Once(key=key, fingerprint=fingerprint, render=location)


def _field_at(pointer: str) -> str:
    steps = [step for step in pointer.split("/")[1:] if not step.isdigit()]
    return ".".join(steps)
