"""Importing a file: progress on the way, a report at the end, refused rows kept."""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import count
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, TypeVar, cast

import click

from clinicflow_cli.composition import Reception
from clinicflow_cli.failures import Failure
from clinicflow_cli.output import console_for, tell
from clinicflow_core.desk.imports import Refusal, Report, writing_to
from clinicflow_core.interchange.lines import HEAD_BYTES, Form, form_of
from clinicflow_core.ports import UnitOfWork

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = 10
_IN_MEMORY_BYTES = 1024 * 1024
_STDIN = "-"
_SQLITE = b"SQLite format 3\0"


class ImportAct(Protocol):
    """An import at the desk."""

    def __call__(
        self,
        stream: BinaryIO,
        form: Form,
        uow: UnitOfWork,
        *,
        refused: Callable[[Refusal], None],
        progress: Callable[[int], None],
    ) -> Report: ...


def import_options(command: F) -> F:
    """Add the file to import and the one for refused rows."""
    refused = click.option(
        "--refused",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Where refused rows go, replacing what was there; else a new file beside "
        "you, named as the imported one with '.refused'.",
    )
    file = click.argument(
        "file",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        metavar="FILE",
    )
    return file(refused(command))


def import_file(
    act: ImportAct, file: str, refused_path: str | None, reception: Reception
) -> None:
    """
    Import *file* and report; rows that were refused are no failure.

    Raises:
        Failure: If refused rows would overwrite the file, or cannot be kept.
    """
    source = Path("standard-input" if file == _STDIN else file)
    if refused_path is not None and file != _STDIN and _is_same(refused_path, file):
        raise Failure("Refused rows must not overwrite the file that is imported.")
    if refused_path is not None and _is_database(Path(refused_path)):
        raise Failure("Refused rows must not overwrite a database.")
    with click.open_file(file, "rb") as opened, _RefusedRows() as rows:
        # Standard input cannot be rewound, so its head is only looked at.
        stream = BufferedReader(cast("Any", opened), HEAD_BYTES)
        form = form_of(source.name, stream.peek(HEAD_BYTES))
        with _progress(opened) as progress:
            report = act(
                cast("BinaryIO", stream),
                form,
                reception.unit_of_work(),
                refused=rows.add,
                progress=progress,
            )
        kept_in = None
        if rows.first:
            # Refused parts of a document stand one on a line.
            suffix = source.suffix or ".csv" if form is Form.CSV else ".ndjson"
            kept_in = rows.keep(refused_path, f"{source.stem}.refused{suffix}")
    tell(report, *_shown(report, rows.first))
    if kept_in is not None:
        click.echo(f"Refused rows are in {kept_in}: mend and import them.", err=True)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


class _RefusedRows:
    """What was refused: the first ones to show, and all rows to be mended."""

    def __init__(self) -> None:
        self.first: list[Refusal] = []
        self._rows = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  Closed on leaving.
        self._write = writing_to(cast("BinaryIO", self._rows))

    def __enter__(self) -> _RefusedRows:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    def add(self, refusal: Refusal) -> None:
        if len(self.first) < _SHOWN:
            self.first.append(refusal)
        self._write(refusal)

    def keep(self, named: str | None, default: str) -> Path:
        """
        Write all rows to the file *named*, or to a new one called as *default*.

        Without a name nothing is replaced: somebody may be mending what is there.

        Raises:
            Failure: If they cannot be written.
        """
        path = Path(named or default)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with draft.open("xb") as file:
                self._rows.seek(0)
                shutil.copyfileobj(self._rows, file)
            if named is None:
                path = _free_name(path, draft)
            if path.is_file() or not path.exists():
                draft.replace(path)
            else:  # Such as /dev/stdout.
                shutil.copyfile(draft, path)
                draft.unlink()
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise Failure(
                f"The rows that can be stored are, but refused rows cannot be kept in "
                f"{path} ({error.strerror}): import again with --refused FILE.",
                "refused-rows-lost",
            ) from None
        return path


def _free_name(path: Path, draft: Path) -> Path:
    for number in count(2):
        if not path.exists() or filecmp.cmp(path, draft, shallow=False):
            break
        stem = path.stem.rpartition(".refused")[0]
        path = path.with_name(f"{stem}.refused-{number}{path.suffix}")
    return path


def _is_same(path: str, other: str) -> bool:
    return Path(path).exists() and Path(path).samefile(other)


@contextmanager
def _progress(opened: IO[Any]) -> Iterator[Callable[[int], None]]:
    """Show how far the import is, on a terminal; say nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.progress import Progress  # noqa: PLC0415  Slow, and only for terminals.

    size = os.fstat(opened.fileno()).st_size if opened.seekable() else None
    with Progress(console=console_for(sys.stderr), transient=True) as bar:
        task = bar.add_task("Importing", total=size)

        def advance(rows: int) -> None:
            done = None if size is None else opened.tell()
            bar.update(task, completed=done, description=f"Read {rows:,}")

        yield advance


def _shown(report: Report, first: list[Refusal]) -> Iterator[str]:
    yield (
        f"Read {report.read:,}: {report.stored:,} stored, "
        f"{report.already_there:,} already there, {report.refused:,} refused."
    )
    if report.resembling:
        yield f"{report.resembling:,} may be somebody who was there already:"
    for alike in report.possible_duplicates[:_SHOWN]:
        yield f"  line {alike.line}: {alike.patient_id} and {alike.resembles_id}"
    if report.reasons:
        yield "Refused because of:"
    for reason, times in sorted(report.reasons.items(), key=lambda item: -item[1]):
        yield f"{times:>8,}  {reason}"
    if first:
        yield "The first of them:"
    for refusal in first:
        yield f"  line {refusal.line}: {refusal.detail} ({refusal.reason.value})"
