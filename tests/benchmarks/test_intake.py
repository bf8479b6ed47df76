from __future__ import annotations

import pytest

from clinicflow_core.sql.store import open_store
from tests.benchmarks.intake import beside_storing, growth, report
from tests.builders import open_clinic


def test_each_form_is_stored_and_summarized_in_one_run(sqlite_url):
    clinic = open_clinic(open_store(sqlite_url))

    costs = beside_storing(clinic, 2)

    assert len(costs.stored) == len(costs.summarized) == len(costs.checked) == 2
    assert costs.share > 0


def test_the_figures_are_shown_as_two_tables(sqlite_url):
    costs = beside_storing(open_clinic(open_store(sqlite_url)), 1)

    lines = report({"SQLite": costs}, growth((1, 2))).splitlines()

    assert [line.split()[0] for line in lines[:3]] == ["ms", "SQLite", "characters"]
    assert len(lines[3].split()) == 4
    assert len(lines[4].split()) == 5


@pytest.mark.slow
def test_ten_times_the_text_takes_at_most_twelve_times_the_time():
    ten, hundred = growth((10, 100))

    assert hundred.characters == pytest.approx(10 * ten.characters, rel=0.02)
    assert hundred.total <= 12 * ten.total
