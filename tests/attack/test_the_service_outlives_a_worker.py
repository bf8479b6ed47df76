from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.cli.test_processes import CLINICFLOW, environment, free_port

pytestmark = pytest.mark.slow


def test_a_worker_that_is_killed_is_replaced(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Shell(None, sqlite_url).sets_up("Harbour Clinic", "ines@harbour.example")
    log = tmp_path / "log"

    def wait_for_workers(count: int) -> None:
        for _ in range(300):
            if log.read_text().count("Started worker") >= count:
                return
            time.sleep(0.1)
        pytest.fail(log.read_text())

    with (
        log.open("wb") as file,
        subprocess.Popen(
            [*CLINICFLOW, "serve", "--port", str(free_port()), "--workers", "2"],
            stdout=file,
            stderr=file,
            env=environment(sqlite_url),
        ) as served,
    ):
        try:
            wait_for_workers(2)
            os.kill(_workers_of(served.pid)[-1], signal.SIGKILL)
            wait_for_workers(3)

            assert served.poll() is None
        finally:
            served.terminate()


def _workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("Only Linux tells the children of a process.")
    # One of them only watches over shared memory.
    found = map(int, children.read_text().split())
    return [
        child
        for child in found
        if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
