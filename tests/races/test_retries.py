"""T5: a request may be sent as often as the network likes, and books once."""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

import pytest
from attrs import frozen

from clinicflow_core.ports import AppointmentFilter, PageRequest
from clinicflow_core.sql.store import open_store
from tests.builders import PASSWORD, OpenClinic, open_clinic
from tests.cli.test_processes import free_port, serving

pytestmark = [pytest.mark.races, pytest.mark.slow]

KEYS, MOST_SENT, SEED = 40, 5, 20261122
FIRST_DAY = date(2031, 3, 3)


@frozen
class Answer:
    status: int
    body: object
    replayed: bool


@frozen
class Visit:
    """A booking that a client wants, under a key of its own."""

    key: str
    body: Mapping[str, object]


class Proxy:
    """Passes requests on; some it cuts before they arrive or while answered."""

    def __init__(self, to: int, *, strips_key: bool = False) -> None:
        self._to = to
        self._strips_key = strips_key
        self._random = random.Random(SEED)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cuts = 0

    def run(self) -> None:
        with ThreadPoolExecutor(16) as pool, suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                pool.submit(self._serve, client)

    def stop(self) -> None:
        # A thread in accept wakes up by a shutdown, not by a close.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self, client: socket.socket) -> None:
        fate = self._random.choice(["pass", "pass", "lost", "unanswered", "half"])
        self.cuts += fate != "pass"
        with closing(client):
            sent = _message(client)
            if fate == "lost":
                return
            if self._strips_key:
                sent = sent.replace(b"Idempotency-Key", b"X-No-Key-At-All")
            with closing(socket.create_connection(("127.0.0.1", self._to))) as server:
                server.sendall(sent)
                answer = _message(server)
            if fate != "unanswered":
                end = len(answer) // 2 if fate == "half" else len(answer)
                with suppress(OSError):
                    client.sendall(answer[:end])


def _message(connection: socket.socket) -> bytes:
    """Read one message with the body that its head announces."""
    text = b""
    while b"\r\n\r\n" not in text:
        if not (part := connection.recv(65536)):
            return text
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length and (part := connection.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body


@contextmanager
def through(to: int, *, strips_key: bool = False) -> Iterator[Proxy]:
    proxy = Proxy(to, strips_key=strips_key)
    running = threading.Thread(target=proxy.run)
    running.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        running.join()


def post(port: int, path: str, body: object, **headers: str) -> Answer | None:
    """Return what is answered; None if the connection was cut."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        try:
            connection.request(
                "POST",
                path,
                json.dumps(body),
                {"Content-Type": "application/json", "Connection": "close", **headers},
            )
            response: HTTPResponse = connection.getresponse()
            told = json.loads(response.read())
        except (HTTPException, OSError, ValueError):
            return None
    replayed = response.headers["Idempotent-Replayed"] == "true"
    return Answer(response.status, told, replayed)


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def clinic(url: str) -> Iterator[OpenClinic]:
    with closing(open_store(url)) as store:
        yield open_clinic(store)


@pytest.fixture
def port(url: str, clinic: OpenClinic, tmp_path: Path) -> Iterator[int]:
    """The port of a service in which the clinic's owner can sign in."""
    taken = free_port()
    secret = {"JWT_SECRET_KEY": "a secret that only these tests know of"}
    with serving(url, taken, tmp_path, **secret) as served:
        yield taken
        served.terminate()


@pytest.fixture
def send(clinic: OpenClinic, port: int) -> Callable[[int, Visit], Answer | None]:
    """Send a booking, by the clinic's owner."""
    credentials = {"email": clinic.owner.email, "password": PASSWORD}
    signed_in = post(port, "/api/auth/login", credentials)
    assert signed_in is not None
    token = signed_in.body["access_token"]

    def sent(to: int, visit: Visit) -> Answer | None:
        return post(
            to,
            "/api/appointments",
            visit.body,
            **{"Authorization": f"Bearer {token}", "Idempotency-Key": visit.key},
        )

    return sent


def wanted(clinic: OpenClinic) -> list[Visit]:
    return [
        Visit(
            key=f"key-{number}",
            body={
                "doctor_id": str(clinic.doctor.id),
                "patient_id": str(clinic.patient.id),
                "date": (FIRST_DAY + timedelta(days=number // 8)).isoformat(),
                "start_time": f"{9 + number % 8:02}:00",
            },
        )
        for number in range(KEYS)
    ]


def sent_again_and_again(send, port: int, visits: list[Visit]) -> list[list[Answer]]:
    """Send each visit one to five times, twins at once; return what was answered."""
    dice = random.Random(SEED)
    with ThreadPoolExecutor(12) as pool:
        futures = [
            [pool.submit(send, port, visit) for _ in range(dice.randint(1, MOST_SENT))]
            for visit in visits
        ]
        return [
            [answer for each in sent if (answer := each.result())] for sent in futures
        ]


def test_what_is_sent_again_through_a_bad_network_is_booked_once(clinic, port, send):
    visits = wanted(clinic)

    with through(port) as proxy:
        answered = sent_again_and_again(send, proxy.port, visits)
    settled = [send(port, visit) for visit in visits]
    others = [
        send(port, Visit(visit.key, {**visit.body, "duration": 45})) for visit in visits
    ]

    assert proxy.cuts > KEYS / 4
    for answers, last in zip(answered, settled, strict=True):
        assert last.status == 201
        assert {answer.status for answer in answers} <= {201}
        assert all(answer.body == last.body for answer in answers)
        assert sum(not answer.replayed for answer in [*answers, last]) <= 1
    assert {other.status for other in others} == {422}
    assert {other.body["code"] for other in others} == {"idempotency-key-reused"}
    with clinic.system() as uow:
        stored = uow.appointments.page(AppointmentFilter(), PageRequest(limit=200))
    assert {str(visit.id) for visit in stored.items} == {a.body["id"] for a in settled}
    assert len(stored.items) == KEYS


def test_without_its_key_a_repeated_request_is_refused(clinic, port, send):
    with through(port, strips_key=True) as proxy:
        answered = sent_again_and_again(send, proxy.port, wanted(clinic))

    statuses = {answer.status for answers in answered for answer in answers}
    assert 409 in statuses
    assert not any(answer.replayed for answers in answered for answer in answers)
