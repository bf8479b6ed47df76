"""What the commands' options share, and the way from options to a request."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import click

from clinicflow_cli.composition import Reception
from clinicflow_cli.failures import COMMAND, JSON_ASKED, by_option
from clinicflow_core.errors import InvalidError
from clinicflow_core.wire import structure

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def example(*lines: str) -> str:
    """Return *lines* as the epilog of a command, left as they are."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class As(click.ParamType[T]):
    """A value read as strictly as in a request."""

    def __init__(self, kind: type[T], name: str) -> None:
        self.kind = kind
        self.name = name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> T:
        try:
            return (
                value if isinstance(value, self.kind) else structure(value, self.kind)
            )
        except InvalidError as error:
            self.fail(str(error), param, ctx)


def _note_json(ctx: click.Context, _: click.Parameter, chosen: bool) -> None:
    ctx.meta[COMMAND] = ctx.command
    if chosen:
        ctx.meta[JSON_ASKED] = True


def _note_clinic(ctx: click.Context, _: click.Parameter, chosen: UUID | None) -> None:
    reception = ctx.find_object(Reception)
    if chosen is not None and reception is not None:
        reception.clinic_id = chosen


json_option = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_note_json,
    help="Answer in JSON, for programs.",
)

clinic_option = click.option(
    "--clinic",
    type=click.UUID,
    metavar="ID",
    expose_value=False,
    callback=_note_clinic,
    help="The clinic; needed only where there are several.",
)


def in_clinic(command: F) -> F:
    """Add the options of every command that works in one clinic."""
    return clinic_option(json_option(command))


def request(kind: type[T], **values: object) -> T:
    """
    Return the *kind* that the options ask for; those that are None are left out.

    Options are named as the request's fields, or hold the field's name in theirs.

    Raises:
        click.UsageError: If it is wrong, with every problem, by option.
    """
    try:
        return structure(given(**values), kind)
    except InvalidError as error:
        command = click.get_current_context().command
        problems = (by_option(p.pointer, p.detail, command) for p in error.problems)
        raise click.UsageError("\n".join(problems)) from None


def given(**values: object) -> dict[str, object]:
    """Return those of *values* that are not None; `from_` stands for "from"."""
    return {n.rstrip("_"): value for n, value in values.items() if value is not None}


def password_from(stdin: bool) -> str:
    """
    Return the password: the first line of standard input, or what is typed unseen.

    Raises:
        click.UsageError: If it is not on standard input and there is no terminal.
    """
    if stdin:
        line = sys.stdin.buffer.readline()
        return line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Give the password with --password-stdin.")
    typed: str = click.prompt(
        "Password", hide_input=True, confirmation_prompt=True, err=True
    )
    return typed


password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from the first line of standard input.",
)
