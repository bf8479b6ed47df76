from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.accounts import lockout
from clinicflow_core.accounts.lockout import ADDRESS, ANYWHERE, HERE, Limit, Tries
from tests.builders import NOW

EMAIL = "olive@example.org"
HOME = "192.0.2.1"
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


class Book:
    """What a store keeps of tries, with a clock that goes on by hand."""

    def __init__(self):
        self.now = NOW
        self.kept = {}

    def held(self, who):
        return {
            key: self.kept.get(key, Tries(subject=key, last_at=self.now))
            for key in who.all()
        }

    def wait(self, address=HOME, email=EMAIL):
        who = lockout.subjects(email, address)
        return lockout.wait(self.held(who), who, self.now)

    def fails(self, address=HOME, email=EMAIL, times=1):
        for _ in range(times):
            who = lockout.subjects(email, address)
            self._keep(lockout.begun(self.held(who), who, self.now))

    def succeeds(self, address=HOME, email=EMAIL):
        self.fails(address, email)
        who = lockout.subjects(email, address)
        self._keep(lockout.forgiven(self.held(who), who, self.now))

    def _keep(self, changed):
        self.kept |= {tries.subject: tries for tries in changed}


@pytest.fixture
def book():
    return Book()


def addresses(count):
    return [f"198.51.{n // 250}.{n % 250}" for n in range(count)]


def strangers(count):
    return [f"{n}@example.org" for n in range(count)]


# How long


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        pytest.param(0, 0, id="none"),
        pytest.param(4, 0, id="one is left"),
        pytest.param(5, 30, id="none is left"),
        pytest.param(6, 60, id="one more"),
        pytest.param(7, 120, id="two more"),
        pytest.param(9, 480, id="the last that doubles"),
        pytest.param(10, 900, id="the bound"),
        pytest.param(10**6, 900, id="a million"),
    ],
)
def test_each_try_beyond_the_free_ones_waits_twice_as_long(failures, seconds):
    assert HERE.wait_after(failures) == timedelta(seconds=seconds)


@given(st.integers(0, 10**9), st.integers(0, 100), st.integers(1, 3600))
def test_no_wait_is_longer_than_the_bound_or_shorter_than_before(failures, free, bound):
    limit = Limit(free=free, longest=timedelta(seconds=bound))

    waits = [limit.wait_after(failures + more) for more in (0, 1)]

    assert timedelta(0) <= waits[0] <= waits[1] <= limit.longest


@pytest.mark.parametrize(
    ("limit", "free", "longest"),
    [(HERE, 5, 15), (ANYWHERE, 20, 5), (ADDRESS, 50, 15)],
    ids=["here", "anywhere", "address"],
)
def test_the_limits_are_as_promised(limit, free, longest):
    assert limit == Limit(free=free, longest=longest * MINUTE)


def test_within_a_quarter_of_an_hour_one_address_gets_ten_tries(book):
    tried = 0
    while book.now < NOW + 15 * MINUTE:
        if not book.wait():
            book.fails()
            tried += 1
        book.now += SECOND

    assert tried <= 10


# One account at one address


def test_the_first_tries_are_free_and_the_next_waits(book):
    book.fails(times=4)
    assert book.wait() == timedelta(0)

    book.fails()

    assert book.wait() == 30 * SECOND


def test_waiting_is_over_when_the_time_is(book):
    book.fails(times=5)

    book.now += 30 * SECOND - timedelta(microseconds=1)
    assert book.wait() == timedelta(microseconds=1)
    book.now += timedelta(microseconds=1)
    assert book.wait() == timedelta(0)
    book.now += MINUTE
    assert book.wait() == timedelta(0)


def test_whoever_waits_and_fails_again_waits_twice_as_long(book):
    book.fails(times=5)
    waits = []
    for _ in range(7):
        waits.append(book.wait())
        book.now += book.wait()
        book.fails()

    assert all(b == min(2 * a, 15 * MINUTE) for a, b in pairwise(waits))
    assert waits[-1] == 15 * MINUTE


def test_a_right_password_makes_a_new_start(book):
    book.fails(times=4)

    book.succeeds()

    book.fails(times=4)
    assert book.wait() == timedelta(0)


def test_another_account_has_tries_of_its_own(book):
    book.fails(times=5)

    assert book.wait(email="sam@example.org") == timedelta(0)


def test_an_e_mail_counts_in_any_case(book):
    for email in ("Olive@example.org", "OLIVE@EXAMPLE.ORG", EMAIL, EMAIL, EMAIL):
        book.fails(email=email)

    assert book.wait(email="oLiVe@example.org") == 30 * SECOND


def test_whoever_comes_over_no_network_counts_by_the_account(book):
    book.fails(None, times=5)

    assert book.wait(None) == 30 * SECOND
    assert book.wait(None, "sam@example.org") == timedelta(0)
    assert book.wait(HOME) == timedelta(0)


@pytest.mark.parametrize(
    ("passed", "is_forgotten"),
    [
        pytest.param(15 * MINUTE - SECOND, False, id="a second less"),
        pytest.param(15 * MINUTE, True, id="15 minutes"),
    ],
)
def test_tries_are_forgotten_after_a_quarter_of_an_hour(book, passed, is_forgotten):
    book.fails(times=4)
    book.now += passed

    book.fails()

    assert (book.wait() == timedelta(0)) is is_forgotten


