from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.permissions import PERMISSIONS, Part, Permission, system
from clinicflow_core.desk import accounts, users
from clinicflow_core.desk.accounts import (
    ChangeClinic,
    Credentials,
    NewClinic,
    NewOwner,
    SignUp,
)
from clinicflow_core.entities.clinic import ClinicSize
from clinicflow_core.entities.ids import DoctorId, UserId
from clinicflow_core.entities.user import Role, UserStatus
from clinicflow_core.errors import (
    DoctorNotFoundError,
    EmailTakenError,
    NotPermittedError,
    NotSignedInError,
    UserNotFoundError,
    WrongCredentialsError,
)
from clinicflow_core.ports import PageRequest
from tests.builders import NOW, PASSWORD, open_clinic, session, user


def sign_up_request(email=None, **clinic):
    return SignUp(
        clinic=NewClinic(**{"name": "Lake Side"} | clinic),
        owner=NewOwner(
            name="Olive", email=email or f"{uuid4()}@example.org", password=PASSWORD
        ),
    )


def new_user(**fields):
    defaults = {
        "name": "Ada",
        "email": f"{uuid4()}@example.org",
        "role": Role.ADMIN,
        "password": PASSWORD,
    }
    return users.AddUser(**defaults | fields)


def sign_in(email, store, password=PASSWORD):
    return accounts.sign_in(
        Credentials(email=email, password=password), store.entrance()
    )


def add_user(clinic, **fields):
    added = user(clinic.id, **fields)
    with clinic.store.entrance() as entrance:
        entrance.add_user(added)
        entrance.commit()
    return added


# Signing up and in


def test_who_signs_up_owns_a_clinic_and_is_signed_in(store):
    request = sign_up_request(
        timezone="Europe/Vienna",
        clinic_type="dental",
        clinic_size=ClinicSize.SOLO,
        phone="212 555 0147",
    )

    signed_in = accounts.sign_up(request, store.entrance())

    uow = store.unit_of_work(signed_in.clinic.id, signed_in.session.id)
    me = accounts.me(uow)
    assert (me.user, me.clinic) == (signed_in.user, signed_in.clinic)
    assert set(me.permissions) == PERMISSIONS[Part.OWNER]
    assert me.permissions == tuple(sorted(me.permissions, key=lambda p: p.value))
    clinic = accounts.clinic(uow)
    assert (clinic.name, clinic.timezone, clinic.clinic_type, clinic.clinic_size) == (
        "Lake Side",
        "Europe/Vienna",
        "dental",
        ClinicSize.SOLO,
    )
    assert clinic.clinic_metadata == {"phone": "212 555 0147"}
    assert (me.user.role, me.user.status) == (Role.OWNER, UserStatus.ACTIVE)
    assert PASSWORD not in me.user.password_hash
    session = signed_in.session
    assert session.expires_at - session.created_at == timedelta(days=30)
    with uow:
        [event] = uow.events.of(clinic.id)
    assert (event.kind, event.actor, event.facts) == (
        "clinic.signed-up",
        "entrance",
        {},
    )


def test_a_clinic_signs_up_with_a_name_alone(memory):
    clinic = accounts.sign_up(sign_up_request(), memory.entrance()).clinic

    assert (clinic.timezone, clinic.clinic_metadata) == ("America/New_York", {})


def test_a_clinic_can_be_founded_without_accounts(store):
    clinic = accounts.found_clinic(
        NewClinic(name="Lake Side", phone="1"), store.entrance()
    )

    uow = store.unit_of_work(clinic.id, system("embedding"))
    assert accounts.clinic(uow) == clinic
    assert users.page(PageRequest(), uow).items == ()
    with uow:
        [event] = uow.events.of(clinic.id)
    assert (event.kind, event.actor, event.facts) == ("clinic.founded", "entrance", {})


def test_an_email_signs_up_once_in_any_case_and_clinic(store):
    email = f"{uuid4()}@Example.org"
    accounts.sign_up(sign_up_request(email), store.entrance())
    with store.entrance() as entrance:
        before = entrance.clinics()

    with pytest.raises(EmailTakenError):
        accounts.sign_up(sign_up_request(email.upper()), store.entrance())

    with store.entrance() as entrance:
        assert entrance.clinics() == before


