from __future__ import annotations

import pytest

from clinicflow_core.entities.summary import Source, Topic
from clinicflow_core.intake.drugs import find_drugs
from clinicflow_core.intake.extractive import digest_of
from clinicflow_core.intake.flags import harms_unborn, red_flags
from tests.core.intake.saying import entry, free, talk, told

ITEM_9 = "Thoughts that you would be better off dead, or of hurting yourself"


def flags(*statements):
    return told(*statements).get("red_flags", [])


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("I have chest pain since yesterday.", "Chest pain"),
        ("I get short of breath lying down.", "Shortness of breath"),
        ("I can\u2019t breathe at night.", "Shortness of breath"),
        ("Sometimes I want to kill myself.", "Suicidal thoughts"),
        ("I am afraid to hurt my baby.", "Thoughts of harming others"),
        ("It is the worst headache of my life.", "Worst headache"),
        ("Her face is drooping.", "Drooping face"),
        ("There was blood in my stool.", "Blood in the stool"),
        ("My throat is closing.", "Anaphylaxis"),
        ("I passed out twice.", "Fainting"),
    ],
)
def test_what_needs_a_look_at_once_is_flagged(text, flag):
    assert flags(free(text)) == [flag]


@pytest.mark.parametrize(
    "text",
    [
        "No chest pain.",
        "I deny fever, cough and chest pain.",
        "My father had chest pain.",
        "I used to have seizures.",
        "Do you think it is a seizure?",
    ],
)
def test_what_is_denied_past_or_of_others_is_not_flagged(text):
    assert flags(free(text)) == []


def test_a_yes_to_a_question_flags_what_it_asks():
    chest = "Have you had chest pain?"

    assert flags(free("Yes", chest)) == ["Chest pain"]
    assert flags(free("No", chest)) == []


@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("Several days", True),
        ("Nearly every day", True),
        ("2", True),
        ("Not at all", False),
        ("0", False),
    ],
)
def test_any_answer_but_not_at_all_to_item_9_is_flagged(text, flagged):
    found = flags(free(text, ITEM_9))

    assert found == ["Suicidal thoughts", "Self-harm"] * flagged


def test_any_answer_but_no_to_a_question_of_safety_is_flagged():
    asked = "Have you been hurting yourself?"

    assert flags(free("It is complicated", asked, topic=Topic.SAFETY)) == ["Self-harm"]
    assert flags(free("Never", asked, topic=Topic.SAFETY)) == []


def test_a_flag_of_a_talk_shows_question_and_reply():
    (found,) = red_flags(talk("Any chest pain?", "Yes, a bit."))

    assert found.sources == (
        Source("/talk", "Any chest pain?"),
        Source("/talk", "Yes, a bit."),
    )


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param(["Any chest pain?", "No."], [], id="denied"),
        pytest.param(
            ["You've been short of breath.", "Yes."], ["Shortness of breath"], id="told"
        ),
        pytest.param(["Chest pain is a risk.", "Yes."], [], id="of nobody"),
        pytest.param(["Any chest pain?", "Why?", "Okay.", "Yes."], [], id="dropped"),
    ],
)
def test_a_question_counts_for_the_reply_to_it(turns, found):
    assert flags(talk(*turns)) == found


def test_a_flag_that_comes_up_twice_stands_once_with_both_sources():
    (found,) = digest_of([free("Chest pain today. Chest pain at night.")]).red_flags

    assert [source.words for source in found.sources] == [
        "Chest pain today.",
        "Chest pain at night.",
    ]


def test_a_flag_that_comes_up_all_the_time_shows_where_it_came_up_first():
    said = free(" ".join(f"Chest pain on day {n}." for n in range(9)))

    (found,) = digest_of([said]).red_flags

    assert [source.words for source in found.sources] == [
        "Chest pain on day 0.",
        "Chest pain on day 1.",
        "Chest pain on day 2.",
    ]


@pytest.mark.parametrize(
    ("text", "question", "topic"),
    [
        pytest.param("Yes", "Are you pregnant?", None, id="asked"),
        pytest.param("Yes", "Expecting?", Topic.PREGNANCY, id="by topic"),
        pytest.param("I am 20 weeks pregnant.", "Anything else?", None, id="told"),
    ],
)
def test_a_pregnancy_is_a_note_and_flags_harmful_drugs(text, question, topic):
    pregnant = free(text, question, topic=topic)
    coumadin = entry(Topic.MEDICATIONS, name="Coumadin", dose="5 mg")

    found = told(pregnant, *coumadin)

    assert found["notes"] == ["Pregnant"]
    assert found["red_flags"] == ["Pregnant and takes Coumadin"]


@pytest.mark.parametrize(
    "statement",
    [
        free("No", "Are you pregnant?"),
        free("I am not pregnant."),
        free("I am trying to get pregnant."),
        talk("Are you pregnant?", "No."),
        talk("Is she pregnant?", "What?", "How old are you?", "Yes."),
        free("Yes", "Are you breastfeeding?", topic=Topic.PREGNANCY),
        free("Yes", "Are you pregnant or breastfeeding?", topic=Topic.PREGNANCY),
        free("Yes", "Have you ever been pregnant?", topic=Topic.PREGNANCY),
        free("Yes", "Are you planning to become pregnant?"),
        talk("Are you pregnant or nursing?", "Yes."),
    ],
)
def test_who_is_not_pregnant_is_warned_of_nothing(statement):
    found = told(statement, *entry(Topic.MEDICATIONS, name="Coumadin"))

    assert "red_flags" not in found


def test_a_pregnancy_of_a_talk_shows_question_and_reply():
    found = digest_of([talk("Okay. Are you pregnant?", "Yes, I am.")])

    assert [item.text for item in found.notes] == ["Pregnant"]
    assert len(found.notes[0].sources) == 2


def test_harmless_drugs_of_a_pregnancy_are_not_flagged():
    found = told(
        free("Yes", "Are you pregnant?"), *entry(Topic.MEDICATIONS, name="Tylenol")
    )

    assert "red_flags" not in found


@pytest.mark.parametrize(
    "name", ["Accutane", "methotrexate", "Coumadin", "Depakote", "Zestril", "Lipitor"]
)
def test_drugs_that_harm_the_unborn_are_known_by_brand(name):
    (drug,) = find_drugs(name)

    assert harms_unborn(drug.generic)
