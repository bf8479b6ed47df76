from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clinicflow_cli.composition import SqlDatabase
from clinicflow_cli.demo import story
from clinicflow_core.desk import accounts
from clinicflow_core.wire import dump
from tests.builders import PASSWORD
from tests.cli.conftest import MemoryDatabase, Shell

pytestmark = pytest.mark.slow

EVENING = datetime(2026, 3, 4, 23, tzinfo=UTC)


class DemoDatabase(MemoryDatabase):
    def open_store(self, clock=None):
        assert clock is not None
        self.store._clock = clock
        return self.store


def told_at(now: datetime) -> story.Story:
    return story.tell_story(DemoDatabase(), now)


def outline(told: story.Story) -> list[tuple[object, ...]]:
    return [
        (
            doctor.doctor.name,
            visit.patient_name,
            dump(visit.appointment.start_time),
            visit.appointment.status.value,
        )
        for doctor in told.day.doctors
        for visit in doctor.visits
    ]


def test_the_same_day_is_the_same_demo():
    assert outline(told_at(EVENING)) == outline(told_at(EVENING))


@pytest.mark.parametrize("day", range(2, 9))
def test_every_day_of_the_week_is_lively(day: int):
    visits = outline(told_at(EVENING.replace(day=day)))

    assert len(visits) >= 15
    assert {status for *_, status in visits} >= {"completed", "cancelled", "no-show"}


def test_what_is_ahead_has_not_happened():
    morning = told_at(EVENING.replace(hour=11))

    assert {status for *_, status in outline(morning)} <= {
        "confirmed",
        "unconfirmed",
        "cancelled",
    }


def test_a_double_booking_is_refused():
    tried = told_at(EVENING).tried

    assert [c.kind.value for c in tried.refusal.conflicts] == ["doctor-busy"]
    assert tried.refusal.alternatives


def test_the_demo_makes_a_database_and_prints_the_day(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    told = shell.says("demo", "--no-serve")

    assert "Dr. Adaeze Okafor" in told
    assert "Error: The doctor has a visit from" in told
    made = SqlDatabase(f"sqlite:///{tmp_path / 'clinicflow-demo.db'}")
    signed_in = accounts.sign_in(
        accounts.Credentials(email=story.EMAIL, password=story.PASSWORD),
        made.open_store().entrance(),
    )
    made.close()
    assert signed_in.clinic.name == "Harbour Street Clinic"


def test_the_demo_has_what_is_planned(shell: Shell, tmp_path: Path):
    file = str(tmp_path / "demo.db")
    made = Shell(
        None, shell.answers("demo", "--no-serve", "--database", file)["database_url"]
    )

    (waiting,) = made.answers("waitlist", "list")["items"]
    off = made.answers("time-off", "list", "okafor")["items"]

    assert waiting["entry"]["status"] == "waiting"
    assert [each["reason"] for each in off] == ["Travels."]
    assert made.says("time-off", "stranded") == "No visit is stranded.\n"


def test_the_demo_starts_over(shell: Shell, tmp_path: Path):
    file = str(tmp_path / "demo.db")

    first = shell.answers("demo", "--no-serve", "--database", file)
    second = shell.answers("demo", "--no-serve", "--database", file)

    made = Shell(None, second["database_url"])
    assert first["clinic"]["id"] != second["clinic"]["id"]
    assert len(made.answers("patient", "find")["items"]) == 30


def test_the_demo_replaces_no_real_record(sqlite_shell: Shell, tmp_path: Path):
    sqlite_shell.sets_up("Harbour Clinic", "ines@harbour.example")

    told = sqlite_shell.refuses(
        "demo", "--no-serve", "--json", "--database", str(tmp_path / "clinicflow.db")
    )

    assert json.loads(told)["code"] == "not-a-demo"
    assert "Harbour Clinic" in sqlite_shell.says("clinic")


def test_the_demo_replaces_no_other_file(shell: Shell, tmp_path: Path):
    letter = tmp_path / "letter.txt"
    letter.write_text(PASSWORD)

    shell.refuses("demo", "--no-serve", "--database", str(letter))

    assert letter.read_text() == PASSWORD
