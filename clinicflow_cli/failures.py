"""How a refusal is told on a terminal: the one place where errors are mapped."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import click

from clinicflow_cli.documents import document_of, place_in
from clinicflow_cli.terminals import inert

if TYPE_CHECKING:
    from clinicflow_core.scheduling.conflicts import RefusedOccurrence
    from clinicflow_core.scheduling.openings import Opening

JSON_ASKED = "clinicflow.json"
"""Where a context's `meta` keeps whether answers are wanted as JSON."""

COMMAND = "clinicflow.command"
"""Where it keeps the command that runs, whose options refusals name."""

TRACEBACK_ASKED = "CLINICFLOW_TRACEBACK"
"""With this variable an unexpected error shows where it comes from."""

_TYPED = "clinicflow.typed"

_COMPARED = re.compile(r"(?:(\w+) )?(must (?:not )?be (?:after|before)) (\w+)")
"""What is wrong with one field beside another: "to must not be before from"."""

_REFUSED_DOCUMENT = "The document cannot be taken as it is:"
_MOST_OCCURRENCES = 20
_NOBODY: Mapping[UUID, str] = MappingProxyType({})


class Failure(click.ClickException):
    """
    A refusal: one sentence on stderr, and exit status 1.

    Attributes:
        code: A stable name of the kind of refusal.
        details: Lines for people, below the sentence.
        facts: More for programs.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        code: str = "refused",
        details: Sequence[str] = (),
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = tuple(details)
        self.facts = facts or {}
        self._as_json = False

    def in_json(self) -> Failure:
        """Return it so that it is told as one JSON object."""
        failure = Failure(self.message, self.code, self.details, self.facts)
        failure._as_json = True
        return failure

    def show(self, file: IO[Any] | None = None) -> None:
        if self._as_json:
            told = {"code": self.code, "detail": self.message, **self.facts}
            click.echo(json.dumps(told, indent=2), file=file, err=file is None)
            return
        for line in (f"Error: {self.message}", *self.details):
            click.echo(inert(line), file=file, err=file is None)


class ClinicFlowGroup(click.Group):
    """
    A group that loads a command when it is asked for, and tells every refusal.

    Args:
        commands_in: For each command, in the order of the help, where it is found
            ("module:name") and what it does in one line.
    """

    def __init__(
        self,
        *args: Any,
        commands_in: Mapping[str, tuple[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.commands_in = commands_in or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  Click's.
        return list(self.commands_in)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  Click's.
        if cmd_name not in self.commands_in:
            return None
        module, _, name = self.commands_in[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002  Click's.
        formatter: click.HelpFormatter,
    ) -> None:
        rows = [(name, told) for name, (_, told) in self.commands_in.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta.setdefault(_TYPED, tuple(args))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit) as told:
            if isinstance(told, Failure) and ctx.meta.get(JSON_ASKED):
                raise told.in_json() from None
            raise
        except (BrokenPipeError, EOFError):
            raise  # Click ends quietly with these.
        except Exception as error:
            if isinstance(error, UnicodeError):
                _refuse_bytes(ctx.meta[_TYPED])
            if os.environ.get(TRACEBACK_ASKED):
                raise
            failure = failure_of(error, ctx.meta.get(COMMAND), _doctors_in(error, ctx))
            raise (failure.in_json() if ctx.meta.get(JSON_ASKED) else failure) from None


def _refuse_bytes(typed: Sequence[str]) -> None:
    """
    Raises:
        click.UsageError: If one of the arguments holds what is no text.
    """
    for argument in typed:
        if not _is_utf8(argument):
            shown = argument.encode("ascii", "backslashreplace").decode("ascii")
            raise click.UsageError(f"'{shown}' is not text in UTF-8.") from None


def _is_utf8(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def failure_of(
    error: Exception,
    command: click.Command | None = None,
    doctors: Mapping[UUID, str] = _NOBODY,
) -> Failure:
    """
    Return *error* as it is told on a terminal.

    Args:
        command: Whose options the problems are about; without it they are told by
            pointer.
        doctors: The names of those whose openings are told, as far as they are known.
    """
    from clinicflow_core import errors  # noqa: PLC0415  Help and usage do without it.
    from clinicflow_core.wire import dump  # noqa: PLC0415  As above.

    match error:
        case errors.BookingConflictError(conflicts=conflicts, alternatives=openings):
            return Failure(
                str(error),
                error.code,
                details=[
                    "Free instead:" if openings else "Nothing is free within a week.",
                    *(f"  {told_opening(o, doctors)}" for o in openings),
                ],
                facts={
                    "conflicts": [dump(conflict) for conflict in conflicts],
                    "alternatives": [dump(opening) for opening in openings],
                },
            )
        case errors.SeriesConflictError(occurrences=occurrences):
            return Failure(
                "Visits of the series cannot take their time; nothing was changed.",
                error.code,
                details=list(_told_occurrences(occurrences)),
                facts={"occurrences": [dump(each) for each in occurrences]},
            )
        case errors.InvalidError(problems=problems) if command is not None:
            told = [by_option(p.pointer, p.detail, command) for p in problems]
            facts = {"errors": [dump(p) for p in problems]}
            if document_of(command) is not None:
                message, details = _REFUSED_DOCUMENT, [f"  {each}" for each in told]
                return Failure(message, error.code, details, facts)
            return Failure("; ".join(told), error.code, facts=facts)
        case errors.ClinicFlowError():
            return Failure(str(error), error.code)
        case OSError(strerror=str(reason), filename=name) if name is not None:
            return Failure(f"{os.fsdecode(name)}: {reason}.", "system")
        case OSError(strerror=str(reason)):
            return Failure(f"{reason}.", "system")
    # Its text could show what the record holds, or how to get at it.
    return Failure(
        f"Something unexpected happened ({type(error).__name__}); "
        f"with {TRACEBACK_ASKED}=1 it is shown in full.",
        "unexpected",
    )


def told_opening(opening: Opening, doctors: Mapping[UUID, str] = _NOBODY) -> str:
    """Return when an opening is, and with whom if that is among *doctors*."""
    start, end = opening.start_time, opening.end_time
    name = doctors.get(opening.doctor_id)
    return f"{opening.date} {start:%H:%M}-{end:%H:%M}{f'  {name}' if name else ''}"


def by_option(pointer: str, detail: str, command: click.Command) -> str:
    """
    Return what is wrong, with the option or argument of *command* that holds it.

    What a document holds is told by where it stands there.
    """
    labels = {(param.name or "").rstrip("_"): _label(param) for param in command.params}
    if compared := _COMPARED.fullmatch(detail):
        named = (labels.get(word, word) for word in compared.groups(default=""))
        detail = " ".join(filter(None, named))
    if not pointer:
        return detail
    if (document := document_of(command)) is not None:
        return f"{place_in(document, pointer)}: {detail}"
    steps = pointer.strip("/").split("/")
    for name in ("_".join(steps), steps[-1], f"{steps[-1]}_stdin", steps[0]):
        if name in labels:
            return f"{labels[name]}: {detail}"
    return f"{pointer}: {detail}"


def _label(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else param.opts[0].upper()


def _told_occurrences(occurrences: Sequence[RefusedOccurrence]) -> Iterator[str]:
    for each in occurrences[:_MOST_OCCURRENCES]:
        messages = " ".join(conflict.message for conflict in each.conflicts)
        yield f"  {each.date} {each.start_time:%H:%M}: {messages}"
    if (more := len(occurrences) - _MOST_OCCURRENCES) > 0:
        yield f"  and {more} more"


def _doctors_in(error: Exception, ctx: click.Context) -> Mapping[UUID, str]:
    """Return the names of doctors, if *error* tells of openings."""
    from clinicflow_cli.composition import Reception  # noqa: PLC0415  It knows us.
    from clinicflow_cli.people import doctor_names  # noqa: PLC0415  As above.
    from clinicflow_core.errors import ClinicFlowError  # noqa: PLC0415  As above.

    reception = ctx.find_object(Reception)
    tells_openings = bool(getattr(error, "alternatives", None))
    if reception is not None and tells_openings:
        # A refusal is told in any case.
        with suppress(ClinicFlowError, Failure):
            return doctor_names(reception.unit_of_work())
    return _NOBODY
