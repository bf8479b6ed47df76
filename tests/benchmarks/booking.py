"""
Bookings a second over HTTP, as a share of what the same PostgreSQL can do at all.

    python -m tests.benchmarks.booking [--database-url URL] [--seconds 5]

Serves the clinic as README does in production, and books from 1, 8 and 32 clients,
each of which keeps its connection. Beside each run, in the same minute, pgbench runs
the bare transaction (BEGIN, an INSERT under an exclusion constraint, an audit row,
COMMIT) with as many clients. At the end 64 clients want the same 20 times.

Without a URL it starts a durable PostgreSQL of its own. Client, service and database
share the machine, so only the ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path
from uuid import uuid4

import psycopg
from attrs import define, field
from sqlalchemy.engine import make_url

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import accounts, doctors, register
from clinicflow_core.entities.doctor import Weekday
from clinicflow_core.sql import roles
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.migration import upgrade
from clinicflow_core.sql.store import open_store
from tests.postgres import SERVICE, PostgresServer, as_service, find_binaries

CLIENTS = (1, 8, 32)
WORKERS = 2
PASSWORD = "a password for the benchmark"
STEP = timedelta(minutes=15)

BARE_TABLES = """
    CREATE EXTENSION IF NOT EXISTS btree_gist;
    DROP SCHEMA IF EXISTS bare CASCADE;
    CREATE SCHEMA bare;
    CREATE SEQUENCE bare.slot CACHE 100;
    CREATE TABLE bare.visits (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        doctor_id integer NOT NULL,
        during tstzrange NOT NULL,
        EXCLUDE USING gist (doctor_id WITH =, during WITH &&)
    );
    CREATE TABLE bare.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        what text NOT NULL
    );
"""
BARE_TRANSACTION = """
BEGIN;
INSERT INTO bare.visits (doctor_id, during)
    SELECT n % 64, tstzrange(
        '2030-01-01'::timestamptz + (n / 64) * interval '15 minutes',
        '2030-01-01'::timestamptz + (n / 64 + 1) * interval '15 minutes'
    ) FROM nextval('bare.slot') AS n;
INSERT INTO bare.audit (what) VALUES ('appointment.booked');
COMMIT;
"""


@define
class Clinic:
    """A clinic to book in: who signs in, and whose time there is."""

    email: str
    doctor_ids: list[str]
    patient_ids: list[str]


@define
class Run:
    """What came of one run."""

    seconds: float
    statuses: Counter[int] = field(factory=Counter)
    waits: list[float] = field(factory=list)

    @property
    def per_second(self) -> float:
        return len(self.waits) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the wait that *percent* of the answers did not exceed, in ms."""
        if len(self.waits) < 2:
            return self.waits[0] * 1000
        return statistics.quantiles(self.waits, n=100)[percent - 1] * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "--database-url",
        help="a PostgreSQL, for its owner, that asks its users no password",
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each run")
    options = parser.parse_args()
    with ExitStack() as stack:
        url = options.database_url
        if url is None:
            server = stack.enter_context(PostgresServer(durable=True))
            url = server.create_database("benchmark")
        upgrade(url)
        engine = make_engine(url)
        roles.apply(engine, SERVICE)
        engine.dispose()
        clinic = found_clinic(as_service(url))
        port = stack.enter_context(served(as_service(url)))
        token = sign_in(port, clinic)
        pgbench = prepare_pgbench(url, stack)
        print(f"{'clients':>8} {'limit/s':>9} {'booked/s':>9} {'share':>6}", end="")
        print(f" {'p50 ms':>8} {'p95 ms':>8}  answers")
        slots = bookings(clinic)
        drive(port, token, slots, clients=8, seconds=1)  # Warms everything up.
        for clients in CLIENTS:
            limit = run_pgbench(pgbench, clients, options.seconds)
            run = drive(port, token, slots, clients, options.seconds)
            print(
                f"{clients:>8} {limit:>9.0f} {run.per_second:>9.0f}"
                f" {run.per_second / limit:>6.3f} {run.percentile(50):>8.2f}"
                f" {run.percentile(95):>8.2f}  {dict(run.statuses)}"
            )
        contest(port, token, clinic)


def found_clinic(url: str) -> Clinic:
    """Make a clinic whose 64 doctors never sleep, so that only times run out."""
    store = open_store(url)
    email = f"{uuid4()}@benchmark.example"
    owner = accounts.NewOwner(name="Owner", email=email, password=PASSWORD)
    new = accounts.NewClinic(name="Benchmark", timezone="UTC")
    signed_in = accounts.sign_up(
        accounts.SignUp(clinic=new, owner=owner), store.entrance()
    )
    uow = store.unit_of_work(signed_in.clinic.id, system("benchmark"))
    midnight = wall_time()
    always = doctors.SetHours(
        hours=tuple(
            doctors.Stretch(weekday=day, start=midnight, end=midnight)
            for day in Weekday
        )
    )
    doctor_ids = []
    for number in range(64):
        doctor = doctors.add(doctors.AddDoctor(name=f"Dr. {number}"), uow)
        doctors.set_hours(doctor.id, always, uow)
        doctor_ids.append(str(doctor.id))
    patient_ids = [
        str(
            register.register(
                register.RegisterPatient(first_name="P", last_name=str(number)), uow
            ).id
        )
        for number in range(256)
    ]
    store.close()
    return Clinic(email, doctor_ids, patient_ids)


