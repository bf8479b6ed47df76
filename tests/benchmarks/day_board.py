"""
What the day board costs beside the JSON of the same day.

    python -m tests.benchmarks.day_board [--database-url URL] [--tries 40]

Ten doctors see twenty patients each. The page, what an open page asks for by itself,
and `GET /api/schedule/day` are asked for in turn, in an SQLite file and, given its URL,
in a migrated PostgreSQL. Of each the median counts; there is no network between.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from attrs import frozen

from clinicflow_core.entities.user import Role
from clinicflow_core.ports import Store
from clinicflow_core.settings import Environment, Settings
from clinicflow_core.sql.migration import upgrade
from clinicflow_core.sql.store import open_store
from clinicflow_flask import create_app
from tests.builders import Watch
from tests.flask.desk import NOW, SECRET, Desk
from tests.flask.pages.browser import Browser

DOCTORS = 10
VISITS_EACH = 20
TUESDAY = "2026-03-03"


@frozen
class Asked:
    """What one way of asking for the day costs: bytes, and seconds each time."""

    size: int
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--database-url", help="a PostgreSQL, migrated")
    parser.add_argument("--tries", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{Path(folder) / 'board.db'}"}
        upgrade(urls["SQLite"])
        if options.database_url:
            urls["PostgreSQL"] = options.database_url
        for name, url in urls.items():
            with closing(open_store(url, Watch(NOW))) as store:
                print(name, report(beside_json(store, options.tries)), sep="\n")


def beside_json(store: Store, tries: int) -> dict[str, Asked]:
    """Ask for a full day in each way, so many times, in turn."""
    settings = Settings(environment=Environment.TEST, jwt_secret_key=SECRET)
    app = create_app(settings, store)
    desk = Desk.opened(app, store, Role.OWNER, None)
    fill(desk)
    browser = Browser.started(app, desk).client
    client, token = app.test_client(), {"Authorization": f"Bearer {desk.token}"}
    ways: dict[str, Callable[[], bytes]] = {
        "page": lambda: browser.get(f"/day/{TUESDAY}").data,
        "board alone": lambda: browser.get(f"/day/{TUESDAY}/board").data,
        "JSON": lambda: (
            client.get(f"/api/schedule/day?date={TUESDAY}", headers=token).data
        ),
    }
    taken = {name: Asked(len(ask()), []) for name, ask in ways.items()}
    for _ in range(tries):
        for name, ask in ways.items():
            begun = time.perf_counter()
            ask()
            taken[name].seconds.append(time.perf_counter() - begun)
    return taken


def fill(desk: Desk) -> None:
    """Book all doctors' Tuesday, a patient every 24 minutes."""
    for number in range(DOCTORS):
        doctor_id = desk.doctor(f"Dr. Number {number}")
        for place in range(VISITS_EACH):
            minute = 9 * 60 + place * 24
            desk.book(
                doctor_id=doctor_id,
                patient_id=desk.patient(f"Patricia {number}-{place}", "Longlastname"),
                start_time=f"{minute // 60:02}:{minute % 60:02}",
                duration=20,
                visit_category="follow-up",
            )


def report(taken: dict[str, Asked]) -> str:
    """Return what each way costs, as a table."""
    lines = [
        f"  {name:12} {asked.size / 1000:6.1f} kB {asked.median * 1000:7.1f} ms "
        f"{asked.median / taken['JSON'].median:5.2f} x JSON"
        for name, asked in taken.items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
