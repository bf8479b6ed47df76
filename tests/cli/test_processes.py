"""The command as a shell starts it: real processes, pipes and signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from clinicflow_cli.composition import SqlDatabase
from clinicflow_core.clock import FixedClock, SystemClock
from clinicflow_core.ports import Clock, Store
from tests.builders import PASSWORD
from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
OWNER = "ines@harbour.example"
CLINICFLOW = (sys.executable, "-m", "clinicflow_cli.main")


def environment(url: str, **more: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DATABASE_URL": url,
        "PYTHONPATH": str(CHECKOUT),
        **more,
    }


def run(
    url: str, *arguments: str, typed: str = "", **more: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*CLINICFLOW, *arguments],
        input=typed.encode(),
        capture_output=True,
        check=False,
        env=environment(url, **more),
    )


@pytest.fixture
def url(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a clinic with Zoë Ångström in its register."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(None, sqlite_url)
    shell.sets_up("Harbour Clinic", OWNER)
    shell.says("patient", "add", "Zoë", "Ångström")
    return sqlite_url


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def serving(
    url: str, port: int, folder: Path, *arguments: str, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Serve until the block is left; *folder* gets the log."""
    log = folder / "log"
    command = [*CLINICFLOW, "serve", "--port", str(port), *arguments]
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, stdout=file, stderr=file, env=environment(url, **more)
        ) as served,
    ):
        try:
            wanted = 2 if "--workers" in arguments else 1
            for _ in range(300):
                if log.read_text().count("Started worker") == wanted:
                    break
                time.sleep(0.1)
            yield served
        finally:
            served.terminate()


class Earlier(SqlDatabase):
    """A database as it was three hours ago, so that offers have lapsed since."""

    def open_store(self, clock: Clock | None = None) -> Store:
        now = clock or SystemClock()
        return super().open_store(FixedClock(now.now() - timedelta(hours=3)))


def with_a_lapsed_offer(url: str) -> str:
    """Let an offer have lapsed; return the entry of whoever is next."""
    shell = Shell(Earlier, url)
    day = "2199-03-04"
    shell.says("doctor", "add", "Dr. Sarah Chen")
    shell.says("hours", "chen", "--on", day, "9:00-9:30")
    shell.says("patient", "add", "Ann", "Lee")
    shell.says("patient", "add", "Bo", "Diaz")
    join = ("--from", day, "--to", day)
    second = shell.answers("waitlist", "join", "lee", *join)
    shell.says("waitlist", "join", "diaz", *join, "--urgent")
    visit = shell.answers("book", "chen", "zoë", "--date", day, "--time", "09:00")
    shell.says("cancel", visit["id"])
    entry: str = second["entry"]["id"]
    return entry


def offered(url: str) -> list[str]:
    """Return the entries of the waitlist that have an offer now."""
    found = Shell(None, url).answers("waitlist", "list", "--status", "offered")
    return [each["entry"]["id"] for each in found["items"] if each["offer"]]


def with_a_form(url: str) -> str:
    """Let a form have been submitted; return its id."""
    shell = Shell(None, url)
    sent = shell.answers("intake", "send", "zoë", "--questionnaire", "none")
    form: str = sent["form"]["id"]
    shell.says("intake", "submit", form, typed='{"reason": "A cough."}')
    return form


def summary_of(url: str, form: str, seconds: float = 10) -> str:
    """Return where the summary of a form stands once it is made, or after a while."""
    for _ in range(int(seconds * 10)):
        status: str = Shell(None, url).answers("intake", "summary", form)["status"]
        if status != "generating":
            break
        time.sleep(0.1)
    return status


def children_of(process: int) -> dict[int, bool]:
    """Return the processes that *process* started, and whether they tend."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text()
    found = map(int, children.split())
    return {child: b"spawn_main" in command_of(child) for child in found}


def all_ended(processes: Iterable[int]) -> bool:
    """Return whether *processes* are gone, or will be in a moment."""
    for _ in range(100):
        if not any(map(command_of, processes)):
            return True
        time.sleep(0.1)
    return False


def command_of(process: int) -> bytes:
    """Return what *process* runs; nothing if it has ended, reaped or not."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_the_database_is_taken_from_the_environment(url: str):
    ran = run(url, "patient", "find", "--json")

    assert json.loads(ran.stdout)["items"][0]["first_name"] == "Zoë"


def test_the_database_is_taken_from_the_file_of_settings(url: str, tmp_path: Path):
    (tmp_path / ".env").write_text(f"DATABASE_URL={url}\n")

    ran = run("", "clinic")

    assert b"Harbour Clinic" in ran.stdout


