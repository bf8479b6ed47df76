from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from attrs import evolve

from clinicflow_core.accounts.google import Identity, Step
from clinicflow_core.desk import accounts, google
from clinicflow_core.desk.accounts import NewClinic
from clinicflow_core.entities.clinic import Clinic
from clinicflow_core.entities.user import Role, User, UserStatus
from clinicflow_core.errors import (
    EmailTakenError,
    GoogleRefusedError,
    GoogleTakenError,
    WrongCredentialsError,
)
from tests.builders import PASSWORD, open_clinic, user

ELM = NewClinic(name="Elm", clinic_type="dental", phone="555 0100")


def identity(**fields):
    key = uuid4()
    return Identity(
        **{"google_id": f"google-{key}", "email": f"{key}@example.org"} | fields
    )


def add_user(clinic, **fields):
    added = user(clinic.id, **fields)
    with clinic.store.entrance() as entrance:
        entrance.add_user(added)
        entrance.commit()
    return added


def stored(clinic, of):
    with clinic.uow as uow:
        return uow.users.get(of.id)


def events(clinic, of):
    with clinic.uow as uow:
        return [
            (event.kind, event.actor, event.facts) for event in uow.events.of(of.id)
        ]


# Signing in


def test_who_is_known_signs_in(clinic):
    gwen = identity()
    known = add_user(clinic, google_id=gwen.google_id, password_hash=None)

    signed_in = google.sign_in(gwen, clinic.store.entrance())

    assert (signed_in.user, signed_in.clinic) == (known, clinic.clinic)
    uow = clinic.store.unit_of_work(clinic.id, signed_in.session.id)
    assert accounts.me(uow).user == known
    assert events(clinic, known) == [("user.signed-in", "entrance", {"by": "google"})]


def test_a_closed_account_does_not_sign_in(clinic):
    gwen = identity()
    closed = add_user(clinic, google_id=gwen.google_id, status=UserStatus.INACTIVE)

    with pytest.raises(WrongCredentialsError):
        google.sign_in(gwen, clinic.store.entrance())

    assert events(clinic, closed) == []


def test_who_is_not_known_is_told_what_comes_next(clinic):
    gwen, entrance = identity(), clinic.store.entrance()

    assert google.sign_in(gwen, entrance) is Step.SIGN_UP
    namesake = add_user(clinic, email=gwen.email.upper())
    assert google.sign_in(gwen, entrance) is Step.LINK
    assert (stored(clinic, namesake), events(clinic, namesake)) == (namesake, [])


@pytest.mark.parametrize("has_account", [True, False])
def test_without_a_verified_e_mail_there_is_no_next_step(clinic, has_account):
    if has_account:
        add_user(clinic, email=f"{uuid4()}@example.org")

    with pytest.raises(GoogleRefusedError):
        google.sign_in(identity(email=None), clinic.store.entrance())


# Linking


def test_a_password_links_its_account(clinic):
    gwen = identity()
    existing = add_user(clinic, email=gwen.email)

    signed_in = google.link(gwen, PASSWORD, clinic.store.entrance())

    assert signed_in.user == stored(clinic, existing)
    assert signed_in.user == existing.linked(gwen.google_id, signed_in.user.updated_at)
    assert google.sign_in(gwen, clinic.store.entrance()).user == signed_in.user
    assert events(clinic, existing) == [
        ("user.google-linked", "entrance", {}),
        ("user.signed-in", "entrance", {}),
        ("user.signed-in", "entrance", {"by": "google"}),
    ]


def test_the_password_still_signs_in_after_linking(clinic):
    gwen = identity()
    add_user(clinic, email=gwen.email)
    google.link(gwen, PASSWORD, clinic.store.entrance())

    again = google.link(gwen, PASSWORD, clinic.store.entrance())

    assert again.user.version == 2


@pytest.mark.parametrize(
    ("fields", "password"),
    [
        ({}, PASSWORD + "!"),
        ({"status": UserStatus.INACTIVE}, PASSWORD),
        ({"password_hash": None, "google_id": "one"}, PASSWORD),
    ],
    ids=["wrong password", "closed", "no password"],
)
def test_who_does_not_prove_the_account_links_nothing(clinic, fields, password):
    gwen = identity()
    if "google_id" in fields:
        fields = {**fields, "google_id": f"google-{uuid4()}"}
    existing = add_user(clinic, email=gwen.email, **fields)

    with pytest.raises(WrongCredentialsError):
        google.link(gwen, password, clinic.store.entrance())

    assert (stored(clinic, existing), events(clinic, existing)) == (existing, [])


