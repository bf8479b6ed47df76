from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import actor_of
from clinicflow_core.entities.ids import ClinicId, SessionId
from clinicflow_core.entities.user import Role, User, UserStatus
from clinicflow_core.errors import (
    ClinicNotFoundError,
    ContentionError,
    EmailTakenError,
    GoogleTakenError,
    NotSignedInError,
    StaleVersionError,
)
from clinicflow_core.ports import Store
from tests.builders import (
    NOW,
    OpenClinic,
    Watch,
    session,
    user,
)
from tests.builders import (
    clinic as a_clinic,
)


def sign_up(store: Store, email: str, name: str = "Hill Road Clinic") -> None:
    opened = a_clinic(name)
    with store.entrance() as entrance:
        entrance.add_clinic(opened)
        entrance.add_user(user(opened.id, email))
        entrance.commit()


def test_a_clinic_that_was_signed_up_is_there(store: Store) -> None:
    opened = a_clinic()
    owner = user(opened.id)

    with store.entrance() as entrance:
        assert entrance.now == NOW
        entrance.add_clinic(opened)
        entrance.add_user(owner)
        assert entrance.get_clinic(opened.id) == opened
        assert entrance.find_user(owner.email) == owner
        entrance.commit()

    with store.entrance() as entrance:
        assert entrance.get_clinic(opened.id) == opened
        assert entrance.find_user(owner.email) == owner
        assert opened in entrance.clinics()


def test_a_sign_up_that_was_not_committed_leaves_nothing(store: Store) -> None:
    opened = a_clinic()
    owner = user(opened.id)

    with store.entrance() as entrance:
        entrance.add_clinic(opened)
        entrance.add_user(owner)
        entrance.add_session(session(owner))
        entrance.record(opened.id, "clinic.signed-up", opened)
        assert entrance.find_user(owner.email) == owner

    with store.entrance() as entrance:
        assert entrance.find_user(owner.email) is None
        assert opened not in entrance.clinics()
        with pytest.raises(ClinicNotFoundError):
            entrance.get_clinic(opened.id)


def test_a_refused_sign_up_leaves_nothing(clinic: OpenClinic) -> None:
    name = f"Clinic {uuid4()}"

    with pytest.raises(EmailTakenError):
        sign_up(clinic.store, clinic.owner.email, name)

    with clinic.store.entrance() as entrance:
        assert name not in [found.name for found in entrance.clinics()]
        assert entrance.find_user(clinic.owner.email) == clinic.owner


def test_the_entrance_can_be_used_again(store: Store) -> None:
    entrance = store.entrance()
    left, kept = a_clinic(), a_clinic()

    with entrance:
        entrance.add_clinic(left)
    with entrance:
        entrance.add_clinic(kept)
        entrance.commit()

    with entrance:
        found = entrance.clinics()
    assert kept in found
    assert left not in found


def test_the_clinic_of_nobody_is_not_found(store: Store) -> None:
    unknown = ClinicId(uuid4())

    with store.entrance() as entrance, pytest.raises(ClinicNotFoundError) as refused:
        entrance.get_clinic(unknown)

    assert refused.value.record_id == unknown


def test_what_happens_at_the_entrance_is_in_the_trail(clinic: OpenClinic) -> None:
    with clinic.store.entrance() as entrance:
        entrance.record(clinic.id, "user.signed-in", clinic.owner, {"tries": 2})
        entrance.record(clinic.id, "user.greeted", clinic.owner)
        entrance.commit()

    with clinic.uow as uow:
        first, second = uow.events.of(clinic.owner.id)
    assert (first.kind, first.actor, first.user_id, first.at, first.facts) == (
        "user.signed-in",
        "entrance",
        None,
        NOW,
        {"tries": 2},
    )
    assert (second.kind, second.facts) == ("user.greeted", {})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("olive@{}.org", "olive@{}.org", id="the same"),
        pytest.param("olive@{}.org", "OLIVE@{}.ORG", id="in capitals"),
        pytest.param("Émile@{}.org", "émile@{}.org", id="with an accent"),
        pytest.param("STRASSE@{}.org", "straße@{}.org", id="a sharp s"),
    ],
)
def test_an_e_mail_belongs_to_one_account_in_any_clinic(
    first: str, second: str, store: Store
) -> None:
    domain = uuid4()
    sign_up(store, first.format(domain))

    with pytest.raises(EmailTakenError):
        sign_up(store, second.format(domain))

    with store.entrance() as entrance:
        found = entrance.find_user(second.format(domain))
    assert found is not None
    assert found.email == first.format(domain)


