from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.intake.doses import (
    A_DAY,
    AS_NEEDED,
    AT_NIGHT,
    HOURS_APART,
    normalised,
    quantities,
)


def amounts(text):
    return [each.amount for each in quantities(text)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        pytest.param("2.5 mg", "2.5", "mg", id="digits"),
        pytest.param("2.5mg", "2.5", "mg", id="without a space"),
        pytest.param("two point five M G", "2.5", "mg", id="spelled letter by letter"),
        pytest.param("2.50 milligrams", "2.5", "mg", id="in full"),
        pytest.param("1,000 units", "1000", "unit", id="with a comma"),
        pytest.param("twenty", "20", "", id="without a unit"),
        pytest.param("twenty five mcg", "25", "mcg", id="tens and ones"),
        pytest.param("seven fifty milligrams", "750", "mg", id="hundreds left out"),
        pytest.param("one twenty five mg", "125", "mg", id="hundreds left out, ones"),
        pytest.param("eight hundred mg", "800", "mg", id="hundreds"),
        pytest.param("two hundred and ten mg", "210", "mg", id="and"),
        pytest.param("one thousand two hundred mg", "1200", "mg", id="thousands"),
        pytest.param("twenty five hundred", "2500", "", id="many hundreds"),
        pytest.param("nineteen ninety eight", "1998", "", id="a year"),
        pytest.param("hundred mg", "100", "mg", id="a bare hundred"),
        pytest.param("zero point one percent", "0.1", "percent", id="below one"),
        pytest.param("point one twenty five mg", "0.125", "mg", id="decimals joined"),
        pytest.param("one point twenty five mg", "1.25", "mg", id="decimals as tens"),
        pytest.param("one point one eleven mg", "1.111", "mg", id="decimals as teens"),
        pytest.param("1/2 tablet", "0.5", "tablet", id="a fraction"),
        pytest.param("half a tablet", "0.5", "tablet", id="half"),
        pytest.param("a quarter of a pill", "0.25", "tablet", id="a quarter"),
        pytest.param("one and a half tablets", "1.5", "tablet", id="and a half"),
        pytest.param("a tablet", "1", "tablet", id="the article counts"),
        pytest.param(".5 ml", "0.5", "ml", id="no zero"),
    ],
)
def test_a_dose_is_one_quantity_however_it_is_said(text, value, unit):
    found = amounts(text)

    assert found == [(Decimal(value), unit)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        pytest.param("twice a day", 2, A_DAY, id="twice a day"),
        pytest.param("b.i.d.", 2, A_DAY, id="bid"),
        pytest.param("2 times daily", 2, A_DAY, id="two times"),
        pytest.param("three times a day", 3, A_DAY, id="three times"),
        pytest.param("daily", 1, A_DAY, id="daily"),
        pytest.param("every eight hours", 8, HOURS_APART, id="every eight hours"),
        pytest.param("q8h", 8, HOURS_APART, id="q8h"),
        pytest.param("p.r.n.", 1, AS_NEEDED, id="prn"),
        pytest.param("at bedtime", 1, AT_NIGHT, id="at bedtime"),
        pytest.param("twice a week", 2, "a week", id="twice a week"),
        pytest.param("three times", 3, "times", id="of no period"),
    ],
)
def test_how_often_is_a_quantity_too(text, value, unit):
    (found,) = quantities(text)

    assert found.amount == (value, unit)
    assert found.is_frequency


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("1 or 2 tablets", [(1, "tablet"), (2, "tablet")], id="or"),
        pytest.param(
            "every 4-6 hours", [(4, HOURS_APART), (6, HOURS_APART)], id="a dash"
        ),
        pytest.param("two or three", [(2, ""), (3, "")], id="without a unit"),
        pytest.param(
            "two twenty milligram tablets", [(2, ""), (20, "mg")], id="so many of"
        ),
        pytest.param("fifteen and twenty ml", [(15, ""), (20, "ml")], id="and"),
        pytest.param("two five ml", [(2, ""), (5, "ml")], id="one after the other"),
        pytest.param("one thousand thousand", [(1000, ""), (1000, "")], id="no such"),
        pytest.param("a half half", [(Decimal("0.5"), "")], id="half of what"),
        pytest.param(
            "one point five point five mg",
            [(Decimal("1.5"), ""), (Decimal("0.5"), "mg")],
            id="two points",
        ),
        pytest.param(
            "point five hundred", [(Decimal("0.5"), ""), (100, "")], id="no scale"
        ),
        pytest.param(
            "two hundred hundred", [(200, ""), (100, "")], id="a hundred hundreds"
        ),
        pytest.param("one and a half two", [(Decimal("1.5"), ""), (2, "")], id="after"),
    ],
)
def test_several_numbers_stay_apart(text, found):
    assert amounts(text) == found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("that one", id="one that points"),
        pytest.param("a week ago", id="a time that is past"),
        pytest.param("for a month", id="a time that it lasts"),
        pytest.param("every pain", id="every without a number"),
        pytest.param("", id="nothing"),
    ],
)
def test_not_every_such_word_is_a_quantity(text):
    assert amounts(text) == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("twenty M G once a day", "20 mg once a day"),
        ("zero point one percent", "0.1%"),
        ("one pill two times a day", "1 pill 2 times a day"),
        ("10-20 mg on 07/30/2004", "10-20 mg on 07/30/2004"),
        ("two of them", "two of them"),
        ("Paxil 20mg", "Paxil 20 mg"),
    ],
)
def test_a_dose_can_be_written_in_digits(text, written):
    assert normalised(text) == written


@given(st.text(alphabet="0123456789 .,/-onetwpihdrfamglx", max_size=60))
def test_writing_in_digits_changes_no_quantity(text):
    written = normalised(text)

    assert amounts(written) == amounts(text)


@given(st.text(max_size=80))
def test_each_quantity_stands_where_it_says(text):
    found = quantities(text)

    for before, after in pairwise(found):
        assert before.end <= after.start
    assert all(
        0 <= each.start <= each.number_end <= each.end <= len(text) for each in found
    )