def test_an_account_with_another_google_sign_in_keeps_it(clinic):
    gwen = identity()
    existing = add_user(clinic, email=gwen.email, google_id=f"google-{uuid4()}")

    with pytest.raises(GoogleRefusedError):
        google.link(gwen, PASSWORD, clinic.store.entrance())

    assert (stored(clinic, existing), events(clinic, existing)) == (existing, [])


def test_a_google_sign_in_that_was_taken_meanwhile_links_nothing(clinic):
    gwen = identity()
    existing = add_user(clinic, email=gwen.email)
    add_user(clinic, google_id=gwen.google_id)

    with pytest.raises(GoogleTakenError):
        google.link(gwen, PASSWORD, clinic.store.entrance())

    assert (stored(clinic, existing), events(clinic, existing)) == (existing, [])


def test_an_identity_without_an_e_mail_links_nothing(memory):
    with pytest.raises(GoogleRefusedError):
        google.link(identity(email=None), PASSWORD, memory.entrance())


# Signing up


def test_a_clinic_is_founded_by_an_owner_without_a_password(store):
    gwen = identity(name="Gwen Quill")

    signed_in = google.sign_up(gwen, ELM, store.entrance())

    owner, clinic = signed_in.user, signed_in.clinic
    assert (owner.email, owner.name, owner.role) == (
        gwen.email,
        "Gwen Quill",
        Role.OWNER,
    )
    assert (owner.google_id, owner.password_hash) == (gwen.google_id, None)
    assert (clinic.clinic_type, clinic.clinic_metadata) == (
        "dental",
        {"phone": "555 0100"},
    )
    uow = store.unit_of_work(clinic.id, signed_in.session.id)
    assert accounts.me(uow).user == owner
    with uow:
        [event] = uow.events.of(clinic.id)
    assert (event.kind, event.actor, event.facts) == (
        "clinic.signed-up",
        "entrance",
        {"by": "google"},
    )


def test_an_owner_without_a_name_is_called_by_the_e_mail(memory):
    gwen = identity(email="gwen.quill@example.org")

    assert google.sign_up(gwen, ELM, memory.entrance()).user.name == "gwen.quill"


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (lambda first: first, GoogleTakenError),
        (lambda first: evolve(first, email=f"{uuid4()}@example.org"), GoogleTakenError),
        (lambda first: evolve(first, google_id=f"g-{uuid4()}"), EmailTakenError),
        (lambda first: evolve(first, email=None), GoogleRefusedError),
    ],
    ids=["twice", "same person", "same e-mail", "no e-mail"],
)
def test_a_refused_sign_up_founds_nothing(store, second, error):
    first = identity()
    google.sign_up(first, ELM, store.entrance())
    with store.entrance() as entrance:
        before = entrance.clinics()

    with pytest.raises(error):
        google.sign_up(second(first), ELM, store.entrance())

    with store.entrance() as entrance:
        assert entrance.clinics() == before


def test_one_of_many_sign_ups_at_once_founds_a_clinic(store):
    gwen = identity()
    start = threading.Barrier(4)

    def founded(_):
        start.wait()
        try:
            return google.sign_up(gwen, ELM, store.entrance()).clinic
        except (GoogleTakenError, EmailTakenError) as refused:
            return refused

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(founded, range(4)))

    [clinic] = [o for o in outcomes if isinstance(o, Clinic)]
    assert google.sign_in(gwen, store.entrance()).clinic == clinic


def test_one_of_two_accounts_is_linked_at_once(store):
    # Two accounts that both prove themselves for one Google account.
    clinic = open_clinic(store)
    google_id = f"google-{uuid4()}"
    people = [add_user(clinic) for _ in range(2)]
    start = threading.Barrier(2)

    def linked(account):
        gwen = Identity(google_id=google_id, email=account.email)
        start.wait()
        try:
            return google.link(gwen, PASSWORD, store.entrance()).user
        except GoogleTakenError as refused:
            return refused

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(linked, people))

    assert {type(outcome) for outcome in outcomes} == {User, GoogleTakenError}
