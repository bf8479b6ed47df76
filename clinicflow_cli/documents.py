"""JSON documents: what is wrong with one that is read is told by where it stands."""

from __future__ import annotations

import json

import click


class Document(click.Path):
    """The path of a JSON document; "-" is standard input."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, allow_dash=True)


def read_document(path: str) -> object:
    """
    Raises:
        UnreadableError: If it is not JSON as ClinicFlow reads it.
    """
    from clinicflow_core.json_text import read_json  # noqa: PLC0415  Help needs none.

    with click.open_file(path, "rb") as opened:
        return read_json(opened.read())


def print_document(document: object) -> None:
    """Print a document that another system reads, in ASCII: it can go anywhere."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True))


def document_of(command: click.Command) -> click.Parameter | None:
    """Return the first parameter of *command* that is a document."""
    return next((p for p in command.params if isinstance(p.type, Document)), None)


def place_in(document: click.Parameter, pointer: str) -> str:
    """Return where *pointer* leads to in what *document* holds; it, for all of it."""
    return pointer.removeprefix(f"/{document.name}") or str(document.metavar)
