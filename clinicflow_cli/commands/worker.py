"""`clinicflow worker`: the jobs of all clinics are done."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import timedelta

import click

from clinicflow_cli.commands.database import require_current
from clinicflow_cli.commands.serve import refuse_open_walls
from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.logs import Lines, log_lines
from clinicflow_cli.options import example, json_option
from clinicflow_cli.output import tell
from clinicflow_cli.working import Outcome, until_told, work_all
from clinicflow_core.desk.jobs import LEASE, handlers
from clinicflow_core.settings import Environment


@click.command(
    epilog=example(
        "clinicflow worker", "clinicflow worker --once", "clinicflow worker --every 10"
    )
)
@click.option("--once", is_flag=True, help="End when no job is left that can be done.")
@click.option(
    "--lease",
    type=click.IntRange(1, 24 * 60 * 60),
    default=int(LEASE.total_seconds()),
    show_default=True,
    metavar="SECONDS",
    help="How long it has for a job, before another worker takes that over.",
)
@click.option(
    "--every",
    type=click.IntRange(1, 60 * 60),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="How often it looks for jobs when none is left.",
)
@json_option
@pass_reception
def worker(reception: Reception, once: bool, lease: int, every: int) -> None:
    """
    Do the jobs of all clinics until it is stopped.

    It makes the summaries of intake forms. What it is doing when it is stopped is done
    first. A job that fails is tried again, after a while that grows; 'clinicflow jobs'
    tells of those that were given up. Many workers can run at once.
    """
    by_kind = handlers(reception.summarizer)
    require_current(reception)
    refuse_open_walls(reception)
    as_json = reception.settings.environment is Environment.PRODUCTION
    log_lines({"()": Lines, "as_json": as_json})
    total: Counter[Outcome] = Counter()
    with until_told((signal.SIGTERM, signal.SIGINT)) as wait:
        while True:
            total += work_all(
                reception.store, by_kind, timedelta(seconds=lease), lambda: wait(0)
            )
            if once or wait(every):
                break
    tell(
        {outcome.value: total[outcome] for outcome in Outcome},
        ", ".join(f"{total[outcome]} {outcome.value}" for outcome in Outcome),
    )
