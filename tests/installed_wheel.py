"""
Checks the built wheel as its user meets it: from a database to its pages.

Run by ``nox -s wheel`` with the Python of a clean environment, away from the checkout.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import clinicflow_core

DOCTOR = {
    "resourceType": "Practitioner",
    "id": "wheel-doctor",
    "active": True,
    "name": [{"family": "Okafor", "given": ["Adaeze"], "prefix": ["Dr."]}],
}
PATIENT = {
    "resourceType": "Patient",
    "id": "wheel-patient",
    "name": [{"family": "Lindqvist", "given": ["Tove"]}],
    "birthDate": "1984-06-02",
}
MONDAY = "2031-03-03"


class Shell:
    """A folder with a database of its own, and the installed command in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._command = Path(sys.prefix, "bin", "clinicflow")
        self._environment = {
            "DATABASE_URL": f"sqlite:///{folder / 'clinicflow.db'}",
            "HOME": str(folder),
            "PATH": os.defpath,
        }

    def clinicflow(self, *arguments: str, typed: str = "") -> str:
        """Run the command; end the check with what it said if it fails."""
        ran = subprocess.run(
            [self._command, *arguments],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=self._environment,
        )
        if ran.returncode:
            sys.exit(
                f"clinicflow {' '.join(arguments)}: exit {ran.returncode}\n"
                f"{ran.stdout}{ran.stderr}"
            )
        return ran.stdout

    def asked(self, *arguments: str) -> Any:
        """Run the command with ``--json`` and return what it answers."""
        return json.loads(self.clinicflow(*arguments, "--json"))

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the record meanwhile, and give the URL."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
        serving = subprocess.Popen(
            [self._command, "serve", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=self._environment,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            serving.terminate()
            serving.wait(30)

    def file(self, name: str, resource: dict[str, Any]) -> str:
        """Write *resource* as a file of one line and return its path."""
        path = self.folder / name
        path.write_text(json.dumps(resource) + "\n")
        return str(path)


def read(url: str) -> str:
    """Return what stands at *url*, as soon as it is served."""
    for _ in range(200):
        try:
            with urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except URLError:
            time.sleep(0.1)
    sys.exit(f"Nothing is served at {url}.")


def expect(met: bool, what: str) -> None:
    """End the check unless *met*."""
    if not met:
        sys.exit(f"The installed wheel fails: {what}.")


def main() -> None:
    """Go through it once."""
    home = Path(clinicflow_core.__file__)
    expect(home.is_relative_to(sys.prefix), f"it is not what runs, but {home}")
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))
        expect("agenda" in shell.clinicflow("--help"), "--help names no agenda")
        shell.clinicflow("db", "upgrade")
        shell.clinicflow(
            "init",
            *("--name", "Wheel Clinic", "--timezone", "Europe/Stockholm"),
            *("--email", "owner@example.org", "--password-stdin"),
            typed="a long enough passphrase\n",
        )
        doctors = shell.asked("doctor", "import", shell.file("doctors.ndjson", DOCTOR))
        expect(doctors["stored"] == 1, f"importing a doctor answers {doctors}")
        patients = shell.asked(
            "patient", "import", shell.file("patients.ndjson", PATIENT)
        )
        expect(patients["stored"] == 1, f"importing a patient answers {patients}")
        (doctor,) = shell.asked("doctor", "list")["items"]
        (patient,) = shell.asked("patient", "find", "Lindqvist")["items"]
        shell.clinicflow("doctor", "hours", doctor["id"], "monday", "09:00-17:00")
        booked = shell.asked(
            "book", doctor["id"], patient["id"], "--date", MONDAY, "--time", "10:00"
        )
        agenda = shell.clinicflow("agenda", "--date", MONDAY, "--json")
        expect(booked["id"] in agenda, "the agenda does not show what was booked")
        sent = shell.asked("intake", "send", patient["id"], "--questionnaire", "none")
        form = sent["form"]["id"]
        answers = json.dumps({"allergies": "penicillin gives me a rash"})
        shell.clinicflow("intake", "submit", form, typed=answers)
        shell.clinicflow("worker", "--once")
        summary = shell.asked("intake", "summary", form)
        expect(
            summary["allergies"] == ["penicillin (a rash)"],
            f"the summary says {summary['allergies']}",
        )
        demo = shell.clinicflow("demo", "--no-serve")
        expect("Error: The doctor has a visit" in demo, "the demo books twice")
        with shell.served() as url:
            page = read(f"{url}/sign-in")
            expect("<h1>Sign in</h1>" in page, f"the first page says {page}")
            for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
                expect(bool(read(url + asset)), f"{asset} is empty")
            expect("clinicflow.js" in page, "the pages come without their script")
    print("The installed wheel made a database, imported, booked, summarized, served.")


if __name__ == "__main__":
    main()
