from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from clinicflow_cli.main import cli

Path = tuple[str, ...]


def commands(
    group: click.Group, path: Path = ()
) -> Iterator[tuple[Path, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))
LEAVES = {path: c for path, c in ALL.items() if not isinstance(c, click.Group)}


def test_the_commands_that_other_programs_use_are_there():
    assert set(LEAVES) >= {
        ("init",),
        ("db", "upgrade"),
        ("db", "current"),
        ("db", "check"),
        ("db", "roles"),
        ("db", "retime"),
        ("clinic",),
        ("user", "create"),
        ("doctor", "add"),
        ("doctor", "hours"),
        ("doctor", "list"),
        ("doctor", "import"),
        ("hours",),
        ("time-off", "list"),
        ("time-off", "add"),
        ("time-off", "remove"),
        ("time-off", "stranded"),
        ("policy",),
        ("patient", "add"),
        ("patient", "find"),
        ("patient", "import"),
        ("visit", "import"),
        ("book",),
        ("agenda",),
        ("openings",),
        ("next",),
        ("reschedule",),
        ("cancel",),
        ("series", "book"),
        ("series", "show"),
        ("series", "move"),
        ("series", "cancel"),
        ("waitlist", "join"),
        ("waitlist", "list"),
        ("waitlist", "accept"),
        ("waitlist", "decline"),
        ("waitlist", "withdraw"),
        ("waitlist", "sweep"),
        ("questionnaire", "list"),
        ("questionnaire", "import"),
        ("questionnaire", "export"),
        ("intake", "send"),
        ("intake", "list"),
        ("intake", "show"),
        ("intake", "submit"),
        ("intake", "review"),
        ("intake", "resend"),
        ("intake", "revoke"),
        ("intake", "link"),
        ("intake", "summary"),
        ("serve",),
        ("worker",),
        ("jobs", "list"),
        ("jobs", "retry"),
        ("jobs", "drop"),
        ("demo",),
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example(path: Path):
    result = CliRunner().invoke(cli, [*path, "--help"])

    assert result.exit_code == 0
    assert f"clinicflow {' '.join(path)}" in result.stdout.partition("Example:")[2]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_answers_in_json_if_asked(path: Path):
    assert "--json" in {option for p in LEAVES[path].params for option in p.opts}


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_says_what_it_is_for(path: Path):
    silent = [
        p.name
        for p in LEAVES[path].params
        if isinstance(p, click.Option) and not p.help
    ]

    assert silent == []


def test_hours_are_one_command_under_two_names():
    assert ALL["hours",] is ALL["doctor", "hours"]


@pytest.mark.parametrize("name", [path[0] for path in ALL if len(path) == 1])
def test_the_list_of_commands_says_what_their_help_says(name: str):
    told = cli.commands_in[name][1]

    said = inspect.cleandoc(ALL[name,].help or "").replace("\n", " ")
    assert said.startswith(told[:-1])


def test_help_needs_no_database_library():
    script = (
        "import sys\n"
        "from clinicflow_cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print(sorted({'attrs', 'rich', 'sqlalchemy'} & set(sys.modules)))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert ran.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_wrong_usage():
    result = CliRunner().invoke(cli, ["bok"])

    assert result.exit_code == 2
    assert "bok" in result.stderr
