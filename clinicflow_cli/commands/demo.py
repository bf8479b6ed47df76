"""`clinicflow demo`: a clinic to try."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from uuid import UUID

import click

from clinicflow_cli.commands.serve import refuse_taken, run_service
from clinicflow_cli.composition import Reception, SqlDatabase, pass_reception
from clinicflow_cli.failures import Failure, failure_of
from clinicflow_cli.options import example, json_option
from clinicflow_cli.output import tell
from clinicflow_cli.timetable import shown_day
from clinicflow_core.clock import SystemClock
from clinicflow_core.errors import ClinicFlowError

_HOST = "127.0.0.1"


@click.command(
    epilog=example("clinicflow demo", "clinicflow demo --no-serve --database try.db")
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Where to serve it.",
)
@click.option("--no-serve", is_flag=True, help="Make it, and serve nothing.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default="clinicflow-demo.db",
    show_default=True,
    metavar="FILE",
    help="The SQLite file to make; an older demo there is replaced, nothing else.",
)
@json_option
@pass_reception
def demo(reception: Reception, port: int, no_serve: bool, database: Path) -> None:
    """
    Make a clinic to try, with a lively day, and serve it.

    Three doctors and thirty invented patients are imported and visits are booked
    around today; a double booking is tried and refused.
    """
    from clinicflow_cli.demo import story  # noqa: PLC0415  Slow, and needs nothing yet.

    url = f"sqlite:///{database.absolute()}"
    if not no_serve:
        refuse_taken(_HOST, port)
    _remove_older(database, url, story.MARK)
    made_in = SqlDatabase(url)
    try:
        made_in.upgrade()
        told = story.tell_story(made_in, SystemClock().now())
    finally:
        made_in.close()
    tried = told.tried
    names: dict[UUID, str] = {
        each.doctor.id: each.doctor.name for each in told.day.doctors
    }
    tell(
        {
            "database_url": url,
            "clinic": told.clinic,
            "email": story.EMAIL,
            "password": story.PASSWORD,
        },
        f"{told.clinic.name} is made in {database}.",
        "",
        *shown_day(told.day),
        "",
        f"Tried to book {tried.wanted.date} {tried.wanted.start_time:%H:%M}, "
        "in the middle of another visit:",
        f"  Error: {tried.refusal}",
        *(f"  {line}" for line in failure_of(tried.refusal, doctors=names).details),
        "",
        "Look at it on the command line:",
        f"  export DATABASE_URL='{url}'",
        "  clinicflow agenda --ids",
        "  clinicflow next --duration 45",
        "  clinicflow waitlist list",
        "  clinicflow patient find tanaka",
        *([] if no_serve else _told_of_service(port, story.EMAIL, story.PASSWORD)),
    )
    if not no_serve:
        _serve(reception, url, port)


def _told_of_service(port: int, email: str, password: str) -> list[str]:
    root = f"http://{_HOST}:{port}"
    return [
        "",
        f"Or over HTTP, at {root}/docs, signed in as {email} with {password}:",
        f"  curl {root}/api/auth/login -H 'Content-Type: application/json' \\",
        f"""    -d '{{"email": "{email}", "password": "{password}"}}'""",
        "",
        "Ctrl-C ends it.",
    ]


def _serve(reception: Reception, url: str, port: int) -> None:
    # A demo must not sign its tokens with a real clinic's secret.
    os.environ["ENVIRONMENT"] = "development"
    os.environ["JWT_SECRET_KEY"] = secrets.token_urlsafe(48)
    run_service(reception.elsewhere(url), host=_HOST, port=port)


def _remove_older(path: Path, url: str, mark: str) -> None:
    if not path.exists():
        return
    older = SqlDatabase(url)
    try:
        with older.open_store().entrance() as entrance:
            is_ours = all(mark in c.clinic_metadata for c in entrance.clinics())
    except (ClinicFlowError, Failure):
        is_ours = False
    finally:
        older.close()
    if not is_ours:
        raise Failure(
            f"{path} is there and is no demo: name another file with --database.",
            "not-a-demo",
        )
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
