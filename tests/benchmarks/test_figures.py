from __future__ import annotations

import pytest

from tests.benchmarks.figures import Costs, growth, measured, report


def test_every_way_reads_the_same_visits(sqlite_url):
    [costs] = measured(sqlite_url, 1, [2])

    assert costs.visits > 100
    assert min(costs.figures, costs.reading, costs.records) > 0


def test_the_costs_are_shown_as_a_table():
    found = [Costs(100, 10, 5, 20), Costs(400, 42, 20, 80)]

    *_, second, last = report(found).splitlines()

    assert second.split() == ["400", "42.0", "20.0", "80.0", "2.10", "0.53"]
    assert last == "4.0 times the visits cost 4.2 times the time"


@pytest.mark.slow
def test_ten_thousand_visits_cost_less_than_reading_them_twice(sqlite_url):
    found = measured(sqlite_url, 3)

    visits, cost = growth(found)
    assert found[-1].visits > 7_000
    assert cost < 1.3 * visits
    assert found[-1].beside_records < 2
