"""
A server on this machine that speaks OpenAI's protocol, and lies if it is told to.

It answers each request by the next behaviour of its script, and by the last one for
ever. It keeps what it was asked, down to the bytes.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import Factory, define, field, frozen

from clinicflow_core import wire
from clinicflow_core.entities.summary import Digest, Source, SummaryItem

RESPONSES = "/v1/responses"
CHAT = "/v1/chat/completions"


@frozen
class Asked:
    """
    A request as it came.

    Attributes:
        headers: By name in small letters.
        raw: The whole of it, head and body.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def raw(self) -> bytes:
        head = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        return f"{self.path}\n{head}\n".encode() + self.body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[dict[str, str]]:
        return self.json["input" if self.path == RESPONSES else "messages"]

    @property
    def schema(self) -> Any:
        if self.path == RESPONSES:
            return self.json["text"]["format"]["schema"]
        return self.json["response_format"]["json_schema"]["schema"]

    @property
    def answers(self) -> list[dict[str, str]]:
        """What the patient said, as a model gets to see it."""
        content = self.messages[-1]["content"]
        inside = re.fullmatch(r"<answers>\n(.*)\n</answers>", content, re.DOTALL)
        assert inside, content
        return json.loads(inside[1])


Behaviour = Callable[["Handler", Asked], None]


