from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from attrs import define

from clinicflow_cli.commands.serve import warn_of_sqlite
from clinicflow_cli.tending import sweep_all
from clinicflow_core.desk import booking, waitlist
from clinicflow_core.entities.appointment import CancellationType
from clinicflow_core.entities.waitlist import WaitlistStatus
from clinicflow_core.memory import MemoryStore
from clinicflow_core.ports import PageRequest, Store
from tests.builders import DAY, OpenClinic, Watch, hours, open_clinic
from tests.cli.conftest import MemoryDatabase, Shell


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        pytest.param((3, 40, 1), True, id="an old one"),
        pytest.param((3, 51, 2), True, id="the last one with the fault"),
        pytest.param((3, 51, 3), False, id="the first one without it"),
    ],
)
def test_a_sqlite_that_several_processes_can_damage_is_warned_of(
    version: tuple[int, int, int], warned: bool, capsys: pytest.CaptureFixture[str]
):
    warn_of_sqlite(version)

    assert ("Use --workers 1" in capsys.readouterr().err) == warned


def test_production_does_not_serve_a_database_that_does_not_keep_clinics_apart(
    shell: Shell, database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("JWT_SECRET_KEY", "x" * 32)
    shell.says("db", "upgrade")
    database.open = ["DATABASE_URL: its role is a superuser"]

    assert "DATABASE_URL: its role" in shell.refuses("serve")


def with_a_lapsed_offer(store: Store, watch: Watch, name: str) -> OpenClinic:
    """Return a clinic whose one free time was offered and not accepted in time."""
    clinic = open_clinic(store, name=name, week=hours("09:00-09:30"), patients=3)
    for patient in clinic.patients[1:]:
        wish = waitlist.JoinWaitlist(
            patient_id=patient.id, first_date=DAY, last_date=DAY
        )
        watch.at += timedelta(seconds=1)
        waitlist.join(wish, clinic.uow)
    visit = booking.book(clinic.request("09:00-09:30"), clinic.uow)
    why = booking.CancelAppointment(cancellation_type=CancellationType.OTHER)
    booking.cancel(visit.id, why, clinic.uow)
    return clinic


def offered_to(clinic: OpenClinic) -> list[Any]:
    page = waitlist.page(WaitlistStatus.OFFERED, PageRequest(), clinic.uow)
    return [each.entry.patient_id for each in page.items]


def test_offers_that_lapsed_go_to_the_next_in_every_clinic():
    watch = Watch()
    store = MemoryStore(watch)
    clinics = [with_a_lapsed_offer(store, watch, name) for name in ("One", "Two")]
    before = [offered_to(clinic) for clinic in clinics]
    watch.at += timedelta(hours=3)

    sweep_all(store)

    assert before == [[clinic.patients[1].id] for clinic in clinics]
    assert [offered_to(clinic) for clinic in clinics] == [
        [clinic.patients[2].id] for clinic in clinics
    ]


@define
class Faulty:
    """A store in which one clinic, or the entrance, cannot be reached."""

    store: MemoryStore
    broken: object

    def entrance(self) -> Any:
        if self.broken == "entrance":
            raise KeyError("Ann Lee")
        return self.store.entrance()

    def unit_of_work(self, clinic_id: Any, *arguments: Any) -> Any:
        if self.broken == clinic_id:
            raise KeyError("Ann Lee")
        return self.store.unit_of_work(clinic_id, *arguments)


def test_a_clinic_that_cannot_be_swept_stands_in_no_other_ones_way(
    caplog: pytest.LogCaptureFixture,
):
    watch = Watch()
    store = MemoryStore(watch)
    first, second = (with_a_lapsed_offer(store, watch, name) for name in ("A", "B"))
    watch.at += timedelta(hours=3)

    with caplog.at_level(logging.INFO):
        sweep_all(Faulty(store, first.id))

    assert offered_to(second) == [second.patients[2].id]
    failed, swept = caplog.records
    assert (failed.getMessage(), swept.getMessage()) == ("Cannot sweep", "Swept")
    assert vars(failed)["facts"] == {"clinic_id": str(first.id)}
    assert vars(swept)["facts"] == {"clinic_id": str(second.id), "ended": 1}


def test_a_database_that_is_away_does_not_end_the_sweeping(
    caplog: pytest.LogCaptureFixture,
):
    sweep_all(Faulty(MemoryStore(Watch()), "entrance"))

    assert caplog.messages == ["Cannot read the clinics"]


def test_nothing_personal_is_logged_when_it_cannot_sweep(
    caplog: pytest.LogCaptureFixture,
):
    from clinicflow_cli.commands.serve import _FORMATTER
    from clinicflow_flask.logs import make_formatter

    sweep_all(Faulty(MemoryStore(Watch()), "entrance"))

    line = make_formatter(json=True).format(caplog.records[0])
    assert _FORMATTER == "clinicflow_flask.logs.make_formatter"
    assert '"error": "KeyError"' in line
    assert "Ann Lee" not in line


def test_a_clinic_without_offers_is_swept_in_silence(caplog: pytest.LogCaptureFixture):
    store = MemoryStore(Watch())
    open_clinic(store)

    with caplog.at_level(logging.INFO):
        sweep_all(store)

    assert caplog.records == []
