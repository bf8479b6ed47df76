"""The site: all pages in one table, and what each of them needs."""

from __future__ import annotations

from typing import Final

from flask import Flask

from clinicflow_core.ports import Store, Summarizer
from clinicflow_core.settings import Settings
from clinicflow_flask.pages import (
    choosing,
    dashboard,
    day,
    doctors,
    entrance,
    google,
    intake,
    patient_form,
    patients,
    questionnaires,
    settings,
    users,
    visits,
    waitlist,
)
from clinicflow_flask.pages.assets import add_assets
from clinicflow_flask.pages.browsers import add_browsers
from clinicflow_flask.pages.table import Page, add_pages

PAGES: Final[tuple[Page, ...]] = (
    *entrance.PAGES,
    *google.PAGES,
    *day.PAGES,
    *visits.PAGES,
    *choosing.PAGES,
    *patients.PAGES,
    *waitlist.PAGES,
    *intake.PAGES,
    *patient_form.PAGES,
    *dashboard.PAGES,
    *settings.PAGES,
    *doctors.PAGES,
    *users.PAGES,
    *questionnaires.PAGES,
)


def add_site(
    app: Flask, chosen: Settings, secret: str, store: Store, summarizer: Summarizer
) -> None:
    """Make *app* show the pages, to browsers that it knows by what *secret* signs."""
    app.config[intake.PUBLIC_URL] = chosen.public_url
    add_assets(app)
    add_browsers(app, chosen, secret)
    add_pages(app, PAGES, store, summarizer)
