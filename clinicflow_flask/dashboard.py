"""How the clinic's day goes, what some days came to, and what happened last."""

from __future__ import annotations

from uuid import UUID

from clinicflow_core.csv_text import csv_text
from clinicflow_core.desk import activity, counting
from clinicflow_core.desk.activity import Happening
from clinicflow_core.desk.counting import FiguresRequest
from clinicflow_core.desk.today import tell_today
from clinicflow_core.errors import NotFoundError
from clinicflow_core.figures.table import rows
from clinicflow_core.ports import Page, UnitOfWork
from clinicflow_flask.answers import CsvFile
from clinicflow_flask.paging import Listing, page_request
from clinicflow_flask.routes import Route


def figures_as_csv(query: FiguresRequest, uow: UnitOfWork) -> CsvFile:
    """Return the figures of some days as a file, as `figures.table.rows` has them."""
    found = counting.figures(query, uow)
    return CsvFile(f"figures-{found.from_}-{found.to}.csv", csv_text(rows(found)))


def _activity(query: Listing, uow: UnitOfWork) -> Page[Happening]:
    return activity.page(page_request(query.limit, query.cursor, UUID), uow)


ROUTES = (
    Route(
        "GET",
        "/api/dashboard/today",
        tell_today,
        "Tell how the clinic's day goes",
    ),
    Route(
        "GET",
        "/api/dashboard/figures",
        counting.figures,
        "Count what some days came to: in all, by doctor, weekday, hour and day",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/dashboard/figures.csv",
        figures_as_csv,
        "Save the same as a table, with a row for each figure of each group",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/dashboard/activity",
        _activity,
        "List what happened last, newest first",
    ),
)
