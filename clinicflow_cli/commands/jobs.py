"""`clinicflow jobs`: what workers have yet to do, and what was given up."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import click

from clinicflow_cli.composition import Reception, pass_reception
from clinicflow_cli.options import example, in_clinic
from clinicflow_cli.output import table, tell
from clinicflow_core.desk import accounts
from clinicflow_core.desk import jobs as acts
from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.ports import PageRequest, UnitOfWork
from clinicflow_core.timespan import wall_clock
from clinicflow_core.wire import dump

_AT_ONCE = 200
_ID = "c0a80101-7b2e-4d5f-8a9b-0c1d2e3f4a5b"

# Those that somebody has to look at come first.
_OPEN = (JobStatus.DEAD, JobStatus.LEASED, JobStatus.WAITING)

_job = click.argument("job_id", metavar="ID", type=click.UUID)


@click.group(epilog=example("clinicflow jobs list --status dead"))
def jobs() -> None:
    """List jobs, and retry or drop those that were given up."""


@jobs.command(
    "list",
    epilog=example("clinicflow jobs list", "clinicflow jobs list --status dead --json"),
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in JobStatus]),
    help="Only these; without it all but those that are done.",
)
@in_clinic
@pass_reception
def list_jobs(reception: Reception, status: str | None) -> None:
    """
    List jobs: those that were given up, are under way, and wait, in this order.

    Of what went wrong the last time only the kind is told.
    """
    uow = reception.unit_of_work()
    statuses = [JobStatus(status)] if status else _OPEN
    found = [(each, job) for each in statuses for job in _all_in(each, uow)]
    zone = accounts.clinic(uow).zone
    rows = table("From", "What", "Record", "Status", "Tries", "Error", "Id")
    for state, job in found:
        rows.add_row(
            f"{wall_clock(job.available_at, zone):%Y-%m-%d %H:%M}",
            job.kind,
            str(job.record_id),
            state.value,
            str(job.tries),
            job.error or "",
            str(job.id),
        )
    tell(
        {"items": [_in_json(state, job) for state, job in found]},
        rows if found else "There are no such jobs.",
    )


@jobs.command(epilog=example(f"clinicflow jobs retry {_ID}"))
@_job
@in_clinic
@pass_reception
def retry(reception: Reception, job_id: UUID) -> None:
    """Let the job ID, which was given up, be tried again from now on."""
    revived = acts.retry(EventId(job_id), reception.unit_of_work())
    tell(revived, f"The job {revived.id} waits for a worker again.")


@jobs.command(epilog=example(f"clinicflow jobs drop {_ID}"))
@_job
@in_clinic
@pass_reception
def drop(reception: Reception, job_id: UUID) -> None:
    """Let the job ID, which was given up, be for good."""
    dropped = acts.drop(EventId(job_id), reception.unit_of_work())
    tell(dropped, f"Dropped the job {dropped.id}.")


def _all_in(status: JobStatus, uow: UnitOfWork) -> Iterator[Job]:
    page = acts.page(status, PageRequest(limit=_AT_ONCE), uow)
    yield from page.items
    while page.next:
        page = acts.page(status, PageRequest(page.next, limit=_AT_ONCE), uow)
        yield from page.items


def _in_json(status: JobStatus, job: Job) -> dict[str, object]:
    fields = dump(job)
    assert isinstance(fields, dict)
    return {**fields, "status": status.value, "tries": job.tries}
