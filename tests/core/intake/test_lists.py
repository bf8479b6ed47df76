from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.entities.summary import Topic
from clinicflow_core.intake.lists import MOST_JOINED, Part, listed
from tests.core.intake.saying import ALLERGIES, MEDICATIONS, free, told


def medications(text):
    return told(free(text, MEDICATIONS, topic=Topic.MEDICATIONS))


def allergies(text):
    return told(free(text, ALLERGIES, topic=Topic.ALLERGIES))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("Zocor, Lasix", ["Zocor", "Lasix"], id="commas"),
        pytest.param("Zocor; Lasix", ["Zocor", "Lasix"], id="semicolons"),
        pytest.param("Zocor and Lasix", ["Zocor", "Lasix"], id="and"),
        pytest.param("- Zocor\n- Lasix", ["Zocor", "Lasix"], id="bullets"),
        pytest.param("1. Zocor\n2. Lasix", ["Zocor", "Lasix"], id="numbers"),
        pytest.param("I take Zocor", ["Zocor"], id="a sentence"),
        pytest.param("Yes, Zocor", ["Zocor"], id="a yes before"),
        pytest.param("Zocor, 20mg, daily", ["Zocor, 20 mg, daily"], id="a dose apart"),
        pytest.param("Zocor, for my heart", ["Zocor, for my heart"], id="a purpose"),
        pytest.param("twenty M G Zocor", ["20 mg Zocor"], id="a spelled dose"),
        pytest.param("Zyxomil 5 mg", ["Zyxomil 5 mg"], id="unknown to us"),
        pytest.param("Zocor (20 mg, daily)", ["Zocor (20 mg, daily)"], id="brackets"),
        pytest.param("aspirin 1,000 mg", ["aspirin 1,000 mg"], id="thousands"),
        pytest.param("20 mg", ["20 mg"], id="a dose of nothing"),
        pytest.param("something for sleep", ["something for sleep"], id="vague"),
        pytest.param(
            "the purple pill for heartburn",
            ["the purple pill for heartburn"],
            id="look",
        ),
        pytest.param(
            "a water pill, don't know the name", ["a water pill"], id="no name known"
        ),
    ],
)
def test_each_medication_of_a_list_is_one_item(text, found):
    assert medications(text) == {"medications": found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("latex, bee stings", ["latex", "bee stings"], id="commas"),
        pytest.param("Penicillin (rash)", ["Penicillin (rash)"], id="brackets"),
        pytest.param("Penicillin - rash", ["Penicillin (rash)"], id="a dash"),
        pytest.param("Sulfa: hives, rash", ["Sulfa (hives, rash)"], id="two reactions"),
        pytest.param("Sulfa, hives", ["Sulfa (hives)"], id="a reaction apart"),
        pytest.param("I am allergic to cats", ["cats"], id="a sentence"),
        pytest.param(
            "rash from penicillin", ["rash from penicillin"], id="word for word"
        ),
        pytest.param(
            "penicillin gives me a rash", ["penicillin (a rash)"], id="gives a reaction"
        ),
        pytest.param("codeine makes me itch", ["codeine (itch)"], id="makes itch"),
        pytest.param("I get hives from sulfa", ["sulfa (hives)"], id="from it"),
        pytest.param(
            "keflex, gave me diarrhea", ["keflex (gave me diarrhea)"], id="told apart"
        ),
    ],
)
def test_each_allergy_of_a_list_is_one_item(text, found):
    assert allergies(text) == {"allergies": found}


@pytest.mark.parametrize(
    "text",
    ["None", "no", "N/A", "Nothing", "I don't take any medications", "No meds.", "0"],
)
def test_no_medications_is_a_fact(text):
    assert medications(text) == {"denials": ["Takes no medications"]}


@pytest.mark.parametrize(
    ("text", "denial"),
    [
        ("None", "No known allergies"),
        ("no known allergies", "No known allergies"),
        ("NKDA", "No known drug allergies"),
        ("no drug allergies", "No known drug allergies"),
        ("no food allergies", "No food allergies"),
        ("none that I know of", "No known allergies"),
        ("nothing I know of", "No known allergies"),
        ("not that i know of", "No known allergies"),
        ("I have none", "No known allergies"),
    ],
)
def test_no_known_allergies_is_a_fact_and_no_allergy(text, denial):
    assert allergies(text) == {"denials": [denial]}


def test_who_is_allergic_to_cats_may_deny_drug_allergies():
    found = allergies("cats, no drug allergies")

    assert found["allergies"] == ["cats"]
    assert found["denials"] == ["No known drug allergies"]


def test_a_denial_falls_where_something_is_named():
    assert allergies("no allergies, well, penicillin") == {"allergies": ["penicillin"]}


@pytest.mark.parametrize("text", ["Yes", "see above", "I do", "...", "Yes, I take"])
def test_filler_is_no_item(text):
    assert medications(text) == {}


def test_what_was_stopped_is_a_note():
    found = medications("Zocor. I stopped Lasix last year.")

    assert found == {"medications": ["Zocor"], "notes": ["I stopped Lasix last year"]}


def test_what_is_not_taken_is_a_denial_word_for_word():
    assert medications("no aspirin") == {"denials": ["no aspirin"]}


def test_an_allergy_among_the_medications_is_an_allergy():
    found = medications("Zocor. I am allergic to penicillin.")

    assert found == {"medications": ["Zocor"], "allergies": ["penicillin"]}


def test_a_remark_is_kept_as_a_note():
    found = medications("Zocor. My daughter fills the box for me every week.")

    assert found["medications"] == ["Zocor"]
    assert found["notes"] == ["My daughter fills the box for me every week"]


def test_what_goes_on_and_on_about_an_item_becomes_items_of_their_own():
    found = listed("aspirin" + ", daily" * 20, of_allergies=False)

    assert max(len(each.words) for each in found) == MOST_JOINED
    assert sum(len(each.words) for each in found) == 21


@given(
    st.lists(
        st.from_regex(r"[bcdfghjklmprstvz]{3}[aeu][bcdfgklm]{2,6}", fullmatch=True),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    st.sampled_from([", ", "; ", "\n", " and ", "\n- "]),
)
def test_nothing_answered_is_lost_however_unknown(names, separator):
    text = separator.join(names)

    found = listed(text, of_allergies=False)

    said = " ".join(each.text for each in found)
    assert all(name in said for name in names)
    assert all(words in text for each in found for words in each.words)


def test_what_relatives_take_is_a_remark():
    (part,) = listed("my mother takes warfarin", of_allergies=False)

    assert (part.part, part.text) == (Part.REMARK, "my mother takes warfarin")


def test_a_sentence_that_names_nothing_is_a_remark_and_not_lost():
    said = "It was prescribed after the operation in spring"

    (part,) = listed(said, of_allergies=False)

    assert (part.part, part.text) == (Part.REMARK, said)
