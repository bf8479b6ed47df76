"""
Whoever races: threads on one store, or processes that each open their own.

All racers start each round together and say what came of it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from multiprocessing import get_context
from threading import Barrier
from typing import Any
from uuid import UUID

from attrs import field, frozen
from sqlalchemy import create_engine, event, text

from clinicflow_core.accounts.permissions import system
from clinicflow_core.clock import FixedClock
from clinicflow_core.desk import booking
from clinicflow_core.desk.booking import BookAppointment
from clinicflow_core.entities.ids import ClinicId, DoctorId, PatientId
from clinicflow_core.errors import BookingConflictError
from clinicflow_core.ports import Clock, Once, Store, UnitOfWork
from clinicflow_core.scheduling.conflicts import STANDARD_RULES, Conflict, Rule
from clinicflow_core.sql.engine import add_functions
from clinicflow_core.sql.store import SqlStore, open_store
from tests.builders import DAY, NOW, clock, hours, open_clinic
from tests.sql.rows import past_the_wall

WAIT_SECONDS = 60
WON = "won"
WEEK = hours("08:00-13:00")


@frozen
class FastClock:
    """
    A clock on which so many seconds pass in one, the same for all processes.

    Attributes:
        since: When it was made, and showed `NOW`, by the computer's clock.
    """

    speed: int
    since: float = field(factory=time.time)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.speed * (time.time() - self.since))


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
    runs = in_processes(racers, _race_in_process, url, contest, rounds)
    return list(zip(*runs, strict=True))


def in_processes(racers: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Return what *work* gave in each process; it is told its number first."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(racers, spawn, _prepare, (spawn.Barrier(racers),)) as pool:
        runs = [pool.submit(work, racer, *arguments) for racer in range(racers)]
        return [run.result() for run in runs]


def meet() -> None:
    """Wait until every process is here."""
    [barrier] = _gate
    barrier.wait(WAIT_SECONDS)


_gate: list[Any] = []


def _prepare(barrier: Any) -> None:
    _gate.append(barrier)


def _race_in_process(
    racer: int, url: str, contest: Contest, rounds: int
) -> list[object]:
    [barrier] = _gate
    with closing(open_store(url, FixedClock(NOW))) as store:
        uow = store.unit_of_work(ClinicId(contest.clinic_id), system("racer"))
        with uow:
            pass  # Connect and prepare before the first round.

        def book(racer: int, number: int) -> object:
            booking.book(contest.request(racer, number), uow)
            return WON

        told = [outcome(barrier, book, racer, number) for number in range(rounds)]
    return [each if each == WON else type(each).__name__ for each in told]


def without_guard(store: Store, time_of: Clock) -> Unguarded:
    """Return the same store, where nobody waits for anybody."""
    if not isinstance(store, SqlStore) or store.engine.dialect.name != "sqlite":
        return Unguarded(store)
    # There BEGIN IMMEDIATE is the guard: without it, each statement is alone until
    # the first that writes.
    engine = create_engine(store.engine.url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.execute("PRAGMA foreign_keys=ON")
        add_functions(connection)

    return Unguarded(SqlStore(engine, time_of))


def drop_walls(store: SqlStore) -> None:
    """Take away what the database refuses by itself."""
    with past_the_wall(store) as connection:
        for person in ("doctor", "patient"):
            if store.engine.dialect.name == "postgresql":
                drop = (
                    f"ALTER TABLE appointments DROP CONSTRAINT ex_appointments_{person}"
                )
                connection.execute(text(drop))
                continue
            for write in ("insert", "update"):
                drop = f"DROP TRIGGER ex_appointments_{person}_{write}"
                connection.execute(text(drop))


class Unguarded:
    """
    A store in which nobody holds anybody: `Diaries.hold` only reads.

    What keeps a time from being sold twice is then the store's own refusal.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def unit_of_work(self, *arguments: Any) -> _Unguarded:
        return _Unguarded(self._store.unit_of_work(*arguments))

    def close(self) -> None:
        if isinstance(self._store, SqlStore):
            self._store.close()


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
