"""
How often a client waits for PostgreSQL, counted on the wire.

A proxy stands between the two and counts every time that the client speaks after
the server has spoken. It may count too many, where a server answers the first half
of a long request; it never counts too few.
"""

from __future__ import annotations

import selectors
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import URL, make_url

SOCKET = ".s.PGSQL.5432"


class Counted:
    """How many round trips there were; final once the block is left."""

    trips = 0


class RoundTrips:
    """
    A proxy to the server of *url*; leaving the block closes all connections.

    Attributes:
        url: Of the same database, by way of the proxy.
    """

    def __init__(self, url: str) -> None:
        self._server = make_url(url)
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._counted = Counted()

    @property
    def url(self) -> str:
        way: URL = self._server.set(query={"host": str(self._folder)})
        return way.render_as_string(hide_password=False)

    @contextmanager
    def counted(self) -> Iterator[Counted]:
        """Count the round trips of all connections within the block."""
        self._counted = Counted()
        yield self._counted
        self._counted = Counted()

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="trips-"))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._folder / SOCKET))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (self._listener, *self._sockets):
            _hang_up(each)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()
        shutil.rmtree(self._folder)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        host = str(self._server.query["host"])
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(Path(host) / SOCKET))
            self._sockets += [client, server]
            self._start(self._carry, client, server)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        last_spoke = server
        with selectors.DefaultSelector() as selector:
            for end in other:
                selector.register(end, selectors.EVENT_READ, end)
            while True:
                for key, _ in selector.select():
                    end: socket.socket = key.data
                    data = b""
                    with suppress(OSError):
                        data = end.recv(65536)
                    if not data:
                        _hang_up(other[end])
                        return
                    if end is client and last_spoke is server:
                        self._counted.trips += 1
                    last_spoke = end
                    with suppress(OSError):  # The next turn sees that it has gone.
                        other[end].sendall(data)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):  # The other end may have been faster.
        end.shutdown(socket.SHUT_RDWR)
