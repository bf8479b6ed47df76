from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import IPv6Address
from uuid import uuid4

import pytest

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import accounts, users
from clinicflow_core.desk.accounts import ChangePassword, Credentials, SignedIn
from clinicflow_core.entities.ids import SessionId
from clinicflow_core.entities.user import UserStatus
from clinicflow_core.errors import (
    ContentionError,
    GoogleRefusedError,
    InvalidError,
    NotSignedInError,
    StaleVersionError,
    StoreBusyError,
    TooManyTriesError,
    WrongCredentialsError,
)
from tests.builders import PASSWORD, open_clinic, user

NEW_PASSWORD = "quiet winter morning"


def an_address() -> str:
    """Return an address from which nobody ever tried: the stores are shared."""
    return str(IPv6Address(uuid4().int))


@pytest.fixture
def here() -> str:
    return an_address()


@pytest.fixture
def elsewhere() -> str:
    return an_address()


def sign_in(clinic, password=PASSWORD, address=None, email=None) -> SignedIn:
    credentials = Credentials(email=email or clinic.owner.email, password=password)
    return accounts.sign_in(credentials, clinic.store.entrance(), address)


def refresh(signed_in: SignedIn, store) -> SignedIn:
    session = signed_in.session
    return accounts.refresh(session.id, session.refresh_id, store.entrance())


def unit_of_work(signed_in: SignedIn, store):
    return store.unit_of_work(signed_in.clinic.id, signed_in.session.id)


def counts(signed_in: SignedIn, store) -> bool:
    try:
        accounts.me(unit_of_work(signed_in, store))
    except NotSignedInError:
        return False
    return True


def kinds(clinic) -> list[str]:
    with clinic.system() as uow:
        return [event.kind for event in uow.events.of(clinic.owner.id)]


# Going on


def test_a_refresh_token_is_spent_for_a_new_one(clinic):
    first = sign_in(clinic)

    second = refresh(first, clinic.store)
    third = refresh(second, clinic.store)

    assert first.session.id == second.session.id == third.session.id
    spent = {each.session.refresh_id for each in (first, second, third)}
    assert len(spent) == 3
    assert third.session.expires_at == first.session.expires_at
    assert counts(third, clinic.store)


def test_a_spent_refresh_token_ends_the_session_for_everybody(clinic):
    first = sign_in(clinic)
    second = refresh(first, clinic.store)

    with pytest.raises(NotSignedInError):
        refresh(first, clinic.store)

    assert not counts(first, clinic.store)
    with pytest.raises(NotSignedInError):
        refresh(second, clinic.store)
    assert kinds(clinic)[-1] == "user.session-reused"


def test_of_two_who_refresh_at_once_one_is_a_thief(clinic):
    first = sign_in(clinic)
    ready = threading.Barrier(2)

    def go_on(_: int) -> object:
        ready.wait()
        try:
            return refresh(first, clinic.store)
        except NotSignedInError as refused:
            return refused

    with ThreadPoolExecutor() as pool:
        outcomes = {type(each) for each in pool.map(go_on, range(2))}

    assert outcomes == {SignedIn, NotSignedInError}
    assert not counts(first, clinic.store)


def test_another_session_is_not_touched_by_a_thief(clinic):
    mine, stolen = sign_in(clinic), sign_in(clinic)
    refresh(stolen, clinic.store)

    with pytest.raises(NotSignedInError):
        refresh(stolen, clinic.store)

    assert counts(refresh(mine, clinic.store), clinic.store)


def test_a_session_ends_with_its_time(clinic, watch):
    first = sign_in(clinic)
    watch.at += timedelta(days=30)

    with pytest.raises(NotSignedInError):
        refresh(first, clinic.store)


def test_an_unknown_session_does_not_go_on(clinic):
    with pytest.raises(NotSignedInError):
        accounts.refresh(SessionId(uuid4()), uuid4(), clinic.store.entrance())


