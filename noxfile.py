"""
ClinicFlow's checks; `nox` runs them all, `nox -s quick` the fast tests alone.

Each session's docstring says which question it answers. The tested set of
libraries stands in `constraints.txt`, the lowest allowed ones in
`pyproject.toml`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.sessions = [
    "lint",
    "types",
    "contracts",
    "bare",
    "tests",
    "wheel",
    "docs",
    "browser",
    "lowest",
]

ROOT = Path(__file__).parent
TESTED = ("-c", str(ROOT / "constraints.txt"))
APART = ("--ignore=tests/docs", "--ignore=tests/browser")
SHORT = ("-m", "not slow and not races", *APART, "-n", "2")
LONG = ("-m", "slow or races or hypothesis", *APART, "-n", "2")
ONLY_THERE = ("tests/contract/test_jobs.py", "tests/sql/test_drift.py")
"""Whose long tests reach branches of the core that no short one does."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def tools(*groups: str) -> tuple[str, ...]:
    """Return what the dependency groups of `pyproject.toml` ask for."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    return nox.project.dependency_groups(project, *groups)


def install_all(session: nox.Session, *groups: str) -> None:
    """Install the checkout itself with all extras, and the tools of *groups*."""
    session.install("-e", ".[all]", *tools(*groups), *TESTED)


@nox.session
def quick(session: nox.Session) -> None:
    """Is my last change all right, as far as the stores in memory can tell?"""
    install_all(session, "test")
    session.run(
        "pytest", *SHORT, "-k", "not postgresql and not sqlite", *session.posargs
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Do all suites hold, and do they reach every branch of the core?"""
    install_all(session, "test")
    if session.posargs:
        session.run("pytest", *APART, "-n", "2", *session.posargs)
        return
    # Counting branches doubles the time, and what takes long reaches few more of them.
    session.run("coverage", "erase")
    counted = ("coverage", "run", "-m", "pytest")
    session.run(*counted, *SHORT)
    session.run(*counted, "-m", "slow or races", *ONLY_THERE)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    session.run("pytest", *LONG, "--hypothesis-profile=ci")


@nox.session
def lint(session: nox.Session) -> None:
    """Does the code read as agreed?"""
    session.install(*tools("quality"), *TESTED)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Do the parts fit together, by their types?"""
    install_all(session, "quality", "test")
    session.run("mypy")


@nox.session
def contracts(session: nox.Session) -> None:
    """Does each module import only what its floor may know?"""
    session.install(*tools("quality"), *TESTED)
    session.run("lint-imports")


@nox.session
def bare(session: nox.Session) -> None:
    """Does the core stand on its seven libraries alone?"""
    session.install(".", *TESTED)
    with session.chdir(session.create_tmp()):
        session.run("python", "-I", str(ROOT / "tests" / "bare_install.py"))


@nox.session
def wheel(session: nox.Session) -> None:
    """Does what we would publish work without the checkout?"""
    session.install(*tools("build"), *TESTED)
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder / "dist"))
    (built,) = (folder / "dist").glob("*.whl")
    clean = folder / "clean"
    session.run("python", "-m", "venv", "--clear", str(clean))
    python = str(clean / "bin" / "python")
    # As a user would, with pip alone.
    session.run(
        *(python, "-m", "pip", "install", "-qq", f"{built}[all]", *TESTED),
        external=True,
    )
    with session.chdir(folder):
        session.run(
            *(python, "-I", str(ROOT / "tests" / "installed_wheel.py")), external=True
        )


@nox.session
def migrations(session: nox.Session) -> None:
    """Can a database be taken up, checked, down and up again?"""
    install_all(session, "test")
    session.run("pytest", "tests/sql/test_migrations.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Does everything that the documents show really run?"""
    install_all(session, "test")
    session.run("pytest", "-n", "2", "tests/docs", *session.posargs)


@nox.session
def browser(session: nox.Session) -> None:
    """Do people get through their work in a real browser?"""
    chromium = find_chromium() or install_chromium(session)
    install_all(session, "test", "browser")
    session.run(
        *("pytest", "-n", "2", "--dist", "loadfile", "tests/browser"),
        *session.posargs,
        env={"CHROMIUM": chromium},
    )


def find_chromium() -> str | None:
    """Return the Chromium that `CHROMIUM` names, or else the one on the path."""
    names = filter(None, (os.environ.get("CHROMIUM"), *CHROMIUM))
    return next(filter(None, map(shutil.which, names)), None)


def install_chromium(session: nox.Session) -> str:
    """Install Debian's Chromium, where that is ours to do, and return it."""
    apt = ("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0")
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        session.run(*apt, "update", external=True)
        session.run(
            *(*apt, "install", "--yes", "--no-install-recommends"),
            *("chromium", "fonts-dejavu-core"),
            env=quiet,
            external=True,
        )
    return find_chromium() or session.error(
        "There is no Chromium: install it (Debian: apt-get install chromium), "
        "or name it in CHROMIUM."
    )


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Are the lowest versions that `pyproject.toml` allows really enough?"""
    session.install(
        *("-r", "pyproject.toml", "--all-extras", "--resolution", "lowest-direct")
    )
    # The tools are not the question: those of the tested set, where they fit.
    session.install(*tools("test"))
    session.install("--no-deps", "-e", ".")
    session.run("pytest", *SHORT, *session.posargs)