def test_an_e_mail_is_taken_for_accounts_within_a_clinic_too(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    with pytest.raises(EmailTakenError):
        clinic.commit(
            lambda uow: uow.users.add(user(clinic.id, other.owner.email.upper()))
        )

    with clinic.uow as uow:
        assert uow.users.get(clinic.owner.id) == clinic.owner


def test_an_e_mail_that_nobody_has_finds_nobody(store: Store) -> None:
    with store.entrance() as entrance:
        assert entrance.find_user(f"{uuid4()}@example.org") is None
        assert entrance.find_user("") is None


def enter(clinic: OpenClinic, session_id: SessionId) -> None:
    with clinic.store.unit_of_work(clinic.id, session_id):
        pass


def test_a_session_that_nobody_began_does_not_count(clinic: OpenClinic) -> None:
    with pytest.raises(NotSignedInError):
        enter(clinic, SessionId(uuid4()))


@pytest.mark.parametrize(
    "left",
    [timedelta(microseconds=1), timedelta(hours=8)],
    ids=["a microsecond left", "hours left"],
)
def test_a_session_counts_until_it_expires(
    left: timedelta, clinic: OpenClinic, watch: Watch
) -> None:
    began = session(clinic.owner, expires_at=NOW + timedelta(hours=8))
    with clinic.store.entrance() as entrance:
        entrance.add_session(began)
        entrance.commit()

    watch.at = began.expires_at - left
    enter(clinic, began.id)
    watch.at = began.expires_at
    with pytest.raises(NotSignedInError):
        enter(clinic, began.id)


def test_a_session_that_was_ended_does_not_count(clinic: OpenClinic) -> None:
    ended = session(clinic.owner, ended_at=datetime(2100, 1, 1, tzinfo=UTC))
    with clinic.store.entrance() as entrance:
        entrance.add_session(ended)
        entrance.commit()

    with pytest.raises(NotSignedInError):
        enter(clinic, ended.id)


def test_an_account_that_was_closed_cannot_act(clinic: OpenClinic) -> None:
    closed = user(clinic.id, status=UserStatus.INACTIVE)
    began = session(closed)
    with clinic.store.entrance() as entrance:
        entrance.add_user(closed)
        entrance.add_session(began)
        entrance.commit()

    with pytest.raises(NotSignedInError):
        enter(clinic, began.id)


@pytest.mark.parametrize("role", Role)
def test_a_session_acts_with_the_role_of_its_account(
    role: Role, clinic: OpenClinic
) -> None:
    doctor_id = clinic.doctor.id if role is Role.DOCTOR else None
    account = user(clinic.id, role=role, doctor_id=doctor_id)
    began = session(account)
    with clinic.store.entrance() as entrance:
        entrance.add_user(account)
        entrance.add_session(began)
        entrance.commit()

    with clinic.store.unit_of_work(clinic.id, began.id) as uow:
        assert uow.actor == actor_of(account, began.id)


# Signing in with Google


def add(clinic: OpenClinic, added: User) -> None:
    with clinic.store.entrance() as entrance:
        entrance.add_user(added)
        entrance.commit()


def save(clinic: OpenClinic, changed: User) -> None:
    with clinic.store.entrance() as entrance:
        entrance.save_user(changed)
        entrance.commit()


def test_an_account_is_found_by_its_google_sign_in_exactly(
    clinic: OpenClinic,
) -> None:
    name = f"Google-{uuid4()}"
    added = user(clinic.id, google_id=name, password_hash=None)

    with clinic.store.entrance() as entrance:
        entrance.add_user(added)
        assert entrance.hold_google_user(name) == added
        entrance.commit()

    with clinic.store.entrance() as entrance:
        assert entrance.hold_google_user(name) == added
        assert entrance.hold_google_user(name.lower()) is None
        assert entrance.hold_google_user("") is None


def test_a_google_sign_in_belongs_to_one_account(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    name = f"google-{uuid4()}"
    first = user(clinic.id, google_id=name)
    add(clinic, first)
    second = user(other.id, google_id=name)

    with pytest.raises(GoogleTakenError):
        add(clinic, second)
    with pytest.raises(GoogleTakenError):
        save(clinic, other.owner.linked(name, NOW))

    with clinic.store.entrance() as entrance:
        assert entrance.hold_google_user(name) == first
        assert entrance.find_user(second.email) is None
        assert entrance.find_user(other.owner.email) == other.owner


def test_an_account_that_was_changed_is_found_as_it_is_now(
    clinic: OpenClinic,
) -> None:
    old, new = (f"google-{uuid4()}" for _ in range(2))
    added = user(clinic.id, google_id=old)
    email = f"New-{added.email}"
    changed = added.changed({"email": email, "google_id": new}, NOW)

    with clinic.store.entrance() as entrance:
        entrance.add_user(added)
        entrance.save_user(changed)
        entrance.commit()

    with clinic.store.entrance() as entrance:
        assert entrance.find_user(email) == changed
        assert entrance.hold_google_user(new) == changed
        assert entrance.find_user(added.email) is None
        assert entrance.hold_google_user(old) is None


def test_a_changed_account_takes_no_other_ones_email(
    clinic: OpenClinic, other: OpenClinic
) -> None:
    taken = clinic.owner.changed({"email": other.owner.email.upper()}, NOW)

    with pytest.raises(EmailTakenError):
        save(clinic, taken)

    with clinic.store.entrance() as entrance:
        assert entrance.find_user(clinic.owner.email) == clinic.owner


@pytest.mark.parametrize("version", [1, 3])
def test_an_account_that_changed_meanwhile_is_not_overwritten(
    clinic: OpenClinic, version: int
) -> None:
    stale = evolve(clinic.owner, name="Stale", version=version)

    with pytest.raises(ContentionError) as refused:
        save(clinic, stale)

    assert type(refused.value.refusal) is StaleVersionError
    with clinic.store.entrance() as entrance:
        assert entrance.find_user(clinic.owner.email) == clinic.owner


def test_an_account_that_is_not_there_is_not_saved(clinic: OpenClinic) -> None:
    nobody = user(clinic.id, version=2)

    with pytest.raises(ContentionError):
        save(clinic, nobody)

    with clinic.store.entrance() as entrance:
        assert entrance.find_user(nobody.email) is None


def test_no_session_begins_after_all_were_ended(clinic: OpenClinic) -> None:
    begun = session(clinic.owner)
    told = threading.Event()

    def deactivate() -> None:
        told.wait()
        with clinic.unit_of_work() as uow:
            uow.users.save(uow.users.get(clinic.owner.id).changed({}, NOW))
            uow.users.end_sessions(clinic.owner.id)
            uow.commit()

    with ThreadPoolExecutor() as pool:
        deactivated = pool.submit(deactivate)
        with clinic.store.entrance() as entrance:
            assert entrance.hold_user(clinic.owner.email) == clinic.owner
            told.set()
            time.sleep(0.2)  # They would be done by now, unless they must wait.
            entrance.add_session(begun)
            entrance.commit()
        deactivated.result()

    with (
        pytest.raises(NotSignedInError),
        clinic.store.unit_of_work(clinic.id, begun.id),
    ):
        pass


def test_an_account_that_is_not_there_is_not_held(store: Store) -> None:
    with store.entrance() as entrance:
        assert entrance.hold_user(f"{uuid4()}@example.org") is None
