from __future__ import annotations

import bcrypt
import pytest

from clinicflow_core.accounts import passwords
from clinicflow_core.accounts.passwords import hash_password, matches, strong


@pytest.fixture
def quick_passwords():
    """Here passwords are hashed as they are in the clinic."""


def quick_hash(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        pytest.param("", "at least 12 bytes", id="empty"),
        pytest.param("x" * 11, "at least 12 bytes", id="11 bytes"),
        pytest.param("quiet harbor", None, id="12 bytes"),
        pytest.param("ä" * 5 + "x", "at least 12 bytes", id="11 bytes, 6 letters"),
        pytest.param("äöüßñé", None, id="12 bytes, 6 letters"),
        pytest.param("x" * 72, None, id="72 bytes"),
        pytest.param("x" * 73, "at most 72 bytes", id="73 bytes"),
        pytest.param("ä" * 36, None, id="72 bytes, 36 letters"),
        pytest.param("ä" * 36 + "x", "at most 72 bytes", id="73 bytes, 37 letters"),
        pytest.param("x" * 69 + "😀", "at most 72 bytes", id="73 bytes, an emoji"),
    ],
)
def test_a_password_has_12_to_72_bytes(password, complaint):
    if complaint is None:
        strong(None, None, password)
    else:
        with pytest.raises(ValueError, match=complaint):
            strong(None, None, password)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password123!",
        "123456789012",
        "qwertyuiop12",
        "iloveyou1234",
        "passwordpassword",
        "aaaaaaaaaaaa",
        "administrator",
        "letmeinletmein",
    ],
)
def test_a_password_that_many_people_have_is_refused(password):
    with pytest.raises(ValueError, match="too common"):
        strong(None, None, password)


def test_only_the_password_itself_matches_its_hash():
    password_hash = hash_password("correct horse battery")

    assert matches("correct horse battery", password_hash)
    assert not matches("correct horse batterY", password_hash)
    assert not matches("", password_hash)


def test_two_hashes_of_one_password_differ_and_cost_the_same():
    first, second = hash_password("x" * 12), hash_password("x" * 12)

    assert first != second
    assert first[:7] == second[:7] == "$2b$12$"


@pytest.mark.parametrize("longer", ["x" * 73, "x" * 72 + "y" * 900])
def test_nothing_is_cut_off_a_password_that_is_too_long(longer):
    assert matches("x" * 72, quick_hash("x" * 72))
    assert not matches(longer, quick_hash("x" * 72))


def test_letters_of_several_bytes_are_not_cut_in_the_middle():
    assert matches("ä" * 36, quick_hash("ä" * 36))
    assert not matches("x" + "ä" * 36, quick_hash("x" + "ä" * 35))


@pytest.mark.parametrize("password", ["", "correct horse battery", "x" * 100])
def test_without_a_hash_nothing_matches(password):
    assert not matches(password, None)


def test_an_unknown_account_costs_as_much_as_a_known_one():
    made_up = passwords._NOBODYS_HASH

    assert made_up[:7] == hash_password("correct horse battery")[:7]
    assert len(made_up) == len(hash_password("correct horse battery"))
    assert bcrypt.checkpw(b"anything", made_up.encode()) is False
