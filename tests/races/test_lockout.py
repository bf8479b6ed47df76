"""T9: how often a password can be tried over all processes, and what time tells."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import bcrypt
import pytest

from clinicflow_core.accounts import lockout, passwords
from clinicflow_core.desk import accounts
from clinicflow_core.errors import ClinicFlowError, WrongCredentialsError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import Entrance
from clinicflow_core.sql.store import open_store
from tests.builders import PASSWORD, open_clinic
from tests.cli.test_processes import free_port, serving
from tests.races.test_retries import Answer, post

pytestmark = [pytest.mark.races, pytest.mark.slow]

ROUNDS, TRIES, ATTEMPTS = 8, 60, 4
RACERS = 12


@pytest.fixture
def email(database_url: str) -> str:
    """The e-mail of somebody who has an account."""
    with closing(open_store(database_url)) as store:
        return open_clinic(store).owner.email


@pytest.fixture
def ports(database_url: str, tmp_path: Path) -> Iterator[list[int]]:
    """Where two processes serve the same record."""
    secret = {"JWT_SECRET_KEY": "a secret that only these tests know of"}
    with ExitStack() as running:
        ports = [free_port(), free_port()]
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir()
            running.enter_context(serving(database_url, port, folder, **secret))
        yield ports


def log_in(port: int, email: str, password: str = "not the password") -> Answer:
    answer = post(port, "/api/auth/login", {"email": email, "password": password})
    assert answer is not None
    return answer


def test_two_processes_count_the_same_tries(email: str, ports: list[int]) -> None:
    tried = [
        log_in(ports[number % 2], email, password)
        for number, password in enumerate(["not the password"] * 8 + [PASSWORD])
    ]

    assert [answer.status for answer in tried] == [401] * 5 + [429] * 4
    assert tried[-1].body["code"] == "too-many-tries"


def test_trying_at_two_processes_at_once_gains_nothing(
    email: str, ports: list[int]
) -> None:
    ready = threading.Barrier(RACERS)

    def race(number: int) -> int:
        ready.wait(30)
        return log_in(ports[number % 2], email).status

    with ThreadPoolExecutor(RACERS) as pool:
        statuses = Counter(pool.map(race, range(RACERS)))

    assert statuses == {401: 5, 429: RACERS - 5}
    assert log_in(ports[0], email, PASSWORD).status == 429


def test_if_tries_were_counted_when_they_had_failed_many_at_once_would_gain(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = open_clinic(memory_store).owner.email
    counted, matches = accounts.tried, passwords.matches
    ready = threading.Barrier(RACERS)

    @contextmanager
    def counted_afterwards(
        email: str, address: None, entrance: Entrance
    ) -> Iterator[None]:
        who = lockout.subjects(email, address)
        with entrance:
            assert not lockout.wait(entrance.hold_tries(who.all()), who, entrance.now)
        try:
            yield
        except WrongCredentialsError as refusal:
            with suppress(ClinicFlowError), counted(email, address, entrance):
                raise refusal from None
            raise

    def slowly(password: str, kept: str | None) -> bool:
        ready.wait(30)
        return matches(password, kept)

    monkeypatch.setattr(accounts, "tried", counted_afterwards)
    monkeypatch.setattr(passwords, "matches", slowly)

    with ThreadPoolExecutor(RACERS) as pool:
        refused = list(pool.map(lambda _: seconds(email, memory_store), range(RACERS)))

    assert len(refused) == RACERS


def seconds(email: str, store: MemoryStore) -> float:
    """
    Return how long it takes to refuse *email* with a wrong password.

    By the clock of the thread, which stands still while others have the processor.
    """
    credentials = accounts.Credentials(email=email, password="not the password")
    entrance = store.entrance()
    began = time.thread_time()
    with pytest.raises(WrongCredentialsError):
        accounts.sign_in(credentials, entrance)
    return time.thread_time() - began


def same_distribution(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the p-value of the Mann-Whitney U test, by its normal approximation."""
    u = sum((a > b) + (a == b) / 2 for a in one for b in other)
    mean = len(one) * len(other) / 2
    deviation = math.sqrt(mean * (len(one) + len(other) + 1) / 6)
    return math.erfc(abs(u - mean) / deviation / math.sqrt(2))


def can_be_told_apart(store: MemoryStore, known: Sequence[str]) -> bool:
    """Return whether the time tells known accounts from unknown ones."""
    pairs = [
        (seconds(email, store), seconds(f"{uuid4()}@example.org", store))
        for email in known
    ]
    ours, strangers = zip(*pairs, strict=True)
    apart = abs(statistics.median(ours) / statistics.median(strangers) - 1)
    return apart >= 0.05 or same_distribution(ours, strangers) <= 0.01


@pytest.fixture
def known(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """E-mails of accounts whose passwords cost what is tested here."""
    costly = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS)).decode()
    monkeypatch.setattr(passwords, "_NOBODYS_HASH", costly)
    emails = []
    for _ in range(TRIES):
        clinic = open_clinic(memory_store, patients=0)
        changed = clinic.owner.changed(
            {"password_hash": costly}, clinic.owner.updated_at
        )
        clinic.commit(lambda uow, changed=changed: uow.users.save(changed))
        emails.append(clinic.owner.email)
    return emails


@pytest.fixture
def memory_store() -> MemoryStore:
    return MemoryStore()


def test_the_time_does_not_tell_who_has_an_account(
    memory_store: MemoryStore, known: list[str]
) -> None:
    # On a noisy machine one measurement may err; a leak shows in all of them.
    shares = TRIES // ATTEMPTS
    assert not all(
        can_be_told_apart(memory_store, known[first : first + shares])
        for first in range(0, TRIES, shares)
    )


def test_without_a_hash_for_nobody_the_time_tells(
    memory_store: MemoryStore, known: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    matches: Callable[[str, str | None], bool] = passwords.matches
    monkeypatch.setattr(
        passwords, "matches", lambda p, kept: kept is not None and matches(p, kept)
    )

    assert can_be_told_apart(memory_store, known[: TRIES // ATTEMPTS])
