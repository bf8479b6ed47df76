"""
Routes: one table row for each thing that can be asked of the service.

A row names an act, and the act's own signature says the rest: what stands in the
path, what comes as query or body, and whether somebody must be signed in. The same
rows make the views and the OpenAPI document, so the two cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import cached_property, partial
from inspect import Parameter, signature
from typing import Any, get_type_hints

import attrs
from attrs import frozen
from flask import Flask, Response

from clinicflow_core.errors import ClinicFlowError
from clinicflow_core.ports import Entrance, Store, UnitOfWork
from clinicflow_flask import answers, requests, tokens
from clinicflow_flask.request_ids import request_id

_PLACE = re.compile(r"{([a-z_]+)}")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_VERSION = "version"


@frozen
class Route:
    """
    One thing that can be asked.

    Attributes:
        path: As in OpenAPI; what stands in braces is an id, and a parameter of *act*.
        act: What is done. Its only attrs class is the query of a GET, else the body;
            it gets a unit of work of whoever is signed in, an entrance, the store, or
            whoever comes with a refresh token. Its *version* is that of If-Match.
        status: Of the answer when all goes well.
        refuses: What it raises besides what each route of its kind does.
        once: Whether an idempotency key is heeded.
        body_is: The field of the body's class that alone is sent, if there is one.
    """

    method: str
    path: str
    act: Callable[..., Any]
    summary: str
    status: int = 200
    refuses: tuple[type[ClinicFlowError], ...] = ()
    once: bool = False
    body_is: str | None = None

    @property
    def ids(self) -> list[str]:
        return _PLACE.findall(self.path)

    @property
    def endpoint(self) -> str:
        """What Flask and the logs call it."""
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        """Whether anybody may ask, signed in or not."""
        return not (self._named(UnitOfWork) or self._named(tokens.Refresher))

    @property
    def heeds_version(self) -> bool:
        """Whether the header If-Match says which version is meant."""
        return _VERSION in self._hints

    @property
    def is_limited(self) -> bool:
        """Whether one address may ask only so often."""
        return self.is_public and self.path.startswith("/api/")

    @property
    def writes(self) -> bool:
        return self.method in _WITH_BODY | {"DELETE"}

    @property
    def query(self) -> Any:
        """The class of what may stand behind the question mark."""
        name = None if self.writes else self._request
        return self._hints[name] if name else Nothing

    @property
    def body(self) -> Any:
        """The class of the body; None if none is read."""
        if self.method not in _WITH_BODY:
            return None
        return self._hints[self._request] if self._request else Nothing

    @property
    def needs_body(self) -> bool:
        """Whether there must be a body; a class with defaults for all does without."""
        fields = () if self.body is None else attrs.fields(self.body)
        return any(a.default is attrs.NOTHING for a in fields)

    @property
    def answer(self) -> Any:
        """The type of what the act returns."""
        return self._hints["return"]

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.act)

    @cached_property
    def _request(self) -> str | None:
        classes = (
            name
            for name, parameter in signature(self.act).parameters.items()
            if parameter.default is Parameter.empty
            and attrs.has(self._hints[name])
            and self._hints[name] is not tokens.Refresher
        )
        return next(classes, None)

    def _named(self, service: type) -> str | None:
        names = (n for n, kind in self._hints.items() if kind is service)
        return next(names, None)


@frozen
class Nothing:
    """What a query or body holds that has nothing to say."""


def add_routes(app: Flask, routes: Collection[Route], store: Store) -> None:
    """Make *app* answer *routes*."""
    for route in routes:
        rule = _PLACE.sub(r"<uuid:\1>", route.path)
        view = _view(route, store)
        app.add_url_rule(rule, route.endpoint, view, methods=[route.method])


def _view(route: Route, store: Store) -> Callable[..., Response]:
    # All that can be found out once is found out here, before the first request.
    act, status, once = route.act, route.status, route.once
    body_class, needs_body, body_is = route.body, route.needs_body, route.body_is
    body_name = route._request
    uow_name = route._named(UnitOfWork)
    services = _services(route, store)
    query_name = None if route.writes else route._request
    read_query = requests.query_reader(route.query)
    render = answers.renderer(route.answer)
    pointers = (
        requests.pointers_into_query
        if query_name
        else partial(requests.pointers_into, body_is)
    )

    def view(**arguments: object) -> Response:
        # Who asks comes first: whoever may not ask is told nothing else.
        who = tokens.bearer() if uow_name else None
        for name, service in services.items():
            arguments[name] = service()
        query = read_query()
        if query_name:
            arguments[query_name] = query
        data = None
        if body_class:
            data = requests.read_body(optional=not needs_body)
            body = requests.structure_body(data, body_class, body_is)
            if body_name:
                arguments[body_name] = body
        if who and uow_name:
            arguments[uow_name] = store.unit_of_work(
                who.clinic_id,
                who.session_id,
                requests.once(data, render) if once else None,
                request_id(),
            )
        with pointers():
            done = act(**arguments)
        return answers.respond(render(done), status, answers.headers_of(done))

    return view


def _services(route: Route, store: Store) -> dict[str, Callable[[], object]]:
    """Return what the act needs besides the request, by the names it has there."""
    by_kind: dict[type, Callable[[], object]] = {
        tokens.Refresher: tokens.refresher,
        Entrance: lambda: store.entrance(request_id()),
        Store: lambda: store,
    }
    services = {
        name: service
        for kind, service in by_kind.items()
        if (name := route._named(kind))
    }
    if route.heeds_version:
        services[_VERSION] = requests.version
    return services
