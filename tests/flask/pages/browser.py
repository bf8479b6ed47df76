"""Somebody in a browser without JavaScript: follows links, fills in forms, reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define
from bs4 import BeautifulSoup, Tag
from flask import Flask, session
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clinicflow_flask.pages import browsers
from tests.flask.desk import Desk


@define
class Browser:
    """
    A browser, and the page that it shows.

    Attributes:
        answer: The last answer, redirections followed; `answer.history` has them.
        page: What it shows, as HTML.
    """

    client: FlaskClient
    answer: TestResponse | None = None
    page: BeautifulSoup | None = None

    @classmethod
    def started(cls, app: Flask, desk: Desk | None = None) -> Browser:
        """Start one, in which whoever is at *desk* is signed in."""
        client = app.test_client()
        if desk is not None:
            with app.test_request_context():
                browsers.remember(desk.signed_in)
                kept = dict(session)
            with client.session_transaction() as cookie:
                cookie.update(kept)
                cookie.permanent = True
        return cls(client)

    @property
    def text(self) -> str:
        """What can be read on the page, spaces run together."""
        assert self.page is not None
        return " ".join(self.page.get_text(" ").split())

    @property
    def status(self) -> int:
        assert self.answer is not None
        return self.answer.status_code

    @property
    def path(self) -> str:
        """Where it is by now, without what stands behind the question mark."""
        assert self.answer is not None
        return self.answer.request.path

    def open(
        self, path: str, headers: Mapping[str, str] | None = None
    ) -> BeautifulSoup:
        """Go to *path*, by hand or by a link."""
        return self._show(
            self.client.get(
                path, headers=_ACCEPTS | dict(headers or {}), follow_redirects=True
            )
        )

    def follow(self, label: str) -> BeautifulSoup:
        """Follow the link that says *label*."""
        assert self.page is not None
        found = [
            a for a in self.page.find_all("a") if label in a.get_text(" ", strip=True)
        ]
        assert found, f"no link says {label!r}: {self.text}"
        return self.open(str(found[0]["href"]))

    def send(self, button: str, **typed: Any) -> BeautifulSoup:
        """
        Fill in the form that has *button* and send it by it.

        Args:
            typed: What is typed or chosen, by the names of the fields, with `__`
                for a dot; None leaves a field out, as if it were not there.
        """
        form, pressed = self._form_with(button)
        data = _filled(form)
        data.update({n.replace("__", "."): value for n, value in typed.items()})
        if pressed.get("name"):
            data[str(pressed["name"])] = str(pressed.get("value", ""))
        path = str(pressed.get("formaction") or form.get("action") or self.path)
        sent = {name: value for name, value in data.items() if value is not None}
        if form.get("method", "get").lower() == "get":
            return self._show(
                self.client.get(
                    path, query_string=sent, headers=_ACCEPTS, follow_redirects=True
                )
            )
        return self.post(path, sent)

    def post(self, path: str, data: Mapping[str, Any]) -> BeautifulSoup:
        """Send *data* to *path*, with no more in it than stands there."""
        return self._show(
            self.client.post(path, data=data, headers=_ACCEPTS, follow_redirects=True)
        )

    def token(self) -> str:
        """Return the secret that the forms on the page carry."""
        assert self.page is not None
        found = self.page.find("input", attrs={"name": browsers.TOKEN})
        assert isinstance(found, Tag)
        return str(found["value"])

    def _form_with(self, button: str) -> tuple[Tag, Tag]:
        assert self.page is not None
        for form in self.page.find_all("form"):
            for pressed in form.find_all("button"):
                if pressed.get_text(" ", strip=True) == button:
                    return form, pressed
        raise AssertionError(f"no form has the button {button!r}: {self.text}")

    def _show(self, answer: TestResponse) -> BeautifulSoup:
        self.answer = answer
        self.page = BeautifulSoup(answer.get_data(as_text=True), "html.parser")
        return self.page


_ACCEPTS = {"Accept": "text/html"}


def _filled(form: Tag) -> dict[str, Any]:
    """Return what a form sends as it stands."""
    data: dict[str, Any] = {}
    for each in form.find_all(["input", "select", "textarea"]):
        name = each.get("name")
        if not name or each.has_attr("disabled"):
            continue
        kind = each.get("type", "text")
        if each.name == "select":
            options = each.find_all("option")
            chosen = [o for o in options if o.has_attr("selected")] or options[:1]
            for option in chosen:
                _add(data, name, option.get("value", option.get_text()))
        elif each.name == "textarea":
            _add(data, name, each.get_text().removeprefix("\n"))
        elif kind in ("checkbox", "radio"):
            if each.has_attr("checked"):
                _add(data, name, each.get("value", "on"))
        elif kind != "submit":
            _add(data, name, each.get("value", ""))
    return data


def _add(data: dict[str, Any], name: str, value: str) -> None:
    if name in data:
        before = data[name] if isinstance(data[name], list) else [data[name]]
        data[name] = [*before, value]
    else:
        data[name] = value
