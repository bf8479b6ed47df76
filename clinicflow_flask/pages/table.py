"""
The pages as a table: one row for each, as `clinicflow_flask.routes` has for the API.

A row names a view, and the view's own signature says what it is given: what stands in
the path, whoever is signed in, the entrance, the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import cached_property
from typing import Any, Final, get_type_hints

from attrs import field, frozen
from flask import Flask, Response, abort, request

from clinicflow_core.errors import AlreadyAnsweredError, ClinicFlowError
from clinicflow_core.ports import Entrance, Store, Summarizer
from clinicflow_core.wire import split_union
from clinicflow_flask.pages import browsers, rendering
from clinicflow_flask.pages.browsers import Visitor
from clinicflow_flask.request_ids import request_id
from clinicflow_flask.requests import refuse_long_form

_PLACE: Final = re.compile(r"{([a-z_]+)}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PAGES: Final = "clinicflow-pages"


@frozen
class Page:
    """
    One page, or one thing that a form of a page does.

    Attributes:
        path: What stands in braces is a parameter of *view*: a text, a day or an id,
            as its type says.
        view: Returns the answer. It is given a `Visitor`, an `Entrance`, the `Store`
            or the `Summarizer` by their types.
        polls: Whether browsers ask for it by themselves, which shows of nobody that
            they are there.
        told: What shows a refusal in the page's own words, by its class. Others are
            shown as everywhere.
    """

    method: str
    path: str
    view: Callable[..., Response]
    polls: bool = False
    told: Mapping[type[ClinicFlowError], Callable[[ClinicFlowError], Response]] = field(
        factory=dict, hash=False
    )

    @property
    def endpoint(self) -> str:
        """What Flask and the logs call it."""
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        """Whether anybody may see it, signed in or not."""
        return Visitor not in self.hints.values()

    @property
    def is_limited(self) -> bool:
        """Whether one address may ask only so often."""
        return self.is_public and (self.method == "POST" or self.has_secret)

    @property
    def has_secret(self) -> bool:
        """Whether whoever guesses right what stands in the path is let in."""
        return self.is_public and bool(_PLACE.search(self.path))

    @cached_property
    def hints(self) -> Mapping[str, Any]:
        """The types of the view's parameters."""
        hints = get_type_hints(self.view)
        return {n: split_union(t)[0] for n, t in hints.items() if n != "return"}


def add_pages(
    app: Flask, pages: Collection[Page], store: Store, summarizer: Summarizer
) -> None:
    """Make *app* show *pages*."""
    for page in pages:
        app.add_url_rule(
            _rule(page),
            page.endpoint,
            _answering(page, store, summarizer),
            methods=[page.method],
        )
    app.extensions[_PAGES] = frozenset(page.endpoint for page in pages)


def is_page(app: Flask) -> bool:
    """Return whether the request is for a page, or for one that is not there."""
    if request.endpoint is not None:
        return request.endpoint in app.extensions[_PAGES]
    is_other = request.path.startswith(("/api/", "/docs", "/static/"))
    return not is_other and "text/html" in request.headers.get("Accept", "")


def _rule(page: Page) -> str:
    def place(found: re.Match[str]) -> str:
        is_text = page.hints[found[1]] in (str, date)
        return f"<{'string' if is_text else 'uuid'}:{found[1]}>"

    return _PLACE.sub(place, page.path)


def _answering(
    page: Page, store: Store, summarizer: Summarizer
) -> Callable[..., Response]:
    services: dict[Any, Callable[[], object]] = {
        Visitor: lambda: browsers.visitor(store, renew=not page.polls),
        Entrance: lambda: store.entrance(request_id()),
        Store: lambda: store,
        Summarizer: lambda: summarizer,
    }
    needed = {
        name: services[kind] for name, kind in page.hints.items() if kind in services
    }
    days = [name for name, kind in page.hints.items() if kind is date]
    is_sent = page.method == "POST"

    def view(**arguments: Any) -> Response:
        for name, service in needed.items():
            arguments[name] = service()
        for name in days:
            arguments[name] = _day(arguments[name])
        if is_sent:
            refuse_long_form()
            browsers.refuse_strange_form()
        try:
            return page.view(**arguments)
        except AlreadyAnsweredError as before:
            return rendering.go(str(before.answer))
        except tuple(page.told) as refusal:
            return next(
                tell(refusal)
                for kind, tell in page.told.items()
                if isinstance(refusal, kind)
            )

    return view


def _day(text: str) -> date:
    if not _DATE.fullmatch(text):
        abort(404)
    try:
        return date.fromisoformat(text)
    except ValueError:
        abort(404)
