"""
Whoever races: threads on one store, or processes that each open their own.

All racers start each round together and say what came of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from threading import Barrier
from typing import Any
from uuid import UUID

from attrs import frozen

from clinicflow_core.accounts.permissions import system
from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.entities.ids import ClinicId, DoctorId, PatientId
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import Once, Store, UnitOfWork
from clinicflow_core.scheduling.conflicts import STANDARD_RULES, Conflict, Rule
from tests.builders import DAY, NOW, clock, hours, open_clinic

WAIT_SECONDS = 60
WON = "won"
WEEK = hours("08:00-13:00")


@frozen
class Contest:
    """
    A time that everybody wants, once a round: each on a day of its own.

    Racer *n* asks for its own span, starting 5 minutes after that of the racer
    before and a minute longer. All of them share the hour's last minutes.
    """

    clinic_id: UUID
    doctors: tuple[UUID, ...]
    patients: tuple[UUID, ...]

    def request(self, racer: int, number: int) -> BookAppointment:
        minutes = 9 * 60 + 5 * racer
        return BookAppointment(
            doctor_id=DoctorId(self.doctors[racer % len(self.doctors)]),
            patient_id=PatientId(self.patients[racer % len(self.patients)]),
            date=DAY + timedelta(days=number),
            start_time=clock(f"{minutes // 60:02}:{minutes % 60:02}"),
            duration=60 + racer,
        )


def contest(store: Store, person: str, racers: int) -> Contest:
    """Return the contest of *racers* for one doctor or for one patient."""
    of_doctor = person == "doctor"
    clinic = open_clinic(store, week=WEEK, patients=racers if of_doctor else 1)
    doctors = [clinic.doctor]
    while not of_doctor and len(doctors) < racers:
        doctors.append(clinic.add_doctor(week=WEEK))
    return Contest(
        clinic.id,
        tuple(doctor.id for doctor in doctors),
        tuple(patient.id for patient in clinic.patients),
    )


def by_threads(
    racers: int,
    rounds: int,
    act: Callable[[int, int], object],
) -> list[list[object]]:
    """Return what *act* gave or raised for each racer, by round."""
    barrier = Barrier(racers)

    def race(racer: int) -> list[object]:
        return [outcome(barrier, act, racer, number) for number in range(rounds)]

    with ThreadPoolExecutor(racers) as pool:
        return list(zip(*pool.map(race, range(racers)), strict=True))


def outcome(
    barrier: Barrier, act: Callable[[int, int], object], racer: int, number: int
) -> object:
    barrier.wait(WAIT_SECONDS)
    try:
        return act(racer, number)
    except Exception as error:  # noqa: BLE001  Whatever it is, the test judges it.
        return error


def by_processes(
    racers: int, rounds: int, url: str, contest: Contest
) -> list[list[object]]:
    """Return what booking gave each process, by round: `WON` or the error's name."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(racers, spawn, _prepare, (spawn.Barrier(racers),)) as pool:
        runs = [
            pool.submit(_race_in_process, url, contest, racer, rounds)
            for racer in range(racers)
        ]
        return list(zip(*(run.result() for run in runs), strict=True))


_gate: list[Any] = []


def _prepare(barrier: Any) -> None:
    _gate.append(barrier)


def _race_in_process(
    url: str, contest: Contest, racer: int, rounds: int
) -> list[object]:
    from clinicflow_core.sql.store import open_store

    [barrier] = _gate
    store = open_store(url, FixedClock(NOW))
    uow = store.unit_of_work(ClinicId(contest.clinic_id), system("racer"))
    with uow:
        pass  # Connect and prepare before the first round.

    def book(racer: int, number: int) -> object:
        booking.book(contest.request(racer, number), uow)
        return WON

    told = [outcome(barrier, book, racer, number) for number in range(rounds)]
    store.close()
    return [each if each == WON else type(each).__name__ for each in told]


class Unguarded:
    """
    A store in which nobody holds anybody: `Diaries.hold` only reads.

    What keeps a time from being sold twice is then the store's own refusal.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def unit_of_work(self, *arguments: Any) -> _Unguarded:
        return _Unguarded(self._store.unit_of_work(*arguments))


class _Unguarded:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def __enter__(self) -> _Unguarded:
        self._uow.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._uow.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._uow, name)

    @property
    def diaries(self) -> _Readers:
        return _Readers(self._uow.diaries)


class _Readers:
    def __init__(self, diaries: Any) -> None:
        self.read = self.hold = diaries.read


def at_leisure(seconds: float) -> Sequence[Rule]:
    """Return the rules, slowed down, so that all have read the diary meanwhile."""

    def think(*_: object) -> Iterator[Conflict]:
        threading.Event().wait(seconds)
        return iter(())

    return (think, *STANDARD_RULES)


def kinds_of(outcomes: Sequence[object]) -> set[str]:
    """Return the conflicts that the losers were told, and what else was raised."""
    told: set[str] = set()
    for error in outcomes:
        if isinstance(error, BookingConflictError):
            told |= {conflict.kind.value for conflict in error.conflicts}
        elif isinstance(error, Exception):
            told.add(repr(error))
    return told


def as_program(store: Store, clinic_id: UUID, once: Once | None = None) -> UnitOfWork:
    return store.unit_of_work(ClinicId(clinic_id), system("racer"), once)
