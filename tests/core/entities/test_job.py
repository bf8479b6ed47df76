from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from clinicflow_core.entities.ids import EventId
from clinicflow_core.entities.job import Job, JobStatus
from clinicflow_core.errors import InvalidTransitionError
from tests.builders import NOW

SOON = NOW + timedelta(minutes=1)


def job(**fields):
    return Job(
        id=EventId(uuid4()),
        kind="summary.asked-for",
        record_id=uuid4(),
        available_at=NOW,
        **fields,
    )


@pytest.mark.parametrize(
    ("which", "now", "status"),
    [
        pytest.param(job(), NOW, JobStatus.WAITING, id="new"),
        pytest.param(job(leased_until=SOON), NOW, JobStatus.LEASED, id="leased"),
        pytest.param(job(leased_until=SOON), SOON, JobStatus.WAITING, id="lease over"),
        pytest.param(job().done(NOW), NOW, JobStatus.DONE, id="done"),
        pytest.param(job().given_up(NOW, "X"), NOW, JobStatus.DEAD, id="given up"),
        pytest.param(
            job().given_up(NOW, "X").dropped(NOW), NOW, JobStatus.DONE, id="dropped"
        ),
        pytest.param(
            job().given_up(NOW, "X").revived(NOW), NOW, JobStatus.WAITING, id="revived"
        ),
    ],
)
def test_where_a_job_stands(which, now, status):
    assert which.status(now) is status


def test_a_job_that_is_put_off_is_let_go_of():
    later = job(attempts=1, leased_until=SOON).put_off(SOON, "LookupError")

    assert (later.available_at, later.leased_until) == (SOON, None)
    assert (later.attempts, later.error) == (1, "LookupError")


@pytest.mark.parametrize("step", ["revived", "dropped"])
@pytest.mark.parametrize("which", [job(), job(leased_until=SOON), job().done(NOW)])
def test_only_a_dead_letter_is_revived_or_dropped(which, step):
    with pytest.raises(InvalidTransitionError, match="job"):
        getattr(which, step)(NOW)
