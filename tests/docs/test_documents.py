"""
Runs what the documents show.

In README and ``docs``, every fenced block of ``console`` or ``python`` runs, in order,
in an empty folder of its own for each document. A console block's lines with ``$`` are
commands, ``>`` continues one; what stands below must be among what it prints, in that
order, ``…`` standing for anything. A command that is shown with ``Error:`` must be
refused with exit status 1. An HTML comment ``<!-- not run: the reason -->`` right
before a block leaves it out.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import Factory, define, frozen

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    # What npm brings along for the client in `docs/react` is nobody's to follow here.
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "node_modules" not in p.parts),
]

# Words of other kinds: shown, and nothing to run.
SHOWN_ONLY = {"csv", "http", "ini", "json", "mermaid", "sql", "text", "toml", "yaml"}
# Run as the client in `docs/react`, by `tests/browser`.
SHOWN_ONLY |= {"html", "js", "jsx"}

FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<kind>.*)$")
NOT_RUN = re.compile(r"^\s*<!-- not run: \S.* -->\s*$")
SECONDS = 120

# Where each command leaves its folder and variables for the next one.
AS_LEFT = """
. "$STATE/variables" && cd "$(cat "$STATE/folder")" || exit 125
trap 'export -p > "$STATE/variables"; pwd > "$STATE/folder"' EXIT
set -o pipefail
"""


@frozen
class Block:
    """A fenced block: its language, its text and the line of its first row."""

    kind: str
    text: str
    line: int
    is_run: bool


@define
class Command:
    """A command of a console block and the output shown below it."""

    text: str
    line: int
    shown: list[str] = Factory(list)

    @property
    def is_refused(self) -> bool:
        return any(line.startswith("Error:") for line in self.shown)


def blocks_of(text: str) -> Iterator[Block]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        number += 1
        if not opening:
            continue
        first = number
        before = [line for line in lines[: first - 1] if line.strip()]
        while number < len(lines) and lines[number].strip() != opening["ticks"]:
            number += 1
        indent = len(opening["indent"])
        rows = [row[indent:] for row in lines[first:number]]
        number += 1
        yield Block(
            kind=opening["kind"].strip(),
            text="\n".join(rows) + "\n",
            line=first + 1,
            is_run=not (before and NOT_RUN.match(before[-1])),
        )


def commands_of(block: Block) -> list[Command]:
    commands: list[Command] = []
    for line, row in enumerate(block.text.splitlines(), block.line):
        if row.startswith("$ "):
            commands.append(Command(row[2:], line))
        elif not commands:
            pytest.fail(f"line {line}: a console block starts with '$ '")
        elif row.startswith("> ") and not commands[-1].shown:
            commands[-1].text += f"\n{row[2:]}"
        elif row.strip():
            commands[-1].shown.append(row.rstrip())
    return commands


class Reader:
    """Somebody who follows one document, in an empty folder."""

    def __init__(self, document: Path, folder: Path) -> None:
        self._document = document
        self._state = folder / "state"
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._processes: list[subprocess.Popen[bytes]] = []
        work = folder / "work"
        for made in (self._state, work):
            made.mkdir()
        (self._state / "variables").write_text("")
        (self._state / "folder").write_text(str(work))
        os.chdir(work)

    def follow(self, block: Block) -> None:
        if block.kind == "python":
            # The blank lines before make a traceback name the document's own line.
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, self._document, "exec"), self._names)
        else:
            for command in commands_of(block):
                self._type(command)

    def leave(self) -> None:
        """End what was started in the background."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _type(self, command: Command) -> None:
        printed = self._state / "printed"
        with printed.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"{AS_LEFT}\n{command.text}"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    "COLUMNS": "88",
                    "HOME": str(self._state),
                    "LANG": "C.UTF-8",
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                    "STATE": str(self._state),
                },
            )
        self._processes.append(process)
        status = process.wait(SECONDS)
        output = printed.read_text(errors="replace")
        place = f"line {command.line}: {command.text}"

        assert status == int(command.is_refused), f"{place}\n{output}"
        assert first_not_printed(command.shown, output) is None, f"{place}\n{output}"


def first_not_printed(shown: list[str], output: str) -> str | None:
    """Return the first line of *shown* that *output* lacks after the ones before it."""
    printed = iter(output.splitlines())
    for line in shown:
        pattern = ".*".join(map(re.escape, re.split(r"…|\.\.\.", line)))
        if line.strip() not in {"…", "..."} and not any(
            re.fullmatch(pattern, candidate.rstrip()) for candidate in printed
        ):
            return line
    return None


@pytest.fixture
def reader(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    reader = Reader(document, tmp_path)
    yield reader
    reader.leave()


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_shows_can_be_followed(document: Path, reader: Reader) -> None:
    for block in blocks_of(document.read_text(encoding="utf-8")):
        if block.is_run and block.kind in {"console", "python"}:
            reader.follow(block)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_block_of_a_document_escapes_by_its_language(document: Path) -> None:
    escaped = [
        f"line {block.line}: '{block.kind}'"
        for block in blocks_of(document.read_text(encoding="utf-8"))
        if block.is_run and block.kind not in {"console", "python"} | SHOWN_ONLY
    ]

    assert escaped == []


def test_a_command_that_fails_is_noticed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(Path("a.md"), tmp_path)

    with pytest.raises(AssertionError, match="line 2: false"):
        reader.follow(Block("console", "$ true\n$ false\n", line=1, is_run=True))


def test_output_that_is_not_printed_is_noticed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(Path("a.md"), tmp_path)

    with pytest.raises(AssertionError, match="line 1: echo one"):
        reader.follow(Block("console", "$ echo one\ntwo\n", line=1, is_run=True))


def test_a_document_is_one_sitting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(Path("a.md"), tmp_path)
    text = "$ export A=1; mkdir -p b && cd b\n$ echo $A $PWD\n1 …/b\n"

    reader.follow(Block("console", text, line=1, is_run=True))


def test_a_refusal_is_shown_with_its_exit_status(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reader = Reader(Path("a.md"), tmp_path)
    text = "$ echo Error: taken >&2; exit 1\nError: taken\n"

    reader.follow(Block("console", text, line=1, is_run=True))


def test_blocks_are_found_with_their_reason_not_to_run():
    text = (
        "1. One\n\n   ```console\n   $ ls\n   ```\n\n"
        "<!-- not run: it downloads -->\n```python\n1 / 0\n```\n"
    )

    first, second = blocks_of(text)

    assert first == Block("console", "$ ls\n", line=4, is_run=True)
    assert second == Block("python", "1 / 0\n", line=9, is_run=False)