def test_tries_are_not_forgotten_while_they_must_be_waited_for(book):
    book.fails(times=5)
    for _ in range(6):
        book.now += book.wait()
        book.fails()
    book.now += 15 * MINUTE + 14 * MINUTE

    book.fails()

    assert book.wait() == 15 * MINUTE


# One account from everywhere


def test_many_addresses_together_get_few_tries_at_an_account(book):
    for address in addresses(20):
        assert book.wait(address) == timedelta(0)
        book.fails(address)

    assert book.wait("203.0.113.1") == 30 * SECOND
    assert book.wait("203.0.113.1", "sam@example.org") == timedelta(0)


def test_the_owner_waits_at_a_new_address_for_five_minutes_at_most(book):
    for address in addresses(40):
        book.now += book.wait(address)
        book.fails(address)

    assert book.wait("203.0.113.1") == 5 * MINUTE


def test_a_known_address_waits_only_for_its_own_tries(book):
    book.succeeds(HOME)
    for address in addresses(40):
        book.now += book.wait(address)
        book.fails(address)
    assert book.wait("203.0.113.1") == 5 * MINUTE

    assert book.wait(HOME) == timedelta(0)
    book.fails(HOME, times=5)
    assert book.wait(HOME) == 30 * SECOND


def test_tries_at_a_known_address_lock_out_nobody_elsewhere(book):
    book.succeeds(HOME)
    for _ in range(30):
        book.now += book.wait(HOME)
        book.fails(HOME)

    assert book.wait("203.0.113.1") == timedelta(0)


@pytest.mark.parametrize(
    ("passed", "is_known"),
    [
        pytest.param(timedelta(days=90), True, id="90 days"),
        pytest.param(timedelta(days=90) + SECOND, False, id="longer"),
    ],
)
def test_an_address_is_known_for_90_days(book, passed, is_known):
    book.succeeds(HOME)
    book.now += passed
    for address in addresses(20):
        book.fails(address)

    assert (book.wait(HOME) == timedelta(0)) is is_known


def test_an_address_is_known_to_the_account_that_signed_in_there_alone(book):
    book.succeeds(HOME, "sam@example.org")
    for address in addresses(20):
        book.fails(address)

    assert book.wait(HOME) == 30 * SECOND


def test_a_sign_in_elsewhere_ends_the_wait_for_all_other_addresses(book):
    book.succeeds(HOME)
    for address in addresses(20):
        book.fails(address)

    book.succeeds(HOME)

    assert book.wait("203.0.113.1") == timedelta(0)


# One address


def test_one_address_does_not_try_a_thousand_accounts(book):
    tried = 0
    for email in strangers(1000):
        if not book.wait(email=email):
            book.fails(email=email)
            tried += 1

    assert tried == 50
    assert book.wait(email="one-more@example.org") == 30 * SECOND
    assert book.wait("203.0.113.1", "one-more@example.org") == timedelta(0)


def test_an_account_of_ones_own_buys_no_more_tries_at_others(book):
    for email in strangers(50):
        book.succeeds(email="own@example.org")
        book.fails(email=email)

    assert book.wait(email="one-more@example.org") == 30 * SECOND


def test_who_signs_in_is_no_try_at_others(book):
    for _ in range(200):
        book.succeeds()

    assert book.wait(email="sam@example.org") == timedelta(0)


def test_what_is_forgiven_is_never_less_than_nothing():
    who = lockout.subjects(EMAIL, HOME)
    none = {key: Tries(subject=key, last_at=NOW) for key in who.all()}

    forgiven = list(lockout.forgiven(none, who, NOW))

    assert forgiven == [evolve(t, succeeded_at=NOW) for t in none.values()]


# Who is who


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        pytest.param("192.0.2.1", "192.0.2.2", False, id="neighbours in IPv4"),
        pytest.param("2001:db8::1", "2001:db8:0:0:ffff::9", True, id="one /64"),
        pytest.param("2001:db8::1", "2001:DB8:0::2", True, id="written otherwise"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="the next /64"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", True, id="IPv4 in IPv6"),
        pytest.param("::ffff:192.0.2.1", "::ffff:192.0.2.2", False, id="two of them"),
        pytest.param("::1", "127.0.0.1", False, id="this machine"),
        pytest.param("fe80::1%eth0", "fe80::2%eth1", True, id="with a zone"),
        pytest.param("unix:", "unix:", True, id="no address, the same"),
        pytest.param("unix:a", "unix:b", False, id="no address, two"),
    ],
)
def test_an_address_counts_by_what_one_household_has(one, other, are_one):
    subjects = [lockout.subjects(EMAIL, address) for address in (one, other)]

    assert (subjects[0].address == subjects[1].address) is are_one
    assert (subjects[0].here == subjects[1].here) is are_one
    assert subjects[0].anywhere == subjects[1].anywhere


def test_a_version_6_network_is_no_version_4_address():
    # Both are a number in the end.
    numbered = lockout.subjects(EMAIL, "0:0:0:1::1")

    assert numbered.address != lockout.subjects(EMAIL, "0.0.0.1").address


def test_what_a_try_counts_against_tells_nobody():
    who = lockout.subjects(EMAIL, HOME)

    assert len(set(who.all())) == 3
    for key in who.all():
        assert len(key) == 64
        assert set(key) <= set("0123456789abcdef")
    assert lockout.subjects(EMAIL, None).address is None
    assert len(lockout.subjects(EMAIL, None).all()) == 2
