"""
Debian's Chromium, and clinics that are served to it.

Every test is watched: see `Faults`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clinicflow_core.clock import SystemClock
from tests.browser.clinics import serving_nobody, where_it_is_morning
from tests.browser.faults import Faults
from tests.browser.sites import CLINICFLOW, Site, environment, serving
from tests.builders import PASSWORD
from tests.cli.conftest import Shell

HERE = Path(__file__).parent

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
}
DARK = {"color_scheme": "dark"}
WITHOUT_JAVASCRIPT = {"java_script_enabled": False}

LOOKS = {
    "desktop": DESKTOP,
    "phone": PHONE,
    "desktop-dark": DESKTOP | DARK,
    "phone-dark": PHONE | DARK,
}
"""How each page is looked at; the names are those of the pictures."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No page is to need another machine; on this one none is asked.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
MILLISECONDS = 10_000
"""How long something may take to appear."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one for each worker of a parallel run."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    path = os.environ.get("CHROMIUM", found)
    assert path, "There is no Chromium: install it, or name it in CHROMIUM."
    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(autouse=True)
def faults() -> Iterator[Faults]:
    """What goes wrong in the test's browsers; nothing may."""
    faults = Faults()
    yield faults
    assert faults.take() == []


@pytest.fixture
def open_page(browser: Browser, faults: Faults) -> Iterator[Callable[..., Page]]:
    """
    Opens an empty page of somebody who was never here, on a desktop.

    Its options are those of Playwright's `Browser.new_context`, and come before ours.
    """
    with ExitStack() as contexts:

        def opened(**options: Any) -> Page:
            # The clock of the browser is not the clinic's: pages must not need it.
            ours = {"timezone_id": "Pacific/Auckland", "reduced_motion": "reduce"}
            context = browser.new_context(**(DESKTOP | ours | options))
            contexts.callback(context.close)
            context.set_default_timeout(MILLISECONDS)
            faults.watch(context)
            return context.new_page()

        yield opened


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """An empty page on a desktop, 1280 by 800."""
    return open_page()


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """An empty page on a phone, 360 by 740, with a touch screen."""
    return open_page(**PHONE)


@pytest.fixture
def plain_page(open_page: Callable[..., Page]) -> Page:
    """An empty page on a desktop that runs no script."""
    return open_page(**WITHOUT_JAVASCRIPT)


@pytest.fixture(params=LOOKS)
def look(request: pytest.FixtureRequest) -> str:
    """One of `LOOKS`, once each."""
    name: str = request.param
    return name


@pytest.fixture
def looked_at(look: str, open_page: Callable[..., Page]) -> Page:
    """An empty page, once in each look."""
    return open_page(**LOOKS[look])


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The demo's database around today, and what is told of it; not to be changed."""
    folder = tmp_path_factory.mktemp("demo")
    path = folder / "demo.db"
    made = subprocess.run(
        [
            *(*CLINICFLOW, "demo", "--no-serve", "--database", str(path), "--json"),
            *("--timezone", where_it_is_morning(SystemClock().now())),
        ],
        capture_output=True,
        check=False,
        env=environment(),
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr.decode()
    return path, json.loads(made.stdout)


@pytest.fixture(scope="session")
def demo(
    demo_file: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The demo's clinic, for everybody to look at and nobody to change."""
    yield from _served_copy(demo_file, tmp_path_factory.mktemp("looked-at"))


@pytest.fixture
def own_demo(demo_file: tuple[Path, dict[str, Any]], tmp_path: Path) -> Iterator[Site]:
    """The demo's clinic for one test, which may do with it what it likes."""
    yield from _served_copy(demo_file, tmp_path)


def _served_copy(
    demo_file: tuple[Path, dict[str, Any]], folder: Path, **settings: str
) -> Iterator[Site]:
    path, told = demo_file
    url = f"sqlite:///{shutil.copy(path, folder / 'served.db')}"
    with serving(url, folder, **settings) as root:
        yield Site(root, told["email"], told["password"], url)


@pytest.fixture
def new_clinic(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """A clinic that was founded a moment ago: nobody is in it but its owner."""
    email = "ines@harbour.example"
    Shell(None, sqlite_url).sets_up("Harbour Clinic", email)
    with serving(sqlite_url, tmp_path) as root:
        yield Site(root, email, PASSWORD, sqlite_url)


@pytest.fixture(scope="module")
def service(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address at which all clinics of a file are served; see `founded`."""
    with serving_nobody(migrated_sqlite, tmp_path_factory.mktemp("service")) as url:
        yield url
