from __future__ import annotations

import io
import json
import tracemalloc

import pytest

from clinicflow_core.interchange.columns import PATIENTS
from clinicflow_core.interchange.entries import KEPT_BYTES, MAX_BYTES
from clinicflow_core.interchange.lines import Form, entries, form_of

BOM = b"\xef\xbb\xbf"
BUNDLE = b'{"resourceType": "Bundle", "entry": ['


def read(text, form=Form.NDJSON):
    return list(entries(io.BytesIO(text), form, PATIENTS))


def lines_of(found):
    return [entry.line for entry in found]


def reasons(found):
    return [entry.fault and entry.fault.reason.value for entry in found]


@pytest.mark.parametrize(
    ("name", "head", "form"),
    [
        pytest.param("people.csv", b"{}", Form.CSV, id="CSV by its ending"),
        pytest.param("people.TSV", b"", Form.CSV, id="tabs by the ending"),
        pytest.param("people.ndjson", b"", Form.NDJSON, id="NDJSON by its ending"),
        pytest.param("people.jsonl", b"", Form.NDJSON, id="JSON lines"),
        pytest.param("p.json", b'{"a":1}\n{"a":2}\n', Form.NDJSON, id="objects a line"),
        pytest.param("p.json", b'{"a":1}\r\n\r\n', Form.JSON, id="one object"),
        pytest.param("p.json", b'{\n "a": 1\n}\n', Form.JSON, id="pretty-printed"),
        pytest.param("p.json", b'{"a": {}\n}', Form.JSON, id="broken over two lines"),
        pytest.param("p.json", b"[1]\n[2]\n", Form.JSON, id="lists"),
        pytest.param("p.json", b"", Form.JSON, id="empty JSON"),
        pytest.param("p.json", b"name\nAnn", Form.JSON, id="no JSON at all"),
        pytest.param(
            "export", b'{"a":1}\n{"a":2}', Form.NDJSON, id="looks like NDJSON"
        ),
        pytest.param("export", BOM + b' {"a":1', Form.JSON, id="looks like JSON"),
        pytest.param("export.txt", b"first_name,last_name", Form.CSV, id="other text"),
        pytest.param("-", b"", Form.CSV, id="nothing to go by"),
    ],
)
def test_the_form_of_a_file_is_told_by_its_ending_or_its_looks(name, head, form):
    assert form_of(name, head) is form


def test_each_line_is_an_entry_and_blank_ones_are_none():
    found = read(b'{"a":1}\n\n  \r\n{"a":2}\r\n{"a":3}')

    assert [(entry.line, entry.data["a"]) for entry in found] == [
        (1, 1),
        (4, 2),
        (5, 3),
    ]
    assert [entry.text for entry in found] == [b'{"a":1}', b'{"a":2}', b'{"a":3}']


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("text", [b"", b"\n\n \r\n", BOM])
def test_an_empty_file_has_no_entries(form, text):
    assert read(text, form) == []


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    [found] = read(BOM + b'{"a":1}')

    assert found.data == {"a": 1}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"a": "b', id="truncated"),
        pytest.param(b'{"a": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": 1, "a": 2}', id="a key twice"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, id="nested deeply"),
        pytest.param(b"\0", id="NUL"),
        pytest.param(b"Ann,Lee", id="CSV"),
    ],
)
def test_an_unreadable_line_is_refused_alone(line):
    found = read(b'{"a":1}\n' + line + b'\n{"a":3}\n')

    assert lines_of(found) == [1, 2, 3]
    assert reasons(found) == [None, "unreadable", None]
    assert found[1].text == line
    assert found[1].data is None


def test_a_line_that_is_too_large_is_refused_and_kept_to_be_mended():
    line = b'{"a": "' + b"x" * 2_000_000 + b'"}'

    found = read(b'{"a":1}\n' + line + b'\n{"a":3}')

    assert reasons(found) == [None, "too-large", None]
    assert found[1].text == line
    assert found[1].fault.detail == f"Longer than {MAX_BYTES} bytes."
    assert lines_of(found) == [1, 2, 3]


def test_of_a_huge_line_only_the_beginning_is_kept():
    found = read(b"x" * (KEPT_BYTES + 10) + b"\n{}")

    assert reasons(found) == ["too-large", None]
    assert len(found[0].text) == KEPT_BYTES
    assert f"Only the first {KEPT_BYTES} are kept" in found[0].fault.detail


def test_a_line_of_just_the_limit_is_read():
    line = b'{"a": "' + b"x" * (MAX_BYTES - 10) + b'"}\n'

    assert len(line) == MAX_BYTES
    assert reasons(read(line)) == [None]
    assert reasons(read(b" " + line)) == ["too-large"]


@pytest.mark.parametrize("form", Form)
def test_reading_ten_times_the_rows_takes_no_more_memory(form, tmp_path):
    def peak(rows):
        path = tmp_path / "people"
        name = b"Ann" * 100
        with path.open("wb") as file:
            if form is Form.CSV:
                file.write(b"id,first_name,last_name\n")
                file.writelines(b'%d,%s,"Le\ne"\n' % (n, name) for n in range(rows))
            elif form is Form.NDJSON:
                file.writelines(
                    b'{"id":"%d","name":"%s"}\n' % (n, name) for n in range(rows)
                )
            else:
                file.write(BUNDLE)
                file.writelines(
                    b'{"id":"%d","name":"%s"},\n' % (n, name) for n in range(rows)
                )
                file.write(b"{}]}")
        with path.open("rb") as file:
            tracemalloc.start()
            count = sum(1 for _ in entries(file, form, PATIENTS))
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert count == rows + (form is Form.JSON)
        return highest

    peak(10)
    few, many = peak(500), peak(5_000)

    assert many <= few * 1.2


def test_what_an_entry_says_is_not_shown_in_logs():
    [found] = read(json.dumps({"name": "Ann Lee"}).encode())

    assert "Ann" not in repr(found)
