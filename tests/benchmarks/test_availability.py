from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.benchmarks.availability import LOOPS, agreed_answers, main, workload

DATA = Path(__file__).parents[1] / "data" / "availability"
"""A week of one doctor with a clock change, and what is free in it."""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with that week, under two names."""
    for name in ("S1", "S2"):
        shutil.copy(DATA / "S.json", tmp_path / f"{name}.json")
    return tmp_path


def read(path):
    return json.loads(path.read_text())


def some_workload(chance, zone, first):
    """Return ten days of two doctors, whose visits overlap and leave the hours."""

    def visit():
        day = first + timedelta(days=chance.randrange(10))
        wall = datetime.combine(day, time(5), ZoneInfo(zone))
        start = wall + timedelta(minutes=chance.randrange(14 * 60))
        minute = int(start.astimezone(UTC).timestamp()) // 60
        return [minute, minute + chance.randint(1, 120)]

    noon = chance.randrange(11 * 60, 13 * 60)
    return {
        "tz": zone,
        "first": first.isoformat(),
        "days": 10,
        "periods": [[chance.randrange(6 * 60, 9 * 60), noon], [noon + 45, 18 * 60]],
        "weekdays": [0, 2, 3, 5, 6],
        "dur": chance.randint(5, 90),
        "step": chance.choice([5, 15, 20, 60]),
        "buf": chance.choice([0, 5, 40]),
        "doctors": [
            {"id": key, "busy": [visit() for _ in range(chance.randrange(60))]}
            for key in (1, 2)
        ],
    }


def test_what_is_expected_is_found_and_written(tmp_path, capsys):
    main([str(DATA), "--rounds=1", f"--answers={tmp_path}", f"--expected={DATA}"])

    assert read(tmp_path / "S.json") == read(DATA / "availability_expected_S.json")
    assert capsys.readouterr().out.startswith("As expected: S\n")


def test_workloads_of_a_series_are_compared(folder, capsys):
    main([str(folder), "--rounds=1"])

    *_, last = capsys.readouterr().out.splitlines()
    assert last.split()[:5] == ["S1", "-", "S2", "1.00", "1.00"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda starts: starts.pop(),
            "0 missing, 1 wrong, the first at 2027-03-16T19:45:00+00:00",
            id="a start is not expected",
        ),
        pytest.param(
            lambda starts: starts.append(0),
            "1 missing, 0 wrong, the first at 1970-01-01T00:00:00+00:00",
            id="a start is missing",
        ),
        pytest.param(list.reverse, "in another order", id="another order"),
    ],
)
def test_anything_else_than_expected_fails(folder, change, told):
    expected = read(DATA / "availability_expected_S.json")
    change(expected[0])
    (folder / "availability_expected_S2.json").write_text(json.dumps(expected))

    with pytest.raises(SystemExit, match="S2 differs from") as refused:
        main([str(folder), f"--expected={folder}"])

    assert told in refused.value.code


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_that_finds_anything_else_fails(folder, monkeypatch, name):
    monkeypatch.setitem(LOOPS, name, lambda load: [[] for _ in load.doctors])

    with pytest.raises(SystemExit, match=f"S1: the library differs .* on {name}: "):
        main([str(folder)])


def test_expecting_nothing_fails(folder):
    with pytest.raises(SystemExit, match="Nothing that was found"):
        main([str(folder), f"--expected={folder}"])


def test_answers_are_not_written_over_workloads(folder):
    before = (folder / "S1.json").read_text()

    with pytest.raises(SystemExit):
        main([str(folder), f"--answers={folder}"])

    assert (folder / "S1.json").read_text() == before


def test_a_folder_without_workloads_fails(tmp_path):
    with pytest.raises(SystemExit, match="There is no workload"):
        main([str(tmp_path)])


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("zone", "first"),
    [
        pytest.param("America/New_York", date(2027, 3, 10), id="an hour is skipped"),
        pytest.param("Europe/Berlin", date(2027, 10, 27), id="an hour is repeated"),
        pytest.param("Asia/Kolkata", date(2027, 6, 1), id="no clock change"),
    ],
)
def test_library_and_loops_find_the_same(zone, first, seed):
    told = some_workload(random.Random(seed), zone, first)

    found = agreed_answers(workload("random", told))

    assert any(found)
