from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from clinicflow_core.intake.links import (
    TOKEN_LENGTH,
    clinic_of,
    hash_of,
    new_token,
    receipt_for,
)

CLINIC = UUID("0190d5f0-7a61-7d3e-9c8b-3f2a4d5e6f70")


def test_a_token_names_its_clinic_and_nothing_else():
    token = new_token(CLINIC)

    assert clinic_of(token) == CLINIC
    assert len(token) == TOKEN_LENGTH


def test_no_two_tokens_are_alike():
    # The first 16 bytes are the clinic's: 21 letters, and a bit more.
    assert len({new_token(CLINIC)[22:] for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A" * (TOKEN_LENGTH - 1),
        "A" * (TOKEN_LENGTH + 1),
        "=" * TOKEN_LENGTH,
        "A" * (TOKEN_LENGTH - 1) + "=",
        "/" * TOKEN_LENGTH,
        "\u0661" * TOKEN_LENGTH,
        "A" * (TOKEN_LENGTH - 1) + "\n",
    ],
)
def test_what_is_no_token_names_no_clinic(token):
    assert clinic_of(token) is None


def test_a_token_is_kept_under_its_hash():
    token = new_token(uuid4())

    kept = hash_of(token)

    assert kept == hash_of(token)
    assert len(kept) == 64
    assert token not in kept


def test_a_receipt_tells_answers_apart_and_not_their_order():
    one = receipt_for({"a": 1, "b": [True, None]})

    assert receipt_for({"b": [True, None], "a": 1}) == one
    assert receipt_for({"a": 1, "b": [None, True]}) != one
    assert receipt_for({"a": True, "b": [True, None]}) != one
