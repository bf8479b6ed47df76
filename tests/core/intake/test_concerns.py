from __future__ import annotations

import pytest

from clinicflow_core.entities.summary import Topic
from clinicflow_core.intake.concerns import LONGEST, MOST_FROM_TALK
from tests.core.intake.saying import free, talk, told


def concerns(*statements):
    return told(*statements).get("patient_concerns", [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("headaches", ["headaches"]),
        ("I've been having headaches for two weeks", ["headaches for two weeks"]),
        ("Hi doctor, I have a bad cough.", ["cough"]),
        ("Knee pain. Also a rash!", ["Knee pain", "Also a rash"]),
        ("Annual check-up", ["Annual check-up"]),
        ("No", []),
        ("None", []),
        ("   ", []),
        ("No energy, tired all day", ["No energy, tired all day"]),
        ("?!", []),
        ("Is my pill safe for the baby?", ["Is my pill safe for the baby?"]),
        ("Is it the flu?! I am tired.", ["Is it the flu?", "I am tired"]),
    ],
)
def test_the_reason_for_a_visit_is_a_concern_in_the_patients_words(text, found):
    assert concerns(free(text, topic=Topic.REASON)) == found


def test_a_long_concern_ends_between_two_words():
    (found,) = concerns(free("pain " * 60, topic=Topic.CONCERNS))

    assert len(found) <= LONGEST
    assert found.endswith("pain")


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(
            ["What brings you in?", "I've been having headaches, but not today."],
            ["headaches"],
            id="up to the next clause",
        ),
        pytest.param(
            ["How are you?", "My knee hurts."], ["My knee hurts"], id="a part"
        ),
        pytest.param(["How can I help?", "I have two kids."], [], id="no complaint"),
        pytest.param(["How are you?", "I have no pain."], [], id="denied"),
        pytest.param(
            ["What is wrong?", "My mother said I have a cough."], [], id="of others"
        ),
        pytest.param(["How are you?", "Do I have a cough?"], [], id="a question"),
        pytest.param(["How old are you?", "I have a cough."], [], id="not asked"),
        pytest.param(["Hello.", "Good morning."], [], id="a greeting"),
    ],
)
def test_a_talk_names_its_complaints_where_it_is_asked_for_them(turns, found):
    assert concerns(talk(*turns)) == found


def test_a_talk_has_a_few_concerns_at_most():
    turns = ["What is wrong?", "I have a cough. I have a rash."] * MOST_FROM_TALK

    found = concerns(talk(*(f"{turn} {n}" for n, turn in enumerate(turns))))

    assert len(found) <= MOST_FROM_TALK


def test_other_free_text_is_no_concern():
    assert concerns(free("I have a cough.")) == []
