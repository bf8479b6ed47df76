"""
Time and memory of imports: a set of files, and ten times as much.

    python -m tests.benchmarks.importing [FOLDER] [--database-url URL] [--times 10]

FOLDER holds `practitioners.ndjson`, `patients.ndjson` and `encounters.ndjson`; the
tests' sample without it. Each file is imported by the command line in a process of its
own, into a fresh SQLite file, or into a new clinic at the URL. The larger set repeats
the smaller one with other ids, so its visits overlap as often.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import NAMESPACE_OID, uuid4, uuid5

from attrs import frozen

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "synthea"
FILES = {"doctor": "practitioners", "patient": "patients", "visit": "encounters"}
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@frozen
class Cost:
    """What an import took; *report* is what it answered."""

    seconds: float
    peak_mib: float
    report: dict[str, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--database-url", help="an SQLite file of its own without")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        small = import_all(options.folder, work / "small", options.database_url)
        larger = work / "larger"
        repeat(options.folder, larger, options.times)
        large = import_all(larger, work / "large", options.database_url)
    print(f"{'':>8} {'rows':>8} {'seconds':>8} {'MiB':>6}", end="")
    print(f" {'rows':>8} {'seconds':>8} {'MiB':>6} {'time x':>7} {'memory x':>8}")
    for kind in FILES:
        a, b = small[kind], large[kind]
        print(
            f"{kind:>8} {a.report['read']:>8} {a.seconds:>8.2f} {a.peak_mib:>6.0f}"
            f" {b.report['read']:>8} {b.seconds:>8.2f} {b.peak_mib:>6.0f}"
            f" {b.seconds / a.seconds:>7.1f} {b.peak_mib / a.peak_mib:>8.2f}"
        )
    for kind in FILES:
        print(kind, json.dumps(small[kind].report))
        print(kind, json.dumps(large[kind].report))


def repeat(source: Path, target: Path, times: int) -> None:
    """Write each file *times* times, every copy with ids of its own."""
    target.mkdir()
    for name in FILES.values():
        with (target / f"{name}.ndjson").open("w", encoding="utf-8") as out:
            for copy in range(times):
                with (source / f"{name}.ndjson").open(encoding="utf-8") as lines:
                    for line in lines:
                        out.write(with_other_ids(line, copy))


def with_other_ids(line: str, copy: int) -> str:
    return ID.sub(lambda found: str(uuid5(NAMESPACE_OID, f"{copy}{found[0]}")), line)


def import_all(source: Path, work: Path, database_url: str | None) -> dict[str, Cost]:
    """Import the three files of *source* into a clinic of its own."""
    work.mkdir()
    url = database_url or f"sqlite:///{work / 'import.db'}"
    environment = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    clinicflow = [sys.executable, "-m", "clinicflow_cli.main"]
    founded = subprocess.run(
        [
            *(*clinicflow, "init", "--name", "Benchmark", "--timezone"),
            *("America/New_York", "--email", f"{uuid4()}@benchmark.example"),
            *("--password-stdin", "--json"),
        ],
        input="a password for the benchmark",
        env=environment,
        cwd=work,
        check=True,
        capture_output=True,
        text=True,
    )
    clinic = json.loads(founded.stdout)["clinic"]["id"]
    return {
        kind: measured(
            [
                *(*clinicflow, "--clinic", clinic, kind, "import"),
                *(str(source.resolve() / f"{name}.ndjson"), "--json"),
            ],
            work,
            environment,
        )
        for kind, name in FILES.items()
    }


def measured(command: list[str], work: Path, environment: dict[str, str]) -> Cost:
    started = time.perf_counter()
    answer = work / "answer.json"
    with answer.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, cwd=work, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status != 0:
        sys.exit(f"The import failed: {' '.join(command)}")
    return Cost(seconds, usage.ru_maxrss / 1024, json.loads(answer.read_text()))


if __name__ == "__main__":
    main()
