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
from typing import Any, Final, get_type_hints

import attrs
from attrs import frozen
from flask import Flask, Response

from clinicflow_core.errors import ClinicFlowError
from clinicflow_core.ports import Entrance, Store, Summarizer, UnitOfWork
from clinicflow_flask import answers, requests, tokens
from clinicflow_flask.request_ids import request_id

_PLACE = re.compile(r"{([a-z_]+)}")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_VERSION = "version"

ACCEPTED: Final = 202
"""The status of an answer about something that is yet to be done."""


@frozen
class Route:
    """
    One thing that can be asked.

    Attributes:
        path: As in OpenAPI; what stands in braces is a parameter of *act*: a text if
            it is a str, else an id.
        act: What is done. Its only attrs class is the query of a GET, else the body;
            it gets a unit of work of whoever is signed in, an entrance, the store, the
            summarizer, or whoever comes with a refresh token. Its *version* is that
            of If-Match.
        status: Of the answer when all goes well.
        is_pending: Tells of what the act returns whether it is yet to be done, which
            is answered with 202; None if it never is.
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
    is_pending: Callable[[Any], bool] | None = None

    @property
    def ids(self) -> list[str]:
        """What stands in the path, ids and texts alike."""
        return _PLACE.findall(self.path)

    def is_text(self, name: str) -> bool:
        """Return whether any text can stand in the path as *name*, not only ids."""
        return self._hints[name] is str

    @property
    def has_secret(self) -> bool:
        """Whether whoever guesses right what stands in the path is let in."""
        return self.is_public and any(map(self.is_text, self.ids))

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answer when all goes well."""
        return [self.status, *([ACCEPTED] if self.is_pending else [])]

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


def add_routes(
    app: Flask, routes: Collection[Route], store: Store, summarizer: Summarizer
) -> None:
    """Make *app* answer *routes*."""
    for route in routes:
        view = _view(route, store, summarizer)
        app.add_url_rule(_rule(route), route.endpoint, view, methods=[route.method])


def _rule(route: Route) -> str:
    """Return the path of *route* as Flask has it."""

    def place(found: re.Match[str]) -> str:
        kind = "string" if route.is_text(found[1]) else "uuid"
        return f"<{kind}:{found[1]}>"

    return _PLACE.sub(place, route.path)


def _view(
    route: Route, store: Store, summarizer: Summarizer
) -> Callable[..., Response]:
    # All that can be found out once is found out here, before the first request.
    act, usual, once = route.act, route.status, route.once
    is_pending = route.is_pending
    body_class, needs_body, body_is = route.body, route.needs_body, route.body_is
    body_name = route._request
    uow_name = route._named(UnitOfWork)
    services = _services(route, store, summarizer)
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
        status = ACCEPTED if is_pending and is_pending(done) else usual
        return answers.respond(render(done), status, answers.headers_of(done))

    return view


def _services(
    route: Route, store: Store, summarizer: Summarizer
) -> dict[str, Callable[[], object]]:
    """Return what the act needs besides the request, by the names it has there."""
    by_kind: dict[type, Callable[[], object]] = {
        tokens.Refresher: tokens.refresher,
        Entrance: lambda: store.entrance(request_id()),
        Store: lambda: store,
        Summarizer: lambda: summarizer,
    }
    services = {
        name: service
        for kind, service in by_kind.items()
        if (name := route._named(kind))
    }
    if route.heeds_version:
        services[_VERSION] = requests.version
    return services
