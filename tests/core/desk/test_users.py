from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts import passwords
from clinicflow_core.desk import accounts, doctors, users
from clinicflow_core.desk.users import AddUser, ChangeUser
from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.user import Role, User, UserStatus
from clinicflow_core.errors import (
    DoctorNotFoundError,
    EmailTakenError,
    InvalidError,
    LastOwnerError,
    NotPermittedError,
    NotSignedInError,
    StaleVersionError,
    UserNotFoundError,
    WrongCredentialsError,
)
from tests.builders import NOW, PASSWORD, OpenClinic, open_clinic, session, user

NEW_PASSWORD = "quiet winter morning"


def add(clinic: OpenClinic, **fields) -> User:
    """Store one more account, past all rules."""
    added = user(clinic.id, **fields)
    clinic.commit(lambda uow: uow.users.add(added))
    return added


def signed_in(clinic: OpenClinic, who: User):
    """Return a unit of work of somebody who is signed in."""
    begun = session(who)
    with clinic.store.entrance() as entrance:
        entrance.add_session(begun)
        entrance.commit()
    return clinic.store.unit_of_work(clinic.id, begun.id)


def sign_in(email, password, clinic):
    credentials = accounts.Credentials(email=email, password=password)
    return accounts.sign_in(credentials, clinic.store.entrance())


def test_every_fact_of_an_account_can_be_changed(clinic, watch):
    sam = add(clinic, role=Role.ADMIN)
    watch.at = NOW + timedelta(hours=1)
    email = f"{uuid4()}@example.org"

    changed = users.change(
        sam.id,
        ChangeUser(
            name="Sam Sol",
            email=email,
            role=Role.DOCTOR,
            doctor_id=clinic.doctor.id,
            password=NEW_PASSWORD,
        ),
        clinic.uow,
    )

    assert changed == evolve(
        sam,
        name="Sam Sol",
        email=email,
        role=Role.DOCTOR,
        doctor_id=clinic.doctor.id,
        password_hash=changed.password_hash,
        version=2,
        updated_at=watch.at,
    )
    assert passwords.matches(NEW_PASSWORD, changed.password_hash)
    assert users.get(sam.id, clinic.uow) == changed
    with clinic.uow as uow:
        event = uow.events.of(sam.id)[-1]
    assert (event.kind, event.facts) == (
        "user.changed",
        {
            "fields": ["doctor_id", "email", "name", "password", "role"],
            "role": "doctor",
        },
    )


def test_a_doctors_record_names_the_account_whose_diary_it_is(clinic):
    chens = users.add(
        AddUser(
            name="Sarah Chen",
            email=f"{uuid4()}@example.org",
            role=Role.DOCTOR,
            doctor_id=clinic.doctor.id,
            password=PASSWORD,
        ),
        clinic.uow,
    )

    second = add(clinic, role=Role.DOCTOR)
    users.change(second.id, ChangeUser(doctor_id=clinic.doctor.id), clinic.uow)

    assert doctors.get(clinic.doctor.id, clinic.uow).user_id == chens.id


def test_who_is_a_doctor_no_more_has_no_diary(clinic):
    chen = add(clinic, role=Role.DOCTOR, doctor_id=clinic.doctor.id)

    changed = users.change(chen.id, ChangeUser(role=Role.ADMIN), clinic.uow)

    assert (changed.role, changed.doctor_id) == (Role.ADMIN, None)


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.ADMIN, ChangeUser(doctor_id=DoctorId(uuid4()))),
        (Role.DOCTOR, ChangeUser(role=Role.OWNER, doctor_id=DoctorId(uuid4()))),
    ],
    ids=["an admin", "who becomes an owner"],
)
def test_only_a_doctor_gets_a_diary(memory, role, wanted):
    clinic = open_clinic(memory)
    sam = add(clinic, role=role)

    with pytest.raises(InvalidError, match="/doctor_id: only the doctor role"):
        users.change(sam.id, wanted, clinic.uow)

    assert users.get(sam.id, clinic.uow) == sam


def test_a_diary_is_of_a_doctor_of_the_clinic(clinic):
    other = open_clinic(clinic.store, name="Other")
    chen = add(clinic, role=Role.DOCTOR)

    for nobody in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            users.change(chen.id, ChangeUser(doctor_id=nobody), clinic.uow)


def test_an_email_that_is_taken_anywhere_is_not_taken_over(clinic):
    other = open_clinic(clinic.store, name="Other")
    sam = add(clinic)

    with pytest.raises(EmailTakenError):
        users.change(sam.id, ChangeUser(email=other.owner.email.upper()), clinic.uow)

    assert users.get(sam.id, clinic.uow) == sam
    same = users.change(sam.id, ChangeUser(email=sam.email.upper()), clinic.uow)
    assert same.email == sam.email.upper()


def test_an_account_is_changed_only_as_it_was_seen(clinic):
    sam = add(clinic, role=Role.ADMIN)

    users.change(sam.id, ChangeUser(name="Sam"), clinic.uow, version=1)

    with pytest.raises(StaleVersionError):
        users.change(sam.id, ChangeUser(name="Sol"), clinic.uow, version=1)
    assert users.get(sam.id, clinic.uow).name == "Sam"


