"""
Lock-out: how long somebody waits who tries too many passwords.

A try counts against three subjects: the account at this address, the account from
anywhere, and the address. Each has some free; after that every one more must wait
twice as long as the one before, up to a bound. So nobody is locked out for good, and
an address from which the account was signed in to before waits for its own tries only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from attrs import evolve, frozen

FORGOTTEN_AFTER = timedelta(minutes=15)
"""Tries that are longer ago count no more."""

KNOWN_FOR = timedelta(days=90)
"""How long an address is known from which an account was signed in to."""

_IPV6_NETWORK_BITS = 64


@frozen(kw_only=True)
class Limit:
    """
    How many tries are free, and how long the next ones wait.

    Attributes:
        first: The wait after the last free try; it doubles with each one more.
        longest: No wait is longer.
    """

    free: int
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(minutes=15)

    def wait_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many *failures* in a row."""
        over = failures - self.free
        if over < 0:
            return timedelta(0)
        doubled: timedelta = self.first * 2 ** min(over, 16)
        return min(doubled, self.longest)


HERE = Limit(free=5)
"""For one account at one address: ten tries in a quarter of an hour."""

ANYWHERE = Limit(free=20, longest=timedelta(minutes=5))
"""For one account from all addresses that are not known."""

ADDRESS = Limit(free=50)
"""For one address and all accounts: a clinic's people may share one."""


@frozen(kw_only=True)
class Subjects:
    """What a try counts against, as keys that tell nobody's e-mail or address."""

    here: str
    anywhere: str
    address: str | None

    def all(self) -> tuple[str, ...]:
        return tuple(key for key in (self.here, self.anywhere, self.address) if key)


@frozen(kw_only=True)
class Tries:
    """
    The tries that count against a subject.

    Attributes:
        failures: In a row, those under way included.
        last_at: When the last one began.
        blocked_until: Before then no other may begin.
        succeeded_at: When one last was right.
    """

    subject: str
    failures: int = 0
    last_at: datetime
    blocked_until: datetime | None = None
    succeeded_at: datetime | None = None


def subjects(email: str, address: str | None) -> Subjects:
    """
    Return what a try for *email* from *address* counts against.

    Args:
        address: An IP address, of which version 6 counts by its network; None if
            whoever tries has none.
    """
    account = email.casefold()
    network = None if address is None else network_of(address)
    return Subjects(
        here=_key("here", account, network or ""),
        anywhere=_key("anywhere", account),
        address=None if network is None else _key("address", network),
    )


def wait(tries: Mapping[str, Tries], who: Subjects, now: datetime) -> timedelta:
    """Return how long *who* must wait before trying again; zero if not at all."""
    until = (
        tries[subject].blocked_until or now for subject, _ in _limits(tries, who, now)
    )
    return max(max(until) - now, timedelta(0))


def begun(tries: Mapping[str, Tries], who: Subjects, now: datetime) -> Iterable[Tries]:
    """
    Return *tries* with one more, taken as wrong until it is `forgiven`.

    It is counted before the password is checked, so that many at once gain nothing.
    """
    for subject, limit in _limits(tries, who, now):
        before = tries[subject]
        since = max(before.last_at, before.blocked_until or before.last_at)
        failures = 1 + (before.failures if now - since < FORGOTTEN_AFTER else 0)
        delay = limit.wait_after(failures)
        yield evolve(
            before,
            failures=failures,
            last_at=now,
            blocked_until=now + delay if delay else None,
        )


def forgiven(
    tries: Mapping[str, Tries], who: Subjects, now: datetime
) -> Iterable[Tries]:
    """
    Return *tries* after one that was right.

    The account starts anew. The address is forgiven this one only: else whoever has
    one account there could go on trying others.
    """
    for subject in who.all():
        before = tries[subject]
        left = max(before.failures - 1, 0) if subject == who.address else 0
        yield evolve(
            before, failures=left, last_at=now, blocked_until=None, succeeded_at=now
        )


def _limits(
    tries: Mapping[str, Tries], who: Subjects, now: datetime
) -> Iterable[tuple[str, Limit]]:
    yield who.here, HERE
    known = tries[who.here].succeeded_at
    if known is None or now - known > KNOWN_FOR:
        yield who.anywhere, ANYWHERE
    if who.address is not None:
        yield who.address, ADDRESS


def network_of(address: str) -> str:
    """Return what an IP address counts by: itself, or of version 6 its /64 network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(int(parsed) >> (128 - _IPV6_NETWORK_BITS))
    return str(parsed)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
