from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinicflow_core.intake.plain_text import LONGEST_TEXT, is_plain, made_plain


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Pain < 5 of 10, since 3/2", id="signs"),
        pytest.param("Dr. Lee said so. I'm fine", id="sentences"),
        pytest.param("Zoë's co-codamol 8/500 (2x)", id="accents and strengths"),
        pytest.param("R&D [see above] !", id="brackets that link nothing"),
        pytest.param("x" * LONGEST_TEXT, id="as long as it may be"),
    ],
)
def test_what_patients_write_is_plain(text):
    assert is_plain(text)
    assert made_plain(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("a http://b.example", "a b.example", id="link"),
        pytest.param("a www.b", "a b", id="host"),
        pytest.param("a b.com", "a", id="domain"),
        pytest.param("[a](b)", "[a b)", id="Markdown link"),
        pytest.param("![a]", "a]", id="Markdown image"),
        pytest.param("a<b>c</b>", "a >c >", id="tag"),
        pytest.param("a &lt; b", "a b", id="entity"),
        pytest.param("javascript:a", "a", id="script"),
        pytest.param("a\nb\tc", "a b c", id="lines and tabs"),
        pytest.param("a\u200bb\u202ec", "a b c", id="unseen characters"),
        pytest.param("x" * (LONGEST_TEXT + 1), "x" * LONGEST_TEXT, id="too long"),
        pytest.param("\u200b", "?", id="nothing else"),
    ],
)
def test_what_is_more_than_plain_text_is_taken_out(text, plain):
    assert not is_plain(text)
    assert made_plain(text) == plain


@given(st.text() | st.text("<>![](&;:/.comwjavscript \n", max_size=40))
def test_made_plain_is_plain(text):
    assert is_plain(made_plain(text))
