"""A clinic that is served, as people's browsers find it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from attrs import define, field

CHECKOUT = Path(__file__).parents[2]
CLINICFLOW = (sys.executable, "-m", "clinicflow_cli.main")
HOST = "127.0.0.1"
STARTING_SECONDS = 60


@define
class Site:
    """
    A clinic that is served.

    Attributes:
        url: Without a slash at its end.
        email: The owner's, who signs in with *password*.
        database_url: Of its SQLite file, for the command line.
    """

    url: str
    email: str
    password: str
    database_url: str = ""
    _token: str | None = field(default=None, repr=False)

    def sign_up(self, name: str, owner: str) -> None:
        """Found the clinic *name*, in New York, with its *owner*."""
        clinic = {"name": name, "timezone": "America/New_York"}
        account = {"name": owner, "email": self.email, "password": self.password}
        body = {"clinic": clinic, "owner": account}
        self._token = self._ask("POST", "/api/auth/signup", body)["access_token"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        """
        Return what the REST service answers to the owner; None for no content.

        Raises:
            HTTPError: If it refuses.
        """
        if self._token is None:
            credentials = {"email": self.email, "password": self.password}
            answer = self._ask("POST", "/api/auth/login", credentials)
            self._token = answer["access_token"]
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: object) -> Any:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, headers, method=method)
        with urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or "null")


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    """Return what a program of ours may know of this machine, and *more*."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ours = {"PYTHONPATH": str(CHECKOUT), "CLINICFLOW_TRACEBACK": "1"}
    return {**kept, **ours, **more}


@contextmanager
def serving(
    database_url: str, folder: Path, *, does_jobs: bool = True, **settings: str
) -> Iterator[str]:
    """
    Serve until the block is left, and give the URL; *folder* gets the log.

    Args:
        does_jobs: Whether summaries are made meanwhile.

    Raises:
        AssertionError: If it does not start, or answered a request with a 500.
    """
    port = free_port()
    url = f"http://{HOST}:{port}"
    log = folder / f"served-{port}.log"
    options = () if does_jobs else ("--no-worker",)
    served_with = environment(
        DATABASE_URL=database_url,
        JWT_SECRET_KEY="a secret for the tests in a browser",
        RATE_LIMIT="off",
        **settings,
    )
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [*CLINICFLOW, "serve", "--port", str(port), *options],
            stdout=file,
            stderr=file,
            env=served_with,
            cwd=folder,  # It reads no .env of ours.
        ) as served,
    ):
        try:
            _wait_for(f"{url}/health", served, log)
            yield url
        finally:
            served.terminate()
    told = log.read_text()
    assert "level=error" not in told, told


def _wait_for(url: str, served: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(STARTING_SECONDS * 20):
        assert served.poll() is None, log.read_text()
        try:
            urlopen(url, timeout=5).close()
        except URLError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
