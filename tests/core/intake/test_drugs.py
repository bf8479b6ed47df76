from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.intake.drugs import find_drugs, is_kind_of_drug, lines_of


def names(text):
    return [each.name for each in find_drugs(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("I take Lisinopril.", ["Lisinopril"], id="a generic"),
        pytest.param("ZOCOR and zocor", ["ZOCOR", "zocor"], id="in any case"),
        pytest.param("vitamin B complex", ["vitamin B complex"], id="the longest"),
        pytest.param("Toprol XL daily", ["Toprol XL"], id="how it is released"),
        pytest.param("Detrol L A", ["Detrol L A"], id="letter by letter"),
        pytest.param("Salmeterol inhaler", ["Salmeterol inhaler"], id="its form"),
        pytest.param("Detroal and Asprinn", ["Detroal"], id="near a long name"),
        pytest.param("methothrexate", ["methothrexate"], id="misspelled"),
        pytest.param("Fictostatin", ["Fictostatin"], id="by its ending"),
        pytest.param("a blood thinner", ["blood thinner"], id="a kind of drug"),
        pytest.param("aspirin. Tylenol", ["aspirin", "Tylenol"], id="two sentences"),
        pytest.param("vitamin, B complex", ["vitamin", "B complex"], id="apart"),
        pytest.param("Lexapro, inhaler", ["Lexapro", "inhaler"], id="no form of it"),
        pytest.param("Lexapro Zocor", ["Lexapro", "Zocor"], id="another beside it"),
        pytest.param("St. John's wort", ["St. John's wort"], id="with signs"),
    ],
)
def test_a_drug_is_found_as_it_is_written(text, found):
    assert names(text) == found


@pytest.mark.parametrize(
    "text",
    ["my cholesterol", "in April", "seasonal", "the program", "prevent it", "x" * 99],
)
def test_an_ordinary_word_is_no_drug(text):
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "generic"),
    [
        ("Tylenol", "acetaminophen"),
        ("Coumadin", "warfarin"),
        ("PCN", "penicillin"),
        ("Cipro", "ciprofloxacin"),
        ("warfarin", "warfarin"),
        ("blood thinner", None),
    ],
)
def test_a_brand_is_known_by_its_generic(text, generic):
    (found,) = find_drugs(text)

    assert found.generic == generic


def test_a_kind_of_drug_is_told_from_a_drug():
    assert is_kind_of_drug("Blood thinner")
    assert not is_kind_of_drug("Coumadin")


def test_no_name_stands_twice_in_the_lists():
    names = [line.partition(" = ")[0] for line in lines_of("drugs.txt")]
    kinds = lines_of("drug_classes.txt")

    assert len(names) > 3_500
    assert len({*names, *kinds}) == len(names) + len(kinds)
    assert all(name == name.lower().strip() for name in (*names, *kinds))


@given(st.text(max_size=80))
def test_a_name_is_what_stands_there(text):
    for each in find_drugs(text):
        assert text[each.start : each.end] == each.name