def test_who_is_inactive_does_not_go_on(clinic):
    first = sign_in(clinic)
    clinic.commit(
        lambda uow: uow.users.save(
            clinic.owner.changed({"status": UserStatus.INACTIVE}, uow.now)
        )
    )

    with pytest.raises(NotSignedInError):
        refresh(first, clinic.store)


# Leaving


def test_who_signs_out_is_signed_out_of_this_session_alone(clinic):
    mine, other = sign_in(clinic), sign_in(clinic)

    accounts.sign_out(unit_of_work(mine, clinic.store))

    assert not counts(mine, clinic.store)
    with pytest.raises(NotSignedInError):
        refresh(mine, clinic.store)
    assert counts(other, clinic.store)
    assert kinds(clinic)[-1] == "user.signed-out"


def test_a_program_has_no_session(clinic):
    uow = clinic.store.unit_of_work(clinic.id, system("kiosk"))

    for act in (accounts.sign_out, accounts.me):
        with pytest.raises(NotSignedInError):
            act(uow)


# Another password


def change_password(clinic, uow, current=PASSWORD, address=None) -> None:
    request = ChangePassword(current_password=current, new_password=NEW_PASSWORD)
    accounts.change_password(request, uow, clinic.store.entrance(), address)


def test_a_changed_password_ends_all_other_sessions(clinic):
    mine, other = sign_in(clinic), sign_in(clinic)

    change_password(clinic, unit_of_work(mine, clinic.store))

    assert counts(refresh(mine, clinic.store), clinic.store)
    assert not counts(other, clinic.store)
    with pytest.raises(WrongCredentialsError):
        sign_in(clinic)
    assert sign_in(clinic, NEW_PASSWORD).user.id == clinic.owner.id
    assert "user.password-changed" in kinds(clinic)


def test_who_does_not_know_the_password_does_not_change_it(clinic, here):
    uow = unit_of_work(sign_in(clinic), clinic.store)

    for _ in range(5):
        with pytest.raises(InvalidError, match="/current_password: is not"):
            change_password(clinic, uow, "not the password", here)
    with pytest.raises(TooManyTriesError):
        change_password(clinic, uow, PASSWORD, here)
    with pytest.raises(TooManyTriesError):
        sign_in(clinic, address=here)


def test_a_password_is_changed_only_if_nobody_else_did(memory, monkeypatch):
    clinic = open_clinic(memory)
    uow = unit_of_work(sign_in(clinic), memory)
    hash_password = accounts.passwords.hash_password

    def slowly(password: str) -> str:
        # Meanwhile the owner gives the account another one.
        changed = clinic.owner.changed({"password_hash": "x"}, uow.now)
        clinic.commit(lambda other: other.users.save(changed))
        return hash_password(password)

    monkeypatch.setattr(accounts.passwords, "hash_password", slowly)

    with pytest.raises(StaleVersionError):
        change_password(clinic, uow)


# Locked out


def fail(clinic, times: int, address: str, email=None) -> None:
    for _ in range(times):
        with pytest.raises(WrongCredentialsError):
            sign_in(clinic, "not the password", address, email)


def test_wrong_tries_lock_out_for_a_growing_time(clinic, watch, here):
    fail(clinic, 5, here)
    waits = []

    for _ in range(8):
        with pytest.raises(TooManyTriesError) as refusal:
            sign_in(clinic, address=here)
        waits.append(refusal.value.seconds)
        watch.at += timedelta(seconds=refusal.value.seconds)
        fail(clinic, 1, here)

    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_who_waited_signs_in_and_starts_anew(clinic, watch, here):
    fail(clinic, 5, here)
    with pytest.raises(TooManyTriesError):
        sign_in(clinic, address=here)

    watch.at += timedelta(seconds=30)

    assert sign_in(clinic, address=here).user == clinic.owner
    fail(clinic, 4, here)
    assert sign_in(clinic, address=here).user == clinic.owner


