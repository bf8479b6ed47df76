from __future__ import annotations

import pytest

from clinicflow_core.intake.questions import (
    About,
    asks_for_names,
    question_in,
    says_no,
    says_yes,
)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("Are you allergic to anything?", About.ALLERGIES),
        ("Any medicine you can't take?", About.ALLERGIES),
        ("What happens when you take it?", About.REACTION),
        ("How much do you take?", About.DOSE),
        ("What medications are you on?", About.MEDICATIONS),
        ("What are you taking for your allergies?", About.MEDICATIONS),
        ("Any drug intolerances?", About.ALLERGIES),
        ("Who prescribes it?", About.MEDICATIONS),
        ("How do you control your diabetes?", About.MEDICATIONS),
        ("Do you use recreational drugs?", About.ELSE),
        ("Can I take a look?", About.ELSE),
        ("How old are you?", About.ELSE),
    ],
)
def test_a_question_is_about_what_it_asks(text, about):
    question = question_in(text, names_any=False)

    assert question is not None
    assert question.about is about


def test_whether_a_drug_helps_takes_for_granted_that_it_is_taken():
    question = question_in("Is the Lexapro helping?", names_any=True)

    assert question is not None
    assert question.about is About.MEDICATIONS
    assert question.is_given


@pytest.mark.parametrize(
    "text",
    ["Okay.", "Are you sure?", "I see. Anything else?", "To what?", "Let me add it"],
)
def test_small_talk_leaves_the_question_open(text):
    assert question_in(text, names_any=False) is None


@pytest.mark.parametrize(
    ("text", "is_general"),
    [
        ("Any allergies?", True),
        ("Allergies?", True),
        ("Do you take any medications?", True),
        ("Any other medications?", False),
        ("Do you take any vitamins?", False),
        ("Did you take your medication today?", False),
        ("Do you take anything for the pain?", False),
    ],
)
def test_a_no_denies_all_only_where_all_was_asked(text, is_general):
    question = question_in(text, names_any=False)

    assert question is not None
    assert question.is_general is is_general


@pytest.mark.parametrize(
    ("text", "is_negative"),
    [
        ("So you take no medications?", True),
        ("You are not allergic to anything?", True),
        ("Aren't you allergic to anything?", False),
        ("Are you allergic to anything?", False),
    ],
)
def test_a_yes_to_a_no_is_told_from_a_yes(text, is_negative):
    question = question_in(text, names_any=False)

    assert question is not None
    assert question.is_negative is is_negative


@pytest.mark.parametrize(
    "text",
    ["Yes", "Oh yes, I do.", "Yeah.", "Uh huh", "That's right", "I do", "Sometimes"],
)
def test_a_yes_is_a_yes_in_many_words(text):
    assert says_yes(text)
    assert not says_no(text)


@pytest.mark.parametrize(
    "text",
    [
        "No",
        "Nope, nothing.",
        "Not that I know of",
        "None",
        "I don't",
        "I do not",
        "I'm fine",
        "Um, no.",
        "I don't know of any",
    ],
)
def test_a_no_is_a_no_in_many_words(text):
    assert says_no(text)
    assert not says_yes(text)


@pytest.mark.parametrize("text", ["I'm not sure", "I don't know", "Penicillin", "Why?"])
def test_other_replies_are_neither(text):
    assert not says_no(text)
    assert not says_yes(text)


def test_a_clinician_may_ask_for_names():
    assert asks_for_names("Do you know their names?")
    assert not asks_for_names("What is your name?")