@define
class Server:
    """What a test sees of the server."""

    url: str
    script: list[Behaviour] = field(
        default=Factory(lambda: [truthful]),
    )
    asked: list[Asked] = field(factory=list)
    hung_up: threading.Event = field(factory=threading.Event)

    def behaves(self, *script: Behaviour) -> None:
        """Answer the requests to come so, the last way for ever."""
        self.script = list(script)
        self.asked.clear()

    def next(self, asked: Asked) -> Behaviour:
        self.asked.append(asked)
        return self.script[min(len(self.asked), len(self.script)) - 1]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    told: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, body)
        # Who asked may have hung up meanwhile.
        with suppress(ConnectionError):
            self.told.next(asked)(self, asked)

    def sends(
        self,
        body: bytes,
        status: int = 200,
        kind: str = "application/json",
        **headers: str,
    ) -> None:
        self.begins(len(body), status, kind, **headers)
        self.wfile.write(body)

    def begins(
        self,
        length: int,
        status: int = 200,
        kind: str = "application/json",
        **headers: str,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def says(self, asked: Asked, text: str) -> None:
        """Answer *text* in the manner of the interface that was asked."""
        self.sends(json.dumps(envelope(asked.path, text)).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def served() -> Iterator[Server]:
    """Serve until the block is left."""

    class Told(Handler):
        pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Told)
    httpd.daemon_threads = True
    server = Told.told = Server(f"http://127.0.0.1:{httpd.server_port}/v1")
    thread = threading.Thread(
        target=httpd.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()
    try:
        yield server
    finally:
        server.hung_up.set()
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def envelope(path: str, text: str | None, refusal: str | None = None) -> Any:
    """Return what the interface at *path* wraps around what the model says."""
    if path == RESPONSES:
        part = {"type": "output_text", "text": text, "annotations": []}
        if refusal is not None:
            part = {"type": "refusal", "refusal": refusal}
        message = {"type": "message", "role": "assistant", "content": [part]}
        return {
            "id": "r1",
            "object": "response",
            "status": "completed",
            "error": None,
        } | {"output": [{"type": "reasoning", "summary": []}, message]}
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return {"id": "c1", "object": "chat.completion", "choices": [choice]}


# What the model makes of the answers


def digest_of(asked: Asked) -> Digest:
    """Return an honest digest of the answers, each item word for word."""
    lists: dict[str, list[SummaryItem]] = {}
    for group in _entries(asked.answers):
        question = group[0]["question"].lower()
        for name, item in _items(question, group):
            lists.setdefault(name, []).append(item)
    reasons = lists.get("patient_concerns", [])
    if reasons:
        text = f"Comes for {reasons[0].text}."
        lists["summary"] = [SummaryItem(text=text, sources=reasons[0].sources)]
    return Digest(**{name: tuple(items) for name, items in lists.items()})


def _entries(answers: Sequence[dict[str, str]]) -> list[list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for answer in answers:
        groups.setdefault(answer.get("entry", answer["answer"]), []).append(answer)
    return list(groups.values())


def _items(
    question: str, group: list[dict[str, str]]
) -> Iterator[tuple[str, SummaryItem]]:
    about = {"medication": "medications", "allerg": "allergies"}
    name = next((lst for word, lst in about.items() if word in question), "")
    first, *others = group
    if not name:
        if "reason" in question or "concern" in question:
            yield "patient_concerns", _word_for_word(first["text"], first)
        return
    if re.match(r"(?:no|none|nothing)\b", first["text"].lower()):
        what = "medications" if name == "medications" else "known allergies"
        text = f"No {what}"
        yield "denials", _word_for_word(text, first)
        return
    if others:
        rest = " ".join(each["text"] for each in others)
        rest = f"({rest})" if name == "allergies" else rest
        yield name, _word_for_word(f"{first['text']} {rest}", *group)
        return
    for line in filter(str.strip, re.split(r"[\n;,]", first["text"])):
        source = Source(first["answer"], line.strip())
        yield name, SummaryItem(text=line.strip(), sources=(source,))


def _word_for_word(text: str, *answers: Mapping[str, str]) -> SummaryItem:
    sources = tuple(Source(each["answer"], each["text"]) for each in answers)
    return SummaryItem(text=" ".join(text.split()), sources=sources)


def written(digest: Digest) -> str:
    """Return *digest* as a model writes it."""
    data: Any = wire.dump(digest)
    for items in data.values():
        for item in items:
            del item["added"]
    return json.dumps(data)


def truthful(handler: Handler, asked: Asked) -> None:
    handler.says(asked, written(digest_of(asked)))


def lies(lie: Callable[[Digest, Asked], Digest]) -> Behaviour:
    """Answer what *lie* makes of the honest digest."""
    return lambda handler, asked: handler.says(
        asked, written(lie(digest_of(asked), asked))
    )


# What can go wrong on the way


def says(text: str) -> Behaviour:
    """Answer *text* in place of a digest."""
    return lambda handler, asked: handler.says(asked, text)


def sends(
    body: bytes, status: int = 200, kind: str = "application/json", **h: str
) -> Behaviour:
    """Answer these bytes, whatever was asked."""
    return lambda handler, _: handler.sends(body, status, kind, **h)


def fails(status: int, code: str | None = None, **headers: str) -> Behaviour:
    """Answer an error as OpenAI words them."""
    error = {"message": "No.", "type": code or "error", "code": code, "param": None}
    return sends(json.dumps({"error": error}).encode(), status, **headers)


def refuses_in_a_field(handler: Handler, asked: Asked) -> None:
    body = envelope(asked.path, None, refusal="I can't help with that.")
    handler.sends(json.dumps(body).encode())


def says_nothing(handler: Handler, asked: Asked) -> None:
    """Answer in good order, and without a text."""
    body = envelope(asked.path, None)
    if asked.path == RESPONSES:
        body["output"] = []
    handler.sends(json.dumps(body).encode())


def cut_off(reason: str) -> Behaviour:
    """Answer half a digest: the model stopped because of *reason*."""

    def behaves(handler: Handler, asked: Asked) -> None:
        half = written(digest_of(asked))[:40]
        body = envelope(asked.path, half)
        if asked.path == RESPONSES:
            body |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
        else:
            body["choices"][0]["finish_reason"] = reason
        handler.sends(json.dumps(body).encode())

    return behaves


def resets(handler: Handler, _: Asked) -> None:
    """Cut the connection before a byte was answered."""
    handler.close_connection = True
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def hangs_up_halfway(handler: Handler, asked: Asked) -> None:
    """Announce more than is sent."""
    body = json.dumps(envelope(asked.path, written(digest_of(asked)))).encode()
    handler.begins(len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def drips(handler: Handler, asked: Asked) -> None:
    """Send a byte now and then, for longer than anybody waits."""
    handler.begins(10_000)
    _drip(handler)


def drips_its_head(handler: Handler, asked: Asked) -> None:
    """Send the headers so, too."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def _drip(handler: Handler) -> None:
    handler.close_connection = True
    while not handler.told.hung_up.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def is_silent(handler: Handler, asked: Asked) -> None:
    """Take the request and say nothing."""
    handler.close_connection = True
    handler.told.hung_up.wait(30)
