from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.docs.test_documents import Block, blocks_of

DOCS = Path(__file__).parents[2] / "docs"
SOURCES = [DOCS / "react" / "public" / "index.html", *(DOCS / "react").glob("src/*")]
SHOWN = [
    block
    for block in blocks_of((DOCS / "front-ends.md").read_text(encoding="utf-8"))
    if block.kind in {"html", "js", "jsx"}
]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: f"line {block.line}")
def test_the_client_that_the_documents_show_is_the_one_that_is_tried(
    block: Block,
) -> None:
    assert any(is_part(block.text, source.read_text("utf-8")) for source in SOURCES)


def test_the_client_is_shown() -> None:
    assert len(SHOWN) > 5


def is_part(shown: str, source: str) -> bool:
    """Return whether *shown* stands in *source* line by line, however indented."""
    wanted = shown.splitlines()
    lines = source.splitlines()
    starts = range(len(lines) - len(wanted) + 1)
    return any(
        dedent("\n".join(lines[start : start + len(wanted)])) == "\n".join(wanted)
        for start in starts
    )
