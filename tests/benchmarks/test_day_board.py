from __future__ import annotations

from clinicflow_core.memory import MemoryStore
from tests.benchmarks.day_board import beside_json, report
from tests.builders import Watch
from tests.flask.desk import NOW


def test_a_full_day_is_a_small_page():
    taken = beside_json(MemoryStore(Watch(NOW)), 1)

    assert 20_000 < taken["page"].size < 100_000
    assert taken["board alone"].size < taken["page"].size < taken["JSON"].size
    assert [line.split()[-2:] for line in report(taken).splitlines()] == [
        ["x", "JSON"]
    ] * 3