@contextmanager
def served(url: str) -> Iterator[int]:
    """Serve as in production, and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "clinicflow_cli.main", "serve"),
                *("--port", str(port), "--workers", str(WORKERS)),
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "DATABASE_URL": url,
                "ENVIRONMENT": "production",
                "JWT_SECRET_KEY": uuid4().hex + uuid4().hex,
            },
        )
        try:
            wait_until_served(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def wait_until_served(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The service did not start.")


def sign_in(port: int, clinic: Clinic) -> str:
    body = json.dumps({"email": clinic.email, "password": PASSWORD}).encode()
    request = post("/api/auth/login", body)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        answer = b""
        while not complete(answer):
            answer += connection.recv(65536)
    token: str = json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"]
    return token


def bookings(clinic: Clinic) -> Iterator[bytes]:
    """Yield bodies that never conflict: each doctor's next time, in turn."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    number = 0
    while True:
        time_number, doctor = divmod(number, len(clinic.doctor_ids))
        starts = start + time_number * STEP
        patient = (doctor + time_number * 64) % len(clinic.patient_ids)
        yield booking(
            clinic.doctor_ids[doctor],
            clinic.patient_ids[patient],
            starts.date(),
            starts.time(),
        )
        number += 1


def booking(doctor_id: str, patient_id: str, day: date, start: wall_time) -> bytes:
    return json.dumps(
        {
            "doctor_id": doctor_id,
            "patient_id": patient_id,
            "date": day.isoformat(),
            "start_time": start.strftime("%H:%M"),
            "duration": 15,
            "visit_type": "in-clinic",
            "visit_category": "follow-up",
        }
    ).encode()


def post(path: str, body: bytes, token: str | None = None) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def complete(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = re.search(rb"content-length: *([0-9]+)", head, re.IGNORECASE)
    return length is not None and len(body) >= int(length[1])


@define(eq=False)
class Client:
    """One connection that sends a request whenever the last was answered."""

    connection: socket.socket
    answer: bytes = b""
    sent_at: float = 0.0

    def send(self, request: bytes) -> None:
        self.answer = b""
        self.sent_at = time.perf_counter()
        self.connection.sendall(request)


def drive(
    port: int, token: str, bodies: Iterator[bytes], clients: int, seconds: float
) -> Run:
    """Send *bodies* from so many clients for so long, or until there are no more."""
    run = Run(seconds)
    with selectors.DefaultSelector() as selector:
        opened = [
            Client(socket.create_connection(("127.0.0.1", port)))
            for _ in range(clients)
        ]
        started = time.perf_counter()
        waiting = 0
        for client in opened:
            client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(client.connection, selectors.EVENT_READ, client)
            client.send(post("/api/appointments", next(bodies), token))
            waiting += 1
        while waiting:
            for key, _ in selector.select():
                client = key.data
                part = client.connection.recv(65536)
                if not part:
                    sys.exit("The service closed a connection.")
                client.answer += part
                if not complete(client.answer):
                    continue
                now = time.perf_counter()
                waiting -= 1
                run.waits.append(now - client.sent_at)
                run.statuses[int(client.answer[9:12])] += 1
                body = next(bodies, None) if now - started < seconds else None
                if body is not None:
                    client.send(post("/api/appointments", body, token))
                    waiting += 1
        run.seconds = time.perf_counter() - started
        for client in opened:
            client.connection.close()
    return run


def contest(port: int, token: str, clinic: Clinic) -> None:
    """Let 64 clients want the same 20 times of one doctor, each for its own patient."""
    day = date(2029, 6, 1)
    times = [wall_time(9 + n // 4, n % 4 * 15) for n in range(20)]
    wishes = (
        booking(clinic.doctor_ids[0], patient_id, day, start)
        for start in times
        for patient_id in clinic.patient_ids[:64]
    )
    run = drive(port, token, wishes, clients=64, seconds=60)
    print(
        f"64 clients, the same 20 times: {run.statuses[201]} stored,"
        f" answers {dict(run.statuses)}, longest wait {max(run.waits) * 1000:.0f} ms,"
        f" {run.seconds:.1f} s"
    )


def prepare_pgbench(url: str, stack: ExitStack) -> list[str]:
    """Make the bare tables, and return the command without its clients and time."""
    parsed = make_url(url)
    with psycopg.connect(
        parsed.set(drivername="postgresql").render_as_string(hide_password=False),
        autocommit=True,
    ) as connection:
        connection.execute(BARE_TABLES)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    script = Path(folder) / "bare.sql"
    script.write_text(BARE_TRANSACTION)
    host = parsed.host or parsed.query.get("host") or "localhost"
    if parsed.password:
        os.environ["PGPASSWORD"] = str(parsed.password)
    return [
        find_pgbench(),
        *("-h", str(host), "-p", str(parsed.port or 5432)),
        *("-U", parsed.username or "postgres", "-n", "-M", "prepared"),
        *("-f", str(script), str(parsed.database)),
    ]


def find_pgbench() -> str:
    beside = find_binaries() / "pgbench"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    found = shutil.which("pgbench") or (str(beside) if beside.exists() else None)
    if found is None and not debian:
        sys.exit("pgbench is needed; on Debian it comes with postgresql-contrib.")
    return found or str(debian[-1])


def run_pgbench(command: list[str], clients: int, seconds: float) -> float:
    """Return the bare transactions a second."""
    run = subprocess.run(
        [
            *command[:-1],
            *("-c", str(clients), "-j", str(min(clients, 2))),
            *("-T", str(max(1, round(seconds))), command[-1]),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"tps = ([0-9.]+)", run.stdout)
    if found is None:
        sys.exit(f"pgbench said nothing of its speed: {run.stdout}")
    return float(found[1])


if __name__ == "__main__":
    main()
