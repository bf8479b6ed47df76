from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.entities.appointment import IntakeStatus, Status
from clinicflow_core.figures.rates import Rate, Share
from clinicflow_core.figures.visits import (
    DueVisits,
    IntakeProgress,
    StatusCounts,
    arrivals,
    awaiting_signature,
    cancellations,
    due_visits,
    intake_progress,
    lead_times,
    visits_by_status,
)
from tests.core.figures.visits import NOON, came, counted

ONE_OF_EACH = [counted(status=status) for status in Status]


def test_every_visit_counts_once_as_it_stands():
    found = visits_by_status(ONE_OF_EACH)

    assert found == StatusCounts(
        unconfirmed=1, confirmed=1, completed=1, no_show=1, cancelled=1
    )
    assert found.booked == len(Status)


@pytest.mark.parametrize(
    ("times", "is_due"),
    [
        pytest.param("11:59-12:30", True, id="goes on"),
        pytest.param("12:00-12:30", True, id="starts now"),
        pytest.param("12:01-12:30", False, id="starts in a minute"),
    ],
)
@pytest.mark.parametrize("status", Status)
def test_a_visit_is_due_from_its_start_on_unless_it_was_cancelled(
    times, is_due, status
):
    found = due_visits([counted(times, status=status)], NOON)

    assert found.due == (is_due and status is not Status.CANCELLED)


def test_due_visits_that_nobody_settled_are_open_and_count():
    found = due_visits(ONE_OF_EACH, NOON)

    assert found == DueVisits(completed=1, no_show=1, open=2)
    assert found.no_shows == Rate(1, 4)


def test_late_cancellations_are_told_of_all_cancelled_and_of_all_booked():
    late = counted(status=Status.CANCELLED, cancelled_late=True)
    in_time = [counted(status=Status.CANCELLED) for _ in range(3)]

    found = cancellations([late, *in_time, *ONE_OF_EACH])

    assert found.cancelled_of_booked == Rate(5, 9)
    assert found.late_of_cancelled == Rate(1, 5)
    assert found.late_of_booked == Rate(1, 9)


@pytest.mark.parametrize(
    ("seconds", "minutes", "on_time"),
    [
        pytest.param(-600, -10, 1, id="ten minutes early"),
        pytest.param(-30, -1, 1, id="half a minute early"),
        pytest.param(0, 0, 1, id="at the start"),
        pytest.param(30, 0, 0, id="half a minute late"),
        pytest.param(60, 1, 0, id="a minute late"),
    ],
)
def test_minutes_from_the_start_to_the_arrival_are_rounded_down(
    seconds, minutes, on_time
):
    found = arrivals([came(seconds), counted()])

    assert found.late_minutes.median == minutes
    assert found.on_time == Rate(on_time, 1)


def test_a_stay_is_from_arrival_to_completion_where_both_were_noted():
    done = came(0, stayed=45 * 60 + 59, status=Status.COMPLETED)
    imported = came(0, status=Status.COMPLETED)
    without_arrival = counted(status=Status.COMPLETED)
    still_there = came(0)

    found = arrivals([done, imported, without_arrival, still_there])

    assert (found.stay_minutes.count, found.stay_minutes.median) == (1, 45)
    assert found.noted == Share(2, 3)


def test_the_lead_time_is_from_the_booking_to_the_start_as_it_is_now():
    start = counted().starts_at
    visits = [
        counted(booked_at=start - timedelta(minutes=90, seconds=59)),
        counted(booked_at=start),
        counted(booked_at=start + timedelta(seconds=1)),
    ]

    found = lead_times(visits)

    assert (found.minutes.count, found.minutes.median) == (2, 45)
    assert found.minutes.upper_quartile == 67.5
    assert found.entered_late == 1


def test_the_forms_of_all_visits_but_cancelled_ones_count():
    visits = [
        *(counted(intake_status=status) for status in IntakeStatus),
        counted(intake_status=IntakeStatus.COMPLETED, status=Status.NO_SHOW),
        counted(intake_status=IntakeStatus.COMPLETED, status=Status.CANCELLED),
    ]

    found = intake_progress(visits)

    assert found == IntakeProgress(missing=1, sent=1, completed=2)
    assert found.completion == Rate(2, 4)


def test_summaries_that_nobody_signed_are_counted():
    assert awaiting_signature([counted(awaits_signature=True), counted()]) == 1


def test_of_no_visits_every_rate_is_unknown():
    rates = [
        due_visits([], NOON).no_shows,
        cancellations([]).cancelled_of_booked,
        cancellations([]).late_of_cancelled,
        cancellations([]).late_of_booked,
        arrivals([]).on_time,
        intake_progress([]).completion,
    ]

    assert [rate.rate for rate in rates] == [None] * 6
