"""Accounts, their sessions, and the tries to sign in to them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.lockout import Tries
from clinicflow_core.entities.ids import SessionId, UserId
from clinicflow_core.entities.user import Role, Session, User, UserStatus
from clinicflow_core.errors import (
    ClinicNotFoundError,
    ContentionError,
    EmailTakenError,
    NotSignedInError,
    StaleVersionError,
    UserNotFoundError,
)
from clinicflow_core.ports import Store
from tests.builders import NOW, OpenClinic, Watch, session, user
from tests.contract.conftest import side_by_side

MOMENT = 0.2
"""Seconds in which whoever need not wait is long done."""

WAIT_SECONDS = 30


def add_user(clinic: OpenClinic, **fields: object) -> User:
    added = user(clinic.id, **fields)
    clinic.commit(lambda uow: uow.users.add(added))
    return added


def begin(clinic: OpenClinic, who: User, **fields: object) -> Session:
    begun = session(who, **fields)
    with clinic.store.entrance() as entrance:
        entrance.add_session(begun)
        entrance.commit()
    return begun


def stored(store: Store, session_id: SessionId) -> Session | None:
    with store.entrance() as entrance:
        return entrance.hold_session(session_id)


# Accounts


def test_a_changed_account_is_kept_as_it_is(clinic: OpenClinic) -> None:
    sam = add_user(clinic, role=Role.ADMIN)
    changed = sam.changed(
        {
            "name": "Sam Sól",
            "email": f"New-{sam.email}",
            "role": Role.DOCTOR,
            "doctor_id": clinic.doctor.id,
            "status": UserStatus.INACTIVE,
            "password_hash": None,
            "google_id": f"google-{uuid4()}",
        },
        NOW + timedelta(hours=1),
    )

    with clinic.uow as uow:
        uow.users.save(changed)
        assert uow.users.get(sam.id) == changed
        uow.commit()

    with clinic.uow as uow:
        assert uow.users.get(sam.id) == changed
    with clinic.store.entrance() as entrance:
        assert entrance.get_user(sam.id) == changed
        assert entrance.find_user(changed.email.upper()) == changed
        assert entrance.find_user(sam.email) is None


def test_a_change_of_an_account_that_is_not_committed_is_none(
    clinic: OpenClinic,
) -> None:
    with clinic.uow as uow:
        uow.users.save(clinic.owner.changed({"name": "Other"}, NOW))

    with clinic.uow as uow:
        assert uow.users.get(clinic.owner.id) == clinic.owner


@pytest.mark.parametrize("version", [1, 3], ids=["the same", "one too many"])
def test_a_stale_account_is_not_saved(clinic: OpenClinic, version: int) -> None:
    stale = evolve(clinic.owner, name="Stale", version=version)

    with pytest.raises(ContentionError) as refused:
        clinic.commit(lambda uow: uow.users.save(stale))

    assert isinstance(refused.value.refusal, StaleVersionError)
    with clinic.uow as uow:
        assert uow.users.get(clinic.owner.id) == clinic.owner


def test_an_account_that_nobody_opened_is_not_saved(clinic: OpenClinic) -> None:
    nobody = user(clinic.id, version=2)

    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: uow.users.save(nobody))

    with clinic.uow as uow, pytest.raises(UserNotFoundError):
        uow.users.get(nobody.id)


def test_a_changed_account_takes_no_others_e_mail(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    taken = clinic.owner.changed({"email": other.owner.email.upper()}, NOW)

    with pytest.raises(EmailTakenError):
        clinic.commit(lambda uow: uow.users.save(taken))

    with clinic.uow as uow:
        assert uow.users.get(clinic.owner.id) == clinic.owner


def test_an_account_keeps_its_e_mail_in_another_case(clinic: OpenClinic) -> None:
    shouted = clinic.owner.changed({"email": clinic.owner.email.upper()}, NOW)

    clinic.commit(lambda uow: uow.users.save(shouted))

    with clinic.uow as uow:
        assert uow.users.get(clinic.owner.id) == shouted


def test_a_clinic_changes_no_account_of_another(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    theirs = other.owner.changed({"name": "Mine"}, NOW)
    moved = evolve(theirs, clinic_id=clinic.id)

    with pytest.raises(ClinicNotFoundError):
        clinic.commit(lambda uow: uow.users.save(theirs))
    with pytest.raises(ContentionError):
        clinic.commit(lambda uow: uow.users.save(moved))

    with other.uow as uow:
        assert uow.users.get(other.owner.id) == other.owner


def test_the_entrance_finds_the_accounts_of_all_clinics(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    unknown = UserId(uuid4())

    with clinic.store.entrance() as entrance:
        assert entrance.get_user(clinic.owner.id) == clinic.owner
        assert entrance.get_user(other.owner.id) == other.owner
        with pytest.raises(UserNotFoundError) as refused:
            entrance.get_user(unknown)
    assert refused.value.record_id == unknown


# Owners


def test_the_active_owners_of_the_clinic_are_held(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    second, third = add_user(clinic), add_user(clinic)
    add_user(clinic, status=UserStatus.INACTIVE)
    add_user(clinic, role=Role.ADMIN)

    with clinic.uow as uow:
        owners = uow.users.hold_owners()

    wanted = (clinic.owner, second, third)
    assert owners == tuple(sorted(wanted, key=lambda owner: owner.id))
    with other.uow as uow:
        assert uow.users.hold_owners() == (other.owner,)


def test_a_clinic_without_an_owner_has_none(clinic: OpenClinic) -> None:
    demoted = clinic.owner.changed({"role": Role.ADMIN}, NOW)

    with clinic.system() as uow:
        uow.users.save(demoted)
        assert uow.users.hold_owners() == ()


def test_who_holds_the_owners_holds_them_alone(clinic: OpenClinic) -> None:
    seen: list[str] = []

    def look() -> None:
        with clinic.system() as uow:
            seen.extend(owner.name for owner in uow.users.hold_owners())

    with ThreadPoolExecutor() as pool:
        with clinic.unit_of_work() as uow:
            uow.users.hold_owners()
            looking = pool.submit(look)
            time.sleep(MOMENT)
            assert not looking.done()
            uow.users.save(clinic.owner.changed({"name": "Renamed"}, NOW))
            uow.commit()
        looking.result()

    assert seen == ["Renamed"]


@side_by_side
def test_the_owners_of_another_clinic_wait_for_nobody(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    def look() -> None:
        with other.system() as uow:
            uow.users.hold_owners()

    with ThreadPoolExecutor() as pool, clinic.unit_of_work() as uow:
        uow.users.hold_owners()
        pool.submit(look).result(WAIT_SECONDS)


# Sessions


def counts(clinic: OpenClinic, session_id: SessionId) -> bool:
    try:
        with clinic.store.unit_of_work(clinic.id, session_id):
            return True
    except NotSignedInError:
        return False


def test_a_session_is_found_as_it_began(clinic: OpenClinic) -> None:
    begun = begin(clinic, clinic.owner)

    assert stored(clinic.store, begun.id) == begun
    assert stored(clinic.store, SessionId(uuid4())) is None


def test_a_session_keeps_its_newest_refresh_token(clinic: OpenClinic) -> None:
    begun = begin(clinic, clinic.owner)
    next_id = uuid4()

    with clinic.store.entrance() as entrance:
        held = entrance.hold_session(begun.id)
        assert held == begun
        entrance.save_session(evolve(held, refresh_id=next_id))
        entrance.commit()

    assert stored(clinic.store, begun.id) == evolve(begun, refresh_id=next_id)
    assert counts(clinic, begun.id)


def test_a_session_that_is_saved_as_ended_counts_no_more(clinic: OpenClinic) -> None:
    begun, other_one = begin(clinic, clinic.owner), begin(clinic, clinic.owner)

    with clinic.store.entrance() as entrance:
        held = entrance.hold_session(begun.id)
        assert held is not None
        entrance.save_session(evolve(held, ended_at=entrance.now))
        entrance.commit()

    assert not counts(clinic, begun.id)
    assert counts(clinic, other_one.id)


def test_what_is_not_committed_of_a_session_is_not_kept(clinic: OpenClinic) -> None:
    begun = begin(clinic, clinic.owner)

    with clinic.store.entrance() as entrance:
        entrance.save_session(evolve(begun, refresh_id=uuid4(), ended_at=NOW))
    with clinic.uow as uow:
        uow.users.end_session(begun.id)
        uow.users.end_sessions(clinic.owner.id)

    assert stored(clinic.store, begun.id) == begun


def test_who_holds_a_session_holds_it_alone(clinic: OpenClinic) -> None:
    begun, next_id = begin(clinic, clinic.owner), uuid4()

    with ThreadPoolExecutor() as pool:
        with clinic.store.entrance() as entrance:
            held = entrance.hold_session(begun.id)
            assert held is not None
            looking = pool.submit(stored, clinic.store, begun.id)
            time.sleep(MOMENT)
            assert not looking.done()
            entrance.save_session(evolve(held, refresh_id=next_id))
            entrance.commit()
        seen = looking.result()

    assert seen == evolve(begun, refresh_id=next_id)


def test_one_session_is_ended(clinic: OpenClinic, watch: Watch) -> None:
    mine, other_one = begin(clinic, clinic.owner), begin(clinic, clinic.owner)
    watch.at = NOW + timedelta(minutes=1)

    clinic.commit(lambda uow: uow.users.end_session(mine.id))

    assert stored(clinic.store, mine.id) == evolve(mine, ended_at=watch.at)
    assert stored(clinic.store, other_one.id) == other_one
    assert not counts(clinic, mine.id)


def test_all_sessions_of_an_account_are_ended(clinic: OpenClinic, watch: Watch) -> None:
    sam, kim = add_user(clinic), add_user(clinic)
    first, second = begin(clinic, sam), begin(clinic, sam)
    kims = begin(clinic, kim)
    watch.at = NOW + timedelta(minutes=1)

    clinic.commit(lambda uow: uow.users.end_sessions(sam.id))

    for each in (first, second):
        assert stored(clinic.store, each.id) == evolve(each, ended_at=watch.at)
    assert stored(clinic.store, kims.id) == kims


def test_all_sessions_but_ones_own_are_ended(clinic: OpenClinic) -> None:
    sam = add_user(clinic)
    own, other_one = begin(clinic, sam), begin(clinic, sam)

    clinic.commit(lambda uow: uow.users.end_sessions(sam.id, but=own.id))

    assert counts(clinic, own.id)
    assert not counts(clinic, other_one.id)


def test_a_session_ends_once(clinic: OpenClinic, watch: Watch) -> None:
    sam = add_user(clinic)
    ended = begin(clinic, sam, ended_at=NOW)
    watch.at = NOW + timedelta(minutes=1)

    clinic.commit(
        lambda uow: uow.users.end_session(ended.id),
        lambda uow: uow.users.end_sessions(sam.id),
    )

    assert stored(clinic.store, ended.id) == ended


def test_a_clinic_ends_no_session_of_another(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    theirs = begin(other, other.owner)

    clinic.commit(
        lambda uow: uow.users.end_session(theirs.id),
        lambda uow: uow.users.end_sessions(other.owner.id),
    )

    assert stored(other.store, theirs.id) == theirs
    assert counts(other, theirs.id)


# Tries


def subjects(count: int = 1) -> tuple[str, ...]:
    return tuple(f"subject-{uuid4()}" for _ in range(count))


def tries(store: Store, *keys: str) -> dict[str, Tries]:
    with store.entrance() as entrance:
        return dict(entrance.hold_tries(keys))


def keep(store: Store, *several: Tries) -> None:
    with store.entrance() as entrance:
        entrance.hold_tries([each.subject for each in several])
        for each in several:
            entrance.save_tries(each)
        entrance.commit()


def failed(subject: str, **fields: object) -> Tries:
    defaults = {
        "subject": subject,
        "failures": 7,
        "last_at": NOW - timedelta(seconds=5),
        "blocked_until": NOW + timedelta(minutes=2),
        "succeeded_at": NOW - timedelta(days=1),
    }
    return Tries(**defaults | fields)


def test_who_never_tried_has_no_tries(store: Store) -> None:
    one, two, three = subjects(3)

    found = tries(store, two, one, three)

    assert found == {key: Tries(subject=key, last_at=NOW) for key in (one, two, three)}


def test_tries_are_kept_for_each_subject(store: Store) -> None:
    one, two, three = subjects(3)
    first, second = failed(one), failed(two, blocked_until=None, succeeded_at=None)

    keep(store, first, second)

    new = Tries(subject=three, last_at=NOW)
    assert tries(store, three, two, one) == {one: first, two: second, three: new}


def test_tries_that_are_kept_again_are_as_they_are_now(store: Store) -> None:
    [key] = subjects()
    keep(store, failed(key))
    anew = Tries(subject=key, failures=0, last_at=NOW)

    keep(store, anew)

    assert tries(store, key) == {key: anew}


def test_tries_that_are_not_committed_are_none(store: Store) -> None:
    [key] = subjects()

    with store.entrance() as entrance:
        entrance.hold_tries([key])
        entrance.save_tries(failed(key))

    assert tries(store, key) == {key: Tries(subject=key, last_at=NOW)}


def test_old_tries_are_forgotten(store: Store) -> None:
    old, last, new = subjects(3)
    before = NOW - timedelta(days=90)
    keep(
        store,
        failed(old, last_at=before - timedelta(microseconds=1)),
        failed(last, last_at=before),
        failed(new),
    )

    with store.entrance() as entrance:
        entrance.forget_tries(before)
        entrance.commit()

    found = tries(store, old, last, new)
    assert [found[key].failures for key in (old, last, new)] == [0, 7, 7]


def test_tries_are_counted_by_one_at_a_time(store: Store) -> None:
    [key] = subjects()
    ready = threading.Barrier(8)

    def try_once(_: int) -> None:
        ready.wait(30)
        with store.entrance() as entrance:
            found = entrance.hold_tries([key])[key]
            time.sleep(0.01)  # All have read by now, unless they must wait.
            entrance.save_tries(evolve(found, failures=found.failures + 1))
            entrance.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(try_once, range(8)))

    assert tries(store, key)[key].failures == 8


def test_whoever_holds_tries_in_another_order_waits_and_does_not_fail(
    store: Store,
) -> None:
    keys = subjects(6)
    ready = threading.Barrier(6)

    def try_once(number: int) -> None:
        mine = [*keys[number:], *keys[:number]]
        ready.wait(30)
        with store.entrance() as entrance:
            for found in entrance.hold_tries(mine).values():
                entrance.save_tries(evolve(found, failures=found.failures + 1))
            entrance.commit()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(try_once, range(6)))

    assert {each.failures for each in tries(store, *keys).values()} == {6}


@side_by_side
def test_tries_of_others_wait_for_nobody(store: Store) -> None:
    one, two = subjects(2)

    with ThreadPoolExecutor() as pool, store.entrance() as entrance:
        entrance.hold_tries([one])
        pool.submit(tries, store, two).result(WAIT_SECONDS)


# The trail


def test_the_links_of_the_trail_come_in_parts_by_record_and_position(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    records = [clinic.owner, clinic.doctor, clinic.patient]
    for number in range(3):
        with clinic.unit_of_work() as uow:
            for record in records:
                uow.record(f"seen.{number}", record)
            uow.commit()
    with other.unit_of_work() as uow:
        uow.record("seen", other.owner)
        uow.commit()

    with clinic.system() as uow:
        whole = uow.events.links(None, 100)
        first = uow.events.links(None, 4)
        last = first[-1]
        rest = uow.events.links((last.event.record_id, last.position), 100)
        end = uow.events.links((whole[-1].event.record_id, whole[-1].position), 100)

    assert (len(whole), len(first), end) == (9, 4, ())
    assert first + rest == whole
    places = [(link.event.record_id, link.position) for link in whole]
    assert places == sorted(places)
    assert {record_id for record_id, _ in places} == {each.id for each in records}
    for record in records:
        chain = [link for link in whole if link.event.record_id == record.id]
        kinds = [link.event.kind for link in chain]
        assert kinds == ["seen.0", "seen.1", "seen.2"]
