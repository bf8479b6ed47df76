"""
How long a search for openings takes, beside two plain loops over the same visits.

    python -m tests.benchmarks.availability FOLDER [--rounds 60]
        [--answers FOLDER] [--expected FOLDER]

FOLDER holds searches as JSON: range, hours, duration, step and buffer, and the visits
of each doctor in UTC minutes since 1970. What is found must be the same in all ways,
and as in `availability_expected_<name>.json` if there is such a file.

Measured is `find_openings`, from records with aware datetimes to openings with wall
clock and instants. The records come doctor by doctor, in the file's order, which is
none; the library still has to find whose they are. Each search makes its own diary;
grids are kept, as in a running service. "cold" is one search after they were
forgotten. The doctors of a file keep the same hours and share a grid; another one's
hours would cost about as much once more.

The loops compare each start with the visits of its day: on datetimes, as one writes it
first, and on minutes, as fast as a plain loop gets. They do less. Their visits come as
a list for each doctor, and they return bare instants. They are right only if visits lie
in the range, and if these and the hours keep away from midnight and from clock changes.

Not measured are reading the store, making the records, permissions and JSON. All ways
take turns in one process, and what counts is its time on the processor, so other work
on the machine disturbs little. Still, only the ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from pathlib import Path
from time import process_time
from timeit import timeit
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5
from zoneinfo import ZoneInfo

from attrs import frozen

from clinicflow_core.entities.calendar import Calendar
from clinicflow_core.entities.doctor import WEEKDAYS, Doctor, WorkingHours
from clinicflow_core.entities.ids import AppointmentId, DoctorId, PatientId
from clinicflow_core.entities.policy import SchedulingPolicy
from clinicflow_core.scheduling.diary import BusyTime, Diary
from clinicflow_core.scheduling.grid import forget_grids
from clinicflow_core.scheduling.openings import Opening, Search, find_openings
from clinicflow_core.timespan import TimeSpan

EXPECTED = "availability_expected_"
WANTED = {("H90", "H365"): 4.5, ("G1", "G8"): 8.5}
"""By how much the time may grow with four times the days or eight times the visits."""

ENOUGH_MS = 10
"""A search that takes less is repeated within each timing."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = datetime(2000, 1, 1, tzinfo=UTC)
"""Long before all that is searched."""

MINUTE = timedelta(minutes=1)

Answers = list[list[int]]
"""The starts that are free, doctor by doctor, in UTC minutes since 1970."""

Visits = Sequence[tuple[datetime, datetime]]
"""Start and end of each visit of a doctor, in no order."""


@frozen(eq=False)
class Workload:
    """
    A search, and all that it looks at.

    Attributes:
        weekdays: As `date.weekday` counts.
        periods: When the doctors work, in minutes of the local day.
        busy: By start; each id is an object of its own, as in rows of PostgreSQL.
        visits: The same for the loops, doctor by doctor.
    """

    name: str
    zone: ZoneInfo
    days: Sequence[date]
    weekdays: Sequence[int]
    periods: Sequence[tuple[int, int]]
    duration: int
    policy: SchedulingPolicy
    doctors: Mapping[DoctorId, Doctor]
    calendars: Mapping[DoctorId, Calendar]
    busy: tuple[BusyTime, ...]
    visits: Sequence[Visits]


@frozen
class Times:
    """How long a way takes, in ms."""

    median: float
    best: float

    def __str__(self) -> str:
        return f"{self.median:>9.3f} {self.best:>8.3f}"


