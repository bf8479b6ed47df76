from __future__ import annotations

import pytest

from clinicflow_core.intake.negation import LONGEST_SCOPE, is_negated


def negates(text, mention):
    start = text.index(mention)
    return is_negated(text, start, start + len(mention))


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("no chest pain", "chest pain"),
        ("denies fever, chills or chest pain", "chest pain"),
        ("I don't have any chest pain", "chest pain"),
        ("I don\u2019t have any chest pain", "chest pain"),
        ("never had a rash", "rash"),
        ("I take aspirin, not Tylenol", "Tylenol"),
        ("without fever", "fever"),
        ("chest pain: no", "chest pain"),
        ("chest pain was denied", "chest pain"),
        ("neither penicillin nor sulfa", "sulfa"),
    ],
)
def test_what_is_said_not_to_be_so_is_negated(text, mention):
    assert negates(text, mention)


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("I have chest pain", "chest pain"),
        ("No, I have chest pain", "chest pain"),
        ("No. Chest pain", "Chest pain"),
        ("no fever but chest pain", "chest pain"),
        ("no pain and I take aspirin", "aspirin"),
        ("I take aspirin, not Tylenol", "aspirin"),
        ("not only aspirin", "aspirin"),
        ("I no longer take metformin", "metformin"),
        ("Nah, just peanuts", "peanuts"),
        ("pain: no doubt", "pain"),
    ],
)
def test_a_negation_ends_with_its_clause(text, mention):
    assert not negates(text, mention)


def test_a_negation_does_not_reach_across_a_long_text():
    text = f"no {'word ' * (LONGEST_SCOPE // 5)}pain"

    assert not negates(text, "pain")
