from __future__ import annotations

from clinicflow_core.accounts.keys import Purpose, key_for

SECRET = "a secret that only these tests know of"


def test_each_purpose_has_a_key_of_its_own() -> None:
    keys = {key_for(purpose, SECRET) for purpose in Purpose}

    assert len(keys) == len(Purpose)
    assert {len(key) for key in keys} == {32}


def test_another_secret_makes_another_key() -> None:
    assert key_for(Purpose.ACCESS, SECRET) != key_for(Purpose.ACCESS, SECRET + "!")