def test_all_wrong_settings_are_told_without_a_traceback(tmp_path: Path):
    ran = run("nonsense:hunter2", "clinic", DEBUG="perhaps")

    assert ran.returncode == 1
    assert b"DATABASE_URL" in ran.stderr
    assert b"DEBUG" in ran.stderr
    assert b"hunter2" not in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_that_the_terminal_cannot_show_ends_nothing(url: str, encoding: str):
    people = run(url, "patient", "find", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    programs = run(
        url, "patient", "find", "--json", PYTHONIOENCODING=encoding, PYTHONUTF8="0"
    )

    assert people.returncode == 0
    assert b"ngstr" in people.stdout
    assert json.loads(programs.stdout)["items"][0]["last_name"] == "Ångström"


def test_a_reader_who_leaves_gets_no_traceback(url: str):
    with subprocess.Popen(
        [*CLINICFLOW, "patient", "find"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(url),
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()

        assert b"Traceback" not in ran.stderr.read()


def heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_command_says_so_and_nothing_more(url: str):
    with subprocess.Popen(
        [*CLINICFLOW, "patient", "import", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(url),
        # Else what a shell has started in the background cannot be interrupted.
        preexec_fn=heed_interrupts,  # noqa: PLW1509  No other thread runs here.
    ) as ran:
        assert ran.stdin is not None
        assert ran.stderr is not None
        ran.stdin.write(b"first_name,last_name\n")
        ran.stdin.flush()
        time.sleep(2)  # It waits for the next row by now.
        ran.send_signal(signal.SIGINT)

        assert ran.stderr.read().strip() == b"Aborted!"
    assert ran.returncode == 1


def test_the_version_is_told(url: str):
    told = run(url, "--version")

    assert told.returncode == 0
    assert told.stdout.startswith(b"clinicflow ")


class TestServing:
    """Serving over HTTP, by real workers."""

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    @pytest.mark.slow
    def test_two_workers_serve_one_sqlite_file_and_stop_in_peace(
        self, url: str, port: int, tmp_path: Path
    ):
        log = tmp_path / "log"
        with (
            log.open("wb") as file,
            subprocess.Popen(
                [*CLINICFLOW, "serve", "--port", str(port), "--workers", "2"],
                stdout=file,
                stderr=file,
                env=environment(url),
            ) as served,
        ):
            try:
                for _ in range(300):
                    if log.read_text().count("Started worker") == 2:
                        break
                    time.sleep(0.1)
                for _ in range(20):
                    ready = f"http://127.0.0.1:{port}/health/ready"
                    with urlopen(ready, timeout=5) as answer:
                        assert answer.status == 200
            finally:
                served.terminate()

            assert served.wait(30) == 0
        assert "Traceback" not in log.read_text()

    @pytest.mark.slow
    def test_what_is_being_answered_when_it_is_stopped_is_answered_first(
        self, url: str, port: int, tmp_path: Path
    ):
        log_in = Request(
            f"http://127.0.0.1:{port}/api/auth/login",
            json.dumps({"email": OWNER, "password": PASSWORD}).encode(),
            {"Content-Type": "application/json"},
        )
        with (
            serving(url, port, tmp_path) as served,
            closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other,
            ThreadPoolExecutor() as pool,
        ):
            other.execute("BEGIN IMMEDIATE")
            answer = pool.submit(urlopen, log_in, timeout=20)
            time.sleep(1)  # It waits for the other writer by now.
            served.terminate()
            time.sleep(1)
            assert not answer.done()
            assert served.poll() is None

            other.rollback()

            with answer.result() as response:
                assert "access_token" in json.load(response)
            assert served.wait(10) == 0

    @pytest.mark.slow
    def test_all_workers_add_up_their_figures_and_tell_what_programs_read(
        self, url: str, port: int, tmp_path: Path
    ):
        settings = {
            "ENVIRONMENT": "production",
            "JWT_SECRET_KEY": "s" * 40,
            "METRICS": "true",
            "TMPDIR": str(tmp_path),
        }
        with serving(url, port, tmp_path, "--workers", "2", **settings) as served:
            base = f"http://127.0.0.1:{port}"
            for _ in range(20):
                with urlopen(f"{base}/health?", timeout=5) as answer:
                    assert answer.headers["Server"] == "granian"
                    assert answer.headers["Strict-Transport-Security"]
            with urlopen(f"{base}/metrics", timeout=5) as answer:
                figures = answer.read().decode()
            served.terminate()
            assert served.wait(30) == 0

        count = 'clinicflow_requests_total{method="GET",route="/health",status="200"}'
        assert f"{count} 20.0" in figures.splitlines()
        ours = ("Warning: SQLite", "Serving on")
        told = (tmp_path / "log").read_text().splitlines()
        lines = [json.loads(line) for line in told if not line.startswith(ours)]
        answered = [line for line in lines if line["event"] == "Answered"]
        assert len(answered) == 21
        assert {line["logger"].partition(".")[0] for line in lines} == {
            *("_granian", "clinicflow_flask")
        }
        assert list(tmp_path.glob("clinicflow-metrics-*")) == []

    @pytest.mark.slow
    def test_an_offer_that_lapses_is_passed_on_while_it_serves(
        self, url: str, port: int, tmp_path: Path
    ):
        second = with_a_lapsed_offer(url)

        with serving(url, port, tmp_path) as served:
            for _ in range(100):
                if offered(url) == [second]:
                    break
                time.sleep(0.1)
            started = children_of(served.pid)
            served.terminate()
            assert served.wait(30) == 0

        assert offered(url) == [second]
        assert Shell(None, url).answers("waitlist", "sweep") == {"ended": 0}
        assert any(started.values())
        assert all_ended(started)
        log = (tmp_path / "log").read_text()
        assert "event=Swept" in log
        assert "Traceback" not in log

    @pytest.mark.slow
    def test_a_summary_is_made_while_it_serves(
        self, url: str, port: int, tmp_path: Path
    ):
        form = with_a_form(url)

        with serving(url, port, tmp_path) as served:
            made = summary_of(url, form)
            served.terminate()
            assert served.wait(30) == 0

        assert made == "generated"
        log = (tmp_path / "log").read_text()
        assert "event=Worked" in log
        assert "cough" not in log
        assert "Traceback" not in log

    @pytest.mark.slow
    def test_it_leaves_jobs_to_workers_elsewhere_if_it_is_to(
        self, url: str, port: int, tmp_path: Path
    ):
        form = with_a_form(url)

        with serving(url, port, tmp_path, "--no-worker") as served:
            left = summary_of(url, form, seconds=3)
            with subprocess.Popen(
                [*CLINICFLOW, "worker"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(url),
            ) as worker:
                made = summary_of(url, form)
                worker.terminate()
                told, log = worker.communicate(timeout=30)
            served.terminate()

        assert left == "generating"
        assert made == "generated"
        assert worker.returncode == 0
        assert told == b"1 done, 0 put-off, 0 given-up, 0 taken-over\n"
        assert b"event=Worked" in log

    @pytest.mark.slow
    def test_nobody_tends_for_a_service_that_was_killed(
        self, url: str, port: int, tmp_path: Path
    ):
        with serving(url, port, tmp_path) as served:
            started = children_of(served.pid)
            served.kill()
            for child, is_tending in started.items():
                if not is_tending:
                    os.kill(child, signal.SIGKILL)
            served.wait(30)

        assert any(started.values())
        assert all_ended(started)

    def test_a_taken_port_is_told(self, url: str, port: int):
        with closing(socket.socket()) as listening:
            listening.bind(("127.0.0.1", port))
            listening.listen()

            ran = run(url, "serve", "--port", str(port))

        assert ran.returncode == 1
        assert ran.stderr.startswith(b"Error: Cannot listen on 127.0.0.1 port")

    def test_an_unknown_host_is_told(self, url: str):
        ran = run(url, "serve", "--host", "256.0.0.1")

        assert ran.returncode == 1
        assert ran.stderr.startswith(b"Error: Cannot listen on 256.0.0.1")

    def test_production_refuses_what_is_not_safe(self, url: str):
        ran = run(url, "serve", ENVIRONMENT="production", DEBUG="true")

        assert ran.returncode == 1
        assert b"JWT_SECRET_KEY" in ran.stderr
        assert b"DEBUG" in ran.stderr

    def test_a_schema_that_is_not_current_is_not_served(self, tmp_path: Path):
        (tmp_path / "empty.db").touch()

        ran = run(f"sqlite:///{tmp_path / 'empty.db'}", "serve")

        assert ran.returncode == 1
        assert b"run 'clinicflow db upgrade'" in ran.stderr

    def test_missing_libraries_are_named(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ):
        from clinicflow_cli.commands import serve

        monkeypatch.setattr(serve, "_NEEDED", ("no_such_library",))

        told = Shell(None, url).refuses("serve")

        assert "no_such_library" in told
        assert "clinicflow[web]" in told


def test_a_password_is_read_from_standard_input(tmp_path: Path):
    ran = run(
        f"sqlite:///{tmp_path / 'new.db'}",
        *("init", "--name", "Harbour", "--timezone", "Europe/Lisbon"),
        *("--email", "ines@harbour.example", "--password-stdin"),
        typed=f"{PASSWORD}\n",
    )

    assert ran.returncode == 0
    assert b"Harbour is set up" in ran.stdout


def test_a_fault_of_ours_is_one_sentence(
    shell: Shell, database: object, monkeypatch: pytest.MonkeyPatch
):
    def break_down() -> str:
        raise KeyError("Ann Lee")

    monkeypatch.setattr(database, "current", break_down)

    told = shell.refuses("db", "current")

    assert told.count("\n") == 1
    assert "KeyError" in told
    assert "Ann Lee" not in told
