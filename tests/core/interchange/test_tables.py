from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.errors import InvalidError
from clinicflow_core.interchange import tables
from clinicflow_core.interchange.columns import PATIENTS, VISITS, Columns
from clinicflow_core.interchange.tables import MAX_ROW_BYTES, table_entries

AB = Columns(required=("a", "b"), optional=("c",))


def read(text, columns=AB):
    return list(table_entries(io.BytesIO(text), columns))


def shown(found):
    return [(e.line, e.fault.reason.value if e.fault else e.data) for e in found]


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_the_header_shows_what_stands_between_cells(delimiter):
    found = read(b"b,A ,c\n1,2,3\n".replace(b",", delimiter))

    assert shown(found) == [(2, {"b": "1", "a": "2", "c": "3"})]


def test_cells_lose_spaces_around_them_and_empty_ones_are_left_out():
    assert shown(read(b"a,b,c\n Ann , ,\n")) == [(2, {"a": "Ann"})]


def test_rows_count_from_the_line_on_which_they_start():
    found = read(
        b'\xef\xbb\xbf\r\na,b\r\n1,"x\r\ny ""z"", 2"\r\n\r\n2,"3"\r\n"4\n",5\r\n6,7'
    )

    assert shown(found) == [
        (3, {"a": "1", "b": 'x\r\ny "z", 2'}),
        (6, {"a": "2", "b": "3"}),
        (7, {"a": "4", "b": "5"}),
        (9, {"a": "6", "b": "7"}),
    ]
    assert found[0].text == b'1,"x\r\ny ""z"", 2"'
    assert {entry.header for entry in found} == {b"a,b"}


def test_a_quote_within_a_cell_is_just_a_sign():
    assert shown(read(b'a,b\n5" pipe,x\ny,6"\n')) == [
        (2, {"a": '5" pipe', "b": "x"}),
        (3, {"a": "y", "b": '6"'}),
    ]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        pytest.param(
            b"1", "invalid", "Has 1 cells; the header has 2.", id="a cell too few"
        ),
        pytest.param(
            b"1,2,3", "invalid", "Has 3 cells; the header has 2.", id="one too many"
        ),
        pytest.param(b"1,\xff", "unreadable", "Not UTF-8 at byte 2.", id="not UTF-8"),
        pytest.param(
            b'1,"2"3', "unreadable", "Not CSV: ',' expected after '\"'.", id="quotes"
        ),
        pytest.param(
            b"1," + b"x" * 2_000_000,
            "too-large",
            f"Longer than {MAX_ROW_BYTES} bytes.",
            id="too large",
        ),
        pytest.param(
            b'1,"' + b"x" * 2_000_000 + b'""y,\n,"',
            "too-large",
            f"Longer than {MAX_ROW_BYTES} bytes. Is a quote never closed?",
            id="too large, over two lines",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_alone(row, reason, detail):
    found = read(b"a,b\n1,2\n" + row + b"\n3,4\n")

    assert [entry.fault is None for entry in found] == [True, False, True]
    assert (found[1].line, found[1].text) == (3, row)
    assert (found[1].fault.reason.value, found[1].fault.detail) == (reason, detail)
    assert found[2].data == {"a": "3", "b": "4"}


def test_after_a_quote_that_is_never_closed_the_rest_is_one_refusal():
    found = read(b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 10)

    assert shown(found) == [(2, {"a": "1", "b": "2"}), (3, "unreadable")]
    assert found[1].fault.detail == "Not CSV: unexpected end of data."


def test_a_long_rest_behind_an_open_quote_is_still_one_refusal():
    found = read(b'a,b\n3,"4\n' + b"5,6\n" * 100_000)

    assert shown(found) == [(2, "too-large")]


CELL = st.text('ab", ;\n\r\té', max_size=6)


@given(st.lists(st.tuples(CELL, CELL), max_size=6), st.sampled_from(",;\t"))
def test_whatever_a_csv_writer_writes_is_read(rows, delimiter):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b"), *rows])

    found = read(text.getvalue().encode())

    expected = [(a.strip(), b.strip()) for a, b in rows]
    assert [(e.data.get("a", ""), e.data.get("b", "")) for e in found] == expected


@given(st.text('a",\n', max_size=30), st.integers(1, 5))
def test_it_does_not_matter_in_which_pieces_a_row_is_read(text, size):
    whole = read(b"a,b\n" + text.encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "MAX_BYTES", size)
        assert read(b"a,b\n" + text.encode()) == whole


@pytest.mark.parametrize(
    ("header", "columns", "problem"),
    [
        pytest.param(
            b"a,b,shoe_size", AB, "names no known column: 'shoe_size'", id="unknown"
        ),
        pytest.param(b"a", AB, "lacks the column b", id="missing"),
        pytest.param(b"a,b,A", AB, "names a twice", id="twice"),
        pytest.param(
            b"doctor_id,patient_id,date,ends_at",
            VISITS,
            "lacks the columns date, start_time, duration or starts_at, ends_at",
            id="no whole group",
        ),
        pytest.param(
            b"Ann,Lee",
            PATIENTS,
            "must name the columns: first_name, last_name, email, phone, "
            "date_of_birth, id",
            id="no header",
        ),
        pytest.param(
            b"a,\xff",
            AB,
            "cannot be read as a header: Not UTF-8 at byte 2.",
            id="bytes",
        ),
        pytest.param(
            b'a,"b',
            AB,
            "cannot be read as a header: Not CSV: unexpected end of data.",
            id="an open quote",
        ),
    ],
)
def test_a_table_with_a_wrong_header_is_refused_whole(header, columns, problem):
    with pytest.raises(InvalidError) as refused:
        read(b"\n" + header + b"\n1,2\n", columns)

    assert [
        p.detail.removeprefix("the header on ") for p in refused.value.problems
    ] == [f"line 2 {problem}"]


def test_all_that_is_wrong_with_a_header_is_said_at_once():
    with pytest.raises(InvalidError) as refused:
        read(b"a,x,y\n")

    assert len(refused.value.problems) == 3
