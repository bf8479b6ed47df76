"""The clinic's day."""

from __future__ import annotations

from datetime import date

from attrs import field, frozen

from clinicflow_core.desk import schedule
from clinicflow_core.desk.schedule import Day
from clinicflow_core.entities.ids import DoctorId
from clinicflow_core.errors import InvalidError, NotFoundError
from clinicflow_core.ports import UnitOfWork
from clinicflow_flask.requests import ParameterError
from clinicflow_flask.routes import Route


@frozen(kw_only=True)
class WhichDay:
    """Whose day is asked for."""

    date: date | None = field(
        default=None, metadata={"description": "A local day; today without one."}
    )
    doctor_id: DoctorId | None = None


def _day(query: WhichDay, uow: UnitOfWork) -> Day:
    doctors = [] if query.doctor_id is None else [query.doctor_id]
    try:
        return schedule.day(query.date, doctors, uow)
    except InvalidError as error:
        raise ParameterError("query", error.problems) from None


ROUTES = (
    Route(
        "GET",
        "/api/schedule/day",
        _day,
        "Show a day: working hours and visits, doctor by doctor",
        refuses=(NotFoundError,),
    ),
)