Measured = Mapping[str, Mapping[str, Times]]
"""By workload and way."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--answers", type=Path, help="where to write what is found")
    parser.add_argument("--expected", type=Path, help="where to read what is right")
    options = parser.parse_args(arguments)
    if options.answers and options.answers.resolve() == options.folder.resolve():
        parser.error("--answers would write over the workloads")
    loads = workloads(options.folder)
    if not loads:
        sys.exit(f"There is no workload in {options.folder}.")
    found = {load.name: agreed_answers(load) for load in loads}
    if options.answers is not None:
        write(found, options.answers)
    if options.expected is not None:
        compare(found, options.expected)
    cold = {load.name: cold_ms(load) for load in loads}
    measured = measure(loads, options.rounds)
    print_times(loads, found, cold, measured)
    print_growth(loads, measured)


def workloads(folder: Path) -> list[Workload]:
    """Return the workloads in *folder*, by name and number."""
    paths = [p for p in folder.glob("*.json") if not p.name.startswith(EXPECTED)]
    loads = [workload(path.stem, json.loads(path.read_text())) for path in paths]
    return sorted(loads, key=lambda load: _name_and_number(load.name))


def workload(name: str, told: Mapping[str, Any]) -> Workload:
    """Return what a file tells."""
    first = date.fromisoformat(told["first"])
    week = tuple(
        WorkingHours(WEEKDAYS[weekday], _clock(begin), _clock(over))
        for weekday in told["weekdays"]
        for begin, over in told["periods"]
    )
    doctors = [
        Doctor(id=_doctor_id(each["id"]), name=f"Dr. {each['id']}", created_at=NOW)
        for each in told["doctors"]
    ]
    return Workload(
        name=name,
        zone=ZoneInfo(told["tz"]),
        days=[first + timedelta(days=n) for n in range(told["days"])],
        weekdays=told["weekdays"],
        periods=told["periods"],
        duration=told["dur"],
        policy=SchedulingPolicy(
            slot_step=told["step"],
            buffer_before=told["buf"],
            buffer_after=told["buf"],
        ),
        doctors={doctor.id: doctor for doctor in doctors},
        calendars={doctor.id: Calendar(weekly=week) for doctor in doctors},
        busy=tuple(
            BusyTime(
                AppointmentId(uuid4()),
                doctor.id,
                PatientId(uuid4()),
                TimeSpan(_instant(start), _instant(end)),
            )
            for doctor, each in zip(doctors, told["doctors"], strict=True)
            for start, end, *_ in each["busy"]
        ),
        visits=[
            [(_instant(start), _instant(end)) for start, end, *_ in each["busy"]]
            for each in told["doctors"]
        ],
    )


def library(load: Workload) -> list[Opening]:
    """Search as the service does."""
    diary = Diary(
        zone=load.zone,
        now=NOW,
        policy=load.policy,
        doctors=load.doctors,
        patients={},
        calendars=load.calendars,
        busy=load.busy,
    )
    search = Search(first=load.days[0], last=load.days[-1], duration=load.duration)
    return find_openings(diary, load.doctors, search)


def loop_on_datetimes(load: Workload) -> list[list[datetime]]:
    """Search as one writes it first."""
    return [_free_datetimes(load, visits) for visits in load.visits]


def _free_datetimes(load: Workload, visits: Visits) -> list[datetime]:
    length = timedelta(minutes=load.duration)
    step = timedelta(minutes=load.policy.slot_step)
    buffer = timedelta(minutes=load.policy.gap)
    by_day: defaultdict[date, list[tuple[datetime, datetime]]] = defaultdict(list)
    for start, end in visits:
        day = start.astimezone(load.zone).date()
        by_day[day].append((start - buffer, end + buffer))
    free = []
    for day in load.days:
        if day.weekday() not in load.weekdays:
            continue
        taken = by_day[day]
        midnight = datetime.combine(day, time(), load.zone)
        for begin, over in load.periods:
            start = (midnight + begin * MINUTE).astimezone(UTC)
            last = (midnight + over * MINUTE).astimezone(UTC) - length
            while start <= last:
                end = start + length
                for taken_from, taken_to in taken:
                    if taken_from < end and start < taken_to:
                        break
                else:
                    free.append(start)
                start += step
    return free


def loop_on_minutes(load: Workload) -> list[list[datetime]]:
    """Do the same in minutes of the local day, and ask the zone once a day."""
    midnight = datetime.combine(load.days[0], time(), load.zone)
    noons = [datetime.combine(day, time(12), load.zone) for day in load.days]
    # How far the clocks of each day are ahead of those of the first midnight.
    ahead = [(_offset(noon) - _offset(midnight)) // MINUTE for noon in noons]
    starts = [
        start
        for begin, over in load.periods
        for start in range(begin, over - load.duration + 1, load.policy.slot_step)
    ]
    origin = midnight.astimezone(UTC)
    return [
        _free_minutes(load, visits, origin, ahead, starts) for visits in load.visits
    ]


def _free_minutes(
    load: Workload,
    visits: Visits,
    origin: datetime,
    ahead: Sequence[int],
    starts: Sequence[int],
) -> list[datetime]:
    duration, buffer = load.duration, load.policy.gap
    by_day: list[list[tuple[int, int]]] = [[] for _ in load.days]
    for begins_at, ends_at in visits:
        since = begins_at - origin
        begin = since.seconds // 60 + ahead[since.days]
        over = begin + (ends_at - begins_at).seconds // 60
        by_day[since.days].append((begin - buffer, over + buffer))
    free = []
    for number, day in enumerate(load.days):
        if day.weekday() not in load.weekdays:
            continue
        taken = by_day[number]
        for start in starts:
            end = start + duration
            for taken_from, taken_to in taken:
                if taken_from < end and start < taken_to:
                    break
            else:
                minutes = number * 1440 + start - ahead[number]
                free.append(origin + minutes * MINUTE)
    return free


LOOPS: Mapping[str, Callable[[Workload], list[list[datetime]]]] = {
    "datetimes": loop_on_datetimes,
    "minutes": loop_on_minutes,
}
WAYS: Mapping[str, Callable[[Workload], object]] = {"library": library, **LOOPS}


def agreed_answers(load: Workload) -> Answers:
    """Return what the library finds; exit if a loop finds anything else."""
    by_doctor: dict[DoctorId, list[int]] = {key: [] for key in load.doctors}
    for opening in library(load):
        by_doctor[opening.doctor_id].append(_minutes(opening.starts_at))
    found = list(by_doctor.values())
    for name, loop in LOOPS.items():
        theirs = [[_minutes(start) for start in starts] for starts in loop(load)]
        if theirs != found:
            sys.exit(
                f"{load.name}: the library differs from the loop on {name}: "
                f"{difference(theirs, found)}"
            )
    return found


def write(found: Mapping[str, Answers], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, answers in found.items():
        text = json.dumps(answers, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text)


def compare(found: Mapping[str, Answers], folder: Path) -> None:
    """Exit if *folder* expects something else, or nothing at all."""
    compared = []
    for name, answers in found.items():
        path = folder / f"{EXPECTED}{name}.json"
        if not path.exists():
            continue
        expected = json.loads(path.read_text())
        if answers != expected:
            sys.exit(f"{name} differs from {path}: {difference(expected, answers)}")
        compared.append(name)
    if not compared:
        sys.exit(f"Nothing that was found has a file in {folder}.")
    print(f"As expected: {', '.join(compared)}")


def difference(expected: Answers, found: Answers) -> str:
    """Say how *found* differs from *expected*, at the first doctor where it does."""
    if len(expected) != len(found):
        return f"{len(found)} doctors instead of {len(expected)}"
    pairs = enumerate(zip(expected, found, strict=True), start=1)
    number, right, ours = next((n, a, b) for n, (a, b) in pairs if a != b)
    missing, wrong = set(right) - set(ours), set(ours) - set(right)
    told = f"doctor number {number} has {len(missing)} missing, {len(wrong)} wrong"
    if not missing | wrong:
        return f"{told}, but in another order or more than once"
    return f"{told}, the first at {_instant(min(missing | wrong)).isoformat()}"


def cold_ms(load: Workload) -> float:
    """Return how long the library takes if it knows no grid."""
    forget_grids()
    return _timed(library, load)


def measure(loads: Sequence[Workload], rounds: int) -> Measured:
    """Let all ways take turns on all workloads, *rounds* times."""
    repeats = {}
    for load in loads:
        library(load)  # Makes the grid.
        repeats[load.name] = max(1, round(ENOUGH_MS / _timed(library, load)))
    taken: dict[str, dict[str, list[float]]] = {
        load.name: {way: [] for way in WAYS} for load in loads
    }
    for _ in range(rounds):
        for load in loads:
            for way, search in WAYS.items():
                taken[load.name][way].append(_timed(search, load, repeats[load.name]))
    return {
        name: {way: Times(statistics.median(ms), min(ms)) for way, ms in ways.items()}
        for name, ways in taken.items()
    }


def print_times(
    loads: Sequence[Workload],
    found: Mapping[str, Answers],
    cold: Mapping[str, float],
    measured: Measured,
) -> None:
    """Print the times, and as ratios how many times longer each loop takes."""
    print(f"{'':<6} {'':>6} {'':>8} {'library, ms':>18} {'':>8}", end="")
    print("".join(f" {f'loop on {name}, ms':>18} {'ratios':>13}" for name in LOOPS))
    print(f"{'':<6} {'busy':>6} {'openings':>8} {'median':>9} {'best':>8}", end="")
    print(f" {'cold':>8}", end="")
    print(f" {'median':>9} {'best':>8} {'median':>7} {'best':>5}" * len(LOOPS))
    for load in loads:
        ours = measured[load.name]["library"]
        openings = sum(map(len, found[load.name]))
        print(f"{load.name:<6} {len(load.busy):>6} {openings:>8} {ours}", end="")
        print(f" {cold[load.name]:>8.3f}", end="")
        for name in LOOPS:
            loop = measured[load.name][name]
            print(f" {loop} {loop.median / ours.median:>7.2f}", end="")
            print(f" {loop.best / ours.best:>5.2f}", end="")
        print()


def print_growth(loads: Sequence[Workload], measured: Measured) -> None:
    """Print by how much all grows within a series of workloads, as from G1 to G8."""
    print(f"{'best times':<12} {'days':>6} {'busy':>6}", end="")
    print("".join(f" {way:>9}" for way in WAYS))
    for small, large in combinations(loads, 2):
        series = {_name_and_number(load.name)[0] for load in (small, large)}
        if len(series) > 1 or not small.busy:
            continue
        days = len(large.days) / len(small.days)
        busy = len(large.busy) / len(small.busy)
        growth = {
            way: measured[large.name][way].best / measured[small.name][way].best
            for way in WAYS
        }
        print(f"{f'{small.name} - {large.name}':<12} {days:>6.2f} {busy:>6.2f}", end="")
        print("".join(f" {times:>9.2f}" for times in growth.values()), end="")
        limit = WANTED.get((small.name, large.name))
        if limit is not None:
            kept = "is" if growth["library"] <= limit else "IS NOT"
            print(f"  {kept} within {limit}", end="")
        print()


def _timed(
    search: Callable[[Workload], object], load: Workload, repeats: int = 1
) -> float:
    # Garbage is not collected meanwhile: timeit sees to that.
    seconds = timeit(lambda: search(load), timer=process_time, number=repeats)
    return 1000 * seconds / repeats


def _name_and_number(text: str) -> tuple[str, float]:
    """Take "G0.25" apart; there may be no number."""
    found = re.fullmatch(r"(.*?)(\d+(?:\.\d+)?)?", text)
    assert found is not None
    return found[1], float(found[2] or 0)


def _doctor_id(key: object) -> DoctorId:
    return DoctorId(uuid5(NAMESPACE_OID, f"doctor {key}"))


def _clock(minute: int) -> time:
    return time(*divmod(minute, 60))


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None
    return offset


def _instant(minutes: int) -> datetime:
    return EPOCH + minutes * MINUTE


def _minutes(instant: datetime) -> int:
    return (instant - EPOCH) // MINUTE


if __name__ == "__main__":
    main()
