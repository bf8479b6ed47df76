"""How a refusal is told on a terminal: the one place where errors are mapped."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import IO, Any

import click

JSON_ASKED = "clinicflow.json"
"""Where a context's `meta` keeps whether answers are wanted as JSON."""

TRACEBACK_ASKED = "CLINICFLOW_TRACEBACK"
"""With this variable an unexpected error shows where it comes from."""


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
            click.echo(line, file=file, err=file is None)


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
            if os.environ.get(TRACEBACK_ASKED):
                raise
            failure = failure_of(error)
            raise (failure.in_json() if ctx.meta.get(JSON_ASKED) else failure) from None


def failure_of(error: Exception) -> Failure:
    """Return *error* as it is told on a terminal."""
    from clinicflow_core import errors  # noqa: PLC0415  Help and usage do without it.
    from clinicflow_core.wire import dump  # noqa: PLC0415  As above.

    match error:
        case errors.BookingConflictError(conflicts=conflicts, alternatives=openings):
            return Failure(
                str(error),
                error.code,
                details=[
                    "Free instead:" if openings else "Nothing is free within a week.",
                    *(
                        f"  {o.date} {o.start_time:%H:%M}-{o.end_time:%H:%M}"
                        for o in openings
                    ),
                ],
                facts={
                    "conflicts": [dump(conflict) for conflict in conflicts],
                    "alternatives": [dump(opening) for opening in openings],
                },
            )
        case errors.InvalidError(problems=problems):
            return Failure(
                str(error), error.code, facts={"errors": [dump(p) for p in problems]}
            )
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
