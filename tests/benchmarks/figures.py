"""
What the figures of thousands of visits cost, beside reading the same visits.

    python -m tests.benchmarks.figures [--database-url URL] [--rounds 5]

Writes clinics with some 2,500 and 9,000 visits into an SQLite file or, given the URL of
its owner, into a migrated PostgreSQL. Then in turn, in the same run: the figures of all
their days are counted by the act at the desk; what they are counted from is read, and
no more; and all visits are read as whole records, page by page, which is what counting
would need without a read of its own. Of each the fastest round counts, in the time of
this process on the processor.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from time import process_time

from attrs import frozen

from clinicflow_core.accounts.permissions import system
from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking, counting
from clinicflow_core.desk.counting import FiguresRequest
from clinicflow_core.ports import AppointmentFilter, PageRequest, UnitOfWork
from clinicflow_core.sql.engine import make_engine
from clinicflow_core.sql.migration import upgrade
from clinicflow_core.sql.store import open_store
from tests.crowded import Crowd, write_clinic

VISITS_A_DAY = (16, 64)
DAYS = 46
AT_ONCE = 200
FIRST = date(2026, 2, 20)
NOW = datetime.combine(date(2026, 3, 20), time(12), UTC)


@frozen
class Costs:
    """What the visits of one clinic cost, in ms."""

    visits: int
    figures: float
    reading: float
    records: float

    @property
    def beside_reading(self) -> float:
        """The figures, as a multiple of reading what they are counted from."""
        return self.figures / self.reading

    @property
    def beside_records(self) -> float:
        """The same, of reading the visits as whole records."""
        return self.figures / self.records


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--database-url")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        url = options.database_url or f"sqlite:///{Path(folder) / 'clinicflow.db'}"
        upgrade(url)
        print(report(measured(url, options.rounds)))


def measured(
    url: str, rounds: int, visits_a_day: Sequence[int] = VISITS_A_DAY
) -> list[Costs]:
    """Return what clinics with so many visits a doctor and day cost, in that order."""
    engine = make_engine(url)
    with engine.begin() as connection:
        crowds = [
            write_clinic(
                connection,
                seed=seed,
                timezone="America/New_York",
                first=FIRST,
                days=DAYS,
                now=NOW,
                visits_a_day=visits,
            )
            for seed, visits in enumerate(visits_a_day)
        ]
    engine.dispose()
    store = open_store(url, FixedClock(NOW))
    found = [
        _costs(crowd, store.unit_of_work(crowd.id, system("benchmark")), rounds)
        for crowd in crowds
    ]
    store.close()
    return found


def _costs(crowd: Crowd, uow: UnitOfWork, rounds: int) -> Costs:
    days = FiguresRequest(from_=crowd.first, to=crowd.last)
    which = AppointmentFilter(first=crowd.first, last=crowd.last)

    def read() -> None:
        with uow:
            uow.figures.read(crowd.first, crowd.last)

    def read_records() -> None:
        page = booking.page(which, PageRequest(limit=AT_ONCE), uow)
        while page.next:
            page = booking.page(which, PageRequest(page.next, AT_ONCE), uow)

    ways: Mapping[str, Callable[[], object]] = {
        "figures": lambda: counting.figures(days, uow),
        "reading": read,
        "records": read_records,
    }
    fastest = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds + 1):  # In the first one statements are prepared.
        for name, way in ways.items():
            start = process_time()
            way()
            fastest[name] = min(fastest[name], 1000 * (process_time() - start))
    booked = counting.figures(days, uow).total.visits.booked
    return Costs(booked, fastest["figures"], fastest["reading"], fastest["records"])


def report(found: Sequence[Costs]) -> str:
    """Return *found* as a table, and how the cost grows from first to last."""
    lines = ["visits  figures  reading  records  beside reading  beside records"]
    lines += [
        f"{costs.visits:>6} {costs.figures:>8.1f} {costs.reading:>8.1f} "
        f"{costs.records:>8.1f} {costs.beside_reading:>15.2f} "
        f"{costs.beside_records:>15.2f}"
        for costs in found
    ]
    visits, cost = growth(found)
    lines.append(f"{visits:.1f} times the visits cost {cost:.1f} times the time")
    return "\n".join(lines)


def growth(found: Sequence[Costs]) -> tuple[float, float]:
    """Return how many times the visits the last has, and how many times the cost."""
    first, last = found[0], found[-1]
    return last.visits / first.visits, last.figures / first.figures


if __name__ == "__main__":
    main()