def test_who_knows_the_password_signs_in(store):
    clinic = open_clinic(store)

    signed_in = sign_in(clinic.owner.email.upper(), store)

    assert (signed_in.user, signed_in.clinic) == (clinic.owner, clinic.clinic)
    uow = store.unit_of_work(clinic.id, signed_in.session.id)
    assert accounts.me(uow).user == clinic.owner
    with uow:
        assert uow.events.of(clinic.owner.id)[-1].kind == "user.signed-in"


def test_a_wrong_password_does_not_sign_in(clinic):
    with pytest.raises(WrongCredentialsError):
        sign_in(clinic.owner.email, clinic.store, PASSWORD + "!")

    with clinic.uow as uow:
        assert uow.events.of(clinic.owner.id) == ()


def test_an_unknown_email_is_refused_as_a_wrong_password_is(memory):
    clinic = open_clinic(memory)

    with pytest.raises(WrongCredentialsError) as unknown:
        sign_in("nobody@example.org", memory)
    with pytest.raises(WrongCredentialsError) as wrong:
        sign_in(clinic.owner.email, memory, PASSWORD + "!")

    assert str(unknown.value) == str(wrong.value)
    assert unknown.value.args == wrong.value.args


def test_a_closed_account_does_not_sign_in(clinic):
    closed = add_user(clinic, status=UserStatus.INACTIVE)

    with pytest.raises(WrongCredentialsError):
        sign_in(closed.email, clinic.store)


def test_an_account_without_a_password_does_not_sign_in_with_one(clinic):
    google = add_user(clinic, password_hash=None, google_id=str(uuid4()))

    with pytest.raises(WrongCredentialsError):
        sign_in(google.email, clinic.store)


@pytest.mark.parametrize(
    "becomes",
    [None, {"status": UserStatus.INACTIVE}, {"password_hash": "another"}],
    ids=["removed", "closed", "password changed"],
)
def test_an_account_that_changes_while_its_password_is_checked_is_refused(
    memory, becomes
):
    clinic = open_clinic(memory)
    entrance = memory.entrance()
    find_user = entrance.find_user
    asked = []

    def changed_after_the_first_look(email):
        asked.append(email)
        found = find_user(email)
        if len(asked) == 1:
            return found
        return None if becomes is None else evolve(found, **becomes)

    entrance.find_user = changed_after_the_first_look

    with pytest.raises(WrongCredentialsError):
        accounts.sign_in(
            Credentials(email=clinic.owner.email, password=PASSWORD), entrance
        )


@pytest.mark.parametrize(
    "ends", [{"expires_at": NOW}, {"ended_at": NOW}], ids=["expired", "ended"]
)
def test_a_session_that_is_over_does_not_count(clinic, ends):
    over = session(clinic.owner, **ends)
    with clinic.store.entrance() as entrance:
        entrance.add_session(over)
        entrance.commit()

    with pytest.raises(NotSignedInError):
        accounts.me(clinic.store.unit_of_work(clinic.id, over.id))


# Accounts


def test_an_account_is_opened_and_signs_in(store):
    clinic = open_clinic(store)

    ada = users.add(new_user(name="Ada"), clinic.uow)

    assert users.get(ada.id, clinic.uow) == ada
    assert (ada.clinic_id, ada.role, ada.created_at) == (clinic.id, Role.ADMIN, NOW)
    assert sign_in(ada.email, store).user == ada
    with clinic.uow as uow:
        event = uow.events.of(ada.id)[0]
    assert (event.kind, event.user_id) == ("user.added", clinic.owner.id)
    assert event.facts == {"role": "admin"}


def test_accounts_are_listed_by_name(clinic):
    zoe, abe = add_user(clinic, name="Zoe"), add_user(clinic, name="Abe")
    add_user(open_clinic(clinic.store, name="Other"), name="Bob")

    first = users.page(PageRequest(limit=2), clinic.uow)
    rest = users.page(PageRequest(after=first.next, limit=2), clinic.uow)

    assert first.items + rest.items == (abe, clinic.owner, zoe)
    assert rest.next is None


def test_an_email_that_is_taken_anywhere_is_refused(clinic):
    other = open_clinic(clinic.store, name="Other")
    request = new_user(email=other.owner.email.upper())

    with pytest.raises(EmailTakenError):
        users.add(request, clinic.uow)

    assert users.page(PageRequest(), clinic.uow).items == (clinic.owner,)


