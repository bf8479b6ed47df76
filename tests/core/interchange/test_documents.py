from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.interchange import documents
from clinicflow_core.interchange.documents import document_entries
from clinicflow_core.interchange.entries import MAX_BYTES


class Dribble(io.BytesIO):
    """Gives no more than *most* bytes at a time, as a pipe does."""

    def __init__(self, text, most):
        super().__init__(text)
        self.most = most

    def read(self, size):
        return super().read(min(size, self.most))


def read(text, most=documents._CHUNK_BYTES):
    return list(document_entries(Dribble(text, most)))


BUNDLE = b'{"resourceType": "Bundle", "entry": ['


def shown(found):
    return [(e.line, e.fault.reason.value if e.fault else e.data) for e in found]


PRETTY = b"""\
{
  "resourceType": "Bundle",
  "meta": {"tag": [{"code": "a, [b"}]},
  "entry": [
    {
      "fullUrl": "urn:uuid:1",
      "resource": {"id": "1", "name": [{"text": "\\"Ann\\" ]}, \\\\"}]}
    },

    {"resource": {"id": "2"}} , 7,
    {"resource": {"id": "3"}}
  ],
  "total": 3
}
"""


def test_a_bundle_is_read_entry_by_entry_with_the_lines_on_which_they_start():
    found = read(PRETTY)

    assert [entry.line for entry in found] == [5, 10, 10, 11]
    assert found[0].data["resource"]["name"] == [{"text": '"Ann" ]}, \\'}]
    assert found[1].data == {"resource": {"id": "2"}}
    assert found[2].data == 7
    assert found[3].data == {"resource": {"id": "3"}}


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
def test_it_does_not_matter_where_the_chunks_end(most):
    assert read(PRETTY, most) == read(PRETTY)


@given(
    st.lists(
        st.recursive(
            st.none() | st.integers(-9, 9) | st.text('ab"\\[]{},:\n é', max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["entry", "a", "}"]), inner)
            ),
            max_leaves=8,
        ),
        max_size=5,
    ),
    st.sampled_from([None, 2]),
    st.integers(1, 40),
)
def test_every_entry_of_a_bundle_comes_out_as_it_went_in(items, indent, most):
    bundle = {"id": "a", "entry": items, "resourceType": "Bundle", "x": [{"entry": []}]}

    found = read(json.dumps(bundle, indent=indent).encode(), most)

    assert [entry.data for entry in found] == items


def test_the_text_of_an_entry_stands_on_one_line():
    [first, *_] = read(PRETTY)

    assert b"\n" not in first.text
    assert json.loads(first.text) == first.data


def test_a_resource_of_its_own_is_one_entry():
    found = read(b'\xef\xbb\xbf\n{\n "resourceType": "Patient",\n "name": []\n}\n')

    assert shown(found) == [(2, {"resourceType": "Patient", "name": []})]


def test_one_document_may_follow_another():
    found = read(b'{"a": 1}\n{"b": 2} {"c": 3}\n[4]')

    assert shown(found) == [(1, {"a": 1}), (2, {"b": 2}), (2, {"c": 3}), (3, [4])]


@pytest.mark.parametrize(
    "bundle",
    [
        pytest.param(b'{"resourceType": "Bundle", "entry": []}', id="an empty list"),
        pytest.param(b'{"resourceType": "Bundle"}', id="no list"),
    ],
)
def test_a_bundle_without_entries_has_none(bundle):
    assert read(bundle) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            b'{"resourceType": "Bundle", "entry": {"a": 1}}',
            [(1, "invalid")],
            id="the entries are no list",
        ),
        pytest.param(
            b'{"\\u0065ntry": [1], "resourceType": "Bundle"}',
            [(1, "invalid")],
            id="the entries' key is not written plainly",
        ),
        pytest.param(
            b'{"entry": [{"a": 1}],\n "entry": [{"a": 2}]}',
            [(1, {"a": 1}), (2, {"a": 2}), (1, "unreadable")],
            id="two lists of entries",
        ),
        pytest.param(
            b'{"resourceType": "List", "entry": [{"a": 1}]}',
            [(1, {"a": 1}), (1, {"resourceType": "List", "entry": []})],
            id="not a Bundle",
        ),
        pytest.param(b"Ann", [(1, "unreadable")], id="not JSON"),
        pytest.param(
            b'{"a": 1}\n, Ann {"b": 2}]',
            [(1, {"a": 1}), (2, "unreadable"), (2, {"b": 2}), (2, "unreadable")],
            id="something between documents",
        ),
        pytest.param(
            BUNDLE + b'{"a": NaN}, {"a": 1, "a": 2}, Ann,\n {"a": 4}]}',
            [(1, "unreadable"), (1, "unreadable"), (1, "unreadable"), (2, {"a": 4})],
            id="broken entries",
        ),
        pytest.param(
            BUNDLE + b'{"a": 1},\n{"a": 2]},\n{"a": 3}]}',
            [(1, {"a": 1}), (2, "unreadable"), (1, "unreadable"), (3, "unreadable")],
            id="a bracket that closes another",
        ),
        pytest.param(
            BUNDLE + b"[" * 10_000 + b"]" * 10_000 + b', {"a": 1}]}',
            [(1, "unreadable"), (1, {"a": 1})],
            id="a deeply nested entry",
        ),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(text, expected):
    assert shown(read(text)) == expected


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        pytest.param(b',\n{"a": 2, "b": [', 2, id="in an entry"),
        pytest.param(b',\n{"a": "\\', 2, id="in a string"),
        pytest.param(b",\n", 2, id="between entries"),
        pytest.param(b"\n]\n", 3, id="after the entries"),
    ],
)
def test_of_a_file_that_ends_in_the_middle_the_whole_entries_are_read(rest, line):
    good, cut = read(BUNDLE + b'{"a": 1}' + rest)

    assert good.data == {"a": 1}
    assert cut.line == line
    assert cut.fault.reason.value == "unreadable"
    assert cut.fault.detail == "The file ends in the middle of it."


def test_an_entry_that_is_too_large_is_refused_alone():
    huge = b'{"a": "' + b"x" * 2_000_000 + b'"}'

    found = read(BUNDLE + b'{"a": 1},\n' + huge + b',\n{"a": 3}]}')

    assert shown(found) == [(1, {"a": 1}), (2, "too-large"), (3, {"a": 3})]
    assert found[1].text == huge


def test_a_document_that_is_too_large_is_refused():
    [found] = read(b'{"a": "' + b"x" * MAX_BYTES + b'"}')

    assert found.fault.reason.value == "too-large"
