from __future__ import annotations

import csv
from datetime import date
from io import StringIO
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.csv_text import csv_text

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize("mark", FORMULAS, ids=ascii)
def test_no_text_is_taken_for_a_formula(mark):
    text = csv_text([(f"{mark}HYPERLINK(1)",)])

    [[cell]] = csv.reader(StringIO(text, newline=""))
    assert cell == f"'{mark}HYPERLINK(1)"


def test_numbers_stay_numbers_below_zero_too():
    assert csv_text([(-3, -0.5, 7)]) == "-3,-0.5,7\r\n"


def test_cells_that_are_not_text_are_written_as_people_read_them():
    row = (None, date(2026, 3, 2), UUID(int=7), "Dr. Chen, Sarah")

    assert csv_text([row]) == (
        ',2026-03-02,00000000-0000-0000-0000-000000000007,"Dr. Chen, Sarah"\r\n'
    )


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2))
)
def test_what_is_written_is_read_as_it_was_but_for_the_apostrophe(rows):
    read = list(csv.reader(StringIO(csv_text(rows), newline="")))

    assert len(read) == len(rows)
    for written, found in zip(rows, read, strict=True):
        for text, cell in zip(written, found, strict=True):
            assert cell in (text, f"'{text}")
            assert not cell.startswith(FORMULAS)