def test_a_doctors_account_belongs_to_a_doctor_of_the_clinic(clinic):
    other = open_clinic(clinic.store, name="Other")

    mine = users.add(new_user(role=Role.DOCTOR, doctor_id=clinic.doctor.id), clinic.uow)

    assert mine.doctor_id == clinic.doctor.id
    for nobody in (DoctorId(uuid4()), other.doctor.id):
        with pytest.raises(DoctorNotFoundError):
            users.add(new_user(role=Role.DOCTOR, doctor_id=nobody), clinic.uow)


def test_only_a_doctors_account_has_a_diary():
    with pytest.raises(ValueError, match="only the doctor role"):
        new_user(role=Role.ADMIN, doctor_id=DoctorId(uuid4()))


@pytest.mark.parametrize("role", Role)
def test_an_admin_sees_accounts_and_opens_none(memory, role):
    clinic = open_clinic(memory)
    admin = clinic.by(Role.ADMIN)

    with pytest.raises(NotPermittedError, match="manage accounts"):
        users.add(new_user(role=role), admin)

    assert users.get(clinic.owner.id, admin) == clinic.owner
    assert len(users.page(PageRequest(), admin).items) == 2


def test_a_doctor_manages_no_accounts(memory):
    clinic = open_clinic(memory)
    uow = clinic.by(Role.DOCTOR)
    acts = [
        lambda: users.add(new_user(), uow),
        lambda: users.get(clinic.owner.id, uow),
        lambda: users.page(PageRequest(), uow),
    ]

    for act in acts:
        with pytest.raises(NotPermittedError, match="accounts"):
            act()
    assert Permission.KEEP_USERS not in accounts.me(uow).permissions


def test_another_clinics_account_is_not_there(clinic):
    other = open_clinic(clinic.store, name="Other")

    for key in (UserId(uuid4()), other.owner.id):
        with pytest.raises(UserNotFoundError):
            users.get(key, clinic.uow)


# The clinic


def test_an_owner_changes_the_clinic(clinic):
    changed = accounts.change_clinic(
        ChangeClinic(timezone="Europe/Vienna", clinic_metadata={"beds": 3}), clinic.uow
    )

    assert changed == evolve(
        clinic.clinic,
        timezone="Europe/Vienna",
        clinic_metadata={"beds": 3},
        version=2,
    )
    assert accounts.clinic(clinic.uow) == changed
    with clinic.uow as uow:
        event = uow.events.of(clinic.id)[-1]
    assert event.kind == "clinic.changed"
    assert event.facts == {"fields": ["clinic_metadata", "timezone"]}


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DOCTOR])
def test_nobody_else_changes_the_clinic(memory, role):
    clinic = open_clinic(memory)
    uow = clinic.by(role)

    with pytest.raises(NotPermittedError):
        accounts.change_clinic(ChangeClinic(name="Mine"), uow)

    assert accounts.clinic(uow) == clinic.clinic


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (NewClinic, {"name": " "}, "must not be blank"),
        (NewClinic, {"name": "A", "timezone": "Mars/Base"}, "not an IANA time zone"),
        (ChangeClinic, {"timezone": "EST6"}, "not an IANA time zone"),
        (NewOwner, {"name": "A", "email": "a@b.org", "password": "short"}, "at least"),
        (
            NewOwner,
            {"name": "A", "email": "a@b.org", "password": "ä" * 40},
            "at most 72 bytes",
        ),
        (NewOwner, {"name": "A", "email": "a", "password": PASSWORD}, "e-mail"),
        (Credentials, {"email": "a@b.org", "password": "x" * 1001}, "at most 1000"),
    ],
)
def test_requests_must_make_sense(make, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(**wrong)


def test_what_is_said_of_requests_in_a_log_is_not_private():
    requests = [
        sign_up_request("MARKER@example.org", phone="MARKER"),
        Credentials(email="MARKER@example.org", password="MARKER MARKER"),
        new_user(name="MARKER", password="MARKER MARKER"),
    ]

    assert "MARKER" not in repr(requests)
    assert PASSWORD not in repr(requests)
