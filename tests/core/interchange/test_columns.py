from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from clinicflow_core.errors import InvalidError
from clinicflow_core.interchange import columns
from clinicflow_core.interchange.reasons import UnfitError
from clinicflow_core.interchange.records import WallClock
from clinicflow_core.timespan import TimeSpan

LOCAL = {"date": "2025-03-03", "start_time": "09:00:30", "duration": "45"}
INSTANTS = {"starts_at": "2025-03-03T09:00:30-05:00", "ends_at": "2025-03-03T14:45:30Z"}


def visit(**cells):
    return columns.visit({"doctor_id": "d1", "patient_id": "p1", **cells})


def test_a_person_without_an_id_is_told_from_others_by_what_the_row_says():
    ann = {"first_name": "Ann", "last_name": "Lee"}

    first = columns.person(ann)
    turned = columns.person({"last_name": "Lee", "first_name": "Ann"})
    other = columns.person(ann | {"phone": "1"})

    assert first.key == turned.key != other.key
    assert first.key.startswith("sha256:")
    assert first.facts == ann


def test_a_person_with_an_id_is_told_from_others_by_that():
    found = columns.person({"id": "p 1/2", "first_name": "Ann"})

    assert found.key == "p 1/2"
    assert found.facts == {"first_name": "Ann"}


@pytest.mark.parametrize("key", ["x" * 256, "a\0b"])
def test_an_id_must_be_storable(key):
    with pytest.raises(InvalidError, match=r"^/id: must"):
        columns.person({"id": key})


def test_a_visit_can_be_given_by_the_clinics_clock():
    assert visit(id="v1", **LOCAL).when == WallClock(
        date(2025, 3, 3), time(9, 0, 30), 45
    )


def test_a_visit_can_be_given_by_its_instants():
    assert visit(id="v1", **INSTANTS).when == TimeSpan(
        datetime(2025, 3, 3, 14, 0, 30, tzinfo=UTC),
        datetime(2025, 3, 3, 14, 45, 30, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        pytest.param({}, "/date: is required", id="no time"),
        pytest.param(LOCAL | INSTANTS, "give either", id="two times"),
        pytest.param(LOCAL | {"date": "3.3.2025"}, "/date: must be a date", id="date"),
        pytest.param(LOCAL | {"date": "0000-01-01"}, "/date: must be", id="year 0"),
        pytest.param(LOCAL | {"start_time": "9"}, "/start_time: must", id="clock"),
        pytest.param({"date": "2025-03-03"}, "/duration: is required", id="length"),
        pytest.param(LOCAL | {"duration": "1.5"}, "/duration: must", id="half minutes"),
        pytest.param(LOCAL | {"duration": "0"}, "/duration: must be", id="no length"),
        pytest.param({"starts_at": "2025-03-03T09:00:00Z"}, "/ends_at: is", id="end"),
        pytest.param(INSTANTS | {"ends_at": "2025-03-03T09:00"}, "/ends_at", id="zone"),
        pytest.param(
            INSTANTS | {"ends_at": INSTANTS["starts_at"]},
            "must end after",
            id="at once",
        ),
    ],
)
def test_a_visit_that_cannot_be_read_is_refused(cells, complaint):
    with pytest.raises((InvalidError, UnfitError), match=complaint):
        visit(**cells)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        pytest.param({"patient_id": "p", **LOCAL}, "no-practitioner", id="no doctor"),
        pytest.param({"doctor_id": "d", **LOCAL}, "no-patient", id="no patient"),
        pytest.param(
            {"doctor_id": "d", "patient_id": "p", **LOCAL, "duration": "1441"},
            "too-long",
            id="a minute more than a day",
        ),
    ],
)
def test_a_visit_that_cannot_be_kept_is_refused_by_name(cells, reason):
    with pytest.raises(UnfitError) as refused:
        columns.visit(cells)

    assert refused.value.fault.reason.value == reason


def test_the_longest_visit_lasts_a_day():
    assert visit(**LOCAL | {"duration": "1440"}).when.duration == 1440
