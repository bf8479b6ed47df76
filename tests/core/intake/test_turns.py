from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.intake.turns import (
    LONGEST_SENTENCE,
    Speaker,
    is_dialogue,
    sentences,
)


def texts(text):
    return [each.text for each in sentences(text)]


@pytest.mark.parametrize(
    ("label", "speaker"),
    [
        ("Doctor", Speaker.CLINICIAN),
        ("Nurse", Speaker.CLINICIAN),
        ("Patient", Speaker.PATIENT),
        ("Guest_family", Speaker.FAMILY),
        ("Guest_family_2", Speaker.FAMILY),
        ("Guest_clinician", Speaker.FAMILY),
        ("Doctor_2", Speaker.CLINICIAN),
        ("Docotr_2", Speaker.CLINICIAN),
        ("Patient_1", Speaker.PATIENT),
        ("Guest_family_12", Speaker.FAMILY),
    ],
)
def test_a_turn_belongs_to_who_is_named_before_it(label, speaker):
    (said,) = sentences(f"{label}: How are you?")

    assert said.speaker is speaker
    assert said.text == "How are you?"
    assert said.is_question


def test_a_text_that_names_nobody_is_the_patients():
    (said,) = sentences("I take aspirin")

    assert said.speaker is Speaker.PATIENT
    assert not is_dialogue("I take aspirin")
    assert is_dialogue("Patient: I take aspirin")
    assert not is_dialogue("Dose: 81 mg\nAllergies: none\nMedication: aspirin")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("One. Two? Three!", ["One.", "Two?", "Three!"], id="marks"),
        pytest.param("One\nTwo", ["One", "Two"], id="lines"),
        pytest.param("Ask Dr. Lee.", ["Ask Dr. Lee."], id="a title"),
        pytest.param("2.5 mg b.i.d. now", ["2.5 mg b.i.d. now"], id="dots within"),
        pytest.param("1. Zocor", ["1. Zocor"], id="a numbered line"),
        pytest.param(" \n ", [], id="nothing"),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, found):
    assert texts(text) == found


def test_only_the_first_sentence_opens_a_turn():
    found = sentences("Doctor: One. Two.\nPatient: Three.")

    assert [each.opens for each in found] == [True, False, True]


@pytest.mark.parametrize("text", ["word " * 500, "x" * 2_500])
def test_no_sentence_is_endless(text):
    found = texts(text)

    assert max(map(len, found)) <= LONGEST_SENTENCE
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


@given(st.text(max_size=200))
def test_a_sentence_stands_where_it_says(text):
    for each in sentences(text):
        assert text[each.start : each.start + len(each.text)] == each.text
