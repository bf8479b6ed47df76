from __future__ import annotations

from datetime import timedelta

import pytest

from clinicflow_core.scheduling import grid
from clinicflow_core.scheduling.grid import forget_grids, grid_of
from tests.builders import DAY, ZONE, hours


@pytest.fixture(autouse=True)
def no_grids():
    forget_grids()
    yield
    forget_grids()


def of_day(number):
    day = DAY + timedelta(days=number)
    return grid_of(hours("09:00-17:00"), (), ZONE, day, day, 30, 30)


def test_a_grid_is_made_once():
    assert of_day(0) is of_day(0)
    assert of_day(0) is not of_day(1)


def test_the_grids_that_were_asked_for_last_are_kept(monkeypatch):
    monkeypatch.setattr(grid, "MOST_STARTS_KEPT", 2 * len(of_day(0).times))
    first, second = of_day(0), of_day(1)
    assert of_day(0) is first

    of_day(2)

    assert of_day(0) is first
    assert of_day(1) is not second


def test_what_is_forgotten_is_made_anew():
    before = of_day(0)

    forget_grids()

    assert of_day(0) is not before
