"""Doctors and their hours."""

from __future__ import annotations

from uuid import UUID

from clinicflow_core.desk import calendars, doctors, policies
from clinicflow_core.entities.doctor import Doctor
from clinicflow_core.errors import (
    DoctorHasVisitsError,
    NotFoundError,
    StaleVersionError,
)
from clinicflow_core.ports import Page, UnitOfWork
from clinicflow_flask.paging import Listing, page_request
from clinicflow_flask.routes import Route


def _page(query: Listing, uow: UnitOfWork) -> Page[Doctor]:
    return doctors.page(page_request(query.limit, query.cursor, str, UUID), uow)


ROUTES = (
    Route("GET", "/api/doctors", _page, "List the doctors, by name"),
    Route(
        "POST",
        "/api/doctors",
        doctors.add,
        "Add a doctor",
        status=201,
        refuses=(NotFoundError,),
        once=True,
    ),
    Route("GET", "/api/doctors/{doctor_id}", doctors.get, "Show a doctor"),
    Route(
        "PATCH",
        "/api/doctors/{doctor_id}",
        doctors.change,
        "Change a doctor's details",
        refuses=(StaleVersionError,),
    ),
    Route(
        "DELETE",
        "/api/doctors/{doctor_id}",
        doctors.remove,
        "Remove a doctor who never had a visit",
        status=204,
        refuses=(DoctorHasVisitsError,),
    ),
    Route(
        "GET",
        "/api/doctors/{doctor_id}/hours",
        doctors.hours,
        "Show a doctor's weekly hours",
    ),
    Route(
        "PUT",
        "/api/doctors/{doctor_id}/hours",
        doctors.set_hours,
        "Replace a doctor's weekly hours",
        body_is="hours",
    ),
    Route(
        "GET",
        "/api/doctors/{doctor_id}/dated-hours",
        calendars.dated_hours,
        "List the days on which a doctor has other hours than the weekly ones",
    ),
    Route(
        "PUT",
        "/api/doctors/{doctor_id}/dated-hours",
        calendars.set_dated_hours,
        "Give one day other hours, or its weekly ones again",
        refuses=(StaleVersionError,),
    ),
    Route(
        "GET",
        "/api/doctors/{doctor_id}/time-off",
        calendars.time_off,
        "List a doctor's time off that is not over, by start",
    ),
    Route(
        "POST",
        "/api/doctors/{doctor_id}/time-off",
        calendars.take_time_off,
        "Take time off; the answer lists the visits that it leaves stranded",
        status=201,
        once=True,
    ),
    Route(
        "DELETE",
        "/api/doctors/{doctor_id}/time-off/{time_off_id}",
        calendars.give_time_off_back,
        "Remove time off",
        status=204,
    ),
    Route(
        "GET",
        "/api/doctors/{doctor_id}/scheduling-policy",
        policies.doctor_policy,
        "Show what a doctor asks for instead of the clinic's policy",
    ),
    Route(
        "PUT",
        "/api/doctors/{doctor_id}/scheduling-policy",
        policies.set_doctor_policy,
        "Replace what a doctor asks for instead of the clinic's policy",
        refuses=(StaleVersionError,),
    ),
)