@pytest.mark.parametrize(
    "wanted",
    [ChangeUser(role=Role.ADMIN), ChangeUser(status=UserStatus.INACTIVE)],
    ids=["demoted", "deactivated"],
)
class TestTheLastOwner:
    def test_stays(self, clinic, wanted):
        add(clinic, role=Role.OWNER, status=UserStatus.INACTIVE)
        add(clinic, role=Role.ADMIN)
        add(open_clinic(clinic.store, name="Other"), role=Role.OWNER)

        with pytest.raises(LastOwnerError):
            users.change(clinic.owner.id, wanted, clinic.uow)

        assert users.get(clinic.owner.id, clinic.uow) == clinic.owner

    def test_may_go_when_there_is_another(self, clinic, wanted):
        add(clinic, role=Role.OWNER)

        changed = users.change(clinic.owner.id, wanted, clinic.uow)

        assert not changed.is_active_owner

    def test_stays_when_two_send_each_other_away(self, clinic, wanted):
        second = add(clinic, role=Role.OWNER)
        ready = threading.Barrier(2)

        def send_away(who: UserId, uow) -> object:
            ready.wait()
            try:
                return users.change(who, wanted, uow)
            except (LastOwnerError, NotPermittedError, NotSignedInError) as refused:
                return refused

        with ThreadPoolExecutor() as pool:
            one = pool.submit(send_away, second.id, clinic.unit_of_work())
            other = pool.submit(send_away, clinic.owner.id, signed_in(clinic, second))
            outcomes = [one.result(), other.result()]

        assert len([each for each in outcomes if isinstance(each, User)]) == 1
        with clinic.system() as uow:
            assert len(uow.users.hold_owners()) == 1


def test_a_demotion_counts_at_once(clinic):
    sam = add(clinic, role=Role.OWNER)
    uow = signed_in(clinic, sam)
    users.get(sam.id, uow)

    users.change(sam.id, ChangeUser(role=Role.DOCTOR), clinic.uow)

    with pytest.raises(NotPermittedError):
        users.get(sam.id, uow)


@pytest.mark.parametrize(
    "wanted",
    [ChangeUser(status=UserStatus.INACTIVE), ChangeUser(password=NEW_PASSWORD)],
    ids=["deactivated", "another password"],
)
def test_who_is_sent_away_is_signed_out_for_good(clinic, wanted):
    sam = add(clinic, role=Role.ADMIN)
    uow = signed_in(clinic, sam)
    accounts.me(uow)

    users.change(sam.id, wanted, clinic.uow)

    with pytest.raises(NotSignedInError):
        accounts.me(uow)
    users.change(sam.id, ChangeUser(status=UserStatus.ACTIVE), clinic.uow)
    with pytest.raises(NotSignedInError):
        accounts.me(uow)


def test_who_is_inactive_does_not_sign_in(clinic):
    sam = add(clinic, role=Role.ADMIN)

    users.change(sam.id, ChangeUser(status=UserStatus.INACTIVE), clinic.uow)

    with pytest.raises(WrongCredentialsError):
        sign_in(sam.email, PASSWORD, clinic)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_only_an_owner_changes_accounts(memory, role):
    clinic = open_clinic(memory)

    with pytest.raises(NotPermittedError, match="manage accounts"):
        users.change(clinic.owner.id, ChangeUser(name="Me"), clinic.by(role))

    assert users.get(clinic.owner.id, clinic.uow) == clinic.owner


@pytest.mark.parametrize(
    "act",
    [
        users.get,
        lambda key, uow: users.change(key, ChangeUser(name="Me"), uow),
    ],
    ids=["get", "change"],
)
def test_another_clinics_account_is_not_there(
    act: Callable[[UserId, object], object], clinic
):
    other = open_clinic(clinic.store, name="Other")

    for key in (UserId(uuid4()), other.owner.id):
        with pytest.raises(UserNotFoundError):
            act(key, clinic.uow)
    assert users.get(other.owner.id, other.uow) == other.owner


def test_an_account_that_gets_another_diary_is_named_by_that_doctor_alone(clinic):
    colleague = clinic.add_doctor("Dr. Omar Haddad")
    sam = add(clinic, role=Role.DOCTOR)
    users.change(sam.id, ChangeUser(doctor_id=clinic.doctor.id), clinic.uow)

    users.change(sam.id, ChangeUser(doctor_id=colleague.id), clinic.uow)

    assert doctors.get(clinic.doctor.id, clinic.uow).user_id is None
    assert doctors.get(colleague.id, clinic.uow).user_id == sam.id


def test_a_doctor_who_names_another_account_goes_on_naming_it(clinic):
    first = add(clinic, role=Role.DOCTOR)
    users.change(first.id, ChangeUser(doctor_id=clinic.doctor.id), clinic.uow)
    second = add(clinic, role=Role.DOCTOR, doctor_id=clinic.doctor.id)

    users.change(second.id, ChangeUser(doctor_id=None), clinic.uow)

    assert doctors.get(clinic.doctor.id, clinic.uow).user_id == first.id


def test_an_account_outlives_its_doctor(clinic):
    leaving = clinic.add_doctor("Dr. Omar Haddad")
    sam = add(clinic, role=Role.DOCTOR)
    users.change(sam.id, ChangeUser(doctor_id=leaving.id), clinic.uow)

    doctors.remove(leaving.id, clinic.uow)

    assert users.get(sam.id, clinic.uow).doctor_id is None
    users.change(sam.id, ChangeUser(name="Sam"), clinic.uow)


def test_nobody_sets_their_own_password_without_the_current_one(memory):
    clinic = open_clinic(memory)

    with pytest.raises(InvalidError, match="/password: is changed with the current"):
        users.change(clinic.owner.id, ChangeUser(password=NEW_PASSWORD), clinic.uow)

    assert users.get(clinic.owner.id, clinic.uow) == clinic.owner
