"""Visits that repeat."""

from __future__ import annotations

from clinicflow_core.desk import series
from clinicflow_core.entities.ids import SeriesId
from clinicflow_core.errors import NotFoundError, SeriesConflictError
from clinicflow_core.ports import UnitOfWork
from clinicflow_flask.routes import Route


def _cancel_all(series_id: SeriesId, uow: UnitOfWork) -> None:
    series.cancel(series_id, series.CancelSeries(), uow)


ROUTES = (
    Route(
        "POST",
        "/api/appointment-series",
        series.book,
        "Book visits that repeat, all or as many as can stand",
        status=201,
        refuses=(SeriesConflictError, NotFoundError),
        once=True,
    ),
    Route(
        "GET",
        "/api/appointment-series/{series_id}",
        series.get,
        "Show a series with its visits",
    ),
    Route(
        "DELETE",
        "/api/appointment-series/{series_id}",
        _cancel_all,
        "Cancel all visits of a series that are to come",
        status=204,
    ),
    Route(
        "POST",
        "/api/appointment-series/{series_id}/cancel",
        series.cancel,
        "Cancel the visits to come, from a day on or all, and keep why",
    ),
    Route(
        "POST",
        "/api/appointment-series/{series_id}/reschedule",
        series.change,
        "Move or change the visits to come, from a day on or all",
        refuses=(SeriesConflictError,),
    ),
)
