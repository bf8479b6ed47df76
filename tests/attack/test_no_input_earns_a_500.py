from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.flask.conftest import app, desk, open_desk, settings, store, watch
from tests.flask.desk import wrong

__all__ = ["app", "desk", "open_desk", "settings", "store", "watch"]


@pytest.mark.parametrize(
    "day", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"]
)
def test_a_day_that_can_hold_no_visit_is_refused(desk, day):
    desk.doctor()

    response = desk.get(f"/api/schedule/day?date={day}")

    assert wrong(response) == [("query", "/date")]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_agenda_of_such_a_day_is_refused_too(sqlite_url: str, day: str):
    shell = Shell(None, sqlite_url)
    shell.sets_up("Harbour Clinic", "ines@harbour.example")

    assert shell.refuses("agenda", "--date", day) == (
        "Error: --date: must be in the years 1900 to 2199\n"
    )
