from __future__ import annotations

from uuid import UUID

import pytest

from clinicflow_core.accounts.google import (
    GOOGLE,
    Identity,
    Step,
    identity_of,
    next_step,
)
from clinicflow_core.entities.ids import ClinicId
from clinicflow_core.entities.user import UserStatus
from clinicflow_core.errors import GoogleRefusedError, WrongCredentialsError
from tests.builders import NOW, user

CLINIC = ClinicId(UUID(int=1))
CLAIMS = {
    "sub": "1029384756",
    "email": "gwen@example.org",
    "email_verified": True,
    "name": "Gwen Quill",
}
GWEN = Identity(google_id="1029384756", email="gwen@example.org", name="Gwen Quill")


def test_google_names_people_by_its_subjects():
    assert identity_of(GOOGLE, CLAIMS) == GWEN


def test_another_provider_is_no_google():
    identity = identity_of("https://id.example.org", CLAIMS)

    assert identity.google_id == "https://id.example.org#1029384756"


@pytest.mark.parametrize("subject", [None, "", 7, "x" * 256, "a b", "1\n", "\u0661"])
def test_a_subject_is_visible_ascii(subject):
    with pytest.raises(ValueError, match=r"subject|ASCII"):
        identity_of(GOOGLE, {**CLAIMS, "sub": subject})


def test_without_claims_there_is_nobody():
    with pytest.raises(ValueError, match="subject"):
        identity_of(GOOGLE, {})


@pytest.mark.parametrize("verified", [False, "true", "True", 1, None])
def test_only_a_plain_yes_verifies_an_e_mail(verified):
    identity = identity_of(GOOGLE, {**CLAIMS, "email_verified": verified})

    assert identity.email is None


@pytest.mark.parametrize("address", [None, 7, "gwen", "gwen@", "a@b.org\n", "x" * 300])
def test_what_is_no_e_mail_is_left_out(address):
    assert identity_of(GOOGLE, {**CLAIMS, "email": address}).email is None


@pytest.mark.parametrize("name", [None, 7, "", " ", "G\nQ", "x" * 256])
def test_what_is_no_name_is_left_out(name):
    assert identity_of(GOOGLE, {**CLAIMS, "name": name}).name is None


def test_an_identity_does_not_show_itself():
    assert repr(GWEN) == "Identity()"


def test_a_known_identity_signs_in_whatever_its_e_mail():
    known = user(CLINIC, google_id=GWEN.google_id)

    assert next_step(GWEN, known, None) is Step.SIGN_IN
    assert next_step(Identity(google_id="1029384756"), known, None) is Step.SIGN_IN


def test_a_closed_account_stays_closed():
    known = user(CLINIC, google_id=GWEN.google_id, status=UserStatus.INACTIVE)

    with pytest.raises(WrongCredentialsError):
        next_step(GWEN, known, None)


def test_the_account_with_a_verified_e_mail_can_be_linked():
    assert next_step(GWEN, None, user(CLINIC, GWEN.email)) is Step.LINK


def test_nobodys_verified_e_mail_can_sign_up():
    assert next_step(GWEN, None, None) is Step.SIGN_UP


@pytest.mark.parametrize(
    ("identity", "namesake"),
    [
        (Identity(google_id="1"), None),
        (Identity(google_id="1"), user(CLINIC)),
        (GWEN, user(CLINIC, GWEN.email, google_id="another")),
    ],
    ids=["unverified", "unverified, with an account", "linked to another"],
)
def test_all_else_is_refused_alike(identity, namesake):
    with pytest.raises(GoogleRefusedError):
        next_step(identity, None, namesake)


def test_an_account_is_linked_to_one_google_account():
    linked = user(CLINIC).linked("one", NOW)

    assert (linked.google_id, linked.version) == ("one", 2)
    with pytest.raises(GoogleRefusedError):
        linked.linked("two", NOW)