def test_an_unknown_account_is_locked_out_alike(clinic, here):
    stranger = f"{uuid4()}@example.org"

    fail(clinic, 5, here, stranger)

    with pytest.raises(TooManyTriesError) as refusal:
        sign_in(clinic, address=here, email=stranger.upper())
    assert refusal.value.seconds == 30


def test_many_at_once_gain_nothing(clinic, here):
    ready = threading.Barrier(12)

    def guess(_: int) -> type[Exception]:
        ready.wait()
        try:
            sign_in(clinic, "not the password", here)
        except (WrongCredentialsError, TooManyTriesError) as refused:
            return type(refused)
        raise AssertionError

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(guess, range(12)))

    assert outcomes.count(WrongCredentialsError) == 5
    assert outcomes.count(TooManyTriesError) == 7


def test_nobody_locks_the_owner_out_from_where_they_work(clinic, here, elsewhere):
    sign_in(clinic, address=here)

    for _ in range(10):
        fail(clinic, 2, an_address())
    with pytest.raises(TooManyTriesError):
        sign_in(clinic, address=elsewhere)

    assert sign_in(clinic, address=here).user == clinic.owner


def test_one_address_does_not_try_all_accounts(clinic, here, elsewhere):
    for number in range(50):
        fail(clinic, 1, here, f"{number}-{uuid4()}@example.org")

    with pytest.raises(TooManyTriesError):
        sign_in(clinic, address=here)
    assert sign_in(clinic, address=elsewhere).user == clinic.owner


def test_an_own_account_does_not_buy_more_tries(clinic, here):
    network = here.rpartition(":")[0]
    same_network = (f"{network}:1", f"{network}:2")
    own = user(clinic.id)
    clinic.commit(lambda uow: uow.users.add(own))
    for number in range(50):
        sign_in(clinic, address=same_network[number % 2], email=own.email)
        fail(clinic, 1, same_network[number % 2], f"{number}-{uuid4()}@example.org")

    with pytest.raises(TooManyTriesError):
        sign_in(clinic, address=same_network[0])


def test_tries_are_forgotten_in_time(clinic, watch, here):
    fail(clinic, 4, here)
    watch.at += timedelta(minutes=15)
    fail(clinic, 4, here)

    assert sign_in(clinic, address=here).user == clinic.owner


def test_old_tries_are_not_kept(clinic, watch, here, elsewhere):
    fail(clinic, 1, here)
    watch.at += timedelta(days=91)
    sign_in(clinic, address=elsewhere)

    with clinic.store.entrance() as entrance:
        subject = accounts.lockout.subjects(clinic.owner.email, here).here
        tries = entrance.hold_tries([subject])

    assert tries[subject].failures == 0


def test_a_user_can_be_made_inactive_while_they_sign_in(clinic):
    sam = user(clinic.id)
    clinic.commit(lambda uow: uow.users.add(sam))

    users.change(sam.id, users.ChangeUser(status=UserStatus.INACTIVE), clinic.uow)

    with pytest.raises(WrongCredentialsError):
        sign_in(clinic, email=sam.email)


def test_a_sign_in_that_is_forgiven_late_happens_once(memory, monkeypatch):
    clinic = open_clinic(memory)
    forgiven, calls = accounts.lockout.forgiven, []

    def contended(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise ContentionError(StoreBusyError())
        return forgiven(*arguments)

    monkeypatch.setattr(accounts.lockout, "forgiven", contended)

    sign_in(clinic)

    assert len(calls) == 2
    assert kinds(clinic).count("user.signed-in") == 1


def test_a_right_password_is_no_wrong_try_whatever_follows(memory, here):
    clinic = open_clinic(memory)

    for _ in range(6):
        with (
            pytest.raises(GoogleRefusedError),
            accounts.tried(clinic.owner.email, here, memory.entrance()),
        ):
            raise GoogleRefusedError
