"""T9: how often a password can be tried over all processes, and what time tells."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

import bcrypt
import pytest

from clinicflow_core.accounts import passwords
from clinicflow_core.desk import accounts
from clinicflow_core.errors import WrongCredentialsError
from clinicflow_core.memory import MemoryStore
from clinicflow_core.sql.store import open_store
from tests.builders import PASSWORD, open_clinic
from tests.cli.test_processes import free_port, serving
from tests.races.test_retries import post

pytestmark = [pytest.mark.races, pytest.mark.slow]

ROUNDS, TRIES, ATTEMPTS = 8, 60, 4


@pytest.mark.parametrize("fixture", ["sqlite_url", "postgres_url"])
def test_two_processes_count_the_same_tries(
    fixture: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue(fixture)
    with closing(open_store(url)) as store:
        email = open_clinic(store).owner.email
    secret = {"JWT_SECRET_KEY": "a secret that only these tests know of"}

    with ExitStack() as running:
        ports = []
        for number in range(2):
            ports.append(free_port())
            folder = tmp_path / str(number)
            folder.mkdir()
            running.enter_context(serving(url, ports[-1], folder, **secret))
        tried = [
            post(ports[number % 2], "/api/auth/login", {"email": email, "password": p})
            for number, p in enumerate(["not the password"] * 8 + [PASSWORD])
        ]

    assert [answer.status for answer in tried if answer] == [401] * 5 + [429] * 4
    assert [answer.body["code"] for answer in tried if answer][-1] == "too-many-tries"


def seconds(email: str, store: MemoryStore) -> float:
    """Return how long it takes to refuse *email* with a wrong password."""
    credentials = accounts.Credentials(email=email, password="not the password")
    entrance = store.entrance()
    began = time.perf_counter()
    with pytest.raises(WrongCredentialsError):
        accounts.sign_in(credentials, entrance)
    return time.perf_counter() - began


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
