"""Pictures of the pages, for the documents."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
ASKED_FOR = "CLINICFLOW_SCREENSHOTS"


def shot(page: Page, name: str, *, whole: bool = False) -> None:
    """
    Save what *page* shows as ``docs/screenshots/NAME.png``, if it is asked for.

    It is by ``CLINICFLOW_SCREENSHOTS=1``: pictures belong to a day, so a run of the
    tests changes none.

    Args:
        whole: All of the page, and not only what fits into the window.
    """
    if os.environ.get(ASKED_FOR) != "1":
        return
    FOLDER.mkdir(exist_ok=True)
    page.screenshot(path=FOLDER / f"{name}.png", full_page=whole, animations="disabled")
