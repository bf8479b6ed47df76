"""
T4, short: writers and servers are killed in the middle of their work.

What was acknowledged is there afterwards, whole; what was not is there whole or not
at all. SIGKILL keeps what the system has in its caches: this tests the databases'
logs, not the power supply.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from clinicflow_core.sql.migration import upgrade
from clinicflow_core.sql.store import open_store
from tests.builders import open_clinic
from tests.postgres import PostgresServer
from tests.races.history import overlaps_ever, trail
from tests.races.racers import WEEK
from tests.sql.rows import past_the_wall

pytestmark = pytest.mark.races

WRITERS, KILLS, BOOKINGS = 3, 3, 40
ALLOWED = {"refused BookingConflictError", "refused StoreBusyError"}


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger"


@pytest.fixture
def write(ledger):
    """Start writers; those that still run when the test ends are killed."""
    running = []

    def start(url, clinic, first):
        for number in range(first, first + WRITERS):
            command = [sys.executable, "-m", "tests.races.writer"]
            arguments = [url, str(clinic.id), str(ledger), str(number)]
            running.append(subprocess.Popen([*command, *arguments]))
        return running[-WRITERS:]

    yield start
    for process in running:
        process.kill()
        process.wait()


def lines(ledger):
    return ledger.read_text().splitlines() if ledger.exists() else []


def wait_for(ledger, count):
    deadline = time.monotonic() + 60
    while sum(line.startswith("booked") for line in lines(ledger)) < count:
        assert time.monotonic() < deadline, lines(ledger)[-5:]
        time.sleep(0.01)


def prepared(url):
    store = open_store(url)
    clinic = open_clinic(store, week=WEEK, patients=20)
    for _ in range(4):
        clinic.add_doctor(week=WEEK)
    return store, clinic


def judge(store, ledger):
    """Return how many acknowledged bookings are there and how many are lost."""
    told = lines(ledger)
    assert {line for line in told if not line.startswith("booked")} <= ALLOWED
    acknowledged = {line.split()[1] for line in told if line.startswith("booked")}
    with past_the_wall(store) as connection:

        def ids(column, table):
            found = connection.execute(text(f"SELECT {column} FROM {table}"))
            return sorted(str(value) for value in found.scalars())

        visits = ids("id", "appointments")
        assert ids("record_id", "events") == visits
        assert ids("id", "outbox") == ids("id", "events")
    assert overlaps_ever(trail(store)) == 0
    return len(acknowledged & set(visits)), len(acknowledged - set(visits))


def test_killed_writers_lose_nothing(database_url, ledger, write):
    store, clinic = prepared(database_url)

    for kill in range(1, KILLS + 1):
        writers = write(database_url, clinic, kill * WRITERS)
        wait_for(ledger, kill * BOOKINGS)
        for process in writers:
            process.kill()
            process.wait()

    there, lost = judge(store, ledger)
    assert lost == 0
    assert there >= KILLS * BOOKINGS
    if store.engine.dialect.name == "sqlite":
        with store.engine.begin() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert not connection.execute(text("PRAGMA foreign_key_check")).all()
    store.close()


def crash_twice(server, ledger, write, *, at_commit="on"):
    """Let writers write, crash the server twice; return its store, at rest."""
    url = server.create_database("crash")
    upgrade(url)
    store, clinic = prepared(url)
    with store.engine.begin() as connection:
        setting = f"ALTER DATABASE crash SET synchronous_commit = {at_commit}"
        connection.execute(text(setting))
    writers = write(url, clinic, 0)
    for kill in (1, 2):
        wait_for(ledger, kill * BOOKINGS)
        server.crash()
        server.start()
    wait_for(ledger, 3 * BOOKINGS)
    for process in writers:
        process.kill()
        process.wait()
    return store


def test_a_killed_server_loses_nothing_and_is_used_again(ledger, write):
    with PostgresServer(durable=True) as server:
        store = crash_twice(server, ledger, write)

        there, lost = judge(store, ledger)
        store.close()

    assert lost == 0
    assert there >= 3 * BOOKINGS


def test_a_killed_server_that_answers_before_it_has_written_loses_some(ledger, write):
    with PostgresServer(durable=True) as server:
        store = crash_twice(server, ledger, write, at_commit="off")

        _, lost = judge(store, ledger)
        store.close()

    assert lost > 0
