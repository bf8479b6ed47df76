"""What goes wrong in a browser without anybody seeing it."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import Factory, define
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Request,
    Response,
    WebError,
)

HERE = {"127.0.0.1", "localhost"}

_COMPLAINTS = {"error", "warning"}
_ANSWERED = "Failed to load resource: the server responded with a status of"
_LOST = "net::ERR_INTERNET_DISCONNECTED"
_LOSSES = (f"Failed to load resource: {_LOST}", "htmx:afterRequest", "htmx:sendError")
_LEFT = "net::ERR_ABORTED"


@define(slots=False)  # Playwright hangs something on whoever listens.
class Faults:
    """
    What went wrong in the browsers of one test.

    Errors and warnings in the console, what the content security policy stopped,
    exceptions that no script caught, requests that failed, that were refused (status
    400 and above), or that went to another machine.
    """

    _found: list[str] = Factory(list)
    _expected: set[int] = Factory(set)
    _is_cut_off: bool = False

    def expect(self, *statuses: int) -> None:
        """Let answers with *statuses* be right for the rest of the test."""
        self._expected.update(statuses)

    def expect_to_be_cut_off(self) -> None:
        """Let it be right for the rest of the test that no request arrives."""
        self._is_cut_off = True

    def take(self) -> list[str]:
        """Return what went wrong until now, oldest first, and forgive it."""
        found, self._found = self._found, []
        return found

    def watch(self, context: BrowserContext) -> None:
        """Note what goes wrong in *context*, on whichever page."""
        context.on("console", self._note_message)
        context.on("weberror", self._note_exception)
        context.on("request", self._note_request)
        context.on("requestfailed", self._note_failure)
        context.on("response", self._note_answer)

    def _note_message(self, message: ConsoleMessage) -> None:
        if self._is_cut_off and message.text.startswith(_LOSSES):
            return
        # A status is judged once, where it is known as a number.
        if message.type in _COMPLAINTS and not message.text.startswith(_ANSWERED):
            self._found.append(f"console {message.type}: {message.text}")

    def _note_exception(self, error: WebError) -> None:
        self._found.append(f"uncaught: {error.error}")

    def _note_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https"} and address.hostname not in HERE:
            self._found.append(f"elsewhere: {request.url}")

    def _note_failure(self, request: Request) -> None:
        if self._is_cut_off and request.failure == _LOST:
            return
        # Whoever leaves a page, or downloads a file, breaks a request off.
        if request.failure != _LEFT:
            self._found.append(f"failed: {request.url}: {request.failure}")

    def _note_answer(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            method = response.request.method
            self._found.append(f"{response.status}: {method} {response.url}")
