"""The clinic's days, and when doctors could see somebody."""

from __future__ import annotations

from datetime import date

from attrs import field, frozen

from clinicflow_core.desk import availability, schedule
from clinicflow_core.desk.schedule import Day, ScheduleWeek, StrandedVisit
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.errors import NotFoundError
from clinicflow_core.ports import Page, UnitOfWork
from clinicflow_flask.appointments import page_request_by_start
from clinicflow_flask.paging import Listing
from clinicflow_flask.routes import Route


@frozen(kw_only=True)
class WhichDay:
    """Whose day or week is asked for."""

    date: date | None = field(
        default=None, metadata={"description": "A local day; today without one."}
    )
    doctor_id: DoctorId | None = None

    @property
    def doctor_ids(self) -> list[DoctorId]:
        return [] if self.doctor_id is None else [self.doctor_id]


def _day(query: WhichDay, uow: UnitOfWork) -> Day:
    return schedule.day(query.date, query.doctor_ids, uow)


def _week(query: WhichDay, uow: UnitOfWork) -> ScheduleWeek:
    return schedule.week(query.date, query.doctor_ids, uow)


def _stranded(query: Listing, uow: UnitOfWork) -> Page[StrandedVisit]:
    return schedule.stranded(page_request_by_start(query.limit, query.cursor), uow)


ROUTES = (
    Route(
        "GET",
        "/api/schedule/day",
        _day,
        "Show a day: working hours, time off and visits, doctor by doctor",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/schedule/week",
        _week,
        "Show a week, from Monday to Sunday, as its days",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/schedule/availability",
        availability.openings,
        "Find all openings in some days, doctor by doctor",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/schedule/next",
        availability.next_openings,
        "Find the first openings over all or some doctors",
        refuses=(NotFoundError,),
    ),
    Route(
        "GET",
        "/api/schedule/stranded",
        _stranded,
        "List visits to come whose doctor is not there any more, by start",
    ),
)
