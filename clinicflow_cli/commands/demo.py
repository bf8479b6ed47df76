"""`clinicflow demo`: a clinic to try."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING
from uuid import UUID

import click

from clinicflow_cli.commands.serve import refuse_taken, run_service
from clinicflow_cli.composition import Reception, SqlDatabase, pass_reception
from clinicflow_cli.demo import SEED
from clinicflow_cli.demo.plan import FormFate
from clinicflow_cli.failures import Failure, failure_of
from clinicflow_cli.options import example, json_option
from clinicflow_cli.output import tell
from clinicflow_cli.timetable import shown_day
from clinicflow_core.checks import zone
from clinicflow_core.clock import SystemClock
from clinicflow_core.entities.user import Role
from clinicflow_core.errors import ClinicFlowError

if TYPE_CHECKING:
    from clinicflow_cli.demo.story import Story

_HOST = "127.0.0.1"


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name is not None and (complaint := zone().complaint(name)):
        raise click.BadParameter(complaint)
    return name


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
@click.option(
    "--seed",
    type=int,
    default=SEED,
    show_default=True,
    help="Another one makes another clinic; the same at the same time the same.",
)
@click.option(
    "--timezone",
    callback=_zone,
    help="Where the clinic is; without, where it is day now.",
)
@json_option
@pass_reception
def demo(
    reception: Reception,
    port: int,
    no_serve: bool,
    database: Path,
    seed: int,
    timezone: str | None,
) -> None:
    """
    Make a clinic to try, with a lively day, and serve it.

    It has three doctors, a fortnight of visits around today, a waitlist, and intake
    forms with summaries, all of it invented. A double booking is tried and refused.
    """
    from clinicflow_cli.demo import staff, story  # noqa: PLC0415  Slow; not needed yet.

    url = f"sqlite:///{database.absolute()}"
    if not no_serve:
        refuse_taken(_HOST, port)
    _remove_older(database, url, staff.MARK)
    made_in = SqlDatabase(url)
    try:
        made_in.upgrade()
        now = SystemClock().now()
        where = timezone or story.where_it_is_open(now)
        told = story.tell_story(made_in, now, seed, where)
    finally:
        made_in.close()
    owner, *_ = told.accounts
    tell(
        {
            "database_url": url,
            "seed": seed,
            "clinic": told.clinic,
            "email": owner.email,
            "password": owner.password,
            "accounts": told.accounts,
            "begun": told.begun,
            "forms": {fate.value: form_id for fate, form_id in told.forms.items()},
            "visits": told.visits,
        },
        f"{told.clinic.name} is made in {database}.",
        "",
        *shown_day(told.day),
        "",
        *_told_refusal(told),
        "",
        *_told_pages(told, f"http://{_HOST}:{port}", is_served=not no_serve),
        "",
        "Look at it on the command line:",
        *_told_path(),
        f"  export DATABASE_URL='{url}'",
        "  clinicflow today",
        "  clinicflow agenda --week",
        f"  clinicflow figures --from {told.first_day}",
        "  clinicflow waitlist list",
        f"  clinicflow intake summary {told.forms[FormFate.SUBMITTED]}",
        "  clinicflow next --duration 45",
        "  clinicflow patient find tanaka",
        *(["  clinicflow serve"] if no_serve else ["", "Ctrl-C ends it."]),
    )
    if not no_serve:
        _serve(reception, url, port)


def _told_refusal(told: Story) -> Iterator[str]:
    tried = told.tried
    names: dict[UUID, str] = {
        each.doctor.id: each.doctor.name for each in told.day.doctors
    }
    yield (
        f"Tried to book {tried.wanted.date} {tried.wanted.start_time:%H:%M}, "
        "in the middle of another visit:"
    )
    yield f"  Error: {tried.refusal}"
    for line in failure_of(tried.refusal, doctors=names).details:
        yield f"  {line}"


def _told_pages(told: Story, root: str, *, is_served: bool) -> Iterator[str]:
    yield f"Sign in at {root}/{'' if is_served else ' once it is served'}:"
    for account in told.accounts:
        role = "reception" if account.role is Role.ADMIN else account.role.value
        yield (f"  {role:<9} {account.email:<23} {account.password:<16} {account.name}")
    yield ""
    begun = told.begun
    yield f"{begun.patient}, born {begun.birth_date}, has filled in half of this form:"
    yield f"  {root}{begun.path}"
    yield ""
    yield f"Programs find what the service answers at {root}/docs."


def _told_path() -> Iterator[str]:
    """Say where the command is, if a shell would not find it."""
    if which("clinicflow") is None:
        yield f"  export PATH={Path(sys.argv[0]).absolute().parent}:$PATH"


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
